//! Partition tuples as the paths Iceberg writes: `field=value/...`, values in the human
//! form of their transform (`PartitionSpec.partitionToPath` and `TransformUtil` of
//! Iceberg 1.10: <https://github.com/apache/iceberg>), encoded as in a URL query.

use chrono::{DateTime, Datelike, Months, NaiveDate, NaiveTime, TimeDelta, Timelike};
use serde_json::Value;

use super::avro::Cell;
use super::metadata::TableMetadata;

/// How to spell one field of a partition tuple.
struct Spelling {
    name: String,
    form: Form,
}

#[derive(Clone, Copy)]
enum Form {
    Year,
    Month,
    Day,
    Hour,
    Date,
    Time,
    /// Timestamps: units a second, and whether they are zoned.
    Timestamp {
        units: i64,
        zoned: bool,
    },
    Decimal {
        scale: u32,
    },
    Uuid,
    Plain,
}

/// Spells the partition tuples of one spec.
pub struct Speller {
    fields: Vec<Spelling>,
}

impl Speller {
    /// The speller of a spec; nothing when the metadata does not know the spec.
    pub fn new(metadata: &TableMetadata, spec_id: i64) -> Option<Self> {
        let fields = metadata.partition_fields(Some(spec_id))?.iter().map(|field| {
            let source = field.source().and_then(|id| metadata.column(id));
            let source_type = source.and_then(|(_, kind)| kind.as_str()).unwrap_or_default();
            let form = match field.transform.as_str() {
                "year" => Form::Year,
                "month" => Form::Month,
                "day" => Form::Day,
                "hour" => Form::Hour,
                transform if transform.starts_with("bucket") => Form::Plain,
                _ => Form::of_type(source_type),
            };
            Spelling { name: field.name.clone(), form }
        });
        Some(Self { fields: fields.collect() })
    }

    /// `field=value/...`; empty for an unpartitioned spec.
    ///
    /// # Errors
    /// When the tuple has not the spec's number of fields.
    pub fn spell(&self, tuple: &[Cell]) -> Result<String, String> {
        if tuple.len() != self.fields.len() {
            return Err(format!(
                "a partition tuple has {} fields, its spec {}",
                tuple.len(),
                self.fields.len()
            ));
        }
        let mut path = String::new();
        for (field, cell) in self.fields.iter().zip(tuple) {
            if !path.is_empty() {
                path.push('/');
            }
            encode(&field.name, &mut path);
            path.push('=');
            encode(&field.form.spell(cell), &mut path);
        }
        Ok(path)
    }
}

impl Form {
    fn of_type(name: &str) -> Self {
        let scale = name
            .strip_prefix("decimal(")
            .and_then(|rest| rest.trim_end_matches(')').split_once(','))
            .and_then(|(_, scale)| scale.trim().parse().ok());
        match (name, scale) {
            (_, Some(scale)) => Self::Decimal { scale },
            ("date", _) => Self::Date,
            ("time", _) => Self::Time,
            ("uuid", _) => Self::Uuid,
            ("timestamp", _) => Self::Timestamp { units: 1_000_000, zoned: false },
            ("timestamptz", _) => Self::Timestamp { units: 1_000_000, zoned: true },
            ("timestamp_ns", _) => Self::Timestamp { units: 1_000_000_000, zoned: false },
            ("timestamptz_ns", _) => Self::Timestamp { units: 1_000_000_000, zoned: true },
            _ => Self::Plain,
        }
    }

    fn spell(self, cell: &Cell) -> String {
        let spelt = match (self, cell) {
            (Self::Year, Cell::Int(years)) => Some(format!("{:04}", years.saturating_add(1970))),
            (Self::Month, Cell::Int(months)) => month(*months),
            (Self::Day | Self::Date, Cell::Int(days)) => day(*days).map(|day| day.to_string()),
            (Self::Hour, Cell::Int(hours)) => hour(*hours),
            (Self::Time, Cell::Int(micros)) => time(*micros),
            (Self::Timestamp { units, zoned }, Cell::Int(at)) => timestamp(*at, units, zoned),
            (Self::Decimal { scale }, Cell::Bytes(bytes)) => decimal(bytes, scale),
            (Self::Uuid, Cell::Bytes(bytes)) => uuid(bytes),
            _ => None,
        };
        // A value outside its type's range is shown as it is stored.
        spelt.unwrap_or_else(|| plain(cell))
    }
}

fn plain(cell: &Cell) -> String {
    match cell {
        Cell::Null => "null".to_owned(),
        Cell::Bool(value) => value.to_string(),
        Cell::Int(value) => value.to_string(),
        Cell::Float(value) => format!("{value:?}"),
        Cell::Double(value) => format!("{value:?}"),
        Cell::Text(text) => text.clone(),
        Cell::Bytes(bytes) => base64(bytes),
    }
}

fn epoch() -> NaiveDate {
    DateTime::UNIX_EPOCH.date_naive()
}

fn month(months: i64) -> Option<String> {
    let size = Months::new(u32::try_from(months.unsigned_abs()).ok()?);
    let first = if months < 0 { epoch().checked_sub_months(size) } else { epoch().checked_add_months(size) }?;
    Some(format!("{:04}-{:02}", first.year(), first.month()))
}

