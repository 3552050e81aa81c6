//! What is recorded: findings of waste, alerts, sources and checks.

use std::collections::BTreeMap;

use attribution::mart::{Finding, SourceStatus};
use attribution::models::{CHECKS as ALL_CHECKS, Check};
use model::Basis;
use reports::alert::life::{Alert, Status};
use reports::alert::record::Alerts;
use reports::lifecycle::{Status as Standing, Tracked};

use super::{CURRENCY, Resource, Rows, TEAM, column, parameter};
use crate::access::Need;
use crate::api::listing::{Column, Field, Kind};
use crate::context::Context;
use crate::detector;
use crate::error::PageError;
use crate::finding;
use crate::page::alerts::seen;
use crate::state::Visit;

pub(super) static FINDINGS: Resource = Resource {
    path: "/api/v1/findings",
    need: Need::Seen,
    summary: "Waste that goes on and matters, the largest saving first",
    own: &[
        parameter("team", "of this team, and of teams within it"),
        parameter("detector", "of this detector, such as idle-cluster"),
        parameter("status", "with this status, such as acknowledged"),
        parameter("currency", "in this currency"),
    ],
    costs: false,
    fixed: false,
    columns: FINDING,
    read: findings,
};

pub(super) static ALERTS: Resource = Resource {
    path: "/api/v1/alerts",
    need: Need::Seen,
    summary: "Alerts whose condition holds, acknowledged or not, the worst first",
    own: &[
        parameter("team", "of this team only"),
        parameter("rule", "of this rule only"),
        parameter("status", "with this status instead: firing, acknowledged or resolved"),
    ],
    costs: false,
    fixed: false,
    columns: ALERT,
    read: alerts,
};

pub(super) static SOURCES: Resource = Resource {
    path: "/api/v1/sources",
    need: Need::Bill,
    summary: "Sources as of the last ingest",
    own: &[],
    costs: false,
    fixed: true,
    columns: &[
        column("source", Kind::Text, "name"),
        column("kind", Kind::Text, "kind"),
        column("objects", Kind::Count, "objects read"),
        column("rows", Kind::Count, "rows landed"),
        column("billed_cost", Kind::Money, "exact total of its charges in the mart's largest currency"),
        column("effective_cost", Kind::Money, "the same, effective"),
        column("newest_data_at", Kind::Moment, "end of the newest charge, run or collection"),
        column("landed_at", Kind::Moment, "when anything of it was last landed"),
        column("checked_at", Kind::Moment, "when it was last listed"),
        column("warnings", Kind::Count, "warnings noted"),
        column("skipped", Kind::Count, "those that left something out"),
    ],
    read: sources,
};

pub(super) static CHECKS: Resource = Resource {
    path: "/api/v1/checks",
    need: Need::Bill,
    summary: "What held when these figures were published: a mart that breaks any is not",
    own: &[],
    costs: false,
    fixed: true,
    columns: &[
        column("check", Kind::Text, "name"),
        column("forbids", Kind::Text, "what a row that breaks it is"),
        column("offenders", Kind::Count, "such rows: none, or these figures were not published"),
    ],
    read: checks,
};

/// Columns of a finding.
pub const FINDING: &[Column] = &[
    column("finding", Kind::Text, "id, which stays the same from mart to mart"),
    column("detector", Kind::Text, "detector"),
    column("subject_kind", Kind::Text, "cluster, workload, table, bucket or commitment"),
    column("subject", Kind::Text, "what is wasteful"),
    TEAM,
    column("status", Kind::Text, "new, acknowledged, assigned, snoozed, dismissed, reopened or resolved"),
    column("assignee", Kind::Text, "who looks after it"),
    column("snoozed_until", Kind::Text, "UTC day until which it waits"),
    column("reason", Kind::Text, "why it was dismissed"),
    column("net_saving", Kind::Money, "gross saving less the cost of the fix, a month"),
    column("gross_saving", Kind::Money, "what mending it saves, a month"),
    column("fix_cost", Kind::Money, "cost of the fix, a month"),
    column("claimed_saving", Kind::Money, "of gross, what no finding before it claims: these add up"),
    column("cash_saving", Kind::Money, "of what it claims, what lowers the bill; the rest frees capacity"),
    column("is_cash", Kind::Flag, "whether most of it lowers the bill; else it frees capacity"),
    column("confidence", Kind::Text, "low, medium or high"),
    column("observed_cost", Kind::Money, "what it cost so far"),
    column("first_day", Kind::Day, "first UTC day it was seen on"),
    column("end_day", Kind::Day, "the day after the last"),
    CURRENCY,
    column("action", Kind::Text, "the command that mends it; nothing is ever executed"),
    column(
        "known_until",
        Kind::Day,
        "where what it rests on ends before the bill: the last UTC day that is known, after which nobody looked",
    ),
    column("silent", Kind::Text, "what ends there: runs, inputs, reads, metadata, inventory or uploads"),
];

