//! What is mailed to whom, and what is not: the real binary against a real server.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use mail_parser::MessageParser;
use serde_json::Value;
use tempfile::TempDir;

use crate::lab::{Lab, copy_tree};
use crate::smtp::Server;

/// Everybody who gets a report.
pub const RECIPIENTS: [&str; 5] = [
    "lead@example.com",
    "growth@example.com",
    "second@example.com",
    "boss@example.com",
    "content@example.com",
];
pub const SEND: [&str; 3] = ["report", "weekly", "--send"];

/// A lab that was run once, for all tests.
pub fn published() -> PathBuf {
    static ONCE: OnceLock<TempDir> = OnceLock::new();
    let directory = ONCE.get_or_init(|| {
        let lab = Lab::new();
        lab.ok(&["run"]);
        let directory = tempfile::tempdir().unwrap();
        copy_tree(&lab.path("."), directory.path());
        directory
    });
    directory.path().to_owned()
}

/// A published lab whose mail goes to a server, with more of `[smtp]` and of `[report]`.
pub fn lab_at(port: u16, smtp: &str, report: &str) -> Lab {
    let from = published();
    let text = std::fs::read_to_string(from.join("lakeledger.toml")).unwrap();
    let text = text
        .replace(
            r#"email = ["growth-data@example.com"]"#,
            "email = [\"Growth <growth@example.com>\", \"second@example.com\"]\ncc = \"boss@example.com\"",
        )
        .replace(r#"email = ["content-data@example.com"]"#, "email = \"content@example.com\"");
    let text = format!(
        "{text}\n[smtp]\nhost = \"127.0.0.1\"\nport = {port}\nsecurity = \"none\"\nfrom = \"Lakeledger <costs@example.com>\"\n\
         retry_seconds = 1\n{smtp}\n[report]\nplatform_email = \"lead@example.com\"\npartial_weeks = true\n\
         base_url = \"https://costs.example.com\"\n{report}\n"
    );
    let lab = Lab::with_config(&text);
    copy_tree(&from.join("ledger"), &lab.path("ledger"));
    lab
}

pub const ALL: &str = "material_spend = 0";

pub fn lab(server: &Server) -> Lab {
    lab_at(server.address.port(), "timeout_seconds = 20", ALL)
}

/// How many letters each recipient has.
pub fn counts(server: &Server) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for letter in server.arrived() {
        for to in letter.to {
            *counts.entry(to).or_default() += 1;
        }
    }
    counts
}

pub fn one_each() -> BTreeMap<String, usize> {
    RECIPIENTS.iter().map(|to| ((*to).to_owned(), 1)).collect()
}

fn deliveries(lab: &Lab) -> Vec<Value> {
    serde_json::from_str(&lab.ok(&["report", "deliveries", "--format", "json"])).unwrap()
}

/// State by recipient.
pub fn states(lab: &Lab) -> BTreeMap<String, String> {
    let of = |row: &Value, key: &str| row[key].as_str().unwrap_or_default().to_owned();
    deliveries(lab)
        .iter()
        .filter(|row| row["report"] == "weekly" && !row["recipient"].is_null())
        .map(|row| (of(row, "recipient"), of(row, "state")))
        .collect()
}

