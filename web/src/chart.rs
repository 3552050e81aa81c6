//! Charts: one set of values, shown by ECharts where JavaScript runs, by the SVG of
//! [`reports::chart`] where it does not, and always as a table too.

use std::collections::BTreeMap;

use askama::Template;
use attribution::mart::{CostRow, Dimension, Filter, NONE};
use chrono::{Datelike, NaiveDate, Weekday};
use model::Amount;
use reports::chart::{Series, bars, stacked_days};
use reports::palette::{ColourSlot, Theme};
use serde::Serialize;

use crate::asset::SLOTS;
use crate::axis::Axis;
use crate::cluster_names::ClusterNames;
use crate::colour::{self, Colours};
use crate::context::{Context, only};
use crate::error::PageError;
use crate::table::{self, Cell, Table};

/// Size of the SVG shown without JavaScript, in its own units; it scales with the page.
pub const SVG_SIZE: (u32, u32) = (960, 280);
/// Items of a rank.
const RANKS: usize = 10;

/// One chart of a page.
#[derive(Template)]
#[template(path = "component/chart.html")]
pub struct ChartView {
    pub id: &'static str,
    pub kind: &'static str,
    pub title: String,
    /// Data for the script; JSON in which no `<` stands.
    pub json: String,
    /// SVG for a light and a dark page.
    pub light: String,
    pub dark: String,
    pub legend: Vec<LegendItem>,
    pub note: Option<String>,
}

impl ChartView {
    /// Whether there is nothing to draw: words are read more easily than an empty picture.
    fn is_blank(&self) -> bool {
        self.json.contains("\"series\":[]")
    }
}

/// One entry of a legend, which is also the keyboard's way into the chart.
pub struct LegendItem {
    pub name: String,
    pub class: String,
    pub shown: String,
    /// Empty where it leads nowhere.
    pub href: String,
}

#[derive(Serialize)]
struct Stacked<'a> {
    kind: &'static str,
    title: &'a str,
    days: Vec<Day>,
    series: Vec<StackedSeries>,
    totals: Vec<String>,
    axis: Axis,
}

#[derive(Serialize)]
struct Day {
    day: NaiveDate,
    next: Option<NaiveDate>,
    short: String,
    long: String,
    weekend: bool,
    partial: bool,
}

#[derive(Serialize)]
struct StackedSeries {
    name: String,
    class: String,
    hatched: bool,
    values: Vec<f64>,
    shown: Vec<String>,
    href: String,
}

/// Spend by day, stacked by the values of one dimension, with the table of the same figures.
pub fn by_day(
    context: &Context<'_>,
    dimension: Dimension,
    filters: &[Filter],
    title: String,
) -> Result<(ChartView, Table), PageError> {
    let rows = context.costs(&[Dimension::Day, dimension.clone()], filters)?;
    by_day_of(context, dimension, Some(filters), title, rows)
}

