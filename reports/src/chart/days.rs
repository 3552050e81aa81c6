//! Charts over days: stacked columns for spend, lines for rates.

use chrono::{Datelike, NaiveDate, Weekday};
use model::{Amount, Currency};

use super::canvas::{self, Anchor, Canvas, Drawing, SMALL_PX, TEXT_PX};
use super::scale::{Scale, sum};
use super::{ChartError, Series};
use crate::palette::{self, ColourSlot, Theme};
use crate::{format, label};

/// Columns wider than this look like blocks.
const COLUMN_PX: i32 = 56;
/// Names at the end of a line.
const NAME_PX: f64 = 170.0;
/// Names in a legend: as wide as lets all of them stand there.
const LEGEND_NAMES_PX: [f64; 4] = [NAME_PX, 130.0, 100.0, 76.0];
/// What an entry of a legend takes beside its words.
const ENTRY_PX: i32 = 30;
const LEGEND_ROW_PX: i32 = 18;
const LEGEND_ROWS: i32 = 3;

/// The plot inside the margins.
struct Plot {
    left: i32,
    right: i32,
    top: i32,
    bottom: i32,
}

/// Stacked columns, one a day: values above zero upwards, credits below it,
/// weekends shaded, the day's total on top where there is room, each series
/// with its own total in the legend. The first series is at the bottom.
///
/// # Errors
/// [`ChartError::Uneven`], [`ChartError::TooSmall`], [`ChartError::TooLarge`].
pub fn stacked_days(
    days: &[NaiveDate],
    series: &[Series],
    currency: Currency,
    size: (u32, u32),
    theme: Theme,
) -> Result<String, ChartError> {
    stacked(days, series, currency, size, theme)?.svg()
}

/// The same as a PNG file of twice the size, for programs that show no SVG.
///
/// # Errors
/// As [`stacked_days`].
pub fn stacked_days_png(
    days: &[NaiveDate],
    series: &[Series],
    currency: Currency,
    size: (u32, u32),
    theme: Theme,
) -> Result<Vec<u8>, ChartError> {
    stacked(days, series, currency, size, theme)?.png()
}

fn stacked<'d>(
    days: &'d [NaiveDate],
    series: &'d [Series],
    currency: Currency,
    size: (u32, u32),
    theme: Theme,
) -> Result<Drawing<impl FnOnce(&Canvas<'_>) -> Result<(), ChartError> + 'd>, ChartError> {
    check(days, series)?;
    let totals = day_totals(days, series)?;
    let description = describe(days, series, currency)?;
    let title = format!("Cost by day, {}, {currency}", span(days));
    let marks = move |canvas: &Canvas<'_>| {
        let entries = legend_entries(series, currency, size.0 as i32)?;
        let below = legend(canvas, &entries, size.0 as i32)?;
        let signed = |negative: bool| {
            (0..days.len()).map(move |day| {
                sum(series.iter().map(|s| s.values[day]).filter(|value| (value.units() < 0) == negative))
            })
        };
        let high = highest(signed(false).collect::<Result<Vec<_>, _>>()?);
        let low = -highest(signed(true).map(|total| total.map(|t| -t)).collect::<Result<Vec<_>, _>>()?);
        let Some((plot, scale)) = frame(canvas, days, (low, high), currency, size, (below, 12))? else {
            return Ok(());
        };
        let zero = scale.px(Amount::ZERO);
        for (day, total) in totals.iter().enumerate() {
            let (band_left, band_right) = plot.band(day, days.len());
            let width = ((band_right - band_left) * 18 / 25).clamp(1, COLUMN_PX);
            let left = (band_left + band_right - width) / 2;
            let (mut up, mut down) = (Amount::ZERO, Amount::ZERO);
            for one in series {
                let value = one.values[day];
                let stack = if value.units() < 0 { &mut down } else { &mut up };
                let from = scale.px(*stack);
                *stack += value;
                column(canvas, one.slot, (left, from), (left + width, scale.px(*stack)))?;
            }
            let text = format::money_short(*total, currency);
            let fits = label::width_px(&text, SMALL_PX) < f64::from(band_right - band_left);
            if fits && !total.is_zero() {
                let above = scale.px(up).min(zero) - 9;
                canvas.bold(&text, ((band_left + band_right) / 2, above), Anchor::Middle, SMALL_PX)?;
            }
        }
        canvas.line(vec![(plot.left, zero), (plot.right, zero)], palette::muted(theme), 1)
    };
    Ok(Drawing { size, theme, title, description, marks })
}

