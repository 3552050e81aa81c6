//! Events of one execution merged, and executions of one application.

use std::collections::{BTreeMap, BTreeSet};

use model::Warning;
use model::tags::{Tag, TagSet};
use model::time::{Instant, PeriodKey};

use super::dataset::Touch;
use super::event::{AirflowRun, Event, Stage};
use crate::rows::{Access, Run, RunStatus, RunTable, RunUsage};
use crate::sink::Sink;
use crate::source::{ReadError, SourceOptions};

/// Parents that are looked for above an execution: a chain that is longer goes in a circle.
const DEPTH: usize = 16;

/// One execution: what its events say together.
struct Execution {
    job: String,
    engine: Option<String>,
    version: Option<String>,
    parent: Option<String>,
    is_part: bool,
    airflow: Option<AirflowRun>,
    native: Option<String>,
    name: Option<String>,
    user: Option<String>,
    child: Option<String>,
    owners: Vec<String>,
    tags: BTreeSet<Tag>,
    error: Option<String>,
    started: Instant,
    /// The latest of its events that end an execution.
    ended: Option<(Instant, Stage)>,
    touched: BTreeMap<(String, Access), Touch>,
}

/// The executions of one unit, by OpenLineage run id.
#[derive(Default)]
pub(super) struct Executions(BTreeMap<String, Execution>);

/// Executions that are one run to their engine.
struct Landing<'a> {
    top: &'a Execution,
    /// Airflow task that started it, where it is not itself one.
    task: Option<&'a AirflowRun>,
    touched: BTreeMap<(&'a str, Access), Touch>,
}

impl Executions {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Merges an event into its execution.
    pub(super) fn add(&mut self, event: Event) {
        let Event { run, stage, time, touched, .. } = event;
        let known = self.0.entry(run).or_insert_with(|| Execution {
            job: String::new(),
            engine: None,
            version: None,
            parent: None,
            is_part: event.is_part,
            airflow: None,
            native: None,
            name: None,
            user: None,
            child: None,
            owners: Vec::new(),
            tags: BTreeSet::new(),
            error: None,
            started: time,
            ended: None,
            touched: BTreeMap::new(),
        });
        known.job = event.job;
        known.engine = event.engine.or(known.engine.take());
        known.version = event.engine_version.or(known.version.take());
        known.parent = event.parent.or(known.parent.take());
        known.airflow = event.airflow.or(known.airflow.take());
        known.native = event.native.or(known.native.take());
        known.name = event.name.or(known.name.take());
        known.user = event.user.or(known.user.take());
        known.child = event.child.or(known.child.take());
        if !event.owners.is_empty() {
            known.owners = event.owners;
        }
        known.tags.extend(event.tags);
        known.error = event.error.or(known.error.take());
        known.started = known.started.min(time);
        if stage > Stage::Start {
            known.ended = known.ended.max(Some((time, stage)));
        }
        for (table, touch) in touched {
            known.touched.entry(table).or_default().later(&touch);
        }
    }

    /// An execution and those above it, nearest first.
    fn chain<'a>(&'a self, execution: &'a Execution) -> impl Iterator<Item = &'a Execution> {
        let above = |execution: &&'a Execution| self.0.get(execution.parent.as_ref()?);
        std::iter::successors(Some(execution), above).take(DEPTH)
    }

    /// Engine and run id, as the engine's own log has them. A query of an application is
    /// the application; nothing for one whose application is not known.
    fn key(&self, id: &str, execution: &Execution) -> Option<(String, String)> {
        let engine = execution.engine.as_deref().unwrap_or("openlineage");
        if let Some(airflow) = &execution.airflow {
            return Some(("airflow".to_owned(), airflow.run_id()));
        }
        let of_engine = |above: &&Execution| above.engine.as_deref() == Some(engine);
        let native = self.chain(execution).take_while(of_engine).find_map(|above| above.native.clone());
        let id = native.or_else(|| (!execution.is_part).then(|| id.to_owned()))?;
        Some((engine.to_owned(), id))
    }

