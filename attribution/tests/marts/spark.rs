//! Spark runs the models on golden cases and finds the rows DuckDB found.
//!
//! A case takes Spark half a minute, nearly all of it planning: it runs those that random ledgers and the lab, which it
//! always runs, have nothing of, and these with `LAKELEDGER_THOROUGH=1` alone. `LAKELEDGER_SPARK_CASES=all` runs every
//! case.

use std::path::Path;

/// Lineage, names of tables that changed, orchestrators, inventories, netting, owners and told usage.
const CHOSEN: &[&str] = &[
    "airflow_retry_pays_each_try",
    "lineage_fills_what_logs_leave_open",
    "maestro_foreach_iteration",
    "owners_by_regex",
    "owners_of_files",
    "owners_of_runs",
    "savings_plan_netting",
    "storage_by_inventory",
    "stream_deployed_again",
    "table_under_another_name",
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
    if !all && !thorough {
        let note = b"golden cases are not looked at on Spark: LAKELEDGER_THOROUGH=1 looks at twelve\n";
        let _ = std::io::Write::write_all(&mut std::io::stderr(), note);
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let mut ledgers = Vec::new();
    for case in crate::common::cases() {
        let name = case.file_name().unwrap();
        if !all && !CHOSEN.iter().any(|chosen| name == *chosen) {
            continue;
        }
        let (ledger, rules) = crate::common::case(&case);
        let export = directory.path().join(name);
        ledger.costed(&rules).export(&export).unwrap_or_else(|error| panic!("{}: {error}", case.display()));
        ledgers.push(export);
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("spark/run_models.py");
    let ran = std::process::Command::new(python).arg(script).args(ledgers).output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{said}");
}
