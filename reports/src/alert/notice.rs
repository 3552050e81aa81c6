//! What is sent: the message of one channel about one or more alerts, worded once, so that
//! every attempt sends the same.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use model::time::Instant;
use serde_json::{Value, json};

use super::life::{Alert, Status, Step};
use super::{Channel, ChannelKind, Grouping, Rule, Severity, Watch, letter};
use crate::format;

/// Alerts that one message lists; the dashboard has the rest.
pub(super) const MOST_LISTED: usize = 20;
/// Characters of a summary at PagerDuty.
const MOST_SUMMARY: usize = 1_024;
/// Characters of one section at Slack.
const MOST_SECTION: usize = 2_900;

/// Something that happened to an alert and that is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// The alert as it is now.
    pub alert: Alert,
    /// What happened first since it was last told of.
    pub step: Step,
}

/// A message of one channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The channel's name.
    pub channel: String,
    /// What it says, in one line.
    pub summary: String,
    /// What is sent: JSON.
    pub body: Value,
    /// Alerts it is about.
    pub alerts: Vec<String>,
}

/// The messages about what happened, for every channel of the rules.
pub fn notices(watch: &Watch, told: &[Told], now: Instant) -> Vec<Notice> {
    let mut notices = Vec::new();
    let mut told: Vec<&Told> = told.iter().collect();
    told.sort_by(|a, b| rank(a).cmp(&rank(b)));
    for channel in &watch.channels {
        notices.extend(of_channel(watch, channel, &told, now));
    }
    notices
}

/// The messages about what goes on already, for a channel that was told nothing of it: it is new
/// to the alerts' rules, or what it was told did not arrive.
pub fn caught_up(watch: &Watch, channel: &Channel, alerts: &[Alert], now: Instant) -> Vec<Notice> {
    let mut told: Vec<Told> =
        alerts.iter().map(|alert| Told { alert: alert.clone(), step: Step::GoesOn }).collect();
    told.sort_by(|a, b| rank(a).cmp(&rank(b)));
    of_channel(watch, channel, &told.iter().collect::<Vec<_>>(), now)
}

/// What is worst stands first.
fn rank(one: &Told) -> (Reverse<Severity>, &str, &str) {
    (Reverse(one.alert.severity), &one.alert.key, &one.alert.rule)
}

/// The messages of one channel about those of its rules.
fn of_channel(watch: &Watch, channel: &Channel, told: &[&Told], now: Instant) -> Vec<Notice> {
    let hears = |one: &Told| {
        let rule = watch.rules.iter().find(|rule| rule.name == one.alert.rule);
        rule.filter(|rule| rule.channels.contains(&channel.name))
    };
    let mut groups: BTreeMap<Group, Vec<&Told>> = BTreeMap::new();
    for (nth, one) in told.iter().copied().enumerate() {
        let Some(rule) = hears(one) else { continue };
        if one.step == Step::Resolved && !channel.tells_resolved {
            continue;
        }
        groups.entry(group(watch, channel, rule, &one.alert, nth)).or_default().push(one);
    }
    let mut notices: Vec<Notice> =
        groups.into_values().map(|group| notice(watch, channel, &group, now)).collect();
    // What fired and ended in one look opens an incident, which is closed as well.
    if matches!(channel.kind, ChannelKind::PagerDuty { .. }) && channel.tells_resolved {
        // A budget's month that is over mends nothing: its end waits for the next look, so that who is
        // on call hears of it ([`leaves_open`]).
        let is_ended = |one: &&&Told| is_over_already(one) && one.alert.month_over().is_none();
        let ended = told.iter().filter(is_ended).filter(|one| hears(one).is_some());
        let ended = ended.map(|one| Told { step: Step::Resolved, ..(*one).clone() });
        notices.extend(ended.map(|one| notice(watch, channel, &[&one], now)));
    }
    notices
}

/// Whether it is over by now, while the news is that it fired.
pub(super) fn is_over_already(told: &Told) -> bool {
    told.alert.status == Status::Resolved && told.step != Step::Resolved
}

/// Whether a channel was told that a budget's month, which ended in the same look, fired, and keeps
/// its incident open until it is told of the end.
pub(super) fn leaves_open(watch: &Watch, told: &Told) -> bool {
    let rule = watch.rules.iter().find(|rule| rule.name == told.alert.rule);
    let keeps = |channel: &Channel| {
        matches!(channel.kind, ChannelKind::PagerDuty { .. })
            && channel.tells_resolved
            && rule.is_some_and(|rule| rule.channels.contains(&channel.name))
    };
    is_over_already(told) && told.alert.month_over().is_some() && watch.channels.iter().any(keeps)
}

