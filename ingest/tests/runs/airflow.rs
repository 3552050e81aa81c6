//! Airflow: what its REST API says against the rows of the same Airflow's database, the
//! demo's dumps against the facts they were made from, and records that are broken.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use chrono::NaiveDateTime;
use fixtures::platform::facts::{DagRun, Day, LakeDay, Outcome, RunKey, TaskTry};
use fixtures::raw::Writer;
use fixtures::raw::airflow::AirflowDumps;
use model::landed::Dataset;
use serde_json::{Value, json};

use crate::frames::Row;
use crate::support::{Landed, read, samples, write};

const KIND: &str = "airflow";

/// Both Airflows of the samples.
const VERSIONS: [&str; 2] = ["airflow-2.11.2", "airflow-3.1.8"];

/// A task's try in the database: id, status, queued, start and end in epoch milliseconds.
type Attempt = (String, String, i64, i64, i64);

fn rows_of(path: &Path) -> Vec<Value> {
    fs::read_to_string(path).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn milliseconds(value: &Value) -> i64 {
    let at = NaiveDateTime::parse_from_str(value.as_str().unwrap(), "%Y-%m-%d %H:%M:%S%.f").unwrap();
    at.and_utc().timestamp_millis()
}

/// Every try that the database's tables hold.
fn attempts_of_database(directory: &Path) -> BTreeSet<Attempt> {
    let tables = ["db/task_instance.jsonl", "db/task_instance_history.jsonl"];
    let rows = tables.iter().flat_map(|table| rows_of(&directory.join(table)));
    let attempt = |row: Value| {
        let text = |key: &str| row[key].as_str().unwrap().to_owned();
        let index = row["map_index"].as_i64().filter(|index| *index >= 0);
        let index = index.map_or(String::new(), |index| format!("/{index}"));
        let id =
            format!("{}/{}/{}{index}/{}", text("dag_id"), text("run_id"), text("task_id"), row["try_number"]);
        let status = if row["state"] == "success" { "succeeded" } else { "failed" };
        let time = |key: &str| milliseconds(&row[key]);
        (id, status.to_owned(), time("queued_dttm"), time("start_date"), time("end_date"))
    };
    rows.map(attempt).collect()
}

fn attempts_landed(landed: &Landed) -> BTreeSet<Attempt> {
    let runs = landed.runs();
    let tasks = runs.iter().filter(|run| !run["step_id"].is_null());
    let attempts = tasks.map(|run| {
        let text = |key: &str| run[key].as_str().unwrap().to_owned();
        let time = |key: &str| run[key].as_i64().unwrap();
        (text("run_id"), text("status"), time("queued_at"), time("started_at"), time("ended_at"))
    });
    attempts.collect()
}

/// The REST answers of a sample alone, without the database's rows.
fn rest_only(directory: &Path) -> Landed {
    let copy = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            fs::copy(&path, copy.path().join(path.file_name().unwrap())).unwrap();
        }
    }
    read(KIND, copy.path())
}

fn by_id(landed: &Landed) -> BTreeMap<String, Row> {
    landed.runs().into_iter().map(|run| (run["run_id"].as_str().unwrap().to_owned(), run)).collect()
}

#[test]
fn the_database_s_rows_become_runs_with_every_try() {
    let Some(samples) = samples("runs/airflow") else { return };
    for (version, tries) in VERSIONS.into_iter().zip([16, 20]) {
        let directory = samples.join(version);
        let landed = read(KIND, &directory.join("db"));
        assert!(landed.errors.is_empty(), "{:?}", landed.errors);
        assert_eq!(attempts_landed(&landed), attempts_of_database(&directory), "{version}");
        assert_eq!(attempts_landed(&landed).len(), tries, "{version}: instances and history rows");
        let dag_runs = landed.runs().iter().filter(|run| run["step_id"].is_null()).count();
        assert_eq!(dag_runs, rows_of(&directory.join("db/dag_run.jsonl")).len(), "{version}");
    }
}

#[test]
fn rest_says_what_the_database_says() {
    let Some(samples) = samples("runs/airflow") else { return };
    for version in VERSIONS {
        let directory = samples.join(version);
        let landed = rest_only(&directory);
        assert!(landed.errors.is_empty(), "{:?}", landed.errors);
        // The answers were fetched a moment before the rows: a run that began since is not in them.
        let listed: BTreeSet<String> = ["playback_daily", "mapped_backfill"]
            .iter()
            .flat_map(|dag| {
                let file = directory.join(format!("rest_dagRuns_{dag}.json"));
                let page: Value = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
                let runs = page["dag_runs"].as_array().unwrap().clone();
                runs.into_iter().map(|run| run["dag_run_id"].as_str().unwrap().to_owned())
            })
            .collect();
        let want: BTreeSet<Attempt> = attempts_of_database(&directory)
            .into_iter()
            .filter(|(id, ..)| listed.iter().any(|run| id.contains(run.as_str())))
            .collect();
        assert_eq!(attempts_landed(&landed), want, "{version}");
    }
}

