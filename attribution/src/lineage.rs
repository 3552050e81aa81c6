//! Upstream cost: what the tables that a table was made of cost, passed on along lineage.
//!
//! What a table cost goes to those that read it, by bytes read, and with it what came to it
//! from above. Tables that are made of one another are one thing: what any of them cost
//! leaves their circle once, over all reads from outside. So what leaves a table (or a
//! circle) is exactly its own cost and what came in, and nothing goes round.

use std::collections::BTreeMap;

use duckdb::types::Type;
use duckdb::{Connection, Row, params};
use model::Amount;

/// The temporary table that `table_upstream` reads.
pub(crate) const PARTS: &str = "upstream_parts";

/// What it is made of.
pub(crate) const READS: [&str; 2] = ["table_flows", "table_costs"];

/// Billed, effective, list and contracted.
pub type Costs = [Amount; 4];

/// Bytes of one table that were read to make another; `to` is nothing where what read it
/// wrote no table. Tables are numbered from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flow {
    /// Table read.
    pub from: usize,
    /// Table made of it.
    pub to: Option<usize>,
    /// Bytes, at least 1.
    pub bytes: i64,
}

/// Who passes costs on to whom.
#[derive(Debug)]
pub struct Lineage {
    /// Circle of each table; most are alone in theirs. A circle's number is above those of
    /// all that are made of it.
    circle_of: Vec<usize>,
    /// Where each circle's cost goes, with bytes: to tables of other circles, or to none.
    passes: Vec<BTreeMap<Option<usize>, i64>>,
}

impl Lineage {
    /// The lineage of so many tables.
    pub fn new(tables: usize, flows: &[Flow]) -> Self {
        let mut next = vec![Vec::new(); tables];
        for flow in flows {
            next[flow.from].extend(flow.to);
        }
        let circle_of = circles(&next);
        let count = circle_of.iter().max().map_or(0, |last| last + 1);
        let mut passes = vec![BTreeMap::new(); count];
        for flow in flows {
            let circle = circle_of[flow.from];
            if flow.to.is_none_or(|to| circle_of[to] != circle) {
                let bytes: &mut i64 = passes[circle].entry(flow.to).or_default();
                *bytes = bytes.saturating_add(flow.bytes);
            }
        }
        Self { circle_of, passes }
    }

    /// Circle of a table, by number.
    pub fn circle_of(&self, table: usize) -> usize {
        self.circle_of[table]
    }

    /// What comes to each table from those it was made of, given what some cost by themselves.
    pub fn upstream(&self, own: &[(usize, Costs)]) -> BTreeMap<usize, Costs> {
        let mut loaded: BTreeMap<usize, Costs> = BTreeMap::new();
        let mut upstream: BTreeMap<usize, Costs> = BTreeMap::new();
        for (table, costs) in own {
            add(loaded.entry(self.circle_of[*table]).or_default(), costs);
        }
        // Whatever a circle is made of has a larger number: by its turn all has come in.
        while let Some((circle, costs)) = loaded.pop_last() {
            for (to, part) in self.passed_on(circle, costs) {
                if let Some(to) = to {
                    add(upstream.entry(to).or_default(), &part);
                    add(loaded.entry(self.circle_of[to]).or_default(), &part);
                }
            }
        }
        upstream
    }

    /// A circle's cost, split by bytes; the parts sum to it, the largest having the rest.
    fn passed_on(&self, circle: usize, costs: Costs) -> Vec<(Option<usize>, Costs)> {
        let to = &self.passes[circle];
        let total = to.values().fold(0_i64, |sum, bytes| sum.saturating_add(*bytes));
        let mut rest = costs;
        let mut parts: Vec<(Option<usize>, Costs)> = Vec::with_capacity(to.len());
        let mut largest = (0, 0);
        for (nth, (to, bytes)) in to.iter().enumerate() {
            let part = costs.map(|cost| cost.scaled(*bytes, total).unwrap_or_default());
            for (rest, part) in rest.iter_mut().zip(part) {
                *rest = *rest - part;
            }
            parts.push((*to, part));
            if *bytes > largest.1 {
                largest = (nth, *bytes);
            }
        }
        if let Some((_, part)) = parts.get_mut(largest.0) {
            add(part, &rest);
        }
        parts
    }
}

fn add(sum: &mut Costs, costs: &Costs) {
    for (sum, cost) in sum.iter_mut().zip(costs) {
        *sum += *cost;
    }
}

