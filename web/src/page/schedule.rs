//! Schedule: what runs when, and what came of it.

use askama::Template;
use axum::extract::RawQuery;
use axum::response::Response;
use reports::schedule::{Outcome, Schedule, ScheduleRecord, ScheduledRun};

use super::answer;
use crate::context::Context;
use crate::error::PageError;
use crate::layout::Shell;
use crate::link::Path;
use crate::sentence::Sentence;
use crate::state::Visit;
use crate::table::{self, Cell, Shown, Table, TableView};
use crate::words;

/// Past runs that are listed.
const MOST_RUNS: u32 = 1_000;

#[derive(Template)]
#[template(path = "data/schedule.html")]
struct SchedulePage {
    shell: Shell,
    sentence: Sentence,
    schedules: TableView,
    runs: TableView,
}

pub async fn schedule(visit: Visit, query: RawQuery) -> Response {
    let asked = visit.clone();
    answer(visit, Path::new(["schedule"]), query, move |context| build(context, &asked)).await
}

fn build(context: &Context<'_>, visit: &Visit) -> Result<Response, PageError> {
    let schedules = &visit.settings().schedules;
    let history = ScheduleRecord::open(visit.ledger())?.history(MOST_RUNS)?;
    let tables = [schedule_table(context, schedules, &history), run_table(&history)];
    let [schedules_view, runs] = match context.tables(tables)? {
        Shown::Page(views) => views,
        Shown::Csv(csv) => return Ok(csv),
    };
    let next =
        schedules.iter().filter_map(|schedule| Some((schedule.next(context.now)?, &schedule.name))).min();
    let sentence = match next {
        None => Sentence::default()
            .say("Nothing is scheduled.")
            .note("Add a [[schedule]] to the configuration, with `name`, `job` and `cron`."),
        Some((at, name)) => Sentence::default()
            .figure(words::plural(schedules.len() as i64, "schedule", "schedules"))
            .say(format!("; next is {name}, "))
            .figure(context.instant(at))
            .say("."),
    };
    let shell = Shell::of(context, "Schedule", vec![super::crumb(context, "Data", "data")]);
    context.page(&SchedulePage { shell, sentence, schedules: schedules_view, runs })
}

fn schedule_table(context: &Context<'_>, schedules: &[Schedule], history: &[ScheduledRun]) -> Table {
    let row = |schedule: &Schedule| {
        let last = history.iter().find(|run| run.schedule == schedule.name);
        vec![
            Cell::text(schedule.name.as_str()),
            Cell::text(schedule.job.as_str()),
            Cell::text(schedule.cron.as_str()),
            Cell::text(schedule.timezone.name()),
            Cell::when(schedule.next(context.now)),
            last.map_or(Cell::Nothing, |run| outcome(run.outcome)),
        ]
    };
    Table {
        id: "schedules",
        caption: "What runs when".to_owned(),
        noun: ("schedule", "schedules"),
        columns: vec![
            table::text("name", "Name"),
            table::text("job", "Job"),
            table::text("cron", "Cron expression").wide(),
            table::text("timezone", "Time zone").wide(),
            table::text("next", "Next"),
            table::text("last", "Last came to"),
        ],
        rows: schedules.iter().map(row).collect(),
        foot: None,
        sort: ("next", false),
        empty: "Nothing is scheduled.".to_owned(),
    }
}

fn run_table(history: &[ScheduledRun]) -> Table {
    let row = |run: &ScheduledRun| {
        vec![
            Cell::At(run.started_at),
            Cell::text(run.schedule.as_str()),
            Cell::At(run.due_at),
            run.ended_at
                .map_or(Cell::Nothing, |ended| Cell::Millis((ended - run.started_at).num_milliseconds())),
            outcome(run.outcome),
            Cell::Count(i64::from(run.missed)),
            Cell::maybe(run.note.as_deref()),
        ]
    };
    Table {
        id: "runs",
        caption: "Past runs".to_owned(),
        noun: ("run", "runs"),
        columns: vec![
            table::text("started", "Started"),
            table::text("schedule", "Schedule"),
            table::text("due", "Due").wide(),
            table::number("took_ms", "Took"),
            table::text("outcome", "Outcome"),
            table::number("missed", "Missed before it").wide(),
            table::text("note", "Note").wide(),
        ],
        rows: history.iter().map(row).collect(),
        foot: None,
        sort: ("started", true),
        empty: "Nothing has run yet.".to_owned(),
    }
}

fn outcome(outcome: Outcome) -> Cell {
    let tone = match outcome {
        Outcome::Done => "good",
        Outcome::Failed | Outcome::Interrupted => "bad",
        Outcome::Running | Outcome::Partial => "plain",
    };
    Cell::Tone { text: outcome.name().to_owned(), tone }
}
