//! Rows in few bytes: what a sink keeps of a unit until its files are written.
//!
//! A polars column takes kilobytes however few values it has, and thousands of units land a
//! few rows each. So rows are kept one after the other in one vector, cell after cell in the
//! order of the schema, and become columns only when a row group of them is written. The
//! two columns that name a row's origin are not kept: they are the same for a whole unit.
//!
//! A cell is a head byte or two, then its bytes: numbers take the bytes they need, and a
//! text that equals the one above it takes one byte.

use model::landed::{Column, ColumnType, Dataset};
use model::money::Amount;
use model::time::Instant;

use crate::frame::{FrameError, ORIGIN_COLUMNS};

/// Head of a number that is not there; else it is how many bytes follow.
const NO_NUMBER: u8 = 0xff;
/// Head of a text that is not there.
const NO_TEXT: u64 = 0;
/// Head of a text that equals the last one of its column.
const SAME_TEXT: u64 = 1;
/// Heads of other texts are their lengths and this.
const LENGTH: u64 = 2;

/// One row of a landed dataset: writes its cells in the order of the schema, after the
/// two that name its origin.
pub trait Row {
    /// The dataset it belongs to.
    const DATASET: Dataset;
    /// Writes every column after `source` and `source_object`.
    fn write(&self, cells: &mut Cells<'_>);
}

/// Rows of one dataset and one unit.
#[derive(Debug)]
pub struct PackedRows {
    dataset: Dataset,
    rows: usize,
    bytes: Vec<u8>,
    /// Where the last text of each column stands in `bytes`: start and length.
    last: Vec<Option<(usize, usize)>>,
}

impl PackedRows {
    /// No rows yet.
    pub fn new(dataset: Dataset) -> Self {
        Self { dataset, rows: 0, bytes: Vec::new(), last: Vec::new() }
    }

    /// What they are rows of.
    pub fn dataset(&self) -> Dataset {
        self.dataset
    }

    /// How many.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The memory they take.
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Adds one row.
    ///
    /// # Errors
    /// [`FrameError::Cell`] when the row does not fit the landed schema; the rows are then
    /// unusable and must be dropped.
    pub fn push<R: Row>(&mut self, row: &R) -> Result<(), FrameError> {
        debug_assert_eq!(R::DATASET, self.dataset);
        let columns = self.dataset.columns();
        self.last.resize(columns.len(), None);
        let mut cells = Cells { columns, rows: self, at: ORIGIN_COLUMNS, fault: None };
        row.write(&mut cells);
        let (at, fault) = (cells.at, cells.fault);
        let fault = fault.or((at != columns.len()).then_some((at, "the row stops short")));
        match fault {
            Some((index, fault)) => Err(FrameError::Cell {
                dataset: self.dataset,
                column: columns.get(index).map_or_else(String::new, |column| column.name.to_owned()),
                index,
                fault,
            }),
            None => {
                self.rows += 1;
                Ok(())
            }
        }
    }

    /// Gives back the memory that only more rows would need.
    pub fn shrink(&mut self) {
        self.bytes.shrink_to_fit();
        self.last = Vec::new();
    }

    /// The cells again, in the order they were written.
    pub(crate) fn unpack(&self) -> Unpacked<'_> {
        Unpacked { bytes: &self.bytes, last: vec![""; self.dataset.columns().len()] }
    }
}

/// The cells of the row being written, one call a column.
pub struct Cells<'a> {
    columns: &'static [Column],
    rows: &'a mut PackedRows,
    at: usize,
    fault: Option<(usize, &'static str)>,
}

impl Cells<'_> {
    /// Moves on to the next column, which should be of this type; its position.
    fn column(&mut self, present: bool, is_right: impl FnOnce(ColumnType) -> bool) -> usize {
        let index = self.at;
        self.at += 1;
        let fault = match self.columns.get(index) {
            None => Some("the row has too many cells"),
            Some(column) if !is_right(column.kind) => Some("the cell has another type"),
            Some(column) if column.required && !present => Some("a required cell is empty"),
            Some(_) => None,
        };
        if let Some(fault) = fault {
            self.fault.get_or_insert((index, fault));
        }
        index
    }

    /// A text.
    pub fn text(&mut self, value: &str) {
        self.opt_text(Some(value));
    }

    /// A text or null.
    pub fn opt_text(&mut self, value: Option<&str>) {
        let index = self.column(value.is_some(), |kind| kind == ColumnType::Text);
        let Some(value) = value else { return push_head(&mut self.rows.bytes, NO_TEXT) };
        let Some(last) = self.rows.last.get_mut(index) else { return };
        let bytes = &mut self.rows.bytes;
        if last.and_then(|(start, length)| bytes.get(start..start + length)) == Some(value.as_bytes()) {
            return push_head(bytes, SAME_TEXT);
        }
        push_head(bytes, LENGTH + value.len() as u64);
        *last = Some((bytes.len(), value.len()));
        bytes.extend_from_slice(value.as_bytes());
    }

    /// An integer.
    pub fn int(&mut self, value: i64) {
        self.opt_int(Some(value));
    }

    /// An integer or null.
    pub fn opt_int(&mut self, value: Option<i64>) {
        self.column(value.is_some(), |kind| kind == ColumnType::Int);
        push_long(&mut self.rows.bytes, value);
    }

    /// True or false.
    pub fn bool(&mut self, value: bool) {
        self.opt_bool(Some(value));
    }

    /// True, false or null.
    pub fn opt_bool(&mut self, value: Option<bool>) {
        self.column(value.is_some(), |kind| kind == ColumnType::Bool);
        self.rows.bytes.push(value.map_or(NO_NUMBER, u8::from));
    }

    /// An instant.
    pub fn instant(&mut self, value: Instant) {
        self.opt_instant(Some(value));
    }

    /// An instant or null.
    pub fn opt_instant(&mut self, value: Option<Instant>) {
        self.column(value.is_some(), |kind| kind == ColumnType::Instant);
        push_long(&mut self.rows.bytes, value.map(|at| at.timestamp_micros()));
    }

    /// A cost or a quantity.
    pub fn decimal(&mut self, value: Amount) {
        self.opt_decimal(Some(value));
    }

    /// A cost, a quantity or null.
    pub fn opt_decimal(&mut self, value: Option<Amount>) {
        self.column(value.is_some(), |kind| kind == ColumnType::Decimal);
        let bytes = &mut self.rows.bytes;
        let Some(units) = value.map(Amount::units) else { return bytes.push(NO_NUMBER) };
        let zigzag = ((units << 1) ^ (units >> 127)).cast_unsigned();
        let length = 16 - zigzag.leading_zeros() as usize / 8;
        bytes.push(length as u8);
        bytes.extend_from_slice(&zigzag.to_le_bytes()[..length]);
    }
}

