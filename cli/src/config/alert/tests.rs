//! `[[alert]]`, `[[channel]]` and `[[silence]]` as they are read.

use std::path::Path;

use chrono::Weekday;
use reports::alert::{ChannelKind, Secret};

use super::super::parse;
use super::*;

fn faults(text: &str) -> Vec<String> {
    let found = parse(text, Path::new("")).err().unwrap_or_default();
    let shown = found.into_iter().map(|fault| {
        let hint = fault.hint.map(|hint| format!(" ({hint})")).unwrap_or_default();
        format!("{}: {}{hint}", fault.line, fault.message)
    });
    shown.collect()
}

#[test]
fn alerts_channels_and_silences_are_read() {
    let text = r#"
[[team]]
name = "growth"
email = "growth@example.com"
[[team]]
name = "ranking"
parent = "growth"
[[team]]
name = "ads"
[[channel]]
name = "chat"
kind = "slack"
url_env = "SLACK_URL"
[[channel]]
name = "hook"
kind = "webhook"
url_file = "secret/url"
key_env = "HOOK_KEY"
resolved = false
[smtp]
host = "smtp.example.com"
from = "costs@example.com"
[[channel]]
name = "mail"
kind = "email"
to = "On call <oncall@example.com>"
teams = true
[[alert]]
name = "dear day"
kind = "anomaly"
by = "workload"
floor = 2.5
channels = ["chat", "hook"]
severity = "critical"
renotify_hours = 72
[[alert]]
name = "idle"
kind = "idle-share"
team = "growth"
where = "cluster=c-1"
channels = "chat"
[[silence]]
alert = "idle"
weekdays = ["sat", "Sunday"]
from = 2026-12-24
"#;
    let watch = parse(text, Path::new("/etc/lake")).unwrap().watch;
    assert_eq!(watch.channels[0].kind, ChannelKind::Slack { url: Secret::Env("SLACK_URL".into()) });
    let ChannelKind::Webhook { url, key } = &watch.channels[1].kind else { panic!("{:?}", watch.channels) };
    assert_eq!(*url, Secret::File("/etc/lake/secret/url".into()));
    assert_eq!(*key, Some(Secret::Env("HOOK_KEY".into())));
    let ChannelKind::Email { to, cc, is_to_teams } = &watch.channels[2].kind else {
        panic!("{:?}", watch.channels)
    };
    assert_eq!((to[0].email().as_str(), cc.len(), *is_to_teams), ("oncall@example.com", 0, true));
    assert_eq!(watch.sender.unwrap().smtp.server(), "smtp.example.com:587");
    // A team without addresses has those of the team above it.
    let teams: Vec<(&str, String)> =
        watch.team_email.iter().map(|(team, to)| (team.as_str(), to[0].email())).collect();
    let growth = "growth@example.com".to_owned();
    assert_eq!(teams, [("growth", growth.clone()), ("ranking", growth)]);
    let [dear, idle] = watch.rules.as_slice() else { panic!("{:?}", watch.rules) };
    assert_eq!((dear.by.as_ref(), dear.severity), (Some(&Dimension::Workload), Severity::Critical));
    assert_eq!((dear.cooldown_hours, dear.renotify_hours), (72, Some(72)));
    assert!(
        matches!(dear.condition, Condition::Anomaly { floor, weeks: 8, .. } if floor == "2.5".parse().unwrap())
    );
    assert!(matches!(idle.condition, Condition::Share { of: Sharing::Idle, percent: 20, days: 7, .. }));
    assert_eq!(watch.silences[0].weekdays, [Weekday::Sat, Weekday::Sun]);
    assert_eq!(watch.silences[0].from.unwrap().to_rfc3339(), "2026-12-24T00:00:00+00:00");
}

#[test]
fn a_source_that_nobody_configured_is_a_fault_and_no_silence() {
    let text = r#"
[[alert]]
name = "late"
kind = "source-staleness"
sources = ["bil", "logs"]
[[source]]
name = "bill"
kind = "focus"
uri = "exports/bill"
"#;
    let expected = [
        "2: alert 1: there is no source `bil` (did you mean `bill`?)",
        "2: alert 1: there is no source `logs` (add a [[source]] of this name)",
    ];
    assert_eq!(faults(text), expected);
    assert!(faults(&text.replace("[\"bil\", \"logs\"]", "\"bill\"")).is_empty());
}

#[test]
fn every_fault_of_an_alert_is_told() {
    let text = r#"
[[channel]]
name = "chat"
kind = "slak"
[[channel]]
name = "pager"
kind = "pagerduty"
url = "ftp://x"
[[channel]]
name = "mail"
kind = "email"
cc = "nobody"
[[alert]]
name = "a"
kind = "anomly"
[[alert]]
name = "b"
kind = "absolute"
by = "day"
channels = ["pagr"]
[[alert]]
name = "b"
kind = "budget"
budgets = ["growth"]
where = "team=growth"
[[alert]]
name = "c"
kind = "failed-check"
by = "team"
severity = "bad"
amount = 1
[[silence]]
alert = "d"
[[silence]]
from = "2026-12-02"
to = "2026-12-01"
"#;
    let expected = [
        "2: channel 1: there is no kind `slak` (did you mean `slack`?)",
        "5: channel 2: `ftp://x` is no address",
        "5: channel 2: `routing_key_env` or `routing_key_file` is missing",
        "9: channel 3: `nobody` is no e-mail address",
        "9: channel 3: `to` is missing",
        "9: channel: kind `email` needs a mail server",
        "13: alert 1: there is no kind `anomly` (did you mean `anomaly`?)",
        "16: alert 2: `amount` is missing",
        "16: alert 2: alerts cannot be by day",
        "16: alert 2: there is no channel `pagr`",
        "21: alert 3: alert `b` is there twice",
        "21: alert 3: kind `budget` cannot be narrowed like this",
        "21: alert 3: there is no budget `growth`",
        "26: alert 4: kind `failed-check` cannot be narrowed like this",
        "26: alert 4: there is no severity `bad`",
        "31: alert 4: unknown key `amount`",
        "32: silence 1: needs `from`, `to` or `weekdays`",
        "32: silence 1: there is no alert `d`",
        "34: silence 2: ends before it begins: 2026-12-01 00:00:00 UTC is not after 2026-12-02",
    ];
    let found = faults(text);
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.starts_with(expected), "{found}\n  is not\n{expected}");
    }
}
