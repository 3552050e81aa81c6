//! What one table costs: what is part of its total, what stands beside, for whom and made of what.

use attribution::mart::{Dimension, Filter, LineageRow, NONE, ReaderRow, TableCost};
use chrono::NaiveDate;
use model::{Amount, Category};

use super::{Fact, fact};
use crate::chart;
use crate::context::{Context, only};
use crate::error::PageError;
use crate::parts::Parts;
use crate::table::{self, Cell, Table};

/// Rows of a table's parts that can be told of some teams: what of it they bear, and their reads.
const TEAMS_ROWS: usize = 4;

/// Whether a page shows but the part of a table that some teams bear: others' reads and the tables
/// it is made of then stand in no ratio to it.
pub fn is_part(context: &Context<'_>) -> bool {
    context.lens.team.is_some() || !context.mart.reach().is_whole()
}

/// The cost of the whole table cut down to what the page's headline is of: these parts of it, and
/// these readers.
pub fn left(
    context: &Context<'_>,
    whole: Option<TableCost>,
    filters: &[Filter],
    parts: &Parts,
    readers: &[ReaderRow],
) -> Result<Option<TableCost>, PageError> {
    let Some(whole) = whole.filter(|_| !is_part(context) || !parts.total().is_zero() || !readers.is_empty())
    else {
        return Ok(None);
    };
    let maintaining = context.mart.table_maintenance(&whole.table_id)?;
    let mut maintain = Amount::ZERO;
    if !maintaining.is_empty() {
        let of_runs = chart::with(filters, only(Dimension::Category, Category::Usage.name()));
        let runs = context.by(Dimension::Run, &of_runs)?;
        maintain = runs.iter().filter(|(run, _)| maintaining.contains(*run)).map(|(_, cost)| *cost).sum();
    }
    let usage = parts.get(Category::Usage);
    Ok(Some(TableCost {
        storage: parts.total() - usage,
        produce: usage - maintain,
        maintain,
        read: readers.iter().map(|reader| reader.cost).sum(),
        ..whole
    }))
}

/// What a table costs for one of what it is good for; nothing of a part of its cost.
pub fn unit_facts(context: &Context<'_>, cost: &TableCost) -> Vec<Fact> {
    let mut facts = Vec::new();
    if is_part(context) {
        return facts;
    }
    let mut each = |label, each: Option<Amount>, note: String| {
        facts.extend(each.map(|each| fact(label, context.short(each), note)));
    };
    let count = |n: i64, one, many| crate::words::plural(n, one, many);
    each("For a read", cost.per_read(), count(cost.reads, "run read it", "runs read it"));
    each(
        "For a consumer",
        cost.per_consumer(),
        count(cost.consumers, "workload reads it", "workloads read it"),
    );
    each("For a TB read", cost.per_terabyte_read(), reports::format::bytes(cost.read_bytes));
    each("For a TB stored", cost.per_terabyte_stored(), "of live data, at the last collection".to_owned());
    facts
}

