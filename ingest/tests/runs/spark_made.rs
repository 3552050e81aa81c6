//! Spark event logs made by hand: every way to end, to break and to lie in a directory.

use std::collections::BTreeMap;

use ingest::source::SourceOptions;
use model::landed::Dataset;

use crate::spark::hours_add_up;
use crate::support::{Landed, read, read_with, write};

const KIND: &str = "spark-event-log";

/// A log of the given events, between those every application has.
fn log(events: &[&str]) -> String {
    let start = r#"{"Event":"SparkListenerApplicationStart","App Name":"<script>alert(1)</script>","App ID":"app-1","Timestamp":1795165127977,"User":"dara"}"#;
    let end = r#"{"Event":"SparkListenerApplicationEnd","Timestamp":1795165329582,"ExitCode":0}"#;
    let mut lines = vec![r#"{"Event":"SparkListenerLogStart","Spark Version":"4.1.4"}"#, start];
    lines.extend(events);
    lines.push(end);
    lines.join("\n") + "\n"
}

fn read_text(text: &str) -> Landed {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), "app-1", text);
    read(KIND, directory.path())
}

fn executor(id: &str, cores: i64, at_ms: i64) -> String {
    format!(
        r#"{{"Event":"SparkListenerExecutorAdded","Timestamp":{at_ms},"Executor ID":"{id}","Executor Info":{{"Host":"h","Total Cores":{cores}}}}}"#
    )
}

fn task(id: i64, run_ms: i64, reason: &str) -> String {
    format!(
        r#"{{"Event":"SparkListenerTaskEnd","Stage ID":0,"Stage Attempt ID":0,"Task End Reason":{{"Reason":"{reason}"}},"Task Info":{{"Task ID":{id},"Launch Time":1795165200000,"Finish Time":1795165200100,"Executor ID":"1","Host":"h"}},"Task Metrics":{{"Executor Run Time":{run_ms},"Executor CPU Time":999999}}}}"#
    )
}

#[test]
fn malformed_events_are_counted_and_the_rest_is_read() {
    let task_one = task(1, 10, "Success");
    let landed = read_text(&log(&[
        "{\"Event\":\"SparkListenerTaskEnd\",",
        "not json at all",
        "[1, 2, 3]",
        r#"{"Event":"SparkListenerTaskEnd","Stage ID":"zero"}"#,
        r#"{"Event":"SparkListenerTaskEnd","Stage ID":99999999999999999999}"#,
        r#"{"Event":"SparkListenerApplicationEnd"}"#,
        r#"{"Event":42}"#,
        &task_one,
        r#"{"Event":"com.example.SomethingElse","payload":{"deep":[[[]]]}}"#,
    ]));
    assert_eq!(landed.codes(), [("malformed-event", 7)]);
    assert!(landed.warnings().iter().all(|warning| warning.skipped));
    let run = landed.run();
    assert_eq!(
        (&run["tasks"], &run["task_ms"], &run["status"]),
        (&1.into(), &10.into(), &"succeeded".into())
    );
    assert_eq!(run["name"], "<script>alert(1)</script>");
}

#[test]
fn the_median_is_the_lower_middle_of_successful_tasks_and_a_lost_result_counts_once() {
    let tasks: Vec<String> = [
        task(1, 10, "Success"),
        task(2, 40, "Success"),
        task(3, 20, "Success"),
        task(4, 30, "Success"),
        task(5, 1000, "ExceptionFailure"),
        task(6, 2000, "TaskKilled"),
        // The result of task 1 was lost with its executor.
        task(1, 10, "Resubmitted"),
    ]
    .into();
    let landed = read_text(&log(&tasks.iter().map(String::as_str).collect::<Vec<_>>()));
    let stages = landed.rows(Dataset::RunStages);
    let stage = &stages[0];
    for (column, want) in
        [("task_ms_median", 20), ("task_ms_max", 40), ("tasks", 7), ("failed_tasks", 2), ("task_ms", 3100)]
    {
        assert_eq!(stage[column], want, "{column}");
    }
    let run = landed.run();
    // Six tasks of 999,999 ns are 5 ms, not six times nothing.
    for (column, want) in [
        ("cpu_ms", 5),
        ("killed_tasks", 1),
        ("failed_tasks", 2),
        ("failed_task_ms", 200),
        ("killed_task_ms", 100),
    ] {
        assert_eq!(run[column], want, "{column}");
    }
}

