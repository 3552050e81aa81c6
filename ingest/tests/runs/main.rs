//! Run logs and cluster facts, read through the readers' public face: real files against
//! what other programs say of them, and bad files against what a person expects.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod emr;
mod frames;
mod maestro;
mod spark;
mod spark_made;
mod spark_tables;
mod support;
