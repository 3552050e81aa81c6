//! Own-made FOCUS exports: spellings, months, tags, damage. Nothing here is real; every
//! expected figure is arithmetic on the cells above it.

use std::path::Path;

use model::Basis;
use polars::prelude::*;
use tempfile::TempDir;

use crate::cur_made::{csv, gzip, write};
use crate::support::{Bill, read};

const BASE: &str = "BillingPeriodStart,BillingPeriodEnd,ChargePeriodStart,ChargePeriodEnd,BillingCurrency,\
    ChargeCategory,BilledCost,EffectiveCost";
const OCTOBER: &str =
    "2026-10-01T00:00:00Z,2026-11-01T00:00:00Z,2026-10-05 00:00:00,2026-10-06T00:00Z,USD,Usage";

fn file(name: &str, bytes: impl AsRef<[u8]>) -> Bill {
    let dir = TempDir::new().unwrap();
    write(dir.path(), name, bytes);
    read("focus", dir.path())
}

#[test]
fn every_line_lands_in_its_own_month() {
    let september =
        "2026-09-01T00:00:00Z,2026-10-01T00:00:00Z,2026-09-30T00:00:00Z,2026-10-01T00:00:00Z,EUR,Usage,2,2";
    let landed = file("export.csv.gz", gzip(&csv(BASE, &[&format!("{OCTOBER},1,0.5"), september]))).landed();
    assert_eq!(
        landed.rows().into_iter().collect::<Vec<_>>(),
        [("2026-09".to_owned(), 1), ("2026-10".to_owned(), 1)]
    );
    // Currencies are never added.
    assert_eq!(landed.currencies().len(), 2);
}

