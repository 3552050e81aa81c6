//! Who is signed in to the dashboard, in `state.sqlite`, so that a restart signs nobody out. Of
//! a session's id and of the token that opened it only hashes are kept: whoever reads the file
//! can be nobody.

use std::path::Path;

use model::time::Instant;
use rusqlite::{Connection, Row, params};

use crate::lifecycle::STATE;

const SCHEMA: &str = "
    create table if not exists sessions (
        session_hash text primary key, login_hash text not null, token_hash text not null,
        issued_ms integer not null, used_ms integer not null, ends_ms integer not null,
        is_replaced integer not null
    ) strict;";

/// Why the record could not be kept.
#[derive(Debug, thiserror::Error)]
#[error("could not {operation} `{path}`")]
pub struct SessionError {
    operation: &'static str,
    path: String,
    #[source]
    cause: rusqlite::Error,
}

/// One id of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRow {
    /// Hash of the id.
    pub session_hash: String,
    /// Hash of the id that signing in gave: ids of one are ended together.
    pub login_hash: String,
    /// Hash of the token it was opened with, as the configuration has it.
    pub token_hash: String,
    /// When the id was given.
    pub issued_at: Instant,
    /// When it was noted last that it is used.
    pub used_at: Instant,
    /// When it ends whatever happens.
    pub ends_at: Instant,
    /// Whether another id took its place.
    pub is_replaced: bool,
}

fn open(ledger: &Path) -> Result<Connection, SessionError> {
    let path = ledger.join(STATE);
    crate::state::open(&path, SCHEMA).map_err(failed(ledger, "open the record of sessions"))
}

fn failed(ledger: &Path, operation: &'static str) -> impl Fn(rusqlite::Error) -> SessionError + use<> {
    let path = ledger.join(STATE).display().to_string();
    move |cause| SessionError { operation, path: path.clone(), cause }
}

/// The ids that have not ended; none of a ledger without a record.
///
/// # Errors
/// When the record cannot be read.
pub fn live(ledger: &Path, now: Instant) -> Result<Vec<SessionRow>, SessionError> {
    if !ledger.join(STATE).is_file() {
        return Ok(Vec::new());
    }
    let failed = failed(ledger, "read the record of sessions");
    let connection = open(ledger)?;
    let mut statement = connection
        .prepare(
            "select session_hash, login_hash, token_hash, issued_ms, used_ms, ends_ms, is_replaced
            from sessions where ends_ms > ?",
        )
        .map_err(&failed)?;
    let rows = statement.query_map([now.timestamp_millis()], read).map_err(&failed)?;
    rows.collect::<Result<_, _>>().map_err(&failed)
}

fn read(row: &Row<'_>) -> rusqlite::Result<SessionRow> {
    Ok(SessionRow {
        session_hash: row.get(0)?,
        login_hash: row.get(1)?,
        token_hash: row.get(2)?,
        issued_at: moment(row, 3)?,
        used_at: moment(row, 4)?,
        ends_at: moment(row, 5)?,
        is_replaced: row.get(6)?,
    })
}

fn moment(row: &Row<'_>, at: usize) -> rusqlite::Result<Instant> {
    let ms = row.get(at)?;
    chrono::DateTime::from_timestamp_millis(ms).ok_or(rusqlite::Error::IntegralValueOutOfRange(at, ms))
}

/// Notes ids, and forgets those that have ended.
///
/// # Errors
/// When the record cannot be written.
pub fn keep(ledger: &Path, rows: &[SessionRow], now: Instant) -> Result<(), SessionError> {
    let failed = failed(ledger, "write the record of sessions");
    let mut connection = open(ledger)?;
    let transaction = connection.transaction().map_err(&failed)?;
    transaction
        .execute("delete from sessions where ends_ms <= ?", [now.timestamp_millis()])
        .map_err(&failed)?;
    for row in rows {
        transaction
            .execute(
                "insert or replace into sessions values (?, ?, ?, ?, ?, ?, ?)",
                params![
                    row.session_hash,
                    row.login_hash,
                    row.token_hash,
                    row.issued_at.timestamp_millis(),
                    row.used_at.timestamp_millis(),
                    row.ends_at.timestamp_millis(),
                    row.is_replaced
                ],
            )
            .map_err(&failed)?;
    }
    transaction.commit().map_err(&failed)
}

/// Forgets all ids of a session.
///
/// # Errors
/// When the record cannot be written.
pub fn end(ledger: &Path, login_hash: &str) -> Result<(), SessionError> {
    let ended = open(ledger)?.execute("delete from sessions where login_hash = ?", [login_hash]);
    ended.map(drop).map_err(failed(ledger, "write the record of sessions"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_kept_until_they_end_or_are_ended() {
        let directory = tempfile::tempdir().unwrap();
        let ledger = directory.path();
        let at = |time: &str| format!("2026-10-07T{time}Z").parse::<Instant>().unwrap();
        let row = |id: &str, login: &str, ends: &str| SessionRow {
            session_hash: id.to_owned(),
            login_hash: login.to_owned(),
            token_hash: "t".to_owned(),
            issued_at: at("06:00:00"),
            used_at: at("06:10:00.250"),
            ends_at: at(ends),
            is_replaced: id == "a",
        };
        assert_eq!(live(ledger, at("06:00:00")).unwrap(), []);
        assert!(!ledger.join(STATE).exists(), "looking makes no file");
        let rows = [row("a", "a", "06:20:00"), row("b", "a", "18:00:00"), row("c", "c", "18:00:00")];
        keep(ledger, &rows, at("06:10:00")).unwrap();
        assert_eq!(live(ledger, at("06:10:00")).unwrap(), rows);
        assert_eq!(live(ledger, at("06:20:00")).unwrap(), rows[1..], "one has ended");
        end(ledger, "a").unwrap();
        assert_eq!(live(ledger, at("06:10:00")).unwrap(), rows[2..]);
        let later = SessionRow { used_at: at("06:30:00"), ..rows[2].clone() };
        keep(ledger, std::slice::from_ref(&later), at("06:30:00")).unwrap();
        assert_eq!(live(ledger, at("06:30:00")).unwrap(), [later]);
    }
}
