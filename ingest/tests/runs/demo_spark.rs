//! Event logs that the demo platform writes, read back: the facts are the oracle.

use std::path::Path;

use fixtures::platform::facts::{Application, Day, Outcome, Parent, RunKey, TableWrite, WriteMode};
use fixtures::raw::spark::expected::figures;
use fixtures::raw::spark::{Modes, SparkLogs};
use ingest::source::SourceOptions;
use model::landed::Dataset;

use crate::frames::Row;
use crate::platform::application;
use crate::support::{Landed, fixture, read, read_with};

const KIND: &str = "spark-event-log";

fn landed_of(directory: &Path, apps: &[Application], day: &Day) -> Landed {
    let mut logs = SparkLogs::new(directory).unwrap();
    let modes = Modes::of(day);
    for app in apps {
        logs.application(app, &modes).unwrap();
    }
    read(KIND, directory)
}

fn landed(app: &Application) -> Landed {
    let directory = tempfile::tempdir().unwrap();
    landed_of(directory.path(), std::slice::from_ref(app), &Day::default())
}

fn tables(landed: &Landed) -> Vec<(String, String, i64, i64)> {
    let row = |row: &Row| {
        let text = |key: &str| row[key].as_str().unwrap().to_owned();
        (
            text("table_name"),
            text("access"),
            row["bytes"].as_i64().unwrap_or(-1),
            row["row_count"].as_i64().unwrap_or(-1),
        )
    };
    let mut tables: Vec<_> = landed.rows(Dataset::RunTables).iter().map(row).collect();
    tables.sort();
    tables
}

