//! The record of scheduled runs: what was due, when it ran, what came of it.

use std::fmt;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use chrono::TimeDelta;
use model::time::Instant;
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::{Due, Schedule};
use crate::lifecycle::STATE;
use crate::state::{LockError, StateError};

/// Attempts for one moment: a job that fails for a passing reason is tried again.
const ATTEMPTS: u32 = 3;
/// Wait before another attempt, times the attempts made.
const RETRY: TimeDelta = TimeDelta::minutes(5);
/// Runs whose outcome is kept.
const KEPT: i64 = 5_000;

const SCHEMA: &str = "
    create table if not exists schedules (
        name text primary key, spec text not null, first_seen_at text not null
    ) strict;
    create table if not exists schedule_runs (
        id integer primary key, schedule text not null, job text not null, due_at text not null,
        attempt integer not null, missed integer not null, started_at text not null, ended_at text,
        outcome text not null, note text,
        unique (schedule, due_at, attempt)
    ) strict;";

/// Why the record of scheduled runs could not be kept.
#[derive(Debug, thiserror::Error)]
pub enum ScheduleError {
    /// SQLite failed.
    #[error(transparent)]
    State(#[from] StateError),
    /// Whether another process has the lock cannot be told.
    #[error(transparent)]
    Lock(#[from] LockError),
}

/// What came of a scheduled run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It goes on.
    Running,
    /// All of it was done.
    Done,
    /// It was done but for something that is named in its log.
    Partial,
    /// It could not be done.
    Failed,
    /// Its process ended before it did.
    Interrupted,
}

impl Outcome {
    const ALL: [Self; 5] = [Self::Running, Self::Done, Self::Partial, Self::Failed, Self::Interrupted];

    /// Its word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Done => "done",
            Self::Partial => "partial",
            Self::Failed => "failed",
            Self::Interrupted => "interrupted",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Outcome {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|outcome| outcome.name() == text).ok_or(())
    }
}

/// A run as the record has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScheduledRun {
    /// Name of its schedule.
    pub schedule: String,
    /// What ran.
    pub job: String,
    /// The moment it was due, or was asked for by hand.
    pub due_at: Instant,
    /// Which attempt for that moment.
    pub attempt: u32,
    /// Earlier moments that passed without a run.
    pub missed: u32,
    /// When it began.
    pub started_at: Instant,
    /// When it ended.
    pub ended_at: Option<Instant>,
    /// What came of it.
    pub outcome: Outcome,
    /// Why, where it did not go well.
    pub note: Option<String>,
}

/// The right to run scheduled jobs, held until dropped. The operating system ends it with the
/// process, so that one that was killed blocks nobody.
#[derive(Debug)]
pub struct ScheduleLock {
    _file: File,
}

impl ScheduleLock {
    /// Takes the lock; nothing while another process has it.
    ///
    /// # Errors
    /// When the lock's file cannot be made.
    pub fn acquire(ledger: &Path) -> Result<Option<Self>, ScheduleError> {
        let path = ledger.join("schedule.lock");
        let failed = |cause| LockError::of(&path, cause);
        fs::create_dir_all(ledger).map_err(failed)?;
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(cause)) => Err(failed(cause).into()),
        }
    }
}

/// The record of scheduled runs of one ledger.
pub struct ScheduleRecord {
    path: PathBuf,
    connection: Connection,
}

impl ScheduleRecord {
    /// Opens the record of a ledger, which is made where there is none.
    ///
    /// # Errors
    /// When the file cannot be opened or is of another kind.
    pub fn open(ledger: &Path) -> Result<Self, ScheduleError> {
        let path = ledger.join(STATE);
        let failed = StateError::of("open the record of scheduled runs", &path);
        if let Err(cause) = fs::create_dir_all(ledger) {
            return Err(LockError::of(ledger, cause).into());
        }
        let connection = crate::state::open(&path, SCHEMA).map_err(failed)?;
        Ok(Self { path, connection })
    }

    fn failed(&self, operation: &'static str) -> impl Fn(rusqlite::Error) -> ScheduleError + use<> {
        let failed = StateError::of(operation, &self.path);
        move |cause| failed(cause).into()
    }

