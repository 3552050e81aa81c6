//! Alerts in `state.sqlite` beside the marts: where each is in its life, what happened to it,
//! which days are judged, and what is to be sent.
//!
//! Days are judged and messages queued in one transaction: whatever is killed when, an alert
//! is told of once. Sending them is [`super::delivery`]'s.

mod outbox;
mod rows;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use chrono_tz::Tz;
use model::time::Instant;
use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use super::life::{self, Alert, Status, Step, Telling, live, telling};
use super::notice::{self, Told};
use super::{Measured, Reading, Rule, Watch};
use crate::lifecycle::STATE;

pub use outbox::{Delivered, Pending};
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
    create table if not exists failed_checks (publish text primary key, at text not null, failures text not null) strict;";

/// Why the record could not be kept.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// SQLite failed.
    #[error("could not {operation} `{path}`")]
    State {
        /// What was being done.
        operation: &'static str,
        /// The file.
        path: String,
        /// Why.
        #[source]
        cause: rusqlite::Error,
    },
    /// Whether another process sends cannot be told.
    #[error("could not lock `{path}`")]
    Lock {
        /// The file.
        path: String,
        /// Why.
        #[source]
        cause: std::io::Error,
    },
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
            Self::State { .. } | Self::Lock { .. } => None,
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
        let failed = |cause| RecordError::State {
            operation: "open the record of alerts",
            path: path.display().to_string(),
            cause,
        };
        let connection = crate::state::open(&path, SCHEMA).map_err(failed)?;
        Ok(Self { path, connection })
    }

    fn failed(&self, operation: &'static str) -> impl Fn(rusqlite::Error) -> RecordError + use<> {
        let path = self.path.display().to_string();
        move |cause| RecordError::State { operation, path: path.clone(), cause }
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

/// One look at what was measured.
struct Judging<'a> {
    transaction: &'a Transaction<'a>,
    watch: &'a Watch,
    zone: Tz,
    now: Instant,
    alerts: BTreeMap<String, Alert>,
    judged: BTreeMap<String, NaiveDate>,
    /// By alert what happened first that is told of.
    told: BTreeMap<String, Step>,
    /// Alerts to which anything happened.
    touched: BTreeSet<String>,
    summary: Summary,
}

impl<'a> Judging<'a> {
    fn new(
        transaction: &'a Transaction<'a>,
        watch: &'a Watch,
        zone: Tz,
        now: Instant,
    ) -> rusqlite::Result<Self> {
        Ok(Self {
            alerts: rows::alerts(transaction)?,
            judged: rows::judged(transaction)?,
            transaction,
            watch,
            zone,
            now,
            told: BTreeMap::new(),
            touched: BTreeSet::new(),
            summary: Summary::default(),
        })
    }

    fn run(mut self, measured: Vec<Measured>, end: Option<NaiveDate>) -> rusqlite::Result<Summary> {
        let watch = self.watch;
        for (rule, measured) in watch.rules.iter().zip(&measured) {
            if measured.is_standing {
                let readings: Vec<&Reading> = measured.readings.iter().collect();
                self.day(rule, self.now.date_naive(), &readings)?;
                continue;
            }
            let next = self.judged.get(&rule.name).copied();
            let days = measured.days.iter().filter(|day| next.is_none_or(|next| **day >= next));
            let days: Vec<NaiveDate> = days.copied().collect();
            for day in &days {
                let of_day =
                    measured.readings.iter().filter(|reading| reading.day == *day && reading.is_firing);
                self.day(rule, *day, &of_day.collect::<Vec<_>>())?;
            }
            self.summary.days = self.summary.days.max(days.len());
            if let Some(end) = end {
                rows::judge(self.transaction, &rule.name, end)?;
            }
        }
        self.as_time_passes()?;
        self.queue()?;
        for id in &self.touched {
            rows::put(self.transaction, &self.alerts[id], self.now)?;
        }
        Ok(self.summary)
    }

