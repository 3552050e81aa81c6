use super::*;

fn at(text: &str) -> Instant {
    text.parse().unwrap()
}

/// A letter that is put in line and gets into a state.
fn settled(outbox: &mut Outbox, report: &str, period: &str, state: State, now: &str) {
    let letter = Letter {
        report: report.into(),
        period: period.into(),
        team: None,
        recipient: "a@example.com".parse().unwrap(),
        file: "platform-1".into(),
        message_id: format!("{report}.{period}@example.com"),
        subject: "costs".into(),
        content: b"letter".to_vec(),
    };
    assert_eq!(outbox.queue(&letter, at(now)).unwrap(), Queued::New);
    let id = outbox.find(report, period, None, &letter.recipient).unwrap().unwrap().id;
    outbox.record(id, state, None, None, at(now)).unwrap();
}

#[test]
fn letters_of_alerts_go_after_their_time_and_those_of_reports_and_in_line_stay() {
    let ledger = tempfile::tempdir().unwrap();
    let mut outbox = Outbox::open(ledger.path()).unwrap();
    let (old, new) = ("2025-10-01T06:00:00Z", "2026-09-01T06:00:00Z");
    for (report, period, state, now) in [
        ("alert", "old-sent", State::Sent, old),
        ("alert", "old-doubtful", State::Doubtful, old),
        ("alert", "old-retry", State::Retry, old),
        ("alert", "new-sent", State::Sent, new),
        ("test", "old-test", State::Sent, old),
        ("weekly", "2025-W39", State::Sent, old),
    ] {
        settled(&mut outbox, report, period, state, now);
    }
    // One whose file is gone already is no hindrance.
    std::fs::remove_dir_all(ledger.path().join("mail/alert/old-doubtful")).unwrap();
    assert_eq!(outbox.forget(&["alert", "test"], at("2026-01-01T00:00:00Z")).unwrap(), 3);
    let left: Vec<String> = outbox.deliveries().unwrap().into_iter().map(|one| one.period).collect();
    assert_eq!(left, ["2025-W39", "new-sent", "old-retry"]);
    let is_there = |place: &str| ledger.path().join("mail").join(place).exists();
    let places = ["alert/old-sent", "test/old-test", "alert/old-retry", "alert/new-sent", "weekly/2025-W39"];
    assert_eq!(places.map(is_there), [false, false, true, true, true]);
    let states = BTreeMap::from([(State::Sent, 2), (State::Retry, 1)]);
    assert_eq!(outbox.states().unwrap(), states);
    assert_eq!(outbox.forget(&["alert", "test"], at("2026-01-01T00:00:00Z")).unwrap(), 0);
}

#[test]
fn a_record_of_an_earlier_build_loses_the_table_that_nobody_read() {
    let ledger = tempfile::tempdir().unwrap();
    let mut outbox = Outbox::open(ledger.path()).unwrap();
    settled(&mut outbox, "weekly", "2026-W39", State::Sent, "2026-10-01T06:00:00Z");
    outbox
        .connection
        .execute_batch(
            "create table delivery_events (
                delivery_id integer not null, at text not null, state text not null, note text
            ) strict;
            insert into delivery_events values (1, '2026-10-01T06:00:00.000Z', 'sent', null);",
        )
        .unwrap();
    let outbox = Outbox::open(ledger.path()).unwrap();
    let sql = "select count(*) from sqlite_master where name = 'delivery_events'";
    assert_eq!(outbox.connection.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap(), 0);
    assert_eq!(outbox.deliveries().unwrap().len(), 1);
}
