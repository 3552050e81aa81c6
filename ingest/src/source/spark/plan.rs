//! SQL plans: which tables a plan scans and which it writes.
//!
//! Spark logs no list of tables. Names stand in the nodes' names and one-line texts, whose
//! spelling differs between table formats and Spark versions; what is read here was seen
//! in logs of Spark 2.2 to 4.1, of Iceberg and of Databricks. Scans of RAPIDS (`Gpu...`)
//! and Photon carry the same names behind a prefix.

use super::sql_events::PlanNode;

/// Accumulators of one node's metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Metrics {
    pub bytes: Option<i64>,
    pub rows: Option<i64>,
    pub files: Option<i64>,
}

/// A scanned table.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Scan {
    /// `catalog.namespace.table`, or the location of files that are no table.
    pub table: String,
    pub metrics: Metrics,
    /// It reads row positions: it looks for the rows that an `UPDATE`, `DELETE` or `MERGE`
    /// of the same table changes.
    finds_rows: bool,
}

/// A written table.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Write {
    /// As for a scan; nothing where the plan does not name its target.
    pub table: Option<String>,
    pub metrics: Metrics,
    /// The node only starts another execution, which does the writing.
    pub delegates: bool,
}

/// What a plan touches.
#[derive(Debug, Default)]
pub(super) struct Touched {
    pub scans: Vec<Scan>,
    pub writes: Vec<Write>,
    /// Locations that the plan itself says belong to a named table.
    pub locations: Vec<(String, String)>,
}

impl Touched {
    /// Walks a plan.
    pub(super) fn of(root: &PlanNode) -> Self {
        let mut touched = Self::default();
        let mut nodes = vec![root];
        while let Some(node) = nodes.pop() {
            nodes.extend(&node.children);
            touched.node(node);
        }
        touched.name_row_changes();
        touched
    }

    fn node(&mut self, node: &PlanNode) {
        let name = node.node_name.trim_start_matches("Gpu").trim_start_matches("Photon");
        if let Some(rest) = name.strip_prefix("BatchScan").or_else(|| name.strip_prefix("Scan ")) {
            if let Some(table) = scanned_table(rest.trim(), name.starts_with("Batch"), node) {
                if let (true, Some(location)) = (table.contains('.'), node_location(node))
                    && !table.contains('/')
                {
                    self.locations.push((location, table.clone()));
                }
                let finds_rows =
                    node.simple_string.contains("_pos#") && node.simple_string.contains("_spec_id#");
                self.scans.push(Scan { table, metrics: scan_metrics(node), finds_rows });
            }
        } else if let Some(write) = written_table(name, node) {
            if let Some((path, table)) = insert_location(&node.simple_string) {
                self.locations.push((path, table));
            }
            self.writes.push(write);
        }
    }

    /// A merge-on-read change (`WriteDelta`) prints no target, but it finds its rows by a
    /// scan of the same table: where there is just one such table, that is the target.
    fn name_row_changes(&mut self) {
        let mut found: Vec<&String> =
            self.scans.iter().filter(|scan| scan.finds_rows).map(|scan| &scan.table).collect();
        found.dedup();
        if let [table] = found.as_slice() {
            for write in self.writes.iter_mut().filter(|write| write.table.is_none() && !write.delegates) {
                write.table = Some((*table).clone());
            }
        }
    }
}

/// The accumulator of the first of these metrics that the node has.
fn metric(node: &PlanNode, names: &[&str]) -> Option<i64> {
    names.iter().find_map(|name| node.metrics.iter().find(|m| m.name == *name)).map(|m| m.accumulator_id)
}

fn scan_metrics(node: &PlanNode) -> Metrics {
    Metrics {
        bytes: metric(node, &["size of files read", "total data file size (bytes)"]),
        rows: metric(node, &["number of output rows"]),
        files: metric(node, &["number of files read", "number of result data files", "number of files"]),
    }
}

fn write_metrics(node: &PlanNode) -> Metrics {
    Metrics {
        bytes: metric(node, &["written output", "bytes of written output"]),
        rows: metric(node, &["number of output rows"]),
        files: metric(node, &["number of written files"]),
    }
}

