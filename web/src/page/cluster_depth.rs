//! One cluster by the hour: capacity against use, the usual day, and how it was bought.

use std::collections::BTreeMap;

use attribution::mart::{ClusterHour, Dimension, Filter, MarketShare, NONE};
use chrono::Timelike;
use model::Amount;
use reports::chart::Shape;
use reports::palette::ColourSlot;

use super::{Fact, fact};
use crate::chart::ChartView;
use crate::context::{Context, only};
use crate::course::{Course, Line, Point, Unit};
use crate::error::PageError;
use crate::table::{self, Cell, Table};

/// Hours drawn one by one; of more days, days are drawn.
const MOST_HOURS: usize = 24 * 8;
/// Milliseconds of an hour.
const HOUR_MS: i64 = 3_600_000;

fn hours_of(vcore_ms: i64) -> Amount {
    Amount::whole(vcore_ms).scaled(1, HOUR_MS).unwrap_or_default()
}

/// Capacity paid against what was used: by the hour where they can be told apart, else by day.
pub fn capacity(context: &Context<'_>, hours: &[ClusterHour]) -> Result<Option<ChartView>, PageError> {
    if hours.is_empty() {
        return Ok(None);
    }
    let zone = context.zone();
    let by_hour = hours.len() <= MOST_HOURS;
    let mut points: Vec<Point> = Vec::new();
    let mut values: Vec<(i64, i64)> = Vec::new();
    let mut last = None;
    for hour in hours {
        let at = hour.hour.with_timezone(&zone);
        if !by_hour && last == Some(at.date_naive()) {
            if let Some(sum) = values.last_mut() {
                sum.0 += hour.paid_vcore_ms;
                sum.1 += hour.used_vcore_ms;
            }
            continue;
        }
        last = Some(at.date_naive());
        values.push((hour.paid_vcore_ms, hour.used_vcore_ms));
        points.push(if by_hour {
            Point { long: context.instant(hour.hour), ..Point::named(at.format("%-d %b %H:%M").to_string()) }
        } else {
            Point {
                long: reports::format::day(at.date_naive()),
                ..Point::named(at.format("%-d %b").to_string())
            }
        });
    }
    let line = |name: &str, slot, value: fn(&(i64, i64)) -> i64| Line {
        name: name.to_owned(),
        slot,
        values: values.iter().map(|pair| hours_of(value(pair))).collect(),
        href: None,
    };
    let grain = if by_hour { "hour" } else { "day" };
    Course {
        id: "capacity",
        title: format!("Vcore-hours paid for and used, by {grain} ({zone})"),
        lines: vec![
            line("used", ColourSlot::Blue, |(_, used)| *used),
            line("paid for", ColourSlot::Idle, |(paid, _)| *paid),
        ],
        points,
        shape: Shape::Steps,
        unit: Unit::VcoreHours,
        note: Some(
            "Of workers; what is used is the larger of the shares of cores and of memory held.".to_owned(),
        ),
    }
    .view()
    .map(Some)
}

/// Use by the hour of the day, on average: when it stands idle.
pub fn usual_day(context: &Context<'_>, hours: &[ClusterHour]) -> Result<Option<ChartView>, PageError> {
    if hours.len() < 48 {
        return Ok(None);
    }
    let zone = context.zone();
    let mut sums: BTreeMap<u32, (i64, i64, i64)> = (0..24).map(|hour| (hour, (0, 0, 0))).collect();
    for hour in hours {
        let sum = sums.entry(hour.hour.with_timezone(&zone).hour()).or_default();
        sum.0 += 1;
        sum.1 += hour.used_vcore_ms;
        sum.2 += hour.paid_vcore_ms - hour.used_vcore_ms;
    }
    let mean = |ms: i64, n: i64| hours_of(ms).scaled(1, n).unwrap_or_default();
    Course {
        id: "usual-day",
        title: format!("A usual day: vcore-hours by hour of the day ({zone})"),
        points: sums
            .keys()
            .map(|hour| Point {
                long: format!("{hour:02}:00 to {:02}:00", (hour + 1) % 24),
                ..Point::named(format!("{hour:02}"))
            })
            .collect(),
        lines: vec![
            Line {
                name: "used".to_owned(),
                slot: ColourSlot::Blue,
                values: sums.values().map(|(n, used, _)| mean(*used, *n)).collect(),
                href: None,
            },
            Line {
                name: "idle".to_owned(),
                slot: ColourSlot::Idle,
                values: sums.values().map(|(n, _, idle)| mean(*idle, *n)).collect(),
                href: None,
            },
        ],
        shape: Shape::Columns,
        unit: Unit::VcoreHours,
        note: Some("Means of the hours in which it was up.".to_owned()),
    }
    .view()
    .map(Some)
}

