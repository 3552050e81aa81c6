//! The record of letters in `state.sqlite`. Every change is on disk before the next command
//! goes to the server, so that whoever finds the record after a crash knows what happened.

mod row;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use model::time::Instant;
use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};

use self::row::{COLUMNS, delivery, exact_text, instant_text};
pub use self::row::{Delivery, Letter, Queued, Reported, State, Withheld};
use super::lock::SenderLock;
use super::{MailError, archive};
use crate::lifecycle::STATE;
use crate::state::StateError;

const SCHEMA: &str = "
    create table if not exists deliveries (
        id integer primary key, report text not null, period text not null, team text not null,
        recipient text not null, address text not null, message_id text not null, subject text not null,
        archive text not null, state text not null, attempts integer not null, note text,
        queued_at text not null, updated_at text not null, next_attempt_at text,
        unique (report, period, team, recipient)
    ) strict;
    create table if not exists withheld (
        report text not null, period text not null, team text not null, reason text not null, at text not null,
        primary key (report, period, team)
    ) strict;
    create table if not exists reported (
        report text not null, period text not null, team text not null, basis text not null,
        currency text not null, cost text not null, published_at text not null,
        primary key (report, period, team, basis, currency)
    ) strict;";

/// What earlier builds wrote at each change and nobody read.
const GONE: &str = "delivery_events";

/// The record of letters of one ledger.
pub struct Outbox {
    ledger: PathBuf,
    path: PathBuf,
    connection: Connection,
}

impl Outbox {
    /// Opens the record of a ledger, which is made where there is none.
    ///
    /// # Errors
    /// When the file cannot be opened or is of another kind.
    pub fn open(ledger: &Path) -> Result<Self, MailError> {
        let path = ledger.join(STATE);
        let failed = StateError::of("open the record of mail", &path);
        let connection = crate::state::open(&path, SCHEMA).map_err(&failed)?;
        crate::state::drop_table(&connection, GONE).map_err(&failed)?;
        Ok(Self { ledger: ledger.to_owned(), path, connection })
    }

    /// The ledger it belongs to.
    pub fn ledger(&self) -> &Path {
        &self.ledger
    }

    fn failed(&self, operation: &'static str) -> impl Fn(rusqlite::Error) -> MailError + use<> {
        let failed = StateError::of(operation, &self.path);
        move |cause| failed(cause).into()
    }

