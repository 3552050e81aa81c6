//! What a finding rests on, as people read it: every figure in the unit its name says, for
//! the terminal, tickets and pages alike.

use model::{Amount, Currency};
use serde_json::Value;

use crate::format;

/// Key under which evidence keeps what other ages would drop, and miss.
pub const RISK_CURVE: &str = "risk_curve";

/// One figure.
#[derive(Clone, Debug, PartialEq)]
pub enum Figure {
    /// Nothing is known.
    Missing,
    /// Holds or not.
    Flag(bool),
    /// Bytes.
    Bytes(i64),
    /// Milliseconds.
    Millis(i64),
    /// Money.
    Money(Amount),
    /// Part of a whole.
    Share(f64),
    /// Whole number.
    Count(i64),
    /// Any other number.
    Number(f64),
    /// Words.
    Text(String),
}

/// One age of a risk curve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Age {
    /// Days that are kept.
    pub days: i64,
    /// Bytes that go.
    pub bytes: i64,
    /// Part of past reads that looked back further, at most.
    pub missed: f64,
}

/// What a figure is called: its name without the unit, which the figure has.
pub fn label(name: &str) -> String {
    let words = name.split('_').filter_map(|word| match word {
        "ms" | "seconds" => None,
        "mib" => Some("memory"),
        "p95" => Some("95th percentile of"),
        "p99" => Some("of 99 reads in 100"),
        "p999" => Some("of 999 reads in 1,000"),
        "max" => Some("of all reads"),
        word => Some(word),
    });
    words.collect::<Vec<_>>().join(" ")
}

/// A value in the unit its name says.
pub fn figure(name: &str, value: &Value) -> Figure {
    let number = match value {
        Value::Null => return Figure::Missing,
        Value::Bool(holds) => return Figure::Flag(*holds),
        Value::String(text) => text.parse().ok(),
        value => value.as_f64(),
    };
    let Some(number) = number.filter(|number: &f64| number.is_finite()) else {
        return Figure::Text(moment(name, plain(value)));
    };
    let is = |word: &str| name.split('_').any(|part| part == word);
    if is("bytes") {
        Figure::Bytes(number as i64)
    } else if name.ends_with("_ms") {
        Figure::Millis(number as i64)
    } else if is("seconds") {
        Figure::Millis((number * 1e3) as i64)
    } else if is("mib") {
        Figure::Bytes((number * 1_048_576.0) as i64)
    } else if is("cost") || name.ends_with("_a_month") || name.ends_with("_a_run") {
        let exact = value.as_str().map_or_else(|| format!("{number:.6}"), str::to_owned);
        exact.parse().map_or(Figure::Number(number), Figure::Money)
    } else if is("share") {
        Figure::Share(number)
    } else if name.starts_with("look_back") {
        Figure::Text(format!("{} days", format::count(number as i64)))
    } else if number.fract() == 0.0 && number.abs() < 1e15 {
        Figure::Count(number as i64)
    } else {
        Figure::Number(number)
    }
}

impl Figure {
    /// As people read it.
    pub fn text(&self, currency: Currency) -> String {
        match self {
            Self::Missing => "none known".to_owned(),
            Self::Flag(holds) => if *holds { "yes" } else { "no" }.to_owned(),
            Self::Bytes(bytes) => format::bytes(*bytes),
            Self::Millis(ms) => format::duration_ms(*ms),
            // What one run costs is often under a cent.
            Self::Money(amount) if !amount.is_zero() && amount.abs() < TENTH => {
                format::money_short(*amount, currency)
            }
            Self::Money(amount) => format::money(*amount, currency),
            Self::Share(share) => format!("{:.1}%", share * 100.0),
            Self::Count(count) => format::count(*count),
            Self::Number(number) => format!("{number:.2}"),
            Self::Text(text) => text.clone(),
        }
    }
}

/// A tenth of a unit of currency.
const TENTH: Amount = Amount::from_units(10_i128.pow(model::money::SCALE - 1));

