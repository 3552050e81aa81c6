//! One team: what it spent, on what, and what of it was idle.

use askama::Template;
use attribution::mart::{Dimension, Filter, Finding, Idle};
use axum::extract::{Path as Segment, RawQuery};
use axum::response::Response;
use model::{Amount, Category};

use super::{Fact, answer, clusters, crumb, fact, movers, not_found, tables, teams, workloads};
use crate::budget::{self, Budgets};
use crate::chart::{self, ChartView};
use crate::context::{Context, Scope, only};
use crate::error::PageError;
use crate::finding;
use crate::layout::Shell;
use crate::lens::Lens;
use crate::link::Path;
use crate::parts;
use crate::sentence::{self, Sentence};
use crate::state::Visit;
use crate::table::{self, Cell, Shown, Table, TableView};

#[derive(Template)]
#[template(path = "teams/team.html")]
struct Team {
    shell: Shell,
    sentence: Sentence,
    facts: Vec<Fact>,
    chart: ChartView,
    chart_table: TableView,
    budgets: Option<Budgets>,
    /// The team itself and those within it; absent where there are none.
    within: Option<TableView>,
    movers: TableView,
    waste: TableView,
    workloads: TableView,
    tables: TableView,
    clusters: TableView,
    services: TableView,
}

pub async fn team(visit: Visit, Segment(id): Segment<String>, query: RawQuery) -> Response {
    let path = Path::new(["teams", &id]);
    let asked = visit.clone();
    answer(visit, path, query, move |context| build(context, &asked, &id)).await
}

fn build(page: &Context<'_>, visit: &Visit, id: &str) -> Result<Response, PageError> {
    if !page.teams.iter().any(|team| team == id) {
        return Err(not_found(page, "team", id, "teams"));
    }
    // The page is about this team whatever team the URL names beside it.
    let lens = Lens { team: None, ..page.lens.clone() };
    let page = &page.with(lens)?;
    let filters = page.of_team(id);
    let parts = parts::of(page, &filters)?;
    let total = parts.total();
    let title = "Cost by day and what it went into".to_owned();
    let (chart, day_table) = chart::by_day(page, Dimension::Category, &filters, title)?;
    let is_asked = |found: &Finding| finding::is_of_team(page, found.team.as_deref(), id);
    let all = [
        workloads::list(page, &filters)?,
        tables::list(page, &filters)?,
        clusters::list(page, &filters)?,
        services(page, &filters)?,
        day_table,
        movers::table(page, &Dimension::Workload, Some("workloads"), &filters)?,
        teams::within(page, id, &filters)?,
        finding::first(page, visit, is_asked, "Nothing of this team is left to fix.")?,
    ];
    let [workloads, tables, clusters, services, chart_table, movers, within, waste] =
        match page.tables(all)? {
            Shown::Page(views) => views,
            Shown::Csv(csv) => return Ok(csv),
        };

    let name = page.team_label(id).to_owned();
    let mut sentence = sentence::spent(page, page.owner(id), total);
    if let Some(idle) = reports::format::percent(parts.idle(), total).filter(|_| !parts.idle().is_zero()) {
        sentence = sentence.say(", ").figure(idle).say(" of it idle");
    }
    if let Some((workload, cost)) = parts::largest(&page.by(Dimension::Workload, &filters)?) {
        sentence =
            sentence.say(format!("; its dearest workload is {workload} with ")).figure(page.money(cost));
    }
    let sentence = sentence.say(".").note(sentence::comparison(page, total, &filters)?);
    let shell = Shell::of(page, &name, vec![crumb(page, "Teams", "teams")]).filtered(page, false).charted();
    let facts = facts(page, id, &filters, &parts);
    let within = page.mart.info().sub_teams(id).next().is_some().then_some(within);
    page.page(&Team {
        shell,
        sentence,
        facts,
        chart,
        chart_table,
        budgets: budget::of(page, visit, Some(id))?,
        within,
        movers,
        waste,
        workloads,
        tables,
        clusters,
        services,
    })
}

fn facts(context: &Context<'_>, id: &str, filters: &[Filter], parts: &parts::Parts) -> Vec<Fact> {
    let part = |label, category: Category| Fact {
        label,
        value: context.money(parts.get(category)),
        note: reports::format::percent(parts.get(category), parts.total()).unwrap_or_default(),
        href: Some(context.explain(&chart::with(filters, only(Dimension::Category, category.name())))),
    };
    let view = context.lens.view;
    let mut facts = vec![
        part("Runs", Category::Usage),
        part("Storage", Category::Storage),
        part("Named by the charge", Category::Direct),
        part(if view.idle == Idle::Proportional { "Idle, spread" } else { "Idle" }, Category::Idle),
        part("Shared, spread", Category::Shared),
    ];
    facts.retain(|fact| fact.note != "0%" && fact.note != "0.0%" && !fact.note.is_empty());
    if let Some(parent) =
        context.mart.info().teams.iter().find(|team| team.name == id).and_then(|team| team.parent.as_deref())
    {
        facts.push(Fact { href: Some(context.entity("teams", parent)), ..fact("Part of", parent, "") });
    }
    let email =
        context.mart.info().teams.iter().find(|team| team.name == id).map(|team| team.email.join(", "));
    facts.extend(email.filter(|email| !email.is_empty()).map(|email| fact("Reports go to", email, "")));
    facts
}

fn services(context: &Context<'_>, filters: &[Filter]) -> Result<Table, PageError> {
    let Scope { currency, .. } = context.scope;
    let costs = context.by(Dimension::Service, filters)?;
    let total: Amount = costs.values().copied().sum();
    let row = |(service, cost): (&String, &Amount)| {
        let filters = chart::with(filters, only(Dimension::Service, service));
        vec![
            Cell::text(service.as_str()),
            Cell::MoneyLink { amount: *cost, href: context.explain(&filters) },
            Cell::Share { part: *cost, whole: total, class: "share" },
        ]
    };
    Ok(Table {
        id: "services",
        caption: "Services".to_owned(),
        noun: ("service", "services"),
        columns: vec![
            table::text("service", "Service"),
            table::number("cost", format!("Cost ({currency})")),
            table::number("share", "Of the team").derived(),
        ],
        rows: costs.iter().map(row).collect(),
        foot: Some(vec![Cell::text("Total"), Cell::Money(total), Cell::Nothing]),
        sort: ("cost", true),
        empty: "Nothing was charged to this team in this span.".to_owned(),
    })
}
