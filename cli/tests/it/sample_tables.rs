//! Waste of real Iceberg tables, written by pyiceberg and by Iceberg's Java library: the
//! healthy ones have no finding, the sick ones the right one. The tables, and what is wrong
//! with each, are the samples' own; the bill, the readers and the inventory are made here.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use chrono::{Days, NaiveDate};
use serde_json::{Value, json};

use crate::lab::Lab;
use crate::samples::samples;

const CONFIG: &str = r#"
[[source]]
name = "bill"
kind = "focus"
uri = "bill/"

[[source]]
name = "trino"
kind = "trino-events"
uri = "trino/"
cluster = "j-TRINO"

[[source]]
name = "lake"
kind = "iceberg"
uri = "warehouse/"
catalog = "dev"
location_map = { "file:///tmp/lakehouse/dev/" = "s3://lakehouse/", "file:/tmp/lakehouse/dev/" = "s3://lakehouse/" }

[[source]]
name = "inventory"
kind = "s3-inventory"
uri = "inventory/"
"#;

/// The day on which the samples were written; two weeks are billed, so that what may expire
/// after five days is due.
fn days() -> impl Iterator<Item = NaiveDate> {
    let first = NaiveDate::from_ymd_opt(2026, 11, 20).unwrap();
    (0..15).map(move |day| first + Days::new(day))
}

/// What is wrong with each table by the samples' own list, and how that is called here.
const SICK: &[(&str, &str)] = &[
    // 2,984 tiny files.
    ("dev.ingest.tiny_events", "uncompacted"),
    // 500 commits of a few minutes each.
    ("dev.streaming.playback_hourly", "tiny-commits"),
    // Copy-on-write deletes; 143 dead files are held by old snapshots.
    ("dev.privacy.member_gdpr", "cow-amplification"),
    ("dev.privacy.member_gdpr", "unexpired-snapshots"),
    // 30 whole overwrites, nothing expired.
    ("dev.ads.daily_snapshot", "unexpired-snapshots"),
    // Files that no snapshot reaches.
    ("dev.growth.signup_orphans", "orphan-files"),
    // Expired in metadata only: 295 manifest lists are left.
    ("dev.ops.audit_manifests", "orphan-files"),
    // Rewritten, with the old files still held by snapshots of before.
    ("dev.jv.mor.rewritten_state", "unexpired-snapshots"),
];

/// Well kept: nothing at all is said of them.
const WELL_KEPT: &[&str] = &["dev.dse.title_facts", "dev.jv.maint.kept_well", "dev.jv.stats.puffin_dim"];

/// Unusual, which is no fault: nothing that matters is said of them, though some are so small
/// that eight files could be one.
const UNUSUAL: &[&str] = &[
    "dev.jv.evo.partition_fields",
    "dev.jv.paths.object_store",
    "dev.jv.refs.wap_audit",
    "dev.jv.v3.upgraded",
    "dev.jv.v3.viewer_profiles",
    "dev.content.title_evolved",
    "dev.misc.never_written",
];

/// Storage and requests of the bucket, and the machine that queries run on.
fn bill() -> String {
    let mut text = "BillingAccountId,SubAccountId,BillingPeriodStart,BillingPeriodEnd,ChargePeriodStart,ChargePeriodEnd,ChargeCategory,ServiceCategory,ServiceName,ProviderName,ResourceId,BillingCurrency,BilledCost,EffectiveCost,ListCost,ContractedCost,ConsumedQuantity,ConsumedUnit,Tags,x_UsageType\n".to_owned();
    let cluster = r#""{""aws:elasticmapreduce:job-flow-id"":""j-TRINO""}""#;
    for day in days() {
        let (month, next) = if day < NaiveDate::from_ymd_opt(2026, 12, 1).unwrap() {
            ("2026-11-01", "2026-12-01")
        } else {
            ("2026-12-01", "2027-01-01")
        };
        let end = day + Days::new(1);
        let mut line = |category: &str,
                        service: &str,
                        resource: &str,
                        cost: u32,
                        quantity: &str,
                        unit: &str,
                        tags: &str,
                        usage: &str| {
            writeln!(text, "111111111111,111111111111,{month}T00:00:00Z,{next}T00:00:00Z,{day}T00:00:00Z,{end}T00:00:00Z,Usage,{category},{service},AWS,{resource},USD,{cost},{cost},{cost},{cost},{quantity},{unit},{tags},{usage}").unwrap();
        };
        let (s3, bucket) = ("Amazon Simple Storage Service", "arn:aws:s3:::lakehouse");
        line("Storage", s3, bucket, 500, "2400000000", "Byte-Hours", "{}", "TimedStorage-ByteHrs");
        line("Storage", s3, bucket, 4, "10000000", "Requests", "{}", "Requests-Tier2");
        line("Storage", s3, bucket, 5, "1000000", "Requests", "{}", "Requests-Tier1");
        line(
            "Compute",
            "Amazon Elastic Compute Cloud",
            "i-1",
            240,
            "24",
            "Hours",
            cluster,
            "BoxUsage:r5.4xlarge",
        );
    }
    text
}

