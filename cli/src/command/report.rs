//! `report weekly`: e-mails as files.

use std::path::Path;
use std::process::ExitCode;

use reports::week;
use reports::weekly::{WeeklyRequest, build, prepare, write};

use crate::args::{Report, Weekly};
use crate::command::{config, now};
use crate::printer::{Failure, line};

/// Writes the reports asked for, and prints the files' names.
pub fn run(path: &Path, report: &Report) -> Result<ExitCode, Failure> {
    let Report::Weekly(options) = report;
    weekly(path, options)
}

fn weekly(path: &Path, options: &Weekly) -> Result<ExitCode, Failure> {
    let config = config(path)?;
    prepare(&options.out).map_err(failure)?;
    let mart = super::mart(&config)?;
    let week = match &options.week {
        Some(text) => week::parse(text).map_err(failure)?,
        None => week::latest(mart.info(), now()).ok_or_else(|| {
            Failure::new(
                "there are no charges to report on",
                "read a bill: add a source of kind aws-cur or focus",
            )
        })?,
    };
    let request = WeeklyRequest {
        team: options.team.clone(),
        week,
        now: now(),
        basis: options.basis,
        base_url: config.base_url.clone(),
    };
    for weekly in build(&mart, &request).map_err(failure)? {
        for file in write(&weekly, &options.out).map_err(failure)? {
            line(file.display().to_string());
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn failure(error: reports::ReportError) -> Failure {
    let hint = error.hint();
    Failure { error: Box::new(error), hint }
}
