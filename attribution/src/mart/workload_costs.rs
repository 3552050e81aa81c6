//! What workloads cost: by attempt, outcome and trigger, and for one of what they made.

use chrono::NaiveDate;
use duckdb::types::Value;
use model::{Amount, Basis, Currency};

use super::{Mart, MartError, NONE};

/// Which costs of workloads are asked for; unset fields match all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WorkloadCostQuery {
    /// One workload only.
    pub workload: Option<String>,
    /// Which of the four costs.
    pub basis: Basis,
    /// First UTC day inside.
    pub from: Option<NaiveDate>,
    /// First UTC day outside.
    pub to: Option<NaiveDate>,
    /// One currency only.
    pub currency: Option<Currency>,
}

/// Runs of one workload and team that were started alike and ended alike, in one currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkloadCost {
    /// Workload.
    pub workload: String,
    /// Team of its runs.
    pub team: Option<String>,
    /// Currency of the cost.
    pub currency: Currency,
    /// What started them.
    pub trigger: Option<String>,
    /// succeeded, failed, killed, running or unknown.
    pub status: String,
    /// Whether they are second or later attempts.
    pub is_retry: bool,
    /// How many had a cost in these days.
    pub runs: i64,
    /// Their cost.
    pub cost: Amount,
    /// Cores held x milliseconds in these days.
    pub vcore_ms: i64,
    /// Bytes they wrote to tables, of those that began to cost in these days.
    pub written_bytes: i64,
    /// Rows they wrote, of the same; nothing where no log tells any.
    pub written_rows: Option<i64>,
}

/// Runs taken together, and their cost for one of what they made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UnitCosts {
    /// All runs.
    pub runs: i64,
    /// Their cost.
    pub cost: Amount,
    /// Runs that failed or were killed.
    pub failed_runs: i64,
    /// Their cost.
    pub failed_cost: Amount,
    /// Second and later attempts.
    pub retries: i64,
    /// Their cost.
    pub retry_cost: Amount,
    /// Bytes written to tables.
    pub written_bytes: i64,
    /// Rows written, where known.
    pub written_rows: i64,
}

impl UnitCosts {
    /// Sums rows of one currency.
    pub fn of<'a>(rows: impl IntoIterator<Item = &'a WorkloadCost>) -> Self {
        let mut all = Self::default();
        for row in rows {
            all.runs += row.runs;
            all.cost += row.cost;
            if matches!(row.status.as_str(), "failed" | "killed") {
                all.failed_runs += row.runs;
                all.failed_cost += row.cost;
            }
            if row.is_retry {
                all.retries += row.runs;
                all.retry_cost += row.cost;
            }
            all.written_bytes = all.written_bytes.saturating_add(row.written_bytes);
            all.written_rows = all.written_rows.saturating_add(row.written_rows.unwrap_or_default());
        }
        all
    }

    /// Cost for each run; failed ones are paid by all.
    pub fn per_run(&self) -> Option<Amount> {
        self.cost.scaled(1, self.runs)
    }

    /// Cost for each terabyte (10^12 bytes) written.
    pub fn per_terabyte_written(&self) -> Option<Amount> {
        self.cost.scaled(1_000_000_000_000, self.written_bytes)
    }

    /// Cost for a million rows written.
    pub fn per_million_rows(&self) -> Option<Amount> {
        self.cost.scaled(1_000_000, self.written_rows)
    }
}

impl Mart {
    /// What workloads cost by team, trigger, outcome and attempt, by workload.
    ///
    /// # Errors
    /// When the mart cannot be asked.
    pub fn workload_costs(&self, query: &WorkloadCostQuery) -> Result<Vec<WorkloadCost>, MartError> {
        let mut parameters = Vec::new();
        let mut conditions = vec!["true".to_owned()];
        let mut put = |condition: &str, value: Option<String>| {
            if let Some(value) = value {
                conditions.push(condition.to_owned());
                parameters.push(Value::Text(value));
            }
        };
        put("workload = ?", query.workload.clone());
        put("usage_date >= cast(? as date)", query.from.map(|day| day.to_string()));
        put("usage_date < cast(? as date)", query.to.map(|day| day.to_string()));
        put("billing_currency = ?", query.currency.map(|currency| currency.to_string()));
        let sql = format!(
            "select coalesce(workload, '{NONE}'), team, billing_currency, trigger, status, attempt > 1,
                count(distinct (engine, run_id)), cast(sum({cost}) as varchar),
                cast(sum(vcore_ms) as bigint), cast(sum(written_bytes) as bigint), cast(sum(written_rows) as bigint)
            from run_days
            where {}
            group by all
            order by 1, 2, 3, 4, 5, 6",
            conditions.join(" and "),
            cost = query.basis.column(),
        );
        self.ask("sum the workload costs of", &sql, parameters, |row| {
            Ok(WorkloadCost {
                workload: row.text(0)?,
                team: row.opt_text(1)?,
                currency: row.currency(2)?,
                trigger: row.opt_text(3)?,
                status: row.text(4)?,
                is_retry: row.get(5)?,
                runs: row.int(6)?,
                cost: row.amount(7)?,
                vcore_ms: row.int(8)?,
                written_bytes: row.int(9)?,
                written_rows: row.get(10)?,
            })
        })
    }
}
