//! Executors: how long each lived and what it held.

use std::collections::BTreeMap;

use super::events::{ExecutorAdded, Peaks, ResourceProfile};
use super::held::Life;
use super::properties::{MIB, Properties};

struct Executor {
    id: String,
    host: Option<String>,
    cores: i64,
    profile: i64,
    added_ms: i64,
    removed_ms: Option<i64>,
}

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

    /// Their lives. An executor without an end lived until `end_ms`, the end of the
    /// application or its last event.
    pub(super) fn lives(&self, properties: &Properties, end_ms: i64) -> impl Iterator<Item = Life> {
        self.working(properties).map(move |executor| Life {
            host: executor.host.clone(),
            cores: executor.cores,
            memory_mib: self.memory_mib(executor, properties),
            from_ms: executor.added_ms,
            to_ms: executor.removed_ms.unwrap_or(end_ms),
        })
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
        let heap = asked("memory")
            .or_else(|| properties.size_mib(&format!("spark.{role}.memory"), MIB))
            .unwrap_or(1024);
        let overhead = asked("memoryOverhead").unwrap_or_else(|| properties.overhead_mib(role, heap));
        let off_heap = asked("offHeap").unwrap_or_else(|| {
            let enabled = properties.get("spark.memory.offHeap.enabled") == Some("true");
            enabled.then(|| properties.size_mib("spark.memory.offHeap.size", 1)).flatten().unwrap_or(0)
        });
        let python = asked("pyspark.memory")
            .or_else(|| properties.size_mib("spark.executor.pyspark.memory", MIB))
            .unwrap_or(0);
        [overhead, off_heap, python].iter().fold(heap.max(0), |sum, part| sum.saturating_add((*part).max(0)))
    }
}

#[cfg(test)]
mod tests {
    use model::time::Instant;

    use super::super::held::{Held, HeldHours, Lives, Unbelievable};
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

    fn held(executors: &Executors, properties: &Properties, end: &str) -> (HeldHours, Unbelievable) {
        let mut lives = Lives::default();
        executors.lives(properties, at(end).timestamp_millis()).for_each(|life| lives.add(&life));
        lives.finish()
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
        let (held, unbelievable) = held(&executors, &properties, "2026-10-05T02:30:00Z");
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
        let (held, unbelievable) = held(&executors, &properties, "2199-10-05T01:30:00Z");
        assert_eq!((held.len(), unbelievable), (0, Unbelievable { times: 1, sizes: 0 }));
    }

    #[test]
    fn an_executor_larger_than_any_machine_counts_as_the_largest() {
        let pairs = [("spark.executor.memory".to_owned(), "100000t".to_owned())];
        let mut executors = Executors::default();
        executors.added(executor("1", "a", i64::MAX, "2026-10-05T01:30:00Z"));
        executors.added(executor("2", "a", 4_096, "2026-10-05T01:59:00Z"));
        let (held, unbelievable) = held(&executors, &Properties::new(pairs), "2026-10-05T02:00:00Z");
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
