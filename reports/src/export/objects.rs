//! Objects as CSV: what programs get as JSON, for spreadsheets.

use std::io::{self, Write};

use serde_json::Value;

use super::csv_io;
use crate::cell;

/// Writes objects as CSV (RFC 4180) with these columns, in this order; what an object lacks, or is
/// null in it, is an empty cell. Texts that a spreadsheet would run are disarmed, numbers never: an
/// amount stands in an object as an exact decimal text, and a credit begins with a minus.
///
/// # Errors
/// What the output says.
pub fn objects_csv(
    columns: &[&str],
    rows: impl IntoIterator<Item = Value>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(out);
    writer.write_record(columns).map_err(csv_io)?;
    for row in rows {
        let cells = columns.iter().map(|column| match &row[*column] {
            Value::Null => String::new(),
            Value::String(text) if is_number(text) => text.clone(),
            Value::String(text) => cell::text(text).into_owned(),
            other => other.to_string(),
        });
        writer.write_record(cells).map_err(csv_io)?;
    }
    writer.flush()
}

/// Digits with a sign and a point, and nothing a spreadsheet would compute.
fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    match digits.split_once('.') {
        Some((whole, rest)) => is_digits(whole) && is_digits(rest),
        None => is_digits(digits),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn texts_are_disarmed_and_numbers_are_not() {
        let rows = [
            json!({"table": "=cmd|' /C calc'!A0", "cost": "-3.50", "rows": 12, "team": null, "retry": true}),
            json!({"table": "-1+2", "cost": "0.000000000000000001", "left out": "x"}),
            json!({"table": "a,b\"c", "cost": "-"}),
        ];
        let mut out = Vec::new();
        objects_csv(&["table", "team", "cost", "rows", "retry"], rows, &mut out).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "table,team,cost,rows,retry\r\n\
             '=cmd|' /C calc'!A0,,-3.50,12,true\r\n\
             '-1+2,,0.000000000000000001,,\r\n\
             \"a,b\"\"c\",,'-,,\r\n"
        );
    }
}
