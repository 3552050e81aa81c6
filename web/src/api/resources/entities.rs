//! What costs are of: teams, workloads, tables, clusters and runs.

use std::collections::BTreeMap;

use attribution::mart::{ClusterRow, Dimension, NONE, RunFilter, RunRow, TableRow};
use model::Amount;

use super::{CURRENCY, Resource, Rows, TEAM, column, parameter};
use crate::access::Need;
use crate::api::listing::{Column, Field, Kind};
use crate::context::Context;
use crate::state::Visit;

const COST: Column = column("cost", Kind::Money, "cost in the days asked for, on the basis asked for");

pub(super) static TEAMS: Resource = Resource {
    path: "/api/v1/teams",
    need: Need::Seen,
    summary: "Teams and what they cost",
    own: &[],
    costs: true,
    fixed: true,
    columns: &[
        column("team", Kind::Text, "name; (none) for what no team owns"),
        column("parent", Kind::Text, "team it is a part of"),
        COST,
        CURRENCY,
    ],
    read: teams,
};

pub(super) static WORKLOADS: Resource = Resource {
    path: "/api/v1/workloads",
    need: Need::Seen,
    summary: "Workloads, by team: what ran and what it cost",
    own: &[parameter("workload", "this one only")],
    costs: true,
    fixed: true,
    columns: &[
        column("workload", Kind::Text, "workflow/step, or the engine's name of what ran"),
        TEAM,
        column("engine", Kind::Text, "engine of the newest run"),
        column("runs", Kind::Count, "runs that started in these days"),
        column("failed", Kind::Count, "those that failed"),
        column("vcore_ms", Kind::Count, "cores held x milliseconds"),
        column("last_started_at", Kind::Moment, "start of the newest"),
        COST,
        CURRENCY,
    ],
    read: workloads,
};

pub(super) static TABLES: Resource = Resource {
    path: "/api/v1/tables",
    need: Need::Seen,
    summary: "Tables as they were collected last, and what they cost",
    own: &[parameter("table", "this one only")],
    costs: true,
    fixed: true,
    columns: &[
        column("table", Kind::Text, "catalog.namespace.name"),
        TEAM,
        column("format", Kind::Text, "table format"),
        column("row_count", Kind::Count, "rows of live data files"),
        column("data_files", Kind::Count, "live data files"),
        column("data_bytes", Kind::Count, "their bytes"),
        column("small_files", Kind::Count, "those under three quarters of the target size"),
        column("delete_files", Kind::Count, "live delete files"),
        column("snapshots", Kind::Count, "snapshots kept"),
        column("expirable_bytes", Kind::Count, "bytes only older snapshots hold"),
        column("orphaned_bytes", Kind::Count, "bytes no snapshot reaches, where an inventory lists them"),
        column("collected_at", Kind::Moment, "when it was collected"),
        column("last_updated_at", Kind::Moment, "last change"),
        COST,
        CURRENCY,
    ],
    read: tables,
};

pub(super) static CLUSTERS: Resource = Resource {
    path: "/api/v1/clusters",
    need: Need::Seen,
    summary: "Clusters, what was paid and used of them, and what they cost",
    own: &[parameter("cluster", "this one only")],
    costs: true,
    fixed: true,
    columns: &[
        column("cluster", Kind::Text, "id"),
        column("name", Kind::Text, "name"),
        TEAM,
        column("nodes", Kind::Count, "nodes that ever were in it"),
        column("started_at", Kind::Moment, "start of the first node"),
        column("ended_at", Kind::Moment, "end of the last; nothing while one lives"),
        column("vcore_ms_paid", Kind::Count, "worker core-milliseconds paid, ever"),
        column("vcore_ms_used", Kind::Count, "those that count as used, ever"),
        COST,
        CURRENCY,
    ],
    read: clusters,
};

