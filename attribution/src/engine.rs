//! The only opener of DuckDB: one connection that builds a mart from landed files.

mod load;
mod side_by_side;

use std::cell::{Cell, RefCell};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use duckdb::{Config, Connection};
use model::landed::{ColumnType, Dataset};
use model::manifest::Manifest;

use crate::lineage;
use crate::models::{self, CHECKS, Check, Form, MODELS, Model};

pub use self::side_by_side::Kept;

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
";

/// What each connection has for itself: in files of days alone, the days a bill line is cut over
/// (see charge_pieces).
const SESSION: &str = "
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

/// Names of the data as words of the languages that fixes of waste are written in.
pub(crate) const QUOTING: &str = include_str!("../sql/quoting.sql");

/// What the engine may hold in memory at least, and of each byte of the landed files so many
/// beside. Beyond that it spills to the scratch directory: the demo's six weeks take 0.9 GB
/// instead of 1.4 GB that way, at the price of a few percent of the time.
const LEAST_MEMORY: u64 = 300 << 20;
const MEMORY_A_LANDED_BYTE: u64 = 8;
/// A quarter of a gigabyte landed (a dozen copies of the demo) gets along with so much, and the
/// process stays below one gigabyte. Of what is landed beyond, each byte gets its part again: a
/// month of millions of lines is to be done in minutes.
const LANDED_OF_FEW: u64 = 256 << 20;
const MEMORY_OF_FEW: u64 = 640 << 20;
/// However much is landed, and what a model gets first that needs more than was set aside: the
/// process stays below four gigabytes.
const MOST_MEMORY: u64 = 2_816 << 20;

/// A mart being built.
pub struct Builder {
    pub(crate) connection: Connection,
    /// The limit that is set, where it is less than the engine grants itself.
    limit: RefCell<Option<Limit>>,
    /// What a second connection must be told to read what this one does: temporary views.
    session: RefCell<Vec<String>>,
    /// Bytes of the landed files.
    landed: Cell<u64>,
    /// What is built: every model, or what says what costs what.
    models: Cell<&'static [Model]>,
}

/// What the engine may hold in memory, as DuckDB writes sizes.
#[derive(Clone, Debug)]
struct Limit {
    /// What is set aside.
    set: String,
    /// What a model may have that fails with this; the last is what the engine grants itself.
    beyond: Vec<String>,
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
        let builder = Self {
            connection,
            limit: RefCell::default(),
            session: RefCell::default(),
            landed: Cell::default(),
            models: Cell::new(MODELS),
        };
        builder.run("prepare the engine", PRELUDE)?;
        builder.run_in_session("prepare the connection", SESSION)?;
        builder.run("create the functions", FUNCTIONS)?;
        builder.run("create the functions that quote", QUOTING)?;
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

    /// Runs statements whose effect is seen by this connection alone, now and on every other that
    /// builds the same mart.
    pub(crate) fn run_in_session(&self, operation: &str, sql: &str) -> Result<(), EngineError> {
        self.run(operation, sql)?;
        self.session.borrow_mut().push(sql.to_owned());
        Ok(())
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
        self.limit_memory(manifest)?;
        self.run_in_session("start the record of ownership", crate::record::EMPTY)
    }

    /// Builds no waste, nor looks at it: planning its models is more than half of the work on a small ledger. For tests
    /// of costs, which there are many of.
    pub fn leave_waste_out(&self) {
        self.models.set(models::of_costs());
    }

    /// Keeps memory in proportion to what is read, within what the engine grants itself.
    fn limit_memory(&self, manifest: &Manifest) -> Result<(), EngineError> {
        let landed: u64 = manifest.entries.iter().flat_map(|entry| &entry.parts).map(|part| part.bytes).sum();
        self.landed.set(landed);
        let failed = |cause| EngineError { operation: "read the engine's memory limit".into(), cause };
        let granted: String = self
            .connection
            .query_row("select current_setting('memory_limit')", [], |row| row.get(0))
            .map_err(failed)?;
        let wanted = ((LEAST_MEMORY + MEMORY_A_LANDED_BYTE * landed).min(MEMORY_OF_FEW)
            + MEMORY_A_LANDED_BYTE * landed.saturating_sub(LANDED_OF_FEW))
        .min(MOST_MEMORY);
        if bytes_of(&granted).is_some_and(|granted| granted <= wanted) {
            return Ok(());
        }
        let more = (wanted < MOST_MEMORY && bytes_of(&granted).is_none_or(|granted| granted > MOST_MEMORY))
            .then(|| format!("{MOST_MEMORY}B"));
        let limit = Limit { set: format!("{wanted}B"), beyond: more.into_iter().chain([granted]).collect() };
        self.set_memory_limit(&limit.set)?;
        self.limit.replace(Some(limit));
        Ok(())
    }

    fn set_memory_limit(&self, size: &str) -> Result<(), EngineError> {
        self.run("limit the engine's memory", &format!("set memory_limit = '{size}'"))
    }

