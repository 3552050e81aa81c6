//! Text cells of CSV files that people open in a spreadsheet.

use std::borrow::Cow;

/// A text that a spreadsheet does not run as a formula: one that begins with
/// `=`, `+`, `-`, `@`, a tab or a line break, or their full-width forms, gets a
/// `'` before it (OWASP, "CSV Injection"). Numbers are written by their own
/// columns and never pass through here.
///
/// To read the raw text back, take off one leading `'` that stands before one
/// of those characters or before another `'`-escaped text.
pub fn text(value: &str) -> Cow<'_, str> {
    if is_formula(value.trim_start_matches('\'')) {
        Cow::Owned(format!("'{value}"))
    } else {
        Cow::Borrowed(value)
    }
}

fn is_formula(value: &str) -> bool {
    value.trim_start_matches(' ').starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_are_disarmed_and_other_texts_left_alone() {
        for value in ["=1+1", "+1", "-2", "@SUM(A1)", "\t=1", "\r\n=1", "  =cmd|' /C calc'!A0", "＝1"] {
            assert_eq!(text(value), format!("'{value}"));
        }
        for value in ["", "growth", "a=b", "(none)", "2026-10-05", "'quoted'", "ranker/train"] {
            assert_eq!(text(value), value);
        }
    }

    #[test]
    fn no_two_texts_are_written_alike() {
        // `'=1` is itself a possible name, and must not read as the escaped `=1`.
        assert_ne!(text("=1"), text("'=1"));
    }
}
