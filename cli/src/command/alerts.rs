//! `alerts`: what fires, who is told, and what would have been told of in the past.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use attribution::mart::Mart;
use chrono::{Days, TimeDelta};
use reports::alert::delivery::{Delivery, deliver};
use reports::alert::life::{Alert, Status};
use reports::alert::record::{Alerts, Summary};
use reports::alert::rehearse::{Rehearsal, rehearse};
use reports::alert::{self, Rule};
use reports::{format, watch};
use serde_json::{Value, json};

use crate::args::{AlertVerb, Alerts as Options, AlertsTest, Format};
use crate::command::{config, now};
use crate::config::{Config, nearest};
use crate::printer::{Failure, line, say, table};

/// Time in which a message that failed is tried again before the command ends.
const PATIENCE: Duration = Duration::from_secs(20);
/// Messages shown.
const MOST_MESSAGES: usize = 10;
/// Days of a dry run where none are asked for.
const REHEARSED_DAYS: u64 = 90;

/// Judges what is due, tells of it and shows where alerts stand; or does something with one.
pub fn run(path: &Path, options: &Options) -> Result<ExitCode, Failure> {
    let config = config(path)?;
    match &options.verb {
        None => {
            if config.watch.rules.is_empty() {
                say("warning: no alert is configured: add an [[alert]] with a `name` and a `kind`");
            }
            let mart = super::mart(&config)?;
            let mut record = Alerts::open(&config.ledger).map_err(|error| failure(error.into()))?;
            let code = judge(&config, &mart, &mut record, !options.no_send)?;
            show(&record, options)?;
            Ok(code)
        }
        Some(AlertVerb::Test(test)) => rehearsal(&config, test),
        Some(AlertVerb::Ack { alert, until, who }) => {
            let mut record = Alerts::open(&config.ledger).map_err(|error| failure(error.into()))?;
            let who =
                who.clone().or_else(|| std::env::var("USER").ok()).unwrap_or_else(|| "(unnamed)".to_owned());
            let known = record
                .acknowledge(alert, now() + *until, &who, &config.watch, now())
                .map_err(|error| failure(error.into()))?;
            say(format!("{} {} is acknowledged for {}", known.id, known.key, shown(*until)));
            Ok(told(
                &deliver(&mut record, &config.watch, now, PATIENCE).map_err(|error| failure(error.into()))?,
            ))
        }
        Some(AlertVerb::Retry) => {
            let mut record = Alerts::open(&config.ledger).map_err(|error| failure(error.into()))?;
            let revived = record.revive(now()).map_err(|error| failure(error.into()))?;
            say(format!("{} messages that were given up are tried again", format::count(revived as i64)));
            Ok(told(
                &deliver(&mut record, &config.watch, now, PATIENCE).map_err(|error| failure(error.into()))?,
            ))
        }
    }
}

/// Judges what is due on a mart and tells of it; 1 where a message could not be sent.
pub fn judge(config: &Config, mart: &Mart, record: &mut Alerts, send: bool) -> Result<ExitCode, Failure> {
    let failed = record.failed_checks().map_err(|error| failure(error.into()))?;
    let summary = alert::evaluate(mart, &config.watch, record, &failed, now()).map_err(failure)?;
    judged(&summary);
    if !send {
        return Ok(ExitCode::SUCCESS);
    }
    Ok(told(&deliver(record, &config.watch, now, PATIENCE).map_err(|error| failure(error.into()))?))
}

fn judged(summary: &Summary) {
    say(format!(
        "{:<14} {} judged: {} fired, {} resolved",
        "alerts",
        count(summary.days, "closed day"),
        format::count(summary.fired as i64),
        format::count(summary.resolved as i64)
    ));
    for queued in &summary.queued {
        say(format!("{:<14} {queued}", "queued"));
    }
}

fn told(delivery: &Delivery) -> ExitCode {
    if delivery.sent > 0 {
        say(format!("{:<14} {} sent", "delivery", count(delivery.sent, "message")));
    }
    for why in &delivery.put_off {
        say(format!("warning: an attempt failed: {why}"));
    }
    for why in &delivery.dead {
        say(format!("warning: given up: {why}; `lakeledger alerts retry` tries it once more"));
    }
    ExitCode::from(u8::from(!delivery.dead.is_empty()))
}

fn count(n: usize, word: &str) -> String {
    format!("{} {word}{}", format::count(n as i64), if n == 1 { "" } else { "s" })
}

