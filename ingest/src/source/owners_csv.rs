//! Ownership rules in CSV files, as people keep them in spreadsheets and catalogs export
//! them: a line a rule, matched like the configuration's.
//!
//! A line that says nothing usable is left out and named; the rest of its file counts. A
//! file without the columns that make a rule is refused whole, so that what was landed of
//! it before stays.

use std::collections::HashMap;
use std::io::{self, Read as _};

use chrono::NaiveDate;
use csv::{ByteRecord, ReaderBuilder, Trim};
use model::Warning;
use model::time::{Instant, PeriodKey};

use super::codec::Codec;
use super::scalars::clean;
use super::{Plan, ReadError, Reader, Unit};
use crate::rows::Owner;
use crate::sink::Sink;
use crate::store::{Object, Store, StoreError};

const WHAT: &str = "list of owners";

/// Words of the column `kind`, which are those of an `[[owner_rule]]`.
const KINDS: [&str; 8] = ["tag", "owner", "workflow", "user", "table", "cluster", "resource", "account"];

/// Characters a cell may have: no name is longer, and a quote that is never closed must not
/// become one.
const LONGEST_CELL: usize = 2048;

/// Bytes a file may unpack to.
const LARGEST_FILE: u64 = 1 << 26;

/// The reader of `owners-csv`.
pub(super) struct OwnersCsv;

impl Reader for OwnersCsv {
    fn plan(&self, _store: &dyn Store, listing: &[Object]) -> Result<Plan, ReadError> {
        let is_csv = |object: &&Object| {
            let name = object.file_name();
            let plain = name.strip_suffix(".gz").unwrap_or(name);
            plain.to_ascii_lowercase().ends_with(".csv") && !name.starts_with(['.', '_', '~'])
        };
        let units = listing.iter().filter(is_csv).cloned().map(Unit::single);
        Ok(Plan { units: units.collect(), warnings: Vec::new() })
    }

    fn read(&self, store: &dyn Store, unit: &Unit, now: Instant, sink: &mut Sink) -> Result<(), ReadError> {
        for object in &unit.objects {
            read_file(store, object, now, sink)?;
        }
        Ok(())
    }

    /// A file that is gone owns nothing any more.
    fn replaces_periods(&self) -> bool {
        true
    }
}

/// Where the columns are.
struct Columns {
    kind: usize,
    pattern: usize,
    team: usize,
    tag_key: Option<usize>,
    from: Option<usize>,
    to: Option<usize>,
    width: usize,
}

fn malformed(object: &str, fault: impl Into<String>, hint: Option<&str>) -> ReadError {
    ReadError::Malformed {
        what: WHAT,
        object: object.to_owned(),
        fault: fault.into(),
        hint: hint.map(str::to_owned),
    }
}

fn read_file(store: &dyn Store, object: &Object, now: Instant, sink: &mut Sink) -> Result<(), ReadError> {
    let uri = object.uri.as_str();
    let decoder = Codec::of(object.file_name()).decoder(store.open(uri)?).map_err(|cause| StoreError {
        operation: "open",
        uri: uri.to_owned(),
        cause: Box::new(cause),
        hint: None,
    })?;
    let source = decoder.ok_or_else(|| malformed(uri, "its compression cannot be read", Some("use gzip")))?;
    let mut text = Vec::new();
    source.take(LARGEST_FILE + 1).read_to_end(&mut text).map_err(|cause| broken(uri, &cause.into()))?;
    if text.len() as u64 > LARGEST_FILE {
        return Err(malformed(uri, "it is larger than any list of owners", None));
    }
    let mut lines = LineCounter { text: &text, at: 0, line: 1 };
    let mut csv =
        ReaderBuilder::new().has_headers(false).flexible(true).trim(Trim::All).from_reader(text.as_slice());
    let mut record = ByteRecord::new();
    if !csv.read_byte_record(&mut record).map_err(|error| broken(uri, &error))? {
        return Err(malformed(uri, "the file is empty, without even a header", None));
    }
    let columns = header(uri, &record, sink)?;
    let recorded_at = object.modified.unwrap_or(now);
    // What each rule says, and the line and team that said it first.
    let mut said: HashMap<Said, (i64, String)> = HashMap::new();
    while csv.read_byte_record(&mut record).map_err(|error| broken(uri, &error))? {
        let line = lines.line_of(record.position().map_or(0, csv::Position::byte));
        let place = format!("{uri}:{line}");
        let row = match rule(&record, &columns, line, recorded_at) {
            Ok(Some(row)) => row,
            Ok(None) => continue,
            Err(fault) => {
                sink.warn(Warning::skipped("bad-owner", place, format!("{fault}: the line was left out")));
                continue;
            }
        };
        let key = (row.kind, row.tag_key.clone(), row.pattern.clone(), row.valid_from, row.valid_to);
        if let Some((first, team)) = said.get(&key) {
            let message = if *team == row.team {
                format!("it says what line {first} says: it counts once")
            } else {
                format!("line {first} gives the same to team `{team}`: the first counts")
            };
            sink.warn(Warning::new("duplicate-owner", place, message));
            continue;
        }
        said.insert(key, (row.source_line, row.team.clone()));
        // The rules of a file are replaced together, whatever day it was changed.
        sink.push(PeriodKey::month_of(NaiveDate::default()), &row)?;
    }
    if said.is_empty() {
        sink.warn(Warning::new("no-owners", uri, "the file holds no rule"));
    }
    Ok(())
}

/// Says on which line a record begins. The reader's own count lacks the end of the line before,
/// and blank lines, which it takes for the start of the next record.
struct LineCounter<'t> {
    text: &'t [u8],
    at: usize,
    line: u64,
}

