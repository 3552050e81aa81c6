//! Search: anything by its name, as a page and, while one types, as suggestions.

use askama::Template;
use axum::Json;
use axum::extract::RawQuery;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use super::answer;
use crate::context::Context;
use crate::error::PageError;
use crate::layout::Shell;
use crate::link::Path;
use crate::search::{Found, find};
use crate::state::Visit;
use crate::words;

/// Found things on the page.
const MOST: usize = 60;
/// Suggestions while one types.
const MOST_SUGGESTED: usize = 10;

#[derive(Template)]
#[template(path = "search/search.html")]
struct Search {
    shell: Shell,
    action: String,
    hidden: Vec<(&'static str, String)>,
    asked: String,
    /// How many there are, or what to do.
    count: String,
    found: Vec<Found>,
}

#[derive(Serialize)]
struct Suggestions {
    found: Vec<Found>,
    /// For those who hear it.
    count: String,
    /// The page with all of them.
    all: String,
}

pub async fn search(visit: Visit, query: RawQuery) -> Response {
    answer(visit, Path::new(["search"]), query, build).await
}

/// `GET /search/suggest?q=`: the best few as JSON.
pub async fn suggest(visit: Visit, query: RawQuery) -> Response {
    answer(visit, Path::new(["search", "suggest"]), query, |context| {
        let asked = context.lens.table.search.clone().unwrap_or_default();
        let (found, all) = find(context, &asked, MOST_SUGGESTED)?;
        let mut lens = context.lens.shared();
        lens.table.search = Some(asked.clone()).filter(|asked| !asked.is_empty());
        let all_of_them = lens.url(&Path::new(["search"]));
        Ok(Json(Suggestions { count: count(&asked, found.len(), all), found, all: all_of_them })
            .into_response())
    })
    .await
}

fn build(context: &Context<'_>) -> Result<Response, PageError> {
    let asked = context.lens.table.search.clone().unwrap_or_default();
    let (found, all) = find(context, &asked, MOST)?;
    context.page(&Search {
        shell: Shell::of(context, "Search", vec![]),
        action: context.path.encoded(),
        hidden: context.lens.shared().pairs(),
        count: count(&asked, found.len(), all),
        asked,
        found,
    })
}

fn count(asked: &str, shown: usize, all: usize) -> String {
    match (asked.trim().is_empty(), all) {
        (true, _) => "Type a part of a name, or the id of a run.".to_owned(),
        (_, 0) => "Nothing has this name. A part of it is enough; words may stand in any order.".to_owned(),
        _ if shown < all => {
            format!("The best {} of {}.", shown, words::plural(all as i64, "match", "matches"))
        }
        _ => format!("{}.", words::plural(all as i64, "match", "matches")),
    }
}
