//! A workbook as LibreOffice reads it: the cells it shows, and the formulas as it works them out.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use model::Amount;

use crate::lab::Lab;

/// Settings of a profile in which files of others are worked out anew when they are opened.
const RECALCULATE: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry" xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
<item oor:path="/org.openoffice.Office.Calc/Formula/Load"><prop oor:name="OOXMLRecalcMode" oor:op="fuse"><value>0</value></prop></item>
</oor:items>
"#;
/// Every sheet as CSV: commas, quotes, UTF-8, from the first row, cells as they are and not as they
/// are shown.
const FILTER: &str = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,false,false,false,false,-1";

fn is_there() -> bool {
    Command::new("soffice").arg("--version").output().is_ok_and(|output| output.status.success())
}

type Row = Vec<String>;

fn sheet(lab: &Lab, name: &str) -> Vec<Row> {
    let file = lab.path(&format!("office/costs-{name}.csv"));
    let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
    reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect()
}

#[test]
fn libreoffice_opens_a_workbook_with_the_totals_of_the_bill() {
    if !is_there() {
        println!("skipped: soffice (LibreOffice) is not installed");
        return;
    }
    let lab = Lab::new();
    lab.ok(&["run"]);
    let by = ["export", "costs", "--by", "day,team,service,workload"];
    lab.ok(&[&by[..], &["--format", "xlsx", "-o", "costs.xlsx"]].concat());
    let profile = lab.path("profile/user");
    fs::create_dir_all(&profile).unwrap();
    fs::write(profile.join("registrymodifications.xcu"), RECALCULATE).unwrap();
    let opened = Command::new("soffice")
        .arg(format!("-env:UserInstallation=file://{}", lab.path("profile").display()))
        .args(["--headless", "--convert-to", FILTER, "--outdir"])
        .arg(lab.path("office"))
        .arg(lab.path("costs.xlsx"))
        .output()
        .unwrap();
    assert!(opened.status.success(), "{opened:?}");

    // Row by row what the CSV export says.
    let csv = lab.ok(&by);
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let expected: Vec<Row> =
        reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect();
    let costs = sheet(&lab, "Costs");
    assert_eq!(costs[0], ["day", "team", "service", "workload", "currency", "cost"]);
    assert_eq!(costs.len(), expected.len() + 1);
    for (shown, expected) in costs[1..].iter().zip(&expected) {
        let words = |row: &Row| row[1..5].to_vec();
        assert_eq!(words(shown), words(expected));
        let (shown, exact): (f64, f64) = (shown[5].parse().unwrap(), expected[5].parse().unwrap());
        assert!((shown - exact).abs() < 1e-9, "{shown} is not {exact}");
    }
    // The sheet of totals: as written, as LibreOffice adds them up, and as the bill has them.
    let totals = sheet(&lab, "Totals");
    let head = totals.iter().position(|row| row[0] == "Currency").unwrap();
    let mut sums: BTreeMap<&str, Amount> = BTreeMap::new();
    for row in &expected {
        *sums.entry(row[4].as_str()).or_default() += row[5].parse().unwrap();
    }
    assert_eq!(totals[head + 1..].iter().filter(|row| !row[0].is_empty()).count(), sums.len());
    for row in totals[head + 1..].iter().filter(|row| !row[0].is_empty()) {
        let sum = sums[row[0].as_str()];
        assert_eq!(row[2].parse::<Amount>().unwrap(), sum, "exact");
        assert_eq!(row[5].parse::<Amount>().unwrap(), sum, "charged by the bill");
        assert_eq!(row[6].parse::<Amount>().unwrap(), Amount::ZERO, "difference");
        for (what, cell) in [("written", &row[3]), ("added up", &row[4])] {
            let shown: f64 = cell.parse().unwrap();
            assert!((shown - sum.to_f64()).abs() < 1e-6, "{what}: {shown} is not {sum}");
        }
    }
}
