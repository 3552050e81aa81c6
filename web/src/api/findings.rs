//! One finding, and what an editor decides on it.

use attribution::mart::Mart;
use axum::Json;
use axum::extract::{Path as Segment, Request};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use super::Problem;
use super::resources::{FINDING, of_finding};
use crate::context::Context;
use crate::error::PageError;
use crate::finding;
use crate::lens::Lens;
use crate::link::Path;
use crate::page;
use crate::person;
use crate::state::Visit;

/// Largest body that is read.
const MAX_BODY_BYTES: usize = 32 * 1024;

/// `GET /api/v1/findings/{id}`: one finding with its evidence, guards and history.
pub async fn finding(visit: Visit, Segment(id): Segment<String>) -> Response {
    let visitor = visit.clone();
    reply(visit.with_mart(move |mart| told(mart, &visitor, &id)).await)
}

/// `POST /api/v1/findings/{id}` with `{"act": "snooze", "until": "2026-11-30"}`: decides, as an editor.
pub async fn act(visit: Visit, Segment(id): Segment<String>, request: Request) -> Response {
    let who = person::name(request.extensions());
    let Ok(body) = axum::body::to_bytes(request.into_body(), MAX_BODY_BYTES).await else {
        return Problem::of(&PageError::BadRequest(vec!["the body is too long".to_owned()])).into_response();
    };
    // Words alone: every key of an act is one.
    let fields: Vec<(String, String)> =
        match serde_json::from_slice::<std::collections::BTreeMap<String, String>>(&body) {
            Ok(fields) => fields.into_iter().collect(),
            Err(_) => {
                let fault = "the body is no JSON object of texts: write {\"act\": \"acknowledge\"}";
                return Problem::of(&PageError::BadRequest(vec![fault.to_owned()])).into_response();
            }
        };
    let act = match page::finding::asked(&fields, visit.now().date_naive()) {
        Ok(act) => act,
        Err(faults) => return Problem::of(&PageError::BadRequest(faults)).into_response(),
    };
    let visitor = visit.clone();
    let done = visit.with_mart(move |mart| {
        let context = Context::new(mart, Lens::default(), Path::new(["waste", &id]), visitor.now())?;
        page::finding::decide(&context, &visitor, &id, &act, &who)?;
        told(mart, &visitor, &id)
    });
    reply(done.await)
}

fn reply(document: Result<Value, PageError>) -> Response {
    match document {
        Ok(document) => ([(header::CACHE_CONTROL, "private, no-cache")], Json(document)).into_response(),
        Err(error) => Problem::of(&error).into_response(),
    }
}

fn told(mart: &Mart, visit: &Visit, id: &str) -> Result<Value, PageError> {
    let context = Context::new(mart, Lens::default(), Path::new(["waste", id]), visit.now())?;
    let record = finding::record(&context, visit).map_err(PageError::Record)?;
    let tracked = finding::tracked(&context, &record, id)?;
    let Some(found) = mart.all_findings()?.iter().find(|finding| finding.id == id) else {
        return Err(page::not_found(&context, "finding", id, "waste"));
    };
    let status = tracked.as_ref().map_or("new", |tracked| tracked.status.name());
    let row = of_finding(found, status, tracked.as_ref());
    let mut document = Map::new();
    document.insert("mart".to_owned(), json!(mart.info().id));
    document.extend(FINDING.iter().zip(row).map(|(column, field)| (column.name.to_owned(), field.json())));
    document.insert("evidence".to_owned(), found.evidence.clone());
    document.insert("guards".to_owned(), json!(found.guards));
    let events = if tracked.is_some() { record.events(id).map_err(PageError::Record)? } else { Vec::new() };
    let history: Vec<Value> = events
        .iter()
        .map(|event| json!({"at": event.at, "status": event.status.to_string(), "note": event.note, "who": event.who}))
        .collect();
    document.insert("history".to_owned(), Value::Array(history));
    Ok(Value::Object(document))
}
