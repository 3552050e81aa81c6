//! Answers of any size, for files: read row by row, or written by the engine itself, in
//! memory that does not grow with them.

use std::path::Path;

use duckdb::Connection;
use duckdb::arrow::array::{Array as _, RecordBatch, StringArray};
use duckdb::types::Value;

use super::costs::conditions;
use super::{CostQuery, Dimension, Mart, MartError};

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnKind {
    /// Words.
    Text,
    /// An exact decimal.
    Decimal,
    /// A UTC day.
    Day,
    /// An instant, written as `2026-10-05T01:00:00Z`.
    Instant,
}

/// A column of an export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportColumn {
    /// Its name.
    pub name: String,
    /// What it holds.
    pub kind: ColumnKind,
}

/// An answer that was asked for, and is not read yet.
pub struct Export<'m> {
    mart: &'m Mart,
    columns: Vec<ExportColumn>,
    /// What is made ready for the statements, and cleared away after them.
    tables: &'static [&'static str],
    prepare: String,
    /// The statements, whose columns are typed as their kinds say: one, or one a day where all
    /// days at once would hold too much in memory.
    parts: Vec<Statement>,
}

/// SQL with its parameters, which are texts.
struct Statement {
    sql: String,
    parameters: Vec<Value>,
}

/// Columns of a FOCUS 1.2 row: name, what it holds, and where that is found: the atom `c`, its
/// charge group `g`, a bill line `s` of the group.
const FOCUS: [(&str, ColumnKind, &str); 36] = [
    ("BilledCost", ColumnKind::Decimal, "c.billed_cost"),
    ("BillingAccountId", ColumnKind::Text, "coalesce(s.billing_account_id, c.account_id)"),
    ("BillingCurrency", ColumnKind::Text, "c.billing_currency"),
    ("BillingPeriodEnd", ColumnKind::Instant, "s.billing_period_end"),
    ("BillingPeriodStart", ColumnKind::Instant, "s.billing_period_start"),
    ("ChargeCategory", ColumnKind::Text, "s.charge_category"),
    ("ChargeClass", ColumnKind::Text, "s.charge_class"),
    ("ChargeDescription", ColumnKind::Text, "s.charge_description"),
    ("ChargeFrequency", ColumnKind::Text, "s.charge_frequency"),
    ("ChargePeriodEnd", ColumnKind::Instant, "c.bucket_start + to_hours(cast(c.bucket_hours as bigint))"),
    ("ChargePeriodStart", ColumnKind::Instant, "c.bucket_start"),
    ("CommitmentDiscountId", ColumnKind::Text, "s.commitment_discount_id"),
    ("CommitmentDiscountStatus", ColumnKind::Text, "s.commitment_discount_status"),
    ("ContractedCost", ColumnKind::Decimal, "c.contracted_cost"),
    ("EffectiveCost", ColumnKind::Decimal, "c.effective_cost"),
    ("InvoiceIssuerName", ColumnKind::Text, "coalesce(s.invoice_issuer_name, s.provider_name)"),
    ("ListCost", ColumnKind::Decimal, "c.list_cost"),
    ("PricingCategory", ColumnKind::Text, "s.pricing_category"),
    ("ProviderName", ColumnKind::Text, "s.provider_name"),
    ("PublisherName", ColumnKind::Text, "coalesce(s.publisher_name, s.provider_name)"),
    ("RegionId", ColumnKind::Text, "c.region_id"),
    ("ResourceId", ColumnKind::Text, "c.resource_id"),
    ("ServiceCategory", ColumnKind::Text, "s.service_category"),
    ("ServiceName", ColumnKind::Text, "c.service_name"),
    ("SubAccountId", ColumnKind::Text, "s.sub_account_id"),
    ("Tags", ColumnKind::Text, "t.tags"),
    ("x_category", ColumnKind::Text, "c.category"),
    ("x_charge_group", ColumnKind::Text, "c.charge_group_id"),
    ("x_cluster", ColumnKind::Text, "c.cluster_id"),
    ("x_consumer", ColumnKind::Text, "c.consumer"),
    ("x_method", ColumnKind::Text, "c.method"),
    ("x_pool", ColumnKind::Text, "c.pool"),
    ("x_run", ColumnKind::Text, "c.run_id"),
    ("x_table", ColumnKind::Text, "c.table_id"),
    ("x_team", ColumnKind::Text, "c.team"),
    ("x_workload", ColumnKind::Text, "c.workload"),
];

