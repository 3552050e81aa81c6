//! What ran: attempts, the hours they held, their stages and tables.

use model::landed::Dataset;
use model::time::Instant;

use crate::packed::{Cells, Row};

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RunStatus {
    /// It did what it should.
    Succeeded,
    /// It failed, by its own fault or the platform's.
    Failed,
    /// Somebody or something stopped it.
    Killed,
    /// It has not ended yet.
    Running,
    /// The log does not say.
    Unknown,
}

impl RunStatus {
    /// The word that is landed.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Killed => "killed",
            Self::Running => "running",
            Self::Unknown => "unknown",
        }
    }
}

/// What a run did with a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Access {
    /// It read it.
    Read,
    /// It wrote it.
    Write,
}

impl Access {
    /// The word that is landed.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
        }
    }
}

/// What a run used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunUsage {
    /// `vcore_ms`
    pub vcore_ms: i64,
    /// `memory_mib_ms`
    pub memory_mib_ms: i64,
    /// `cpu_ms`
    pub cpu_ms: i64,
    /// `task_ms`
    pub task_ms: i64,
    /// `gc_ms`
    pub gc_ms: i64,
    /// `input_bytes`
    pub input_bytes: i64,
    /// `output_bytes`
    pub output_bytes: i64,
    /// `shuffle_read_bytes`
    pub shuffle_read_bytes: i64,
    /// `shuffle_write_bytes`
    pub shuffle_write_bytes: i64,
    /// `memory_spilled_bytes`
    pub memory_spilled_bytes: i64,
    /// `disk_spilled_bytes`
    pub disk_spilled_bytes: i64,
    /// `peak_memory_bytes`
    pub peak_memory_bytes: Option<i64>,
    /// `tasks`
    pub tasks: i64,
    /// `failed_tasks`
    pub failed_tasks: i64,
    /// `killed_tasks`
    pub killed_tasks: i64,
    /// `failed_task_ms`
    pub failed_task_ms: i64,
    /// `killed_task_ms`
    pub killed_task_ms: i64,
    /// `executors`
    pub executors: i64,
}

/// One attempt of one workload, as its engine or orchestrator recorded it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// `run_id`
    pub run_id: String,
    /// `engine`
    pub engine: String,
    /// `engine_version`
    pub engine_version: Option<String>,
    /// `name`
    pub name: Option<String>,
    /// `workflow_id`
    pub workflow_id: Option<String>,
    /// `workflow_instance_id`
    pub workflow_instance_id: Option<String>,
    /// `workflow_run_id`
    pub workflow_run_id: Option<String>,
    /// `step_id`
    pub step_id: Option<String>,
    /// `attempt`
    pub attempt: Option<i64>,
    /// `trigger`
    pub trigger: Option<String>,
    /// `parent_workflow_id` and `parent_step_id`
    pub parent: Option<(String, String)>,
    /// `child_run_id`
    pub child_run_id: Option<String>,
    /// `cluster_id`
    pub cluster_id: Option<String>,
    /// `user_name`
    pub user_name: Option<String>,
    /// `owner`
    pub owner: Option<String>,
    /// `tag_set_id`
    pub tag_set_id: Option<String>,
    /// `status`
    pub status: RunStatus,
    /// `error`
    pub error: Option<String>,
    /// `queued_at`
    pub queued_at: Option<Instant>,
    /// `started_at`
    pub started_at: Instant,
    /// `ended_at`
    pub ended_at: Option<Instant>,
    /// What it used; all zero for an orchestrator's attempt.
    pub usage: RunUsage,
}

impl Row for Run {
    const DATASET: Dataset = Dataset::Runs;

    fn write(&self, cells: &mut Cells<'_>) {
        cells.text(&self.run_id);
        cells.text(&self.engine);
        cells.opt_text(self.engine_version.as_deref());
        cells.opt_text(self.name.as_deref());
        cells.opt_text(self.workflow_id.as_deref());
        cells.opt_text(self.workflow_instance_id.as_deref());
        cells.opt_text(self.workflow_run_id.as_deref());
        cells.opt_text(self.step_id.as_deref());
        cells.opt_int(self.attempt);
        cells.opt_text(self.trigger.as_deref());
        cells.opt_text(self.parent.as_ref().map(|(workflow, _)| workflow.as_str()));
        cells.opt_text(self.parent.as_ref().map(|(_, step)| step.as_str()));
        cells.opt_text(self.child_run_id.as_deref());
        cells.opt_text(self.cluster_id.as_deref());
        cells.opt_text(self.user_name.as_deref());
        cells.opt_text(self.owner.as_deref());
        cells.opt_text(self.tag_set_id.as_deref());
        cells.text(self.status.name());
        cells.opt_text(self.error.as_deref());
        cells.opt_instant(self.queued_at);
        cells.instant(self.started_at);
        cells.opt_instant(self.ended_at);
        cells.int(self.usage.vcore_ms);
        cells.int(self.usage.memory_mib_ms);
        cells.int(self.usage.cpu_ms);
        cells.int(self.usage.task_ms);
        cells.int(self.usage.gc_ms);
        cells.int(self.usage.input_bytes);
        cells.int(self.usage.output_bytes);
        cells.int(self.usage.shuffle_read_bytes);
        cells.int(self.usage.shuffle_write_bytes);
        cells.int(self.usage.memory_spilled_bytes);
        cells.int(self.usage.disk_spilled_bytes);
        cells.opt_int(self.usage.peak_memory_bytes);
        cells.int(self.usage.tasks);
        cells.int(self.usage.failed_tasks);
        cells.int(self.usage.killed_tasks);
        cells.int(self.usage.failed_task_ms);
        cells.int(self.usage.killed_task_ms);
        cells.int(self.usage.executors);
    }
}

