//! `alerts`: what fires, who is told, and what would have been told of in the past.

mod deliveries;

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use attribution::mart::{ClusterRow, Mart, called};
use chrono::{Days, TimeDelta};
use reports::alert::delivery::{Delivery, deliver};
use reports::alert::life::{Alert, Status};
use reports::alert::record::{Alerts, Summary};
use reports::alert::rehearse::{Rehearsal, rehearse};
use reports::alert::{self, ChannelKind, Rule, letter};
use reports::mail::Outbox;
use reports::{format, watch};
use serde_json::{Value, json};

use crate::args::{AlertVerb, Alerts as Options, AlertsTest, Format};
use crate::command::{config, now};
use crate::config::{Config, nearest};
use crate::printer::{Failure, line, say, table};

/// Said where alerts are asked for and none is configured.
pub const NOTHING_WATCHED: &str =
    "warning: no alert is configured: add an [[alert]] with a `name` and a `kind`";
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
                say(NOTHING_WATCHED);
            }
            let mart = super::mart(&config)?;
            let mut record = Alerts::open(&config.ledger).map_err(|error| failure(error.into()))?;
            let code = judge(&config, &mart, &mut record, !options.no_send)?;
            show(&config, &mart, &record, options)?;
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
            // Whoever says that they know does not wait for a receiver.
            let due = record.next_due(None).map_err(|error| failure(error.into()))?;
            if due.is_some_and(|due| due <= now()) {
                crate::scheduler::begin_apart(path, "messages");
            }
            Ok(ExitCode::SUCCESS)
        }
        Some(AlertVerb::Deliveries(options)) => deliveries::run(&config, options),
        Some(AlertVerb::Retry { doubtful }) => {
            let mut record = Alerts::open(&config.ledger).map_err(|error| failure(error.into()))?;
            let revived = record.revive(&config.watch, now()).map_err(|error| failure(error.into()))?;
            let again = super::report::requeue_alerts(&config, *doubtful)?;
            say(format!(
                "{} that were given up and {} are tried again",
                count(revived.again, "message"),
                count(again, "letter")
            ));
            if revived.overtaken > 0 {
                say(format!(
                    "{} not: what the channel was told later of the same alerts has arrived",
                    count(revived.overtaken, "message")
                ));
            }
            deliver_due(&config, &mut record)
        }
    }
}

/// Judges what is due on a mart and tells of it; 1 where a message could not be sent, or waits.
pub fn judge(config: &Config, mart: &Mart, record: &mut Alerts, send: bool) -> Result<ExitCode, Failure> {
    let failed = record.failed_checks().map_err(|error| failure(error.into()))?;
    let summary = alert::evaluate(mart, &config.watch, record, &failed, now()).map_err(failure)?;
    judged(&summary);
    if !send {
        return Ok(ExitCode::SUCCESS);
    }
    deliver_due(config, record)
}

/// Sends what is queued, and letters that are due; 1 where something could not be sent, or waits.
pub fn deliver_due(config: &Config, record: &mut Alerts) -> Result<ExitCode, Failure> {
    let code = messages_due(config, record)?;
    let is_mailed = config.watch.channels.iter().any(|it| matches!(it.kind, ChannelKind::Email { .. }));
    let is_left = is_mailed && super::report::outbox(config)?;
    Ok(if is_left { ExitCode::from(1) } else { code })
}

/// Sends what is queued, and puts in line what is mail; 1 where something could not be, or waits.
pub fn messages_due(config: &Config, record: &mut Alerts) -> Result<ExitCode, Failure> {
    let delivery = deliver(record, &config.watch, now, PATIENCE).map_err(|error| failure(error.into()))?;
    let code = told(&delivery);
    // Each was an exit code of 1 once. That somebody has to look is said for as long as nobody has.
    let states = record.states().map_err(|error| failure(error.into()))?;
    let dead = states.get("dead").copied().unwrap_or_default().saturating_sub(delivery.dead.len());
    if dead > 0 {
        say(format!(
            "warning: {} given up before: see `lakeledger alerts deliveries --state dead`",
            match dead {
                1 => "1 message was".to_owned(),
                n => format!("{} messages were", format::count(n as i64)),
            }
        ));
    }
    Ok(code)
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
    if delivery.mailed > 0 {
        say(format!("{:<14} {} in line", "delivery", count(delivery.mailed, "letter")));
    }
    for why in &delivery.put_off {
        say(format!("warning: an attempt failed: {why}"));
    }
    for why in &delivery.dead {
        say(format!("warning: given up: {why}; `lakeledger alerts retry` tries it once more"));
    }
    if delivery.waiting > 0 {
        let at = delivery.next_at.map(|at| at.format("%Y-%m-%d %H:%M UTC").to_string());
        let at = at.map(|at| format!("; next attempt from {at}")).unwrap_or_default();
        say(format!("warning: {} still to be sent{at}", count(delivery.waiting, "message")));
    }
    ExitCode::from(u8::from(!delivery.dead.is_empty() || delivery.waiting > 0))
}

