//! Landed frames as rows a test can look into.

use ingest::sink::Yield;
use model::landed::Dataset;
use polars::prelude::{AnyValue, DataFrame};
use serde_json::{Map, Value, json};

/// One row: columns by name; instants as epoch milliseconds.
pub type Row = Map<String, Value>;

/// The rows of one dataset, all periods together, with their period in `period`.
pub fn rows(landed: &Yield, dataset: Dataset) -> Vec<Row> {
    let mut rows = Vec::new();
    for ((_, period), frame) in landed.frames().unwrap().iter().filter(|((of, _), _)| *of == dataset) {
        for index in 0..frame.height() {
            let mut row = row(frame, index);
            row.insert("period".to_owned(), json!(period.to_string()));
            rows.push(row);
        }
    }
    rows
}

fn row(frame: &DataFrame, index: usize) -> Row {
    let cell = |value: AnyValue<'_>| match value {
        AnyValue::Null => Value::Null,
        AnyValue::String(text) => json!(text),
        AnyValue::StringOwned(text) => json!(text.as_str()),
        AnyValue::Int64(number) => json!(number),
        AnyValue::Boolean(truth) => json!(truth),
        AnyValue::Datetime(micros, _, _) | AnyValue::DatetimeOwned(micros, _, _) => json!(micros / 1000),
        other => panic!("no such cell is landed: {other:?}"),
    };
    frame
        .columns()
        .iter()
        .map(|column| (column.name().to_string(), cell(column.get(index).unwrap())))
        .collect()
}
