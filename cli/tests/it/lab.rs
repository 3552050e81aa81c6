//! A copy of the lab or of a demo in a directory of its own, and the binary to run on it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::UNIX_EPOCH;

use tempfile::TempDir;

/// Whether tests look at all there is, for as long as it takes: `LAKELEDGER_THOROUGH=1`. Else they look at a part, and
/// this says at which.
pub fn is_thorough(part: &str) -> bool {
    let is_thorough = std::env::var_os("LAKELEDGER_THOROUGH").is_some_and(|value| value == "1");
    if !is_thorough {
        let note = format!("{part}: LAKELEDGER_THOROUGH=1 looks at all\n");
        // Not `eprintln!`: the test runner swallows that for tests that pass.
        let _ = std::io::Write::write_all(&mut std::io::stderr(), note.as_bytes());
    }
    is_thorough
}

const BINARY: &str = env!("CARGO_BIN_EXE_lakeledger");

/// A directory with a configuration; deleted when dropped.
pub struct Lab {
    directory: TempDir,
}

/// What a command printed and how it ended.
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

pub fn lab_directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/lab").canonicalize().unwrap()
}

pub fn copy_tree(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_tree(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn command(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(BINARY);
    command.current_dir(directory).args(arguments).env("NO_COLOR", "1");
    command
}

/// A directory that a command makes once for all tests, and for all runs of them by one build of the binary.
fn made(name: &str, make: &dyn Fn(&Path) -> Command) -> PathBuf {
    let all = Path::new(env!("CARGO_TARGET_TMPDIR")).join("made");
    fs::create_dir_all(&all).unwrap();
    // One at a time, in whichever process: a thread beside this opens a file of its own.
    let lock = fs::File::create(all.join("lock")).unwrap();
    lock.lock().unwrap();
    let changed = |path: &Path| {
        let metadata = fs::metadata(path).unwrap();
        (metadata.modified().unwrap().duration_since(UNIX_EPOCH).unwrap().as_nanos(), metadata.len())
    };
    let (binary, lab) = (changed(Path::new(BINARY)), newest(&lab_directory(), &changed));
    let build = format!("{}-{}-{}-{}", binary.0, binary.1, lab.0, lab.1);
    let place = all.join(&build).join(name);
    if place.exists() {
        return place;
    }
    for other in fs::read_dir(&all).into_iter().flatten() {
        let other = other.unwrap();
        if other.file_name() != *build && other.path().is_dir() {
            drop(fs::remove_dir_all(other.path()));
        }
    }
    // Elsewhere first: whoever is killed in between leaves nothing that looks whole.
    let begun = all.join(&build).join(format!("{name}.{}", std::process::id()));
    fs::create_dir_all(&begun).unwrap();
    let ran = ran(make(&begun).output().unwrap());
    assert_eq!(ran.code, 0, "{name}: {}", ran.stderr);
    fs::rename(&begun, &place).unwrap();
    place
}

/// The newest change below a directory, and how many bytes lie there.
fn newest(directory: &Path, changed: &dyn Fn(&Path) -> (u128, u64)) -> (u128, u64) {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let of = |path: PathBuf| if path.is_dir() { newest(&path, changed) } else { changed(&path) };
    entries.map(of).fold((0, 0), |(at, bytes), (later, more)| (at.max(later), bytes + more))
}

impl Lab {
    /// The lab's exports and configuration.
    pub fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        copy_tree(&lab_directory().join("exports"), &directory.path().join("exports"));
        fs::copy(lab_directory().join("lakeledger.toml"), directory.path().join("lakeledger.toml")).unwrap();
        Self { directory }
    }

    /// An empty directory with this configuration.
    pub fn with_config(text: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("lakeledger.toml"), text).unwrap();
        Self { directory }
    }

    /// The lab, published; to another `run` its files are new, as copies are.
    pub fn published() -> Self {
        let lab = Self::with_config("");
        copy_tree(
            &made("lab", &|place| {
                copy_tree(&lab_directory().join("exports"), &place.join("exports"));
                fs::copy(lab_directory().join("lakeledger.toml"), place.join("lakeledger.toml")).unwrap();
                command(place, &["run"])
            }),
            lab.directory.path(),
        );
        lab
    }

    /// A demo of some days up to 8 November 2026 in `demo`; to another `run` its files are new.
    pub fn demo(days: u32, seed: u32) -> Self {
        let lab = Self::with_config("");
        let made = made(&format!("demo-{days}-{seed}"), &|place| {
            let (days, seed) = (days.to_string(), seed.to_string());
            let options = ["--dir", "demo", "--end", "2026-11-08", "--days", &days, "--seed", &seed];
            command(place, &[&["demo", "--no-serve"][..], &options].concat())
        });
        copy_tree(&made.join("demo"), &lab.path("demo"));
        lab
    }

    pub fn path(&self, relative: &str) -> PathBuf {
        self.directory.path().join(relative)
    }

    /// Whether a file is left that was written to be renamed.
    pub fn has_leftovers(&self) -> bool {
        let mut files = std::fs::read_dir(self.directory.path()).unwrap();
        files.any(|file| file.unwrap().path().extension().is_some_and(|ending| ending == "tmp"))
    }

    /// A command on this directory's configuration.
    pub fn command(&self, arguments: &[&str]) -> Command {
        command(self.directory.path(), arguments)
    }

    pub fn run(&self, arguments: &[&str]) -> Ran {
        ran(self.command(arguments).output().unwrap())
    }

    /// Runs and expects success; returns stdout.
    pub fn ok(&self, arguments: &[&str]) -> String {
        let ran = self.run(arguments);
        assert_eq!(ran.code, 0, "{arguments:?}\n{}\n{}", ran.stdout, ran.stderr);
        ran.stdout
    }

    /// Every cost the mart knows, by most dimensions, on all four bases, sorted.
    pub fn figures(&self) -> String {
        let by = "day,team,workload,run,table,cluster,service,pool,category,method";
        ["billed", "effective", "list", "contracted"]
            .map(|basis| self.ok(&["export", "costs", "--by", by, "--basis", basis]))
            .join("\n")
    }
}

pub fn ran(output: Output) -> Ran {
    Ran {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}
