//! Days that are far from what is usual.
//!
//! What runs cost that failed or were killed is set apart: attempts that are made again double a
//! workload's day now and then, and neither is that news to whoever watches for failures, nor may it
//! teach the baseline that such days are usual, in which a day of twice the work would be lost. They
//! count where they alone cost more than twice a usual day: that is a storm.

use attribution::mart::MartError;
use chrono::NaiveDate;
use model::{Amount, Currency};

use super::{Measuring, WEEK, is_beyond};
use crate::alert::baseline::Baseline;
use crate::alert::readings::Unit;
use crate::alert::{Condition, Direction};
use crate::watch::Daily;
use crate::{format, label};

/// Times a usual day that failed attempts must cost to be an anomaly by themselves: more than an
/// attempt or two that are made again.
const STORM: i64 = 2;

/// What a rule of this kind says.
#[derive(Clone, Copy)]
struct Limits {
    deviations: u32,
    percent: u32,
    floor: Amount,
    weeks: u32,
    direction: Direction,
}

/// A day, and what it is held against.
struct Judged {
    /// What is judged: what was done, or all where failed attempts are a storm.
    value: Amount,
    /// What of the day failed attempts cost.
    lost: Amount,
    allowed: Amount,
    baseline: Baseline,
    is_firing: bool,
    /// Whether it is failed attempts that fire.
    is_storm: bool,
}

impl Measuring<'_> {
    pub(super) fn anomalies(&mut self) -> Result<(), MartError> {
        let Condition::Anomaly { deviations, percent, floor, weeks, direction } = self.rule.condition else {
            return Ok(());
        };
        let limits = Limits { deviations, percent, floor, weeks, direction };
        let Some(currency) = self.currency() else { return Ok(()) };
        let before = WEEK * u64::from(weeks);
        let mut failed = self.failed(currency, before)?;
        for (key, costs) in self.watched(before, &self.rule.scope)? {
            // Before its first cost it was not there, which is not usual but nothing.
            let Some(began) = costs.keys().next().copied() else { continue };
            let spent = Spent::new(costs, failed.remove(&key).unwrap_or_default());
            for day in self.days() {
                let Some(judged) = judge(&spent, began, day, limits) else { continue };
                let why = judged.is_firing.then(|| unusual(&key, day, &judged, limits, currency));
                let (usual, allowed) = (judged.baseline.usual, judged.allowed);
                let threshold = direction.limit(judged.value, usual, allowed);
                self.read(&key, day, (judged.value, threshold, Unit::Money(currency)), why);
            }
        }
        Ok(())
    }
}

/// Costs by day: all, what of them failed attempts were, and the rest.
struct Spent {
    all: Daily,
    lost: Daily,
    done: Daily,
}

impl Spent {
    fn new(all: Daily, lost: Daily) -> Self {
        let done = all.iter().map(|(day, cost)| (*day, *cost - lost.get(day).copied().unwrap_or_default()));
        Self { done: done.collect(), all, lost }
    }
}

/// Holds a day against those before it; nothing where nothing is usual yet.
fn judge(spent: &Spent, began: NaiveDate, day: NaiveDate, limits: Limits) -> Option<Judged> {
    let of_day = |costs: &Daily| costs.get(&day).copied().unwrap_or_default();
    let held = |costs: &Daily| {
        let baseline = Baseline::of(costs, began, day, limits.weeks)?;
        let value = of_day(costs);
        let allowed = baseline.allowed(value, limits.deviations, limits.percent, limits.floor);
        Some((value, baseline, allowed))
    };
    let lost = of_day(&spent.lost);
    if limits.direction != Direction::Down
        && let Some((value, baseline, allowed)) = held(&spent.all)
        && lost > baseline.usual.scaled(STORM, 1).unwrap_or(lost)
        && is_beyond(value, baseline.usual, allowed, Direction::Up)
    {
        return Some(Judged { value, lost, allowed, baseline, is_firing: true, is_storm: true });
    }
    let (value, baseline, allowed) = held(&spent.done)?;
    // What runs now and then may well not run.
    let is_absent = !baseline.is_of_weekday && value.is_zero();
    let is_firing = !is_absent && is_beyond(value, baseline.usual, allowed, limits.direction);
    Some(Judged { value, lost, allowed, baseline, is_firing, is_storm: false })
}

