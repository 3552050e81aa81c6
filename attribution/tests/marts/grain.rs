//! Every model has the grain its file states: no key stands twice, and no column of a key is
//! null that may not be: on golden cases by `cases`, on random ledgers by `random_ledgers`.

use std::path::Path;

#[test]
fn a_row_that_stands_twice_and_a_null_are_seen() {
    let case = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/cases/idle_hours");
    let (ledger, rules) = crate::common::case(&case);
    let builder = ledger.built(&rules);
    builder
        .run("damage", "insert into node_shares select * from node_shares where run_nr is null limit 1")
        .unwrap();
    builder.run("damage", "update charge_lines set line_id = null").unwrap();
    let broken = builder.broken_keys().unwrap();
    let of = |model: &str| broken.iter().filter(|key| key.starts_with(&format!("{model}: "))).count();
    assert_eq!((of("node_shares"), of("charge_lines")), (1, 1), "{broken:?}");
    assert_eq!(broken.len(), 2, "{broken:?}");
}
