//! Wrong input: a clear message that names the object, the rest still done, an exit code
//! that says so, and nothing lost.

use std::fs;

use crate::lab::{Lab, Ran};

/// What a failing command must print: one `error:` line that names the object.
fn assert_error(ran: &Ran, code: i32, names: &[&str]) {
    assert_eq!(ran.code, code, "{}", ran.stderr);
    for name in names {
        assert!(ran.stderr.contains(name), "`{name}` is not in:\n{}", ran.stderr);
    }
    assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
}

/// One find of a file below a directory by the end of its name.
fn find(lab: &Lab, below: &str, ending: &str) -> std::path::PathBuf {
    let mut left = vec![lab.path(below)];
    while let Some(directory) = left.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                left.push(path);
            } else if path.to_string_lossy().ends_with(ending) {
                return path;
            }
        }
    }
    panic!("no {ending} below {below}");
}

#[test]
fn an_unknown_key_is_refused_with_the_nearest_one() {
    let lab = Lab::with_config("[ledger]\npaht = \"ledger\"\n");
    let ran = lab.run(&["run"]);
    assert_error(&ran, 2, &["error: ", "line 2", "unknown key `paht`", "did you mean `path`?"]);
}

#[test]
fn a_missing_configuration_says_how_to_get_one() {
    let lab = Lab::new();
    let ran = lab.run(&["--config", "elsewhere.toml", "check"]);
    assert_error(&ran, 2, &["elsewhere.toml", "hint: ", "lakeledger init"]);
    // The option may stand behind the command too.
    assert_error(&lab.run(&["check", "--config", "elsewhere.toml"]), 2, &["elsewhere.toml"]);
}

#[test]
fn a_missing_directory_is_named_and_the_other_sources_are_done() {
    let lab = Lab::new();
    fs::remove_dir_all(lab.path("exports/maestro")).unwrap();
    let ran = lab.run(&["run"]);
    assert_error(&ran, 1, &["exports/maestro", "maestro"]);
    let total = lab.ok(&["export", "costs", "--by", "engine"]);
    assert!(total.contains("spark"), "{total}");
    assert_error(&lab.run(&["check"]), 2, &["error: ", "exports/maestro", "hint: "]);
}

#[test]
fn a_truncated_bill_keeps_what_was_landed_before() {
    let lab = Lab::new();
    lab.ok(&["run"]);
    let before = lab.figures();
    let bill = find(&lab, "exports/billing", ".csv.gz");
    let bytes = fs::read(&bill).unwrap();
    fs::write(&bill, &bytes[..bytes.len() / 2]).unwrap();
    let ran = lab.run(&["run"]);
    assert_error(&ran, 1, &["skipped: ", ".csv.gz"]);
    assert_eq!(lab.figures(), before, "nothing of the truncated delivery may count");
    // It stays named until it is mended, and then everything is well again.
    assert_error(&lab.run(&["run"]), 1, &["skipped: "]);
    fs::write(&bill, bytes).unwrap();
    lab.ok(&["run"]);
    assert_eq!(lab.figures(), before);
}

#[test]
fn a_truncated_last_line_of_a_log_is_a_warning_and_the_run_is_kept() {
    let lab = Lab::new();
    let log = find(&lab, "exports/spark", "app-20261120110454-0000");
    let bytes = fs::read(&log).unwrap();
    fs::write(&log, &bytes[..bytes.len() - 40]).unwrap();
    let ran = lab.run(&["run"]);
    assert_error(&ran, 0, &["warning: ", "app-20261120110454-0000"]);
    assert!(lab.ok(&["export", "runs"]).contains("app-20261120110454-0000"));
}

#[test]
fn a_corrupt_manifest_is_named_and_the_rest_is_done() {
    let lab = Lab::new();
    let manifest = lab.path("exports/billing/cur/lab-cur/20261001-20261101/lab-cur-Manifest.json");
    fs::write(&manifest, "{ not json").unwrap();
    let ran = lab.run(&["run"]);
    assert_error(&ran, 1, &["lab-cur-Manifest.json"]);
    assert!(lab.ok(&["export", "runs"]).contains("spark"));
}

