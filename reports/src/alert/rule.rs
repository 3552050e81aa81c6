//! What is watched, and where notices go: the configuration, valid.

use std::path::PathBuf;

use attribution::mart::Dimension;
use model::{Amount, Basis, Currency};

use crate::mail::Address;
use crate::watch::Scope;

/// One thing that is watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// What it is called; names its alerts in the record.
    pub name: String,
    /// What must hold for an alert.
    pub condition: Condition,
    /// Whose costs.
    pub scope: Scope,
    /// One alert for each value of it; nothing is one for all.
    pub by: Option<Dimension>,
    /// Which of the four costs.
    pub basis: Basis,
    /// Currency of the costs; unset is that of the largest costs.
    pub currency: Option<Currency>,
    /// How bad it is.
    pub severity: Severity,
    /// Names of the channels that are told.
    pub channels: Vec<String>,
    /// Hours after a notice in which an alert that comes back is not told of again.
    pub cooldown_hours: u32,
    /// Hours after which one that goes on, and that nobody acknowledged, is told of again;
    /// nothing is never.
    pub renotify_hours: Option<u32>,
    /// What is told in one message.
    pub grouping: Grouping,
    /// An alert is over at once where what is measured is within so many per cent of its limit.
    pub recovery_percent: u32,
    /// And where it was not beyond the limit for so many closed days running.
    pub recovery_days: u32,
}

/// What must hold for an alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// A level of a budget is reached; the levels are the budget's.
    Budget {
        /// Names of budgets; empty is all of the scope's.
        names: Vec<String>,
    },
    /// The last days cost more than an amount.
    Absolute {
        /// More than this.
        amount: Amount,
        /// Together so many closed days.
        days: u32,
    },
    /// A week cost more, or less, than the week before.
    Change {
        /// By more than this per cent of the week before.
        percent: u32,
        /// And by no less than this.
        floor: Amount,
        /// Which way.
        direction: Direction,
    },
    /// A day is far from what its weekday usually costs; see [`super::baseline`].
    Anomaly {
        /// So many times the usual scatter.
        deviations: u32,
        /// And by no less than this per cent of the usual.
        percent: u32,
        /// And by no less than this.
        floor: Amount,
        /// Weeks that tell what is usual.
        weeks: u32,
        /// Which way.
        direction: Direction,
    },
    /// Findings of waste that go on and matter would save more than an amount a month.
    Waste {
        /// More than this, before what the fixes cost; what two would save of the same cost counts once.
        amount: Amount,
        /// Of this detector only.
        detector: Option<String>,
    },
    /// A category's share of the costs of the last days exceeds a per cent.
    Share {
        /// Which.
        of: Sharing,
        /// More than this.
        percent: u32,
        /// Together so many closed days.
        days: u32,
        /// And no less than this amount.
        floor: Amount,
    },
    /// Runs that failed or were killed cost more than an amount in the last days.
    Failure {
        /// More than this.
        amount: Amount,
        /// Together so many closed days.
        days: u32,
    },
    /// A table has not been written for longer than so many hours.
    TableFreshness {
        /// Longer than this.
        hours: u32,
    },
    /// A source has told nothing new for longer than so many hours.
    SourceStaleness {
        /// Longer than this.
        hours: u32,
        /// Names of sources; empty is all.
        sources: Vec<String>,
    },
    /// The last attempt to publish failed on a check.
    FailedCheck,
}

/// What of costs a share is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// Paid for and not used.
    Idle,
    /// Nobody's.
    Unallocated,
}

/// Which way something must move.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Direction {
    /// It costs more.
    #[default]
    Up,
    /// It costs less.
    Down,
    /// Either.
    Both,
}

impl Direction {
    /// The limit that `value` is held against, where `allowed` about `usual` is: for either way the
    /// one on its side.
    pub fn limit(self, value: Amount, usual: Amount, allowed: Amount) -> Amount {
        match self {
            Self::Up => usual + allowed,
            Self::Down => usual - allowed,
            Self::Both if value < usual => usual - allowed,
            Self::Both => usual + allowed,
        }
    }
}