/// What a run held of one host in one hour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunHour {
    /// `run_id`
    pub run_id: String,
    /// `engine`
    pub engine: String,
    /// `hour`
    pub hour: Instant,
    /// `cluster_id`
    pub cluster_id: Option<String>,
    /// `host`
    pub host: Option<String>,
    /// `vcore_ms`
    pub vcore_ms: i64,
    /// `memory_mib_ms`
    pub memory_mib_ms: i64,
    /// `active_ms`
    pub active_ms: i64,
}

impl Row for RunHour {
    const DATASET: Dataset = Dataset::RunHours;

    fn write(&self, cells: &mut Cells<'_>) {
        cells.text(&self.run_id);
        cells.text(&self.engine);
        cells.instant(self.hour);
        cells.opt_text(self.cluster_id.as_deref());
        cells.opt_text(self.host.as_deref());
        cells.int(self.vcore_ms);
        cells.int(self.memory_mib_ms);
        cells.int(self.active_ms);
    }
}

/// One stage attempt of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunStage {
    /// `run_id`
    pub run_id: String,
    /// `engine`
    pub engine: String,
    /// `stage_id`
    pub stage_id: i64,
    /// `stage_attempt`
    pub stage_attempt: i64,
    /// `name`
    pub name: Option<String>,
    /// `status`
    pub status: RunStatus,
    /// `started_at`
    pub started_at: Option<Instant>,
    /// `ended_at`
    pub ended_at: Option<Instant>,
    /// `tasks`
    pub tasks: i64,
    /// `failed_tasks`
    pub failed_tasks: i64,
    /// `task_ms`
    pub task_ms: i64,
    /// `task_ms_max`
    pub task_ms_max: i64,
    /// `task_ms_median`
    pub task_ms_median: i64,
    /// `gc_ms`
    pub gc_ms: i64,
    /// `memory_spilled_bytes`
    pub memory_spilled_bytes: i64,
    /// `disk_spilled_bytes`
    pub disk_spilled_bytes: i64,
    /// `shuffle_read_bytes`
    pub shuffle_read_bytes: i64,
    /// `shuffle_write_bytes`
    pub shuffle_write_bytes: i64,
    /// `input_bytes`
    pub input_bytes: i64,
    /// `output_bytes`
    pub output_bytes: i64,
    /// `peak_heap_bytes`
    pub peak_heap_bytes: Option<i64>,
    /// `peak_execution_bytes`
    pub peak_execution_bytes: Option<i64>,
}

impl Row for RunStage {
    const DATASET: Dataset = Dataset::RunStages;

    fn write(&self, cells: &mut Cells<'_>) {
        cells.text(&self.run_id);
        cells.text(&self.engine);
        cells.int(self.stage_id);
        cells.int(self.stage_attempt);
        cells.opt_text(self.name.as_deref());
        cells.text(self.status.name());
        cells.opt_instant(self.started_at);
        cells.opt_instant(self.ended_at);
        cells.int(self.tasks);
        cells.int(self.failed_tasks);
        cells.int(self.task_ms);
        cells.int(self.task_ms_max);
        cells.int(self.task_ms_median);
        cells.int(self.gc_ms);
        cells.int(self.memory_spilled_bytes);
        cells.int(self.disk_spilled_bytes);
        cells.int(self.shuffle_read_bytes);
        cells.int(self.shuffle_write_bytes);
        cells.int(self.input_bytes);
        cells.int(self.output_bytes);
        cells.opt_int(self.peak_heap_bytes);
        cells.opt_int(self.peak_execution_bytes);
    }
}

/// One table a run read or wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunTable {
    /// `run_id`
    pub run_id: String,
    /// `engine`
    pub engine: String,
    /// `table_name`
    pub table_name: String,
    /// `access`
    pub access: Access,
    /// `bytes`
    pub bytes: Option<i64>,
    /// `row_count`
    pub row_count: Option<i64>,
    /// `files`
    pub files: Option<i64>,
    /// `snapshot_id`
    pub snapshot_id: Option<String>,
}

impl Row for RunTable {
    const DATASET: Dataset = Dataset::RunTables;

    fn write(&self, cells: &mut Cells<'_>) {
        cells.text(&self.run_id);
        cells.text(&self.engine);
        cells.text(&self.table_name);
        cells.text(self.access.name());
        cells.opt_int(self.bytes);
        cells.opt_int(self.row_count);
        cells.opt_int(self.files);
        cells.opt_text(self.snapshot_id.as_deref());
    }
}
