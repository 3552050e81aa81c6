//! Trino's query-completed events: real ones against what they say themselves, the shapes
//! they come in, and files that are broken.

use std::io::Write;

use ingest::source::SourceOptions;
use model::landed::Dataset;
use serde_json::{Value, json};

use crate::support::{Landed, now, read, read_with, samples, write};

const KIND: &str = "trino-events";

fn event(id: &str) -> Value {
    json!({
        "metadata": {"queryId": id, "query": "SELECT 1", "queryState": "FINISHED"},
        "statistics": {"cpuTime": 7.2, "wallTime": 7201.5, "outputRows": 1},
        "context": {
            "user": "mira", "source": "superset", "serverVersion": "470", "queryType": "SELECT",
            "clientTags": ["team:growth", "adhoc"], "resourceGroupId": ["global", "bi"],
        },
        "ioMetadata": {"inputs": []},
        "createTime": "2026-10-05T00:29:58.500Z",
        "executionStartTime": "2026-10-05T00:30:00.000Z",
        "endTime": "2026-10-05T02:30:00.000Z",
    })
}

fn read_text(name: &str, bytes: impl AsRef<[u8]>) -> Landed {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), name, bytes);
    let options = SourceOptions { cluster: Some("j-TRINO".to_owned()), ..SourceOptions::default() };
    read_with(KIND, directory.path(), &options, now())
}

#[test]
fn trinos_own_event_lands_as_it_says() {
    let Some(directory) = samples("runs/trino") else { return };
    let landed = read(KIND, &directory.join("query_completed_event_insert_select_379.json"));
    // All values as they stand in the file: cpuTime 0.166, scheduledTime 1.235,
    // physicalInputBytes 1544, writtenBytes 106, cumulativeMemory 31780734056 / 2^20.
    let run = landed.run();
    for (key, want) in [
        ("run_id", json!("20220526_123942_00021_m36ez")),
        ("engine", json!("trino")),
        ("engine_version", json!("379.0")),
        ("user_name", json!("root")),
        ("status", json!("succeeded")),
        ("queued_at", json!(1_653_568_782_860_i64)),
        ("started_at", json!(1_653_568_782_926_i64)),
        ("ended_at", json!(1_653_568_784_505_i64)),
        ("vcore_ms", json!(166)),
        ("cpu_ms", json!(166)),
        ("task_ms", json!(1235)),
        ("memory_mib_ms", json!(30_308)),
        ("input_bytes", json!(1544)),
        ("output_bytes", json!(106)),
        ("shuffle_read_bytes", json!(1727)),
        ("peak_memory_bytes", json!(5952)),
        ("cluster_id", Value::Null),
    ] {
        assert_eq!(run[key], want, "{key}");
    }
    let hours = landed.rows(Dataset::RunHours);
    assert_eq!(hours.len(), 1);
    assert_eq!((&hours[0]["vcore_ms"], &hours[0]["active_ms"]), (&json!(166), &json!(1579)));
    assert_eq!((&hours[0]["memory_mib_ms"], &hours[0]["host"]), (&json!(0), &Value::Null));
    let tables = landed.rows(Dataset::RunTables);
    let tables: Vec<_> = tables
        .iter()
        .map(|row| (&row["table_name"], &row["access"], &row["bytes"], &row["row_count"]))
        .collect();
    assert_eq!(
        tables,
        [
            (&json!("hive.s.t"), &json!("read"), &json!(1544), &json!(3)),
            (&json!("hive.s.t1"), &json!("write"), &json!(106), &json!(3)),
        ]
    );
    let query = &landed.rows(Dataset::Queries)[0];
    for (key, want) in [
        ("query_type", json!("INSERT")),
        ("client", json!("trino-cli")),
        ("resource_group", json!("global")),
        ("queued_ms", json!(1)),
        ("planning_ms", json!(106)),
        ("execution_ms", json!(1579)),
        ("splits", json!(37)),
    ] {
        assert_eq!(query[key], want, "{key}");
    }
    assert_eq!(landed.codes(), [("no-cluster", 1)]);
}

#[test]
fn epoch_seconds_and_milliseconds_of_presto_are_understood() {
    let Some(directory) = samples("runs/trino") else { return };
    let landed = read(KIND, &directory.join("query_completed_event_handedited_379.json"));
    let run = landed.run();
    assert_eq!((&run["cpu_ms"], &run["started_at"]), (&json!(25_975), &json!(1_626_773_634_000_i64)));
    let tags: Vec<_> = landed.rows(Dataset::TagSets).iter().map(|tag| tag["key"].clone()).collect();
    assert_eq!(tags, [json!("load_balancer"), json!("superset")]);

    let landed = read(KIND, &directory.join("presto_query_completed_pbench.ndjson"));
    let run = landed.run();
    // cpuTimeMillis 371792 beside the event says what its cpuTime 371792.0 means.
    assert_eq!((&run["cpu_ms"], &run["cluster_id"]), (&json!(371_792), &json!("cluster1")));
    assert_eq!(run["started_at"], json!(1_750_063_689_069_i64));
    assert_eq!(run["input_bytes"], json!(26_975_446_031_i64));
    let query = &landed.rows(Dataset::Queries)[0];
    assert_eq!((&query["result_rows"], &query["splits"]), (&json!(100), &json!(7776)));
}

