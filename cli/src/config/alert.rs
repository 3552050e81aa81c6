//! `[[alert]]`, `[[channel]]` and `[[silence]]`: what is watched, who is told, and when not.

use std::path::Path;

use attribution::mart::Dimension;
use attribution::rules::Team;
use chrono::Weekday;
use model::Amount;
use model::time::Instant;
use reports::alert::{
    Channel, ChannelKind, Condition, Direction, Grouping, Rule, Secret, Severity, Sharing, Silence, Watch,
};
use reports::watch::Scope;

use super::budget::{basis, currency, scope};
use super::section::{Faults, Section};
use super::{check_team, nearest};

/// PagerDuty's own address.
const PAGERDUTY: &str = "https://events.pagerduty.com/v2/enqueue";
/// Longest span of days a condition looks at.
const MOST_DAYS: u32 = 92;

/// Reads one `[[alert]]`; `watch` has the budgets and channels, and the rules before it.
pub fn rule(
    mut section: Section<'_, '_>,
    faults: &mut Faults<'_>,
    teams: &[Team],
    watch: &Watch,
) -> Option<Rule> {
    let name = section.required(faults, "name");
    if let Some(name) = name.as_ref().filter(|name| watch.rules.iter().any(|rule| rule.name == **name)) {
        faults.add(section.at(), format!("{}: alert `{name}` is there twice", section.name()), None);
    }
    let scope = scope(&mut section, faults, teams);
    let by = by(&mut section, faults);
    let condition = condition(&mut section, faults, watch);
    if let Some(condition) = &condition {
        check_scope(&section, faults, condition, &scope, by.as_ref());
    }
    let channels = section.texts(faults, "channels");
    for channel in channels.iter().filter(|name| !watch.channels.iter().any(|known| known.name == **name)) {
        unknown(&section, faults, "channel", channel, watch.channels.iter().map(|known| known.name.as_str()));
    }
    // A budget is told of once a month and level.
    let cooldown = if matches!(condition, Some(Condition::Budget { .. })) { 31 * 24 } else { 24 };
    let rule = Rule {
        basis: basis(&mut section, faults),
        currency: currency(&mut section, faults),
        severity: word(
            &mut section,
            faults,
            "severity",
            Severity::ALL.map(|severity| (severity.name(), severity)),
        ),
        cooldown_hours: section.whole(faults, "cooldown_hours").unwrap_or(cooldown),
        renotify_hours: section.whole(faults, "renotify_hours").filter(|hours| *hours > 0),
        grouping: word(
            &mut section,
            faults,
            "group",
            [("rule", Grouping::Rule), ("team", Grouping::Team), ("alert", Grouping::Alert)],
        ),
        name: name.unwrap_or_default(),
        condition: condition.clone().unwrap_or(Condition::FailedCheck),
        scope,
        by,
        channels,
    };
    section.finish(faults);
    condition.map(|_| rule)
}

fn condition(section: &mut Section<'_, '_>, faults: &mut Faults<'_>, watch: &Watch) -> Option<Condition> {
    let kind = section.required(faults, "kind")?;
    let condition = match kind.as_str() {
        "budget" => {
            let names = section.texts(faults, "budgets");
            for name in names.iter().filter(|name| !watch.budgets.iter().any(|known| known.name == **name)) {
                unknown(
                    section,
                    faults,
                    "budget",
                    name,
                    watch.budgets.iter().map(|known| known.name.as_str()),
                );
            }
            Condition::Budget { names }
        }
        "absolute" => Condition::Absolute { amount: amount(section, faults), days: days(section, faults, 1) },
        "change" => Condition::Change {
            percent: percent(section, faults, 20),
            floor: floor(section, faults),
            direction: direction(section, faults),
        },
        "anomaly" => Condition::Anomaly {
            deviations: at_least_one(section, faults, "deviations", 5),
            percent: percent(section, faults, 50),
            floor: floor(section, faults),
            weeks: weeks(section, faults),
            direction: direction(section, faults),
        },
        "waste" => Condition::Waste { amount: amount(section, faults), detector: detector(section, faults) },
        "idle-share" | "unallocated-share" => Condition::Share {
            of: if kind == "idle-share" { Sharing::Idle } else { Sharing::Unallocated },
            percent: percent(section, faults, 20),
            days: days(section, faults, 7),
            floor: floor(section, faults),
        },
        "failure" => Condition::Failure { amount: amount(section, faults), days: days(section, faults, 7) },
        "table-freshness" => Condition::TableFreshness { hours: hours(section, faults) },
        "source-staleness" => Condition::SourceStaleness {
            hours: hours(section, faults),
            sources: section.texts(faults, "sources"),
        },
        "failed-check" => Condition::FailedCheck,
        _ => {
            unknown(section, faults, "kind", &kind, Condition::KINDS);
            return None;
        }
    };
    Some(condition)
}

