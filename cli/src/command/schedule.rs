//! `schedule`: what runs when, what ran, and running what is due.

use std::path::Path;
use std::process::ExitCode;

use model::Basis;
use reports::alert::record::{Alerts, RecordError};
use reports::schedule::{Due, Outcome, ScheduleError, ScheduleLock, ScheduleRecord, ScheduledRun};
use reports::watch::closed_days;
use serde_json::{Value, json};

use super::{config, now};
use crate::args::{Attribute, Format, Ingest, Part, Run, Schedule, ScheduleVerb, Weekly};
use crate::config::{Config, Job, Scheduled, ScheduledExport, nearest};
use crate::printer::{Failure, chain, line, remark, say, table};

/// Lists schedules or past runs, or runs what is due.
pub fn run(path: &Path, options: &Schedule) -> Result<ExitCode, Failure> {
    let config = config(path)?;
    let record = ScheduleRecord::open(&config.ledger)?;
    match &options.verb {
        None => list(&config, &record, options.format),
        Some(ScheduleVerb::History { limit, format }) => history(&record, *limit, *format),
        Some(ScheduleVerb::Run { name, only }) => run_due(path, &config, &record, name.as_deref(), only),
    }
}

/// What is due now, in the order in which it runs.
pub fn due<'c>(
    config: &'c Config,
    record: &ScheduleRecord,
) -> Result<Vec<(&'c Scheduled, Due)>, ScheduleError> {
    let mut found = Vec::new();
    for scheduled in &config.schedules {
        if let Some(due) = record.due(&scheduled.schedule, now())? {
            found.push((scheduled, due));
        }
    }
    found.sort_by_key(|(scheduled, due)| (scheduled.job.rank(), due.at));
    Ok(found)
}

/// Runs jobs that are due, then sends messages about alerts and mail: in this order, each with a
/// lock of its own, so that whoever is slow to take a letter holds up neither a job nor a message.
fn run_due(
    path: &Path,
    config: &Config,
    record: &ScheduleRecord,
    name: Option<&str>,
    only: &[Part],
) -> Result<ExitCode, Failure> {
    let named = name.map(|name| find(config, name)).transpose()?;
    let is_asked = |part| only.is_empty() || only.contains(&part);
    let mut worst = 0;
    if is_asked(Part::Jobs) {
        worst = jobs(path, config, record, named)?;
    }
    if is_asked(Part::Messages) && messages(config)? {
        worst = worst.max(1);
    }
    if is_asked(Part::Mail) && super::report::outbox_unless_sending(config)? {
        worst = worst.max(1);
    }
    Ok(ExitCode::from(worst))
}

/// Runs the job named, else those that are due; the exit code of the worst.
fn jobs(
    path: &Path,
    config: &Config,
    record: &ScheduleRecord,
    named: Option<&Scheduled>,
) -> Result<u8, Failure> {
    let Some(lock) = ScheduleLock::acquire(&config.ledger)? else {
        let busy = "another process runs scheduled jobs";
        return match named {
            Some(_) => {
                Err(Failure::new(busy, "run it again when that is done: `lakeledger schedule history`"))
            }
            None => {
                remark(busy);
                Ok(0)
            }
        };
    };
    record.interrupt_stranded(&lock, now())?;
    let jobs = match named {
        Some(scheduled) => vec![(scheduled, Due { at: now(), missed: 0, attempt: 0 })],
        None => due(config, record)?,
    };
    let mut worst = 0;
    for (scheduled, due) in jobs {
        let outcome = one(path, record, &lock, scheduled, due)?;
        worst = worst.max(match outcome {
            Outcome::Done => 0,
            Outcome::Partial => 1,
            _ => 2,
        });
    }
    Ok(worst)
}

/// Sends messages about alerts that are due; true where one was given up or waits still.
fn messages(config: &Config) -> Result<bool, Failure> {
    let failure = |error: RecordError| super::alerts::failure(error.into());
    let mut record = Alerts::open(&config.ledger).map_err(failure)?;
    if record.next_due(None).map_err(failure)?.is_none_or(|due| due > now()) {
        return Ok(record.waiting().map_err(failure)? > 0);
    }
    Ok(super::alerts::messages_due(config, &mut record)? != ExitCode::SUCCESS)
}

