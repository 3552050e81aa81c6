//! What lives of processes on hosts amount to: cores and memory held, cut by hour and host.

use std::collections::BTreeMap;

use model::time::{Instant, from_epoch_ms, hours};

/// A life longer than this is a broken clock, not an executor.
const LONGEST_LIFE_MS: i64 = 400 * 24 * 3_600_000;

/// More than the largest machines one can rent have (1,920 cores, 32 TiB): a log that claims more
/// for one executor would take the cost of its whole cluster.
const MOST_CORES: i64 = 4_096;
const MOST_MEMORY_MIB: i64 = 64 << 20;

/// An executor may still register while its application stops, but not later than this.
const LATEST_START_MS: i64 = 60_000;

/// One executor or driver, from its start to its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Life {
    pub host: Option<String>,
    pub cores: i64,
    pub memory_mib: i64,
    pub from_ms: i64,
    pub to_ms: i64,
}

/// What was held on one host in one hour.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Held {
    pub vcore_ms: i64,
    pub memory_mib_ms: i64,
    pub active_ms: i64,
}

/// Lives that are not counted as their log tells of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Unbelievable {
    /// Of times that cannot be: left out.
    pub times: u64,
    /// Larger than any machine: counted as the largest.
    pub sizes: u64,
}

/// An hour, and the host something was held on in it.
type HourOnHost = (Instant, Option<String>);

/// Cores and memory held, by hour and host.
pub(super) type HeldHours = BTreeMap<HourOnHost, Held>;

/// Lives, cut at the hour as they come.
#[derive(Default)]
pub(super) struct Lives {
    held: HeldHours,
    spans: BTreeMap<HourOnHost, Vec<(Instant, Instant)>>,
    unbelievable: Unbelievable,
}

impl Lives {
    pub(super) fn add(&mut self, life: &Life) {
        let (Some(start), Some(end)) = (from_epoch_ms(life.from_ms), from_epoch_ms(life.to_ms)) else {
            self.unbelievable.times += 1;
            return;
        };
        if !(-LATEST_START_MS..=LONGEST_LIFE_MS).contains(&(life.to_ms - life.from_ms)) {
            self.unbelievable.times += 1;
            return;
        }
        self.unbelievable.sizes += u64::from(life.cores > MOST_CORES || life.memory_mib > MOST_MEMORY_MIB);
        let (cores, memory_mib) = (life.cores.min(MOST_CORES), life.memory_mib.min(MOST_MEMORY_MIB));
        for (hour, ms) in hours(start, end) {
            let key = (hour, life.host.clone());
            let here = self.held.entry(key.clone()).or_default();
            here.vcore_ms = here.vcore_ms.saturating_add(cores.saturating_mul(ms));
            here.memory_mib_ms = here.memory_mib_ms.saturating_add(memory_mib.saturating_mul(ms));
            let from = hour.max(start);
            self.spans.entry(key).or_default().push((from, from + chrono::TimeDelta::milliseconds(ms)));
        }
    }

    /// Cores and memory held by all lives so far, over all hours.
    pub(super) fn totals(&self) -> (i64, i64) {
        self.held.values().fold((0_i64, 0_i64), |(vcore_ms, memory_mib_ms), held| {
            (vcore_ms.saturating_add(held.vcore_ms), memory_mib_ms.saturating_add(held.memory_mib_ms))
        })
    }

    /// The hours, and how many lives could not be believed.
    pub(super) fn finish(mut self) -> (HeldHours, Unbelievable) {
        for (key, spans) in self.spans {
            self.held.entry(key).or_default().active_ms = covered_ms(spans);
        }
        (self.held, self.unbelievable)
    }
}

/// Milliseconds that at least one of the spans covers.
fn covered_ms(mut spans: Vec<(Instant, Instant)>) -> i64 {
    spans.sort_unstable();
    let mut total = 0;
    let mut reached: Option<Instant> = None;
    for (start, end) in spans {
        let from = reached.map_or(start, |reached| start.max(reached));
        if end > from {
            total += (end - from).num_milliseconds();
            reached = Some(end);
        }
    }
    total
}
