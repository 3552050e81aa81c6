//! One run: what its log says beyond its row, where its cost comes from, what it touched.

use chrono::NaiveDate;
use duckdb::types::Value;
use model::time::Instant;
use model::{Amount, Basis, Currency};

use super::{Mart, MartError};

/// What is known of a run beyond [`super::RunRow`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunMore {
    /// Submission, where the log tells.
    pub queued_at: Option<Instant>,
    /// As the engine reports it.
    pub engine_version: Option<String>,
    /// The orchestrator's instance of the workflow.
    pub workflow_instance_id: Option<String>,
    /// Time in garbage collection, milliseconds.
    pub gc_ms: i64,
    /// Largest memory peak of one executor, bytes.
    pub peak_memory_bytes: Option<i64>,
    /// Tasks killed, speculative losers included.
    pub killed_tasks: i64,
    /// Time in tasks that failed or were killed, milliseconds.
    pub lost_task_ms: i64,
    /// Executors that ever ran.
    pub executors: i64,
    /// Source it was landed from.
    pub source: String,
    /// Log it was read from.
    pub source_object: String,
}

/// What a run was charged for of one thing that is paid for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunCharge {
    /// Pool of the charges.
    pub pool: String,
    /// Billed service.
    pub service: String,
    /// Cluster.
    pub cluster_id: Option<String>,
    /// Billed resource: a node, mostly.
    pub resource_id: Option<String>,
    /// Instance type of the node.
    pub instance_type: Option<String>,
    /// `on_demand` or `spot`, of a node.
    pub market: Option<String>,
    /// How many charges it has a part of: hours, mostly.
    pub charges: i64,
    /// The run's part.
    pub cost: Amount,
}

/// What was idle of a cluster on a run's days.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunIdle {
    /// Cluster.
    pub cluster_id: String,
    /// UTC day.
    pub day: NaiveDate,
    /// What the run was given of the cluster that day.
    pub own: Amount,
    /// What all runs were given.
    pub used: Amount,
    /// What nobody used.
    pub idle: Amount,
    /// The part of it by the run's share of what was given. Not a part of its cost.
    pub beside: Amount,
}

/// What a run held in one hour, of all its hosts together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunHour {
    /// Start of the hour.
    pub hour: Instant,
    /// Hosts it ran on.
    pub hosts: i64,
    /// Cores held x milliseconds.
    pub vcore_ms: i64,
    /// MiB held x milliseconds.
    pub memory_mib_ms: i64,
}

/// One stage attempt of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunStage {
    /// Stage in the run.
    pub stage_id: i64,
    /// Attempt of the stage, from 0.
    pub attempt: i64,
    /// As the engine names it.
    pub name: Option<String>,
    /// succeeded, failed or unknown.
    pub status: String,
    /// First submission.
    pub started_at: Option<Instant>,
    /// Completion.
    pub ended_at: Option<Instant>,
    /// Tasks ended.
    pub tasks: i64,
    /// Tasks failed.
    pub failed_tasks: i64,
    /// Sum over tasks, milliseconds.
    pub task_ms: i64,
    /// Longest successful task, milliseconds.
    pub task_ms_max: i64,
    /// Median successful task, milliseconds.
    pub task_ms_median: i64,
    /// Time in garbage collection, milliseconds.
    pub gc_ms: i64,
    /// Spilled to disk, bytes.
    pub spilled_bytes: i64,
    /// Shuffled in, bytes.
    pub shuffle_read_bytes: i64,
    /// Shuffled out, bytes.
    pub shuffle_write_bytes: i64,
    /// Read from storage, bytes.
    pub input_bytes: i64,
    /// Written to storage, bytes.
    pub output_bytes: i64,
}

/// A table that a run read or wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunTable {
    /// The table.
    pub table_id: String,
    /// Whether it wrote it.
    pub is_written: bool,
    /// Bytes, where known.
    pub bytes: Option<i64>,
    /// Rows, where known.
    pub rows: Option<i64>,
}

/// Picks a run by its engine and id.
const OF_RUN: &str = "(select run_nr from stg_runs where engine = ? and run_id = ?)";

fn named(engine: &str, run_id: &str) -> Vec<Value> {
    vec![Value::Text(engine.to_owned()), Value::Text(run_id.to_owned())]
}

