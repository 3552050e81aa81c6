//! Messages that are mail: they become letters in line, once, for who is configured then.

use super::*;
use crate::alert::letter::Sender;
use crate::mail::{Security, Smtp, State as Fate};

/// A channel that is mail, of a server that nobody reaches.
fn mail(lab: &Lab) -> Watch {
    let address = |text: &str| text.parse().unwrap();
    let kind = ChannelKind::Email {
        to: vec![address("oncall@example.com"), address("OnCall@example.com")],
        cc: vec![address("boss@example.com")],
        is_to_teams: true,
    };
    let smtp = Smtp {
        host: "127.0.0.1".into(),
        port: 9,
        security: Security::None,
        login: None,
        ca_file: None,
        from: address("costs@example.com"),
        reply_to: None,
        timeout: TIMEOUT,
        body_timeout: TIMEOUT,
        first_retry: TIMEOUT,
    };
    let team_email = BTreeMap::from([("ads".to_owned(), vec![address("ads@example.com")])]);
    Watch { sender: Some(Sender { smtp, unsubscribe: None }), team_email, ..lab.watch(kind) }
}

#[test]
fn letters_are_put_in_line_once_whoever_was_killed_in_between() {
    let mut lab = Lab::new();
    let watch = mail(&lab);
    lab.publish(&watch, &["lines", "days"]);
    // They are in line, and who put them there ended before it could note that.
    let taken = lab.record.take("there", now()).unwrap().unwrap();
    let channel = &watch.channels[0];
    let queued = put_in_line(&lab.record, &watch, channel, &taken, now()).unwrap();
    assert_eq!(queued, 2, "two spellings are one mailbox");
    lab.record = Alerts::open(lab.directory.path()).unwrap();
    let again = lab.deliver(&watch, now);
    assert_eq!((again.sent, again.mailed, again.put_off.len(), again.dead.len()), (0, 0, 0, 0));
    assert_eq!(lab.deliver(&watch, in_two_days), Delivery::default());
    let message = &lab.record.delivered(1).unwrap()[0];
    assert_eq!((message.state.as_str(), message.attempts), ("mailed", 2));
    let letters = Outbox::open(lab.directory.path()).unwrap().deliveries().unwrap();
    assert_eq!(letters.len(), 2);
    assert_eq!(letter::fate(message, &letters), Some(Fate::Queued));
    let other = crate::alert::record::Delivered { id: "0".repeat(32), ..message.clone() };
    assert_eq!(letter::fate(&other, &letters), None);
}

#[test]
fn a_channel_that_is_mail_waits_for_its_server() {
    let mut lab = Lab::new();
    let watch = mail(&lab);
    lab.publish(&watch, &["lines"]);
    let without = Watch { sender: None, ..watch.clone() };
    let first = lab.deliver(&without, now);
    assert!(first.put_off[0].contains("no mail server is configured"), "{first:?}");
    assert_eq!(lab.deliver(&watch, in_an_hour).mailed, 2);
}

#[test]
fn a_letter_goes_to_who_is_configured_when_it_is_put_in_line() {
    let mut lab = Lab::new();
    let watch = mail(&lab);
    lab.publish(&watch, &["lines"]);
    let mut changed = watch.clone();
    let ChannelKind::Email { to, .. } = &mut changed.channels[0].kind else { panic!("it is mail") };
    *to = vec!["new@example.com".parse().unwrap()];
    assert_eq!(lab.deliver(&changed, now).mailed, 2);
    let letters = Outbox::open(lab.directory.path()).unwrap().deliveries().unwrap();
    let to: Vec<String> = letters.iter().map(|one| one.recipient.email()).collect();
    assert_eq!(to, ["boss@example.com", "new@example.com"]);
    assert_eq!(lab.record.channel_of(&letters[0].period).unwrap().as_deref(), Some("there"));
    assert_eq!(lab.record.channel_of("20261012T060000000Z-000000000000").unwrap(), None);
}

#[test]
fn mail_that_is_being_sent_holds_no_message_up() {
    let mut lab = Lab::new();
    let (server, address) = Server::start(&[]);
    let watch = mail(&lab);
    let hook = lab.webhook(address).channels.remove(0);
    let mut both = watch.clone();
    both.channels.push(Channel { name: "hook".into(), ..hook });
    both.rules[0].channels.push("hook".into());
    lab.publish(&both, &["lines"]);
    // Another process hands a letter over, for as long as its server takes.
    let _sender = crate::mail::SenderLock::acquire(lab.directory.path(), |_| ()).unwrap();
    let delivery = lab.deliver(&both, now);
    assert_eq!((delivery.sent, delivery.mailed, delivery.waiting), (1, 2, 0));
    assert_eq!(server.got().len(), 1);
}

#[test]
fn a_channel_that_became_another_kind_gets_nothing_that_was_worded_for_the_first() {
    let mut lab = Lab::new();
    let watch = mail(&lab);
    lab.publish(&watch, &["lines"]);
    let (server, address) = Server::start(&[]);
    let hook = lab.webhook(address);
    let delivery = lab.deliver(&hook, now);
    assert!(delivery.dead[0].contains("the channel is of another kind now"), "{delivery:?}");
    assert!(server.got().is_empty());
}
