//! Signing in with a token, and out.

use askama::Template;
use axum::extract::{RawQuery, Request, State as Shared};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::guard::set_cookie;
use crate::error::PageError;
use crate::layout::Shell;
use crate::link::{self, Path};
use crate::response;
use crate::state::State;

/// Largest form that is read: a token and where to go on.
const MAX_FORM_BYTES: usize = 8 * 1024;

#[derive(Template)]
#[template(path = "access/login.html")]
struct SignIn {
    shell: Shell,
    fault: Option<String>,
    next: String,
}

/// The way to the form, and from there to the page that was asked for.
pub(super) fn to_sign_in(asked: &str) -> Response {
    let pairs = if asked == "/" { vec![] } else { vec![("next", asked.to_owned())] };
    go_to(&link::url(&Path::new(["login"]), &pairs))
}

fn go_to(place: &str) -> Response {
    let headers = [(header::LOCATION, place.to_owned()), (header::CACHE_CONTROL, "no-store".to_owned())];
    (StatusCode::SEE_OTHER, headers).into_response()
}

/// A page of this site to go on to; the overview where it is none.
fn next(pairs: &[(String, String)]) -> String {
    let next = pairs.iter().find(|(key, _)| key == "next").map_or("/", |(_, next)| next.as_str());
    let is_ours = next.starts_with('/')
        // Browsers read both of them as another site's name.
        && !next.starts_with("//")
        && !next.starts_with("/\\")
        && next.bytes().all(|byte| byte.is_ascii_graphic());
    if is_ours { next.to_owned() } else { "/".to_owned() }
}

/// The form.
pub async fn sign_in_page(Shared(state): Shared<State>, RawQuery(query): RawQuery) -> Response {
    let next = next(&link::pairs(query.as_deref().unwrap_or_default()));
    // Without a login everybody who gets here is in.
    if state.access().has_tokens() { form(StatusCode::OK, None, next) } else { go_to(&next) }
}

fn form(status: StatusCode, fault: Option<String>, next: String) -> Response {
    let mut shell = Shell::bare("Sign in");
    // Every place would lead back here.
    shell.rail.clear();
    let page = SignIn { shell, fault, next };
    match page.render() {
        Ok(body) => response::html(status, body),
        Err(error) => PageError::Render(error).into_response(),
    }
}

/// Takes the form.
pub async fn sign_in(Shared(state): Shared<State>, request: Request) -> Response {
    let from = state.access().client(&request);
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, MAX_FORM_BYTES).await else {
        return PageError::BadRequest(vec!["the form is too long".to_owned()]).into_response();
    };
    let request = Request::from_parts(parts, axum::body::Body::empty());
    let pairs = link::pairs(&String::from_utf8_lossy(&body));
    let next = next(&pairs);
    let token = pairs.iter().find(|(key, _)| key == "token").map_or("", |(_, token)| token.trim());
    match state.access().sign_in(from, token, state.now()) {
        Ok((id, seconds)) => {
            let mut response = go_to(&next);
            let cookie = set_cookie(state.access(), &request, &id, seconds);
            response.headers_mut().insert(header::SET_COOKIE, cookie);
            response
        }
        Err(PageError::SignIn) => {
            let fault = "No token is this one. Copy it whole, from “llk_” on; if it was replaced, ask for the new one.";
            form(StatusCode::UNAUTHORIZED, Some(fault.to_owned()), next)
        }
        Err(error) => error.into_response(),
    }
}

/// Ends the session.
pub async fn sign_out(Shared(state): Shared<State>, request: Request) -> Response {
    state.access().sign_out(request.headers());
    let mut response = go_to("/login");
    let cookie = set_cookie(state.access(), &request, "", 0);
    response.headers_mut().insert(header::SET_COOKIE, cookie);
    // Pages that the browser kept are not for whoever sits there next.
    response.headers_mut().insert("clear-site-data", HeaderValue::from_static("\"cache\""));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signing_in_leads_on_to_pages_of_this_site_alone() {
        for (query, want) in [
            ("", "/"),
            ("next=%2Fteams%2Fgrowth%3Ffrom%3D2026-10-05", "/teams/growth?from=2026-10-05"),
            ("next=https%3A%2F%2Fevil.example%2F", "/"),
            ("next=%2F%2Fevil.example%2F", "/"),
            ("next=%2F%5Cevil.example%2F", "/"),
            ("next=%2F%0D%0ASet-Cookie%3A+x", "/"),
            ("next=teams", "/"),
        ] {
            assert_eq!(next(&link::pairs(query)), want, "{query}");
        }
    }
}