#[test]
fn how_an_application_ended_is_what_a_user_would_say() {
    const JOB_FAILED: &str = r#"{"Event":"SparkListenerJobEnd","Job ID":1,"Completion Time":1795165300000,"Job Result":{"Result":"JobFailed","Exception":{"Message":"Job aborted due to stage failure\nat x"}}}"#;
    const JOB_CANCELLED: &str = r#"{"Event":"SparkListenerJobEnd","Job ID":79,"Completion Time":1795165300000,"Job Result":{"Result":"JobFailed","Exception":{"Message":"Job 79 cancelled because SparkContext was shut down"}}}"#;
    const JOB_SUCCEEDED: &str = r#"{"Event":"SparkListenerJobEnd","Job ID":2,"Completion Time":1795165300001,"Job Result":{"Result":"JobSucceeded"}}"#;
    const STATEMENT_FAILED: &str = r#"{"Event":"org.apache.spark.sql.execution.ui.SparkListenerSQLExecutionEnd","executionId":1,"time":1795165300002,"errorMessage":"commit conflict"}"#;
    const STREAM_FAILED: &str = r#"{"Event":"org.apache.spark.sql.streaming.StreamingQueryListener$QueryTerminatedEvent","id":"x","exception":"source is gone"}"#;
    const SERVER: &str =
        r#"{"Event":"org.apache.spark.sql.connect.service.SparkListenerConnectServiceStarted"}"#;
    for (events, status, error) in [
        (vec![], "succeeded", None),
        (vec![JOB_FAILED], "failed", Some("Job aborted due to stage failure")),
        (vec![JOB_FAILED, JOB_SUCCEEDED], "succeeded", None),
        (vec![JOB_SUCCEEDED, STATEMENT_FAILED], "failed", Some("commit conflict")),
        (vec![STREAM_FAILED], "failed", Some("source is gone")),
        (vec![JOB_CANCELLED], "killed", Some("Job 79 cancelled because SparkContext was shut down")),
        (vec![SERVER, JOB_FAILED], "succeeded", None),
    ] {
        let run = read_text(&log(&events)).run();
        assert_eq!((&run["status"], run["error"].as_str()), (&status.into(), error), "{events:?}");
    }
    for (code, status) in [(1, "failed"), (137, "killed"), (143, "killed")] {
        let text = log(&[]).replace("\"ExitCode\":0", &format!("\"ExitCode\":{code}"));
        let run = read_text(&text).run();
        assert_eq!((&run["status"], &run["error"]), (&status.into(), &format!("exit code {code}").into()));
    }
}

#[test]
fn hostile_numbers_do_not_panic_and_hold_nothing_they_should_not() {
    let landed = read_text(&log(&[
        &executor("1", i64::MAX, 1_795_165_200_000),
        &executor("2", i64::MIN, 1_795_165_200_000),
        &executor("3", 8, i64::MAX),
        &executor("4", 8, -1),
        &executor("5", 8, 1_000_000_000_000),
        &task(i64::MAX, i64::MAX, "Success"),
        &task(1, i64::MAX, "Success"),
        r#"{"Event":"SparkListenerExecutorRemoved","Timestamp":9223372036854775807,"Executor ID":"2"}"#,
    ]));
    let run = landed.run();
    // Executor 1 counts as large as one can be, until the application ended; 2 to 5 have no
    // believable life.
    let lived_ms = run["ended_at"].as_i64().unwrap() - 1_795_165_200_000;
    assert_eq!(run["vcore_ms"], lived_ms * 4_096);
    assert_eq!(run["task_ms"], i64::MAX);
    assert_eq!(landed.codes(), [("bad-size", 1), ("bad-time", 4)]);
    hours_add_up(&landed);
}

#[test]
fn a_driver_in_cluster_mode_holds_its_container_from_start_to_end() {
    let properties = r#"{"Event":"SparkListenerEnvironmentUpdate","Spark Properties":{"spark.master":"yarn","spark.submit.deployMode":"cluster","spark.driver.host":"d","spark.driver.cores":"2","spark.driver.memory":"4g"}}"#;
    let worker = executor("1", 4, 1_795_165_200_000);
    let landed = read_text(&log(&[properties, &worker]));
    let held: BTreeMap<(i64, String), [i64; 3]> = landed
        .rows(Dataset::RunHours)
        .into_iter()
        .map(|row| {
            let place = (row["hour"].as_i64().unwrap(), row["host"].as_str().unwrap().to_owned());
            (place, ["vcore_ms", "memory_mib_ms", "active_ms"].map(|column| row[column].as_i64().unwrap()))
        })
        .collect();
    // By hand: the application lives from 08:58:47.977 until 09:02:09.582, 72,023 ms before nine
    // and 129,582 ms after; its driver has 2 cores and 4096 + 409 MiB. The executor comes at nine,
    // with 4 cores and 1024 + 384 MiB.
    let (eight, nine) = (1_795_161_600_000, 1_795_165_200_000);
    let want = [
        ((eight, "d"), [2 * 72_023, 4505 * 72_023, 72_023]),
        ((nine, "d"), [2 * 129_582, 4505 * 129_582, 129_582]),
        ((nine, "h"), [4 * 129_582, 1408 * 129_582, 129_582]),
    ];
    let want = want.map(|((hour, host), held)| ((hour, host.to_owned()), held));
    assert_eq!(held, BTreeMap::from(want));
    // The run's own figures are its executors'.
    let run = landed.run();
    for (column, want) in [("vcore_ms", 4 * 129_582), ("memory_mib_ms", 1408 * 129_582), ("executors", 1_i64)]
    {
        assert_eq!(run[column], want, "{column}");
    }
    let in_client_mode = landed_hosts(&read_text(&log(&[&properties.replace("cluster", "client"), &worker])));
    assert_eq!(in_client_mode, ["h"]);
}

