//! Findings of waste as files: CSV, JSON, and Markdown for a ticket.

use std::io::{self, Write};

use attribution::mart::{Facts, Finding};
use model::Amount;
use serde_json::{Value, json};

use crate::export::objects_csv;
use crate::lifecycle::{Status, Tracked};
use crate::{evidence, format, label};

/// Columns of the CSV, which are the keys of the JSON.
const COLUMNS: [&str; 29] = [
    "id",
    "detector",
    "subject_kind",
    "subject",
    "team",
    "currency",
    "first_day",
    "end_day",
    "is_open",
    "is_material",
    "observed_cost",
    "gross_saving",
    "fix_cost",
    "net_saving",
    "claimed_saving",
    "cash_saving",
    "saving_kind",
    "confidence",
    "evidence",
    "guards",
    "action",
    "series",
    "status",
    "assignee",
    "snoozed_until",
    "reason",
    "realised_saving",
    "known_until",
    "silent",
];

/// Letters of a reason that a cell of a list has room for.
const REASON_COLUMNS: usize = 40;

/// Where a finding is in its life; one that nobody has said anything of is new, or over.
pub fn status(finding: &Finding, tracked: Option<&Tracked>) -> Status {
    match tracked {
        Some(tracked) => tracked.status,
        None if finding.is_open => Status::New,
        None => Status::Resolved,
    }
}

/// That in words: whose it is, until when it waits, why it is none, what its fix saved, since when nobody
/// looked.
pub fn standing(finding: &Finding, tracked: Option<&Tracked>) -> String {
    let status = status(finding, tracked);
    let more = match (status, tracked) {
        (Status::Snoozed, Some(it)) => it.snoozed_until.map(|day| format!(" until {day}")),
        (Status::Dismissed, Some(it)) => it
            .reason
            .as_deref()
            .map(|reason| format!(": {}", label::shorten(&label::visible(reason), REASON_COLUMNS))),
        (Status::Resolved, Some(it)) if it.realised.is_some() => it.realised.as_ref().map(|realised| {
            format!(", realised {} a month", format::signed_money(realised.monthly(), it.currency))
        }),
        (Status::Resolved, _) => Some(format!(" on {}", finding.end_day)),
        (Status::Assigned, Some(it)) => {
            it.assignee.as_deref().map(|who| format!(" to {}", label::visible(who)))
        }
        _ => None,
    };
    let silent = finding.silence.filter(|_| status != Status::Resolved);
    let silent = silent.map(|silence| format!(", not looked at since {}", silence.known_until));
    format!("{status}{}{}", more.unwrap_or_default(), silent.unwrap_or_default())
}

/// What it rests on ends before the bill does: since when nobody looked at it.
pub fn silence(finding: &Finding) -> Option<String> {
    let silence = finding.silence?;
    let day = silence.known_until;
    let ends = match silence.facts {
        Facts::Runs if finding.subject_kind == "cluster" => format!("logs of runs on it end on {day}"),
        Facts::Runs => format!("logs of its runs end on {day}"),
        Facts::Inputs => format!("logs of what writes its inputs end on {day}"),
        Facts::Reads => format!("logs of its reads end on {day}"),
        Facts::Metadata => format!("its metadata was last collected on {day}"),
        Facts::Inventory => format!("the last inventory of its bucket is of {day}"),
        Facts::Uploads => format!("uploads of its bucket were last listed on {day}"),
    };
    Some(format!("{ends}: it was not looked at since"))
}

/// Cash leaves the bill; capacity that is paid for anyway becomes free.
pub fn saving_kind(finding: &Finding) -> &'static str {
    if finding.is_cash { "cash" } else { "capacity" }
}

/// What a finding's own saving is made of: of what both lowers the bill and frees capacity, each
/// part.
pub fn saving_parts(finding: &Finding) -> String {
    let capacity = finding.claimed_saving - finding.cash_saving;
    if is_mixed(finding) {
        let money = |amount| format::money(amount, finding.currency);
        format!("{} cash + {} capacity", money(finding.cash_saving), money(capacity))
    } else {
        saving_kind(finding).to_owned()
    }
}

/// Whether a finding both lowers the bill and frees capacity, each by a hundredth and more.
pub fn is_mixed(finding: &Finding) -> bool {
    let least = Amount::from_units(Amount::whole(1).units() / 100);
    finding.cash_saving >= least && finding.claimed_saving - finding.cash_saving >= least
}