#[test]
fn cpu_time_is_cut_at_hours_in_proportion() {
    let landed = read_text("events.jsonl", event("q1").to_string());
    let hours = landed.rows(Dataset::RunHours);
    // 7.2 s over two hours from half past to half past: a quarter, a half, a quarter.
    let cut: Vec<_> = hours.iter().map(|row| (row["vcore_ms"].clone(), row["active_ms"].clone())).collect();
    let want = [(1800, 1_800_000), (3600, 3_600_000), (1800, 1_800_000)];
    assert_eq!(cut, want.map(|(vcore_ms, active_ms)| (json!(vcore_ms), json!(active_ms))));
    assert!(hours.iter().all(|row| row["cluster_id"] == "j-TRINO"));
    let run = landed.run();
    assert_eq!(run["name"], json!("adhoc/mira"));
    assert_eq!(landed.codes(), []);
}

#[test]
fn every_shape_of_file_and_wrapper_gives_the_same() {
    let one = event("q1");
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(one.to_string().as_bytes()).unwrap();
    let zst = zstd::encode_all(one.to_string().as_bytes(), 1).unwrap();
    for (name, bytes) in [
        ("a.json", serde_json::to_vec_pretty(&one).unwrap()),
        ("a.json", json!([one]).to_string().into_bytes()),
        ("a.jsonl.gz", gz.finish().unwrap()),
        ("a.ndjson.zst", zst),
        ("a.jsonl", json!({"eventPayload": one, "metadata": {"env": "prod"}}).to_string().into_bytes()),
        ("a.jsonl", json!({"queryCompletedEvent": one}).to_string().into_bytes()),
    ] {
        let landed = read_text(name, bytes);
        assert_eq!(landed.run()["cpu_ms"], json!(7200), "{name}");
        assert_eq!(landed.rows(Dataset::RunHours).len(), 3);
    }
}

#[test]
fn callers_name_their_step() {
    let with = |info: Value| {
        let mut event = event("q1");
        event["context"]["clientInfo"] = json!(info.to_string());
        read_text("a.jsonl", event.to_string()).run()
    };
    let run = with(json!({
        "dag_id": "catalog_sync", "task_id": "load", "execution_date": "2026-10-05T00:00:00+00:00",
        "try_number": "2", "dag_run_id": "scheduled__2026-10-05", "dag_owner": "mira",
    }));
    for (key, want) in [
        ("workflow_id", json!("catalog_sync")),
        ("workflow_instance_id", json!("scheduled__2026-10-05")),
        ("workflow_run_id", Value::Null),
        ("step_id", json!("load")),
        ("attempt", json!(2)),
        ("owner", json!("mira")),
    ] {
        assert_eq!(run[key], want, "{key}");
    }
    let run = with(json!({
        "workflow_id": "growth.daily", "workflow_instance_id": 7, "workflow_run_id": 1, "step_id": "load", "step_attempt_id": 3,
    }));
    assert_eq!((&run["workflow_id"], &run["workflow_instance_id"]), (&json!("growth.daily"), &json!("7")));
    assert_eq!((&run["workflow_run_id"], &run["attempt"]), (&json!("1"), &json!(3)));
    assert_eq!(with(json!("not an object"))["workflow_id"], Value::Null);
    assert_eq!(with(json!({"dag_id": {"x": 1}, "workflow_id": null}))["workflow_id"], Value::Null);
}

#[test]
fn failures_are_told_from_wishes_and_write_nothing() {
    for (code, want) in [
        ("USER_CANCELED", "killed"),
        ("ADMINISTRATIVELY_KILLED", "killed"),
        ("EXCEEDED_LOCAL_MEMORY_LIMIT", "failed"),
    ] {
        let mut event = event("q1");
        event["metadata"]["queryState"] = json!("FAILED");
        event["failureInfo"] =
            json!({"errorCode": {"code": 1, "name": code}, "failureMessage": "it did not work\nat all"});
        event["ioMetadata"]["output"] =
            json!({"catalogName": "prod", "schema": "growth", "table": "signups"});
        let landed = read_text("a.jsonl", event.to_string());
        let run = landed.run();
        assert_eq!((&run["status"], &run["error"]), (&json!(want), &json!("it did not work")));
        assert_eq!(landed.rows(Dataset::Queries)[0]["error_code"], json!(code));
        assert!(landed.rows(Dataset::RunTables).is_empty());
    }
}

