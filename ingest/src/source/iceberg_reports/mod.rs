//! Iceberg scan reports: what a client read of a table, as its metrics reporter sends it to
//! a REST catalog (`POST .../tables/<table>/metrics`) or a logging one writes it
//! (<https://iceberg.apache.org/docs/latest/metrics-reporting/>), one JSON object a line, an
//! array, or a file each; `.gz` and `.zst` too. Commit reports are left out: snapshots
//! tell the same and more.
//!
//! A report carries neither its time nor, but for free metadata, who read. Both are taken
//! from what the collector wrote around or into it: see [`TIMES`] and [`PRINCIPALS`]. A
//! report without time counts on the day its file was written.

mod filter;

use std::borrow::Cow;
use std::collections::BTreeMap;

use model::Warning;
use model::time::{Instant, PeriodKey};
use serde_json::{Map, Value};

use super::records::{Ending, each_record};
use super::scalars::{clean, instant, sum};
use super::{Plan, ReadError, Reader, Unit};
use crate::rows::TableAccess;
use crate::sink::Sink;
use crate::store::{Object, Store};

const WHAT: &str = "Iceberg report";

/// Keys of what a collector wraps a report in.
const WRAPPERS: [&str; 6] = ["report", "request", "body", "payload", "data", "message"];
/// Keys of the time of a report, beside it, in it or in its metadata.
const TIMES: [&str; 10] = [
    "timestamp",
    "timestamp-ms",
    "timestamp_ms",
    "received-at",
    "received_at",
    "event-time",
    "event_time",
    "@timestamp",
    "time",
    "ts",
];
/// Keys of who read, in a report's metadata or beside it; the first that is there counts.
const PRINCIPALS: [&str; 10] = [
    "principal",
    "user",
    "trino.user",
    "trino-user",
    "spark.user",
    "user-name",
    "username",
    "user.name",
    "session-user",
    "client",
];
const ENGINES: [&str; 3] = ["engine-name", "engine", "engine.name"];

/// The reader of `iceberg-reports`.
pub(super) struct IcebergReports;

/// Of one day: table, principal and engine.
type Reads = (Instant, String, String, Option<String>);

#[derive(Default)]
struct Tally {
    reads: i64,
    files: Option<i64>,
    bytes: Option<i64>,
    oldest_partition_on: Option<Instant>,
    last_read_at: Option<Instant>,
}

impl Reader for IcebergReports {
    fn plan(&self, _store: &dyn Store, listing: &[Object]) -> Result<Plan, ReadError> {
        let kept = |object: &&Object| {
            let name = object.file_name();
            let json = [".json", ".jsonl", ".ndjson"].iter().any(|suffix| {
                let plain = [".gz", ".zst"].iter().find_map(|codec| name.strip_suffix(codec)).unwrap_or(name);
                plain.ends_with(suffix)
            });
            json && object.size > 0 && !name.starts_with(['.', '_'])
        };
        let units = listing.iter().filter(kept).cloned().map(Unit::single);
        Ok(Plan { units: units.collect(), warnings: Vec::new() })
    }

    fn read(&self, store: &dyn Store, unit: &Unit, now: Instant, sink: &mut Sink) -> Result<(), ReadError> {
        let mut tallies: BTreeMap<Reads, Tally> = BTreeMap::new();
        for object in &unit.objects {
            read_file(store, object, now, &mut tallies, sink)?;
        }
        for ((day, table_name, principal, engine), tally) in tallies {
            let row = TableAccess {
                day,
                table_name,
                principal,
                engine,
                reads: tally.reads,
                files: tally.files,
                bytes: tally.bytes,
                oldest_partition_on: tally.oldest_partition_on,
                last_read_at: tally.last_read_at.unwrap_or(day),
            };
            sink.push(PeriodKey::day_of(day), &row)?;
        }
        Ok(())
    }
}