/// Strongly connected components by Tarjan's algorithm, without recursion: the number of
/// each table's. They are numbered in the order they are closed: those reached first.
fn circles(next: &[Vec<usize>]) -> Vec<usize> {
    const NEW: usize = usize::MAX;
    let tables = next.len();
    let (mut found, mut low) = (vec![NEW; tables], vec![NEW; tables]);
    let (mut circle, mut circles) = (vec![NEW; tables], 0);
    let (mut open, mut clock) = (Vec::new(), 0);
    for start in 0..tables {
        if found[start] != NEW {
            continue;
        }
        // A table, and how many of its successors were looked at.
        let mut path = vec![(start, 0)];
        while let Some((table, looked)) = path.last_mut() {
            let table = *table;
            if *looked == 0 {
                (found[table], low[table]) = (clock, clock);
                clock += 1;
                open.push(table);
            }
            if let Some(&to) = next[table].get(*looked) {
                *looked += 1;
                if found[to] == NEW {
                    path.push((to, 0));
                } else if circle[to] == NEW {
                    low[table] = low[table].min(found[to]);
                }
                continue;
            }
            path.pop();
            if let Some((before, _)) = path.last() {
                low[*before] = low[*before].min(low[table]);
            }
            if low[table] == found[table] {
                while let Some(member) = open.pop() {
                    circle[member] = circles;
                    if member == table {
                        break;
                    }
                }
                circles += 1;
            }
        }
    }
    circle
}

/// Reads flows and costs of the mart being built, and writes what is passed on into the
/// temporary table `upstream_parts`, month by month.
///
/// # Errors
/// When DuckDB refuses, or an amount is none.
pub fn pass_on(connection: &Connection) -> Result<(), duckdb::Error> {
    connection.execute_batch(
        "create or replace temp table upstream_parts (
            usage_date varchar, table_id varchar, billing_currency varchar, billed_cost varchar,
            effective_cost varchar, list_cost varchar, contracted_cost varchar
        )",
    )?;
    let mut months: BTreeMap<String, Vec<(String, Option<String>, i64)>> = BTreeMap::new();
    let mut statement = connection.prepare(
        "select strftime(month, '%Y-%m'), from_table, to_table, bytes from table_flows order by all nulls first",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        months.entry(row.get(0)?).or_default().push((row.get(1)?, row.get(2)?, row.get(3)?));
    }
    let mut written = connection.appender(PARTS)?;
    for (month, named) in months {
        let mut names: Vec<&str> =
            named.iter().flat_map(|(from, to, _)| [Some(from.as_str()), to.as_deref()]).flatten().collect();
        names.sort_unstable();
        names.dedup();
        // Every name is there: it was put there from these flows.
        let number = |name: &str| names.binary_search(&name).unwrap_or_default();
        let flows: Vec<Flow> = named
            .iter()
            .map(|(from, to, bytes)| Flow {
                from: number(from),
                to: to.as_deref().map(number),
                bytes: *bytes,
            })
            .collect();
        let lineage = Lineage::new(names.len(), &flows);
        for ((day, currency), own) in costs_of(connection, &month, &names)? {
            for (table, costs) in lineage.upstream(&own) {
                let [billed, effective, list, contracted] = costs.map(|cost| cost.to_string());
                written.append_row(params![
                    day,
                    names[table],
                    currency,
                    billed,
                    effective,
                    list,
                    contracted
                ])?;
            }
        }
    }
    written.flush()
}

/// Costs by day and currency.
type Own = BTreeMap<(String, String), Vec<(usize, Costs)>>;

/// What the tables of a month's flows cost by themselves.
fn costs_of(connection: &Connection, month: &str, names: &[&str]) -> Result<Own, duckdb::Error> {
    let sum = |basis: &str| {
        format!("cast(storage_{basis}_cost + produce_{basis}_cost + maintain_{basis}_cost as varchar)")
    };
    let mut statement = connection.prepare(&format!(
        "select cast(usage_date as varchar), billing_currency, table_id, {}
        from table_costs c
        where strftime(usage_date, '%Y-%m') = ?
            and table_id in (select from_table from table_flows where strftime(month, '%Y-%m') = ?)
        order by usage_date, billing_currency, table_id",
        ["billed", "effective", "list", "contracted"].map(sum).join(", ")
    ))?;
    let mut rows = statement.query([month, month])?;
    let mut own = Own::new();
    while let Some(row) = rows.next()? {
        let table: String = row.get(2)?;
        let costs = [amount(row, 3)?, amount(row, 4)?, amount(row, 5)?, amount(row, 6)?];
        if let Ok(table) = names.binary_search(&table.as_str()) {
            own.entry((row.get(0)?, row.get(1)?)).or_default().push((table, costs));
        }
    }
    Ok(own)
}

