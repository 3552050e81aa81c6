//! The events of a Spark log, with the fields that are used
//! (`org.apache.spark.util.JsonProtocol` and the listener events of Spark SQL).
//!
//! A line's `Event` is looked at first, so that the many events of no use (task starts,
//! block managers) cost no parsing.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, de};

use super::sql_events::{DriverAccumulators, SqlEnd, SqlStart, SqlUpdate};

/// The events that are read.
pub(super) enum Event<'a> {
    Version(Version),
    ApplicationStart(ApplicationStart),
    ApplicationEnd(ApplicationEnd),
    Environment(Environment),
    ResourceProfile(ResourceProfile),
    ExecutorAdded(ExecutorAdded),
    ExecutorRemoved(ExecutorRemoved),
    ExecutorMetrics(ExecutorMetricsUpdate),
    StageExecutorMetrics(StageExecutorMetrics),
    JobStart(JobStart),
    JobEnd(JobEnd),
    StageSubmitted(StageEvent),
    StageCompleted(StageEvent),
    TaskEnd(Box<TaskEnd<'a>>),
    SqlStart(SqlStart),
    SqlUpdate(SqlUpdate),
    SqlEnd(SqlEnd),
    DriverAccumulators(DriverAccumulators),
    TableCreated(TableCreated),
    StreamEnded(StreamEnded),
    /// The application serves the statements of many users: Spark Connect or the Thrift server.
    ServerStarted,
}

/// The name of a line's event without its package; nothing when the line has no `Event`.
pub(super) fn name(line: &[u8]) -> Option<Cow<'_, str>> {
    #[derive(Deserialize)]
    struct Named {
        #[serde(rename = "Event")]
        event: String,
    }
    let short = |name: &str| name.rsplit(['.', '$']).next().unwrap_or_default().to_owned();
    // Spark writes `Event` first; others (edited logs) are parsed.
    if let Some(rest) = line.strip_prefix(b"{\"Event\":\"") {
        let end = rest.iter().position(|byte| *byte == b'"')?;
        let name = std::str::from_utf8(&rest[..end]).ok()?;
        return Some(match name.rfind(['.', '$']) {
            Some(at) => Cow::Borrowed(&name[at + 1..]),
            None => Cow::Borrowed(name),
        });
    }
    serde_json::from_slice::<Named>(line).ok().map(|named| Cow::Owned(short(&named.event)))
}

/// Whether a line is an event of a Spark log, used or not.
pub(super) fn is_event(line: &[u8]) -> bool {
    name(line).is_some_and(|name| name.contains("Listener") || name.ends_with("Event"))
}

/// Parses a line; nothing for an event of no use.
///
/// # Errors
/// When the line is not JSON, or not the event it says it is.
pub(super) fn parse(line: &[u8]) -> Result<Option<Event<'_>>, serde_json::Error> {
    let Some(name) = name(line) else {
        return Err(de::Error::custom("no Event"));
    };
    let json = line;
    Ok(Some(match &*name {
        "SparkListenerTaskEnd" => Event::TaskEnd(serde_json::from_slice(json)?),
        "SparkListenerLogStart" | "DBCEventLoggingListenerMetadata" => {
            Event::Version(serde_json::from_slice(json)?)
        }
        "SparkListenerApplicationStart" => Event::ApplicationStart(serde_json::from_slice(json)?),
        "SparkListenerApplicationEnd" => Event::ApplicationEnd(serde_json::from_slice(json)?),
        "SparkListenerEnvironmentUpdate" => Event::Environment(serde_json::from_slice(json)?),
        "SparkListenerResourceProfileAdded" => Event::ResourceProfile(serde_json::from_slice(json)?),
        "SparkListenerExecutorAdded" => Event::ExecutorAdded(serde_json::from_slice(json)?),
        "SparkListenerExecutorRemoved" => Event::ExecutorRemoved(serde_json::from_slice(json)?),
        "SparkListenerExecutorMetricsUpdate" => Event::ExecutorMetrics(serde_json::from_slice(json)?),
        "SparkListenerStageExecutorMetrics" => Event::StageExecutorMetrics(serde_json::from_slice(json)?),
        "SparkListenerJobStart" => Event::JobStart(serde_json::from_slice(json)?),
        "SparkListenerJobEnd" => Event::JobEnd(serde_json::from_slice(json)?),
        "SparkListenerStageSubmitted" => Event::StageSubmitted(serde_json::from_slice(json)?),
        "SparkListenerStageCompleted" => Event::StageCompleted(serde_json::from_slice(json)?),
        "SparkListenerSQLExecutionStart" => Event::SqlStart(serde_json::from_slice(json)?),
        "SparkListenerSQLAdaptiveExecutionUpdate" => Event::SqlUpdate(serde_json::from_slice(json)?),
        "SparkListenerSQLExecutionEnd" => Event::SqlEnd(serde_json::from_slice(json)?),
        "SparkListenerDriverAccumUpdates" => Event::DriverAccumulators(serde_json::from_slice(json)?),
        "CreateTableEvent" => Event::TableCreated(serde_json::from_slice(json)?),
        "QueryTerminatedEvent" => Event::StreamEnded(serde_json::from_slice(json)?),
        "SparkListenerConnectServiceStarted" | "SparkListenerThriftServerSessionCreated" => {
            Event::ServerStarted
        }
        _ => return Ok(None),
    }))
}

