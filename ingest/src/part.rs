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

use crate::frame::{FrameBuilder, Origin, UnitRows, schema};
use crate::ledger::LedgerError;
use crate::packed::PackedRows;

/// Rows of a row group: what readers skip or take whole.
const ROWS_A_GROUP: usize = 1 << 17;
/// Bytes of a row group before encoding: a row of a bill has sixty columns, a group is held
/// in one piece while it is encoded, and several files are written at once.
const BYTES_A_GROUP: usize = 32 << 20;
/// The writer writes in small pieces; some hundred files may be open.
const BUFFER: usize = 1 << 16;

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
    /// Begins a file of a dataset.
    ///
    /// # Errors
    /// When the file cannot be created.
    pub fn create(root: &Path, relative: &str, dataset: Dataset) -> Result<Self, LedgerError> {
        let path = root.join(relative);
        let directory = path.parent().unwrap_or(root);
        fs::create_dir_all(directory).map_err(LedgerError::file("create", directory))?;
        let temporary = path.with_extension("parquet.tmp");
        let file = File::create(&temporary).map_err(LedgerError::file("create", &temporary))?;
        let written = file.try_clone().map_err(LedgerError::file("open", &temporary))?;
        let writer = ParquetWriter::new(BufWriter::with_capacity(BUFFER, written))
            .with_compression(ParquetCompression::Zstd(None))
            .batched(&schema(dataset))
            .map_err(failed("write", &temporary))?;
        Ok(Self { relative: relative.to_owned(), path, temporary, file, writer, rows: 0 })
    }

    /// Writes a row group.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn group(&mut self, group: &DataFrame) -> Result<(), LedgerError> {
        self.rows += group.height() as u64;
        self.writer.write_batch(group).map_err(failed("write", &self.temporary))
    }

    /// Writes the rows of a unit, in as many row groups as they need.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn unit(&mut self, origin: &Origin, rows: &PackedRows) -> Result<(), LedgerError> {
        let mut unit = UnitRows::new(origin, rows);
        let mut frame = FrameBuilder::new(rows.dataset());
        while unit.left() > 0 {
            frame.fill(&mut unit, ROWS_A_GROUP, BYTES_A_GROUP)?;
            self.group(&frame.take()?)?;
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

/// A file that many units share. Their rows share row groups too: thousands of units that
/// land a few rows each must not become thousands of row groups.
pub struct SharedPart<'a> {
    root: &'a Path,
    relative: String,
    dataset: Dataset,
    /// Begun with the first row group.
    writer: Option<PartWriter>,
    /// Rows of the next row group that were landed before.
    landed: Vec<DataFrame>,
    /// Rows of `landed`.
    rows: usize,
    /// Bytes of `landed`.
    bytes: usize,
    /// The other rows of the next row group.
    fresh: FrameBuilder,
}

impl<'a> SharedPart<'a> {
    /// A file of a dataset, which is made once there is a row.
    pub fn new(root: &'a Path, relative: String, dataset: Dataset) -> Self {
        let fresh = FrameBuilder::new(dataset);
        Self { root, relative, dataset, writer: None, landed: Vec::new(), rows: 0, bytes: 0, fresh }
    }

    /// Adds rows that were landed before; to be called before [`SharedPart::unit`].
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn landed(&mut self, frame: DataFrame) -> Result<(), LedgerError> {
        let (rows, bytes) = (frame.height(), frame.estimated_size());
        if self.rows + rows > ROWS_A_GROUP || self.bytes + bytes > BYTES_A_GROUP {
            self.flush()?;
        }
        if rows > 0 {
            self.rows += rows;
            self.bytes += bytes;
            self.landed.push(frame);
        }
        Ok(())
    }

    /// Adds the rows of a unit.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn unit(&mut self, origin: &Origin, rows: &PackedRows) -> Result<(), LedgerError> {
        let mut unit = UnitRows::new(origin, rows);
        loop {
            let room = (ROWS_A_GROUP.saturating_sub(self.rows), BYTES_A_GROUP.saturating_sub(self.bytes));
            self.fresh.fill(&mut unit, room.0, room.1)?;
            if unit.left() == 0 {
                return Ok(());
            }
            self.flush()?;
        }
    }

    /// Writes what there is as one row group.
    fn flush(&mut self) -> Result<(), LedgerError> {
        let mut frames = std::mem::take(&mut self.landed);
        (self.rows, self.bytes) = (0, 0);
        if self.fresh.rows() > 0 {
            frames.push(self.fresh.take()?);
        }
        let mut frames = frames.into_iter();
        let Some(mut group) = frames.next() else { return Ok(()) };
        for frame in frames {
            // All are of one dataset, so their columns are the same.
            group.vstack_mut_unchecked(&frame);
        }
        group.rechunk_mut();
        let writer = match &mut self.writer {
            Some(writer) => writer,
            None => self.writer.insert(PartWriter::create(self.root, &self.relative, self.dataset)?),
        };
        writer.group(&group)
    }

    /// Ends the file as [`PartWriter::finish`] does; nothing where there was no row.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn finish(mut self, units: Vec<String>) -> Result<Option<Part>, LedgerError> {
        self.flush()?;
        self.writer.map(|writer| writer.finish(units)).transpose()
    }
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

/// Reads a file back without the rows of these units, some at a time: a file may hold the
/// rows of any number of units.
///
/// # Errors
/// When the file is missing or damaged, or `take` fails.
pub fn read_without(
    root: &Path,
    part: &Part,
    dataset: Dataset,
    dropped: &BTreeSet<String>,
    take: &mut dyn FnMut(DataFrame) -> Result<(), LedgerError>,
) -> Result<(), LedgerError> {
    let path = root.join(&part.path);
    let file = File::open(&path).map_err(LedgerError::file("open", &path))?;
    let columns: Vec<String> = dataset.columns().iter().map(|column| column.name.to_owned()).collect();
    let metadata = {
        let file = file.try_clone().map_err(LedgerError::file("open", &path))?;
        ParquetReader::new(file).get_metadata().map_err(failed("read", &path))?.clone()
    };
    // A cell takes sixteen bytes or a little more.
    let rows = (BYTES_A_GROUP / (24 * columns.len())).min(ROWS_A_GROUP);
    for from in (0..metadata.num_rows).step_by(rows) {
        let file = file.try_clone().map_err(LedgerError::file("open", &path))?;
        let mut reader =
            ParquetReader::new(file).with_columns(Some(columns.clone())).with_slice(Some((from, rows)));
        reader.set_metadata(metadata.clone());
        let frame = reader.finish().map_err(failed("read", &path))?;
        take(without(&frame, dropped).map_err(failed("read", &path))?)?;
    }
    Ok(())
}

/// A frame without the rows of these units.
fn without(frame: &DataFrame, dropped: &BTreeSet<String>) -> PolarsResult<DataFrame> {
    let objects = frame.column("source_object")?.str()?;
    let keep: BooleanChunked =
        objects.iter().map(|object| object.is_none_or(|object| !dropped.contains(object))).collect();
    frame.filter(&keep)
}
