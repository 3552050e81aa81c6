//! Parquet bills, a part of a row group in memory at a time.

use std::fs::File;
use std::io::{self, Read};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use chrono::DateTime;
use polars::prelude::*;

use super::malformed;
use super::notes::Notes;
use super::table::{Cells, Header, Line};
use super::value::Value;
use crate::source::ReadError;

/// Cells in memory at a time, each of sixteen bytes or a little more. A row group of a bill
/// holds up to a million rows of a hundred columns; its pages are decompressed once more for
/// each part, which takes little beside what is made of the rows.
const CELLS_A_BATCH: usize = 1 << 21;

const COPY_AGAIN: &str = "it was copied or uploaded only in part: copy it again";

/// The columns of some rows that are read.
pub(in crate::source) struct Batch {
    /// By position in the file; nothing for columns that are not read.
    columns: Vec<Option<BatchColumn>>,
}

enum BatchColumn {
    Null,
    Text(StringChunked),
    Double(Float64Chunked),
    Single(Float32Chunked),
    Int(Int64Chunked),
    Decimal(Int128Chunked, usize),
    Instant(Int64Chunked, TimeUnit),
    Bool(BooleanChunked),
}

impl Batch {
    /// The wanted columns of a file of so many, read from it as this frame.
    fn new(frame: &DataFrame, columns: usize, wanted: &[usize], rows: usize) -> PolarsResult<Self> {
        let mut columns: Vec<Option<BatchColumn>> = (0..columns).map(|_| None).collect();
        for (position, column) in wanted.iter().zip(frame.columns()) {
            polars_ensure!(column.len() == rows, ComputeError: "column `{}` has {} of {rows} rows", column.name(), column.len());
            columns[*position] = Some(BatchColumn::new(column.as_materialized_series())?);
        }
        Ok(Self { columns })
    }

    /// A cell.
    pub(super) fn value(&self, column: usize, row: usize) -> Value<'_> {
        let Some(Some(column)) = self.columns.get(column) else { return Value::Null };
        match column {
            BatchColumn::Null => None,
            BatchColumn::Text(cells) => cells.get(row).map(Value::Text),
            BatchColumn::Double(cells) => cells.get(row).map(Value::Double),
            // The double whose shortest text is that of the single: 0.1, not 0.10000000149.
            BatchColumn::Single(cells) => {
                cells.get(row).map(|value| Value::Double(value.to_string().parse().unwrap_or(f64::NAN)))
            }
            BatchColumn::Int(cells) => cells.get(row).map(|value| Value::Int(value.into())),
            BatchColumn::Decimal(cells, scale) => cells.get(row).map(|digits| Value::Decimal(digits, *scale)),
            BatchColumn::Instant(cells, unit) => cells.get(row).and_then(|ticks| instant(ticks, *unit)),
            BatchColumn::Bool(cells) => cells.get(row).map(Value::Bool),
        }
        .unwrap_or(Value::Null)
    }
}

fn instant(ticks: i64, unit: TimeUnit) -> Option<Value<'static>> {
    match unit {
        TimeUnit::Milliseconds => DateTime::from_timestamp_millis(ticks),
        TimeUnit::Microseconds => DateTime::from_timestamp_micros(ticks),
        TimeUnit::Nanoseconds => Some(DateTime::from_timestamp_nanos(ticks)),
    }
    .map(Value::Instant)
}

impl BatchColumn {
    fn new(column: &Series) -> PolarsResult<Self> {
        let column = column.rechunk();
        Ok(match column.dtype() {
            DataType::Null => Self::Null,
            DataType::String => Self::Text(column.str()?.clone()),
            // Some writers do not mark their texts as texts.
            DataType::Binary => Self::Text(column.strict_cast(&DataType::String)?.str()?.clone()),
            DataType::Float64 => Self::Double(column.f64()?.clone()),
            DataType::Float32 => Self::Single(column.f32()?.clone()),
            DataType::Int32 | DataType::Int64 | DataType::UInt32 | DataType::UInt64 => {
                Self::Int(column.strict_cast(&DataType::Int64)?.i64()?.clone())
            }
            DataType::Decimal(_, scale) => Self::Decimal(column.decimal()?.physical().clone(), *scale),
            DataType::Datetime(unit, _) => Self::Instant(column.datetime()?.physical().clone(), *unit),
            DataType::Date => {
                let at = column.strict_cast(&DataType::Datetime(TimeUnit::Milliseconds, None))?;
                Self::Instant(at.datetime()?.physical().clone(), TimeUnit::Milliseconds)
            }
            DataType::Boolean => Self::Bool(column.bool()?.clone()),
            DataType::List(entry) if is_entry(entry) => Self::Text(map_texts(&column)?),
            other => {
                polars_bail!(ComputeError: "column `{}` holds {other}, which no bill does", column.name())
            }
        })
    }
}

/// Maps arrive as lists of pairs.
fn is_entry(entry: &DataType) -> bool {
    matches!(entry, DataType::Struct(fields) if fields.len() == 2 && fields[0].name().as_str() == "key")
}

