//! Answers of any size, for files: read row by row, or written by the engine itself, in
//! memory that does not grow with them.

use std::path::Path;

use duckdb::arrow::array::{Array as _, StringArray};
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
    /// Columns typed as their kinds say.
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

/// The lines and tags that FOCUS columns are found in. A group's lines differ in their prices
/// alone, so that any of them tells what it was.
const FOCUS_JOINS: &str = "
    join charge_groups g on g.charge_group_id = c.charge_group_id
    join (select group_key, min(line_id) as line_id from charge_lines group by group_key) l
        on l.group_key = g.group_key
    join stg_charges s on s.line_id = l.line_id
    left join (
        select tag_set_id, cast(to_json(map(list(key order by key), list(value order by key))) as varchar) as tags
        from (select tag_set_id, key, min(value) as value from stg_tags group by tag_set_id, key)
        group by tag_set_id
    ) t on t.tag_set_id = c.tag_set_id";

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
        Ok(Export { mart: self, columns, sql, parameters })
    }

    /// The atoms of a filtered figure as rows of FOCUS 1.2, with the columns `x_` for what the
    /// bill does not say. All four costs sum to the figure on each basis. What the question
    /// groups by, its basis and what its view spreads are ignored: a spread part is of no line.
    ///
    /// # Errors
    /// As [`Mart::export_costs`].
    pub fn export_focus(&self, query: &CostQuery) -> Result<Export<'_>, MartError> {
        let mut parameters = Vec::new();
        let columns = FOCUS.iter().map(|(_, _, sql)| *sql).collect::<Vec<_>>().join(", ");
        let sql = format!(
            "select {columns} from {} c {FOCUS_JOINS} where {}",
            query.atoms(self)?,
            conditions(query, &mut parameters)
        );
        let named =
            |(name, kind, _): &(&str, ColumnKind, &str)| ExportColumn { name: (*name).into(), kind: *kind };
        Ok(Export { mart: self, columns: FOCUS.iter().map(named).collect(), sql, parameters })
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
        let sql = format!("select {} from ({}) rows({})", texts.join(", "), self.sql, names.join(", "));
        let failed = |cause| self.mart.failed("export", cause);
        let connection = self.mart.connections.take().map_err(failed)?;
        let mut statement = connection.prepare(&sql).map_err(failed)?;
        let batches =
            statement.stream_arrow(duckdb::params_from_iter(self.parameters.clone())).map_err(failed)?;
        for batch in batches {
            let batch = batch.map_err(failed)?;
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
        let sql = format!(
            "copy (select * from ({}) rows({})) to {} (format parquet, compression zstd)",
            filled(&self.sql, &self.parameters),
            named.join(", "),
            literal(&path.display().to_string())
        );
        let failed = |cause| self.mart.failed("export", cause);
        let connection = self.mart.connections.take().map_err(failed)?;
        connection.execute_batch(&sql).map_err(failed)?;
        self.mart.connections.give_back(connection);
        Ok(())
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
