//! One table over time and in depth: size and files, how large files are, snapshots, what it
//! is made of as a graph, and what compacting it would save.

use std::collections::BTreeMap;

use attribution::mart::{Dimension, FileSizes, Finding, LineageRow, SnapshotRow, TableDay, TableRow};
use chrono::NaiveDate;
use model::Amount;
use reports::chart::Shape;
use reports::palette::ColourSlot;

use super::{Fact, fact, table_cost};
use crate::chart::ChartView;
use crate::context::Context;
use crate::course::{Course, Line, Point, Unit, periods};
use crate::error::PageError;
use crate::finding::{self, Findings};
use crate::flow::{self, Link, Node};
use crate::table::{self, Cell, Table};

/// Tables on either side of the graph; the rest is in its table.
const MOST_NEIGHBOURS: usize = 8;
/// Detectors that speak of a table's files.
const OF_FILES: [&str; 4] = ["uncompacted", "delete-bloat", "tiny-commits", "over-partitioning"];

/// The size and the files of a table by day of collection; nothing of one that was collected
/// but once.
pub fn over_time(context: &Context<'_>, days: &[TableDay]) -> Result<Vec<ChartView>, PageError> {
    if days.len() < 2 {
        return Ok(Vec::new());
    }
    let all: BTreeMap<NaiveDate, &TableDay> = days.iter().map(|day| (day.day, day)).collect();
    let line = |name: &str, slot, value: fn(&TableDay) -> i64| Line {
        name: name.to_owned(),
        slot,
        values: all.values().map(|day| Amount::whole(value(day))).collect(),
        href: None,
    };
    let points = || -> Vec<Point> {
        let mut periods = periods(context, &Dimension::Day);
        all.keys()
            .map(|day| {
                // A collection may be of a day that was not charged for yet.
                periods.remove(&day.to_string()).unwrap_or_else(|| Point {
                    long: reports::format::day(*day),
                    ..Point::named(day.format("%-d %b").to_string())
                })
            })
            .map(|point| Point { partial: false, days: None, ..point })
            .collect()
    };
    let size = Course {
        id: "size",
        title: "Size by day of collection".to_owned(),
        points: points(),
        lines: vec![
            line("reachable from any snapshot", ColourSlot::Idle, |day| day.reachable_bytes),
            line("live data", ColourSlot::Blue, |day| day.data_bytes),
        ],
        shape: Shape::Lines,
        unit: Unit::Bytes,
        note: None,
    };
    let files = Course {
        id: "files",
        title: "Files by day of collection".to_owned(),
        points: points(),
        lines: vec![
            line("data files", ColourSlot::Blue, |day| day.data_files),
            line("small ones", ColourSlot::Orange, |day| day.small_files),
            line("delete files", ColourSlot::Pink, |day| day.delete_files),
        ],
        shape: Shape::Lines,
        unit: Unit::Count,
        note: None,
    };
    Ok(vec![size.view()?, files.view()?])
}

/// What collections found, day by day.
pub fn days_table(days: &[TableDay]) -> Table {
    let row = |day: &TableDay| {
        vec![
            Cell::Day { day: day.day, href: None },
            Cell::Bytes(day.data_bytes),
            Cell::Bytes(day.reachable_bytes),
            Cell::Count(day.row_count),
            Cell::Count(day.data_files),
            Cell::Count(day.small_files),
            Cell::Count(day.delete_files),
            Cell::Count(day.snapshots),
        ]
    };
    Table {
        id: "collections",
        caption: "Size and files by day of collection".to_owned(),
        noun: ("day", "days"),
        columns: vec![
            table::text("day", "Day (UTC)"),
            table::number("data_bytes", "Data"),
            table::number("reachable_bytes", "Reachable").wide(),
            table::number("rows", "Rows").wide(),
            table::number("data_files", "Files"),
            table::number("small_files", "Small files").wide(),
            table::number("delete_files", "Delete files").wide(),
            table::number("snapshots", "Snapshots").wide(),
        ],
        rows: days.iter().map(row).collect(),
        foot: None,
        sort: ("day", true),
        empty: "It was not collected in this span.".to_owned(),
    }
}

