//! Iceberg tables that are damaged, half gone, hostile or oddly placed.

#![expect(clippy::unwrap_used, reason = "a test fails where it unwraps nothing")]
#![expect(clippy::panic, reason = "a table that should be refused fails the test")]

#[path = "support/files.rs"]
mod files;
mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use files::copy;
use ingest::source::{Plan, ReadError, SourceOptions};
use ingest::store::LocalStore;
use model::landed::Dataset;
use serde_json::{Value, json};
use support::{Read, fixture_tables, plan, read};
use tempfile::TempDir;

const KIND: &str = "iceberg";

/// Reads a location that holds one table.
fn read_one(kind: &str, options: &SourceOptions, store: &LocalStore) -> Result<Read, ReadError> {
    let plan = plan(kind, options, store);
    assert_eq!(plan.units.len(), 1, "{:?}", plan.units);
    read(kind, options, store, &plan.units[0])
}

/// A copy of a table of the project, to be damaged.
struct Copy {
    directory: TempDir,
    table: PathBuf,
}

impl Copy {
    fn of(place: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let table = directory.path().join(place);
        copy(&fixture_tables().join(place), &table);
        Self { directory, table }
    }

    fn read(&self) -> Result<Read, ReadError> {
        read_one(KIND, &SourceOptions::default(), &LocalStore::new(&self.table))
    }

    /// The current metadata file and its content.
    fn metadata(&self) -> (PathBuf, Value) {
        let store = LocalStore::new(&self.table);
        let plan = plan(KIND, &SourceOptions::default(), &store);
        let path = PathBuf::from(&plan.units[0].objects[0].uri);
        let content = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        (path, content)
    }

    fn beside(&self, recorded: &Value) -> PathBuf {
        self.table.join("metadata").join(recorded.as_str().unwrap().rsplit('/').next().unwrap())
    }

    /// The manifest list of the current snapshot, or of the oldest.
    fn list(&self, current: bool) -> PathBuf {
        let (_, metadata) = self.metadata();
        let snapshots = metadata["snapshots"].as_array().unwrap();
        let is_current = |snapshot: &&Value| snapshot["snapshot-id"] == metadata["current-snapshot-id"];
        let found = snapshots.iter().find(|snapshot| is_current(snapshot) == current).unwrap();
        self.beside(&found["manifest-list"])
    }

    /// Some manifest, which only old snapshots list where `current` is false.
    fn manifest(&self, current: bool) -> PathBuf {
        let listed = fs::read(self.list(true)).unwrap();
        let manifests =
            apache_avro::Reader::new(&listed[..]).unwrap().map(|value| format!("{:?}", value.unwrap()));
        let current_list = manifests.collect::<String>();
        let mut manifests: Vec<PathBuf> =
            fs::read_dir(self.table.join("metadata")).unwrap().map(|entry| entry.unwrap().path()).collect();
        manifests.sort();
        manifests
            .into_iter()
            .find(|path| {
                let name = path.file_name().unwrap().to_str().unwrap();
                name.contains("-m") && name.ends_with(".avro") && current_list.contains(name) == current
            })
            .unwrap()
    }
}

fn refused(found: Result<Read, ReadError>, what: &str, file: &Path, words: &str) {
    match found {
        Err(ReadError::Malformed { what: found, object, fault, hint }) => {
            assert_eq!(found, what);
            assert!(object.ends_with(file.file_name().unwrap().to_str().unwrap()), "{object}");
            assert!(fault.contains(words), "{fault}");
            assert!(hint.is_some() || what == "table metadata");
        }
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("{what} was read"),
    }
}

#[test]
fn a_manifest_cut_short_refuses_the_table() {
    let copy = Copy::of("legacy/rental_v1");
    let manifest = copy.manifest(true);
    let whole = fs::read(&manifest).unwrap();
    fs::write(&manifest, &whole[..whole.len() * 6 / 10]).unwrap();
    refused(copy.read(), "manifest", &manifest, "");
    // Cut where a block ends, the file is a valid shorter one: only its length betrays it.
    let marker = &whole[whole.len() - 16..];
    let header = whole.windows(16).position(|window| window == marker).unwrap() + 16;
    assert!(header < whole.len());
    fs::write(&manifest, &whole[..header]).unwrap();
    refused(copy.read(), "manifest", &manifest, "it ends after");
    fs::write(&manifest, b"").unwrap();
    refused(copy.read(), "manifest", &manifest, "it is empty");
    fs::write(&manifest, b"PAR1 this is no manifest").unwrap();
    refused(copy.read(), "manifest", &manifest, "magic");
    fs::write(&manifest, whole).unwrap();
    assert_eq!(copy.read().unwrap().table()["data_files"], 42);
}

