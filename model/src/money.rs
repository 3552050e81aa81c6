//! Exact money: fixed-point amounts that agree digit for digit with the
//! `DECIMAL(38,18)` columns of the ledger.
//!
//! Bills are written with up to 22 decimals and in scientific notation
//! (`1.3E-9`), so no amount ever passes through a float. What 18 decimals
//! cannot hold is kept as a [`Residue`], so that the landed total plus the
//! residue equals the source's total exactly.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Neg, Sub};
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Decimals kept in an [`Amount`].
pub const SCALE: u32 = 18;
const UNIT: i128 = 10_i128.pow(SCALE);
/// `DECIMAL(38,18)` holds 20 digits before the point.
const MAX_UNITS: i128 = 10_i128.pow(38) - 1;

/// An exact decimal with 18 places: a cost, or a billed quantity.
///
/// It carries no currency; amounts of different currencies are kept apart by
/// the rows they stand in, and are never added.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Amount(i128);

/// Why a text is not an amount.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// The text is not a decimal number, plain or in E-notation.
    #[error("`{0}` is not a decimal number")]
    NotANumber(String),
    /// The number has more than 20 digits before the point.
    #[error("`{0}` is too large for an amount (20 digits before the point)")]
    TooLarge(String),
}

/// What was dropped beyond 18 decimals, in units of 1e-36.
///
/// Digits beyond the 36th are dropped without record: no known bill has them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Residue(i128);

impl Amount {
    /// Zero.
    pub const ZERO: Self = Self(0);

    /// An amount from its count of 1e-18 units, as a `DECIMAL(38,18)` column stores it.
    pub const fn from_units(units: i128) -> Self {
        Self(units)
    }

    /// The count of 1e-18 units.
    pub const fn units(self) -> i128 {
        self.0
    }

    /// A whole number of currency units.
    pub const fn whole(value: i64) -> Self {
        Self(value as i128 * UNIT)
    }

    /// Reads a decimal text, plain (`-12.50`) or in E-notation (`1.3E-9`),
    /// rounding half away from zero at 18 decimals and returning what that dropped:
    /// the text's value is exactly `amount + residue`.
    ///
    /// # Errors
    /// [`AmountError::NotANumber`] for anything else, thousands separators and
    /// currency signs included; [`AmountError::TooLarge`] beyond 20 integer digits.
    pub fn parse(text: &str) -> Result<(Self, Residue), AmountError> {
        let not_a_number = || AmountError::NotANumber(text.to_owned());
        let too_large = || AmountError::TooLarge(text.to_owned());
        let trimmed = text.trim();
        let (mantissa, exponent) = match trimmed.find(['e', 'E']) {
            Some(at) => {
                let exponent: i32 = trimmed[at + 1..].parse().map_err(|_| not_a_number())?;
                (&trimmed[..at], exponent)
            }
            None => (trimmed, 0),
        };
        let (negative, digits) = match mantissa.as_bytes().first() {
            Some(b'-') => (true, &mantissa[1..]),
            Some(b'+') => (false, &mantissa[1..]),
            _ => (false, mantissa),
        };
        let (integer, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let all_digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        if (integer.is_empty() && fraction.is_empty()) || !all_digits(integer) || !all_digits(fraction) {
            return Err(not_a_number());
        }

        // Digit i of `integer ++ fraction` has the weight 10^(point - 1 - i).
        let point = integer.len() as i64 + i64::from(exponent);
        let (mut units, mut rest) = (0_i128, 0_i128);
        for (i, byte) in integer.bytes().chain(fraction.bytes()).enumerate() {
            let digit = i128::from(byte - b'0');
            let power = point - 1 - i as i64;
            if digit == 0 || power < -36 {
                continue;
            }
            if power >= 20 {
                return Err(too_large());
            } else if power >= -18 {
                units += digit * 10_i128.pow((power + 18) as u32);
            } else {
                rest += digit * 10_i128.pow((power + 36) as u32);
            }
        }
        if rest * 2 >= UNIT {
            units += 1;
            rest -= UNIT;
        }
        if units > MAX_UNITS {
            return Err(too_large());
        }
        let sign = if negative { -1 } else { 1 };
        Ok((Self(sign * units), Residue(sign * rest)))
    }

    /// The amount rounded half away from zero to `decimals` places, as text, for people.
    pub fn rounded(self, decimals: u32) -> String {
        let step = 10_i128.pow(SCALE - decimals.min(SCALE));
        let half = step / 2 * self.0.signum();
        let kept = (self.0 + half) / step;
        let (sign, kept) = (if kept < 0 { "-" } else { "" }, kept.unsigned_abs());
        if decimals == 0 {
            return format!("{sign}{kept}");
        }
        let one = 10_u128.pow(decimals.min(SCALE));
        format!("{sign}{}.{:0width$}", kept / one, kept % one, width = decimals.min(SCALE) as usize)
    }

    /// This amount x `times` / `over`, cut off towards zero at 12 decimals: a share, or a cost
    /// for one of many. Nothing where `over` is 0 or the result is too large for an amount.
    pub fn scaled(self, times: i64, over: i64) -> Option<Self> {
        const KEPT: i128 = 1_000_000;
        let (times, over) = (i128::from(times), i128::from(over));
        if over == 0 {
            return None;
        }
        // Divided before it is multiplied: the remainder is below 2^63, its product below 2^126.
        let whole = (self.0 / over).checked_mul(times)?;
        let units = whole.checked_add(self.0 % over * times / over)?;
        (units.abs() <= MAX_UNITS).then_some(Self(units / KEPT * KEPT))
    }

    /// The nearest double: for chart coordinates and ratios shown to people,
    /// never for a figure that is added up.
    pub fn to_f64(self) -> f64 {
        self.0 as f64 / UNIT as f64
    }

    /// Whether this is zero.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// Without its sign.
    pub const fn abs(self) -> Self {
        Self(self.0.abs())
    }
}

impl fmt::Display for Amount {
    /// The exact decimal, without trailing zeros: `-0.1`, `12`, `0.000000000000000001`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Exact { amount: *self, residue: Residue::default() }.fmt(f)
    }
}

