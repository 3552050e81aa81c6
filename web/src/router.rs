//! Every route with what it takes to be shown it, and what all responses have in common.

use std::net::SocketAddr;

use axum::Router;
use axum::extract::{Request, State as Shared};
use axum::http::{StatusCode, Uri};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use tokio::net::TcpListener;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;

use crate::access::{self, Need};
use crate::api::{self, Problem};
use crate::error::PageError;
use crate::state::State;
use crate::{asset, metrics, page, response};

/// One address, or a family of them.
struct Route {
    path: &'static str,
    need: Need,
    handler: MethodRouter<State>,
}

const fn route(path: &'static str, need: Need, handler: MethodRouter<State>) -> Route {
    Route { path, need, handler }
}

/// Every route: there is no other way to be served, and none without saying who may be.
fn routes() -> Vec<Route> {
    use Need::{Bill, Nothing, Seen, Whole};
    let lists = api::RESOURCES.iter().map(|resource| {
        route(resource.path, resource.need, get(|visit, asked| resource.serve(visit, asked)))
    });
    let mut routes = vec![
        route("/", Seen, get(page::overview::overview)),
        route("/teams", Seen, get(page::teams::teams)),
        route("/teams/{*id}", Seen, get(page::team::team)),
        route("/workloads", Seen, get(page::workloads::workloads)),
        route("/workloads/{*id}", Seen, get(page::workloads::workload)),
        route("/tables", Seen, get(page::tables::tables)),
        route("/tables/{*id}", Seen, get(page::tables::table)),
        route("/clusters", Seen, get(page::clusters::clusters)),
        route("/clusters/{*id}", Seen, get(page::clusters::cluster)),
        route("/waste", Seen, get(page::waste::waste)),
        // Settings are tried on everybody's clusters and tables.
        route("/waste/what-if", Whole, get(page::what_if::what_if)),
        route("/waste/{id}", Seen, get(page::finding::finding).post(page::finding::act)),
        route("/alerts", Seen, get(page::alerts::alerts)),
        route("/alerts/{id}", Seen, get(page::alert::alert).post(page::alert::acknowledge)),
        route("/explore", Seen, get(page::explore::explore)),
        route("/explore/values", Seen, get(page::explore::values)),
        route("/search", Seen, get(page::search::search)),
        route("/search/suggest", Seen, get(page::search::suggest)),
        route("/runs", Seen, get(page::runs::runs)),
        route("/runs/{*id}", Seen, get(page::run::run)),
        route("/data", Bill, get(page::data::data)),
        // Letters and schedules are everybody's; a report is its team's.
        route("/reports", Whole, get(page::reports::reports)),
        route("/reports/letters/{id}", Whole, get(page::reports::letter)),
        route("/reports/digest/{*name}", Whole, get(page::preview::digest)),
        route("/reports/weekly", Whole, get(page::preview::platform)),
        route("/reports/weekly/{*team}", Seen, get(page::preview::team)),
        route("/schedule", Whole, get(page::schedule::schedule)),
        route("/ownership", Whole, get(page::ownership::ownership)),
        route("/explain", Seen, get(page::explain::explain)),
        route("/explain/{*group}", Seen, get(page::lines::lines)),
        route("/compare", Whole, get(page::compare::compare)),
        route("/api/v1/costs", Seen, get(api::costs)),
        route("/api/v1/explain", Seen, get(api::explain)),
        route("/api/v1/findings/{id}", Seen, get(api::finding).post(api::act)),
        route("/api/v1/alerts/{id}", Seen, get(api::alert).post(api::acknowledge)),
        route("/api/v1/openapi.json", Seen, get(api::openapi)),
        route("/metrics", Whole, get(metrics::metrics)),
        route("/help", Seen, get(page::help::help)),
        route("/help/api", Seen, get(page::reference::reference)),
        route("/login", Nothing, get(access::sign_in_page).post(access::sign_in)),
        route("/logout", Nothing, post(access::sign_out)),
        route("/healthz", Nothing, get(|| async { "ok\n" })),
        route("/readyz", Nothing, get(ready)),
        route("/static/{file}", Nothing, get(asset::serve)),
    ];
    routes.extend(lists);
    routes
}

/// Every route by its pattern with what it takes, for tests that none is forgotten.
pub fn listed() -> Vec<(&'static str, Need)> {
    routes().into_iter().map(|route| (route.path, route.need)).collect()
}

/// All pages of the dashboard.
pub fn router(state: State) -> Router {
    let mut router = Router::new();
    for Route { path, need, handler } in routes() {
        let guard = middleware::from_fn_with_state((state.clone(), need), access::enter);
        router = router.route(path, handler.route_layer(guard));
    }
    router
        .fallback(no_page)
        .method_not_allowed_fallback(no_method)
        .layer(CatchPanicLayer::custom(|_panic| {
            (StatusCode::INTERNAL_SERVER_ERROR, "this page could not be made; the log says why\n")
                .into_response()
        }))
        .layer(CompressionLayer::new())
        .layer(middleware::from_fn_with_state(state.clone(), access::known_host))
        .layer(middleware::from_fn(secured))
        .layer(middleware::from_fn(metrics::counted))
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
    let warmed = state.clone();
    tokio::task::spawn_blocking(move || warmed.warm());
    // Whom a request comes from decides whether a proxy's headers are believed.
    let service = router(state).into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, service).with_graceful_shutdown(shutdown).await
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

/// Whether there are figures to show: a balancer sends nobody to a dashboard that has none.
async fn ready(Shared(state): Shared<State>) -> Response {
    if state.is_ready().await {
        return "ready\n".into_response();
    }
    (StatusCode::SERVICE_UNAVAILABLE, "nothing has been published yet\n").into_response()
}

async fn secured(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    for (name, value) in response::SECURITY_HEADERS {
        // A page that needs other rules has said so.
        response.headers_mut().entry(name).or_insert(value);
    }
    response
}
