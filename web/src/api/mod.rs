//! The API, version 1: costs in any view, a figure opened down to its bill lines, what costs are
//! of, findings of waste and alerts with what people decide on them. Parameters are those of pages;
//! figures are what the command line prints.
//!
//! Unlike pages, a question without days is about all of them.

mod alerts;
mod document;
mod findings;
mod listing;
mod problem;
mod question;
mod resources;

use std::borrow::Cow;

use attribution::mart::Mart;
use axum::Json;
use axum::extract::RawQuery;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use reports::explained::{Detail, Explained, asked as said};
use serde_json::{Map, Value, json};

pub use self::alerts::{acknowledge, alert};
pub use self::document::{Operation, openapi, operations};
pub use self::findings::{act, finding};
pub use self::listing::Asked;
use self::listing::{Field, Listing, answer};
pub use self::problem::Problem;
use self::question::Question;
pub use self::resources::RESOURCES;
use crate::context::known_teams;
use crate::error::PageError;
use crate::state::Visit;

/// `GET /api/v1/costs?by=team,service&granularity=day&from=...`: one row a group and currency.
pub async fn costs(visit: Visit, asked: Asked) -> Response {
    answer(visit, asked, true, |mart, _, pairs| {
        let question =
            Question::of(pairs, &["by", "group_by", "granularity"]).map_err(PageError::BadRequest)?;
        let question = of_mart(question, mart)?;
        let query = &question.query;
        let names: Vec<String> = query.by.iter().map(|dimension| dimension.name()).collect();
        let row = |row: attribution::mart::CostRow| {
            let mut fields: Vec<Field> = row.keys.into_iter().map(Field::Text).collect();
            fields.extend([Field::Text(row.currency.to_string()), Field::Money(row.cost)]);
            fields
        };
        let rows = Box::new(mart.costs(query)?.into_iter().map(row));
        let mut head = Map::new();
        if let Value::Object(said) = said(query) {
            head.extend(said);
        }
        head.insert("by".to_owned(), json!(names));
        let columns = names.into_iter().map(Cow::Owned).chain(["currency".into(), "cost".into()]).collect();
        Ok(Listing { head, columns, rows })
    })
    .await
}

/// A question as this mart can answer it.
fn of_mart(question: Question, mart: &Mart) -> Result<Question, PageError> {
    let teams = match &question.team {
        Some(_) => known_teams(mart, question.query.view.ownership)?,
        None => Vec::new(),
    };
    question.of_mart(mart.info(), &teams).map_err(PageError::BadRequest)
}

/// `GET /api/v1/explain?where=team=growth&...&lines=true&parts=100`: the largest parts of one
/// figure, and the sum of the rest.
pub async fn explain(visit: Visit, RawQuery(query): RawQuery) -> Response {
    let pairs = crate::link::pairs(query.as_deref().unwrap_or_default());
    let question = match Question::of(pairs, &["lines", "parts"]) {
        Ok(question) => question,
        Err(faults) => return Problem::of(&PageError::BadRequest(faults)).into_response(),
    };
    let document = visit.with_mart(move |mart| {
        let question = of_mart(question, mart)?;
        let detail = Detail { lines: question.lines, most: Some(question.parts) };
        let explained = Explained::ask(mart, &question.query, detail)?.json(&question.query);
        let mut document = Map::new();
        document.insert("mart".to_owned(), json!(mart.info().id));
        document.insert("published_at".to_owned(), json!(mart.info().published_at));
        if let Value::Object(explained) = explained {
            document.extend(explained);
        }
        Ok(Value::Object(document))
    });
    reply(document.await)
}

/// One document, or why there is none.
fn reply(document: Result<Value, PageError>) -> Response {
    match document {
        Ok(document) => ([(header::CACHE_CONTROL, "private, no-cache")], Json(document)).into_response(),
        Err(error) => Problem::of(&error).into_response(),
    }
}
