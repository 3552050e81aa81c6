//! One finding, and what an editor decides on it.

use attribution::mart::Mart;
use axum::extract::Path as Segment;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use super::resources::{FINDING, of_finding};
use super::{Problem, reply};
use crate::context::Context;
use crate::error::PageError;
use crate::finding;
use crate::form::Document;
use crate::lens::Lens;
use crate::link::Path;
use crate::page;
use crate::state::Visit;

/// `GET /api/v1/findings/{id}`: one finding with its evidence, guards and history.
pub async fn finding(visit: Visit, Segment(id): Segment<String>) -> Response {
    let visitor = visit.clone();
    reply(visit.with_mart(move |mart| told(mart, &visitor, &id)).await)
}

/// `POST /api/v1/findings/{id}` with `{"act": "snooze", "until": "2026-11-30"}`: decides, as an editor.
pub async fn act(visit: Visit, Segment(id): Segment<String>, asked: Document) -> Response {
    let act = match page::finding::asked(&asked.fields, visit.now().date_naive()) {
        Ok(act) => act,
        Err(faults) => return Problem::of(&PageError::BadRequest(faults)).into_response(),
    };
    let visitor = visit.clone();
    let done = visit.with_mart(move |mart| {
        let context = Context::new(mart, Lens::default(), Path::new(["waste", &id]), visitor.now())?;
        page::finding::decide(&context, &visitor, &id, &act, &asked.who)?;
        told(mart, &visitor, &id)
    });
    reply(done.await)
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
