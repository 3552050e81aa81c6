//! Queries and streams that the demo platform writes, read back: the facts are the oracle.

use std::collections::BTreeMap;

use fixtures::platform::facts::{
    DAY_MS, Day, HOUR_MS, LakeDay, Ms, Outcome, Parent, Query, Scan, StreamRun, Vertex,
};
use fixtures::raw::Writer;
use fixtures::raw::flink::FlinkArchives;
use fixtures::raw::trino::TrinoEvents;
use model::landed::Dataset;
use serde_json::{Value, json};

use crate::platform::MORNING;
use crate::support::read;

const MIDNIGHT: Ms = MORNING - 6 * HOUR_MS;

fn query(number: i64, parent: Parent) -> Query {
    let created = MORNING + number * 1000;
    Query {
        id: format!("20261005_060000_{number:05}_abcde"),
        cluster: "j-3TR1N0CLUSTER".to_owned(),
        user: "mira".to_owned(),
        source: "superset".to_owned(),
        client_tags: vec!["team:growth".to_owned()],
        parent,
        resource_group: vec!["global".to_owned(), "bi".to_owned()],
        text: "SELECT country, count(*) FROM prod.growth.signups GROUP BY 1".to_owned(),
        query_type: "SELECT".to_owned(),
        created,
        executed: created + 350,
        ended: created + 90 * 60_000,
        outcome: Outcome::Succeeded,
        error: None,
        cpu_ms: 2_597_531,
        scheduled_ms: 3_100_200,
        planning_ms: 90,
        peak_memory_bytes: 1 << 34,
        output_rows: 240,
        output_bytes: 5_310,
        splits: 120,
        scans: vec![(
            Scan {
                table: "prod.growth.signups".to_owned(),
                bytes: 12_345_678,
                rows: 99_000,
                files: 12,
                snapshot: Some(8_744_736_658_442_914_487),
                oldest_day: None,
            },
            vec!["country".to_owned()],
        )],
        wrote: Some(("prod.growth.daily".to_owned(), 777, 7)),
    }
}

fn stream(id: &str, outcome: Outcome, ended: Option<Ms>) -> StreamRun {
    let vertex = |id: &str, parallelism| Vertex {
        id: id.repeat(32),
        name: "Source: kafka-playback -> Parse".to_owned(),
        parallelism,
        read: (1_000, 10),
        written: (900, 30),
        busy_idle_backpressured_ms: (5_000, 6_000, 7),
    };
    StreamRun {
        id: id.repeat(32),
        name: "playback-sessions".to_owned(),
        cluster: "j-3FL1NKCLUSTER".to_owned(),
        user: "omar".to_owned(),
        started: MIDNIGHT - 2 * HOUR_MS,
        ended,
        outcome,
        slots: 6,
        task_managers: vec![
            ("container_1_01_000002".to_owned(), "ip-10-12-3-4.ec2.internal".to_owned(), 4),
            ("container_1_01_000003".to_owned(), "ip-10-12-3-5.ec2.internal".to_owned(), 2),
        ],
        vertices: vec![vertex("a", 3), vertex("b", 6), vertex("c", 1)],
        restarts: 1,
    }
}

