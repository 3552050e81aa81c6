//! What rules measure, day by day.

mod anomaly;

use std::collections::BTreeMap;

use attribution::mart::{CostQuery, Dimension, Filter, Mart, MartError, NONE, View};
use chrono::{Days, NaiveDate};
use model::time::Instant;
use model::{Amount, Category, Currency};

use super::{Condition, Direction, Measured, Rule, Sharing, Watch, standing};
use crate::budget::{self, Budget, Measure};
use crate::watch::{ClosedDays, Daily, DailyCosts, Scope};
use crate::{format, label};

/// Days of a week.
const WEEK: u64 = 7;

/// What an amount of a reading counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Money.
    Money(Currency),
    /// Per cent.
    Percent,
    /// Hours.
    Hours,
    /// Things.
    Count,
}

impl Unit {
    /// The word of record and payloads: the currency's code, `percent`, `hours`, `count`.
    pub fn name(self) -> String {
        match self {
            Self::Money(currency) => currency.to_string(),
            Self::Percent => "percent".to_owned(),
            Self::Hours => "hours".to_owned(),
            Self::Count => "count".to_owned(),
        }
    }

    /// Reads back what [`Self::name`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "percent" => Some(Self::Percent),
            "hours" => Some(Self::Hours),
            "count" => Some(Self::Count),
            code => code.parse().ok().map(Self::Money),
        }
    }

    /// An amount of it, for people.
    pub fn show(self, amount: Amount) -> String {
        match self {
            Self::Money(currency) => format::money(amount, currency),
            Self::Percent => format!("{}%", amount.rounded(1)),
            Self::Hours => format!("{} h", amount.rounded(0)),
            Self::Count => amount.rounded(0),
        }
    }
}

/// What a rule measured of one thing on one day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// What was measured: a team, a workload, `growth, spent in November 2026`. One of the rule's
    /// alerts has this key.
    pub key: String,
    /// What people call it, where its key is an id.
    pub name: Option<String>,
    /// Whose it is, where that is known.
    pub team: Option<String>,
    /// The closed day judged, or today.
    pub day: NaiveDate,
    /// What was measured.
    pub value: Amount,
    /// What it is held against.
    pub threshold: Amount,
    /// What both count.
    pub unit: Unit,
    /// How far it has come, where a condition has levels; 0 where it has none.
    pub level: u32,
    /// Whether the condition holds.
    pub is_firing: bool,
    /// Why, with its numbers; empty where the condition does not hold.
    pub message: String,
}

impl Reading {
    /// Whether a condition that does not hold is clearly so: what was measured is as far from the
    /// limit as the recovery's per cent of the limit is.
    pub fn is_clear(&self, recovery_percent: u32) -> bool {
        let apart = i64::from(100_u32.saturating_sub(recovery_percent));
        let margin = self.threshold.abs().scaled(apart, 100).unwrap_or_default();
        !self.is_firing && (self.value - self.threshold).abs() >= margin
    }
}

/// Measures a rule: on each of `days`, `[from, to)`, or, where the rule looks at the ledger as
/// it is, now.
///
/// # Errors
/// When the mart cannot be asked.
pub fn measure(
    mart: &Mart,
    watch: &Watch,
    rule: &Rule,
    days: Option<(NaiveDate, NaiveDate)>,
    failed_checks: &[String],
    now: Instant,
) -> Result<Measured, MartError> {
    if rule.condition.is_standing() {
        let readings = standing::readings(mart, rule, failed_checks, now)?;
        return Ok(Measured { days: Vec::new(), readings, is_standing: true });
    }
    let Some((from, to)) = days else { return Ok(Measured::default()) };
    let mut measure = Measuring { mart, watch, rule, from, to, readings: Vec::new() };
    measure.run()?;
    let mut readings = measure.readings;
    readings.sort_by(|a, b| (a.day, &a.key).cmp(&(b.day, &b.key)));
    name_teams(mart, rule, &mut readings)?;
    name_clusters(mart, rule, &mut readings)?;
    let days = from.iter_days().take_while(|day| *day < to).collect();
    Ok(Measured { days, readings, is_standing: false })
}

/// One rule being measured on days.
struct Measuring<'a> {
    mart: &'a Mart,
    watch: &'a Watch,
    rule: &'a Rule,
    from: NaiveDate,
    to: NaiveDate,
    readings: Vec<Reading>,
}

