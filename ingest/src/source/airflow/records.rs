//! What Airflow's documents are, known by their fields: REST v1 (Airflow 2) and v2
//! (Airflow 3) answers, and rows of the metadata database.

use model::time::Instant;
use serde_json::Value;

use crate::source::iso_time::iso_time;
use crate::source::maestro::artifacts::child_run_id;

/// Keys under which REST pages hold their objects. `tasks` is not among them: a page of
/// tasks is one record, because only the page, if anything, says of which DAG they are.
pub(super) const PAGES: &[&str] = &["dags", "dag_runs", "task_instances", "xcom_entries"];

/// Keys of a run's `conf` that become tags: what it may say about who pays. The rest of a
/// `conf` is parameters, which may hold secrets.
const CONF_TAGS: &[&str] =
    &["team", "owner", "cost_center", "cost-center", "cost_centre", "costcenter", "project", "department"];

/// A DAG, as its list entry, its details or its database row say.
#[derive(Debug, Default)]
pub(super) struct Dag {
    /// Owners of its tasks, in no particular order.
    pub owners: Vec<String>,
    /// Owner its tasks have unless they say otherwise (Airflow 3's details).
    pub default_owner: Option<String>,
    /// Tags as written.
    pub tags: Vec<String>,
}

/// A run of a DAG.
#[derive(Clone, Debug)]
pub(super) struct DagRun {
    pub dag: String,
    pub run: String,
    pub state: String,
    /// `time`, `signal`, `manual`, `subworkflow`, or Airflow's own word.
    pub trigger: String,
    /// Who triggered it by hand.
    pub user: Option<String>,
    pub queued: Option<Instant>,
    pub started: Option<Instant>,
    pub ended: Option<Instant>,
    /// Tags its `conf` holds.
    pub conf: Vec<(String, String)>,
}

/// Which task instance.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct TaskKey {
    pub dag: String,
    pub run: String,
    pub task: String,
    /// Index of a mapped task's instance.
    pub map_index: Option<i64>,
}

/// One try of a task instance.
#[derive(Debug)]
pub(super) struct Try {
    pub state: String,
    pub pool: Option<String>,
    pub unixname: Option<String>,
    pub queued: Option<Instant>,
    pub started: Option<Instant>,
    pub ended: Option<Instant>,
    /// Engine run its rendered fields name.
    pub child: Option<String>,
    /// Times it has that are none.
    pub bad_times: u64,
}

/// One document or row.
#[derive(Debug)]
pub(super) enum Record {
    Dag(String, Dag),
    /// A row of `dag_tag`.
    DagTag(String, String),
    DagRun(DagRun),
    /// A try, by its number.
    Try(TaskKey, i64, Box<Try>),
    /// Tasks and their owners, of the DAG where it is said.
    Tasks(Option<String>, Vec<(String, String)>),
    /// An engine run that an XCom entry or rendered fields name.
    Child(TaskKey, String),
    /// Airflow's version.
    Version(String),
    /// Pools, event logs, and whatever else a dump holds.
    Other,
}

impl Record {
    /// Recognises a document by the fields it has.
    pub(super) fn of(value: &Value) -> Self {
        Self::recognised(value).unwrap_or(Self::Other)
    }

    fn recognised(value: &Value) -> Option<Self> {
        if let Some(tasks) = value["tasks"].as_array() {
            let owned =
                tasks.iter().filter_map(|task| Some((text(&task["task_id"])?, text(&task["owner"])?)));
            return Some(Self::Tasks(text(&value["dag_id"]), owned.collect()));
        }
        if value["git_version"].is_string() {
            return text(&value["version"]).map(Self::Version);
        }
        let dag = text(&value["dag_id"])?;
        let run = text(&value["dag_run_id"]).filter(|_| value["dag_run_id"].is_string());
        match (run.or_else(|| text(&value["run_id"])), text(&value["task_id"])) {
            (Some(run), Some(task)) => {
                let map_index = value["map_index"].as_i64().filter(|index| *index >= 0);
                let key = TaskKey { dag, run, task, map_index };
                if let Some(number) = value["try_number"].as_i64() {
                    return Some(Self::Try(key, number, Box::new(Try::of(value))));
                }
                named_run(&value["rendered_fields"])
                    .or_else(|| named_run(&keyed(value.get("key")?.as_str()?, value.get("value")?)))
                    .map(|child| Self::Child(key, child))
            }
            (Some(run), None) => {
                text(&value["run_type"]).map(|kind| Self::DagRun(DagRun::of(value, dag, run, &kind)))
            }
            (None, None) if value.get("owners").is_some() => Some(Self::Dag(dag, Dag::of(value))),
            (None, None) => text(&value["name"]).map(|tag| Self::DagTag(dag, tag)),
            (None, Some(task)) => {
                text(&value["owner"]).map(|owner| Self::Tasks(Some(dag), vec![(task, owner)]))
            }
        }
    }
}