impl FromStr for Amount {
    type Err = AmountError;

    /// As [`Amount::parse`], the residue dropped: for texts this crate wrote.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self::parse(text)?.0)
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl Add for Amount {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl AddAssign for Amount {
    fn add_assign(&mut self, other: Self) {
        self.0 += other.0;
    }
}

impl Sub for Amount {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl Neg for Amount {
    type Output = Self;
    fn neg(self) -> Self {
        Self(-self.0)
    }
}

impl Sum for Amount {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self::ZERO, Add::add)
    }
}

impl Residue {
    /// Whether nothing was dropped.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }
}

impl AddAssign for Residue {
    fn add_assign(&mut self, other: Self) {
        self.0 += other.0;
    }
}

impl fmt::Display for Residue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Exact { amount: Amount::ZERO, residue: *self }.fmt(f)
    }
}

impl FromStr for Residue {
    type Err = AmountError;

    /// Reads back what `Display` wrote.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (amount, residue) = Amount::parse(text)?;
        // A sum of residues may exceed half a unit of the 18th decimal.
        Ok(Self(amount.0 * UNIT + residue.0))
    }
}

impl Serialize for Residue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Residue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A landed total with what rounding dropped: prints the source's exact total.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exact {
    /// What was landed.
    pub amount: Amount,
    /// What 18 decimals could not hold.
    pub residue: Residue,
}

impl Exact {
    /// Adds one parsed number.
    pub fn add(&mut self, amount: Amount, residue: Residue) {
        self.amount += amount;
        self.residue += residue;
    }
}

impl AddAssign for Exact {
    fn add_assign(&mut self, other: Self) {
        self.add(other.amount, other.residue);
    }
}

impl Sub for Exact {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self { amount: self.amount - other.amount, residue: Residue(self.residue.0 - other.residue.0) }
    }
}

impl fmt::Display for Exact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Bring the residue into [0, 1e-18) of the amount's direction, so that
        // both parts have one sign and can be printed side by side.
        let mut high = self.amount.0 + self.residue.0.div_euclid(UNIT);
        let mut low = self.residue.0.rem_euclid(UNIT);
        let negative = high < 0;
        if negative && low > 0 {
            high += 1;
            low = UNIT - low;
        }
        let high = high.unsigned_abs();
        let unit = UNIT.unsigned_abs();
        let fraction = format!("{:018}{:018}", high % unit, low);
        let fraction = fraction.trim_end_matches('0');
        let sign = if negative { "-" } else { "" };
        if fraction.is_empty() {
            write!(f, "{sign}{}", high / unit)
        } else {
            write!(f, "{sign}{}.{fraction}", high / unit)
        }
    }
}

