//! A file of a bill as a header and lines: CSV, plain or gzip, or Parquet. The format is
//! told by the first bytes, since buckets are full of misnamed files.

use std::collections::{BTreeSet, HashMap};
use std::io::{self, Cursor, ErrorKind, Read};

use csv::{ByteRecord, StringRecord};
use flate2::read::MultiGzDecoder;

use super::malformed;
use super::notes::Notes;
use super::parquet::{self, Batch};
use super::value::Value;
use crate::source::ReadError;
use crate::store::Store;

/// The columns of a file, found by any spelling of their names.
pub(super) struct Header {
    names: Vec<String>,
    by_folded: HashMap<String, usize>,
    wanted: BTreeSet<usize>,
    null_text: Option<&'static str>,
}

impl Header {
    pub(super) fn new(names: Vec<String>) -> Self {
        let mut by_folded = HashMap::new();
        for (index, name) in names.iter().enumerate() {
            by_folded.entry(fold(name)).or_insert(index);
        }
        Self { names, by_folded, wanted: BTreeSet::new(), null_text: None }
    }

    /// The first of these columns the file has, to be read. `lineItem/UsageType`,
    /// `line_item_usage_type` and `LineItemUsageType` are one name.
    pub fn find(&mut self, names: &[&str]) -> Option<usize> {
        let found = names.iter().find_map(|name| self.by_folded.get(&fold(name)).copied());
        self.wanted.extend(found);
        found
    }

    /// Has the column read.
    pub fn want(&mut self, index: usize) {
        self.wanted.insert(index);
    }

    /// Has cells of this text read as null.
    pub fn treat_as_null(&mut self, text: &'static str) {
        self.null_text = Some(text);
    }

    pub(super) fn null_text(&self) -> Option<&'static str> {
        self.null_text
    }

    /// Whether the file has this column, under any spelling.
    pub fn has(&self, name: &str) -> bool {
        self.by_folded.contains_key(&fold(name))
    }

    /// The names as written, in order.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Columns to be read, ascending.
    pub(super) fn wanted(&self) -> &BTreeSet<usize> {
        &self.wanted
    }

    /// The first few names, for an error that has to say what was found instead.
    pub fn sample(&self) -> String {
        let first: Vec<String> =
            self.names.iter().take(5).map(|name| name.chars().take(40).collect()).collect();
        format!(
            "{} columns: {}{}",
            self.names.len(),
            first.join(", "),
            if self.names.len() > 5 { ", ..." } else { "" }
        )
    }
}

/// Letters and digits alone, lower case: what the spellings of a column have in common.
fn fold(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Where the cells of a line are.
#[derive(Clone, Copy)]
pub(super) enum Cells<'a> {
    /// A record of a CSV.
    Csv(&'a StringRecord),
    /// A row of a batch of Parquet.
    Parquet(&'a Batch, usize),
}

/// One line of a bill.
pub(in crate::source) struct Line<'a> {
    /// Row in its file, from 1, the header not counted.
    pub number: i64,
    /// Line of the text file, or the row of a Parquet file: where a person would look.
    pub place: u64,
    /// The file.
    pub uri: &'a str,
    pub(super) cells: Cells<'a>,
    /// A text that means null.
    pub(super) null_text: Option<&'static str>,
}

impl<'a> Line<'a> {
    /// A cell; null where the file has no such column.
    pub(super) fn value(&self, column: Option<usize>) -> Value<'a> {
        let value = match (column, self.cells) {
            (None, _) => Value::Null,
            (Some(column), Cells::Csv(record)) => record.get(column).map_or(Value::Null, Value::Text),
            (Some(column), Cells::Parquet(batch, row)) => batch.value(column, row),
        };
        match value {
            Value::Text(text) if Some(text) == self.null_text => Value::Null,
            value => value,
        }
    }

    /// An error that names this line.
    pub(super) fn malformed(&self, fault: impl Into<String>, hint: Option<&str>) -> ReadError {
        malformed(format!("{}:{}", self.uri, self.place), fault, hint)
    }
}

