//! The models on the lab: every key holds, and Spark finds the rows DuckDB found.

use std::path::Path;
use std::process::Command;

use attribution::engine::{Builder, Kept};
use attribution::publish::read_manifest;

use crate::lab::{Lab, ran};

/// The lab's ledger with every model built, in memory.
fn built(lab: &Lab) -> Builder {
    lab.ok(&["run"]);
    let config = cli::config::load(&lab.path("lakeledger.toml")).unwrap();
    let manifest = read_manifest(&config.ledger).unwrap();
    let builder = Builder::create(Path::new(":memory:"), &lab.path("scratch")).unwrap();
    builder.attach(&config.ledger, &manifest).unwrap();
    builder.load_rules(&config.rules, &manifest, "2026-11-20T12:00:00Z".parse().unwrap(), "lab").unwrap();
    builder.build(Kept::All, |_| {}).unwrap();
    builder
}

#[test]
fn every_model_of_the_lab_keeps_its_keys() {
    assert_eq!(built(&Lab::new()).broken_keys().unwrap(), Vec::<String>::new());
}

#[test]
fn spark_finds_the_same_rows_in_the_lab() {
    let Some(python) = std::env::var_os("LAKELEDGER_PYSPARK") else {
        println!("skipped: LAKELEDGER_PYSPARK (a Python that has pyspark) is not set");
        return;
    };
    let lab = Lab::new();
    let export = lab.path("spark");
    built(&lab).export(&export).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../attribution/spark/run_models.py");
    let found = ran(Command::new(python).arg(script).arg(export).output().unwrap());
    assert_eq!(found.code, 0, "{}\n{}", found.stdout, found.stderr);
}
