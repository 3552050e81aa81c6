//! One team: what it spent, on what, and what of it was idle.

use askama::Template;
use attribution::mart::{Dimension, Filter, Finding, Handover, Idle, NONE, Ownership, View};
use axum::extract::{Path as Segment, RawQuery};
use axum::response::Response;
use model::Category;
use reports::week;

use super::shares::Shares;
use super::{Fact, answer, clusters, crumb, fact, movers, not_found, tables, teams, workloads};
use crate::budget::{self, Budgets};
use crate::chart::{self, ChartView};
use crate::context::{Context, only};
use crate::error::PageError;
use crate::finding;
use crate::layout::{Anchor, Shell};
use crate::lens::Lens;
use crate::link::Path;
use crate::parts;
use crate::sentence::{self, Sentence};
use crate::state::Visit;
use crate::table::{Shown, TableView};
use crate::words;

#[derive(Template)]
#[template(path = "teams/team.html")]
struct Team {
    shell: Shell,
    sentence: Sentence,
    /// That it owns nothing any more, and the teams that took over.
    handover: Option<(String, Vec<Anchor>)>,
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
        return Err(unknown(page, id));
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
        SERVICES.table(page, &filters)?,
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
    let mut sentence = sentence::of_team(page, id, total);
    if let Some(idle) = reports::format::percent(parts.idle(), total).filter(|_| !parts.idle().is_zero()) {
        sentence = sentence.say(", ").figure(idle).say(" of it idle");
    }
    if let Some((workload, cost)) = parts::largest(&page.by(Dimension::Workload, &filters)?) {
        sentence =
            sentence.say(format!("; its dearest workload is {workload} with ")).figure(page.money(cost));
    }
    if id == NONE {
        sentence = parts::no_team(page)?.said(page, sentence);
    }
    let sentence = sentence.say(".").note(sentence::comparison(page, total, &filters)?);
    let shell = Shell::of(page, &name, vec![crumb(page, "Teams", "teams")]).filtered(page, false).charted();
    let handover = page.mart.handover(id)?.filter(|handover| handover.on < page.scope.to);
    let facts = facts(page, id, &filters, &parts);
    let within = page.mart.info().sub_teams(id).next().is_some().then_some(within);
    page.page(&Team {
        shell,
        sentence,
        handover: handover.map(|handover| handed_over(page, id, &handover)),
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

/// That a team is unknown. One that was renamed is still in the record of who owned what.
fn unknown(page: &Context<'_>, id: &str) -> PageError {
    let mut error = not_found(page, "team", id, "teams");
    let view = View { ownership: Ownership::AsWas, ..page.lens.view };
    let recorded = Lens { team: None, view, ..page.lens.shared() };
    let was_known = page.mart.reach().is_whole()
        && page.with(recorded.clone()).is_ok_and(|then| then.teams.iter().any(|team| team == id));
    if let (true, PageError::NotFound { why, ways_out, .. }) = (was_known, &mut error) {
        *why = Some(
            "No rule of today names this team: it was renamed or removed. What it owned was recorded, and can be \
             seen as it was; under All teams its costs stand with whoever owns them now."
                .to_owned(),
        );
        ways_out.insert(0, (format!("{id} as recorded"), recorded.url(&page.path)));
    }
    error
}

/// That a team's rules have ended, with the pages of those that took over.
fn handed_over(page: &Context<'_>, id: &str, handover: &Handover) -> (String, Vec<Anchor>) {
    let day = reports::format::day(handover.on);
    let owns = format!("The last rule that names {} ended on {day}: it owns nothing since.", page.owner(id));
    let heirs = handover.to.iter().map(|(team, rules)| Anchor {
        label: format!("{team} ({})", words::plural(*rules, "rule", "rules")),
        href: page.entity("teams", team),
    });
    (if handover.to.is_empty() { owns } else { format!("{owns} Its rules go on with") }, heirs.collect())
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
        part(if id == NONE { "Shared by all" } else { "Shared, spread" }, Category::Shared),
        part("Unallocated", Category::Unallocated),
    ];
    facts.retain(|fact| fact.note != "0%" && fact.note != "0.0%" && !fact.note.is_empty());
    if let Some(parent) =
        context.mart.info().teams.iter().find(|team| team.name == id).and_then(|team| team.parent.as_deref())
    {
        facts.push(Fact { href: Some(context.entity("teams", parent)), ..fact("Part of", parent, "") });
    }
    // The days of a report are its own: none of the page's go along.
    let week = week::latest(context.mart.info(), context.now).filter(|_| is_configured(context, id));
    facts.extend(week.map(|week| Fact {
        href: Some(Path::new(["reports", "weekly", id]).encoded()),
        ..fact("Weekly report", week::iso(week), "as it would be mailed now")
    }));
    let email =
        context.mart.info().teams.iter().find(|team| team.name == id).map(|team| team.email.join(", "));
    facts.extend(email.filter(|email| !email.is_empty()).map(|email| fact("Reports go to", email, "")));
    facts
}

/// Whether the configuration lists a team: it is then mailed reports.
fn is_configured(context: &Context<'_>, id: &str) -> bool {
    context.mart.info().teams.iter().any(|team| team.name == id)
}

const SERVICES: Shares = Shares {
    id: "services",
    caption: "Services",
    noun: ("service", "services"),
    dimension: Dimension::Service,
    place: None,
    nothing: "no service",
    whole: "Of the team",
    empty: "Nothing was charged to this team",
};
