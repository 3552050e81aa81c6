//! Ownership: the rules and what each claims, how much of the spend has an owner and how
//! sure that is, and what no rule claims.

use chrono::NaiveDate;
use duckdb::types::Value;
use model::{Amount, Basis, Currency};

use super::{Mart, MartError};

/// Which days and currency are asked for, on which basis; unset fields match all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnershipQuery {
    /// Which of the four costs.
    pub basis: Basis,
    /// First UTC day inside.
    pub from: Option<NaiveDate>,
    /// First UTC day outside.
    pub to: Option<NaiveDate>,
    /// One currency only.
    pub currency: Option<Currency>,
}

/// One ownership rule and what it claims.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleClaim {
    /// How explain names it: `owner_rule 2: tag team=growth`.
    pub rule: String,
    /// Team it gives to.
    pub team: String,
    /// Whether the configuration lists that team.
    pub is_listed: bool,
    /// tag, owner, workflow, user, table, cluster, resource or account.
    pub kind: String,
    /// First UTC day it holds, where it does not always.
    pub from: Option<NaiveDate>,
    /// First UTC day it no longer holds.
    pub to: Option<NaiveDate>,
    /// What it claimed; nothing where it claimed nothing.
    pub claimed: Option<(Currency, Amount)>,
}

/// What one team was given on one day by one kind of fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CoverageRow {
    /// UTC day.
    pub day: NaiveDate,
    /// Team; nothing where nobody owns it.
    pub team: Option<String>,
    /// owner, tag, workflow, user, table, resource, cluster, bucket, account or default;
    /// nothing where nobody owns it.
    pub claimed_by: Option<String>,
    /// high, medium, low or none.
    pub confidence: String,
    /// Currency.
    pub currency: Currency,
    /// Cost.
    pub cost: Amount,
}

/// That every rule which names a team has ended, as of a team that was renamed or split up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handover {
    /// First UTC day on which no rule names the team any more.
    pub on: NaiveDate,
    /// Teams whose rules take up, from that rule's last day, what a rule of it matched; with how
    /// many, most first.
    pub to: Vec<(String, i64)>,
}

/// A cost that no rule claims, and the most specific rule that would.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unclaimed {
    /// The default team that owns it meanwhile; nothing where nobody does.
    pub team: Option<String>,
    /// Kind of the rule; nothing where nothing is known that a rule could name.
    pub kind: Option<String>,
    /// Folded key, of a rule on a tag.
    pub tag_key: Option<String>,
    /// What the rule would match.
    pub value: Option<String>,
    /// Currency.
    pub currency: Currency,
    /// Cost.
    pub cost: Amount,
}

impl Unclaimed {
    /// The rule as it would stand in the configuration, the team left to fill in; nothing
    /// where no rule could claim it.
    pub fn rule(&self) -> Option<String> {
        let (kind, value) = (self.kind.as_deref()?, quoted(self.value.as_deref()?));
        let matcher = match &self.tag_key {
            Some(key) => format!("tag = {{ {} = {value} }}", quoted(key)),
            None => format!("{kind} = {value}"),
        };
        Some(format!("[[owner_rule]]\nteam = \"TEAM\"\n{matcher}\n"))
    }
}

/// A basic TOML string.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                quoted.push('\\');
                quoted.push(c);
            }
            c if c.is_control() => quoted.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

impl OwnershipQuery {
    /// The `where` over a table `c`, with its parameters.
    fn conditions(&self, parameters: &mut Vec<Value>) -> String {
        let mut conditions = vec!["true"];
        let mut also = |condition, value: Option<String>| {
            if let Some(value) = value {
                conditions.push(condition);
                parameters.push(Value::Text(value));
            }
        };
        also("c.usage_date >= cast(? as date)", self.from.map(|day| day.to_string()));
        also("c.usage_date < cast(? as date)", self.to.map(|day| day.to_string()));
        also("c.billing_currency = ?", self.currency.map(|currency| currency.to_string()));
        conditions.join(" and ")
    }
}