/// The same of these costs by day and dimension, which these filters leave; without any its
/// figures lead nowhere, for no question has them as its answer.
pub fn by_day_of(
    context: &Context<'_>,
    dimension: Dimension,
    filters: Option<&[Filter]>,
    title: String,
    rows: Vec<CostRow>,
) -> Result<(ChartView, Table), PageError> {
    let days = context.days();
    // Clusters by the names they are given.
    let clusters = match dimension {
        Dimension::Cluster => Some(ClusterNames::of(context)?),
        _ => None,
    };
    let colours = match &clusters {
        Some(names) => names.colours(context)?,
        None => context.colours(&dimension)?,
    };
    let mut values: BTreeMap<String, Vec<Amount>> = BTreeMap::new();
    // What is of no cluster is not what a chart of clusters is about.
    let is_shown = |key: &str| dimension != Dimension::Cluster || key != NONE;
    // A day of which something is left out is not the day that opens.
    let of_days = filters.filter(|_| rows.iter().all(|row| is_shown(&row.keys[1])));
    for row in rows.into_iter().filter(|row| is_shown(&row.keys[1])) {
        let Some(at) = row.keys[0].parse::<NaiveDate>().ok().and_then(|day| days.binary_search(&day).ok())
        else {
            continue;
        };
        let key = clusters.as_ref().map_or(row.keys[1].as_str(), |names| names.called(&row.keys[1]));
        let series = values.entry(key.to_owned()).or_insert_with(|| vec![Amount::ZERO; days.len()]);
        series[at] += row.cost;
    }
    let groups = grouped(values, &colours);
    let href = |group: &Group| {
        // What is not told apart is what no filter leaves.
        let (Some(filters), Some(key)) = (filters, &group.key) else { return String::new() };
        let explained = |key: &str| context.explain(&with(filters, only(dimension.clone(), key)));
        match clusters.as_ref().map_or(&[] as &[String], |names| names.ids(key)) {
            [] => explained(key),
            [one] => explained(one),
            _ => context.entity("clusters", key),
        }
    };
    let label = |group: &Group| match group.key.as_deref() {
        None => "other".to_owned(),
        Some(key) => label(&dimension, key),
    };

    let totals: Vec<Amount> =
        (0..days.len()).map(|i| groups.iter().map(|group| group.values[i]).sum()).collect();
    let series = groups
        .iter()
        .map(|group| Stack {
            name: label(group),
            slot: group.slot,
            values: group.values.clone(),
            href: href(group),
        })
        .collect();
    let chart = stack(context, "by-day", title, &days, series)?;
    let table = day_table(context, &days, &groups, &totals, &label, of_days);
    Ok((chart, table))
}

/// One series of a stack of days.
pub struct Stack {
    pub name: String,
    pub slot: ColourSlot,
    /// One a day.
    pub values: Vec<Amount>,
    /// Where the series leads; a column leads there with its day. Empty where it leads nowhere.
    pub href: String,
}

/// Columns by day, the first series at the bottom.
pub fn stack(
    context: &Context<'_>,
    id: &'static str,
    title: String,
    days: &[NaiveDate],
    series: Vec<Stack>,
) -> Result<ChartView, PageError> {
    let at = |i: usize| series.iter().map(move |one| one.values[i]);
    let totals: Vec<Amount> = (0..days.len()).map(|i| at(i).sum()).collect();
    let heights = |sign: fn(&Amount) -> bool| -> Vec<Amount> {
        (0..days.len()).map(|i| at(i).filter(sign).sum()).collect()
    };
    let high = heights(|value| *value > Amount::ZERO).into_iter().max().unwrap_or_default();
    let low = heights(|value| *value < Amount::ZERO).into_iter().min().unwrap_or_default();
    let published = context.mart.info().published_at.date_naive();
    let data = Stacked {
        kind: "stacked",
        title: &title,
        days: days
            .iter()
            .map(|day| Day {
                day: *day,
                next: day.succ_opt(),
                short: day.format("%-d %b").to_string(),
                long: reports::format::day(*day),
                weekend: matches!(day.weekday(), Weekday::Sat | Weekday::Sun),
                partial: *day >= published,
            })
            .collect(),
        series: series
            .iter()
            .map(|one| StackedSeries {
                name: one.name.clone(),
                class: colour::class(one.slot),
                hatched: one.slot == ColourSlot::Idle,
                values: one.values.iter().map(|value| value.to_f64()).collect(),
                shown: one.values.iter().map(|value| context.money(*value)).collect(),
                href: one.href.clone(),
            })
            .collect(),
        totals: totals.iter().map(|total| context.money(*total)).collect(),
        axis: Axis::new(low, high, context.scope.currency),
    };
    let json = inert_json(&data)?;
    let drawn: Vec<Series> = series
        .iter()
        .map(|one| Series { name: one.name.clone(), slot: one.slot, values: one.values.clone() })
        .collect();
    let svg = |theme| -> Result<String, PageError> {
        if days.is_empty() {
            return Ok(String::new());
        }
        Ok(stacked_days(days, &drawn, context.scope.currency, SVG_SIZE, theme)?)
    };
    let partial = days.iter().any(|day| *day >= published);
    Ok(ChartView {
        id,
        kind: "stacked",
        json,
        light: svg(Theme::Light)?,
        dark: svg(Theme::Dark)?,
        legend: series
            .iter()
            .map(|one| LegendItem {
                name: one.name.clone(),
                class: colour::class(one.slot),
                shown: context.short(one.values.iter().copied().sum()),
                href: one.href.clone(),
            })
            .collect(),
        note: partial
            .then(|| "Lighter columns are days that were not over when this was published.".to_owned()),
        title,
    })
}

