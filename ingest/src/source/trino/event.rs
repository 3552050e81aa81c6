//! The shape of an event: what of it matters, and the values that are written in many ways.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::Value;

use crate::source::scalars::clean;

type Text<'a> = Option<Cow<'a, str>>;

/// An event, or what it is wrapped in.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Event<'a> {
    #[serde(borrow)]
    pub metadata: Option<Metadata<'a>>,
    pub statistics: Option<Statistics>,
    #[serde(borrow)]
    pub context: Option<Context<'a>>,
    #[serde(borrow)]
    pub io_metadata: Option<IoMetadata<'a>>,
    #[serde(borrow)]
    pub failure_info: Option<FailureInfo<'a>>,
    pub create_time: Option<Value>,
    pub execution_start_time: Option<Value>,
    pub end_time: Option<Value>,
    /// Presto's collectors.
    #[serde(borrow)]
    pub query_completed_event: Option<Box<Event<'a>>>,
    /// Trino's Kafka listener.
    #[serde(borrow)]
    pub event_payload: Option<Box<Event<'a>>>,
    /// Beside `query_completed_event`.
    pub cluster_name: Text<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Metadata<'a> {
    pub query_id: Text<'a>,
    pub query: Text<'a>,
    pub query_state: Text<'a>,
    pub update_type: Text<'a>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Statistics {
    pub cpu_time: Value,
    pub wall_time: Value,
    pub queued_time: Value,
    pub scheduled_time: Value,
    pub failed_scheduled_time: Value,
    pub planning_time: Value,
    pub execution_time: Value,
    pub peak_task_total_memory: Value,
    /// Presto.
    pub peak_node_total_memory: Value,
    pub physical_input_bytes: Value,
    pub internal_network_bytes: Value,
    pub total_bytes: Value,
    pub output_bytes: Value,
    pub output_rows: Value,
    /// Presto's `outputRows`.
    pub output_positions: Value,
    pub written_bytes: Value,
    /// Presto's `writtenBytes`.
    pub written_output_bytes: Value,
    pub written_rows: Value,
    /// Presto's `writtenRows`.
    pub written_output_rows: Value,
    pub spilled_bytes: Value,
    pub cumulative_memory: Value,
    pub completed_splits: Value,
    pub stage_gc_statistics: Option<Vec<StageTasks>>,
}

/// Of each stage only how many tasks it had.
#[derive(Deserialize)]
pub(super) struct StageTasks {
    #[serde(default)]
    pub tasks: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Context<'a> {
    pub user: Text<'a>,
    pub source: Text<'a>,
    pub user_agent: Text<'a>,
    pub client_info: Text<'a>,
    #[serde(default)]
    pub client_tags: Option<Vec<Cow<'a, str>>>,
    #[serde(default)]
    pub resource_group_id: Value,
    pub server_version: Text<'a>,
    pub query_type: Text<'a>,
}

#[derive(Deserialize)]
pub(super) struct IoMetadata<'a> {
    #[serde(borrow)]
    pub inputs: Option<Vec<Table<'a>>>,
    #[serde(borrow)]
    pub output: Option<Table<'a>>,
}

/// A table read or written.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Table<'a> {
    pub catalog_name: Text<'a>,
    pub schema: Text<'a>,
    pub table: Text<'a>,
    #[serde(default)]
    pub connector_info: Value,
    #[serde(default)]
    pub physical_input_bytes: Value,
    #[serde(default)]
    pub physical_input_rows: Value,
}

