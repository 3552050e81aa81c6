//! What the platform is made of: nodes, tables and their snapshots.

use model::landed::Dataset;
use model::time::Instant;

use crate::packed::{Cells, Row};

/// One node's life in a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// `cluster_id`
    pub cluster_id: String,
    /// `cluster_name`
    pub cluster_name: Option<String>,
    /// `cluster_status`
    pub cluster_status: Option<String>,
    /// `cluster_started_at`
    pub cluster_started_at: Option<Instant>,
    /// `cluster_ended_at`
    pub cluster_ended_at: Option<Instant>,
    /// `tag_set_id`
    pub tag_set_id: Option<String>,
    /// `node_id`
    pub node_id: String,
    /// `resource_id`
    pub resource_id: Option<String>,
    /// `private_dns`
    pub private_dns: Option<String>,
    /// `private_ip`
    pub private_ip: Option<String>,
    /// `role`
    pub role: String,
    /// `instance_type`
    pub instance_type: Option<String>,
    /// `vcpus`
    pub vcpus: Option<i64>,
    /// `memory_mib`
    pub memory_mib: Option<i64>,
    /// `market`
    pub market: String,
    /// `started_at`
    pub started_at: Instant,
    /// `ended_at`
    pub ended_at: Option<Instant>,
}

impl Row for Node {
    const DATASET: Dataset = Dataset::Nodes;

    fn write(&self, cells: &mut Cells<'_>) {
        cells.text(&self.cluster_id);
        cells.opt_text(self.cluster_name.as_deref());
        cells.opt_text(self.cluster_status.as_deref());
        cells.opt_instant(self.cluster_started_at);
        cells.opt_instant(self.cluster_ended_at);
        cells.opt_text(self.tag_set_id.as_deref());
        cells.text(&self.node_id);
        cells.opt_text(self.resource_id.as_deref());
        cells.opt_text(self.private_dns.as_deref());
        cells.opt_text(self.private_ip.as_deref());
        cells.text(&self.role);
        cells.opt_text(self.instance_type.as_deref());
        cells.opt_int(self.vcpus);
        cells.opt_int(self.memory_mib);
        cells.text(&self.market);
        cells.instant(self.started_at);
        cells.opt_instant(self.ended_at);
    }
}

/// One table in one collection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// `collected_at`
    pub collected_at: Instant,
    /// `table_id`
    pub table_id: String,
    /// `catalog`
    pub catalog: Option<String>,
    /// `namespace`
    pub namespace: String,
    /// `name`
    pub name: String,
    /// `format`
    pub format: String,
    /// `format_version`
    pub format_version: Option<i64>,
    /// `table_uuid`
    pub table_uuid: Option<String>,
    /// `location`
    pub location: String,
    /// `owner`
    pub owner: Option<String>,
    /// `properties`
    pub properties: Option<String>,
    /// `schema_json`
    pub schema_json: Option<String>,
    /// `schema_hash`
    pub schema_hash: Option<String>,
    /// `partition_spec`
    pub partition_spec: Option<String>,
    /// `sort_order`
    pub sort_order: Option<String>,
    /// `current_snapshot_id`
    pub current_snapshot_id: Option<String>,
    /// `last_updated_at`
    pub last_updated_at: Option<Instant>,
    /// `row_count`
    pub row_count: i64,
    /// `data_files`
    pub data_files: i64,
    /// `data_bytes`
    pub data_bytes: i64,
    /// `small_files`
    pub small_files: i64,
    /// `target_file_bytes`
    pub target_file_bytes: i64,
    /// `delete_files`
    pub delete_files: i64,
    /// `delete_bytes`
    pub delete_bytes: i64,
    /// `deleted_rows`
    pub deleted_rows: i64,
    /// `snapshots`
    pub snapshots: i64,
    /// `manifests`
    pub manifests: i64,
    /// `manifest_bytes`
    pub manifest_bytes: i64,
    /// `reachable_files`
    pub reachable_files: i64,
    /// `reachable_bytes`
    pub reachable_bytes: i64,
    /// `metadata_bytes`
    pub metadata_bytes: Option<i64>,
}

impl Row for Table {
    const DATASET: Dataset = Dataset::Tables;

