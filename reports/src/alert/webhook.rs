//! One HTTP request: a JSON body posted to an address, over TLS where the address says so.

use std::time::Duration;

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::{Request, StatusCode, header};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;

/// How long a receiver may take to answer; tests of one that hangs need not wait so long.
pub const TIMEOUT: Duration = Duration::from_secs(if cfg!(test) { 2 } else { 10 });
/// Bytes of an answer that are kept, to say why it refused.
const MOST_ANSWER: usize = 300;
/// Bytes of an answer that are read.
const MOST_READ: usize = 64 * 1024;

/// Why a request came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// The program cannot send anything.
    #[error("could not start an HTTP client")]
    Start(#[source] std::io::Error),
    /// An address or a key is not there.
    #[error(transparent)]
    Secret(#[from] super::SecretError),
    /// The address or a header is none.
    #[error("the address or a header cannot be sent")]
    Request(#[source] hyper::http::Error),
    /// The channel is none that is posted to.
    #[error("the channel has no address")]
    NoAddress,
    /// Nobody answered.
    #[error("could not reach the receiver")]
    Reach(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Nobody answered in time.
    #[error("the receiver did not answer within {} s", .0.as_secs())]
    Slow(Duration),
    /// The receiver refused.
    #[error("the receiver answered {status}{}", answer(text))]
    Refused {
        /// How.
        status: StatusCode,
        /// What it said, cut off.
        text: String,
        /// After how many seconds it may be tried again, where it says so.
        retry_after: Option<u64>,
    },
}

fn answer(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!(": {text}") }
}

impl WebhookError {
    /// Whether another attempt may succeed: not where the receiver says that the request is
    /// wrong.
    pub fn may_pass(&self) -> bool {
        match self {
            // Whoever runs the program may set or mend it meanwhile.
            Self::Reach(_) | Self::Slow(_) | Self::Secret(_) | Self::Start(_) => true,
            Self::Request(_) | Self::NoAddress => false,
            Self::Refused { status, .. } => {
                status.is_server_error()
                    || matches!(
                        *status,
                        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS | StatusCode::TOO_EARLY
                    )
            }
        }
    }
}

/// Sends requests, one at a time.
pub struct Http {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    runtime: tokio::runtime::Runtime,
    timeout: Duration,
}

impl Http {
    /// A client that trusts the system's certificates.
    ///
    /// # Errors
    /// When they, or a thread, cannot be had.
    pub fn new(timeout: Duration) -> Result<Self, WebhookError> {
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        let connector = HttpsConnectorBuilder::new()
            .with_provider_and_native_roots(provider)
            .map_err(WebhookError::Start)?
            .https_or_http()
            .enable_http1()
            .build();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(WebhookError::Start)?;
        // Without kept connections: one that the receiver has closed meanwhile loses a request.
        let client = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(connector);
        Ok(Self { client, runtime, timeout })
    }

    /// Posts a JSON text; an answer of 2xx is success.
    ///
    /// # Errors
    /// Whatever else.
    pub fn post(
        &self,
        url: &str,
        headers: &[(&'static str, String)],
        body: &str,
    ) -> Result<(), WebhookError> {
        let mut request = Request::post(url)
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::USER_AGENT, concat!("lakeledger/", env!("CARGO_PKG_VERSION")));
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let request = request
            .body(Full::new(Bytes::copy_from_slice(body.as_bytes())))
            .map_err(WebhookError::Request)?;
        self.runtime.block_on(async {
            tokio::time::timeout(self.timeout, self.send(request))
                .await
                .unwrap_or(Err(WebhookError::Slow(self.timeout)))
        })
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> Result<(), WebhookError> {
        let answer =
            self.client.request(request).await.map_err(|cause| WebhookError::Reach(Box::new(cause)))?;
        let status = answer.status();
        if status.is_success() {
            return Ok(());
        }
        let retry_after = answer
            .headers()
            .get(header::RETRY_AFTER)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.trim().parse().ok());
        // What it says is for people: an answer that cannot be read says nothing.
        let body = Limited::new(answer.into_body(), MOST_READ).collect().await;
        let bytes = body.map(|body| body.to_bytes()).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes[..bytes.len().min(MOST_ANSWER)]).into_owned();
        let text = crate::label::visible(text.trim());
        Err(WebhookError::Refused { status, text, retry_after })
    }
}
