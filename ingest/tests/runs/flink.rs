//! Flink's job archives and views: a real cluster's, against its own history server, and
//! files that are broken.

use std::collections::BTreeMap;

use ingest::source::SourceOptions;
use model::landed::Dataset;
use serde_json::{Value, json};

use crate::support::{Landed, now, read, read_with, samples, write};

const KIND: &str = "flink-archive";
const ID: &str = "8b309055ffa1252b8a75f9a3e0f45b2f";

fn vertex(id: &str, group: Option<&str>, parallelism: i64) -> Value {
    let mut vertex = json!({
        "id": id, "parallelism": parallelism, "tasks": {"RUNNING": parallelism},
        "metrics": {"read-bytes": 10, "write-bytes": 20, "accumulated-busy-time": "NaN"},
    });
    if let Some(group) = group {
        vertex["slotSharingGroupId"] = json!(group);
    }
    vertex
}

/// Runs from 00:30 to the view taken at 02:00.
fn job(vertices: Value) -> Value {
    json!({
        "jid": ID, "name": "playback-sessions", "state": "RUNNING", "start-time": 1_791_160_200_000_i64, "end-time": -1,
        "now": 1_791_165_600_000_i64, "vertices": vertices,
    })
}

fn managers(vertex: &str, hosts: &[(&str, i64)]) -> Value {
    let managers = hosts.iter().map(|(host, subtasks)| {
        json!({"host": host, "taskmanager-id": host, "status-counts": {"RUNNING": subtasks, "CREATED": 0}})
    });
    json!({"id": vertex, "name": "x", "taskmanagers": managers.collect::<Vec<_>>()})
}

fn archive(views: &[(&str, Value)]) -> String {
    let entries =
        views.iter().map(|(end, view)| json!({"path": format!("/jobs/{ID}{end}"), "json": view.to_string()}));
    json!({"archive": entries.collect::<Vec<_>>()}).to_string()
}

fn read_files(files: &[(&str, String)]) -> Landed {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in files {
        write(directory.path(), name, text);
    }
    let options = SourceOptions { cluster: Some("j-FLINK".to_owned()), ..SourceOptions::default() };
    read_with(KIND, directory.path(), &options, now())
}

/// Vcore-milliseconds by host.
fn by_host(landed: &Landed) -> BTreeMap<String, i64> {
    let mut hosts = BTreeMap::new();
    for row in landed.rows(Dataset::RunHours) {
        let host = row["host"].as_str().unwrap_or("?").to_owned();
        *hosts.entry(host).or_default() += row["vcore_ms"].as_i64().unwrap();
    }
    hosts
}

#[test]
fn archives_say_what_the_history_server_says() {
    let Some(directory) = samples("runs/flink") else { return };
    let overview = std::fs::read(directory.join("rest/historyserver_jobs_overview.json")).unwrap();
    let overview: Value = serde_json::from_slice(&overview).unwrap();
    let landed = read(KIND, &directory.join("archive"));
    assert!(
        landed.errors.is_empty() && landed.codes().is_empty(),
        "{:?} {:?}",
        landed.errors,
        landed.codes()
    );
    let runs: BTreeMap<String, _> =
        landed.runs().into_iter().map(|run| (run["run_id"].as_str().unwrap().to_owned(), run)).collect();
    let jobs = overview["jobs"].as_array().unwrap();
    assert_eq!((runs.len(), jobs.len()), (4, 4));
    for job in jobs {
        let run = &runs[job["jid"].as_str().unwrap()];
        let status = match job["state"].as_str().unwrap() {
            "FINISHED" => "succeeded",
            "CANCELED" => "killed",
            _ => "failed",
        };
        for (key, want) in [
            ("name", &job["name"]),
            ("status", &json!(status)),
            ("started_at", &job["start-time"]),
            ("ended_at", &job["end-time"]),
            ("tasks", &job["tasks"]["total"]),
            ("failed_tasks", &job["tasks"]["failed"]),
            ("killed_tasks", &job["tasks"]["canceled"]),
        ] {
            assert_eq!(&run[key], want, "{key}");
        }
        // Streams hold the slots of their only sharing group all their life; the batch job
        // first two from 330,311 to 351,696, then one from 351,723 to 352,141.
        let duration = job["duration"].as_i64().unwrap();
        let want = match job["name"].as_str().unwrap() {
            "batch_country_rollup" => 2 * 21_385 + 418,
            "stream_dedupe_join" => duration,
            _ => 2 * duration,
        };
        assert_eq!(run["vcore_ms"], json!(want), "{}", job["name"]);
        assert_eq!(run["executors"], json!(1));
    }
    let failed = runs.values().find(|run| run["status"] == "failed").unwrap();
    assert_eq!(failed["error"], json!("java.lang.ArithmeticException: / by zero"));
    // read-bytes 0 + 811,428 + 2,504; write-bytes 808,500 + 1,040; busy 1,087 + 58 and one NaN.
    let windows = &runs[ID];
    assert_eq!(
        (&windows["shuffle_read_bytes"], &windows["shuffle_write_bytes"]),
        (&json!(813_932), &json!(809_540))
    );
    assert_eq!(windows["task_ms"], json!(1145));
    assert!(landed.rows(Dataset::RunHours).iter().all(|row| row["host"] == "localhost"));
}

#[test]
fn saved_views_of_running_jobs_are_runs_that_have_not_ended() {
    let Some(directory) = samples("runs/flink/rest") else { return };
    let landed = read(KIND, &directory);
    let runs = landed.runs();
    assert_eq!(runs.len(), 2);
    let windows = runs.iter().find(|run| run["run_id"] == ID).unwrap();
    assert_eq!((&windows["status"], &windows["ended_at"]), (&json!("running"), &Value::Null));
    // Taken 46,394 ms after its start, on two slots.
    assert_eq!(windows["vcore_ms"], json!(2 * 46_394));
}

