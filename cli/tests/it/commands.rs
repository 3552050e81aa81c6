//! The main line on the lab.

use std::collections::BTreeMap;
use std::fs;

use model::Amount;

use crate::lab::{Lab, lab_directory};

fn csv(text: &str) -> Vec<BTreeMap<String, String>> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    reader.deserialize().collect::<Result<_, _>>().unwrap()
}

fn sum<'r>(rows: impl IntoIterator<Item = &'r BTreeMap<String, String>>) -> Amount {
    rows.into_iter().map(|row| row["cost"].parse::<Amount>().unwrap()).sum()
}

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap()
}

fn expected(name: &str) -> serde_json::Value {
    json(&fs::read_to_string(lab_directory().join("expected").join(name)).unwrap())
}

#[test]
fn the_labs_bill_is_spent_to_the_last_digit() {
    let lab = Lab::published();
    let status = json(&lab.ok(&["status", "--format", "json"]));

    let totals =
        status["sources"].as_array().unwrap().iter().find(|source| source["name"] == "aws-bill").unwrap();
    let billed =
        totals["totals"].as_array().unwrap().iter().find(|total| total["basis"] == "billed").unwrap();
    // The bill's total by an independent program (fixtures/lab/make/expect_bill.py).
    let oracle = expected("bill_totals.json");
    let unblended = oracle["unblended"].as_str().unwrap().to_owned();
    assert_eq!(billed["source"], unblended.as_str());

    let conservation = status["conservation"].as_array().unwrap();
    assert_eq!(conservation.len(), 4, "one currency, four bases");
    for row in conservation {
        assert_eq!(row["difference"], "0", "{row}");
        let part = |key: &str| row[key].as_str().unwrap().parse::<Amount>().unwrap();
        let parts =
            ["direct", "usage", "storage", "shared", "idle", "unallocated"].map(part).into_iter().sum();
        assert_eq!(part("charged"), parts, "{row}");
    }
    let total = csv(&lab.ok(&["export", "costs", "--basis", "billed"]));
    assert_eq!(sum(&total), unblended.parse().unwrap());
}

#[test]
fn every_grouping_sums_to_the_whole() {
    let lab = Lab::published();
    for basis in ["billed", "effective", "list", "contracted"] {
        let whole = sum(&csv(&lab.ok(&["export", "costs", "--basis", basis])));
        let groupings = [
            "day",
            "week",
            "month",
            "team",
            "workload",
            "run",
            "table",
            "cluster",
            "service",
            "account",
            "region",
            "pool",
            "category",
            "engine",
            "method",
            "consumer",
            "tag:team",
            "tag:Name",
            "day,team,service",
            "team,workload,tag:team",
        ];
        for by in groupings {
            let rows = csv(&lab.ok(&["export", "costs", "--by", by, "--basis", basis]));
            assert_eq!(sum(&rows), whole, "--by {by} --basis {basis}");
        }
        let from = sum(&csv(&lab.ok(&["export", "costs", "--basis", basis, "--to", "2026-10-06"])));
        let to = sum(&csv(&lab.ok(&["export", "costs", "--basis", basis, "--from", "2026-10-06"])));
        assert_eq!(from + to, whole, "half-open days meet");
    }
}

