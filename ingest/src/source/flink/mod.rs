//! Flink jobs: the archives its job managers leave (`jobmanager.archive.fs.dir`), and the
//! views its REST interface gives of jobs that still run.
//!
//! An archive is one file named by the job's id, `{"archive": [{"path", "json"}]}`, where
//! `json` is the text the REST interface would have answered for `path`
//! (<https://nightlies.apache.org/flink/flink-docs-stable/docs/deployment/advanced/historyserver/>).
//! Views of a running job are saved either in that shape, as `<job id>.json`, or one file a
//! view in a directory named by the job's id, known by their content. When the job's
//! archive appears beside them under the same id, it replaces them.
//!
//! Archives carry neither owner nor CPU time: a job costs the slots it held, one vcore
//! each, which is what Flink asks YARN and Kubernetes for by default
//! (`yarn.containers.vcores`, `kubernetes.taskmanager.cpu.amount`: the number of slots).

mod job;

use std::collections::BTreeMap;
use std::io::Read;

use flate2::read::MultiGzDecoder;
use model::Warning;
use model::time::Instant;
use serde::Deserialize;
use serde_json::Value;

use self::job::{Exceptions, Job, TaskManagers, Views};
use super::{Plan, ReadError, Reader, SourceOptions, Unit};
use crate::sink::Sink;
use crate::store::{Object, Store};

/// Digits of a job id.
const ID_LENGTH: usize = 32;
/// Bytes of an archive beyond which it is no archive: the largest jobs' reach some hundred megabytes.
const LARGEST_FILE: u64 = 1 << 30;

/// The reader of `flink-archive`.
pub(super) struct FlinkArchives {
    options: SourceOptions,
}

impl FlinkArchives {
    pub(super) fn new(options: &SourceOptions) -> Self {
        Self { options: options.clone() }
    }
}

impl Reader for FlinkArchives {
    fn plan(&self, store: &dyn Store, listing: &[Object]) -> Result<Plan, ReadError> {
        let mut jobs: BTreeMap<String, Vec<Object>> = BTreeMap::new();
        for object in listing.iter().filter(|object| object.size > 0) {
            if let Some(key) = unit_key(&object.uri) {
                jobs.entry(key).or_default().push(object.clone());
            }
        }
        let mut plan = Plan::default();
        plan.units.extend(jobs.into_iter().map(|(key, objects)| Unit { key, objects }));
        if plan.units.is_empty() && !listing.is_empty() {
            let message =
                "no file or directory is named by a job's id (32 hex digits), so none is an archive";
            plan.warnings.push(Warning::skipped("no-archives", store.root(), message));
        }
        Ok(plan)
    }

    fn read(&self, store: &dyn Store, unit: &Unit, _now: Instant, sink: &mut Sink) -> Result<(), ReadError> {
        let mut found: Option<Views> = None;
        let mut loose = Views::default();
        for object in &unit.objects {
            let uri = object.uri.as_str();
            let file = read_file(store, object)?;
            match serde_json::from_slice(&file) {
                Ok(Archive { archive: Some(entries) }) => {
                    let mut views = Views::default();
                    for entry in &entries {
                        archived(entry, &mut views, uri, sink);
                    }
                    if views.job.is_none() {
                        return Err(malformed(uri, "the archive has no view of a job".to_owned()));
                    }
                    let known = found.as_ref().and_then(|views| views.job.as_ref());
                    if known
                        .is_none_or(|known| views.job.as_ref().is_some_and(|job| job.is_later_than(known)))
                    {
                        found = Some(views);
                    }
                }
                Ok(Archive { archive: None }) | Err(_) => {
                    loose_view(&file, &mut loose).map_err(|fault| malformed(uri, fault))?;
                }
            }
        }
        // An archive is written once its job has ended, so it knows more than saved views.
        let views = found.unwrap_or(loose);
        match &views.job {
            Some(job) => job.land(&views, &self.options, &unit.key, sink),
            None => {
                let message = "the files hold no view of a job (`/jobs/<id>`) and were left alone";
                sink.warn(Warning::new("not-a-job", &unit.key, message));
                Ok(())
            }
        }
    }
}

