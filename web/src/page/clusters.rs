//! Clusters: what they cost, and how much of what was paid was used.

use std::collections::{BTreeMap, BTreeSet};

use askama::Template;
use attribution::mart::{ClusterRow, CostQuery, Dimension, Filter, Finding, NONE, RunFilter};
use axum::extract::{Path as Segment, RawQuery};
use axum::response::Response;
use model::Category;

use super::{Fact, answer, cluster_depth, crumb, fact, not_found, runs};
use crate::chart::{self, ChartView};
use crate::context::{Context, only};
use crate::error::PageError;
use crate::finding;
use crate::layout::Shell;
use crate::link::Path;
use crate::parts::{self, Parts};
use crate::sentence::{self, Sentence};
use crate::state::Visit;
use crate::table::{self, Cell, Shown, Table, TableView};
use crate::words;

#[derive(Template)]
#[template(path = "clusters/clusters.html")]
struct Clusters {
    shell: Shell,
    sentence: Sentence,
    chart: ChartView,
    chart_table: TableView,
    clusters: TableView,
}

#[derive(Template)]
#[template(path = "clusters/cluster.html")]
struct Cluster {
    shell: Shell,
    sentence: Sentence,
    facts: Vec<Fact>,
    chart: ChartView,
    chart_table: TableView,
    /// Capacity against use; absent where no capacity is known.
    capacity: Option<ChartView>,
    usual_day: Option<ChartView>,
    hours: TableView,
    workloads: TableView,
    waste: TableView,
    runs: TableView,
}

pub async fn clusters(visit: Visit, query: RawQuery) -> Response {
    answer(visit, Path::new(["clusters"]), query, build_list).await
}

pub async fn cluster(visit: Visit, Segment(id): Segment<String>, query: RawQuery) -> Response {
    let path = Path::new(["clusters", &id]);
    let asked = visit.clone();
    answer(visit, path, query, move |context| build_one(context, &asked, &id)).await
}

fn build_list(context: &Context<'_>) -> Result<Response, PageError> {
    let costs = parts::by(context, Dimension::Cluster, &[])?;
    let named = || costs.iter().filter(|(cluster, _)| *cluster != NONE);
    let sum = Parts::sum(named().map(|(_, parts)| parts));
    let title = "Cost by day and cluster".to_owned();
    let (chart, day_table) = chart::by_day(context, Dimension::Cluster, &[], title)?;
    let [clusters, chart_table] = match context.tables([list(context, &[])?, day_table])? {
        Shown::Page(views) => views,
        Shown::Csv(csv) => return Ok(csv),
    };
    let subject = words::plural(named().count() as i64, "cluster", "clusters");
    let mut sentence = sentence::cost(context, &subject, sum.total());
    if let Some(idle) = reports::format::percent(sum.idle(), sum.total()) {
        sentence = sentence
            .say("; ")
            .figure(idle)
            .say(" of it, ")
            .figure(context.money(sum.idle()))
            .say(", was idle");
    }
    let sentence = sentence.say(".").note(format!("{}.", words::capital(&context.terms())));
    let shell = Shell::of(context, "Clusters", vec![]).filtered(context, true).charted();
    context.page(&Clusters { shell, sentence, chart, chart_table, clusters })
}

/// One row a cluster that costs anything in the span, and every known one where nothing
/// restricts the page.
pub fn list(context: &Context<'_>, filters: &[Filter]) -> Result<Table, PageError> {
    let costs = parts::by(context, Dimension::Cluster, filters)?;
    let known: BTreeMap<String, ClusterRow> =
        context.mart.clusters()?.into_iter().map(|cluster| (cluster.cluster_id.clone(), cluster)).collect();
    let all = filters.is_empty() && context.lens.team.is_none();
    let ids: BTreeSet<&String> =
        costs.keys().filter(|id| *id != NONE).chain(known.keys().filter(|_| all)).collect();
    let currency = context.scope.currency;
    let row = |id: &String| {
        let parts = costs.get(id).copied().unwrap_or_default();
        let seen = known.get(id);
        vec![
            Cell::link(id.as_str(), context.entity("clusters", id)),
            Cell::maybe(seen.and_then(|cluster| cluster.name.clone())),
            match seen.and_then(|cluster| cluster.team.as_ref()) {
                Some(team) => Cell::link(team.as_str(), context.entity("teams", team)),
                None => Cell::Nothing,
            },
            Cell::MoneyLink {
                amount: parts.total(),
                href: context.explain(&chart::with(filters, only(Dimension::Cluster, id))),
            },
            Cell::Money(parts.idle()),
            Cell::Share { part: parts.idle(), whole: parts.total(), class: "idle" },
            seen.map_or(Cell::Nothing, |cluster| Cell::Count(cluster.nodes)),
            seen.map_or(Cell::Nothing, |cluster| Cell::VcoreMs(cluster.vcore_ms_paid)),
            seen.map_or(Cell::Nothing, |cluster| Cell::VcoreMs(cluster.vcore_ms_used)),
            Cell::when(seen.and_then(|cluster| cluster.started_at)),
        ]
    };
    let sum = Parts::sum(ids.iter().filter_map(|id| costs.get(*id)));
    Ok(Table {
        id: "clusters",
        caption: "Clusters".to_owned(),
        noun: ("cluster", "clusters"),
        columns: vec![
            table::text("cluster", "Cluster"),
            table::text("name", "Name").wide(),
            table::text("team", "Team"),
            table::number("cost", format!("Cost ({currency})")),
            table::number("idle", format!("Idle ({currency})")).wide(),
            table::number("idle_share", "Idle share").derived(),
            table::number("nodes", "Nodes ever").wide(),
            table::number("vcore_ms_paid", "Vcore-hours paid, ever").wide(),
            table::number("vcore_ms_used", "Used, ever").wide(),
            table::number("started", "First start").wide(),
        ],
        rows: ids.iter().map(|id| row(id)).collect(),
        foot: Some(vec![
            Cell::text("Total"),
            Cell::Nothing,
            Cell::Nothing,
            Cell::Money(sum.total()),
            Cell::Money(sum.idle()),
            Cell::Share { part: sum.idle(), whole: sum.total(), class: "idle" },
            Cell::Nothing,
            Cell::Nothing,
            Cell::Nothing,
            Cell::Nothing,
        ]),
        sort: ("cost", true),
        empty: "No cluster was billed in this span.".to_owned(),
    })
}

