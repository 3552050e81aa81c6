//! Objects added up by prefix, storage class and age.

use std::collections::{BTreeMap, HashMap};

use model::Warning;
use model::time::{Instant, PeriodKey};

use super::columns::Listed;
use crate::rows::Storage;
use crate::sink::Sink;
use crate::source::ReadError;
use crate::source::scalars::clean;

/// Colder classes bill a smaller object as one of this size.
const SMALL_BYTES: i64 = 128 << 10;

/// Prefixes that are kept apart; what comes then is added to directories nearer to the root.
const MOST_PREFIXES: usize = 200_000;
/// Levels that are kept when there are too many prefixes.
const FEW_LEVELS: usize = 2;
/// Storage classes that are kept apart: S3 has a dozen.
const MOST_CLASSES: usize = 64;

/// The parts of a table's directory, as landed.
const PARTS: [&str; 3] = ["data", "metadata", "other"];
/// Days from which on an age band begins, and its name.
const AGE_BANDS: [(i64, &str); 5] =
    [(0, "0-29"), (30, "30-89"), (90, "90-179"), (180, "180-364"), (365, "365+")];

/// (part, class, age band), as positions in their lists.
type Group = (usize, usize, usize);

#[derive(Clone, Copy, Default)]
struct Tally {
    objects: i64,
    bytes: i64,
    noncurrent_objects: i64,
    noncurrent_bytes: i64,
    small_objects: i64,
    small_bytes: i64,
    oldest: Option<Instant>,
    newest: Option<Instant>,
}

/// What a bucket holds.
pub(super) struct Sums {
    collected_at: Instant,
    prefixes: HashMap<String, BTreeMap<Group, Tally>>,
    classes: Vec<String>,
    /// Objects whose prefix was shortened.
    shortened: u64,
}

impl Sums {
    pub(super) fn new(collected_at: Instant) -> Self {
        Self { collected_at, prefixes: HashMap::new(), classes: Vec::new(), shortened: 0 }
    }

    /// Adds one object.
    pub(super) fn add(&mut self, listed: &Listed<'_>) {
        let (prefix, part) = split(listed.key);
        let group = (part, self.class(listed.storage_class), self.age_band(listed.modified_at));
        let tally = self.tallies(prefix).entry(group).or_default();
        let bytes = listed.bytes.max(0);
        if !listed.is_latest || listed.is_delete_marker {
            tally.noncurrent_objects += 1;
            tally.noncurrent_bytes = tally.noncurrent_bytes.saturating_add(bytes);
            return;
        }
        tally.objects += 1;
        tally.bytes = tally.bytes.saturating_add(bytes);
        if bytes < SMALL_BYTES {
            tally.small_objects += 1;
            tally.small_bytes += bytes;
        }
        if let Some(at) = listed.modified_at {
            tally.oldest = Some(tally.oldest.map_or(at, |oldest| oldest.min(at)));
            tally.newest = Some(tally.newest.map_or(at, |newest| newest.max(at)));
        }
    }

    fn tallies(&mut self, prefix: &str) -> &mut BTreeMap<Group, Tally> {
        let full = self.prefixes.len() >= MOST_PREFIXES;
        let kept = if full && !self.prefixes.contains_key(prefix) {
            self.shortened += 1;
            let short =
                prefix.match_indices('/').nth(FEW_LEVELS - 1).map_or(prefix, |(at, _)| &prefix[..=at]);
            let room = self.prefixes.len() < 2 * MOST_PREFIXES || self.prefixes.contains_key(short);
            if room { short } else { "" }
        } else {
            prefix
        };
        let kept = kept.to_owned();
        self.prefixes.entry(kept).or_default()
    }

    /// Lists without the column hold what S3 stores by default.
    fn class(&mut self, name: &str) -> usize {
        let name = if name.is_empty() { "STANDARD" } else { name };
        if let Some(known) = self.classes.iter().position(|class| class == name) {
            return known;
        }
        if self.classes.len() < MOST_CLASSES {
            self.classes.push(clean(name));
        }
        self.classes.len() - 1
    }

    fn age_band(&self, modified_at: Option<Instant>) -> usize {
        let days = modified_at.map_or(0, |at| (self.collected_at - at).num_days());
        AGE_BANDS.iter().rposition(|(from, _)| days >= *from).unwrap_or(0)
    }

