//! Marts of ledgers made by hand, drawn at random and read from bills: what models make of them, what checks find, and
//! what questions are answered.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot be set up has failed")]

mod bill_totals;
mod cases;
mod checks;
mod common;
mod cuts;
#[path = "../../../fixtures/tests/support/days.rs"]
mod days;
mod grain;
mod increments;
mod models_docs;
mod ownership;
mod publishing;
mod random_ledgers;
mod spark;
mod splits;
mod views;
mod waste;
