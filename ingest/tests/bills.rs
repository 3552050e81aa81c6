//! Bills through their readers, against totals others computed and against own-made
//! damage. What needs the public samples runs where `LAKELEDGER_SAMPLES` names them.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

#[path = "bills/cur_damage.rs"]
mod cur_damage;
#[path = "bills/cur_made.rs"]
mod cur_made;
#[path = "bills/cur_samples.rs"]
mod cur_samples;
#[path = "../../fixtures/tests/support/days.rs"]
mod days;
#[path = "bills/exports_made.rs"]
mod exports_made;
#[path = "bills/focus_made.rs"]
mod focus_made;
#[path = "bills/focus_samples.rs"]
mod focus_samples;
#[path = "bills/support.rs"]
mod support;
