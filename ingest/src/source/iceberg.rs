//! Apache Iceberg tables by their metadata files: `kind = "iceberg"`.
//!
//! A location is one metadata file, one table's directory or a warehouse with many tables
//! below. No catalog is asked: the current metadata file is found as [`plan`] says, and
//! the table is named by its place ([`places::identity`]). Its catalog is the configured
//! one; without, the first of three or more directories (`prod/growth/signups` is
//! `prod.growth.signups`), else the source's name.
//!
//! Data files are never opened nor listed: everything comes from metadata, manifest lists
//! and manifests, so that live data outside the table's location counts too, and orphans
//! do not.
//!
//! Read in this order: [`plan`] (which file is current), [`metadata`], [`manifest`] and
//! [`avro`] (the formats), [`places`] (where recorded files really are), [`partition`] (texts),
//! [`health`] (sums).

mod avro;
mod health;
mod manifest;
mod metadata;
mod partition;
mod places;
mod plan;

use model::Warning;
use model::time::{Instant, PeriodKey, from_epoch_ms};
use serde_json::json;
use sha2::{Digest, Sha256};

use self::health::Health;
use self::metadata::{Snapshot, TableMetadata};
use self::partition::{describe_sort, describe_spec, describe_type};
use self::places::Places;
use super::{Plan, ReadError, Reader, SourceOptions, Unit};
use crate::rows::{Table, TablePartition, TableSnapshot};
use crate::sink::Sink;
use crate::store::{Object, Store};

/// Reads Iceberg tables.
pub struct IcebergReader {
    catalog: Option<String>,
    location_map: Vec<(String, String)>,
}

impl IcebergReader {
    /// A reader of one source.
    pub fn new(options: &SourceOptions) -> Self {
        Self { catalog: options.catalog.clone(), location_map: options.location_map.clone() }
    }
}

impl Reader for IcebergReader {
    fn plan(&self, store: &dyn Store, listing: &[Object]) -> Result<Plan, ReadError> {
        plan::plan(store, listing)
    }

    fn read(&self, store: &dyn Store, unit: &Unit, now: Instant, sink: &mut Sink) -> Result<(), ReadError> {
        let Some(object) = unit.objects.iter().find(|object| plan::is_metadata(object.file_name())) else {
            return Err(malformed(&unit.key, "it names no metadata file".to_owned()));
        };
        let metadata =
            metadata::parse(&store.bytes(&object.uri)?).map_err(|fault| malformed(&object.uri, fault))?;
        if metadata.view_uuid.is_some() {
            sink.warn(Warning::new("iceberg-view", &unit.key, "it is a view, which stores nothing"));
            return Ok(());
        }
        let current = metadata.current_snapshot().map_err(|fault| malformed(&object.uri, fault))?;
        let places = Places::new(store, object.parent(), &metadata.location, &self.location_map)?;
        let health = health::collect(&metadata, current, &places)?;
        let landing = Landing {
            table_id: self.name(store.root(), unit, &sink.origin().source),
            location: self.location(&metadata, &unit.key),
            metadata_bytes: metadata_bytes(&metadata, object.size, &places, &health),
            metadata: &metadata,
            current,
            health: &health,
            collected_at: now,
        };
        landing.land(sink)?;
        health.warnings.into_iter().for_each(|warning| sink.warn(warning));
        Ok(())
    }

    fn collects(&self) -> bool {
        true
    }
}

/// What a table is called.
struct TableName {
    id: String,
    catalog: String,
    namespace: String,
    name: String,
}

impl IcebergReader {
    fn name(&self, root: &str, unit: &Unit, source: &str) -> TableName {
        let (mut levels, name) = places::identity(root, &unit.key);
        let catalog = match &self.catalog {
            Some(catalog) => catalog.clone(),
            None if levels.len() > 1 => levels.remove(0),
            None => source.to_owned(),
        };
        let namespace = levels.join(".");
        let parts = [catalog.as_str(), &namespace, &name];
        let id =
            parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(".").to_lowercase();
        TableName { id, catalog, namespace, name }
    }

    /// The location in the bill: mapped where a prefix matches what was recorded or where
    /// the table was found, else as recorded, in one spelling.
    fn location(&self, metadata: &TableMetadata, directory: &str) -> String {
        let mapped = |location: &str| places::mapped(location, &self.location_map);
        mapped(&metadata.location).or_else(|| mapped(directory)).unwrap_or_else(|| {
            let recorded = metadata.location.trim_end_matches('/');
            match recorded {
                "" => directory.to_owned(),
                _ if recorded.starts_with("file:") => recorded.to_owned(),
                _ => places::plain(recorded),
            }
        })
    }
}

fn malformed(object: &str, fault: String) -> ReadError {
    ReadError::Malformed { what: "table metadata", object: object.to_owned(), fault, hint: None }
}

/// Bytes of the current and of the tracked earlier metadata files that are still there,
/// of manifest lists, of manifests and of statistics.
fn metadata_bytes(metadata: &TableMetadata, current: u64, places: &Places<'_>, health: &Health) -> i64 {
    let logged = metadata.metadata_log.iter().filter_map(|entry| places.metadata_size(&entry.metadata_file));
    let files = logged.fold(current, u64::saturating_add);
    health
        .list_and_manifest_bytes
        .saturating_add(i64::try_from(files).unwrap_or(i64::MAX))
        .saturating_add(metadata.statistics_bytes())
}

struct Landing<'a> {
    table_id: TableName,
    location: String,
    metadata_bytes: i64,
    metadata: &'a TableMetadata,
    current: Option<&'a Snapshot>,
    health: &'a Health,
    collected_at: Instant,
}

