//! What the API lists: each resource with its columns, from which its JSON, its CSV, the OpenAPI
//! document and the reference page are made.

use std::collections::BTreeMap;

use attribution::mart::{Dimension, NONE, RunFilter};
use model::{Amount, Basis};
use reports::lifecycle::Tracked;

use super::listing::{Asked, Column, Field, Kind, Listing, answer};
use crate::access::Need;
use crate::context::Context;
use crate::error::PageError;
use crate::finding;
use crate::lens::Lens;
use crate::link::Path;
use crate::state::Visit;

/// A list of things of one kind.
pub struct Resource {
    /// Its address.
    pub path: &'static str,
    /// Who may ask.
    pub need: Need,
    /// What it lists.
    pub summary: &'static str,
    /// What may be asked beside days, basis, currency and team.
    pub own: &'static [Parameter],
    /// Whether days, basis, currency and team may be asked.
    pub costs: bool,
    /// Whether the mart alone decides the answer.
    pub fixed: bool,
    /// Its columns.
    pub columns: &'static [Column],
    read: Read,
}

/// Reads the rows of a resource, with what was asked of its own parameters.
type Read = fn(&Context<'_>, &Visit, &BTreeMap<String, String>) -> Result<Vec<Vec<Field>>, PageError>;

/// A parameter of one resource.
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// What it leaves.
    pub what: &'static str,
}

/// Parameters that resources with costs share.
const SHARED: [&str; 5] = ["from", "to", "basis", "currency", "team"];

const fn column(name: &'static str, kind: Kind, what: &'static str) -> Column {
    Column { name, kind, what }
}

const fn parameter(name: &'static str, what: &'static str) -> Parameter {
    Parameter { name, what }
}

const COST: Column = column("cost", Kind::Money, "cost in the days asked for, on the basis asked for");
const CURRENCY: Column = column("currency", Kind::Text, "ISO 4217 code of the cost");
const TEAM: Column = column("team", Kind::Text, "owning team");

/// Every list, in the order of the reference.
pub static RESOURCES: [Resource; 8] = [
    Resource {
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
    },
    Resource {
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
    },
    Resource {
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
    },
    Resource {
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
    },
    Resource {
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
    },
    Resource {
        path: "/api/v1/findings",
        need: Need::Seen,
        summary: "Waste that goes on and matters, the largest saving first",
        own: &[
            parameter("team", "of this team, and of teams within it"),
            parameter("detector", "of this detector, such as idle-cluster"),
            parameter("status", "with this status, such as acknowledged"),
            parameter("currency", "in this currency"),
        ],
        costs: false,
        fixed: false,
        columns: FINDING,
        read: findings,
    },
    Resource {
        path: "/api/v1/sources",
        need: Need::Bill,
        summary: "Sources as of the last ingest",
        own: &[],
        costs: false,
        fixed: true,
        columns: &[
            column("source", Kind::Text, "name"),
            column("kind", Kind::Text, "kind"),
            column("objects", Kind::Count, "objects read"),
            column("rows", Kind::Count, "rows landed"),
            column("billed_cost", Kind::Money, "exact total of its charges in the mart's largest currency"),
            column("effective_cost", Kind::Money, "the same, effective"),
            column("newest_data_at", Kind::Moment, "end of the newest charge, run or collection"),
            column("landed_at", Kind::Moment, "when anything of it was last landed"),
            column("checked_at", Kind::Moment, "when it was last listed"),
            column("warnings", Kind::Count, "warnings noted"),
            column("skipped", Kind::Count, "those that left something out"),
        ],
        read: sources,
    },
    Resource {
        path: "/api/v1/checks",
        need: Need::Bill,
        summary: "What held when these figures were published: a mart that breaks any is not",
        own: &[],
        costs: false,
        fixed: true,
        columns: &[
            column("check", Kind::Text, "name"),
            column("forbids", Kind::Text, "what a row that breaks it is"),
            column("offenders", Kind::Count, "such rows: none, or these figures were not published"),
        ],
        read: checks,
    },
];