/// Maps as JSON objects of texts, which is how a CSV of the same export has them; an
/// empty map is null.
fn map_texts(column: &Series) -> PolarsResult<StringChunked> {
    let maps = column.list()?;
    let rows = maps.len();
    let entries = maps.get_inner();
    let pair = entries.struct_()?.fields_as_series();
    let text = |field: &Series| field.rechunk().strict_cast(&DataType::String);
    let (keys, values) = (text(&pair[0])?, text(&pair[1])?);
    let (keys, values) = (keys.str()?, values.str()?);
    let mut texts = StringChunkedBuilder::new(column.name().clone(), rows);
    let mut object = String::new();
    for map in maps.downcast_iter() {
        let offsets = map.offsets();
        for row in 0..map.len() {
            let (from, to) = offsets.start_end(row);
            object.clear();
            let valid = map.validity().is_none_or(|validity| validity.get_bit(row));
            for at in (from..to).filter(|_| valid) {
                if let (Some(key), Some(value)) = (keys.get(at), values.get(at)) {
                    object.push(if object.is_empty() { '{' } else { ',' });
                    push_json(&mut object, key);
                    object.push(':');
                    push_json(&mut object, value);
                }
            }
            if !object.is_empty() {
                object.push('}');
            }
            texts.append_option((!object.is_empty()).then_some(object.as_str()));
        }
    }
    Ok(texts.finish())
}

/// Appends a text as JSON; few need escapes.
fn push_json(object: &mut String, text: &str) {
    if text.bytes().all(|byte| byte >= b' ' && byte != b'"' && byte != b'\\') {
        object.push('"');
        object.push_str(text);
        object.push('"');
    } else {
        object.push_str(&serde_json::Value::from(text).to_string());
    }
}

/// Reads a Parquet file as [`super::table::read_table`] does.
pub(super) fn read<L>(
    mut bytes: impl Read,
    uri: &str,
    notes: &mut Notes,
    open: impl FnOnce(&mut Header) -> Result<L, ReadError>,
) -> Result<(), ReadError>
where
    L: FnMut(&Line<'_>, &mut Notes) -> Result<(), ReadError>,
{
    let broken = |fault: String| malformed(uri, fault, Some(COPY_AGAIN));
    let file = spool(&mut bytes).map_err(|cause| broken(format!("reading breaks off: {cause}")))?;
    let mut footer = guarded(|| {
        let mut reader = ParquetReader::new(file.try_clone()?);
        let mut footer = FileMetadata::clone(reader.get_metadata()?);
        // The writer's hint how to show its columns, dictionaries among them: we want
        // plain texts and numbers, which is what the types of Parquet itself say.
        footer.key_value_metadata = None;
        Ok(footer)
    })
    .map_err(|fault| broken(format!("no readable Parquet footer: {fault}")))?;

    let names = footer.schema().fields().iter().map(|field| field.name().to_owned()).collect();
    let mut header = Header::new(names);
    let mut take = open(&mut header)?;
    let wanted: Vec<usize> = header.wanted().iter().copied().collect();
    let rows_a_batch = CELLS_A_BATCH / wanted.len().clamp(1, CELLS_A_BATCH);

    let mut number = 0;
    // Polars reads what the footer names: a footer of one row group is a file of one.
    let row_groups = std::mem::take(&mut footer.row_groups);
    for (index, row_group) in row_groups.into_iter().enumerate() {
        let rows = row_group.num_rows();
        let one = FileMetadata {
            num_rows: rows,
            max_row_group_height: rows,
            row_groups: vec![row_group],
            ..footer.clone()
        };
        let one = Arc::new(one);
        for from in (0..rows).step_by(rows_a_batch) {
            let rows = (rows - from).min(rows_a_batch);
            let batch = guarded(|| {
                let mut reader = ParquetReader::new(file.try_clone()?)
                    .with_projection(Some(wanted.clone()))
                    .with_slice(Some((from, rows)));
                reader.set_metadata(Arc::clone(&one));
                Batch::new(&reader.finish()?, header.names().len(), &wanted, rows)
            })
            .map_err(|fault| broken(format!("row group {} cannot be read: {fault}", index + 1)))?;
            for row in 0..rows {
                number += 1;
                let cells = Cells::Parquet(&batch, row);
                take(
                    &Line { number, place: number.unsigned_abs(), uri, cells, null_text: header.null_text() },
                    notes,
                )?;
            }
        }
    }
    Ok(())
}

/// Parquet is read from its end, an object from its start: it passes through an unnamed
/// temporary file, so that its size is no matter.
fn spool(bytes: &mut dyn Read) -> io::Result<File> {
    let mut file = tempfile::tempfile()?;
    io::copy(bytes, &mut file)?;
    Ok(file)
}

/// Calls polars; on damaged pages it may panic instead of failing, which must cost us
/// the file and not the process.
fn guarded<T>(call: impl FnOnce() -> PolarsResult<T>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(result) => result.map_err(|error| error.to_string()),
        Err(_) => Err("its pages are damaged".to_owned()),
    }
}
