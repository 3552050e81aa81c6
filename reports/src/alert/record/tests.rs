use chrono::Days;
use model::{Amount, Basis, Currency};

use super::*;
use crate::alert::{Channel, ChannelKind, Condition, Grouping, Secret, Severity, Silence, Unit};
use crate::watch::Scope;

fn at(text: &str) -> Instant {
    text.parse().unwrap()
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn channel(name: &str) -> Channel {
    let url = Secret::Env("UNUSED".into());
    Channel { name: name.into(), kind: ChannelKind::Webhook { url, key: None }, tells_resolved: true }
}

fn rule(name: &str) -> Rule {
    Rule {
        name: name.into(),
        condition: Condition::Absolute { amount: Amount::whole(10), days: 1 },
        scope: Scope::default(),
        by: None,
        basis: Basis::Effective,
        currency: None,
        severity: Severity::Warning,
        channels: vec!["hook".into()],
        cooldown_hours: 24,
        renotify_hours: None,
        grouping: Grouping::Rule,
    }
}

fn watch() -> Watch {
    Watch { rules: vec![rule("dear")], channels: vec![channel("hook")], ..Watch::default() }
}

fn reading(on: &str, key: &str, value: i64) -> Reading {
    Reading {
        key: key.into(),
        team: None,
        day: day(on),
        value: Amount::whole(value),
        threshold: Amount::whole(10),
        unit: Unit::Money(Currency::USD),
        level: 0,
        is_firing: value > 10,
        message: format!("{key} cost ${value}"),
    }
}

/// A look at closed days from `from`, with what was measured on them.
fn look(
    record: &mut Alerts,
    watch: &Watch,
    from: &str,
    days: u64,
    readings: Vec<Reading>,
    now: &str,
) -> Summary {
    let end = day(from) + Days::new(days);
    let days = day(from).iter_days().take_while(|day| *day < end).collect();
    let measured = Measured { days, readings, is_standing: false };
    record.judge(watch, vec![measured], Some(end), chrono_tz::UTC, at(now)).unwrap()
}

fn record() -> (tempfile::TempDir, Alerts) {
    let ledger = tempfile::tempdir().unwrap();
    let record = Alerts::open(ledger.path()).unwrap();
    (ledger, record)
}

#[test]
fn a_day_is_judged_once_however_often_it_is_looked_at() {
    let (ledger, mut record) = record();
    let first = look(
        &mut record,
        &watch(),
        "2026-10-05",
        1,
        vec![reading("2026-10-05", "a", 12)],
        "2026-10-07T06:00:00Z",
    );
    assert_eq!((first.days, first.fired, first.queued.len()), (1, 1, 1));
    // The same again, by another process even: nothing is queued.
    let mut other = Alerts::open(ledger.path()).unwrap();
    let again = look(
        &mut other,
        &watch(),
        "2026-10-05",
        1,
        vec![reading("2026-10-05", "a", 12)],
        "2026-10-07T07:00:00Z",
    );
    assert_eq!((again.days, again.fired, again.queued.len()), (0, 0, 0));
    assert_eq!(other.judged().unwrap()["dear"], day("2026-10-06"));
    assert_eq!(record.delivered(10).unwrap().len(), 1);
}

#[test]
fn days_that_were_missed_are_made_up_for_in_one_message() {
    let (_ledger, mut record) = record();
    let readings = vec![
        reading("2026-10-05", "a", 12),
        reading("2026-10-05", "b", 9),
        reading("2026-10-06", "a", 8),
        reading("2026-10-06", "b", 11),
    ];
    let summary = look(&mut record, &watch(), "2026-10-05", 3, readings, "2026-10-09T06:00:00Z");
    // a fired on the 5th and is over on the 6th, b fired on the 6th and is over on the 7th.
    assert_eq!((summary.days, summary.fired, summary.resolved), (3, 2, 2));
    assert_eq!(summary.queued, ["hook: dear: 2 firing"]);
    let pending = record.take(at("2026-10-09T06:00:00Z")).unwrap().unwrap();
    let body: serde_json::Value = serde_json::from_str(&pending.body).unwrap();
    let messages: Vec<&str> =
        body["alerts"].as_array().unwrap().iter().map(|it| it["message"].as_str().unwrap()).collect();
    let mut sorted = messages.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, ["a cost $12 Over since Tue 6 Oct 2026.", "b cost $11 Over since Wed 7 Oct 2026."]);
}

#[test]
fn what_fires_in_a_silence_is_told_of_after_it() {
    let (_ledger, mut record) = record();
    let silence = Silence { to: Some(at("2026-10-09T00:00:00Z")), ..Silence::default() };
    let silenced = Watch { silences: vec![silence], ..watch() };
    let quiet = look(
        &mut record,
        &silenced,
        "2026-10-05",
        1,
        vec![reading("2026-10-05", "a", 12)],
        "2026-10-07T06:00:00Z",
    );
    assert_eq!((quiet.fired, quiet.queued.len()), (1, 0));
    let after = look(
        &mut record,
        &silenced,
        "2026-10-06",
        1,
        vec![reading("2026-10-06", "a", 13)],
        "2026-10-09T06:00:00Z",
    );
    assert_eq!(after.queued, ["hook: a cost $13"]);
    let later = look(
        &mut record,
        &silenced,
        "2026-10-07",
        1,
        vec![reading("2026-10-07", "a", 14)],
        "2026-10-09T07:00:00Z",
    );
    assert_eq!(later.queued.len(), 0, "once");
}

