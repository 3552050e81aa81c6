//! `export`: figures for other programs. The output is opened before any work starts.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use attribution::mart::{CostQuery, Ownership, RunFilter, View};
use serde_json::json;

use crate::args::{CostFormat, Export, ExportCosts, ExportOwnership, ExportRows, Format};
use crate::command::{config, filters, half_open, ownership_query, warn_unknown_team};
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
        Export::Tables(options) => tables(path, options),
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
        view: View { ownership: options.as_of.map_or(options.ownership, Ownership::AsOf) },
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

fn only_json(format: Format) -> Result<(), Failure> {
    match format {
        Format::Json => Ok(()),
        Format::Text => Err(Failure::new("this export is written as JSON only", "use --format json")),
    }
}

fn tables(path: &Path, options: &ExportRows) -> Result<ExitCode, Failure> {
    only_json(options.format)?;
    let config = config(path)?;
    let mut output = Output::open(options.output.as_deref())?;
    let mart = super::mart(&config)?;
    let rows: Vec<serde_json::Value> = mart
        .tables()?
        .into_iter()
        .map(|row| {
            json!({
                "table": row.table_id, "catalog": row.catalog, "namespace": row.namespace, "name": row.name,
                "format": row.format, "location": row.location, "owner": row.owner, "team": row.team,
                "collected_at": row.collected_at, "rows": row.row_count, "files": row.data_files,
                "data_bytes": row.data_bytes, "small_files": row.small_files,
                "target_file_bytes": row.target_file_bytes, "delete_files": row.delete_files,
                "deleted_rows": row.deleted_rows, "snapshots": row.snapshots, "manifests": row.manifests,
                "reachable_bytes": row.reachable_bytes, "last_updated_at": row.last_updated_at,
                "partition_spec": row.partition_spec,
            })
        })
        .collect();
    let written = serde_json::to_writer_pretty(output.writer(), &rows).map_err(io::Error::from);
    output.finish(written)
}

fn runs(path: &Path, options: &ExportRows) -> Result<ExitCode, Failure> {
    only_json(options.format)?;
    let config = config(path)?;
    let mut output = Output::open(options.output.as_deref())?;
    let mart = super::mart(&config)?;
    let rows: Vec<serde_json::Value> = mart
        .runs(&RunFilter { basis: options.basis, ..RunFilter::default() })?
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
