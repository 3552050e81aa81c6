//! Explain: a figure opened down to its parts, their arithmetic and the bill lines.

use duckdb::types::Value;
use model::time::Instant;
use model::{Amount, Basis, Category, Currency};

use super::costs::conditions;
use super::{CostQuery, Mart, MartError};

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
    /// Rule that says so.
    pub owner_rule: Option<String>,
    /// Workload.
    pub workload: Option<String>,
    /// Run.
    pub run_id: Option<String>,
    /// Table.
    pub table_id: Option<String>,
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

/// One billed line behind a charge group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BillLine {
    /// Source of the bill.
    pub source: String,
    /// File it stands in.
    pub source_file: String,
    /// Row in that file, from 1.
    pub source_line: i64,
    /// Start of what it bills.
    pub charge_period_start: Instant,
    /// End of what it bills.
    pub charge_period_end: Instant,
    /// Description.
    pub description: Option<String>,
    /// CUR's line item type.
    pub line_item_type: Option<String>,
    /// Usage type.
    pub usage_type: Option<String>,
    /// Quantity consumed.
    pub quantity: Option<Amount>,
    /// Its unit.
    pub unit: Option<String>,
    /// The whole line, billed.
    pub billed_cost: Amount,
    /// The whole line, effective.
    pub effective_cost: Amount,
    /// The whole line, list.
    pub list_cost: Amount,
    /// The whole line, contracted.
    pub contracted_cost: Amount,
    /// What of its cost on the asked basis fell into this charge group, savings plan
    /// negations netted.
    pub part_cost: Amount,
}

impl Mart {
    /// The atoms of a filtered figure, largest first; they sum to it exactly. What the
    /// question groups by is ignored, and teams are today's.
    ///
    /// # Errors
    /// When the mart cannot be asked.
    pub fn explain(&self, query: &CostQuery) -> Result<Vec<ExplainPart>, MartError> {
        let mut parameters: Vec<Value> = Vec::new();
        let condition = conditions(query, &mut parameters);
        let cost = query.basis.column();
        let sql = format!(
            "select c.charge_group_id, epoch_us(c.bucket_start), c.bucket_hours, coalesce(c.service_name, '(none)'),
                c.usage_type, c.resource_id, c.pool, c.pool_rule, c.category, c.method, c.team, c.owner_rule,
                c.workload, c.run_id, c.table_id, c.cluster_id, c.weight, c.weight_total,
                cast(g.{cost} as varchar), cast(c.{cost} as varchar), c.billing_currency
            from atoms c join charge_groups g on g.charge_group_id = c.charge_group_id
            where {condition}
            order by abs(c.{cost}) desc, c.bucket_start, c.charge_group_id, c.run_id, c.table_id"
        );
        self.ask("explain", &sql, parameters, |row| {
            let (method, weight, weight_total) = (row.text(9)?, row.int(16)?, row.int(17)?);
            let (group_cost, cost, currency) = (row.amount(18)?, row.amount(19)?, row.currency(20)?);
            Ok(ExplainPart {
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
                cluster_id: row.opt_text(15)?,
                weight,
                weight_total,
                group_cost,
                cost,
                currency,
            })
        })
    }

    /// The bill lines of a charge group, as they stand in the files (missing list and
    /// contracted costs as 0), and what of each fell into the group on one basis.
    ///
    /// # Errors
    /// When the mart cannot be asked.
    pub fn bill_lines(&self, charge_group_id: &str, basis: Basis) -> Result<Vec<BillLine>, MartError> {
        let sql = format!("with g as (select * from charge_groups where charge_group_id = ?)
            select l.source, l.source_file, l.source_line, epoch_us(l.charge_period_start),
                epoch_us(l.charge_period_end), s.charge_description, l.line_item_type, l.usage_type,
                cast(l.quantity as varchar), l.quantity_unit, cast(s.billed_cost_on_bill as varchar),
                cast(l.effective_cost as varchar), cast(l.list_cost as varchar), cast(l.contracted_cost as varchar),
                cast(p.{} as varchar)
            from g
            join charge_lines l on l.group_key = g.group_key
            join charge_pieces p on p.line_id = l.line_id and p.bucket_start = g.bucket_start
            join stg_charges s on s.line_id = l.line_id
            order by l.source_file, l.source_line", basis.column());
        self.ask("find bill lines in", &sql, vec![Value::Text(charge_group_id.to_owned())], |row| {
            Ok(BillLine {
                source: row.text(0)?,
                source_file: row.text(1)?,
                source_line: row.int(2)?,
                charge_period_start: row.instant(3)?,
                charge_period_end: row.instant(4)?,
                description: row.opt_text(5)?,
                line_item_type: row.opt_text(6)?,
                usage_type: row.opt_text(7)?,
                quantity: row.opt_amount(8)?,
                unit: row.opt_text(9)?,
                billed_cost: row.amount(10)?,
                effective_cost: row.amount(11)?,
                list_cost: row.amount(12)?,
                contracted_cost: row.amount(13)?,
                part_cost: row.amount(14)?,
            })
        })
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
