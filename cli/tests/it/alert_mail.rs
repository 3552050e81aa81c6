//! Alerts by mail: the real binary against a real server that is down, slow, refuses, or is left
//! alone by a sender that was killed. Nobody gets two, nobody is lost.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use mail_parser::MessageParser;
use serde_json::Value;

use crate::dashboard::{Dashboard, text};
use crate::lab::{Lab, copy_tree};
use crate::mail::{counts, published};
use crate::smtp::{Manner, Server};
use crate::watch::receiver;

/// Who is told of what is no team's, and who gets a copy of everything.
const ON_CALL: [&str; 3] = ["oncall@example.com", "second@example.com", "boss@example.com"];

const RULES: &str = r#"
[[channel]]
name = "data on call"
kind = "email"
to = ["On call <oncall@example.com>", "second@example.com"]
cc = "boss@example.com"
teams = true
[[alert]]
name = "late <sources>"
kind = "source-staleness"
hours = 1
sources = ["aws-bill", "spark"]
severity = "critical"
channels = "data on call"
"#;

/// The same, for alerts that belong to teams.
const TABLES: &str = r#"
[[alert]]
name = "old tables"
kind = "table-freshness"
hours = 1
channels = "data on call"
"#;

/// A published lab that watches; `more` is more of its configuration.
fn lab_at(port: u16, more: &str) -> Lab {
    let from = published();
    let text = std::fs::read_to_string(from.join("lakeledger.toml")).unwrap();
    let text = format!(
        "{text}\n[smtp]\nhost = \"127.0.0.1\"\nport = {port}\nsecurity = \"none\"\nretry_seconds = 1\n\
         timeout_seconds = 20\nbody_timeout_seconds = 4\nfrom = \"Lakeledger <costs@example.com>\"\n\
         [report]\nbase_url = \"https://costs.example.com\"\n{RULES}{more}"
    );
    let lab = Lab::with_config(&text);
    copy_tree(&from.join("ledger"), &lab.path("ledger"));
    lab
}

fn lab(server: &Server) -> Lab {
    lab_at(server.address.port(), "")
}

fn one_each() -> BTreeMap<String, usize> {
    ON_CALL.iter().map(|to| ((*to).to_owned(), 1)).collect()
}

/// State of letters about alerts, by recipient.
fn states(lab: &Lab) -> BTreeMap<String, String> {
    let rows: Vec<Value> =
        serde_json::from_str(&lab.ok(&["report", "deliveries", "--format", "json"])).unwrap();
    let of = |row: &Value, key: &str| row[key].as_str().unwrap_or_default().to_owned();
    let alerts = rows.iter().filter(|row| row["report"] == "alert");
    alerts.map(|row| (of(row, "recipient"), of(row, "state"))).collect()
}

/// What a message came to, as `alerts` says.
fn fate(lab: &Lab) -> (String, Value) {
    let all: Value =
        serde_json::from_str(&lab.run(&["alerts", "--no-send", "--format", "json"]).stdout).unwrap();
    let message = &all["messages"][0];
    (message["state"].as_str().unwrap().to_owned(), message["letters"].clone())
}

