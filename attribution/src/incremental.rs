//! Making a mart of the last one: what no changed fact reaches is kept, days that one reaches
//! are made anew by the same models.
//!
//! The file is a copy of the last mart; that mart itself is attached as `before`. First the
//! bill's lines are brought up to date, then tables that are known by no day, where anything
//! they read changed. Files of `sql/days` compare them with those of `before` and say on which
//! days anything differs. For these days all that is known by days is made as temporary tables,
//! which hide the mart's own of the same names: a model reads of a day's tables only the changed
//! days. They are checked and take the place of those days' rows. Then come runs that have a
//! cost on one of these days, and last what sums days.

mod bill;
mod found;
mod runs;

use std::collections::BTreeSet;
use std::path::Path;

use duckdb::types::FromSql;
use model::manifest::Manifest;
use model::time::Instant;

use crate::engine::{Builder, EngineError, Failure};
use crate::made_of;
use crate::models::{Form, MODELS, Model};
use crate::record::Record;
use crate::rules::Rules;
use crate::scope::{self, Scope, TOUCHED};

/// Everything a mart is made of.
pub(crate) struct Inputs<'a> {
    pub(crate) ledger: &'a Path,
    pub(crate) manifest: &'a Manifest,
    pub(crate) rules: &'a Rules,
    pub(crate) record: &'a Record,
    pub(crate) now: Instant,
    pub(crate) id: &'a str,
}

/// What came of making a mart of the last one.
pub(crate) enum Made {
    /// It is made; what checks found.
    Days {
        /// Days with costs that were made anew.
        days: Vec<chrono::NaiveDate>,
        /// Days with costs there are.
        of: u64,
        /// What checks found.
        failures: Vec<Failure>,
    },
    /// It must be made from scratch, and why.
    Not(String),
}

/// Why the next mart cannot be made of this one; nothing where it can.
///
/// # Errors
/// When the mart cannot be read, or was not made by a program that says what it was made of.
pub(crate) fn obstacle(current: &Path, inputs: &Inputs<'_>) -> Result<Option<String>, duckdb::Error> {
    let config = duckdb::Config::default().access_mode(duckdb::AccessMode::ReadOnly)?;
    let connection = duckdb::Connection::open_with_flags(current, config)?;
    for (name, digest) in made_of::digests(inputs.manifest, inputs.rules) {
        let same: bool = connection.query_row(
            "select count(*) = 1 from made_of where kind = ? and name = ? and digest = ?",
            [made_of::WHOLE, name, digest.as_str()],
            |row| row.get(0),
        )?;
        if !same {
            return Ok(Some(format!("{name} changed")));
        }
    }
    // What this publish would add to the record is what differs from what that one recorded.
    let recorded: u64 =
        connection.query_row("select coalesce(max(publish_nr), 0) from publishes", [], |row| row.get(0))?;
    let is_recorded = recorded == inputs.record.made();
    Ok((!is_recorded).then(|| "the record of ownership is not the last mart's".to_owned()))
}

/// Brings the copy of a mart in `builder` up to date; `current` is the mart it is a copy of.
/// More than `most` of the days changed: it must be made from scratch.
///
/// # Errors
/// When DuckDB refuses anything.
pub(crate) fn make(
    builder: &Builder,
    current: &Path,
    inputs: &Inputs<'_>,
    most: f64,
    progress: impl FnMut(&'static str),
) -> Result<Made, EngineError> {
    let mart: String = ask(builder, "name the mart", "select current_database()")?;
    let mart = format!("\"{mart}\".main");
    let mut increment =
        Increment { builder, inputs, mart, progress, changed: BTreeSet::new(), steps: BTreeSet::new() };
    increment.open(current)?;
    increment.bring_bill_up_to_date()?;
    if increment.files_share_a_number()? {
        return Ok(Made::Not("two files of bills have one number".into()));
    }
    increment.whole_models()?;
    if increment.changed.contains("stg_owner_rules") {
        return Ok(Made::Not("the owner rules of files changed".into()));
    }
    increment.find_days()?;
    let (days, of) = increment.days()?;
    if days.len() as f64 > most * of as f64 {
        return Ok(Made::Not(format!("{} of {of} days changed", days.len())));
    }
    let mut failures = increment.daily_models()?;
    if increment.groups_share_a_number()? {
        return Ok(Made::Not("two charge groups have one number".into()));
    }
    failures.extend(increment.check_lines()?);
    failures.extend(increment.run_models()?);
    increment.later_models()?;
    let is_checked = |name: &str| {
        scope::is_daily_check(name) || scope::is_line_check(name) || scope::is_run_day_check(name)
    };
    failures.extend(builder.check_some(|name| !is_checked(name))?);
    Ok(Made::Days { days, of, failures })
}

struct Increment<'a, P> {
    builder: &'a Builder,
    inputs: &'a Inputs<'a>,
    /// Name of the mart's schema, as SQL writes it: temporary tables hide what has no schema.
    mart: String,
    progress: P,
    /// Tables and landed datasets whose rows are not those of the last mart.
    changed: BTreeSet<String>,
    /// Steps that are made already.
    steps: BTreeSet<&'static str>,
}

