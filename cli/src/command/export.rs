//! `export`: figures for other programs. The output is opened before any work starts.

use std::io;
use std::path::Path;
use std::process::ExitCode;

use attribution::mart::{
    CostQuery, Dimension, Filter, Idle, RunFilter, RunRow, Shared, TableCost, TableCostQuery, UnitCosts,
    WorkloadCostQuery,
};
use chrono::NaiveDate;
use model::Basis;
use reports::export::ExportError;
use serde::Serializer as _;
use serde_json::json;

use crate::args::{
    CostFormat, CostsFormat, Export, ExportChanges, ExportCosts, ExportOwnership, ExportRows, ExportRuns,
    MEMORY_MIB, ending,
};
use crate::command::{config, filters, half_open, ownership_query, view, warn_unknown_team};
use crate::config::Config;
use crate::output::Output;
use crate::printer::{Failure, say};

/// Writes what was asked for.
pub fn run(path: &Path, export: &Export) -> Result<ExitCode, Failure> {
    match export {
        Export::Costs(options) => costs(&config(path)?, options),
        Export::Changes(options) => changes(path, options),
        Export::Tables(options) => tables(path, options),
        Export::Workloads(options) => workloads(path, options),
        Export::Runs(options) => runs(path, options),
        Export::Ownership(options) => ownership(path, options),
    }
}

/// Writes costs.
pub fn costs(config: &Config, options: &ExportCosts) -> Result<ExitCode, Failure> {
    half_open(options.from, options.to)?;
    let format =
        CostsFormat::chosen(options.format, options.output.as_deref()).map_err(|(asked, ending)| {
            Failure::new(
                format!("--format {} does not fit an output that ends in .{}", asked.word(), ending.word()),
                "leave --format out, or name the file as its format is",
            )
        })?;
    // A program would open `costs.xls` by its name, and find a text in it.
    let unknown = options.output.as_deref().filter(|name| {
        options.format.is_none() && ending(name).is_some() && CostsFormat::of_name(name).is_none()
    });
    if let Some(name) = unknown {
        return Err(Failure::new(
            format!("`{}` does not say in which format costs are wanted", name.display()),
            "end it in .csv, .json, .parquet or .xlsx, or name one with --format",
        ));
    }
    let is_focus = format == CostsFormat::Focus;
    if is_focus && !options.by.is_empty() {
        return Err(Failure::new("a FOCUS export has no --by", "its rows are the allocations themselves"));
    }
    let filters = filters(&options.filters)?;
    let mut output = Output::open_anywhere(options.output.as_deref(), &config.export_s3)?;
    let mart = super::mart(config)?;
    let query = CostQuery {
        by: options.by.clone(),
        basis: options.basis,
        from: options.from,
        to: options.to,
        currency: None,
        filters,
        view: view(&mart, options.view),
    };
    if is_focus && (query.view.idle == Idle::Proportional || query.view.shared != Shared::Keep) {
        return Err(Failure::new(
            "a FOCUS export cannot spread idle or shared costs",
            "what is spread is of no bill line: leave --shared out, and --idle at keep or owner",
        ));
    }
    warn_unknown_team(&mart, &query);
    let directory = tempfile::tempdir()?;
    mart.limit_memory(options.memory, directory.path())?;
    let export = if is_focus { mart.export_focus(&query)? } else { mart.export_costs(&query)? };
    reports::export::check(export.columns())?;
    let ending = options.output.as_deref().and_then(CostsFormat::of_name);
    let is_parquet = format == CostsFormat::Parquet || (is_focus && ending == Some(CostsFormat::Parquet));
    if is_parquet {
        return output.made(|file| export.parquet(file));
    }
    let rows = match format {
        CostsFormat::Xlsx => {
            let mut rows = 0;
            let made = output.made(|file| {
                rows = reports::export::xlsx(&mart, &query, &export, file)?;
                Ok::<(), ExportError>(())
            });
            warn_empty(rows);
            return made;
        }
        CostsFormat::Json => reports::export::json(&export, output.writer()),
        _ => reports::export::csv(&export, output.writer()),
    };
    match rows {
        Ok(rows) => {
            warn_empty(rows);
            output.finish(Ok(()))
        }
        // A reader that went away has what it wanted.
        Err(ExportError::Write(cause)) => output.finish(Err(cause)),
        Err(error) => Err(error.into()),
    }
}

fn warn_empty(rows: u64) {
    if rows == 0 {
        say("warning: no cost matches these days and filters");
    }
}