pub(super) static RUNS: Resource = Resource {
    path: "/api/v1/runs",
    need: Need::Seen,
    summary: "Runs that started in these days; their cost is of all their days",
    own: &[
        parameter("workload", "of this workload only"),
        parameter("table", "that read or wrote this table only"),
        parameter("cluster", "mostly on this cluster only"),
    ],
    costs: true,
    fixed: true,
    columns: &[
        column("run", Kind::Text, "engine's id"),
        column("engine", Kind::Text, "engine"),
        column("workload", Kind::Text, "workload"),
        column("name", Kind::Text, "name as the engine logged it"),
        TEAM,
        column("cluster", Kind::Text, "cluster most of it ran on"),
        column("attempt", Kind::Count, "attempt of the step, from 1"),
        column("trigger", Kind::Text, "what started it"),
        column("status", Kind::Text, "succeeded, failed, killed, running or unknown"),
        column("error", Kind::Text, "first line of its failure"),
        column("started_at", Kind::Moment, "start"),
        column("ended_at", Kind::Moment, "end, where known"),
        column("vcore_ms", Kind::Count, "cores held x milliseconds"),
        column("memory_mib_ms", Kind::Count, "MiB held x milliseconds"),
        column("cpu_ms", Kind::Count, "CPU time, milliseconds"),
        column("input_bytes", Kind::Count, "bytes read"),
        column("output_bytes", Kind::Count, "bytes written"),
        column("disk_spilled_bytes", Kind::Count, "bytes spilled to disk"),
        column("tasks", Kind::Count, "tasks ended"),
        column("failed_tasks", Kind::Count, "tasks failed"),
        COST,
        CURRENCY,
    ],
    read: runs,
};

/// Cost and currency, the last two columns of what has a cost.
fn cost(context: &Context<'_>, cost: Option<Amount>) -> [Field; 2] {
    [Field::Money(cost.unwrap_or_default()), context.scope.currency.to_string().into()]
}

/// Things by name with what they cost, those that are asked for; what costs something and is not
/// `known` has its name and its cost alone.
fn with_costs<T>(
    context: &Context<'_>,
    dimension: Dimension,
    columns: &[Column],
    asked: Option<&String>,
    known: Vec<T>,
    named: fn(&T) -> (&str, Option<&str>),
    row: fn(T) -> Vec<Field>,
) -> Rows {
    let mut costs = context.by(dimension, &[])?;
    costs.remove(NONE);
    let mut rows = Vec::new();
    for one in known {
        let (name, team) = named(&one);
        let own_cost = costs.remove(name);
        let is_asked = asked.is_none_or(|asked| asked == name);
        let is_of_team = own_cost.is_some() || context.leave_team(&[], team);
        if is_asked && is_of_team {
            let mut row = row(one);
            row.extend(cost(context, own_cost));
            rows.push(row);
        }
    }
    for (name, amount) in costs {
        if asked.is_none_or(|asked| *asked == name) {
            let mut row = vec![Field::Text(name)];
            row.resize(columns.len() - 2, Field::Nothing);
            row.extend(cost(context, Some(amount)));
            rows.push(row);
        }
    }
    Ok(rows)
}

fn teams(context: &Context<'_>, _: &Visit, _: &BTreeMap<String, String>) -> Rows {
    let costs = context.by(Dimension::Team, &[])?;
    let info = context.mart.info();
    let within = context.lens_teams();
    let is_asked = |team: &&String| context.lens.team.is_none() || within.contains(*team);
    let row = |team: &String| {
        let parent = info.teams.iter().find(|known| known.name == *team).and_then(|team| team.parent.clone());
        let mut row = vec![team.clone().into(), parent.into()];
        row.extend(cost(context, costs.get(team).copied()));
        row
    };
    Ok(context.teams.iter().filter(is_asked).map(row).collect())
}

