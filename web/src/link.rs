//! Paths and query strings: encoded in one place, so that an id may hold slashes,
//! question marks, quotes or any script.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// Everything but the characters RFC 3986 calls unreserved.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A path of this site, from unencoded segments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Path(Vec<String>);

impl Path {
    /// The start page.
    pub fn root() -> Self {
        Self::default()
    }

    /// A page by its segments; an id is one segment whatever it holds.
    pub fn new<const N: usize>(segments: [&str; N]) -> Self {
        Self(segments.map(str::to_owned).to_vec())
    }

    /// The first segment, which names the page's place in the rail.
    pub fn place(&self) -> &str {
        self.0.first().map_or("", String::as_str)
    }

    /// The encoded path, without a query.
    pub fn encoded(&self) -> String {
        if self.0.is_empty() {
            return "/".into();
        }
        self.0.iter().map(|segment| format!("/{}", utf8_percent_encode(segment, ESCAPED))).collect()
    }
}

/// A path with its query.
pub fn url(path: &Path, pairs: &[(&'static str, String)]) -> String {
    let mut url = path.encoded();
    for (i, (key, value)) in pairs.iter().enumerate() {
        url.push(if i == 0 { '?' } else { '&' });
        url.push_str(key);
        url.push('=');
        url.extend(utf8_percent_encode(value, ESCAPED));
    }
    url
}

/// The decoded pairs of a query string, as a form sends them (`+` is a space).
/// What is not UTF-8 is replaced, never refused.
pub fn pairs(query: &str) -> Vec<(String, String)> {
    let decode = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(key, value)| (decode(key), decode(value)))
        .collect()
}
