//! Spark event logs against the history server, and logs that stop too early.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::DateTime;
use model::landed::Dataset;
use serde_json::Value;

use ingest::source::SourceOptions;

use crate::frames::Row;
use crate::support::{Landed, fixture, gunzip, read, read_with, samples, write};

const KIND: &str = "spark-event-log";

fn epoch_ms(text: &str) -> i64 {
    DateTime::parse_from_str(&text.replace("GMT", "+0000"), "%Y-%m-%dT%H:%M:%S%.3f%z")
        .unwrap()
        .timestamp_millis()
}

fn sum(rows: &[Value], field: &str) -> i64 {
    rows.iter().map(|row| row[field].as_i64().unwrap()).sum()
}

/// The history server's answers for one attempt, in our words. Quirks: it reports nothing
/// for stages that have not ended, and the end of an unfinished application as 1969.
fn oracle(path: &Path) -> BTreeMap<&'static str, Value> {
    let answer: Value = serde_json::from_str(&gunzip(path)).unwrap();
    let attempt = &answer["app"]["attempts"][0];
    let stages = answer["stages"].as_array().unwrap();
    let executors = answer["allexecutors"].as_array().unwrap();
    let property = |key: &str| {
        answer["environment"]["sparkProperties"]
            .as_array()
            .unwrap()
            .iter()
            .find(|pair| pair[0] == key)
            .map(|pair| pair[1].clone())
    };
    let local = property("spark.master").is_some_and(|master| master.as_str().unwrap().starts_with("local"));
    // One without cores is a driver that runs no tasks, known by its block manager alone.
    let working: Vec<_> =
        executors.iter().filter(|it| it["totalCores"] != 0 && (local || it["id"] != "driver")).collect();
    // It knows no version where Databricks wrote its own first event.
    let version = attempt["appSparkVersion"].as_str().filter(|version| !version.is_empty());
    let finished = attempt["completed"].as_bool().unwrap();
    let end_ms = attempt["endTimeEpoch"].as_i64().unwrap();
    let mut want = BTreeMap::from([
        ("name", answer["app"]["name"].clone()),
        ("user_name", attempt["sparkUser"].clone()),
        ("started_at", attempt["startTimeEpoch"].clone()),
        ("executors", working.len().into()),
        ("failed_tasks", sum(stages, "numFailedTasks").into()),
        ("killed_tasks", sum(stages, "numKilledTasks").into()),
    ]);
    let sums = [
        ("task_ms", "executorRunTime"),
        ("gc_ms", "jvmGcTime"),
        ("input_bytes", "inputBytes"),
        ("output_bytes", "outputBytes"),
        ("shuffle_read_bytes", "shuffleReadBytes"),
        ("shuffle_write_bytes", "shuffleWriteBytes"),
        ("memory_spilled_bytes", "memoryBytesSpilled"),
        ("disk_spilled_bytes", "diskBytesSpilled"),
    ];
    if let Some(version) = version {
        want.insert("engine_version", version.into());
    }
    if finished {
        want.extend(sums.map(|(ours, theirs)| (ours, sum(stages, theirs).into())));
        want.insert("cpu_ms", (sum(stages, "executorCpuTime") / 1_000_000).into());
        want.insert("ended_at", end_ms.into());
        let vcore_ms: i64 = working
            .iter()
            .map(|executor| {
                let removed = executor["removeTime"].as_str().map_or(end_ms, epoch_ms);
                // In an edited public log executors come a year after the application's end.
                let lived_ms = (removed - epoch_ms(executor["addTime"].as_str().unwrap())).max(0);
                executor["totalCores"].as_i64().unwrap() * lived_ms
            })
            .sum();
        want.insert("vcore_ms", vcore_ms.into());
    } else {
        want.insert("ended_at", Value::Null);
    }
    let peak = working.iter().filter_map(|executor| {
        let peaks = executor.get("peakMemoryMetrics")?;
        let add = |names: &[&str]| names.iter().map(|name| peaks[name].as_i64().unwrap()).sum::<i64>();
        let resident =
            add(&["ProcessTreeJVMRSSMemory", "ProcessTreePythonRSSMemory", "ProcessTreeOtherRSSMemory"]);
        Some(if resident > 0 { resident } else { add(&["JVMHeapMemory", "JVMOffHeapMemory"]) })
    });
    want.insert("peak_memory_bytes", peak.max().filter(|peak| *peak > 0).into());
    want
}