#[test]
fn every_release_tells_the_facts() {
    // Names decide the Spark that wrote the log; forty of them meet all three layouts.
    let apps: Vec<Application> = (0..40).map(application).collect();
    let directory = tempfile::tempdir().unwrap();
    let landed = landed_of(directory.path(), &apps, &Day::default());
    assert_eq!((landed.codes(), landed.errors.len()), (vec![], 0));
    let names: Vec<String> = std::fs::read_dir(directory.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    for kind in ["eventlog_v2_", "application_"] {
        assert!(names.iter().any(|name| name.starts_with(kind)), "{names:?}");
    }
    assert!(names.iter().any(|name| name.ends_with(".zstd")), "{names:?}");
    let runs = landed.runs();
    assert_eq!(runs.len(), 40);
    for run in &runs {
        // By hand, in minutes: 30 less 20.5 s and 21.5 s, 20 less 21 s; 4 cores and 14 GiB each.
        let held_ms: i64 = (1_800_000 - 20_500) + (1_800_000 - 21_500) + (1_200_000 - 21_000);
        for (column, want) in [
            ("vcore_ms", held_ms * 4),
            ("memory_mib_ms", held_ms * 14_336),
            ("executors", 3),
            ("tasks", 24),
            ("failed_tasks", 0),
            ("cpu_ms", 24 * 40_000 + 120 + 28),
            ("gc_ms", 24 * 900 + 120 + 28),
            ("input_bytes", 16 << 26),
            ("shuffle_write_bytes", 16 * (40 << 20)),
            ("shuffle_read_bytes", 8 * (80 << 20)),
            ("memory_spilled_bytes", 2 << 29),
            ("disk_spilled_bytes", 2 * (90 << 20)),
        ] {
            assert_eq!(run[column], want, "{column} of {}", run["run_id"]);
        }
        for (column, want) in [
            ("status", "succeeded"),
            ("workflow_id", "playback.sessions_daily"),
            ("step_id", "sessionize"),
            ("user_name", "svc-playback"),
        ] {
            assert_eq!(run[column], want, "{column} of {}", run["run_id"]);
        }
    }
    let want = [
        ("prod.content.titles", "read", 24 << 20, 100_003),
        ("prod.playback.session_events", "read", 1_000 << 20, 3_900_001),
        ("prod.playback.sessions_daily", "write", 8 * (30 << 20) + 28, 1_000_000),
    ];
    let tables = tables(&landed);
    for (table, access, bytes, rows) in want {
        let row = (table.to_owned(), access.to_owned(), bytes, rows);
        assert_eq!(tables.iter().filter(|known| **known == row).count(), 40, "{row:?} in {tables:?}");
    }
    assert_eq!(tables.len(), 120);
}

#[test]
fn an_application_that_failed_says_why_and_one_that_was_killed_does_too() {
    let mut failed = application(1);
    failed.outcome = Outcome::Failed;
    failed.error = Some("java.lang.OutOfMemoryError: Java heap space".to_owned());
    failed.writes.clear();
    let last = failed.stages.last_mut().unwrap();
    last.failure = Some("Task 2 in stage 1.0 failed 4 times".to_owned());
    last.tasks[2].failure = Some("java.lang.OutOfMemoryError: Java heap space".to_owned());
    last.tasks[3].failure = Some("ExecutorLostFailure: Reason: Container marked as failed".to_owned());
    last.tasks[4].killed = true;
    let landed = landed(&failed);
    let run = landed.run();
    assert_eq!((&run["status"], &run["error"]), (&"failed".into(), &failed.error.unwrap().into()));
    assert_eq!(
        (&run["failed_tasks"], &run["killed_tasks"], &run["tasks"]),
        (&2.into(), &1.into(), &24.into())
    );
    assert!(tables(&landed).iter().all(|table| table.1 == "read"));

    let mut killed = application(2);
    killed.outcome = Outcome::Killed;
    assert_eq!(landed_status(&killed), "killed");
    killed.stages.clear();
    assert_eq!(landed_status(&killed), "killed");
}

fn landed_status(app: &Application) -> String {
    landed(app).run()["status"].as_str().unwrap().to_owned()
}

#[test]
fn a_lost_driver_leaves_a_log_that_is_cut_and_counts_as_long_as_it_was_heard() {
    for number in 0..40 {
        let mut app = application(number);
        app.outcome = Outcome::PlatformFailed;
        app.ended = app.started + 250_000;
        app.executors[1].removed = Some(app.ended);
        app.stages[1].completed = app.ended;
        app.stages[1].tasks.retain(|task| task.finished < app.started + 250_000);
        app.writes.clear();
        let landed = landed(&app);
        let run = landed.run();
        assert_eq!(run["status"], "unknown");
        let codes = landed.codes();
        assert_eq!(codes[0].0, "truncated-log", "{codes:?}");
        let held_ms = (250_000 - 20_500) + (250_000 - 21_000) + (250_000 - 21_500);
        assert_eq!(run["vcore_ms"], held_ms * 4);
    }
}

#[test]
fn an_application_that_still_runs_is_running_while_its_log_is_young() {
    for number in 0..40 {
        let mut app = application(number);
        app.outcome = Outcome::Running;
        app.writes.clear();
        let directory = tempfile::tempdir().unwrap();
        SparkLogs::new(directory.path()).unwrap().application(&app, &Modes::default()).unwrap();
        let now = chrono::DateTime::from_timestamp_millis(app.ended + 3_600_000).unwrap();
        let landed = read_with(KIND, directory.path(), &SourceOptions::default(), now);
        let run = landed.run();
        assert_eq!(
            (&run["status"], run["ended_at"].is_null()),
            (&"running".into(), true),
            "{:?}",
            landed.codes()
        );
    }
}

#[test]
fn an_airflow_task_is_found_by_what_its_provider_injects() {
    let mut app = application(7);
    app.parent = Parent::Airflow {
        dag: "ads_billing_daily".to_owned(),
        run: "scheduled__2026-10-05T00:00:00+00:00".to_owned(),
        task: "invoices.reconcile".to_owned(),
        try_number: 2,
    };
    let run = landed(&app).run();
    for (column, want) in [
        ("workflow_id", "ads_billing_daily"),
        ("workflow_instance_id", "scheduled__2026-10-05T00:00:00+00:00"),
        ("step_id", "invoices.reconcile"),
    ] {
        assert_eq!(run[column], want, "{column}");
    }
    assert_eq!(run["attempt"], 2);
}

#[test]
fn every_way_to_write_names_its_table() {
    for (mode, bytes_known) in [
        (WriteMode::Append, true),
        (WriteMode::OverwriteDay, true),
        (WriteMode::OverwriteDays(30), true),
        (WriteMode::OverwriteAll, true),
        (WriteMode::CopyOnWrite(40), true),
        (WriteMode::Rewrite, true),
        (WriteMode::MergeOnRead, true),
    ] {
        let app = application(5);
        let (table, bytes, rows, files) = app.writes[0].clone();
        let write = TableWrite {
            table,
            at: app.ended,
            run: RunKey { engine: "spark", id: app.id.clone() },
            mode,
            day: "2026-10-05".parse().unwrap(),
            rows,
            bytes,
            files,
        };
        let day = Day { writes: vec![write], ..Day::default() };
        let directory = tempfile::tempdir().unwrap();
        let tables = tables(&landed_of(directory.path(), &[app], &day));
        let written: Vec<_> = tables.iter().filter(|table| table.1 == "write").collect();
        assert_eq!(written.len(), 1, "{mode:?}: {tables:?}");
        assert_eq!(written[0].0, "prod.playback.sessions_daily", "{mode:?}");
        assert_eq!(written[0].2 == bytes, bytes_known, "{mode:?}");
        // Rows that are only looked for are no read of the job's.
        assert_eq!(tables.len(), 3, "{mode:?}: {tables:?}");
    }
}

#[test]
fn two_tables_written_are_two_statements_with_their_own_bytes() {
    let mut app = application(9);
    let mut second = app.stages[1].clone();
    second.submitted += 120_000;
    second.completed += 120_000;
    for task in &mut second.tasks {
        (task.launched, task.finished) = (task.launched + 120_000, task.finished + 120_000);
        (task.output_bytes, task.output_rows) = (1_000, 10);
    }
    app.stages.push(second);
    app.writes.push(("prod.playback.sessions_by_device".to_owned(), 8_000, 80, 1));
    let tables = tables(&landed(&app));
    let written: Vec<_> = tables.into_iter().filter(|table| table.1 == "write").collect();
    let row = |table: &str, bytes, rows| (table.to_owned(), "write".to_owned(), bytes, rows);
    assert_eq!(
        written,
        [
            row("prod.playback.sessions_by_device", 8_000, 80),
            row("prod.playback.sessions_daily", 8 * (30 << 20) + 28, 1_000_000)
        ]
    );
}

/// One application of each outcome on each Spark, and one that writes by delete files.
fn sampled() -> (Vec<Application>, Day) {
    let mut apps: Vec<Application> = (0..40).map(application).collect();
    for (nth, app) in apps.iter_mut().enumerate() {
        let last = &mut app.stages[1];
        match nth % 4 {
            1 => {
                app.outcome = Outcome::Failed;
                app.error = Some("java.lang.OutOfMemoryError: Java heap space".to_owned());
                app.writes.clear();
                last.failure = Some("Task 2 in stage 1.0 failed 4 times".to_owned());
                last.tasks[2].failure = app.error.clone();
                last.tasks[3].failure =
                    Some("ExecutorLostFailure: Reason: Container marked as failed".to_owned());
                last.tasks[4].killed = true;
            }
            2 => app.outcome = Outcome::Killed,
            3 => {
                app.outcome = Outcome::PlatformFailed;
                app.writes.clear();
            }
            _ => {}
        }
    }
    let modes = [
        WriteMode::MergeOnRead,
        WriteMode::CopyOnWrite(30),
        WriteMode::OverwriteDay,
        WriteMode::OverwriteAll,
    ];
    let write = |(app, mode): (&Application, WriteMode)| TableWrite {
        table: "prod.playback.sessions_daily".to_owned(),
        at: app.ended,
        run: RunKey { engine: "spark", id: app.id.clone() },
        mode,
        day: "2026-10-05".parse().unwrap(),
        rows: 0,
        bytes: 0,
        files: 0,
    };
    let writes = apps.iter().step_by(4).zip(modes.into_iter().cycle()).map(write).collect();
    (apps, Day { writes, ..Day::default() })
}

#[test]
fn the_history_server_shows_the_facts() {
    let Some(python) = std::env::var_os("LAKELEDGER_PYSPARK") else {
        let note = b"skipped: LAKELEDGER_PYSPARK (a Python that has pyspark) is not set\n";
        let _ = std::io::Write::write_all(&mut std::io::stderr(), note);
        return;
    };
    let (apps, day) = sampled();
    let directory = tempfile::tempdir().unwrap();
    let logs = directory.path().join("logs");
    let mut writer = SparkLogs::new(&logs).unwrap();
    let modes = Modes::of(&day);
    apps.iter().for_each(|app| writer.application(app, &modes).unwrap());
    let expected: Vec<_> = apps.iter().map(figures).collect();
    let expectations = directory.path().join("expected.json");
    std::fs::write(&expectations, serde_json::to_string_pretty(&expected).unwrap()).unwrap();
    let script = fixture("checks/history_server.py");
    let ran = std::process::Command::new(python).arg(script).arg(&logs).arg(&expectations).output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{said}");
}