impl Mart {
    /// What is known of a run beyond its row; nothing where there is no such run.
    ///
    /// # Errors
    /// When the mart cannot be asked.
    pub fn run_more(&self, engine: &str, run_id: &str) -> Result<Option<RunMore>, MartError> {
        let sql =
            "select epoch_us(queued_at), engine_version, workflow_instance_id, gc_ms, peak_memory_bytes,
                killed_tasks, failed_task_ms + killed_task_ms, executors, source, source_object
            from stg_runs where engine = ? and run_id = ?";
        let rows = self.ask("read a run of", sql, named(engine, run_id), |row| {
            Ok(RunMore {
                queued_at: row.opt_instant(0)?,
                engine_version: row.opt_text(1)?,
                workflow_instance_id: row.opt_text(2)?,
                gc_ms: row.int(3)?,
                peak_memory_bytes: row.get(4)?,
                killed_tasks: row.int(5)?,
                lost_task_ms: row.int(6)?,
                executors: row.int(7)?,
                source: row.text(8)?,
                source_object: row.text(9)?,
            })
        })?;
        Ok(rows.into_iter().next())
    }

    /// The other attempts of the same step in the same instance of its workflow, and other
    /// attempts of the same application, by their start: engine and id.
    ///
    /// # Errors
    /// When the mart cannot be asked.
    pub fn run_siblings(&self, engine: &str, run_id: &str) -> Result<Vec<(String, String)>, MartError> {
        let sql = "with this as (select * from stg_runs where engine = ? and run_id = ?)
            select r.engine, r.run_id
            from stg_runs r
            join this t on r.run_nr <> t.run_nr
                and (
                    (r.workload = t.workload and r.workflow_instance_id = t.workflow_instance_id
                        and r.step_id is not distinct from t.step_id)
                    or (r.engine = t.engine and contains(t.run_id, '/')
                        and split_part(r.run_id, '/', 1) = split_part(t.run_id, '/', 1))
                )
            order by r.started_at, r.engine, r.run_id";
        self.ask("list the attempts of a run of", sql, named(engine, run_id), |row| {
            Ok((row.text(0)?, row.text(1)?))
        })
    }

