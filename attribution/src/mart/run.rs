//! One run: what its log says beyond its row, where its cost comes from, what it touched.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use duckdb::types::Value;
use model::time::Instant;
use model::{Amount, Basis, Category, Currency};

use super::{CostQuery, Dimension, Filter, Mart, MartError};

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

/// What a run was charged for, told twice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunMoney {
    /// By what is paid for, the dearest first.
    pub charges: Vec<RunCharge>,
    /// By UTC day and cluster; what is of no cluster is left out.
    pub days: BTreeMap<(NaiveDate, String), Amount>,
}

impl RunMoney {
    /// Of charges by day.
    fn of(parts: Vec<(NaiveDate, RunCharge)>) -> Self {
        let mut days: BTreeMap<(NaiveDate, String), Amount> = BTreeMap::new();
        let mut charges: Vec<RunCharge> = Vec::new();
        for (day, part) in parts {
            if let Some(cluster) = &part.cluster_id {
                *days.entry((day, cluster.clone())).or_default() += part.cost;
            }
            let is_same = |charge: &&mut RunCharge| {
                (&charge.resource_id, &charge.cluster_id, &charge.pool, &charge.service)
                    == (&part.resource_id, &part.cluster_id, &part.pool, &part.service)
            };
            match charges.iter_mut().find(is_same) {
                Some(charge) => {
                    charge.charges += part.charges;
                    charge.cost += part.cost;
                }
                None => charges.push(part),
            }
        }
        charges.sort_by(|a, b| {
            let rest = |charge: &RunCharge| {
                let RunCharge { pool, service, cluster_id, resource_id, .. } = charge;
                (pool.clone(), service.clone(), cluster_id.clone(), resource_id.clone())
            };
            b.cost.cmp(&a.cost).then_with(|| rest(a).cmp(&rest(b)))
        });
        Self { charges, days }
    }
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

/// Where a run's facts are: its number, and the days its cost falls on. Conditions by number and
/// day are such as tables are stored by.
struct Place {
    nr: i64,
    days: Option<(NaiveDate, NaiveDate)>,
}

impl Place {
    /// Rows of the run's own costs.
    fn costs(&self) -> String {
        format!("run_nr = {}{}", self.nr, self.within("usage_date"))
    }

    /// That a day is one of the run's, after another condition.
    fn within(&self, day: &str) -> String {
        self.days.map_or_else(String::new, |(first, last)| {
            format!(" and {day} between date '{first}' and date '{last}'")
        })
    }
}

impl Mart {
    fn place(&self, engine: &str, run_id: &str) -> Result<Option<Place>, MartError> {
        if let Some(runs) = self.remembered_runs()? {
            return Ok(runs.number(engine, run_id).map(|(nr, days)| Place { nr, days }));
        }
        let sql = "select r.run_nr, cast(min(d.usage_date) as varchar), cast(max(d.usage_date) as varchar)
            from stg_runs r
            left join run_days d on d.engine = r.engine and d.run_id = r.run_id
            where r.engine = ? and r.run_id = ?
            group by r.run_nr";
        let named = vec![Value::Text(engine.to_owned()), Value::Text(run_id.to_owned())];
        let found = self.ask("find a run of", sql, named, |row| {
            Ok(Place { nr: row.int(0)?, days: row.opt_day(1)?.zip(row.opt_day(2)?) })
        })?;
        Ok(found.into_iter().next())
    }

    /// The place of a run that costs anything: of another no row of costs need be looked for.
    fn costly(&self, engine: &str, run_id: &str) -> Result<Option<Place>, MartError> {
        Ok(self.place(engine, run_id)?.filter(|place| place.days.is_some()))
    }