#[derive(Deserialize)]
pub(super) struct Version {
    #[serde(rename = "Spark Version")]
    pub version: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct ApplicationStart {
    #[serde(rename = "App Name")]
    pub name: Option<String>,
    #[serde(rename = "App ID")]
    pub id: Option<String>,
    #[serde(rename = "App Attempt ID")]
    pub attempt: Option<String>,
    #[serde(rename = "User")]
    pub user: Option<String>,
    #[serde(rename = "Timestamp")]
    pub at_ms: i64,
}

#[derive(Deserialize)]
pub(super) struct ApplicationEnd {
    #[serde(rename = "Timestamp")]
    pub at_ms: i64,
    /// Spark 4 and later.
    #[serde(rename = "ExitCode")]
    pub exit_code: Option<i64>,
}

#[derive(Deserialize)]
pub(super) struct Environment {
    #[serde(rename = "Spark Properties", default)]
    pub properties: BTreeMap<String, String>,
}

#[derive(Deserialize)]
pub(super) struct ResourceProfile {
    #[serde(rename = "Resource Profile Id")]
    pub id: i64,
    #[serde(rename = "Executor Resource Requests", default)]
    pub requests: BTreeMap<String, ResourceRequest>,
}

#[derive(Deserialize)]
pub(super) struct ResourceRequest {
    /// MiB for the memories.
    #[serde(rename = "Amount")]
    pub amount: i64,
}

#[derive(Deserialize)]
pub(super) struct ExecutorAdded {
    #[serde(rename = "Timestamp")]
    pub at_ms: i64,
    #[serde(rename = "Executor ID")]
    pub id: String,
    #[serde(rename = "Executor Info")]
    pub info: ExecutorInfo,
}

#[derive(Deserialize)]
pub(super) struct ExecutorInfo {
    #[serde(rename = "Host")]
    pub host: Option<String>,
    #[serde(rename = "Total Cores")]
    pub cores: i64,
    #[serde(rename = "Resource Profile Id", default)]
    pub profile: i64,
}

#[derive(Deserialize)]
pub(super) struct ExecutorRemoved {
    #[serde(rename = "Timestamp")]
    pub at_ms: i64,
    #[serde(rename = "Executor ID")]
    pub id: String,
}

/// Peaks of one executor, bytes; all zero where nothing collects them.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(default)]
pub(super) struct Peaks {
    #[serde(rename = "JVMHeapMemory")]
    pub heap: i64,
    #[serde(rename = "JVMOffHeapMemory")]
    pub off_heap: i64,
    #[serde(rename = "ProcessTreeJVMRSSMemory")]
    pub jvm_rss: i64,
    #[serde(rename = "ProcessTreePythonRSSMemory")]
    pub python_rss: i64,
    #[serde(rename = "ProcessTreeOtherRSSMemory")]
    pub other_rss: i64,
}

#[derive(Deserialize)]
pub(super) struct ExecutorMetricsUpdate {
    #[serde(rename = "Executor ID")]
    pub executor: String,
    #[serde(rename = "Executor Metrics Updated", default)]
    pub updates: Vec<StagePeaks>,
}

#[derive(Deserialize)]
pub(super) struct StagePeaks {
    #[serde(rename = "Executor Metrics")]
    pub peaks: Peaks,
}

#[derive(Deserialize)]
pub(super) struct StageExecutorMetrics {
    #[serde(rename = "Executor ID")]
    pub executor: String,
    #[serde(rename = "Stage ID")]
    pub stage: i64,
    #[serde(rename = "Stage Attempt ID", default)]
    pub attempt: i64,
    #[serde(rename = "Executor Metrics")]
    pub peaks: Peaks,
}

#[derive(Deserialize)]
pub(super) struct JobStart {
    #[serde(rename = "Submission Time", default)]
    pub at_ms: i64,
    #[serde(rename = "Stage IDs", default)]
    pub stages: Vec<i64>,
    #[serde(rename = "Properties")]
    pub properties: Option<JobProperties>,
}

#[derive(Deserialize)]
pub(super) struct JobProperties {
    #[serde(rename = "spark.sql.execution.id")]
    pub execution: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct JobEnd {
    #[serde(rename = "Completion Time", default)]
    pub at_ms: i64,
    #[serde(rename = "Job Result")]
    pub result: JobResult,
}

#[derive(Deserialize)]
pub(super) struct JobResult {
    #[serde(rename = "Result")]
    pub result: String,
    #[serde(rename = "Exception")]
    pub exception: Option<JobException>,
}

#[derive(Deserialize)]
pub(super) struct JobException {
    #[serde(rename = "Message")]
    pub message: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct StageEvent {
    #[serde(rename = "Stage Info")]
    pub info: StageInfo,
}

#[derive(Deserialize)]
pub(super) struct StageInfo {
    #[serde(rename = "Stage ID")]
    pub id: i64,
    #[serde(rename = "Stage Attempt ID", default)]
    pub attempt: i64,
    #[serde(rename = "Stage Name")]
    pub name: Option<String>,
    #[serde(rename = "Submission Time")]
    pub submitted_ms: Option<i64>,
    #[serde(rename = "Completion Time")]
    pub completed_ms: Option<i64>,
    #[serde(rename = "Failure Reason")]
    pub failure: Option<String>,
    #[serde(rename = "Accumulables", default)]
    pub accumulables: Vec<Accumulable>,
}

/// An accumulator's value after a stage: cumulative, without what failed tasks added.
#[derive(Deserialize)]
pub(super) struct Accumulable {
    #[serde(rename = "ID")]
    pub id: i64,
    #[serde(rename = "Value", default, deserialize_with = "whole")]
    pub value: Option<i64>,
    /// `sql` for the metrics of SQL plans.
    #[serde(rename = "Metadata")]
    pub metadata: Option<String>,
}

/// A whole number that may be written as text; nothing for any other value.
fn whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    struct Whole;
    impl<'de> de::Visitor<'de> for Whole {
        type Value = Option<i64>;
        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("any value")
        }
        fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
            Ok(Some(value))
        }
        fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
            Ok(i64::try_from(value).ok())
        }
        fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
            Ok(None)
        }
        fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
            Ok(None)
        }
        fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
            Ok(value.parse().ok())
        }
        fn visit_unit<E>(self) -> Result<Self::Value, E> {
            Ok(None)
        }
        fn visit_seq<A: de::SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
            while seq.next_element::<de::IgnoredAny>()?.is_some() {}
            Ok(None)
        }
        fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            while map.next_entry::<de::IgnoredAny, de::IgnoredAny>()?.is_some() {}
            Ok(None)
        }
    }
    deserializer.deserialize_any(Whole)
}

