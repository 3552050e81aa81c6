//! Equal statements by their text: what of it does not change its meaning is left out.

use sha2::{Digest, Sha256};

/// The first 16 hex digits of the SHA-256 of the normalised text.
pub(super) fn fingerprint(statement: &str) -> String {
    let hash = Sha256::digest(normalised(statement).as_bytes());
    hash.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// A statement without comments, in lower case outside quotes, with a space only where two
/// words would run together, and without the semicolon that ends it.
fn normalised(statement: &str) -> String {
    let mut text = String::with_capacity(statement.len());
    let mut gap = false;
    let mut rest = statement.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '-' if rest.peek() == Some(&'-') => {
                while rest.next_if(|c| *c != '\n').is_some() {}
                gap = true;
            }
            '/' if rest.peek() == Some(&'*') => {
                let mut before = ' ';
                rest.next();
                for c in rest.by_ref() {
                    if before == '*' && c == '/' {
                        break;
                    }
                    before = c;
                }
                gap = true;
            }
            c if c.is_whitespace() => gap = true,
            c => {
                if gap && is_word(c) && text.chars().next_back().is_some_and(is_word) {
                    text.push(' ');
                }
                gap = false;
                if matches!(c, '\'' | '"') {
                    // A doubled quote closes and opens again, which keeps both.
                    text.push(c);
                    for quoted in rest.by_ref() {
                        text.push(quoted);
                        if quoted == c {
                            break;
                        }
                    }
                } else {
                    text.extend(c.to_lowercase());
                }
            }
        }
    }
    text.truncate(text.trim_end_matches(';').len());
    text
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '$' | '@' | '\'' | '"')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_change_the_meaning_does_not_change_the_fingerprint() {
        let want = "select title,count(*)from prod.growth.\"Signups\" where country='US -- not a comment'";
        for text in [
            "SELECT title, count(*)\nFROM prod.growth.\"Signups\" WHERE country = 'US -- not a comment'",
            "select  title , COUNT( * ) from prod.growth.\"Signups\"\twhere country='US -- not a comment' ;",
            "-- by the dashboard\nselect title,/* all */count(*) from prod.growth.\"Signups\" /**/ where country ='US -- not a comment'",
        ] {
            assert_eq!(normalised(text), want);
        }
    }

    #[test]
    fn what_changes_the_meaning_does_not_get_lost() {
        for (one, two) in [
            ("select a b", "select ab"),
            ("select 'A'", "select 'a'"),
            ("select 'a  b'", "select 'a b'"),
            ("select \"A\"", "select \"a\""),
            ("select 'it''s'", "select 'its'"),
            ("select 1 - -1", "select 1"),
        ] {
            assert_ne!(fingerprint(one), fingerprint(two), "{one}");
        }
        // By `printf %s 'select 1' | sha256sum`.
        assert_eq!(fingerprint("SELECT 1;"), "822ae07d4783158b");
    }

    #[test]
    fn unclosed_quotes_and_comments_end_with_the_text() {
        for text in ["select 'a", "select /* a", "select -- a", "/*", "'", ""] {
            assert_eq!(fingerprint(text).len(), 16);
        }
    }
}
