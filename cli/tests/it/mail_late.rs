//! Letters of weeks that were whole only after another week had ended, or that nothing asked for in
//! time.

use std::collections::BTreeSet;

use reports::mail::{Outbox, Withheld};
use serde_json::Value;

use crate::lab::{Lab, Ran};
use crate::mail::ALL;
use crate::smtp::Server;

const CONFIG: [&str; 2] = ["--config", "demo/lakeledger.toml"];

/// Five weeks up to Sunday 8 November 2026, which is not closed: week 45 waits, those before it are
/// whole.
fn lab(server: &Server) -> Lab {
    let lab = Lab::demo(35, 7);
    let path = lab.path("demo/lakeledger.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let mail = format!(
        "\n[smtp]\nhost = \"127.0.0.1\"\nport = {}\nsecurity = \"none\"\nfrom = \"costs@example.com\"\n\
         [report]\nplatform_email = \"lead@example.com\"\n{ALL}\n",
        server.address.port()
    );
    std::fs::write(path, text + &mail).unwrap();
    lab
}

fn send(lab: &Lab, more: &[&str]) -> Ran {
    let ran = lab.run(&[&CONFIG[..], &["report", "weekly", "--send"], more].concat());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    ran
}

/// Whose letters of which weeks were sent.
fn sent(lab: &Lab) -> BTreeSet<(String, String)> {
    let asked = ["report", "deliveries", "--state", "sent", "--format", "json"];
    let rows: Vec<Value> = serde_json::from_str(&lab.ok(&[&CONFIG[..], &asked].concat())).unwrap();
    let of = |row: &Value, key: &str| row[key].as_str().unwrap_or_default().to_owned();
    rows.iter().map(|row| (of(row, "team"), of(row, "period"))).collect()
}

fn withhold(lab: &Lab, team: Option<&str>, week: &str, reason: &str) {
    let mut outbox = Outbox::open(&lab.path("demo/ledger")).unwrap();
    outbox
        .withhold(&Withheld {
            report: "weekly".into(),
            period: week.into(),
            team: team.map(str::to_owned),
            reason: reason.into(),
            at: "2026-11-02T07:00:00Z".parse().unwrap(),
        })
        .unwrap();
}

#[test]
fn a_week_that_is_whole_late_or_was_missed_is_mailed_late_and_once() {
    let server = Server::start();
    let lab = lab(&server);
    let first = send(&lab, &[]);
    let waits = "not mailed: ads, 2026-W45: the week is not whole: ";
    assert!(first.stderr.contains(waits), "{}", first.stderr);
    assert!(server.arrived().is_empty(), "who starts to mail letters owes none of the past");

    // The platform's was asked for on every morning of its week, and then the next week was over.
    withhold(&lab, None, "2026-W44", "the week is not whole: Sun 1 Nov 2026 is not closed yet");
    // Of a team, nothing asked for the week after this one.
    withhold(&lab, Some("ads"), "2026-W43", "nothing material: $1.00");
    let named = send(&lab, &["--week", "2026-W45"]);
    assert!(server.arrived().is_empty(), "who names a week wants no other: {}", named.stderr);
    send(&lab, &[]);
    let week = |team: &str| (team.to_owned(), "2026-W44".to_owned());
    assert_eq!(sent(&lab), BTreeSet::from([week(""), week("ads")]));
    let letters = server.arrived().len();
    assert!(letters >= 2 && server.arrived().iter().any(|one| one.to == ["lead@example.com"]));
    send(&lab, &[]);
    assert_eq!(server.arrived().len(), letters, "nobody gets a second one");
}