/// Faults of scopes that a condition cannot be asked of.
fn check_scope(
    section: &Section<'_, '_>,
    faults: &mut Faults<'_>,
    condition: &Condition,
    scope: &Scope,
    by: Option<&Dimension>,
) {
    let is_of = |known: &[Dimension]| scope.filters.iter().all(|filter| known.contains(&filter.dimension));
    let (fits, hint) = match condition {
        Condition::Budget { .. } => (
            scope.filters.is_empty() && by.is_none(),
            "it tells of budgets: choose them with `budgets` or `team`",
        ),
        Condition::Waste { .. } => (
            is_of(&[Dimension::Workload, Dimension::Table, Dimension::Cluster])
                && by.is_none_or(|by| *by == Dimension::Team),
            "it takes `team`, `by = \"team\"`, and `where` with workload, table or cluster",
        ),
        Condition::TableFreshness { .. } => {
            (is_of(&[Dimension::Table]) && by.is_none(), "it takes `team`, and `where` with table")
        }
        Condition::SourceStaleness { .. } | Condition::FailedCheck => {
            (scope.is_platform() && by.is_none(), "it is about all of the ledger")
        }
        _ => (true, ""),
    };
    if !fits {
        let message = format!("{}: kind `{}` cannot be narrowed like this", section.name(), condition.kind());
        faults.add(section.at(), message, Some(hint.to_owned()));
    }
}

fn by(section: &mut Section<'_, '_>, faults: &mut Faults<'_>) -> Option<Dimension> {
    let text = section.text(faults, "by")?;
    match text.parse() {
        Ok(Dimension::Day | Dimension::Week | Dimension::Month | Dimension::Run) => {
            let message = format!("{}: alerts cannot be by {text}: each would be there once", section.name());
            faults.add(section.at(), message, Some("use team, workload, table, cluster or service".into()));
            None
        }
        Ok(dimension) => Some(dimension),
        Err(fault) => {
            faults.add(section.at(), format!("{}: {fault}", section.name()), None);
            None
        }
    }
}

fn amount(section: &mut Section<'_, '_>, faults: &mut Faults<'_>) -> Amount {
    if section.value("amount").is_none() {
        let message = format!("{}: `amount` is missing", section.name());
        faults.add(section.at(), message, Some("such as amount = 250".into()));
    }
    not_negative(section, faults, "amount")
}

/// The least that is told of.
fn floor(section: &mut Section<'_, '_>, faults: &mut Faults<'_>) -> Amount {
    if section.value("floor").is_none() {
        return Amount::whole(10);
    }
    not_negative(section, faults, "floor")
}

fn not_negative(section: &mut Section<'_, '_>, faults: &mut Faults<'_>, key: &'static str) -> Amount {
    let amount = section.decimal(faults, key).unwrap_or_default();
    if amount < Amount::ZERO {
        faults.add(section.at(), format!("{}: `{key}` must not be negative", section.name()), None);
    }
    amount
}

fn percent(section: &mut Section<'_, '_>, faults: &mut Faults<'_>, default: u32) -> u32 {
    section.whole(faults, "percent").unwrap_or(default)
}

fn days(section: &mut Section<'_, '_>, faults: &mut Faults<'_>, default: u32) -> u32 {
    let days = at_least_one(section, faults, "days", default);
    if days > MOST_DAYS {
        faults.add(section.at(), format!("{}: `days` must be at most {MOST_DAYS}", section.name()), None);
    }
    days
}

fn weeks(section: &mut Section<'_, '_>, faults: &mut Faults<'_>) -> u32 {
    let weeks = section.whole(faults, "weeks").unwrap_or(8);
    if !(3..=26).contains(&weeks) {
        let message = format!("{}: `weeks` must be from 3 to 26", section.name());
        faults.add(section.at(), message, Some("fewer tell nothing usual, more hold what is over".into()));
    }
    weeks
}

fn hours(section: &mut Section<'_, '_>, faults: &mut Faults<'_>) -> u32 {
    at_least_one(section, faults, "hours", 48)
}

fn at_least_one(
    section: &mut Section<'_, '_>,
    faults: &mut Faults<'_>,
    key: &'static str,
    default: u32,
) -> u32 {
    let number = section.whole(faults, key).unwrap_or(default);
    if number == 0 {
        faults.add(section.at(), format!("{}: `{key}` must be at least 1", section.name()), None);
    }
    number
}