fn read_file(
    store: &dyn Store,
    object: &Object,
    now: Instant,
    tallies: &mut BTreeMap<Reads, Tally>,
    sink: &mut Sink,
) -> Result<(), ReadError> {
    let uri = object.uri.as_str();
    let written_at = object.modified.unwrap_or(now);
    let (mut reports, mut malformed, mut undated) = (0_u64, 0_u64, 0_u64);
    let mut first_fault = None;
    let ending = each_record(store, object, WHAT, &mut |record| {
        let value: Value = match serde_json::from_slice(record.text) {
            Ok(value) => value,
            Err(_) if !record.complete => {
                sink.warn(cut(uri));
                return Ok(());
            }
            Err(fault) => {
                malformed += 1;
                first_fault.get_or_insert(format!("line {}: {fault}", record.line));
                return Ok(());
            }
        };
        match Report::of(&value) {
            Some(Report::Scan { scan, around }) => {
                reports += 1;
                undated += u64::from(!count(scan, around, written_at, tallies));
            }
            Some(Report::Commit) => reports += 1,
            None => {
                malformed += 1;
                first_fault.get_or_insert(format!("line {}: it is no scan or commit report", record.line));
            }
        }
        Ok(())
    })?;
    match ending {
        Ending::Whole => {}
        Ending::Cut => sink.warn(cut(uri)),
        Ending::Damaged(fault) if reports == 0 => {
            return Err(ReadError::Malformed { what: WHAT, object: uri.to_owned(), fault, hint: None });
        }
        Ending::Damaged(fault) => {
            let message = format!("the file is damaged ({fault}): what follows is not counted");
            sink.warn(Warning::skipped("damaged-log", uri, message));
        }
    }
    if let Some(fault) = first_fault {
        let message = format!("a record is no report and was left out; the first at {fault}");
        sink.warn(Warning::skipped("malformed-record", uri, message).times(malformed));
    }
    if undated > 0 {
        let message = "a report does not tell its time: it counts on the day its file was written";
        sink.warn(Warning::new("no-time", uri, message).times(undated));
    }
    Ok(())
}

fn cut(uri: &str) -> Warning {
    Warning::skipped(
        "truncated-log",
        uri,
        "the file stops in the middle of a report: it is counted up to there",
    )
}

type Fields = Map<String, Value>;

/// What a record is.
enum Report<'a> {
    /// A scan's report, and what it is wrapped in.
    Scan { scan: Cow<'a, Fields>, around: &'a Fields },
    /// A commit's.
    Commit,
}

impl<'a> Report<'a> {
    fn of(value: &'a Value) -> Option<Self> {
        let around = value.as_object()?;
        let report = |fields: Cow<'a, Fields>| {
            Some(if is_scan(&fields)? { Self::Scan { scan: fields, around } } else { Self::Commit })
        };
        report(Cow::Borrowed(around)).or_else(|| {
            WRAPPERS.iter().filter_map(|key| around.get(*key)).find_map(|inner| match inner {
                Value::Object(inner) => report(Cow::Borrowed(inner)),
                // A body kept as text.
                Value::String(text) => report(Cow::Owned(serde_json::from_str(text).ok()?)),
                _ => None,
            })
        })
    }
}

/// Whether a report is of a scan, not of a commit; nothing for what is no report.
fn is_scan(fields: &Fields) -> Option<bool> {
    fields.get("table-name")?.as_str().filter(|name| !name.is_empty())?;
    let metrics = fields.get("metrics")?.as_object()?;
    match fields.get("report-type").and_then(Value::as_str) {
        Some("commit-report") => Some(false),
        Some("scan-report") => Some(true),
        Some(_) => None,
        // Outside of REST the type is not written: a commit says what it did.
        None => Some(!fields.contains_key("operation") && !metrics.contains_key("added-data-files")),
    }
}

/// Counts a scan; false when its time is not told.
fn count(
    scan: Cow<'_, Fields>,
    around: &Fields,
    written_at: Instant,
    tallies: &mut BTreeMap<Reads, Tally>,
) -> bool {
    let metadata = scan.get("metadata").and_then(Value::as_object);
    let told = metadata
        .into_iter()
        .chain([around, &*scan])
        .find_map(|object| TIMES.iter().find_map(|key| object.get(*key).and_then(instant)));
    let at = told.unwrap_or(written_at);
    let text = |keys: &[&str]| {
        let objects = || metadata.into_iter().chain([around]);
        keys.iter()
            .find_map(|key| {
                objects().find_map(|object| object.get(*key)?.as_str().filter(|text| !text.is_empty()))
            })
            .map(clean)
    };
    let table = scan.get("table-name").and_then(Value::as_str).unwrap_or_default();
    let day = PeriodKey::day_of(at).period().start;
    let metric = |names: &[&str]| {
        let metrics = scan.get("metrics")?;
        let value = names.iter().find_map(|name| metrics.get(*name))?;
        // `{"unit": "count", "value": 5}`
        value.get("value").unwrap_or(value).as_i64().filter(|value| *value >= 0)
    };
    let files = sum(metric(&["result-data-files"]), metric(&["result-delete-files"]));
    let bytes = sum(
        metric(&["total-file-size-in-bytes", "total-file-size-bytes"]),
        metric(&["total-delete-file-size-in-bytes", "total-delete-file-size-bytes"]),
    );
    let asked_from = scan.get("filter").and_then(|filter| filter::oldest_day(filter, at));

    let key = (day, clean(table), text(&PRINCIPALS).unwrap_or_default(), text(&ENGINES));
    let tally = tallies.entry(key).or_default();
    tally.reads += 1;
    tally.files = sum(tally.files, files);
    tally.bytes = sum(tally.bytes, bytes);
    tally.oldest_partition_on = match (tally.oldest_partition_on, asked_from) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    };
    tally.last_read_at = tally.last_read_at.max(Some(at));
    told.is_some()
}
