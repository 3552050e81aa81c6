//! When jobs are due, and the record in `state.sqlite` of those that ran.
//!
//! A job is due at the moments its cron expression names in its time zone. However many of them
//! passed while nothing could run, it runs once, for the last of them. One job runs at a time,
//! in whatever process ([`ScheduleLock`]); what a killed process left is run again. What a job
//! does is not known here.

mod record;

use std::fmt;
use std::path::Path;
use std::time::Duration;

use chrono::{TimeDelta, TimeZone as _};
use chrono_tz::Tz;
use croner::Cron;
use croner::parser::{CronParser, Seconds, Year};
use model::time::Instant;
use sha2::{Digest, Sha256};

pub use record::{Outcome, ScheduleError, ScheduleLock, ScheduleRecord, ScheduledRun};

/// Moments that are counted as missed at most.
const MOST_MISSED: u32 = 1_000;
/// Days that are looked back over at most: who was away longer has missed "many".
const LONGEST_AWAY: TimeDelta = TimeDelta::days(400);

/// What names this machine and stays the same from start to start; empty where nothing does.
pub fn machine() -> String {
    let id = std::fs::read_to_string("/etc/machine-id").unwrap_or_default();
    match id.trim() {
        // Containers often have none, or one that is empty.
        "" => std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim().to_owned(),
        id => id.to_owned(),
    }
}

/// One schedule of the configuration.
#[derive(Clone, Debug)]
pub struct Schedule {
    /// Its name, by which it is known from start to start.
    pub name: String,
    /// What it runs, as the configuration calls it.
    pub job: String,
    /// When, as it was written.
    pub cron: String,
    /// Whose clock that is.
    pub timezone: Tz,
    /// Longest delay after the moment; how long it really is follows from the name and
    /// [`Self::installed`], so that many installations do not ask one server at once, and each always
    /// at its own time.
    pub jitter: Duration,
    place: String,
    parsed: Cron,
}

/// A moment at which a job should run, and may now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Due {
    /// The moment that the expression names.
    pub at: Instant,
    /// Earlier moments that passed without a run.
    pub missed: u32,
    /// Which attempt for this moment it is, from 1.
    pub attempt: u32,
}

impl Schedule {
    /// Reads an expression of five fields (minute, hour, day of month, month, day of week) or a
    /// word such as `@daily`.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn new(name: &str, job: &str, cron: &str, timezone: Tz, jitter: Duration) -> Result<Self, String> {
        let parser = CronParser::builder().seconds(Seconds::Disallowed).year(Year::Disallowed).build();
        let parsed = parser.parse(cron).map_err(|cause| cause.to_string())?;
        let schedule = Self {
            name: name.to_owned(),
            job: job.to_owned(),
            cron: cron.to_owned(),
            timezone,
            jitter,
            place: String::new(),
            parsed,
        };
        // 30 February parses, and would be searched for at every look.
        match schedule.after(Instant::UNIX_EPOCH + TimeDelta::days(20_000)) {
            Some(_) => Ok(schedule),
            None => Err("it names no moment".to_owned()),
        }
    }

    /// The same in an installation: a ledger's directory on a machine.
    #[must_use]
    pub fn installed(self, ledger: &Path, machine: &str) -> Self {
        // Both follow from nothing that changes from start to start.
        let ledger = std::path::absolute(ledger).unwrap_or_else(|_| ledger.to_owned());
        Self { place: format!("{machine}\n{}", ledger.display()), ..self }
    }

    /// The first moment after another.
    pub fn after(&self, at: Instant) -> Option<Instant> {
        let local = self.timezone.from_utc_datetime(&at.naive_utc());
        let next = self.parsed.find_next_occurrence(&local, false).ok()?;
        Some(next.to_utc())
    }

    /// How long after its moments it runs: always the same.
    pub fn delay(&self) -> TimeDelta {
        let hash = Sha256::digest(format!("{}\n{}", self.place, self.name).as_bytes());
        let number = hash.iter().take(8).fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
        let seconds = number % (self.jitter.as_secs() + 1);
        TimeDelta::seconds(i64::try_from(seconds).unwrap_or(0))
    }

    /// When it will run next, as far as the expression says.
    pub fn next(&self, now: Instant) -> Option<Instant> {
        self.after(now - self.delay()).map(|at| at + self.delay())
    }

    /// The last moment after `since` whose time has come, and how many passed before it.
    fn last_passed(&self, since: Instant, now: Instant) -> Option<(Instant, u32)> {
        let until = now - self.delay();
        let (mut last, mut passed) = (None, 0_u32);
        let mut at = since.max(until - LONGEST_AWAY);
        while let Some(next) = self.after(at).filter(|next| *next <= until) {
            (last, at) = (Some(next), next);
            passed += 1;
            if passed > MOST_MISSED {
                // Too many to count: from here only the last matters.
                at = at.max(until - TimeDelta::days(8));
                passed = MOST_MISSED;
            }
        }
        last.map(|last| (last, passed - 1))
    }
}

