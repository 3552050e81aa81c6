//! Reading one location whole, and looking at what was landed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ingest::frame::Origin;
use ingest::sink::Sink;
use ingest::source::{Plan, ReadError, SourceOptions, Unit, reader};
use ingest::store::Store;
use model::Warning;
use model::landed::Dataset;
use model::time::Instant;
use polars::prelude::{AnyValue, DataFrame};
use serde_json::{Map, Value};

/// When the tests collect.
pub fn now() -> Instant {
    "2026-11-20T12:34:56Z".parse().unwrap()
}

/// Rows of one dataset, as JSON objects: integers and times (microseconds) as numbers.
pub type Rows = Vec<Map<String, Value>>;

/// What reading one unit gave.
pub struct Read {
    pub rows: BTreeMap<Dataset, Rows>,
    pub warnings: Vec<Warning>,
}

impl Read {
    pub fn of(&self, dataset: Dataset) -> &[Map<String, Value>] {
        self.rows.get(&dataset).map_or(&[], Vec::as_slice)
    }

    pub fn table(&self) -> &Map<String, Value> {
        let tables = self.of(Dataset::Tables);
        assert_eq!(tables.len(), 1);
        &tables[0]
    }
}

/// Plans a location.
pub fn plan(kind: &str, options: &SourceOptions, store: &dyn Store) -> Plan {
    reader(kind, options).unwrap().plan(store, &store.list().unwrap()).unwrap()
}

/// Reads one unit.
pub fn read(kind: &str, options: &SourceOptions, store: &dyn Store, unit: &Unit) -> Result<Read, ReadError> {
    let origin = Origin { source: "lake".to_owned(), object: unit.key.clone() };
    let mut sink = Sink::new(origin);
    reader(kind, options).unwrap().read(store, unit, now(), &mut sink)?;
    let read = sink.finish().unwrap();
    let mut rows: BTreeMap<Dataset, Rows> = BTreeMap::new();
    for ((dataset, period), frame) in read.frames().unwrap() {
        assert_eq!(period.to_string(), "2026-11-20");
        rows.entry(dataset).or_default().extend(rows_of(&frame));
    }
    Ok(Read { rows, warnings: read.warnings })
}

fn rows_of(frame: &DataFrame) -> Rows {
    (0..frame.height())
        .map(|row| {
            let cells = frame.columns().iter().map(|column| {
                let value = match column.get(row).unwrap() {
                    AnyValue::Null => Value::Null,
                    AnyValue::Int64(value)
                    | AnyValue::Datetime(value, _, _)
                    | AnyValue::DatetimeOwned(value, _, _) => Value::from(value),
                    AnyValue::Boolean(value) => Value::from(value),
                    AnyValue::String(text) => Value::from(text),
                    AnyValue::StringOwned(text) => Value::from(text.as_str()),
                    other => Value::from(other.to_string()),
                };
                (column.name().to_string(), value)
            });
            cells.collect()
        })
        .collect()
}

/// The tables that come with the project.
pub fn fixture_tables() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/tables")
}