/// Four queries a day of each table, of which the events do not say how far back they look.
fn queries(tables: &[(String, String)]) -> String {
    let mut text = String::new();
    for day in days() {
        for (minute, (schema, table)) in tables.iter().enumerate() {
            for hour in 8..12 {
                let at = |second: u32| format!("{day}T{hour:02}:{minute:02}:{second:02}Z");
                let event = json!({
                    "metadata": {
                        "queryId": format!("{}_{hour:02}{minute:02}00_00001_abcde", day.format("%Y%m%d")),
                        "query": format!("SELECT count(*) FROM dev.\"{schema}\".{table} WHERE x = {hour}"),
                        "queryState": "FINISHED",
                    },
                    "statistics": {
                        "cpuTime": 200.0, "wallTime": 50.0, "queuedTime": 0.0, "executionTime": 50.0,
                        "physicalInputBytes": 1_000_000, "physicalInputRows": 1_000,
                    },
                    "context": { "user": "svc-board", "source": "superset", "clientTags": ["dashboard:Board"], "queryType": "SELECT" },
                    "ioMetadata": { "inputs": [{
                        "connectorName": "iceberg", "catalogName": "dev", "schema": schema, "table": table,
                        "columns": [], "physicalInputBytes": 1_000_000, "physicalInputRows": 1_000,
                    }] },
                    "createTime": at(0), "executionStartTime": at(0), "endTime": at(50),
                });
                writeln!(text, "{event}").unwrap();
            }
        }
    }
    text
}

fn files_below(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        // Checksums beside files are what a local file system keeps; a bucket has none.
        if path.is_dir() {
            files_below(&path, found);
        } else if path.extension().is_none_or(|ending| ending != "crc") {
            found.push(path);
        }
    }
}

fn succeed(command: &mut Command) {
    let status = command.status().unwrap();
    assert!(status.success(), "{command:?}");
}

