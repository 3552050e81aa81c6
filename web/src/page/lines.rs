//! The bill lines of one charge: the end of every way down.

use askama::Template;
use attribution::mart::BillLine;
use axum::extract::{Path as Segment, RawQuery};
use axum::response::Response;
use model::{Amount, Basis};

use super::answer;
use crate::context::Context;
use crate::error::PageError;
use crate::layout::{Anchor, Shell};
use crate::link::Path;
use crate::sentence::Sentence;
use crate::state::Visit;
use crate::table::{self, Cell, Shown, Table, TableView};
use crate::words;

#[derive(Template)]
#[template(path = "explain/lines.html")]
struct Lines {
    shell: Shell,
    sentence: Sentence,
    lines: TableView,
}

pub async fn lines(visit: Visit, Segment(group): Segment<String>, query: RawQuery) -> Response {
    let path = Path::new(["explain", &group]);
    answer(visit, path, query, move |context| build(context, &group)).await
}

fn build(context: &Context<'_>, group: &str) -> Result<Response, PageError> {
    let lines = context.mart.bill_lines([group], context.lens.basis)?.remove(group).unwrap_or_default();
    if lines.is_empty() {
        let back = context.lens.page().url(&Path::new(["explain"]));
        return Err(PageError::NotFound {
            what: "charge",
            id: group.to_owned(),
            why: None,
            ways_out: vec![("Explain the figures of these days".to_owned(), back)],
        });
    }
    let [view] = match context.tables([table(context, &lines)])? {
        Shown::Page(views) => views,
        Shown::Csv(csv) => return Ok(csv),
    };
    let part: Amount = lines.iter().map(|line| line.part_cost).sum();
    let sentence = Sentence::default()
        .say("This charge is ")
        .figure(context.money(part))
        .say(" of ")
        .figure(words::plural(lines.len() as i64, "bill line", "bill lines"))
        .say(".")
        .note(format!(
            "{} cost, {}. A line that covers several hours or days is cut over them; “In this charge” is the piece of it meant here.",
            words::capital(context.lens.basis.name()),
            context.scope.currency
        ));
    let crumbs =
        vec![Anchor { label: "Explain".to_owned(), href: context.lens.page().url(&Path::new(["explain"])) }];
    let shell = Shell::of(context, "Bill lines", crumbs);
    context.page(&Lines { shell, sentence, lines: view })
}

fn table(context: &Context<'_>, lines: &[BillLine]) -> Table {
    let currency = context.scope.currency;
    let cost = |line: &BillLine, basis| match basis {
        Basis::Billed => line.billed_cost,
        Basis::Effective => line.effective_cost,
        Basis::List => line.list_cost,
        Basis::Contracted => line.contracted_cost,
    };
    let mut columns = vec![
        table::text("file", "File"),
        table::number("line", "Row"),
        table::number("from", "From"),
        table::number("to", "To").exported(),
        table::text("description", "Description"),
        table::text("line_item_type", "Type").exported(),
        table::text("usage_type", "Usage type").wide(),
        table::number("quantity", "Quantity").wide(),
        table::text("unit", "Unit").wide(),
    ];
    columns.extend(Basis::ALL.map(|basis| {
        {
            let column =
                table::number(basis.name(), format!("{} ({currency})", words::capital(basis.name()))).wide();
            // The rest of the four is one download away, and the page has room for two.
            if matches!(basis, Basis::List | Basis::Contracted) { column.exported() } else { column }
        }
    }));
    columns.push(table::number("in_this_charge", format!("In this charge ({currency})")));
    columns.push(table::text("source", "Source").exported());
    columns.push(table::text("path", "Path").exported());
    let row = |line: &BillLine| {
        let mut cells = vec![
            // Where files lie is the business of who may read them: the page names the file.
            Cell::text(format!("{}: {}", line.source, file_name(&line.source_file))),
            Cell::Count(line.source_line),
            Cell::At(line.charge_period_start),
            Cell::At(line.charge_period_end),
            Cell::maybe(line.description.as_deref()),
            Cell::maybe(line.line_item_type.as_deref()),
            Cell::maybe(line.usage_type.as_deref()),
            line.quantity.map_or(Cell::Nothing, Cell::Quantity),
            Cell::maybe(line.unit.as_deref()),
        ];
        // Here every digit counts: these are the bill's own figures.
        cells.extend(Basis::ALL.map(|basis| Cell::Exact(cost(line, basis))));
        cells.push(Cell::Exact(line.part_cost));
        cells.extend([Cell::text(line.source.as_str()), Cell::text(line.source_file.as_str())]);
        cells
    };
    let sum = |cost: &dyn Fn(&BillLine) -> Amount| Cell::Exact(lines.iter().map(cost).sum());
    let mut foot = vec![Cell::text("Total")];
    foot.extend((0..8).map(|_| Cell::Nothing));
    foot.extend(Basis::ALL.map(|basis| sum(&|line| cost(line, basis))));
    foot.push(sum(&|line| line.part_cost));
    foot.extend([Cell::Nothing, Cell::Nothing]);
    Table {
        id: "lines",
        caption: "Bill lines".to_owned(),
        noun: ("line", "lines"),
        columns,
        rows: lines.iter().map(row).collect(),
        foot: Some(foot),
        sort: ("line", false),
        empty: String::new(),
    }
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
