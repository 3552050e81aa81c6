//! Wastes of what is committed to a table: on which days, and for how long after it is mended.

use std::fmt::Write as _;

use attribution::mart::Finding;
use chrono::{Duration, NaiveDateTime};
use model::landed::Dataset;

use super::silences::{Runs, found, published};

/// The first moment of the bill, and when metadata was collected: in the last minute of its twenty days.
const START: &str = "2026-10-05 00:00";
const COLLECTED: &str = "2026-10-24 23:59";

fn start() -> NaiveDateTime {
    NaiveDateTime::parse_from_str(START, "%Y-%m-%d %H:%M").unwrap()
}

/// A table with these snapshots: minutes since the first moment, and the columns from `operation` on.
fn finding(detector: &str, snapshots: impl Iterator<Item = (i64, &'static str)>) -> Vec<Finding> {
    let mut charges = String::new();
    // A byte kept for a day costs $0.000001, a PUT $0.001 and a GET $0.0005.
    for day in 0..20 {
        let at = |day: i64| (start() + Duration::days(day)).format("%Y-%m-%d %H:%M").to_string();
        let (from, to) = (at(day), at(day + 1));
        writeln!(charges, "{from},{to},0.1,S3,lake,TimedStorage-ByteHrs,Usage,2400000,Byte-Hours").unwrap();
        writeln!(charges, "{from},{to},1,S3,lake,Requests-Tier1,Usage,1000,Requests").unwrap();
        writeln!(charges, "{from},{to},0.5,S3,lake,Requests-Tier2,Usage,1000,Requests").unwrap();
    }
    let mut ledger = Runs::new().landed(20, "", &charges);
    ledger.land_text(
        Dataset::Tables,
        &format!(
            "collected_at,table_id,catalog,namespace,name,location,data_files,data_bytes\n\
             {COLLECTED},prod.a.t,prod,a,t,s3://lake/t,10,1000000\n"
        ),
    );
    let mut rows = String::from(
        "collected_at,table_id,snapshot_id,committed_at,operation,added_data_files,added_bytes,removed_data_files,\
         removed_bytes,added_rows,removed_rows,total_data_files,total_bytes,summary\n",
    );
    for (nth, (minutes, what)) in snapshots.enumerate() {
        let at = (start() + Duration::minutes(minutes)).format("%Y-%m-%d %H:%M");
        writeln!(rows, "{COLLECTED},prod.a.t,s-{nth},{at},{what}").unwrap();
    }
    ledger.land_text(Dataset::TableSnapshots, &rows);
    ledger.commit();
    let mart = published(&ledger);
    found(&mart, detector).into_iter().cloned().collect()
}

/// A commit of eight files of 2 MB.
const APPEND: &str = "append,8,16000000,0,0,0,0,0,0,";

/// Each of 240 commits a day beyond 24 costs three PUT and three GET, 216 x 0.0045 = $0.972, and each of its eight files
/// a PUT, 1,728 x 0.001: $2.70 a day.
#[test]
fn commits_of_days_before_a_fix_are_not_those_of_days_after_it() {
    let often = |day: i64| (0..240).map(move |nth| (day * 1440 + nth * 6, APPEND));
    let hourly = |day: i64| (0..24).map(move |hour| (day * 1440 + hour * 60, APPEND));
    // Ten days of a commit every six minutes, then ten of one an hour.
    let mended = finding("tiny-commits", (0..10).flat_map(often).chain((10..20).flat_map(hourly)));
    assert_eq!((mended.len(), mended[0].is_open), (1, false));
    assert_eq!(mended[0].end_day, "2026-10-15".parse().unwrap());
    assert_eq!(mended[0].observed_cost, "27".parse().unwrap());
    // Of all days but the last the snapshots have expired: they were as it is.
    let expired = finding("tiny-commits", often(19));
    assert_eq!((expired.len(), expired[0].is_open), (1, true));
    assert_eq!(expired[0].observed_cost, "54".parse().unwrap());
    assert!(finding("tiny-commits", (0..20).flat_map(hourly)).is_empty());
}

/// Six of ten files written anew, for no row more or less; and a change that adds delete files.
const REWRITE: &str = "overwrite,6,600000,6,600000,1000,1000,10,1000000,";
const MERGE: &str =
    "overwrite,6,600000,6,600000,1000,1000,10,1000000,\"{\"\"added-delete-files\"\":\"\"1\"\"}\"";

/// Each day 600,000 bytes are replaced where 100,000 would do, and kept for five days less one: 4 x 500,000 bytes at
/// $0.000001 are $2; and 5/6 of six PUT and of one a 64 MiB of 600,000 bytes, 5/6 x (6 + 600,000 / 67,108,864) x 0.001 =
/// $0.005007 more.
#[test]
fn copies_on_write_end_with_the_last_of_them() {
    let at = |day: i64| day * 1440 + 120;
    let cost = |days: u32| {
        (f64::from(days) * (2.0 + 5.0 / 6.0 * (6.0 + 600_000.0 / 67_108_864.0) * 0.001) * 1e6).round()
    };
    let told = |finding: &Finding| (finding.observed_cost.to_string().parse::<f64>().unwrap() * 1e6).round();
    let mended =
        finding("cow-amplification", (0..20).map(|day| (at(day), if day < 10 { REWRITE } else { MERGE })));
    assert_eq!((mended.len(), mended[0].is_open), (1, false));
    assert_eq!(mended[0].end_day, "2026-10-15".parse().unwrap());
    assert!((told(&mended[0]) - cost(10)).abs() < 1e-6, "{mended:?}");
    // Three days are known, and all before were alike.
    let expired = finding("cow-amplification", (17..20).map(|day| (at(day), REWRITE)));
    assert_eq!((expired.len(), expired[0].is_open), (1, true));
    assert!((told(&expired[0]) - cost(20)).abs() < 1e-6, "{expired:?}");
    // It began in the middle.
    let begun =
        finding("cow-amplification", (0..20).map(|day| (at(day), if day < 10 { MERGE } else { REWRITE })));
    assert_eq!((begun.len(), begun[0].first_day), (1, "2026-10-15".parse().unwrap()));
    assert!((told(&begun[0]) - cost(10)).abs() < 1e-6, "{begun:?}");
}
