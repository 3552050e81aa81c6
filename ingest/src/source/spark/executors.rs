//! Executors: how long each lived, what it held, and that cut by hour and host.

use std::collections::BTreeMap;

use model::time::{Instant, from_epoch_ms, hours};

use super::events::{ExecutorAdded, Peaks, ResourceProfile};
use super::properties::{Properties, memory_mib};

/// A life longer than this is a broken clock, not an executor.
const LONGEST_LIFE_MS: i64 = 400 * 24 * 3_600_000;

/// More than the largest machines one can rent have (1,920 cores, 32 TiB): a log that claims more
/// for one executor would take the cost of its whole cluster.
const MOST_CORES: i64 = 4_096;
const MOST_MEMORY_MIB: i64 = 64 << 20;

/// An executor may still register while its application stops, but not later than this.
const LATEST_START_MS: i64 = 60_000;

const MIB: i64 = 1 << 20;

struct Executor {
    id: String,
    host: Option<String>,
    cores: i64,
    profile: i64,
    added_ms: i64,
    removed_ms: Option<i64>,
}

/// What was held on one host in one hour.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Held {
    pub vcore_ms: i64,
    pub memory_mib_ms: i64,
    pub active_ms: i64,
}

/// Executors that are not counted as their log tells of them.
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

/// The executors of one application.
#[derive(Default)]
pub(super) struct Executors {
    lives: Vec<Executor>,
    profiles: BTreeMap<i64, BTreeMap<String, i64>>,
    peaks: BTreeMap<String, Peaks>,
}

impl Executors {
    /// Notes a start. The same executor reported twice (a compacted log repeats what still
    /// runs) is one.
    pub(super) fn added(&mut self, event: ExecutorAdded) {
        if self.lives.iter().any(|life| life.id == event.id && life.removed_ms.is_none()) {
            return;
        }
        self.lives.push(Executor {
            id: event.id,
            host: event.info.host.filter(|host| !host.is_empty()),
            cores: event.info.cores.max(0),
            profile: event.info.profile,
            added_ms: event.at_ms,
            removed_ms: None,
        });
    }

    /// Notes an end. An executor that died before it registered held nothing we know of.
    pub(super) fn removed(&mut self, id: &str, at_ms: i64) {
        if let Some(life) = self.lives.iter_mut().find(|life| life.id == id && life.removed_ms.is_none()) {
            life.removed_ms = Some(at_ms);
        }
    }

    pub(super) fn profile(&mut self, event: ResourceProfile) {
        let amounts = event.requests.into_iter().map(|(name, request)| (name, request.amount)).collect();
        self.profiles.insert(event.id, amounts);
    }

    /// Keeps the larger of each peak, as the history server does.
    pub(super) fn peak(&mut self, id: &str, new: &Peaks) {
        if !self.peaks.contains_key(id) {
            self.peaks.insert(id.to_owned(), Peaks::default());
        }
        if let Some(known) = self.peaks.get_mut(id) {
            *known = Peaks {
                heap: known.heap.max(new.heap),
                off_heap: known.off_heap.max(new.off_heap),
                jvm_rss: known.jvm_rss.max(new.jvm_rss),
                python_rss: known.python_rss.max(new.python_rss),
                other_rss: known.other_rss.max(new.other_rss),
            };
        }
    }

