//! Explain: a figure opened down to its parts and their arithmetic. What a view spreads is in
//! [`super::spread`], the bill lines behind are in [`super::lines`].

use model::time::Instant;
use model::{Amount, Category, Currency};

use super::costs::conditions;
use super::{Answer, CostQuery, Mart, MartError};

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
        self.atoms_of(query, "")
    }

    /// The largest atoms of a filtered figure, this many at most.
    ///
    /// # Errors
    /// When the mart cannot be asked.
    pub fn explain_largest(&self, query: &CostQuery, most: usize) -> Result<Vec<ExplainPart>, MartError> {
        self.atoms_of(query, &format!("limit {most}"))
    }

    /// How many atoms a filtered figure has, and their sum, by currency and method.
    ///
    /// # Errors
    /// When the mart cannot be asked.
    pub fn explained(&self, query: &CostQuery) -> Result<Vec<MethodSum>, MartError> {
        let mut parameters = Vec::new();
        let condition = conditions(query, &mut parameters);
        let sql = format!(
            "select c.billing_currency, c.method, count(*), cast(sum(c.{}) as varchar) from {} c where {condition}
            group by c.billing_currency, c.method order by c.billing_currency, c.method",
            query.basis.column(),
            query.atoms(self)?,
        );
        self.ask("explain", &sql, parameters, |row| {
            Ok(MethodSum {
                currency: row.currency(0)?,
                method: row.text(1)?,
                parts: row.int(2)?,
                cost: row.amount(3)?,
            })
        })
    }

    fn atoms_of(&self, query: &CostQuery, limit: &str) -> Result<Vec<ExplainPart>, MartError> {
        let mut parameters = Vec::new();
        let condition = conditions(query, &mut parameters);
        let cost = query.basis.column();
        let sql = format!(
            "select {}
            from {} c join charge_groups g on g.charge_group_id = c.charge_group_id
            where {condition}
            order by abs(c.{cost}) desc, c.bucket_start, c.charge_group_id, c.run_id, c.table_id, c.consumer {limit}",
            ATOM_COLUMNS.replace("{cost}", cost),
            query.atoms(self)?,
        );
        self.ask("explain", &sql, parameters, ExplainPart::read)
    }
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