/// Lines over days, zero-based, each named at its end with its last value.
///
/// # Errors
/// As [`stacked_days`].
pub fn line_days(
    days: &[NaiveDate],
    series: &[Series],
    currency: Currency,
    size: (u32, u32),
    theme: Theme,
) -> Result<String, ChartError> {
    check(days, series)?;
    let title = format!("Course by day, {}, {currency}", span(days));
    let description = describe(days, series, currency)?;
    canvas::draw(size, theme, &title, &description, |canvas| {
        let all = || series.iter().flat_map(|one| one.values.iter().copied());
        let bounds = (all().min().unwrap_or_default(), all().max().unwrap_or_default());
        let names: Vec<String> = series
            .iter()
            .map(|one| {
                let last = one.values.last().copied().unwrap_or_default();
                let name = label::shorten_px(&label::visible(&one.name), NAME_PX * 0.6, TEXT_PX);
                format!("{name} {}", format::money_short(last, currency))
            })
            .collect();
        let widest = names.iter().map(|name| label::width_px(name, TEXT_PX)).fold(0.0, f64::max);
        let right = (widest as i32 + 14).min(size.0 as i32 / 3);
        let Some((plot, scale)) = frame(canvas, days, bounds, currency, size, (6, right))? else {
            return Ok(());
        };
        let mut ends = Vec::new();
        for (one, name) in series.iter().zip(names) {
            let points: Vec<_> = one
                .values
                .iter()
                .enumerate()
                .map(|(i, v)| (plot.middle(i, days.len()), scale.px(*v)))
                .collect();
            if let Some(last) = points.last() {
                ends.push((last.1, name, one.slot));
            }
            match points.as_slice() {
                [only] => canvas.rect(
                    (only.0 - 3, only.1 - 3),
                    (only.0 + 3, only.1 + 3),
                    palette::colour(one.slot, theme),
                )?,
                _ => canvas.line(points, palette::colour(one.slot, theme), 2)?,
            }
        }
        for (y, name, slot) in apart(ends, plot.top, plot.bottom) {
            canvas.rect((plot.right + 4, y - 4), (plot.right + 8, y + 4), palette::colour(slot, theme))?;
            let name = label::shorten_px(&name, f64::from(right - 12), TEXT_PX);
            canvas.text(&name, (plot.right + 12, y), Anchor::Start, TEXT_PX, palette::ink(theme))?;
        }
        Ok(())
    })
}

impl Plot {
    fn band(&self, index: usize, count: usize) -> (i32, i32) {
        let edge =
            |i: usize| self.left + ((self.right - self.left) as i64 * i as i64 / count.max(1) as i64) as i32;
        (edge(index), edge(index + 1))
    }

    fn middle(&self, index: usize, count: usize) -> i32 {
        let (left, right) = self.band(index, count);
        (left + right) / 2
    }
}