/// Where FOCUS columns are found: the group's bill line and the tags.
const FOCUS_JOINS: &str = "
    join (select group_nr, group_key from charge_groups where {span}) g
        on g.group_nr = c.group_nr
    join focus_lines s on s.group_key = g.group_key
    left join focus_tags t on t.tag_set_id = c.tag_set_id";

/// Made once for all days: a bill line a group, and tags as texts. A group's lines differ in
/// their prices alone, so that any of them tells what it was.
const FOCUS_TABLES: [&str; 3] = ["focus_keys", "focus_lines", "focus_tags"];
const FOCUS_PREPARE: &str = "
    create or replace temp table focus_keys as
    select group_key, min(line_id) as line_id from charge_lines
    where group_key in (select group_key from charge_groups where {span})
    group by group_key;
    create or replace temp table focus_lines as
    select k.group_key, s.billing_account_id, s.billing_period_end, s.billing_period_start, s.charge_category,
        s.charge_class, s.charge_description, s.charge_frequency, s.commitment_discount_id,
        s.commitment_discount_status, s.invoice_issuer_name, s.provider_name, s.pricing_category,
        s.publisher_name, s.service_category, s.sub_account_id
    from stg_charges s
    join focus_keys k on k.line_id = s.line_id;
    create or replace temp table focus_tags as
    select tag_set_id, cast(to_json(map(list(key order by key), list(value order by key))) as varchar) as tags
    from (select tag_set_id, key, min(value) as value from stg_tags group by tag_set_id, key)
    group by tag_set_id;";

impl Mart {
    /// Keeps what questions hold in memory to so many mebibytes; beyond that they use the
    /// directory for temporary files. It holds for all of this mart's questions.
    ///
    /// # Errors
    /// When the engine refuses.
    pub fn limit_memory(&self, mebibytes: u32, directory: &Path) -> Result<(), MartError> {
        let directory = literal(&directory.display().to_string());
        let sql = format!(
            "set memory_limit = '{mebibytes}MiB'; set threads = 2; set temp_directory = {directory};
            set preserve_insertion_order = false"
        );
        let failed = |cause| self.failed("limit the memory of", cause);
        let connection = self.connections.take().map_err(failed)?;
        connection.execute_batch(&sql).map_err(failed)?;
        self.connections.give_back(connection);
        Ok(())
    }

