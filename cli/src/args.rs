//! Commands and options.

mod export;
mod token;
mod waste;
mod watch;

use std::net::SocketAddr;
use std::path::PathBuf;

use attribution::mart::{Dimension, as_of};
use chrono::NaiveDate;
use clap::{Args, Parser, Subcommand, ValueEnum};
use model::Basis;
use model::time::Instant;
use reports::mail::Address;
use serde::{Deserialize, Serialize};

pub use self::export::{
    CostFormat, CostsFormat, Export, ExportChanges, ExportCosts, ExportOwnership, ExportRows, ExportRuns,
    MEMORY_MIB, ViewOptions, ending,
};
pub use self::token::{NewToken, Token};
pub use self::waste::{Waste, WasteFormat, WasteVerb, WhatIfKind, WhatIfOptions};
pub use self::watch::{AlertDeliveries, AlertVerb, Alerts, AlertsTest, Budgets, Listing};

/// Says what your data platform's bill was spent on: workload, table and team, to the cent.
#[derive(Debug, Parser)]
#[command(name = "lakeledger", version, max_term_width = 100)]
pub struct Arguments {
    /// Configuration file; relative paths in it are relative to it
    #[arg(long, global = true, value_name = "FILE", default_value = "lakeledger.toml")]
    pub config: PathBuf,
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a demo platform's raw exports, run everything on them, serve the dashboard
    Demo(Demo),
    /// Write a commented lakeledger.toml to start from
    Init(Init),
    /// Show every fault of the configuration, reach every source, say what each would read
    Check(Check),
    /// Ingest, attribute, check and publish
    Run(Run),
    /// Read what changed in the sources and land it
    Ingest(Ingest),
    /// Attribute what has landed, check and publish
    Attribute(Attribute),
    /// What was read, from where, how it adds up, how fresh it is
    Status(Status),
    /// Write figures out for other programs
    #[command(subcommand)]
    Export(Export),
    /// Open a figure down to its arithmetic and bill lines
    Explain(Explain),
    /// What changed in the figures since an earlier publish, and why, in parts that add up
    Compare(Compare),
    /// How much of the spend has an owner, and the rules that would claim the largest rest
    Owners(Owners),
    /// What to fix first, what it saves, and the command that does; nothing is executed
    Waste(Waste),
    /// What months may cost, what they have cost so far and will have cost
    Budgets(Budgets),
    /// What fires and who is told; judges closed days that were not judged yet
    Alerts(Alerts),
    /// Weekly reports, to files or by mail, and what became of them
    #[command(subcommand)]
    Report(Report),
    /// What runs when, and what became of it; `schedule run` does what is due
    Schedule(Schedule),
    /// Serve the dashboard and run what is scheduled
    Serve(Serve),
    /// Make tokens that let people and programs into the dashboard
    #[command(subcommand)]
    Token(Token),
}

/// Options of `demo`.
#[derive(Debug, Args)]
pub struct Demo {
    /// Directory to make it in; a second start reuses what it finds there
    #[arg(long, value_name = "DIR", default_value = "lakeledger-demo")]
    pub dir: PathBuf,
    /// Days of the simulation (default: six weeks)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(7..=400))]
    pub days: Option<u32>,
    /// Last day (default: yesterday)
    #[arg(long, value_name = "DAY")]
    pub end: Option<NaiveDate>,
    /// Another seed gives another company (default: 1)
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
    /// Multiplies workloads, clusters and tables (default: 1)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub scale: Option<u32>,
    /// Format in which the bill is delivered (default: cur2)
    #[arg(long, value_name = "FORMAT", conflicts_with = "landed")]
    pub bill: Option<DemoBill>,
    /// Port of the dashboard
    #[arg(long, value_name = "PORT", default_value_t = 8420)]
    pub port: u16,
    /// Stop when the dashboard could be served
    #[arg(long)]
    pub no_serve: bool,
    /// Stop when the data is made: read and attribute nothing
    #[arg(long)]
    pub generate_only: bool,
    /// Also work out what each planted waste costs, by simulating the platform without it
    /// (minutes)
    #[arg(long, conflicts_with = "landed")]
    pub price_waste: bool,
    /// For benchmarks: write a month of landed data straight, without raw exports; scale 100
    /// has 10 million bill lines, a million runs and 100,000 tables
    #[arg(long)]
    pub landed: bool,
}

