//! The chart of Explore: over time, or the largest as bars.

use std::collections::{BTreeMap, BTreeSet};

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

/// Keys, the first of them a place in time and the second a name, with what that cost.
type Cost = (Vec<String>, Amount);

/// The name of a cost over time; nothing where names are not told apart.
fn name(keys: &[String]) -> &str {
    keys.get(1).map_or("", String::as_str)
}

fn sums(costs: &[Cost]) -> BTreeMap<String, Amount> {
    let mut sums: BTreeMap<String, Amount> = BTreeMap::new();
    for (keys, cost) in costs {
        match sums.get_mut(name(keys)) {
            Some(sum) => *sum += *cost,
            None => drop(sums.insert(name(keys).to_owned(), *cost)),
        }
    }
    sums
}

/// Amounts by name, one a place in time. Of names without a colour of their own, `others`, there
/// may be a million, such as of runs: the first of them stands for all, which the chart calls "other".
fn spread(
    costs: Vec<Cost>,
    places: &BTreeMap<&str, usize>,
    others: &BTreeSet<String>,
) -> BTreeMap<String, Vec<Amount>> {
    let mut values: BTreeMap<String, Vec<Amount>> = BTreeMap::new();
    for (keys, cost) in costs {
        let Some(at) = keys.first().and_then(|key| places.get(key.as_str())) else { continue };
        let own = name(&keys);
        let name = others.first().filter(|_| others.contains(own)).map_or(own, String::as_str);
        match values.get_mut(name) {
            Some(series) => series[*at] += cost,
            None => {
                let mut series = vec![Amount::ZERO; places.len()];
                series[*at] += cost;
                values.insert(name.to_owned(), series);
            }
        }
    }
    values
}

/// Names that have no colour of their own.
fn others(sums: BTreeMap<String, Amount>, colours: &Colours) -> BTreeSet<String> {
    let is_other = |name: &String| colours.of(name) == ColourSlot::Other && colours.rank(name) >= SLOTS;
    sums.into_keys().filter(is_other).collect()
}

/// The measure over time, by the values of the first dimension that is none.
pub fn over_time(context: &Context<'_>, asked: &Asked) -> Result<ChartView, PageError> {
    let grain = asked.grain();
    let periods = periods(context, &grain);
    let places: BTreeMap<&str, usize> =
        periods.keys().enumerate().map(|(i, key)| (key.as_str(), i)).collect();
    let by: Vec<Dimension> = [grain.clone()].into_iter().chain(asked.told_apart().cloned()).collect();
    let mut costs = measured(context, &by, asked.measure)?;
    costs.retain(|(keys, _)| keys.first().is_some_and(|key| places.contains_key(key.as_str())));
    let url = |lens: crate::lens::Lens| lens.url(&Path::new(["explore"]));
    let lines: Vec<Line> = match asked.told_apart() {
        None => spread(costs, &places, &BTreeSet::new())
            .into_values()
            .map(|values| Line {
                name: if asked.measure == Measure::Idle { "idle" } else { "cost" }.to_owned(),
                slot: if asked.measure == Measure::Idle { ColourSlot::Idle } else { ColourSlot::Blue },
                values,
                href: Some(url(context.lens.page())),
            })
            .collect(),
        Some(dimension) => {
            let sums = sums(&costs);
            let colours = colours(context, dimension, &sums)?;
            chart::grouped(spread(costs, &places, &others(sums, &colours)), &colours)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_without_a_colour_share_one_series() {
        let places: BTreeMap<&str, usize> = [("2026-10-05", 0), ("2026-10-06", 1)].into();
        let names: Vec<String> = (0..20).map(|i| format!("run-{i:02}")).collect();
        let costs = || -> Vec<Cost> {
            let cost =
                |name: &String, day: &str, cost| (vec![day.to_owned(), name.clone()], Amount::whole(cost));
            names
                .iter()
                .flat_map(|name| [cost(name, "2026-10-05", 1), cost(name, "2026-10-06", 2)])
                .chain([cost(&names[0], "2026-10-07", 9)])
                .collect()
        };
        assert_eq!(sums(&costs())["run-01"], Amount::whole(3));
        let colours = Colours::in_order(names.iter().take(SLOTS).map(String::as_str));
        let values = spread(costs(), &places, &others(sums(&costs()), &colours));
        assert_eq!(values.len(), SLOTS + 1);
        assert_eq!(values["run-00"], [Amount::whole(1), Amount::whole(2)], "what is of no place is left out");
        let rest = (names.len() - SLOTS) as i64;
        let groups = chart::grouped(values, &colours);
        let last = groups.last().map(|group| (group.key.clone(), group.values.clone()));
        assert_eq!(last, Some((None, vec![Amount::whole(rest), Amount::whole(2 * rest)])));
    }
}