#[test]
fn a_lost_list_or_manifest_of_an_old_snapshot_is_a_warning() {
    let whole = Copy::of("jv/etl/country_day").read().unwrap();
    for (code, lose) in [
        ("lost-manifest-list", (|copy| copy.list(false)) as fn(&Copy) -> PathBuf),
        ("lost-manifest", |copy| copy.manifest(false)),
    ] {
        let copy = Copy::of("jv/etl/country_day");
        let lost = lose(&copy);
        fs::remove_file(&lost).unwrap();
        let found = copy.read().unwrap();
        assert_eq!(found.warnings.len(), 1, "{:?}", found.warnings);
        assert_eq!(found.warnings[0].code, code);
        assert!(found.warnings[0].object.ends_with(lost.file_name().unwrap().to_str().unwrap()));
        assert!(found.warnings[0].skipped);
        for figure in ["data_files", "data_bytes", "row_count", "snapshots", "manifests"] {
            assert_eq!(found.table()[figure], whole.table()[figure], "{figure}");
        }
        // Four overwrites of one file each. The first snapshot's list alone leads to its
        // file; the manifest that is lost may hold a tombstone only.
        let reachable = found.table()["reachable_files"].as_i64().unwrap();
        assert_eq!(whole.table()["reachable_files"], 4);
        assert!(reachable == 3 || code == "lost-manifest" && reachable == 4, "{reachable}");
        assert_eq!(found.of(Dataset::TableSnapshots).len(), whole.of(Dataset::TableSnapshots).len());
    }
}

#[test]
fn a_lost_list_or_manifest_of_the_current_snapshot_refuses_the_table() {
    for lose in [(|copy| copy.list(true)) as fn(&Copy) -> PathBuf, |copy| copy.manifest(true)] {
        let copy = Copy::of("jv/etl/country_day");
        let lost = lose(&copy);
        fs::remove_file(&lost).unwrap();
        match copy.read() {
            Err(ReadError::Store(error)) => {
                assert!(error.is_missing());
                assert!(error.hint.unwrap().contains("location_map"));
                assert!(error.uri.ends_with(lost.file_name().unwrap().to_str().unwrap()), "{}", error.uri);
            }
            other => panic!("{:?}", other.map(|_| ())),
        }
    }
}

#[test]
fn an_encrypted_table_is_named_as_such() {
    let copy = Copy::of("dse/title_facts");
    let list = copy.list(true);
    fs::write(&list, b"AGS1\0\0\x10\0whatever follows is cipher text").unwrap();
    refused(copy.read(), "manifest list", &list, "encrypted");
    let (path, mut metadata) = copy.metadata();
    metadata["snapshots"][0]["key-id"] = json!("k-1");
    fs::write(path, metadata.to_string()).unwrap();
    refused(copy.read(), "manifest list", &list, "`k-1`");
}

/// Version 1 as it began: manifests in the metadata, no lists. The oracle's figures stay.
#[test]
fn manifests_listed_in_the_metadata_are_read() {
    let copy = Copy::of("legacy/rental_v1");
    let listed = fs::read(copy.list(true)).unwrap();
    let paths: Vec<String> = apache_avro::Reader::new(&listed[..])
        .unwrap()
        .map(|value| match value.unwrap() {
            apache_avro::types::Value::Record(fields) => match &fields[0] {
                (name, apache_avro::types::Value::String(path)) if name == "manifest_path" => path.clone(),
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        })
        .collect();
    let (path, mut metadata) = copy.metadata();
    let current = metadata["current-snapshot-id"].clone();
    metadata["snapshots"] =
        json!([{ "snapshot-id": current, "timestamp-ms": 1_795_165_687_862_i64, "manifests": paths }]);
    fs::write(path, metadata.to_string()).unwrap();
    let found = copy.read().unwrap();
    let oracle: Value = serde_json::from_slice(&fs::read(copy.table.join("oracle.json")).unwrap()).unwrap();
    let table = found.table();
    assert_eq!(table["data_files"], oracle["live_data_files"]["n"]);
    assert_eq!(table["data_bytes"], oracle["live_data_files"]["sum"]);
    assert_eq!(table["row_count"], oracle["live_records"]);
    assert_eq!(table["manifests"], oracle["manifests"]["n"]);
    assert_eq!(table["manifest_bytes"], oracle["manifests"]["bytes"]);
    assert_eq!(found.of(Dataset::TablePartitions).len(), 7);
}

fn minimal() -> Value {
    json!({
        "format-version": 2, "table-uuid": "u", "location": "s3://lake/ns/t", "last-updated-ms": 1_795_165_687_862_i64,
        "current-schema-id": 0, "default-spec-id": 0, "default-sort-order-id": 0, "current-snapshot-id": null,
        "schemas": [{ "schema-id": 0, "type": "struct", "fields": [
            { "id": 1, "name": "id", "required": true, "type": "long" },
            { "id": 2, "name": "<script>alert(1)</script>", "type": { "type": "list", "element-id": 3, "element": "string" } },
            { "id": 4, "name": "at", "type": { "type": "struct", "fields": [
                { "id": 5, "name": "day", "required": false, "type": "date" }] } },
        ] }],
        "partition-specs": [{ "spec-id": 0, "fields": [
            { "source-id": 5, "field-id": 1000, "name": "at.day_month", "transform": "month" },
            { "source-id": 1, "field-id": 1001, "name": "id_bucket", "transform": "bucket[16]" },
            { "source-id": 1, "field-id": 1002, "name": "gone", "transform": "void" },
        ] }],
        "sort-orders": [{ "order-id": 0, "fields": [] }],
    })
}

fn written(metadata: &[u8]) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir_all(directory.path().join("ns/t/metadata")).unwrap();
    fs::write(directory.path().join("ns/t/metadata/00000-a.metadata.json"), metadata).unwrap();
    directory
}

