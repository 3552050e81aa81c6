//! Spark properties: what they say about the run beyond its events.

use std::collections::BTreeMap;

use model::tags::{Tag, TagSet};
use serde::Deserialize;

/// Bytes of what Spark counts memory in where a property has no unit.
pub(super) const MIB: i64 = 1 << 20;

/// The Spark properties of an application; keys match whatever their case.
#[derive(Default)]
pub(super) struct Properties(BTreeMap<String, (String, String)>);

/// The orchestrator's step that started an application.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Workflow {
    pub id: Option<String>,
    pub instance: Option<String>,
    pub run: Option<String>,
    pub step: Option<String>,
    pub attempt: Option<i64>,
    pub owner: Option<String>,
}

impl Properties {
    #[cfg(test)]
    pub(super) fn new(pairs: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut properties = Self::default();
        properties.extend(pairs);
        properties
    }

    /// Adds properties; later ones win. Values Spark redacted are no values.
    pub(super) fn extend(&mut self, pairs: impl IntoIterator<Item = (String, String)>) {
        let pairs = pairs.into_iter().filter(|(_, value)| !value.ends_with("(redacted)"));
        self.0.extend(pairs.map(|(key, value)| (key.to_lowercase(), (key, value))));
    }

    /// The value of a key, if it is not empty.
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.0.get(&key.to_lowercase()).map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// MiB of a size; digits alone count `bare_unit` bytes each.
    pub(super) fn size_mib(&self, key: &str, bare_unit: i64) -> Option<i64> {
        self.get(key).and_then(|text| memory_mib(text, bare_unit))
    }

    /// MiB that a `driver` or `executor` is given beside its heap, where no resource profile says:
    /// what was asked for, else a part of the heap.
    pub(super) fn overhead_mib(&self, role: &str, heap_mib: i64) -> i64 {
        self.size_mib(&format!("spark.{role}.memoryOverhead"), MIB)
            .or_else(|| self.size_mib(&format!("spark.yarn.{role}.memoryOverhead"), MIB))
            .unwrap_or_else(|| {
                let least = self.size_mib(&format!("spark.{role}.minMemoryOverhead"), MIB).unwrap_or(384);
                let factor = self
                    .get(&format!("spark.{role}.memoryOverheadFactor"))
                    .or_else(|| self.get("spark.kubernetes.memoryOverheadFactor"))
                    .and_then(|text| text.parse::<f64>().ok())
                    .filter(|factor| (0.0..100.0).contains(factor))
                    .unwrap_or(0.10);
                // Spark truncates the product to whole MiB as well.
                least.max((heap_mib as f64 * factor) as i64)
            })
    }

    /// Whether driver and executor are one process.
    pub(super) fn is_local(&self) -> bool {
        self.get("spark.master").is_some_and(|master| master.starts_with("local"))
    }

    /// Whether a person types statements into it: one that fails does not fail the application.
    pub(super) fn is_shell(&self) -> bool {
        // Set by the Scala shells, Databricks, Zeppelin and Livy; PySpark names its own.
        self.get("spark.repl.class.uri").is_some() || self.get("spark.app.name") == Some("PySparkShell")
    }

    /// The Databricks cluster it ran on.
    pub(super) fn cluster(&self) -> Option<&str> {
        self.get("spark.databricks.clusterUsageTags.clusterId")
    }

    /// The step that started it: `spark.maestro.*` as a Maestro step passes them;
    /// `AIRFLOW_CTX_*` (<https://airflow.apache.org/docs/apache-airflow/stable/howto/variable.html>
    /// names the variables a task's environment holds) handed on under any prefix, such as
    /// `spark.yarn.appMasterEnv.`; or the parent job (`dag.task`) that Airflow's OpenLineage
    /// provider injects.
    pub(super) fn workflow(&self) -> Workflow {
        let text = |key: &str| self.get(key).map(str::to_owned);
        if self.get("spark.maestro.workflow.id").is_some() {
            return Workflow {
                id: text("spark.maestro.workflow.id"),
                instance: text("spark.maestro.workflow.instance.id"),
                run: text("spark.maestro.workflow.run.id"),
                step: text("spark.maestro.step.id"),
                attempt: self.get("spark.maestro.step.attempt.id").and_then(|text| text.parse().ok()),
                owner: text("spark.maestro.owner"),
            };
        }
        let airflow = |name: &str| {
            let endings = [format!("airflow_ctx_{name}"), format!("airflow.ctx.{name}")];
            self.0
                .iter()
                .find(|(key, _)| endings.iter().any(|ending| key.ends_with(ending.as_str())))
                .map(|(_, (_, value))| value.clone())
                .filter(|value| !value.is_empty())
        };
        if let Some(dag) = airflow("dag_id") {
            return Workflow {
                id: Some(dag),
                // A DAG's run is what an instance is of a workflow; tries count within it.
                instance: airflow("dag_run_id").or_else(|| airflow("run_id")),
                run: None,
                step: airflow("task_id"),
                attempt: airflow("try_number").and_then(|text| text.parse().ok()),
                owner: airflow("dag_owner"),
            };
        }
        // Task ids hold dots (task groups) far more often than DAG ids do.
        match self.get("spark.openlineage.parentJobName").and_then(|name| name.split_once('.')) {
            Some((dag, task)) => {
                Workflow { id: Some(dag.to_owned()), step: Some(task.to_owned()), ..Workflow::default() }
            }
            None => Workflow::default(),
        }
    }

