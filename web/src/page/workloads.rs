//! Workloads: what ran, how often, at what cost; and one of them with its runs.

use std::collections::BTreeMap;

use askama::Template;
use attribution::mart::{
    Dimension, Filter, Finding, Idle, NONE, RunActivity, RunFilter, RunRow, UnitCosts, WorkloadCost,
    WorkloadCostQuery,
};
use axum::extract::{Path as Segment, RawQuery};
use axum::response::Response;
use model::Amount;

use super::shares::Shares;
use super::{Fact, answer, crumb, fact, movers, not_found, runs, workload_depth};
use crate::chart::{self, ChartView, Ranked};
use crate::context::{Context, only};
use crate::error::PageError;
use crate::finding;
use crate::layout::Shell;
use crate::link::Path;
use crate::parts;
use crate::sentence::{self, Sentence};
use crate::state::Visit;
use crate::table::{self, Cell, Shown, Table, TableView};
use crate::words;

#[derive(Template)]
#[template(path = "workloads/workloads.html")]
struct Workloads {
    shell: Shell,
    sentence: Sentence,
    chart: ChartView,
    workloads: TableView,
    /// All runs, whatever their workload.
    all_runs: String,
}

#[derive(Template)]
#[template(path = "workloads/workload.html")]
struct Workload {
    shell: Shell,
    sentence: Sentence,
    facts: Vec<Fact>,
    chart: ChartView,
    chart_table: TableView,
    /// What a run cost over time; absent where too few days have any.
    per_run: Option<ChartView>,
    per_run_table: TableView,
    outcome_chart: Option<ChartView>,
    outcome_days: TableView,
    outcomes: TableView,
    movers: TableView,
    waste: TableView,
    runs: TableView,
    outputs: TableView,
}

pub async fn workloads(visit: Visit, query: RawQuery) -> Response {
    answer(visit, Path::new(["workloads"]), query, build_list).await
}

pub async fn workload(visit: Visit, Segment(id): Segment<String>, query: RawQuery) -> Response {
    let path = Path::new(["workloads", &id]);
    let asked = visit.clone();
    answer(visit, path, query, move |context| build_one(context, &asked, &id)).await
}

fn build_list(context: &Context<'_>) -> Result<Response, PageError> {
    let costs = context.by(Dimension::Workload, &[])?;
    let colours = context.colours(&Dimension::Team)?;
    let owners = owners(context, &[])?;
    let named = || costs.iter().filter(|(workload, _)| *workload != NONE);
    let ranked = named()
        .map(|(workload, cost)| Ranked {
            name: workload.clone(),
            amount: *cost,
            slot: colours.of(owners.get(workload).map_or(NONE, String::as_str)),
            href: context.entity("workloads", workload),
        })
        .collect();
    let chart = chart::ranks(context, "largest", "Largest workloads, coloured by team".to_owned(), ranked)?;
    let [workloads] = match context.tables([list(context, &[])?])? {
        Shown::Page(views) => views,
        Shown::Csv(csv) => return Ok(csv),
    };
    let total: Amount = named().map(|(_, cost)| *cost).sum();
    let rest = costs.get(NONE).copied().unwrap_or_default();
    let subject = words::plural(named().count() as i64, "workload", "workloads");
    let mut sentence = sentence::cost(context, &subject, total);
    if !rest.is_zero() {
        sentence =
            sentence.say("; ").figure(context.money(rest)).say(" more was charged that no run explains");
    }
    let sentence = sentence.say(".").note(format!("{}.", words::capital(&context.terms())));
    let shell = Shell::of(context, "Workloads", vec![]).filtered(context, true).charted();
    let all_runs = context.lens.shared().url(&Path::new(["runs"]));
    context.page(&Workloads { shell, sentence, chart, workloads, all_runs })
}

/// What is known of a workload from its runs.
#[derive(Default)]
struct Activity<'a> {
    runs: i64,
    failed: i64,
    vcore_ms: i64,
    last: Option<&'a RunActivity>,
}

