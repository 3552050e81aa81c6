//! Tables that Spark applications read and wrote, against what wrote them and against the
//! tables' own snapshots.

use std::collections::BTreeMap;

use model::landed::Dataset;
use serde_json::{Value, json};

use crate::support::{Landed, fixture, gunzip, read, samples, write};

const KIND: &str = "spark-event-log";

/// (table, access) and (bytes, rows, files).
fn tables(landed: &Landed) -> BTreeMap<(String, String), [Option<i64>; 3]> {
    let rows = landed.rows(Dataset::RunTables);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let of = |row: &crate::frames::Row| {
        let numbers = ["bytes", "row_count", "files"].map(|column| row[column].as_i64());
        ((text(&row["table_name"]), text(&row["access"])), numbers)
    };
    rows.iter().map(of).collect()
}

#[test]
fn tables_made_by_path_bear_their_names_and_their_bytes_are_the_applications_output() {
    let directory = tempfile::tempdir().unwrap();
    let log = std::fs::read(fixture("runs/spark/local-1795164821395.zstd")).unwrap();
    write(directory.path(), "local-1795164821395.zstd", log);
    let landed = read(KIND, directory.path());
    let tables = tables(&landed);
    let names: Vec<_> = tables.keys().map(|(name, access)| (name.as_str(), access.as_str())).collect();
    // The application saves title_score (200,000 rows) and makes title_rank from it, of which
    // it reads all. Spark 4 prints neither name where it writes.
    assert_eq!(
        names,
        [
            ("spark_catalog.dse.title_rank", "read"),
            ("spark_catalog.dse.title_rank", "write"),
            ("spark_catalog.dse.title_score", "read"),
            ("spark_catalog.dse.title_score", "write"),
        ]
    );
    let written = |table: &str| tables[&(table.to_owned(), "write".to_owned())];
    assert_eq!(written("spark_catalog.dse.title_score")[1], Some(200_000));
    // The history server's output bytes, 3,633,972, come from the tasks, ours from the plans.
    let bytes: i64 =
        tables.iter().filter(|((_, access), _)| access == "write").filter_map(|(_, sums)| sums[0]).sum();
    assert_eq!((bytes, &landed.run()["output_bytes"]), (3_633_972, &3_633_972.into()));
}

#[test]
fn what_iceberg_tables_were_written_is_what_their_snapshots_added() {
    let Some(directory) = samples("runs/spark/made/iceberg") else { return };
    let landed = read(KIND, &directory);
    let written = tables(&landed);
    let mut compared = 0;
    for (folder, table) in [
        ("jv_etl.country_day", "lake.etl.country_day"),
        ("jv_evo.partition_fields", "lake.evo.partition_fields"),
        ("jv_fmt.orc_table", "lake.fmt.orc_table"),
        ("jv_mor.playback_state", "lake.mor.playback_state"),
        ("jv_mor.rewritten_state", "lake.mor.rewritten_state"),
        ("jv_paths.object_store", "lake.paths.object_store"),
        ("jv_refs.wap_audit", "lake.refs.wap_audit"),
        ("jv_stats.puffin_dim", "lake.stats.puffin_dim"),
        ("jv_v3.upgraded", "lake.v3.upgraded"),
        ("jv_v3.viewer_profiles", "lake.v3.viewer_profiles"),
    ] {
        let path = samples(&format!("tables/iceberg/{folder}/inspect/snapshots.jsonl.gz")).unwrap();
        let mut want = [0, 0];
        for line in gunzip(&path).lines() {
            let summary = serde_json::from_str::<Value>(line).unwrap()["summary"].clone();
            // pyiceberg prints a map as a list of pairs.
            let pairs = summary.as_array().unwrap();
            let number = |key: &str| {
                let pair = pairs.iter().find(|pair| pair[0] == key);
                pair.map_or(0, |pair| pair[1].as_str().unwrap().parse::<i64>().unwrap())
            };
            // Tasks that write row changes report no bytes: such snapshots cannot be told.
            if number("added-delete-files") == 0 {
                want[0] += number("added-files-size");
                want[1] += number("added-records");
            }
        }
        let [bytes, rows, _] = written[&(table.to_owned(), "write".to_owned())];
        assert_eq!([bytes, rows], want.map(Some), "{table}");
        compared += 1;
    }
    assert_eq!(compared, 10);
    // Row changes name their table by the scan that found the rows: none is written namelessly.
    assert!(written.keys().all(|(name, _)| !name.contains('@')));
}

#[test]
fn files_that_were_read_are_named_by_their_directory() {
    let Some(directory) = samples("runs/spark/made/zstd") else { return };
    let tables = tables(&read(KIND, &directory));
    let reads: Vec<_> = tables
        .keys()
        .filter(|(_, access)| access == "read")
        .map(|(name, _)| name.rsplit('/').next().unwrap())
        .collect();
    assert_eq!(reads, ["agg_country_day", "dim_customer", "fact_play"]);
    // Spark 4.1's task metrics would say less than a hundredth of the bytes.
    let fact_play = tables.iter().find(|((name, _), _)| name.ends_with("/fact_play")).unwrap().1;
    assert!(fact_play[0].unwrap() > 100_000_000, "{fact_play:?}");
}

