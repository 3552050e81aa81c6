//! The life of findings: seen, looked after, gone, mended, told of in every form.

use chrono::NaiveDate;
use serde_json::Value;

use crate::lab::Lab;
use crate::waste::{amount, json, read, text};

/// A demo of three weeks, in which clusters were mended after twelve days.
fn three_weeks() -> Lab {
    Lab::demo(21, 1)
}

fn waste(lab: &Lab, arguments: &[&str]) -> String {
    let mut all = vec!["--config", "demo/lakeledger.toml", "waste"];
    all.extend(arguments);
    lab.ok(&all)
}

#[test]
fn a_finding_lives_until_its_evidence_is_gone_and_its_fix_is_measured_by_the_bill() {
    let lab = three_weeks();
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
    // Not to the end of a month whose fees are known, but of the days there are.
    assert_eq!(text(&mended["realised"]["measured"], "to"), "2026-11-09");
    println!(
        "realised {realised:.2} a month, by the simulation {truth:.2}, promised {}",
        text(&mended, "promised_saving")
    );
    assert!(error.abs() <= 0.1, "realised {realised}, truly {truth}");

    // What is still there is new, until somebody says something of it.
    let standing = of("growth-lookalike-dev", "idle-cluster");
    assert_eq!((&standing["status"], &standing["realised"]), (&Value::from("new"), &Value::Null));
    let id = text(&standing, "id");
    let listed = |arguments: &[&str]| {
        let rows = json(&waste(&lab, &[&["--format", "json"], arguments].concat()));
        rows.into_iter().find(|it| it["id"] == *id)
    };
    for (arguments, status) in [
        (vec!["ack", &id[..8]], "acknowledged"),
        (vec!["assign", id, "dana"], "assigned"),
        (vec!["snooze", id, "--until", "2100-01-01"], "snoozed"),
        (vec!["dismiss", id, "--reason", "a trial until March"], "dismissed"),
    ] {
        waste(&lab, &arguments);
        // The record follows the mart each time it is asked: that must not undo what was said.
        assert_eq!(of("growth-lookalike-dev", "idle-cluster")["status"], status);
        // What waits is listed; what somebody put aside only where it is asked for.
        assert_eq!(listed(&[]).is_some(), ["acknowledged", "assigned"].contains(&status), "{status}");
        for arguments in [&["--all"][..], &["--status", status]] {
            assert_eq!(listed(arguments).unwrap()["status"], status);
        }
        assert!(listed(&["--status", "new"]).is_none());
    }
    told_of_life(&lab, &listed(&["--all"]).unwrap(), &mended);
    let last = of("growth-lookalike-dev", "idle-cluster");
    assert_eq!(
        (&last["assignee"], &last["reason"]),
        (&Value::from("dana"), &Value::from("a trial until March"))
    );
    waste(&lab, &["reopen", id]);
    assert_eq!(of("growth-lookalike-dev", "idle-cluster")["status"], "reopened");
    // What says nothing is refused, and changes nothing.
    for arguments in [
        vec!["snooze", id, "--until", "2026-01-01"],
        vec!["dismiss", id, "--reason", " "],
        vec!["assign", id, ""],
    ] {
        let mut all = vec!["--config", "demo/lakeledger.toml", "waste"];
        all.extend(arguments);
        assert_eq!(lab.run(&all).code, 2);
        assert_eq!(of("growth-lookalike-dev", "idle-cluster")["status"], "reopened");
    }
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
        // Its fix names what it is for: no `<input>` is left to be filled in.
        let action = text(finding, "action");
        let is_open = |at: usize| action[at + 1..].starts_with(|next: char| next.is_ascii_alphabetic());
        assert!(!action.match_indices('<').any(|(at, _)| is_open(at)), "{action}");
        assert!(!action.contains("..."), "{action}");
    }
    three_forms_of_one(&lab, &found);

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
        let rows = json(&waste(&lab, &["what-if", kind, "--format", "json"]));
        assert!(!rows.is_empty(), "{kind}");
        for row in rows {
            let net = amount(&row, "saving_a_month") - amount(&row, "fix_cost_a_month");
            assert!(net > 0.0 && (net - amount(&row, "net_a_month")).abs() < 1e-6, "{row}");
            assert!(amount(&row, "saving_a_month") <= amount(&row, "cost_a_month"), "{row}");
        }
    }
    // What cannot be tried is refused, with the nearest that can.
    for (arguments, said) in [
        (&["auto-termination", "--subject", "growth-lookalike"][..], "did you mean `growth-lookalike-dev`?"),
        (
            &["ttl", "--subject", "growth.channel_attribution"],
            "did you mean `prod.growth.channel_attribution`?",
        ),
        (&["event-driven", "--subject", "nothing"], "there is no workload `nothing` to try it at"),
        (&["ttl", "--days", "0"], "0 is not in 1..=36500"),
        (&["auto-termination", "--minutes", "0"], "0 is not in 1..=10080"),
        (&["compaction", "--target", "0"], "0 is not in 1..=65536"),
        (&["spot", "--share", "101"], "101 is not in 1..=100"),
    ] {
        let mut all = vec!["--config", "demo/lakeledger.toml", "waste", "what-if"];
        all.extend(arguments);
        let refused = lab.run(&all);
        assert_eq!(refused.code, 2, "{arguments:?}");
        assert!(refused.stderr.contains(said), "{arguments:?}: {}", refused.stderr);
    }

    logs_that_stop(&lab);

    // What other thresholds no longer find is not mended: nothing is measured of it.
    let config = lab.path("demo/lakeledger.toml");
    let written = std::fs::read_to_string(&config).unwrap();
    let changed = format!("{written}\n[waste.idle-cluster]\nidle_days = 80\n[waste.skew]\nenabled = false\n");
    std::fs::write(&config, changed).unwrap();
    lab.ok(&["--config", "demo/lakeledger.toml", "attribute"]);
    let off = lab.run(&["--config", "demo/lakeledger.toml", "waste", "--detector", "skew"]);
    assert!(off.stderr.contains("skew is turned off"), "{}", off.stderr);
    for _ in 0..2 {
        let found = json(&waste(&lab, &["--format", "json", "--all"]));
        assert!(
            !found.iter().any(|finding| finding["id"] == id),
            "80 days of nothing are not among three weeks"
        );
        let left = of("growth-lookalike-dev", "idle-cluster");
        assert_eq!((&left["status"], &left["realised"]), (&Value::from("reopened"), &Value::Null));
    }
}

