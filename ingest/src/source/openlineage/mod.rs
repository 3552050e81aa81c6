//! OpenLineage run events (<https://openlineage.io/spec/2-0-2/OpenLineage.json>), as an HTTP
//! collector or a file transport keeps them: JSON lines, one event a file, or arrays; `.gz`
//! too.
//!
//! Lineage says what ran, whose it was and which tables it touched, but nothing of cores or
//! memory. So an execution is landed under the engine and the id its own log gives it
//! (`airflow` and `dag/run/task/try`, `spark` and the application id, `flink` and the job
//! id, `trino` and the query id), with no usage at all: attribution takes the engine's own
//! record where there is one, and lineage for what that leaves open. An execution that no
//! engine's log could know (dbt) keeps its OpenLineage run id.
//!
//! Events of one run are merged within a unit: a file of JSON lines, or a directory of
//! `.json` files.

mod dataset;
mod event;
mod execution;

use model::Warning;
use model::time::Instant;
use serde_json::Value;

use self::event::Event;
use self::execution::Executions;
use super::directories::{directory_units, is_json};
use super::maestro::documents::Documents;
use super::{Plan, ReadError, Reader, SourceOptions, Unit};
use crate::sink::Sink;
use crate::store::{Object, Store};

/// The reader of `openlineage`.
pub(super) struct OpenLineage {
    options: SourceOptions,
}

impl OpenLineage {
    pub(super) fn new(options: &SourceOptions) -> Self {
        Self { options: options.clone() }
    }
}

impl Reader for OpenLineage {
    fn plan(&self, _store: &dyn Store, listing: &[Object]) -> Result<Plan, ReadError> {
        let is_lines = |object: &&Object| {
            let name = object.file_name();
            let plain = name.strip_suffix(".gz").unwrap_or(name);
            plain.ends_with(".jsonl") || plain.ends_with(".ndjson")
        };
        let json = || listing.iter().filter(|object| is_json(object));
        let mut units = directory_units(json().filter(|object| !is_lines(object)));
        units.extend(json().filter(is_lines).cloned().map(Unit::single));
        Ok(Plan { units, warnings: Vec::new() })
    }

    fn read(&self, store: &dyn Store, unit: &Unit, _now: Instant, sink: &mut Sink) -> Result<(), ReadError> {
        let mut executions = Executions::default();
        for object in &unit.objects {
            let uri = object.uri.as_str();
            let (mut others, mut unusable) = (0_u64, 0_u64);
            let outcome = Documents::open(store, uri, &[])?.each(&mut |value: Value| {
                match Event::of(&value, &self.options) {
                    Ok(Some(event)) => executions.add(event),
                    Ok(None) => others += 1,
                    Err(()) => unusable += 1,
                }
                true
            });
            if others > 0 {
                let message = "a record is no run event of OpenLineage and was left alone";
                sink.warn(Warning::new("not-an-event", uri, message).times(others));
            }
            if unusable > 0 {
                let message = "a run event without a run id or a time of this century was left out";
                sink.warn(Warning::skipped("malformed-record", uri, message).times(unusable));
            }
            match outcome {
                Ok(0) => {}
                Ok(broken) => {
                    let message = "a line is not JSON and was left out";
                    sink.warn(Warning::skipped("malformed-record", uri, message).times(broken));
                }
                Err(fault) if unit.objects.len() == 1 && executions.is_empty() => {
                    let object = uri.to_owned();
                    return Err(ReadError::Malformed {
                        what: "OpenLineage events",
                        object,
                        fault,
                        hint: None,
                    });
                }
                Err(fault) => {
                    let message =
                        format!("the file breaks off or is no JSON ({fault}): what came before was read");
                    sink.warn(Warning::skipped("malformed-record", uri, message));
                }
            }
        }
        executions.land(&self.options, sink)
    }
}
