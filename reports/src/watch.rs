//! What a budget or an alert watches: whose costs, by day, and which days are closed.
//!
//! A day is closed, so that its cost may be judged, when
//!
//! 1. it was over when the mart was published,
//! 2. every bill has usage up to a whole day after it: services bill at different paces, and
//!    the newest day of a delivery is rarely whole;
//! 3. every source of runs has told of something after it. Logs that are late by more than
//!    [`LOGS_WAITED`] days are waited for no longer.
//!
//! Sources that have told nothing new for [`SILENT_DAYS`] days do not count: a bill or an
//! engine that was given up must not hold everything up for ever.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use attribution::mart::{
    BILL_KINDS, CostQuery, Dimension, Filter, Mart, MartError, MartInfo, SourceStatus, View,
};
use chrono::{Days, NaiveDate};
use model::time::Instant;
use model::{Amount, Basis, Currency};

use crate::label;

/// Days that the logs of a day are waited for, counted as the bill goes on.
pub const LOGS_WAITED: u64 = 3;
/// Days without news after which a source counts as given up.
pub const SILENT_DAYS: u64 = 7;
/// Days a bill must go on after a day.
const SETTLED_AFTER: u64 = 1;
/// Kinds of sources that tell of runs as they end. Streams do not: they run on for weeks.
const LOG_KINDS: [&str; 5] = ["spark-event-log", "maestro", "trino-events", "airflow", "openlineage"];

/// Costs by UTC day; days without cost are not in it.
pub type Daily = BTreeMap<NaiveDate, Amount>;

/// Whose costs are watched; nothing set is the whole platform.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Scope {
    /// A team and the teams within it.
    pub team: Option<String>,
    /// All must hold.
    pub filters: Vec<Filter>,
}

impl Scope {
    /// One team's.
    pub fn of_team(team: impl Into<String>) -> Self {
        Self { team: Some(team.into()), filters: Vec::new() }
    }

    /// Whether it is everything.
    pub fn is_platform(&self) -> bool {
        self.team.is_none() && self.filters.is_empty()
    }

    /// The filters that leave its costs.
    pub fn filters(&self, info: &MartInfo) -> Vec<Filter> {
        let team = self.team.iter().map(|team| Filter {
            dimension: match info.sub_teams(team).next() {
                None => Dimension::Team,
                // At its own level a team and all within it have its name.
                Some(_) => Dimension::Org(info.level(team)),
            },
            value: team.clone(),
        });
        team.chain(self.filters.iter().cloned()).collect()
    }
}

impl fmt::Display for Scope {
    /// As the subject of a sentence: `the platform`, `growth`, `growth (service=Amazon S3)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let filters: Vec<String> = self
            .filters
            .iter()
            .map(|filter| label::visible(&format!("{}={}", filter.dimension, filter.value)))
            .collect();
        match (&self.team, filters.is_empty()) {
            (None, true) => f.write_str("the platform"),
            (None, false) => f.write_str(&filters.join(", ")),
            (Some(team), true) => f.write_str(&label::visible(team)),
            (Some(team), false) => write!(f, "{} ({})", label::visible(team), filters.join(", ")),
        }
    }
}

/// The days of a mart that may be judged, `[first, end)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClosedDays {
    /// First day of the ledger.
    pub first: NaiveDate,
    /// First day that is not closed.
    pub end: NaiveDate,
}

/// The closed days of a mart; nothing where there is none.
///
/// # Errors
/// When the mart cannot be asked.
pub fn closed_days(mart: &Mart) -> Result<Option<ClosedDays>, MartError> {
    let info = mart.info();
    let (Some(first), Some(end)) = (info.first_day, info.end_day) else { return Ok(None) };
    let end = closed_end(&mart.sources()?, info.published_at, end);
    Ok(end.filter(|end| *end > first).map(|end| ClosedDays { first, end }))
}

