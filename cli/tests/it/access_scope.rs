//! What somebody sees who may see one team: on every route there is.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where it stopped")]

use std::collections::{BTreeMap, BTreeSet};

use attribution::mart::Reach;
use axum::http::StatusCode;
use model::Amount;
use serde_json::Value;
use web::access::{Grant, Need, Role, Rules};

use crate::access::token;
use crate::dashboard::{Dashboard, Page, attributes, text, unescape};

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

/// A page without the words of its frame, or a document without its keys, one of which is a team's
/// name too.
fn said(page: &Page) -> String {
    let frame = ["Skip to the content", " content=\"", "\"content\":"];
    frame.iter().fold(page.body.clone(), |body, words| body.replace(words, ""))
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
fn what_is_published_next_is_shown_as_far_as_everybody_sees() {
    let two = Two::new();
    let whole = two.costs("by=team", &two.whole);
    assert_eq!(two.costs("by=team", &two.scoped).get("growth"), whole.get("growth"));
    // What content's workflows cost is given to growth.
    let file = two.dashboard.lab.path("lakeledger.toml");
    let config = std::fs::read_to_string(&file).unwrap();
    let rule = "team = \"content\"\nworkflow = \"content.*\"";
    assert!(config.contains(rule));
    std::fs::write(&file, config.replace(rule, "team = \"growth\"\nworkflow = \"content.*\"")).unwrap();
    two.dashboard.lab.ok(&["run"]);
    let now = two.costs("by=team", &two.scoped);
    assert_ne!(now.get("growth"), whole.get("growth"));
    assert_eq!(now.get("growth"), two.costs("by=team", &two.whole).get("growth"));
    assert_eq!(now.len(), 1, "and no further: {now:?}");
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

#[test]
fn a_tables_page_tells_what_the_teams_shown_pay_of_it() {
    let two = Two::new();
    let own = two.costs("by=table&where=team%3Dgrowth", &two.whole);
    let mut seen = 0;
    for (table, cost) in own.iter().filter(|(table, _)| *table != "(none)") {
        let url = format!("/tables/{}", escaped(table));
        for (url, bearer) in [(url.clone(), &two.scoped), (format!("{url}?team=growth"), &two.whole)] {
            let and = if url.contains('?') { '&' } else { '?' };
            let page = two.get(&url, bearer);
            assert_eq!(page.status, StatusCode::OK, "{url}");
            let said = text(&page.body);
            for of_all in ["For a read", "For a TB stored", "Fully loaded", "Upstream"] {
                assert!(!said.contains(of_all), "{url} sets {of_all} beside a part: {said}");
            }
            let parts = two.get(&format!("{url}{and}t=parts&format=csv"), bearer);
            let rows: Vec<BTreeMap<String, String>> = csv::Reader::from_reader(parts.body.as_bytes())
                .deserialize()
                .collect::<Result<_, _>>()
                .unwrap();
            let of_bill: Amount = rows
                .iter()
                .filter(|row| ["Storage", "Produce", "Maintain"].contains(&row["what"].as_str()))
                .map(|row| row["cost"].parse::<Amount>().unwrap())
                .sum();
            assert_eq!(of_bill, cost.parse::<Amount>().unwrap(), "{url}: {}", parts.body);
            seen += 1;
        }
    }
    assert!(seen > 1, "growth has tables: {own:?}");
    // Of the whole, nothing is hidden.
    let (table, _) = own.iter().find(|(table, _)| *table != "(none)").unwrap();
    let said = text(&two.get(&format!("/tables/{}", escaped(table)), &two.whole).body);
    assert!(said.contains("Fully loaded") && said.contains("Its part of the bill"), "{said}");
}

#[test]
fn no_page_links_to_what_is_refused() {
    let two = Two::new();
    let places = ["/", "/teams", "/teams/growth", "/workloads", "/waste", "/alerts", "/explore"];
    let more = ["/explain", "/search?q=compare", "/help", "/help/api", "/data"];
    for (who, bearer) in [("scoped", &two.scoped), ("totals", &two.totals)] {
        let mut asked = BTreeSet::new();
        for place in places.into_iter().chain(more) {
            let page = two.get(place, bearer);
            if place == "/data" && who == "scoped" {
                assert_eq!(page.status, StatusCode::FORBIDDEN);
                continue;
            }
            assert_eq!(page.status, StatusCode::OK, "{place} as {who}");
            assert!(page.body.contains("class=\"account\""), "{place} says who is signed in");
            for link in attributes(&page.body, "href") {
                let link = unescape(link.split(['#', '?']).next().unwrap());
                if link.starts_with('/') && asked.insert(link.clone()) {
                    let status = two.get(&link, bearer).status;
                    assert_ne!(status, StatusCode::FORBIDDEN, "{place} leads {who} to {link}");
                }
            }
        }
        assert!(asked.len() > 20, "{asked:?}");
    }
    // Amounts of the whole bill open nothing where a part alone would open.
    let overview = two.get("/", &two.totals);
    let equation = overview.body.split("class=\"equation\"").nth(1).unwrap();
    let equation = equation.split("</dl>").next().unwrap();
    assert!(!equation.contains("href"), "{equation}");
    let whole = two.get("/", &two.whole);
    assert!(whole.body.split("class=\"equation\"").nth(1).unwrap().contains("category%3Didle"));
}
