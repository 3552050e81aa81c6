//! One finding: what was measured, what was ruled out, how to mend it, what it saves, and
//! what people made of it. Forms work without scripts.

use askama::Template;
use attribution::mart::Finding;
use axum::extract::{Path as Segment, RawQuery};
use axum::response::{IntoResponse, Response};
use chrono::{Days, NaiveDate};
use model::Amount;
use reports::evidence::{self, Figure};
use reports::lifecycle::{Act, Event, LifecycleError, Measure, Realised, Status, Tracked};
use reports::palette::ColourSlot;
use serde_json::Value;

use super::{Fact, after, answer, crumb, fact, not_found};
use crate::chart::{self, ChartView, Stack};
use crate::context::Context;
use crate::detector;
use crate::error::PageError;
use crate::finding::{self, Places, kind_of_saving};
use crate::form::{Fields, Form};
use crate::layout::{Banner, Shell};
use crate::lens::Lens;
use crate::link::Path;
use crate::sentence::Sentence;
use crate::state::Visit;
use crate::table::{self, Cell, Shown, Table, TableView};
use crate::words;

/// Longest name or reason that is kept, in characters.
const MAX_WORDS: usize = 1_000;
/// Names of a list that are shown one by one.
const MOST_NAMES: usize = 12;

#[derive(Template)]
#[template(path = "waste/finding.html")]
struct FindingPage {
    shell: Shell,
    sentence: Sentence,
    facts: Vec<Fact>,
    what: String,
    chart: Option<ChartView>,
    evidence: TableView,
    curve: Option<TableView>,
    guards: Vec<String>,
    action: Option<String>,
    about: Option<(String, String)>,
    status: Option<StatusView>,
    history: Vec<(String, String)>,
    realised: Option<RealisedView>,
}

/// Where it is in its life, and the forms that move it on.
struct StatusView {
    text: String,
    action: String,
    assignee: String,
    /// The day a snooze ends where no other is chosen, and the first that can be.
    snooze: (String, String),
    can_reopen: bool,
    /// There is nothing to see to any more: it can be dismissed, and nothing else.
    is_over: bool,
}

struct RealisedView {
    promised: String,
    realised: String,
    change: String,
    compared: String,
}

pub async fn finding(visit: Visit, Segment(id): Segment<String>, query: RawQuery) -> Response {
    let asked = visit.clone();
    let path = Path::new(["waste", &id]);
    answer(visit, path, query, move |context| build(context, &asked, &id)).await
}

