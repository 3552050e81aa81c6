//! `check`: every fault of the configuration at once, then every source: reached or not,
//! and what would be read.

use std::path::Path;
use std::process::ExitCode;

use serde::Serialize;

use crate::args::{Check, Format};
use crate::command::config;
use crate::printer::{self, Failure, line};
use crate::sources;

#[derive(Serialize)]
struct Row {
    source: String,
    kind: String,
    uri: String,
    reached: bool,
    objects: usize,
    bytes: u64,
    units: usize,
    warnings: Vec<model::Warning>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

/// Looks at every source without reading it.
pub fn run(path: &Path, options: &Check) -> Result<ExitCode, Failure> {
    let config = config(path)?;
    if config.ledger.exists() && !config.ledger.is_dir() {
        let message = format!("`{}` is a file, and the ledger is a directory", config.ledger.display());
        return Err(Failure::new(message, "change `path` in [ledger]"));
    }
    let mut rows = Vec::new();
    for configured in &config.sources {
        let mut row = Row {
            source: configured.name.clone(),
            kind: configured.kind.clone(),
            uri: configured.uri.clone(),
            reached: false,
            objects: 0,
            bytes: 0,
            units: 0,
            warnings: Vec::new(),
            error: None,
            hint: None,
        };
        let looked = sources::open(&config, configured).and_then(|source| {
            let listing = source.store.list().map_err(|error| sources::read_failure(error.into()))?;
            let plan = source.reader.plan(source.store.as_ref(), &listing).map_err(sources::read_failure)?;
            Ok((listing, plan))
        });
        match looked {
            Ok((listing, plan)) => {
                row.reached = true;
                row.objects = listing.len();
                row.bytes = listing.iter().map(|object| object.size).sum();
                row.units = plan.units.len();
                row.warnings = plan.warnings;
            }
            Err(failure) => {
                row.error = Some(printer::chain(failure.error.as_ref()));
                row.hint = failure.hint;
            }
        }
        rows.push(row);
    }
    // Before the first run there is no mart, and no name to be known but the teams'.
    let mart = super::mart(&config).ok();
    let overlooked = super::overlooked::overlooked(&config, mart.as_ref())?;
    match options.format {
        Format::Json => line(serde_json::to_string_pretty(&rows)?),
        Format::Text => text(&config, &rows),
    }
    printer::warnings(&overlooked, 5);
    let unreachable = rows.iter().any(|row| !row.reached);
    let skipped = rows.iter().flat_map(|row| &row.warnings).any(|warning| warning.skipped);
    Ok(ExitCode::from(if unreachable { 2 } else { u8::from(skipped) }))
}

fn text(config: &crate::config::Config, rows: &[Row]) {
    let cells: Vec<Vec<String>> = rows
        .iter()
        .map(|row| {
            let state = if !row.reached {
                "unreachable"
            } else if row.units == 0 {
                "nothing to read"
            } else {
                "ok"
            };
            let count = |n: usize| reports::format::count(i64::try_from(n).unwrap_or(i64::MAX));
            vec![
                row.source.clone(),
                row.kind.clone(),
                state.to_owned(),
                count(row.objects),
                count(row.units),
                reports::format::bytes(i64::try_from(row.bytes).unwrap_or(i64::MAX)),
            ]
        })
        .collect();
    printer::table(&["source", "kind", "state", "objects", "units", "size"], &cells, 3);
    line(format!(
        "{} teams, {} ownership rules; ledger in {}",
        config.rules.teams.len(),
        config.rules.owner_rules.len(),
        config.ledger.display(),
    ));
    for row in rows {
        if let Some(error) = &row.error {
            printer::failure(&Failure {
                error: format!("source `{}`: {error}", row.source).into(),
                hint: row.hint.clone(),
            });
        }
        printer::warnings(&row.warnings, 5);
    }
}
