//! Times as texts: RFC 3339, and as databases print them.

use chrono::{DateTime, Datelike, FixedOffset, NaiveDateTime, Utc};
use model::time::Instant;

/// An instant from `2026-10-05T04:00:00.5+00:00`, `2026-10-05T04:00:00Z`,
/// `2026-10-05 04:00:00.5` (UTC) or `2026-10-05 04:00:00+00`; nothing for what is no time,
/// or none between the years 2000 and 2200.
pub(super) fn iso_time(text: &str) -> Option<Instant> {
    let text = text.trim();
    let zoned = || text.parse::<DateTime<FixedOffset>>().ok().map(|at| at.with_timezone(&Utc));
    let bare = || {
        let text = text.strip_suffix("+00").unwrap_or(text);
        let parsed = NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f");
        parsed.or_else(|_| NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f")).ok()
    };
    let at = zoned().or_else(|| bare().map(|at| at.and_utc()))?;
    (2000..2200).contains(&at.year()).then_some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_instant_has_many_spellings() {
        let want = "2026-10-05T04:00:00.5Z".parse::<Instant>().unwrap();
        for text in [
            "2026-10-05T04:00:00.500+00:00",
            "2026-10-05T04:00:00.5Z",
            "2026-10-05T06:00:00.5+02:00",
            " 2026-10-05 04:00:00.500000",
            "2026-10-05 04:00:00.5+00",
            "2026-10-05 04:00:00.5+00:00",
            "2026-10-05T04:00:00.5",
        ] {
            assert_eq!(iso_time(text), Some(want), "{text}");
        }
        for text in ["", "yesterday", "1969-12-31T23:59:59Z", "2026-13-01T00:00:00Z", "12026-01-01T00:00:00Z"]
        {
            assert_eq!(iso_time(text), None, "{text}");
        }
    }
}
