//! A dry run: what rules would have told of on past days, had they been judged each as it
//! closed. Nothing is recorded or sent.
//!
//! The figures are today's: what a bill restated since is judged as restated. Rules that look
//! at the ledger as it is have no past, and are left out.

use std::collections::BTreeMap;

use attribution::mart::{Mart, MartError};
use chrono::{Days, NaiveDate, NaiveTime};
use model::time::Instant;
use serde_json::{Value, json};

use super::life::{Alert, Status, Step, Telling, id_of, live, telling};
use super::{Reading, Rule, Watch, readings};
use crate::watch::closed_days;

/// Days from a day to when it is judged: it is over, and its bill has gone on for a day.
const JUDGED_AFTER: u64 = 2;

/// Something a rule would have made known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rehearsed {
    /// The closed day.
    pub day: NaiveDate,
    /// What happened.
    pub step: Step,
    /// Why nobody would have been told; nothing where somebody would.
    pub untold: Option<String>,
    /// The alert then.
    pub alert: Alert,
}

/// What a dry run came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rehearsal {
    /// Days judged, `[from, to)`; nothing where none of those asked for is closed.
    pub days: Option<(NaiveDate, NaiveDate)>,
    /// What happened, by day.
    pub happened: Vec<Rehearsed>,
    /// Rules that have no past.
    pub left_out: Vec<String>,
}

/// Judges the closed days of `[from, to)`.
///
/// # Errors
/// When the mart cannot be asked.
pub fn rehearse(
    mart: &Mart,
    watch: &Watch,
    rules: &[&Rule],
    (from, to): (NaiveDate, NaiveDate),
) -> Result<Rehearsal, MartError> {
    let mut rehearsal = Rehearsal::default();
    let Some(closed) = closed_days(mart)? else { return Ok(rehearsal) };
    let (from, to) = (from.max(closed.first), to.min(closed.end));
    if from < to {
        rehearsal.days = Some((from, to));
    }
    for rule in rules {
        if rule.condition.is_standing() {
            rehearsal.left_out.push(rule.name.clone());
            continue;
        }
        let Some(days) = rehearsal.days else { continue };
        let measured = readings::measure(mart, watch, rule, Some(days), &[], mart.info().published_at)?;
        rehearsal.happened.extend(lived(mart, watch, rule, &measured.days, &measured.readings));
    }
    rehearsal
        .happened
        .sort_by(|a, b| (a.day, &a.alert.rule, &a.alert.key).cmp(&(b.day, &b.alert.rule, &b.alert.key)));
    Ok(rehearsal)
}

fn lived(
    mart: &Mart,
    watch: &Watch,
    rule: &Rule,
    days: &[NaiveDate],
    readings: &[Reading],
) -> Vec<Rehearsed> {
    let zone = mart.info().display_timezone.parse().unwrap_or(chrono_tz::UTC);
    let mut alerts: BTreeMap<String, Alert> = BTreeMap::new();
    let mut happened = Vec::new();
    for day in days {
        let now: Instant = (*day + Days::new(JUDGED_AFTER)).and_time(NaiveTime::MIN).and_utc();
        let mut firing: BTreeMap<String, Option<&Reading>> = alerts
            .iter()
            .filter(|(_, alert)| alert.status != Status::Resolved)
            .map(|(id, _)| (id.clone(), None))
            .collect();
        for reading in readings.iter().filter(|reading| reading.day == *day && reading.is_firing) {
            firing.insert(id_of(&rule.name, &reading.key), Some(reading));
        }
        for (id, reading) in firing {
            let Some((mut alert, step)) = live(alerts.get(&id).cloned(), reading, rule, *day, now) else {
                continue;
            };
            if let Some(step) = step {
                let covers =
                    |silence: &super::Silence| silence.covers(&rule.name, alert.team.as_deref(), now, zone);
                let is_silenced = watch.silences.iter().any(covers);
                let untold = match telling(&alert, step, rule, is_silenced, now) {
                    Telling::Tell => {
                        (alert.told_at, alert.told_level) = (Some(now), alert.level);
                        None
                    }
                    Telling::Later => Some("in a silence".to_owned()),
                    Telling::Never(why) => Some(why.to_owned()),
                };
                happened.push(Rehearsed { day: *day, step, untold, alert: alert.clone() });
            }
            alerts.insert(id, alert);
        }
    }
    happened
}

impl Rehearsed {
    /// As an object: exact decimals as text.
    pub fn json(&self) -> Value {
        json!({
            "day": self.day, "happened": self.step.name(), "told": self.untold.is_none(), "untold_because": self.untold,
            "id": self.alert.id, "rule": self.alert.rule, "kind": self.alert.kind, "subject": self.alert.key,
            "team": self.alert.team, "severity": self.alert.severity.name(), "level": self.alert.level,
            "value": self.alert.value, "threshold": self.alert.threshold, "unit": self.alert.unit.name(),
            "fired_on": self.alert.fired_on, "message": self.alert.message,
        })
    }
}
