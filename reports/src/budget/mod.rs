//! Budgets: what a month may cost the platform, a team or any filter; what it has cost so far,
//! and what it will have cost.
//!
//! The forecast is what was spent on closed days and, for each day that remains, the median of
//! the last four closed days of the same weekday. Where fewer are known, of those; where none
//! is, there is no forecast. It knows no trend and no event: it says what more of the same
//! comes to.

mod words;

use attribution::mart::{Mart, MartError, MartInfo};
use chrono::{Datelike, Days, Months, NaiveDate};
use model::{Amount, Basis, Currency};
use serde_json::{Value, json};

use crate::format;
use crate::watch::{ClosedDays, Daily, DailyCosts, Scope, closed_days, median};

pub use words::FORECAST_RULE;

/// Days of one weekday that the forecast of the next looks at.
const WEEKDAYS_SEEN: usize = 4;
/// Days before a month that its forecast needs.
pub const DAYS_BEFORE: u64 = 7 * WEEKDAYS_SEEN as u64;

/// A budget as configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Budget {
    /// What it is called.
    pub name: String,
    /// Whose costs it is for.
    pub scope: Scope,
    /// What a month may cost.
    pub amount: Amount,
    /// Currency of the amount, and of the costs that count.
    pub currency: Currency,
    /// Which of the four costs counts.
    pub basis: Basis,
    /// Per cent of the amount worth telling of once they are spent, rising.
    pub actual: Vec<u32>,
    /// Per cent of the amount worth telling of once they are forecast, rising.
    pub forecast: Vec<u32>,
    /// First day of the first month it holds for.
    pub from: Option<NaiveDate>,
    /// First day of the first month it no longer holds for.
    pub to: Option<NaiveDate>,
}

impl Budget {
    /// Whether it holds for the month that begins on this day.
    pub fn holds_in(&self, month: NaiveDate) -> bool {
        self.from.is_none_or(|from| from <= month) && self.to.is_none_or(|to| month < to)
    }

    /// The amount at a per cent of it.
    pub fn at(&self, percent: u32) -> Amount {
        self.amount.scaled(i64::from(percent), 100).unwrap_or(self.amount)
    }

    /// Whether it is the budget of this team, or of a part of what this team costs.
    pub fn is_of_team(&self, team: &str) -> bool {
        self.scope.team.as_deref() == Some(team)
    }
}

/// One day of a month.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BudgetDay {
    /// UTC day.
    pub day: NaiveDate,
    /// What it cost, or will have.
    pub cost: Amount,
    /// Whether it is not closed yet, and the cost what is expected.
    pub is_forecast: bool,
}

/// What a level is measured against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Measure {
    /// What was spent on closed days.
    Actual,
    /// What the month will have cost.
    Forecast,
}

impl Measure {
    /// The word of configuration and exports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Actual => "actual",
            Self::Forecast => "forecast",
        }
    }
}

/// A budget in one month, as of the closed days.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BudgetState {
    /// The budget.
    pub budget: Budget,
    /// First day of the month.
    pub month: NaiveDate,
    /// First day that is not closed, or the next month's first.
    pub end: NaiveDate,
    /// First closed day that the ledger has of the month; later than `month` where it begins
    /// within it.
    pub first: NaiveDate,
    /// Every day from `first` to the month's end; the forecast ones only where all have one.
    pub days: Vec<BudgetDay>,
    /// Spent on closed days.
    pub spent: Amount,
    /// What the month will have cost.
    pub forecast: Option<Amount>,
    /// The day on which the amount is exceeded: closed, it was; later, it is expected to be.
    pub exceeded_on: Option<NaiveDate>,
}

impl BudgetState {
    /// First day of the next month.
    pub fn month_end(&self) -> NaiveDate {
        next_month(self.month)
    }

    /// Days of the month that are closed, and all.
    pub fn progress(&self) -> (i64, i64) {
        ((self.end - self.month).num_days(), (self.month_end() - self.month).num_days())
    }

    /// Whether more than the amount is spent.
    pub fn is_over(&self) -> bool {
        self.spent > self.budget.amount
    }

    /// Whether more than the amount is expected, and not spent yet.
    pub fn is_expected_over(&self) -> bool {
        !self.is_over() && self.forecast.is_some_and(|forecast| forecast > self.budget.amount)
    }

    /// Whether the ledger begins within the month, so that something of it is missing.
    pub fn is_partial(&self) -> bool {
        self.first > self.month
    }

    /// What is left of the amount; negative where it is exceeded.
    pub fn left(&self) -> Amount {
        self.budget.amount - self.spent
    }

    /// Mean cost of a closed day.
    pub fn burn(&self) -> Option<Amount> {
        self.spent.scaled(1, (self.end - self.first).num_days())
    }

    /// What each remaining day may cost; nothing on the month's last day and after.
    pub fn allowance(&self) -> Option<Amount> {
        self.left().scaled(1, (self.month_end() - self.end).num_days())
    }

    /// What is measured, where it is known.
    pub fn measured(&self, measure: Measure) -> Option<Amount> {
        match measure {
            Measure::Actual => Some(self.spent),
            Measure::Forecast => self.forecast,
        }
    }

    /// The highest configured level that is reached, in per cent.
    pub fn reached(&self, measure: Measure) -> Option<u32> {
        let levels = match measure {
            Measure::Actual => &self.budget.actual,
            Measure::Forecast => &self.budget.forecast,
        };
        let measured = self.measured(measure)?;
        levels.iter().copied().filter(|level| measured >= self.budget.at(*level)).max()
    }

