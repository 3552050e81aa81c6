//! What readers produce: one struct a landed dataset, fields as `model::landed` names
//! and explains them.

mod charge;
mod owner;
mod platform;
mod query;
mod run;
mod storage;
mod usage;

pub use charge::Charge;
pub use owner::Owner;
pub use platform::{Node, Table, TablePartition, TableSnapshot};
pub use query::Query;
pub use run::{Access, Run, RunHour, RunStage, RunStatus, RunTable, RunUsage};
pub use storage::{Begun, Storage, TableAccess, Upload};
pub use usage::UsageShare;
