//! Manifest lists and manifests: Avro files, of which only the fields below are kept.
//!
//! Fields are found by name, as every writer spells them; the rest (column bounds,
//! mostly) is passed over without being built. An entry is streamed, never a whole file.

use std::fmt;
use std::io::Read;

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor};

use super::avro::{self, Cell, Name, Tuple, skip};

/// One manifest, as a manifest list names it.
#[derive(Clone, Debug, PartialEq)]
pub struct ManifestFile {
    /// Where it was written.
    pub path: String,
    /// Size in bytes; unknown where version 1 lists manifests in the metadata.
    pub length: Option<i64>,
    /// Partition spec of its files.
    pub spec_id: Option<i64>,
    /// Snapshot its entries belong to where they name none.
    pub added_snapshot_id: Option<i64>,
    /// Whether it is encrypted.
    pub encrypted: bool,
}

/// What an entry is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// Rows.
    Data,
    /// Position deletes (deletion vectors included) or equality deletes.
    Deletes,
}

/// One file of a manifest.
#[derive(Clone, Debug, PartialEq)]
pub struct ManifestEntry {
    /// Whether the manifest holds the file: false for a tombstone.
    pub live: bool,
    /// Snapshot that added (or deleted) it; inherited from the manifest when null.
    pub snapshot_id: Option<i64>,
    /// Data or deletes.
    pub content: Content,
    /// Where it was written.
    pub path: String,
    /// The partition tuple, in the order of the spec.
    pub partition: Vec<Cell>,
    /// Rows, or deleted rows.
    pub records: i64,
    /// Size in bytes.
    pub bytes: i64,
}

/// Reads a manifest list; returns its manifests and its size in bytes.
///
/// # Errors
/// What is wrong, in one line.
pub fn read_list(from: impl Read) -> Result<(Vec<ManifestFile>, u64), String> {
    let mut manifests = Vec::new();
    let bytes = avro::read(from, |manifest: ManifestFile, _| {
        manifests.push(manifest);
        Ok(())
    })?;
    Ok((manifests, bytes))
}

/// Reads a manifest of `length` bytes, handing on every entry with the partition spec its
/// header names (which is all there is where version 1 keeps no list); returns its size
/// in bytes.
///
/// # Errors
/// What is wrong, in one line; entries may have been handed on before.
pub fn read_manifest(
    from: impl Read,
    length: Option<i64>,
    each: impl FnMut(ManifestEntry, Option<i64>) -> Result<(), String>,
) -> Result<u64, String> {
    let bytes = avro::read(from, each)?;
    // Avro takes an end between two blocks for the end: only the length tells.
    match length.map(u64::try_from) {
        Some(Ok(length)) if bytes < length => Err(format!("it ends after {bytes} of {length} bytes")),
        _ => Ok(bytes),
    }
}

impl<'de> Deserialize<'de> for ManifestFile {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = ManifestFile;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a manifest of a manifest list")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ManifestFile, A::Error> {
                let mut path = None;
                let (mut length, mut spec_id, mut added_snapshot_id) = (None, None, None);
                let mut encrypted = false;
                while let Some(Name(name)) = map.next_key()? {
                    match name.as_str() {
                        "manifest_path" => path = map.next_value::<Cell>()?.text(),
                        "manifest_length" => length = map.next_value::<Cell>()?.int(),
                        "partition_spec_id" => spec_id = map.next_value::<Cell>()?.int(),
                        "added_snapshot_id" => added_snapshot_id = map.next_value::<Cell>()?.int(),
                        "key_metadata" => encrypted = map.next_value::<Cell>()? != Cell::Null,
                        _ => skip(&mut map)?,
                    }
                }
                let path = path.ok_or_else(|| A::Error::custom("no manifest_path"))?;
                Ok(ManifestFile { path, length, spec_id, added_snapshot_id, encrypted })
            }
        }
        from.deserialize_map(Fields)
    }
}

