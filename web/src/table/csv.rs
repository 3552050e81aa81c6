//! The CSV of a table: the rows that are shown, all pages of them, with exact figures.

use attribution::mart::View;
use axum::response::Response;

use super::{Cell, Column, Table};
use crate::context::Context;
use crate::error::PageError;
use crate::response;

/// The table as a download. Basis, currency and a view that is not the default are columns, so that a file taken out of
/// its page still says what its figures are.
pub fn response(context: &Context<'_>, table: &Table) -> Result<Response, PageError> {
    let priced = table.rows.iter().flatten().any(|cell| {
        matches!(
            cell,
            Cell::Money(_) | Cell::MoneyLink { .. } | Cell::Part(_) | Cell::Exact(_) | Cell::Change { .. }
        )
    });
    let kept: Vec<(usize, &Column)> =
        table.columns.iter().enumerate().filter(|(_, column)| !column.derived).collect();
    let mut heads: Vec<String> = kept.iter().map(|(_, column)| head(column)).collect();
    let mut tail = Vec::new();
    if priced {
        heads.extend(["currency".to_owned(), "basis".to_owned()]);
        tail = vec![context.scope.currency.to_string(), context.lens.basis.to_string()];
        let view = context.lens.view;
        if view != View::default() {
            heads.extend(["idle_view", "shared_view", "ownership_view"].map(str::to_owned));
            tail.extend([view.idle.to_string(), view.shared.to_string(), view.ownership.to_string()]);
        }
    }
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(&heads)?;
    for row in &table.rows {
        let cells = kept.iter().map(|(i, _)| row.get(*i).map(field).unwrap_or_default());
        writer.write_record(cells.chain(tail.iter().cloned()))?;
    }
    let body = writer.into_inner().map_err(|error| csv::Error::from(error.into_error()))?;
    let name = format!("lakeledger-{}-{}-{}", table.id, context.scope.from, context.scope.to);
    Ok(response::csv(&name, body))
}

fn head(column: &Column) -> String {
    field(&Cell::text(column.name.as_deref().unwrap_or(column.key)))
}

fn field(cell: &Cell) -> String {
    let text = cell.exported();
    if cell.is_text() { reports::cell::text(&text).into_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use model::Amount;

    use super::*;

    #[test]
    fn words_are_no_formula_and_figures_stay_what_they_are() {
        for (cell, want) in [
            (Cell::text("=HYPERLINK(\"x\")"), "'=HYPERLINK(\"x\")"),
            (Cell::text("-rm"), "'-rm"),
            (Cell::text("@sum"), "'@sum"),
            (Cell::text("a=b"), "a=b"),
            (Cell::Money(Amount::from_units(-1)), "-0.000000000000000001"),
            (Cell::Count(-5), "-5"),
        ] {
            assert_eq!(field(&cell), want);
        }
    }
}
