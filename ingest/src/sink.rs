//! What one unit yielded: frames by dataset and period, exact totals, warnings.
//!
//! A unit is read whole or not at all: when reading it fails, its sink is dropped and
//! nothing of it is landed. A large unit (a month's bill) does not stay in memory: full
//! frames are added to files beside the landed ones, which landing then only renames.

use std::collections::btree_map::Entry::{Occupied, Vacant};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use model::landed::Dataset;
use model::manifest::{Part, Totals};
use model::money::Residue;
use model::tags::{Tag, TagSet};
use model::time::PeriodKey;
use model::{Amount, Basis, Currency, Warning};
use polars::prelude::DataFrame;
use sha2::{Digest, Sha256};

use crate::frame::{Cells, FrameBuilder, FrameError, Origin, Row};
use crate::part::PartWriter;

/// Rows kept in a builder before they become a frame: a row of a bill takes about 1.5 kB.
const ROWS_A_FRAME: usize = 1 << 13;
/// Bytes of frames a sink keeps in memory; beyond, the largest dataset and period is spilled.
const BYTES_IN_MEMORY: usize = 40 << 20;

struct TagRow<'a> {
    id: &'a str,
    tag: &'a Tag,
}

impl Row for TagRow<'_> {
    const DATASET: Dataset = Dataset::TagSets;

    fn write(&self, cells: &mut Cells<'_>) {
        cells.text(self.id);
        cells.text(&self.tag.key);
        cells.text(&self.tag.raw_key);
        cells.text(&self.tag.value);
    }
}

/// Where a sink may put what it cannot keep in memory.
#[derive(Clone, Debug)]
pub struct Spill {
    /// Ledger directory.
    pub ledger: PathBuf,
    /// Start of the files' names, relative to it; another sink must not have the same.
    pub prefix: String,
}

/// Frames and facts of one unit, as a reader fills them.
pub struct Sink {
    origin: Origin,
    spill: Option<Spill>,
    spilled: BTreeMap<(Dataset, PeriodKey), PartWriter>,
    building: BTreeMap<(Dataset, PeriodKey), FrameBuilder>,
    frames: BTreeMap<(Dataset, PeriodKey), Vec<DataFrame>>,
    /// Bytes of `frames`, as polars estimates them.
    held_bytes: usize,
    totals: BTreeMap<PeriodKey, Totals>,
    tag_sets: BTreeSet<(PeriodKey, String)>,
    warnings: BTreeMap<(String, String, String), Warning>,
}

impl Sink {
    /// An empty sink for the rows of one unit.
    pub fn new(origin: Origin) -> Self {
        Self {
            origin,
            spill: None,
            spilled: BTreeMap::new(),
            building: BTreeMap::new(),
            frames: BTreeMap::new(),
            held_bytes: 0,
            totals: BTreeMap::new(),
            tag_sets: BTreeSet::new(),
            warnings: BTreeMap::new(),
        }
    }

    /// The same, which spills what is large to files.
    pub fn spilling(origin: Origin, spill: Spill) -> Self {
        Self { spill: Some(spill), ..Self::new(origin) }
    }

    /// The unit being read.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Adds one row to the period it belongs to.
    ///
    /// # Errors
    /// When the row does not fit the landed schema.
    pub fn push<R: Row>(&mut self, period: PeriodKey, row: &R) -> Result<(), FrameError> {
        let key = (R::DATASET, period);
        let builder = self.building.entry(key).or_insert_with(|| FrameBuilder::new(R::DATASET));
        builder.push(&self.origin, row)?;
        if builder.rows() >= ROWS_A_FRAME
            && let Some(full) = self.building.remove(&key)
        {
            let full = full.finish()?;
            self.held_bytes += full.estimated_size();
            self.frames.entry(key).or_default().push(full);
            if self.held_bytes > BYTES_IN_MEMORY {
                self.spill_largest()?;
            }
        }
        Ok(())
    }

    fn spill_largest(&mut self) -> Result<(), FrameError> {
        let size = |frames: &[DataFrame]| frames.iter().map(DataFrame::estimated_size).sum::<usize>();
        let sizes = self.frames.iter().map(|(key, frames)| (size(frames), *key));
        let Some((bytes, key)) = sizes.max() else { return Ok(()) };
        if self.spill.is_none() {
            return Ok(());
        }
        let frames = self.frames.remove(&key).unwrap_or_default();
        self.held_bytes = self.held_bytes.saturating_sub(bytes);
        self.append(key, &frames)
    }