impl Measuring<'_> {
    fn run(&mut self) -> Result<(), MartError> {
        match &self.rule.condition {
            Condition::Budget { names } => self.budgets(names),
            Condition::Absolute { amount, days } => self.absolute(*amount, *days),
            Condition::Change { percent, floor, direction } => self.changes(*percent, *floor, *direction),
            Condition::Anomaly { .. } => self.anomalies(),
            Condition::Share { of, percent, days, floor } => self.shares(*of, *percent, *days, *floor),
            Condition::Failure { amount, days } => self.failures(*amount, *days),
            // They look at the ledger as it is.
            Condition::Waste { .. }
            | Condition::TableFreshness { .. }
            | Condition::SourceStaleness { .. }
            | Condition::FailedCheck => Ok(()),
        }
    }

    /// Currency of the costs; nothing in a ledger without any.
    fn currency(&self) -> Option<Currency> {
        self.rule.currency.or_else(|| self.mart.info().currencies.first().copied())
    }

    fn first(&self) -> NaiveDate {
        self.mart.info().first_day.unwrap_or(self.from)
    }

    fn days(&self) -> impl Iterator<Item = NaiveDate> + use<> {
        let to = self.to;
        self.from.iter_days().take_while(move |day| *day < to)
    }

    /// What is watched by day from `before` days ahead, by what it is called.
    fn watched(&self, before: u64, scope: &Scope) -> Result<BTreeMap<String, Daily>, MartError> {
        let Some(currency) = self.currency() else { return Ok(BTreeMap::new()) };
        let mut costs = DailyCosts::new(self.mart, self.from - Days::new(before), self.to);
        let Some(by) = &self.rule.by else {
            let costs = costs.of(scope, self.rule.basis, currency)?;
            return Ok(BTreeMap::from([(self.rule.scope.to_string(), costs)]));
        };
        let mut watched = costs.by(by, scope, self.rule.basis, currency)?;
        watched.remove(NONE);
        Ok(watched)
    }

    fn read(
        &mut self,
        key: &str,
        day: NaiveDate,
        (value, threshold, unit): (Amount, Amount, Unit),
        why: Option<String>,
    ) {
        let rule = self.rule;
        let team = match &rule.by {
            Some(Dimension::Team) => Some(key.to_owned()),
            _ => rule.scope.team.clone(),
        };
        self.readings.push(Reading {
            key: key.to_owned(),
            name: None,
            team,
            day,
            value,
            threshold,
            unit,
            level: 0,
            is_firing: why.is_some(),
            message: why.unwrap_or_default(),
        });
    }

    fn absolute(&mut self, amount: Amount, days: u32) -> Result<(), MartError> {
        let Some(currency) = self.currency() else { return Ok(()) };
        let money = |amount| format::money(amount, currency);
        for (key, costs) in self.watched(u64::from(days), &self.rule.scope)? {
            for day in self.days() {
                let cost = sum_to(&costs, day, days);
                let why = (cost > amount).then(|| {
                    format!(
                        "{} cost {} {}, more than {}.",
                        label::visible(&key),
                        money(cost),
                        span(day, days),
                        money(amount)
                    )
                });
                self.read(&key, day, (cost, amount, Unit::Money(currency)), why);
            }
        }
        Ok(())
    }

    fn changes(&mut self, percent: u32, floor: Amount, direction: Direction) -> Result<(), MartError> {
        let Some(currency) = self.currency() else { return Ok(()) };
        let money = |amount| format::money(amount, currency);
        let first = self.first();
        for (key, costs) in self.watched(2 * WEEK, &self.rule.scope)? {
            for day in self.days().filter(|day| *day - Days::new(2 * WEEK - 1) >= first) {
                let now = sum_to(&costs, day, 7);
                let before = sum_to(&costs, day - Days::new(WEEK), 7);
                let allowed = before.abs().scaled(i64::from(percent), 100).unwrap_or_default().max(floor);
                let why = is_beyond(now, before, allowed, direction).then(|| {
                    format!(
                        "{} cost {} in the week to {}, after {} in the week before: {}. Told of beyond {percent}% and {}.",
                        label::visible(&key),
                        money(now),
                        format::day(day),
                        money(before),
                        format::change(now, before, currency),
                        money(floor)
                    )
                });
                let threshold = direction.limit(now, before, allowed);
                self.read(&key, day, (now, threshold, Unit::Money(currency)), why);
            }
        }
        Ok(())
    }

    fn shares(&mut self, of: Sharing, percent: u32, days: u32, floor: Amount) -> Result<(), MartError> {
        let Some(currency) = self.currency() else { return Ok(()) };
        let (category, words) = match of {
            Sharing::Idle => (Category::Idle, "was paid for and not used"),
            Sharing::Unallocated => (Category::Unallocated, "has no owner"),
        };
        let mut part = self.rule.scope.clone();
        part.filters.push(Filter { dimension: Dimension::Category, value: category.name().to_owned() });
        let mut parts = self.watched(u64::from(days), &part)?;
        let wholes = self.watched(u64::from(days), &self.rule.scope)?;
        for (key, whole) in wholes {
            let part = parts.remove(&key).unwrap_or_default();
            for day in self.days() {
                let (part, whole) = (sum_to(&part, day, days), sum_to(&whole, day, days));
                let Some(share) = percent_of(part, whole) else { continue };
                let threshold = Amount::whole(i64::from(percent));
                // Of too little nothing is told: what fires ends once it is clearly less than that.
                if share > threshold && part < floor {
                    self.read(&key, day, (part, floor, Unit::Money(currency)), None);
                    continue;
                }
                let why = (share > threshold).then(|| {
                    format!(
                        "{} of what {} cost {} {words}: {} of {}. Told of beyond {percent}%.",
                        format::percent(part, whole).unwrap_or_default(),
                        label::visible(&key),
                        span(day, days),
                        format::money(part, currency),
                        format::money(whole, currency)
                    )
                });
                self.read(&key, day, (share, threshold, Unit::Percent), why);
            }
        }
        Ok(())
    }

    fn failures(&mut self, amount: Amount, days: u32) -> Result<(), MartError> {
        let Some(currency) = self.currency() else { return Ok(()) };
        let money = |amount| format::money(amount, currency);
        for (key, costs) in self.failed(currency, u64::from(days))? {
            for day in self.days() {
                let cost = sum_to(&costs, day, days);
                let why = (cost > amount).then(|| {
                    format!(
                        "Runs of {} that failed or were killed cost {} {}, more than {}.",
                        label::visible(&key),
                        money(cost),
                        span(day, days),
                        money(amount)
                    )
                });
                self.read(&key, day, (cost, amount, Unit::Money(currency)), why);
            }
        }
        Ok(())
    }

    /// What runs cost that failed or were killed, by day from `before` days ahead, by what it is
    /// called.
    fn failed(&self, currency: Currency, before: u64) -> Result<BTreeMap<String, Daily>, MartError> {
        let mut by: Vec<Dimension> = self.rule.by.iter().cloned().collect();
        by.push(Dimension::Day);
        let rows = self.mart.failed_costs(&CostQuery {
            by,
            basis: self.rule.basis,
            from: Some(self.from - Days::new(before)),
            to: Some(self.to),
            currency: Some(currency),
            filters: self.rule.scope.filters(self.mart.info()),
            view: View::default(),
        })?;
        let mut failed: BTreeMap<String, Daily> = BTreeMap::new();
        for mut row in rows {
            let Some(day) = row.keys.pop().and_then(|day| day.parse().ok()) else { continue };
            let key = row.keys.pop().unwrap_or_else(|| self.rule.scope.to_string());
            failed.entry(key).or_default().insert(day, row.cost);
        }
        failed.remove(NONE);
        Ok(failed)
    }

    fn budgets(&mut self, names: &[String]) -> Result<(), MartError> {
        let is_watched = |budget: &&Budget| {
            (names.is_empty() || names.contains(&budget.name))
                && self.rule.scope.team.as_ref().is_none_or(|team| budget.is_of_team(team))
        };
        let budgets: Vec<&Budget> = self.watch.budgets.iter().filter(is_watched).collect();
        let begin = budget::month_of(self.from) - Days::new(budget::DAYS_BEFORE);
        let mut costs = DailyCosts::new(self.mart, begin, self.to);
        for budget in budgets {
            let costs = costs.of(&budget.scope, budget.basis, budget.currency)?;
            for day in self.days() {
                let month = budget::month_of(day);
                let closed = ClosedDays { first: self.first(), end: day + Days::new(1) };
                let state = Some(month).filter(|month| budget.holds_in(*month));
                let Some(state) = state.and_then(|month| budget::state(budget, month, closed, &costs)) else {
                    continue;
                };
                for measure in [Measure::Actual, Measure::Forecast] {
                    self.level(&state, measure, day);
                }
            }
        }
        Ok(())
    }

    fn level(&mut self, state: &budget::BudgetState, measure: Measure, day: NaiveDate) {
        let budget = &state.budget;
        let levels = match measure {
            Measure::Actual => &budget.actual,
            Measure::Forecast => &budget.forecast,
        };
        let (Some(first), Some(value)) = (levels.first(), state.measured(measure)) else { return };
        let reached = state.reached(measure);
        let words = match measure {
            Measure::Actual => "spent",
            Measure::Forecast => "forecast",
        };
        let message = reached.map(|level| {
            format!(
                "{}: {level}% of the budget is {words}. {}",
                label::visible(&budget.name),
                state.sentence()
            )
        });
        self.readings.push(Reading {
            key: format!("{}, {words} in {}", budget.name, state.month.format("%B %Y")),
            name: None,
            team: budget.scope.team.clone(),
            day,
            value,
            threshold: budget.at(reached.unwrap_or(*first)),
            unit: Unit::Money(budget.currency),
            level: reached.unwrap_or_default(),
            is_firing: reached.is_some(),
            message: message.unwrap_or_default(),
        });
    }
}

