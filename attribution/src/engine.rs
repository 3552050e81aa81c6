//! The only opener of DuckDB: one connection that builds a mart from landed files.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use duckdb::{Config, Connection, params};
use model::Basis;
use model::landed::{ColumnType, Dataset};
use model::manifest::Manifest;
use model::time::Instant;

use crate::lineage;
use crate::models::{CHECKS, Form, MODELS, Model};
use crate::pools;
use crate::rules::{CLUSTER_TAGS, Matcher, Pattern, Rules};
use crate::waste;

/// What DuckDB could not do.
#[derive(Debug, thiserror::Error)]
#[error("could not {operation}")]
pub struct EngineError {
    /// What was being done: `build model stg_runs`.
    pub operation: String,
    /// What DuckDB said.
    #[source]
    pub cause: duckdb::Error,
}

/// A check that found offenders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Name of the check: its file.
    pub check: &'static str,
    /// What an offender is: the first line of the file.
    pub meaning: String,
    /// How many there are.
    pub offenders: u64,
    /// The first few, as `column=value` texts.
    pub examples: Vec<String>,
}

/// DuckDB functions of the names Spark SQL has: models are written in what both know.
const PRELUDE: &str = "
    create or replace macro unix_seconds(t) as cast(epoch(t) as bigint);
    create or replace macro unix_millis(t) as cast(epoch_ms(t) as bigint);
    create or replace macro regexp_like(t, pattern) as regexp_matches(t, pattern);
    create or replace macro sequence(first_at, last_at, step) as generate_series(first_at, last_at, step);
    create or replace macro explode(list) as unnest(list);
    create or replace macro datediff(later, earlier) as date_diff('day', earlier, later);
    create or replace macro date_add(day, days) as day + days;
    -- Of hexadecimal digits alone, to base 10.
    create or replace macro conv(digits, from_base, to_base) as cast(cast('0x' || digits as bigint) as varchar);
    -- Of files of days alone: the days a bill line is cut over (see charge_pieces).
    create or replace temp macro first_on(category, starts_at, ends_at, period_start) as cast(
        case when category <> 'Usage' and starts_at < period_start and ends_at > period_start
            then period_start else starts_at end as date);
    create or replace temp macro last_on(category, starts_at, ends_at, period_end) as cast(
        case
            when category = 'Usage' then ends_at
            when starts_at < period_end then least(ends_at, period_end)
            else least(ends_at, starts_at + interval 1 day)
        end - interval 1 microsecond as date);
";

/// What several models compute, as macros of DuckDB.
pub(crate) const FUNCTIONS: &str = include_str!("../sql/functions.sql");

/// A mart being built.
pub struct Builder {
    pub(crate) connection: Connection,
}

impl Builder {
    /// Opens a new database file for building.
    ///
    /// # Errors
    /// When the file cannot be made.
    pub fn create(file: &Path, scratch: &Path) -> Result<Self, EngineError> {
        let failed = |cause| EngineError { operation: format!("create `{}`", file.display()), cause };
        let config = Config::default()
            .with("temp_directory", scratch.display().to_string())
            .and_then(|config| config.with("preserve_insertion_order", "false"))
            .map_err(failed)?;
        let connection = Connection::open_with_flags(file, config).map_err(failed)?;
        let builder = Self { connection };
        builder.run("prepare the engine", PRELUDE)?;
        builder.run("create the functions", FUNCTIONS)?;
        Ok(builder)
    }

    /// Runs statements on the mart being built; tests damage it this way to see checks fail.
    ///
    /// # Errors
    /// When DuckDB refuses them.
    pub fn run(&self, operation: &str, sql: &str) -> Result<(), EngineError> {
        self.connection
            .execute_batch(sql)
            .map_err(|cause| EngineError { operation: operation.to_owned(), cause })
    }

