//! Options of `export`, and of the views that others share with it.

use std::path::{Path, PathBuf};

use attribution::mart::{Dimension, Idle, Ownership, Shared, as_of};
use chrono::NaiveDate;
use clap::{Args, Subcommand, ValueEnum};
use model::Basis;
use model::time::Instant;

use super::OwnershipScope;

/// What to export.
#[derive(Debug, Subcommand)]
pub enum Export {
    /// Costs by any dimensions, exact decimals; every grouping sums to the whole
    Costs(ExportCosts),
    /// Why costs changed between two spans of days, in parts that add up exactly
    Changes(ExportChanges),
    /// Tables with its collected and derived figures and what it cost
    Tables(ExportRows),
    /// Workloads by trigger, outcome and attempt, with what they cost for one of what they made
    Workloads(ExportRows),
    /// Runs with its usage and cost
    Runs(ExportRuns),
    /// Ownership by day and team: by which kind of fact, how sure, how much
    Ownership(ExportOwnership),
}

/// File formats of the other exports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CostFormat {
    /// RFC 4180
    Csv,
    /// An array of objects
    Json,
}

/// File formats of `export costs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CostsFormat {
    /// RFC 4180
    Csv,
    /// An array of objects
    Json,
    /// Typed, with exact decimals
    Parquet,
    /// A workbook with a sheet of totals that ties to the bill
    Xlsx,
    /// Allocations as FOCUS 1.2 rows with x_ columns: CSV, or Parquet where the output ends so
    Focus,
}

/// What the name of a file ends with, where that says how it is opened: no date after a full stop, and no `txt`,
/// which any text is.
pub fn ending(name: &Path) -> Option<String> {
    let ending = name.extension()?.to_str()?.to_lowercase();
    let says = ending.starts_with(|letter: char| letter.is_ascii_alphabetic()) && ending != "txt";
    says.then_some(ending)
}

impl CostsFormat {
    /// The format that a file's name ends with; never focus, which has the endings of others.
    pub fn of_name(name: &Path) -> Option<Self> {
        let ending = ending(name)?;
        let is_so = |format: &&Self| **format != Self::Focus && format.word() == ending;
        Self::value_variants().iter().find(is_so).copied()
    }

    /// The format asked for, else what the file's name ends with, else CSV.
    ///
    /// # Errors
    /// Both, where they contradict each other: no program would open the file by its name.
    pub fn chosen(asked: Option<Self>, name: Option<&Path>) -> Result<Self, (Self, Self)> {
        match (asked, name.and_then(Self::of_name)) {
            (None, ending) => Ok(ending.unwrap_or(Self::Csv)),
            (Some(Self::Focus), None | Some(Self::Csv | Self::Parquet)) => Ok(Self::Focus),
            (Some(asked), Some(ending)) if asked != ending => Err((asked, ending)),
            (Some(asked), _) => Ok(asked),
        }
    }

    /// Its word.
    pub fn word(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }
}

/// Mebibytes that a question of an export holds in memory unless it is told otherwise.
pub const MEMORY_MIB: u32 = 160;

/// Options of `export costs`.
#[derive(Clone, Debug, Args)]
pub struct ExportCosts {
    /// Dimensions, commas between: day, week, month, team, workload, run, table, cluster, service,
    /// account, region, pool, category, engine, method, tag:NAME, org or org:LEVEL (the team's
    /// ancestor at that level, 1 being the top); none gives the total
    #[arg(long, value_name = "DIMENSIONS", value_delimiter = ',')]
    pub by: Vec<Dimension>,
    /// billed, effective, list or contracted
    #[arg(long, value_name = "BASIS", default_value = "effective")]
    pub basis: Basis,
    /// First UTC day inside
    #[arg(long, value_name = "DAY")]
    pub from: Option<NaiveDate>,
    /// First UTC day outside
    #[arg(long, value_name = "DAY")]
    pub to: Option<NaiveDate>,
    /// Keep only rows with DIMENSION=VALUE (may be repeated; all must hold)
    #[arg(long = "where", value_name = "DIMENSION=VALUE")]
    pub filters: Vec<String>,
    /// To whom idle and shared costs are charged, and whose costs are whose
    #[command(flatten)]
    pub view: ViewOptions,
    /// csv, json, parquet, xlsx, or focus (the allocations themselves: `--by` has no meaning);
    /// unset, what the output's name ends with, else csv
    #[arg(long, value_enum)]
    pub format: Option<CostsFormat>,
    /// File or s3://bucket/key to write instead of standard output; appears whole or not at all
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Mebibytes that the question may hold in memory; beyond that it uses temporary files
    #[arg(long, value_name = "MIB", default_value_t = MEMORY_MIB, value_parser = clap::value_parser!(u32).range(64..))]
    pub memory: u32,
}