#[derive(Deserialize)]
pub(super) struct TaskEnd<'a> {
    #[serde(rename = "Stage ID")]
    pub stage: i64,
    #[serde(rename = "Stage Attempt ID", default)]
    pub attempt: i64,
    #[serde(rename = "Task End Reason", borrow)]
    pub reason: TaskEndReason<'a>,
    #[serde(rename = "Task Info", borrow)]
    pub info: TaskInfo<'a>,
    #[serde(rename = "Task Metrics")]
    pub metrics: Option<TaskMetrics>,
    #[serde(rename = "Task Executor Metrics")]
    pub peaks: Option<Peaks>,
}

#[derive(Deserialize)]
pub(super) struct TaskEndReason<'a> {
    #[serde(rename = "Reason", borrow)]
    pub reason: Cow<'a, str>,
}

#[derive(Deserialize)]
pub(super) struct TaskInfo<'a> {
    #[serde(rename = "Executor ID", borrow)]
    pub executor: Cow<'a, str>,
    #[serde(rename = "Launch Time", default)]
    pub launched_ms: i64,
    #[serde(rename = "Finish Time", default)]
    pub finished_ms: i64,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct TaskMetrics {
    #[serde(rename = "Executor Run Time")]
    pub run_ms: i64,
    #[serde(rename = "Executor CPU Time")]
    pub cpu_ns: i64,
    #[serde(rename = "JVM GC Time")]
    pub gc_ms: i64,
    #[serde(rename = "Peak Execution Memory")]
    pub peak_execution_bytes: Option<i64>,
    #[serde(rename = "Memory Bytes Spilled")]
    pub memory_spilled_bytes: i64,
    #[serde(rename = "Disk Bytes Spilled")]
    pub disk_spilled_bytes: i64,
    #[serde(rename = "Shuffle Read Metrics")]
    pub shuffle_read: ShuffleRead,
    #[serde(rename = "Shuffle Write Metrics")]
    pub shuffle_write: ShuffleWrite,
    #[serde(rename = "Input Metrics")]
    pub input: Input,
    #[serde(rename = "Output Metrics")]
    pub output: Output,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct ShuffleRead {
    #[serde(rename = "Remote Bytes Read")]
    pub remote_bytes: i64,
    #[serde(rename = "Local Bytes Read")]
    pub local_bytes: i64,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct ShuffleWrite {
    #[serde(rename = "Shuffle Bytes Written")]
    pub bytes: i64,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Input {
    #[serde(rename = "Bytes Read")]
    pub bytes: i64,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Output {
    #[serde(rename = "Bytes Written")]
    pub bytes: i64,
    #[serde(rename = "Records Written")]
    pub records: i64,
}

#[derive(Deserialize)]
pub(super) struct TableCreated {
    pub database: String,
    pub name: String,
}

#[derive(Deserialize)]
pub(super) struct StreamEnded {
    pub exception: Option<String>,
}
