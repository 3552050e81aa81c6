//! Datasets of events: what they are called elsewhere, and how much of them was touched.

use serde_json::Value;

use crate::rows::Access;
use crate::source::SourceOptions;

/// A table that an execution read or wrote.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Touch {
    pub bytes: Option<i64>,
    pub rows: Option<i64>,
    pub files: Option<i64>,
    pub snapshot: Option<String>,
}

impl Touch {
    /// Statistics grow while an execution goes on: of two events the larger ones hold.
    pub(super) fn later(&mut self, other: &Self) {
        self.bytes = self.bytes.max(other.bytes);
        self.rows = self.rows.max(other.rows);
        self.files = self.files.max(other.files);
        if other.snapshot.is_some() {
            self.snapshot.clone_from(&other.snapshot);
        }
    }

    /// Adds what another execution of the same application touched.
    pub(super) fn add(&mut self, other: &Self) {
        let sum = |a: Option<i64>, b: Option<i64>| match (a, b) {
            (Some(a), Some(b)) => Some(a.saturating_add(b)),
            (a, b) => a.or(b),
        };
        self.bytes = sum(self.bytes, other.bytes);
        self.rows = sum(self.rows, other.rows);
        self.files = sum(self.files, other.files);
        if other.snapshot.is_some() {
            self.snapshot.clone_from(&other.snapshot);
        }
    }
}

/// Schemes of places files lie in.
const FILES: [&str; 14] =
    ["s3", "s3a", "s3n", "gs", "abfs", "abfss", "wasb", "wasbs", "adl", "hdfs", "dbfs", "oss", "cos", "file"];

/// Schemes of what holds no tables.
const NOT_TABLES: [&str; 5] = ["kafka", "pubsub", "pulsar", "kinesis", "http"];

/// The table's name and what was done to it; nothing for topics, and for an output that
/// only changed the table's existence.
pub(super) fn touched(dataset: &Value, access: Access, options: &SourceOptions) -> Option<(String, Touch)> {
    let table = table_name(dataset, options)?;
    let facets = &dataset["facets"];
    let change = facets["lifecycleStateChange"]["lifecycleStateChange"].as_str().unwrap_or_default();
    if access == Access::Write && ["DROP", "TRUNCATE", "RENAME", "ALTER"].contains(&change) {
        return None;
    }
    let (of_access, statistics, report, metrics) = match access {
        Access::Read => ("inputFacets", "inputStatistics", "icebergScanReport", "scanMetrics"),
        Access::Write => ("outputFacets", "outputStatistics", "icebergCommitReport", "commitMetrics"),
    };
    // Before version 1.0 statistics of outputs stood among the dataset's own facets.
    let said = [&dataset[of_access][statistics], &facets[statistics]];
    let report = &dataset[of_access][report];
    let metrics = &report[metrics];
    let (bytes, rows, files) = match access {
        Access::Read => ("totalFileSizeInBytes", "", "resultDataFiles"),
        Access::Write => ("addedFilesSizeInBytes", "addedRecords", "addedDataFiles"),
    };
    let number = |key: &str, metric: &str| {
        let said = said.iter().find_map(|statistics| statistics[key].as_i64());
        said.or_else(|| metrics[metric].as_i64()).filter(|value| *value >= 0)
    };
    let version = facets["version"]["datasetVersion"].as_str();
    let version = version.filter(|id| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit()));
    let touch = Touch {
        bytes: number("size", bytes),
        rows: number("rowCount", rows),
        files: number("fileCount", files),
        snapshot: report["snapshotId"].as_i64().map(|id| id.to_string()).or(version.map(str::to_owned)),
    };
    Some((table, touch))
}