/// Columns of an alert.
pub const ALERT: &[Column] = &[
    column("alert", Kind::Text, "id, which stays the same over all its lives"),
    column("rule", Kind::Text, "rule of the configuration"),
    column("kind", Kind::Text, "kind of the rule, such as budget"),
    column("about", Kind::Text, "what it is about: a team, a cluster's id, a source"),
    TEAM,
    column("severity", Kind::Text, "how bad it is"),
    column("status", Kind::Text, "firing, acknowledged or resolved"),
    column("message", Kind::Text, "why it fires, or fired"),
    column("value", Kind::Money, "what was measured last, while it held"),
    column("threshold", Kind::Money, "what that was held against"),
    column("newest_value", Kind::Money, "what was measured last, whether it held or not"),
    column("newest_threshold", Kind::Money, "what that was held against"),
    column("unit", Kind::Text, "what both count"),
    column("fired_on", Kind::Day, "UTC day its condition began to hold"),
    column("last_on", Kind::Day, "newest day on which it held"),
    column("below_since", Kind::Day, "first day since which it no longer holds, until it is over"),
    column("resolved_on", Kind::Day, "day on which it was over"),
    column("began_at", Kind::Moment, "when that was found"),
    column("told_at", Kind::Moment, "when a channel was last told"),
    column("acknowledged_until", Kind::Moment, "until when somebody knows"),
    column("acknowledged_by", Kind::Text, "who"),
];

/// Refuses a word that is none of those there are, with the nearest of them.
fn known<'w>(what: &str, word: &str, words: impl Iterator<Item = &'w str> + Clone) -> Result<(), PageError> {
    if words.clone().any(|known| known == word) {
        return Ok(());
    }
    let near = reports::names::by_likeness(word, words.clone());
    let hint = near.first().map(|near| format!("did you mean `{near}`?"));
    let hint = hint.unwrap_or_else(|| format!("use {}", words.collect::<Vec<_>>().join(", ")));
    Err(PageError::BadRequest(vec![format!("there is no {what} `{word}`: {hint}")]))
}

fn findings(context: &Context<'_>, visit: &Visit, own: &BTreeMap<String, String>) -> Rows {
    // Without its record a finding's status cannot be told, and a program would act on the wrong one.
    finding::record(context, visit).map_err(PageError::Record)?;
    let found = finding::load(context, visit)?;
    if let Some(team) = own.get("team").filter(|team| !context.teams.contains(team)) {
        let known = context.teams.join(", ");
        return Err(PageError::BadRequest(vec![format!("there is no team `{team}`: use {known}")]));
    }
    if let Some(detector) = own.get("detector") {
        known("detector", detector, detector::DETECTORS.iter().map(|words| words.name))?;
    }
    if let Some(status) = own.get("status") {
        known("status", status, Standing::ALL.iter().map(|status| status.name()))?;
    }
    let is_asked = |item: &&finding::Item<'_>| {
        own.get("team").is_none_or(|team| finding::is_of_team(context, item.finding.team.as_deref(), team))
            && own.get("detector").is_none_or(|detector| item.finding.detector == *detector)
            && own.get("status").is_none_or(|status| item.status.name() == status)
    };
    Ok(found
        .items
        .iter()
        .filter(is_asked)
        .map(|item| of_finding(item.finding, item.status.name(), item.tracked.as_ref()))
        .collect())
}

