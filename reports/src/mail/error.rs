//! Why mail could not be composed, recorded or sent at all. What becomes of one letter is no
//! error but its [`State`](super::State).

use std::io;
use std::path::PathBuf;

use crate::state::StateError;

/// Why mail cannot be worked with.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// SQLite failed.
    #[error(transparent)]
    State(#[from] StateError),
    /// The archive cannot be read or written.
    #[error("could not {operation} `{}`", path.display())]
    Archive {
        /// What was being done.
        operation: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// A letter cannot be put together.
    #[error("could not compose the mail to {recipient}")]
    Compose {
        /// To whom.
        recipient: String,
        /// Why.
        #[source]
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The password is not where the configuration says.
    #[error("there is no password for `{host}` in {place}")]
    Password {
        /// Server.
        host: String,
        /// Environment variable or file.
        place: String,
        /// Why, for a file.
        #[source]
        cause: Option<io::Error>,
    },
    /// A certificate authority cannot be read.
    #[error("could not read the certificates in `{}`", path.display())]
    Certificates {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        cause: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The server cannot be reached, does not speak as configured, or does not let us in.
    #[error("could not {operation} the mail server {server}: {reason}")]
    Server {
        /// `connect to`, `log in at`.
        operation: &'static str,
        /// Host and port.
        server: String,
        /// Why, in the server's words where it said any.
        reason: String,
    },
    /// Sending needs a server.
    #[error("no mail server is configured")]
    NoServer,
}

impl MailError {
    /// What to do about it, where that is known.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Password { .. } => {
                Some("set the variable that `smtp.password_env` names, or write the file")
            }
            Self::Certificates { .. } => Some("`smtp.ca_file` is a PEM file with one or more certificates"),
            Self::Server { operation: "log in at", .. } => {
                Some("check `smtp.username` and where its password comes from; nothing was sent")
            }
            Self::Server { .. } => {
                Some("check `host`, `port` and `security` of [smtp]; what waits is kept and sent later")
            }
            Self::NoServer => Some("add [smtp] with `host` and `from` to the configuration"),
            _ => None,
        }
    }
}
