//! Facts of a platform made by hand, for what its writers make of them.

use fixtures::platform::facts::{Application, Executor, HOUR_MS, Ms, Outcome, Parent, Scan, Stage, Task};

/// Monday 5 October 2026, 06:00 UTC.
pub const MORNING: Ms = 1_791_180_000_000;

const MIB: i64 = 1 << 20;

/// An application of 3 executors (4 cores; the second is lost after 20 minutes) and 2 stages:
/// 16 tasks that read two tables, 8 that write one; 30 minutes in all.
pub fn application(number: i64) -> Application {
    let started = MORNING + number % 24 * HOUR_MS;
    let executor = |id: i64, removed: Option<Ms>| Executor {
        id: id.to_string(),
        instance: format!("i-0aa11bb22cc33dd{id:02}"),
        host: format!("ip-10-12-3-{id}.ec2.internal"),
        cores: 4,
        added: started + 20_000 + id * 500,
        removed: removed.map(|after| started + after),
        reason: removed.map(|_| "Executor killed by driver.".to_owned()),
    };
    let task = |nth: i64, submitted: Ms, reads: bool| Task {
        executor: usize::try_from(nth % 3).unwrap(),
        launched: submitted + 1_000 + nth * 10,
        finished: submitted + 61_000 + nth * 1_010,
        cpu_ms: 40_000 + nth,
        gc_ms: 900 + nth,
        input_bytes: if reads { 64 * MIB } else { 0 },
        input_rows: if reads { 250_000 } else { 0 },
        output_bytes: if reads { 0 } else { 30 * MIB + nth },
        output_rows: if reads { 0 } else { 125_000 },
        shuffle_read_bytes: if reads { 0 } else { 80 * MIB },
        shuffle_write_bytes: if reads { 40 * MIB } else { 0 },
        memory_spilled_bytes: if nth == 3 { 512 * MIB } else { 0 },
        disk_spilled_bytes: if nth == 3 { 90 * MIB } else { 0 },
        peak_execution_bytes: 200 * MIB + nth,
        failure: None,
        killed: false,
    };
    let stage = |submitted: Ms, tasks: i64, reads: bool| Stage {
        name: "append at NativeMethodAccessorImpl.java:0".to_owned(),
        submitted,
        completed: submitted + 90_000,
        peak_heap_bytes: 3_000 * MIB,
        tasks: (0..tasks).map(|nth| task(nth, submitted, reads)).collect(),
        failure: None,
    };
    let scan = |table: &str, bytes: i64, rows: i64| Scan {
        table: table.to_owned(),
        bytes,
        rows,
        files: 8,
        snapshot: None,
        oldest_day: None,
    };
    Application {
        id: format!("application_1790500000000_{number:04}"),
        name: format!("playback_sessions_daily {}", number % 40),
        user: "svc-playback".to_owned(),
        cluster: "j-2PLAYBACKETL1".to_owned(),
        driver_host: "ip-10-12-3-200.ec2.internal".to_owned(),
        parent: Parent::Maestro {
            workflow: "playback.sessions_daily".to_owned(),
            instance: number,
            run: 1,
            step: "sessionize".to_owned(),
            attempt: 1,
        },
        submitted: started - 4_000,
        started,
        ended: started + 1_800_000,
        outcome: Outcome::Succeeded,
        error: None,
        executor_cores: 4,
        executor_memory_mib: 12_288,
        executor_overhead_mib: 2_048,
        dynamic: true,
        properties: vec![("spark.yarn.tags".to_owned(), "team:playback".to_owned())],
        executors: vec![executor(1, None), executor(2, Some(1_200_000)), executor(3, None)],
        stages: vec![stage(started + 60_000, 16, true), stage(started + 200_000, 8, false)],
        scans: vec![
            scan("prod.playback.session_events", 1_000 * MIB, 3_900_001),
            scan("prod.content.titles", 24 * MIB, 100_003),
        ],
        writes: vec![("prod.playback.sessions_daily".to_owned(), 8 * 30 * MIB + 28, 1_000_000, 8)],
    }
}