    /// The rows of [`Mart::costs`], read as they come: the columns of the question, `currency` and
    /// `cost`.
    ///
    /// # Errors
    /// Where a question cannot be asked within this mart's reach.
    pub fn export_costs(&self, query: &CostQuery) -> Result<Export<'_>, MartError> {
        let mut parameters = Vec::new();
        let mut columns: Vec<ExportColumn> = Vec::new();
        let mut keys = String::new();
        for by in &query.by {
            let expression = by.expression(&mut parameters);
            let (kind, sql) = match by {
                Dimension::Day | Dimension::Week => (ColumnKind::Day, format!("cast({expression} as date)")),
                _ => (ColumnKind::Text, expression),
            };
            keys.push_str(&format!("{sql}, "));
            columns.push(ExportColumn { name: by.name(), kind });
        }
        let width = columns.len() + 1;
        columns.push(ExportColumn { name: "currency".into(), kind: ColumnKind::Text });
        columns.push(ExportColumn { name: "cost".into(), kind: ColumnKind::Decimal });
        let groups = (1..=width).map(|nth| nth.to_string()).collect::<Vec<_>>().join(", ");
        let sql = format!(
            "select {keys}c.billing_currency, cast(sum(c.{}) as decimal(38, 18)) from {} c where {} \
             group by {groups} order by {groups}",
            query.basis.column(),
            query.relation(self)?,
            conditions(query, &mut parameters),
        );
        let parts = vec![Statement { sql, parameters }];
        Ok(Export { mart: self, columns, tables: &[], prepare: String::new(), parts })
    }

    /// The atoms of a filtered figure as rows of FOCUS 1.2, with the columns `x_` for what the
    /// bill does not say. All four costs sum to the figure on each basis. What the question
    /// groups by, its basis and what its view spreads are ignored: a spread part is of no line.
    ///
    /// # Errors
    /// As [`Mart::export_costs`].
    pub fn export_focus(&self, query: &CostQuery) -> Result<Export<'_>, MartError> {
        let named =
            |(name, kind, _): &(&str, ColumnKind, &str)| ExportColumn { name: (*name).into(), kind: *kind };
        let info = self.info();
        let first = query.from.max(info.first_day);
        let end = [query.to, info.end_day].into_iter().flatten().min();
        let mut parts = Vec::new();
        if let (Some(first), Some(end)) = (first, end) {
            for day in first.iter_days().take_while(|day| *day < end) {
                let query = CostQuery { from: Some(day), to: day.succ_opt(), ..query.clone() };
                parts.push(self.focus(&query)?);
            }
        }
        if parts.is_empty() {
            parts.push(self.focus(query)?);
        }
        let columns = FOCUS.iter().map(named).collect();
        let prepare = FOCUS_PREPARE.replace("{span}", &query.span("charge_groups"));
        Ok(Export { mart: self, columns, tables: &FOCUS_TABLES, prepare, parts })
    }

    fn focus(&self, query: &CostQuery) -> Result<Statement, MartError> {
        let mut parameters = Vec::new();
        let columns = FOCUS.iter().map(|(_, _, sql)| *sql).collect::<Vec<_>>().join(", ");
        let sql = format!(
            "select {columns} from {} c {} where {}",
            query.atoms(self)?,
            FOCUS_JOINS.replace("{span}", &query.span("charge_groups")),
            conditions(query, &mut parameters)
        );
        Ok(Statement { sql, parameters })
    }
}

impl Export<'_> {
    /// Its columns.
    pub fn columns(&self) -> &[ExportColumn] {
        &self.columns
    }

    /// Hands each row over as texts: exact decimals without trailing zeros, days, instants.
    ///
    /// # Errors
    /// When the mart cannot be asked, and what `put` gives, which ends it.
    pub fn rows<E: From<MartError>>(
        &self,
        mut put: impl FnMut(&[Option<&str>]) -> Result<(), E>,
    ) -> Result<(), E> {
        let texts: Vec<String> =
            self.columns.iter().enumerate().map(|(nth, column)| text(nth, column.kind)).collect();
        let names: Vec<String> = (0..self.columns.len()).map(|nth| format!("k{nth}")).collect();
        let failed = |cause| self.mart.failed("export", cause);
        self.prepared(|connection| {
            for statement in &self.parts {
                let sql = format!(
                    "select {} from ({}) rows({})",
                    texts.join(", "),
                    statement.sql,
                    names.join(", ")
                );
                let mut prepared = connection.prepare(&sql).map_err(failed)?;
                let parameters = duckdb::params_from_iter(statement.parameters.clone());
                for batch in prepared.stream_arrow(parameters).map_err(failed)? {
                    self.hand_over(&batch.map_err(failed)?, &mut put)?;
                }
            }
            Ok(())
        })
    }

    /// Asks on one connection with what the statements need, which is cleared away after.
    fn prepared<E: From<MartError>>(&self, ask: impl FnOnce(&Connection) -> Result<(), E>) -> Result<(), E> {
        let failed = |cause| self.mart.failed("export", cause);
        let connection = self.mart.connections.take().map_err(failed)?;
        if !self.prepare.is_empty() {
            connection.execute_batch(&self.prepare).map_err(failed)?;
        }
        ask(&connection)?;
        for table in self.tables {
            connection.execute_batch(&format!("drop table {table}")).map_err(failed)?;
        }
        self.mart.connections.give_back(connection);
        Ok(())
    }

    /// The rows of a batch, whose columns are texts.
    fn hand_over<E: From<MartError>>(
        &self,
        batch: &RecordBatch,
        put: &mut impl FnMut(&[Option<&str>]) -> Result<(), E>,
    ) -> Result<(), E> {
        let columns: Option<Vec<&StringArray>> =
            batch.columns().iter().map(|column| column.as_any().downcast_ref()).collect();
        let columns = columns.ok_or_else(|| MartError::Value {
            mart: self.mart.info().id.clone(),
            value: format!("{:?}", batch.schema()),
            expected: "texts",
        })?;
        for at in 0..batch.num_rows() {
            let row: Vec<Option<&str>> =
                columns.iter().map(|column| column.is_valid(at).then(|| column.value(at))).collect();
            put(&row)?;
        }
        Ok(())
    }

    /// Writes the rows as Parquet, typed, with exact decimals; the engine writes the file.
    ///
    /// # Errors
    /// When the mart cannot be asked or the file not be written.
    pub fn parquet(&self, path: &Path) -> Result<(), MartError> {
        let named: Vec<String> =
            self.columns.iter().map(|column| format!("\"{}\"", column.name.replace('"', "\"\""))).collect();
        let failed = |cause| self.mart.failed("export", cause);
        let copy = |connection: &Connection, rows: &str, path: &Path| {
            let path = literal(&path.display().to_string());
            let sql = format!("copy ({rows}) to {path} (format parquet, compression zstd)");
            connection.execute_batch(&sql).map_err(failed)
        };
        let rows = |part: &Statement| {
            format!("select * from ({}) rows({})", filled(&part.sql, &part.parameters), named.join(", "))
        };
        self.prepared(|connection| {
            if let [whole] = self.parts.as_slice() {
                return copy(connection, &rows(whole), path);
            }
            // A file a day, then one of all: row groups are copied one by one.
            let kept = |cause| MartError::Temporary { path: path.to_owned(), cause };
            let directory = tempfile::tempdir_in(path.parent().unwrap_or(Path::new("."))).map_err(kept)?;
            let mut files = Vec::new();
            for (nth, part) in self.parts.iter().enumerate() {
                let file = directory.path().join(format!("{nth:05}.parquet"));
                copy(connection, &rows(part), &file)?;
                files.push(literal(&file.display().to_string()));
            }
            copy(connection, &format!("select * from read_parquet([{}])", files.join(", ")), path)
        })
    }
}