fn direction(section: &mut Section<'_, '_>, faults: &mut Faults<'_>) -> Direction {
    word(
        section,
        faults,
        "direction",
        [("up", Direction::Up), ("down", Direction::Down), ("both", Direction::Both)],
    )
}

fn detector(section: &mut Section<'_, '_>, faults: &mut Faults<'_>) -> Option<String> {
    let detector = section.text(faults, "detector")?;
    if !attribution::waste::detectors().any(|known| known == detector) {
        unknown(section, faults, "detector", &detector, attribution::waste::detectors());
    }
    Some(detector)
}

/// One of a few words; the default where it is not there.
fn word<T: Copy + Default, const N: usize>(
    section: &mut Section<'_, '_>,
    faults: &mut Faults<'_>,
    key: &'static str,
    known: [(&'static str, T); N],
) -> T {
    let Some(text) = section.text(faults, key) else { return T::default() };
    match known.iter().find(|(word, _)| *word == text) {
        Some((_, value)) => *value,
        None => {
            unknown(section, faults, key, &text, known.iter().map(|(word, _)| *word));
            T::default()
        }
    }
}

/// A fault for a word that is none of those known.
fn unknown<'w>(
    section: &Section<'_, '_>,
    faults: &mut Faults<'_>,
    what: &str,
    word: &str,
    known: impl IntoIterator<Item = &'w str>,
) {
    let known: Vec<&str> = known.into_iter().collect();
    let hint = match nearest(word, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if known.is_empty() => format!("add a [[{what}]] of this name"),
        None => format!("use {}", known.join(", ")),
    };
    faults.add(section.at(), format!("{}: there is no {what} `{word}`", section.name()), Some(hint));
}

/// Reads one `[[channel]]`; files of secrets are relative to `directory`.
pub fn channel(mut section: Section<'_, '_>, faults: &mut Faults<'_>, directory: &Path) -> Option<Channel> {
    let name = section.required(faults, "name");
    let kind = section.required(faults, "kind");
    let tells_resolved = section.flag(faults, "resolved").unwrap_or(true);
    let kind = match kind.as_deref() {
        Some("slack") => needed(&mut section, faults, ("url_env", "url_file"), directory)
            .map(|url| ChannelKind::Slack { url }),
        Some("pagerduty") => {
            let url = section.text(faults, "url").unwrap_or_else(|| PAGERDUTY.to_owned());
            if !url.starts_with("https://") && !url.starts_with("http://") {
                faults.add(section.at(), format!("{}: `{url}` is no address", section.name()), None);
            }
            let key = needed(&mut section, faults, ("routing_key_env", "routing_key_file"), directory);
            key.map(|routing_key| ChannelKind::PagerDuty { url, routing_key })
        }
        Some("webhook") => {
            let url = needed(&mut section, faults, ("url_env", "url_file"), directory);
            let key = secret(&mut section, faults, ("key_env", "key_file"), directory);
            url.map(|url| ChannelKind::Webhook { url, key })
        }
        Some(kind) => {
            unknown(&section, faults, "kind", kind, ["slack", "pagerduty", "webhook"]);
            None
        }
        None => None,
    };
    section.finish(faults);
    Some(Channel { name: name?, kind: kind?, tells_resolved })
}

type SecretKeys = (&'static str, &'static str);

fn needed(
    section: &mut Section<'_, '_>,
    faults: &mut Faults<'_>,
    keys: SecretKeys,
    directory: &Path,
) -> Option<Secret> {
    let secret = secret(section, faults, keys, directory);
    if secret.is_none() {
        let message = format!("{}: `{}` or `{}` is missing", section.name(), keys.0, keys.1);
        let hint = "name an environment variable or a file: secrets never stand in this file";
        faults.add(section.at(), message, Some(hint.to_owned()));
    }
    secret
}

fn secret(
    section: &mut Section<'_, '_>,
    faults: &mut Faults<'_>,
    (env, file): SecretKeys,
    directory: &Path,
) -> Option<Secret> {
    let variable = section.text(faults, env).map(Secret::Env);
    let file = section.text(faults, file).map(|path| Secret::File(directory.join(path)));
    if variable.is_some() && file.is_some() {
        faults.add(section.at(), format!("{}: has `{env}` and a file as well", section.name()), None);
    }
    variable.or(file)
}

/// Reads one `[[silence]]`.
pub fn silence(
    mut section: Section<'_, '_>,
    faults: &mut Faults<'_>,
    teams: &[Team],
    rules: &[Rule],
) -> Silence {
    let names = section.texts(faults, "alert");
    for name in names.iter().filter(|name| !rules.iter().any(|rule| rule.name == **name)) {
        unknown(&section, faults, "alert", name, rules.iter().map(|rule| rule.name.as_str()));
    }
    let team = section.text(faults, "team");
    if let Some(team) = &team {
        check_team(faults, &section, team, teams);
    }
    let silence = Silence {
        rules: names,
        team,
        from: moment(&mut section, faults, "from"),
        to: moment(&mut section, faults, "to"),
        weekdays: weekdays(&mut section, faults),
        reason: section.text(faults, "reason"),
    };
    if silence.from.is_none() && silence.to.is_none() && silence.weekdays.is_empty() {
        let message = format!("{}: needs `from`, `to` or `weekdays`", section.name());
        faults.add(section.at(), message, Some("an alert nobody is ever told of is better left out".into()));
    }
    section.finish(faults);
    silence
}

fn weekdays(section: &mut Section<'_, '_>, faults: &mut Faults<'_>) -> Vec<Weekday> {
    let mut weekdays = Vec::new();
    for text in section.texts(faults, "weekdays") {
        match text.parse() {
            Ok(weekday) => weekdays.push(weekday),
            Err(_) => {
                let message = format!("{}: `{text}` is no day of the week", section.name());
                faults.add(section.at(), message, Some("such as weekdays = [\"sat\", \"sun\"]".into()));
            }
        }
    }
    weekdays
}

/// A day (its beginning in UTC) or a moment with its zone.
fn moment(section: &mut Section<'_, '_>, faults: &mut Faults<'_>, key: &'static str) -> Option<Instant> {
    let text = section.moment_text(faults, key)?;
    let day = text.parse::<chrono::NaiveDate>().map(|day| day.and_time(chrono::NaiveTime::MIN).and_utc());
    let moment = day.ok().or_else(|| text.parse().ok());
    if moment.is_none() {
        let message = format!("{}: `{text}` is no moment", section.name());
        let hint = "use a day such as 2026-12-24 or a moment such as 2026-12-24T18:00:00Z";
        faults.add(section.at(), message, Some(hint.to_owned()));
    }
    moment
}

#[cfg(test)]
mod tests {
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
        let ChannelKind::Webhook { url, key } = &watch.channels[1].kind else {
            panic!("{:?}", watch.channels)
        };
        assert_eq!(*url, Secret::File("/etc/lake/secret/url".into()));
        assert_eq!(*key, Some(Secret::Env("HOOK_KEY".into())));
        let [dear, idle] = watch.rules.as_slice() else { panic!("{:?}", watch.rules) };
        assert_eq!((dear.by.as_ref(), dear.severity), (Some(&Dimension::Workload), Severity::Critical));
        assert_eq!((dear.cooldown_hours, dear.renotify_hours), (24, Some(72)));
        assert!(
            matches!(dear.condition, Condition::Anomaly { floor, weeks: 8, .. } if floor == "2.5".parse().unwrap())
        );
        assert!(matches!(idle.condition, Condition::Share { of: Sharing::Idle, percent: 20, days: 7, .. }));
        assert_eq!(watch.silences[0].weekdays, [Weekday::Sat, Weekday::Sun]);
        assert_eq!(watch.silences[0].from.unwrap().to_rfc3339(), "2026-12-24T00:00:00+00:00");
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
"#;
        let expected = [
            "2: channel 1: there is no kind `slak` (did you mean `slack`?)",
            "5: channel 2: `ftp://x` is no address",
            "5: channel 2: `routing_key_env` or `routing_key_file` is missing",
            "9: alert 1: there is no kind `anomly` (did you mean `anomaly`?)",
            "12: alert 2: `amount` is missing",
            "12: alert 2: alerts cannot be by day",
            "12: alert 2: there is no channel `pagr`",
            "17: alert 3: alert `b` is there twice",
            "17: alert 3: kind `budget` cannot be narrowed like this",
            "17: alert 3: there is no budget `growth`",
            "22: alert 4: kind `failed-check` cannot be narrowed like this",
            "22: alert 4: there is no severity `bad`",
            "27: alert 4: unknown key `amount`",
            "28: silence 1: needs `from`, `to` or `weekdays`",
            "28: silence 1: there is no alert `d`",
        ];
        let found = faults(text);
        assert_eq!(found.len(), expected.len(), "{found:#?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.starts_with(expected), "{found}\n  is not\n{expected}");
        }
    }
}
