//! Courses of anything over anything in order: files over time, capacity against use by the
//! hour, files by size. Values are written as the caller writes them.

use model::Amount;

use super::canvas::{self, Anchor, Canvas, SMALL_PX, TEXT_PX};
use super::scale::{Scale, sum};
use super::{ChartError, Series};
use crate::label;
use crate::palette::{self, ColourSlot, Theme};

const LEGEND_PX: i32 = 20;
/// Columns wider than this look like blocks.
const COLUMN_PX: i32 = 56;

/// How a course is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Stacked columns, the first series at the bottom.
    Columns,
    /// Lines from point to point.
    Lines,
    /// Lines that hold each value until the next point.
    Steps,
}

/// What a course is called and how its values are written.
pub struct Wording<'a> {
    /// Its name, for readers who cannot see it.
    pub title: &'a str,
    /// A value in few figures.
    pub short: &'a dyn Fn(Amount) -> String,
}

/// Draws values over points in order, from zero; one label a point, one value a point and series.
///
/// # Errors
/// [`ChartError::Uneven`], [`ChartError::TooSmall`], [`ChartError::TooLarge`].
pub fn course(
    labels: &[String],
    series: &[Series],
    shape: Shape,
    wording: &Wording<'_>,
    size: (u32, u32),
    theme: Theme,
) -> Result<String, ChartError> {
    if let Some(uneven) = series.iter().find(|one| one.values.len() != labels.len()) {
        return Err(ChartError::Uneven {
            series: uneven.name.clone(),
            values: uneven.values.len(),
            days: labels.len(),
        });
    }
    let (width, height) = (size.0 as i32, size.1 as i32);
    canvas::draw(size, theme, wording.title, &description(labels, series, wording), |canvas| {
        let (low, high) = bounds(labels.len(), series, shape)?;
        if labels.is_empty() || (low.is_zero() && high.is_zero()) {
            let middle = (width / 2, height / 2);
            return canvas.text("Nothing to show", middle, Anchor::Middle, TEXT_PX, palette::muted(theme));
        }
        legend(canvas, series)?;
        let (top, bottom) = (LEGEND_PX + 8, height - 24);
        if bottom - top < 24 {
            return Err(ChartError::TooSmall(size.0, size.1));
        }
        let scale = Scale::new(low, high, 4, (bottom, top))?;
        let ticks: Vec<String> = scale.ticks.iter().map(|tick| (wording.short)(*tick)).collect();
        let widest = ticks.iter().map(|text| label::width_px(text, SMALL_PX)).fold(0.0, f64::max);
        let left = (widest as i32 + 10).min(width / 3);
        for (tick, text) in scale.ticks.iter().zip(ticks) {
            let y = scale.px(*tick);
            canvas.line(vec![(left, y), (width - 8, y)], palette::rule(theme), 1)?;
            canvas.text(&text, (left - 6, y), Anchor::End, SMALL_PX, palette::muted(theme))?;
        }
        let edge =
            |i: usize| left + (i64::from(width - 8 - left) * i as i64 / labels.len().max(1) as i64) as i32;
        point_labels(canvas, labels, &edge, bottom)?;
        match shape {
            Shape::Columns => columns(canvas, series, labels.len(), &edge, &scale)?,
            Shape::Lines | Shape::Steps => lines(canvas, series, shape, &edge, &scale)?,
        }
        let zero = scale.px(Amount::ZERO);
        canvas.line(vec![(left, zero), (width - 8, zero)], palette::muted(theme), 1)
    })
}

/// The lowest and the highest value drawn: of columns, the sums of either sign.
fn bounds(points: usize, series: &[Series], shape: Shape) -> Result<(Amount, Amount), ChartError> {
    let (mut low, mut high) = (Amount::ZERO, Amount::ZERO);
    for at in 0..points {
        let values = || series.iter().map(|one| one.values[at]);
        let (below, above) = match shape {
            Shape::Columns => (
                sum(values().filter(|value| *value < Amount::ZERO))?,
                sum(values().filter(|value| *value > Amount::ZERO))?,
            ),
            Shape::Lines | Shape::Steps => {
                (values().min().unwrap_or_default(), values().max().unwrap_or_default())
            }
        };
        low = low.min(below);
        high = high.max(above);
    }
    Ok((low, high))
}

fn description(labels: &[String], series: &[Series], wording: &Wording<'_>) -> String {
    let ends = |one: &Series| {
        let most = one.values.iter().copied().max().unwrap_or_default();
        let last = one.values.last().copied().unwrap_or_default();
        format!("{}: at most {}, at last {}", one.name, (wording.short)(most), (wording.short)(last))
    };
    let span = match labels {
        [] => "Nothing".to_owned(),
        [only] => only.clone(),
        [first, .., last] => format!("{first} to {last}"),
    };
    format!("{span}. {}", series.iter().map(ends).collect::<Vec<_>>().join("; "))
}

/// The names of the series in one row, as many as fit.
fn legend(canvas: &Canvas<'_>, series: &[Series]) -> Result<(), ChartError> {
    let mut x = 0;
    for one in series {
        let name = label::shorten_px(&label::visible(&one.name), 180.0, TEXT_PX);
        let fill = palette::colour(one.slot, canvas.theme);
        match one.slot {
            ColourSlot::Idle => canvas.hatch((x, 4), (x + 10, 14), fill)?,
            _ => canvas.rect((x, 4), (x + 10, 14), fill)?,
        }
        canvas.text(&name, (x + 15, 9), Anchor::Start, TEXT_PX, palette::ink(canvas.theme))?;
        x += label::width_px(&name, TEXT_PX) as i32 + 34;
        if x > 900 {
            break;
        }
    }
    Ok(())
}

