//! Netflix Maestro: workflow instances and step instances as its REST API and its tables
//! give them, in JSON files: one object, an array, a page `{"elements": [...]}`, or JSON
//! lines; `.gz` too.
//!
//! A step attempt becomes a run `workflow/instance/run/step/attempt`, a workflow instance
//! a run `workflow/instance/run`, which carries what started it. They join on their ids:
//! the two usually stand in different files.
//!
//! Both list endpoints of Maestro's API show only the latest attempt of a step; a source
//! that wants retries costed exports the table `maestro_step_instance` or fetches each
//! attempt.

pub(super) mod artifacts;
pub(super) mod documents;
mod instances;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io::{BufReader, Read};

use flate2::read::MultiGzDecoder;
use model::Warning;
use model::time::Instant;
use serde_json::Value;

use self::documents::Documents;
use self::instances::Instance;
use super::{Plan, ReadError, Reader, SourceOptions, Unit};
use crate::sink::Sink;
use crate::store::{Object, Store};

/// The reader of `maestro`.
pub(super) struct Maestro {
    options: SourceOptions,
}

impl Maestro {
    pub(super) fn new(options: &SourceOptions) -> Self {
        Self { options: options.clone() }
    }
}

impl Reader for Maestro {
    fn plan(&self, _store: &dyn Store, listing: &[Object]) -> Result<Plan, ReadError> {
        let kept = |object: &&Object| object.size > 0 && !object.file_name().starts_with(['.', '_']);
        Ok(Plan {
            units: listing.iter().filter(kept).cloned().map(Unit::single).collect(),
            warnings: Vec::new(),
        })
    }

    fn read(&self, store: &dyn Store, unit: &Unit, _now: Instant, sink: &mut Sink) -> Result<(), ReadError> {
        // Whether what was landed of a run has an end. A record without one says less than a
        // later one with it, which is landed beside it: `staging/stg_runs.sql` takes that.
        let mut seen: HashMap<String, bool> = HashMap::new();
        for object in &unit.objects {
            let uri = object.uri.as_str();
            let source = store.open(uri)?;
            let source: Box<dyn Read> = match uri.ends_with(".gz") {
                true => Box::new(MultiGzDecoder::new(BufReader::new(source))),
                false => source,
            };
            let mut documents = Documents::new(source);
            let mut instances = 0_u64;
            let mut others = 0_u64;
            let mut landing = Ok(());
            let outcome = documents.each(&mut |value: Value| {
                let Some(instance) = Instance::of(&value) else {
                    others += 1;
                    return true;
                };
                instances += 1;
                match seen.entry(instance.run_id()) {
                    Entry::Vacant(place) => {
                        place.insert(instance.has_ended());
                    }
                    Entry::Occupied(mut place) => {
                        let message =
                            "an instance is listed more than once: its first record with an end counts";
                        sink.warn(Warning::new("duplicate-run", uri, message));
                        if *place.get() || !instance.has_ended() {
                            return true;
                        }
                        place.insert(true);
                    }
                }
                landing = instance.land(&self.options, uri, sink);
                landing.is_ok()
            });
            landing?;
            match outcome {
                Ok(broken_lines) if broken_lines > 0 && instances > 0 => {
                    let message = "a line is not JSON and was left out";
                    sink.warn(Warning::skipped("malformed-record", uri, message).times(broken_lines));
                }
                Ok(_) => {}
                Err(fault) if instances > 0 || uri.contains(".json") => {
                    return Err(ReadError::Malformed {
                        what: "Maestro export",
                        object: uri.to_owned(),
                        fault,
                        hint: None,
                    });
                }
                Err(_) => others += 1,
            }
            if instances == 0 {
                let message = "the file holds no workflow or step instances and was left alone";
                sink.warn(Warning::new("not-an-instance", uri, message));
            } else if others > 0 {
                let message = "a record is neither a workflow nor a step instance and was left alone";
                sink.warn(Warning::new("not-an-instance", uri, message).times(others));
            }
        }
        Ok(())
    }
}
