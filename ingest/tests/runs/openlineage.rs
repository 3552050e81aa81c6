//! OpenLineage: events that real integrations sent, against the engines' own records.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use fixtures::platform::facts::{Day, LakeDay, Outcome};
use fixtures::raw::Writer;
use fixtures::raw::openlineage::OpenLineageEvents;
use ingest::source::SourceOptions;
use model::landed::Dataset;
use serde_json::{Value, json};

use crate::airflow::{dag_run, paths};
use crate::frames::Row;
use crate::support::{Landed, now, read, read_with, samples, write};

const KIND: &str = "openlineage";

fn by_id(landed: &Landed) -> BTreeMap<String, Row> {
    let runs = landed.runs().into_iter();
    runs.map(|run| (format!("{}:{}", run["engine"].as_str().unwrap(), run["run_id"].as_str().unwrap()), run))
        .collect()
}

fn read_text(files: &[(&str, &str)]) -> Landed {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in files {
        write(directory.path(), name, text);
    }
    read(KIND, directory.path())
}

#[test]
fn events_of_airflow_are_the_runs_its_database_has() {
    let Some(events) = samples("runs/openlineage/events-airflow-3.1.8") else { return };
    let Some(database) = samples("runs/airflow/airflow-3.1.8") else { return };
    let landed = read(KIND, &events);
    assert!(
        landed.errors.is_empty() && landed.codes().is_empty(),
        "{:?} {:?}",
        landed.errors,
        landed.warnings()
    );
    let lineage = by_id(&landed);
    let native = by_id(&read("airflow", &database));
    // The provider tells of every try and every DAG run under the id Airflow's own export gives.
    let ids = |runs: &BTreeMap<String, Row>| runs.keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(ids(&lineage), ids(&native));
    for (id, run) in &lineage {
        let own = &native[id];
        for key in [
            "status",
            "workflow_id",
            "workflow_instance_id",
            "step_id",
            "attempt",
            "name",
            "trigger",
            "started_at",
        ] {
            assert_eq!(run[key], own[key], "{id} {key}");
        }
        // The last event follows the end of a task by less than a second.
        let late = run["ended_at"].as_i64().unwrap() - own["ended_at"].as_i64().unwrap();
        assert!((0..1000).contains(&late), "{id}: {late}");
        if !run["step_id"].is_null() {
            assert_eq!(run["owner"], own["owner"], "{id}");
        }
        assert_eq!((&run["vcore_ms"], &run["executors"]), (&json!(0), &json!(0)));
    }
    let failed = &lineage["airflow:playback_daily/scheduled__2026-11-17T00:00:00+00:00/spark_transform/1"];
    assert_eq!(failed["error"], "Bash command failed. The command returned a non-zero exit code 1.");
    let tags: BTreeSet<(String, String)> = landed
        .rows(Dataset::TagSets)
        .iter()
        .filter(|tag| tag["tag_set_id"] == failed["tag_set_id"])
        .map(|tag| (tag["key"].as_str().unwrap().to_owned(), tag["value"].as_str().unwrap().to_owned()))
        .collect();
    let want = [("cost_center", "4410"), ("dse", "true"), ("tier1", "true")];
    assert_eq!(tags, want.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect());
}

