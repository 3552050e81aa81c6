//! Landed Parquet files: written under a temporary name, flushed and renamed; read back
//! only to be rewritten without the rows of a unit that changed.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::Path;

use model::landed::Dataset;
use model::manifest::Part;
use polars::prelude::*;

use crate::ledger::LedgerError;

/// Rows of a row group: what readers skip or take whole.
const ROWS_A_GROUP: usize = 1 << 17;
/// The writer writes in small pieces.
const BUFFER: usize = 1 << 18;

/// Writes frames of one dataset as one file. Small frames share a row group: thousands of
/// units that land a few rows each must not become thousands of row groups. The file is
/// flushed, the directories that hold it are not: a commit does that for all its files.
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
    fs::create_dir_all(directory).map_err(LedgerError::file("create", directory))?;
    let temporary = path.with_extension("parquet.tmp");
    let shown = || temporary.display().to_string();
    let failed = |cause| LedgerError::Parquet { operation: "write", path: shown(), cause };
    let file = File::create(&temporary).map_err(LedgerError::file("create", &temporary))?;
    let mut rows = 0_u64;
    if let Some(first) = frames.first() {
        let mut buffer = BufWriter::with_capacity(BUFFER, &file);
        let mut writer = ParquetWriter::new(&mut buffer)
            .with_compression(ParquetCompression::Zstd(None))
            .batched(first.schema())
            .map_err(failed)?;
        let mut rest = frames;
        while let Some((group, behind)) = next_group(rest) {
            rows += group.height() as u64;
            writer.write_batch(&group).map_err(failed)?;
            rest = behind;
        }
        writer.finish().map_err(failed)?;
        buffer.flush().map_err(LedgerError::file("write", &temporary))?;
    }
    file.sync_all().map_err(LedgerError::file("flush", &temporary))?;
    let bytes = file.metadata().map_err(LedgerError::file("measure", &temporary))?.len();
    fs::rename(&temporary, &path).map_err(LedgerError::file("rename", &path))?;
    Ok(Part { path: relative.to_owned(), rows, bytes, units })
}

/// The rows of the next row group, in one piece, and the frames behind them.
fn next_group(frames: &[DataFrame]) -> Option<(DataFrame, &[DataFrame])> {
    let (first, mut rest) = frames.split_first()?;
    let mut group = first.clone();
    while let Some((next, behind)) = rest.split_first()
        && group.height() + next.height() <= ROWS_A_GROUP
    {
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
