//! Explain: a figure opened down to its parts, each with its rule, its arithmetic and the
//! bill lines behind it.

use std::collections::BTreeMap;

use askama::Template;
use attribution::mart::{Dimension, ExplainPart, NONE, SpreadPart};
use axum::extract::RawQuery;
use axum::response::Response;
use model::{Amount, Currency};
use reports::explained::Explained;

use super::answer;
use super::explain_parts::{MOST_DOWNLOADED, explained};
use crate::context::{Context, only};
use crate::error::PageError;
use crate::layout::{Anchor, Shell};
use crate::lens::{Lens, TableState};
use crate::link::Path;
use crate::method;
use crate::sentence::{self, Sentence};
use crate::state::Visit;
use crate::table::{self, Cell, Shown, Table, TableView};
use crate::words;

#[derive(Template)]
#[template(path = "explain/explain.html")]
struct Explain {
    shell: Shell,
    sentence: Sentence,
    /// What the figure is restricted to, each with the link that lifts it.
    restrictions: Vec<(String, Anchor)>,
    /// Whether the parts add up to the figure asked of the mart on its own.
    sums: bool,
    sum: String,
    methods: TableView,
    parts: TableView,
    /// What the view spreads, and the charges that is of; absent where it spreads nothing of
    /// the figure.
    spread: Option<(TableView, TableView)>,
    /// Where this figure is compared with what was published earlier, for who sees all of it.
    compared: Option<String>,
}

pub async fn explain(visit: Visit, query: RawQuery) -> Response {
    answer(visit, Path::new(["explain"]), query, build).await
}

fn build(context: &Context<'_>) -> Result<Response, PageError> {
    let filters = context.lens.filters.clone();
    let query = context.query(&[], &filters);
    let Explained { totals, parts, spread, wholes, left_out, methods: found, .. } =
        explained(context, &query)?;
    let (rest, of_rest) =
        left_out.values().fold((0, Amount::ZERO), |sum, rest| (sum.0 + rest.0, sum.1 + rest.1));
    let total: Amount = totals.iter().map(|row| row.cost).sum();
    let of_atoms: Amount = parts.iter().map(|part| part.cost).sum();
    let of_spread: Amount = spread.iter().map(|part| part.cost).sum();
    let sum = of_atoms + of_spread + of_rest;
    let all = (parts.len() + spread.len()) as i64 + rest;
    let tables = [
        part_table(context, &parts, of_atoms, rest),
        methods(context, &found, sum, all),
        spread_table(context, &spread, of_spread),
        whole_table(context, &wholes),
    ];
    let [part_view, methods, spread_view, whole_view] = match context.tables(tables)? {
        Shown::Page(views) => views,
        Shown::Csv(csv) => return Ok(csv),
    };
    let subject = if filters.is_empty() && context.lens.team.is_none() { "The platform" } else { "This" };
    let groups: std::collections::BTreeSet<&str> =
        parts.iter().chain(wholes.values().flatten()).map(|part| part.charge_group_id.as_str()).collect();
    let sentence = sentence::cost(context, subject, total)
        .say(": the sum of ")
        .figure(words::plural(all, "part", "parts"))
        .say(match rest {
            0 => format!(" of {}.", words::plural(groups.len() as i64, "charge", "charges")),
            _ => ".".to_owned(),
        })
        .note(format!(
            "{}. A charge is what one resource was billed in one hour or day. Open a part to see the bill lines of its charge.",
            words::capital(&context.terms())
        ));
    let shell = Shell::of(context, "Explain", vec![]).filtered(context, true);
    context.page(&Explain {
        shell,
        sentence,
        restrictions: restrictions(context),
        sums: sum == total,
        sum: format!("{sum} {}", context.scope.currency),
        methods,
        parts: part_view,
        spread: (!spread.is_empty()).then_some((spread_view, whole_view)),
        compared: context.mart.reach().is_whole().then(|| context.lens.page().url(&Path::new(["compare"]))),
    })
}