fn build(context: &Context<'_>, visit: &Visit, id: &str) -> Result<Response, PageError> {
    let found = context.mart.all_findings()?.iter().find(|finding| finding.id == id);
    let record = finding::record(context, visit).map_err(PageError::Record);
    let (tracked, events) = match &record {
        Ok(record) => {
            let tracked = finding::tracked(context, record, id)?;
            let events = match &tracked {
                Some(_) => record.events(id).map_err(PageError::Record)?,
                None => Vec::new(),
            };
            (tracked, events)
        }
        // What is found can be told without its record.
        Err(error) => {
            crate::error::log(error);
            (None, Vec::new())
        }
    };
    let (detector, kind, subject, team) = match (found, &tracked) {
        (Some(it), _) => (&it.detector, &it.subject_kind, &it.subject, it.team.clone()),
        (None, Some(it)) => (&it.detector, &it.subject_kind, &it.subject, it.team.clone()),
        (None, None) => return Err(not_found(context, "finding", id, "waste")),
    };
    // Amounts are in the finding's currency whatever the page was asked for.
    let currency = found.map(|it| it.currency).or(tracked.as_ref().map(|it| it.currency));
    if currency.is_some_and(|currency| currency != context.scope.currency) {
        let lens = Lens { currency, ..context.lens.clone() };
        return build(&context.with(lens)?, visit, id);
    }
    let (evidence, curve) = match found {
        Some(finding) => measured(context, finding),
        None => (Vec::new(), Vec::new()),
    };
    let has_curve = !curve.is_empty();
    let tables = [evidence_table(evidence), curve_table(curve)];
    let [evidence, curve] = match context.tables(tables)? {
        Shown::Page(views) => views,
        Shown::Csv(csv) => return Ok(csv),
    };
    let name = format!("{}: {subject}", detector::label(detector));
    let mut shell = Shell::of(context, &name, vec![crumb(context, "Waste", "waste")]).charted();
    let silence = found.filter(|finding| finding.is_open).and_then(reports::findings::silence);
    // Above all else: nobody looks at it any more.
    shell
        .banners
        .extend(silence.map(|silence| Banner { text: format!("{}.", words::capital(&silence)), link: None }));
    let mut facts = found.map(|finding| facts(context, finding)).unwrap_or_default();
    if let Some(team) = team {
        facts.insert(
            0,
            Fact { href: Some(context.entity("teams", &team)), ..fact("Team", team, "owns it now") },
        );
    }
    context.page(&FindingPage {
        sentence: sentence(context, found, tracked.as_ref(), detector, subject),
        facts,
        what: detector::of(detector).map(|words| words.what.to_owned()).unwrap_or_default(),
        chart: found.map(|finding| series(context, finding)).transpose()?.flatten(),
        evidence,
        curve: has_curve.then_some(curve),
        guards: found.map(|finding| finding.guards.clone()).unwrap_or_default(),
        action: found.map(|finding| finding.action.clone()),
        about: Places::of(context)?
            .href(context, kind, subject)
            .map(|href| (format!("Open the {kind} {}", reports::label::visible(subject)), href)),
        history: events.iter().map(|event| history(context, event)).collect(),
        realised: tracked
            .as_ref()
            .and_then(|tracked| Some(realised(context, tracked, tracked.realised.as_ref()?))),
        status: tracked.as_ref().map(|tracked| status(context, tracked)),
        shell,
    })
}

fn sentence(
    context: &Context<'_>,
    found: Option<&Finding>,
    tracked: Option<&Tracked>,
    detector: &str,
    subject: &str,
) -> Sentence {
    let fix = detector::fix(detector, subject);
    match found {
        Some(finding) if finding.is_open => {
            let kind = match (reports::findings::is_mixed(finding), finding.is_cash) {
                (true, _) => ", in part cash and in part capacity",
                (false, true) => "",
                (false, false) => " in capacity, not cash",
            };
            Sentence::default()
                .say(format!("{fix}: it saves "))
                .figure(context.money(finding.net_saving))
                .say(format!(" a month net{kind}."))
                .note(format!(
                    "Seen since {}; {} Effective cost, {}; a month is 30.4375 days. Nothing is ever executed.",
                    reports::format::day(finding.first_day),
                    reports::findings::silence(finding).map_or_else(
                        || "it goes on.".to_owned(),
                        |silence| format!("{silence}, and its rate is that of the days before.")
                    ),
                    finding.currency
                ))
        }
        _ => {
            let realised = tracked.and_then(|tracked| tracked.realised.as_ref());
            let gone = tracked.and_then(|tracked| tracked.resolved_on).or(found.map(|it| it.end_day));
            let gone = gone.map(|day| format!(" since {}", reports::format::day(day))).unwrap_or_default();
            let sentence = Sentence::default().say(format!(
                "{} at {} is gone{gone}",
                detector::label(detector),
                reports::label::visible(subject)
            ));
            match realised {
                Some(realised) => sentence
                    .say("; the bill is down by ")
                    .figure(context.money(realised.monthly()))
                    .say(" a month."),
                None => sentence.say(".").note("The saving is measured once a whole day has passed since."),
            }
        }
    }
}

