//! Tables: sorted, searched and paged on the server, and downloaded as CSV with the same
//! rows. A page says what its rows are; everything else is here.

mod cell;
mod csv;
mod view;

use std::cmp::Ordering;

use axum::response::Response;

use crate::context::Context;
use crate::error::PageError;
use crate::lens::TableState;

pub use cell::{Bar, Cell, Spark};
pub use view::TableView;

/// Rows of one page of a table.
pub const PAGE_ROWS: usize = 50;

/// One column.
pub struct Column {
    /// Name in the URL and in the CSV's first line; units stand in it.
    pub key: &'static str,
    /// Head; carries the unit.
    pub head: String,
    /// Name in the CSV's first line where it is not the key.
    pub name: Option<String>,
    /// Numbers stand right and are sorted largest first.
    pub numeric: bool,
    /// Left out on a phone.
    pub wide: bool,
    /// Shown on a phone alone, in the place of others.
    pub narrow: bool,
    /// Not in the CSV, because it follows from the other columns.
    pub derived: bool,
    /// In the CSV alone: of use to programs, in the way of people.
    pub exported: bool,
}

/// A column of text.
pub fn text(key: &'static str, head: &str) -> Column {
    Column {
        key,
        head: head.to_owned(),
        name: None,
        numeric: false,
        wide: false,
        narrow: false,
        derived: false,
        exported: false,
    }
}

/// A column of figures.
pub fn number(key: &'static str, head: impl Into<String>) -> Column {
    Column { numeric: true, head: head.into(), ..text(key, "") }
}

impl Column {
    /// Called otherwise in the CSV.
    pub fn named(self, name: String) -> Self {
        Self { name: Some(name), ..self }
    }

    /// Left out on a phone.
    pub fn wide(self) -> Self {
        Self { wide: true, ..self }
    }

    /// Shown on a phone alone.
    pub fn narrow(self) -> Self {
        Self { narrow: true, ..self }
    }

    /// Left out of the page.
    pub fn exported(self) -> Self {
        Self { exported: true, ..self }
    }

    /// Left out of the CSV.
    pub fn derived(self) -> Self {
        Self { derived: true, ..self }
    }
}

