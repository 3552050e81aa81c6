//! Runs: all that started in the span; and their table, which stands on the pages of
//! workloads, tables and clusters too.

use std::collections::BTreeMap;

use askama::Template;
use attribution::mart::{Dimension, NONE, RunFilter, RunListQuery, RunOutcome, RunRow, RunSort};
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
use crate::table::{self, Cell, Cut, PAGE_ROWS, Shown, Table, TableView};
use crate::words;

#[derive(Template)]
#[template(path = "runs/runs.html")]
struct Runs {
    shell: Shell,
    sentence: Sentence,
    chart: Option<ChartView>,
    chart_table: TableView,
    runs: TableView,
}

/// Characters of an error beside its status; the CSV has all of it.
const ERROR_CHARACTERS: usize = 48;

pub async fn runs(visit: Visit, query: RawQuery) -> Response {
    answer(visit, Path::new(["runs"]), query, build).await
}

/// Columns of the list that it can be sorted by, with what the mart calls them.
const SORTS: [(&str, RunSort); 12] = [
    ("run", RunSort::Run),
    ("workload", RunSort::Workload),
    ("name", RunSort::Name),
    ("started", RunSort::Started),
    ("status", RunSort::Status),
    ("duration_ms", RunSort::Duration),
    ("vcore_ms", RunSort::VcoreMs),
    ("input_bytes", RunSort::Input),
    ("output_bytes", RunSort::Output),
    ("spilled_bytes", RunSort::Spilled),
    ("failed_tasks", RunSort::FailedTasks),
    ("cost", RunSort::Cost),
];

/// More runs than there are: a download has all that match.
const EVERY_RUN: usize = u32::MAX as usize;

/// The question for the runs that the lens asks for: a page of the list, or for CSV all of it. The
/// mart searches and sorts either way, so that a download has the rows of the pages, in their order.
fn asked(context: &Context<'_>) -> Result<RunListQuery, PageError> {
    let state = &context.lens.table;
    let is_list = state.table.as_deref().is_none_or(|table| table == "runs");
    let is_whole = is_list && state.csv;
    let (sort, descending) = match state.sort.as_ref().filter(|_| is_list) {
        None => (RunSort::Started, true),
        Some((key, descending)) => {
            let known = SORTS.iter().find(|(name, _)| name == key).ok_or_else(|| {
                let names: Vec<_> = SORTS.iter().map(|(name, _)| *name).collect();
                PageError::BadRequest(vec![format!(
                    "runs are not sorted by `{key}`: use {}",
                    names.join(", ")
                )])
            })?;
            (known.1, *descending)
        }
    };
    let (unowned, team, teams) = match &context.lens_teams()[..] {
        [one] if one == NONE => (true, None, vec![]),
        [one] => (false, Some(one.clone()), vec![]),
        several => (false, None, several.to_vec()),
    };
    let page = if is_list && !is_whole { state.page.max(1) } else { 1 };
    Ok(RunListQuery {
        filter: RunFilter {
            team,
            from: Some(context.scope.from),
            to: Some(context.scope.to),
            basis: context.lens.basis,
            ..RunFilter::default()
        },
        currency: Some(context.scope.currency),
        teams,
        unowned,
        search: state.search.clone().filter(|_| is_list),
        sort,
        descending,
        offset: (page - 1) * PAGE_ROWS,
        limit: if is_whole { EVERY_RUN } else { PAGE_ROWS },
    })
}