fn facts(context: &Context<'_>, finding: &Finding) -> Vec<Fact> {
    const CLAIMED: &str = "what no finding before it saves already";
    let (net, claimed) = if reports::findings::is_mixed(finding) {
        ("cash and capacity".to_owned(), format!("{CLAIMED}: {}", reports::findings::saving_parts(finding)))
    } else {
        (kind_of_saving(finding.is_cash).to_owned(), CLAIMED.to_owned())
    };
    vec![
        fact("Gross", context.money(finding.gross_saving), "a month, once it is mended"),
        fact("Cost of the fix", context.money(finding.fix_cost), "a month"),
        fact("Net", context.money(finding.net_saving), net),
        fact("Without overlap", context.money(finding.claimed_saving), claimed),
        fact(
            "Has cost",
            context.money(finding.observed_cost),
            words::period(finding.first_day, finding.end_day),
        ),
        fact(
            "Confidence",
            finding.confidence.name(),
            match finding.confidence {
                attribution::mart::Confidence::High => "follows from what is measured",
                attribution::mart::Confidence::Medium => "rests on an estimate",
                attribution::mart::Confidence::Low => "a trial, not a promise",
            },
        ),
    ]
}

/// What it cost by day, as far as it is known.
fn series(context: &Context<'_>, finding: &Finding) -> Result<Option<ChartView>, PageError> {
    let (Some((first, _)), Some((last, _))) = (finding.series.first(), finding.series.last()) else {
        return Ok(None);
    };
    let days: Vec<NaiveDate> = first.iter_days().take_while(|day| day <= last).collect();
    let mut values = vec![Amount::ZERO; days.len()];
    for (day, cost) in &finding.series {
        // Four decimals are all the mart keeps of a day's part.
        if let (Ok(at), Ok(cost)) = (days.binary_search(day), format!("{cost:.4}").parse::<Amount>()) {
            values[at] += cost;
        }
    }
    let series = vec![Stack {
        name: "wasted".to_owned(),
        slot: ColourSlot::Idle,
        values,
        href: Places::of(context)?.costs(context, finding, *first),
    }];
    Ok(Some(chart::stack(context, "waste-by-day", "What it cost by day".to_owned(), &days, series)?))
}

/// What was measured, one row a figure, and the risk curve where there is one.
fn measured(context: &Context<'_>, finding: &Finding) -> (Vec<Vec<Cell>>, Vec<Vec<Cell>>) {
    let mut rows = Vec::new();
    for (name, value) in finding.evidence.as_object().into_iter().flatten() {
        let said = words::capital(&evidence::label(name));
        match (name.as_str(), value) {
            (evidence::RISK_CURVE, _) => {}
            (place @ ("clusters" | "runs" | "examples"), Value::Array(names)) => {
                for (nth, one) in names.iter().take(MOST_NAMES).enumerate() {
                    let text = evidence::figure("", one).text(context.scope.currency);
                    let href = match place {
                        "clusters" => Some(context.entity("clusters", &text)),
                        _ => None,
                    };
                    let head = if nth == 0 { said.clone() } else { String::new() };
                    rows.push(vec![Cell::text(head), Cell::Text { text, href }]);
                }
                if names.len() > MOST_NAMES {
                    rows.push(vec![
                        Cell::Nothing,
                        Cell::text(format!("and {} more", names.len() - MOST_NAMES)),
                    ]);
                }
            }
            (name, value) => rows.push(vec![Cell::text(said), figure(context, name, value)]),
        }
    }
    let curve = evidence::curve(&finding.evidence)
        .into_iter()
        .map(|age| vec![Cell::Count(age.days), Cell::Bytes(age.bytes), Cell::text(age.missed_text())]);
    (rows, curve.collect())
}

/// A figure as a cell.
fn figure(context: &Context<'_>, name: &str, value: &Value) -> Cell {
    match evidence::figure(name, value) {
        Figure::Bytes(bytes) => Cell::Bytes(bytes),
        Figure::Millis(ms) => Cell::Millis(ms),
        Figure::Count(count) => Cell::Count(count),
        other => Cell::text(other.text(context.scope.currency)),
    }
}

fn evidence_table(rows: Vec<Vec<Cell>>) -> Table {
    Table {
        id: "evidence",
        caption: "Evidence".to_owned(),
        noun: ("figure", "figures"),
        columns: vec![table::text("figure", "What was measured"), table::text("value", "Value")],
        rows,
        foot: None,
        sort: ("", false),
        empty: "Its evidence went with it.".to_owned(),
    }
}

