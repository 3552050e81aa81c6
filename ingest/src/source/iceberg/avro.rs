//! Avro container files, as far as manifests need them: entries streamed, fields by name,
//! scalars with their logical types off, and everything else passed over unbuilt.

use std::fmt;
use std::io::{BufReader, Read};

use apache_avro::schema::Name as SchemaName;
use apache_avro::{Reader, Schema};
use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// Starts files that Iceberg encrypted (AES GCM stream).
const ENCRYPTED_MAGIC: &[u8; 4] = b"AGS1";

/// What [`read`] says of such files.
pub const ENCRYPTED: &str = "it is encrypted";

/// A scalar as Avro keeps it; logical types as the number or bytes beneath.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// Null.
    Null,
    /// Boolean.
    Bool(bool),
    /// Int, long, date, time or timestamp.
    Int(i64),
    /// Float: kept apart, as its shortest text differs from the double's.
    Float(f32),
    /// Double.
    Double(f64),
    /// String.
    Text(String),
    /// Bytes, fixed, decimal or UUID.
    Bytes(Vec<u8>),
}

impl Cell {
    /// An integer.
    pub fn int(&self) -> Option<i64> {
        match self {
            Self::Int(value) => Some(*value),
            _ => None,
        }
    }

    /// A text.
    pub fn text(self) -> Option<String> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// Reads a container file, handing on every entry with the partition spec the header
/// names; returns the file's size in bytes.
///
/// # Errors
/// What is wrong, in one line; entries may have been handed on before.
pub fn read<T: for<'de> Deserialize<'de>>(
    from: impl Read,
    mut each: impl FnMut(T, Option<i64>) -> Result<(), String>,
) -> Result<u64, String> {
    let mut magic = Vec::new();
    let mut from = BufReader::new(from);
    from.by_ref().take(4).read_to_end(&mut magic).map_err(|cause| cause.to_string())?;
    if magic == ENCRYPTED_MAGIC {
        return Err(ENCRYPTED.to_owned());
    }
    if magic.is_empty() {
        return Err("it is empty".to_owned());
    }
    let mut counted = Counted { inner: magic.as_slice().chain(from), bytes: 0 };
    let reader = Reader::new(&mut counted).map_err(|cause| one_line(&cause))?;
    if recursive(reader.writer_schema(), &mut Vec::new()) {
        return Err("its schema contains itself".to_owned());
    }
    let spec_id = reader
        .user_metadata()
        .get("partition-spec-id")
        .and_then(|text| std::str::from_utf8(text).ok()?.parse().ok());
    for entry in reader.into_deser_iter::<T>() {
        each(entry.map_err(|cause| one_line(&cause))?, spec_id)?;
    }
    Ok(counted.bytes)
}

/// Whether a record holds itself: no manifest does, and reading one would not end.
fn recursive<'s>(schema: &'s Schema, inside: &mut Vec<&'s SchemaName>) -> bool {
    match schema {
        Schema::Ref { name } => inside.contains(&name),
        Schema::Array(array) => recursive(&array.items, inside),
        Schema::Map(map) => recursive(&map.types, inside),
        Schema::Union(union) => union.variants().iter().any(|variant| recursive(variant, inside)),
        Schema::Record(record) => {
            inside.push(&record.name);
            let found = record.fields.iter().any(|field| recursive(&field.schema, inside));
            inside.pop();
            found
        }
        _ => false,
    }
}

/// Avro's messages quote whole schemas; one line of 300 characters is enough to find the fault.
fn one_line(cause: &apache_avro::Error) -> String {
    cause.to_string().chars().take(300).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

struct Counted<R> {
    inner: R,
    bytes: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.bytes += read as u64;
        Ok(read)
    }
}

/// The partition tuple: a record whose fields follow the spec.
pub struct Tuple(pub Vec<Cell>);

impl<'de> Deserialize<'de> for Tuple {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Tuple;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a partition tuple")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Tuple, A::Error> {
                let mut cells = Vec::new();
                while map.next_key::<Name>()?.is_some() {
                    cells.push(map.next_value()?);
                }
                Ok(Tuple(cells))
            }
        }
        from.deserialize_map(Fields)
    }
}

/// A field name: the Avro deserialiser hands names to `deserialize_identifier` only.
pub struct Name(pub String);

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Name;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a field name")
            }

            fn visit_str<E: Error>(self, name: &str) -> Result<Name, E> {
                Ok(Name(name.to_owned()))
            }
        }
        from.deserialize_identifier(Text)
    }
}

impl<'de> Deserialize<'de> for Cell {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Scalar;
        impl Visitor<'_> for Scalar {
            type Value = Cell;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a scalar")
            }

            fn visit_unit<E: Error>(self) -> Result<Cell, E> {
                Ok(Cell::Null)
            }

            fn visit_bool<E: Error>(self, value: bool) -> Result<Cell, E> {
                Ok(Cell::Bool(value))
            }

            fn visit_i64<E: Error>(self, value: i64) -> Result<Cell, E> {
                Ok(Cell::Int(value))
            }

            fn visit_f32<E: Error>(self, value: f32) -> Result<Cell, E> {
                Ok(Cell::Float(value))
            }

            fn visit_f64<E: Error>(self, value: f64) -> Result<Cell, E> {
                Ok(Cell::Double(value))
            }

            fn visit_str<E: Error>(self, value: &str) -> Result<Cell, E> {
                Ok(Cell::Text(value.to_owned()))
            }

            fn visit_string<E: Error>(self, value: String) -> Result<Cell, E> {
                Ok(Cell::Text(value))
            }

            fn visit_bytes<E: Error>(self, value: &[u8]) -> Result<Cell, E> {
                Ok(Cell::Bytes(value.to_vec()))
            }

            fn visit_byte_buf<E: Error>(self, value: Vec<u8>) -> Result<Cell, E> {
                Ok(Cell::Bytes(value))
            }
        }
        from.deserialize_any(Scalar)
    }
}

/// Passes over one value of a record.
///
/// # Errors
/// When it cannot be decoded.
pub fn skip<'de, A: MapAccess<'de>>(map: &mut A) -> Result<(), A::Error> {
    map.next_value::<Skipped>().map(|Skipped| ())
}

/// Anything, passed over.
struct Skipped;

impl<'de> Deserialize<'de> for Skipped {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Anything;
        impl<'de> Visitor<'de> for Anything {
            type Value = Skipped;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("anything")
            }

            fn visit_unit<E: Error>(self) -> Result<Skipped, E> {
                Ok(Skipped)
            }

            fn visit_bool<E: Error>(self, _: bool) -> Result<Skipped, E> {
                Ok(Skipped)
            }

            fn visit_i64<E: Error>(self, _: i64) -> Result<Skipped, E> {
                Ok(Skipped)
            }

            fn visit_f64<E: Error>(self, _: f64) -> Result<Skipped, E> {
                Ok(Skipped)
            }

            fn visit_str<E: Error>(self, _: &str) -> Result<Skipped, E> {
                Ok(Skipped)
            }

            fn visit_bytes<E: Error>(self, _: &[u8]) -> Result<Skipped, E> {
                Ok(Skipped)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Skipped, A::Error> {
                while items.next_element::<Skipped>()?.is_some() {}
                Ok(Skipped)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Skipped, A::Error> {
                while map.next_key::<Name>()?.is_some() {
                    map.next_value::<Skipped>()?;
                }
                Ok(Skipped)
            }
        }
        from.deserialize_any(Anything)
    }
}
