//! The table of runs, which stands on the pages of workloads, tables and clusters.

use attribution::mart::{Dimension, RunRow};
use model::Amount;

use crate::context::Context;
use crate::table::{self, Cell, Table};

/// Columns an error may take beside its status; the CSV has all of it.
const ERROR_COLUMNS: usize = 40;

/// One row a run that started in the span; `named` with its workload.
pub fn table(context: &Context<'_>, runs: &[RunRow], named: bool) -> Table {
    let currency = context.scope.currency;
    let mut columns = vec![table::text("run", "Run")];
    let detail = |column: table::Column| if named { column.exported() } else { column.wide() };
    columns.extend(named.then(|| table::text("workload", "Workload")));
    columns.push(detail(table::text("name", "Name")));
    columns.extend([
        table::number("started", "Start").wide(),
        table::text("status", "Status"),
        table::number("duration_ms", "Duration").wide(),
        table::number("vcore_ms", "Vcore-hours").wide(),
        table::number("input_bytes", "Read").wide(),
        table::number("output_bytes", "Written").wide(),
        detail(table::number("spilled_bytes", "Spilled")),
        detail(table::number("failed_tasks", "Failed tasks")),
        table::number("cost", format!("Cost ({currency})")),
        table::text("error", "Error").exported(),
        table::text("engine", "Engine").exported(),
        table::text("trigger", "Started by").exported(),
        table::number("tasks", "Tasks").exported(),
        table::number("cpu_ms", "Cpu time").exported(),
        table::number("memory_mib_ms", "Memory held").exported(),
    ]);
    Table {
        id: "runs",
        caption: "Runs that started in this span".to_owned(),
        noun: ("run", "runs"),
        columns,
        rows: runs.iter().map(|run| row(context, run, named)).collect(),
        foot: None,
        sort: ("started", true),
        empty: "No run started in this span.".to_owned(),
    }
}

fn row(context: &Context<'_>, run: &RunRow, named: bool) -> Vec<Cell> {
    // Its cost may reach into days outside the span, so the link names none.
    let lens = crate::lens::Lens { from: None, to: None, ..context.lens.shared() };
    let days = context.mart.info().first_day.zip(context.mart.info().end_day);
    let lens = days.map_or(lens.clone(), |(first, end)| lens.days(first, end));
    let href = lens.only(Dimension::Run, &run.run_id).url(&crate::link::Path::new(["explain"]));
    let mut cells = vec![Cell::link(run.run_id.as_str(), href.clone())];
    if named {
        cells.push(Cell::link(run.workload.as_str(), context.entity("workloads", &run.workload)));
    }
    cells.push(Cell::maybe(run.name.as_deref()));
    let duration = run.ended_at.map(|end| (end - run.started_at).num_milliseconds());
    cells.extend([
        Cell::At(run.started_at),
        status(run),
        duration.map_or(Cell::Nothing, Cell::Millis),
        Cell::VcoreMs(run.vcore_ms),
        Cell::Bytes(run.input_bytes),
        Cell::Bytes(run.output_bytes),
        Cell::Bytes(run.disk_spilled_bytes),
        Cell::Count(run.failed_tasks),
        match run.currency {
            // A run whose cluster is not billed has a cost of nothing, not of zero.
            None if run.cost == Amount::ZERO => Cell::Nothing,
            _ => Cell::MoneyLink { amount: run.cost, href },
        },
        Cell::maybe(run.error.as_deref()),
        Cell::text(run.engine.as_str()),
        Cell::maybe(run.trigger.as_deref()),
        Cell::Count(run.tasks),
        Cell::Millis(run.cpu_ms),
        Cell::Count(run.memory_mib_ms),
    ]);
    cells
}

fn status(run: &RunRow) -> Cell {
    let tone = match run.status.as_str() {
        "succeeded" => "good",
        "failed" | "killed" => "bad",
        _ => "plain",
    };
    let text = match &run.error {
        Some(error) => format!("{}: {}", run.status, reports::label::shorten(error, ERROR_COLUMNS)),
        None => run.status.clone(),
    };
    Cell::Tone { text, tone }
}