/// A column as text.
fn text(nth: usize, kind: ColumnKind) -> String {
    match kind {
        ColumnKind::Text => format!("k{nth}"),
        ColumnKind::Decimal => format!(
            "case when k{nth} = 0 then '0' else rtrim(rtrim(cast(cast(k{nth} as decimal(38, 18)) as varchar), '0'), '.') end"
        ),
        ColumnKind::Day => format!("strftime(k{nth}, '%Y-%m-%d')"),
        ColumnKind::Instant => format!("strftime(k{nth}, '%Y-%m-%dT%H:%M:%SZ')"),
    }
}

/// A text as SQL.
fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A statement with its parameters, which are texts, in their places: `copy` takes none.
/// Question marks in comments and texts are none.
fn filled(sql: &str, parameters: &[Value]) -> String {
    let mut values = parameters.iter();
    let mut filled = String::with_capacity(sql.len());
    for (nth, line) in sql.lines().enumerate() {
        if nth > 0 {
            filled.push('\n');
        }
        let mut in_text = false;
        let mut rest = line.chars().peekable();
        while let Some(c) = rest.next() {
            match c {
                '-' if !in_text && rest.peek() == Some(&'-') => break,
                '?' if !in_text => match values.next() {
                    Some(Value::Text(value)) => filled.push_str(&literal(value)),
                    _ => filled.push(c),
                },
                c => {
                    in_text ^= c == '\'';
                    filled.push(c);
                }
            }
        }
    }
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_stand_in_their_places_and_end_no_text() {
        let values = ["a'b", "?"].map(|value| Value::Text(value.into()));
        assert_eq!(filled("select ? from t where x = ?", &values), "select 'a''b' from t where x = '?'");
        assert_eq!(filled("-- a?\nselect '?', ? -- b?\n, ?", &values), "\nselect '?', 'a''b' \n, '?'");
        assert_eq!(filled("select 1", &[]), "select 1");
    }
}