fn find<'c>(config: &'c Config, name: &str) -> Result<&'c Scheduled, Failure> {
    config.schedules.iter().find(|one| one.schedule.name == name).ok_or_else(|| {
        let known: Vec<&str> = config.schedules.iter().map(|one| one.schedule.name.as_str()).collect();
        let near = nearest(name, known.iter().copied()).map(|near| format!("did you mean `{near}`?"));
        let all = || match known.is_empty() {
            true => "the configuration has no [[schedule]]".to_owned(),
            false => format!("schedules: {}", known.join(", ")),
        };
        Failure::new(format!("there is no schedule `{name}`"), near.unwrap_or_else(all))
    })
}

/// Runs one job and records what came of it.
fn one(
    path: &Path,
    record: &ScheduleRecord,
    lock: &ScheduleLock,
    scheduled: &Scheduled,
    due: Due,
) -> Result<Outcome, Failure> {
    let schedule = &scheduled.schedule;
    let missed = match due.missed {
        0 => String::new(),
        1 => " (catching up: 1 earlier time was missed)".to_owned(),
        n => format!(" (catching up: {n} earlier times were missed)"),
    };
    say(format!("schedule {}: {}, due {}{missed}", schedule.name, schedule.job, minute(due.at)));
    let id = record.begin(lock, schedule, due, now())?;
    let (outcome, note) = match perform(path, &scheduled.job) {
        Ok(Performed { is_whole: true, note }) => (Outcome::Done, note),
        Ok(Performed { is_whole: false, note }) => {
            let unsaid = || "something was left out: its log names it".to_owned();
            (Outcome::Partial, Some(note.unwrap_or_else(unsaid)))
        }
        Err(failure) => {
            crate::printer::failure(&failure);
            (Outcome::Failed, Some(chain(failure.error.as_ref())))
        }
    };
    record.end(id, outcome, note.as_deref(), now())?;
    say(format!("schedule {}: {outcome}", schedule.name));
    Ok(outcome)
}

/// What a job came to.
struct Performed {
    /// Whether nothing was left out.
    is_whole: bool,
    /// What the history says of it.
    note: Option<String>,
}

impl From<ExitCode> for Performed {
    fn from(code: ExitCode) -> Self {
        Self { is_whole: code == ExitCode::SUCCESS, note: None }
    }
}

/// What each job does: the command of the same work, but that what is to be sent is put in line
/// and goes when the jobs are done.
fn perform(path: &Path, job: &Job) -> Result<Performed, Failure> {
    let code = match job {
        Job::Run => {
            let options =
                Run { ingest: Ingest { source: Vec::new() }, attribute: Attribute::default(), alerts: true };
            super::run::stages(path, &options, false)
        }
        Job::Alerts => {
            let config = config(path)?;
            let mart = super::mart(&config)?;
            let failure = |error: RecordError| super::alerts::failure(error.into());
            let mut record = Alerts::open(&config.ledger).map_err(failure)?;
            super::alerts::judge(&config, &mart, &mut record, false)
        }
        Job::WeeklyReport => {
            let weekly = Weekly {
                team: None,
                week: None,
                out: None,
                send: true,
                to: None,
                resend_doubtful: false,
                resend_refused: false,
                basis: Basis::default(),
            };
            let lines = super::report::queue_weekly(&config(path)?, &weekly)?;
            let note = match lines {
                0 => "no letter was to be written".to_owned(),
                1 => "put 1 letter in line".to_owned(),
                n => format!("put {n} letters in line"),
            };
            return Ok(Performed { is_whole: true, note: Some(note) });
        }
        Job::Export(export) => return scheduled_export(path, export),
    };
    Ok(code?.into())
}

