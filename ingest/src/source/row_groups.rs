//! Parquet files, one row group in memory at a time.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use polars::prelude::*;

/// A Parquet file that is read row group by row group.
pub(super) struct RowGroups {
    file: File,
    /// A footer for each row group to come: polars reads what a footer names, and one of
    /// one row group is a file of one.
    left: VecDeque<FileMetadata>,
    names: Vec<String>,
    done: usize,
}

impl RowGroups {
    /// Reads the footer. Parquet is read from its end, an object from its start: it passes
    /// through an unnamed temporary file, so that its size is no matter.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub(super) fn open(bytes: &mut dyn Read) -> Result<Self, String> {
        let spool = |bytes: &mut dyn Read| -> io::Result<File> {
            let mut file = tempfile::tempfile()?;
            io::copy(bytes, &mut file)?;
            Ok(file)
        };
        let file = spool(bytes).map_err(|cause| format!("reading breaks off: {cause}"))?;
        let mut footer = guarded(|| {
            let mut reader = ParquetReader::new(file.try_clone()?);
            let mut footer = FileMetadata::clone(reader.get_metadata()?);
            // The writer's hint how to show its columns, dictionaries among them: what
            // the types of Parquet itself say is wanted.
            footer.key_value_metadata = None;
            Ok(footer)
        })
        .map_err(|fault| format!("no readable Parquet footer: {fault}"))?;
        let names = footer.schema().fields().iter().map(|field| field.name().to_owned()).collect();
        let row_groups = std::mem::take(&mut footer.row_groups);
        let left = row_groups.into_iter().map(|row_group| FileMetadata {
            num_rows: row_group.num_rows(),
            max_row_group_height: row_group.num_rows(),
            row_groups: vec![row_group],
            ..footer.clone()
        });
        Ok(Self { left: left.collect(), file, names, done: 0 })
    }

    /// Its columns.
    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// What `make` makes of the wanted columns of the next row group; nothing after the last.
    ///
    /// # Errors
    /// What is wrong with the row group.
    pub(super) fn next<T>(
        &mut self,
        wanted: &dyn Fn(&str) -> bool,
        make: &dyn Fn(&DataFrame) -> PolarsResult<T>,
    ) -> Result<Option<T>, String> {
        let Some(footer) = self.left.pop_front() else { return Ok(None) };
        let columns = (0..self.names.len()).filter(|at| wanted(&self.names[*at])).collect();
        self.done += 1;
        guarded(|| {
            let mut reader = ParquetReader::new(self.file.try_clone()?).with_projection(Some(columns));
            reader.set_metadata(Arc::new(footer));
            make(&reader.finish()?).map(Some)
        })
        .map_err(|fault| format!("row group {} cannot be read: {fault}", self.done))
    }
}

/// Calls polars; on damaged pages it may panic instead of failing, which must cost us
/// the file and not the process.
fn guarded<T>(call: impl FnOnce() -> PolarsResult<T>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(result) => result.map_err(|error| error.to_string()),
        Err(_) => Err("its pages are damaged".to_owned()),
    }
}
