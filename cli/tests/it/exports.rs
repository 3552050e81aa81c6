//! Exports of costs in every format: the same totals as the bill, whole or not at all, in files
//! and in buckets.

use std::collections::BTreeMap;
use std::fs;

use fixtures::s3::{ACCESS_KEY, S3Server, SECRET_KEY};
use model::Amount;

use crate::lab::{Lab, Ran, ran};

const BASES: [(&str, &str); 4] = [
    ("billed", "BilledCost"),
    ("effective", "EffectiveCost"),
    ("list", "ListCost"),
    ("contracted", "ContractedCost"),
];

fn lab() -> Lab {
    Lab::published()
}

type Row = BTreeMap<String, String>;

fn rows(csv: &str) -> Vec<Row> {
    csv::Reader::from_reader(csv.as_bytes()).deserialize().collect::<Result<_, _>>().unwrap()
}

fn sum(rows: &[Row], column: &str) -> Amount {
    rows.iter().map(|row| row[column].parse::<Amount>().unwrap()).sum()
}

/// What the bill charged, on one basis.
fn charged(lab: &Lab, basis: &str) -> Amount {
    sum(&rows(&lab.ok(&["export", "costs", "--basis", basis])), "cost")
}

#[test]
fn allocations_as_focus_sum_to_the_bill_on_every_basis() {
    let lab = lab();
    let focus = rows(&lab.ok(&["export", "costs", "--format", "focus"]));
    assert!(focus.len() > 50, "{}", focus.len());
    for (basis, column) in BASES {
        assert_eq!(sum(&focus, column), charged(&lab, basis), "{basis}");
    }
    // By what the bill does not say, too.
    let mut teams: BTreeMap<&str, Amount> = BTreeMap::new();
    for row in &focus {
        *teams.entry(row["x_team"].as_str()).or_default() += row["EffectiveCost"].parse().unwrap();
    }
    for row in rows(&lab.ok(&["export", "costs", "--by", "team"])) {
        let team = row["team"].replace("(none)", "");
        assert_eq!(teams[team.as_str()], row["cost"].parse().unwrap(), "{team}");
    }
    for row in &focus {
        let time = |column: &str| row[column].parse::<model::time::Instant>().unwrap();
        assert!(time("ChargePeriodStart") < time("ChargePeriodEnd"), "{row:?}");
        assert!(time("BillingPeriodStart") < time("BillingPeriodEnd"), "{row:?}");
        for column in [
            "BillingAccountId",
            "BillingCurrency",
            "ChargeCategory",
            "ProviderName",
            "ServiceName",
            "x_method",
            "x_pool",
        ] {
            assert!(!row[column].is_empty(), "{column} of {row:?}");
        }
    }
    // Filters and days leave what they leave of any export.
    let of = ["--where", "team=growth", "--from", "2026-10-05", "--to", "2026-10-06"];
    let mut arguments = vec!["export", "costs"];
    arguments.extend(of);
    let costs = sum(&rows(&lab.ok(&arguments)), "cost");
    arguments.extend(["--format", "focus"]);
    assert_eq!(sum(&rows(&lab.ok(&arguments)), "EffectiveCost"), costs);

    for wrong in [&["--by", "team"][..], &["--shared", "even"], &["--idle", "proportional"]] {
        let mut arguments = vec!["export", "costs", "--format", "focus"];
        arguments.extend(wrong);
        assert_eq!(lab.run(&arguments).code, 2, "{wrong:?}");
    }
}