/// Seven bits a byte, the lowest first.
fn push_head(bytes: &mut Vec<u8>, mut head: u64) {
    while head >= 0x80 {
        bytes.push((head & 0x7f) as u8 | 0x80);
        head >>= 7;
    }
    bytes.push(head as u8);
}

fn push_long(bytes: &mut Vec<u8>, value: Option<i64>) {
    let Some(value) = value else { return bytes.push(NO_NUMBER) };
    // Signs move to the lowest bit, so that small negative numbers are short too.
    let zigzag = ((value << 1) ^ (value >> 63)).cast_unsigned();
    let length = 8 - zigzag.leading_zeros() as usize / 8;
    bytes.push(length as u8);
    bytes.extend_from_slice(&zigzag.to_le_bytes()[..length]);
}

/// Reads cells back, one call a column. Nothing where the bytes end early, which what was
/// packed never does.
pub(crate) struct Unpacked<'a> {
    bytes: &'a [u8],
    last: Vec<&'a str>,
}

impl<'a> Unpacked<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.bytes.split_at_checked(length)?;
        self.bytes = rest;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.bytes.split_first()?;
        self.bytes = rest;
        Some(*first)
    }

    fn head(&mut self) -> Option<u64> {
        let (mut head, mut shift) = (0, 0);
        loop {
            let byte = self.byte()?;
            head |= u64::from(byte & 0x7f) << shift;
            shift += 7;
            if byte < 0x80 {
                return Some(head);
            }
        }
    }

    /// The text of a column.
    pub(crate) fn text(&mut self, column: usize) -> Option<Option<&'a str>> {
        let text = match self.head()? {
            NO_TEXT => return Some(None),
            SAME_TEXT => return self.last.get(column).copied().map(Some),
            head => {
                let length = usize::try_from(head - LENGTH).ok()?;
                std::str::from_utf8(self.take(length)?).ok()?
            }
        };
        *self.last.get_mut(column)? = text;
        Some(Some(text))
    }

    /// An integer or the microseconds of an instant.
    pub(crate) fn long(&mut self) -> Option<Option<i64>> {
        let length = self.byte()?;
        if length == NO_NUMBER {
            return Some(None);
        }
        let mut bytes = [0; 8];
        bytes.get_mut(..length.into())?.copy_from_slice(self.take(length.into())?);
        let zigzag = u64::from_le_bytes(bytes);
        Some(Some((zigzag >> 1).cast_signed() ^ -(zigzag & 1).cast_signed()))
    }

    /// The units of a decimal.
    pub(crate) fn units(&mut self) -> Option<Option<i128>> {
        let length = self.byte()?;
        if length == NO_NUMBER {
            return Some(None);
        }
        let mut bytes = [0; 16];
        bytes.get_mut(..length.into())?.copy_from_slice(self.take(length.into())?);
        let zigzag = u128::from_le_bytes(bytes);
        Some(Some((zigzag >> 1).cast_signed() ^ -(zigzag & 1).cast_signed()))
    }

    /// True or false.
    pub(crate) fn bool(&mut self) -> Option<Option<bool>> {
        self.byte().map(|byte| (byte != NO_NUMBER).then_some(byte == 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back_whatever_their_length() {
        let longs = [0, 1, -1, 63, -64, 127, 128, -129, 1 << 40, i64::MAX, i64::MIN];
        let mut bytes = Vec::new();
        for value in longs {
            push_long(&mut bytes, Some(value));
        }
        push_long(&mut bytes, None);
        // 0 is its head alone, -1 and 1 take one byte more, the extremes eight.
        assert_eq!(bytes[..5], [0, 1, 2, 1, 1]);
        let mut unpacked = Unpacked { bytes: &bytes, last: Vec::new() };
        for value in longs {
            assert_eq!(unpacked.long(), Some(Some(value)));
        }
        assert_eq!(unpacked.long(), Some(None));
        assert_eq!(unpacked.long(), None);
    }

    #[test]
    fn heads_of_long_texts_take_more_bytes() {
        let mut bytes = Vec::new();
        for head in [0, 127, 128, 300, u64::MAX] {
            push_head(&mut bytes, head);
        }
        assert_eq!(bytes[..6], [0, 127, 0x80, 1, 0xac, 2]);
        let mut unpacked = Unpacked { bytes: &bytes, last: Vec::new() };
        for head in [0, 127, 128, 300, u64::MAX] {
            assert_eq!(unpacked.head(), Some(head));
        }
    }
}