/// Writes an export of the days that are closed now.
fn scheduled_export(path: &Path, export: &ScheduledExport) -> Result<Performed, Failure> {
    let config = config(path)?;
    let closed = closed_days(&super::mart(&config)?)?;
    let Some(options) = closed.and_then(|closed| export.at(closed)) else {
        let newest = match closed.and_then(|closed| closed.end.pred_opt()) {
            Some(day) => format!("the newest closed day is {day}"),
            None => "no day is closed".to_owned(),
        };
        let note = format!("nothing written: {} is not whole yet, {newest}", export.period);
        say(format!("warning: {note}"));
        return Ok(Performed { is_whole: false, note: Some(note) });
    };
    let output = options.output.as_deref().unwrap_or(Path::new("-"));
    // A month's directory is not there before its first file.
    if let Some(directory) = output.parent().filter(|_| !output.starts_with("s3:")) {
        std::fs::create_dir_all(directory).map_err(|cause| {
            let message = format!("could not create the directory `{}`: {cause}", directory.display());
            Failure::new(message, "name a place in `output` that may be written")
        })?;
    }
    let code = super::export::costs(&config, &options)?;
    let days = options.from.zip(options.to.and_then(|to| to.pred_opt()));
    let days = days.map(|(first, last)| format!(", {first} to {last}")).unwrap_or_default();
    let note = format!("wrote {}{days}", output.display());
    say(&note);
    Ok(Performed { is_whole: code == ExitCode::SUCCESS, note: Some(note) })
}

fn list(config: &Config, record: &ScheduleRecord, format: Format) -> Result<ExitCode, Failure> {
    let history = record.history(1_000)?;
    let last = |name: &str| history.iter().find(|run| run.schedule == name);
    match format {
        Format::Text => {
            let rows: Vec<Vec<String>> = config
                .schedules
                .iter()
                .map(|Scheduled { schedule, .. }| {
                    vec![
                        schedule.name.clone(),
                        schedule.job.clone(),
                        schedule.cron.clone(),
                        schedule.timezone.name().to_owned(),
                        schedule.next(now()).map(minute).unwrap_or_default(),
                        last(&schedule.name).map_or_else(
                            || "never".to_owned(),
                            |run| format!("{} {}", minute(run.started_at), run.outcome),
                        ),
                    ]
                })
                .collect();
            table(&["name", "job", "cron", "time zone", "next (UTC)", "last (UTC)"], &rows, 0);
        }
        Format::Json => {
            let rows: Vec<Value> = config
                .schedules
                .iter()
                .map(|Scheduled { schedule, .. }| {
                    json!({
                        "name": schedule.name, "job": schedule.job, "cron": schedule.cron,
                        "timezone": schedule.timezone.name(), "next": schedule.next(now()),
                        "last": last(&schedule.name).map(object),
                    })
                })
                .collect();
            line(serde_json::to_string_pretty(&rows)?);
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn history(record: &ScheduleRecord, limit: u32, format: Format) -> Result<ExitCode, Failure> {
    let runs = record.history(limit)?;
    match format {
        Format::Text => {
            let rows: Vec<Vec<String>> = runs
                .iter()
                .map(|run| {
                    vec![
                        run.schedule.clone(),
                        run.job.clone(),
                        minute(run.due_at),
                        minute(run.started_at),
                        run.ended_at.map(minute).unwrap_or_default(),
                        run.outcome.to_string(),
                        run.missed.to_string(),
                        run.note.clone().unwrap_or_default(),
                    ]
                })
                .collect();
            let head = ["schedule", "job", "due (UTC)", "started", "ended", "outcome", "missed", "note"];
            table(&head, &rows, 0);
        }
        Format::Json => {
            let rows: Vec<Value> = runs.iter().map(object).collect();
            line(serde_json::to_string_pretty(&rows)?);
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn object(run: &ScheduledRun) -> Value {
    json!({
        "schedule": run.schedule, "job": run.job, "due_at": run.due_at, "attempt": run.attempt,
        "missed": run.missed, "started_at": run.started_at, "ended_at": run.ended_at,
        "outcome": run.outcome.name(), "note": run.note,
    })
}

fn minute(at: model::time::Instant) -> String {
    at.format("%Y-%m-%d %H:%M").to_string()
}
