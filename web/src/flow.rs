//! The flow from the bill to the teams: services, what they went into, and whose they are.

use std::collections::BTreeMap;

use attribution::mart::{Dimension, NONE};
use model::{Amount, Category};
use reports::chart::bars;
use reports::palette::Theme;
use serde::Serialize;

use crate::chart::{ChartView, inert_json, label};
use crate::colour;
use crate::context::{Context, only};
use crate::error::PageError;
use crate::table::{self, Cell, Table};

/// Services and teams told apart; the rest are drawn as one.
const MOST: usize = 7;

#[derive(Serialize)]
struct Flow<'a> {
    kind: &'static str,
    title: &'a str,
    nodes: Vec<Node>,
    links: Vec<Link>,
}

#[derive(Serialize)]
struct Node {
    /// Unlike the label, unique over the three columns.
    id: String,
    label: String,
    depth: usize,
    class: String,
    hatched: bool,
    shown: String,
    href: String,
}

#[derive(Serialize)]
struct Link {
    source: String,
    target: String,
    value: f64,
    shown: String,
}

/// The chart, and the table of every flow.
pub fn bill_to_teams(context: &Context<'_>) -> Result<(ChartView, Table), PageError> {
    let rows = context.costs(&[Dimension::Service, Dimension::Category, Dimension::Team], &[])?;
    let title = "From the bill to the teams".to_owned();
    let dimensions = [Dimension::Service, Dimension::Category, Dimension::Team];
    let kept = [0, 2].map(|column| largest(rows.iter().map(|row| (&row.keys[column], row.cost))));
    let name = |column: usize, key: &str| match column {
        0 if !kept[0].contains(&key.to_owned()) => None,
        2 if !kept[1].contains(&key.to_owned()) => None,
        _ => Some(key.to_owned()),
    };
    let mut nodes: BTreeMap<(usize, Option<String>), Amount> = BTreeMap::new();
    let mut links: BTreeMap<(usize, Option<String>, Option<String>), Amount> = BTreeMap::new();
    let mut negative = Amount::ZERO;
    for row in &rows {
        // A width cannot be less than nothing: credits stand in the table and in the note.
        if row.cost <= Amount::ZERO {
            negative += row.cost;
            continue;
        }
        for column in 0..3 {
            *nodes.entry((column, name(column, &row.keys[column]))).or_default() += row.cost;
        }
        for column in 0..2 {
            let ends = (column, name(column, &row.keys[column]), name(column + 1, &row.keys[column + 1]));
            *links.entry(ends).or_default() += row.cost;
        }
    }
    let colours = [
        context.colours(&Dimension::Service)?,
        context.colours(&Dimension::Category)?,
        context.colours(&Dimension::Team)?,
    ];
    let id =
        |column: usize, key: &Option<String>| format!("{column}:{}", key.as_deref().unwrap_or("\u{0}other"));
    let data = Flow {
        kind: "flow",
        title: &title,
        nodes: nodes
            .iter()
            .map(|((column, key), amount)| Node {
                id: id(*column, key),
                label: key
                    .as_deref()
                    .map_or_else(|| "other".to_owned(), |key| label(&dimensions[*column], key)),
                depth: *column,
                // Only the middle and the right carry meaning; services stay neutral.
                class: match (column, key) {
                    (0, _) | (_, None) => "slot-other".to_owned(),
                    (column, Some(key)) => colour::class(colours[*column].of(key)),
                },
                hatched: *column == 1 && key.as_deref() == Some(Category::Idle.name()),
                shown: context.money(*amount),
                href: key.as_deref().map_or_else(
                    || context.explain(&[]),
                    |key| context.explain(&[only(dimensions[*column].clone(), key)]),
                ),
            })
            .collect(),
        links: links
            .iter()
            .map(|((column, from, to), amount)| Link {
                source: id(*column, from),
                target: id(column + 1, to),
                value: amount.to_f64(),
                shown: context.money(*amount),
            })
            .collect(),
    };
    let json = inert_json(&data)?;
    let categories: Vec<(String, Amount)> = Category::ALL
        .iter()
        .filter_map(|category| {
            let amount: Amount =
                rows.iter().filter(|row| row.keys[1] == category.name()).map(|row| row.cost).sum();
            (!amount.is_zero()).then(|| (category.name().to_owned(), amount))
        })
        .collect();
    let svg = |theme| -> Result<String, PageError> {
        if categories.is_empty() {
            return Ok(String::new());
        }
        Ok(bars(&categories, context.scope.currency, (960, 220), theme)?)
    };
    let note = (!negative.is_zero()).then(|| {
        format!("Credits and refunds of {} have no width here; the table has them.", context.money(negative))
    });
    let chart = ChartView {
        id: "flows",
        kind: "flow",
        json,
        light: svg(Theme::Light)?,
        dark: svg(Theme::Dark)?,
        legend: vec![],
        note,
        title,
    };
    let cells = rows.iter().map(|row| {
        let filters: Vec<_> =
            dimensions.iter().zip(&row.keys).map(|(dimension, key)| only(dimension.clone(), key)).collect();
        vec![
            Cell::text(row.keys[0].as_str()),
            Cell::text(row.keys[1].as_str()),
            if row.keys[2] == NONE {
                Cell::text(NONE)
            } else {
                Cell::link(row.keys[2].as_str(), context.entity("teams", &row.keys[2]))
            },
            Cell::MoneyLink { amount: row.cost, href: context.explain(&filters) },
        ]
    });
    let table = Table {
        id: "flows",
        caption: "Every flow from a service to a team".to_owned(),
        noun: ("flow", "flows"),
        columns: vec![
            table::text("service", "Service"),
            table::text("category", "Went into"),
            table::text("team", "Team"),
            table::number("cost", format!("Cost ({})", context.scope.currency)),
        ],
        rows: cells.collect(),
        foot: Some(vec![
            Cell::text("Total"),
            Cell::Nothing,
            Cell::Nothing,
            Cell::Money(rows.iter().map(|row| row.cost).sum()),
        ]),
        sort: ("cost", true),
        empty: "Nothing was charged in this span.".to_owned(),
    };
    Ok((chart, table))
}

/// The keys with most cost.
fn largest<'a>(costs: impl Iterator<Item = (&'a String, Amount)>) -> Vec<String> {
    let mut sums: BTreeMap<&String, Amount> = BTreeMap::new();
    for (key, cost) in costs {
        *sums.entry(key).or_default() += cost;
    }
    let mut sums: Vec<_> = sums.into_iter().collect();
    sums.sort_by_key(|(_, sum)| std::cmp::Reverse(*sum));
    sums.into_iter().take(MOST).map(|(key, _)| key.clone()).collect()
}