/// Formats in which AWS delivers a bill.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum DemoBill {
    /// Cost and Usage Report 2.0: Parquet, by Data Exports
    #[default]
    Cur2,
    /// The legacy Cost and Usage Report: gzipped CSV
    LegacyCur,
    /// FOCUS 1.2: Parquet, by Data Exports
    Focus,
}

/// Options of `init`.
#[derive(Debug, Args)]
pub struct Init {
    /// File to write; never overwrites one
    #[arg(value_name = "FILE", default_value = "lakeledger.toml")]
    pub file: PathBuf,
}

/// Options of `check`.
#[derive(Debug, Args)]
pub struct Check {
    /// text for people, json for programs
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// Options of `ingest`.
#[derive(Debug, Args)]
pub struct Ingest {
    /// Ingest only these sources (may be repeated)
    #[arg(long, value_name = "NAME")]
    pub source: Vec<String>,
}

/// Options of `run`.
#[derive(Debug, Args)]
pub struct Run {
    /// What is ingested
    #[command(flatten)]
    pub ingest: Ingest,
    /// How it is attributed
    #[command(flatten)]
    pub attribute: Attribute,
    /// Then judge what alerts watch, and tell of it, also where a check failed
    #[arg(long)]
    pub alerts: bool,
}

/// Options of `attribute`.
#[derive(Clone, Copy, Debug, Default, Args)]
pub struct Attribute {
    /// Make every day anew, also those no change reaches; the result is the same
    #[arg(long)]
    pub full: bool,
}

/// Text for people or JSON for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Text,
    /// For programs
    Json,
}

