//! What somebody sees who may see one team: on every route there is.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where it stopped")]

use std::collections::{BTreeMap, BTreeSet};

use attribution::mart::Reach;
use axum::http::StatusCode;
use serde_json::Value;
use web::access::{Grant, Need, Role, Rules};

use crate::access::token;
use crate::dashboard::{Dashboard, Page, text};

struct Two {
    dashboard: Dashboard,
    whole: String,
    scoped: String,
    totals: String,
}

impl Two {
    fn new() -> Self {
        let growth =
            |totals| Grant { role: Role::Editor, reach: Reach::teams(["growth".to_owned()], totals) };
        let whole = Grant { role: Role::Editor, reach: Reach::Whole };
        let entries = [token("all", whole), token("gro", growth(false)), token("tot", growth(true))];
        let [whole, scoped, totals] = entries.clone().map(|(secret, _)| format!("Bearer {secret}"));
        let tokens = entries.into_iter().map(|(_, entry)| entry).collect();
        let dashboard = Dashboard::guarded(Rules { tokens, ..Rules::default() });
        Self { dashboard, whole, scoped, totals }
    }

    fn get(&self, url: &str, bearer: &str) -> Page {
        self.dashboard.get_with(url, &[("host", "localhost"), ("authorization", bearer)])
    }

    /// Keys and exact costs by these dimensions.
    fn costs(&self, query: &str, bearer: &str) -> BTreeMap<String, String> {
        let page = self.get(&format!("/api/v1/costs?{query}"), bearer);
        assert_eq!(page.status, StatusCode::OK, "{}", page.body);
        let document: Value = serde_json::from_str(&page.body).unwrap();
        let names = document["by"].as_array().unwrap();
        let rows = document["rows"].as_array().unwrap().iter();
        rows.map(|row| {
            let keys: Vec<_> =
                names.iter().map(|name| row[name.as_str().unwrap()].as_str().unwrap()).collect();
            (keys.join("|"), row["cost"].as_str().unwrap().to_owned())
        })
        .collect()
    }

    fn keys(&self, query: &str, bearer: &str) -> BTreeSet<String> {
        self.costs(query, bearer).into_keys().filter(|key| key != "(none)").collect()
    }

    /// Names that are of no use to the team and must not be told: of teams, workloads, tables,
    /// clusters and runs.
    fn foreign(&self) -> BTreeMap<&'static str, BTreeSet<String>> {
        ["team", "workload", "table", "cluster", "run"]
            .into_iter()
            .map(|by| {
                let of = |query: &str| self.keys(&format!("by={by}{query}"), &self.whole);
                let own = of("&where=team%3Dgrowth");
                (by, of("").difference(&own).cloned().collect())
            })
            .collect()
    }
}

/// A name as a segment of an address.
fn escaped(name: &str) -> String {
    let escape = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    name.bytes().map(escape).collect()
}

/// A page without the words of its frame, one of which is a team's name too.
fn said(page: &Page) -> String {
    page.body.replace("Skip to the content", "").replace(" content=\"", "")
}

/// A page's address for each thing a pattern may stand for, own and foreign.
fn addresses(pattern: &str, two: &Two, foreign: &BTreeMap<&'static str, BTreeSet<String>>) -> Vec<String> {
    let Some(at) = pattern.find('{') else { return vec![pattern.to_owned()] };
    let kind = match pattern {
        p if p.starts_with("/teams/") => "team",
        p if p.starts_with("/workloads/") => "workload",
        p if p.starts_with("/tables/") => "table",
        p if p.starts_with("/clusters/") => "cluster",
        p if p.starts_with("/runs/") => "run",
        // Other ids (findings, charges, files) are of no dimension.
        _ => "",
    };
    let own = two
        .keys(&format!("by={}&where=team%3Dgrowth", if kind.is_empty() { "team" } else { kind }), &two.whole);
    let theirs = foreign.get(kind).into_iter().flatten();
    let ids = own.iter().chain(theirs).map(|id| format!("{}{}", &pattern[..at], escaped(id)));
    ids.collect()
}