    /// Whether a schedule's time has come. A schedule that was never seen before, or says
    /// something else than then, begins now: nothing of the past is missed.
    ///
    /// # Errors
    /// When the record cannot be read or written.
    pub fn due(&self, schedule: &Schedule, now: Instant) -> Result<Option<Due>, ScheduleError> {
        let seen = self.seen(schedule, now)?;
        let last = self.last(&schedule.name)?.filter(|run| run.due_at >= seen);
        let since = last.as_ref().map_or(seen, |run| run.due_at);
        if let Some((at, missed)) = schedule.last_passed(since, now) {
            return Ok(Some(Due { at, missed, attempt: 1 }));
        }
        let again = last.filter(|run| {
            let wait = RETRY * i32::try_from(run.attempt).unwrap_or(i32::MAX);
            match run.outcome {
                // Nothing was wrong with the job: it is taken up again at once.
                Outcome::Interrupted => run.attempt < ATTEMPTS,
                Outcome::Failed => {
                    run.attempt < ATTEMPTS && run.ended_at.is_some_and(|ended| ended + wait <= now)
                }
                Outcome::Running | Outcome::Done | Outcome::Partial => false,
            }
        });
        Ok(again.map(|run| Due { at: run.due_at, missed: run.missed, attempt: run.attempt + 1 }))
    }

    /// Since when a schedule is known as it is.
    fn seen(&self, schedule: &Schedule, now: Instant) -> Result<Instant, ScheduleError> {
        let failed = self.failed("write the record of schedules");
        self.connection
            .execute(
                "insert into schedules (name, spec, first_seen_at) values (?1, ?2, ?3)
                on conflict (name) do update set spec = ?2, first_seen_at = ?3 where spec <> ?2",
                params![schedule.name, schedule.to_string(), text(now)],
            )
            .map_err(&failed)?;
        let sql = "select first_seen_at from schedules where name = ?";
        self.connection.query_row(sql, [&schedule.name], |row| parsed(row, 0)).map_err(&failed)
    }

    /// The last run of a schedule for a moment of its own, not one asked for by hand.
    fn last(&self, schedule: &str) -> Result<Option<ScheduledRun>, ScheduleError> {
        let sql = format!(
            "select {COLUMNS} from schedule_runs where schedule = ? and attempt > 0 order by due_at desc, attempt desc limit 1"
        );
        let found = self.connection.query_row(&sql, [schedule], run).optional();
        found.map_err(self.failed("read the record of scheduled runs"))
    }

    /// Notes that a run begins; its number.
    ///
    /// # Errors
    /// When the record cannot be written.
    pub fn begin(
        &self,
        _lock: &ScheduleLock,
        schedule: &Schedule,
        due: Due,
        now: Instant,
    ) -> Result<i64, ScheduleError> {
        self.connection
            .execute(
                "insert into schedule_runs (schedule, job, due_at, attempt, missed, started_at, outcome)
                values (?, ?, ?, ?, ?, ?, 'running')",
                params![schedule.name, schedule.job, text(due.at), due.attempt, due.missed, text(now)],
            )
            .map(|_| self.connection.last_insert_rowid())
            .map_err(self.failed("write the record of scheduled runs"))
    }

    /// Notes how a run ended.
    ///
    /// # Errors
    /// When the record cannot be written.
    pub fn end(
        &self,
        id: i64,
        outcome: Outcome,
        note: Option<&str>,
        now: Instant,
    ) -> Result<(), ScheduleError> {
        let failed = self.failed("write the record of scheduled runs");
        let sql = "update schedule_runs set outcome = ?, note = ?, ended_at = ? where id = ?";
        self.connection.execute(sql, params![outcome.name(), note, text(now), id]).map_err(&failed)?;
        self.prune(KEPT).map(drop).map_err(&failed)
    }

    /// Deletes runs but for the newest `keep` and the last of each schedule, by which it is known not
    /// to be due: a schedule of once a year may have run before all that are kept.
    fn prune(&self, keep: i64) -> rusqlite::Result<usize> {
        self.connection.execute(
            "delete from schedule_runs
            where id <= (select max(id) from schedule_runs) - ? and id not in (
                select id
                from (
                    select id, row_number() over (partition by schedule order by due_at desc, attempt desc) as nth
                    from schedule_runs
                    where attempt > 0
                )
                where nth = 1
            )",
            [keep],
        )
    }

