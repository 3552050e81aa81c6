//! Errors of the API: problem details as RFC 9457 has them.

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::error::{self, PageError};

/// Why a question was not answered. Its type is the status's, so that none is given.
#[derive(Debug, Serialize)]
pub struct Problem {
    title: &'static str,
    status: u16,
    detail: String,
    /// Every fault of the question.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<String>,
}

impl Problem {
    /// A problem of this status; one that is no status of an error is told as a fault of ours.
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        let title = status.canonical_reason().unwrap_or("Unknown Error");
        Self { title, status: status.as_u16(), detail: detail.into(), errors: Vec::new() }
    }

    /// An error of the dashboard. Causes of its own faults go to the log, not out.
    pub fn of(error: &PageError) -> Self {
        match error {
            PageError::NotPublished => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "nothing has been published yet: `lakeledger run` publishes",
            ),
            PageError::NotFound { .. } | PageError::NoPage | PageError::NoMart(_) => {
                Self::new(StatusCode::NOT_FOUND, error.to_string())
            }
            PageError::BadRequest(faults) => Self {
                errors: faults.clone(),
                ..Self::new(StatusCode::BAD_REQUEST, "the question cannot be answered as it is asked")
            },
            PageError::NotOurs | PageError::Forbidden(_) => {
                Self::new(StatusCode::FORBIDDEN, error.to_string())
            }
            PageError::SignIn => Self::new(
                StatusCode::UNAUTHORIZED,
                "send a token: `Authorization: Bearer llk_...`; `lakeledger token new` makes one",
            ),
            PageError::TooOften { .. } => Self::new(StatusCode::TOO_MANY_REQUESTS, error.to_string()),
            PageError::Mart(_)
            | PageError::Record(_)
            | PageError::Alerts(_)
            | PageError::Report(_)
            | PageError::Mail(_)
            | PageError::Schedule(_)
            | PageError::Chart(_)
            | PageError::Render(_)
            | PageError::Csv(_)
            | PageError::Json(_)
            | PageError::Task(_)
            | PageError::Random(_) => {
                error::log(error);
                Self::new(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "the fault is on this side and has been written to the log",
                )
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let kind = [
            (header::CONTENT_TYPE, "application/problem+json"),
            (header::CACHE_CONTROL, "private, no-cache"),
        ];
        (status, kind, Json(self)).into_response()
    }
}
