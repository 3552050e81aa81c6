//! One look: alerts live through what was measured, and what is told of it is queued.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Days, NaiveDate, TimeDelta};
use chrono_tz::Tz;
use model::time::Instant;
use rusqlite::Transaction;

use super::{Summary, outbox, rows};
use crate::alert::letter::KEPT;
use crate::alert::life::{self, Alert, Status, Step, Telling, live, overdue, telling};
use crate::alert::notice::{self, Told};
use crate::alert::{Measured, Reading, Rule, Silence, Watch};

/// Days for which an alert that is over is kept with its history: a year and what it is compared
/// with.
const KEPT_DAYS: u64 = 400;

/// Time after which a channel for which a message was given up is told again what still fires: one
/// that refuses everything gets no message at each look.
const GIVEN_UP: TimeDelta = TimeDelta::days(1);

/// One look at what was measured.
pub(super) struct Judging<'a> {
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
    pub(super) fn new(
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

    pub(super) fn run(
        mut self,
        measured: Vec<Measured>,
        end: Option<NaiveDate>,
    ) -> rusqlite::Result<Summary> {
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
                let of_day = measured.readings.iter().filter(|reading| reading.day == *day);
                self.day(rule, *day, &of_day.collect::<Vec<_>>())?;
            }
            self.summary.days = self.summary.days.max(days.len());
            if let Some(end) = end {
                rows::judge(self.transaction, &rule.name, end)?;
            }
        }
        let names: Vec<&str> = watch.rules.iter().map(|rule| rule.name.as_str()).collect();
        rows::forget_rules(self.transaction, &names)?;
        self.as_time_passes()?;
        self.queue()?;
        outbox::prune(self.transaction, KEPT)?;
        for id in &self.touched {
            rows::put(self.transaction, &self.alerts[id], self.now)?;
        }
        rows::forget(self.transaction, self.now.date_naive() - Days::new(KEPT_DAYS))?;
        Ok(self.summary)
    }

    /// One rule on one day: what fires, and what fired and is measured still, or no longer.
    fn day(&mut self, rule: &Rule, day: NaiveDate, readings: &[&Reading]) -> rusqlite::Result<()> {
        let mut firing: BTreeMap<String, Option<&Reading>> = self
            .alerts
            .values()
            .filter(|alert| alert.rule == rule.name && alert.status != Status::Resolved)
            .map(|alert| (alert.id.clone(), None))
            .collect();
        for reading in readings {
            let id = life::id_of(&rule.name, &reading.key);
            if reading.is_firing || firing.contains_key(&id) {
                firing.insert(id, Some(reading));
            }
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

    /// Alerts to which something is due without a new day: acknowledgements lapse, silences and
    /// cool-downs end, some are told of again; those whose rule is gone are over.
    fn as_time_passes(&mut self) -> rusqlite::Result<()> {
        let is_open = |alert: &&Alert| alert.status != Status::Resolved || alert.is_untold;
        let going: Vec<Alert> = self.alerts.values().filter(is_open).cloned().collect();
        for alert in going {
            let day = alert.last_on;
            let Some(rule) = self.watch.rules.iter().find(|rule| rule.name == alert.rule) else {
                self.drop(alert)?;
                continue;
            };
            if let Some((alert, step)) = life::passed(alert.clone(), rule, self.now) {
                self.stepped(rule, alert, Some(step), day)?;
            } else if !self.told.contains_key(&alert.id)
                && let Some(step) = overdue(&alert, rule, self.is_silenced(&alert), self.now)
            {
                self.told.insert(alert.id.clone(), step);
                self.keep(alert);
            }
        }
        Ok(())
    }

    /// An alert is over because its rule is gone: whoever was told of it is told.
    fn drop(&mut self, alert: Alert) -> rusqlite::Result<()> {
        let day = alert.last_on;
        let was_told = alert.was_told();
        let ended = Alert {
            status: Status::Resolved,
            resolved_on: alert.resolved_on.or(Some(day)),
            is_untold: false,
            ..alert
        };
        let note = Some("its rule is gone");
        rows::event(self.transaction, &ended.id, day, Step::Resolved.name(), note, None, self.now)?;
        if was_told {
            let channels = outbox::told(self.transaction, &ended.id, ended.began_at)?;
            for notice in notice::dropped(self.watch, &ended, &channels, self.now) {
                self.enqueue(&notice)?;
            }
        }
        self.keep(ended);
        Ok(())
    }

    fn enqueue(&mut self, notice: &notice::Notice) -> rusqlite::Result<()> {
        outbox::queue(self.transaction, notice, self.now)?;
        self.summary.queued.push(format!("{}: {}", notice.channel, notice.summary));
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
                Telling::Later(why) => Some(format!("{why}: told of after it")),
                Telling::Never(why) => Some(why.to_owned()),
            };
            // It ended and came back in one look: that it ended is no news.
            if step == Step::Fired && self.told.get(&alert.id) == Some(&Step::Resolved) {
                self.told.remove(&alert.id);
            }
            if telling == Telling::Tell {
                self.told.entry(alert.id.clone()).or_insert(step);
            }
            // What comes later of the same look knows that it is told of.
            alert.note(step, telling, self.now);
            match step {
                Step::Fired | Step::Rose => self.summary.fired += 1,
                Step::Resolved => self.summary.resolved += 1,
                Step::GoesOn | Step::Lapsed => {}
            }
            let note = match (step, note) {
                (Step::Resolved, note) => match (alert.ended_at(), note) {
                    (Some(at), None) => Some(format!("at {at}")),
                    (Some(at), Some(note)) => Some(format!("at {at} ({note})")),
                    (None, None) => alert.month_over().map(|month| format!("{month} is over")),
                    (None, note) => note,
                },
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
        let covers =
            |silence: &Silence| silence.covers(&alert.rule, alert.team.as_deref(), self.now, self.zone);
        self.watch.silences.iter().any(covers)
    }

    fn queue(&mut self) -> rusqlite::Result<()> {
        let told: Vec<Told> =
            self.told.iter().map(|(id, step)| Told { alert: self.alerts[id].clone(), step: *step }).collect();
        for notice in notice::notices(self.watch, &told, self.now) {
            self.enqueue(&notice)?;
        }
        for one in told {
            let is_untold = notice::leaves_open(self.watch, &one);
            if let Some(alert) = self.alerts.get_mut(&one.alert.id) {
                (alert.told_at, alert.told_level) = (Some(self.now), alert.level);
                alert.is_untold = is_untold;
            }
        }
        self.catch_up()
    }

    /// Channels that a rule names since an alert of it was told, and those that heard nothing of it
    /// since what they were told was given up, are told of it where it still fires.
    fn catch_up(&mut self) -> rusqlite::Result<()> {
        let mut missed: BTreeMap<&str, Vec<Alert>> = BTreeMap::new();
        let watch = self.watch;
        let is_known = |alert: &&Alert| {
            alert.status == Status::Firing
                && alert.below_since.is_none()
                && alert.was_told()
                && !alert.is_untold
                && !self.is_silenced(alert)
        };
        let unheard = outbox::unheard(self.transaction, self.now - GIVEN_UP)?;
        let is_unheard =
            |alert: &Alert, channel: &String| unheard.contains(&(alert.id.clone(), channel.clone()));
        for alert in self.alerts.values().filter(is_known) {
            let Some(rule) = watch.rules.iter().find(|rule| rule.name == alert.rule) else { continue };
            let told = outbox::told(self.transaction, &alert.id, alert.began_at)?;
            let missing = |channel: &&String| !told.contains(channel) || is_unheard(alert, channel);
            for channel in rule.channels.iter().filter(missing) {
                missed.entry(channel).or_default().push(alert.clone());
            }
        }
        for channel in &watch.channels {
            let alerts = missed.remove(channel.name.as_str()).unwrap_or_default();
            for notice in notice::caught_up(watch, channel, &alerts, self.now) {
                self.enqueue(&notice)?;
            }
        }
        Ok(())
    }
}
