//! Whether the figures may be trusted: the balance, the bill's own identity, sources and
//! warnings.

use chrono::NaiveDate;
use duckdb::types::Value;
use model::manifest::{ChargeTotals, Totals};
use model::money::Exact;
use model::time::Instant;
use model::{Amount, Basis, Currency, Warning};

use super::{Mart, MartError};

/// One day, service and currency of the conservation equation, on one basis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BalanceRow {
    /// UTC day.
    pub day: NaiveDate,
    /// Billed service.
    pub service: String,
    /// Currency.
    pub currency: Currency,
    /// From the bill's lines.
    pub charged: Amount,
    /// The charge names its owner.
    pub direct: Amount,
    /// Given to runs.
    pub usage: Amount,
    /// Given to tables or a bucket's owner.
    pub storage: Amount,
    /// Of use to all.
    pub shared: Amount,
    /// Paid and not used.
    pub idle: Amount,
    /// Nobody's yet.
    pub unallocated: Amount,
    /// Charged less the six: exactly 0 in a published mart.
    pub difference: Amount,
}

/// The identity of one billing period: billed = effective + upfront fees - amortised upfront.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityRow {
    /// Source of the bill.
    pub source: String,
    /// Billing month, `2026-10`.
    pub period: String,
    /// Currency.
    pub currency: Currency,
    /// Sum of billed cost.
    pub billed: Amount,
    /// Sum of effective cost.
    pub effective: Amount,
    /// Upfront fees billed.
    pub upfront_fees: Amount,
    /// Upfront fees amortised; nothing where the bill has no such column.
    pub amortised_upfront: Option<Amount>,
    /// What the identity leaves over; nothing where it is not computable.
    pub residual: Option<Amount>,
}

/// One configured source as of the last ingest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceStatus {
    /// Name.
    pub name: String,
    /// Kind.
    pub kind: String,
    /// Location.
    pub uri: String,
    /// Objects read.
    pub objects: i64,
    /// Rows landed, all datasets together.
    pub rows: i64,
    /// Exact totals of the charges it landed.
    pub totals: Vec<(Currency, ChargeTotals)>,
    /// When it was last listed.
    pub checked_at: Instant,
    /// When anything of it was last landed.
    pub landed_at: Option<Instant>,
    /// End of the newest charge, run or collection it holds.
    pub newest_data_at: Option<Instant>,
    /// Warnings noted.
    pub warnings: i64,
    /// Those that left something out.
    pub skipped: i64,
}

impl Mart {
    /// The conservation equation by day, service and currency, on one basis.
    ///
    /// # Errors
    /// When the mart cannot be asked.
    pub fn balance(
        &self,
        basis: Basis,
        from: Option<NaiveDate>,
        to: Option<NaiveDate>,
    ) -> Result<Vec<BalanceRow>, MartError> {
        let sql =
            "select cast(usage_date as varchar), service_name, billing_currency, cast(charged as varchar),
                cast(direct as varchar), cast(usage as varchar), cast(storage as varchar),
                cast(shared as varchar), cast(idle as varchar), cast(unallocated as varchar),
                cast(difference as varchar)
            from daily_balance
            where basis = ? and usage_date >= cast(? as date) and usage_date < cast(? as date)
            order by usage_date, service_name, billing_currency";
        let bound = |day: Option<NaiveDate>, open: &str| {
            Value::Text(day.map_or_else(|| open.to_owned(), |day| day.to_string()))
        };
        let parameters =
            vec![Value::Text(basis.name().into()), bound(from, "0001-01-01"), bound(to, "9999-12-31")];
        self.ask("balance", sql, parameters, |row| {
            Ok(BalanceRow {
                day: row.parsed(0, "a day")?,
                service: row.text(1)?,
                currency: row.currency(2)?,
                charged: row.amount(3)?,
                direct: row.amount(4)?,
                usage: row.amount(5)?,
                storage: row.amount(6)?,
                shared: row.amount(7)?,
                idle: row.amount(8)?,
                unallocated: row.amount(9)?,
                difference: row.amount(10)?,
            })
        })
    }

