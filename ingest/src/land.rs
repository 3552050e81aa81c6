//! Landing: what changed in a source is read, merged into its periods, and committed.
//!
//! A unit that did not change is not read again; a unit that changed costs the rewriting
//! of the files that held it. A unit that cannot be read leaves what was landed of it
//! before, and says so.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use model::Warning;
use model::landed::Dataset;
use model::manifest::{Entry, Manifest, Part, SourceRecord, UnitRecord};
use model::time::{Instant, PeriodKey};
use polars::prelude::DataFrame;
use sha2::{Digest, Sha256};

use crate::frame::Origin;
use crate::ledger::{LANDED, Ledger, LedgerError};
use crate::merge::{Fresh, Merge};
use crate::sink::{Sink, Spill, Yield};
use crate::source::{Plan, ReadError, Reader, SourceOptions, Unit};
use crate::store::{Store, WatchedStore};

/// A batch is committed when it holds this many rows: bounds memory, and what a kill can cost.
const ROWS_A_COMMIT: usize = 1_000_000;

/// A configured source, ready to be read.
pub struct Source {
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: String,
    /// Its location as configured.
    pub uri: String,
    /// What its reader was told.
    pub options: SourceOptions,
    /// Where its objects are.
    pub store: Box<dyn Store>,
    /// Who reads them.
    pub reader: Box<dyn Reader>,
}

/// What ingesting one source came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Landed {
    /// Units found.
    pub units: usize,
    /// Units read, because they are new or changed.
    pub read: usize,
    /// Units that could not be read (named in the warnings).
    pub failed: usize,
    /// Rows landed by what was read.
    pub rows: u64,
    /// Every warning that stands, of unchanged units too.
    pub warnings: Vec<Warning>,
}

/// Told of progress: units done and units to do.
pub trait Progress: Sync {
    /// One more unit is done.
    fn unit(&self, done: usize, of: usize);
}

/// Why a source could not be ingested at all; other sources go on.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// The source could not be listed or planned.
    #[error("source `{source_name}`")]
    Source {
        /// Its name.
        source_name: String,
        /// Why.
        #[source]
        cause: ReadError,
    },
    /// The ledger failed: nothing can go on.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// Reads what changed in a source and lands it. The caller holds the writer lock.
///
/// # Errors
/// When the source cannot be listed, or the ledger not written.
pub fn ingest(
    ledger: &mut Ledger,
    source: &Source,
    now: Instant,
    progress: &dyn Progress,
) -> Result<Landed, IngestError> {
    let planned = source
        .store
        .list()
        .map_err(ReadError::from)
        .and_then(|listing| source.reader.plan(source.store.as_ref(), &listing));
    let plan = match planned {
        Ok(plan) => plan,
        Err(cause) => {
            // What stands in the ledger stays, but whoever looks at it must see that it may be old.
            let warning = Warning::skipped("source", source.uri.clone(), with_causes(&cause));
            note_check(ledger, source, vec![warning], now)?;
            return Err(IngestError::Source { source_name: source.name.clone(), cause });
        }
    };

    let known = ledger.manifest().sources.get(&source.name);
    let fingerprints: BTreeMap<&str, String> =
        plan.units.iter().map(|unit| (unit.key.as_str(), fingerprint(source, unit))).collect();
    let damaged = damaged_units(ledger, &source.name);
    let is_current = |key: &str| {
        if damaged.contains(key) {
            return false;
        }
        let record = known.and_then(|known| known.units.get(key));
        record.is_some_and(|record| Some(&record.fingerprint) == fingerprints.get(key))
    };
    let changed: Vec<&Unit> = plan.units.iter().filter(|unit| !is_current(&unit.key)).collect();
    let any_gone = known.is_some_and(|known| !gone_units(source, known, &plan).is_empty());

    let mut warnings = plan.warnings.clone();
    if plan.units.is_empty() && warnings.is_empty() {
        let message = format!("nothing that kind `{}` reads was found here", source.kind);
        warnings.push(Warning::new("nothing-found", source.uri.clone(), message));
    }

    let mut landed = Landed { units: plan.units.len(), read: changed.len(), ..Landed::default() };
    let mut next = 0;
    let done = AtomicUsize::new(0);
    if changed.is_empty() && !any_gone {
        note_check(ledger, source, warnings, now)?;
    } else {
        loop {
            let (batch, taken) = read_batch(ledger.root(), source, &changed[next..], now, &|| {
                progress.unit(done.fetch_add(1, Ordering::Relaxed) + 1, changed.len());
            });
            next += taken;
            let results = batch
                .into_iter()
                .map(|(unit, result)| (unit, fingerprints[unit.key.as_str()].clone(), result))
                .collect();
            // A check is over when its last unit is landed: one commit says both.
            let checked = (taken == 0 || next >= changed.len()).then(|| warnings.clone());
            let is_over = checked.is_some();
            let committed = commit(ledger, source, results, &plan, checked, now)?;
            landed.rows += committed.rows;
            landed.failed += committed.failed;
            if is_over {
                break;
            }
        }
    }
    ledger.collect_garbage()?;
    if let Some(record) = ledger.manifest().sources.get(&source.name) {
        landed.warnings.extend(record.warnings.iter().cloned());
        landed.warnings.extend(record.units.values().flat_map(|unit| unit.warnings.iter().cloned()));
    }
    Ok(landed)
}