fn oracle_of(run_id: &str) -> BTreeMap<&'static str, Value> {
    let name = run_id.replace('/', "_");
    let directory = samples("runs/spark/oracle-history-server").unwrap();
    let path = directory.join(format!("{name}.json.gz"));
    // The first attempt has a number there as well.
    let path = if path.exists() { path } else { directory.join(format!("{name}_1.json.gz")) };
    oracle(&path)
}

fn compare(run: &Row) {
    let id = run["run_id"].as_str().unwrap();
    let faults: Vec<_> = oracle_of(id)
        .into_iter()
        .filter(|(column, want)| run[*column] != *want)
        .map(|(column, want)| format!("{column}: {} but the history server says {want}", run[column]))
        .collect();
    assert!(faults.is_empty(), "{id} {}: {faults:#?}", run["source_object"]);
}

/// Public logs of drivers in cluster mode, and how long each application lived: its driver held
/// a core, and 2048 + 384 MiB.
const DRIVERS: [(&str, i64); 2] = [
    ("attempt_1_eventlog.zstd", 1_724_884_577_419 - 1_724_884_534_755),
    ("attempt_2_eventlog.zstd", 1_724_884_622_991 - 1_724_884_580_522),
];

/// The hours of each run add up to what its executors held, and its driver in cluster mode.
pub fn hours_add_up(landed: &Landed) {
    let mut sums: BTreeMap<String, [i64; 2]> = BTreeMap::new();
    for hour in landed.rows(Dataset::RunHours) {
        let sums = sums.entry(hour["source_object"].as_str().unwrap().to_owned()).or_default();
        for (sum, column) in sums.iter_mut().zip(["vcore_ms", "memory_mib_ms"]) {
            *sum += hour[column].as_i64().unwrap();
        }
        let active = hour["active_ms"].as_i64().unwrap();
        assert!((0..=3_600_000).contains(&active), "{hour:?}");
    }
    for run in landed.runs() {
        let object = run["source_object"].as_str().unwrap();
        let driver_ms = DRIVERS.iter().find(|(log, _)| object.ends_with(log)).map_or(0, |(_, ms)| *ms);
        let want = [
            run["vcore_ms"].as_i64().unwrap() + driver_ms,
            run["memory_mib_ms"].as_i64().unwrap() + driver_ms * 2432,
        ];
        assert_eq!(sums.remove(object).unwrap_or_default(), want, "{object}");
    }
    assert!(sums.is_empty());
}

/// The stages of each run add up to the run, and stand in the history server's numbers.
fn stages_add_up(landed: &Landed) {
    for run in landed.runs() {
        let stages: Vec<_> = landed
            .rows(Dataset::RunStages)
            .into_iter()
            .filter(|stage| stage["run_id"] == run["run_id"])
            .collect();
        for column in [
            "tasks",
            "failed_tasks",
            "task_ms",
            "gc_ms",
            "input_bytes",
            "output_bytes",
            "shuffle_read_bytes",
            "shuffle_write_bytes",
            "memory_spilled_bytes",
            "disk_spilled_bytes",
        ] {
            let sum: i64 = stages.iter().map(|stage| stage[column].as_i64().unwrap()).sum();
            assert_eq!(run[column], sum, "{column} of {}", run["run_id"]);
        }
    }
}

#[test]
fn our_logs_equal_the_history_server() {
    for (directory, applications) in
        [("plain", 6), ("zstd", 2), ("rolling", 1), ("cluster", 3), ("connect", 1), ("iceberg", 2)]
    {
        let Some(directory) = samples(&format!("runs/spark/made/{directory}")) else { return };
        let landed = read(KIND, &directory);
        assert!(landed.errors.is_empty(), "{:?}", landed.errors);
        assert_eq!(landed.runs().len(), applications, "{}", directory.display());
        landed.runs().iter().for_each(compare);
        hours_add_up(&landed);
        stages_add_up(&landed);
    }
}