fn curve_table(rows: Vec<Vec<Cell>>) -> Table {
    Table {
        id: "curve",
        caption: "Risk curve: what other ages would drop, and miss".to_owned(),
        noun: ("age", "ages"),
        columns: vec![
            table::number("days", "Days kept"),
            table::number("saved_bytes", "Bytes dropped"),
            table::number("reads_missed", "Past reads that looked back further, at most"),
        ],
        rows,
        foot: None,
        sort: ("days", false),
        empty: String::new(),
    }
}

fn status(context: &Context<'_>, tracked: &Tracked) -> StatusView {
    let text = match (tracked.status, &tracked.assignee, tracked.snoozed_until, &tracked.reason) {
        (Status::New, ..) => "New: nobody has said anything of it.".to_owned(),
        (Status::Reopened, ..) => "Open again.".to_owned(),
        (Status::Acknowledged, ..) => "Acknowledged: somebody has seen it.".to_owned(),
        (Status::Assigned, Some(who), ..) => format!("Assigned to {}.", reports::label::visible(who)),
        (Status::Assigned, ..) => "Assigned.".to_owned(),
        (Status::Snoozed, _, Some(until), _) => format!("Snoozed until {}.", reports::format::day(until)),
        (Status::Snoozed, ..) => "Snoozed.".to_owned(),
        (Status::Dismissed, .., Some(reason)) => format!("Dismissed: {}", reports::label::visible(reason)),
        (Status::Dismissed, ..) => "Dismissed.".to_owned(),
        (Status::Resolved, ..) => "Resolved: its evidence is gone.".to_owned(),
    };
    let today = context.now.date_naive();
    let later = |days| (today + Days::new(days)).to_string();
    StatusView {
        text,
        action: context.lens.shared().url(&context.path),
        assignee: tracked.assignee.clone().unwrap_or_default(),
        snooze: (later(30), later(1)),
        is_over: tracked.status == Status::Resolved,
        can_reopen: !matches!(tracked.status, Status::New | Status::Reopened | Status::Resolved),
    }
}

fn history(context: &Context<'_>, event: &Event) -> (String, String) {
    let at = event.at.parse().map_or_else(|_| event.at.clone(), |at| context.instant(at));
    let who = event.who.as_deref().map(|who| format!(", by {}", reports::label::visible(who)));
    let note = event.note.as_deref().map(|note| format!(": {}", reports::label::visible(note)));
    (at, format!("{}{}{}", event.status, note.unwrap_or_default(), who.unwrap_or_default()))
}

fn realised(context: &Context<'_>, tracked: &Tracked, realised: &Realised) -> RealisedView {
    let a_day = |cost: Amount, (from, to): (NaiveDate, NaiveDate)| {
        let days = (to - from).num_days().max(1);
        let a_day = cost.scaled(1, days).map(|cost| context.money(cost)).unwrap_or_default();
        format!("{a_day} a day")
    };
    let mean = |cost: Amount, (from, to)| format!("{} {}", a_day(cost, (from, to)), words::period(from, to));
    let measure = Measure::of(&tracked.detector);
    RealisedView {
        promised: context.money(tracked.promised_saving),
        realised: context.money(realised.monthly()),
        change: reports::format::change(realised.monthly(), tracked.promised_saving, context.scope.currency),
        compared: if measure.grows() {
            format!(
                "{} cost {}; by cost and growth {} it would have been {}.",
                measure.begins(),
                mean(realised.measured_cost, realised.measured),
                words::period(realised.baseline.0, realised.baseline.1),
                a_day(realised.baseline_cost, realised.baseline)
            )
        } else {
            format!(
                "{} cost {}, and {} before.",
                measure.begins(),
                mean(realised.measured_cost, realised.measured),
                mean(realised.baseline_cost, realised.baseline)
            )
        },
    }
}

