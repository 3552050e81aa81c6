//! What only statements have, beside their row in runs.

use model::landed::Dataset;

use crate::packed::{Cells, Row};

/// One statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// `run_id`
    pub run_id: String,
    /// `engine`
    pub engine: String,
    /// `fingerprint`
    pub fingerprint: String,
    /// `query_text`
    pub query_text: String,
    /// `query_type`
    pub query_type: Option<String>,
    /// `client`
    pub client: Option<String>,
    /// `dashboard`
    pub dashboard: Option<String>,
    /// `resource_group`
    pub resource_group: Option<String>,
    /// `queued_ms`
    pub queued_ms: i64,
    /// `planning_ms`
    pub planning_ms: i64,
    /// `execution_ms`
    pub execution_ms: i64,
    /// `result_rows`
    pub result_rows: i64,
    /// `result_bytes`
    pub result_bytes: i64,
    /// `splits`
    pub splits: Option<i64>,
    /// `error_code`
    pub error_code: Option<String>,
    /// `is_cached`
    pub is_cached: Option<bool>,
}

impl Row for Query {
    const DATASET: Dataset = Dataset::Queries;

    fn write(&self, cells: &mut Cells<'_>) {
        cells.text(&self.run_id);
        cells.text(&self.engine);
        cells.text(&self.fingerprint);
        cells.text(&self.query_text);
        cells.opt_text(self.query_type.as_deref());
        cells.opt_text(self.client.as_deref());
        cells.opt_text(self.dashboard.as_deref());
        cells.opt_text(self.resource_group.as_deref());
        cells.int(self.queued_ms);
        cells.int(self.planning_ms);
        cells.int(self.execution_ms);
        cells.int(self.result_rows);
        cells.int(self.result_bytes);
        cells.opt_int(self.splits);
        cells.opt_text(self.error_code.as_deref());
        cells.opt_bool(self.is_cached);
    }
}
