//! Findings of waste as files: CSV, JSON, and Markdown for a ticket.

use std::io::{self, Write};

use attribution::mart::Finding;
use serde_json::{Value, json};

use crate::{cell, format};

/// Columns of the CSV, which are the keys of the JSON.
const COLUMNS: [&str; 21] = [
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
    "saving_kind",
    "confidence",
    "evidence",
    "guards",
    "action",
    "series",
];

/// Cash leaves the bill; capacity that is paid for anyway becomes free.
pub fn saving_kind(finding: &Finding) -> &'static str {
    if finding.is_cash { "cash" } else { "capacity" }
}

/// One finding as a JSON object; amounts are exact texts.
pub fn object(finding: &Finding) -> Value {
    let series = finding.series.iter().map(|(day, cost)| json!({"day": day, "cost": cost}));
    json!({
        "id": finding.id, "detector": finding.detector, "subject_kind": finding.subject_kind,
        "subject": finding.subject, "team": finding.team, "currency": finding.currency.to_string(),
        "first_day": finding.first_day, "end_day": finding.end_day, "is_open": finding.is_open,
        "is_material": finding.is_material, "observed_cost": finding.observed_cost.to_string(),
        "gross_saving": finding.gross_saving.to_string(), "fix_cost": finding.fix_cost.to_string(),
        "net_saving": finding.net_saving.to_string(), "claimed_saving": finding.claimed_saving.to_string(),
        "saving_kind": saving_kind(finding), "confidence": finding.confidence.name(),
        "evidence": finding.evidence, "guards": finding.guards, "action": finding.action,
        "series": series.collect::<Vec<_>>(),
    })
}

/// Writes findings as CSV; evidence, guards and series are JSON texts.
///
/// # Errors
/// When the output cannot be written.
pub fn csv(findings: &[Finding], out: &mut dyn Write) -> io::Result<()> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(out);
    let failed = |error: csv::Error| io::Error::other(error.to_string());
    writer.write_record(COLUMNS).map_err(failed)?;
    for finding in findings {
        let row = object(finding);
        let cells = COLUMNS.iter().map(|column| match &row[*column] {
            Value::Null => String::new(),
            Value::String(text) => cell::text(text).into_owned(),
            other => other.to_string(),
        });
        writer.write_record(cells).map_err(failed)?;
    }
    writer.flush()
}

/// One finding as a ticket.
pub fn ticket(finding: &Finding) -> String {
    let money = |amount| format::money(amount, finding.currency);
    let mut text = format!(
        "## {}: `{}`\n\n- Saves **{} a month** net ({}; {} gross less {} for the fix), confidence {}\n\
         - Team {}, seen from {} until {}, has cost {} in that time\n- Finding `{}`\n\n### Evidence\n\n| | |\n|---|---|\n",
        finding.detector,
        finding.subject,
        money(finding.net_saving),
        saving_kind(finding),
        money(finding.gross_saving),
        money(finding.fix_cost),
        finding.confidence,
        finding.team.as_deref().unwrap_or("(none)"),
        finding.first_day,
        finding.end_day,
        money(finding.observed_cost),
        finding.id,
    );
    for (name, value) in finding.evidence.as_object().into_iter().flatten() {
        let value = plain(value).replace('|', "\\|").replace('\n', " ");
        text.push_str(&format!("| {} | {value} |\n", name.replace('_', " ")));
    }
    text.push_str("\nGuards that held:\n\n");
    for guard in &finding.guards {
        text.push_str(&format!("- {guard}\n"));
    }
    text.push_str(&format!("\nDay by day: {}\n\n### To mend it\n\n", spark(&finding.series)));
    text.push_str(&format!("```\n{}\n```\n", finding.action));
    text
}

/// A value as people read it.
pub fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(plain).collect::<Vec<_>>().join(", "),
        Value::Null => "-".to_owned(),
        other => other.to_string(),
    }
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