impl<'de> Deserialize<'de> for ManifestEntry {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = ManifestEntry;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an entry of a manifest")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ManifestEntry, A::Error> {
                let (mut status, mut snapshot_id, mut file) = (None, None, None);
                while let Some(Name(name)) = map.next_key()? {
                    match name.as_str() {
                        "status" => status = map.next_value::<Cell>()?.int(),
                        "snapshot_id" => snapshot_id = map.next_value::<Cell>()?.int(),
                        "data_file" => file = Some(map.next_value::<DataFile>()?),
                        _ => skip(&mut map)?,
                    }
                }
                let status = status.ok_or_else(|| A::Error::custom("no status"))?;
                if !(0..=2).contains(&status) {
                    return Err(A::Error::custom(format!("status {status} is not known")));
                }
                let file = file.ok_or_else(|| A::Error::custom("no data_file"))?;
                Ok(ManifestEntry {
                    live: status != 2,
                    snapshot_id,
                    content: file.content,
                    path: file.path,
                    partition: file.partition,
                    records: file.records,
                    bytes: file.bytes,
                })
            }
        }
        from.deserialize_map(Fields)
    }
}

struct DataFile {
    content: Content,
    path: String,
    partition: Vec<Cell>,
    records: i64,
    bytes: i64,
}

impl<'de> Deserialize<'de> for DataFile {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = DataFile;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a file of a manifest")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<DataFile, A::Error> {
                // Version 1 has no delete files and no such field.
                let mut content = 0;
                let (mut path, mut records, mut bytes) = (None, None, None);
                let mut partition = Vec::new();
                while let Some(Name(name)) = map.next_key()? {
                    match name.as_str() {
                        "content" => content = map.next_value::<Cell>()?.int().unwrap_or(0),
                        "file_path" => path = map.next_value::<Cell>()?.text(),
                        "partition" => partition = map.next_value::<Tuple>()?.0,
                        "record_count" => records = map.next_value::<Cell>()?.int(),
                        "file_size_in_bytes" => bytes = map.next_value::<Cell>()?.int(),
                        _ => skip(&mut map)?,
                    }
                }
                let content = match content {
                    0 => Content::Data,
                    1 | 2 => Content::Deletes,
                    other => return Err(A::Error::custom(format!("content {other} is not known"))),
                };
                let count = |name: &str, value: Option<i64>| match value {
                    Some(value) if value >= 0 => Ok(value),
                    Some(value) => Err(A::Error::custom(format!("{name} is {value}"))),
                    None => Err(A::Error::custom(format!("no {name}"))),
                };
                Ok(DataFile {
                    content,
                    path: path.ok_or_else(|| A::Error::custom("no file_path"))?,
                    partition,
                    records: count("record_count", records)?,
                    bytes: count("file_size_in_bytes", bytes)?,
                })
            }
        }
        from.deserialize_map(Fields)
    }
}

#[cfg(test)]
mod tests {
    use apache_avro::types::Value;
    use apache_avro::{Codec, DeflateSettings, Schema, Writer, ZstandardSettings};

    use super::*;

