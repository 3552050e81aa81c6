//! Horizontal bars for ranks.

use model::{Amount, Currency};

use super::ChartError;
use super::canvas::{self, Anchor, TEXT_PX};
use super::scale::{Scale, sum};
use crate::palette::{self, ColourSlot, Theme};
use crate::{format, label};

/// Thicker bars look like blocks.
const BAR_PX: i32 = 22;

/// One bar an item from top to bottom, in the order given, with its name before
/// it and its value at its end; amounts below zero run to the left of zero.
///
/// # Errors
/// [`ChartError::TooSmall`] also when a bar would have less than 14 pixels,
/// [`ChartError::TooLarge`].
pub fn bars(
    items: &[(String, Amount)],
    currency: Currency,
    size: (u32, u32),
    theme: Theme,
) -> Result<String, ChartError> {
    let (width, height) = (size.0 as i32, size.1 as i32);
    let total = sum(items.iter().map(|(_, value)| *value))?;
    let title = format!("Cost by item, {currency}");
    let parts: Vec<String> =
        items.iter().map(|(name, value)| format!("{name}: {}", format::money(*value, currency))).collect();
    let description = format!("Total {}. {}", format::money(total, currency), parts.join("; "));
    canvas::draw(size, theme, &title, &description, |canvas| {
        let row = height / items.len().max(1) as i32;
        if items.is_empty() {
            let middle = (width / 2, height / 2);
            return canvas.text(
                "No cost in this period",
                middle,
                Anchor::Middle,
                TEXT_PX,
                palette::muted(theme),
            );
        }
        if row < 14 {
            return Err(ChartError::TooSmall(size.0, size.1));
        }
        let widest = |texts: &mut dyn Iterator<Item = String>| {
            texts.map(|text| label::width_px(&text, TEXT_PX)).fold(0.0, f64::max)
        };
        let room = f64::from(width) * 0.42;
        let names = widest(&mut items.iter().map(|(name, _)| label::visible(name))).min(room) as i32;
        let value_text = |value: &Amount| format::money(*value, currency);
        let values = widest(&mut items.iter().map(|(_, value)| value_text(value))) as i32 + 8;
        let low = items.iter().map(|(_, value)| *value).min().unwrap_or_default();
        let high = items.iter().map(|(_, value)| *value).max().unwrap_or_default();
        let left = names + 10 + if low.units() < 0 { values } else { 0 };
        let right = width - if high.units() > 0 || low.units() >= 0 { values } else { 4 };
        if right - left < 20 {
            return Err(ChartError::TooSmall(size.0, size.1));
        }
        let scale = Scale::tight(low, high, (left, right));
        let zero = scale.px(Amount::ZERO);
        for (index, (name, value)) in items.iter().enumerate() {
            let middle = row * index as i32 + row / 2;
            let name = label::shorten_px(&label::visible(name), f64::from(names) + 1.0, TEXT_PX);
            canvas.text(&name, (0, middle), Anchor::Start, TEXT_PX, palette::ink(theme))?;
            let half = (row * 2 / 3).min(BAR_PX) / 2;
            let end = scale.px(*value);
            if !value.is_zero() {
                // Something is never drawn as nothing.
                let end = if end == zero { end + value.units().signum() as i32 } else { end };
                let fill = palette::colour(ColourSlot::Blue, theme);
                canvas.rect((zero.min(end), middle - half), (zero.max(end), middle + half), fill)?;
            }
            let (at, anchor) = match value.units() {
                ..0 => (end - 6, Anchor::End),
                _ => (end + 6, Anchor::Start),
            };
            canvas.text(&value_text(value), (at, middle), anchor, TEXT_PX, palette::ink(theme))?;
        }
        canvas.line(vec![(zero, 0), (zero, height)], palette::muted(theme), 1)
    })
}
