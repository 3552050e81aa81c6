//! `state.sqlite`: what must survive between processes, in one file for all its records.

use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;

/// How long a process that asks waits for one that writes.
const WAIT: Duration = Duration::from_secs(30);

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