/// The first day that is not closed; nothing where no bill tells how far it has come.
fn closed_end(sources: &[SourceStatus], published_at: Instant, end: NaiveDate) -> Option<NaiveDate> {
    let newest = |source: &SourceStatus| source.newest_data_at.map(|at| at.date_naive());
    let bills: Vec<NaiveDate> = sources
        .iter()
        .filter(|source| BILL_KINDS.contains(&source.kind.as_str()))
        .filter_map(newest)
        .collect();
    let latest = *bills.iter().max()?;
    let going_on = |day: &NaiveDate| *day + Days::new(SILENT_DAYS) >= latest;
    let billed = bills.into_iter().filter(going_on).min()?.min(end).min(published_at.date_naive());
    let settled = billed - Days::new(SETTLED_AFTER);
    let logs = sources.iter().filter(|source| LOG_KINDS.contains(&source.kind.as_str())).filter_map(newest);
    let waited = billed - Days::new(LOGS_WAITED);
    let held = logs.filter(|day| *day + Days::new(SILENT_DAYS) >= settled).min();
    Some(held.map_or(settled, |day| settled.min(day.max(waited))))
}

/// Costs by day of many scopes: alike questions are asked of the mart together.
pub struct DailyCosts<'m> {
    mart: &'m Mart,
    from: NaiveDate,
    to: NaiveDate,
    grouped: HashMap<(Dimension, Basis, Currency), BTreeMap<String, Daily>>,
}

impl<'m> DailyCosts<'m> {
    /// Costs of `[from, to)`.
    pub fn new(mart: &'m Mart, from: NaiveDate, to: NaiveDate) -> Self {
        Self { mart, from, to, grouped: HashMap::new() }
    }

    /// The mart they are of.
    pub fn mart(&self) -> &'m Mart {
        self.mart
    }

    /// A scope's costs by day.
    ///
    /// # Errors
    /// When the mart cannot be asked.
    pub fn of(&mut self, scope: &Scope, basis: Basis, currency: Currency) -> Result<Daily, MartError> {
        let filters = scope.filters(self.mart.info());
        if let [Filter { dimension, value }] = filters.as_slice()
            && is_short(dimension)
        {
            return Ok(self.all(dimension, basis, currency)?.get(value).cloned().unwrap_or_default());
        }
        let rows = self.mart.costs(&self.query(vec![Dimension::Day], filters, basis, currency))?;
        Ok(rows.into_iter().filter_map(|row| Some((row.keys[0].parse().ok()?, row.cost))).collect())
    }

    /// A scope's costs by day for each value of a dimension.
    ///
    /// # Errors
    /// When the mart cannot be asked.
    pub fn by(
        &mut self,
        dimension: &Dimension,
        scope: &Scope,
        basis: Basis,
        currency: Currency,
    ) -> Result<BTreeMap<String, Daily>, MartError> {
        let filters = scope.filters(self.mart.info());
        if filters.is_empty() {
            return Ok(self.all(dimension, basis, currency)?.clone());
        }
        self.ask(dimension, filters, basis, currency)
    }

    fn all(
        &mut self,
        dimension: &Dimension,
        basis: Basis,
        currency: Currency,
    ) -> Result<&BTreeMap<String, Daily>, MartError> {
        let key = (dimension.clone(), basis, currency);
        if !self.grouped.contains_key(&key) {
            let answer = self.ask(dimension, Vec::new(), basis, currency)?;
            self.grouped.insert(key.clone(), answer);
        }
        Ok(&self.grouped[&key])
    }

    fn ask(
        &self,
        dimension: &Dimension,
        filters: Vec<Filter>,
        basis: Basis,
        currency: Currency,
    ) -> Result<BTreeMap<String, Daily>, MartError> {
        let by = vec![dimension.clone(), Dimension::Day];
        let mut answer: BTreeMap<String, Daily> = BTreeMap::new();
        for row in self.mart.costs(&self.query(by, filters, basis, currency))? {
            let Ok(day) = row.keys[1].parse() else { continue };
            answer.entry(row.keys[0].clone()).or_default().insert(day, row.cost);
        }
        Ok(answer)
    }

    fn query(&self, by: Vec<Dimension>, filters: Vec<Filter>, basis: Basis, currency: Currency) -> CostQuery {
        CostQuery {
            by,
            basis,
            from: Some(self.from),
            to: Some(self.to),
            currency: Some(currency),
            filters,
            view: View::default(),
        }
    }
}

