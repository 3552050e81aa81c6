//! One alert: why it fires, how what it measures went, what happened to it, and the form by
//! which somebody says that they know.

use askama::Template;
use axum::extract::{Path as Segment, RawQuery, Request};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{Days, TimeDelta};
use reports::alert::life::{Alert, Status};
use reports::alert::readings::{Reading, measure};
use reports::alert::record::{AlertEvent, Alerts, RecordError};

use super::alerts::{about, seen};
use super::{Fact, answer, crumb, fact, not_found};
use crate::context::Context;
use crate::error::PageError;
use crate::layout::Shell;
use crate::lens::Lens;
use crate::link::{self, Path};
use crate::person;
use crate::sentence::Sentence;
use crate::state::Visit;
use crate::table::{self, Cell, Shown, Table, TableView};
use crate::words;

/// Days of the chart.
const SHOWN_DAYS: u64 = 60;
/// Largest form that is read.
const MAX_FORM_BYTES: usize = 4 * 1024;
/// Box of the chart, in its own units.
const WIDTH: f64 = 960.0;
const HEIGHT: f64 = 200.0;

/// For how long somebody may know: hours, and as people say it.
const SPANS: [(i64, &str); 5] =
    [(24, "1 day"), (72, "3 days"), (168, "1 week"), (336, "2 weeks"), (672, "4 weeks")];

