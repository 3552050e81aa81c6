//! The table metadata file: <https://iceberg.apache.org/spec/#table-metadata>, format
//! versions 1 to 3. Only fields that are landed or lead to manifests are kept; unknown
//! ones are passed over, as later minor additions must not stop the reading.

use std::collections::BTreeMap;
use std::io::Read;

use flate2::read::MultiGzDecoder;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// Larger metadata is refused when compressed: a bomb, not a table.
const UNPACKED_LIMIT_BYTES: u64 = 4 << 30;

/// `write.target-file-size-bytes` where a table does not set it.
pub const DEFAULT_TARGET_FILE_BYTES: i64 = 512 << 20;

/// One table's metadata.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct TableMetadata {
    /// 1, 2 or 3.
    pub format_version: i64,
    /// Written by views only, whose metadata has the same file names.
    pub view_uuid: Option<String>,
    /// Null in version 1 tables that were never rewritten.
    pub table_uuid: Option<String>,
    /// Where the table was written: an absolute URI.
    #[serde(default, deserialize_with = "null_as_default")]
    pub location: String,
    /// Time of the last change, epoch milliseconds.
    pub last_updated_ms: Option<i64>,
    schema: Option<Schema>,
    #[serde(default, deserialize_with = "null_as_default")]
    schemas: Vec<Schema>,
    current_schema_id: Option<i64>,
    partition_spec: Option<Vec<PartitionField>>,
    #[serde(default, deserialize_with = "null_as_default")]
    partition_specs: Vec<PartitionSpec>,
    default_spec_id: Option<i64>,
    #[serde(default, deserialize_with = "null_as_default")]
    sort_orders: Vec<SortOrder>,
    default_sort_order_id: Option<i64>,
    /// Table properties; texts by the specification.
    #[serde(default, deserialize_with = "null_as_default")]
    pub properties: BTreeMap<String, Value>,
    current_snapshot_id: Option<i64>,
    /// Every snapshot that is kept.
    #[serde(default, deserialize_with = "null_as_default")]
    pub snapshots: Vec<Snapshot>,
    #[serde(default, deserialize_with = "null_as_default")]
    refs: BTreeMap<String, Reference>,
    /// Earlier metadata files that are still tracked.
    #[serde(default, deserialize_with = "null_as_default")]
    pub metadata_log: Vec<MetadataLogEntry>,
    #[serde(default, deserialize_with = "null_as_default")]
    statistics: Vec<StatisticsFile>,
    #[serde(default, deserialize_with = "null_as_default")]
    partition_statistics: Vec<StatisticsFile>,
}

/// A file of statistics of a snapshot, or of its partitions.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct StatisticsFile {
    #[serde(default, deserialize_with = "null_as_default")]
    statistics_path: String,
    #[serde(default, deserialize_with = "null_as_default")]
    file_size_in_bytes: i64,
}

/// A schema: its top-level fields.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Schema {
    schema_id: Option<i64>,
    /// Top-level columns.
    pub fields: Vec<Field>,
}

/// A column or a field of a struct.
#[derive(Debug, Deserialize)]
pub struct Field {
    /// Id that survives renaming.
    pub id: i64,
    /// Name.
    pub name: String,
    /// Never null.
    #[serde(default)]
    pub required: bool,
    /// A type name, or an object for structs, lists and maps.
    #[serde(rename = "type")]
    pub kind: Value,
}

/// A numbered partition spec.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct PartitionSpec {
    /// Id manifests name.
    pub spec_id: i64,
    /// In the order of the partition tuple.
    pub fields: Vec<PartitionField>,
}

/// One field of a partition spec or of a sort order.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct PartitionField {
    source_id: Option<i64>,
    #[serde(default)]
    source_ids: Vec<i64>,
    /// Name of the partition field.
    #[serde(default)]
    pub name: String,
    /// `identity`, `bucket[16]`, `day`, ...
    pub transform: String,
}

impl PartitionField {
    /// The column it is computed from (the first, where version 3 names several).
    pub fn source(&self) -> Option<i64> {
        self.source_id.or_else(|| self.source_ids.first().copied())
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct SortOrder {
    order_id: i64,
    #[serde(default)]
    fields: Vec<SortField>,
}

/// One field of a sort order.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SortField {
    /// Column and transform.
    #[serde(flatten)]
    pub by: PartitionField,
    /// `asc` or `desc`.
    pub direction: Option<String>,
    /// `nulls-first` or `nulls-last`.
    pub null_order: Option<String>,
}

/// One snapshot.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Snapshot {
    /// Id.
    pub snapshot_id: i64,
    /// Id of the snapshot it was made from.
    pub parent_snapshot_id: Option<i64>,
    /// Commit time, epoch milliseconds.
    pub timestamp_ms: i64,
    /// File that lists its manifests.
    pub manifest_list: Option<String>,
    /// Version 1 may list the manifests here instead.
    pub manifests: Option<Vec<String>>,
    /// What the commit did; absent in version 1 where the writer kept none.
    #[serde(default, deserialize_with = "null_as_default")]
    pub summary: BTreeMap<String, Value>,
    /// Version 3: the key its manifest list is encrypted with.
    pub key_id: Option<String>,
}

