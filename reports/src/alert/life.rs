//! The life of an alert: what a reading makes of it, and whether anybody is told.

use chrono::{Datelike as _, NaiveDate, TimeDelta};
use model::Amount;
use model::time::Instant;

use super::{Condition, Reading, Rule, Severity, Unit};

/// Where an alert is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Its condition holds.
    Firing,
    /// It holds, and somebody knows, until a moment.
    Acknowledged,
    /// It no longer holds.
    Resolved,
}

impl Status {
    /// All, in the order of a life.
    pub const ALL: [Self; 3] = [Self::Firing, Self::Acknowledged, Self::Resolved];

    /// Its word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Firing => "firing",
            Self::Acknowledged => "acknowledged",
            Self::Resolved => "resolved",
        }
    }
}

/// What happened to an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Its condition began to hold.
    Fired,
    /// It reached a higher level.
    Rose,
    /// It goes on, long enough to be told of again.
    GoesOn,
    /// The time for which it was acknowledged is over, and it goes on.
    Lapsed,
    /// Its condition no longer holds.
    Resolved,
}

impl Step {
    /// Its word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fired => "fired",
            Self::Rose => "rose",
            Self::GoesOn => "goes on",
            Self::Lapsed => "acknowledgement lapsed",
            Self::Resolved => "resolved",
        }
    }
}

/// One alert: a rule and what it is about. It stays the same over all its lives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// Made of rule and key.
    pub id: String,
    /// The rule's name.
    pub rule: String,
    /// The rule's kind.
    pub kind: String,
    /// What it is about.
    pub key: String,
    /// What people call that, where the key is an id.
    pub name: Option<String>,
    /// Whose it is.
    pub team: Option<String>,
    /// How bad it is.
    pub severity: Severity,
    /// Where it is in its life.
    pub status: Status,
    /// The highest level it reached in this life.
    pub level: u32,
    /// When it was found that its condition holds.
    pub began_at: Instant,
    /// Day its condition began to hold.
    pub fired_on: NaiveDate,
    /// Newest day on which it held.
    pub last_on: NaiveDate,
    /// Day on which it no longer held.
    pub resolved_on: Option<NaiveDate>,
    /// What was measured last, while it held.
    pub value: Amount,
    /// What that was held against.
    pub threshold: Amount,
    /// What was measured last, whether it held or not: of what is over, where it ended. None where
    /// nothing was measured any more.
    pub newest: Option<(Amount, Amount)>,
    /// First day since which it no longer holds, while it is not over yet: it may come back.
    pub below_since: Option<NaiveDate>,
    /// What both count.
    pub unit: Unit,
    /// Why it fires, or fired.
    pub message: String,
    /// Until when somebody knows of it.
    pub acknowledged_until: Option<Instant>,
    /// Who.
    pub acknowledged_by: Option<String>,
    /// When anybody was last told.
    pub told_at: Option<Instant>,
    /// The level that was told.
    pub told_level: u32,
    /// Something happened that nobody was told of yet, in a silence or a cool-down.
    pub is_untold: bool,
}