    /// What is known of a run beyond its row; nothing where there is no such run.
    ///
    /// # Errors
    /// When the mart cannot be asked.
    pub fn run_more(&self, engine: &str, run_id: &str) -> Result<Option<RunMore>, MartError> {
        let Some(Place { nr, .. }) = self.place(engine, run_id)? else { return Ok(None) };
        let sql = format!(
            "select epoch_us(queued_at), engine_version, workflow_instance_id, gc_ms, peak_memory_bytes,
                killed_tasks, failed_task_ms + killed_task_ms, executors, source, source_object
            from stg_runs where run_nr = {nr}"
        );
        let rows = self.ask("read a run of", &sql, Vec::new(), |row| {
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
        let Some(Place { nr, .. }) = self.place(engine, run_id)? else { return Ok(Vec::new()) };
        let step =
            format!("select workload, workflow_instance_id, step_id from stg_runs where run_nr = {nr}");
        let step = self.ask("find the step of a run of", &step, Vec::new(), |row| {
            Ok((row.text(0)?, row.opt_text(1)?, row.opt_text(2)?))
        })?;
        let mut alike = Vec::new();
        let mut parameters = Vec::new();
        if let Some((workload, Some(instance), step)) = step.into_iter().next() {
            alike.push("workload = ? and workflow_instance_id = ? and step_id is not distinct from ?");
            parameters.extend([Value::Text(workload), Value::Text(instance)]);
            parameters.push(step.map_or(Value::Null, Value::Text));
        }
        // Attempts of one application, `application/2`; orchestrators write paths into their ids.
        let application = run_id.split_once('/').filter(|(_, attempt)| attempt.parse::<u32>().is_ok());
        if let Some((application, _)) = application {
            alike.push("engine = ? and (run_id = ? or starts_with(run_id, ?))");
            let names = [engine, application, &format!("{application}/")];
            parameters.extend(names.map(|name| Value::Text(name.to_owned())));
        }
        if alike.is_empty() {
            return Ok(Vec::new());
        }
        let sql = format!(
            "select engine, run_id from stg_runs where run_nr <> {nr} and (({}))
            order by started_at, engine, run_id",
            alike.join(") or (")
        );
        self.ask("list the attempts of a run of", &sql, parameters, |row| Ok((row.text(0)?, row.text(1)?)))
    }

    /// What a run was charged for, the dearest first, and what it was given of which cluster by day.
    ///
    /// # Errors
    /// When the mart cannot be asked.
    pub fn run_money(
        &self,
        engine: &str,
        run_id: &str,
        basis: Basis,
        currency: Currency,
    ) -> Result<RunMoney, MartError> {
        let Some(place) = self.costly(engine, run_id)? else { return Ok(RunMoney::default()) };
        let sql = format!(
            "with own as (
                select group_nr, sum({cost}) as cost from owned_atoms where {of_run} group by group_nr
            ),
            parts as (
                select g.usage_date, g.pool, g.service_name, g.cluster_id, g.resource_id, count(*) as charges,
                    sum(o.cost) as cost
                from own o
                join charge_groups g on g.group_nr = o.group_nr
                where g.billing_currency = '{currency}'{of_days}
                group by all
            ),
            nodes as (
                select cluster_id, resource_id, max(instance_type) as instance_type, max(market) as market
                from stg_nodes
                where resource_id in (select resource_id from parts)
                group by cluster_id, resource_id
            )
            select cast(p.usage_date as varchar), p.pool, coalesce(p.service_name, '(none)'), p.cluster_id,
                p.resource_id, n.instance_type, n.market, p.charges, cast(p.cost as varchar)
            from parts p
            left join nodes n on n.cluster_id = p.cluster_id and n.resource_id = p.resource_id",
            cost = basis.column(),
            of_run = place.costs(),
            of_days = place.within("g.usage_date"),
        );
        let parts = self.ask("list the charges of a run of", &sql, Vec::new(), |row| {
            let charge = RunCharge {
                pool: row.text(1)?,
                service: row.text(2)?,
                cluster_id: row.opt_text(3)?,
                resource_id: row.opt_text(4)?,
                instance_type: row.opt_text(5)?,
                market: row.opt_text(6)?,
                charges: row.int(7)?,
                cost: row.amount(8)?,
            };
            Ok((row.parsed::<NaiveDate>(0, "a day")?, charge))
        })?;
        Ok(RunMoney::of(parts))
    }

    /// What was idle of the clusters a run was on, on its days, by day and cluster: where daily
    /// costs are in memory without asking the file.
    ///
    /// # Errors
    /// When the mart cannot be asked.
    pub fn run_idle(
        &self,
        money: &RunMoney,
        basis: Basis,
        currency: Currency,
    ) -> Result<Vec<RunIdle>, MartError> {
        let mut clusters: BTreeMap<&str, (NaiveDate, NaiveDate)> = BTreeMap::new();
        for (day, cluster) in money.days.keys() {
            let span = clusters.entry(cluster).or_insert((*day, *day));
            *span = (span.0.min(*day), span.1.max(*day));
        }
        let mut found = Vec::new();
        for (cluster, (first, last)) in clusters {
            let costs = self.costs(&CostQuery {
                by: vec![Dimension::Day, Dimension::Category],
                basis,
                from: Some(first),
                to: last.succ_opt(),
                currency: Some(currency),
                filters: vec![Filter { dimension: Dimension::Cluster, value: cluster.to_owned() }],
                ..CostQuery::default()
            })?;
            let of = |day: NaiveDate, category: Category| -> Amount {
                let keys = [day.to_string(), category.name().to_owned()];
                costs.iter().filter(|row| row.keys == keys).map(|row| row.cost).sum()
            };
            for ((day, _), own) in money.days.iter().filter(|((_, of), _)| of == cluster) {
                let (used, idle) = (of(*day, Category::Usage), of(*day, Category::Idle));
                let beside = match used.is_zero() {
                    true => Amount::ZERO,
                    // As spreads have it: only the ratio is a fraction, cut to 12 decimals.
                    false => format!("{:.12}", idle.to_f64() * (own.to_f64() / used.to_f64()))
                        .parse()
                        .unwrap_or_default(),
                };
                found.push(RunIdle {
                    cluster_id: cluster.to_owned(),
                    day: *day,
                    own: *own,
                    used,
                    idle,
                    beside,
                });
            }
        }
        found.sort_by(|a, b| (a.day, &a.cluster_id).cmp(&(b.day, &b.cluster_id)));
        Ok(found)
    }

    /// What a run held, hour by hour.
    ///
    /// # Errors
    /// When the mart cannot be asked.
    pub fn run_hours(&self, engine: &str, run_id: &str) -> Result<Vec<RunHour>, MartError> {
        let Some(Place { nr, .. }) = self.place(engine, run_id)? else { return Ok(Vec::new()) };
        let sql = format!(
            "select epoch_us(hour), count(distinct host), cast(sum(vcore_ms) as bigint),
                cast(sum(memory_mib_ms) as bigint)
            from stg_run_hours where run_nr = {nr} group by hour order by hour"
        );
        self.ask("list the hours of a run of", &sql, Vec::new(), |row| {
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
        let Some(Place { nr, .. }) = self.place(engine, run_id)? else { return Ok(Vec::new()) };
        let sql = format!(
            "select stage_id, stage_attempt, name, status, epoch_us(started_at), epoch_us(ended_at), tasks,
                failed_tasks, task_ms, task_ms_max, task_ms_median, gc_ms, disk_spilled_bytes,
                shuffle_read_bytes, shuffle_write_bytes, input_bytes, output_bytes
            from run_stages where run_nr = {nr} order by stage_id, stage_attempt"
        );
        self.ask("list the stages of a run of", &sql, Vec::new(), |row| {
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
        let Some(Place { nr, .. }) = self.place(engine, run_id)? else { return Ok(Vec::new()) };
        let sql = format!(
            "select table_id, access = 'write', bytes, row_count
            from stg_run_tables where run_nr = {nr}
            order by access desc, bytes desc nulls last, table_id"
        );
        self.ask("list the tables of a run of", &sql, Vec::new(), |row| {
            Ok(RunTable {
                table_id: row.text(0)?,
                is_written: row.get(1)?,
                bytes: row.get(2)?,
                rows: row.get(3)?,
            })
        })
    }
}