impl Landing<'_> {
    fn land(&self, sink: &mut Sink) -> Result<(), ReadError> {
        let period = PeriodKey::day_of(self.collected_at);
        sink.push(period, &self.table())?;
        for ((spec_id, partition), live) in &self.health.partitions {
            let row = TablePartition {
                collected_at: self.collected_at,
                table_id: self.table_id.id.clone(),
                spec_id: *spec_id,
                partition: partition.clone(),
                data_files: live.data_files,
                data_bytes: live.data_bytes,
                row_count: live.row_count,
                small_files: live.small_files,
                delete_files: live.delete_files,
                deleted_rows: live.deleted_rows,
                last_modified_at: live.last_modified_ms.and_then(from_epoch_ms),
            };
            sink.push(period, &row)?;
        }
        for snapshot in &self.metadata.snapshots {
            match from_epoch_ms(snapshot.timestamp_ms) {
                Some(committed_at) => sink.push(period, &self.snapshot(snapshot, committed_at))?,
                None => sink.warn(Warning::skipped(
                    "snapshot-time",
                    &self.table_id.id,
                    format!(
                        "snapshot {} has the commit time {} ms",
                        snapshot.snapshot_id, snapshot.timestamp_ms
                    ),
                )),
            }
        }
        Ok(())
    }

    fn table(&self) -> Table {
        let (metadata, health) = (self.metadata, self.health);
        let schema = metadata.current_schema();
        let columns: Option<Vec<(&str, String, bool)>> = schema.map(|schema| {
            let columns = schema.fields.iter();
            columns.map(|field| (field.name.as_str(), describe_type(&field.kind), field.required)).collect()
        });
        Table {
            collected_at: self.collected_at,
            table_id: self.table_id.id.clone(),
            catalog: Some(self.table_id.catalog.clone()),
            namespace: self.table_id.namespace.clone(),
            name: self.table_id.name.clone(),
            format: "iceberg".to_owned(),
            format_version: Some(metadata.format_version),
            table_uuid: metadata.table_uuid.clone(),
            location: self.location.clone(),
            owner: metadata.property("owner").map(str::to_owned),
            properties: Some(json!(metadata.properties).to_string()),
            schema_json: columns.as_deref().map(schema_json),
            schema_hash: columns.as_deref().map(schema_hash),
            partition_spec: Some(describe_spec(metadata)),
            sort_order: Some(describe_sort(metadata)),
            current_snapshot_id: self.current.map(|snapshot| snapshot.snapshot_id.to_string()),
            last_updated_at: metadata.last_updated_ms.and_then(from_epoch_ms),
            row_count: health.live.row_count,
            data_files: health.live.data_files,
            data_bytes: health.live.data_bytes,
            small_files: health.live.small_files,
            target_file_bytes: metadata.target_file_bytes(),
            delete_files: health.live.delete_files,
            delete_bytes: health.delete_bytes,
            deleted_rows: health.live.deleted_rows,
            snapshots: i64::try_from(metadata.snapshots.len()).unwrap_or(i64::MAX),
            manifests: health.manifests,
            manifest_bytes: health.manifest_bytes,
            reachable_files: health.reachable_files,
            reachable_bytes: health.reachable_bytes,
            metadata_bytes: Some(self.metadata_bytes),
        }
    }

    fn snapshot(&self, snapshot: &Snapshot, committed_at: Instant) -> TableSnapshot {
        let app = ["spark.app.id", "app-id", "flink.job-id"];
        TableSnapshot {
            collected_at: self.collected_at,
            table_id: self.table_id.id.clone(),
            snapshot_id: snapshot.snapshot_id.to_string(),
            parent_id: snapshot.parent_snapshot_id.map(|id| id.to_string()),
            committed_at,
            operation: snapshot.text("operation").map(str::to_owned),
            is_current: self.current.is_some_and(|current| current.snapshot_id == snapshot.snapshot_id),
            ref_names: self.metadata.ref_names(snapshot.snapshot_id),
            app_id: app.iter().find_map(|key| snapshot.text(key)).map(str::to_owned),
            added_data_files: snapshot.count("added-data-files"),
            removed_data_files: snapshot.count("deleted-data-files"),
            added_bytes: snapshot.count("added-files-size"),
            removed_bytes: snapshot.count("removed-files-size"),
            added_rows: snapshot.count("added-records"),
            removed_rows: snapshot.count("deleted-records"),
            total_data_files: snapshot.count("total-data-files"),
            total_bytes: snapshot.count("total-files-size"),
            summary: (!snapshot.summary.is_empty()).then(|| json!(snapshot.summary).to_string()),
        }
    }
}

fn schema_json(columns: &[(&str, String, bool)]) -> String {
    let columns: Vec<_> = columns
        .iter()
        .map(|(name, kind, required)| json!({ "name": name, "type": kind, "required": required }))
        .collect();
    json!(columns).to_string()
}

/// The first 16 hex digits of the SHA-256 of the sorted names and types: neither the
/// order of columns nor their ids make another shape.
fn schema_hash(columns: &[(&str, String, bool)]) -> String {
    let mut shape: Vec<(&str, &str)> = columns.iter().map(|(name, kind, _)| (*name, kind.as_str())).collect();
    shape.sort_unstable();
    let mut hash = Sha256::new();
    for text in shape.iter().flat_map(|(name, kind)| [name, kind]) {
        hash.update(text.as_bytes());
        hash.update([0xff]);
    }
    hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}
