//! Messages of alerts sent to a real HTTP server: down, failing and then well, refusing, and killed in
//! between. Nobody gets two, nobody is lost.

mod hanging;
mod letters;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use model::{Amount, Basis};

use super::*;
use crate::alert::{Condition, Grouping, Measured, Reading, Rule, Secret, Severity, Unit};
use crate::watch::Scope;

/// What a server was sent.
#[derive(Clone, Debug)]
struct Got {
    path: String,
    headers: BTreeMap<String, String>,
    body: String,
}

/// A server on loopback that answers as it is told, once each, then 200.
#[derive(Clone)]
struct Server {
    got: Arc<Mutex<Vec<Got>>>,
    answers: Arc<Mutex<Vec<Answer>>>,
}

#[derive(Clone, Copy)]
enum Answer {
    Status(u16),
    /// After so many milliseconds.
    Slow(u64),
    RetryAfter(&'static str),
}

async fn handle(State(server): State<Server>, request: Request) -> Response {
    let path = request.uri().path().to_owned();
    let headers = request
        .headers()
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .collect();
    let body = axum::body::to_bytes(request.into_body(), 1 << 20).await.unwrap();
    server.got.lock().unwrap().push(Got { path, headers, body: String::from_utf8(body.to_vec()).unwrap() });
    let answer = server.answers.lock().unwrap().pop();
    match answer {
        None => StatusCode::OK.into_response(),
        Some(Answer::Status(status)) => {
            (StatusCode::from_u16(status).unwrap(), "no such <integration>\n").into_response()
        }
        Some(Answer::Slow(ms)) => {
            tokio::time::sleep(Duration::from_millis(ms)).await;
            StatusCode::OK.into_response()
        }
        Some(Answer::RetryAfter(seconds)) => {
            (StatusCode::TOO_MANY_REQUESTS, [("retry-after", seconds)]).into_response()
        }
    }
}

impl Server {
    /// Answers in this order.
    fn start(answers: &[Answer]) -> (Self, SocketAddr) {
        let answers: Vec<Answer> = answers.iter().rev().copied().collect();
        let server = Self { got: Arc::default(), answers: Arc::new(Mutex::new(answers)) };
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let app = axum::Router::new().fallback(handle).with_state(server.clone());
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                axum::serve(tokio::net::TcpListener::from_std(listener).unwrap(), app).await.unwrap();
            });
        });
        (server, address)
    }

    fn got(&self) -> Vec<Got> {
        self.got.lock().unwrap().clone()
    }
}

#[expect(clippy::disallowed_methods, reason = "a server answers in real time")]
fn now() -> Instant {
    chrono::Utc::now()
}

/// As if it were an hour later: what was put off is due.
fn in_an_hour() -> Instant {
    now() + TimeDelta::hours(1)
}

/// As if it were two days later.
fn in_two_days() -> Instant {
    now() + TimeDelta::days(2)
}

/// A ledger with a record, and files of secrets.
struct Lab {
    directory: tempfile::TempDir,
    record: Alerts,
}

impl Lab {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let record = Alerts::open(directory.path()).unwrap();
        Self { directory, record }
    }

    fn secret(&self, name: &str, text: &str) -> Secret {
        let path = self.directory.path().join(name);
        std::fs::write(&path, format!("{text}\n")).unwrap();
        Secret::File(path)
    }

    fn watch(&self, kind: ChannelKind) -> Watch {
        let rule = Rule {
            name: "broken".into(),
            condition: Condition::FailedCheck,
            scope: Scope::default(),
            by: None,
            basis: Basis::Effective,
            currency: None,
            severity: Severity::Critical,
            channels: vec!["there".into()],
            cooldown_hours: 0,
            renotify_hours: None,
            grouping: Grouping::Rule,
            recovery_percent: 90,
            recovery_days: 1,
        };
        let channel = Channel { name: "there".into(), kind, tells_resolved: true };
        Watch {
            rules: vec![rule],
            channels: vec![channel],
            base_url: Some("https://costs.example.com/".into()),
            ..Watch::default()
        }
    }

    fn webhook(&self, address: SocketAddr) -> Watch {
        let url = self.secret("url", &format!("http://{address}/hook"));
        self.watch(ChannelKind::Webhook { url, key: Some(self.secret("key", "secret")) })
    }

    /// A publish fails on these checks, or on none.
    fn publish(&mut self, watch: &Watch, failures: &[&str]) {
        let reading = |failure: &&str| Reading {
            key: (*failure).to_owned(),
            name: None,
            team: Some("data".into()),
            day: now().date_naive(),
            value: Amount::whole(1),
            threshold: Amount::ZERO,
            unit: Unit::Count,
            level: 0,
            is_firing: true,
            message: format!("check <{failure}> failed"),
        };
        let readings = failures.iter().map(reading).collect();
        let measured = Measured { days: Vec::new(), readings, is_standing: true };
        self.record.judge(watch, vec![measured], None, chrono_tz::UTC, now()).unwrap();
    }

    fn deliver(&mut self, watch: &Watch, clock: fn() -> Instant) -> Delivery {
        deliver(&mut self.record, watch, clock, Duration::ZERO).unwrap()
    }
}