/// The row of a finding, in the order of [`FINDING`].
pub fn of_finding(found: &Finding, status: &str, tracked: Option<&Tracked>) -> Vec<Field> {
    let waits = tracked.and_then(|tracked| tracked.snoozed_until);
    vec![
        found.id.clone().into(),
        found.detector.clone().into(),
        found.subject_kind.clone().into(),
        found.subject.clone().into(),
        found.team.clone().into(),
        status.to_owned().into(),
        tracked.and_then(|tracked| tracked.assignee.clone()).into(),
        waits.map(|day| day.to_string()).into(),
        tracked.and_then(|tracked| tracked.reason.clone()).into(),
        found.net_saving.into(),
        found.gross_saving.into(),
        found.fix_cost.into(),
        found.claimed_saving.into(),
        found.cash_saving.into(),
        found.is_cash.into(),
        found.confidence.name().to_owned().into(),
        found.observed_cost.into(),
        found.first_day.into(),
        found.end_day.into(),
        found.currency.to_string().into(),
        found.action.clone().into(),
        found.silence.map(|silence| silence.known_until).into(),
        found.silence.map(|silence| silence.facts.name().to_owned()).into(),
    ]
}

fn alerts(context: &Context<'_>, visit: &Visit, own: &BTreeMap<String, String>) -> Rows {
    let status = match own.get("status") {
        None => None,
        Some(word) => {
            Some(Status::ALL.into_iter().find(|status| status.name() == word).ok_or_else(|| {
                let known = Status::ALL.map(Status::name).join(", ");
                PageError::BadRequest(vec![format!("`{word}` is no status of an alert: use {known}")])
            })?)
        }
    };
    let record = Alerts::open(visit.ledger()).map_err(PageError::Alerts)?;
    let is = |name: &str, value: Option<&str>| own.get(name).is_none_or(|asked| Some(&**asked) == value);
    let is_asked = |alert: &Alert| {
        is("team", alert.team.as_deref())
            && is("rule", Some(&alert.rule))
            && status.map_or(alert.status != Status::Resolved, |status| alert.status == status)
    };
    let all = seen(context, record.all().map_err(PageError::Alerts)?);
    Ok(all.iter().filter(|alert| is_asked(alert)).map(of_alert).collect())
}

/// The row of an alert, in the order of [`ALERT`].
pub fn of_alert(alert: &Alert) -> Vec<Field> {
    vec![
        alert.id.clone().into(),
        alert.rule.clone().into(),
        alert.kind.clone().into(),
        alert.key.clone().into(),
        alert.team.clone().into(),
        alert.severity.name().to_owned().into(),
        alert.status.name().to_owned().into(),
        alert.message.clone().into(),
        alert.value.into(),
        alert.threshold.into(),
        alert.newest.map(|(value, _)| value).into(),
        alert.newest.map(|(_, threshold)| threshold).into(),
        alert.unit.name().into(),
        alert.fired_on.into(),
        alert.last_on.into(),
        alert.below_since.into(),
        alert.resolved_on.into(),
        alert.began_at.into(),
        alert.told_at.into(),
        alert.acknowledged_until.into(),
        alert.acknowledged_by.clone().into(),
    ]
}

fn sources(context: &Context<'_>, _: &Visit, _: &BTreeMap<String, String>) -> Rows {
    let row = |source: SourceStatus| {
        let total = source.totals.iter().find(|(currency, _)| *currency == context.scope.currency);
        let of = |basis| total.map(|(_, totals)| totals.get(basis).amount).into();
        vec![
            source.name.into(),
            source.kind.into(),
            source.objects.into(),
            source.rows.into(),
            of(Basis::Billed),
            of(Basis::Effective),
            source.newest_data_at.into(),
            source.landed_at.into(),
            source.checked_at.into(),
            source.warnings.into(),
            source.skipped.into(),
        ]
    };
    Ok(context.mart.sources()?.into_iter().map(row).collect())
}

fn checks(_: &Context<'_>, _: &Visit, _: &BTreeMap<String, String>) -> Rows {
    let row = |check: &Check| vec![check.name.to_owned().into(), check.forbids().to_owned().into(), 0.into()];
    Ok(ALL_CHECKS.iter().map(row).collect())
}
