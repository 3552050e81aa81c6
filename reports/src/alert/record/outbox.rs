//! What is to be sent, was sent, and could not be: the outbox of alerts.
//!
//! A message is written here before it is sent, under the key it is sent with, and that it is
//! being sent before that begins. One process at a time sends to a channel ([`Alerts::sender`]);
//! should it end in between, the next finds what it was sending and sends it again with the same
//! key, by which the receiver knows it. That a receiver does not answer is kept with its channel,
//! for whichever process comes next.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, TryLockError};
use std::path::Path;

use chrono::TimeDelta;
use model::time::Instant;
use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};
use serde_json::Value;

use super::{Alerts, RecordError};
use crate::alert::life::{Alert, Status};
use crate::alert::notice::{self, Notice};
use crate::alert::{Watch, letter};
use crate::state::LockError;

/// Beside the record, one for each channel: locked by whoever sends there, until it ends in whatever
/// way.
const LOCKS: &str = "alerts.locks";

/// Messages that wait, but for those that would overtake: what a channel says of an alert
/// arrives in the order it happened, so that no incident is opened after it was closed.
const IN_TURN: &str = "
    state in ('pending', 'sending') and not exists (
        select 1
        from alert_notices as earlier, json_each(earlier.alerts) as of_earlier, json_each(notice.alerts) as of_this
        where earlier.channel = notice.channel and earlier.state in ('pending', 'sending')
            and earlier.rowid < notice.rowid and of_earlier.value = of_this.value
    )";

/// When a message may be tried: when it is due, and its channel is no longer left alone.
const DUE_AT: &str = "
    max(next_at, coalesce((select pauses.next_at from alert_pauses as pauses where pauses.channel = notice.channel), ''))";

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
    /// When it was queued.
    pub created_at: Instant,
    /// Since when it is tried: since then, or since it was last put in line again.
    pub tried_since: Instant,
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
    /// `pending`, `sending`, `sent`, `mailed` (its letters are in line), `dead` or `overtaken` (it
    /// was given up, and what was told later arrived).
    pub state: String,
    /// Attempts made.
    pub attempts: u32,
    /// Why the last one failed.
    pub error: Option<String>,
    /// When the next may be made, while it waits.
    pub next_at: Option<Instant>,
}

/// What became of messages that were given up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Revived {
    /// Messages that are tried again.
    pub again: usize,
    /// Messages that are not: what the channel was told later arrived.
    pub overtaken: usize,
}

/// Queues a message.
pub fn queue(connection: &Connection, notice: &Notice, now: Instant) -> rusqlite::Result<()> {
    use sha2::Digest as _;
    let queued: i64 =
        connection.query_row("select coalesce(max(rowid), 0) from alert_notices", [], |row| row.get(0))?;
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
        .map(drop)?;
    for alert in &notice.alerts {
        connection.execute(
            "insert into alert_told (alert_id, channel, told_at) values (?, ?, ?)
            on conflict (alert_id, channel) do update set told_at = excluded.told_at",
            params![alert, notice.channel, stamp(now)],
        )?;
    }
    Ok(())
}

/// Channels that a message about an alert was queued for since a moment.
pub fn told(connection: &Connection, alert: &str, since: Instant) -> rusqlite::Result<Vec<String>> {
    let sql = "select channel from alert_told where alert_id = ? and told_at >= ? order by channel";
    let mut statement = connection.prepare(sql)?;
    statement.query_map([alert, &stamp(since)], |row| row.get(0))?.collect()
}

/// Channels that heard nothing of an alert in its life that is recorded, each with the alert: all
/// their messages about it were given up, and before a moment.
pub fn unheard(connection: &Connection, before: Instant) -> rusqlite::Result<BTreeSet<(String, String)>> {
    let mut statement = connection.prepare(
        "select of_this.value, notice.channel
        from alert_notices as notice, json_each(notice.alerts) as of_this, alerts
        where alerts.alert_id = of_this.value and notice.created_at >= alerts.began_at
        group by 1, 2 having min(notice.state = 'dead') and max(notice.ended_at) < ?",
    )?;
    statement.query_map([stamp(before)], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}

/// Deletes messages that are settled but for the newest `keep`; what waits stays, however old. A
/// message that was given up so long ago is not tried again.
pub fn prune(connection: &Connection, keep: usize) -> rusqlite::Result<usize> {
    connection.execute(
        "delete from alert_notices where state not in ('pending', 'sending')
            and rowid not in (select rowid from alert_notices order by rowid desc limit ?)",
        [i64::try_from(keep).unwrap_or(i64::MAX)],
    )
}

/// A message that was given up, and what became of the alerts it is about.
struct Dead {
    id: String,
    channel: String,
    alerts: Vec<String>,
    /// Those of which the channel was told something later, which arrived.
    overtaken: Vec<String>,
}

fn dead(connection: &Connection) -> rusqlite::Result<Vec<Dead>> {
    let mut statement = connection.prepare(
        "select dead.notice_id, dead.channel, dead.alerts, (
            select json_group_array(distinct of_dead.value)
            from json_each(dead.alerts) as of_dead, alert_notices as later, json_each(later.alerts) as of_later
            where later.channel = dead.channel and later.rowid > dead.rowid
                and later.state in ('sent', 'mailed') and of_later.value = of_dead.value
        )
        from alert_notices as dead where dead.state = 'dead' order by dead.rowid",
    )?;
    let list = |row: &rusqlite::Row<'_>, at: usize| -> rusqlite::Result<Vec<String>> {
        let text: String = row.get(at)?;
        serde_json::from_str(&text).map_err(|_| super::rows::unreadable(at, &text))
    };
    let rows = statement.query_map([], |row| {
        Ok(Dead { id: row.get(0)?, channel: row.get(1)?, alerts: list(row, 2)?, overtaken: list(row, 3)? })
    })?;
    rows.collect()
}

