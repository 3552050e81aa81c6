use super::*;
use proptest::prelude::*;

fn amount(text: &str) -> Amount {
    text.parse().unwrap()
}

fn currency(code: &str) -> Currency {
    code.parse().unwrap()
}

#[test]
fn money_in_tables_is_to_the_coin_and_never_hides_a_cost() {
    for (value, code, want) in [
        ("1234.56", "USD", "$1,234.56"),
        ("-0.03", "USD", "-$0.03"),
        ("1234.56", "EUR", "€1,234.56"),
        ("12.3", "CHF", "CHF 12.30"),
        ("-12.3", "CHF", "-CHF 12.30"),
        ("0", "USD", "$0.00"),
        ("-0.0", "USD", "$0.00"),
        ("0.009999999999999999", "USD", "<$0.01"),
        ("-0.000000000000000001", "USD", "-<$0.01"),
        ("0.01", "USD", "$0.01"),
        ("0.015", "USD", "$0.02"),
        ("-0.015", "USD", "-$0.02"),
        ("999.995", "USD", "$1,000.00"),
        ("1000000", "GBP", "£1,000,000.00"),
        ("1234.5", "JPY", "¥1,235"),
        ("0.4", "JPY", "<¥1"),
        ("1.2345", "KWD", "KWD 1.235"),
        ("99999999999999999999.999999999999999999", "USD", "$100,000,000,000,000,000,000.00"),
    ] {
        assert_eq!(money(amount(value), currency(code)), want, "{value} {code}");
    }
}

#[test]
fn money_in_charts_has_three_figures() {
    for (value, want) in [
        ("48210", "$48.2K"),
        ("1234567", "$1.23M"),
        ("482.4", "$482"),
        ("0.0042", "$0.0042"),
        ("0.5", "$0.50"),
        ("0.1234", "$0.123"),
        ("0.9996", "$1"),
        ("12", "$12"),
        ("12.34", "$12.3"),
        ("4.5", "$4.50"),
        ("999.6", "$1K"),
        ("999499", "$999K"),
        ("999500", "$1M"),
        ("-48210", "-$48.2K"),
        ("0", "$0"),
        ("0.000000000000000001", "$0.000000000000000001"),
        ("2500000000000", "$2.50T"),
        ("99999999999999999999", "$100,000,000T"),
    ] {
        assert_eq!(money_short(amount(value), Currency::USD), want, "{value}");
    }
}

#[test]
fn shares_never_round_to_nothing_or_to_everything() {
    let share = |part: &str, whole: &str| percent(amount(part), amount(whole));
    assert_eq!(share("12.34", "100"), Some("12.3%".to_owned()));
    assert_eq!(share("0", "5"), Some("0.0%".to_owned()));
    assert_eq!(share("5", "5"), Some("100.0%".to_owned()));
    assert_eq!(share("0.0001", "5"), Some("<0.1%".to_owned()));
    assert_eq!(share("4.9999", "5"), Some(">99.9%".to_owned()));
    assert_eq!(share("-1", "4"), Some("-25.0%".to_owned()));
    assert_eq!(share("-1", "-4"), Some("25.0%".to_owned()));
    assert_eq!(share("3", "0"), None);
    assert_eq!(share("99999999999999999999", "33333333333333333333"), Some("300.0%".to_owned()));
    assert_eq!(share("999.94", "100"), Some("999.9%".to_owned()));
    assert_eq!(share("-999.95", "100"), Some("->999%".to_owned()));
    assert_eq!(share("0.000000000000000001", "99999999999999999999"), Some("<0.1%".to_owned()));
}

#[test]
fn a_change_has_its_sign_twice() {
    let text = |now: &str, before: &str| change(amount(now), amount(before), Currency::USD);
    assert_eq!(text("112", "100"), "+$12.00 (+12%)");
    assert_eq!(text("96.6", "100"), "-$3.40 (-3.4%)");
    assert_eq!(text("12", "0"), "+$12.00 (new)");
    assert_eq!(text("0", "12"), "-$12.00 (-100%)");
    assert_eq!(text("7", "7"), "no change");
    assert_eq!(text("0", "0"), "no change");
    assert_eq!(text("5", "-7"), "+$12.00");
    assert_eq!(text("-5", "0"), "-$5.00 (new)");
    assert_eq!(text("1000.001", "1000"), "+<$0.01 (+<0.1%)");
    assert_eq!(text("10.99", "1"), "+$9.99 (+999%)");
    assert_eq!(text("123456", "1"), "+$123,455.00 (+>999%)");
}

#[test]
fn sizes_counts_and_times() {
    for (value, want) in [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1_048_575, "1.0 MiB"),
        (1_288_490_189, "1.2 GiB"),
        (-2048, "-2.0 KiB"),
        (i64::MAX, "8.0 EiB"),
        (i64::MIN, "-8.0 EiB"),
    ] {
        assert_eq!(bytes(value), want);
    }
    for (value, want) in [(0, "0"), (999, "999"), (12_345, "12,345"), (-1_234_567, "-1,234,567")] {
        assert_eq!(count(value), want);
    }
    assert_eq!(count(i64::MIN), "-9,223,372,036,854,775,808");
    for (ms, want) in [
        (0, "0 s"),
        (350, "350 ms"),
        (45_000, "45 s"),
        (59_900, "1 min"),
        (65_000, "1 min 5 s"),
        (3_599_900, "1 h"),
        (4_980_000, "1 h 23 min"),
        (86_399_999, "1 d"),
        (183_600_000, "2 d 3 h"),
        (-45_000, "-45 s"),
    ] {
        assert_eq!(duration_ms(ms), want);
    }
    for ms in [i64::MAX, i64::MIN] {
        assert!(duration_ms(ms).contains(" d"), "{ms}");
    }
    for (ms, want) in [(0, "0.0"), (44_280_000, "12.3"), (1, "<0.1"), (-44_280_000, "-12.3")] {
        assert_eq!(vcore_hours(ms), want);
    }
}