fn day(days: i64) -> Option<NaiveDate> {
    epoch().checked_add_signed(TimeDelta::try_days(days)?)
}

fn hour(hours: i64) -> Option<String> {
    let date = day(hours.div_euclid(24))?;
    Some(format!("{date}-{:02}", hours.rem_euclid(24)))
}

/// ISO 8601 as Java prints it: seconds always, fractions in steps of three digits.
fn clock(time: NaiveTime) -> String {
    let nanos = time.nanosecond();
    let fraction = match nanos {
        0 => String::new(),
        _ if nanos.is_multiple_of(1_000_000) => format!(".{:03}", nanos / 1_000_000),
        _ if nanos.is_multiple_of(1_000) => format!(".{:06}", nanos / 1_000),
        _ => format!(".{nanos:09}"),
    };
    format!("{:02}:{:02}:{:02}{fraction}", time.hour(), time.minute(), time.second())
}

fn time(micros: i64) -> Option<String> {
    let seconds = u32::try_from(micros.div_euclid(1_000_000)).ok()?;
    let nanos = u32::try_from(micros.rem_euclid(1_000_000)).ok()? * 1_000;
    NaiveTime::from_num_seconds_from_midnight_opt(seconds, nanos).map(clock)
}

fn timestamp(at: i64, units: i64, zoned: bool) -> Option<String> {
    let nanos = u32::try_from(at.rem_euclid(units) * (1_000_000_000 / units)).ok()?;
    let at = DateTime::from_timestamp(at.div_euclid(units), nanos)?.naive_utc();
    let zone = if zoned { "+00:00" } else { "" };
    Some(format!("{}T{}{zone}", at.date(), clock(at.time())))
}

/// Two's complement, big endian: at most 38 digits, so 16 bytes.
fn decimal(bytes: &[u8], scale: u32) -> Option<String> {
    let negative = bytes.first()? & 0x80 != 0;
    let skip = bytes.len().saturating_sub(16);
    let mut unscaled: i128 = if negative { -1 } else { 0 };
    for byte in bytes.get(skip..)? {
        unscaled = (unscaled << 8) | i128::from(*byte);
    }
    if scale == 0 {
        return Some(unscaled.to_string());
    }
    let unit = 10_u128.checked_pow(scale)?;
    let (whole, rest) = (unscaled.unsigned_abs() / unit, unscaled.unsigned_abs() % unit);
    let sign = if negative { "-" } else { "" };
    Some(format!("{sign}{whole}.{rest:0width$}", width = scale as usize))
}

fn uuid(bytes: &[u8]) -> Option<String> {
    let bytes: &[u8; 16] = bytes.try_into().ok()?;
    let mut text = String::with_capacity(36);
    for (index, byte) in bytes.iter().enumerate() {
        if [4, 6, 8, 10].contains(&index) {
            text.push('-');
        }
        text.push_str(&format!("{byte:02x}"));
    }
    Some(text)
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let byte = |index: usize| u32::from(chunk.get(index).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for index in 0..4 {
            let digit = ALPHABET.get((bits >> (18 - 6 * index) & 63) as usize).copied().unwrap_or(b'=');
            text.push(if index <= chunk.len() { char::from(digit) } else { '=' });
        }
    }
    text
}

/// As Java's `URLEncoder`: letters, digits and `.-*_` stay, a space is `+`.
fn encode(text: &str, into: &mut String) {
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'*' | b'_' => {
                into.push(char::from(byte))
            }
            b' ' => into.push('+'),
            _ => into.push_str(&format!("%{byte:02X}")),
        }
    }
}

/// The current partitioning as Spark's DDL spells it: `days(ts), bucket(16, id)`.
pub fn describe_spec(metadata: &TableMetadata) -> String {
    let fields = metadata.partition_fields(None).unwrap_or_default();
    let terms = fields.iter().filter_map(|field| term(metadata, field.source(), &field.transform));
    terms.collect::<Vec<_>>().join(", ")
}

/// The current sort order: `days(ts) asc nulls first, country desc nulls last`.
pub fn describe_sort(metadata: &TableMetadata) -> String {
    let terms = metadata.sort_fields().iter().filter_map(|field| {
        let by = term(metadata, field.by.source(), &field.by.transform)?;
        let direction = field.direction.as_deref().unwrap_or("asc");
        let nulls = field.null_order.as_deref().unwrap_or("nulls-first").replace('-', " ");
        Some(format!("{by} {direction} {nulls}"))
    });
    terms.collect::<Vec<_>>().join(", ")
}

/// One transform of a column; nothing for a field that was dropped (`void`).
fn term(metadata: &TableMetadata, source: Option<i64>, transform: &str) -> Option<String> {
    let column = source
        .and_then(|id| metadata.column(id))
        .map_or_else(|| format!("column {}", source.unwrap_or_default()), |(name, _)| name);
    let (name, argument) = match transform.split_once('[') {
        Some((name, argument)) => (name, Some(argument.trim_end_matches(']'))),
        None => (transform, None),
    };
    Some(match (name, argument) {
        ("void", _) => return None,
        ("identity", _) => column,
        ("year" | "month" | "day" | "hour", _) => format!("{name}s({column})"),
        (_, Some(argument)) => format!("{name}({argument}, {column})"),
        (_, None) => format!("{name}({column})"),
    })
}

