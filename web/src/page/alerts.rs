//! Alerts: what fires, what fired, what is watched, and what was sent of it.

use askama::Template;
use attribution::mart::{ClusterRow, called};
use axum::extract::RawQuery;
use axum::response::Response;
use model::Amount;
use reports::alert::life::{Alert, Status};
use reports::alert::record::{Alerts, Delivered};
use reports::alert::{Rule, letter};
use reports::mail::{Delivery, Outbox, State as Fate};

use super::{Fact, answer};
use crate::context::Context;
use crate::error::PageError;
use crate::finding;
use crate::layout::Shell;
use crate::lens::Lens;
use crate::link::Path;
use crate::sentence::Sentence;
use crate::state::Visit;
use crate::table::{self, Cell, Shown, Table, TableView};
use crate::words;

/// Messages listed.
const MOST_MESSAGES: usize = 200;

#[derive(Template)]
#[template(path = "alerts/alerts.html")]
struct AlertsPage {
    shell: Shell,
    sentence: Sentence,
    alerts: TableView,
    rules: TableView,
    messages: TableView,
    /// Whether anything is watched at all.
    is_watched: bool,
    /// Whether any alert is recorded.
    has_alerts: bool,
    /// Whether the reader sees everything, and so rules and messages too.
    is_whole: bool,
    /// Whose alerts alone are shown, and the page of all.
    only: Option<(String, String)>,
}

pub async fn alerts(visit: Visit, query: RawQuery) -> Response {
    let asked = visit.clone();
    answer(visit, Path::new(["alerts"]), query, move |context| build(context, &asked)).await
}

fn build(context: &Context<'_>, visit: &Visit) -> Result<Response, PageError> {
    let record = Alerts::open(visit.ledger()).map_err(PageError::Alerts)?;
    let all = seen(context, record.all().map_err(PageError::Alerts)?);
    // Messages and rules may be about any team.
    let is_whole = context.mart.reach().is_whole();
    let messages =
        if is_whole { record.delivered(MOST_MESSAGES).map_err(PageError::Alerts)? } else { vec![] };
    let letters = if messages.is_empty() { vec![] } else { Outbox::open(visit.ledger())?.deliveries()? };
    let rules = if is_whole { visit.watch().rules.as_slice() } else { &[] };
    let clusters = context.mart.clusters()?;
    let shown: Vec<&Alert> =
        all.iter().filter(|alert| finding::is_of_lens(context, alert.team.as_deref())).collect();
    let tables = [
        alert_table(context, &clusters, &shown),
        rule_table(rules, &all),
        message_table(&messages, &letters),
    ];
    let [alerts, rule_view, messages] = match context.tables(tables)? {
        Shown::Page(views) => views,
        Shown::Csv(csv) => return Ok(csv),
    };
    context.page(&AlertsPage {
        shell: Shell::of(context, "Alerts", vec![super::crumb(context, "Overview", "")]),
        sentence: sentence(context, &shown),
        alerts,
        rules: rule_view,
        messages,
        has_alerts: !all.is_empty(),
        is_watched: !visit.watch().rules.is_empty(),
        is_whole,
        only: context.lens.team.as_deref().map(|team| {
            let all = Lens { team: None, ..context.lens.page() };
            (format!("only of {}", context.with_teams(team)), all.url(&context.path))
        }),
    })
}

/// Of alerts those that the reader may see: of teams in reach, or all.
pub fn seen(context: &Context<'_>, mut alerts: Vec<Alert>) -> Vec<Alert> {
    let reach = context.mart.reach();
    alerts.retain(|alert| reach.names(alert.team.as_deref()));
    alerts
}

/// How many of the lens fire, for other pages; nothing where none is configured.
pub fn fact(context: &Context<'_>, visit: &Visit) -> Option<Fact> {
    if visit.watch().rules.is_empty() {
        return None;
    }
    let href = Some(context.lens.shared().url(&Path::new(["alerts"])));
    let (value, note) = match Alerts::open(visit.ledger()).and_then(|record| record.all()) {
        Ok(all) => {
            let mut all = seen(context, all);
            all.retain(|alert| finding::is_of_lens(context, alert.team.as_deref()));
            let of = |status| all.iter().filter(|alert| alert.status == status).count() as i64;
            let known = of(Status::Acknowledged);
            let note = if known == 0 { String::new() } else { format!("{known} more acknowledged") };
            (words::plural(of(Status::Firing), "alert", "alerts"), note)
        }
        // The page can do without: what the fault is stands in the log.
        Err(error) => {
            crate::error::log(&PageError::Alerts(error));
            ("–".to_owned(), "the record could not be read".to_owned())
        }
    };
    Some(Fact { label: "Firing", value, note, href })
}

fn sentence(context: &Context<'_>, all: &[&Alert]) -> Sentence {
    let of = |status| all.iter().filter(|alert| alert.status == status).count() as i64;
    let (firing, known) = (of(Status::Firing), of(Status::Acknowledged));
    let sentence = match firing {
        0 => Sentence::default().say("Nothing fires"),
        n => Sentence::default().figure(words::plural(n, "alert fires", "alerts fire")),
    };
    let sentence = match known {
        0 => sentence.say("."),
        n => sentence.say("; ").figure(reports::format::count(n)).say(if n == 1 {
            " more is acknowledged."
        } else {
            " more are acknowledged."
        }),
    };
    let closed = reports::watch::closed_days(context.mart).ok().flatten();
    let day = closed.and_then(|closed| closed.end.pred_opt()).map(reports::format::day);
    sentence.note(match day {
        Some(day) => format!("Days are judged once they are closed; the last that is closed is {day}."),
        None => "No day is closed yet: no bill tells how far it has come.".to_owned(),
    })
}

