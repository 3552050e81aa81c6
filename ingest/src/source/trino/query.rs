//! One completed query, landed as a run.

use std::collections::BTreeMap;

use chrono::{DurationRound, TimeDelta};
use model::Warning;
use model::tags::{Tag, TagSet};
use model::time::{Instant, PeriodKey, hours};
use serde_json::Value;

use super::event::{Context, Event, IoMetadata, Metadata, Statistics, amount, duration_ms};
use super::fingerprint::fingerprint;
use crate::rows::{Access, Query, Run, RunHour, RunStatus, RunTable, RunUsage};
use crate::sink::Sink;
use crate::source::scalars::{clean, instant, sum};
use crate::source::{ReadError, SourceOptions};

const ENGINE: &str = "trino";

/// Characters of an error that are kept.
const ERROR_LENGTH: usize = 300;
/// Characters of a statement that are kept.
const QUERY_LENGTH: usize = 2000;
/// Longer than any query: a broken clock must not fill a year with hours.
const LONGEST_DAYS: i64 = 32;

/// Keys of client tags that name what sent a query.
const DASHBOARD_KEYS: [&str; 4] = ["dashboard", "chart", "workbook", "report"];

/// A completed query.
pub(super) struct QueryRun<'a> {
    id: String,
    cluster: Option<String>,
    metadata: Metadata<'a>,
    statistics: Statistics,
    context: Context<'a>,
    io: Option<IoMetadata<'a>>,
    error: Option<String>,
    error_code: Option<String>,
    created: Option<Instant>,
    started: Instant,
    ended: Instant,
    /// Milliseconds of a duration of 1.
    unit_ms: f64,
}

/// What handed the query on, as it says in its client info.
#[derive(Default)]
struct Caller {
    workflow: Option<String>,
    instance: Option<String>,
    run: Option<String>,
    step: Option<String>,
    attempt: Option<i64>,
    owner: Option<String>,
}

impl Caller {
    /// Airflow's TrinoHook sends `{"dag_id", "task_id", "dag_run_id", "try_number", ...}`
    /// (<https://github.com/apache/airflow>, `generate_trino_client_info`), Maestro's steps
    /// the ids of their attempt.
    fn of(client_info: Option<&str>) -> Self {
        let Some(info) =
            client_info.filter(|info| info.starts_with('{')).and_then(|info| serde_json::from_str(info).ok())
        else {
            return Self::default();
        };
        let info: Value = info;
        let text = |key: &str| match &info[key] {
            Value::String(text) if !text.is_empty() => Some(clean(text)),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        };
        let attempt = |key: &str| text(key).and_then(|text| text.parse().ok());
        match text("dag_id") {
            Some(dag) => Self {
                workflow: Some(dag),
                instance: text("dag_run_id"),
                run: None,
                step: text("task_id"),
                attempt: attempt("try_number"),
                owner: text("dag_owner"),
            },
            None => Self {
                workflow: text("workflow_id"),
                instance: text("workflow_instance_id"),
                run: text("workflow_run_id"),
                step: text("step_id"),
                attempt: attempt("step_attempt_id"),
                owner: None,
            },
        }
    }
}

