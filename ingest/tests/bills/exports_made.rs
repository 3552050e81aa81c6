//! Exports the demo's bill writes, read back: totals, months, commitments and tags.

use std::collections::BTreeMap;
use std::path::Path;

use fixtures::platform::bill::{Charge, Delivered, Fixed, LineType};
use fixtures::raw::BillWriter;
use fixtures::raw::cur_legacy::LegacyCurWriter;
use fixtures::raw::cur2::Cur2Writer;
use fixtures::raw::data_export::{Delivery, Export};
use fixtures::raw::focus::FocusWriter;
use model::{Amount, Basis};

use super::days;
use super::support::{Landed, read, sample};

fn export(root: &Path, delivery: Delivery) -> Export {
    Export {
        root: root.to_owned(),
        bucket: "billing-exports".to_owned(),
        prefix: "finops".to_owned(),
        name: "hourly-cur2".to_owned(),
        delivery,
        payer: days::accounts()[0].clone(),
    }
}

/// Writes all lines and returns them.
fn write(root: &Path, delivery: Delivery) -> Vec<Charge> {
    write_with(&mut Cur2Writer::new(export(root, delivery), &days::bill()))
}

fn write_with(writer: &mut dyn BillWriter) -> Vec<Charge> {
    let mut lines = Vec::new();
    days::charge_all(
        |charge| {
            lines.push(charge.clone());
            writer.line(charge).unwrap();
        },
        |_, _| (),
    );
    writer.finish().unwrap();
    lines
}

fn sum(lines: &[Charge], of: fn(&Charge) -> Fixed) -> Amount {
    let counted = lines.iter().filter(|line| line.delivered != Delivered::First);
    counted.map(of).sum::<Fixed>().amount()
}

fn check_totals(landed: &Landed, lines: &[Charge]) {
    assert_eq!(landed.total(Basis::Billed), sum(lines, |line| line.unblended).to_string());
    assert_eq!(landed.total(Basis::Effective), sum(lines, |line| line.effective).to_string());
}

#[test]
fn newest_refreshes_land_to_the_last_digit() {
    let root = tempfile::tempdir().unwrap();
    let lines = write(root.path(), Delivery::CreateNew);
    let landed = read("aws-cur2", root.path()).landed();
    check_totals(&landed, &lines);
    assert_eq!(
        landed.rows().values().sum::<usize>(),
        lines.iter().filter(|line| line.delivered != Delivered::First).count()
    );
    assert_eq!(landed.rows().into_keys().collect::<Vec<_>>(), ["2026-09", "2026-10", "2026-11"]);
    assert!(landed.warnings.is_empty(), "{:?}", landed.warnings);

    // Every basis and line type, not the sums alone.
    let by = |basis| landed.by("x_line_item_type", basis);
    let mut billed: BTreeMap<String, Amount> = BTreeMap::new();
    let mut effective: BTreeMap<String, Amount> = BTreeMap::new();
    for line in lines.iter().filter(|line| line.delivered != Delivered::First) {
        *billed.entry(line.kind.name().to_owned()).or_default() += line.unblended.amount();
        *effective.entry(line.kind.name().to_owned()).or_default() += line.effective.amount();
    }
    assert_eq!(by(Basis::Billed), billed);
    assert_eq!(by(Basis::Effective), effective);

    let distinct = |column: &str| {
        let mut values: Vec<String> = landed.charges(column).into_iter().flatten().collect();
        values.sort();
        values.dedup();
        values
    };
    assert_eq!(distinct("x_vcpus"), ["16", "8"]);
    assert_eq!(distinct("x_memory_mib"), ["131072", "32768", "65536"]);
    assert!(distinct("service_name").contains(&"Amazon Elastic Compute Cloud".to_owned()));
    assert_eq!(distinct("region_id"), ["us-east-1"]);
    assert_eq!(distinct("commitment_discount_id").len(), 3);
    assert_eq!(distinct("invoice_id").len(), 2, "months that are over have one, the last has none");
}

#[test]
fn the_legacy_report_of_the_same_bill_has_the_same_totals_and_tags() {
    let (root, new) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let lines =
        write_with(&mut LegacyCurWriter::new(export(root.path(), Delivery::CreateNew), &days::bill()));
    write(new.path(), Delivery::CreateNew);
    let legacy = read("aws-cur", root.path()).landed();
    let new = read("aws-cur2", new.path()).landed();
    check_totals(&legacy, &lines);
    assert!(legacy.warnings.is_empty(), "{:?}", legacy.warnings);
    assert_eq!(legacy.rows(), new.rows());
    for basis in Basis::ALL {
        assert_eq!(legacy.total(basis), new.total(basis), "{basis}");
        for column in ["x_line_item_type", "service_name", "sub_account_id", "resource_id", "x_usage_type"] {
            assert_eq!(legacy.by(column, basis), new.by(column, basis), "{column} {basis}");
        }
    }
    for column in
        ["x_vcpus", "x_memory_mib", "region_id", "charge_period_start", "charge_period_end", "invoice_id"]
    {
        assert_eq!(legacy.charges(column), new.charges(column), "{column}");
    }
    for key in ["team", "aws_elasticmapreduce_job_flow_id", "aws_elasticmapreduce_instance_group_role"] {
        assert_eq!(legacy.tag(key), new.tag(key), "{key}");
    }
}