    /// One rule on one day: what fires, and what fired and no longer does.
    fn day(&mut self, rule: &Rule, day: NaiveDate, readings: &[&Reading]) -> rusqlite::Result<()> {
        let mut firing: BTreeMap<String, Option<&Reading>> = self
            .alerts
            .values()
            .filter(|alert| alert.rule == rule.name && alert.status != Status::Resolved)
            .map(|alert| (alert.id.clone(), None))
            .collect();
        for reading in readings {
            firing.insert(life::id_of(&rule.name, &reading.key), Some(reading));
        }
        for (id, reading) in firing {
            let Some((alert, step)) = live(self.alerts.get(&id).cloned(), reading, rule, day, self.now)
            else {
                continue;
            };
            self.stepped(rule, alert, step, day)?;
        }
        Ok(())
    }

    /// Alerts that go on without a new day: acknowledgements lapse, silences end, some are told
    /// of again; those whose rule is gone are over.
    fn as_time_passes(&mut self) -> rusqlite::Result<()> {
        let going: Vec<Alert> =
            self.alerts.values().filter(|alert| alert.status != Status::Resolved).cloned().collect();
        for alert in going {
            let day = alert.last_on;
            let Some(rule) = self.watch.rules.iter().find(|rule| rule.name == alert.rule) else {
                let ended = Alert { status: Status::Resolved, resolved_on: Some(day), ..alert };
                rows::event(
                    self.transaction,
                    &ended.id,
                    day,
                    "resolved",
                    Some("its rule is gone"),
                    None,
                    self.now,
                )?;
                self.keep(ended);
                continue;
            };
            let is_due = alert.is_untold && !self.is_silenced(&alert) && !self.told.contains_key(&alert.id);
            match life::passed(alert.clone(), rule, self.now) {
                Some((alert, step)) => self.stepped(rule, alert, Some(step), day)?,
                None if is_due => {
                    self.told.insert(alert.id.clone(), Step::Fired);
                    self.keep(alert);
                }
                None => {}
            }
        }
        Ok(())
    }

    fn stepped(
        &mut self,
        rule: &Rule,
        mut alert: Alert,
        step: Option<Step>,
        day: NaiveDate,
    ) -> rusqlite::Result<()> {
        if let Some(step) = step {
            let telling = telling(&alert, step, rule, self.is_silenced(&alert), self.now);
            let note = match telling {
                Telling::Tell => None,
                Telling::Later => Some("in a silence: told of after it"),
                Telling::Never(why) => Some(why),
            };
            match telling {
                Telling::Tell => {
                    self.told.entry(alert.id.clone()).or_insert(step);
                    // What comes later of the same look knows that it is told of.
                    (alert.told_at, alert.told_level, alert.is_untold) = (Some(self.now), alert.level, false);
                }
                Telling::Later => alert.is_untold = true,
                Telling::Never(_) => alert.is_untold &= step != Step::Resolved,
            }
            match step {
                Step::Fired | Step::Rose => self.summary.fired += 1,
                Step::Resolved => self.summary.resolved += 1,
                Step::GoesOn | Step::Lapsed => {}
            }
            let note = match (step, note) {
                (Step::Resolved, note) => note.map(str::to_owned),
                (_, None) => Some(alert.message.clone()),
                (_, Some(note)) => Some(format!("{} ({note})", alert.message)),
            };
            rows::event(self.transaction, &alert.id, day, step.name(), note.as_deref(), None, self.now)?;
        }
        self.keep(alert);
        Ok(())
    }

    fn keep(&mut self, alert: Alert) {
        self.touched.insert(alert.id.clone());
        self.alerts.insert(alert.id.clone(), alert);
    }

    fn is_silenced(&self, alert: &Alert) -> bool {
        let covers = |silence: &super::Silence| {
            silence.covers(&alert.rule, alert.team.as_deref(), self.now, self.zone)
        };
        self.watch.silences.iter().any(covers)
    }

    fn queue(&mut self) -> rusqlite::Result<()> {
        let told: Vec<Told> =
            self.told.iter().map(|(id, step)| Told { alert: self.alerts[id].clone(), step: *step }).collect();
        for notice in notice::notices(self.watch, &told, self.now) {
            outbox::queue(self.transaction, &notice, self.now)?;
            self.summary.queued.push(format!("{}: {}", notice.channel, notice.summary));
        }
        for one in told {
            if let Some(alert) = self.alerts.get_mut(&one.alert.id) {
                (alert.told_at, alert.told_level, alert.is_untold) = (Some(self.now), alert.level, false);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