impl Table<'_> {
    /// `catalog.schema.table`; nothing without a table.
    pub(super) fn name(&self) -> Option<String> {
        let table = self.table.as_deref().filter(|table| !table.is_empty())?;
        let parts = [self.catalog_name.as_deref(), self.schema.as_deref(), Some(table)];
        let parts: Vec<&str> = parts.into_iter().flatten().filter(|part| !part.is_empty()).collect();
        Some(clean(&parts.join(".")))
    }

    /// The Iceberg or Delta snapshot a connector says it read.
    pub(super) fn snapshot_id(&self) -> Option<String> {
        let id = ["snapshotId", "version"].iter().find_map(|key| self.connector_info.get(*key))?;
        match id {
            Value::Number(number) => Some(number.to_string()),
            Value::String(text) if !text.is_empty() => Some(clean(text)),
            _ => None,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FailureInfo<'a> {
    pub error_code: Option<ErrorCode<'a>>,
    pub failure_message: Text<'a>,
}

#[derive(Deserialize)]
pub(super) struct ErrorCode<'a> {
    pub name: Text<'a>,
}

/// An amount; nothing for what is none, or beyond any machine.
pub(super) fn amount(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => match number.as_i64() {
            Some(whole) => Some(whole),
            None => number.as_f64().filter(|value| value.abs() < 9e18).map(|value| value.round() as i64),
        },
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
    .filter(|amount| *amount >= 0)
}

/// Milliseconds of a duration: a number of `unit_ms`, `PT1M2.5S`, or `1.23m` as airlift
/// writes durations.
pub(super) fn duration_ms(value: &Value, unit_ms: f64) -> Option<i64> {
    let ms = match value {
        Value::Number(number) => number.as_f64()? * unit_ms,
        Value::String(text) => match text.strip_prefix("PT") {
            Some(parts) => iso_ms(parts)?,
            None => {
                let text = text.trim();
                let unit = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
                let (number, unit) = text.split_at(unit);
                let number: f64 = number.trim().parse().ok()?;
                number * if unit.is_empty() { unit_ms } else { unit_of(unit)? }
            }
        },
        _ => return None,
    };
    // Thirty thousand years is no duration.
    (0.0..1e15).contains(&ms).then(|| ms.round() as i64)
}

fn unit_of(unit: &str) -> Option<f64> {
    Some(match unit {
        "ns" => 1e-6,
        "us" => 1e-3,
        "ms" => 1.0,
        "s" | "S" => 1e3,
        "m" | "M" => 6e4,
        "h" | "H" => 3.6e6,
        "d" => 8.64e7,
        _ => return None,
    })
}

fn iso_ms(parts: &str) -> Option<f64> {
    let mut ms = 0.0;
    let mut rest = parts;
    while let Some(at) = rest.find(|c: char| c.is_ascii_alphabetic()) {
        ms += rest[..at].parse::<f64>().ok()? * unit_of(&rest[at..=at])?;
        rest = &rest[at + 1..];
    }
    rest.is_empty().then_some(ms)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn durations_are_read_as_written() {
        for (value, unit_ms, want) in [
            (json!(25.975), 1e3, Some(25_975)),
            (json!(371_792.0), 1.0, Some(371_792)),
            (json!("25.98s"), 1e3, Some(25_980)),
            (json!("1.50m"), 1e3, Some(90_000)),
            (json!("738.20us"), 1e3, Some(1)),
            (json!("PT1M2.5S"), 1e3, Some(62_500)),
            (json!("0.00ns"), 1e3, Some(0)),
            (json!(-1), 1e3, None),
            (json!(1e300), 1e3, None),
            (json!("soon"), 1e3, None),
            (json!("PTé"), 1e3, None),
            (json!("1é"), 1e3, None),
            (json!([1]), 1e3, None),
        ] {
            assert_eq!(duration_ms(&value, unit_ms), want, "{value}");
        }
    }

    #[test]
    fn amounts_beyond_reason_are_none() {
        assert_eq!(amount(&json!(2_143_774_060_571_i64)), Some(2_143_774_060_571));
        assert_eq!(amount(&json!(5.359_635_941_788_949E12)), Some(5_359_635_941_789));
        for value in [json!(-1), json!(1e30), json!("many"), json!(null), json!([])] {
            assert_eq!(amount(&value), None, "{value}");
        }
    }
}
