//! Bills: what the readers of billing exports share.
//!
//! Read in this order: [`table`] (a file as a header and lines, whatever its format),
//! [`value`] (one cell), [`posting`] (lines as landed charges with exact totals), then the
//! two mappings: `cur_*` (AWS Cost and Usage Report) and `focus_*` (FinOps Open Cost and
//! Usage Specification). A further export is one more pair of columns and charge.

pub(super) mod cur_charge;
mod cur_columns;
mod cur_cost;
pub(super) mod delivery;
pub(super) mod export;
pub(super) mod focus_charge;
mod focus_columns;
mod maps;
mod notes;
mod numbers;
mod parquet;
mod period;
pub(super) mod posting;
mod service;
mod table;
mod value;

use super::ReadError;

/// What every error of these readers calls the thing it read.
const BILL: &str = "bill";

/// A bill that cannot be used.
fn malformed(object: impl Into<String>, fault: impl Into<String>, hint: Option<&str>) -> ReadError {
    ReadError::Malformed {
        what: BILL,
        object: object.into(),
        fault: fault.into(),
        hint: hint.map(str::to_owned),
    }
}