/// What the lens restricts a figure to, each with the link that lifts it.
pub fn restrictions(context: &Context<'_>) -> Vec<(String, Anchor)> {
    let lens = context.lens.page();
    let lifted = |lens: Lens, what: &str| Anchor {
        label: format!("Lift the restriction to {what}"),
        href: lens.url(&context.path),
    };
    let mut all = Vec::new();
    if let Some(team) = &lens.team {
        let what = format!("team: {}", context.with_teams(team));
        all.push((what.clone(), lifted(Lens { team: None, ..lens.clone() }, &what)));
    }
    for (i, filter) in lens.filters.iter().enumerate() {
        let mut without = lens.clone();
        without.filters.remove(i);
        let what = format!("{}: {}", filter.dimension, filter.value);
        all.push((what.clone(), lifted(without, &what)));
    }
    all
}

fn methods(
    context: &Context<'_>,
    found: &BTreeMap<(String, Currency), (i64, Amount)>,
    total: Amount,
    all: i64,
) -> Table {
    let row = |((name, _), (count, cost)): (&(String, Currency), &(i64, Amount))| {
        let filters = crate::chart::with(&context.lens.filters, only(Dimension::Method, name));
        vec![
            Cell::text(method::title(name)),
            Cell::text(method::formula(name).unwrap_or_default()),
            Cell::Count(*count),
            Cell::MoneyLink { amount: *cost, href: context.explain(&filters) },
            Cell::Share { part: *cost, whole: total, class: "share" },
        ]
    };
    let columns = vec![
        table::text("method", "Method"),
        table::text("formula", "Formula").wide(),
        table::number("parts", "Parts"),
        table::number("cost", format!("Cost ({})", context.scope.currency)),
        table::number("share", "Of the figure").derived(),
    ];
    let foot = table::foot(&columns, [("parts", Cell::Count(all)), ("cost", Cell::Money(total))]);
    Table {
        id: METHODS,
        caption: "How the parts were found".to_owned(),
        noun: ("method", "methods"),
        columns,
        rows: found.iter().map(row).collect(),
        foot: Some(foot),
        sort: ("cost", true),
        empty: "No part matches; lift a restriction or choose other days.".to_owned(),
    }
}

fn part_table(context: &Context<'_>, parts: &[ExplainPart], total: Amount, rest: i64) -> Table {
    let currency = context.scope.currency;
    let caption = match rest {
        0 => "Parts, and the charges they are of".to_owned(),
        _ if parts.len() as i64 + rest > MOST_DOWNLOADED as i64 => format!(
            "The largest {}, and the charges they are of; {} more are too many for a CSV",
            words::plural(parts.len() as i64, "part", "parts"),
            reports::format::count(rest)
        ),
        _ => format!(
            "The largest {}, and the charges they are of; {} more are in the CSV",
            words::plural(parts.len() as i64, "part", "parts"),
            reports::format::count(rest)
        ),
    };
    let columns = vec![
        table::text("service", "Charge"),
        table::number("start", "Hour or day").wide(),
        table::text("went_to", "Went to"),
        table::text("team", "Team, by rule").wide(),
        table::text("arithmetic", "Arithmetic").wide(),
        table::number("charge", format!("Charge ({currency})")).wide(),
        table::number("cost", format!("Part ({currency})")),
        table::text("formula", "Formula").exported(),
        table::text("method", "Method").exported(),
        table::text("category", "Category").exported(),
        table::text("pool", "Pool").exported(),
        table::text("run", "Run").exported(),
        table::text("table", "Table").exported(),
        table::text("consumer", "Consumer").exported(),
        table::text("cluster", "Cluster").exported(),
        table::number("weight", "Weight").exported(),
        table::number("weight_total", "All weights").exported(),
        table::text("charge_group", "Charge").exported(),
    ];
    let foot = table::foot(
        &columns,
        [
            ("service", Cell::text(if rest == 0 { "All parts" } else { "These parts" })),
            ("cost", Cell::Exact(total)),
        ],
    );
    Table {
        id: "parts",
        caption,
        noun: ("part", "parts"),
        columns,
        rows: parts.iter().map(|part| part_row(context, part)).collect(),
        foot: Some(foot),
        sort: ("cost", true),
        empty: "No part matches; lift a restriction or choose other days.".to_owned(),
    }
}

