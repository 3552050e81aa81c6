//! What goes out: pages and CSV, with the headers that keep them from being guessed at,
//! framed or kept by others.

use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

/// Nothing but our own files is loaded and no inline script or style is run, so that a
/// hostile name which slipped through would still be inert.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
     connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Headers of every response.
pub const SECURITY_HEADERS: [(HeaderName, HeaderValue); 7] = [
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_SECURITY_POLICY)),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::REFERRER_POLICY, HeaderValue::from_static("same-origin")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    // No other site may hold a window of ours, embed our files, or borrow a device through us.
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static("camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ),
];

/// Figures may change with every publish and are not for shared caches.
const CACHE: (HeaderName, &str) = (header::CACHE_CONTROL, "private, no-cache");

/// A page.
pub fn html(status: StatusCode, body: String) -> Response {
    (status, [(header::CONTENT_TYPE, "text/html; charset=utf-8"), CACHE], body).into_response()
}

/// Rules of a report as it is mailed: its styles stand in it, since mail programs load none, and
/// its images are data. Nothing runs, nothing is loaded.
const REPORT_POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; \
     base-uri 'none'; frame-ancestors 'none'";

/// A report as it is mailed.
pub fn report(body: String) -> Response {
    let policy = (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(REPORT_POLICY));
    ([policy], html(StatusCode::OK, body)).into_response()
}

/// Plain text.
pub fn text(body: String) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; charset=utf-8"), CACHE], body).into_response()
}

/// A letter as it was sent, to be opened by a mail program.
pub fn letter(name: &str, body: Vec<u8>) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "message/rfc822".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}.eml\"")),
        (CACHE.0, CACHE.1.to_owned()),
    ];
    (headers, body).into_response()
}

/// A download; `name` is of our own making.
pub fn csv(name: &str, body: Vec<u8>) -> Response {
    let disposition = format!("attachment; filename=\"{name}.csv\"");
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8".to_owned()),
        (header::CONTENT_DISPOSITION, disposition),
        (CACHE.0, CACHE.1.to_owned()),
    ];
    (headers, body).into_response()
}
