//! One run event: what of it matters here.

use std::collections::BTreeMap;

use model::tags::Tag;
use model::time::Instant;
use serde_json::Value;

use super::dataset::{Touch, touched};
use crate::rows::Access;
use crate::source::SourceOptions;
use crate::source::airflow::{split_tag, task_run_id};
use crate::source::iso_time::iso_time;

/// Characters of an error that are kept.
const ERROR_LENGTH: usize = 300;

/// The Airflow task or DAG run an event is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct AirflowRun {
    pub dag: String,
    pub run: String,
    /// Task, index and try; nothing for the run of a DAG.
    pub task: Option<(String, Option<i64>, i64)>,
    pub trigger: Option<String>,
    pub owner: Option<String>,
}

impl AirflowRun {
    /// The id the reader of Airflow gives it.
    pub(super) fn run_id(&self) -> String {
        match &self.task {
            Some((task, index, number)) => task_run_id(&self.dag, &self.run, task, *index, *number),
            None => format!("{}/{}", self.dag, self.run),
        }
    }
}

/// How far an execution was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stage {
    Other,
    Start,
    Complete,
    Abort,
    Fail,
}

/// A run event.
#[derive(Debug)]
pub(super) struct Event {
    pub run: String,
    pub stage: Stage,
    pub time: Instant,
    pub job: String,
    /// `airflow`, `spark`, `dbt`...
    pub engine: Option<String>,
    pub engine_version: Option<String>,
    pub parent: Option<String>,
    /// It is a query or job of a Spark application, not the application.
    pub is_part: bool,
    pub airflow: Option<AirflowRun>,
    /// Application, job or query id that the engine's own log has.
    pub native: Option<String>,
    /// Name and user of an application.
    pub name: Option<String>,
    pub user: Option<String>,
    /// Statement that the execution handed to another system.
    pub child: Option<String>,
    pub owners: Vec<String>,
    pub tags: Vec<Tag>,
    pub error: Option<String>,
    pub touched: BTreeMap<(String, Access), Touch>,
}

impl Event {
    /// Reads a record: nothing for what is no run event (events of jobs and datasets alone),
    /// an error for a run event that cannot be placed.
    pub(super) fn of(value: &Value, options: &SourceOptions) -> Result<Option<Self>, ()> {
        let (run, job) = (&value["run"], &value["job"]);
        if !run.is_object() || !job.is_object() {
            return Ok(None);
        }
        let facets = &run["facets"];
        let id = text(&run["runId"]).ok_or(())?;
        let time = value["eventTime"].as_str().and_then(iso_time).ok_or(())?;
        let stage = match value["eventType"].as_str().unwrap_or_default().to_ascii_uppercase().as_str() {
            "START" => Stage::Start,
            "COMPLETE" => Stage::Complete,
            "ABORT" => Stage::Abort,
            "FAIL" => Stage::Fail,
            _ => Stage::Other,
        };
        let engine = engine(value);
        let job_type = job["facets"]["jobType"]["jobType"].as_str().unwrap_or_default();
        let mut tables: BTreeMap<(String, Access), Touch> = BTreeMap::new();
        for (key, access) in [("inputs", Access::Read), ("outputs", Access::Write)] {
            for dataset in value[key].as_array().into_iter().flatten() {
                if let Some((table, touch)) = touched(dataset, access, options) {
                    tables.entry((table, access)).or_default().add(&touch);
                }
            }
        }
        let job_name = text(&job["name"]).unwrap_or_else(|| "unnamed".to_owned());
        Ok(Some(Self {
            stage,
            time,
            engine_version: text(&facets["processing_engine"]["version"]),
            parent: text(&facets["parent"]["run"]["runId"]).filter(|parent| *parent != id),
            is_part: engine.as_deref() == Some("spark") && ["SQL_JOB", "RDD_JOB"].contains(&job_type),
            airflow: airflow_run(facets),
            native: native_id(engine.as_deref(), facets, &job_name),
            name: text(&facets["spark_applicationDetails"]["appName"])
                .or_else(|| text(&facets["spark_properties"]["properties"]["spark.app.name"])),
            user: text(&facets["spark_applicationDetails"]["userName"]),
            child: text(&facets["externalQuery"]["externalQueryId"]),
            owners: owners(&job["facets"]["ownership"]),
            tags: tags(&job["facets"]["tags"]).chain(tags(&facets["tags"])).collect(),
            error: text(&facets["errorMessage"]["message"]).map(|message| {
                message.lines().next().unwrap_or_default().trim().chars().take(ERROR_LENGTH).collect()
            }),
            touched: tables,
            run: id,
            job: job_name,
            engine,
        }))
    }
}