#[test]
fn every_format_holds_the_same_rows() {
    let lab = lab();
    let by = ["export", "costs", "--by", "day,service,team"];
    let ask = |more: &[&str]| {
        let mut arguments = by.to_vec();
        arguments.extend(more);
        lab.ok(&arguments)
    };
    let csv = rows(&ask(&[]));
    assert_eq!(sum(&csv, "cost"), charged(&lab, "effective"));
    let json: Vec<Row> = serde_json::from_str(&ask(&["--format", "json"])).unwrap();
    assert_eq!(json, csv);
    for (format, file, magic) in [("parquet", "costs.parquet", "PAR1"), ("xlsx", "costs.xlsx", "PK")] {
        ask(&["--format", format, "-o", file]);
        let written = fs::read(lab.path(file)).unwrap();
        assert!(written.starts_with(magic.as_bytes()), "{format}");
        assert!(!lab.has_leftovers());
        // The same to standard output.
        let mut arguments = by.to_vec();
        arguments.extend(["--format", format]);
        let output = lab.command(&arguments).output().unwrap();
        assert!(output.status.success() && output.stdout.starts_with(magic.as_bytes()), "{format}");
    }
    // What fails leaves what was there.
    ask(&["-o", "again.csv"]);
    let before = fs::read(lab.path("again.csv")).unwrap();
    let twice = lab.run(&["export", "costs", "--by", "team,team", "-o", "again.csv"]);
    assert!(twice.code == 2 && twice.stderr.contains("`team` is asked for twice"), "{}", twice.stderr);
    assert_eq!(fs::read(lab.path("again.csv")).unwrap(), before);
    assert!(!lab.has_leftovers());
}

#[test]
fn two_who_write_one_file_leave_one_of_them_whole() {
    let lab = lab();
    let by_team = ["export", "costs", "--by", "run,day,table", "-o"];
    let by_day = ["export", "costs", "--by", "day,service,category", "-o"];
    let alone: Vec<Vec<u8>> = [(by_team, "a.csv"), (by_day, "b.csv")]
        .iter()
        .map(|(arguments, file)| {
            lab.ok(&[arguments.as_slice(), &[*file]].concat());
            fs::read(lab.path(file)).unwrap()
        })
        .collect();
    for _ in 0..5 {
        let begun = [by_team, by_day]
            .map(|arguments| lab.command(&[arguments.as_slice(), &["same.csv"]].concat()).spawn().unwrap());
        for mut child in begun {
            assert!(child.wait().unwrap().success());
        }
        assert!(alone.contains(&fs::read(lab.path("same.csv")).unwrap()));
        assert!(!lab.has_leftovers());
    }
}

#[test]
fn a_file_is_what_its_name_says() {
    let lab = lab();
    let begins = |name: &str| {
        lab.ok(&["export", "costs", "--by", "team", "-o", name]);
        fs::read(lab.path(name)).unwrap()[..4].to_vec()
    };
    assert_eq!(begins("costs.xlsx"), b"PK\x03\x04");
    assert_eq!(begins("costs.parquet"), b"PAR1");
    assert_eq!(begins("costs.JSON")[..1], *b"[");
    assert_eq!(begins("costs.csv"), b"team");
    assert_eq!(begins("costs.txt"), b"team");
    let ran = lab.run(&["export", "costs", "-o", "costs.xls"]);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    assert!(ran.stderr.contains("`costs.xls` does not say in which format"), "{}", ran.stderr);
    assert!(!lab.path("costs.xls").exists());
    let ran = lab.run(&["export", "costs", "--format", "csv", "-o", "other.xlsx"]);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    assert!(ran.stderr.contains("--format csv does not fit an output that ends in .xlsx"), "{}", ran.stderr);
    assert!(!lab.path("other.xlsx").exists());
}

