//! Words around figures: periods in plain English and lists. Figures themselves come from
//! [`reports::format`].

use attribution::mart::{Idle, Ownership, Shared, moment};
use chrono::{Datelike, Days, NaiveDate};

/// A half-open span of days as a person says it: `from 5 to 6 October 2026`,
/// `on 5 October 2026`, `in October 2026`.
pub fn period(from: NaiveDate, to: NaiveDate) -> String {
    let last = to.checked_sub_days(Days::new(1)).unwrap_or(to);
    if last <= from {
        return format!("on {}", from.format("%-d %B %Y"));
    }
    if from.day() == 1 && to.day() == 1 && (from.year(), from.month()) == (last.year(), last.month()) {
        return format!("in {}", from.format("%B %Y"));
    }
    let end = last.format("%-d %B %Y");
    if from.year() != last.year() {
        format!("from {} to {end}", from.format("%-d %B %Y"))
    } else if from.month() != last.month() {
        format!("from {} to {end}", from.format("%-d %B"))
    } else {
        format!("from {} to {end}", from.format("%-d"))
    }
}

/// `1 run`, `12 runs`.
pub fn plural(n: i64, one: &str, many: &str) -> String {
    format!("{} {}", reports::format::count(n), if n == 1 { one } else { many })
}

/// To whom idle costs are charged, as a choice.
pub const fn idle(idle: Idle) -> &'static str {
    match idle {
        Idle::Keep => "by itself",
        Idle::Owner => "to the cluster’s owner",
        Idle::Proportional => "to what used the cluster",
    }
}

/// To whom shared costs are charged, as a choice.
pub const fn shared(shared: Shared) -> &'static str {
    match shared {
        Shared::Keep => "by themselves",
        Shared::Even => "evenly to teams",
        Shared::Proportional => "to teams by their cost",
        Shared::Fixed => "to teams by fixed shares",
    }
}

/// Whose costs are whose, as a choice.
pub fn ownership(ownership: Ownership) -> String {
    match ownership {
        Ownership::Restated => "by today’s rules".to_owned(),
        Ownership::AsWas => "as recorded each day".to_owned(),
        Ownership::AsOf(at) => match moment(at).parse::<NaiveDate>() {
            Ok(day) => format!("as of {}", reports::format::day(day)),
            Err(_) => format!("as of {}", at.format("%-d %b %Y %H:%M UTC")),
        },
    }
}

/// The first letter as a capital, for the start of a sentence.
pub fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// A sentence that goes on where another began.
pub fn uncapital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

/// A text as HTML, with what stands between backticks as code.
pub fn coded(text: &str) -> String {
    let mut html = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some((before, code, after)) = rest
        .split_once('`')
        .and_then(|(before, more)| more.split_once('`').map(|(code, after)| (before, code, after)))
    {
        escape(&mut html, before);
        html.push_str("<code>");
        escape(&mut html, code);
        html.push_str("</code>");
        rest = after;
    }
    escape(&mut html, rest);
    html
}

/// A name as HTML that may be broken after its separators, and not within its words or figures.
pub fn breakable(text: &str) -> String {
    let mut html = String::with_capacity(text.len() + 16);
    let (mut begun, mut before) = (0, ' ');
    for (at, c) in text.char_indices() {
        let separates = match before {
            '.' => c.is_alphabetic(),
            '/' | '_' | '-' | ':' | '@' => c.is_alphanumeric(),
            _ => false,
        };
        if separates {
            escape(&mut html, &text[begun..at]);
            html.push_str("<wbr>");
            begun = at;
        }
        before = c;
    }
    escape(&mut html, &text[begun..]);
    html
}

fn escape(html: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '&' => html.push_str("&#38;"),
            '<' => html.push_str("&#60;"),
            '>' => html.push_str("&#62;"),
            '"' => html.push_str("&#34;"),
            '\'' => html.push_str("&#39;"),
            c => html.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_is_said_as_short_as_it_can_be() {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        for (from, to, want) in [
            ("2026-10-05", "2026-10-07", "from 5 to 6 October 2026"),
            ("2026-10-05", "2026-10-06", "on 5 October 2026"),
            ("2026-09-28", "2026-10-05", "from 28 September to 4 October 2026"),
            ("2025-12-29", "2026-01-05", "from 29 December 2025 to 4 January 2026"),
            ("2026-10-01", "2026-11-01", "in October 2026"),
            ("2026-10-01", "2026-12-01", "from 1 October to 30 November 2026"),
        ] {
            assert_eq!(period(day(from), day(to)), want);
        }
    }

    #[test]
    fn a_name_breaks_after_its_separators_and_a_figure_does_not() {
        assert_eq!(breakable("growth.daily/<b>_1"), "growth.<wbr>daily/&#60;b&#62;_<wbr>1");
        assert_eq!(breakable("$6,034.20 (150.9%), 2 - 1. "), "$6,034.20 (150.9%), 2 - 1. ");
        assert_eq!(breakable("é-ß"), "é-<wbr>ß");
        assert_eq!(breakable(""), "");
    }

    #[test]
    fn what_stands_between_backticks_is_code_and_nothing_is_markup() {
        assert_eq!(coded("run `a <b>` & \"c\""), "run <code>a &#60;b&#62;</code> &#38; &#34;c&#34;");
        assert_eq!(coded("a ` alone, 'so'"), "a ` alone, &#39;so&#39;");
    }
}
