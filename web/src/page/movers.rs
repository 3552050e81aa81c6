//! Movers: what changed most against the span before, with why in words and figures.

use attribution::mart::{Change, Dimension, Filter, NONE};

use crate::context::{Context, only};
use crate::error::PageError;
use crate::table::{self, Cell, Table};

/// Rows shown, the largest changes; the rest is one row, and whole in the CSV.
const MOST: usize = 10;

/// The changes by one dimension against the span of the same length before; no rows where
/// the ledger lacks it. `place` is where a row's own page is, if it has one.
pub fn table(
    context: &Context<'_>,
    dimension: &Dimension,
    place: Option<&'static str>,
    filters: &[Filter],
) -> Result<Table, PageError> {
    let currency = context.scope.currency;
    let query = context.query(std::slice::from_ref(dimension), filters);
    let mut changes = match context.before() {
        Some(days) => context.mart.changes(&query, days)?,
        None => Vec::new(),
    };
    let total = Change::together("Total", &changes);
    changes.retain(|change| change.now != change.before);
    let shown = if context.lens.table.csv || changes.len() <= MOST + 1 { changes.len() } else { MOST };
    let others = Change::together(&format!("{} others", changes.len() - shown), &changes[shown..]);
    let named = |change: &Change| {
        let key = change.keys.first().map_or(NONE, String::as_str);
        let what = match place {
            _ if key == NONE => Cell::text(format!("no {dimension}")),
            Some(place) => Cell::link(key, context.entity(place, key)),
            None => Cell::text(key),
        };
        let explained = crate::chart::with(filters, only(dimension.clone(), key));
        row(change, what, Cell::MoneyLink { amount: change.now, href: context.explain(&explained) })
    };
    let together = |change: &Change| row(change, Cell::text(change.keys.join(" ")), Cell::Money(change.now));
    let mut rows: Vec<_> = changes[..shown].iter().map(named).collect();
    rows.extend(others.as_ref().map(together));
    let head = |name: &str| format!("{} ({currency})", crate::words::capital(name));
    let mut columns = vec![
        table::text("what", "What"),
        table::number("change", format!("Change ({currency})")),
        table::text("why", "Why"),
        table::number("before", head("before")).wide(),
        table::number("now", head("now")).wide(),
    ];
    columns.extend(
        ["volume", "efficiency", "price", "moved", "new", "gone", "other"]
            .map(|part| table::number(part, head(part)).exported()),
    );
    Ok(Table {
        id: "movers",
        caption: "What changed against the span before, and why".to_owned(),
        noun: ("row", "rows"),
        columns,
        rows,
        foot: total.as_ref().map(together),
        sort: ("change", true),
        empty: "Nothing to compare: the ledger has no whole span of this length before this one, or nothing changed."
            .to_owned(),
    })
}

fn row(change: &Change, what: Cell, now: Cell) -> Vec<Cell> {
    let mut row = vec![
        what,
        Cell::Change { now: change.now, before: change.before },
        Cell::text(reports::reason::of(change)),
        Cell::Money(change.before),
        now,
    ];
    row.extend(change.parts.named().map(|(_, part)| Cell::Money(part)));
    row
}
