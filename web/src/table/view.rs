//! A table as its template shows it.

use askama::Template;

use super::{Bar, Cell, Column, PAGE_ROWS, Spark, Table};
use crate::context::Context;
use crate::error::PageError;
use crate::lens::{Lens, TableState};
use crate::words;

/// One table, ready to be placed in a page.
#[derive(Template)]
#[template(path = "component/table.html")]
pub struct TableView {
    pub id: &'static str,
    pub caption: String,
    pub empty: String,
    pub heads: Vec<Head>,
    pub rows: Vec<Vec<CellView>>,
    pub foot: Vec<CellView>,
    /// How many rows of how many.
    pub count: String,
    pub csv: String,
    pub action: String,
    pub search: String,
    /// Whether there is enough to search in, or a search to undo.
    pub searchable: bool,
    pub clear: String,
    pub hidden: Vec<(&'static str, String)>,
    pub pager: Option<Pager>,
    /// Whether the URL speaks of this table.
    pub active: bool,
}

/// One head, which sorts.
pub struct Head {
    pub label: String,
    pub href: String,
    /// Value of `aria-sort`; empty where the table is sorted by another column.
    pub sorted: &'static str,
    pub class: String,
}

/// One cell.
pub struct CellView {
    pub class: String,
    pub text: String,
    /// Whether it is words, which may be broken after separators.
    pub breaks: bool,
    pub href: Option<String>,
    pub title: Option<String>,
    pub swatch: Option<String>,
    pub bar: Option<Bar>,
    pub spark: Option<Spark>,
}

/// Which page of rows this is.
pub struct Pager {
    pub text: String,
    pub previous: Option<String>,
    pub next: Option<String>,
}

/// Rows fewer than this are seen at a glance.
const SEARCH_FROM: usize = 8;

/// The view of an arranged table, `all` being its rows before the search; `cut` how many were
/// found where its rows are one page of them.
pub fn of(
    context: &Context<'_>,
    table: Table,
    all: usize,
    state: &TableState,
    cut: Option<usize>,
) -> Result<TableView, PageError> {
    let found = cut.unwrap_or(table.rows.len());
    let skipped = |page: usize| if cut.is_some() { 0 } else { (page - 1) * PAGE_ROWS };
    let pages = found.div_ceil(PAGE_ROWS).max(1);
    let page = state.page.max(1);
    if page > pages {
        let message =
            format!("this table has {}: use 1 to {pages}", words::plural(pages as i64, "page", "pages"));
        return Err(PageError::BadRequest(vec![message]));
    }
    let base = Lens {
        table: TableState { table: Some(table.id.to_owned()), page: 0, csv: false, ..state.clone() },
        ..context.lens.clone()
    };
    let url = |change: &dyn Fn(&mut TableState)| {
        let mut lens = base.clone();
        change(&mut lens.table);
        format!("{}#{}", lens.url(&context.path), table.id)
    };
    let sorted = state.sort.as_ref().map_or(table.sort, |(key, down)| (key.as_str(), *down));
    let heads = table
        .columns
        .iter()
        .filter(|column| !column.exported)
        .map(|column| {
            let current = sorted.0 == column.key;
            let down = if current { !sorted.1 } else { column.numeric };
            Head {
                label: column.head.clone(),
                href: url(&|state| state.sort = Some((column.key.to_owned(), down))),
                sorted: match (current, sorted.1) {
                    (false, _) => "",
                    (true, true) => "descending",
                    (true, false) => "ascending",
                },
                class: class(column),
            }
        })
        .collect();
    let cells = |row: &Vec<Cell>| -> Vec<CellView> {
        row.iter()
            .zip(&table.columns)
            .filter(|(_, column)| !column.exported)
            .map(|(cell, column)| cell_view(context, cell, column))
            .collect()
    };
    let noun = |n: usize| if n == 1 { table.noun.0 } else { table.noun.1 };
    let number = |n: usize| reports::format::count(n as i64);
    let mut hidden = base.pairs();
    hidden.retain(|(key, _)| !matches!(*key, "q" | "page" | "format"));
    Ok(TableView {
        heads,
        rows: table.rows.iter().skip(skipped(page)).take(PAGE_ROWS).map(cells).collect(),
        foot: table.foot.as_ref().map(cells).unwrap_or_default(),
        count: if found == all {
            format!("{} {}", number(all), noun(all))
        } else {
            format!("{} of {} {}", number(found), number(all), noun(all))
        },
        csv: base_csv(&base, context),
        action: format!("{}#{}", context.path.encoded(), table.id),
        search: state.search.clone().unwrap_or_default(),
        searchable: all >= SEARCH_FROM || state.search.is_some(),
        clear: url(&|state| state.search = None),
        hidden,
        pager: (pages > 1).then(|| Pager {
            text: format!("Page {} of {}", number(page), number(pages)),
            previous: (page > 1).then(|| url(&|state| state.page = page - 1)),
            next: (page < pages).then(|| url(&|state| state.page = page + 1)),
        }),
        active: context.lens.table.table.as_deref() == Some(table.id),
        empty: if all > 0 {
            format!("None of the {} {} matches.", number(all), noun(all))
        } else {
            table.empty
        },
        caption: table.caption,
        id: table.id,
    })
}

fn base_csv(base: &Lens, context: &Context<'_>) -> String {
    let mut lens = base.clone();
    lens.table.csv = true;
    lens.url(&context.path)
}

fn class(column: &Column) -> String {
    let mut class = if column.numeric { "num".to_owned() } else { "txt".to_owned() };
    if column.wide {
        class.push_str(" wide");
    }
    if column.narrow {
        class.push_str(" narrow");
    }
    class
}

fn cell_view(context: &Context<'_>, cell: &Cell, column: &Column) -> CellView {
    let mut class = class(column);
    let mut swatch = None;
    match cell {
        Cell::Tone { tone, .. } => class = format!("{class} tone-{tone}"),
        Cell::Swatch { class, .. } => swatch = Some(class.clone()),
        Cell::Day { .. } => class = format!("{class} day"),
        _ => {}
    }
    CellView {
        class,
        text: cell.shown(context.scope.currency, context.zone()),
        breaks: cell.is_text() && !column.numeric,
        href: cell.href().map(str::to_owned),
        title: cell.precise(context.scope.currency),
        swatch,
        bar: cell.bar(),
        spark: cell.spark(),
    }
}
