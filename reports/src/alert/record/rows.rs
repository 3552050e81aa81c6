//! Rows of the record of alerts.

use std::collections::BTreeMap;
use std::str::FromStr;

use chrono::NaiveDate;
use model::time::Instant;
use rusqlite::{Connection, Row, params};

use crate::alert::life::{Alert, Status};
use crate::alert::{Severity, Unit};

/// Something that happened to an alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlertEvent {
    /// When it was noted.
    pub at: Instant,
    /// The closed day it is of.
    pub day: NaiveDate,
    /// What: a word of [`crate::alert::life::Step`], or `acknowledged`.
    pub step: String,
    /// More of it.
    pub note: Option<String>,
    /// Who did it, where a person did.
    pub who: Option<String>,
}

pub fn judged(connection: &Connection) -> rusqlite::Result<BTreeMap<String, NaiveDate>> {
    let mut statement = connection.prepare("select rule, next_day from alert_days")?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, parsed(row, 1)?)))?;
    rows.collect()
}

pub fn judge(connection: &Connection, rule: &str, end: NaiveDate) -> rusqlite::Result<()> {
    connection
        .execute(
            "insert into alert_days (rule, next_day) values (?, ?)
            on conflict (rule) do update set next_day = max(next_day, excluded.next_day)",
            params![rule, end.to_string()],
        )
        .map(drop)
}

/// Forgets up to where rules that are gone judged: one that comes back is new.
pub fn forget_rules(connection: &Connection, kept: &[&str]) -> rusqlite::Result<usize> {
    let kept = serde_json::Value::from(kept).to_string();
    connection.execute("delete from alert_days where rule not in (select value from json_each(?))", [kept])
}

pub fn alerts(connection: &Connection) -> rusqlite::Result<BTreeMap<String, Alert>> {
    let mut statement = connection.prepare(
        "select alert_id, rule, kind, key, team, severity, status, level, fired_on, last_on, resolved_on, value,
            threshold, unit, message, acknowledged_until, acknowledged_by, told_at, told_level, is_untold, began_at,
            newest_value, newest_threshold, below_since, name
        from alerts",
    )?;
    let rows = statement.query_map([], alert)?;
    rows.map(|row| row.map(|alert| (alert.id.clone(), alert))).collect()
}

fn alert(row: &Row<'_>) -> rusqlite::Result<Alert> {
    let (severity, status, unit): (String, String, String) = (row.get(5)?, row.get(6)?, row.get(13)?);
    let severity_of = Severity::ALL.into_iter().find(|known| known.name() == severity);
    let status_of = Status::ALL.into_iter().find(|known| known.name() == status);
    Ok(Alert {
        id: row.get(0)?,
        rule: row.get(1)?,
        kind: row.get(2)?,
        key: row.get(3)?,
        team: row.get(4)?,
        severity: severity_of.ok_or_else(|| unreadable(5, &severity))?,
        status: status_of.ok_or_else(|| unreadable(6, &status))?,
        level: row.get(7)?,
        fired_on: parsed(row, 8)?,
        last_on: parsed(row, 9)?,
        resolved_on: opt(row, 10)?,
        value: parsed(row, 11)?,
        threshold: parsed(row, 12)?,
        unit: Unit::parse(&unit).ok_or_else(|| unreadable(13, &unit))?,
        message: row.get(14)?,
        acknowledged_until: opt(row, 15)?,
        acknowledged_by: row.get(16)?,
        told_at: opt(row, 17)?,
        told_level: row.get(18)?,
        is_untold: row.get(19)?,
        began_at: parsed(row, 20)?,
        newest: opt(row, 21)?.zip(opt(row, 22)?),
        below_since: opt(row, 23)?,
        name: row.get(24)?,
    })
}

pub fn put(connection: &Connection, alert: &Alert, now: Instant) -> rusqlite::Result<()> {
    connection
        .execute(
            "insert or replace into alerts (alert_id, rule, kind, key, team, severity, status, level, fired_on,
                last_on, resolved_on, value, threshold, unit, message, acknowledged_until, acknowledged_by, told_at,
                told_level, is_untold, began_at, newest_value, newest_threshold, below_since, name, updated_at)
            values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            params![
                alert.id,
                alert.rule,
                alert.kind,
                alert.key,
                alert.team,
                alert.severity.name(),
                alert.status.name(),
                alert.level,
                alert.fired_on.to_string(),
                alert.last_on.to_string(),
                alert.resolved_on.map(|day| day.to_string()),
                alert.value.to_string(),
                alert.threshold.to_string(),
                alert.unit.name(),
                alert.message,
                alert.acknowledged_until.map(|at| at.to_rfc3339()),
                alert.acknowledged_by,
                alert.told_at.map(|at| at.to_rfc3339()),
                alert.told_level,
                alert.is_untold,
                alert.began_at.to_rfc3339(),
                alert.newest.map(|(value, _)| value.to_string()),
                alert.newest.map(|(_, threshold)| threshold.to_string()),
                alert.below_since.map(|day| day.to_string()),
                alert.name,
                now.to_rfc3339()
            ],
        )
        .map(drop)
}

/// Deletes alerts that were over before a day, with what happened to them and who was told: they do
/// not come back under another name, and nobody looks so far back.
pub fn forget(connection: &Connection, before: NaiveDate) -> rusqlite::Result<usize> {
    let gone = "select alert_id from alerts where status = 'resolved' and not is_untold and resolved_on < ?";
    for table in ["alert_events", "alert_told"] {
        let sql = format!("delete from {table} where alert_id in ({gone})");
        connection.execute(&sql, [before.to_string()])?;
    }
    connection.execute(&format!("delete from alerts where alert_id in ({gone})"), [before.to_string()])
}

pub fn event(
    connection: &Connection,
    id: &str,
    day: NaiveDate,
    step: &str,
    note: Option<&str>,
    who: Option<&str>,
    now: Instant,
) -> rusqlite::Result<()> {
    connection
        .execute(
            "insert into alert_events (alert_id, at, day, step, note, who) values (?, ?, ?, ?, ?, ?)",
            params![id, now.to_rfc3339(), day.to_string(), step, note, who],
        )
        .map(drop)
}

pub fn events(connection: &Connection, id: &str) -> rusqlite::Result<Vec<AlertEvent>> {
    let mut statement = connection
        .prepare("select at, day, step, note, who from alert_events where alert_id = ? order by rowid")?;
    let rows = statement.query_map([id], |row| {
        Ok(AlertEvent {
            at: parsed(row, 0)?,
            day: parsed(row, 1)?,
            step: row.get(2)?,
            note: row.get(3)?,
            who: row.get(4)?,
        })
    })?;
    rows.collect()
}

pub fn parsed<T: FromStr>(row: &Row<'_>, at: usize) -> rusqlite::Result<T> {
    let text: String = row.get(at)?;
    text.parse().map_err(|_| unreadable(at, &text))
}

fn opt<T: FromStr>(row: &Row<'_>, at: usize) -> rusqlite::Result<Option<T>> {
    let text: Option<String> = row.get(at)?;
    text.map(|text| text.parse().map_err(|_| unreadable(at, &text))).transpose()
}

pub fn unreadable(at: usize, text: &str) -> rusqlite::Error {
    let fault = format!("`{text}` is nothing this build writes");
    rusqlite::Error::FromSqlConversionFailure(at, rusqlite::types::Type::Text, fault.into())
}
