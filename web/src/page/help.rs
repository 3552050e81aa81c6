//! Help: the terms and formulas behind the figures. Needs no mart.

use askama::Template;
use axum::Extension;
use axum::extract::RawQuery;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::access::Principal;
use crate::asset;
use crate::error::PageError;
use crate::layout::Shell;
use crate::lens::Lens;
use crate::link::Path;
use crate::method::{METHODS, Method};
use crate::response;

#[derive(Template)]
#[template(path = "help/help.html")]
struct Help {
    shell: Shell,
    methods: &'static [Method],
    licence: &'static str,
    /// Where figures are compared with those of an earlier publish, for who sees all of them.
    compared: Option<String>,
}

pub async fn help(Extension(who): Extension<Principal>, RawQuery(query): RawQuery) -> Response {
    build(&who, query.as_deref().unwrap_or_default()).unwrap_or_else(IntoResponse::into_response)
}

fn build(who: &Principal, query: &str) -> Result<Response, PageError> {
    let lens = Lens::parse(query).map_err(PageError::BadRequest)?;
    let compared = who.reach.is_whole().then(|| lens.shared().url(&Path::new(["compare"])));
    let shell = Shell::without_mart("Help", &Path::new(["help"]), &lens, Some(who));
    let page = Help { shell, methods: &METHODS, licence: asset::ECHARTS_LICENCE.url, compared };
    Ok(response::html(StatusCode::OK, page.render()?))
}