    /// Lands a run without usage for each execution, and the tables it touched.
    ///
    /// # Errors
    /// When a row does not fit its schema.
    pub(super) fn land(&self, options: &SourceOptions, sink: &mut Sink) -> Result<(), ReadError> {
        let mut landings: BTreeMap<(String, String), Landing<'_>> = BTreeMap::new();
        for (id, execution) in &self.0 {
            let Some(key) = self.key(id, execution) else {
                let message =
                    "a query of Spark was left out: the events of its application are in another file";
                sink.warn(Warning::new("unknown-application", &execution.job, message));
                continue;
            };
            let parent = execution.parent.as_ref().and_then(|parent| self.0.get_key_value(parent));
            let is_top = parent.is_none_or(|(id, parent)| self.key(id, parent).as_ref() != Some(&key));
            let task = self.chain(execution).skip(1).find_map(|above| above.airflow.as_ref());
            let landing = landings.entry(key).or_insert_with(|| Landing {
                top: execution,
                task,
                touched: BTreeMap::new(),
            });
            if is_top {
                landing.top = execution;
                landing.task = task;
            }
            for ((table, access), touch) in &execution.touched {
                landing.touched.entry((table, *access)).or_default().add(touch);
            }
        }
        for ((engine, run_id), landing) in landings {
            land_run(engine, run_id, &landing, options, sink)?;
        }
        Ok(())
    }
}

fn land_run(
    engine: String,
    run_id: String,
    landing: &Landing<'_>,
    options: &SourceOptions,
    sink: &mut Sink,
) -> Result<(), ReadError> {
    let top = landing.top;
    let period = PeriodKey::day_of(top.started);
    for ((table, access), touch) in &landing.touched {
        let row = RunTable {
            run_id: run_id.clone(),
            engine: engine.clone(),
            table_name: (*table).to_owned(),
            access: *access,
            bytes: touch.bytes,
            row_count: touch.rows,
            files: touch.files,
            snapshot_id: touch.snapshot.clone(),
        };
        sink.push(period, &row)?;
    }
    let tag_set_id = sink.tags(period, &TagSet::new(top.tags.iter().cloned()))?;
    let itself = top.airflow.as_ref();
    let airflow = itself.or(landing.task);
    let task = airflow.and_then(|airflow| airflow.task.as_ref());
    let status = match top.ended {
        Some((_, Stage::Complete)) => RunStatus::Succeeded,
        Some((_, Stage::Fail)) => RunStatus::Failed,
        Some((_, Stage::Abort)) => RunStatus::Killed,
        _ => RunStatus::Running,
    };
    // Of several owners none is the one.
    let only_owner = || top.owners.first().filter(|_| top.owners.len() == 1).cloned();
    let own_task = itself.and_then(|airflow| airflow.task.as_ref());
    let run = Run {
        run_id,
        engine,
        engine_version: top.version.clone(),
        name: Some(match (own_task, itself) {
            (Some((task, Some(index), _)), _) => format!("{task}[{index}]"),
            (Some((task, None, _)), _) => task.clone(),
            (None, Some(airflow)) => airflow.dag.clone(),
            (None, None) => top.name.clone().unwrap_or_else(|| top.job.clone()),
        }),
        workflow_id: airflow.map(|airflow| airflow.dag.clone()),
        workflow_instance_id: airflow.map(|airflow| airflow.run.clone()),
        workflow_run_id: None,
        step_id: task.map(|(task, _, _)| task.clone()),
        attempt: task.map(|(_, _, number)| *number),
        trigger: airflow.and_then(|airflow| airflow.trigger.clone()),
        parent: None,
        child_run_id: top.child.clone(),
        cluster_id: options.cluster.clone(),
        user_name: top.user.clone(),
        owner: itself.and_then(|airflow| airflow.owner.clone()).or_else(only_owner),
        tag_set_id,
        status,
        error: top.error.clone().filter(|_| matches!(status, RunStatus::Failed | RunStatus::Killed)),
        queued_at: None,
        started_at: top.started,
        ended_at: top.ended.map(|(at, _)| at),
        usage: RunUsage::default(),
    };
    Ok(sink.push(period, &run)?)
}
