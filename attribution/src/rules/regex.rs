//! Regular expressions of ownership rules, in the part that DuckDB (RE2) and Spark (Java)
//! read alike. What is accepted is written anew so that no default of either engine shows:
//! the whole value is matched, `.` is any character, `\d`, `\w` and `\s` are ASCII, `^` and
//! `$` are the ends of the value. Whatever the two read differently is refused.

use std::fmt::Write as _;
use std::iter::Peekable;
use std::str::Chars;

use serde::Serialize;

/// Longest expression, in characters, and most repetitions a counted repeat may come to:
/// together they bound what either engine compiles.
const LONGEST: usize = 1000;
const MOST_REPEATS: u32 = 100;

const DIGITS: &str = "0-9";
const WORD: &str = "0-9A-Za-z_";
const SPACE: &str = r" \t\n\f\r";

/// A regular expression that matches a value whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Regex {
    written: String,
    portable: String,
}

impl Regex {
    /// Reads an expression.
    ///
    /// # Errors
    /// What of it no engine, or not every engine, would understand, and how to write it.
    pub fn new(written: &str) -> Result<Self, String> {
        if written.is_empty() {
            return Err("it is empty".to_owned());
        }
        if written.chars().count() > LONGEST {
            return Err(format!("it is longer than {LONGEST} characters"));
        }
        let mut parser = Parser { rest: written.chars().peekable(), out: String::new() };
        parser.alternatives()?;
        match parser.rest.next() {
            None => Ok(Self { written: written.to_owned(), portable: format!(r"\A(?s:{})\z", parser.out) }),
            Some(_) => Err("a `)` closes nothing: write \\) for a parenthesis".to_owned()),
        }
    }

    /// As the configuration has it.
    pub fn written(&self) -> &str {
        &self.written
    }

    /// As every engine reads it, searching.
    pub fn portable(&self) -> &str {
        &self.portable
    }
}

struct Parser<'t> {
    rest: Peekable<Chars<'t>>,
    out: String,
}

impl Parser<'_> {
    /// Alternatives up to the end or a `)`; returns the most repetitions inside.
    fn alternatives(&mut self) -> Result<u32, String> {
        let mut most = 1;
        while let Some(&c) = self.rest.peek() {
            match c {
                ')' => break,
                '|' => {
                    self.rest.next();
                    self.out.push('|');
                }
                _ => most = most.max(self.piece()?),
            }
        }
        Ok(most)
    }

    /// One atom with its quantifier.
    fn piece(&mut self) -> Result<u32, String> {
        let (mut most, mut repeats) = (1, true);
        match self.rest.next() {
            Some('(') => most = self.group()?,
            Some('[') => self.class()?,
            Some('.') => self.out.push('.'),
            Some('^') => {
                self.out.push_str(r"\A");
                repeats = false;
            }
            Some('$') => {
                self.out.push_str(r"\z");
                repeats = false;
            }
            Some('\\') => {
                let escape = self.escape()?;
                match escape {
                    Escape::Literal(c) => push_literal(&mut self.out, c),
                    Escape::Class(class, negated) => {
                        let caret = if negated { "^" } else { "" };
                        let _ = write!(self.out, "[{caret}{class}]");
                    }
                }
            }
            Some(c @ ('*' | '+' | '?' | '{')) => {
                return Err(format!("`{c}` has nothing to repeat: write \\{c} for the character"));
            }
            Some(c @ (']' | '}')) => {
                return Err(format!("`{c}` closes nothing: write \\{c} for the character"));
            }
            Some(c) => push_literal(&mut self.out, c),
            None => {}
        }
        let Some(times) = self.quantifier()? else { return Ok(most) };
        if !repeats {
            return Err("`^` and `$` cannot be repeated".to_owned());
        }
        most *= times;
        if most > MOST_REPEATS {
            return Err(format!("counted repeats come to more than {MOST_REPEATS}"));
        }
        if let Some(c @ ('*' | '+' | '?' | '{')) = self.rest.peek() {
            return Err(format!(
                "`{c}` follows another repeat: the value is matched whole, so one is enough"
            ));
        }
        Ok(most)
    }

    fn group(&mut self) -> Result<u32, String> {
        if self.rest.next_if_eq(&'?').is_some() && self.rest.next_if_eq(&':').is_none() {
            return Err(
                "`(?` starts a flag or a look-around, which engines read differently: use plain groups, and \
                 [Aa] for both cases"
                    .to_owned(),
            );
        }
        self.out.push_str("(?:");
        let most = self.alternatives()?;
        if self.rest.next().is_none() {
            return Err("a `(` is never closed: write \\( for a parenthesis".to_owned());
        }
        self.out.push(')');
        Ok(most)
    }

    /// `*`, `+`, `?`, `{2}`, `{2,}` or `{2,5}`: how many times it counts.
    fn quantifier(&mut self) -> Result<Option<u32>, String> {
        let Some(c) = self.rest.next_if(|c| matches!(c, '*' | '+' | '?' | '{')) else { return Ok(None) };
        if c != '{' {
            self.out.push(c);
            return Ok(Some(1));
        }
        let inside: String = std::iter::from_fn(|| self.rest.next_if(|c| *c != '}')).collect();
        let closed = self.rest.next().is_some();
        let (least, most) = inside.split_once(',').map_or((inside.as_str(), None), |(a, b)| (a, Some(b)));
        let number =
            |text: &str| text.parse::<u32>().ok().filter(|_| text.chars().all(|c| c.is_ascii_digit()));
        let fault =
            || format!("`{{{inside}}}` is no count: write {{2}}, {{2,}} or {{2,5}}, and \\{{ for a brace");
        let least = number(least).filter(|_| closed).ok_or_else(fault)?;
        let largest = match most {
            None | Some("") => least,
            Some(most) => number(most).filter(|most| *most >= least).ok_or_else(fault)?,
        };
        let _ = write!(self.out, "{{{inside}}}");
        Ok(Some(largest.max(1)))
    }

    fn class(&mut self) -> Result<(), String> {
        const OPEN: &str = "a `[` is never closed: write \\[ for a bracket";
        self.out.push('[');
        if self.rest.next_if_eq(&'^').is_some() {
            self.out.push('^');
        }
        let mut items = 0;
        loop {
            let first = match self.rest.next().ok_or(OPEN)? {
                ']' if items > 0 => break,
                '-' if items > 0 && self.rest.peek() != Some(&']') => {
                    return Err("a `-` in a class stands between two characters, first or last".to_owned());
                }
                c @ (']' | '[') => return Err(format!("write \\{c} for a bracket in a class")),
                '\\' => match self.escape()? {
                    Escape::Literal(c) => Some(c),
                    Escape::Class(class, false) => {
                        self.out.push_str(class);
                        None
                    }
                    Escape::Class(_, true) => {
                        return Err("\\D, \\W and \\S cannot stand in a class".to_owned());
                    }
                },
                c => Some(c),
            };
            items += 1;
            let Some(first) = first else { continue };
            push_literal(&mut self.out, first);
            if self.rest.peek() == Some(&'-') {
                let mut ahead = self.rest.clone();
                ahead.next();
                // A `-` before the end is itself.
                if ahead.peek() == Some(&']') {
                    continue;
                }
                self.rest.next();
                let last = match self.rest.next().ok_or(OPEN)? {
                    '\\' => match self.escape()? {
                        Escape::Literal(c) => c,
                        Escape::Class(..) => return Err("a range ends with a character".to_owned()),
                    },
                    c @ ('[' | '-') => return Err(format!("write \\{c} for that character in a class")),
                    c => c,
                };
                if last < first {
                    return Err(format!("the range {first}-{last} is backwards"));
                }
                self.out.push('-');
                push_literal(&mut self.out, last);
            }
        }
        self.out.push(']');
        Ok(())
    }

    fn escape(&mut self) -> Result<Escape, String> {
        Ok(match self.rest.next() {
            Some('d') => Escape::Class(DIGITS, false),
            Some('D') => Escape::Class(DIGITS, true),
            Some('w') => Escape::Class(WORD, false),
            Some('W') => Escape::Class(WORD, true),
            Some('s') => Escape::Class(SPACE, false),
            Some('S') => Escape::Class(SPACE, true),
            Some('t') => Escape::Literal('\t'),
            Some('n') => Escape::Literal('\n'),
            Some('r') => Escape::Literal('\r'),
            Some(c) if c.is_ascii_punctuation() || c == ' ' => Escape::Literal(c),
            Some(c) => {
                return Err(format!(
                    "`\\{c}` is not read alike by every engine: use \\d, \\w, \\s, \\t, \\n, \\r or an escaped sign"
                ));
            }
            None => return Err("it ends with a `\\`: write \\\\ for a backslash".to_owned()),
        })
    }
}

