//! Landing: what changed is merged, what did not stays, what fails loses nothing.

#![expect(clippy::unwrap_used, reason = "a test fails loudly")]

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::path::Path;

use chrono::{DateTime, Utc};
use ingest::land::{Landed, Source, ingest};
use ingest::ledger::Ledger;
use ingest::rows::{Access, RunTable};
use ingest::sink::Sink;
use ingest::source::{Plan, ReadError, Reader, SourceOptions, Unit};
use ingest::store::{LocalStore, Object, Store, StoreError};
use model::Warning;
use model::landed::Dataset;
use model::time::{Instant, PeriodKey};
use tempfile::TempDir;

/// Reads files whose lines are `2026-10-05 table` (a row of that day), `2026-10-05 * 600000`
/// (as many rows) or `broken`.
struct Lines {
    bill: bool,
}

impl Reader for Lines {
    fn plan(&self, _store: &dyn Store, listing: &[Object]) -> Result<Plan, ReadError> {
        let (hidden, listed): (Vec<_>, Vec<_>) =
            listing.iter().cloned().partition(|object| object.uri.ends_with(".unplannable"));
        let key = |object: Object| object.uri.trim_end_matches(".unplannable").to_owned();
        Ok(Plan {
            units: listed.into_iter().map(Unit::single).collect(),
            warnings: hidden
                .into_iter()
                .map(|object| Warning::skipped("corrupt", key(object), "corrupt"))
                .collect(),
        })
    }

    fn read(&self, store: &dyn Store, unit: &Unit, _now: Instant, sink: &mut Sink) -> Result<(), ReadError> {
        let mut text = String::new();
        if let Err(fault) = store.open(&unit.key)?.read_to_string(&mut text) {
            let (object, fault) = (unit.key.clone(), fault.to_string());
            return Err(ReadError::Malformed { what: "list", object, fault, hint: None });
        }
        for line in text.lines() {
            let Some((day, table)) = line.split_once(' ') else {
                let fault = "it is broken".to_owned();
                return Err(ReadError::Malformed {
                    what: "list",
                    object: unit.key.clone(),
                    fault,
                    hint: None,
                });
            };
            let period = PeriodKey::parse(day).unwrap();
            let times = table.strip_prefix("* ").map_or(1, |times| times.parse().unwrap());
            for _ in 0..times {
                let row = RunTable {
                    run_id: "r".into(),
                    engine: "test".into(),
                    table_name: table.into(),
                    access: Access::Read,
                    bytes: None,
                    row_count: None,
                    files: None,
                    snapshot_id: None,
                };
                sink.push(period, &row)?;
            }
        }
        Ok(())
    }

    fn replaces_periods(&self) -> bool {
        self.bill
    }
}

/// The same of a source that collects.
struct Collected(Lines);

impl Reader for Collected {
    fn plan(&self, store: &dyn Store, listing: &[Object]) -> Result<Plan, ReadError> {
        self.0.plan(store, listing)
    }

    fn read(&self, store: &dyn Store, unit: &Unit, now: Instant, sink: &mut Sink) -> Result<(), ReadError> {
        self.0.read(store, unit, now, sink)
    }

    fn collects(&self) -> bool {
        true
    }
}

/// A store whose reads break off, as a network does.
struct Breaking(LocalStore);

impl Store for Breaking {
    fn root(&self) -> &str {
        self.0.root()
    }

    fn list(&self) -> Result<Vec<Object>, StoreError> {
        self.0.list()
    }

    fn open(&self, _uri: &str) -> Result<Box<dyn Read + Send>, StoreError> {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _buffer: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::new(io::ErrorKind::ConnectionReset, "connection reset"))
            }
        }
        Ok(Box::new(Broken))
    }
}

struct Place {
    directory: TempDir,
    bill: bool,
}

