//! The manifest of a delivery.

use model::time::{Instant, from_epoch_ms};
use serde::Deserialize;
use serde_json::Value;

/// How the lists are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Csv,
    Parquet,
    Orc,
}

/// What a manifest says that matters.
#[derive(Debug)]
pub(super) struct Manifest {
    /// The bucket that is listed.
    pub bucket: String,
    /// When the listing began: what it lists is as old as this.
    pub created_at: Instant,
    pub format: Format,
    /// Names of the columns of a CSV, which has no header.
    pub columns: Vec<String>,
    /// Keys of the lists in the destination bucket.
    pub files: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawManifest {
    source_bucket: String,
    /// Epoch milliseconds, as a text.
    creation_timestamp: Value,
    file_format: String,
    #[serde(default)]
    file_schema: String,
    files: Vec<RawFile>,
}

#[derive(Deserialize)]
struct RawFile {
    key: String,
}

impl Manifest {
    /// Reads a manifest.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let raw: RawManifest = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        let created = match &raw.creation_timestamp {
            Value::String(text) => text.trim().parse().ok(),
            other => other.as_i64(),
        };
        let created_at = created
            .and_then(from_epoch_ms)
            .ok_or_else(|| format!("`creationTimestamp` {} is no believable time", raw.creation_timestamp))?;
        let format = match raw.file_format.to_ascii_lowercase().as_str() {
            "csv" => Format::Csv,
            "parquet" => Format::Parquet,
            "orc" => Format::Orc,
            other => return Err(format!("`{other}` is no format of inventories")),
        };
        if raw.source_bucket.is_empty() || raw.source_bucket.contains(['/', '\0']) {
            return Err("`sourceBucket` is no name of a bucket".to_owned());
        }
        let columns = match format {
            Format::Csv => raw.file_schema.split(',').map(|name| name.trim().to_owned()).collect(),
            Format::Parquet | Format::Orc => Vec::new(),
        };
        let files = raw.files.into_iter().map(|file| file.key).collect();
        Ok(Self { bucket: raw.source_bucket, created_at, format, columns, files })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_manifest_is_told() {
        let whole = r#"{"sourceBucket":"media","creationTimestamp":"1514944800000","fileFormat":"CSV","fileSchema":"Bucket, Key, Size","files":[{"key":"a/b.csv.gz"}]}"#;
        let manifest = Manifest::parse(whole.as_bytes()).unwrap();
        assert_eq!(manifest.created_at, "2018-01-03T02:00:00Z".parse::<Instant>().unwrap());
        assert_eq!(manifest.columns, ["Bucket", "Key", "Size"]);
        for (from, to, want) in [
            ("1514944800000", "soon", "no believable time"),
            ("CSV", "XML", "no format"),
            ("media", "a/../b", "no name of a bucket"),
            ("\"files\"", "\"fils\"", "missing field"),
        ] {
            let fault = Manifest::parse(whole.replace(from, to).as_bytes()).unwrap_err();
            assert!(fault.contains(want), "{fault}");
        }
    }
}