fn execution(id: i64, root: i64, plan: &Value) -> String {
    json!({"Event": "org.apache.spark.sql.execution.ui.SparkListenerSQLExecutionStart", "executionId": id, "rootExecutionId": root, "time": 1_795_165_200_000_i64, "sparkPlanInfo": plan}).to_string()
}

fn ended(id: i64, error: &str) -> String {
    json!({"Event": "org.apache.spark.sql.execution.ui.SparkListenerSQLExecutionEnd", "executionId": id, "time": 1_795_165_200_001_i64, "errorMessage": error}).to_string()
}

fn driver_values(id: i64, updates: &[(i64, i64)]) -> String {
    json!({"Event": "org.apache.spark.sql.execution.ui.SparkListenerDriverAccumUpdates", "executionId": id, "accumUpdates": updates}).to_string()
}

fn scan(table: &str, bytes: i64) -> Value {
    json!({"nodeName": format!("BatchScan {table}"), "simpleString": "", "children": [], "metadata": {}, "metrics": [{"name": "total data file size (bytes)", "accumulatorId": bytes, "metricType": "x"}]})
}

fn append(table: &str, children: Vec<Value>) -> Value {
    json!({"nodeName": "AppendData", "simpleString": format!("AppendData x, IcebergWrite(table={table}, format=PARQUET)"), "children": children, "metadata": {}, "metrics": []})
}

fn read_events(events: Vec<String>) -> Landed {
    let mut lines = vec![
        json!({"Event": "SparkListenerApplicationStart", "App Name": "x", "App ID": "app-1", "Timestamp": 1_795_165_127_977_i64}).to_string(),
    ];
    lines.extend(events);
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), "app-1", lines.join("\n") + "\n");
    read(KIND, directory.path())
}

#[test]
fn a_failed_write_wrote_nothing_and_a_cached_plan_is_read_once() {
    let landed = read_events(vec![
        execution(1, 1, &append("lake.a.failed", vec![scan("lake.a.source", 10)])),
        driver_values(1, &[(10, 500)]),
        ended(1, "commit conflict"),
        // The same scan from a cache, with its first accumulator, and a scan that never ran.
        execution(2, 2, &append("lake.a.good", vec![scan("lake.a.source", 10), scan("lake.a.pruned", 11)])),
        ended(2, ""),
        // A plan that is replaced while it runs counts as it ended.
        execution(3, 3, &scan("lake.a.first_idea", 12)),
        driver_values(3, &[(12, 1), (13, 7)]),
        json!({"Event": "org.apache.spark.sql.execution.ui.SparkListenerSQLAdaptiveExecutionUpdate", "executionId": 3, "sparkPlanInfo": scan("lake.a.second_idea", 13)}).to_string(),
        ended(3, ""),
        // Not over yet.
        execution(4, 4, &append("lake.a.unfinished", vec![])),
    ]);
    let tables = tables(&landed);
    let seen: Vec<_> =
        tables.iter().map(|((name, access), sums)| (name.as_str(), access.as_str(), sums[0])).collect();
    assert_eq!(
        seen,
        [
            ("lake.a.good", "write", None),
            ("lake.a.second_idea", "read", Some(7)),
            ("lake.a.source", "read", Some(500)),
        ]
    );
}

#[test]
fn a_table_created_from_a_query_is_one_table_under_its_full_name() {
    let create = json!({"nodeName": "AtomicCreateTableAsSelect", "simpleString": "AtomicCreateTableAsSelect org.apache.iceberg.spark.SparkCatalog@7ab189f1, etl.day, Aggregate [x]", "children": [], "metadata": {}, "metrics": []});
    let landed = read_events(vec![
        execution(1, 1, &create),
        execution(2, 1, &append("etl.day", vec![])),
        ended(2, ""),
        ended(1, ""),
        execution(3, 3, &append("lake.etl.day", vec![])),
        ended(3, ""),
    ]);
    let names: Vec<_> = tables(&landed).into_keys().collect();
    assert_eq!(names, [("lake.etl.day".to_owned(), "write".to_owned())]);
}

#[test]
fn a_plan_nested_too_deep_costs_its_tables_and_nothing_else() {
    let mut plan = scan("lake.a.deep", 1);
    for _ in 0..200 {
        plan = json!({"nodeName": "Project", "simpleString": "", "children": [plan], "metadata": {}, "metrics": []});
    }
    let landed = read_events(vec![execution(1, 1, &plan), ended(1, "")]);
    assert_eq!(landed.codes(), [("malformed-event", 1), ("truncated-log", 1)]);
    assert!(landed.warnings()[0].message.contains("nested too deep"), "{:?}", landed.warnings());
    assert_eq!(landed.run()["run_id"], "app-1");
}
