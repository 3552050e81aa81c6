//! Exports of any size: rows are written as they come, so that memory does not grow with them.

use std::io::{self, Write};

use attribution::mart::{ColumnKind, Export, ExportColumn, MartError};

use super::csv_io;
use crate::cell;

/// Why an export came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The mart could not be asked.
    #[error("could not read what is exported")]
    Mart(#[from] MartError),
    /// The output could not be written.
    #[error("could not write the export")]
    Write(#[from] io::Error),
    /// The workbook could not be made.
    #[error("could not make the workbook")]
    Workbook(#[from] rust_xlsxwriter::XlsxError),
    /// A dimension was asked for twice.
    #[error("`{0}` is asked for twice")]
    Twice(String),
}

/// Takes the cells of one row.
pub type Put<'p> = dyn FnMut(&[Option<&str>]) -> Result<(), ExportError> + 'p;

/// Rows that come one after the other.
pub trait Rows {
    /// Their columns.
    fn columns(&self) -> &[ExportColumn];

    /// Hands over each.
    ///
    /// # Errors
    /// When they cannot be read, and what `put` gives, which ends it.
    fn each(&self, put: &mut Put<'_>) -> Result<(), ExportError>;
}

impl Rows for Export<'_> {
    fn columns(&self) -> &[ExportColumn] {
        Export::columns(self)
    }

    fn each(&self, put: &mut Put<'_>) -> Result<(), ExportError> {
        self.rows(put)
    }
}

/// Refuses columns of one name: readers would see one of them.
///
/// # Errors
/// [`ExportError::Twice`].
pub fn check(columns: &[ExportColumn]) -> Result<(), ExportError> {
    for (nth, column) in columns.iter().enumerate() {
        if columns[..nth].iter().any(|other| other.name == column.name) {
            return Err(ExportError::Twice(column.name.clone()));
        }
    }
    Ok(())
}

/// Writes CSV (RFC 4180); gives the number of rows. Texts that a spreadsheet would run are
/// disarmed, figures, days and instants never touched.
///
/// # Errors
/// [`ExportError`]; [`ExportError::Twice`] before anything is written.
pub fn csv(export: &impl Rows, out: &mut dyn Write) -> Result<u64, ExportError> {
    let columns = export.columns();
    check(columns)?;
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(out);
    writer.write_record(columns.iter().map(|column| column.name.as_str())).map_err(csv_io)?;
    let mut rows = 0;
    export.each(&mut |row| {
        for (value, column) in row.iter().zip(columns) {
            let value = value.unwrap_or_default();
            let written = match column.kind {
                ColumnKind::Text => writer.write_field(cell::text(value).as_ref()),
                ColumnKind::Decimal | ColumnKind::Day | ColumnKind::Instant => writer.write_field(value),
            };
            written.map_err(csv_io)?;
        }
        writer.write_record(None::<&[u8]>).map_err(csv_io)?;
        rows += 1;
        Ok(())
    })?;
    writer.flush()?;
    Ok(rows)
}

/// Writes a JSON array, one object a line; every value is a text, or null. Gives the number
/// of rows.
///
/// # Errors
/// As [`csv`].
pub fn json(export: &impl Rows, out: &mut dyn Write) -> Result<u64, ExportError> {
    let columns = export.columns();
    check(columns)?;
    let mut rows = 0;
    out.write_all(b"[")?;
    export.each(&mut |row| {
        out.write_all(if rows == 0 { b"\n{" } else { b",\n{" })?;
        for (nth, (value, column)) in row.iter().zip(columns).enumerate() {
            out.write_all(if nth == 0 { b"" } else { b"," })?;
            serde_json::to_writer(&mut *out, &column.name).map_err(io::Error::from)?;
            out.write_all(b":")?;
            serde_json::to_writer(&mut *out, value).map_err(io::Error::from)?;
        }
        out.write_all(b"}")?;
        rows += 1;
        Ok(())
    })?;
    out.write_all(if rows == 0 { b"]\n" } else { b"\n]\n" })?;
    out.flush()?;
    Ok(rows)
}
