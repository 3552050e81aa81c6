//! Damaged and hostile reports: what is refused names the file and the line, what is read
//! says what was odd, and nothing of a month lands when any of it is missing.

use std::fs;
use std::path::Path;

use model::Basis;
use tempfile::TempDir;

use crate::cur_made::{BASE, OCTOBER, csv, gzip, manifest, write};
use crate::support::{Bill, read};

fn file(name: &str, bytes: impl AsRef<[u8]>) -> (TempDir, Bill) {
    let dir = TempDir::new().unwrap();
    write(dir.path(), name, bytes);
    let bill = read("aws-cur", &dir.path().join(name));
    (dir, bill)
}

#[track_caller]
fn refused(name: &str, bytes: impl AsRef<[u8]>, want: &str) {
    let (_dir, bill) = file(name, bytes);
    let (error, _) = bill.error();
    assert!(error.starts_with("could not read bill `") && error.contains(want), "{error}");
}

#[test]
fn a_file_that_is_no_report_is_refused_by_name() {
    refused("cur.csv", "", "/cur.csv`: the file is empty");
    refused("cur.csv.gz", gzip(""), "/cur.csv.gz`: the file is empty");
    refused("cur.csv", "a,b\n1,2\n", "it has no column `lineItem/UnblendedCost`, but 2 columns: a, b");
    refused("cur.csv", "lineItem/UnblendedCost\n1\n", "it has no column `lineItem/UsageStartDate`");
    refused("cur.csv", "BilledCost,ChargePeriodStart\n1,2\n", "it has no column `lineItem/UnblendedCost`");
    refused("cur.csv", "PK\u{3}\u{4}zip", "zip files are not read");
    refused("cur.csv", [0u8, 159, 146, 150, 10, 13], "it has no column");
    refused(
        "cur.csv",
        "product,resource_tags,line_item_unblended_cost\n",
        "this is a Cost and Usage Report 2.0",
    );
    let (_dir, bill) = file("cur.csv", "BilledCost,ChargePeriodStart\n1,2\n");
    assert_eq!(bill.error().1.as_deref(), Some("this looks like a FOCUS export: set kind = \"focus\""));
}

#[test]
fn a_line_that_cannot_be_billed_is_refused_by_number() {
    let good = format!("{OCTOBER},Usage,USD,1");
    for (bad, want) in [
        (
            format!("{OCTOBER},Usage,USD,None"),
            "cur.csv:3`: `None` in column `lineItem/UnblendedCost` is no cost",
        ),
        (format!("{OCTOBER},Usage,USD,$1"), "cur.csv:3`: `$1` in column"),
        (format!("{OCTOBER},Usage,USD,1e15"), "cur.csv:3`: `1e15` in column"),
        (format!("{OCTOBER},Usage,USD,1e-999999999999"), "cur.csv:3`: `1e-999999999999` in column"),
        (format!("{OCTOBER},Usage,USD,<script>"), "cur.csv:3`: `<script>` in column"),
        (format!("{OCTOBER},Usage,dollars,1"), "cur.csv:3`: `dollars` is not a currency code"),
        (format!("{OCTOBER},Usage,USD"), "cur.csv:3`: the line has 5 cells, those before it 6"),
        (
            "2026-10-01T00:00:00Z,yesterday,,Usage,USD,1".to_owned(),
            "cur.csv:3`: `yesterday` in column `lineItem/UsageStartDate`",
        ),
        (
            ",2026-10-05T01:00:00Z,,Usage,USD,1".to_owned(),
            "cur.csv:3`: neither column `bill/BillingPeriodStartDate` nor a manifest",
        ),
    ] {
        refused("cur.csv", csv(BASE, &[&good, &bad]), want);
    }
}

