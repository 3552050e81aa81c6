//! JSON records of a log, one in memory at a time: a line each, the elements of an array,
//! or objects written over several lines one after another; compressed or not.

use std::io;

use super::ReadError;
use super::codec::Codec;
use super::lines::{Lines, Next};
use crate::store::{Object, Store, StoreError};

/// Bytes one record over several lines may have, so that a brace that is never closed
/// does not fill the memory.
const LONGEST_RECORD: usize = 1 << 28;

/// The text of one record.
pub(super) struct Record<'a> {
    /// What should be one JSON object.
    pub text: &'a [u8],
    /// Its first line, from 1.
    pub line: u64,
    /// Whether its end was there: a last line without line end may be cut.
    pub complete: bool,
}

/// How the reading of a file ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// All was read.
    Whole,
    /// The file stops in the middle of a compressed frame or of a record.
    Cut,
    /// From here on the file cannot be read, and why.
    Damaged(String),
}

/// What takes each record.
type Take<'a> = dyn FnMut(Record<'_>) -> Result<(), ReadError> + 'a;

/// Hands on each record of a file.
///
/// # Errors
/// When the store fails, the file is compressed otherwise than its name says, or `take` fails.
pub(super) fn each_record(
    store: &dyn Store,
    object: &Object,
    what: &'static str,
    take: &mut Take<'_>,
) -> Result<Ending, ReadError> {
    let uri = object.uri.as_str();
    let failed = |operation, cause: io::Error| StoreError {
        operation,
        uri: uri.to_owned(),
        cause: Box::new(cause),
        hint: None,
    };
    let malformed = |fault: String, hint: Option<&str>| ReadError::Malformed {
        what,
        object: uri.to_owned(),
        fault,
        hint: hint.map(str::to_owned),
    };
    let lines =
        Lines::new(Codec::of(object.file_name()), store.open(uri)?).map_err(|cause| failed("open", cause))?;
    let mut lines = lines.ok_or_else(|| {
        malformed("LZF compression cannot be read".to_owned(), Some("decompress it, or use gzip or zstd"))
    })?;
    let mut splitter: Option<Splitter> = None;
    let mut line = 0;
    loop {
        match lines.next().map_err(|cause| failed("read", cause))? {
            Next::Line(b"", _) => line += 1,
            Next::Line(text, complete) => {
                line += 1;
                let splitter = splitter.get_or_insert_with(|| Splitter::of(text, complete));
                if let Some(ending) = splitter.line(text, line, complete, take)? {
                    return Ok(ending);
                }
            }
            Next::TooLong => {
                return Ok(Ending::Damaged(format!("line {} is longer than any record", line + 1)));
            }
            Next::End => {
                let inside = splitter.is_some_and(|splitter| splitter.depth > 0);
                return Ok(if inside { Ending::Cut } else { Ending::Whole });
            }
            Next::Cut => return Ok(Ending::Cut),
            Next::Damaged(fault) if splitter.is_none() => {
                let fault = format!("it is not compressed as its name says: {}", fault.to_lowercase());
                return Err(malformed(fault, None));
            }
            Next::Damaged(fault) => return Ok(Ending::Damaged(fault)),
        }
    }
}

/// Cuts text into records.
#[derive(Default)]
struct Splitter {
    /// Each line is a record.
    by_line: bool,
    /// Braces open.
    depth: u32,
    in_string: bool,
    escaped: bool,
    started: u64,
    record: Vec<u8>,
}

impl Splitter {
    /// A first line that is an object by itself starts a file of one record a line.
    fn of(first: &[u8], complete: bool) -> Self {
        let alone = first.starts_with(b"{")
            && (serde_json::from_slice::<serde::de::IgnoredAny>(first).is_ok() || !complete);
        Self { by_line: alone, ..Self::default() }
    }

