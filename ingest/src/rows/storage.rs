//! What lies in buckets and who asks for it.

use model::landed::Dataset;
use model::time::Instant;

use crate::packed::{Cells, Row};

/// Objects of one prefix, class and age in one collection of a bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Storage {
    /// `collected_at`
    pub collected_at: Instant,
    /// `bucket`
    pub bucket: String,
    /// `prefix`
    pub prefix: String,
    /// `part`
    pub part: &'static str,
    /// `storage_class`
    pub storage_class: String,
    /// `age_band`
    pub age_band: &'static str,
    /// `objects`
    pub objects: i64,
    /// `bytes`
    pub bytes: i64,
    /// `noncurrent_objects`
    pub noncurrent_objects: i64,
    /// `noncurrent_bytes`
    pub noncurrent_bytes: i64,
    /// `small_objects`
    pub small_objects: i64,
    /// `small_bytes`
    pub small_bytes: i64,
    /// `oldest_modified_at`
    pub oldest_modified_at: Option<Instant>,
    /// `newest_modified_at`
    pub newest_modified_at: Option<Instant>,
}

impl Row for Storage {
    const DATASET: Dataset = Dataset::Storage;

    fn write(&self, cells: &mut Cells<'_>) {
        cells.instant(self.collected_at);
        cells.text(&self.bucket);
        cells.text(&self.prefix);
        cells.text(self.part);
        cells.text(&self.storage_class);
        cells.text(self.age_band);
        cells.int(self.objects);
        cells.int(self.bytes);
        cells.int(self.noncurrent_objects);
        cells.int(self.noncurrent_bytes);
        cells.int(self.small_objects);
        cells.int(self.small_bytes);
        cells.opt_instant(self.oldest_modified_at);
        cells.opt_instant(self.newest_modified_at);
    }
}

/// Reads of one table by one principal on one day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableAccess {
    /// `day`
    pub day: Instant,
    /// `table_name`
    pub table_name: String,
    /// `principal`
    pub principal: String,
    /// `engine`
    pub engine: Option<String>,
    /// `reads`
    pub reads: i64,
    /// `files`
    pub files: Option<i64>,
    /// `bytes`
    pub bytes: Option<i64>,
    /// `oldest_partition_on`
    pub oldest_partition_on: Option<Instant>,
    /// `last_read_at`
    pub last_read_at: Instant,
}

impl Row for TableAccess {
    const DATASET: Dataset = Dataset::TableAccess;

    fn write(&self, cells: &mut Cells<'_>) {
        cells.instant(self.day);
        cells.text(&self.table_name);
        cells.text(&self.principal);
        cells.opt_text(self.engine.as_deref());
        cells.int(self.reads);
        cells.opt_int(self.files);
        cells.opt_int(self.bytes);
        cells.opt_instant(self.oldest_partition_on);
        cells.instant(self.last_read_at);
    }
}

/// One multipart upload that was never completed; or that a bucket had none when it was listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// `collected_at`
    pub collected_at: Instant,
    /// `bucket`
    pub bucket: String,
    /// What was begun; nothing where the bucket had none.
    pub begun: Option<Begun>,
}

/// What was begun and not completed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Begun {
    /// `key`
    pub key: String,
    /// `upload_id`
    pub upload_id: String,
    /// `initiated_at`
    pub initiated_at: Instant,
    /// `storage_class`
    pub storage_class: Option<String>,
    /// `initiator`
    pub initiator: Option<String>,
    /// `bytes`
    pub bytes: Option<i64>,
}

impl Row for Upload {
    const DATASET: Dataset = Dataset::Uploads;

    fn write(&self, cells: &mut Cells<'_>) {
        let begun = self.begun.as_ref();
        cells.instant(self.collected_at);
        cells.text(&self.bucket);
        cells.opt_text(begun.map(|begun| begun.key.as_str()));
        cells.opt_text(begun.map(|begun| begun.upload_id.as_str()));
        cells.opt_instant(begun.map(|begun| begun.initiated_at));
        cells.opt_text(begun.and_then(|begun| begun.storage_class.as_deref()));
        cells.opt_text(begun.and_then(|begun| begun.initiator.as_deref()));
        cells.opt_int(begun.and_then(|begun| begun.bytes));
    }
}
