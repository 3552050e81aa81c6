//! Teams: what each costs, how much of it it used, and how that moved.

use askama::Template;
use attribution::mart::{Dimension, Filter, NONE};
use axum::extract::RawQuery;
use axum::response::Response;
use model::Amount;

use super::answer;
use crate::chart::{self, ChartView};
use crate::colour;
use crate::context::{Context, only};
use crate::error::PageError;
use crate::layout::Shell;
use crate::link::Path;
use crate::parts;
use crate::sentence::{self, Sentence};
use crate::state::Visit;
use crate::table::{self, Cell, Shown, Table, TableView};
use crate::words;

#[derive(Template)]
#[template(path = "teams/teams.html")]
struct Teams {
    shell: Shell,
    sentence: Sentence,
    chart: ChartView,
    chart_table: TableView,
    teams: TableView,
    /// Teams without a parent with all within them; absent where none is within another.
    organisation: Option<TableView>,
    /// Absent for who does not see all: rules are everybody's.
    ownership: Option<String>,
}

pub async fn teams(visit: Visit, query: RawQuery) -> Response {
    answer(visit, Path::new(["teams"]), query, build).await
}

fn build(context: &Context<'_>) -> Result<Response, PageError> {
    let (chart, day_table) = chart::by_day(context, Dimension::Team, &[], "Cost by day and team".to_owned())?;
    let costs = context.by(Dimension::Team, &[])?;
    let total: Amount = costs.values().copied().sum();
    let nested = context.mart.info().teams.iter().any(|team| team.parent.is_some());
    let [teams, chart_table, organisation] =
        match context.tables([table(context)?, day_table, organisation(context)?])? {
            Shown::Page(views) => views,
            Shown::Csv(csv) => return Ok(csv),
        };
    let owned = costs.keys().filter(|team| *team != NONE).count();
    let no_team = parts::no_team(context)?;
    let count = words::plural(owned as i64, "team", "teams");
    let sentence = no_team.said(context, sentence::spent(context, &count, total - no_team.total()));
    let sentence = sentence.say(".").note(sentence::comparison(context, total, &[])?);
    let is_whole = context.mart.reach().is_whole();
    let ownership = is_whole.then(|| context.lens.shared().url(&Path::new(["ownership"])));
    let shell = Shell::of(context, "Teams", vec![]).filtered(context, true).charted();
    let organisation = nested.then_some(organisation);
    context.page(&Teams { shell, sentence, chart, chart_table, teams, organisation, ownership })
}

/// One row a team without a parent, with the cost of all teams within it; the rows sum to
/// the whole.
fn organisation(context: &Context<'_>) -> Result<Table, PageError> {
    rolled_up(context, "organisation", "Top of the organisation, with all teams within".to_owned(), 1, &[])
}

/// One row for a team's own cost and one for each team just within it, with what is within that.
pub fn within(context: &Context<'_>, id: &str, filters: &[Filter]) -> Result<Table, PageError> {
    let level = context.mart.info().level(id) + 1;
    rolled_up(context, "within", format!("{id} itself, and the teams within it"), level, filters)
}

fn rolled_up(
    context: &Context<'_>,
    id: &'static str,
    caption: String,
    level: u32,
    filters: &[Filter],
) -> Result<Table, PageError> {
    let dimension = Dimension::Org(level);
    let costs = context.by(dimension.clone(), filters)?;
    let before = context.by_before(Some(dimension.clone()), filters)?;
    let total: Amount = costs.values().copied().sum();
    let currency = context.scope.currency;
    let mut columns = vec![
        table::text("team", "Team"),
        table::number("cost", format!("Cost ({currency})")),
        table::number("share", "Of the whole").derived(),
    ];
    columns.extend(before.is_some().then(|| table::number("change", format!("Change ({currency})"))));
    let row = |(team, cost): (&String, &Amount)| {
        let explained = chart::with(filters, only(dimension.clone(), team));
        let mut row = vec![
            Cell::link(context.team_label(team), context.entity("teams", team)),
            Cell::MoneyLink { amount: *cost, href: context.explain(&explained) },
            Cell::Share { part: *cost, whole: total, class: "share" },
        ];
        row.extend(before.as_ref().map(|before| Cell::Change {
            now: *cost,
            before: before.get(team).copied().unwrap_or_default(),
        }));
        row
    };
    let change =
        before.as_ref().map(|before| Cell::Change { now: total, before: before.values().copied().sum() });
    let sums = [("cost", Cell::Money(total))];
    let foot = table::foot(&columns, sums.into_iter().chain(change.map(|change| ("change", change))));
    Ok(Table {
        id,
        caption,
        noun: ("team", "teams"),
        columns,
        rows: costs.iter().map(row).collect(),
        foot: Some(foot),
        sort: ("cost", true),
        empty: context.nothing("Nothing was charged"),
    })
}

