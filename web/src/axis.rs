//! Axes with labels of the one formatter: the browser draws them but formats nothing.

use model::{Amount, Currency};
use serde::Serialize;

/// A zero-based value axis.
#[derive(Serialize)]
pub struct Axis {
    min: f64,
    max: f64,
    step: f64,
    /// One label a step, from `min` to `max`.
    labels: Vec<String>,
}

/// Steps aimed at.
const STEPS: i128 = 4;

/// The one step of an axis of zeros.
const FLAT: Amount = Amount::whole(1);

impl Axis {
    /// An axis of money that holds zero and both ends, in steps of 1, 2 or 5 times a power of ten.
    pub fn new(low: Amount, high: Amount, currency: Currency) -> Self {
        Self::of(low, high, Amount::ZERO, &|amount| reports::format::money_short(amount, currency))
    }

    /// The same of values that `written` writes, in steps of at least `least`: of runs there is no half.
    pub fn of(low: Amount, high: Amount, least: Amount, written: &dyn Fn(Amount) -> String) -> Self {
        let (low, high) = (low.units().min(0), high.units().max(0));
        let step = match high.saturating_sub(low) {
            // Nothing but zeros: a line at the bottom, beneath a figure that can be read.
            0 => FLAT.units(),
            span => step(span.max(STEPS)).max(least.units()),
        };
        let first = low.div_euclid(step);
        let last = (high.div_euclid(step) + i128::from(high.rem_euclid(step) != 0)).max(first + 1);
        let at = |i: i128| Amount::from_units(i * step);
        Self {
            min: at(first).to_f64(),
            max: at(last).to_f64(),
            step: at(1).to_f64(),
            labels: (first..=last).map(|i| written(at(i))).collect(),
        }
    }
}

fn step(span: i128) -> i128 {
    let wanted = span / STEPS;
    let mut power = 1;
    while power <= wanted / 10 {
        power *= 10;
    }
    [1, 2, 5, 10].into_iter().map(|n| n * power).find(|step| *step >= wanted).unwrap_or(10 * power)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_hold_zero_and_both_ends() {
        let axis = Axis::new(Amount::ZERO, "48.21".parse().unwrap(), Currency::USD);
        assert_eq!(
            (axis.min.to_string(), axis.max.to_string(), axis.step.to_string()),
            ("0".into(), "60".into(), "20".into())
        );
        assert_eq!(axis.labels.len(), 4);
        let axis = Axis::new("-3".parse().unwrap(), "8".parse().unwrap(), Currency::USD);
        assert_eq!((axis.min.to_string(), axis.max.to_string()), ("-5".into(), "10".into()));
        let flat = Axis::new(Amount::ZERO, Amount::ZERO, Currency::USD);
        assert_eq!((flat.min.to_string(), flat.max.to_string()), ("0".into(), "1".into()));
        let three = Axis::of(Amount::ZERO, Amount::whole(2), Amount::whole(1), &|value| value.to_string());
        assert_eq!((three.labels.join(" "), three.step.to_string()), ("0 1 2".into(), "1".into()));
        let huge = Amount::from_units(10_i128.pow(38) - 1);
        assert!(Axis::new(-huge, huge, Currency::USD).labels.len() <= 12);
    }
}