#[test]
fn every_view_sums_to_the_whole_and_charges_idle_as_it_says() {
    let lab = Lab::published();
    let whole = sum(&csv(&lab.ok(&["export", "costs"])));
    let mut idle_of_growth = BTreeMap::new();
    for shared in ["keep", "even", "proportional", "fixed"] {
        for idle in ["keep", "owner", "proportional"] {
            let rows = csv(&lab.ok(&[
                "export",
                "costs",
                "--by",
                "team,category",
                "--idle",
                idle,
                "--shared",
                shared,
            ]));
            assert_eq!(sum(&rows), whole, "--idle {idle} --shared {shared}");
            let of_growth: Amount = rows
                .iter()
                .filter(|row| row["team"] == "growth" && row["category"] == "idle")
                .map(|row| row["cost"].parse::<Amount>().unwrap())
                .sum();
            idle_of_growth.insert((shared, idle), of_growth);
        }
    }
    let of = |idle: &'static str| idle_of_growth[&("keep", idle)];
    // Teams ran on each other's clusters, and take their part of what was idle there.
    assert_eq!(of("keep"), Amount::ZERO);
    assert!(of("owner") > Amount::ZERO && of("proportional") > Amount::ZERO);
    assert_ne!(of("proportional"), of("owner"));
    let refused = lab.run(&["export", "costs", "--idle", "spread"]);
    assert_eq!(refused.code, 2);
    assert!(refused.stderr.contains("use keep, owner or proportional"), "{}", refused.stderr);
}

#[test]
fn changes_are_told_in_parts_that_add_up() {
    let lab = Lab::published();
    let amount = |row: &BTreeMap<String, String>, column: &str| row[column].parse::<Amount>().unwrap();
    let days = ["--from", "2026-10-06", "--to", "2026-10-07"];
    for by in ["team", "workload", "service", "org"] {
        let mut command = vec!["export", "changes", "--by", by];
        command.extend(days);
        let rows = csv(&lab.ok(&command));
        for row in &rows {
            let parts = ["volume", "efficiency", "price", "moved", "new", "gone", "other"];
            let parts: Amount = parts.iter().map(|part| amount(row, part)).sum();
            assert_eq!(parts, amount(row, "change"), "{row:?}");
            assert_eq!(amount(row, "now") - amount(row, "before"), parts, "{row:?}");
        }
        let total = |column: &str| rows.iter().map(|row| amount(row, column)).sum::<Amount>();
        let mut costs = vec!["export", "costs"];
        costs.extend(days);
        assert_eq!(total("now"), sum(&csv(&lab.ok(&costs))), "--by {by}");
        let before = lab.ok(&["export", "costs", "--from", "2026-10-05", "--to", "2026-10-06"]);
        assert_eq!(total("before"), sum(&csv(&before)), "--by {by}");
    }
    let refused =
        lab.run(&["export", "changes", "--by", "day", "--from", "2026-10-06", "--to", "2026-10-07"]);
    assert_eq!(refused.code, 2);
}

#[test]
fn tables_and_workloads_say_what_they_cost_for_one_of_what_they_are_for() {
    let lab = Lab::published();
    let amount = |value: &serde_json::Value| value.as_str().unwrap().parse::<Amount>().unwrap();
    let tables = json(&lab.ok(&["export", "tables"]));
    let mut own = Amount::default();
    for table in tables.as_array().unwrap() {
        for cost in table["costs"].as_array().unwrap() {
            let parts: Amount =
                ["storage", "produce", "maintain"].iter().map(|part| amount(&cost[part])).sum();
            assert_eq!(parts, amount(&cost["own"]));
            own += parts;
        }
    }
    let by_table = csv(&lab.ok(&["export", "costs", "--by", "table"]));
    let named: Vec<_> = by_table.into_iter().filter(|row| row["table"] != "(none)").collect();
    assert_eq!(own, sum(&named));
    let workloads = json(&lab.ok(&["export", "workloads"]));
    let cost: Amount = workloads.as_array().unwrap().iter().map(|row| amount(&row["cost"])).sum();
    let usage = csv(&lab.ok(&["export", "costs", "--where", "category=usage"]));
    assert_eq!(cost, sum(&usage));
}

#[test]
fn a_second_run_reads_nothing_and_says_so() {
    let lab = Lab::new();
    lab.ok(&["run"]);
    let before = fs::read_to_string(lab.path("ledger/marts/current")).unwrap();
    let again = lab.run(&["run"]);
    assert_eq!(again.code, 0, "{}", again.stderr);
    assert_eq!(again.stderr.matches("nothing new").count(), 5, "{}", again.stderr);
    assert!(again.stderr.contains("is up to date"), "{}", again.stderr);
    assert_eq!(fs::read_to_string(lab.path("ledger/marts/current")).unwrap(), before);
}

