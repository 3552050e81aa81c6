//! `/metrics` for Prometheus: how this process does, how old the figures are, and what teams cost.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};

use attribution::mart::{CostQuery, Dimension, Mart};
use axum::extract::Request;
use axum::http::header;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use model::Basis;
use model::time::Instant;
use reports::alert::life::Status;
use reports::alert::record::Alerts;
use reports::mail::{Outbox, State as Fate};

use crate::api::Problem;
use crate::error::PageError;
use crate::state::Visit;

/// Responses by the first digit of their status, and how long they took.
static RESPONSES: [AtomicU64; 6] = [const { AtomicU64::new(0) }; 6];
static MICROSECONDS: AtomicU64 = AtomicU64::new(0);

/// Counts responses.
pub async fn counted(request: Request, next: Next) -> Response {
    let started = std::time::Instant::now();
    let response = next.run(request).await;
    let class = usize::from(response.status().as_u16() / 100).min(5);
    RESPONSES[class].fetch_add(1, Ordering::Relaxed);
    MICROSECONDS.fetch_add(started.elapsed().as_micros() as u64, Ordering::Relaxed);
    response
}

/// `GET /metrics`.
pub async fn metrics(visit: Visit) -> Response {
    let now = visit.now();
    let asked = visit.clone();
    let all = move |mart: &Mart| Ok(text(mart, now)? + &told(&asked)?);
    match visit.with_mart(all).await {
        Ok(text) => {
            let kind = "text/plain; version=0.0.4; charset=utf-8";
            ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-store")], text).into_response()
        }
        Err(error) => Problem::of(&error).into_response(),
    }
}

/// The text form of Prometheus. Costs are gauges of the newest whole UTC day: what was spent in
/// all is summed by whoever keeps them.
fn text(mart: &Mart, now: Instant) -> Result<String, PageError> {
    let info = mart.info();
    let mut text = String::new();
    let head = |text: &mut String, name: &str, kind: &str, what: &str| {
        let _ = write!(text, "# HELP lakeledger_{name} {what}\n# TYPE lakeledger_{name} {kind}\n");
    };
    head(&mut text, "http_responses_total", "counter", "Responses by class of status.");
    for (class, count) in RESPONSES.iter().enumerate().skip(1) {
        let count = count.load(Ordering::Relaxed);
        let _ = writeln!(text, "lakeledger_http_responses_total{{class=\"{class}xx\"}} {count}");
    }
    head(&mut text, "http_response_seconds_total", "counter", "Time responses took.");
    let seconds = MICROSECONDS.load(Ordering::Relaxed) as f64 / 1e6;
    let _ = writeln!(text, "lakeledger_http_response_seconds_total {seconds}");
    head(&mut text, "mart_published_timestamp_seconds", "gauge", "When the figures were published.");
    let _ = writeln!(text, "lakeledger_mart_published_timestamp_seconds {}", info.published_at.timestamp());
    head(&mut text, "mart_age_seconds", "gauge", "Age of the figures.");
    let _ = writeln!(text, "lakeledger_mart_age_seconds {}", (now - info.published_at).num_seconds());
    head(&mut text, "source_newest_data_timestamp_seconds", "gauge", "End of the newest data of a source.");
    let sources = mart.sources()?;
    for source in &sources {
        if let Some(at) = source.newest_data_at {
            let name = label(&source.name);
            let at = at.timestamp();
            let _ =
                writeln!(text, "lakeledger_source_newest_data_timestamp_seconds{{source=\"{name}\"}} {at}");
        }
    }
    head(&mut text, "source_skipped_objects", "gauge", "Objects of a source that could not be read.");
    for source in &sources {
        let name = label(&source.name);
        let _ = writeln!(text, "lakeledger_source_skipped_objects{{source=\"{name}\"}} {}", source.skipped);
    }
    head(&mut text, "team_cost", "gauge", "Cost of the newest UTC day, by team, currency and basis.");
    for basis in [Basis::Effective, Basis::Billed] {
        let newest = info.newest_day();
        let by = vec![Dimension::Team];
        let query = CostQuery {
            by,
            basis,
            from: newest,
            to: newest.and_then(|day| day.succ_opt()),
            ..CostQuery::default()
        };
        for row in mart.costs(&query)? {
            let (team, currency) = (label(&row.keys.concat()), row.currency);
            let _ = writeln!(
                text,
                "lakeledger_team_cost{{team=\"{team}\",currency=\"{currency}\",basis=\"{basis}\"}} {}",
                row.cost
            );
        }
    }
    Ok(text)
}

/// Alerts by where they are in their lives, and messages and letters by what became of them: what is
/// dead, refused or doubtful waits for a person.
fn told(visit: &Visit) -> Result<String, PageError> {
    let record = Alerts::open(visit.ledger()).map_err(PageError::Alerts)?;
    let alerts = record.all().map_err(PageError::Alerts)?;
    let messages = record.states().map_err(PageError::Alerts)?;
    let letters = Outbox::open(visit.ledger())?.states()?;
    let mut text = String::new();
    let mut gauge = |name: &str, what: &str, states: &[(&str, usize)]| {
        let _ = write!(text, "# HELP lakeledger_{name} {what}\n# TYPE lakeledger_{name} gauge\n");
        for (state, count) in states {
            let _ = writeln!(text, "lakeledger_{name}{{state=\"{state}\"}} {count}");
        }
    };
    let of = |status| alerts.iter().filter(|alert| alert.status == status).count();
    let states = [Status::Firing, Status::Acknowledged].map(|status| (status.name(), of(status)));
    gauge("alerts", "Alerts that go on.", &states);
    // Those that are there to be asked for, also while there is none.
    let states = ["pending", "sending", "sent", "mailed", "dead", "overtaken"];
    let states = states.map(|state| (state, messages.get(state).copied().unwrap_or_default()));
    gauge("alert_messages", "Messages to channels that are kept; dead ones were given up.", &states);
    let of = |state: &Fate| letters.get(state).copied().unwrap_or_default();
    let states: Vec<_> = Fate::ALL.iter().map(|state| (state.name(), of(state))).collect();
    gauge("letters", "Letters; refused and doubtful ones wait for a person.", &states);
    Ok(text)
}

/// A label's value: backslashes, quotes and line ends are escaped.
fn label(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::label;

    #[test]
    fn a_name_cannot_end_its_label() {
        assert_eq!(label("a\"} 1\nb\\"), "a\\\"} 1\\nb\\\\");
    }
}