    fn line(
        &mut self,
        text: &[u8],
        line: u64,
        complete: bool,
        take: &mut Take<'_>,
    ) -> Result<Option<Ending>, ReadError> {
        if self.by_line {
            take(Record { text, line, complete })?;
            return Ok(None);
        }
        for &byte in text {
            match byte {
                _ if self.depth == 0 => match byte {
                    b'{' => {
                        self.depth = 1;
                        self.started = line;
                        self.record.clear();
                    }
                    b'[' | b']' | b',' | b' ' | b'\t' | b'\r' | 0xef | 0xbb | 0xbf => continue,
                    _ => return Ok(Some(Ending::Damaged(format!("line {line} is not JSON")))),
                },
                _ if self.escaped => self.escaped = false,
                b'\\' if self.in_string => self.escaped = true,
                b'"' => self.in_string = !self.in_string,
                b'{' if !self.in_string => self.depth += 1,
                b'}' if !self.in_string => self.depth -= 1,
                _ => {}
            }
            self.record.push(byte);
            if self.depth == 0 {
                take(Record { text: &self.record, line: self.started, complete: true })?;
            }
        }
        if self.depth > 0 {
            self.record.push(b'\n');
        }
        if self.record.len() > LONGEST_RECORD {
            return Ok(Some(Ending::Damaged(format!(
                "the record at line {} is longer than any",
                self.started
            ))));
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::LocalStore;

    /// Records as `line:text`, and how it ended.
    fn records(name: &str, bytes: &[u8]) -> (Vec<String>, Result<Ending, String>) {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join(name), bytes).unwrap();
        let store = LocalStore::new(directory.path());
        let object = store.list().unwrap().remove(0);
        let mut taken = Vec::new();
        let ending = each_record(&store, &object, "log", &mut |record| {
            let text: String =
                String::from_utf8_lossy(record.text).chars().filter(|c| !c.is_whitespace()).collect();
            taken.push(format!("{}:{text}", record.line));
            Ok(())
        });
        (taken, ending.map_err(|error| error.to_string()))
    }

    #[test]
    fn every_shape_gives_its_records() {
        for (text, want) in [
            ("{\"a\":1}\n\n{\"a\":2}\n", ["1:{\"a\":1}", "3:{\"a\":2}"]),
            ("\n{\n \"a\": 1\n}\n{\n \"a\": 2 }", ["2:{\"a\":1}", "5:{\"a\":2}"]),
            ("[{\"a\":1},{\"a\":2}]", ["1:{\"a\":1}", "1:{\"a\":2}"]),
            ("[\n {\"a\":\n1},\n {\"a\":2}\n]\n", ["2:{\"a\":1}", "4:{\"a\":2}"]),
            (
                "[{\"}\\\"{\":\"[\\\\\"},{\"b\":{\"c\":[{}]}}]",
                ["1:{\"}\\\"{\":\"[\\\\\"}", "1:{\"b\":{\"c\":[{}]}}"],
            ),
        ] {
            assert_eq!(
                records("a.json", text.as_bytes()),
                (want.map(str::to_owned).to_vec(), Ok(Ending::Whole))
            );
        }
    }

    #[test]
    fn what_is_cut_or_no_json_is_said_to_be() {
        assert_eq!(records("a.json", b"[{\"a\":1},{\"a\":").1, Ok(Ending::Cut));
        assert_eq!(records("a.json", b"").1, Ok(Ending::Whole));
        assert_eq!(
            records("a.json", b"id,name\n1,x\n").1,
            Ok(Ending::Damaged("line 1 is not JSON".to_owned()))
        );
        assert!(
            records("a.json.gz", b"{\"a\":1,\"b\":2}\n")
                .1
                .unwrap_err()
                .contains("not compressed as its name says")
        );
        // The line is handed on as it is: what is no record is its reader's to say.
        assert_eq!(records("a.jsonl", b"{\"a\":1}\n{\"a\":").0, ["1:{\"a\":1}", "2:{\"a\":"]);
    }
}
