//! How far back a scan's filter looks.
//!
//! Reports carry the filter as Iceberg writes expressions in JSON, its literals replaced by
//! what may be told of them: a date becomes `(date-30-days-ago)` (`ExpressionUtil.sanitize`
//! of Iceberg). Literals as they are, of clients that do not hide them, are read too.

use chrono::{DateTime, NaiveDate, TimeDelta};
use model::time::Instant;
use serde_json::Value;

/// Nesting beyond which a filter is not followed.
const DEEPEST: usize = 64;

/// The start of the oldest day a filter lets through; nothing where it does not limit days.
pub(super) fn oldest_day(filter: &Value, now: Instant) -> Option<Instant> {
    let at = lower_bound(filter, now, DEEPEST)?;
    Some(at.date_naive().and_time(chrono::NaiveTime::MIN).and_utc())
}

fn lower_bound(filter: &Value, now: Instant, depth: usize) -> Option<Instant> {
    let depth = depth.checked_sub(1)?;
    let side = |key: &str| filter.get(key).and_then(|side| lower_bound(side, now, depth));
    match filter.get("type")?.as_str()? {
        // Both hold, so that the later bound does; either may hold, so that both must have one.
        "and" => side("left").max(side("right")),
        "or" => Some(side("left")?.min(side("right")?)),
        "gt" | "gt-eq" | "eq" => time(filter.get("value")?, now),
        "in" => {
            let values = filter.get("values")?.as_array()?;
            values.iter().map(|value| time(value, now)).collect::<Option<Vec<_>>>()?.into_iter().min()
        }
        _ => None,
    }
}

/// A date or a timestamp, hidden or as it is.
fn time(value: &Value, now: Instant) -> Option<Instant> {
    let text = value.as_str()?;
    let at = match text.strip_prefix('(').and_then(|text| text.strip_suffix(')')) {
        Some(hidden) => {
            let rest = hidden.strip_prefix("date-").or_else(|| hidden.strip_prefix("timestamp-"))?;
            if matches!(rest, "today" | "about-now") {
                return Some(now);
            }
            let (number, unit) = rest.split_once('-')?;
            let number: i64 = number.parse().ok().filter(|number| (0..=1_000_000).contains(number))?;
            match unit {
                "days-ago" => now.checked_sub_signed(TimeDelta::days(number))?,
                "days-from-now" => now.checked_add_signed(TimeDelta::days(number))?,
                "hours-ago" => now.checked_sub_signed(TimeDelta::hours(number))?,
                "hours-from-now" => now.checked_add_signed(TimeDelta::hours(number))?,
                _ => return None,
            }
        }
        None => match NaiveDate::parse_from_str(text.get(..10)?, "%Y-%m-%d") {
            Ok(day) if text.len() == 10 => day.and_time(chrono::NaiveTime::MIN).and_utc(),
            Ok(_) => DateTime::parse_from_rfc3339(text)
                .map(|at| at.to_utc())
                .or_else(|_| text.parse::<chrono::NaiveDateTime>().map(|at| at.and_utc()))
                .ok()?,
            Err(_) => return None,
        },
    };
    model::time::from_epoch_ms(at.timestamp_millis())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn check(filter: Value, want: Option<&str>) {
        let now = "2026-10-05T06:15:00Z".parse().unwrap();
        let want = want.map(|day| format!("{day}T00:00:00Z").parse().unwrap());
        assert_eq!(oldest_day(&filter, now), want, "{filter}");
    }

    fn from(value: &str) -> Value {
        json!({"type": "gt-eq", "term": "event_date", "value": value})
    }

    #[test]
    fn bounds_are_read_hidden_or_not() {
        for (value, want) in [
            ("2026-09-01", Some("2026-09-01")),
            ("2026-09-01T23:59:59.999999+00:00", Some("2026-09-01")),
            ("2026-09-01T10:00:00", Some("2026-09-01")),
            ("(date-30-days-ago)", Some("2026-09-05")),
            ("(date-today)", Some("2026-10-05")),
            ("(timestamp-7-hours-ago)", Some("2026-10-04")),
            ("(timestamp-about-now)", Some("2026-10-05")),
            ("(hash-1b2c3d4e)", None),
            ("(2-digit-int)", None),
            ("(date-99999999999999999999-days-ago)", None),
            ("0001-01-01", None),
            ("ééééé", None),
        ] {
            check(from(value), want);
        }
    }

    #[test]
    fn expressions_combine_as_they_mean() {
        let both =
            |kind: &str, left: Value, right: Value| json!({"type": kind, "left": left, "right": right});
        let upper = json!({"type": "lt", "term": "event_date", "value": "2026-10-01"});
        check(both("and", from("2026-09-01"), from("2026-09-15")), Some("2026-09-15"));
        check(both("and", from("2026-09-01"), upper.clone()), Some("2026-09-01"));
        check(both("or", from("2026-09-01"), from("2026-09-15")), Some("2026-09-01"));
        check(both("or", from("2026-09-01"), upper.clone()), None);
        check(json!({"type": "not", "child": from("2026-09-01")}), None);
        check(json!({"type": "in", "term": "d", "values": ["2026-09-03", "2026-09-02"]}), Some("2026-09-02"));
        check(json!({"type": "in", "term": "d", "values": ["2026-09-03", "x"]}), None);
        check(json!(true), None);
        check(upper, None);
        let deep = (0..200).fold(from("2026-09-01"), |inner, _| both("and", inner, json!(true)));
        check(deep, None);
    }
}
