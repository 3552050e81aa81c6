//! Why a page could not be shown, and the page that says so: what happened, what is
//! allowed, and a way out. Causes go to the log, never to the page.

use askama::Template;
use attribution::mart::MartError;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::layout::Shell;
use crate::link::Path;
use crate::response;

/// Why a page could not be shown.
#[derive(Debug, thiserror::Error)]
pub enum PageError {
    /// The ledger holds no mart yet.
    #[error("nothing has been published yet")]
    NotPublished,
    /// No such thing; the way out is the list it would stand in, after what is nearer.
    #[error("no {what} `{id}`")]
    NotFound {
        /// `team`, `workload`.
        what: &'static str,
        /// As asked for.
        id: String,
        /// Why it may be so, where more is known than that it is not there.
        why: Option<String>,
        /// Labels and URLs, the best first.
        ways_out: Vec<(String, String)>,
    },
    /// No such page.
    #[error("no such page")]
    NoPage,
    /// A mart to compare with that is not there; the text says what is.
    #[error("{0}")]
    NoMart(String),
    /// The query string says what cannot be.
    #[error("{}", .0.join("; "))]
    BadRequest(Vec<String>),
    /// The mart could not be asked.
    #[error("could not read the published mart")]
    Mart(#[source] MartError),
    /// The record of findings could not be read or written.
    #[error("could not ask the record of findings")]
    Record(#[source] reports::lifecycle::LifecycleError),
    /// The record of alerts could not be read or written.
    #[error("could not ask the record of alerts")]
    Alerts(#[source] reports::alert::record::RecordError),
    /// A report could not be made.
    #[error("could not make a report")]
    Report(#[source] reports::ReportError),
    /// The record of mail could not be read.
    #[error("could not ask the record of mail")]
    Mail(#[from] reports::mail::MailError),
    /// The record of scheduled runs could not be read.
    #[error("could not ask the record of scheduled runs")]
    Schedule(#[from] reports::schedule::ScheduleError),
    /// Nobody is signed in.
    #[error("sign in first")]
    SignIn,
    /// Who is signed in may not; the text says what and why.
    #[error("{0}")]
    Forbidden(String),
    /// Signing in failed too often from one address.
    #[error("signing in failed too often from this address: wait {seconds} seconds")]
    TooOften {
        /// Until when.
        seconds: i64,
    },
    /// No session could be begun.
    #[error("{0}")]
    Random(String),
    /// A form came from another site.
    #[error("the form was not sent from this site")]
    NotOurs,
    /// A chart could not be drawn.
    #[error("could not draw a chart")]
    Chart(#[from] reports::chart::ChartError),
    /// A template could not be rendered.
    #[error("could not render a page")]
    Render(#[from] askama::Error),
    /// A CSV could not be written.
    #[error("could not write a CSV")]
    Csv(#[from] csv::Error),
    /// Data of a chart could not be written.
    #[error("could not write the data of a chart")]
    Json(#[from] serde_json::Error),
    /// Work on another thread ended early.
    #[error("a question to the mart did not finish")]
    Task(#[from] tokio::task::JoinError),
}

impl From<MartError> for PageError {
    fn from(error: MartError) -> Self {
        match error {
            MartError::NotPublished { .. } => Self::NotPublished,
            MartError::NotKept { .. } => Self::NoMart(error.to_string()),
            MartError::OutOfReach { what } => Self::Forbidden(format!("{}.", crate::words::capital(what))),
            error => Self::Mart(error),
        }
    }
}

#[derive(Template)]
#[template(path = "layout/error.html")]
struct ErrorPage {
    shell: Shell,
    heading: String,
    text: String,
    details: Vec<String>,
    commands: Vec<&'static str>,
    ways_out: Vec<(String, String)>,
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        self.response(None)
    }
}

impl PageError {
    /// The page, for an address that says what cannot be, with the same page without that as the
    /// nearest way out.
    pub fn without_faults(self, href: String) -> Response {
        // The overview is a way out by itself.
        let is_nearer = href != Path::root().encoded();
        self.response(is_nearer.then(|| ("Go on without it".to_owned(), href)))
    }

    fn response(self, nearer: Option<(String, String)>) -> Response {
        let home = || ("Go to the overview".to_owned(), Path::root().encoded());
        let (status, heading, text, details, commands, ways_out) = match &self {
            Self::NotPublished => (
                StatusCode::OK,
                "Nothing has been published yet".to_owned(),
                "This ledger has no figures. The first command says whether every source can be reached, the second reads \
                 them and publishes; then load this page again."
                    .to_owned(),
                vec![],
                vec!["lakeledger check", "lakeledger run"],
                vec![],
            ),
            Self::NotFound { what, id, why, ways_out } => (
                StatusCode::NOT_FOUND,
                format!("No {what} “{id}”"),
                why.clone().unwrap_or_else(|| {
                    "Nothing in the published figures has this name. It may be spelt differently, or not have cost \
                     anything yet."
                        .to_owned()
                }),
                vec![],
                vec![],
                ways_out.iter().cloned().chain([home()]).collect(),
            ),
            Self::NoPage => (
                StatusCode::NOT_FOUND,
                "There is no such page".to_owned(),
                "The address leads nowhere here.".to_owned(),
                vec![],
                vec![],
                vec![home()],
            ),
            Self::NoMart(text) => (
                StatusCode::NOT_FOUND,
                "These figures are no longer there".to_owned(),
                text.clone(),
                vec![],
                vec![],
                vec![
                    ("See what is kept".to_owned(), format!("{}#publishes", Path::new(["data"]).encoded())),
                    home(),
                ],
            ),
            Self::BadRequest(faults) => (
                StatusCode::BAD_REQUEST,
                "The address asks for something that cannot be shown".to_owned(),
                match nearer {
                    Some(_) => "Mend what is listed here, or go on without it.".to_owned(),
                    None => "Mend what is listed here, or start again from the overview.".to_owned(),
                },
                faults.clone(),
                vec![],
                nearer.into_iter().chain([home()]).collect(),
            ),
            Self::SignIn => (
                StatusCode::UNAUTHORIZED,
                "Sign in first".to_owned(),
                "Nobody said who you are: open this dashboard at the address that you sign in at, or with a token."
                    .to_owned(),
                vec![],
                vec![],
                vec![("Sign in".to_owned(), Path::new(["login"]).encoded())],
            ),
            Self::Forbidden(text) => (
                StatusCode::FORBIDDEN,
                "This is not for you to see or change".to_owned(),
                format!("{text} Who runs this dashboard can change that, in [access] of its configuration."),
                vec![],
                vec![],
                vec![home()],
            ),
            Self::TooOften { seconds } => (
                StatusCode::TOO_MANY_REQUESTS,
                "Signing in failed too often".to_owned(),
                format!("Wait {seconds} seconds, then try again with the right token."),
                vec![],
                vec![],
                vec![("Sign in".to_owned(), Path::new(["login"]).encoded())],
            ),
            Self::NotOurs => (
                StatusCode::FORBIDDEN,
                "This change was not made".to_owned(),
                "The form did not come from a page of this site. Open the page here and send it again.".to_owned(),
                vec![],
                vec![],
                vec![home()],
            ),
            Self::Mart(_) | Self::Record(_) | Self::Alerts(_) | Self::Report(_) | Self::Mail(_) | Self::Schedule(_) | Self::Chart(_) | Self::Render(_) | Self::Csv(_) | Self::Json(_) | Self::Task(_) | Self::Random(_) => {
                log(&self);
                (
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "This page could not be made".to_owned(),
                    "The fault is on this side and has been written to the log. The ledger itself is not harmed; \
                     other pages may still work."
                        .to_owned(),
                    vec![],
                    vec![],
                    vec![home(), ("See the state of the data".to_owned(), Path::new(["data"]).encoded())],
                )
            }
        };
        let shell = Shell::bare(&heading);
        let page = ErrorPage { shell, heading, text, details, commands, ways_out };
        match page.render() {
            Ok(html) => {
                let mut response = response::html(status, html);
                if let Self::TooOften { seconds } = self {
                    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
                }
                response
            }
            Err(cause) => {
                log(&Self::Render(cause));
                (StatusCode::INTERNAL_SERVER_ERROR, "this page could not be made\n").into_response()
            }
        }
    }
}

/// Writes an error and its causes to the log.
pub fn log(error: &PageError) {
    let mut chain = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        chain.push_str(": ");
        chain.push_str(&cause.to_string());
        source = cause.source();
    }
    tracing::error!("{chain}");
}
