//! What became of findings, in `state.sqlite` beside the marts: who looks after one, until
//! when it may wait, why it is none, that it is gone by the evidence, and what its fix saved.
//!
//! Marts come and go; a finding's id stays the same (detector, subject and currency make it).
//! The realised saving compares the bill after a fix with the days before it: the mean cost a day
//! of what the fix makes cheaper ([`Measure`]) in the four weeks up to the last day it was
//! wasteful, less the mean of the days since. Both spans are kept, so that a person can see what is compared.

mod life;
mod measure;
mod rows;
mod together;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use attribution::mart::{Finding, FindingQuery, Mart, SubjectDay};
use chrono::{Days, NaiveDate};
use model::money::SCALE;
use model::time::Instant;
use model::{Amount, Currency};
use rusqlite::{Connection, TransactionBehavior, params};

use self::rows::{event, is_as_read, tracked_row, write_finding};
use crate::state::StateError;

pub use self::life::{Act, Event, Realised, Status, Tracked};
pub use self::measure::Measure;
pub use self::together::realised_together;

/// File in the ledger.
pub const STATE: &str = "state.sqlite";
const SCHEMA: &str = "
    create table if not exists findings (
        finding_id text primary key, detector text not null, subject_kind text not null, subject text not null,
        team text, currency text not null, status text not null, assignee text, snoozed_until text, reason text,
        opened_on text not null, last_seen_on text not null, resolved_on text,
        promised_saving text not null, baseline_from text, baseline_to text, baseline_cost text,
        measured_from text, measured_to text, measured_cost text, updated_at text not null
    ) strict;
    create table if not exists finding_events (
        finding_id text not null, at text not null, status text not null, note text
    ) strict;
    create table if not exists finding_settings (
        finding_id text primary key, settings text not null
    ) strict;";

/// Who did it, which records of earlier builds have no column for.
const WHO: &str = "alter table finding_events add column who text";

/// Why the state could not be kept.
#[derive(Debug, thiserror::Error)]
pub enum LifecycleError {
    /// SQLite failed.
    #[error(transparent)]
    State(#[from] StateError),
    /// No finding has this id.
    #[error("no finding has the id `{id}`")]
    Unknown {
        /// What was asked for.
        id: String,
    },
    /// More than one begins with it.
    #[error("{count} findings have ids that begin with `{id}`")]
    Ambiguous {
        /// What was asked for.
        id: String,
        /// How many.
        count: usize,
    },
    /// It is over: there is nothing to mend.
    #[error("finding {id} is resolved: its evidence is gone")]
    Over {
        /// Its id.
        id: String,
    },
    /// The mart failed.
    #[error(transparent)]
    Mart(#[from] attribution::MartError),
}

impl LifecycleError {
    /// What to do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Unknown { .. } => Some("see them with `lakeledger waste --all`"),
            Self::Ambiguous { .. } => Some("give more of the id"),
            Self::Over { .. } => {
                Some("it opens by itself if it comes back; it can be dismissed, so that it does not")
            }
            _ => None,
        }
    }
}

/// The record of findings of one ledger.
pub struct Lifecycle {
    path: PathBuf,
    connection: Connection,
}

/// What a look at the newest mart changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Synced {
    /// Findings seen for the first time.
    pub opened: usize,
    /// Those that came back.
    pub reopened: usize,
    /// Those that are gone.
    pub resolved: usize,
}

impl Synced {
    /// Counts a finding that got a status.
    fn count(&mut self, status: Status) {
        match status {
            Status::New => self.opened += 1,
            Status::Reopened => self.reopened += 1,
            Status::Resolved => self.resolved += 1,
            Status::Acknowledged | Status::Assigned | Status::Snoozed | Status::Dismissed => {}
        }
    }
}

