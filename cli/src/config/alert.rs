//! `[[alert]]`: what is watched.

use attribution::mart::Dimension;
use attribution::rules::Team;
use model::Amount;
use reports::alert::{Condition, Direction, Grouping, Rule, Severity, Sharing, Watch};
use reports::watch::Scope;

use super::SourceConfig;
use super::budget::{basis, currency, scope};
use super::section::{Faults, Section, nearest};
use super::word::{unknown, word};

/// An alert is over at once where what is measured is within so many per cent of its limit: as far
/// below it as the noise of a day's cost goes, or so.
const RECOVERY_PERCENT: u32 = 90;
/// And where it was not beyond its limit for so many closed days running: longer than a weekend, on
/// which much stands still that comes back on Monday.
const RECOVERY_DAYS: u32 = 3;
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
    let cooldown = match condition {
        // A budget is told of once a month and level.
        Some(Condition::Budget { .. }) => 31 * 24,
        // What was unusual, and usual for a day, is the same story when it is unusual again.
        Some(Condition::Anomaly { .. }) => 3 * 24,
        _ => 24,
    };
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
        recovery_percent: recovery_percent(&mut section, faults),
        recovery_days: at_least_one(&mut section, faults, "recovery_days", RECOVERY_DAYS),
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

/// Faults of sources that an alert names and nobody configured: it would never fire for them. Of each
/// alert its place and what messages call it are known.
pub fn check_sources<'r>(
    faults: &mut Faults<'_>,
    rules: impl Iterator<Item = (&'r Rule, &'r (usize, String))>,
    sources: &[SourceConfig],
) {
    let known = || sources.iter().map(|source| source.name.as_str());
    for (rule, (at, alert)) in rules {
        let Condition::SourceStaleness { sources: watched, .. } = &rule.condition else { continue };
        for name in watched.iter().filter(|name| !known().any(|known| known == name.as_str())) {
            let hint = match nearest(name, known()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "add a [[source]] of this name".to_owned(),
            };
            faults.add(*at, format!("{alert}: there is no source `{name}`"), Some(hint));
        }
    }
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

fn recovery_percent(section: &mut Section<'_, '_>, faults: &mut Faults<'_>) -> u32 {
    let percent = section.whole(faults, "recovery_percent").unwrap_or(RECOVERY_PERCENT);
    if percent > 100 {
        let message = format!("{}: `recovery_percent` must be at most 100", section.name());
        faults.add(
            section.at(),
            message,
            Some("100 ends an alert as soon as it is not beyond its limit".into()),
        );
    }
    percent
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

#[cfg(test)]
mod tests;