/// Columns of a finding.
pub const FINDING: &[Column] = &[
    column("finding", Kind::Text, "id, which stays the same from mart to mart"),
    column("detector", Kind::Text, "detector"),
    column("subject_kind", Kind::Text, "cluster, workload, table, bucket or commitment"),
    column("subject", Kind::Text, "what is wasteful"),
    TEAM,
    column("status", Kind::Text, "new, acknowledged, assigned, snoozed, dismissed, reopened or resolved"),
    column("assignee", Kind::Text, "who looks after it"),
    column("snoozed_until", Kind::Text, "UTC day until which it waits"),
    column("reason", Kind::Text, "why it was dismissed"),
    column("net_saving", Kind::Money, "gross saving less the cost of the fix, a month"),
    column("gross_saving", Kind::Money, "what mending it saves, a month"),
    column("fix_cost", Kind::Money, "cost of the fix, a month"),
    column("claimed_saving", Kind::Money, "of gross, what no finding before it claims: these add up"),
    column("is_cash", Kind::Flag, "whether the bill falls; else capacity is freed"),
    column("confidence", Kind::Text, "low, medium or high"),
    column("observed_cost", Kind::Money, "what it cost so far"),
    column("first_day", Kind::Day, "first UTC day it was seen on"),
    column("end_day", Kind::Day, "the day after the last"),
    CURRENCY,
    column("action", Kind::Text, "the command that mends it; nothing is ever executed"),
];

impl Resource {
    /// Names of all its parameters.
    pub fn parameters(&self) -> Vec<&'static str> {
        let shared = SHARED.iter().copied().filter(|_| self.costs);
        shared.chain(self.own.iter().map(|own| own.name)).collect()
    }

    /// Answers a question for it.
    pub async fn serve(&'static self, visit: Visit, asked: Asked) -> axum::response::Response {
        answer(visit, asked, self.fixed, move |mart, visit, pairs| {
            let own: BTreeMap<String, String> = pairs
                .iter()
                .filter(|(key, value)| self.own.iter().any(|own| own.name == key) && !value.is_empty())
                .cloned()
                .collect();
            let mut shared = Vec::new();
            let mut faults = Vec::new();
            for (key, value) in pairs {
                if self.costs && SHARED.contains(&key.as_str()) {
                    shared.push((key, value));
                } else if self.own.iter().all(|own| own.name != key) {
                    faults.push(format!("`{key}` is not a parameter: use {}", self.parameters().join(", ")));
                }
            }
            let mut lens = match Lens::of(shared) {
                Ok(lens) => lens,
                Err(more) => {
                    faults.extend(more);
                    Lens::default()
                }
            };
            if !faults.is_empty() {
                return Err(PageError::BadRequest(faults));
            }
            // Unlike pages, a question without days is about all of them.
            lens.from = lens.from.or(mart.info().first_day);
            lens.to = lens.to.or(mart.info().end_day);
            if let Some(currency) = own.get("currency") {
                lens.currency = Some(currency.parse().map_err(|fault| PageError::BadRequest(vec![fault]))?);
            }
            let context = Context::new(mart, lens, Path::new(["api"]), visit.now())?;
            let rows = (self.read)(&context, visit, &own)?;
            let columns = self.columns.iter().map(|column| column.name.into()).collect();
            let mut head = serde_json::Map::new();
            if self.costs {
                head.insert("from".to_owned(), serde_json::json!(context.scope.from));
                head.insert("to".to_owned(), serde_json::json!(context.scope.to));
                head.insert("basis".to_owned(), serde_json::json!(context.lens.basis));
            }
            Ok(Listing { head, columns, rows })
        })
        .await
    }
}

type Rows = Result<Vec<Vec<Field>>, PageError>;

/// Cost and currency, the last two columns of what has a cost.
fn cost(context: &Context<'_>, cost: Option<Amount>) -> [Field; 2] {
    [Field::Money(cost.unwrap_or_default()), Field::Text(context.scope.currency.to_string())]
}

fn teams(context: &Context<'_>, _: &Visit, _: &BTreeMap<String, String>) -> Rows {
    let costs = context.by(Dimension::Team, &[])?;
    let info = context.mart.info();
    let is_asked = |team: &&String| context.lens.team.as_ref().is_none_or(|asked| asked == *team);
    let row = |team: &String| {
        let parent = info.teams.iter().find(|known| known.name == *team).and_then(|team| team.parent.clone());
        let mut row = vec![Field::Text(team.clone()), Field::maybe(parent)];
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
            Field::Text(ran.workload.clone()),
            Field::maybe(ran.team.clone()),
            Field::Text(ran.engine.clone()),
            Field::Count(ran.runs),
            Field::Count(ran.failed),
            Field::Count(ran.vcore_ms),
            Field::Moment(ran.last_started_at),
        ];
        row.extend(cost(context, costs.remove(&key)));
        rows.insert(key, row);
    }
    // What ran before these days, or on engines without logs, may cost all the same.
    for ((workload, team), amount) in costs {
        let mut row = vec![Field::Text(workload.clone()), Field::maybe((team != NONE).then(|| team.clone()))];
        row.extend([Field::Nothing, Field::Count(0), Field::Count(0), Field::Count(0), Field::Nothing]);
        row.extend(cost(context, Some(amount)));
        rows.insert((workload, team), row);
    }
    Ok(rows.into_values().collect())
}