fn build(context: &Context<'_>) -> Result<Response, PageError> {
    let query = asked(context)?;
    let ended = context.mart.run_outcomes(&query)?;
    let count = |rows: &[&RunOutcome]| rows.iter().map(|row| row.runs).sum::<i64>();
    let cost = |rows: &[&RunOutcome]| rows.iter().map(|row| row.cost).sum::<Amount>();
    let all: Vec<&RunOutcome> = ended.iter().collect();
    let (chart, by_outcome) =
        outcomes(context, ended.iter().map(|row| (row.day, row.status.as_str(), row.runs)))?;
    let list = context.mart.run_list(&query)?;
    let number = usize::try_from(count(&all)).unwrap_or(0);
    // A page beyond the last one has no row to say how many there are.
    let is_beyond = list.rows.is_empty() && query.offset > 0 && query.search.is_none();
    let cut = Cut { found: if is_beyond { number } else { list.found }, all: number };
    let tables = [table(context, &list.rows, true), by_outcome];
    let [runs, chart_table] = match table::show_cut(context, tables, Some(cut))? {
        Shown::Page(views) => views,
        Shown::Csv(csv) => return Ok(csv),
    };
    let subject = words::plural(count(&all), "run", "runs");
    let mut sentence = sentence::cost(context, &format!("{subject} that started here"), cost(&all));
    // A stream that was stopped did its work until then: it is no failure.
    for (status, words) in [
        ("failed", " of them failed, at "),
        ("killed", " were stopped, at "),
        ("unknown", " have no end in their log, at "),
    ] {
        let ended: Vec<&RunOutcome> = ended.iter().filter(|row| row.status == status).collect();
        if ended.is_empty() {
            continue;
        }
        sentence = sentence
            .say("; ")
            .figure(reports::format::count(count(&ended)))
            .say(words)
            .figure(context.money(cost(&ended)));
    }
    let sentence = sentence.say(".").note(format!(
        "{}. What a run cost is all it was given, after midnight too; costs by day are on Overview.",
        words::capital(&context.terms())
    ));
    let crumbs = vec![super::crumb(context, "Workloads", "workloads")];
    let shell = Shell::of(context, "Runs", crumbs).filtered(context, true).charted();
    context.page(&Runs { shell, sentence, chart, chart_table, runs })
}

/// Outcomes, the good one at the bottom of the stack, with the colours they have.
const OUTCOMES: [(&str, ColourSlot); 5] = [
    ("succeeded", ColourSlot::Saving),
    ("failed", ColourSlot::Over),
    ("killed", ColourSlot::Waste),
    ("running", ColourSlot::Blue),
    ("unknown", ColourSlot::Other),
];

/// How a run ended, for people: of one without an end nobody knows.
pub fn outcome(status: &str) -> &str {
    if status == "unknown" { "no end logged" } else { status }
}

/// How many runs started on each day, by how they ended, where any did; with the table of the same counts.
/// Each is a day, an outcome and a number of runs.
pub fn outcomes<'a>(
    context: &Context<'_>,
    runs: impl Iterator<Item = (NaiveDate, &'a str, i64)>,
) -> Result<(Option<ChartView>, Table), PageError> {
    let periods = periods(context, &Dimension::Day);
    let places: BTreeMap<NaiveDate, usize> =
        periods.keys().enumerate().filter_map(|(i, key)| Some((key.parse().ok()?, i))).collect();
    let mut counts = vec![vec![0_i64; places.len()]; OUTCOMES.len()];
    for (day, status, runs) in runs {
        let outcome = OUTCOMES.iter().position(|(name, _)| *name == status).unwrap_or(OUTCOMES.len() - 1);
        if let Some(at) = places.get(&day) {
            counts[outcome][*at] += runs;
        }
    }
    let seen: Vec<usize> = (0..OUTCOMES.len()).filter(|i| counts[*i].iter().any(|n| *n > 0)).collect();
    let mut columns = vec![table::text("day", "Day (UTC)")];
    columns
        .extend(seen.iter().map(|i| table::number(OUTCOMES[*i].0, words::capital(outcome(OUTCOMES[*i].0)))));
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
        empty: context.nothing("No run started"),
    };
    let line = |i: &usize| Line {
        name: outcome(OUTCOMES[*i].0).to_owned(),
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
    // Of a stream that began before these days no run began within them: there is nothing to draw.
    let chart = if seen.is_empty() { None } else { Some(course.view()?) };
    Ok((chart, day_table))
}

