//! Two ledgers compared: as rows for programs, and in words.
//!
//! CSV and JSON are as of [`crate::export`]: exact decimals, names of dimensions as columns.

use std::io::{self, Write};

use attribution::mart::{Cause, Comparison, CostQuery, Difference, Reason};
use model::Amount;
use serde_json::{Map, Value, json};

use crate::export::{csv_io, dimensions};
use crate::{cell, format};

/// Columns of a difference after those of its dimensions.
const COLUMNS: [&str; 9] =
    ["currency", "before", "now", "difference", "bill", "logs", "ownership", "rules", "other"];

/// Writes the rows as CSV: `difference` is the sum of the columns after it.
///
/// # Errors
/// What the output says; `InvalidInput`, before anything is written, when a dimension is asked
/// for twice.
pub fn csv(query: &CostQuery, comparison: &Comparison, out: &mut dyn Write) -> io::Result<()> {
    let head = dimensions(query)?;
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(out);
    writer.write_record(head.iter().map(String::as_str).chain(COLUMNS)).map_err(csv_io)?;
    for row in &comparison.rows {
        let keys = row.keys.iter().map(|key| cell::text(key).into_owned());
        writer.write_record(keys.chain(values(row))).map_err(csv_io)?;
    }
    writer.flush()
}

/// Writes which marts were compared on which days, the rows, and what changed.
///
/// # Errors
/// As [`csv`].
pub fn json(query: &CostQuery, comparison: &Comparison, out: &mut dyn Write) -> io::Result<()> {
    let head = dimensions(query)?;
    let row = |row: &Difference| {
        let names = head.iter().map(String::as_str).chain(COLUMNS);
        let values = row.keys.iter().cloned().chain(values(row));
        names.map(str::to_owned).zip(values.map(Value::from)).collect::<Map<_, _>>()
    };
    let cause = |cause: &Cause| {
        json!({
            "reason": cause.reason.name(), "what": cause.what, "times": cause.times, "cost": cause.cost,
            "currency": cause.currency,
        })
    };
    let mart =
        |mart: &attribution::mart::Compared| json!({"mart": mart.id, "published_at": mart.published_at});
    let filters = query.filters.iter().map(|filter| format!("{}={}", filter.dimension, filter.value));
    let document = json!({
        "earlier": mart(&comparison.earlier), "later": mart(&comparison.later),
        "from": comparison.days.map(|(from, _)| from), "to": comparison.days.map(|(_, to)| to),
        "basis": query.basis, "by": head, "where": filters.collect::<Vec<_>>(),
        "rows": comparison.rows.iter().map(row).collect::<Vec<_>>(),
        "causes": comparison.causes.iter().map(cause).collect::<Vec<_>>(),
    });
    serde_json::to_writer_pretty(&mut *out, &document)?;
    out.write_all(b"\n")?;
    out.flush()
}

/// What stands in [`COLUMNS`].
fn values(row: &Difference) -> impl Iterator<Item = String> {
    let costs = [row.before, row.now, row.now - row.before];
    let parts = Reason::ALL.map(|reason| row.parts.get(reason));
    std::iter::once(row.currency.to_string())
        .chain(costs.into_iter().chain(parts).map(|cost| cost.to_string()))
}

/// What a reason is called, as a head.
pub const fn title(reason: Reason) -> &'static str {
    match reason {
        Reason::Bill => "Bill restated",
        Reason::Logs => "Late logs",
        Reason::Ownership => "Ownership",
        Reason::Rules => "Pool rules",
        Reason::Other => "Other",
    }
}

/// What a reason means, as a sentence.
pub const fn meaning(reason: Reason) -> &'static str {
    match reason {
        Reason::Bill => "bill lines were restated, added or withdrawn",
        Reason::Logs => "runs arrived late, or more became known of them",
        Reason::Ownership => "what was there already belongs to another team",
        Reason::Rules => "charges fall into other pools by your rules",
        Reason::Other => "tables, inventories, nodes or usage rows came late, or the program changed",
    }
}

/// How many of what a cause is: `21 charges`.
pub fn times(cause: &Cause) -> String {
    let (one, many) = match cause.reason {
        Reason::Logs => ("run", "runs"),
        Reason::Bill | Reason::Rules | Reason::Other => ("charge", "charges"),
        // What has an owner on a day: a run, a table, a cluster's idle time, a charge's tags.
        Reason::Ownership => ("owned thing", "owned things"),
    };
    format!("{} {}", format::count(cause.times), if cause.times == 1 { one } else { many })
}

/// The parts of a difference in words, the largest first; empty where nothing changed.
pub fn why(row: &Difference) -> String {
    let mut parts: Vec<(Reason, Amount)> = Reason::ALL
        .into_iter()
        .map(|reason| (reason, row.parts.get(reason)))
        .filter(|(_, part)| !part.is_zero())
        .collect();
    parts.sort_by_key(|(_, part)| std::cmp::Reverse(part.abs()));
    let told = parts.iter().map(|(reason, part)| {
        format!("{}: {}", title(*reason).to_lowercase(), format::signed_money(*part, row.currency))
    });
    told.collect::<Vec<_>>().join("; ")
}