/// As many labels as stand beside one another.
fn point_labels(
    canvas: &Canvas<'_>,
    labels: &[String],
    edge: &dyn Fn(usize) -> i32,
    bottom: i32,
) -> Result<(), ChartError> {
    let mut free_from = i32::MIN;
    for (i, text) in labels.iter().enumerate() {
        let x = (edge(i) + edge(i + 1)) / 2;
        let half = (label::width_px(text, SMALL_PX) / 2.0) as i32 + 6;
        if x - half >= free_from {
            free_from = x + half;
            canvas.text(text, (x, bottom + 12), Anchor::Middle, SMALL_PX, palette::muted(canvas.theme))?;
        }
    }
    Ok(())
}

fn columns(
    canvas: &Canvas<'_>,
    series: &[Series],
    points: usize,
    edge: &dyn Fn(usize) -> i32,
    scale: &Scale,
) -> Result<(), ChartError> {
    for at in 0..points {
        let (left, right) = (edge(at), edge(at + 1));
        let width = ((right - left) * 18 / 25).clamp(1, COLUMN_PX);
        let left = (left + right - width) / 2;
        let (mut up, mut down) = (Amount::ZERO, Amount::ZERO);
        for one in series {
            let value = one.values[at];
            let stack = if value < Amount::ZERO { &mut down } else { &mut up };
            let from = scale.px(*stack);
            *stack += value;
            let to = scale.px(*stack);
            let (top, bottom) = (from.min(to), from.max(to));
            if top == bottom {
                continue;
            }
            let fill = palette::colour(one.slot, canvas.theme);
            match one.slot {
                ColourSlot::Idle => canvas.hatch((left, top), (left + width, bottom), fill)?,
                _ => canvas.rect((left, top), (left + width, bottom), fill)?,
            }
        }
    }
    Ok(())
}

fn lines(
    canvas: &Canvas<'_>,
    series: &[Series],
    shape: Shape,
    edge: &dyn Fn(usize) -> i32,
    scale: &Scale,
) -> Result<(), ChartError> {
    for one in series {
        let fill = palette::colour(one.slot, canvas.theme);
        let mut points = Vec::with_capacity(one.values.len() * 2);
        for (i, value) in one.values.iter().enumerate() {
            let y = scale.px(*value);
            if shape == Shape::Steps {
                points.extend([(edge(i), y), (edge(i + 1), y)]);
            } else {
                points.push(((edge(i) + edge(i + 1)) / 2, y));
            }
        }
        match points.as_slice() {
            [(x, y)] => canvas.rect((x - 3, y - 3), (x + 3, y + 3), fill)?,
            _ => canvas.line(points, fill, 2)?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(values: &[i64], shape: Shape) -> Result<String, ChartError> {
        let labels: Vec<String> = (0..values.len()).map(|i| format!("p{i}")).collect();
        let series = [Series {
            name: "a<b".into(),
            slot: ColourSlot::Blue,
            values: values.iter().map(|value| Amount::whole(*value)).collect(),
        }];
        let short = |amount: Amount| format!("{amount} files");
        let wording = Wording { title: "Files <script>", short: &short };
        course(&labels, &series, shape, &wording, (480, 200), Theme::Light)
    }

    #[test]
    fn every_shape_says_what_it_shows_and_escapes_names() {
        for shape in [Shape::Columns, Shape::Lines, Shape::Steps] {
            let svg = drawn(&[3, 40, 7], shape).unwrap();
            assert!(svg.contains("Files &lt;script&gt;") && !svg.contains("<script"), "{svg}");
            assert!(svg.contains("p0 to p2. a&lt;b: at most 40 files, at last 7 files"), "{svg}");
            assert!(svg.contains("40 files</text>") || svg.contains("40 files\n"), "an axis in files: {svg}");
        }
    }

    #[test]
    fn a_step_is_level_between_two_points_and_a_line_is_not() {
        let points = |svg: &str| -> usize {
            svg.split("<polyline")
                .filter(|line| line.contains("stroke-width=\"2\""))
                .map(|line| line.split("points=\"").nth(1).unwrap().split('"').next().unwrap())
                .map(|points| points.split_whitespace().count())
                .sum()
        };
        assert_eq!(points(&drawn(&[1, 2, 3], Shape::Lines).unwrap()), 3);
        assert_eq!(points(&drawn(&[1, 2, 3], Shape::Steps).unwrap()), 6);
    }

    #[test]
    fn nothing_is_said_in_words_and_what_does_not_fit_is_an_error() {
        assert!(drawn(&[], Shape::Lines).unwrap().contains("Nothing to show"));
        assert!(drawn(&[0, 0], Shape::Columns).unwrap().contains("Nothing to show"));
        let labels = vec!["one".to_owned()];
        let series = [Series { name: "x".into(), slot: ColourSlot::Blue, values: vec![] }];
        let short = |amount: Amount| amount.to_string();
        let wording = Wording { title: "t", short: &short };
        let uneven = course(&labels, &series, Shape::Lines, &wording, (480, 200), Theme::Dark);
        assert!(matches!(uneven, Err(ChartError::Uneven { values: 0, days: 1, .. })));
    }
}
