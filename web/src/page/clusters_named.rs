//! Clusters of one name, such as one that is made anew each night: what they cost together, and
//! each of them.

use std::collections::{BTreeMap, BTreeSet};

use askama::Template;
use attribution::mart::{ClusterRow, CostRow, Dimension, Finding};
use axum::response::Response;
use model::{Amount, Category};

use super::{Fact, cluster_depth, crumb, fact};
use crate::chart::{self, ChartView};
use crate::cluster_names::ClusterNames;
use crate::context::{Context, only};
use crate::error::PageError;
use crate::finding;
use crate::layout::Shell;
use crate::parts::Parts;
use crate::sentence::{self, Sentence};
use crate::state::Visit;
use crate::table::{self, Cell, Shown, Table, TableView};
use crate::words;

#[derive(Template)]
#[template(path = "clusters/named.html")]
struct Named {
    shell: Shell,
    sentence: Sentence,
    facts: Vec<Fact>,
    chart: ChartView,
    chart_table: TableView,
    clusters: TableView,
    waste: TableView,
    workloads: TableView,
}

/// The page of all clusters that go by a name.
pub fn build(
    context: &Context<'_>,
    visit: &Visit,
    name: &str,
    ids: &[String],
    names: &ClusterNames,
) -> Result<Response, PageError> {
    let ids: BTreeSet<&str> = ids.iter().map(String::as_str).collect();
    let of_them = |by: &[Dimension]| -> Result<Vec<CostRow>, PageError> {
        let rows = context.costs(by, &[])?;
        Ok(rows.into_iter().filter(|row| ids.contains(row.keys[0].as_str())).collect())
    };
    let rows = of_them(&[Dimension::Cluster, Dimension::Category, Dimension::Day])?;
    let mut costs: BTreeMap<&str, Parts> = BTreeMap::new();
    for row in &rows {
        let category = row.keys[1].parse().unwrap_or(Category::Unallocated);
        costs.entry(&row.keys[0]).or_default().add(category, row.cost);
    }
    let by = [Dimension::Cluster, Dimension::Workload, Dimension::Team, Dimension::Category];
    let mut used: BTreeMap<Vec<String>, Amount> = BTreeMap::new();
    for row in of_them(&by)? {
        *used.entry(row.keys[1..].to_vec()).or_default() += row.cost;
    }
    let sum = Parts::sum(costs.values());
    let total = sum.total();
    let days = rows
        .iter()
        .map(|row| CostRow { keys: vec![row.keys[2].clone(), row.keys[1].clone()], ..row.clone() })
        .collect();
    let title = "Cost by day, used and idle".to_owned();
    // No restriction leaves the clusters of a name: their figures lead nowhere, the rows below to each.
    let (chart, day_table) = chart::by_day_of(context, Dimension::Category, None, title, days)?;
    let is_asked = |found: &Finding| {
        found.subject_kind == "cluster" && (found.subject == name || ids.contains(found.subject.as_str()))
    };
    let waste = finding::first(context, visit, is_asked, "No waste is found at them.")?;
    let tables = [
        table(context, &ids, &costs, names.known()),
        cluster_depth::users_table(context, &used, None),
        day_table,
        waste,
    ];
    let [clusters, workloads, chart_table, waste] = match context.tables(tables)? {
        Shown::Page(views) => views,
        Shown::Csv(csv) => return Ok(csv),
    };
    let subject = format!("{} named {name}", words::plural(costs.len() as i64, "cluster", "clusters"));
    let sentence = sentence::and_idle(context, sentence::cost(context, &subject, total), &sum);
    let sentence = sentence.say(".").note(sentence::compared(context, total, before(context, &ids)?));
    let shell = Shell::of(context, name, vec![crumb(context, "Clusters", "clusters")])
        .filtered(context, true)
        .charted();
    let facts = facts(context, &ids, names.known());
    context.page(&Named { shell, sentence, facts, chart, chart_table, clusters, waste, workloads })
}

/// What they cost in the span before; nothing where the ledger lacks it.
fn before(context: &Context<'_>, ids: &BTreeSet<&str>) -> Result<Option<Amount>, PageError> {
    let before = context.by_before(Some(Dimension::Cluster), &[])?;
    Ok(before
        .map(|costs| costs.iter().filter(|(id, _)| ids.contains(id.as_str())).map(|(_, cost)| *cost).sum()))
}

fn facts(context: &Context<'_>, ids: &BTreeSet<&str>, known: &BTreeMap<String, ClusterRow>) -> Vec<Fact> {
    let all = || ids.iter().filter_map(|id| known.get(*id));
    let newest = all().max_by_key(|cluster| cluster.started_at);
    let mut facts = Vec::new();
    if let Some(team) = newest.and_then(|cluster| cluster.team.as_deref()) {
        facts.push(Fact {
            href: Some(context.entity("teams", team)),
            ..fact("Team", team, "owns what is idle")
        });
    }
    let first = all().filter_map(|cluster| cluster.started_at).min();
    let since = first.map(|at| format!("since {}", context.instant(at))).unwrap_or_default();
    facts.push(fact("Clusters ever", reports::format::count(ids.len() as i64), since));
    facts
}

/// One row a cluster of the name, whether it was charged in the span or not.
fn table(
    context: &Context<'_>,
    ids: &BTreeSet<&str>,
    costs: &BTreeMap<&str, Parts>,
    known: &BTreeMap<String, ClusterRow>,
) -> Table {
    let currency = context.scope.currency;
    let row = |id: &&str| {
        let parts = costs.get(*id).copied().unwrap_or_default();
        let seen = known.get(*id);
        vec![
            Cell::link(*id, context.entity("clusters", id)),
            Cell::when(seen.and_then(|cluster| cluster.started_at)),
            match seen.map(|cluster| cluster.ended_at) {
                Some(None) => Cell::text("no end known"),
                ended => Cell::when(ended.flatten()),
            },
            seen.map_or(Cell::Nothing, |cluster| Cell::Count(cluster.nodes)),
            match costs.contains_key(*id) {
                true => Cell::MoneyLink {
                    amount: parts.total(),
                    href: context.explain(&[only(Dimension::Cluster, id)]),
                },
                false => Cell::Nothing,
            },
            if parts.total().is_zero() { Cell::Nothing } else { Cell::Money(parts.idle()) },
            Cell::Share { part: parts.idle(), whole: parts.total(), class: "idle" },
        ]
    };
    let sum = Parts::sum(costs.values());
    let columns = vec![
        table::text("cluster", "Cluster"),
        table::number("started", "Start"),
        table::number("ended", "End").wide(),
        table::number("nodes", "Nodes").wide(),
        table::number("cost", format!("Cost ({currency})")),
        table::number("idle", format!("Idle ({currency})")).wide(),
        table::number("idle_share", "Idle share").derived(),
    ];
    let foot = table::foot(
        &columns,
        [
            ("cluster", Cell::text(format!("Total of {}", context.period()))),
            ("cost", Cell::Money(sum.total())),
            ("idle", Cell::Money(sum.idle())),
            ("idle_share", Cell::Share { part: sum.idle(), whole: sum.total(), class: "idle" }),
        ],
    );
    Table {
        id: "clusters",
        caption: "All clusters of this name, charged in these days or not".to_owned(),
        noun: ("cluster", "clusters"),
        columns,
        rows: ids.iter().map(row).collect(),
        foot: Some(foot),
        sort: ("started", true),
        empty: String::new(),
    }
}