/// Spark's logs end on 29 October, ten days before the bill, though those who start its jobs go on: nothing is mended by
/// that, and every form of a finding says since when nobody looked.
fn logs_that_stop(lab: &Lab) {
    let path = lab.path("demo/ledger/manifest.json");
    let written = std::fs::read_to_string(&path).unwrap();
    let attributed = |manifest: &Value| {
        std::fs::write(&path, serde_json::to_vec(manifest).unwrap()).unwrap();
        lab.ok(&["--config", "demo/lakeledger.toml", "attribute"]);
    };
    let mut manifest: Value = serde_json::from_str(&written).unwrap();
    let commit = manifest["commit"].as_u64().unwrap();
    manifest["commit"] = (commit + 1).into();
    manifest["entries"]
        .as_array_mut()
        .unwrap()
        .retain(|entry| entry["source"] != "spark" || text(entry, "period") <= "2026-10-29");
    let all = || json(&waste(lab, &["--all", "--format", "json"]));
    let of_spark = |it: &&Value| ["skew", "spill", "over-provisioned"].contains(&text(it, "detector"));
    let before: Vec<Value> = all().into_iter().filter(|it| it["status"] == "new").collect();
    let resolved = || json(&waste(lab, &["--status", "resolved", "--format", "json"]));
    let over: Vec<Value> = resolved().iter().map(|it| it["id"].clone()).collect();
    attributed(&manifest);
    let after = all();
    let mut looked = 0;
    for finding in before.iter().filter(of_spark) {
        let found = after.iter().find(|it| it["id"] == finding["id"]).unwrap();
        assert_eq!(
            (&found["status"], &found["is_open"]),
            (&finding["status"], &Value::from(true)),
            "{found}"
        );
        assert_eq!((&found["silent"], &found["realised_saving"]), (&Value::from("runs"), &Value::Null));
        // A run of the 29th may end on the 30th.
        let known = text(found, "known_until");
        assert!(["2026-10-29", "2026-10-30"].contains(&known), "{known}");
        assert!(text(found, "end_day") <= "2026-10-31", "nothing is claimed of later days: {found}");
        let id = text(found, "id");
        let said = format!("logs of its runs end on {known}: it was not looked at since");
        assert!(waste(lab, &["--finding", id]).contains(&said), "{said}");
        assert!(waste(lab, &["--finding", id, "--format", "markdown"]).contains(&said), "{said}");
        looked += 1;
    }
    assert!(looked > 3, "{looked}");
    // Of what was mended before, nothing is measured that nobody saw.
    assert!(resolved().iter().all(|it| over.contains(&it["id"])), "a silence resolves nothing");
    let mut manifest: Value = serde_json::from_str(&written).unwrap();
    manifest["commit"] = (commit + 2).into();
    attributed(&manifest);
}

