//! Receivers that are slow, hang or cannot read a message: who waits for them, and who does not.

use super::*;

#[test]
fn a_slow_receiver_holds_nothing_up_for_ever() {
    let (_server, address) = Server::start(&[Answer::Slow(5_000)]);
    let started = std::time::Instant::now();
    let http = Http::new(Duration::from_millis(300)).unwrap();
    let error = http.post(&format!("http://{address}/"), &[], "{}").unwrap_err();
    assert!(matches!(error, WebhookError::Slow(_)) && error.may_pass(), "{error}");
    assert!(started.elapsed() < Duration::from_secs(4));
}

/// A second channel beside the first, which listens at an address.
fn beside(lab: &Lab, watch: &mut Watch, name: &str, address: SocketAddr) {
    let url = lab.secret(name, &format!("http://{address}/{name}"));
    let kind = ChannelKind::Webhook { url, key: None };
    watch.channels.push(Channel { name: name.to_owned(), kind, tells_resolved: true });
    watch.rules[0].channels.push(name.to_owned());
}

#[test]
fn a_receiver_that_hangs_holds_up_no_other_and_no_acknowledgement() {
    let (hanging, hangs) = Server::start(&[Answer::Slow(60_000)]);
    let (well, answers) = Server::start(&[]);
    let mut lab = Lab::new();
    let mut watch = lab.webhook(hangs);
    beside(&lab, &mut watch, "well", answers);
    lab.publish(&watch, &["lines"]);
    let directory = lab.directory.path().to_owned();
    assert!(lab.record.is_due(now()).unwrap());
    let started = std::time::Instant::now();
    std::thread::scope(|scope| {
        let delivering = scope.spawn(|| lab.deliver(&watch, now));
        // The channel after it is told at once, while the first hangs still.
        while well.got().is_empty() || hanging.got().is_empty() {
            assert!(started.elapsed() < Duration::from_millis(1_800), "the other channel waits");
            std::thread::sleep(Duration::from_millis(20));
        }
        assert!(!delivering.is_finished());
        // Somebody knows meanwhile, and a second process leaves the channel to the first.
        let mut other = Alerts::open(&directory).unwrap();
        assert!(!other.is_due(now()).unwrap(), "nothing is due where nobody sends");
        let id = other.all().unwrap()[0].id.clone();
        let asked = std::time::Instant::now();
        other.acknowledge(&id, in_two_days(), "Ada", &watch, now()).unwrap();
        let second = deliver(&mut other, &watch, now, Duration::ZERO).unwrap();
        assert!(asked.elapsed() < Duration::from_secs(1), "{:?}", asked.elapsed());
        assert_eq!((second.sent, second.waiting), (0, 1));
        let first = delivering.join().unwrap();
        assert_eq!((first.sent, first.put_off.len(), first.waiting), (1, 1, 1));
        assert!(first.put_off[0].contains("did not answer within"), "{first:?}");
    });
    assert_eq!((hanging.got().len(), well.got().len()), (1, 1));
}

#[test]
fn what_does_not_answer_is_left_alone_by_every_process_with_all_its_messages() {
    let (server, address) = Server::start(&[Answer::Status(503), Answer::Status(503)]);
    let mut lab = Lab::new();
    let watch = lab.webhook(address);
    lab.publish(&watch, &["lines"]);
    assert_eq!(lab.deliver(&watch, now).put_off.len(), 1);
    // A message of another alert, and another process: neither asks again within the pause.
    lab.publish(&watch, &["lines", "days"]);
    let mut other = Alerts::open(lab.directory.path()).unwrap();
    let second = deliver(&mut other, &watch, now, Duration::ZERO).unwrap();
    assert_eq!((second.sent, second.put_off.len(), second.waiting), (0, 0, 2));
    assert_eq!(server.got().len(), 1);
    let due = second.next_at.unwrap() - now();
    assert!(due > TimeDelta::seconds(2) && due <= TimeDelta::seconds(5), "{due}");
    // Whichever is tried next, the pause grows with the channel's failures, and not with each message's.
    assert_eq!(deliver(&mut other, &watch, in_an_hour, Duration::ZERO).unwrap().put_off.len(), 1);
    assert_eq!(server.got().len(), 2);
    let due = other.next_due(None).unwrap().unwrap() - in_an_hour();
    assert!(due > TimeDelta::seconds(20) && due <= TimeDelta::seconds(30), "{due}");
    // Once it answers, everything goes.
    assert_eq!(lab.deliver(&watch, in_two_days).sent, 2);
    assert_eq!(lab.record.states().unwrap(), BTreeMap::from([("sent".to_owned(), 2)]));
}

#[test]
fn what_a_receiver_cannot_read_holds_up_nothing_else_of_its_channel() {
    let (server, address) = Server::start(&[Answer::Status(500)]);
    let mut lab = Lab::new();
    let watch = lab.webhook(address);
    lab.publish(&watch, &["lines"]);
    assert_eq!(lab.deliver(&watch, now).put_off.len(), 1);
    lab.publish(&watch, &["lines", "days"]);
    let second = lab.deliver(&watch, now);
    assert_eq!((second.sent, second.waiting), (1, 1), "the first waits alone");
    assert_eq!(server.got().len(), 2);
}