/// Options of `status`.
#[derive(Debug, Args)]
pub struct Status {
    /// text for people, json for programs
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// Options of `owners`.
#[derive(Debug, Args)]
pub struct Owners {
    /// Days and basis
    #[command(flatten)]
    pub scope: OwnershipScope,
    /// Unclaimed costs to show, largest first
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub limit: usize,
    /// text (rules ready for the configuration) for people, json for programs
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// Which costs ownership is asked of.
#[derive(Debug, Args)]
pub struct OwnershipScope {
    /// billed, effective, list or contracted
    #[arg(long, value_name = "BASIS", default_value = "effective")]
    pub basis: Basis,
    /// First UTC day inside
    #[arg(long, value_name = "DAY")]
    pub from: Option<NaiveDate>,
    /// First UTC day outside
    #[arg(long, value_name = "DAY")]
    pub to: Option<NaiveDate>,
}

/// Options of `explain`.
#[derive(Debug, Args)]
pub struct Explain {
    /// Which figure: DIMENSION=VALUE, such as team=growth day=2026-10-05; all must hold
    #[arg(value_name = "DIMENSION=VALUE", required = true)]
    pub filters: Vec<String>,
    /// billed, effective, list or contracted
    #[arg(long, value_name = "BASIS", default_value = "effective")]
    pub basis: Basis,
    /// First UTC day inside
    #[arg(long, value_name = "DAY")]
    pub from: Option<NaiveDate>,
    /// First UTC day outside
    #[arg(long, value_name = "DAY")]
    pub to: Option<NaiveDate>,
    /// To whom idle and shared costs are charged, and whose costs are whose
    #[command(flatten)]
    pub view: ViewOptions,
    /// Parts to show, largest first; the rest is summed into one line
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub parts: usize,
    /// Show the bill lines behind each part
    #[arg(long)]
    pub lines: bool,
    /// text for people, json for programs
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// Options of `compare`.
#[derive(Debug, Args)]
pub struct Compare {
    /// With the figures that were current at this moment: a UTC day (its end) or
    /// 2026-10-31T18:00:00Z
    #[arg(long, value_name = "DAY|TIME", value_parser = as_of, required_unless_present = "with")]
    pub since: Option<Instant>,
    /// With this mart, by its id
    #[arg(long, value_name = "MART", conflicts_with = "since")]
    pub with: Option<String>,
    /// Dimensions, commas between, as of `export costs`
    #[arg(long, value_name = "DIMENSIONS", value_delimiter = ',', default_value = "team")]
    pub by: Vec<Dimension>,
    /// billed, effective, list or contracted
    #[arg(long, value_name = "BASIS", default_value = "effective")]
    pub basis: Basis,
    /// First UTC day inside (default: the first that both marts know)
    #[arg(long, value_name = "DAY")]
    pub from: Option<NaiveDate>,
    /// First UTC day outside (default: the day after the last that both marts know)
    #[arg(long, value_name = "DAY")]
    pub to: Option<NaiveDate>,
    /// Keep only rows with DIMENSION=VALUE (may be repeated; all must hold)
    #[arg(long = "where", value_name = "DIMENSION=VALUE")]
    pub filters: Vec<String>,
    /// text for people, csv or json for programs
    #[arg(long, value_enum, default_value_t = CompareFormat::Text)]
    pub format: CompareFormat,
    /// File to write CSV or JSON to instead of standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// Formats of `compare`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CompareFormat {
    /// For people
    Text,
    /// RFC 4180
    Csv,
    /// One object
    Json,
}

/// Which report.
#[derive(Debug, Subcommand)]
pub enum Report {
    /// The weekly report, for the platform and for each team: to files, by mail, or both
    Weekly(Weekly),
    /// What was mailed, what waits, what was refused, and what was not worth a mail
    Deliveries(Deliveries),
}

/// Options of `report weekly`.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("where").args(["out", "send"]).required(true).multiple(true))]
pub struct Weekly {
    /// Only this team's
    #[arg(long, value_name = "TEAM")]
    pub team: Option<String>,
    /// 2026-W41, or any day of the week (default: the last whole week, else the last with charges)
    #[arg(long, value_name = "WEEK")]
    pub week: Option<String>,
    /// Directory to write into
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Mail them to who the configuration names, each once, where they are worth a mail
    #[arg(long)]
    pub send: bool,
    /// Mail them to this address instead, as a test: as often as asked for, and whatever they say
    #[arg(long, value_name = "ADDRESS", requires = "send")]
    pub to: Option<Address>,
    /// Also send again what may have arrived: a connection was lost before the server's answer
    #[arg(long, requires = "send", conflicts_with = "to")]
    pub resend_doubtful: bool,
    /// Also send again what was refused, after its cause was mended
    #[arg(long, requires = "send", conflicts_with = "to")]
    pub resend_refused: bool,
    /// billed, effective, list or contracted
    #[arg(long, value_name = "BASIS", default_value = "effective")]
    pub basis: Basis,
}

/// Options of `report deliveries`.
#[derive(Debug, Args)]
pub struct Deliveries {
    /// Only of this week: 2026-W41, or any of its days
    #[arg(long, value_name = "WEEK")]
    pub week: Option<String>,
    /// Only this team's
    #[arg(long, value_name = "TEAM")]
    pub team: Option<String>,
    /// Only those that are queued, sending, sent, retry, refused, doubtful, dropped or withheld
    #[arg(long, value_name = "STATE")]
    pub state: Option<String>,
    /// At most so many, the newest first
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub limit: usize,
    /// text for people, json for programs
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// Options of `schedule`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Schedule {
    /// What to do; without, schedules are listed
    #[command(subcommand)]
    pub verb: Option<ScheduleVerb>,
    /// text for people, json for programs
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// What to do with schedules.
#[derive(Debug, Subcommand)]
pub enum ScheduleVerb {
    /// Run what is due, one after another, send what waits, and end: for cron and systemd; `serve`
    /// does it by itself
    Run {
        /// This one, due or not
        #[arg(value_name = "NAME")]
        name: Option<String>,
        /// Only the jobs that are due, only messages about alerts, or only mail
        #[arg(long, value_enum, value_delimiter = ',', conflicts_with = "name", value_name = "PART")]
        only: Vec<Part>,
    },
    /// Past runs, the newest first
    History {
        /// At most so many
        #[arg(long, value_name = "N", default_value_t = 20)]
        limit: u32,
        /// text for people, json for programs
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
}

/// What `schedule run` does, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// Jobs that are due
    Jobs,
    /// Messages about alerts that are due
    Messages,
    /// Letters that are due
    Mail,
}

/// Options of `serve`.
#[derive(Debug, Args)]
pub struct Serve {
    /// Serve pages only: run nothing that is scheduled, send no mail that waits
    #[arg(long)]
    pub no_schedule: bool,
    /// Address to listen on; only loopback, unless [access] of the configuration says who is let in
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:8420")]
    pub listen: SocketAddr,
}