/// Says how unusual a day was, with every number that led there.
fn unusual(key: &str, day: NaiveDate, judged: &Judged, limits: Limits, currency: Currency) -> String {
    let Judged { value, lost, allowed, baseline, is_storm, .. } = judged;
    let money = |amount| format::money(amount, currency);
    let days = match baseline.is_of_weekday {
        true => format!("the last {} {}s", baseline.days, day.format("%A")),
        false => {
            format!("the {} days of the last {} weeks on which it cost anything", baseline.days, limits.weeks)
        }
    };
    let rule = match *allowed {
        allowed if allowed == limits.floor => format!("{}, the least that is told of", money(allowed)),
        allowed if Some(allowed) == baseline.usual.scaled(i64::from(limits.percent), 100) => {
            format!("{}% of the usual ({})", limits.percent, money(allowed))
        }
        allowed if allowed == baseline.beyond_reach(*value) => {
            format!("half as much again as such days went before ({})", money(allowed))
        }
        allowed => format!(
            "{} times the usual scatter of {} ({})",
            limits.deviations,
            money(baseline.scatter),
            money(allowed)
        ),
    };
    // The day's whole cost is what pages show.
    let without = match (lost.is_zero(), is_storm) {
        (true, _) | (_, true) => String::new(),
        (false, false) => format!(" without {} of runs that failed or were killed", money(*lost)),
    };
    let storm = match is_storm {
        true => format!(
            " Runs that failed or were killed were {} of it, more than {STORM} times a usual day.",
            money(*lost)
        ),
        false => String::new(),
    };
    format!(
        "{} cost {} on {}{without}, {} against the usual {}: the median of {days}. Told of beyond {rule}.{storm}",
        label::visible(key),
        money(*value),
        format::day(day),
        format::change(*value, baseline.usual, currency),
        money(baseline.usual)
    )
}

#[cfg(test)]
mod tests {
    use chrono::Days;

    use super::*;

    fn first() -> NaiveDate {
        "2026-09-01".parse().unwrap()
    }

    fn daily(values: &[i64]) -> Daily {
        first().iter_days().zip(values.iter().map(|value| Amount::whole(*value))).collect()
    }

    const LIMITS: Limits = Limits {
        deviations: 5,
        percent: 100,
        floor: Amount::from_units(3_000_000_000_000_000_000),
        weeks: 8,
        direction: Direction::Up,
    };

    /// Five weeks of $10 a day, but for these days; and what of them failed. Judges the last day.
    fn judged(costs: &[(usize, i64)], lost: &[(usize, i64)]) -> Judged {
        let (mut of, mut failed) = (vec![10; 36], vec![0; 36]);
        costs.iter().for_each(|(nth, cost)| of[*nth] = *cost);
        lost.iter().for_each(|(nth, cost)| failed[*nth] = *cost);
        let day = first() + Days::new(35);
        judge(&Spent::new(daily(&of), daily(&failed)), first(), day, LIMITS).unwrap()
    }

    #[test]
    fn what_fires_upwards_is_held_against_the_upper_limit_wherever_it_is() {
        let limit = |direction: Direction, value| {
            direction.limit(Amount::whole(value), Amount::whole(100), Amount::whole(50))
        };
        assert_eq!(limit(Direction::Up, 52), Amount::whole(150));
        assert_eq!(limit(Direction::Down, 120), Amount::whole(50));
        assert_eq!(
            (limit(Direction::Both, 52), limit(Direction::Both, 120)),
            (Amount::whole(50), Amount::whole(150))
        );
    }

    #[test]
    fn attempts_that_failed_neither_fire_nor_hide_a_day_of_more_work() {
        // Three days of the weeks before cost 25, of which 15 failed; today does three times the work.
        let dear: Vec<(usize, i64)> = vec![(20, 25), (24, 25), (29, 25)];
        let failed: Vec<(usize, i64)> = vec![(20, 15), (24, 15), (29, 15)];
        let today = judged(&[dear.clone(), vec![(35, 30)]].concat(), &failed);
        // The reach of all costs is 15, half as much again 22.5: beyond 32.5. Without what failed
        // days never went beyond 10, so that twice the usual is the limit.
        assert!(today.is_firing && !today.is_storm);
        assert_eq!((today.value, today.allowed), (Amount::whole(30), Amount::whole(10)));
        let without = judged(&[dear.clone(), vec![(35, 30)]].concat(), &[]);
        assert!(!without.is_firing, "were that not known, it would be hidden");
        // Today is one more of the days on which attempts failed: no news.
        let again = judged(&[dear, vec![(35, 25)]].concat(), &[failed, vec![(35, 15)]].concat());
        assert!(!again.is_firing);
        assert_eq!((again.value, again.lost), (Amount::whole(10), Amount::whole(15)));
    }

    #[test]
    fn a_storm_of_failed_attempts_fires_by_itself() {
        // Fails all day: 21 of 31 came to nothing, more than twice a usual day.
        let storm = judged(&[(35, 31)], &[(35, 21)]);
        assert!(storm.is_firing && storm.is_storm);
        assert_eq!(storm.value, Amount::whole(31), "all of the day is told");
        let said = unusual("etl", first() + Days::new(35), &storm, LIMITS, Currency::USD);
        assert_eq!(
            said,
            "etl cost $31.00 on Tue 6 Oct 2026, +$21.00 (+210%) against the usual $10.00: the median of the \
             last 5 Tuesdays. Told of beyond 100% of the usual ($10.00). Runs that failed or were killed were \
             $21.00 of it, more than 2 times a usual day."
        );
        assert!(!judged(&[(35, 30)], &[(35, 20)]).is_firing, "twice is an attempt or two");
        // Of what is dear without them the message says so.
        let dear = judged(&[(35, 45)], &[(35, 5)]);
        let said = unusual("etl", first() + Days::new(35), &dear, LIMITS, Currency::USD);
        assert!(
            said.starts_with(
                "etl cost $40.00 on Tue 6 Oct 2026 without $5.00 of runs that failed or were killed,"
            ),
            "{said}"
        );
    }
}
