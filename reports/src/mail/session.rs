//! One connection to the server, command by command. lettre's transports send a message as a
//! whole and cannot say whether a failure came before or after the server could have taken it.

use std::cell::Cell;
use std::io;

use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{Certificate, SmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt, Rset};
use lettre::transport::smtp::extension::{ClientId, Extension, MailParameter};
use lettre::transport::smtp::response::Response;

use super::{Address, MailError, Security, Smtp};

/// Bytes of a message that are written at once.
const CHUNK: usize = 16 * 1024;

/// Why a letter did not go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failed {
    /// The server will never take it for this recipient.
    Refused(String),
    /// Not now: nothing was taken.
    Later(String),
    /// Not now, and nothing else either: the server is not ready for us.
    Halted(String),
    /// It was handed over and no answer came: it may have been taken.
    Doubtful(String),
}

/// An open connection.
pub(super) struct Session<'s> {
    connection: SmtpConnection,
    smtp: &'s Smtp,
    /// Nothing more can be said on it.
    is_broken: bool,
    /// A message was begun on it: the next begins with `RSET`.
    is_used: bool,
}

impl<'s> Session<'s> {
    /// Connects, protects the connection as configured and logs in.
    pub fn open(smtp: &'s Smtp) -> Result<Self, MailError> {
        let credentials = smtp.credentials()?;
        let failed = |operation: &'static str| {
            move |cause: lettre::transport::smtp::Error| MailError::Server {
                operation,
                server: smtp.server(),
                reason: chain(&cause),
            }
        };
        let hello = ClientId::default();
        let tls = match smtp.security {
            Security::None => None,
            Security::StartTls | Security::Tls => Some(tls(smtp)?),
        };
        let wrapper = tls.as_ref().filter(|_| smtp.security == Security::Tls);
        let place = (smtp.host.as_str(), smtp.port);
        let mut connection = SmtpConnection::connect(place, Some(smtp.timeout), &hello, wrapper, None)
            .map_err(failed("connect to"))?;
        if let (Security::StartTls, Some(tls)) = (smtp.security, &tls) {
            connection.starttls(tls, &hello).map_err(failed("begin TLS with"))?;
        }
        if let Some((user, password)) = credentials {
            let mechanisms = [Mechanism::Plain, Mechanism::Login];
            let credentials = Credentials::new(user, password.expose().to_owned());
            connection.auth(&mechanisms, &credentials).map_err(failed("log in at"))?;
        }
        Ok(Self { connection, smtp, is_broken: false, is_used: false })
    }

    /// Whether a new connection is needed for the next letter.
    pub fn is_broken(&self) -> bool {
        self.is_broken || self.connection.has_broken()
    }

    /// Says from whom and to whom, and asks for the message. Nothing is taken yet.
    pub fn offer(&mut self, to: &Address) -> Result<(), Failed> {
        if self.is_used {
            self.connection.command(Rset).map_err(|error| self.failed(&error, Failed::Later))?;
        }
        self.is_used = true;
        let (from, to) = (self.smtp.from.mailbox().email, to.mailbox().email);
        let mut parameters = Vec::new();
        if !format!("{from}{to}").is_ascii() {
            if !self.connection.server_info().supports_feature(Extension::SmtpUtfEight) {
                return Err(Failed::Refused("the server takes no address beyond ASCII".to_owned()));
            }
            parameters.push(MailParameter::SmtpUtfEight);
        }
        // What is wrong with the sender is no recipient's fault: all of them wait.
        self.connection
            .command(Mail::new(Some(from), parameters))
            .map_err(|error| self.failed(&error, Failed::Halted))?;
        self.connection
            .command(Rcpt::new(to, Vec::new()))
            .map_err(|error| self.failed(&error, Failed::Refused))?;
        self.connection.command(Data).map_err(|error| self.failed(&error, Failed::Refused))?;
        Ok(())
    }

    /// Hands the message over; the server's answer when it has taken it.
    pub fn hand_over(&mut self, message: &[u8]) -> Result<String, Failed> {
        let _ = self.connection.set_timeout(Some(self.smtp.body_timeout));
        // The mark that ends the message is written when no chunk is left: a failure before it
        // leaves the server with half a message, which it must throw away.
        let is_ended = Cell::new(false);
        let chunks = message.chunks(CHUNK).chain(std::iter::from_fn(|| {
            is_ended.set(true);
            None
        }));
        let answer = self.connection.message_iter(chunks);
        let _ = self.connection.set_timeout(Some(self.smtp.timeout));
        match answer {
            Ok(response) => Ok(words(&response)),
            Err(error) if error.is_permanent() || error.is_transient() => {
                Err(self.failed(&error, Failed::Refused))
            }
            Err(error) => {
                self.is_broken = true;
                let chain = chain(&error);
                Err(match is_ended.get() {
                    true => Failed::Doubtful(format!("the connection was lost before the answer: {chain}")),
                    false => Failed::Later(format!("the connection was lost within the message: {chain}")),
                })
            }
        }
    }

    /// Takes leave; whatever is said to it changes nothing.
    pub fn close(mut self) {
        if !self.is_broken() {
            let _ = self.connection.quit();
        }
    }

    /// What a failed command means; `permanent` for an answer that will not change.
    fn failed(&mut self, error: &lettre::transport::smtp::Error, permanent: fn(String) -> Failed) -> Failed {
        let text = chain(error);
        if error.is_permanent() {
            return permanent(text);
        }
        // 421: the server closes the connection (RFC 5321, section 3.8).
        let closes = error.status().is_some_and(|code| u16::from(code) == 421);
        if !error.is_transient() || closes {
            self.is_broken = true;
        }
        Failed::Later(text)
    }
}

fn tls(smtp: &Smtp) -> Result<TlsParameters, MailError> {
    let mut builder = TlsParameters::builder(smtp.host.clone());
    if let Some(path) = &smtp.ca_file {
        let failed = |cause: Box<dyn std::error::Error + Send + Sync>| MailError::Certificates {
            path: path.clone(),
            cause,
        };
        let pem = std::fs::read(path).map_err(|cause| failed(cause.into()))?;
        let certificate = Certificate::from_pem(&pem).map_err(|cause| failed(cause.into()))?;
        builder = builder.add_root_certificate(certificate);
    }
    builder.build().map_err(|cause| MailError::Server {
        operation: "prepare TLS with",
        server: smtp.server(),
        reason: chain(&cause),
    })
}

fn words(response: &Response) -> String {
    let text = response.message().collect::<Vec<_>>().join(" ");
    format!("{} {text}", response.code()).trim_end().chars().take(500).collect()
}

/// An error and its causes in one line.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = Some(error);
    while let Some(inner) = cause {
        // What a read says that waited too long is of no use to anybody.
        let kind = inner.downcast_ref::<io::Error>().map(io::Error::kind);
        if matches!(kind, Some(io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)) {
            return "the server did not answer in time".to_owned();
        }
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text.push_str(": ");
            text.push_str(&inner_text);
        }
        cause = inner.source();
    }
    text.chars().take(500).collect()
}
