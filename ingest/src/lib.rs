//! Outside -> landed Parquet: pulls billing exports, run logs and table metadata,
//! validates and normalises them, and lands them atomically per dataset, source and period.
//!
//! Sole home of polars, aws-sdk-s3 and every format parser.
//! Invariant: nothing here knows who owns a cost, and nothing here reads a mart.
//!
//! Read in this order: [`store`] (where objects come from), [`source`] (what a reader of
//! one format is, and the list of them), [`rows`] (what readers produce), [`packed`] (rows
//! that wait), [`frame`] (rows as typed columns), [`sink`] (what one object yielded),
//! [`ledger`], [`part`] and [`land`] (how it becomes part of the ledger).

mod commit;
pub mod frame;
pub mod land;
pub mod ledger;
mod merge;
pub mod packed;
pub mod part;
pub mod rows;
pub mod sink;
pub mod source;
pub mod store;
