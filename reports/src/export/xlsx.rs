//! Workbooks: the rows, formatted, and a sheet of totals that ties them to the bill.
//!
//! A cell of a workbook holds a double, which keeps 15 digits of a cost; the totals have every
//! digit as text beside it. Words are written as words: none is ever run as a formula.

use std::collections::BTreeMap;
use std::path::Path;

use attribution::mart::{ColumnKind, CostQuery, Export, Mart};
use model::{Amount, Currency};
use rust_xlsxwriter::utility::column_number_to_name;
use rust_xlsxwriter::{ExcelDateTime, Format, FormatAlign, Formula, Workbook, Worksheet, XlsxError};

use super::stream::{ExportError, check};
use crate::format;

/// Rows of a sheet under its head; more go to another one.
const MOST_ROWS: u32 = 1_048_575;
/// Characters a cell holds.
const MOST_CHARACTERS: usize = 32_767;

/// What the rows of one currency came to.
#[derive(Default)]
struct Total {
    rows: u64,
    cost: Amount,
}

struct Formats {
    head: Format,
    money: Format,
    day: Format,
}

/// Writes the answer to a cost question as a workbook; gives the number of rows.
///
/// # Errors
/// [`ExportError`].
pub fn xlsx(mart: &Mart, query: &CostQuery, export: &Export<'_>, path: &Path) -> Result<u64, ExportError> {
    check(export.columns())?;
    let formats = Formats {
        head: Format::new().set_bold().set_align(FormatAlign::Bottom).set_text_wrap(),
        money: Format::new().set_num_format("#,##0.00;[Red]-#,##0.00"),
        day: Format::new().set_num_format("yyyy-mm-dd"),
    };
    let mut workbook = Workbook::new();
    let mut totals: BTreeMap<Currency, Total> = BTreeMap::new();
    let mut sheets = 1;
    let mut at = 0;
    let mut all = 0;
    begin(workbook.add_worksheet_with_constant_memory(), "Costs", export, &formats)?;
    export.rows(|row| -> Result<(), ExportError> {
        if at == MOST_ROWS {
            sheets += 1;
            at = 0;
            let name = format!("Costs {sheets}");
            begin(workbook.add_worksheet_with_constant_memory(), &name, export, &formats)?;
        }
        at += 1;
        all += 1;
        let sheet = workbook.worksheet_from_index(sheets - 1)?;
        put(sheet, at, row, export, &formats)?;
        if let [.., Some(currency), Some(cost)] = row
            && let (Ok(currency), Ok(cost)) = (currency.parse(), cost.parse::<Amount>())
        {
            let total: &mut Total = totals.entry(currency).or_default();
            total.rows += 1;
            total.cost += cost;
        }
        Ok(())
    })?;
    totals_sheet(workbook.add_worksheet(), (mart, query), export, (sheets, at), totals, &formats)?;
    workbook.save(path)?;
    Ok(all)
}

fn begin(sheet: &mut Worksheet, name: &str, export: &Export<'_>, formats: &Formats) -> Result<(), XlsxError> {
    sheet.set_name(name)?;
    sheet.set_freeze_panes(1, 0)?;
    for (nth, column) in (0..).zip(export.columns()) {
        let width = match column.kind {
            ColumnKind::Text if column.name == "currency" => 10,
            ColumnKind::Text => 32,
            ColumnKind::Decimal => 16,
            ColumnKind::Day => 12,
            ColumnKind::Instant => 21,
        };
        sheet.set_column_width(nth, width)?;
        sheet.write_string_with_format(0, nth, &column.name, &formats.head)?;
    }
    Ok(())
}

fn put(
    sheet: &mut Worksheet,
    at: u32,
    row: &[Option<&str>],
    export: &Export<'_>,
    formats: &Formats,
) -> Result<(), XlsxError> {
    for (nth, (value, column)) in (0..).zip(row.iter().zip(export.columns())) {
        let Some(value) = value else { continue };
        match column.kind {
            ColumnKind::Decimal => {
                let amount: Amount = value.parse().unwrap_or_default();
                sheet.write_number_with_format(at, nth, amount.to_f64(), &formats.money)?;
            }
            ColumnKind::Day => {
                let day = ExcelDateTime::parse_from_str(value)?;
                sheet.write_datetime_with_format(at, nth, &day, &formats.day)?;
            }
            ColumnKind::Text | ColumnKind::Instant => {
                let cut = value.char_indices().nth(MOST_CHARACTERS).map_or(value.len(), |(end, _)| end);
                sheet.write_string(at, nth, &value[..cut])?;
            }
        }
    }
    Ok(())
}

