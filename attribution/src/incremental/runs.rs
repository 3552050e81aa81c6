//! What is known of a run on all its days: the first of them alone counts it and what it wrote.
//!
//! A changed day may be, or may no longer be, the first on which a run has a cost. Runs with a
//! cost on a changed day, now or in the last mart, are made anew on all days; what is read of
//! `run_days` by the day is made anew on the days on which these rows differ.

use super::{Increment, ask};
use crate::engine::{EngineError, Failure};
use crate::models::MODELS;
use crate::scope::{self, LATER_DAYS, Scope, TOUCHED_RUNS};

/// What tells of a run, and which rows are of a touched one.
const OF_RUNS: &[(&str, &str)] = &[
    ("daily_costs", "run_nr in (select run_nr from touched_runs)"),
    ("stg_run_hours", "run_nr in (select run_nr from touched_runs)"),
    ("stg_runs", "run_nr in (select run_nr from touched_runs)"),
    ("stg_run_tables", TOUCHED_RUNS),
];

/// What is split by the day of runs, and which rows are of a later day or of its runs.
const OF_DAYS: &[(&str, &str)] = &[
    ("run_days", LATER_DAYS),
    ("stg_run_tables", "(engine, run_id) in (select (engine, run_id) from run_days)"),
    ("stg_run_outputs", "(engine, run_id) in (select (engine, run_id) from run_days)"),
    ("daily_costs", LATER_DAYS),
    ("table_costs", LATER_DAYS),
];

impl<P: FnMut(&'static str)> Increment<'_, P> {
    /// Makes what is known of touched runs, then what is split by their days, and checks the latter.
    pub(super) fn run_models(&mut self) -> Result<Vec<Failure>, EngineError> {
        let mart = self.mart.clone();
        self.run(
            "find runs of changed days",
            &format!(
                "create temp table touched_runs as
                select distinct r.run_nr, r.engine, r.run_id
                from {mart}.daily_costs c
                join {mart}.stg_runs r on r.run_nr = c.run_nr
                where c.usage_date in (select day from changed_days)
                union
                select distinct r.run_nr, r.engine, r.run_id
                from before.main.daily_costs c
                join before.main.stg_runs r on r.run_nr = c.run_nr
                where c.usage_date in (select day from changed_days)"
            ),
        )?;
        self.run("list later days", "create temp table later_days as select distinct day from changed_days")?;
        for (table, condition) in OF_RUNS {
            self.hide(table, condition)?;
        }
        for model in MODELS.iter().filter(|model| model.scope() == Scope::Runs) {
            (self.progress)(model.name);
            self.builder.make(model, "temp table")?;
            let name = model.name;
            let kept = format!("select * from {mart}.{name} where {TOUCHED_RUNS}");
            self.run(
                &format!("find days on which `{name}` differs"),
                &format!(
                    "insert into later_days
                    select distinct usage_date
                    from (
                        (select * from temp.main.{name} except all ({kept}))
                        union all
                        (({kept}) except all select * from temp.main.{name})
                    ) d
                    where usage_date not in (select day from later_days)"
                ),
            )?;
            // Rows that stay as they are stay where they are: of a stream, all but a day's.
            self.run(
                &format!("put touched runs into `{name}`"),
                &format!(
                    "delete from {mart}.{name} where {LATER_DAYS} and {TOUCHED_RUNS};
                    insert into {mart}.{name} select * from temp.main.{name} where {LATER_DAYS};
                    drop table temp.main.{name}"
                ),
            )?;
        }
        self.forget(OF_RUNS)?;
        for (table, condition) in OF_DAYS {
            self.hide(table, condition)?;
        }
        let mut made = Vec::new();
        for model in MODELS {
            let Scope::RunDays(condition) = model.scope() else { continue };
            (self.progress)(model.name);
            self.builder.make(model, "temp table")?;
            self.take_the_place(model.name, condition)?;
            made.push((model.name, condition));
        }
        let failures = self.builder.check_some(scope::is_run_day_check)?;
        self.forget(OF_DAYS)?;
        self.forget(&made)?;
        let days: u64 = ask(self.builder, "count later days", "select count(*) from later_days")?;
        tracing::debug!(days, "days on which runs differ");
        Ok(failures)
    }

    /// Drops temporary tables: the mart's own are read again.
    fn forget(&self, tables: &[(&str, &str)]) -> Result<(), EngineError> {
        for (table, _) in tables {
            self.run("forget", &format!("drop table temp.main.{table}"))?;
        }
        Ok(())
    }
}
