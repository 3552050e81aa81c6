//! The ledger's manifest: which landed files are current, what they were read from and
//! what they sum to. `ingest` writes it (its rename is the commit), `attribution` reads it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::landed::Dataset;
use crate::money::{Amount, Exact, Residue};
use crate::time::{Instant, PeriodKey};
use crate::{Basis, Currency, Warning};

/// File name of the manifest in the ledger directory.
pub const MANIFEST_FILE: &str = "manifest.json";

/// Layout version this build reads and writes.
pub const MANIFEST_VERSION: u32 = 1;

/// The current state of everything landed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`MANIFEST_VERSION`] of the writer.
    pub version: u32,
    /// Counts commits; names the version directory of what a commit landed.
    pub commit: u64,
    /// What was read, by source name.
    pub sources: BTreeMap<String, SourceRecord>,
    /// What is current, one entry a dataset, source and period.
    pub entries: Vec<Entry>,
}

impl Default for Manifest {
    fn default() -> Self {
        Self { version: MANIFEST_VERSION, commit: 0, sources: BTreeMap::new(), entries: Vec::new() }
    }
}

/// The current files of one dataset, source and period.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// What the files hold.
    pub dataset: Dataset,
    /// Configured source.
    pub source: String,
    /// Period they cover.
    pub period: PeriodKey,
    /// Current files; each is immutable and may outlive several commits.
    pub parts: Vec<Part>,
    /// When it last changed.
    pub landed_at: Instant,
}

/// One landed Parquet file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Path relative to the ledger directory.
    pub path: String,
    /// Rows in it.
    pub rows: u64,
    /// Size of the file in bytes.
    pub bytes: u64,
    /// Keys of the units whose rows it holds.
    pub units: Vec<String>,
}

/// What is known of one configured source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceRecord {
    /// Kind, as configured.
    pub kind: String,
    /// Location, as configured.
    pub uri: String,
    /// When the location was last listed.
    pub checked_at: Instant,
    /// When anything of it was last landed.
    pub landed_at: Option<Instant>,
    /// What was noticed when it was last planned (per-unit warnings stand with the units).
    pub warnings: Vec<Warning>,
    /// What was read, by unit key.
    pub units: BTreeMap<String, UnitRecord>,
    /// Of sources that collect: collections that later runs found unchanged and that are not the
    /// unit's newest any more, or whose unit is gone. By unit key, the day of the collection and
    /// the last day it was confirmed; only those that say anything of a day between collections.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub held: BTreeMap<String, BTreeMap<PeriodKey, PeriodKey>>,
}

/// What is known of one unit that was read, or could not be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitRecord {
    /// Of its objects together; a change means it is read again.
    pub fingerprint: String,
    /// Objects it consists of.
    pub objects: u64,
    /// Bytes of its objects.
    pub bytes: u64,
    /// When it was read.
    pub read_at: Instant,
    /// When it was last found as it was read; kept of sources that collect alone, of which nothing
    /// else says for how long a collection held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirmed_at: Option<Instant>,
    /// Rows it landed, by dataset.
    pub rows: BTreeMap<Dataset, u64>,
    /// Exact totals of the charges it landed, by period and currency.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub totals: BTreeMap<PeriodKey, Totals>,
    /// Periods its rows stand in.
    pub periods: Vec<PeriodKey>,
    /// What was noticed while reading it; one that was skipped says so here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<Warning>,
}

impl UnitRecord {
    /// Rows that are facts of the source: all but tag sets, which are our own bookkeeping.
    pub fn facts(&self) -> u64 {
        self.rows.iter().filter(|(dataset, _)| **dataset != Dataset::TagSets).map(|(_, rows)| rows).sum()
    }
}

/// Totals of charges by currency.
pub type Totals = BTreeMap<Currency, ChargeTotals>;

/// Exact totals of landed charges, of one currency.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChargeTotals {
    /// Sum of billed cost.
    pub billed: Exact,
    /// Sum of effective cost.
    pub effective: Exact,
    /// Sum of list cost, nulls as 0.
    pub list: Exact,
    /// Sum of contracted cost, nulls as 0.
    pub contracted: Exact,
}

impl ChargeTotals {
    /// The total on one basis.
    pub fn get(&self, basis: Basis) -> Exact {
        match basis {
            Basis::Billed => self.billed,
            Basis::Effective => self.effective,
            Basis::List => self.list,
            Basis::Contracted => self.contracted,
        }
    }

    /// Adds one parsed cost.
    pub fn add(&mut self, basis: Basis, amount: Amount, residue: Residue) {
        match basis {
            Basis::Billed => self.billed.add(amount, residue),
            Basis::Effective => self.effective.add(amount, residue),
            Basis::List => self.list.add(amount, residue),
            Basis::Contracted => self.contracted.add(amount, residue),
        }
    }

    /// Adds other totals of the same currency.
    pub fn merge(&mut self, other: &Self) {
        self.billed += other.billed;
        self.effective += other.effective;
        self.list += other.list;
        self.contracted += other.contracted;
    }
}
