//! Published marts, read-only: the typed questions that pages, reports, exports and the
//! terminal ask. No caller sees SQL.

mod asking;
mod changes;
mod cluster_hours;
mod compare;
mod costs;
mod cube;
mod cubes;
mod entities;
mod error;
mod explain;
mod export;
mod health;
mod info;
mod kept;
mod known;
mod lines;
mod memory;
mod moves;
mod ownership;
mod ran;
mod reach;
mod relation;
mod run;
mod run_cube;
mod run_list;
mod run_memory;
mod runs;
mod spread;
mod table_costs;
mod table_history;
mod tags;
mod view;
mod waste;
pub(crate) mod what_if;
mod workload_costs;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use duckdb::{AccessMode, Config, Connection};

pub use changes::{Activity, Change, ChangeParts, decompose};
pub use cluster_hours::{ClusterHour, MarketShare};
pub use compare::{Cause, Compared, Comparison, Difference, DifferenceParts, Reason};
pub use costs::{CostQuery, CostRow, Dimension, Filter, NONE};
pub use entities::{ClusterRow, TableRow, called};
pub use error::MartError;
pub use explain::{ExplainPart, MethodSum};
pub use export::{ColumnKind, Export, ExportColumn};
pub use health::{BalanceRow, IdentityRow, SourceStatus};
pub use info::{BILL_KINDS, MartInfo, Publish, TeamInfo};
pub use known::{Kind, Known};
pub use lines::BillLine;
pub use moves::{Move, handed_over};
pub use ownership::{CoverageRow, Handover, OwnershipQuery, RuleClaim, Unclaimed};
pub use ran::RunActivity;
pub use reach::Reach;
pub use run::{RunCharge, RunHour, RunIdle, RunMoney, RunMore, RunStage, RunTable};
pub use run_list::{RunList, RunListQuery, RunOutcome, RunSort};
pub use runs::{RunFilter, RunRow};
pub use spread::SpreadPart;
pub use table_costs::{LineageRow, ReaderRow, TableCost, TableCostQuery};
pub use table_history::{FileSizes, SnapshotRow, TableDay};
pub use view::{Idle, Ownership, Shared, View, as_of, moment};
pub use waste::{Confidence, Facts, Finding, FindingQuery, Silence, Silences, SubjectDay};
pub use what_if::{WhatIf, WhatIfRow};
pub use workload_costs::{UnitCosts, WorkloadCost, WorkloadCostQuery};

use asking::{Answer, Connections, ask_on};

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
            usage_end: None,
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
}
