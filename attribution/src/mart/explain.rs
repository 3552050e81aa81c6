//! Explain: a figure opened down to its parts and their arithmetic. What a view spreads is in
//! [`super::spread`], the bill lines behind are in [`super::lines`].

use std::collections::BTreeSet;

use duckdb::types::Value;
use model::time::Instant;
use model::{Amount, Category, Currency};

use super::costs::conditions;
use super::relation::numbers;
use super::{Answer, CostQuery, Dimension, Mart, MartError};

/// One atom of an explained figure: a charge group's part and how it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExplainPart {
    /// The charge group, by which its bill lines are asked for.
    pub charge_group_id: String,
    /// Start of the hour or day it covers.
    pub bucket_start: Instant,
    /// 1 or 24.
    pub bucket_hours: i64,
    /// Billed service.
    pub service: String,
    /// Usage type of the bill.
    pub usage_type: Option<String>,
    /// Billed resource.
    pub resource_id: Option<String>,
    /// Pool.
    pub pool: String,
    /// Pool rule that put it there.
    pub pool_rule: String,
    /// One of the six words.
    pub category: Category,
    /// How the part was found.
    pub method: String,
    /// The arithmetic, in this part's numbers.
    pub formula: String,
    /// Owning team.
    pub team: Option<String>,
    /// Rule that says so; where the view has other owners than today's, the record that does.
    pub owner_rule: Option<String>,
    /// Workload.
    pub workload: Option<String>,
    /// Run.
    pub run_id: Option<String>,
    /// Table.
    pub table_id: Option<String>,
    /// What the consumer is: topic, query_group, workbook, ...
    pub consumer_kind: Option<String>,
    /// What used it, as usage rows name it.
    pub consumer: Option<String>,
    /// Cluster.
    pub cluster_id: Option<String>,
    /// The part's integer weight.
    pub weight: i64,
    /// The group's.
    pub weight_total: i64,
    /// The group's cost on the asked basis.
    pub group_cost: Amount,
    /// The part's.
    pub cost: Amount,
    /// Currency of both.
    pub currency: Currency,
}

/// The atoms of a figure that were found by one method.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MethodSum {
    /// Currency.
    pub currency: Currency,
    /// Method.
    pub method: String,
    /// How many.
    pub parts: i64,
    /// Their sum.
    pub cost: Amount,
}

/// What an [`ExplainPart`] is read from: columns of atoms `c` and charge groups `g`, on the
/// basis `{cost}`.
pub(super) const ATOM_COLUMNS: &str =
    "c.charge_group_id, epoch_us(c.bucket_start), c.bucket_hours, coalesce(c.service_name, '(none)'),
    c.usage_type, c.resource_id, c.pool, c.pool_rule, c.category, c.method, c.team, c.owner_rule,
    c.workload, c.run_id, c.table_id, c.cluster_id, c.weight, c.weight_total,
    cast(g.{cost} as varchar), cast(c.{cost} as varchar), c.billing_currency, c.consumer_kind, c.consumer";

impl ExplainPart {
    /// How many columns [`ATOM_COLUMNS`] has.
    pub(super) const COLUMNS: usize = 23;

    /// Reads [`ATOM_COLUMNS`].
    pub(super) fn read(row: &Answer<'_, '_>) -> Result<Self, MartError> {
        let (method, weight, weight_total) = (row.text(9)?, row.int(16)?, row.int(17)?);
        let (group_cost, cost, currency) = (row.amount(18)?, row.amount(19)?, row.currency(20)?);
        Ok(Self {
            charge_group_id: row.text(0)?,
            bucket_start: row.instant(1)?,
            bucket_hours: row.int(2)?,
            service: row.text(3)?,
            usage_type: row.opt_text(4)?,
            resource_id: row.opt_text(5)?,
            pool: row.text(6)?,
            pool_rule: row.text(7)?,
            category: row.parsed(8, "a category")?,
            formula: formula(&method, weight, weight_total, group_cost, cost, currency),
            method,
            team: row.opt_text(10)?,
            owner_rule: row.opt_text(11)?,
            workload: row.opt_text(12)?,
            run_id: row.opt_text(13)?,
            table_id: row.opt_text(14)?,
            consumer_kind: row.opt_text(21)?,
            consumer: row.opt_text(22)?,
            cluster_id: row.opt_text(15)?,
            weight,
            weight_total,
            group_cost,
            cost,
            currency,
        })
    }
}

