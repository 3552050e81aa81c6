//! What a day usually costs, and how far from it is far: robust, by weekday.
//!
//! - **Usual**: the median of the same weekday in the weeks before.
//! - **Scatter**: the median distance from it, x 1.4826 (which makes it a standard deviation
//!   where costs are normal): of the same weekdays, or of all days of those weeks from their
//!   own weekday's median, whichever is larger. A few alike Tuesdays do not make a third one
//!   with a dollar more an anomaly when other days differ by ten.
//!
//! Medians, because the days looked back at may themselves hold dear days. The weeks are
//! few, so that growth and new prices are soon part of what is usual.
//!
//! What runs now and then has no usual weekday: where most of the same weekdays cost nothing,
//! a day is compared with all days of those weeks that cost something.

use chrono::{Days, NaiveDate};
use model::Amount;

use crate::watch::{Daily, median};

/// Days that must be known for a baseline: with fewer nothing is usual.
pub const LEAST_DAYS: usize = 3;

/// What a day usually costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Baseline {
    /// The median.
    pub usual: Amount,
    /// 1.4826 x the median distance.
    pub scatter: Amount,
    /// Days the median is of.
    pub days: usize,
    /// Whether they are of the same weekday, or all that cost something.
    pub is_of_weekday: bool,
}

impl Baseline {
    /// The baseline of a day from the `weeks` before it, of costs that began on `first`; nothing
    /// where too few days are known.
    pub fn of(costs: &Daily, first: NaiveDate, day: NaiveDate, weeks: u32) -> Option<Self> {
        let cost = |day: NaiveDate| costs.get(&day).copied().unwrap_or_default();
        let before = |day: NaiveDate| -> Vec<Amount> {
            let weeks = (1..=u64::from(weeks)).map(|nth| day - Days::new(7 * nth));
            weeks.filter(|day| *day >= first).map(cost).collect()
        };
        let same = before(day);
        let usual = median(same.iter().copied())?;
        if same.len() < LEAST_DAYS || usual <= Amount::ZERO {
            return Self::of_any_day(costs, day, weeks);
        }
        let of_weekday = distance(&same, usual)?;
        // The other six weekdays of the weeks before, each from its own median.
        let others = (1..7).flat_map(|shift| {
            let of = before(day + Days::new(shift));
            let middle = median(of.iter().copied()).unwrap_or_default();
            of.into_iter().map(move |cost| (cost - middle).abs()).collect::<Vec<_>>()
        });
        let all = median(same.iter().map(|cost| (*cost - usual).abs()).chain(others))?;
        let scatter = scaled_to_deviation(of_weekday.max(all))?;
        Some(Self { usual, scatter, days: same.len(), is_of_weekday: true })
    }

    fn of_any_day(costs: &Daily, day: NaiveDate, weeks: u32) -> Option<Self> {
        let from = day - Days::new(7 * u64::from(weeks));
        let known: Vec<Amount> =
            costs.range(from..day).map(|(_, cost)| *cost).filter(|cost| *cost > Amount::ZERO).collect();
        if known.len() < LEAST_DAYS {
            return None;
        }
        let usual = median(known.iter().copied())?;
        let scatter = scaled_to_deviation(distance(&known, usual)?)?;
        Some(Self { usual, scatter, days: known.len(), is_of_weekday: false })
    }

    /// How far a day may be from the usual: so many times the scatter, at least a per cent of
    /// the usual, and at least `floor`.
    pub fn allowed(&self, deviations: u32, percent: u32, floor: Amount) -> Amount {
        let of = |part: Amount, times: u32, over: i64| part.scaled(i64::from(times), over).unwrap_or(part);
        of(self.scatter, deviations, 1).max(of(self.usual, percent, 100)).max(floor)
    }
}

/// The median distance of amounts from one.
fn distance(amounts: &[Amount], from: Amount) -> Option<Amount> {
    median(amounts.iter().map(|amount| (*amount - from).abs()))
}

fn scaled_to_deviation(distance: Amount) -> Option<Amount> {
    distance.scaled(14_826, 10_000)
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

    #[test]
    fn a_weekday_is_compared_with_its_own_median_and_the_wider_scatter() {
        // Tuesdays 10, 12, 11, 90; the other days are 5 and once 9.
        let mut values = vec![5; 28];
        for (week, value) in [10, 12, 11, 90].into_iter().enumerate() {
            values[7 * week] = value;
        }
        values[3] = 9;
        let found = Baseline::of(&costs(&values), day("2026-09-01"), day("2026-09-29"), 4).unwrap();
        // Sorted 10, 11, 12, 90: the median is 11.5, distances 0.5, 0.5, 1.5, 78.5: their median 1.
        assert_eq!(found.usual, "11.5".parse().unwrap());
        assert_eq!(found.scatter, "1.4826".parse().unwrap());
        assert_eq!((found.days, found.is_of_weekday), (4, true));
        // 6 x 1.4826 = 8.8956; 100% of the usual is more, and a floor of 20 more still.
        let allowed = |percent, floor: i64| found.allowed(6, percent, Amount::whole(floor)).to_string();
        assert_eq!([allowed(10, 1), allowed(100, 1), allowed(100, 20)], ["8.8956", "11.5", "20"]);
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
        assert_eq!(found.scatter, "2.9652".parse().unwrap());
    }

    #[test]
    fn what_runs_now_and_then_is_compared_with_its_own_days() {
        let mut values = vec![0; 28];
        (values[2], values[11], values[20]) = (30, 40, 50);
        let now_and_then = costs(&values);
        let found = Baseline::of(&now_and_then, day("2026-09-01"), day("2026-09-29"), 4).unwrap();
        assert_eq!((found.usual, found.days, found.is_of_weekday), (Amount::whole(40), 3, false));
        // Twice is not often enough to say what is usual.
        values[20] = 0;
        assert_eq!(Baseline::of(&costs(&values), day("2026-09-01"), day("2026-09-29"), 4), None);
    }

    #[test]
    fn nothing_is_usual_in_the_first_weeks() {
        let values = vec![5; 28];
        let known = |day: &str| Baseline::of(&costs(&values), self::day("2026-09-01"), self::day(day), 4);
        // Two Tuesdays and a fortnight of days that cost something: those tell.
        assert!(known("2026-09-15").is_some_and(|found| !found.is_of_weekday));
        assert!(known("2026-09-03").is_none());
        assert!(known("2026-09-22").is_some_and(|found| found.is_of_weekday));
    }
}