/// Axes, grid and weekends; nothing but a sentence when there is nothing to show.
fn frame(
    canvas: &Canvas<'_>,
    days: &[NaiveDate],
    (low, high): (Amount, Amount),
    currency: Currency,
    size: (u32, u32),
    (above, right): (i32, i32),
) -> Result<Option<(Plot, Scale)>, ChartError> {
    let (width, height) = (size.0 as i32, size.1 as i32);
    let theme = canvas.theme;
    if days.is_empty() || (low.is_zero() && high.is_zero()) {
        let middle = (width / 2, (above + height) / 2);
        canvas.text("No cost in this period", middle, Anchor::Middle, TEXT_PX, palette::muted(theme))?;
        return Ok(None);
    }
    // The topmost total stands above its column.
    let (top, bottom) = (above + 18, height - 24);
    if bottom - top < 24 {
        return Err(ChartError::TooSmall(size.0, size.1));
    }
    let scale = Scale::new(low, high, if bottom - top < 120 { 2 } else { 4 }, (bottom, top))?;
    let labels: Vec<String> = scale.ticks.iter().map(|tick| format::money_short(*tick, currency)).collect();
    let widest = labels.iter().map(|text| label::width_px(text, SMALL_PX)).fold(0.0, f64::max);
    let plot = Plot { left: (widest as i32 + 10).min(width / 3), right: width - right, top, bottom };
    for (index, day) in days.iter().enumerate() {
        if matches!(day.weekday(), Weekday::Sat | Weekday::Sun) {
            let (left, right) = plot.band(index, days.len());
            canvas.rect((left, top), (right, bottom), palette::weekend(theme))?;
        }
    }
    for (tick, text) in scale.ticks.iter().zip(labels) {
        let y = scale.px(*tick);
        canvas.line(vec![(plot.left, y), (plot.right, y)], palette::rule(theme), 1)?;
        canvas.text(&text, (plot.left - 6, y), Anchor::End, SMALL_PX, palette::muted(theme))?;
    }
    day_labels(canvas, &plot, days)?;
    Ok(Some((plot, scale)))
}

/// Every day where they fit, else Mondays, else first days of months; with
/// the month where it is new.
fn day_labels(canvas: &Canvas<'_>, plot: &Plot, days: &[NaiveDate]) -> Result<(), ChartError> {
    let band_px = (plot.right - plot.left) / days.len().max(1) as i32;
    let every_day = band_px >= 24;
    let wanted = |day: &NaiveDate| match days.len() {
        _ if every_day => true,
        ..=75 => day.weekday() == Weekday::Mon,
        _ => day.day() == 1,
    };
    let mut free_from = i32::MIN;
    for (index, day) in days.iter().enumerate().filter(|(_, day)| wanted(day)) {
        let x = plot.middle(index, days.len());
        let text = match every_day {
            true if index == 0 || day.day() == 1 => day.format("%-d %b"),
            true if band_px >= 48 => day.format("%a %-d"),
            true => day.format("%-d"),
            false if days.len() > 75 => day.format("%b %Y"),
            false => day.format("%-d %b"),
        }
        .to_string();
        let half = (label::width_px(&text, SMALL_PX) / 2.0) as i32 + 3;
        if x - half >= free_from {
            free_from = x + half;
            let fill = palette::muted(canvas.theme);
            canvas.text(&text, (x, plot.bottom + 12), Anchor::Middle, SMALL_PX, fill)?;
        }
    }
    Ok(())
}

/// One piece of a column, with a hair of page between it and the next.
fn column(canvas: &Canvas<'_>, slot: ColourSlot, from: (i32, i32), to: (i32, i32)) -> Result<(), ChartError> {
    let (top, bottom) = (from.1.min(to.1), from.1.max(to.1));
    if top == bottom {
        return Ok(());
    }
    let gap = i32::from(bottom - top > 3);
    let (from, to) = ((from.0, top + gap), (to.0, bottom));
    let fill = palette::colour(slot, canvas.theme);
    match slot {
        ColourSlot::Idle => canvas.hatch(from, to, fill),
        _ => canvas.rect(from, to, fill),
    }
}

/// The name of each series with its total; names are shortened where all do not fit otherwise.
fn legend_entries(
    series: &[Series],
    currency: Currency,
    width: i32,
) -> Result<Vec<(String, ColourSlot)>, ChartError> {
    let mut entries = Vec::new();
    for name_px in LEGEND_NAMES_PX {
        let named = series.iter().map(|one| {
            let name = label::shorten_px(&label::visible(&one.name), name_px, TEXT_PX);
            let total = sum(one.values.iter().copied())?;
            Ok((format!("{name} {}", format::money_short(total, currency)), one.slot))
        });
        entries = named.collect::<Result<Vec<_>, ChartError>>()?;
        if rows_of(&entries, width) <= LEGEND_ROWS {
            break;
        }
    }
    Ok(entries)
}

