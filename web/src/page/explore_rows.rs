//! The rows of Explore: one a combination of values, or a grid of rows and columns. Either way
//! they sum to the whole.

use std::collections::BTreeMap;

use attribution::mart::{Dimension, Filter, NONE};
use model::{Amount, Category};

use super::explore_asked::{Asked, Measure, is_time, measured};
use crate::chart;
use crate::context::{Context, only};
use crate::error::PageError;
use crate::finding;
use crate::lens::Lens;
use crate::link::Path;
use crate::parts::Parts;
use crate::state::Visit;
use crate::table::{self, Cell, Column, Cut, PAGE_ROWS, Table};

/// Keys of the columns that dimensions fill.
const BY_KEYS: [&str; crate::lens::MOST_BY] = ["by", "by2", "by3"];
/// Keys of the columns of a grid; a value's own name may be anything.
const GRID_KEYS: [&str; 31] = [
    "c1", "c2", "c3", "c4", "c5", "c6", "c7", "c8", "c9", "c10", "c11", "c12", "c13", "c14", "c15", "c16",
    "c17", "c18", "c19", "c20", "c21", "c22", "c23", "c24", "c25", "c26", "c27", "c28", "c29", "c30", "c31",
];
/// Columns of a grid that are no time: more cannot be compared.
const MOST_COLUMNS: usize = 12;

/// The table of the page, with the figures its sentence needs.
pub struct Rows {
    pub table: Table,
    /// Where its rows are those of one page.
    pub cut: Option<Cut>,
    /// All costs that the restrictions leave.
    pub total: Amount,
    /// Their idle part.
    pub idle: Amount,
}

/// The rows asked for.
pub fn rows(context: &Context<'_>, visit: &Visit, asked: &Asked) -> Result<Rows, PageError> {
    let parts = parts(context, &asked.by)?;
    let sum = Parts::sum(parts.values());
    let (table, cut) = match (&asked.pivot, asked.measure) {
        (Some(pivot), measure) => (grid(context, asked, pivot, measure)?, None),
        (None, Measure::Waste) => (wasted(context, visit, asked, &parts)?, None),
        (None, _) => list(context, asked, &parts)?,
    };
    Ok(Rows { table, cut, total: sum.total(), idle: sum.idle() })
}

/// Costs by several dimensions, cut into categories.
fn parts(context: &Context<'_>, by: &[Dimension]) -> Result<BTreeMap<Vec<String>, Parts>, PageError> {
    let mut parts: BTreeMap<Vec<String>, Parts> = BTreeMap::new();
    let cut: Vec<Dimension> = by.iter().cloned().chain([Dimension::Category]).collect();
    for row in context.costs(&cut, &context.lens.filters)? {
        let mut keys = row.keys;
        let category = keys.pop().and_then(|key| key.parse().ok()).unwrap_or(Category::Unallocated);
        parts.entry(keys).or_default().add(category, row.cost);
    }
    Ok(parts)
}

fn columns(asked: &Asked) -> Vec<Column> {
    let head = |dimension: &Dimension| match dimension {
        Dimension::Day => "Day (UTC)".to_owned(),
        Dimension::Week => "Week from Monday (UTC)".to_owned(),
        Dimension::Month => "Month (UTC)".to_owned(),
        other => crate::words::capital(&other.name()),
    };
    let keyed = asked.by.iter().zip(BY_KEYS);
    keyed.map(|(dimension, key)| table::text(key, &head(dimension)).named(dimension.name())).collect()
}

/// The restrictions of the page with those of one row.
fn of_row(context: &Context<'_>, by: &[Dimension], keys: &[String]) -> Vec<Filter> {
    let mut filters = context.lens.filters.clone();
    filters.extend(by.iter().zip(keys).map(|(dimension, key)| only(dimension.clone(), key)));
    filters
}

/// One value of a dimension: where it has a page of its own it leads there, else to the same
/// question restricted to it.
fn key(context: &Context<'_>, dimension: &Dimension, key: &str) -> Cell {
    let place = match dimension {
        Dimension::Team => Some("teams"),
        Dimension::Workload => Some("workloads"),
        Dimension::Table => Some("tables"),
        Dimension::Cluster => Some("clusters"),
        Dimension::Run => Some("runs"),
        _ => None,
    };
    let restricted = || narrowed(context, dimension, key).url(&Path::new(["explore"]));
    // For people as charts and other pages have it; programs filter by the key.
    let shown = if context.lens.table.csv { key.to_owned() } else { chart::label(dimension, key) };
    match (dimension, key.parse()) {
        (Dimension::Day | Dimension::Week, Ok(day)) => Cell::Day { day, href: Some(restricted()) },
        _ => match place {
            Some(place) if key != NONE => Cell::link(shown, context.entity(place, key)),
            _ => Cell::link(shown, restricted()),
        },
    }
}