/// The table of a scan: `rest` is the node's name behind `Scan` or `BatchScan`.
fn scanned_table(rest: &str, batch: bool, node: &PlanNode) -> Option<String> {
    // Iceberg's procedures scan the manifests of a table by this name: no read of its data.
    if rest.contains(".metadata.json#") {
        return None;
    }
    if rest.starts_with("JDBCRelation(") {
        return rest.split(' ').next().map(clean);
    }
    if batch && rest.is_empty() {
        // Before Spark 3.4: `BatchScan[a#1, b#2] catalog.db.table [filters=...]`
        let (_, behind) = node.simple_string.split_once("] ")?;
        let name = behind.split([' ', '[']).next().filter(|name| name.contains('.'))?;
        return Some(clean(name));
    }
    let (first, second) = match rest.split_once(' ') {
        Some((first, second)) => (first, second.trim()),
        None => (rest, ""),
    };
    if second.is_empty() {
        if batch && first.contains(['.', '/']) {
            return Some(clean(first));
        }
        // `Scan parquet ` of files that are no table; `Scan ExistingRDD` has no location.
        return node_location(node);
    }
    // `Scan parquet spark_catalog.db.table`, `Scan hive db.table`, `BatchScan parquet file:/a`
    let plain_format = first.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    (plain_format && !second.contains(' ')).then(|| clean(second))
}

/// A name without its backticks.
fn clean(name: &str) -> String {
    name.replace('`', "")
}

/// The location in a scan's metadata: `InMemoryFileIndex(2 paths)[file:/a/x=1, file:/a/x=2]`.
fn node_location(node: &PlanNode) -> Option<String> {
    let text = node.metadata.location.as_deref()?;
    let inside = text.split_once('[')?.1;
    let cut = !inside.ends_with(']') || inside.ends_with("...]");
    let inside = inside.trim_end_matches(']').trim_end_matches("...");
    let mut paths: Vec<&str> = inside.split(", ").map(str::trim).filter(|path| !path.is_empty()).collect();
    if cut && paths.len() > 1 {
        // Spark abbreviates long lists in the middle of a path.
        paths.pop();
    }
    let (first, others) = paths.split_first()?;
    let common = others.iter().fold(*first, |common, path| common_directory(common, path));
    Some(table_directory(common).to_owned()).filter(|path| !path.is_empty())
}

fn common_directory<'a>(left: &'a str, right: &str) -> &'a str {
    let mut end = 0;
    for (at, segment) in left.split_inclusive('/').scan(0, |at, segment| {
        let from = *at;
        *at += segment.len();
        Some((from, segment))
    }) {
        let whole = segment.trim_end_matches('/');
        let same = right.get(at..).is_some_and(|rest| {
            rest.strip_prefix(whole).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        });
        if !same {
            break;
        }
        end = at + whole.len();
    }
    left[..end].trim_end_matches('/')
}

/// A path without the directories of partitions (`key=value`) at its end.
fn table_directory(path: &str) -> &str {
    let mut path = path.trim_end_matches('/');
    while let Some((parent, last)) = path.rsplit_once('/')
        && last.contains('=')
    {
        path = parent;
    }
    path
}

/// The target of a node that writes; nothing for a node that does not.
fn written_table(name: &str, node: &PlanNode) -> Option<Write> {
    let text = node.simple_string.as_str();
    let write = |table: Option<String>, delegates| Write { table, metrics: write_metrics(node), delegates };
    let command = name.strip_prefix("Execute ").unwrap_or(name);
    match command {
        "AppendData"
        | "OverwriteByExpression"
        | "OverwritePartitionsDynamic"
        | "ReplaceData"
        | "WriteDelta"
        | "AppendDataExecV1"
        | "OverwriteByExpressionExecV1" => Some(write(write_argument(text), false)),
        "InsertIntoHadoopFsRelationCommand" => {
            let path = text.split_once(command)?.1.trim_start().split(',').next()?;
            let target = insert_location(text).map(|(_, table)| table);
            Some(write(target.or_else(|| Some(table_directory(path).to_owned())), false))
        }
        "InsertIntoHiveTable"
        | "CreateDataSourceTableAsSelectCommand"
        | "CreateHiveTableAsSelectCommand"
        | "OptimizedCreateHiveTableAsSelectCommand"
        | "SaveAsV1TableCommand" => {
            let target = text.split_once(command).and_then(|(_, rest)| quoted_name(rest));
            Some(write(target, command != "InsertIntoHiveTable"))
        }
        "SaveIntoDataSourceCommand" => {
            let path = text.split_once("path -> ")?.1.split([',', ')']).next()?;
            Some(write(Some(clean(path)), false))
        }
        "AtomicCreateTableAsSelect"
        | "CreateTableAsSelect"
        | "AtomicReplaceTableAsSelect"
        | "ReplaceTableAsSelect" => Some(write(create_target(text), true)),
        _ => None,
    }
}

