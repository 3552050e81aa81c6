//! Published marts, read-only: the typed questions that pages, reports, exports and the
//! terminal ask. No caller sees SQL.

mod changes;
mod cluster_hours;
mod compare;
mod costs;
mod cube;
mod cubes;
mod entities;
mod explain;
mod export;
mod health;
mod kept;
mod known;
mod lines;
mod memory;
mod ownership;
mod ran;
mod reach;
mod relation;
mod run;
mod run_list;
mod spread;
mod table_costs;
mod table_history;
mod tags;
mod view;
mod waste;
mod what_if;
mod workload_costs;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use chrono::NaiveDate;
use duckdb::{AccessMode, Config, Connection};
use model::Currency;
use model::time::Instant;

pub use changes::{Activity, Change, ChangeParts, decompose};
pub use cluster_hours::{ClusterHour, MarketShare};
pub use compare::{Cause, Compared, Comparison, Difference, DifferenceParts, Reason};
pub use costs::{CostQuery, CostRow, Dimension, Filter, NONE};
pub use entities::{ClusterRow, RunActivity, RunFilter, RunRow, TableRow};
pub use explain::{ExplainPart, MethodSum};
pub use export::{ColumnKind, Export, ExportColumn};
pub use health::{BalanceRow, IdentityRow, SourceStatus};
pub use known::{Kind, Known};
pub use lines::BillLine;
pub use ownership::{CoverageRow, OwnershipQuery, RuleClaim, Unclaimed};
pub use reach::Reach;
pub use run::{RunCharge, RunHour, RunIdle, RunMore, RunStage, RunTable};
pub use run_list::{RunList, RunListQuery, RunOutcome, RunSort};
pub use spread::SpreadPart;
pub use table_costs::{LineageRow, ReaderRow, TableCost, TableCostQuery};
pub use table_history::{FileSizes, SnapshotRow, TableDay};
pub use view::{Idle, Ownership, Shared, View, as_of, moment};
pub use waste::{Confidence, Finding, FindingQuery};
pub use what_if::{WhatIf, WhatIfRow};
pub use workload_costs::{UnitCosts, WorkloadCost, WorkloadCostQuery};

use crate::engine::EngineError;

/// Why a mart could not answer.
#[derive(Debug, thiserror::Error)]
pub enum MartError {
    /// Nothing has been published yet.
    #[error("the ledger `{ledger}` has no published mart")]
    NotPublished {
        /// Ledger directory.
        ledger: String,
    },
    /// The file is there but cannot be opened or asked.
    #[error("could not {operation} the mart `{mart}`")]
    Query {
        /// What was being done.
        operation: &'static str,
        /// Mart id or path.
        mart: String,
        /// What DuckDB said.
        #[source]
        cause: Box<duckdb::Error>,
    },
    /// A value is not what this build wrote.
    #[error("the mart `{mart}` holds `{value}` where {expected} was expected")]
    Value {
        /// Mart id.
        mart: String,
        /// What was found.
        value: String,
        /// What should have been there.
        expected: &'static str,
    },
    /// What was published then is not there.
    #[error("{what}; {oldest}")]
    NotKept {
        /// What was asked for.
        what: String,
        /// The oldest there is.
        oldest: String,
    },
    /// It is more than the mart's reach.
    #[error("{what}")]
    OutOfReach {
        /// What only those may ask who see all.
        what: &'static str,
    },
    /// The engine failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// A team as the configuration names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TeamInfo {
    /// Name, which is its id.
    pub name: String,
    /// Where its reports go.
    pub email: Vec<String>,
    /// The team it is a part of.
    pub parent: Option<String>,
}

/// One publish, as the record of ownership has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publish {
    /// Its number, from 1.
    pub number: i64,
    /// When it was.
    pub at: Instant,
    /// The mart it made, which may be kept no longer.
    pub mart_id: String,
}

/// What a mart is and what it covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MartInfo {
    /// Its id: names the file.
    pub id: String,
    /// When it was published.
    pub published_at: Instant,
    /// First UTC day with a charge.
    pub first_day: Option<NaiveDate>,
    /// The day after the last with a charge.
    pub end_day: Option<NaiveDate>,
    /// Currencies of its charges, largest effective cost first.
    pub currencies: Vec<Currency>,
    /// Every publish that is recorded, its own the last.
    pub publishes: Vec<Publish>,
    /// Configured teams, in the order of the configuration.
    pub teams: Vec<TeamInfo>,
    /// Whether the configuration names fixed shares of shared costs.
    pub has_fixed_shares: bool,
    /// IANA name of the zone in which times are shown.
    pub display_timezone: String,
}