    /// Lands what was added up, in the order of prefixes.
    ///
    /// # Errors
    /// When a row does not fit its schema.
    pub(super) fn land(self, bucket: &str, uri: &str, sink: &mut Sink) -> Result<(), ReadError> {
        if self.shortened > 0 {
            let message = "the bucket has more directories than are kept apart: what lies deeper counts with those above";
            sink.warn(Warning::new("many-prefixes", uri, message).times(self.shortened));
        }
        let period = PeriodKey::day_of(self.collected_at);
        let mut prefixes: Vec<_> = self.prefixes.into_iter().collect();
        prefixes.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        for (prefix, tallies) in prefixes {
            for ((part, class, band), tally) in tallies {
                let row = Storage {
                    collected_at: self.collected_at,
                    bucket: bucket.to_owned(),
                    prefix: prefix.clone(),
                    part: PARTS[part],
                    storage_class: self.classes[class].clone(),
                    age_band: AGE_BANDS[band].1,
                    objects: tally.objects,
                    bytes: tally.bytes,
                    noncurrent_objects: tally.noncurrent_objects,
                    noncurrent_bytes: tally.noncurrent_bytes,
                    small_objects: tally.small_objects,
                    small_bytes: tally.small_bytes,
                    oldest_modified_at: tally.oldest,
                    newest_modified_at: tally.newest,
                };
                sink.push(period, &row)?;
            }
        }
        Ok(())
    }
}

/// The directory of a key, cut before its first `name=value` that is a partition and then before the last
/// `data` or `metadata` that is left (a table may lie below a directory of such a name), and
/// which part of a table's directory follows. `env=prod`, with no digit and another directory below it that is
/// none of a table's, is where tables lie, and no partition of one.
fn split(key: &str) -> (&str, usize) {
    let mut start = 0;
    let mut cut = None;
    while let Some(length) = key[start..].find('/') {
        let segment = &key[start..start + length];
        match segment {
            "data" => cut = Some((start, 0)),
            "metadata" => cut = Some((start, 1)),
            _ if is_partition(segment)
                && (cut.is_some() || !holds_tables(segment, &key[start + length + 1..])) =>
            {
                break;
            }
            _ => {}
        }
        start += length + 1;
    }
    let (end, part) = cut.unwrap_or((start, 2));
    (&key[..end], part)
}

fn is_partition(segment: &str) -> bool {
    segment.find('=').is_some_and(|at| at > 0)
}

/// Whether tables lie below a directory called `name=value`, before any of their own is known.
fn holds_tables(segment: &str, below: &str) -> bool {
    let has_directory = below.split_once('/').is_some_and(|(next, _)| {
        !next.is_empty() && !is_partition(next) && next != "data" && next != "metadata"
    });
    has_directory && !segment.contains(|c: char| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_fall_to_the_directory_of_their_table() {
        for (key, want) in [
            ("ingest/tiny_events/data/title_bucket=90/x.parquet", ("ingest/tiny_events/", 0)),
            ("ingest/tiny_events/metadata/v1.json", ("ingest/tiny_events/", 1)),
            ("raw/events/dt=2026-10-05/a.gz", ("raw/events/", 2)),
            ("raw/events/a.gz", ("raw/events/", 2)),
            ("a/data/b/metadata/c", ("a/data/b/", 1)),
            ("data/wh/db/t1/data/dt=2026-10-05/x.parquet", ("data/wh/db/t1/", 0)),
            ("data/x", ("", 0)),
            ("data", ("", 2)),
            ("a/=b/c", ("a/=b/", 2)),
            ("//x", ("//", 2)),
            ("", ("", 2)),
            ("é/ü=1/x", ("é/", 2)),
            ("env=prod/db/t/data/day=2026-10-05/x.parquet", ("env=prod/db/t/", 0)),
            ("lake/env=prod/db/t/metadata/v1.json", ("lake/env=prod/db/t/", 1)),
            ("env=prod/raw/day=2026-10-05/hour=1/x.gz", ("env=prod/raw/", 2)),
            ("t/data/country=us/a/x.parquet", ("t/", 0)),
            ("t/country=us/city=berlin/x.parquet", ("t/", 2)),
            ("t/country=us/x.parquet", ("t/", 2)),
            ("day=2026-10-05/a/x.gz", ("", 2)),
        ] {
            assert_eq!(split(key), want, "{key}");
        }
    }

    #[test]
    fn bands_begin_with_their_day() {
        let sums = Sums::new("2026-11-20T01:00:00Z".parse().unwrap());
        for (at, want) in [
            ("2026-11-20T02:00:00Z", 0),
            ("2026-10-21T01:00:01Z", 0),
            ("2026-10-21T01:00:00Z", 1),
            ("2026-08-22T01:00:00Z", 2),
            ("2025-11-20T01:00:00Z", 4),
        ] {
            assert_eq!(sums.age_band(Some(at.parse().unwrap())), want, "{at}");
        }
        assert_eq!(sums.age_band(None), 0);
    }

    #[test]
    fn more_directories_than_are_kept_count_further_up() {
        let mut sums = Sums::new("2026-11-20T01:00:00Z".parse().unwrap());
        for at in 0..MOST_PREFIXES + 10 {
            let key = format!("a/b/{at}/x");
            sums.add(&Listed {
                key: &key,
                bytes: 1,
                modified_at: None,
                storage_class: "",
                is_latest: true,
                is_delete_marker: false,
            });
        }
        assert_eq!((sums.prefixes.len(), sums.shortened), (MOST_PREFIXES + 1, 10));
        assert_eq!(sums.prefixes["a/b/"][&(2, 0, 0)].objects, 10);
    }
}
