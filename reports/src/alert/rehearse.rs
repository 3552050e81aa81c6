//! A dry run: what rules would have told of on past days, had they been judged each as it
//! closed. Nothing is recorded or sent.
//!
//! The figures are today's: what a bill restated since is judged as restated. Rules that look
//! at the ledger as it is have no past: they are judged as of now, with why ([`Standing`]).

use std::collections::BTreeMap;

use attribution::mart::{Mart, MartError};
use chrono::{Days, NaiveDate, NaiveTime};
use chrono_tz::Tz;
use model::time::Instant;
use serde_json::{Value, json};

use super::life::{Alert, Status, Step, Telling, id_of, live, overdue, telling};
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
    /// Whether the ledger was judged as it is now, rather than a day.
    pub is_now: bool,
}

/// A rule that was judged as of now alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The rule's name.
    pub rule: String,
    /// Its kind.
    pub kind: &'static str,
    /// Why no earlier day can be judged.
    pub why: &'static str,
    /// How many alerts it would raise now.
    pub fires: usize,
}

/// What a dry run came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rehearsal {
    /// Days judged, `[from, to)`; nothing where none of those asked for is closed.
    pub days: Option<(NaiveDate, NaiveDate)>,
    /// What happened, by day; last what fires now.
    pub happened: Vec<Rehearsed>,
    /// Rules that have no past, and were judged as of now.
    pub standing: Vec<Standing>,
}

/// Judges the closed days of `[from, to)`, and the ledger as it is `now`. `failed_checks` is
/// what the last publish failed on, where it did.
///
/// # Errors
/// When the mart cannot be asked.
pub fn rehearse(
    mart: &Mart,
    watch: &Watch,
    rules: &[&Rule],
    (from, to): (NaiveDate, NaiveDate),
    failed_checks: &[String],
    now: Instant,
) -> Result<Rehearsal, MartError> {
    let mut rehearsal = Rehearsal::default();
    let Some(closed) = closed_days(mart)? else { return Ok(rehearsal) };
    let (from, to) = (from.max(closed.first), to.min(closed.end));
    if from < to {
        rehearsal.days = Some((from, to));
    }
    let zone = mart.info().display_timezone.parse().unwrap_or(chrono_tz::UTC);
    let mut standing = Vec::new();
    for rule in rules {
        if let Some(why) = rule.condition.without_past() {
            let measured = readings::measure(mart, watch, rule, None, failed_checks, now)?;
            let fire = fire_now(watch, rule, zone, &measured.readings, now);
            let (name, kind) = (rule.name.clone(), rule.condition.kind());
            rehearsal.standing.push(Standing { rule: name, kind, why, fires: fire.len() });
            standing.extend(fire);
            continue;
        }
        let Some(days) = rehearsal.days else { continue };
        let measured = readings::measure(mart, watch, rule, Some(days), &[], mart.info().published_at)?;
        rehearsal.happened.extend(lived(watch, rule, zone, &measured.days, &measured.readings));
    }
    rehearsal
        .happened
        .sort_by(|a, b| (a.day, &a.alert.rule, &a.alert.key).cmp(&(b.day, &b.alert.rule, &b.alert.key)));
    rehearsal.happened.extend(standing);
    Ok(rehearsal)
}

fn is_silenced(watch: &Watch, alert: &Alert, now: Instant, zone: Tz) -> bool {
    let covers = |silence: &super::Silence| silence.covers(&alert.rule, alert.team.as_deref(), now, zone);
    watch.silences.iter().any(covers)
}

/// What a rule would raise of the ledger as it is, had it never been judged before.
fn fire_now(watch: &Watch, rule: &Rule, zone: Tz, readings: &[Reading], now: Instant) -> Vec<Rehearsed> {
    let fired = readings.iter().filter(|reading| reading.is_firing).filter_map(|reading| {
        let (alert, step) = live(None, Some(reading), rule, reading.day, now)?;
        let is_silenced = is_silenced(watch, &alert, now, zone);
        Some((telling(&alert, step?, rule, is_silenced, now), alert, step?))
    });
    fired
        .map(|(telling, alert, step)| {
            let untold = untold(telling);
            Rehearsed { day: now.date_naive(), step, untold, alert, is_now: true }
        })
        .collect()
}