#[test]
fn from_another_directory_the_same_configuration_means_the_same_objects() {
    let lab = Lab::new();
    lab.ok(&["run"]);
    let before = lab.figures();
    let config = lab.path("lakeledger.toml");
    let elsewhere = Lab::with_config("");
    let again = elsewhere.run(&["--config", config.to_str().unwrap(), "run"]);
    assert_eq!(again.stderr.matches("nothing new").count(), 5, "{}", again.stderr);
    assert_eq!(lab.figures(), before);
}

#[test]
fn a_moved_directory_is_read_anew_and_nothing_counts_twice() {
    let lab = Lab::new();
    lab.ok(&["run"]);
    let before = lab.figures();
    fs::rename(lab.path("exports"), lab.path("moved")).unwrap();
    let config = fs::read_to_string(lab.path("lakeledger.toml")).unwrap();
    fs::write(lab.path("lakeledger.toml"), config.replace("exports/", "moved/")).unwrap();
    lab.ok(&["run"]);
    assert_eq!(lab.figures(), before);
}

#[test]
fn runs_are_what_an_independent_reading_of_the_logs_says() {
    let lab = Lab::published();
    let exported = json(&lab.ok(&["export", "runs", "--format", "json"]));
    let oracle = expected("spark_runs.json");
    let applications = oracle["applications"].as_array().unwrap();
    let runs: Vec<_> = exported.as_array().unwrap().iter().filter(|run| run["engine"] == "spark").collect();
    assert_eq!(runs.len(), applications.len());
    for application in applications {
        let run = runs.iter().find(|run| run["run"] == application["app_id"]).unwrap();
        let id = &application["app_id"];
        assert_eq!(run["status"], application["status"], "{id}");
        assert_eq!(run["name"], application["name"], "{id}");
        let vcore_seconds = format!("{:.3}", run["vcore_seconds"].as_f64().unwrap());
        assert_eq!(vcore_seconds, application["vcore_seconds"].as_str().unwrap(), "{id}");
        let step = &application["maestro"]["step.id"];
        assert_eq!(&run["step_id"], step, "{id}");
    }
}

#[test]
fn one_teams_cluster_that_another_team_used_is_shared_and_its_rest_stays_idle() {
    let lab = Lab::published();
    let rows = csv(&lab.ok(&[
        "export",
        "costs",
        "--by",
        "team,category,workload",
        "--where",
        "cluster=j-2GRW7ETL4KQ9X",
        "--basis",
        "billed",
    ]));
    let has = |team: &str, category: &str| {
        rows.iter().any(|row| row["team"] == team && row["category"] == category)
    };
    assert!(has("growth", "usage") && has("content", "usage"), "both teams' runs have a part: {rows:?}");
    assert!(
        has("growth", "idle") && !has("content", "idle"),
        "idle belongs to the cluster's owner: {rows:?}"
    );
    // Every charge that names the cluster, by the independent program.
    let oracle = expected("bill_totals.json");
    let tagged = &oracle["by_cluster"]["j-2GRW7ETL4KQ9X"]["unblended"];
    assert_eq!(sum(&rows), tagged.as_str().unwrap().parse().unwrap());
}

#[test]
fn explain_sums_to_the_figure_and_reaches_the_bill() {
    let lab = Lab::published();
    let document = json(&lab.ok(&[
        "explain",
        "team=content",
        "day=2026-10-06",
        "--basis",
        "billed",
        "--format",
        "json",
        "--lines",
    ]));
    let parts = document["parts"].as_array().unwrap();
    let cost = |part: &serde_json::Value| part["cost"].as_str().unwrap().parse::<Amount>().unwrap();
    let total: Amount = parts.iter().map(cost).sum();
    assert_eq!(document["totals"][0]["cost"], total.to_string());
    for part in parts {
        let lines = part["bill_lines"].as_array().unwrap();
        assert!(!lines.is_empty(), "{part}");
        assert!(lines.iter().all(|line| line["line"].as_i64().is_some_and(|line| line > 0)));
    }
}

