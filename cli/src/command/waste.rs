//! `waste`: what to fix first, what it saves, and how. Nothing is ever executed.

use std::path::Path;
use std::process::ExitCode;

use attribution::mart::{Finding, FindingQuery, Mart, WhatIf};
use model::{Amount, Currency};
use reports::lifecycle::{Act, Lifecycle, LifecycleError, Status, Tracked};
use reports::{evidence, findings};
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
    let life = record.tracked().map_err(failure)?;
    let tracked = |finding: &Finding| life.iter().find(|it| it.finding_id == finding.id);
    let asked = found.len();
    if options.finding.is_none() {
        found.retain(|finding| is_shown(options, findings::status(finding, tracked(finding))));
    }
    let hidden = asked - found.len();
    if let Some(id) = &options.finding {
        found.retain(|finding| finding.id.starts_with(id.as_str()));
        if found.is_empty() {
            return Err(Failure::new(
                format!("no finding has the id `{id}`"),
                "see them with `lakeledger waste --all`",
            ));
        }
    }
    let found: Vec<(&Finding, Option<&Tracked>)> =
        found.iter().map(|finding| (finding, tracked(finding))).collect();
    let most = options.limit.map_or(found.len(), |limit| limit as usize);
    let shown = &found[..most.min(found.len())];
    if found.is_empty() {
        say(why_empty(&mart, options, hidden)?);
    } else if hidden > 0 && options.status.is_none() {
        say(format!("{hidden} dismissed or snoozed are left out: see them with `--all`"));
    }
    match options.format {
        WasteFormat::Table if options.finding.is_some() => {
            found.iter().for_each(|(finding, tracked)| detail(finding, *tracked));
        }
        WasteFormat::Table if found.is_empty() => {}
        WasteFormat::Table => list(&found, shown),
        WasteFormat::Csv => {
            let mut text = Vec::new();
            findings::csv(shown, &mut text)?;
            line(String::from_utf8_lossy(&text).trim_end());
        }
        WasteFormat::Json => {
            let rows: Vec<Value> =
                shown.iter().map(|(finding, tracked)| findings::object(finding, *tracked)).collect();
            line(serde_json::to_string_pretty(&rows)?);
        }
        WasteFormat::Markdown => {
            shown.iter().for_each(|(finding, tracked)| line(findings::ticket(finding, *tracked)));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// What waits is listed, unless another status is asked for, or all.
fn is_shown(options: &Waste, status: Status) -> bool {
    match options.status {
        Some(asked) => status == asked,
        None => options.all || status.is_waiting(),
    }
}

/// Why nothing is listed.
fn why_empty(mart: &Mart, options: &Waste, hidden: usize) -> Result<String, Failure> {
    if let Some(detector) = &options.detector
        && mart.disabled_detectors()?.contains(detector)
    {
        return Ok(format!("{detector} is turned off: `enabled = true` in [waste.{detector}] turns it on"));
    }
    if hidden > 0 {
        return Ok(format!("nothing is left to fix: {hidden} are of another status, see them with `--all`"));
    }
    let of = FindingQuery {
        team: options.team.clone(),
        detector: options.detector.clone(),
        past: true,
        immaterial: true,
    };
    Ok(match mart.findings(&of)?.len() {
        0 => "nothing is found: see docs/WASTE.md for what each detector needs to be told".to_owned(),
        more if options.all => format!("none of {more} findings is of that status"),
        more => {
            format!("nothing is left to fix: {more} are over or too small to matter, see them with `--all`")
        }
    })
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
        past: options.all || options.finding.is_some() || options.status.is_some(),
        immaterial: options.all || options.finding.is_some(),
    })
}

