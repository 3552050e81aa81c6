//! A copy of the lab in a directory of its own, and the binary to run on it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

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
        let mut command = Command::new(BINARY);
        command.current_dir(self.directory.path()).args(arguments).env("NO_COLOR", "1");
        command
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
