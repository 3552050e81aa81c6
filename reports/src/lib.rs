//! From a published mart to what people read away from the dashboard: the
//! weekly report, exports, and the figures and charts that pages use too.
//!
//! Invariants: no SQL here; no figure becomes text outside [`format`]; nothing
//! is computed from a float.
//!
//! Read in this order: [`format`], [`label`], [`palette`], [`chart`], [`reason`], [`week`],
//! [`weekly`], [`export`], [`explained`], [`compared`], [`findings`], [`detector`],
//! [`lifecycle`], [`watch`], [`budget`], [`alert`], [`mail`], [`schedule`],
//! [`sessions`].

pub mod alert;
pub mod budget;
pub mod cell;
pub mod chart;
pub mod compared;
pub mod detector;
mod error;
pub mod evidence;
pub mod explained;
pub mod export;
pub mod findings;
pub mod forecast;
pub mod format;
pub mod label;
pub mod lifecycle;
pub mod link;
pub mod mail;
pub mod names;
pub mod palette;
pub mod reason;
pub mod schedule;
pub mod sessions;
mod state;
pub mod watch;
pub mod week;
pub mod weekly;

pub use error::ReportError;
pub use state::{LockError, StateError};
