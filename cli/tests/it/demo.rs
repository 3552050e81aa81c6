//! The demo as a newcomer starts it, and the product's answers beside the simulation's truth.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;

use model::Amount;

use crate::lab::{Lab, is_thorough};

/// Cost by team, workload or table.
type Costs = BTreeMap<String, f64>;

/// A demo of six weeks that holds two month ends; every start must succeed, warnings aside.
fn demo(lab: &Lab, more: &[&str]) -> String {
    let mut arguments = vec!["demo", "--no-serve", "--dir", "demo", "--end", "2026-11-08"];
    arguments.extend(more);
    let ran = lab.run(&arguments);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    ran.stderr
}

fn exported(lab: &Lab, directory: &str, arguments: &[&str]) -> Vec<serde_json::Value> {
    let config = format!("{directory}/lakeledger.toml");
    let mut all = vec!["--config", &config, "export", "costs", "--format", "json"];
    all.extend(arguments);
    serde_json::from_str(&lab.ok(&all)).unwrap()
}

fn by(lab: &Lab, directory: &str, dimension: &str) -> Costs {
    let mut costs = Costs::new();
    for row in exported(lab, directory, &["--by", dimension]) {
        let name = row[dimension].as_str().unwrap().replace("(none)", "");
        *costs.entry(name).or_default() += row["cost"].as_str().unwrap().parse::<f64>().unwrap();
    }
    costs
}

/// What each part of a demo truly cost: one where there are few copies.
fn truth(lab: &Lab, directory: &str) -> Vec<serde_json::Value> {
    let truth = lab.path(directory).join("truth");
    let further = (2..).map(|part| truth.join(format!("part-{part}"))).take_while(|part| part.exists());
    std::iter::once(truth.clone())
        .chain(further)
        .map(|part| serde_json::from_slice(&std::fs::read(part.join("costs.json")).unwrap()).unwrap())
        .collect()
}

/// Costs of a kind of all parts.
fn all_of<'t>(
    truth: &'t [serde_json::Value],
    what: &str,
) -> impl Iterator<Item = &'t serde_json::Value> + use<'t> {
    let what = what.to_owned();
    truth.iter().flat_map(move |part| part[&what].as_array().unwrap())
}

fn listed(truth: &[serde_json::Value], what: &str) -> Costs {
    let mut costs = Costs::new();
    for cost in all_of(truth, what) {
        *costs.entry(cost["name"].as_str().unwrap().to_owned()).or_default() +=
            cost["effective_usd"].as_f64().unwrap();
    }
    costs
}

/// Adds a table of both to `shown`, the worst first; the largest deviation in percent of
/// those that really cost at least `floor`.
fn compare(what: &str, found: &Costs, truth: &Costs, floor: f64, shown: &mut String) -> f64 {
    let off = |name: &str, true_cost: f64| {
        let cost = found.get(name).copied().unwrap_or(0.0);
        (cost, 100.0 * (cost - true_cost) / true_cost)
    };
    // What only one side knows counts too: it is off by all of it.
    let names: std::collections::BTreeSet<&String> = truth.keys().chain(found.keys()).collect();
    let mut rows: Vec<_> = names
        .into_iter()
        .map(|name| (name, truth.get(name).copied().unwrap_or(0.0)))
        .filter(|(name, cost)| cost.max(found.get(*name).copied().unwrap_or(0.0)) >= floor)
        .map(|(name, cost)| (name, cost, off(name, cost)))
        .collect();
    rows.sort_by(|a, b| b.2.1.abs().total_cmp(&a.2.1.abs()));
    let _ = writeln!(shown, "\n{:<48} {:>12} {:>12} {:>9}", what, "lakeledger", "truth", "off");
    for (name, true_cost, (cost, percent)) in rows.iter().take(12) {
        let _ = writeln!(shown, "{name:<48} {cost:>12.2} {true_cost:>12.2} {percent:>8.3}%");
    }
    let _ = writeln!(shown, "{} of {floor:.0} USD and more", rows.len());
    rows.first().map_or(0.0, |row| row.2.1.abs())
}

#[test]
fn teams_workloads_and_tables_cost_what_they_truly_did() {
    let lab = Lab::demo(42, 1);
    let category = costs_are_true(&lab, "demo");
    assert!(category <= 2.0, "a team's category is off by {category:.3}%");
}