    /// Tags: `spark.yarn.tags` and `spark.app.tags` (`a,key:value,key=value`; one without a
    /// value has the value `true`), labels of the Kubernetes driver, and the cluster tags
    /// Databricks lists.
    pub(super) fn tags(&self) -> TagSet {
        const LABEL: &str = "spark.kubernetes.driver.label.";
        let mut tags = Vec::new();
        for property in ["spark.yarn.tags", "spark.app.tags"] {
            let words = self.get(property).unwrap_or_default().split(',').map(str::trim);
            tags.extend(words.filter(|word| !word.is_empty()).map(
                |word| match word.split_once(['=', ':']) {
                    Some((key, value)) if !key.trim().is_empty() => Tag::new(key.trim(), value.trim()),
                    _ => Tag::new(word, "true"),
                },
            ));
        }
        for (folded, (raw, value)) in &self.0 {
            if folded.starts_with(LABEL)
                && let Some(name) = raw.get(LABEL.len()..)
            {
                tags.push(Tag::new(name, value));
            }
        }
        #[derive(Deserialize)]
        struct Pair {
            key: String,
            value: String,
        }
        let listed = self.get("spark.databricks.clusterUsageTags.clusterAllTags").unwrap_or_default();
        let listed = serde_json::from_str::<Vec<Pair>>(listed).unwrap_or_default();
        tags.extend(listed.iter().map(|pair| Tag::new(&pair.key, &pair.value)));
        TagSet::new(tags)
    }
}

/// MiB of a size as Spark writes them: digits and a binary suffix (`512m`, `1g`, `10GB`),
/// or digits alone, which count `bare_unit` bytes each. Less than a MiB is none.
fn memory_mib(text: &str, bare_unit: i64) -> Option<i64> {
    let text = text.trim().to_ascii_lowercase();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, suffix) = text.split_at(digits);
    let unit = match suffix.trim() {
        "" => bare_unit,
        "b" => 1,
        "k" | "kb" => 1 << 10,
        "m" | "mb" => 1 << 20,
        "g" | "gb" => 1 << 30,
        "t" | "tb" => 1 << 40,
        "p" | "pb" => 1 << 50,
        _ => return None,
    };
    number.parse::<i64>().ok()?.checked_mul(unit).map(|bytes| bytes >> 20)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn properties(pairs: &[(&str, &str)]) -> Properties {
        Properties::new(pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())))
    }

    #[test]
    fn sizes_read_as_spark_reads_them() {
        for (text, bare, want) in [
            ("512m", 1, Some(512)),
            ("1g", 1, Some(1024)),
            ("9397M", 1, Some(9397)),
            ("47016m", 1, Some(47_016)),
            ("2048", 1 << 20, Some(2048)),
            ("1073741824", 1, Some(1024)),
            ("1TB", 1, Some(1 << 20)),
            ("99999999999p", 1, None),
            ("", 1, None),
            ("lots", 1, None),
            ("-5g", 1, None),
        ] {
            assert_eq!(memory_mib(text, bare), want, "{text}");
        }
    }

    #[test]
    fn a_step_is_found_however_it_was_handed_on() {
        let step = |pairs: &[(&str, &str)]| properties(pairs).workflow();
        let maestro = step(&[
            ("spark.Maestro.Workflow.Id", "growth.daily"),
            ("spark.maestro.workflow.instance.id", "7"),
            ("spark.maestro.workflow.run.id", "2"),
            ("spark.maestro.step.id", "load"),
            ("spark.maestro.step.attempt.id", "3"),
        ]);
        assert_eq!((maestro.id.as_deref(), maestro.step.as_deref()), (Some("growth.daily"), Some("load")));
        assert_eq!((maestro.instance.as_deref(), maestro.run.as_deref()), (Some("7"), Some("2")));
        assert_eq!(maestro.attempt, Some(3));
        let airflow = step(&[
            ("spark.yarn.appMasterEnv.AIRFLOW_CTX_DAG_ID", "daily"),
            ("spark.yarn.appMasterEnv.AIRFLOW_CTX_TASK_ID", "group.load"),
            ("spark.yarn.appMasterEnv.AIRFLOW_CTX_TRY_NUMBER", "2"),
            ("spark.yarn.appMasterEnv.AIRFLOW_CTX_DAG_RUN_ID", "scheduled__2026-10-05"),
        ]);
        assert_eq!((airflow.id.as_deref(), airflow.step.as_deref()), (Some("daily"), Some("group.load")));
        assert_eq!((airflow.instance.as_deref(), airflow.attempt), (Some("scheduled__2026-10-05"), Some(2)));
        let injected = step(&[("spark.openlineage.parentJobName", "daily.group.load")]);
        assert_eq!((injected.id.as_deref(), injected.step.as_deref()), (Some("daily"), Some("group.load")));
        assert_eq!(step(&[("spark.app.name", "x")]), Workflow::default());
    }

    #[test]
    fn tags_are_split_and_redacted_values_are_none() {
        let set = properties(&[
            ("spark.yarn.tags", "team:growth,adhoc,,tier=gold"),
            ("spark.kubernetes.driver.label.cost-center", "42"),
            ("spark.databricks.clusterUsageTags.clusterAllTags", r#"[{"key":"Vendor","value":"<script>"}]"#),
            ("spark.app.tags", "*********(redacted)"),
        ]);
        let tags = set.tags();
        let pairs: Vec<_> = tags.tags().iter().map(|tag| (tag.key.as_str(), tag.value.as_str())).collect();
        let want = [
            ("adhoc", "true"),
            ("cost_center", "42"),
            ("team", "growth"),
            ("tier", "gold"),
            ("vendor", "<script>"),
        ];
        assert_eq!(pairs, want);
        assert!(properties(&[]).tags().tags().is_empty());
    }
}
