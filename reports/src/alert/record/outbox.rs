//! What is to be sent, was sent, and could not be: the outbox of alerts.
//!
//! A message is written here before it is sent, under the key it is sent with, and that it is
//! being sent before that begins. One process at a time sends ([`Alerts::sender`]); should it
//! end in between, the next finds what it was sending and sends it again with the same key, by
//! which the receiver knows it.

use std::fs::File;

use model::time::Instant;
use rusqlite::{Connection, OptionalExtension as _, params};
use serde_json::Value;

use super::{Alerts, RecordError};
use crate::alert::notice::Notice;

/// Beside the record: locked by whoever sends, until it ends in whatever way.
const LOCK: &str = "alerts.lock";

/// A message that is to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// Its key: the same for every attempt.
    pub id: String,
    /// The channel's name.
    pub channel: String,
    /// What it says.
    pub summary: String,
    /// What is sent.
    pub body: String,
    /// Attempts made, this one included.
    pub attempts: u32,
}

/// A message and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// Its key.
    pub id: String,
    /// The channel's name.
    pub channel: String,
    /// What it says.
    pub summary: String,
    /// When it was queued.
    pub created_at: Instant,
    /// `pending`, `sending`, `sent` or `dead`.
    pub state: String,
    /// Attempts made.
    pub attempts: u32,
    /// Why the last one failed.
    pub error: Option<String>,
}

/// Queues a message.
pub fn queue(connection: &Connection, notice: &Notice, now: Instant) -> rusqlite::Result<()> {
    use sha2::Digest as _;
    let queued: i64 = connection.query_row("select count(*) from alert_notices", [], |row| row.get(0))?;
    let body = notice.body.to_string();
    let digest = sha2::Sha256::digest(format!("{queued}\n{}\n{now}\n{body}", notice.channel).as_bytes());
    let id: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    connection
        .execute(
            "insert into alert_notices (notice_id, channel, summary, body, alerts, created_at, state, attempts, next_at)
            values (?, ?, ?, ?, ?, ?, 'pending', 0, ?)",
            params![
                id,
                notice.channel,
                notice.summary,
                body,
                Value::from(notice.alerts.clone()).to_string(),
                stamp(now),
                stamp(now)
            ],
        )
        .map(drop)
}

/// A moment as text that sorts.
fn stamp(at: Instant) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}

impl Alerts {
    /// Waits until nobody else sends; nobody does until the file is dropped.
    ///
    /// # Errors
    /// When the file cannot be locked.
    pub fn sender(&self) -> Result<File, RecordError> {
        let path = self.path.with_file_name(LOCK);
        File::create(&path)
            .and_then(|file| file.lock().map(|()| file))
            .map_err(|cause| RecordError::Lock { path: path.display().to_string(), cause })
    }

    /// Takes the oldest message that is due; what was being sent when its process ended is. That
    /// it is being sent is on disk before this returns.
    ///
    /// # Errors
    /// When the record cannot be written.
    pub fn take(&mut self, now: Instant) -> Result<Option<Pending>, RecordError> {
        let failed = self.failed("write the outbox of alerts");
        self.connection
            .query_row(
                "update alert_notices set state = 'sending', attempts = attempts + 1
                where notice_id = (
                    select notice_id from alert_notices
                    where state in ('pending', 'sending') and next_at <= ?
                    order by created_at, rowid limit 1
                )
                returning notice_id, channel, summary, body, attempts",
                params![stamp(now)],
                |row| {
                    Ok(Pending {
                        id: row.get(0)?,
                        channel: row.get(1)?,
                        summary: row.get(2)?,
                        body: row.get(3)?,
                        attempts: row.get(4)?,
                    })
                },
            )
            .optional()
            .map_err(failed)
    }

    /// Notes that a message arrived.
    ///
    /// # Errors
    /// When the record cannot be written.
    pub fn arrived(&mut self, id: &str, now: Instant) -> Result<(), RecordError> {
        self.end(id, "sent", None, now)
    }

    /// Notes that a message is given up: the dead letter.
    ///
    /// # Errors
    /// When the record cannot be written.
    pub fn give_up(&mut self, id: &str, error: &str, now: Instant) -> Result<(), RecordError> {
        self.end(id, "dead", Some(error), now)
    }

    fn end(&mut self, id: &str, state: &str, error: Option<&str>, now: Instant) -> Result<(), RecordError> {
        let written = self.connection.execute(
            "update alert_notices set state = ?, error = ?, ended_at = ? where notice_id = ?",
            params![state, error, stamp(now), id],
        );
        written.map(drop).map_err(self.failed("write the outbox of alerts"))
    }

    /// Notes that an attempt failed, and when the next is due.
    ///
    /// # Errors
    /// When the record cannot be written.
    pub fn put_off(&mut self, id: &str, error: &str, next_at: Instant) -> Result<(), RecordError> {
        let written = self.connection.execute(
            "update alert_notices set state = 'pending', error = ?, next_at = ? where notice_id = ?",
            params![error, stamp(next_at), id],
        );
        written.map(drop).map_err(self.failed("write the outbox of alerts"))
    }

    /// When the next message is due, where one waits.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub fn next_due(&self) -> Result<Option<Instant>, RecordError> {
        let text: Option<String> = self
            .connection
            .query_row(
                "select min(next_at) from alert_notices where state in ('pending', 'sending')",
                [],
                |row| row.get(0),
            )
            .map_err(self.failed("read the outbox of alerts"))?;
        Ok(text.and_then(|text| text.parse().ok()))
    }

    /// Tries messages that were given up once more.
    ///
    /// # Errors
    /// When the record cannot be written.
    pub fn revive(&mut self, now: Instant) -> Result<usize, RecordError> {
        self.connection
            .execute(
                "update alert_notices set state = 'pending', attempts = 0, next_at = ?, ended_at = null where state = 'dead'",
                params![stamp(now)],
            )
            .map_err(self.failed("write the outbox of alerts"))
    }

    /// The newest messages, the newest first, at most `most`.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub fn delivered(&self, most: usize) -> Result<Vec<Delivered>, RecordError> {
        let failed = self.failed("read the outbox of alerts");
        let mut statement = self
            .connection
            .prepare(
                "select notice_id, channel, summary, created_at, state, attempts, error from alert_notices
                order by created_at desc, rowid desc limit ?",
            )
            .map_err(&failed)?;
        let rows = statement
            .query_map([i64::try_from(most).unwrap_or(i64::MAX)], |row| {
                Ok(Delivered {
                    id: row.get(0)?,
                    channel: row.get(1)?,
                    summary: row.get(2)?,
                    created_at: super::rows::parsed(row, 3)?,
                    state: row.get(4)?,
                    attempts: row.get(5)?,
                    error: row.get(6)?,
                })
            })
            .map_err(&failed)?;
        rows.collect::<Result<_, _>>().map_err(&failed)
    }
}
