//! The JSON API, version 1: costs in any view, and a figure opened down to its bill lines.
//! Parameters are those of pages; answers are the documents the command line prints.
//!
//! Unlike pages, a question without days or a currency is about all of them.

mod problem;
mod question;

use attribution::mart::{CostRow, Mart};
use axum::Json;
use axum::extract::RawQuery;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use reports::explained::{Detail, Explained, asked};
use serde_json::{Map, Value, json};

pub use self::problem::Problem;
use self::question::Question;
use crate::error::PageError;
use crate::state::Visit;

/// `GET /api/v1/costs?by=team,service&from=...`: one row a group and currency.
pub async fn costs(visit: Visit, query: RawQuery) -> Response {
    answer(visit, query, &["by"], |mart, question| {
        let query = &question.query;
        let names: Vec<String> = query.by.iter().map(|dimension| dimension.name()).collect();
        let rows = mart.costs(query)?;
        let rows: Vec<Value> = rows.iter().map(|row| cost(&names, row)).collect();
        Ok(json!({"by": names, "rows": rows}))
    })
    .await
}

/// `GET /api/v1/explain?where=team=growth&...&lines=true&parts=100`: the largest parts of one
/// figure, and the sum of the rest.
pub async fn explain(visit: Visit, query: RawQuery) -> Response {
    answer(visit, query, &["lines", "parts"], |mart, question| {
        let detail = Detail { lines: question.lines, most: Some(question.parts) };
        Ok(Explained::ask(mart, &question.query, detail)?.json(&question.query))
    })
    .await
}

/// Reads the question, asks the current mart where that may block, and says which it was.
async fn answer(
    visit: Visit,
    RawQuery(query): RawQuery,
    own: &'static [&'static str],
    ask: impl FnOnce(&Mart, &Question) -> Result<Value, PageError> + Send + 'static,
) -> Response {
    let question = match Question::parse(query.as_deref().unwrap_or_default(), own) {
        Ok(question) => question,
        Err(faults) => return Problem::of(&PageError::BadRequest(faults)).into_response(),
    };
    let document = visit.with_mart(move |mart| {
        let faults = question.faults(mart.info());
        if !faults.is_empty() {
            return Err(PageError::BadRequest(faults));
        }
        let mut document = Map::new();
        document.insert("mart".to_owned(), json!(mart.info().id));
        document.insert("published_at".to_owned(), json!(mart.info().published_at));
        for part in [asked(&question.query), ask(mart, &question)?] {
            if let Value::Object(part) = part {
                document.extend(part);
            }
        }
        Ok(Value::Object(document))
    });
    match document.await {
        Ok(document) => ([(header::CACHE_CONTROL, "private, no-cache")], Json(document)).into_response(),
        Err(error) => Problem::of(&error).into_response(),
    }
}

/// A row as `export costs` writes it: every value is a text.
fn cost(names: &[String], row: &CostRow) -> Value {
    let mut object: Map<String, Value> =
        names.iter().cloned().zip(row.keys.iter().map(|key| json!(key))).collect();
    object.insert("currency".to_owned(), json!(row.currency));
    object.insert("cost".to_owned(), json!(row.cost));
    Value::Object(object)
}