#[test]
fn public_logs_are_read_and_equal_the_history_server_where_it_could_read_them() {
    let Some(directory) = samples("runs/spark/public-nvidia") else { return };
    let landed = read(KIND, &directory);
    assert!(landed.errors.is_empty(), "{:?}", landed.errors);
    assert_eq!(landed.runs().len(), 17);
    for run in landed.runs() {
        // The history server refuses the log with the malformed line, and two logs carry one
        // application id, of which it answered for the other.
        let object = run["source_object"].as_str().unwrap();
        if !object.ends_with("malformed_json_eventlog.zstd")
            && !object.ends_with("eventlog_v2_local-1623876083964")
        {
            compare(&run);
        }
    }
    hours_add_up(&landed);
}

#[test]
fn stages_equal_nvidias_profiling_tool() {
    // NVIDIA's profiling tool, `*_stagemetricsagg.csv`: id, number of tasks and sums a stage.
    let Some(directory) = samples("runs/spark/public-nvidia") else { return };
    let landed = read(KIND, &directory.join("rapids_join_eventlog.zstd"));
    let text = std::fs::read_to_string(
        directory.join("oracle-nvidia-profiling/rapids_join_eventlog_stagemetricsagg.csv"),
    )
    .unwrap();
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
    let stages = landed.rows(Dataset::RunStages);
    let mut compared = 0;
    for line in lines {
        let cells: BTreeMap<&str, i64> = header
            .iter()
            .copied()
            .zip(line.split(',').map(|cell| cell.parse::<f64>().unwrap() as i64))
            .collect();
        let stage = stages.iter().find(|stage| stage["stage_id"] == cells["id"]).unwrap();
        for (ours, theirs) in [
            ("tasks", "numTasks"),
            ("task_ms", "executorRunTimeSum"),
            ("gc_ms", "jvmGCTimeSum"),
            ("shuffle_read_bytes", "srTotalBytesReadSum"),
            ("shuffle_write_bytes", "swBytesWrittenSum"),
            ("peak_execution_bytes", "peakExecutionMemoryMax"),
        ] {
            assert_eq!(stage[ours], cells[theirs], "{ours} of stage {}", cells["id"]);
        }
        compared += 1;
    }
    assert_eq!(compared, 4);
}

#[test]
fn a_log_cut_anywhere_keeps_what_was_written() {
    let whole = std::fs::read(fixture("runs/spark/local-1795164844219.zstd")).unwrap();
    let text = zstd::decode_all(&whole[..]).unwrap();
    for tenths in 0..10 {
        let cut = &text[..text.len() * tenths / 10];
        let directory = tempfile::tempdir().unwrap();
        write(directory.path(), "local-1.inprogress", cut);
        let landed = read(KIND, directory.path());
        let events: Vec<Value> =
            cut.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()).collect();
        if !events.iter().any(|event| event["Event"] == "SparkListenerApplicationStart") {
            assert!(landed.runs().is_empty() && landed.errors.is_empty(), "{:?}", landed.errors);
            continue;
        }
        let ends: Vec<_> = events.iter().filter(|event| event["Event"] == "SparkListenerTaskEnd").collect();
        let run_ms: i64 =
            ends.iter().filter_map(|end| end["Task Metrics"]["Executor Run Time"].as_i64()).sum();
        let run = landed.run();
        assert_eq!((&run["tasks"], &run["task_ms"]), (&ends.len().into(), &run_ms.into()), "{tenths} tenths");
        assert_eq!((&run["status"], &run["ended_at"]), (&"unknown".into(), &Value::Null));
        assert_eq!(landed.codes(), [("truncated-log", 2)]);
        hours_add_up(&landed);
    }
}