    const SCHEMA: &str = r#"{"type": "record", "name": "manifest_entry", "fields": [
        {"name": "status", "type": "int"},
        {"name": "snapshot_id", "type": ["null", "long"]},
        {"name": "data_file", "type": {"type": "record", "name": "r2", "fields": [
            {"name": "content", "type": "int"},
            {"name": "file_path", "type": "string"},
            {"name": "partition", "type": {"type": "record", "name": "r102", "fields": [
                {"name": "day", "type": ["null", {"type": "int", "logicalType": "date"}]},
                {"name": "price", "type": {"type": "fixed", "name": "f", "size": 2,
                    "logicalType": "decimal", "precision": 4, "scale": 2}}]}},
            {"name": "record_count", "type": "long"},
            {"name": "file_size_in_bytes", "type": "long"},
            {"name": "lower_bounds", "type": {"type": "map", "values": "bytes"}},
            {"name": "sizes", "type": ["null", {"type": "array", "items": "long"}]}]}}]}"#;

    fn entry(status: i32, content: i32, bytes: i64) -> Value {
        let text = |name: &str, value: Value| (name.to_owned(), value);
        let day = Value::Union(1, Box::new(Value::Date(17_501)));
        let price = Value::Decimal(apache_avro::Decimal::from(vec![0xff, 0x85]));
        let partition = Value::Record(vec![text("day", day), text("price", price)]);
        let bounds = Value::Map([("1".to_owned(), Value::Bytes(vec![1; 100]))].into());
        let sizes = Value::Union(1, Box::new(Value::Array(vec![Value::Long(4), Value::Long(5)])));
        let file = Value::Record(vec![
            text("content", Value::Int(content)),
            text("file_path", Value::String("s3://lake/t/<a>.parquet".to_owned())),
            text("partition", partition),
            text("record_count", Value::Long(7)),
            text("file_size_in_bytes", Value::Long(bytes)),
            text("lower_bounds", bounds),
            text("sizes", sizes),
        ]);
        Value::Record(vec![
            text("status", Value::Int(status)),
            text("snapshot_id", Value::Union(0, Box::new(Value::Null))),
            text("data_file", file),
        ])
    }

    fn written(codec: Codec, entries: Vec<Value>) -> Vec<u8> {
        let schema = Schema::parse_str(SCHEMA).unwrap();
        let mut writer = Writer::with_codec(&schema, Vec::new(), codec).unwrap();
        for entry in entries {
            writer.append_value(entry).unwrap();
        }
        writer.into_inner().unwrap()
    }

    fn read(bytes: &[u8]) -> Result<Vec<ManifestEntry>, String> {
        let mut entries = Vec::new();
        read_manifest(bytes, None, |entry, _| {
            entries.push(entry);
            Ok(())
        })?;
        Ok(entries)
    }

    #[test]
    fn every_codec_of_iceberg_is_read() {
        let deflate = Codec::Deflate(DeflateSettings::default());
        let zstd = Codec::Zstandard(ZstandardSettings::default());
        for codec in [Codec::Null, deflate, Codec::Snappy, zstd] {
            let bytes = written(codec, vec![entry(0, 1, 9), entry(2, 0, 8)]);
            let entries = read(&bytes).unwrap();
            let deletes = ManifestEntry {
                live: true,
                snapshot_id: None,
                content: Content::Deletes,
                path: "s3://lake/t/<a>.parquet".to_owned(),
                partition: vec![Cell::Int(17_501), Cell::Bytes(vec![0xff, 0x85])],
                records: 7,
                bytes: 9,
            };
            assert_eq!(entries[0], deletes, "{codec:?}");
            assert_eq!((entries[1].live, entries[1].content, entries.len()), (false, Content::Data, 2));
        }
    }

    #[test]
    fn impossible_entries_are_refused() {
        for (entry, words) in [
            (entry(0, 0, -1), "file_size_in_bytes is -1"),
            (entry(3, 0, 1), "status 3 is not known"),
            (entry(0, 9, 1), "content 9 is not known"),
        ] {
            let fault = read(&written(Codec::Null, vec![entry])).unwrap_err();
            assert!(fault.contains(words), "{fault}");
        }
    }

    #[test]
    fn a_schema_that_contains_itself_is_refused() {
        let schema = r#"{"type": "record", "name": "r", "fields": [{"name": "again", "type": "r"}]}"#;
        let mut bytes = b"Obj\x01".to_vec();
        // One pair of a map: key and value with their lengths as zigzag varints.
        bytes.extend([2, 22]);
        bytes.extend(b"avro.schema");
        let length = u8::try_from(schema.len()).unwrap();
        bytes.extend([(length << 1) | 0x80, length >> 6]);
        bytes.extend(schema.as_bytes());
        bytes.push(0);
        bytes.extend([7; 16]);
        bytes.extend([2, 0]);
        bytes.extend([7; 16]);
        let fault = read(&bytes).unwrap_err();
        assert!(fault.contains("contains itself"), "{fault}");
    }
}