fn workloads(context: &Context<'_>, _: &Visit, own: &BTreeMap<String, String>) -> Rows {
    let scope = &context.scope;
    let mut rows: BTreeMap<(String, String), Vec<Field>> = BTreeMap::new();
    let is_asked = |workload: &str| own.get("workload").is_none_or(|asked| asked == workload);
    let mut costs: BTreeMap<(String, String), Amount> = BTreeMap::new();
    for mut row in context.costs(&[Dimension::Workload, Dimension::Team], &[])? {
        let (Some(team), Some(workload)) = (row.keys.pop(), row.keys.pop()) else { continue };
        if workload != NONE && is_asked(&workload) {
            costs.insert((workload, team), row.cost);
        }
    }
    let ran = context.mart.run_activity(scope.from, scope.to, scope.currency)?;
    for ran in
        ran.iter().filter(|ran| is_asked(&ran.workload) && context.leave_team(&[], ran.team.as_deref()))
    {
        let key = (ran.workload.clone(), ran.team.clone().unwrap_or_else(|| NONE.to_owned()));
        let mut row = vec![
            ran.workload.clone().into(),
            ran.team.clone().into(),
            ran.engine.clone().into(),
            ran.runs.into(),
            ran.failed.into(),
            ran.vcore_ms.into(),
            ran.last_started_at.into(),
        ];
        row.extend(cost(context, costs.remove(&key)));
        rows.insert(key, row);
    }
    // What ran before these days, or on engines without logs, may cost all the same.
    for ((workload, team), amount) in costs {
        let mut row = vec![workload.clone().into(), (team != NONE).then(|| team.clone()).into()];
        row.extend([Field::Nothing, 0.into(), 0.into(), 0.into(), Field::Nothing]);
        row.extend(cost(context, Some(amount)));
        rows.insert((workload, team), row);
    }
    Ok(rows.into_values().collect())
}

/// A table's name and whose it is.
fn of_table(table: &TableRow) -> (&str, Option<&str>) {
    (&table.table_id, table.team.as_deref())
}

fn tables(context: &Context<'_>, _: &Visit, own: &BTreeMap<String, String>) -> Rows {
    let known = context.mart.tables()?;
    with_costs(context, Dimension::Table, TABLES.columns, own.get("table"), known, of_table, |table| {
        vec![
            table.table_id.into(),
            table.team.into(),
            table.format.into(),
            table.row_count.into(),
            table.data_files.into(),
            table.data_bytes.into(),
            table.small_files.into(),
            table.delete_files.into(),
            table.snapshots.into(),
            table.expirable_bytes.into(),
            table.orphaned_bytes.into(),
            table.collected_at.into(),
            table.last_updated_at.into(),
        ]
    })
}

/// A cluster's name and whose it is.
fn of_cluster(cluster: &ClusterRow) -> (&str, Option<&str>) {
    (&cluster.cluster_id, cluster.team.as_deref())
}

fn clusters(context: &Context<'_>, _: &Visit, own: &BTreeMap<String, String>) -> Rows {
    let known = context.mart.clusters()?;
    with_costs(
        context,
        Dimension::Cluster,
        CLUSTERS.columns,
        own.get("cluster"),
        known,
        of_cluster,
        |cluster| {
            vec![
                cluster.cluster_id.into(),
                cluster.name.into(),
                cluster.team.into(),
                cluster.nodes.into(),
                cluster.started_at.into(),
                cluster.ended_at.into(),
                cluster.vcore_ms_paid.into(),
                cluster.vcore_ms_used.into(),
            ]
        },
    )
}

fn runs(context: &Context<'_>, _: &Visit, own: &BTreeMap<String, String>) -> Rows {
    let of = |name: &str| own.get(name).cloned();
    let filter = RunFilter {
        workload: of("workload"),
        table: of("table"),
        cluster: of("cluster"),
        ..RunFilter::default()
    };
    let row = |run: RunRow| {
        let mut row = vec![
            run.run_id.into(),
            run.engine.into(),
            run.workload.into(),
            run.name.into(),
            run.team.into(),
            run.cluster_id.into(),
            run.attempt.into(),
            run.trigger.into(),
            run.status.into(),
            run.error.into(),
            run.started_at.into(),
            run.ended_at.into(),
            run.vcore_ms.into(),
            run.memory_mib_ms.into(),
            run.cpu_ms.into(),
            run.input_bytes.into(),
            run.output_bytes.into(),
            run.disk_spilled_bytes.into(),
            run.tasks.into(),
            run.failed_tasks.into(),
        ];
        row.extend(cost(context, Some(run.cost)));
        row
    };
    Ok(context.runs(filter)?.into_iter().map(row).collect())
}