/// A type as text: `long`, `list<string>`, `map<string, long>`, `struct<a: int>`.
pub fn describe_type(kind: &Value) -> String {
    let part = |key: &str| kind.get(key).map_or_else(|| "unknown".to_owned(), describe_type);
    if let Some(name) = kind.as_str() {
        return name.to_owned();
    }
    match kind.get("type").and_then(Value::as_str) {
        Some("list") => format!("list<{}>", part("element")),
        Some("map") => format!("map<{}, {}>", part("key"), part("value")),
        Some("struct") => {
            let fields = kind.get("fields").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            let inner = fields.iter().map(|field| {
                let name = field.get("name").and_then(Value::as_str).unwrap_or_default();
                format!("{name}: {}", field.get("type").map_or_else(String::new, describe_type))
            });
            format!("struct<{}>", inner.collect::<Vec<_>>().join(", "))
        }
        _ => "unknown".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spell(transform: &str, kind: &str, cell: &Cell) -> String {
        let metadata = format!(
            r#"{{"format-version": 2, "location": "s3://b/t", "current-schema-id": 0,
                "schemas": [{{"schema-id": 0, "fields": [{{"id": 1, "name": "c", "type": "{kind}"}}]}}],
                "partition-specs": [{{"spec-id": 0, "fields": [
                    {{"source-id": 1, "field-id": 1000, "name": "p", "transform": "{transform}"}}]}}]}}"#
        );
        let metadata = super::super::metadata::parse(metadata.as_bytes()).unwrap();
        Speller::new(&metadata, 0).unwrap().spell(std::slice::from_ref(cell)).unwrap()
    }

    /// Values of the specification's and Java's own tests (`TestDates`, `TestTimestamps`,
    /// `TestIdentity`): 2017-12-01 is day 17501, month 575, hour 420034.
    #[test]
    fn values_are_spelt_as_java_spells_them() {
        let cases: [(&str, &str, Cell, &str); 22] = [
            ("year", "date", Cell::Int(47), "p=2017"),
            ("month", "date", Cell::Int(575), "p=2017-12"),
            ("month", "date", Cell::Int(-1), "p=1969-12"),
            ("day", "timestamptz", Cell::Int(17501), "p=2017-12-01"),
            ("day", "timestamptz", Cell::Int(-1), "p=1969-12-31"),
            ("hour", "timestamptz", Cell::Int(420_034), "p=2017-12-01-10"),
            ("hour", "timestamptz", Cell::Int(-1), "p=1969-12-31-23"),
            ("identity", "date", Cell::Int(17501), "p=2017-12-01"),
            ("identity", "timestamp", Cell::Int(1_512_123_175_038_194), "p=2017-12-01T10%3A12%3A55.038194"),
            (
                "identity",
                "timestamptz",
                Cell::Int(1_512_123_175_000_000),
                "p=2017-12-01T10%3A12%3A55%2B00%3A00",
            ),
            ("identity", "timestamp_ns", Cell::Int(-1), "p=1969-12-31T23%3A59%3A59.999999999"),
            ("identity", "time", Cell::Int(36_775_038_000), "p=10%3A12%3A55.038"),
            ("identity", "decimal(9, 2)", Cell::Bytes(vec![0xff, 0x85]), "p=-1.23"),
            ("identity", "decimal(9,2)", Cell::Bytes(vec![0x05]), "p=0.05"),
            ("identity", "boolean", Cell::Bool(true), "p=true"),
            ("identity", "double", Cell::Double(1.0), "p=1.0"),
            ("identity", "binary", Cell::Bytes(vec![0, 1, 2, 3]), "p=AAECAw%3D%3D"),
            ("identity", "string", Cell::Text("a/b c=<d>".to_owned()), "p=a%2Fb+c%3D%3Cd%3E"),
            ("identity", "uuid", Cell::Bytes((0..16).collect()), "p=00010203-0405-0607-0809-0a0b0c0d0e0f"),
            ("truncate[10]", "int", Cell::Int(120), "p=120"),
            ("bucket[16]", "date", Cell::Int(7), "p=7"),
            ("day", "date", Cell::Null, "p=null"),
        ];
        for (transform, kind, cell, want) in cases {
            assert_eq!(spell(transform, kind, &cell), want, "{transform}({kind}) of {cell:?}");
        }
    }

    #[test]
    fn a_value_out_of_range_is_shown_as_stored() {
        assert_eq!(spell("day", "date", &Cell::Int(i64::MAX)), format!("p={}", i64::MAX));
        assert_eq!(spell("hour", "timestamptz", &Cell::Int(i64::MIN)), format!("p={}", i64::MIN));
        assert_eq!(
            spell("identity", "timestamptz_ns", &Cell::Int(i64::MIN)),
            "p=1677-09-21T00%3A12%3A43.145224192%2B00%3A00"
        );
    }
}