/// A size and twice it, `64–128 MiB`: sizes are powers of two, which have no tenths.
fn of_size(from_bytes: i64, between: &str) -> String {
    let whole = |bytes: i64| reports::format::bytes(bytes).replace(".0 ", " ");
    let (from, to) = (whole(from_bytes), whole(from_bytes.saturating_mul(2)));
    match (from.split_once(' '), to.split_once(' ')) {
        (Some((figure, unit)), Some((_, same))) if unit == same => format!("{figure}{between}{to}"),
        _ => format!("{from}{between}{to}"),
    }
}

/// How many data files are how large; nothing where partitions were not collected.
pub fn sizes_chart(sizes: &[FileSizes], table: Option<&TableRow>) -> Result<Option<ChartView>, PageError> {
    let (Some(first), Some(last)) = (sizes.first(), sizes.last()) else { return Ok(None) };
    let counts: BTreeMap<i64, i64> = sizes.iter().map(|bin| (bin.from_bytes, bin.data_files)).collect();
    // Sizes that no file has stay in their place, so that the distance can be seen.
    let bins: Vec<i64> = std::iter::successors(Some(first.from_bytes.max(1)), |from| from.checked_mul(2))
        .take_while(|from| *from <= last.from_bytes)
        .collect();
    let note = table.map(|table| {
        format!(
            "By the mean size of the files of each partition. Small is below three quarters of the table’s target of {}.",
            reports::format::bytes(table.target_file_bytes)
        )
    });
    let course = Course {
        id: "sizes",
        title: "Data files by size, at the last collection".to_owned(),
        points: bins
            .iter()
            .map(|from| Point { long: of_size(*from, " to "), ..Point::named(of_size(*from, "–")) })
            .collect(),
        lines: vec![Line {
            name: "data files".to_owned(),
            slot: ColourSlot::Blue,
            values: bins.iter().map(|from| Amount::whole(counts.get(from).copied().unwrap_or(0))).collect(),
            href: None,
        }],
        shape: Shape::Columns,
        unit: Unit::Count,
        note,
    };
    course.view().map(Some)
}

/// The same as a table.
pub fn sizes_table(sizes: &[FileSizes]) -> Table {
    let row = |bin: &FileSizes| {
        vec![
            Cell::text(of_size(bin.from_bytes, " to ")),
            Cell::Bytes(bin.from_bytes),
            Cell::Count(bin.data_files),
            Cell::Bytes(bin.data_bytes),
            Cell::Count(bin.partitions),
        ]
    };
    let sum = |value: fn(&FileSizes) -> i64| sizes.iter().map(value).fold(0_i64, i64::saturating_add);
    Table {
        id: "sizes",
        caption: "Data files by size".to_owned(),
        noun: ("size", "sizes"),
        columns: vec![
            table::text("size", "Mean file of the partition").derived(),
            table::number("from_bytes", "From").exported(),
            table::number("data_files", "Files"),
            table::number("data_bytes", "Data"),
            table::number("partitions", "Partitions"),
        ],
        rows: sizes.iter().map(row).collect(),
        foot: Some(vec![
            Cell::text("Total"),
            Cell::Nothing,
            Cell::Count(sum(|bin| bin.data_files)),
            Cell::Bytes(sum(|bin| bin.data_bytes)),
            Cell::Count(sum(|bin| bin.partitions)),
        ]),
        sort: ("", false),
        empty: "Its partitions were not collected.".to_owned(),
    }
}

/// Snapshots that are kept.
pub fn snapshots(snapshots: &[SnapshotRow]) -> Table {
    let row = |snapshot: &SnapshotRow| {
        let named = [snapshot.is_current.then(|| "current".to_owned()), snapshot.ref_names.clone()];
        let named: Vec<String> = named.into_iter().flatten().collect();
        vec![
            Cell::text(snapshot.snapshot_id.as_str()),
            Cell::At(snapshot.committed_at),
            Cell::maybe(snapshot.operation.as_deref()),
            Cell::maybe((!named.is_empty()).then(|| named.join(", "))),
            snapshot.added_files.map_or(Cell::Nothing, Cell::Count),
            snapshot.removed_files.map_or(Cell::Nothing, Cell::Count),
            snapshot.added_bytes.map_or(Cell::Nothing, Cell::Bytes),
            snapshot.total_files.map_or(Cell::Nothing, Cell::Count),
            snapshot.total_bytes.map_or(Cell::Nothing, Cell::Bytes),
            Cell::maybe(snapshot.app_id.as_deref()),
        ]
    };
    Table {
        id: "snapshots",
        caption: "Snapshots that are kept".to_owned(),
        noun: ("snapshot", "snapshots"),
        columns: vec![
            table::text("snapshot", "Snapshot"),
            table::number("committed", "Committed"),
            table::text("operation", "Operation"),
            table::text("refs", "Named").wide(),
            table::number("added_files", "Files added").wide(),
            table::number("removed_files", "Removed").wide(),
            table::number("added_bytes", "Bytes added").wide(),
            table::number("total_files", "Files after it").wide(),
            table::number("total_bytes", "Bytes after it").wide(),
            table::text("application", "Written by").exported(),
        ],
        rows: snapshots.iter().map(row).collect(),
        foot: None,
        sort: ("committed", true),
        empty: "No snapshot of it was collected.".to_owned(),
    }
}