/// What a look at a mart makes of the record as it was read before.
#[derive(Default)]
struct Look<'a> {
    /// Findings that are there, the status each gets, and what was known of it.
    changes: Vec<(&'a Finding, Status, Option<&'a Tracked>)>,
    /// Those whose evidence is gone, and the day after the last.
    gone: Vec<(&'a Tracked, NaiveDate)>,
    /// Resolved ones that ended on another day than was noted.
    moved: Vec<(&'a Tracked, NaiveDate)>,
    /// What fixes saved, by id.
    savings: Vec<(&'a str, Realised)>,
}

impl Lifecycle {
    /// Opens the record of a ledger, which is made where there is none.
    ///
    /// # Errors
    /// When the file cannot be opened or is of another kind.
    pub fn open(ledger: &Path) -> Result<Self, LifecycleError> {
        let path = ledger.join(STATE);
        let failed = StateError::of("open the record of findings", &path);
        let connection = crate::state::open(&path, SCHEMA).map_err(&failed)?;
        let has_who = "select count(*) from pragma_table_info('finding_events') where name = 'who'";
        if connection.query_row(has_who, [], |row| row.get::<_, i64>(0)).map_err(&failed)? == 0 {
            // Another process may have added it since it was looked for.
            match connection.execute_batch(WHO) {
                Err(cause) if !cause.to_string().contains("duplicate column") => {
                    return Err(failed(cause).into());
                }
                _ => {}
            }
        }
        Ok(Self { path, connection })
    }

    fn failed(&self, operation: &'static str) -> impl Fn(rusqlite::Error) -> LifecycleError + use<> {
        let failed = StateError::of(operation, &self.path);
        move |cause| failed(cause).into()
    }

    /// Brings the record up to date with the newest mart: new findings open, those whose
    /// evidence is gone are resolved, those that came back are opened again, and fixes are
    /// measured over the days since.
    ///
    /// # Errors
    /// When the mart cannot be asked or the record not written.
    pub fn sync(&mut self, mart: &Mart, now: Instant) -> Result<Synced, LifecycleError> {
        let today = now.date_naive();
        let found =
            mart.findings(&FindingQuery { past: true, immaterial: true, ..FindingQuery::default() })?;
        let unsought = mart.disabled_detectors()?;
        let silences = mart.silences()?;
        let stale_days = mart.stale_days()?;
        let settings = mart.waste_settings()?;
        let seen_under = self.seen_under()?;
        let known = self.tracked()?;
        let mut look = Look::default();
        let mut measured = Vec::new();
        for finding in found.iter().filter(|finding| finding.is_open && finding.is_material) {
            let before = known.iter().find(|known| known.finding_id == finding.id);
            let status = match before {
                None => Status::New,
                Some(known) => match (known.status, known.snoozed_until) {
                    (Status::Resolved, _) => Status::Reopened,
                    (Status::Snoozed, Some(until)) if until <= today => Status::Reopened,
                    (status, _) => status,
                },
            };
            look.changes.push((finding, status, before));
        }
        for finding in found.iter().filter(|finding| !finding.is_open && finding.is_material) {
            // Over before anybody was told of it: still a fix that can be measured.
            if !known.iter().any(|known| known.finding_id == finding.id) {
                look.changes.push((finding, Status::Resolved, None));
                let it = finding;
                measured.push((
                    it.id.as_str(),
                    &it.detector,
                    (&it.subject_kind, &it.subject, it.currency),
                    it.end_day,
                ));
            }
        }
        for tracked in &known {
            let finding = found.iter().find(|finding| finding.id == tracked.finding_id);
            // One that is smaller than the floor now, or that nobody looks for any more, or that was
            // seen under other thresholds, is not mended.
            let is_unsought = || {
                let now = settings.get(&tracked.detector);
                unsought.contains(&tracked.detector)
                    || seen_under.get(&tracked.finding_id).is_some_and(|then| Some(then) != now)
            };
            // Nor one that was there as long as anybody looked: the logs it rests on ended with it.
            let kind = tracked.subject_kind.as_str();
            let is_silent = || {
                let days = stale_days.of(kind, &tracked.subject);
                let known = silences.known_until(&tracked.detector, kind, &tracked.subject);
                let over = tracked.last_seen_on.checked_add_days(Days::new(days)).unwrap_or(NaiveDate::MAX);
                known.is_some_and(|known| over > known)
            };
            let is_there = match finding {
                Some(finding) => finding.is_open,
                None => tracked.status != Status::Resolved && (is_unsought() || is_silent()),
            };
            if is_there || tracked.status == Status::Dismissed {
                continue;
            }
            let id = tracked.finding_id.as_str();
            if tracked.status != Status::Resolved {
                // Where it was seen up to is where it ended; a subject that left without a trace
                // ended the day it was last seen.
                let end = finding.filter(|finding| !finding.is_open).map(|finding| finding.end_day);
                let end = end.unwrap_or_else(|| tracked.last_seen_on + Days::new(1));
                look.gone.push((tracked, end));
                measured.push((id, &tracked.detector, subject(tracked), end));
            } else if let Some(noted) = tracked.resolved_on {
                // What is read later may know it to have gone on for longer.
                let end = finding.map_or(noted, |finding| finding.end_day);
                if end != noted {
                    look.moved.push((tracked, end));
                }
                measured.push((id, &tracked.detector, subject(tracked), end));
            }
        }
        let known_days = mart.info().first_day.zip(mart.waste_end()?);
        for (id, detector, (kind, subject, currency), end) in measured {
            let measure = Measure::of(detector);
            let days = if measure.is_asked() {
                found.iter().find(|finding| finding.id == *id).map_or_else(Vec::new, asked_days)
            } else {
                mart.subject_days(kind, subject, currency)?
            };
            // What a subject costs is known no longer than what it did.
            let silent = silences.known_until(detector, kind, subject).map(|known| known + Days::new(1));
            let known_days = known_days.map(|(first, last)| (first, last.min(silent.unwrap_or(last))));
            look.savings
                .extend(known_days.and_then(|known| Some((id, measure.realised(&days, end, known)?))));
        }
        self.write(&look, &settings, now)
    }

    /// Writes what a look at the mart came to. Marts are asked for seconds, in which a person may have decided
    /// on a finding: what is no longer as it was read stays, and the next look follows it.
    fn write(
        &mut self,
        look: &Look<'_>,
        settings: &HashMap<String, String>,
        now: Instant,
    ) -> Result<Synced, LifecycleError> {
        let failed = self.failed("write the record of findings");
        let mut synced = Synced::default();
        // Nobody else writes from here on: what is as it was read stays so until it is written.
        let transaction =
            self.connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(&failed)?;
        for (finding, status, before) in &look.changes {
            if !is_as_read(&transaction, &finding.id, *before).map_err(&failed)? {
                continue;
            }
            write_finding(&transaction, finding, *status, now).map_err(&failed)?;
            if let Some(settings) = settings.get(&finding.detector) {
                transaction
                    .execute(
                        "insert or replace into finding_settings values (?, ?)",
                        params![finding.id, settings],
                    )
                    .map_err(&failed)?;
            }
            if before.map(|known| known.status) != Some(*status) {
                synced.count(*status);
                event(&transaction, &finding.id, *status, None, None, now).map_err(&failed)?;
            }
        }
        for (tracked, end) in &look.gone {
            let id = &tracked.finding_id;
            if !is_as_read(&transaction, id, Some(*tracked)).map_err(&failed)? {
                continue;
            }
            transaction
                .execute(
                    "update findings set status = ?, resolved_on = ?, updated_at = ? where finding_id = ?",
                    params![Status::Resolved.name(), end.to_string(), now.to_rfc3339(), id],
                )
                .map_err(&failed)?;
            synced.count(Status::Resolved);
            event(&transaction, id, Status::Resolved, Some("the evidence is gone"), None, now)
                .map_err(&failed)?;
        }
        for (tracked, end) in &look.moved {
            transaction
                .execute(
                    "update findings set resolved_on = ? where finding_id = ? and status = ?",
                    params![end.to_string(), tracked.finding_id, Status::Resolved.name()],
                )
                .map_err(&failed)?;
        }
        for (id, saving) in &look.savings {
            transaction
                .execute(
                    "update findings set baseline_from = ?, baseline_to = ?, baseline_cost = ?,
                        measured_from = ?, measured_to = ?, measured_cost = ? where finding_id = ? and status = ?",
                    params![
                        saving.baseline.0.to_string(),
                        saving.baseline.1.to_string(),
                        saving.baseline_cost.to_string(),
                        saving.measured.0.to_string(),
                        saving.measured.1.to_string(),
                        saving.measured_cost.to_string(),
                        id,
                        Status::Resolved.name()
                    ],
                )
                .map_err(&failed)?;
        }
        transaction.commit().map_err(&failed)?;
        Ok(synced)
    }

    /// Does something with a finding, by the beginning of its id; gives the whole id.
    ///
    /// # Errors
    /// When no finding, or more than one, begins with it, and when it is resolved and not to be
    /// dismissed.
    pub fn act(&mut self, id: &str, act: &Act, now: Instant) -> Result<String, LifecycleError> {
        self.act_by(id, act, None, now)
    }

    /// As [`Self::act`], with who did it.
    ///
    /// # Errors
    /// As [`Self::act`].
    pub fn act_by(
        &mut self,
        id: &str,
        act: &Act,
        who: Option<&str>,
        now: Instant,
    ) -> Result<String, LifecycleError> {
        let failed = self.failed("write the record of findings");
        let ids: Vec<String> = self
            .connection
            .prepare("select finding_id from findings where substr(finding_id, 1, length(?1)) = ?1")
            .and_then(|mut statement| statement.query_map([id], |row| row.get(0))?.collect())
            .map_err(&failed)?;
        let id = match ids.as_slice() {
            [] => return Err(LifecycleError::Unknown { id: id.to_owned() }),
            [id] => id.clone(),
            more => return Err(LifecycleError::Ambiguous { id: id.to_owned(), count: more.len() }),
        };
        let is_over = self.find(&id)?.is_some_and(|tracked| tracked.status == Status::Resolved);
        if is_over && !matches!(act, Act::Dismiss(_)) {
            return Err(LifecycleError::Over { id });
        }
        let (status, assignee, until, reason) = match act {
            Act::Acknowledge => (Status::Acknowledged, None, None, None),
            Act::Assign(who) => (Status::Assigned, Some(who.as_str()), None, None),
            Act::Snooze(until) => (Status::Snoozed, None, Some(until.to_string()), None),
            Act::Dismiss(reason) => (Status::Dismissed, None, None, Some(reason.as_str())),
            Act::Reopen => (Status::Reopened, None, None, None),
        };
        let transaction = self.connection.transaction().map_err(&failed)?;
        transaction
            .execute(
                "update findings set status = ?, assignee = coalesce(?, assignee), snoozed_until = ?, reason = ?,
                    updated_at = ? where finding_id = ?",
                params![status.name(), assignee, until, reason, now.to_rfc3339(), id],
            )
            .map_err(&failed)?;
        let note = assignee.map(str::to_owned).or(until).or(reason.map(str::to_owned));
        event(&transaction, &id, status, note.as_deref(), who, now).map_err(&failed)?;
        transaction.commit().map_err(&failed)?;
        Ok(id)
    }

    /// Everything that is known of findings, what promised most first.
    ///
    /// # Errors
    /// When the record cannot be read, or holds what this build never wrote.
    pub fn tracked(&self) -> Result<Vec<Tracked>, LifecycleError> {
        let failed = self.failed("read the record of findings");
        let mut statement = self
            .connection
            .prepare(
                "select finding_id, detector, subject_kind, subject, team, currency, status, assignee, snoozed_until,
                    reason, opened_on, last_seen_on, resolved_on, promised_saving, baseline_from, baseline_to,
                    baseline_cost, measured_from, measured_to, measured_cost
                from findings order by cast(promised_saving as real) desc, finding_id",
            )
            .map_err(&failed)?;
        let rows = statement.query_map([], tracked_row).map_err(&failed)?;
        rows.collect::<Result<_, _>>().map_err(&failed)
    }

    /// The settings each finding was last seen under, as a digest.
    fn seen_under(&self) -> Result<HashMap<String, String>, LifecycleError> {
        let failed = self.failed("read the record of findings");
        let sql = "select finding_id, settings from finding_settings";
        let mut statement = self.connection.prepare(sql).map_err(&failed)?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).map_err(&failed)?;
        rows.collect::<Result<_, _>>().map_err(&failed)
    }

    /// One finding, where it is known.
    ///
    /// # Errors
    /// As [`Self::tracked`].
    pub fn find(&self, id: &str) -> Result<Option<Tracked>, LifecycleError> {
        Ok(self.tracked()?.into_iter().find(|tracked| tracked.finding_id == id))
    }

    /// What happened to a finding, the oldest first.
    ///
    /// # Errors
    /// When the record cannot be read.
    pub fn events(&self, id: &str) -> Result<Vec<Event>, LifecycleError> {
        let failed = self.failed("read the record of findings");
        let mut statement = self
            .connection
            .prepare("select at, status, note, who from finding_events where finding_id = ? order by rowid")
            .map_err(&failed)?;
        let event = |row: &rusqlite::Row<'_>| {
            Ok(Event { at: row.get(0)?, status: row.get(1)?, note: row.get(2)?, who: row.get(3)? })
        };
        let rows = statement.query_map([id], event).map_err(&failed)?;
        rows.collect::<Result<_, _>>().map_err(&failed)
    }
}

/// What a finding asked for on each day.
fn asked_days(finding: &Finding) -> Vec<SubjectDay> {
    let days = finding.series.iter().map(|(day, cost)| SubjectDay {
        day: *day,
        // Whole hundredths of a cent, as the series is rounded.
        cost: Amount::from_units((cost * 1e4).round() as i128 * 10_i128.pow(SCALE - 4)),
        ..SubjectDay::default()
    });
    days.collect()
}

/// Kind, subject and currency of a finding.
fn subject(tracked: &Tracked) -> (&String, &String, Currency) {
    (&tracked.subject_kind, &tracked.subject, tracked.currency)
}

#[cfg(test)]
mod tests;