/// The same question restricted to one value more.
pub fn narrowed(context: &Context<'_>, dimension: &Dimension, key: &str) -> Lens {
    let lens = context.lens.page();
    let known = lens.filters.iter().any(|filter| filter.dimension == *dimension && filter.value == key);
    if known { lens } else { lens.only(dimension.clone(), key) }
}

fn list(
    context: &Context<'_>,
    asked: &Asked,
    parts: &BTreeMap<Vec<String>, Parts>,
) -> Result<(Table, Option<Cut>), PageError> {
    let currency = context.scope.currency;
    let sum = Parts::sum(parts.values());
    let before = match context.before().filter(|_| !asked.by.iter().any(is_time)) {
        Some((from, to)) => {
            let query = attribution::mart::CostQuery {
                from: Some(from),
                to: Some(to),
                ..context.query(&asked.by, &context.lens.filters)
            };
            let rows = context.mart.costs(&query)?;
            Some(rows.into_iter().map(|row| (row.keys, row.cost)).collect::<BTreeMap<_, _>>())
        }
        None => None,
    };
    let mut columns = columns(asked);
    columns.extend([
        table::number("cost", format!("Cost ({currency})")),
        table::number("share", "Of the whole").derived(),
        table::number("idle", format!("Idle ({currency})")).wide(),
        table::number("idle_share", "Idle share").derived().wide(),
    ]);
    columns.extend(before.is_some().then(|| table::number("change", format!("Change ({currency})"))));
    let row = |(keys, parts): (&Vec<String>, &Parts)| {
        let mut row: Vec<Cell> =
            asked.by.iter().zip(keys).map(|(dimension, value)| key(context, dimension, value)).collect();
        let total = parts.total();
        row.extend([
            Cell::MoneyLink { amount: total, href: context.explain(&of_row(context, &asked.by, keys)) },
            Cell::Share { part: total, whole: sum.total(), class: "share" },
            Cell::Money(parts.idle()),
            Cell::Share { part: parts.idle(), whole: total, class: "idle" },
        ]);
        row.extend(before.as_ref().map(|before| Cell::Change {
            now: total,
            before: before.get(keys).copied().unwrap_or_default(),
        }));
        row
    };
    let mut foot = foot_heads(asked);
    foot.extend([
        Cell::Money(sum.total()),
        Cell::Nothing,
        Cell::Money(sum.idle()),
        Cell::Share { part: sum.idle(), whole: sum.total(), class: "idle" },
    ]);
    // What is gone has no row here, so that the sum is of the whole before.
    foot.extend(
        before
            .as_ref()
            .map(|before| Cell::Change { now: sum.total(), before: before.values().copied().sum() }),
    );
    let measure = if asked.measure == Measure::Idle { "idle" } else { "cost" };
    let sort = first_sort(asked, measure);
    let (shown, cut) = shown(context, parts, sort);
    let table =
        Table { rows: shown.into_iter().map(row).collect(), foot: Some(foot), sort, ..empty(asked, columns) };
    Ok((table, cut))
}

/// The rows that are made: of many in an order of figures those of the page alone, for each has
/// links of its own; else all of them.
fn shown<'p>(
    context: &Context<'_>,
    parts: &'p BTreeMap<Vec<String>, Parts>,
    first: (&str, bool),
) -> (Vec<(&'p Vec<String>, &'p Parts)>, Option<Cut>) {
    let state = &context.lens.table;
    let (key, descending) = state.sort.as_ref().map_or(first, |(key, down)| (key.as_str(), *down));
    let figure: Option<fn(&Parts) -> Amount> = match key {
        "cost" => Some(Parts::total),
        "idle" => Some(Parts::idle),
        _ => None,
    };
    let mut rows: Vec<_> = parts.iter().collect();
    let figure = figure.filter(|_| !state.csv && state.search.is_none() && rows.len() > PAGE_ROWS);
    let Some(figure) = figure else { return (rows, None) };
    // Equal ones keep their order either way.
    match descending {
        true => rows.sort_by_cached_key(|(_, parts)| std::cmp::Reverse(figure(parts))),
        false => rows.sort_by_cached_key(|(_, parts)| figure(parts)),
    }
    let all = rows.len();
    let page = rows.into_iter().skip((state.page.max(1) - 1) * PAGE_ROWS).take(PAGE_ROWS).collect();
    (page, Some(Cut { found: all, all }))
}

/// Rows of time stand in its order, others by what is measured.
fn first_sort(asked: &Asked, measure: &'static str) -> (&'static str, bool) {
    if asked.by.first().is_some_and(is_time) { ("", false) } else { (measure, true) }
}

