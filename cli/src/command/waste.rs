//! `waste`: what to fix first, what it saves, and how. Nothing is ever executed.

use std::path::Path;
use std::process::ExitCode;

use attribution::mart::{Finding, FindingQuery, Mart, WhatIf};
use model::{Amount, Currency};
use reports::findings;
use reports::lifecycle::{Act, Lifecycle, LifecycleError, Tracked};
use serde_json::{Value, json};

use crate::args::{Format, Waste, WasteFormat, WasteVerb, WhatIfKind, WhatIfOptions};
use crate::command::{config, now};
use crate::printer::{Failure, line, say, table};

/// Lists findings, or does something with one.
pub fn run(path: &Path, options: &Waste) -> Result<ExitCode, Failure> {
    let config = config(path)?;
    let mart = super::mart(&config)?;
    // The record follows the newest mart before anybody acts on it.
    let mut record = Lifecycle::open(&config.ledger).map_err(failure)?;
    record.sync(&mart, now()).map_err(failure)?;
    if let Some(verb) = &options.verb {
        act(&mart, &mut record, verb)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut found = mart.findings(&query(&mart, options)?)?;
    if let Some(id) = &options.finding {
        found.retain(|finding| finding.id.starts_with(id.as_str()));
        if found.is_empty() {
            return Err(Failure::new(
                format!("no finding has the id `{id}`"),
                "see them with `lakeledger waste --all`",
            ));
        }
    }
    let shown = &found[..options.limit.unwrap_or(found.len()).min(found.len())];
    match options.format {
        WasteFormat::Table if options.finding.is_some() => found.iter().for_each(detail),
        WasteFormat::Table => list(&found, shown),
        WasteFormat::Csv => {
            let mut text = Vec::new();
            findings::csv(shown, &mut text)?;
            line(String::from_utf8_lossy(&text).trim_end());
        }
        WasteFormat::Json => {
            let rows: Vec<Value> = shown.iter().map(findings::object).collect();
            line(serde_json::to_string_pretty(&rows)?);
        }
        WasteFormat::Markdown => shown.iter().for_each(|finding| line(findings::ticket(finding))),
    }
    Ok(ExitCode::SUCCESS)
}

fn query(mart: &Mart, options: &Waste) -> Result<FindingQuery, Failure> {
    if let Some(detector) = &options.detector
        && !attribution::waste::detectors().any(|known| known == detector)
    {
        let near = crate::config::nearest(detector, attribution::waste::detectors());
        let hint = near.map_or_else(
            || attribution::waste::detectors().collect::<Vec<_>>().join(", "),
            |near| format!("did you mean `{near}`?"),
        );
        return Err(Failure::new(format!("there is no detector `{detector}`"), hint));
    }
    if let Some(team) = &options.team
        && !mart.info().teams.iter().any(|known| known.name == *team)
    {
        let near = crate::config::nearest(team, mart.info().teams.iter().map(|team| team.name.as_str()));
        let hint = near.map(|near| format!(": did you mean `{near}`?")).unwrap_or_default();
        say(format!("warning: there is no team `{team}`{hint}"));
    }
    Ok(FindingQuery {
        team: options.team.clone(),
        detector: options.detector.clone(),
        past: options.all || options.finding.is_some(),
        immaterial: options.all || options.finding.is_some(),
    })
}

fn list(found: &[Finding], shown: &[Finding]) {
    let money = |amount: Amount, currency: Currency| reports::format::money(amount, currency);
    let rows: Vec<Vec<String>> = shown
        .iter()
        .map(|finding| {
            vec![
                finding.id.clone(),
                finding.detector.clone(),
                finding.subject.clone(),
                finding.team.clone().unwrap_or_else(|| "-".to_owned()),
                finding.confidence.to_string(),
                findings::saving_kind(finding).to_owned(),
                if finding.is_open { "open".to_owned() } else { format!("until {}", finding.end_day) },
                money(finding.gross_saving, finding.currency),
                money(finding.fix_cost, finding.currency),
                money(finding.net_saving, finding.currency),
                money(finding.claimed_saving, finding.currency),
            ]
        })
        .collect();
    let head = [
        "id",
        "detector",
        "subject",
        "team",
        "sure",
        "saves",
        "state",
        "gross/month",
        "fix",
        "net/month",
        "adds up",
    ];
    table(&head, &rows, 4);
    let mut currencies: Vec<Currency> = found.iter().map(|finding| finding.currency).collect();
    currencies.sort_unstable();
    currencies.dedup();
    for currency in currencies {
        let sum = |cash: bool| {
            let of = found.iter().filter(|finding| {
                finding.currency == currency
                    && finding.is_open
                    && finding.is_material
                    && finding.is_cash == cash
            });
            of.map(|finding| finding.claimed_saving).sum::<Amount>()
        };
        say(format!(
            "{} findings save {} a month and free capacity of {}; see one with `lakeledger waste --finding ID`",
            reports::format::count(i64::try_from(found.len()).unwrap_or(i64::MAX)),
            money(sum(true), currency),
            money(sum(false), currency),
        ));
    }
}

/// One finding, with all a person needs to check it and mend it.
fn detail(finding: &Finding) {
    let money = |amount: Amount| reports::format::money(amount, finding.currency);
    line(format!("{}  {} {}", finding.id, finding.detector, finding.subject));
    line(format!(
        "  team {}, seen {} until {}, confidence {}, {}",
        finding.team.as_deref().unwrap_or("(none)"),
        finding.first_day,
        finding.end_day,
        finding.confidence,
        if finding.is_open { "it goes on" } else { "it is over" },
    ));
    line(format!(
        "  cost {} so far; mending it saves {} a month ({}), costs {}, net {}; {} of it is no other finding's",
        money(finding.observed_cost),
        money(finding.gross_saving),
        findings::saving_kind(finding),
        money(finding.fix_cost),
        money(finding.net_saving),
        money(finding.claimed_saving),
    ));
    line("  evidence:");
    for (name, value) in finding.evidence.as_object().into_iter().flatten() {
        line(format!("    {}: {}", name.replace('_', " "), findings::plain(value)));
    }
    line("  guards that held:");
    for guard in &finding.guards {
        line(format!("    {guard}"));
    }
    line(format!("  day by day: {}", findings::spark(&finding.series)));
    line("  to mend it (nothing is executed):");
    for text in finding.action.lines() {
        line(format!("    {text}"));
    }
}

fn failure(error: LifecycleError) -> Failure {
    let hint = error.hint().map(str::to_owned);
    Failure { error: Box::new(error), hint }
}

fn act(mart: &Mart, record: &mut Lifecycle, verb: &WasteVerb) -> Result<(), Failure> {
    let (id, act) = match verb {
        WasteVerb::Ack { finding } => (finding, Act::Acknowledge),
        WasteVerb::Assign { finding, to } => (finding, Act::Assign(to.clone())),
        WasteVerb::Snooze { finding, until } => (finding, Act::Snooze(*until)),
        WasteVerb::Dismiss { finding, reason } => (finding, Act::Dismiss(reason.clone())),
        WasteVerb::WhatIf(kind) => return what_if(mart, kind),
        WasteVerb::Track { format } => return track(&record.tracked().map_err(failure)?, *format),
    };
    let id = record.act(id, &act, now()).map_err(failure)?;
    let tracked = record.find(&id).map_err(failure)?;
    if let Some(tracked) = tracked {
        say(format!("{id}  {} {} is {} now", tracked.detector, tracked.subject, tracked.status));
    }
    Ok(())
}

/// A setting tried on the mart's history.
fn what_if(mart: &Mart, kind: &WhatIfKind) -> Result<(), Failure> {
    let (setting, of): (WhatIf, &WhatIfOptions) = match kind {
        WhatIfKind::Spot { share, of } => (WhatIf::Spot { percent: *share }, of),
        WhatIfKind::AutoTermination { minutes, of } => (WhatIf::AutoTermination { minutes: *minutes }, of),
        WhatIfKind::EventDriven { of } => (WhatIf::EventDriven, of),
        WhatIfKind::Ttl { days, of } => (WhatIf::Ttl { days: *days }, of),
        WhatIfKind::Compaction { target, of } => (WhatIf::Compaction { target_mib: *target }, of),
    };
    let rows = mart.what_if(&setting, of.subject.as_deref())?;
    let shown = &rows[..of.limit.min(rows.len())];
    match of.format {
        Format::Json => {
            let rows: Vec<Value> = shown
                .iter()
                .map(|row| {
                    json!({
                        "subject": row.subject, "currency": row.currency.to_string(),
                        "cost_a_month": row.cost.to_string(), "saving_a_month": row.saving.to_string(),
                        "note": row.note,
                    })
                })
                .collect();
            line(serde_json::to_string_pretty(&rows)?);
        }
        Format::Text => {
            let money = reports::format::money;
            let rows: Vec<Vec<String>> = shown
                .iter()
                .map(|row| {
                    vec![
                        row.subject.clone(),
                        row.note.clone(),
                        money(row.cost, row.currency),
                        money(row.saving, row.currency),
                    ]
                })
                .collect();
            table(&["subject", "rests on", "cost/month", "saves/month"], &rows, 2);
        }
    }
    Ok(())
}

/// Promise and result side by side.
fn track(tracked: &[Tracked], format: Format) -> Result<(), Failure> {
    match format {
        Format::Json => {
            let rows: Vec<Value> = tracked.iter().map(tracked_object).collect();
            line(serde_json::to_string_pretty(&rows)?);
        }
        Format::Text => {
            let day =
                |day: Option<chrono::NaiveDate>| day.map_or_else(|| "-".to_owned(), |day| day.to_string());
            let rows: Vec<Vec<String>> = tracked
                .iter()
                .map(|it| {
                    vec![
                        it.finding_id.clone(),
                        it.detector.clone(),
                        it.subject.clone(),
                        it.status.to_string(),
                        it.assignee.clone().or_else(|| it.reason.clone()).unwrap_or_else(|| "-".to_owned()),
                        day(it.snoozed_until.or(it.resolved_on)),
                        reports::format::money(it.promised_saving, it.currency),
                        it.realised.as_ref().map_or_else(
                            || "-".to_owned(),
                            |realised| reports::format::signed_money(realised.monthly(), it.currency),
                        ),
                    ]
                })
                .collect();
            table(
                &[
                    "id",
                    "detector",
                    "subject",
                    "status",
                    "who or why",
                    "until",
                    "promised/month",
                    "realised/month",
                ],
                &rows,
                2,
            );
        }
    }
    Ok(())
}

fn tracked_object(it: &Tracked) -> Value {
    let realised = it.realised.as_ref().map(|realised| {
        json!({
            "a_month": realised.monthly().to_string(),
            "baseline": {"from": realised.baseline.0, "to": realised.baseline.1, "cost": realised.baseline_cost.to_string()},
            "measured": {"from": realised.measured.0, "to": realised.measured.1, "cost": realised.measured_cost.to_string()},
        })
    });
    json!({
        "id": it.finding_id, "detector": it.detector, "subject_kind": it.subject_kind, "subject": it.subject,
        "team": it.team, "currency": it.currency.to_string(), "status": it.status.name(), "assignee": it.assignee,
        "snoozed_until": it.snoozed_until, "reason": it.reason, "opened_on": it.opened_on,
        "last_seen_on": it.last_seen_on, "resolved_on": it.resolved_on,
        "promised_saving": it.promised_saving.to_string(), "realised": realised,
    })
}