/// Every figure but the risk curve: what it is called, and what it says.
pub fn lines(evidence: &Value, currency: Currency) -> Vec<(String, String)> {
    let figures = evidence.as_object().into_iter().flatten().filter(|(name, _)| *name != RISK_CURVE);
    figures.map(|(name, value)| (label(name), figure(name, value).text(currency))).collect()
}

/// The risk curve, where there is one.
pub fn curve(evidence: &Value) -> Vec<Age> {
    let points = evidence.get(RISK_CURVE).and_then(Value::as_array).into_iter().flatten();
    let age = |point: &Value| {
        let number = |key: &str| point.get(key).and_then(Value::as_f64).unwrap_or_default();
        Age {
            days: number("days") as i64,
            bytes: number("saved_bytes") as i64,
            missed: number("reads_missed"),
        }
    };
    points.map(age).collect()
}

impl Age {
    /// As people read it.
    pub fn text(&self) -> String {
        format!(
            "{} days kept: {} go, at most {} of past reads looked back further",
            format::count(self.days),
            format::bytes(self.bytes),
            self.missed_text()
        )
    }

    /// Which part of past reads it would have missed.
    pub fn missed_text(&self) -> String {
        format!("{}%", self.missed * 100.0)
    }
}

/// A moment to the minute; other words stay as they are.
fn moment(name: &str, text: String) -> String {
    let is_moment = name.ends_with("_at") || matches!(name, "idle_from" | "oldest");
    match text.get(..16) {
        Some(minute) if is_moment => format!("{minute} UTC"),
        _ => text,
    }
}

/// A value as words.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(plain).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_figure_has_the_unit_its_name_says() {
        for (name, value, label_is, text_is) in [
            ("spilled_bytes_a_run", json!(14_000_000_000_i64), "spilled bytes a run", "13.0 GiB"),
            ("longest_task_ms", json!(4_320_000), "longest task", "1 h 12 min"),
            ("median_run_seconds", json!(90), "median run", "1 min 30 s"),
            ("p95_peak_mib", json!(11_264.0), "95th percentile of peak memory", "11.0 GiB"),
            ("failed_cost", json!(1234.5), "failed cost", "$1,234.50"),
            ("on_trino_a_run", json!(0.0042), "on trino a run", "$0.0042"),
            ("idle_share", json!(0.9987), "idle share", "99.9%"),
            ("rows", json!(1_234_567), "rows", "1,234,567"),
            ("p95_hours", json!(2.345), "95th percentile of hours", "2.35"),
            ("look_back_p99", json!(29), "look back of 99 reads in 100", "29 days"),
            ("has_ended", json!(false), "has ended", "no"),
            ("last_read_on", json!(null), "last read on", "none known"),
            ("idle_from", json!("2026-10-12 04:05:06.789"), "idle from", "2026-10-12 04:05 UTC"),
            ("inputs", json!(["prod.a", "prod.b"]), "inputs", "prod.a, prod.b"),
        ] {
            assert_eq!(label(name), label_is);
            assert_eq!(figure(name, &value).text(Currency::USD), text_is, "{name}");
        }
    }

    #[test]
    fn a_risk_curve_is_told_age_by_age() {
        let evidence = json!({"bytes": 5, "risk_curve": [
            {"days": 30, "saved_bytes": 2_000_000_000, "reads_missed": 0.1},
            {"days": 365, "saved_bytes": 0, "reads_missed": 0},
        ]});
        let told: Vec<_> = curve(&evidence).iter().map(Age::text).collect();
        assert_eq!(
            told,
            [
                "30 days kept: 1.9 GiB go, at most 10% of past reads looked back further",
                "365 days kept: 0 B go, at most 0% of past reads looked back further"
            ]
        );
        assert_eq!(lines(&evidence, Currency::USD), [("bytes".to_owned(), "5 B".to_owned())]);
    }
}