/// Who owns what fired, where the rule does not say: whoever pays most of it.
fn name_teams(mart: &Mart, rule: &Rule, readings: &mut [Reading]) -> Result<(), MartError> {
    let Some(by) = rule.by.as_ref().filter(|by| **by != Dimension::Team && rule.scope.team.is_none()) else {
        return Ok(());
    };
    let mut known: BTreeMap<String, Option<String>> = BTreeMap::new();
    for reading in readings.iter_mut().filter(|reading| reading.is_firing) {
        if !known.contains_key(&reading.key) {
            let filter = Filter { dimension: by.clone(), value: reading.key.clone() };
            let rows = mart.costs(&CostQuery {
                by: vec![Dimension::Team],
                basis: rule.basis,
                from: Some(reading.day),
                to: reading.day.succ_opt(),
                filters: vec![filter],
                ..CostQuery::default()
            })?;
            let owner =
                rows.into_iter().max_by_key(|row| row.cost).and_then(|row| row.keys.into_iter().next());
            known.insert(reading.key.clone(), owner.filter(|team| team != NONE));
        }
        reading.team = known[&reading.key].clone();
    }
    Ok(())
}

/// Calls clusters by their names too: nobody knows them by their ids.
fn name_clusters(mart: &Mart, rule: &Rule, readings: &mut [Reading]) -> Result<(), MartError> {
    if rule.by != Some(Dimension::Cluster) || !readings.iter().any(|reading| reading.is_firing) {
        return Ok(());
    }
    let clusters = mart.clusters()?;
    let names: BTreeMap<&str, &str> = clusters
        .iter()
        .filter_map(|cluster| Some((cluster.cluster_id.as_str(), cluster.name.as_deref()?)))
        .collect();
    for reading in readings.iter_mut().filter(|reading| reading.is_firing) {
        if let Some(name) = names.get(reading.key.as_str()).filter(|name| **name != reading.key) {
            reading.name = Some((*name).to_owned());
            let (id, name) = (label::visible(&reading.key), label::visible(name));
            reading.message = reading.message.replacen(&id, &format!("{name} ({id})"), 1);
        }
    }
    Ok(())
}

