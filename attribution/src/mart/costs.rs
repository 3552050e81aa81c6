//! The cost question: any dimensions, filters and days, on one basis, exactly.

use std::fmt;
use std::str::FromStr;

use chrono::NaiveDate;
use duckdb::types::Value;
use model::{Amount, Basis, Currency};

use super::{Mart, MartError, View};

/// What stands for a missing value: rows without one say so rather than vanish.
pub const NONE: &str = "(none)";

/// Keeps costs of runs that came to nothing. A stream that failed or was stopped had worked until then.
const FAILED: &str = "and exists (
    select 1 from stg_runs r
    where r.engine = c.engine and r.run_id = c.run_id and r.status in ('failed', 'killed') and r.engine <> 'flink'
)";

/// What costs are grouped and filtered by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dimension {
    /// UTC day, `2026-10-05`.
    Day,
    /// The Monday of the UTC week.
    Week,
    /// `2026-10`.
    Month,
    /// Owning team.
    Team,
    /// The team's ancestor at this level of the organisation, 1 being the top; where it lies
    /// above that level, the team itself.
    Org(u32),
    /// `workflow/step`, or the engine's name of what ran.
    Workload,
    /// Engine run.
    Run,
    /// Table written or stored.
    Table,
    /// Cluster.
    Cluster,
    /// Billed service.
    Service,
    /// Sub-account, else billing account.
    Account,
    /// Region.
    Region,
    /// Pool the charge fell into.
    Pool,
    /// One of the six words of the conservation equation.
    Category,
    /// Engine of the run.
    Engine,
    /// How the part was found.
    Method,
    /// What used it where usage rows split a charge: a topic, a query group, a workbook.
    Consumer,
    /// Value of one tag of the charge, by folded key.
    Tag(String),
}

impl Dimension {
    /// Every dimension without a parameter, in the order help shows them.
    pub const PLAIN: [Self; 16] = [
        Self::Day,
        Self::Week,
        Self::Month,
        Self::Team,
        Self::Workload,
        Self::Run,
        Self::Table,
        Self::Cluster,
        Self::Service,
        Self::Account,
        Self::Region,
        Self::Pool,
        Self::Category,
        Self::Engine,
        Self::Method,
        Self::Consumer,
    ];

    /// The word of options, URLs and column heads.
    pub fn name(&self) -> String {
        match self {
            Self::Day => "day".into(),
            Self::Week => "week".into(),
            Self::Month => "month".into(),
            Self::Team => "team".into(),
            Self::Org(1) => "org".into(),
            Self::Org(level) => format!("org:{level}"),
            Self::Workload => "workload".into(),
            Self::Run => "run".into(),
            Self::Table => "table".into(),
            Self::Cluster => "cluster".into(),
            Self::Service => "service".into(),
            Self::Account => "account".into(),
            Self::Region => "region".into(),
            Self::Pool => "pool".into(),
            Self::Category => "category".into(),
            Self::Engine => "engine".into(),
            Self::Method => "method".into(),
            Self::Consumer => "consumer".into(),
            Self::Tag(key) => format!("tag:{key}"),
        }
    }

    /// The SQL that yields its text from `daily_costs c`; a tag's key becomes a parameter.
    pub(super) fn expression(&self, parameters: &mut Vec<Value>) -> String {
        let column = match self {
            Self::Day => return "strftime(c.usage_date, '%Y-%m-%d')".into(),
            Self::Week => return "strftime(date_trunc('week', c.usage_date), '%Y-%m-%d')".into(),
            Self::Month => return "strftime(c.usage_date, '%Y-%m')".into(),
            Self::Tag(key) => {
                parameters.push(Value::Text(model::tags::fold_key(key)));
                return format!(
                    "coalesce((select min(t.value) from stg_tags t where t.tag_set_id = c.tag_set_id and t.key = ?), '{NONE}')"
                );
            }
            Self::Org(level) => {
                return format!(
                    "coalesce((select min(l.ancestor) from team_levels l where l.team = c.team and l.level = {level}), c.team, '{NONE}')"
                );
            }
            Self::Team => "team",
            Self::Workload => "workload",
            Self::Run => "run_id",
            Self::Table => "table_id",
            Self::Cluster => "cluster_id",
            Self::Service => "service_name",
            Self::Account => "account_id",
            Self::Region => "region_id",
            Self::Pool => "pool",
            Self::Category => "category",
            Self::Engine => "engine",
            Self::Method => "method",
            Self::Consumer => "consumer",
        };
        format!("coalesce(c.{column}, '{NONE}')")
    }
}

impl fmt::Display for Dimension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