/// What the rows come to, by currency, beside what the bill charged on these days.
fn totals_sheet(
    sheet: &mut Worksheet,
    (mart, query): (&Mart, &CostQuery),
    export: &Export<'_>,
    (sheets, last): (usize, u32),
    mut totals: BTreeMap<Currency, Total>,
    formats: &Formats,
) -> Result<(), ExportError> {
    sheet.set_name("Totals")?;
    let mut charged: BTreeMap<Currency, Amount> = BTreeMap::new();
    for row in mart.balance(query.basis, query.from, query.to)? {
        *charged.entry(row.currency).or_default() += row.charged;
    }
    let info = mart.info();
    let days = format!(
        "from {} to {} (the last day left out)",
        query.from.or(info.first_day).map(|day| day.to_string()).unwrap_or_default(),
        query.to.or(info.end_day).map(|day| day.to_string()).unwrap_or_default()
    );
    let filters: Vec<String> =
        query.filters.iter().map(|filter| format!("{}={}", filter.dimension, filter.value)).collect();
    let facts = [
        ("Cost basis", query.basis.to_string()),
        ("UTC days", days),
        ("Only", if filters.is_empty() { "everything".to_owned() } else { filters.join(", ") }),
        ("Idle and shared costs", format!("idle {}, shared {}", query.view.idle, query.view.shared)),
        ("Published", format!("{} as {}", format::instant(info.published_at, chrono_tz::UTC), info.id)),
    ];
    for (at, (name, value)) in (0..).zip(&facts) {
        sheet.write_string_with_format(at, 0, *name, &formats.head)?;
        sheet.write_string(at, 1, value)?;
    }
    let head = [
        "Currency",
        "Rows",
        "Total of the rows, exact",
        "Total of the rows",
        "Summed by this workbook",
        "Charged by the bill on these days, exact",
        "Difference, exact",
    ];
    let first = 1 + u32::try_from(facts.len()).unwrap_or_default();
    for (nth, name) in (0..).zip(head) {
        sheet.set_column_width(nth, if nth == 1 { 34 } else { 26 })?;
        sheet.write_string_with_format(first, nth, name, &formats.head)?;
    }
    // A currency that was charged and of which no row came must not go unsaid.
    for (currency, _) in charged.iter().filter(|(_, bill)| filters.is_empty() && !bill.is_zero()) {
        totals.entry(*currency).or_default();
    }
    let width = export.columns().len();
    for (at, (currency, total)) in (first + 1..).zip(&totals) {
        let bill = charged.get(currency).copied().unwrap_or_default();
        sheet.write_string(at, 0, currency.code())?;
        sheet.write_number(at, 1, total.rows as f64)?;
        sheet.write_string(at, 2, total.cost.to_string())?;
        sheet.write_number_with_format(at, 3, total.cost.to_f64(), &formats.money)?;
        let formula =
            Formula::new(summed(width, sheets, last, *currency)).set_result(total.cost.to_f64().to_string());
        sheet.write_formula_with_format(at, 4, formula, &formats.money)?;
        sheet.write_string(at, 5, bill.to_string())?;
        let difference = (total.cost - bill).to_string();
        sheet.write_string(at, 6, if filters.is_empty() { &difference } else { "rows are filtered" })?;
    }
    Ok(())
}

/// Sums the cost column over the rows of a currency, on every sheet.
fn summed(width: usize, sheets: usize, last: u32, currency: Currency) -> String {
    let column = |nth: usize| column_number_to_name(u16::try_from(nth).unwrap_or(u16::MAX - 1));
    let (code, cost) = (column(width - 2), column(width - 1));
    let of = |nth: usize| {
        let name = if nth == 1 { "Costs".to_owned() } else { format!("'Costs {nth}'") };
        let end = if nth == sheets { last + 1 } else { MOST_ROWS + 1 };
        format!("SUMIF({name}!{code}$2:{code}${end},\"{currency}\",{name}!{cost}$2:{cost}${end})")
    };
    format!("={}", (1..=sheets).map(of).collect::<Vec<_>>().join("+"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_total_is_summed_over_every_sheet() {
        assert_eq!(summed(3, 1, 9, Currency::USD), "=SUMIF(Costs!B$2:B$10,\"USD\",Costs!C$2:C$10)");
        let two = summed(2, 2, 1, Currency::USD);
        assert!(two.contains("Costs!A$2:A$1048576") && two.contains("+SUMIF('Costs 2'!A$2:A$2"), "{two}");
        // Tags may be many.
        assert_eq!(summed(28, 1, 9, Currency::USD), "=SUMIF(Costs!AA$2:AA$10,\"USD\",Costs!AB$2:AB$10)");
    }
}
