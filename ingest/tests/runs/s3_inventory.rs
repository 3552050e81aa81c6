//! S3 inventories: one of real files against the sums of its making, as CSV and as
//! Parquet, and deliveries that are late, double, incomplete or hostile.

use std::fs;
use std::io::Write;
use std::path::Path;

use model::landed::Dataset;
use serde_json::{Value, json};

use crate::frames::Row;
use crate::support::{Landed, read, samples, write};

const KIND: &str = "s3-inventory";
/// 2026-11-20T01:00:00Z
const CREATED: i64 = 1_795_136_400_000;

fn total(rows: &[Row], column: &str) -> i64 {
    rows.iter().map(|row| row[column].as_i64().unwrap()).sum()
}

fn gzip(text: &str) -> Vec<u8> {
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(text.as_bytes()).unwrap();
    gz.finish().unwrap()
}

fn manifest(bucket: &str, created: i64, format: &str, keys: &[&str]) -> String {
    let files: Vec<Value> =
        keys.iter().map(|key| json!({"key": key, "size": 1, "MD5checksum": "x"})).collect();
    json!({
        "sourceBucket": bucket, "destinationBucket": "arn:aws:s3:::inv", "version": "2016-11-30",
        "creationTimestamp": created.to_string(), "fileFormat": format,
        "fileSchema": "Bucket, Key, VersionId, IsLatest, IsDeleteMarker, Size, LastModifiedDate, StorageClass",
        "files": files,
    })
    .to_string()
}

/// Writes a delivery of one CSV with these lines: key, version, latest, marker, size, time, class.
fn deliver(root: &Path, bucket: &str, time: &str, created: i64, lines: &str) {
    let key = format!("{bucket}/daily/data/{time}.csv.gz");
    write(root, &key, gzip(lines));
    let manifest = manifest(bucket, created, "CSV", &[&format!("inv/{key}")]);
    write(root, &format!("{bucket}/daily/{time}/manifest.json"), manifest);
}

const LINES: &str = concat!(
    "\"media\",\"growth/signups/data/dt%3D2026-11-01/a.parquet\",\"v1\",\"true\",\"false\",\"200000\",\"2026-11-01T10:00:00.000Z\",\"STANDARD\"\n",
    "\"media\",\"growth/signups/data/dt%3D2026-10-01/b.parquet\",\"v1\",\"true\",\"false\",\"100\",\"2026-10-01T10:00:00.000Z\",\"STANDARD\"\n",
    "\"media\",\"growth/signups/data/dt%3D2026-10-01/b.parquet\",\"v0\",\"false\",\"false\",\"90\",\"2026-09-01T10:00:00.000Z\",\"STANDARD\"\n",
    "\"media\",\"growth/signups/data/c.parquet\",\"v2\",\"true\",\"true\",\"\",\"2026-10-01T11:00:00.000Z\",\"\"\n",
    "\"media\",\"growth/signups/metadata/v1.metadata.json\",\"v1\",\"true\",\"false\",\"3000\",\"2026-11-01T10:00:00.000Z\",\"STANDARD\"\n",
    "\"media\",\"raw/with+space/x.gz\",\"v1\",\"true\",\"false\",\"5\",\"2020-01-01T00:00:00.000Z\",\"GLACIER_IR\"\n",
);

fn read_lines(lines: &str) -> Landed {
    let directory = tempfile::tempdir().unwrap();
    deliver(directory.path(), "media", "2026-11-20T01-00Z", CREATED, lines);
    read(KIND, directory.path())
}

#[test]
fn csv_and_parquet_of_the_same_files_give_the_same_sums() {
    let Some(directory) = samples("runs/s3-inventory") else { return };
    let oracle: Value = serde_json::from_slice(&fs::read(directory.join("oracle.json")).unwrap()).unwrap();
    let mut both = Vec::new();
    for format in ["csv", "parquet"] {
        let landed = read(KIND, &directory.join(format!("lakehouse-dev/daily-{format}")));
        assert!(landed.errors.is_empty() && landed.codes().is_empty(), "{:?}", landed.errors);
        let mut rows = landed.rows(Dataset::Storage);
        assert_eq!(total(&rows, "objects"), oracle["objects"].as_i64().unwrap());
        assert_eq!(total(&rows, "bytes"), oracle["bytes"].as_i64().unwrap());
        assert!(rows.iter().all(|row| row["bucket"] == "lakehouse-dev" && row["collected_at"] == CREATED));
        assert!(rows.iter().all(|row| row["period"] == "2026-11-20"));
        // The table of 2,984 tiny files, as the manifest of the samples counts them.
        let tiny: Vec<Row> = rows
            .iter()
            .filter(|row| row["prefix"] == "ingest/tiny_events/" && row["part"] == "data")
            .cloned()
            .collect();
        assert_eq!(total(&tiny, "objects"), 2984);
        assert_eq!(total(&tiny, "small_objects"), 2984);
        for row in &mut rows {
            row.remove("source_object");
            // The CSV has whole seconds.
            for column in ["oldest_modified_at", "newest_modified_at"] {
                row[column] = json!(row[column].as_i64().unwrap() / 1000);
            }
        }
        both.push(rows);
    }
    assert!(both[0] == both[1]);
    // Side by side they list one bucket twice, and one of them counts.
    let landed = read(KIND, &directory.join("lakehouse-dev"));
    assert_eq!(total(&landed.rows(Dataset::Storage), "objects"), oracle["objects"].as_i64().unwrap());
    assert_eq!(landed.codes(), [("several-inventories", 1)]);
}

