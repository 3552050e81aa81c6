//! Runs: all that started in the span; and their table, which stands on the pages of
//! workloads, tables and clusters too.

use std::collections::BTreeMap;

use askama::Template;
use attribution::mart::{Dimension, RunFilter, RunRow};
use axum::extract::RawQuery;
use axum::response::Response;
use chrono::NaiveDate;
use model::Amount;
use reports::chart::Shape;
use reports::palette::ColourSlot;

use super::answer;
use crate::chart::ChartView;
use crate::context::Context;
use crate::course::{Course, Line, Unit, periods};
use crate::error::PageError;
use crate::layout::Shell;
use crate::link::Path;
use crate::sentence::{self, Sentence};
use crate::state::Visit;
use crate::table::{self, Cell, Shown, Table, TableView};
use crate::words;

#[derive(Template)]
#[template(path = "runs/runs.html")]
struct Runs {
    shell: Shell,
    sentence: Sentence,
    chart: ChartView,
    chart_table: TableView,
    runs: TableView,
}

/// Columns an error may take beside its status; the CSV has all of it.
const ERROR_COLUMNS: usize = 40;

pub async fn runs(visit: Visit, query: RawQuery) -> Response {
    answer(visit, Path::new(["runs"]), query, build).await
}

fn build(context: &Context<'_>) -> Result<Response, PageError> {
    let runs = context.runs(RunFilter::default())?;
    let (chart, by_outcome) = outcomes(context, &runs)?;
    let [runs_view, chart_table] = match context.tables([table(context, &runs, true), by_outcome])? {
        Shown::Page(views) => views,
        Shown::Csv(csv) => return Ok(csv),
    };
    let total: Amount = runs.iter().map(|run| run.cost).sum();
    let failed: Vec<&RunRow> = runs.iter().filter(|run| is_bad(run)).collect();
    let subject = words::plural(runs.len() as i64, "run", "runs");
    let mut sentence = sentence::cost(context, &format!("{subject} that started here"), total);
    if !failed.is_empty() {
        let lost: Amount = failed.iter().map(|run| run.cost).sum();
        sentence = sentence
            .say("; ")
            .figure(reports::format::count(failed.len() as i64))
            .say(" of them failed, at ")
            .figure(context.money(lost));
    }
    let sentence = sentence.say(".").note(format!(
        "{}. What a run cost is all it was given, after midnight too; costs by day are on Overview.",
        words::capital(&context.terms())
    ));
    let crumbs = vec![super::crumb(context, "Workloads", "workloads")];
    let shell = Shell::of(context, "Runs", crumbs).filtered(context, true).charted();
    context.page(&Runs { shell, sentence, chart, chart_table, runs: runs_view })
}

fn is_bad(run: &RunRow) -> bool {
    matches!(run.status.as_str(), "failed" | "killed")
}

/// Outcomes, the good one at the bottom of the stack, with the colours they have.
const OUTCOMES: [(&str, ColourSlot); 5] = [
    ("succeeded", ColourSlot::Saving),
    ("failed", ColourSlot::Over),
    ("killed", ColourSlot::Waste),
    ("running", ColourSlot::Blue),
    ("unknown", ColourSlot::Other),
];

/// How many runs started on each day, by how they ended; with the table of the same counts.
pub fn outcomes(context: &Context<'_>, runs: &[RunRow]) -> Result<(ChartView, Table), PageError> {
    let periods = periods(context, &Dimension::Day);
    let places: BTreeMap<NaiveDate, usize> =
        periods.keys().enumerate().filter_map(|(i, key)| Some((key.parse().ok()?, i))).collect();
    let mut counts = vec![vec![0_i64; places.len()]; OUTCOMES.len()];
    for run in runs {
        let outcome = OUTCOMES.iter().position(|(name, _)| *name == run.status).unwrap_or(OUTCOMES.len() - 1);
        if let Some(at) = places.get(&run.started_at.date_naive()) {
            counts[outcome][*at] += 1;
        }
    }
    let seen: Vec<usize> = (0..OUTCOMES.len()).filter(|i| counts[*i].iter().any(|n| *n > 0)).collect();
    let mut columns = vec![table::text("day", "Day (UTC)")];
    columns.extend(seen.iter().map(|i| table::number(OUTCOMES[*i].0, words::capital(OUTCOMES[*i].0))));
    let rows = places.iter().map(|(day, at)| {
        let mut row = vec![Cell::Day { day: *day, href: None }];
        row.extend(seen.iter().map(|i| Cell::Count(counts[*i][*at])));
        row
    });
    let mut foot = vec![Cell::text("Total")];
    foot.extend(seen.iter().map(|i| Cell::Count(counts[*i].iter().sum())));
    let day_table = Table {
        id: "outcomes-by-day",
        caption: "Runs by day and outcome".to_owned(),
        noun: ("day", "days"),
        columns,
        rows: rows.collect(),
        foot: Some(foot),
        sort: ("day", false),
        empty: "No run started in this span.".to_owned(),
    };
    let line = |i: &usize| Line {
        name: OUTCOMES[*i].0.to_owned(),
        slot: OUTCOMES[*i].1,
        values: counts[*i].iter().map(|n| Amount::whole(*n)).collect(),
        href: None,
    };
    let course = Course {
        id: "outcomes",
        title: "Runs by day of their start and outcome".to_owned(),
        lines: seen.iter().map(line).collect(),
        points: periods.into_values().collect(),
        shape: Shape::Columns,
        unit: Unit::Count,
        note: None,
    };
    Ok((course.view()?, day_table))
}

/// One row a run that started in the span; `named` with its workload.
pub fn table(context: &Context<'_>, runs: &[RunRow], named: bool) -> Table {
    let currency = context.scope.currency;
    let mut columns = vec![table::text("run", "Run")];
    let detail = |column: table::Column| if named { column.exported() } else { column.wide() };
    columns.extend(named.then(|| table::text("workload", "Workload")));
    let name = table::text("name", "Name");
    // A name that is the workload's says nothing more.
    let is_other = runs.iter().any(|run| run.name.as_deref().is_some_and(|name| name != run.workload));
    columns.push(if is_other { detail(name) } else { name.exported() });
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
    let mut cells = vec![Cell::link(run.run_id.as_str(), context.entity("runs", &run.run_id))];
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
            _ => Cell::MoneyLink { amount: run.cost, href: explained(context, run) },
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

/// Where a run's cost is opened. It may reach into days outside the span, so all days are shown.
pub fn explained(context: &Context<'_>, run: &RunRow) -> String {
    let lens = crate::lens::Lens { from: None, to: None, ..context.lens.shared() };
    let days = context.mart.info().first_day.zip(context.mart.info().end_day);
    let lens = days.map_or(lens.clone(), |(first, end)| lens.days(first, end));
    lens.only(Dimension::Run, &run.run_id).url(&Path::new(["explain"]))
}

/// How a run ended, with its error.
pub fn status(run: &RunRow) -> Cell {
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
