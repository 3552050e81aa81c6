//! Courses: stacked columns, lines or steps over any points in order, of money, bytes, counts
//! or vcore-hours; and the periods that costs are cut into.

use std::collections::BTreeMap;

use attribution::mart::Dimension;
use chrono::{Datelike, Days, Months, NaiveDate, Weekday};
use model::{Amount, Currency};
use reports::alert;
use reports::chart::{Series, Shape, Wording, course};
use reports::palette::{ColourSlot, Theme};
use serde::Serialize;

use crate::axis::Axis;
use crate::chart::{ChartView, LegendItem, SVG_SIZE, inert_json};
use crate::colour;
use crate::context::Context;
use crate::error::PageError;

/// What the values of a course are.
#[derive(Clone, Copy)]
pub enum Unit {
    Money(Currency),
    Bytes,
    Count,
    /// Hours of one virtual core.
    VcoreHours,
    /// Per cent.
    Percent,
    /// Hours.
    Hours,
}

impl Unit {
    /// What an alert measures.
    pub fn of_alert(unit: alert::Unit) -> Self {
        match unit {
            alert::Unit::Money(currency) => Self::Money(currency),
            alert::Unit::Percent => Self::Percent,
            alert::Unit::Hours => Self::Hours,
            alert::Unit::Count => Self::Count,
        }
    }

    /// A value as tables show it.
    fn shown(self, value: Amount) -> String {
        match self {
            Self::Money(currency) => reports::format::money(value, currency),
            Self::VcoreHours => format!("{} vcore-hours", value.rounded(1)),
            Self::Percent => format!("{}%", value.rounded(1)),
            Self::Bytes | Self::Count | Self::Hours => self.short(value),
        }
    }

    /// The smallest step of an axis that says something.
    const fn least_step(self) -> Amount {
        match self {
            Self::Count | Self::Hours | Self::Percent => Amount::whole(1),
            Self::Money(_) | Self::Bytes | Self::VcoreHours => Amount::ZERO,
        }
    }

    /// A value in few figures, for axes.
    fn short(self, value: Amount) -> String {
        let whole = || value.rounded(0).parse().unwrap_or(i64::MAX);
        match self {
            Self::Money(currency) => reports::format::money_short(value, currency),
            Self::Bytes => reports::format::bytes(whole()),
            Self::Percent => format!("{}%", value.rounded(0)),
            Self::Hours => format!("{} h", value.rounded(0)),
            // Ticks between whole numbers say what they are.
            Self::Count | Self::VcoreHours if value == Amount::whole(whole()) => {
                reports::format::count(whole())
            }
            Self::Count | Self::VcoreHours => value.rounded(1),
        }
    }
}

/// One place on the horizontal axis.
pub struct Point {
    /// Under the axis.
    pub short: String,
    /// In the tooltip.
    pub long: String,
    pub weekend: bool,
    /// Not over yet, or not all of it within the days shown.
    pub partial: bool,
    /// The days it stands for, to which a click restricts.
    pub days: Option<(NaiveDate, NaiveDate)>,
}

impl Point {
    /// A place that is no span of days.
    pub fn named(name: impl Into<String>) -> Self {
        let short = name.into();
        Self { long: short.clone(), short, weekend: false, partial: false, days: None }
    }
}

/// One series.
pub struct Line {
    pub name: String,
    pub slot: ColourSlot,
    /// One a point.
    pub values: Vec<Amount>,
    /// Where it leads; a click on a point leads there with the point's days.
    pub href: Option<String>,
}

/// A chart over points in order.
pub struct Course {
    pub id: &'static str,
    pub title: String,
    pub points: Vec<Point>,
    pub lines: Vec<Line>,
    pub shape: Shape,
    pub unit: Unit,
    pub note: Option<String>,
}

#[derive(Serialize)]
struct Data<'a> {
    kind: &'static str,
    title: &'a str,
    days: Vec<DataPoint<'a>>,
    series: Vec<DataSeries<'a>>,
    /// Empty where the series do not add up.
    totals: Vec<String>,
    axis: Axis,
    steps: bool,
}

#[derive(Serialize)]
struct DataPoint<'a> {
    day: Option<NaiveDate>,
    next: Option<NaiveDate>,
    short: &'a str,
    long: &'a str,
    weekend: bool,
    partial: bool,
}

#[derive(Serialize)]
struct DataSeries<'a> {
    name: String,
    class: String,
    hatched: bool,
    values: Vec<f64>,
    shown: Vec<String>,
    href: &'a str,
}