/// The parts of its cost, and what stands beside them; beside a part of it the reads of the same
/// teams alone.
pub fn parts(context: &Context<'_>, cost: Option<&TableCost>) -> Table {
    let row = |what: &str, amount: Amount, adds: &str, how: &str| {
        vec![Cell::text(what), Cell::Money(amount), Cell::text(adds), Cell::text(how)]
    };
    let is_part = is_part(context);
    let mut rows = cost.map_or_else(Vec::new, |cost| {
        vec![
            row("Storage", cost.storage, "part of it", "its bytes"),
            row(
                "Produce",
                cost.produce,
                "part of it",
                "runs that wrote it, split over what each wrote by bytes",
            ),
            row(
                "Maintain",
                cost.maintain,
                "part of it",
                "runs that only rewrote it: compaction and the like",
            ),
            row("Read", cost.read, "beside it", "runs that read it, split over what each read by bytes"),
            row(
                "Upstream",
                cost.upstream,
                "beside it",
                "what the tables it was made of cost, by bytes read of them",
            ),
            row("Fully loaded", cost.loaded(), "beside it", "its own cost and upstream"),
        ]
    });
    if is_part {
        rows.truncate(TEAMS_ROWS);
    }
    let of_bill = if is_part { "Together" } else { "Its part of the bill" };
    Table {
        id: "parts",
        caption: match (is_part, context.lens.team.as_deref()) {
            (false, _) => "What it costs, and what stands beside".to_owned(),
            (true, Some(team)) => {
                format!("What {} pays of it, and what stands beside", context.with_teams(team))
            }
            (true, None) => "What your teams pay of it, and what stands beside".to_owned(),
        },
        noun: ("row", "rows"),
        columns: vec![
            table::text("what", "What"),
            table::number("cost", format!("Cost ({})", context.scope.currency)),
            table::text("adds", "In its total?"),
            table::text("how", "How").wide(),
        ],
        rows,
        foot: cost
            .map(|cost| vec![Cell::text(of_bill), Cell::Money(cost.own()), Cell::Nothing, Cell::Nothing]),
        // What is part of the total first, as it is written here.
        sort: ("", false),
        empty: context.nothing("Nothing was charged for it"),
    }
}

/// Who read it.
pub fn readers(context: &Context<'_>, readers: &[ReaderRow]) -> Table {
    let row = |reader: &ReaderRow| {
        let team = reader.team.as_deref();
        vec![
            if reader.workload == NONE {
                Cell::text("no workload")
            } else {
                Cell::link(reader.workload.as_str(), context.entity("workloads", &reader.workload))
            },
            team.map_or(Cell::Nothing, |team| Cell::link(team, context.entity("teams", team))),
            Cell::Count(reader.reads),
            Cell::Bytes(reader.read_bytes),
            Cell::Money(reader.cost),
        ]
    };
    Table {
        id: "readers",
        caption: "Who reads it".to_owned(),
        noun: ("workload", "workloads"),
        columns: vec![
            table::text("workload", "Workload"),
            table::text("team", "Team"),
            table::number("reads", "Runs"),
            table::number("read_bytes", "Read").wide(),
            table::number("cost", format!("Cost of reading, not additive ({})", context.scope.currency)),
        ],
        rows: readers.iter().map(row).collect(),
        foot: None,
        sort: ("cost", true),
        empty: context.nothing(match is_part(context) {
            true => "No run of these teams is known to have read it",
            false => "No run is known to have read it",
        }),
    }
}

/// The months that lineage is told of, for it is kept by the month: as cost is passed on.
pub fn whole_months(context: &Context<'_>) -> String {
    let month = |day: NaiveDate| day.format("%B %Y").to_string();
    let first = month(context.scope.from);
    let last = month(context.scope.to.pred_opt().unwrap_or(context.scope.to));
    match first == last {
        true => format!("in all of {first}"),
        false => format!("from {first} to {last}, whole months"),
    }
}

/// What it was made of, and what was made of it.
pub fn lineage(context: &Context<'_>, neighbours: &[LineageRow]) -> Table {
    let rows = neighbours.iter().map(|row| {
        vec![
            match &row.table_id {
                Some(table) => Cell::link(table.as_str(), context.entity("tables", table)),
                None => Cell::text("no table (what read it wrote none)"),
            },
            Cell::text(if row.is_upstream { "this table is made of it" } else { "is made of this table" }),
            Cell::Bytes(row.bytes),
        ]
    });
    Table {
        id: "lineage",
        caption: format!("Made of, and made of it, {}", whole_months(context)),
        noun: ("table", "tables"),
        columns: vec![
            table::text("table", "Table"),
            table::text("direction", "Direction"),
            table::number("bytes", "Bytes read for it"),
        ],
        rows: rows.collect(),
        foot: None,
        sort: ("bytes", true),
        empty: "No run of these months is known to have read it, or made it of another table.".to_owned(),
    }
}
