//! What can go wrong between a mart and a written report.

use std::io;
use std::path::PathBuf;

use attribution::mart::MartError;

use crate::chart::ChartError;

/// Why a report could not be built or written.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// `--team` names none of the configured teams.
    #[error("no team `{team}` is configured")]
    UnknownTeam {
        /// What was asked for.
        team: String,
        /// The configured ones, the most similar first.
        known: Vec<String>,
    },
    /// `--week` is neither an ISO week nor a day.
    #[error("`{0}` is not a week")]
    Week(String),
    /// A week begins on Monday.
    #[error("{0} is not a Monday")]
    NotMonday(chrono::NaiveDate),
    /// Links need a scheme and a host.
    #[error("`{0}` is not an address to link to")]
    BaseUrl(String),
    /// The mart names a time zone this build does not know.
    #[error("the mart's display time zone `{0}` is not known")]
    TimeZone(String),
    /// The mart could not answer.
    #[error("could not read the {what} of {scope}")]
    Mart {
        /// What was asked.
        what: &'static str,
        /// For whom.
        scope: String,
        /// Why not.
        #[source]
        cause: Box<MartError>,
    },
    /// What became of findings and of mail is not known.
    #[error("could not read the records of the ledger")]
    Records(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Figures that add up beyond what an amount can hold.
    #[error("the costs of {0} add up beyond 20 digits")]
    TooLarge(String),
    /// A chart could not be drawn.
    #[error("could not draw the chart of {scope}")]
    Chart {
        /// Whose report.
        scope: String,
        /// Why not.
        #[source]
        cause: ChartError,
    },
    /// A template could not be filled.
    #[error("could not lay out the report of {scope}")]
    Layout {
        /// Whose report.
        scope: String,
        /// Why not.
        #[source]
        cause: askama::Error,
    },
    /// An attachment could not be encoded.
    #[error("could not encode `{name}`")]
    Encode {
        /// Its file name.
        name: String,
        /// Why not.
        #[source]
        cause: csv::Error,
    },
    /// A file or its directory could not be written.
    #[error("could not write `{}`", path.display())]
    Write {
        /// Which one.
        path: PathBuf,
        /// Why not.
        #[source]
        cause: io::Error,
    },
}

impl ReportError {
    /// What to do about it, where that is known.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::UnknownTeam { known, .. } if known.is_empty() => {
                Some("no team is configured: add a [[team]] to the configuration".to_owned())
            }
            Self::UnknownTeam { known, .. } => Some(format!("configured teams: {}", known.join(", "))),
            Self::Week(_) => {
                Some("use an ISO week such as 2026-W41, or any day of the week such as 2026-10-05".into())
            }
            Self::BaseUrl(_) => {
                Some("use http:// or https:// and a host, as in https://costs.example.com".into())
            }
            Self::TimeZone(_) => {
                Some("use an IANA name such as Europe/Berlin for ledger.display_timezone".into())
            }
            Self::Write { .. } => Some("name a directory that can be written to".into()),
            _ => None,
        }
    }
}
