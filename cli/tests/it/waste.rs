//! What is found beside what is planted. The truth is read from the simulator's own files;
//! nothing of the product is asked for it.
//!
//! Pricing every planted waste simulates the platform 85 times (three minutes for 28 days), so
//! that only the first seed's dollars are compared unless `LAKELEDGER_WASTE_PRICED=all`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::hash::{BuildHasher as _, RandomState};
use std::io::Write as _;

use chrono::{Days, NaiveDate};
use serde_json::Value;

use crate::demo::costs_are_true;
use crate::lab::Lab;

/// Four whole weeks, so that the test takes minutes.
const DAYS: &str = "28";
/// What the demo's configuration says is too small to matter, USD a month. A planted waste that
/// truly costs less need not be found, and is not to be shown.
const FLOOR: f64 = 2.0;

fn read(lab: &Lab, file: &str) -> Value {
    serde_json::from_slice(&std::fs::read(lab.path(file)).unwrap()).unwrap()
}

fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap()
}

fn amount(value: &Value, key: &str) -> f64 {
    text(value, key).parse().unwrap()
}

/// What one detector found, over all seeds.
#[derive(Default)]
struct Score {
    planted: usize,
    /// Planted, and truly under the floor.
    small: usize,
    found: usize,
    reported: usize,
    correct: usize,
    near: usize,
    errors: Vec<(f64, String)>,
}

/// Whether a finding is at a subject of the truth: a place in a bucket may be told more exactly.
fn is_at(finding: &Value, kind: &str, subject: &str) -> bool {
    let found = text(finding, "subject");
    text(finding, "subject_kind") == kind
        && (found == subject || (kind == "bucket" && subject.ends_with('/') && found.starts_with(subject)))
}

/// Counts a seed's findings against its labels, and their dollars where it is priced; what a
/// planted waste costs is about the same with every seed.
fn score(
    lab: &Lab,
    directory: &str,
    (prices, is_priced): (&Value, bool),
    scores: &mut BTreeMap<String, Score>,
    shown: &mut String,
) {
    let labels = read(lab, &format!("{directory}/truth/waste.json"));
    let config = format!("{directory}/lakeledger.toml");
    let found: Value =
        serde_json::from_str(&lab.ok(&["--config", &config, "waste", "--all", "--format", "json"])).unwrap();
    let found: Vec<&Value> =
        found.as_array().unwrap().iter().filter(|finding| finding["is_material"] == true).collect();
    let planted = labels["planted"].as_array().unwrap();
    let made = read(lab, &format!("{directory}/demo.json"));
    let first: NaiveDate = text(&made, "first_day").parse().unwrap();
    let end = first + Days::new(made["days"].as_u64().unwrap());
    for plant in planted {
        let (kind, subject) = (text(plant, "kind"), text(plant, "subject"));
        let of_kind = found.iter().filter(|finding| finding["detector"] == kind);
        let at = of_kind.into_iter().find(|finding| is_at(finding, text(plant, "subject_kind"), subject));
        let score = scores.entry(kind.to_owned()).or_default();
        if !plant["near_miss"].is_null() {
            if at.is_some_and(|finding| finding["is_open"] == true) {
                score.near += 1;
                let _ = writeln!(shown, "  near miss reported: {}", text(plant, "id"));
            }
            continue;
        }
        let price = prices.as_array().unwrap().iter().find(|price| price["id"] == plant["id"]).unwrap();
        let truth = price["subject_usd"].as_f64().unwrap();
        let day = |key: &str| plant[key].as_str().map(|day| day.parse::<NaiveDate>().unwrap());
        let lasted = (day("fixed_on").unwrap_or(end) - day("from").unwrap_or(first)).num_days();
        if truth / lasted as f64 * 30.4375 < FLOOR {
            score.small += 1;
            continue;
        }
        // What was mended within the time is not to be found at its end; where it is found
        // nevertheless, it must be known to be over.
        let is_mended = !plant["fixed_on"].is_null();
        if is_mended {
            if at.is_some_and(|finding| finding["is_open"] == true) {
                let _ = writeln!(shown, "  mended, and still reported: {}", text(plant, "id"));
                score.near += 1;
            }
        } else {
            score.planted += 1;
            match at {
                Some(finding) if finding["is_open"] == true => score.found += 1,
                _ => drop(writeln!(shown, "  not found: {}", text(plant, "id"))),
            }
        }
        if let Some(finding) = at.filter(|_| is_priced) {
            // What deletes cost their readers; the old copies that folding them leaves behind, which
            // the simulation without the waste pays for, are no part of that.
            let truth = if kind == "delete-bloat" { price["runs_usd"].as_f64().unwrap() } else { truth };
            score.errors.push((amount(finding, "observed_cost") / truth - 1.0, text(plant, "id").to_owned()));
        }
    }
    let subjects = labels["subjects"].as_array().unwrap();
    for finding in found {
        let detector = text(finding, "detector");
        // Only subjects with labels can be right or wrong; commitments have none.
        let Some(subject) = subjects
            .iter()
            .filter(|it| is_at(finding, text(it, "kind"), text(it, "subject")))
            .max_by_key(|it| text(it, "subject").len())
        else {
            continue;
        };
        let Some(score) = scores.get_mut(detector) else { continue };
        score.reported += 1;
        if subject["wasteful"].as_array().unwrap().iter().any(|kind| kind == detector) {
            score.correct += 1;
        } else {
            let _ = writeln!(shown, "  not planted: {detector} {}", text(finding, "subject"));
        }
    }
}