#[test]
fn an_object_of_a_bucket_is_written_whole_or_not_at_all() {
    let buckets = tempfile::tempdir().unwrap();
    fs::create_dir(buckets.path().join("finance")).unwrap();
    let server = S3Server::start(buckets.path()).unwrap();
    let lab = lab();
    let config = lab.path("lakeledger.toml");
    let text = fs::read_to_string(&config).unwrap();
    let export = format!(
        "\n[export]\nregion = \"us-east-1\"\nendpoint = \"{}\"\npath_style = true\n",
        server.endpoint()
    );
    fs::write(&config, text + &export).unwrap();
    let send = |uri: &str, format: &str, secret: &str| -> Ran {
        let mut command = lab.command(&["export", "costs", "--by", "team", "--format", format, "-o", uri]);
        command.env("AWS_ACCESS_KEY_ID", ACCESS_KEY).env("AWS_SECRET_ACCESS_KEY", secret);
        ran(command.output().unwrap())
    };
    let mut runs = lab.command(&["export", "runs", "-o", "s3://finance/runs.csv"]);
    runs.env("AWS_ACCESS_KEY_ID", ACCESS_KEY).env("AWS_SECRET_ACCESS_KEY", SECRET_KEY);
    assert_eq!(ran(runs.output().unwrap()).code, 0);
    let found = fs::read_to_string(buckets.path().join("finance/runs.csv")).unwrap();
    assert_eq!(found, lab.ok(&["export", "runs", "--format", "csv"]));
    for format in ["csv", "json"] {
        let sent = send(&format!("s3://finance/costs/october.{format}"), format, SECRET_KEY);
        assert_eq!(sent.code, 0, "{}", sent.stderr);
        let found =
            fs::read_to_string(buckets.path().join(format!("finance/costs/october.{format}"))).unwrap();
        assert_eq!(found, lab.ok(&["export", "costs", "--by", "team", "--format", format]));
    }
    for (uri, format, secret, says) in [
        ("s3://finance/secret.csv", "csv", "wrong", "could not write `s3://finance/secret.csv`"),
        ("s3://finance/secret.parquet", "parquet", "wrong", "could not write `s3://finance/secret.parquet`"),
        ("s3://finance/", "csv", SECRET_KEY, "it names no object"),
        ("s3://finance", "csv", SECRET_KEY, "it names no object"),
    ] {
        let refused = send(uri, format, secret);
        assert!(refused.code == 2 && refused.stderr.contains(says), "{uri}: {}", refused.stderr);
    }
    let mut found: Vec<_> = fs::read_dir(buckets.path().join("finance/costs"))
        .unwrap()
        .map(|it| it.unwrap().file_name())
        .collect();
    found.sort();
    assert_eq!(found, ["october.csv", "october.json"]);
    assert!(!buckets.path().join("finance/secret.csv").exists());
}

/// A lab with an export that is scheduled, and more of it.
fn scheduled(more: &str) -> Lab {
    let lab = lab();
    let config = lab.path("lakeledger.toml");
    let text = fs::read_to_string(&config).unwrap();
    let head = "\n[[schedule]]\nname = \"finance\"\njob = \"export\"\ncron = \"0 6 29 2 *\"\n";
    fs::write(&config, format!("{text}{head}{more}")).unwrap();
    lab
}

/// The newest run of the history: its outcome and what is said of it.
fn newest_run(lab: &Lab) -> (String, String) {
    let history: Vec<serde_json::Value> =
        serde_json::from_str(&lab.ok(&["schedule", "history", "--format", "json"])).unwrap();
    let of = |key: &str| history[0][key].as_str().unwrap_or_default().to_owned();
    assert_eq!(of("job"), "export");
    (of("outcome"), of("note"))
}

#[test]
fn a_scheduled_export_has_the_days_that_are_closed_and_the_history_names_its_file() {
    let lab = scheduled(
        "days = \"all\"\nby = [\"day\", \"team\"]\nwhere = \"category=usage\"\nbasis = \"billed\"\nidle = \"keep\"\n\
         output = \"out/{month}/costs-{first}-{last}.csv\"\n",
    );
    for _ in 0..2 {
        let ran = lab.run(&["schedule", "run", "finance"]);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
    }
    let (outcome, note) = newest_run(&lab);
    assert_eq!(outcome, "done");
    // The bill has gone on past the first of its two days alone.
    let file = "out/2026-10/costs-2026-10-05-2026-10-05.csv";
    assert!(note.contains(file) && note.ends_with(", 2026-10-05 to 2026-10-05"), "{note}");
    let by_hand = lab.ok(&[
        "export",
        "costs",
        "--by",
        "day,team",
        "--where",
        "category=usage",
        "--basis",
        "billed",
        "--idle",
        "keep",
        "--from",
        "2026-10-05",
        "--to",
        "2026-10-06",
    ]);
    assert_eq!(fs::read_to_string(lab.path(file)).unwrap(), by_hand);
    let others: Vec<_> = fs::read_dir(lab.path("out/2026-10")).unwrap().collect();
    assert_eq!(others.len(), 1, "nothing else is left there: {others:?}");
    let listed = lab.ok(&["schedule"]);
    assert!(listed.contains("finance  export  0 6 29 2 *"), "{listed}");
}

