//! Apache Airflow 2 and 3: answers of its REST API (v1, v2) and rows of its metadata
//! database, as JSON files in any of their shapes (a page, an array of pages, one object, a
//! row a line), `.gz` too.
//!
//! A try of a task becomes a run `dag/run/task/try` (`dag/run/task/index/try` for an
//! instance of a mapped task), a DAG run a run `dag/run`. A task instance shows only its
//! latest try; earlier ones come from its `/tries` or from rows of `task_instance_history`.
//!
//! Documents are known by their fields, and read together: one unit is a directory with all
//! below it, in which task instances meet the DAGs (tags, owners), tasks (owners) and DAG
//! runs (triggers) they are of.

mod export;
mod records;

use model::Warning;
use model::time::Instant;
use serde_json::Value;

use self::export::Export;
pub(super) use self::export::{split_tag, task_run_id};
use self::records::{PAGES, Record};
use super::directories::{directory_units, is_json};
use super::maestro::documents::Documents;
use super::{Plan, ReadError, Reader, SourceOptions, Unit};
use crate::sink::Sink;
use crate::store::{Object, Store};

/// The reader of `airflow`.
pub(super) struct Airflow {
    options: SourceOptions,
}

impl Airflow {
    pub(super) fn new(options: &SourceOptions) -> Self {
        Self { options: options.clone() }
    }
}

impl Reader for Airflow {
    fn plan(&self, _store: &dyn Store, listing: &[Object]) -> Result<Plan, ReadError> {
        let units = directory_units(listing.iter().filter(|object| is_json(object)));
        Ok(Plan { units, warnings: Vec::new() })
    }

    fn read(&self, store: &dyn Store, unit: &Unit, _now: Instant, sink: &mut Sink) -> Result<(), ReadError> {
        let mut export = Export::default();
        let mut faults = Vec::new();
        for object in &unit.objects {
            let uri = object.uri.as_str();
            let outcome = Documents::open(store, uri, PAGES)?.each(&mut |value: Value| {
                export.add(Record::of(&value), uri);
                true
            });
            match outcome {
                Ok(0) => {}
                Ok(broken) => {
                    let message = "a line is not JSON and was left out";
                    sink.warn(Warning::skipped("malformed-record", uri, message).times(broken));
                }
                Err(fault) => faults.push((uri, fault)),
            }
        }
        if export.is_empty() {
            if let Some((uri, fault)) = faults.into_iter().next() {
                return Err(ReadError::Malformed {
                    what: "Airflow export",
                    object: uri.to_owned(),
                    fault,
                    hint: None,
                });
            }
            let message = "the directory holds no DAG runs or task instances of Airflow and was left alone";
            sink.warn(Warning::new("not-an-export", &unit.key, message));
            return Ok(());
        }
        for (uri, fault) in faults {
            let message = format!("the file breaks off or is no JSON ({fault}): what came before was read");
            sink.warn(Warning::skipped("malformed-record", uri, message));
        }
        export.land(&self.options, sink)
    }
}
