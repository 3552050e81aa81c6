//! What tables cost: to store, to produce and to maintain (which add up), and what reading
//! them and what they were made of cost (which do not).

use std::collections::BTreeSet;

use chrono::NaiveDate;
use duckdb::types::Value;
use model::{Amount, Basis, Currency};

use super::{Mart, MartError, NONE};

/// Bytes of a terabyte, by which unit costs are told.
const TERABYTE: i64 = 1_000_000_000_000;

/// Which costs of tables are asked for; unset fields match all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableCostQuery {
    /// One table only.
    pub table: Option<String>,
    /// Which of the four costs.
    pub basis: Basis,
    /// First UTC day inside.
    pub from: Option<NaiveDate>,
    /// First UTC day outside.
    pub to: Option<NaiveDate>,
    /// One currency only.
    pub currency: Option<Currency>,
}

/// What one table cost, in one currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableCost {
    /// Table; one that was only read may be in no catalog.
    pub table_id: String,
    /// Currency of all costs.
    pub currency: Currency,
    /// Its bytes.
    pub storage: Amount,
    /// Runs that wrote it, their cost split over what each wrote.
    pub produce: Amount,
    /// Runs that compacted or rewrote it without changing what it says.
    pub maintain: Amount,
    /// Runs that read it, their cost split over what each read. Not additive.
    pub read: Amount,
    /// What the tables it was made of cost, by bytes read of them. Not additive.
    pub upstream: Amount,
    /// Runs that read it.
    pub reads: i64,
    /// Bytes they read of it, where known.
    pub read_bytes: i64,
    /// Workloads that read it.
    pub consumers: i64,
    /// Live data at the last collection; nothing where it was not collected.
    pub data_bytes: Option<i64>,
}

impl TableCost {
    /// Its part of the bill: storage, produce and maintain.
    pub fn own(&self) -> Amount {
        self.storage + self.produce + self.maintain
    }

    /// Its own cost and what it was made of: what it costs to have it.
    pub fn loaded(&self) -> Amount {
        self.own() + self.upstream
    }

    /// Own cost for each run that read it.
    pub fn per_read(&self) -> Option<Amount> {
        self.own().scaled(1, self.reads)
    }

    /// Own cost for each workload that read it.
    pub fn per_consumer(&self) -> Option<Amount> {
        self.own().scaled(1, self.consumers)
    }

    /// Own cost for each terabyte (10^12 bytes) read of it.
    pub fn per_terabyte_read(&self) -> Option<Amount> {
        self.own().scaled(TERABYTE, self.read_bytes)
    }

    /// Own cost for each terabyte (10^12 bytes) of its live data.
    pub fn per_terabyte_stored(&self) -> Option<Amount> {
        self.own().scaled(TERABYTE, self.data_bytes?)
    }
}

/// One workload that read a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReaderRow {
    /// Workload.
    pub workload: String,
    /// Team of its runs.
    pub team: Option<String>,
    /// Runs that read it.
    pub reads: i64,
    /// Bytes they read of it, where known.
    pub read_bytes: i64,
    /// Their cost, split over what each read.
    pub cost: Amount,
}

/// One neighbour of a table in lineage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineageRow {
    /// The other table; nothing for what read this one and wrote no table.
    pub table_id: Option<String>,
    /// Whether this table was made of it, or it of this one.
    pub is_upstream: bool,
    /// Bytes read of the one to make the other.
    pub bytes: i64,
}

impl TableCostQuery {
    /// Conditions on days, currency and table, with their parameters.
    fn conditions(&self, parameters: &mut Vec<Value>) -> String {
        let mut conditions = vec!["true".to_owned()];
        let mut put = |condition: &str, value: Option<String>| {
            if let Some(value) = value {
                conditions.push(condition.to_owned());
                parameters.push(Value::Text(value));
            }
        };
        put("table_id = ?", self.table.clone());
        put("usage_date >= cast(? as date)", self.from.map(|day| day.to_string()));
        put("usage_date < cast(? as date)", self.to.map(|day| day.to_string()));
        put("billing_currency = ?", self.currency.map(|currency| currency.to_string()));
        conditions.join(" and ")
    }
}