/// What an object's job is called in the ledger: the path up to the job's id, whether it
/// names the file (with or without `.json` and compression) or its directory.
fn unit_key(uri: &str) -> Option<String> {
    let (parent, name) = uri.rsplit_once('/').unwrap_or(("", uri));
    let stem = name.split('.').next().unwrap_or_default();
    if is_id(stem) {
        let rest = &name[stem.len()..];
        let known = matches!(rest, "" | ".json" | ".gz" | ".json.gz");
        return known.then(|| uri[..uri.len() - rest.len()].to_owned());
    }
    let directory = parent.rsplit('/').next().unwrap_or_default();
    let json = name.ends_with(".json") || name.ends_with(".json.gz");
    (is_id(directory) && json && !name.starts_with(['.', '_'])).then(|| parent.to_owned())
}

fn is_id(name: &str) -> bool {
    name.len() == ID_LENGTH && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[derive(Deserialize)]
struct Archive<'a> {
    #[serde(borrow)]
    archive: Option<Vec<Entry<'a>>>,
}

#[derive(Deserialize)]
struct Entry<'a> {
    #[serde(borrow)]
    path: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    json: std::borrow::Cow<'a, str>,
}

/// Takes in one view of an archive, of which only few are looked at.
fn archived(entry: &Entry<'_>, views: &mut Views, uri: &str, sink: &mut Sink) {
    let Some(rest) = entry.path.strip_prefix("/jobs/") else { return };
    let broken = match rest.split('/').collect::<Vec<_>>()[..] {
        ["overview"] => return,
        [_] => read_into(&entry.json, &mut views.job),
        [_, "exceptions"] => read_into(&entry.json, &mut views.exceptions),
        [_, "config"] => read_into(&entry.json, &mut views.config),
        [_, "vertices", _, "taskmanagers"] => {
            serde_json::from_str::<TaskManagers>(&entry.json).map(|view| views.task_managers.push(view))
        }
        _ => return,
    };
    if let Err(fault) = broken {
        let message = format!("the view `{}` cannot be read and was left out: {fault}", entry.path);
        sink.warn(Warning::skipped("malformed-record", uri, message));
    }
}

fn read_into<'a, T: Deserialize<'a>>(text: &'a str, place: &mut Option<T>) -> serde_json::Result<()> {
    *place = Some(serde_json::from_str(text)?);
    Ok(())
}

/// Takes in a saved view, known by its fields.
fn loose_view(text: &[u8], views: &mut Views) -> Result<(), String> {
    let fault = |error: serde_json::Error| error.to_string();
    let value: Value = serde_json::from_slice(text).map_err(fault)?;
    let has = |key: &str| value.get(key).is_some();
    if has("vertices") && has("state") {
        views.job = Some(Job::deserialize(&value).map_err(fault)?);
    } else if has("taskmanagers") && has("id") {
        views.task_managers.push(TaskManagers::deserialize(&value).map_err(fault)?);
    } else if has("root-exception") || has("exceptionHistory") {
        views.exceptions = Some(Exceptions::deserialize(&value).map_err(fault)?);
    } else if has("execution-config") {
        views.config = Some(value);
    } else if has("archive") {
        return Err("its `archive` is not a list of paths and texts".to_owned());
    }
    Ok(())
}

fn read_file(store: &dyn Store, object: &Object) -> Result<Vec<u8>, ReadError> {
    let uri = object.uri.as_str();
    let too_large = || malformed(uri, "it is larger than any archive".to_owned());
    if object.size > LARGEST_FILE {
        return Err(too_large());
    }
    let bytes = store.bytes(uri)?;
    if !uri.ends_with(".gz") {
        return Ok(bytes);
    }
    let mut plain = Vec::new();
    MultiGzDecoder::new(&bytes[..])
        .take(LARGEST_FILE + 1)
        .read_to_end(&mut plain)
        .map_err(|error| malformed(uri, format!("it cannot be decompressed: {error}")))?;
    if plain.len() as u64 > LARGEST_FILE { Err(too_large()) } else { Ok(plain) }
}

fn malformed(uri: &str, fault: String) -> ReadError {
    ReadError::Malformed { what: "Flink archive", object: uri.to_owned(), fault, hint: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_and_the_views_of_its_job_have_one_name() {
        let id = "8b309055ffa1252b8a75f9a3e0f45b2f";
        let want = Some(format!("s3://b/flink/{id}"));
        for rest in ["", ".json", ".json.gz", "/job.json", "/job_exceptions.json.gz"] {
            assert_eq!(unit_key(&format!("s3://b/flink/{id}{rest}")), want, "{rest}");
        }
        for uri in
            ["s3://b/flink/jobs_overview.json", "s3://b/flink/8b30", "8b309055ffa1252b8a75f9a3e0f45b2f.tmp"]
        {
            assert_eq!(unit_key(uri), None, "{uri}");
        }
    }
}
