//! Kind `aws-cur`: the legacy AWS Cost and Usage Report, CSV or Parquet
//! (<https://docs.aws.amazon.com/cur/latest/userguide/what-is-cur.html>).
//!
//! One unit is the current delivery of one billing month.

use model::time::Instant;

use super::bill::cur_charge::{self, Generation};
use super::bill::delivery;
use super::bill::posting::Posting;
use super::{Plan, ReadError, Reader, Unit};
use crate::sink::Sink;
use crate::store::{Object, Store};

/// Reader of legacy Cost and Usage Reports.
pub(super) struct AwsCur;

impl Reader for AwsCur {
    fn plan(&self, store: &dyn Store, listing: &[Object]) -> Result<Plan, ReadError> {
        delivery::plan(store, listing)
    }

    fn read(&self, store: &dyn Store, unit: &Unit, _now: Instant, sink: &mut Sink) -> Result<(), ReadError> {
        let delivery = delivery::open(store, unit)?;
        let mut posting = Posting::new(sink);
        for file in delivery.files {
            cur_charge::read_file(store, &file.uri, Generation::First, delivery.period, &mut posting)?;
        }
        posting.finish();
        Ok(())
    }

    fn replaces_periods(&self) -> bool {
        true
    }
}
