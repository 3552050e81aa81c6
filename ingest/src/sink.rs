//! What one unit yielded: rows by dataset and period, exact totals, warnings.
//!
//! A unit is read whole or not at all: when reading it fails, its sink is dropped and
//! nothing of it is landed. A large unit (a month's bill) does not stay in memory: its
//! rows are added to files beside the landed ones, which landing then only renames.

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

use crate::frame::{FrameBuilder, FrameError, Origin, UnitRows};
use crate::packed::{Cells, PackedRows, Row};
use crate::part::PartWriter;

/// Bytes of rows a sink keeps in memory; beyond, the largest dataset and period is spilled.
const BYTES_IN_MEMORY: usize = 24 << 20;

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

/// Rows and facts of one unit, as a reader fills them.
pub struct Sink {
    origin: Origin,
    spill: Option<Spill>,
    spilled: BTreeMap<(Dataset, PeriodKey), PartWriter>,
    rows: BTreeMap<(Dataset, PeriodKey), PackedRows>,
    /// Bytes of `rows`.
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
            rows: BTreeMap::new(),
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
        let rows = self.rows.entry((R::DATASET, period)).or_insert_with(|| PackedRows::new(R::DATASET));
        let before = rows.bytes();
        rows.push(row)?;
        self.held_bytes += rows.bytes() - before;
        if self.held_bytes > BYTES_IN_MEMORY { self.spill_largest() } else { Ok(()) }
    }

    fn spill_largest(&mut self) -> Result<(), FrameError> {
        let Some(spill) = self.spill.clone() else { return Ok(()) };
        let sizes = self.rows.iter().map(|(key, rows)| (rows.bytes(), *key));
        let Some((bytes, key)) = sizes.max() else { return Ok(()) };
        let Some(rows) = self.rows.remove(&key) else { return Ok(()) };
        self.held_bytes = self.held_bytes.saturating_sub(bytes);
        self.append(&spill, key, &rows)
    }

    /// Adds rows to the file of their dataset and period.
    fn append(
        &mut self,
        spill: &Spill,
        key: (Dataset, PeriodKey),
        rows: &PackedRows,
    ) -> Result<(), FrameError> {
        let spilled = |cause| FrameError::Spill(Box::new(cause));
        let next = self.spilled.len();
        let writer = match self.spilled.entry(key) {
            Occupied(entry) => entry.into_mut(),
            Vacant(entry) => {
                let relative = format!("{}-{next:04}.parquet", spill.prefix);
                entry.insert(PartWriter::create(&spill.ledger, &relative, key.0).map_err(spilled)?)
            }
        };
        writer.unit(&self.origin, rows).map_err(spilled)
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
    /// When a file cannot be written.
    pub fn finish(mut self) -> Result<Yield, FrameError> {
        // What has a file is whole in it.
        if let Some(spill) = self.spill.take() {
            let begun: Vec<_> = self.spilled.keys().copied().collect();
            for key in begun {
                if let Some(rows) = self.rows.remove(&key) {
                    self.append(&spill, key, &rows)?;
                }
            }
        }
        let mut spilled = Vec::new();
        for ((dataset, period), writer) in self.spilled {
            let part = writer
                .finish(vec![self.origin.object.clone()])
                .map_err(|cause| FrameError::Spill(Box::new(cause)))?;
            spilled.push((dataset, period, part));
        }
        self.rows.values_mut().for_each(PackedRows::shrink);
        Ok(Yield {
            origin: self.origin,
            spilled,
            rows: self.rows,
            totals: self.totals,
            warnings: self.warnings.into_values().collect(),
        })
    }
}

/// What one unit yielded, ready to be landed.
pub struct Yield {
    /// The unit.
    pub origin: Origin,
    /// Files already written, with the dataset and period of their rows.
    pub spilled: Vec<(Dataset, PeriodKey, Part)>,
    /// The other rows by dataset and period.
    pub rows: BTreeMap<(Dataset, PeriodKey), PackedRows>,
    /// Exact totals of charges by period and currency.
    pub totals: BTreeMap<PeriodKey, Totals>,
    /// What was noticed.
    pub warnings: Vec<Warning>,
}

impl Yield {
    /// What is in memory as frames, as it would be landed.
    ///
    /// # Errors
    /// When polars refuses a frame, which no valid row makes it do.
    pub fn frames(&self) -> Result<BTreeMap<(Dataset, PeriodKey), DataFrame>, FrameError> {
        let frame = |rows: &PackedRows| {
            let mut frame = FrameBuilder::new(rows.dataset());
            frame.fill(&mut UnitRows::new(&self.origin, rows), usize::MAX, usize::MAX)?;
            frame.take()
        };
        self.rows.iter().map(|(key, rows)| Ok((*key, frame(rows)?))).collect()
    }
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