#[test]
fn what_waits_goes_to_who_is_configured_now() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let lab = lab_at(free, "", ALL);
    assert_eq!(lab.run(&SEND).code, 1, "the server is away");
    let config = lab.path("lakeledger.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    let text = text
        .replace("\"second@example.com\"]", "\"new@example.com\"]")
        .replace("email = \"content@example.com\"", "email = []");
    std::fs::write(&config, text).unwrap();
    let server = Server::start_at(free);
    thread::sleep(Duration::from_millis(1_100));
    // A retry, not a report made anew.
    let ran = lab.run(&["schedule", "run"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let gone = "the configuration names this recipient no longer";
    for said in
        [format!("{gone}; it goes to new@example.com instead"), "dropped   content@example.com: ".to_owned()]
    {
        assert!(ran.stderr.contains(&said), "{said}: {}", ran.stderr);
    }
    let to: Vec<String> = counts(&server).into_keys().collect();
    assert_eq!(to, ["boss@example.com", "growth@example.com", "lead@example.com", "new@example.com"]);
    assert!(counts(&server).values().all(|letters| *letters == 1));
    let arrived = server.arrived();
    let new = arrived.iter().find(|one| one.to == ["new@example.com"]).unwrap();
    let message = MessageParser::default().parse(&new.content).unwrap();
    let heads: Vec<&str> = message.to().unwrap().iter().map(|one| one.address().unwrap()).collect();
    assert_eq!(heads, ["growth@example.com", "new@example.com"]);
    assert!(message.subject().unwrap().starts_with("growth spent "), "{:?}", message.subject());
    let states = states(&lab);
    assert_eq!(
        (states["second@example.com"].as_str(), states["content@example.com"].as_str()),
        ("dropped", "dropped")
    );
    lab.ok(&SEND);
    assert!(counts(&server).values().all(|letters| *letters == 1), "and nobody twice");
}

#[test]
fn nobody_gets_a_second_letter_and_a_test_is_none() {
    let server = Server::start();
    let lab = lab(&server);
    let test = lab.run(&["report", "weekly", "--send", "--to", "me@example.com", "--team", "growth"]);
    assert_eq!(test.code, 0, "{}", test.stderr);
    let arrived = server.arrived();
    let [only] = arrived.as_slice() else { panic!("one test") };
    let message = MessageParser::default().parse(&only.content).unwrap();
    assert_eq!(only.to, ["me@example.com"]);
    assert!(message.subject().unwrap().starts_with("[test] growth spent "), "{:?}", message.subject());
    assert!(message.cc().is_none(), "a test is nobody else's");
    lab.ok(&SEND);
    let again = lab.run(&SEND);
    assert_eq!(again.code, 0);
    assert!(
        again.stderr.contains("already sent: growth, 2026-W41 to growth@example.com on "),
        "{}",
        again.stderr
    );
    let mut counts = counts(&server);
    assert_eq!(counts.remove("me@example.com"), Some(1));
    assert_eq!(counts, one_each());
    // What was sent is kept, byte for byte.
    for row in deliveries(&lab).iter().filter(|row| row["report"] == "weekly") {
        let archived = std::fs::read(lab.path("ledger").join(row["archive"].as_str().unwrap())).unwrap();
        let to = row["recipient"].as_str().unwrap();
        let sent = server.arrived().into_iter().find(|one| one.to == [to]).unwrap();
        assert_eq!(
            String::from_utf8(sent.content).unwrap().trim_end(),
            String::from_utf8(archived).unwrap().trim_end()
        );
        assert_eq!((row["state"].as_str(), row["attempts"].as_u64()), (Some("sent"), Some(1)));
        assert!(row["note"].as_str().unwrap().starts_with("250 "), "{row}");
    }
}

#[test]
fn what_is_not_material_is_not_mailed_and_says_why() {
    let server = Server::start();
    let lab = lab_at(server.address.port(), "", "material_spend = 1000000\nmaterial_change = 1000000");
    let ran = lab.run(&SEND);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stderr.contains("not mailed: growth, 2026-W41: nothing material: $"), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("a cost of 1000000 or a change of 1000000 and 5% would be"),
        "{}",
        ran.stderr
    );
    assert!(server.arrived().is_empty());
    let withheld = lab.ok(&["report", "deliveries", "--state", "withheld"]);
    assert_eq!(withheld.lines().count(), 1 + 3, "{withheld}");
    // What is worth a mail now goes, and is withheld no longer.
    let config = lab.path("lakeledger.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replace("material_spend = 1000000", "material_spend = 0")).unwrap();
    lab.ok(&SEND);
    assert_eq!(counts(&server), one_each());
    assert_eq!(lab.ok(&["report", "deliveries", "--state", "withheld"]).lines().count(), 1);
}

#[test]
fn a_week_with_days_missing_waits_until_it_is_whole() {
    let server = Server::start();
    let lab = lab(&server);
    let config = lab.path("lakeledger.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replace("partial_weeks = true", "")).unwrap();
    let ran = lab.run(&SEND);
    assert!(ran.stderr.contains("the week is not whole: the ledger holds no charges of "), "{}", ran.stderr);
    assert!(server.arrived().is_empty());
}

#[test]
fn without_a_server_or_its_password_nothing_begins() {
    let lab = Lab::with_config("[ledger]\npath = \"ledger\"\n");
    let ran = lab.run(&SEND);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("error: no mail server is configured"), "{}", ran.stderr);
    assert!(ran.stderr.contains("hint: add [smtp]"), "{}", ran.stderr);
    let neither = lab.run(&["report", "weekly"]);
    assert_eq!(neither.code, 2, "neither to files nor by mail: {}", neither.stderr);

    let server = Server::start();
    let lab = lab_at(server.address.port(), "username = \"costs\"\npassword_env = \"NO_SUCH_PASSWORD\"", ALL);
    let ran = lab.run(&SEND);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(
        ran.stderr.contains("there is no password for `127.0.0.1` in the variable `NO_SUCH_PASSWORD`"),
        "{}",
        ran.stderr
    );
    assert!(states(&lab).values().all(|state| state == "retry"), "letters wait for it");
}
