//! Flows from column to column, as wide as what flows: from the bill through pools to teams.

use model::Amount;

use super::ChartError;
use super::canvas::{self, Anchor, Canvas, TEXT_PX};
use super::course::Wording;
use super::scale::sum;
use crate::label;
use crate::palette::{self, ColourSlot, Theme};

const NODE_PX: i32 = 12;
const GAP_PX: i32 = 12;
/// Room beside the last column for its names.
const NAMES_PX: i32 = 190;
/// Points of one edge of a flow; it is a curve to the eye.
const CURVE_STEPS: i32 = 14;

/// One place that something flows through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FlowNode {
    /// Its name; any text, escaped here.
    pub name: String,
    /// Column, from 0.
    pub column: usize,
    /// Its colour; [`ColourSlot::Idle`] is hatched as well.
    pub slot: ColourSlot,
}

/// What flows from one node to another; more than nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlowLink {
    /// Index of the node it comes from.
    pub from: usize,
    /// Index of the node it goes to, in a later column.
    pub to: usize,
    /// How much.
    pub amount: Amount,
}

struct Placed {
    x: i32,
    top: f64,
    height: f64,
    amount: Amount,
    /// How much of its height flows have taken, on the left and on the right.
    taken: (f64, f64),
}

/// Draws flows; nodes of a column stand in the order given, the first on top.
///
/// # Errors
/// [`ChartError::TooSmall`], [`ChartError::TooLarge`].
pub fn flow(
    nodes: &[FlowNode],
    links: &[FlowLink],
    wording: &Wording<'_>,
    size: (u32, u32),
    theme: Theme,
) -> Result<String, ChartError> {
    let side = |pick: fn(&FlowLink) -> usize, at: usize| {
        sum(links.iter().filter(|link| pick(link) == at).map(|link| link.amount))
    };
    let amounts: Vec<Amount> = (0..nodes.len())
        .map(|at| Ok(side(|link| link.from, at)?.max(side(|link| link.to, at)?)))
        .collect::<Result<_, ChartError>>()?;
    let parts: Vec<String> = nodes
        .iter()
        .zip(&amounts)
        .map(|(node, amount)| format!("{}: {}", node.name, (wording.short)(*amount)))
        .collect();
    canvas::draw(size, theme, wording.title, &parts.join("; "), |canvas| {
        let mut placed = places(nodes, &amounts, size)?;
        for link in links {
            let (Some(from), Some(to)) = (nodes.get(link.from), nodes.get(link.to)) else { continue };
            // Of its source or, where that has no colour of its own, of where it goes.
            let is_plain = matches!(from.slot, ColourSlot::Other | ColourSlot::Idle);
            let slot = if is_plain { to.slot } else { from.slot };
            ribbon(canvas, &mut placed, link, slot)?;
        }
        for (node, place) in nodes.iter().zip(&placed) {
            let top = place.top.round() as i32;
            let bottom = ((place.top + place.height).round() as i32).max(top + 1);
            let fill = palette::colour(node.slot, theme);
            match node.slot {
                ColourSlot::Idle => canvas.hatch((place.x, top), (place.x + NODE_PX, bottom), fill)?,
                _ => canvas.rect((place.x, top), (place.x + NODE_PX, bottom), fill)?,
            }
            let text = format!("{}  {}", label::visible(&node.name), (wording.short)(place.amount));
            let is_last = placed.iter().all(|other| other.x <= place.x);
            let room = if is_last { NAMES_PX - 20 } else { 280 };
            let text = label::shorten_px(&text, f64::from(room), TEXT_PX);
            let at = (place.x + NODE_PX + 6, (top + bottom) / 2);
            canvas.text(&text, at, Anchor::Start, TEXT_PX, palette::ink(theme))?;
        }
        Ok(())
    })
}

