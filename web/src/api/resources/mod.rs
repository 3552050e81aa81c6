//! What the API lists: each resource with its columns, from which its JSON, its CSV, the OpenAPI
//! document and the reference page are made. What has a cost is in [`entities`], what is recorded
//! in [`records`], what another setting would save in [`what_if`].

mod entities;
mod records;
mod what_if;

use std::collections::BTreeMap;

pub use self::records::{ALERT, FINDING, of_alert, of_finding};

use super::listing::{Asked, Column, Field, Kind, Listing, answer};
use crate::access::Need;
use crate::context::Context;
use crate::error::PageError;
use crate::lens::Lens;
use crate::link::Path;
use crate::state::Visit;

/// A list of things of one kind.
pub struct Resource {
    /// Its address.
    pub path: &'static str,
    /// Who may ask.
    pub need: Need,
    /// What it lists.
    pub summary: &'static str,
    /// What may be asked beside days, basis, currency and team.
    pub own: &'static [Parameter],
    /// Whether days, basis, currency and team may be asked.
    pub costs: bool,
    /// Whether the mart alone decides the answer.
    pub fixed: bool,
    /// Its columns.
    pub columns: &'static [Column],
    read: Read,
}

/// Reads the rows of a resource, with what was asked of its own parameters.
type Read = fn(&Context<'_>, &Visit, &BTreeMap<String, String>) -> Rows;

/// Rows, in the order of a resource's columns.
type Rows = Result<Vec<Vec<Field>>, PageError>;

/// A parameter of one resource.
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// What it leaves.
    pub what: &'static str,
}

/// Parameters that resources with costs share.
const SHARED: [&str; 5] = ["from", "to", "basis", "currency", "team"];

const fn column(name: &'static str, kind: Kind, what: &'static str) -> Column {
    Column { name, kind, what }
}

const fn parameter(name: &'static str, what: &'static str) -> Parameter {
    Parameter { name, what }
}

const CURRENCY: Column = column("currency", Kind::Text, "ISO 4217 code of the cost");
const TEAM: Column = column("team", Kind::Text, "owning team");

/// Every list, in the order of the reference.
pub static RESOURCES: [&Resource; 10] = [
    &entities::TEAMS,
    &entities::WORKLOADS,
    &entities::TABLES,
    &entities::CLUSTERS,
    &entities::RUNS,
    &records::FINDINGS,
    &what_if::WHAT_IF,
    &records::ALERTS,
    &records::SOURCES,
    &records::CHECKS,
];

impl Resource {
    /// Names of all its parameters.
    pub fn parameters(&self) -> Vec<&'static str> {
        let shared = SHARED.iter().copied().filter(|_| self.costs);
        shared.chain(self.own.iter().map(|own| own.name)).collect()
    }

    /// Answers a question for it.
    pub async fn serve(&'static self, visit: Visit, asked: Asked) -> axum::response::Response {
        answer(visit, asked, self.fixed, move |mart, visit, pairs| {
            let own: BTreeMap<String, String> = pairs
                .iter()
                .filter(|(key, value)| self.own.iter().any(|own| own.name == key) && !value.is_empty())
                .cloned()
                .collect();
            let mut shared = Vec::new();
            let mut faults = Vec::new();
            for (key, value) in pairs {
                if self.costs && SHARED.contains(&key.as_str()) {
                    shared.push((key, value));
                } else if self.own.iter().all(|own| own.name != key) {
                    faults.push(format!("`{key}` is not a parameter: use {}", self.parameters().join(", ")));
                }
            }
            let mut lens = match Lens::of(shared) {
                Ok(lens) => lens,
                Err(more) => {
                    faults.extend(more);
                    Lens::default()
                }
            };
            if !faults.is_empty() {
                return Err(PageError::BadRequest(faults));
            }
            // Unlike pages, a question without days is about all of them.
            lens.from = lens.from.or(mart.info().first_day);
            lens.to = lens.to.or(mart.info().end_day);
            if let Some(currency) = own.get("currency") {
                lens.currency = Some(currency.parse().map_err(|fault| PageError::BadRequest(vec![fault]))?);
            }
            let context = Context::new(mart, lens, Path::new(["api"]), visit.now())?;
            let rows = (self.read)(&context, visit, &own)?;
            let columns = self.columns.iter().map(|column| column.name.into()).collect();
            let mut head = serde_json::Map::new();
            if self.costs {
                head.insert("from".to_owned(), serde_json::json!(context.scope.from));
                head.insert("to".to_owned(), serde_json::json!(context.scope.to));
                head.insert("basis".to_owned(), serde_json::json!(context.lens.basis));
            }
            Ok(Listing { head, columns, rows: Box::new(rows.into_iter()) })
        })
        .await
    }
}