impl<'a> QueryRun<'a> {
    /// The query of an event; nothing for an event of another kind.
    ///
    /// # Errors
    /// What a completed query's event lacks or has wrong.
    pub(super) fn of(event: Event<'a>) -> Result<Option<Self>, String> {
        let Event { query_completed_event, event_payload, cluster_name, .. } = event;
        let event = match query_completed_event.or(event_payload) {
            Some(wrapped) => *wrapped,
            None => Event { query_completed_event: None, event_payload: None, cluster_name: None, ..event },
        };
        let (Some(metadata), Some(statistics), Some(context)) =
            (event.metadata, event.statistics, event.context)
        else {
            return Ok(None);
        };
        let Some(end_time) = event.end_time else { return Ok(None) };
        let id = metadata.query_id.as_deref().map(clean).filter(|id| !id.is_empty());
        let id = id.ok_or("the query has no id")?;
        let ended =
            instant(&end_time).ok_or_else(|| format!("`endTime` {end_time} is no believable time"))?;
        let created = event.create_time.as_ref().and_then(instant).filter(|at| *at <= ended);
        let started = event.execution_start_time.as_ref().and_then(instant).filter(|at| *at <= ended);
        // A query that failed before it executed has no other time than those two.
        let started = started.or(created).unwrap_or(ended);
        let unit_ms = match context.server_version.as_deref() {
            // Presto counts from 0.100; Trino's versions are whole numbers from 351 on.
            Some(version) if version.starts_with("0.") => 1.0,
            Some(_) => 1e3,
            None => {
                let elapsed = (ended - created.unwrap_or(started)).num_milliseconds();
                let as_seconds = duration_ms(&statistics.wall_time, 1e3).unwrap_or(0);
                if as_seconds > elapsed.saturating_mul(10).saturating_add(60_000) { 1.0 } else { 1e3 }
            }
        };
        let (error, error_code) = match &event.failure_info {
            Some(failure) => (
                failure.failure_message.as_deref().map(first_line),
                failure.error_code.as_ref().and_then(|code| code.name.as_deref()).map(clean),
            ),
            None => (None, None),
        };
        Ok(Some(Self {
            id,
            cluster: cluster_name.as_deref().filter(|name| !name.is_empty()).map(clean),
            metadata,
            statistics,
            context,
            io: event.io_metadata,
            error,
            error_code,
            created,
            started,
            ended,
            unit_ms,
        }))
    }

    /// Trino's id of the query.
    pub(super) fn run_id(&self) -> &str {
        &self.id
    }

    fn status(&self) -> RunStatus {
        match (self.metadata.query_state.as_deref(), self.error_code.as_deref()) {
            (Some("FINISHED"), _) => RunStatus::Succeeded,
            // Somebody's wish, not a fault: https://trino.io/docs/current/develop/client-protocol.html
            (
                _,
                Some(
                    "USER_CANCELED"
                    | "ADMINISTRATIVELY_KILLED"
                    | "ADMINISTRATIVELY_PREEMPTED"
                    | "ABANDONED_QUERY",
                ),
            ) => RunStatus::Killed,
            (Some("FAILED"), _) | (_, Some(_)) => RunStatus::Failed,
            _ => RunStatus::Unknown,
        }
    }

    /// Tags `key:value` and `key=value` are split, others are keys with the value `true`.
    fn tags(&self) -> Vec<(String, String)> {
        let tags = self.context.client_tags.iter().flatten().filter(|tag| !tag.is_empty());
        tags.map(|tag| match tag.split_once([':', '=']) {
            Some((key, value)) if !key.is_empty() => (clean(key.trim()), clean(value.trim())),
            _ => (clean(tag), "true".to_owned()),
        })
        .collect()
    }

    /// Lands the query.
    ///
    /// # Errors
    /// When a row does not fit its schema.
    pub(super) fn land(self, options: &SourceOptions, uri: &str, sink: &mut Sink) -> Result<(), ReadError> {
        let period = PeriodKey::day_of(self.started);
        let cluster_id = options.cluster.clone().or_else(|| self.cluster.clone());
        let status = self.status();
        let caller = Caller::of(self.context.client_info.as_deref());
        let tags = self.tags();
        let dashboard = tags
            .iter()
            .find(|(key, value)| {
                DASHBOARD_KEYS.iter().any(|known| key.eq_ignore_ascii_case(known)) && value != "true"
            })
            .map(|(_, value)| value.clone());
        let tag_set_id =
            sink.tags(period, &TagSet::new(tags.iter().map(|(key, value)| Tag::new(key, value))))?;
        let user = self.context.user.as_deref().filter(|user| !user.is_empty()).map(clean);
        let usage = self.usage();
        self.land_hours(period, cluster_id.as_deref(), usage.cpu_ms, uri, sink)?;

        let run = Run {
            run_id: self.id.clone(),
            engine: ENGINE.to_owned(),
            engine_version: self.context.server_version.as_deref().map(clean),
            // What the query serves: there is no other name for what people send by hand.
            name: dashboard.clone().or_else(|| user.as_ref().map(|user| format!("adhoc/{user}"))),
            workflow_id: caller.workflow,
            workflow_instance_id: caller.instance,
            workflow_run_id: caller.run,
            step_id: caller.step,
            attempt: caller.attempt,
            trigger: None,
            parent: None,
            child_run_id: None,
            cluster_id,
            user_name: user,
            owner: caller.owner,
            tag_set_id,
            status,
            error: self
                .error
                .clone()
                .or_else(|| self.error_code.clone())
                .filter(|_| matches!(status, RunStatus::Failed | RunStatus::Killed)),
            queued_at: self.created,
            started_at: self.started,
            ended_at: Some(self.ended),
            usage,
        };
        sink.push(period, &run)?;
        for table in self.tables(status) {
            sink.push(period, &table)?;
        }
        Ok(sink.push(period, &self.query(dashboard))?)
    }

