//! Lists as Parquet, one row group in memory at a time.

use polars::prelude::*;

use super::columns::{Field, Listed};
use super::malformed;
use super::sums::Sums;
use crate::source::ReadError;
use crate::source::row_groups::RowGroups;
use crate::store::{Object, Store};

/// The columns of one row group that are read; absent ones are nothing.
#[derive(Default)]
struct Columns {
    key: Option<StringChunked>,
    size: Option<Int64Chunked>,
    /// Milliseconds.
    modified: Option<Int64Chunked>,
    storage_class: Option<StringChunked>,
    is_latest: Option<BooleanChunked>,
    is_delete_marker: Option<BooleanChunked>,
}

impl Columns {
    fn of(frame: &DataFrame) -> PolarsResult<Self> {
        let mut columns = Self::default();
        for column in frame.columns() {
            let column = column.as_materialized_series().rechunk();
            match Field::of(column.name()) {
                Some(Field::Key) => columns.key = Some(text(&column)?),
                Some(Field::Size) => {
                    columns.size = Some(column.strict_cast(&DataType::Int64)?.i64()?.clone())
                }
                Some(Field::Modified) => {
                    let at = column.strict_cast(&DataType::Datetime(TimeUnit::Milliseconds, None))?;
                    columns.modified = Some(at.datetime()?.physical().clone());
                }
                Some(Field::StorageClass) => columns.storage_class = Some(text(&column)?),
                Some(Field::IsLatest) => columns.is_latest = Some(column.bool()?.clone()),
                Some(Field::IsDeleteMarker) => columns.is_delete_marker = Some(column.bool()?.clone()),
                None => {}
            }
        }
        Ok(columns)
    }
}

/// Some writers do not mark their texts as texts.
fn text(column: &Series) -> PolarsResult<StringChunked> {
    Ok(column.strict_cast(&DataType::String)?.str()?.clone())
}

/// Adds up one list.
pub(super) fn read(store: &dyn Store, object: &Object, sums: &mut Sums) -> Result<(), ReadError> {
    let uri = object.uri.as_str();
    let broken =
        |fault: String| malformed(uri, fault, Some("it was copied or uploaded only in part: copy it again"));
    let mut file = RowGroups::open(&mut store.open(uri)?).map_err(broken)?;
    let wanted = |name: &str| Field::of(name).is_some();
    let has_key = file.names().iter().any(|name| Field::of(name) == Some(Field::Key));
    if !has_key {
        return Err(malformed(uri, "it has no column `key`".to_owned(), None));
    }
    while let Some(columns) = file.next(&wanted, &Columns::of).map_err(broken)? {
        let Some(keys) = &columns.key else { continue };
        for (row, key) in keys.iter().enumerate() {
            let is = |column: &Option<BooleanChunked>, default| {
                column.as_ref().and_then(|column| column.get(row)).unwrap_or(default)
            };
            let modified = columns.modified.as_ref().and_then(|column| column.get(row));
            sums.add(&Listed {
                key: key.unwrap_or_default(),
                bytes: columns.size.as_ref().and_then(|column| column.get(row)).unwrap_or(0),
                modified_at: modified.and_then(chrono::DateTime::from_timestamp_millis),
                storage_class: columns
                    .storage_class
                    .as_ref()
                    .and_then(|column| column.get(row))
                    .unwrap_or_default(),
                is_latest: is(&columns.is_latest, true),
                is_delete_marker: is(&columns.is_delete_marker, false),
            });
        }
    }
    Ok(())
}