#[test]
fn versions_markers_ages_and_parts_are_kept_apart() {
    let rows = read_lines(LINES).rows(Dataset::Storage);
    let find = |prefix: &str, part: &str, band: &str| {
        rows.iter()
            .find(|row| row["prefix"] == prefix && row["part"] == part && row["age_band"] == band)
            .unwrap()
    };
    let numbers = |row: &Row| {
        ["objects", "bytes", "noncurrent_objects", "noncurrent_bytes", "small_objects", "small_bytes"]
            .map(|column| row[column].as_i64().unwrap())
    };
    assert_eq!(numbers(find("growth/signups/", "data", "0-29")), [1, 200_000, 0, 0, 0, 0]);
    // b and the delete marker over c are 49 days old, the older version of b 79.
    assert_eq!(numbers(find("growth/signups/", "data", "30-89")), [1, 100, 2, 90, 1, 100]);
    assert_eq!(numbers(find("growth/signups/", "metadata", "0-29")), [1, 3000, 0, 0, 1, 3000]);
    let raw = find("raw/with space/", "other", "365+");
    assert_eq!(
        (&raw["storage_class"], &raw["oldest_modified_at"]),
        (&json!("GLACIER_IR"), &json!(1_577_836_800_000_i64))
    );
    assert_eq!(rows.len(), 4);
}

#[test]
fn each_day_is_a_collection_and_the_newest_delivery_of_a_day_counts() {
    let directory = tempfile::tempdir().unwrap();
    let line = LINES.lines().next().unwrap();
    deliver(directory.path(), "media", "2026-11-19T01-00Z", CREATED - 86_400_000, line);
    deliver(directory.path(), "media", "2026-11-20T01-00Z", CREATED, line);
    deliver(directory.path(), "media", "2026-11-20T09-00Z", CREATED + 8 * 3_600_000, LINES);
    deliver(directory.path(), "logs", "2026-11-20T01-00Z", CREATED, line);
    let landed = read(KIND, directory.path());
    assert_eq!((landed.units.len(), landed.codes()), (3, vec![]));
    let rows = landed.rows(Dataset::Storage);
    let of = |bucket: &str, day: &str| {
        let rows: Vec<Row> =
            rows.iter().filter(|row| row["bucket"] == bucket && row["period"] == day).cloned().collect();
        total(&rows, "objects")
    };
    assert_eq!((of("media", "2026-11-19"), of("media", "2026-11-20"), of("logs", "2026-11-20")), (1, 4, 1));
}

#[test]
fn what_cannot_be_read_is_named() {
    let case = |files: &[(&str, Vec<u8>)]| {
        let directory = tempfile::tempdir().unwrap();
        for (name, bytes) in files {
            write(directory.path(), name, bytes);
        }
        read(KIND, directory.path())
    };
    let at = "media/daily/2026-11-20T01-00Z/manifest.json";
    let with = |format: &str, keys: &[&str]| manifest("media", CREATED, format, keys).into_bytes();

    let orc = case(&[(at, with("ORC", &["x/a.orc"])), ("data/a.orc", b"ORC".to_vec())]);
    assert!(orc.hints.iter().any(|hint| hint.contains("Parquet")), "{:?}", orc.errors);
    let missing = case(&[(at, with("CSV", &["x/a.csv.gz"]))]);
    assert!(missing.errors.values().any(|error| error.contains("lists `x/a.csv.gz`")));
    let whole = gzip(LINES);
    let cut = case(&[(at, with("CSV", &["x/a.csv.gz"])), ("x/a.csv.gz", whole[..whole.len() - 20].to_vec())]);
    assert!(cut.errors.values().any(|error| error.contains("a.csv.gz:")), "{:?}", cut.errors);
    for bytes in [&b"PAR1"[..], b"", b"PAR1\xff\xff\xff\xffPAR1", &[0; 4096]] {
        let broken = case(&[(at, with("Parquet", &["x/a.parquet"])), ("x/a.parquet", bytes.to_vec())]);
        assert_eq!(broken.errors.len(), 1);
    }
    for (text, want) in
        [("", "corrupt-manifest"), ("[]", "corrupt-manifest"), ("{\"sourceBucket\": 5}", "corrupt-manifest")]
    {
        assert_eq!(case(&[(at, text.as_bytes().to_vec())]).codes(), [(want, 1)]);
    }
    assert_eq!(case(&[("data/a.csv.gz", whole)]).codes(), [("no-manifest", 1)]);
}

#[test]
fn hostile_lines_do_no_harm() {
    let wide = "\"media\",\"a/b\",\"\",\"true\",\"false\",\"9223372036854775807\",\"2026-11-01T10:00:00.000Z\",\"\u{0}<b>\"\n";
    let rows = read_lines(&wide.repeat(3)).rows(Dataset::Storage);
    assert_eq!((&rows[0]["bytes"], &rows[0]["storage_class"]), (&json!(i64::MAX), &json!(" <b>")));
    for (line, want) in [
        ("\"media\",\"a/b\"\n", "2 cells"),
        ("\"media\",\"a/b\",\"\",\"true\",\"false\",\"99999999999999999999\",\"\",\"\"\n", "is no size"),
        ("\"media\",\"a/b\",\"\",\"true\",\"false\",\"many\",\"\",\"\"\n", "is no size"),
    ] {
        let landed = read_lines(line);
        assert!(
            landed.errors.values().any(|error| error.contains(want) && error.contains(":1")),
            "{:?}",
            landed.errors
        );
    }
    let odd = "\"media\",\"../../%00/%2e%2e/\",\"\",\"true\",\"false\",\"-5\",\"never\",\"\"\n";
    let rows = read_lines(odd).rows(Dataset::Storage);
    assert_eq!((rows.len(), &rows[0]["bytes"], &rows[0]["age_band"]), (1, &json!(0), &json!("0-29")));
    assert!(read_lines("").rows(Dataset::Storage).is_empty());
}
