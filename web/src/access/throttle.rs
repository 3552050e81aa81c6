//! How often somebody may fail to sign in. What is right is let in whatever failed before it.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use chrono::TimeDelta;
use model::time::Instant;

/// Failures that are forgiven within the window.
const FORGIVEN: u32 = 5;
/// How long a failure counts.
const WINDOW: TimeDelta = TimeDelta::minutes(15);
/// Most addresses that are remembered; the oldest are forgotten.
const MOST: usize = 10_000;

/// Failures by address.
#[derive(Default)]
pub(super) struct Throttle(Mutex<HashMap<IpAddr, (u32, Instant)>>);

impl Throttle {
    /// How long this address has to wait before it may fail again.
    pub fn wait(&self, from: IpAddr, now: Instant) -> Option<TimeDelta> {
        let failures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (count, last) = failures.get(&from)?;
        let over = *last + WINDOW;
        (*count >= FORGIVEN && now < over).then(|| over - now)
    }

    /// Counts a failure.
    pub fn failed(&self, from: IpAddr, now: Instant) {
        let mut failures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if failures.len() >= MOST {
            failures.retain(|_, (_, last)| now < *last + WINDOW);
        }
        if failures.len() >= MOST
            && let Some(oldest) = failures.iter().min_by_key(|(_, (_, last))| *last).map(|(from, _)| *from)
        {
            failures.remove(&oldest);
        }
        let failure = failures.entry(from).or_insert((0, now));
        *failure = if now < failure.1 + WINDOW { (failure.0 + 1, now) } else { (1, now) };
    }

    /// Forgets the failures of an address that signed in.
    pub fn succeeded(&self, from: IpAddr) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&from);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_failures_bar_an_address_for_a_while_and_no_other() {
        let now: Instant = "2026-10-07T06:00:00Z".parse().unwrap();
        let (one, other) = ("10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap());
        let throttle = Throttle::default();
        for _ in 0..4 {
            throttle.failed(one, now);
            assert_eq!(throttle.wait(one, now), None);
        }
        throttle.failed(one, now);
        assert_eq!(throttle.wait(one, now), Some(TimeDelta::minutes(15)));
        assert_eq!(throttle.wait(other, now), None);
        assert_eq!(throttle.wait(one, now + TimeDelta::minutes(15)), None);
        throttle.succeeded(one);
        assert_eq!(throttle.wait(one, now), None);
        for n in 0..u32::try_from(MOST).unwrap() + 5 {
            throttle.failed(IpAddr::from(n.to_be_bytes()), now);
        }
        assert!(throttle.0.lock().unwrap().len() <= MOST);
    }
}
