//! Letters that are late: of weeks that were not whole when they were asked for, or of which nothing
//! asked in time.

use std::collections::BTreeMap;

use attribution::mart::Mart;
use chrono::{Days, NaiveDate};
use reports::mail::Outbox;
use reports::watch::closed_days;
use reports::weekly::waits;

use super::mail_failure;
use crate::config::Config;
use crate::printer::Failure;

/// Weeks before the latest whose letters go still; older ones are no news any more.
const WEEKS: u64 = 2;

/// The weeks before the latest that are whole by now, the oldest first.
pub(super) fn weeks(mart: &Mart, latest: NaiveDate) -> Result<Vec<NaiveDate>, Failure> {
    let Some((held, closed)) = mart.info().used_days().zip(closed_days(mart)?) else { return Ok(Vec::new()) };
    let end = held.1.min(closed.end);
    let mondays = (1..=WEEKS).rev().filter_map(|back| latest.checked_sub_days(Days::new(7 * back)));
    Ok(mondays.filter(|monday| held.0 <= *monday && *monday + Days::new(7) <= end).collect())
}

/// What became of reports and digests, as the record of mail has it.
#[derive(Default)]
pub(super) struct Told {
    /// By report and whose it is; of each the weeks it was asked for, and whether it waits for the
    /// week to be whole.
    weeks: BTreeMap<(String, Option<String>), BTreeMap<String, bool>>,
}

impl Told {
    /// Reads the record.
    pub fn read(config: &Config) -> Result<Self, Failure> {
        let outbox = Outbox::open(&config.ledger).map_err(mail_failure)?;
        let mut told = Self::default();
        for one in outbox.withheld().map_err(mail_failure)? {
            told.add((one.report, one.team), one.period, waits(&one.reason));
        }
        for one in outbox.deliveries().map_err(mail_failure)? {
            // Whatever became of it: there is a letter.
            told.add((one.report, one.team), one.period, false);
        }
        Ok(told)
    }

    fn add(&mut self, whose: (String, Option<String>), week: String, waits: bool) {
        self.weeks.entry(whose).or_default().insert(week, waits);
    }

    /// Whether a report of a week is to be mailed still: it waits, or nothing asked for it though an
    /// earlier week was asked for. Who starts to mail reports owes nothing of the past.
    pub fn is_owed(&self, report: &str, whose: Option<&str>, week: &str) -> bool {
        let Some(asked) = self.weeks.get(&(report.to_owned(), whose.map(str::to_owned))) else {
            return false;
        };
        match asked.get(week) {
            Some(waits) => *waits,
            None => asked.keys().next().is_some_and(|first| first.as_str() < week),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_or_was_missed_is_owed_and_what_was_before_the_first_is_not() {
        let mut told = Told::default();
        let growth = || ("weekly".to_owned(), Some("growth".to_owned()));
        told.add(growth(), "2026-W40".into(), false);
        told.add(growth(), "2026-W42".into(), true);
        let owed = |week| told.is_owed("weekly", Some("growth"), week);
        assert!(!owed("2026-W39"), "before the first");
        assert!(!owed("2026-W40"), "settled");
        assert!(owed("2026-W41"), "nothing ran in time");
        assert!(owed("2026-W42"), "it waits");
        assert!(
            !told.is_owed("weekly", None, "2026-W41") && !told.is_owed("digest", Some("growth"), "2026-W41")
        );
    }
}
