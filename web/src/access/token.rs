//! Tokens: 256 random bits, shown once. What the configuration keeps is the SHA-256 of the
//! text: guessing so many bits is hopeless however fast a guess can be tried, so that a slow
//! hash would add nothing but a way to keep the server busy.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

/// What every token begins with, so that one in the wrong place is recognised.
const PREFIX: &str = "llk_";
/// How the hash is named in the configuration.
const SCHEME: &str = "sha256:";

/// Random bytes of the operating system.
///
/// # Errors
/// When it has none to give.
pub(super) fn random() -> Result<[u8; 32], String> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|cause| format!("the system gives no random bytes: {cause}"))?;
    Ok(bytes)
}

/// Bytes as hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A new token and its hash.
///
/// # Errors
/// When the system has no random bytes to give.
pub fn new_token() -> Result<(String, TokenHash), String> {
    let token = format!("{PREFIX}{}", hex(&random()?));
    let hash = TokenHash::of(&token);
    Ok((token, hash))
}

/// What is kept of a token.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// The hash of a token's text.
    pub(super) fn of(token: &str) -> Self {
        Self(Sha256::digest(token.as_bytes()).into())
    }

    /// Whether it is of this text. Hashes are compared, so that how long it takes tells nothing
    /// of the token.
    pub(super) fn is_of(&self, token: &str) -> bool {
        *self == Self::of(token)
    }
}

impl FromStr for TokenHash {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fault = || {
            "it must be `sha256:` and 64 hexadecimal digits, as `lakeledger token new` writes it".to_owned()
        };
        if text.starts_with(PREFIX) {
            return Err("it is a token, not its hash: whoever reads the file could use it; make a new one with `lakeledger token new`".to_owned());
        }
        let digits = text.strip_prefix(SCHEME).filter(|digits| digits.len() == 64 && digits.is_ascii());
        let digits = digits.ok_or_else(fault)?;
        let mut bytes = [0; 32];
        for (at, byte) in bytes.iter_mut().enumerate() {
            let pair = &digits[at * 2..at * 2 + 2];
            if !pair.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                return Err(fault());
            }
            *byte = u8::from_str_radix(pair, 16).map_err(|_| fault())?;
        }
        Ok(Self(bytes))
    }
}

impl fmt::Display for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}", hex(&self.0))
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[hash]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_known_by_its_hash_alone() {
        let (token, hash) = new_token().unwrap();
        let (other, _) = new_token().unwrap();
        assert_ne!(token, other);
        assert_eq!(token.len(), 4 + 64);
        assert!(hash.is_of(&token) && !hash.is_of(&other) && !hash.is_of(""));
        assert_eq!(hash.to_string().parse(), Ok(hash));
        // echo -n abc | sha256sum
        let abc = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert!(abc.parse::<TokenHash>().unwrap().is_of("abc"));
        for wrong in ["", "sha256:", &token, &abc[..abc.len() - 1], &abc.replace('b', "+")] {
            assert!(wrong.parse::<TokenHash>().is_err(), "{wrong}");
        }
        assert_eq!(format!("{hash:?}"), "[hash]");
    }
}