#[test]
fn a_truncated_file_lands_nothing_and_says_how_far_it_went() {
    let line = format!("{OCTOBER},Usage,USD,0.1");
    // Each line differs, so that gzip has something to write.
    let lines: Vec<String> =
        (0..2000).map(|n: u64| format!("{line}{}", n.wrapping_mul(2_654_435_761) % 100_000)).collect();
    let whole = gzip(&csv(BASE, &lines.iter().map(String::as_str).collect::<Vec<_>>()));
    let half = &whole[..whole.len() / 2];
    let (_dir, bill) = file("cur.csv.gz", half);
    let (error, hint) = bill.error();
    assert!(error.contains("the gzip stream ends early, after line "), "{error}");
    assert_eq!(hint.as_deref(), Some("it was copied or uploaded only in part: copy it again"));

    let mut damaged = whole.clone();
    let middle = damaged.len() / 2;
    damaged[middle..middle + 64].fill(0xff);
    // Whatever the damage decodes to, a checksum stands behind it.
    refused("cur.csv.gz", damaged, "/cur.csv.gz");
    refused("cur.csv.gz", &whole[..5], "the gzip stream ends early, after line 0");
}

#[test]
fn damaged_parquet_is_refused_and_never_ends_the_process() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bills/cur_made_by_pyarrow.parquet");
    let whole = fs::read(path).unwrap();
    refused("cur.parquet", &whole[..whole.len() / 2], "no readable Parquet footer");
    refused("cur.parquet", b"PAR1", "no readable Parquet footer");
    refused("cur.parquet", b"PAR1PAR1", "no readable Parquet footer");
    let mut cut = whole[..4].to_vec();
    cut.extend(&whole[whole.len() / 2..]);
    let (_dir, bill) = file("cur.parquet", cut);
    assert!(bill.units[0].1.is_err());
}

#[test]
fn a_missing_file_fails_its_month_and_no_other() {
    let dir = TempDir::new().unwrap();
    let line = gzip(&csv(BASE, &[&format!("{OCTOBER},Usage,USD,1")]));
    write(dir.path(), "cur/20261001-20261101/a/cur-1.csv.gz", &line);
    let october = ["cur/20261001-20261101/a/cur-1.csv.gz", "cur/20261001-20261101/a/cur-2.csv.gz"];
    write(
        dir.path(),
        "cur/20261001-20261101/cur-Manifest.json",
        manifest("a", ("20261001", "20261101"), &october),
    );
    // The same name in another assembly is another file.
    write(dir.path(), "cur/20261001-20261101/b/cur-2.csv.gz", &line);
    write(dir.path(), "cur/20260901-20261001/a/cur-1.csv.gz", &line);
    write(
        dir.path(),
        "cur/20260901-20261001/cur-Manifest.json",
        manifest("a", ("20260901", "20261001"), &["cur/20260901-20261001/a/cur-1.csv.gz"]),
    );
    write(dir.path(), "cur/20260801-20260901/cur-Manifest.json", "{\"assemblyId\": \"trunc");
    write(dir.path(), "cur/20260701-20260801/cur-Manifest.json", "");
    let bill = read("aws-cur", dir.path());
    let corrupt: Vec<_> =
        bill.plan.warnings.iter().map(|warning| (warning.code.as_str(), warning.skipped)).collect();
    assert_eq!(corrupt, [("corrupt-manifest", true), ("corrupt-manifest", true)]);
    assert!(bill.plan.warnings[0].object.ends_with("/20260701-20260801/cur-Manifest.json"));
    let [september, october] = bill.units.as_slice() else { panic!("{:?}", bill.plan) };
    assert!(september.1.is_ok());
    let error = october.1.as_ref().err().unwrap();
    assert!(
        error
            .to_string()
            .ends_with("it lists `cur/20261001-20261101/a/cur-2.csv.gz`, which is not in this location"),
        "{error}"
    );
}

