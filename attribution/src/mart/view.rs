//! Views: to whom idle and shared costs are charged. Each is computed over everything and
//! then filtered, so that a filter never inflates what is left, and sums to the same whole.

use std::fmt;
use std::str::FromStr;

use duckdb::types::Value;
use model::{Amount, Category, Currency};

use super::costs::conditions;
use super::{CostQuery, Mart, MartError};

/// To whom the capacity nobody used is charged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Idle {
    /// To no team: it stands for itself.
    Keep,
    /// To the owner of its cluster.
    #[default]
    Owner,
    /// To what used the cluster that day, by usage cost; to its owner where nothing did.
    Proportional,
}

/// To whom taxes, support, credits and unused commitments are charged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Shared {
    /// To no team: they stand for themselves.
    #[default]
    Keep,
    /// To all teams that have no sub-teams, alike.
    Even,
    /// To teams by their direct, usage and storage cost of the day.
    Proportional,
    /// To teams by the percentages of the configuration.
    Fixed,
}

impl Idle {
    /// All, in the order they are offered.
    pub const ALL: [Self; 3] = [Self::Keep, Self::Owner, Self::Proportional];

    /// The word of options and URLs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Owner => "owner",
            Self::Proportional => "proportional",
        }
    }
}

impl Shared {
    /// All, in the order they are offered.
    pub const ALL: [Self; 4] = [Self::Keep, Self::Even, Self::Proportional, Self::Fixed];

    /// The word of options and URLs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Even => "even",
            Self::Proportional => "proportional",
            Self::Fixed => "fixed",
        }
    }
}

impl fmt::Display for Idle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Idle {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|idle| idle.name() == text)
            .ok_or_else(|| format!("`{text}` is no view of idle costs: use keep, owner or proportional"))
    }
}

impl FromStr for Shared {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|shared| shared.name() == text).ok_or_else(|| {
            format!("`{text}` is no view of shared costs: use keep, even, proportional or fixed")
        })
    }
}

/// How costs are looked at. The default is what atoms say: idle to the cluster's owner,
/// shared to nobody.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct View {
    /// To whom idle costs are charged.
    pub idle: Idle,
    /// To whom shared costs are charged.
    pub shared: Shared,
}

impl View {
    /// What takes the place of `daily_costs` under this view.
    pub(super) fn costs(self) -> String {
        let mut source = self.kept("daily_costs");
        for spread in self.spreads() {
            source.push_str(&format!(" union all by name select * from {spread}"));
        }
        if source == "daily_costs" { source } else { format!("({source})") }
    }

    /// Rows of a table (`daily_costs` or `atoms`) that this view does not spread.
    fn kept(self, table: &str) -> String {
        let mut spread = Vec::new();
        if self.idle == Idle::Proportional {
            spread.push(Category::Idle);
        }
        if self.shared != Shared::Keep {
            spread.push(Category::Shared);
        }
        if spread.is_empty() && self.idle != Idle::Keep {
            return table.to_owned();
        }
        let columns = match self.idle {
            Idle::Keep => "* replace (case when category = 'idle' then null else team end as team)",
            Idle::Owner | Idle::Proportional => "*",
        };
        let conditions: Vec<_> =
            spread.iter().map(|category| format!("category <> '{}'", category.name())).collect();
        let condition = if conditions.is_empty() { "true".into() } else { conditions.join(" and ") };
        format!("select {columns} from {table} where {condition}")
    }

    /// The atoms that this view does not spread.
    pub(super) fn atoms(self) -> String {
        let kept = self.kept("atoms");
        if kept == "atoms" { kept } else { format!("({kept})") }
    }

    /// What this view spreads, as relations with the columns of `daily_costs` and of a part.
    fn spreads(self) -> Vec<String> {
        let mut spreads = Vec::new();
        if self.idle == Idle::Proportional {
            spreads.push("(select 'proportional' as spread, * from idle_spread)".to_owned());
        }
        if self.shared != Shared::Keep {
            spreads.push(format!("(select * from shared_spread where spread = '{}')", self.shared));
        }
        spreads
    }
}

/// One part of a spread idle or shared cost. The atoms of the whole are found by the same
/// day, service, cluster and category in the default view.
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

impl Mart {
    /// The parts of a filtered figure that its view spreads, largest first; with those of
    /// [`Mart::explain`] they sum to it exactly. Nothing where the view spreads nothing.
    ///
    /// # Errors
    /// When the mart cannot be asked.
    pub fn spread_parts(&self, query: &CostQuery) -> Result<Vec<SpreadPart>, MartError> {
        let cost = query.basis.column();
        let mut parts = Vec::new();
        for spread in query.view.spreads() {
            let mut parameters: Vec<Value> = Vec::new();
            let condition = conditions(query, &mut parameters);
            // The whole is summed before the filters leave some of its parts.
            let sql = format!(
                "select strftime(c.usage_date, '%Y-%m-%d'), coalesce(c.service_name, '(none)'), c.pool, c.category,
                    c.method, c.team, c.workload, c.cluster_id, cast(c.whole as varchar), c.weight, c.weight_total,
                    cast(c.{cost} as varchar), c.billing_currency
                from (select *, sum({cost}) over (partition by spread, source_nr) as whole from {spread}) c
                where {condition}"
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
