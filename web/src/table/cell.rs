//! Cells: one value each, that knows how it is shown, sorted, searched and exported.

use std::cmp::Ordering;

use chrono::NaiveDate;
use chrono_tz::Tz;
use model::time::Instant;
use model::{Amount, Currency};
use reports::{format, label};

/// One value of a row.
#[derive(Clone, Debug)]
pub enum Cell {
    /// No value.
    Nothing,
    /// Words, perhaps with a link.
    Text { text: String, href: Option<String> },
    /// A name with the colour it has in charts.
    Swatch { text: String, class: String, href: Option<String> },
    /// Words that judge: `good` or `bad` beside the neutral.
    Tone { text: String, tone: &'static str },
    /// Words with an order of their own: what has the higher rank is more.
    Ranked { text: String, rank: u8 },
    /// Money.
    Money(Amount),
    /// Money that opens where it comes from.
    MoneyLink { amount: Amount, href: String },
    /// Money that is not told where it is zero.
    Part(Amount),
    /// Money with every digit.
    Exact(Amount),
    /// A decimal with more digits than an amount holds.
    Digits(String),
    /// Money against that of the span before.
    Change { now: Amount, before: Amount },
    /// Part of a whole, as per cent and bar.
    Share { part: Amount, whole: Amount, class: &'static str },
    /// Whole number.
    Count(i64),
    /// Bytes.
    Bytes(i64),
    /// Milliseconds.
    Millis(i64),
    /// Virtual core milliseconds, shown as hours.
    VcoreMs(i64),
    /// Billed quantity or weight, exact.
    Quantity(Amount),
    /// A UTC day, perhaps with a link.
    Day { day: NaiveDate, href: Option<String> },
    /// An instant.
    At(Instant),
    /// A small line, one value a day.
    Line(Vec<Amount>),
}

/// Geometry of a share: thousandths of the whole.
pub struct Bar {
    pub permille: i64,
    pub class: &'static str,
}

/// Geometry of a small line, in a box of 100 by 24.
pub struct Spark {
    pub points: String,
    pub last: (String, String),
}

impl Cell {
    /// Words without a link.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text { text: text.into(), href: None }
    }

    /// Words with a link.
    pub fn link(text: impl Into<String>, href: String) -> Self {
        Self::Text { text: text.into(), href: Some(href) }
    }

    /// Words where there are any.
    pub fn maybe(text: Option<impl Into<String>>) -> Self {
        text.map_or(Self::Nothing, Self::text)
    }

    /// An instant where there is one.
    pub fn when(at: Option<Instant>) -> Self {
        at.map_or(Self::Nothing, Self::At)
    }

    /// Whether there is no value.
    pub fn absent(&self) -> bool {
        match self {
            Self::Nothing => true,
            Self::Share { whole, .. } => whole.is_zero(),
            _ => false,
        }
    }

    /// The value for people.
    pub fn shown(&self, currency: Currency, zone: Tz) -> String {
        match self {
            Self::Nothing | Self::Line(_) => String::new(),
            Self::Text { text, .. }
            | Self::Swatch { text, .. }
            | Self::Tone { text, .. }
            | Self::Ranked { text, .. } => label::visible(text),
            Self::Money(amount) | Self::MoneyLink { amount, .. } => format::money(*amount, currency),
            Self::Part(amount) if amount.is_zero() => String::new(),
            Self::Part(amount) => format::signed_money(*amount, currency),
            Self::Exact(amount) | Self::Quantity(amount) => amount.to_string(),
            Self::Digits(digits) => {
                digits.parse().map_or_else(|_| digits.clone(), |amount| format::money(amount, currency))
            }
            Self::Change { now, before } => format::change(*now, *before, currency),
            Self::Share { part, whole, .. } => format::percent(*part, *whole).unwrap_or_default(),
            Self::Count(n) => format::count(*n),
            Self::Bytes(n) => format::bytes(*n),
            Self::Millis(ms) => format::duration_ms(*ms),
            Self::VcoreMs(ms) => format::vcore_hours(*ms),
            Self::Day { day, .. } => format::day(*day),
            Self::At(at) => format::instant(*at, zone),
        }
    }

    /// The exact value for machines; a figure is never rounded and never grouped.
    pub fn exported(&self) -> String {
        match self {
            Self::Nothing | Self::Line(_) => String::new(),
            Self::Text { text, .. }
            | Self::Swatch { text, .. }
            | Self::Tone { text, .. }
            | Self::Ranked { text, .. } => text.clone(),
            Self::Money(amount)
            | Self::MoneyLink { amount, .. }
            | Self::Part(amount)
            | Self::Exact(amount)
            | Self::Quantity(amount) => amount.to_string(),
            Self::Digits(digits) => digits.clone(),
            Self::Change { now, before } => (*now - *before).to_string(),
            Self::Share { part, .. } => part.to_string(),
            Self::Count(n) | Self::Bytes(n) | Self::Millis(n) | Self::VcoreMs(n) => n.to_string(),
            Self::Day { day, .. } => day.to_string(),
            Self::At(at) => at.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true),
        }
    }

