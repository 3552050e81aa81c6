//! Own-made Cost and Usage Reports: line types, spellings, deliveries. Nothing here is
//! real; every expected figure is arithmetic on the cells above it.

use std::fs;
use std::io::Write;
use std::path::Path;

use model::Basis;
use tempfile::TempDir;

use crate::support::{Landed, read};

/// A report of these columns and lines, commas between cells.
pub fn csv(columns: &str, lines: &[&str]) -> String {
    let mut text = columns.to_owned() + "\n";
    for line in lines {
        text += line;
        text += "\n";
    }
    text
}

pub fn gzip(text: &str) -> Vec<u8> {
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gz.write_all(text.as_bytes()).unwrap();
    gz.finish().unwrap()
}

/// Writes a file with its directories, and returns nothing so that nobody keeps paths.
pub fn write(root: &Path, path: &str, bytes: impl AsRef<[u8]>) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

pub fn manifest(assembly: &str, month: (&str, &str), keys: &[&str]) -> String {
    serde_json::json!({
        "assemblyId": assembly, "account": "111122223333", "compression": "GZIP", "contentType": "text/csv",
        "billingPeriod": {"start": format!("{}T000000.000Z", month.0), "end": format!("{}T000000.000Z", month.1)},
        "bucket": "billing", "reportKeys": keys, "columns": [{"category": "never", "name": "looked at"}],
    })
    .to_string()
}

/// The smallest header with which a line has a place, a time and a cost.
pub const BASE: &str = "bill/BillingPeriodStartDate,lineItem/UsageStartDate,lineItem/UsageEndDate,\
    lineItem/LineItemType,lineItem/CurrencyCode,lineItem/UnblendedCost";
pub const OCTOBER: &str = "2026-10-01T00:00:00Z,2026-10-05T01:00:00Z,2026-10-05T02:00:00Z";

fn file(columns: &str, lines: &[&str]) -> Landed {
    let dir = TempDir::new().unwrap();
    write(dir.path(), "cur.csv", csv(columns, lines));
    read("aws-cur", &dir.path().join("cur.csv")).landed()
}

fn totals(landed: &Landed) -> [String; 4] {
    Basis::ALL.map(|basis| landed.total(basis))
}

#[test]
fn savings_plans_cost_what_was_committed() {
    let columns = format!(
        "{BASE},pricing/publicOnDemandCost,savingsPlan/SavingsPlanARN,savingsPlan/SavingsPlanEffectiveCost,\
         savingsPlan/TotalCommitmentToDate,savingsPlan/UsedCommitment,\
         savingsPlan/AmortizedUpfrontCommitmentForBillingPeriod,lineItem/ProductCode"
    );
    let landed = file(
        &columns,
        &[
            &format!("{OCTOBER},SavingsPlanCoveredUsage,USD,10,10,sp-1,6,,,,AmazonEC2"),
            &format!("{OCTOBER},SavingsPlanNegation,USD,-10,10,sp-1,,,,,AmazonEC2"),
            // 8 committed, 6 used: 2 unused; 3 of the 8 were paid upfront.
            &format!(
                "{OCTOBER},SavingsPlanRecurringFee,USD,5,,sp-1,,8.00000000000000000003,6.00000000000000000001,3,ComputeSavingsPlans"
            ),
            &format!("{OCTOBER},SavingsPlanUpfrontFee,USD,100,,sp-1,,,,,ComputeSavingsPlans"),
            &format!("{OCTOBER},Refund,USD,-40,,sp-1,,,,,ComputeSavingsPlans"),
            &format!("{OCTOBER},Usage,USD,1,1,,,,,,AmazonEC2"),
        ],
    );
    // billed 10 - 10 + 5 + 100 - 40 + 1; effective 6 + 0 + 2 + 0 + 0 + 1;
    // list 10 + 0 + 5 + 100 - 40 + 1.
    assert_eq!(totals(&landed), ["66", "9.00000000000000000002", "76", "76"]);
    // Unblended = effective + upfront fees - amortised: 66 = 9 + (100 - 40) - 3.
    assert_eq!(
        landed.charges("x_amortized_upfront_cost"),
        ["0", "0", "3", "0", "0", "0"].map(|cost| Some(cost.to_owned()))
    );
    assert_eq!(
        landed.charges("charge_category"),
        ["Usage", "Usage", "Purchase", "Purchase", "Purchase", "Usage"].map(|word| Some(word.to_owned()))
    );
    assert_eq!(landed.cell("commitment_discount_status", 0).as_deref(), Some("Used"));
    assert_eq!(landed.cell("commitment_discount_category", 2).as_deref(), Some("Spend"));
    assert_eq!(landed.warnings.len(), 1, "{:?}", landed.warnings);
}