impl Mart {
    /// The atoms of a filtered figure, largest first; with [`Mart::spread_parts`] of a view that
    /// spreads any, they sum to it exactly. What the question groups by is ignored.
    ///
    /// # Errors
    /// When the mart cannot be asked.
    pub fn explain(&self, query: &CostQuery) -> Result<Vec<ExplainPart>, MartError> {
        let cost = query.basis.column();
        let mut parameters = Vec::new();
        let sql = format!(
            "select {}
            from {} c join charge_groups g on g.group_nr = c.group_nr
            where {}
            order by {}",
            ATOM_COLUMNS.replace("{cost}", cost),
            query.atoms(self)?,
            self.asked(query, &mut parameters)?,
            order(cost)
        );
        self.ask("explain", &sql, parameters, ExplainPart::read)
    }

    /// The largest atoms of a filtered figure, this many at most, and how many there are by how
    /// they were found, with their sums.
    ///
    /// # Errors
    /// When the mart cannot be asked.
    pub fn explain_largest(
        &self,
        query: &CostQuery,
        most: usize,
    ) -> Result<(Vec<ExplainPart>, Vec<MethodSum>), MartError> {
        let atoms = query.narrow_atoms(self)?;
        let (methods, least) = self.methods(query, &atoms, most)?;
        let all: i64 = methods.iter().map(|sum| sum.parts).sum();
        // A look at few columns says which atoms are worth to be named in full.
        let cost = query.basis.column();
        let mut parameters = Vec::new();
        let condition = self.asked(query, &mut parameters)?;
        let large = match usize::try_from(all) {
            Ok(all) if all <= most => "true".to_owned(),
            _ => at_least(cost, least),
        };
        let sql = format!(
            "select distinct c.group_nr, c.run_nr, cast(c.usage_date as varchar)
            from {atoms} c where {condition} and {large}"
        );
        let picked = self.ask("explain", &sql, parameters.clone(), |row| {
            Ok((row.int(0)?, row.get::<Option<i64>>(1)?, row.opt_day(2)?))
        })?;
        let groups: BTreeSet<i64> = picked.iter().map(|(group, ..)| *group).collect();
        let runs: BTreeSet<i64> = picked.iter().filter_map(|(_, run, _)| *run).collect();
        let days = picked.iter().filter_map(|(.., day)| *day);
        let days = days.clone().min().zip(days.max());
        let named = query.picked_atoms(self, &groups, &runs, days)?;
        let groups = numbers(&groups);
        let sql = format!(
            "select {}
            from {named} c
            join (select * from charge_groups where group_nr in ({groups})) g on g.group_nr = c.group_nr
            where {condition} and {large}
            order by {} limit {most}",
            ATOM_COLUMNS.replace("{cost}", cost),
            order(cost)
        );
        Ok((self.ask("explain", &sql, parameters, ExplainPart::read)?, methods))
    }

    /// How many atoms there are by how they were found, and their sums; and how large the last of
    /// this many largest is.
    fn methods(
        &self,
        query: &CostQuery,
        atoms: &str,
        most: usize,
    ) -> Result<(Vec<MethodSum>, Amount), MartError> {
        let by_method = CostQuery { by: vec![Dimension::Method], ..query.clone() };
        // What a view spreads is no atom, and memory has both together.
        let sums = match query.spreads().is_empty() {
            true => self.remembered_costs(&by_method)?,
            false => None,
        };
        let mut parameters = Vec::new();
        let condition = self.asked(query, &mut parameters)?;
        let cost = query.basis.column();
        let sum = match sums {
            Some(_) => "'0'".to_owned(),
            None => format!("cast(sum(c.{cost}) as varchar)"),
        };
        let sql = format!(
            "with found as (
                select c.billing_currency, c.method, count(*) as parts, {sum} as cost,
                    max(abs(c.{cost}), {most}) as largest
                from {atoms} c
                where {condition}
                group by c.billing_currency, c.method
            ),
            largest as (select unnest(largest) as size from found order by size desc limit {most})
            select billing_currency, method, parts, cost, cast((select min(size) from largest) as varchar)
            from found
            order by billing_currency, method",
        );
        let known = |currency: Currency, method: &str| {
            let rows = sums.as_ref()?;
            rows.iter().find(|row| row.currency == currency && row.keys == [method]).map(|row| row.cost)
        };
        let found = self.ask("explain", &sql, parameters, |row| {
            let (currency, method) = (row.currency(0)?, row.text(1)?);
            let cost = known(currency, &method).map_or_else(|| row.amount(3), Ok)?;
            Ok((MethodSum { currency, method, parts: row.int(2)?, cost }, row.amount(4)?))
        })?;
        let least = found.first().map(|(_, least)| *least).unwrap_or_default();
        Ok((found.into_iter().map(|(sum, _)| sum).collect(), least))
    }

    /// The conditions of a question on atoms.
    fn asked(&self, query: &CostQuery, parameters: &mut Vec<Value>) -> Result<String, MartError> {
        Ok(format!("{} and {}", conditions(query, parameters), self.of_named_runs(query)?))
    }
}

