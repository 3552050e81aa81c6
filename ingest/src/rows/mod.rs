//! What readers produce: one struct a landed dataset, fields as `model::landed` names
//! and explains them.

mod charge;
mod platform;
mod run;

pub use charge::Charge;
pub use platform::{Node, Table, TablePartition, TableSnapshot};
pub use run::{Access, Run, RunHour, RunStage, RunStatus, RunTable, RunUsage};
