//! Billing and charge periods: half-open, UTC, never empty.

use chrono::{TimeDelta, Timelike};
use model::time::{Instant, Period, PeriodKey};

use super::notes::Notes;

/// The billing period that starts here: its own end, else the end of its month.
pub(super) fn billing_period(start: Instant, end: Option<Instant>) -> Period {
    let end = end.map(exclusive).filter(|end| *end > start);
    Period { start, end: end.unwrap_or_else(|| PeriodKey::month_of(start.date_naive()).period().end) }
}

/// The period of one charge as the bill has it, repaired where it has none: a line that
/// covered no time would lose its cost when it is cut into hours.
pub(super) fn charge_period(
    start: Option<Instant>,
    end: Option<Instant>,
    billing: Period,
    usage: bool,
    notes: &mut Notes,
) -> Period {
    let Some(start) = start else {
        notes.count("no-charge-start", "", || {
            "lines without a start of the charge: taken for the whole billing period".to_owned()
        });
        return billing;
    };
    let an_hour = start + TimeDelta::hours(1);
    let end = match end.map(exclusive) {
        Some(end) if end > start => end,
        Some(_) => {
            notes.count("bad-charge-end", "", || {
                "charges that end no later than they start: taken for one hour".to_owned()
            });
            an_hour
        }
        None if usage || billing.end <= start => {
            notes.count("no-charge-end", "usage", || "charges without an end: taken for one hour".to_owned());
            an_hour
        }
        None => {
            notes.count("no-charge-end", "fee", || {
                "fees, taxes or credits without an end: taken to the end of the billing period".to_owned()
            });
            billing.end
        }
    };
    Period { start, end }
}

/// An inclusive end, written as the last second of an hour, is the next second.
fn exclusive(end: Instant) -> Instant {
    match (end.minute(), end.second(), end.with_nanosecond(0)) {
        (59, 59, Some(second)) => second + TimeDelta::seconds(1),
        _ => end,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Instant {
        text.parse().unwrap()
    }

    fn check(start: Option<&str>, end: Option<&str>, usage: bool, want: (&str, &str)) {
        let billing = billing_period(at("2025-02-01T00:00:00Z"), None);
        let got = charge_period(start.map(at), end.map(at), billing, usage, &mut Notes::default());
        assert_eq!(got, Period { start: at(want.0), end: at(want.1) });
    }

    #[test]
    fn a_charge_always_covers_some_time() {
        let (one, two) = ("2025-02-10T01:00:00Z", "2025-02-10T02:00:00Z");
        check(Some(one), Some(two), true, (one, two));
        check(Some(one), Some("2025-02-10T01:59:59Z"), true, (one, two));
        check(Some(one), Some("2025-02-10T01:59:59.999Z"), true, (one, two));
        check(Some(one), None, true, (one, two));
        check(Some(one), Some(one), true, (one, two));
        check(Some(one), Some("2025-02-09T00:00:00Z"), false, (one, two));
        check(Some(one), None, false, (one, "2025-03-01T00:00:00Z"));
        check(None, Some(two), true, ("2025-02-01T00:00:00Z", "2025-03-01T00:00:00Z"));
    }
}
