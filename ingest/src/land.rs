//! Landing: what changed in a source is read, merged into its periods, and committed.
//!
//! A unit that did not change is not read again; a unit that changed costs the rewriting
//! of the files that held it. A unit that cannot be read leaves what was landed of it
//! before, and says so.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use model::Warning;
use model::manifest::Part;
use model::time::Instant;
use sha2::{Digest, Sha256};

use crate::commit::{Checked, commit, gone_units, note_check, with_causes};
use crate::frame::Origin;
use crate::ledger::{LANDED, Ledger, LedgerError};
use crate::packed::PackedRows;
use crate::sink::{Sink, Spill, Yield};
use crate::source::{ReadError, Reader, SourceOptions, Unit};
use crate::store::{Store, WatchedStore};

/// A batch is committed when it holds this many rows or bytes: bounds memory, and what a kill
/// can cost.
const ROWS_A_COMMIT: usize = 1_000_000;
/// See [`ROWS_A_COMMIT`]; bytes of packed rows.
const BYTES_A_COMMIT: usize = 48 << 20;
/// Sources read side by side: while one waits for the disk, the other has work for all cores.
const LANES: usize = 2;

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

impl Source {
    /// What the ledger calls a unit.
    pub(crate) fn key<'u>(&self, unit: &'u Unit) -> &'u str {
        self.store.named(&unit.key)
    }
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

/// Told of progress, by several threads at once.
pub trait Progress: Sync {
    /// A source has this many units to read.
    fn planned(&self, source: &str, units: usize);
    /// One of them is done.
    fn unit(&self, source: &str);
    /// The source is done; `result` says what it came to.
    fn source(&self, source: &Source, result: &Result<Landed, IngestError>);
}

/// Tells nobody.
impl Progress for () {
    fn planned(&self, _source: &str, _units: usize) {}
    fn unit(&self, _source: &str) {}
    fn source(&self, _source: &Source, _result: &Result<Landed, IngestError>) {}
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

/// A ledger that several sources are landed in.
type Shared<'l> = Mutex<&'l mut Ledger>;

fn locked<'s, 'l>(ledger: &'s Shared<'l>) -> MutexGuard<'s, &'l mut Ledger> {
    ledger.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Reads what changed in each source and lands it, two sources side by side; results in
/// their order. A source that cannot be read does not stop the others. The caller holds the
/// writer lock.
///
/// # Errors
/// When the ledger cannot be written: nothing more is begun then.
pub fn ingest_all(
    ledger: &mut Ledger,
    sources: &[Source],
    now: Instant,
    progress: &dyn Progress,
) -> Result<Vec<Result<Landed, ReadError>>, LedgerError> {
    let results: Mutex<BTreeMap<usize, Result<Landed, IngestError>>> = Mutex::default();
    let (next, is_broken) = (AtomicUsize::new(0), AtomicBool::new(false));
    let shared = Mutex::new(&mut *ledger);
    std::thread::scope(|scope| {
        for _ in 0..LANES.min(sources.len()) {
            scope.spawn(|| {
                while !is_broken.load(Ordering::Relaxed) {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(source) = sources.get(at) else { break };
                    let result = land(&shared, source, now, progress);
                    is_broken.fetch_or(matches!(result, Err(IngestError::Ledger(_))), Ordering::Relaxed);
                    progress.source(source, &result);
                    results.lock().unwrap_or_else(PoisonError::into_inner).insert(at, result);
                }
            });
        }
    });
    let results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    let results: Result<Vec<_>, LedgerError> = results
        .into_values()
        .map(|result| match result {
            Ok(landed) => Ok(Ok(landed)),
            Err(IngestError::Source { cause, .. }) => Ok(Err(cause)),
            Err(IngestError::Ledger(error)) => Err(error),
        })
        .collect();
    // Not before: a file another source is about to land is named by nothing yet.
    ledger.collect_garbage()?;
    results
}

/// [`ingest_all`] of one source.
///
/// # Errors
/// When the source cannot be listed, or the ledger not written.
pub fn ingest(
    ledger: &mut Ledger,
    source: &Source,
    now: Instant,
    progress: &dyn Progress,
) -> Result<Landed, IngestError> {
    let landed = land(&Mutex::new(&mut *ledger), source, now, progress)?;
    ledger.collect_garbage()?;
    Ok(landed)
}

fn land(
    ledger: &Shared<'_>,
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
            let checked = Checked { warnings: vec![warning], unchanged: Vec::new() };
            note_check(&mut locked(ledger), source, checked, now)?;
            return Err(IngestError::Source { source_name: source.name.clone(), cause });
        }
    };

