//! Names as people see them: whatever a log or a bill called a thing, shown on
//! one line, harmless and within its room.

/// The name on one line: control characters, which neither XML nor a terminal
/// takes, and direction marks, with which a name could pose as another, show as
/// `�`; line breaks and tabs as a space.
pub fn visible(name: &str) -> String {
    name.trim()
        .chars()
        .map(|c| match c {
            '\t' | '\n' | '\r' => ' ',
            '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
            '\u{fffe}' | '\u{ffff}' => '\u{fffd}',
            c if c.is_control() => '\u{fffd}',
            c => c,
        })
        .collect()
}

/// A name as HTML that a narrow column breaks after a dot, a slash, a dash or an underscore rather
/// than within a word.
pub(crate) fn breakable_html(name: &str) -> String {
    let mut html = String::with_capacity(name.len() * 2);
    for c in name.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            '.' | '/' | '_' | '-' => {
                html.push(c);
                html.push_str("<wbr>");
            }
            c => html.push(c),
        }
    }
    html
}

/// Columns a text takes in a fixed-width font: two for East Asian wide
/// characters and emoji, none for combining marks, one for the rest.
pub fn columns(text: &str) -> usize {
    text.chars().map(char_columns).sum()
}

/// The text in at most `room` columns; a longer one loses its middle, for names
/// differ at both ends (`prod.growth…daily_v2`).
pub fn shorten(text: &str, room: usize) -> String {
    shorten_by(text, room as f64, |c| char_columns(c) as f64)
}

/// About how wide a text is in a proportional sans-serif font, in pixels.
///
/// The widths are those of DejaVu Sans by class of character, the widest font
/// readers commonly have: theirs is not known when a chart is drawn.
pub(crate) fn width_px(text: &str, font_px: f64) -> f64 {
    text.chars().map(char_em).sum::<f64>() * font_px
}

/// As [`shorten`], in pixels of a proportional font.
pub(crate) fn shorten_px(text: &str, room: f64, font_px: f64) -> String {
    shorten_by(text, room, |c| char_em(c) * font_px)
}

fn shorten_by(text: &str, room: f64, width: impl Fn(char) -> f64) -> String {
    let whole: f64 = text.chars().map(&width).sum();
    if whole <= room {
        return text.to_owned();
    }
    let room = room - width('…');
    let (mut head, mut tail, mut used) = (String::new(), Vec::new(), 0.0);
    let (mut from_start, mut from_end) = (text.chars(), text.chars().rev());
    for at_start in [true, false].into_iter().cycle() {
        let Some(c) = (if at_start { from_start.next() } else { from_end.next() }) else { break };
        used += width(c);
        if used > room {
            break;
        }
        if at_start {
            head.push(c);
        } else {
            tail.push(c);
        }
    }
    head.push('…');
    head.extend(tail.into_iter().rev());
    head
}

fn char_columns(c: char) -> usize {
    match c {
        '\u{300}'..='\u{36f}' | '\u{200b}'..='\u{200d}' | '\u{fe00}'..='\u{fe0f}' => 0,
        '\u{1100}'..='\u{115f}'
        | '\u{2e80}'..='\u{a4cf}'
        | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}'
        | '\u{fe30}'..='\u{fe6f}'
        | '\u{ff00}'..='\u{ff60}'
        | '\u{1f300}'..='\u{1faff}'
        | '\u{20000}'..='\u{3fffd}' => 2,
        _ => 1,
    }
}

fn char_em(c: char) -> f64 {
    match char_columns(c) {
        0 => 0.0,
        2 => 1.0,
        _ => match c {
            'i' | 'j' | 'l' | '.' | ',' | ':' | ';' | '\'' | '|' | '!' => 0.33,
            'f' | 't' | 'r' | 'I' | ' ' | '-' | '(' | ')' | '[' | ']' | '/' => 0.4,
            'm' | 'w' | 'M' | 'W' | '@' | '%' | '…' => 0.98,
            'A'..='Z' => 0.72,
            _ => 0.63,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_name_is_one_harmless_line() {
        assert_eq!(visible(" a\tb\nc "), "a b c");
        assert_eq!(visible("a\0b\u{1b}[31m"), "a\u{fffd}b\u{fffd}[31m");
        assert_eq!(visible("gnp.\u{202e}exe"), "gnp.\u{fffd}exe");
        assert_eq!(visible("<script>"), "<script>"); // escaping is the writer's, once
    }

    #[test]
    fn a_name_breaks_where_its_parts_end_and_stays_harmless() {
        assert_eq!(breakable_html("a.b_c/<d>&\"'"), "a.<wbr>b_<wbr>c/<wbr>&lt;d&gt;&amp;&quot;&#39;");
    }

    #[test]
    fn a_long_name_loses_its_middle() {
        assert_eq!(shorten("prod.growth.orders_daily", 11), "prod.…daily");
        assert_eq!(shorten("short", 5), "short");
        assert_eq!(shorten("日本語の表", 6), "日…表");
        assert_eq!(shorten("anything", 1), "…");
        assert_eq!(shorten("", 0), "");
        for room in 1..30 {
            assert!(columns(&shorten("prod.growth.orders_daily", room)) <= room);
        }
    }
}
