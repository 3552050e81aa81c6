//! Landed Parquet -> published mart: the SQL models that give every cost an owner, the
//! checks that prove nothing was lost, and the typed questions asked of the result.
//!
//! Sole home of duckdb and of all SQL.
//! Invariant: nothing here opens a socket, and nothing reads a source's own format.
//!
//! Read in this order: [`rules`] (what the configuration decides), [`models`] (every SQL
//! file, in order), [`engine`] (the only opener of DuckDB), [`publish`] (build, check,
//! swap), [`mart`] (questions).

pub mod engine;
pub mod lineage;
pub mod mart;
pub mod models;
pub mod publish;
pub mod rules;
pub mod spark;

pub use mart::{Mart, MartError};
pub use publish::{Outcome, PublishError, publish};