    /// Notes that runs whose process died were interrupted: who holds the lock knows that none
    /// goes on. Says how many.
    ///
    /// # Errors
    /// When the record cannot be written.
    pub fn interrupt_stranded(&self, _lock: &ScheduleLock, now: Instant) -> Result<usize, ScheduleError> {
        self.connection
            .execute(
                "update schedule_runs set outcome = 'interrupted', note = 'its process ended', ended_at = ?
                where outcome = 'running'",
                [text(now)],
            )
            .map_err(self.failed("write the record of scheduled runs"))
    }

    /// The runs, the newest first.
    ///
    /// # Errors
    /// When the record cannot be read, or holds what this build never wrote.
    pub fn history(&self, limit: u32) -> Result<Vec<ScheduledRun>, ScheduleError> {
        let failed = self.failed("read the record of scheduled runs");
        let sql = format!("select {COLUMNS} from schedule_runs order by id desc limit ?");
        let mut statement = self.connection.prepare(&sql).map_err(&failed)?;
        let rows = statement.query_map([limit], run).map_err(&failed)?;
        rows.collect::<Result<_, _>>().map_err(&failed)
    }
}

const COLUMNS: &str = "schedule, job, due_at, attempt, missed, started_at, ended_at, outcome, note";

fn run(row: &rusqlite::Row<'_>) -> rusqlite::Result<ScheduledRun> {
    Ok(ScheduledRun {
        schedule: row.get(0)?,
        job: row.get(1)?,
        due_at: parsed(row, 2)?,
        attempt: row.get(3)?,
        missed: row.get(4)?,
        started_at: parsed(row, 5)?,
        ended_at: row.get::<_, Option<String>>(6)?.map(|_| parsed(row, 6)).transpose()?,
        outcome: parsed(row, 7)?,
        note: row.get(8)?,
    })
}

fn parsed<T: FromStr>(row: &rusqlite::Row<'_>, at: usize) -> rusqlite::Result<T> {
    let text: String = row.get(at)?;
    text.parse().map_err(|_| {
        let fault = format!("`{text}` is nothing this build writes");
        rusqlite::Error::FromSqlConversionFailure(at, Type::Text, fault.into())
    })
}