/// `IcebergWrite(table=lake.db.t, format=PARQUET)`
fn write_argument(text: &str) -> Option<String> {
    let rest = text.split_once("Write(table=")?.1;
    rest.split([',', ')']).next().map(clean).filter(|name| !name.is_empty())
}

/// A leading name in backticks: `` `db`.`table`, Overwrite, ...``
fn quoted_name(text: &str) -> Option<String> {
    let name = text.trim_start().split(", ").next()?;
    (name.starts_with('`') && name.ends_with('`')).then(|| clean(name))
}

/// The identifier of a `CREATE TABLE AS SELECT`: the second argument, or the one behind an
/// output list; the catalog before it where it prints its name.
fn create_target(text: &str) -> Option<String> {
    let arguments = text.split_once(' ')?.1;
    let arguments = match arguments.strip_prefix('[') {
        Some(listed) => listed.split_once("], ")?.1,
        None => arguments,
    };
    let mut arguments = arguments.split(", ");
    let catalog = arguments.next()?;
    let table = arguments.next().map(clean).filter(|name| !name.is_empty() && !name.contains(' '))?;
    // `V2SessionCatalog(spark_catalog)` names itself, `SparkCatalog@7ab189f1` does not.
    match catalog.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')')) {
        Some(catalog) => Some(format!("{catalog}.{table}")),
        None => Some(table),
    }
}

