//! Explain, of what a view spreads: each part with its arithmetic, and the atoms of the whole
//! it is a part of.

use std::collections::{BTreeMap, BTreeSet};

use model::{Amount, Category, Currency};

use super::costs::conditions;
use super::explain::ATOM_COLUMNS;
use super::{CostQuery, ExplainPart, Mart, MartError};

/// One part of a spread idle or shared cost. The atoms of its whole are among
/// [`Mart::spread_wholes`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpreadPart {
    /// UTC day, `2026-10-05`.
    pub day: String,
    /// Billed service.
    pub service: String,
    /// Pool.
    pub pool: String,
    /// What it was before it was spread: idle or shared.
    pub category: Category,
    /// How it was spread.
    pub method: String,
    /// The arithmetic, in this part's numbers.
    pub formula: String,
    /// Team it is charged to.
    pub team: Option<String>,
    /// Workload it is charged to.
    pub workload: Option<String>,
    /// Cluster that stood idle.
    pub cluster_id: Option<String>,
    /// Which whole it is a part of, among those of one answer: `idle-000012`.
    pub whole_id: String,
    /// What was spread.
    pub whole: Amount,
    /// The part's integer weight.
    pub weight: i64,
    /// The whole's.
    pub weight_total: i64,
    /// This part.
    pub cost: Amount,
    /// Currency of both.
    pub currency: Currency,
}

/// Identifies a whole among those of one answer; of one length, so that none begins another.
const WHOLE_ID: &str = "printf('%s-%06d', c.category, c.source_nr)";

/// A spread is a part of a whole that other teams bear too.
const SPREADS: &str =
    "what a view spreads is opened by those who see all teams: idle by owner and shared kept can be opened";

impl Mart {
    /// The parts of a filtered figure that its view spreads, largest first; with those of
    /// [`Mart::explain`] they sum to it exactly. Nothing where the view spreads nothing.
    ///
    /// # Errors
    /// When the mart cannot be asked.
    pub fn spread_parts(&self, query: &CostQuery) -> Result<Vec<SpreadPart>, MartError> {
        let cost = query.basis.column();
        let mut parts = Vec::new();
        for spread in query.spreads() {
            self.whole(SPREADS)?;
            let mut parameters = Vec::new();
            let condition = conditions(query, &mut parameters);
            // The whole, of one day and currency, is summed before the filters leave some of its
            // parts.
            let sql = format!(
                "select strftime(c.usage_date, '%Y-%m-%d'), coalesce(c.service_name, '(none)'), c.pool, c.category,
                    c.method, c.team, c.workload, c.cluster_id, cast(c.whole as varchar), c.weight, c.weight_total,
                    cast(c.{cost} as varchar), c.billing_currency, {WHOLE_ID}
                from (select *, sum({cost}) over (partition by spread, source_nr) as whole from {spread} d where {}) c
                where {condition}",
                query.span("d")
            );
            parts.extend(self.ask("explain", &sql, parameters, |row| {
                let (method, weight, weight_total) = (row.text(4)?, row.int(9)?, row.int(10)?);
                let (whole, cost, currency) = (row.amount(8)?, row.amount(11)?, row.currency(12)?);
                Ok(SpreadPart {
                    day: row.text(0)?,
                    service: row.text(1)?,
                    pool: row.text(2)?,
                    category: row.parsed(3, "a category")?,
                    formula: formula(&method, weight, weight_total, whole, cost, currency),
                    method,
                    team: row.opt_text(5)?,
                    workload: row.opt_text(6)?,
                    cluster_id: row.opt_text(7)?,
                    whole_id: row.text(13)?,
                    whole,
                    weight,
                    weight_total,
                    cost,
                    currency,
                })
            })?);
        }
        parts.sort_by(|a, b| {
            let key = |part: &SpreadPart| {
                (part.day.clone(), part.service.clone(), part.team.clone(), part.workload.clone())
            };
            b.cost.abs().cmp(&a.cost.abs()).then_with(|| key(a).cmp(&key(b)))
        });
        Ok(parts)
    }

    /// The atoms of the wholes that these [`Mart::spread_parts`] of the same question are parts of,
    /// by the whole's id: they sum to the whole exactly.
    ///
    /// # Errors
    /// When the mart cannot be asked.
    pub fn spread_wholes(
        &self,
        query: &CostQuery,
        parts: &[SpreadPart],
    ) -> Result<BTreeMap<String, Vec<ExplainPart>>, MartError> {
        // Their own texts, of letters and digits alone; the days leave most atoms unread.
        let ids: BTreeSet<String> = parts.iter().map(|part| format!("'{}'", part.whole_id)).collect();
        let days = parts.iter().map(|part| part.day.as_str());
        let (Some(first), Some(last)) = (days.clone().min(), days.max()) else { return Ok(BTreeMap::new()) };
        let ids = ids.into_iter().collect::<Vec<_>>().join(", ");
        let mut wholes: BTreeMap<String, Vec<ExplainPart>> = BTreeMap::new();
        let cost = query.basis.column();
        for spread in query.spreads() {
            self.whole(SPREADS)?;
            let mut parameters = Vec::new();
            let condition = conditions(query, &mut parameters);
            let sql = format!(
                "with wholes as (
                    select distinct
                        {WHOLE_ID} as whole_id, c.usage_date, c.billing_currency, c.service_name, c.account_id,
                        c.region_id, c.pool, c.category, c.whole_method, c.whole_team, c.cluster_id, c.tag_set_id
                    from {spread} c
                    where {condition} and {WHOLE_ID} in ({ids})
                )
                select {}, w.whole_id
                from wholes w
                join {} c
                    on c.usage_date = w.usage_date and c.billing_currency = w.billing_currency
                    and c.pool = w.pool and c.category = w.category and c.method = w.whole_method
                    and c.service_name is not distinct from w.service_name
                    and c.account_id is not distinct from w.account_id
                    and c.region_id is not distinct from w.region_id
                    and c.team is not distinct from w.whole_team
                    and c.cluster_id is not distinct from w.cluster_id
                    and c.tag_set_id is not distinct from w.tag_set_id
                join charge_groups g on g.group_nr = c.group_nr and g.usage_date = c.usage_date
                where {} and c.category in ('idle', 'shared')
                    and c.usage_date between date '{first}' and date '{last}'
                order by w.whole_id, abs(c.{cost}) desc, c.bucket_start, c.charge_group_id",
                ATOM_COLUMNS.replace("{cost}", cost),
                query.owned_atoms(),
                query.span("c"),
            );
            for (id, part) in self.ask("explain", &sql, parameters, |row| {
                Ok((row.text(ExplainPart::COLUMNS)?, ExplainPart::read(row)?))
            })? {
                wholes.entry(id).or_default().push(part);
            }
        }
        Ok(wholes)
    }
}

/// A spread's arithmetic in words, with this part's numbers.
fn formula(method: &str, weight: i64, total: i64, whole: Amount, cost: Amount, currency: Currency) -> String {
    let share = format!("{whole} {currency} x {weight} / {total} = {cost} {currency}");
    match method {
        "idle-proportional" => {
            format!("idle cost of the cluster and day x share of its usage cost that day: {share}")
        }
        "shared-even" => format!("shared cost of the day x one of as many teams: {share}"),
        "shared-proportional" => {
            format!("shared cost of the day x share of all teams' own cost that day: {share}")
        }
        "shared-fixed" => format!("shared cost of the day x share by the configuration: {share}"),
        _ if total > weight => {
            format!("the rest of the shared cost of the day, which no team bears: {share}")
        }
        _ => format!("nothing to spread it over that day: the whole {whole} {currency}"),
    }
}
