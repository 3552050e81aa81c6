//! One application: its events gathered, then landed as rows.

use chrono::TimeDelta;
use model::Warning;
use model::time::{Instant, PeriodKey, from_epoch_ms};

use super::driver;
use super::events::{ApplicationStart, Event, JobEnd};
use super::executors::Executors;
use super::held::Lives;
use super::properties::Properties;
use super::sql_events::SqlEnd;
use super::stages::Stages;
use super::tables::Executions;
use crate::rows::{Run, RunHour, RunStatus};
use crate::sink::Sink;
use crate::source::{ReadError, SourceOptions};

/// The engine's name in landed rows.
pub(super) const ENGINE: &str = "spark";

/// An unfinished log that has been silent for longer belongs to no living driver.
const SILENT_HOURS: i64 = 24;

/// Characters of an error that are kept.
const ERROR_LENGTH: usize = 300;

/// What is known of the log itself, beyond its events.
pub(super) struct LogState {
    /// Marked as in progress: `.inprogress`, or an `appstatus` file that says so.
    pub in_progress: bool,
    /// When its youngest object was written.
    pub modified: Option<Instant>,
}

/// An application as its events tell it.
#[derive(Default)]
pub(super) struct Application {
    version: Option<String>,
    start: Option<ApplicationStart>,
    end_ms: Option<i64>,
    exit_code: Option<i64>,
    /// Time of the latest event that has one.
    last_ms: i64,
    properties: Properties,
    executors: Executors,
    stages: Stages,
    executions: Executions,
    /// Why the latest job or statement failed; nothing once a later one succeeded.
    failure: Option<String>,
    serves_statements: bool,
}

