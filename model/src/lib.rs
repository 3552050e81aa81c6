//! The words shared by two or more crates: money, time, tags, warnings and the
//! landed datasets that carry facts from `ingest` to `attribution`.
//!
//! Invariant: nothing here does I/O, and nothing here is used by one crate only.
//!
//! Read in this order: [`money`], [`time`], [`tags`], [`landed`], [`warning`], [`basis`].

pub mod basis;
pub mod landed;
pub mod manifest;
pub mod money;
pub mod tags;
pub mod time;
pub mod warning;

pub use basis::{Basis, Category};
pub use money::{Amount, Currency, Residue};
pub use warning::Warning;
