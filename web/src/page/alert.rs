//! One alert: why it fires, how what it measures went, what happened to it, and the form by
//! which somebody says that they know.

use askama::Template;
use axum::extract::{Path as Segment, RawQuery};
use axum::response::{IntoResponse, Response};
use chrono::{Days, TimeDelta};
use model::Amount;
use reports::alert::life::{Alert, Status};
use reports::alert::readings::{Reading, measure};
use reports::alert::record::{AlertEvent, Alerts, RecordError};
use reports::chart::Shape;
use reports::palette::ColourSlot;

use super::alerts::seen;
use super::{Fact, after, answer, crumb, fact, not_found};
use crate::chart::ChartView;
use crate::context::Context;
use crate::course::{Course, Line, Point, Unit};
use crate::error::PageError;
use crate::form::{Fields, Form};
use crate::layout::Shell;
use crate::link::Path;
use crate::sentence::Sentence;
use crate::state::Visit;
use crate::table::{self, Cell, Shown, Table, TableView};
use crate::words;

/// Days of the chart.
const SHOWN_DAYS: u64 = 60;
/// Longest time for which somebody may know: a year.
const MOST_HOURS: i64 = 366 * 24;

/// For how long somebody may know: hours, and as people say it.
const SPANS: [(i64, &str); 5] =
    [(24, "1 day"), (72, "3 days"), (168, "1 week"), (336, "2 weeks"), (672, "4 weeks")];

