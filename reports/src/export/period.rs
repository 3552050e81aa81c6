//! The days and the file of an export that runs again and again: both follow from what is
//! closed when it runs ([`crate::watch`]), so that none has days that are still to come in.

use std::fmt;
use std::str::FromStr;

use chrono::{Datelike as _, Days, Months, NaiveDate};

use crate::watch::ClosedDays;
use crate::week;

/// Days at most that `last-N-days` looks back.
const MOST_DAYS: u32 = 3_660;

/// Which days, as of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Period {
    /// The newest month of which every day is closed.
    ClosedMonth,
    /// The newest week, Monday to Sunday, of which every day is closed.
    ClosedWeek,
    /// The month of the newest closed day, up to that day.
    MonthToDate,
    /// So many days up to the newest closed one.
    LastDays(u32),
    /// Every closed day.
    All,
}

impl Period {
    /// The words of the configuration; `last-30-days` stands for any number.
    pub const WORDS: [&str; 5] = ["closed-month", "closed-week", "month-to-date", "last-30-days", "all"];

    /// Its days, `[first, end)`; nothing where none is whole yet.
    pub fn days(self, closed: ClosedDays) -> Option<(NaiveDate, NaiveDate)> {
        let ClosedDays { first, end } = closed;
        let newest = end.pred_opt()?;
        let (from, to) = match self {
            Self::ClosedMonth => {
                let to = end.with_day(1)?;
                (to.checked_sub_months(Months::new(1))?, to)
            }
            Self::ClosedWeek => {
                let to = end - Days::new(u64::from(end.weekday().num_days_from_monday()));
                (to - Days::new(7), to)
            }
            Self::MonthToDate => (newest.with_day(1)?.max(first), end),
            Self::LastDays(days) => ((end - Days::new(u64::from(days))).max(first), end),
            Self::All => (first, end),
        };
        (from >= first && from < to).then_some((from, to))
    }
}

impl FromStr for Period {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let last = text.strip_prefix("last-").and_then(|rest| rest.strip_suffix("-days"));
        if let Some(days) = last.and_then(|days| days.parse().ok()) {
            return match days {
                1..=MOST_DAYS => Ok(Self::LastDays(days)),
                _ => Err(format!("`{text}`: from 1 to {MOST_DAYS} days can be exported")),
            };
        }
        match text {
            "closed-month" => Ok(Self::ClosedMonth),
            "closed-week" => Ok(Self::ClosedWeek),
            "month-to-date" => Ok(Self::MonthToDate),
            "all" => Ok(Self::All),
            _ => Err(format!("`{text}` names no days")),
        }
    }
}

impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ClosedMonth => f.write_str("closed-month"),
            Self::ClosedWeek => f.write_str("closed-week"),
            Self::MonthToDate => f.write_str("month-to-date"),
            Self::LastDays(days) => write!(f, "last-{days}-days"),
            Self::All => f.write_str("all"),
        }
    }
}

/// A file's or an object's name with places for the days that are in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target(String);

impl Target {
    /// The places it may have.
    pub const PLACES: [&str; 4] = ["first", "last", "month", "week"];

    /// Reads `exports/costs-{month}.csv`.
    ///
    /// # Errors
    /// The place that is none, or that is not closed.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            let place = rest[at..].strip_prefix('{').and_then(|inner| inner.split_once('}'));
            match place {
                Some((place, after)) if Self::PLACES.contains(&place) => rest = after,
                Some((place, _)) => {
                    return Err(format!("`{text}` has the place `{{{place}}}`, which is none"));
                }
                None => return Err(format!("`{text}` has a brace without the other")),
            }
        }
        Ok(Self(text.to_owned()))
    }

    /// The name for these days, `[from, to)`; `{last}` is the last one inside.
    pub fn name(&self, (from, to): (NaiveDate, NaiveDate)) -> String {
        let last = to.pred_opt().unwrap_or(from);
        self.0
            .replace("{first}", &from.to_string())
            .replace("{last}", &last.to_string())
            .replace("{month}", &from.format("%Y-%m").to_string())
            .replace("{week}", &week::iso(from))
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    fn days(period: &str, first: &str, end: &str) -> Option<String> {
        let closed = ClosedDays { first: day(first), end: day(end) };
        let days = period.parse::<Period>().unwrap().days(closed);
        days.map(|(from, to)| format!("{from} {to}"))
    }

    #[test]
    fn days_follow_what_is_closed() {
        // 2026-11-08 is a Sunday.
        let of = |period| days(period, "2026-09-15", "2026-11-08").unwrap();
        assert_eq!(of("closed-month"), "2026-10-01 2026-11-01");
        assert_eq!(of("closed-week"), "2026-10-26 2026-11-02");
        assert_eq!(of("month-to-date"), "2026-11-01 2026-11-08");
        assert_eq!(of("last-30-days"), "2026-10-09 2026-11-08");
        assert_eq!(of("last-300-days"), "2026-09-15 2026-11-08", "no more than there are");
        assert_eq!(of("all"), "2026-09-15 2026-11-08");
        // The last day of a month and of a week closes it.
        assert_eq!(days("closed-month", "2026-09-15", "2026-11-01").unwrap(), "2026-10-01 2026-11-01");
        assert_eq!(days("closed-week", "2026-09-15", "2026-11-09").unwrap(), "2026-11-02 2026-11-09");
        assert_eq!(days("month-to-date", "2026-09-15", "2026-11-01").unwrap(), "2026-10-01 2026-11-01");
    }

    #[test]
    fn a_month_the_ledger_does_not_have_whole_is_none() {
        assert_eq!(days("closed-month", "2026-10-02", "2026-11-08"), None);
        assert_eq!(days("closed-month", "2026-10-01", "2026-10-31"), None);
        assert_eq!(days("closed-week", "2026-11-03", "2026-11-09"), None);
    }

    #[test]
    fn days_read_back_as_they_are_written_and_others_are_refused() {
        for word in Period::WORDS {
            assert_eq!(word.parse::<Period>().unwrap().to_string(), word);
        }
        for wrong in ["", "last-month", "last-0-days", "last--1-days", "last-4000-days", "last-x-days"] {
            assert!(wrong.parse::<Period>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_target_says_which_days_it_has() {
        let october = (day("2026-10-01"), day("2026-11-01"));
        let name = |text| Target::parse(text).unwrap().name(october);
        assert_eq!(name("costs-{month}.csv"), "costs-2026-10.csv");
        assert_eq!(name("{week}/{first}_{last}.csv"), "2026-W40/2026-10-01_2026-10-31.csv");
        assert_eq!(name("costs.csv"), "costs.csv");
        for wrong in ["{mnth}.csv", "{month.csv", "month}.csv", "{}.csv", "{{month}}.csv"] {
            assert!(Target::parse(wrong).is_err(), "{wrong}");
        }
    }
}
