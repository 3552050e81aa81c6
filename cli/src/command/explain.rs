//! `explain`: one figure down to its arithmetic and bill lines.

use std::path::Path;
use std::process::ExitCode;

use attribution::mart::{BillLine, CostQuery, ExplainPart, Mart, View};
use model::{Amount, Currency};
use serde_json::json;

use crate::args::{Explain, Format};
use crate::command::{config, filters, warn_unknown_team};
use crate::printer::{Failure, line};

/// Opens the figure the filters name.
pub fn run(path: &Path, options: &Explain) -> Result<ExitCode, Failure> {
    let config = config(path)?;
    let mart = super::mart(&config)?;
    let query = CostQuery {
        by: Vec::new(),
        basis: options.basis,
        from: options.from,
        to: options.to,
        currency: None,
        filters: filters(&options.filters)?,
        view: View::default(),
    };
    warn_unknown_team(&mart, &query);
    let totals = mart.costs(&query)?;
    let parts = mart.explain(&query)?;
    if parts.is_empty() {
        return Err(Failure::new(
            format!("no cost has {}", options.filters.join(" and ")),
            "see what there is with `lakeledger export costs --by DIMENSION`",
        ));
    }
    match options.format {
        Format::Json => {
            let parts: Result<Vec<_>, Failure> =
                parts.iter().map(|part| Ok(part_json(part, &lines(&mart, options, part)?))).collect();
            let totals: Vec<_> =
                totals.iter().map(|row| json!({"currency": row.currency, "cost": row.cost})).collect();
            let document = json!({
                "where": options.filters, "basis": options.basis, "from": options.from, "to": options.to,
                "totals": totals, "parts": parts?,
            });
            line(serde_json::to_string_pretty(&document)?);
        }
        Format::Text => {
            for row in &totals {
                line(format!(
                    "{}: {} {} ({})",
                    options.filters.join(", "),
                    row.cost,
                    row.currency,
                    options.basis
                ));
                let of_currency: Vec<_> = parts.iter().filter(|part| part.currency == row.currency).collect();
                for part in of_currency.iter().take(options.parts) {
                    show(part, &lines(&mart, options, part)?);
                }
                rest(&of_currency, options.parts, row.currency);
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn lines(mart: &Mart, options: &Explain, part: &ExplainPart) -> Result<Vec<BillLine>, Failure> {
    if options.lines { Ok(mart.bill_lines(&part.charge_group_id, options.basis)?) } else { Ok(Vec::new()) }
}

fn show(part: &ExplainPart, lines: &[BillLine]) {
    let until = part.bucket_start + chrono::TimeDelta::hours(part.bucket_hours);
    line("");
    line(format!(
        "{} {}  {} {}, {} of {}",
        part.cost,
        part.currency,
        part.bucket_start.format("%Y-%m-%d %H:%M"),
        until.format("until %m-%d %H:%M UTC"),
        part.usage_type.as_deref().unwrap_or(&part.service),
        part.resource_id.as_deref().unwrap_or("no resource"),
    ));
    line(format!("  {}", part.formula));
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
    fact("cluster", &part.cluster_id);
    line(format!("  {}", facts.join(", ")));
    for bill in lines {
        line(format!(
            "  bill line {} of {}: {} until {}, {} {}: billed {}, effective {}{}",
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

fn part_json(part: &ExplainPart, lines: &[BillLine]) -> serde_json::Value {
    json!({
        "charge_group": part.charge_group_id, "bucket_start": part.bucket_start, "bucket_hours": part.bucket_hours,
        "service": part.service, "usage_type": part.usage_type, "resource": part.resource_id,
        "pool": part.pool, "pool_rule": part.pool_rule, "category": part.category, "method": part.method,
        "formula": part.formula, "team": part.team, "owner_rule": part.owner_rule, "workload": part.workload,
        "run": part.run_id, "table": part.table_id, "cluster": part.cluster_id, "weight": part.weight,
        "weight_total": part.weight_total, "group_cost": part.group_cost, "cost": part.cost,
        "currency": part.currency,
        "bill_lines": lines.iter().map(|bill| json!({
            "source": bill.source, "file": bill.source_file, "line": bill.source_line,
            "charge_period_start": bill.charge_period_start, "charge_period_end": bill.charge_period_end,
            "description": bill.description, "line_item_type": bill.line_item_type,
            "usage_type": bill.usage_type, "quantity": bill.quantity, "unit": bill.unit,
            "billed_cost": bill.billed_cost, "effective_cost": bill.effective_cost,
            "list_cost": bill.list_cost, "contracted_cost": bill.contracted_cost,
            "part_cost": bill.part_cost,
        })).collect::<Vec<_>>(),
    })
}
