//! Mail leaves once, whatever happens: the real binary against a real server, killed, refused,
//! left without an answer.

use std::os::unix::process::ExitStatusExt as _;
use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use crate::mail::{ALL, RECIPIENTS, SEND, counts, lab, lab_at, one_each, states};
use crate::smtp::{Manner, Server};

#[test]
fn one_refused_recipient_keeps_no_other_from_it() {
    let server = Server::start();
    server.manner("second@example.com", Manner::Refuse);
    server.manner("content@example.com", Manner::RefuseContent);
    let lab = lab(&server);
    let ran = lab.run(&SEND);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(ran.stderr.contains("refused   second@example.com: "), "{}", ran.stderr);
    assert!(ran.stderr.contains("no such mailbox"), "{}", ran.stderr);
    assert!(ran.stderr.contains("mail: 3 sent, 2 refused"), "{}", ran.stderr);
    assert_eq!(lab.run(&SEND).code, 0, "nothing is left to be done");
    assert_eq!(server.asked_for("content@example.com"), 1, "what was refused is not tried again");
    server.forget_manners();
    let again = lab.run(&[&SEND[..], &["--resend-refused"]].concat());
    assert_eq!(again.code, 0, "{}", again.stderr);
    assert_eq!(counts(&server), one_each());
}

#[test]
fn a_server_that_is_away_or_busy_loses_nothing() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let lab = lab_at(free, "", ALL);
    let down = lab.run(&SEND);
    assert_eq!(down.code, 1, "{}", down.stderr);
    let server = format!("could not connect to the mail server 127.0.0.1:{free}");
    assert!(down.stderr.contains(&server), "{}", down.stderr);
    assert!(down.stderr.contains("mail: 5 waiting for another attempt"), "{}", down.stderr);
    assert!(states(&lab).values().all(|state| state == "retry"));

    let server = Server::start_at(free);
    server.manner("growth@example.com", Manner::Later);
    server.manner("boss@example.com", Manner::Slow(Duration::from_secs(2)));
    let busy = lab.run(&SEND);
    assert_eq!(busy.code, 1, "{}", busy.stderr);
    assert!(busy.stderr.contains("waits     growth@example.com: "), "{}", busy.stderr);
    assert_eq!(states(&lab)["growth@example.com"], "retry");
    server.forget_manners();
    lab.ok(&SEND);
    assert_eq!(counts(&server), one_each());
    // By the retries of the scheduler it would have gone too.
    assert!(states(&lab).values().all(|state| state == "sent"));
}

#[test]
fn a_letter_without_an_answer_is_doubtful_and_waits_for_a_person() {
    let server = Server::start();
    server.manner("growth@example.com", Manner::TakeAndVanish);
    server.manner("boss@example.com", Manner::TakeAndHang);
    server.manner("content@example.com", Manner::AskAndVanish);
    let lab = lab_at(server.address.port(), "timeout_seconds = 20\nbody_timeout_seconds = 2", ALL);
    let ran = lab.run(&SEND);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(ran.stderr.contains("DOUBTFUL  growth@example.com: "), "{}", ran.stderr);
    assert!(ran.stderr.contains("DOUBTFUL  boss@example.com: "), "{}", ran.stderr);
    assert!(ran.stderr.contains("Message-ID <weekly.2026-w41."), "{}", ran.stderr);
    let states = states(&lab);
    assert_eq!(
        (states["growth@example.com"].as_str(), states["boss@example.com"].as_str()),
        ("doubtful", "doubtful")
    );
    // Nobody knows whether the end of this one was written before the connection was lost.
    assert!(["doubtful", "retry"].contains(&states["content@example.com"].as_str()), "{states:?}");
    assert_eq!(states["lead@example.com"], "sent", "the others go");
    server.forget_manners();
    let rerun = lab.run(&SEND);
    let arrived = counts(&server);
    assert_eq!((arrived["growth@example.com"], arrived["boss@example.com"]), (1, 1), "{}", rerun.stderr);
    lab.ok(&[&SEND[..], &["--resend-doubtful"]].concat());
    let arrived = counts(&server);
    assert_eq!((arrived["growth@example.com"], arrived["boss@example.com"]), (2, 2), "as a person wanted");
    assert_eq!(arrived["content@example.com"], 1);
}

#[test]
fn killed_at_any_instant_nobody_gets_two_and_nobody_is_lost() {
    let mut doubtful = 0;
    for nth in 0..14_u64 {
        let server = Server::start();
        let victim = RECIPIENTS[nth as usize % RECIPIENTS.len()];
        server.manner(victim, Manner::Slow(Duration::from_millis(400)));
        let lab = lab(&server);
        let mut child = lab.command(&SEND).stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
        let started = Instant::now();
        // Half the time in the middle of handing over one letter, else anywhere.
        let is_handing_over = nth % 2 == 0;
        while match is_handing_over {
            true => server.asked_for(victim) == 0,
            false => server.arrived().len() < (nth as usize / 2) % RECIPIENTS.len(),
        } {
            assert!(started.elapsed() < Duration::from_secs(120), "it never came so far");
            thread::sleep(Duration::from_millis(2));
        }
        // Also long after it was asked for: to record the intent takes a busy disk a while.
        thread::sleep(Duration::from_millis(nth * 20));
        child.kill().unwrap();
        let status = child.wait().unwrap();
        assert!(status.signal() == Some(9) || status.success(), "{status}");
        // The server may still be about to take what was handed over whole.
        thread::sleep(Duration::from_millis(600));
        server.forget_manners();
        let rerun = lab.run(&SEND);
        let (states, arrived) = (states(&lab), counts(&server));
        for to in RECIPIENTS {
            let copies = arrived.get(to).copied().unwrap_or(0);
            match states[to].as_str() {
                "sent" => assert_eq!(copies, 1, "kill {nth}, {to}"),
                "doubtful" => {
                    doubtful += 1;
                    assert!(copies <= 1, "kill {nth}, {to}");
                    let named = format!("DOUBTFUL  {to}: ");
                    assert!(rerun.stderr.contains(&named), "kill {nth}: {}", rerun.stderr);
                    assert_eq!(rerun.code, 1);
                }
                other => panic!("kill {nth}: {to} is {other}"),
            }
        }
    }
    assert!(doubtful > 0, "no kill hit the moment between the intent and the answer");
}

#[test]
fn two_at_once_send_one_each() {
    let server = Server::start();
    for to in RECIPIENTS {
        server.manner(to, Manner::Slow(Duration::from_millis(200)));
    }
    let lab = lab(&server);
    let children: Vec<_> = (0..3)
        .map(|_| lab.command(&SEND).stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap())
        .collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(counts(&server), one_each());
}
