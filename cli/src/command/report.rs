//! `report`: weekly reports as files and by mail, and what became of the mail.

mod deliveries;
mod recipients;
mod send;

use std::path::Path;
use std::process::ExitCode;

use attribution::mart::Mart;
use chrono::NaiveDate;
use reports::lifecycle::Lifecycle;
use reports::week;
use reports::weekly::{WeeklyRequest, build, prepare, write};

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
    let weeklies = built(config, options)?;
    if let Some(out) = &options.out {
        for weekly in &weeklies {
            for file in write(weekly, out).map_err(failure)? {
                line(file.display().to_string());
            }
        }
    }
    if options.send {
        send::queue(config, &weeklies, options)?;
        return send::all(config);
    }
    Ok(ExitCode::SUCCESS)
}

/// Makes weekly reports and puts their letters in line, to be sent by whoever sends mail; says how
/// many are new there.
pub fn queue_weekly(config: &Config, options: &Weekly) -> Result<usize, Failure> {
    send::prepare(config)?;
    send::queue(config, &built(config, options)?, options)
}

fn built(config: &Config, options: &Weekly) -> Result<Vec<reports::weekly::Weekly>, Failure> {
    let mart = super::mart(config)?;
    let request = WeeklyRequest {
        team: options.team.clone(),
        week: asked_week(&mart, options.week.as_deref())?,
        now: now(),
        basis: options.basis,
        base_url: config.reports.base_url.clone(),
        tracked: vec![],
        reported: vec![],
        budgets: config.watch.budgets.clone(),
    };
    // The record of findings follows the newest mart before anybody is told of them.
    Lifecycle::open(&config.ledger).and_then(|mut record| record.sync(&mart, now()))?;
    let request = request.with_records(&config.ledger).map_err(failure)?;
    build(&mart, &request).map_err(failure)
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