#[test]
fn a_message_arrives_once_signed_and_with_its_key() {
    let (server, address) = Server::start(&[]);
    let mut lab = Lab::new();
    let watch = lab.webhook(address);
    lab.publish(&watch, &["lines"]);
    assert_eq!(lab.deliver(&watch, now), Delivery { sent: 1, ..Delivery::default() });
    assert_eq!(lab.deliver(&watch, in_two_days), Delivery::default());
    let got = server.got();
    let [got] = got.as_slice() else { panic!("{got:?}") };
    assert_eq!((got.path.as_str(), got.headers["content-type"].as_str()), ("/hook", "application/json"));
    let id = lab.record.delivered(1).unwrap()[0].id.clone();
    assert_eq!(got.headers["idempotency-key"], id);
    let timestamp = &got.headers["x-lakeledger-timestamp"];
    assert!((now().timestamp() - timestamp.parse::<i64>().unwrap()).abs() < 60);
    assert_eq!(
        got.headers["x-lakeledger-signature"],
        format!("v1={}", signature("secret", timestamp, &got.body))
    );
    let body: Value = serde_json::from_str(&got.body).unwrap();
    let alert = &body["alerts"][0];
    assert_eq!(
        (&alert["rule"], &alert["status"], &alert["severity"]),
        (&"broken".into(), &"firing".into(), &"critical".into())
    );
    assert_eq!(alert["url"], format!("https://costs.example.com/alerts/{}", alert["id"].as_str().unwrap()));
    assert_eq!(body["summary"], "check <lines> failed");
}

#[test]
fn what_fails_and_then_works_arrives_once_in_the_end() {
    let (server, address) =
        Server::start(&[Answer::Status(500), Answer::RetryAfter("1200"), Answer::Status(503)]);
    let mut lab = Lab::new();
    let watch = lab.webhook(address);
    lab.publish(&watch, &["lines"]);
    let first = lab.deliver(&watch, now);
    assert_eq!((first.sent, first.put_off.len()), (0, 1));
    assert!(first.put_off[0].contains("500 Internal Server Error: no such <integration>"), "{first:?}");
    let second = lab.deliver(&watch, now);
    assert_eq!((second.sent, second.put_off.len(), second.dead.len()), (0, 0, 0), "its pause is kept");
    assert_eq!((second.waiting, second.next_at), (1, first.next_at), "and it is said that it waits");
    for clock in [in_an_hour, in_two_days] {
        assert_eq!(lab.deliver(&watch, clock).put_off.len(), 1);
    }
    fn in_a_week() -> Instant {
        now() + TimeDelta::days(7)
    }
    assert_eq!(lab.deliver(&watch, in_a_week).sent, 1);
    let got = server.got();
    let keys: Vec<&String> = got.iter().map(|got| &got.headers["idempotency-key"]).collect();
    assert_eq!(keys.len(), 4);
    assert!(keys.iter().all(|key| *key == keys[0]), "every attempt has the same key");
    assert!(got.iter().all(|one| one.body == got[0].body), "and says the same");
}