    /// The executors that did the application's work. In cluster and client mode the
    /// driver is none; in local mode it is the only one.
    fn working<'a>(&'a self, properties: &Properties) -> impl Iterator<Item = &'a Executor> + use<'a> {
        let local = properties.is_local();
        self.lives.iter().filter(move |life| local || life.id != "driver")
    }

    /// How many ever ran.
    pub(super) fn count(&self, properties: &Properties) -> i64 {
        self.working(properties).count() as i64
    }

    /// The largest peak of one executor, bytes: the resident memory of its processes where
    /// they were watched, else JVM heap and off-heap; nothing where neither was collected, nor
    /// where Python has memory of its own that was not watched: the heap is then not the peak.
    pub(super) fn peak_memory_bytes(&self, properties: &Properties) -> Option<i64> {
        let local = properties.is_local();
        let beside_python = properties.get("spark.executor.pyspark.memory").is_some();
        self.peaks
            .iter()
            .filter(|(id, _)| local || *id != "driver")
            .map(|(_, peaks)| {
                let resident = peaks.jvm_rss.saturating_add(peaks.python_rss).saturating_add(peaks.other_rss);
                match resident {
                    0 if beside_python => 0,
                    0 => peaks.heap.saturating_add(peaks.off_heap),
                    resident => resident,
                }
            })
            .max()
            .filter(|peak| *peak > 0)
    }

    /// Cuts every life at the hour. An executor without an end lived until `end_ms`, the
    /// end of the application or its last event. Gives also how many could not be believed.
    pub(super) fn held(&self, properties: &Properties, end_ms: i64) -> (HeldHours, Unbelievable) {
        let mut held = HeldHours::new();
        let mut spans: BTreeMap<HourOnHost, Vec<(Instant, Instant)>> = BTreeMap::new();
        let mut unbelievable = Unbelievable::default();
        for life in self.working(properties) {
            let ends_ms = life.removed_ms.unwrap_or(end_ms);
            let (Some(start), Some(end)) = (from_epoch_ms(life.added_ms), from_epoch_ms(ends_ms)) else {
                unbelievable.times += 1;
                continue;
            };
            if !(-LATEST_START_MS..=LONGEST_LIFE_MS).contains(&(ends_ms - life.added_ms)) {
                unbelievable.times += 1;
                continue;
            }
            let memory_mib = self.memory_mib(life, properties);
            unbelievable.sizes += u64::from(life.cores > MOST_CORES || memory_mib > MOST_MEMORY_MIB);
            let (cores, memory_mib) = (life.cores.min(MOST_CORES), memory_mib.min(MOST_MEMORY_MIB));
            for (hour, ms) in hours(start, end) {
                let key = (hour, life.host.clone());
                let here = held.entry(key.clone()).or_default();
                here.vcore_ms = here.vcore_ms.saturating_add(cores.saturating_mul(ms));
                here.memory_mib_ms = here.memory_mib_ms.saturating_add(memory_mib.saturating_mul(ms));
                let from = hour.max(start);
                spans.entry(key).or_default().push((from, from + chrono::TimeDelta::milliseconds(ms)));
            }
        }
        for (key, spans) in spans {
            held.entry(key).or_default().active_ms = covered_ms(spans);
        }
        (held, unbelievable)
    }

    /// MiB one executor holds, by the formula of YARN and Kubernetes
    /// (`ResourceProfile.getResourcesForClusterManager`): heap + overhead + off-heap +
    /// Python, each from its resource profile, else from the Spark properties. Standalone
    /// workers and local mode reserve no overhead, but their JVMs need it as much, so the
    /// same formula holds; in local mode the heap is the driver's.
    fn memory_mib(&self, life: &Executor, properties: &Properties) -> i64 {
        let role = if properties.is_local() { "driver" } else { "executor" };
        let profile = self.profiles.get(&life.profile).filter(|_| role == "executor");
        let asked = |name: &str| profile.and_then(|amounts| amounts.get(name)).copied();
        let set = |key: &str, unit: i64| properties.get(key).and_then(|text| memory_mib(text, unit));

        let heap = asked("memory").or_else(|| set(&format!("spark.{role}.memory"), MIB)).unwrap_or(1024);
        let overhead = asked("memoryOverhead")
            .or_else(|| set(&format!("spark.{role}.memoryOverhead"), MIB))
            .or_else(|| set(&format!("spark.yarn.{role}.memoryOverhead"), MIB))
            .unwrap_or_else(|| {
                let least = set(&format!("spark.{role}.minMemoryOverhead"), MIB).unwrap_or(384);
                let factor = properties
                    .get(&format!("spark.{role}.memoryOverheadFactor"))
                    .or_else(|| properties.get("spark.kubernetes.memoryOverheadFactor"))
                    .and_then(|text| text.parse::<f64>().ok())
                    .filter(|factor| (0.0..100.0).contains(factor))
                    .unwrap_or(0.10);
                // Spark truncates the product to whole MiB as well.
                least.max((heap as f64 * factor) as i64)
            });
        let off_heap = asked("offHeap").unwrap_or_else(|| {
            let enabled = properties.get("spark.memory.offHeap.enabled") == Some("true");
            enabled.then(|| set("spark.memory.offHeap.size", 1)).flatten().unwrap_or(0)
        });
        let python =
            asked("pyspark.memory").or_else(|| set("spark.executor.pyspark.memory", MIB)).unwrap_or(0);
        [overhead, off_heap, python].iter().fold(heap.max(0), |sum, part| sum.saturating_add((*part).max(0)))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Instant {
        text.parse().unwrap()
    }

    fn executor(id: &str, host: &str, cores: i64, added: &str) -> ExecutorAdded {
        serde_json::from_value(serde_json::json!({
            "Timestamp": at(added).timestamp_millis(), "Executor ID": id,
            "Executor Info": { "Host": host, "Total Cores": cores },
        }))
        .unwrap()
    }

    #[test]
    fn overlapping_lives_of_a_host_are_active_once_and_held_twice() {
        let properties = Properties::new([("spark.master".to_owned(), "yarn".to_owned())]);
        let mut executors = Executors::default();
        executors.added(executor("1", "a", 2, "2026-10-05T01:30:00Z"));
        executors.added(executor("2", "a", 1, "2026-10-05T01:45:00Z"));
        executors.added(executor("3", "b", 4, "2026-10-05T01:50:00Z"));
        executors.added(executor("driver", "c", 64, "2026-10-05T01:00:00Z"));
        executors.removed("1", at("2026-10-05T02:15:00Z").timestamp_millis());
        executors.removed("never-registered", 0);
        let (held, unbelievable) = executors.held(&properties, at("2026-10-05T02:30:00Z").timestamp_millis());
        // By hand, in minutes: host a 01h: 2x30 + 1x15 cores, active 30; 02h: 2x15 + 1x30, active 30.
        // Host b: 4x10 and 4x30. Memory: 1024 + 384 MiB each.
        let want = [
            ("2026-10-05T01:00:00Z", "a", 75, 45, 30),
            ("2026-10-05T01:00:00Z", "b", 40, 10, 10),
            ("2026-10-05T02:00:00Z", "a", 60, 45, 30),
            ("2026-10-05T02:00:00Z", "b", 120, 30, 30),
        ];
        let want: HeldHours = want
            .into_iter()
            .map(|(hour, host, core_minutes, minutes, active)| {
                let held = Held {
                    vcore_ms: core_minutes * 60_000,
                    memory_mib_ms: minutes * 60_000 * 1408,
                    active_ms: active * 60_000,
                };
                ((at(hour), Some(host.to_owned())), held)
            })
            .collect();
        assert_eq!((held, unbelievable), (want, Unbelievable::default()));
        assert_eq!(executors.count(&properties), 3);
    }

    #[test]
    fn memory_follows_the_profile_then_the_properties_then_sparks_defaults() {
        let memory = |pairs: &[(&str, &str)], profile: Option<&[(&str, i64)]>| {
            let pairs = pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
            let properties = Properties::new(pairs);
            let mut executors = Executors::default();
            if let Some(amounts) = profile {
                let amounts = amounts.iter().map(|(name, mib)| ((*name).to_owned(), *mib)).collect();
                executors.profiles.insert(0, amounts);
            }
            executors.added(executor("1", "a", 1, "2026-10-05T01:30:00Z"));
            executors.memory_mib(&executors.lives[0], &properties)
        };
        assert_eq!(memory(&[], None), 1024 + 384);
        assert_eq!(memory(&[("spark.executor.memory", "10g")], None), 10_240 + 1024);
        assert_eq!(memory(&[("spark.executor.memory", "9397M")], None), 9397 + 939);
        assert_eq!(
            memory(&[("spark.executor.memory", "20g"), ("spark.executor.memoryOverhead", "8g")], None),
            28_672
        );
        assert_eq!(
            memory(&[("spark.memory.offHeap.enabled", "true"), ("spark.memory.offHeap.size", "1g")], None),
            2432
        );
        assert_eq!(memory(&[("spark.memory.offHeap.size", "1g")], None), 1408);
        assert_eq!(
            memory(&[("spark.executor.memory", "8g"), ("spark.executor.memoryOverheadFactor", "0.4")], None),
            8192 + 3276
        );
        assert_eq!(
            memory(
                &[("spark.master", "local[2]"), ("spark.driver.memory", "900m")],
                Some(&[("memory", 1024)])
            ),
            1284
        );
        assert_eq!(
            memory(&[], Some(&[("memory", 2048), ("offHeap", 512), ("pyspark.memory", 256)])),
            2048 + 384 + 512 + 256
        );
        assert_eq!(memory(&[], Some(&[("memory", 2048), ("memoryOverhead", 1000)])), 3048);
        assert_eq!(memory(&[("spark.executor.memory", "lots")], None), 1408);
    }

    #[test]
    fn a_life_of_two_centuries_counts_nothing() {
        let properties = Properties::default();
        let mut executors = Executors::default();
        executors.added(executor("1", "a", i64::MAX, "2001-10-05T01:30:00Z"));
        let (held, unbelievable) = executors.held(&properties, at("2199-10-05T01:30:00Z").timestamp_millis());
        assert_eq!((held.len(), unbelievable), (0, Unbelievable { times: 1, sizes: 0 }));
    }

    #[test]
    fn an_executor_larger_than_any_machine_counts_as_the_largest() {
        let pairs = [("spark.executor.memory".to_owned(), "100000t".to_owned())];
        let mut executors = Executors::default();
        executors.added(executor("1", "a", i64::MAX, "2026-10-05T01:30:00Z"));
        executors.added(executor("2", "a", 4_096, "2026-10-05T01:59:00Z"));
        let end_ms = at("2026-10-05T02:00:00Z").timestamp_millis();
        let (held, unbelievable) = executors.held(&Properties::new(pairs), end_ms);
        // 31 minutes of executors together, each as large as can be.
        let want = Held {
            vcore_ms: 31 * 60_000 * 4_096,
            memory_mib_ms: 31 * 60_000 * (64 << 20),
            active_ms: 30 * 60_000,
        };
        assert_eq!(held.into_values().collect::<Vec<_>>(), [want]);
        assert_eq!(unbelievable, Unbelievable { times: 0, sizes: 2 });
    }
}