/// Units of which a landed file is missing or has another size: they are read again.
fn damaged_units(ledger: &Ledger, source: &str) -> BTreeSet<String> {
    let entries = ledger.manifest().entries.iter().filter(|entry| entry.source == source);
    let is_damaged = |part: &&Part| {
        let found = std::fs::metadata(ledger.root().join(&part.path)).map(|metadata| metadata.len());
        !found.is_ok_and(|bytes| bytes == part.bytes)
    };
    entries
        .flat_map(|entry| &entry.parts)
        .filter(is_damaged)
        .flat_map(|part| part.units.iter().cloned())
        .collect()
}

/// What identifies the state of a unit: its objects, and what its reader is told.
fn fingerprint(source: &Source, unit: &Unit) -> String {
    let mut hash = Sha256::new();
    hash.update(env!("CARGO_PKG_VERSION"));
    hash.update(format!("{}\0{:?}\0", source.kind, source.options));
    for object in &unit.objects {
        hash.update(format!("{}\0{}\0{}\0", object.uri, object.size, object.fingerprint));
    }
    hash.finalize().iter().take(12).map(|byte| format!("{byte:02x}")).collect()
}

/// Known units that are no longer there and must not count any more: of a bill, those whose
/// period listed deliveries fill; of a collection, all. What planning could not read is
/// there, whatever became of it.
fn gone_units(source: &Source, known: &SourceRecord, plan: &Plan) -> BTreeSet<String> {
    let listed: BTreeSet<&str> = plan.units.iter().map(|unit| unit.key.as_str()).collect();
    let unreadable = |key: &str| {
        let skipped = plan.warnings.iter().filter(|warning| warning.skipped);
        skipped
            .map(|warning| warning.object.as_str())
            .any(|object| key.starts_with(object) || object.starts_with(key))
    };
    let gone = known.units.keys().filter(|key| !listed.contains(key.as_str()) && !unreadable(key));
    if source.reader.collects() {
        return gone.cloned().collect();
    }
    if !source.reader.replaces_periods() {
        return BTreeSet::new();
    }
    let filled: BTreeSet<PeriodKey> = known
        .units
        .iter()
        .filter(|(key, _)| listed.contains(key.as_str()))
        .flat_map(|(_, unit)| unit.periods.iter().copied())
        .collect();
    gone.filter(|key| known.units[*key].periods.iter().any(|period| filled.contains(period)))
        .cloned()
        .collect()
}