/// What it is made of and what is made of it, as wide as the bytes read.
pub fn graph(
    context: &Context<'_>,
    id: &str,
    lineage: &[LineageRow],
) -> Result<Option<ChartView>, PageError> {
    let side =
        |upstream: bool| lineage.iter().filter(move |row| row.is_upstream == upstream && row.bytes > 0);
    let rows: Vec<&LineageRow> =
        side(true).take(MOST_NEIGHBOURS).chain(side(false).take(MOST_NEIGHBOURS)).collect();
    if rows.is_empty() {
        return Ok(None);
    }
    let written = |amount: Amount| reports::format::bytes(amount.rounded(0).parse().unwrap_or(i64::MAX));
    let total = |upstream: bool| {
        rows.iter().filter(|row| row.is_upstream == upstream).map(|row| row.bytes).sum::<i64>()
    };
    // Without a left side the table stands on the left.
    let middle = usize::from(rows.iter().any(|row| row.is_upstream));
    let mut nodes = vec![Node {
        label: id.to_owned(),
        column: middle,
        slot: ColourSlot::Blue,
        shown: reports::format::bytes(total(true).max(total(false))),
        href: None,
    }];
    let mut links = Vec::new();
    for row in &rows {
        let at = nodes.len();
        nodes.push(Node {
            label: row.table_id.clone().unwrap_or_else(|| "no table".to_owned()),
            column: if row.is_upstream { 0 } else { middle + 1 },
            slot: ColourSlot::Other,
            shown: reports::format::bytes(row.bytes),
            href: row.table_id.as_deref().map(|table| context.entity("tables", table)),
        });
        let (from, to) = if row.is_upstream { (at, 0) } else { (0, at) };
        links.push(Link { from, to, amount: Amount::whole(row.bytes) });
    }
    let left = side(true).count().saturating_sub(MOST_NEIGHBOURS)
        + side(false).count().saturating_sub(MOST_NEIGHBOURS);
    let note = (left > 0).then(|| format!("{left} more with fewer bytes are in the table."));
    let months = table_cost::whole_months(context);
    let title = format!("What it is made of, and what is made of it, by bytes read {months}");
    flow::chart("lineage", title, &nodes, &links, note, &written).map(Some)
}

/// What mending its files would save, of what still waits in the inbox.
pub fn gain(context: &Context<'_>, id: &str, findings: &Findings<'_>) -> Option<Fact> {
    let of_files: Vec<&Finding> = findings
        .items
        .iter()
        .filter(|item| item.is_waiting())
        .map(|item| item.finding)
        .filter(|found| {
            found.subject_kind == "table"
                && found.subject == id
                && OF_FILES.contains(&found.detector.as_str())
        })
        .collect();
    let best = of_files.first()?;
    let saving: Amount = of_files.iter().map(|found| found.claimed_saving).sum();
    Some(Fact {
        href: Some(finding::href(context, &best.id)),
        ..fact("Mending its files", format!("saves {}", context.short(saving)), "a month; opens what to do")
    })
}

#[cfg(test)]
mod tests {
    use super::of_size;

    #[test]
    fn a_size_of_files_is_a_span_with_its_unit_once_where_it_is_one() {
        assert_eq!(of_size(67_108_864, "–"), "64–128 MiB");
        assert_eq!(of_size(536_870_912, " to "), "512 MiB to 1 GiB");
        assert_eq!(of_size(1, " to "), "1 to 2 B");
    }
}
