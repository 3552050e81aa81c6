//! The plain-text part: the same content as the HTML, in 72 columns, figures
//! aligned to the decimal point. Only links may be longer: broken, they would
//! lead nowhere.

use super::outlook::FixesView;
use super::rows::{RowView, TableView};
use super::view::{DayView, Page};
use crate::label::{columns, shorten};

/// Width of a line (RFC 5322 recommends at most 78).
const WIDTH: usize = 72;
/// Names are never squeezed below this; wide figures then make the line longer.
const NAME_MIN: usize = 16;

/// The report as text.
pub(super) fn text(page: &Page) -> String {
    let mut out = String::new();
    paragraph(&mut out, &page.title);
    paragraph(&mut out, &page.when);
    if let Some(link) = &page.link {
        line(&mut out, link);
    }
    for notice in &page.notices {
        line(&mut out, "");
        paragraph(&mut out, &format!("NOTE: {notice}"));
    }
    if let Some(empty) = &page.empty {
        line(&mut out, "");
        paragraph(&mut out, empty);
    }
    for section in &page.sections {
        line(&mut out, "");
        if let Some(currency) = &section.currency {
            line(&mut out, &"=".repeat(WIDTH));
            line(&mut out, &format!("In {currency}"));
            line(&mut out, "");
        }
        paragraph(&mut out, &section.sentence);
        if let Some(unused) = &section.unused {
            paragraph(&mut out, unused);
        }
        if let Some(restated) = &section.restated {
            paragraph(&mut out, restated);
        }
        let key = if section.chart.has_idle { " (# used, . idle)" } else { "" };
        bars(&mut out, &format!("{}{key}", section.chart.caption), &section.chart.days);
        if let Some(one) = &section.fixes {
            fixes(&mut out, one);
        }
        for (title, lines) in [("Budgets", &section.budgets), ("What fixes saved", &section.saved)] {
            if !lines.is_empty() {
                line(&mut out, "");
                heading(&mut out, title);
                lines.iter().for_each(|one| paragraph(&mut out, one));
            }
        }
        for one in &section.tables {
            table(&mut out, one);
        }
        if !section.trend.is_empty() {
            bars(&mut out, "Week by week", &section.trend);
        }
        table(&mut out, &section.parts);
        for one in &section.coverage {
            line(&mut out, "");
            paragraph(&mut out, one);
        }
    }
    if !page.warnings.is_empty() {
        line(&mut out, "");
        line(&mut out, "WARNINGS");
        for warning in &page.warnings {
            paragraph(&mut out, warning);
        }
    }
    line(&mut out, "");
    line(&mut out, &"-".repeat(WIDTH));
    for one in &page.foot {
        paragraph(&mut out, one);
    }
    out
}

fn bars(out: &mut String, caption: &str, rows: &[DayView]) {
    line(out, "");
    heading(out, caption);
    let totals = aligned(rows.iter().map(|day| day.total.as_str()));
    let days = rows.iter().map(|day| columns(&day.day)).max().unwrap_or(0);
    let widest = totals.iter().map(|total| columns(total)).max().unwrap_or(0);
    let room = WIDTH.saturating_sub(days + widest + 4).max(10);
    let scaled = |share: u8| (usize::from(share) * room + 50) / 100;
    for (day, total) in rows.iter().zip(totals) {
        // Ends are scaled, not lengths: rounding twice could overrun the room.
        let used = scaled(day.used);
        let idle = scaled(day.used + day.idle) - used;
        let bar = format!("{}{}", "#".repeat(used), ".".repeat(idle));
        line(out, &format!("{}  {}  {total}", pad_right(&day.day, days), pad_right(&bar, room)));
    }
}

fn fixes(out: &mut String, fixes: &FixesView) {
    const HEAD: &str = "Saves a month, net";
    line(out, "");
    heading(out, "Fix first");
    let savings = aligned(fixes.rows.iter().map(|row| row.saving.as_str()));
    let width = savings.iter().map(|text| columns(text)).max().unwrap_or(0).max(columns(HEAD));
    let room = WIDTH.saturating_sub(width + 2).max(NAME_MIN);
    line(out, &format!("{}  {HEAD}", pad_right("What to do", room)));
    for (row, saving) in fixes.rows.iter().zip(savings) {
        // Advice that misses words may say something else: it goes on below instead.
        let mut what = filled(&row.what, room).into_iter();
        let first = what.next().unwrap_or_default();
        line(out, &format!("{}  {}", pad_right(&first, room), pad_left(&saving, width)));
        what.for_each(|rest| line(out, &rest));
        line(out, &format!("  {}", shorten(&row.detail, WIDTH - 2)));
        if let Some(link) = &row.link {
            line(out, &format!("  {link}"));
        }
    }
    paragraph(out, &fixes.rest);
    if let Some(link) = &fixes.link {
        line(out, link);
    }
}