#[test]
fn copies_cost_what_they_truly_did() {
    if !is_thorough("skipped, for they take minutes: five copies of the platform") {
        return;
    }
    // Five copies are two parts, each with exports, a bill and a truth of its own. Of a run that
    // goes on at the end no log tells the rest: of fewer days it would be too large a part.
    let lab = Lab::with_config("");
    demo(&lab, &["--scale", "5", "--days", "18"]);
    assert_eq!(truth(&lab, "demo").len(), 2);
    // Tables that grow in so few days are known by the nearest collection, which is of another size:
    // what is stored of a team is off by more than its total.
    let category = costs_are_true(&lab, "demo");
    assert!(category <= 10.0, "a team's category is off by {category:.3}%");
    let found = by(&lab, "demo", "workload");
    for copy in ["playback.qoe_daily/qoe", "playback_gb.qoe_daily/qoe", "playback_de.qoe_daily/qoe"] {
        assert!(found[copy] > 10.0, "{copy}");
    }
}

#[test]
fn a_bill_costs_the_same_in_all_its_formats() {
    let lab = Lab::with_config("");
    // With a month's end within, its restatement, and a plan bought upfront.
    for format in ["cur2", "legacy-cur", "focus"] {
        let days = ["--days", "7", "--end", "2026-11-03", "--bill", format, "--dir", format];
        let ran = lab.run(&[["demo", "--no-serve"].as_slice(), &days].concat());
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        let config = std::fs::read_to_string(lab.path(format).join("lakeledger.toml")).unwrap();
        let kind = match format {
            "legacy-cur" => "aws-cur",
            "cur2" => "aws-cur2",
            other => other,
        };
        assert!(config.contains(&format!("kind = \"{kind}\"")));
    }
    for basis in ["billed", "effective", "list", "contracted"] {
        for dimension in ["", "day", "service", "account", "day,service,account"] {
            let figures = |format: &str| {
                let by = if dimension.is_empty() { vec![] } else { vec!["--by", dimension] };
                let mut rows: Vec<String> = exported(&lab, format, &[vec!["--basis", basis], by].concat())
                    .iter()
                    .map(ToString::to_string)
                    .collect();
                rows.sort();
                rows
            };
            let expected = figures("cur2");
            assert!(!expected.is_empty());
            for format in ["legacy-cur", "focus"] {
                assert_eq!(figures(format), expected, "{format} {basis} by {dimension}");
            }
        }
    }
    // Every way of looking at it is the same for both reports. FOCUS has no refunds: the one of
    // the month is usage of what it refunds, and other lines round elsewhere.
    let by_team = |format: &str| by(&lab, format, "team");
    assert_eq!(by_team("legacy-cur"), by_team("cur2"));
    for (team, cost) in by_team("cur2") {
        let focus = by_team("focus")[&team];
        assert!((focus - cost).abs() < 1e-6, "{team} {focus} {cost}");
    }
    let refused = lab.run(&["demo", "--no-serve", "--dir", "focus", "--bill", "cur2"]);
    assert!(refused.code == 2 && refused.stderr.contains("bill focus"), "{}", refused.stderr);
}

