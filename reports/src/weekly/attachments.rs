//! The CSV attachments: every workload, every table, every day, exactly.
//!
//! RFC 4180: comma, CRLF, quotes where needed, a header line. Amounts are exact
//! decimals in the row's `currency`; a `cost_before` and a `change` are empty
//! when there is no earlier week to compare with. Texts a spreadsheet would run
//! as formulas are disarmed ([`crate::cell`]). Each file sums to the report's
//! total of each currency.

use attribution::mart::NONE;
use model::Amount;

use super::data::{Item, Section, WeeklyData};
use crate::cell;
use crate::error::ReportError;

/// One file that goes with a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// File name.
    pub name: String,
    /// UTF-8 text.
    pub content: String,
}

/// The three attachments of a report whose files begin with `stem`.
pub(super) fn attachments(data: &WeeklyData, stem: &str) -> Result<Vec<Attachment>, ReportError> {
    let items = |column, items: fn(&Section) -> &[Item]| {
        let head = ["week", "team", column, "basis", "currency", "cost", "cost_before", "change"];
        let rows = data.sections.iter().flat_map(move |section| {
            items(section).iter().map(move |item| {
                let exact =
                    |amount: Option<Amount>| amount.map(|amount| amount.to_string()).unwrap_or_default();
                vec![
                    data.week(),
                    cell::text(item.team.as_deref().unwrap_or(NONE)).into_owned(),
                    cell::text(item.name.as_deref().unwrap_or(NONE)).into_owned(),
                    data.basis.to_string(),
                    section.currency.to_string(),
                    item.cost.to_string(),
                    exact(item.before),
                    exact(item.before.map(|before| item.cost - before)),
                ]
            })
        });
        (head.to_vec(), rows.collect::<Vec<_>>())
    };
    let days = data.sections.iter().flat_map(|section| {
        section.days.iter().map(move |row| {
            vec![
                row.day.to_string(),
                cell::text(&row.team).into_owned(),
                cell::text(&row.category).into_owned(),
                data.basis.to_string(),
                section.currency.to_string(),
                row.cost.to_string(),
            ]
        })
    });
    let (workload_head, workloads) = items("workload", |section| &section.workloads);
    let (table_head, tables) = items("table", |section| &section.tables);
    Ok(vec![
        encode(format!("{stem}-workloads.csv"), &workload_head, workloads)?,
        encode(format!("{stem}-tables.csv"), &table_head, tables)?,
        encode(
            format!("{stem}-days.csv"),
            &["day", "team", "category", "basis", "currency", "cost"],
            days.collect(),
        )?,
    ])
}

fn encode(name: String, head: &[&str], rows: Vec<Vec<String>>) -> Result<Attachment, ReportError> {
    let content = || -> Result<Vec<u8>, csv::Error> {
        let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
        writer.write_record(head)?;
        for row in rows {
            writer.write_record(row)?;
        }
        writer.into_inner().map_err(|error| csv::Error::from(error.into_error()))
    };
    match content() {
        Ok(bytes) => Ok(Attachment { name, content: String::from_utf8_lossy(&bytes).into_owned() }),
        Err(cause) => Err(ReportError::Encode { name, cause }),
    }
}
