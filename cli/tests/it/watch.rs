//! Budgets and alerts on a small demo: the command line, the pages, and a receiver that gets
//! each message once whatever is killed when.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use chrono::{Datelike as _, Days, NaiveDate};
use model::Amount;
use serde_json::Value;

use crate::dashboard::{Dashboard, text};
use crate::lab::{Lab, is_thorough};

const HERE: &[(&str, &str)] = &[("sec-fetch-site", "same-origin")];

/// A demo of five weeks in `demo`, its configuration with more of its own.
fn demo(more: &str) -> Lab {
    let lab = Lab::demo(35, 7);
    let path = lab.path("demo/lakeledger.toml");
    let config = std::fs::read_to_string(&path).unwrap();
    std::fs::write(path, config + more).unwrap();
    lab
}

fn ask(lab: &Lab, arguments: &[&str]) -> Value {
    let mut all = vec!["--config", "demo/lakeledger.toml"];
    all.extend(arguments);
    all.extend(["--format", "json"]);
    serde_json::from_str(&lab.ok(&all)).unwrap()
}

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn amount(value: &Value) -> Amount {
    value.as_str().unwrap().parse().unwrap()
}

/// A team's costs by day, as `export costs` gives them.
fn by_day(lab: &Lab, team: &str) -> BTreeMap<NaiveDate, Amount> {
    let rows = ask(lab, &["export", "costs", "--by", "day", "--where", &format!("team={team}")]);
    rows.as_array()
        .unwrap()
        .iter()
        .map(|row| (day(row["day"].as_str().unwrap()), amount(&row["cost"])))
        .collect()
}

/// Days on which one team costs anything, told to a webhook.
const DEAR_DAYS: &str = "
[[channel]]
name = \"hook\"
kind = \"webhook\"
url_env = \"HOOK_URL\"
[[alert]]
name = \"dear days\"
kind = \"absolute\"
team = \"ads\"
amount = 1
channels = \"hook\"
";

#[test]
fn budgets_equal_the_exported_costs_and_stand_on_pages() {
    let lab = demo("");
    let states = ask(&lab, &["budgets"]);
    let states = states.as_array().unwrap();
    assert!(states.len() >= 8, "{states:#?}");
    let ads = states.iter().find(|state| state["budget"] == "ads").unwrap();
    // The bill ends with the 8th: the 7th is the last day it has gone on past.
    assert_eq!(
        (ads["month"].as_str().unwrap(), ads["closed_until"].as_str().unwrap()),
        ("2026-11", "2026-11-08")
    );
    let costs = by_day(&lab, "ads");
    let spent: Amount = costs.range(day("2026-11-01")..day("2026-11-08")).map(|(_, cost)| *cost).sum();
    assert_eq!(amount(&ads["spent"]), spent);
    // The forecast by hand: four such weekdays before, the mean of the two in the middle.
    let usual = |of: NaiveDate| {
        let mut known: Vec<Amount> = (1..)
            .map(|weeks| of - Days::new(7 * weeks))
            .skip_while(|day| *day >= self::day("2026-11-08"))
            .take(4)
            .map(|day| costs.get(&day).copied().unwrap_or_default())
            .collect();
        known.sort();
        Amount::from_units((known[1].units() + known[2].units()) / 2)
    };
    let rest: Amount = day("2026-11-08").iter_days().take_while(|day| day.month() == 11).map(usual).sum();
    assert_eq!(amount(&ads["forecast"]), spent + rest);
    // A month that is over is what it was.
    let october = ask(&lab, &["budgets", "--month", "2026-10", "--team", "ads"]);
    let october = &october.as_array().unwrap()[0];
    assert_eq!(october["spent"], october["forecast"]);
    assert_eq!(lab.run(&["--config", "demo/lakeledger.toml", "budgets", "--team", "adz"]).code, 2);

    let ledger = lab.path("demo/ledger");
    let config = lab.path("demo/lakeledger.toml");
    let watch = cli::config::load(&config).unwrap().watch;
    let dashboard = Dashboard::watching(lab, &ledger, || "2026-11-09T06:00:00Z".parse().unwrap(), watch);
    let says = ads["says"].as_str().unwrap();
    for url in ["/", "/teams/ads"] {
        let said = text(&dashboard.page(url));
        assert!(said.contains("Budgets") && said.contains(says), "{url}: {says} is not in {said}");
    }
    assert!(!text(&dashboard.page("/teams/studio")).contains("Budgets"), "studio has none");
}

