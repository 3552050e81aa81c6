//! What a mart was made of: digests of the program and the rules, landed files, and of the
//! bill's lines a digest by the days they touch. By it the next publish finds what changed.

use std::path::{Path, PathBuf};

use duckdb::params;
use model::landed::Dataset;
use model::manifest::Manifest;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::engine::{Builder, EngineError, parquet, parts_of};
use crate::models::{CHECKS, MODELS};
use crate::rules::Rules;
use crate::scope;

/// Tables of what a mart was made of.
const TABLES: &str = include_str!("../sql/made_of.sql");

/// Kind of the rows of `made_of` that name landed files.
pub(crate) const LANDED: &str = "landed";
/// Kind of those that hold digests of what changes every row of a mart.
pub(crate) const WHOLE: &str = "whole";

/// Adds everything of the program that decides what a mart holds.
pub(crate) fn add_program(mut add: impl FnMut(&str)) {
    add(env!("CARGO_PKG_VERSION"));
    for model in MODELS {
        add(&model.query());
    }
    for check in CHECKS {
        add(check.sql);
    }
    for days in scope::days() {
        add(days.sql);
    }
    add(crate::pools::SHIPPED);
    add(crate::waste::SHIPPED);
    add(include_str!("../sql/rule_tables.sql"));
    add(TABLES);
    add(include_str!("lineage.rs"));
    add(include_str!("engine.rs"));
    add(crate::engine::FUNCTIONS);
    add(crate::engine::QUOTING);
}

/// What changes every row of a mart, named so that "`...` changed" says why it is made from
/// scratch, with its digest.
pub(crate) fn digests(manifest: &Manifest, rules: &Rules) -> Vec<(&'static str, String)> {
    let mut program = Sha256::new();
    add_program(|text| {
        program.update(text.as_bytes());
        program.update([0]);
    });
    let kinds: Vec<_> = manifest.sources.iter().map(|(name, source)| (name, &source.kind)).collect();
    vec![
        ("the program", hexadecimal(program)),
        ("the sources", of(&kinds)),
        ("the teams", of(&(&rules.teams, &rules.shared_fixed))),
        ("the default team", of(&rules.default_team)),
        ("the owner rules", of(&rules.owner_rules)),
        ("the pool rules", of(&rules.pool_rules)),
        ("what weighs a run", of(&rules.run_weight)),
    ]
}

fn of(what: &impl Serialize) -> String {
    // Serialising these cannot fail: they hold texts and numbers only.
    hexadecimal(Sha256::new_with_prefix(serde_json::to_string(what).unwrap_or_default()))
}

fn hexadecimal(hash: Sha256) -> String {
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}

impl Builder {
    /// Writes what a mart made from scratch is made of.
    pub(crate) fn write_made_of(
        &self,
        ledger: &Path,
        manifest: &Manifest,
        rules: &Rules,
    ) -> Result<(), EngineError> {
        self.run("create the tables of what a mart is made of", TABLES)?;
        self.list_inputs(manifest, rules)?;
        let paths: Vec<&str> = parts_of(manifest, Dataset::Charges).collect();
        self.measure_charges(ledger, &paths)
    }

    /// Lists digests and landed files.
    pub(crate) fn list_inputs(&self, manifest: &Manifest, rules: &Rules) -> Result<(), EngineError> {
        let failed = |cause| EngineError { operation: "list what the mart is made of".into(), cause };
        let mut rows = self.connection.appender("made_of").map_err(failed)?;
        for (name, digest) in digests(manifest, rules) {
            rows.append_row(params![WHOLE, name, digest]).map_err(failed)?;
        }
        for dataset in Dataset::ALL {
            for path in parts_of(manifest, dataset) {
                rows.append_row(params![LANDED, path, dataset.name()]).map_err(failed)?;
            }
        }
        rows.flush().map_err(failed)
    }

    /// Digests the lines of landed files of charges by the days they touch.
    pub(crate) fn measure_charges(&self, ledger: &Path, paths: &[&str]) -> Result<(), EngineError> {
        if paths.is_empty() {
            return Ok(());
        }
        let files: Vec<PathBuf> = paths.iter().map(|path| ledger.join(path)).collect();
        let source = parquet(&files, ", filename = true");
        // What stands before a path in the file's name: the ledger, and a separator.
        let before = ledger.join("x").display().to_string().chars().count();
        let columns: Vec<_> = Dataset::Charges.columns().iter().map(|column| column.name).collect();
        let columns = columns.join(", ");
        let started = std::time::Instant::now();
        self.run(
            "digest the bill by day",
            &format!(
                "insert into landed_spans
                with lines as (
                    select
                        filename, charge_category, charge_period_start as starts_at,
                        case when charge_period_end > charge_period_start then charge_period_end
                            else charge_period_start + interval 1 hour end as ends_at,
                        billing_period_start, billing_period_end,
                        hash({columns}) as mark
                    from {source}
                )
                select
                    substr(filename, {before}), cast(starts_at as date),
                    first_on(charge_category, starts_at, ends_at, billing_period_start),
                    last_on(charge_category, starts_at, ends_at, billing_period_end),
                    count(*), sum(mark)
                from lines
                group by all"
            ),
        )?;
        self.run(
            "list the files of the bill",
            &format!(
                "insert into landed_files
                select distinct substr(filename, {before}), source, source_file from {source}"
            ),
        )?;
        tracing::debug!(elapsed_ms = started.elapsed().as_millis() as u64, "digested the bill");
        Ok(())
    }
}
