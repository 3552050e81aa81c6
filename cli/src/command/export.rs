//! `export`: figures for other programs. The output is opened before any work starts.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use attribution::mart::{
    CostQuery, Dimension, Mart, Ownership, RunFilter, TableCost, TableCostQuery, UnitCosts, View,
    WorkloadCostQuery,
};
use model::Basis;
use serde_json::json;

use crate::args::{CostFormat, Export, ExportChanges, ExportCosts, ExportOwnership, ExportRows, Format};
use crate::command::{config, filters, half_open, ownership_query, view, warn_unknown_team};
use crate::printer::{Failure, say};

/// Where an export goes: stdout, a device or pipe written as it is, or a file that appears
/// whole (a temporary file renamed at the end; a symbolic link keeps pointing).
enum Output {
    Stream { name: String, writer: BufWriter<Box<dyn Write>> },
    File { temporary: PathBuf, target: PathBuf, writer: BufWriter<File> },
}

impl Output {
    fn open(path: Option<&Path>) -> Result<Self, Failure> {
        let Some(path) = path.filter(|path| *path != Path::new("-")) else {
            return Ok(Self::Stream {
                name: "standard output".into(),
                writer: BufWriter::new(Box::new(io::stdout())),
            });
        };
        let failed = |cause: io::Error| {
            let message = format!("could not write `{}`: {cause}", path.display());
            Failure::new(message, "name a file in a directory that exists and may be written")
        };
        match std::fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => return Err(failed(io::ErrorKind::IsADirectory.into())),
            Ok(metadata) if !metadata.is_file() => {
                let device = File::options().write(true).open(path).map_err(failed)?;
                return Ok(Self::Stream {
                    name: path.display().to_string(),
                    writer: BufWriter::new(Box::new(device)),
                });
            }
            _ => {}
        }
        let target = std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let mut temporary = target.as_os_str().to_owned();
        temporary.push(".tmp");
        let temporary = PathBuf::from(temporary);
        let file = File::create(&temporary).map_err(failed)?;
        Ok(Self::File { temporary, target, writer: BufWriter::new(file) })
    }

    fn writer(&mut self) -> &mut dyn Write {
        match self {
            Self::Stream { writer, .. } => writer,
            Self::File { writer, .. } => writer,
        }
    }

    /// Ends the output after `written`. A reader that went away (`| head`) has what it wanted.
    fn finish(self, written: io::Result<()>) -> Result<ExitCode, Failure> {
        let (name, result) = match self {
            Self::Stream { name, mut writer } => (name, written.and_then(|()| writer.flush())),
            Self::File { temporary, target, mut writer } => {
                let result = written
                    .and_then(|()| writer.flush())
                    .and_then(|()| writer.get_ref().sync_all())
                    .and_then(|()| std::fs::rename(&temporary, &target));
                if result.is_err() {
                    // Whatever cannot be removed either is named by the error below.
                    let _ = std::fs::remove_file(&temporary);
                }
                (target.display().to_string(), result)
            }
        };
        match result {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::new(
                format!("could not write `{name}`: {error}"),
                "nothing of it counts; free some space or name another file",
            )),
            _ => Ok(ExitCode::SUCCESS),
        }
    }
}

/// Writes what was asked for.
pub fn run(path: &Path, export: &Export) -> Result<ExitCode, Failure> {
    match export {
        Export::Costs(options) => costs(path, options),
        Export::Changes(options) => changes(path, options),
        Export::Tables(options) => tables(path, options),
        Export::Workloads(options) => workloads(path, options),
        Export::Runs(options) => runs(path, options),
        Export::Ownership(options) => ownership(path, options),
    }
}

fn costs(path: &Path, options: &ExportCosts) -> Result<ExitCode, Failure> {
    let config = config(path)?;
    half_open(options.from, options.to)?;
    let mut output = Output::open(options.output.as_deref())?;
    let mart = super::mart(&config)?;
    let query = CostQuery {
        by: options.by.clone(),
        basis: options.basis,
        from: options.from,
        to: options.to,
        currency: None,
        filters: filters(&options.filters)?,
        view: owned_view(&mart, options)?,
    };
    warn_unknown_team(&mart, &query);
    let rows = mart.costs(&query)?;
    if rows.is_empty() {
        say("warning: no cost matches these days and filters");
    }
    let written = match options.format {
        CostFormat::Csv => reports::export::costs_csv(&query, &rows, output.writer()),
        CostFormat::Json => reports::export::costs_json(&query, &rows, output.writer()),
    };
    output.finish(written)
}

/// The view of costs asked for, ownership included.
fn owned_view(mart: &Mart, options: &ExportCosts) -> Result<View, Failure> {
    let ownership = options.as_of.map_or(options.ownership, Ownership::AsOf);
    let view = View { ownership, ..view(mart, options.view) };
    match view.fault() {
        Some(fault) => Err(Failure::new("these views cannot be combined", fault)),
        None => Ok(view),
    }
}