#[test]
fn alerts_are_judged_shown_acknowledged_and_rehearsed() {
    let rules = "
[[alert]]
name = \"dear days\"
kind = \"absolute\"
team = \"ads\"
amount = 1
severity = \"error\"
[[alert]]
name = \"waste\"
kind = \"waste\"
amount = 1
";
    let lab = demo(rules);
    let first = ask(&lab, &["alerts"]);
    let of = |all: &Value, rule: &str| -> Vec<Value> {
        all["alerts"].as_array().unwrap().iter().filter(|alert| alert["rule"] == rule).cloned().collect()
    };
    let dear = of(&first, "dear days");
    assert_eq!(dear.len(), 1);
    // A rule that is new judges the newest closed day alone.
    assert_eq!((&dear[0]["fired_on"], &dear[0]["last_on"]), (&"2026-11-07".into(), &"2026-11-07".into()));
    assert_eq!(amount(&dear[0]["value"]), by_day(&lab, "ads")[&day("2026-11-07")]);
    assert_eq!(of(&first, "waste").len(), 1);
    let id = dear[0]["id"].as_str().unwrap();
    // Again: the same, and nothing happened.
    assert_eq!(of(&ask(&lab, &["alerts"]), "dear days"), dear);

    // The dry run has every closed day, and records nothing.
    let rehearsed = ask(&lab, &["alerts", "test", "--rule", "dear days", "--from", "2026-11-01"]);
    let rehearsed = rehearsed.as_array().unwrap();
    assert_eq!(rehearsed.len(), 1, "it fires once and goes on: {rehearsed:#?}");
    assert_eq!((&rehearsed[0]["day"], &rehearsed[0]["told"]), (&"2026-11-01".into(), &true.into()));
    assert_eq!(of(&ask(&lab, &["alerts"]), "dear days"), dear);
    // What has no past is judged as of now, and says why.
    let ran = lab.run(&["--config", "demo/lakeledger.toml", "alerts", "test", "--format", "json"]);
    let all: Vec<Value> = serde_json::from_str(&ran.stdout).unwrap();
    let waste: Vec<&Value> = all.iter().filter(|one| one["rule"] == "waste").collect();
    assert!(waste.len() == 1 && waste[0]["judged"] == "now" && waste[0]["told"] == true, "{waste:#?}");
    assert_eq!(waste[0]["value"], of(&first, "waste")[0]["value"]);
    let note = "note: `waste` (waste) was judged as of now, where it fires once, and on no earlier day: only what the";
    assert!(ran.stderr.contains(note), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("note: `late sources` (source-staleness) was judged as of now"),
        "{}",
        ran.stderr
    );

    let config = lab.path("demo/lakeledger.toml");
    let watch = cli::config::load(&config).unwrap().watch;
    let ledger = lab.path("demo/ledger");
    let dashboard = Dashboard::watching(lab, &ledger, || "2026-11-09T06:00:00Z".parse().unwrap(), watch);
    let rows = dashboard.csv("/alerts?format=csv");
    let row = rows.iter().find(|row| row["id"] == id).unwrap();
    assert_eq!(
        (row["status"].as_str(), row["value"].parse::<Amount>().unwrap()),
        ("firing", amount(&dear[0]["value"]))
    );
    // Of another team it is not, on the overview neither.
    for team in ["ads", "studio"] {
        let own: Vec<_> = rows.iter().filter(|row| row["team"] == team).collect();
        assert_eq!(dashboard.csv(&format!("/alerts?team={team}&format=csv")).len(), own.len(), "{team}");
        assert!(text(&dashboard.page(&format!("/alerts?team={team}"))).contains(&format!("only of {team}")));
        let firing = own.iter().filter(|row| row["status"] == "firing").count();
        let said = text(&dashboard.page(&format!("/?team={team}")));
        assert!(said.contains(&format!("Firing {firing} alert")), "{team}: {said}");
    }
    let url = format!("/alerts/{id}");
    let page = dashboard.page(&url);
    assert!(text(&page).contains(dear[0]["message"].as_str().unwrap()));
    assert!(page.contains("id=\"chart-readings\""), "its course is drawn");

    for (headers, form, want) in [
        (&[][..], "hours=72", StatusCode::FORBIDDEN),
        (&[("sec-fetch-site", "cross-site")], "hours=72", StatusCode::FORBIDDEN),
        (HERE, "hours=0", StatusCode::BAD_REQUEST),
        (HERE, "", StatusCode::BAD_REQUEST),
        (HERE, "hours=72", StatusCode::SEE_OTHER),
    ] {
        assert_eq!(dashboard.post(&url, form, headers).status, want, "{form} {headers:?}");
    }
    assert_eq!(
        dashboard.post(&format!("/alerts/{}", &id[..6]), "hours=72", HERE).status,
        StatusCode::NOT_FOUND
    );
    // Programs see the same, and may do the same.
    let json = |url: &str| -> Value { serde_json::from_str(&dashboard.page(url)).unwrap() };
    let listed = |query: &str| json(&format!("/api/v1/alerts{query}"))["rows"].as_array().unwrap().clone();
    assert_eq!(listed("?status=acknowledged").len(), 1);
    let over = rows.iter().filter(|row| row["status"] == "resolved").count();
    assert_eq!(listed("").len(), rows.len() - over, "acknowledged or not");
    assert_eq!((listed("?status=resolved").len(), listed("?rule=waste").len()), (over, 1));
    assert_eq!(listed("?team=ads&rule=dear%20days")[0]["alert"], id);
    assert_eq!(dashboard.get("/api/v1/alerts?status=over").status, StatusCode::BAD_REQUEST);
    let waste = listed("?rule=waste")[0]["alert"].as_str().unwrap().to_owned();
    let of_program = format!("/api/v1/alerts/{waste}");
    for (headers, body, want) in [
        (&[][..], "{\"act\": \"acknowledge\", \"hours\": \"8\"}", StatusCode::FORBIDDEN),
        (HERE, "hours=8", StatusCode::BAD_REQUEST),
        (HERE, "{\"act\": \"acknowledge\"}", StatusCode::BAD_REQUEST),
        (HERE, "{\"act\": \"forget\", \"hours\": \"8\"}", StatusCode::BAD_REQUEST),
        (HERE, "{\"act\": \"acknowledge\", \"hours\": \"8\"}", StatusCode::OK),
    ] {
        assert_eq!(dashboard.post(&of_program, body, headers).status, want, "{body} {headers:?}");
    }
    let known = json(&of_program);
    assert_eq!(
        (&known["status"], &known["acknowledged_until"]),
        (&"acknowledged".into(), &"2026-11-09T14:00:00Z".into())
    );
    assert_eq!(known["history"].as_array().unwrap().last().unwrap()["step"], "acknowledged");
    assert_eq!(dashboard.get("/api/v1/alerts/0123456789ab").status, StatusCode::NOT_FOUND);

    let said = text(&dashboard.page(&url));
    assert!(said.contains("Acknowledged by this machine (no login) until"), "{said}");
    // Three days later it fires again; for a year from today on, not.
    let status = || of(&ask(&dashboard.lab, &["alerts"]), "dear days")[0]["status"].clone();
    assert_eq!(status(), "firing");
    dashboard.lab.ok(&["--config", "demo/lakeledger.toml", "alerts", "ack", id, "--for", "365d"]);
    assert_eq!(status(), "acknowledged");
    let ran = dashboard.lab.run(&["--config", "demo/lakeledger.toml", "alerts", "ack", "zz", "--for", "1d"]);
    assert!(ran.code == 2 && ran.stderr.contains("no alert has the id `zz`"), "{}", ran.stderr);
}

