//! Public samples with known totals; they are not part of the project, so the tests find
//! them through LAKELEDGER_SAMPLES.

use crate::lab::Lab;

pub fn samples() -> Option<String> {
    let found = std::env::var("LAKELEDGER_SAMPLES").ok();
    if found.is_none() {
        // Not `eprintln!`: the test runner swallows that for tests that pass.
        let _ =
            std::io::Write::write_all(&mut std::io::stderr(), b"skipped: LAKELEDGER_SAMPLES is not set\n");
    }
    found
}

/// Lands and attributes one source of the samples; returns its exact totals by basis.
fn totals(kind: &str, relative: &str) -> Option<Vec<(String, String)>> {
    let uri = format!("{}/{relative}", samples()?);
    let lab = Lab::with_config(&format!("[[source]]\nname = \"bill\"\nkind = \"{kind}\"\nuri = \"{uri}\"\n"));
    let ran = lab.run(&["run"]);
    assert!(ran.code <= 1, "{}", ran.stderr);
    let status: serde_json::Value = serde_json::from_str(&lab.ok(&["status", "--format", "json"])).unwrap();
    for row in status["conservation"].as_array().unwrap() {
        assert_eq!(row["difference"], "0", "{relative}: {row}");
    }
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let totals = status["sources"][0]["totals"].as_array().unwrap();
    Some(totals.iter().map(|total| (text(&total["basis"]), text(&total["source"]))).collect())
}

fn assert_total(totals: &[(String, String)], basis: &str, want: &str) {
    let found: Vec<_> =
        totals.iter().filter(|(name, _)| name == basis).map(|(_, total)| total.as_str()).collect();
    assert_eq!(found, [want], "{basis}");
}

// The totals are those of the samples' own list, summed exactly by another program.

#[test]
fn the_official_focus_sample_lands_whole() {
    let Some(totals) = totals("focus", "billing/focus_1_0_official/focus_sample.csv") else { return };
    assert_total(&totals, "billed", "20.52022672899");
    assert_total(&totals, "effective", "14.97651418586");
    assert_total(&totals, "list", "20.39090575119");
    assert_total(&totals, "contracted", "14.97626039326");
}

#[test]
fn a_real_cur_of_two_months_lands_whole() {
    let Some(october) = totals("aws-cur", "billing/cur_parquet_wa_labs/year=2018/month=10") else { return };
    assert_total(&october, "billed", "4064.4831315379");
    assert_total(&october, "effective", "4195.9571093179");
    let december = totals("aws-cur", "billing/cur_parquet_wa_labs/year=2018/month=12").unwrap();
    assert_total(&december, "billed", "408.3759924354");
    assert_total(&december, "effective", "539.8499667354");
}

#[test]
fn three_generated_months_land_to_the_last_of_22_decimals() {
    let Some(totals) = totals("aws-cur", "billing/cur_nise_small/billing") else { return };
    assert_total(&totals, "billed", "13086.6910547142120759315585");
}