/// What the view spreads; the charges of each whole stand in a table of their own.
fn spread_table(context: &Context<'_>, spread: &[SpreadPart], total: Amount) -> Table {
    let currency = context.scope.currency;
    let row = |part: &SpreadPart| {
        let table = TableState {
            table: Some(WHOLES.to_owned()),
            search: Some(part.whole_id.clone()),
            ..TableState::default()
        };
        let whole = Lens { table, ..context.lens.page() };
        let subject = part.cluster_id.as_deref().unwrap_or(part.pool.as_str());
        vec![
            Cell::link(
                format!("{} · {} · {subject}", part.category.name(), part.service),
                format!("{}#{WHOLES}", whole.url(&context.path)),
            ),
            part.day.parse().map_or(Cell::Nothing, |day| Cell::Day { day, href: None }),
            Cell::maybe(part.workload.as_deref()),
            Cell::maybe(part.team.as_deref()),
            Cell::text(arithmetic(&part.formula)),
            Cell::Exact(part.whole),
            Cell::Exact(part.cost),
            Cell::text(part.formula.as_str()),
            Cell::text(part.method.as_str()),
            Cell::Count(part.weight),
            Cell::Count(part.weight_total),
            Cell::text(part.whole_id.as_str()),
        ]
    };
    let columns = vec![
        table::text("whole_of", "Spread"),
        table::text("day", "Day").wide(),
        table::text("workload", "Workload"),
        table::text("team", "Team").wide(),
        table::text("arithmetic", "Arithmetic").wide(),
        table::number("spread_cost", format!("Spread in all ({currency})")).wide(),
        table::number("cost", format!("Part ({currency})")),
        table::text("formula", "Formula").exported(),
        table::text("method", "Method").exported(),
        table::number("weight", "Weight").exported(),
        table::number("weight_total", "All weights").exported(),
        table::text("whole", "Whole").exported(),
    ];
    let foot = table::foot(&columns, [("whole_of", Cell::text("All parts")), ("cost", Cell::Exact(total))]);
    Table {
        id: "spread",
        caption: "Parts that this view spreads".to_owned(),
        noun: ("part", "parts"),
        columns,
        rows: spread.iter().map(row).collect(),
        foot: Some(foot),
        sort: ("cost", true),
        empty: String::new(),
    }
}

/// The table of how parts were found, in the URL.
pub const METHODS: &str = "methods";

/// The table of the charges that the view spreads, in the URL.
const WHOLES: &str = "wholes";

/// The charges that the view spreads: each whole is the sum of its rows.
fn whole_table(context: &Context<'_>, wholes: &BTreeMap<String, Vec<ExplainPart>>) -> Table {
    let currency = context.scope.currency;
    let row = |(id, part): (&String, &ExplainPart)| {
        let lines = context.lens.page().url(&Path::new(["explain", &part.charge_group_id]));
        vec![
            Cell::text(id.as_str()),
            Cell::link(charge(part), lines),
            Cell::At(part.bucket_start),
            Cell::maybe(part.cluster_id.as_deref()),
            owner(part),
            Cell::text(arithmetic(&part.formula)),
            Cell::Exact(part.group_cost),
            Cell::Exact(part.cost),
            Cell::text(part.formula.as_str()),
            Cell::text(part.method.as_str()),
            Cell::text(part.charge_group_id.as_str()),
        ]
    };
    Table {
        id: WHOLES,
        caption: "Charges that this view spreads".to_owned(),
        noun: ("charge", "charges"),
        columns: vec![
            table::text("whole", "Of"),
            table::text("service", "Charge"),
            table::number("start", "Hour or day").wide(),
            // Which of them is meant, the part that is spread says already.
            table::text("cluster", "Cluster").exported(),
            table::text("team", "Team, by rule").exported(),
            table::text("arithmetic", "Arithmetic").wide(),
            table::number("charge", format!("Charge ({currency})")).wide(),
            table::number("cost", format!("Spread of it ({currency})")),
            table::text("formula", "Formula").exported(),
            table::text("method", "Method").exported(),
            table::text("charge_group", "Charge").exported(),
        ],
        rows: wholes
            .iter()
            .flat_map(|(id, parts)| parts.iter().map(move |part| (id, part)))
            .map(row)
            .collect(),
        foot: None,
        sort: ("cost", true),
        empty: String::new(),
    }
}

