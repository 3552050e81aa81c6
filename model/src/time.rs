//! UTC time as the ledger keeps it: half-open periods, microsecond instants,
//! billing months and days as period keys.

use std::fmt;

use chrono::{DateTime, Datelike, Months, NaiveDate, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

/// An instant in UTC, to the microsecond (as Parquet and DuckDB keep it).
pub type Instant = DateTime<Utc>;

/// `[start, end)` in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Period {
    /// First instant inside.
    pub start: Instant,
    /// First instant outside.
    pub end: Instant,
}

/// The key under which landed data is replaced whole: a billing month for
/// charges, a UTC day for runs and collections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PeriodKey {
    /// `2026-10`
    Month(NaiveDate),
    /// `2026-10-05`
    Day(NaiveDate),
}

impl PeriodKey {
    /// The billing month that holds this day.
    pub fn month_of(date: NaiveDate) -> Self {
        Self::Month(date.with_day(1).unwrap_or(date))
    }

    /// The UTC day of an instant.
    pub fn day_of(at: Instant) -> Self {
        Self::Day(at.date_naive())
    }

    /// Reads back what `Display` wrote.
    pub fn parse(text: &str) -> Option<Self> {
        if let Ok(day) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
            return Some(Self::Day(day));
        }
        NaiveDate::parse_from_str(&format!("{text}-01"), "%Y-%m-%d").ok().map(Self::Month)
    }

    /// The instants it covers.
    pub fn period(self) -> Period {
        let (first, end) = match self {
            Self::Month(first) => (first, first.checked_add_months(Months::new(1))),
            Self::Day(day) => (day, day.succ_opt()),
        };
        let midnight = |date: NaiveDate| date.and_time(chrono::NaiveTime::MIN).and_utc();
        Period { start: midnight(first), end: midnight(end.unwrap_or(NaiveDate::MAX)) }
    }
}

impl fmt::Display for PeriodKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Month(first) => write!(f, "{}", first.format("%Y-%m")),
            Self::Day(day) => write!(f, "{}", day.format("%Y-%m-%d")),
        }
    }
}

impl Serialize for PeriodKey {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for PeriodKey {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom(format!("`{text}` is not a period key")))
    }
}

/// An instant from epoch milliseconds, as the engines write them.
///
/// Returns nothing for values outside the years 2000 to 2200: a log that says
/// 1969 or has a digit too many is wrong, not early.
pub fn from_epoch_ms(ms: i64) -> Option<Instant> {
    DateTime::from_timestamp_millis(ms).filter(|at| (2000..2200).contains(&at.year()))
}

/// Cuts `[start, end)` at every full hour: (start of the hour, milliseconds inside it).
pub fn hours(start: Instant, end: Instant) -> Vec<(Instant, i64)> {
    let mut parts = Vec::new();
    let mut at = start;
    while at < end {
        let hour = DateTime::from_timestamp(at.timestamp().div_euclid(3600) * 3600, 0).unwrap_or(at);
        let next = (hour + TimeDelta::hours(1)).min(end);
        parts.push((hour, (next - at).num_milliseconds()));
        at = next;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Instant {
        text.parse().unwrap()
    }

    #[test]
    fn an_interval_is_cut_at_every_hour_and_keeps_its_length() {
        let parts = hours(at("2026-10-05T01:40:00Z"), at("2026-10-05T03:00:30Z"));
        let want = [
            ("2026-10-05T01:00:00Z", 1_200_000),
            ("2026-10-05T02:00:00Z", 3_600_000),
            ("2026-10-05T03:00:00Z", 30_000),
        ];
        assert_eq!(parts, want.map(|(hour, ms)| (at(hour), ms)));
        assert!(hours(at("2026-10-05T01:00:00Z"), at("2026-10-05T01:00:00Z")).is_empty());
    }

    #[test]
    fn period_keys_read_back_and_are_half_open() {
        for text in ["2026-10", "2026-12", "2026-10-05"] {
            assert_eq!(PeriodKey::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(PeriodKey::parse("2026-12").unwrap().period().end, at("2027-01-01T00:00:00Z"));
        assert_eq!(PeriodKey::parse("October"), None);
    }

    #[test]
    fn an_epoch_out_of_this_world_is_no_instant() {
        assert_eq!(from_epoch_ms(-1), None);
        assert_eq!(from_epoch_ms(16_106_710_162_740), None);
        assert_eq!(from_epoch_ms(1_610_671_016_274), Some(at("2021-01-15T00:36:56.274Z")));
    }
}