#[test]
fn a_receiver_that_is_down_is_tried_until_it_is_given_up() {
    let (address, mut lab) = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        (listener.local_addr().unwrap(), Lab::new())
    };
    let watch = lab.webhook(address);
    lab.publish(&watch, &["lines"]);
    static HOURS: AtomicI64 = AtomicI64::new(0);
    fn later() -> Instant {
        now() + TimeDelta::hours(HOURS.load(Ordering::Relaxed))
    }
    let mut after = |hours: i64| {
        HOURS.store(hours, Ordering::Relaxed);
        let one = lab.deliver(&watch, later);
        (one.put_off.len(), one.dead.len())
    };
    // As long as mail waits: a weekend is not too long, however often it was tried.
    for hours in (0..120).step_by(7) {
        assert_eq!(after(hours), (1, 0), "after {hours} h");
    }
    assert_eq!(after(121), (0, 0), "the pause of six hours is kept");
    assert_eq!(after(126), (0, 1));
    let letter = &lab.record.delivered(1).unwrap()[0];
    assert_eq!((letter.state.as_str(), letter.attempts), ("dead", 19));
    assert!(letter.error.as_deref().unwrap().contains("could not reach the receiver"), "{letter:?}");
    // It is there still, for whoever mends the receiver, and has as long again.
    assert_eq!(lab.record.revive(&watch, later()).unwrap().again, 1);
    HOURS.store(127, Ordering::Relaxed);
    assert_eq!(lab.deliver(&watch, later).put_off.len(), 1);
}

#[test]
fn a_receiver_that_refuses_is_not_asked_again() {
    let (server, address) = Server::start(&[Answer::Status(410)]);
    let mut lab = Lab::new();
    let watch = lab.webhook(address);
    lab.publish(&watch, &["lines"]);
    assert_eq!(lab.deliver(&watch, now).dead.len(), 1);
    assert_eq!(lab.deliver(&watch, in_two_days), Delivery::default());
    assert_eq!(server.got().len(), 1);
}

#[test]
fn who_is_killed_while_sending_leaves_it_to_the_next_under_the_same_key() {
    let (server, address) = Server::start(&[]);
    let mut lab = Lab::new();
    let watch = lab.webhook(address);
    lab.publish(&watch, &["lines", "days"]);
    // It got through, and the sender ended before it could note that.
    let taken = lab.record.take("there", now()).unwrap().unwrap();
    post(&mut None, &watch.channels[0].kind, &taken, now()).unwrap();
    lab.record = Alerts::open(lab.directory.path()).unwrap();
    assert_eq!(lab.deliver(&watch, now).sent, 1, "both alerts are of one message");
    let got = server.got();
    assert_eq!(got.len(), 2);
    assert_eq!(
        got[0].headers["idempotency-key"], got[1].headers["idempotency-key"],
        "the receiver drops the second"
    );
    assert_eq!(got[0].body, got[1].body);
}

#[test]
fn a_missing_secret_is_waited_for_and_names_no_secret() {
    let (server, address) = Server::start(&[]);
    let mut lab = Lab::new();
    let watch = lab.webhook(address);
    lab.publish(&watch, &["lines"]);
    std::fs::remove_file(lab.directory.path().join("key")).unwrap();
    let first = lab.deliver(&watch, now);
    assert!(first.put_off[0].contains("could not read the secret in"), "{first:?}");
    // An empty one is none: nothing is signed with it, and nothing given up for it.
    lab.secret("key", " ");
    let second = lab.deliver(&watch, in_an_hour);
    assert!(second.put_off[0].contains("is empty"), "{second:?}");
    assert!(server.got().is_empty());
    lab.secret("key", "another");
    assert_eq!(lab.deliver(&watch, in_two_days).sent, 1);
    assert_eq!(server.got().len(), 1);
    assert!(!format!("{watch:?}").contains(&address.to_string()), "an address is a secret too");
}

#[test]
fn an_address_that_is_empty_is_waited_for() {
    let (server, address) = Server::start(&[]);
    let mut lab = Lab::new();
    let watch = lab.webhook(address);
    lab.secret("url", "");
    lab.publish(&watch, &["lines"]);
    let first = lab.deliver(&watch, now);
    assert_eq!((first.put_off.len(), first.dead.len()), (1, 0), "{first:?}");
    lab.webhook(address);
    assert_eq!(lab.deliver(&watch, in_an_hour).sent, 1);
    assert_eq!(server.got().len(), 1);
}

