//! Tables an application read and wrote: its SQL executions and their metrics, resolved.
//!
//! Bytes come from the metrics of the plan's nodes rather than from the tasks, because
//! Spark 4.1 counts the input bytes of vectored Parquet reads about 200 times too low.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::events::{Accumulable, TableCreated, TaskMetrics};
use super::plan::{Metrics, Scan, Touched, Write};
use super::sql_events::PlanNode;
use crate::rows::{Access, RunTable};

#[derive(Default)]
struct Execution {
    root: Option<i64>,
    scans: Vec<Scan>,
    writes: Vec<Write>,
    succeeded: bool,
    /// Bytes and rows that its successful tasks wrote.
    output_bytes: i64,
    output_rows: i64,
}

/// The SQL executions of one application.
#[derive(Default)]
pub(super) struct Executions {
    executions: BTreeMap<i64, Execution>,
    of_stage: HashMap<i64, i64>,
    // An accumulator is fed by the driver or by tasks, each time with its whole value.
    driver_values: HashMap<i64, i64>,
    stage_values: HashMap<i64, i64>,
    created: Vec<TableCreated>,
    locations: BTreeMap<String, String>,
}

#[derive(Default)]
struct Sums {
    bytes: Sum,
    rows: Sum,
    files: Sum,
}

/// A sum that knows whether anything was added.
#[derive(Default)]
struct Sum(Option<i64>);

impl Sum {
    fn add(&mut self, value: Option<i64>) {
        if let Some(value) = value {
            self.0 = Some(self.0.unwrap_or(0).saturating_add(value));
        }
    }
}

impl Executions {
    /// Notes the plan of an execution; a later plan of the same one replaces it.
    pub(super) fn plan(&mut self, id: i64, root: Option<i64>, plan: &PlanNode) {
        let touched = Touched::of(plan);
        let execution = self.executions.entry(id).or_default();
        execution.root = root.or(execution.root);
        execution.scans = touched.scans;
        execution.writes = touched.writes;
        self.locations.extend(touched.locations);
    }

    pub(super) fn ended(&mut self, id: i64, succeeded: bool) {
        self.executions.entry(id).or_default().succeeded = succeeded;
    }

    /// Notes which execution a job's stages work for.
    pub(super) fn job(&mut self, execution: &str, stages: &[i64]) {
        if let Ok(id) = execution.parse() {
            self.of_stage.extend(stages.iter().map(|stage| (*stage, id)));
        }
    }

    /// Counts what a successful task wrote.
    pub(super) fn task_succeeded(&mut self, stage: i64, metrics: &TaskMetrics) {
        let execution = self.of_stage.get(&stage).and_then(|id| self.executions.get_mut(id));
        if let Some(execution) = execution {
            execution.output_bytes = execution.output_bytes.saturating_add(metrics.output.bytes);
            execution.output_rows = execution.output_rows.saturating_add(metrics.output.records);
        }
    }

    pub(super) fn driver_values(&mut self, updates: Vec<(i64, i64)>) {
        for (id, value) in updates {
            let known = self.driver_values.entry(id).or_insert(value);
            *known = value.max(*known);
        }
    }

    pub(super) fn stage_values(&mut self, accumulables: Vec<Accumulable>) {
        for accumulable in accumulables {
            if let (Some("sql"), Some(value)) = (accumulable.metadata.as_deref(), accumulable.value) {
                let known = self.stage_values.entry(accumulable.id).or_insert(value);
                *known = value.max(*known);
            }
        }
    }

    pub(super) fn table_created(&mut self, event: TableCreated) {
        self.created.push(event);
    }

    /// A metric's value; Spark starts size metrics at -1, which means unset.
    fn value(&self, id: Option<i64>) -> Option<i64> {
        let id = id?;
        self.driver_values
            .get(&id)
            .or_else(|| self.stage_values.get(&id))
            .copied()
            .filter(|value| *value >= 0)
    }

    /// Every name of the plans, by the name without its first part (the catalog); nothing
    /// where two catalogs have the same.
    fn known_names(&self) -> BTreeMap<&str, Option<&str>> {
        let mut known = BTreeMap::new();
        let scanned =
            self.executions.values().flat_map(|execution| execution.scans.iter().map(|scan| &scan.table));
        let written = self.executions.values().flat_map(|execution| &execution.writes);
        for name in scanned.chain(written.filter_map(|write| write.table.as_ref())) {
            if let Some((_, inner)) =
                name.split_once('.').filter(|(_, inner)| inner.contains('.') && !name.contains('/'))
            {
                let full = known.entry(inner).or_insert(Some(name.as_str()));
                *full = full.filter(|full| full == name);
            }
        }
        known
    }

