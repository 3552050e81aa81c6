//! Kind `aws-cur2`: the Cost and Usage Report 2.0 of AWS Data Exports, Parquet or CSV
//! (<https://docs.aws.amazon.com/cur/latest/userguide/table-dictionary-cur2.html>).
//!
//! One unit is the newest refresh of one export and billing month.

use model::time::Instant;

use super::bill::cur_charge::{self, Generation};
use super::bill::export;
use super::bill::posting::Posting;
use super::{Plan, ReadError, Reader, Unit};
use crate::sink::Sink;
use crate::store::{Object, Store};

/// Reader of Cost and Usage Reports 2.0.
pub(super) struct AwsCur2;

impl Reader for AwsCur2 {
    fn plan(&self, store: &dyn Store, listing: &[Object]) -> Result<Plan, ReadError> {
        export::single_file(store, listing).map_or_else(|| export::plan(store, listing), Ok)
    }

    fn read(&self, store: &dyn Store, unit: &Unit, _now: Instant, sink: &mut Sink) -> Result<(), ReadError> {
        let delivery = export::open(store, unit)?;
        let mut posting = Posting::new(sink);
        for file in delivery.files {
            cur_charge::read_file(store, &file.uri, Generation::Second, delivery.period, &mut posting)?;
        }
        posting.finish();
        Ok(())
    }

    fn replaces_periods(&self) -> bool {
        true
    }
}