#[derive(Template)]
#[template(path = "alerts/alert.html")]
struct AlertPage {
    shell: Shell,
    sentence: Sentence,
    facts: Vec<Fact>,
    chart: Option<Course>,
    readings: TableView,
    status: String,
    /// Where the form goes, while there is something to acknowledge.
    action: Option<String>,
    spans: [(i64, &'static str); 5],
    history: Vec<(String, String)>,
}

/// What was measured by day against what it is held against.
struct Course {
    title: String,
    bars: Vec<CourseBar>,
    threshold: String,
    top: String,
    first: String,
    last: String,
}

struct CourseBar {
    x: String,
    y: String,
    width: String,
    height: String,
    fires: bool,
    title: String,
}

pub async fn alert(visit: Visit, Segment(id): Segment<String>, query: RawQuery) -> Response {
    let asked = visit.clone();
    let path = Path::new(["alerts", &id]);
    answer(visit, path, query, move |context| build(context, &asked, &id)).await
}

fn build(context: &Context<'_>, visit: &Visit, id: &str) -> Result<Response, PageError> {
    let record = Alerts::open(visit.ledger()).map_err(PageError::Alerts)?;
    let all = seen(context, record.all().map_err(PageError::Alerts)?);
    let Some(alert) = all.iter().find(|alert| alert.id == id) else {
        return Err(not_found(context, "alert", id, "alerts"));
    };
    let events = record.events(id).map_err(PageError::Alerts)?;
    let readings = readings(context, visit, alert)?;
    let chart = course(alert, &readings);
    let [readings] = match context.tables([reading_table(&readings)])? {
        Shown::Page(views) => views,
        Shown::Csv(csv) => return Ok(csv),
    };
    let clusters = context.mart.clusters()?;
    let name = format!("{}: {}", alert.rule, about(&clusters, &alert.key));
    context.page(&AlertPage {
        shell: Shell::of(context, &name, vec![crumb(context, "Alerts", "alerts")]),
        sentence: sentence(alert),
        facts: facts(context, alert),
        chart,
        readings,
        status: status(context, visit, alert),
        action: (alert.status != Status::Resolved).then(|| context.lens.shared().url(&context.path)),
        spans: SPANS,
        history: events.iter().map(|event| history(context, event)).collect(),
    })
}

fn sentence(alert: &Alert) -> Sentence {
    let sentence = Sentence::default().say(alert.message.as_str());
    match alert.resolved_on {
        Some(day) => sentence.note(format!("Over since {}.", reports::format::day(day))),
        None => sentence.note(format!("Since {}.", reports::format::day(alert.fired_on))),
    }
}

fn facts(context: &Context<'_>, alert: &Alert) -> Vec<Fact> {
    let mut facts = vec![
        fact("Measured", alert.unit.show(alert.value), reports::format::day(alert.last_on)),
        fact("Held against", alert.unit.show(alert.threshold), ""),
        fact("Kind", alert.kind.as_str(), alert.severity.name()),
    ];
    if let Some(team) = &alert.team {
        facts.push(Fact { href: Some(context.entity("teams", team)), ..fact("Team", team.as_str(), "") });
    }
    facts
}

/// What the rule measured of it over the last closed days; nothing of rules without a past.
fn readings(context: &Context<'_>, visit: &Visit, alert: &Alert) -> Result<Vec<Reading>, PageError> {
    let watch = visit.watch();
    let Some(rule) = watch.rules.iter().find(|rule| rule.name == alert.rule) else { return Ok(Vec::new()) };
    let closed = reports::watch::closed_days(context.mart)?;
    let Some(closed) = closed.filter(|_| !rule.condition.is_standing()) else { return Ok(Vec::new()) };
    let end = closed.end.min(alert.last_on + Days::new(SHOWN_DAYS / 2));
    let from = closed.first.max(end - Days::new(SHOWN_DAYS));
    let measured = measure(context.mart, watch, rule, Some((from, end)), &[], context.now)?;
    Ok(measured.readings.into_iter().filter(|reading| reading.key == alert.key).collect())
}

fn course(alert: &Alert, readings: &[Reading]) -> Option<Course> {
    let (first, last) = (readings.first()?, readings.last()?);
    let heights = readings.iter().flat_map(|reading| [reading.value, reading.threshold]);
    let top = heights.max().filter(|top| !top.is_zero())?;
    let days = (last.day - first.day).num_days() + 1;
    let step = WIDTH / days as f64;
    let y = |amount: model::Amount| HEIGHT - (amount.to_f64() / top.to_f64()).clamp(0.0, 1.0) * HEIGHT;
    let at = |reading: &Reading| (reading.day - first.day).num_days() as f64 * step;
    let bars = readings
        .iter()
        .map(|reading| CourseBar {
            x: format!("{:.1}", at(reading) + step * 0.1),
            y: format!("{:.1}", y(reading.value)),
            width: format!("{:.1}", step * 0.8),
            height: format!("{:.1}", HEIGHT - y(reading.value)),
            fires: reading.is_firing,
            title: format!(
                "{}: {}, held against {}",
                reports::format::day(reading.day),
                reading.unit.show(reading.value),
                reading.unit.show(reading.threshold)
            ),
        })
        .collect();
    let steps = readings.iter().map(|reading| {
        let (x, y) = (at(reading), y(reading.threshold));
        format!("{x:.1},{y:.1} {:.1},{y:.1}", x + step)
    });
    Some(Course {
        title: format!("{} by closed day, and what it is held against", reports::label::visible(&alert.key)),
        threshold: steps.collect::<Vec<_>>().join(" "),
        bars,
        top: alert.unit.show(top),
        first: reports::format::day(first.day),
        last: reports::format::day(last.day),
    })
}

fn reading_table(readings: &[Reading]) -> Table {
    let row = |reading: &Reading| {
        vec![
            Cell::Day { day: reading.day, href: None },
            Cell::text(reading.unit.show(reading.value)),
            Cell::text(reading.unit.show(reading.threshold)),
            Cell::Tone {
                text: if reading.is_firing { "fires" } else { "holds not" }.to_owned(),
                tone: if reading.is_firing { "bad" } else { "plain" },
            },
            Cell::Exact(reading.value),
            Cell::Exact(reading.threshold),
            Cell::text(reading.unit.name()),
        ]
    };
    Table {
        id: "readings",
        caption: "What was measured by closed day".to_owned(),
        noun: ("day", "days"),
        columns: vec![
            table::text("day", "Day (UTC)"),
            table::number("measured", "Measured").derived(),
            table::number("limit", "Held against").derived(),
            table::text("condition", "Condition"),
            table::number("value", "Value").exported(),
            table::number("threshold", "Threshold").exported(),
            table::text("unit", "Unit").exported(),
        ],
        rows: readings.iter().map(row).collect(),
        foot: None,
        sort: ("day", true),
        empty: "Its rule looks at the ledger as it is, or is configured no longer: it has no past to show."
            .to_owned(),
    }
}

fn status(context: &Context<'_>, visit: &Visit, alert: &Alert) -> String {
    let has_channels =
        visit.watch().rules.iter().any(|rule| rule.name == alert.rule && !rule.channels.is_empty());
    match (alert.status, alert.acknowledged_until, &alert.acknowledged_by) {
        (Status::Acknowledged, Some(until), Some(who)) => format!(
            "Acknowledged by {} until {}: nobody is told again until then, unless it gets worse.",
            reports::label::visible(who),
            context.instant(until)
        ),
        (Status::Acknowledged, ..) => "Acknowledged.".to_owned(),
        (Status::Firing, ..) => match alert.told_at.filter(|_| has_channels) {
            Some(at) => format!("It fires; channels were last told on {}.", context.instant(at)),
            None => "It fires; nobody was told.".to_owned(),
        },
        (Status::Resolved, ..) => "Over: its condition no longer holds.".to_owned(),
    }
}

fn history(context: &Context<'_>, event: &AlertEvent) -> (String, String) {
    let who = event.who.as_deref().map(|who| format!(", by {}", reports::label::visible(who)));
    let note = event.note.as_deref().map(|note| format!(": {}", reports::label::visible(note)));
    (
        format!("{}, for {}", context.instant(event.at), reports::format::day(event.day)),
        format!("{}{}{}", words::capital(&event.step), note.unwrap_or_default(), who.unwrap_or_default()),
    )
}

/// Notes that somebody knows of it, and goes back to it.
pub async fn acknowledge(
    visit: Visit,
    Segment(id): Segment<String>,
    RawQuery(query): RawQuery,
    request: Request,
) -> Response {
    let lens = match Lens::parse(query.as_deref().unwrap_or_default()) {
        Ok(lens) => lens,
        Err(faults) => return PageError::BadRequest(faults).into_response(),
    };
    let who = person::name(request.extensions());
    let body = match axum::body::to_bytes(request.into_body(), MAX_FORM_BYTES).await {
        Ok(body) => body,
        Err(_) => return PageError::BadRequest(vec!["the form is too long".to_owned()]).into_response(),
    };
    let Some(span) = span(&String::from_utf8_lossy(&body)) else {
        let fault = "the form does not say for how long: use the buttons of the alert’s page";
        return PageError::BadRequest(vec![fault.to_owned()]).into_response();
    };
    let now = visit.now();
    let path = Path::new(["alerts", &id]);
    let back = format!("{}#status", lens.shared().url(&path));
    let asked = visit.clone();
    let done = visit.with_mart(move |mart| {
        let context = Context::new(mart, lens, path, now)?;
        let mut record = Alerts::open(asked.ledger()).map_err(PageError::Alerts)?;
        // A whole id alone: a form never names one by its beginning.
        let known = seen(&context, record.all().map_err(PageError::Alerts)?);
        let is_known = known.iter().any(|alert| alert.id == id);
        if !is_known {
            return Err(not_found(&context, "alert", &id, "alerts"));
        }
        match record.acknowledge(&id, now + span, &who, asked.watch(), now) {
            Ok(_) => Ok(()),
            Err(RecordError::Over { .. }) => {
                Err(PageError::BadRequest(vec!["it is over: there is nothing to acknowledge".to_owned()]))
            }
            Err(error) => Err(PageError::Alerts(error)),
        }
    });
    match done.await {
        Ok(()) => (StatusCode::SEE_OTHER, [(header::LOCATION, back)]).into_response(),
        Err(error) => error.into_response(),
    }
}

/// For how long somebody knows, by the form.
fn span(body: &str) -> Option<TimeDelta> {
    let fields = link::pairs(body);
    let hours = fields.iter().find(|(key, _)| key == "hours")?.1.parse::<i64>().ok()?;
    SPANS.iter().any(|(known, _)| *known == hours).then(|| TimeDelta::hours(hours))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_names_one_of_the_spans() {
        assert_eq!(span("hours=72"), Some(TimeDelta::days(3)));
        for body in ["", "hours=", "hours=1", "hours=-24", "days=1"] {
            assert_eq!(span(body), None, "{body}");
        }
    }
}
