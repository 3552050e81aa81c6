//! Rows as typed columns: the one place where rows become polars frames.
//!
//! The schema is `model::landed`; a row that writes a cell of another type, leaves a
//! required one empty or stops short is refused, so that a frame is always a valid landing.

use model::landed::{Column, ColumnType, Dataset};
use model::money::SCALE;
use polars::prelude::*;

use crate::ledger::LedgerError;
use crate::packed::{PackedRows, Unpacked};

/// Columns that name a row's origin: the first of every dataset.
pub(crate) const ORIGIN_COLUMNS: usize = 2;

/// Where rows came from: the first two columns of every dataset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Configured source name.
    pub source: String,
    /// URI of the unit (object or group of objects) read.
    pub object: String,
}

/// A row does not fit the landed schema: a fault of the reader, not of the input.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// A cell of the wrong type, an empty required cell, or too many cells.
    #[error("dataset `{dataset}`, column {index} (`{column}`): {fault}")]
    Cell {
        /// Dataset being filled.
        dataset: Dataset,
        /// Column name, or nothing past the last.
        column: String,
        /// Position in the schema.
        index: usize,
        /// What is wrong.
        fault: &'static str,
    },
    /// Packed rows do not read back.
    #[error("dataset `{dataset}`: packed rows end in the middle of one")]
    Packed {
        /// Dataset being filled.
        dataset: Dataset,
    },
    /// Polars could not build the frame.
    #[error("dataset `{dataset}`: {cause}")]
    Build {
        /// Dataset being filled.
        dataset: Dataset,
        /// What polars said.
        cause: PolarsError,
    },
    /// Rows that are too many for memory could not be written to the ledger.
    #[error(transparent)]
    Spill(Box<LedgerError>),
}

enum Builder {
    Text(StringChunkedBuilder),
    Int(PrimitiveChunkedBuilder<Int64Type>),
    Bool(BooleanChunkedBuilder),
    Instant(PrimitiveChunkedBuilder<Int64Type>),
    Decimal(PrimitiveChunkedBuilder<Int128Type>),
}

impl Builder {
    fn new(column: &Column) -> Self {
        let name = PlSmallStr::from_static(column.name);
        match column.kind {
            ColumnType::Text => Self::Text(StringChunkedBuilder::new(name, 0)),
            ColumnType::Int => Self::Int(PrimitiveChunkedBuilder::new(name, 0)),
            ColumnType::Bool => Self::Bool(BooleanChunkedBuilder::new(name, 0)),
            ColumnType::Instant => Self::Instant(PrimitiveChunkedBuilder::new(name, 0)),
            ColumnType::Decimal => Self::Decimal(PrimitiveChunkedBuilder::new(name, 0)),
        }
    }

    /// Takes the cell of a column out of packed rows; the bytes it takes here, or nothing
    /// where the rows end early.
    fn cell(&mut self, column: usize, rows: &mut Unpacked<'_>) -> Option<usize> {
        match self {
            Self::Text(builder) => {
                let text = rows.text(column)?;
                builder.append_option(text);
                return Some(text_bytes(text.unwrap_or_default()));
            }
            Self::Int(builder) | Self::Instant(builder) => builder.append_option(rows.long()?),
            Self::Bool(builder) => builder.append_option(rows.bool()?),
            Self::Decimal(builder) => builder.append_option(rows.units()?),
        }
        Some(self.width())
    }

    /// Bytes of a cell that is no text.
    fn width(&self) -> usize {
        match self {
            Self::Text(_) | Self::Decimal(_) => 16,
            Self::Int(_) | Self::Instant(_) => 8,
            Self::Bool(_) => 1,
        }
    }

    /// A text that does not come from packed rows.
    fn text(&mut self, text: &str) {
        if let Self::Text(builder) = self {
            builder.append_value(text);
        }
    }

