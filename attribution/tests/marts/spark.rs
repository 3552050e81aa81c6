//! Spark runs the models on golden cases and finds the rows DuckDB found.
//!
//! A case takes Spark half a minute, nearly all of it planning: without more words it runs some of
//! those that random ledgers have nothing of, all of these with `LAKELEDGER_THOROUGH=1`.
//! `LAKELEDGER_SPARK_CASES=all` runs every case.

use std::path::Path;

/// Lineage, and names of tables that changed.
const FEW: &[&str] = &["lineage_fills_what_logs_leave_open", "table_under_another_name"];

/// Orchestrators, inventories, netting, owners and told usage.
const MORE: &[&str] = &[
    "airflow_retry_pays_each_try",
    "maestro_foreach_iteration",
    "owners_by_regex",
    "owners_of_files",
    "owners_of_runs",
    "savings_plan_netting",
    "storage_by_inventory",
    "stream_deployed_again",
    "usage_kafka_by_topic",
    "yarn_attempts_of_a_step",
];

#[test]
fn spark_finds_the_same_rows_in_golden_cases() {
    let Some(python) = std::env::var_os("LAKELEDGER_PYSPARK") else {
        let note = b"skipped: LAKELEDGER_PYSPARK (a Python that has pyspark) is not set\n";
        let _ = std::io::Write::write_all(&mut std::io::stderr(), note);
        return;
    };
    let is_set = |name, value| std::env::var(name).is_ok_and(|set| set == value);
    let (all, thorough) = (is_set("LAKELEDGER_SPARK_CASES", "all"), is_set("LAKELEDGER_THOROUGH", "1"));
    let chosen: Vec<&str> = FEW.iter().chain(MORE.iter().filter(|_| thorough)).copied().collect();
    if !thorough {
        let note = b"two golden cases on Spark of twelve: LAKELEDGER_THOROUGH=1 looks at all\n";
        let _ = std::io::Write::write_all(&mut std::io::stderr(), note);
    }
    let directory = tempfile::tempdir().unwrap();
    let mut ledgers = Vec::new();
    for case in crate::common::cases() {
        let name = case.file_name().unwrap();
        if !all && !chosen.iter().any(|chosen| name == *chosen) {
            continue;
        }
        let (ledger, rules) = crate::common::case(&case);
        let export = directory.path().join(name);
        ledger.built(&rules).export(&export).unwrap_or_else(|error| panic!("{}: {error}", case.display()));
        ledgers.push(export);
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("spark/run_models.py");
    let ran = std::process::Command::new(python).arg(script).args(ledgers).output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{said}");
}
