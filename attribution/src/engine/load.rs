//! The configuration's rules and the manifest's facts, as tables of the mart.

use std::fmt::Write as _;

use duckdb::params;
use duckdb::types::Value;
use model::Basis;
use model::landed::Dataset;
use model::manifest::{Entry, Manifest, SourceRecord};
use model::time::{Instant, PeriodKey};

use super::{Builder, EngineError};
use crate::pools;
use crate::rules::{CLUSTER_TAGS, Matcher, Pattern, Rules};
use crate::waste;

impl Builder {
    /// Writes the configuration's rules and the manifest's facts as tables.
    ///
    /// # Errors
    /// When DuckDB refuses a row.
    pub fn load_rules(
        &self,
        rules: &Rules,
        manifest: &Manifest,
        now: Instant,
        id: &str,
    ) -> Result<(), EngineError> {
        // One transaction: hundreds of small inserts would flush the file hundreds of times.
        self.run("begin", "begin transaction")?;
        self.run("create the rule tables", include_str!("../../sql/rule_tables.sql"))?;
        let failed = |cause| EngineError { operation: "load the rules".into(), cause };
        let connection = &self.connection;
        connection
            .execute(
                "insert into parameters values (?, cast(? as timestamp), ?, ?, ?)",
                params![
                    id,
                    now.naive_utc().to_string(),
                    rules.default_team,
                    rules.display_timezone,
                    rules.run_weight.name()
                ],
            )
            .map_err(failed)?;
        connection
            .execute_batch(
                "insert into publishes select publish_nr, recorded_at, mart_id from recorded_owners
                where subject = 'publish'",
            )
            .map_err(failed)?;
        connection
            .execute(
                "insert into publishes select coalesce(max(publish_nr), 0) + 1, cast(? as timestamp), ? from publishes",
                params![now.naive_utc().to_string(), id],
            )
            .map_err(failed)?;
        for (position, team) in rules.teams.iter().enumerate() {
            connection
                .execute(
                    "insert into teams values (?, ?, ?, ?)",
                    params![position as i64, team.name, team.email.join("\n"), team.parent],
                )
                .map_err(failed)?;
        }
        for (team, weight) in &rules.shared_fixed {
            connection
                .execute("insert into rule_shared_fixed values (?, ?)", params![team, weight])
                .map_err(failed)?;
        }
        for (position, key) in CLUSTER_TAGS.iter().enumerate() {
            connection
                .execute("insert into rule_cluster_tags values (?, ?)", params![position as i64, key])
                .map_err(failed)?;
        }
        for (position, rule) in rules.owner_rules.iter().enumerate() {
            let key = match &rule.matcher {
                Matcher::Tag { key, .. } => Some(model::tags::fold_key(key)),
                _ => None,
            };
            let (glob, regex) = match rule.matcher.pattern() {
                Pattern::Glob(glob) => (Some(glob.as_str()), None),
                Pattern::Regex(regex) => (None, Some(regex.portable())),
            };
            connection
                .execute(
                    "insert into rule_owners values (?, ?, ?, ?, ?, ?, ?, cast(? as date), cast(? as date))",
                    params![
                        position as i64,
                        rule.id(position),
                        rule.team,
                        rule.matcher.kind(),
                        key,
                        glob,
                        regex,
                        rule.from.map_or_else(|| "0001-01-01".to_owned(), |day| day.to_string()),
                        rule.to.map_or_else(|| "9999-12-31".to_owned(), |day| day.to_string()),
                    ],
                )
                .map_err(failed)?;
        }
        self.load_pools(rules)?;
        self.load_waste(rules)?;
        self.load_manifest(manifest)?;
        self.run("commit the rules", "commit")
    }

    /// Drops the rule tables of the mart that this file is a copy of.
    pub(crate) fn drop_rules(&self) -> Result<(), EngineError> {
        let mut sql = String::new();
        for line in include_str!("../../sql/rule_tables.sql").lines() {
            for kind in ["table", "view"] {
                let name = line.strip_prefix(&format!("create {kind} "));
                if let Some(name) = name.and_then(|rest| rest.split([' ', '(']).next()) {
                    let _ = writeln!(sql, "drop {kind} {name};");
                }
            }
        }
        self.run("drop the rule tables", &sql)
    }

