//! One cell of a bill, before it is known what it means.

use std::borrow::Cow;

use chrono::{DateTime, Datelike, FixedOffset, NaiveDate, NaiveTime, TimeDelta, Utc};
use model::money::{Exact, SCALE};
use model::time::Instant;
use model::{Amount, Residue};

/// No bill has a line of a million billion; larger texts are damage, and summing them
/// would leave the range of the ledger's decimals.
const COST_LIMIT: Amount = Amount::whole(1_000_000_000_000_000);

/// One cell: a CSV has texts only, Parquet has types.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Value<'a> {
    /// Nothing.
    Null,
    /// A text as written.
    Text(&'a str),
    /// A double, which stands for its shortest decimal text.
    Double(f64),
    /// A whole number.
    Int(i128),
    /// A decimal: digits and scale.
    Decimal(i128, usize),
    /// A point in time.
    Instant(Instant),
    /// True or false.
    Bool(bool),
}

/// A cell that is neither empty nor what its column holds: its text, cut for display.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unreadable(pub String);

impl<'a> Value<'a> {
    /// The text; nothing for an empty one.
    pub fn text(self) -> Option<Cow<'a, str>> {
        match self {
            Self::Null => None,
            Self::Text(text) if text.trim().is_empty() => None,
            Self::Text(text) => Some(Cow::Borrowed(text)),
            Self::Double(value) => Some(Cow::Owned(value.to_string())),
            Self::Int(value) => Some(Cow::Owned(value.to_string())),
            Self::Decimal(digits, scale) => Some(Cow::Owned(decimal_text(digits, scale))),
            Self::Instant(at) => Some(Cow::Owned(at.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true))),
            Self::Bool(value) => Some(Cow::Borrowed(if value { "true" } else { "false" })),
        }
    }

    /// The exact number; nothing for an empty cell.
    pub fn number(self) -> Result<Option<Exact>, Unreadable> {
        let parsed = match self {
            Self::Null => return Ok(None),
            Self::Text(text) if text.trim().is_empty() => return Ok(None),
            Self::Text(text) => Amount::parse(text),
            // Most cells of a Parquet bill are 0; they need no text.
            Self::Double(value) if value.to_bits() << 1 == 0 => return Ok(Some(Exact::default())),
            Self::Double(value) => Amount::parse(&format!("{value:?}")),
            Self::Int(value) => match in_units(value, 0) {
                Some(amount) => Ok((amount, Residue::default())),
                None => Amount::parse(&value.to_string()),
            },
            Self::Decimal(digits, scale) => match in_units(digits, scale) {
                Some(amount) => Ok((amount, Residue::default())),
                None => Amount::parse(&decimal_text(digits, scale)),
            },
            Self::Instant(_) | Self::Bool(_) => return Err(self.unreadable()),
        };
        parsed.map(|(amount, residue)| Some(Exact { amount, residue })).map_err(|_| self.unreadable())
    }

    /// The exact cost: a number within the range a cost can have.
    pub fn cost(self) -> Result<Option<Exact>, Unreadable> {
        match self.number()? {
            Some(cost) if cost.amount.abs() >= COST_LIMIT => Err(self.unreadable()),
            cost => Ok(cost),
        }
    }

    /// The whole number; nothing for an empty cell.
    pub fn int(self) -> Result<Option<i64>, Unreadable> {
        match self.number()? {
            None => Ok(None),
            Some(number) => {
                let one = Amount::whole(1).units();
                let units = number.amount.units();
                let whole = (units % one == 0 && number.residue.is_zero()).then_some(units / one);
                whole.and_then(|value| i64::try_from(value).ok()).map(Some).ok_or_else(|| self.unreadable())
            }
        }
    }

    /// The point in time; nothing for an empty cell.
    pub fn instant(self) -> Result<Option<Instant>, Unreadable> {
        let at = match self {
            Self::Null => return Ok(None),
            Self::Text(text) if text.trim().is_empty() => return Ok(None),
            Self::Text(text) => parse_instant(text.trim()),
            Self::Instant(at) => Some(at),
            _ => None,
        };
        // A bill of 1970 or 9999 is damage.
        at.filter(|at| (2000..2200).contains(&at.year())).map(Some).ok_or_else(|| self.unreadable())
    }

    fn unreadable(self) -> Unreadable {
        Unreadable(self.text().unwrap_or_default().chars().take(40).collect())
    }
}

/// Digits at a scale as an amount; nothing where 18 decimals or the range do not hold it.
fn in_units(digits: i128, scale: usize) -> Option<Amount> {
    let shift = (SCALE as usize).checked_sub(scale)?;
    let units = digits.checked_mul(10_i128.checked_pow(u32::try_from(shift).ok()?)?)?;
    (units.unsigned_abs() < 10_u128.pow(38)).then(|| Amount::from_units(units))
}

fn decimal_text(digits: i128, scale: usize) -> String {
    format!("{digits}e-{scale}")
}

