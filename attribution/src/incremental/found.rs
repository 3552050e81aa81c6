//! On which days anything differs from the last mart.

use super::{Increment, ask};
use crate::engine::EngineError;
use crate::models::MODELS;
use crate::scope::{self, Days};

impl<P: FnMut(&'static str)> Increment<'_, P> {
    /// Asks the files of days.
    pub(super) fn find_days(&mut self) -> Result<(), EngineError> {
        for days in scope::DAYS {
            if days.of.iter().any(|table| self.changed.contains(*table)) {
                self.add_days(days)?;
            }
        }
        self.find_days_of_consumers()?;
        self.find_spans()
    }

    /// Whether anybody else would own now what consumers used in the last mart, and when.
    fn find_days_of_consumers(&mut self) -> Result<(), EngineError> {
        let any = "select count(*) > 0 from before.main.usage_shares where consumer is not null";
        if !scope::CONSUMERS.of.iter().any(|table| self.changed.contains(*table))
            || !ask::<bool>(self.builder, "count consumers", any)?
        {
            return Ok(());
        }
        self.run(
            "look back",
            "create temp view usage_shares as select * from before.main.usage_shares;
            create temp view charge_groups as select * from before.main.charge_groups where false",
        )?;
        for model in
            MODELS.iter().filter(|model| ["charge_matches", "owner_of_consumer"].contains(&model.name))
        {
            self.make_steps(model)?;
            self.builder.make(model, "temp table")?;
        }
        self.add_days(&scope::CONSUMERS)?;
        self.run(
            "forget",
            "drop view temp.main.usage_shares; drop view temp.main.charge_groups;
            drop table temp.main.charge_matches; drop table temp.main.owner_of_consumer",
        )
    }

    /// Adds the days a file finds.
    pub(super) fn add_days(&self, days: &Days) -> Result<(), EngineError> {
        let operation = format!("find the days of `{}`", days.name);
        let add = "insert into changed_days
            select distinct day from found where day is not null and day not in (select day from changed_days)";
        if !days.compared {
            self.run(&operation, &format!("create temp view found as {}; {add}; drop view found", days.sql))?;
        } else {
            let marks = |side: &str| {
                format!(
                    "create temp table marks_{side} as
                    select day, count(*) as marks, sum(mark) as digest from ({}) m group by day",
                    days.sql
                )
            };
            let database = self.mart.trim_end_matches(".main");
            self.run(&operation, &marks("now"))?;
            self.run(&operation, &format!("use before; {}; use {database}", marks("before")))?;
            self.run(
                &operation,
                &format!(
                    "create temp view found as
                    select coalesce(n.day, b.day) as day
                    from marks_now n
                    full outer join marks_before b on b.day = n.day
                    where n.marks is distinct from b.marks or n.digest is distinct from b.digest;
                    {add}; drop view found; drop table marks_now; drop table marks_before"
                ),
            )?;
        }
        let found: i64 = ask(self.builder, "count changed days", "select count(*) from changed_days")?;
        tracing::debug!(days = days.name, found, "changed days until now");
        Ok(())
    }

    /// Finds by which days bill lines are known that touch a changed day.
    pub(super) fn find_spans(&self) -> Result<(), EngineError> {
        self.run(
            "find what touches changed days",
            "create or replace temp table changed_spans as
            with spans as (
                select starts_on, first_on, last_on from landed_spans
                union
                select starts_on, first_on, last_on from before.main.landed_spans
            )
            select distinct s.starts_on, s.first_on, s.last_on
            from spans s
            join changed_days d
                on d.day = s.starts_on or d.day = s.first_on or (d.day >= s.first_on and d.day <= s.last_on)",
        )
    }

    /// Changed days that have costs, or had, and how many days have or had.
    pub(super) fn days(&self) -> Result<(Vec<chrono::NaiveDate>, u64), EngineError> {
        let costs = "(
            select distinct usage_date as day from before.main.daily_balance
            union
            select cast(unnest(generate_series(cast(first_on as timestamp), cast(last_on as timestamp), interval 1 day)) as date)
            from (select distinct first_on, last_on from landed_spans) s
        ) costs";
        let of = ask(self.builder, "count days", &format!("select count(*) from {costs}"))?;
        let days = self.texts(
            "list changed days",
            &format!(
                "select cast(day as varchar) from {costs} where day in (select day from changed_days) order by day"
            ),
        )?;
        Ok((days.iter().filter_map(|day| day.parse().ok()).collect(), of))
    }
}