fn ownership(path: &Path, options: &ExportOwnership) -> Result<ExitCode, Failure> {
    let config = config(path)?;
    let query = ownership_query(&options.scope)?;
    let mut output = Output::open(options.output.as_deref())?;
    let rows = super::mart(&config)?.coverage(&query)?;
    let written = match options.format {
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
    let mut output = Output::open(options.output.as_deref())?;
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
    let written = match options.format {
        CostFormat::Csv => reports::export::changes_csv(&query, &rows, output.writer()),
        CostFormat::Json => reports::export::changes_json(&query, &rows, output.writer()),
    };
    output.finish(written)
}

fn only_json(format: Format) -> Result<(), Failure> {
    match format {
        Format::Json => Ok(()),
        Format::Text => Err(Failure::new("this export is written as JSON only", "use --format json")),
    }
}

fn tables(path: &Path, options: &ExportRows) -> Result<ExitCode, Failure> {
    only_json(options.format)?;
    let config = config(path)?;
    half_open(options.from, options.to)?;
    let mut output = Output::open(options.output.as_deref())?;
    let mart = super::mart(&config)?;
    let costs = mart.table_costs(&TableCostQuery {
        basis: options.basis,
        from: options.from,
        to: options.to,
        ..TableCostQuery::default()
    })?;
    let rows: Vec<serde_json::Value> = mart
        .tables()?
        .into_iter()
        .map(|row| {
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
        })
        .collect();
    let written = serde_json::to_writer_pretty(output.writer(), &rows).map_err(io::Error::from);
    output.finish(written)
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
    only_json(options.format)?;
    let config = config(path)?;
    half_open(options.from, options.to)?;
    let mut output = Output::open(options.output.as_deref())?;
    let mart = super::mart(&config)?;
    let rows = mart.workload_costs(&WorkloadCostQuery {
        basis: options.basis,
        from: options.from,
        to: options.to,
        ..WorkloadCostQuery::default()
    })?;
    let rows: Vec<serde_json::Value> = rows
        .iter()
        .map(|row| {
            let units = UnitCosts::of([row]);
            json!({
                "workload": row.workload, "team": row.team, "trigger": row.trigger, "status": row.status,
                "retry": row.is_retry, "runs": row.runs, "basis": options.basis, "cost": row.cost,
                "currency": row.currency, "vcore_seconds": seconds(row.vcore_ms),
                "written_bytes": row.written_bytes, "written_rows": row.written_rows,
                "per_run": units.per_run(), "per_tb_written": units.per_terabyte_written(),
                "per_million_rows": units.per_million_rows(),
            })
        })
        .collect();
    let written = serde_json::to_writer_pretty(output.writer(), &rows).map_err(io::Error::from);
    output.finish(written)
}

fn runs(path: &Path, options: &ExportRows) -> Result<ExitCode, Failure> {
    only_json(options.format)?;
    let config = config(path)?;
    half_open(options.from, options.to)?;
    let mut output = Output::open(options.output.as_deref())?;
    let mart = super::mart(&config)?;
    let rows: Vec<serde_json::Value> = mart
        .runs(&RunFilter {
            basis: options.basis,
            from: options.from,
            to: options.to,
            ..RunFilter::default()
        })?
        .into_iter()
        .map(|row| {
            json!({
                "run": row.run_id, "engine": row.engine, "name": row.name, "workload": row.workload,
                "team": row.team, "workflow_id": row.workflow_id, "step_id": row.step_id,
                "attempt": row.attempt, "trigger": row.trigger, "cluster": row.cluster_id,
                "user": row.user_name, "owner": row.owner, "status": row.status, "error": row.error,
                "started_at": row.started_at, "ended_at": row.ended_at,
                "vcore_seconds": seconds(row.vcore_ms),
                "memory_gb_seconds": gib_seconds(row.memory_mib_ms),
                "cpu_seconds": seconds(row.cpu_ms), "task_seconds": seconds(row.task_ms),
                "input_bytes": row.input_bytes, "output_bytes": row.output_bytes,
                "shuffle_read_bytes": row.shuffle_read_bytes, "shuffle_write_bytes": row.shuffle_write_bytes,
                "disk_spilled_bytes": row.disk_spilled_bytes, "tasks": row.tasks,
                "failed_tasks": row.failed_tasks, "basis": options.basis, "cost": row.cost,
                "currency": row.currency,
            })
        })
        .collect();
    let written = serde_json::to_writer_pretty(output.writer(), &rows).map_err(io::Error::from);
    output.finish(written)
}

/// Whole milliseconds as seconds.
fn seconds(ms: i64) -> f64 {
    ms as f64 / 1000.0
}

/// MiB-milliseconds as GiB-seconds.
fn gib_seconds(mib_ms: i64) -> f64 {
    mib_ms as f64 / 1024.0 / 1000.0
}
