//! A mart's inputs and models as Parquet: what Spark needs to run the models, and the rows
//! it must find. `attribution/spark/run_models.py` reads it.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use duckdb::params;

use crate::engine::{Builder, EngineError};
use crate::models::{MODELS, Model, PORTABLE_LAYERS};
use crate::publish::PublishError;

/// The models Spark can run, in order.
pub fn portable() -> impl Iterator<Item = &'static Model> {
    MODELS.iter().filter(|model| PORTABLE_LAYERS.contains(&model.layer))
}

impl Builder {
    /// Writes landed datasets and rule tables to `inputs/`, the portable models' rows to
    /// `models/`, and to `models.txt` these models' files below `attribution/sql`, in the
    /// order they are built in.
    ///
    /// # Errors
    /// When a model was not built, or a file cannot be written.
    pub fn export(&self, directory: &Path) -> Result<(), PublishError> {
        let file = |operation, path: &Path| {
            let path = path.display().to_string();
            move |cause| PublishError::File { operation, path, cause }
        };
        let (inputs, models) = (directory.join("inputs"), directory.join("models"));
        for folder in [&inputs, &models] {
            fs::create_dir_all(folder).map_err(file("create", folder))?;
        }
        let tables = self.texts(
            "select table_name from duckdb_tables() union all
            select view_name from duckdb_views() where not internal",
            params![],
        )?;
        for table in tables.iter().filter(|table| MODELS.iter().all(|model| model.name != table.as_str())) {
            self.write_parquet(table, &inputs)?;
        }
        let mut list = String::new();
        for model in portable() {
            self.write_parquet(model.name, &models)?;
            let _ = writeln!(list, "{}/{}.sql", model.layer, model.name);
        }
        let path = directory.join("models.txt");
        fs::write(&path, list).map_err(file("write", &path))
    }

    fn write_parquet(&self, table: &str, folder: &Path) -> Result<(), EngineError> {
        // Parquet has no 128-bit integers: DuckDB would write doubles in their place.
        let columns = self.texts(
            "select case when data_type = 'HUGEINT'
                then 'cast(\"' || column_name || '\" as decimal(38, 0)) as \"' || column_name || '\"'
                else '\"' || column_name || '\"' end
            from duckdb_columns() where table_name = ? order by column_index",
            params![table],
        )?;
        let file = folder.join(format!("{table}.parquet")).display().to_string().replace('\'', "''");
        self.run(
            &format!("write `{table}` as Parquet"),
            &format!("copy (select {} from {table}) to '{file}' (format parquet)", columns.join(", ")),
        )
    }

    fn texts(&self, sql: &str, parameters: impl duckdb::Params) -> Result<Vec<String>, EngineError> {
        let failed = |cause| EngineError { operation: "list what was built".into(), cause };
        let mut statement = self.connection.prepare(sql).map_err(failed)?;
        let rows = statement.query_map(parameters, |row| row.get::<_, String>(0)).map_err(failed)?;
        rows.collect::<Result<_, _>>().map_err(failed)
    }
}
