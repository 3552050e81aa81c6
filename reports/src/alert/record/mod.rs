//! Alerts in `state.sqlite` beside the marts: where each is in its life, what happened to it,
//! which days are judged, and what is to be sent.
//!
//! Days are judged and messages queued in one transaction: whatever is killed when, an alert
//! is told of once. Sending them is [`super::delivery`]'s.

mod judging;
mod outbox;
mod rows;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use chrono_tz::Tz;
use model::time::Instant;
use rusqlite::{Connection, TransactionBehavior, params};

use self::judging::Judging;
use super::life::{Alert, Status};
use super::{Measured, Watch, notice};
use crate::lifecycle::STATE;
use crate::state::{LockError, StateError};

pub use outbox::{Delivered, Pending, Revived};
pub use rows::AlertEvent;

const SCHEMA: &str = "
    create table if not exists alerts (
        alert_id text primary key, rule text not null, kind text not null, key text not null, team text,
        severity text not null, status text not null, level integer not null, began_at text not null, fired_on text not null,
        last_on text not null, resolved_on text, value text not null, threshold text not null, unit text not null,
        message text not null, acknowledged_until text, acknowledged_by text, told_at text,
        told_level integer not null, is_untold integer not null, updated_at text not null
    ) strict;
    create table if not exists alert_events (
        alert_id text not null, at text not null, day text not null, step text not null, note text, who text
    ) strict;
    create index if not exists alert_events_of on alert_events (alert_id);
    create table if not exists alert_days (rule text primary key, next_day text not null) strict;
    create table if not exists alert_notices (
        notice_id text primary key, channel text not null, summary text not null, body text not null,
        alerts text not null, created_at text not null, state text not null, attempts integer not null,
        next_at text not null, error text, ended_at text
    ) strict;
    create table if not exists alert_pauses (
        channel text primary key, failures integer not null, next_at text not null
    ) strict;
    create table if not exists failed_checks (publish text primary key, at text not null, failures text not null) strict;";

/// Which channel was told of which alert, and when. A ledger that was kept before this table knows
/// it from its messages.
const TOLD: &str = "
    begin immediate;
    create table if not exists alert_told (
        alert_id text not null, channel text not null, told_at text not null, primary key (alert_id, channel)
    ) strict;
    insert into alert_told
    select told.value, channel, max(created_at) from alert_notices, json_each(alerts) as told
    where not exists (select 1 from alert_told) group by 1, 2;
    commit;";

/// Where an alert that does not hold any more stands, and what people call what it is about, which
/// ledgers of earlier builds lack.
const LATER: [&str; 4] = ["newest_value text", "newest_threshold text", "below_since text", "name text"];

/// When a message that was given up was put in line again, which ledgers of earlier builds lack too.
const LATER_OF_NOTICES: [&str; 1] = ["revived_at text"];

/// Why the record could not be kept.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// SQLite failed.
    #[error(transparent)]
    State(#[from] StateError),
    /// Whether another process has the lock cannot be told.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// No alert has this id.
    #[error("no alert has the id `{id}`")]
    Unknown {
        /// What was asked for.
        id: String,
    },
    /// More than one begins with it.
    #[error("{count} alerts have ids that begin with `{id}`")]
    Ambiguous {
        /// What was asked for.
        id: String,
        /// How many.
        count: usize,
    },
    /// It is over: there is nothing to acknowledge.
    #[error("the alert `{id}` is over")]
    Over {
        /// Its id.
        id: String,
    },
}

impl RecordError {
    /// What to do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Unknown { .. } | Self::Over { .. } => Some("see them with `lakeledger alerts`"),
            Self::Ambiguous { .. } => Some("give more of the id"),
            Self::State(_) | Self::Lock(_) => None,
        }
    }
}

/// The record of alerts of one ledger.
pub struct Alerts {
    path: PathBuf,
    connection: Connection,
}

/// What a look at the closed days came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Closed days judged that were not before, of the rule with most.
    pub days: usize,
    /// Alerts that began to fire, or rose.
    pub fired: usize,
    /// Alerts that are over.
    pub resolved: usize,
    /// Messages that are to be sent, by what they say.
    pub queued: Vec<String>,
}

impl Alerts {
    /// Opens the record of a ledger, which is made where there is none.
    ///
    /// # Errors
    /// When the file cannot be opened or is of another kind.
    pub fn open(ledger: &Path) -> Result<Self, RecordError> {
        let path = ledger.join(STATE);
        let failed = StateError::of("open the record of alerts", &path);
        let mut connection = crate::state::open(&path, SCHEMA).map_err(&failed)?;
        // Asked first: to write takes a lock that readers need not wait for.
        let told = "select count(*) from sqlite_master where name = 'alert_told'";
        if connection.query_row(told, [], |row| row.get::<_, i64>(0)).map_err(&failed)? == 0 {
            connection.execute_batch(TOLD).map_err(&failed)?;
        }
        crate::state::add_columns(&mut connection, "alerts", &LATER).map_err(&failed)?;
        crate::state::add_columns(&mut connection, "alert_notices", &LATER_OF_NOTICES).map_err(&failed)?;
        Ok(Self { path, connection })
    }