fn alert_table(context: &Context<'_>, clusters: &[ClusterRow], all: &[&Alert]) -> Table {
    let row = |alert: &&Alert| {
        vec![
            Cell::link(called(clusters, &alert.key), context.entity("alerts", &alert.id)),
            Cell::text(alert.message.as_str()),
            state_of(alert),
            Cell::text(alert.rule.as_str()),
            Cell::Ranked { text: alert.severity.name().to_owned(), rank: alert.severity as u8 },
            alert
                .team
                .as_deref()
                .map_or(Cell::Nothing, |team| Cell::link(team, context.entity("teams", team))),
            Cell::Day { day: alert.fired_on, href: None },
            Cell::Day { day: alert.last_on, href: None },
            latest(alert, |(value, _)| value),
            latest(alert, |(_, threshold)| threshold),
            Cell::text(alert.id.as_str()),
            Cell::text(alert.status.name()),
            Cell::Exact(alert.value),
            Cell::Exact(alert.threshold),
            Cell::text(alert.unit.name()),
        ]
    };
    Table {
        id: "alerts",
        caption: "Alerts".to_owned(),
        noun: ("alert", "alerts"),
        columns: vec![
            table::text("about", "About"),
            table::text("message", "What happened"),
            table::text("state", "State").derived(),
            table::text("rule", "Rule").wide(),
            table::text("severity", "Severity").wide(),
            table::text("team", "Team").wide(),
            table::text("since", "Since").wide(),
            table::text("last", "Last on").exported(),
            table::number("measured", "Measured").derived().wide(),
            table::number("limit", "Limit").derived().wide(),
            table::text("id", "Id").exported(),
            table::text("status", "Status").exported(),
            table::number("value", "Value").exported(),
            table::number("threshold", "Threshold").exported(),
            table::text("unit", "Unit").exported(),
        ],
        rows: all.iter().map(row).collect(),
        foot: None,
        sort: ("", false),
        empty: match context.lens.team.as_deref() {
            None => "Nothing has fired. `lakeledger alerts test` shows what would have, over the last days."
                .to_owned(),
            Some(team) => format!("Nothing of {} has fired.", context.with_teams(team)),
        },
    }
}

/// What was measured last, or its limit then: of what is over, where it ended.
fn latest(alert: &Alert, of: fn((Amount, Amount)) -> Amount) -> Cell {
    alert.latest().map_or(Cell::Nothing, |figures| Cell::text(alert.unit.show(of(figures))))
}

/// The state of an alert, as a cell.
pub fn state_of(alert: &Alert) -> Cell {
    let tone = match alert.status {
        Status::Firing => "bad",
        Status::Acknowledged => "plain",
        Status::Resolved => "good",
    };
    Cell::Tone { text: words::capital(alert.status.name()), tone }
}

fn rule_table(rules: &[Rule], all: &[Alert]) -> Table {
    let row = |rule: &Rule| {
        let firing = all.iter().filter(|alert| alert.rule == rule.name && alert.status != Status::Resolved);
        let by = rule.by.as_ref().map(|by| format!(", by {by}")).unwrap_or_default();
        vec![
            Cell::text(rule.name.as_str()),
            Cell::text(rule.condition.kind()),
            Cell::text(format!("{}{by}", rule.scope)),
            Cell::Ranked { text: rule.severity.name().to_owned(), rank: rule.severity as u8 },
            Cell::text(if rule.channels.is_empty() {
                "nobody: no channel is set".to_owned()
            } else {
                rule.channels.join(", ")
            }),
            Cell::Count(firing.count() as i64),
        ]
    };
    Table {
        id: "rules",
        caption: "What is watched".to_owned(),
        noun: ("rule", "rules"),
        columns: vec![
            table::text("rule", "Rule"),
            table::text("kind", "Kind"),
            table::text("watches", "Watches"),
            table::text("severity", "Severity").wide(),
            table::text("channels", "Tells").wide(),
            table::number("going", "Going on"),
        ],
        rows: rules.iter().map(row).collect(),
        foot: None,
        sort: ("", false),
        empty: "No rule is configured.".to_owned(),
    }
}

fn message_table(messages: &[Delivered], letters: &[Delivery]) -> Table {
    let row = |message: &Delivered| {
        let (state, tone) = match (message.state.as_str(), letter::fate(message, letters)) {
            ("sent", _) | ("mailed", Some(Fate::Sent)) => ("Sent", "good"),
            ("mailed", Some(Fate::Refused)) => ("Refused", "bad"),
            ("mailed", Some(Fate::Doubtful)) => ("Doubtful", "bad"),
            ("mailed", Some(Fate::Dropped)) => ("Dropped", "plain"),
            ("dead", _) => ("Given up", "bad"),
            ("overtaken", _) => ("Overtaken", "plain"),
            ("sending", _) => ("Being sent", "plain"),
            _ => ("Waits", "plain"),
        };
        vec![
            Cell::At(message.created_at),
            Cell::text(message.channel.as_str()),
            Cell::Tone { text: state.to_owned(), tone },
            Cell::Count(i64::from(message.attempts)),
            Cell::text(message.summary.as_str()),
            Cell::maybe(message.error.as_deref()),
            Cell::text(message.id.as_str()),
        ]
    };
    Table {
        id: "messages",
        caption: "What was sent".to_owned(),
        noun: ("message", "messages"),
        columns: vec![
            table::text("queued", "Queued"),
            table::text("channel", "Channel"),
            table::text("state", "State"),
            table::number("attempts", "Attempts").wide(),
            table::text("says", "Says"),
            table::text("error", "Last error").wide(),
            table::text("id", "Key").exported(),
        ],
        rows: messages.iter().map(row).collect(),
        foot: None,
        sort: ("", false),
        empty: "Nothing was sent yet.".to_owned(),
    }
}
