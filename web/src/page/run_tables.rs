//! The tables and the history chart of one run's page.

use std::collections::BTreeSet;

use attribution::mart::{Kind, RunCharge, RunHour, RunIdle, RunRow, RunStage, RunTable};
use model::Amount;
use reports::chart::Shape;
use reports::palette::ColourSlot;

use super::runs;
use crate::chart::ChartView;
use crate::context::Context;
use crate::course::{Course, Line, Point, Unit};
use crate::error::PageError;
use crate::table::{self, Cell, Table};

/// A longest task of so many medians is skew worth seeing.
const SKEWED: f64 = 5.0;

/// Where its money went: one row a thing that is paid for.
pub fn charges(context: &Context<'_>, charges: &[RunCharge]) -> Table {
    let total: Amount = charges.iter().map(|charge| charge.cost).sum();
    let row = |charge: &RunCharge| {
        vec![
            match (&charge.resource_id, &charge.cluster_id) {
                (Some(resource), _) => Cell::text(resource.as_str()),
                (None, Some(cluster)) => Cell::text(format!("{cluster}, shared by its nodes")),
                (None, None) => Cell::text(charge.service.as_str()),
            },
            Cell::maybe(charge.instance_type.as_deref()),
            Cell::maybe(charge.market.as_deref().map(|market| market.replace('_', "-"))),
            match &charge.cluster_id {
                Some(cluster) => Cell::link(cluster.as_str(), context.entity("clusters", cluster)),
                None => Cell::Nothing,
            },
            Cell::text(charge.pool.as_str()),
            Cell::text(charge.service.as_str()),
            Cell::Count(charge.charges),
            Cell::Money(charge.cost),
            Cell::Share { part: charge.cost, whole: total, class: "share" },
        ]
    };
    let columns = vec![
        table::text("resource", "Node or resource"),
        table::text("instance_type", "Instance").wide(),
        table::text("market", "Market").wide(),
        table::text("cluster", "Cluster").wide(),
        table::text("pool", "Pool").wide(),
        table::text("service", "Service").wide(),
        table::number("charges", "Charges it has a part of").wide(),
        table::number("cost", format!("Cost ({})", context.scope.currency)),
        table::number("share", "Of the run").derived(),
    ];
    let foot = table::foot(&columns, [("cost", Cell::Money(total))]);
    Table {
        id: "charges",
        caption: "Where the money went".to_owned(),
        noun: ("row", "rows"),
        columns,
        rows: charges.iter().map(row).collect(),
        foot: Some(foot),
        sort: ("cost", true),
        empty: "Nothing was charged for it: what it ran on is not in any bill that was read.".to_owned(),
    }
}

/// What was idle of its clusters on its days.
pub fn idle(context: &Context<'_>, days: &[RunIdle]) -> Table {
    let currency = context.scope.currency;
    let row = |day: &RunIdle| {
        vec![
            Cell::Day { day: day.day, href: None },
            Cell::link(day.cluster_id.as_str(), context.entity("clusters", &day.cluster_id)),
            Cell::Money(day.own),
            Cell::Money(day.used),
            Cell::Money(day.idle),
            Cell::Money(day.beside),
        ]
    };
    let sum = |part: fn(&RunIdle) -> Amount| Cell::Money(days.iter().map(part).sum());
    let columns = vec![
        table::text("day", "Day (UTC)"),
        table::text("cluster", "Cluster"),
        table::number("own", format!("This run ({currency})")),
        table::number("used", format!("All runs ({currency})")).wide(),
        table::number("idle", format!("Idle ({currency})")).wide(),
        table::number("beside", format!("Its share of idle, not additive ({currency})")),
    ];
    let foot = table::foot(
        &columns,
        [
            ("own", sum(|day| day.own)),
            ("used", sum(|day| day.used)),
            ("idle", sum(|day| day.idle)),
            ("beside", sum(|day| day.beside)),
        ],
    );
    Table {
        id: "idle",
        caption: "What was idle beside it".to_owned(),
        noun: ("day", "days"),
        columns,
        rows: days.iter().map(row).collect(),
        foot: Some(foot),
        sort: ("day", false),
        empty: "It ran on no cluster that was billed.".to_owned(),
    }
}