fn build_one(context: &Context<'_>, visit: &Visit, id: &str) -> Result<Response, PageError> {
    let filters = parts::one(Dimension::Cluster, id);
    let known = context.mart.clusters()?.into_iter().find(|cluster| cluster.cluster_id == id);
    let ever = CostQuery { filters: filters.clone(), ..CostQuery::default() };
    if id == NONE || (known.is_none() && context.mart.costs(&ever)?.is_empty()) {
        return Err(not_found(context, "cluster", id, "clusters"));
    }
    let parts = parts::of(context, &filters)?;
    let total = parts.total();
    let (chart, day_table) =
        chart::by_day(context, Dimension::Category, &filters, "Cost by day, used and idle".to_owned())?;
    let runs = context.runs(RunFilter { cluster: Some(id.to_owned()), ..RunFilter::default() })?;
    // Findings name clusters as people do.
    let name = known.as_ref().and_then(|cluster| cluster.name.as_deref()).unwrap_or(id);
    let is_asked =
        |found: &Finding| found.subject_kind == "cluster" && (found.subject == name || found.subject == id);
    let waste = finding::first(context, visit, is_asked, "No waste is found at it.")?;
    let hours = context.mart.cluster_hours(id, context.scope.from, context.scope.to)?;
    let markets = context.mart.cluster_markets(id, context.scope.from, context.scope.to)?;
    let tables = [
        cluster_depth::users(context, id)?,
        runs::table(context, &runs, true),
        day_table,
        waste,
        cluster_depth::hours_table(&hours),
    ];
    let [workloads, runs, chart_table, waste, hours_view] = match context.tables(tables)? {
        Shown::Page(views) => views,
        Shown::Csv(csv) => return Ok(csv),
    };
    let called = known.as_ref().and_then(|cluster| cluster.name.as_deref());
    let subject = called.map_or_else(|| id.to_owned(), |name| format!("{name} ({id})"));
    let mut sentence = sentence::cost(context, &subject, total);
    if let Some(idle) = reports::format::percent(parts.idle(), total) {
        sentence = sentence
            .say("; ")
            .figure(idle)
            .say(" of it, ")
            .figure(context.money(parts.idle()))
            .say(", was idle");
    }
    let sentence = sentence.say(".").note(sentence::comparison(context, total, &filters)?);
    let mut facts = known.as_ref().map(|cluster| facts(context, cluster, &parts)).unwrap_or_default();
    facts.extend(cluster_depth::facts(context, &hours, &markets));
    let shell = Shell::of(context, id, vec![crumb(context, "Clusters", "clusters")])
        .filtered(context, true)
        .charted();
    context.page(&Cluster {
        shell,
        sentence,
        facts,
        chart,
        chart_table,
        capacity: cluster_depth::capacity(context, &hours)?,
        usual_day: cluster_depth::usual_day(context, &hours)?,
        hours: hours_view,
        workloads,
        waste,
        runs,
    })
}

fn facts(context: &Context<'_>, cluster: &ClusterRow, parts: &Parts) -> Vec<Fact> {
    let hours = reports::format::vcore_hours;
    let mut facts = Vec::new();
    if let Some(team) = &cluster.team {
        facts.push(Fact {
            href: Some(context.entity("teams", team)),
            ..fact("Team", team.as_str(), "owns what is idle")
        });
    }
    facts.push(fact("Given to runs", context.money(parts.get(Category::Usage)), "in this span"));
    if cluster.vcore_ms_paid > 0 {
        facts.push(fact(
            "Vcore-hours used",
            hours(cluster.vcore_ms_used),
            format!("of {} paid for workers, over its life", hours(cluster.vcore_ms_paid)),
        ));
    }
    facts.push(fact("Nodes", reports::format::count(cluster.nodes), "over its life"));
    if let Some(start) = cluster.started_at {
        let end = cluster
            .ended_at
            .map_or("not known to have ended".to_owned(), |end| format!("until {}", context.instant(end)));
        facts.push(fact("Started", context.instant(start), end));
    }
    facts
}
