//! What the record of letters holds.

use std::fmt;
use std::str::FromStr;

use model::time::Instant;
use model::{Amount, Basis, Currency};
use rusqlite::types::Type;

use crate::mail::Address;

/// Columns of a delivery, in the order [`delivery`] reads them.
pub(super) const COLUMNS: &str = "id, report, period, team, address, message_id, subject, archive, state, attempts, \
     note, queued_at, updated_at, next_attempt_at";

/// What became of a letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// It waits for its first attempt, or was put in line again.
    Queued,
    /// The server asked for it and it is being handed over.
    Sending,
    /// The server took it.
    Sent,
    /// The server will never take it, or many attempts came to nothing: a person must look.
    Refused,
    /// It waits for another attempt.
    Retry,
    /// It was handed over and nobody knows whether it was taken: it is not sent again by itself.
    Doubtful,
    /// The configuration no longer names who it is to: it is not sent.
    Dropped,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 7] =
        [Self::Queued, Self::Sending, Self::Sent, Self::Refused, Self::Retry, Self::Doubtful, Self::Dropped];

    /// Its word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::Refused => "refused",
            Self::Retry => "retry",
            Self::Doubtful => "doubtful",
            Self::Dropped => "dropped",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for State {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|state| state.name() == text)
            .ok_or_else(|| format!("`{text}` is no state of a delivery"))
    }
}

/// A letter to be put in line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// What it is: `weekly`.
    pub report: String,
    /// What time it is about: `2026-W41`. With report, team and recipient it says which letter
    /// this is; there is never a second.
    pub period: String,
    /// Whose; none for the platform's.
    pub team: Option<String>,
    /// The one it goes to.
    pub recipient: Address,
    /// Name of its file in the archive, without what is behind the dot.
    pub file: String,
    /// As in its head.
    pub message_id: String,
    /// As in its head.
    pub subject: String,
    /// The whole of it.
    pub content: Vec<u8>,
}

/// What came of putting a letter in line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Queued {
    /// It is.
    New,
    /// There is one already.
    Known(Box<Delivery>),
}

/// A letter as the record has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Its number.
    pub id: i64,
    /// What it is: `weekly`.
    pub report: String,
    /// What time it is about: `2026-W41`.
    pub period: String,
    /// Whose; none for the platform's.
    pub team: Option<String>,
    /// To whom.
    pub recipient: Address,
    /// As in its head, without brackets.
    pub message_id: String,
    /// As in its head.
    pub subject: String,
    /// Its file, relative to the ledger.
    pub archive: String,
    /// What became of it.
    pub state: State,
    /// How often it was tried.
    pub attempts: u32,
    /// The server's answer, or why it waits.
    pub note: Option<String>,
    /// When it was put in line.
    pub queued_at: Instant,
    /// When it was last heard of.
    pub updated_at: Instant,
    /// Not before then.
    pub next_attempt_at: Option<Instant>,
}

/// A report that was not mailed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Withheld {
    /// What it is: `weekly`.
    pub report: String,
    /// What time it is about.
    pub period: String,
    /// Whose; none for the platform's.
    pub team: Option<String>,
    /// Why not.
    pub reason: String,
    /// When that was found.
    pub at: Instant,
}

/// What a report said something had cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reported {
    /// What it is: `weekly`.
    pub report: String,
    /// What time it is about.
    pub period: String,
    /// Whose; none for the platform's.
    pub team: Option<String>,
    /// Which of the four costs.
    pub basis: Basis,
    /// Currency of the cost.
    pub currency: Currency,
    /// The cost.
    pub cost: Amount,
    /// When the mart it was taken from was published.
    pub published_at: Instant,
}

pub(super) fn reported(row: &rusqlite::Row<'_>) -> rusqlite::Result<Reported> {
    Ok(Reported {
        report: row.get(0)?,
        period: row.get(1)?,
        team: team(row, 2)?,
        basis: parsed(row, 3)?,
        currency: parsed(row, 4)?,
        cost: parsed(row, 5)?,
        published_at: parsed(row, 6)?,
    })
}

pub(super) fn delivery(row: &rusqlite::Row<'_>) -> rusqlite::Result<Delivery> {
    Ok(Delivery {
        id: row.get(0)?,
        report: row.get(1)?,
        period: row.get(2)?,
        team: team(row, 3)?,
        recipient: parsed(row, 4)?,
        message_id: row.get(5)?,
        subject: row.get(6)?,
        archive: row.get(7)?,
        state: parsed(row, 8)?,
        attempts: row.get(9)?,
        note: row.get(10)?,
        queued_at: parsed(row, 11)?,
        updated_at: parsed(row, 12)?,
        next_attempt_at: row.get::<_, Option<String>>(13)?.map(|_| parsed(row, 13)).transpose()?,
    })
}

pub(super) fn state(row: &rusqlite::Row<'_>, at: usize) -> rusqlite::Result<State> {
    parsed(row, at)
}

pub(super) fn withheld(row: &rusqlite::Row<'_>) -> rusqlite::Result<Withheld> {
    Ok(Withheld {
        report: row.get(0)?,
        period: row.get(1)?,
        team: team(row, 2)?,
        reason: row.get(3)?,
        at: parsed(row, 4)?,
    })
}

/// A unique key holds no null: the platform is the empty team.
fn team(row: &rusqlite::Row<'_>, at: usize) -> rusqlite::Result<Option<String>> {
    Ok(Some(row.get::<_, String>(at)?).filter(|team| !team.is_empty()))
}

fn parsed<T: FromStr>(row: &rusqlite::Row<'_>, at: usize) -> rusqlite::Result<T> {
    let text: String = row.get(at)?;
    text.parse().map_err(|_| {
        let fault = format!("`{text}` is nothing this build writes");
        rusqlite::Error::FromSqlConversionFailure(at, Type::Text, fault.into())
    })
}

/// An instant to the microsecond, by which a publish is found again.
pub(super) fn exact_text(at: Instant) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::Micros, true)
}

/// An instant as the record keeps it.
pub(super) fn instant_text(at: Instant) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}