    /// Adds frames to the file of their dataset and period.
    fn append(&mut self, key: (Dataset, PeriodKey), frames: &[DataFrame]) -> Result<(), FrameError> {
        let (Some(spill), Some(first)) = (&self.spill, frames.first()) else { return Ok(()) };
        let spilled = |cause| FrameError::Spill(Box::new(cause));
        let next = self.spilled.len();
        let writer = match self.spilled.entry(key) {
            Occupied(entry) => entry.into_mut(),
            Vacant(entry) => {
                let relative = format!("{}-{next:04}.parquet", spill.prefix);
                let writer = PartWriter::create(&spill.ledger, &relative, first.schema()).map_err(spilled)?;
                entry.insert(writer)
            }
        };
        writer.append(frames).map_err(spilled)
    }

    /// Lands a set of tags once a period, and returns its id; nothing for no tags.
    ///
    /// # Errors
    /// When the row does not fit the landed schema.
    pub fn tags(&mut self, period: PeriodKey, set: &TagSet) -> Result<Option<String>, FrameError> {
        if set.tags().is_empty() {
            return Ok(None);
        }
        let id = tag_set_id(set);
        if self.tag_sets.insert((period, id.clone())) {
            for tag in set.tags() {
                self.push(period, &TagRow { id: &id, tag })?;
            }
            for key in set.collisions() {
                self.warn(Warning::new(
                    "tag-collision",
                    key,
                    "one thing carries this tag with several values (its spellings fold to one key): all are kept",
                ));
            }
        }
        Ok(Some(id))
    }

    /// Counts one cost of one charge into the unit's exact totals.
    pub fn add_cost(
        &mut self,
        period: PeriodKey,
        currency: Currency,
        basis: Basis,
        amount: Amount,
        residue: Residue,
    ) {
        self.totals.entry(period).or_default().entry(currency).or_default().add(basis, amount, residue);
    }

    /// Notes a warning; equal ones are counted together.
    pub fn warn(&mut self, warning: Warning) {
        let key = (warning.code.clone(), warning.object.clone(), warning.message.clone());
        match self.warnings.get_mut(&key) {
            Some(known) => known.count += warning.count,
            None => {
                self.warnings.insert(key, warning);
            }
        }
    }

    /// Everything the unit yielded.
    ///
    /// # Errors
    /// When polars refuses a frame, which no valid row makes it do, or a file cannot be written.
    pub fn finish(mut self) -> Result<Yield, FrameError> {
        for (key, builder) in std::mem::take(&mut self.building) {
            self.frames.entry(key).or_default().push(builder.finish()?);
        }
        // What has a file is whole in it.
        let begun: Vec<_> = self.spilled.keys().copied().collect();
        for key in begun {
            let frames = self.frames.remove(&key).unwrap_or_default();
            self.append(key, &frames)?;
        }
        let mut spilled = Vec::new();
        for ((dataset, period), writer) in self.spilled {
            let part = writer
                .finish(vec![self.origin.object.clone()])
                .map_err(|cause| FrameError::Spill(Box::new(cause)))?;
            spilled.push((dataset, period, part));
        }
        Ok(Yield {
            spilled,
            frames: self.frames,
            totals: self.totals,
            warnings: self.warnings.into_values().collect(),
        })
    }
}

/// What one unit yielded, ready to be landed.
pub struct Yield {
    /// Files already written, with the dataset and period of their rows.
    pub spilled: Vec<(Dataset, PeriodKey, Part)>,
    /// Frames by dataset and period.
    pub frames: BTreeMap<(Dataset, PeriodKey), Vec<DataFrame>>,
    /// Exact totals of charges by period and currency.
    pub totals: BTreeMap<PeriodKey, Totals>,
    /// What was noticed.
    pub warnings: Vec<Warning>,
}

/// The id of a set of tags: the first 16 hex digits of the SHA-256 of its sorted keys,
/// raw keys and values, each ended by a byte no text has.
pub fn tag_set_id(set: &TagSet) -> String {
    let mut hash = Sha256::new();
    for tag in set.tags() {
        for part in [&tag.key, &tag.raw_key, &tag.value] {
            hash.update(part.as_bytes());
            hash.update([0xff]);
        }
    }
    hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}