#[test]
fn tries_meet_their_dag_their_task_and_their_dag_run() {
    let Some(samples) = samples("runs/airflow") else { return };
    for version in VERSIONS {
        let directory = samples.join(version);
        for landed in [rest_only(&directory), read(KIND, &directory)] {
            let runs = by_id(&landed);
            let run = |id: &str| &runs[id];
            let first = "playback_daily/scheduled__2026-11-17T00:00:00+00:00";
            // As the samples say, read by eye: owners of the tasks, trigger, version.
            for (task, owner) in
                [("extract", "amelia"), ("spark_transform", "amelia"), ("publish", "data-platform")]
            {
                let number = if task == "spark_transform" { 2 } else { 1 };
                let row = run(&format!("{first}/{task}/{number}"));
                assert_eq!(row["owner"], owner, "{version} {task}");
                assert_eq!(row["trigger"], "time");
                assert_eq!(row["workflow_id"], "playback_daily");
                assert_eq!(row["workflow_instance_id"], "scheduled__2026-11-17T00:00:00+00:00");
                assert_eq!((&row["step_id"], &row["attempt"]), (&json!(task), &json!(number)));
                assert_eq!(row["engine_version"], version.strip_prefix("airflow-").unwrap());
            }
            let tags = |id: &str| -> BTreeSet<(String, String)> {
                let set = &run(id)["tag_set_id"];
                let rows = landed.rows(Dataset::TagSets);
                let rows = rows.iter().filter(|tag| &tag["tag_set_id"] == set);
                rows.map(|tag| (tag["key"].as_str().unwrap().into(), tag["value"].as_str().unwrap().into()))
                    .collect()
            };
            let pairs = |pairs: &[(&str, &str)]| -> BTreeSet<(String, String)> {
                pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
            };
            assert_eq!(
                tags(&format!("{first}/extract/1")),
                pairs(&[
                    ("cost_center", "4410"),
                    ("dse", "true"),
                    ("tier1", "true"),
                    ("airflow_pool", "spark_pool")
                ])
            );
            let mapped: Vec<&Row> = runs.values().filter(|run| run["step_id"] == "work").collect();
            assert_eq!(mapped.len(), 3, "a run an index");
            assert!(
                mapped
                    .iter()
                    .all(|run| run["trigger"] == "manual" && run["workflow_id"] == "mapped_backfill")
            );
            let names: BTreeSet<&str> = mapped.iter().map(|run| run["name"].as_str().unwrap()).collect();
            assert_eq!(names, BTreeSet::from(["work[0]", "work[1]", "work[2]"]));
            // The run's `conf` says who pays.
            let manual = mapped[0]["run_id"].as_str().unwrap();
            assert!(tags(manual).contains(&("cost_center".to_owned(), "9001".to_owned())), "{version}");
        }
    }
}

pub fn dag_run() -> DagRun {
    let start = 1_791_172_800_000; // 2026-10-05T04:00:00Z
    let minute = 60_000;
    let attempt = |task: &str, number: i64, at: i64, outcome, child: Option<(&'static str, &str)>| TaskTry {
        task: task.to_owned(),
        operator: "SparkSubmitOperator".to_owned(),
        try_number: number,
        max_tries: 3,
        pool: ("emr_studio".to_owned(), 1),
        hostname: "airflow-worker-1".to_owned(),
        queued: start + at * minute,
        started: start + at * minute + 4_250,
        ended: start + (at + 9) * minute,
        outcome,
        child: child.map(|(engine, id)| RunKey { engine, id: id.to_owned() }),
        inputs: vec!["prod.playback.sessions".to_owned()],
        outputs: vec![("prod.studio.asset_facts".to_owned(), 8_000_000, 120_000)],
    };
    DagRun {
        dag: "studio_assets_daily".to_owned(),
        owner: "jlindqvist".to_owned(),
        tags: vec!["team:studio".to_owned(), "daily".to_owned()],
        schedule: Some("0 4 * * *".to_owned()),
        run_id: "scheduled__2026-10-05T04:00:00+00:00".to_owned(),
        run_type: "scheduled".to_owned(),
        logical_date: start,
        data_interval_end: start,
        queued: start,
        started: start + 900,
        ended: start + 40 * minute,
        outcome: Outcome::Succeeded,
        tries: vec![
            attempt("build_facts", 1, 1, Outcome::Failed, Some(("spark", "application_1791000000000_0041"))),
            attempt(
                "build_facts",
                2,
                15,
                Outcome::Succeeded,
                Some(("spark", "application_1791000000000_0042")),
            ),
            attempt("publish", 1, 25, Outcome::Succeeded, Some(("trino", "20261005_042503_00042_ab9de"))),
        ],
    }
}

