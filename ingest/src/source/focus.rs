//! Kind `focus`: exports after the FinOps Open Cost and Usage Specification, versions 1.0
//! to 1.2, CSV or Parquet, of any provider.
//!
//! One unit is one file, which may hold several billing months; where the location is one
//! of AWS Data Exports, it is the newest refresh of one export and month.

use model::Warning;
use model::time::Instant;

use super::bill::export;
use super::bill::focus_charge;
use super::bill::posting::Posting;
use super::{Plan, ReadError, Reader, Unit};
use crate::sink::Sink;
use crate::store::{Object, Store};

const DATA_SUFFIXES: [&str; 3] = [".csv", ".csv.gz", ".parquet"];

/// Reader of FOCUS exports.
pub(super) struct Focus;

impl Reader for Focus {
    fn plan(&self, store: &dyn Store, listing: &[Object]) -> Result<Plan, ReadError> {
        if export::has_exports(listing) {
            return export::plan(store, listing);
        }
        let is_data = |object: &&Object| DATA_SUFFIXES.iter().any(|suffix| object.uri.ends_with(suffix));
        let units: Vec<Unit> = listing.iter().filter(is_data).cloned().map(Unit::single).collect();
        let mut warnings = Vec::new();
        if units.is_empty() && !listing.is_empty() {
            let message = format!("none of {} files is a .csv, .csv.gz or .parquet", listing.len());
            warnings.push(Warning::skipped("no-bill", store.root(), message));
        }
        Ok(Plan { units, warnings })
    }

    fn read(&self, store: &dyn Store, unit: &Unit, _now: Instant, sink: &mut Sink) -> Result<(), ReadError> {
        let mut posting = Posting::new(sink);
        for file in export::open(store, unit)?.files {
            focus_charge::read_file(store, &file.uri, &mut posting)?;
        }
        posting.finish();
        Ok(())
    }

    fn replaces_periods(&self) -> bool {
        true
    }
}
