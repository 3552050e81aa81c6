//! Tables over time: what each collection found, snapshots, and how large files are.

use chrono::NaiveDate;
use duckdb::types::Value;
use model::time::Instant;

use super::{Mart, MartError};

/// What a day's last collection found of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableDay {
    /// UTC day.
    pub day: NaiveDate,
    /// Bytes of live data files.
    pub data_bytes: i64,
    /// Bytes any kept snapshot reaches.
    pub reachable_bytes: i64,
    /// Live data files.
    pub data_files: i64,
    /// Those under three quarters of the target size.
    pub small_files: i64,
    /// Live delete files.
    pub delete_files: i64,
    /// Snapshots kept.
    pub snapshots: i64,
    /// Rows of live data files.
    pub row_count: i64,
}

/// Data files of like size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileSizes {
    /// At least so many bytes on average in their partition, and less than twice as many.
    pub from_bytes: i64,
    /// Partitions.
    pub partitions: i64,
    /// Files.
    pub data_files: i64,
    /// Their bytes.
    pub data_bytes: i64,
}

/// One snapshot that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotRow {
    /// Its id.
    pub snapshot_id: String,
    /// Commit time.
    pub committed_at: Instant,
    /// append, replace, overwrite or delete.
    pub operation: Option<String>,
    /// Whether it is what readers see.
    pub is_current: bool,
    /// Branches and tags that name it.
    pub ref_names: Option<String>,
    /// Application that wrote it.
    pub app_id: Option<String>,
    /// Data files it added.
    pub added_files: Option<i64>,
    /// Data files it removed.
    pub removed_files: Option<i64>,
    /// Bytes it added.
    pub added_bytes: Option<i64>,
    /// Data files after it.
    pub total_files: Option<i64>,
    /// Bytes after it.
    pub total_bytes: Option<i64>,
}

impl Mart {
    /// What collections found of a table, day by day.
    ///
    /// # Errors
    /// When the mart cannot be asked.
    pub fn table_days(
        &self,
        table: &str,
        from: NaiveDate,
        to: NaiveDate,
    ) -> Result<Vec<TableDay>, MartError> {
        let sql =
            "select cast(collected_on as varchar), data_bytes, reachable_bytes, data_files, small_files,
                delete_files, snapshots, row_count
            from stg_tables
            where table_id = ? and collected_on >= cast(? as date) and collected_on < cast(? as date)
            order by collected_on";
        let texts = [table.to_owned(), from.to_string(), to.to_string()];
        self.ask("follow a table in", sql, texts.map(Value::Text).to_vec(), |row| {
            Ok(TableDay {
                day: row.parsed(0, "a day")?,
                data_bytes: row.int(1)?,
                reachable_bytes: row.int(2)?,
                data_files: row.int(3)?,
                small_files: row.int(4)?,
                delete_files: row.int(5)?,
                snapshots: row.int(6)?,
                row_count: row.int(7)?,
            })
        })
    }

    /// How large a table's data files are, the smallest first.
    ///
    /// # Errors
    /// When the mart cannot be asked.
    pub fn table_file_sizes(&self, table: &str) -> Result<Vec<FileSizes>, MartError> {
        let sql = "select from_bytes, partitions, data_files, data_bytes
            from table_file_sizes where table_id = ? order by from_bytes";
        self.ask("size the files of a table of", sql, vec![Value::Text(table.to_owned())], |row| {
            Ok(FileSizes {
                from_bytes: row.int(0)?,
                partitions: row.int(1)?,
                data_files: row.int(2)?,
                data_bytes: row.int(3)?,
            })
        })
    }

    /// The snapshots of a table that its newest collection keeps, the newest first.
    ///
    /// # Errors
    /// When the mart cannot be asked.
    pub fn table_snapshots(&self, table: &str) -> Result<Vec<SnapshotRow>, MartError> {
        let sql = "select snapshot_id, epoch_us(committed_at), operation, is_current, ref_names, app_id,
                added_data_files, removed_data_files, added_bytes, total_data_files, total_bytes
            from table_snapshots where table_id = ? order by committed_at desc, snapshot_id";
        self.ask("list the snapshots of a table of", sql, vec![Value::Text(table.to_owned())], |row| {
            Ok(SnapshotRow {
                snapshot_id: row.text(0)?,
                committed_at: row.instant(1)?,
                operation: row.opt_text(2)?,
                is_current: row.get(3)?,
                ref_names: row.opt_text(4)?,
                app_id: row.opt_text(5)?,
                added_files: row.get(6)?,
                removed_files: row.get(7)?,
                added_bytes: row.get(8)?,
                total_files: row.get(9)?,
                total_bytes: row.get(10)?,
            })
        })
    }
}