/// Whether a figure is further from another than is allowed, in a direction.
fn is_beyond(now: Amount, from: Amount, allowed: Amount, direction: Direction) -> bool {
    let (up, down) = (now - from > allowed, from - now > allowed);
    match direction {
        Direction::Up => up,
        Direction::Down => down,
        Direction::Both => up || down,
    }
}

/// The cost of the last `days` days up to and with one.
fn sum_to(costs: &Daily, day: NaiveDate, days: u32) -> Amount {
    let from = day - Days::new(u64::from(days.max(1)) - 1);
    costs.range(from..=day).map(|(_, cost)| *cost).sum()
}

/// `on Tue 6 Oct 2026`, `in the 7 days to Tue 6 Oct 2026`.
fn span(day: NaiveDate, days: u32) -> String {
    match days {
        0 | 1 => format!("on {}", format::day(day)),
        days => format!("in the {days} days to {}", format::day(day)),
    }
}

/// A part in per cent of a whole, to twelve decimals; nothing of nothing.
fn percent_of(part: Amount, whole: Amount) -> Option<Amount> {
    // Both as millionths of a unit: costs beyond nine trillion are cut off by `try_from`.
    let of = |amount: Amount| i64::try_from(amount.units() / 1_000_000_000_000).ok();
    Amount::whole(100).scaled(of(part)?, of(whole)?.max(0))
}