    fn usage(&self) -> RunUsage {
        let statistics = &self.statistics;
        let count = |values: &[&Value]| values.iter().find_map(|value| amount(value)).unwrap_or(0);
        let cpu_ms = self.ms(&statistics.cpu_time);
        let tasks = statistics.stage_gc_statistics.iter().flatten().filter_map(|stage| amount(&stage.tasks));
        RunUsage {
            vcore_ms: cpu_ms,
            // Trino's own sum of bytes held x milliseconds.
            memory_mib_ms: count(&[&statistics.cumulative_memory]) >> 20,
            cpu_ms,
            task_ms: self.ms(&statistics.scheduled_time),
            input_bytes: count(&[&statistics.physical_input_bytes, &statistics.total_bytes]),
            output_bytes: count(&[&statistics.written_bytes, &statistics.written_output_bytes]),
            shuffle_read_bytes: count(&[&statistics.internal_network_bytes]),
            disk_spilled_bytes: count(&[&statistics.spilled_bytes]),
            peak_memory_bytes: amount(&statistics.peak_node_total_memory)
                .or_else(|| amount(&statistics.peak_task_total_memory)),
            tasks: tasks.fold(0, i64::saturating_add),
            failed_task_ms: self.ms(&statistics.failed_scheduled_time),
            ..RunUsage::default()
        }
    }

    fn ms(&self, value: &Value) -> i64 {
        duration_ms(value, self.unit_ms).unwrap_or(0)
    }

    /// The CPU time, evenly over the time of execution and cut at every hour. Its memory is
    /// nobody's measure of a shared server: it counts as none.
    fn land_hours(
        &self,
        period: PeriodKey,
        cluster_id: Option<&str>,
        cpu_ms: i64,
        uri: &str,
        sink: &mut Sink,
    ) -> Result<(), ReadError> {
        let (from, to) = (self.started, self.ended);
        if (to - from).num_days() >= LONGEST_DAYS {
            let message = "a query executed for more than a month, which its clock must be blamed for: \
                           its usage is not counted";
            sink.warn(Warning::skipped("bad-time", uri, message));
            return Ok(());
        }
        let mut parts = hours(from, to);
        if parts.iter().map(|(_, ms)| ms).sum::<i64>() == 0 {
            let hour = from.duration_trunc(TimeDelta::hours(1)).unwrap_or(from);
            parts = vec![(hour, 0)];
        }
        let whole_ms: i64 = parts.iter().map(|(_, ms)| ms).sum::<i64>().max(1);
        let (mut elapsed_ms, mut counted) = (0_i64, 0_i64);
        let last = parts.len() - 1;
        for (at, (hour, active_ms)) in parts.into_iter().enumerate() {
            elapsed_ms += active_ms;
            // Rounded on the running total, so that the hours add up to the whole.
            let total = match at {
                at if at == last => cpu_ms,
                _ => (i128::from(cpu_ms) * i128::from(elapsed_ms) / i128::from(whole_ms)) as i64,
            };
            let row = RunHour {
                run_id: self.id.clone(),
                engine: ENGINE.to_owned(),
                hour,
                cluster_id: cluster_id.map(str::to_owned),
                host: None,
                vcore_ms: total - counted,
                memory_mib_ms: 0,
                active_ms,
            };
            counted = total;
            sink.push(period, &row)?;
        }
        Ok(())
    }

