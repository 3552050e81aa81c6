//! What one dimension has of a whole: its values with their cost and share, each opening its
//! parts. Services of a team, workloads of a table and tables of a workload are told so.

use attribution::mart::{Dimension, Filter, NONE};
use model::Amount;

use crate::chart;
use crate::context::{Context, only};
use crate::error::PageError;
use crate::table::{self, Cell, Table};

/// What the table of one dimension says.
pub struct Shares {
    pub id: &'static str,
    pub caption: &'static str,
    pub noun: (&'static str, &'static str),
    pub dimension: Dimension,
    /// First path segment of the pages of its values, where they have any.
    pub place: Option<&'static str>,
    /// What has no value is called.
    pub nothing: &'static str,
    /// Head of the shares: of what they are.
    pub whole: &'static str,
    /// What there is nothing of: `Nothing was charged for it`.
    pub empty: &'static str,
}

impl Shares {
    /// One row a value; the rows sum to what the filters leave.
    pub fn table(&self, context: &Context<'_>, filters: &[Filter]) -> Result<Table, PageError> {
        let costs = context.by(self.dimension.clone(), filters)?;
        let total: Amount = costs.values().copied().sum();
        let row = |(value, cost): (&String, &Amount)| {
            let href = context.explain(&chart::with(filters, only(self.dimension.clone(), value)));
            vec![
                match self.place {
                    _ if value == NONE => Cell::text(self.nothing),
                    Some(place) => Cell::link(value.as_str(), context.entity(place, value)),
                    None => Cell::text(value.as_str()),
                },
                Cell::MoneyLink { amount: *cost, href },
                Cell::Share { part: *cost, whole: total, class: "share" },
            ]
        };
        let (key, head) = match self.dimension {
            Dimension::Service => ("service", "Service"),
            Dimension::Workload => ("workload", "Workload"),
            _ => ("table", "Table"),
        };
        let columns = vec![
            table::text(key, head),
            table::number("cost", format!("Cost ({})", context.scope.currency)),
            table::number("share", self.whole).derived(),
        ];
        Ok(Table {
            id: self.id,
            caption: self.caption.to_owned(),
            noun: self.noun,
            foot: Some(table::foot(&columns, [("cost", Cell::Money(total))])),
            columns,
            rows: costs.iter().map(row).collect(),
            sort: ("cost", true),
            empty: context.nothing(self.empty),
        })
    }
}