/// Its stages: which took long, which were uneven, which spilled.
pub fn stages(stages: &[RunStage]) -> Table {
    let row = |stage: &RunStage| {
        let wall = stage.started_at.zip(stage.ended_at).map(|(from, to)| (to - from).num_milliseconds());
        let skew = stage.task_ms_max as f64 / stage.task_ms_median.max(1) as f64;
        let name = match (&stage.name, stage.attempt) {
            (Some(name), 0) => format!("{} · {name}", stage.stage_id),
            (None, 0) => stage.stage_id.to_string(),
            (name, n) => {
                format!("{} (attempt {}) {}", stage.stage_id, n + 1, name.as_deref().unwrap_or_default())
            }
        };
        vec![
            Cell::text(name),
            Cell::text(stage.status.as_str()),
            wall.map_or(Cell::Nothing, Cell::Millis),
            Cell::Count(stage.tasks),
            Cell::Millis(stage.task_ms),
            Cell::Millis(stage.task_ms_median),
            Cell::Millis(stage.task_ms_max),
            if stage.task_ms_median > 0 && skew >= SKEWED {
                Cell::Tone { text: format!("{skew:.0} × the median"), tone: "bad" }
            } else {
                Cell::Nothing
            },
            Cell::Millis(stage.gc_ms),
            Cell::Bytes(stage.spilled_bytes),
            Cell::Bytes(stage.shuffle_read_bytes),
            Cell::Bytes(stage.shuffle_write_bytes),
            Cell::Bytes(stage.input_bytes),
            Cell::Bytes(stage.output_bytes),
            Cell::Count(stage.failed_tasks),
        ]
    };
    Table {
        id: "stages",
        caption: "Stages".to_owned(),
        noun: ("stage", "stages"),
        columns: vec![
            table::text("stage", "Stage"),
            table::text("status", "Outcome").exported(),
            table::number("wall_ms", "Took"),
            table::number("tasks", "Tasks").wide(),
            table::number("task_ms", "Task time").wide(),
            table::number("task_ms_median", "Median task").wide(),
            table::number("task_ms_max", "Longest task"),
            table::text("skew", "Skew").derived(),
            table::number("gc_ms", "GC").wide(),
            table::number("spilled_bytes", "Spilled").wide(),
            table::number("shuffle_read_bytes", "Shuffled in").wide(),
            table::number("shuffle_write_bytes", "Shuffled out").wide(),
            table::number("input_bytes", "Read").exported(),
            table::number("output_bytes", "Written").exported(),
            table::number("failed_tasks", "Failed tasks").exported(),
        ],
        rows: stages.iter().map(row).collect(),
        foot: None,
        sort: ("task_ms", true),
        empty: "Its engine logs no stages.".to_owned(),
    }
}

/// The tables it read and wrote; a file or a table of nobody's catalog has no page.
pub fn touched(context: &Context<'_>, tables: &[RunTable]) -> Result<Table, PageError> {
    let known: BTreeSet<&str> = context
        .mart
        .known()?
        .iter()
        .filter(|known| known.kind == Kind::Table)
        .map(|known| known.id.as_str())
        .collect();
    let is_whole = context.mart.reach().is_whole();
    let row = |table: &RunTable| {
        vec![
            if known.contains(table.table_id.as_str()) {
                Cell::link(table.table_id.as_str(), context.entity("tables", &table.table_id))
            } else if is_whole || table.is_written {
                Cell::text(table.table_id.as_str())
            } else {
                // Its name is told to whom its team's costs are told.
                Cell::text("a table of another team, or of no catalog")
            },
            Cell::text(if table.is_written { "written" } else { "read" }),
            table.bytes.map_or(Cell::Nothing, Cell::Bytes),
            table.rows.map_or(Cell::Nothing, Cell::Count),
        ]
    };
    Ok(Table {
        id: "touched",
        caption: "Tables read and written".to_owned(),
        noun: ("row", "rows"),
        columns: vec![
            table::text("table", "Table"),
            table::text("access", "Access"),
            table::number("bytes", "Bytes"),
            table::number("rows", "Rows"),
        ],
        rows: tables.iter().map(row).collect(),
        foot: None,
        sort: ("", false),
        empty: "No log names a table it read or wrote.".to_owned(),
    })
}

