//! The waste inbox on a small demo, beside what the command line says of the same findings.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use model::Amount;
use serde_json::Value;

use crate::dashboard::{Dashboard, attributes, text, unescape};
use crate::lab::Lab;

const HERE: &[(&str, &str)] = &[("sec-fetch-site", "same-origin")];

fn demo() -> (Dashboard, Vec<Value>) {
    let lab = Lab::demo(35, 7);
    let config = lab.path("demo/lakeledger.toml").display().to_string();
    let found: Value =
        serde_json::from_str(&lab.ok(&["--config", &config, "waste", "--format", "json"])).unwrap();
    let ledger = lab.path("demo/ledger");
    let clock = || "2026-10-07T06:00:00Z".parse().unwrap();
    (Dashboard::at(lab, &ledger, clock), found.as_array().unwrap().clone())
}

fn sum(rows: &[BTreeMap<String, String>], column: &str) -> Amount {
    rows.iter().map(|row| row[column].parse::<Amount>().unwrap()).sum()
}

#[test]
fn the_inbox_holds_the_findings_of_the_command_line_and_edits_are_kept() {
    let (dashboard, found) = demo();
    assert!(found.len() > 10, "the demo wastes something");
    let rows = dashboard.csv("/waste?format=csv");
    assert_eq!(rows.len(), found.len());
    let claimed: Amount = found
        .iter()
        .map(|finding| finding["claimed_saving"].as_str().unwrap().parse::<Amount>().unwrap())
        .sum();
    assert_eq!(sum(&rows, "claimed"), claimed, "what adds up is what the claims ledger says");
    let page = text(&dashboard.page("/waste"));
    assert!(page.contains("First: ") && page.contains("a month net"), "{page}");
    assert!(page.contains(&reports::format::money(claimed, model::Currency::USD)), "{page}");

    // Filters leave what they say.
    let first = &rows[0];
    let of = |query: &str| dashboard.csv(&format!("/waste?{query}&format=csv"));
    let detector = of(&format!("detector={}", first["detector"]));
    assert!(!detector.is_empty() && detector.iter().all(|row| row["detector"] == first["detector"]));
    assert!(of("confidence=high").iter().all(|row| row["confidence"] == "high"));
    assert!(of("kind=table").iter().all(|row| row["kind"] == "table"));
    let least: Amount = "10".parse().unwrap();
    assert!(of("min=10").iter().all(|row| row["net"].parse::<Amount>().unwrap() >= least));
    let team = rows.iter().find(|row| !row["team"].is_empty()).unwrap();
    assert!(of(&format!("team={}", team["team"])).iter().any(|row| row["finding"] == team["finding"]));

    // Every finding has a page with its command and its guards.
    for finding in &found {
        let page = dashboard.page(&format!("/waste/{}", finding["id"].as_str().unwrap()));
        let said = text(&page);
        let action = finding["action"].as_str().unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(said.contains(&action), "{action} in {said}");
        for guard in finding["guards"].as_array().unwrap() {
            assert!(said.contains(guard.as_str().unwrap()), "{guard} in {said}");
        }
        assert_eq!(page.matches("<h1").count(), 1);
    }

    // A subject's own page and the overview lead there.
    let table = found.iter().find(|finding| finding["subject_kind"] == "table").unwrap();
    let (id, subject) = (table["id"].as_str().unwrap(), table["subject"].as_str().unwrap());
    let leads = |url: &str, id: &str| {
        let page = dashboard.page(url);
        attributes(&page, "href").into_iter().any(|href| unescape(href).starts_with(&format!("/waste/{id}")))
    };
    assert!(leads(&format!("/tables/{subject}"), id), "{subject} does not lead to {id}");
    assert!(leads("/", &first["finding"]), "the overview does not lead to the first finding");

    acts(&dashboard, id);

    // What is over has no form that would be refused.
    let config = dashboard.lab.path("demo/lakeledger.toml").display().to_string();
    let over = dashboard.lab.ok(&["--config", &config, "waste", "--status", "resolved", "--format", "json"]);
    let over: Value = serde_json::from_str(&over).unwrap();
    let over = dashboard.page(&format!("/waste/{}", over[0]["id"].as_str().unwrap()));
    assert!(over.contains("value=\"dismiss\""), "it may be dismissed");
    for refused in ["acknowledge", "assign", "snooze"] {
        assert!(!over.contains(&format!("value=\"{refused}\"")), "{refused}");
    }
}