    /// What a run was charged for, the dearest first.
    ///
    /// # Errors
    /// When the mart cannot be asked.
    pub fn run_charges(
        &self,
        engine: &str,
        run_id: &str,
        basis: Basis,
        currency: Currency,
    ) -> Result<Vec<RunCharge>, MartError> {
        let sql = format!(
            "with parts as (
                select pool, service_name, cluster_id, resource_id, count(distinct charge_group_id) as charges,
                    sum({cost}) as cost
                from atoms
                where run_nr = {OF_RUN} and billing_currency = '{currency}'
                group by all
            )
            select p.pool, coalesce(p.service_name, '(none)'), p.cluster_id, p.resource_id, n.instance_type,
                n.market, p.charges, cast(p.cost as varchar)
            from parts p
            left join (
                select cluster_id, resource_id, max(instance_type) as instance_type, max(market) as market
                from stg_nodes where resource_id is not null group by cluster_id, resource_id
            ) n on n.cluster_id = p.cluster_id and n.resource_id = p.resource_id
            order by p.cost desc, p.pool, p.service_name, p.cluster_id, p.resource_id",
            cost = basis.column(),
        );
        self.ask("list the charges of a run of", &sql, named(engine, run_id), |row| {
            Ok(RunCharge {
                pool: row.text(0)?,
                service: row.text(1)?,
                cluster_id: row.opt_text(2)?,
                resource_id: row.opt_text(3)?,
                instance_type: row.opt_text(4)?,
                market: row.opt_text(5)?,
                charges: row.int(6)?,
                cost: row.amount(7)?,
            })
        })
    }

    /// What was idle of the clusters a run was on, on its days, by cluster and day.
    ///
    /// # Errors
    /// When the mart cannot be asked.
    pub fn run_idle(
        &self,
        engine: &str,
        run_id: &str,
        basis: Basis,
        currency: Currency,
    ) -> Result<Vec<RunIdle>, MartError> {
        let sql = format!(
            "with own as (
                select usage_date, cluster_id, sum({cost}) as cost
                from daily_costs
                where run_nr = {OF_RUN} and billing_currency = '{currency}' and cluster_id is not null
                    and category = 'usage'
                group by usage_date, cluster_id
            ),
            whole as (
                select
                    o.usage_date, o.cluster_id, o.cost as own,
                    sum(case when d.category = 'usage' then d.{cost} else 0 end) as used,
                    sum(case when d.category = 'idle' then d.{cost} else 0 end) as idle
                from own o
                join daily_costs d
                    on d.usage_date = o.usage_date and d.cluster_id = o.cluster_id
                    and d.billing_currency = '{currency}'
                group by o.usage_date, o.cluster_id, o.cost
            )
            select cluster_id, cast(usage_date as varchar), cast(own as varchar), cast(used as varchar),
                cast(idle as varchar),
                cast(cast(coalesce(round(
                    cast(idle as double) * (cast(own as double) / nullif(cast(used as double), 0)), 12
                ), 0) as decimal(38, 12)) as varchar)
            from whole
            order by usage_date, cluster_id",
            cost = basis.column(),
        );
        self.ask("sum what was idle beside a run of", &sql, named(engine, run_id), |row| {
            Ok(RunIdle {
                cluster_id: row.text(0)?,
                day: row.parsed(1, "a day")?,
                own: row.amount(2)?,
                used: row.amount(3)?,
                idle: row.amount(4)?,
                beside: row.amount(5)?,
            })
        })
    }

    /// What a run held, hour by hour.
    ///
    /// # Errors
    /// When the mart cannot be asked.
    pub fn run_hours(&self, engine: &str, run_id: &str) -> Result<Vec<RunHour>, MartError> {
        let sql = format!(
            "select epoch_us(hour), count(distinct host), cast(sum(vcore_ms) as bigint),
                cast(sum(memory_mib_ms) as bigint)
            from stg_run_hours where run_nr = {OF_RUN} group by hour order by hour"
        );
        self.ask("list the hours of a run of", &sql, named(engine, run_id), |row| {
            Ok(RunHour {
                hour: row.instant(0)?,
                hosts: row.int(1)?,
                vcore_ms: row.int(2)?,
                memory_mib_ms: row.int(3)?,
            })
        })
    }

    /// The stages of a run, in their order.
    ///
    /// # Errors
    /// When the mart cannot be asked.
    pub fn run_stages(&self, engine: &str, run_id: &str) -> Result<Vec<RunStage>, MartError> {
        let sql = format!(
            "select stage_id, stage_attempt, name, status, epoch_us(started_at), epoch_us(ended_at), tasks,
                failed_tasks, task_ms, task_ms_max, task_ms_median, gc_ms, disk_spilled_bytes,
                shuffle_read_bytes, shuffle_write_bytes, input_bytes, output_bytes
            from run_stages where run_nr = {OF_RUN} order by stage_id, stage_attempt"
        );
        self.ask("list the stages of a run of", &sql, named(engine, run_id), |row| {
            Ok(RunStage {
                stage_id: row.int(0)?,
                attempt: row.int(1)?,
                name: row.opt_text(2)?,
                status: row.text(3)?,
                started_at: row.opt_instant(4)?,
                ended_at: row.opt_instant(5)?,
                tasks: row.int(6)?,
                failed_tasks: row.int(7)?,
                task_ms: row.int(8)?,
                task_ms_max: row.int(9)?,
                task_ms_median: row.int(10)?,
                gc_ms: row.int(11)?,
                spilled_bytes: row.int(12)?,
                shuffle_read_bytes: row.int(13)?,
                shuffle_write_bytes: row.int(14)?,
                input_bytes: row.int(15)?,
                output_bytes: row.int(16)?,
            })
        })
    }

    /// The tables a run read and wrote, those with most bytes first.
    ///
    /// # Errors
    /// When the mart cannot be asked.
    pub fn run_tables(&self, engine: &str, run_id: &str) -> Result<Vec<RunTable>, MartError> {
        let sql = "select table_id, access = 'write', bytes, row_count
            from stg_run_tables where engine = ? and run_id = ?
            order by access desc, bytes desc nulls last, table_id";
        self.ask("list the tables of a run of", sql, named(engine, run_id), |row| {
            Ok(RunTable {
                table_id: row.text(0)?,
                is_written: row.get(1)?,
                bytes: row.get(2)?,
                rows: row.get(3)?,
            })
        })
    }
}
