//! One run: when what happened, where its money went, its stages, its tables, and how it
//! compares with the workload's other runs.

use askama::Template;
use attribution::mart::{ClusterRow, Idle, RunFilter, RunHour, RunMore, RunRow, called};
use axum::extract::{Path as Segment, RawQuery};
use axum::response::Response;
use chrono::TimeDelta;
use model::Amount;
use model::time::Instant;
use reports::chart::Shape;
use reports::palette::ColourSlot;

use super::{Fact, answer, crumb, fact, not_found, run_tables, runs};
use crate::chart::ChartView;
use crate::context::Context;
use crate::course::{Course, Line, Point, Unit};
use crate::error::PageError;
use crate::layout::{Anchor, Shell};
use crate::link::Path;
use crate::sentence::Sentence;
use crate::state::Visit;
use crate::table::{Shown, TableView};
use crate::words;

/// Hours drawn one by one; of more, days are drawn.
const MOST_HOURS: usize = 24 * 8;
/// Other runs of the workload that are listed and drawn.
const MOST_HISTORY: usize = 30;

#[derive(Template)]
#[template(path = "runs/run.html")]
struct Run {
    shell: Shell,
    sentence: Sentence,
    error: Option<String>,
    facts: Vec<Fact>,
    timeline: Vec<Event>,
    /// What it held by the hour; absent where it was within one.
    held: Option<(ChartView, TableView)>,
    charges: TableView,
    /// Where the arithmetic is.
    explain: String,
    /// What was idle beside it, in words.
    beside: Option<String>,
    idle: Option<TableView>,
    stages: Option<TableView>,
    touched: TableView,
    attempts: Option<TableView>,
    /// Absent where none of them cost anything.
    history_chart: Option<ChartView>,
    chart_table: TableView,
    history: TableView,
    details: Vec<(&'static str, String)>,
}

/// One moment of a run.
struct Event {
    when: String,
    what: String,
    note: String,
    class: &'static str,
}

pub async fn run(visit: Visit, Segment(id): Segment<String>, query: RawQuery) -> Response {
    let path = Path::new(["runs", &id]);
    answer(visit, path, query, move |context| build(context, &id)).await
}

/// The run of an id; where engines share one, the dearest.
fn find(context: &Context<'_>, id: &str) -> Result<Option<RunRow>, PageError> {
    let filter = RunFilter { run: Some(id.to_owned()), basis: context.lens.basis, ..RunFilter::default() };
    let mut rows = context.mart.runs(&filter)?;
    let in_scope = |row: &RunRow| row.currency.is_none_or(|currency| currency == context.scope.currency);
    rows.sort_by_key(|row| (!in_scope(row), std::cmp::Reverse(row.cost)));
    Ok(rows.into_iter().next().map(|mut row| {
        if !in_scope(&row) {
            (row.cost, row.currency) = (Amount::ZERO, None);
        }
        row
    }))
}

fn build(context: &Context<'_>, id: &str) -> Result<Response, PageError> {
    let unknown = || not_found(context, "run", id, "runs");
    let row = find(context, id)?.ok_or_else(unknown)?;
    let mart = context.mart;
    let more = mart.run_more(&row.engine, id)?.ok_or_else(unknown)?;
    let (basis, currency) = (context.lens.basis, context.scope.currency);
    let money = mart.run_money(&row.engine, id, basis, currency)?;
    // What others used and left idle of the same clusters is told to those who see all.
    let idle = match mart.reach().is_whole() {
        true => mart.run_idle(&money, basis, currency)?,
        false => Vec::new(),
    };
    let stages = mart.run_stages(&row.engine, id)?;
    let touched = mart.run_tables(&row.engine, id)?;
    let hours = mart.run_hours(&row.engine, id)?;
    let of_workload = RunFilter {
        workload: Some(row.workload.clone()),
        basis,
        currency: Some(currency),
        ..RunFilter::default()
    };
    let history = mart.runs_near(&of_workload, row.started_at, MOST_HISTORY)?;
    let mut attempts = Vec::new();
    for (engine, run) in mart.run_siblings(&row.engine, id)? {
        let found = mart.runs(&RunFilter { run: Some(run), ..of_workload.clone() })?;
        attempts.extend(found.into_iter().filter(|other| other.engine == engine));
    }

    let tables = [
        run_tables::charges(context, &money.charges),
        run_tables::idle(context, &idle),
        run_tables::stages(&stages),
        run_tables::touched(context, &touched)?,
        crate::table::Table {
            id: "attempts",
            caption: "Other attempts of the same".to_owned(),
            ..runs::table(context, &attempts, false)
        },
        crate::table::Table {
            id: "history",
            caption: format!("Runs of {} around it", row.workload),
            ..runs::table(context, &history, false)
        },
        run_tables::course(context, &history),
        run_tables::held(&hours),
    ];
    let [charges_view, idle_view, stage_view, touched, attempt_view, history_view, chart_table, held_view] =
        match context.tables(tables)? {
            Shown::Page(views) => views,
            Shown::Csv(csv) => return Ok(csv),
        };
    let heard = hours.last().map(|last| last.hour + TimeDelta::hours(1));
    let held = if hours.len() > 1 { Some((held_chart(context, &hours)?, held_view)) } else { None };
    let shell = Shell::of(
        context,
        id,
        vec![
            crumb(context, "Workloads", "workloads"),
            Anchor {
                label: reports::label::visible(&row.workload),
                href: context.entity("workloads", &row.workload),
            },
        ],
    )
    .filtered(context, false)
    .in_one_view()
    .charted();
    context.page(&Run {
        shell,
        sentence: headline(context, &row, &history),
        error: row.error.as_deref().map(reports::label::visible),
        facts: facts(context, &row, &more, &mart.clusters()?),
        timeline: timeline(context, &row, &more, &attempts, heard),
        held,
        charges: charges_view,
        explain: runs::explained(context, &row),
        beside: beside(context, &idle.iter().map(|day| day.beside).sum()),
        idle: (!idle.is_empty()).then_some(idle_view),
        stages: (!stages.is_empty()).then_some(stage_view),
        touched,
        attempts: (!attempts.is_empty()).then_some(attempt_view),
        history_chart: match history.iter().any(|run| !run.cost.is_zero()) {
            true => Some(run_tables::course_chart(context, &history, &row)?),
            false => None,
        },
        chart_table,
        history: history_view,
        details: details(&row, &more),
    })
}

fn headline(context: &Context<'_>, row: &RunRow, history: &[RunRow]) -> Sentence {
    let mut sentence = Sentence::default().say(format!("A run of {} ", row.workload));
    sentence = match (row.currency, row.status.as_str()) {
        (None, _) => match row.ended_at {
            Some(ended) => {
                let took = reports::format::duration_ms((ended - row.started_at).num_milliseconds());
                return sentence.say("took ").figure(took).say(" and has no cost of its own.");
            }
            None => sentence.say("has no cost of its own"),
        },
        (Some(_), "succeeded") => sentence.say("cost ").figure(context.money(row.cost)),
        (Some(_), status) => {
            let ended = match status {
                "failed" => "failed",
                "killed" => "was killed",
                "running" => "was not over",
                _ => "has no end in its log",
            };
            sentence.figure(ended).say(" and cost ").figure(context.money(row.cost))
        }
    };
    if let Some(ended) = row.ended_at {
        let took = reports::format::duration_ms((ended - row.started_at).num_milliseconds());
        sentence = sentence.say(" in ").figure(took);
    }
    // Against the others around it, not itself.
    let others: Vec<Amount> = history
        .iter()
        .filter(|other| {
            (&other.engine, &other.run_id) != (&row.engine, &row.run_id) && other.currency.is_some()
        })
        .map(|other| other.cost)
        .collect();
    let mean = others.iter().copied().sum::<Amount>().scaled(1, others.len() as i64);
    if let Some(mean) = mean.filter(|mean| row.currency.is_some() && !mean.is_zero()) {
        let mean_cost = context.money(mean);
        sentence = match others.len() {
            1 => sentence.say("; the other run around it cost ").figure(mean_cost),
            many => sentence
                .say(format!("; the {many} runs around it cost "))
                .figure(mean_cost)
                .say(" on average"),
        };
        if let Some(change) = reports::format::change_percent(row.cost, mean) {
            sentence = sentence.say(format!(" ({change})"));
        }
    }
    sentence.say(".").note(format!(
        "{}. All of its cost, whatever days are chosen; started {}.",
        words::capital(&context.terms()),
        context.instant(row.started_at)
    ))
}

fn facts(context: &Context<'_>, row: &RunRow, more: &RunMore, clusters: &[ClusterRow]) -> Vec<Fact> {
    let mut facts = Vec::new();
    if let Some(team) = &row.team {
        facts.push(Fact { href: Some(context.entity("teams", team)), ..fact("Team", team.as_str(), "") });
    }
    if let Some(cluster) = &row.cluster_id {
        let href = Some(context.entity("clusters", cluster));
        let name = called(clusters, cluster);
        let note = if name == cluster { "most of it ran there" } else { cluster };
        facts.push(Fact { href, ..fact("Cluster", name, note) });
    }
    facts.push(fact(
        "Outcome",
        runs::outcome(&row.status),
        row.trigger.as_deref().map(|by| format!("started by {by}")).unwrap_or_default(),
    ));
    facts.push(fact(
        "Cores reserved",
        format!("{} vcore-hours", reports::format::vcore_hours(row.vcore_ms)),
        busy(row).map(|busy| format!("{busy} of it computing")).unwrap_or_default(),
    ));
    if row.tasks > 0 {
        let failed = words::plural(row.failed_tasks, "failed", "failed");
        facts.push(fact(
            "Tasks",
            reports::format::count(row.tasks),
            format!("{failed}, {}", words::plural(more.executors, "executor", "executors")),
        ));
    }
    facts.push(fact(
        "Read",
        reports::format::bytes(row.input_bytes),
        format!("{} written", reports::format::bytes(row.output_bytes)),
    ));
    if row.disk_spilled_bytes > 0 {
        facts.push(fact(
            "Spilled",
            reports::format::bytes(row.disk_spilled_bytes),
            "to disk, for want of memory",
        ));
    }
    if more.lost_task_ms > 0 {
        let lost = reports::format::duration_ms(more.lost_task_ms);
        facts.push(fact("Lost", lost, "task time in tasks that failed or were killed"));
    }
    facts
}

/// What of the cores held was computing.
fn busy(row: &RunRow) -> Option<String> {
    let whole = Amount::whole(row.vcore_ms);
    (row.cpu_ms > 0).then(|| reports::format::percent(Amount::whole(row.cpu_ms), whole)).flatten()
}

/// What stands beside its cost, by the view the page is seen in.
fn beside(context: &Context<'_>, beside: &Amount) -> Option<String> {
    if beside.is_zero() {
        return None;
    }
    let money = context.money(*beside);
    Some(match context.lens.view.idle {
        Idle::Proportional => {
            format!("In this view {money} of what was idle beside it is charged to its workload too.")
        }
        Idle::Owner | Idle::Keep => format!(
            "{money} of what was idle on its clusters would be its share, were idle charged to what used them."
        ),
    })
}

/// When what; `heard` is the end of the last hour in which it held anything.
fn timeline(
    context: &Context<'_>,
    row: &RunRow,
    more: &RunMore,
    attempts: &[RunRow],
    heard: Option<Instant>,
) -> Vec<Event> {
    let mut moments: Vec<(Instant, Event)> = Vec::new();
    let mut put = |at: Instant, what: String, note: String, class| {
        moments.push((at, Event { when: context.instant(at), what, note, class }));
    };
    let took =
        |from: Instant, to: Instant| reports::format::duration_ms((to - from).num_milliseconds().max(0));
    if let Some(queued) = more.queued_at {
        put(queued, "queued".into(), format!("waited {}", took(queued, row.started_at)), "");
    }
    let attempt = row.attempt.map(|n| format!("attempt {n}")).unwrap_or_default();
    put(row.started_at, "started".into(), attempt, "");
    if let Some(ended) = row.ended_at {
        let class = match row.status.as_str() {
            "succeeded" => "good",
            "failed" | "killed" => "bad",
            _ => "",
        };
        put(ended, row.status.clone(), format!("after {}", took(row.started_at, ended)), class);
    }
    for other in attempts {
        let which = other.attempt.map_or_else(|| other.run_id.clone(), |n| format!("attempt {n}"));
        put(
            other.started_at,
            format!("another attempt: {}", runs::outcome(&other.status)),
            reports::label::visible(&which),
            "other",
        );
    }
    if row.ended_at.is_none() {
        let (what, note) = match row.status.as_str() {
            "running" => ("last heard of", "not over when its log was read"),
            _ => ("last heard of", "no end was logged: it counts until here and no longer"),
        };
        put(heard.unwrap_or(row.started_at), what.into(), note.into(), "other");
    }
    moments.sort_by_key(|(at, _)| *at);
    moments.into_iter().map(|(_, event)| event).collect()
}

/// What it held: by the hour where hours can be told apart, else by day.
fn held_chart(context: &Context<'_>, hours: &[RunHour]) -> Result<ChartView, PageError> {
    // Milliseconds of cores in an hour are cores held on average.
    let cores = |ms: i64| Amount::whole(ms).scaled(1, 3_600_000).unwrap_or_default();
    let zone = context.zone();
    let by_hour = hours.len() <= MOST_HOURS;
    let mut points: Vec<Point> = Vec::new();
    let mut values: Vec<i64> = Vec::new();
    let mut last = None;
    for hour in hours {
        let at = hour.hour.with_timezone(&zone);
        if !by_hour && last == Some(at.date_naive()) {
            if let Some(sum) = values.last_mut() {
                *sum = sum.saturating_add(hour.vcore_ms);
            }
            continue;
        }
        last = Some(at.date_naive());
        values.push(hour.vcore_ms);
        points.push(if by_hour {
            Point { long: context.instant(hour.hour), ..Point::named(at.format("%-d %b %H:%M").to_string()) }
        } else {
            Point {
                long: reports::format::day(at.date_naive()),
                ..Point::named(at.format("%-d %b").to_string())
            }
        });
    }
    Course {
        id: "held",
        title: format!("Vcore-hours reserved, by the {}", if by_hour { "hour" } else { "day" }),
        points,
        lines: vec![Line {
            name: "reserved".to_owned(),
            slot: ColourSlot::Blue,
            values: values.into_iter().map(cores).collect(),
            href: None,
        }],
        shape: Shape::Columns,
        unit: Unit::VcoreHours,
        note: None,
    }
    .view()
}

fn details(row: &RunRow, more: &RunMore) -> Vec<(&'static str, String)> {
    let engine = match &more.engine_version {
        Some(version) => format!("{} {version}", row.engine),
        None => row.engine.clone(),
    };
    let mut details = vec![("Engine", engine)];
    let mut put = |label, value: Option<String>| {
        details.extend(value.filter(|value| !value.is_empty()).map(|value| (label, value)));
    };
    put("Name", row.name.clone());
    put("Workflow", row.workflow_id.clone());
    put("Instance", more.workflow_instance_id.clone());
    put("Step", row.step_id.clone());
    put("User", row.user_name.clone());
    put("Owner named by the orchestrator", row.owner.clone());
    put("Garbage collection", (more.gc_ms > 0).then(|| reports::format::duration_ms(more.gc_ms)));
    put("Largest memory of an executor", more.peak_memory_bytes.map(reports::format::bytes));
    put("Tasks killed", (more.killed_tasks > 0).then(|| reports::format::count(more.killed_tasks)));
    put("Source", Some(more.source.clone()));
    put("Log", Some(more.source_object.clone()));
    details
}
