//! The scheduler of `serve`: looks every few seconds whether a job, a message or a letter is due and
//! lets a process of its own do it (`schedule run --only`), so that neither its memory nor its end is
//! the dashboard's, and a mail server that is slow holds up neither a job nor a message.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use reports::alert::record::Alerts;
use reports::mail::{Outbox, SenderLock};
use reports::schedule::{ScheduleLock, ScheduleRecord};

use crate::command::{now, schedule};
use crate::config::Config;
use crate::printer::{chain, say};

/// Between two looks.
const LOOK: Duration = Duration::from_secs(5);

/// What is started by itself.
struct Lane {
    /// As `schedule run --only` calls it.
    part: &'static str,
    is_due: fn(&Config) -> Result<bool, String>,
    /// Whether one that runs does all there is to do, so that no other is started beside it.
    is_alone: bool,
    running: Vec<Child>,
    /// The fault that was told last.
    told: String,
}

impl Lane {
    const fn new(part: &'static str, is_alone: bool, is_due: fn(&Config) -> Result<bool, String>) -> Self {
        Self { part, is_due, is_alone, running: Vec::new(), told: String::new() }
    }

    /// Starts it where it is due, and where it is alone does not run already.
    fn look(&mut self, path: &Path, config: &Config) {
        self.running.retain_mut(|child| matches!(child.try_wait(), Ok(None)));
        if self.is_alone && !self.running.is_empty() {
            return;
        }
        let found = (self.is_due)(config);
        if let Some(fault) = self.news(&found) {
            say(format!("error: the scheduler cannot go on with {}: {fault}", self.part));
        }
        if found == Ok(true) {
            self.running.extend(begin(path, self.part));
        }
    }

    /// A fault that is to be told: once, not every few seconds, and again where it comes back.
    fn news(&mut self, found: &Result<bool, String>) -> Option<String> {
        let fault = found.as_ref().err().cloned().unwrap_or_default();
        let is_new = !fault.is_empty() && fault != self.told;
        self.told.clone_from(&fault);
        is_new.then_some(fault)
    }
}

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
            // Who sends messages may wait for a channel that is slow: what is due on another is not held up by it.
            let mut lanes = [
                Lane::new("jobs", true, jobs),
                Lane::new("messages", false, messages),
                Lane::new("mail", true, mail),
            ];
            while stopped.recv_timeout(LOOK) == Err(RecvTimeoutError::Timeout) {
                lanes.iter_mut().for_each(|lane| lane.look(&path, &config));
            }
        });
        Self { stop, thread }
    }

    /// Stops looking. What runs goes on until it is done: it is a process of its own.
    pub fn stop(self) {
        drop(self.stop);
        let _ = self.thread.join();
    }
}

/// Whether a schedule's time has come.
fn jobs(config: &Config) -> Result<bool, String> {
    if config.schedules.is_empty() {
        return Ok(false);
    }
    let record = ScheduleRecord::open(&config.ledger).map_err(|error| chain(&error))?;
    if schedule::due(config, &record).map_err(|error| chain(&error))?.is_empty() {
        return Ok(false);
    }
    // While another process has the lock, a job started now would only say so.
    let lock = ScheduleLock::acquire(&config.ledger).map_err(|error| chain(&error))?;
    Ok(lock.is_some())
}

/// Whether a message about an alert is due where nobody else sends.
fn messages(config: &Config) -> Result<bool, String> {
    // Without either there is none; who was told of an alert is also told that its rule is gone.
    if config.watch.rules.is_empty() && config.watch.channels.is_empty() {
        return Ok(false);
    }
    let record = Alerts::open(&config.ledger).map_err(|error| chain(&error))?;
    record.is_due(now()).map_err(|error| chain(&error))
}

/// Whether a letter is due.
fn mail(config: &Config) -> Result<bool, String> {
    // Where no mail was ever written there is no record to look at.
    if config.smtp.is_none() || !config.ledger.join("mail").is_dir() {
        return Ok(false);
    }
    let outbox = Outbox::open(&config.ledger).map_err(|error| chain(&error))?;
    let is_due = !outbox.due(now(), false).map_err(|error| chain(&error))?.is_empty();
    if !is_due && !outbox.is_sending().map_err(|error| chain(&error))? {
        return Ok(false);
    }
    // While another process sends, one that is started now would only say so.
    let lock = SenderLock::try_acquire(&config.ledger).map_err(|error| chain(&error))?;
    Ok(lock.is_some())
}

/// Starts it beside whoever asks, who does not wait for it and ends before it may: what becomes of it
/// is in the record.
pub fn begin_apart(path: &Path, part: &str) {
    let null = Stdio::null;
    let begun = of(path, part).stdin(null()).stdout(null()).stderr(null()).spawn();
    if let Err(cause) = begun {
        say(format!("warning: what is to be sent waits for the next `schedule run`: {cause}"));
    }
}

fn of(path: &Path, part: &str) -> Command {
    let program = std::env::current_exe().unwrap_or_else(|_| PathBuf::from("lakeledger"));
    let mut command = Command::new(program);
    command.arg("--config").arg(path).args(["schedule", "run", "--only", part]);
    command
}

fn begin(path: &Path, part: &str) -> Option<Child> {
    let child = of(path, part).spawn();
    child.map_err(|cause| say(format!("error: could not start a scheduled job: {cause}"))).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_told_once_and_again_where_it_comes_back() {
        let mut lane = Lane::new("jobs", true, |_| Ok(false));
        let mut news = |found: Result<bool, &str>| lane.news(&found.map_err(str::to_owned));
        assert_eq!(news(Ok(false)), None);
        assert_eq!(news(Err("no disk")).as_deref(), Some("no disk"));
        assert_eq!(news(Err("no disk")), None, "not at every look");
        assert_eq!(news(Err("no lock")).as_deref(), Some("no lock"));
        assert_eq!(news(Ok(true)), None);
        assert_eq!(news(Err("no lock")).as_deref(), Some("no lock"), "it had passed");
    }
}