fn places(nodes: &[FlowNode], amounts: &[Amount], size: (u32, u32)) -> Result<Vec<Placed>, ChartError> {
    let (width, height) = (size.0 as i32, size.1 as i32);
    let columns = nodes.iter().map(|node| node.column + 1).max().unwrap_or(1);
    let of_column = |column: usize| {
        nodes.iter().zip(amounts).filter(move |(node, _)| node.column == column).map(|(_, amount)| *amount)
    };
    let most = (0..columns).map(|column| of_column(column).count()).max().unwrap_or(1);
    let room = height - 8 - GAP_PX * (most.saturating_sub(1)) as i32;
    if room < 24 || width < NAMES_PX * columns as i32 {
        return Err(ChartError::TooSmall(size.0, size.1));
    }
    let wholes: Vec<Amount> = (0..columns).map(|column| sum(of_column(column))).collect::<Result<_, _>>()?;
    let whole = wholes.into_iter().max().unwrap_or_default().to_f64().max(f64::MIN_POSITIVE);
    let step = (width - NAMES_PX) / (columns as i32 - 1).max(1);
    let mut next = vec![4.0; columns];
    Ok(nodes
        .iter()
        .zip(amounts)
        .map(|(node, amount)| {
            let place = Placed {
                x: step * node.column as i32,
                top: next[node.column],
                height: amount.to_f64() / whole * f64::from(room),
                amount: *amount,
                taken: (0.0, 0.0),
            };
            next[node.column] += place.height.max(1.0) + f64::from(GAP_PX);
            place
        })
        .collect())
}

fn ribbon(
    canvas: &Canvas<'_>,
    placed: &mut [Placed],
    link: &FlowLink,
    slot: ColourSlot,
) -> Result<(), ChartError> {
    let share = |place: &Placed| link.amount.to_f64() / place.amount.to_f64() * place.height;
    let (left, right) = (share(&placed[link.from]), share(&placed[link.to]));
    let from = (placed[link.from].x + NODE_PX, placed[link.from].top + placed[link.from].taken.1);
    let to = (placed[link.to].x, placed[link.to].top + placed[link.to].taken.0);
    placed[link.from].taken.1 += left;
    placed[link.to].taken.0 += right;
    // A level start and a level end: the smooth step between two heights.
    let edge = |a: f64, b: f64, i: i32| {
        let t = f64::from(i) / f64::from(CURVE_STEPS);
        let x = f64::from(from.0) + f64::from(to.0 - from.0) * t;
        let eased = t * t * (3.0 - 2.0 * t);
        (x.round() as i32, (a + (b - a) * eased).round() as i32)
    };
    let mut points: Vec<(i32, i32)> = (0..=CURVE_STEPS).map(|i| edge(from.1, to.1, i)).collect();
    let below = (from.1 + left).max(from.1 + 1.0);
    points.extend((0..=CURVE_STEPS).rev().map(|i| edge(below, (to.1 + right).max(to.1 + 1.0), i)));
    canvas.area(points, palette::colour(slot, canvas.theme), 0.28)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(name: &str, column: usize) -> FlowNode {
        FlowNode { name: name.into(), column, slot: ColourSlot::Blue }
    }

    fn drawn(links: &[(usize, usize, i64)]) -> Result<String, ChartError> {
        let nodes = [node("EC2 <b>", 0), node("S3", 0), node("pool", 1), node("growth", 2)];
        let links: Vec<FlowLink> = links
            .iter()
            .map(|(from, to, amount)| FlowLink { from: *from, to: *to, amount: Amount::whole(*amount) })
            .collect();
        let short = |amount: Amount| format!("${amount}");
        flow(&nodes, &links, &Wording { title: "Flows", short: &short }, (960, 320), Theme::Light)
    }

    #[test]
    fn a_node_is_as_high_as_what_flows_through_it() {
        let svg = drawn(&[(0, 2, 75), (1, 2, 25), (2, 3, 100)]).unwrap();
        assert!(svg.contains("EC2 &lt;b&gt;: $75; S3: $25; pool: $100; growth: $100"), "{svg}");
        assert_eq!(svg.matches("<polygon").count(), 3, "a ribbon a link");
        let heights: Vec<i32> = svg
            .split("<rect ")
            .skip(1)
            .filter(|rect| rect.contains("width=\"12\""))
            .map(|rect| rect.split("height=\"").nth(1).unwrap().split('"').next().unwrap().parse().unwrap())
            .collect();
        // 320 less margins and one gap leave 300: three quarters, a quarter, all of it twice.
        assert_eq!(heights, [225, 75, 300, 300]);
    }

    #[test]
    fn nothing_flows_without_links_and_too_many_nodes_have_no_room() {
        assert!(drawn(&[]).is_ok());
        let nodes: Vec<FlowNode> = (0..40).map(|i| node(&i.to_string(), 0)).collect();
        let short = |amount: Amount| amount.to_string();
        let wording = Wording { title: "Flows", short: &short };
        assert!(matches!(
            flow(&nodes, &[], &wording, (960, 320), Theme::Dark),
            Err(ChartError::TooSmall(960, 320))
        ));
    }
}