fn demo(runs: Vec<DagRun>) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let mut writer = AirflowDumps::new(directory.path());
    let day = Day { start: 1_791_158_400_000, dag_runs: runs, ..Day::default() };
    writer.day(&day, &LakeDay::default()).unwrap();
    writer.finish().unwrap();
    directory
}

#[test]
fn the_demo_s_dumps_say_what_the_facts_say() {
    let mut failed = dag_run();
    failed.run_id = "manual__2026-10-05T09:00:00+00:00".to_owned();
    failed.run_type = "manual".to_owned();
    failed.outcome = Outcome::Failed;
    failed.tries.truncate(1);
    let directory = demo(vec![dag_run(), failed]);
    let landed = read(KIND, directory.path());
    assert!(
        landed.errors.is_empty() && landed.codes().is_empty(),
        "{:?} {:?}",
        landed.errors,
        landed.warnings()
    );
    assert_eq!(landed.units.len(), 1, "a dump is one unit");
    let runs = by_id(&landed);
    let facts = dag_run();
    let (dag, run) = (&facts.dag, &facts.run_id);
    // 2 DAG runs, 3 tries and 1; `publish` of the failed run is upstream_failed: no run.
    assert_eq!(runs.len(), 6);
    assert!(!runs.keys().any(|id| id.contains("manual") && id.contains("publish")));
    for attempt in &facts.tries {
        let row = &runs[&format!("{dag}/{run}/{}/{}", attempt.task, attempt.try_number)];
        let succeeded = attempt.outcome == Outcome::Succeeded;
        assert_eq!(row["status"], if succeeded { "succeeded" } else { "failed" });
        assert_eq!(
            [&row["queued_at"], &row["started_at"], &row["ended_at"]],
            [&json!(attempt.queued), &json!(attempt.started), &json!(attempt.ended)]
        );
        assert_eq!(row["owner"], "jlindqvist");
        assert_eq!(row["attempt"], attempt.try_number);
        // XComs of a try that failed are not there.
        let child = attempt.child.as_ref().filter(|_| succeeded).map(|child| child.id.clone());
        assert_eq!(row["child_run_id"], json!(child), "{}", attempt.task);
    }
    assert_eq!(runs[&format!("{dag}/{run}")]["trigger"], "time");
    assert_eq!(runs[&format!("{dag}/manual__2026-10-05T09:00:00+00:00")]["trigger"], "manual");
    assert_eq!(runs[&format!("{dag}/manual__2026-10-05T09:00:00+00:00")]["status"], "failed");
}

/// Keys of objects by the path to them, items of lists taken together.
pub fn paths(value: &Value, at: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            for (key, inner) in fields {
                let path = format!("{at}.{key}");
                paths(inner, &path, found);
                found.insert(path);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| paths(item, at, found)),
        _ => {}
    }
}

#[test]
fn the_demo_s_dumps_have_the_fields_that_airflow_3_1_8_answers() {
    let Some(samples) = samples("runs/airflow/airflow-3.1.8") else { return };
    let directory = demo(vec![dag_run()]);
    let dump = directory.path().join("2026-10-05");
    for (ours, theirs) in [
        ("version.json", "rest_version.json"),
        ("dags.json", "rest_dags.json"),
        ("details/studio_assets_daily.json", "rest_dag_details_playback_daily.json"),
        ("tasks/studio_assets_daily.json", "rest_tasks_playback_daily.json"),
        ("dagRuns.json", "rest_dagRuns_playback_daily.json"),
        ("taskInstances.json", "rest_taskInstances_playback_daily.json"),
        ("tries.json", "rest_tries_playback_daily.json"),
        ("pools.json", "rest_pools.json"),
    ] {
        let keys = |path: &Path| {
            let mut found = BTreeSet::new();
            paths(&serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap(), "", &mut found);
            found
        };
        let real = keys(&samples.join(theirs));
        let invented: Vec<String> =
            keys(&dump.join(ours)).into_iter().filter(|path| !real.contains(path)).collect();
        // Tasks' pages are counted by newer clients only.
        assert!(invented.iter().all(|path| path == ".total_entries"), "{ours}: {invented:?}");
    }
}

fn instance(state: &str, number: i64) -> Value {
    json!({
        "dag_id": "d", "dag_run_id": "manual__1", "task_id": "t", "map_index": -1, "try_number": number,
        "state": state, "queued_when": "2026-10-05T04:00:00Z", "start_date": "2026-10-05T04:00:01Z",
        "end_date": "2026-10-05T04:10:00Z",
    })
}

