//! One row of a usage file: its cells, each by itself.

use std::collections::HashMap;

use chrono::{Months, NaiveDate};
use csv::StringRecord;
use model::Amount;
use model::tags::fold_key;

use super::Refusal;
use crate::source::scalars::clean;

/// Columns a file may have; the spellings of the right are theirs too.
const COLUMNS: [(&str, &[&str]); 15] = [
    ("pool", &[]),
    ("cluster", &["cluster_id"]),
    ("resource", &["resource_id"]),
    ("service", &["service_name"]),
    ("tag", &[]),
    ("day", &["date"]),
    ("month", &[]),
    ("from", &[]),
    ("to", &[]),
    ("dimension", &[]),
    ("consumer", &[]),
    ("quantity", &[]),
    ("share", &[]),
    ("unit", &[]),
    ("team", &[]),
];
/// No day has a hundred million billion of anything; such texts are damage.
const MOST: Amount = Amount::whole(100_000_000_000_000_000);
const ONE: Amount = Amount::whole(1);

/// Which charges a row splits: all that is set must match.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Selection {
    pub pool: Option<String>,
    pub cluster: Option<String>,
    pub resource: Option<String>,
    pub service: Option<String>,
    /// Folded key and pattern of the value.
    pub tag: Option<(String, String)>,
}

/// One row.
#[derive(Clone, Debug)]
pub(super) struct Line {
    /// Row, from 1, the header not counted.
    pub number: i64,
    /// Line of the file, for messages.
    pub place: u64,
    pub selection: Selection,
    /// First day it holds.
    pub starts_on: NaiveDate,
    /// First day it no longer holds; nothing where the row leaves it open.
    pub ends_on: Option<NaiveDate>,
    pub dimension: String,
    pub consumer: String,
    /// This or the quantity.
    pub share: Option<Amount>,
    /// Of a day: what a row says of several days is spread evenly over them.
    pub quantity: Option<Amount>,
    pub unit: Option<String>,
    pub team: Option<String>,
}

/// Where the columns of a file stand.
pub(super) struct Columns {
    at: HashMap<&'static str, usize>,
    width: usize,
}

impl Columns {
    /// Reads the header: a column nobody knows is refused, since it may be one misspelt.
    pub fn of(header: &StringRecord) -> Result<Self, Refusal> {
        let mut at = HashMap::new();
        for (index, cell) in header.iter().enumerate() {
            let name = cell.trim_start_matches('\u{feff}').trim().to_lowercase().replace([' ', '-'], "_");
            let known =
                COLUMNS.iter().find(|(column, others)| *column == name || others.contains(&name.as_str()));
            let Some((column, _)) = known else {
                let names: Vec<&str> = COLUMNS.iter().map(|(name, _)| *name).collect();
                return Err(Refusal::at(
                    1,
                    format!("unknown column `{cell}`: known are {}", names.join(", ")),
                ));
            };
            if at.insert(*column, index).is_some() {
                return Err(Refusal::at(1, format!("the column `{column}` is there twice")));
            }
        }
        for needed in ["dimension", "consumer"] {
            if !at.contains_key(needed) {
                return Err(Refusal::at(1, format!("the column `{needed}` is missing")));
            }
        }
        Ok(Self { at, width: header.len() })
    }

