//! One workload over time: what a run costs, how runs ended, how well they used what they held.

use std::collections::BTreeMap;

use attribution::mart::{Dimension, RunRow};
use chrono::NaiveDate;
use model::Amount;
use reports::chart::Shape;
use reports::palette::ColourSlot;

use super::{Fact, fact};
use crate::chart::ChartView;
use crate::context::Context;
use crate::course::{Course, Line, Unit, periods};
use crate::error::PageError;
use crate::table::{self, Cell, Table};

/// Runs that started on one day.
#[derive(Default)]
struct Day {
    runs: i64,
    cost: Amount,
    vcore_ms: i64,
    cpu_ms: i64,
    took_ms: i64,
    ended: i64,
}

/// What a run cost by the day of its start, with the table of the same figures. Days without a
/// run are left out: their mean is not zero.
pub fn per_run(context: &Context<'_>, runs: &[RunRow]) -> Result<(Option<ChartView>, Table), PageError> {
    let mut days: BTreeMap<NaiveDate, Day> = BTreeMap::new();
    for run in runs {
        let day = days.entry(run.started_at.date_naive()).or_default();
        day.runs += 1;
        day.cost += run.cost;
        day.vcore_ms = day.vcore_ms.saturating_add(run.vcore_ms);
        day.cpu_ms = day.cpu_ms.saturating_add(run.cpu_ms);
        if let Some(ended) = run.ended_at {
            day.took_ms = day.took_ms.saturating_add((ended - run.started_at).num_milliseconds());
            day.ended += 1;
        }
    }
    let mean = |day: &Day| day.cost.scaled(1, day.runs).unwrap_or_default();
    let mut periods = periods(context, &Dimension::Day);
    let shown: Vec<(&NaiveDate, &Day, _)> =
        days.iter().filter_map(|(day, sums)| Some((day, sums, periods.remove(&day.to_string())?))).collect();
    let table = table(context, &days, mean);
    if shown.len() < 2 {
        return Ok((None, table));
    }
    let line = Line {
        name: "mean cost of a run".to_owned(),
        slot: ColourSlot::Blue,
        values: shown.iter().map(|(_, day, _)| mean(day)).collect(),
        href: None,
    };
    let course = Course {
        id: "per-run",
        title: "What a run cost, by the day of its start".to_owned(),
        points: shown.into_iter().map(|(_, _, point)| point).collect(),
        lines: vec![line],
        shape: Shape::Lines,
        unit: Unit::Money(context.scope.currency),
        note: Some(
            "Of every run that started that day, failed ones too; days without a run are left out."
                .to_owned(),
        ),
    };
    Ok((Some(course.view()?), table))
}

fn table(context: &Context<'_>, days: &BTreeMap<NaiveDate, Day>, mean: impl Fn(&Day) -> Amount) -> Table {
    let currency = context.scope.currency;
    let row = |(day, sums): (&NaiveDate, &Day)| {
        vec![
            Cell::Day { day: *day, href: None },
            Cell::Count(sums.runs),
            Cell::Money(sums.cost),
            Cell::Money(mean(sums)),
            if sums.ended > 0 { Cell::Millis(sums.took_ms / sums.ended) } else { Cell::Nothing },
            Cell::VcoreMs(sums.vcore_ms),
            Cell::Share {
                part: Amount::whole(sums.cpu_ms),
                whole: Amount::whole(sums.vcore_ms),
                class: "share",
            },
        ]
    };
    Table {
        id: "per-run",
        caption: "Runs by the day of their start".to_owned(),
        noun: ("day", "days"),
        columns: vec![
            table::text("day", "Day (UTC)"),
            table::number("runs", "Runs"),
            table::number("cost", format!("Cost ({currency})")),
            table::number("per_run", format!("A run ({currency})")),
            table::number("duration_ms", "Took, on average").wide(),
            table::number("vcore_ms", "Vcore-hours held").wide(),
            table::number("busy", "Computing of held").derived().wide(),
        ],
        rows: days.iter().map(row).collect(),
        foot: Some(vec![
            Cell::text("Total"),
            Cell::Count(days.values().map(|day| day.runs).sum()),
            Cell::Money(days.values().map(|day| day.cost).sum()),
            Cell::Nothing,
            Cell::Nothing,
            Cell::VcoreMs(days.values().map(|day| day.vcore_ms).fold(0, i64::saturating_add)),
            Cell::Nothing,
        ]),
        sort: ("day", true),
        empty: context.nothing("No run of it started"),
    }
}

/// How much of the cores its runs held was computing.
pub fn efficiency(runs: &[RunRow]) -> Option<Fact> {
    let sum = |value: fn(&RunRow) -> i64| runs.iter().map(value).fold(0_i64, i64::saturating_add);
    let (held, cpu) = (sum(|run| run.vcore_ms), sum(|run| run.cpu_ms));
    if cpu == 0 {
        return None;
    }
    let share = reports::format::percent(Amount::whole(cpu), Amount::whole(held))?;
    Some(fact("Computing", share, "of the vcore-hours its runs reserved"))
}