impl FromStr for Dimension {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(key) = text.strip_prefix("tag:").filter(|key| !key.is_empty()) {
            return Ok(Self::Tag(key.to_owned()));
        }
        if text == "org" {
            return Ok(Self::Org(1));
        }
        if let Some(level) = text.strip_prefix("org:") {
            let level = level.parse::<u32>().ok().filter(|level| (1..=64).contains(level));
            return level
                .map(Self::Org)
                .ok_or_else(|| format!("`{text}` is not a level of the organisation: use org or org:1 for its top, org:2 and so on"));
        }
        Self::PLAIN.into_iter().find(|dimension| dimension.name() == text).ok_or_else(|| {
            let names: Vec<_> = Self::PLAIN.iter().map(Self::name).collect();
            format!("`{text}` is not a dimension: use {}, org, org:LEVEL or tag:NAME", names.join(", "))
        })
    }
}

/// Keeps rows whose dimension has this value; [`NONE`] keeps those without one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Filter {
    /// What is compared.
    pub dimension: Dimension,
    /// With what, exactly.
    pub value: String,
}

impl FromStr for Filter {
    type Err = String;

    /// Reads `dimension=value`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (dimension, value) = text
            .split_once('=')
            .ok_or_else(|| format!("`{text}` is no filter: write DIMENSION=VALUE, such as team=growth"))?;
        Ok(Self { dimension: dimension.trim().parse()?, value: value.to_owned() })
    }
}

/// A question for costs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct CostQuery {
    /// Group by these, in this order; none gives one total a currency.
    pub by: Vec<Dimension>,
    /// Which of the four costs.
    pub basis: Basis,
    /// First UTC day inside.
    pub from: Option<NaiveDate>,
    /// First UTC day outside.
    pub to: Option<NaiveDate>,
    /// One currency only.
    pub currency: Option<Currency>,
    /// All must hold.
    pub filters: Vec<Filter>,
    /// To whom idle and shared costs are charged, and whose costs are whose.
    pub view: View,
}

/// One group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CostRow {
    /// Values in the order of [`CostQuery::by`].
    pub keys: Vec<String>,
    /// Currency of the cost.
    pub currency: Currency,
    /// Exact sum.
    pub cost: Amount,
}

/// The `where` of a cost question over `daily_costs c`, what a view makes of it, or `atoms c`, with its parameters.
pub(super) fn conditions(query: &CostQuery, parameters: &mut Vec<Value>) -> String {
    let mut conditions = vec!["true".to_owned()];
    let mut day = |operator: &str, day: NaiveDate, parameters: &mut Vec<Value>| {
        conditions.push(format!("c.usage_date {operator} cast(? as date)"));
        parameters.push(Value::Text(day.to_string()));
    };
    if let Some(from) = query.from {
        day(">=", from, parameters);
    }
    if let Some(to) = query.to {
        day("<", to, parameters);
    }
    if let Some(currency) = query.currency {
        conditions.push("c.billing_currency = ?".into());
        parameters.push(Value::Text(currency.to_string()));
    }
    for filter in &query.filters {
        let expression = filter.dimension.expression(parameters);
        conditions.push(format!("{expression} = ?"));
        parameters.push(Value::Text(filter.value.clone()));
    }
    conditions.join(" and ")
}

impl Mart {
    /// Answers a cost question: every grouping sums to the whole. Rows are sorted by
    /// their keys, then by currency.
    ///
    /// # Errors
    /// When the mart cannot be asked.
    pub fn costs(&self, query: &CostQuery) -> Result<Vec<CostRow>, MartError> {
        if let Some(rows) = self.remembered_costs(query)? {
            return Ok(rows);
        }
        self.memory.costs(query, || self.sum_costs(query, ""))
    }

    /// What of the costs went to runs that failed or were killed.
    ///
    /// # Errors
    /// When the mart cannot be asked.
    pub fn failed_costs(&self, query: &CostQuery) -> Result<Vec<CostRow>, MartError> {
        self.sum_costs(query, FAILED)
    }

    fn sum_costs(&self, query: &CostQuery, more: &str) -> Result<Vec<CostRow>, MartError> {
        let mut parameters = Vec::new();
        let keys: Vec<String> = query.by.iter().map(|by| by.expression(&mut parameters)).collect();
        let width = keys.len();
        let relation = query.relation(self)?;
        let condition = conditions(query, &mut parameters);
        let of_runs = self.of_named_runs(query)?;
        let ordinals = |n: usize| (1..=n).map(|i| i.to_string()).collect::<Vec<_>>().join(", ");
        let sql = format!(
            "select {}c.billing_currency, cast(sum(c.{}) as varchar) from {relation} c where {condition} and {of_runs} {more} \
             group by {groups} order by {groups}",
            keys.iter().map(|key| format!("{key}, ")).collect::<String>(),
            query.basis.column(),
            groups = ordinals(width + 1),
        );
        self.ask("sum costs of", &sql, parameters, |row| {
            let keys: Result<Vec<_>, _> = (0..width).map(|at| row.text(at)).collect();
            Ok(CostRow { keys: keys?, currency: row.currency(width)?, cost: row.amount(width + 1)? })
        })
    }
}