/// One series of a stack, before it has a name.
pub struct Group {
    /// Value of the dimension; nothing for all that are not told apart.
    pub key: Option<String>,
    pub slot: ColourSlot,
    pub values: Vec<Amount>,
}

/// At most as many groups as there are colours, the rest as one; in a stable order, with
/// idle on top of the stack and what has no name last.
pub fn grouped(values: BTreeMap<String, Vec<Amount>>, colours: &Colours) -> Vec<Group> {
    let mut groups = Vec::new();
    let mut rest: Option<Vec<Amount>> = None;
    for (key, values) in values {
        let slot = colours.of(&key);
        if slot == ColourSlot::Other && colours.rank(&key) >= SLOTS {
            match &mut rest {
                Some(rest) => rest.iter_mut().zip(values).for_each(|(sum, value)| *sum += value),
                None => rest = Some(values),
            }
        } else {
            groups.push(Group { key: Some(key), slot, values });
        }
    }
    groups.sort_by_key(|group| {
        let rank = group.key.as_deref().map_or(usize::MAX, |key| colours.rank(key));
        (group.slot == ColourSlot::Idle, rank)
    });
    groups.extend(rest.map(|values| Group { key: None, slot: ColourSlot::Other, values }));
    groups
}

/// What a key is called in legends and heads.
pub fn label(dimension: &Dimension, key: &str) -> String {
    match (key, dimension) {
        (NONE, Dimension::Team | Dimension::Workload | Dimension::Table | Dimension::Cluster) => {
            format!("no {dimension}")
        }
        (key, _) => reports::label::visible(key),
    }
}

/// Filters with one more.
pub fn with(filters: &[Filter], more: Filter) -> Vec<Filter> {
    filters.iter().cloned().chain([more]).collect()
}

/// Keys of the columns of day tables; a group's own name may be anything.
const GROUP_KEYS: [&str; SLOTS + 4] =
    ["g1", "g2", "g3", "g4", "g5", "g6", "g7", "g8", "g9", "g10", "g11", "g12"];

fn day_table(
    context: &Context<'_>,
    days: &[NaiveDate],
    groups: &[Group],
    totals: &[Amount],
    label: &dyn Fn(&Group) -> String,
    filters: Option<&[Filter]>,
) -> Table {
    let mut columns = vec![table::text("day", "Day (UTC)")];
    let keyed = groups.iter().zip(GROUP_KEYS);
    columns.extend(keyed.map(|(group, key)| table::number(key, label(group)).named(label(group))));
    columns.push(table::number("total", "Total"));
    let row = |(i, day): (usize, &NaiveDate)| {
        let href = filters.map(|filters| {
            let lens = context.lens.shared().days(*day, day.succ_opt().unwrap_or(*day));
            let lens =
                filters.iter().fold(lens, |lens, filter| lens.only(filter.dimension.clone(), &filter.value));
            lens.url(&crate::link::Path::new(["explain"]))
        });
        let mut cells = vec![Cell::Day { day: *day, href }];
        cells.extend(groups.iter().map(|group| Cell::Money(group.values[i])));
        cells.push(Cell::Money(totals[i]));
        cells
    };
    let sum = |values: &[Amount]| Cell::Money(values.iter().copied().sum());
    let mut foot = vec![Cell::text("Total")];
    foot.extend(groups.iter().map(|group| sum(&group.values)));
    foot.push(sum(totals));
    Table {
        id: "by-day",
        caption: "The chart’s figures by day".to_owned(),
        noun: ("day", "days"),
        columns,
        rows: days.iter().enumerate().map(row).collect(),
        foot: Some(foot),
        sort: ("day", false),
        empty: context.nothing("Nothing was charged"),
    }
}