/// Path and table of an insert into a table of files, whose text ends with
/// `` `spark_catalog`.`db`.`t`, ...CatalogFileIndex(file:/path), [columns]``.
fn insert_location(text: &str) -> Option<(String, String)> {
    let rest = text.split_once("InsertIntoHadoopFsRelationCommand ")?.1;
    let path = rest.split(',').next()?;
    let table = rest.split(", ").find_map(quoted_name)?;
    Some((table_directory(path).to_owned(), table))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(value: serde_json::Value) -> Touched {
        Touched::of(&serde_json::from_value(value).unwrap())
    }

    fn scan(name: &str, text: &str, location: Option<&str>) -> Vec<String> {
        let metadata = location.map_or(serde_json::json!({}), |at| serde_json::json!({ "Location": at }));
        let node = serde_json::json!({"nodeName": name, "simpleString": text, "children": [], "metadata": metadata, "metrics": []});
        plan(node).scans.into_iter().map(|scan| scan.table).collect()
    }

    fn write(name: &str, text: &str) -> Vec<Option<String>> {
        let node = serde_json::json!({"nodeName": name, "simpleString": text, "children": [], "metadata": {}, "metrics": []});
        plan(node).writes.into_iter().map(|write| write.table).collect()
    }

    #[test]
    fn scans_are_named_as_their_engine_names_them() {
        for (name, text, location, want) in [
            ("BatchScan lake.mor.state", "", None, Some("lake.mor.state")),
            ("BatchScan", "BatchScan[a#1, b#2] lake.db.t [filters=a IS NOT NULL]", None, Some("lake.db.t")),
            ("BatchScan file:/w/metadata/v15.metadata.json#all_manifests", "", None, None),
            (
                "Scan parquet spark_catalog.dse.`rank`",
                "",
                Some("InMemoryFileIndex(1 paths)[file:/w/r]"),
                Some("spark_catalog.dse.rank"),
            ),
            ("GpuScan parquet db.t", "", None, Some("db.t")),
            ("Scan hive default.t", "", None, Some("default.t")),
            (
                "Scan parquet ",
                "",
                Some("InMemoryFileIndex(1 paths)[file:/data/plays/ds=5]"),
                Some("file:/data/plays"),
            ),
            ("Scan text ", "", Some("InMemoryFileIndex[file:/data/a.csv]"), Some("file:/data/a.csv")),
            (
                "Scan parquet ",
                "",
                Some("InMemoryFileIndex(3 paths)[s3://b/t/d=1, s3://b/t/d=2, s3://b/t/d..."),
                Some("s3://b/t"),
            ),
            (
                "Scan json ",
                "",
                Some("InMemoryFileIndex(2 paths)[s3://b/x/1.json, s3://b/y/2.json]"),
                Some("s3://b"),
            ),
            ("Scan json ", "", Some("InMemoryFileIndex(2 paths)[s3://b/xa, s3://b/xb]"), Some("s3://b")),
            ("Scan JDBCRelation(TBLS) [numPartitions=1] ", "", None, Some("JDBCRelation(TBLS)")),
            ("Scan ExistingRDD Delta Table State #1 - abfss://c/_delta_log", "", None, None),
            ("Scan OneRowRelation", "", None, None),
            ("Scan", "Scan[obj#3]", None, None),
            ("LocalTableScan", "", None, None),
            ("InMemoryTableScan", "", None, None),
        ] {
            assert_eq!(scan(name, text, location).first().map(String::as_str), want, "{name} {text}");
        }
    }

    #[test]
    fn writes_are_named_by_table_before_path() {
        let insert = "Execute InsertIntoHadoopFsRelationCommand";
        for (name, text, want) in [
            (
                "AppendData",
                "AppendData org.apache.Lambda$22/0x7@6a, IcebergWrite(table=lake.db.t, format=PARQUET)",
                Some("lake.db.t"),
            ),
            (
                insert,
                "Execute InsertIntoHadoopFsRelationCommand file:/w/t_fatou, false, Parquet, [path=file:/w/t_fatou], Overwrite, [id]",
                Some("file:/w/t_fatou"),
            ),
            (
                insert,
                "Execute InsertIntoHadoopFsRelationCommand file:/w/r, [c=99], false, [c#2L], Parquet, [path=file:/w/r], Overwrite, `spark_catalog`.`dse`.`rank`, org.CatalogFileIndex(file:/w/r), [a]",
                Some("spark_catalog.dse.rank"),
            ),
            (
                "Execute CreateDataSourceTableAsSelectCommand",
                "Execute CreateDataSourceTableAsSelectCommand `default`.`final`, Overwrite, [a, b]",
                Some("default.final"),
            ),
            (
                "Execute CreateDataSourceTableAsSelectCommand",
                "Execute CreateDataSourceTableAsSelectCommand",
                None,
            ),
            (
                "AtomicCreateTableAsSelect",
                "AtomicCreateTableAsSelect org.SparkCatalog@7ab, etl.country_day, Aggregate [a]",
                Some("etl.country_day"),
            ),
            (
                "AtomicReplaceTableAsSelect",
                "AtomicReplaceTableAsSelect [n#1L, m#2L], com.Proxy@4a, default.people, Relation",
                Some("default.people"),
            ),
            (
                "CreateTableAsSelect",
                "CreateTableAsSelect V2SessionCatalog(spark_catalog), db.t, Project",
                Some("spark_catalog.db.t"),
            ),
            (
                "Execute SaveIntoDataSourceCommand",
                "Execute SaveIntoDataSourceCommand org.delta.Source@1, Map(path -> s3://b/t), Append",
                Some("s3://b/t"),
            ),
            ("WriteDelta", "WriteDelta org.apache.iceberg.spark.source.SparkPositionDeltaWrite@3377", None),
        ] {
            assert_eq!(write(name, text), [want.map(str::to_owned)], "{text}");
        }
        assert!(write("Execute CreateViewCommand", "Execute CreateViewCommand").is_empty());
        assert!(write("WriteToDataSourceV2", "WriteToDataSourceV2 MicroBatchWrite[epoch: 0]").is_empty());
    }

    #[test]
    fn a_row_change_takes_its_target_from_the_scan_that_finds_the_rows() {
        let node = |name: &str, text: &str, children: Vec<serde_json::Value>| serde_json::json!({"nodeName": name, "simpleString": text, "children": children, "metadata": {}, "metrics": []});
        let target =
            node("BatchScan lake.a.t", "BatchScan lake.a.t[x#1, _file#2, _pos#3L, _spec_id#4] ...", vec![]);
        let other = node("BatchScan lake.b.u", "BatchScan lake.b.u[y#1]", vec![]);
        let delta =
            |children| plan(node("WriteDelta", "WriteDelta org.SparkPositionDeltaWrite@3", children)).writes;
        assert_eq!(delta(vec![target.clone(), other.clone()])[0].table.as_deref(), Some("lake.a.t"));
        assert_eq!(delta(vec![other])[0].table, None);
        let second = node("BatchScan lake.c.v", "BatchScan lake.c.v[_pos#3L, _spec_id#4]", vec![]);
        assert_eq!(delta(vec![target, second])[0].table, None);
    }
}