/// `catalog.namespace.table` where a catalog names the dataset or its symlink is a table's
/// name, else its location, after the source's `location_map`.
fn table_name(dataset: &Value, options: &SourceOptions) -> Option<String> {
    let namespace = dataset["namespace"].as_str()?.trim_end_matches('/');
    let name = dataset["name"].as_str().filter(|name| !name.is_empty())?;
    let facets = &dataset["facets"];
    let symlinks = facets["symlinks"]["identifiers"].as_array().into_iter().flatten();
    let symlink = symlinks
        .filter(|link| link["type"].as_str().is_some_and(|kind| kind.eq_ignore_ascii_case("TABLE")))
        .find_map(|link| link["name"].as_str().filter(|name| !name.is_empty() && !name.contains('/')));
    let scheme = namespace.split(':').next().unwrap_or_default();
    if NOT_TABLES.contains(&scheme) {
        return None;
    }
    let called = match symlink {
        Some(table) => table,
        None if FILES.contains(&scheme) => {
            let inner = name.trim_start_matches('/');
            let location = match namespace.contains("://") {
                true => format!("{namespace}/{inner}"),
                false => format!("{namespace}:/{inner}"),
            };
            let mapped = options.location_map.iter().find_map(|(from, to)| {
                location.strip_prefix(from.as_str()).map(|rest| format!("{to}{rest}"))
            });
            return Some(mapped.unwrap_or(location));
        }
        None => name,
    };
    let catalog = facets["catalog"]["name"].as_str().or(options.catalog.as_deref());
    let within = called.matches('.').count();
    Some(match catalog.filter(|catalog| within < 2 && !called.starts_with(&format!("{catalog}."))) {
        Some(catalog) => format!("{catalog}.{called}"),
        None => called.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn tables_are_called_as_their_catalog_calls_them() {
        let mut options = SourceOptions::default();
        options.location_map.push(("s3://old/".to_owned(), "s3://lake/".to_owned()));
        let link = |name: &str| json!({"symlinks": {"identifiers": [{"namespace": "x", "name": name, "type": "TABLE"}]}});
        let mut in_catalog = link("growth.signups");
        in_catalog["catalog"] = json!({"name": "prod"});
        let cases = [
            (
                json!({"namespace": "trino://t:443", "name": "prod.growth.signups"}),
                Some("prod.growth.signups"),
            ),
            (
                json!({"namespace": "s3://b", "name": "w/growth/signups", "facets": link("growth.signups")}),
                Some("growth.signups"),
            ),
            (
                json!({"namespace": "s3://b", "name": "w/growth/signups", "facets": in_catalog}),
                Some("prod.growth.signups"),
            ),
            (json!({"namespace": "s3://b/", "name": "/w/t"}), Some("s3://b/w/t")),
            (json!({"namespace": "s3://old", "name": "w/t"}), Some("s3://lake/w/t")),
            (json!({"namespace": "file", "name": "/tmp/t"}), Some("file:/tmp/t")),
            (json!({"namespace": "kafka://k:9092", "name": "topic"}), None),
            (json!({"namespace": "s3://b", "name": ""}), None),
            (json!({"name": "t"}), None),
            (json!(7), None),
        ];
        for (dataset, want) in cases {
            assert_eq!(table_name(&dataset, &options).as_deref(), want, "{dataset}");
        }
    }

    #[test]
    fn statistics_come_from_facets_then_from_iceberg_reports() {
        let options = SourceOptions::default();
        let mut output = json!({
            "namespace": "n", "name": "a.b.c",
            "outputFacets": {
                "outputStatistics": {"rowCount": 2, "size": 8},
                "icebergCommitReport": {"snapshotId": 77, "commitMetrics": {"addedFilesSizeInBytes": 9, "addedDataFiles": 3}},
            },
        });
        let touch = touched(&output, Access::Write, &options).unwrap().1;
        assert_eq!(
            touch,
            Touch { bytes: Some(8), rows: Some(2), files: Some(3), snapshot: Some("77".to_owned()) }
        );
        output["facets"] = json!({"lifecycleStateChange": {"lifecycleStateChange": "DROP"}});
        assert_eq!(touched(&output, Access::Write, &options), None);
    }
}