    /// Makes a view of every landed dataset: its current files, or an empty table of its schema.
    /// The record of ownership is empty until it is attached.
    ///
    /// # Errors
    /// When a file the manifest names cannot be read.
    pub fn attach(&self, ledger: &Path, manifest: &Manifest) -> Result<(), EngineError> {
        for dataset in Dataset::ALL {
            let files: Vec<PathBuf> = parts_of(manifest, dataset).map(|path| ledger.join(path)).collect();
            self.landed_view(dataset, &files, "")?;
        }
        self.run("start the record of ownership", crate::record::EMPTY)
    }

    /// Makes the view of a landed dataset: rows of these files, those for which `condition`
    /// holds where it says any.
    pub(crate) fn landed_view(
        &self,
        dataset: Dataset,
        files: &[PathBuf],
        condition: &str,
    ) -> Result<(), EngineError> {
        let columns = dataset.columns().iter().map(|column| {
            if files.is_empty() {
                format!("cast(null as {}) as {}", sql_type(column.kind), column.name)
            } else {
                column.name.to_owned()
            }
        });
        let columns = columns.collect::<Vec<_>>().join(", ");
        let mut sql = format!("create or replace temp view landed_{dataset} as select {columns}");
        if files.is_empty() {
            sql.push_str(" where false");
        } else {
            let _ = write!(sql, " from {} {condition}", parquet(files, ""));
        }
        self.run(&format!("read landed `{dataset}`"), &sql)
    }

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
        self.run("create the rule tables", include_str!("../sql/rule_tables.sql"))?;
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
        for line in include_str!("../sql/rule_tables.sql").lines() {
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
            // Ten thousand logs are ten thousand units: one statement each would take seconds.
            let mut units = self.connection.appender("source_units").map_err(failed)?;
            for key in source.units.keys() {
                units.append_row(params![name, key]).map_err(failed)?;
            }
            units.flush().map_err(failed)?;
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

    /// Builds every model in order; `progress` is told each name.
    ///
    /// # Errors
    /// When a model fails; its name is in the error.
    pub fn build(&self, mut progress: impl FnMut(&'static str)) -> Result<(), EngineError> {
        for model in MODELS {
            progress(model.name);
            // What is only built on is not written into the file: compressing it takes longer
            // than making it. It spills to the scratch directory where memory does not hold it.
            self.make(
                model,
                match model.form {
                    Form::Table => "table",
                    Form::View => "view",
                    Form::Step => "temp table",
                },
            )?;
        }
        Ok(())
    }

    /// Makes one model as this kind of thing.
    pub(crate) fn make(&self, model: &Model, form: &str) -> Result<(), EngineError> {
        if model.name == "table_upstream" {
            lineage::pass_on(&self.connection)
                .map_err(|cause| EngineError { operation: "pass costs on along lineage".into(), cause })?;
        }
        let sql = format!("create {form} {} as\n{}", model.name, model.sql);
        let started = std::time::Instant::now();
        self.run(&format!("build model `{}`", model.name), &sql)?;
        tracing::debug!(model = model.name, elapsed_ms = started.elapsed().as_millis() as u64, "built");
        Ok(())
    }

    /// Runs every check; an empty list means the mart may be published.
    ///
    /// # Errors
    /// When a check cannot be run.
    pub fn check(&self) -> Result<Vec<Failure>, EngineError> {
        self.check_some(|_| true)
    }

    /// Runs the checks of these names.
    pub(crate) fn check_some(&self, chosen: impl Fn(&str) -> bool) -> Result<Vec<Failure>, EngineError> {
        let mut failures = Vec::new();
        for check in CHECKS.iter().filter(|check| chosen(check.name)) {
            let started = std::time::Instant::now();
            let failed = |cause| EngineError { operation: format!("run check `{}`", check.name), cause };
            let mut statement = self.connection.prepare(check.sql).map_err(failed)?;
            let mut rows = statement.query([]).map_err(failed)?;
            let (mut offenders, mut examples) = (0_u64, Vec::new());
            while let Some(row) = rows.next().map_err(failed)? {
                offenders += 1;
                if examples.len() < 3 {
                    examples.push(describe(row));
                }
            }
            tracing::debug!(check = check.name, elapsed_ms = started.elapsed().as_millis() as u64, "checked");
            if offenders > 0 {
                let meaning = check.sql.lines().next().unwrap_or_default();
                failures.push(Failure {
                    check: check.name,
                    meaning: meaning.trim_start_matches("-- ").to_owned(),
                    offenders,
                    examples,
                });
            }
        }
        Ok(failures)
    }

    /// Keys that models state and do not keep: a row of `-- Key:` columns that stands twice, or
    /// has a null where none may be. For tests: sorting every key of a large mart takes long.
    ///
    /// # Errors
    /// When a model was not built, or lacks a column of its key.
    pub fn broken_keys(&self) -> Result<Vec<String>, EngineError> {
        let mut broken = Vec::new();
        for model in MODELS {
            for key in model.keys() {
                let failed =
                    |cause| EngineError { operation: format!("read the key of `{}`", model.name), cause };
                let names = key.iter().map(|column| column.name).collect::<Vec<_>>().join(", ");
                let nulls = key
                    .iter()
                    .filter(|column| !column.nullable)
                    .map(|column| format!("{} is null", column.name))
                    .collect::<Vec<_>>()
                    .join(" or ");
                let condition = if nulls.is_empty() { "false".to_owned() } else { nulls };
                let sql = format!(
                    "select {names}, count(*) as times from {} group by {names} having count(*) > 1 or {condition}",
                    model.name
                );
                let mut statement = self.connection.prepare(&sql).map_err(failed)?;
                let mut rows = statement.query([]).map_err(failed)?;
                while let Some(row) = rows.next().map_err(failed)? {
                    broken.push(format!("{}: {}", model.name, describe(row)));
                }
            }
        }
        Ok(broken)
    }

    /// Drops what was only built on, and closes the file whole.
    ///
    /// # Errors
    /// When DuckDB cannot write the file out.
    pub fn finish(self) -> Result<(), EngineError> {
        for model in MODELS.iter().filter(|model| model.form == Form::Step) {
            self.run(&format!("drop `{}`", model.name), &format!("drop table if exists {}", model.name))?;
        }
        self.run("write the mart out", "checkpoint")?;
        self.connection
            .close()
            .map_err(|(_, cause)| EngineError { operation: "close the mart".into(), cause })
    }
}

/// Paths of a dataset's current files, relative to the ledger.
pub(crate) fn parts_of(manifest: &Manifest, dataset: Dataset) -> impl Iterator<Item = &str> {
    let entries = manifest.entries.iter().filter(move |entry| entry.dataset == dataset);
    entries.flat_map(|entry| &entry.parts).map(|part| part.path.as_str())
}

/// Parquet files as a table, with these options of `read_parquet`.
pub(crate) fn parquet(files: &[PathBuf], options: &str) -> String {
    let list: Vec<_> =
        files.iter().map(|file| format!("'{}'", file.display().to_string().replace('\'', "''"))).collect();
    format!("read_parquet([{}]{options})", list.join(", "))
}

fn describe(row: &duckdb::Row<'_>) -> String {
    let names = row.as_ref().column_names();
    let cells = names.iter().enumerate().map(|(at, name)| {
        let value: Result<duckdb::types::Value, _> = row.get(at);
        match value {
            Ok(duckdb::types::Value::Text(text)) => format!("{name}={text}"),
            Ok(value) => format!("{name}={value:?}"),
            Err(_) => format!("{name}=?"),
        }
    });
    cells.collect::<Vec<_>>().join(" ")
}

const fn sql_type(kind: ColumnType) -> &'static str {
    match kind {
        ColumnType::Text => "varchar",
        ColumnType::Int => "bigint",
        ColumnType::Bool => "boolean",
        ColumnType::Instant => "timestamp",
        ColumnType::Decimal => "decimal(38, 18)",
    }
}
