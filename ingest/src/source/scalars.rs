//! Single values that many formats write in many ways.

use model::time::{Instant, from_epoch_ms};
use serde_json::Value;

use super::iso_time::iso_time;

/// A text without the byte that ends texts elsewhere.
pub(super) fn clean(text: &str) -> String {
    text.replace('\0', " ")
}

/// A time: an ISO text, or an epoch in seconds or milliseconds, as a number or a text.
pub(super) fn instant(value: &Value) -> Option<Instant> {
    let number = match value {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => {
            let text = text.trim();
            match iso_time(text.trim_end_matches("UTC")) {
                Some(at) => return Some(at),
                None => text.parse().ok()?,
            }
        }
        _ => return None,
    };
    // An epoch in seconds reaches this only after three thousand years.
    let ms = if number < 1e11 { number * 1e3 } else { number };
    (0.0..1e16).contains(&ms).then(|| from_epoch_ms(ms.round() as i64)).flatten()
}

/// The sum of what is known.
pub(super) fn sum(one: Option<i64>, other: Option<i64>) -> Option<i64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.saturating_add(other)),
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn times_are_texts_or_epochs() {
        let want: Instant = "2022-05-26T12:39:42.860Z".parse().unwrap();
        for value in [
            json!("2022-05-26T12:39:42.860Z"),
            json!("2022-05-26T14:39:42.86+02:00"),
            json!("2022-05-26 12:39:42.860000 UTC"),
            json!(1_653_568_782.860),
            json!(1_653_568_782_860_i64),
            json!("1653568782860"),
        ] {
            assert_eq!(instant(&value), Some(want), "{value}");
        }
        for value in [
            json!(null),
            json!(0),
            json!(-5),
            json!(1e18),
            json!("yesterday"),
            json!("NaN"),
            json!({}),
            json!("9999-01-01T00:00:00Z"),
        ] {
            assert_eq!(instant(&value), None, "{value}");
        }
    }
}