/// What it held by the hour.
pub fn held(hours: &[RunHour]) -> Table {
    let row = |hour: &RunHour| {
        vec![
            Cell::At(hour.hour),
            Cell::Count(hour.hosts),
            Cell::VcoreMs(hour.vcore_ms),
            Cell::Bytes(hour.memory_mib_ms / 3_600_000 * 1_048_576),
        ]
    };
    Table {
        id: "held",
        caption: "Reserved by the hour".to_owned(),
        noun: ("hour", "hours"),
        columns: vec![
            table::text("hour", "Hour"),
            table::number("hosts", "Hosts"),
            table::number("vcore_ms", "Vcore-hours"),
            table::number("memory_bytes", "Memory, on average"),
        ],
        rows: hours.iter().map(row).collect(),
        foot: None,
        sort: ("hour", false),
        empty: "Its engine logs no hours.".to_owned(),
    }
}

/// The figures of the history chart.
pub fn course(context: &Context<'_>, history: &[RunRow]) -> Table {
    let row = |run: &RunRow| {
        vec![
            Cell::At(run.started_at),
            runs::status(run),
            run.ended_at.map_or(Cell::Nothing, |end| Cell::Millis((end - run.started_at).num_milliseconds())),
            Cell::Money(run.cost),
        ]
    };
    Table {
        id: "course",
        caption: "The chart’s figures by run".to_owned(),
        noun: ("run", "runs"),
        columns: vec![
            table::text("started", "Start"),
            table::text("status", "Status"),
            table::number("duration_ms", "Duration"),
            table::number("cost", format!("Cost ({})", context.scope.currency)),
        ],
        rows: history.iter().map(row).collect(),
        foot: None,
        sort: ("started", false),
        empty: "No other run of this workload is known.".to_owned(),
    }
}

/// What the runs around it cost, itself told apart.
pub fn course_chart(
    context: &Context<'_>,
    history: &[RunRow],
    this: &RunRow,
) -> Result<ChartView, PageError> {
    let is_this = |run: &RunRow| (&run.engine, &run.run_id) == (&this.engine, &this.run_id);
    let values = |kept: &dyn Fn(&RunRow) -> bool| -> Vec<Amount> {
        history.iter().map(|run| if kept(run) { run.cost } else { Amount::ZERO }).collect()
    };
    let is_bad = |run: &RunRow| matches!(run.status.as_str(), "failed" | "killed");
    let line = |name: &str, slot, values| Line { name: name.to_owned(), slot, values, href: None };
    let mut lines = vec![
        line("this run", ColourSlot::Orange, values(&is_this)),
        line("others", ColourSlot::Blue, values(&|run| !is_this(run) && !is_bad(run))),
    ];
    if history.iter().any(|run| is_bad(run) && !is_this(run)) {
        lines.push(line("others that failed", ColourSlot::Over, values(&|run| !is_this(run) && is_bad(run))));
    }
    let zone = context.zone();
    Course {
        id: "course",
        title: "Cost of the workload’s runs around it".to_owned(),
        points: history
            .iter()
            .map(|run| {
                let at = run.started_at.with_timezone(&zone);
                Point {
                    long: context.instant(run.started_at),
                    ..Point::named(at.format("%-d %b %H:%M").to_string())
                }
            })
            .collect(),
        lines,
        shape: Shape::Columns,
        unit: Unit::Money(context.scope.currency),
        note: None,
    }
    .view()
}