    /// The bill's own identity, by source, month and currency.
    ///
    /// # Errors
    /// When the mart cannot be asked.
    pub fn identity(&self) -> Result<Vec<IdentityRow>, MartError> {
        let sql = "select source, strftime(billing_period_start, '%Y-%m'), billing_currency,
                cast(billed_cost as varchar), cast(effective_cost as varchar), cast(upfront_fees as varchar),
                cast(amortised_upfront as varchar), cast(residual as varchar)
            from billing_identity order by 1, 2, 3";
        self.ask("check the bill of", sql, Vec::new(), |row| {
            Ok(IdentityRow {
                source: row.text(0)?,
                period: row.text(1)?,
                currency: row.currency(2)?,
                billed: row.amount(3)?,
                effective: row.amount(4)?,
                upfront_fees: row.amount(5)?,
                amortised_upfront: row.opt_amount(6)?,
                residual: row.opt_amount(7)?,
            })
        })
    }

    /// Every source, by name.
    ///
    /// # Errors
    /// When the mart cannot be asked.
    pub fn sources(&self) -> Result<Vec<SourceStatus>, MartError> {
        Ok(self.memory.sources(|| self.read_sources())?.to_vec())
    }

    fn read_sources(&self) -> Result<Vec<SourceStatus>, MartError> {
        let units = self.ask(
            "sum the sources of",
            "select source, billing_currency,
                cast(billed_cost as varchar), billed_residue, cast(effective_cost as varchar), effective_residue,
                cast(list_cost as varchar), list_residue, cast(contracted_cost as varchar), contracted_residue
            from manifest_units",
            Vec::new(),
            |row| {
                let exact = |at| -> Result<Exact, MartError> {
                    Ok(Exact { amount: row.amount(at)?, residue: row.parsed(at + 1, "a residue")? })
                };
                let totals = ChargeTotals {
                    billed: exact(2)?,
                    effective: exact(4)?,
                    list: exact(6)?,
                    contracted: exact(8)?,
                };
                Ok((row.text(0)?, row.currency(1)?, totals))
            },
        )?;
        let sql = "select s.source, s.kind, s.uri, s.objects, s.rows_landed, epoch_us(s.checked_at),
                epoch_us(s.landed_at), epoch_us(least(n.newest_at, s.landed_at)), s.warnings, s.skipped
            from sources s left join source_freshness n on n.source = s.source
            order by s.source";
        self.ask("list the sources of", sql, Vec::new(), |row| {
            let name = row.text(0)?;
            let mut totals = Totals::new();
            for (_, currency, unit) in units.iter().filter(|(source, _, _)| *source == name) {
                totals.entry(*currency).or_default().merge(unit);
            }
            Ok(SourceStatus {
                name,
                kind: row.text(1)?,
                uri: row.text(2)?,
                objects: row.int(3)?,
                rows: row.int(4)?,
                totals: totals.into_iter().collect(),
                checked_at: row.instant(5)?,
                landed_at: row.opt_instant(6)?,
                newest_data_at: row.opt_instant(7)?,
                warnings: row.int(8)?,
                skipped: row.int(9)?,
            })
        })
    }

    /// Everything that was noticed on the way, what left something out first.
    ///
    /// # Errors
    /// When the mart cannot be asked.
    pub fn warnings(&self) -> Result<Vec<Warning>, MartError> {
        let mut warnings = self.noted("select code, object, message, times, skipped from source_warnings")?;
        warnings.extend(self.attribution_warnings()?);
        warnings.sort_by(|a, b| (!a.skipped, &a.code, &a.object).cmp(&(!b.skipped, &b.code, &b.object)));
        Ok(warnings)
    }

    /// What attribution itself noticed.
    ///
    /// # Errors
    /// When the mart cannot be asked.
    pub fn attribution_warnings(&self) -> Result<Vec<Warning>, MartError> {
        self.noted(
            "select code, object, message, times, false from attribution_warnings order by code, object",
        )
    }

    fn noted(&self, sql: &str) -> Result<Vec<Warning>, MartError> {
        self.ask("list the warnings of", sql, Vec::new(), |row| {
            Ok(Warning {
                code: row.text(0)?,
                object: row.text(1)?,
                message: row.text(2)?,
                count: row.int(3)?.unsigned_abs(),
                skipped: row.get(4)?,
            })
        })
    }
}
