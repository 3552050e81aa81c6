//! The life of an alert: what a reading makes of it, and whether anybody is told.

use chrono::{NaiveDate, TimeDelta};
use model::Amount;
use model::time::Instant;

use super::{Reading, Rule, Severity, Unit};

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
    /// Something happened that nobody was told of, in a silence.
    pub is_untold: bool,
}

/// The id of a rule's alert about something: twelve hexadecimal digits.
pub fn id_of(rule: &str, key: &str) -> String {
    use sha2::Digest as _;
    let digest = sha2::Sha256::digest(format!("{rule}\u{0}{key}").as_bytes());
    digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

/// What a day makes of an alert: `reading` is what was measured, where the condition holds.
/// Nothing where nothing happened to speak of; the alert is brought up to date all the same.
pub fn live(
    before: Option<Alert>,
    reading: Option<&Reading>,
    rule: &Rule,
    day: NaiveDate,
    now: Instant,
) -> Option<(Alert, Option<Step>)> {
    match (before, reading) {
        (None, None) => None,
        (Some(alert), None) if alert.status == Status::Resolved => Some((alert, None)),
        (Some(alert), None) => {
            let ended = Alert {
                status: Status::Resolved,
                resolved_on: Some(day),
                acknowledged_until: None,
                acknowledged_by: None,
                ..alert
            };
            Some((ended, Some(Step::Resolved)))
        }
        (Some(alert), Some(reading)) if alert.status != Status::Resolved => {
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
                unit: reading.unit,
                message: reading.message.clone(),
                team: reading.team.clone(),
                severity: rule.severity,
                ..alert
            };
            Some((going, step))
        }
        (before, Some(reading)) => {
            let (told_at, told_level) =
                before.as_ref().map_or((None, 0), |alert| (alert.told_at, alert.told_level));
            let fired = Alert {
                id: id_of(&rule.name, &reading.key),
                rule: rule.name.clone(),
                kind: rule.condition.kind().to_owned(),
                key: reading.key.clone(),
                team: reading.team.clone(),
                severity: rule.severity,
                status: Status::Firing,
                level: reading.level,
                began_at: now,
                fired_on: reading.day,
                last_on: reading.day,
                resolved_on: None,
                value: reading.value,
                threshold: reading.threshold,
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
        Status::Acknowledged if alert.acknowledged_until.is_some_and(|until| until <= now) => {
            let firing =
                Alert { status: Status::Firing, acknowledged_until: None, acknowledged_by: None, ..alert };
            Some((firing, Step::Lapsed))
        }
        Status::Firing => {
            let (hours, told) = rule.renotify_hours.zip(alert.told_at)?;
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
    /// Not now: it is told of after the silence, where it still goes on.
    Later,
    /// Not at all, for a reason.
    Never(&'static str),
}

/// Decides whether anybody is told.
pub fn telling(alert: &Alert, step: Step, rule: &Rule, is_silenced: bool, now: Instant) -> Telling {
    let cools_down = || {
        let hours = TimeDelta::hours(i64::from(rule.cooldown_hours));
        alert.told_at.is_some_and(|told| now < told + hours) && alert.level <= alert.told_level
    };
    match step {
        Step::Resolved if alert.told_at.is_none_or(|told| told < alert.began_at) => {
            Telling::Never("nobody was told that it fired")
        }
        Step::Resolved if is_silenced => Telling::Never("in a silence"),
        Step::Fired if cools_down() => Telling::Never("in its cool-down"),
        _ if is_silenced => Telling::Later,
        _ => Telling::Tell,
    }
}

#[cfg(test)]
mod tests;