fn text(at: Instant) -> String {
    at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use chrono_tz::Tz;

    use super::*;

    fn at(text: &str) -> Instant {
        text.parse().unwrap()
    }

    fn daily(cron: &str) -> Schedule {
        Schedule::new("daily", "run", cron, Tz::UTC, Duration::ZERO).unwrap()
    }

    #[test]
    fn what_was_missed_is_caught_up_once() {
        let ledger = tempfile::tempdir().unwrap();
        let record = ScheduleRecord::open(ledger.path()).unwrap();
        let daily = daily("0 6 * * *");
        assert_eq!(
            record.due(&daily, at("2026-10-01T12:00:00Z")).unwrap(),
            None,
            "nothing of the past is missed"
        );
        assert_eq!(record.due(&daily, at("2026-10-02T05:00:00Z")).unwrap(), None);
        // Away from the 2nd to the 5th.
        let now = at("2026-10-05T12:00:00Z");
        let due = record.due(&daily, now).unwrap().unwrap();
        assert_eq!(due, Due { at: at("2026-10-05T06:00:00Z"), missed: 3, attempt: 1 });
        let lock = ScheduleLock::acquire(ledger.path()).unwrap().unwrap();
        assert!(ScheduleLock::acquire(ledger.path()).unwrap().is_none(), "one at a time");
        let id = record.begin(&lock, &daily, due, now).unwrap();
        record.end(id, Outcome::Done, None, now).unwrap();
        assert_eq!(record.due(&daily, at("2026-10-06T05:59:00Z")).unwrap(), None);
        assert!(record.due(&daily, at("2026-10-06T06:00:00Z")).unwrap().is_some());
    }

    #[test]
    fn a_failed_run_is_tried_again_and_an_interrupted_one_at_once_but_not_for_ever() {
        let ledger = tempfile::tempdir().unwrap();
        let record = ScheduleRecord::open(ledger.path()).unwrap();
        let daily = daily("0 6 * * *");
        record.due(&daily, at("2026-10-01T12:00:00Z")).unwrap();
        let lock = ScheduleLock::acquire(ledger.path()).unwrap().unwrap();
        let mut now = at("2026-10-02T06:00:00Z");
        let mut due = record.due(&daily, now).unwrap().unwrap();
        let id = record.begin(&lock, &daily, due, now).unwrap();
        record.end(id, Outcome::Failed, Some("no disk"), now).unwrap();
        assert_eq!(record.due(&daily, now + TimeDelta::minutes(4)).unwrap(), None);
        now += TimeDelta::minutes(5);
        due = record.due(&daily, now).unwrap().unwrap();
        assert_eq!((due.at, due.attempt), (at("2026-10-02T06:00:00Z"), 2));
        record.begin(&lock, &daily, due, now).unwrap();
        assert_eq!(record.due(&daily, now).unwrap(), None, "it runs");
        assert_eq!(record.interrupt_stranded(&lock, now).unwrap(), 1);
        due = record.due(&daily, now).unwrap().unwrap();
        assert_eq!(due.attempt, 3);
        let id = record.begin(&lock, &daily, due, now).unwrap();
        record.end(id, Outcome::Failed, Some("no disk"), now).unwrap();
        assert_eq!(
            record.due(&daily, now + TimeDelta::hours(12)).unwrap(),
            None,
            "three attempts are enough"
        );
        assert!(record.due(&daily, at("2026-10-03T06:00:00Z")).unwrap().is_some());
        let outcomes: Vec<_> =
            record.history(10).unwrap().into_iter().map(|run| run.outcome.name()).collect();
        assert_eq!(outcomes, ["failed", "interrupted", "failed"]);
    }

    #[test]
    fn what_ran_long_ago_is_not_due_again_when_the_history_is_cut() {
        let ledger = tempfile::tempdir().unwrap();
        let record = ScheduleRecord::open(ledger.path()).unwrap();
        let lock = ScheduleLock::acquire(ledger.path()).unwrap().unwrap();
        let named =
            |name: &str, cron: &str| Schedule::new(name, "run", cron, Tz::UTC, Duration::ZERO).unwrap();
        let (yearly, hourly) = (named("yearly", "0 6 2 10 *"), named("hourly", "0 * * * *"));
        let begin = at("2026-10-01T12:00:00Z");
        assert_eq!((record.due(&yearly, begin).unwrap(), record.due(&hourly, begin).unwrap()), (None, None));
        let run = |schedule: &Schedule, now: Instant, outcome: Outcome| {
            let due = record.due(schedule, now).unwrap().unwrap();
            let id = record.begin(&lock, schedule, due, now).unwrap();
            record.end(id, outcome, None, now).unwrap();
        };
        let once = at("2026-10-02T06:00:00Z");
        run(&yearly, once, Outcome::Failed);
        run(&yearly, once + TimeDelta::minutes(5), Outcome::Done);
        for hours in 1..=5 {
            run(&hourly, once + TimeDelta::hours(hours), Outcome::Done);
        }
        // By hand: no moment of its own.
        let by_hand = Due { at: once + TimeDelta::hours(5), missed: 0, attempt: 0 };
        let id = record.begin(&lock, &yearly, by_hand, by_hand.at).unwrap();
        record.end(id, Outcome::Done, None, by_hand.at).unwrap();
        assert_eq!(record.prune(2).unwrap(), 5, "four of the hours and the first attempt");
        let kept: Vec<_> =
            record.history(10).unwrap().into_iter().map(|run| (run.schedule, run.attempt)).collect();
        let expected = [("yearly", 0), ("hourly", 1), ("yearly", 2)];
        assert_eq!(kept, expected.map(|(name, attempt)| (name.to_owned(), attempt)));
        for schedule in [&yearly, &hourly] {
            assert_eq!(record.due(schedule, by_hand.at).unwrap(), None, "{}", schedule.name);
        }
    }

    #[test]
    fn another_time_begins_anew() {
        let ledger = tempfile::tempdir().unwrap();
        let record = ScheduleRecord::open(ledger.path()).unwrap();
        record.due(&daily("0 6 * * *"), at("2026-10-01T12:00:00Z")).unwrap();
        let later = daily("0 18 * * *");
        assert_eq!(record.due(&later, at("2026-10-05T20:00:00Z")).unwrap(), None);
        assert!(record.due(&later, at("2026-10-06T18:00:00Z")).unwrap().is_some());
    }
}