impl LineCounter<'_> {
    /// The line of the record read at this byte; records come in order.
    fn line_of(&mut self, byte: u64) -> u64 {
        let start = usize::try_from(byte).unwrap_or(usize::MAX).clamp(self.at, self.text.len());
        let ends = self.text[start..].iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        let passed = &self.text[self.at..start + ends];
        self.line += passed.iter().filter(|byte| **byte == b'\n').count() as u64;
        self.at = start + ends;
        self.line
    }
}

/// What makes two lines one rule: kind, tag key, pattern, from, to.
type Said = (&'static str, Option<String>, String, Option<Instant>, Option<Instant>);

fn broken(uri: &str, error: &csv::Error) -> ReadError {
    let again = Some("it was copied or written only in part: copy it again");
    match error.kind() {
        csv::ErrorKind::Io(cause) if cause.kind() == io::ErrorKind::UnexpectedEof => {
            malformed(uri, "it stops in the middle", again)
        }
        csv::ErrorKind::Io(cause) => malformed(uri, format!("reading breaks off: {cause}"), again),
        _ => malformed(uri, format!("it is no CSV: {error}"), None),
    }
}

fn header(uri: &str, record: &ByteRecord, sink: &mut Sink) -> Result<Columns, ReadError> {
    const NAMES: [&str; 6] = ["kind", "tag_key", "pattern", "team", "from", "to"];
    let names: Vec<String> = record
        .iter()
        .map(|name| String::from_utf8_lossy(name).trim_matches(['\u{feff}', '"', ' ']).to_lowercase())
        .collect();
    let place = |wanted: &str| names.iter().position(|name| name == wanted);
    for name in NAMES {
        if names.iter().filter(|found| *found == name).count() > 1 {
            return Err(malformed(uri, format!("its header names the column `{name}` twice"), None));
        }
    }
    let required = |wanted: &'static str| {
        let hint = match names.as_slice() {
            [one] if one.contains([';', '\t']) => "separate the cells by commas",
            _ => "the header has at least kind, pattern and team; tag_key, from and to where they are needed",
        };
        place(wanted)
            .ok_or_else(|| malformed(uri, format!("its header has no column `{wanted}`"), Some(hint)))
    };
    let columns = Columns {
        kind: required("kind")?,
        pattern: required("pattern")?,
        team: required("team")?,
        tag_key: place("tag_key"),
        from: place("from"),
        to: place("to"),
        width: names.len(),
    };
    let unknown: Vec<&str> =
        names.iter().map(String::as_str).filter(|name| !name.is_empty() && !NAMES.contains(name)).collect();
    if !unknown.is_empty() {
        let shown: Vec<String> =
            unknown.iter().map(|name| clean(&name.chars().take(40).collect::<String>())).collect();
        let message = format!("columns no rule has are not read: {}", shown.join(", "));
        sink.warn(Warning::new("unknown-column", uri, message));
    }
    Ok(columns)
}

/// One line as a rule; nothing for a line without any cell filled.
fn rule(
    record: &ByteRecord,
    columns: &Columns,
    line: u64,
    recorded_at: Instant,
) -> Result<Option<Owner>, String> {
    let cells: Vec<&str> = record
        .iter()
        .map(|cell| std::str::from_utf8(cell).map_err(|_| "it is no valid UTF-8".to_owned()))
        .collect::<Result<_, _>>()?;
    if cells.iter().all(|cell| cell.is_empty()) {
        return Ok(None);
    }
    // Spreadsheets end lines with empty cells.
    if cells.iter().skip(columns.width).any(|cell| !cell.is_empty()) {
        return Err(format!("it has {} cells, the header {}", cells.len(), columns.width));
    }
    if cells.iter().any(|cell| cell.chars().count() > LONGEST_CELL) {
        return Err(format!("a cell is longer than {LONGEST_CELL} characters"));
    }
    let cell = |at: Option<usize>| at.and_then(|at| cells.get(at)).copied().unwrap_or_default();
    let filled = |name: &str, at: usize| match cell(Some(at)) {
        "" => Err(format!("`{name}` is empty")),
        text => Ok(clean(text)),
    };
    let word = cell(Some(columns.kind));
    let kind = KINDS
        .into_iter()
        .find(|kind| word.eq_ignore_ascii_case(kind))
        .ok_or_else(|| format!("`{}` is no kind of rule: use {}", clean(word), KINDS.join(", ")))?;
    let tag_key = match (kind, cell(columns.tag_key)) {
        ("tag", "") => return Err("a rule on a tag needs its `tag_key`".to_owned()),
        ("tag", key) => Some(model::tags::fold_key(key)),
        (_, "") => None,
        (kind, _) => return Err(format!("a rule on a {kind} has no `tag_key`")),
    };
    let (from, to) = (day("from", cell(columns.from))?, day("to", cell(columns.to))?);
    if from.zip(to).is_some_and(|(from, to)| from >= to) {
        return Err("`to` must be after `from`".to_owned());
    }
    Ok(Some(Owner {
        source_line: i64::try_from(line).unwrap_or(i64::MAX),
        recorded_at,
        kind,
        tag_key,
        pattern: filled("pattern", columns.pattern)?,
        team: filled("team", columns.team)?,
        valid_from: from,
        valid_to: to,
    }))
}

/// The start of a UTC day; nothing for an empty cell.
fn day(name: &str, text: &str) -> Result<Option<Instant>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    // chrono also takes years of other lengths and unpadded months.
    let day = Some(text).filter(|text| text.len() == 10);
    let day = day.and_then(|text| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok());
    let day =
        day.ok_or_else(|| format!("`{}` in `{name}` is no day: write it as 2026-01-31", clean(text)))?;
    Ok(Some(day.and_time(chrono::NaiveTime::MIN).and_utc()))
}
