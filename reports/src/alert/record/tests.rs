mod budgets;
mod messages;

use chrono::Days;
use model::{Amount, Basis, Currency};

use super::*;
use crate::alert::life;
use crate::alert::{
    Channel, ChannelKind, Condition, Grouping, Reading, Rule, Secret, Severity, Silence, Unit,
};
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
        recovery_percent: 90,
        recovery_days: 1,
    }
}

fn watch() -> Watch {
    Watch { rules: vec![rule("dear")], channels: vec![channel("hook")], ..Watch::default() }
}

fn reading(on: &str, key: &str, value: i64) -> Reading {
    Reading {
        key: key.into(),
        name: None,
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
    let pending = record.take("hook", at("2026-10-09T06:00:00Z")).unwrap().unwrap();
    let body: serde_json::Value = serde_json::from_str(&pending.body).unwrap();
    let messages: Vec<&str> =
        body["alerts"].as_array().unwrap().iter().map(|it| it["message"].as_str().unwrap()).collect();
    let mut sorted = messages.clone();
    sorted.sort_unstable();
    assert_eq!(
        sorted,
        [
            "a cost $12 Over since Tue 6 Oct 2026, at $8.00 (limit $10.00).",
            "b cost $11 Over since Wed 7 Oct 2026."
        ]
    );
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
fn what_comes_back_in_its_cool_down_and_stays_is_told_after_it() {
    let (_ledger, mut record) = record();
    let mut day = |on: &str, value, now| {
        look(&mut record, &watch(), on, 1, vec![reading(on, "a", value)], now).queued.len()
    };
    assert_eq!(day("2026-10-05", 12, "2026-10-07T06:00:00Z"), 1);
    assert_eq!(day("2026-10-06", 9, "2026-10-07T07:00:00Z"), 1, "over");
    assert_eq!(day("2026-10-07", 12, "2026-10-07T08:00:00Z"), 0, "back so soon");
    assert_eq!(day("2026-10-08", 12, "2026-10-08T06:00:00Z"), 0, "a day after it was told of at seven");
    assert_eq!(day("2026-10-09", 13, "2026-10-08T07:00:00Z"), 1);
    assert_eq!(day("2026-10-10", 13, "2026-10-09T08:00:00Z"), 0, "once");
}

#[test]
fn the_end_of_what_was_told_is_told_after_a_silence() {
    let (_ledger, mut record) = record();
    let silence = Silence {
        from: Some(at("2026-10-08T00:00:00Z")),
        to: Some(at("2026-10-12T00:00:00Z")),
        ..Silence::default()
    };
    let silenced = Watch { silences: vec![silence], ..watch() };
    let mut day =
        |on: &str, value, now| look(&mut record, &silenced, on, 1, vec![reading(on, "a", value)], now).queued;
    assert_eq!(day("2026-10-05", 12, "2026-10-07T06:00:00Z"), ["hook: a cost $12"]);
    // It ends, comes back and ends in the silence: of all that one end is told.
    assert!(day("2026-10-06", 9, "2026-10-08T06:00:00Z").is_empty());
    assert!(day("2026-10-07", 12, "2026-10-09T06:00:00Z").is_empty());
    assert!(day("2026-10-08", 9, "2026-10-10T06:00:00Z").is_empty());
    let after = day("2026-10-09", 9, "2026-10-12T06:00:00Z");
    assert_eq!(after, ["hook: Resolved: a (dear), over since Thu 8 Oct 2026, at $9.00 (limit $10.00)."]);
    assert!(day("2026-10-10", 9, "2026-10-13T06:00:00Z").is_empty(), "once");
}

#[test]
fn who_was_told_of_an_alert_is_told_that_its_rule_is_gone() {
    let (_ledger, mut record) = record();
    let mut two = watch();
    two.channels.push(channel("unasked"));
    look(&mut record, &two, "2026-10-05", 1, vec![reading("2026-10-05", "a", 12)], "2026-10-07T06:00:00Z");
    let without = Watch { rules: vec![rule("other")], ..two };
    let summary = look(&mut record, &without, "2026-10-06", 1, vec![], "2026-10-08T06:00:00Z");
    assert_eq!(summary.queued, ["hook: Resolved: a (dear): its rule is gone."]);
    assert_eq!(record.all().unwrap()[0].status, Status::Resolved);
    let again = look(&mut record, &without, "2026-10-07", 1, vec![], "2026-10-09T06:00:00Z");
    assert!(again.queued.is_empty(), "once");
}

/// Takes what is due, and says that it arrived or was refused for good.
fn settle(record: &mut Alerts, is_taken: bool, now: &str) -> String {
    let message = record.take("hook", at(now)).unwrap().unwrap();
    match is_taken {
        true => record.arrived(&message.id, at(now)).unwrap(),
        false => record.give_up(&message.id, "refused", at(now)).unwrap(),
    }
    message.summary
}

#[test]
fn a_channel_that_is_new_is_told_of_what_fires_already_once() {
    let (_ledger, mut record) = record();
    let on = |day: &str| vec![reading(day, "a", 12)];
    let mut none = watch();
    none.rules[0].channels.clear();
    assert!(
        look(&mut record, &none, "2026-10-05", 1, on("2026-10-05"), "2026-10-07T06:00:00Z").queued.is_empty()
    );
    let first = look(&mut record, &watch(), "2026-10-06", 1, on("2026-10-06"), "2026-10-08T06:00:00Z");
    assert_eq!(first.queued, ["hook: Still, since Mon 5 Oct 2026: a cost $12"]);
    let mut two = watch();
    two.channels.push(channel("second"));
    two.rules[0].channels.push("second".into());
    let silence = Silence { to: Some(at("2026-10-09T12:00:00Z")), ..Silence::default() };
    let silenced = Watch { silences: vec![silence], ..two.clone() };
    let quiet = look(&mut record, &silenced, "2026-10-07", 1, on("2026-10-07"), "2026-10-09T06:00:00Z");
    assert!(quiet.queued.is_empty(), "not in a silence");
    let second = look(&mut record, &silenced, "2026-10-08", 1, on("2026-10-08"), "2026-10-10T06:00:00Z");
    assert_eq!(second.queued, ["second: Still, since Mon 5 Oct 2026: a cost $12"], "the new one alone");
    let again = look(&mut record, &two, "2026-10-09", 1, on("2026-10-09"), "2026-10-11T06:00:00Z");
    assert!(again.queued.is_empty(), "once");
    // Of its end both hear; and when it comes back both as ever.
    let over = look(&mut record, &two, "2026-10-10", 1, vec![], "2026-10-12T06:00:00Z");
    assert_eq!(over.queued.len(), 2);
    let back = look(&mut record, &two, "2026-10-11", 1, on("2026-10-11"), "2026-10-14T06:00:00Z");
    assert_eq!(back.queued, ["hook: a cost $12", "second: a cost $12"]);
}

#[test]
fn a_ledger_that_was_kept_before_knows_who_was_told() {
    let (ledger, mut record) = record();
    look(
        &mut record,
        &watch(),
        "2026-10-05",
        1,
        vec![reading("2026-10-05", "a", 12)],
        "2026-10-07T06:00:00Z",
    );
    record.connection.execute_batch("drop table alert_told").unwrap();
    let mut record = Alerts::open(ledger.path()).unwrap();
    let on = vec![reading("2026-10-06", "a", 12)];
    assert!(look(&mut record, &watch(), "2026-10-06", 1, on, "2026-10-08T06:00:00Z").queued.is_empty());
}

#[test]
fn what_was_over_long_ago_is_forgotten_and_what_goes_on_is_not() {
    let (_ledger, mut record) = record();
    let both = |on: &str, a, b| vec![reading(on, "a", a), reading(on, "b", b)];
    look(&mut record, &watch(), "2025-01-06", 1, both("2025-01-06", 12, 12), "2025-01-08T06:00:00Z");
    look(&mut record, &watch(), "2025-01-07", 1, both("2025-01-07", 9, 12), "2025-01-09T06:00:00Z");
    settle(&mut record, true, "2025-01-09T06:00:00Z");
    settle(&mut record, true, "2025-01-09T06:00:00Z");
    let ids: Vec<String> = ["a", "b"].map(|key| life::id_of("dear", key)).into();
    let kept =
        |record: &Alerts| -> Vec<usize> { ids.iter().map(|id| record.events(id).unwrap().len()).collect() };
    assert_eq!(kept(&record), [2, 1]);
    // 400 days after it ended it is there still, a day later not.
    look(&mut record, &watch(), "2025-01-08", 1, both("2025-01-08", 9, 12), "2026-02-11T06:00:00Z");
    assert_eq!(kept(&record), [2, 1]);
    look(&mut record, &watch(), "2025-01-09", 1, both("2025-01-09", 9, 12), "2026-02-12T06:00:00Z");
    assert_eq!(kept(&record), [0, 1], "what goes on keeps its beginning");
    assert_eq!(record.all().unwrap().iter().map(|alert| alert.key.as_str()).collect::<Vec<_>>(), ["b"]);
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

#[test]
fn a_rule_that_comes_back_is_new() {
    let (_ledger, mut record) = record();
    look(&mut record, &watch(), "2026-10-05", 1, vec![], "2026-10-07T06:00:00Z");
    assert_eq!(record.judged().unwrap(), BTreeMap::from([("dear".to_owned(), day("2026-10-06"))]));
    let other = Watch { rules: vec![rule("other")], ..watch() };
    look(&mut record, &other, "2026-10-06", 1, vec![], "2026-10-08T06:00:00Z");
    assert_eq!(record.judged().unwrap(), BTreeMap::from([("other".to_owned(), day("2026-10-07"))]));
    look(
        &mut record,
        &Watch { rules: Vec::new(), ..watch() },
        "2026-10-07",
        1,
        vec![],
        "2026-10-09T06:00:00Z",
    );
    assert!(record.judged().unwrap().is_empty());
}