#[test]
fn reservations_cost_what_was_used_and_what_was_not() {
    let columns = format!(
        "{BASE},pricing/publicOnDemandCost,reservation/ReservationARN,reservation/EffectiveCost,\
         reservation/UnusedAmortizedUpfrontFeeForBillingPeriod,reservation/UnusedRecurringFee,\
         reservation/AmortizedUpfrontFeeForBillingPeriod"
    );
    let landed = file(
        &columns,
        &[
            &format!("{OCTOBER},DiscountedUsage,USD,0,4,ri-1,3,,,"),
            &format!("{OCTOBER},RIFee,USD,2.5,0,ri-1,,0.25,0.5,1.25"),
            &format!("{OCTOBER},Fee,USD,90,,ri-1,,,,"),
            &format!("{OCTOBER},Fee,USD,12,,,,,,"),
        ],
    );
    // effective 3 + (0.25 + 0.5) + 0 + 12: a fee that buys no reservation is a fee.
    // list 4 + 2.5 + 90 + 12: fees without a list price are listed at what they cost.
    assert_eq!(totals(&landed), ["104.5", "15.75", "108.5", "108.5"]);
    // 104.5 = 15.75 + 90 - 1.25
    assert_eq!(landed.by("x_line_item_type", Basis::Effective)["RIFee"].to_string(), "0.75");
    assert_eq!(landed.cell("x_amortized_upfront_cost", 1).as_deref(), Some("1.25"));
    let frequencies = landed.charges("charge_frequency");
    assert_eq!(
        frequencies,
        ["Usage-Based", "Recurring", "One-Time", "One-Time"].map(|word| Some(word.to_owned()))
    );
}

#[test]
fn net_costs_are_taken_where_they_are_and_their_discounts_once() {
    let columns = format!(
        "{BASE},lineItem/NetUnblendedCost,pricing/publicOnDemandCost,savingsPlan/SavingsPlanEffectiveCost,\
         savingsPlan/NetSavingsPlanEffectiveCost"
    );
    let landed = file(
        &columns,
        &[
            &format!("{OCTOBER},Usage,USD,10,9,10,,"),
            &format!("{OCTOBER},Usage,USD,5,,5,,"),
            &format!("{OCTOBER},SavingsPlanCoveredUsage,USD,10,9,10,6,5.4"),
            &format!("{OCTOBER},EdpDiscount,USD,-2,,,,"),
            &format!("{OCTOBER},Tax,USD,1,0.9,0.0,,"),
        ],
    );
    // billed 9 + 5 + 9 + 0 + 0.9; effective 9 + 5 + 5.4 + 0 + 0.9; list 10 + 5 + 10 + 0 + 1;
    // contracted: the list less the negotiated 2.
    assert_eq!(totals(&landed), ["23.9", "20.3", "26", "24"]);
    assert_eq!(landed.warned("discount-in-net", ""), 1);
    assert_eq!(landed.cell("charge_category", 3).as_deref(), Some("Adjustment"));
    // No amortisation column at all: not computable, which is not 0.
    assert_eq!(landed.charges("x_amortized_upfront_cost"), [None, None, None, None, None]);
}

