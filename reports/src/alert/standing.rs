//! Rules that look at the ledger as it is now: waste, tables, sources, checks.

use std::collections::BTreeMap;

use attribution::mart::{Dimension, Finding, FindingQuery, Mart, MartError, TableRow};
use model::time::Instant;
use model::{Amount, Currency};

use super::{Condition, Reading, Rule, Unit};
use crate::{format, label};

/// What fires now. What does not fire is given for waste alone, whose sums move about their limit;
/// all else is over when it does not fire.
pub fn readings(
    mart: &Mart,
    rule: &Rule,
    failed_checks: &[String],
    now: Instant,
) -> Result<Vec<Reading>, MartError> {
    let reading = |key: String, team: Option<String>, (value, threshold, unit), message: String| Reading {
        key,
        name: None,
        team,
        day: now.date_naive(),
        value,
        threshold,
        unit,
        level: 0,
        is_firing: true,
        message,
    };
    match &rule.condition {
        Condition::Waste { amount, detector } => {
            let sums = waste(mart, rule, detector.as_deref())?;
            let told = sums.into_iter().map(|((key, currency), (saving, findings))| {
                let is_firing = saving > *amount;
                let message = format!(
                    "Mending {} of {} would save {} a month before what the fixes cost, more than {}; `lakeledger waste` has them.",
                    plural(findings, "finding of waste", "findings of waste"),
                    label::visible(&key),
                    format::money(saving, currency),
                    format::money(*amount, currency)
                );
                let team = match rule.by {
                    Some(Dimension::Team) => Some(key.clone()),
                    _ => rule.scope.team.clone(),
                };
                let message = if is_firing { message } else { String::new() };
                let figures = (saving, *amount, Unit::Money(currency));
                Reading { is_firing, ..reading(key, team, figures, message) }
            });
            Ok(told.collect())
        }
        Condition::TableFreshness { hours } => {
            let stale = mart.tables()?.into_iter().filter(|table| is_in_scope(mart, rule, table));
            let told = stale.filter_map(|table| {
                // As of the newest look at it: what a look that is late cannot tell is the source's alert.
                let written = table.last_updated_at?;
                let age = (table.collected_at - written).num_hours();
                (age > i64::from(*hours)).then(|| {
                    let message = format!(
                        "{} had not been written for {} when it was looked at on {}: last on {}. Told of beyond {hours} h.",
                        label::visible(&table.table_id),
                        plural(age, "hour", "hours"),
                        format::instant(table.collected_at, chrono_tz::UTC),
                        format::instant(written, chrono_tz::UTC)
                    );
                    let figures = (Amount::whole(age), Amount::whole(i64::from(*hours)), Unit::Hours);
                    reading(table.table_id, table.team, figures, message)
                })
            });
            Ok(told.collect())
        }
        Condition::SourceStaleness { hours, sources } => {
            let watched = mart.sources()?.into_iter();
            let told = watched.filter(|source| sources.is_empty() || sources.contains(&source.name)).filter_map(
                |source| {
                    let newest = source.newest_data_at?;
                    let age = (now - newest).num_hours();
                    (age > i64::from(*hours)).then(|| {
                        let message = format!(
                            "The source {} tells of nothing after {}, {} ago; it was last looked at on {}. Told of beyond {hours} h.",
                            source.name,
                            format::instant(newest, chrono_tz::UTC),
                            plural(age, "hour", "hours"),
                            format::instant(source.checked_at, chrono_tz::UTC)
                        );
                        let figures = (Amount::whole(age), Amount::whole(i64::from(*hours)), Unit::Hours);
                        reading(source.name, None, figures, message)
                    })
                },
            );
            Ok(told.collect())
        }
        Condition::FailedCheck if !failed_checks.is_empty() => {
            let count = i64::try_from(failed_checks.len()).unwrap_or(i64::MAX);
            let message = format!(
                "The last publish failed on {}: {}. The figures before it are served still.",
                plural(count, "check", "checks"),
                failed_checks.join("; ")
            );
            Ok(vec![reading(
                "publish".to_owned(),
                None,
                (Amount::whole(count), Amount::ZERO, Unit::Count),
                message,
            )])
        }
        _ => Ok(Vec::new()),
    }
}

/// Net savings that add up, and how many findings they are of, by who is told and currency.
type Savings = BTreeMap<(String, Currency), (Amount, i64)>;

/// What findings save that add up.
fn waste(mart: &Mart, rule: &Rule, detector: Option<&str>) -> Result<Savings, MartError> {
    let found =
        mart.findings(&FindingQuery { detector: detector.map(str::to_owned), ..FindingQuery::default() })?;
    let mut sums = Savings::new();
    for finding in found.iter().filter(|finding| is_of(mart, rule, finding)) {
        let key = match &rule.by {
            Some(Dimension::Team) => finding.team.clone(),
            _ => Some(rule.scope.to_string()),
        };
        // What nobody owns is in the alert of all alone.
        let Some(key) = key else { continue };
        let sum = sums.entry((key, finding.currency)).or_default();
        sum.0 += finding.claimed_saving;
        sum.1 += 1;
    }
    Ok(sums)
}

fn is_of(mart: &Mart, rule: &Rule, finding: &Finding) -> bool {
    is_of_team(mart, rule, finding.team.as_deref())
        && rule.currency.is_none_or(|currency| currency == finding.currency)
        && rule
            .scope
            .filters
            .iter()
            .all(|filter| filter.dimension.name() == finding.subject_kind && filter.value == finding.subject)
}

fn is_in_scope(mart: &Mart, rule: &Rule, table: &TableRow) -> bool {
    is_of_team(mart, rule, table.team.as_deref())
        && rule
            .scope
            .filters
            .iter()
            .all(|filter| filter.dimension == Dimension::Table && filter.value == table.table_id)
}

fn is_of_team(mart: &Mart, rule: &Rule, team: Option<&str>) -> bool {
    let Some(wanted) = &rule.scope.team else { return true };
    team.is_some_and(|team| mart.info().ancestor(team, mart.info().level(wanted)) == wanted)
}

fn plural(n: i64, one: &str, many: &str) -> String {
    format!("{} {}", format::count(n), if n == 1 { one } else { many })
}
