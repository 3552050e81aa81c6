//! From amounts to pixels, with ticks at round amounts.

use model::Amount;

use super::ChartError;

/// A zero-based linear scale whose ends are ticks.
pub(super) struct Scale {
    low: Amount,
    high: Amount,
    /// From the lowest to the highest.
    pub ticks: Vec<Amount>,
    start_px: i32,
    end_px: i32,
}

impl Scale {
    /// Covers `low..=high` and zero between two pixels with about `wanted` steps of 1, 2 or 5
    /// times a power of ten. All zero gives a scale from zero to one.
    pub fn new(low: Amount, high: Amount, wanted: u32, pixels: (i32, i32)) -> Result<Self, ChartError> {
        let (low, high) = (low.units().min(0), high.units().max(0));
        let high = if low == 0 && high == 0 { Amount::whole(1).units() } else { high };
        let range = high.checked_sub(low).ok_or(ChartError::TooLarge)?;
        let step = round_up(range.unsigned_abs() / u128::from(wanted.max(1)));
        let step = i128::try_from(step).map_err(|_| ChartError::TooLarge)?;
        let below = low.div_euclid(step);
        let above = high.checked_add(step - 1).ok_or(ChartError::TooLarge)?.div_euclid(step);
        let tick = |n: i128| n.checked_mul(step).map(Amount::from_units).ok_or(ChartError::TooLarge);
        let ticks = (below..=above).map(tick).collect::<Result<Vec<_>, _>>()?;
        Ok(Self { low: tick(below)?, high: tick(above)?, ticks, start_px: pixels.0, end_px: pixels.1 })
    }

    /// Covers `low..=high` and zero exactly, without ticks.
    pub fn tight(low: Amount, high: Amount, pixels: (i32, i32)) -> Self {
        let (low, high) = (low.min(Amount::ZERO), high.max(Amount::ZERO));
        let high = if low == high { Amount::whole(1) } else { high };
        Self { low, high, ticks: Vec::new(), start_px: pixels.0, end_px: pixels.1 }
    }

    /// The pixel of an amount.
    pub fn px(&self, amount: Amount) -> i32 {
        let share = (amount.to_f64() - self.low.to_f64()) / (self.high.to_f64() - self.low.to_f64());
        self.start_px + (share * f64::from(self.end_px - self.start_px)).round() as i32
    }
}

/// The smallest 1, 2 or 5 times a power of ten that is not below the value.
fn round_up(value: u128) -> u128 {
    let power = 10_u128.pow(value.max(1).ilog10());
    [1, 2, 5].into_iter().map(|n| n * power).find(|step| *step >= value).unwrap_or(power.saturating_mul(10))
}

/// A sum that says so when it leaves the range of amounts.
pub(super) fn sum(values: impl IntoIterator<Item = Amount>) -> Result<Amount, ChartError> {
    values.into_iter().try_fold(Amount::ZERO, |total, value| {
        total.units().checked_add(value.units()).map(Amount::from_units).ok_or(ChartError::TooLarge)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticks(low: i64, high: i64) -> Vec<String> {
        let scale = Scale::new(Amount::whole(low), Amount::whole(high), 4, (0, 100)).unwrap();
        scale.ticks.iter().map(Amount::to_string).collect()
    }

    #[test]
    fn ticks_are_round_and_hold_zero_and_both_ends() {
        assert_eq!(ticks(0, 38), ["0", "10", "20", "30", "40"]);
        assert_eq!(ticks(-7, 38), ["-20", "0", "20", "40"]);
        assert_eq!(ticks(12, 15), ["0", "5", "10", "15"]);
        assert_eq!(ticks(-9, -3), ["-10", "-5", "0"]);
        assert_eq!(ticks(0, 0), ["0", "0.5", "1"]);
    }

    #[test]
    fn the_smallest_and_the_largest_amounts_have_a_scale_or_an_error() {
        assert!(Scale::new(Amount::ZERO, Amount::from_units(1), 4, (0, 100)).is_ok());
        assert!(Scale::new(Amount::ZERO, Amount::whole(i64::MAX), 4, (0, 100)).is_ok());
        let most = Amount::from_units(i128::MAX);
        assert!(matches!(Scale::new(-most, most, 4, (0, 100)), Err(ChartError::TooLarge)));
    }

    #[test]
    fn pixels_run_either_way() {
        let scale = Scale::new(Amount::whole(-10), Amount::whole(10), 4, (200, 0)).unwrap();
        assert_eq!(scale.px(Amount::ZERO), 100);
        assert_eq!(scale.px(Amount::whole(10)), 0);
        assert_eq!(scale.px(Amount::whole(-10)), 200);
    }
}
