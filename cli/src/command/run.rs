//! `run`, `ingest` and `attribute`: the stages, with their progress and what they came to.

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

use attribution::{Outcome, PublishError, Way, publish_as};
use indicatif::ProgressBar;
use ingest::land::{IngestError, Landed, Progress, Source, ingest_all};
use ingest::ledger::{Ledger, LedgerError, WriterLock};
use model::Warning;
use reports::alert::record::{Alerts, RecordError};
use reports::alert::{Condition, Rule};
use reports::lifecycle::{Lifecycle, STATE};

use super::{config, exit_code, now};
use crate::args::{Attribute, Ingest, Run};
use crate::config::Config;
use crate::printer::{self, Failure, bar, say};
use crate::sources;

struct Bar {
    bar: ProgressBar,
    started: Instant,
}

impl Progress for Bar {
    fn planned(&self, _source: &str, units: usize) {
        self.bar.inc_length(units as u64);
    }

    fn unit(&self, source: &str) {
        self.bar.set_message(format!("reading {source}"));
        self.bar.inc(1);
    }

    fn source(&self, source: &Source, result: &Result<Landed, IngestError>) {
        let what = match result {
            Ok(landed) if landed.read == 0 => {
                format!("nothing new ({} unchanged)", count(landed.units, "unit"))
            }
            Ok(landed) => format!(
                "read {} of {} after {:.1} s, landed {}",
                landed.read,
                count(landed.units, "unit"),
                self.started.elapsed().as_secs_f64(),
                count(usize::try_from(landed.rows).unwrap_or(usize::MAX), "row"),
            ),
            Err(_) => "could not be read".to_owned(),
        };
        self.bar.suspend(|| say(format!("{:<14} {what}", source.name)));
    }
}

/// Everything: ingest, attribute, check, publish, and alerts where they are asked for.
pub fn run(path: &Path, options: &Run) -> Result<ExitCode, Failure> {
    stages(path, options, true)
}

/// The same; `send` is false for a scheduled run, whose messages go when its jobs are done.
pub fn stages(path: &Path, options: &Run, send: bool) -> Result<ExitCode, Failure> {
    let config = config(path)?;
    let lock = lock(&config, "run")?;
    let mut warnings = ingest_sources(&config, &options.ingest.source)?;
    let attributed = attribute(&config, options.attribute);
    // Who is told may be slow to listen: whoever wants to write the ledger does not wait for that.
    drop(lock);
    // Nobody asked for alerts in a run that is scheduled: it judges them where there are any.
    if options.alerts && send && config.watch.rules.is_empty() {
        say(super::alerts::NOTHING_WATCHED);
    }
    // A rule that is gone is told to whoever was told of it, also where it was the only one.
    let is_watched = options.alerts && !(config.watch.rules.is_empty() && config.watch.channels.is_empty());
    let told = if is_watched { Some(alerts(&config, send)) } else { None };
    warnings.extend(attributed?);
    printer::warnings(&warnings, 5);
    let code = exit_code(&warnings);
    Ok(told.transpose()?.filter(|_| code == ExitCode::SUCCESS).unwrap_or(code))
}

/// Judges the newest mart there is: where a check failed, the one before it is.
fn alerts(config: &Config, send: bool) -> Result<ExitCode, Failure> {
    let mart = super::mart(config)?;
    let mut record = Alerts::open(&config.ledger).map_err(|error| super::alerts::failure(error.into()))?;
    super::alerts::judge(config, &mart, &mut record, send)
}

/// The first stage alone.
pub fn ingest_only(path: &Path, options: &Ingest) -> Result<ExitCode, Failure> {
    let config = config(path)?;
    let _lock = lock(&config, "ingest")?;
    let warnings = ingest_sources(&config, &options.source)?;
    printer::warnings(&warnings, 5);
    Ok(exit_code(&warnings))
}

/// The second stage alone.
pub fn attribute_only(path: &Path, options: Attribute) -> Result<ExitCode, Failure> {
    let config = config(path)?;
    let _lock = lock(&config, "attribute")?;
    let warnings = attribute(&config, options)?;
    printer::warnings(&warnings, 5);
    Ok(exit_code(&warnings))
}

fn lock(config: &Config, command: &str) -> Result<WriterLock, Failure> {
    WriterLock::acquire(&config.ledger, &format!("lakeledger {command}"), now()).map_err(ledger_failure)
}