/// Whether a message was worded for channels of this kind.
pub(super) fn is_worded_for(kind: &ChannelKind, body: &str) -> bool {
    let key = match kind {
        ChannelKind::Slack { .. } => "blocks",
        ChannelKind::PagerDuty { .. } => "event_action",
        ChannelKind::Webhook { .. } => "version",
        ChannelKind::Email { .. } => "html",
    };
    serde_json::from_str::<Value>(body).is_ok_and(|body| body.get(key).is_some())
}

/// The messages that an alert is over because its rule is gone, for channels that told of it.
pub fn dropped(watch: &Watch, alert: &Alert, channels: &[String], now: Instant) -> Vec<Notice> {
    // Nobody measured on which day it ended.
    let told = Told { alert: Alert { resolved_on: None, ..alert.clone() }, step: Step::Resolved };
    let tells = |channel: &&Channel| channel.tells_resolved && channels.contains(&channel.name);
    watch.channels.iter().filter(tells).map(|channel| notice(watch, channel, &[&told], now)).collect()
}

/// The messages that somebody knows of an alert, for channels that keep incidents.
pub fn acknowledged(watch: &Watch, alert: &Alert) -> Vec<Notice> {
    let rule = watch.rules.iter().find(|rule| rule.name == alert.rule);
    let keeps = |channel: &&Channel| {
        matches!(channel.kind, ChannelKind::PagerDuty { .. })
            && rule.is_some_and(|rule| rule.channels.contains(&channel.name))
    };
    let notice = |channel: &Channel| Notice {
        channel: channel.name.clone(),
        summary: format!("Acknowledged: {} ({})", alert.called(), alert.rule),
        body: json!({"event_action": "acknowledge", "dedup_key": dedup_key(alert)}),
        alerts: vec![alert.id.clone()],
    };
    watch.channels.iter().filter(keeps).map(notice).collect()
}

fn dedup_key(alert: &Alert) -> String {
    format!("lakeledger-{}", alert.id)
}

