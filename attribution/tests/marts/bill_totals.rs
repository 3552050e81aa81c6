//! The demo's bill through DuckDB's own Parquet reader: the same totals, to the last digit,
//! as the simulator's lines have, and the identity of billed and effective cost.

use std::collections::BTreeMap;

use duckdb::Connection;
use fixtures::platform::bill::{Charge, Delivered, Fixed};
use fixtures::raw::cur2::Cur2Writer;
use fixtures::raw::data_export::{Delivery, Export};
use model::Amount;

/// Writes the export and returns what its lines cost: unblended and effective, by month.
fn write(root: &std::path::Path) -> BTreeMap<String, (Fixed, Fixed, i64)> {
    let export = Export {
        root: root.to_owned(),
        bucket: "billing-exports".to_owned(),
        prefix: String::new(),
        name: "cur2".to_owned(),
        delivery: Delivery::CreateNew,
        payer: crate::days::accounts()[0].clone(),
    };
    let mut writer = Cur2Writer::new(export, &crate::days::bill());
    let mut sums: BTreeMap<String, (Fixed, Fixed, i64)> = BTreeMap::new();
    let mut line = |charge: Charge| {
        if charge.delivered != Delivered::First {
            let sum = sums.entry(charge.month.format("%Y-%m").to_string()).or_default();
            sum.0 += charge.unblended;
            sum.1 += charge.effective;
            sum.2 += 1;
        }
        writer.line(charge).unwrap();
    };
    crate::days::charge_all(&mut line, |_, _| ());
    writer.finish().unwrap();
    sums
}

/// Files of the newest refresh of a month, as its manifest names them.
fn files(root: &std::path::Path, month: &str) -> Vec<String> {
    let manifest = root.join(format!("cur2/metadata/BILLING_PERIOD={month}/cur2-Manifest.json"));
    let manifest: serde_json::Value = serde_json::from_slice(&std::fs::read(manifest).unwrap()).unwrap();
    let files = manifest["dataFiles"].as_array().unwrap();
    let path = |file: &serde_json::Value| {
        let key = file.as_str().unwrap().strip_prefix("s3://billing-exports/").unwrap();
        root.join(key).to_str().unwrap().to_owned()
    };
    files.iter().map(path).collect()
}

/// The sum of columns of doubles as exact decimals: each double stands for its shortest text.
fn exact(columns: &[&str]) -> String {
    let sum = |column: &&str| format!("coalesce(sum(cast(cast({column} as varchar) as decimal(38, 18))), 0)");
    columns.iter().map(sum).collect::<Vec<_>>().join(" + ")
}

#[test]
fn duckdb_reads_the_exact_totals_of_the_bill() {
    let root = tempfile::tempdir().unwrap();
    let sums = write(root.path());
    let db = Connection::open_in_memory().unwrap();
    for (month, (unblended, effective, lines)) in sums {
        let [file] = &files(root.path(), &month)[..] else { unreachable!("one file a refresh") };
        let sql = format!(
            "select cast({} as varchar), cast({} as varchar), cast({} as varchar), cast({} as varchar), count(*)
             from (
                select *,
                    -- The effective cost as AWS's Cloud Intelligence Dashboards define it.
                    case
                        when line_item_line_item_type = 'SavingsPlanCoveredUsage'
                            then savings_plan_savings_plan_effective_cost
                        when line_item_line_item_type in ('SavingsPlanNegation', 'SavingsPlanUpfrontFee') then 0
                        when line_item_line_item_type = 'DiscountedUsage' then reservation_effective_cost
                        when line_item_line_item_type in ('SavingsPlanRecurringFee', 'RIFee') then 0
                        when line_item_line_item_type = 'Fee' and reservation_reservation_a_r_n is not null then 0
                        else line_item_unblended_cost
                    end as effective,
                    case
                        when line_item_line_item_type = 'SavingsPlanUpfrontFee'
                            or (line_item_line_item_type = 'Fee' and reservation_reservation_a_r_n is not null)
                            then line_item_unblended_cost
                    end as upfront
                from read_parquet('{file}')
             )",
            exact(&["line_item_unblended_cost"]),
            exact(&[
                "effective",
                "savings_plan_total_commitment_to_date",
                "-savings_plan_used_commitment",
                "reservation_unused_amortized_upfront_fee_for_billing_period",
                "reservation_unused_recurring_fee",
            ]),
            exact(&["upfront"]),
            exact(&[
                "savings_plan_amortized_upfront_commitment_for_billing_period",
                "reservation_amortized_upfront_fee_for_billing_period",
            ]),
        );
        let (billed, amortised, upfront, spread, rows): (String, String, String, String, i64) = db
            .query_row(&sql, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?)))
            .unwrap();
        let amount = |text: &str| Amount::parse(text).unwrap().0;
        assert_eq!(amount(&billed), unblended.amount(), "{month}");
        assert_eq!(amount(&amortised), effective.amount(), "{month}");
        assert_eq!(rows, lines);
        assert_eq!(amount(&billed), amount(&amortised) + amount(&upfront) - amount(&spread), "{month}");
    }
}

#[test]
fn duckdb_reads_maps_and_times() {
    let root = tempfile::tempdir().unwrap();
    write(root.path());
    let db = Connection::open_in_memory().unwrap();
    let file = &files(root.path(), "2026-10")[0];
    let one = |sql: &str| -> String {
        db.query_row(&sql.replace("bill", &format!("read_parquet('{file}')")), [], |row| row.get(0)).unwrap()
    };
    assert_eq!(
        one(
            "select string_agg(distinct resource_tags['user_team'], ',' order by resource_tags['user_team']) from bill"
        ),
        "ads,data-platform,growth,payments"
    );
    assert_eq!(
        one("select string_agg(distinct product['vcpu'], ',' order by product['vcpu']) from bill"),
        "16,8"
    );
    assert_eq!(one("select cast(max(cardinality(discount)) as varchar) from bill"), "0");
    assert_eq!(
        one("select cast(epoch_ms(min(line_item_usage_start_date)) as varchar) from bill"),
        "1790812800000"
    );
    assert_eq!(one("select typeof(min(line_item_unblended_cost)) from bill"), "DOUBLE");
    // Ids of lines are unique within a delivery.
    assert_eq!(
        one("select cast(count(*) - count(distinct identity_line_item_id) as varchar) from bill"),
        "0"
    );
}
