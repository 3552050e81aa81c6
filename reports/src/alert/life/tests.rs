use model::Currency;

use super::*;
use crate::alert::{Condition, Grouping};
use crate::watch::Scope;

fn at(text: &str) -> Instant {
    text.parse().unwrap()
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

pub(in crate::alert) fn rule() -> Rule {
    Rule {
        name: "dear".into(),
        condition: Condition::Absolute { amount: Amount::whole(10), days: 1 },
        scope: Scope::default(),
        by: None,
        basis: model::Basis::Effective,
        currency: None,
        severity: Severity::Warning,
        channels: vec!["chat".into()],
        cooldown_hours: 24,
        renotify_hours: Some(72),
        grouping: Grouping::Rule,
        recovery_percent: 90,
        recovery_days: 3,
    }
}

pub(in crate::alert) fn reading(on: &str, level: u32) -> Reading {
    Reading {
        key: "growth".into(),
        name: None,
        team: Some("growth".into()),
        day: day(on),
        value: Amount::whole(12),
        threshold: Amount::whole(10),
        unit: Unit::Money(Currency::USD),
        level,
        is_firing: true,
        message: "growth cost $12.00".into(),
    }
}

/// What a reading makes of an alert, told or not.
fn after(
    before: Option<Alert>,
    reading: Option<&Reading>,
    on: &str,
    now: &str,
) -> (Alert, Option<Step>, Option<Telling>) {
    let (mut alert, step) = live(before, reading, &rule(), day(on), at(now)).unwrap();
    let told = step.map(|step| telling(&alert, step, &rule(), false, at(now)));
    if told == Some(Telling::Tell) {
        (alert.told_at, alert.told_level) = (Some(at(now)), alert.level);
    }
    if matches!(told, Some(Telling::Later(_))) {
        alert.is_untold = true;
    }
    (alert, step, told)
}

#[test]
fn an_alert_fires_once_goes_on_and_is_resolved() {
    let (alert, step, told) =
        after(None, Some(&reading("2026-10-05", 0)), "2026-10-05", "2026-10-07T06:00:00Z");
    assert_eq!((step, told, alert.status), (Some(Step::Fired), Some(Telling::Tell), Status::Firing));
    let (alert, step, _) =
        after(Some(alert), Some(&reading("2026-10-06", 0)), "2026-10-06", "2026-10-08T06:00:00Z");
    assert_eq!((step, alert.fired_on, alert.last_on), (None, day("2026-10-05"), day("2026-10-06")));
    // Three days after it was told of, it is again.
    let (alert, step, told) =
        after(Some(alert), Some(&reading("2026-10-08", 0)), "2026-10-08", "2026-10-10T06:00:00Z");
    assert_eq!((step, told), (Some(Step::GoesOn), Some(Telling::Tell)));
    let (alert, step, told) = after(Some(alert), None, "2026-10-09", "2026-10-11T06:00:00Z");
    assert_eq!(
        (step, told, alert.resolved_on),
        (Some(Step::Resolved), Some(Telling::Tell), Some(day("2026-10-09")))
    );
    assert_eq!(
        live(Some(alert), None, &rule(), day("2026-10-10"), at("2026-10-12T06:00:00Z")).unwrap().1,
        None
    );
}

#[test]
fn what_comes_back_in_its_cool_down_is_told_after_it_unless_it_is_worse() {
    let (alert, ..) = after(None, Some(&reading("2026-10-05", 50)), "2026-10-05", "2026-10-07T06:00:00Z");
    let (alert, ..) = after(Some(alert), None, "2026-10-06", "2026-10-07T06:00:00Z");
    let back =
        |level, now| after(Some(alert.clone()), Some(&reading("2026-10-07", level)), "2026-10-07", now);
    assert_eq!(back(50, "2026-10-08T05:00:00Z").2, Some(Telling::Later("in its cool-down")));
    assert_eq!(back(80, "2026-10-08T05:00:00Z").2, Some(Telling::Tell), "a higher level");
    assert_eq!(back(50, "2026-10-08T07:00:00Z").2, Some(Telling::Tell), "a day later");
    let (waiting, ..) = back(50, "2026-10-08T05:00:00Z");
    let due = |now, is_silenced| overdue(&waiting, &rule(), is_silenced, at(now));
    assert_eq!(due("2026-10-08T05:59:00Z", false), None, "told at six the day before");
    assert_eq!(due("2026-10-08T06:00:00Z", false), Some(Step::Fired));
    assert_eq!(due("2026-10-08T06:00:00Z", true), None, "in a silence");
    let over = Alert { status: Status::Resolved, ..waiting };
    assert_eq!(
        telling(&over, Step::Resolved, &rule(), false, at("2026-10-08T06:00:00Z")),
        Telling::Never("nobody was told that it fired")
    );
}

#[test]
fn who_knows_is_not_told_again_until_the_time_is_over_or_it_gets_worse() {
    let (alert, ..) = after(None, Some(&reading("2026-10-05", 50)), "2026-10-05", "2026-10-07T06:00:00Z");
    let known = Alert {
        status: Status::Acknowledged,
        acknowledged_until: Some(at("2026-10-12T00:00:00Z")),
        acknowledged_by: Some("Ada".into()),
        ..alert
    };
    let (same, step, _) =
        after(Some(known.clone()), Some(&reading("2026-10-10", 50)), "2026-10-10", "2026-10-11T23:00:00Z");
    assert_eq!(
        (step, same.status, same.acknowledged_by.as_deref()),
        (None, Status::Acknowledged, Some("Ada"))
    );
    let (lapsed, step, told) =
        after(Some(known.clone()), Some(&reading("2026-10-11", 50)), "2026-10-11", "2026-10-12T00:00:00Z");
    assert_eq!((step, told, lapsed.status), (Some(Step::Lapsed), Some(Telling::Tell), Status::Firing));
    let (worse, step, _) =
        after(Some(known), Some(&reading("2026-10-08", 80)), "2026-10-08", "2026-10-09T00:00:00Z");
    assert_eq!((step, worse.status, worse.level), (Some(Step::Rose), Status::Firing, 80));
}

#[test]
fn a_silence_is_waited_for_and_what_ended_in_it_is_not_told() {
    let now = at("2026-10-07T06:00:00Z");
    let (mut alert, step) =
        live(None, Some(&reading("2026-10-05", 0)), &rule(), day("2026-10-05"), now).unwrap();
    assert_eq!(telling(&alert, step.unwrap(), &rule(), true, now), Telling::Later("in a silence"));
    alert.is_untold = true;
    let (ended, step) = live(Some(alert), None, &rule(), day("2026-10-06"), now).unwrap();
    assert!(matches!(telling(&ended, step.unwrap(), &rule(), false, now), Telling::Never(_)));
}

#[test]
fn the_end_of_what_nobody_was_told_of_is_not_told_either() {
    let (alert, ..) = after(None, Some(&reading("2026-10-05", 0)), "2026-10-05", "2026-10-07T06:00:00Z");
    let (alert, _, told) = after(Some(alert), None, "2026-10-06", "2026-10-07T07:00:00Z");
    assert_eq!(told, Some(Telling::Tell));
    // Back within the cool-down, and over again.
    let (alert, _, told) =
        after(Some(alert), Some(&reading("2026-10-07", 0)), "2026-10-07", "2026-10-07T08:00:00Z");
    assert_eq!(told, Some(Telling::Later("in its cool-down")));
    let (_, step, told) = after(Some(alert), None, "2026-10-08", "2026-10-09T08:00:00Z");
    assert_eq!((step, told), (Some(Step::Resolved), Some(Telling::Never("nobody was told that it fired"))));
}

#[test]
fn an_id_is_made_of_rule_and_key() {
    assert_eq!(id_of("a", "b").len(), 12);
    assert_ne!(id_of("a", "b"), id_of("ab", ""));
    assert_eq!(id_of("dear", "growth"), id_of("dear", "growth"));
}

/// A reading of so much against ten, which fires beyond it.
fn measured(on: &str, value: &str) -> Reading {
    let value: Amount = value.parse().unwrap();
    Reading { value, is_firing: value > Amount::whole(10), ..reading(on, 0) }
}

#[test]
fn what_moves_about_its_limit_is_one_alert_until_it_is_clearly_under_it() {
    let day_after_day = |values: &[&str]| {
        let mut alert: Option<Alert> = None;
        let mut happened = Vec::new();
        for (nth, value) in values.iter().enumerate() {
            let on = format!("2026-10-{:02}", 5 + nth);
            let now = format!("2026-10-{:02}T06:00:00Z", 7 + nth);
            let reading = measured(&on, value);
            let Some((next, step)) = live(alert, Some(&reading), &rule(), day(&on), at(&now)) else {
                alert = None;
                continue;
            };
            happened.extend(step.map(|step| format!("{on} {}", step.name())));
            alert = Some(next);
        }
        (happened, alert)
    };
    // A margin of a tenth of ten: 9.5 is near the limit, 9 is clearly under it.
    let (happened, alert) = day_after_day(&["12", "9.5", "11", "9.5", "9.9", "10.5", "9"]);
    assert_eq!(happened, ["2026-10-05 fired", "2026-10-11 resolved"]);
    let alert = alert.unwrap();
    assert_eq!(alert.ended_at().as_deref(), Some("$9.00 (limit $10.00)"));
    assert_eq!((alert.value, alert.last_on), (amount("10.5"), day("2026-10-10")), "what fired last");
    // Three closed days near the limit and not beyond it are an end, too.
    let (happened, alert) = day_after_day(&["12", "9.5", "9.9", "9.2"]);
    assert_eq!(happened, ["2026-10-05 fired", "2026-10-08 resolved"]);
    assert_eq!(alert.unwrap().below_since, Some(day("2026-10-06")));
    let (happened, alert) = day_after_day(&["12", "9.5", "9.9"]);
    assert_eq!(happened, ["2026-10-05 fired"]);
    let alert = alert.unwrap();
    assert_eq!((alert.status, alert.ended_at()), (Status::Firing, None));
    // Who asked to be told again is not, while it is under its limit.
    let told = Alert { told_at: Some(at("2026-10-07T06:00:00Z")), ..alert };
    assert_eq!(passed(told.clone(), &rule(), at("2026-10-20T06:00:00Z")), None);
    assert!(passed(Alert { below_since: None, ..told }, &rule(), at("2026-10-20T06:00:00Z")).is_some());
    // Never beyond it: no alert.
    assert_eq!(day_after_day(&["9.5", "9"]), (Vec::new(), None));
}

#[test]
fn what_fires_below_its_limit_is_clear_above_it() {
    let reading = |value: &str, threshold: &str| Reading {
        value: amount(value),
        threshold: amount(threshold),
        is_firing: false,
        ..reading("2026-10-05", 0)
    };
    // A cost that fell fires under 80; a tenth of that above it, 88, it is clearly back.
    assert!(!reading("87", "80").is_clear(90) && reading("88", "80").is_clear(90));
    // Without a margin, and at a limit of nothing, not to fire is enough.
    assert!(reading("80", "80").is_clear(100) && reading("0", "0").is_clear(90));
    assert!(!Reading { is_firing: true, ..reading("0", "80") }.is_clear(90));
}

fn amount(text: &str) -> Amount {
    text.parse().unwrap()
}