impl Condition {
    /// The word of the configuration.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Budget { .. } => "budget",
            Self::Absolute { .. } => "absolute",
            Self::Change { .. } => "change",
            Self::Anomaly { .. } => "anomaly",
            Self::Waste { .. } => "waste",
            Self::Share { of: Sharing::Idle, .. } => "idle-share",
            Self::Share { of: Sharing::Unallocated, .. } => "unallocated-share",
            Self::Failure { .. } => "failure",
            Self::TableFreshness { .. } => "table-freshness",
            Self::SourceStaleness { .. } => "source-staleness",
            Self::FailedCheck => "failed-check",
        }
    }

    /// All the words, in the order help shows them.
    pub const KINDS: [&str; 11] = [
        "budget",
        "absolute",
        "change",
        "anomaly",
        "waste",
        "idle-share",
        "unallocated-share",
        "failure",
        "table-freshness",
        "source-staleness",
        "failed-check",
    ];

    /// Whether it is about the ledger as it is: it has no past to be judged again.
    pub const fn is_standing(&self) -> bool {
        matches!(
            self,
            Self::Waste { .. }
                | Self::TableFreshness { .. }
                | Self::SourceStaleness { .. }
                | Self::FailedCheck
        )
    }

    /// Why earlier days cannot be judged again, where it is about the ledger as it is.
    pub const fn without_past(&self) -> Option<&'static str> {
        match self {
            Self::Waste { .. } => Some("only what the newest mart found is kept with its savings"),
            Self::TableFreshness { .. } => {
                Some("snapshots that expired took the times of their writes along")
            }
            Self::SourceStaleness { .. } => Some("of a source only its newest news is kept"),
            Self::FailedCheck => Some("only the checks of the last publish are kept"),
            _ => None,
        }
    }
}

/// How bad an alert is; the words are those of PagerDuty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// To be known.
    Info,
    /// To be looked at.
    #[default]
    Warning,
    /// To be looked at now.
    Error,
    /// To be woken for.
    Critical,
}

impl Severity {
    /// All, the least first.
    pub const ALL: [Self; 4] = [Self::Info, Self::Warning, Self::Error, Self::Critical];

    /// The word of configuration and payloads.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
            Self::Critical => "critical",
        }
    }
}

/// What is told in one message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Grouping {
    /// All a rule found in one go.
    #[default]
    Rule,
    /// All of a team, whatever the rule.
    Team,
    /// Each alert by itself.
    Alert,
}

/// Where notices go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Channel {
    /// What rules call it.
    pub name: String,
    /// How it is spoken to.
    pub kind: ChannelKind,
    /// Told also that an alert is over.
    pub tells_resolved: bool,
}

/// How a channel is spoken to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChannelKind {
    /// A Slack-compatible incoming webhook.
    Slack {
        /// Its address, which lets anybody write there.
        url: Secret,
    },
    /// PagerDuty's Events API, version 2, or what takes the same.
    PagerDuty {
        /// Its address.
        url: String,
        /// The integration's key.
        routing_key: Secret,
    },
    /// Any address: JSON, signed.
    Webhook {
        /// Its address.
        url: Secret,
        /// Key of the signature.
        key: Option<Secret>,
    },
    /// Mail, by the server that the reports go by.
    Email {
        /// To whom.
        to: Vec<Address>,
        /// Who gets it for their information.
        cc: Vec<Address>,
        /// Whether alerts of a team go to the team's own addresses, where it has any.
        is_to_teams: bool,
    },
}

impl ChannelKind {
    /// All the words, in the order help shows them.
    pub const KINDS: [&str; 4] = ["email", "slack", "pagerduty", "webhook"];

    /// The word of configuration and record.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Slack { .. } => "slack",
            Self::PagerDuty { .. } => "pagerduty",
            Self::Webhook { .. } => "webhook",
            Self::Email { .. } => "email",
        }
    }
}

/// Where a text is that nobody is shown; it is read when it is needed, and kept nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Secret {
    /// In this environment variable.
    Env(String),
    /// The first line of this file.
    File(PathBuf),
}

/// Why a secret could not be had; says where, never what.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The variable is not set, or empty.
    #[error("the environment variable `{0}` is not set")]
    Unset(String),
    /// The file cannot be read.
    #[error("could not read the secret in `{}`", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        cause: std::io::Error,
    },
    /// The file has nothing in its first line: it may be about to be written.
    #[error("the first line of `{}` is empty", .0.display())]
    Empty(PathBuf),
}

impl Secret {
    /// The text.
    ///
    /// # Errors
    /// When it is not there.
    pub fn read(&self) -> Result<String, SecretError> {
        match self {
            Self::Env(name) => std::env::var(name)
                .ok()
                .filter(|text| !text.trim().is_empty())
                .map(|text| text.trim().to_owned())
                .ok_or_else(|| SecretError::Unset(name.clone())),
            Self::File(path) => {
                let text = std::fs::read_to_string(path)
                    .map_err(|cause| SecretError::Unreadable { path: path.clone(), cause })?;
                let first = text.lines().next().unwrap_or_default().trim();
                match first.is_empty() {
                    true => Err(SecretError::Empty(path.clone())),
                    false => Ok(first.to_owned()),
                }
            }
        }
    }
}
