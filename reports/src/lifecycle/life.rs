//! The life of a finding: where it is, what people do with it, and what its fix saved.

use std::fmt;

use chrono::NaiveDate;
use model::{Amount, Currency};

/// Where a finding is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// Nobody has said anything of it.
    New,
    /// It was resolved and came back.
    Reopened,
    /// Somebody has seen it.
    Acknowledged,
    /// Somebody looks after it.
    Assigned,
    /// It waits until a day.
    Snoozed,
    /// It is none, for a reason; it stays so.
    Dismissed,
    /// The evidence is gone.
    Resolved,
}

impl Status {
    /// Every status.
    pub const ALL: [Self; 7] = [
        Self::New,
        Self::Reopened,
        Self::Acknowledged,
        Self::Assigned,
        Self::Snoozed,
        Self::Dismissed,
        Self::Resolved,
    ];

    /// Its word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Reopened => "reopened",
            Self::Acknowledged => "acknowledged",
            Self::Assigned => "assigned",
            Self::Snoozed => "snoozed",
            Self::Dismissed => "dismissed",
            Self::Resolved => "resolved",
        }
    }

    /// Whether a finding of this status is still to be mended: somebody has to decide on it, or to
    /// do it.
    pub const fn is_waiting(self) -> bool {
        matches!(self, Self::New | Self::Reopened | Self::Acknowledged | Self::Assigned)
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl std::str::FromStr for Status {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|known| known.name() == text).ok_or_else(|| {
            let known: Vec<_> = Self::ALL.iter().map(|status| status.name()).collect();
            format!("`{text}` is no status: use {}", known.join(", "))
        })
    }
}

/// What a person does with a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Has seen it.
    Acknowledge,
    /// Gives it to somebody.
    Assign(String),
    /// Lets it wait until a day.
    Snooze(NaiveDate),
    /// It is none, for a reason.
    Dismiss(String),
    /// Takes back what was said of it: it is to be looked at again.
    Reopen,
}

/// One thing that happened to a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// When, as RFC 3339.
    pub at: String,
    /// The status it got.
    pub status: String,
    /// To whom, until when or why.
    pub note: Option<String>,
    /// Who did it; nothing for what the evidence did.
    pub who: Option<String>,
}

/// A finding and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tracked {
    /// Id of the finding.
    pub finding_id: String,
    /// Detector.
    pub detector: String,
    /// Kind of the subject.
    pub subject_kind: String,
    /// Subject.
    pub subject: String,
    /// Team it was last seen with.
    pub team: Option<String>,
    /// Currency of its amounts.
    pub currency: Currency,
    /// Where it is in its life.
    pub status: Status,
    /// Who looks after it.
    pub assignee: Option<String>,
    /// Until when it waits.
    pub snoozed_until: Option<NaiveDate>,
    /// Why it is none.
    pub reason: Option<String>,
    /// First day it was seen on.
    pub opened_on: NaiveDate,
    /// The last.
    pub last_seen_on: NaiveDate,
    /// The day after the last, once it is resolved.
    pub resolved_on: Option<NaiveDate>,
    /// Saving a month it promised when last seen.
    pub promised_saving: Amount,
    /// What was measured of its fix.
    pub realised: Option<Realised>,
}

/// The saving of a fix, from the bill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Realised {
    /// Days before the fix that are compared, half-open.
    pub baseline: (NaiveDate, NaiveDate),
    /// What the subject cost in them, at the work and by the growth it is compared with.
    pub baseline_cost: Amount,
    /// Days after the fix, half-open.
    pub measured: (NaiveDate, NaiveDate),
    /// What it cost in them.
    pub measured_cost: Amount,
}

impl Realised {
    /// The saving a month of 30.4375 days: the mean day before less the mean day since.
    pub fn monthly(&self) -> Amount {
        let days = |(from, to): (NaiveDate, NaiveDate)| i128::from((to - from).num_days().max(1));
        // In units of 10^-18, so that nothing is rounded but the last digit.
        let a_month = |cost: Amount, days: i128| cost.units() / days / 10_000 * 304_375;
        Amount::from_units(
            a_month(self.baseline_cost, days(self.baseline))
                - a_month(self.measured_cost, days(self.measured)),
        )
    }
}
