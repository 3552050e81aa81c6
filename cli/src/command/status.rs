//! `status`: what was read, what it sums to, how fresh it is, and whether it balances.

use std::path::Path;
use std::process::ExitCode;

use attribution::mart::{Mart, SourceStatus};
use ingest::ledger::Ledger;
use model::{Amount, Basis, Currency, Warning};
use serde::Serialize;

use crate::args::{Format, Status};
use crate::command::config;
use crate::printer::{self, Failure, line};

#[derive(Serialize)]
struct Report {
    mart: String,
    published_at: String,
    first_day: Option<String>,
    end_day: Option<String>,
    sources: Vec<SourceJson>,
    conservation: Vec<Conservation>,
    bill_identity: Vec<Identity>,
    warnings: Vec<Warning>,
}

#[derive(Serialize)]
struct SourceJson {
    name: String,
    kind: String,
    uri: String,
    objects: i64,
    rows: i64,
    totals: Vec<Total>,
    checked_at: String,
    landed_at: Option<String>,
    newest_data_at: Option<String>,
    warnings: i64,
    skipped: i64,
}

/// Exact totals of one basis: `source` = `landed` + `rounding`.
#[derive(Serialize)]
struct Total {
    currency: Currency,
    basis: Basis,
    source: String,
    landed: Amount,
    rounding: String,
}

#[derive(Serialize)]
struct Conservation {
    currency: Currency,
    basis: Basis,
    charged: Amount,
    direct: Amount,
    usage: Amount,
    storage: Amount,
    shared: Amount,
    idle: Amount,
    unallocated: Amount,
    difference: Amount,
    days_and_services: usize,
}

#[derive(Serialize)]
struct Identity {
    source: String,
    period: String,
    currency: Currency,
    billed: Amount,
    effective: Amount,
    upfront_fees: Amount,
    amortised_upfront: Option<Amount>,
    residual: Option<Amount>,
}

/// Prints the state of the ledger as of its published mart.
pub fn run(path: &Path, options: &Status) -> Result<ExitCode, Failure> {
    let config = config(path)?;
    let mart = super::mart(&config)?;
    let mut report = report(&mart)?;
    // A run that finds nothing new publishes nothing: when it last looked, the ledger knows.
    let ledger = Ledger::open(&config.ledger)?;
    for source in &mut report.sources {
        if let Some(record) = ledger.manifest().sources.get(&source.name) {
            source.checked_at = record.checked_at.to_rfc3339();
        }
    }
    match options.format {
        Format::Json => line(serde_json::to_string_pretty(&report)?),
        Format::Text => text(&report),
    }
    Ok(ExitCode::SUCCESS)
}

fn report(mart: &Mart) -> Result<Report, Failure> {
    let info = mart.info();
    Ok(Report {
        mart: info.id.clone(),
        published_at: info.published_at.to_rfc3339(),
        first_day: info.first_day.map(|day| day.to_string()),
        end_day: info.end_day.map(|day| day.to_string()),
        sources: mart.sources()?.into_iter().map(source).collect(),
        conservation: conservation(mart)?,
        bill_identity: mart
            .identity()?
            .into_iter()
            .map(|row| Identity {
                source: row.source,
                period: row.period,
                currency: row.currency,
                billed: row.billed,
                effective: row.effective,
                upfront_fees: row.upfront_fees,
                amortised_upfront: row.amortised_upfront,
                residual: row.residual,
            })
            .collect(),
        warnings: mart.warnings()?,
    })
}

fn source(status: SourceStatus) -> SourceJson {
    let totals = status.totals.iter().flat_map(|(currency, totals)| {
        Basis::ALL.map(|basis| {
            let exact = totals.get(basis);
            Total {
                currency: *currency,
                basis,
                source: exact.to_string(),
                landed: exact.amount,
                rounding: exact.residue.to_string(),
            }
        })
    });
    SourceJson {
        totals: totals.collect(),
        name: status.name,
        kind: status.kind,
        uri: status.uri,
        objects: status.objects,
        rows: status.rows,
        checked_at: status.checked_at.to_rfc3339(),
        landed_at: status.landed_at.map(|at| at.to_rfc3339()),
        newest_data_at: status.newest_data_at.map(|at| at.to_rfc3339()),
        warnings: status.warnings,
        skipped: status.skipped,
    }
}