#[test]
fn no_route_tells_of_another_team() {
    let two = Two::new();
    let foreign = two.foreign();
    assert!(foreign["team"].contains("content") && !foreign["workload"].is_empty(), "{foreign:?}");
    let names: Vec<&String> = foreign.values().flatten().collect();
    let (mut shown, mut refused) = (0, 0);
    for (pattern, need) in web::listed() {
        for url in addresses(pattern, &two, &foreign) {
            let mut urls = vec![url.clone()];
            if need == Need::Seen && !url.starts_with("/help") && !url.starts_with("/api/") {
                let tables = ["idle=keep", "idle=proportional&shared=even", "group=category", "format=csv"];
                urls.extend(tables.map(|query| format!("{url}?{query}")));
            }
            for url in urls {
                let page = two.get(&url, &two.scoped);
                match need {
                    Need::Nothing => continue,
                    Need::Bill | Need::Whole => {
                        assert_eq!(page.status, StatusCode::FORBIDDEN, "{url}");
                        assert!(page.body.contains("growth"), "{url} says whose reach it is: {}", page.body);
                        refused += 1;
                        continue;
                    }
                    Need::Seen => {}
                }
                assert!(
                    [
                        StatusCode::OK,
                        StatusCode::NOT_FOUND,
                        StatusCode::METHOD_NOT_ALLOWED,
                        StatusCode::FORBIDDEN
                    ]
                    .contains(&page.status),
                    "{url}: {}",
                    text(&page.body)
                );
                shown += usize::from(page.status == StatusCode::OK);
                for name in &names {
                    // What was asked for may be said back: that it is not there.
                    let asked = url.contains(&escaped(name));
                    let told = said(&page);
                    assert!(asked || !told.contains(name.as_str()), "{url} tells of {name}: {}", text(&told));
                }
            }
        }
    }
    assert!(shown > 40 && refused > 2, "{shown} pages were shown, {refused} refused");
}

#[test]
fn what_is_another_teams_is_not_there() {
    let two = Two::new();
    let foreign = two.foreign();
    for (kind, place) in [("team", "teams"), ("workload", "workloads"), ("table", "tables")] {
        for name in &foreign[kind] {
            let url = format!("/{place}/{}", escaped(name));
            assert_eq!(two.get(&url, &two.whole).status, StatusCode::OK, "{url}");
            assert_eq!(two.get(&url, &two.scoped).status, StatusCode::NOT_FOUND, "{url}");
        }
    }
    // A figure of theirs is nothing, and its charges are not there.
    assert!(two.costs("by=team&where=team%3Dcontent", &two.scoped).is_empty());
    let explained = |bearer: &str, query: &str| -> Value {
        let page = two.get(&format!("/api/v1/explain?{query}"), bearer);
        serde_json::from_str(&page.body).unwrap()
    };
    let groups = |document: &Value| -> BTreeSet<String> {
        let parts = document["parts"].as_array().unwrap().iter();
        parts.map(|part| part["charge_group"].as_str().unwrap().to_owned()).collect()
    };
    let own = groups(&explained(&two.whole, "where=team%3Dgrowth&parts=10000"));
    let all = groups(&explained(&two.whole, "parts=10000"));
    assert_eq!(groups(&explained(&two.scoped, "parts=10000")), own, "all that is explained is theirs");
    let theirs = all.difference(&own).next().unwrap();
    let mine = own.iter().next().unwrap();
    let lines = |group: &str| two.get(&format!("/explain/{}", escaped(group)), &two.scoped).status;
    assert_eq!((lines(mine), lines(theirs)), (StatusCode::OK, StatusCode::NOT_FOUND));
    // Downloads and views are cut down alike.
    let page = two.get("/?t=teams&format=csv", &two.scoped);
    assert!(page.body.contains("growth") && !page.body.contains("content"), "{}", page.body);
    for query in ["ownership=as-was", "as_of=2026-10-06"] {
        let page = two.get(&format!("/teams?{query}"), &two.scoped);
        assert_eq!(page.status, StatusCode::FORBIDDEN, "{query}");
    }
}

#[test]
fn a_teams_own_figures_are_those_of_the_whole() {
    let two = Two::new();
    for by in
        ["team", "day", "workload", "table", "cluster", "service", "category", "day,workload,method", "org"]
    {
        let whole = two.costs(&format!("by={by}&where=team%3Dgrowth"), &two.whole);
        assert!(!whole.is_empty(), "{by}");
        assert_eq!(two.costs(&format!("by={by}"), &two.scoped), whole, "{by}");
    }
    for view in ["idle=keep", "idle=proportional", "shared=even&idle=proportional"] {
        // What is kept idle is no team's by that view, though its own by the rules.
        let team = if view == "idle=keep" { "" } else { "&where=team%3Dgrowth" };
        let scoped = two.costs(&format!("by=day,category&{view}{team}"), &two.scoped);
        if view != "idle=keep" {
            assert_eq!(scoped, two.costs(&format!("by=day,category&{view}{team}"), &two.whole), "{view}");
        }
        assert!(!scoped.is_empty(), "{view}");
    }
}

#[test]
fn totals_of_the_bill_are_for_those_who_are_granted_them() {
    let two = Two::new();
    let without = two.get("/", &two.scoped);
    let with = two.get("/", &two.totals);
    assert!(!without.body.contains("class=\"equation") && with.body.contains("class=\"equation"));
    assert!(!without.body.contains("href=\"/data"), "what is refused is not linked");
    assert_eq!(two.get("/data", &two.scoped).status, StatusCode::FORBIDDEN);
    let data = two.get("/data", &two.totals);
    assert_eq!(data.status, StatusCode::OK);
    assert!(text(&data.body).contains("reconciled with a difference of exactly 0"), "{}", text(&data.body));
    assert!(!said(&data).contains("content"), "totals name no team");
    assert_eq!(two.get("/ownership", &two.totals).status, StatusCode::FORBIDDEN);
}
