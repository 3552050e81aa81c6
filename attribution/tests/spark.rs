//! Spark runs the models on every golden case and finds the rows DuckDB found.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot be set up has failed")]

mod common;

use std::path::Path;

#[test]
fn spark_finds_the_same_rows_in_every_case() {
    let Some(python) = std::env::var_os("LAKELEDGER_PYSPARK") else {
        let note = b"skipped: LAKELEDGER_PYSPARK (a Python that has pyspark) is not set\n";
        let _ = std::io::Write::write_all(&mut std::io::stderr(), note);
        return;
    };
    let directory = tempfile::tempdir().unwrap();
    let mut ledgers = Vec::new();
    for case in common::cases() {
        let (ledger, rules) = common::case(&case);
        let export = directory.path().join(case.file_name().unwrap());
        let builder = ledger.built(&rules);
        builder.export(&export).unwrap_or_else(|error| panic!("{}: {error}", case.display()));
        ledgers.push(export);
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("spark/run_models.py");
    let ran = std::process::Command::new(python).arg(script).args(ledgers).output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{said}");
}
