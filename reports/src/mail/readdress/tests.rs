use std::time::Duration;

use mail_parser::MessageParser;

use super::*;
use crate::mail::{Draft, Security};

fn address(text: &str) -> Address {
    text.parse().unwrap()
}

fn smtp() -> Smtp {
    Smtp {
        host: "127.0.0.1".into(),
        port: 9,
        security: Security::None,
        login: None,
        ca_file: None,
        from: address("Costs <costs@example.com>"),
        reply_to: None,
        timeout: Duration::from_secs(1),
        body_timeout: Duration::from_secs(1),
        first_retry: Duration::from_secs(1),
    }
}

const NOW: &str = "2026-10-12T06:00:00Z";

/// A ledger with one report of growth in line, to these.
fn in_line(to: &[&str], cc: &[&str]) -> (tempfile::TempDir, Outbox) {
    let ledger = tempfile::tempdir().unwrap();
    let mut outbox = Outbox::open(ledger.path()).unwrap();
    let addresses = |texts: &[&str]| texts.iter().map(|text| address(text)).collect::<Vec<_>>();
    let draft = Draft {
        report: "weekly",
        period: "2026-W41",
        team: Some("growth"),
        to: &addresses(to),
        cc: &addresses(cc),
        subject: "growth spent $48,210 (+12%)",
        text: "To: nobody\r\n\r\nplain text",
        html: "<p>the same</p>",
        images: &[],
        files: &[],
        list: "weekly.growth",
        name: "growth",
        date: NOW.parse().unwrap(),
    };
    for letter in draft.letters(&smtp(), None).unwrap() {
        assert_eq!(outbox.queue(&letter, NOW.parse().unwrap()).unwrap(), Queued::New);
    }
    (ledger, outbox)
}

fn readdressed(ledger: &tempfile::TempDir, outbox: &mut Outbox, now: Option<Recipients>) -> Vec<Delivery> {
    let lock = SenderLock::acquire(ledger.path(), |_| ()).unwrap();
    readdress(outbox, &lock, &smtp(), true, |_| now.clone(), NOW.parse().unwrap()).unwrap()
}

/// State by recipient.
fn states(outbox: &Outbox) -> Vec<(String, State)> {
    let letters = outbox.deliveries().unwrap();
    letters.into_iter().rev().map(|one| (one.recipient.email(), one.state)).collect()
}

#[test]
fn what_waits_goes_to_who_is_named_now() {
    let (ledger, mut outbox) = in_line(&["old@example.com", "kept@example.com"], &[]);
    let now = Recipients {
        to: vec![address("Kept@example.com"), address("New Öne <new@example.com>")],
        cc: vec![address("boss@example.com")],
    };
    let dropped = readdressed(&ledger, &mut outbox, Some(now.clone()));
    assert_eq!(dropped.len(), 1);
    let note = "the configuration names this recipient no longer; it goes to new@example.com, boss@example.com instead";
    assert_eq!(dropped[0].note.as_deref(), Some(note));
    let want = [
        ("old@example.com", State::Dropped),
        ("kept@example.com", State::Queued),
        ("new@example.com", State::Queued),
        ("boss@example.com", State::Queued),
    ];
    assert_eq!(states(&outbox), want.map(|(to, state)| (to.to_owned(), state)));
    assert!(readdressed(&ledger, &mut outbox, Some(now)).is_empty(), "once");
    // The same letter, with heads of its own.
    let letters = outbox.deliveries().unwrap();
    let content = |to: &str| {
        archive::read(ledger.path(), &letters.iter().find(|one| one.recipient.email() == to).unwrap().archive)
    };
    let (old, new) = (content("old@example.com").unwrap(), content("new@example.com").unwrap());
    let (old, new) =
        (MessageParser::default().parse(&old).unwrap(), MessageParser::default().parse(&new).unwrap());
    assert_eq!((new.body_text(0), new.body_html(0)), (old.body_text(0), old.body_html(0)));
    assert_eq!((new.subject(), new.date(), new.from()), (old.subject(), old.date(), old.from()));
    let to: Vec<_> = new.to().unwrap().iter().map(|one| (one.name(), one.address().unwrap())).collect();
    assert_eq!(to, [(None, "Kept@example.com"), (Some("New Öne"), "new@example.com")]);
    assert_eq!(new.cc().unwrap().first().unwrap().address(), Some("boss@example.com"));
    assert_ne!(new.message_id(), old.message_id());
    assert_eq!(new.header_values("Message-ID").count(), 1);
}

#[test]
fn what_nobody_gets_any_more_is_dropped_and_what_is_not_known_goes_as_it_is() {
    let (ledger, mut outbox) = in_line(&["old@example.com"], &["boss@example.com"]);
    assert!(readdressed(&ledger, &mut outbox, None).is_empty());
    let dropped = readdressed(&ledger, &mut outbox, Some(Recipients::default()));
    assert_eq!(dropped.len(), 2);
    assert_eq!(dropped[0].note.as_deref(), Some("the configuration names this recipient no longer"));
    assert!(states(&outbox).iter().all(|(_, state)| *state == State::Dropped));
    assert!(outbox.due(NOW.parse().unwrap(), true).unwrap().is_empty());
}