impl Mart {
    /// What tables cost, by their id and currency: each that cost anything or was read.
    ///
    /// # Errors
    /// When the mart cannot be asked.
    pub fn table_costs(&self, query: &TableCostQuery) -> Result<Vec<TableCost>, MartError> {
        let mut parameters = Vec::new();
        let cost = query.basis.column();
        let mut part = |columns: &str, table: &str| {
            let condition = query.conditions(&mut parameters);
            format!(
                "select table_id, billing_currency, {columns} from {table} where {condition}
                group by table_id, billing_currency"
            )
        };
        let own = part(
            &format!(
                "sum(storage_{cost}) as storage, sum(produce_{cost}) as produce, sum(maintain_{cost}) as maintain"
            ),
            "table_costs",
        );
        let reads = part(
            &format!(
                "sum({cost}) as read, cast(sum(reads) as bigint) as reads,
                cast(sum(read_bytes) as bigint) as read_bytes, count(distinct workload) as consumers"
            ),
            "table_reads",
        );
        let upstream = part(&format!("sum({cost}) as upstream"), "table_upstream");
        let amount = |name: &str| format!("cast(coalesce({name}, 0) as varchar)");
        let sql = format!(
            "with own as ({own}), readers as ({reads}), above as ({upstream})
            select table_id, billing_currency, {}, {}, {}, {}, {}, coalesce(reads, 0), coalesce(read_bytes, 0),
                coalesce(consumers, 0), data_bytes
            from own
            full outer join readers using (table_id, billing_currency)
            full outer join above using (table_id, billing_currency)
            left join (select table_id, data_bytes from latest_tables) collected using (table_id)
            order by table_id, billing_currency",
            amount("storage"),
            amount("produce"),
            amount("maintain"),
            amount("read"),
            amount("upstream"),
        );
        self.ask("sum the table costs of", &sql, parameters, |row| {
            Ok(TableCost {
                table_id: row.text(0)?,
                currency: row.currency(1)?,
                storage: row.amount(2)?,
                produce: row.amount(3)?,
                maintain: row.amount(4)?,
                read: row.amount(5)?,
                upstream: row.amount(6)?,
                reads: row.int(7)?,
                read_bytes: row.int(8)?,
                consumers: row.int(9)?,
                data_bytes: row.get(10)?,
            })
        })
    }

    /// The workloads that read a table, by cost.
    ///
    /// # Errors
    /// When the mart cannot be asked.
    pub fn table_readers(&self, query: &TableCostQuery) -> Result<Vec<ReaderRow>, MartError> {
        let mut parameters = Vec::new();
        let condition = query.conditions(&mut parameters);
        let sql = format!(
            "select coalesce(workload, '{NONE}'), team, cast(sum(reads) as bigint), cast(sum(read_bytes) as bigint),
                cast(sum({cost}) as varchar)
            from table_reads where {condition}
            group by workload, team
            order by sum({cost}) desc, 1, 2",
            cost = query.basis.column(),
        );
        self.ask("list the readers in", &sql, parameters, |row| {
            Ok(ReaderRow {
                workload: row.text(0)?,
                team: row.opt_text(1)?,
                reads: row.int(2)?,
                read_bytes: row.int(3)?,
                cost: row.amount(4)?,
            })
        })
    }

    /// The runs that maintained a table: that only rewrote it.
    ///
    /// # Errors
    /// When the mart cannot be asked.
    pub fn table_maintenance(&self, table: &str) -> Result<BTreeSet<String>, MartError> {
        let sql = "select distinct run_id from run_maintenance where table_id = ?";
        let parameters = vec![Value::Text(table.to_owned())];
        let runs = self.ask("list the maintenance in", sql, parameters, |row| row.text(0))?;
        Ok(runs.into_iter().collect())
    }

    /// The tables a table was made of and those made of it, in the months that touch these
    /// days, most bytes first.
    ///
    /// # Errors
    /// When the mart cannot be asked.
    pub fn table_lineage(
        &self,
        table: &str,
        from: NaiveDate,
        to: NaiveDate,
    ) -> Result<Vec<LineageRow>, MartError> {
        let sql = "select other, is_upstream, cast(sum(bytes) as bigint)
            from (
                select from_table as other, true as is_upstream, bytes, month
                from table_flows where to_table = ? and from_table <> to_table
                union all
                select to_table, false, bytes, month
                from table_flows where from_table = ? and from_table is distinct from to_table
            ) flows
            where month >= date_trunc('month', cast(? as date)) and month < cast(? as date)
            group by other, is_upstream
            order by sum(bytes) desc, other nulls last, is_upstream";
        let texts = [table.to_owned(), table.to_owned(), from.to_string(), to.to_string()];
        self.ask("follow the lineage in", sql, texts.map(Value::Text).to_vec(), |row| {
            Ok(LineageRow { table_id: row.opt_text(0)?, is_upstream: row.get(1)?, bytes: row.int(2)? })
        })
    }
}