impl Snapshot {
    /// A text of the summary.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.summary.get(key)?.as_str()
    }

    /// A count of the summary: a text by the specification, a number by some writers.
    pub fn count(&self, key: &str) -> Option<i64> {
        match self.summary.get(key)? {
            Value::String(text) => text.parse().ok(),
            value => value.as_i64(),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Reference {
    snapshot_id: i64,
}

/// An earlier metadata file.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct MetadataLogEntry {
    /// Where it was written.
    pub metadata_file: String,
}

fn null_as_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(from: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

/// Parses a metadata file, gzipped or not (writers' names are no sure sign of it).
///
/// # Errors
/// What is wrong, in one line.
pub fn parse(bytes: &[u8]) -> Result<TableMetadata, String> {
    let unpacked;
    let json = if bytes.starts_with(&[0x1f, 0x8b]) {
        let mut text = Vec::new();
        let read = MultiGzDecoder::new(bytes).take(UNPACKED_LIMIT_BYTES).read_to_end(&mut text);
        let size = read.map_err(|cause| format!("gzip: {cause}"))?;
        if size as u64 == UNPACKED_LIMIT_BYTES {
            return Err(format!("it unpacks to more than {UNPACKED_LIMIT_BYTES} bytes"));
        }
        unpacked = text;
        unpacked.as_slice()
    } else {
        bytes
    };
    let metadata: TableMetadata = serde_json::from_slice(json).map_err(|cause| cause.to_string())?;
    if metadata.view_uuid.is_none() && !(1..=3).contains(&metadata.format_version) {
        return Err(format!("format version {} is not known, 1 to 3 are", metadata.format_version));
    }
    Ok(metadata)
}

impl TableMetadata {
    /// Bytes of the files of statistics that the metadata names, each once: two snapshots may
    /// share one.
    pub fn statistics_bytes(&self) -> i64 {
        let files = self.statistics.iter().chain(&self.partition_statistics);
        let sizes: BTreeMap<&str, i64> =
            files.map(|file| (file.statistics_path.as_str(), file.file_size_in_bytes.max(0))).collect();
        sizes.values().fold(0, |sum, size| sum.saturating_add(*size))
    }

    /// The current schema: the one named, else version 1's only one.
    pub fn current_schema(&self) -> Option<&Schema> {
        self.schemas
            .iter()
            .find(|schema| schema.schema_id.is_some() && schema.schema_id == self.current_schema_id)
            .or(self.schema.as_ref())
    }

    /// The name and type of a column by id, in the newest schema that has it: specs
    /// outlive the columns they were made from.
    pub fn column(&self, id: i64) -> Option<(String, &Value)> {
        self.current_schema()
            .into_iter()
            .chain(self.schemas.iter().rev())
            .find_map(|schema| find_column(&schema.fields, id))
    }

    /// The fields of a partition spec; `None` names the default spec.
    pub fn partition_fields(&self, spec_id: Option<i64>) -> Option<&[PartitionField]> {
        let wanted = spec_id.or(self.default_spec_id).unwrap_or(0);
        let listed = self.partition_specs.iter().find(|spec| spec.spec_id == wanted);
        match listed {
            Some(spec) => Some(&spec.fields),
            None if wanted == self.default_spec_id.unwrap_or(0) => self.partition_spec.as_deref(),
            None => None,
        }
    }

    /// The fields of the default sort order; none when unsorted.
    pub fn sort_fields(&self) -> &[SortField] {
        let wanted = self.default_sort_order_id.unwrap_or(0);
        self.sort_orders.iter().find(|order| order.order_id == wanted).map_or(&[], |order| &order.fields)
    }

    /// The current snapshot; nothing for a table never written (null, or -1 as Java's
    /// writer of version 1 says it).
    ///
    /// # Errors
    /// When it names a snapshot that is not listed.
    pub fn current_snapshot(&self) -> Result<Option<&Snapshot>, String> {
        let Some(id) = self.current_snapshot_id.filter(|id| *id != -1) else { return Ok(None) };
        match self.snapshots.iter().find(|snapshot| snapshot.snapshot_id == id) {
            Some(snapshot) => Ok(Some(snapshot)),
            None => Err(format!("its current snapshot {id} is not among its snapshots")),
        }
    }

    /// Branches and tags that name a snapshot, commas between; `main` is the current
    /// snapshot where the metadata keeps no references.
    pub fn ref_names(&self, snapshot_id: i64) -> Option<String> {
        let named = self.refs.iter().filter(|(_, at)| at.snapshot_id == snapshot_id);
        let mut names: Vec<&str> = named.map(|(name, _)| name.as_str()).collect();
        if self.refs.is_empty() && self.current_snapshot_id == Some(snapshot_id) {
            names.push("main");
        }
        (!names.is_empty()).then(|| names.join(","))
    }

    /// A text property.
    pub fn property(&self, key: &str) -> Option<&str> {
        self.properties.get(key)?.as_str()
    }

    /// The size data files should have, bytes.
    pub fn target_file_bytes(&self) -> i64 {
        self.property("write.target-file-size-bytes")
            .and_then(|text| text.trim().parse().ok())
            .filter(|bytes| *bytes > 0)
            .unwrap_or(DEFAULT_TARGET_FILE_BYTES)
    }
}

fn find_column(fields: &[Field], id: i64) -> Option<(String, &Value)> {
    fields.iter().find_map(|field| {
        if field.id == id {
            return Some((field.name.clone(), &field.kind));
        }
        find_nested(&field.kind, id).map(|(name, kind)| (format!("{}.{name}", field.name), kind))
    })
}

/// Partition sources inside structs; columns inside lists and maps cannot be partitioned by.
fn find_nested(kind: &Value, id: i64) -> Option<(String, &Value)> {
    let fields = kind.get("fields")?.as_array()?;
    fields.iter().find_map(|field| {
        let name = field.get("name")?.as_str()?;
        let inner = field.get("type")?;
        if field.get("id")?.as_i64()? == id {
            return Some((name.to_owned(), inner));
        }
        find_nested(inner, id).map(|(rest, kind)| (format!("{name}.{rest}"), kind))
    })
}