/// Every form of a finding's page, and who sent it.
fn acts(dashboard: &Dashboard, id: &str) {
    let url = format!("/waste/{id}");
    let status = |word: &str| {
        let rows = dashboard.csv(&format!("/waste?status={word}&format=csv"));
        rows.iter().any(|row| row["finding"] == id)
    };
    for (headers, form) in [
        (&[][..], "act=acknowledge"),
        (&[("sec-fetch-site", "cross-site")], "act=acknowledge"),
        (&[("origin", "http://evil.example")], "act=acknowledge"),
    ] {
        assert_eq!(dashboard.post(&url, form, headers).status, StatusCode::FORBIDDEN, "{headers:?}");
    }
    for form in ["", "act=delete", "act=dismiss&reason=+", "act=snooze&until=2026-10-07", "act=assign"] {
        assert_eq!(dashboard.post(&url, form, HERE).status, StatusCode::BAD_REQUEST, "{form}");
    }
    let unknown = dashboard.post("/waste/0123456789ab", "act=acknowledge", HERE);
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
    // The beginning of an id is no id.
    assert_eq!(
        dashboard.post(&format!("/waste/{}", &id[..4]), "act=acknowledge", HERE).status,
        StatusCode::NOT_FOUND
    );
    assert!(status("new"), "nothing of this changed anything");

    let waiting = dashboard.csv("/waste?format=csv").len();
    let long = format!("act=dismiss&reason={}", "x".repeat(4_000));
    assert_eq!(dashboard.post(&url, &long, HERE).status, StatusCode::BAD_REQUEST);
    for (form, word, waits) in [
        ("act=acknowledge", "acknowledged", true),
        ("act=assign&to=%3Cscript%3Ealert(1)%3C%2Fscript%3E", "assigned", true),
        ("act=snooze&until=2026-11-07", "snoozed", false),
        ("act=dismiss&reason=%3D1%2B1+agreed", "dismissed", false),
        ("act=reopen", "reopened", true),
    ] {
        let done = dashboard.post(&url, form, HERE);
        assert_eq!(done.status, StatusCode::SEE_OTHER, "{form}: {}", text(&done.body));
        assert_eq!(done.headers["location"], format!("{url}#status"), "{form}");
        assert!(status(word), "{word}");
        let left = if waits { waiting } else { waiting - 1 };
        assert_eq!(dashboard.csv("/waste?format=csv").len(), left, "{form}");
    }
    let page = dashboard.page(&url);
    assert!(!page.contains("<script>alert"), "a name is only ever text");
    let said = text(&page);
    for part in [
        "assigned: <script>alert(1)</script>, by this machine (no login)",
        "snoozed: 2026-11-07",
        "dismissed: =1+1 agreed",
        "reopened, by this machine",
    ] {
        assert!(said.contains(part), "{part} in {said}");
    }
}

