//! Random ledgers: whatever is landed, every cost is conserved on every basis, no part has
//! another sign than its whole, every model keeps its keys, and neither order nor files nor
//! the time of day change a byte of the atoms.
//!
//! Many small worlds make one ledger, and each is conserved alone. `LAKELEDGER_CASES=10000`
//! makes ten thousand, `LAKELEDGER_SEED=7` others; `LAKELEDGER_BATCH=3` looks at the fourth
//! five hundred of them alone.

pub mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use self::world::{Delivery, ODDITIES, World};
use crate::common::Ledger;
use attribution::engine::Builder;
use attribution::rules::{Matcher, OwnerRule, Rules};
use model::Amount;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// Worlds of one ledger.
const BATCH: usize = 500;

fn number(variable: &str, default: usize) -> usize {
    std::env::var(variable).map_or(default, |text| text.parse().unwrap())
}

/// Worlds of a seed, the same ones every time.
fn worlds(count: usize) -> Vec<World> {
    let mut seed = [0; 32];
    seed[..8].copy_from_slice(&number("LAKELEDGER_SEED", 1).to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    (0..count).map(|_| world::world().new_tree(&mut runner).unwrap().current()).collect()
}

/// A ledger of these worlds: `parts` Parquet files a dataset, rows in this or the other order.
fn ledger(worlds: &[World], delivery: Delivery, parts: usize, reversed: bool) -> Ledger {
    let mut rows = BTreeMap::new();
    for (nth, world) in worlds.iter().enumerate() {
        world.rows(nth, delivery, &mut rows);
    }
    let mut ledger = Ledger::new();
    for (dataset, mut rows) in rows {
        if reversed {
            rows.reverse();
        }
        let path = ledger.path().join(format!("{dataset}.csv"));
        std::fs::write(&path, format!("{}\n{}\n", world::header(dataset), rows.join("\n"))).unwrap();
        ledger.land_parts(dataset, &path, parts);
    }
    ledger.commit();
    ledger
}

fn rules(ledger: &Ledger) -> Rules {
    let tag = Matcher::Tag { key: "team".into(), value: "*".into() };
    let rule = OwnerRule { team: "growth".into(), matcher: tag, from: None, to: None };
    Rules { owner_rules: vec![rule], ..ledger.rules() }
}

/// Runs every check on what was built of a ledger; its atoms as sorted CSV, and what is wrong.
fn checked(ledger: &Ledger, builder: &Builder, totals: &[String]) -> Result<Vec<u8>, String> {
    let failures = builder.check().unwrap();
    if !failures.is_empty() {
        return Err(format!("{failures:#?}"));
    }
    let broken = builder.broken_keys().unwrap();
    if !broken.is_empty() {
        return Err(broken.join("\n"));
    }
    let copy = |name: &str, query: &str| {
        let file = ledger.path().join(name);
        builder.run("copy", &format!("copy ({query}) to '{}' (format csv, header)", file.display())).unwrap();
        std::fs::read(file).unwrap()
    };
    let sums = copy(
        "sums.csv",
        "select account_id, billing_currency, sum(billed_cost), sum(effective_cost), sum(list_cost),
            sum(contracted_cost) from atoms group by all order by all",
    );
    let found: BTreeSet<String> = String::from_utf8(sums).unwrap().lines().skip(1).map(normal).collect();
    let lost: Vec<&String> = totals.iter().filter(|total| !found.contains(*total)).collect();
    if !lost.is_empty() || found.len() != totals.len() {
        return Err(format!("not conserved: {lost:?}, {} of {} sums", found.len(), totals.len()));
    }
    Ok(copy("atoms.csv", "select * from atoms order by all"))
}

/// A line of sums with its amounts as Rust writes them.
fn normal(line: &str) -> String {
    let cell = |(at, text): (usize, &str)| {
        if at < 2 { text.to_owned() } else { text.parse::<Amount>().unwrap().to_string() }
    };
    line.split(',').enumerate().map(cell).collect::<Vec<_>>().join(",")
}

/// What is wrong with a ledger of these worlds; `Ok` has its atoms.
fn check(worlds: &[World]) -> Result<Vec<u8>, String> {
    let mut totals = Vec::new();
    for (nth, world) in worlds.iter().enumerate() {
        for (currency, sums) in world.totals() {
            let sums = sums.map(|sum| sum.to_string()).join(",");
            totals.push(format!("{},{currency},{sums}", World::account(nth)));
        }
    }
    let plain = ledger(worlds, Delivery { files: 1, object: "object" }, 1, false);
    let costed = |ledger: &Ledger| checked(ledger, &ledger.costed(&rules(ledger)), &totals);
    let first = checked(&plain, &plain.built(&rules(&plain)), &totals)?;
    if costed(&plain)? != first {
        return Err("the same input twice gave other atoms".into());
    }
    let shuffled = ledger(worlds, Delivery { files: 3, object: "renamed" }, 3, true);
    let second = costed(&shuffled)?;
    if second != first {
        return Err(format!(
            "another order and other files gave other atoms:\n{}",
            difference(&first, &second)
        ));
    }
    Ok(first)
}

/// The first rows only one of two results has.
fn difference(first: &[u8], second: &[u8]) -> String {
    let lines = |bytes: &[u8]| -> BTreeSet<String> {
        String::from_utf8_lossy(bytes).lines().map(str::to_owned).collect()
    };
    let (first, second) = (lines(first), lines(second));
    let mut text = String::new();
    for (sign, these, those) in [('-', &first, &second), ('+', &second, &first)] {
        for row in these.difference(those).take(5) {
            let _ = writeln!(text, "{sign} {row}");
        }
    }
    text
}

/// Fewest worlds that are wrong by themselves, found by halving.
fn smallest(worlds: &[World], fault: String) -> (Vec<World>, String) {
    if worlds.len() > 1 {
        let (left, right) = worlds.split_at(worlds.len() / 2);
        for half in [left, right] {
            if let Err(fault) = check(half) {
                return smallest(half, fault);
            }
        }
    }
    (worlds.to_vec(), fault)
}

#[test]
fn whatever_is_landed_is_conserved_and_neither_order_nor_files_matter() {
    let worlds = worlds(number("LAKELEDGER_CASES", 200));
    let mut methods = BTreeSet::new();
    let only = number("LAKELEDGER_BATCH", usize::MAX);
    for (nth, batch) in worlds.chunks(BATCH).enumerate() {
        if only != usize::MAX && only != nth {
            continue;
        }
        match check(batch) {
            Ok(atoms) => methods.extend(methods_of(&atoms)),
            Err(fault) => {
                let (few, fault) = smallest(batch, fault);
                panic!("{} worlds of batch {nth} are wrong: {fault}\n{few:#?}", few.len());
            }
        }
    }
    if worlds.len() >= 200 && only == usize::MAX {
        let odd: BTreeSet<&str> = worlds.iter().flat_map(World::oddities).collect();
        assert_eq!(odd.len(), ODDITIES, "{odd:?}");
        for method in [
            "node-share",
            "cluster-share",
            "cluster-active-share",
            "idle",
            "storage-bytes",
            "storage-nearest",
            "storage-unmeasured",
            "shared",
            "direct",
            "unowned",
            "unobserved-cluster",
        ] {
            assert!(methods.contains(method), "no atom is by {method}: {methods:?}");
        }
    }
}

fn methods_of(atoms: &[u8]) -> BTreeSet<String> {
    let text = String::from_utf8_lossy(atoms);
    let mut lines = text.lines();
    let at = lines.next().unwrap().split(',').position(|name| name == "method").unwrap();
    lines.map(|line| line.split(',').nth(at).unwrap().to_owned()).collect()
}

#[test]
fn spark_finds_the_same_rows_in_random_ledgers() {
    let Some(python) = std::env::var_os("LAKELEDGER_PYSPARK") else {
        let note = b"skipped: LAKELEDGER_PYSPARK (a Python that has pyspark) is not set\n";
        let _ = std::io::Write::write_all(&mut std::io::stderr(), note);
        return;
    };
    let worlds = worlds(50);
    let ledger = ledger(&worlds, Delivery { files: 1, object: "object" }, 1, false);
    let directory = tempfile::tempdir().unwrap();
    ledger.costed(&rules(&ledger)).export(directory.path()).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("spark/run_models.py");
    let ran = std::process::Command::new(python).arg(script).arg(directory.path()).output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{said}");
}