/// Six weeks, or where tests are thorough a quarter; `benches/anomalies.py` holds half a year to the limits.
#[test]
fn planted_anomalies_are_found_within_a_closed_day_and_the_quiet_team_is_left_alone() {
    let lab = Lab::demo(if is_thorough("anomalies of six weeks") { 91 } else { 42 }, 1);
    let truth: Value =
        serde_json::from_slice(&std::fs::read(lab.path("demo/truth/platform.json")).unwrap()).unwrap();
    let fired = |rule: &str| -> Vec<(NaiveDate, String, Option<String>)> {
        let found = ask(&lab, &["alerts", "test", "--rule", rule, "--from", "2026-01-01"]);
        let told =
            found.as_array().unwrap().iter().filter(|one| one["happened"] == "fired" && one["told"] == true);
        let text = |one: &Value, key: &str| one[key].as_str().map(str::to_owned);
        told.map(|one| (day(&text(one, "day").unwrap()), text(one, "subject").unwrap(), text(one, "team")))
            .collect()
    };
    let (workloads, teams) = (fired("unusual workloads"), fired("unusual teams"));
    let planted: Vec<(NaiveDate, &str)> = truth["anomalies"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (day(one["day"].as_str().unwrap()), one["subject"].as_str().unwrap()))
        .collect();
    assert_eq!(planted.len(), 6);
    let is_of = |(on, subject): &(NaiveDate, &str), alarm: &(NaiveDate, String, Option<String>)| {
        alarm.1 == *subject && (alarm.0 == *on || alarm.0 == *on + Days::new(1))
    };
    // So few weeks of history hold two planted days among what failed attempts had cost before.
    let found = planted.iter().filter(|one| workloads.iter().any(|alarm| is_of(one, alarm))).count();
    assert!(found >= 4, "only {found} are found: {planted:?} {workloads:#?}");
    let is_false =
        |alarm: &&(NaiveDate, String, Option<String>)| !planted.iter().any(|one| is_of(one, alarm));
    let false_alarms: Vec<_> = workloads.iter().filter(is_false).collect();
    // Most are workloads that failed and were done again: dear, and what `failure` tells of too.
    assert!(false_alarms.len() <= 30, "25 were measured, over 150 workloads: {false_alarms:#?}");
    // At most one of the quiet team, by itself or by what it runs; nor of any team's costs as a whole.
    let quiet = truth["quiet_teams"][0].as_str().unwrap();
    let of_quiet = false_alarms.iter().filter(|alarm| alarm.2.as_deref() == Some(quiet)).count()
        + teams.iter().filter(|alarm| alarm.1 == quiet).count();
    assert!(of_quiet <= 1, "{quiet}: {false_alarms:#?} {teams:#?}");
    let mut by_team: BTreeMap<&str, usize> = BTreeMap::new();
    for alarm in &teams {
        *by_team.entry(&alarm.1).or_default() += 1;
    }
    assert!(by_team.values().all(|alarms| *alarms <= 1), "{teams:#?}");
}