/// Unpacks the tables, and lists the bucket they would lie in; schema and name of each that
/// can be read.
fn lay_out(lab: &Lab, samples: &Path) -> Vec<(String, String)> {
    let warehouse = lab.path("warehouse");
    fs::create_dir_all(&warehouse).unwrap();
    let mut tables = Vec::new();
    let mut directories: Vec<PathBuf> =
        fs::read_dir(samples.join("tables/iceberg")).unwrap().map(|entry| entry.unwrap().path()).collect();
    directories.sort();
    for directory in directories {
        let archive = directory.join("table.tar.gz");
        if !archive.exists() {
            continue;
        }
        succeed(Command::new("tar").arg("-C").arg(&warehouse).arg("-xzf").arg(&archive));
        // A Spark table lies a level deeper, `jv_mor.playback_state` in `jv/mor/`.
        let (schema, table) = directory.file_name().unwrap().to_str().unwrap().split_once('.').unwrap();
        let schema = schema.replacen("jv_", "jv.", 1);
        if !["truncated_manifest", "never_written"].contains(&table) {
            tables.push((schema, table.to_owned()));
        }
    }
    let mut files = Vec::new();
    files_below(&warehouse, &mut files);
    files.sort();
    let mut listing = String::new();
    for file in &files {
        let key = file.strip_prefix(&warehouse).unwrap().to_str().unwrap();
        let bytes = fs::metadata(file).unwrap().len();
        writeln!(listing, "\"lakehouse\",\"{key}\",\"{bytes}\",\"2026-11-20T10:00:00.000Z\",\"STANDARD\"")
            .unwrap();
    }
    let data = lab.path("inventory/lakehouse/all/data");
    let delivery = lab.path("inventory/lakehouse/all/2026-12-04T01-00Z");
    fs::create_dir_all(&data).unwrap();
    fs::create_dir_all(&delivery).unwrap();
    fs::write(data.join("listing.csv"), listing).unwrap();
    succeed(Command::new("gzip").arg(data.join("listing.csv")));
    let manifest = json!({
        "sourceBucket": "lakehouse", "destinationBucket": "arn:aws:s3:::inventories", "version": "2016-11-30",
        "creationTimestamp": "1796346000000", "fileFormat": "CSV",
        "fileSchema": "Bucket, Key, Size, LastModifiedDate, StorageClass",
        "files": [{ "key": "lakehouse/all/data/listing.csv.gz", "size": fs::metadata(data.join("listing.csv.gz")).unwrap().len() }],
    });
    fs::write(delivery.join("manifest.json"), manifest.to_string()).unwrap();
    tables
}

#[test]
fn healthy_tables_have_no_finding_and_sick_ones_the_right_one() {
    let Some(samples) = samples() else { return };
    let samples = PathBuf::from(samples);
    let lab = Lab::with_config(CONFIG);
    let tables = lay_out(&lab, &samples);
    fs::create_dir_all(lab.path("bill")).unwrap();
    fs::create_dir_all(lab.path("trino")).unwrap();
    fs::write(lab.path("bill/focus.csv"), bill()).unwrap();
    fs::write(lab.path("trino/queries.jsonl"), queries(&tables)).unwrap();

    // Two tables are damaged: one cannot be read, of one an old manifest list is gone.
    let ran = lab.run(&["run"]);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(ran.stderr.contains("truncated_manifest"), "{}", ran.stderr);

    let found: Vec<Value> = serde_json::from_str(&lab.ok(&["waste", "--all", "--format", "json"])).unwrap();
    let mut by_table: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for finding in &found {
        let (subject, detector) =
            (finding["subject"].as_str().unwrap(), finding["detector"].as_str().unwrap());
        by_table.entry(subject).or_default().insert(detector);
    }
    for (table, detector) in SICK {
        assert!(
            by_table.get(table).is_some_and(|of| of.contains(detector)),
            "{table} has no {detector}: {by_table:#?}"
        );
    }
    for table in WELL_KEPT {
        assert_eq!(by_table.get(table), None, "{table}");
    }
    for finding in found.iter().filter(|finding| finding["is_material"] == true) {
        assert!(!UNUSUAL.contains(&finding["subject"].as_str().unwrap()), "{finding:#}");
    }
    // No query says how far back it looked: nobody may be told to delete what they may need.
    for risky in ["partition-ttl", "storage-class", "unused-table"] {
        assert!(found.iter().all(|finding| finding["detector"] != risky), "{risky}: {by_table:#?}");
    }

    // The bytes no snapshot reaches, by the list of what was planted.
    let planted: Value = serde_json::from_slice(
        &fs::read(samples.join("tables/iceberg/growth.signup_orphans/planted_orphans.json")).unwrap(),
    )
    .unwrap();
    let planted: i64 = planted.as_array().unwrap().iter().map(|file| file["bytes"].as_i64().unwrap()).sum();
    let orphans = found
        .iter()
        .find(|finding| {
            finding["subject"] == "dev.growth.signup_orphans" && finding["detector"] == "orphan-files"
        })
        .unwrap();
    let bytes = orphans["evidence"]["orphaned_bytes"].as_f64().unwrap();
    // One of the planted has the name of metadata, and is none of the kept versions.
    assert!((bytes - planted as f64).abs() <= 0.01 * planted as f64, "{bytes} of {planted}");
}
