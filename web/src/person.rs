//! Who sends a form, and that a page of this site sent it.

use axum::http::{Extensions, HeaderMap, header};

/// Whoever is logged in, as a request's extension; without a login it is whoever sits at
/// this machine.
#[derive(Clone, Debug)]
pub struct Person(pub String);

/// The name that edits are recorded with.
pub fn name(extensions: &Extensions) -> String {
    extensions.get::<Person>().map_or_else(|| "this machine (no login)".to_owned(), |person| person.0.clone())
}

/// Whether a request that changes something came from a page of this site. Browsers say so
/// by themselves: `Sec-Fetch-Site`, or `Origin` in those that do not. What says neither is
/// refused.
pub fn is_from_here(headers: &HeaderMap) -> bool {
    let value = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = value("sec-fetch-site") {
        return site == "same-origin";
    }
    let host = value(header::HOST.as_str());
    let origin = value(header::ORIGIN.as_str()).and_then(|origin| origin.split_once("://"));
    matches!((origin, host), (Some((_, from)), Some(host)) if from.eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_page_of_this_site_may_change_anything() {
        for (headers, want) in [
            (&[("sec-fetch-site", "same-origin")][..], true),
            (&[("sec-fetch-site", "cross-site"), ("origin", "http://localhost:8420")], false),
            (&[("sec-fetch-site", "same-site")], false),
            (&[("sec-fetch-site", "none")], false),
            (&[("origin", "http://localhost:8420")], true),
            (&[("origin", "https://LOCALHOST:8420")], true),
            (&[("origin", "http://localhost:9999")], false),
            (&[("origin", "http://evil.example")], false),
            (&[("origin", "null")], false),
            (&[], false),
        ] {
            let mut map = HeaderMap::new();
            map.insert("host", "localhost:8420".parse().unwrap());
            for (name, value) in headers {
                map.insert(*name, value.parse().unwrap());
            }
            assert_eq!(is_from_here(&map), want, "{headers:?}");
        }
    }
}
