//! `schedule`: what runs when, what ran, and running what is due.

use std::path::Path;
use std::process::ExitCode;

use model::Basis;
use reports::alert::record::{Alerts, RecordError};
use reports::schedule::{Due, Outcome, ScheduleError, ScheduleLock, ScheduleRecord, ScheduledRun};
use serde_json::{Value, json};

use super::{config, now};
use crate::args::{Attribute, Format, Ingest, Report, Run, Schedule, ScheduleVerb, Weekly};
use crate::config::{Config, Job, Scheduled, nearest};
use crate::printer::{Failure, chain, line, say, table};

/// Lists schedules or past runs, or runs what is due.
pub fn run(path: &Path, options: &Schedule) -> Result<ExitCode, Failure> {
    let config = config(path)?;
    let record = ScheduleRecord::open(&config.ledger)?;
    match &options.verb {
        None => list(&config, &record, options.format),
        Some(ScheduleVerb::History { limit, format }) => history(&record, *limit, *format),
        Some(ScheduleVerb::Run { name }) => run_due(path, &config, &record, name.as_deref()),
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
    found.sort_by_key(|(scheduled, due)| (scheduled.job, due.at));
    Ok(found)
}

fn run_due(
    path: &Path,
    config: &Config,
    record: &ScheduleRecord,
    name: Option<&str>,
) -> Result<ExitCode, Failure> {
    let named = name.map(|name| find(config, name)).transpose()?;
    let Some(lock) = ScheduleLock::acquire(&config.ledger)? else {
        say("another process runs scheduled jobs");
        return Ok(ExitCode::SUCCESS);
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
    // What waits for another attempt goes with whatever is run: so that a cron job is enough.
    if name.is_none() && super::report::outbox(config)? {
        worst = worst.max(1);
    }
    Ok(ExitCode::from(worst))
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
    let (outcome, note) = match perform(path, scheduled.job) {
        Ok(code) if code == ExitCode::SUCCESS => (Outcome::Done, None),
        Ok(_) => (Outcome::Partial, Some("something was left out: its log names it".to_owned())),
        Err(failure) => {
            crate::printer::failure(&failure);
            (Outcome::Failed, Some(chain(failure.error.as_ref())))
        }
    };
    record.end(id, outcome, note.as_deref(), now())?;
    say(format!("schedule {}: {outcome}", schedule.name));
    Ok(outcome)
}

/// What each job does: the command of the same work.
fn perform(path: &Path, job: Job) -> Result<ExitCode, Failure> {
    match job {
        Job::Run => {
            let options =
                Run { ingest: Ingest { source: Vec::new() }, attribute: Attribute::default(), alerts: true };
            super::run::run(path, &options)
        }
        Job::Alerts => {
            let config = config(path)?;
            let mart = super::mart(&config)?;
            let failure = |error: RecordError| super::alerts::failure(error.into());
            let mut record = Alerts::open(&config.ledger).map_err(failure)?;
            super::alerts::judge(&config, &mart, &mut record, true)
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
            super::report::run(path, &Report::Weekly(weekly))
        }
    }
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