/// Whether a dimension has few values, so that all are asked for at once.
fn is_short(dimension: &Dimension) -> bool {
    matches!(
        dimension,
        Dimension::Team
            | Dimension::Org(_)
            | Dimension::Service
            | Dimension::Account
            | Dimension::Region
            | Dimension::Pool
            | Dimension::Category
            | Dimension::Engine
    )
}

/// The median of amounts, exact but for the last of 18 digits; nothing of none.
pub fn median(amounts: impl IntoIterator<Item = Amount>) -> Option<Amount> {
    let mut sorted: Vec<Amount> = amounts.into_iter().collect();
    sorted.sort_unstable();
    let middle = sorted.len() / 2;
    let upper = *sorted.get(middle)?;
    if sorted.len() % 2 == 1 {
        return Some(upper);
    }
    Some(Amount::from_units((sorted[middle - 1] + upper).units() / 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Instant {
        text.parse().unwrap()
    }

    fn source(kind: &str, newest: &str) -> SourceStatus {
        SourceStatus {
            name: kind.into(),
            kind: kind.into(),
            uri: String::new(),
            objects: 1,
            rows: 1,
            totals: Vec::new(),
            checked_at: at("2026-11-01T00:00:00Z"),
            landed_at: None,
            newest_data_at: Some(at(newest)),
            warnings: 0,
            skipped: 0,
        }
    }

    fn closed(sources: &[SourceStatus]) -> Option<String> {
        let end = "2027-01-01".parse().unwrap();
        closed_end(sources, at("2026-11-10T05:00:00Z"), end).map(|day| day.to_string())
    }

    #[test]
    fn a_day_is_closed_once_the_bill_has_gone_on_for_a_day() {
        // Usage to the end of the 7th: the 6th is closed, the 7th is not.
        assert_eq!(closed(&[source("aws-cur2", "2026-11-08T00:00:00Z")]).unwrap(), "2026-11-07");
        assert_eq!(closed(&[source("aws-cur2", "2026-11-07T14:00:00Z")]).unwrap(), "2026-11-06");
        // The slowest bill counts, one that was given up does not.
        let slow = [source("aws-cur2", "2026-11-08T00:00:00Z"), source("aws-cur2", "2026-11-04T00:00:00Z")];
        assert_eq!(closed(&slow).unwrap(), "2026-11-03");
        let gone = [source("aws-cur2", "2026-11-08T00:00:00Z"), source("aws-cur2", "2026-09-04T00:00:00Z")];
        assert_eq!(closed(&gone).unwrap(), "2026-11-07");
        // A month that was billed ahead closes no day that is not over.
        assert_eq!(closed(&[source("aws-cur2", "2026-12-01T00:00:00Z")]).unwrap(), "2026-11-09");
        assert_eq!(closed(&[source("trino-events", "2026-11-08T00:00:00Z")]), None);
    }

    #[test]
    fn late_logs_hold_a_day_open_but_not_for_ever() {
        let bill = || source("aws-cur2", "2026-11-08T00:00:00Z");
        let with = |newest: &str| closed(&[bill(), source("spark-event-log", newest)]).unwrap();
        assert_eq!(with("2026-11-07T23:00:00Z"), "2026-11-07");
        assert_eq!(with("2026-11-06T23:00:00Z"), "2026-11-06");
        assert_eq!(with("2026-11-03T23:00:00Z"), "2026-11-05", "waited for three days of the bill");
        assert_eq!(with("2026-10-01T23:00:00Z"), "2026-11-07", "given up");
        assert_eq!(closed(&[bill(), source("s3-inventory", "2026-11-01T00:00:00Z")]).unwrap(), "2026-11-07");
    }

    #[test]
    fn a_median_is_the_middle_or_the_mean_of_the_two() {
        let of = |values: &[i64]| median(values.iter().map(|value| Amount::whole(*value)));
        assert_eq!(of(&[]), None);
        assert_eq!(of(&[3, 1, 2]), Some(Amount::whole(2)));
        assert_eq!(of(&[4, 1, 2, 100]), Some(Amount::whole(3)));
        assert_eq!(of(&[-2, -1]), Some("-1.5".parse().unwrap()));
    }
}