    /// What there is for this report, period, team and recipient.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub fn find(
        &self,
        report: &str,
        period: &str,
        team: Option<&str>,
        recipient: &super::Address,
    ) -> Result<Option<Delivery>, MailError> {
        find(&self.connection, (report, period, team.unwrap_or_default()), recipient)
            .map_err(self.failed("read the record of mail"))
    }

    /// A letter as it was sent, by its number; nothing where there is none, or it is kept no longer.
    ///
    /// # Errors
    /// When the record or the archive cannot be read.
    pub fn archived(&self, id: i64) -> Result<Option<Vec<u8>>, MailError> {
        let failed = self.failed("read the record of mail");
        let sql = "select archive from deliveries where id = ?";
        let place: Option<String> =
            self.connection.query_row(sql, [id], |row| row.get(0)).optional().map_err(failed)?;
        match place.map(|place| archive::read(&self.ledger, &place)).transpose() {
            Err(MailError::Archive { cause, .. }) if cause.kind() == std::io::ErrorKind::NotFound => Ok(None),
            other => other,
        }
    }

    /// Archives a letter and puts it in line, unless there is one for the same report, period,
    /// team and recipient: whatever became of that, this one is not sent. Whoever else writes
    /// the record is waited for, whoever sends is not.
    ///
    /// # Errors
    /// When it cannot be archived or recorded.
    pub fn queue(&mut self, letter: &Letter, now: Instant) -> Result<Queued, MailError> {
        let failed = self.failed("write the record of mail");
        let team = letter.team.as_deref().unwrap_or_default();
        // Two at once must not archive different letters under one name.
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(&failed)?;
        let key = (letter.report.as_str(), letter.period.as_str(), team);
        if let Some(known) = find(&transaction, key, &letter.recipient).map_err(&failed)? {
            return Ok(Queued::Known(Box::new(known)));
        }
        let place = archive::place(&letter.report, &letter.period, &letter.file);
        archive::write(&self.ledger, &place, &letter.content)?;
        transaction
            .execute(
                "insert into deliveries (report, period, team, recipient, address, message_id, subject, archive,
                    state, attempts, queued_at, updated_at)
                values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 0, ?10, ?10)",
                params![
                    letter.report,
                    letter.period,
                    team,
                    letter.recipient.key(),
                    letter.recipient.to_string(),
                    letter.message_id,
                    letter.subject,
                    place.display().to_string(),
                    State::Queued.name(),
                    instant_text(now),
                ],
            )
            .map_err(&failed)?;
        transaction
            .execute(
                "delete from withheld where report = ? and period = ? and team = ?",
                params![letter.report, letter.period, team],
            )
            .map_err(&failed)?;
        transaction.commit().map_err(&failed)?;
        Ok(Queued::New)
    }

    /// Notes that a report was not mailed, and why; an earlier note of it is replaced.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn withhold(&mut self, withheld: &Withheld) -> Result<(), MailError> {
        self.connection
            .execute(
                "insert into withheld (report, period, team, reason, at) values (?, ?, ?, ?, ?)
                on conflict do update set reason = excluded.reason, at = excluded.at",
                params![
                    withheld.report,
                    withheld.period,
                    withheld.team.as_deref().unwrap_or_default(),
                    withheld.reason,
                    instant_text(withheld.at)
                ],
            )
            .map(|_| ())
            .map_err(self.failed("write the record of mail"))
    }

    /// Keeps the figures a report had when it was first made for its readers.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn keep_reported(&mut self, figures: &[Reported]) -> Result<(), MailError> {
        let failed = self.failed("write the record of mail");
        let transaction = self.connection.transaction().map_err(&failed)?;
        for one in figures {
            transaction
                .execute(
                    "insert into reported (report, period, team, basis, currency, cost, published_at)
                    values (?, ?, ?, ?, ?, ?, ?) on conflict do nothing",
                    params![
                        one.report,
                        one.period,
                        one.team.as_deref().unwrap_or_default(),
                        one.basis.name(),
                        one.currency.code(),
                        one.cost.to_string(),
                        exact_text(one.published_at),
                    ],
                )
                .map_err(&failed)?;
        }
        transaction.commit().map_err(&failed)
    }

    /// The figures that the reports of a period had when they were first made.
    ///
    /// # Errors
    /// When the record cannot be read, or holds what this build never wrote.
    pub fn reported(&self, report: &str, period: &str) -> Result<Vec<Reported>, MailError> {
        let failed = self.failed("read the record of mail");
        let sql = "select report, period, team, basis, currency, cost, published_at from reported
            where report = ? and period = ?";
        let mut statement = self.connection.prepare(sql).map_err(&failed)?;
        let rows = statement.query_map([report, period], row::reported).map_err(&failed)?;
        rows.collect::<Result<_, _>>().map_err(&failed)
    }

    /// Letters that may be sent now, the oldest first. `all` disregards the wait after a failed
    /// attempt.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub fn due(&self, now: Instant, all: bool) -> Result<Vec<Delivery>, MailError> {
        let waits = |delivery: &Delivery| delivery.next_attempt_at.is_some_and(|at| at > now) && !all;
        let mut due = self.list(&format!(
            "select {COLUMNS} from deliveries where state in ('queued', 'retry') order by id"
        ))?;
        due.retain(|delivery| !waits(delivery));
        Ok(due)
    }

    /// Whether a letter is being handed over, or was when its sender died.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub fn is_sending(&self) -> Result<bool, MailError> {
        let sql = "select exists (select 1 from deliveries where state = 'sending')";
        let failed = self.failed("read the record of mail");
        self.connection.query_row(sql, [], |row| row.get(0)).map_err(failed)
    }

    /// Every letter, the newest first.
    ///
    /// # Errors
    /// When the record cannot be read, or holds what this build never wrote.
    pub fn deliveries(&self) -> Result<Vec<Delivery>, MailError> {
        self.list(&format!("select {COLUMNS} from deliveries order by id desc"))
    }

    /// How many letters there are by state; of states that no letter is in there is nothing.
    ///
    /// # Errors
    /// When the record cannot be read, or holds what this build never wrote.
    pub fn states(&self) -> Result<BTreeMap<State, usize>, MailError> {
        let failed = self.failed("read the record of mail");
        let sql = "select state, count(*) from deliveries group by state";
        let mut statement = self.connection.prepare(sql).map_err(&failed)?;
        let rows = statement.query_map([], |row| Ok((row::state(row, 0)?, row.get(1)?))).map_err(&failed)?;
        rows.collect::<Result<_, _>>().map_err(&failed)
    }

    /// Deletes letters of some reports, record and file, of which nothing was heard since a moment;
    /// those that may go still stay. Says how many.
    ///
    /// # Errors
    /// When the record cannot be written, or a file not be deleted.
    pub fn forget(&mut self, reports: &[&str], before: Instant) -> Result<usize, MailError> {
        let failed = self.failed("write the record of mail");
        let mut places: Vec<String> = Vec::new();
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(&failed)?;
        for report in reports {
            let sql = "delete from deliveries where report = ? and updated_at < ?
                and state not in ('queued', 'sending', 'retry') returning archive";
            let mut statement = transaction.prepare(sql).map_err(&failed)?;
            let rows = statement
                .query_map([*report, &instant_text(before)], |row| row.get::<_, String>(0))
                .map_err(&failed)?;
            places.extend(rows.collect::<Result<Vec<_>, _>>().map_err(&failed)?);
        }
        transaction.commit().map_err(&failed)?;
        // A file that is left by a crash here goes with the oldest of its report.
        places.iter().try_for_each(|place| archive::delete(&self.ledger, place))?;
        Ok(places.len())
    }

    /// Deletes the letters of a report but of the newest `keep` periods, and of those of which a
    /// letter was not sent: it may go still. Says how many periods went; the record stays.
    ///
    /// # Errors
    /// When the record or a directory cannot be read, or a file not be deleted.
    pub fn prune(&mut self, report: &str, keep: usize) -> Result<usize, MailError> {
        let failed = self.failed("read the record of mail");
        // A letter that is put in line meanwhile must not lose its file.
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(&failed)?;
        let needed = needed(&transaction, report).map_err(&failed)?;
        archive::prune(&self.ledger, report, keep, &needed)
    }

    /// Reports that were not mailed, the newest first.
    ///
    /// # Errors
    /// When the record cannot be read, or holds what this build never wrote.
    pub fn withheld(&self) -> Result<Vec<Withheld>, MailError> {
        let failed = self.failed("read the record of mail");
        let sql = "select report, period, team, reason, at from withheld order by at desc, team";
        let mut statement = self.connection.prepare(sql).map_err(&failed)?;
        let rows = statement.query_map([], row::withheld).map_err(&failed)?;
        rows.collect::<Result<_, _>>().map_err(&failed)
    }

    fn list(&self, sql: &str) -> Result<Vec<Delivery>, MailError> {
        let failed = self.failed("read the record of mail");
        let mut statement = self.connection.prepare(sql).map_err(&failed)?;
        let rows = statement.query_map([], delivery).map_err(&failed)?;
        rows.collect::<Result<_, _>>().map_err(&failed)
    }

    /// Records what becomes of a letter. When this returns, it is on disk.
    pub(super) fn record(
        &mut self,
        id: i64,
        state: State,
        note: Option<&str>,
        next_attempt_at: Option<Instant>,
        now: Instant,
    ) -> Result<(), MailError> {
        // An attempt is counted when it is over.
        self.connection
            .execute(
                "update deliveries set state = ?1, note = ?2, next_attempt_at = ?3, updated_at = ?4,
                    attempts = attempts + (?1 in ('retry', 'refused', 'sent', 'doubtful'))
                where id = ?5",
                params![state.name(), note, next_attempt_at.map(instant_text), instant_text(now), id],
            )
            .map(drop)
            .map_err(self.failed("write the record of mail"))
    }

    /// Letters whose sender died between the intent and the answer become doubtful; only who
    /// holds the lock may say so.
    pub(super) fn doubt_stranded(
        &mut self,
        _lock: &SenderLock,
        now: Instant,
    ) -> Result<Vec<Delivery>, MailError> {
        let stranded =
            self.list(&format!("select {COLUMNS} from deliveries where state = 'sending' order by id"))?;
        for delivery in &stranded {
            let note = "the sending process ended before the server's answer";
            self.record(delivery.id, State::Doubtful, Some(note), None, now)?;
        }
        Ok(stranded)
    }

    /// Puts letters of some reports and of one state in line again: who asks has decided that a
    /// second one is better than none. Says how many.
    ///
    /// # Errors
    /// When the record cannot be read or written.
    pub fn requeue(&mut self, reports: &[&str], state: State, now: Instant) -> Result<usize, MailError> {
        let is_asked =
            |delivery: &Delivery| delivery.state == state && reports.contains(&delivery.report.as_str());
        let again = self.deliveries()?.into_iter().filter(is_asked);
        let again: Vec<i64> = again.map(|delivery| delivery.id).collect();
        for id in &again {
            self.record(*id, State::Queued, Some("put in line again by hand"), None, now)?;
        }
        Ok(again.len())
    }
}

/// The letter of a report, a period, a team (empty: the platform) and a recipient.
fn find(
    connection: &Connection,
    (report, period, team): (&str, &str, &str),
    recipient: &super::Address,
) -> rusqlite::Result<Option<Delivery>> {
    let sql = format!(
        "select {COLUMNS} from deliveries where report = ? and period = ? and team = ? and recipient = ?"
    );
    connection.query_row(&sql, params![report, period, team, recipient.key()], delivery).optional()
}

/// Periods of a report of which a letter may go still.
fn needed(connection: &Connection, report: &str) -> rusqlite::Result<BTreeSet<String>> {
    let sql = "select distinct period from deliveries where report = ? and state not in ('sent', 'dropped')";
    let mut statement = connection.prepare(sql)?;
    statement.query_map([report], |row| row.get(0))?.collect()
}

#[cfg(test)]
mod tests;
