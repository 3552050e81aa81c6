//! One job: what its views say, landed as a run.

use std::collections::{BTreeMap, BTreeSet};

use model::Warning;
use model::tags::{Tag, TagSet};
use model::time::{Instant, PeriodKey, from_epoch_ms, hours};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::rows::{Run, RunHour, RunStatus, RunUsage};
use crate::sink::Sink;
use crate::source::scalars::clean;
use crate::source::{ReadError, SourceOptions};

const ENGINE: &str = "flink";

/// Characters of an error that are kept.
const ERROR_LENGTH: usize = 300;
/// Longer than any job lives: a broken clock must not fill a century with hours.
const LONGEST_DAYS: i64 = 1500;
/// More slots than any cluster has.
const MOST_SLOTS: i64 = 1 << 20;
/// Job parameters that are kept as tags.
const MOST_TAGS: usize = 64;

/// What is known of one job.
#[derive(Default)]
pub(super) struct Views {
    pub job: Option<Job>,
    /// One a vertex.
    pub task_managers: Vec<TaskManagers>,
    pub exceptions: Option<Exceptions>,
    pub config: Option<Value>,
}

/// `/jobs/<id>`
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Job {
    jid: String,
    name: Option<String>,
    state: String,
    /// `STREAMING` or `BATCH`; since Flink 1.19.
    job_type: Option<String>,
    #[serde(default, deserialize_with = "number")]
    start_time: i64,
    /// -1 while it runs.
    #[serde(default, deserialize_with = "number")]
    end_time: i64,
    /// When the view was taken.
    #[serde(default, deserialize_with = "number")]
    now: i64,
    #[serde(default)]
    vertices: Vec<Vertex>,
}

#[derive(Deserialize)]
struct Vertex {
    #[serde(default)]
    id: String,
    #[serde(default, deserialize_with = "number")]
    parallelism: i64,
    #[serde(rename = "start-time", default, deserialize_with = "number")]
    start_time: i64,
    #[serde(rename = "end-time", default, deserialize_with = "number")]
    end_time: i64,
    /// Since Flink 1.20.
    #[serde(rename = "slotSharingGroupId")]
    slot_sharing_group: Option<String>,
    #[serde(default)]
    tasks: BTreeMap<String, Value>,
    #[serde(default)]
    metrics: Metrics,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
struct Metrics {
    #[serde(deserialize_with = "number")]
    read_bytes: i64,
    #[serde(deserialize_with = "number")]
    write_bytes: i64,
    #[serde(deserialize_with = "number")]
    accumulated_busy_time: i64,
}

/// `/jobs/<id>/vertices/<vertex>/taskmanagers`
#[derive(Deserialize)]
pub(super) struct TaskManagers {
    /// Of the vertex.
    #[serde(default)]
    id: String,
    #[serde(default)]
    taskmanagers: Vec<TaskManager>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct TaskManager {
    /// `host:port` since 1.19.
    endpoint: Option<String>,
    /// `host:port` before, and still.
    host: Option<String>,
    taskmanager_id: Option<String>,
    /// Subtasks of the vertex here, by state.
    #[serde(default)]
    status_counts: BTreeMap<String, Value>,
}

/// `/jobs/<id>/exceptions`
#[derive(Deserialize)]
pub(super) struct Exceptions {
    #[serde(rename = "root-exception")]
    root: Option<String>,
}

/// A count; Flink writes the text `NaN` where it has measured nothing, and -1 where there is
/// nothing to measure.
fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    Ok(whole(&Value::deserialize(deserializer)?))
}

fn whole(value: &Value) -> i64 {
    let number = value
        .as_i64()
        .or_else(|| value.as_f64().filter(|number| number.abs() < 9e18).map(|number| number as i64));
    number.unwrap_or(0).max(0)
}

impl Job {
    /// Whether it knows more than another view of the same job.
    pub(super) fn is_later_than(&self, other: &Self) -> bool {
        (self.end_time > 0, self.now) > (other.end_time > 0, other.now)
    }

