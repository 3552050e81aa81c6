//! Flows as wide as what flows: from the bill through pools to the teams, and from table to
//! table.

use std::collections::{BTreeMap, BTreeSet};

use attribution::mart::{Dimension, NONE};
use model::{Amount, Category};
use reports::chart::{FlowLink, FlowNode, Wording, flow};
use reports::palette::{ColourSlot, Theme};
use serde::Serialize;

use crate::chart::{ChartView, inert_json, label};
use crate::colour;
use crate::context::{Context, only};
use crate::error::PageError;
use crate::table::{self, Cell, Table};

/// Services, pools and teams told apart; the rest are drawn as one each.
const MOST: usize = 7;

/// One place that something flows through.
pub struct Node {
    pub label: String,
    /// Column, from 0.
    pub column: usize,
    pub slot: ColourSlot,
    /// What flows through it, written out.
    pub shown: String,
    pub href: Option<String>,
}

/// What flows from one node to another, by their places in the list; more than nothing.
pub struct Link {
    pub from: usize,
    pub to: usize,
    pub amount: Amount,
}

#[derive(Serialize)]
struct Data<'a> {
    kind: &'static str,
    title: &'a str,
    nodes: Vec<DataNode<'a>>,
    links: Vec<DataLink>,
}

#[derive(Serialize)]
struct DataNode<'a> {
    /// Unlike the label, unique.
    id: String,
    label: String,
    depth: usize,
    class: String,
    hatched: bool,
    shown: &'a str,
    href: &'a str,
}

#[derive(Serialize)]
struct DataLink {
    source: String,
    target: String,
    depth: usize,
    value: f64,
    shown: String,
}

/// Flows as a chart, for browsers with and without JavaScript; `written` writes an amount.
pub fn chart(
    id: &'static str,
    title: String,
    nodes: &[Node],
    links: &[Link],
    note: Option<String>,
    written: &dyn Fn(Amount) -> String,
) -> Result<ChartView, PageError> {
    let data = Data {
        kind: "flow",
        title: &title,
        nodes: nodes
            .iter()
            .enumerate()
            .map(|(i, node)| DataNode {
                id: i.to_string(),
                label: reports::label::visible(&node.label),
                depth: node.column,
                class: colour::class(node.slot),
                hatched: node.slot == ColourSlot::Idle,
                shown: &node.shown,
                href: node.href.as_deref().unwrap_or_default(),
            })
            .collect(),
        links: links
            .iter()
            .map(|link| DataLink {
                source: link.from.to_string(),
                target: link.to.to_string(),
                depth: nodes.get(link.from).map_or(0, |node| node.column),
                value: link.amount.to_f64(),
                shown: written(link.amount),
            })
            .collect(),
    };
    let json = inert_json(&data)?;
    let drawn: Vec<FlowNode> = nodes
        .iter()
        .map(|node| FlowNode { name: node.label.clone(), column: node.column, slot: node.slot })
        .collect();
    let flows: Vec<FlowLink> =
        links.iter().map(|link| FlowLink { from: link.from, to: link.to, amount: link.amount }).collect();
    let wording = Wording { title: &title, short: written };
    let svg = |theme| flow(&drawn, &flows, &wording, (960, 360), theme);
    let (light, dark) = (svg(Theme::Light)?, svg(Theme::Dark)?);
    Ok(ChartView { id, kind: "flow", json, light, dark, legend: vec![], note, title })
}

/// The key of a node: its column and what it stands for; nothing for all that are not told apart.
type Key = (usize, Option<String>);

/// What a cost flows through between the bill and its team: its pool, what of it is idle apart.
fn through(pool: &str, category: &str) -> String {
    if category == Category::Idle.name() { format!("{pool}, idle") } else { pool.to_owned() }
}

