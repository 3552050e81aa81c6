//! Tables and clusters of a mart.

use model::time::Instant;

use super::{Mart, MartError};

/// One table as it was collected last.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableRow {
    /// catalog.namespace.name
    pub table_id: String,
    /// Catalog.
    pub catalog: Option<String>,
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// Table format.
    pub format: String,
    /// Where its files are.
    pub location: String,
    /// Owner its properties name.
    pub owner: Option<String>,
    /// Owning team.
    pub team: Option<String>,
    /// When it was collected.
    pub collected_at: Instant,
    /// Rows of live data files.
    pub row_count: i64,
    /// Live data files.
    pub data_files: i64,
    /// Their bytes.
    pub data_bytes: i64,
    /// Live data files under three quarters of the target size.
    pub small_files: i64,
    /// Target size of a data file.
    pub target_file_bytes: i64,
    /// Live delete files.
    pub delete_files: i64,
    /// Rows they name.
    pub deleted_rows: i64,
    /// Snapshots kept.
    pub snapshots: i64,
    /// Manifests of the current snapshot.
    pub manifests: i64,
    /// Bytes any kept snapshot reaches.
    pub reachable_bytes: i64,
    /// Bytes only older snapshots hold: free once those expire.
    pub expirable_bytes: i64,
    /// Bytes an inventory lists and no snapshot reaches; nothing without an inventory.
    pub orphaned_bytes: Option<i64>,
    /// Last change.
    pub last_updated_at: Option<Instant>,
    /// Partitioning.
    pub partition_spec: Option<String>,
}

/// One cluster with its capacity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterRow {
    /// Its id.
    pub cluster_id: String,
    /// Its name.
    pub name: Option<String>,
    /// Owning team.
    pub team: Option<String>,
    /// Nodes that ever were in it.
    pub nodes: i64,
    /// First node's start.
    pub started_at: Option<Instant>,
    /// Last node's end; nothing while one lives.
    pub ended_at: Option<Instant>,
    /// Worker core-milliseconds paid.
    pub vcore_ms_paid: i64,
    /// Worker core-milliseconds that count as used (by the bottleneck share).
    pub vcore_ms_used: i64,
}

/// What an id of a cluster, or of anything else, is called by people: a cluster by its name.
pub fn called<'a>(clusters: &'a [ClusterRow], id: &'a str) -> &'a str {
    let known = clusters.iter().find(|cluster| cluster.cluster_id == id);
    known.and_then(|cluster| cluster.name.as_deref()).unwrap_or(id)
}

impl Mart {
    /// Every table as it was collected last, by its id.
    ///
    /// # Errors
    /// When the mart cannot be asked.
    pub fn tables(&self) -> Result<Vec<TableRow>, MartError> {
        Ok(self.memory.tables(|| self.read_latest_tables())?.to_vec())
    }

    fn read_latest_tables(&self) -> Result<Vec<TableRow>, MartError> {
        let sql = "select table_id, catalog, namespace, name, format, location, owner, team,
                epoch_us(collected_at), row_count, data_files, data_bytes, small_files, target_file_bytes,
                delete_files, deleted_rows, snapshots, manifests, reachable_bytes, epoch_us(last_updated_at),
                partition_spec, expirable_bytes, orphaned_bytes
            from latest_tables order by table_id";
        self.ask("list the tables of", sql, Vec::new(), |row| {
            Ok(TableRow {
                table_id: row.text(0)?,
                catalog: row.opt_text(1)?,
                namespace: row.text(2)?,
                name: row.text(3)?,
                format: row.text(4)?,
                location: row.text(5)?,
                owner: row.opt_text(6)?,
                team: row.opt_text(7)?,
                collected_at: row.instant(8)?,
                row_count: row.int(9)?,
                data_files: row.int(10)?,
                data_bytes: row.int(11)?,
                small_files: row.int(12)?,
                target_file_bytes: row.int(13)?,
                delete_files: row.int(14)?,
                deleted_rows: row.int(15)?,
                snapshots: row.int(16)?,
                manifests: row.int(17)?,
                reachable_bytes: row.int(18)?,
                last_updated_at: row.opt_instant(19)?,
                partition_spec: row.opt_text(20)?,
                expirable_bytes: row.int(21)?,
                orphaned_bytes: row.get(22)?,
            })
        })
    }

    /// Every cluster, by its id.
    ///
    /// # Errors
    /// When the mart cannot be asked.
    pub fn clusters(&self) -> Result<Vec<ClusterRow>, MartError> {
        Ok(self.memory.clusters(|| self.read_clusters())?.to_vec())
    }

    fn read_clusters(&self) -> Result<Vec<ClusterRow>, MartError> {
        let sql = "select cluster_id, cluster_name, team, nodes, epoch_us(started_at), epoch_us(ended_at),
                vcore_ms_paid, vcore_ms_used
            from cluster_capacity order by cluster_id";
        self.ask("list the clusters of", sql, Vec::new(), |row| {
            Ok(ClusterRow {
                cluster_id: row.text(0)?,
                name: row.opt_text(1)?,
                team: row.opt_text(2)?,
                nodes: row.int(3)?,
                started_at: row.opt_instant(4)?,
                ended_at: row.opt_instant(5)?,
                vcore_ms_paid: row.int(6)?,
                vcore_ms_used: row.int(7)?,
            })
        })
    }
}
