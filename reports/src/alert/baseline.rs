//! What a day usually costs, and how far from it is far: robust, by weekday.
//!
//! - **Usual**: the median of the same weekday in the weeks before.
//! - **Scatter**: the median distance from it, x 1.4826 (which makes it a standard deviation
//!   where costs are normal): of the same weekdays, or of all days of those weeks from their
//!   own weekday's median, whichever is larger. A few alike Tuesdays do not make a third one
//!   with a dollar more an anomaly when other days differ by ten.
//! - **Reach**: how far days of those weeks went already, as parts of their own weekday's
//!   median: the second furthest of them, or what the same place at a month's end or beginning
//!   did, whichever is larger. A scatter says nothing of rare days; a workload whose failed
//!   attempts double a day now and then is no news at every one of them. The second, so that
//!   one dear day does not hide the next.
//!
//! Medians, because the days looked back at may themselves hold dear days. The weeks are
//! few, so that growth and new prices are soon part of what is usual.
//!
//! What runs now and then has no usual weekday: where most of the same weekdays cost nothing,
//! or scatter as widely as they cost, a day is compared with all days of those weeks that cost
//! something. Nothing is usual before its fourth week.

use chrono::{Datelike as _, Days, Months, NaiveDate};
use model::Amount;

use crate::watch::{Daily, median};

/// Days that must be known of a weekday.
const LEAST_OF_WEEKDAY: usize = 3;
/// Days that must be known of what runs now and then.
const LEAST_OF_ANY: usize = 5;
/// Days after a first cost on which nothing is usual yet.
const LEAST_AGE: i64 = 21;
/// Days at a month's end, and as many at its beginning, that are compared with each other.
const MONTHS_ENDS: u32 = 2;
/// Times the reach that a day must be beyond, in halves.
const BEYOND_REACH_HALVES: i64 = 3;

/// What a day usually costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Baseline {
    /// The median.
    pub usual: Amount,
    /// 1.4826 x the median distance.
    pub scatter: Amount,
    /// How far above the usual days went already.
    pub reach_above: Amount,
    /// And below.
    pub reach_below: Amount,
    /// Days the median is of.
    pub days: usize,
    /// Whether they are of the same weekday, or all that cost something.
    pub is_of_weekday: bool,
}

/// A day of the weeks before, and the median of its weekday.
struct Before {
    day: NaiveDate,
    cost: Amount,
    middle: Amount,
}

impl Baseline {
    /// The baseline of a day from the `weeks` before it, of costs that began on `first`; nothing
    /// where too few days are known.
    pub fn of(costs: &Daily, first: NaiveDate, day: NaiveDate, weeks: u32) -> Option<Self> {
        if (day - first).num_days() < LEAST_AGE {
            return None;
        }
        let cost = |day: NaiveDate| costs.get(&day).copied().unwrap_or_default();
        let of_weekday = |of: NaiveDate| -> Vec<Before> {
            let days: Vec<NaiveDate> = (1..=u64::from(weeks))
                .map(|nth| of - Days::new(7 * nth))
                .filter(|day| *day >= first)
                .collect();
            let middle = median(days.iter().map(|day| cost(*day))).unwrap_or_default();
            days.into_iter().map(|day| Before { day, cost: cost(day), middle }).collect()
        };
        let same = of_weekday(day);
        let usual = same.first()?.middle;
        let scatter = scatter(&same)?;
        if same.len() < LEAST_OF_WEEKDAY || scatter >= usual {
            return Self::of_any_day(costs, day, weeks);
        }
        let days = same.len();
        let mut all = same;
        // The other six weekdays of the weeks before, each with its own median.
        all.extend((1..7).flat_map(|shift| of_weekday(day + Days::new(shift))));
        let scatter = scatter.max(self::scatter(&all)?);
        Some(Self::with_reach(usual, scatter, &all, day, days, true))
    }