/// A charge: its service, usage type and resource.
fn charge(part: &ExplainPart) -> String {
    std::iter::once(part.service.as_str())
        .chain(part.usage_type.as_deref())
        .chain(part.resource_id.as_deref())
        .collect::<Vec<_>>()
        .join(" · ")
}

/// Whose a part is, and what says so.
fn owner(part: &ExplainPart) -> Cell {
    match (&part.team, &part.owner_rule) {
        (Some(team), Some(rule)) => Cell::text(format!("{team}, by {rule}")),
        (Some(team), None) => Cell::text(team.as_str()),
        (None, _) => Cell::Nothing,
    }
}

fn part_row(context: &Context<'_>, part: &ExplainPart) -> Vec<Cell> {
    let lines = context.lens.page().url(&Path::new(["explain", &part.charge_group_id]));
    vec![
        Cell::link(charge(part), lines),
        Cell::At(part.bucket_start),
        went_to(context, part),
        owner(part),
        Cell::text(arithmetic(&part.formula)),
        // Parts are often below a cent: here every digit counts.
        Cell::Exact(part.group_cost),
        Cell::Exact(part.cost),
        Cell::text(part.formula.as_str()),
        Cell::text(part.method.as_str()),
        Cell::text(part.category.name()),
        Cell::text(part.pool.as_str()),
        Cell::maybe(part.run_id.as_deref()),
        Cell::maybe(part.table_id.as_deref()),
        Cell::maybe(part.consumer.as_deref()),
        Cell::maybe(part.cluster_id.as_deref()),
        Cell::Count(part.weight),
        Cell::Count(part.weight_total),
        Cell::text(part.charge_group_id.as_str()),
    ]
}

/// The numbers of a formula alone, where words say the same for every part of a method:
/// those stand once above, and whole in the CSV.
fn arithmetic(formula: &str) -> &str {
    formula
        .rsplit_once(": ")
        .map(|(_, numbers)| numbers)
        .filter(|numbers| numbers.contains(" x "))
        .unwrap_or(formula)
}

/// The most telling thing a part went to.
fn went_to(context: &Context<'_>, part: &ExplainPart) -> Cell {
    let named = |id: &Option<String>| id.clone().filter(|id| id != NONE);
    if let Some(run) = named(&part.run_id) {
        return match named(&part.workload) {
            Some(workload) => {
                Cell::link(format!("{workload} ({run})"), context.entity("workloads", &workload))
            }
            None => Cell::text(run),
        };
    }
    let category = part.category.name();
    if let Some(table) = named(&part.table_id) {
        return Cell::link(format!("{category}: {table}"), context.entity("tables", &table));
    }
    if let Some(consumer) = named(&part.consumer) {
        return Cell::text(format!("{}: {consumer}", part.consumer_kind.as_deref().unwrap_or("consumer")));
    }
    match named(&part.cluster_id) {
        Some(cluster) => Cell::link(format!("{category}: {cluster}"), context.entity("clusters", &cluster)),
        None => Cell::text(category),
    }
}
