//! Tasks, summed for the application and for each stage attempt.

use std::collections::BTreeMap;

use model::time::from_epoch_ms;

use super::events::{Peaks, StageInfo, TaskEnd, TaskMetrics};
use crate::rows::{RunStage, RunStatus, RunUsage};

/// How a task attempt ended, as the history server counts it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Succeeded,
    Failed,
    Killed,
    /// It had succeeded and was counted then; its executor's loss took the result.
    Lost,
}

impl Outcome {
    fn of(reason: &str) -> Self {
        match reason {
            "Success" => Self::Succeeded,
            "TaskKilled" | "TaskCommitDenied" => Self::Killed,
            "Resubmitted" => Self::Lost,
            _ => Self::Failed,
        }
    }
}

#[derive(Default)]
struct Stage {
    name: Option<String>,
    submitted_ms: Option<i64>,
    completed_ms: Option<i64>,
    failed: bool,
    tasks: i64,
    failed_tasks: i64,
    /// Run times of successful tasks, for the maximum and the median.
    successful_ms: Vec<i64>,
    sums: RunUsage,
    peak_heap_bytes: i64,
    peak_execution_bytes: Option<i64>,
}

/// The tasks of one application.
#[derive(Default)]
pub(super) struct Stages {
    stages: BTreeMap<(i64, i64), Stage>,
    totals: RunUsage,
    // CPU time is summed in its own unit, so that short tasks do not round to nothing.
    cpu_ns: i64,
}

fn add(sum: &mut i64, value: i64) {
    *sum = sum.saturating_add(value);
}

fn add_metrics(sums: &mut RunUsage, metrics: &TaskMetrics) {
    add(&mut sums.task_ms, metrics.run_ms);
    add(&mut sums.gc_ms, metrics.gc_ms);
    add(&mut sums.input_bytes, metrics.input.bytes);
    add(&mut sums.output_bytes, metrics.output.bytes);
    add(&mut sums.shuffle_read_bytes, metrics.shuffle_read.remote_bytes);
    add(&mut sums.shuffle_read_bytes, metrics.shuffle_read.local_bytes);
    add(&mut sums.shuffle_write_bytes, metrics.shuffle_write.bytes);
    add(&mut sums.memory_spilled_bytes, metrics.memory_spilled_bytes);
    add(&mut sums.disk_spilled_bytes, metrics.disk_spilled_bytes);
}

impl Stages {
    /// Counts the end of one task attempt. True when it succeeded.
    ///
    /// A task whose result was lost with its executor is reported a second time: it counts
    /// as a failed task then, and its time as failed, but its metrics stay counted once.
    pub(super) fn task_ended(&mut self, event: &TaskEnd<'_>) -> bool {
        let outcome = Outcome::of(&event.reason.reason);
        let stage = self.stages.entry((event.stage, event.attempt)).or_default();
        let elapsed_ms = event.info.finished_ms.saturating_sub(event.info.launched_ms).max(0);
        add(&mut self.totals.tasks, 1);
        add(&mut stage.tasks, 1);
        match outcome {
            Outcome::Succeeded => {}
            Outcome::Failed | Outcome::Lost => {
                add(&mut self.totals.failed_tasks, 1);
                add(&mut self.totals.failed_task_ms, elapsed_ms);
                add(&mut stage.failed_tasks, 1);
            }
            Outcome::Killed => {
                add(&mut self.totals.killed_tasks, 1);
                add(&mut self.totals.killed_task_ms, elapsed_ms);
            }
        }
        if let Some(peaks) = &event.peaks {
            stage.peak_heap_bytes = stage.peak_heap_bytes.max(peaks.heap);
        }
        if let Some(metrics) = &event.metrics
            && outcome != Outcome::Lost
        {
            add_metrics(&mut self.totals, metrics);
            add_metrics(&mut stage.sums, metrics);
            add(&mut self.cpu_ns, metrics.cpu_ns);
            stage.peak_execution_bytes = stage.peak_execution_bytes.max(metrics.peak_execution_bytes);
            if outcome == Outcome::Succeeded {
                stage.successful_ms.push(metrics.run_ms);
            }
        }
        outcome == Outcome::Succeeded
    }

    /// Notes a stage's submission or completion.
    pub(super) fn stage(&mut self, info: &StageInfo, completed: bool) {
        let stage = self.stages.entry((info.id, info.attempt)).or_default();
        stage.name = info.name.clone().or(stage.name.take());
        stage.submitted_ms = info.submitted_ms.or(stage.submitted_ms);
        if completed {
            stage.completed_ms = info.completed_ms;
            stage.failed = info.failure.is_some();
        }
    }

    /// Notes an executor's peaks during a stage.
    pub(super) fn peak(&mut self, stage: i64, attempt: i64, peaks: &Peaks) {
        let stage = self.stages.entry((stage, attempt)).or_default();
        stage.peak_heap_bytes = stage.peak_heap_bytes.max(peaks.heap);
    }

    /// The sums over all tasks; what executors held is not in them.
    pub(super) fn totals(&self) -> RunUsage {
        RunUsage { cpu_ms: self.cpu_ns / 1_000_000, ..self.totals.clone() }
    }

    /// One row a stage attempt.
    pub(super) fn rows(self, run_id: &str, engine: &str) -> impl Iterator<Item = RunStage> {
        self.stages.into_iter().map(move |((stage_id, stage_attempt), mut stage)| {
            stage.successful_ms.sort_unstable();
            let times = &stage.successful_ms;
            RunStage {
                run_id: run_id.to_owned(),
                engine: engine.to_owned(),
                stage_id,
                stage_attempt,
                name: stage.name,
                status: match stage.completed_ms {
                    Some(_) if stage.failed => RunStatus::Failed,
                    Some(_) => RunStatus::Succeeded,
                    None => RunStatus::Unknown,
                },
                started_at: stage.submitted_ms.and_then(from_epoch_ms),
                ended_at: stage.completed_ms.and_then(from_epoch_ms),
                tasks: stage.tasks,
                failed_tasks: stage.failed_tasks,
                task_ms: stage.sums.task_ms,
                task_ms_max: times.last().copied().unwrap_or(0),
                task_ms_median: times.get(times.len().saturating_sub(1) / 2).copied().unwrap_or(0),
                gc_ms: stage.sums.gc_ms,
                memory_spilled_bytes: stage.sums.memory_spilled_bytes,
                disk_spilled_bytes: stage.sums.disk_spilled_bytes,
                shuffle_read_bytes: stage.sums.shuffle_read_bytes,
                shuffle_write_bytes: stage.sums.shuffle_write_bytes,
                input_bytes: stage.sums.input_bytes,
                output_bytes: stage.sums.output_bytes,
                peak_heap_bytes: Some(stage.peak_heap_bytes).filter(|peak| *peak > 0),
                peak_execution_bytes: stage.peak_execution_bytes,
            }
        })
    }
}
