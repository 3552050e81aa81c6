//! The reference of the API: every operation with its parameters and columns. Needs no mart.

use askama::Template;
use axum::Extension;
use axum::extract::RawQuery;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::access::Principal;
use crate::api::{Operation, operations};
use crate::error::PageError;
use crate::layout::{Anchor, Shell};
use crate::lens::Lens;
use crate::link::Path;
use crate::response;

#[derive(Template)]
#[template(path = "help/reference.html")]
struct Reference {
    shell: Shell,
    operations: Vec<(String, Operation)>,
}

pub async fn reference(Extension(who): Extension<Principal>, RawQuery(query): RawQuery) -> Response {
    build(&who, query.as_deref().unwrap_or_default()).unwrap_or_else(IntoResponse::into_response)
}

fn build(who: &Principal, query: &str) -> Result<Response, PageError> {
    let lens = Lens::parse(query).map_err(PageError::BadRequest)?;
    let mut shell = Shell::without_mart("API", &Path::new(["help", "api"]), &lens, Some(who));
    shell.crumbs = vec![Anchor { label: "Help".to_owned(), href: lens.shared().url(&Path::new(["help"])) }];
    // An element's id, by which a document may point at it.
    let id = |operation: &Operation| {
        let name = operation.path.trim_start_matches("/api/v1/").replace('/', "-").replace(['{', '}'], "");
        format!("{}-{name}", operation.method.to_lowercase())
    };
    let operations = operations().into_iter().map(|operation| (id(&operation), operation)).collect();
    Ok(response::html(StatusCode::OK, Reference { shell, operations }.render()?))
}