fn read_written(metadata: &[u8]) -> Result<Read, ReadError> {
    read_one(KIND, &SourceOptions::default(), &LocalStore::new(written(metadata).path()))
}

#[test]
fn a_table_never_written_has_a_row_of_zeros() {
    let found = read_written(minimal().to_string().as_bytes()).unwrap();
    let table = found.table();
    assert_eq!(table["table_id"], "lake.ns.t");
    assert_eq!(table["current_snapshot_id"], Value::Null);
    for figure in
        ["data_files", "data_bytes", "row_count", "snapshots", "manifests", "reachable_files", "delete_files"]
    {
        assert_eq!(table[figure], 0, "{figure}");
    }
    assert_eq!(table["metadata_bytes"], minimal().to_string().len());
    assert_eq!(table["target_file_bytes"], 536_870_912);
    assert_eq!(table["partition_spec"], "months(at.day), bucket(16, id)");
    assert_eq!(table["sort_order"], "");
    let schema: Value = serde_json::from_str(table["schema_json"].as_str().unwrap()).unwrap();
    let want = json!([
        { "name": "id", "type": "long", "required": true },
        { "name": "<script>alert(1)</script>", "type": "list<string>", "required": false },
        { "name": "at", "type": "struct<day: date>", "required": false },
    ]);
    assert_eq!(schema, want);
    assert!(found.of(Dataset::TablePartitions).is_empty() && found.of(Dataset::TableSnapshots).is_empty());
}