/// The id of a rule's alert about something: twelve hexadecimal digits.
pub fn id_of(rule: &str, key: &str) -> String {
    use sha2::Digest as _;
    let digest = sha2::Sha256::digest(format!("{rule}\u{0}{key}").as_bytes());
    digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

/// What a day makes of an alert: `reading` is what was measured, if anything was. Nothing where
/// nothing happened to speak of; the alert is brought up to date all the same.
///
/// A condition that no longer holds ends an alert when it is clearly so ([`Rule::recovery_percent`]),
/// or stays so for some closed days ([`Rule::recovery_days`]): a figure that moves about its limit is
/// one alert, not one a day.
pub fn live(
    before: Option<Alert>,
    reading: Option<&Reading>,
    rule: &Rule,
    day: NaiveDate,
    now: Instant,
) -> Option<(Alert, Option<Step>)> {
    let held = reading.filter(|reading| reading.is_firing);
    let Some(reading) = held else {
        let alert = before?;
        if alert.status == Status::Resolved {
            return Some((alert, None));
        }
        let newest = reading.map(|reading| (reading.value, reading.threshold));
        let below_since = alert.below_since.unwrap_or(day);
        let waits = reading.is_some_and(|reading| !reading.is_clear(rule.recovery_percent))
            && (day - below_since).num_days() + 1 < i64::from(rule.recovery_days);
        if waits {
            let alert = Alert { below_since: Some(below_since), newest, ..alert };
            return Some(match passed(alert.clone(), rule, now) {
                Some((alert, step)) => (alert, Some(step)),
                None => (alert, None),
            });
        }
        let ended = Alert {
            status: Status::Resolved,
            resolved_on: Some(day),
            newest,
            acknowledged_until: None,
            acknowledged_by: None,
            ..alert
        };
        return Some((ended, Some(Step::Resolved)));
    };
    match before {
        Some(alert) if alert.status != Status::Resolved => {
            let rose = reading.level > alert.level;
            let (alert, passed) = match passed(alert.clone(), rule, now) {
                Some((alert, step)) => (alert, Some(step)),
                None => (alert, None),
            };
            // Nobody knew of the higher level.
            let is_known = alert.status == Status::Acknowledged && !rose;
            let step = if rose { Some(Step::Rose) } else { passed };
            let going = Alert {
                status: if is_known { Status::Acknowledged } else { Status::Firing },
                acknowledged_until: alert.acknowledged_until.filter(|_| is_known),
                acknowledged_by: alert.acknowledged_by.clone().filter(|_| is_known),
                level: alert.level.max(reading.level),
                last_on: reading.day,
                value: reading.value,
                threshold: reading.threshold,
                newest: Some((reading.value, reading.threshold)),
                below_since: None,
                unit: reading.unit,
                message: reading.message.clone(),
                name: reading.name.clone().or(alert.name),
                team: reading.team.clone(),
                severity: rule.severity,
                ..alert
            };
            Some((going, step))
        }
        before => {
            let (told_at, told_level) =
                before.as_ref().map_or((None, 0), |alert| (alert.told_at, alert.told_level));
            // Whoever was told that it fired and not yet that it ended knows of one life, not two.
            let known = before.filter(|alert| alert.is_untold && alert.was_told());
            let fired = Alert {
                id: id_of(&rule.name, &reading.key),
                rule: rule.name.clone(),
                kind: rule.condition.kind().to_owned(),
                key: reading.key.clone(),
                name: reading.name.clone(),
                team: reading.team.clone(),
                severity: rule.severity,
                status: Status::Firing,
                level: reading.level,
                began_at: known.map_or(now, |alert| alert.began_at),
                fired_on: reading.day,
                last_on: reading.day,
                resolved_on: None,
                value: reading.value,
                threshold: reading.threshold,
                newest: Some((reading.value, reading.threshold)),
                below_since: None,
                unit: reading.unit,
                message: reading.message.clone(),
                acknowledged_until: None,
                acknowledged_by: None,
                told_at,
                told_level,
                is_untold: false,
            };
            Some((fired, Some(Step::Fired)))
        }
    }
}

/// What time alone makes of an alert that goes on: an acknowledgement lapses, or it is due to
/// be told of again. Nothing where neither is so.
pub fn passed(alert: Alert, rule: &Rule, now: Instant) -> Option<(Alert, Step)> {
    match alert.status {
        // Under its limit it is on its way out: that it fires again, or goes on, would be no news.
        _ if alert.below_since.is_some() => None,
        Status::Acknowledged if alert.acknowledged_until.is_some_and(|until| until <= now) => {
            let firing =
                Alert { status: Status::Firing, acknowledged_until: None, acknowledged_by: None, ..alert };
            Some((firing, Step::Lapsed))
        }
        Status::Firing => {
            let (hours, told) = rule.renotify_hours.zip(alert.told_at.filter(|_| alert.was_told()))?;
            let is_due = told + TimeDelta::hours(i64::from(hours)) <= now;
            is_due.then_some((alert, Step::GoesOn))
        }
        _ => None,
    }
}

/// Whether anybody is told of what happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Telling {
    /// Now.
    Tell,
    /// Not now, for a reason: it is told of when that is over, where it is so still.
    Later(&'static str),
    /// Not at all, for a reason.
    Never(&'static str),
}

/// Decides whether anybody is told.
pub fn telling(alert: &Alert, step: Step, rule: &Rule, is_silenced: bool, now: Instant) -> Telling {
    match step {
        Step::Resolved if !alert.was_told() => Telling::Never("nobody was told that it fired"),
        _ if is_silenced => Telling::Later("in a silence"),
        Step::Fired if alert.cools_down(rule, now) => Telling::Later("in its cool-down"),
        _ => Telling::Tell,
    }
}

/// What is told of an alert now that could not be told when it happened; nothing where nothing is
/// left to tell, or it has to wait still.
pub fn overdue(alert: &Alert, rule: &Rule, is_silenced: bool, now: Instant) -> Option<Step> {
    if !alert.is_untold || is_silenced {
        return None;
    }
    match alert.status {
        Status::Resolved => Some(Step::Resolved),
        Status::Firing | Status::Acknowledged if alert.below_since.is_some() => None,
        Status::Firing | Status::Acknowledged => (!alert.cools_down(rule, now)).then_some(Step::Fired),
    }
}

impl Alert {
    /// What people call what it is about.
    pub fn called(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.key)
    }

    /// What was measured last, and what that was held against; nothing of what is over and was not
    /// measured any more.
    pub fn latest(&self) -> Option<(Amount, Amount)> {
        let held = (self.status != Status::Resolved).then_some((self.value, self.threshold));
        self.newest.or(held)
    }

    /// Where it ended: `$8.00 (limit $10.00)`; nothing while it goes on, or where nothing was
    /// measured any more.
    pub fn ended_at(&self) -> Option<String> {
        let (value, threshold) = self.newest.filter(|_| self.status == Status::Resolved)?;
        Some(format!("{} (limit {})", self.unit.show(value), self.unit.show(threshold)))
    }

    /// The month of a budget that this one is about, where it ended with that month: what was spent
    /// stands, so that nothing is resolved. `October 2026`.
    pub fn month_over(&self) -> Option<String> {
        let is_budget = self.kind == Condition::Budget { names: Vec::new() }.kind();
        let unmeasured = self.status == Status::Resolved && self.newest.is_none();
        let ended = self.resolved_on.filter(|_| is_budget && unmeasured)?;
        // A budget that is configured no longer is measured no more within its month.
        let month = |day: NaiveDate| (day.year(), day.month());
        (month(ended) > month(self.last_on)).then(|| self.last_on.format("%B %Y").to_string())
    }

    /// Whether anybody was told of it in this life.
    pub fn was_told(&self) -> bool {
        self.told_at.is_some_and(|told| told >= self.began_at)
    }

    /// Whether it is too soon to tell of it again, and it is no worse than what was told.
    fn cools_down(&self, rule: &Rule, now: Instant) -> bool {
        let hours = TimeDelta::hours(i64::from(rule.cooldown_hours));
        self.told_at.is_some_and(|told| now < told + hours) && self.level <= self.told_level
    }

    /// Notes what was decided about something that happened to it.
    pub(super) fn note(&mut self, step: Step, telling: Telling, now: Instant) {
        match telling {
            Telling::Tell => {
                (self.told_at, self.told_level, self.is_untold) = (Some(now), self.level, false);
            }
            Telling::Later(_) => self.is_untold = true,
            Telling::Never(_) => self.is_untold &= step != Step::Resolved,
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