fn table(out: &mut String, table: &TableView) {
    line(out, "");
    heading(out, &table.title);
    let column = |text: fn(&RowView) -> &str| aligned(table.rows.iter().map(text));
    let mut figures = vec![column(|row| &row.cost), column(|row| &row.share)];
    let mut heads = vec!["Cost", "Share"];
    if table.compared {
        figures.extend([column(|row| &row.change), column(|row| &row.percent)]);
        heads.extend(["Change", ""]);
    }
    let widths: Vec<usize> = figures
        .iter()
        .zip(&heads)
        .map(|(column, head)| {
            column.iter().map(|text| columns(text)).chain([columns(head)]).max().unwrap_or(0)
        })
        .collect();
    let room = WIDTH.saturating_sub(widths.iter().map(|width| width + 2).sum()).max(NAME_MIN);
    let row = |name: &str, cells: Vec<&str>| {
        let mut text = pad_right(&shorten(name, room), room);
        for (cell, width) in cells.into_iter().zip(&widths) {
            text.push_str("  ");
            text.push_str(&pad_left(cell, *width));
        }
        text
    };
    line(out, &row(table.head, heads.clone()));
    for (index, one) in table.rows.iter().enumerate() {
        if one.is_total() {
            line(out, &"-".repeat(WIDTH));
        }
        line(out, &row(&one.name, figures.iter().map(|column| column[index].as_str()).collect()));
        for detail in filled(&one.detail, WIDTH - 2) {
            line(out, &format!("  {}", shorten(&detail, WIDTH - 2)));
        }
        if let Some(link) = &one.link {
            line(out, &format!("  {link}"));
        }
    }
}

/// Texts of one width with their decimal points under each other; what has no
/// figure ends where the integers end.
fn aligned<'a>(texts: impl Iterator<Item = &'a str>) -> Vec<String> {
    let split = |text: &'a str| {
        let digits_end = text.rfind(|c: char| c.is_ascii_digit()).map_or(text.len(), |at| at + 1);
        text.split_at(text.rfind('.').unwrap_or(digits_end))
    };
    let parts: Vec<(&str, &str)> = texts.map(split).collect();
    let before = parts.iter().map(|part| columns(part.0)).max().unwrap_or(0);
    let after = parts.iter().map(|part| columns(part.1)).max().unwrap_or(0);
    parts.iter().map(|part| format!("{}{}", pad_left(part.0, before), pad_right(part.1, after))).collect()
}

fn heading(out: &mut String, text: &str) {
    line(out, &text.to_uppercase());
}

/// One line, without blanks at its end.
pub(super) fn line(out: &mut String, text: &str) {
    out.push_str(text.trim_end());
    out.push('\n');
}

/// Words filled into lines; a word longer than a line stands alone.
pub(crate) fn paragraph(out: &mut String, text: &str) {
    let lines = filled(text, WIDTH);
    out.push_str(&lines.join("\n"));
    out.push('\n');
}

/// Words filled into lines of a width.
fn filled(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut used = 0;
    for word in text.split_whitespace() {
        let columns = columns(word);
        match lines.last_mut() {
            Some(last) if used + 1 + columns <= width => {
                last.push(' ');
                last.push_str(word);
                used += 1 + columns;
            }
            _ => {
                lines.push(word.to_owned());
                used = columns;
            }
        }
    }
    lines
}

pub(super) fn pad_right(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(columns(text))))
}

pub(super) fn pad_left(text: &str, width: usize) -> String {
    format!("{}{text}", " ".repeat(width.saturating_sub(columns(text))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_stand_under_each_other_by_their_points() {
        assert_eq!(
            aligned(["$1,234.56", "<$0.01", "-$3.40"].into_iter()),
            ["$1,234.56", "   <$0.01", "   -$3.40"]
        );
        assert_eq!(
            aligned(["+12%", "-3.4%", "new", "", "+1,200%"].into_iter()),
            ["   +12%  ", "    -3.4%", "   new   ", "         ", "+1,200%  "]
        );
    }

    #[test]
    fn paragraphs_are_filled_to_the_width() {
        let mut out = String::new();
        paragraph(&mut out, &"word ".repeat(40));
        assert!(out.lines().all(|line| line.len() <= WIDTH && line.len() > WIDTH - 6 || line.len() < WIDTH));
        assert_eq!(out.split_whitespace().count(), 40);
        let long = "x".repeat(100);
        let mut out = String::new();
        paragraph(&mut out, &format!("see {long} there"));
        assert_eq!(out, format!("see\n{long}\nthere\n"));
    }
}
