//! Costs as CSV, JSON and workbooks, for other programs and for spreadsheets; Parquet is
//! written by the engine ([`attribution::mart::Export::parquet`]).
//!
//! The columns are named after the dimensions asked for (`service`, `day`,
//! `tag:team`), then `currency` and `cost`. A cost is an exact decimal text
//! without exponent or trailing zeros. Rows are sorted by their dimensions; one
//! per group and currency, and those without a value say `(none)`. They are
//! written as they come, so that memory does not grow with them.
//!
//! CSV is RFC 4180: comma, CRLF, quotes where needed, a header line always. A
//! dimension's text that a spreadsheet would run as a formula gets a `'` before
//! it ([`crate::cell`]); `currency` and `cost` are never touched. JSON has
//! every text as it is.

mod objects;
pub mod period;
mod stream;
mod xlsx;

use std::io::{self, Write};

use attribution::mart::{Change, CostQuery, CostRow, CoverageRow, NONE};

use crate::cell;

pub use objects::objects_csv;
pub use stream::{ExportError, Put, Rows, check, csv, json};
pub use xlsx::xlsx;

/// Writes ownership coverage as CSV: `day,team,claimed_by,confidence,currency,cost`.
///
/// # Errors
/// What the output says.
pub fn coverage_csv(rows: &[CoverageRow], out: &mut dyn Write) -> io::Result<()> {
    let (head, rows) = coverage(rows);
    write_csv(&head, &rows, out)
}

/// Writes ownership coverage as a JSON array, one object a line; every value is a text.
///
/// # Errors
/// What the output says.
pub fn coverage_json(rows: &[CoverageRow], out: &mut dyn Write) -> io::Result<()> {
    let (head, rows) = coverage(rows);
    write_json(&head, &rows, out)
}

fn coverage(rows: &[CoverageRow]) -> (Vec<String>, Vec<CostRow>) {
    let head = ["day", "team", "claimed_by", "confidence", "currency", "cost"].map(str::to_owned);
    let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| NONE.to_owned());
    let rows = rows.iter().map(|row| CostRow {
        keys: vec![row.day.to_string(), or_none(&row.team), or_none(&row.claimed_by), row.confidence.clone()],
        currency: row.currency,
        cost: row.cost,
    });
    (head.into(), rows.collect())
}

fn write_csv(head: &[String], rows: &[CostRow], out: &mut dyn Write) -> io::Result<()> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(out);
    let write = |writer: &mut csv::Writer<_>, cells: Vec<&str>| writer.write_record(cells).map_err(csv_io);
    write(&mut writer, head.iter().map(String::as_str).collect())?;
    for row in rows {
        let keys: Vec<_> = row.keys.iter().map(|key| cell::text(key)).collect();
        let (currency, cost) = (row.currency.to_string(), row.cost.to_string());
        write(
            &mut writer,
            keys.iter().map(AsRef::as_ref).chain([currency.as_str(), cost.as_str()]).collect(),
        )?;
    }
    writer.flush()
}

fn write_json(head: &[String], rows: &[CostRow], out: &mut dyn Write) -> io::Result<()> {
    out.write_all(b"[")?;
    for (i, row) in rows.iter().enumerate() {
        out.write_all(if i == 0 { b"\n{" } else { b",\n{" })?;
        let (currency, cost) = (row.currency.to_string(), row.cost.to_string());
        let values = row.keys.iter().chain([&currency, &cost]);
        for (j, (name, value)) in head.iter().zip(values).enumerate() {
            out.write_all(if j == 0 { b"" } else { b"," })?;
            serde_json::to_writer(&mut *out, name)?;
            out.write_all(b":")?;
            serde_json::to_writer(&mut *out, value)?;
        }
        out.write_all(b"}")?;
    }
    out.write_all(if rows.is_empty() { b"]\n" } else { b"\n]\n" })?;
    out.flush()
}

/// Columns of a change after those of its dimensions.
const CHANGE_COLUMNS: [&str; 14] = [
    "currency",
    "before",
    "now",
    "change",
    "volume",
    "efficiency",
    "price",
    "moved",
    "new",
    "gone",
    "other",
    "runs_before",
    "runs_now",
    "reason",
];

