//! Weeks as reports count them: ISO weeks of UTC days, Monday to Sunday.

use attribution::mart::MartInfo;
use chrono::{Datelike, Days, NaiveDate, Weekday};
use model::time::Instant;

use crate::error::ReportError;

/// The Monday of a week given as `2026-W41` or as any of its days (`2026-10-08`).
///
/// # Errors
/// [`ReportError::Week`] for anything else, a week 53 the year does not have included.
pub fn parse(text: &str) -> Result<NaiveDate, ReportError> {
    let text = text.trim();
    let wrong = || ReportError::Week(text.to_owned());
    if let Some((year, week)) = text.split_once("-W").or_else(|| text.split_once("-w")) {
        let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
        if year.len() != 4 || week.len() != 2 || !digits(year) || !digits(week) {
            return Err(wrong());
        }
        let (year, week) = (year.parse().map_err(|_| wrong())?, week.parse().map_err(|_| wrong())?);
        return NaiveDate::from_isoywd_opt(year, week, Weekday::Mon).ok_or_else(wrong);
    }
    let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").map_err(|_| wrong())?;
    monday_of(day).ok_or_else(wrong)
}

/// The Monday of the week a day is in; none at the very start of the calendar.
pub fn monday_of(day: NaiveDate) -> Option<NaiveDate> {
    day.checked_sub_days(Days::new(u64::from(day.weekday().num_days_from_monday())))
}

/// The week a report is about unless told otherwise: the last one that is over,
/// or, where the ledger's data ends before it, the last one with data.
pub fn latest(info: &MartInfo, now: Instant) -> Option<NaiveDate> {
    let over = monday_of(now.date_naive())?.checked_sub_days(Days::new(7))?;
    let with_data = info.newest_day().and_then(monday_of);
    Some(with_data.map_or(over, |monday| monday.min(over)))
}

/// `2026-W41`.
pub fn iso(monday: NaiveDate) -> String {
    monday.format("%G-W%V").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    #[test]
    fn a_week_is_named_by_its_number_or_any_of_its_days() {
        // 2026-10-05 is a Monday of ISO week 41; 2027-01-03 the Sunday of 2026-W53.
        for text in ["2026-W41", "2026-w41", "2026-10-05", "2026-10-11", " 2026-10-08 "] {
            assert_eq!(parse(text).unwrap(), date("2026-10-05"), "{text}");
        }
        assert_eq!(parse("2027-01-03").unwrap(), date("2026-12-28"));
        assert_eq!(parse("2026-W53").unwrap(), date("2026-12-28"));
        assert_eq!(iso(date("2026-12-28")), "2026-W53");
    }

    #[test]
    fn what_is_no_week_is_refused() {
        for text in [
            "",
            "41",
            "2026-W54",
            "2025-W53",
            "2026-W00",
            "2026-W4",
            "2026-10",
            "05.10.2026",
            "2026-W+1",
            "-W41",
            "２０２６-W41",
        ] {
            assert!(matches!(parse(text), Err(ReportError::Week(_))), "{text}");
        }
    }

    #[test]
    fn the_latest_week_is_over_and_has_data() {
        let info = |end: Option<&str>| MartInfo {
            id: "m".into(),
            published_at: "2026-10-14T06:00:00Z".parse().unwrap(),
            first_day: end.map(|_| date("2026-09-01")),
            end_day: end.map(date),
            usage_end: None,
            currencies: vec![],
            publishes: vec![],
            teams: vec![],
            has_fixed_shares: false,
            display_timezone: "UTC".into(),
        };
        let wednesday: Instant = "2026-10-14T12:00:00Z".parse().unwrap();
        assert_eq!(latest(&info(Some("2026-10-14")), wednesday), Some(date("2026-10-05")));
        assert_eq!(latest(&info(Some("2026-10-05")), wednesday), Some(date("2026-09-28")));
        assert_eq!(latest(&info(None), wednesday), Some(date("2026-10-05")));
        // Fees reach to the end of their month; usage ended on a Sunday in September.
        let fees_go_on = MartInfo { usage_end: Some(date("2026-09-28")), ..info(Some("2026-11-01")) };
        assert_eq!(latest(&fees_go_on, wednesday), Some(date("2026-09-21")));
    }
}