#[test]
fn own_columns_and_tags_are_kept_and_null_is_null() {
    let columns = format!(
        "{BASE},Tags,x_UsageType,x_Odd \"name\",X_Empty,SkuMeter,ResourceId,Id,ChargeFrequency,ListCost"
    );
    let line = format!(
        "{OCTOBER},1,1,\"{{\"\"Team\"\": \"\"growth\"\", \"\" org\"\": \"\"x\"\"}}\",EU-BoxUsage,\"say \"\"hi\"\"\",NULL,Meter,NULL,7,Usage-based,NULL"
    );
    let landed = file(
        "export.csv",
        format!("\u{feff}{}", csv(&columns.replace("x_Odd \"name\"", "\"x_Odd \"\"name\"\"\""), &[&line])),
    )
    .landed();
    assert_eq!(
        landed.cell("x_columns", 0).as_deref(),
        Some(r#"{"x_UsageType":"EU-BoxUsage","x_Odd \"name\"":"say \"hi\""}"#)
    );
    assert_eq!(landed.cell("x_usage_type", 0).as_deref(), Some("EU-BoxUsage"));
    assert_eq!((landed.cell("resource_id", 0), landed.cell("list_cost", 0)), (None, None));
    assert_eq!(landed.cell("charge_frequency", 0).as_deref(), Some("Usage-Based"));
    assert_eq!(landed.tag("team"), [Some("growth".to_owned())]);
    assert_eq!(landed.tag("org"), [Some("x".to_owned())]);
    assert_eq!(landed.warnings, []);
}

#[test]
fn tags_of_odd_exporters_are_read_with_a_word_about_it() {
    let columns = format!("{BASE},Tags");
    let lines = [
        format!("{OCTOBER},1,1,\"\"\"env\"\": \"\"prod\"\",\"\"n\"\": {{\"\"a\"\": 1}}\""),
        format!("{OCTOBER},1,1,not json"),
        format!("{OCTOBER},1,1,"),
    ];
    let landed =
        file("export.csv", csv(&columns, &lines.iter().map(String::as_str).collect::<Vec<_>>())).landed();
    assert_eq!(landed.tag("env"), [Some("prod".to_owned()), None, None]);
    assert_eq!(
        (
            landed.warned("odd-tags", "braces"),
            landed.warned("odd-tags", "no text"),
            landed.warned("odd-tags", "left out")
        ),
        (1, 1, 1)
    );
}

#[test]
fn costs_with_currency_signs_are_refused_by_file_and_line() {
    let bill =
        file("export.csv", csv(BASE, &[&format!("{OCTOBER},1,1"), &format!("{OCTOBER},\"$10,000.00\",1")]));
    let (error, hint) = bill.error();
    assert!(error.contains("/export.csv:3`: `$10,000.00` in column `BilledCost` is no cost"), "{error}");
    assert!(hint.unwrap().contains("without currency sign"));
}

#[test]
fn a_line_without_an_effective_cost_costs_what_is_billed() {
    let landed =
        file("export.csv", csv(BASE, &[&format!("{OCTOBER},3,"), &format!("{OCTOBER},4,n/a")])).landed();
    assert_eq!(
        (landed.total(Basis::Billed), landed.total(Basis::Effective)),
        ("7".to_owned(), "7".to_owned())
    );
    assert_eq!(landed.warned("no-effective-cost", ""), 2);
    assert_eq!(landed.warned("unparsable-number", "`EffectiveCost`"), 1);
}

#[test]
fn a_date_people_write_is_refused_as_ambiguous() {
    let line = "4/1/25,5/1/25,4/1/25,5/1/25,USD,Usage,1,1";
    let (error, _) = file("export.csv", csv(BASE, &[line])).error();
    assert!(
        error.contains("/export.csv:2`: `4/1/25` in column `BillingPeriodStart` is no time of a bill"),
        "{error}"
    );
}

#[test]
fn files_of_other_kinds_are_left_alone() {
    let dir = TempDir::new().unwrap();
    write(dir.path(), "data/part-0.csv", csv(BASE, &[&format!("{OCTOBER},1,1")]));
    write(dir.path(), "data/part-1.csv.gz", gzip(&csv(BASE, &[&format!("{OCTOBER},2,2")])));
    write(dir.path(), "metadata/manifest.json", "{}");
    let bill = read("focus", dir.path());
    assert_eq!(bill.plan.units.len(), 2);
    assert_eq!(bill.landed().total(Basis::Billed), "3");
    let plan = read("focus", &dir.path().join("metadata")).plan;
    assert!(plan.units.is_empty() && plan.warnings[0].skipped && plan.warnings[0].code == "no-bill");
}

#[test]
fn parquet_has_the_same_columns() {
    let time = |text: &str| chrono::DateTime::parse_from_rfc3339(text).unwrap().timestamp_millis();
    let at = |name: &str, text: &str| {
        Int64Chunked::from_slice(name.into(), &[time(text)])
            .into_datetime(TimeUnit::Milliseconds, None)
            .into_column()
    };
    let mut frame = DataFrame::new(
        1,
        vec![
            at("BillingPeriodStart", "2026-10-01T00:00:00Z"),
            at("ChargePeriodStart", "2026-10-05T00:00:00Z"),
            at("ChargePeriodEnd", "2026-10-06T00:00:00Z"),
            Column::new("BillingCurrency".into(), ["USD"]),
            Column::new("ChargeCategory".into(), ["Usage"]),
            Column::new("BilledCost".into(), [0.1]),
            Column::new("EffectiveCost".into(), ["1E-3"]),
            Column::new("Tags".into(), [r#"{"team":"growth"}"#]),
            Column::new("x_Anything".into(), [7_i64]),
        ],
    )
    .unwrap();
    let mut bytes = Vec::new();
    ParquetWriter::new(&mut bytes).finish(&mut frame).unwrap();
    let landed = file("export.parquet", bytes).landed();
    assert_eq!(
        (landed.total(Basis::Billed), landed.total(Basis::Effective)),
        ("0.1".to_owned(), "0.001".to_owned())
    );
    assert_eq!(landed.cell("charge_period_end", 0).as_deref(), Some("2026-10-06T00:00:00Z"));
    assert_eq!(landed.cell("x_columns", 0).as_deref(), Some(r#"{"x_Anything":"7"}"#));
    assert_eq!(landed.tag("team"), [Some("growth".to_owned())]);
}

#[test]
fn maps_of_parquet_are_tags() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bills/focus_made_by_pyarrow.parquet");
    let landed = read("focus", &path).landed();
    assert_eq!(landed.total(Basis::Billed), "0.3");
    assert_eq!(landed.tag("team"), [Some("growth".to_owned()), None]);
    assert_eq!(landed.tag("name"), [Some("<script>".to_owned()), None]);
    assert_eq!(
        landed.charges("x_columns"),
        [None, Some(r#"{"x_Discounts":"{\"EDP\":\"-0.25\"}"}"#.to_owned())]
    );
}
