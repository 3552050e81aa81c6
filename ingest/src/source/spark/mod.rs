//! Spark event logs (`spark.eventLog.dir`), of Spark 2.2 and later.
//!
//! One unit is one application (attempt): a file `app-…`, `application_…_…[_attempt]`,
//! `local-…` or of any other name, plain or compressed, finished or `.inprogress`; a
//! rolling directory `eventlog_v2_<app>[_<attempt>]`; or the hourly files `eventlog-<time>`
//! and `eventlog` that Databricks delivers in one directory.
//!
//! A log is read a line at a time. What it says is kept as far as it goes: a driver that
//! was killed leaves a last line or compressed frame cut short. The parts: `codec` and
//! `lines` (bytes to lines), `events` and `sql_events` (lines to events), `application` (events to rows),
//! and what it is made of: `properties`, `executors` and `driver` (cut by hour in `held`), `stages`,
//! `plan`, `tables`.

mod application;
mod driver;
mod events;
mod executors;
mod held;
mod plan;
mod properties;
mod sql_events;
mod stages;
mod tables;

use std::collections::{BTreeMap, BTreeSet};

use model::Warning;
use model::time::Instant;

use self::application::{Application, LogState};
use super::codec::Codec;
use super::lines::{Lines, Next};
use super::{Plan, ReadError, Reader, SourceOptions, Unit};
use crate::sink::Sink;
use crate::store::{Object, Store, StoreError};

const ROLLING: &str = "eventlog_v2_";
const IN_PROGRESS: &str = ".inprogress";
const COMPACT: &str = ".compact";

/// The reader of `spark-event-log`.
pub(super) struct SparkEventLogs {
    options: SourceOptions,
}

impl SparkEventLogs {
    pub(super) fn new(options: &SourceOptions) -> Self {
        Self { options: options.clone() }
    }
}

impl Reader for SparkEventLogs {
    fn plan(&self, _store: &dyn Store, listing: &[Object]) -> Result<Plan, ReadError> {
        let mut plan = Plan::default();
        let mut groups: BTreeMap<String, Vec<Object>> = BTreeMap::new();
        for object in listing.iter().filter(|object| !is_bookkeeping(object)) {
            groups.entry(unit_key(object)).or_default().push(object.clone());
        }
        for (key, objects) in groups {
            let objects =
                if is_rolling(&key) { rolled(&key, objects, &mut plan.warnings) } else { in_order(objects) };
            if !objects.is_empty() {
                plan.units.push(Unit { key, objects });
            }
        }
        Ok(plan)
    }

    fn read(&self, store: &dyn Store, unit: &Unit, now: Instant, sink: &mut Sink) -> Result<(), ReadError> {
        let mut application = Application::default();
        let state = LogState {
            in_progress: unit.objects.iter().any(|object| object.file_name().ends_with(IN_PROGRESS)),
            modified: unit.objects.iter().filter_map(|object| object.modified).max(),
        };
        let mut events = 0;
        for object in unit.objects.iter().filter(|object| !object.file_name().starts_with("appstatus_")) {
            if object.file_name().ends_with(COMPACT) {
                let message =
                    "the history server compacted this log: tasks of finished jobs are no longer in it";
                sink.warn(Warning::new("compacted-log", &object.uri, message));
            }
            match read_file(store, object, &mut application, sink)? {
                Some(read) => events += read,
                None if events == 0 => {
                    let message = "the file is no Spark event log and was left alone";
                    sink.warn(Warning::new("not-an-event-log", &object.uri, message));
                    return Ok(());
                }
                None => {}
            }
        }
        if state.in_progress && !application.has_started() {
            // The driver has only just begun to write, or its first frame is not full yet.
            return Ok(());
        }
        application.land(&state, &self.options, now, sink)
    }

    fn revision(&self) -> u32 {
        2
    }
}

/// Files that file systems and Spark keep beside logs: checksums, markers, empty files.
/// The `appstatus` file of a rolling directory is empty too but tells whether it is finished.
fn is_bookkeeping(object: &Object) -> bool {
    let name = object.file_name();
    let marker = name.starts_with("appstatus_");
    name.starts_with(['.', '_']) || (object.size == 0 && !marker) || (marker && !is_rolling(object.parent()))
}

fn is_rolling(key: &str) -> bool {
    key.rsplit('/').next().is_some_and(|name| name.starts_with(ROLLING))
}

/// What an object's unit is called in the ledger. It must stay the same when a log is
/// finished (`.inprogress` goes) or compacted (its first part goes), so that the finished
/// log replaces the unfinished one.
fn unit_key(object: &Object) -> String {
    let (parent, name) = (object.parent(), object.file_name());
    if is_rolling(parent) {
        return parent.to_owned();
    }
    // Databricks: `eventlog-2024-02-13--20-00.gz`, and `eventlog` for the hour that runs.
    let hourly =
        name.strip_prefix("eventlog-").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    if hourly {
        return format!("{parent}/eventlog");
    }
    object.uri.strip_suffix(IN_PROGRESS).unwrap_or(&object.uri).to_owned()
}

