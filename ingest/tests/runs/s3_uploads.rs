//! Incomplete multipart uploads, as the CLI prints them, and files that are broken.

use model::landed::Dataset;
use serde_json::{Value, json};

use crate::frames::Row;
use crate::support::{Landed, read, write};

const KIND: &str = "s3-uploads";

fn read_files(files: &[(&str, String)]) -> Landed {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in files {
        write(directory.path(), name, text);
    }
    read(KIND, directory.path())
}

/// As the example of `aws s3api list-multipart-uploads` in the CLI's reference prints it.
fn listing() -> Value {
    json!({
        "Bucket": "media-lake",
        "Uploads": [{
            "Initiator": {"DisplayName": "svc-ingest", "ID": "arn:aws:iam::123456789012:user/svc-ingest"},
            "Initiated": "2026-09-05T18:29:34.000Z", "UploadId": "dfRtDYU0", "StorageClass": "STANDARD",
            "Key": "raw/encodes/part.mp4", "Owner": {"DisplayName": "x", "ID": "y"},
        }, {
            "Initiated": "2026-10-01T00:00:00+02:00", "UploadId": "other", "Key": "raw/encodes/part.mp4",
        }],
        "CommonPrefixes": [],
    })
}

fn parts(id: &str, sizes: &[i64]) -> Value {
    let parts = sizes.iter().map(|size| json!({"PartNumber": 1, "Size": size, "ETag": "\"x\""}));
    json!({"Bucket": "media-lake", "Key": "raw/encodes/part.mp4", "UploadId": id, "Parts": parts.collect::<Vec<_>>()})
}

#[test]
fn uploads_have_the_bytes_their_parts_say() {
    let landed = read_files(&[
        ("2026-10-05/uploads.json", serde_json::to_string_pretty(&listing()).unwrap()),
        (
            "2026-10-05/parts.jsonl",
            format!("{}\n{}\n", parts("dfRtDYU0", &[5_242_880, 1]), parts("dfRtDYU0", &[7])),
        ),
    ]);
    let rows = landed.rows(Dataset::Uploads);
    let by_id = |id: &str| -> &Row { rows.iter().find(|row| row["upload_id"] == id).unwrap() };
    for (key, want) in [
        ("bucket", json!("media-lake")),
        ("key", json!("raw/encodes/part.mp4")),
        ("initiated_at", json!(1_788_632_974_000_i64)),
        ("collected_at", json!(1_791_158_400_000_i64)),
        ("storage_class", json!("STANDARD")),
        ("initiator", json!("svc-ingest")),
        ("bytes", json!(5_242_888)),
        ("period", json!("2026-10-05")),
    ] {
        assert_eq!(by_id("dfRtDYU0")[key], want, "{key}");
    }
    assert_eq!((&by_id("other")["bytes"], &by_id("other")["initiator"]), (&Value::Null, &Value::Null));
    assert_eq!((rows.len(), landed.codes()), (2, vec![]));
}

#[test]
fn a_listing_without_bucket_is_of_the_one_its_file_names() {
    let mut unnamed = listing();
    unnamed.as_object_mut().unwrap().remove("Bucket");
    unnamed["IsTruncated"] = json!(true);
    let landed = read_files(&[("2026-10-05/media.lake.json", unnamed.to_string())]);
    assert_eq!(landed.rows(Dataset::Uploads)[0]["bucket"], json!("media.lake"));
    assert_eq!(landed.codes(), [("truncated-listing", 1)]);
}

#[test]
fn listings_of_several_days_are_collections_and_pages_count_once() {
    let landed = read_files(&[
        ("media-2026-10-05.json", listing().to_string()),
        ("media-2026-10-06.json", format!("{}\n{}\n", listing(), listing())),
    ]);
    let days: Vec<_> = landed.rows(Dataset::Uploads).iter().map(|row| row["period"].clone()).collect();
    assert_eq!(days, ["2026-10-05", "2026-10-05", "2026-10-06", "2026-10-06"].map(|day| json!(day)));
}

#[test]
fn a_bucket_that_has_none_any_more_is_told() {
    // Page by page, and as the command prints it where it follows the pages itself.
    let none = json!({"Bucket": "media-lake", "MaxUploads": 1000, "IsTruncated": false});
    let landed = read_files(&[
        ("2026-10-05/a.json", format!("{}\n{none}\n", listing())),
        ("2026-10-06/a.json", none.to_string()),
        ("2026-10-07/media-lake.json", json!({"RequestCharged": null, "Prefix": ""}).to_string()),
    ]);
    let rows = landed.rows(Dataset::Uploads);
    let told = rows.iter().map(|row| format!("{} {} {}", row["period"], row["bucket"], row["upload_id"]));
    let mut told: Vec<String> = told.collect();
    told.sort();
    assert_eq!(
        told.join("; ").replace('"', ""),
        "2026-10-05 media-lake dfRtDYU0; 2026-10-05 media-lake other; 2026-10-06 media-lake null; \
         2026-10-07 media-lake null"
    );
    assert_eq!(landed.codes(), []);
}

#[test]
fn broken_listings_are_named() {
    let whole = listing().to_string();
    for (text, want) in [
        (&whole[..whole.len() / 2], "2026-10-05/a.json"),
        ("{\"Uploads\": [{\"Key\": 5}]}", "a.json:1"),
        ("{\"Uploads\": {}}", "a.json:1"),
        ("key,upload\n", "not JSON"),
    ] {
        let landed = read_files(&[("2026-10-05/a.json", text.to_owned())]);
        assert!(landed.errors.values().any(|error| error.contains(want)), "{want}: {:?}", landed.errors);
    }
    assert_eq!(read_files(&[("2026-10-05/a.json", "{}".to_owned())]).codes(), [("no-uploads", 1)]);
    let mut wild = listing();
    wild["Uploads"][0]["Initiated"] = json!("never");
    wild["Uploads"][1]["Key"] = json!("<b>\u{0}../../x");
    let landed = read_files(&[
        ("2026-10-05/a.json", wild.to_string()),
        ("2026-10-05/b.json", parts("other", &[i64::MAX, i64::MAX, -4]).to_string()),
    ]);
    let rows = landed.rows(Dataset::Uploads);
    assert_eq!(
        (rows.len(), &rows[0]["bytes"], &rows[0]["key"]),
        (1, &json!(i64::MAX), &json!("<b> ../../x"))
    );
    assert_eq!(landed.codes(), [("bad-time", 1)]);
}