/// One row a workload, and one for what no run explains; the rows sum to the whole.
pub fn list(context: &Context<'_>, filters: &[Filter]) -> Result<Table, PageError> {
    let costs = context.by(Dimension::Workload, filters)?;
    let before = context.by_before(Some(Dimension::Workload), filters)?;
    let owners = owners(context, filters)?;
    let scope = &context.scope;
    let ran = context.mart.run_activity(scope.from, scope.to, scope.currency)?;
    let mut activity: BTreeMap<&str, Activity<'_>> = BTreeMap::new();
    for of_team in ran.iter().filter(|ran| context.leave_team(filters, ran.team.as_deref())) {
        let seen = activity.entry(&of_team.workload).or_default();
        seen.runs += of_team.runs;
        seen.failed += of_team.failed;
        seen.vcore_ms = seen.vcore_ms.saturating_add(of_team.vcore_ms);
        if seen.last.is_none_or(|last| last.last_started_at <= of_team.last_started_at) {
            seen.last = Some(of_team);
        }
    }
    let total: Amount = costs.values().copied().sum();
    let currency = context.scope.currency;
    let mut columns = vec![
        table::text("workload", "Workload"),
        table::text("team", "Team"),
        table::number("cost", format!("Cost ({currency})")),
        table::number("share", "Of the whole").derived().wide(),
        table::number("runs", "Runs"),
        table::number("failed", "Failed"),
        table::number("vcore_ms", "Vcore-hours").wide(),
        table::text("engine", "Engine").wide(),
        table::number("last_run", "Last start").wide(),
    ];
    if before.is_some() {
        columns.push(table::number("change", format!("Change ({currency})")));
    }
    let row = |(workload, cost): (&String, &Amount)| {
        let href = context.explain(&chart::with(filters, only(Dimension::Workload, workload)));
        let seen = activity.get(workload.as_str());
        let count = |count: fn(&Activity<'_>) -> Cell| seen.map_or(Cell::Nothing, count);
        let mut row = vec![
            if workload == NONE {
                Cell::text("no workload (idle, storage, shared, …)")
            } else {
                Cell::link(workload.as_str(), context.entity("workloads", workload))
            },
            match owners.get(workload) {
                Some(team) if team != NONE && workload != NONE => {
                    Cell::link(team.as_str(), context.entity("teams", team))
                }
                _ => Cell::Nothing,
            },
            Cell::MoneyLink { amount: *cost, href },
            Cell::Share { part: *cost, whole: total, class: "share" },
            count(|seen| Cell::Count(seen.runs)),
            count(|seen| Cell::Count(seen.failed)),
            count(|seen| Cell::VcoreMs(seen.vcore_ms)),
            Cell::maybe(seen.and_then(|seen| seen.last).map(|ran| ran.engine.as_str())),
            Cell::when(seen.and_then(|seen| seen.last).map(|ran| ran.last_started_at)),
        ];
        row.extend(before.as_ref().map(|before| Cell::Change {
            now: *cost,
            before: before.get(workload).copied().unwrap_or_default(),
        }));
        row
    };
    let sum = |count: fn(&Activity<'_>) -> i64| activity.values().map(count).sum::<i64>();
    let change =
        before.as_ref().map(|before| Cell::Change { now: total, before: before.values().copied().sum() });
    let sums = [
        ("cost", Cell::Money(total)),
        ("runs", Cell::Count(sum(|seen| seen.runs))),
        ("failed", Cell::Count(sum(|seen| seen.failed))),
        ("vcore_ms", Cell::VcoreMs(sum(|seen| seen.vcore_ms))),
    ];
    let foot = table::foot(&columns, sums.into_iter().chain(change.map(|change| ("change", change))));
    Ok(Table {
        id: "workloads",
        caption: "Workloads".to_owned(),
        noun: ("row", "rows"),
        columns,
        rows: costs.iter().map(row).collect(),
        foot: Some(foot),
        sort: ("cost", true),
        empty: match context.lens.team {
            Some(_) => context.nothing("Nothing of this team ran"),
            None => format!(
                "{} Run logs are read from sources such as spark-event-log; see Data.",
                context.nothing("Nothing ran")
            ),
        },
    })
}

/// The team with most of each workload's cost.
fn owners(context: &Context<'_>, filters: &[Filter]) -> Result<BTreeMap<String, String>, PageError> {
    let mut best: BTreeMap<String, (Amount, String)> = BTreeMap::new();
    for row in context.costs(&[Dimension::Workload, Dimension::Team], filters)? {
        let entry = best.entry(row.keys[0].clone()).or_insert_with(|| (row.cost, row.keys[1].clone()));
        if row.cost > entry.0 {
            *entry = (row.cost, row.keys[1].clone());
        }
    }
    Ok(best.into_iter().map(|(workload, (_, team))| (workload, team)).collect())
}

fn build_one(context: &Context<'_>, visit: &Visit, id: &str) -> Result<Response, PageError> {
    let filters = parts::one(Dimension::Workload, id);
    let parts = parts::of(context, &filters)?;
    let total = parts.total();
    let runs = context.runs(RunFilter { workload: Some(id.to_owned()), ..RunFilter::default() })?;
    if id == NONE || (runs.is_empty() && !known(context, id)?) {
        return Err(not_found(context, "workload", id, "workloads"));
    }
    let title = "Cost by day and team".to_owned();
    let (chart, day_table) = chart::by_day(context, Dimension::Team, &filters, title)?;
    let costs = context.mart.workload_costs(&WorkloadCostQuery {
        workload: Some(id.to_owned()),
        basis: context.lens.basis,
        from: Some(context.scope.from),
        to: Some(context.scope.to),
        currency: Some(context.scope.currency),
    })?;
    let costs: Vec<_> =
        costs.into_iter().filter(|row| context.leave_team(&[], row.team.as_deref())).collect();
    let is_asked = |found: &Finding| found.subject_kind == "workload" && found.subject == id;
    let (per_run, per_run_table) = workload_depth::per_run(context, &runs)?;
    let (outcome_chart, outcome_days) = runs::outcomes(
        context,
        runs.iter().map(|run| (run.started_at.date_naive(), run.status.as_str(), 1)),
    )?;
    let tables = [
        runs::table(context, &runs, false),
        OUTPUTS.table(context, &filters)?,
        per_run_table,
        outcome_days,
        day_table,
        outcomes(context, &costs),
        movers::table(context, &Dimension::Team, Some("teams"), &filters)?,
        finding::first(context, visit, is_asked, "No waste is found at it.")?,
    ];
    let [run_table, outputs, per_run_table, outcome_days, chart_table, outcomes, movers, waste] =
        match context.tables(tables)? {
            Shown::Page(views) => views,
            Shown::Csv(csv) => return Ok(csv),
        };
    let failed = runs.iter().filter(|run| run.status == "failed").count();
    let mut sentence = sentence::cost(context, id, total)
        .say(format!(" in {}", words::plural(runs.len() as i64, "run", "runs")));
    if failed > 0 {
        sentence = sentence.say(", ").figure(reports::format::count(failed as i64)).say(" of them failed");
    }
    let mut sentence = sentence.say(".").note(sentence::comparison(context, total, &filters)?);
    // The same word as on the page of a run; runs have none of it of their own.
    if context.lens.view.idle == Idle::Proportional && !parts.idle().is_zero() {
        sentence = sentence.note(format!(
            "In this view {} of what was idle beside its runs is charged to it too: what a run cost, and the \
             outcomes, are without it.",
            context.money(parts.idle())
        ));
    }
    let shell = Shell::of(context, id, vec![crumb(context, "Workloads", "workloads")])
        .filtered(context, true)
        .charted();
    let mut facts = facts(context, id, &runs)?;
    facts.extend(unit_facts(context, &UnitCosts::of(&costs)));
    facts.extend(workload_depth::efficiency(&runs));
    context.page(&Workload {
        shell,
        sentence,
        facts,
        chart,
        chart_table,
        per_run,
        per_run_table,
        outcome_chart,
        outcome_days,
        outcomes,
        movers,
        waste,
        runs: run_table,
        outputs,
    })
}

/// Whether any cost of any day names this workload.
fn known(context: &Context<'_>, id: &str) -> Result<bool, PageError> {
    let query = attribution::mart::CostQuery {
        filters: parts::one(Dimension::Workload, id),
        ..attribution::mart::CostQuery::default()
    };
    let ever = RunFilter { workload: Some(id.to_owned()), ..RunFilter::default() };
    Ok(!context.mart.costs(&query)?.is_empty() || !context.mart.runs(&ever)?.is_empty())
}

fn facts(context: &Context<'_>, id: &str, runs: &[RunRow]) -> Result<Vec<Fact>, PageError> {
    let owner = owners(context, &parts::one(Dimension::Workload, id))?.remove(id);
    let mut facts = Vec::new();
    if let Some(team) = owner.filter(|team| team != NONE) {
        facts.push(Fact {
            href: Some(context.entity("teams", &team)),
            ..fact("Team", team, "owns most of its cost")
        });
    }
    // A step says when, the run that it started says on what.
    let newest = |costs: bool| {
        runs.iter().filter(|run| !costs || run.currency.is_some()).max_by_key(|run| run.started_at)
    };
    let Some(last) = newest(true).or_else(|| newest(false)) else { return Ok(facts) };
    facts.push(fact("Last run", context.instant(last.started_at), runs::outcome(&last.status)));
    let vcore_ms = runs.iter().map(|run| run.vcore_ms).fold(0_i64, i64::saturating_add);
    facts.push(fact(
        "Reserved",
        format!("{} vcore-hours", reports::format::vcore_hours(vcore_ms)),
        "by its runs in this span",
    ));
    let engine = last.trigger.as_deref().map(|trigger| format!("started by {trigger}")).unwrap_or_default();
    facts.push(fact("Engine", last.engine.clone(), engine));
    Ok(facts)
}

/// What a run, a terabyte and a million rows cost, and what of it failed or was tried again.
fn unit_facts(context: &Context<'_>, units: &UnitCosts) -> Vec<Fact> {
    let mut facts = Vec::new();
    let mut each = |label, cost: Option<Amount>, note: &str| {
        facts.extend(cost.map(|cost| fact(label, context.short(cost), note)));
    };
    each("Cost per run", units.per_run(), "on average, failed ones paid by all");
    each("Per TB written", units.per_terabyte_written(), "10^12 bytes to tables");
    each("Per million rows", units.per_million_rows(), "where logs count them");
    if units.failed_runs > 0 {
        let runs = words::plural(units.failed_runs, "run", "runs");
        facts.push(fact("Failed", context.money(units.failed_cost), runs));
    }
    if units.retries > 0 {
        let retries = words::plural(units.retries, "later attempt", "later attempts");
        facts.push(fact("Retries", context.money(units.retry_cost), retries));
    }
    facts
}

/// Its cost by what started it, how it ended and which attempt it was.
fn outcomes(context: &Context<'_>, costs: &[WorkloadCost]) -> Table {
    let currency = context.scope.currency;
    let all = UnitCosts::of(costs);
    let row = |row: &WorkloadCost| {
        let units = UnitCosts::of([row]);
        vec![
            Cell::text(row.trigger.as_deref().unwrap_or("not known")),
            Cell::text(runs::outcome(&row.status)),
            Cell::text(if row.is_retry { "later" } else { "first" }),
            Cell::Count(row.runs),
            Cell::Money(row.cost),
            Cell::Share { part: row.cost, whole: all.cost, class: "share" },
            units.per_run().map_or(Cell::Nothing, Cell::Money),
            Cell::VcoreMs(row.vcore_ms),
            Cell::Bytes(row.written_bytes),
        ]
    };
    let columns = vec![
        table::text("trigger", "Started by"),
        table::text("status", "Outcome"),
        table::text("attempt", "Attempt").wide(),
        table::number("runs", "Runs with a cost"),
        table::number("cost", format!("Cost ({currency})")),
        table::number("share", "Of the workload").derived().wide(),
        table::number("per_run", format!("Per run ({currency})")).wide(),
        table::number("vcore_ms", "Vcore-hours").wide(),
        table::number("written_bytes", "Written to tables").wide(),
    ];
    let foot = table::foot(
        &columns,
        [
            ("runs", Cell::Count(all.runs)),
            ("cost", Cell::Money(all.cost)),
            ("per_run", all.per_run().map_or(Cell::Nothing, Cell::Money)),
            ("vcore_ms", Cell::VcoreMs(costs.iter().map(|row| row.vcore_ms).fold(0, i64::saturating_add))),
            ("written_bytes", Cell::Bytes(all.written_bytes)),
        ],
    );
    Table {
        id: "outcomes",
        caption: "By trigger, outcome and attempt".to_owned(),
        noun: ("row", "rows"),
        columns,
        rows: costs.iter().map(row).collect(),
        foot: Some(foot),
        sort: ("cost", true),
        empty: context.nothing("No run of it cost anything"),
    }
}

const OUTPUTS: Shares = Shares {
    id: "outputs",
    caption: "Tables its cost went into",
    noun: ("row", "rows"),
    dimension: Dimension::Table,
    place: Some("tables"),
    nothing: "no table (failed runs, runs that wrote none)",
    whole: "Of the workload",
    empty: "Nothing was charged for it",
};
