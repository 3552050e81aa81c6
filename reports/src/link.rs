//! Links into the dashboard, for reports that know where it is.

use crate::error::ReportError;

/// Where the dashboard is, without a slash at the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaseUrl(String);

impl BaseUrl {
    /// Checks an address: `http` or `https`, a host, nothing that could end an
    /// attribute or add a header.
    ///
    /// # Errors
    /// [`ReportError::BaseUrl`].
    pub fn parse(text: &str) -> Result<Self, ReportError> {
        let address = text.trim().trim_end_matches('/');
        let host = address.strip_prefix("https://").or_else(|| address.strip_prefix("http://"));
        let plain =
            |c: char| c.is_ascii_graphic() && !matches!(c, '"' | '<' | '>' | '`' | '\\' | '?' | '#' | '\'');
        match host {
            Some(host)
                if host.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '[')
                    && host.chars().all(plain) =>
            {
                Ok(Self(address.to_owned()))
            }
            _ => Err(ReportError::BaseUrl(text.to_owned())),
        }
    }

    /// The page of one entity over some days: `/workloads/ranker%2Ftrain?from=...`.
    pub fn page(&self, place: &str, id: Option<&str>, query: &[(&str, String)]) -> String {
        let mut url = format!("{}/{place}", self.0);
        if let Some(id) = id {
            url.push('/');
            url.push_str(&encode(id));
        }
        for (i, (key, value)) in query.iter().enumerate() {
            url.push(if i == 0 { '?' } else { '&' });
            url.push_str(key);
            url.push('=');
            url.push_str(&encode(value));
        }
        url
    }
}

/// Percent-encodes all but the unreserved characters of RFC 3986, section 2.3.
pub(crate) fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte))
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_one_segment_whatever_it_holds() {
        let base = BaseUrl::parse(" https://costs.example.com/lake/ ").unwrap();
        assert_eq!(
            base.page(
                "workloads",
                Some("ranker/train"),
                &[("from", "2026-10-05".into()), ("q", "a&b=ü".into())]
            ),
            "https://costs.example.com/lake/workloads/ranker%2Ftrain?from=2026-10-05&q=a%26b%3D%C3%BC"
        );
        assert_eq!(
            base.page("teams", Some("../\"><script>"), &[]),
            "https://costs.example.com/lake/teams/..%2F%22%3E%3Cscript%3E"
        );
        assert_eq!(base.page("waste", None, &[]), "https://costs.example.com/lake/waste");
    }

    #[test]
    fn only_web_addresses_are_linked_to() {
        for text in [
            "",
            "costs.example.com",
            "javascript:alert(1)",
            "https://",
            "https:///x",
            "ftp://x",
            "https://a b",
            "https://a\"b",
            "http://a\r\nBcc: x",
            "https://a?x=1",
        ] {
            assert!(matches!(BaseUrl::parse(text), Err(ReportError::BaseUrl(_))), "{text}");
        }
        for text in ["http://127.0.0.1:8420", "https://[::1]:8420"] {
            assert!(BaseUrl::parse(text).is_ok(), "{text}");
        }
    }
}