    fn status(&self) -> RunStatus {
        match self.state.as_str() {
            "FINISHED" => RunStatus::Succeeded,
            "FAILED" => RunStatus::Failed,
            "CANCELED" => RunStatus::Killed,
            // Its job manager was lost; whether another took over, this one does not know.
            "SUSPENDED" => RunStatus::Unknown,
            "INITIALIZING" | "CREATED" | "RUNNING" | "FAILING" | "CANCELLING" | "RESTARTING"
            | "RECONCILING" => RunStatus::Running,
            _ => RunStatus::Unknown,
        }
    }

    /// Lands the job and the hours of its slots.
    ///
    /// # Errors
    /// When it has no believable start, or a row does not fit its schema.
    pub(super) fn land(
        &self,
        views: &Views,
        options: &SourceOptions,
        object: &str,
        sink: &mut Sink,
    ) -> Result<(), ReadError> {
        let started_at = from_epoch_ms(self.start_time).ok_or_else(|| ReadError::Malformed {
            what: "Flink archive",
            object: object.to_owned(),
            fault: "its job has no believable start".to_owned(),
            hint: None,
        })?;
        let period = PeriodKey::day_of(started_at);
        let ended_at = from_epoch_ms(self.end_time).filter(|at| *at >= started_at);
        let until = ended_at.or_else(|| from_epoch_ms(self.now)).unwrap_or(started_at);
        let run_id = clean(&self.jid);
        let cluster_id = options.cluster.clone();
        let mut usage = self.usage(views);
        for row in self.hours(views, started_at, until, object, sink) {
            usage.vcore_ms = usage.vcore_ms.saturating_add(row.vcore_ms);
            sink.push(period, &RunHour { cluster_id: cluster_id.clone(), ..row })?;
        }
        let status = self.status();
        let tag_set_id = sink.tags(period, &parameters(views.config.as_ref()))?;
        let error = views.exceptions.as_ref().and_then(|exceptions| exceptions.root.as_deref()).map(cause);
        let run = Run {
            run_id,
            engine: ENGINE.to_owned(),
            engine_version: None,
            name: self.name.as_deref().map(clean).filter(|name| !name.is_empty()),
            workflow_id: None,
            workflow_instance_id: None,
            workflow_run_id: None,
            step_id: None,
            attempt: None,
            trigger: None,
            parent: None,
            child_run_id: None,
            cluster_id,
            user_name: None,
            owner: None,
            tag_set_id,
            status,
            error: error.filter(|_| status == RunStatus::Failed),
            queued_at: None,
            started_at,
            ended_at,
            usage,
        };
        Ok(sink.push(period, &run)?)
    }

    /// Slots by host and the time they are held. Subtasks of different vertices share slots
    /// within a slot sharing group, so that a group holds as many as its widest vertex has
    /// subtasks, where those are; without groups (before Flink 1.20) all vertices share.
    ///
    /// A stream holds them all its life, a batch job those of a group while its vertices run.
    fn slots(
        &self,
        views: &Views,
        life: (Instant, Instant),
    ) -> BTreeMap<(Option<String>, (Instant, Instant)), i64> {
        let mut groups: BTreeMap<Option<&str>, Vec<&Vertex>> = BTreeMap::new();
        for vertex in self.vertices.iter().filter(|vertex| vertex.parallelism > 0) {
            groups.entry(vertex.slot_sharing_group.as_deref()).or_default().push(vertex);
        }
        let mut slots: BTreeMap<_, i64> = BTreeMap::new();
        for vertices in groups.values() {
            let held = match self.job_type.as_deref() {
                Some("BATCH") => span(vertices, life),
                _ => life,
            };
            // Of several widest ones the first: any has a subtask in every slot.
            let Some(widest) = vertices.iter().rev().max_by_key(|vertex| vertex.parallelism) else {
                continue;
            };
            let mut left = widest.parallelism.min(MOST_SLOTS);
            let managers = views.task_managers.iter().filter(|view| view.id == widest.id);
            for manager in managers.flat_map(|view| &view.taskmanagers) {
                let subtasks = manager.subtasks().min(left);
                left -= subtasks;
                if subtasks > 0 {
                    *slots.entry((manager.host(), held)).or_default() += subtasks;
                }
            }
            if left > 0 {
                *slots.entry((None, held)).or_default() += left;
            }
        }
        slots
    }