impl Mart {
    /// Every ownership rule in the order they are tried, with what it claims; one that
    /// claims in several currencies has a row for each.
    ///
    /// # Errors
    /// When the mart cannot be asked.
    pub fn owner_rules(&self, query: &OwnershipQuery) -> Result<Vec<RuleClaim>, MartError> {
        let mut parameters = Vec::new();
        let sql = format!(
            "with claimed as (
                select c.owner_rule, c.billing_currency, sum(c.{}) as cost
                from ownership_coverage c where {} group by c.owner_rule, c.billing_currency
            )
            select r.rule_id, r.team, r.team in (select team from teams), r.kind,
                case when r.valid_from > date '0001-01-01' then cast(r.valid_from as varchar) end,
                case when r.valid_to < date '9999-12-31' then cast(r.valid_to as varchar) end,
                c.billing_currency, cast(c.cost as varchar)
            from stg_owner_rules r
            left join claimed c on c.owner_rule = r.rule_id
            order by r.position, c.billing_currency",
            query.basis.column(),
            query.conditions(&mut parameters),
        );
        self.ask("list the ownership rules of", &sql, parameters, |row| {
            Ok(RuleClaim {
                rule: row.text(0)?,
                team: row.text(1)?,
                is_listed: row.get(2)?,
                kind: row.text(3)?,
                from: row.opt_day(4)?,
                to: row.opt_day(5)?,
                claimed: match row.opt_text(6)? {
                    Some(_) => Some((row.currency(6)?, row.amount(7)?)),
                    None => None,
                },
            })
        })
    }

    /// What each team was given, by day and kind of fact; sums to all costs but shared ones.
    ///
    /// # Errors
    /// When the mart cannot be asked.
    pub fn coverage(&self, query: &OwnershipQuery) -> Result<Vec<CoverageRow>, MartError> {
        let mut parameters = Vec::new();
        let sql = format!(
            "select cast(c.usage_date as varchar), c.team, c.claimed_by, c.confidence, c.billing_currency,
                cast(sum(c.{}) as varchar)
            from ownership_coverage c where {}
            group by c.usage_date, c.team, c.claimed_by, c.confidence, c.billing_currency
            order by c.usage_date, c.team nulls last, c.claimed_by nulls last, c.billing_currency",
            query.basis.column(),
            query.conditions(&mut parameters),
        );
        self.ask("sum the ownership of", &sql, parameters, |row| {
            Ok(CoverageRow {
                day: row.parsed(0, "a day")?,
                team: row.opt_text(1)?,
                claimed_by: row.opt_text(2)?,
                confidence: row.text(3)?,
                currency: row.currency(4)?,
                cost: row.amount(5)?,
            })
        })
    }

    /// Whether all that a team owned was handed over, and to whom; nothing while a rule without
    /// an end names it, or none ever did.
    ///
    /// # Errors
    /// When the mart cannot be asked.
    pub fn handover(&self, team: &str) -> Result<Option<Handover>, MartError> {
        let sql = "with own as (
                select kind, tag_key, coalesce(like_pattern, regex) as pattern, valid_to
                from stg_owner_rules where team = ?
            ),
            ended as (
                select max(valid_to) as day from own having max(valid_to) < date '9999-12-31'
            ),
            heirs as (
                select n.team, count(*) as rules
                from own o
                join stg_owner_rules n
                    on n.kind = o.kind and n.tag_key is not distinct from o.tag_key
                    and coalesce(n.like_pattern, n.regex) = o.pattern and n.valid_from = o.valid_to
                where n.team <> ?
                group by n.team
            )
            select cast(e.day as varchar), h.team, coalesce(h.rules, 0)
            from ended e
            left join heirs h on true
            order by h.rules desc, h.team";
        let named = vec![Value::Text(team.to_owned()), Value::Text(team.to_owned())];
        let rows = self.ask("follow the rules of a team in", sql, named, |row| {
            Ok((row.parsed::<NaiveDate>(0, "a day")?, row.opt_text(1)?, row.int(2)?))
        })?;
        let Some(on) = rows.first().map(|(on, _, _)| *on) else { return Ok(None) };
        let to = rows.into_iter().filter_map(|(_, team, rules)| Some((team?, rules))).collect();
        Ok(Some(Handover { on, to }))
    }

    /// The largest costs that no rule claims, the default team's included, each with the rule
    /// that would claim it.
    ///
    /// # Errors
    /// When the mart cannot be asked.
    pub fn unclaimed(&self, query: &OwnershipQuery, limit: usize) -> Result<Vec<Unclaimed>, MartError> {
        let mut parameters = Vec::new();
        let sql = format!(
            "select c.team, c.kind, c.tag_key, c.value, c.billing_currency, cast(sum(c.{cost}) as varchar)
            from unclaimed_costs c where {}
            group by c.team, c.kind, c.tag_key, c.value, c.billing_currency
            order by abs(sum(c.{cost})) desc, c.kind, c.tag_key, c.value, c.billing_currency, c.team
            limit {limit}",
            query.conditions(&mut parameters),
            cost = query.basis.column(),
        );
        self.ask("find unowned costs in", &sql, parameters, |row| {
            Ok(Unclaimed {
                team: row.opt_text(0)?,
                kind: row.opt_text(1)?,
                tag_key: row.opt_text(2)?,
                value: row.opt_text(3)?,
                currency: row.currency(4)?,
                cost: row.amount(5)?,
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rule_that_would_claim_a_cost_is_valid_toml() {
        let unclaimed = |kind: &str, key: Option<&str>, value: &str| Unclaimed {
            team: None,
            kind: Some(kind.to_owned()),
            tag_key: key.map(str::to_owned),
            value: Some(value.to_owned()),
            currency: Currency::USD,
            cost: Amount::ZERO,
        };
        assert_eq!(
            unclaimed("workflow", None, "a \"b\"\\\n").rule().unwrap(),
            "[[owner_rule]]\nteam = \"TEAM\"\nworkflow = \"a \\\"b\\\"\\\\\\u000A\"\n"
        );
        assert_eq!(
            unclaimed("tag", Some("team"), "growth").rule().unwrap(),
            "[[owner_rule]]\nteam = \"TEAM\"\ntag = { \"team\" = \"growth\" }\n"
        );
        assert_eq!(Unclaimed { kind: None, ..unclaimed("", None, "x") }.rule(), None);
    }
}