impl Course {
    /// The chart, for browsers with and without JavaScript.
    pub fn view(self) -> Result<ChartView, PageError> {
        let Self { id, title, points, lines, shape, unit, note } = self;
        let stacked = shape == Shape::Columns;
        let at = |i: usize| lines.iter().map(move |line| line.values[i]);
        let sums = |sign: fn(&Amount) -> bool| -> Vec<Amount> {
            (0..points.len())
                .map(|i| {
                    let values = at(i).filter(sign);
                    if stacked {
                        values.sum()
                    } else {
                        values.max_by_key(|value| value.abs()).unwrap_or_default()
                    }
                })
                .collect()
        };
        let high = sums(|value| *value > Amount::ZERO).into_iter().max().unwrap_or_default();
        let low = sums(|value| *value < Amount::ZERO).into_iter().min().unwrap_or_default();
        let data = Data {
            kind: if stacked { "stacked" } else { "lines" },
            title: &title,
            days: points
                .iter()
                .map(|point| DataPoint {
                    day: point.days.map(|days| days.0),
                    next: point.days.map(|days| days.1),
                    short: &point.short,
                    long: &point.long,
                    weekend: point.weekend,
                    partial: point.partial,
                })
                .collect(),
            series: lines
                .iter()
                .map(|line| DataSeries {
                    name: reports::label::visible(&line.name),
                    class: colour::class(line.slot),
                    hatched: line.slot == ColourSlot::Idle,
                    values: line.values.iter().map(|value| value.to_f64()).collect(),
                    shown: line.values.iter().map(|value| unit.shown(*value)).collect(),
                    href: line.href.as_deref().unwrap_or_default(),
                })
                .collect(),
            totals: if stacked && lines.len() > 1 {
                (0..points.len()).map(|i| unit.shown(at(i).sum())).collect()
            } else {
                vec![]
            },
            axis: Axis::of(low, high, unit.least_step(), &|value| unit.short(value)),
            steps: shape == Shape::Steps,
        };
        let json = inert_json(&data)?;
        let labels: Vec<String> = points.iter().map(|point| point.short.clone()).collect();
        let drawn: Vec<Series> = lines
            .iter()
            .map(|line| Series { name: line.name.clone(), slot: line.slot, values: line.values.clone() })
            .collect();
        let short = |value: Amount| unit.short(value);
        let wording = Wording { title: &title, short: &short };
        let svg = |theme| course(&labels, &drawn, shape, &wording, SVG_SIZE, theme);
        let partial = points.iter().any(|point| point.partial);
        let of_partial =
            || "Lighter columns are of spans that were not over, or are not all within these days.";
        Ok(ChartView {
            id,
            kind: if stacked { "stacked" } else { "lines" },
            json,
            light: svg(Theme::Light)?,
            dark: svg(Theme::Dark)?,
            legend: lines
                .iter()
                .map(|line| LegendItem {
                    name: reports::label::visible(&line.name),
                    class: colour::class(line.slot),
                    shown: if stacked {
                        unit.short(line.values.iter().copied().sum())
                    } else {
                        String::new()
                    },
                    href: line.href.clone().unwrap_or_default(),
                })
                .collect(),
            note: note.or_else(|| (partial && stacked).then(|| of_partial().to_owned())),
            title,
        })
    }
}

/// The spans that the days of a page are cut into by day, week or month: by the key that costs
/// have for them, in order.
pub fn periods(context: &Context<'_>, grain: &Dimension) -> BTreeMap<String, Point> {
    let published = context.mart.info().published_at.date_naive();
    let days = context.days();
    let (Some(first), Some(last)) = (days.first(), days.last()) else { return BTreeMap::new() };
    let end = last.succ_opt().unwrap_or(*last);
    let mut periods = BTreeMap::new();
    for day in &days {
        let (key, from, to) = span(grain, *day);
        let shown = (from.max(*first), to.min(end));
        periods.entry(key).or_insert_with(|| Point {
            short: match grain {
                Dimension::Month => from.format("%b %Y").to_string(),
                _ => from.format("%-d %b").to_string(),
            },
            long: match grain {
                Dimension::Day => reports::format::day(from),
                _ => crate::words::capital(&crate::words::period(shown.0, shown.1)),
            },
            weekend: *grain == Dimension::Day && matches!(from.weekday(), Weekday::Sat | Weekday::Sun),
            partial: to > published || (from, to) != shown,
            days: Some(shown),
        });
    }
    periods
}

/// The key of the day's period, its first day and the day after its last.
fn span(grain: &Dimension, day: NaiveDate) -> (String, NaiveDate, NaiveDate) {
    let (from, to) = match grain {
        Dimension::Week => {
            let monday = day - Days::new(u64::from(day.weekday().num_days_from_monday()));
            (monday, monday + Days::new(7))
        }
        Dimension::Month => {
            let first = day.with_day(1).unwrap_or(day);
            (first, first + Months::new(1))
        }
        _ => (day, day.succ_opt().unwrap_or(day)),
    };
    let key = match grain {
        Dimension::Month => from.format("%Y-%m").to_string(),
        _ => from.to_string(),
    };
    (key, from, to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_belongs_to_its_monday_and_its_month() {
        let day = "2026-11-01".parse().unwrap();
        let told = |grain: Dimension| {
            let (key, from, to) = span(&grain, day);
            format!("{key} {from} {to}")
        };
        assert_eq!(told(Dimension::Day), "2026-11-01 2026-11-01 2026-11-02");
        assert_eq!(told(Dimension::Week), "2026-10-26 2026-10-26 2026-11-02");
        assert_eq!(told(Dimension::Month), "2026-11 2026-11-01 2026-12-01");
    }

    #[test]
    fn values_are_written_in_their_unit() {
        let amount = |text: &str| text.parse::<Amount>().unwrap();
        assert_eq!(Unit::Count.short(amount("1200")), "1,200");
        assert_eq!(Unit::Count.short(amount("0.5")), "0.5");
        assert_eq!(Unit::Money(Currency::USD).shown(amount("1234.567")), "$1,234.57");
        assert_eq!(Unit::VcoreHours.shown(amount("12.34")), "12.3 vcore-hours");
        assert_eq!(Unit::Bytes.short(amount("0")), reports::format::bytes(0));
    }
}