/// A unit and what reading it gave.
type Read<'u> = (&'u Unit, Result<Yield, ReadError>);
/// The same with the unit's fingerprint, ready to be committed.
type Fingerprinted<'u> = (&'u Unit, String, Result<Yield, ReadError>);
/// Reads units on all cores until the batch is large enough; returns how many it took.
fn read_batch<'u>(
    ledger: &Path,
    source: &Source,
    units: &[&'u Unit],
    now: Instant,
    tick: &(dyn Fn() + Sync),
) -> (Vec<Read<'u>>, usize) {
    // A bill is committed whole: a month that moves from one delivery to another must not be
    // seen in between. Its large units are in files, not in memory.
    let limit = if source.reader.replaces_periods() { usize::MAX } else { ROWS_A_COMMIT };
    let workers = std::thread::available_parallelism().map_or(1, usize::from).min(units.len().max(1));
    let (next, rows) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let results: Mutex<Vec<(usize, Read<'u>)>> = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while rows.load(Ordering::Relaxed) < limit {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(unit) = units.get(at) else { break };
                    let result = read_unit(ledger, source, at, unit, now);
                    if let Ok(result) = &result {
                        // Spilled rows are no burden on memory.
                        let heights = result.frames.values().flatten().map(DataFrame::height);
                        rows.fetch_add(heights.sum(), Ordering::Relaxed);
                    }
                    tick();
                    results
                        .lock()
                        .unwrap_or_else(std::sync::PoisonError::into_inner)
                        .push((at, (unit, result)));
                }
            });
        }
    });
    let mut results = results.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    // Threads finish in any order; landed files must not depend on it. A unit is taken from
    // the front without gaps, because a worker always finishes the one it drew.
    results.sort_by_key(|(at, _)| *at);
    let taken = results.len();
    (results.into_iter().map(|(_, read)| read).collect(), taken)
}

fn read_unit(
    ledger: &Path,
    source: &Source,
    at: usize,
    unit: &Unit,
    now: Instant,
) -> Result<Yield, ReadError> {
    let origin = Origin { source: source.name.clone(), object: unit.key.clone() };
    let spill =
        Spill { ledger: ledger.to_owned(), prefix: format!("{LANDED}/spill/{}-{at:06}", source.name) };
    let mut sink = Sink::spilling(origin, spill);
    let store = WatchedStore::new(source.store.as_ref());
    match source.reader.read(&store, unit, now, &mut sink) {
        Ok(()) => Ok(sink.finish()?),
        // A reader sees only that its input ended early; the store knows that it broke off.
        Err(error) => Err(store.failure().map_or(error, ReadError::Store)),
    }
}

struct Committed {
    rows: u64,
    failed: usize,
}

/// Merges what was read into the affected periods and commits; `checked` is what planning
/// noticed, when this ends the check.
fn commit(
    ledger: &mut Ledger,
    source: &Source,
    results: Vec<Fingerprinted<'_>>,
    plan: &Plan,
    checked: Option<Vec<Warning>>,
    now: Instant,
) -> Result<Committed, LedgerError> {
    let mut manifest = ledger.manifest().clone();
    manifest.commit += 1;
    let mut committed = Committed { rows: 0, failed: 0 };
    let mut fresh = Fresh::new();
    // Units whose old rows must go: read anew, or gone.
    let mut replaced: BTreeSet<String> = BTreeSet::new();
    let record = source_record(&mut manifest, source, now);
    if let Some(warnings) = checked {
        record.checked_at = now;
        record.warnings = warnings;
    }
    for (unit, fingerprint, result) in results {
        match result {
            Ok(result) => {
                let mut summary = unit_record(unit, fingerprint, &result, now);
                let before = record.units.get(&unit.key).map_or(0, UnitRecord::facts);
                if before > 0 && summary.facts() == 0 {
                    let message =
                        format!("it is empty now, and held {before} rows before: they no longer count");
                    summary.warnings.push(Warning::new("emptied", unit.key.clone(), message));
                }
                committed.rows += summary.facts();
                record.units.insert(unit.key.clone(), summary);
                replaced.insert(unit.key.clone());
                for (key, frames) in result.frames {
                    fresh.entry(key).or_default().frames.push((&unit.key, frames));
                }
                for (dataset, period, file) in result.spilled {
                    fresh.entry((dataset, period)).or_default().files.push(file);
                }
            }
            Err(error) => {
                committed.failed += 1;
                note_failure(record, unit, fingerprint, &error, now);
            }
        }
    }

    // In the same commit, so that no month ever counts a delivery and the one that replaced it.
    for key in gone_units(source, record, plan) {
        record.units.remove(&key);
        replaced.insert(key);
    }

    let keeps_history = source.reader.collects();
    let today = PeriodKey::day_of(now);
    let (mut jobs, mut entries) = (Vec::new(), Vec::new());
    for entry in std::mem::take(&mut manifest.entries) {
        if entry.source != source.name || (keeps_history && entry.period != today) {
            entries.push(entry);
            continue;
        }
        let rows = fresh.remove(&(entry.dataset, entry.period)).unwrap_or_default();
        jobs.push((entry, rows));
    }
    jobs.extend(fresh.into_iter().map(|((dataset, period), rows)| {
        let parts = Vec::new();
        (Entry { dataset, source: source.name.clone(), period, parts, landed_at: now }, rows)
    }));
    let merge = Merge { ledger: ledger.root(), replaced: &replaced, commit: manifest.commit, now };
    entries.extend(merge.all(jobs)?);
    manifest.entries = entries;
    manifest.entries.retain(|entry| !entry.parts.is_empty());
    manifest.entries.sort_by(|a, b| (a.dataset, &a.source, a.period).cmp(&(b.dataset, &b.source, b.period)));
    ledger.commit(manifest)?;
    Ok(committed)
}