    fn finish(self) -> PolarsResult<polars::prelude::Column> {
        Ok(match self {
            Self::Text(builder) => builder.finish().into_column(),
            Self::Int(builder) => builder.finish().into_column(),
            Self::Bool(builder) => builder.finish().into_column(),
            Self::Instant(builder) => {
                builder.finish().into_datetime(TimeUnit::Microseconds, None).into_column()
            }
            Self::Decimal(builder) => {
                builder.finish().into_decimal(38, SCALE as usize)?.into_series().into_column()
            }
        })
    }
}

/// Rows of a unit that are on their way into frames.
pub struct UnitRows<'a> {
    origin: &'a Origin,
    unpacked: Unpacked<'a>,
    left: usize,
}

impl<'a> UnitRows<'a> {
    /// All rows of a unit.
    pub fn new(origin: &'a Origin, rows: &'a PackedRows) -> Self {
        Self { origin, unpacked: rows.unpack(), left: rows.rows() }
    }

    /// Rows not yet in a frame.
    pub fn left(&self) -> usize {
        self.left
    }
}

/// The columns of a dataset as polars knows them.
pub(crate) fn schema(dataset: Dataset) -> Schema {
    let kind = |kind| match kind {
        ColumnType::Text => DataType::String,
        ColumnType::Int => DataType::Int64,
        ColumnType::Bool => DataType::Boolean,
        ColumnType::Instant => DataType::Datetime(TimeUnit::Microseconds, None),
        ColumnType::Decimal => DataType::Decimal(38, SCALE as usize),
    };
    let columns = dataset.columns().iter();
    columns.map(|column| (PlSmallStr::from_static(column.name), kind(column.kind))).collect()
}

/// Bytes a text takes in a column: a view, and itself where it is no part of the view.
fn text_bytes(text: &str) -> usize {
    if text.len() > 12 { 16 + text.len() } else { 16 }
}

/// Collects rows of one dataset, of one unit after the other, into frames.
pub struct FrameBuilder {
    dataset: Dataset,
    builders: Vec<Builder>,
    rows: usize,
    bytes: usize,
}

impl FrameBuilder {
    /// An empty frame of this dataset.
    pub fn new(dataset: Dataset) -> Self {
        Self { dataset, builders: dataset.columns().iter().map(Builder::new).collect(), rows: 0, bytes: 0 }
    }

    /// Rows so far.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Bytes they take.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds rows of a unit until there are no more, or until this many rows or bytes are
    /// reached.
    ///
    /// # Errors
    /// When packed rows do not read back, which what was packed always does.
    pub fn fill(&mut self, unit: &mut UnitRows<'_>, rows: usize, bytes: usize) -> Result<(), FrameError> {
        while unit.left > 0 && self.rows < rows && self.bytes < bytes {
            self.row(unit.origin, &mut unit.unpacked).ok_or(FrameError::Packed { dataset: self.dataset })?;
            unit.left -= 1;
        }
        Ok(())
    }

    fn row(&mut self, origin: &Origin, unpacked: &mut Unpacked<'_>) -> Option<()> {
        let (first, rest) = self.builders.split_at_mut_checked(ORIGIN_COLUMNS)?;
        for (builder, text) in first.iter_mut().zip([&origin.source, &origin.object]) {
            builder.text(text);
            self.bytes += text_bytes(text);
        }
        for (column, builder) in (ORIGIN_COLUMNS..).zip(rest) {
            self.bytes += builder.cell(column, unpacked)?;
        }
        self.rows += 1;
        Some(())
    }

    /// The rows so far as a frame, and begins the next.
    ///
    /// # Errors
    /// [`FrameError::Build`] when polars refuses, which no valid row makes it do.
    pub fn take(&mut self) -> Result<DataFrame, FrameError> {
        let full = std::mem::replace(self, Self::new(self.dataset));
        let dataset = full.dataset;
        let columns: PolarsResult<Vec<_>> = full.builders.into_iter().map(Builder::finish).collect();
        columns
            .and_then(|columns| DataFrame::new(full.rows, columns))
            .map_err(|cause| FrameError::Build { dataset, cause })
    }
}
