//! A week of the demo's platform: what its Airflow and its engines leave behind joins.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use fixtures::platform::company::Company;
use fixtures::platform::compute::Compute;
use fixtures::platform::facts::{LakeDay, Outcome, Parent, Settings, TaskTry};
use fixtures::raw::Writer;
use fixtures::raw::airflow::AirflowDumps;
use fixtures::raw::openlineage::OpenLineageEvents;
use fixtures::raw::spark::SparkLogs;
use fixtures::raw::trino::TrinoEvents;
use model::landed::Dataset;

use crate::support::read;

/// Days simulated.
const DAYS: u32 = 7;

/// Workflow, instance, step and attempt that a landed run names.
type Step = (String, String, String, i64);

#[test]
fn a_week_of_tries_is_read_back_and_engines_name_theirs() {
    let settings = Settings {
        seed: 7,
        first_day: NaiveDate::from_ymd_opt(2026, 10, 5).unwrap(),
        days: DAYS,
        planned_days: DAYS,
        scale: 1,
        without: Vec::new(),
        unfixed: Vec::new(),
    };
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    let mut dumps = AirflowDumps::new(&at("airflow"));
    let mut lineage = OpenLineageEvents::new(&at("openlineage"));
    let mut queries = TrinoEvents::new(&at("trino"), false).unwrap();
    let mut logs = SparkLogs::new(&at("spark")).unwrap();
    let mut compute = Compute::new(&Company::new(&settings));
    let mut facts: BTreeMap<String, (Step, TaskTry)> = BTreeMap::new();
    let (mut dag_runs, mut engine_runs, mut children) = (0, 0, 0);
    for number in 0..DAYS {
        let mut day = compute.day(number);
        for run in &day.dag_runs {
            dag_runs += 1;
            for attempt in &run.tries {
                let step = (run.dag.clone(), run.run_id.clone(), attempt.task.clone(), attempt.try_number);
                children += usize::from(attempt.child.is_some());
                let id = format!("{}/{}/{}/{}", step.0, step.1, step.2, step.3);
                assert!(facts.insert(id, (step, attempt.clone())).is_none());
            }
        }
        day.applications.retain(|run| matches!(run.parent, Parent::Airflow { .. }));
        day.queries.retain(|run| matches!(run.parent, Parent::Airflow { .. }));
        engine_runs += day.applications.len() + day.queries.len();
        for writer in [&mut dumps as &mut dyn Writer, &mut lineage, &mut queries, &mut logs] {
            writer.day(&day, &LakeDay::default()).unwrap();
        }
    }
    for writer in [&mut dumps as &mut dyn Writer, &mut lineage, &mut queries, &mut logs] {
        writer.finish().unwrap();
    }
    assert!(dag_runs > 2 * DAYS && facts.len() > 20 && children > 10, "a team works with Airflow");

    let landed = read("airflow", &at("airflow"));
    assert!(
        landed.errors.is_empty() && landed.codes().is_empty(),
        "{:?} {:?}",
        landed.errors,
        landed.warnings()
    );
    let runs = landed.runs();
    let tries: BTreeMap<&str, _> = runs
        .iter()
        .filter(|run| !run["step_id"].is_null())
        .map(|run| (run["run_id"].as_str().unwrap(), run))
        .collect();
    assert_eq!(runs.len() - tries.len(), usize::try_from(dag_runs).unwrap());
    assert_eq!(
        tries.keys().map(|id| (*id).to_owned()).collect::<BTreeSet<_>>(),
        facts.keys().cloned().collect()
    );
    for (id, (_, attempt)) in &facts {
        let run = tries[id.as_str()];
        assert_eq!(run["started_at"], attempt.started, "{id}");
        let want = match attempt.outcome {
            Outcome::Succeeded => "succeeded",
            Outcome::Running => "running",
            _ => "failed",
        };
        assert_eq!(run["status"], want, "{id}");
        assert!(run["owner"].is_string() && run["tag_set_id"].is_string(), "{id}");
        if attempt.outcome == Outcome::Succeeded {
            let child = attempt.child.as_ref().map(|child| child.id.as_str());
            assert_eq!(run["child_run_id"].as_str(), child, "{id}");
        }
    }

    let told = read("openlineage", &at("openlineage"));
    assert!(told.errors.is_empty() && told.codes().is_empty(), "{:?} {:?}", told.errors, told.warnings());
    let ids = |rows: &[crate::frames::Row]| -> BTreeSet<String> {
        rows.iter().map(|run| run["run_id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(ids(&told.runs()), ids(&runs));
    assert!(!told.rows(Dataset::RunTables).is_empty());

    // Every engine's run that a task started names that try, as Airflow's dump calls it.
    let steps: BTreeSet<Step> = facts.into_values().map(|(step, _)| step).collect();
    let mut named = 0;
    for (kind, name) in [("spark-event-log", "spark"), ("trino-events", "trino")] {
        for run in read(kind, &at(name)).runs() {
            let text = |key: &str| run[key].as_str().unwrap_or_default().to_owned();
            let attempt = run["attempt"].as_i64().unwrap_or_default();
            let step = (text("workflow_id"), text("workflow_instance_id"), text("step_id"), attempt);
            assert!(steps.contains(&step), "{kind} {}: {step:?}", run["run_id"]);
            named += 1;
        }
    }
    assert_eq!(named, engine_runs);
}
