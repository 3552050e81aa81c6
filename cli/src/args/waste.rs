//! Options of `waste`.

use attribution::mart::WhatIf;
use chrono::NaiveDate;
use clap::{Args, Subcommand, ValueEnum};
use reports::lifecycle::Status;

use super::Format;

/// File formats of `waste`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum WasteFormat {
    /// For people
    Table,
    /// RFC 4180
    Csv,
    /// An array of objects
    Json,
    /// A ticket for each finding
    Markdown,
}

/// A setting to try.
#[derive(Debug, Subcommand)]
pub enum WhatIfKind {
    /// A part of clusters' on-demand workers on spot
    Spot {
        /// Per cent of them
        #[arg(long, value_name = "PERCENT", default_value_t = WhatIf::SPOT_PERCENT, value_parser = clap::value_parser!(u32).range(1..=100))]
        share: u32,
        /// Which, and how to show it
        #[command(flatten)]
        of: WhatIfOptions,
    },
    /// Clusters end when nothing has run on them for a while
    AutoTermination {
        /// Minutes
        #[arg(long, value_name = "N", default_value_t = WhatIf::TERMINATION_MINUTES,
            value_parser = clap::value_parser!(u32).range(1..=i64::from(WhatIf::MOST_TERMINATION_MINUTES)))]
        minutes: u32,
        /// Which, and how to show it
        #[command(flatten)]
        of: WhatIfOptions,
    },
    /// Workloads that the clock starts run only when an input has changed
    EventDriven {
        /// Which, and how to show it
        #[command(flatten)]
        of: WhatIfOptions,
    },
    /// Tables keep fewer days
    Ttl {
        /// Days
        #[arg(long, value_name = "N", default_value_t = WhatIf::TTL_DAYS,
            value_parser = clap::value_parser!(u32).range(1..=i64::from(WhatIf::MOST_TTL_DAYS)))]
        days: u32,
        /// Which, and how to show it
        #[command(flatten)]
        of: WhatIfOptions,
    },
    /// Files are folded to another size
    Compaction {
        /// MiB
        #[arg(long, value_name = "MIB", default_value_t = WhatIf::TARGET_MIB,
            value_parser = clap::value_parser!(u32).range(1..=i64::from(WhatIf::MOST_TARGET_MIB)))]
        target: u32,
        /// Which, and how to show it
        #[command(flatten)]
        of: WhatIfOptions,
    },
}

/// Options of `waste what-if`.
#[derive(Debug, Args)]
pub struct WhatIfOptions {
    /// Only this cluster, workload or table
    #[arg(long, value_name = "NAME")]
    pub subject: Option<String>,
    /// At most so many, the largest net saving first
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    pub limit: u32,
    /// table for people, json for programs
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// What to do with a finding.
#[derive(Debug, Subcommand)]
pub enum WasteVerb {
    /// Has been seen
    Ack {
        /// (The beginning of) its id
        #[arg(value_name = "ID")]
        finding: String,
    },
    /// Is somebody's
    Assign {
        /// (The beginning of) its id
        #[arg(value_name = "ID")]
        finding: String,
        /// Who looks after it
        #[arg(value_name = "WHO")]
        to: String,
    },
    /// May wait; it is open again on that day
    Snooze {
        /// (The beginning of) its id
        #[arg(value_name = "ID")]
        finding: String,
        /// Until when
        #[arg(long, value_name = "DAY")]
        until: NaiveDate,
    },
    /// Is to be looked at again, whatever was said of it
    Reopen {
        /// (The beginning of) its id
        #[arg(value_name = "ID")]
        finding: String,
    },
    /// Is none, and stays so
    Dismiss {
        /// (The beginning of) its id
        #[arg(value_name = "ID")]
        finding: String,
        /// Why
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// What another setting would save, recomputed from history
    #[command(subcommand)]
    WhatIf(WhatIfKind),
    /// What became of findings: who has them, what fixes promised and what they saved
    Track {
        /// table for people, json for programs
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
}

/// Options of `waste`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Waste {
    /// What to do with one; without, they are listed
    #[command(subcommand)]
    pub verb: Option<WasteVerb>,
    /// Only this team's
    #[arg(long, value_name = "TEAM")]
    pub team: Option<String>,
    /// Only what this detector found: idle-cluster, uncompacted, ... (docs/WASTE.md)
    #[arg(long, value_name = "NAME")]
    pub detector: Option<String>,
    /// One finding with its evidence and its fix, by (the beginning of) its id
    #[arg(long, value_name = "ID")]
    pub finding: Option<String>,
    /// Also what is over, dismissed or snoozed, and what is too small to matter
    #[arg(long)]
    pub all: bool,
    /// Only those of this status: new, reopened, acknowledged, assigned, snoozed, dismissed, resolved
    #[arg(long, value_name = "STATUS")]
    pub status: Option<Status>,
    /// At most so many, the largest saving first
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub limit: Option<u32>,
    /// table for people; csv or json for programs; markdown for tickets
    #[arg(long, value_enum, default_value_t = WasteFormat::Table)]
    pub format: WasteFormat,
}