fn list(found: &[(&Finding, Option<&Tracked>)], shown: &[(&Finding, Option<&Tracked>)]) {
    let money = |amount: Amount, currency: Currency| reports::format::money(amount, currency);
    let rows: Vec<Vec<String>> = shown
        .iter()
        .map(|(finding, tracked)| {
            vec![
                finding.id.clone(),
                finding.detector.clone(),
                reports::label::visible(&finding.subject),
                finding.team.clone().unwrap_or_else(|| "-".to_owned()),
                finding.confidence.to_string(),
                if findings::is_mixed(finding) { "both" } else { findings::saving_kind(finding) }.to_owned(),
                findings::standing(finding, *tracked),
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
        "status",
        "gross/month",
        "fix",
        "net/month",
        "adds up",
    ];
    table(&head, &rows, 4);
    let mut currencies: Vec<Currency> = found.iter().map(|(finding, _)| finding.currency).collect();
    currencies.sort_unstable();
    currencies.dedup();
    for currency in currencies {
        let summed: Vec<&Finding> = found
            .iter()
            .filter(|(finding, tracked)| {
                let waits = findings::status(finding, *tracked).is_waiting();
                finding.currency == currency && finding.is_open && finding.is_material && waits
            })
            .map(|(finding, _)| *finding)
            .collect();
        let (cash, capacity) = findings::claimed(summed.iter().copied());
        let fixes: Amount = summed.iter().map(|finding| finding.fix_cost).sum();
        say(format!(
            "{} open findings take {} a month off the bill and free capacity of {}, for fixes of {}; see one with \
             `lakeledger waste --finding ID`",
            reports::format::count(i64::try_from(summed.len()).unwrap_or(i64::MAX)),
            money(cash, currency),
            money(capacity, currency),
            money(fixes, currency),
        ));
    }
}

/// One finding, with all a person needs to check it and mend it.
fn detail(finding: &Finding, tracked: Option<&Tracked>) {
    let money = |amount: Amount| reports::format::money(amount, finding.currency);
    line(format!("{}  {} {}", finding.id, finding.detector, reports::label::visible(&finding.subject)));
    line(format!(
        "  team {}, seen {} until {}, confidence {}, {}",
        finding.team.as_deref().unwrap_or("(none)"),
        finding.first_day,
        finding.end_day,
        finding.confidence,
        if finding.is_open { "it goes on" } else { "it is over" },
    ));
    line(format!("  status: {}", findings::standing(finding, tracked)));
    if let Some(silence) = findings::silence(finding) {
        line(format!("  not fresh: {silence}; its rate is that of the days before"));
    }
    line(format!(
        "  cost {} so far; mending it saves {} a month, costs {}, net {}; {} of it is no other finding's ({})",
        money(finding.observed_cost),
        money(finding.gross_saving),
        money(finding.fix_cost),
        money(finding.net_saving),
        money(finding.claimed_saving),
        findings::saving_parts(finding),
    ));
    line("  evidence:");
    for (name, value) in evidence::lines(&finding.evidence, finding.currency) {
        line(format!("    {name}: {value}"));
    }
    for age in evidence::curve(&finding.evidence) {
        line(format!("    {}", age.text()));
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
        WasteVerb::Reopen { finding } => (finding, Act::Reopen),
        WasteVerb::Assign { finding, to } => (finding, Act::Assign(to.clone())),
        WasteVerb::Snooze { finding, until } => (finding, Act::Snooze(*until)),
        WasteVerb::Dismiss { finding, reason } => (finding, Act::Dismiss(reason.clone())),
        WasteVerb::WhatIf(kind) => return what_if(mart, kind),
        WasteVerb::Track { format } => return track(&record.tracked().map_err(failure)?, *format),
    };
    let fault = match &act {
        Act::Snooze(until) if *until <= now().date_naive() => {
            Some((format!("{until} is not after today"), "choose a later day"))
        }
        Act::Assign(text) if text.trim().is_empty() => {
            Some(("it is given to nobody".into(), "name somebody"))
        }
        Act::Dismiss(text) if text.trim().is_empty() => {
            Some(("it is dismissed for no reason".into(), "say why, for those who meet it again"))
        }
        _ => None,
    };
    if let Some((fault, hint)) = fault {
        return Err(Failure::new(fault, hint));
    }
    // Who sits at the terminal, where the system says it.
    let who = ["USER", "LOGNAME"].iter().find_map(|name| std::env::var(name).ok());
    let id = record.act_by(id, &act, who.as_deref(), now()).map_err(failure)?;
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
    if let Some(subject) = &of.subject {
        let known = mart.what_if_subjects(&setting)?;
        if !known.contains(subject) {
            let near = reports::names::by_likeness(subject, known.iter().map(String::as_str));
            let hint = near.first().map_or_else(
                || format!("no {} is known", setting.subject_kind()),
                |near| format!("did you mean `{near}`?"),
            );
            return Err(Failure::new(
                format!("there is no {} `{subject}` to try it at", setting.subject_kind()),
                hint,
            ));
        }
    }
    let rows = mart.what_if(&setting, of.subject.as_deref())?;
    let shown = &rows[..(of.limit as usize).min(rows.len())];
    match of.format {
        Format::Json => {
            let rows: Vec<Value> = shown
                .iter()
                .map(|row| {
                    json!({
                        "subject": row.subject, "currency": row.currency.to_string(),
                        "cost_a_month": row.cost.to_string(), "saving_a_month": row.saving.to_string(),
                        "fix_cost_a_month": row.fix_cost.to_string(), "net_a_month": row.net.to_string(),
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
                        money(row.fix_cost, row.currency),
                        money(row.net, row.currency),
                    ]
                })
                .collect();
            if rows.is_empty() {
                say(match &of.subject {
                    Some(subject) => format!("it would have saved nothing at `{subject}`"),
                    None => "it would have saved nothing beyond what it costs: try another value, or \
                             `--subject NAME` to see what it comes to at one"
                        .to_owned(),
                });
            } else {
                table(&["subject", "rests on", "cost/month", "saves", "fix", "net/month"], &rows, 4);
            }
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
            if rows.is_empty() {
                say(
                    "nothing was found yet: `lakeledger run` reads what is new, `lakeledger waste` lists what is found",
                );
                return Ok(());
            }
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
