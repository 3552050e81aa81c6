//! The chart of Explore: over time, or the largest as bars.

use std::collections::BTreeMap;

use attribution::mart::Dimension;
use model::Amount;
use reports::chart::Shape;
use reports::palette::ColourSlot;

use super::explore_asked::{Asked, Drawn, Measure, measured};
use super::explore_rows::narrowed;
use crate::asset::SLOTS;
use crate::chart::{self, ChartView, Ranked};
use crate::colour::Colours;
use crate::context::Context;
use crate::course::{Course, Line, Unit, periods};
use crate::error::PageError;
use crate::link::Path;
use crate::table::{Cell, Table};

fn title(asked: &Asked, over: Option<&Dimension>) -> String {
    let what = match asked.measure {
        Measure::Cost => "Cost",
        Measure::Idle => "Idle cost",
        Measure::Waste => "Waste a month",
    };
    let mut by: Vec<String> = over.map(Dimension::name).into_iter().collect();
    by.extend(asked.told_apart().map(Dimension::name));
    format!("{what} by {}", by.join(" and "))
}

/// Stable colours where the values are few and named on other pages too; else by what is shown.
fn colours(
    context: &Context<'_>,
    dimension: &Dimension,
    sums: &BTreeMap<String, Amount>,
) -> Result<Colours, PageError> {
    match dimension {
        Dimension::Team
        | Dimension::Category
        | Dimension::Service
        | Dimension::Cluster
        | Dimension::Pool
        | Dimension::Region
        | Dimension::Account
        | Dimension::Engine => context.colours(dimension),
        _ => {
            let mut ranked: Vec<_> = sums.iter().collect();
            ranked.sort_by_key(|(_, sum)| std::cmp::Reverse(sum.abs()));
            Ok(Colours::in_order(ranked.iter().take(SLOTS).map(|(name, _)| name.as_str())))
        }
    }
}

/// The measure over time, by the values of the first dimension that is none.
pub fn over_time(context: &Context<'_>, asked: &Asked) -> Result<ChartView, PageError> {
    let grain = asked.grain();
    let periods = periods(context, &grain);
    let places: BTreeMap<&str, usize> =
        periods.keys().enumerate().map(|(i, key)| (key.as_str(), i)).collect();
    let by: Vec<Dimension> = [grain.clone()].into_iter().chain(asked.told_apart().cloned()).collect();
    let mut values: BTreeMap<String, Vec<Amount>> = BTreeMap::new();
    for (keys, cost) in measured(context, &by, asked.measure)? {
        let Some(at) = keys.first().and_then(|key| places.get(key.as_str())) else { continue };
        let name = keys.get(1).cloned().unwrap_or_default();
        values.entry(name).or_insert_with(|| vec![Amount::ZERO; places.len()])[*at] += cost;
    }
    let url = |lens: crate::lens::Lens| lens.url(&Path::new(["explore"]));
    let lines: Vec<Line> = match asked.told_apart() {
        None => values
            .into_values()
            .map(|values| Line {
                name: if asked.measure == Measure::Idle { "idle" } else { "cost" }.to_owned(),
                slot: if asked.measure == Measure::Idle { ColourSlot::Idle } else { ColourSlot::Blue },
                values,
                href: Some(url(context.lens.page())),
            })
            .collect(),
        Some(dimension) => {
            let sums =
                values.iter().map(|(name, values)| (name.clone(), values.iter().copied().sum())).collect();
            let colours = colours(context, dimension, &sums)?;
            chart::grouped(values, &colours)
                .into_iter()
                .map(|group| Line {
                    name: group
                        .key
                        .as_deref()
                        .map_or_else(|| "other".to_owned(), |key| chart::label(dimension, key)),
                    slot: group.slot,
                    href: Some(url(match &group.key {
                        Some(key) => narrowed(context, dimension, key),
                        None => context.lens.page(),
                    })),
                    values: group.values,
                })
                .collect()
        }
    };
    let shape = if asked.drawn == Drawn::Line { Shape::Lines } else { Shape::Columns };
    Course {
        id: "explored",
        title: title(asked, Some(&grain)),
        points: periods.into_values().collect(),
        lines,
        shape,
        unit: Unit::Money(context.scope.currency),
        note: None,
    }
    .view()
}

/// The largest values of the first dimension, or of all rows where it is waste; nothing of none.
pub fn bars(context: &Context<'_>, asked: &Asked, rows: &Table) -> Result<Option<ChartView>, PageError> {
    let grain = asked.grain();
    let dimension = asked.told_apart().unwrap_or(&grain);
    let amounts: Vec<(String, Amount)> = if asked.measure == Measure::Waste {
        let saving = |row: &Vec<Cell>| match (row.first(), row.get(1)) {
            (Some(name), Some(Cell::Money(saving))) if !saving.is_zero() => Some((name.exported(), *saving)),
            _ => None,
        };
        rows.rows.iter().filter_map(saving).collect()
    } else {
        let measured = measured(context, std::slice::from_ref(dimension), asked.measure)?;
        measured.into_iter().map(|(keys, cost)| (keys.concat(), cost)).collect()
    };
    if amounts.is_empty() {
        return Ok(None);
    }
    let sums = amounts.iter().cloned().collect();
    let colours = colours(context, dimension, &sums)?;
    let ranked = amounts
        .into_iter()
        .map(|(key, amount)| Ranked {
            name: chart::label(dimension, &key),
            amount,
            slot: colours.of(&key),
            href: match asked.measure {
                Measure::Waste => context.entity(place(dimension), &key),
                _ => narrowed(context, dimension, &key).url(&Path::new(["explore"])),
            },
        })
        .collect();
    chart::ranks(context, "explored", title(asked, None), ranked).map(Some)
}

/// Where the pages of a dimension's values are.
const fn place(dimension: &Dimension) -> &'static str {
    match dimension {
        Dimension::Workload => "workloads",
        Dimension::Table => "tables",
        Dimension::Cluster => "clusters",
        _ => "teams",
    }
}
