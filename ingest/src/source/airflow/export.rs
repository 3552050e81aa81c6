//! The documents of one directory, joined: a task instance says neither who owns it nor
//! what started it.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use model::Warning;
use model::tags::{Tag, TagSet};
use model::time::PeriodKey;

use super::records::{Dag, DagRun, Record, TaskKey, Try};
use crate::rows::{Run, RunStatus, RunUsage};
use crate::sink::Sink;
use crate::source::{ReadError, SourceOptions};

/// Name of the engine in the ledger.
const ENGINE: &str = "airflow";

/// Tasks of a page and the file it stands in.
struct TaskPage {
    uri: String,
    owners: Vec<(String, String)>,
}

/// What a directory's documents say.
#[derive(Default)]
pub(super) struct Export {
    version: Option<String>,
    dags: BTreeMap<String, Dag>,
    owners: BTreeMap<(String, String), String>,
    pages: Vec<TaskPage>,
    runs: BTreeMap<(String, String), DagRun>,
    tries: BTreeMap<(TaskKey, i64), Try>,
    children: BTreeMap<TaskKey, String>,
}

impl Export {
    /// Whether it holds anything that ran.
    pub(super) fn is_empty(&self) -> bool {
        self.runs.is_empty() && self.tries.is_empty()
    }

    /// Takes one record of a file.
    pub(super) fn add(&mut self, record: Record, uri: &str) {
        match record {
            Record::Dag(id, dag) => {
                let known = self.dags.entry(id).or_default();
                // The details of a DAG in Airflow 2 list no owners; its list entry does.
                if known.owners.is_empty() {
                    known.owners = dag.owners;
                }
                known.default_owner = dag.default_owner.or(known.default_owner.take());
                known.tags.extend(dag.tags);
            }
            Record::DagTag(dag, tag) => self.dags.entry(dag).or_default().tags.push(tag),
            Record::DagRun(mut run) => {
                let key = (run.dag.clone(), run.run.clone());
                // The database of Airflow 2 keeps a `conf` as a pickle, REST has no queued time.
                if let Some(known) = self.runs.remove(&key) {
                    run.queued = run.queued.or(known.queued);
                    run.ended = run.ended.or(known.ended);
                    if run.conf.is_empty() {
                        run.conf = known.conf;
                    }
                }
                self.runs.insert(key, run);
            }
            Record::Try(key, number, attempt) => match self.tries.entry((key, number)) {
                Entry::Vacant(place) => {
                    place.insert(*attempt);
                }
                // Listed as the latest try and among all tries: one may know more.
                Entry::Occupied(mut known) => {
                    let child = known.get_mut().child.take().or(attempt.child.clone());
                    if known.get().ended.is_none() {
                        known.insert(*attempt);
                    }
                    known.get_mut().child = child;
                }
            },
            Record::Tasks(Some(dag), owners) => {
                self.owners.extend(owners.into_iter().map(|(task, owner)| ((dag.clone(), task), owner)));
            }
            Record::Tasks(None, owners) => self.pages.push(TaskPage { uri: uri.to_owned(), owners }),
            Record::Child(key, child) => {
                self.children.insert(key, child);
            }
            Record::Version(version) => self.version = Some(version),
            Record::Other => {}
        }
    }