#[test]
fn a_letter_says_what_fired_why_and_where_to_look() {
    let server = Server::start();
    let lab = lab(&server);
    let ran = lab.run(&["alerts"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stderr.contains("3 letters in line"), "{}", ran.stderr);
    assert_eq!(counts(&server), one_each());
    let all: Value = serde_json::from_str(&lab.ok(&["alerts", "--format", "json"])).unwrap();
    let alerts = all["alerts"].as_array().unwrap();
    assert_eq!(alerts.len(), 2, "{alerts:#?}");
    let arrived = server.arrived();
    assert_eq!(arrived.len(), 3, "and none by the second look");
    for one in &arrived {
        let message = MessageParser::default().parse(&one.content).unwrap();
        let subject = message.subject().unwrap();
        assert!(subject.starts_with("2 firing: ") && subject.ends_with(" · late <sources>"), "{subject}");
        assert!(subject.contains(" h (limit 1 h) and 1 more"), "{subject}");
        assert_eq!(message.from().unwrap().first().unwrap().address(), Some("costs@example.com"));
        assert_eq!(message.to().unwrap().iter().count(), 2, "everybody sees who else knows");
        assert_eq!(message.cc().unwrap().first().unwrap().address(), Some("boss@example.com"));
        assert!(message.header_raw("List-Unsubscribe").unwrap().contains("mailto:costs@example.com"));
        assert!(message.header_raw("List-Id").unwrap().contains("<alert.data-on-call.example.com>"));
        let (plain, html) = (message.body_text(0).unwrap(), message.body_html(0).unwrap());
        // Lines of plain text are filled: words, not lines, are compared.
        let words = plain.split_whitespace().collect::<Vec<_>>().join(" ");
        let shown = text(&html);
        for alert in alerts {
            let (why, id) = (alert["message"].as_str().unwrap(), alert["id"].as_str().unwrap());
            let link = format!("https://costs.example.com/alerts/{id}");
            assert!(words.contains(why) && words.contains(&link), "{why}, {link}: {plain}");
            assert!(shown.contains(why) && html.contains(&format!("href=\"{link}\"")), "{why}: {html}");
        }
        for said in ["critical", "Limit", "late <sources>", "data on call"] {
            let said = said.to_lowercase();
            assert!(words.to_lowercase().contains(&said), "{said}: {plain}");
            assert!(shown.to_lowercase().contains(&said), "{said}: {shown}");
        }
        assert!(!html.contains("<sources>") && html.contains("late &#60;sources&#62;"), "names stay text");
    }
    let ids: std::collections::BTreeSet<_> = arrived
        .iter()
        .map(|one| MessageParser::default().parse(&one.content).unwrap().message_id().unwrap().to_owned())
        .collect();
    assert_eq!(ids.len(), 3);
    assert_eq!(fate(&lab), ("mailed".to_owned(), "sent".into()));

    let (config, ledger) = (lab.path("lakeledger.toml"), lab.path("ledger"));
    let watch = cli::config::load(&config).unwrap().watch;
    let dashboard = Dashboard::watching(lab, &ledger, || "2026-10-12T06:00:00Z".parse().unwrap(), watch);
    let messages = dashboard.csv("/alerts?t=messages&format=csv");
    assert_eq!((messages.len(), messages[0]["state"].as_str()), (1, "Sent"));
    let letters = dashboard.csv("/reports?t=letters&format=csv");
    assert!(letters.len() == 3 && letters.iter().all(|row| row["period"] == "alert"), "{letters:?}");
}

#[test]
fn what_is_over_is_told_of_in_a_letter_of_its_own() {
    let server = Server::start();
    let lab = lab(&server);
    lab.ok(&["alerts"]);
    let config = lab.path("lakeledger.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replace("hours = 1\nsources", "hours = 1000000\nsources")).unwrap();
    lab.ok(&["alerts"]);
    let last = server.arrived().pop().unwrap();
    let message = MessageParser::default().parse(&last.content).unwrap();
    let subject = message.subject().unwrap();
    assert!(subject.starts_with("2 resolved: ") && subject.ends_with(" · late <sources>"), "{subject}");
    assert!(message.body_text(0).unwrap().contains("Resolved · critical · late <sources>"));
    assert!(counts(&server).values().all(|count| *count == 2), "{:?}", counts(&server));
}

#[test]
fn each_team_is_told_of_its_own_and_the_rest_goes_to_the_channel() {
    let server = Server::start();
    let lab = lab_at(server.address.port(), TABLES);
    lab.ok(&["alerts"]);
    let all: Value = serde_json::from_str(&lab.ok(&["alerts", "--format", "json"])).unwrap();
    let of = |team: &str| -> Vec<String> {
        let alerts = all["alerts"].as_array().unwrap().iter().filter(|alert| alert["team"] == team);
        alerts.map(|alert| alert["subject"].as_str().unwrap().to_owned()).collect()
    };
    let (growth, content) = (of("growth"), of("content"));
    assert!(!growth.is_empty() && !content.is_empty(), "{all:#}");
    for (to, own, others) in
        [("growth-data@example.com", &growth, &content), ("content-data@example.com", &content, &growth)]
    {
        let arrived = server.arrived().into_iter().filter(|one| one.to == [to]).collect::<Vec<_>>();
        let [only] = arrived.as_slice() else { panic!("{to} has {}", arrived.len()) };
        let message = MessageParser::default().parse(&only.content).unwrap();
        let body = message.body_text(0).unwrap();
        assert!(own.iter().all(|table| body.contains(table)), "{body}");
        assert!(!others.iter().any(|table| body.contains(table)), "{body}");
    }
    // The boss has a copy of each, the channel's own recipients what is no team's.
    assert_eq!(counts(&server)["boss@example.com"], 3);
    assert_eq!(counts(&server)["oncall@example.com"], 1);
}

#[test]
fn a_server_that_is_away_slow_or_busy_loses_nothing() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let lab = lab_at(free, "");
    let down = lab.run(&["alerts"]);
    assert_eq!(down.code, 1, "{}", down.stderr);
    assert!(down.stderr.contains("could not connect to the mail server"), "{}", down.stderr);
    assert!(states(&lab).values().all(|state| state == "retry") && states(&lab).len() == 3);
    assert_eq!(fate(&lab), ("mailed".to_owned(), "retry".into()));

    let server = Server::start_at(free);
    server.manner("second@example.com", Manner::Later);
    server.manner("boss@example.com", Manner::Slow(Duration::from_secs(2)));
    thread::sleep(Duration::from_millis(1_100));
    // What waits goes with scheduled jobs as well as with `alerts`.
    let busy = lab.run(&["schedule", "run"]);
    assert_eq!(busy.code, 1, "{}", busy.stderr);
    assert_eq!(states(&lab)["second@example.com"], "retry");
    server.forget_manners();
    thread::sleep(Duration::from_millis(4_100));
    lab.ok(&["alerts"]);
    lab.ok(&["alerts"]);
    assert_eq!(counts(&server), one_each());
}

#[test]
fn a_mail_server_that_hangs_holds_up_neither_the_ledger_nor_a_message_nor_a_job() {
    let server = Server::start();
    ON_CALL.iter().for_each(|to| server.manner(to, Manner::TakeAndHang));
    let (hook, got) = receiver(Arc::new(Mutex::new(true)));
    let more = "
[[channel]]
name = \"hook\"
kind = \"webhook\"
url_env = \"HOOK_URL\"
[[alert]]
name = \"late again\"
kind = \"source-staleness\"
hours = 1
channels = \"hook\"
";
    let lab = lab_at(server.address.port(), more);
    let config = lab.path("lakeledger.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replace("body_timeout_seconds = 4", "body_timeout_seconds = 300")).unwrap();
    let mut command = lab.command(&["run", "--alerts"]);
    command.env("HOOK_URL", format!("http://{hook}/")).stdout(Stdio::null()).stderr(Stdio::null());
    let mut hanging = command.spawn().unwrap();
    let started = Instant::now();
    while ON_CALL.iter().all(|to| server.asked_for(to) == 0) {
        assert!(started.elapsed() < Duration::from_secs(120), "no letter was handed over");
        thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(got.lock().unwrap().len(), 1, "messages went before the mail");
    // Whoever writes the ledger, judges alerts or runs jobs meanwhile goes on.
    for arguments in
        [&["attribute"][..], &["schedule", "run", "--only", "jobs,messages"], &["alerts", "--no-send"]]
    {
        let ran = lab.run(arguments);
        assert_eq!(ran.code, 0, "{arguments:?}: {}", ran.stderr);
    }
    // Who looks every minute for mail that is due does not queue up behind it.
    let looked = lab.run(&["schedule", "run"]);
    assert_eq!((looked.code, looked.stderr.as_str()), (0, ""), "cron mails every line");
    assert!(hanging.try_wait().unwrap().is_none(), "the letter is not answered yet");
    hanging.kill().unwrap();
    hanging.wait().unwrap();
}

#[test]
fn one_refused_recipient_keeps_no_other_from_it() {
    let server = Server::start();
    server.manner("oncall@example.com", Manner::Refuse);
    let lab = lab(&server);
    let ran = lab.run(&["alerts"]);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(ran.stderr.contains("refused   oncall@example.com: ") && ran.stderr.contains("no such mailbox"));
    assert_eq!(fate(&lab), ("mailed".to_owned(), "refused".into()));
    lab.ok(&["alerts"]);
    server.forget_manners();
    let again = lab.run(&["alerts", "retry"]);
    assert_eq!(again.code, 0, "{}", again.stderr);
    assert!(again.stderr.contains("0 messages that were given up and 1 letter are tried again"));
    assert_eq!(counts(&server), one_each());
}

#[test]
fn letters_that_wait_go_to_who_the_channel_names_now() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let lab = lab_at(free, "");
    assert_eq!(lab.run(&["alerts"]).code, 1, "the server is away");
    let config = lab.path("lakeledger.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replace("\"second@example.com\"", "\"third@example.com\"")).unwrap();
    let server = Server::start_at(free);
    thread::sleep(Duration::from_millis(1_100));
    let ran = lab.run(&["alerts"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stderr.contains("it goes to third@example.com instead"), "{}", ran.stderr);
    let to: Vec<String> = counts(&server).into_keys().collect();
    assert_eq!(to, ["boss@example.com", "oncall@example.com", "third@example.com"]);
    assert_eq!(fate(&lab), ("mailed".to_owned(), "sent".into()));
    // A channel that is gone takes its letters along.
    let lab = lab_at(1, "");
    lab.run(&["alerts"]);
    let config = lab.path("lakeledger.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(
        &config,
        text.replace("name = \"data on call\"", "name = \"others\"")
            .replace("channels = \"data on call\"", "channels = []"),
    )
    .unwrap();
    thread::sleep(Duration::from_millis(1_100));
    let ran = lab.run(&["schedule", "run", "--only", "mail"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(states(&lab).values().all(|state| state == "dropped"), "{}", ran.stderr);
}

#[test]
fn killed_at_any_instant_nobody_gets_two_and_nobody_is_lost() {
    let mut doubtful = 0;
    for nth in 0..9_u64 {
        let server = Server::start();
        let victim = ON_CALL[nth as usize % ON_CALL.len()];
        server.manner(victim, Manner::Slow(Duration::from_millis(400)));
        let lab = lab(&server);
        let mut child = lab.command(&["alerts"]).stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
        let started = Instant::now();
        // In the middle of handing over one letter, else as soon as something is recorded.
        let is_handing_over = nth % 3 != 2;
        while match is_handing_over {
            true => server.asked_for(victim) == 0,
            false => !lab.path("ledger/mail/alert").is_dir(),
        } {
            assert!(started.elapsed() < Duration::from_secs(120), "it never came so far");
            thread::sleep(Duration::from_millis(1));
        }
        // Also long after it was asked for: to record the intent takes a busy disk a while.
        thread::sleep(Duration::from_millis(nth * 40));
        child.kill().unwrap();
        child.wait().unwrap();
        // The server may still be about to take what was handed over whole.
        thread::sleep(Duration::from_millis(600));
        server.forget_manners();
        let rerun = lab.run(&["alerts"]);
        let (states, arrived) = (states(&lab), counts(&server));
        for to in ON_CALL {
            let copies = arrived.get(to).copied().unwrap_or(0);
            match states.get(to).map(String::as_str) {
                Some("sent") => assert_eq!(copies, 1, "kill {nth}, {to}"),
                Some("doubtful") => {
                    doubtful += 1;
                    assert!(copies <= 1, "kill {nth}, {to}");
                    assert!(rerun.stderr.contains(&format!("DOUBTFUL  {to}: ")), "{}", rerun.stderr);
                    assert!(
                        rerun.stderr.contains("`lakeledger alerts retry --doubtful`"),
                        "{}",
                        rerun.stderr
                    );
                }
                other => panic!("kill {nth}: {to} is {other:?}"),
            }
        }
        if states.values().any(|state| state == "doubtful") {
            lab.ok(&["alerts", "retry", "--doubtful"]);
            assert!(self::states(&lab).values().all(|state| state == "sent"));
        }
    }
    assert!(doubtful > 0, "no kill hit the moment between the intent and the answer");
}
