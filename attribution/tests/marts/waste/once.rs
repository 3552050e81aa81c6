//! What is counted once: bytes that two detectors could ask for, uploads listed twice, files that a scan does not open.

use std::fmt::Write as _;

use model::landed::Dataset;

use super::silences::{Runs, found, published};
use crate::common::Ledger;

/// Ten days on which a byte kept costs $0.000001 a day and a GET $0.0005, with what `report` reads.
fn lake(reads: &str) -> Ledger {
    let mut runs = Runs::new();
    let mut tables = String::new();
    if !reads.is_empty() {
        for day in [5, 6] {
            let id = runs.add("spark", "report", "succeeded", (day, 1), false);
            writeln!(tables, "spark,{id},{reads}").unwrap();
        }
    }
    let mut charges = String::new();
    for day in 5..15 {
        let span = format!("2026-10-{day:02} 00:00,2026-10-{:02} 00:00", day + 1);
        writeln!(charges, "{span},0.1,S3,lake,TimedStorage-ByteHrs,Usage,2400000,Byte-Hours").unwrap();
        writeln!(charges, "{span},0.5,S3,lake,Requests-Tier2,Usage,1000,Requests").unwrap();
    }
    let mut ledger = runs.landed(10, "", &charges);
    ledger.land_text(Dataset::RunTables, &format!("engine,run_id,table_name,access,files,bytes\n{tables}"));
    ledger
}

/// A table of 1,000,000 bytes with 2,400 of metadata and 1,200 snapshots; 500,000 of data and 10,000 of metadata beside
/// them nothing names. Metadata beyond a hundred snapshots, 2,400 x 11 / 12, and what nothing names of it are one
/// finding, 12,200 bytes for ten days; the data is the other.
#[test]
fn what_nothing_names_is_asked_for_once() {
    let mut ledger = lake("");
    ledger.land_text(
        Dataset::Tables,
        "collected_at,table_id,catalog,namespace,name,location,data_files,data_bytes,reachable_bytes,metadata_bytes,\
         snapshots,last_updated_at\n\
         2026-10-14 23:00,prod.a.t,prod,a,t,s3://lake/t,4,1000000,1000000,2400,1200,2026-10-14 10:00\n",
    );
    ledger.land_text(
        Dataset::Storage,
        "collected_at,bucket,prefix,part,storage_class,objects,bytes\n\
         2026-10-14 12:00,lake,t/,data,STANDARD,1,1500000\n\
         2026-10-14 12:00,lake,t/,metadata,STANDARD,1,12400\n",
    );
    ledger.commit();
    let mart = published(&ledger);
    for (detector, cost) in [("metadata-bloat", "0.122"), ("orphan-files", "5")] {
        assert_eq!(found(&mart, detector)[0].observed_cost, cost.parse().unwrap(), "{detector}");
    }
}

/// An upload begun on the 5th has 1,000 bytes in one listing and 3,000 in the next, which also says who began it. From
/// the eighth day on, the 12th, it is wasted: 3 x 3,000 bytes.
#[test]
fn an_upload_that_grows_between_listings_is_one() {
    let mut ledger = lake("");
    ledger.land_text(
        Dataset::Uploads,
        "collected_at,bucket,key,upload_id,initiated_at,initiator,bytes\n\
         2026-10-08 23:00,lake,b/k,u-1,2026-10-05 00:00,,1000\n\
         2026-10-14 23:00,lake,b/k,u-1,2026-10-05 00:00,backup,3000\n",
    );
    ledger.commit();
    let mart = published(&ledger);
    let all = found(&mart, "incomplete-uploads");
    assert_eq!((all.len(), all[0].observed_cost), (1, "0.009".parse().unwrap()));
    assert!(all[0].evidence.to_string().contains("\"uploads\":1"), "{}", all[0].evidence);
}

/// Ten days have nine files where one would do, and ten delete files each; 227,160,000 rows are deleted. A scan of all
/// opens 80 + 100 files in vain, 180 x 45 ms, and compares rows for 567,900 ms: 576,000 ms of a core at
/// $1 / 57,600,000 are $0.01, and 360 GET $0.18. Two scans: $0.38; of one day each, a tenth.
#[test]
fn a_scan_meets_the_deletes_of_what_it_opens() {
    for (files, cost) in [(90, "0.38"), (9, "0.038")] {
        let mut ledger = lake(&format!("prod.a.t,read,{files},100"));
        ledger.land_text(
            Dataset::Tables,
            "collected_at,table_id,catalog,namespace,name,location,data_files,data_bytes,delete_files,deleted_rows,\
             row_count,target_file_bytes\n\
             2026-10-14 23:00,prod.a.t,prod,a,t,s3://lake/t,90,900000,100,227160000,1000000000,536870912\n",
        );
        let mut partitions =
            String::from("collected_at,table_id,partition,data_files,data_bytes,delete_files\n");
        for day in 5..15 {
            writeln!(partitions, "2026-10-14 23:00,prod.a.t,day=2026-10-{day:02},9,90000,10").unwrap();
        }
        ledger.land_text(Dataset::TablePartitions, &partitions);
        ledger.commit();
        let mart = published(&ledger);
        let it = found(&mart, "delete-bloat")[0];
        assert_eq!(it.observed_cost, cost.parse().unwrap(), "{files} files a scan");
    }
}