impl Dag {
    fn of(value: &Value) -> Self {
        let owners = match &value["owners"] {
            // The database keeps them in one text.
            Value::String(owners) => owners.split(',').map(|owner| owner.trim().to_owned()).collect(),
            owners => texts(owners),
        };
        Self {
            owners: owners.into_iter().filter(|owner: &String| !owner.is_empty()).collect(),
            default_owner: text(&value["default_args"]["owner"]),
            tags: texts(&value["tags"]),
        }
    }
}

impl DagRun {
    fn of(value: &Value, dag: String, run: String, kind: &str) -> Self {
        let by_operator = text(&value["triggered_by"]).is_some_and(|by| by.eq_ignore_ascii_case("operator"));
        let trigger = match kind {
            "scheduled" => "time",
            "asset_triggered" | "dataset_triggered" => "signal",
            "manual" if by_operator => "subworkflow",
            other => other,
        };
        let conf = match &value["conf"] {
            Value::String(json) => serde_json::from_str(json).unwrap_or(Value::Null),
            conf => conf.clone(),
        };
        let tagged = CONF_TAGS.iter().filter_map(|key| Some(((*key).to_owned(), text(&conf[*key])?)));
        let time = |key: &str| value[key].as_str().and_then(iso_time);
        Self {
            state: text(&value["state"]).unwrap_or_default(),
            trigger: trigger.to_owned(),
            user: text(&value["triggering_user_name"]),
            queued: time("queued_at"),
            started: time("start_date"),
            ended: time("end_date"),
            conf: tagged.collect(),
            dag,
            run,
        }
    }
}

impl Try {
    fn of(value: &Value) -> Self {
        let mut bad_times = 0;
        let mut time = |keys: &[&str]| {
            let written = keys.iter().find_map(|key| Some(&value[*key]).filter(|at| !at.is_null()))?;
            let at = written.as_str().and_then(iso_time);
            bad_times += u64::from(at.is_none());
            at
        };
        let queued = time(&["queued_when", "queued_dttm"]);
        let started = time(&["start_date"]);
        let ended = time(&["end_date"]);
        Self {
            state: text(&value["state"]).unwrap_or_default(),
            pool: text(&value["pool"]),
            unixname: text(&value["unixname"]),
            queued,
            started,
            ended,
            child: named_run(&value["rendered_fields"]),
            bad_times,
        }
    }
}

/// The engine run that rendered fields or an XCom entry name, which databases keep as JSON
/// in a text.
fn named_run(value: &Value) -> Option<String> {
    match value {
        Value::String(json) => child_run_id(&serde_json::from_str(json).unwrap_or(Value::Null)),
        value => child_run_id(value),
    }
}

/// An XCom entry as an object of its key, its value unpacked where that is JSON in a text.
fn keyed(key: &str, value: &Value) -> Value {
    let unpacked = value.as_str().and_then(|json| serde_json::from_str(json).ok());
    Value::Object([(key.to_owned(), unpacked.unwrap_or_else(|| value.clone()))].into_iter().collect())
}

/// The texts of a list, or the `name` of each of its objects.
fn texts(list: &Value) -> Vec<String> {
    let items = list.as_array().into_iter().flatten();
    items.filter_map(|item| text(item).or_else(|| text(&item["name"]))).collect()
}

/// A text or a number as text; nothing when empty.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.replace('\0', " ")),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}