fn source_record<'m>(manifest: &'m mut Manifest, source: &Source, now: Instant) -> &'m mut SourceRecord {
    let record = manifest.sources.entry(source.name.clone()).or_insert_with(|| SourceRecord {
        kind: source.kind.clone(),
        uri: source.uri.clone(),
        checked_at: now,
        landed_at: None,
        warnings: Vec::new(),
        units: BTreeMap::new(),
    });
    record.kind.clone_from(&source.kind);
    record.uri.clone_from(&source.uri);
    record.landed_at = Some(now);
    record
}

fn unit_record(unit: &Unit, fingerprint: String, result: &Yield, now: Instant) -> UnitRecord {
    let mut rows: BTreeMap<Dataset, u64> = BTreeMap::new();
    let mut periods = BTreeSet::new();
    for ((dataset, period), frames) in &result.frames {
        *rows.entry(*dataset).or_default() += frames.iter().map(|frame| frame.height() as u64).sum::<u64>();
        periods.insert(*period);
    }
    for (dataset, period, file) in &result.spilled {
        *rows.entry(*dataset).or_default() += file.rows;
        periods.insert(*period);
    }
    UnitRecord {
        fingerprint,
        objects: unit.objects.len() as u64,
        bytes: unit.objects.iter().map(|object| object.size).sum(),
        read_at: now,
        rows,
        totals: result.totals.clone(),
        periods: periods.into_iter().collect(),
        warnings: result.warnings.clone(),
    }
}

/// Notes why a unit could not be read. What was landed of it before stays. A defect of the
/// object is not tried again until it changes; a failure of the store is.
fn note_failure(
    record: &mut SourceRecord,
    unit: &Unit,
    fingerprint: String,
    error: &ReadError,
    now: Instant,
) {
    let warning = Warning::skipped("unreadable", unit.key.clone(), with_causes(error));
    let fingerprint = if matches!(error, ReadError::Store(_)) { String::new() } else { fingerprint };
    let known = record.units.remove(&unit.key);
    let kept = known.unwrap_or_else(|| UnitRecord {
        fingerprint: String::new(),
        objects: unit.objects.len() as u64,
        bytes: 0,
        read_at: now,
        rows: BTreeMap::new(),
        totals: BTreeMap::new(),
        periods: Vec::new(),
        warnings: Vec::new(),
    });
    record.units.insert(unit.key.clone(), UnitRecord { fingerprint, warnings: vec![warning], ..kept });
}

/// An error with its causes and its hint, in one line.
fn with_causes(error: &ReadError) -> String {
    let mut message = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        message.push_str(&format!(": {inner}"));
        cause = inner.source();
    }
    if let Some(hint) = error.hint() {
        message.push_str(&format!(" ({hint})"));
    }
    message
}

/// Notes that the source was looked at, and what planning found.
fn note_check(
    ledger: &mut Ledger,
    source: &Source,
    warnings: Vec<Warning>,
    now: Instant,
) -> Result<(), LedgerError> {
    let mut manifest = ledger.manifest().clone();
    let landed_at = manifest.sources.get(&source.name).and_then(|record| record.landed_at);
    let record = source_record(&mut manifest, source, now);
    record.landed_at = landed_at;
    record.checked_at = now;
    record.warnings = warnings;
    ledger.commit(manifest)
}
