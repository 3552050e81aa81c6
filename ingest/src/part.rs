//! Landed Parquet files: written under a temporary name, flushed and renamed; read back
//! only to be rewritten without the rows of a unit that changed.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::Path;

use model::landed::Dataset;
use model::manifest::Part;
use polars::prelude::*;

use crate::ledger::{LedgerError, sync_directory};

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
    let path = root.join(relative);
    let directory = path.parent().unwrap_or(root);
    create_directory(directory)?;
    let temporary = path.with_extension("parquet.tmp");
    let shown = || temporary.display().to_string();
    let failed = |cause| LedgerError::Parquet { operation: "write", path: shown(), cause };
    let file = File::create(&temporary).map_err(LedgerError::file("create", &temporary))?;
    let mut rows = 0_u64;
    if let Some(first) = frames.first() {
        let mut writer = ParquetWriter::new(&file)
            .with_compression(ParquetCompression::Zstd(None))
            .batched(first.schema())
            .map_err(failed)?;
        for frame in frames {
            rows += frame.height() as u64;
            writer.write_batch(frame).map_err(failed)?;
        }
        writer.finish().map_err(failed)?;
    }
    file.sync_all().map_err(LedgerError::file("flush", &temporary))?;
    let bytes = file.metadata().map_err(LedgerError::file("measure", &temporary))?.len();
    fs::rename(&temporary, &path).map_err(LedgerError::file("rename", &path))?;
    sync_directory(directory)?;
    Ok(Part { path: relative.to_owned(), rows, bytes, units })
}

/// Makes a directory and what is missing above it, each flushed into its parent.
fn create_directory(directory: &Path) -> Result<(), LedgerError> {
    if directory.is_dir() {
        return Ok(());
    }
    if let Some(parent) = directory.parent() {
        create_directory(parent)?;
        fs::create_dir_all(directory).map_err(LedgerError::file("create", directory))?;
        sync_directory(parent)?;
    }
    Ok(())
}

/// Gives a file that was written before its final name.
///
/// # Errors
/// When it cannot be renamed.
pub fn rename(root: &Path, part: Part, relative: &str) -> Result<Part, LedgerError> {
    let (from, to) = (root.join(&part.path), root.join(relative));
    let directory = to.parent().unwrap_or(root);
    create_directory(directory)?;
    fs::rename(&from, &to).map_err(LedgerError::file("rename", &to))?;
    sync_directory(directory)?;
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
    let failed = |cause| LedgerError::Parquet { operation: "read", path: path.display().to_string(), cause };
    let file = File::open(&path).map_err(LedgerError::file("open", &path))?;
    let columns = dataset.columns().iter().map(|column| column.name.to_owned()).collect();
    let frame = ParquetReader::new(file).with_columns(Some(columns)).finish().map_err(failed)?;
    let objects = frame.column("source_object").and_then(|column| column.str().cloned()).map_err(failed)?;
    let keep: BooleanChunked =
        objects.iter().map(|object| object.is_none_or(|object| !dropped.contains(object))).collect();
    let mut kept = frame.filter(&keep).map_err(failed)?;
    // Filtering may leave columns in pieces of different lengths, which cannot be written.
    kept.align_chunks_par();
    Ok(kept)
}