    /// Lands a run for each DAG run and for each try that ran.
    ///
    /// # Errors
    /// When a row does not fit its schema.
    pub(super) fn land(mut self, options: &SourceOptions, sink: &mut Sink) -> Result<(), ReadError> {
        self.place_pages(sink);
        for dag_run in self.runs.values() {
            self.land_dag_run(dag_run, sink)?;
        }
        // An XCom entry is of the latest try: a retry clears those before it.
        let latest: BTreeMap<&TaskKey, i64> = self.tries.keys().map(|(key, number)| (key, *number)).collect();
        let mut several_owners = BTreeSet::new();
        for ((key, number), attempt) in &self.tries {
            let Some(status) = ran(&attempt.state) else { continue };
            if attempt.bad_times > 0 {
                let message = "a time is no time of this century and counts as unknown";
                sink.warn(Warning::new("bad-time", task_name(key), message).times(attempt.bad_times));
            }
            let Some(started_at) = attempt.started else {
                // Cleared or failed by the scheduler before a worker had it.
                if attempt.bad_times > 0 {
                    let message = "a try without a start was left out";
                    sink.warn(Warning::skipped("bad-time", task_name(key), message));
                }
                continue;
            };
            let period = PeriodKey::day_of(started_at);
            let dag_run = self.runs.get(&(key.dag.clone(), key.run.clone()));
            let owner = self.owner(key);
            if owner.is_none() && self.dags.get(&key.dag).is_some_and(|dag| dag.owners.len() > 1) {
                several_owners.insert(key.dag.as_str());
            }
            let xcom = self.children.get(key).filter(|_| latest.get(key) == Some(number));
            let mut tags = self.tags(&key.dag, dag_run);
            tags.extend(attempt.pool.iter().map(|pool| Tag::new("airflow_pool", pool)));
            let run = Run {
                run_id: run_id(key, *number),
                name: Some(task_name(key)),
                workflow_id: Some(key.dag.clone()),
                workflow_instance_id: Some(key.run.clone()),
                step_id: Some(key.task.clone()),
                attempt: Some(*number),
                trigger: dag_run.map(|run| run.trigger.clone()),
                parent: None,
                child_run_id: xcom.or(attempt.child.as_ref()).cloned(),
                cluster_id: options.cluster.clone(),
                user_name: attempt.unixname.clone(),
                owner,
                tag_set_id: sink.tags(period, &TagSet::new(tags))?,
                status,
                queued_at: attempt.queued,
                ended_at: attempt.ended.filter(|_| status != RunStatus::Running),
                ..self.blank(started_at)
            };
            sink.push(period, &run)?;
        }
        for dag in several_owners {
            let message =
                "the DAG has several owners and its tasks were not exported: its runs are without an owner";
            sink.warn(Warning::new("several-owners", dag, message));
        }
        Ok(())
    }

    fn land_dag_run(&self, dag_run: &DagRun, sink: &mut Sink) -> Result<(), ReadError> {
        let Some(started_at) = dag_run.started.filter(|_| dag_run.state != "queued") else { return Ok(()) };
        let period = PeriodKey::day_of(started_at);
        let tags = TagSet::new(self.tags(&dag_run.dag, Some(dag_run)));
        let run = Run {
            run_id: format!("{}/{}", dag_run.dag, dag_run.run),
            name: Some(dag_run.dag.clone()),
            workflow_id: Some(dag_run.dag.clone()),
            workflow_instance_id: Some(dag_run.run.clone()),
            trigger: Some(dag_run.trigger.clone()),
            user_name: dag_run.user.clone(),
            owner: self.dags.get(&dag_run.dag).and_then(Dag::owner),
            tag_set_id: sink.tags(period, &tags)?,
            status: ran(&dag_run.state).unwrap_or(RunStatus::Unknown),
            queued_at: dag_run.queued,
            ended_at: dag_run.ended,
            ..self.blank(started_at)
        };
        Ok(sink.push(period, &run)?)
    }

    /// A run of Airflow of which only the start is known.
    fn blank(&self, started_at: model::time::Instant) -> Run {
        Run {
            run_id: String::new(),
            engine: ENGINE.to_owned(),
            engine_version: self.version.clone(),
            name: None,
            workflow_id: None,
            workflow_instance_id: None,
            workflow_run_id: None,
            step_id: None,
            attempt: None,
            trigger: None,
            parent: None,
            child_run_id: None,
            cluster_id: None,
            user_name: None,
            owner: None,
            tag_set_id: None,
            status: RunStatus::Unknown,
            error: None,
            queued_at: None,
            started_at,
            ended_at: None,
            usage: RunUsage::default(),
        }
    }