fn ledger_failure(error: LedgerError) -> Failure {
    let hint = error.hint().map(str::to_owned);
    Failure { error: Box::new(error), hint }
}

/// Ingests the chosen sources. A source that cannot be listed is skipped and named; the
/// ledger failing ends it all.
fn ingest_sources(config: &Config, names: &[String]) -> Result<Vec<Warning>, Failure> {
    let chosen = sources::chosen(config, names)?;
    let sources =
        chosen.iter().map(|configured| sources::open(config, configured)).collect::<Result<Vec<_>, _>>()?;
    let mut ledger = Ledger::open(&config.ledger).map_err(ledger_failure)?;
    let progress = Bar { bar: bar("reading", 0), started: Instant::now() };
    let results = ingest_all(&mut ledger, &sources, now(), &progress);
    progress.bar.finish_and_clear();
    let mut warnings = Vec::new();
    for (source, result) in sources.iter().zip(results.map_err(ledger_failure)?) {
        match result {
            Ok(landed) => warnings.extend(landed.warnings),
            Err(cause) => {
                let mut message = printer::chain(&cause);
                if let Some(hint) = cause.hint() {
                    message.push_str(&format!(" ({hint})"));
                }
                warnings.push(Warning::skipped("source", source.name.clone(), message));
            }
        }
    }
    Ok(warnings)
}

fn count(n: usize, word: &str) -> String {
    let plural = if n == 1 { "" } else { "s" };
    format!("{} {word}{plural}", reports::format::count(i64::try_from(n).unwrap_or(i64::MAX)))
}

/// Keeps what the publish failed on, for the alert of that kind.
fn note_checks(config: &Config, outcome: &Result<Outcome, PublishError>) -> Result<(), Failure> {
    let failures = match outcome {
        Ok(_) => Vec::new(),
        Err(PublishError::Checks { failures, .. }) => {
            let said = failures.iter().map(|failure| {
                format!("{}: {} ({} found)", failure.check, failure.meaning, failure.offenders)
            });
            said.collect()
        }
        // Whether checks would have failed is not known.
        Err(_) => return Ok(()),
    };
    let watched = |rule: &Rule| rule.condition == Condition::FailedCheck;
    if !config.watch.rules.iter().any(watched) {
        return Ok(());
    }
    let failure = |error: RecordError| super::alerts::failure(error.into());
    Alerts::open(&config.ledger).map_err(failure)?.note_checks(&failures, now()).map_err(failure)
}

/// Attributes what has landed and publishes it; returns what attribution noticed.
fn attribute(config: &Config, options: Attribute) -> Result<Vec<Warning>, Failure> {
    let started = Instant::now();
    let models = attribution::models::MODELS.len() as u64;
    let progress = bar("attributing", models);
    let way = if options.full { Way::Scratch } else { Way::Chosen };
    let outcome = publish_as(&config.ledger, &config.rules, now(), way, |model| {
        progress.set_message(format!("building {model}"));
        progress.inc(1);
    });
    progress.finish_and_clear();
    note_checks(config, &outcome)?;
    let outcome = outcome.map_err(|error| match error {
        PublishError::Checks { ref failures, .. } => {
            for failure in failures {
                say(format!("check `{}`: {} ({} found)", failure.check, failure.meaning, failure.offenders));
                for example in &failure.examples {
                    say(format!("  {example}"));
                }
            }
            Failure::new(
                error,
                "this is a fault of Lakeledger or of the ledger: please report it with the lines above",
            )
        }
        other => other.into(),
    })?;
    match outcome {
        Outcome::Unchanged { id } => say(format!("{:<14} mart {id} is up to date", "attribution")),
        Outcome::Published { id, made } => {
            let seconds = started.elapsed().as_secs_f64();
            let checks = attribution::models::CHECKS.len();
            say(format!(
                "{:<14} published mart {id} in {seconds:.1} s, {checks} checks passed ({made})",
                "attribution"
            ));
        }
    }
    let mart = super::mart(config)?;
    let mut warnings = mart.attribution_warnings()?;
    warnings.extend(super::overlooked::overlooked(config, Some(&mart))?);
    // A mart that nobody looks at tells too what was found, and what is gone since.
    let followed = Lifecycle::open(&config.ledger).and_then(|mut record| record.sync(&mart, now()));
    if let Err(error) = followed {
        warnings.push(Warning::new("record-of-findings", STATE, printer::chain(&error)));
    }
    Ok(warnings)
}
