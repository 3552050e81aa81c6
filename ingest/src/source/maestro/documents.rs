//! JSON files of many shapes as a stream of objects: one in memory at a time.

use std::fmt;
use std::io::{BufRead, BufReader, Read};

use flate2::read::MultiGzDecoder;
use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

use crate::store::{Store, StoreError};

/// What takes each object; false stops the reading.
type Take<'a> = dyn FnMut(Value) -> bool + 'a;

/// The objects of one file.
pub(in crate::source) struct Documents {
    reader: BufReader<Box<dyn Read>>,
    /// Keys of a page that hold its objects.
    pages: &'static [&'static str],
}

impl Documents {
    pub(in crate::source) fn new(source: Box<dyn Read>) -> Self {
        Self::paged(source, &["elements"])
    }

    /// The same, for pages that hold their objects under other keys.
    pub(in crate::source) fn paged(source: Box<dyn Read>, pages: &'static [&'static str]) -> Self {
        Self { reader: BufReader::with_capacity(1 << 16, source), pages }
    }

    /// Opens one object of a store, unpacked where its name ends in `.gz`.
    ///
    /// # Errors
    /// When the store cannot open it.
    pub(in crate::source) fn open(
        store: &dyn Store,
        uri: &str,
        pages: &'static [&'static str],
    ) -> Result<Self, StoreError> {
        let source = store.open(uri)?;
        let source: Box<dyn Read> = match uri.ends_with(".gz") {
            true => Box::new(MultiGzDecoder::new(BufReader::new(source))),
            false => source,
        };
        Ok(Self::paged(source, pages))
    }

    /// Hands on each object: of an array, of a page (its `elements`), of each line, or the only
    /// one. Gives the number of lines that were no JSON.
    ///
    /// # Errors
    /// What is wrong with a file that is one document; what came before was handed on.
    pub(in crate::source) fn each(&mut self, take: &mut Take<'_>) -> Result<u64, String> {
        let mut first = Vec::new();
        while first.trim_ascii().is_empty() {
            first.clear();
            let read = (&mut self.reader)
                .take(1 << 28)
                .read_until(b'\n', &mut first)
                .map_err(|error| error.to_string())?;
            if read == 0 {
                return Ok(0);
            }
        }
        // A line that is an object by itself starts JSON lines (or is all there is).
        if first.trim_ascii().starts_with(b"{") && serde_json::from_slice::<de::IgnoredAny>(&first).is_ok() {
            return self.lines(&first, take);
        }
        let rest = (&first[..]).chain(&mut self.reader);
        let mut deserializer = serde_json::Deserializer::from_reader(rest);
        match (Objects { take, pages: self.pages }).deserialize(&mut deserializer) {
            Ok(true) => deserializer.end().map(|()| 0).map_err(|error| error.to_string()),
            Ok(false) => Ok(0),
            Err(error) => Err(error.to_string()),
        }
    }

    fn lines(&mut self, first: &[u8], take: &mut Take<'_>) -> Result<u64, String> {
        let mut broken = 0;
        let mut line = first.to_vec();
        loop {
            if !line.trim_ascii().is_empty() {
                let mut deserializer = serde_json::Deserializer::from_slice(&line);
                match (Objects { take, pages: self.pages }).deserialize(&mut deserializer) {
                    Ok(true) => {}
                    Ok(false) => return Ok(broken),
                    Err(_) => broken += 1,
                }
            }
            line.clear();
            let read = (&mut self.reader)
                .take(1 << 28)
                .read_until(b'\n', &mut line)
                .map_err(|error| error.to_string())?;
            if read == 0 {
                return Ok(broken);
            }
        }
    }
}

/// Streams arrays and pages; false when the taker had enough.
struct Objects<'a, 'b> {
    take: &'a mut Take<'b>,
    pages: &'static [&'static str],
}

impl<'de> DeserializeSeed<'de> for Objects<'_, '_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Objects<'_, '_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object, an array of objects or a page of them")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<bool, A::Error> {
        while let Some(wanted) =
            seq.next_element_seed(Objects { take: &mut *self.take, pages: self.pages })?
        {
            if !wanted {
                while seq.next_element::<de::IgnoredAny>()?.is_some() {}
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        let mut object = Map::new();
        let mut paged = false;
        let mut wanted = true;
        while let Some(key) = map.next_key::<String>()? {
            if wanted && self.pages.contains(&key.as_str()) {
                paged = true;
                wanted = map.next_value_seed(Objects { take: &mut *self.take, pages: self.pages })?;
            } else {
                object.insert(key, map.next_value()?);
            }
        }
        Ok(if paged { wanted } else { (self.take)(Value::Object(object)) })
    }

    // Scalars are no instances, but no fault of the file either.
    fn visit_bool<E>(self, _: bool) -> Result<bool, E> {
        Ok((self.take)(Value::Null))
    }
    fn visit_i64<E>(self, _: i64) -> Result<bool, E> {
        Ok((self.take)(Value::Null))
    }
    fn visit_u64<E>(self, _: u64) -> Result<bool, E> {
        Ok((self.take)(Value::Null))
    }
    fn visit_f64<E>(self, _: f64) -> Result<bool, E> {
        Ok((self.take)(Value::Null))
    }
    fn visit_str<E>(self, _: &str) -> Result<bool, E> {
        Ok((self.take)(Value::Null))
    }
    fn visit_unit<E>(self) -> Result<bool, E> {
        Ok((self.take)(Value::Null))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(text: &str) -> (Vec<i64>, Result<u64, String>) {
        let mut ids = Vec::new();
        let source: Box<dyn Read> = Box::new(std::io::Cursor::new(text.as_bytes().to_vec()));
        let outcome = Documents::new(source).each(&mut |value| {
            ids.push(value["id"].as_i64().unwrap_or(-1));
            true
        });
        (ids, outcome)
    }

    #[test]
    fn every_shape_yields_its_objects() {
        for text in [
            r#"[{"id":1},{"id":2}]"#,
            "\n{\"id\":1}\n\n{\"id\":2}\n",
            "{\"id\":1}\n{\"id\":2}",
            r#"{"page_info":{"x":[1]},"elements":[{"id":1},{"id":2}],"total_count":2}"#,
            "{\n \"elements\": [\n {\"id\": 1},\n {\"id\": 2}\n]}",
            "[[{\"id\":1}],{\"elements\":[{\"id\":2}]}]",
        ] {
            assert_eq!(ids(text), (vec![1, 2], Ok(0)), "{text}");
        }
        assert_eq!(ids("{\n \"id\": 7\n}"), (vec![7], Ok(0)));
        assert_eq!(ids("  \n"), (vec![], Ok(0)));
    }

    #[test]
    fn broken_lines_are_counted_and_broken_documents_are_faults() {
        assert_eq!(ids("{\"id\":1}\n{\"id\":\n{\"id\":2}\n"), (vec![1, 2], Ok(1)));
        assert!(ids("{\n \"id\": 7").1.is_err());
        assert!(ids("[{\"id\":1},").1.is_err());
        assert!(ids("no json").1.is_err());
        assert_eq!(ids("[1, null, \"a\"]"), (vec![-1, -1, -1], Ok(0)));
    }
}