/// Writes changes as CSV: exact decimals that add up, `reason` in words.
///
/// # Errors
/// As [`costs_csv`].
pub fn changes_csv(query: &CostQuery, changes: &[Change], out: &mut dyn Write) -> io::Result<()> {
    let head = dimensions(query)?;
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(out);
    writer.write_record(head.iter().map(String::as_str).chain(CHANGE_COLUMNS)).map_err(csv_io)?;
    for change in changes {
        let keys = change.keys.iter().map(|key| cell::text(key).into_owned());
        writer.write_record(keys.chain(values(change))).map_err(csv_io)?;
    }
    writer.flush()
}

/// Writes changes as a JSON array, one object a line; every value is a text.
///
/// # Errors
/// As [`costs_json`].
pub fn changes_json(query: &CostQuery, changes: &[Change], out: &mut dyn Write) -> io::Result<()> {
    let head = dimensions(query)?;
    let names: Vec<&str> = head.iter().map(String::as_str).chain(CHANGE_COLUMNS).collect();
    out.write_all(b"[")?;
    for (i, change) in changes.iter().enumerate() {
        out.write_all(if i == 0 { b"\n{" } else { b",\n{" })?;
        let values = change.keys.iter().cloned().chain(values(change));
        for (j, (name, value)) in names.iter().zip(values).enumerate() {
            out.write_all(if j == 0 { b"" } else { b"," })?;
            serde_json::to_writer(&mut *out, name)?;
            out.write_all(b":")?;
            serde_json::to_writer(&mut *out, &value)?;
        }
        out.write_all(b"}")?;
    }
    out.write_all(if changes.is_empty() { b"]\n" } else { b"\n]\n" })?;
    out.flush()
}

/// What stands in [`CHANGE_COLUMNS`].
fn values(change: &Change) -> impl Iterator<Item = String> {
    let parts = change.parts.named().map(|(_, part)| part.to_string());
    let costs = [change.before, change.now, change.now - change.before].map(|cost| cost.to_string());
    let runs = [change.activity_before.runs, change.activity_now.runs].map(|runs| runs.to_string());
    std::iter::once(change.currency.to_string())
        .chain(costs)
        .chain(parts)
        .chain(runs)
        .chain([crate::reason::of(change)])
}

/// The names of the dimensions asked for; two of one name would be one key in JSON.
pub(crate) fn dimensions(query: &CostQuery) -> io::Result<Vec<String>> {
    let mut names: Vec<String> = Vec::new();
    for name in query.by.iter().map(|dimension| dimension.name()) {
        if names.contains(&name) {
            let fault = format!("the dimension `{name}` is asked for twice");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, fault));
        }
        names.push(name);
    }
    Ok(names)
}