#[test]
fn schemas_of_one_shape_have_one_hash() {
    let hash = |metadata: &Value| {
        read_written(metadata.to_string().as_bytes()).unwrap().table()["schema_hash"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let mut other = minimal();
    other["schemas"][0]["fields"].as_array_mut().unwrap().reverse();
    other["schemas"][0]["fields"][0]["id"] = json!(99);
    assert_eq!(hash(&minimal()), hash(&other));
    other["schemas"][0]["fields"][2]["type"] = json!("int");
    assert_ne!(hash(&minimal()), hash(&other));
    assert_eq!(hash(&other).len(), 16);
}

#[test]
fn unusable_metadata_is_refused_with_its_fault() {
    let changed = |key: &str, value: Value| {
        let mut metadata = minimal();
        metadata[key] = value;
        metadata.to_string().into_bytes()
    };
    let whole = minimal().to_string().into_bytes();
    let cases: [(&str, Vec<u8>, &str); 8] = [
        ("empty", Vec::new(), "EOF"),
        ("truncated", whole[..whole.len() / 2].to_vec(), "EOF"),
        ("another type", b"[1, 2]".to_vec(), "invalid type"),
        ("no version", b"{}".to_vec(), "format-version"),
        ("a version to come", changed("format-version", json!(9)), "format version 9 is not known"),
        (
            "a current snapshot that is not there",
            changed("current-snapshot-id", json!(7)),
            "current snapshot 7",
        ),
        ("a number too big", changed("current-snapshot-id", json!(1e300)), "invalid type"),
        ("half a gzip", vec![0x1f, 0x8b, 8, 0, 0], "gzip"),
    ];
    for (what, bytes, words) in cases {
        refused(read_written(&bytes), "table metadata", Path::new("00000-a.metadata.json"), words);
        let _ = what;
    }
}

#[test]
fn odd_but_usable_metadata_is_read() {
    let mut metadata = minimal();
    metadata["snapshots"] = Value::Null;
    metadata["refs"] = Value::Null;
    metadata["properties"] = json!({ "owner": "<b>me</b>", "write.target-file-size-bytes": "-5", "n": 3 });
    metadata["unknown-field"] = json!({ "deep": [1, 2, { "er": null }] });
    let found = read_written(metadata.to_string().as_bytes()).unwrap();
    assert_eq!(found.table()["owner"], "<b>me</b>");
    assert_eq!(found.table()["target_file_bytes"], 536_870_912);
    assert_eq!(found.table()["properties"], metadata["properties"].to_string());

    // A time out of this world costs the snapshot's row, not the table.
    metadata["snapshots"] = json!([{ "snapshot-id": 1, "timestamp-ms": i64::MAX, "manifests": [] }]);
    metadata["current-snapshot-id"] = json!(1);
    let found = read_written(metadata.to_string().as_bytes()).unwrap();
    assert_eq!(found.table()["snapshots"], 1);
    assert!(found.of(Dataset::TableSnapshots).is_empty());
    assert_eq!(found.warnings[0].code, "snapshot-time");
    assert!(found.warnings[0].skipped);
}

#[test]
fn a_view_lands_nothing() {
    let view = br#"{"view-uuid": "v", "format-version": 1, "location": "s3://lake/ns/v", "schemas": [], "versions": []}"#;
    let found = read_written(view).unwrap();
    assert!(found.rows.is_empty());
    assert_eq!(found.warnings[0].code, "iceberg-view");
    assert!(!found.warnings[0].skipped);
}

fn place(directory: &Path, files: &[(&str, &str)]) {
    for (index, (name, content)) in files.iter().enumerate() {
        let path = directory.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000 + index as u64 * 60);
        fs::File::options().write(true).open(path).unwrap().set_modified(at).unwrap();
    }
}

fn planned(files: &[(&str, &str)]) -> (TempDir, Plan) {
    let directory = tempfile::tempdir().unwrap();
    place(directory.path(), files);
    let plan = plan(KIND, &SourceOptions::default(), &LocalStore::new(directory.path()));
    (directory, plan)
}

fn current(files: &[(&str, &str)]) -> (String, Vec<String>) {
    let (_directory, plan) = planned(files);
    assert_eq!(plan.units.len(), 1, "{plan:?}");
    let codes = plan.warnings.into_iter().map(|warning| warning.code).collect();
    (plan.units[0].objects[0].file_name().to_owned(), codes)
}

#[test]
fn the_current_metadata_file_is_found() {
    let old = r#"{"format-version": 2, "last-updated-ms": 1700000000000}"#;
    let new = r#"{"format-version": 2, "last-updated-ms": 1700000009000}"#;
    // Hadoop tables: the hint, then an unbroken row above it.
    let versions = |hint: &'static str| {
        current(&[
            ("t/metadata/v1.metadata.json", old),
            ("t/metadata/v2.gz.metadata.json", old),
            ("t/metadata/v3.metadata.json", new),
            ("t/metadata/v5.metadata.json", old),
            ("t/metadata/version-hint.text", hint),
        ])
    };
    assert_eq!(versions("2"), ("v3.metadata.json".to_owned(), vec![]));
    assert_eq!(versions("5\n"), ("v5.metadata.json".to_owned(), vec![]));
    assert_eq!(
        versions("9"),
        ("v3.metadata.json".to_owned(), vec!["version-hint".to_owned(), "orphan-metadata".to_owned()])
    );
    assert_eq!(versions("garbage \u{fffd}").1[0], "version-hint");
    // Catalog tables: the highest number, by number; the later of equals.
    let highest = current(&[
        ("t/metadata/00009-b.metadata.json", old),
        ("t/metadata/00010-a.metadata.json", old),
        ("t/metadata/00010-z.metadata.json", old),
        ("t/metadata/00010-c.metadata.json", old),
    ]);
    assert_eq!(highest, ("00010-c.metadata.json".to_owned(), vec![]));
    // Above a gap the content decides.
    let gap = |content: &'static str| {
        current(&[("t/metadata/00005-a.metadata.json", old), ("t/metadata/00099-b.metadata.json", content)])
    };
    assert_eq!(gap(new), ("00099-b.metadata.json".to_owned(), vec![]));
    assert_eq!(gap("{}"), ("00005-a.metadata.json".to_owned(), vec!["orphan-metadata".to_owned()]));
    // Names without a number: the latest.
    let unnumbered = current(&[("t/metadata/z.metadata.json", old), ("t/metadata/a.gz.metadata.json", old)]);
    assert_eq!(unnumbered.0, "a.gz.metadata.json");
}