    /// Gives the pages of tasks that do not name their DAG to the one their file or its
    /// directory is named after: `tasks/playback_daily.json`, `tasks_playback_daily.json`,
    /// `dag_id=playback_daily/tasks.json`.
    fn place_pages(&mut self, sink: &mut Sink) {
        for page in std::mem::take(&mut self.pages) {
            let mut segments = page.uri.rsplit('/');
            let file = segments.next().unwrap_or_default();
            let stem = file.split(".json").next().unwrap_or_default();
            let names =
                [stem.split(".ndjson").next().unwrap_or_default(), segments.next().unwrap_or_default()];
            let ids = self.dags.keys().chain(self.runs.keys().map(|(dag, _)| dag));
            let found =
                ids.filter(|id| names.iter().any(|name| is_named_after(name, id))).max_by_key(|id| id.len());
            match found.cloned() {
                Some(dag) => self
                    .owners
                    .extend(page.owners.into_iter().map(|(task, owner)| ((dag.clone(), task), owner))),
                None => {
                    let message = "a page of tasks does not say of which DAG it is, nor does its file's name";
                    sink.warn(Warning::new("tasks-without-dag", page.uri, message));
                }
            }
        }
    }

    /// The task's owner, else the DAG's.
    fn owner(&self, key: &TaskKey) -> Option<String> {
        let of_task = self.owners.get(&(key.dag.clone(), key.task.clone()));
        of_task.cloned().or_else(|| self.dags.get(&key.dag)?.owner())
    }

    /// Tags of the DAG, and those of the run's `conf`. `key:value` and `key=value` are
    /// split, others are keys with the value `true`.
    fn tags(&self, dag: &str, run: Option<&DagRun>) -> Vec<Tag> {
        let of_dag = self.dags.get(dag).into_iter().flat_map(|dag| &dag.tags).map(|tag| split_tag(tag));
        let of_run = run.into_iter().flat_map(|run| &run.conf).map(|(key, value)| Tag::new(key, value));
        of_dag.chain(of_run).collect()
    }
}

impl Dag {
    /// Whom all its tasks belong to, where it says so.
    fn owner(&self) -> Option<String> {
        let only = self.owners.first().filter(|_| self.owners.len() == 1);
        self.default_owner.as_ref().or(only).cloned()
    }
}

/// A tag that is one text.
pub(in crate::source) fn split_tag(tag: &str) -> Tag {
    match tag.split_once(['=', ':']) {
        Some((key, value)) if !key.is_empty() && !value.is_empty() => Tag::new(key.trim(), value.trim()),
        _ => Tag::new(tag, "true"),
    }
}

/// `dag/run/task/try`, with the index before the try for an instance of a mapped task.
pub(in crate::source) fn task_run_id(
    dag: &str,
    run: &str,
    task: &str,
    map_index: Option<i64>,
    number: i64,
) -> String {
    match map_index {
        Some(index) => format!("{dag}/{run}/{task}/{index}/{number}"),
        None => format!("{dag}/{run}/{task}/{number}"),
    }
}

fn run_id(key: &TaskKey, number: i64) -> String {
    task_run_id(&key.dag, &key.run, &key.task, key.map_index, number)
}

/// The task, with its index where it is mapped.
fn task_name(key: &TaskKey) -> String {
    match key.map_index {
        Some(index) => format!("{}[{index}]", key.task),
        None => key.task.clone(),
    }
}

fn is_named_after(name: &str, id: &str) -> bool {
    name.strip_suffix(id).is_some_and(|before| !before.ends_with(|c: char| c.is_alphanumeric()))
}

/// How a try or a DAG run ended; nothing for one that never ran. What is scheduled or
/// queued still has the times of the try before.
fn ran(state: &str) -> Option<RunStatus> {
    match state {
        "" | "none" | "scheduled" | "queued" | "skipped" | "upstream_failed" | "removed" => None,
        "success" => Some(RunStatus::Succeeded),
        "failed" | "up_for_retry" => Some(RunStatus::Failed),
        "running" | "deferred" | "up_for_reschedule" => Some(RunStatus::Running),
        "restarting" | "shutdown" => Some(RunStatus::Killed),
        _ => Some(RunStatus::Unknown),
    }
}