fn conservation(mart: &Mart) -> Result<Vec<Conservation>, Failure> {
    let mut sums: Vec<Conservation> = Vec::new();
    for basis in Basis::ALL {
        for row in mart.balance(basis, None, None)? {
            let at = sums.iter().position(|sum| sum.basis == basis && sum.currency == row.currency);
            let sum = match at {
                Some(at) => &mut sums[at],
                None => {
                    let zero = Amount::ZERO;
                    sums.push(Conservation {
                        currency: row.currency,
                        basis,
                        charged: zero,
                        direct: zero,
                        usage: zero,
                        storage: zero,
                        shared: zero,
                        idle: zero,
                        unallocated: zero,
                        difference: zero,
                        days_and_services: 0,
                    });
                    let last = sums.len() - 1;
                    &mut sums[last]
                }
            };
            sum.charged += row.charged;
            sum.direct += row.direct;
            sum.usage += row.usage;
            sum.storage += row.storage;
            sum.shared += row.shared;
            sum.idle += row.idle;
            sum.unallocated += row.unallocated;
            // Differences of opposite sign must not hide one another.
            sum.difference += row.difference.abs();
            sum.days_and_services += 1;
        }
    }
    Ok(sums)
}

fn text(report: &Report) {
    let day = |text: &Option<String>| text.clone().unwrap_or_else(|| "?".into());
    line(format!(
        "mart {} published {}, charges from {} until before {} (UTC)",
        report.mart,
        report.published_at,
        day(&report.first_day),
        day(&report.end_day),
    ));
    line("");
    let count = reports::format::count;
    let rows: Vec<Vec<String>> = report
        .sources
        .iter()
        .map(|source| {
            vec![
                source.name.clone(),
                source.kind.clone(),
                source.newest_data_at.as_deref().map_or("-", |at| &at[..16]).replace('T', " "),
                count(source.objects),
                count(source.rows),
                count(source.warnings),
                count(source.skipped),
            ]
        })
        .collect();
    printer::table(&["source", "kind", "newest data", "objects", "rows", "warnings", "skipped"], &rows, 4);
    line("");
    let totals: Vec<Vec<String>> = report
        .sources
        .iter()
        .flat_map(|source| source.totals.iter().map(move |total| (source, total)))
        .map(|(source, total)| {
            vec![
                source.name.clone(),
                total.basis.to_string(),
                total.currency.to_string(),
                total.source.clone(),
                total.rounding.clone(),
            ]
        })
        .collect();
    if !totals.is_empty() {
        printer::table(&["bill", "basis", "currency", "exact total", "rounding"], &totals, 2);
        line("");
    }
    let rows: Vec<Vec<String>> = report
        .conservation
        .iter()
        .map(|row| {
            let cents = |amount: Amount| amount.rounded(2);
            vec![
                row.basis.to_string(),
                row.currency.to_string(),
                cents(row.charged),
                cents(row.direct),
                cents(row.usage),
                cents(row.storage),
                cents(row.shared),
                cents(row.idle),
                cents(row.unallocated),
                row.difference.to_string(),
            ]
        })
        .collect();
    let head = [
        "basis",
        "currency",
        "charged",
        "= direct",
        "+ usage",
        "+ storage",
        "+ shared",
        "+ idle",
        "+ unallocated",
        "difference",
    ];
    printer::table(&head, &rows, 8);
    line("");
    let rows: Vec<Vec<String>> = report
        .bill_identity
        .iter()
        .map(|row| {
            let residual =
                row.residual.map_or_else(|| "not computable".to_owned(), |residual| residual.to_string());
            vec![row.source.clone(), row.period.clone(), row.currency.to_string(), residual]
        })
        .collect();
    if !rows.is_empty() {
        printer::table(&["bill", "month", "currency", "billed - effective - upfront + amortised"], &rows, 1);
    }
    printer::warnings(&report.warnings, 5);
}