fn landed_hosts(landed: &Landed) -> Vec<String> {
    let rows = landed.rows(Dataset::RunHours);
    rows.iter().map(|row| row["host"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn what_is_no_usable_log_says_so() {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), "app-2.lzf", b"ZV\x01\x00\x10rubbish");
    write(directory.path(), "no-start", r#"{"Event":"SparkListenerLogStart","Spark Version":"4.1.4"}"#);
    write(directory.path(), "notes.txt", "just a note\n");
    write(directory.path(), "rubbish.zstd", b"this is no zstd frame");
    write(directory.path(), "empty", b"");
    write(directory.path(), ".app-1.crc", b"crc\0");
    let landed = read(KIND, directory.path());
    assert!(landed.runs().is_empty());
    let faults: Vec<&str> = landed.errors.values().map(|error| error.rsplit(": ").next().unwrap()).collect();
    let no_start = "it has no SparkListenerApplicationStart";
    assert_eq!(faults[..2], ["LZF compression cannot be read", no_start]);
    assert!(landed.errors.values().any(|error| error.contains("it is not compressed as its name says")));
    assert_eq!(faults.len(), 3);
    assert!(landed.hints[0].contains("spark.eventLog.compression.codec"));
    assert_eq!(landed.codes(), [("not-an-event-log", 1)]);
}

#[test]
fn rolled_parts_are_read_in_numeric_order_from_the_last_compacted_one() {
    let lines: Vec<String> =
        log(&[&executor("1", 4, 1_795_165_200_000), &task(1, 7, "Success"), &task(2, 9, "Success")])
            .lines()
            .map(|line| format!("{line}\n"))
            .collect();
    let directory = tempfile::tempdir().unwrap();
    let part = |name: &str, lines: &[String]| {
        write(directory.path(), &format!("eventlog_v2_app-1/{name}"), lines.concat())
    };
    part("appstatus_app-1", &[]);
    part("events_9_app-1", &lines[..3]);
    part("events_10_app-1", &lines[3..4]);
    part("events_11_app-1", &lines[4..]);
    part(".events_9_app-1.crc", &lines[..1]);
    let landed = read(KIND, directory.path());
    assert_eq!(landed.units.keys().next().unwrap().rsplit('/').next(), Some("eventlog_v2_app-1"));
    assert_eq!((&landed.run()["tasks"], &landed.run()["status"]), (&2.into(), &"succeeded".into()));
    assert_eq!(landed.codes(), [("missing-log-part", 8)]);

    part("events_10_app-1.compact", &[lines[..3].concat(), lines[3].clone()]);
    part("eventlog_note", &lines[..1]);
    let landed = read(KIND, directory.path());
    assert_eq!(landed.run()["tasks"], 2);
    assert_eq!(landed.codes(), [("compacted-log", 1), ("not-an-event-log", 1)]);
}

#[test]
fn attempts_clusters_and_hourly_files_are_told_apart() {
    let directory = tempfile::tempdir().unwrap();
    let attempt = |n: &str| {
        log(&[]).replace(
            "\"App ID\":\"app-1\"",
            &format!("\"App ID\":\"application_1_1\",\"App Attempt ID\":\"{n}\""),
        )
    };
    write(directory.path(), "application_1_1_1", attempt("1"));
    write(directory.path(), "application_1_1_2", attempt("2"));
    let text = log(&[]);
    let (first, rest) = text.split_at(200);
    let hours = |name: &str, text: &str| write(directory.path(), &format!("cluster/eventlog/{name}"), text);
    let cut = first.rfind('\n').unwrap() + 1;
    hours("eventlog-2026-11-20--08-00", &first[..cut]);
    hours("eventlog", &format!("{}{rest}", &first[cut..]));
    let options = SourceOptions { cluster: Some("j-1".to_owned()), ..SourceOptions::default() };
    let landed = read_with(KIND, directory.path(), &options, crate::support::now());
    let runs = landed.runs();
    let mut ids: Vec<_> =
        runs.iter().map(|run| (run["run_id"].as_str().unwrap(), run["attempt"].as_i64())).collect();
    ids.sort_unstable();
    // What YARN counts is no attempt of a step.
    assert_eq!(ids, [("app-1", None), ("application_1_1", None), ("application_1_1/2", None)]);
    assert!(runs.iter().all(|run| run["cluster_id"] == "j-1" && run["status"] == "succeeded"));
}
