//! Every figure people see: the only place where figures become text, for
//! pages, mails, charts and the terminal alike.
//!
//! Integer arithmetic throughout: what is shown is the exact figure, rounded
//! half away from zero at the last digit shown. A figure that is not zero never
//! shows as zero (`<$0.01`), and one that is zero never has a sign.

use chrono::NaiveDate;
use chrono_tz::Tz;
use model::money::SCALE;
use model::time::Instant;
use model::{Amount, Currency};

/// 1e-18 units in one unit of currency.
const UNIT: u128 = 10_u128.pow(SCALE);

/// Money for tables, to the currency's smallest coin: `$1,234.56`, `-€0.03`,
/// `CHF 12.30`, `¥1,235`. Below that coin it says so: `<$0.01`, `-<$0.01`.
pub fn money(amount: Amount, currency: Currency) -> String {
    let decimals = minor_digits(currency);
    let coin = 10_u128.pow(SCALE - decimals);
    let units = amount.units().unsigned_abs();
    let (sign, symbol) = (minus(amount.units() < 0), symbol(currency));
    if units > 0 && units < coin {
        return format!("{sign}<{symbol}{}", fixed(1, decimals));
    }
    format!("{sign}{symbol}{}", fixed(divide_rounded(units, coin), decimals))
}

/// Money for charts and headlines, three significant figures: `$48.2K`,
/// `$1.23M`, `$482`, `$0.0042`.
pub fn money_short(amount: Amount, currency: Currency) -> String {
    let sign = minus(amount.units() < 0);
    format!("{sign}{}{}", symbol(currency), three_figures(amount.units().unsigned_abs()))
}

/// The share of a whole, to a tenth of a per cent: `12.3%`; nothing when the
/// whole is zero. Never rounded to nothing or to everything: `<0.1%`, `>99.9%`;
/// beyond ten times the whole, where a share says little, `>999%`.
pub fn percent(part: Amount, whole: Amount) -> Option<String> {
    if whole.is_zero() {
        return None;
    }
    let negative = !part.is_zero() && (part.units() < 0) != (whole.units() < 0);
    let (p, w) = (part.units().unsigned_abs(), whole.units().unsigned_abs());
    let tenths = ratio(p, w, 1000);
    let text = match tenths {
        0 if p > 0 => "<0.1".to_owned(),
        1000 if p < w => ">99.9".to_owned(),
        ..10_000 => fixed(tenths, 1),
        _ => ">999".to_owned(),
    };
    Some(format!("{}{text}%", minus(negative)))
}

/// A change with its sign, absolute and relative: `+$12.00 (+12%)`, to a tenth
/// below ten per cent and `>999%` beyond ten times. From nothing it is `(new)`; from a credit (a negative
/// amount) a percentage would mean nothing and is left out.
pub fn change(now: Amount, before: Amount, currency: Currency) -> String {
    let difference = now.units().saturating_sub(before.units());
    if difference == 0 {
        return "no change".to_owned();
    }
    let absolute = signed_money(Amount::from_units(difference), currency);
    match before.units() {
        0 => format!("{absolute} (new)"),
        ..0 => absolute,
        _ => {
            let relative = change_percent(now, before).unwrap_or_default();
            format!("{absolute} ({relative})")
        }
    }
}

/// [`money`] with a sign in either direction: `+$12.00`, `-$3.40`; zero has none.
pub fn signed_money(amount: Amount, currency: Currency) -> String {
    format!("{}{}", if amount.units() > 0 { "+" } else { "" }, money(amount, currency))
}

/// The relative part of [`change`] alone: `+12%`, `-3.4%`; nothing when the
/// amount before is zero or a credit.
pub fn change_percent(now: Amount, before: Amount) -> Option<String> {
    if before.units() <= 0 {
        return None;
    }
    let difference = now.units().saturating_sub(before.units());
    let sign = if difference < 0 { "-" } else { "+" };
    let (d, b) = (difference.unsigned_abs(), before.units().unsigned_abs());
    let tenths = ratio(d, b, 1000);
    let text = match tenths {
        0 if d == 0 => return Some("0%".to_owned()),
        0 => "<0.1".to_owned(),
        1..100 => fixed(tenths, 1),
        100..9_995 => grouped(ratio(d, b, 100)),
        _ => ">999".to_owned(),
    };
    Some(format!("{sign}{text}%"))
}

/// Bytes in binary units, to a tenth: `512 B`, `1.2 GiB`.
pub fn bytes(bytes: i64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let (sign, size) = (minus(bytes < 0), u128::from(bytes.unsigned_abs()));
    if size < 1024 {
        return format!("{sign}{size} B");
    }
    let tenths = |power: u32| divide_rounded(size * 10, 1024_u128.pow(power));
    // 1,048,575 bytes are 1.0 MiB, not 1,024.0 KiB.
    let power = (1..6).find(|power| tenths(*power) < 10_240).unwrap_or(6);
    format!("{sign}{} {}", fixed(tenths(power), 1), UNITS[power as usize - 1])
}

/// A count: `12,345`.
pub fn count(n: i64) -> String {
    format!("{}{}", minus(n < 0), grouped(u128::from(n.unsigned_abs())))
}