/// Options of `export changes`.
#[derive(Debug, Args)]
pub struct ExportChanges {
    /// Dimensions, commas between, as of `export costs` but days, weeks and months
    #[arg(long, value_name = "DIMENSIONS", value_delimiter = ',', default_value = "team")]
    pub by: Vec<Dimension>,
    /// billed, effective, list or contracted
    #[arg(long, value_name = "BASIS", default_value = "effective")]
    pub basis: Basis,
    /// First UTC day inside
    #[arg(long, value_name = "DAY")]
    pub from: NaiveDate,
    /// First UTC day outside
    #[arg(long, value_name = "DAY")]
    pub to: NaiveDate,
    /// First UTC day of the span of the same length compared with (default: the one just before)
    #[arg(long, value_name = "DAY")]
    pub against: Option<NaiveDate>,
    /// Keep only rows with DIMENSION=VALUE (may be repeated; all must hold)
    #[arg(long = "where", value_name = "DIMENSION=VALUE")]
    pub filters: Vec<String>,
    /// To whom idle and shared costs are charged, and whose costs are whose
    #[command(flatten)]
    pub view: ViewOptions,
    /// csv or json; unset, what the output's name ends with, else csv
    #[arg(long, value_enum)]
    pub format: Option<CostFormat>,
    /// File or s3://bucket/key to write instead of standard output; appears whole or not at all
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// To whom idle and shared costs are charged, and whose costs are whose.
#[derive(Clone, Copy, Debug, Args)]
pub struct ViewOptions {
    /// Idle costs: keep (no team), owner (of the cluster) or proportional (to what used it)
    #[arg(long, value_name = "VIEW", default_value_t = Idle::default())]
    pub idle: Idle,
    /// Shared costs: keep (no team), even, proportional (to teams' own cost) or fixed (by the
    /// configuration's percentages)
    #[arg(long, value_name = "VIEW", default_value_t = Shared::default())]
    pub shared: Shared,
    /// Whose costs are whose: restated (by today's rules) or as-was (as recorded when each day
    /// closed)
    #[arg(long, value_name = "VIEW", default_value_t = Ownership::default())]
    pub ownership: Ownership,
    /// Teams as recorded at this moment: a UTC day (its end) or 2026-10-31T18:00:00Z
    #[arg(long, value_name = "DAY|TIME", value_parser = as_of, conflicts_with = "ownership")]
    pub as_of: Option<Instant>,
}

/// Options of the other exports.
#[derive(Debug, Args)]
pub struct ExportRows {
    /// Basis of costs: billed, effective, list or contracted
    #[arg(long, value_name = "BASIS", default_value = "effective")]
    pub basis: Basis,
    /// First UTC day of costs inside; of runs, of their start
    #[arg(long, value_name = "DAY")]
    pub from: Option<NaiveDate>,
    /// First UTC day outside
    #[arg(long, value_name = "DAY")]
    pub to: Option<NaiveDate>,
    /// File or s3://bucket/key to write instead of standard output; appears whole or not at all
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// csv or json; unset, what the output's name ends with, else json
    #[arg(long, value_enum)]
    pub format: Option<CostFormat>,
}

/// Options of `export runs`.
#[derive(Debug, Args)]
pub struct ExportRuns {
    /// Days, basis and where to
    #[command(flatten)]
    pub rows: ExportRows,
    /// Keep only runs with run=, workload=, table= (read or written), cluster= or team=VALUE (may be
    /// repeated; all must hold)
    #[arg(long = "where", value_name = "DIMENSION=VALUE")]
    pub filters: Vec<String>,
}

/// Options of `export ownership`.
#[derive(Debug, Args)]
pub struct ExportOwnership {
    /// Days and basis
    #[command(flatten)]
    pub scope: OwnershipScope,
    /// csv or json; unset, what the output's name ends with, else csv
    #[arg(long, value_enum)]
    pub format: Option<CostFormat>,
    /// File or s3://bucket/key to write instead of standard output; appears whole or not at all
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}
