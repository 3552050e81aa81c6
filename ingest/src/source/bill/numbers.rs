//! Numbers of one line, with a note for the cells that hold none.

use model::money::Exact;

use super::notes::Notes;
use super::table::Line;
use super::value::{Unreadable, Value};
use crate::source::ReadError;

/// Reads numbers of one line. Only cells that matter for the line are asked for, so that
/// odd texts elsewhere are no noise.
pub(super) struct Numbers<'l, 'n> {
    /// The line.
    pub line: &'l Line<'l>,
    /// Names of the file's columns.
    pub names: &'l [String],
    /// Where odd cells are counted.
    pub notes: &'n mut Notes,
}

impl<'l> Numbers<'l, '_> {
    /// A price or quantity; null for an empty cell and, with a note, for other text.
    pub fn number(&mut self, column: Option<usize>) -> Option<Exact> {
        self.read(column, Value::number)
    }

    /// A cost in the range of costs, else as [`Numbers::number`].
    pub fn cost(&mut self, column: Option<usize>) -> Option<Exact> {
        self.read(column, Value::cost)
    }

    /// A whole number, else as [`Numbers::number`].
    pub fn int(&mut self, column: Option<usize>) -> Option<i64> {
        self.read(column, Value::int)
    }

    /// The cost a line is billed at: 0, with a note, where the cell is empty.
    ///
    /// # Errors
    /// When the cell holds anything but a cost: a bill with a line left out is no bill.
    pub fn billed(&mut self, column: Option<usize>) -> Result<Exact, ReadError> {
        match self.line.value(column).cost() {
            Ok(Some(cost)) => Ok(cost),
            Ok(None) => {
                let name = self.name(column);
                self.notes.count("empty-cost", name, || {
                    format!("lines with nothing in column `{name}`: they count 0")
                });
                Ok(Exact::default())
            }
            Err(Unreadable(text)) => {
                let fault = format!("`{text}` in column `{}` is no cost", self.name(column));
                Err(self.line.malformed(fault, Some("costs are plain decimals such as 12.5 or 1.3E-9, without currency sign or separators")))
            }
        }
    }

    fn read<T>(
        &mut self,
        column: Option<usize>,
        read: fn(Value<'l>) -> Result<Option<T>, Unreadable>,
    ) -> Option<T> {
        read(self.line.value(column)).unwrap_or_else(|Unreadable(text)| {
            let name = self.name(column);
            self.notes.count("unparsable-number", name, || {
                format!(
                    "column `{name}` holds texts such as `{text}` where a number should be: read as empty"
                )
            });
            None
        })
    }

    fn name(&self, column: Option<usize>) -> &'l str {
        column.and_then(|column| self.names.get(column)).map_or("", String::as_str)
    }
}
