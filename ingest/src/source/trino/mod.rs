//! Query-completed events of Trino and Presto, as event listeners write them: a JSON object
//! a line, an array, or a file an event; `.gz` and `.zst` too. The object may be wrapped, as
//! the Kafka listener (`eventPayload`) and Presto's collectors (`queryCompletedEvent`) do.
//!
//! Their makers promise no stable JSON. What varies is read as it comes: durations are
//! decimal seconds (Trino), milliseconds (Presto) or texts; times are ISO texts or epochs
//! in seconds or milliseconds (<https://trino.io/docs/current/develop/event-listener.html>).
//!
//! A query becomes a run that used its CPU time, spread evenly over the time it executed;
//! which worker it ran on, events do not say.

mod event;
mod fingerprint;
mod query;

use std::collections::HashSet;

use model::Warning;
use model::time::Instant;

use self::event::Event;
use self::query::QueryRun;
use super::records::{Ending, each_record};
use super::{Plan, ReadError, Reader, SourceOptions, Unit};
use crate::sink::Sink;
use crate::store::{Object, Store};

/// Names files of events end with, before their compression.
const SUFFIXES: [&str; 3] = [".json", ".jsonl", ".ndjson"];

/// The reader of `trino-events`.
pub(super) struct TrinoEvents {
    options: SourceOptions,
}

impl TrinoEvents {
    pub(super) fn new(options: &SourceOptions) -> Self {
        Self { options: options.clone() }
    }
}

impl Reader for TrinoEvents {
    fn plan(&self, store: &dyn Store, listing: &[Object]) -> Result<Plan, ReadError> {
        let mut plan = Plan::default();
        plan.units.extend(listing.iter().filter(|object| is_events(object)).cloned().map(Unit::single));
        if self.options.cluster.is_none() && !plan.units.is_empty() {
            let message = "query events do not name their cluster, so its cost cannot be split among them: \
                           set `cluster` for this source";
            plan.warnings.push(Warning::new("no-cluster", store.root(), message));
        }
        Ok(plan)
    }

    fn read(&self, store: &dyn Store, unit: &Unit, _now: Instant, sink: &mut Sink) -> Result<(), ReadError> {
        for object in &unit.objects {
            self.read_file(store, object, sink)?;
        }
        Ok(())
    }
}

impl TrinoEvents {
    fn read_file(&self, store: &dyn Store, object: &Object, sink: &mut Sink) -> Result<(), ReadError> {
        let uri = object.uri.as_str();
        let mut seen = HashSet::new();
        let (mut queries, mut others, mut malformed) = (0_u64, 0_u64, 0_u64);
        let mut first_fault = None;
        let ending = each_record(store, object, "query events", &mut |record| {
            let event: Event = match serde_json::from_slice(record.text) {
                Ok(event) => event,
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
            match QueryRun::of(event) {
                Ok(Some(query)) => {
                    queries += 1;
                    if !seen.insert(query.run_id().to_owned()) {
                        let message = "a query completed more than once: its first event counts";
                        sink.warn(Warning::new("duplicate-run", uri, message));
                        return Ok(());
                    }
                    query.land(&self.options, uri, sink)
                }
                Ok(None) => {
                    others += 1;
                    Ok(())
                }
                Err(fault) => {
                    malformed += 1;
                    first_fault.get_or_insert(format!("line {}: {fault}", record.line));
                    Ok(())
                }
            }
        })?;
        match ending {
            Ending::Whole => {}
            Ending::Cut => sink.warn(cut(uri)),
            Ending::Damaged(fault) if queries == 0 => {
                return Err(ReadError::Malformed {
                    what: "query events",
                    object: uri.to_owned(),
                    fault,
                    hint: None,
                });
            }
            Ending::Damaged(fault) => {
                let message = format!("the file is damaged ({fault}): what follows is not counted");
                sink.warn(Warning::skipped("damaged-log", uri, message));
            }
        }
        if let Some(fault) = first_fault {
            let message =
                format!("an event is not what a query's event is and was left out; the first at {fault}");
            sink.warn(Warning::skipped("malformed-record", uri, message).times(malformed));
        }
        if queries == 0 && others > 0 {
            let message = "the file holds no query-completed events and was left alone";
            sink.warn(Warning::new("not-a-query-event", uri, message));
        }
        Ok(())
    }
}

fn is_events(object: &Object) -> bool {
    let name = object.file_name();
    let plain = [".gz", ".zst", ".zstd"].iter().find_map(|suffix| name.strip_suffix(suffix)).unwrap_or(name);
    object.size > 0 && !name.starts_with(['.', '_']) && SUFFIXES.iter().any(|suffix| plain.ends_with(suffix))
}

fn cut(uri: &str) -> Warning {
    Warning::skipped(
        "truncated-log",
        uri,
        "the file stops in the middle of an event: it is counted up to there",
    )
}
