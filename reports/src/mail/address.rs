//! Addresses of people and of programs.

use std::fmt;
use std::str::FromStr;

use lettre::message::Mailbox;

/// An e-mail address, perhaps with the name of who it belongs to:
/// `Growth <growth@example.com>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address(Mailbox);

impl Address {
    /// The address alone: what stands in an envelope.
    pub fn email(&self) -> String {
        self.0.email.to_string()
    }

    /// What makes two spellings one mailbox: case does not.
    pub fn key(&self) -> String {
        self.email().to_lowercase()
    }

    /// What stands behind the `@`.
    pub fn domain(&self) -> &str {
        self.0.email.domain()
    }

    pub(super) fn mailbox(&self) -> Mailbox {
        self.0.clone()
    }
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // A line's end would end the header it stands in.
        if text.chars().any(char::is_control) {
            return Err(format!("`{}` is no e-mail address", text.escape_debug()));
        }
        text.trim().parse().map(Self).map_err(|_| format!("`{text}` is no e-mail address"))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_may_stand_beside_addresses_and_line_ends_nowhere() {
        let address: Address = "Growth & Co <Growth@Example.com>".parse().unwrap();
        assert_eq!(
            (address.email().as_str(), address.key().as_str()),
            ("Growth@Example.com", "growth@example.com")
        );
        assert_eq!(address.domain(), "Example.com");
        for wrong in [
            "",
            "growth",
            "growth@",
            "@example.com",
            "a b@example.com",
            "a@example.com\r\nBcc: b@example.com",
        ] {
            let fault = wrong.parse::<Address>().unwrap_err();
            assert!(fault.ends_with("is no e-mail address") && !fault.contains('\n'), "{fault}");
        }
    }
}