/// What goes into one message: whose it is alone, where it is a team's, and which part of that.
type Group = (Option<String>, &'static str, String);

/// PagerDuty groups events itself, by their keys.
fn group(watch: &Watch, channel: &Channel, rule: &Rule, alert: &Alert, nth: usize) -> Group {
    // No team reads of another's.
    let whose = letter::own_team(watch, channel, alert).map(str::to_owned);
    match (&channel.kind, rule.grouping) {
        (ChannelKind::PagerDuty { .. }, _) | (_, Grouping::Alert) => (whose, "alert", format!("{nth:06}")),
        (_, Grouping::Rule) => (whose, "rule", rule.name.clone()),
        (_, Grouping::Team) => (whose, "team", alert.team.clone().unwrap_or_default()),
    }
}

fn notice(watch: &Watch, channel: &Channel, told: &[&Told], now: Instant) -> Notice {
    let summary = summary(told);
    let body = match &channel.kind {
        ChannelKind::Slack { .. } => slack(watch, &summary, told),
        ChannelKind::PagerDuty { .. } => page(watch, told, now),
        ChannelKind::Webhook { .. } => generic(watch, &summary, told, now),
        ChannelKind::Email { .. } => letter::body(watch, channel, told, now),
    };
    Notice {
        channel: channel.name.clone(),
        summary,
        body,
        alerts: told.iter().map(|one| one.alert.id.clone()).collect(),
    }
}

/// One line: what happened to how many.
pub(super) fn summary(told: &[&Told]) -> String {
    if let [one] = told {
        return line(one);
    }
    let mut rules: Vec<&str> = told.iter().map(|one| one.alert.rule.as_str()).collect();
    rules.sort_unstable();
    rules.dedup();
    format!("{}: {}", rules.join(", "), counts(told))
}

/// What happened to how many: `2 firing, 1 resolved`.
pub(super) fn counts(told: &[&Told]) -> String {
    let over = told.iter().filter(|one| one.step == Step::Resolved);
    let (months, resolved): (Vec<&Told>, Vec<&Told>) =
        over.copied().partition(|one| one.alert.month_over().is_some());
    let firing = told.len() - months.len() - resolved.len();
    let all = [(firing, "firing"), (resolved.len(), "resolved"), (months.len(), "over with the month")];
    let some = all.into_iter().filter(|(n, _)| *n > 0);
    some.map(|(n, words)| format!("{} {words}", format::count(n as i64))).collect::<Vec<_>>().join(", ")
}

/// One alert in one line.
pub(super) fn line(told: &Told) -> String {
    let alert = &told.alert;
    match (told.step, alert.resolved_on) {
        (Step::Resolved, Some(_)) if alert.month_over().is_some() => {
            format!("{} is over: {}", alert.month_over().unwrap_or_default(), alert.message)
        }
        (Step::Resolved, Some(day)) => {
            let at = alert.ended_at().map(|at| format!(", at {at}")).unwrap_or_default();
            format!("Resolved: {} ({}), over since {}{at}.", alert.called(), alert.rule, format::day(day))
        }
        (Step::Resolved, None) if alert.status == Status::Resolved => {
            format!("Resolved: {} ({}): its rule is gone.", alert.called(), alert.rule)
        }
        (Step::GoesOn | Step::Lapsed, _) => {
            format!("Still, since {}: {}", format::day(alert.fired_on), alert.message)
        }
        // Days that were missed are judged together: it may be over by now.
        (_, Some(day)) if alert.status == Status::Resolved => {
            if let Some(month) = alert.month_over() {
                return format!("{} {month} is over.", alert.message);
            }
            let at = alert.ended_at().map(|at| format!(", at {at}")).unwrap_or_default();
            format!("{} Over since {}{at}.", alert.message, format::day(day))
        }
        _ => alert.message.clone(),
    }
}

pub(super) fn url(watch: &Watch, alert: &Alert) -> Option<String> {
    watch.base_url.as_ref().map(|base| format!("{}/alerts/{}", base.trim_end_matches('/'), alert.id))
}

/// An alert as an object: exact decimals as text.
pub fn object(watch: &Watch, told: &Told) -> Value {
    let alert = &told.alert;
    json!({
        "id": alert.id, "rule": alert.rule, "kind": alert.kind, "subject": alert.key, "name": alert.name, "team": alert.team,
        "severity": alert.severity.name(), "status": alert.status.name(), "happened": told.step.name(),
        "fired_on": alert.fired_on, "last_on": alert.last_on, "resolved_on": alert.resolved_on,
        "value": alert.value, "threshold": alert.threshold, "unit": alert.unit.name(),
        "newest_value": alert.newest.map(|(value, _)| value),
        "newest_threshold": alert.newest.map(|(_, threshold)| threshold),
        "message": line(told), "url": url(watch, alert),
    })
}

fn generic(watch: &Watch, summary: &str, told: &[&Told], now: Instant) -> Value {
    json!({
        "version": 1, "summary": summary, "created_at": now,
        "alerts": told.iter().map(|one| object(watch, one)).collect::<Vec<_>>(),
    })
}

fn slack(watch: &Watch, summary: &str, told: &[&Told]) -> Value {
    let mut sections: Vec<String> = Vec::new();
    for one in told.iter().take(MOST_LISTED) {
        let mark = match (one.step, one.alert.severity.name()) {
            (Step::Resolved, _) if one.alert.month_over().is_some() => ":white_circle:",
            (Step::Resolved, _) => ":white_check_mark:",
            (_, "critical" | "error") => ":red_circle:",
            (_, "warning") => ":large_orange_circle:",
            _ => ":large_blue_circle:",
        };
        let link = url(watch, &one.alert).map(|url| format!(" <{url}|Open>")).unwrap_or_default();
        let line = format!("{mark} {}{link}", escaped(&line(one)));
        match sections.last_mut() {
            Some(last) if last.chars().count() + line.chars().count() < MOST_SECTION => {
                last.push('\n');
                last.push_str(&line);
            }
            _ => sections.push(line.chars().take(MOST_SECTION).collect()),
        }
    }
    if told.len() > MOST_LISTED {
        sections.push(format!("and {} more", format::count((told.len() - MOST_LISTED) as i64)));
    }
    let blocks: Vec<Value> = sections
        .iter()
        .map(|text| json!({"type": "section", "text": {"type": "mrkdwn", "text": text}}))
        .collect();
    json!({"text": escaped(summary), "blocks": blocks})
}

/// Slack's three control characters.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// An event of the Events API, version 2; the key is put in when it is sent, so that it is
/// kept nowhere.
fn page(watch: &Watch, told: &[&Told], now: Instant) -> Value {
    let Some(one) = told.first() else { return Value::Null };
    let alert = &one.alert;
    let is_over = alert.status == Status::Resolved && one.step == Step::Resolved;
    let links: Vec<Value> = url(watch, alert)
        .into_iter()
        .map(|href| json!({"href": href, "text": "Open in Lakeledger"}))
        .collect();
    let mut event = json!({
        "event_action": if is_over { "resolve" } else { "trigger" },
        "dedup_key": dedup_key(alert),
        "payload": {
            "summary": line(one).chars().take(MOST_SUMMARY).collect::<String>(),
            "source": "lakeledger",
            "severity": alert.severity.name(),
            "timestamp": now,
            "component": alert.key,
            "group": alert.team,
            "class": alert.kind,
            "custom_details": object(watch, one),
        },
    });
    if !links.is_empty() {
        event["links"] = links.into();
    }
    event
}

#[cfg(test)]
mod tests;
