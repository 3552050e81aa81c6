//! Rows of the record: how findings and what happened to them are written and read.

use attribution::mart::Finding;
use chrono::{Days, NaiveDate};
use model::time::Instant;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::{Realised, Status, Tracked};

/// Whether what was decided on a finding is what it was when it was read; of none, that it is still unknown.
pub(super) fn is_as_read(
    connection: &Connection,
    id: &str,
    read: Option<&Tracked>,
) -> rusqlite::Result<bool> {
    let now: Option<(String, Option<String>)> = connection
        .query_row("select status, snoozed_until from findings where finding_id = ?", [id], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?;
    let then = read.map(|it| (it.status.name().to_owned(), it.snoozed_until.map(|day| day.to_string())));
    Ok(now == then)
}

pub(super) fn write_finding(
    connection: &Connection,
    finding: &Finding,
    status: Status,
    now: Instant,
) -> rusqlite::Result<usize> {
    let last = finding.end_day - Days::new(1);
    let resolved = (status == Status::Resolved).then(|| finding.end_day.to_string());
    connection.execute(
        "insert into findings (finding_id, detector, subject_kind, subject, team, currency, status, opened_on,
            last_seen_on, resolved_on, promised_saving, updated_at)
        values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        on conflict (finding_id) do update set team = excluded.team, status = excluded.status,
            last_seen_on = excluded.last_seen_on, resolved_on = excluded.resolved_on,
            promised_saving = excluded.promised_saving, updated_at = excluded.updated_at,
            baseline_from = null, baseline_to = null, baseline_cost = null,
            measured_from = null, measured_to = null, measured_cost = null,
            snoozed_until = case when excluded.status = 'snoozed' then snoozed_until end",
        params![
            finding.id,
            finding.detector,
            finding.subject_kind,
            finding.subject,
            finding.team,
            finding.currency.to_string(),
            status.name(),
            finding.first_day.to_string(),
            last.to_string(),
            resolved,
            finding.net_saving.to_string(),
            now.to_rfc3339()
        ],
    )
}

pub(super) fn event(
    connection: &Connection,
    id: &str,
    status: Status,
    note: Option<&str>,
    who: Option<&str>,
    now: Instant,
) -> rusqlite::Result<usize> {
    connection.execute(
        "insert into finding_events (finding_id, at, status, note, who) values (?, ?, ?, ?, ?)",
        params![id, now.to_rfc3339(), status.name(), note, who],
    )
}

pub(super) fn tracked_row(row: &rusqlite::Row<'_>) -> rusqlite::Result<Tracked> {
    let finding_id: String = row.get(0)?;
    let realised = (|| -> rusqlite::Result<Option<Realised>> {
        let (Some(from), Some(to), Some(cost)) = (opt::<NaiveDate>(row, 14)?, opt(row, 15)?, opt(row, 16)?)
        else {
            return Ok(None);
        };
        let (Some(since), Some(until), Some(after)) =
            (opt::<NaiveDate>(row, 17)?, opt(row, 18)?, opt(row, 19)?)
        else {
            return Ok(None);
        };
        Ok(Some(Realised {
            baseline: (from, to),
            baseline_cost: cost,
            measured: (since, until),
            measured_cost: after,
        }))
    })()?;
    let word: String = row.get(6)?;
    let status = Status::ALL.into_iter().find(|known| known.name() == word);
    Ok(Tracked {
        finding_id,
        detector: row.get(1)?,
        subject_kind: row.get(2)?,
        subject: row.get(3)?,
        team: row.get(4)?,
        currency: parsed(row, 5)?,
        status: status.ok_or_else(|| unreadable(6, &word))?,
        assignee: row.get(7)?,
        snoozed_until: opt(row, 8)?,
        reason: row.get(9)?,
        opened_on: parsed(row, 10)?,
        last_seen_on: parsed(row, 11)?,
        resolved_on: opt(row, 12)?,
        promised_saving: parsed(row, 13)?,
        realised,
    })
}

fn unreadable(at: usize, text: &str) -> rusqlite::Error {
    let fault = format!("`{text}` is nothing this build writes");
    rusqlite::Error::FromSqlConversionFailure(at, rusqlite::types::Type::Text, fault.into())
}

fn parsed<T: std::str::FromStr>(row: &rusqlite::Row<'_>, at: usize) -> rusqlite::Result<T> {
    let text: String = row.get(at)?;
    text.parse().map_err(|_| unreadable(at, &text))
}

fn opt<T: std::str::FromStr>(row: &rusqlite::Row<'_>, at: usize) -> rusqlite::Result<Option<T>> {
    let text: Option<String> = row.get(at).optional().map(Option::flatten)?;
    text.map(|text| text.parse().map_err(|_| unreadable(at, &text))).transpose()
}
