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
mod explain_parts;
mod explore_asked;
mod explore_chart;
mod explore_rows;
mod movers;
mod run_tables;
mod shares;
mod table_cost;
mod table_depth;
mod workload_depth;

use attribution::mart::Mart;
use axum::extract::RawQuery;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use model::time::Instant;

use crate::context::Context;
use crate::error::PageError;
use crate::layout::Anchor;
use crate::lens::Lens;
use crate::link::{self, Path};
use crate::state::Visit;

/// Reads the lens, opens the current mart and builds the page where it may block.
async fn answer(
    visit: Visit,
    path: Path,
    RawQuery(query): RawQuery,
    build: impl FnOnce(&Context<'_>) -> Result<Response, PageError> + Send + 'static,
) -> Response {
    let pairs = link::pairs(query.as_deref().unwrap_or_default());
    let lens = match Lens::of(pairs.clone()) {
        Ok(lens) => lens,
        Err(faults) => {
            let mut kept = Lens::of_what_can_be(pairs);
            kept.table.csv = false;
            return PageError::BadRequest(faults).without_faults(kept.url(&path));
        }
    };
    let (now, who) = (visit.now(), visit.who().clone());
    let page = visit.with_mart(move |mart| {
        let made = Context::new(mart, lens.clone(), path.clone(), now);
        match made.and_then(|context| build(&context.seen_by(who))) {
            Err(fault @ PageError::BadRequest(_)) => Ok(match without_faults(mart, &lens, &path, now) {
                Some(href) => fault.without_faults(href),
                None => fault.into_response(),
            }),
            made => made,
        }
    });
    page.await.into_response()
}

/// The same page without what of its address may be at fault: what the mart does not know; else how
/// a table is shown; else all that the page is asked of its own.
fn without_faults(mart: &Mart, lens: &Lens, path: &Path, now: Instant) -> Option<String> {
    let is_known = |lens: &Lens| Context::new(mart, lens.clone(), path.clone(), now).is_ok();
    let less = if is_known(lens) {
        [lens.page(), lens.shared()].into_iter().find(|less| less != lens)
    } else {
        let team = Lens { team: None, ..lens.clone() };
        let currency = Lens { currency: None, ..lens.clone() };
        let neither = Lens { team: None, ..currency.clone() };
        [team, currency, neither].into_iter().find(is_known)
    };
    // Without anything to leave out there is no such page.
    less.map(|less| less.url(path))
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