impl fmt::Display for Schedule {
    /// `15 6 * * * Europe/Berlin`: what, when changed, makes it another schedule.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.cron, self.timezone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(cron: &str, zone: Tz) -> Schedule {
        Schedule::new("daily", "run", cron, zone, Duration::ZERO).unwrap()
    }

    fn at(text: &str) -> Instant {
        text.parse().unwrap()
    }

    /// Moments after one, as text, in UTC.
    fn moments(schedule: &Schedule, from: &str, count: usize) -> Vec<String> {
        let mut at = at(from);
        let mut found = Vec::new();
        for _ in 0..count {
            at = schedule.after(at).unwrap();
            found.push(at.format("%m-%d %H:%M").to_string());
        }
        found
    }

    #[test]
    fn a_day_in_local_time_keeps_its_hour_when_the_clocks_change() {
        // Berlin is an hour ahead until 2026-03-29 and two from then; one again from 2026-10-25.
        let morning = schedule("15 6 * * *", Tz::Europe__Berlin);
        assert_eq!(moments(&morning, "2026-03-28T00:00:00Z", 2), ["03-28 05:15", "03-29 04:15"]);
        assert_eq!(moments(&morning, "2026-10-24T00:00:00Z", 2), ["10-24 04:15", "10-25 05:15"]);
    }

    #[test]
    fn a_time_that_is_skipped_runs_once_after_it_and_one_that_comes_twice_once() {
        // 02:30 is skipped on 29 March: 03:00 is 01:00 UTC. On 25 October it comes at 00:30 and 01:30 UTC.
        let night = schedule("30 2 * * *", Tz::Europe__Berlin);
        let spring = moments(&night, "2026-03-28T00:00:00Z", 3);
        assert_eq!(spring, ["03-28 01:30", "03-29 01:00", "03-30 00:30"]);
        assert_eq!(moments(&night, "2026-10-24T12:00:00Z", 2), ["10-25 00:30", "10-26 01:30"]);
        // What runs every hour runs in each of the 25.
        let hourly = schedule("0 * * * *", Tz::Europe__Berlin);
        let autumn = moments(&hourly, "2026-10-24T22:30:00Z", 4);
        assert_eq!(autumn, ["10-24 23:00", "10-25 00:00", "10-25 01:00", "10-25 02:00"]);
    }

    #[test]
    fn however_many_moments_passed_the_last_is_due() {
        let daily = schedule("0 6 * * *", Tz::UTC);
        let passed = |since: &str, now: &str| daily.last_passed(at(since), at(now));
        assert_eq!(passed("2026-10-01T06:00:00Z", "2026-10-02T05:59:59Z"), None);
        assert_eq!(
            passed("2026-10-01T06:00:00Z", "2026-10-02T06:00:00Z"),
            Some((at("2026-10-02T06:00:00Z"), 0))
        );
        assert_eq!(
            passed("2026-10-01T06:00:00Z", "2026-10-05T12:00:00Z"),
            Some((at("2026-10-05T06:00:00Z"), 3))
        );
        let minutely = schedule("* * * * *", Tz::UTC);
        let long_ago = minutely.last_passed(at("2025-01-01T00:00:00Z"), at("2026-10-05T12:00:30Z"));
        assert_eq!(long_ago, Some((at("2026-10-05T12:00:00Z"), MOST_MISSED - 1)));
    }

    #[test]
    fn the_delay_is_an_installations_own_and_always_the_same() {
        let on = |machine: &str, ledger: &str| {
            let long = Duration::from_secs(12 * 3_600);
            let schedule = Schedule::new("morning", "run", "0 6 * * *", Tz::UTC, long).unwrap();
            schedule.installed(Path::new(ledger), machine).delay()
        };
        let here = on("a1", "/var/lib/lakeledger/ledger");
        assert_eq!(here, on("a1", "/var/lib/lakeledger/ledger"));
        assert_ne!(here, on("b2", "/var/lib/lakeledger/ledger"), "another machine");
        assert_ne!(here, on("a1", "/srv/ledger"), "another ledger of the same machine");
        assert!(here <= TimeDelta::hours(12));
        assert_eq!(machine(), machine());
    }

    #[test]
    fn the_delay_follows_from_the_name() {
        let named = |name| {
            Schedule::new(name, "run", "0 6 * * *", Tz::UTC, Duration::from_secs(600)).unwrap().delay()
        };
        assert_eq!(named("a"), named("a"));
        assert!(["a", "b", "c", "d"].iter().any(|name| named(name) != named("a")));
        assert!(["a", "b", "c", "d"].iter().all(|name| named(name) <= TimeDelta::seconds(600)));
        assert_eq!(schedule("0 6 * * *", Tz::UTC).delay(), TimeDelta::zero());
    }

    #[test]
    fn what_names_no_moment_is_refused() {
        for wrong in ["", "* * * *", "60 * * * *", "0 0 30 2 *", "0 0 0 * * *", "every day"] {
            assert!(Schedule::new("x", "run", wrong, Tz::UTC, Duration::ZERO).is_err(), "{wrong}");
        }
        assert!(Schedule::new("x", "run", "@daily", Tz::UTC, Duration::ZERO).is_ok());
    }
}