fn foot_heads(asked: &Asked) -> Vec<Cell> {
    let mut foot = vec![Cell::text("Total")];
    foot.extend((1..asked.by.len()).map(|_| Cell::Nothing));
    foot
}

fn empty(asked: &Asked, columns: Vec<Column>) -> Table {
    let names: Vec<String> = asked.by.iter().map(Dimension::name).collect();
    Table {
        id: "rows",
        caption: format!("By {}", names.join(", ")),
        noun: ("row", "rows"),
        columns,
        rows: Vec::new(),
        foot: None,
        sort: ("", false),
        empty: "Nothing was charged that matches; lift a restriction or choose other days.".to_owned(),
    }
}

/// Values of the pivot that have a column of their own, in order, and whether others remain.
fn across(pivot: &Dimension, cells: &[(Vec<String>, Amount)]) -> (Vec<String>, bool) {
    let mut sums: BTreeMap<&str, Amount> = BTreeMap::new();
    for (keys, cost) in cells {
        *sums.entry(keys.last().map_or(NONE, String::as_str)).or_default() += *cost;
    }
    let all = sums.len();
    let kept: Vec<String> = if is_time(pivot) {
        // The newest, in the order of time.
        sums.keys().skip(all.saturating_sub(GRID_KEYS.len())).map(|key| (*key).to_owned()).collect()
    } else {
        let mut ranked: Vec<_> = sums.into_iter().collect();
        ranked.sort_by_key(|(key, sum)| (*key == NONE, std::cmp::Reverse(sum.abs())));
        ranked.into_iter().take(MOST_COLUMNS).map(|(key, _)| key.to_owned()).collect()
    };
    let rest = all > kept.len();
    (kept, rest)
}

fn grid(
    context: &Context<'_>,
    asked: &Asked,
    pivot: &Dimension,
    measure: Measure,
) -> Result<Table, PageError> {
    let currency = context.scope.currency;
    let by: Vec<Dimension> = asked.by.iter().chain([pivot]).cloned().collect();
    let cells = measured(context, &by, measure)?;
    let (kept, rest) = across(pivot, &cells);
    let width = kept.len() + usize::from(rest);
    let mut sums: BTreeMap<Vec<String>, Vec<Amount>> = BTreeMap::new();
    for (mut keys, cost) in cells {
        let value = keys.pop().unwrap_or_default();
        let at = kept.iter().position(|kept| *kept == value).unwrap_or(kept.len());
        sums.entry(keys).or_insert_with(|| vec![Amount::ZERO; width])[at] += cost;
    }
    let mut columns = columns(asked);
    // First, for a wide grid ends beyond the screen.
    columns.push(table::number("total", format!("Total ({currency})")));
    let named = |key, name: &str| table::number(key, crate::chart::label(pivot, name)).named(name.to_owned());
    columns.extend(kept.iter().zip(GRID_KEYS).map(|(name, key)| named(key, name)));
    let others = if is_time(pivot) { "earlier" } else { "other" };
    columns.extend(rest.then(|| table::number(others, crate::words::capital(others))));
    let filters = |keys: &[String]| {
        let mut filters = of_row(context, &asked.by, keys);
        filters.extend(measure.filter());
        filters
    };
    let row = |(keys, values): (&Vec<String>, &Vec<Amount>)| {
        let mut row: Vec<Cell> =
            asked.by.iter().zip(keys).map(|(dimension, value)| key(context, dimension, value)).collect();
        let total = values.iter().copied().sum();
        row.push(Cell::MoneyLink { amount: total, href: context.explain(&filters(keys)) });
        row.extend(values.iter().enumerate().map(|(i, value)| match kept.get(i) {
            _ if value.is_zero() => Cell::Nothing,
            Some(column) => {
                let filters = crate::chart::with(&filters(keys), only(pivot.clone(), column));
                Cell::MoneyLink { amount: *value, href: context.explain(&filters) }
            }
            None => Cell::Money(*value),
        }));
        row
    };
    let mut foot = foot_heads(asked);
    let column = |i: usize| sums.values().map(|values| values[i]).sum::<Amount>();
    foot.push(Cell::Money((0..width).map(column).sum()));
    foot.extend((0..width).map(|i| Cell::Money(column(i))));
    let what = if measure == Measure::Idle { "Idle cost" } else { "Cost" };
    let names: Vec<String> = asked.by.iter().map(Dimension::name).collect();
    Ok(Table {
        caption: format!("{what} by {} and {pivot}", names.join(", ")),
        rows: sums.iter().map(row).collect(),
        foot: Some(foot),
        sort: first_sort(asked, "total"),
        ..empty(asked, columns)
    })
}