    /// Does what may need more memory than was set aside: not everything spills. The limit is
    /// there to be a good neighbour, not to fail; for what comes after it holds again.
    pub(crate) fn within_limit<T>(
        &self,
        operation: &str,
        make: impl Fn() -> Result<T, EngineError>,
    ) -> Result<T, EngineError> {
        let needs_more = |made: &Result<T, EngineError>| made.as_ref().is_err_and(is_out_of_memory);
        let mut made = make();
        let Some(limit) = self.limit.borrow().clone().filter(|_| needs_more(&made)) else {
            return made;
        };
        for size in &limit.beyond {
            tracing::info!(operation, size, "more memory is needed than was set aside");
            if self.set_memory_limit(size).is_err() {
                continue;
            }
            made = make();
            if !needs_more(&made) {
                break;
            }
        }
        // Where more is still held, the limit cannot be put back: what follows is no worse off.
        if let Err(error) = self.set_memory_limit(&limit.set) {
            tracing::debug!(cause = %error.cause, "the memory limit stays lifted");
        }
        made
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
        self.run_in_session(&format!("read landed `{dataset}`"), &sql)
    }

    /// Makes one model as this kind of thing, with more memory where it needs any.
    pub(crate) fn make(&self, model: &Model, form: &str) -> Result<(), EngineError> {
        self.make_in("", model, form)
    }

    /// The same in a schema, whose name ends in a full stop.
    fn make_in(&self, schema: &str, model: &Model, form: &str) -> Result<(), EngineError> {
        self.within_limit(&operation(model), || make_on(&self.connection, model, form, schema))
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
        let left_out = &MODELS[self.models.get().len()..];
        let is_answered = |check: &Check| {
            left_out.is_empty() || {
                let reads = check.reads();
                !left_out.iter().any(|model| reads.contains(model.name))
            }
        };
        for check in CHECKS.iter().filter(|check| chosen(check.name) && is_answered(check)) {
            let started = std::time::Instant::now();
            let operation = format!("run check `{}`", check.name);
            let (offenders, examples) = self.within_limit(&operation, || {
                let failed = |cause| EngineError { operation: operation.clone(), cause };
                let mut statement = self.connection.prepare(check.sql).map_err(failed)?;
                let mut rows = statement.query([]).map_err(failed)?;
                let (mut offenders, mut examples) = (0_u64, Vec::new());
                while let Some(row) = rows.next().map_err(failed)? {
                    offenders += 1;
                    if examples.len() < 3 {
                        examples.push(describe(row));
                    }
                }
                Ok((offenders, examples))
            })?;
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
        for model in self.models.get() {
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

fn is_out_of_memory(error: &EngineError) -> bool {
    error.cause.to_string().contains("Out of Memory")
}

fn operation(model: &Model) -> String {
    format!("build model `{}`", model.name)
}

/// Makes one model as this kind of thing, in this schema where any is named (`steps.main.`), on a
/// connection that reads what it is made of.
fn make_on(connection: &Connection, model: &Model, form: &str, schema: &str) -> Result<(), EngineError> {
    if model.reads().contains(lineage::PARTS) {
        lineage::pass_on(connection)
            .map_err(|cause| EngineError { operation: "pass costs on along lineage".into(), cause })?;
    }
    // What is only built on is read whole: only what is kept is worth an order.
    let (name, query) = (model.name, model.query());
    let sql = match model.stored_by().filter(|_| !form.starts_with("temp")) {
        Some(column) => {
            format!("create {form} {schema}{name} as select * from (\n{query}\n) rows order by {column}")
        }
        None => format!("create {form} {schema}{name} as\n{query}"),
    };
    let started = std::time::Instant::now();
    connection.execute_batch(&sql).map_err(|cause| EngineError { operation: operation(model), cause })?;
    tracing::debug!(model = name, elapsed_ms = started.elapsed().as_millis() as u64, "built");
    Ok(())
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

/// Bytes of a size as DuckDB prints it: `18.6 GiB`.
fn bytes_of(size: &str) -> Option<u64> {
    let (number, unit) = size.split_once(' ')?;
    let power = ["bytes", "KiB", "MiB", "GiB", "TiB"].iter().position(|known| *known == unit)?;
    let bytes = number.parse::<f64>().ok()? * 1024_f64.powi(i32::try_from(power).ok()?);
    Some(bytes as u64)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_needs_more_memory_than_was_set_aside_gets_it() {
        let directory = tempfile::tempdir().unwrap();
        let builder = Builder::create(&directory.path().join("mart.duckdb"), directory.path()).unwrap();
        // One list of 80 MB: nothing of it spills.
        let sql = "-- One row per list.\nselect list(r.range) as numbers from range(10000000) r";
        let model = Model { name: "lists", layer: "waste", sql, form: Form::Table, is_detector: false };
        builder.run("limit", "set memory_limit = '40MB'").unwrap();
        let refused = builder.make(&model, "table").unwrap_err();
        assert!(refused.cause.to_string().contains("Out of Memory"), "{refused:?}");
        let limit = Limit { set: "40MB".to_owned(), beyond: vec!["60MB".to_owned(), "1GiB".to_owned()] };
        builder.limit.replace(Some(limit));
        builder.make(&model, "table").unwrap();
        let limit: String = builder
            .connection
            .query_row("select current_setting('memory_limit')", [], |row| row.get(0))
            .unwrap();
        assert_eq!(limit, "38.1 MiB");
        builder.set_memory_limit("1GiB").unwrap();
        let length: i64 =
            builder.connection.query_row("select len(numbers) from lists", [], |row| row.get(0)).unwrap();
        assert_eq!(length, 10_000_000);
    }
}
