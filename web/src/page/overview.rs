//! Overview: what was spent, by whom, how much of it was idle, and that it equals the bill.

use askama::Template;
use attribution::mart::{Change, CostQuery, Dimension, Finding, NONE};
use axum::extract::RawQuery;
use axum::response::Response;
use chrono::Days;
use model::{Amount, Category};
use reports::budget::month_of;
use reports::{forecast, watch};

use super::{Fact, alerts, answer, fact, movers, teams};
use crate::budget::{self, Budgets};
use crate::chart::{self, ChartView};
use crate::context::Context;
use crate::equation::{self, Balance, Equation};
use crate::error::PageError;
use crate::finding;
use crate::flow;
use crate::freshness;
use crate::layout::{Anchor, Shell};
use crate::lens::{Group, Lens};
use crate::link::Path;
use crate::parts;
use crate::sentence::{self, Sentence};
use crate::state::Visit;
use crate::table::{Shown, TableView};
use crate::words;

#[derive(Template)]
#[template(path = "overview/overview.html")]
struct Overview {
    shell: Shell,
    sentence: Sentence,
    facts: Vec<Fact>,
    groups: Vec<(Anchor, bool)>,
    chart: ChartView,
    chart_table: TableView,
    /// Absent while a team filter is set: the equation is about the whole bill.
    equation: Option<Equation>,
    budgets: Option<Budgets>,
    flow: ChartView,
    flow_table: TableView,
    teams: TableView,
    movers: TableView,
    waste: TableView,
    /// Whether anything was charged in the span.
    charged: bool,
    /// That nothing was, and when something was.
    nothing: String,
}

pub async fn overview(visit: Visit, query: RawQuery) -> Response {
    let asked = visit.clone();
    answer(visit, Path::root(), query, move |context| build(context, &asked)).await
}

fn build(context: &Context<'_>, visit: &Visit) -> Result<Response, PageError> {
    let group = context.lens.group.unwrap_or(Group::Team);
    let parts = parts::of(context, &[])?;
    let total = parts.total();
    let balance = equation::in_view(context, Balance::of(equation::balance(context)?.iter()))?;
    let teams_by_cost = context.by(Dimension::Team, &[])?;

    let (chart, day_table) =
        chart::by_day(context, group.dimension(), &[], format!("Cost by day and {}", group.name()))?;
    let (flow, flow_table) = flow::bill_to_teams(context)?;
    let changes = movers::changes(context, &Dimension::Workload, &[])?;
    let changed = movers::largest(&changes).map(|(change, by)| most_changed(context, change, by));
    let movers = movers::table_of(context, &Dimension::Workload, Some("workloads"), &[], changes);
    let before: Option<Amount> = context.by_before(None, &[])?.map(|before| before.values().copied().sum());
    let is_asked = |found: &Finding| finding::is_of_lens(context, found.team.as_deref());
    let findings = finding::load(context, visit)?;
    let waste = finding::first_of(context, &findings, is_asked, "Nothing is left to fix.");
    let tables = [teams::table(context)?, day_table, flow_table, movers, waste];
    let [teams, chart_table, flow_table, movers, waste] = match context.tables(tables)? {
        Shown::Page(views) => views,
        Shown::Csv(csv) => return Ok(csv),
    };

    let all = if context.mart.reach().is_whole() { "The platform" } else { "What you see" };
    let mut sentence = match context.lens.team.as_deref() {
        None => sentence::spent(context, all, total),
        Some(team) => sentence::of_team(context, team, total),
    };
    if let Some(moved) = before.and_then(|before| reports::format::change_percent(total, before)) {
        sentence = match (moved.strip_prefix('+'), moved.strip_prefix('-')) {
            (Some(up), _) => sentence.say(", ").figure(format!("up {up}")),
            (_, Some(down)) => sentence.say(", ").figure(format!("down {down}")),
            _ => sentence.say(", as before"),
        };
    }
    if let Some(idle) = reports::format::percent(parts.idle(), total).filter(|_| !parts.idle().is_zero()) {
        sentence = sentence.say(", ").figure(idle).say(" of it idle");
    }
    if context.lens.team.is_none()
        && let Some((team, cost)) = parts::largest(&teams_by_cost)
    {
        sentence = sentence.say(format!("; the largest part is {team}’s with ")).figure(context.money(cost));
    }
    sentence = sentence.say(".");
    if let Some((what, by, why)) = changed {
        sentence = sentence.say(format!(" The largest change: {what}, ")).figure(by).say(why);
    }
    if let Some((fix, saving)) = finding::before_all(&findings, is_asked) {
        sentence = sentence
            .say(format!(" First: {}, ", words::uncapital(&fix)))
            .figure(context.short(saving))
            .say(" a month.");
    }
    let sentence = sentence.note(sentence::compared(context, total, before));

    let mut shell = Shell::of(context, "Overview", vec![]).filtered(context, true).charted();
    shell.banners.extend(freshness::stopped_sources(context)?);
    let groups = Group::ALL
        .into_iter()
        .map(|choice| {
            let lens = Lens { group: (choice != Group::Team).then_some(choice), ..context.lens.page() };
            let label = format!("By {}", choice.name());
            (Anchor { label, href: lens.url(&context.path) }, choice == group)
        })
        .collect();
    context.page(&Overview {
        shell,
        sentence,
        facts: facts(context, visit, &parts)?,
        groups,
        chart,
        chart_table,
        equation: (context.lens.team.is_none() && context.mart.reach().sees_bill())
            .then(|| Equation::new(context, &balance)),
        budgets: budget::of(context, visit, context.lens.team.as_deref())?,
        flow,
        flow_table,
        teams,
        movers,
        waste,
        charged: !teams_by_cost.is_empty(),
        nothing: context.nothing("Nothing was charged"),
    })
}