    /// Whether it is words, which a spreadsheet might take for a formula.
    pub fn is_text(&self) -> bool {
        matches!(self, Self::Text { .. } | Self::Swatch { .. } | Self::Tone { .. } | Self::Ranked { .. })
    }

    /// Where it leads.
    pub fn href(&self) -> Option<&str> {
        match self {
            Self::Text { href, .. } | Self::Swatch { href, .. } | Self::Day { href, .. } => href.as_deref(),
            Self::MoneyLink { href, .. } => Some(href),
            _ => None,
        }
    }

    /// Every digit, where the shown text has fewer.
    pub fn precise(&self, currency: Currency) -> Option<String> {
        match self {
            Self::Money(amount) | Self::MoneyLink { amount, .. } => Some(format!("{amount} {currency}")),
            Self::Part(amount) if !amount.is_zero() => Some(format!("{amount} {currency}")),
            Self::Digits(digits) => Some(format!("{digits} {currency}")),
            Self::Bytes(n) => Some(format!("{} bytes", format::count(*n))),
            Self::Millis(n) => Some(format!("{} ms", format::count(*n))),
            Self::VcoreMs(n) => Some(format!("{} vcore-ms", format::count(*n))),
            _ => None,
        }
    }

    /// Whether words or a day hold this lower-case text.
    pub fn holds(&self, wanted: &str) -> bool {
        match self {
            Self::Text { text, .. }
            | Self::Swatch { text, .. }
            | Self::Tone { text, .. }
            | Self::Ranked { text, .. } => text.to_lowercase().contains(wanted),
            Self::Day { day, .. } => {
                day.to_string().contains(wanted) || format::day(*day).to_lowercase().contains(wanted)
            }
            _ => false,
        }
    }

    /// Order of two cells of one column.
    pub fn compare(&self, other: &Self) -> Ordering {
        match (self.key(), other.key()) {
            (Key::Number(a), Key::Number(b)) => a.cmp(&b),
            (Key::Ratio(a), Key::Ratio(b)) => a.total_cmp(&b),
            (Key::Text(a), Key::Text(b)) => a.cmp(&b),
            (a, b) => a.rank().cmp(&b.rank()),
        }
    }

    fn key(&self) -> Key {
        match self {
            Self::Nothing => Key::Number(0),
            Self::Text { text, .. } | Self::Swatch { text, .. } | Self::Tone { text, .. } => {
                Key::Text(text.to_lowercase())
            }
            Self::Money(amount)
            | Self::MoneyLink { amount, .. }
            | Self::Part(amount)
            | Self::Exact(amount)
            | Self::Quantity(amount) => Key::Number(amount.units()),
            Self::Digits(digits) => Key::Number(digits.parse::<Amount>().unwrap_or_default().units()),
            Self::Change { now, before } => Key::Number((*now - *before).units()),
            Self::Share { part, whole, .. } => Key::Ratio(part.to_f64() / whole.to_f64()),
            Self::Count(n) | Self::Bytes(n) | Self::Millis(n) | Self::VcoreMs(n) => {
                Key::Number(i128::from(*n))
            }
            Self::Ranked { rank, .. } => Key::Number(i128::from(*rank)),
            Self::Day { day, .. } => Key::Text(day.to_string()),
            Self::At(at) => Key::Number(i128::from(at.timestamp_micros())),
            Self::Line(values) => Key::Number(values.iter().map(|value| value.units()).sum()),
        }
    }

    /// The bar of a share.
    pub fn bar(&self) -> Option<Bar> {
        match self {
            Self::Share { part, whole, class } if !whole.is_zero() => {
                let ratio = (part.to_f64() / whole.to_f64()).clamp(0.0, 1.0);
                Some(Bar { permille: (ratio * 1000.0).round() as i64, class })
            }
            _ => None,
        }
    }

    /// The small line.
    pub fn spark(&self) -> Option<Spark> {
        let Self::Line(values) = self else { return None };
        let heights: Vec<f64> = values.iter().map(|value| value.to_f64()).collect();
        let top = heights.iter().copied().fold(0.0, f64::max);
        let bottom = heights.iter().copied().fold(0.0, f64::min);
        // One value has no course, and a line of zeros nothing to say.
        if heights.len() < 2 || top <= bottom {
            return None;
        }
        let step = 96.0 / (heights.len() - 1) as f64;
        let at = |(i, height): (usize, &f64)| {
            (2.0 + step * i as f64, 22.0 - 20.0 * (height - bottom) / (top - bottom))
        };
        let points: Vec<_> = heights.iter().enumerate().map(at).collect();
        let (x, y) = points.last()?;
        Some(Spark {
            points: points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect::<Vec<_>>().join(" "),
            last: (format!("{x:.1}"), format!("{y:.1}")),
        })
    }
}

enum Key {
    Number(i128),
    Ratio(f64),
    Text(String),
}

impl Key {
    const fn rank(&self) -> u8 {
        match self {
            Self::Number(_) => 0,
            Self::Ratio(_) => 1,
            Self::Text(_) => 2,
        }
    }
}
