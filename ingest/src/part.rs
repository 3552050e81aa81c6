//! Landed Parquet files: written under a temporary name, flushed and renamed; read back
//! only to be rewritten without the rows of a unit that changed.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use model::landed::Dataset;
use model::manifest::Part;
use polars::io::parquet::write::BatchedWriter;
use polars::prelude::*;

use crate::ledger::LedgerError;

/// Rows of a row group: what readers skip or take whole.
const ROWS_A_GROUP: usize = 1 << 17;
/// Bytes of a row group before encoding: a row of a bill has sixty columns, and a group is
/// held in one piece while it is encoded.
const BYTES_A_GROUP: usize = 48 << 20;
/// The writer writes in small pieces.
const BUFFER: usize = 1 << 18;

/// A file of one dataset in the making, under a temporary name.
pub struct PartWriter {
    relative: String,
    path: PathBuf,
    temporary: PathBuf,
    file: File,
    writer: BatchedWriter<BufWriter<File>>,
    rows: u64,
}

impl PartWriter {
    /// Begins a file for frames of this schema.
    ///
    /// # Errors
    /// When the file cannot be created.
    pub fn create(root: &Path, relative: &str, schema: &Schema) -> Result<Self, LedgerError> {
        let path = root.join(relative);
        let directory = path.parent().unwrap_or(root);
        fs::create_dir_all(directory).map_err(LedgerError::file("create", directory))?;
        let temporary = path.with_extension("parquet.tmp");
        let file = File::create(&temporary).map_err(LedgerError::file("create", &temporary))?;
        let written = file.try_clone().map_err(LedgerError::file("open", &temporary))?;
        let writer = ParquetWriter::new(BufWriter::with_capacity(BUFFER, written))
            .with_compression(ParquetCompression::Zstd(None))
            .batched(schema)
            .map_err(failed("write", &temporary))?;
        Ok(Self { relative: relative.to_owned(), path, temporary, file, writer, rows: 0 })
    }

    /// Adds frames. Small ones share a row group: thousands of units that land a few rows
    /// each must not become thousands of row groups.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn append(&mut self, frames: &[DataFrame]) -> Result<(), LedgerError> {
        let mut rest = frames;
        while let Some((group, behind)) = next_group(rest) {
            self.rows += group.height() as u64;
            self.writer.write_batch(&group).map_err(failed("write", &self.temporary))?;
            rest = behind;
        }
        Ok(())
    }

    /// Ends the file, flushes it and gives it its name. The directories that hold it are not
    /// flushed: a commit does that for all its files.
    ///
    /// # Errors
    /// When the file cannot be written; nothing has its final name then.
    pub fn finish(self, units: Vec<String>) -> Result<Part, LedgerError> {
        self.writer.finish().map_err(failed("write", &self.temporary))?;
        self.file.sync_all().map_err(LedgerError::file("flush", &self.temporary))?;
        let bytes = self.file.metadata().map_err(LedgerError::file("measure", &self.temporary))?.len();
        fs::rename(&self.temporary, &self.path).map_err(LedgerError::file("rename", &self.path))?;
        Ok(Part { path: self.relative, rows: self.rows, bytes, units })
    }
}

fn failed(operation: &'static str, path: &Path) -> impl FnOnce(PolarsError) -> LedgerError {
    let path = path.display().to_string();
    move |cause| LedgerError::Parquet { operation, path, cause }
}

/// Writes frames of one dataset as one file.
///
/// # Errors
/// When the file cannot be written; nothing has its final name then.
pub fn write(
    root: &Path,
    relative: &str,
    frames: &[DataFrame],
    units: Vec<String>,
) -> Result<Part, LedgerError> {
    let schema = frames.first().map_or_else(Schema::default, |first| Schema::clone(first.schema()));
    let mut writer = PartWriter::create(root, relative, &schema)?;
    writer.append(frames)?;
    writer.finish(units)
}

/// The rows of the next row group, in one piece, and the frames behind them.
fn next_group(frames: &[DataFrame]) -> Option<(DataFrame, &[DataFrame])> {
    let (first, mut rest) = frames.split_first()?;
    let mut group = first.clone();
    let mut bytes = first.estimated_size();
    while let Some((next, behind)) = rest.split_first()
        && group.height() + next.height() <= ROWS_A_GROUP
        && bytes + next.estimated_size() <= BYTES_A_GROUP
    {
        bytes += next.estimated_size();
        // All are of one dataset, so their columns are the same.
        group.vstack_mut_unchecked(next);
        rest = behind;
    }
    group.rechunk_mut();
    Some((group, rest))
}

/// Gives a file that was written before its final name; its directory is not flushed.
///
/// # Errors
/// When it cannot be renamed.
pub fn rename(root: &Path, part: Part, relative: &str) -> Result<Part, LedgerError> {
    let (from, to) = (root.join(&part.path), root.join(relative));
    let directory = to.parent().unwrap_or(root);
    fs::create_dir_all(directory).map_err(LedgerError::file("create", directory))?;
    fs::rename(&from, &to).map_err(LedgerError::file("rename", &to))?;
    Ok(Part { path: relative.to_owned(), ..part })
}

/// Reads a file back without the rows of these units.
///
/// # Errors
/// When the file is missing or damaged.
pub fn read_without(
    root: &Path,
    part: &Part,
    dataset: Dataset,
    dropped: &BTreeSet<String>,
) -> Result<DataFrame, LedgerError> {
    let path = root.join(&part.path);
    let file = File::open(&path).map_err(LedgerError::file("open", &path))?;
    let columns = dataset.columns().iter().map(|column| column.name.to_owned()).collect();
    let frame =
        ParquetReader::new(file).with_columns(Some(columns)).finish().map_err(failed("read", &path))?;
    let objects = frame
        .column("source_object")
        .and_then(|column| column.str().cloned())
        .map_err(failed("read", &path))?;
    let keep: BooleanChunked =
        objects.iter().map(|object| object.is_none_or(|object| !dropped.contains(object))).collect();
    let mut kept = frame.filter(&keep).map_err(failed("read", &path))?;
    // Filtering may leave columns in pieces of different lengths, which cannot be written.
    kept.align_chunks_par();
    Ok(kept)
}