/// The chart, and the table of every flow.
pub fn bill_to_teams(context: &Context<'_>) -> Result<(ChartView, Table), PageError> {
    let dimensions = [Dimension::Service, Dimension::Pool, Dimension::Category, Dimension::Team];
    let rows = context.costs(&dimensions, &[])?;
    let stations: Vec<([String; 3], Amount)> = rows
        .iter()
        .map(|row| {
            let [service, pool, category, team] = row.keys.as_slice() else {
                return (Default::default(), row.cost);
            };
            ([service.clone(), through(pool, category), team.clone()], row.cost)
        })
        .collect();
    let kept: Vec<BTreeSet<String>> =
        (0..3).map(|at| largest(stations.iter().map(|(keys, cost)| (&keys[at], *cost)))).collect();
    let name = |column: usize, key: &str| kept[column].contains(key).then(|| key.to_owned());
    let mut sums: BTreeMap<Key, Amount> = BTreeMap::new();
    let mut flows: BTreeMap<(Key, Key), Amount> = BTreeMap::new();
    let mut negative = Amount::ZERO;
    for (keys, cost) in &stations {
        // A width cannot be less than nothing: credits stand in the table and in the note.
        if *cost <= Amount::ZERO {
            negative += *cost;
            continue;
        }
        let path: Vec<Key> =
            keys.iter().enumerate().map(|(column, key)| (column, name(column, key))).collect();
        for key in &path {
            *sums.entry(key.clone()).or_default() += *cost;
        }
        for ends in path.windows(2) {
            *flows.entry((ends[0].clone(), ends[1].clone())).or_default() += *cost;
        }
    }
    let mut ordered: Vec<(Key, Amount)> = sums.into_iter().collect();
    // The largest on top, what is not told apart last.
    ordered.sort_by_key(|((column, key), sum)| (*column, key.is_none(), std::cmp::Reverse(*sum)));
    let teams = context.colours(&Dimension::Team)?;
    let slot = |(column, key): &Key| match (column, key.as_deref()) {
        (1, Some(pool)) if pool.ends_with(", idle") => ColourSlot::Idle,
        // Only teams carry their colours; what leads to them stays neutral.
        (2, Some(team)) => teams.of(team),
        _ => ColourSlot::Other,
    };
    // What is not told apart is what no restriction leaves: it leads nowhere.
    let href = |(column, key): &Key| match (column, key.as_deref()?) {
        (0, service) => Some(context.explain(&[only(Dimension::Service, service)])),
        (1, pool) => Some(match pool.strip_suffix(", idle") {
            Some(pool) => context
                .explain(&[only(Dimension::Pool, pool), only(Dimension::Category, Category::Idle.name())]),
            None => context.explain(&[only(Dimension::Pool, pool)]),
        }),
        (_, team) => Some(context.explain(&[only(Dimension::Team, team)])),
    };
    let nodes: Vec<Node> = ordered
        .iter()
        .map(|(key, sum)| Node {
            label: match key {
                (_, None) => "other".to_owned(),
                (2, Some(team)) => label(&Dimension::Team, team),
                (_, Some(name)) => name.clone(),
            },
            column: key.0,
            slot: slot(key),
            shown: context.money(*sum),
            href: href(key),
        })
        .collect();
    let at = |key: &Key| ordered.iter().position(|(known, _)| known == key).unwrap_or_default();
    let mut links: Vec<Link> = flows
        .iter()
        .map(|((from, to), amount)| Link { from: at(from), to: at(to), amount: *amount })
        .collect();
    links.sort_by_key(|link| (link.from, link.to));
    let note = (!negative.is_zero()).then(|| {
        format!("Credits and refunds of {} have no width here; the table has them.", context.money(negative))
    });
    let title = "From the bill through pools to the teams".to_owned();
    let chart = chart("flows", title, &nodes, &links, note, &|amount| context.short(amount))?;
    Ok((chart, table(context, &dimensions, &rows)))
}

fn table(context: &Context<'_>, dimensions: &[Dimension], rows: &[attribution::mart::CostRow]) -> Table {
    let cells = rows.iter().map(|row| {
        let filters: Vec<_> =
            dimensions.iter().zip(&row.keys).map(|(dimension, key)| only(dimension.clone(), key)).collect();
        let shown = |(dimension, key): (&Dimension, &String)| match context.lens.table.csv {
            true => key.clone(),
            false => label(dimension, key),
        };
        let mut cells: Vec<Cell> = dimensions.iter().zip(&row.keys).map(shown).map(Cell::text).collect();
        if let (Some(last), Some(team)) = (cells.last_mut(), row.keys.last().filter(|team| *team != NONE)) {
            *last = Cell::link(team.as_str(), context.entity("teams", team));
        }
        cells.push(Cell::MoneyLink { amount: row.cost, href: context.explain(&filters) });
        cells
    });
    let total = rows.iter().map(|row| row.cost).sum();
    let columns = vec![
        table::text("service", "Service"),
        table::text("pool", "Pool"),
        table::text("category", "Went into"),
        table::text("team", "Team"),
        table::number("cost", format!("Cost ({})", context.scope.currency)),
    ];
    let foot = table::foot(&columns, [("cost", Cell::Money(total))]);
    Table {
        id: "flows",
        caption: "Every flow from a service to a team".to_owned(),
        noun: ("flow", "flows"),
        columns,
        rows: cells.collect(),
        foot: Some(foot),
        sort: ("cost", true),
        empty: context.nothing("Nothing was charged"),
    }
}

/// The keys with most cost.
fn largest<'a>(costs: impl Iterator<Item = (&'a String, Amount)>) -> BTreeSet<String> {
    let mut sums: BTreeMap<&String, Amount> = BTreeMap::new();
    for (key, cost) in costs {
        *sums.entry(key).or_default() += cost;
    }
    let mut sums: Vec<_> = sums.into_iter().collect();
    sums.sort_by_key(|(_, sum)| std::cmp::Reverse(*sum));
    sums.into_iter().take(MOST).map(|(key, _)| key.clone()).collect()
}
