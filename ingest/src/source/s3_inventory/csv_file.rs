//! Lists as CSV: no header, every cell quoted, keys URL-encoded, always gzip.

use std::borrow::Cow;
use std::io::{BufReader, Read};

use chrono::DateTime;
use csv::{ByteRecord, ReaderBuilder};
use flate2::read::MultiGzDecoder;

use super::columns::{Field, Listed};
use super::malformed;
use super::manifest::Manifest;
use super::sums::Sums;
use crate::source::ReadError;
use crate::store::{Object, Store};

/// Where the fields are.
struct Places {
    key: usize,
    size: Option<usize>,
    modified: Option<usize>,
    storage_class: Option<usize>,
    is_latest: Option<usize>,
    is_delete_marker: Option<usize>,
}

impl Places {
    fn of(columns: &[String]) -> Option<Self> {
        let place = |field| columns.iter().position(|column| Field::of(column) == Some(field));
        Some(Self {
            key: place(Field::Key)?,
            size: place(Field::Size),
            modified: place(Field::Modified),
            storage_class: place(Field::StorageClass),
            is_latest: place(Field::IsLatest),
            is_delete_marker: place(Field::IsDeleteMarker),
        })
    }
}

/// Adds up one list.
pub(super) fn read(
    store: &dyn Store,
    object: &Object,
    manifest: &Manifest,
    sums: &mut Sums,
) -> Result<(), ReadError> {
    let uri = object.uri.as_str();
    let places = Places::of(&manifest.columns)
        .ok_or_else(|| malformed(uri, "its manifest names no column `Key`".to_owned(), None))?;
    let source = store.open(uri)?;
    let source: Box<dyn Read> = match uri.ends_with(".gz") {
        true => Box::new(MultiGzDecoder::new(BufReader::with_capacity(1 << 16, source))),
        false => source,
    };
    let mut reader =
        ReaderBuilder::new().has_headers(false).flexible(true).buffer_capacity(1 << 16).from_reader(source);
    let mut record = ByteRecord::new();
    let mut line = 0_u64;
    loop {
        let more = reader.read_byte_record(&mut record).map_err(|error| {
            let hint = "it was copied or uploaded only in part: copy it again";
            malformed(&format!("{uri}:{}", line + 1), error.to_string(), Some(hint))
        })?;
        if !more {
            return Ok(());
        }
        line += 1;
        let cell = |place: Option<usize>| {
            place.and_then(|place| record.get(place)).and_then(|cell| std::str::from_utf8(cell).ok())
        };
        let Some(key) = cell(Some(places.key)).filter(|_| record.len() >= manifest.columns.len()) else {
            let fault = format!(
                "the line has {} cells, its manifest {} columns",
                record.len(),
                manifest.columns.len()
            );
            return Err(malformed(&format!("{uri}:{line}"), fault, None));
        };
        let size = cell(places.size).filter(|size| !size.is_empty());
        let modified = cell(places.modified).filter(|at| !at.is_empty());
        let is = |place, default| cell(place).map_or(default, |cell| cell.eq_ignore_ascii_case("true"));
        let bytes = size.map(str::parse).transpose().map_err(|_| {
            let fault = format!("`{}` is no size", size.unwrap_or_default());
            malformed(&format!("{uri}:{line}"), fault, None)
        })?;
        sums.add(&Listed {
            key: &decoded(key),
            bytes: bytes.unwrap_or(0),
            modified_at: modified.and_then(|at| DateTime::parse_from_rfc3339(at).ok()).map(|at| at.to_utc()),
            storage_class: cell(places.storage_class).unwrap_or_default(),
            is_latest: is(places.is_latest, true),
            is_delete_marker: is(places.is_delete_marker, false),
        });
    }
}

/// A key without its URL encoding, in which a space is a plus.
fn decoded(key: &str) -> Cow<'_, str> {
    if !key.contains(['%', '+']) {
        return Cow::Borrowed(key);
    }
    let mut bytes = Vec::with_capacity(key.len());
    let mut rest = key.as_bytes();
    while let [byte, after @ ..] = rest {
        rest = after;
        let digits = after.first_chunk::<2>().and_then(|digits| std::str::from_utf8(digits).ok());
        let escaped = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match (byte, escaped) {
            (b'+', _) => bytes.push(b' '),
            (b'%', Some(value)) => {
                bytes.push(value);
                rest = &after[2..];
            }
            (other, _) => bytes.push(*other),
        }
    }
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_decoded() {
        for (key, want) in [
            ("a/title_bucket%3D90/x.parquet", "a/title_bucket=90/x.parquet"),
            ("a+b%2Bc", "a b+c"),
            ("100%", "100%"),
            ("%zz%4", "%zz%4"),
            ("caf%C3%A9", "café"),
            ("plain", "plain"),
        ] {
            assert_eq!(decoded(key), want);
        }
    }
}
