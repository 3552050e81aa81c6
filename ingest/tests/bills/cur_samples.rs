//! Real and tool-made Cost and Usage Reports, against exact totals computed elsewhere.

use model::{Amount, Basis};

use crate::support::{Landed, Oracle, read, sample};

fn sum(values: &[Option<String>]) -> String {
    values.iter().flatten().map(|value| value.parse::<Amount>().unwrap()).sum::<Amount>().to_string()
}

fn null_count(values: &[Option<String>]) -> usize {
    values.iter().filter(|value| value.is_none()).count()
}

#[test]
fn real_parquet_of_two_months_equals_the_bill() {
    let Some(path) = sample("cur_parquet_wa_labs") else { return };
    let bill = read("aws-cur", &path);
    assert!(bill.plan.warnings.is_empty());
    let keys: Vec<&str> = bill.plan.units.iter().map(|unit| unit.key.rsplit('/').next().unwrap()).collect();
    assert_eq!(keys, ["month=10", "month=12"]);
    for (unit, name, unblended, effective, list, rows) in [
        (0, "cur_parquet_wa_labs/2018-10", "4064.4831315379", "4195.9571093179", "4387.4571144175", 119_307),
        (1, "cur_parquet_wa_labs/2018-12", "408.3759924354", "539.8499667354", "733.0588730674", 91_264),
    ] {
        let month = bill.plan.units[unit].key.clone();
        let landed = read("aws-cur", month.as_ref());
        // The directory alone holds no year=/month= below it, but its path says so.
        let landed = landed.landed();
        assert_eq!(landed.rows().values().copied().collect::<Vec<_>>(), [rows]);
        assert_eq!(landed.total(Basis::Billed), unblended);
        assert_eq!(landed.total(Basis::Effective), effective);
        // The oracle's public on-demand cost and, as fees have none, the RIFee lines at
        // their unblended cost: 4237.6817354175 + 149.775379, 580.7620730674 + 152.2968.
        assert_eq!(landed.total(Basis::List), list);
        assert_eq!(landed.total(Basis::Contracted), list);
        let oracle = Oracle::of(name);
        assert_eq!(
            (oracle.sum("line_item_unblended_cost"), oracle.effective(), oracle.rows()),
            (unblended.into(), effective.into(), rows)
        );
        for (column, by) in [
            ("x_product_code", "line_item_product_code"),
            ("x_line_item_type", "line_item_line_item_type"),
            ("sub_account_id", "line_item_usage_account_id"),
        ] {
            oracle.check_by(&landed, (column, Basis::Billed), (by, "line_item_unblended_cost"), false);
            oracle.check_by(&landed, (column, Basis::Effective), (by, "derived_effective_cost"), false);
        }
        // What the RIFee lines amortise, summed over the sample by another reader; with it
        // unblended = effective + upfront fees (none) - amortised, to AWS's own rounding.
        assert_eq!(sum(&landed.charges("x_amortized_upfront_cost")), "131.4739726");
        assert_eq!(null_count(&landed.charges("x_amortized_upfront_cost")), 0);
        let operations = landed.charges("x_operation");
        assert!(operations.iter().any(|operation| operation.as_deref() == Some("None")));
        assert_eq!(landed.currencies(), ["USD"]);
    }
}

#[test]
fn cells_of_real_parquet_are_as_another_reader_sees_them() {
    let Some(path) = sample("cur_parquet_wa_labs/year=2018/month=10") else { return };
    let landed = read("aws-cur", &path).landed();
    let resources = landed.charges("resource_id");
    assert_eq!(resources.len() - null_count(&resources), 102_236);
    let mut vcpus: Vec<String> = landed.charges("x_vcpus").into_iter().flatten().collect();
    vcpus.sort();
    vcpus.dedup();
    assert_eq!(vcpus, ["1", "2", "4"]);
    let mut memory: Vec<i64> =
        landed.charges("x_memory_mib").iter().flatten().map(|mib| mib.parse().unwrap()).collect();
    memory.sort_unstable();
    memory.dedup();
    assert_eq!(memory, [512, 1024, 4096, 8192, 15_616, 16_384]);
    let tagged = landed.tag("cost_center");
    assert_eq!(tagged.len() - null_count(&tagged), 34_460);
    let (mut starts, mut ends) = (landed.charges("charge_period_start"), landed.charges("charge_period_end"));
    starts.sort();
    ends.sort();
    assert_eq!(starts[0].as_deref(), Some("2018-10-01T00:00:00Z"));
    assert_eq!(ends[ends.len() - 1].as_deref(), Some("2018-11-01T00:00:00Z"));
    assert_eq!(landed.warnings, []);
}