#[test]
fn a_bill_without_a_cost_column_is_refused_by_name() {
    let lab = Lab::with_config("[[source]]\nname = \"bill\"\nkind = \"aws-cur\"\nuri = \"bill.csv\"\n");
    let header =
        "identity/LineItemId,bill/BillingPeriodStartDate,lineItem/UsageStartDate,lineItem/UsageEndDate\n";
    fs::write(lab.path("bill.csv"), header).unwrap();
    let ran = lab.run(&["run"]);
    assert_error(&ran, 1, &["bill.csv", "UnblendedCost"]);
}

#[test]
fn a_table_whose_metadata_is_gone_is_named_and_the_others_are_done() {
    let lab = Lab::new();
    let metadata = find(&lab, "exports/warehouse/prod/growth/playback_rollup", ".metadata.json");
    fs::remove_dir_all(metadata.parent().unwrap()).unwrap();
    let ran = lab.run(&["run"]);
    assert_error(&ran, 1, &["playback_rollup"]);
    let tables = lab.ok(&["export", "tables", "--format", "json"]);
    assert!(tables.contains("signup_sessions") && !tables.contains("playback_rollup"), "{tables}");
}

#[test]
fn a_bad_dimension_and_a_bad_day_are_explained() {
    let lab = Lab::new();
    assert_error(&lab.run(&["export", "costs", "--by", "teem"]), 2, &["`teem` is not a dimension"]);
    assert_error(&lab.run(&["export", "costs", "--from", "2026-13-01"]), 2, &["2026-13-01"]);
    assert_error(
        &lab.run(&["export", "costs"]),
        2,
        &["has no published mart", "hint: publish one with `lakeledger run`"],
    );
}

#[test]
fn an_output_that_cannot_be_written_fails_before_any_work() {
    let lab = Lab::new();
    lab.ok(&["run"]);
    let ran = lab.run(&["export", "costs", "-o", "missing/costs.csv"]);
    assert_error(&ran, 2, &["missing/costs.csv", "hint: "]);
    lab.ok(&["export", "costs", "-o", "costs.csv"]);
    assert!(fs::read_to_string(lab.path("costs.csv")).unwrap().starts_with("currency,cost"));
    assert!(!lab.has_leftovers());
}

#[test]
fn an_export_goes_through_links_and_devices_and_leaves_them() {
    let lab = Lab::new();
    lab.ok(&["run"]);
    let whole = lab.ok(&["export", "costs"]);
    fs::write(lab.path("target.csv"), "old").unwrap();
    std::os::unix::fs::symlink("target.csv", lab.path("link.csv")).unwrap();
    lab.ok(&["export", "costs", "-o", "link.csv"]);
    assert!(fs::symlink_metadata(lab.path("link.csv")).unwrap().is_symlink());
    assert_eq!(fs::read_to_string(lab.path("target.csv")).unwrap(), whole);
    assert_eq!(lab.ok(&["export", "costs", "-o", "-"]), whole);
    let full = lab.run(&["export", "costs", "-o", "/dev/full"]);
    assert_error(&full, 2, &["error: could not write `/dev/full`"]);
    assert!(!fs::metadata("/dev/full").unwrap().is_file());
}

#[test]
fn a_log_that_grew_is_read_again_and_the_rest_of_its_day_stays() {
    let lab = Lab::new();
    lab.ok(&["run"]);
    let before = lab.figures();
    let log = find(&lab, "exports/spark", "app-20261120110622-0001");
    let mut text = fs::read_to_string(&log).unwrap();
    text.push('\n');
    fs::write(&log, text).unwrap();
    let again = lab.run(&["run"]);
    assert_eq!(again.code, 0, "{}", again.stderr);
    assert!(again.stderr.contains("read 1 of 10 units"), "{}", again.stderr);
    assert_eq!(lab.figures(), before);
}

#[test]
fn a_damaged_mart_is_built_anew() {
    let lab = Lab::new();
    lab.ok(&["run"]);
    let before = lab.figures();
    let mart = find(&lab, "ledger/marts", ".duckdb");
    fs::write(&mart, "garbage").unwrap();
    lab.ok(&["run"]);
    assert_eq!(lab.figures(), before);
}