fn ownership(path: &Path, options: &ExportOwnership) -> Result<ExitCode, Failure> {
    let config = config(path)?;
    let query = ownership_query(&options.scope)?;
    let format = chosen(options.format, options.output.as_deref(), CostFormat::Csv)?;
    let mut output = Output::open_anywhere(options.output.as_deref(), &config.export_s3)?;
    let rows = super::mart(&config)?.coverage(&query)?;
    let written = match format {
        CostFormat::Csv => reports::export::coverage_csv(&rows, output.writer()),
        CostFormat::Json => reports::export::coverage_json(&rows, output.writer()),
    };
    output.finish(written)
}

fn changes(path: &Path, options: &ExportChanges) -> Result<ExitCode, Failure> {
    let config = config(path)?;
    half_open(Some(options.from), Some(options.to))?;
    let days = options.to - options.from;
    let against = options.against.unwrap_or(options.from - days);
    if let Some(day) =
        options.by.iter().find(|by| matches!(by, Dimension::Day | Dimension::Week | Dimension::Month))
    {
        return Err(Failure::new(
            format!("changes cannot be told by {day}"),
            "the spans compared have no day in common: use team, workload, service or another dimension",
        ));
    }
    let format = chosen(options.format, options.output.as_deref(), CostFormat::Csv)?;
    let mut output = Output::open_anywhere(options.output.as_deref(), &config.export_s3)?;
    let mart = super::mart(&config)?;
    let query = CostQuery {
        by: options.by.clone(),
        basis: options.basis,
        from: Some(options.from),
        to: Some(options.to),
        currency: None,
        filters: filters(&options.filters)?,
        view: view(&mart, options.view),
    };
    warn_unknown_team(&mart, &query);
    if mart.info().first_day.is_none_or(|first| against < first) {
        say("warning: the span compared with begins before the ledger does: what is missing there looks new");
    }
    let rows = mart.changes(&query, (against, against + days))?;
    let written = match format {
        CostFormat::Csv => reports::export::changes_csv(&query, &rows, output.writer()),
        CostFormat::Json => reports::export::changes_json(&query, &rows, output.writer()),
    };
    output.finish(written)
}

/// The format asked for, else what the file's name ends with, else the usual one.
fn chosen(
    asked: Option<CostFormat>,
    output: Option<&Path>,
    usual: CostFormat,
) -> Result<CostFormat, Failure> {
    let written = output.and_then(ending);
    let is_other = output.and_then(CostsFormat::of_name).is_some();
    let named = match written.as_deref() {
        Some("csv") => Some(CostFormat::Csv),
        Some("json") => Some(CostFormat::Json),
        // A program would open it by its name, and find a text in it.
        Some(ending) if asked.is_none() || is_other => {
            return Err(Failure::new(
                format!("this export is not written as .{ending}"),
                "end the output in .csv or .json, or name one of both with --format",
            ));
        }
        _ => None,
    };
    match (asked, named) {
        (Some(asked), Some(named)) if asked != named => Err(Failure::new(
            "--format does not fit what the output's name ends with",
            "leave --format out, or name the file as its format is",
        )),
        (Some(format), _) | (None, Some(format)) => Ok(format),
        (None, None) => Ok(usual),
    }
}

/// Writes objects as they come in a format; as CSV with these columns.
fn objects(
    format: CostFormat,
    columns: &str,
    rows: impl IntoIterator<Item = serde_json::Value>,
    output: &mut Output,
) -> io::Result<()> {
    match format {
        CostFormat::Csv => {
            let columns: Vec<&str> = columns.split_whitespace().collect();
            reports::export::objects_csv(&columns, rows, output.writer())
        }
        CostFormat::Json => {
            serde_json::Serializer::pretty(output.writer()).collect_seq(rows).map_err(io::Error::from)
        }
    }
}

/// Columns of a table, then those of its costs in one currency, in the order in which they are written.
const TABLE_COLUMNS: &str = "\
    table catalog namespace name format location owner team collected_at rows files data_bytes \
    small_files target_file_bytes delete_files deleted_rows snapshots manifests reachable_bytes \
    expirable_bytes orphaned_bytes last_updated_at partition_spec basis currency storage produce \
    maintain own read_not_additive upstream_not_additive loaded_not_additive reads read_bytes consumers \
    per_read per_consumer per_tb_read per_tb_stored";
const WORKLOAD_COLUMNS: &str = "\
    workload team trigger status retry runs basis cost currency vcore_seconds written_bytes written_rows \
    per_run per_tb_written per_million_rows";