#[test]
fn a_scheduled_export_of_days_that_are_still_to_come_writes_nothing_and_says_so() {
    let lab = scheduled("days = \"closed-month\"\nby = \"team\"\noutput = \"costs-{month}.xlsx\"\n");
    let ran = lab.run(&["schedule", "run", "finance"]);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    let (outcome, note) = newest_run(&lab);
    assert_eq!(
        (outcome.as_str(), note.as_str()),
        ("partial", "nothing written: closed-month is not whole yet, the newest closed day is 2026-10-05")
    );
    assert!(
        !fs::read_dir(lab.path(".")).unwrap().any(|it| it
            .unwrap()
            .file_name()
            .to_str()
            .unwrap()
            .ends_with("xlsx"))
    );
    // A directory that is a file is no place to write to.
    let lab = scheduled("days = \"all\"\noutput = \"lakeledger.toml/costs.csv\"\n");
    let ran = lab.run(&["schedule", "run", "finance"]);
    assert_eq!(ran.code, 2, "{}", ran.stderr);
    let (outcome, note) = newest_run(&lab);
    assert!(outcome == "failed" && note.contains("could not create the directory"), "{outcome}: {note}");
}

#[test]
fn a_scheduled_export_is_an_object_of_a_bucket() {
    let buckets = tempfile::tempdir().unwrap();
    fs::create_dir(buckets.path().join("finance")).unwrap();
    let server = S3Server::start(buckets.path()).unwrap();
    let lab = scheduled(&format!(
        "days = \"last-7-days\"\nformat = \"focus\"\noutput = \"s3://finance/lake/{{week}}.csv\"\n\
         [export]\nregion = \"us-east-1\"\nendpoint = \"{}\"\npath_style = true\n",
        server.endpoint()
    ));
    let mut command = lab.command(&["schedule", "run", "finance"]);
    command.env("AWS_ACCESS_KEY_ID", ACCESS_KEY).env("AWS_SECRET_ACCESS_KEY", SECRET_KEY);
    let ran = ran(command.output().unwrap());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(newest_run(&lab).1.contains("s3://finance/lake/2026-W41.csv"), "{:?}", newest_run(&lab));
    let written = rows(&fs::read_to_string(buckets.path().join("finance/lake/2026-W41.csv")).unwrap());
    let closed = lab.ok(&["export", "costs", "--from", "2026-10-05", "--to", "2026-10-06"]);
    assert_eq!(sum(&written, "EffectiveCost"), sum(&rows(&closed), "cost"));
}

