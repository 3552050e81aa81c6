//! Questions to a mart's file: connections, and the values of rows.

use std::sync::{Mutex, PoisonError};

use chrono::NaiveDate;
use duckdb::Connection;
use model::Currency;
use model::time::Instant;

use super::{Mart, MartError};

/// Most connections that are kept while nobody asks; each keeps the plans of its last questions.
const MOST_IDLE: usize = 8;

/// Connections to one mart, each used by one question at a time and then by the next.
pub(super) struct Connections {
    first: Mutex<Connection>,
    idle: Mutex<Vec<Connection>>,
    /// What each is told before it is asked anything.
    views: String,
}

impl Connections {
    pub fn new(first: Connection, views: String) -> Self {
        Self { first: Mutex::new(first), idle: Mutex::default(), views }
    }

    pub fn take(&self) -> Result<Connection, duckdb::Error> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        match idle {
            Some(connection) => Ok(connection),
            None => {
                let connection = self.another()?;
                connection.execute_batch(&self.views)?;
                Ok(connection)
            }
        }
    }

    /// A connection that was told nothing yet.
    pub fn another(&self) -> Result<Connection, duckdb::Error> {
        self.first.lock().unwrap_or_else(PoisonError::into_inner).try_clone()
    }

    pub fn give_back(&self, connection: Connection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < MOST_IDLE {
            idle.push(connection);
        }
    }
}

/// A row of an answer, with typed access; texts the mart never writes are errors, not panics.
pub(super) struct Answer<'r, 's> {
    row: &'r duckdb::Row<'s>,
    mart: &'r str,
}

impl Answer<'_, '_> {
    pub fn get<T: duckdb::types::FromSql>(&self, at: usize) -> Result<T, MartError> {
        self.row.get(at).map_err(|cause| MartError::Query {
            operation: "read a value of",
            mart: self.mart.to_owned(),
            cause: Box::new(cause),
        })
    }

    pub fn text(&self, at: usize) -> Result<String, MartError> {
        self.get(at)
    }

    /// A text that is only looked at.
    pub fn str(&self, at: usize) -> Result<Option<&str>, MartError> {
        let failed = |cause| MartError::Query {
            operation: "read a value of",
            mart: self.mart.to_owned(),
            cause: Box::new(cause),
        };
        let value = self.row.get_ref(at).map_err(failed)?;
        match value {
            duckdb::types::ValueRef::Null => Ok(None),
            value => value.as_str().map(Some).map_err(|cause| failed(cause.into())),
        }
    }

    pub fn opt_text(&self, at: usize) -> Result<Option<String>, MartError> {
        self.get(at)
    }

    pub fn int(&self, at: usize) -> Result<i64, MartError> {
        self.get(at)
    }

    pub fn parsed<T: std::str::FromStr>(&self, at: usize, expected: &'static str) -> Result<T, MartError> {
        let text = self.str(at)?.unwrap_or_default();
        text.parse().map_err(|_| MartError::Value {
            mart: self.mart.to_owned(),
            value: text.to_owned(),
            expected,
        })
    }

    pub fn amount(&self, at: usize) -> Result<model::Amount, MartError> {
        self.parsed(at, "an amount")
    }

    pub fn opt_amount(&self, at: usize) -> Result<Option<model::Amount>, MartError> {
        Ok(match self.opt_text(at)? {
            Some(_) => Some(self.amount(at)?),
            None => None,
        })
    }

    pub fn currency(&self, at: usize) -> Result<Currency, MartError> {
        self.parsed(at, "a currency")
    }

    pub fn opt_day(&self, at: usize) -> Result<Option<NaiveDate>, MartError> {
        Ok(match self.opt_text(at)? {
            Some(_) => Some(self.parsed(at, "a day")?),
            None => None,
        })
    }

    pub fn opt_instant(&self, at: usize) -> Result<Option<Instant>, MartError> {
        let micros: Option<i64> = self.get(at)?;
        Ok(micros.and_then(chrono::DateTime::from_timestamp_micros))
    }

    pub fn instant(&self, at: usize) -> Result<Instant, MartError> {
        self.opt_instant(at)?.ok_or_else(|| MartError::Value {
            mart: self.mart.to_owned(),
            value: "null".into(),
            expected: "an instant",
        })
    }
}

impl Mart {
    /// Runs one query and maps its rows.
    pub(super) fn ask<T>(
        &self,
        operation: &'static str,
        sql: &str,
        parameters: Vec<duckdb::types::Value>,
        map: impl Fn(&Answer<'_, '_>) -> Result<T, MartError>,
    ) -> Result<Vec<T>, MartError> {
        // A connection of its own for each question, so that readers do not wait for one another.
        let connection = self.connections.take().map_err(|cause| self.failed(operation, cause))?;
        let answers = ask_on(&connection, &self.info.id, operation, sql, parameters, map)?;
        self.connections.give_back(connection);
        Ok(answers)
    }

    /// Runs a statement that answers nothing.
    pub(super) fn run(&self, sql: &str) -> Result<(), MartError> {
        let connection = self.connections.take().map_err(|cause| self.failed("set up", cause))?;
        connection.execute_batch(sql).map_err(|cause| self.failed("set up", cause))?;
        self.connections.give_back(connection);
        Ok(())
    }

    /// Runs one query and hands on its rows one by one, of which there may be many.
    pub(super) fn each(
        &self,
        operation: &'static str,
        sql: &str,
        mut take: impl FnMut(&Answer<'_, '_>) -> Result<(), MartError>,
    ) -> Result<(), MartError> {
        let failed = |cause| self.failed(operation, cause);
        let connection = self.connections.take().map_err(failed)?;
        {
            let mut statement = connection.prepare(sql).map_err(failed)?;
            let mut rows = statement.query([]).map_err(failed)?;
            while let Some(row) = rows.next().map_err(failed)? {
                take(&Answer { row, mart: &self.info.id })?;
            }
        }
        self.connections.give_back(connection);
        Ok(())
    }

    pub(super) fn failed(&self, operation: &'static str, cause: duckdb::Error) -> MartError {
        MartError::Query { operation, mart: self.info.id.clone(), cause: Box::new(cause) }
    }
}

/// Runs one query on a connection and maps its rows.
pub(super) fn ask_on<T>(
    connection: &Connection,
    mart: &str,
    operation: &'static str,
    sql: &str,
    parameters: Vec<duckdb::types::Value>,
    map: impl Fn(&Answer<'_, '_>) -> Result<T, MartError>,
) -> Result<Vec<T>, MartError> {
    let failed = |cause| MartError::Query { operation, mart: mart.to_owned(), cause: Box::new(cause) };
    let mut statement = connection.prepare_cached(sql).map_err(failed)?;
    let mut rows = statement.query(duckdb::params_from_iter(parameters)).map_err(failed)?;
    let mut answers = Vec::new();
    while let Some(row) = rows.next().map_err(failed)? {
        answers.push(map(&Answer { row, mart })?);
    }
    Ok(answers)
}