/// Why nobody is told; nothing where somebody is.
fn untold(telling: Telling) -> Option<String> {
    match telling {
        Telling::Tell => None,
        Telling::Later(why) | Telling::Never(why) => Some(why.to_owned()),
    }
}

fn lived(watch: &Watch, rule: &Rule, zone: Tz, days: &[NaiveDate], readings: &[Reading]) -> Vec<Rehearsed> {
    let is_silenced = |alert: &Alert, now: Instant| is_silenced(watch, alert, now, zone);
    let mut alerts: BTreeMap<String, Alert> = BTreeMap::new();
    let mut happened = Vec::new();
    for day in days {
        let now: Instant = (*day + Days::new(JUDGED_AFTER)).and_time(NaiveTime::MIN).and_utc();
        let mut firing: BTreeMap<String, Option<&Reading>> = alerts
            .iter()
            .filter(|(_, alert)| alert.status != Status::Resolved)
            .map(|(id, _)| (id.clone(), None))
            .collect();
        for reading in readings.iter().filter(|reading| reading.day == *day) {
            let id = id_of(&rule.name, &reading.key);
            if reading.is_firing || firing.contains_key(&id) {
                firing.insert(id, Some(reading));
            }
        }
        for (id, reading) in firing {
            let Some((mut alert, step)) = live(alerts.get(&id).cloned(), reading, rule, *day, now) else {
                continue;
            };
            if let Some(step) = step {
                let telling = telling(&alert, step, rule, is_silenced(&alert, now), now);
                alert.note(step, telling, now);
                let untold = untold(telling);
                happened.push(Rehearsed { day: *day, step, untold, alert: alert.clone(), is_now: false });
            }
            alerts.insert(id, alert);
        }
        for alert in alerts.values_mut() {
            if let Some(step) = overdue(alert, rule, is_silenced(alert, now), now) {
                alert.note(step, Telling::Tell, now);
                let alert = alert.clone();
                happened.push(Rehearsed { day: *day, step, untold: None, alert, is_now: false });
            }
        }
    }
    happened
}

impl Rehearsed {
    /// As an object: exact decimals as text.
    pub fn json(&self) -> Value {
        json!({
            "day": self.day, "judged": if self.is_now { "now" } else { "day" }, "happened": self.step.name(), "told": self.untold.is_none(), "untold_because": self.untold,
            "id": self.alert.id, "rule": self.alert.rule, "kind": self.alert.kind, "subject": self.alert.key,
            "team": self.alert.team, "severity": self.alert.severity.name(), "level": self.alert.level,
            "value": self.alert.value, "threshold": self.alert.threshold, "unit": self.alert.unit.name(),
            "newest_value": self.alert.newest.map(|(value, _)| value),
            "newest_threshold": self.alert.newest.map(|(_, threshold)| threshold),
            "fired_on": self.alert.fired_on, "resolved_on": self.alert.resolved_on, "message": self.alert.message,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::life::tests::{reading, rule};
    use super::*;

    #[test]
    fn what_comes_back_in_its_cool_down_is_told_of_after_it_as_it_would_have_been() {
        let rule = Rule { cooldown_hours: 48, ..rule() };
        let first: NaiveDate = "2026-10-05".parse().unwrap();
        let days: Vec<NaiveDate> = first.iter_days().take(5).collect();
        let readings: Vec<Reading> =
            ["2026-10-05", "2026-10-07", "2026-10-08", "2026-10-09"].map(|day| reading(day, 0)).into();
        let happened = lived(&Watch::default(), &rule, Tz::UTC, &days, &readings);
        let shown: Vec<String> = happened
            .iter()
            .map(|one| format!("{} {} {}", one.day, one.step.name(), one.untold.as_deref().unwrap_or("told")))
            .collect();
        // Judged two days after each: its end is told on the 8th, and 48 hours are over on the 10th.
        let expected = [
            "2026-10-05 fired told",
            "2026-10-06 resolved told",
            "2026-10-07 fired in its cool-down",
            "2026-10-08 fired told",
        ];
        assert_eq!(shown, expected);
    }
}