fn tables(context: &Context<'_>, _: &Visit, own: &BTreeMap<String, String>) -> Rows {
    let mut costs = context.by(Dimension::Table, &[])?;
    costs.remove(NONE);
    let mut rows = Vec::new();
    for table in context.mart.tables()? {
        let own_cost = costs.remove(&table.table_id);
        let is_asked = own.get("table").is_none_or(|asked| *asked == table.table_id);
        let is_of_team = own_cost.is_some() || context.leave_team(&[], table.team.as_deref());
        if !is_asked || !is_of_team {
            continue;
        }
        let mut row = vec![
            Field::Text(table.table_id),
            Field::maybe(table.team),
            Field::Text(table.format),
            Field::Count(table.row_count),
            Field::Count(table.data_files),
            Field::Count(table.data_bytes),
            Field::Count(table.small_files),
            Field::Count(table.delete_files),
            Field::Count(table.snapshots),
            Field::Count(table.expirable_bytes),
            table.orphaned_bytes.map_or(Field::Nothing, Field::Count),
            Field::Moment(table.collected_at),
            table.last_updated_at.map_or(Field::Nothing, Field::Moment),
        ];
        row.extend(cost(context, own_cost));
        rows.push(row);
    }
    // Tables that cost something and were never collected.
    for (table, amount) in costs {
        if own.get("table").is_none_or(|asked| *asked == table) {
            let mut row = vec![Field::Text(table)];
            row.extend(vec![Field::Nothing; 12]);
            row.extend(cost(context, Some(amount)));
            rows.push(row);
        }
    }
    Ok(rows)
}

fn clusters(context: &Context<'_>, _: &Visit, own: &BTreeMap<String, String>) -> Rows {
    let mut costs = context.by(Dimension::Cluster, &[])?;
    costs.remove(NONE);
    let mut rows = Vec::new();
    for cluster in context.mart.clusters()? {
        let own_cost = costs.remove(&cluster.cluster_id);
        let is_asked = own.get("cluster").is_none_or(|asked| *asked == cluster.cluster_id);
        let is_of_team = own_cost.is_some() || context.leave_team(&[], cluster.team.as_deref());
        if !is_asked || !is_of_team {
            continue;
        }
        let mut row = vec![
            Field::Text(cluster.cluster_id),
            Field::maybe(cluster.name),
            Field::maybe(cluster.team),
            Field::Count(cluster.nodes),
            cluster.started_at.map_or(Field::Nothing, Field::Moment),
            cluster.ended_at.map_or(Field::Nothing, Field::Moment),
            Field::Count(cluster.vcore_ms_paid),
            Field::Count(cluster.vcore_ms_used),
        ];
        row.extend(cost(context, own_cost));
        rows.push(row);
    }
    for (cluster, amount) in costs {
        if own.get("cluster").is_none_or(|asked| *asked == cluster) {
            let mut row = vec![Field::Text(cluster)];
            row.extend(vec![Field::Nothing; 7]);
            row.extend(cost(context, Some(amount)));
            rows.push(row);
        }
    }
    Ok(rows)
}

