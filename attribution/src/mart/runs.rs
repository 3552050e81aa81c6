//! Runs of a mart, and which of them are asked for.

use chrono::NaiveDate;
use duckdb::types::Value;
use model::time::Instant;
use model::{Amount, Basis, Currency};

use super::{Answer, Mart, MartError};

/// Which runs are asked for; unset fields match all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunFilter {
    /// Engine's id of the run, exactly.
    pub run: Option<String>,
    /// Workload, exactly.
    pub workload: Option<String>,
    /// A table the run read or wrote.
    pub table: Option<String>,
    /// Cluster most of it ran on.
    pub cluster: Option<String>,
    /// Team.
    pub team: Option<String>,
    /// First UTC day of its start inside.
    pub from: Option<NaiveDate>,
    /// First UTC day of its start outside.
    pub to: Option<NaiveDate>,
    /// Basis of its cost.
    pub basis: Basis,
    /// Currency of its cost; all costs of a run are in one unless its clusters are billed in several.
    pub currency: Option<Currency>,
}

/// One run with what it used and cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunRow {
    /// Engine's id of the run.
    pub run_id: String,
    /// Engine.
    pub engine: String,
    /// Name as the engine logged it.
    pub name: Option<String>,
    /// `workflow/step`, or the name.
    pub workload: String,
    /// Owning team.
    pub team: Option<String>,
    /// Orchestrator's workflow.
    pub workflow_id: Option<String>,
    /// Orchestrator's step.
    pub step_id: Option<String>,
    /// Attempt of the step, from 1.
    pub attempt: Option<i64>,
    /// What started it.
    pub trigger: Option<String>,
    /// Cluster most of it ran on.
    pub cluster_id: Option<String>,
    /// User the engine ran it as.
    pub user_name: Option<String>,
    /// Owner the orchestrator names.
    pub owner: Option<String>,
    /// succeeded, failed, killed, running or unknown.
    pub status: String,
    /// First line of its failure.
    pub error: Option<String>,
    /// Start.
    pub started_at: Instant,
    /// End, where known.
    pub ended_at: Option<Instant>,
    /// Cores held x milliseconds.
    pub vcore_ms: i64,
    /// MiB held x milliseconds.
    pub memory_mib_ms: i64,
    /// CPU time, milliseconds.
    pub cpu_ms: i64,
    /// Task time, milliseconds.
    pub task_ms: i64,
    /// Bytes read.
    pub input_bytes: i64,
    /// Bytes written.
    pub output_bytes: i64,
    /// Shuffle bytes read.
    pub shuffle_read_bytes: i64,
    /// Shuffle bytes written.
    pub shuffle_write_bytes: i64,
    /// Bytes spilled to disk.
    pub disk_spilled_bytes: i64,
    /// Tasks ended.
    pub tasks: i64,
    /// Tasks failed.
    pub failed_tasks: i64,
    /// Cost on the asked basis.
    pub cost: Amount,
    /// Currency of the cost; nothing where the run has none.
    pub currency: Option<Currency>,
}

impl RunFilter {
    /// The runs that match as a query, with what [`RunRow::read`] reads; in no order.
    pub(super) fn sql(&self, parameters: &mut Vec<Value>) -> String {
        let mut conditions = vec!["true".to_owned()];
        let mut equals = |condition: &str, value: Option<String>| {
            if let Some(value) = value {
                conditions.push(condition.to_owned());
                parameters.push(Value::Text(value));
            }
        };
        equals("r.run_id = ?", self.run.clone());
        equals("r.workload = ?", self.workload.clone());
        equals(
            "exists (select 1 from stg_run_tables t where t.engine = r.engine and t.run_id = r.run_id and t.table_id = ?)",
            self.table.clone(),
        );
        equals("o.cluster_id = ?", self.cluster.clone());
        equals("o.team = ?", self.team.clone());
        equals("r.started_at >= cast(? as date)", self.from.map(|day| day.to_string()));
        equals("r.started_at < cast(? as date)", self.to.map(|day| day.to_string()));
        // A run without a cost in that currency is still a run: the currency narrows the costs.
        let currency = self
            .currency
            .map_or_else(String::new, |currency| format!("and d.billing_currency = '{currency}'"));
        format!(
            "with asked as materialized (
                select r.*, o.team, o.cluster_id as main_cluster_id
                from stg_runs r
                left join run_owners o on o.engine = r.engine and o.run_id = r.run_id
                where {}
            ),
            costs as (
                select d.engine, d.run_id, d.billing_currency, sum(d.{}) as cost
                from run_days d
                join asked a on a.engine = d.engine and a.run_id = d.run_id
                where true {currency}
                group by d.engine, d.run_id, d.billing_currency
            )
            select r.run_id, r.engine, r.name, r.workload, r.team, r.workflow_id, r.step_id, r.attempt, r.trigger,
                r.main_cluster_id, r.user_name, r.owner, r.status, r.error, epoch_us(r.started_at) as started_us, epoch_us(r.ended_at) as ended_us,
                r.vcore_ms, r.memory_mib_ms, r.cpu_ms, r.task_ms, r.input_bytes, r.output_bytes,
                r.shuffle_read_bytes, r.shuffle_write_bytes, r.disk_spilled_bytes, r.tasks, r.failed_tasks,
                cast(coalesce(c.cost, 0) as varchar) as cost_text, c.billing_currency
            from asked r
            left join costs c on c.engine = r.engine and c.run_id = r.run_id",
            conditions.join(" and "),
            self.basis.column(),
        )
    }
}

