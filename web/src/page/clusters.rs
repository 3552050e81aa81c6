//! Clusters: what they cost, and how much of what was paid was used.

use std::collections::{BTreeMap, BTreeSet};

use askama::Template;
use attribution::mart::{ClusterRow, CostQuery, Dimension, Filter, Finding, NONE, RunFilter};
use axum::extract::{Path as Segment, RawQuery};
use axum::response::Response;
use model::Category;

use super::{Fact, answer, cluster_depth, clusters_named, crumb, fact, not_found, runs};
use crate::chart::{self, ChartView};
use crate::cluster_names::ClusterNames;
use crate::context::{Context, only};
use crate::error::PageError;
use crate::finding;
use crate::layout::{Anchor, Shell};
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
    let names = ClusterNames::of(context)?;
    let called: BTreeSet<&str> = named().map(|(cluster, _)| names.called(cluster)).collect();
    let mut subject = words::plural(named().count() as i64, "cluster", "clusters");
    if called.len() < named().count() {
        subject = format!("{subject} of {}", words::plural(called.len() as i64, "name", "names"));
    }
    let sentence = sentence::and_idle(context, sentence::cost(context, &subject, sum.total()), &sum);
    let sentence = sentence.say(".").note(format!("{}.", words::capital(&context.terms())));
    let shell = Shell::of(context, "Clusters", vec![]).filtered(context, true).charted();
    context.page(&Clusters { shell, sentence, chart, chart_table, clusters })
}

/// One row a name (or the id of a cluster without one) of clusters that cost anything in the span,
/// and of every known one where nothing restricts the page.
pub fn list(context: &Context<'_>, filters: &[Filter]) -> Result<Table, PageError> {
    let costs = parts::by(context, Dimension::Cluster, filters)?;
    let names = ClusterNames::of(context)?;
    let all = filters.is_empty() && context.lens.team.is_none();
    let ids: BTreeSet<&String> =
        costs.keys().filter(|id| *id != NONE).chain(names.known().keys().filter(|_| all)).collect();
    let mut called: BTreeMap<&str, Vec<&String>> = BTreeMap::new();
    for id in &ids {
        called.entry(names.called(id)).or_default().push(id);
    }
    let currency = context.scope.currency;
    let row = |(name, ids): (&&str, &Vec<&String>)| {
        let parts = Parts::sum(ids.iter().filter_map(|id| costs.get(*id)));
        let seen: Vec<&ClusterRow> = ids.iter().filter_map(|id| names.known().get(*id)).collect();
        let newest = seen.iter().max_by_key(|cluster| cluster.started_at);
        let sum = |value: fn(&ClusterRow) -> i64| {
            (!seen.is_empty()).then(|| seen.iter().map(|one| value(one)).fold(0_i64, i64::saturating_add))
        };
        // A cluster alone in the span is still one of all that go by its name.
        let is_one = ids.len() == 1 && names.ids(name).len() < 2;
        let explained = || context.explain(&chart::with(filters, only(Dimension::Cluster, ids[0])));
        vec![
            Cell::link(*name, names.href(context, name)),
            Cell::text(if is_one { ids[0].as_str() } else { *name }),
            Cell::Count(ids.len() as i64),
            match newest.and_then(|cluster| cluster.team.as_ref()) {
                Some(team) => Cell::link(team.as_str(), context.entity("teams", team)),
                None => Cell::Nothing,
            },
            Cell::MoneyLink {
                amount: parts.total(),
                href: if ids.len() == 1 { explained() } else { names.href(context, name) },
            },
            Cell::Money(parts.idle()),
            Cell::Share { part: parts.idle(), whole: parts.total(), class: "idle" },
            sum(|cluster| cluster.nodes).map_or(Cell::Nothing, Cell::Count),
            sum(|cluster| cluster.vcore_ms_paid).map_or(Cell::Nothing, Cell::VcoreMs),
            sum(|cluster| cluster.vcore_ms_used).map_or(Cell::Nothing, Cell::VcoreMs),
            Cell::when(newest.and_then(|cluster| cluster.started_at)),
        ]
    };
    let sum = Parts::sum(ids.iter().filter_map(|id| costs.get(*id)));
    let is_shared = called.len() < ids.len();
    let clusters = table::number("clusters", "Clusters of this name");
    let columns = vec![
        table::text("name", "Cluster"),
        table::text("cluster", "Page").exported(),
        if is_shared { clusters.wide() } else { clusters.exported() },
        table::text("team", "Team"),
        table::number("cost", format!("Cost ({currency})")),
        table::number("idle", format!("Idle ({currency})")).wide(),
        table::number("idle_share", "Idle share").derived(),
        table::number("nodes", "Nodes ever").exported(),
        table::number("vcore_ms_paid", "Vcore-hours paid, ever").exported(),
        table::number("vcore_ms_used", "Used, ever").exported(),
        table::number("started", "Newest start").wide(),
    ];
    let foot = table::foot(
        &columns,
        [
            ("clusters", Cell::Count(ids.len() as i64)),
            ("cost", Cell::Money(sum.total())),
            ("idle", Cell::Money(sum.idle())),
            ("idle_share", Cell::Share { part: sum.idle(), whole: sum.total(), class: "idle" }),
        ],
    );
    Ok(Table {
        id: "clusters",
        caption: "Clusters".to_owned(),
        noun: if is_shared { ("name", "names") } else { ("cluster", "clusters") },
        columns,
        rows: called.iter().map(row).collect(),
        foot: Some(foot),
        sort: ("cost", true),
        empty: context.nothing("No cluster was billed"),
    })
}

fn build_one(context: &Context<'_>, visit: &Visit, id: &str) -> Result<Response, PageError> {
    let names = ClusterNames::of(context)?;
    let known = names.known().get(id).cloned();
    if known.is_none() {
        match names.ids(id) {
            [] => {}
            // One of a name is shown alike, by whichever it is asked for.
            [one] => return build_one(context, visit, one),
            many => return clusters_named::build(context, visit, id, many, &names),
        }
    }
    let filters = parts::one(Dimension::Cluster, id);
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
    let sentence = sentence::and_idle(context, sentence::cost(context, &subject, total), &parts);
    let sentence = sentence.say(".").note(sentence::comparison(context, total, &filters)?);
    let mut facts = known.as_ref().map(|cluster| facts(context, cluster, &parts)).unwrap_or_default();
    facts.extend(cluster_depth::facts(context, &hours, &markets));
    let mut crumbs = vec![crumb(context, "Clusters", "clusters")];
    if names.ids(name).len() > 1 {
        let label = reports::label::visible(name);
        crumbs.push(Anchor { label, href: names.href(context, name) });
    }
    let shell = Shell::of(context, id, crumbs).filtered(context, true).charted();
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
