//! Rows as typed columns: the one place where rows become polars frames.
//!
//! The schema is `model::landed`; a row that writes a cell of another type, leaves a
//! required one empty or stops short is refused, so that a frame is always a valid landing.

use model::landed::{Column, ColumnType, Dataset};
use model::money::{Amount, SCALE};
use model::time::Instant;
use polars::prelude::*;

use crate::ledger::LedgerError;

/// One row of a landed dataset: writes its cells in the order of the schema, after the
/// two that name its origin.
pub trait Row {
    /// The dataset it belongs to.
    const DATASET: Dataset;
    /// Writes every column after `source` and `source_object`.
    fn write(&self, cells: &mut Cells<'_>);
}

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

/// Collects rows of one dataset into a frame.
pub struct FrameBuilder {
    dataset: Dataset,
    builders: Vec<Builder>,
    rows: usize,
}

impl FrameBuilder {
    /// An empty frame of this dataset.
    pub fn new(dataset: Dataset) -> Self {
        Self { dataset, builders: dataset.columns().iter().map(Builder::new).collect(), rows: 0 }
    }

    /// Rows so far.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Adds one row.
    ///
    /// # Errors
    /// [`FrameError::Cell`] when the row does not fit the schema; the builder is then
    /// unusable and must be dropped.
    pub fn push<R: Row>(&mut self, origin: &Origin, row: &R) -> Result<(), FrameError> {
        debug_assert_eq!(R::DATASET, self.dataset);
        let mut cells = Cells { builder: self, at: 0, fault: None };
        cells.text(&origin.source);
        cells.text(&origin.object);
        row.write(&mut cells);
        let (at, fault) = (cells.at, cells.fault);
        let expected = self.dataset.columns().len();
        let fault = fault.or((at != expected).then_some((at, "the row stops short")));
        match fault {
            Some((index, fault)) => Err(FrameError::Cell {
                dataset: self.dataset,
                column: self.dataset.columns().get(index).map_or_else(String::new, |c| c.name.to_owned()),
                index,
                fault,
            }),
            None => {
                self.rows += 1;
                Ok(())
            }
        }
    }

    /// The rows as a frame.
    ///
    /// # Errors
    /// [`FrameError::Build`] when polars refuses, which no valid row makes it do.
    pub fn finish(self) -> Result<DataFrame, FrameError> {
        let dataset = self.dataset;
        let columns: PolarsResult<Vec<_>> = self.builders.into_iter().map(Builder::finish).collect();
        columns
            .and_then(|columns| DataFrame::new(self.rows, columns))
            .map_err(|cause| FrameError::Build { dataset, cause })
    }
}

/// The cells of the row being written, one call a column.
pub struct Cells<'a> {
    builder: &'a mut FrameBuilder,
    at: usize,
    fault: Option<(usize, &'static str)>,
}

impl Cells<'_> {
    fn column(&mut self, present: bool) -> Option<&mut Builder> {
        let index = self.at;
        self.at += 1;
        let Some(column) = self.builder.dataset.columns().get(index) else {
            self.fault.get_or_insert((index, "the row has too many cells"));
            return None;
        };
        if column.required && !present {
            self.fault.get_or_insert((index, "a required cell is empty"));
        }
        self.builder.builders.get_mut(index)
    }

    fn wrong_type(&mut self) {
        self.fault.get_or_insert((self.at - 1, "the cell has another type"));
    }

    /// A text.
    pub fn text(&mut self, value: &str) {
        self.opt_text(Some(value));
    }

    /// A text or null.
    pub fn opt_text(&mut self, value: Option<&str>) {
        match self.column(value.is_some()) {
            Some(Builder::Text(builder)) => builder.append_option(value),
            _ => self.wrong_type(),
        }
    }

    /// An integer.
    pub fn int(&mut self, value: i64) {
        self.opt_int(Some(value));
    }

    /// An integer or null.
    pub fn opt_int(&mut self, value: Option<i64>) {
        match self.column(value.is_some()) {
            Some(Builder::Int(builder)) => builder.append_option(value),
            _ => self.wrong_type(),
        }
    }

    /// True or false.
    pub fn bool(&mut self, value: bool) {
        self.opt_bool(Some(value));
    }

    /// True, false or null.
    pub fn opt_bool(&mut self, value: Option<bool>) {
        match self.column(value.is_some()) {
            Some(Builder::Bool(builder)) => builder.append_option(value),
            _ => self.wrong_type(),
        }
    }

    /// An instant.
    pub fn instant(&mut self, value: Instant) {
        self.opt_instant(Some(value));
    }

    /// An instant or null.
    pub fn opt_instant(&mut self, value: Option<Instant>) {
        match self.column(value.is_some()) {
            Some(Builder::Instant(builder)) => builder.append_option(value.map(|at| at.timestamp_micros())),
            _ => self.wrong_type(),
        }
    }

    /// A cost or a quantity.
    pub fn decimal(&mut self, value: Amount) {
        self.opt_decimal(Some(value));
    }

    /// A cost, a quantity or null.
    pub fn opt_decimal(&mut self, value: Option<Amount>) {
        match self.column(value.is_some()) {
            Some(Builder::Decimal(builder)) => builder.append_option(value.map(Amount::units)),
            _ => self.wrong_type(),
        }
    }
}