    let (root, known, damaged) = {
        let ledger = locked(ledger);
        let known = ledger.manifest().sources.get(&source.name).cloned();
        (ledger.root().to_owned(), known, damaged_units(&ledger, &source.name))
    };
    let fingerprints: BTreeMap<&str, String> =
        plan.units.iter().map(|unit| (source.key(unit), fingerprint(source, unit))).collect();
    let is_current = |key: &str| {
        if damaged.contains(key) {
            return false;
        }
        let record = known.as_ref().and_then(|known| known.units.get(key));
        record.is_some_and(|record| Some(&record.fingerprint) == fingerprints.get(key))
    };
    let (current, changed): (Vec<&Unit>, Vec<&Unit>) =
        plan.units.iter().partition(|unit| is_current(source.key(unit)));
    let unchanged: Vec<String> = if source.reader.collects() {
        current.iter().map(|unit| source.key(unit).to_owned()).collect()
    } else {
        Vec::new()
    };
    let any_gone = known.as_ref().is_some_and(|known| !gone_units(source, known, &plan).is_empty());

    let mut warnings = plan.warnings.clone();
    if plan.units.is_empty() && warnings.is_empty() {
        let message = format!("nothing that kind `{}` reads was found here", source.kind);
        warnings.push(Warning::new("nothing-found", source.uri.clone(), message));
    }

    let mut landed = Landed { units: plan.units.len(), read: changed.len(), ..Landed::default() };
    progress.planned(&source.name, changed.len());
    let mut next = 0;
    if changed.is_empty() && !any_gone {
        note_check(&mut locked(ledger), source, Checked { warnings, unchanged }, now)?;
    } else {
        let mut checked = Some(Checked { warnings, unchanged });
        loop {
            let tick = || progress.unit(&source.name);
            let (batch, taken) = read_batch(&root, source, &changed[next..], now, &tick);
            next += taken;
            let results = batch
                .into_iter()
                .map(|(unit, result)| (unit, fingerprints[source.key(unit)].clone(), result))
                .collect();
            // A check is over when its last unit is landed: one commit says both.
            let is_over = taken == 0 || next >= changed.len();
            let checked = if is_over { checked.take() } else { None };
            let committed = commit(&mut locked(ledger), source, results, &plan, checked, now)?;
            landed.rows += committed.rows;
            landed.failed += committed.failed;
            if is_over {
                break;
            }
        }
    }
    if let Some(record) = locked(ledger).manifest().sources.get(&source.name) {
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
    hash.update(format!("{}\0{:?}\0{}\0", source.kind, source.options, source.reader.revision()));
    for object in &unit.objects {
        hash.update(format!(
            "{}\0{}\0{}\0",
            source.store.named(&object.uri),
            object.size,
            object.fingerprint
        ));
    }
    hash.finalize().iter().take(12).map(|byte| format!("{byte:02x}")).collect()
}

/// A unit and what reading it gave.
type Read<'u> = (&'u Unit, Result<Yield, ReadError>);

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
    let is_whole = source.reader.replaces_periods();
    let workers = std::thread::available_parallelism().map_or(1, usize::from).min(units.len().max(1));
    let (next, rows, bytes) = (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    let is_full = || {
        let (rows, bytes) = (rows.load(Ordering::Relaxed), bytes.load(Ordering::Relaxed));
        !is_whole && (rows >= ROWS_A_COMMIT || bytes >= BYTES_A_COMMIT)
    };
    let results: Mutex<Vec<(usize, Read<'u>)>> = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while !is_full() {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(unit) = units.get(at) else { break };
                    let result = read_unit(ledger, source, at, unit, now);
                    if let Ok(result) = &result {
                        // Spilled rows are no burden on memory.
                        rows.fetch_add(result.rows.values().map(PackedRows::rows).sum(), Ordering::Relaxed);
                        bytes.fetch_add(result.rows.values().map(PackedRows::bytes).sum(), Ordering::Relaxed);
                    }
                    tick();
                    results.lock().unwrap_or_else(PoisonError::into_inner).push((at, (unit, result)));
                }
            });
        }
    });
    let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
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
    let origin = Origin { source: source.name.clone(), object: source.key(unit).to_owned() };
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