#[test]
fn planted_wastes_are_found_and_priced_and_nothing_else_is() {
    let lab = Lab::with_config("");
    let seeds = std::env::var("LAKELEDGER_WASTE_SEEDS").unwrap_or_else(|_| {
        // Drawn anew each time; the three are printed.
        (1..=3)
            .map(|n| (RandomState::new().hash_one(n) % 1_000_003).to_string())
            .collect::<Vec<_>>()
            .join(",")
    });
    let days = std::env::var("LAKELEDGER_WASTE_DAYS").unwrap_or_else(|_| DAYS.to_owned());
    let mut scores: BTreeMap<String, Score> = BTreeMap::new();
    let mut shown = format!("{days} days, seeds {seeds}\n");
    let all_priced = std::env::var("LAKELEDGER_WASTE_PRICED").is_ok_and(|which| which == "all");
    let mut prices = Value::Null;
    for seed in seeds.split(',') {
        let directory = format!("demo-{seed}");
        let is_priced = prices.is_null() || all_priced;
        let mut arguments = vec![
            "demo",
            "--no-serve",
            "--dir",
            &directory,
            "--end",
            "2026-11-08",
            "--days",
            &days,
            "--seed",
            seed,
        ];
        arguments.extend(is_priced.then_some("--price-waste"));
        let ran = lab.run(&arguments);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        if is_priced {
            prices = read(&lab, &format!("{directory}/truth/waste-prices.json"));
        }
        let _ = writeln!(shown, "seed {seed}{}", if is_priced { ", priced" } else { "" });
        costs_are_true(&lab, &directory);
        score(&lab, &directory, (&prices, is_priced), &mut scores, &mut shown);
    }
    let _ = writeln!(
        shown,
        "{:<20} {:>8} {:>6} {:>8} {:>8} {:>8} {:>6}  errors of dollars",
        "detector", "planted", "small", "recall", "reported", "true", "near"
    );
    let part = |part: usize, of: usize| if of == 0 { 1.0 } else { part as f64 / of as f64 };
    let mut all = Score::default();
    for (detector, score) in &scores {
        let errors: Vec<String> =
            score.errors.iter().map(|(error, _)| format!("{:+.0}%", error * 100.0)).collect();
        let _ = writeln!(
            shown,
            "{detector:<20} {:>8} {:>6} {:>7.0}% {:>8} {:>7.0}% {:>6}  {}",
            score.planted,
            score.small,
            100.0 * part(score.found, score.planted),
            score.reported,
            100.0 * part(score.correct, score.reported),
            score.near,
            errors.join(" ")
        );
        all.planted += score.planted;
        all.small += score.small;
        all.found += score.found;
        all.reported += score.reported;
        all.correct += score.correct;
        all.near += score.near;
        all.errors.extend(score.errors.iter().cloned());
    }
    let within = all.errors.iter().filter(|(error, _)| error.abs() <= 0.1).count();
    let (recall, precision, priced) =
        (part(all.found, all.planted), part(all.correct, all.reported), part(within, all.errors.len()));
    let _ = writeln!(
        shown,
        "all: {} planted and {} too small, recall {:.1}%, true {:.1}%, {} near misses reported, within 10% {:.1}% of {}",
        all.planted,
        all.small,
        100.0 * recall,
        100.0 * precision,
        all.near,
        100.0 * priced,
        all.errors.len()
    );
    // Not `eprintln!`: the test runner swallows that for tests that pass.
    let _ = std::io::stderr().write_all(shown.as_bytes());
    assert!(recall >= 0.95, "{shown}");
    assert!(precision >= 0.95, "{shown}");
    // Nine in ten is the goal, and printed beside what was found; seeds drawn so far gave 87 to
    // 94 in a hundred, so that only a fall below eight in ten is a fault of a change.
    assert!(priced >= 0.8, "{shown}");
}