impl RunRow {
    /// Reads the columns of [`RunFilter::sql`].
    pub(super) fn read(row: &Answer<'_, '_>) -> Result<Self, MartError> {
        Ok(Self {
            run_id: row.text(0)?,
            engine: row.text(1)?,
            name: row.opt_text(2)?,
            workload: row.text(3)?,
            team: row.opt_text(4)?,
            workflow_id: row.opt_text(5)?,
            step_id: row.opt_text(6)?,
            attempt: row.get(7)?,
            trigger: row.opt_text(8)?,
            cluster_id: row.opt_text(9)?,
            user_name: row.opt_text(10)?,
            owner: row.opt_text(11)?,
            status: row.text(12)?,
            error: row.opt_text(13)?,
            started_at: row.instant(14)?,
            ended_at: row.opt_instant(15)?,
            vcore_ms: row.int(16)?,
            memory_mib_ms: row.int(17)?,
            cpu_ms: row.int(18)?,
            task_ms: row.int(19)?,
            input_bytes: row.int(20)?,
            output_bytes: row.int(21)?,
            shuffle_read_bytes: row.int(22)?,
            shuffle_write_bytes: row.int(23)?,
            disk_spilled_bytes: row.int(24)?,
            tasks: row.int(25)?,
            failed_tasks: row.int(26)?,
            cost: row.amount(27)?,
            currency: match row.opt_text(28)? {
                Some(_) => Some(row.currency(28)?),
                None => None,
            },
        })
    }
}

impl Mart {
    /// Runs, by their start. A run billed in several currencies has a row for each.
    ///
    /// # Errors
    /// When the mart cannot be asked.
    pub fn runs(&self, filter: &RunFilter) -> Result<Vec<RunRow>, MartError> {
        if let Some(runs) = self.remembered_runs()? {
            return Ok(runs.list(filter));
        }
        let mut parameters = Vec::new();
        let sql = format!(
            "{} order by r.started_at, r.engine, r.run_id, c.billing_currency",
            filter.sql(&mut parameters)
        );
        self.ask("list the runs of", &sql, parameters, RunRow::read)
    }

    /// UTC days on which the first and the last run started; nothing where nothing ran.
    ///
    /// # Errors
    /// When the mart cannot be asked.
    pub fn run_days(&self) -> Result<Option<(NaiveDate, NaiveDate)>, MartError> {
        let sql = "select cast(cast(min(started_at) as date) as varchar), cast(cast(max(started_at) as date) as varchar)
            from stg_runs";
        let days = self.ask("find the days of the runs of", sql, Vec::new(), |row| {
            Ok(row.opt_day(0)?.zip(row.opt_day(1)?))
        })?;
        Ok(days.into_iter().flatten().next())
    }

    /// The runs that match whose starts are nearest to a moment, this many at most, by their start.
    ///
    /// # Errors
    /// When the mart cannot be asked.
    pub fn runs_near(&self, filter: &RunFilter, at: Instant, most: usize) -> Result<Vec<RunRow>, MartError> {
        if let Some(runs) = self.remembered_runs()? {
            return Ok(runs.near(filter, at, most));
        }
        let mut parameters = Vec::new();
        let sql = format!(
            "select * from ({}) near order by abs(started_us - {}), started_us, engine, run_id, billing_currency limit {most}",
            filter.sql(&mut parameters),
            at.timestamp_micros()
        );
        let mut rows = self.ask("list the runs of", &sql, parameters, RunRow::read)?;
        rows.sort_by_key(|row| row.started_at);
        Ok(rows)
    }
}