/// Costs that come to this much at least, either way. The last of them has 18 digits: rounded up
/// it would be less than itself.
fn at_least(cost: &str, least: Amount) -> String {
    format!(
        "(c.{cost} >= cast('{least}' as decimal(38, 18)) or c.{cost} <= cast('{}' as decimal(38, 18)))",
        -least
    )
}

/// The order of parts: the largest first.
fn order(cost: &str) -> String {
    format!("abs(c.{cost}) desc, c.bucket_start, c.charge_group_id, c.run_id, c.table_id, c.consumer")
}

/// A share for people: node weights are parts of 10^12 and read as the decimal they are;
/// others (bytes, core-milliseconds) as the fraction that can be looked up.
fn ratio(weight: i64, total: i64) -> String {
    const WHOLE: i64 = 1_000_000_000_000;
    if weight == total {
        return "1".to_owned();
    }
    if total != WHOLE {
        return format!("{weight} / {total}");
    }
    format!("0.{weight:012}").trim_end_matches('0').to_owned()
}

/// The method's arithmetic in words, with this part's numbers.
fn formula(method: &str, weight: i64, total: i64, group: Amount, cost: Amount, currency: Currency) -> String {
    let share = format!("{group} {currency} x {} = {cost} {currency}", ratio(weight, total));
    match method {
        "node-share" => {
            format!("node-hour cost x share of the node's capacity (larger of cores and memory): {share}")
        }
        "cluster-share" => format!("cluster-hour cost x share of the cluster's worker capacity: {share}"),
        "cluster-active-share" => {
            format!("cluster-hour cost x share of the hour a run was active (capacity unknown): {share}")
        }
        "idle" => format!("no run is known of this hour: the whole {group} {currency} is idle"),
        "storage-bytes" => {
            format!("bucket-day cost x bytes of the table / bytes billed or measured: {share}")
        }
        "storage-nearest" => {
            format!(
                "bucket-day cost x bytes of the table at the nearest collection / bytes billed or measured: {share}"
            )
        }
        "storage-unmeasured" => {
            format!("bucket-day cost x bytes no table accounts for / bytes billed: {share}")
        }
        "usage-share" => format!("cost x the consumer's part of what was used that day: {share}"),
        "usage-rest" | "storage-usage-rest" => {
            format!("cost x the part no consumer of that day used: {share}")
        }
        "request-share" => {
            format!("bucket-day cost x requests or bytes read of the table / billed or known: {share}")
        }
        "request-rest" => format!("bucket-day cost x requests no table accounts for / billed: {share}"),
        "shared" => format!("of use to all: the whole {group} {currency}"),
        "unowned" => format!("no ownership rule claims the charge: the whole {group} {currency}"),
        "unobserved-cluster" => {
            format!(
                "names a cluster nothing else is known of: the whole {group} {currency} goes to its owner"
            )
        }
        _ => format!("the charge names its owner: the whole {group} {currency}"),
    }
}

#[cfg(test)]
mod tests {
    use super::ratio;

    #[test]
    fn a_share_reads_as_the_decimal_or_the_fraction_it_is() {
        assert_eq!(ratio(35_840_972_222, 1_000_000_000_000), "0.035840972222");
        assert_eq!(ratio(500_000_000_000, 1_000_000_000_000), "0.5");
        assert_eq!(ratio(1_000_000_000_000, 1_000_000_000_000), "1");
        assert_eq!(ratio(529_502, 28_800_000), "529502 / 28800000");
    }
}