impl MartInfo {
    /// The level of the organisation a team stands at: 1 without a parent, and for one the
    /// configuration does not know.
    pub fn level(&self, team: &str) -> u32 {
        let parent = |name: &str| {
            self.teams.iter().find(|known| known.name == name).and_then(|team| team.parent.as_deref())
        };
        // The configuration refuses circles; the bound is for a mart made without it.
        let mut level = 1;
        let mut at = team;
        while let Some(above) = parent(at).filter(|_| level < 64) {
            (at, level) = (above, level + 1);
        }
        level
    }

    /// The ancestor of a team at a level, as [`Dimension::Org`] has it.
    pub fn ancestor<'a>(&'a self, team: &'a str, level: u32) -> &'a str {
        let mut at = team;
        for _ in level..self.level(team) {
            let above =
                self.teams.iter().find(|known| known.name == at).and_then(|team| team.parent.as_deref());
            at = above.unwrap_or(at);
        }
        at
    }

    /// The teams that name this one as their parent.
    pub fn sub_teams<'a>(&'a self, team: &'a str) -> impl Iterator<Item = &'a TeamInfo> {
        self.teams.iter().filter(move |known| known.parent.as_deref() == Some(team))
    }
}

/// One published mart, open for reading by many threads, as far as a [`Reach`] goes.
pub struct Mart {
    path: PathBuf,
    info: MartInfo,
    reach: Reach,
    /// Names of its tables and views.
    tables: Arc<[String]>,
    connections: Connections,
    memory: memory::Memory,
    cubes: Option<cubes::Cubes>,
}

/// Most connections that are kept while nobody asks; each keeps the plans of its last questions.
const MOST_IDLE: usize = 8;

/// Connections to one mart, each used by one question at a time and then by the next.
struct Connections {
    first: Mutex<Connection>,
    idle: Mutex<Vec<Connection>>,
    /// What each is told before it is asked anything.
    views: String,
}

impl Connections {
    fn new(first: Connection, views: String) -> Self {
        Self { first: Mutex::new(first), idle: Mutex::default(), views }
    }

    fn take(&self) -> Result<Connection, duckdb::Error> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        match idle {
            Some(connection) => Ok(connection),
            None => {
                let connection = self.another()?;
                connection.execute_batch(&self.views)?;
                Ok(connection)
            }
        }
    }

    /// A connection that was told nothing yet.
    fn another(&self) -> Result<Connection, duckdb::Error> {
        self.first.lock().unwrap_or_else(PoisonError::into_inner).try_clone()
    }

    fn give_back(&self, connection: Connection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < MOST_IDLE {
            idle.push(connection);
        }
    }
}

/// A row of an answer, with typed access; texts the mart never writes are errors, not panics.
struct Answer<'r, 's> {
    row: &'r duckdb::Row<'s>,
    mart: &'r str,
}

impl Answer<'_, '_> {
    fn get<T: duckdb::types::FromSql>(&self, at: usize) -> Result<T, MartError> {
        self.row.get(at).map_err(|cause| MartError::Query {
            operation: "read a value of",
            mart: self.mart.to_owned(),
            cause: Box::new(cause),
        })
    }

    fn text(&self, at: usize) -> Result<String, MartError> {
        self.get(at)
    }

    /// A text that is only looked at.
    fn str(&self, at: usize) -> Result<Option<&str>, MartError> {
        let failed = |cause| MartError::Query {
            operation: "read a value of",
            mart: self.mart.to_owned(),
            cause: Box::new(cause),
        };
        let value = self.row.get_ref(at).map_err(failed)?;
        match value {
            duckdb::types::ValueRef::Null => Ok(None),
            value => value.as_str().map(Some).map_err(|cause| failed(cause.into())),
        }
    }

    fn opt_text(&self, at: usize) -> Result<Option<String>, MartError> {
        self.get(at)
    }

    fn int(&self, at: usize) -> Result<i64, MartError> {
        self.get(at)
    }

    fn parsed<T: std::str::FromStr>(&self, at: usize, expected: &'static str) -> Result<T, MartError> {
        let text = self.str(at)?.unwrap_or_default();
        text.parse().map_err(|_| MartError::Value {
            mart: self.mart.to_owned(),
            value: text.to_owned(),
            expected,
        })
    }

