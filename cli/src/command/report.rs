//! `report`: weekly reports as files and by mail, and what became of the mail.

mod deliveries;
mod late;
mod recipients;
mod send;

use std::path::Path;
use std::process::ExitCode;

use attribution::mart::Mart;
use chrono::NaiveDate;
use reports::lifecycle::Lifecycle;
use reports::week;
use reports::weekly::{DIGEST, REPORT, WeeklyRequest, build, prepare, write};

use crate::args::{Report, Weekly};
use crate::command::{config, now};
use crate::config::Config;
use crate::printer::{Failure, line};

pub use self::send::{outbox, outbox_unless_sending, requeue_alerts};

/// Writes or mails the reports asked for, or lists what was mailed.
pub fn run(path: &Path, report: &Report) -> Result<ExitCode, Failure> {
    let config = config(path)?;
    match report {
        Report::Weekly(options) => weekly(&config, options),
        Report::Deliveries(options) => deliveries::run(&config, options),
    }
}

/// Writes the files' names to standard output.
fn weekly(config: &Config, options: &Weekly) -> Result<ExitCode, Failure> {
    if let Some(out) = &options.out {
        prepare(out).map_err(failure)?;
    }
    if options.send {
        send::prepare(config)?;
    }
    let asked = asked(config, options)?;
    let weeklies = built(config, options, &asked.mart, asked.week)?;
    if let Some(out) = &options.out {
        for weekly in &weeklies {
            for file in write(weekly, out).map_err(failure)? {
                line(file.display().to_string());
            }
        }
    }
    if options.send {
        queue_late(config, options, &asked)?;
        send::queue(config, &weeklies, options)?;
        return send::all(config);
    }
    Ok(ExitCode::SUCCESS)
}

/// Makes weekly reports and puts their letters in line, to be sent by whoever sends mail; says how
/// many are new there.
pub fn queue_weekly(config: &Config, options: &Weekly) -> Result<usize, Failure> {
    send::prepare(config)?;
    let asked = asked(config, options)?;
    let late = queue_late(config, options, &asked)?;
    Ok(late + send::queue(config, &built(config, options, &asked.mart, asked.week)?, options)?)
}

/// Puts the letters of earlier weeks in line that are owed still; says how many are new there.
fn queue_late(config: &Config, options: &Weekly, asked: &Asked) -> Result<usize, Failure> {
    // Who names a week or wants a test wants nothing else.
    if options.week.is_some() || options.to.is_some() {
        return Ok(0);
    }
    let told = late::Told::read(config)?;
    let mut queued = 0;
    for week in late::weeks(&asked.mart, asked.week)? {
        let period = week::iso(week);
        let is_owed = |report: &str, whose: Option<&str>| {
            let is_asked = options.team.is_none() || (report == REPORT && options.team.as_deref() == whose);
            is_asked && told.is_owed(report, whose, &period)
        };
        let teams = asked.mart.info().teams.iter().map(|team| Some(team.name.as_str()));
        let digests = &config.reports.digests;
        // To make reports is work: not for weeks of which nothing is owed.
        if teams.chain([None]).any(|team| is_owed(REPORT, team))
            || digests.iter().any(|digest| is_owed(DIGEST, Some(digest.name.as_str())))
        {
            let weeklies = built(config, options, &asked.mart, week)?;
            queued += send::queue_those(config, &weeklies, &is_owed)?;
        }
    }
    Ok(queued)
}

/// Of which figures and of which week reports are made.
struct Asked {
    mart: Mart,
    week: NaiveDate,
}

fn asked(config: &Config, options: &Weekly) -> Result<Asked, Failure> {
    let mart = super::mart(config)?;
    let week = asked_week(&mart, options.week.as_deref())?;
    // The record of findings follows the newest mart before anybody is told of them.
    Lifecycle::open(&config.ledger).and_then(|mut record| record.sync(&mart, now()))?;
    Ok(Asked { mart, week })
}

fn built(
    config: &Config,
    options: &Weekly,
    mart: &Mart,
    week: NaiveDate,
) -> Result<Vec<reports::weekly::Weekly>, Failure> {
    let request = WeeklyRequest {
        team: options.team.clone(),
        week,
        now: now(),
        basis: options.basis,
        base_url: config.reports.base_url.clone(),
        tracked: vec![],
        reported: vec![],
        budgets: config.watch.budgets.clone(),
    };
    let request = request.with_records(&config.ledger).map_err(failure)?;
    build(mart, &request).map_err(failure)
}

/// The week that is named, else the latest.
fn asked_week(mart: &Mart, text: Option<&str>) -> Result<NaiveDate, Failure> {
    match text {
        Some(text) => week::parse(text).map_err(failure),
        None => week::latest(mart.info(), now()).ok_or_else(|| {
            Failure::new(
                "there are no charges to report on",
                "read a bill: add a source of kind aws-cur or focus",
            )
        }),
    }
}

fn failure(error: reports::ReportError) -> Failure {
    let hint = error.hint();
    Failure { error: Box::new(error), hint }
}

/// A failure of mail with its hint.
pub fn mail_failure(error: reports::mail::MailError) -> Failure {
    let hint = error.hint().map(str::to_owned);
    Failure { error: Box::new(error), hint }
}