impl Application {
    /// Takes in one event.
    pub(super) fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Version(version) => self.version = version.version.or(self.version.take()),
            Event::ApplicationStart(start) => {
                self.reach(start.at_ms);
                // A log that was appended to by mistake keeps its first application.
                self.start.get_or_insert(start);
            }
            Event::ApplicationEnd(end) => {
                self.end_ms = Some(end.at_ms);
                self.exit_code = end.exit_code;
            }
            Event::Environment(environment) => self.properties.extend(environment.properties),
            Event::ResourceProfile(profile) => self.executors.profile(profile),
            Event::ExecutorAdded(added) => {
                self.reach(added.at_ms);
                self.executors.added(added);
            }
            Event::ExecutorRemoved(removed) => {
                self.reach(removed.at_ms);
                self.executors.removed(&removed.id, removed.at_ms);
            }
            Event::ExecutorMetrics(update) => {
                for stage in &update.updates {
                    self.executors.peak(&update.executor, &stage.peaks);
                }
            }
            Event::StageExecutorMetrics(metrics) => {
                self.executors.peak(&metrics.executor, &metrics.peaks);
                if metrics.executor != "driver" || self.properties.is_local() {
                    self.stages.peak(metrics.stage, metrics.attempt, &metrics.peaks);
                }
            }
            Event::JobStart(job) => {
                self.reach(job.at_ms);
                if let Some(execution) = job.properties.and_then(|properties| properties.execution) {
                    self.executions.job(&execution, &job.stages);
                }
            }
            Event::JobEnd(job) => self.job_ended(job),
            Event::StageSubmitted(stage) => {
                self.reach(stage.info.submitted_ms.unwrap_or(0));
                self.stages.stage(&stage.info, false);
            }
            Event::StageCompleted(stage) => {
                self.reach(stage.info.completed_ms.unwrap_or(0));
                self.stages.stage(&stage.info, true);
                self.executions.stage_values(stage.info.accumulables);
            }
            Event::TaskEnd(task) => {
                self.reach(task.info.finished_ms);
                if let Some(peaks) = &task.peaks {
                    self.executors.peak(&task.info.executor, peaks);
                }
                if self.stages.task_ended(&task)
                    && let Some(metrics) = &task.metrics
                {
                    self.executions.task_succeeded(task.stage, metrics);
                }
            }
            Event::SqlStart(start) => {
                self.reach(start.time);
                self.executions.plan(start.execution_id, start.root_execution_id, &start.spark_plan_info);
            }
            Event::SqlUpdate(update) => {
                self.executions.plan(update.execution_id, None, &update.spark_plan_info)
            }
            Event::SqlEnd(end) => self.statement_ended(end),
            Event::DriverAccumulators(updates) => self.executions.driver_values(updates.accum_updates),
            Event::TableCreated(created) => self.executions.table_created(created),
            Event::StreamEnded(stream) => self.failure = stream.exception.or(self.failure.take()),
            Event::ServerStarted => self.serves_statements = true,
        }
    }

    /// Whether its start was among the events.
    pub(super) fn has_started(&self) -> bool {
        self.start.is_some()
    }

    fn reach(&mut self, at_ms: i64) {
        // A hostile time must not stretch the executors' lives.
        if from_epoch_ms(at_ms).is_some() {
            self.last_ms = self.last_ms.max(at_ms);
        }
    }

    fn job_ended(&mut self, job: JobEnd) {
        self.reach(job.at_ms);
        self.failure = if job.result.result == "JobSucceeded" {
            None
        } else {
            let message = job.result.exception.and_then(|exception| exception.message);
            Some(message.unwrap_or_else(|| "job failed".to_owned()))
        };
    }

    fn statement_ended(&mut self, end: SqlEnd) {
        self.reach(end.time);
        let succeeded = match &end.error_message {
            Some(message) => message.is_empty(),
            // Before Spark 3.4 the jobs tell.
            None => self.failure.is_none(),
        };
        self.executions.ended(end.execution_id, succeeded);
        if let Some(message) = end.error_message {
            self.failure = (!message.is_empty()).then_some(message);
        }
    }

    /// How the application ended, and why where it failed.
    ///
    /// 1. An exit code other than 0 (Spark 4): killed for 130, 137 and 143 (signals), else failed.
    /// 2. No `ApplicationEnd`: running while the log is marked in progress and was written to
    ///    within a day, else unknown: the driver died, or the log's end is missing.
    /// 3. Ended with a cancelled job as the last thing that happened: killed.
    /// 4. Ended with a failed job, statement or stream as the last thing that happened:
    ///    failed, even with exit code 0, which a driver that stops its session on the way out
    ///    of an exception reports as well. Not so for shells and servers, which outlive the
    ///    statements people send.
    /// 5. Else succeeded.
    fn status(&self, log: &LogState, now: Instant) -> (RunStatus, Option<String>) {
        let error = self.failure.as_deref().map(first_line);
        match self.exit_code {
            None | Some(0) => {}
            Some(code) => {
                let status =
                    if matches!(code, 130 | 137 | 143) { RunStatus::Killed } else { RunStatus::Failed };
                return (status, error.or_else(|| Some(format!("exit code {code}"))));
            }
        }
        if self.end_ms.is_none() {
            let sign_of_life = from_epoch_ms(self.last_ms).max(log.modified);
            let fresh = sign_of_life.is_some_and(|at| now - at < TimeDelta::hours(SILENT_HOURS));
            let status = if log.in_progress && fresh { RunStatus::Running } else { RunStatus::Unknown };
            return (status, None);
        }
        match &self.failure {
            Some(failure) if is_cancellation(failure) => (RunStatus::Killed, error),
            Some(_) if !self.serves_statements && !self.properties.is_shell() => (RunStatus::Failed, error),
            _ => (RunStatus::Succeeded, None),
        }
    }

    /// Lands the rows of the application.
    ///
    /// The run is named by the application id; a later attempt of the same application
    /// (YARN restarts drivers) by `id/attempt`, since each attempt held resources of its own.
    ///
    /// # Errors
    /// When the log has no start of an application, or a row does not fit its schema.
    pub(super) fn land(
        self,
        log: &LogState,
        options: &SourceOptions,
        now: Instant,
        sink: &mut Sink,
    ) -> Result<(), ReadError> {
        let object = sink.origin().object.clone();
        let malformed = |fault: &str| ReadError::Malformed {
            what: "event log",
            object: object.clone(),
            fault: fault.to_owned(),
            hint: None,
        };
        let start =
            self.start.as_ref().ok_or_else(|| malformed("it has no SparkListenerApplicationStart"))?;
        let started_at = from_epoch_ms(start.at_ms)
            .ok_or_else(|| malformed("its application start has no believable time"))?;
        let period = PeriodKey::day_of(started_at);
        let id = start
            .id
            .clone()
            .filter(|id| !id.is_empty())
            .ok_or_else(|| malformed("its application has no id"))?;
        let attempt_text = start.attempt.as_deref().filter(|attempt| !attempt.is_empty() && *attempt != "1");
        let run_id = attempt_text.map_or_else(|| id.clone(), |attempt| format!("{id}/{attempt}"));

        let (status, error) = self.status(log, now);
        if self.end_ms.is_none() && status == RunStatus::Unknown {
            let message = "the log has no end of its application: usage is counted until its last event";
            sink.warn(Warning::new("truncated-log", &object, message));
        }
        let end_ms = self.end_ms.unwrap_or(self.last_ms);
        let mut lives = Lives::default();
        self.executors.lives(&self.properties, end_ms).for_each(|life| lives.add(&life));
        let (vcore_ms, memory_mib_ms) = lives.totals();
        if let Some(driver) = driver::life(&self.properties, start.at_ms, end_ms) {
            lives.add(&driver);
        }
        let (held, unbelievable) = lives.finish();
        if unbelievable.times > 0 {
            let message = "executors without believable times are left out of the usage";
            sink.warn(Warning::skipped("bad-time", &object, message).times(unbelievable.times));
        }
        if unbelievable.sizes > 0 {
            let message = "executors larger than any machine count as 4,096 cores and 64 TiB at most";
            sink.warn(Warning::new("bad-size", &object, message).times(unbelievable.sizes));
        }

        let workflow = self.properties.workflow();
        let cluster_id = options.cluster.clone().or_else(|| self.properties.cluster().map(str::to_owned));
        let mut usage = self.stages.totals();
        usage.executors = self.executors.count(&self.properties);
        usage.peak_memory_bytes = self.executors.peak_memory_bytes(&self.properties);
        // Of the executors alone: how well they were used is judged by it. A driver runs no tasks;
        // it is in the hours, by which a run pays.
        (usage.vcore_ms, usage.memory_mib_ms) = (vcore_ms, memory_mib_ms);
        for ((hour, host), held) in held {
            let row = RunHour {
                run_id: run_id.clone(),
                engine: ENGINE.to_owned(),
                hour,
                cluster_id: cluster_id.clone(),
                host,
                vcore_ms: held.vcore_ms,
                memory_mib_ms: held.memory_mib_ms,
                active_ms: held.active_ms,
            };
            sink.push(period, &row)?;
        }
        let tag_set_id = sink.tags(period, &self.properties.tags())?;
        let run = Run {
            run_id: run_id.clone(),
            engine: ENGINE.to_owned(),
            engine_version: self.version,
            name: start.name.clone(),
            workflow_id: workflow.id,
            workflow_instance_id: workflow.instance,
            workflow_run_id: workflow.run,
            step_id: workflow.step,
            // The step's. How often YARN started the driver within it stands in the run's name.
            attempt: workflow.attempt,
            trigger: None,
            parent: None,
            child_run_id: None,
            cluster_id,
            user_name: start.user.clone(),
            owner: workflow.owner,
            tag_set_id,
            status,
            error: error.filter(|_| matches!(status, RunStatus::Failed | RunStatus::Killed)),
            queued_at: self
                .properties
                .get("spark.app.submitTime")
                .and_then(|ms| from_epoch_ms(ms.parse().ok()?)),
            started_at,
            ended_at: self.end_ms.and_then(from_epoch_ms),
            usage,
        };
        sink.push(period, &run)?;
        for stage in self.stages.rows(&run_id, ENGINE) {
            sink.push(period, &stage)?;
        }
        for table in self.executions.rows(&run_id, ENGINE, self.properties.get("spark.sql.warehouse.dir")) {
            sink.push(period, &table)?;
        }
        Ok(())
    }
}

/// Whether a job's failure says that somebody stopped it: `Job 79 cancelled because
/// SparkContext was shut down`, `Job 3 cancelled part of cancelled job group x`.
fn is_cancellation(failure: &str) -> bool {
    let failure = failure.trim_start_matches("[SPARK_JOB_CANCELLED] ");
    failure
        .strip_prefix("Job ")
        .is_some_and(|rest| rest.trim_start_matches(|c: char| c.is_ascii_digit()).starts_with(" cancelled"))
}

/// The first line of a message, cut to what is landed.
fn first_line(message: &str) -> String {
    message.lines().next().unwrap_or_default().trim().chars().take(ERROR_LENGTH).collect()
}