fn show(record: &Alerts, options: &Options) -> Result<(), Failure> {
    let all = record.all().map_err(|error| failure(error.into()))?;
    let alerts: Vec<&Alert> =
        all.iter().filter(|alert| options.all || alert.status != Status::Resolved).collect();
    let messages = record.delivered(MOST_MESSAGES).map_err(|error| failure(error.into()))?;
    if options.format == Format::Json {
        let alerts: Vec<Value> = alerts.iter().map(|alert| object(alert)).collect();
        let messages: Vec<Value> = messages
            .iter()
            .map(|message| {
                json!({
                    "id": message.id, "channel": message.channel, "summary": message.summary,
                    "created_at": message.created_at, "state": message.state, "attempts": message.attempts,
                    "error": message.error,
                })
            })
            .collect();
        line(serde_json::to_string_pretty(&json!({"alerts": alerts, "messages": messages}))?);
        return Ok(());
    }
    if alerts.is_empty() {
        say("nothing fires");
        return Ok(());
    }
    let rows: Vec<Vec<String>> = alerts
        .iter()
        .map(|alert| {
            vec![
                alert.id.clone(),
                alert.status.name().to_owned(),
                alert.severity.name().to_owned(),
                alert.rule.clone(),
                alert.key.clone(),
                alert.team.clone().unwrap_or_else(|| "-".to_owned()),
                alert.fired_on.to_string(),
                alert.unit.show(alert.value),
                alert.unit.show(alert.threshold),
            ]
        })
        .collect();
    table(&["id", "state", "severity", "rule", "about", "team", "since", "value", "threshold"], &rows, 2);
    for alert in alerts.iter().filter(|alert| alert.status == Status::Firing) {
        say(format!("{}  {}", alert.id, alert.message));
    }
    Ok(())
}

fn object(alert: &Alert) -> Value {
    json!({
        "id": alert.id, "rule": alert.rule, "kind": alert.kind, "subject": alert.key, "team": alert.team,
        "severity": alert.severity.name(), "status": alert.status.name(), "level": alert.level,
        "fired_on": alert.fired_on, "last_on": alert.last_on, "resolved_on": alert.resolved_on,
        "value": alert.value, "threshold": alert.threshold, "unit": alert.unit.name(), "message": alert.message,
        "acknowledged_until": alert.acknowledged_until, "acknowledged_by": alert.acknowledged_by,
        "told_at": alert.told_at,
    })
}

fn rehearsal(config: &Config, test: &AlertsTest) -> Result<ExitCode, Failure> {
    super::half_open(test.from, test.to)?;
    let rules = chosen(config, &test.rule)?;
    let mart = super::mart(config)?;
    let closed = watch::closed_days(&mart)?.ok_or_else(|| {
        Failure::new("the ledger has no closed day", "read a bill: add a source of kind aws-cur or focus")
    })?;
    let to = test.to.unwrap_or(closed.end);
    let from = test.from.unwrap_or_else(|| closed.first.max(to - Days::new(REHEARSED_DAYS)));
    let rehearsal = rehearse(&mart, &config.watch, &rules, (from, to))?;
    match test.format {
        Format::Json => {
            let rows: Vec<Value> = rehearsal.happened.iter().map(|one| one.json()).collect();
            line(serde_json::to_string_pretty(&rows)?);
        }
        Format::Text => rehearsed(&rehearsal),
    }
    for rule in &rehearsal.left_out {
        say(format!("warning: `{rule}` looks at the ledger as it is and has no past to be tried on"));
    }
    Ok(ExitCode::SUCCESS)
}

fn rehearsed(rehearsal: &Rehearsal) {
    let rows: Vec<Vec<String>> = rehearsal
        .happened
        .iter()
        .map(|one| {
            let alert = &one.alert;
            vec![
                one.day.to_string(),
                one.step.name().to_owned(),
                one.untold.clone().map_or_else(|| "told".to_owned(), |why| format!("not told: {why}")),
                alert.rule.clone(),
                alert.key.clone(),
                alert.team.clone().unwrap_or_else(|| "-".to_owned()),
                alert.unit.show(alert.value),
                alert.unit.show(alert.threshold),
            ]
        })
        .collect();
    table(&["day", "happened", "", "rule", "about", "team", "value", "threshold"], &rows, 2);
    let Some((from, to)) = rehearsal.days else {
        say("none of these days is closed");
        return;
    };
    let told =
        |step| rehearsal.happened.iter().filter(|one| one.untold.is_none() && one.step == step).count();
    say(format!(
        "{} from {from} to {}: {} would have been told of, with today's figures; nothing was recorded or sent",
        count(usize::try_from((to - from).num_days()).unwrap_or_default(), "closed day"),
        to - Days::new(1),
        count(told(alert::life::Step::Fired) + told(alert::life::Step::Rose), "alert"),
    ));
}

/// The rules asked for; all where none is.
fn chosen<'c>(config: &'c Config, names: &[String]) -> Result<Vec<&'c Rule>, Failure> {
    let rules = || config.watch.rules.iter();
    for name in names {
        if !rules().any(|rule| rule.name == *name) {
            let hint = match nearest(name, rules().map(|rule| rule.name.as_str())) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "name it in an [[alert]] of the configuration".to_owned(),
            };
            return Err(Failure::new(format!("there is no alert `{name}`"), hint));
        }
    }
    Ok(rules().filter(|rule| names.is_empty() || names.contains(&rule.name)).collect())
}

fn shown(span: TimeDelta) -> String {
    format::duration_ms(span.num_milliseconds())
}

/// A failure with its hint.
pub fn failure(error: alert::AlertError) -> Failure {
    let hint = error.hint();
    Failure { error: Box::new(error), hint }
}
