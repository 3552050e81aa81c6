use chrono::{Days, NaiveDate};
use model::{Amount, Currency};
use quick_xml::Reader;
use quick_xml::events::Event;

use super::*;
use crate::palette::{Theme, slot_of};

fn week(count: u64) -> Vec<NaiveDate> {
    let monday = NaiveDate::from_ymd_opt(2026, 10, 5).unwrap();
    (0..count).map(|n| monday + Days::new(n)).collect()
}

fn series(name: &str, slot: ColourSlot, values: &[&str]) -> Series {
    Series { name: name.into(), slot, values: values.iter().map(|v| v.parse().unwrap()).collect() }
}

/// An element: its name and its attributes.
type Element = (String, Vec<(String, String)>);

/// The elements of a well-formed document, and its texts.
fn parse(svg: &str) -> (Vec<Element>, Vec<String>) {
    let mut reader = Reader::from_str(svg);
    reader.config_mut().check_end_names = true;
    let (mut elements, mut texts, mut open) = (Vec::new(), Vec::new(), 0);
    let mut text = String::new();
    loop {
        let event = reader.read_event().unwrap_or_else(|e| panic!("{e} in {svg}"));
        match event {
            Event::Start(e) | Event::Empty(e) => {
                let attributes = e
                    .attributes()
                    .map(|a| {
                        let a = a.unwrap();
                        (
                            String::from_utf8(a.key.as_ref().to_vec()).unwrap(),
                            a.normalized_value(quick_xml::XmlVersion::Implicit1_0).unwrap().into_owned(),
                        )
                    })
                    .collect();
                elements.push((String::from_utf8(e.name().as_ref().to_vec()).unwrap(), attributes));
                open += 1;
            }
            Event::End(_) => {
                texts.push(std::mem::take(&mut text).trim().to_owned());
                open += 1;
            }
            Event::Text(t) => text.push_str(&t.decode().unwrap()),
            Event::GeneralRef(r) => text.push_str(match r.decode().unwrap().as_ref() {
                "lt" => "<",
                "gt" => ">",
                "amp" => "&",
                "apos" => "'",
                "quot" => "\"",
                other => panic!("unknown entity {other}"),
            }),
            Event::Eof => break,
            _ => {}
        }
    }
    assert!(open > 2, "{svg}");
    (elements, texts)
}

fn attribute<'a>(element: &'a Element, name: &str) -> &'a str {
    element.1.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str()).unwrap_or_default()
}

fn filled(elements: &[Element], fill: &str) -> Vec<(i32, i32, i32, i32)> {
    let number = |e, name| attribute(e, name).parse::<i32>().unwrap();
    elements
        .iter()
        .filter(|e| e.0 == "rect" && attribute(e, "fill") == fill)
        .map(|e| (number(e, "x"), number(e, "y"), number(e, "width"), number(e, "height")))
        .collect()
}

#[test]
fn columns_are_as_high_as_their_amounts() {
    // 10 and 20 on an axis from 0 to 20: the second column is twice the first.
    let blue = series("a", slot_of(0), &["10", "20"]);
    let svg = stacked_days(&week(2), &[blue], Currency::USD, (400, 240), Theme::Light).unwrap();
    let (elements, texts) = parse(&svg);
    // The legend's swatch is the first of that colour.
    let columns = filled(&elements, crate::palette::colour(slot_of(0), Theme::Light));
    assert_eq!(columns.len(), 3);
    // One pixel of each column is the gap above it.
    let (first, second) = (columns[1].3 + 1, columns[2].3 + 1);
    assert!((second - 2 * first).abs() <= 1, "{columns:?}");
    assert_eq!(columns[1].1 + columns[1].3, columns[2].1 + columns[2].3, "both stand on zero");
    for label in ["$0", "$5", "$10", "$15", "$20", "5 Oct", "Tue 6", "a $30"] {
        assert!(texts.iter().any(|t| t == label), "{label} in {texts:?}");
    }
}

#[test]
fn credits_hang_below_zero() {
    let svg = stacked_days(
        &week(1),
        &[series("cost", slot_of(0), &["30"]), series("credit", slot_of(1), &["-10"])],
        Currency::USD,
        (400, 240),
        Theme::Light,
    )
    .unwrap();
    let (elements, texts) = parse(&svg);
    let cost = filled(&elements, crate::palette::colour(slot_of(0), Theme::Light))[1];
    let credit = filled(&elements, crate::palette::colour(slot_of(1), Theme::Light))[1];
    assert_eq!(cost.1 + cost.3 + 1, credit.1, "the credit begins where the cost stands");
    assert!(texts.iter().any(|t| t == "$20"), "the day's total is 30 - 10: {texts:?}");
}

#[test]
fn weekends_are_shaded_and_idle_is_hatched() {
    let days = week(7);
    let idle = series("idle", ColourSlot::Idle, &["1", "2", "3", "4", "5", "6", "7"]);
    let svg = stacked_days(&days, &[idle], Currency::USD, (560, 240), Theme::Dark).unwrap();
    let (elements, _) = parse(&svg);
    assert_eq!(filled(&elements, crate::palette::weekend(Theme::Dark)).len(), 2);
    let hatched = elements.iter().filter(|e| {
        e.0 == "polyline" && attribute(e, "stroke") == crate::palette::colour(ColourSlot::Idle, Theme::Dark)
    });
    assert_eq!(hatched.count(), 8, "seven columns and the legend");
}

