//! Iceberg tables: every figure against what pyiceberg and Iceberg Java say of the same
//! table, then what damaged, missing and hostile metadata does.

#![expect(clippy::unwrap_used, reason = "a test fails where it unwraps nothing")]
#![expect(clippy::panic, reason = "a missing figure of an oracle fails the test")]
#![expect(clippy::print_stdout, reason = "the comparison shows what it compared")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use ingest::source::{ReadError, SourceOptions};
use ingest::store::LocalStore;
use model::landed::Dataset;
use serde_json::{Map, Value};
use support::{Read, fixture_tables, plan, read};

const KIND: &str = "iceberg";

fn json(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// Lines of an `inspect/*.jsonl.gz`; nothing where the oracle could not answer.
fn inspect(oracle: &Path, name: &str) -> Option<Vec<Value>> {
    let file = fs::File::open(oracle.join("inspect").join(format!("{name}.jsonl.gz"))).ok()?;
    let mut text = String::new();
    flate2::read::GzDecoder::new(file).read_to_string(&mut text).unwrap();
    Some(text.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
}

fn int(row: &Value, key: &str) -> i64 {
    row[key].as_i64().unwrap_or_else(|| panic!("no {key} in {row}"))
}

/// Distinct paths and their bytes: a Puffin file holds many deletion vectors.
fn distinct(rows: &[Value]) -> BTreeMap<&str, i64> {
    rows.iter().map(|row| (row["file_path"].as_str().unwrap(), int(row, "file_size_in_bytes"))).collect()
}

fn micros(text: &str) -> i64 {
    let text = format!("{}Z", text.trim_end_matches('Z').replace(' ', "T"));
    text.parse::<model::time::Instant>().unwrap().timestamp_micros()
}

/// The part of a recorded location below the warehouse it was written to: `jv/v3/upgraded`.
fn below_warehouse(location: &str) -> &str {
    location.split_once("/dev/").unwrap().1
}

/// Compares one table with the oracles in a directory; `metadata` is where its metadata
/// files are. Returns a line that says what was compared.
fn compare(oracle_directory: &Path, metadata: &Path, found: &Read) -> String {
    let oracle = json(&oracle_directory.join("oracle.json"));
    let java = json(&oracle_directory.join("oracle-java.json"));
    let table = found.table();
    let name = oracle["table"].as_str().unwrap();
    let mut compared = 0;
    let mut same = |what: &str, want: i64| {
        assert_eq!(table[what].as_i64(), Some(want), "{name}: {what}");
        compared += 1;
    };

    same("data_files", int(&oracle["live_data_files"], "n"));
    same("data_bytes", int(&oracle["live_data_files"], "sum"));
    same("row_count", int(&oracle, "live_records"));
    same("delete_files", int(&oracle["live_delete_files"], "n"));
    same("deleted_rows", int(&oracle, "delete_records"));
    same("snapshots", int(&oracle, "snapshots"));
    same("manifests", int(&oracle["manifests"], "n"));
    same("manifest_bytes", int(&oracle["manifests"], "bytes"));
    same("format_version", int(&oracle, "format_version"));
    let java_files = &java["files"];
    same("data_files", java_files["data_files"].as_i64().unwrap_or(0));
    same("data_bytes", java_files["data_bytes"].as_i64().unwrap_or(0));
    let java_deletes = |kind: &str| {
        ["pos", "eq"]
            .iter()
            .map(|which| java_files[format!("{which}_{kind}")].as_i64().unwrap_or(0))
            .sum::<i64>()
    };
    same("delete_files", java_deletes("delete_files"));
    same("deleted_rows", java_deletes("delete_records"));
    same("manifests", int(&java["manifests"], "n"));

    let target = oracle["properties"]["write.target-file-size-bytes"].as_str();
    let target: i64 = target.map_or(536_870_912, |text| text.parse().unwrap());
    let files = inspect(oracle_directory, "files").unwrap();
    let data: Vec<&Value> = files.iter().filter(|file| int(file, "content") == 0).collect();
    same("target_file_bytes", target);
    let small = data.iter().filter(|file| int(file, "file_size_in_bytes") * 4 < target * 3);
    same("small_files", small.count().try_into().unwrap());
    let deletes = inspect(oracle_directory, "delete_files").unwrap();
    let deletes = distinct(&deletes);
    same("delete_bytes", deletes.values().sum());
    if deletes.len() == usize::try_from(int(&oracle["live_delete_files"], "n")).unwrap() {
        same("delete_bytes", int(&oracle["live_delete_files"], "sum"));
    }

    let all_deletes = inspect(oracle_directory, "all_delete_files");
    if let Some(all_deletes) = all_deletes {
        let all_deletes = distinct(&all_deletes);
        let all_data = &oracle["all_data_files_distinct"];
        let delete_files: i64 = all_deletes.len().try_into().unwrap();
        same("reachable_files", int(all_data, "n") + delete_files);
        same("reachable_bytes", int(all_data, "bytes") + all_deletes.values().sum::<i64>());
        let dead = &oracle["reachable_but_not_live_data_files"];
        same("data_files", int(all_data, "n") - int(dead, "n"));
        same("data_bytes", int(all_data, "bytes") - int(dead, "bytes"));
    }
    if let Some(manifests) = inspect(oracle_directory, "all_manifests") {
        // Sizes on disk of what pyiceberg names, against sums the reader made while reading.
        let size = |recorded: &Value| {
            let name = recorded.as_str().unwrap().rsplit('/').next().unwrap();
            fs::metadata(metadata.join(name)).map_or(0, |found| i64::try_from(found.len()).unwrap())
        };
        let distinct: BTreeSet<&str> = manifests.iter().map(|row| row["path"].as_str().unwrap()).collect();
        let manifests: i64 = distinct.into_iter().map(|path| size(&Value::from(path))).sum();
        let snapshots = inspect(oracle_directory, "snapshots").unwrap();
        let lists: i64 = snapshots.iter().map(|row| size(&row["manifest_list"])).sum();
        let log = inspect(oracle_directory, "metadata_log_entries").unwrap();
        let files: i64 = log.iter().map(|row| size(&row["file"])).sum();
        // Statistics by the metadata file itself: neither oracle lists them.
        let newest = oracle["metadata_location"].as_str().unwrap().rsplit('/').next().unwrap();
        let statistics: i64 = if newest.contains(".gz.") {
            0
        } else {
            let newest = json(&metadata.join(newest));
            let of = |key: &str| newest[key].as_array().cloned().unwrap_or_default();
            let all = [of("statistics"), of("partition-statistics")].concat();
            all.iter().map(|file| size(&file["statistics-path"])).sum()
        };
        same("metadata_bytes", manifests + lists + files + statistics);
    }

    let text = |what: &str| table[what].as_str();
    assert_eq!(
        text("current_snapshot_id").map(|id| id.parse().unwrap()),
        oracle["current_snapshot_id"].as_i64()
    );
    assert_eq!(text("table_uuid"), oracle["table_uuid"].as_str(), "{name}");
    assert_eq!(text("owner"), oracle["properties"]["owner"].as_str(), "{name}");
    let properties: Value = serde_json::from_str(text("properties").unwrap()).unwrap();
    assert_eq!(properties, oracle["properties"], "{name}");
    let place = below_warehouse(oracle["location"].as_str().unwrap());
    assert_eq!(text("location"), Some(format!("s3://lab-lake/{place}").as_str()), "{name}");
    // Of three directories the first is the catalog; of two, the source's name stands in.
    let catalog = if place.split('/').count() > 2 { "" } else { "lake." };
    assert_eq!(text("table_id"), Some(format!("{catalog}{}", place.replace('/', ".")).as_str()), "{name}");

    let python = inspect(oracle_directory, "snapshots").unwrap();
    compare_snapshots(name, found, &oracle, &python);
    match java["snapshots"].as_array() {
        Some(java) => compare_snapshots(name, found, &oracle, java),
        None => assert_eq!(java["snapshot_count"]["n"].as_i64(), table["snapshots"].as_i64(), "{name}"),
    }
    let partitions = compare_partitions(name, found, &oracle, oracle_directory, &data);
    format!(
        "{name}: {compared} figures, {} snapshots, {partitions} partitions",
        found.of(Dataset::TableSnapshots).len()
    )
}

/// A summary as an object: pyiceberg's `inspect` writes pairs.
fn summary(of: &Value) -> Value {
    match of["summary"].as_array() {
        Some(pairs) => {
            pairs.iter().map(|pair| (pair[0].as_str().unwrap().to_owned(), pair[1].clone())).collect()
        }
        None => of["summary"].clone(),
    }
}

fn compare_snapshots(name: &str, found: &Read, oracle: &Value, wanted: &[Value]) {
    let rows = found.of(Dataset::TableSnapshots);
    assert_eq!(rows.len(), wanted.len(), "{name}");
    let by_id: BTreeMap<&str, &Map<String, Value>> =
        rows.iter().map(|row| (row["snapshot_id"].as_str().unwrap(), row)).collect();
    for want in wanted {
        let id = int(want, "snapshot_id").to_string();
        let row = by_id[id.as_str()];
        let summary = summary(want);
        let count = |key: &str| {
            summary[key].as_str().map_or(Value::Null, |text| Value::from(text.parse::<i64>().unwrap()))
        };
        let app = ["spark.app.id", "app-id", "flink.job-id"].iter().find_map(|key| summary.get(key));
        let app = app.cloned().unwrap_or_default();
        let parent = want["parent_id"].as_i64().map_or(Value::Null, |id| Value::from(id.to_string()));
        let expected = [
            ("committed_at", Value::from(micros(want["committed_at"].as_str().unwrap()))),
            ("operation", want["operation"].clone()),
            ("parent_id", parent),
            ("is_current", Value::from(want["snapshot_id"] == oracle["current_snapshot_id"])),
            ("app_id", app),
            ("added_data_files", count("added-data-files")),
            ("removed_data_files", count("deleted-data-files")),
            ("added_bytes", count("added-files-size")),
            ("removed_bytes", count("removed-files-size")),
            ("added_rows", count("added-records")),
            ("removed_rows", count("deleted-records")),
            ("total_data_files", count("total-data-files")),
            ("total_bytes", count("total-files-size")),
        ];
        for (column, value) in expected {
            assert_eq!(row[column], value, "{name}: {column} of snapshot {id}");
        }
        let mut landed: Map<String, Value> = serde_json::from_str(row["summary"].as_str().unwrap()).unwrap();
        landed.remove("operation");
        assert_eq!(Value::Object(landed), summary, "{name}: summary of snapshot {id}");
    }
    for (reference, want) in oracle["refs"].as_object().unwrap() {
        let row = by_id[int(want, "snapshot-id").to_string().as_str()];
        let names = row["ref_names"].as_str().unwrap();
        assert!(names.split(',').any(|name| name == reference), "{name}: {reference} in {names}");
    }
    let named: usize =
        rows.iter().filter_map(|row| row["ref_names"].as_str()).map(|names| names.split(',').count()).sum();
    assert_eq!(named, oracle["refs"].as_object().unwrap().len(), "{name}");
}

/// Partition figures as a multiset against pyiceberg's `partitions`, and their texts
/// against the directories the writers made.
fn compare_partitions(name: &str, found: &Read, oracle: &Value, directory: &Path, data: &[&Value]) -> usize {
    let rows = found.of(Dataset::TablePartitions);
    let Some(wanted) = inspect(directory, "partitions") else {
        assert!(rows.is_empty(), "{name}");
        return 0;
    };
    let mut wanted: Vec<_> = wanted
        .iter()
        .filter(|row| int(row, "file_count") > 0)
        .map(|row| {
            [
                int(row, "file_count"),
                int(row, "total_data_file_size_in_bytes"),
                int(row, "record_count"),
                int(row, "position_delete_file_count") + int(row, "equality_delete_file_count"),
                int(row, "position_delete_record_count") + int(row, "equality_delete_record_count"),
                row["last_updated_at"].as_str().map_or(-1, micros),
            ]
        })
        .collect();
    let columns =
        ["data_files", "data_bytes", "row_count", "delete_files", "deleted_rows", "last_modified_at"];
    let mut landed: Vec<_> =
        rows.iter().map(|row| columns.map(|column| row[column].as_i64().unwrap_or(-1))).collect();
    wanted.sort_unstable();
    landed.sort_unstable();
    assert_eq!(landed, wanted, "{name}");

    let location = below_warehouse(oracle["location"].as_str().unwrap());
    let within = format!("/{location}/data/");
    let written: Option<BTreeSet<&str>> = data
        .iter()
        .map(|file| {
            let (_, path) = file["file_path"].as_str().unwrap().split_once(&within)?;
            Some(path.rsplit_once('/').map_or("", |(partition, _)| partition))
        })
        .collect();
    // Tables with data outside their location have no such directories.
    if let Some(written) = written {
        let texts: BTreeSet<&str> = rows.iter().map(|row| row["partition"].as_str().unwrap()).collect();
        assert_eq!(texts, written, "{name}");
    }
    rows.len()
}

/// The prefix the samples were written below, as some oracle has it.
fn mapped_to_lab_lake(oracle: &Path) -> SourceOptions {
    let oracle = json(&oracle.join("oracle.json"));
    let location = oracle["location"].as_str().unwrap();
    let prefix = location.strip_suffix(below_warehouse(location)).unwrap().to_owned();
    SourceOptions { location_map: vec![(prefix, "s3://lab-lake/".to_owned())], ..SourceOptions::default() }
}

#[test]
fn tables_of_the_project_add_up_to_what_iceberg_says() {
    for place in ["dse/title_facts", "legacy/rental_v1", "jv/etl/country_day", "jv/v3/upgraded"] {
        let directory = fixture_tables().join(place);
        let options = mapped_to_lab_lake(&directory);
        let store = LocalStore::new(&fixture_tables());
        let plan = plan(KIND, &options, &store);
        assert!(plan.warnings.is_empty(), "{:?}", plan.warnings);
        let unit = plan.units.iter().find(|unit| unit.key.ends_with(place)).unwrap();
        let found = read(KIND, &options, &store, unit).unwrap();
        assert!(found.warnings.is_empty(), "{:?}", found.warnings);
        println!("{}", compare(&directory, &directory.join("metadata"), &found));
    }
}

/// The samples' directory; says so and gives nothing when it is not set.
fn samples() -> Option<PathBuf> {
    let samples = std::env::var_os("LAKELEDGER_SAMPLES").map(PathBuf::from);
    if samples.is_none() {
        // Not `eprintln!`: the test runner swallows that for tests that pass.
        let _ =
            std::io::Write::write_all(&mut std::io::stderr(), b"skipped: LAKELEDGER_SAMPLES is not set\n");
    }
    samples
}

/// The lab's warehouse, against what pyiceberg found there.
#[test]
fn the_tables_of_the_lab_are_what_pyiceberg_found() {
    let lab = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/lab");
    let expected = json(&lab.join("expected/iceberg_tables.json"));
    let expected = expected["tables"].as_object().unwrap();
    let map = vec![("file:/warehouse/".to_owned(), "s3://lab-lake/".to_owned())];
    let options = SourceOptions { location_map: map, ..SourceOptions::default() };
    let store = LocalStore::new(&lab.join("exports/warehouse"));
    let plan = plan(KIND, &options, &store);
    assert!(plan.warnings.is_empty(), "{:?}", plan.warnings);
    assert_eq!(plan.units.len(), expected.len());
    for unit in &plan.units {
        let found = read(KIND, &options, &store, unit).unwrap();
        assert!(found.warnings.is_empty(), "{:?}", found.warnings);
        let table = found.table();
        let name = table["table_id"].as_str().unwrap();
        let want = &expected[name];
        let sum = |parts: &[&str]| parts.iter().map(|part| int(want, part)).sum::<i64>();
        for (column, value) in [
            ("format_version", sum(&["format_version"])),
            ("snapshots", sum(&["snapshots"])),
            ("data_files", sum(&["data_files"])),
            ("data_bytes", sum(&["data_bytes"])),
            ("row_count", sum(&["records_in_data_files"])),
            ("delete_files", sum(&["delete_files"])),
            ("delete_bytes", sum(&["delete_bytes"])),
            ("deleted_rows", sum(&["records_in_delete_files"])),
            ("manifests", sum(&["manifests"])),
            ("reachable_files", sum(&["data_files", "delete_files", "files_only_in_old_snapshots"])),
            ("reachable_bytes", sum(&["data_bytes", "delete_bytes", "bytes_only_in_old_snapshots"])),
        ] {
            assert_eq!(table[column], value, "{name}: {column}");
        }
        assert_eq!(table["current_snapshot_id"], int(want, "current_snapshot_id").to_string());
        let place = want["location"].as_str().unwrap().strip_prefix("file:/warehouse/").unwrap();
        assert_eq!(table["location"], format!("s3://lab-lake/{place}"));
        assert_eq!(
            found.of(Dataset::TablePartitions).len(),
            usize::try_from(int(want, "partitions")).unwrap()
        );
        let snapshots = found.of(Dataset::TableSnapshots);
        for want in want["history"].as_array().unwrap() {
            let id = int(want, "snapshot_id").to_string();
            let row = snapshots.iter().find(|row| row["snapshot_id"] == id.as_str()).unwrap();
            assert_eq!(row["committed_at"], int(want, "timestamp_ms") * 1_000, "{name}");
            assert_eq!(row["app_id"], want["spark_app_id"], "{name}");
            assert_eq!(row["operation"], want["operation"], "{name}");
        }
        println!("{name}: 11 figures, {} snapshots", snapshots.len());
    }
}

/// Every table of the samples, unpacked into one warehouse somewhere else than they were
/// written, and so relocated.
#[test]
fn every_sample_table_adds_up_to_what_iceberg_says() {
    let Some(samples) = samples() else { return };
    let samples = samples.join("tables/iceberg");
    let warehouse = tempfile::tempdir().unwrap();
    let mut oracles: BTreeMap<String, PathBuf> = BTreeMap::new();
    for entry in fs::read_dir(&samples).unwrap() {
        let directory = entry.unwrap().path();
        let archive = directory.join("table.tar.gz");
        if !archive.exists() {
            continue;
        }
        let unpacked = Command::new("tar").arg("-xzf").arg(&archive).arg("-C").arg(warehouse.path()).status();
        assert!(unpacked.unwrap().success());
        let oracle = json(&directory.join("oracle.json"));
        oracles.insert(below_warehouse(oracle["location"].as_str().unwrap()).to_owned(), directory);
    }
    assert_eq!(oracles.len(), 27);
    let options = mapped_to_lab_lake(oracles.values().next().unwrap());
    let store = LocalStore::new(warehouse.path());
    let plan = plan(KIND, &options, &store);
    assert_eq!(plan.units.len(), oracles.len());
    // A metadata file was planted as an orphan, numbered far above the current one.
    let codes: Vec<&str> = plan.warnings.iter().map(|warning| warning.code.as_str()).collect();
    assert_eq!(codes, ["orphan-metadata"], "{:?}", plan.warnings);
    for unit in &plan.units {
        let place =
            unit.key.strip_prefix(warehouse.path().to_str().unwrap()).unwrap().trim_start_matches('/');
        let directory = &oracles[place];
        let oracle = json(&directory.join("oracle.json"));
        let metadata = unit.objects.first().unwrap().file_name();
        assert!(oracle["metadata_location"].as_str().unwrap().ends_with(metadata), "{place}: {metadata}");
        let found = read(KIND, &options, &store, unit);
        if place == "broken/truncated_manifest" {
            let damage = json(&directory.join("damage.json"));
            let cut = damage["truncated"].as_str().unwrap().rsplit('/').next().unwrap();
            match found {
                Err(ReadError::Malformed { what: "manifest", object, .. }) => assert!(object.ends_with(cut)),
                other => panic!("{:?}", other.map(|_| ())),
            }
            println!("{place}: refused");
            continue;
        }
        let found = found.unwrap();
        if place == "broken/lost_files" {
            let damage = json(&directory.join("damage.json"));
            let lost = damage["old_manifest_list_removed"].as_str().unwrap().rsplit('/').next().unwrap();
            assert_eq!(found.warnings.len(), 1);
            assert_eq!(found.warnings[0].code, "lost-manifest-list");
            assert!(found.warnings[0].object.ends_with(lost) && found.warnings[0].skipped);
            // Appends only: the later snapshots still reach all five files.
            assert_eq!(found.table()["reachable_files"], 5);
            assert_eq!(found.table()["reachable_bytes"], 37_885);
        } else {
            assert!(found.warnings.is_empty(), "{place}: {:?}", found.warnings);
        }
        println!("{}", compare(directory, &warehouse.path().join(place).join("metadata"), &found));
    }
}