/// Reads a file line by line: `open` takes the header and returns what takes the lines.
///
/// # Errors
/// When the file is missing, empty, truncated or of no known format, and what `open` and
/// the lines' taker refuse.
pub(super) fn read_table<L>(
    store: &dyn Store,
    uri: &str,
    notes: &mut Notes,
    open: impl FnOnce(&mut Header) -> Result<L, ReadError>,
) -> Result<(), ReadError>
where
    L: FnMut(&Line<'_>, &mut Notes) -> Result<(), ReadError>,
{
    let mut bytes = store.open(uri)?;
    let start = first_bytes(&mut *bytes)
        .map_err(|cause| malformed(uri, format!("reading breaks off: {cause}"), None))?;
    let whole = Cursor::new(start.clone()).chain(bytes);
    match start.as_slice() {
        [] => Err(malformed(
            uri,
            "the file is empty, without even a header",
            Some("it was copied or uploaded only in part: copy it again"),
        )),
        [0x1f, 0x8b, ..] => read_csv(MultiGzDecoder::new(whole), uri, notes, open),
        [b'P', b'A', b'R', b'1'] => parquet::read(whole, uri, notes, open),
        [b'P', b'K', 3, 4] => Err(malformed(
            uri,
            "zip files are not read",
            Some("choose gzip or Parquet as the compression of the report, or unpack the file"),
        )),
        _ => read_csv(whole, uri, notes, open),
    }
}

fn first_bytes(bytes: &mut dyn Read) -> io::Result<Vec<u8>> {
    let mut start = Vec::with_capacity(4);
    bytes.take(4).read_to_end(&mut start)?;
    Ok(start)
}

fn read_csv<L>(
    bytes: impl Read,
    uri: &str,
    notes: &mut Notes,
    open: impl FnOnce(&mut Header) -> Result<L, ReadError>,
) -> Result<(), ReadError>
where
    L: FnMut(&Line<'_>, &mut Notes) -> Result<(), ReadError>,
{
    let mut csv = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .buffer_capacity(1 << 16)
        .from_reader(bytes);
    let mut record = ByteRecord::new();
    if !csv.read_byte_record(&mut record).map_err(|error| broken(&error, uri, 0))? {
        return Err(malformed(
            uri,
            "the file is empty, without even a header",
            Some("it was copied or uploaded only in part: copy it again"),
        ));
    }
    let mut header = Header::new(
        record
            .iter()
            .map(|name| String::from_utf8_lossy(name).trim_matches(['\u{feff}', ' ']).to_owned())
            .collect(),
    );
    let mut take = open(&mut header)?;
    let mut width = None;
    let mut number = 0;
    loop {
        let more = csv.read_byte_record(&mut record).map_err(|error| broken(&error, uri, number))?;
        if !more {
            return Ok(());
        }
        number += 1;
        let place = record.position().map_or(0, csv::Position::line);
        let text = as_text(record, notes);
        let line = Line { number, place, uri, cells: Cells::Csv(&text), null_text: header.null_text };
        if *width.get_or_insert(text.len()) != text.len() {
            let fault =
                format!("the line has {} cells, those before it {}", text.len(), width.unwrap_or_default());
            return Err(line.malformed(fault, Some("the file was cut off, or a quote in it is never closed")));
        }
        if text.len() != header.names.len() {
            notes.count("ragged-header", "", || {
                format!(
                    "lines have {} cells, the header names {}: cells are taken by position",
                    text.len(),
                    header.names.len()
                )
            });
        }
        take(&line, notes)?;
        record = text.into_byte_record();
    }
}

fn as_text(record: ByteRecord, notes: &mut Notes) -> StringRecord {
    StringRecord::from_byte_record(record).unwrap_or_else(|error| {
        notes.count("invalid-utf8", "", || {
            "lines that are not valid UTF-8: the bytes in question became \u{fffd}".to_owned()
        });
        StringRecord::from_byte_record_lossy(error.into_byte_record())
    })
}

fn broken(error: &csv::Error, uri: &str, lines: i64) -> ReadError {
    let again = Some("it was copied or uploaded only in part: copy it again");
    match error.kind() {
        csv::ErrorKind::Io(cause) if cause.kind() == ErrorKind::UnexpectedEof => {
            malformed(uri, format!("the gzip stream ends early, after line {lines} of the bill"), again)
        }
        csv::ErrorKind::Io(cause) => {
            malformed(uri, format!("reading breaks off after line {lines}: {cause}"), again)
        }
        _ => malformed(uri, format!("no CSV after line {lines}: {error}"), None),
    }
}