#[test]
fn slots_lie_where_the_widest_vertex_has_its_subtasks() {
    let narrow = managers("b", &[("ip-10-0-0-2.ec2.internal:40001", 2)]);
    let wide = managers("a", &[("ip-10-0-0-1.ec2.internal:40000", 4), ("ip-10-0-0-2.ec2.internal:40001", 2)]);
    let views = [
        ("", job(json!([vertex("b", Some("g"), 2), vertex("a", Some("g"), 6)]))),
        ("/vertices/b/taskmanagers", narrow),
        ("/vertices/a/taskmanagers", wide),
    ];
    let landed = read_files(&[(&format!("{ID}.json"), archive(&views))]);
    // An hour and a half of four and of two slots.
    let want = [("ip-10-0-0-1.ec2.internal", 4 * 5_400_000), ("ip-10-0-0-2.ec2.internal", 2 * 5_400_000)];
    assert_eq!(by_host(&landed), want.map(|(host, ms)| (host.to_owned(), ms)).into());
    assert_eq!(landed.rows(Dataset::RunHours).len(), 4);
    assert_eq!(landed.run()["cluster_id"], json!("j-FLINK"));
}

#[test]
fn sharing_groups_add_up_and_unknown_places_stay_unknown() {
    let views = [
        ("", job(json!([vertex("a", Some("g"), 3), vertex("b", Some("h"), 2)]))),
        ("/vertices/a/taskmanagers", managers("a", &[("(unassigned)", 1), ("n1:1", 1)])),
    ];
    let landed = read_files(&[(ID, archive(&views))]);
    assert_eq!(by_host(&landed), [("?".to_owned(), 4 * 5_400_000), ("n1".to_owned(), 5_400_000)].into());
    // Before 1.20 no groups are told: all share.
    let landed =
        read_files(&[(ID, archive(&[("", job(json!([vertex("a", None, 3), vertex("b", None, 2)])))]))]);
    assert_eq!(landed.run()["vcore_ms"], json!(3 * 5_400_000));
}

#[test]
fn an_archive_replaces_the_views_of_its_job() {
    let mut ended = job(json!([vertex("a", None, 1)]));
    ended["state"] = json!("CANCELED");
    ended["end-time"] = json!(1_791_165_600_000_i64);
    let running = archive(&[("", job(json!([vertex("a", None, 1)])))]);
    let landed = read_files(&[(ID, archive(&[("", ended)])), (&format!("{ID}.json"), running)]);
    assert_eq!(landed.run()["status"], json!("killed"));
}

#[test]
fn parameters_are_tags() {
    let config = json!({"execution-config": {"user-config": {"team": "playback", "n": 5}}});
    let landed = read_files(&[(ID, archive(&[("", job(json!([]))), ("/config", config)]))]);
    let tags = landed.rows(Dataset::TagSets);
    assert_eq!((tags.len(), &tags[0]["key"], &tags[0]["value"]), (1, &json!("team"), &json!("playback")));
}

#[test]
fn broken_archives_are_named() {
    let whole = archive(&[("", job(json!([vertex("a", None, 1)])))]);
    for (text, want) in [
        (&whole[..whole.len() / 2], "EOF"),
        ("not json", "expected"),
        (r#"{"archive": [{"path": 5}]}"#, "not a list of paths"),
        (r#"{"archive": []}"#, "no view of a job"),
    ] {
        let landed = read_files(&[(ID, text.to_owned())]);
        assert!(landed.errors.values().any(|error| error.contains(want)), "{want}: {:?}", landed.errors);
    }
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    std::io::Write::write_all(&mut gz, whole.as_bytes()).unwrap();
    let gz = gz.finish().unwrap();
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), &format!("{ID}.gz"), &gz[..gz.len() / 2]);
    assert_eq!(read(KIND, directory.path()).errors.len(), 1);

    let views =
        [("", job(json!([vertex("a", None, 1)]))), ("/vertices/a/taskmanagers", json!({"taskmanagers": 5}))];
    assert_eq!(read_files(&[(ID, archive(&views))]).codes(), [("malformed-record", 1)]);
    assert_eq!(read_files(&[("notes.txt", "x".to_owned())]).codes(), [("no-archives", 1)]);
    assert_eq!(read_files(&[(&format!("{ID}/a.json"), "[1]".to_owned())]).codes(), [("not-a-job", 1)]);
}

#[test]
fn hostile_numbers_and_names_do_no_harm() {
    let mut wild = job(json!([
        {"id": "a", "parallelism": i64::MAX, "metrics": {"read-bytes": 1e300, "write-bytes": -7}, "tasks": {"FAILED": i64::MAX, "CANCELED": i64::MAX}},
        {"id": "b", "parallelism": -3}, {"parallelism": "NaN"},
    ]));
    wild["jid"] = json!("<b>\u{0}");
    let landed = read_files(&[(ID, archive(&[("", wild.clone())]))]);
    let run = landed.run();
    assert_eq!(
        (&run["run_id"], &run["shuffle_read_bytes"], &run["tasks"]),
        (&json!("<b> "), &json!(0), &json!(i64::MAX))
    );
    wild["start-time"] = json!(978_307_200_000_i64);
    assert_eq!(read_files(&[(ID, archive(&[("", wild.clone())]))]).codes(), [("bad-time", 1)]);
    wild["start-time"] = json!("yesterday");
    assert_eq!(read_files(&[(ID, archive(&[("", wild)]))]).errors.len(), 1);
}
