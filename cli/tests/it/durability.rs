//! Killing the process at any instant loses nothing and shows nothing half-done.

use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use model::manifest::Manifest;

use crate::lab::{Lab, is_thorough, ran};

const SIGKILL: i32 = 9;

/// What must hold of a ledger whose writer was just killed.
fn assert_nothing_half_done(lab: &Lab) {
    let ledger = lab.path("ledger");
    let manifest = ledger.join("manifest.json");
    if manifest.exists() {
        let manifest: Manifest = serde_json::from_str(&std::fs::read_to_string(manifest).unwrap()).unwrap();
        for part in manifest.entries.iter().flat_map(|entry| &entry.parts) {
            let bytes = std::fs::metadata(ledger.join(&part.path)).unwrap().len();
            assert_eq!(bytes, part.bytes, "{}", part.path);
        }
    }
    if ledger.join("marts/current").exists() {
        lab.ok(&["status"]);
    }
}

fn recover_and_compare(lab: &Lab, reference: &str) {
    lab.ok(&["run"]);
    assert_eq!(lab.figures(), reference, "the run after a kill gives other figures");
}

fn reference() -> (String, Duration) {
    let lab = Lab::new();
    let started = Instant::now();
    lab.ok(&["run"]);
    (lab.figures(), started.elapsed())
}

/// Gives every export another modification time, so that the next run reads all of it again.
fn touch(directory: &Path, to: SystemTime) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            touch(&path, to);
        } else {
            std::fs::File::options().append(true).open(path).unwrap().set_modified(to).unwrap();
        }
    }
}

#[test]
fn a_kill_at_any_time_leaves_the_old_state_or_the_new() {
    let (reference, whole) = reference();
    let (mut kills, runs) = (0, if is_thorough("killed at six instants") { 30 } else { 6_u32 });
    for nth in 1..=runs {
        // Every other time the ledger holds an earlier state, which must survive too.
        let is_later = nth % 2 == 0;
        let lab = if is_later { Lab::published() } else { Lab::new() };
        if is_later {
            touch(&lab.path("exports"), SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000));
        }
        let mut child = lab.command(&["run"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // Multiples of the golden ratio: spread uniformly over the run, and the same each time.
        let instant = (f64::from(nth) * 0.618_033_988_75).fract();
        std::thread::sleep(whole.mul_f64(instant));
        let _ = child.kill();
        kills += u32::from(child.wait().unwrap().signal() == Some(SIGKILL));
        assert_nothing_half_done(&lab);
        if is_later {
            assert_eq!(lab.figures(), reference, "the earlier state is shown until the new one is whole");
        }
        recover_and_compare(&lab, &reference);
    }
    // The first run was timed beside other tests; later ones may be faster, and end unkilled.
    assert!(kills >= runs / 3, "only {kills} of {runs} runs were still going when they were killed");
}

/// Compiles the library that kills its process after a chosen system call.
fn killer(directory: &Path) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/kill_after.c");
    let library = directory.join("kill_after.so");
    let compiled = Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(source).status();
    assert!(compiled.is_ok_and(|status| status.success()), "this test needs a C compiler named cc");
    library
}

/// Kills runs after their first, second, third ... call, or each fifth of them, until one gets through; returns after
/// which it was killed at last.
fn kill_after_each(call: &str, library: &Path, reference: &str) -> u32 {
    let step = if is_thorough(&format!("killed at each fifth {call}")) { 1 } else { 5 };
    let mut last = 0;
    for (at, nth) in (1..).step_by(step).enumerate() {
        let lab = Lab::new();
        let status = lab
            .command(&["run"])
            .env("LD_PRELOAD", library)
            .env("KILL_CALL", call)
            .env("KILL_AFTER", nth.to_string())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .unwrap();
        if status.success() {
            return last;
        }
        assert_eq!(status.signal(), Some(SIGKILL), "after {call} {nth}: {status}");
        assert_nothing_half_done(&lab);
        // The states a kill can leave are few; recovering from every fourth is enough to see
        // that what is left behind does not matter.
        if at % 4 == 0 {
            recover_and_compare(&lab, reference);
        }
        last = nth;
    }
    0
}

#[test]
fn a_kill_after_every_rename_and_flush_leaves_the_old_state_or_the_new() {
    let (reference, _) = reference();
    let directory = tempfile::tempdir().unwrap();
    let library = killer(directory.path());
    let kills = std::thread::scope(|scope| {
        let calls =
            ["rename", "fsync"].map(|call| scope.spawn(|| kill_after_each(call, &library, &reference)));
        calls.map(|thread| thread.join().unwrap())
    });
    println!("killed up to the {}th rename and the {}th flush", kills[0], kills[1]);
    assert!(kills[0] >= 20 && kills[1] >= 30, "{kills:?}: are renames and flushes still what commits?");
}

#[test]
fn a_second_writer_is_told_who_the_first_is() {
    let lab = Lab::new();
    lab.ok(&["run"]);
    let lock = lab.path("ledger/writer.lock");
    let _held = hold(&lock);
    let ran = ran(lab.command(&["run"]).output().unwrap());
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("is being written by process"), "{}", ran.stderr);
    assert!(ran.stderr.contains("lakeledger run"), "{}", ran.stderr);
    assert!(ran.stderr.contains("hint: "), "{}", ran.stderr);
}

fn hold(lock: &Path) -> std::fs::File {
    let file = std::fs::File::options().read(true).write(true).open(lock).unwrap();
    file.lock().unwrap();
    file
}