#[test]
fn tables_workloads_and_runs_are_written_as_their_file_is_called() {
    let lab = lab();
    for what in ["tables", "workloads", "runs"] {
        let json: Vec<serde_json::Value> = serde_json::from_str(&lab.ok(&["export", what])).unwrap();
        let file = format!("{what}.csv");
        lab.ok(&["export", what, "-o", &file]);
        let csv = fs::read_to_string(lab.path(&file)).unwrap();
        let found = rows(&csv);
        assert!(!found.is_empty());
        // Every figure of the objects is there, and nothing beside them.
        for (object, row) in json.iter().zip(&found) {
            let object = object.as_object().unwrap();
            let costs = object.get("costs").and_then(|costs| costs[0].as_object());
            let fields = object.iter().chain(costs.into_iter().flatten()).filter(|(key, _)| *key != "costs");
            let fields: Vec<_> = fields.collect();
            for (key, value) in &fields {
                let text = match value {
                    serde_json::Value::Null => String::new(),
                    serde_json::Value::String(text) => text.clone(),
                    other => other.to_string(),
                };
                assert_eq!(row[*key].trim_start_matches('\''), text, "{what}: {key}");
            }
            let known: std::collections::BTreeSet<&str> =
                fields.iter().map(|(key, _)| key.as_str()).collect();
            let empty = |key: &str| costs.is_none() && row[key].is_empty();
            assert!(row.keys().all(|key| known.contains(key.as_str()) || empty(key)), "{what}: {row:?}");
        }
        let named = format!("{what}.json");
        lab.ok(&["export", what, "-o", &named]);
        let written: Vec<serde_json::Value> =
            serde_json::from_str(&fs::read_to_string(lab.path(&named)).unwrap()).unwrap();
        assert_eq!(written, json);
        let refused = lab.run(&["export", what, "-o", &format!("{what}.xlsx")]);
        assert_eq!(refused.code, 2);
        assert!(refused.stderr.contains("this export is not written as .xlsx"), "{}", refused.stderr);
        for (format, name) in [("json", "x.csv"), ("csv", "x.xlsx")] {
            let contradicted = lab.run(&["export", what, "--format", format, "-o", name]);
            assert!(contradicted.code == 2 && !lab.path(name).exists(), "{}", contradicted.stderr);
        }
        // A date is no ending.
        let dated = format!("{what}.2026-10");
        lab.ok(&["export", what, "-o", &dated]);
        assert_eq!(fs::read(lab.path(&dated)).unwrap(), fs::read(lab.path(&named)).unwrap());
    }
    // What every workload cost is what runs cost, in either format.
    let cost = sum(&rows(&fs::read_to_string(lab.path("workloads.csv")).unwrap()), "cost");
    let usage = rows(&lab.ok(&["export", "costs", "--where", "category=usage"]));
    assert_eq!(cost, sum(&usage, "cost"));
    lab.ok(&["export", "ownership", "-o", "owners.json"]);
    assert!(fs::read_to_string(lab.path("owners.json")).unwrap().starts_with('['));
}

#[test]
fn runs_are_kept_by_what_a_run_has_one_of() {
    let lab = lab();
    let all = rows(&lab.ok(&["export", "runs", "--format", "csv"]));
    for column in ["team", "workload", "cluster"] {
        let value = all.iter().map(|row| row[column].as_str()).find(|value| !value.is_empty()).unwrap();
        let filter = format!("{column}={value}");
        let kept = rows(&lab.ok(&["export", "runs", "--format", "csv", "--where", &filter]));
        let expected: Vec<&Row> = all.iter().filter(|row| row[column] == value).collect();
        assert!(!expected.is_empty() && expected.len() < all.len(), "{filter}");
        assert_eq!(kept.iter().collect::<Vec<_>>(), expected, "{filter}");
    }
    let day = &all[0]["started_at"][..10];
    let of_a_day = rows(&lab.ok(&["export", "runs", "--format", "csv", "--to", day]));
    assert!(of_a_day.is_empty(), "runs stand by their start, and {day} is the first day");
    for (filter, says) in [
        (vec!["service=AmazonS3"], "runs cannot be kept by service"),
        (vec!["team=growth", "team=content"], "no run has two values of team"),
    ] {
        let mut arguments = vec!["export", "runs"];
        arguments.extend(filter.iter().flat_map(|filter| ["--where", filter]));
        let refused = lab.run(&arguments);
        assert!(refused.code == 2 && refused.stderr.contains(says), "{}", refused.stderr);
    }
}

#[test]
fn an_export_that_fails_leaves_nothing_behind() {
    // Without a mart, whatever is asked for.
    let lab = Lab::new();
    for what in ["costs", "tables", "workloads", "runs", "ownership"] {
        let failed = lab.run(&["export", what, "-o", "out.csv"]);
        assert_ne!(failed.code, 0);
        assert!(!lab.has_leftovers() && !lab.path("out.csv").exists(), "{what}");
    }
}