/// One row a run that started in the span; `named` with its workload.
pub fn table(context: &Context<'_>, runs: &[RunRow], named: bool) -> Table {
    let currency = context.scope.currency;
    let mut columns = vec![table::text("run", "Run")];
    let detail = |column: table::Column| if named { column.exported() } else { column.wide() };
    columns.extend(named.then(|| table::text("workload", "Workload")));
    let name = table::text("name", "Name");
    // A name that is the workload's says nothing more.
    let plain = |name: &str| name.replace('/', ".");
    let is_other =
        runs.iter().any(|run| run.name.as_deref().is_some_and(|name| plain(name) != plain(&run.workload)));
    columns.push(if is_other { detail(name) } else { name.exported() });
    columns.extend([
        table::number("started", "Start").wide(),
        table::number("cost", format!("Cost ({currency})")),
        table::text("status", "Status"),
        table::number("duration_ms", "Duration").wide(),
        table::number("vcore_ms", "Vcore-hours").wide(),
        table::number("input_bytes", "Read").wide(),
        table::number("output_bytes", "Written").wide(),
        table::number("spilled_bytes", "Spilled").exported(),
        table::number("failed_tasks", "Failed tasks").exported(),
        table::text("error", "Error").exported(),
        table::text("engine", "Engine").exported(),
        table::text("trigger", "Started by").exported(),
        table::number("tasks", "Tasks").exported(),
        table::number("cpu_ms", "Cpu time").exported(),
        table::number("memory_mib_ms", "Memory held").exported(),
    ]);
    Table {
        id: "runs",
        caption: "Runs that started in these days".to_owned(),
        noun: ("run", "runs"),
        columns,
        rows: runs.iter().map(|run| row(context, run, named)).collect(),
        foot: None,
        sort: ("started", true),
        empty: context.nothing("No run started"),
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
        match run.currency {
            // A run whose cluster is not billed has a cost of nothing, not of zero.
            None if run.cost == Amount::ZERO => Cell::Nothing,
            _ => Cell::MoneyLink { amount: run.cost, href: explained(context, run) },
        },
        status(run),
        duration.map_or(Cell::Nothing, Cell::Millis),
        Cell::VcoreMs(run.vcore_ms),
        Cell::Bytes(run.input_bytes),
        Cell::Bytes(run.output_bytes),
        Cell::Bytes(run.disk_spilled_bytes),
        Cell::Count(run.failed_tasks),
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
        "failed" => "bad",
        // A stream is stopped to be deployed anew.
        _ => "plain",
    };
    let text = match &run.error {
        Some(error) => format!("{}: {}", outcome(&run.status), gist(error)),
        None => outcome(&run.status).to_owned(),
    };
    Cell::Tone { text, tone }
}

/// What an error says in few words: its class without the package, and the start of its message.
fn gist(error: &str) -> String {
    let class = |path: &str| {
        let last = path.rsplit('.').next().unwrap_or_default();
        let is_path = path.contains('.') && path.chars().all(|c| c.is_alphanumeric() || "._$".contains(c));
        (is_path && !last.is_empty()).then(|| last.to_owned())
    };
    let (first, rest) = error.split_once(':').map_or((error, ""), |(first, rest)| (first, rest));
    let text = match class(first.trim()) {
        Some(class) if rest.trim().is_empty() => class,
        Some(class) => format!("{class}: {}", rest.trim()),
        None => error.to_owned(),
    };
    match text.char_indices().nth(ERROR_CHARACTERS) {
        Some((cut, _)) => format!("{}…", text[..cut].trim_end()),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::gist;

    #[test]
    fn an_error_keeps_its_class_and_the_start_of_its_message() {
        assert_eq!(
            gist("org.apache.spark.shuffle.FetchFailedException: lost with node"),
            "FetchFailedException: lost with node"
        );
        assert_eq!(gist("java.lang.OutOfMemoryError"), "OutOfMemoryError");
        assert_eq!(gist("Line 3: mismatched input"), "Line 3: mismatched input");
        assert_eq!(gist("Exit code 137."), "Exit code 137.");
        assert_eq!(gist(&"é".repeat(60)), format!("{}…", "é".repeat(48)));
        assert_eq!(gist(""), "");
    }
}
