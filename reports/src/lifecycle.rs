//! What became of findings, in `state.sqlite` beside the marts: who looks after one, until
//! when it may wait, why it is none, that it is gone by the evidence, and what its fix saved.
//!
//! Marts come and go; a finding's id stays the same (detector, subject and currency make it).
//! The realised saving compares the bill after a fix with the days before it: the mean cost a day
//! of what the fix makes cheaper ([`Measure`]) in the four weeks up to the last day it was
//! wasteful, less the mean of the days since. Both spans are kept, so that a person can see what is compared.

mod life;
mod measure;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use attribution::mart::{Finding, FindingQuery, Mart, SubjectDay};
use chrono::{Days, NaiveDate};
use model::money::SCALE;
use model::time::Instant;
use model::{Amount, Currency};
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::state::StateError;

pub use self::life::{Act, Event, Realised, Status, Tracked};
pub use self::measure::Measure;

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
        let mut synced = Synced::default();
        let (mut changes, mut measured) = (Vec::new(), Vec::new());
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
            synced.opened += usize::from(before.is_none());
            synced.reopened += usize::from(
                status == Status::Reopened && before.is_some_and(|it| it.status != Status::Reopened),
            );
            changes.push((finding, status, before.map(|known| known.status)));
        }
        for finding in found.iter().filter(|finding| !finding.is_open && finding.is_material) {
            // Over before anybody was told of it: still a fix that can be measured.
            if !known.iter().any(|known| known.finding_id == finding.id) {
                changes.push((finding, Status::Resolved, None));
                let it = finding;
                measured.push((
                    &it.id,
                    &it.detector,
                    (&it.subject_kind, &it.subject, it.currency),
                    it.end_day,
                ));
                synced.resolved += 1;
            }
        }
        let (mut gone, mut moved) = (Vec::new(), Vec::new());
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
            if tracked.status != Status::Resolved {
                // Where it was seen up to is where it ended; a subject that left without a trace
                // ended the day it was last seen.
                let end = finding.filter(|finding| !finding.is_open).map(|finding| finding.end_day);
                let end = end.unwrap_or_else(|| tracked.last_seen_on + Days::new(1));
                gone.push((tracked.finding_id.clone(), end));
                measured.push((&tracked.finding_id, &tracked.detector, subject(tracked), end));
                synced.resolved += 1;
            } else if let Some(noted) = tracked.resolved_on {
                // What is read later may know it to have gone on for longer.
                let end = finding.map_or(noted, |finding| finding.end_day);
                if end != noted {
                    moved.push((tracked.finding_id.clone(), end));
                }
                measured.push((&tracked.finding_id, &tracked.detector, subject(tracked), end));
            }
        }
        let mut savings = Vec::new();
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
            savings.extend(known_days.and_then(|known| Some((id, measure.realised(&days, end, known)?))));
        }
        let failed = self.failed("write the record of findings");
        let transaction = self.connection.transaction().map_err(&failed)?;
        for (finding, status, before) in changes {
            write_finding(&transaction, finding, status, now).map_err(&failed)?;
            if let Some(settings) = settings.get(&finding.detector) {
                transaction
                    .execute(
                        "insert or replace into finding_settings values (?, ?)",
                        params![finding.id, settings],
                    )
                    .map_err(&failed)?;
            }
            if before != Some(status) {
                event(&transaction, &finding.id, status, None, None, now).map_err(&failed)?;
            }
        }
        for (id, end) in gone {
            transaction
                .execute(
                    "update findings set status = ?, resolved_on = ?, updated_at = ? where finding_id = ?",
                    params![Status::Resolved.name(), end.to_string(), now.to_rfc3339(), id],
                )
                .map_err(&failed)?;
            event(&transaction, &id, Status::Resolved, Some("the evidence is gone"), None, now)
                .map_err(&failed)?;
        }
        for (id, end) in moved {
            transaction
                .execute(
                    "update findings set resolved_on = ? where finding_id = ?",
                    params![end.to_string(), id],
                )
                .map_err(&failed)?;
        }
        for (id, saving) in savings {
            transaction
                .execute(
                    "update findings set baseline_from = ?, baseline_to = ?, baseline_cost = ?,
                        measured_from = ?, measured_to = ?, measured_cost = ? where finding_id = ?",
                    params![
                        saving.baseline.0.to_string(),
                        saving.baseline.1.to_string(),
                        saving.baseline_cost.to_string(),
                        saving.measured.0.to_string(),
                        saving.measured.1.to_string(),
                        saving.measured_cost.to_string(),
                        id
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

fn write_finding(
    connection: &Connection,
    finding: &Finding,
    status: Status,
    now: Instant,
) -> rusqlite::Result<usize> {
    let last = finding.end_day - Days::new(1);
    let resolved = (status == Status::Resolved).then(|| finding.end_day.to_string());
    connection.execute(
        "insert into findings (finding_id, detector, subject_kind, subject, team, currency, status, opened_on,
            last_seen_on, resolved_on, promised_saving, updated_at)
        values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        on conflict (finding_id) do update set team = excluded.team, status = excluded.status,
            last_seen_on = excluded.last_seen_on, resolved_on = excluded.resolved_on,
            promised_saving = excluded.promised_saving, updated_at = excluded.updated_at,
            baseline_from = null, baseline_to = null, baseline_cost = null,
            measured_from = null, measured_to = null, measured_cost = null,
            snoozed_until = case when excluded.status = 'snoozed' then snoozed_until end",
        params![
            finding.id,
            finding.detector,
            finding.subject_kind,
            finding.subject,
            finding.team,
            finding.currency.to_string(),
            status.name(),
            finding.first_day.to_string(),
            last.to_string(),
            resolved,
            finding.net_saving.to_string(),
            now.to_rfc3339()
        ],
    )
}

fn event(
    connection: &Connection,
    id: &str,
    status: Status,
    note: Option<&str>,
    who: Option<&str>,
    now: Instant,
) -> rusqlite::Result<usize> {
    connection.execute(
        "insert into finding_events (finding_id, at, status, note, who) values (?, ?, ?, ?, ?)",
        params![id, now.to_rfc3339(), status.name(), note, who],
    )
}

fn tracked_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Tracked> {
    let finding_id: String = row.get(0)?;
    let realised = (|| -> rusqlite::Result<Option<Realised>> {
        let (Some(from), Some(to), Some(cost)) = (opt::<NaiveDate>(row, 14)?, opt(row, 15)?, opt(row, 16)?)
        else {
            return Ok(None);
        };
        let (Some(since), Some(until), Some(after)) =
            (opt::<NaiveDate>(row, 17)?, opt(row, 18)?, opt(row, 19)?)
        else {
            return Ok(None);
        };
        Ok(Some(Realised {
            baseline: (from, to),
            baseline_cost: cost,
            measured: (since, until),
            measured_cost: after,
        }))
    })()?;
    let word: String = row.get(6)?;
    let status = Status::ALL.into_iter().find(|known| known.name() == word);
    Ok(Tracked {
        finding_id,
        detector: row.get(1)?,
        subject_kind: row.get(2)?,
        subject: row.get(3)?,
        team: row.get(4)?,
        currency: parsed(row, 5)?,
        status: status.ok_or_else(|| unreadable(6, &word))?,
        assignee: row.get(7)?,
        snoozed_until: opt(row, 8)?,
        reason: row.get(9)?,
        opened_on: parsed(row, 10)?,
        last_seen_on: parsed(row, 11)?,
        resolved_on: opt(row, 12)?,
        promised_saving: parsed(row, 13)?,
        realised,
    })
}

fn unreadable(at: usize, text: &str) -> rusqlite::Error {
    let fault = format!("`{text}` is nothing this build writes");
    rusqlite::Error::FromSqlConversionFailure(at, rusqlite::types::Type::Text, fault.into())
}

fn parsed<T: std::str::FromStr>(row: &rusqlite::Row<'_>, at: usize) -> rusqlite::Result<T> {
    let text: String = row.get(at)?;
    text.parse().map_err(|_| unreadable(at, &text))
}

fn opt<T: std::str::FromStr>(row: &rusqlite::Row<'_>, at: usize) -> rusqlite::Result<Option<T>> {
    let text: Option<String> = row.get(at).optional().map(Option::flatten)?;
    text.map(|text| text.parse().map_err(|_| unreadable(at, &text))).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn a_realised_saving_is_the_mean_day_before_less_the_mean_day_since() {
        // $280 in 28 days, then $14 in 7: $10 a day less $2 a day, for 30.4375 days.
        let realised = Realised {
            baseline: (day("2026-10-01"), day("2026-10-29")),
            baseline_cost: "280".parse().unwrap(),
            measured: (day("2026-10-30"), day("2026-11-06")),
            measured_cost: "14".parse().unwrap(),
        };
        assert_eq!(realised.monthly(), "243.5".parse().unwrap());
    }
}