#[test]
fn manifests_that_would_bill_twice_are_refused_or_named() {
    let dir = TempDir::new().unwrap();
    let key = "cur/20261001-20261101/a/cur-1.csv.gz";
    let month = ("20261001", "20261101");
    write(dir.path(), key, gzip(&csv(BASE, &[])));
    write(dir.path(), "cur/20261001-20261101/cur-Manifest.json", manifest("a", month, &[key, key]));
    let plan = read("aws-cur", dir.path()).plan;
    assert!(plan.units.is_empty() && plan.warnings[0].message.contains("twice"), "{plan:?}");

    write(dir.path(), "cur/20261001-20261101/cur-Manifest.json", manifest("a", month, &[key]));
    write(dir.path(), "daily/20261001-20261101/daily-Manifest.json", manifest("a", month, &[key]));
    let plan = read("aws-cur", dir.path()).plan;
    assert_eq!((plan.units.len(), plan.warnings[0].code.as_str()), (2, "several-reports"));
}

#[test]
fn odd_lines_are_read_and_counted() {
    let columns = format!("{BASE},product/vcpu,product/memory,resourceTags/user:note,lineItem/ResourceId");
    let line =
        "2026-10-01T00:00:00Z,2026-10-05T01:00:00Z,,Usage,,1,many,lots,<script>alert(1)</script>,\"a\nb\"";
    let mut bytes = csv(&columns, &[line, line, "2026-10-01T00:00:00Z,,,Usage,USD,,,,,"]).into_bytes();
    bytes
        .extend(b"2026-10-01T00:00:00Z,2026-10-05T01:00:00Z,2026-10-05T01:00:00Z,Surprise,USD,2,,NA,\xff,\n");
    let (_dir, bill) = file("cur.csv", bytes);
    let landed = bill.landed();
    assert_eq!(landed.total(Basis::Billed), "4");
    assert_eq!(landed.charges("source_line"), ["1", "2", "3", "4"].map(|row| Some(row.to_owned())));
    // Equal lines are two charges: a bill has no row identity.
    assert_eq!(landed.cell("charge_period_end", 1).as_deref(), Some("2026-10-05T02:00:00Z"));
    assert_eq!(landed.cell("charge_period_end", 2).as_deref(), Some("2026-11-01T00:00:00Z"));
    assert_eq!(landed.cell("charge_period_end", 3).as_deref(), Some("2026-10-05T02:00:00Z"));
    assert_eq!(
        landed.tag("note"),
        [Some("<script>alert(1)</script>"), Some("<script>alert(1)</script>"), None, Some("\u{fffd}")]
            .map(|v| v.map(str::to_owned))
    );
    assert_eq!(landed.cell("resource_id", 0).as_deref(), Some("a\nb"));
    for (code, part, times) in [
        ("no-charge-end", "one hour", 2),
        ("no-charge-start", "", 1),
        ("bad-charge-end", "", 1),
        ("no-currency", "USD", 2),
        ("empty-cost", "", 1),
        ("unparsable-number", "`product/vcpu` holds texts such as `many`", 2),
        ("unparsable-number", "`product/memory` holds texts such as `lots`", 2),
        ("unknown-line-type", "`Surprise`", 1),
        ("invalid-utf8", "", 1),
    ] {
        assert_eq!(landed.warned(code, part), times, "{code} {:?}", landed.warnings);
    }
}

#[test]
fn a_report_of_headers_alone_lands_nothing_and_is_fine() {
    let (_dir, bill) = file("cur.csv.gz", gzip(&csv(BASE, &[])));
    let landed = bill.landed();
    assert!(landed.rows().is_empty() && landed.currencies().is_empty());
}

#[test]
fn costs_beyond_the_ledgers_decimals_are_refused_not_wrapped() {
    let huge = format!("{OCTOBER},Usage,USD,999999999999999");
    let lines: Vec<&str> = std::iter::repeat_n(huge.as_str(), 100_001).collect();
    refused("cur.csv", csv(BASE, &lines), "add up to more than 20 digits");
}
