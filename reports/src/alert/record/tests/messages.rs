//! Messages that wait, are given up, overtaken, taken again or forgotten.

use super::*;

#[test]
fn no_message_overtakes_what_waits_of_the_same_alert_and_channel() {
    let (_ledger, mut record) = record();
    let mut each = watch();
    each.rules[0].grouping = Grouping::Alert;
    let both = |on: &str, a, b| vec![reading(on, "a", a), reading(on, "b", b)];
    look(&mut record, &each, "2026-10-05", 1, both("2026-10-05", 12, 9), "2026-10-07T06:00:00Z");
    let (now, later) = (at("2026-10-08T06:00:00Z"), at("2026-10-08T07:00:00Z"));
    let fired = record.take("hook", now).unwrap().unwrap();
    record.put_off(&fired.id, "down", later).unwrap();
    // a is over, b fires: that does not wait for a.
    look(&mut record, &each, "2026-10-06", 1, both("2026-10-06", 9, 12), "2026-10-08T06:00:00Z");
    let other = record.take("hook", now).unwrap().unwrap();
    assert_eq!(other.summary, "b cost $12");
    record.arrived(&other.id, now).unwrap();
    assert_eq!((record.take("hook", now).unwrap(), record.next_due(None).unwrap()), (None, Some(later)));
    assert_eq!(record.waiting().unwrap(), 2);
    let again = record.take("hook", later).unwrap().unwrap();
    assert_eq!(again.id, fired.id);
    record.arrived(&again.id, later).unwrap();
    assert!(record.take("hook", later).unwrap().unwrap().summary.starts_with("Resolved: a"));
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
    let taken = record.take("hook", now).unwrap().unwrap();
    assert_eq!(record.delivered(10).unwrap()[0].state, "sending");
    drop(record);
    let mut other = Alerts::open(ledger.path()).unwrap();
    let again = other.take("hook", now).unwrap().unwrap();
    assert_eq!((again.id.as_str(), again.attempts, &again.body), (taken.id.as_str(), 2, &taken.body));
    let later = now + chrono::TimeDelta::minutes(5);
    other.put_off(&again.id, "down", later).unwrap();
    assert_eq!((other.take("hook", now).unwrap(), other.next_due(None).unwrap()), (None, Some(later)));
    other.give_up(&again.id, "gone", later).unwrap();
    assert_eq!(other.next_due(None).unwrap(), None);
    assert_eq!(other.delivered(10).unwrap()[0].state, "dead");
    let revived = other.revive(&watch(), later).unwrap();
    assert_eq!(revived, Revived { again: 1, overtaken: 0 });
    assert_eq!(other.take("hook", later).unwrap().unwrap().attempts, 1);
}

#[test]
fn a_trigger_that_was_given_up_is_not_sent_after_its_end() {
    let (_ledger, mut record) = record();
    let mut watch = watch();
    let key = Secret::Env("UNUSED".into());
    watch.channels[0].kind =
        ChannelKind::PagerDuty { url: "https://events.example.com".into(), routing_key: key };
    look(&mut record, &watch, "2026-10-05", 1, vec![reading("2026-10-05", "a", 12)], "2026-10-07T06:00:00Z");
    settle(&mut record, false, "2026-10-07T06:00:00Z");
    look(&mut record, &watch, "2026-10-06", 1, vec![], "2026-10-08T06:00:00Z");
    // Until the end has arrived both may still go, in their order.
    let both = record.revive(&watch, at("2026-10-08T06:00:00Z")).unwrap();
    assert_eq!(both, Revived { again: 1, overtaken: 0 });
    assert_eq!(settle(&mut record, false, "2026-10-08T06:00:01Z"), "a cost $12");
    assert!(settle(&mut record, true, "2026-10-08T06:00:02Z").starts_with("Resolved: a"));
    let late = record.revive(&watch, at("2026-10-08T07:00:00Z")).unwrap();
    assert_eq!(late, Revived { again: 0, overtaken: 1 });
    assert_eq!(record.take("hook", at("2026-10-08T07:00:00Z")).unwrap(), None, "no incident is opened again");
    let states: Vec<String> = record.delivered(10).unwrap().into_iter().map(|one| one.state).collect();
    assert_eq!(states, ["sent", "overtaken"]);
    assert_eq!(record.revive(&watch, at("2026-10-08T08:00:00Z")).unwrap(), Revived::default());
}