impl Place {
    fn new(bill: bool) -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("in")).unwrap();
        Self { directory, bill }
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.directory.path().join("in").join(name);
        fs::write(path, text).unwrap();
    }

    fn remove(&self, name: &str) {
        fs::remove_file(self.directory.path().join("in").join(name)).unwrap();
    }

    fn ingest(&self) -> Landed {
        self.ingest_from(Box::new(LocalStore::new(&self.directory.path().join("in"))))
    }

    fn ingest_from(&self, store: Box<dyn Store>) -> Landed {
        let now: DateTime<Utc> = "2026-11-20T00:00:00Z".parse().unwrap();
        self.ingest_at(now, store, Box::new(Lines { bill: self.bill }))
    }

    /// Collects on a day; for how long collections held, as `made until`.
    fn collect(&self, day: &str) -> Vec<String> {
        let store = LocalStore::new(&self.directory.path().join("in"));
        let now: DateTime<Utc> = format!("{day}T05:00:00Z").parse().unwrap();
        self.ingest_at(now, Box::new(store), Box::new(Collected(Lines { bill: false })));
        let ledger = self.ledger();
        let held = ledger.manifest().sources["s"].held.values().flatten();
        held.map(|(made, until)| format!("{made} {until}")).collect()
    }

    fn ingest_at(&self, now: Instant, store: Box<dyn Store>, reader: Box<dyn Reader>) -> Landed {
        let root = self.directory.path();
        fs::create_dir_all(root.join("ledger")).unwrap();
        let source = Source {
            name: "s".into(),
            kind: "lines".into(),
            uri: "in".into(),
            options: SourceOptions::default(),
            store,
            reader,
        };
        ingest(&mut Ledger::open(&root.join("ledger")).unwrap(), &source, now, &()).unwrap()
    }

    fn ledger(&self) -> Ledger {
        Ledger::open(&self.directory.path().join("ledger")).unwrap()
    }

    /// Rows by period, as the manifest says and as files are on disk.
    fn rows(&self) -> BTreeMap<String, u64> {
        let ledger = self.ledger();
        let mut rows = BTreeMap::new();
        for entry in &ledger.manifest().entries {
            assert_eq!(entry.dataset, Dataset::RunTables);
            for part in &entry.parts {
                let bytes = fs::metadata(ledger.root().join(&part.path)).unwrap().len();
                assert_eq!(bytes, part.bytes);
                *rows.entry(entry.period.to_string()).or_default() += part.rows;
            }
        }
        rows
    }

    fn files(&self) -> usize {
        fn count(directory: &Path) -> usize {
            let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
            entries.map(|path| if path.is_dir() { count(&path) } else { 1 }).sum()
        }
        count(&self.directory.path().join("ledger/landed"))
    }
}

fn days(rows: &[(&str, u64)]) -> BTreeMap<String, u64> {
    rows.iter().map(|(day, rows)| ((*day).to_owned(), *rows)).collect()
}

#[test]
fn a_changed_unit_takes_its_rows_along_to_another_period() {
    let place = Place::new(false);
    place.write("a", "2026-10-05 x\n2026-10-06 x\n");
    place.write("b", "2026-10-05 y\n");
    assert_eq!(place.ingest().read, 2);
    assert_eq!(place.rows(), days(&[("2026-10-05", 2), ("2026-10-06", 1)]));
    place.write("a", "2026-10-07 x\n");
    let landed = place.ingest();
    assert_eq!((landed.read, landed.rows), (1, 1));
    assert_eq!(place.rows(), days(&[("2026-10-05", 1), ("2026-10-07", 1)]));
    assert_eq!(place.files(), 2, "what was replaced is deleted");
    assert_eq!(place.ingest().read, 0);
}

#[test]
fn a_log_that_is_gone_stays_and_a_bill_file_that_was_replaced_does_not() {
    for (bill, left) in [(false, 2), (true, 1)] {
        let place = Place::new(bill);
        place.write("first", "2026-10-05 x\n");
        place.ingest();
        place.remove("first");
        place.ingest();
        assert_eq!(place.rows(), days(&[("2026-10-05", 1)]), "nothing else fills the period: it stays");
        place.write("second", "2026-10-05 x\n");
        // At once: no state may count both the old delivery and the new.
        place.ingest();
        assert_eq!(place.rows(), days(&[("2026-10-05", left)]), "bill: {bill}");
    }
}

#[test]
fn a_unit_that_breaks_keeps_what_it_landed_before_and_is_named_until_mended() {
    let place = Place::new(false);
    place.write("a", "2026-10-05 x\n");
    place.ingest();
    place.write("a", "2026-10-05 x\nbroken\n");
    for read in [1, 0] {
        let landed = place.ingest();
        assert_eq!(landed.read, read, "a defect is not tried again until the object changes");
        assert!(landed.warnings.iter().any(|warning| warning.skipped && warning.message.contains("broken")));
        assert_eq!(place.rows(), days(&[("2026-10-05", 1)]));
    }
    place.write("a", "2026-10-05 x\n2026-10-05 y\n");
    assert!(place.ingest().warnings.is_empty());
    assert_eq!(place.rows(), days(&[("2026-10-05", 2)]));
}

#[test]
fn a_delivery_that_cannot_be_planned_keeps_its_rows_though_another_fills_its_month() {
    let place = Place::new(true);
    place.write("ours", "2026-10-05 x\n");
    place.write("theirs", "2026-10-05 y\n");
    place.ingest();
    place.remove("ours");
    place.write("ours.unplannable", "");
    place.ingest();
    assert_eq!(place.rows(), days(&[("2026-10-05", 2)]));
}