    fn hours(
        &self,
        views: &Views,
        from: Instant,
        until: Instant,
        object: &str,
        sink: &mut Sink,
    ) -> Vec<RunHour> {
        if (until - from).num_days() >= LONGEST_DAYS {
            let message = "a job ran for years, which its clock must be blamed for: its usage is not counted";
            sink.warn(Warning::skipped("bad-time", object, message));
            return Vec::new();
        }
        let mut rows: BTreeMap<(Option<String>, Instant), RunHour> = BTreeMap::new();
        for ((host, (from, until)), slots) in self.slots(views, (from, until)) {
            for (hour, ms) in hours(from, until) {
                let row = rows.entry((host.clone(), hour)).or_insert_with(|| RunHour {
                    run_id: clean(&self.jid),
                    engine: ENGINE.to_owned(),
                    hour,
                    cluster_id: None,
                    host: host.clone(),
                    vcore_ms: 0,
                    memory_mib_ms: 0,
                    active_ms: 0,
                });
                row.vcore_ms += slots * ms;
                row.active_ms = row.active_ms.max(ms);
            }
        }
        rows.into_values().collect()
    }

    fn usage(&self, views: &Views) -> RunUsage {
        let total = |of: fn(&Vertex) -> i64| self.vertices.iter().map(of).fold(0, i64::saturating_add);
        let ended = |state: &str| {
            let counts = self.vertices.iter().filter_map(|vertex| vertex.tasks.get(state));
            counts.map(whole).fold(0, i64::saturating_add)
        };
        let (finished, failed, canceled) = (ended("FINISHED"), ended("FAILED"), ended("CANCELED"));
        let managers = views.task_managers.iter().flat_map(|view| &view.taskmanagers);
        let managers: BTreeSet<&str> =
            managers.filter_map(|manager| manager.taskmanager_id.as_deref()).collect();
        RunUsage {
            task_ms: total(|vertex| vertex.metrics.accumulated_busy_time),
            // What tasks sent one another: of sources and sinks Flink counts nothing.
            shuffle_read_bytes: total(|vertex| vertex.metrics.read_bytes),
            shuffle_write_bytes: total(|vertex| vertex.metrics.write_bytes),
            tasks: finished.saturating_add(failed).saturating_add(canceled),
            failed_tasks: failed,
            killed_tasks: canceled,
            executors: i64::try_from(managers.len()).unwrap_or(i64::MAX),
            ..RunUsage::default()
        }
    }
}

/// From the first start of these vertices to their last end, within the job's life.
fn span(vertices: &[&Vertex], life: (Instant, Instant)) -> (Instant, Instant) {
    let starts = vertices.iter().filter_map(|vertex| from_epoch_ms(vertex.start_time));
    let from = starts.min().unwrap_or(life.0).clamp(life.0, life.1);
    let ends = vertices.iter().map(|vertex| from_epoch_ms(vertex.end_time).unwrap_or(life.1));
    (from, ends.max().unwrap_or(life.1).clamp(from, life.1))
}

impl TaskManager {
    fn subtasks(&self) -> i64 {
        self.status_counts.values().map(whole).fold(0, i64::saturating_add)
    }

    /// The host without its port; nothing for subtasks that wait for a slot.
    fn host(&self) -> Option<String> {
        let address = self.endpoint.as_deref().or(self.host.as_deref())?;
        let host = match address.rsplit_once(':') {
            Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
            _ => address,
        };
        (!host.is_empty() && !host.starts_with('(')).then(|| clean(host))
    }
}

/// The job's own parameters (`execution-config.user-config`) as tags.
fn parameters(config: Option<&Value>) -> TagSet {
    let parameters = config.and_then(|config| config["execution-config"]["user-config"].as_object());
    let texts = parameters.into_iter().flatten().filter_map(|(key, value)| Some((key, value.as_str()?)));
    TagSet::new(texts.take(MOST_TAGS).map(|(key, value)| Tag::new(&clean(key), &clean(value))))
}

/// The last cause of a stack trace, else its first line.
fn cause(trace: &str) -> String {
    let line = trace.lines().rev().find_map(|line| line.trim().strip_prefix("Caused by: "));
    let line = line.or_else(|| trace.lines().next()).unwrap_or_default();
    clean(line.trim()).chars().take(ERROR_LENGTH).collect()
}