fn count(n: usize, word: &str) -> String {
    format!("{} {word}{}", format::count(n as i64), if n == 1 { "" } else { "s" })
}

fn show(config: &Config, mart: &Mart, record: &Alerts, options: &Options) -> Result<(), Failure> {
    let all = record.all().map_err(|error| failure(error.into()))?;
    let alerts: Vec<&Alert> =
        all.iter().filter(|alert| options.all || alert.status != Status::Resolved).collect();
    let messages = record.delivered(MOST_MESSAGES).map_err(|error| failure(error.into()))?;
    if options.format == Format::Json {
        let alerts: Vec<Value> = alerts.iter().map(|alert| object(alert)).collect();
        let letters = Outbox::open(&config.ledger).and_then(|outbox| outbox.deliveries());
        let letters = letters.map_err(super::report::mail_failure)?;
        let messages: Vec<Value> = messages
            .iter()
            .map(|message| {
                json!({
                    "id": message.id, "channel": message.channel, "summary": message.summary,
                    "created_at": message.created_at, "state": message.state, "attempts": message.attempts,
                    "error": message.error, "letters": letter::fate(message, &letters).map(|fate| fate.name()),
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
    let clusters = mart.clusters()?;
    let rows: Vec<Vec<String>> = alerts
        .iter()
        .map(|alert| {
            vec![
                alert.id.clone(),
                alert.status.name().to_owned(),
                alert.severity.name().to_owned(),
                alert.rule.clone(),
                called(&clusters, &alert.key).to_owned(),
                alert.team.clone().unwrap_or_else(|| "-".to_owned()),
                alert.fired_on.to_string(),
                standing(alert),
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

/// What was measured last: of what is over, where it ended.
fn standing(alert: &Alert) -> String {
    alert.latest().map_or_else(|| "-".to_owned(), |(value, _)| alert.unit.show(value))
}

fn object(alert: &Alert) -> Value {
    json!({
        "id": alert.id, "rule": alert.rule, "kind": alert.kind, "subject": alert.key, "team": alert.team,
        "severity": alert.severity.name(), "status": alert.status.name(), "level": alert.level,
        "fired_on": alert.fired_on, "last_on": alert.last_on, "resolved_on": alert.resolved_on,
        "value": alert.value, "threshold": alert.threshold, "unit": alert.unit.name(), "message": alert.message,
        "newest_value": alert.newest.map(|(value, _)| value), "newest_threshold": alert.newest.map(|(_, limit)| limit),
        "below_since": alert.below_since, "acknowledged_until": alert.acknowledged_until, "acknowledged_by": alert.acknowledged_by,
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
    let record = Alerts::open(&config.ledger).map_err(|error| failure(error.into()))?;
    let failed = record.failed_checks().map_err(|error| failure(error.into()))?;
    let rehearsal = rehearse(&mart, &config.watch, &rules, (from, to), &failed, now())?;
    match test.format {
        Format::Json => {
            let rows: Vec<Value> = rehearsal.happened.iter().map(|one| one.json()).collect();
            line(serde_json::to_string_pretty(&rows)?);
        }
        Format::Text => rehearsed(&rehearsal, &mart.clusters()?),
    }
    for one in &rehearsal.standing {
        say(format!(
            "note: `{}` ({}) was judged as of now, where it fires {}, and on no earlier day: {}",
            one.rule,
            one.kind,
            times(one.fires),
            one.why
        ));
    }
    Ok(ExitCode::SUCCESS)
}

fn rehearsed(rehearsal: &Rehearsal, clusters: &[ClusterRow]) {
    let rows: Vec<Vec<String>> = rehearsal
        .happened
        .iter()
        .map(|one| {
            let alert = &one.alert;
            vec![
                if one.is_now { "now".to_owned() } else { one.day.to_string() },
                one.step.name().to_owned(),
                one.untold.clone().map_or_else(|| "told".to_owned(), |why| format!("not told: {why}")),
                alert.rule.clone(),
                called(clusters, &alert.key).to_owned(),
                alert.team.clone().unwrap_or_else(|| "-".to_owned()),
                standing(alert),
                alert.unit.show(alert.latest().map_or(alert.threshold, |(_, threshold)| threshold)),
            ]
        })
        .collect();
    table(&["day", "happened", "", "rule", "about", "team", "value", "threshold"], &rows, 2);
    let Some((from, to)) = rehearsal.days else {
        say("none of these days is closed");
        return;
    };
    let told = |step| {
        let happened = rehearsal.happened.iter().filter(|one| !one.is_now);
        happened.filter(|one| one.untold.is_none() && one.step == step).count()
    };
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

fn times(n: usize) -> String {
    match n {
        0 => "not at all".to_owned(),
        1 => "once".to_owned(),
        n => format!("{} times", format::count(n as i64)),
    }
}

fn shown(span: TimeDelta) -> String {
    format::duration_ms(span.num_milliseconds())
}

/// A failure with its hint.
pub fn failure(error: alert::AlertError) -> Failure {
    let hint = error.hint();
    Failure { error: Box::new(error), hint }
}