#[test]
fn covered_usage_without_an_effective_cost_is_never_free() {
    let columns = format!("{BASE},savingsPlan/SavingsPlanEffectiveCost");
    let landed = file(
        &columns,
        &[
            &format!("{OCTOBER},SavingsPlanCoveredUsage,USD,10,"),
            &format!("{OCTOBER},SavingsPlanCoveredUsage,USD,7,None"),
        ],
    );
    assert_eq!(landed.total(Basis::Effective), "17");
    assert_eq!(landed.warned("no-effective-cost", ""), 2);
    assert_eq!(
        landed
            .warned("unparsable-number", "`savingsPlan/SavingsPlanEffectiveCost` holds texts such as `None`"),
        1
    );
}

#[test]
fn without_amortisation_columns_the_effective_cost_is_the_billed_one() {
    let landed = file(
        BASE,
        &[
            &format!("{OCTOBER},SavingsPlanCoveredUsage,USD,10"),
            &format!("{OCTOBER},SavingsPlanNegation,USD,-10"),
            &format!("{OCTOBER},SavingsPlanRecurringFee,USD,6"),
            &format!("{OCTOBER},DiscountedUsage,USD,0"),
            &format!("{OCTOBER},RIFee,USD,3"),
        ],
    );
    assert_eq!(
        (landed.total(Basis::Billed), landed.total(Basis::Effective)),
        ("9".to_owned(), "9".to_owned())
    );
    assert_eq!(landed.warned("no-amortization", ""), 5);
}

#[test]
fn both_spellings_of_the_columns_give_the_same_charge() {
    let slash = "bill/BillingPeriodStartDate,lineItem/UsageStartDate,lineItem/UsageEndDate,lineItem/UnblendedCost,\
        lineItem/CurrencyCode,product/instanceType,product/vcpu,product/memory,product/regionCode,\
        resourceTags/user:Team,resourceTags/aws:elasticmapreduce:job-flow-id,lineItem/UsageType,pricing/unit,lineItem/UsageAmount";
    let snake = "bill_billing_period_start_date,line_item_usage_start_date,line_item_usage_end_date,line_item_unblended_cost,\
        line_item_currency_code,product_instance_type,product_vcpu,product_memory,product_region_code,\
        resource_tags_user_team,resource_tags_aws_elasticmapreduce_job_flow_id,line_item_usage_type,pricing_unit,line_item_usage_amount";
    let line = "2026-10-01 00:00:00,2026-10-05 01:00:00+00:00,2026-10-05T01:59:59Z,1.5E-1,USD,r6g.2xlarge,8,64 GiB,eu-west-1,growth,j-1,EU-SpotUsage:r6g.2xlarge,Hrs,1";
    for columns in [slash, snake] {
        let landed = file(columns, &[line]);
        let cell = |column: &str| landed.cell(column, 0).unwrap_or_default();
        assert_eq!(totals(&landed)[..2], ["0.15", "0.15"]);
        assert_eq!(
            (cell("charge_period_start"), cell("charge_period_end")),
            ("2026-10-05T01:00:00Z".into(), "2026-10-05T02:00:00Z".into())
        );
        assert_eq!(
            (cell("billing_period_start"), cell("billing_period_end")),
            ("2026-10-01T00:00:00Z".into(), "2026-11-01T00:00:00Z".into())
        );
        assert_eq!(
            (cell("x_vcpus"), cell("x_memory_mib"), cell("region_id")),
            ("8".into(), "65536".into(), "eu-west-1".into())
        );
        assert_eq!(cell("pricing_category"), "Dynamic");
        assert_eq!(landed.tag("team"), [Some("growth".to_owned())]);
        assert_eq!(landed.tag("aws_elasticmapreduce_job_flow_id"), [Some("j-1".to_owned())]);
        assert_eq!(landed.cell("resource_id", 0), None);
    }
}