/// What a receiver was sent, as raw HTTP.
pub type Requests = Arc<Mutex<Vec<String>>>;

/// A receiver that answers nothing until it is told to.
pub fn receiver(answers: Arc<Mutex<bool>>) -> (SocketAddr, Requests) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, got) = (listener.local_addr().unwrap(), Requests::default());
    let requests = Arc::clone(&got);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, requests, answers) =
                (stream.unwrap(), Arc::clone(&requests), Arc::clone(&answers));
            std::thread::spawn(move || {
                let mut request = String::new();
                let mut buffer = [0; 64 * 1024];
                while !is_whole(&request) {
                    match stream.read(&mut buffer) {
                        Ok(n) if n > 0 => request.push_str(&String::from_utf8_lossy(&buffer[..n])),
                        _ => return,
                    }
                }
                requests.lock().unwrap().push(request);
                if *answers.lock().unwrap() {
                    let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n");
                } else {
                    std::thread::sleep(Duration::from_secs(30));
                }
            });
        }
    });
    (address, got)
}

/// Whether a request has come with all of its body.
fn is_whole(request: &str) -> bool {
    let Some((head, body)) = request.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    body.len() >= length.unwrap_or_default()
}

fn header<'r>(request: &'r str, name: &str) -> &'r str {
    let mut lines = request.lines().filter_map(|line| line.split_once(':'));
    lines.find(|(key, _)| key.eq_ignore_ascii_case(name)).unwrap().1.trim()
}

#[test]
fn a_message_whose_sender_was_killed_arrives_under_the_same_key() {
    let answers = Arc::new(Mutex::new(false));
    let (address, got) = receiver(Arc::clone(&answers));
    let lab = demo(DEAR_DAYS);
    let url = format!("http://{address}/");
    let command = || {
        let mut command = lab.command(&["--config", "demo/lakeledger.toml", "alerts"]);
        command.env("HOOK_URL", &url);
        command
    };
    let mut killed = command().spawn().unwrap();
    let started = Instant::now();
    while got.lock().unwrap().is_empty() {
        assert!(started.elapsed() < Duration::from_secs(60), "nothing was sent");
        std::thread::sleep(Duration::from_millis(20));
    }
    killed.kill().unwrap();
    killed.wait().unwrap();
    *answers.lock().unwrap() = true;
    for _ in 0..2 {
        let ran = crate::lab::ran(command().output().unwrap());
        assert_eq!(ran.code, 0, "{}", ran.stderr);
    }
    let got = got.lock().unwrap().clone();
    assert_eq!(got.len(), 2, "once by who was killed, once by the next, never by the one after");
    assert_eq!(header(&got[0], "idempotency-key"), header(&got[1], "idempotency-key"));
    let body = |request: &str| request.split_once("\r\n\r\n").unwrap().1.to_owned();
    assert_eq!(body(&got[0]), body(&got[1]));
}

