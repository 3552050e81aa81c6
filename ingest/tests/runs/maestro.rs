//! Maestro instances: its developers' fixtures, and records that are broken.

use std::collections::BTreeMap;
use std::io::Write;

use model::landed::Dataset;
use serde_json::{Value, json};

use crate::frames::Row;
use crate::support::{Landed, read, samples, write};

const KIND: &str = "maestro";

fn read_text(name: &str, bytes: impl AsRef<[u8]>) -> Landed {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), name, bytes);
    read(KIND, directory.path())
}

fn step(attempt: i64) -> Value {
    json!({
        "workflow_id": "growth.daily", "workflow_instance_id": 7, "workflow_run_id": 2, "step_id": "load",
        "step_attempt_id": attempt, "owner": {"value": "dara"},
        "definition": {"step": {"id": "load", "type": "Kubernetes"}},
        "runtime_state": {
            "status": "USER_FAILED", "create_time": 1_760_000_000_000_i64, "wait_permit_time": 1_760_000_300_000_i64,
            "execute_time": 1_760_000_600_000_i64, "finish_time": 1_760_000_900_000_i64, "end_time": 1_760_000_901_000_i64,
        },
    })
}

#[test]
fn maestros_own_fixtures_become_runs() {
    let Some(directory) = samples("runs/maestro") else { return };
    let landed = read(KIND, &directory);
    assert!(landed.errors.is_empty(), "{:?}", landed.errors);
    let runs: BTreeMap<String, Row> = landed
        .runs()
        .into_iter()
        .map(|run| (run["source_object"].as_str().unwrap().rsplit('/').next().unwrap().to_owned(), run))
        .collect();
    // As the fixtures say, read by eye: id, status, owner, start, end, trigger, error.
    for (file, run_id, status, owner, started_at, ended_at, trigger, error) in [
        (
            "sample-step-instance-failed.json",
            "sample-dag-test-3/1/2/job1/1",
            "failed",
            Some("tester"),
            1_608_749_934_147_i64,
            Some(1_608_749_950_263_i64),
            None,
            Some("sample error details"),
        ),
        (
            "sample-step-instance-failed-with-null-byte.json",
            "sample-dag-test-3/1/2/job1/1",
            "failed",
            Some("tester"),
            1_608_749_934_147,
            Some(1_608_749_950_263),
            None,
            Some("sample error details foo bar"),
        ),
        (
            "sample-step-instance-succeeded.json",
            "sample-dag-test-3/1/1/job1/1",
            "succeeded",
            Some("tester"),
            1_608_749_934_147,
            Some(1_608_749_950_263),
            None,
            None,
        ),
        (
            "sample-step-instance-running.json",
            "sample-dag-test-3/1/1/job1/1",
            "running",
            Some("tester"),
            1_608_749_934_147,
            None,
            None,
            None,
        ),
        (
            "sample-step-attempt-state-failed.json",
            "sample-dag-test-3/1/2/job1/1",
            "failed",
            None,
            1_608_749_934_147,
            Some(1_608_749_950_263),
            None,
            None,
        ),
        (
            "sample-workflow-instance-succeeded.json",
            "sample-dag-test-3/1/1",
            "succeeded",
            None,
            1_609_294_730_611,
            Some(1_609_294_808_164),
            Some("manual"),
            None,
        ),
        (
            "sample-workflow-instance-nested-inline-foreach.json",
            "maestro_foreach_F3_1K_inline_instance/7/5",
            "running",
            Some("tester"),
            1_673_870_176_750,
            Some(1_673_870_208_304),
            Some("foreach"),
            None,
        ),
    ] {
        let run = &runs[file];
        assert_eq!((&run["run_id"], &run["status"]), (&run_id.into(), &status.into()), "{file}");
        assert_eq!(
            (run["owner"].as_str(), run["trigger"].as_str(), run["error"].as_str()),
            (owner, trigger, error),
            "{file}"
        );
        assert_eq!((&run["started_at"], run["ended_at"].as_i64()), (&started_at.into(), ended_at), "{file}");
    }
    // Six step instances and four workflow instances; all else is something else, and said so.
    assert_eq!(runs.len(), 10);
    let files = landed.units.len() as u64;
    assert_eq!(landed.codes(), [("not-an-instance", files - 10)]);
}

#[test]
fn an_attempt_is_billed_from_its_execution_and_names_the_application_it_started() {
    let mut container = step(3);
    container["artifacts"] = json!({
        "maestro_kubernetes": {"type": "KUBERNETES", "command": {"cpu": "0.5", "memory": "512Mi"}, "execution_output": "submitted application_1724877841851_0016\n"},
    });
    container["tags"] = json!([{"name": "team:growth", "attributes": {"tier": "gold"}}, {"name": "adhoc", "namespace": "SYSTEM"}]);
    let landed = read_text("steps.json", container.to_string());
    let run = landed.run();
    assert_eq!((&run["run_id"], &run["attempt"]), (&"growth.daily/7/2/load/3".into(), &3.into()));
    assert_eq!(
        (&run["owner"], &run["child_run_id"]),
        (&"dara".into(), &"application_1724877841851_0016".into())
    );
    assert_eq!(
        (&run["queued_at"], &run["ended_at"]),
        (&1_760_000_000_000_i64.into(), &1_760_000_900_000_i64.into())
    );
    // Half a core and 512 MiB for 300 s of execution; the waiting before it holds nothing.
    let hours = landed.rows(Dataset::RunHours);
    let sum = |column: &str| hours.iter().map(|hour| hour[column].as_i64().unwrap()).sum::<i64>();
    assert_eq!((sum("vcore_ms"), sum("memory_mib_ms"), sum("active_ms")), (150_000, 512 * 300_000, 300_000));
    assert_eq!((&run["vcore_ms"], &run["memory_mib_ms"]), (&150_000.into(), &(512 * 300_000).into()));
    assert!(hours.iter().all(|hour| hour["host"].is_null()));
    let mut tags: Vec<_> = landed
        .rows(Dataset::TagSets)
        .iter()
        .map(|tag| format!("{}={}", tag["key"].as_str().unwrap(), tag["value"].as_str().unwrap()))
        .collect();
    tags.sort();
    assert_eq!(tags, ["adhoc=true", "team=growth", "tier=gold"]);
}