    /// Tables read, one row each however often the query names them, and the table written.
    fn tables(&self, status: RunStatus) -> Vec<RunTable> {
        let row = |table_name: String, access, bytes, row_count, snapshot_id| RunTable {
            run_id: self.id.clone(),
            engine: ENGINE.to_owned(),
            table_name,
            access,
            bytes,
            row_count,
            files: None,
            snapshot_id,
        };
        let mut read: BTreeMap<String, RunTable> = BTreeMap::new();
        let inputs = self.io.iter().flat_map(|io| io.inputs.iter().flatten());
        for (name, table) in inputs.filter_map(|table| Some((table.name()?, table))) {
            let (bytes, rows) = (amount(&table.physical_input_bytes), amount(&table.physical_input_rows));
            let known = read
                .entry(name.clone())
                .or_insert_with(|| row(name, Access::Read, None, None, table.snapshot_id()));
            known.bytes = sum(known.bytes, bytes);
            known.row_count = sum(known.row_count, rows);
        }
        let mut tables: Vec<RunTable> = read.into_values().collect();
        // What a failed query wrote was never committed.
        let output = self.io.as_ref().and_then(|io| io.output.as_ref()?.name());
        if let Some(name) = output.filter(|_| status == RunStatus::Succeeded) {
            let statistics = &self.statistics;
            let either = |one: &Value, other: &Value| amount(one).or_else(|| amount(other));
            let bytes = either(&statistics.written_bytes, &statistics.written_output_bytes);
            let rows = either(&statistics.written_rows, &statistics.written_output_rows);
            tables.push(row(name, Access::Write, bytes, rows, None));
        }
        tables
    }

    fn query(&self, dashboard: Option<String>) -> Query {
        let statistics = &self.statistics;
        let text = self.metadata.query.as_deref().unwrap_or_default();
        let text_of = |text: &Option<std::borrow::Cow<'_, str>>| {
            text.as_deref().filter(|text| !text.is_empty()).map(clean)
        };
        let levels = match &self.context.resource_group_id {
            Value::Array(levels) => levels.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("."),
            Value::String(levels) => levels.clone(),
            _ => String::new(),
        };
        let elapsed_ms = (self.ended - self.started).num_milliseconds();
        Query {
            run_id: self.id.clone(),
            engine: ENGINE.to_owned(),
            fingerprint: fingerprint(text),
            query_text: text.chars().take(QUERY_LENGTH).map(|c| if c == '\0' { ' ' } else { c }).collect(),
            query_type: text_of(&self.context.query_type).or_else(|| text_of(&self.metadata.update_type)),
            client: text_of(&self.context.source).or_else(|| text_of(&self.context.user_agent)),
            dashboard,
            resource_group: Some(clean(&levels)).filter(|levels| !levels.is_empty()),
            queued_ms: self.ms(&statistics.queued_time),
            planning_ms: self.ms(&statistics.planning_time),
            execution_ms: duration_ms(&statistics.execution_time, self.unit_ms).unwrap_or(elapsed_ms),
            result_rows: amount(&statistics.output_rows)
                .or_else(|| amount(&statistics.output_positions))
                .unwrap_or(0),
            result_bytes: amount(&statistics.output_bytes).unwrap_or(0),
            splits: amount(&statistics.completed_splits),
            error_code: self.error_code.clone(),
            is_cached: None,
        }
    }
}

/// The first line of a message, cut to what is landed.
fn first_line(message: &str) -> String {
    clean(message.lines().next().unwrap_or_default().trim()).chars().take(ERROR_LENGTH).collect()
}