/// A length of time in its two largest units: `350 ms`, `45 s`, `5 min 10 s`,
/// `1 h 23 min`, `2 d 3 h`.
pub fn duration_ms(ms: i64) -> String {
    let (sign, size) = (minus(ms < 0), ms.unsigned_abs());
    let two = |big: u64, big_unit: &str, small: u64, small_unit: &str| match small {
        0 => format!("{sign}{big} {big_unit}"),
        _ => format!("{sign}{big} {big_unit} {small} {small_unit}"),
    };
    // Rounded to the smaller unit first, so that 59 min 59.9 s is 1 h and not 60 min.
    let seconds = size.saturating_add(500) / 1000;
    let minutes = size.saturating_add(30_000) / 60_000;
    let hours = size.saturating_add(1_800_000) / 3_600_000;
    match size {
        0 => "0 s".to_owned(),
        1..1000 => format!("{sign}{size} ms"),
        _ if seconds < 60 => format!("{sign}{seconds} s"),
        _ if seconds < 3600 => two(seconds / 60, "min", seconds % 60, "s"),
        _ if minutes < 24 * 60 => two(minutes / 60, "h", minutes % 60, "min"),
        _ => two(hours / 24, "d", hours % 24, "h"),
    }
}

/// Virtual core hours to a tenth, from vcore-milliseconds: `12.3`.
pub fn vcore_hours(vcore_ms: i64) -> String {
    let size = u128::from(vcore_ms.unsigned_abs());
    let tenths = divide_rounded(size, 360_000);
    let text = if tenths == 0 && size > 0 { "<0.1".to_owned() } else { fixed(tenths, 1) };
    format!("{}{text}", minus(vcore_ms < 0))
}

/// An instant in a time zone, which it names: `5 Oct 2026 14:05 UTC`.
pub fn instant(at: Instant, tz: Tz) -> String {
    at.with_timezone(&tz).format("%-d %b %Y %H:%M %Z").to_string()
}

/// A day with its weekday: `Mon 5 Oct 2026`.
pub fn day(day: NaiveDate) -> String {
    day.format("%a %-d %b %Y").to_string()
}

fn minus(negative: bool) -> &'static str {
    if negative { "-" } else { "" }
}

/// What stands before the digits. Currencies whose sign other currencies share
/// (kr, the other dollars) keep their code, so that no two look alike.
fn symbol(currency: Currency) -> String {
    match currency.code() {
        "USD" => "$".to_owned(),
        "EUR" => "€".to_owned(),
        "GBP" => "£".to_owned(),
        "JPY" => "¥".to_owned(),
        "INR" => "₹".to_owned(),
        code => format!("{code} "),
    }
}

/// Digits of the smallest coin, where ISO 4217 says other than two.
fn minor_digits(currency: Currency) -> u32 {
    match currency.code() {
        "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF" | "UGX" | "VND"
        | "VUV" | "XAF" | "XOF" | "XPF" => 0,
        "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
        _ => 2,
    }
}

/// Rounds half up; the divisor is never zero here.
fn divide_rounded(value: u128, divisor: u128) -> u128 {
    let rest = value % divisor;
    value / divisor + u128::from(rest >= divisor - rest)
}

/// `part * scale / whole`, rounded; the last digits of amounts too large to be
/// multiplied are dropped first, which no shown figure can notice.
fn ratio(mut part: u128, mut whole: u128, scale: u128) -> u128 {
    while part.checked_mul(scale).is_none() && whole >= 10 {
        part /= 10;
        whole /= 10;
    }
    divide_rounded(part.saturating_mul(scale), whole)
}

/// `value / 10^decimals` with the thousands separated.
fn fixed(value: u128, decimals: u32) -> String {
    let one = 10_u128.pow(decimals);
    match decimals {
        0 => grouped(value),
        _ => format!("{}.{:0width$}", grouped(value / one), value % one, width = decimals as usize),
    }
}

/// An integer with a comma before every third digit from the right.
fn grouped(value: u128) -> String {
    let digits = value.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Three significant figures of a count of 1e-18 units, with K, M, B or T from
/// a thousand upwards. Decimals that are all zero are left off.
fn three_figures(units: u128) -> String {
    if units == 0 {
        return "0".to_owned();
    }
    // Keep three figures: `kept * 10^exponent` units, after rounding.
    let mut exponent = (units.ilog10() + 1).saturating_sub(3);
    let mut kept = divide_rounded(units, 10_u128.pow(exponent));
    if kept == 1000 {
        (kept, exponent) = (100, exponent + 1);
    }
    let value = kept * 10_u128.pow(exponent);
    if value < UNIT {
        let text = format!("0.{value:018}");
        let trimmed = text.trim_end_matches('0');
        return text[..trimmed.len().max("0.00".len())].to_owned();
    }
    let (scale, suffix) = match value / UNIT {
        0..1_000 => (UNIT, ""),
        1_000..1_000_000 => (1_000 * UNIT, "K"),
        1_000_000..1_000_000_000 => (1_000_000 * UNIT, "M"),
        1_000_000_000..1_000_000_000_000 => (1_000_000_000 * UNIT, "B"),
        _ => (1_000_000_000_000 * UNIT, "T"),
    };
    let (whole, fraction) = (value / scale, value % scale);
    let decimals = 3_u32.saturating_sub(whole.ilog10() + 1);
    if fraction == 0 || decimals == 0 {
        return format!("{}{suffix}", grouped(whole));
    }
    let fraction = fraction / (scale / 10_u128.pow(decimals));
    format!("{}.{fraction:0width$}{suffix}", grouped(whole), width = decimals as usize)
}

#[cfg(test)]
mod tests;
