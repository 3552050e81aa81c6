//! Alerts: conditions on closed days and on the state of the ledger, what became of them, and
//! who is told.
//!
//! 1. [`readings`] measures what a rule watches, day by day, from the mart alone: the same for
//!    today, for days that were missed, and for a dry run over history ([`rehearse`]).
//! 2. [`life`] makes of readings the life of an alert: firing, acknowledged, resolved.
//! 3. [`record`] keeps alerts in `state.sqlite` and writes, in the same transaction, what is to
//!    be sent: whatever happens after, it is known.
//! 4. [`notice`] words what is sent for each kind of channel.
//! 5. [`delivery`] sends it, again where it has to, and gives up in the end; what is mail,
//!    [`letter`] makes and [`crate::mail`] sends.
//!
//! A day is judged once, when it is closed ([`crate::watch`]). What a bill restates later
//! raises no alert of its own; [`crate::compared`] tells of that.

pub mod baseline;
pub mod delivery;
pub mod letter;
pub mod life;
pub mod notice;
pub mod readings;
pub mod record;
pub mod rehearse;
pub mod webhook;

mod rule;
mod silence;
mod standing;

pub use readings::{Reading, Unit};
pub use rule::{
    Channel, ChannelKind, Condition, Direction, Grouping, Rule, Secret, SecretError, Severity, Sharing,
};
pub use silence::Silence;

use std::collections::BTreeMap;

use attribution::mart::{Mart, MartError};
use chrono::{Days, NaiveDate};
use model::time::Instant;

use self::record::{Alerts, RecordError, Summary};
use crate::budget::Budget;
use crate::mail::Address;
use crate::watch::closed_days;

/// Days that were missed are made up for, at most so many.
const MOST_MISSED: u64 = 35;

/// Everything the configuration says of alerts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Watch {
    /// Budgets, which rules of that kind tell of.
    pub budgets: Vec<Budget>,
    /// What is watched, in the order of the configuration.
    pub rules: Vec<Rule>,
    /// Where notices go.
    pub channels: Vec<Channel>,
    /// When nobody is told.
    pub silences: Vec<Silence>,
    /// The dashboard's address, for links.
    pub base_url: Option<String>,
    /// Addresses of teams, for channels that are mail.
    pub team_email: BTreeMap<String, Vec<Address>>,
    /// Who sends what channels that are mail tell.
    pub sender: Option<letter::Sender>,
}

/// Why alerts could not be told.
#[derive(Debug, thiserror::Error)]
pub enum AlertError {
    /// The mart could not be asked.
    #[error("could not measure what alerts watch")]
    Mart(#[from] MartError),
    /// The record failed.
    #[error(transparent)]
    Record(#[from] RecordError),
}

impl AlertError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Record(error) => error.hint().map(str::to_owned),
            Self::Mart(_) => None,
        }
    }
}

/// Judges every closed day that was not judged yet, and the state of the ledger, and records
/// what is to be sent. A rule that is new judges the newest closed day alone. `failed_checks`
/// is what the last publish failed on, where it did.
///
/// # Errors
/// When the mart or the record fails; then nothing of it is recorded.
pub fn evaluate(
    mart: &Mart,
    watch: &Watch,
    record: &mut Alerts,
    failed_checks: &[String],
    now: Instant,
) -> Result<Summary, AlertError> {
    let closed = closed_days(mart)?;
    let judged = record.judged()?;
    let mut all = Vec::new();
    for rule in &watch.rules {
        let days = closed.and_then(|closed| {
            let newest = closed.end - Days::new(1);
            let next = judged.get(&rule.name).map_or(newest, |judged| *judged);
            let from = next.max(closed.end - Days::new(MOST_MISSED)).max(closed.first);
            (from < closed.end).then_some((from, closed.end))
        });
        all.push(readings::measure(mart, watch, rule, days, failed_checks, now)?);
    }
    let zone = mart.info().display_timezone.parse().unwrap_or(chrono_tz::UTC);
    Ok(record.judge(watch, all, closed.map(|closed| closed.end), zone, now)?)
}

/// The days a rule judged in one go, and what it measured on them.
#[derive(Clone, Debug, Default)]
pub struct Measured {
    /// Closed days judged, in order; empty for rules that look at the ledger as it is.
    pub days: Vec<NaiveDate>,
    /// What was measured: of each day, or of now.
    pub readings: Vec<Reading>,
    /// Whether the rule looks at the ledger as it is rather than at days.
    pub is_standing: bool,
}