/// What changed most: its name, by how much, and the largest part of why; the others are in the table.
fn most_changed(context: &Context<'_>, change: &Change, by: Amount) -> (String, String, String) {
    let what = match change.keys.first().map(String::as_str) {
        None | Some(NONE) => "what no run explains".to_owned(),
        Some(workload) => workload.to_owned(),
    };
    let told = reports::format::signed_money(by, context.scope.currency);
    let why = reports::reason::largest(change).map_or_else(|| ".".to_owned(), |why| format!(" ({why})."));
    (what, told, why)
}

fn facts(context: &Context<'_>, visit: &Visit, parts: &parts::Parts) -> Result<Vec<Fact>, PageError> {
    let total = parts.total();
    let percent = |part| reports::format::percent(part, total).unwrap_or_else(|| "–".to_owned());
    let sources = context.mart.sources()?;
    let newest = context.mart.info().newest_day();
    let skipped: i64 = sources.iter().map(|source| source.skipped).sum();
    let data = context.mart.reach().sees_bill().then(|| context.lens.shared().url(&Path::new(["data"])));
    let mut facts: Vec<Fact> = expected(context)?.into_iter().collect();
    // Of one team's costs all are a team's.
    if context.lens.team.is_none() {
        let no_team = parts::no_team(context)?;
        facts.push(Fact {
            label: "Owned by teams",
            value: percent(total - no_team.total()),
            note: no_team.noted(context),
            href: Some(context.entity("teams", NONE)).filter(|_| !no_team.total().is_zero()),
        });
    }
    facts.extend([
        Fact {
            label: "Idle",
            value: percent(parts.idle()),
            note: format!("{} paid and not used", context.money(parts.idle())),
            href: Some(context.explain(&parts::one(Dimension::Category, Category::Idle.name()))),
        },
        Fact {
            href: data.clone(),
            ..fact(
                "Newest usage",
                newest.map_or_else(|| "–".to_owned(), reports::format::day),
                "of all bills read",
            )
        },
        Fact {
            href: data,
            ..fact(
                "Left out",
                words::plural(skipped, "object", "objects"),
                if skipped == 0 { "everything was read" } else { "figures are partial; see Data" },
            )
        },
    ]);
    facts.extend(alerts::fact(context, visit));
    Ok(facts)
}

/// What the newest month will have cost at its end, whatever days are shown; nothing where it is
/// over or too little is known.
fn expected(context: &Context<'_>) -> Result<Option<Fact>, PageError> {
    let Some(closed) = watch::closed_days(context.mart)? else { return Ok(None) };
    let newest = closed.end.pred_opt().unwrap_or(closed.end);
    let from = month_of(newest) - Days::new(forecast::DAYS_BEFORE);
    let query = CostQuery { from: Some(from), to: Some(closed.end), ..context.query(&[Dimension::Day], &[]) };
    let rows = context.mart.costs(&query)?;
    let costs =
        rows.into_iter().filter_map(|row| Some((row.keys.first()?.parse().ok()?, row.cost))).collect();
    let Some(forecast) = forecast::month_end(&costs, closed) else { return Ok(None) };
    if forecast.end >= forecast.month_end() {
        return Ok(None);
    }
    let spent = context.money(forecast.spent);
    let lens = context.lens.page().days(forecast.month.max(closed.first), closed.end);
    Ok(Some(Fact {
        href: Some(lens.url(&context.path)),
        ..fact(
            "Forecast",
            context.short(forecast.expected),
            format!(
                "for all of {}; {spent} until {}",
                forecast.month.format("%B"),
                reports::format::day(newest)
            ),
        )
    }))
}