#[derive(Template)]
#[template(path = "alerts/alert.html")]
struct AlertPage {
    shell: Shell,
    sentence: Sentence,
    facts: Vec<Fact>,
    chart: Option<ChartView>,
    readings: TableView,
    status: String,
    /// Where the form goes, while there is something to acknowledge.
    action: Option<String>,
    spans: [(i64, &'static str); 5],
    history: Vec<(String, String)>,
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
    let chart = course(alert, &readings)?;
    let [readings] = match context.tables([reading_table(&readings)])? {
        Shown::Page(views) => views,
        Shown::Csv(csv) => return Ok(csv),
    };
    let clusters = context.mart.clusters()?;
    let name = format!("{}: {}", alert.rule, attribution::mart::called(&clusters, &alert.key));
    let mut shell = Shell::of(context, &name, vec![crumb(context, "Alerts", "alerts")]);
    if chart.is_some() {
        shell = shell.charted();
    }
    context.page(&AlertPage {
        shell,
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
    let day = reports::format::day;
    match (alert.resolved_on, alert.below_since) {
        (Some(_), _) if alert.month_over().is_some() => {
            sentence.note(format!("{} is over.", alert.month_over().unwrap_or_default()))
        }
        (Some(over), _) => sentence.note(match alert.ended_at() {
            Some(at) => format!("Over since {}, at {at}.", day(over)),
            None => format!("Over since {}.", day(over)),
        }),
        (None, Some(below)) => sentence.note(format!(
            "Since {}; no longer beyond its limit since {}, and over when that stays so.",
            day(alert.fired_on),
            day(below)
        )),
        (None, None) => sentence.note(format!("Since {}.", day(alert.fired_on))),
    }
}

fn facts(context: &Context<'_>, alert: &Alert) -> Vec<Fact> {
    let mut facts = vec![
        fact("Measured", alert.unit.show(alert.value), reports::format::day(alert.last_on)),
        fact("Limit", alert.unit.show(alert.threshold), ""),
    ];
    if let Some((value, threshold)) =
        alert.newest.filter(|_| alert.below_since.is_some() || alert.resolved_on.is_some())
    {
        let what = if alert.status == Status::Resolved { "Ended at" } else { "Now at" };
        let limit = format!("limit {}", alert.unit.show(threshold));
        facts.push(fact(what, alert.unit.show(value), limit));
    }
    facts.extend([fact("Kind", alert.kind.as_str(), alert.severity.name())]);
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

/// What was measured against what it is held against; nothing to draw of a single day.
fn course(alert: &Alert, readings: &[Reading]) -> Result<Option<ChartView>, PageError> {
    if readings.len() < 2 {
        return Ok(None);
    }
    let point = |reading: &Reading| Point {
        long: reports::format::day(reading.day),
        ..Point::named(reading.day.format("%-d %b").to_string())
    };
    let line = |name: &str, slot: ColourSlot, value: fn(&Reading) -> Amount| Line {
        name: name.to_owned(),
        slot,
        values: readings.iter().map(value).collect(),
        href: None,
    };
    let course = Course {
        id: "readings",
        title: format!("{} by closed day, and its limit", reports::label::visible(&alert.key)),
        points: readings.iter().map(point).collect(),
        lines: vec![
            line("measured", ColourSlot::Blue, |reading| reading.value),
            line("limit", ColourSlot::Over, |reading| reading.threshold),
        ],
        shape: Shape::Steps,
        unit: Unit::of_alert(alert.unit),
        note: None,
    };
    Ok(Some(course.view()?))
}

fn reading_table(readings: &[Reading]) -> Table {
    let row = |reading: &Reading| {
        vec![
            Cell::Day { day: reading.day, href: None },
            Cell::text(reading.unit.show(reading.value)),
            Cell::text(reading.unit.show(reading.threshold)),
            Cell::Tone {
                text: if reading.is_firing { "beyond" } else { "within" }.to_owned(),
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
            table::number("limit", "Limit").derived(),
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
        (Status::Resolved, ..) => match alert.month_over() {
            Some(month) => format!("{month} is over."),
            None => "Over: its condition no longer holds.".to_owned(),
        },
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
pub async fn acknowledge(visit: Visit, Segment(id): Segment<String>, form: Form) -> Response {
    let span = match span(&form.fields) {
        Ok(span) => span,
        Err(faults) => return PageError::BadRequest(faults).into_response(),
    };
    let now = visit.now();
    let path = Path::new(["alerts", &id]);
    let back = form.lens.shared().url(&path);
    let asked = visit.clone();
    let done = visit.with_mart(move |mart| {
        known(&Context::new(mart, form.lens, path, now)?, &asked, &id, span, &form.who)
    });
    after(done.await, &back)
}

/// Records that somebody knows of an alert.
pub fn known(
    context: &Context<'_>,
    visit: &Visit,
    id: &str,
    span: TimeDelta,
    who: &str,
) -> Result<(), PageError> {
    let mut record = Alerts::open(visit.ledger()).map_err(PageError::Alerts)?;
    // A whole id alone: nobody names one by its beginning who is not shown the others.
    let seen = seen(context, record.all().map_err(PageError::Alerts)?);
    if !seen.iter().any(|alert| alert.id == id) {
        return Err(not_found(context, "alert", id, "alerts"));
    }
    match record.acknowledge(id, context.now + span, who, visit.watch(), context.now) {
        Ok(_) => Ok(()),
        Err(RecordError::Over { .. }) => {
            Err(PageError::BadRequest(vec!["it is over: there is nothing to acknowledge".to_owned()]))
        }
        Err(error) => Err(PageError::Alerts(error)),
    }
}

/// For how long somebody knows, by the fields of a form.
pub fn span(fields: &Fields) -> Result<TimeDelta, Vec<String>> {
    let hours = fields.get("hours").and_then(|hours| hours.parse::<i64>().ok());
    hours.filter(|hours| (1..=MOST_HOURS).contains(hours)).map(TimeDelta::hours).ok_or_else(|| {
        vec![format!("`hours` does not say for how long: use a whole number from 1 to {MOST_HOURS}")]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_says_for_how_long() {
        assert_eq!(span(&Fields::of("hours=72")), Ok(TimeDelta::days(3)));
        for body in ["", "hours=", "hours=0", "hours=-24", "hours=8785", "days=1"] {
            assert!(span(&Fields::of(body)).is_err(), "{body}");
        }
    }
}
