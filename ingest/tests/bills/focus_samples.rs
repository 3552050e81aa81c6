//! FOCUS exports of others, against exact totals computed elsewhere.

use std::fs;

use model::Basis;

use crate::support::{Oracle, read, sample};

const COSTS: [(Basis, &str); 4] = [
    (Basis::Billed, "BilledCost"),
    (Basis::Effective, "EffectiveCost"),
    (Basis::List, "ListCost"),
    (Basis::Contracted, "ContractedCost"),
];

#[test]
fn the_official_sample_equals_its_totals() {
    let Some(path) = sample("focus_1_0_official/focus_sample.csv") else { return };
    let landed = read("focus", &path).landed();
    assert_eq!(
        landed.rows().into_iter().collect::<Vec<_>>(),
        [("2024-09".to_owned(), 999), ("2024-10".to_owned(), 1)]
    );
    let totals = COSTS.map(|(basis, _)| landed.total(basis));
    assert_eq!(totals, ["20.52022672899", "14.97651418586", "20.39090575119", "14.97626039326"]);
    let nulls = |column: &str| landed.charges(column).iter().filter(|cell| cell.is_none()).count();
    assert_eq!((nulls("contracted_cost"), nulls("list_cost"), nulls("charge_class")), (7, 0, 1000));
    assert_eq!((nulls("resource_type"), nulls("region_id"), nulls("tag_set_id")), (791, 7, 289));

    let oracle = Oracle::of("focus_1_0_official/focus_sample.csv");
    for (column, by) in [
        ("service_name", "ServiceName"),
        ("provider_name", "ProviderName"),
        ("charge_category", "ChargeCategory"),
        ("sub_account_id", "SubAccountId"),
        ("commitment_discount_type", "CommitmentDiscountType"),
    ] {
        for (basis, cost) in COSTS {
            oracle.check_by(&landed, (column, basis), (by, cost), false);
        }
    }
    assert_eq!(landed.tag("application").iter().flatten().count(), 660);
    // 23 lines spell it with a leading space, beside 42 without.
    assert!(landed.tag("org").iter().flatten().count() >= 42);
    assert!(landed.charges("charge_frequency").iter().flatten().all(|word| word != "Usage-based"));
    assert_eq!(landed.currencies(), ["USD"]);
}

#[test]
fn an_azure_export_with_a_byte_order_mark_equals_its_totals() {
    let Some(path) = sample("focus_1_0_azure_excerpt") else { return };
    let landed = read("focus", &path).landed();
    assert_eq!(landed.rows().into_iter().collect::<Vec<_>>(), [("2024-06".to_owned(), 150)]);
    let oracle = Oracle::of("focus_1_0_azure_excerpt/azure_focus_1_0_first150.csv");
    for (basis, cost) in COSTS {
        assert_eq!(landed.total(basis), oracle.sum(cost));
        oracle.check_by(&landed, ("service_name", basis), ("ServiceName", cost), true);
    }
    assert_eq!(landed.total(Basis::Contracted), "15.6094721145640090913002");
    assert_eq!(landed.tag("costcenter").iter().flatten().count(), 109);
    let own: Vec<serde_json::Value> = landed
        .charges("x_columns")
        .iter()
        .flatten()
        .map(|json| serde_json::from_str(json).unwrap())
        .collect();
    assert_eq!(own.len(), 150);
    assert_eq!(own.iter().filter(|own| own["x_CostCenter"] == "ACM9000").count(), 145);
    assert_eq!(own.iter().filter(|own| own.get("x_SkuDetails").is_some()).count(), 65);
    assert_eq!(landed.cell("charge_period_start", 0).map(|at| at.len()), Some("2024-06-04T00:00:00Z".len()));
}

#[test]
fn an_export_that_is_not_focus_is_refused_with_what_it_is() {
    let Some(path) = sample("azure_not_focus/EA_ActualCost_Small.csv") else { return };
    let (error, hint) = read("focus", &path).error();
    assert!(
        error.contains(
            "it has no column `BilledCost`, so it is no FOCUS export, but 55 columns: BillingAccountId, "
        ),
        "{error}"
    );
    assert!(hint.unwrap().starts_with("this looks like an Azure export of actual or amortized cost"));
    let Some(path) = sample("cur_csv_focus_converters/aws-legacy-cur-sample.csv") else { return };
    assert!(read("focus", &path).error().1.unwrap().contains("kind = \"aws-cur\""));
    let Some(path) = sample("focus_1_0_official/focus_sample.csv") else { return };
    assert!(read("aws-cur", &path).error().1.unwrap().contains("kind = \"focus\""));
}

#[test]
fn a_header_of_focus_1_2_alone_is_read_and_lands_nothing() {
    let Some(path) = sample("focus_1_2_shape/aws_focus_1_2_header.csv") else { return };
    assert!(read("focus", &path).landed().rows().is_empty());
}

/// The worked examples of the specification are meant for people: some leave out mandatory
/// columns, some write dates as `4/1/25`. None may pass with a guess.
#[test]
fn worked_examples_for_people_are_refused_with_the_reason() {
    let Some(root) = sample("focus_spec_examples") else { return };
    let (mut without_column, mut odd_dates) = (0, 0);
    for folder in fs::read_dir(&root).unwrap() {
        for file in fs::read_dir(folder.unwrap().path()).unwrap() {
            let (error, hint) = read("focus", &file.unwrap().path()).error();
            assert!(hint.is_some(), "{error}");
            if error.contains("it has no column `BillingCurrency`")
                || error.contains("it has no column `BillingPeriodStart`")
            {
                without_column += 1;
            } else if error.contains("` in column `BillingPeriodStart` is no time of a bill") {
                odd_dates += 1;
            } else {
                panic!("{error}");
            }
        }
    }
    assert_eq!((without_column, odd_dates), (11, 15));
}