fn runs(context: &Context<'_>, _: &Visit, own: &BTreeMap<String, String>) -> Rows {
    let of = |name: &str| own.get(name).cloned();
    let filter = RunFilter {
        workload: of("workload"),
        table: of("table"),
        cluster: of("cluster"),
        ..RunFilter::default()
    };
    let row = |run: attribution::mart::RunRow| {
        let mut row = vec![
            Field::Text(run.run_id),
            Field::Text(run.engine),
            Field::Text(run.workload),
            Field::maybe(run.name),
            Field::maybe(run.team),
            Field::maybe(run.cluster_id),
            run.attempt.map_or(Field::Nothing, Field::Count),
            Field::maybe(run.trigger),
            Field::Text(run.status),
            Field::maybe(run.error),
            Field::Moment(run.started_at),
            run.ended_at.map_or(Field::Nothing, Field::Moment),
            Field::Count(run.vcore_ms),
            Field::Count(run.memory_mib_ms),
            Field::Count(run.cpu_ms),
            Field::Count(run.input_bytes),
            Field::Count(run.output_bytes),
            Field::Count(run.disk_spilled_bytes),
            Field::Count(run.tasks),
            Field::Count(run.failed_tasks),
        ];
        row.extend(cost(context, Some(run.cost)));
        row
    };
    Ok(context.runs(filter)?.into_iter().map(row).collect())
}

fn findings(context: &Context<'_>, visit: &Visit, own: &BTreeMap<String, String>) -> Rows {
    // Without its record a finding's status cannot be told, and a program would act on the wrong one.
    finding::record(context, visit).map_err(PageError::Record)?;
    let found = finding::load(context, visit)?;
    if let Some(team) = own.get("team").filter(|team| !context.teams.contains(team)) {
        let known = context.teams.join(", ");
        return Err(PageError::BadRequest(vec![format!("there is no team `{team}`: use {known}")]));
    }
    let is_asked = |item: &&finding::Item<'_>| {
        own.get("team").is_none_or(|team| finding::is_of_team(context, item.finding.team.as_deref(), team))
            && own.get("detector").is_none_or(|detector| item.finding.detector == *detector)
            && own.get("status").is_none_or(|status| item.status.name() == status)
    };
    Ok(found
        .items
        .iter()
        .filter(is_asked)
        .map(|item| of_finding(item.finding, item.status.name(), item.tracked.as_ref()))
        .collect())
}

/// The row of a finding, in the order of [`FINDING`].
pub fn of_finding(found: &attribution::mart::Finding, status: &str, tracked: Option<&Tracked>) -> Vec<Field> {
    vec![
        Field::Text(found.id.clone()),
        Field::Text(found.detector.clone()),
        Field::Text(found.subject_kind.clone()),
        Field::Text(found.subject.clone()),
        Field::maybe(found.team.clone()),
        Field::Text(status.to_owned()),
        Field::maybe(tracked.and_then(|tracked| tracked.assignee.clone())),
        Field::maybe(tracked.and_then(|tracked| tracked.snoozed_until).map(|day| day.to_string())),
        Field::maybe(tracked.and_then(|tracked| tracked.reason.clone())),
        Field::Money(found.net_saving),
        Field::Money(found.gross_saving),
        Field::Money(found.fix_cost),
        Field::Money(found.claimed_saving),
        Field::Flag(found.is_cash),
        Field::Text(found.confidence.name().to_owned()),
        Field::Money(found.observed_cost),
        Field::Day(found.first_day),
        Field::Day(found.end_day),
        Field::Text(found.currency.to_string()),
        Field::Text(found.action.clone()),
    ]
}

fn sources(context: &Context<'_>, _: &Visit, _: &BTreeMap<String, String>) -> Rows {
    let row = |source: attribution::mart::SourceStatus| {
        let total = source.totals.iter().find(|(currency, _)| *currency == context.scope.currency);
        let of = |basis| total.map_or(Field::Nothing, |(_, totals)| Field::Money(totals.get(basis).amount));
        vec![
            Field::Text(source.name),
            Field::Text(source.kind),
            Field::Count(source.objects),
            Field::Count(source.rows),
            of(Basis::Billed),
            of(Basis::Effective),
            source.newest_data_at.map_or(Field::Nothing, Field::Moment),
            source.landed_at.map_or(Field::Nothing, Field::Moment),
            Field::Moment(source.checked_at),
            Field::Count(source.warnings),
            Field::Count(source.skipped),
        ]
    };
    Ok(context.mart.sources()?.into_iter().map(row).collect())
}

fn checks(_: &Context<'_>, _: &Visit, _: &BTreeMap<String, String>) -> Rows {
    let row = |check: &attribution::models::Check| {
        let first = check.sql.lines().next().unwrap_or_default();
        let forbids = first.strip_prefix("-- Any row is ").unwrap_or(first).trim_end_matches('.');
        vec![Field::Text(check.name.to_owned()), Field::Text(forbids.to_owned()), Field::Count(0)]
    };
    Ok(attribution::models::CHECKS.iter().map(row).collect())
}
