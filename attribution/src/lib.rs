//! Landed Parquet -> published mart: the SQL models that give every cost an owner, the
//! checks that prove nothing was lost, and the typed questions asked of the result.
//!
//! Sole home of duckdb and of all SQL.
//! Invariant: nothing here opens a socket, and nothing reads a source's own format.
//!
//! Read in this order: [`rules`] (what the configuration decides), [`models`] (every SQL
//! file, in order), [`description`] (what each says of itself), [`lineage`] (what SQL cannot say of cycles), [`engine`] (the only opener
//! of DuckDB), [`scope`] (what of a model some changed days touch) and `incremental` (makes only
//! that), [`publish`] (build, check, swap), [`record`] (who owned what by each publish),
//! [`waste`] (thresholds of its detectors), [`mart`] (questions).

pub mod description;
pub mod engine;
mod incremental;
pub mod lineage;
mod made_of;
pub mod mart;
pub mod models;
mod pools;
pub mod publish;
pub mod record;
pub mod rules;
pub mod scope;
pub mod spark;
pub mod waste;

pub use mart::{Mart, MartError};
pub use publish::{Made, Outcome, PublishError, Way, publish, publish_as};