const RUN_COLUMNS: &str = "\
    run engine name workload team workflow_id step_id attempt trigger cluster user owner status error \
    started_at ended_at vcore_seconds memory_gb_seconds cpu_seconds task_seconds input_bytes \
    output_bytes shuffle_read_bytes shuffle_write_bytes disk_spilled_bytes tasks failed_tasks basis cost \
    currency";

fn tables(path: &Path, options: &ExportRows) -> Result<ExitCode, Failure> {
    let format = chosen(options.format, options.output.as_deref(), CostFormat::Json)?;
    let config = config(path)?;
    half_open(options.from, options.to)?;
    let mut output = Output::open_anywhere(options.output.as_deref(), &config.export_s3)?;
    let mart = super::mart(&config)?;
    let costs = mart.table_costs(&TableCostQuery {
        basis: options.basis,
        from: options.from,
        to: options.to,
        ..TableCostQuery::default()
    })?;
    let rows = mart.tables()?.into_iter().map(|row| {
        // By table, then currency: those of one table stand together.
        let first = costs.partition_point(|cost| cost.table_id < row.table_id);
        let costs: Vec<_> = costs[first..]
            .iter()
            .take_while(|cost| cost.table_id == row.table_id)
            .map(|cost| cost_json(cost, options.basis))
            .collect();
        json!({
            "table": row.table_id, "catalog": row.catalog, "namespace": row.namespace, "name": row.name,
            "format": row.format, "location": row.location, "owner": row.owner, "team": row.team,
            "collected_at": row.collected_at, "rows": row.row_count, "files": row.data_files,
            "data_bytes": row.data_bytes, "small_files": row.small_files,
            "target_file_bytes": row.target_file_bytes, "delete_files": row.delete_files,
            "deleted_rows": row.deleted_rows, "snapshots": row.snapshots, "manifests": row.manifests,
            "reachable_bytes": row.reachable_bytes, "expirable_bytes": row.expirable_bytes,
            "orphaned_bytes": row.orphaned_bytes, "last_updated_at": row.last_updated_at,
            "partition_spec": row.partition_spec, "costs": costs,
        })
    });
    let is_flat = format == CostFormat::Csv;
    let rows = rows.flat_map(|table| if is_flat { by_currency(table) } else { vec![table] });
    let written = objects(format, TABLE_COLUMNS, rows, &mut output);
    output.finish(written)
}

/// A table as one flat object for each currency in which it cost anything; one without costs where it
/// cost nothing.
fn by_currency(mut table: serde_json::Value) -> Vec<serde_json::Value> {
    let costs = match table["costs"].take() {
        serde_json::Value::Array(costs) if !costs.is_empty() => costs,
        _ => return vec![table],
    };
    let flat = |cost: serde_json::Value| {
        let mut flat = table.clone();
        if let (Some(flat), serde_json::Value::Object(cost)) = (flat.as_object_mut(), cost) {
            flat.extend(cost);
        }
        flat
    };
    costs.into_iter().map(flat).collect()
}

fn cost_json(cost: &TableCost, basis: Basis) -> serde_json::Value {
    json!({
        "basis": basis, "currency": cost.currency, "storage": cost.storage, "produce": cost.produce,
        "maintain": cost.maintain, "own": cost.own(), "read_not_additive": cost.read,
        "upstream_not_additive": cost.upstream, "loaded_not_additive": cost.loaded(), "reads": cost.reads,
        "read_bytes": cost.read_bytes, "consumers": cost.consumers, "per_read": cost.per_read(),
        "per_consumer": cost.per_consumer(), "per_tb_read": cost.per_terabyte_read(),
        "per_tb_stored": cost.per_terabyte_stored(),
    })
}

fn workloads(path: &Path, options: &ExportRows) -> Result<ExitCode, Failure> {
    let format = chosen(options.format, options.output.as_deref(), CostFormat::Json)?;
    let config = config(path)?;
    half_open(options.from, options.to)?;
    let mut output = Output::open_anywhere(options.output.as_deref(), &config.export_s3)?;
    let mart = super::mart(&config)?;
    let rows = mart.workload_costs(&WorkloadCostQuery {
        basis: options.basis,
        from: options.from,
        to: options.to,
        ..WorkloadCostQuery::default()
    })?;
    let rows = rows.iter().map(|row| {
        let units = UnitCosts::of([row]);
        json!({
            "workload": row.workload, "team": row.team, "trigger": row.trigger, "status": row.status,
            "retry": row.is_retry, "runs": row.runs, "basis": options.basis, "cost": row.cost,
            "currency": row.currency, "vcore_seconds": seconds(row.vcore_ms),
            "written_bytes": row.written_bytes, "written_rows": row.written_rows,
            "per_run": units.per_run(), "per_tb_written": units.per_terabyte_written(),
            "per_million_rows": units.per_million_rows(),
        })
    });
    let written = objects(format, WORKLOAD_COLUMNS, rows, &mut output);
    output.finish(written)
}