#[test]
fn the_focus_export_of_the_same_bill_has_the_same_totals() {
    let root = tempfile::tempdir().unwrap();
    let lines = write_with(&mut FocusWriter::new(export(root.path(), Delivery::CreateNew), &days::bill()));
    let landed = read("focus", root.path()).landed();
    check_totals(&landed, &lines);
    assert!(landed.warnings.is_empty(), "{:?}", landed.warnings);
    assert_eq!(landed.rows().into_keys().collect::<Vec<_>>(), ["2026-09", "2026-10", "2026-11"]);
    // By commitment: the effective cost of what was used and what was not is all of its fees
    // that belong to the time, as nothing is bought twice.
    let by = landed.by("commitment_discount_status", Basis::Effective);
    let kept = || lines.iter().filter(|line| line.delivered != Delivered::First);
    let used = kept().filter(|line| line.kind.is_usage() && line.commitment.is_some());
    assert_eq!(by["Used"], used.map(|line| line.effective).sum::<Fixed>().amount());
    let unused =
        kept().filter(|line| matches!(line.kind, LineType::RiFee | LineType::SavingsPlanRecurringFee));
    assert_eq!(by["Unused"], unused.map(|line| line.effective).sum::<Fixed>().amount());
    assert_eq!(landed.by("charge_category", Basis::Effective)["Purchase"], {
        let support = kept().filter(|line| line.kind == LineType::Fee && line.commitment.is_none());
        support.map(|line| line.effective).sum::<Fixed>().amount()
    });
    let team: BTreeMap<Option<String>, usize> =
        landed.tag("team").into_iter().fold(BTreeMap::new(), |mut sums, team| {
            *sums.entry(team).or_default() += 1;
            sums
        });
    assert_eq!(team.len(), 5);
}

#[test]
fn tags_are_those_that_were_written_folded() {
    let root = tempfile::tempdir().unwrap();
    let lines = write(root.path(), Delivery::Overwrite);
    let landed = read("aws-cur2", root.path()).landed();
    let count = |values: Vec<Option<String>>| {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for value in values.into_iter().flatten() {
            *counts.entry(value).or_default() += 1;
        }
        counts
    };
    let written = |wanted: &[&str]| {
        let kept = lines.iter().filter(|line| line.delivered != Delivered::First);
        count(
            kept.map(|line| {
                line.tags
                    .0
                    .iter()
                    .find(|(key, _)| wanted.contains(&key.as_str()))
                    .map(|(_, value)| value.clone())
            })
            .collect(),
        )
    };
    assert_eq!(count(landed.tag("team")), written(&["team", "Team"]));
    assert_eq!(
        count(landed.tag("aws_elasticmapreduce_job_flow_id")),
        written(&["aws:elasticmapreduce:job-flow-id"])
    );
    let team = count(landed.tag("team"));
    assert_eq!(team.keys().collect::<Vec<_>>(), ["ads", "data-platform", "growth", "payments"]);
}

#[test]
fn an_overwritten_export_is_the_same_bill() {
    let (new, over) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    write(new.path(), Delivery::CreateNew);
    write(over.path(), Delivery::Overwrite);
    let (new, over) = (read("aws-cur2", new.path()).landed(), read("aws-cur2", over.path()).landed());
    for basis in Basis::ALL {
        assert_eq!(new.total(basis), over.total(basis));
    }
    assert_eq!(new.rows(), over.rows());
}

#[test]
fn a_refresh_alone_stands_where_the_months_manifest_is_missing() {
    let root = tempfile::tempdir().unwrap();
    let lines = write(root.path(), Delivery::CreateNew);
    let metadata = root.path().join("finops/hourly-cur2/metadata");
    for month in ["2026-09", "2026-10", "2026-11"] {
        std::fs::remove_file(metadata.join(format!("BILLING_PERIOD={month}/hourly-cur2-Manifest.json")))
            .unwrap();
    }
    check_totals(&read("aws-cur2", root.path()).landed(), &lines);
}

#[test]
fn damage_is_named_and_nothing_of_the_month_is_read() {
    let root = tempfile::tempdir().unwrap();
    write(root.path(), Delivery::Overwrite);
    let export = root.path().join("finops/hourly-cur2");
    let data =
        |month: &str| export.join(format!("data/BILLING_PERIOD={month}/hourly-cur2-00001.snappy.parquet"));
    let manifest = export.join("metadata/BILLING_PERIOD=2026-09/hourly-cur2-Manifest.json");
    std::fs::write(&manifest, "{\"dataFiles\": [").unwrap();
    let whole = std::fs::read(data("2026-10")).unwrap();
    std::fs::write(data("2026-10"), &whole[..whole.len() / 2]).unwrap();
    std::fs::remove_file(data("2026-11")).unwrap();

    let bill = read("aws-cur2", root.path());
    assert_eq!(bill.plan.warnings.len(), 1);
    assert_eq!(bill.plan.warnings[0].code, "corrupt-manifest");
    let errors: Vec<String> = bill
        .units
        .iter()
        .map(|(_, read)| read.as_ref().err().map(ToString::to_string).unwrap_or_default())
        .collect();
    assert!(errors[0].contains("no readable Parquet footer"), "{errors:?}");
    assert!(errors[1].contains("which is not in this location"), "{errors:?}");

    std::fs::write(data("2026-10"), b"").unwrap();
    let bill = read("aws-cur2", root.path());
    assert!(bill.units[0].1.as_ref().err().unwrap().to_string().contains("the file is empty"));
}

