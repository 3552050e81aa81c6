//! What people and programs send to change something: a form of a page, or a JSON object of
//! texts. Both come with who sent them.

use std::collections::BTreeMap;

use axum::extract::{FromRequest, Request};

use crate::api::Problem;
use crate::error::PageError;
use crate::lens::Lens;
use crate::link;
use crate::person;

/// Largest body that is read.
const MAX_BYTES: usize = 32 * 1024;

/// Fields by name, without spaces around their values.
#[derive(Debug, Default)]
pub struct Fields(Vec<(String, String)>);

impl Fields {
    /// Reads a form's body.
    pub fn of(body: &str) -> Self {
        Self(link::pairs(body))
    }

    /// What a field says; nothing of one that is empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        let value = self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.trim());
        value.filter(|value| !value.is_empty())
    }
}

/// A form as a page of this site sends it.
pub struct Form {
    /// How the page was looked at.
    pub lens: Lens,
    /// Who sent it, as edits are recorded.
    pub who: String,
    /// What it says.
    pub fields: Fields,
}

impl<S: Send + Sync> FromRequest<S> for Form {
    type Rejection = PageError;

    async fn from_request(request: Request, _: &S) -> Result<Self, PageError> {
        let lens = Lens::parse(request.uri().query().unwrap_or_default()).map_err(PageError::BadRequest)?;
        let who = person::name(request.extensions());
        let body = body(request, "the form is too long").await?;
        Ok(Self { lens, who, fields: Fields::of(&String::from_utf8_lossy(&body)) })
    }
}

/// A JSON object as a program sends it.
pub struct Document {
    /// Who sent it, as edits are recorded.
    pub who: String,
    /// What it says: every value is a text.
    pub fields: Fields,
}

impl<S: Send + Sync> FromRequest<S> for Document {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let who = person::name(request.extensions());
        let body = body(request, "the body is too long").await.map_err(|error| Problem::of(&error))?;
        let fields = serde_json::from_slice::<BTreeMap<String, String>>(&body).map_err(|_| {
            let fault = "the body is no JSON object of texts: write {\"act\": \"acknowledge\"}";
            Problem::of(&PageError::BadRequest(vec![fault.to_owned()]))
        })?;
        Ok(Self { who, fields: Fields(fields.into_iter().collect()) })
    }
}

async fn body(request: Request, too_long: &str) -> Result<axum::body::Bytes, PageError> {
    let body = axum::body::to_bytes(request.into_body(), MAX_BYTES).await;
    body.map_err(|_| PageError::BadRequest(vec![too_long.to_owned()]))
}
