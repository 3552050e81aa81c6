//! One listed object, whatever the format of the list.

use model::time::Instant;

/// What a list says of an object or of a version of one.
pub(super) struct Listed<'a> {
    pub key: &'a str,
    pub bytes: i64,
    /// Nothing where the list does not have the column.
    pub modified_at: Option<Instant>,
    pub storage_class: &'a str,
    /// False for older versions; lists of current versions do not say.
    pub is_latest: bool,
    pub is_delete_marker: bool,
}

/// A column that is read, by any spelling of its name: `LastModifiedDate` of CSV is
/// `last_modified_date` in Parquet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Key,
    Size,
    Modified,
    StorageClass,
    IsLatest,
    IsDeleteMarker,
}

impl Field {
    /// The field of a column; nothing for one that is not read.
    pub(super) fn of(column: &str) -> Option<Self> {
        let folded: String =
            column.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
        Some(match folded.as_str() {
            "key" => Self::Key,
            "size" => Self::Size,
            "lastmodifieddate" => Self::Modified,
            "storageclass" => Self::StorageClass,
            "islatest" => Self::IsLatest,
            "isdeletemarker" => Self::IsDeleteMarker,
            _ => return None,
        })
    }
}