#[test]
fn four_tool_made_months_add_up_to_the_last_digit() {
    let Some(path) = sample("cur_nise_small") else { return };
    let bill = read("aws-cur", &path);
    assert_eq!(bill.plan.warnings, []);
    assert_eq!(bill.plan.units.len(), 4);
    assert!(
        bill.plan
            .units
            .iter()
            .all(|unit| unit.key.ends_with("/cur-small-Manifest.json") && unit.objects.len() == 2)
    );
    let landed = bill.landed();
    assert_eq!(
        landed.rows().into_iter().collect::<Vec<_>>(),
        [("2025-01".to_owned(), 1824), ("2025-02".to_owned(), 1849), ("2025-03".to_owned(), 1920)]
    );
    // 5545.7875584858705421211 + 6709.9334549387280194104585 + 830.9700412896135144
    assert_eq!(landed.total(Basis::Billed), "13086.6910547142120759315585");
    // The oracle's 5543.4835584858705421211 + 5473.6454549387280194104585 + 830.9700412896135144
    assert_eq!(landed.total(Basis::Effective), "11848.0990547142120759315585");
    // Public on-demand cost 5619.5155584858705421211 + 6765.2294549387280194104585 + 830.97...,
    // less the negation lines' 36.864 + 27.648, which FOCUS does not have.
    assert_eq!(landed.total(Basis::List), "13151.2030547142120759315585");
    // Covered usage of reservations has the word `convertible` for a list price.
    assert_eq!(
        landed.warned("unparsable-number", "`pricing/publicOnDemandCost` holds texts such as `convertible`"),
        168
    );
    // The tool knows neither what a plan left unused nor what a reservation's hour cost.
    assert_eq!(landed.warned("unused-unknown", ""), 168);
    assert_eq!(landed.warned("no-effective-cost", ""), 168);
    assert!(landed.warnings.iter().all(|warning| !warning.skipped));
}

#[test]
fn each_tool_made_month_agrees_by_type_account_and_tag() {
    for (month, rows) in
        [("20250101-20250201", 1824), ("20250201-20250301", 1849), ("20250301-20250401", 1920)]
    {
        let Some(path) = sample(&format!("cur_nise_small/billing/cur-small/{month}")) else { return };
        let landed = read("aws-cur", &path).landed();
        let oracle = Oracle::of(&format!("cur_nise_small/{month}"));
        assert_eq!(landed.rows().values().sum::<usize>(), rows);
        assert_eq!(landed.total(Basis::Billed), oracle.sum("lineItem/UnblendedCost"));
        assert_eq!(landed.total(Basis::Effective), oracle.effective());
        for (column, by) in [
            ("x_product_code", "lineItem/ProductCode"),
            ("x_line_item_type", "lineItem/LineItemType"),
            ("sub_account_id", "lineItem/UsageAccountId"),
        ] {
            oracle.check_by(&landed, (column, Basis::Billed), (by, "lineItem/UnblendedCost"), true);
            oracle.check_by(&landed, (column, Basis::Effective), (by, "derived_effective_cost"), true);
        }
    }
}

#[test]
fn emr_tags_of_the_tool_made_months_are_kept() {
    let Some(path) = sample("cur_nise_small") else { return };
    let landed = read("aws-cur", &path).landed();
    let clusters = landed.tag("aws_elasticmapreduce_job_flow_id");
    // 432 + 576 + 96 lines by the oracles' count of the tag's column.
    assert_eq!(clusters.iter().flatten().count(), 1104);
    assert!(clusters.iter().flatten().all(|id| id == "j-2AXXXXXXGAPLF"));
    // `user:team` (1728 + 1777 + 1800 lines) and `user:Team` (120) are one key.
    assert_eq!(landed.tag("team").iter().flatten().count(), 5425);
}

#[test]
fn a_bucket_with_two_manifests_is_billed_once() {
    let Some(path) = sample("cur_bucket_koku") else { return };
    let bill = read("aws-cur", &path);
    assert_eq!((bill.plan.units.len(), bill.plan.warnings.len()), (1, 0));
    assert!(bill.plan.units[0].key.ends_with("/20180801-20180901/my-report-Manifest.json"));
    let landed = bill.landed();
    let oracle = Oracle::of("cur_bucket_koku/my-prefix");
    assert_eq!(landed.rows().into_iter().collect::<Vec<_>>(), [("2018-08".to_owned(), 6190)]);
    assert_eq!(landed.total(Basis::Billed), "29684.780682464855373934184");
    assert_eq!(landed.total(Basis::Effective), oracle.effective());
    assert_eq!(landed.total(Basis::List), oracle.sum("pricing/publicOnDemandCost"));
    oracle.check_by(
        &landed,
        ("sub_account_id", Basis::Billed),
        ("lineItem/UsageAccountId", "lineItem/UnblendedCost"),
        true,
    );
}