#[test]
fn the_worked_cluster_hour_is_what_the_product_says() {
    // docs/ALLOCATION.md, "One cluster-hour by hand": growth-etl, 6 October 2026, 06:00 UTC.
    let lab = Lab::published();
    let document = json(&lab.ok(&[
        "explain",
        "cluster=j-2GRW7ETL4KQ9X",
        "day=2026-10-06",
        "--basis",
        "billed",
        "--format",
        "json",
    ]));
    let mut found: Vec<(String, String)> = Vec::new();
    for part in document["parts"].as_array().unwrap() {
        if part["bucket_start"].as_str().unwrap().starts_with("2026-10-06T06:00") {
            let who =
                part["workload"].as_str().unwrap_or("idle").rsplit(['.', '/']).next().unwrap().to_owned();
            found.push((who, part["cost"].as_str().unwrap().to_owned()));
        }
    }
    let count = |cost: &str| found.iter().filter(|(_, found)| found == cost).count();
    for (times, cost) in [
        (1, "0.006881466666"), // .11 signup_sessions
        (1, "0.007060026666"), // .11 title_catalog
        (1, "0.178058506668"), // .11 idle
        (1, "0.00686088"),     // .12 signup_sessions
        (1, "0.18513912"),     // .12 idle
        (1, "0.006871173333"), // master, signup_sessions
        (1, "0.003530013333"), // master, title_catalog
        (1, "0.181598813334"), // master, idle
        (1, "0.000461772401"), // the volumes of equal tags, signup_sessions
        (1, "0.000237232078"), // the volumes of equal tags, title_catalog
        (1, "0.012204221321"), // the volumes of equal tags, idle
        (1, "0.0002308862"),   // the third volume, signup_sessions
        (1, "0.000118616039"), // the third volume, title_catalog
        (1, "0.006102110661"), // the third volume, idle
    ] {
        assert_eq!(count(cost), times, "{cost} in {found:#?}");
    }
    assert_eq!(found.len(), 14, "{found:#?}");
}

/// Units of every source, with when each was read.
fn units(lab: &Lab, ledger: &str) -> Vec<String> {
    let manifest = json(&fs::read_to_string(lab.path(ledger).join("manifest.json")).unwrap());
    let sources = manifest["sources"].as_object().unwrap();
    let of = |(name, source): (&String, &serde_json::Value)| {
        let units = source["units"].as_object().unwrap();
        let shown = units.iter().map(|(key, unit)| format!("{name} {key} {}", unit["read_at"]));
        shown.collect::<Vec<_>>()
    };
    sources.iter().flat_map(of).collect()
}

#[test]
fn a_ledger_that_moves_with_its_exports_knows_them_again() {
    let lab = Lab::published();
    let figures = lab.figures();
    let known = units(&lab, "ledger");
    // A copy's files are new, and take the place of those they were copied from.
    lab.ok(&["run"]);
    let copied = units(&lab, "ledger");
    let keys = |units: &[String]| -> Vec<String> {
        units.iter().map(|unit| unit.rsplit_once(' ').unwrap().0.to_owned()).collect()
    };
    assert_eq!(keys(&known), keys(&copied));
    assert!(keys(&known).iter().all(|key| key.contains(" exports/")), "{known:?}");
    assert_eq!(lab.figures(), figures);

    fs::create_dir(lab.path("there")).unwrap();
    for part in ["exports", "ledger", "lakeledger.toml"] {
        fs::rename(lab.path(part), lab.path("there").join(part)).unwrap();
    }
    let run = lab.ok(&["--config", "there/lakeledger.toml", "run"]);
    assert_eq!(units(&lab, "there/ledger"), copied, "{run}");
}