fn runs(path: &Path, options: &ExportRuns) -> Result<ExitCode, Failure> {
    let ExportRuns { rows: options, filters: kept } = options;
    let format = chosen(options.format, options.output.as_deref(), CostFormat::Json)?;
    let config = config(path)?;
    half_open(options.from, options.to)?;
    let filter = run_filter(&filters(kept)?, options.basis)?;
    let mut output = Output::open_anywhere(options.output.as_deref(), &config.export_s3)?;
    let mart = super::mart(&config)?;
    let directory = tempfile::tempdir()?;
    mart.limit_memory(MEMORY_MIB, directory.path())?;
    let (first, last) = mart.run_days()?.unwrap_or_default();
    let first = options.from.map_or(first, |from| from.max(first));
    let is_in = |day: &NaiveDate| *day <= last && options.to.is_none_or(|to| *day < to);
    let mut failed = None;
    // A day's runs at a time: memory does not grow with their number.
    let days = first.iter_days().take_while(is_in).map_while(|day| {
        let day = RunFilter { from: Some(day), to: day.succ_opt(), ..filter.clone() };
        mart.runs(&day).map_err(|error| failed = Some(error)).ok()
    });
    let rows = days.flatten().map(|run| run_json(&run, options.basis));
    let written = objects(format, RUN_COLUMNS, rows, &mut output);
    match failed {
        Some(error) => Err(error.into()),
        None => output.finish(written),
    }
}

/// The runs that filters keep, of those a run has one of.
fn run_filter(filters: &[Filter], basis: Basis) -> Result<RunFilter, Failure> {
    let mut kept = RunFilter { basis, ..RunFilter::default() };
    for Filter { dimension, value } in filters {
        let place = match dimension {
            Dimension::Run => &mut kept.run,
            Dimension::Workload => &mut kept.workload,
            Dimension::Table => &mut kept.table,
            Dimension::Cluster => &mut kept.cluster,
            Dimension::Team => &mut kept.team,
            other => {
                return Err(Failure::new(
                    format!("runs cannot be kept by {other}"),
                    "use run, workload, table, cluster or team; `export costs --by run` knows all dimensions",
                ));
            }
        };
        if place.replace(value.clone()).is_some_and(|other| other != *value) {
            return Err(Failure::new(
                format!("no run has two values of {dimension}"),
                "name each dimension once",
            ));
        }
    }
    Ok(kept)
}

fn run_json(run: &RunRow, basis: Basis) -> serde_json::Value {
    json!({
        "run": run.run_id, "engine": run.engine, "name": run.name, "workload": run.workload,
        "team": run.team, "workflow_id": run.workflow_id, "step_id": run.step_id,
        "attempt": run.attempt, "trigger": run.trigger, "cluster": run.cluster_id,
        "user": run.user_name, "owner": run.owner, "status": run.status, "error": run.error,
        "started_at": run.started_at, "ended_at": run.ended_at,
        "vcore_seconds": seconds(run.vcore_ms), "memory_gb_seconds": gib_seconds(run.memory_mib_ms),
        "cpu_seconds": seconds(run.cpu_ms), "task_seconds": seconds(run.task_ms),
        "input_bytes": run.input_bytes, "output_bytes": run.output_bytes,
        "shuffle_read_bytes": run.shuffle_read_bytes, "shuffle_write_bytes": run.shuffle_write_bytes,
        "disk_spilled_bytes": run.disk_spilled_bytes, "tasks": run.tasks, "failed_tasks": run.failed_tasks,
        "basis": basis, "cost": run.cost, "currency": run.currency,
    })
}

/// Whole milliseconds as seconds.
fn seconds(ms: i64) -> f64 {
    ms as f64 / 1000.0
}

/// MiB-milliseconds as GiB-seconds.
fn gib_seconds(mib_ms: i64) -> f64 {
    mib_ms as f64 / 1024.0 / 1000.0
}