    fn load_pools(&self, rules: &Rules) -> Result<(), EngineError> {
        let failed = |cause| EngineError { operation: "load the pool rules".into(), cause };
        let mut appender = self.connection.appender("rule_pools").map_err(failed)?;
        for (number, row) in pools::rows(rules).into_iter().enumerate() {
            appender
                .append_row(params![
                    number as i64,
                    row.position,
                    row.rule_id,
                    row.pool,
                    row.kind,
                    row.cluster,
                    row.charge,
                    row.line_item_type,
                    row.service,
                    row.usage_type,
                    row.tag_key,
                    row.tag_value,
                    row.resource
                ])
                .map_err(failed)?;
        }
        appender.flush().map_err(failed)
    }

    fn load_waste(&self, rules: &Rules) -> Result<(), EngineError> {
        let failed = |cause| EngineError { operation: "load the thresholds of waste".into(), cause };
        let mut appender = self.connection.appender("rule_waste").map_err(failed)?;
        for (setting, scope, value, source) in waste::rows(&rules.waste) {
            appender.append_row(params![setting, scope, value, source]).map_err(failed)?;
        }
        appender.flush().map_err(failed)
    }

    fn load_manifest(&self, manifest: &Manifest) -> Result<(), EngineError> {
        let failed = |cause| EngineError { operation: "load the manifest's facts".into(), cause };
        for (name, source) in &manifest.sources {
            let objects: u64 = source.units.values().map(|unit| unit.objects).sum();
            let rows: u64 = source.units.values().map(|unit| unit.facts()).sum();
            let warnings =
                source.warnings.iter().chain(source.units.values().flat_map(|unit| &unit.warnings));
            let (mut warned, mut skipped) = (0_u64, 0_u64);
            for warning in warnings {
                warned += 1;
                skipped += u64::from(warning.skipped);
                self.connection
                    .execute(
                        "insert into source_warnings values (?, ?, ?, ?, ?, ?)",
                        params![
                            name,
                            warning.code,
                            warning.object,
                            warning.message,
                            warning.count as i64,
                            warning.skipped
                        ],
                    )
                    .map_err(failed)?;
            }
            self.connection
                .execute(
                    "insert into sources values (?, ?, ?, ?, ?, cast(? as timestamp), cast(? as timestamp), ?, ?)",
                    params![
                        name,
                        source.kind,
                        source.uri,
                        objects as i64,
                        rows as i64,
                        source.checked_at.naive_utc().to_string(),
                        source.landed_at.map(|at| at.naive_utc().to_string()),
                        warned as i64,
                        skipped as i64,
                    ],
                )
                .map_err(failed)?;
            self.load_collections(manifest, name, source).map_err(failed)?;
            for unit in source.units.values() {
                for totals in unit.totals.values() {
                    for (currency, totals) in totals {
                        let cost = |basis| totals.get(basis).amount.to_string();
                        let rest = |basis| totals.get(basis).residue.to_string();
                        self.connection
                            .execute(
                                "insert into manifest_units values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                                params![
                                    name,
                                    currency.to_string(),
                                    cost(Basis::Billed),
                                    cost(Basis::Effective),
                                    cost(Basis::List),
                                    cost(Basis::Contracted),
                                    rest(Basis::Billed),
                                    rest(Basis::Effective),
                                    rest(Basis::List),
                                    rest(Basis::Contracted),
                                ],
                            )
                            .map_err(failed)?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Writes which units of a source of tables are still there, and until when collections held
    /// that others followed. Of other sources nobody asks, and ten thousand logs are as many units.
    fn load_collections(
        &self,
        manifest: &Manifest,
        name: &str,
        source: &SourceRecord,
    ) -> Result<(), duckdb::Error> {
        let is_tables = |entry: &Entry| entry.dataset == Dataset::Tables && entry.source == name;
        if !manifest.entries.iter().any(is_tables) {
            return Ok(());
        }
        let mut units = self.connection.appender("source_units")?;
        for key in source.units.keys() {
            units.append_row(params![name, key])?;
        }
        units.flush()?;
        let mut held = self.connection.appender("held_collections")?;
        for (unit, collections) in &source.held {
            for (collected, until) in collections {
                held.append_row(params![name, unit, date(*collected), date(*until)])?;
            }
        }
        held.flush()
    }
}

/// The first day of a period.
fn date(period: PeriodKey) -> Value {
    Value::Date32(i32::try_from(period.period().start.timestamp().div_euclid(86_400)).unwrap_or_default())
}