    /// As an object: exact decimals as text.
    pub fn json(&self) -> Value {
        let filters = self.budget.scope.filters.iter();
        json!({
            "budget": self.budget.name,
            "team": self.budget.scope.team,
            "where": filters.map(|filter| format!("{}={}", filter.dimension, filter.value)).collect::<Vec<_>>(),
            "month": self.month.format("%Y-%m").to_string(),
            "amount": self.budget.amount,
            "currency": self.budget.currency,
            "basis": self.budget.basis,
            "closed_until": self.end,
            "partial": self.is_partial(),
            "spent": self.spent,
            "spent_percent": percent(self.spent, self.budget.amount),
            "forecast": self.forecast,
            "forecast_percent": self.forecast.and_then(|forecast| percent(forecast, self.budget.amount)),
            "left": self.left(),
            "burn_a_day": self.burn(),
            "allowance_a_day": self.allowance(),
            "exceeded_on": self.exceeded_on,
            "reached_actual_percent": self.reached(Measure::Actual),
            "reached_forecast_percent": self.reached(Measure::Forecast),
            "says": self.sentence(),
        })
    }
}

/// A per cent with two decimals, for programs.
fn percent(part: Amount, whole: Amount) -> Option<f64> {
    (!whole.is_zero()).then(|| (part.to_f64() / whole.to_f64() * 10_000.0).round() / 100.0)
}

/// The first day of a day's month.
pub fn month_of(day: NaiveDate) -> NaiveDate {
    day.with_day(1).unwrap_or(day)
}

pub(crate) fn next_month(month: NaiveDate) -> NaiveDate {
    month.checked_add_months(Months::new(1)).unwrap_or(NaiveDate::MAX)
}

/// The state of budgets in a month, the newest with a closed day unless told otherwise: what
/// is furthest beyond its amount comes first. Budgets that do not hold in it are left out.
///
/// # Errors
/// When the mart cannot be asked.
pub fn states(
    mart: &Mart,
    budgets: &[Budget],
    month: Option<NaiveDate>,
) -> Result<Vec<BudgetState>, MartError> {
    let Some(closed) = closed_days(mart)? else { return Ok(Vec::new()) };
    let month = month.unwrap_or_else(|| month_of(closed.end - Days::new(1)));
    let mut costs = DailyCosts::new(mart, month - Days::new(DAYS_BEFORE), next_month(month));
    let mut states = Vec::new();
    for budget in budgets.iter().filter(|budget| budget.holds_in(month)) {
        let days = costs.of(&budget.scope, budget.basis, budget.currency)?;
        states.extend(state(budget, month, closed, &days));
    }
    furthest_first(&mut states);
    Ok(states)
}

/// Sorts by what of the amount is expected, or spent where nothing is: the largest part first.
pub(crate) fn furthest_first(states: &mut [BudgetState]) {
    let share =
        |state: &BudgetState| state.forecast.unwrap_or(state.spent).to_f64() / state.budget.amount.to_f64();
    states.sort_by(|a, b| {
        share(b).total_cmp(&share(a)).then_with(|| (&a.budget.name, a.month).cmp(&(&b.budget.name, b.month)))
    });
}

/// The budgets that belong on a team's page or in its report: its own, and those of the teams
/// within it.
pub fn of_team<'s>(
    states: &'s [BudgetState],
    info: &'s MartInfo,
    team: &'s str,
) -> impl Iterator<Item = &'s BudgetState> {
    let level = info.level(team);
    states.iter().filter(move |state| {
        state.budget.scope.team.as_deref().is_some_and(|of| info.ancestor(of, level) == team)
    })
}

/// A budget in a month as of the closed days, from costs by day that begin four weeks before
/// the month or with the ledger; nothing where no day of the month is closed.
pub fn state(budget: &Budget, month: NaiveDate, closed: ClosedDays, costs: &Daily) -> Option<BudgetState> {
    let month_end = next_month(month);
    let (first, end) = (closed.first.max(month), closed.end.min(month_end));
    if first >= end {
        return None;
    }
    let cost = |day: NaiveDate| costs.get(&day).copied().unwrap_or_default();
    let mut days: Vec<BudgetDay> = first
        .iter_days()
        .take_while(|day| *day < end)
        .map(|day| BudgetDay { day, cost: cost(day), is_forecast: false })
        .collect();
    let spent: Amount = days.iter().map(|day| day.cost).sum();
    let expected: Option<Vec<BudgetDay>> = end
        .iter_days()
        .take_while(|day| *day < month_end)
        .map(|day| Some(BudgetDay { day, cost: usual(day, closed, &cost)?, is_forecast: true }))
        .collect();
    let forecast = expected.map(|expected| {
        let more: Amount = expected.iter().map(|day| day.cost).sum();
        days.extend(expected);
        spent + more
    });
    let mut sum = Amount::ZERO;
    let exceeded_on = days.iter().find_map(|day| {
        sum += day.cost;
        (sum > budget.amount).then_some(day.day)
    });
    Some(BudgetState { budget: budget.clone(), month, end, first, days, spent, forecast, exceeded_on })
}

/// The median of the last closed days of a day's weekday.
pub(crate) fn usual(
    day: NaiveDate,
    closed: ClosedDays,
    cost: &impl Fn(NaiveDate) -> Amount,
) -> Option<Amount> {
    let weeks = (1..).map(|weeks| day - Days::new(7 * weeks));
    let known = weeks.skip_while(|day| *day >= closed.end).take_while(|day| *day >= closed.first);
    median(known.take(WEEKDAYS_SEEN).map(cost))
}

/// Money of the budget's currency, to the cent.
fn money(budget: &Budget, amount: Amount) -> String {
    format::money(amount, budget.currency)
}

#[cfg(test)]
mod tests;