#[test]
fn data_without_a_manifest_is_not_read() {
    let root = tempfile::tempdir().unwrap();
    write(root.path(), Delivery::Overwrite);
    std::fs::remove_dir_all(root.path().join("finops/hourly-cur2/metadata")).unwrap();
    let bill = read("aws-cur2", root.path());
    assert!(bill.units.is_empty());
    assert_eq!(bill.plan.warnings[0].code, "no-manifest");
}

#[test]
fn each_generation_is_told_from_the_other() {
    let root = tempfile::tempdir().unwrap();
    let legacy = root.path().join("legacy.csv");
    std::fs::write(&legacy, "lineItem/UnblendedCost,lineItem/UsageStartDate\n1,2026-10-01T00:00:00Z\n")
        .unwrap();
    let (error, hint) = read("aws-cur2", &legacy).error();
    assert!(error.contains("legacy Cost and Usage Report"), "{error}");
    assert_eq!(hint.as_deref(), Some("set kind = \"aws-cur\""));
}

/// Lines of a CSV export: maps are JSON texts, here one that is none.
#[test]
fn a_csv_export_has_its_maps_as_json() {
    let root = tempfile::tempdir().unwrap();
    let export = root.path().join("x");
    let data = export.join("data/BILLING_PERIOD=2026-10");
    let metadata = export.join("metadata/BILLING_PERIOD=2026-10");
    std::fs::create_dir_all(&data).unwrap();
    std::fs::create_dir_all(&metadata).unwrap();
    let csv = "bill_billing_period_start_date,line_item_unblended_cost,line_item_usage_start_date,line_item_usage_end_date,line_item_line_item_type,line_item_currency_code,product,resource_tags\n\
        2026-10-01T00:00:00.000Z,1.3E-9,2026-10-05T00:00:00.000Z,2026-10-05T01:00:00.000Z,Usage,USD,\"{\"\"vcpu\"\":\"\"8\"\",\"\"memory\"\":\"\"32 GiB\"\"}\",\"{\"\"user_team\"\":\"\"growth\"\"}\"\n\
        2026-10-01T00:00:00.000Z,2,2026-10-05T00:00:00.000Z,2026-10-05T01:00:00.000Z,Usage,USD,EC2,{}\n";
    let file = std::fs::File::create(data.join("x-00001.csv.gz")).unwrap();
    let mut gzip = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
    std::io::Write::write_all(&mut gzip, csv.as_bytes()).unwrap();
    gzip.finish().unwrap();
    let manifest = r#"{"dataFiles": ["s3://b/p/x/data/BILLING_PERIOD=2026-10/x-00001.csv.gz"]}"#;
    std::fs::write(metadata.join("x-Manifest.json"), manifest).unwrap();
    let landed = read("aws-cur2", root.path()).landed();
    assert_eq!(landed.total(Basis::Billed), "2.0000000013");
    assert_eq!(landed.charges("x_vcpus"), [Some("8".to_owned()), None]);
    assert_eq!(landed.charges("x_memory_mib"), [Some("32768".to_owned()), None]);
    assert_eq!(landed.tag("team"), [Some("growth".to_owned()), None]);
    assert_eq!(landed.warned("odd-product", ""), 1);
}

#[test]
fn the_public_shapes_of_cur2_are_read() {
    let Some(path) = sample("cur2_shapes/fivetran_cur2_landing.csv") else { return };
    let landed = read("aws-cur2", &path).landed();
    assert_eq!(
        landed.total(Basis::Billed),
        super::support::Oracle::of("cur2_shapes/fivetran_cur2_landing.csv").sum("line_item_unblended_cost")
    );
}

#[test]
fn fees_of_commitments_are_purchases() {
    let root = tempfile::tempdir().unwrap();
    let lines = write(root.path(), Delivery::Overwrite);
    let landed = read("aws-cur2", root.path()).landed();
    let purchases = lines
        .iter()
        .filter(|line| {
            line.delivered != Delivered::First
                && matches!(
                    line.kind,
                    LineType::RiFee
                        | LineType::Fee
                        | LineType::SavingsPlanRecurringFee
                        | LineType::SavingsPlanUpfrontFee
                )
        })
        .map(|line| line.unblended)
        .sum::<Fixed>();
    assert_eq!(landed.by("charge_category", Basis::Billed)["Purchase"], purchases.amount());
}