/// An ISO 4217 code: three capital letters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Currency([u8; 3]);

impl Currency {
    /// The US dollar, in which AWS bills unless told otherwise.
    pub const USD: Self = Self(*b"USD");

    /// The code as text.
    pub fn code(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("???")
    }
}

impl FromStr for Currency {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.trim().as_bytes() {
            [a, b, c] if text.trim().bytes().all(|x| x.is_ascii_uppercase()) => Ok(Self([*a, *b, *c])),
            _ => Err(format!("`{text}` is not a currency code of three capital letters")),
        }
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn exact(text: &str) -> String {
        let (amount, residue) = Amount::parse(text).unwrap();
        Exact { amount, residue }.to_string()
    }

    #[test]
    fn plain_and_scientific_texts_keep_every_digit() {
        for (text, want) in [
            ("0", "0"),
            ("-0.0", "0"),
            ("1.3E-9", "0.0000000013"),
            ("1.3e+2", "130"),
            ("+7", "7"),
            (".5", "0.5"),
            ("5.", "5"),
            ("-12.50", "-12.5"),
            ("5545.7875584858705421211", "5545.7875584858705421211"),
            ("6709.9334549387280194104585", "6709.9334549387280194104585"),
            ("-0.0000000000000000000001", "-0.0000000000000000000001"),
            ("99999999999999999999.999999999999999999", "99999999999999999999.999999999999999999"),
        ] {
            assert_eq!(exact(text), want, "{text}");
        }
    }

    #[test]
    fn what_is_not_a_decimal_is_refused() {
        for text in
            ["", "-", ".", "None", "convertible", "$1.00", "1,000", "1.2.3", "1e", "0x10", "NaN", "1 2"]
        {
            assert!(matches!(Amount::parse(text), Err(AmountError::NotANumber(_))), "{text}");
        }
        assert!(matches!(Amount::parse("1e20"), Err(AmountError::TooLarge(_))));
    }

    #[test]
    fn a_share_is_cut_off_and_nothing_is_divided_by_nothing() {
        let amount = |text: &str| text.parse::<Amount>().unwrap();
        assert_eq!(amount("1").scaled(1, 3), Some(amount("0.333333333333")));
        assert_eq!(amount("-2").scaled(2, 3), Some(amount("-1.333333333333")));
        assert_eq!(amount("5").scaled(1_000_000_000_000, 4_000_000_000_000), Some(amount("1.25")));
        assert_eq!(amount("1").scaled(1, 0), None);
        assert_eq!(amount("99999999999999999999").scaled(i64::MAX, 1), None);
    }

    #[test]
    fn differences_are_exact() {
        let parse = |text: &str| {
            let (amount, residue) = Amount::parse(text).unwrap();
            Exact { amount, residue }
        };
        let difference = parse("0.1000000000000000000001") - parse("0.2000000000000000000003");
        assert_eq!(difference.to_string(), "-0.1000000000000000000002");
    }

    #[test]
    fn rounding_for_people_is_half_away_from_zero() {
        let amount = |text: &str| text.parse::<Amount>().unwrap();
        assert_eq!(amount("1.005").rounded(2), "1.01");
        assert_eq!(amount("-1.005").rounded(2), "-1.01");
        assert_eq!(amount("-0.001").rounded(2), "0.00");
        assert_eq!(amount("2.5").rounded(0), "3");
    }

    proptest! {
        /// The sum of parsed texts, residues included, is the sum by long hand
        /// (integers of 1e-30), whatever the mix of signs.
        #[test]
        fn sums_are_exact(values in prop::collection::vec(-10_i128.pow(33)..10_i128.pow(33), 0..50)) {
            let text = |v: i128| {
                let (s, v) = (if v < 0 { "-" } else { "" }, v.unsigned_abs());
                format!("{s}{}.{:030}", v / 10_u128.pow(30), v % 10_u128.pow(30))
            };
            let mut total = Exact::default();
            for value in &values {
                let (amount, residue) = Amount::parse(&text(*value)).unwrap();
                total.add(amount, residue);
            }
            let want: i128 = values.iter().sum();
            prop_assert_eq!(total.to_string(), exact(&text(want)));
        }

        #[test]
        fn display_reads_back(units in -MAX_UNITS..MAX_UNITS) {
            let amount = Amount::from_units(units);
            prop_assert_eq!(amount.to_string().parse::<Amount>().unwrap(), amount);
        }
    }
}
