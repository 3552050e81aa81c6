//! Runs, tables and clusters of a mart.

use chrono::NaiveDate;
use duckdb::types::Value;
use model::time::Instant;
use model::{Amount, Basis, Currency};

use super::ran::started;
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

/// What ran of one workload, for one team.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunActivity {
    /// `workflow/step`, or the engine's name of what ran.
    pub workload: String,
    /// Owning team.
    pub team: Option<String>,
    /// Runs.
    pub runs: i64,
    /// Those that failed.
    pub failed: i64,
    /// Cores held x milliseconds.
    pub vcore_ms: i64,
    /// Engine of the newest.
    pub engine: String,
    /// Start of the newest.
    pub last_started_at: Instant,
}

/// One table as it was collected last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableRow {
    /// catalog.namespace.name
    pub table_id: String,
    /// Catalog.
    pub catalog: Option<String>,
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// Table format.
    pub format: String,
    /// Where its files are.
    pub location: String,
    /// Owner its properties name.
    pub owner: Option<String>,
    /// Owning team.
    pub team: Option<String>,
    /// When it was collected.
    pub collected_at: Instant,
    /// Rows of live data files.
    pub row_count: i64,
    /// Live data files.
    pub data_files: i64,
    /// Their bytes.
    pub data_bytes: i64,
    /// Live data files under three quarters of the target size.
    pub small_files: i64,
    /// Target size of a data file.
    pub target_file_bytes: i64,
    /// Live delete files.
    pub delete_files: i64,
    /// Rows they name.
    pub deleted_rows: i64,
    /// Snapshots kept.
    pub snapshots: i64,
    /// Manifests of the current snapshot.
    pub manifests: i64,
    /// Bytes any kept snapshot reaches.
    pub reachable_bytes: i64,
    /// Bytes only older snapshots hold: free once those expire.
    pub expirable_bytes: i64,
    /// Bytes an inventory lists and no snapshot reaches; nothing without an inventory.
    pub orphaned_bytes: Option<i64>,
    /// Last change.
    pub last_updated_at: Option<Instant>,
    /// Partitioning.
    pub partition_spec: Option<String>,
}