/// The foot of a table: `Total`, unless the first column is given a word of its own, and what
/// stands beneath the columns named; the others stay empty.
pub fn foot(columns: &[Column], cells: impl IntoIterator<Item = (&'static str, Cell)>) -> Vec<Cell> {
    let mut foot = vec![Cell::Nothing; columns.len()];
    if let Some(first) = foot.first_mut() {
        *first = Cell::text("Total");
    }
    for (key, cell) in cells {
        let at = columns.iter().position(|column| column.key == key);
        debug_assert!(at.is_some(), "no column `{key}`");
        if let Some(beneath) = at.and_then(|at| foot.get_mut(at)) {
            *beneath = cell;
        }
    }
    foot
}

/// One table of a page.
pub struct Table {
    /// Its name in the URL, in the CSV's file name and as the anchor on the page.
    pub id: &'static str,
    /// What its rows are, for people.
    pub caption: String,
    /// What one row is, and many: `team`, `teams`.
    pub noun: (&'static str, &'static str),
    /// Columns.
    pub columns: Vec<Column>,
    /// One cell a column each.
    pub rows: Vec<Vec<Cell>>,
    /// Totals of all rows, searched or not; one cell a column.
    pub foot: Option<Vec<Cell>>,
    /// Column sorted by where the URL says nothing, and whether descending; without a name
    /// rows stay as they are.
    pub sort: (&'static str, bool),
    /// What would fill it, where it has no rows.
    pub empty: String,
}

/// What came of a page's tables.
pub enum Shown<const N: usize> {
    /// The page is shown.
    Page([TableView; N]),
    /// One table was asked for as CSV.
    Csv(Response),
}

/// How much of a table its rows are, where they are but the page that was asked for.
#[derive(Clone, Copy, Debug)]
pub struct Cut {
    /// Rows that match the search.
    pub found: usize,
    /// All rows.
    pub all: usize,
}

/// Applies the lens to the tables of a page.
pub fn show<const N: usize>(context: &Context<'_>, tables: [Table; N]) -> Result<Shown<N>, PageError> {
    show_cut(context, tables, None)
}

/// The same where the rows of the first table are those that the lens asks for, in its order, so
/// that it is neither searched nor sorted nor cut again: one page of them, or as CSV all.
pub fn show_cut<const N: usize>(
    context: &Context<'_>,
    tables: [Table; N],
    cut: Option<Cut>,
) -> Result<Shown<N>, PageError> {
    let state = &context.lens.table;
    let active = match &state.table {
        None => 0,
        Some(id) => tables.iter().position(|table| table.id == id).ok_or_else(|| {
            let ids: Vec<_> = tables.iter().map(|table| table.id).collect();
            PageError::BadRequest(vec![format!("`{id}` is not a table of this page: use {}", ids.join(", "))])
        })?,
    };
    if state.csv {
        let mut tables = tables.into_iter();
        let table = tables.nth(active).ok_or(PageError::NoPage)?;
        let is_arranged = active == 0 && cut.is_some();
        let table = if is_arranged { table } else { arranged(table, state)?.0 };
        return Ok(Shown::Csv(csv::response(context, &table)?));
    }
    let quiet = TableState::default();
    let mut views = Vec::with_capacity(N);
    for (i, table) in tables.into_iter().enumerate() {
        let state = if i == active { state } else { &quiet };
        if let Some(cut) = cut.filter(|_| i == 0) {
            views.push(view::of(context, table, cut.all, state, Some(cut.found))?);
            continue;
        }
        let (table, all) = arranged(table, state)?;
        views.push(view::of(context, table, all, state, None)?);
    }
    views.try_into().map(Shown::Page).map_err(|_| PageError::NoPage)
}

/// The rows that match, in order, with how many there were before the search.
fn arranged(mut table: Table, state: &TableState) -> Result<(Table, usize), PageError> {
    let all = table.rows.len();
    if let Some(search) = &state.search {
        let wanted = search.to_lowercase();
        table.rows.retain(|row| row.iter().any(|cell| cell.holds(&wanted)));
    }
    let (key, descending) = state.sort.as_ref().map_or(table.sort, |(key, down)| (key.as_str(), *down));
    if key.is_empty() && state.sort.is_none() {
        return Ok((table, all));
    }
    let column = table.columns.iter().position(|column| column.key == key).ok_or_else(|| {
        let keys: Vec<_> = table.columns.iter().map(|column| column.key).collect();
        PageError::BadRequest(vec![format!("`{key}` is not a column of this table: use {}", keys.join(", "))])
    })?;
    let absent = |row: &[Cell]| row.get(column).is_none_or(Cell::absent);
    table.rows.sort_by(|a, b| match (a.get(column), b.get(column)) {
        // What has no value stands last, whichever way the rest is sorted.
        _ if absent(a) || absent(b) => absent(a).cmp(&absent(b)),
        (Some(a), Some(b)) if descending => b.compare(a),
        (Some(a), Some(b)) => a.compare(b),
        _ => Ordering::Equal,
    });
    Ok((table, all))
}

#[cfg(test)]
mod tests {
    use model::Amount;

    use super::*;

    fn table() -> Table {
        let row = |name: &str, cost: Option<i64>| {
            vec![Cell::text(name), cost.map_or(Cell::Nothing, |cost| Cell::Money(Amount::whole(cost)))]
        };
        Table {
            id: "things",
            caption: "Things".into(),
            noun: ("thing", "things"),
            columns: vec![text("name", "Name"), number("cost", "Cost")],
            rows: vec![row("b", Some(2)), row("A", None), row("c", Some(-10)), row("d", Some(10))],
            foot: None,
            sort: ("cost", true),
            empty: String::new(),
        }
    }

    fn names(state: &TableState) -> String {
        let (table, _) = arranged(table(), state).unwrap_or_else(|_| (table(), 0));
        table.rows.iter().map(|row| row[0].shown(model::Currency::USD, chrono_tz::Tz::UTC)).collect()
    }

    #[test]
    fn rows_are_sorted_by_value_with_empty_ones_last() {
        let sort = |key: &str, down| TableState { sort: Some((key.into(), down)), ..TableState::default() };
        assert_eq!(names(&TableState::default()), "dbcA");
        assert_eq!(names(&sort("cost", false)), "cbdA");
        assert_eq!(names(&sort("name", false)), "Abcd");
        assert!(arranged(table(), &sort("colour", false)).is_err());
    }

    #[test]
    fn a_foot_has_its_figures_beneath_their_columns() {
        let columns = [text("name", "Name"), number("share", "Share"), number("cost", "Cost")];
        let shown = |cells| -> Vec<String> {
            let foot = foot(&columns, cells);
            foot.iter().map(|cell| cell.shown(model::Currency::USD, chrono_tz::Tz::UTC)).collect()
        };
        assert_eq!(shown(vec![("cost", Cell::Money(Amount::whole(2)))]), ["Total", "", "$2.00"]);
        assert_eq!(shown(vec![("name", Cell::text("All 3"))]), ["All 3", "", ""]);
    }

    #[test]
    fn a_search_ignores_case_and_keeps_the_count_of_all() {
        let state = TableState { search: Some("a".into()), ..TableState::default() };
        let (found, all) = arranged(table(), &state).unwrap();
        assert_eq!((found.rows.len(), all), (1, 4));
    }
}