    fn write(&self, cells: &mut Cells<'_>) {
        cells.instant(self.collected_at);
        cells.text(&self.table_id);
        cells.opt_text(self.catalog.as_deref());
        cells.text(&self.namespace);
        cells.text(&self.name);
        cells.text(&self.format);
        cells.opt_int(self.format_version);
        cells.opt_text(self.table_uuid.as_deref());
        cells.text(&self.location);
        cells.opt_text(self.owner.as_deref());
        cells.opt_text(self.properties.as_deref());
        cells.opt_text(self.schema_json.as_deref());
        cells.opt_text(self.schema_hash.as_deref());
        cells.opt_text(self.partition_spec.as_deref());
        cells.opt_text(self.sort_order.as_deref());
        cells.opt_text(self.current_snapshot_id.as_deref());
        cells.opt_instant(self.last_updated_at);
        cells.int(self.row_count);
        cells.int(self.data_files);
        cells.int(self.data_bytes);
        cells.int(self.small_files);
        cells.int(self.target_file_bytes);
        cells.int(self.delete_files);
        cells.int(self.delete_bytes);
        cells.int(self.deleted_rows);
        cells.int(self.snapshots);
        cells.int(self.manifests);
        cells.int(self.manifest_bytes);
        cells.int(self.reachable_files);
        cells.int(self.reachable_bytes);
        cells.opt_int(self.metadata_bytes);
    }
}

/// One partition of a table in one collection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TablePartition {
    /// `collected_at`
    pub collected_at: Instant,
    /// `table_id`
    pub table_id: String,
    /// `spec_id`
    pub spec_id: i64,
    /// `partition`
    pub partition: String,
    /// `data_files`
    pub data_files: i64,
    /// `data_bytes`
    pub data_bytes: i64,
    /// `row_count`
    pub row_count: i64,
    /// `small_files`
    pub small_files: i64,
    /// `delete_files`
    pub delete_files: i64,
    /// `deleted_rows`
    pub deleted_rows: i64,
    /// `last_modified_at`
    pub last_modified_at: Option<Instant>,
}

impl Row for TablePartition {
    const DATASET: Dataset = Dataset::TablePartitions;

    fn write(&self, cells: &mut Cells<'_>) {
        cells.instant(self.collected_at);
        cells.text(&self.table_id);
        cells.int(self.spec_id);
        cells.text(&self.partition);
        cells.int(self.data_files);
        cells.int(self.data_bytes);
        cells.int(self.row_count);
        cells.int(self.small_files);
        cells.int(self.delete_files);
        cells.int(self.deleted_rows);
        cells.opt_instant(self.last_modified_at);
    }
}

/// One snapshot of a table in one collection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableSnapshot {
    /// `collected_at`
    pub collected_at: Instant,
    /// `table_id`
    pub table_id: String,
    /// `snapshot_id`
    pub snapshot_id: String,
    /// `parent_id`
    pub parent_id: Option<String>,
    /// `committed_at`
    pub committed_at: Instant,
    /// `operation`
    pub operation: Option<String>,
    /// `is_current`
    pub is_current: bool,
    /// `ref_names`
    pub ref_names: Option<String>,
    /// `app_id`
    pub app_id: Option<String>,
    /// `added_data_files`
    pub added_data_files: Option<i64>,
    /// `removed_data_files`
    pub removed_data_files: Option<i64>,
    /// `added_bytes`
    pub added_bytes: Option<i64>,
    /// `removed_bytes`
    pub removed_bytes: Option<i64>,
    /// `added_rows`
    pub added_rows: Option<i64>,
    /// `removed_rows`
    pub removed_rows: Option<i64>,
    /// `total_data_files`
    pub total_data_files: Option<i64>,
    /// `total_bytes`
    pub total_bytes: Option<i64>,
    /// `summary`
    pub summary: Option<String>,
}

impl Row for TableSnapshot {
    const DATASET: Dataset = Dataset::TableSnapshots;

    fn write(&self, cells: &mut Cells<'_>) {
        cells.instant(self.collected_at);
        cells.text(&self.table_id);
        cells.text(&self.snapshot_id);
        cells.opt_text(self.parent_id.as_deref());
        cells.instant(self.committed_at);
        cells.opt_text(self.operation.as_deref());
        cells.bool(self.is_current);
        cells.opt_text(self.ref_names.as_deref());
        cells.opt_text(self.app_id.as_deref());
        cells.opt_int(self.added_data_files);
        cells.opt_int(self.removed_data_files);
        cells.opt_int(self.added_bytes);
        cells.opt_int(self.removed_bytes);
        cells.opt_int(self.added_rows);
        cells.opt_int(self.removed_rows);
        cells.opt_int(self.total_data_files);
        cells.opt_int(self.total_bytes);
        cells.opt_text(self.summary.as_deref());
    }
}
