//! Movers: what changed most against the span before, with why in words and figures.

use std::cmp::Ordering;

use attribution::mart::{Change, Dimension, Filter, NONE};
use model::Amount;

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
    Ok(table_of(context, dimension, place, filters, changes(context, dimension, filters)?))
}

/// The changes themselves, the largest first.
pub fn changes(
    context: &Context<'_>,
    dimension: &Dimension,
    filters: &[Filter],
) -> Result<Vec<Change>, PageError> {
    let query = context.query(std::slice::from_ref(dimension), filters);
    match context.before() {
        Some(days) => Ok(context.mart.changes(&query, days)?),
        None => Ok(Vec::new()),
    }
}

/// What changed most, in the direction in which the whole did, as the headline tells it; nothing
/// where the whole did not change.
pub fn largest(changes: &[Change]) -> Option<(&Change, Amount)> {
    let of = |change: &Change| change.now - change.before;
    let whole: Amount = changes.iter().map(of).sum();
    let is_with = |change: &&Change| match whole.cmp(&Amount::ZERO) {
        Ordering::Greater => of(change) > Amount::ZERO,
        Ordering::Less => of(change) < Amount::ZERO,
        Ordering::Equal => false,
    };
    changes.iter().filter(is_with).max_by_key(|change| of(change).abs()).map(|change| (change, of(change)))
}

/// [`table`] of changes that are known already.
pub fn table_of(
    context: &Context<'_>,
    dimension: &Dimension,
    place: Option<&'static str>,
    filters: &[Filter],
    mut changes: Vec<Change>,
) -> Table {
    let currency = context.scope.currency;
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
    Table {
        id: "movers",
        caption: "What changed against the span before, and why".to_owned(),
        noun: ("row", "rows"),
        columns,
        rows,
        foot: total.as_ref().map(together),
        sort: ("change", true),
        empty: "Nothing to compare: the ledger has no whole span of this length before this one, or nothing changed."
            .to_owned(),
    }
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use attribution::mart::{Activity, ChangeParts};
    use model::Currency;

    use super::*;

    fn change(name: &str, before: i64, now: i64) -> Change {
        Change {
            keys: vec![name.to_owned()],
            currency: Currency::USD,
            before: Amount::whole(before),
            now: Amount::whole(now),
            parts: ChangeParts::default(),
            activity_before: Activity::default(),
            activity_now: Activity::default(),
            by_category: BTreeMap::new(),
            moves: BTreeMap::new(),
        }
    }

    #[test]
    fn the_headline_names_what_moved_the_way_the_whole_did() {
        let told = |changes: &[Change]| {
            largest(changes).map(|(change, by)| format!("{} {by}", change.keys.concat()))
        };
        // The largest fell, but the whole rose.
        let all = [change("fell", 9, 4), change("rose", 1, 5), change("too", 1, 4)];
        assert_eq!(told(&all), Some("rose 4".to_owned()));
        assert_eq!(told(&[change("fell", 9, 4), change("rose", 1, 2)]), Some("fell -5".to_owned()));
        assert_eq!(told(&[change("a", 1, 2), change("b", 2, 1)]), None);
        assert_eq!(told(&[]), None);
    }
}
