//! What a month will have cost at its end, from days that are over.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use model::Amount;

pub use crate::budget::DAYS_BEFORE;
use crate::budget::{month_of, next_month, usual};
use crate::watch::ClosedDays;

/// A month of which some days are over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forecast {
    /// Its first day.
    pub month: NaiveDate,
    /// The first day of it that is not over; the next month's first where all are.
    pub end: NaiveDate,
    /// What the days that are over cost.
    pub spent: Amount,
    /// What all days will have cost.
    pub expected: Amount,
}

impl Forecast {
    /// First day of the next month.
    pub fn month_end(&self) -> NaiveDate {
        next_month(self.month)
    }
}

/// The forecast of the month that the last closed day is in: closed days as they are, and for
/// each that is left the median of the last four such weekdays. A day without costs cost
/// nothing. Nothing where one that is left has no such weekday before it.
pub fn month_end(costs: &BTreeMap<NaiveDate, Amount>, closed: ClosedDays) -> Option<Forecast> {
    let ClosedDays { first, end } = closed;
    let month = month_of(end.pred_opt().filter(|last| *last >= first)?);
    let cost = |day: NaiveDate| costs.get(&day).copied().unwrap_or_default();
    let spent = month.max(first).iter_days().take_while(|day| *day < end).map(cost).sum();
    let mut expected = spent;
    for day in end.iter_days().take_while(|day| *day < next_month(month)) {
        expected += usual(day, closed, &cost)?;
    }
    Some(Forecast { month, end, spent, expected })
}

#[cfg(test)]
mod tests {
    use chrono::Datelike;

    use super::*;

    fn closed(first: &str, end: &str) -> ClosedDays {
        ClosedDays { first: day(first), end: day(end) }
    }

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    /// Every day costs 10, every Saturday and Sunday 2.
    fn weekly(first: &str, end: &str) -> BTreeMap<NaiveDate, Amount> {
        let cost = |day: NaiveDate| if day.weekday().num_days_from_monday() >= 5 { 2 } else { 10 };
        let days = day(first).iter_days().take_while(|at| *at < day(end));
        days.map(|at| (at, Amount::whole(cost(at)))).collect()
    }

    #[test]
    fn what_is_left_costs_what_its_weekdays_did() {
        let costs = weekly("2026-10-01", "2026-11-21");
        let forecast = month_end(&costs, closed("2026-10-01", "2026-11-21")).unwrap();
        // 1 to 20 November 2026: Sunday the 1st, then five weekends' days 1, 7, 8, 14, 15: 15 x 10 + 5 x 2.
        assert_eq!(forecast.spent, Amount::whole(160));
        // 21 to 30: weekends 21, 22, 28, 29, six working days.
        assert_eq!(forecast.expected, Amount::whole(160 + 6 * 10 + 4 * 2));
        assert_eq!((forecast.month, forecast.month_end()), (day("2026-11-01"), day("2026-12-01")));
    }

    #[test]
    fn one_dear_day_does_not_move_it() {
        let mut costs = weekly("2026-10-01", "2026-11-21");
        costs.insert(day("2026-10-28"), Amount::whole(900));
        let forecast = month_end(&costs, closed("2026-10-01", "2026-11-21")).unwrap();
        assert_eq!(forecast.expected, Amount::whole(228), "a Wednesday: the median of 900, 10, 10 and 10");
    }

    #[test]
    fn a_month_that_is_over_is_what_it_cost_and_a_week_of_days_is_needed() {
        let costs = weekly("2026-10-01", "2026-11-01");
        let forecast = month_end(&costs, closed("2026-10-01", "2026-11-01")).unwrap();
        assert_eq!((forecast.spent, forecast.end), (forecast.expected, forecast.month_end()));
        assert_eq!(month_end(&costs, closed("2026-10-01", "2026-10-05")), None, "no Monday is over");
        assert_eq!(month_end(&costs, closed("2026-10-01", "2026-10-01")), None);
    }
}