    fn failed(&self, operation: &'static str) -> impl Fn(rusqlite::Error) -> RecordError + use<> {
        let failed = StateError::of(operation, &self.path);
        move |cause| failed(cause).into()
    }

    /// By rule the first closed day that is not judged yet.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub fn judged(&self) -> Result<BTreeMap<String, NaiveDate>, RecordError> {
        rows::judged(&self.connection).map_err(self.failed("read the record of alerts"))
    }

    /// Every alert, what fires first, then what ended last.
    ///
    /// # Errors
    /// When the record cannot be read, or holds what this build never wrote.
    pub fn all(&self) -> Result<Vec<Alert>, RecordError> {
        let mut alerts: Vec<Alert> = rows::alerts(&self.connection)
            .map_err(self.failed("read the record of alerts"))?
            .into_values()
            .collect();
        alerts.sort_by(|a, b| {
            let rank =
                |alert: &Alert| (alert.status as u8, std::cmp::Reverse((alert.severity, alert.last_on)));
            rank(a).cmp(&rank(b)).then_with(|| (&a.rule, &a.key).cmp(&(&b.rule, &b.key)))
        });
        Ok(alerts)
    }

    /// What happened to an alert, the oldest first.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub fn events(&self, id: &str) -> Result<Vec<AlertEvent>, RecordError> {
        rows::events(&self.connection, id).map_err(self.failed("read the record of alerts"))
    }

    /// Lives through what was measured, and queues what is told of it. `end` is the first day
    /// that is not closed.
    pub(super) fn judge(
        &mut self,
        watch: &Watch,
        measured: Vec<Measured>,
        end: Option<NaiveDate>,
        zone: Tz,
        now: Instant,
    ) -> Result<Summary, RecordError> {
        let failed = self.failed("write the record of alerts");
        // Another process that judges at this moment is waited for, and seen.
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(&failed)?;
        let summary = Judging::new(&transaction, watch, zone, now)
            .and_then(|judging| judging.run(measured, end))
            .map_err(&failed)?;
        transaction.commit().map_err(&failed)?;
        Ok(summary)
    }

    /// Somebody knows of an alert until a moment; by the beginning of its id. Gives it.
    ///
    /// # Errors
    /// When none, or more than one, begins with it, or it is over.
    pub fn acknowledge(
        &mut self,
        id: &str,
        until: Instant,
        who: &str,
        watch: &Watch,
        now: Instant,
    ) -> Result<Alert, RecordError> {
        let failed = self.failed("write the record of alerts");
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(&failed)?;
        let mut found: Vec<Alert> = rows::alerts(&transaction)
            .map_err(&failed)?
            .into_values()
            .filter(|alert| !id.is_empty() && alert.id.starts_with(id))
            .collect();
        let count = found.len();
        let alert = match found.pop() {
            None => return Err(RecordError::Unknown { id: id.to_owned() }),
            Some(_) if count > 1 => return Err(RecordError::Ambiguous { id: id.to_owned(), count }),
            Some(alert) if alert.status == Status::Resolved => {
                return Err(RecordError::Over { id: alert.id });
            }
            Some(alert) => alert,
        };
        let known = Alert {
            status: Status::Acknowledged,
            acknowledged_until: Some(until),
            acknowledged_by: Some(who.to_owned()),
            ..alert
        };
        rows::put(&transaction, &known, now).map_err(&failed)?;
        let note = format!("until {}", until.to_rfc3339_opts(chrono::SecondsFormat::Secs, true));
        rows::event(
            &transaction,
            &known.id,
            known.last_on,
            Status::Acknowledged.name(),
            Some(&note),
            Some(who),
            now,
        )
        .map_err(&failed)?;
        for notice in notice::acknowledged(watch, &known) {
            outbox::queue(&transaction, &notice, now).map_err(&failed)?;
        }
        transaction.commit().map_err(&failed)?;
        Ok(known)
    }

    /// Notes what the last attempt to publish failed on; nothing where it did not.
    ///
    /// # Errors
    /// When the record cannot be written.
    pub fn note_checks(&mut self, failures: &[String], now: Instant) -> Result<(), RecordError> {
        let written = self.connection.execute(
            "insert into failed_checks (publish, at, failures) values ('last', ?, ?)
            on conflict (publish) do update set at = excluded.at, failures = excluded.failures",
            params![now.to_rfc3339(), failures.join("\n")],
        );
        written.map(drop).map_err(self.failed("write the record of alerts"))
    }

    /// What the last attempt to publish failed on; empty where it did not.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub fn failed_checks(&self) -> Result<Vec<String>, RecordError> {
        let text = self
            .connection
            .query_row("select coalesce(max(failures), '') from failed_checks", [], |row| {
                row.get::<_, String>(0)
            })
            .map_err(self.failed("read the record of alerts"))?;
        Ok(text.lines().map(str::to_owned).collect())
    }
}

#[cfg(test)]
mod tests;