#[test]
fn queries_are_what_they_were() {
    let directory = tempfile::tempdir().unwrap();
    let maestro = Parent::Maestro {
        workflow: "growth.daily".to_owned(),
        instance: 7,
        run: 2,
        step: "load".to_owned(),
        attempt: 3,
    };
    let failed = Query {
        outcome: Outcome::Failed,
        error: Some("EXCEEDED_LOCAL_MEMORY_LIMIT".to_owned()),
        ..query(3, Parent::Person)
    };
    let dashboard = Parent::Dashboard { name: "Signup funnel".to_owned() };
    let running = Query { outcome: Outcome::Running, ..query(4, Parent::Person) };
    let queries = vec![query(1, maestro), query(2, dashboard), failed, running];
    for gzip in [false, true] {
        let at = directory.path().join(gzip.to_string());
        let mut writer = TrinoEvents::new(&at, gzip).unwrap();
        writer
            .day(&Day { start: MIDNIGHT, queries: queries.clone(), ..Day::default() }, &LakeDay::default())
            .unwrap();
        writer.finish().unwrap();
        let landed = read("trino-events", &at);
        assert_eq!(landed.codes(), [("no-cluster", 1)]);
        let runs = landed.runs();
        assert_eq!(runs.len(), 3);
        for run in &runs {
            assert_eq!((&run["cpu_ms"], &run["vcore_ms"]), (&json!(2_597_531), &json!(2_597_531)));
            assert_eq!((&run["task_ms"], &run["input_bytes"]), (&json!(3_100_200), &json!(12_345_678)));
            assert_eq!(run["user_name"], json!("mira"));
        }
        assert_eq!((&runs[0]["workflow_id"], &runs[0]["attempt"]), (&json!("growth.daily"), &json!(3)));
        assert_eq!(
            (&runs[0]["workflow_instance_id"], &runs[0]["workflow_run_id"]),
            (&json!("7"), &json!("2"))
        );
        assert_eq!((&runs[1]["name"], &runs[2]["name"]), (&json!("Signup funnel"), &json!("adhoc/mira")));
        assert_eq!((&runs[2]["status"], &runs[1]["status"]), (&json!("failed"), &json!("succeeded")));
        let queries = landed.rows(Dataset::Queries);
        assert_eq!(queries[2]["error_code"], json!("EXCEEDED_LOCAL_MEMORY_LIMIT"));
        assert_eq!(
            (&queries[1]["dashboard"], &queries[0]["dashboard"]),
            (&json!("Signup funnel"), &Value::Null)
        );
        // From 06:00:01.350: 3,598,650 ms of 5,399,650 in the first hour, rounded down.
        let hours = landed.rows(Dataset::RunHours);
        assert_eq!((&hours[0]["vcore_ms"], &hours[0]["active_ms"]), (&json!(1_731_150), &json!(3_598_650)));
        assert_eq!(hours.iter().map(|row| row["vcore_ms"].as_i64().unwrap()).sum::<i64>(), 3 * 2_597_531);
        let tables = landed.rows(Dataset::RunTables);
        let written = tables.iter().filter(|row| row["access"] == "write").count();
        assert_eq!((tables.len(), written), (5, 2));
    }
}

#[test]
fn streams_hold_the_slots_they_held() {
    let directory = tempfile::tempdir().unwrap();
    let mut writer = FlinkArchives::new(directory.path()).unwrap();
    let ended = MIDNIGHT + HOUR_MS;
    let streams = vec![stream("1", Outcome::Killed, Some(ended)), stream("2", Outcome::Running, None)];
    writer.day(&Day { start: MIDNIGHT, streams, ..Day::default() }, &LakeDay::default()).unwrap();
    writer.finish().unwrap();
    let landed = read("flink-archive", directory.path());
    assert!(
        landed.errors.is_empty() && landed.codes().is_empty(),
        "{:?} {:?}",
        landed.errors,
        landed.codes()
    );
    let mut held: BTreeMap<(String, String), i64> = BTreeMap::new();
    for row in landed.rows(Dataset::RunHours) {
        let text = |column: &str| row[column].as_str().unwrap().to_owned();
        *held.entry((text("run_id"), text("host"))).or_default() += row["vcore_ms"].as_i64().unwrap();
    }
    let host = |number: i64| format!("ip-10-12-3-{number}.ec2.internal");
    let want = [
        (("1".repeat(32), host(4)), 4 * 3 * HOUR_MS),
        (("1".repeat(32), host(5)), 2 * 3 * HOUR_MS),
        // Views of the running one are taken as the day ends.
        (("2".repeat(32), host(4)), 4 * (DAY_MS + 2 * HOUR_MS)),
        (("2".repeat(32), host(5)), 2 * (DAY_MS + 2 * HOUR_MS)),
    ];
    assert_eq!(held, want.into());
    let runs = landed.runs();
    assert_eq!((&runs[0]["status"], &runs[0]["ended_at"]), (&json!("killed"), &json!(ended)));
    assert_eq!((&runs[1]["status"], &runs[1]["ended_at"]), (&json!("running"), &Value::Null));
    assert!(runs.iter().all(|run| run["name"] == "playback-sessions" && run["task_ms"] == 15_000));
}
