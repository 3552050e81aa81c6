//! Options of `alerts` and `budgets`.

use chrono::{NaiveDate, TimeDelta};
use clap::{Args, Subcommand, ValueEnum};

use super::Format;

/// Options of `alerts`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Alerts {
    /// What to do instead
    #[command(subcommand)]
    pub verb: Option<AlertVerb>,
    /// Record what fires, but send nothing: it stays queued
    #[arg(long)]
    pub no_send: bool,
    /// Also those that are over
    #[arg(long)]
    pub all: bool,
    /// text for people, json for programs
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// What to do with alerts.
#[derive(Debug, Subcommand)]
pub enum AlertVerb {
    /// A dry run over past days: what would have been told of; records and sends nothing
    Test(AlertsTest),
    /// Somebody knows: nobody is told again until the time is over, or it gets worse
    Ack {
        /// (The beginning of) its id
        #[arg(value_name = "ID")]
        alert: String,
        /// How long: 8h, 3d, 2w
        #[arg(long = "for", value_name = "SPAN", value_parser = span)]
        until: TimeDelta,
        /// Who knows (default: the user running this)
        #[arg(long, value_name = "NAME")]
        who: Option<String>,
    },
    /// Messages to channels and what became of them, the newest first; exit code 1 while one is given up
    Deliveries(AlertDeliveries),
    /// Try messages that were given up, and letters that were refused, once more
    Retry {
        /// Also letters of which nobody knows whether they arrived: they may then arrive twice
        #[arg(long)]
        doubtful: bool,
    },
}

/// Options of `alerts deliveries`.
#[derive(Debug, Args)]
pub struct AlertDeliveries {
    /// Only those that are pending, sending, sent, mailed, dead or overtaken
    #[arg(long, value_name = "STATE")]
    pub state: Option<String>,
    /// Only those to this channel
    #[arg(long, value_name = "NAME")]
    pub channel: Option<String>,
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub limit: usize,
    /// text for people, csv and json for programs
    #[arg(long, value_enum, default_value_t = Listing::Text)]
    pub format: Listing,
}

/// How a list is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Listing {
    /// Columns for people.
    Text,
    /// Comma-separated, with a header line.
    Csv,
    /// An array of objects.
    Json,
}

/// Options of `alerts test`.
#[derive(Debug, Args)]
pub struct AlertsTest {
    /// First UTC day inside (default: 90 days before --to)
    #[arg(long, value_name = "DAY")]
    pub from: Option<NaiveDate>,
    /// First UTC day outside (default: the first day that is not closed)
    #[arg(long, value_name = "DAY")]
    pub to: Option<NaiveDate>,
    /// Only these rules (may be repeated)
    #[arg(long, value_name = "NAME")]
    pub rule: Vec<String>,
    /// text for people, json for programs
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// A span of time written as `8h`, `3d` or `2w`, up to a year.
fn span(text: &str) -> Result<TimeDelta, String> {
    let wrong = || format!("`{text}` is no span: write it as 8h, 3d or 2w, up to a year");
    let unit = text.chars().last().ok_or_else(wrong)?;
    let number: i64 = text[..text.len() - unit.len_utf8()].parse().map_err(|_| wrong())?;
    let hours = match unit {
        'h' => 1,
        'd' => 24,
        'w' => 7 * 24,
        _ => return Err(wrong()),
    };
    let span = number.checked_mul(hours).filter(|hours| (1..=366 * 24).contains(hours));
    span.map(TimeDelta::hours).ok_or_else(wrong)
}

/// Options of `budgets`.
#[derive(Debug, Args)]
pub struct Budgets {
    /// Only this team's, and those of the teams within it
    #[arg(long, value_name = "TEAM")]
    pub team: Option<String>,
    /// 2026-10 (default: the month of the newest closed day)
    #[arg(long, value_name = "MONTH", value_parser = month)]
    pub month: Option<NaiveDate>,
    /// text for people, json for programs
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

/// The first day of a month written as `2026-10`.
fn month(text: &str) -> Result<NaiveDate, String> {
    let day = NaiveDate::parse_from_str(&format!("{text}-01"), "%Y-%m-%d");
    day.map_err(|_| format!("`{text}` is no month: write it as 2026-10"))
}
