//! What one unit yielded: frames by dataset and period, exact totals, warnings.
//!
//! A unit is read whole or not at all: when reading it fails, its sink is dropped and
//! nothing of it is landed. A large unit (a month's bill) does not stay in memory: full
//! frames are written to files beside the landed ones, which landing then only renames.

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
use crate::part;

/// Rows kept in a builder before they become a frame: bounds the memory of appending.
const ROWS_A_FRAME: usize = 1 << 16;
/// Frames of one dataset and period kept in memory before they are spilled to a file.
const FRAMES_A_SPILL: usize = 8;

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
    spilled: Vec<(Dataset, PeriodKey, Part)>,
    building: BTreeMap<(Dataset, PeriodKey), FrameBuilder>,
    frames: BTreeMap<(Dataset, PeriodKey), Vec<DataFrame>>,
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
            spilled: Vec::new(),
            building: BTreeMap::new(),
            frames: BTreeMap::new(),
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
            let frames = self.frames.entry(key).or_default();
            frames.push(full.finish()?);
            if frames.len() >= FRAMES_A_SPILL {
                self.spill(key)?;
            }
        }
        Ok(())
    }

    fn spill(&mut self, (dataset, period): (Dataset, PeriodKey)) -> Result<(), FrameError> {
        let Some(spill) = &self.spill else { return Ok(()) };
        let frames = self.frames.remove(&(dataset, period)).unwrap_or_default();
        let relative = format!("{}-{:04}.parquet", spill.prefix, self.spilled.len());
        let part = part::write(&spill.ledger, &relative, &frames, vec![self.origin.object.clone()])
            .map_err(|cause| FrameError::Spill(Box::new(cause)))?;
        self.spilled.push((dataset, period, part));
        Ok(())
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
    /// When polars refuses a frame, which no valid row makes it do.
    pub fn finish(mut self) -> Result<Yield, FrameError> {
        for (key, builder) in std::mem::take(&mut self.building) {
            self.frames.entry(key).or_default().push(builder.finish()?);
        }
        Ok(Yield {
            spilled: self.spilled,
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