/// Rows that entries take one after another.
fn rows_of(entries: &[(String, ColourSlot)], width: i32) -> i32 {
    let (mut x, mut rows) = (0, 1);
    for (text, _) in entries {
        let entry_px = ENTRY_PX + label::width_px(text, TEXT_PX) as i32;
        if x > 0 && x + entry_px > width {
            (x, rows) = (0, rows + 1);
        }
        x += entry_px;
    }
    rows
}

/// Draws the legend in rows from the top and returns where it ends; what does
/// not fit in its rows is counted. What is idle is hatched, which nobody knows by
/// itself: it has its place before others.
fn legend(canvas: &Canvas<'_>, entries: &[(String, ColourSlot)], width: i32) -> Result<i32, ChartError> {
    const MORE_PX: i32 = 64;
    let all_fit = rows_of(entries, width) <= LEGEND_ROWS;
    let mut entries: Vec<_> = entries.iter().collect();
    if !all_fit {
        entries.sort_by_key(|(_, slot)| *slot != ColourSlot::Idle);
    }
    let theme = canvas.theme;
    let (mut x, mut row) = (0, 0);
    for (index, (text, slot)) in entries.iter().enumerate() {
        let entry_px = ENTRY_PX + label::width_px(text, TEXT_PX) as i32;
        let last_row = row + 1 == LEGEND_ROWS;
        // The last row keeps room for saying how many more there are.
        let room = width - if !all_fit && last_row && index + 1 < entries.len() { MORE_PX } else { 0 };
        let full = x > 0 && x + entry_px > room;
        if full && last_row {
            let more = format!("+{} more", entries.len() - index);
            canvas.text(
                &more,
                (x, row * LEGEND_ROW_PX + 9),
                Anchor::Start,
                TEXT_PX,
                palette::muted(theme),
            )?;
            break;
        }
        if full {
            (x, row) = (0, row + 1);
        }
        let y = row * LEGEND_ROW_PX + 9;
        column(canvas, *slot, (x, y - 6), (x + 11, y + 5))?;
        canvas.text(text, (x + 16, y), Anchor::Start, TEXT_PX, palette::ink(theme))?;
        x += entry_px;
    }
    Ok(if entries.is_empty() { 0 } else { (row + 1) * LEGEND_ROW_PX })
}

/// Moves labels that would overlap apart, keeping their order.
fn apart(mut ends: Vec<(i32, String, ColourSlot)>, top: i32, bottom: i32) -> Vec<(i32, String, ColourSlot)> {
    const LINE_PX: i32 = 15;
    ends.sort_by_key(|end| end.0);
    let mut free_from = top;
    for end in &mut ends {
        end.0 = end.0.max(free_from);
        free_from = end.0 + LINE_PX;
    }
    let mut free_to = bottom;
    for end in ends.iter_mut().rev() {
        end.0 = end.0.min(free_to);
        free_to = end.0 - LINE_PX;
    }
    ends
}

fn check(days: &[NaiveDate], series: &[Series]) -> Result<(), ChartError> {
    match series.iter().find(|one| one.values.len() != days.len()) {
        None => Ok(()),
        Some(one) => {
            Err(ChartError::Uneven { series: one.name.clone(), values: one.values.len(), days: days.len() })
        }
    }
}

fn day_totals(days: &[NaiveDate], series: &[Series]) -> Result<Vec<Amount>, ChartError> {
    (0..days.len()).map(|day| sum(series.iter().map(|one| one.values[day]))).collect()
}

fn highest(values: Vec<Amount>) -> Amount {
    values.into_iter().max().unwrap_or_default()
}

fn span(days: &[NaiveDate]) -> String {
    match days {
        [] => "no days".to_owned(),
        [only] => format::day(*only),
        [first, .., last] => format!("{} to {}", format::day(*first), format::day(*last)),
    }
}

/// The chart in words: the whole, then every series.
fn describe(days: &[NaiveDate], series: &[Series], currency: Currency) -> Result<String, ChartError> {
    let total = sum(day_totals(days, series)?)?;
    let parts = series
        .iter()
        .map(|one| Ok(format!("{}: {}", one.name, format::money(sum(one.values.iter().copied())?, currency))))
        .collect::<Result<Vec<_>, ChartError>>()?;
    Ok(format!("Total {}. {}", format::money(total, currency), parts.join("; ")))
}