fn amount(row: &Row<'_>, at: usize) -> Result<Amount, duckdb::Error> {
    let text: String = row.get(at)?;
    text.parse().map_err(|fault: model::money::AmountError| {
        duckdb::Error::FromSqlConversionFailure(at, Type::Text, Box::new(fault))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn flow(from: usize, to: usize, bytes: i64) -> Flow {
        Flow { from, to: Some(to), bytes }
    }

    fn costs(text: &str) -> Costs {
        [text.parse().unwrap(); 4]
    }

    fn upstream(tables: usize, flows: &[Flow], own: &[(usize, &str)]) -> Vec<(usize, String)> {
        let own: Vec<_> = own.iter().map(|(table, cost)| (*table, costs(cost))).collect();
        let all = Lineage::new(tables, flows).upstream(&own);
        all.into_iter().map(|(table, costs)| (table, costs[1].to_string())).collect()
    }

    #[test]
    fn a_cost_goes_down_by_bytes_and_on() {
        // 0 is read for 1 (3 parts of 4) and for 2 (1 of 4); 1 wholly for 2.
        let flows = [flow(0, 1, 30), flow(0, 2, 10), flow(1, 2, 7)];
        assert_eq!(
            upstream(3, &flows, &[(0, "8"), (1, "1")]),
            // To 1: 6. To 2: 2 of table 0, and 6 + 1 of table 1.
            [(1, "6".to_owned()), (2, "9".to_owned())]
        );
    }

    #[test]
    fn what_reads_without_writing_takes_its_part_nowhere() {
        let flows = [flow(0, 1, 1), Flow { from: 0, to: None, bytes: 3 }];
        assert_eq!(upstream(2, &flows, &[(0, "4")]), [(1, "1".to_owned())]);
    }

    #[test]
    fn a_circle_passes_on_once_what_its_tables_cost() {
        // 0 feeds the circle of 1 and 2; 3 and 4 are made of it, 3 of table 1, 4 of table 2.
        let flows =
            [flow(0, 1, 5), flow(1, 2, 9), flow(2, 1, 9), flow(1, 1, 9), flow(1, 3, 1), flow(2, 4, 3)];
        assert_eq!(
            upstream(5, &flows, &[(0, "2"), (1, "3"), (2, "7")]),
            // To 1: 2 of table 0; the circle has 2 + 3 + 7 = 12, a quarter to 3, the rest to 4.
            [(1, "2".to_owned()), (3, "3".to_owned()), (4, "9".to_owned())]
        );
    }

    #[test]
    fn a_circle_nobody_else_reads_keeps_its_cost() {
        assert_eq!(upstream(2, &[flow(0, 1, 1), flow(1, 0, 1)], &[(0, "1"), (1, "1")]), []);
    }

    #[test]
    fn what_cutting_leaves_goes_to_the_largest_part() {
        let flows = [flow(0, 1, 1), flow(0, 2, 1), flow(0, 3, 1)];
        let thirds = ["0.333333333334", "0.333333333333", "0.333333333333"];
        let want: Vec<_> =
            thirds.iter().enumerate().map(|(nth, part)| (nth + 1, (*part).to_owned())).collect();
        assert_eq!(upstream(4, &flows, &[(0, "1")]), want);
    }

    #[test]
    fn a_long_chain_needs_no_deep_stack() {
        let tables = 200_000;
        let flows: Vec<_> = (1..tables).map(|table| flow(table - 1, table, 1)).collect();
        let all = Lineage::new(tables, &flows).upstream(&[(0, costs("0.01"))]);
        assert_eq!(all.len(), tables - 1);
        assert_eq!(all[&(tables - 1)], costs("0.01"));
    }

    proptest! {
        /// In any graph, circles included: what leaves each circle is what its tables cost and
        /// what came in, to the last digit, each part having its sign; and nobody is upstream of itself.
        #[test]
        fn what_goes_in_comes_out(
            flows in prop::collection::vec((0..12_usize, prop::option::weighted(0.9, 0..12_usize), 1..1_000_000_i64), 0..40),
            own in prop::collection::vec(-10_i128.pow(22)..10_i128.pow(22), 12),
        ) {
            let flows: Vec<Flow> =
                flows.into_iter().map(|(from, to, bytes)| Flow { from, to, bytes }).collect();
            let lineage = Lineage::new(12, &flows);
            let own: Vec<(usize, Costs)> =
                own.into_iter().enumerate().map(|(nth, units)| (nth, [Amount::from_units(units); 4])).collect();
            let all = lineage.upstream(&own);
            let mut inside: BTreeMap<usize, Costs> = BTreeMap::new();
            for (table, cost) in own.iter().copied().chain(all.clone()) {
                add(inside.entry(lineage.circle_of(table)).or_default(), &cost);
            }
            let mut arrived: BTreeMap<usize, Costs> = BTreeMap::new();
            for (circle, costs) in inside {
                let parts = lineage.passed_on(circle, costs);
                if parts.is_empty() {
                    continue;
                }
                let sum: Amount = parts.iter().map(|(_, part)| part[0]).sum();
                prop_assert_eq!(sum, costs[0]);
                for (to, part) in parts {
                    prop_assert!(part[0].units().signum() * costs[0].units().signum() >= 0);
                    if let Some(to) = to {
                        prop_assert!(lineage.circle_of(to) < circle, "a circle is made of a later one");
                        add(arrived.entry(to).or_default(), &part);
                    }
                }
            }
            prop_assert_eq!(arrived, all);
        }
    }
}