/// Reads `2025-02-01T00:00:00Z`, `2025-02-01 01:00:00+00:00`, `2018-10-01 00:00:00.000`,
/// `2024-06-01T00:00Z` and `2024-06-01`; without a zone it is UTC.
fn parse_instant(text: &str) -> Option<Instant> {
    let (date, rest) = text.split_at_checked(10)?;
    let date = parse_date(date)?;
    let Some(rest) = rest.strip_prefix(['T', ' ']) else {
        return rest.is_empty().then(|| date.and_time(NaiveTime::MIN).and_utc());
    };
    let zone_at = rest.find(['Z', '+', '-', ' ']).unwrap_or(rest.len());
    let (clock, zone) = rest.split_at_checked(zone_at)?;
    let local = date.and_time(parse_clock(clock)?);
    let offset = parse_zone(zone.trim())?;
    Some(DateTime::<Utc>::from_naive_utc_and_offset(local, Utc) - offset)
}

fn parse_date(text: &str) -> Option<NaiveDate> {
    match text.as_bytes() {
        [_, _, _, _, b'-', _, _, b'-', _, _] => NaiveDate::from_ymd_opt(
            i32::try_from(digits(&text[..4])?).ok()?,
            digits(&text[5..7])?,
            digits(&text[8..])?,
        ),
        _ => None,
    }
}

fn parse_clock(text: &str) -> Option<NaiveTime> {
    let (clock, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let mut parts = clock.split(':');
    let hour = digits(parts.next()?)?;
    let minute = digits(parts.next()?)?;
    let second = parts.next().map_or(Some(0), digits)?;
    let micros: u32 = format!("{:0<6}", fraction.get(..6).unwrap_or(fraction)).parse().ok()?;
    let complete = parts.next().is_none() && fraction.bytes().all(|b| b.is_ascii_digit());
    complete.then(|| NaiveTime::from_hms_micro_opt(hour, minute, second, micros)).flatten()
}

fn parse_zone(text: &str) -> Option<TimeDelta> {
    if matches!(text, "" | "Z" | "UTC") {
        return Some(TimeDelta::zero());
    }
    let offset: FixedOffset = text.parse().ok()?;
    Some(TimeDelta::seconds(i64::from(offset.local_minus_utc())))
}

fn digits(text: &str) -> Option<u32> {
    let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Option<String> {
        Value::Text(text)
            .instant()
            .ok()
            .flatten()
            .map(|at| at.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true))
    }

    #[test]
    fn every_spelling_of_a_time_is_read_as_utc() {
        for (text, want) in [
            ("2025-02-01T00:00:00Z", "2025-02-01T00:00:00Z"),
            ("2025-02-01 01:00:00+00:00", "2025-02-01T01:00:00Z"),
            ("2018-10-01 00:00:00", "2018-10-01T00:00:00Z"),
            ("2022-07-01 00:00:00.000", "2022-07-01T00:00:00Z"),
            ("2023-11-01T00:00:00.000Z", "2023-11-01T00:00:00Z"),
            ("2024-06-01T00:00Z", "2024-06-01T00:00:00Z"),
            ("2024-06-01", "2024-06-01T00:00:00Z"),
            ("2024-06-01T02:00:00+02:00", "2024-06-01T00:00:00Z"),
            ("2024-06-01 00:00:00 UTC", "2024-06-01T00:00:00Z"),
            ("2024-06-01T00:00:00.1234567Z", "2024-06-01T00:00:00.123456Z"),
        ] {
            assert_eq!(at(text).as_deref(), Some(want), "{text}");
        }
    }

    #[test]
    fn what_is_no_time_of_a_bill_is_refused() {
        for text in [
            "4/1/25",
            "2024-13-01",
            "2024-06-31T00:00:00Z",
            "1970-01-01T00:00:00Z",
            "2024-06-01Tnoon",
            "20240601",
            "2024-06-01T00:00:00.Zx",
            "<script>",
            "2024–06–01",
        ] {
            assert!(Value::Text(text).instant().is_err(), "{text}");
        }
        assert_eq!(Value::Text("  ").instant(), Ok(None));
    }

    #[test]
    fn numbers_of_every_type_are_exact() {
        let text = |value: Value| value.number().unwrap().unwrap().to_string();
        assert_eq!(text(Value::Text("1.3E-9")), "0.0000000013");
        assert_eq!(text(Value::Double(0.1)), "0.1");
        assert_eq!(text(Value::Double(-0.0)), "0");
        assert_eq!(text(Value::Double(1.3e-9)), "0.0000000013");
        assert_eq!(text(Value::Int(-7)), "-7");
        assert_eq!(text(Value::Decimal(-12_345, 3)), "-12.345");
        assert_eq!(text(Value::Decimal(5, 20)), "0.00000000000000000005");
        assert!(Value::Int(i128::MAX).number().is_err());
    }

    #[test]
    fn what_is_no_cost_is_refused() {
        for value in [
            Value::Text("$10,000.00"),
            Value::Text("None"),
            Value::Text("1e15"),
            Value::Double(f64::NAN),
            Value::Double(f64::INFINITY),
            Value::Bool(true),
        ] {
            assert!(value.cost().is_err(), "{value:?}");
        }
        assert_eq!(Value::Text("").cost(), Ok(None));
        assert_eq!(
            Value::Text("<script>alert(1)</script> and a long text behind it").cost(),
            Err(Unreadable("<script>alert(1)</script> and a long tex".into()))
        );
    }

    #[test]
    fn whole_numbers_have_no_fraction() {
        assert_eq!(Value::Text("16").int(), Ok(Some(16)));
        assert_eq!(Value::Double(4.0).int(), Ok(Some(4)));
        assert!(Value::Text("1.5").int().is_err());
        assert!(Value::Text("1e19").int().is_err());
    }
}