/// Tries what was given up once more. What a channel was told later of an alert stands: a trigger
/// sent after its end would open an incident that nobody closes. Of a message that was overtaken in
/// part, what still fires is told anew.
fn revive(connection: &Connection, watch: &Watch, now: Instant) -> rusqlite::Result<Revived> {
    let mut revived = Revived::default();
    let known = super::rows::alerts(connection)?;
    // Whoever asks for it has mended something.
    connection.execute("delete from alert_pauses", [])?;
    for message in dead(connection)? {
        if message.overtaken.is_empty() {
            connection.execute(
                "update alert_notices
                set state = 'pending', attempts = 0, next_at = ?1, revived_at = ?1, ended_at = null
                where notice_id = ?2",
                params![stamp(now), message.id],
            )?;
            revived.again += 1;
            continue;
        }
        connection.execute(
            "update alert_notices set state = 'overtaken' where notice_id = ?",
            params![message.id],
        )?;
        revived.overtaken += 1;
        let rest = message.alerts.iter().filter(|id| !message.overtaken.contains(id));
        let rest = rest.filter_map(|id| known.get(id)).filter(|alert| alert.status != Status::Resolved);
        let rest: Vec<Alert> = rest.cloned().collect();
        let Some(channel) = watch.channels.iter().find(|channel| channel.name == message.channel) else {
            continue;
        };
        for notice in notice::caught_up(watch, channel, &rest, now) {
            queue(connection, &notice, now)?;
            revived.again += 1;
        }
    }
    Ok(revived)
}

/// A moment as text that sorts.
fn stamp(at: Instant) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}