#[test]
fn a_message_that_waits_is_no_success() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let lab = demo(DEAR_DAYS);
    // The second time nothing is due yet.
    for arguments in [&["alerts"][..], &["schedule", "run"]] {
        let mut command = lab.command(&[&["--config", "demo/lakeledger.toml"], arguments].concat());
        let ran =
            crate::lab::ran(command.env("HOOK_URL", format!("http://127.0.0.1:{free}/")).output().unwrap());
        assert_eq!(ran.code, 1, "{arguments:?}: {}", ran.stderr);
        if arguments == ["alerts"] {
            let said = "warning: 1 message still to be sent; next attempt from ";
            assert!(ran.stderr.contains(said), "{}", ran.stderr);
        }
    }
}

/// The value of a dimension that costs most, `(none)` left out.
fn dearest(lab: &Lab, dimension: &str) -> String {
    let rows = ask(lab, &["export", "costs", "--by", dimension]);
    let named = rows.as_array().unwrap().iter().filter(|row| row[dimension] != "(none)");
    let dearest = named.max_by_key(|row| amount(&row["cost"])).unwrap_or_else(|| panic!("no {dimension}"));
    dearest[dimension].as_str().unwrap().to_owned()
}

#[test]
fn an_alert_watches_any_team_workload_table_service_cluster_or_tag() {
    let lab = demo("");
    let dimensions = ["team", "workload", "table", "service", "cluster", "tag:team"];
    let filters = dimensions.map(|dimension| (dimension, dearest(&lab, dimension)));
    let path = lab.path("demo/lakeledger.toml");
    let mut config = std::fs::read_to_string(&path).unwrap();
    for (dimension, value) in &filters {
        let key = match *dimension {
            "team" => format!("team = \"{value}\""),
            _ => format!("where = \"{dimension}={value}\""),
        };
        config.push_str(&format!(
            "[[alert]]\nname = \"{dimension}\"\nkind = \"absolute\"\namount = 0\n{key}\n"
        ));
        // One alert a value where it is asked for so.
        config.push_str(&format!(
            "[[alert]]\nname = \"by {dimension}\"\nkind = \"absolute\"\namount = 0\nby = \"{dimension}\"\n"
        ));
    }
    std::fs::write(path, config).unwrap();
    let found = ask(&lab, &["alerts"]);
    let alerts = found["alerts"].as_array().unwrap();
    let day = ["--from", "2026-11-07", "--to", "2026-11-08"];
    for (dimension, value) in &filters {
        let condition = format!("{dimension}={value}");
        let costs = ask(&lab, &[&["export", "costs", "--where", &condition][..], &day].concat());
        let alert = alerts.iter().find(|alert| alert["rule"] == **dimension);
        let alert = alert.unwrap_or_else(|| panic!("{condition} does not fire: {alerts:#?}"));
        assert_eq!(amount(&alert["value"]), amount(&costs[0]["cost"]), "{condition}");
        let rows = ask(&lab, &[&["export", "costs", "--by", dimension][..], &day].concat());
        let mut expected: Vec<(String, Amount)> = rows
            .as_array()
            .unwrap()
            .iter()
            .map(|row| (row[*dimension].as_str().unwrap().to_owned(), amount(&row["cost"])))
            .filter(|(value, cost)| value != "(none)" && *cost > Amount::ZERO)
            .collect();
        let by = format!("by {dimension}");
        let mut each: Vec<(String, Amount)> = alerts
            .iter()
            .filter(|alert| alert["rule"] == by)
            .map(|alert| (alert["subject"].as_str().unwrap().to_owned(), amount(&alert["value"])))
            .collect();
        expected.sort();
        each.sort();
        assert_eq!(each, expected, "{by}");
    }
}
