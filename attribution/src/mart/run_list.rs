//! Runs a page at a time: a platform has too many for any list to hold them all.

use chrono::NaiveDate;
use duckdb::types::Value;
use model::{Amount, Currency};

use super::{Mart, MartError, RunFilter, RunRow};

/// What a list of runs is ordered by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RunSort {
    /// Its id.
    Run,
    /// Its workload.
    Workload,
    /// Its name.
    Name,
    /// Start.
    #[default]
    Started,
    /// How it ended.
    Status,
    /// From start to end.
    Duration,
    /// Cores held x milliseconds.
    VcoreMs,
    /// Bytes read.
    Input,
    /// Bytes written.
    Output,
    /// Bytes spilled to disk.
    Spilled,
    /// Tasks failed.
    FailedTasks,
    /// Cost.
    Cost,
}

impl RunSort {
    const fn expression(self) -> &'static str {
        match self {
            Self::Run => "lower(run_id)",
            Self::Workload => "lower(workload)",
            Self::Name => "lower(name)",
            Self::Started => "started_us",
            Self::Status => "lower(status)",
            Self::Duration => "ended_us - started_us",
            Self::VcoreMs => "vcore_ms",
            Self::Input => "input_bytes",
            Self::Output => "output_bytes",
            Self::Spilled => "disk_spilled_bytes",
            Self::FailedTasks => "failed_tasks",
            Self::Cost => {
                "case when billing_currency is not null then cast(cost_text as decimal(38, 18)) end"
            }
        }
    }
}

/// Which runs are listed, and in which order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunListQuery {
    /// Which runs.
    pub filter: RunFilter,
    /// Only those that cost nothing or something in this currency.
    pub currency: Option<Currency>,
    /// Only those of one of these teams; empty is all.
    pub teams: Vec<String>,
    /// Only those that no team owns.
    pub unowned: bool,
    /// Only those with this text in id, workload, name, outcome, error, engine or trigger.
    pub search: Option<String>,
    /// Order; equal ones by their start.
    pub sort: RunSort,
    /// The largest first.
    pub descending: bool,
    /// How many are left out before the first.
    pub offset: usize,
    /// How many are listed.
    pub limit: usize,
}

/// One page of runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunList {
    /// Its runs.
    pub rows: Vec<RunRow>,
    /// How many match, on all pages.
    pub found: usize,
}

/// Runs that started on one day and ended alike.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunOutcome {
    /// UTC day of their start.
    pub day: NaiveDate,
    /// succeeded, failed, killed, running or unknown.
    pub status: String,
    /// How many.
    pub runs: i64,
    /// What they cost, on whatever days.
    pub cost: Amount,
}

impl RunListQuery {
    /// The rows that are in the list but for the search.
    fn listed(&self, parameters: &mut Vec<Value>) -> String {
        let mut conditions = vec!["true".to_owned()];
        conditions.extend(
            self.currency
                .map(|currency| format!("(billing_currency is null or billing_currency = '{currency}')")),
        );
        conditions.extend(self.unowned.then(|| "team is null".to_owned()));
        // Its parameters stand before those of the conditions.
        let runs = self.filter.sql(parameters);
        if !self.teams.is_empty() {
            conditions.push(format!("team in ({})", vec!["?"; self.teams.len()].join(", ")));
            parameters.extend(self.teams.iter().cloned().map(Value::Text));
        }
        format!("select * from ({runs}) runs where {}", conditions.join(" and "))
    }
}

impl Mart {
    /// One page of a list of runs. A run billed in several currencies has a row for each.
    ///
    /// # Errors
    /// When the mart cannot be asked.
    pub fn run_list(&self, query: &RunListQuery) -> Result<RunList, MartError> {
        if let Some(runs) = self.remembered_runs()? {
            return Ok(runs.page(query));
        }
        let mut parameters = Vec::new();
        let listed = query.listed(&mut parameters);
        let searched = match &query.search {
            None => "true",
            Some(search) => {
                parameters.push(Value::Text(search.to_lowercase()));
                // One parameter for all columns: a line break stands in none of them alone.
                "contains(lower(concat_ws(chr(10), run_id, workload, name, status, error, engine, trigger)), ?)"
            }
        };
        let sql = format!(
            "select *, count(*) over () as found from ({listed}) listed where {searched}
            order by {} {} nulls last, started_us desc, engine, run_id, billing_currency
            limit {} offset {}",
            query.sort.expression(),
            if query.descending { "desc" } else { "asc" },
            query.limit,
            query.offset,
        );
        let rows =
            self.ask("list runs of", &sql, parameters, |row| Ok((RunRow::read(row)?, row.int(29)?)))?;
        let found = rows.first().map_or(0, |(_, found)| usize::try_from(*found).unwrap_or(0));
        Ok(RunList { rows: rows.into_iter().map(|(row, _)| row).collect(), found })
    }

    /// How the runs of a list ended, by the day of their start; the search does not matter.
    ///
    /// # Errors
    /// When the mart cannot be asked.
    pub fn run_outcomes(&self, query: &RunListQuery) -> Result<Vec<RunOutcome>, MartError> {
        if let Some(runs) = self.remembered_runs()? {
            return Ok(runs.outcomes(query));
        }
        let mut parameters = Vec::new();
        let sql = format!(
            "select cast(cast(make_timestamp(started_us) as date) as varchar), status,
                count(*), cast(sum(cast(cost_text as decimal(38, 18))) as varchar)
            from ({}) listed group by all order by all",
            query.listed(&mut parameters)
        );
        self.ask("count the runs of", &sql, parameters, |row| {
            Ok(RunOutcome {
                day: row.parsed(0, "a day")?,
                status: row.text(1)?,
                runs: row.int(2)?,
                cost: row.amount(3)?,
            })
        })
    }
}