/// One item of a rank.
pub struct Ranked {
    pub name: String,
    pub amount: Amount,
    pub slot: ColourSlot,
    pub href: String,
}

#[derive(Serialize)]
struct Ranks<'a> {
    kind: &'static str,
    title: &'a str,
    items: Vec<RankItem>,
    axis: Axis,
}

#[derive(Serialize)]
struct RankItem {
    name: String,
    value: f64,
    shown: String,
    /// Three significant figures, beside the bar.
    short: String,
    class: String,
    href: String,
}

/// The largest items as horizontal bars.
pub fn ranks(
    context: &Context<'_>,
    id: &'static str,
    title: String,
    mut items: Vec<Ranked>,
) -> Result<ChartView, PageError> {
    items.sort_by(|a, b| b.amount.cmp(&a.amount).then_with(|| a.name.cmp(&b.name)));
    let all = items.len();
    items.truncate(RANKS);
    let amounts = || items.iter().map(|item| item.amount);
    let data = Ranks {
        kind: "ranks",
        title: &title,
        axis: Axis::new(
            amounts().min().unwrap_or_default(),
            amounts().max().unwrap_or_default(),
            context.scope.currency,
        ),
        items: items
            .iter()
            .map(|item| RankItem {
                name: reports::label::visible(&item.name),
                value: item.amount.to_f64(),
                shown: context.money(item.amount),
                short: context.short(item.amount),
                class: colour::class(item.slot),
                href: item.href.clone(),
            })
            .collect(),
    };
    let json = inert_json(&data)?;
    let drawn: Vec<(String, Amount)> =
        items.iter().map(|item| (reports::label::visible(&item.name), item.amount)).collect();
    let height = 40 + 28 * u32::try_from(drawn.len().max(2)).unwrap_or(10);
    let svg = |theme| -> Result<String, PageError> {
        if drawn.is_empty() {
            return Ok(String::new());
        }
        Ok(bars(&drawn, context.scope.currency, (SVG_SIZE.0, height), theme)?)
    };
    Ok(ChartView {
        id,
        kind: "ranks",
        json,
        light: svg(Theme::Light)?,
        dark: svg(Theme::Dark)?,
        legend: vec![],
        note: (all > RANKS).then(|| {
            format!("The {RANKS} largest of {}; all are in the table.", reports::format::count(all as i64))
        }),
        title,
    })
}

/// JSON that cannot end its script element, whatever its strings hold.
pub fn inert_json(data: &impl Serialize) -> Result<String, PageError> {
    let json = serde_json::to_string(data)?;
    Ok(json
        .replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026")
        .replace('\u{2028}', "\\u2028")
        .replace('\u{2029}', "\\u2029"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_ends_the_script_element_it_stands_in() {
        let name = "</script><script>alert(1)</script><!-- & \u{2028}";
        let json = inert_json(&[name]).unwrap();
        assert!(!json.contains('<') && !json.contains('&') && !json.contains('\u{2028}'), "{json}");
        assert_eq!(serde_json::from_str::<Vec<String>>(&json).unwrap(), [name]);
    }

    #[test]
    fn idle_stands_on_top_and_the_stack_keeps_every_cent() {
        let one = |units: i128| vec![Amount::from_units(units)];
        let names = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
        let colours = Colours::in_order(names.into_iter());
        let values = names
            .iter()
            .map(|name| ((*name).to_owned(), one(1)))
            .chain([(NONE.to_owned(), one(5))])
            .collect();
        let groups = grouped(values, &colours);
        assert_eq!(groups.len(), SLOTS + 2, "eight colours, none, and one for the rest");
        assert_eq!(groups.iter().map(|group| group.values[0]).sum::<Amount>(), Amount::from_units(15));
        let categories = ["idle", "usage", "unallocated"].map(|name| (name.to_owned(), one(1)));
        let groups = grouped(categories.into_iter().collect(), &Colours::of_categories());
        let order: Vec<_> = groups.iter().filter_map(|group| group.key.as_deref()).collect();
        assert_eq!(order, ["usage", "unallocated", "idle"]);
    }
}
