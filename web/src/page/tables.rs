//! Tables: what they hold and cost; and one of them with the runs that read or wrote it.

use std::collections::{BTreeMap, BTreeSet};

use askama::Template;
use attribution::mart::{CostQuery, Dimension, Filter, Finding, NONE, RunFilter, TableCostQuery, TableRow};
use axum::extract::{Path as Segment, RawQuery};
use axum::response::Response;
use model::{Amount, Category};

use super::shares::Shares;
use super::{Fact, answer, crumb, fact, not_found, runs, table_cost, table_depth};
use crate::chart::{self, ChartView, Ranked};
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
#[template(path = "tables/tables.html")]
struct Tables {
    shell: Shell,
    sentence: Sentence,
    chart: ChartView,
    tables: TableView,
}

#[derive(Template)]
#[template(path = "tables/table.html")]
struct OneTable {
    shell: Shell,
    sentence: Sentence,
    facts: Vec<Fact>,
    /// Location, partitioning and the like, label and value.
    details: Vec<(&'static str, String)>,
    chart: ChartView,
    chart_table: TableView,
    producers: TableView,
    parts: TableView,
    readers: TableView,
    /// The neighbours as a graph; absent where none is known by bytes.
    graph: Option<ChartView>,
    lineage: TableView,
    /// Size and files over time; none where it was collected but once.
    over_time: Vec<ChartView>,
    collections: TableView,
    sizes_chart: Option<ChartView>,
    sizes: TableView,
    snapshots: TableView,
    waste: TableView,
    runs: TableView,
}

pub async fn tables(visit: Visit, query: RawQuery) -> Response {
    answer(visit, Path::new(["tables"]), query, build_list).await
}

pub async fn table(visit: Visit, Segment(id): Segment<String>, query: RawQuery) -> Response {
    let path = Path::new(["tables", &id]);
    let asked = visit.clone();
    answer(visit, path, query, move |context| build_one(context, &asked, &id)).await
}

fn build_list(context: &Context<'_>) -> Result<Response, PageError> {
    let costs = context.by(Dimension::Table, &[])?;
    let colours = context.colours(&Dimension::Team)?;
    let owners = owners(context, &[])?;
    let named = || costs.iter().filter(|(table, _)| *table != NONE);
    let ranked = named()
        .map(|(table, cost)| Ranked {
            name: table.clone(),
            amount: *cost,
            slot: colours.of(owners.get(table).map_or(NONE, String::as_str)),
            href: context.entity("tables", table),
        })
        .collect();
    let chart = chart::ranks(context, "largest", "Dearest tables, coloured by team".to_owned(), ranked)?;
    let list = list(context, &[])?;
    let [tables] = match context.tables([list])? {
        Shown::Page(views) => views,
        Shown::Csv(csv) => return Ok(csv),
    };
    let total: Amount = named().map(|(_, cost)| *cost).sum();
    let unmeasured = context.total(&parts::one(Dimension::Method, "storage-unmeasured"))?;
    let subject = words::plural(named().count() as i64, "table", "tables");
    let mut sentence = sentence::cost(context, &subject, total).say(", storage and the runs that wrote them");
    if !unmeasured.is_zero() {
        sentence = sentence
            .say("; ")
            .figure(context.money(unmeasured))
            .say(" of storage is of bytes no table accounts for");
    }
    let sentence = sentence
        .say(".")
        .note(format!("{}. Health is as of each table’s last collection.", words::capital(&context.terms())));
    let shell = Shell::of(context, "Tables", vec![]).filtered(context, true).charted();
    context.page(&Tables { shell, sentence, chart, tables })
}

/// One row a table that costs anything or was collected.
pub fn list(context: &Context<'_>, filters: &[Filter]) -> Result<Table, PageError> {
    let costs = parts::by(context, Dimension::Table, filters)?;
    let owners = owners(context, filters)?;
    let collected: BTreeMap<String, TableRow> =
        context.mart.tables()?.into_iter().map(|table| (table.table_id.clone(), table)).collect();
    let of_team = |table: &TableRow| context.leave_team(filters, table.team.as_deref());
    let ids: BTreeSet<&String> = costs
        .keys()
        .filter(|id| *id != NONE)
        .chain(collected.values().filter(|table| of_team(table)).map(|table| &table.table_id))
        .collect();
    let currency = context.scope.currency;
    let row = |id: &String| {
        let parts = costs.get(id).copied().unwrap_or_default();
        let seen = collected.get(id);
        let count =
            |value: fn(&TableRow) -> i64| seen.map_or(Cell::Nothing, |table| Cell::Count(value(table)));
        let owner = seen
            .and_then(|table| table.team.as_ref())
            .or_else(|| owners.get(id))
            .filter(|team| *team != NONE);
        vec![
            Cell::link(id.as_str(), context.entity("tables", id)),
            owner.map_or(Cell::Nothing, |team| Cell::link(team.as_str(), context.entity("teams", team))),
            Cell::MoneyLink {
                amount: parts.total(),
                href: context.explain(&chart::with(filters, only(Dimension::Table, id))),
            },
            Cell::Money(parts.get(Category::Storage)),
            Cell::Money(parts.get(Category::Usage)),
            seen.map_or(Cell::Nothing, |table| Cell::Bytes(table.data_bytes)),
            count(|table| table.row_count),
            count(|table| table.data_files),
            count(|table| table.small_files),
            count(|table| table.delete_files),
            count(|table| table.snapshots),
        ]
    };
    let shown: Parts = Parts::sum(ids.iter().filter_map(|id| costs.get(*id)));
    let mut foot = vec![
        Cell::text("Total"),
        Cell::Nothing,
        Cell::Money(shown.total()),
        Cell::Money(shown.get(Category::Storage)),
        Cell::Money(shown.get(Category::Usage)),
    ];
    let sum = |value: fn(&TableRow) -> i64| {
        ids.iter().filter_map(|id| collected.get(*id)).map(value).fold(0_i64, i64::saturating_add)
    };
    foot.push(Cell::Bytes(sum(|table| table.data_bytes)));
    foot.extend([
        Cell::Count(sum(|table| table.row_count)),
        Cell::Count(sum(|table| table.data_files)),
        Cell::Count(sum(|table| table.small_files)),
        Cell::Count(sum(|table| table.delete_files)),
        Cell::Count(sum(|table| table.snapshots)),
    ]);
    Ok(Table {
        id: "tables",
        caption: "Tables".to_owned(),
        noun: ("table", "tables"),
        columns: vec![
            table::text("table", "Table"),
            table::text("team", "Team"),
            table::number("cost", format!("Cost ({currency})")),
            table::number("storage", format!("Storage ({currency})")).wide(),
            table::number("runs", format!("Runs ({currency})")).wide(),
            table::number("data_bytes", "Data"),
            table::number("rows", "Rows").wide(),
            table::number("data_files", "Files").wide(),
            table::number("small_files", "Small files").wide(),
            table::number("delete_files", "Delete files").wide(),
            table::number("snapshots", "Snapshots").wide(),
        ],
        rows: ids.iter().map(|id| row(id)).collect(),
        foot: Some(foot),
        sort: ("cost", true),
        empty: match filters.is_empty() && context.lens.team.is_none() {
            true => {
                "No table has been collected. Table metadata is read from sources such as iceberg; see Data."
                    .to_owned()
            }
            false => context.nothing("No table of this team cost anything"),
        },
    })
}

/// The team with most of each table's cost.
fn owners(context: &Context<'_>, filters: &[Filter]) -> Result<BTreeMap<String, String>, PageError> {
    let mut best: BTreeMap<String, (Amount, String)> = BTreeMap::new();
    for row in context.costs(&[Dimension::Table, Dimension::Team], filters)? {
        let entry = best.entry(row.keys[0].clone()).or_insert_with(|| (row.cost, row.keys[1].clone()));
        if row.cost > entry.0 {
            *entry = (row.cost, row.keys[1].clone());
        }
    }
    Ok(best.into_iter().map(|(table, (_, team))| (table, team)).collect())
}

fn build_one(context: &Context<'_>, visit: &Visit, id: &str) -> Result<Response, PageError> {
    let filters = parts::one(Dimension::Table, id);
    let collected = context.mart.tables()?.into_iter().find(|table| table.table_id == id);
    let ever = CostQuery { filters: filters.clone(), ..CostQuery::default() };
    if id == NONE || (collected.is_none() && context.mart.costs(&ever)?.is_empty()) {
        return Err(not_found(context, "table", id, "tables"));
    }
    let parts = parts::of(context, &filters)?;
    let total = parts.total();
    let title = "Cost by day and what it went into".to_owned();
    let (chart, day_table) = chart::by_day(context, Dimension::Category, &filters, title)?;
    let runs = context.runs(RunFilter { table: Some(id.to_owned()), ..RunFilter::default() })?;
    let question = TableCostQuery {
        table: Some(id.to_owned()),
        basis: context.lens.basis,
        from: Some(context.scope.from),
        to: Some(context.scope.to),
        currency: Some(context.scope.currency),
    };
    let mut readers = context.mart.table_readers(&question)?;
    readers.retain(|reader| context.leave_team(&[], reader.team.as_deref()));
    let whole = context.mart.table_costs(&question)?.into_iter().next();
    let cost = table_cost::left(context, whole, &filters, &parts, &readers)?;
    let is_asked = |found: &Finding| found.subject_kind == "table" && found.subject == id;
    let findings = finding::load(context, visit)?;
    let days = context.mart.table_days(id, context.scope.from, context.scope.to)?;
    let sizes = context.mart.table_file_sizes(id)?;
    let neighbours = context.mart.table_lineage(id, context.scope.from, context.scope.to)?;
    let tables = [
        PRODUCERS.table(context, &filters)?,
        runs::table(context, &runs, true),
        day_table,
        table_cost::parts(context, cost.as_ref()),
        table_cost::readers(context, &readers),
        table_cost::lineage(context, &neighbours),
        table_depth::days_table(&days),
        table_depth::sizes_table(&sizes),
        table_depth::snapshots(&context.mart.table_snapshots(id)?),
        finding::first_of(context, &findings, is_asked, "No waste is found at it."),
    ];
    let [
        producers,
        runs,
        chart_table,
        cost_parts,
        readers,
        lineage,
        collections,
        size_view,
        snapshots,
        waste,
    ] = match context.tables(tables)? {
        Shown::Page(views) => views,
        Shown::Csv(csv) => return Ok(csv),
    };
    let sentence = sentence::cost(context, id, total)
        .say(": ")
        .figure(context.money(parts.get(Category::Storage)))
        .say(" to store it and ")
        .figure(context.money(parts.get(Category::Usage)))
        .say(" for the runs that wrote it.")
        .note(sentence::comparison(context, total, &filters)?);
    let mut facts = collected.as_ref().map(|table| facts(context, table)).unwrap_or_default();
    facts.extend(cost.iter().flat_map(|cost| table_cost::unit_facts(context, cost)));
    facts.extend(table_depth::gain(context, id, &findings));
    let details = collected.as_ref().map(|table| details(context, table)).unwrap_or_default();
    let shell =
        Shell::of(context, id, vec![crumb(context, "Tables", "tables")]).filtered(context, true).charted();
    context.page(&OneTable {
        shell,
        sentence,
        facts,
        details,
        chart,
        chart_table,
        producers,
        parts: cost_parts,
        readers,
        graph: table_depth::graph(context, id, &neighbours)?,
        lineage,
        over_time: table_depth::over_time(context, &days)?,
        collections,
        sizes_chart: table_depth::sizes_chart(&sizes, collected.as_ref())?,
        sizes: size_view,
        snapshots,
        waste,
        runs,
    })
}

fn facts(context: &Context<'_>, table: &TableRow) -> Vec<Fact> {
    let count = reports::format::count;
    let mut facts = Vec::new();
    if let Some(team) = &table.team {
        facts.push(Fact { href: Some(context.entity("teams", team)), ..fact("Team", team.as_str(), "") });
    }
    let rows = words::plural(table.row_count, "row", "rows");
    facts.push(fact("Data", reports::format::bytes(table.data_bytes), rows));
    let target = reports::format::bytes(table.target_file_bytes);
    facts.push(fact(
        "Files",
        count(table.data_files),
        format!("{} small for a target of {target}", count(table.small_files)),
    ));
    facts.push(fact(
        "Snapshots",
        count(table.snapshots),
        words::plural(table.manifests, "manifest", "manifests"),
    ));
    facts.push(fact(
        "Delete files",
        count(table.delete_files),
        words::plural(table.deleted_rows, "deleted row", "deleted rows"),
    ));
    facts.push(fact(
        "Reachable",
        reports::format::bytes(table.reachable_bytes),
        format!("{} held by old snapshots only", reports::format::bytes(table.expirable_bytes)),
    ));
    if let Some(orphaned) = table.orphaned_bytes {
        facts.push(fact("Orphaned", reports::format::bytes(orphaned), "reached by no snapshot"));
    }
    facts
}

fn details(context: &Context<'_>, table: &TableRow) -> Vec<(&'static str, String)> {
    let mut details = vec![("Format", table.format.clone()), ("Location", table.location.clone())];
    details.extend(table.partition_spec.clone().map(|spec| ("Partitioned by", spec)));
    details.extend(table.owner.clone().map(|owner| ("Owner property", owner)));
    details.extend(table.last_updated_at.map(|at| ("Last written", context.instant(at))));
    details.push(("Collected", context.instant(table.collected_at)));
    details
}

const PRODUCERS: Shares = Shares {
    id: "producers",
    caption: "What it costs to store and to write",
    noun: ("row", "rows"),
    dimension: Dimension::Workload,
    place: Some("workloads"),
    nothing: "no workload (storage)",
    whole: "Of the table",
    empty: "Nothing was charged for it",
};
