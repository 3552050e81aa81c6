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
    let lab = Lab::new();
    lab.ok(&["run"]);
    lab
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
        assert!(!lab.path(&format!("{file}.tmp")).exists());
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
    assert!(!lab.path("again.csv.tmp").exists());
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