#[test]
fn directories_that_lost_their_metadata_are_named() {
    let (directory, plan) = planned(&[
        ("ns/gone/data/p=1/a.parquet", ""),
        ("ns/lists/metadata/snap-1.avro", ""),
        ("ns/whole/metadata/00000-a.metadata.json", "{}"),
        ("ns/whole/data/a.parquet", ""),
        ("notes/data/readme.txt", ""),
    ]);
    assert_eq!(plan.units.len(), 1);
    let named: Vec<_> =
        plan.warnings.iter().map(|w| (w.code.as_str(), w.object.as_str(), w.skipped)).collect();
    let at = |name: &str| directory.path().join(name).display().to_string();
    let want = [("no-table-metadata", at("ns/lists"), true), ("no-table-metadata", at("ns/gone"), true)];
    let want: Vec<_> =
        want.iter().map(|(code, object, skipped)| (*code, object.as_str(), *skipped)).collect();
    assert_eq!(named, want);
}

#[test]
fn of_two_tables_with_one_name_the_later_is_read() {
    let (_directory, plan) = planned(&[
        ("ads/clicks-0123456789abcdef0123456789abcdef/metadata/00003-a.metadata.json", "{}"),
        ("ads/clicks-ffffffffffffffffffffffffffffffff/metadata/00000-a.metadata.json", "{}"),
    ]);
    assert_eq!(plan.units.len(), 1);
    assert!(plan.units[0].key.contains("ffff"));
    assert_eq!(plan.warnings[0].code, "duplicate-table");
    assert!(plan.warnings[0].object.contains("0123"));
}

#[test]
fn a_commit_changes_the_objects_of_a_unit_but_not_its_key() {
    let copy = Copy::of("jv/v3/upgraded");
    let store = LocalStore::new(&copy.table);
    let before = plan(KIND, &SourceOptions::default(), &store).units.remove(0);
    assert_eq!(before.key, copy.table.display().to_string());
    let next = copy.table.join("metadata/v9.metadata.json");
    fs::copy(copy.table.join("metadata/v8.metadata.json"), next).unwrap();
    let after = plan(KIND, &SourceOptions::default(), &store).units.remove(0);
    assert_eq!(after.key, before.key);
    assert_ne!(after.objects, before.objects);
}

#[test]
fn a_location_may_be_one_file_one_table_or_a_warehouse() {
    let copy = Copy::of("jv/etl/country_day");
    let (file, _) = copy.metadata();
    let namespace = copy.table.parent().unwrap();
    let mut tables = Vec::new();
    let levels = [file.as_path(), &copy.table, namespace, namespace.parent().unwrap(), copy.directory.path()];
    for root in levels {
        let found = read_one(KIND, &SourceOptions::default(), &LocalStore::new(root)).unwrap();
        let table = found.table();
        let named = ["table_id", "catalog", "namespace", "name"]
            .map(|column| table[column].as_str().unwrap().to_owned());
        assert_eq!(table["data_bytes"], 1_754);
        tables.push(named.join(" "));
    }
    let short = "lake.etl.country_day lake etl country_day";
    assert_eq!(tables, [short, short, short, short, "jv.etl.country_day jv etl country_day"]);
}

#[test]
fn the_catalog_and_the_location_come_from_the_configuration() {
    let copy = Copy::of("jv/etl/country_day");
    let warehouse = copy.table.parent().unwrap().parent().unwrap();
    let options = SourceOptions {
        catalog: Some("Prod".to_owned()),
        location_map: vec![(format!("file:{}", warehouse.display()), "s3://lab-lake/".to_owned())],
        ..SourceOptions::default()
    };
    let store = LocalStore::new(warehouse);
    let unit = plan(KIND, &options, &store).units.remove(0);
    let found = read(KIND, &options, &store, &unit).unwrap();
    assert_eq!(found.table()["table_id"], "prod.etl.country_day");
    assert_eq!(found.table()["catalog"], "Prod");
    // Nothing maps what was recorded, so the place it was found at is mapped.
    assert_eq!(found.table()["location"], "s3://lab-lake/etl/country_day");
}