#[test]
fn pages_lines_arrays_and_gzip_are_read_alike() {
    let (one, two) = (step(1).to_string(), step(2).to_string());
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(format!("{one}\n{two}\n").as_bytes()).unwrap();
    for (name, bytes) in [
        ("a.json", format!("[{one},{two}]").into_bytes()),
        (
            "b.json",
            format!("{{\"page_info\":{{}},\"elements\":[{one},{two}],\"total_count\":2}}").into_bytes(),
        ),
        ("c.jsonl", format!("{one}\n{two}").into_bytes()),
        ("d.jsonl.gz", gzip.finish().unwrap()),
    ] {
        let landed = read_text(name, bytes);
        let ids: Vec<_> = landed.runs().iter().map(|run| run["attempt"].as_i64()).collect();
        assert_eq!((ids, landed.codes()), (vec![Some(1), Some(2)], vec![]), "{name}");
    }
}

#[test]
fn broken_times_are_unknown_and_an_instance_without_any_is_left_out() {
    let mut step = step(1);
    step["runtime_state"]["finish_time"] = json!(null);
    step["runtime_state"]["end_time"] = json!(16_106_710_162_740_i64);
    let landed = read_text("a.json", step.to_string());
    assert_eq!(landed.run()["ended_at"], Value::Null);
    assert_eq!(landed.run()["started_at"], 1_760_000_600_000_i64);
    assert_eq!(landed.codes(), [("bad-time", 1)]);
    step["runtime_state"] = json!({"status": "CREATED", "create_time": -5});
    let landed = read_text("a.json", step.to_string());
    assert!(landed.runs().is_empty());
    assert!(landed.warnings().iter().any(|warning| warning.code == "bad-time" && warning.skipped));
}

#[test]
fn statuses_follow_maestros_words() {
    for (status, want) in [
        ("SUCCEEDED", "succeeded"),
        ("COMPLETED_WITH_ERROR", "succeeded"),
        ("SKIPPED", "succeeded"),
        ("PLATFORM_FAILED", "failed"),
        ("TIMEOUT_FAILED", "failed"),
        ("FATALLY_FAILED", "failed"),
        ("INTERNALLY_FAILED", "failed"),
        ("TIMED_OUT", "failed"),
        ("STOPPED", "killed"),
        ("WAITING_FOR_PERMITS", "running"),
        ("<script>", "unknown"),
    ] {
        let mut step = step(1);
        step["runtime_state"]["status"] = json!(status);
        assert_eq!(read_text("a.json", step.to_string()).run()["status"], want, "{status}");
    }
}

#[test]
fn of_an_instance_listed_twice_the_record_with_an_end_counts() {
    let ended = step(1);
    let mut running = step(1);
    running["runtime_state"]["status"] = json!("RUNNING");
    for key in ["finish_time", "end_time"] {
        running["runtime_state"].as_object_mut().unwrap().remove(key);
    }
    // The models take the row with an end of two; hours are landed of it alone.
    let landed = read_text("a.jsonl", format!("{running}\n{ended}\n{running}\n{ended}\n"));
    let ends: Vec<bool> = landed.runs().iter().map(|run| run["ended_at"].is_null()).collect();
    assert_eq!(ends.iter().filter(|open| !**open).count(), 1, "{ends:?}");
    assert_eq!(ends.len(), 2);
    assert_eq!(landed.codes(), [("duplicate-run", 3)]);
    assert_eq!(read_text("a.jsonl", format!("{ended}\n{running}\n")).runs().len(), 1);
}

#[test]
fn bad_files_say_what_is_wrong_with_them() {
    let (one, two) = (step(1).to_string(), step(2).to_string());
    let landed = read_text("a.jsonl", format!("{one}\n{{\"workflow_id\":\n{two}\n{one}\n[]\n7\n"));
    assert_eq!(landed.runs().len(), 2);
    assert_eq!(landed.codes(), [("duplicate-run", 1), ("malformed-record", 1), ("not-an-instance", 1)]);
    let cut = read_text("a.json", &format!("[{one},{two}]").as_bytes()[..one.len() + 20]);
    assert!(cut.runs().is_empty());
    assert!(
        cut.errors.values().next().unwrap().starts_with("could not read Maestro export `"),
        "{:?}",
        cut.errors
    );
    assert_eq!(read_text("notes.txt", "hello").codes(), [("not-an-instance", 1)]);
    assert_eq!(read_text("other.json", "{\"a\": 1}").codes(), [("not-an-instance", 1)]);
    assert_eq!(read_text("empty.json", "").units.len(), 0);
    assert!(!read_text("cut.json.gz", [0x1f, 0x8b, 8, 0]).errors.is_empty());
}