    fn of_any_day(costs: &Daily, day: NaiveDate, weeks: u32) -> Option<Self> {
        let from = day - Days::new(7 * u64::from(weeks));
        let known = costs.range(from..day).filter(|(_, cost)| **cost > Amount::ZERO);
        let known: Vec<(NaiveDate, Amount)> = known.map(|(day, cost)| (*day, *cost)).collect();
        if known.len() < LEAST_OF_ANY {
            return None;
        }
        let usual = median(known.iter().map(|(_, cost)| *cost))?;
        let all: Vec<Before> =
            known.into_iter().map(|(day, cost)| Before { day, cost, middle: usual }).collect();
        Some(Self::with_reach(usual, scatter(&all)?, &all, day, all.len(), false))
    }

    fn with_reach(
        usual: Amount,
        scatter: Amount,
        all: &[Before],
        day: NaiveDate,
        days: usize,
        is_of_weekday: bool,
    ) -> Self {
        let reach = |sign: i64| {
            let apart = |before: &Before| {
                let distance = (before.cost - before.middle).scaled(sign, 1)?.max(Amount::ZERO);
                distance.scaled(millionths(usual)?, millionths(before.middle)?)
            };
            let mut furthest: Vec<Amount> = all.iter().filter_map(apart).collect();
            furthest.sort_unstable_by(|a, b| b.cmp(a));
            let second = furthest.get(1).or(furthest.first()).copied().unwrap_or_default();
            let place = place_in_month(day);
            let alike = all.iter().filter(|before| place.is_some() && place_in_month(before.day) == place);
            alike.filter_map(apart).max().unwrap_or_default().max(second)
        };
        Self { usual, scatter, reach_above: reach(1), reach_below: reach(-1), days, is_of_weekday }
    }

    /// How far a cost may be from the usual: so many times the scatter, half as much again as
    /// days went already, at least a per cent of the usual, and at least `floor`.
    pub fn allowed(&self, cost: Amount, deviations: u32, percent: u32, floor: Amount) -> Amount {
        let of = |part: Amount, times: u32, over: i64| part.scaled(i64::from(times), over).unwrap_or(part);
        of(self.scatter, deviations, 1)
            .max(self.beyond_reach(cost))
            .max(of(self.usual, percent, 100))
            .max(floor)
    }

    /// Half as much again as days went already, on a cost's side of the usual.
    pub fn beyond_reach(&self, cost: Amount) -> Amount {
        let reach = if cost < self.usual { self.reach_below } else { self.reach_above };
        reach.scaled(BEYOND_REACH_HALVES, 2).unwrap_or(reach)
    }
}

/// The median distance from the medians, as a standard deviation.
fn scatter(days: &[Before]) -> Option<Amount> {
    median(days.iter().map(|before| (before.cost - before.middle).abs()))?.scaled(14_826, 10_000)
}

/// An amount in millionths, above zero: what a ratio is taken of. What is beyond nine trillion
/// has none.
fn millionths(amount: Amount) -> Option<i64> {
    i64::try_from(amount.units() / 1_000_000_000_000).ok().filter(|millionths| *millionths > 0)
}