impl Alerts {
    /// The ledger it belongs to.
    pub(in crate::alert) fn ledger(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("."))
    }

    /// Nobody else sends to a channel until the file is dropped; nothing where somebody does already.
    ///
    /// # Errors
    /// When the file cannot be locked.
    pub fn sender(&self, channel: &str) -> Result<Option<File>, RecordError> {
        use sha2::Digest as _;
        let digest = sha2::Sha256::digest(channel.as_bytes());
        let name: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        let directory = self.path.with_file_name(LOCKS);
        let path = directory.join(name);
        let opened = std::fs::create_dir_all(&directory).and_then(|()| File::create(&path));
        let file = opened.map_err(|cause| LockError::of(&path, cause))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(cause)) => Err(LockError::of(&path, cause).into()),
        }
    }

    /// Channels for which a message waits, in the order of their names.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub fn awaited(&self) -> Result<Vec<String>, RecordError> {
        let failed = self.failed("read the outbox of alerts");
        let sql =
            "select distinct channel from alert_notices where state in ('pending', 'sending') order by 1";
        let mut statement = self.connection.prepare(sql).map_err(&failed)?;
        let rows = statement.query_map([], |row| row.get(0)).map_err(&failed)?;
        rows.collect::<Result<_, _>>().map_err(&failed)
    }

    /// Takes the oldest message of a channel that is due and overtakes none, so that where a channel
    /// answers to none its messages are given up one after another; what was being sent when its
    /// process ended is due. That it is being sent is on disk before this returns.
    ///
    /// # Errors
    /// When the record cannot be written.
    pub fn take(&mut self, channel: &str, now: Instant) -> Result<Option<Pending>, RecordError> {
        let failed = self.failed("write the outbox of alerts");
        self.connection
            .query_row(
                &format!(
                    "update alert_notices set state = 'sending', attempts = attempts + 1
                    where notice_id = (
                        select notice_id from alert_notices as notice
                        where channel = ?1 and {DUE_AT} <= ?2 and {IN_TURN}
                        order by rowid limit 1
                    )
                    returning notice_id, channel, summary, body, created_at, coalesce(revived_at, created_at),
                        attempts"
                ),
                params![channel, stamp(now)],
                |row| {
                    Ok(Pending {
                        id: row.get(0)?,
                        channel: row.get(1)?,
                        summary: row.get(2)?,
                        body: row.get(3)?,
                        created_at: super::rows::parsed(row, 4)?,
                        tried_since: super::rows::parsed(row, 5)?,
                        attempts: row.get(6)?,
                    })
                },
            )
            .optional()
            .map_err(failed)
    }

    /// Leaves a channel alone until a moment, since it does not answer: `pause` says for how long
    /// after so many failures. Gives that moment.
    ///
    /// # Errors
    /// When the record cannot be written.
    pub fn leave_alone(
        &mut self,
        channel: &str,
        now: Instant,
        pause: impl Fn(u32) -> TimeDelta,
    ) -> Result<Instant, RecordError> {
        let failed = self.failed("write the outbox of alerts");
        let before = self.connection.query_row(
            "select coalesce(max(failures), 0) from alert_pauses where channel = ?",
            [channel],
            |row| row.get::<_, u32>(0),
        );
        let failures = before.map_err(&failed)?.saturating_add(1);
        let next_at = now + pause(failures);
        let written = self.connection.execute(
            "insert or replace into alert_pauses (channel, failures, next_at) values (?, ?, ?)",
            params![channel, failures, stamp(next_at)],
        );
        written.map_err(&failed)?;
        Ok(next_at)
    }

    /// A channel answered: it is left alone no longer.
    ///
    /// # Errors
    /// When the record cannot be written.
    pub fn answered(&mut self, channel: &str) -> Result<(), RecordError> {
        let written = self.connection.execute("delete from alert_pauses where channel = ?", [channel]);
        written.map(drop).map_err(self.failed("write the outbox of alerts"))
    }

    /// Notes that a message arrived.
    ///
    /// # Errors
    /// When the record cannot be written.
    pub fn arrived(&mut self, id: &str, now: Instant) -> Result<(), RecordError> {
        self.end(id, "sent", None, now)
    }

    /// Notes that a message's letters are in line: what becomes of them is the record of mail's.
    ///
    /// # Errors
    /// When the record cannot be written.
    pub fn mailed(&mut self, id: &str, now: Instant) -> Result<(), RecordError> {
        self.end(id, "mailed", None, now)
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

    /// When the next message is due, where one waits: of one channel, or of all.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub fn next_due(&self, channel: Option<&str>) -> Result<Option<Instant>, RecordError> {
        let text: Option<String> = self
            .connection
            .query_row(
                &format!(
                    "select min({DUE_AT}) from alert_notices as notice
                    where (?1 is null or channel = ?1) and {IN_TURN}"
                ),
                [channel],
                |row| row.get(0),
            )
            .map_err(self.failed("read the outbox of alerts"))?;
        Ok(text.and_then(|text| text.parse().ok()))
    }

    /// Whether a message is due on a channel that no other process sends to.
    ///
    /// # Errors
    /// When the record cannot be read, or a lock not looked at.
    pub fn is_due(&self, now: Instant) -> Result<bool, RecordError> {
        for channel in self.awaited()? {
            if self.next_due(Some(&channel))?.is_some_and(|due| due <= now)
                && self.sender(&channel)?.is_some()
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// How many messages wait for an attempt.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub fn waiting(&self) -> Result<usize, RecordError> {
        self.connection
            .query_row(
                "select count(*) from alert_notices where state in ('pending', 'sending')",
                [],
                |row| row.get(0),
            )
            .map_err(self.failed("read the outbox of alerts"))
    }

    /// How many messages there are by state; see [`Delivered::state`].
    ///
    /// # Errors
    /// When the record cannot be read.
    pub fn states(&self) -> Result<BTreeMap<String, usize>, RecordError> {
        let failed = self.failed("read the outbox of alerts");
        let sql = "select state, count(*) from alert_notices group by state";
        let mut statement = self.connection.prepare(sql).map_err(&failed)?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).map_err(&failed)?;
        rows.collect::<Result<_, _>>().map_err(&failed)
    }

    /// Tries messages that were given up once more, but for what was overtaken.
    ///
    /// # Errors
    /// When the record cannot be written.
    pub fn revive(&mut self, watch: &Watch, now: Instant) -> Result<Revived, RecordError> {
        let failed = self.failed("write the outbox of alerts");
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(&failed)?;
        let revived = revive(&transaction, watch, now).map_err(&failed)?;
        transaction.commit().map_err(&failed)?;
        Ok(revived)
    }

    /// The channel of the message that a letter is of, by the letter's period; nothing where it is
    /// kept no longer.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub fn channel_of(&self, period: &str) -> Result<Option<String>, RecordError> {
        let Some(digits) = letter::key_of(period) else { return Ok(None) };
        self.connection
            .query_row(
                "select channel from alert_notices where substr(notice_id, 1, length(?1)) = ?1",
                [digits],
                |row| row.get(0),
            )
            .optional()
            .map_err(self.failed("read the outbox of alerts"))
    }

    /// The newest messages, the newest first, at most `most`.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub fn delivered(&self, most: usize) -> Result<Vec<Delivered>, RecordError> {
        let failed = self.failed("read the outbox of alerts");
        let mut statement = self
            .connection
            .prepare(&format!(
                "select notice_id, channel, summary, created_at, state, attempts, error,
                        case when state in ('pending', 'sending') then {DUE_AT} end
                    from alert_notices as notice order by created_at desc, rowid desc limit ?"
            ))
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
                    next_at: row.get::<_, Option<String>>(7)?.and_then(|at| at.parse().ok()),
                })
            })
            .map_err(&failed)?;
        rows.collect::<Result<_, _>>().map_err(&failed)
    }
}
