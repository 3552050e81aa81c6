//! Merging: fresh rows and what stays of a period's files become its new files.
//!
//! Periods are merged side by side, since most of the time goes into waiting for the disk.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex};

use model::landed::Dataset;
use model::manifest::{Entry, Part};
use model::time::{Instant, PeriodKey};

use crate::frame::Origin;
use crate::ledger::{LANDED, LedgerError, sync_directory};
use crate::packed::PackedRows;
use crate::part::{self, SharedPart};

/// Small files of one entry are merged into one when there are more than this.
const SMALL_PARTS_AN_ENTRY: usize = 8;
/// Rows and bytes below which a file is small.
const ROWS_OF_A_SMALL_PART: u64 = 250_000;
/// See [`ROWS_OF_A_SMALL_PART`].
const BYTES_OF_A_SMALL_PART: u64 = 4 << 20;
/// Threads: more than cores, because flushing waits; the file system commits many at once.
const THREADS: usize = 4;

/// Fresh rows by dataset and period.
pub(crate) type Fresh = BTreeMap<(Dataset, PeriodKey), FreshRows>;

/// Fresh rows of one dataset and period: rows by unit, and files already written.
#[derive(Default)]
pub(crate) struct FreshRows {
    /// Rows, with where they are from.
    pub(crate) units: Vec<(Arc<Origin>, PackedRows)>,
    /// Files whose rows are too many for memory.
    pub(crate) files: Vec<Part>,
}

impl FreshRows {
    fn is_empty(&self) -> bool {
        self.units.is_empty() && self.files.is_empty()
    }
}

/// What all merges of one commit share.
pub(crate) struct Merge<'a> {
    /// Ledger directory.
    pub(crate) ledger: &'a Path,
    /// Units whose old rows must go.
    pub(crate) replaced: &'a BTreeSet<String>,
    /// Number of the commit.
    pub(crate) commit: u64,
    /// When.
    pub(crate) now: Instant,
}

impl Merge<'_> {
    /// Brings entries up to date, in their order. When it returns, every file they name is
    /// on the disk, and so are the directories that hold it.
    ///
    /// # Errors
    /// The first failure to write; files written until then are named by nothing.
    pub(crate) fn all(&self, jobs: Vec<(Entry, FreshRows)>) -> Result<Vec<Entry>, LedgerError> {
        let merged = side_by_side(jobs, |(entry, fresh)| self.entry(entry, fresh))?;
        let version = format!("/v{:06}/", self.commit);
        let new = merged.iter().flat_map(|entry| &entry.parts).filter(|part| part.path.contains(&version));
        let mut directories = BTreeSet::new();
        for part in new {
            let above = Path::new(&part.path).ancestors().skip(1);
            directories.extend(above.map(|directory| self.ledger.join(directory)));
        }
        side_by_side(directories.into_iter().collect(), |directory| sync_directory(&directory))?;
        Ok(merged)
    }

    /// Brings one entry up to date: parts that held replaced units are rewritten without them,
    /// together with the fresh rows; the others stay as they are.
    fn entry(&self, mut entry: Entry, fresh: FreshRows) -> Result<Entry, LedgerError> {
        let holds_replaced =
            |part: &Part| part.units.iter().any(|unit| self.replaced.contains(unit.as_str()));
        let is_small = |part: &Part| part.rows < ROWS_OF_A_SMALL_PART && part.bytes < BYTES_OF_A_SMALL_PART;
        let small = entry.parts.iter().filter(|part| is_small(part)).count();
        let crowded = small >= SMALL_PARTS_AN_ENTRY && !fresh.is_empty();
        let (old, kept): (Vec<Part>, Vec<Part>) = std::mem::take(&mut entry.parts)
            .into_iter()
            .partition(|part| (crowded && is_small(part)) || holds_replaced(part));
        entry.parts = kept;
        if old.is_empty() && fresh.is_empty() {
            return Ok(entry);
        }
        let directory =
            format!("{LANDED}/{}/{}/{}/v{:06}", entry.dataset, entry.source, entry.period, self.commit);
        let relative = format!("{directory}/part-000.parquet");
        let mut shared = SharedPart::new(self.ledger, relative, entry.dataset);
        let mut units = Vec::new();
        for part in &old {
            let before = units.len();
            units.extend(part.units.iter().filter(|unit| !self.replaced.contains(unit.as_str())).cloned());
            if units.len() > before {
                let mut keep = |frame| shared.landed(frame);
                part::read_without(self.ledger, part, entry.dataset, self.replaced, &mut keep)?;
            }
        }
        for (origin, rows) in fresh.units {
            shared.unit(&origin, &rows)?;
            units.push(origin.object.clone());
        }
        entry.parts.extend(shared.finish(units)?);
        for (at, file) in fresh.files.into_iter().enumerate() {
            let relative = format!("{directory}/part-{:03}.parquet", at + 1);
            entry.parts.push(part::rename(self.ledger, file, &relative)?);
        }
        entry.landed_at = self.now;
        Ok(entry)
    }
}

/// Does things on several threads; results in the order of the input.
fn side_by_side<T: Send, R: Send>(
    inputs: Vec<T>,
    work: impl Fn(T) -> Result<R, LedgerError> + Sync,
) -> Result<Vec<R>, LedgerError> {
    let threads = THREADS.min(inputs.len());
    let outputs: Vec<_> = std::iter::repeat_with(|| None).take(inputs.len()).collect();
    let (inputs, outputs) = (Mutex::new(inputs.into_iter().enumerate()), Mutex::new(outputs));
    let next = || inputs.lock().unwrap_or_else(std::sync::PoisonError::into_inner).next();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some((at, input)) = next() {
                    let output = work(input);
                    let mut outputs = outputs.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                    if let Some(place) = outputs.get_mut(at) {
                        *place = Some(output);
                    }
                }
            });
        }
    });
    outputs.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner).into_iter().flatten().collect()
}