    /// The full name of a table. What a plan calls by its path is a table that the log says
    /// lies there, or one created by this application at the warehouse's place for it. What
    /// it calls without a catalog (Iceberg does, while it creates a table from a query) is
    /// the only table of that name which other plans call with one.
    fn named(&self, table: &str, warehouse: Option<&str>, known: &BTreeMap<&str, Option<&str>>) -> String {
        if let Some(name) = self.locations.get(table) {
            return name.clone();
        }
        if let Some(Some(name)) = known.get(table) {
            return (*name).to_owned();
        }
        let path = without_scheme(table);
        let created = self.created.iter().find(|created| {
            let default = created.database == "default"
                && warehouse.is_some_and(|warehouse| {
                    path.strip_prefix(without_scheme(warehouse)).and_then(|rest| rest.strip_prefix('/'))
                        == Some(&created.name)
                });
            default || path.ends_with(&format!("/{}.db/{}", created.database, created.name))
        });
        match created {
            Some(created) if table.contains('/') => {
                format!("spark_catalog.{}.{}", created.database, created.name)
            }
            _ => table.to_owned(),
        }
    }

    /// One row a table and access. A read counts once its scan reported anything; a write
    /// once its execution succeeded, since what failed wrote no table.
    pub(super) fn rows(&self, run_id: &str, engine: &str, warehouse: Option<&str>) -> Vec<RunTable> {
        let mut tables: BTreeMap<(String, Access), Sums> = BTreeMap::new();
        let known = self.known_names();
        // A cached plan stands in every execution that uses it, with the same accumulators.
        let mut counted: BTreeSet<(Access, Metrics)> = BTreeSet::new();
        for execution in self.executions.values() {
            for scan in &execution.scans {
                let Metrics { bytes, rows, files } = scan.metrics;
                let values = [bytes, rows, files].map(|id| self.value(id));
                if values.iter().any(Option::is_some) && counted.insert((Access::Read, scan.metrics)) {
                    let table =
                        tables.entry((self.named(&scan.table, warehouse, &known), Access::Read)).or_default();
                    table.bytes.add(values[0]);
                    table.rows.add(values[1]);
                    table.files.add(values[2]);
                }
            }
        }
        let delegated_by: BTreeSet<i64> = self
            .executions
            .iter()
            .filter(|(id, nested)| nested.succeeded && !nested.writes.is_empty() && nested.root != Some(**id))
            .filter_map(|(_, nested)| nested.root)
            .collect();
        for (id, execution) in self.executions.iter().filter(|(_, execution)| execution.succeeded) {
            let delegated = delegated_by.contains(id);
            let writes: Vec<_> =
                execution.writes.iter().filter(|write| !(write.delegates && delegated)).collect();
            for write in &writes {
                let Some(table) = &write.table else { continue };
                let table = tables.entry((self.named(table, warehouse, &known), Access::Write)).or_default();
                // Tasks that write row changes (`WriteDelta`) report nothing, which is not zero.
                let alone = writes.len() == 1 && execution.output_bytes > 0;
                let Metrics { bytes, rows, files } = write.metrics;
                table.bytes.add(self.value(bytes).or(alone.then_some(execution.output_bytes)));
                table.rows.add(self.value(rows).or(alone.then_some(execution.output_rows)));
                table.files.add(self.value(files));
            }
        }
        let row = |((table_name, access), sums): ((String, Access), Sums)| RunTable {
            run_id: run_id.to_owned(),
            engine: engine.to_owned(),
            table_name,
            access,
            bytes: sums.bytes.0,
            row_count: sums.rows.0,
            files: sums.files.0,
            snapshot_id: None,
        };
        tables.into_iter().map(row).collect()
    }
}

/// `file:/a`, `file:///a` and `/a` are one path; other schemes keep their bucket.
fn without_scheme(path: &str) -> &str {
    let path = path.strip_prefix("file:").unwrap_or(path);
    let path = path.strip_prefix("//").unwrap_or(path);
    path.trim_end_matches('/')
}
