//! Golden cases: every directory of `fixtures/cases/` holds landed rows and the rows of
//! the mart that were worked out by hand from them (its README shows the arithmetic). Every check of costs holds in
//! each, and every model keeps its keys; of waste, whose cases are tests of their own, nothing is made.
//!
//! `CASE=name cargo test --workspace --test marts cases` runs those whose name contains it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

#[test]
fn every_case_gives_the_rows_worked_by_hand() {
    let cases = crate::common::cases();
    // A panic of one case must not hide the others.
    let checked = |case: &PathBuf| {
        std::panic::catch_unwind(|| check(case))
            .unwrap_or_else(|_| format!("{}: it panicked, see above\n", case.display()))
    };
    let halves: Vec<&[PathBuf]> = cases.chunks(cases.len().div_ceil(2)).collect();
    let wrong: String = std::thread::scope(|scope| {
        let threads: Vec<_> =
            halves.iter().map(|half| scope.spawn(|| half.iter().map(checked).collect::<String>())).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(wrong.is_empty(), "\n{wrong}");
}

/// What differs from the expected rows, as text; empty when nothing does.
fn check(case: &Path) -> String {
    let name = case.file_name().unwrap().to_string_lossy();
    assert!(case.join("README.md").exists(), "{name} does not say how its rows were worked out");
    let (ledger, rules) = crate::common::case(case);
    let mart = ledger.path().join("case.duckdb");
    let builder = ledger.costed_in(&mart, &rules);
    let mut difference = String::new();
    for failure in builder.check().unwrap() {
        let _ = writeln!(difference, "{name}: {failure:?}");
    }
    // The grain its file states: no key stands twice, and nothing of it is null that may not be.
    for key in builder.broken_keys().unwrap() {
        let _ = writeln!(difference, "{name}: {key}");
    }
    builder.finish().unwrap();
    let mut compared = 0;
    let mut files: Vec<_> = std::fs::read_dir(case).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for file in files {
        let file_name = file.file_name().unwrap().to_string_lossy().into_owned();
        let Some(table) = file_name.strip_prefix("expected_").and_then(|rest| rest.strip_suffix(".csv"))
        else {
            continue;
        };
        compared += 1;
        let text = std::fs::read_to_string(&file).unwrap();
        let mut lines = text.lines();
        let header = lines.next().unwrap();
        let mut want: Vec<String> = lines.map(str::to_owned).collect();
        want.sort();
        let found = crate::common::asked(&mart, &format!("select {header} from {table}"));
        if want != found {
            let _ = writeln!(difference, "{name}: {table} ({header})");
            describe(&want, &found, &mut difference);
        }
    }
    assert!(compared > 0, "{name} expects nothing");
    difference
}

/// Lines only expected with `-`, only found with `+`; both lists are sorted.
fn describe(want: &[String], found: &[String], text: &mut String) {
    let (mut at, mut to) = (0, 0);
    while at < want.len() || to < found.len() {
        match (want.get(at), found.get(to)) {
            (Some(a), Some(b)) if a == b => {
                at += 1;
                to += 1;
            }
            (Some(a), b) if b.is_none_or(|b| a < b) => {
                let _ = writeln!(text, "  - {a}");
                at += 1;
            }
            (_, Some(b)) => {
                let _ = writeln!(text, "  + {b}");
                to += 1;
            }
            (_, None) => break,
        }
    }
}
