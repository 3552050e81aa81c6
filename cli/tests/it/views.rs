//! Views through every door: the command line, pages and the API give the same figures and the
//! same explanations, and two publishes are compared.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where it stopped")]

use std::collections::BTreeMap;

use axum::http::StatusCode;
use model::Amount;
use serde_json::Value;

use crate::dashboard::{Dashboard, text};
use crate::lab::Lab;

const PARTS: [&str; 5] = ["bill", "logs", "ownership", "rules", "other"];

fn dashboard(lab: Lab) -> Dashboard {
    Dashboard::of(lab, || "2026-10-07T06:00:00Z".parse().unwrap())
}

/// A lab published twice: at first by its own rules, then with what content's workflows cost
/// given to growth. With it the id of the first mart.
fn lab_published_twice() -> (Lab, String) {
    let lab = Lab::new();
    lab.ok(&["run"]);
    let first = std::fs::read_to_string(lab.path("ledger/marts/current")).unwrap();
    let file = lab.path("lakeledger.toml");
    let config = std::fs::read_to_string(&file).unwrap();
    let rule = "team = \"content\"\nworkflow = \"content.*\"";
    assert!(config.contains(rule));
    std::fs::write(&file, config.replace(rule, "team = \"growth\"\nworkflow = \"content.*\"")).unwrap();
    lab.ok(&["run"]);
    (lab, first)
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn csv(text: &str) -> Vec<BTreeMap<String, String>> {
    csv::Reader::from_reader(text.as_bytes()).deserialize().collect::<Result<_, _>>().unwrap()
}

fn amount(value: &Value) -> Amount {
    value.as_str().unwrap().parse().unwrap()
}

fn costs(parts: &Value) -> Amount {
    parts.as_array().unwrap().iter().map(|part| amount(&part["cost"])).sum()
}

#[test]
fn the_api_answers_as_the_command_line_does_in_every_view() {
    let (lab, _) = lab_published_twice();
    let dashboard = dashboard(lab);
    for (options, address) in [
        (vec![], String::new()),
        (vec!["--idle", "proportional", "--shared", "even"], "&idle=proportional&shared=even".into()),
        (vec!["--ownership", "as-was", "--idle", "keep"], "&ownership=as-was&idle=keep".into()),
        (
            vec!["--as-of", "2020-01-01", "--idle", "proportional", "--shared", "proportional"],
            "&as_of=2020-01-01&idle=proportional&shared=proportional".into(),
        ),
    ] {
        let mut command =
            vec!["export", "costs", "--by", "team,category", "--basis", "list", "--format", "json"];
        command.extend(&options);
        let exported = json(&dashboard.lab.ok(&command));
        let answered = dashboard.get(&format!("/api/v1/costs?by=team,category&basis=list{address}"));
        assert_eq!(answered.status, StatusCode::OK, "{}", answered.body);
        assert_eq!(answered.headers["content-type"], "application/json");
        let answered = json(&answered.body);
        assert_eq!(answered["rows"], exported, "{address}");

        let mut command = vec!["explain", "team=growth", "--basis", "list", "--format", "json", "--lines"];
        command.extend(&options);
        let printed = json(&dashboard.lab.ok(&command));
        let url = format!("/api/v1/explain?where=team%3Dgrowth&basis=list&lines=true&parts=10000{address}");
        let answered = json(&dashboard.page(&url));
        for key in ["totals", "parts", "spread_parts", "wholes", "left_out", "ownership"] {
            assert_eq!(answered[key], printed[key], "{key} of {url}");
        }
        let found = costs(&printed["parts"]) + costs(&printed["spread_parts"]);
        assert_eq!(found, amount(&printed["totals"][0]["cost"]), "{address}");
        let opened = printed["parts"].as_array().unwrap().iter().chain(
            printed["wholes"].as_array().unwrap().iter().flat_map(|whole| whole["parts"].as_array().unwrap()),
        );
        for part in opened {
            let lines = part["bill_lines"].as_array().unwrap();
            let billed: Amount = lines.iter().map(|line| amount(&line["part_cost"])).sum();
            assert_eq!(billed, amount(&part["group_cost"]), "{part}");
        }
        // Fewer parts, and the sum of the rest.
        let few = json(
            &dashboard.page(&format!("/api/v1/explain?where=team%3Dgrowth&basis=list&parts=2{address}")),
        );
        assert_eq!(few["parts"].as_array().unwrap().len(), 2);
        let all = costs(&few["parts"]) + costs(&few["spread_parts"]) + costs(&few["left_out"]);
        assert_eq!(all, found, "{few}");
    }
}

#[test]
fn the_api_says_what_is_wrong_as_problem_details() {
    let dashboard = Dashboard::of_the_lab();
    for (url, status, told) in [
        ("/api/v1/costs?by=colour&frm=1", 400, "use day"),
        ("/api/v1/costs?sort=cost", 400, "use by, group_by, granularity, from"),
        ("/api/v1/costs?currency=EUR", 400, "use USD"),
        ("/api/v1/costs?ownership=as-was&as_of=2026-10-06", 400, "give one of them"),
        ("/api/v1/explain?lines=perhaps", 400, "use true or false"),
        ("/api/v1/explain?where=team", 400, "not a restriction"),
        ("/api/v1/nothing", 404, "no such page"),
        ("/api/v2/costs", 404, "no such page"),
    ] {
        let answer = dashboard.get(url);
        assert_eq!(answer.status.as_u16(), status, "{url}");
        assert_eq!(answer.headers["content-type"], "application/problem+json", "{url}");
        let problem = json(&answer.body);
        assert_eq!(problem["status"], status, "{url}");
        assert!(problem["title"].is_string() && problem["detail"].is_string(), "{problem}");
        assert!(answer.body.contains(told), "{url}: {problem}");
    }
    let empty = self::dashboard(Lab::new());
    assert_eq!(empty.get("/api/v1/costs").status, StatusCode::SERVICE_UNAVAILABLE);
    // A figure that nothing is part of is no error: it is nothing.
    let none = json(&dashboard.page("/api/v1/explain?where=team%3Dnobody"));
    assert_eq!(
        (none["totals"].clone(), none["parts"].clone()),
        (Value::from(vec![0; 0]), Value::from(vec![0; 0]))
    );
}

#[test]
fn what_changed_since_an_earlier_publish_is_told_with_why() {
    let (lab, first) = lab_published_twice();
    for by in ["team", "team,category", "workload", "service", "tag:team"] {
        let rows = csv(&lab.ok(&["compare", "--with", &first, "--by", by, "--format", "csv"]));
        for row in &rows {
            let of = |column: &str| row[column].parse::<Amount>().unwrap();
            assert_eq!(PARTS.map(of).into_iter().sum::<Amount>(), of("difference"), "{row:?}");
            assert_eq!(of("now") - of("before"), of("difference"), "{row:?}");
        }
    }
    let document = json(&lab.ok(&["compare", "--with", &first, "--format", "json"]));
    assert_eq!(document["earlier"]["mart"], first.as_str());
    let rows = document["rows"].as_array().unwrap();
    let row = |team: &str| rows.iter().find(|row| row["team"] == team).unwrap();
    // What content's workflows cost went to growth, and nothing else happened.
    let was = csv(&lab.ok(&[
        "export",
        "costs",
        "--by",
        "team",
        "--where",
        "category=usage",
        "--as-of",
        "2020-01-01",
    ]));
    let usage: Amount = was.iter().find(|row| row["team"] == "content").unwrap()["cost"].parse().unwrap();
    assert!(usage > Amount::ZERO);
    assert_eq!(amount(&row("growth")["ownership"]), usage);
    assert_eq!(amount(&row("content")["ownership"]), -usage);
    assert_eq!(amount(&row("growth")["difference"]), usage);
    let causes = document["causes"].as_array().unwrap();
    assert!(causes.iter().all(|cause| cause["reason"] == "ownership"), "{causes:?}");
    let said = lab.ok(&["compare", "--with", &first]);
    assert!(said.contains("content → growth, by owner_rule 2: workflow content.*"), "{said}");

    let dashboard = dashboard(lab);
    let page = text(&dashboard.page(&format!("/compare?with={first}")));
    assert!(page.contains("sum to the same as when they were published"), "{page}");
    assert!(page.contains("2 rows changed"), "{page}");
    let of_content = text(&dashboard.page(&format!("/compare?with={first}&team=content&by=workload")));
    assert!(of_content.contains("lower than when they were published"), "{of_content}");
    let shown = dashboard.csv(&format!("/compare?with={first}&t=differences&format=csv"));
    let growth = shown.iter().find(|row| row["what"] == "growth").unwrap();
    assert_eq!(growth["ownership"], usage.to_string());
    let data = dashboard.page("/data");
    assert!(
        data.contains(&format!("/compare?with={first}")) && text(&data).contains("Publishes that are kept")
    );
    assert_eq!(dashboard.get("/compare?with=000000-none").status, StatusCode::NOT_FOUND);
    assert_eq!(dashboard.get("/compare?with=a&since=2026-10-05").status, StatusCode::BAD_REQUEST);
}

#[test]
fn a_publish_that_is_not_kept_is_refused_with_those_that_are() {
    let lab = Lab::published();
    let current = std::fs::read_to_string(lab.path("ledger/marts/current")).unwrap();
    for wrong in [["--with", "000000-none"], ["--since", "2020-01-01"]] {
        let refused = lab.run(&["compare", wrong[0], wrong[1]]);
        assert_eq!(refused.code, 2, "{wrong:?}");
        assert!(
            refused.stderr.contains("the oldest kept") && refused.stderr.contains(&current),
            "{}",
            refused.stderr
        );
    }
    let same = lab.run(&["compare", "--with", &current]);
    assert_eq!(same.code, 0, "{}", same.stderr);
    assert!(same.stderr.contains("nothing was published since"), "{}", same.stderr);
    assert!(same.stdout.contains("USD: nothing changed"), "{}", same.stdout);
    // The page has nothing to compare with yet, and says so.
    let page = text(&dashboard(lab).page("/compare"));
    assert!(page.contains("first figures that are kept"), "{page}");
}
