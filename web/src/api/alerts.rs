//! One alert, and that an editor knows of it.

use attribution::mart::Mart;
use axum::extract::Path as Segment;
use axum::response::{IntoResponse, Response};
use chrono::TimeDelta;
use reports::alert::record::Alerts;
use serde_json::{Map, Value, json};

use super::resources::{ALERT, of_alert};
use super::{Problem, reply};
use crate::context::Context;
use crate::error::PageError;
use crate::form::{Document, Fields};
use crate::lens::Lens;
use crate::link::Path;
use crate::page;
use crate::state::Visit;

/// `GET /api/v1/alerts/{id}`: one alert with what happened to it.
pub async fn alert(visit: Visit, Segment(id): Segment<String>) -> Response {
    let visitor = visit.clone();
    reply(visit.with_mart(move |mart| told(mart, &visitor, &id)).await)
}

/// `POST /api/v1/alerts/{id}` with `{"act": "acknowledge", "hours": "72"}`: somebody knows, as an editor.
pub async fn acknowledge(visit: Visit, Segment(id): Segment<String>, asked: Document) -> Response {
    let span = match span(&asked.fields) {
        Ok(span) => span,
        Err(faults) => return Problem::of(&PageError::BadRequest(faults)).into_response(),
    };
    let visitor = visit.clone();
    let done = visit.with_mart(move |mart| {
        let context = Context::new(mart, Lens::default(), Path::new(["alerts", &id]), visitor.now())?;
        page::alert::known(&context, &visitor, &id, span, &asked.who)?;
        told(mart, &visitor, &id)
    });
    reply(done.await)
}

fn span(fields: &Fields) -> Result<TimeDelta, Vec<String>> {
    match fields.get("act") {
        Some("acknowledge") => page::alert::span(fields),
        _ => Err(vec!["`act` does not say what to do: use acknowledge".to_owned()]),
    }
}

fn told(mart: &Mart, visit: &Visit, id: &str) -> Result<Value, PageError> {
    let context = Context::new(mart, Lens::default(), Path::new(["alerts", id]), visit.now())?;
    let record = Alerts::open(visit.ledger()).map_err(PageError::Alerts)?;
    let seen = page::alerts::seen(&context, record.all().map_err(PageError::Alerts)?);
    let Some(alert) = seen.iter().find(|alert| alert.id == id) else {
        return Err(page::not_found(&context, "alert", id, "alerts"));
    };
    let mut document = Map::new();
    document.insert("mart".to_owned(), json!(mart.info().id));
    let fields = ALERT.iter().zip(of_alert(alert));
    document.extend(fields.map(|(column, field)| (column.name.to_owned(), field.json())));
    let events = record.events(id).map_err(PageError::Alerts)?;
    let history: Vec<Value> = events
        .iter()
        .map(|event| {
            json!({
                "at": event.at, "day": event.day, "step": event.step, "note": event.note, "who": event.who,
            })
        })
        .collect();
    document.insert("history".to_owned(), Value::Array(history));
    Ok(Value::Object(document))
}