#[test]
fn slack_and_pagerduty_get_what_they_read() {
    let (server, address) = Server::start(&[]);
    let mut lab = Lab::new();
    let url = lab.secret("url", &format!("http://{address}/services/T/B/x"));
    let watch = lab.watch(ChannelKind::Slack { url });
    lab.publish(&watch, &["lines", "days"]);
    assert_eq!(lab.deliver(&watch, now).sent, 1);
    let body: Value = serde_json::from_str(&server.got()[0].body).unwrap();
    assert_eq!(body["text"], "broken: 2 firing");
    let text = body["blocks"][0]["text"]["text"].as_str().unwrap();
    assert!(text.contains("check &lt;lines&gt; failed <https://costs.example.com/alerts/"), "{text}");

    let (server, address) = Server::start(&[]);
    let mut lab = Lab::new();
    let routing_key = lab.secret("key", "R0UT1NG");
    let watch =
        lab.watch(ChannelKind::PagerDuty { url: format!("http://{address}/v2/enqueue"), routing_key });
    lab.publish(&watch, &["lines", "days"]);
    assert_eq!(lab.deliver(&watch, now).sent, 2, "an event an alert");
    let id = lab.record.all().unwrap()[0].id.clone();
    lab.record.acknowledge(&id, in_two_days(), "Ada", &watch, now()).unwrap();
    lab.publish(&watch, &[]);
    assert_eq!(lab.deliver(&watch, now).sent, 3);
    let events: Vec<Value> =
        server.got().iter().map(|got| serde_json::from_str(&got.body).unwrap()).collect();
    let of = |action: &str| events.iter().filter(|event| event["event_action"] == action).collect::<Vec<_>>();
    assert_eq!((of("trigger").len(), of("acknowledge").len(), of("resolve").len()), (2, 1, 2));
    let event = of("trigger")[0];
    assert_eq!(
        (&event["routing_key"], &event["payload"]["severity"]),
        (&"R0UT1NG".into(), &"critical".into())
    );
    assert_eq!(event["payload"]["source"], "lakeledger");
    assert!(events.iter().all(|event| event["dedup_key"].as_str().unwrap().starts_with("lakeledger-")));
    assert_eq!(
        of("resolve")[0]["dedup_key"],
        of("trigger").iter().find(|it| it["dedup_key"] == of("resolve")[0]["dedup_key"]).unwrap()["dedup_key"]
    );
    // The key is kept nowhere.
    let kept = std::fs::read(lab.directory.path().join("state.sqlite")).unwrap();
    assert!(!kept.windows(7).any(|window| window == b"R0UT1NG"));
}

#[test]
fn a_signature_is_the_hmac_of_timestamp_and_body() {
    // printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac secret
    assert_eq!(
        signature("secret", "1700000000", "{\"a\":1}"),
        "49f24e537407743fa4a0242bb63b94b9a47ee99cbbe071ccd8a22550ae411686"
    );
}

#[test]
fn pauses_grow_and_a_receiver_may_ask_for_more() {
    let down = Fault::Web(WebhookError::Slow(Duration::from_secs(1)));
    let seconds = |attempts| pause(attempts, &down).num_seconds();
    assert_eq!([1, 2, 3, 6, 7, 100].map(seconds), [5, 30, 120, 21_600, 21_600, 21_600]);
    let asked = |retry_after| {
        Fault::Web(WebhookError::Refused {
            status: hyper::StatusCode::TOO_MANY_REQUESTS,
            text: String::new(),
            retry_after: Some(retry_after),
        })
    };
    assert_eq!(pause(1, &asked(90)).num_seconds(), 90);
    assert_eq!(pause(1, &asked(10_000_000)).num_seconds(), 86_400);
    assert_eq!(pause(2, &asked(1)).num_seconds(), 30);
}

#[test]
fn what_a_receiver_calls_wrong_is_not_sent_again() {
    let refused = |status: u16| WebhookError::Refused {
        status: hyper::StatusCode::from_u16(status).unwrap(),
        text: String::new(),
        retry_after: None,
    };
    for (status, may_pass) in [
        (400, false),
        (401, false),
        (404, false),
        (408, true),
        (410, false),
        (429, true),
        (500, true),
        (503, true),
    ] {
        assert_eq!(refused(status).may_pass(), may_pass, "{status}");
    }
}
