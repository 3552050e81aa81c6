//! `explain`: one figure down to its arithmetic and bill lines.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use attribution::mart::{BillLine, CostQuery, ExplainPart, SpreadPart};
use model::{Amount, Currency};
use reports::explained::{Detail, Explained};

use crate::args::{Explain, Format};
use crate::command::{config, filters, half_open, view, warn_unknown_team};
use crate::printer::{Failure, line};

/// Opens the figure the filters name.
pub fn run(path: &Path, options: &Explain) -> Result<ExitCode, Failure> {
    let config = config(path)?;
    half_open(options.from, options.to)?;
    let mart = super::mart(&config)?;
    let query = CostQuery {
        by: Vec::new(),
        basis: options.basis,
        from: options.from,
        to: options.to,
        currency: None,
        filters: filters(&options.filters)?,
        view: view(&mart, options.view),
    };
    warn_unknown_team(&mart, &query);
    let json = options.format == Format::Json;
    let explained = Explained::ask(&mart, &query, Detail { lines: json && options.lines, most: None })?;
    if explained.is_empty() {
        return Err(Failure::new(
            format!("no cost has {}", options.filters.join(" and ")),
            "see what there is with `lakeledger export costs --by DIMENSION`",
        ));
    }
    if json {
        line(serde_json::to_string_pretty(&explained.json(&query))?);
        return Ok(ExitCode::SUCCESS);
    }
    for row in &explained.totals {
        let currency = row.currency;
        let parts: Vec<_> = explained.parts.iter().filter(|part| part.currency == currency).collect();
        let spread: Vec<_> = explained.spread.iter().filter(|part| part.currency == currency).collect();
        let shown = &parts[..parts.len().min(options.parts)];
        let spread_shown = &spread[..spread.len().min(options.parts)];
        let wholes = spread_shown.iter().filter_map(|part| explained.wholes.get(&part.whole_id));
        let groups = shown.iter().copied().chain(wholes.flatten()).map(|part| part.charge_group_id.as_str());
        let lines = if options.lines { mart.bill_lines(groups, options.basis)? } else { BTreeMap::new() };
        line(format!("{}: {} {currency} ({})", options.filters.join(", "), row.cost, options.basis));
        for part in shown {
            show(part, "", &lines);
        }
        rest(&parts, options.parts, currency);
        let mut told = std::collections::BTreeSet::new();
        for part in spread_shown {
            show_spread(part);
            let whole = explained.wholes.get(&part.whole_id).map_or(&[][..], Vec::as_slice);
            if told.insert(&part.whole_id) {
                show_whole(part, whole, options, &lines);
            } else {
                line(format!("  of {}, opened above", part.whole_id));
            }
        }
        rest_spread(&spread, options.parts, currency);
    }
    Ok(ExitCode::SUCCESS)
}

/// The charges a spread part is of: with their bill lines where these were asked for.
fn show_whole(
    part: &SpreadPart,
    whole: &[ExplainPart],
    options: &Explain,
    lines: &BTreeMap<String, Vec<BillLine>>,
) {
    let sum: Amount = whole.iter().map(|part| part.cost).sum();
    line(format!("  of {}: {sum} {} of {} charges", part.whole_id, part.currency, whole.len()));
    if !options.lines {
        return;
    }
    for atom in whole.iter().take(options.parts) {
        show(atom, "    ", lines);
    }
    if whole.len() > options.parts {
        let rest: Amount = whole[options.parts..].iter().map(|part| part.cost).sum();
        line(format!("    {rest} {}  in {} more charges", part.currency, whole.len() - options.parts));
    }
}

fn show(part: &ExplainPart, indent: &str, lines: &BTreeMap<String, Vec<BillLine>>) {
    let until = part.bucket_start + chrono::TimeDelta::hours(part.bucket_hours);
    if indent.is_empty() {
        line("");
    }
    line(format!(
        "{indent}{} {}  {} {}, {} of {}",
        part.cost,
        part.currency,
        part.bucket_start.format("%Y-%m-%d %H:%M"),
        until.format("until %m-%d %H:%M UTC"),
        part.usage_type.as_deref().unwrap_or(&part.service),
        part.resource_id.as_deref().unwrap_or("no resource"),
    ));
    line(format!("{indent}  {}", part.formula));
    let mut facts = vec![
        format!("category {}", part.category.name()),
        format!("pool {} (rule {})", part.pool, part.pool_rule),
        format!("method {}", part.method),
    ];
    let mut fact = |word: &str, value: &Option<String>| {
        facts.extend(value.as_ref().map(|value| format!("{word} {value}")));
    };
    fact("team", &part.team);
    fact("by", &part.owner_rule);
    fact("workload", &part.workload);
    fact("run", &part.run_id);
    fact("table", &part.table_id);
    fact(part.consumer_kind.as_deref().unwrap_or("consumer"), &part.consumer);
    fact("cluster", &part.cluster_id);
    line(format!("{indent}  {}", facts.join(", ")));
    for bill in lines.get(&part.charge_group_id).into_iter().flatten() {
        line(format!(
            "{indent}  bill line {} of {}: {} until {}, {} {}: billed {}, effective {}{}",
            bill.source_line,
            bill.source_file,
            bill.charge_period_start.format("%Y-%m-%d %H:%M"),
            bill.charge_period_end.format("%Y-%m-%d %H:%M"),
            bill.quantity.map_or_else(|| "-".to_owned(), |quantity| quantity.to_string()),
            bill.unit.as_deref().unwrap_or(""),
            bill.billed_cost,
            bill.effective_cost,
            bill.description.as_deref().map(|text| format!(" ({text})")).unwrap_or_default(),
        ));
    }
}

fn rest(parts: &[&ExplainPart], shown: usize, currency: Currency) {
    if parts.len() > shown {
        let sum: Amount = parts[shown..].iter().map(|part| part.cost).sum();
        line("");
        line(format!(
            "{sum} {currency}  in {} more parts (--parts {} shows all)",
            parts.len() - shown,
            parts.len()
        ));
    }
}

/// One part of what the view spreads.
fn show_spread(part: &SpreadPart) {
    line("");
    line(format!(
        "{} {}  {}, {} of {}",
        part.cost,
        part.currency,
        part.day,
        part.service,
        part.cluster_id.as_deref().unwrap_or("no cluster")
    ));
    line(format!("  {}", part.formula));
    let went_to = part.workload.as_ref().or(part.team.as_ref()).map_or("nobody", String::as_str);
    line(format!(
        "  category {}, pool {}, method {}, to {went_to}",
        part.category.name(),
        part.pool,
        part.method
    ));
}

fn rest_spread(parts: &[&SpreadPart], shown: usize, currency: Currency) {
    if parts.len() > shown {
        let sum: Amount = parts[shown..].iter().map(|part| part.cost).sum();
        line("");
        line(format!("{sum} {currency}  in {} more parts of what is spread", parts.len() - shown));
    }
}
