//! What is wasted: findings with what they cost, what mending them saves, and the claims that
//! keep two of them from counting the same cost.

use std::fmt;

use chrono::NaiveDate;
use duckdb::types::Value;
use model::{Amount, Currency};

use super::{Mart, MartError};

/// How sure a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Confidence {
    /// A trial, not a promise.
    Low,
    /// Rests on an estimate.
    Medium,
    /// Follows from what is measured.
    High,
}

impl Confidence {
    /// Its word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

impl fmt::Display for Confidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl std::str::FromStr for Confidence {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Low, Self::Medium, Self::High]
            .into_iter()
            .find(|known| known.name() == text)
            .ok_or_else(|| format!("`{text}` is no confidence"))
    }
}

/// One finding.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// Stays the same from mart to mart: detector, subject and currency make it.
    pub id: String,
    /// Detector: `idle-cluster`.
    pub detector: String,
    /// cluster, workload, table, bucket or commitment.
    pub subject_kind: String,
    /// What is wasteful.
    pub subject: String,
    /// Whose it is now.
    pub team: Option<String>,
    /// Currency of its amounts.
    pub currency: Currency,
    /// First UTC day it was seen on.
    pub first_day: NaiveDate,
    /// The day after the last.
    pub end_day: NaiveDate,
    /// It goes on: it was seen within the last days of the data.
    pub is_open: bool,
    /// Large enough to be worth a person's time, and worth more than its fix costs.
    pub is_material: bool,
    /// What it cost from the first to the last day.
    pub observed_cost: Amount,
    /// What mending it saves a month.
    pub gross_saving: Amount,
    /// What the fix costs a month.
    pub fix_cost: Amount,
    /// Gross less fix.
    pub net_saving: Amount,
    /// Of gross, what no finding before it claims: these add up.
    pub claimed_saving: Amount,
    /// The saving lowers the bill (true) or frees capacity that stays paid for.
    pub is_cash: bool,
    /// How sure it is.
    pub confidence: Confidence,
    /// What was measured, by name.
    pub evidence: serde_json::Value,
    /// Guards that held.
    pub guards: Vec<String>,
    /// The exact command or statement that mends it.
    pub action: String,
    /// What it cost day by day, without rounding errors of more than a hundredth of a cent.
    pub series: Vec<(NaiveDate, f64)>,
}

/// Which findings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FindingQuery {
    /// Of this team.
    pub team: Option<String>,
    /// Of this detector.
    pub detector: Option<String>,
    /// Those that are over too.
    pub past: bool,
    /// Those too small to matter too.
    pub immaterial: bool,
}

impl Mart {
    /// Findings, the largest saving a month first.
    ///
    /// # Errors
    /// When the mart cannot be asked.
    pub fn findings(&self, query: &FindingQuery) -> Result<Vec<Finding>, MartError> {
        let is_asked = |finding: &&Finding| {
            query.team.as_ref().is_none_or(|team| finding.team.as_ref() == Some(team))
                && query.detector.as_ref().is_none_or(|detector| finding.detector == *detector)
                && (query.past || finding.is_open)
                && (query.immaterial || finding.is_material)
        };
        Ok(self.all_findings()?.iter().filter(is_asked).cloned().collect())
    }

    /// Every finding, those that are over and those too small to matter too, the largest
    /// saving a month first. A mart never changes, so they are read but once.
    ///
    /// # Errors
    /// When the mart cannot be asked.
    pub fn all_findings(&self) -> Result<&[Finding], MartError> {
        self.memory.findings(|| self.read_findings())
    }

    fn read_findings(&self) -> Result<Vec<Finding>, MartError> {
        let sql = "select finding_id, detector, subject_kind, subject, team, billing_currency,
                cast(window_start as varchar), cast(window_end as varchar), is_open, is_material,
                cast(cast(round(observed_cost, 6) as decimal(38, 6)) as varchar), cast(gross_saving as varchar),
                cast(fix_cost as varchar), cast(net_saving as varchar), cast(claimed_saving as varchar),
                saving_kind = 'cash', confidence, evidence, guards, action, series
            from waste_findings
            order by net_saving desc, detector, subject, billing_currency";
        self.ask("list the waste of", sql, Vec::new(), |row| {
            Ok(Finding {
                id: row.text(0)?,
                detector: row.text(1)?,
                subject_kind: row.text(2)?,
                subject: row.text(3)?,
                team: row.opt_text(4)?,
                currency: row.currency(5)?,
                first_day: row.parsed(6, "a day")?,
                end_day: row.parsed(7, "a day")?,
                is_open: row.get(8)?,
                is_material: row.get(9)?,
                observed_cost: row.amount(10)?,
                gross_saving: row.amount(11)?,
                fix_cost: row.amount(12)?,
                net_saving: row.amount(13)?,
                claimed_saving: row.amount(14)?,
                is_cash: row.get(15)?,
                confidence: row.parsed(16, "a confidence")?,
                evidence: self.json(&row.text(17)?)?,
                guards: self.json(&row.text(18)?)?,
                action: row.text(19)?,
                series: self
                    .json::<Vec<Point>>(&row.text(20)?)?
                    .into_iter()
                    .map(|point| (point.day, point.cost))
                    .collect(),
            })
        })
    }

    /// What a subject cost on each day, by the pots its findings claim from: what the realised
    /// saving of a fix is measured by.
    ///
    /// # Errors
    /// When the mart cannot be asked.
    pub fn subject_days(
        &self,
        subject_kind: &str,
        subject: &str,
        currency: Currency,
    ) -> Result<Vec<(NaiveDate, Amount)>, MartError> {
        let column = match subject_kind {
            "cluster" => "coalesce(k.cluster_name, c.cluster_id)",
            "workload" => "c.workload",
            _ => "c.table_id",
        };
        let sql = format!(
            "select cast(c.usage_date as varchar), cast(sum(c.effective_cost) as varchar)
            from daily_costs c left join cluster_capacity k on k.cluster_id = c.cluster_id
            where {column} = ? and c.billing_currency = ?
            group by c.usage_date order by c.usage_date"
        );
        let parameters = vec![Value::Text(subject.to_owned()), Value::Text(currency.to_string())];
        self.ask("sum the days of a subject of", &sql, parameters, |row| {
            Ok((row.parsed(0, "a day")?, row.amount(1)?))
        })
    }

    fn json<T: serde::de::DeserializeOwned>(&self, text: &str) -> Result<T, MartError> {
        serde_json::from_str(text).map_err(|_| MartError::Value {
            mart: self.info.id.clone(),
            value: text.to_owned(),
            expected: "JSON of a finding",
        })
    }
}

#[derive(serde::Deserialize)]
struct Point {
    day: NaiveDate,
    cost: f64,
}