    fn amount(&self, at: usize) -> Result<model::Amount, MartError> {
        self.parsed(at, "an amount")
    }

    fn opt_amount(&self, at: usize) -> Result<Option<model::Amount>, MartError> {
        Ok(match self.opt_text(at)? {
            Some(_) => Some(self.amount(at)?),
            None => None,
        })
    }

    fn currency(&self, at: usize) -> Result<Currency, MartError> {
        self.parsed(at, "a currency")
    }

    fn opt_day(&self, at: usize) -> Result<Option<NaiveDate>, MartError> {
        Ok(match self.opt_text(at)? {
            Some(_) => Some(self.parsed(at, "a day")?),
            None => None,
        })
    }

    fn opt_instant(&self, at: usize) -> Result<Option<Instant>, MartError> {
        let micros: Option<i64> = self.get(at)?;
        Ok(micros.and_then(chrono::DateTime::from_timestamp_micros))
    }

    fn instant(&self, at: usize) -> Result<Instant, MartError> {
        self.opt_instant(at)?.ok_or_else(|| MartError::Value {
            mart: self.mart.to_owned(),
            value: "null".into(),
            expected: "an instant",
        })
    }
}

impl Mart {
    /// Opens the current mart of a ledger.
    ///
    /// # Errors
    /// [`MartError::NotPublished`] where there is none yet.
    pub fn open(ledger: &Path) -> Result<Self, MartError> {
        let not_published = || MartError::NotPublished { ledger: ledger.display().to_string() };
        let path = crate::publish::current_mart(ledger).ok().flatten().ok_or_else(not_published)?;
        Self::open_file(&path)
    }

    /// Opens one mart file.
    ///
    /// # Errors
    /// When it cannot be opened or is no mart.
    pub fn open_file(path: &Path) -> Result<Self, MartError> {
        let id = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default().to_owned();
        let failed = |cause| MartError::Query { operation: "open", mart: id.clone(), cause: Box::new(cause) };
        let config = Config::default().access_mode(AccessMode::ReadOnly).map_err(failed)?;
        let connection = Connection::open_with_flags(path, config).map_err(failed)?;
        let info = MartInfo {
            id: id.clone(),
            published_at: chrono::DateTime::UNIX_EPOCH,
            first_day: None,
            end_day: None,
            currencies: Vec::new(),
            publishes: Vec::new(),
            teams: Vec::new(),
            has_fixed_shares: false,
            display_timezone: String::new(),
        };
        let mut mart = Self {
            path: path.to_owned(),
            info,
            reach: Reach::Whole,
            tables: Arc::default(),
            connections: Connections::new(connection, String::new()),
            memory: memory::Memory::default(),
            cubes: None,
        };
        mart.tables = mart.read_tables()?;
        mart.info = mart.read_info()?;
        Ok(mart)
    }

    /// The same mart, asked through these views.
    fn again(&self, reach: Reach, views: String) -> Result<Self, MartError> {
        let connection = self.connections.another().map_err(|cause| self.failed("open", cause))?;
        Ok(Self {
            path: self.path.clone(),
            info: self.info.clone(),
            reach,
            tables: Arc::clone(&self.tables),
            connections: Connections::new(connection, views),
            memory: memory::Memory::default(),
            cubes: self.cubes.as_ref().map(|_| cubes::Cubes::default()),
        })
    }

    /// What it is and covers.
    pub fn info(&self) -> &MartInfo {
        &self.info
    }