#[test]
fn tables_read_twice_are_one_row_with_their_snapshot() {
    let mut event = event("q1");
    let input = |bytes: i64| {
        json!({
            "catalogName": "prod", "schema": "growth", "table": "signups", "connectorInfo": {"snapshotId": 8_744_736_658_442_914_487_i64},
            "physicalInputBytes": bytes, "physicalInputRows": 5,
        })
    };
    event["ioMetadata"]["inputs"] = json!([input(100), input(23)]);
    let tables = read_text("a.jsonl", event.to_string()).rows(Dataset::RunTables);
    assert_eq!(tables.len(), 1);
    assert_eq!((&tables[0]["bytes"], &tables[0]["row_count"]), (&json!(123), &json!(10)));
    assert_eq!(tables[0]["snapshot_id"], json!("8744736658442914487"));
}

#[test]
fn broken_files_cost_what_is_broken() {
    let (one, two) = (event("q1").to_string(), event("q2").to_string());
    let landed = read_text("a.jsonl", format!("{one}\n{{\"metadata\": 5}}\nnot json\n{two}\n{one}\n"));
    assert_eq!(landed.runs().len(), 2);
    assert_eq!(landed.codes(), [("duplicate-run", 1), ("malformed-record", 2)]);
    assert!(landed.warnings().iter().any(|warning| warning.skipped && warning.message.contains("line 2:")));

    let landed = read_text("a.jsonl", format!("{one}\n{}", &two[..two.len() / 2]));
    assert_eq!((landed.runs().len(), landed.codes()), (1, vec![("truncated-log", 1)]));

    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    for at in 0..500 {
        writeln!(gz, "{}", event(&format!("q{at}"))).unwrap();
    }
    let gz = gz.finish().unwrap();
    let landed = read_text("a.jsonl.gz", &gz[..gz.len() - 200]);
    assert!(!landed.runs().is_empty());
    assert_eq!(landed.codes(), [("truncated-log", 1)]);

    for (name, bytes, want) in [
        ("a.json", &b"id,name\n1,2\n"[..], "is not JSON"),
        ("a.jsonl.gz", &b"{\"metadata\": {}, \"context\": {}}"[..], "not compressed"),
    ] {
        let landed = read_text(name, bytes);
        assert!(landed.errors.values().any(|error| error.contains(want)), "{:?}", landed.errors);
    }
    for bytes in ["", "\n\n", "[]", "{}", "[1]"] {
        let landed = read_text("a.json", bytes);
        assert!(landed.runs().is_empty());
    }
    // A query that was only created, and the coordinator's own view of a query.
    let mut created = event("q1");
    created.as_object_mut().unwrap().remove("statistics");
    assert_eq!(read_text("a.json", created.to_string()).codes(), [("not-a-query-event", 1)]);
}

#[test]
fn hostile_values_land_as_nothing_or_are_named() {
    let mut wild = event("q\u{0}1");
    wild["statistics"] = json!({"cpuTime": 1e300, "outputRows": -5, "writtenBytes": "x", "cumulativeMemory": 9e99, "stageGcStatistics": [{"tasks": i64::MAX}, {"tasks": i64::MAX}]});
    wild["context"]["user"] = json!("<script>alert('\u{0}')</script>");
    wild["context"]["clientTags"] = json!([":", "=", "", "a:b:c", "\u{0}"]);
    wild["context"]["resourceGroupId"] = json!({"x": []});
    wild["ioMetadata"]["inputs"] =
        json!([{"table": ""}, {}, {"table": "t\u{0}", "physicalInputBytes": u64::MAX}]);
    let landed = read_text("a.jsonl", wild.to_string());
    let run = landed.run();
    assert_eq!(
        (&run["cpu_ms"], &run["tasks"], &run["memory_mib_ms"]),
        (&json!(0), &json!(i64::MAX), &json!(0))
    );
    assert_eq!(run["run_id"], json!("q 1"));
    assert_eq!(landed.rows(Dataset::RunTables).len(), 1);

    let mut times = event("q1");
    times["executionStartTime"] = json!("2001-01-01T00:00:00Z");
    assert_eq!(read_text("a.jsonl", times.to_string()).codes(), [("bad-time", 1)]);
    times["endTime"] = json!(1e18);
    assert_eq!(read_text("a.jsonl", times.to_string()).codes(), [("malformed-record", 1)]);
    // It failed before it executed: its CPU time counts in the hour of its end.
    let mut planned = event("q1");
    planned["endTime"] = json!("2026-10-05T00:29:58.500Z");
    let hours = read_text("a.jsonl", planned.to_string()).rows(Dataset::RunHours);
    assert_eq!((hours.len(), &hours[0]["vcore_ms"]), (1, &json!(7200)));
    let deep = "[".repeat(100_000);
    assert!(read_text("a.json", deep).runs().is_empty());
}