#[test]
fn who_knows_is_kept_and_an_id_may_be_shortened() {
    let (_ledger, mut record) = record();
    look(
        &mut record,
        &watch(),
        "2026-10-05",
        1,
        vec![reading("2026-10-05", "a", 12), reading("2026-10-05", "b", 12)],
        "2026-10-07T06:00:00Z",
    );
    let id = life::id_of("dear", "a");
    let (now, until) = (at("2026-10-07T08:00:00Z"), at("2026-10-10T08:00:00Z"));
    let known = record.acknowledge(&id[..6], until, "Ada", &watch(), now).unwrap();
    assert_eq!((known.id.as_str(), known.status), (id.as_str(), Status::Acknowledged));
    assert!(matches!(
        record.acknowledge("zz", until, "Ada", &watch(), now),
        Err(RecordError::Unknown { .. })
    ));
    assert!(matches!(record.acknowledge("", until, "Ada", &watch(), now), Err(RecordError::Unknown { .. })));
    let events = record.events(&id).unwrap();
    assert_eq!(events.iter().map(|event| event.step.as_str()).collect::<Vec<_>>(), ["fired", "acknowledged"]);
    assert_eq!(events[1].who.as_deref(), Some("Ada"));
    // The time is over and it goes on: told again, though no day closed meanwhile.
    let lapsed = look(&mut record, &watch(), "2026-10-06", 0, vec![], "2026-10-10T09:00:00Z");
    assert_eq!(lapsed.queued, ["hook: Still, since Mon 5 Oct 2026: a cost $12"]);
    look(&mut record, &watch(), "2026-10-06", 1, vec![], "2026-10-10T10:00:00Z");
    assert!(matches!(record.acknowledge(&id, until, "Ada", &watch(), now), Err(RecordError::Over { .. })));
}

#[test]
fn alerts_of_a_rule_that_is_gone_are_over_and_nobody_is_told() {
    let (_ledger, mut record) = record();
    look(
        &mut record,
        &watch(),
        "2026-10-05",
        1,
        vec![reading("2026-10-05", "a", 12)],
        "2026-10-07T06:00:00Z",
    );
    let without = Watch { rules: vec![rule("other")], ..watch() };
    let summary = look(&mut record, &without, "2026-10-06", 1, vec![], "2026-10-08T06:00:00Z");
    assert_eq!(summary.queued.len(), 0);
    assert_eq!(record.all().unwrap()[0].status, Status::Resolved);
}

#[test]
fn a_message_whose_sender_ended_is_taken_again_under_its_key() {
    let (ledger, mut record) = record();
    look(
        &mut record,
        &watch(),
        "2026-10-05",
        1,
        vec![reading("2026-10-05", "a", 12)],
        "2026-10-07T06:00:00Z",
    );
    let now = at("2026-10-07T06:00:01Z");
    let taken = record.take(now).unwrap().unwrap();
    assert_eq!(record.delivered(10).unwrap()[0].state, "sending");
    drop(record);
    let mut other = Alerts::open(ledger.path()).unwrap();
    let again = other.take(now).unwrap().unwrap();
    assert_eq!((again.id.as_str(), again.attempts, &again.body), (taken.id.as_str(), 2, &taken.body));
    let later = now + chrono::TimeDelta::minutes(5);
    other.put_off(&again.id, "down", later).unwrap();
    assert_eq!((other.take(now).unwrap(), other.next_due().unwrap()), (None, Some(later)));
    other.give_up(&again.id, "gone", later).unwrap();
    assert_eq!(other.next_due().unwrap(), None);
    assert_eq!(other.delivered(10).unwrap()[0].state, "dead");
    assert_eq!((other.revive(later).unwrap(), other.take(later).unwrap().unwrap().attempts), (1, 1));
}

#[test]
fn one_process_sends_at_a_time() {
    let (ledger, record) = record();
    let sender = record.sender().unwrap();
    let file = std::fs::File::open(ledger.path().join("alerts.lock")).unwrap();
    assert!(file.try_lock().is_err());
    drop(sender);
    assert!(file.try_lock().is_ok());
}

#[test]
fn what_a_publish_failed_on_is_kept_until_one_does_not() {
    let (_ledger, mut record) = record();
    assert!(record.failed_checks().unwrap().is_empty());
    let now = at("2026-10-07T06:00:00Z");
    record.note_checks(&["a: 1 found".into(), "b: 2 found".into()], now).unwrap();
    assert_eq!(record.failed_checks().unwrap(), ["a: 1 found", "b: 2 found"]);
    record.note_checks(&[], now).unwrap();
    assert!(record.failed_checks().unwrap().is_empty());
}