/// Compares the costs of a demo with its truth, prints both, and expects the limits to hold. How
/// many per cent the worst category of a team is off.
pub fn costs_are_true(lab: &Lab, directory: &str) -> f64 {
    let truth = truth(lab, directory);
    let days = truth[0]["days"].as_f64().unwrap();

    // To the last digit: the bill as the simulation summed it, and the whole of the mart.
    let mut total = Amount::ZERO;
    for part in &truth {
        total += part["total_effective"].as_str().unwrap().parse().unwrap();
    }
    assert_eq!(exported(lab, directory, &[])[0]["cost"], total.to_string());
    let config = format!("{directory}/lakeledger.toml");
    let status: serde_json::Value =
        serde_json::from_str(&lab.ok(&["--config", &config, "status", "--format", "json"])).unwrap();
    for row in status["conservation"].as_array().unwrap() {
        assert_eq!(row["difference"], "0", "{row}");
    }

    let mut shown = String::new();
    let team = compare("team", &by(lab, directory, "team"), &listed(&truth, "teams"), 0.01, &mut shown);
    // Costs without a workload or a table are other things' costs.
    let named = |mut costs: Costs| {
        costs.remove("");
        costs
    };
    let workloads = listed(&truth, "workloads");
    let workload =
        compare("workload", &named(by(lab, directory, "workload")), &workloads, 10.0 * days, &mut shown);
    // What the product gives to a table are its bytes, its runs and its requests; the truth
    // lists the last apart, beside those of buckets.
    let mut tables = listed(&truth, "tables");
    for (name, cost) in listed(&truth, "requests") {
        if let Some(table) = tables.get_mut(&name) {
            *table += cost;
        }
    }
    let table = compare("table", &named(by(lab, directory, "table")), &tables, 10.0 * days, &mut shown);
    let mut categories = Costs::new();
    for row in exported(lab, directory, &["--by", "team,category"]) {
        let name = format!("{} {}", row["team"].as_str().unwrap(), row["category"].as_str().unwrap());
        *categories.entry(name).or_default() += row["cost"].as_str().unwrap().parse::<f64>().unwrap();
    }
    let mut true_categories = Costs::new();
    for cost in all_of(&truth, "teams") {
        let team = cost["name"].as_str().unwrap();
        let team = if team.is_empty() { "(none)" } else { team };
        let name = format!("{team} {}", cost["category"].as_str().unwrap());
        *true_categories.entry(name).or_default() += cost["effective_usd"].as_f64().unwrap();
    }
    let category = compare("team and category", &categories, &true_categories, 10.0 * days, &mut shown);
    // Not `eprintln!`: the test runner swallows that for tests that pass.
    let _ = std::io::stderr().write_all(shown.as_bytes());
    assert!(team <= 1.0, "a team is off by {team:.3}%\n{shown}");
    assert!(workload <= 2.0, "a workload is off by {workload:.3}%\n{shown}");
    assert!(table <= 2.0, "a table is off by {table:.3}%\n{shown}");
    category
}

#[test]
fn a_second_start_reuses_the_demo_and_other_options_are_refused() {
    let lab = Lab::with_config("");
    let first = demo(&lab, &["--days", "7"]);
    assert!(first.contains("wrote 7 days of raw exports to 2026-11-08"), "{first}");
    let second = demo(&lab, &[]);
    assert!(second.contains("reusing the demo in demo"), "{second}");
    assert!(second.contains("is up to date"), "{second}");
    let other = lab.run(&["demo", "--no-serve", "--dir", "demo", "--seed", "2"]);
    assert_eq!(other.code, 2);
    assert!(
        other.stderr.contains("`demo` holds another demo: seed 1, scale 1, 7 days to 2026-11-08"),
        "{}",
        other.stderr
    );
    // What a stopped start left is made again; what is not the demo's is not touched.
    let mark = std::fs::read_to_string(lab.path("demo/demo.json")).unwrap();
    std::fs::write(lab.path("demo/demo.json"), mark.replace("\"done\": true", "\"done\": false")).unwrap();
    assert!(demo(&lab, &["--days", "7"]).contains("wrote 7 days"));
    // A ledger of one's own looks like a demo's, but for the mark.
    std::fs::create_dir_all(lab.path("mine/ledger")).unwrap();
    std::fs::write(lab.path("mine/ledger/manifest.json"), "{}").unwrap();
    let refused = lab.run(&["demo", "--no-serve", "--dir", "mine"]);
    assert_eq!(refused.code, 2);
    assert!(refused.stderr.contains("`mine` holds files that are no demo"), "{}", refused.stderr);
    assert!(lab.path("mine/ledger/manifest.json").exists());
}

#[test]
fn a_seed_gives_the_same_platform_twice_and_another_seed_another() {
    let lab = Lab::with_config("");
    let total = |seed: &str, dir: &str| {
        let ran = lab.run(&[
            "demo",
            "--generate-only",
            "--dir",
            dir,
            "--end",
            "2026-11-08",
            "--days",
            "7",
            "--seed",
            seed,
        ]);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        std::fs::read_to_string(lab.path(&format!("{dir}/truth/costs.json"))).unwrap()
    };
    let first = total("5", "a");
    assert_eq!(first, total("5", "b"));
    assert_ne!(first, total("6", "c"));
}

#[test]
fn a_landed_month_is_attributed_to_the_cent() {
    let lab = Lab::with_config("");
    let ran = lab.run(&["demo", "--landed", "--no-serve", "--dir", "month", "--end", "2026-10-31"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stderr.contains("100,000 rows"), "{}", ran.stderr);
    let status: serde_json::Value =
        serde_json::from_str(&lab.ok(&["--config", "month/lakeledger.toml", "status", "--format", "json"]))
            .unwrap();
    assert!(!status["conservation"].as_array().unwrap().is_empty());
    for row in status["conservation"].as_array().unwrap() {
        assert_eq!(row["difference"], "0", "{row}");
    }
}