fn read_text(files: &[(&str, &str)]) -> Landed {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in files {
        write(directory.path(), name, text);
    }
    read(KIND, directory.path())
}

#[test]
fn a_state_says_whether_and_how_a_try_ran() {
    for (state, status) in [
        ("success", Some("succeeded")),
        ("failed", Some("failed")),
        ("up_for_retry", Some("failed")),
        ("running", Some("running")),
        ("deferred", Some("running")),
        ("restarting", Some("killed")),
        ("invented", Some("unknown")),
        // These have never run, or still show the times of the try before.
        ("skipped", None),
        ("upstream_failed", None),
        ("removed", None),
        ("queued", None),
        ("scheduled", None),
    ] {
        let landed = read_text(&[("i.json", &instance(state, 1).to_string())]);
        let runs = landed.runs();
        assert_eq!(runs.first().map(|run| run["status"].as_str().unwrap()), status, "{state}");
        let ended = status.is_some_and(|status| status != "running");
        assert_eq!(runs.iter().any(|run| !run["ended_at"].is_null()), ended, "{state}");
    }
}

#[test]
fn broken_records_are_named_and_the_rest_is_read() {
    let good = instance("success", 1).to_string();
    let cut = &good[..good.len() / 2];
    let landed = read_text(&[("i.jsonl", &format!("{good}\n{cut}\n\u{0}\n"))]);
    assert_eq!((landed.runs().len(), landed.codes()), (1, vec![("malformed-record", 2)]));
    let landed = read_text(&[("a.json", &good), ("b.json", "[{\"dag_runs\": [")]);
    assert_eq!((landed.runs().len(), landed.codes()), (1, vec![("malformed-record", 1)]));
    assert!(landed.warnings()[0].object.ends_with("b.json") && landed.warnings()[0].skipped);
    // A directory with nothing in it that can be read is an error that names a file.
    let landed = read_text(&[("b.json", "{\"dag_runs\": [")]);
    assert!(landed.errors.values().next().unwrap().contains("b.json"), "{:?}", landed.errors);
    let landed = read_text(&[("pools.json", "{\"pools\": [{\"name\": \"p\", \"slots\": 3}]}")]);
    assert_eq!(landed.codes(), [("not-an-export", 1)]);

    let mut bad_start = instance("success", 1);
    bad_start["start_date"] = json!("yesterday");
    let mut bad_end = instance("success", 2);
    bad_end["end_date"] = json!({"at": 7});
    let landed = read_text(&[("i.json", &json!([bad_start, bad_end]).to_string())]);
    assert_eq!(landed.codes(), [("bad-time", 3)]);
    assert_eq!(landed.runs().len(), 1, "a try without a start is left out");
    for hostile in
        ["null", "[]", "[[[{}]]]", "7", "{\"task_instances\": 3}", "{\"tasks\": [7, null]}", "\"\\u0000\""]
    {
        let landed = read_text(&[("h.json", hostile)]);
        assert!(landed.runs().is_empty() && landed.errors.is_empty(), "{hostile}");
    }
}

#[test]
fn tasks_without_a_dag_go_by_the_name_of_their_file() {
    let run = |dag: &str| {
        let mut run = instance("success", 1);
        run["dag_id"] = json!(dag);
        run.to_string()
    };
    let dags = r#"{"dags": [{"dag_id": "daily", "owners": ["a", "b"]}, {"dag_id": "playback_daily", "owners": ["a", "b"]}]}"#;
    let tasks = r#"{"tasks": [{"task_id": "t", "owner": "amelia"}]}"#;
    let owner = |name: &str| {
        let landed = read_text(&[
            ("dags.json", dags),
            ("i.jsonl", &format!("{}\n{}", run("daily"), run("playback_daily"))),
            (name, tasks),
        ]);
        let of = |dag: &str| {
            let runs = landed.runs();
            runs.iter().find(|run| run["workflow_id"] == dag).unwrap()["owner"].clone()
        };
        (
            of("daily"),
            of("playback_daily"),
            landed.codes().into_iter().map(|(code, _)| code.to_owned()).collect::<Vec<_>>(),
        )
    };
    let several = vec!["several-owners".to_owned()];
    assert_eq!(owner("tasks_playback_daily.json"), (Value::Null, json!("amelia"), several.clone()));
    assert_eq!(owner("tasks/daily.json"), (json!("amelia"), Value::Null, several.clone()));
    assert_eq!(owner("dag_id=playback_daily/tasks.json"), (Value::Null, json!("amelia"), several));
    let both = vec!["several-owners".to_owned(), "tasks-without-dag".to_owned()];
    assert_eq!(owner("tasks.json"), (Value::Null, Value::Null, both));
}
