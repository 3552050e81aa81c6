//! Views: to whom idle and shared costs are charged, and whose costs are by which day's
//! knowledge. Each is computed over everything and then filtered, so that a filter never
//! inflates what is left, and sums to the same whole.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime};
use duckdb::types::Value;
use model::time::Instant;
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

/// Who owns what: by which rules.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Ownership {
    /// By today's rules, on every day.
    #[default]
    Restated,
    /// As the first publish after each day closed recorded it.
    AsWas,
    /// As the last publish until this moment recorded it.
    AsOf(Instant),
}

impl FromStr for Ownership {
    type Err = String;

    /// `restated` or `as-was`; [`as_of`] reads moments.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "restated" => Ok(Self::Restated),
            "as-was" => Ok(Self::AsWas),
            _ => Err(format!("`{text}` is no view of ownership: use restated or as-was")),
        }
    }
}

impl fmt::Display for Ownership {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Restated => f.write_str("restated"),
            Self::AsWas => f.write_str("as-was"),
            Self::AsOf(at) => write!(f, "as of {}", at.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)),
        }
    }
}

/// The moment that ownership is asked as of: an instant, a UTC date and time, or a UTC day,
/// which means its end.
///
/// # Errors
/// When the text is none of them.
pub fn as_of(text: &str) -> Result<Instant, String> {
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Ok(at.to_utc());
    }
    for form in ["%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"] {
        if let Ok(at) = NaiveDateTime::parse_from_str(text, form) {
            return Ok(at.and_utc());
        }
    }
    let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().filter(|_| text.len() == 10);
    let next = day.and_then(|day| day.succ_opt());
    next.map(|next| next.and_time(NaiveTime::MIN).and_utc() - chrono::TimeDelta::microseconds(1)).ok_or_else(
        || format!("`{text}` is no moment: write a UTC day such as 2026-10-31, or 2026-10-31T18:00:00Z"),
    )
}

/// A cost's category and method follow from whether it has a team (see `ownership/atoms.sql`).
const OWNED: &str = "
    select d.* replace (
        h.team as team,
        case
            when d.method = 'storage-unmeasured' and h.team is not null then 'storage'
            when d.category not in ('direct', 'unallocated') and d.method <> 'storage-unmeasured' then d.category
            when h.team is null then 'unallocated'
            else 'direct'
        end as category,
        case
            when d.method = 'direct' and h.team is null then 'unowned'
            when d.method = 'unowned' and h.team is not null then 'direct'
            else d.method
        end as method
    )
    from daily_costs d
    join known h on h.owner_history_id = d.owner_history_id
    union all
    select d.* from daily_costs d where d.owner_history_id is null";

/// How costs are looked at. The default is what atoms say: idle to the cluster's owner,
/// shared to nobody.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct View {
    /// To whom idle costs are charged.
    pub idle: Idle,
    /// To whom shared costs are charged.
    pub shared: Shared,
    /// Whose costs are whose. Spreads of idle and shared costs know today's owners only: see
    /// [`View::fault`].
    pub ownership: Ownership,
}

impl View {
    /// Why these cannot be combined; nothing where they can.
    pub fn fault(self) -> Option<&'static str> {
        let is_spread = self.idle == Idle::Proportional || self.shared != Shared::Keep;
        (is_spread && self.ownership != Ownership::Restated).then_some(
            "idle and shared costs are spread by today's ownership: ask for one of both views at a time",
        )
    }

    /// What takes the place of `daily_costs` under this view, with the parameters it needs.
    pub(super) fn relation(self, parameters: &mut Vec<Value>) -> String {
        let owned = self.owned(parameters);
        let mut source = self.kept(&owned);
        for spread in self.spreads() {
            source.push_str(&format!(" union all by name select * from {spread}"));
        }
        if source == owned { source } else { format!("({source})") }
    }

    /// `daily_costs` with the owners of this view.
    fn owned(self, parameters: &mut Vec<Value>) -> String {
        let known = match self.ownership {
            Ownership::Restated => return "daily_costs".to_owned(),
            Ownership::AsWas => "select owner_history_id, team from owner_history where is_as_was = 1",
            Ownership::AsOf(at) => {
                parameters.push(Value::Text(at.naive_utc().to_string()));
                // Of what was first recorded later, the first record.
                "select owner_history_id, team
                from (
                    select
                        h.*,
                        row_number() over (
                            partition by owner_history_id
                            order by
                                case when recorded_at <= t.at then 0 else 1 end,
                                case when recorded_at <= t.at then -publish_nr else publish_nr end
                        ) as nth
                    from owner_history h
                    cross join (select cast(? as timestamp) as at) t
                ) ranked
                where nth = 1"
            }
        };
        format!("(with known as ({known}) {OWNED})")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_an_instant_a_time_or_the_end_of_a_day() {
        for (text, want) in [
            ("2026-10-31", "2026-10-31T23:59:59.999999Z"),
            ("2026-10-31T18:00", "2026-10-31T18:00:00Z"),
            ("2026-10-31 18:00:01", "2026-10-31T18:00:01Z"),
            ("2026-10-31T18:00:00+02:00", "2026-10-31T16:00:00Z"),
        ] {
            assert_eq!(as_of(text), Ok(want.parse().unwrap()), "{text}");
        }
        for text in ["", "yesterday", "2026-02-30", "2026-2-3", "2026-10-31T25:00"] {
            assert!(as_of(text).is_err(), "{text}");
        }
    }
}