/// One row a team; the rows sum to the whole.
pub fn table(context: &Context<'_>) -> Result<Table, PageError> {
    let parts = parts::by(context, Dimension::Team, &[])?;
    let before = context.by_before(Some(Dimension::Team), &[])?;
    let daily = parts::daily(context, Dimension::Team, &[])?;
    let colours = context.colours(&Dimension::Team)?;
    let total: Amount = parts.values().map(parts::Parts::total).sum();
    let currency = context.scope.currency;
    let trend = context.days().len() > 2;

    let mut columns = vec![
        table::text("team", "Team"),
        table::number("cost", format!("Cost ({currency})")),
        table::number("share", "Of the whole").derived(),
        table::number("used", format!("Used ({currency})")).wide(),
        table::number("idle", format!("Idle ({currency})")).wide(),
        table::number("idle_share", "Idle share").derived(),
        table::number("shared_unallocated", format!("Shared, unallocated ({currency})")).wide(),
    ];
    columns.extend(before.is_some().then(|| table::number("change", format!("Change ({currency})"))));
    columns.extend(trend.then(|| table::text("trend", "By day").derived().wide()));

    let rows =
        parts.iter().map(|(team, parts)| {
            let cost = parts.total();
            let mut row = vec![
                Cell::Swatch {
                    text: context.team_label(team).to_owned(),
                    class: colour::class(colours.of(team)),
                    href: Some(context.entity("teams", team)),
                },
                Cell::MoneyLink { amount: cost, href: context.explain(&[only(Dimension::Team, team)]) },
                Cell::Share { part: cost, whole: total, class: "share" },
                Cell::Money(parts.used()),
                Cell::Money(parts.idle()),
                Cell::Share { part: parts.idle(), whole: cost, class: "idle" },
                Cell::Money(parts.rest()),
            ];
            row.extend(before.as_ref().map(|before| Cell::Change {
                now: cost,
                before: before.get(team).copied().unwrap_or_default(),
            }));
            row.extend(trend.then(|| Cell::Line(daily.get(team).cloned().unwrap_or_default())));
            row
        });
    let rows: Vec<_> = rows.collect();
    let sum = |part: fn(&parts::Parts) -> Amount| parts.values().map(part).sum::<Amount>();
    let change =
        before.as_ref().map(|before| Cell::Change { now: total, before: before.values().copied().sum() });
    let sums = [
        ("cost", Cell::Money(total)),
        ("used", Cell::Money(sum(parts::Parts::used))),
        ("idle", Cell::Money(sum(parts::Parts::idle))),
        ("idle_share", Cell::Share { part: sum(parts::Parts::idle), whole: total, class: "idle" }),
        ("shared_unallocated", Cell::Money(sum(parts::Parts::rest))),
    ];
    let foot = table::foot(&columns, sums.into_iter().chain(change.map(|change| ("change", change))));
    Ok(Table {
        id: "teams",
        caption: "Teams".to_owned(),
        noun: ("team", "teams"),
        columns,
        rows,
        foot: Some(foot),
        sort: ("cost", true),
        empty: context.nothing("Nothing was charged"),
    })
}