/// What became of a finding stands in every form of it: of one dismissed, and of one that is mended.
fn told_of_life(lab: &Lab, dismissed: &Value, mended: &Value) {
    let run =
        |arguments: &[&str]| lab.run(&[&["--config", "demo/lakeledger.toml", "waste"], arguments].concat());
    assert_eq!((text(dismissed, "assignee"), text(dismissed, "reason")), ("dana", "a trial until March"));
    let list = run(&[]);
    assert!(list.stderr.contains("1 dismissed or snoozed are left out"), "{}", list.stderr);
    let waiting = json(&waste(lab, &["--format", "json"])).len();
    assert!(list.stderr.contains(&format!("{waiting} open findings take ")), "{}", list.stderr);
    let all = run(&["--all"]);
    assert!(all.stderr.contains(&format!("{waiting} open findings take ")), "{}", all.stderr);
    assert!(all.stdout.contains("dismissed: a trial until March"), "{}", all.stdout);
    let csv = waste(lab, &["--all", "--format", "csv"]);
    assert!(csv.contains(",dismissed,dana,,a trial until March,"), "{csv}");
    let id = text(dismissed, "id");
    for format in ["table", "markdown"] {
        let shown = waste(lab, &["--finding", id, "--format", format]);
        assert!(shown.to_lowercase().contains("status: dismissed: a trial until march"), "{shown}");
    }

    let over = json(&waste(lab, &["--status", "resolved", "--format", "json"]));
    let over = over.iter().find(|it| it["id"] == mended["id"]).unwrap();
    assert_eq!(text(over, "realised_saving"), text(&mended["realised"], "a_month"));
    let id = text(mended, "id");
    assert!(waste(lab, &["--finding", id]).contains("status: resolved, realised "));
    // There is nothing to see to any more.
    for arguments in [&["ack", id][..], &["snooze", id, "--until", "2100-01-01"], &["assign", id, "dana"]] {
        let refused = run(arguments);
        assert_eq!(refused.code, 2, "{arguments:?}");
        assert!(refused.stderr.contains(&format!("finding {id} is resolved")), "{}", refused.stderr);
    }
    // An empty list says why it is.
    let none = run(&["--status", "snoozed"]);
    assert!(none.stderr.contains("are of another status"), "{}", none.stderr);
}

/// The terminal and a ticket tell of a finding in units, not in the raw figures of its evidence.
fn three_forms_of_one(lab: &Lab, found: &[Value]) {
    let of = |detector: &str| found.iter().find(|finding| text(finding, "detector") == detector).unwrap();
    for (detector, said, raw) in [
        ("skew", "longest task: ", "longest_task_ms"),
        ("over-provisioned", "proposed memory: ", "proposed_mib"),
        ("failed-retried", "failed cost: $", "failed_cost"),
        ("partition-ttl", " of past reads looked back further", "risk_curve"),
    ] {
        let finding = of(detector);
        let shown = waste(lab, &["--finding", text(finding, "id")]);
        let ticket = waste(lab, &["--finding", text(finding, "id"), "--format", "markdown"]);
        let said_there = said.replace(": ", " | ");
        assert!(shown.contains(said), "{shown}");
        assert!(ticket.contains(&said_there), "{ticket}");
        let figure = finding["evidence"][raw].to_string();
        assert!(!shown.contains(&figure), "{figure} in {shown}");
    }
}