#[test]
fn only_what_the_period_manifest_lists_is_billed() {
    let dir = TempDir::new().unwrap();
    let october = ("20261001", "20261101");
    let key =
        |assembly: &str, part: u32| format!("exports/cur/20261001-20261101/{assembly}/cur-{part}.csv.gz");
    let line = |cost: &str| gzip(&csv(BASE, &[&format!("{OCTOBER},Usage,USD,{cost}")]));
    for (assembly, cost) in [("old", "1000"), ("new", "1.25")] {
        write(dir.path(), &key(assembly, 1), line(cost));
        write(dir.path(), &key(assembly, 2), line(cost));
        let keys = [key(assembly, 1), key(assembly, 2)];
        let listed = manifest(assembly, october, &[&keys[0], &keys[1]]);
        write(dir.path(), &format!("exports/cur/20261001-20261101/{assembly}/cur-Manifest.json"), &listed);
        write(dir.path(), "exports/cur/20261001-20261101/cur-Manifest.json", &listed);
    }
    let landed = read("aws-cur", dir.path()).landed();
    assert_eq!(landed.total(Basis::Billed), "2.5");
    assert_eq!(landed.charges("source_line"), [Some("1".to_owned()), Some("1".to_owned())]);
    assert!(landed.charges("source_file").iter().flatten().all(|file| file.contains("/new/")));
    assert!(
        landed
            .charges("source_object")
            .iter()
            .flatten()
            .all(|unit| unit.ends_with("/20261001-20261101/cur-Manifest.json"))
    );
}

#[test]
fn a_report_without_bill_columns_takes_the_month_of_its_manifest() {
    let dir = TempDir::new().unwrap();
    let key = "cur/20261001-20261101/a/cur-1.csv";
    let columns =
        "lineItem/UsageStartDate,lineItem/UsageEndDate,lineItem/CurrencyCode,lineItem/UnblendedCost";
    // The line is of September, billed in October: a correction of what was invoiced.
    write(dir.path(), key, csv(columns, &["2026-09-30T23:00:00Z,2026-10-01T00:00:00Z,USD,1"]));
    write(
        dir.path(),
        "cur/20261001-20261101/cur-Manifest.json",
        manifest("a", ("20261001", "20261101"), &[key]),
    );
    let landed = read("aws-cur", dir.path()).landed();
    assert_eq!(landed.rows().into_iter().collect::<Vec<_>>(), [("2026-10".to_owned(), 1)]);
    assert_eq!(landed.cell("billing_period_end", 0).as_deref(), Some("2026-11-01T00:00:00Z"));
    assert_eq!(landed.cell("charge_class", 0).as_deref(), Some("Correction"));
}

#[test]
fn parquet_of_other_writers_is_read_exactly() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bills/cur_made_by_pyarrow.parquet");
    let landed = read("aws-cur", &path).landed();
    // 0.100000000000000001 + 0 + 7.5; 0.100000000000000001 + 2 + (0.125 + 0.7); 0.1 + 0.3 + 7.5
    assert_eq!(totals(&landed), ["7.600000000000000001", "2.925000000000000001", "7.9", "7.9"]);
    assert_eq!(
        landed.charges("charge_period_start").iter().flatten().map(String::as_str).collect::<Vec<_>>(),
        ["2026-10-05T01:00:00Z", "2026-10-05T02:00:00Z", "2026-10-05T03:00:00Z"]
    );
    assert_eq!(
        landed.charges("sub_account_id"),
        ["111122223333", "111122223333", "444455556666"].map(|id| Some(id.to_owned()))
    );
    assert_eq!(landed.charges("resource_id"), [Some("i-0a".to_owned()), Some("i-0b".to_owned()), None]);
    assert_eq!(landed.tag("team"), [Some("growth".to_owned()), None, Some("platform".to_owned())]);
    assert_eq!(landed.charges("source_line"), ["1", "2", "3"].map(|row| Some(row.to_owned())));
    assert_eq!(landed.rows().into_iter().collect::<Vec<_>>(), [("2026-10".to_owned(), 3)]);
}
