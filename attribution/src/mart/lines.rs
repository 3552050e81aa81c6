//! The bill lines behind charge groups: the end of every way down.

use std::collections::{BTreeMap, BTreeSet};

use duckdb::types::Value;
use model::time::Instant;
use model::{Amount, Basis};

use super::relation::numbers;
use super::{Mart, MartError};

/// Groups whose lines are looked up by their numbers.
const MOST_LOOKED_UP: usize = 100;

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
    /// The bill lines of charge groups, by group, as they stand in the files (missing list and
    /// contracted costs as 0), and what of each fell into the group on one basis. One question
    /// for all of them.
    ///
    /// # Errors
    /// When the mart cannot be asked.
    pub fn bill_lines<'g>(
        &self,
        groups: impl IntoIterator<Item = &'g str>,
        basis: Basis,
    ) -> Result<BTreeMap<String, Vec<BillLine>>, MartError> {
        let mut lines: BTreeMap<String, Vec<BillLine>> = BTreeMap::new();
        let groups: BTreeSet<&str> = groups.into_iter().collect();
        if groups.is_empty() {
            return Ok(lines);
        }
        // Of a few groups the lines are looked up first: numbers leave most of the large tables unread.
        let picked = match groups.len() <= MOST_LOOKED_UP {
            true => Some(self.line_ids(&groups)?),
            false => None,
        };
        let of = |table: &str| match &picked {
            Some(lines) => format!("(select * from {table} where line_id in ({lines}))"),
            None => table.to_owned(),
        };
        let sql = format!(
            "with g as (
                select * from charge_groups
                where charge_group_id in (select unnest(string_split(?, chr(31))))
            )
            select l.source, l.source_file, l.source_line, epoch_us(l.charge_period_start),
                epoch_us(l.charge_period_end), s.charge_description, l.line_item_type, l.usage_type,
                cast(l.quantity as varchar), l.quantity_unit, cast(s.billed_cost_on_bill as varchar),
                cast(l.effective_cost as varchar), cast(l.list_cost as varchar), cast(l.contracted_cost as varchar),
                cast(p.{} as varchar), g.charge_group_id
            from g
            join {} l on l.group_key = g.group_key
            join {} p on p.line_id = l.line_id and p.bucket_start = g.bucket_start
            join {} s on s.line_id = l.line_id
            order by g.charge_group_id, l.source_file, l.source_line",
            basis.column(),
            of("charge_lines"),
            of("charge_pieces"),
            of("stg_charges"),
        );
        let groups = joined(&groups);
        let found = self.ask("find bill lines in", &sql, vec![Value::Text(groups)], |row| {
            let line = BillLine {
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
            };
            Ok((row.text(15)?, line))
        })?;
        for (group, line) in found {
            lines.entry(group).or_default().push(line);
        }
        Ok(lines)
    }
    /// Numbers of the bill lines of charge groups, as a list of SQL.
    fn line_ids(&self, groups: &BTreeSet<&str>) -> Result<String, MartError> {
        let sql = "select l.line_id from charge_lines l
            where l.group_key in (
                select group_key from charge_groups
                where charge_group_id in (select unnest(string_split(?, chr(31))))
            )";
        let ids = self.ask("find bill lines in", sql, vec![Value::Text(joined(groups))], |row| row.int(0))?;
        Ok(numbers(&ids.into_iter().collect()))
    }
}

/// Ids of groups as one parameter.
fn joined(groups: &BTreeSet<&str>) -> String {
    groups.iter().copied().collect::<Vec<_>>().join("\u{1f}")
}