/// Who ran it: the job's type, else the engine, else what the producer's address says.
fn engine(value: &Value) -> Option<String> {
    let integration = text(&value["job"]["facets"]["jobType"]["integration"]);
    let processing = || text(&value["run"]["facets"]["processing_engine"]["name"]);
    let producer = || {
        let producer = value["producer"].as_str()?;
        let known = ["airflow", "spark", "dbt", "flink", "trino", "hive", "dagster"];
        known.into_iter().find(|name| producer.to_ascii_lowercase().contains(name)).map(str::to_owned)
    };
    integration.or_else(processing).or_else(producer).map(|name| name.to_ascii_lowercase())
}

fn airflow_run(facets: &Value) -> Option<AirflowRun> {
    let task = facets.get("airflow").filter(|facet| facet["dagRun"].is_object());
    let facet = task.or_else(|| facets.get("airflowDagRun"))?;
    let dag_run = &facet["dagRun"];
    let trigger = text(&dag_run["run_type"]).map(|kind| match kind.as_str() {
        "scheduled" => "time".to_owned(),
        "asset_triggered" | "dataset_triggered" => "signal".to_owned(),
        _ => kind,
    });
    let instance = &facet["taskInstance"];
    let index = instance["map_index"].as_i64().filter(|index| *index >= 0);
    let task = task
        .and_then(|facet| Some((text(&facet["task"]["task_id"])?, index, instance["try_number"].as_i64()?)));
    Some(AirflowRun {
        dag: text(&dag_run["dag_id"]).or_else(|| text(&facet["dag"]["dag_id"]))?,
        run: text(&dag_run["run_id"])?,
        owner: text(&facet["task"]["owner"]),
        trigger,
        task,
    })
}

/// The id that the engine's own log gives the execution.
fn native_id(engine: Option<&str>, facets: &Value, job: &str) -> Option<String> {
    match engine {
        Some("spark") => text(&facets["spark_applicationDetails"]["applicationId"])
            .or_else(|| text(&facets["spark_properties"]["properties"]["spark.app.id"]))
            .or_else(|| text(&facets["gcp_dataproc_spark"]["appId"])),
        Some("flink") => text(&facets["flink_job"]["jobId"]),
        // Trino's listener names its jobs after their queries.
        Some("trino") => text(&facets["trino_metadata"]["query_id"]).or_else(|| Some(job.to_owned())),
        _ => None,
    }
}

/// Owners: `application:`, `user:` and `team:` before a name say only what it is.
fn owners(facet: &Value) -> Vec<String> {
    let listed = facet["owners"].as_array().into_iter().flatten();
    let names = listed.filter_map(|owner| text(&owner["name"]));
    let bare = names.map(|name| match name.split_once(':') {
        Some(("application" | "user" | "team", inner)) if !inner.is_empty() => inner.to_owned(),
        _ => name,
    });
    bare.collect()
}

/// Tags; where key and value are one (Airflow's), as the reader of Airflow splits them.
/// What the client says of itself is no tag of the run.
fn tags(facet: &Value) -> impl Iterator<Item = Tag> {
    let listed = facet["tags"].as_array().into_iter().flatten();
    listed.filter(|tag| tag["source"] != "OPENLINEAGE_CLIENT").filter_map(|tag| {
        let key = text(&tag["key"])?;
        let value = text(&tag["value"]).unwrap_or_else(|| key.clone());
        Some(if key == value { split_tag(&key) } else { Tag::new(&key, &value) })
    })
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.replace('\0', " ")),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}