#[test]
fn a_landed_file_that_was_lost_or_damaged_is_read_again() {
    let place = Place::new(true);
    place.write("a", "2026-10-05 x\n2026-10-06 x\n");
    place.ingest();
    let ledger = place.ledger();
    let parts: Vec<_> =
        ledger.manifest().entries.iter().map(|entry| ledger.root().join(&entry.parts[0].path)).collect();
    fs::remove_file(&parts[0]).unwrap();
    assert_eq!(place.ingest().read, 1);
    assert_eq!(place.rows(), days(&[("2026-10-05", 1), ("2026-10-06", 1)]));
}

#[test]
fn a_delivery_that_came_empty_says_what_it_no_longer_counts() {
    let place = Place::new(true);
    place.write("a", "2026-10-05 x\n");
    place.ingest();
    place.write("a", "");
    let landed = place.ingest();
    assert!(
        landed
            .warnings
            .iter()
            .any(|warning| warning.code == "emptied" && warning.message.contains("held 1 rows"))
    );
}

#[test]
fn a_read_that_breaks_off_is_no_defect_and_is_tried_again() {
    let place = Place::new(true);
    place.write("a", "2026-10-05 x\n");
    let broken = place.ingest_from(Box::new(Breaking(LocalStore::new(&place.directory.path().join("in")))));
    assert_eq!(broken.failed, 1);
    assert!(broken.warnings.iter().any(|warning| warning.message.contains("connection reset")));
    let landed = place.ingest();
    assert_eq!((landed.read, landed.failed, landed.warnings.len()), (1, 0, 0));
    assert_eq!(place.rows(), days(&[("2026-10-05", 1)]));
}

#[test]
fn a_collection_holds_for_as_long_as_runs_find_its_unit_unchanged() {
    let place = Place::new(false);
    place.write("a", "2026-10-01 x\n");
    assert!(place.collect("2026-10-01").is_empty());
    let commit = place.ledger().manifest().commit;
    for day in ["2026-10-02", "2026-10-05"] {
        assert!(place.collect(day).is_empty(), "nothing followed it yet");
    }
    assert_eq!(place.ledger().manifest().commit, commit, "to find it unchanged is nothing new for a mart");
    place.write("a", "2026-10-09 xy\n");
    assert_eq!(place.collect("2026-10-09"), ["2026-10-01 2026-10-05"]);
    place.write("a", "2026-10-10 xyz\n");
    assert_eq!(place.collect("2026-10-10").len(), 1, "between two days in a row there is none to know of");
    place.collect("2026-10-12");
    // What nobody can read nobody confirms.
    place.write("a", "broken\n");
    place.collect("2026-10-14");
    place.collect("2026-10-15");
    place.write("a", "2026-10-20 w\n");
    assert_eq!(place.collect("2026-10-20"), ["2026-10-01 2026-10-05", "2026-10-10 2026-10-12"]);
    place.collect("2026-10-25");
    place.remove("a");
    let held = place.collect("2026-10-28");
    assert_eq!(held, ["2026-10-01 2026-10-05", "2026-10-10 2026-10-12", "2026-10-20 2026-10-25"]);
    assert!(place.ledger().manifest().sources["s"].units.is_empty());
}

#[test]
fn many_small_files_become_one() {
    let place = Place::new(false);
    for at in 0..30 {
        place.write(&format!("log-{at:02}"), "2026-10-05 x\n");
        place.ingest();
        assert!(place.files() <= 9, "{} files after {at}", place.files());
    }
    assert_eq!(place.rows(), days(&[("2026-10-05", 30)]));
}

#[test]
fn a_unit_too_large_for_memory_is_written_as_it_is_read_and_replaced_whole() {
    let place = Place::new(true);
    place.write("big", "2026-10-05 * 1100000\n2026-10-06 x\n");
    assert_eq!(place.ingest().rows, 1_100_001);
    assert_eq!(place.rows(), days(&[("2026-10-05", 1_100_000), ("2026-10-06", 1)]));
    // A file a period, however many rows it has.
    assert_eq!(place.files(), 2);
    place.write("big", "2026-10-05 x\n");
    place.ingest();
    assert_eq!(place.rows(), days(&[("2026-10-05", 1)]));
    assert_eq!(place.files(), 1);
    // One that breaks after some of it was written leaves nothing behind.
    place.write("other", "2026-10-05 * 1100000\nbroken\n");
    assert_eq!(place.ingest().failed, 1);
    assert_eq!(place.rows(), days(&[("2026-10-05", 1)]));
    assert_eq!(place.files(), 1);
}