/// The objects of a log that does not roll: the finished file where both are there (it was
/// being renamed), and hourly files by time, the running hour last.
fn in_order(mut objects: Vec<Object>) -> Vec<Object> {
    let finished: BTreeSet<String> =
        objects.iter().map(|object| object.uri.clone()).filter(|uri| !uri.ends_with(IN_PROGRESS)).collect();
    objects.retain(|object| match object.uri.strip_suffix(IN_PROGRESS) {
        Some(stem) => !finished.contains(stem),
        None => true,
    });
    objects.sort_by(|a, b| {
        let running = |object: &Object| object.file_name() == "eventlog";
        (running(a), &a.uri).cmp(&(running(b), &b.uri))
    });
    objects
}

/// The objects of a rolling directory in numeric order, from the last compacted part on,
/// which stands for all before it; the marker of its state first.
fn rolled(directory: &str, objects: Vec<Object>, warnings: &mut Vec<Warning>) -> Vec<Object> {
    let mut parts: BTreeMap<u64, Object> = BTreeMap::new();
    let mut ordered = Vec::new();
    for object in objects {
        let name = object.file_name();
        let index = name.strip_prefix("events_").and_then(|rest| rest.split('_').next()?.parse().ok());
        match index {
            Some(index) => match parts.get(&index) {
                Some(known) if known.file_name().ends_with(COMPACT) => {}
                _ => {
                    parts.insert(index, object);
                }
            },
            None if name.starts_with("appstatus_") => ordered.push(object),
            None => warnings.push(Warning::new(
                "not-an-event-log",
                &object.uri,
                "the file is no part of the rolling log beside it and was left alone",
            )),
        }
    }
    let compacted =
        parts.iter().rev().find(|(_, object)| object.file_name().ends_with(COMPACT)).map(|(at, _)| *at);
    let parts: Vec<(u64, Object)> =
        parts.into_iter().filter(|(at, _)| compacted.is_none_or(|from| *at >= from)).collect();
    let first = compacted.unwrap_or(1);
    let last = parts.last().map_or(0, |(at, _)| *at);
    let missing = (last + 1).saturating_sub(first).saturating_sub(parts.len() as u64);
    if missing > 0 && !parts.is_empty() {
        let message = "parts of the rolling log are missing: what they say is not counted";
        warnings.push(Warning::skipped("missing-log-part", directory, message).times(missing));
    }
    if parts.is_empty() {
        return Vec::new();
    }
    ordered.extend(parts.into_iter().map(|(_, object)| object));
    ordered
}

fn store_failed(operation: &'static str, uri: &str, cause: std::io::Error) -> StoreError {
    StoreError { operation, uri: uri.to_owned(), cause: Box::new(cause), hint: None }
}

/// Feeds one file's events to the application: how many there were, or nothing when the
/// file's first line is no event at all.
fn read_file(
    store: &dyn Store,
    object: &Object,
    application: &mut Application,
    sink: &mut Sink,
) -> Result<Option<u64>, ReadError> {
    let uri = object.uri.as_str();
    let source = store.open(uri)?;
    let lines = Lines::new(Codec::of(object.file_name()), source)
        .map_err(|cause| store_failed("open", uri, cause))?;
    let Some(mut lines) = lines else {
        return Err(ReadError::Malformed {
            what: "event log",
            object: uri.to_owned(),
            fault: "LZF compression cannot be read".to_owned(),
            hint: Some("set spark.eventLog.compression.codec to zstd, or decompress the file".to_owned()),
        });
    };
    let malformed = |fault: &str| Warning::skipped("malformed-event", uri, fault);
    let mut read = 0;
    loop {
        match lines.next().map_err(|cause| store_failed("read", uri, cause))? {
            Next::Line(b"", _) => {}
            Next::Line(line, _) if read == 0 && !events::is_event(line) => return Ok(None),
            Next::Line(line, complete) => {
                read += 1;
                match events::parse(line) {
                    Ok(Some(event)) => application.event(event),
                    Ok(None) => {}
                    Err(_) if !complete => sink.warn(truncated(uri)),
                    Err(fault) if fault.to_string().starts_with("recursion limit") => {
                        sink.warn(malformed(
                            "a query plan is nested too deep to be read: its tables are not known",
                        ));
                    }
                    Err(_) => sink.warn(malformed("a line is not the event it says it is and was left out")),
                }
            }
            Next::TooLong if read == 0 => return Ok(None),
            Next::TooLong => sink.warn(malformed("a line is longer than any event and was left out")),
            Next::End => return Ok((read > 0).then_some(read)),
            Next::Cut => {
                sink.warn(truncated(uri));
                return Ok(Some(read));
            }
            Next::Damaged(fault) if read == 0 => {
                return Err(ReadError::Malformed {
                    what: "event log",
                    object: uri.to_owned(),
                    fault: format!("it is not compressed as its name says: {}", fault.to_lowercase()),
                    hint: None,
                });
            }
            Next::Damaged(fault) => {
                let message =
                    format!("the compressed file is damaged ({fault}): what follows is not counted");
                sink.warn(Warning::skipped("damaged-log", uri, message));
                return Ok(Some(read));
            }
        }
    }
}

fn truncated(uri: &str) -> Warning {
    Warning::new("truncated-log", uri, "the log stops in the middle of an event: it is counted up to there")
}