#[test]
fn every_sum_of_savings_is_of_what_waits_in_the_inbox() {
    let (dashboard, found) = demo();
    let inbox = || dashboard.csv("/waste?format=csv");
    let explored = || dashboard.csv("/explore?by=team&measure=waste&format=csv");
    let same = |what: &str| {
        let (inbox, explored) = (inbox(), explored());
        assert_eq!(sum(&explored, "saving"), sum(&inbox, "claimed"), "{what}");
        let count: usize = explored.iter().map(|row| row["findings"].parse::<usize>().unwrap()).sum();
        assert_eq!(count, inbox.len(), "{what}");
    };
    same("as found");
    // A table's files are mended, or nobody wants to: then they save nothing any more.
    let files = ["uncompacted", "delete-bloat", "tiny-commits", "over-partitioning"];
    let of_files = |row: &BTreeMap<String, String>| files.contains(&row["detector"].as_str());
    let subject = inbox().into_iter().find(of_files).unwrap()["subject"].clone();
    let table = format!("/tables/{subject}");
    assert!(text(&dashboard.page(&table)).contains("Mending its files saves"), "{table}");
    for row in inbox().iter().filter(|row| row["subject"] == subject && of_files(row)) {
        let done = dashboard.post(&format!("/waste/{}", row["finding"]), "act=dismiss&reason=agreed", HERE);
        assert_eq!(done.status, StatusCode::SEE_OTHER);
    }
    assert!(!text(&dashboard.page(&table)).contains("Mending its files saves"), "{table}");
    same("after some were dismissed");

    // What was realised is of the fixes that the filters leave.
    let fixed = |query: &str| dashboard.csv(&format!("/waste?{query}t=resolved&format=csv"));
    let told = |query: &str| text(&dashboard.page(&format!("/waste?{query}"))).contains("a month, of $");
    let measured =
        |query: &str| fixed(query).iter().any(|row| row.get("realised").is_some_and(|cell| !cell.is_empty()));
    for query in ["", "team=ads&", "team=studio&", "kind=table&", "kind=cluster&", "detector=skew&"] {
        assert_eq!(told(query), measured(query), "{query}");
    }

    // A chart opens what its subject cost on the basis of findings, or nothing.
    for finding in &found {
        let url = format!("/waste/{}?basis=billed&team=ads", finding["id"].as_str().unwrap());
        let page = dashboard.page(&url);
        let Some(legend) = page.split("class=\"legend\"").nth(1) else { continue };
        let legend = legend.split("</ul>").next().unwrap();
        let kind = finding["subject_kind"].as_str().unwrap();
        let opened = match kind {
            "table" | "workload" => legend.contains(&format!("where={kind}%3D")),
            "cluster" => !legend.contains("/explain") || legend.contains("where=cluster%3D"),
            _ => !legend.contains("href"),
        };
        assert!(opened, "{url} at a {kind}: {legend}");
        assert!(!legend.contains("basis=") && !legend.contains("team="), "{url}: {legend}");
    }
}

#[test]
fn what_if_answers_as_the_command_line_does() {
    let (dashboard, _) = demo();
    let config = dashboard.lab.path("demo/lakeledger.toml").display().to_string();
    for (query, setting) in [
        ("setting=spot&value=50", &["spot", "--share", "50"][..]),
        ("setting=auto-termination&value=60", &["auto-termination", "--minutes", "60"]),
        ("setting=event-driven", &["event-driven"]),
        ("setting=ttl&value=30", &["ttl", "--days", "30"]),
        ("setting=compaction&value=256", &["compaction", "--target", "256"]),
    ] {
        let mut command = vec!["--config", &config, "waste", "what-if"];
        command.extend(setting);
        command.extend(["--format", "json", "--limit", "100000"]);
        let told: Value = serde_json::from_str(&dashboard.lab.ok(&command)).unwrap();
        let told: Amount = told
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row["saving_a_month"].as_str().unwrap().parse::<Amount>().unwrap())
            .sum();
        let rows = dashboard.csv(&format!("/waste/what-if?{query}&format=csv"));
        assert_eq!(sum(&rows, "saving"), told, "{query}");
        let answer = dashboard.get(&format!("/api/v1/what-if?{query}&limit=10000"));
        let answer: Value = serde_json::from_str(&answer.body).unwrap();
        let rows = answer["rows"].as_array().unwrap();
        let saving = |row: &Value| row["saving"].as_str().unwrap().parse::<Amount>().unwrap();
        assert_eq!(rows.iter().map(saving).sum::<Amount>(), told, "{query}");
        assert_eq!(rows[0]["setting"], setting[0], "{query}");
        assert!(
            text(&dashboard.page(&format!("/waste/what-if?{query}"))).contains("have been saved"),
            "{query}"
        );
    }
    // A program is told what it asks wrong, with what is right.
    for (query, said) in [
        ("what-if?setting=magic", "`magic` is no setting: use spot, auto-termination"),
        ("what-if?setting=ttl&value=0", "`0` is no value of ttl: use 1 to 36500 days"),
        ("what-if?setting=event-driven&value=9", "event-driven has no value"),
        ("what-if?subject=growth-lookalike-de", "did you mean `growth-lookalike-dev`?"),
        (
            "findings?detector=idle-clusters",
            "there is no detector `idle-clusters`: did you mean `idle-cluster`?",
        ),
        ("findings?status=acknowleged", "there is no status `acknowleged`: did you mean `acknowledged`?"),
    ] {
        let answer = dashboard.get(&format!("/api/v1/{query}"));
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{query}");
        assert!(answer.body.contains(said), "{query}: {}", answer.body);
    }
}