    /// Reads one row.
    pub fn line(&self, record: &StringRecord, number: i64) -> Result<Line, Refusal> {
        let place = record.position().map_or(0, csv::Position::line);
        if record.len() != self.width {
            let fault = format!("the row has {} cells, the header {}", record.len(), self.width);
            return Err(Refusal::at(place, fault).hint("a text with a comma in it stands in quotes"));
        }
        let cell = |name: &str| {
            let text = self.at.get(name).and_then(|at| record.get(*at)).unwrap_or_default();
            (!text.is_empty()).then(|| clean(text))
        };
        let refuse = |fault: String| Refusal::at(place, fault);
        let needed = |name: &str| cell(name).ok_or_else(|| refuse(format!("`{name}` is empty")));

        let tag = match cell("tag") {
            Some(text) => match text.split_once('=') {
                Some((key, value)) if !key.trim().is_empty() && !value.trim().is_empty() => {
                    Some((fold_key(key.trim()), value.trim().to_owned()))
                }
                _ => return Err(refuse(format!("`tag` must be key=value, not `{text}`"))),
            },
            None => None,
        };
        let selection = Selection {
            pool: cell("pool"),
            cluster: cell("cluster"),
            resource: cell("resource"),
            service: cell("service"),
            tag,
        };
        if selection == Selection::default() {
            let fault = "no column says which charges are split".to_owned();
            return Err(refuse(fault).hint("fill `pool`, `cluster`, `resource`, `service` or `tag`"));
        }
        let (starts_on, ends_on) = span(place, &cell)?;
        let number_in = |name: &str| match cell(name) {
            None => Ok(None),
            Some(text) => match Amount::parse(&text) {
                Ok((amount, _)) if amount >= Amount::ZERO => Ok(Some(amount)),
                Ok(_) => Err(refuse(format!("`{name}` is below 0: {text}"))),
                Err(error) => Err(refuse(format!("`{name}`: {error}"))),
            },
        };
        let (share, quantity) = (number_in("share")?, number_in("quantity")?);
        let quantity = match (share, quantity) {
            (Some(share), None) if share > ONE => {
                return Err(refuse(format!("a share is above 1: {share}"))
                    .hint("shares are fractions: 0.25; other numbers go into `quantity`"));
            }
            (Some(_), None) => None,
            (None, Some(quantity)) if quantity >= MOST => {
                return Err(refuse(format!("a quantity is too large: {quantity}")));
            }
            (None, Some(quantity)) => Some(a_day(place, quantity, starts_on, ends_on)?),
            (Some(_), Some(_)) => return Err(refuse("it has both a share and a quantity".to_owned())),
            (None, None) => return Err(refuse("it has neither a share nor a quantity".to_owned())),
        };
        Ok(Line {
            number,
            place,
            selection,
            starts_on,
            ends_on,
            dimension: needed("dimension")?.to_lowercase().replace([' ', '-'], "_"),
            consumer: needed("consumer")?,
            share,
            quantity,
            unit: cell("unit"),
            team: cell("team"),
        })
    }
}

/// The days a row holds: `day`, `month`, or `from` and perhaps `to`.
fn span(
    place: u64,
    cell: &dyn Fn(&str) -> Option<String>,
) -> Result<(NaiveDate, Option<NaiveDate>), Refusal> {
    let day = |name: &str, text: &str| {
        NaiveDate::parse_from_str(text, "%Y-%m-%d").map_err(|_| {
            Refusal::at(place, format!("`{name}` must be a day such as 2026-01-31, not `{text}`"))
        })
    };
    let after = |first: NaiveDate, months: u32| {
        if months == 0 { first.succ_opt() } else { first.checked_add_months(Months::new(months)) }
    };
    match (cell("day"), cell("month"), cell("from"), cell("to")) {
        (Some(text), None, None, None) => {
            let first = day("day", &text)?;
            Ok((first, after(first, 0)))
        }
        (None, Some(text), None, None) => {
            let first = NaiveDate::parse_from_str(&format!("{text}-01"), "%Y-%m-%d").map_err(|_| {
                Refusal::at(place, format!("`month` must be a month such as 2026-01, not `{text}`"))
            })?;
            Ok((first, after(first, 1)))
        }
        (None, None, Some(from), to) => {
            let first = day("from", &from)?;
            let end = to.map(|to| day("to", &to)).transpose()?;
            if end.is_some_and(|end| end <= first) {
                return Err(Refusal::at(
                    place,
                    "`to` must be after `from`: it is the first day that no longer counts",
                ));
            }
            Ok((first, end))
        }
        _ => Err(Refusal::at(place, "the days must stand in one of `day`, `month`, or `from` and `to`")),
    }
}

/// What of a quantity falls on each day of its span.
fn a_day(place: u64, quantity: Amount, first: NaiveDate, end: Option<NaiveDate>) -> Result<Amount, Refusal> {
    let Some(end) = end else {
        let fault = "a quantity without an end: over how many days it was used is not known";
        return Err(
            Refusal::at(place, fault).hint("give it a `day`, a `month` or a `to`; shares may stay open")
        );
    };
    Ok(Amount::from_units(quantity.units() / i128::from((end - first).num_days().max(1))))
}