/// What is to be saved a month beside what was spent in these days.
fn wasted(
    context: &Context<'_>,
    visit: &Visit,
    asked: &Asked,
    parts: &BTreeMap<Vec<String>, Parts>,
) -> Result<Table, PageError> {
    let currency = context.scope.currency;
    let dimension = asked.by.first().unwrap_or(&Dimension::Team);
    let savings = savings(context, visit, dimension)?;
    let mut keys: Vec<&str> = parts.keys().filter_map(|keys| keys.first()).map(String::as_str).collect();
    keys.extend(savings.keys().map(String::as_str));
    keys.sort_unstable();
    keys.dedup();
    let mut columns = columns(asked);
    columns.extend([
        table::number("saving", format!("To be saved a month ({currency})")),
        table::number("findings", "Findings"),
        table::number("cost", format!("Cost in these days ({currency})")),
    ]);
    let cost =
        |name: &str| parts.get(std::slice::from_ref(&name.to_owned())).map(Parts::total).unwrap_or_default();
    let rows = keys.iter().map(|name| {
        let (saving, count) = savings.get(*name).copied().unwrap_or_default();
        vec![
            key(context, dimension, name),
            Cell::Money(saving),
            Cell::Count(count),
            Cell::MoneyLink {
                amount: cost(name),
                href: context.explain(&of_row(context, &asked.by, &[(*name).to_owned()])),
            },
        ]
    });
    Ok(Table {
        caption: format!("Waste that can be mended, by {dimension}"),
        rows: rows.collect(),
        foot: Some(vec![
            Cell::text("Total"),
            Cell::Money(savings.values().map(|(saving, _)| *saving).sum()),
            Cell::Count(savings.values().map(|(_, count)| count).sum()),
            Cell::Money(keys.iter().map(|name| cost(name)).sum()),
        ]),
        sort: ("saving", true),
        ..empty(asked, columns)
    })
}

/// What the findings that wait in the inbox save a month, each cost claimed but once, and how many
/// they are.
fn savings(
    context: &Context<'_>,
    visit: &Visit,
    dimension: &Dimension,
) -> Result<BTreeMap<String, (Amount, i64)>, PageError> {
    let clusters = context.mart.clusters()?;
    let mut savings: BTreeMap<String, (Amount, i64)> = BTreeMap::new();
    for item in finding::load(context, visit)?.items {
        let finding = item.finding;
        if !item.is_waiting() || !finding::is_of_lens(context, finding.team.as_deref()) {
            continue;
        }
        let subject = finding.subject.as_str();
        let is_subject = finding.subject_kind == dimension.name();
        let key = match dimension {
            Dimension::Team => finding.team.as_deref().unwrap_or(NONE),
            // Findings name clusters as people do.
            Dimension::Cluster if is_subject => clusters
                .iter()
                .find(|cluster| cluster.name.as_deref() == Some(subject))
                .map_or(subject, |cluster| cluster.cluster_id.as_str()),
            _ if is_subject => subject,
            _ => NONE,
        };
        let entry = savings.entry(key.to_owned()).or_default();
        entry.0 += finding.claimed_saving;
        entry.1 += 1;
    }
    Ok(savings)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(values: &[(&str, i64)]) -> Vec<(Vec<String>, Amount)> {
        values
            .iter()
            .map(|(key, cost)| (vec!["row".to_owned(), (*key).to_owned()], Amount::whole(*cost)))
            .collect()
    }

    #[test]
    fn the_dearest_values_have_columns_and_the_newest_days() {
        let many: Vec<(String, i64)> = (0..14).map(|i| (format!("s{i:02}"), i)).collect();
        let named: Vec<(&str, i64)> = many.iter().map(|(name, cost)| (name.as_str(), *cost)).collect();
        let (kept, rest) = across(&Dimension::Service, &cells(&named));
        assert_eq!((kept.len(), kept[0].as_str(), rest), (MOST_COLUMNS, "s13", true));
        let days: Vec<(String, i64)> = (1..=40).map(|i| (format!("2026-10-{i:02}"), 1)).collect();
        let named: Vec<(&str, i64)> = days.iter().map(|(name, cost)| (name.as_str(), *cost)).collect();
        let (kept, rest) = across(&Dimension::Day, &cells(&named));
        assert_eq!((kept.len(), kept[0].as_str(), rest), (31, "2026-10-10", true));
        let (kept, rest) = across(&Dimension::Team, &cells(&[(NONE, 9), ("a", 1)]));
        assert_eq!((kept, rest), (vec!["a".to_owned(), NONE.to_owned()], false), "no team stands last");
    }
}