/// What findings claim together: what lowers the bill, and what frees capacity.
pub fn claimed<'f>(findings: impl IntoIterator<Item = &'f Finding>) -> (Amount, Amount) {
    findings.into_iter().fold((Amount::ZERO, Amount::ZERO), |(cash, capacity), finding| {
        (cash + finding.cash_saving, capacity + (finding.claimed_saving - finding.cash_saving))
    })
}

/// One finding as a JSON object; amounts are exact texts.
pub fn object(finding: &Finding, tracked: Option<&Tracked>) -> Value {
    let realised = tracked.and_then(|tracked| tracked.realised.as_ref());
    let series = finding.series.iter().map(|(day, cost)| json!({"day": day, "cost": cost}));
    json!({
        "id": finding.id, "detector": finding.detector, "subject_kind": finding.subject_kind,
        "subject": finding.subject, "team": finding.team, "currency": finding.currency.to_string(),
        "first_day": finding.first_day, "end_day": finding.end_day, "is_open": finding.is_open,
        "is_material": finding.is_material, "observed_cost": finding.observed_cost.to_string(),
        "gross_saving": finding.gross_saving.to_string(), "fix_cost": finding.fix_cost.to_string(),
        "net_saving": finding.net_saving.to_string(), "claimed_saving": finding.claimed_saving.to_string(),
        "cash_saving": finding.cash_saving.to_string(), "saving_kind": saving_kind(finding), "confidence": finding.confidence.name(),
        "evidence": finding.evidence, "guards": finding.guards, "action": finding.action,
        "series": series.collect::<Vec<_>>(), "status": status(finding, tracked).name(),
        "assignee": tracked.and_then(|it| it.assignee.as_deref()),
        "snoozed_until": tracked.and_then(|it| it.snoozed_until),
        "reason": tracked.and_then(|it| it.reason.as_deref()),
        "realised_saving": realised.map(|realised| realised.monthly().to_string()),
        "known_until": finding.silence.map(|silence| silence.known_until),
        "silent": finding.silence.map(|silence| silence.facts.name()),
    })
}

/// Writes findings as CSV; evidence, guards and series are JSON texts.
///
/// # Errors
/// When the output cannot be written.
pub fn csv(findings: &[(&Finding, Option<&Tracked>)], out: &mut dyn Write) -> io::Result<()> {
    // Exact amounts are texts in an object, and one that is below zero begins with a minus.
    objects_csv(&COLUMNS, findings.iter().map(|(finding, tracked)| object(finding, *tracked)), out)
}

/// One finding as a ticket.
pub fn ticket(finding: &Finding, tracked: Option<&Tracked>) -> String {
    let money = |amount| format::money(amount, finding.currency);
    let not_fresh = silence(finding).map_or_else(String::new, |silence| format!("- Not fresh: {silence}\n"));
    let mut text = format!(
        "## {}: {}\n\n- Saves **{} a month** net ({} gross less {} for the fix), confidence {}\n\
         - {} of it is no other finding's: {}\n- Status: {}\n{not_fresh}- Team {}, seen from {} until {}, has cost {} in that time\n- Finding `{}`\n\n### Evidence\n\n| | |\n|---|---|\n",
        finding.detector,
        code(&finding.subject),
        money(finding.net_saving),
        money(finding.gross_saving),
        money(finding.fix_cost),
        finding.confidence,
        money(finding.claimed_saving),
        saving_parts(finding),
        standing(finding, tracked),
        finding.team.as_deref().unwrap_or("(none)"),
        finding.first_day,
        finding.end_day,
        money(finding.observed_cost),
        finding.id,
    );
    for (name, value) in evidence::lines(&finding.evidence, finding.currency) {
        let value = value.replace('|', "\\|").replace('\n', " ");
        text.push_str(&format!("| {name} | {value} |\n"));
    }
    let curve = evidence::curve(&finding.evidence);
    if !curve.is_empty() {
        text.push_str("\nWhat other ages would drop, and miss:\n\n");
        curve.iter().for_each(|age| text.push_str(&format!("- {}\n", age.text())));
    }
    text.push_str("\nGuards that held:\n\n");
    for guard in &finding.guards {
        text.push_str(&format!("- {guard}\n"));
    }
    text.push_str(&format!("\nDay by day: {}\n\n### To mend it\n\n", spark(&finding.series)));
    let fence = "`".repeat(longest_ticks(&finding.action).max(2) + 1);
    text.push_str(&format!("{fence}\n{}\n{fence}\n", finding.action));
    text
}

