//! `state.sqlite`: what must survive between processes, in one file for all its records.

use std::io;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, TransactionBehavior};

/// How long a process that asks waits for one that writes.
const WAIT: Duration = Duration::from_secs(30);

/// A record could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("could not {operation} `{path}`")]
pub struct StateError {
    /// What was being done.
    pub operation: &'static str,
    /// The file.
    pub path: String,
    /// Why.
    #[source]
    pub cause: rusqlite::Error,
}

impl StateError {
    /// What an operation on a file failed with.
    pub(crate) fn of(operation: &'static str, path: &Path) -> impl Fn(rusqlite::Error) -> Self + use<> {
        let path = path.display().to_string();
        move |cause| Self { operation, path: path.clone(), cause }
    }
}

/// A lock beside the records could not be taken.
#[derive(Debug, thiserror::Error)]
#[error("could not lock `{path}`")]
pub struct LockError {
    /// The file.
    pub path: String,
    /// Why.
    #[source]
    pub cause: io::Error,
}

impl LockError {
    /// What locking a file failed with.
    pub(crate) fn of(path: &Path, cause: io::Error) -> Self {
        Self { path: path.display().to_string(), cause }
    }
}

/// Opens the file with the tables of one record, which are made where there are none. What is
/// written survives the power going: `full` is what SQLite does unless built otherwise.
///
/// # Errors
/// When the file cannot be opened or is of another kind.
pub(crate) fn open(path: &Path, schema: &str) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(WAIT)?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.execute_batch(schema)?;
    Ok(connection)
}

/// Drops a table that an earlier build kept.
///
/// # Errors
/// When the file cannot be written.
pub(crate) fn drop_table(connection: &Connection, table: &str) -> rusqlite::Result<()> {
    // Asked first: to write takes a lock that readers need not wait for.
    let sql = "select count(*) from sqlite_master where type = 'table' and name = ?";
    match connection.query_row(sql, [table], |row| row.get::<_, i64>(0))? {
        0 => Ok(()),
        _ => connection.execute_batch(&format!("drop table if exists {table}")),
    }
}

/// Adds columns that a table of an earlier build lacks; each as `name type`. Two processes may do so
/// at once.
///
/// # Errors
/// When the file cannot be written.
pub(crate) fn add_columns(
    connection: &mut Connection,
    table: &str,
    columns: &[&str],
) -> rusqlite::Result<()> {
    let lacks = |connection: &Connection, column: &str| {
        let name = column.split_whitespace().next().unwrap_or_default();
        let sql = "select count(*) from pragma_table_info(?) where name = ?";
        connection.query_row(sql, [table, name], |row| Ok(row.get::<_, i64>(0)? == 0))
    };
    // Asked first: to write takes a lock that readers need not wait for.
    let mut any = false;
    for column in columns {
        any |= lacks(connection, column)?;
    }
    if !any {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for column in columns {
        if lacks(&transaction, column)? {
            transaction.execute(&format!("alter table {table} add column {column}"), [])?;
        }
    }
    transaction.commit()
}