#[test]
fn a_real_csv_with_tax_and_exponents_equals_the_bill() {
    let Some(path) = sample("cur_csv_focus_converters/aws-legacy-cur-sample.csv") else { return };
    let bill = read("aws-cur", &path);
    assert_eq!(bill.plan.warnings[0].code, "no-manifest");
    let landed = bill.landed();
    assert_eq!(landed.rows().into_iter().collect::<Vec<_>>(), [("2023-11".to_owned(), 1281)]);
    assert_eq!(landed.total(Basis::Billed), "1.6823086974");
    assert_eq!(landed.total(Basis::Effective), "1.6823086974");
    // 3.3561726949 of usage at public prices, and the tax lines' 0.08, which have none.
    assert_eq!(landed.total(Basis::List), "3.4361726949");
    let oracle = Oracle::of("cur_csv_focus_converters/aws-legacy-cur-sample.csv");
    oracle.check_by(
        &landed,
        ("x_product_code", Basis::Billed),
        ("lineItem/ProductCode", "lineItem/UnblendedCost"),
        false,
    );
    assert_eq!(landed.by("charge_category", Basis::Billed)["Tax"].to_string(), "0.08");
    assert_eq!(null_count(&landed.charges("resource_id")), 1281);
    assert_eq!(
        landed.charges("x_operation").iter().filter(|cell| cell.as_deref() == Some("None")).count(),
        12
    );
}

#[test]
fn small_reports_of_every_shape_are_read() {
    for (file, rows, billed, effective) in [
        ("2022-07-01-alt-columns.csv", 2, "0", "0"),
        ("2023-06-01.csv", 3, "30", "0.3"),
        ("2023-06-01-not-final.csv", 3, "30", "0.3"),
        ("empty_frame.csv", 0, "0", "0"),
        ("test_cur.csv.gz", 19, "0.0827499841274349353", "0.0827499841274349353"),
    ] {
        let Some(path) = sample(&format!("cur_small_koku/{file}")) else { return };
        let landed = read("aws-cur", &path).landed();
        assert_eq!(landed.rows().values().sum::<usize>(), rows, "{file}");
        assert_eq!(
            (landed.total(Basis::Billed).as_str(), landed.total(Basis::Effective).as_str()),
            (billed, effective),
            "{file}"
        );
        check_small(file, &landed);
    }
}

fn check_small(file: &str, landed: &Landed) {
    let cell = |column: &str| landed.cell(column, 0).unwrap_or_default();
    match file {
        "2022-07-01-alt-columns.csv" => {
            assert_eq!(cell("service_name"), "Red Hat® Enterprise Linux®");
            assert_eq!(cell("charge_period_end"), "2022-07-01T01:00:00Z");
            assert_eq!(
                landed.tag("aws_created_by"),
                [Some("IAMUser:fake:and".to_owned()), Some("IAMUser:fake:and".to_owned())]
            );
            assert_eq!(cell("sku_price_id"), "52KUDV3HNNAWJGTF.4799GE89SK.6YS6EN2CT7");
        }
        "2023-06-01.csv" | "2023-06-01-not-final.csv" => {
            assert_eq!(landed.currencies(), ["NOK"]);
            // Leading zeros of an account are part of it.
            let account = if file == "2023-06-01.csv" { "0099999999999" } else { "9999999999999" };
            assert_eq!(cell("billing_account_id"), account);
            assert_eq!(
                (cell("x_vcpus"), cell("x_memory_mib"), cell("x_instance_type")),
                ("2".into(), "8192".into(), "m5.large".into())
            );
            assert_eq!(landed.cell("invoice_id", 0).is_some(), file == "2023-06-01.csv");
            assert_eq!(
                (cell("pricing_category"), cell("region_id")),
                ("Committed".into(), "us-west-1".into())
            );
        }
        "test_cur.csv.gz" => {
            // Its header names one column more than its lines have.
            assert_eq!(landed.warned("ragged-header", ""), 19);
            assert_eq!(landed.cell("x_amortized_upfront_cost", 0), None);
        }
        _ => {}
    }
}

#[test]
fn a_directory_of_loose_files_is_not_guessed_at() {
    let Some(path) = sample("cur_small_koku") else { return };
    let plan = read("aws-cur", &path).plan;
    assert!(plan.units.is_empty());
    assert!(plan.warnings[0].skipped);
    assert_eq!(plan.warnings[0].code, "no-manifest");
}
