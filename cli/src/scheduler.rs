//! The scheduler of `serve`: looks every few seconds whether something is due and lets a process
//! of its own do it (`schedule run`), so that neither its memory nor its end is the dashboard's.

use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use reports::mail::Outbox;
use reports::schedule::{ScheduleLock, ScheduleRecord};

use crate::command::{now, schedule};
use crate::config::Config;
use crate::printer::{chain, say};

/// Between two looks.
const LOOK: Duration = Duration::from_secs(5);

/// A thread that starts what is due.
pub struct Scheduler {
    /// Dropped to stop it; nothing is ever sent.
    stop: Sender<()>,
    thread: JoinHandle<()>,
}

impl Scheduler {
    /// Begins to look; the configuration holds as it was read now.
    pub fn start(path: &Path, config: Config) -> Self {
        let (stop, stopped) = mpsc::channel();
        let path = path.to_owned();
        let thread = thread::spawn(move || {
            let mut told = String::new();
            while stopped.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
                match is_due(&config) {
                    Ok(false) => {}
                    Ok(true) => {
                        if let Some(child) = begin(&path) {
                            wait(child, &stopped);
                        }
                    }
                    // Once, not every few seconds.
                    Err(fault) if fault != told => {
                        say(format!("error: the scheduler cannot go on: {fault}"));
                        told = fault;
                    }
                    Err(_) => {}
                }
            }
        });
        Self { stop, thread }
    }

    /// Stops looking. A job that runs goes on until it is done: it is a process of its own.
    pub fn stop(self) {
        drop(self.stop);
        let _ = self.thread.join();
    }
}

/// Whether a schedule's time has come, or a letter's that waits for another attempt.
fn is_due(config: &Config) -> Result<bool, String> {
    if !config.schedules.is_empty() {
        let record = ScheduleRecord::open(&config.ledger).map_err(|error| chain(&error))?;
        if !schedule::due(config, &record).map_err(|error| chain(&error))?.is_empty() {
            // While another process has the lock, a job started now would only say so.
            let lock = ScheduleLock::acquire(&config.ledger).map_err(|error| chain(&error))?;
            return Ok(lock.is_some());
        }
    }
    // Where no mail was ever sent there is no record to look at.
    if config.smtp.is_none() || !config.ledger.join("mail").is_dir() {
        return Ok(false);
    }
    let outbox = Outbox::open(&config.ledger).map_err(|error| chain(&error))?;
    let due = outbox.due(now(), false).map_err(|error| chain(&error))?;
    Ok(!due.is_empty())
}

fn begin(path: &Path) -> Option<Child> {
    let program = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("lakeledger"));
    let child = Command::new(program).arg("--config").arg(path).args(["schedule", "run"]).spawn();
    child.map_err(|cause| say(format!("error: could not start a scheduled job: {cause}"))).ok()
}

/// Waits for a job, or until nobody waits for the scheduler any more.
fn wait(mut child: Child, stopped: &mpsc::Receiver<()>) {
    loop {
        match child.try_wait() {
            Ok(None) => {}
            Ok(Some(_)) | Err(_) => return,
        }
        match stopped.recv_timeout(Duration::from_millis(200)) {
            Err(RecvTimeoutError::Timeout) => {}
            _ => return,
        }
    }
}
