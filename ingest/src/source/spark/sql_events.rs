//! The events of Spark SQL: executions, their plans and their metrics
//! (`org.apache.spark.sql.execution.ui`).

use serde::Deserialize;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SqlStart {
    pub execution_id: i64,
    /// Spark 3.4 and later: the execution that started this one, or itself.
    pub root_execution_id: Option<i64>,
    #[serde(default)]
    pub time: i64,
    pub spark_plan_info: PlanNode,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SqlUpdate {
    pub execution_id: i64,
    pub spark_plan_info: PlanNode,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SqlEnd {
    pub execution_id: i64,
    #[serde(default)]
    pub time: i64,
    /// Spark 3.4 and later: empty when it succeeded.
    pub error_message: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PlanNode {
    pub node_name: String,
    #[serde(default)]
    pub simple_string: String,
    #[serde(default)]
    pub children: Vec<PlanNode>,
    #[serde(default)]
    pub metadata: PlanMetadata,
    #[serde(default)]
    pub metrics: Vec<PlanMetric>,
}

#[derive(Default, Deserialize)]
pub(super) struct PlanMetadata {
    /// `InMemoryFileIndex(2 paths)[file:/a, file:/b]`
    #[serde(rename = "Location")]
    pub location: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PlanMetric {
    pub name: String,
    pub accumulator_id: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DriverAccumulators {
    #[serde(default)]
    pub accum_updates: Vec<(i64, i64)>,
}