/// A demo of three weeks, in which clusters were mended after twelve days.
fn three_weeks(lab: &Lab) {
    let ran = lab.run(&["demo", "--no-serve", "--dir", "demo", "--end", "2026-11-08", "--days", "21"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
}

fn waste(lab: &Lab, arguments: &[&str]) -> String {
    let mut all = vec!["--config", "demo/lakeledger.toml", "waste"];
    all.extend(arguments);
    lab.ok(&all)
}

fn json(text: &str) -> Vec<Value> {
    serde_json::from_str(text).unwrap()
}

#[test]
fn a_finding_lives_until_its_evidence_is_gone_and_its_fix_is_measured_by_the_bill() {
    let lab = Lab::with_config("");
    three_weeks(&lab);
    let tracked = || json(&waste(&lab, &["track", "--format", "json"]));
    let of = |subject: &str, detector: &str| {
        tracked().into_iter().find(|it| it["subject"] == subject && it["detector"] == detector).unwrap()
    };

    // The cluster that a ping kept up until it got automatic termination: what it cost a month
    // by the simulation, over the twelve days it lived, is what its end saves.
    let mended = of("ads-explore", "keep-alive");
    assert_eq!(mended["status"], "resolved");
    let costs = read(&lab, "demo/truth/costs.json");
    let clusters = costs["clusters"].as_array().unwrap();
    let cluster = clusters.iter().find(|cluster| cluster["name"] == "ads-explore").unwrap();
    let labels = read(&lab, "demo/truth/waste.json");
    let plants = labels["planted"].as_array().unwrap();
    let plant = plants.iter().find(|plant| plant["id"] == "keep-alive/ads-explore").unwrap();
    let day = |key: &str| text(plant, key).parse::<NaiveDate>().unwrap();
    // It ends at 17:00 of the day it was mended.
    let lived = (day("fixed_on") - day("from")).num_days() as f64 + 17.0 / 24.0;
    let truth = cluster["effective_usd"].as_f64().unwrap() / lived * 30.4375;
    let realised = amount(&mended["realised"], "a_month");
    let error = realised / truth - 1.0;
    println!(
        "realised {realised:.2} a month, by the simulation {truth:.2}, promised {}",
        text(&mended, "promised_saving")
    );
    assert!(error.abs() <= 0.1, "realised {realised}, truly {truth}");

    // What is still there is new, until somebody says something of it.
    let standing = of("growth-lookalike-dev", "idle-cluster");
    assert_eq!((&standing["status"], &standing["realised"]), (&Value::from("new"), &Value::Null));
    let id = text(&standing, "id");
    for (arguments, status) in [
        (vec!["ack", &id[..8]], "acknowledged"),
        (vec!["assign", id, "dana"], "assigned"),
        (vec!["snooze", id, "--until", "2100-01-01"], "snoozed"),
        (vec!["dismiss", id, "--reason", "a trial until March"], "dismissed"),
    ] {
        waste(&lab, &arguments);
        // The record follows the mart each time it is asked: that must not undo what was said.
        assert_eq!(of("growth-lookalike-dev", "idle-cluster")["status"], status);
    }
    let last = of("growth-lookalike-dev", "idle-cluster");
    assert_eq!(
        (&last["assignee"], &last["reason"]),
        (&Value::from("dana"), &Value::from("a trial until March"))
    );
    waste(&lab, &["snooze", id, "--until", "2026-01-01"]);
    assert_eq!(of("growth-lookalike-dev", "idle-cluster")["status"], "reopened");
    let unknown = lab.run(&["--config", "demo/lakeledger.toml", "waste", "ack", "nothing"]);
    assert_eq!(unknown.code, 2);
    assert!(unknown.stderr.contains("no finding has the id `nothing`"), "{}", unknown.stderr);

    // What is claimed adds up to less than everything cost.
    let found = json(&waste(&lab, &["--format", "json", "--all"]));
    let claimed: f64 = found.iter().map(|finding| amount(finding, "claimed_saving")).sum();
    let total: f64 = text(&costs, "total_effective").parse().unwrap();
    assert!(claimed > 0.0 && claimed < total / 21.0 * 30.4375, "{claimed} of {total}");
    for finding in &found {
        assert!(amount(finding, "claimed_saving") <= amount(finding, "gross_saving"), "{finding}");
        assert!(
            !text(finding, "action").is_empty() && !finding["guards"].as_array().unwrap().is_empty(),
            "{finding}"
        );
    }

    // Every form of the list has every finding, and a misspelt detector the nearest right one.
    let material = json(&waste(&lab, &["--format", "json"])).len();
    assert_eq!(
        waste(&lab, &["--format", "csv"])
            .lines()
            .filter(|line| line.contains(",workload,")
                || line.contains(",cluster,")
                || line.contains(",table,")
                || line.contains(",bucket,")
                || line.contains(",commitment,"))
            .count(),
        material
    );
    assert_eq!(
        waste(&lab, &["--format", "markdown"]).lines().filter(|line| line.starts_with("## ")).count(),
        material
    );
    let misspelt = lab.run(&["--config", "demo/lakeledger.toml", "waste", "--detector", "idle-clusters"]);
    assert_eq!(misspelt.code, 2);
    assert!(misspelt.stderr.contains("did you mean `idle-cluster`?"), "{}", misspelt.stderr);

    // A cluster nothing ran on, ended after an hour, would have saved nearly all it costs.
    let tried = json(&waste(
        &lab,
        &[
            "what-if",
            "auto-termination",
            "--minutes",
            "60",
            "--subject",
            "growth-lookalike-dev",
            "--format",
            "json",
        ],
    ));
    let (cost, saving) = (amount(&tried[0], "cost_a_month"), amount(&tried[0], "saving_a_month"));
    assert!(saving > 0.9 * cost && saving <= cost, "{tried:?}");
    for kind in ["spot", "event-driven", "ttl", "compaction"] {
        assert!(!json(&waste(&lab, &["what-if", kind, "--format", "json"])).is_empty(), "{kind}");
    }
}
