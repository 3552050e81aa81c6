//! The pages: each module asks the mart, forms a typed view of the answer and hands it to
//! its template.

pub mod alert;
pub mod alerts;
pub mod clusters;
pub mod compare;
pub mod data;
pub mod explain;
pub mod explore;
pub mod finding;
pub mod help;
pub mod lines;
pub mod overview;
pub mod ownership;
pub mod preview;
pub mod reference;
pub mod reports;
pub mod run;
pub mod runs;
pub mod schedule;
pub mod search;
pub mod tables;
pub mod team;
pub mod teams;
pub mod waste;
pub mod what_if;
pub mod workloads;

mod cluster_depth;
mod clusters_named;
mod explore_asked;
mod explore_chart;
mod explore_rows;
mod movers;
mod run_tables;
mod shares;
mod table_cost;
mod table_depth;
mod workload_depth;

use axum::extract::RawQuery;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::context::Context;
use crate::error::PageError;
use crate::layout::Anchor;
use crate::lens::Lens;
use crate::link::Path;
use crate::state::Visit;

/// Reads the lens, opens the current mart and builds the page where it may block.
async fn answer(
    visit: Visit,
    path: Path,
    RawQuery(query): RawQuery,
    build: impl FnOnce(&Context<'_>) -> Result<Response, PageError> + Send + 'static,
) -> Response {
    let lens = match Lens::parse(query.as_deref().unwrap_or_default()) {
        Ok(lens) => lens,
        Err(faults) => return PageError::BadRequest(faults).into_response(),
    };
    let (now, who) = (visit.now(), visit.who().clone());
    let page = visit.with_mart(move |mart| build(&Context::new(mart, lens, path, now)?.seen_by(who))).await;
    page.into_response()
}

/// The way back to a page after its form did something, or why it did not.
fn after(done: Result<(), PageError>, page: &str) -> Response {
    match done {
        Ok(()) => (StatusCode::SEE_OTHER, [(header::LOCATION, format!("{page}#status"))]).into_response(),
        Err(error) => error.into_response(),
    }
}

/// One small fact of a strip beneath the headline.
pub struct Fact {
    pub label: &'static str,
    pub value: String,
    pub note: String,
    pub href: Option<String>,
}

/// A fact that leads nowhere.
fn fact(label: &'static str, value: impl Into<String>, note: impl Into<String>) -> Fact {
    Fact { label, value: value.into(), note: note.into(), href: None }
}

/// The link to a list, as a breadcrumb.
fn crumb(context: &Context<'_>, label: &str, place: &str) -> Anchor {
    Anchor { label: label.to_owned(), href: context.lens.shared().url(&Path::new([place])) }
}

/// That an entity is unknown, with its list as the way out.
pub fn not_found(context: &Context<'_>, what: &'static str, id: &str, place: &str) -> PageError {
    PageError::NotFound {
        what,
        id: id.to_owned(),
        why: None,
        ways_out: vec![(format!("All {what}s"), context.lens.shared().url(&Path::new([place])))],
    }
}
