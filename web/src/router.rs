//! Every route, and what all responses have in common.

use std::net::IpAddr;

use axum::Router;
use axum::extract::Request;
use axum::http::{StatusCode, Uri, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;

use crate::api::{self, Problem};
use crate::error::PageError;
use crate::state::State;
use crate::{asset, page, response};

/// All pages of the dashboard.
pub fn router(state: State) -> Router {
    Router::new()
        .route("/", get(page::overview::overview))
        .route("/teams", get(page::teams::teams))
        .route("/teams/{*id}", get(page::team::team))
        .route("/workloads", get(page::workloads::workloads))
        .route("/workloads/{*id}", get(page::workloads::workload))
        .route("/tables", get(page::tables::tables))
        .route("/tables/{*id}", get(page::tables::table))
        .route("/clusters", get(page::clusters::clusters))
        .route("/clusters/{*id}", get(page::clusters::cluster))
        .route("/waste", get(page::waste::waste))
        .route("/waste/what-if", get(page::what_if::what_if))
        .route("/waste/{id}", get(page::finding::finding).post(page::finding::act))
        .route("/explore", get(page::explore::explore))
        .route("/explore/values", get(page::explore::values))
        .route("/search", get(page::search::search))
        .route("/search/suggest", get(page::search::suggest))
        .route("/runs", get(page::runs::runs))
        .route("/runs/{*id}", get(page::run::run))
        .route("/data", get(page::data::data))
        .route("/ownership", get(page::ownership::ownership))
        .route("/explain", get(page::explain::explain))
        .route("/explain/{*group}", get(page::lines::lines))
        .route("/compare", get(page::compare::compare))
        .route("/api/v1/costs", get(api::costs))
        .route("/api/v1/explain", get(api::explain))
        .route("/help", get(page::help::help))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/static/{file}", get(asset::serve))
        .fallback(no_page)
        .method_not_allowed_fallback(no_method)
        .layer(CatchPanicLayer::custom(|_panic| {
            (StatusCode::INTERNAL_SERVER_ERROR, "this page could not be made; the log says why\n")
                .into_response()
        }))
        .layer(CompressionLayer::new())
        .layer(middleware::from_fn(local_only))
        .layer(middleware::from_fn(secured))
        .with_state(state)
}

/// Serves until `shutdown` resolves and the requests then open are answered.
///
/// # Errors
/// When the listener fails.
pub async fn serve(
    listener: TcpListener,
    state: State,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    axum::serve(listener, router(state)).with_graceful_shutdown(shutdown).await
}

/// Answers only requests that name this machine. Without a login the loopback address is the
/// guard, and a hostile page could get around it by letting its own name resolve to it.
async fn local_only(request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    if host.is_none_or(is_local) {
        return next.run(request).await;
    }
    (StatusCode::MISDIRECTED_REQUEST, "this dashboard answers on localhost only\n").into_response()
}

/// Whether a `Host` header (name or address, perhaps with a port) is this machine's loopback.
fn is_local(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Whether an address is the API's, whose errors are for programs.
fn of_the_api(uri: &Uri) -> bool {
    uri.path().starts_with("/api/")
}

async fn no_page(uri: Uri) -> Response {
    if of_the_api(&uri) {
        Problem::of(&PageError::NoPage).into_response()
    } else {
        PageError::NoPage.into_response()
    }
}

async fn no_method(uri: Uri) -> Response {
    let status = StatusCode::METHOD_NOT_ALLOWED;
    if of_the_api(&uri) {
        Problem::new(status, "use GET").into_response()
    } else {
        (status, "use GET\n").into_response()
    }
}

async fn secured(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    response.headers_mut().extend(response::SECURITY_HEADERS);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_loopbacks_names_are_local() {
        for host in ["localhost", "LOCALHOST:8420", "127.0.0.1", "127.0.0.1:80", "[::1]:8420", "127.9.9.9"] {
            assert!(is_local(host), "{host}");
        }
        for host in
            ["example.com", "127.0.0.1.example.com", "localhost.example.com:8420", "10.0.0.1", "[::2]", ""]
        {
            assert!(!is_local(host), "{host}");
        }
    }
}