#[test]
fn instants_name_their_zone_and_days_their_weekday() {
    let at: Instant = "2026-10-05T14:05:59Z".parse().unwrap();
    assert_eq!(instant(at, Tz::UTC), "5 Oct 2026 14:05 UTC");
    assert_eq!(instant(at, Tz::Europe__Berlin), "5 Oct 2026 16:05 CEST");
    assert_eq!(day(NaiveDate::from_ymd_opt(2026, 10, 5).unwrap()), "Mon 5 Oct 2026");
}

/// The value a shown figure stands for, in 1e-18 units: the reader's side of
/// the formatter, written without it.
fn read(text: &str) -> i128 {
    let negative = text.starts_with('-');
    let text = text.trim_start_matches(['-', '+']);
    let below = text.starts_with('<');
    let text = text.trim_start_matches('<').trim_start_matches('$').replace(',', "");
    let (text, zeros) = match text.char_indices().last() {
        Some((at, 'K')) => (text[..at].to_owned(), 3),
        Some((at, 'M')) => (text[..at].to_owned(), 6),
        Some((at, 'B')) => (text[..at].to_owned(), 9),
        Some((at, 'T')) => (text[..at].to_owned(), 12),
        _ => (text, 0),
    };
    let units = text.parse::<Amount>().unwrap().units() * 10_i128.pow(zeros);
    // "<$0.01" stands for something between nothing and a cent.
    let units = if below { units / 2 } else { units };
    if negative { -units } else { units }
}

/// Amounts of every size, small ones as likely as large ones.
fn any_amount() -> impl Strategy<Value = Amount> {
    (0_u32..38, -1_000_000_000_i128..1_000_000_000).prop_map(|(power, mantissa)| {
        let units = mantissa.saturating_mul(10_i128.pow(power)) / 1_000_000_000;
        Amount::from_units(units)
    })
}

proptest! {
    #[test]
    fn money_is_monotone(a in any_amount(), b in any_amount()) {
        let (low, high) = (a.min(b), a.max(b));
        prop_assert!(read(&money(low, Currency::USD)) <= read(&money(high, Currency::USD)));
        prop_assert!(read(&money_short(low, Currency::USD)) <= read(&money_short(high, Currency::USD)));
    }

    #[test]
    fn the_sign_is_kept_and_zero_has_none(a in any_amount()) {
        for text in [money(a, Currency::USD), money_short(a, Currency::USD)] {
            prop_assert_eq!(text.starts_with('-'), a.units() < 0, "{}", text);
            prop_assert_eq!(read(&text).signum(), a.units().signum(), "{}", text);
        }
    }

    #[test]
    fn money_is_off_by_half_a_cent_at_most(a in any_amount()) {
        let off = (read(&money(a, Currency::USD)) - a.units()).abs();
        prop_assert!(off <= 5_000_000_000_000_000, "{} off by {off}", a);
    }

    #[test]
    fn three_figures_are_off_by_half_of_the_third_at_most(a in any_amount()) {
        let off = (read(&money_short(a, Currency::USD)) - a.units()).abs();
        // Half of the third figure is at most 1/200 of the value.
        prop_assert!(off.saturating_mul(200) <= a.units().abs(), "{} off by {off}", a);
        let text = money_short(a, Currency::USD);
        let figures: String = text.chars().filter(char::is_ascii_digit).collect();
        let figures = figures.trim_start_matches('0').trim_end_matches('0');
        prop_assert!(figures.len() <= 3, "{text}");
    }

    #[test]
    fn thousands_are_separated(a in any_amount()) {
        let text = money(a, Currency::USD);
        let integer = text.trim_start_matches(['-', '<', '$']).split('.').next().unwrap_or_default();
        let groups: Vec<&str> = integer.split(',').collect();
        prop_assert!((1..=3).contains(&groups[0].len()), "{text}");
        prop_assert!(groups[1..].iter().all(|group| group.len() == 3), "{text}");
    }

    #[test]
    fn shares_are_within_their_rounding(w in 1_i128..1_000_000, times in -9990_i128..=9990) {
        let p = w * times / 1000;
        let text = percent(Amount::from_units(p), Amount::from_units(w)).unwrap();
        let digits = text.trim_start_matches('-').trim_start_matches(['<', '>']).trim_end_matches('%').replace(',', "");
        let tenths: i128 = digits.replace('.', "").parse().unwrap();
        // |shown - exact| <= one tenth: the bounds `<0.1` and `>99.9` included.
        prop_assert!((tenths * w - p.abs() * 1000).abs() <= w, "{p}/{w}: {text}");
    }

    #[test]
    fn no_figure_panics(a in any::<i128>(), b in any::<i128>(), n in any::<i64>()) {
        let (a, b) = (Amount::from_units(a), Amount::from_units(b));
        money(a, Currency::USD);
        money_short(a, Currency::USD);
        percent(a, b);
        change(a, b, Currency::USD);
        bytes(n);
        count(n);
        duration_ms(n);
        vcore_hours(n);
    }
}