/// The output's own error, so that a closed pipe stays one.
pub(crate) fn csv_io(error: csv::Error) -> io::Error {
    let text = error.to_string();
    match error.into_kind() {
        csv::ErrorKind::Io(cause) => cause,
        _ => io::Error::other(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use attribution::mart::{ColumnKind, Dimension, ExportColumn};
    use model::Currency;

    fn query(by: &[&str]) -> CostQuery {
        CostQuery {
            by: by.iter().map(|name| name.parse::<Dimension>().unwrap()).collect(),
            ..CostQuery::default()
        }
    }

    fn row(keys: &[&str], currency: &str, cost: &str) -> CostRow {
        CostRow {
            keys: keys.iter().map(|key| (*key).to_owned()).collect(),
            currency: currency.parse::<Currency>().unwrap(),
            cost: cost.parse().unwrap(),
        }
    }

    /// Rows as the mart would give them.
    struct Given(Vec<ExportColumn>, Vec<Vec<String>>);

    impl Given {
        fn new(query: &CostQuery, rows: &[CostRow]) -> Self {
            let column = |name: String, kind| ExportColumn { name, kind };
            let mut columns: Vec<_> = query.by.iter().map(|by| column(by.name(), ColumnKind::Text)).collect();
            columns.push(column("currency".into(), ColumnKind::Text));
            columns.push(column("cost".into(), ColumnKind::Decimal));
            let cells = |row: &CostRow| {
                row.keys.iter().cloned().chain([row.currency.to_string(), row.cost.to_string()]).collect()
            };
            Self(columns, rows.iter().map(cells).collect())
        }
    }

    impl Rows for Given {
        fn columns(&self) -> &[ExportColumn] {
            &self.0
        }

        fn each(&self, put: &mut Put<'_>) -> Result<(), ExportError> {
            self.1
                .iter()
                .try_for_each(|row| put(&row.iter().map(|cell| Some(cell.as_str())).collect::<Vec<_>>()))
        }
    }

    fn csv_text(query: &CostQuery, rows: &[CostRow]) -> String {
        let mut out = Vec::new();
        csv(&Given::new(query, rows), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    fn json_text(query: &CostQuery, rows: &[CostRow]) -> String {
        let mut out = Vec::new();
        json(&Given::new(query, rows), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn coverage_says_none_where_there_is_no_owner() {
        let row = CoverageRow {
            day: "2026-10-05".parse().unwrap(),
            team: None,
            claimed_by: None,
            confidence: "none".into(),
            currency: Currency::USD,
            cost: "0.50".parse().unwrap(),
        };
        let mut out = Vec::new();
        coverage_csv(&[row], &mut out).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "day,team,claimed_by,confidence,currency,cost\r\n2026-10-05,(none),(none),none,USD,0.5\r\n"
        );
    }

    #[test]
    fn columns_are_the_dimensions_then_currency_and_cost() {
        let rows = [
            row(&["Amazon EC2", "2026-10-05"], "USD", "1234.500000000000000001"),
            row(&["(none)", "2026-10-05"], "EUR", "-0.10"),
        ];
        let by = query(&["service", "day"]);
        assert_eq!(
            csv_text(&by, &rows),
            "service,day,currency,cost\r\nAmazon EC2,2026-10-05,USD,1234.500000000000000001\r\n(none),2026-10-05,EUR,-0.1\r\n"
        );
        let parsed: serde_json::Value = serde_json::from_str(&json_text(&by, &rows)).unwrap();
        assert_eq!(
            parsed,
            serde_json::json!([
                {"service": "Amazon EC2", "day": "2026-10-05", "currency": "USD", "cost": "1234.500000000000000001"},
                {"service": "(none)", "day": "2026-10-05", "currency": "EUR", "cost": "-0.1"},
            ])
        );
    }

    #[test]
    fn without_dimensions_there_is_one_total_a_currency() {
        let rows = [row(&[], "EUR", "1"), row(&[], "USD", "2.5")];
        assert_eq!(csv_text(&query(&[]), &rows), "currency,cost\r\nEUR,1\r\nUSD,2.5\r\n");
    }

    #[test]
    fn nothing_is_a_header_and_an_empty_array() {
        assert_eq!(csv_text(&query(&["team"]), &[]), "team,currency,cost\r\n");
        assert_eq!(json_text(&query(&["team"]), &[]), "[]\n");
    }

    #[test]
    fn hostile_names_stay_one_cell_and_no_formula() {
        let names = ["=HYPERLINK(\"http://x\")", "a,\"b\"\r\nc", "</script>\u{0}", "'=1", "=1"];
        let rows: Vec<CostRow> = names.iter().map(|name| row(&[name], "USD", "-1")).collect();
        let by = query(&["tag:Team Name"]);
        let text = csv_text(&by, &rows);
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        assert_eq!(reader.headers().unwrap(), vec!["tag:Team Name", "currency", "cost"]);
        let cells: Vec<csv::StringRecord> = reader.records().collect::<Result<_, _>>().unwrap();
        assert_eq!(cells.len(), names.len());
        assert_eq!(&cells[0][0], "'=HYPERLINK(\"http://x\")");
        assert_eq!(&cells[1][0], "a,\"b\"\r\nc");
        assert!(cells.iter().all(|cell| &cell[2] == "-1"), "numbers are left alone");
        let parsed: Vec<serde_json::Value> = serde_json::from_str(&json_text(&by, &rows)).unwrap();
        for (object, name) in parsed.iter().zip(names) {
            assert_eq!(object["tag:Team Name"], name);
        }
    }

    #[test]
    fn a_repeated_dimension_and_a_closed_pipe_are_errors() {
        let mut out = Vec::new();
        let error = json(&Given::new(&query(&["day", "day"]), &[]), &mut out).unwrap_err();
        assert_eq!(error.to_string(), "`day` is asked for twice");
        assert!(out.is_empty());

        struct Closed;
        impl Write for Closed {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let given = Given::new(&query(&["day"]), &[]);
        for error in [csv(&given, &mut Closed).unwrap_err(), json(&given, &mut Closed).unwrap_err()] {
            let ExportError::Write(cause) = error else { panic!("{error}") };
            assert_eq!(cause.kind(), io::ErrorKind::BrokenPipe);
        }
    }
}