/// Where a day stands at its month's beginning (1, 2) or end (-1, -2); nothing in between.
fn place_in_month(day: NaiveDate) -> Option<i64> {
    let next = day.with_day(1)?.checked_add_months(Months::new(1))?;
    let left = (next - day).num_days();
    match (day.day() <= MONTHS_ENDS, left <= i64::from(MONTHS_ENDS)) {
        (true, _) => Some(i64::from(day.day())),
        (_, true) => Some(-left),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    /// Costs from 2026-09-01, a Tuesday, one a day.
    fn costs(values: &[i64]) -> Daily {
        day("2026-09-01").iter_days().zip(values.iter().map(|value| Amount::whole(*value))).collect()
    }

    fn amount(text: &str) -> Amount {
        text.parse().unwrap()
    }

    #[test]
    fn a_weekday_is_compared_with_its_own_median_the_wider_scatter_and_how_far_days_went() {
        // Tuesdays 10, 12, 11, 90; the other days are 5 and once 9.
        let mut values = vec![5; 28];
        for (week, value) in [10, 12, 11, 90].into_iter().enumerate() {
            values[7 * week] = value;
        }
        values[3] = 9;
        let found = Baseline::of(&costs(&values), day("2026-09-01"), day("2026-09-29"), 4).unwrap();
        // Sorted 10, 11, 12, 90: the median is 11.5, distances 0.5, 0.5, 1.5, 78.5: their median 1.
        assert_eq!((found.usual, found.scatter), (amount("11.5"), amount("1.4826")));
        assert_eq!((found.days, found.is_of_weekday), (4, true));
        // The furthest day was 78.5 above 11.5, the second 4 above 5: four fifths, of 11.5 are 9.2.
        // Below, 10 was furthest, 1.5 of 11.5, then 11.
        assert_eq!((found.reach_above, found.reach_below), (amount("9.2"), amount("0.5")));
        // 1.5 x 9.2 is more than 6 x 1.4826; 200% of the usual is more still, and a floor of 30.
        let allowed = |cost: i64, percent, floor: i64| {
            found.allowed(Amount::whole(cost), 6, percent, Amount::whole(floor)).to_string()
        };
        assert_eq!([allowed(40, 10, 1), allowed(40, 200, 1), allowed(40, 200, 30)], ["13.8", "23", "30"]);
        assert_eq!(allowed(1, 10, 1), "8.8956", "days went less far below");
    }

    #[test]
    fn alike_days_take_the_scatter_of_all_days() {
        // Tuesdays are 10 each; other days swing between 4 and 8 from week to week.
        let values: Vec<i64> = (0..28)
            .map(|nth| {
                if nth % 7 == 0 {
                    10
                } else if (nth / 7) % 2 == 0 {
                    4
                } else {
                    8
                }
            })
            .collect();
        let found = Baseline::of(&costs(&values), day("2026-09-01"), day("2026-09-29"), 4).unwrap();
        // Distances: four of 0, twenty-four of 2: the median is 2.
        assert_eq!(found.scatter, amount("2.9652"));
    }

    #[test]
    fn what_runs_now_and_then_is_compared_with_its_own_days() {
        let mut values = vec![0; 28];
        (values[2], values[6], values[11], values[15], values[20]) = (20, 30, 40, 50, 60);
        let now_and_then = costs(&values);
        let found = Baseline::of(&now_and_then, day("2026-09-01"), day("2026-09-29"), 4).unwrap();
        assert_eq!((found.usual, found.days, found.is_of_weekday), (Amount::whole(40), 5, false));
        assert_eq!((found.reach_above, found.reach_below), (Amount::whole(10), Amount::whole(10)));
        // Weekdays that scatter as widely as they cost are no better: Tuesdays 0, 40, 40, 0.
        (values[7], values[14]) = (40, 40);
        let found = Baseline::of(&costs(&values), day("2026-09-01"), day("2026-09-29"), 4).unwrap();
        assert_eq!((found.usual, found.days, found.is_of_weekday), (Amount::whole(40), 7, false));
        // Four times is not often enough to say what is usual.
        (values[2], values[6], values[7]) = (0, 0, 0);
        assert_eq!(Baseline::of(&costs(&values), day("2026-09-01"), day("2026-09-29"), 4), None);
    }

    #[test]
    fn a_months_end_is_compared_with_the_one_before() {
        // From Tuesday 1 September: 10 a day, 40 on the last of September.
        let mut values = vec![10; 70];
        values[29] = 40;
        let reach = |day: &str| {
            let found = Baseline::of(&costs(&values), self::day("2026-09-01"), self::day(day), 8).unwrap();
            (found.usual, found.reach_above)
        };
        assert_eq!(reach("2026-10-30"), (Amount::whole(10), Amount::ZERO), "one dear day hides nothing");
        assert_eq!(reach("2026-10-31"), (Amount::whole(10), Amount::whole(30)));
    }

    #[test]
    fn nothing_is_usual_in_the_first_weeks() {
        let values = vec![5; 28];
        let known = |day: &str| Baseline::of(&costs(&values), self::day("2026-09-01"), self::day(day), 4);
        assert!(known("2026-09-21").is_none());
        assert!(known("2026-09-22").is_some_and(|found| found.is_of_weekday && found.days == 3));
    }
}