    /// The file it was opened from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn read_tables(&self) -> Result<Arc<[String]>, MartError> {
        let sql = "select table_name from information_schema.tables
            where table_catalog = current_database() and table_schema = 'main' order by table_name";
        Ok(self.ask("list the tables of", sql, Vec::new(), |row| row.text(0))?.into())
    }

    fn read_info(&self) -> Result<MartInfo, MartError> {
        let (published_at, display_timezone) = self
            .ask(
                "describe",
                "select epoch_us(published_at), coalesce(display_timezone, 'UTC') from parameters",
                Vec::new(),
                |row| Ok((row.instant(0)?, row.text(1)?)),
            )?
            .pop()
            .ok_or_else(|| MartError::Value {
                mart: self.info.id.clone(),
                value: "no parameters".into(),
                expected: "one row of them",
            })?;
        let days = self.ask(
            "describe",
            "select cast(min(usage_date) as varchar), cast(max(usage_date) as varchar) from daily_costs",
            Vec::new(),
            |row| Ok((row.opt_day(0)?, row.opt_day(1)?)),
        )?;
        let (first_day, last_day) = days.into_iter().next().unwrap_or_default();
        let currencies = self.own_currencies()?;
        let teams = self.ask(
            "describe",
            "select team, email, parent from teams order by position",
            Vec::new(),
            |row| {
                let email = row.text(1)?.lines().map(str::to_owned).collect();
                Ok(TeamInfo { name: row.text(0)?, email, parent: row.opt_text(2)? })
            },
        )?;
        let publishes = self.ask(
            "describe",
            "select publish_nr, epoch_us(recorded_at), mart_id from publishes order by publish_nr",
            Vec::new(),
            |row| Ok(Publish { number: row.int(0)?, at: row.instant(1)?, mart_id: row.text(2)? }),
        )?;
        let fixed =
            self.ask("describe", "select count(*) from rule_shared_fixed", Vec::new(), |row| row.int(0))?;
        Ok(MartInfo {
            id: self.info.id.clone(),
            published_at,
            first_day,
            end_day: last_day.and_then(|day| day.succ_opt()),
            currencies,
            publishes,
            teams,
            has_fixed_shares: fixed.into_iter().any(|teams| teams > 0),
            display_timezone,
        })
    }

    /// Currencies of its charges, largest effective cost first.
    fn own_currencies(&self) -> Result<Vec<Currency>, MartError> {
        self.ask(
            "describe",
            "select billing_currency from daily_costs group by 1 order by sum(effective_cost) desc, 1",
            Vec::new(),
            |row| row.currency(0),
        )
    }

    /// Runs one query and maps its rows.
    fn ask<T>(
        &self,
        operation: &'static str,
        sql: &str,
        parameters: Vec<duckdb::types::Value>,
        map: impl Fn(&Answer<'_, '_>) -> Result<T, MartError>,
    ) -> Result<Vec<T>, MartError> {
        // A connection of its own for each question, so that readers do not wait for one another.
        let connection = self.connections.take().map_err(|cause| self.failed(operation, cause))?;
        let answers = ask_on(&connection, &self.info.id, operation, sql, parameters, map)?;
        self.connections.give_back(connection);
        Ok(answers)
    }

    /// Runs a statement that answers nothing.
    fn run(&self, sql: &str) -> Result<(), MartError> {
        let connection = self.connections.take().map_err(|cause| self.failed("set up", cause))?;
        connection.execute_batch(sql).map_err(|cause| self.failed("set up", cause))?;
        self.connections.give_back(connection);
        Ok(())
    }

    /// Runs one query and hands on its rows one by one, of which there may be many.
    fn each(
        &self,
        operation: &'static str,
        sql: &str,
        mut take: impl FnMut(&Answer<'_, '_>) -> Result<(), MartError>,
    ) -> Result<(), MartError> {
        let failed = |cause| self.failed(operation, cause);
        let connection = self.connections.take().map_err(failed)?;
        {
            let mut statement = connection.prepare(sql).map_err(failed)?;
            let mut rows = statement.query([]).map_err(failed)?;
            while let Some(row) = rows.next().map_err(failed)? {
                take(&Answer { row, mart: &self.info.id })?;
            }
        }
        self.connections.give_back(connection);
        Ok(())
    }

    fn failed(&self, operation: &'static str, cause: duckdb::Error) -> MartError {
        MartError::Query { operation, mart: self.info.id.clone(), cause: Box::new(cause) }
    }
}

/// Runs one query on a connection and maps its rows.
fn ask_on<T>(
    connection: &Connection,
    mart: &str,
    operation: &'static str,
    sql: &str,
    parameters: Vec<duckdb::types::Value>,
    map: impl Fn(&Answer<'_, '_>) -> Result<T, MartError>,
) -> Result<Vec<T>, MartError> {
    let failed = |cause| MartError::Query { operation, mart: mart.to_owned(), cause: Box::new(cause) };
    let mut statement = connection.prepare_cached(sql).map_err(failed)?;
    let mut rows = statement.query(duckdb::params_from_iter(parameters)).map_err(failed)?;
    let mut answers = Vec::new();
    while let Some(row) = rows.next().map_err(failed)? {
        answers.push(map(&Answer { row, mart })?);
    }
    Ok(answers)
}