enum Escape {
    Literal(char),
    Class(&'static str, bool),
}

/// A character that stands for itself, inside a class and outside.
fn push_literal(out: &mut String, c: char) {
    match c {
        '\t' => out.push_str(r"\t"),
        '\n' => out.push_str(r"\n"),
        '\r' => out.push_str(r"\r"),
        c if c.is_ascii_punctuation() && c != '_' => {
            out.push('\\');
            out.push(c);
        }
        c => out.push(c),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn portable(written: &str) -> String {
        Regex::new(written).map_or_else(|fault| fault, |regex| regex.portable().to_owned())
    }

    #[test]
    fn what_is_accepted_is_spelled_so_that_every_engine_reads_it_alike() {
        for (written, inside) in [
            (r"growth\..*", r"growth\..*"),
            (r"^a|b$", r"\Aa|b\z"),
            (r"(etl|ml)_\d{2,4}", r"(?:etl|ml)_[0-9]{2,4}"),
            (r"[\w-]+/x", r"[0-9A-Za-z_\-]+\/x"),
            (r"[^a-c&&]é", r"[^a-c\&\&]é"),
            (r"\S\\", r"[^ \t\n\f\r]\\"),
            (r"(?:a|)*", r"(?:a|)*"),
        ] {
            assert_eq!(portable(written), format!(r"\A(?s:{inside})\z"), "{written}");
        }
    }

    #[test]
    fn what_engines_read_differently_or_not_at_all_is_refused() {
        for (written, fault) in [
            ("", "empty"),
            ("a**", "follows another repeat"),
            ("a*?", "follows another repeat"),
            ("a++", "follows another repeat"),
            ("*a", "nothing to repeat"),
            ("(a", "never closed"),
            ("a)", "closes nothing"),
            ("[a", "never closed"),
            ("[]", "bracket in a class"),
            ("[a[b]]", "bracket in a class"),
            ("[c-a]", "backwards"),
            ("[a-c-e]", "first or last"),
            (r"[\D]", "cannot stand"),
            ("a]", "closes nothing"),
            ("a{", "no count"),
            ("a{3,2}", "no count"),
            ("a{+1}", "no count"),
            ("(a{50}){3}", "more than 100"),
            ("^*", "cannot be repeated"),
            ("(?i)a", "flag"),
            ("(?=a)", "flag"),
            (r"a\b", "not read alike"),
            (r"\1", "not read alike"),
            (r"\Qa\E", "not read alike"),
            ("a\\", "ends with"),
        ] {
            assert!(portable(written).contains(fault), "{written}: {}", portable(written));
        }
        assert!(portable(&"a".repeat(1001)).contains("longer"));
    }
}