impl<P: FnMut(&'static str)> Increment<'_, P> {
    fn run(&self, operation: &str, sql: &str) -> Result<(), EngineError> {
        let started = std::time::Instant::now();
        self.builder.run(operation, sql)?;
        tracing::debug!(operation, elapsed_ms = started.elapsed().as_millis() as u64, "done");
        Ok(())
    }

    /// Attaches what is landed and the last mart, and writes rules and the manifest's facts.
    fn open(&mut self, current: &Path) -> Result<(), EngineError> {
        let Inputs { ledger, manifest, rules, record, now, id } = self.inputs;
        self.builder.attach(ledger, manifest)?;
        record.attach(self.builder)?;
        let path = current.display().to_string().replace('\'', "''");
        self.run("attach the last mart", &format!("attach '{path}' as before (read_only)"))?;
        self.builder.drop_rules()?;
        self.builder.load_rules(rules, manifest, *now, id)?;
        self.run("list what the mart is made of", "delete from made_of")?;
        self.builder.list_inputs(manifest, rules)?;
        let changed = "select distinct digest from (
                (select * from made_of except select * from before.main.made_of)
                union all
                (select * from before.main.made_of except select * from made_of)
            ) d where kind = 'landed'";
        for dataset in self.texts("compare landed files", changed)? {
            self.changed.insert(format!("landed_{dataset}"));
        }
        for facts in ["source_units", "held_collections"] {
            if self.differs(facts, facts)? {
                self.changed.insert(facts.into());
            }
        }
        self.run("list changed days", "create temp table changed_days (day date)")?;
        self.find_spans()
    }

    /// Whether a table differs from the one of that name of the last mart.
    fn differs(&self, table: &str, name: &str) -> Result<bool, EngineError> {
        let digest = |table: &str| format!("(select (count(*), sum(hash(t))) from {table} t)");
        let sql =
            format!("select {} is distinct from {}", digest(table), digest(&format!("before.main.{name}")));
        ask(self.builder, &format!("compare `{name}`"), &sql)
    }

    /// Makes what is known by no day, where anything it reads changed.
    fn whole_models(&mut self) -> Result<(), EngineError> {
        for model in MODELS.iter().filter(|model| model.scope() == Scope::Whole) {
            (self.progress)(model.name);
            if !model.reads().iter().any(|read| self.changed.contains(read)) {
                continue;
            }
            if model.form == Form::Step {
                // Made once something asks for it; whether it differs nobody can say.
                self.changed.insert(model.name.to_owned());
                continue;
            }
            self.make_steps(model)?;
            self.builder.make(model, "temp table")?;
            let temporary = format!("temp.main.{}", model.name);
            if self.differs(&temporary, model.name)? {
                self.changed.insert(model.name.to_owned());
                let mart = &self.mart;
                let order =
                    model.stored_by().map_or_else(String::new, |column| format!(" order by {column}"));
                self.run(
                    &format!("write `{}`", model.name),
                    &format!(
                        "create or replace table {mart}.{} as select * from {temporary}{order}",
                        model.name
                    ),
                )?;
            }
            self.run("forget", &format!("drop table {temporary}"))?;
        }
        Ok(())
    }

    /// Makes the steps that a model reads and that are known by no day.
    fn make_steps(&mut self, model: &Model) -> Result<(), EngineError> {
        let reads = model.reads();
        for step in MODELS.iter().filter(|step| {
            step.form == Form::Step && step.scope() == Scope::Whole && reads.contains(step.name)
        }) {
            self.make_step(step)?;
        }
        Ok(())
    }

    fn make_step(&mut self, step: &Model) -> Result<(), EngineError> {
        if self.steps.insert(step.name) {
            self.make_steps(step)?;
            self.builder.make(step, "temp table")?;
        }
        Ok(())
    }

    /// Makes the changed days, checks them and puts them in the place of what was there.
    fn daily_models(&mut self) -> Result<Vec<Failure>, EngineError> {
        self.hide("stg_charges", TOUCHED)?;
        for model in MODELS {
            let Scope::Daily(condition) = model.scope() else { continue };
            (self.progress)(model.name);
            match model.name {
                // Lines are cut by the lives of nodes on all their days; from here on a day's
                // hours are read alone.
                "node_usage" => {
                    for hours in ["node_lives", "run_hosts"] {
                        self.hide(hours, "cast(hour as date) in (select day from changed_days)")?;
                    }
                }
                "shares" => self.hide("stg_run_outputs", "run_nr in (select run_nr from run_hosts)")?,
                _ => {}
            }
            self.make_steps(model)?;
            match condition {
                None => self.builder.make(model, "temp table")?,
                Some(condition) => {
                    let started = std::time::Instant::now();
                    let operation = format!("build model `{}` of changed days", model.name);
                    let sql = format!(
                        "create temp table {} as select * from (\n{}\n) days where {condition}",
                        model.name,
                        model.query()
                    );
                    self.builder.within_limit(&operation, || self.builder.run(&operation, &sql))?;
                    let elapsed_ms = started.elapsed().as_millis() as u64;
                    tracing::debug!(model = model.name, elapsed_ms, "built days");
                }
            }
        }
        let failures = self.builder.check_some(scope::is_daily_check)?;
        let any = !ask::<bool>(self.builder, "count changed days", "select count(*) = 0 from changed_days")?;
        self.run("begin", "begin transaction")?;
        for model in MODELS {
            let Scope::Daily(Some(condition)) = model.scope() else { continue };
            if any {
                self.take_the_place(model.name, condition)?;
                self.changed.insert(model.name.to_owned());
            }
        }
        self.run("commit the changed days", "commit")?;
        for model in MODELS.iter().filter(|model| matches!(model.scope(), Scope::Daily(Some(_)))) {
            self.run("forget", &format!("drop table temp.main.{}", model.name))?;
        }
        for hidden in ["stg_charges", "node_lives", "run_hosts", "stg_run_outputs"] {
            self.run("forget", &format!("drop table temp.main.{hidden}"))?;
        }
        Ok(failures)
    }

    /// Whether the number of a charge group depends on what other days hold: two have one hash.
    fn groups_share_a_number(&self) -> Result<bool, EngineError> {
        ask(
            self.builder,
            "compare the numbers of charge groups",
            "select count(distinct group_nr) <> count(*) or count(case when group_nr % 8 <> 0 then 1 end) > 0
            from charge_groups",
        )
    }

    /// Runs the checks of lines by all their pieces: those that touch a changed day.
    fn check_lines(&self) -> Result<Vec<Failure>, EngineError> {
        self.hide("stg_charges", TOUCHED)?;
        self.hide(
            "charge_pieces",
            "line_id in (select line_id from stg_charges)
                or cast(bucket_start as date) in (select day from changed_days)",
        )?;
        let failures = self.builder.check_some(scope::is_line_check)?;
        self.run("forget", "drop table temp.main.stg_charges; drop table temp.main.charge_pieces")?;
        Ok(failures)
    }

    /// Hides a table of the mart behind those of its rows for which a condition holds.
    fn hide(&self, table: &str, condition: &str) -> Result<(), EngineError> {
        self.run(
            &format!("read `{table}` of changed days"),
            &format!("create temp table {table} as select * from {}.{table} where {condition}", self.mart),
        )
    }

    /// Puts the rows of a temporary table in the place of the mart's for which a condition holds.
    fn take_the_place(&self, table: &str, condition: &str) -> Result<(), EngineError> {
        let mart = &self.mart;
        self.run(
            &format!("put changed days into `{table}`"),
            &format!(
                "delete from {mart}.{table} where {condition};
                insert into {mart}.{table} select * from temp.main.{table}"
            ),
        )
    }

    /// Makes what sums the merged days, whatever it reads: some of it asks for the time too.
    fn later_models(&mut self) -> Result<(), EngineError> {
        for model in MODELS.iter().filter(|model| model.scope() == Scope::After) {
            (self.progress)(model.name);
            self.make_steps(model)?;
            match model.form {
                Form::Table => self.builder.make(model, "or replace table")?,
                Form::Step => self.builder.make(model, "temp table")?,
                // The copy has it already.
                Form::View => {}
            }
        }
        Ok(())
    }

    fn texts(&self, operation: &str, sql: &str) -> Result<Vec<String>, EngineError> {
        let failed = |cause| EngineError { operation: operation.to_owned(), cause };
        let mut statement = self.builder.connection.prepare(sql).map_err(failed)?;
        let rows = statement.query_map([], |row| row.get::<_, String>(0)).map_err(failed)?;
        rows.collect::<Result<_, _>>().map_err(failed)
    }
}

/// The one value a query gives.
fn ask<T: FromSql>(builder: &Builder, operation: &str, sql: &str) -> Result<T, EngineError> {
    builder
        .connection
        .query_row(sql, [], |row| row.get(0))
        .map_err(|cause| EngineError { operation: operation.to_owned(), cause })
}