#[test]
fn of_a_message_that_was_overtaken_in_part_the_rest_is_told_as_it_is_now() {
    let (_ledger, mut record) = record();
    let on = |day: &str, values: &[(&str, i64)]| -> Vec<Reading> {
        values.iter().map(|(key, value)| reading(day, key, *value)).collect()
    };
    let all = on("2026-10-05", &[("a", 12), ("b", 13)]);
    look(&mut record, &watch(), "2026-10-05", 1, all, "2026-10-07T06:00:00Z");
    assert_eq!(settle(&mut record, false, "2026-10-07T06:00:00Z"), "dear: 2 firing");
    // a is over, which arrives; b goes on.
    look(&mut record, &watch(), "2026-10-06", 1, on("2026-10-06", &[("b", 14)]), "2026-10-08T06:00:00Z");
    assert!(settle(&mut record, true, "2026-10-08T06:00:00Z").starts_with("Resolved: a"));
    let revived = record.revive(&watch(), at("2026-10-08T07:00:00Z")).unwrap();
    assert_eq!(revived, Revived { again: 1, overtaken: 1 });
    assert_eq!(settle(&mut record, true, "2026-10-08T07:00:00Z"), "Still, since Mon 5 Oct 2026: b cost $14");
}

#[test]
fn settled_messages_go_but_for_the_newest_and_what_waits_stays() {
    let (_ledger, mut record) = record();
    let count = |record: &Alerts| -> (i64, i64) {
        let sql =
            "select count(*), count(*) filter (where state in ('pending', 'sending')) from alert_notices";
        record.connection.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?))).unwrap()
    };
    let mut on = day("2026-10-05");
    for nth in 0..12 {
        // It fires and ends by turns: a message a day.
        let value = if nth % 2 == 0 { 12 } else { 9 };
        let now = (on + Days::new(2)).and_hms_opt(6, 0, 0).unwrap().and_utc().to_rfc3339();
        look(&mut record, &watch(), &on.to_string(), 1, vec![reading(&on.to_string(), "a", value)], &now);
        if nth < 10 {
            settle(&mut record, nth != 4, &now);
        }
        on = on + Days::new(1);
    }
    assert_eq!(count(&record), (12, 2));
    // The two that wait are among the newest.
    assert_eq!(outbox::prune(&record.connection, 5).unwrap(), 7);
    assert_eq!(count(&record), (5, 2));
    assert_eq!(outbox::prune(&record.connection, 0).unwrap(), 3, "the dead one went before");
    assert_eq!(count(&record), (2, 2), "what waits stays, however old");
    assert_eq!(outbox::prune(&record.connection, 0).unwrap(), 0);
    // Who was told is known still: nothing is told twice.
    let after = vec![reading("2026-10-17", "a", 9)];
    assert!(look(&mut record, &watch(), "2026-10-17", 1, after, "2026-10-20T06:00:00Z").queued.is_empty());
}

#[test]
fn one_process_sends_to_a_channel_at_a_time() {
    let (ledger, record) = record();
    let sender = record.sender("hook").unwrap();
    assert!(sender.is_some());
    let other = Alerts::open(ledger.path()).unwrap();
    assert!(other.sender("hook").unwrap().is_none(), "nobody waits for it");
    assert!(other.sender("../chat").unwrap().is_some());
    drop(sender);
    assert!(other.sender("hook").unwrap().is_some());
}

#[test]
fn a_channel_whose_message_was_given_up_is_told_again_of_what_still_fires_once_a_day() {
    let (_ledger, mut record) = record();
    let mut days = day("2026-10-05").iter_days();
    let mut next = |record: &mut Alerts, now: &str| {
        let on = days.next().unwrap().to_string();
        look(record, &watch(), &on, 1, vec![reading(&on, "a", 12)], now).queued
    };
    assert_eq!(next(&mut record, "2026-10-07T06:00:00Z"), ["hook: a cost $12"]);
    settle(&mut record, false, "2026-10-07T06:00:00Z");
    assert!(next(&mut record, "2026-10-07T18:00:00Z").is_empty(), "not at each look");
    let again = next(&mut record, "2026-10-08T07:00:00Z");
    assert_eq!(again, ["hook: Still, since Mon 5 Oct 2026: a cost $12"]);
    assert!(next(&mut record, "2026-10-08T08:00:00Z").is_empty(), "it waits to be sent");
    settle(&mut record, true, "2026-10-08T08:00:00Z");
    assert!(next(&mut record, "2026-10-11T06:00:00Z").is_empty(), "it arrived");
}

#[test]
fn a_ledger_that_was_kept_before_sends_what_waits() {
    let (ledger, mut record) = record();
    let on = vec![reading("2026-10-05", "a", 12)];
    look(&mut record, &watch(), "2026-10-05", 1, on, "2026-10-07T06:00:00Z");
    record.connection.execute_batch("alter table alert_notices drop column revived_at").unwrap();
    let mut record = Alerts::open(ledger.path()).unwrap();
    let message = record.take("hook", at("2026-10-07T06:00:00Z")).unwrap().unwrap();
    assert_eq!(message.tried_since, message.created_at);
    record.give_up(&message.id, "refused", at("2026-10-07T06:00:00Z")).unwrap();
    let later = at("2026-10-20T06:00:00Z");
    record.revive(&watch(), later).unwrap();
    let message = record.take("hook", later).unwrap().unwrap();
    assert_eq!((message.tried_since, message.created_at), (later, at("2026-10-07T06:00:00Z")));
}