/// The same figures by the hour.
pub fn hours_table(hours: &[ClusterHour]) -> Table {
    let row = |hour: &ClusterHour| {
        vec![
            Cell::At(hour.hour),
            Cell::Count(hour.nodes),
            Cell::VcoreMs(hour.paid_vcore_ms),
            Cell::VcoreMs(hour.used_vcore_ms),
            Cell::VcoreMs(hour.paid_vcore_ms - hour.used_vcore_ms),
            Cell::Share {
                part: Amount::whole(hour.used_vcore_ms),
                whole: Amount::whole(hour.paid_vcore_ms),
                class: "share",
            },
        ]
    };
    let sum = |value: fn(&ClusterHour) -> i64| hours.iter().map(value).fold(0_i64, i64::saturating_add);
    let (paid, used) = (sum(|hour| hour.paid_vcore_ms), sum(|hour| hour.used_vcore_ms));
    let columns = vec![
        table::text("hour", "Hour"),
        table::number("nodes", "Workers"),
        table::number("paid_vcore_ms", "Vcore-hours paid"),
        table::number("used_vcore_ms", "Used"),
        table::number("idle_vcore_ms", "Idle").wide(),
        table::number("used_share", "Used of paid").derived(),
    ];
    let foot = table::foot(
        &columns,
        [
            ("paid_vcore_ms", Cell::VcoreMs(paid)),
            ("used_vcore_ms", Cell::VcoreMs(used)),
            ("idle_vcore_ms", Cell::VcoreMs(paid - used)),
            (
                "used_share",
                Cell::Share { part: Amount::whole(used), whole: Amount::whole(paid), class: "share" },
            ),
        ],
    );
    Table {
        id: "hours",
        caption: "Capacity and use by the hour".to_owned(),
        noun: ("hour", "hours"),
        columns,
        rows: hours.iter().map(row).collect(),
        foot: Some(foot),
        sort: ("hour", false),
        empty: "No node of it with a known capacity lived in this span.".to_owned(),
    }
}

/// What of the span's capacity was used, and what was bought on the spot market.
pub fn facts(context: &Context<'_>, hours: &[ClusterHour], markets: &[MarketShare]) -> Vec<Fact> {
    let mut facts = Vec::new();
    let sum = |value: fn(&ClusterHour) -> i64| {
        Amount::whole(hours.iter().map(value).fold(0_i64, i64::saturating_add))
    };
    let (paid, used) = (sum(|hour| hour.paid_vcore_ms), sum(|hour| hour.used_vcore_ms));
    if let Some(share) = reports::format::percent(used, paid) {
        facts.push(fact("Used", share, format!("of what was paid {}", context.period())));
    }
    let all = markets.iter().map(|market| market.vcore_ms).fold(0_i64, i64::saturating_add);
    let spot = markets.iter().find(|market| market.market == "spot");
    if all > 0 {
        let ms = spot.map_or(0, |market| market.vcore_ms);
        let nodes = crate::words::plural(spot.map_or(0, |market| market.nodes), "spot node", "spot nodes");
        let share = reports::format::percent(Amount::whole(ms), Amount::whole(all)).unwrap_or_default();
        facts.push(fact("Spot", share, format!("of its vcore-hours, {nodes}")));
    }
    facts
}

/// Who used it: one row a team and workload, and one for what nobody used.
pub fn users(context: &Context<'_>, id: &str) -> Result<Table, PageError> {
    let filters = crate::parts::one(Dimension::Cluster, id);
    let rows = context.costs(&[Dimension::Workload, Dimension::Team, Dimension::Category], &filters)?;
    let used = rows.into_iter().map(|row| (row.keys, row.cost)).collect();
    Ok(users_table(context, &used, Some(&filters)))
}

/// The table of costs by workload, team and category; each opens within the filters, if there are.
pub fn users_table(
    context: &Context<'_>,
    used: &BTreeMap<Vec<String>, Amount>,
    filters: Option<&[Filter]>,
) -> Table {
    let total: Amount = used.values().copied().sum();
    let row = |(keys, cost): (&Vec<String>, &Amount)| {
        let [workload, team, category] = keys.as_slice() else { return vec![] };
        let own = [
            only(Dimension::Workload, workload),
            only(Dimension::Team, team),
            only(Dimension::Category, category),
        ];
        let opened = filters.map(|filters| {
            let all: Vec<Filter> = filters.iter().cloned().chain(own).collect();
            context.explain(&all)
        });
        vec![
            if workload == NONE {
                Cell::text(format!("no workload ({category})"))
            } else {
                Cell::link(workload.as_str(), context.entity("workloads", workload))
            },
            if team == NONE {
                Cell::Nothing
            } else {
                Cell::link(team.as_str(), context.entity("teams", team))
            },
            Cell::text(category.as_str()),
            match opened {
                Some(href) => Cell::MoneyLink { amount: *cost, href },
                None => Cell::Money(*cost),
            },
            Cell::Share { part: *cost, whole: total, class: "share" },
        ]
    };
    let columns = vec![
        table::text("workload", "Workload"),
        table::text("team", "Team"),
        table::text("category", "Category").wide(),
        table::number("cost", format!("Cost ({})", context.scope.currency)),
        table::number("share", "Of the cluster").derived(),
    ];
    let foot = table::foot(&columns, [("cost", Cell::Money(total))]);
    Table {
        id: "workloads",
        caption: "Who used it, and what nobody used".to_owned(),
        noun: ("row", "rows"),
        columns,
        rows: used.iter().map(row).collect(),
        foot: Some(foot),
        sort: ("cost", true),
        empty: context.nothing("It was not billed"),
    }
}
