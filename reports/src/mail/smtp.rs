//! The mail server, as the configuration names it.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::{Address, MailError};

/// How the connection is protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Security {
    /// Plain at first, TLS before anything is said; refused where the server does not offer it.
    #[default]
    StartTls,
    /// TLS from the first byte.
    Tls,
    /// None: for a relay on this machine.
    None,
}

impl Security {
    /// All, in the order help shows them.
    pub const ALL: [Self; 3] = [Self::StartTls, Self::Tls, Self::None];

    /// The word of the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::StartTls => "starttls",
            Self::Tls => "tls",
            Self::None => "none",
        }
    }

    /// The port that servers listen on.
    pub const fn port(self) -> u16 {
        match self {
            Self::StartTls => 587,
            Self::Tls => 465,
            Self::None => 25,
        }
    }
}

/// Where the password is: never in the configuration itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Password {
    /// An environment variable.
    Env(String),
    /// A file, without the line's end.
    File(PathBuf),
}

/// A password that does not print.
pub(super) struct Secret(String);

impl Secret {
    /// The password itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[hidden]")
    }
}

/// The server and how to speak to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Smtp {
    /// Name or address; what its certificate must be for.
    pub host: String,
    /// Port.
    pub port: u16,
    /// How the connection is protected.
    pub security: Security,
    /// User, and where the password is.
    pub login: Option<(String, Password)>,
    /// PEM file of certificate authorities that hold beside the machine's own.
    pub ca_file: Option<PathBuf>,
    /// Who the mail is from.
    pub from: Address,
    /// Where answers go, when not to `from`.
    pub reply_to: Option<Address>,
    /// Longest wait for a connection and for each answer.
    pub timeout: Duration,
    /// Longest wait for the answer to a whole message: who stops listening too soon does not
    /// know whether it was taken (RFC 5321, section 4.5.3.2, asks for ten minutes).
    pub body_timeout: Duration,
    /// Wait before the second attempt; each further one is four times as long, at most six hours.
    pub first_retry: Duration,
}

impl Smtp {
    /// `smtp.example.com:587`.
    pub fn server(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// User and password, read now.
    pub(super) fn credentials(&self) -> Result<Option<(String, Secret)>, MailError> {
        let Some((user, password)) = &self.login else { return Ok(None) };
        let missing = |place: String, cause| MailError::Password { host: self.host.clone(), place, cause };
        let text = match password {
            Password::Env(name) => {
                std::env::var(name).map_err(|_| missing(format!("the variable `{name}`"), None))?
            }
            Password::File(path) => std::fs::read_to_string(path)
                .map_err(|cause| missing(format!("`{}`", path.display()), Some(cause)))?
                .trim_end_matches(['\r', '\n'])
                .to_owned(),
        };
        Ok(Some((user.clone(), Secret(text))))
    }
}