/// A name as code of Markdown, on its line and between more backticks than it holds in a row.
fn code(name: &str) -> String {
    let name = label::visible(name);
    let ticks = "`".repeat(longest_ticks(&name) + 1);
    // A space on either side, which is not shown, keeps its own backticks apart from these.
    let space = if ticks.len() > 1 { " " } else { "" };
    format!("{ticks}{space}{name}{space}{ticks}")
}

/// The most backticks in a row.
fn longest_ticks(text: &str) -> usize {
    text.split(|letter| letter != '`').map(str::len).max().unwrap_or_default()
}

/// A chart of one line: eight heights, each day a letter.
pub fn spark(series: &[(chrono::NaiveDate, f64)]) -> String {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let most = series.iter().map(|(_, cost)| *cost).fold(0.0, f64::max);
    let bar = |cost: f64| {
        // A height of a letter, no figure.
        let height = if most > 0.0 { (cost / most * 7.0).round() } else { 0.0 };
        BARS.iter().enumerate().find(|(at, _)| *at as f64 >= height).map_or('█', |(_, bar)| *bar)
    };
    series.iter().map(|(_, cost)| bar(*cost)).collect()
}

#[cfg(test)]
mod tests {
    use attribution::mart::Confidence;
    use model::Currency;

    use super::*;

    fn finding(claimed: &str, cash: &str, is_cash: bool) -> Finding {
        let usd = |text: &str| text.parse::<Amount>().unwrap();
        let day = "2026-10-05".parse().unwrap();
        Finding {
            id: "0123456789ab".into(),
            detector: "spill".into(),
            subject_kind: "workload".into(),
            subject: "etl.daily/load".into(),
            team: None,
            currency: Currency::USD,
            first_day: day,
            end_day: day,
            is_open: true,
            silence: None,
            is_material: true,
            observed_cost: usd("10"),
            gross_saving: usd("468.02"),
            fix_cost: Amount::ZERO,
            net_saving: usd("468.02"),
            claimed_saving: usd(claimed),
            cash_saving: usd(cash),
            is_cash,
            confidence: Confidence::High,
            evidence: Value::Null,
            guards: vec![],
            action: String::new(),
            series: vec![],
        }
    }

    #[test]
    fn cash_and_capacity_are_told_apart_where_a_finding_saves_both() {
        let mixed = finding("468.02", "263.98", true);
        assert_eq!(saving_parts(&mixed), "$263.98 cash + $204.04 capacity");
        let ticket = ticket(&mixed, None);
        assert!(ticket.contains("$468.02 of it is no other finding's: $263.98 cash + $204.04 capacity\n"));
        assert!(ticket.contains("- Status: new\n"), "{ticket}");
        assert_eq!(saving_parts(&finding("468.02", "468.02", true)), "cash");
        assert_eq!(saving_parts(&finding("468.02", "0", false)), "capacity");
        // Less than a hundredth is what rounding left.
        assert_eq!(saving_parts(&finding("468.02", "468.016", true)), "cash");
        // Where others claim all of it, the larger part of what it would save is all that is known.
        assert_eq!(saving_parts(&finding("0", "0", false)), "capacity");
    }

    #[test]
    fn a_file_disarms_texts_and_leaves_amounts_below_zero_as_they_are() {
        let mut odd = finding("1", "1", true);
        odd.subject = "=cmd|' /C calc'!A0".into();
        odd.net_saving = "-2.5".parse().unwrap();
        let mut out = Vec::new();
        csv(&[(&odd, None)], &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.contains(",'=cmd|' /C calc'!A0,") && text.contains(",-2.5,"), "{text}");
    }

    #[test]
    fn a_ticket_stays_markdown_whatever_its_subject_and_fix_hold() {
        let mut odd = finding("1", "1", true);
        odd.subject = "a`b\n# c``d`".into();
        odd.action = "-- one\n```\n# two".into();
        let ticket = ticket(&odd, None);
        assert!(ticket.starts_with("## spill: ``` a`b # c``d` ```\n"), "{ticket}");
        assert!(ticket.ends_with("\n````\n-- one\n```\n# two\n````\n"), "{ticket}");
        let plain = super::ticket(&finding("1", "1", true), None);
        assert!(plain.starts_with("## spill: `etl.daily/load`\n"), "{plain}");
    }
}