/// One cluster with its capacity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterRow {
    /// Its id.
    pub cluster_id: String,
    /// Its name.
    pub name: Option<String>,
    /// Owning team.
    pub team: Option<String>,
    /// Nodes that ever were in it.
    pub nodes: i64,
    /// First node's start.
    pub started_at: Option<Instant>,
    /// Last node's end; nothing while one lives.
    pub ended_at: Option<Instant>,
    /// Worker core-milliseconds paid.
    pub vcore_ms_paid: i64,
    /// Worker core-milliseconds that count as used (by the bottleneck share).
    pub vcore_ms_used: i64,
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
        let mut parameters = Vec::new();
        let sql = format!(
            "{} order by r.started_at, r.engine, r.run_id, c.billing_currency",
            filter.sql(&mut parameters)
        );
        self.ask("list the runs of", &sql, parameters, RunRow::read)
    }

    /// What ran, by workload and team: runs that started in these days and cost nothing or
    /// something in this currency.
    ///
    /// # Errors
    /// When the mart cannot be asked.
    pub fn run_activity(
        &self,
        from: NaiveDate,
        to: NaiveDate,
        currency: Currency,
    ) -> Result<Vec<RunActivity>, MartError> {
        let is_one_currency = self.info.currencies.len() == 1;
        if let Some(cubes) = self.cubes.as_ref().filter(|_| is_one_currency) {
            return Ok(started(cubes.started(self)?, (from, to)));
        }
        // Where all costs are in one currency no run can cost something in another.
        let of_currency = match self.info.currencies[..] {
            [_] => "true".to_owned(),
            _ => format!(
                "(not exists (select 1 from run_days d where d.engine = r.engine and d.run_id = r.run_id)
                or exists (
                    select 1 from run_days d
                    where d.engine = r.engine and d.run_id = r.run_id and d.billing_currency = '{currency}'
                ))"
            ),
        };
        let sql = format!(
            "select r.workload, o.team, count(*), count(*) filter (where r.status = 'failed'),
                cast(least(sum(r.vcore_ms), 9223372036854775807) as bigint),
                arg_max(r.engine, (r.started_at, r.engine, r.run_id)), epoch_us(max(r.started_at))
            from stg_runs r
            left join run_owners o on o.engine = r.engine and o.run_id = r.run_id
            where r.started_at >= cast(? as date) and r.started_at < cast(? as date) and {of_currency}
            group by r.workload, o.team
            order by r.workload, o.team"
        );
        let days = [from, to].map(|day| Value::Text(day.to_string())).to_vec();
        self.ask("count the runs of", &sql, days, |row| {
            Ok(RunActivity {
                workload: row.text(0)?,
                team: row.opt_text(1)?,
                runs: row.int(2)?,
                failed: row.int(3)?,
                vcore_ms: row.int(4)?,
                engine: row.text(5)?,
                last_started_at: row.instant(6)?,
            })
        })
    }

    /// Every table as it was collected last, by its id.
    ///
    /// # Errors
    /// When the mart cannot be asked.
    pub fn tables(&self) -> Result<Vec<TableRow>, MartError> {
        Ok(self.memory.tables(|| self.read_latest_tables())?.to_vec())
    }

    fn read_latest_tables(&self) -> Result<Vec<TableRow>, MartError> {
        let sql = "select table_id, catalog, namespace, name, format, location, owner, team,
                epoch_us(collected_at), row_count, data_files, data_bytes, small_files, target_file_bytes,
                delete_files, deleted_rows, snapshots, manifests, reachable_bytes, epoch_us(last_updated_at),
                partition_spec, expirable_bytes, orphaned_bytes
            from latest_tables order by table_id";
        self.ask("list the tables of", sql, Vec::new(), |row| {
            Ok(TableRow {
                table_id: row.text(0)?,
                catalog: row.opt_text(1)?,
                namespace: row.text(2)?,
                name: row.text(3)?,
                format: row.text(4)?,
                location: row.text(5)?,
                owner: row.opt_text(6)?,
                team: row.opt_text(7)?,
                collected_at: row.instant(8)?,
                row_count: row.int(9)?,
                data_files: row.int(10)?,
                data_bytes: row.int(11)?,
                small_files: row.int(12)?,
                target_file_bytes: row.int(13)?,
                delete_files: row.int(14)?,
                deleted_rows: row.int(15)?,
                snapshots: row.int(16)?,
                manifests: row.int(17)?,
                reachable_bytes: row.int(18)?,
                last_updated_at: row.opt_instant(19)?,
                partition_spec: row.opt_text(20)?,
                expirable_bytes: row.int(21)?,
                orphaned_bytes: row.get(22)?,
            })
        })
    }

    /// Every cluster, by its id.
    ///
    /// # Errors
    /// When the mart cannot be asked.
    pub fn clusters(&self) -> Result<Vec<ClusterRow>, MartError> {
        Ok(self.memory.clusters(|| self.read_clusters())?.to_vec())
    }

    fn read_clusters(&self) -> Result<Vec<ClusterRow>, MartError> {
        let sql = "select cluster_id, cluster_name, team, nodes, epoch_us(started_at), epoch_us(ended_at),
                vcore_ms_paid, vcore_ms_used
            from cluster_capacity order by cluster_id";
        self.ask("list the clusters of", sql, Vec::new(), |row| {
            Ok(ClusterRow {
                cluster_id: row.text(0)?,
                name: row.opt_text(1)?,
                team: row.opt_text(2)?,
                nodes: row.int(3)?,
                started_at: row.opt_instant(4)?,
                ended_at: row.opt_instant(5)?,
                vcore_ms_paid: row.int(6)?,
                vcore_ms_used: row.int(7)?,
            })
        })
    }
}