/// Does what a form says, and goes back to the finding.
pub async fn act(visit: Visit, Segment(id): Segment<String>, form: Form) -> Response {
    let now = visit.now();
    let act = match asked(&form.fields, now.date_naive()) {
        Ok(act) => act,
        Err(faults) => return PageError::BadRequest(faults).into_response(),
    };
    let path = Path::new(["waste", &id]);
    let back = form.lens.shared().url(&path);
    let visitor = visit.clone();
    let done = visit.with_mart(move |mart| {
        decide(&Context::new(mart, form.lens, path, now)?, &visitor, &id, &act, &form.who)
    });
    after(done.await, &back)
}

/// Records what somebody decided on a finding.
pub fn decide(context: &Context<'_>, visit: &Visit, id: &str, act: &Act, who: &str) -> Result<(), PageError> {
    let mut record = finding::record(context, visit).map_err(PageError::Record)?;
    // A whole id alone: nobody names one by its beginning who is not shown the others.
    if finding::tracked(context, &record, id)?.is_none() {
        return Err(not_found(context, "finding", id, "waste"));
    }
    match record.act_by(id, act, Some(who), context.now) {
        Ok(_) => Ok(()),
        Err(LifecycleError::Unknown { id }) => Err(not_found(context, "finding", &id, "waste")),
        Err(error @ LifecycleError::Over { .. }) => {
            let hint = error.hint().unwrap_or_default();
            Err(PageError::BadRequest(vec![format!("{error}; {hint}")]))
        }
        Err(error) => Err(PageError::Record(error)),
    }
}

/// What the fields of a form ask for.
pub fn asked(fields: &Fields, today: NaiveDate) -> Result<Act, Vec<String>> {
    let needed = |name: &str, what: &str| -> Result<String, Vec<String>> {
        let value = fields.get(name).ok_or_else(|| vec![format!("{what} is missing: fill it in")])?;
        if value.chars().count() > MAX_WORDS {
            return Err(vec![format!("{what} is too long: at most {MAX_WORDS} characters")]);
        }
        Ok(value.to_owned())
    };
    match fields.get("act") {
        Some("acknowledge") => Ok(Act::Acknowledge),
        Some("reopen") => Ok(Act::Reopen),
        Some("assign") => Ok(Act::Assign(needed("to", "the name of who looks after it")?)),
        Some("dismiss") => Ok(Act::Dismiss(needed("reason", "the reason")?)),
        Some("snooze") => {
            let day = needed("until", "the day it waits until")?;
            match day.parse::<NaiveDate>() {
                Ok(day) if day > today => Ok(Act::Snooze(day)),
                Ok(_) => Err(vec![format!("`{day}` is not after today: choose a later day")]),
                Err(_) => Err(vec![format!("`{day}` is not a day: write it as 2026-10-05")]),
            }
        }
        _ => Err(vec!["the form does not say what to do: use the buttons of the finding’s page".to_owned()]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_says_one_thing_and_says_it_whole() {
        let today = "2026-10-07".parse().unwrap();
        for (body, want) in [
            ("act=acknowledge", Act::Acknowledge),
            ("act=reopen", Act::Reopen),
            ("act=assign&to=+Ada+%3Cscript%3E+", Act::Assign("Ada <script>".into())),
            ("act=snooze&until=2026-10-08", Act::Snooze("2026-10-08".parse().unwrap())),
            ("act=dismiss&reason=agreed", Act::Dismiss("agreed".into())),
        ] {
            assert_eq!(asked(&Fields::of(body), today), Ok(want), "{body}");
        }
        let long = format!("act=dismiss&reason={}", "x".repeat(MAX_WORDS + 1));
        for body in [
            "",
            "act=delete",
            "act=assign&to=++",
            "act=dismiss",
            "act=snooze",
            "act=snooze&until=2026-10-07",
            "act=snooze&until=soon",
            long.as_str(),
        ] {
            assert!(asked(&Fields::of(body), today).is_err(), "{body}");
        }
    }
}