#[test]
fn an_application_and_its_queries_are_one_run() {
    let Some(directory) = samples("runs/openlineage/events/spark_dataproc_simple_producer_test_complete")
    else {
        return;
    };
    let landed = read(KIND, &directory);
    assert!(
        landed.errors.is_empty() && landed.codes().is_empty(),
        "{:?} {:?}",
        landed.errors,
        landed.warnings()
    );
    // As the 16 events say, read by eye.
    let run = landed.run();
    assert_eq!((&run["engine"], &run["run_id"]), (&json!("spark"), &json!("local-1729156674719")));
    assert_eq!((&run["name"], &run["user_name"]), (&json!("CLI test application"), &json!("root")));
    assert_eq!((&run["status"], &run["engine_version"]), (&json!("succeeded"), &json!("3.5.1")));
    assert_eq!(run["started_at"], json!(1_729_156_671_101_i64)); // 2024-10-17T09:17:51.101Z
    let touched: BTreeSet<(String, String, Option<i64>, Option<i64>)> = landed
        .rows(Dataset::RunTables)
        .iter()
        .map(|row| {
            let text = |key: &str| row[key].as_str().unwrap().to_owned();
            (text("table_name"), text("access"), row["bytes"].as_i64(), row["row_count"].as_i64())
        })
        .collect();
    // Two inserts of 2 rows and 8 bytes each; drops touch nothing.
    let row = |table: &str, access: &str, bytes: Option<i64>| {
        (table.to_owned(), access.to_owned(), bytes, bytes.map(|_| 2))
    };
    assert_eq!(
        touched,
        BTreeSet::from([
            row("default.t1", "read", None),
            row("default.t1", "write", Some(8)),
            row("default.t2", "write", Some(8)),
        ])
    );
    let options = SourceOptions { catalog: Some("spark_catalog".to_owned()), ..SourceOptions::default() };
    let named = read_with(KIND, &directory, &options, now());
    let tables: BTreeSet<String> = named
        .rows(Dataset::RunTables)
        .iter()
        .map(|row| row["table_name"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(
        tables,
        BTreeSet::from(["spark_catalog.default.t1".to_owned(), "spark_catalog.default.t2".to_owned()])
    );
}

#[test]
fn older_events_of_airflow_are_understood() {
    let Some(directory) = samples("runs/openlineage/events/airflow") else { return };
    let landed = read(KIND, &directory);
    assert!(landed.errors.is_empty(), "{:?}", landed.errors);
    let runs = by_id(&landed);
    let run = &runs["airflow:gcs_hook/manual__2024-11-26T13:10:35.729678+00:00/upload_from_file/1"];
    assert_eq!((&run["status"], &run["trigger"]), (&json!("succeeded"), &json!("manual")));
    let tables: Vec<(String, String)> = landed
        .rows(Dataset::RunTables)
        .iter()
        .filter(|row| row["run_id"] == run["run_id"])
        .map(|row| {
            (row["table_name"].as_str().unwrap().to_owned(), row["access"].as_str().unwrap().to_owned())
        })
        .collect();
    assert_eq!(
        tables,
        [
            ("file:/files/temp/data.txt".to_owned(), "read".to_owned()),
            ("gs://mock-bucket/uploaded_file.txt".to_owned(), "write".to_owned()),
        ]
    );
}

fn demo() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let mut writer = OpenLineageEvents::new(directory.path());
    let day = Day { start: 1_791_158_400_000, dag_runs: vec![dag_run()], ..Day::default() };
    writer.day(&day, &LakeDay::default()).unwrap();
    writer.finish().unwrap();
    directory
}

#[test]
fn the_demo_s_events_say_what_the_facts_say() {
    let directory = demo();
    let landed = read(KIND, directory.path());
    assert!(
        landed.errors.is_empty() && landed.codes().is_empty(),
        "{:?} {:?}",
        landed.errors,
        landed.warnings()
    );
    let runs = by_id(&landed);
    let facts = dag_run();
    assert_eq!(runs.len(), 1 + facts.tries.len());
    for attempt in &facts.tries {
        let id = format!("{}/{}/{}/{}", facts.dag, facts.run_id, attempt.task, attempt.try_number);
        let run = &runs[&format!("airflow:{id}")];
        assert_eq!((&run["started_at"], &run["owner"]), (&json!(attempt.started), &json!(facts.owner)));
        let rows = landed.rows(Dataset::RunTables);
        let of_run: Vec<&Row> = rows.iter().filter(|row| row["run_id"] == id.as_str()).collect();
        if attempt.outcome == Outcome::Succeeded {
            let write = of_run.iter().find(|row| row["access"] == "write").unwrap();
            let (table, bytes, count) = &attempt.outputs[0];
            assert_eq!(
                (&write["table_name"], &write["bytes"], &write["row_count"]),
                (&json!(table), &json!(bytes), &json!(count))
            );
            assert!(
                of_run.iter().any(|row| row["access"] == "read" && row["table_name"] == *attempt.inputs[0])
            );
        } else {
            assert!(of_run.is_empty(), "a task that failed tells of no tables");
        }
    }
}

#[test]
fn the_demo_s_events_have_the_fields_of_real_ones() {
    let Some(samples) = samples("runs/openlineage/events-airflow-3.1.8/events.jsonl") else { return };
    let lines = |path: &Path| -> Vec<Value> {
        fs::read_to_string(path).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let keys = |events: &[Value]| {
        let mut found = BTreeSet::new();
        events.iter().for_each(|event| paths(event, "", &mut found));
        found
    };
    let real = keys(&lines(&samples));
    let ours = keys(&lines(&demo().path().join("2026-10-05.jsonl")));
    // The sample's tasks touched no tables; `pool` and `queued_dttm` are of older providers.
    let invented: Vec<&String> = ours
        .difference(&real)
        .filter(|path| !path.starts_with(".inputs.") && !path.starts_with(".outputs."))
        .collect();
    let known = [".run.facets.airflow.taskInstance.pool", ".run.facets.airflow.taskInstance.queued_dttm"];
    assert!(invented.iter().all(|path| known.contains(&path.as_str())), "{invented:?}");
}

fn event(kind: &str, run: &str, at: &str) -> Value {
    json!({
        "eventType": kind, "eventTime": at, "producer": "https://github.com/OpenLineage/OpenLineage/tree/1.43.0/integration/dbt",
        "run": {"runId": run}, "job": {"namespace": "dbt", "name": "prod.growth.signups"},
    })
}

#[test]
fn an_execution_no_engine_logs_keeps_its_own_id() {
    let run = "01a1f85c-ce81-72c4-bd0a-554b876ef685";
    let mut end = event("FAIL", run, "2026-10-05T04:02:00Z");
    end["run"]["facets"] = json!({"errorMessage": {"message": "Database Error\nline 3"}});
    end["job"]["facets"] = json!({"ownership": {"owners": [{"name": "team:growth"}]}});
    end["outputs"] = json!([{"namespace": "trino://t:443", "name": "prod.growth.signups", "outputFacets": {"outputStatistics": {"size": 10}}}]);
    // Events may come in any order.
    let text = format!("{}\n{}\n", end, event("START", run, "2026-10-05T06:00:00+02:00"));
    let landed = read_text(&[("e.jsonl", &text)]);
    let row = landed.run();
    assert_eq!(
        (&row["engine"], &row["run_id"], &row["name"]),
        (&json!("dbt"), &json!(run), &json!("prod.growth.signups"))
    );
    assert_eq!(
        (&row["status"], &row["error"], &row["owner"]),
        (&json!("failed"), &json!("Database Error"), &json!("growth"))
    );
    assert_eq!(
        (&row["started_at"], &row["ended_at"]),
        (&json!(1_791_172_800_000_i64), &json!(1_791_172_920_000_i64))
    );
    assert_eq!(landed.rows(Dataset::RunTables).len(), 1);
}

#[test]
fn an_application_inherits_the_task_above_it() {
    let task = json!({
        "eventType": "START", "eventTime": "2026-10-05T04:00:00Z", "producer": "airflow",
        "job": {"namespace": "airflow-prod", "name": "d.t", "facets": {"jobType": {"integration": "AIRFLOW"}}},
        "run": {"runId": "task", "facets": {"airflow": {
            "dag": {"dag_id": "d"}, "dagRun": {"dag_id": "d", "run_id": "manual__1", "run_type": "manual"},
            "task": {"task_id": "t"}, "taskInstance": {"try_number": 2, "map_index": 4}}}},
    });
    let spark = |run: &str, parent: &str, facets: Value| {
        let mut value = json!({
            "eventType": "COMPLETE", "eventTime": "2026-10-05T04:05:00Z", "producer": "spark",
            "job": {"namespace": "spark", "name": "job", "facets": {"jobType": {"integration": "SPARK"}}},
            "run": {"runId": run, "facets": facets},
        });
        value["run"]["facets"]["parent"] = json!({"run": {"runId": parent}});
        value
    };
    let application =
        spark("app", "task", json!({"spark_applicationDetails": {"applicationId": "application_1_0001"}}));
    let events = json!([task, application, spark("query", "app", json!({}))]);
    let runs = by_id(&read_text(&[("e.json", &events.to_string())]));
    assert_eq!(runs.keys().collect::<Vec<_>>(), ["airflow:d/manual__1/t/4/2", "spark:application_1_0001"]);
    let run = &runs["spark:application_1_0001"];
    assert_eq!((&run["workflow_id"], &run["workflow_instance_id"]), (&json!("d"), &json!("manual__1")));
    assert_eq!((&run["step_id"], &run["attempt"]), (&json!("t"), &json!(2)));
    // A query whose application told its id in another file is no run of its own.
    let mut query = spark("query", "app", json!({}));
    query["job"]["facets"]["jobType"]["jobType"] = json!("SQL_JOB");
    let landed = read_text(&[("e.json", &query.to_string())]);
    assert_eq!((landed.runs().len(), landed.codes()), (0, vec![("unknown-application", 1)]));
    // A run that is its own ancestor ends somewhere.
    let circle = json!([spark("a", "b", json!({})), spark("b", "a", json!({}))]);
    assert_eq!(read_text(&[("e.json", &circle.to_string())]).runs().len(), 2);
}

#[test]
fn broken_events_are_named_and_the_rest_is_read() {
    let good = event("START", "r", "2026-10-05T04:00:00Z").to_string();
    let no_id =
        json!({"eventType": "START", "eventTime": "2026-10-05T04:00:00Z", "run": {}, "job": {"name": "j"}});
    let no_time = event("START", "s", "soon");
    let dataset = json!({"eventTime": "2026-10-05T04:00:00Z", "dataset": {"namespace": "n", "name": "t"}});
    let text = format!("{good}\n{}\n{no_id}\n{no_time}\n{dataset}\n", &good[..40]);
    let landed = read_text(&[("e.jsonl", &text)]);
    assert_eq!(landed.runs().len(), 1);
    assert_eq!(landed.codes(), [("malformed-record", 3), ("not-an-event", 1)]);
    let landed = read_text(&[("a.json", &good), ("b.json", "{\n \"eventType\": ")]);
    assert_eq!((landed.runs().len(), landed.codes()), (1, vec![("malformed-record", 1)]));
    let landed = read_text(&[("b.json", "{\n \"eventType\": ")]);
    assert!(landed.errors.values().next().unwrap().contains("b.json"));
    for hostile in ["null", "[7]", "{\"run\": 7, \"job\": {}}", "{\"run\": {}, \"job\": []}", "[[[]]]"] {
        let landed = read_text(&[("h.json", hostile)]);
        assert!(landed.runs().is_empty() && landed.errors.is_empty(), "{hostile}");
    }
    let mut odd = event("COMPLETE", "r", "2026-10-05T04:00:00Z");
    odd["inputs"] = json!({"namespace": 7});
    odd["outputs"] = json!([7, null, {"namespace": "n"}, {"namespace": "n", "name": "t", "outputFacets": {"outputStatistics": {"size": -1}}}]);
    odd["job"]["facets"] = json!({"ownership": {"owners": "me"}, "tags": {"tags": [{"key": 7}, "x"]}});
    let landed = read_text(&[("o.json", &odd.to_string())]);
    assert_eq!(landed.run()["status"], "succeeded");
    assert_eq!(landed.rows(Dataset::RunTables)[0]["bytes"], Value::Null);
}

#[test]
fn proxies_events_are_read_or_named() {
    let Some(directory) = samples("runs/openlineage/proxy-events") else { return };
    let landed = read(KIND, &directory);
    // Only `event_no_run_id.json` cannot be placed; the others are the same few runs.
    assert!(landed.errors.is_empty(), "{:?}", landed.errors);
    assert_eq!(landed.codes(), [("malformed-record", 1)]);
    assert!(!landed.runs().is_empty());
}