#[test]
fn names_are_escaped_and_every_chart_says_what_it_shows() {
    let hostile = "</text><script>alert('1')</script> & \"q\" \0\u{1b}\u{202e}";
    let days = week(3);
    let one = [series(hostile, slot_of(0), &["1", "2", "3"])];
    let charts = [
        stacked_days(&days, &one, Currency::USD, (560, 240), Theme::Light).unwrap(),
        line_days(&days, &one, Currency::USD, (560, 240), Theme::Light).unwrap(),
        bars(&[(hostile.to_owned(), Amount::whole(6))], Currency::USD, (560, 60), Theme::Light).unwrap(),
    ];
    for svg in charts {
        let (elements, texts) = parse(&svg);
        assert_eq!(elements[0].0, "svg");
        assert_eq!(attribute(&elements[0], "role"), "img");
        assert_eq!(attribute(&elements[0], "xmlns"), "http://www.w3.org/2000/svg");
        assert_eq!((elements[1].0.as_str(), elements[2].0.as_str()), ("title", "desc"));
        assert!(elements.iter().all(|e| e.0 != "script"), "{svg}");
        assert!(!svg.contains("http://www.w3.org/1999"), "{svg}");
        assert!(texts[1].contains("$6.00") && texts[1].contains("<script>"), "{}", texts[1]);
    }
}

#[test]
fn an_empty_period_says_so() {
    for days in [week(0), week(7)] {
        let zeros = Series { name: "a".into(), slot: slot_of(0), values: vec![Amount::ZERO; days.len()] };
        let svg = stacked_days(&days, &[zeros], Currency::USD, (400, 200), Theme::Light).unwrap();
        assert!(parse(&svg).1.iter().any(|t| t == "No cost in this period"));
    }
    let svg = bars(&[], Currency::USD, (400, 200), Theme::Light).unwrap();
    assert!(parse(&svg).1.iter().any(|t| t == "No cost in this period"));
    let svg = line_days(&week(2), &[], Currency::USD, (400, 200), Theme::Light).unwrap();
    assert!(parse(&svg).1.iter().any(|t| t == "No cost in this period"));
}

#[test]
fn many_days_and_many_series_still_fit() {
    for count in [1, 10, 31, 75, 92, 400] {
        let many: Vec<Series> = (0..20)
            .map(|n| Series {
                name: format!("prod.growth.table_with_a_long_name_{n}"),
                slot: slot_of(n),
                values: vec![Amount::whole(n as i64 + 1); count as usize],
            })
            .collect();
        for svg in [
            stacked_days(&week(count), &many, Currency::USD, (560, 260), Theme::Light).unwrap(),
            line_days(&week(count), &many[..5], Currency::USD, (560, 260), Theme::Light).unwrap(),
        ] {
            let (elements, _) = parse(&svg);
            for element in elements.iter().filter(|e| e.0 == "text" || e.0 == "rect") {
                let x: i32 = attribute(element, "x").parse().unwrap();
                assert!((0..=560).contains(&x), "{element:?}");
            }
        }
    }
}

#[test]
fn what_cannot_be_drawn_is_an_error() {
    let days = week(2);
    let short = [series("a", slot_of(0), &["1"])];
    let error = stacked_days(&days, &short, Currency::USD, (400, 200), Theme::Light).unwrap_err();
    assert_eq!(error.to_string(), "the series `a` has 1 values for 2 days");
    let fine = [series("a", slot_of(0), &["1", "2"])];
    for size in [(0, 0), (100, 100), (400, 60), (u32::MAX, u32::MAX)] {
        assert!(matches!(
            stacked_days(&days, &fine, Currency::USD, size, Theme::Light),
            Err(ChartError::TooSmall(..))
        ));
    }
    let most = "99999999999999999999";
    let huge = [series("a", slot_of(0), &[most, most]), series("b", slot_of(1), &[most, most])];
    assert!(matches!(
        stacked_days(&days, &huge, Currency::USD, (400, 200), Theme::Light),
        Err(ChartError::TooLarge)
    ));
    let many: Vec<_> = (0..100).map(|n| (n.to_string(), Amount::whole(1))).collect();
    assert!(matches!(bars(&many, Currency::USD, (400, 200), Theme::Light), Err(ChartError::TooSmall(..))));
}

#[test]
fn bars_run_from_zero_both_ways() {
    let items = [("up".to_owned(), Amount::whole(30)), ("down".to_owned(), Amount::whole(-15))];
    let svg = bars(&items, Currency::USD, (560, 80), Theme::Light).unwrap();
    let (elements, texts) = parse(&svg);
    let drawn = filled(&elements, crate::palette::colour(ColourSlot::Blue, Theme::Light));
    let (up, down) = (drawn[0], drawn[1]);
    assert_eq!(down.0 + down.2, up.0, "they meet at zero");
    assert!((up.2 - 2 * down.2).abs() <= 1, "{drawn:?}");
    for text in ["up", "$30.00", "down", "-$15.00"] {
        assert!(texts.iter().any(|t| t == text), "{text}");
    }
}