#[test]
fn a_compressed_log_cut_in_a_frame_is_truncated_and_a_damaged_one_is_left_out_in_part() {
    let whole = std::fs::read(fixture("runs/spark/local-1795164821395.zstd")).unwrap();
    let text = zstd::decode_all(&whole[..]).unwrap();
    // Two frames, as Spark writes after each flush; the second is cut.
    let half = text.len() / 2;
    let mut frames = zstd::encode_all(&text[..half], 3).unwrap();
    let first = frames.len();
    frames.extend(zstd::encode_all(&text[half..], 3).unwrap());
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), "whole.zstd", &frames);
    assert_eq!(read(KIND, directory.path()).run()["status"], "succeeded");

    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), "cut.zstd", &frames[..first + 100]);
    let landed = read(KIND, directory.path());
    assert_eq!(landed.run()["status"], "unknown");
    assert!(landed.codes().contains(&("truncated-log", 2)), "{:?}", landed.codes());
    assert!(landed.warnings().iter().all(|warning| !warning.skipped));

    let mut damaged = frames;
    damaged[first..first + 4].fill(0x55);
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), "damaged.zstd", &damaged);
    let landed = read(KIND, directory.path());
    assert_eq!(landed.run()["status"], "unknown");
    assert!(landed.warnings().iter().any(|warning| warning.code == "damaged-log" && warning.skipped));
}

#[test]
fn our_fixtures_say_what_the_history_server_said() {
    let landed = read(KIND, &fixture("runs/spark"));
    assert!(landed.errors.is_empty(), "{:?}", landed.errors);
    let runs: BTreeMap<String, Row> =
        landed.runs().into_iter().map(|run| (run["run_id"].as_str().unwrap().to_owned(), run)).collect();
    assert_eq!(runs.len(), 4);

    let failed = &runs["local-1795164844219"];
    assert_eq!(failed["status"], "failed");
    let error = failed["error"].as_str().unwrap();
    assert!(
        error.starts_with("Job aborted due to stage failure: Task 1 in stage 3.0 failed 1 times"),
        "{error}"
    );
    assert!(error.chars().count() <= 300 && !error.contains('\n'));
    // Executor run time 4138 ms, CPU 316,807,576 ns, 1 failed and 2 killed tasks; two cores
    // from 08:54:04.386 until 08:54:16.627, whose heap is the driver's 900 MiB.
    for (column, want) in [
        ("task_ms", 4138),
        ("cpu_ms", 316),
        ("failed_tasks", 1),
        ("killed_tasks", 2),
        ("vcore_ms", 2 * 12_241),
        ("memory_mib_ms", (900 + 384) * 12_241),
    ] {
        assert_eq!(failed[column], want, "{column}");
    }

    // The driver was killed; the executors came at 519487 and 520878, the last event at 521993.
    let killed = &runs["app-20261120090505-0003"];
    assert_eq!((&killed["status"], &killed["ended_at"]), (&"unknown".into(), &Value::Null));
    assert_eq!(killed["vcore_ms"], (521_993 - 519_487) + (521_993 - 520_878));
    assert_eq!(killed["memory_mib_ms"], ((521_993 - 519_487) + (521_993 - 520_878)) * (512 + 384));

    // One core from 08:56:58.414 until 08:57:06.733, in Spark's LZ4.
    let empty = &runs["local-1795165018264"];
    assert_eq!(
        (&empty["status"], &empty["vcore_ms"], &empty["tasks"]),
        (&"succeeded".into(), &8319.into(), &0.into())
    );
    assert_eq!(empty["period"], "2026-11-20");
}

#[test]
fn an_unfinished_log_is_running_while_it_is_young_and_has_the_key_of_the_finished_one() {
    let log = std::fs::read(fixture("runs/spark/app-20261120090505-0003.zstd.inprogress")).unwrap();
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), "app-1.zstd.inprogress", log);
    let status =
        |now| read_with(KIND, directory.path(), &SourceOptions::default(), now).run()["status"].clone();
    let written: chrono::DateTime<chrono::Utc> =
        std::fs::metadata(directory.path().join("app-1.zstd.inprogress")).unwrap().modified().unwrap().into();
    // The log's last event is of 2026-11-20; the file may be younger.
    let last = written.max("2026-11-20T09:05:21Z".parse().unwrap());
    assert_eq!(status(last + chrono::TimeDelta::hours(23)), "running");
    assert_eq!(status(last + chrono::TimeDelta::hours(25)), "unknown");
    let key = |landed: Landed| landed.units.into_keys().next().unwrap();
    let unfinished = key(read(KIND, directory.path()));
    std::fs::rename(directory.path().join("app-1.zstd.inprogress"), directory.path().join("app-1.zstd"))
        .unwrap();
    assert_eq!(key(read(KIND, directory.path())), unfinished);
}
