//! Alerts as mail: what fired, why, by how much, and where to look.
//!
//! A message is worded and recorded with the alerts it tells of, like that of any channel. To
//! send it is to put its letters in line ([`crate::mail`]), one for each recipient: their keys
//! follow from the message's, so that whoever does it again after a crash finds them there.
//! From then on they are letters like those of the reports, with the same promises.

use askama::Template;
use model::time::Instant;
use serde_json::{Value, json};

use super::life::{Alert, Status, Step};
use super::notice::{self, MOST_LISTED, Told};
use super::record::{Delivered, Pending};
use super::{Channel, ChannelKind, Rule, Severity, Watch};
use crate::format;
use crate::mail::{Delivery, Draft, Letter, MailError, Recipients, Smtp, State, Unsubscribe};
use crate::weekly::paragraph;

/// What the record of mail calls letters about alerts.
pub const REPORT: &str = "alert";
/// Messages whose letters are kept as they were sent.
pub const KEPT: usize = 1_000;
/// Characters of a subject.
const MOST_SUBJECT: usize = 160;
/// Digits of a message's key that its letters' period has.
const KEY_DIGITS: usize = 12;

/// Who sends the letters, and how one gets off the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sender {
    /// The server, and who the letters are from.
    pub smtp: Smtp,
    /// How one gets off the list; a letter to the sender where nothing is configured.
    pub unsubscribe: Option<Unsubscribe>,
}

/// A message as the templates need it.
struct Page {
    subject: String,
    title: &'static str,
    when: String,
    headline: String,
    /// The dashboard's alerts.
    link: Option<String>,
    alerts: Vec<AlertView>,
    /// How many more there are than are listed.
    rest: Option<String>,
    foot: Vec<String>,
}

/// One alert in words.
struct AlertView {
    state: String,
    tone: &'static str,
    colour: &'static str,
    about: String,
    message: String,
    facts: String,
    link: Option<String>,
}

#[derive(Template)]
#[template(path = "alert.html")]
struct Html<'a> {
    page: &'a Page,
}

/// What the record keeps of a letter until it is put in line: whose it is alone, where it is a
/// team's, subject and both texts. To whom it goes says the configuration of that moment.
pub(super) fn body(watch: &Watch, channel: &Channel, told: &[&Told], now: Instant) -> Value {
    let team = told.first().and_then(|one| own_team(watch, channel, &one.alert));
    let page = page(watch, channel, told, now);
    json!({
        "team": team, "subject": page.subject, "text": text(&page),
        // The template writes into memory: it cannot fail, and plain text alone is a letter too.
        "html": Html { page: &page }.render().unwrap_or_default(),
    })
}

/// The team that an alert goes to alone, where the channel tells teams of what is theirs.
pub(super) fn own_team<'a>(watch: &Watch, channel: &Channel, alert: &'a Alert) -> Option<&'a str> {
    let ChannelKind::Email { is_to_teams: true, .. } = &channel.kind else { return None };
    alert.team.as_deref().filter(|team| watch.team_email.get(*team).is_some_and(|to| !to.is_empty()))
}

/// Who gets a channel's letters as configured now: a team's own people where they are its alone.
pub fn recipients(watch: &Watch, channel: &Channel, team: Option<&str>) -> Recipients {
    let ChannelKind::Email { to, cc, is_to_teams } = &channel.kind else { return Recipients::default() };
    let own = team.filter(|_| *is_to_teams).and_then(|team| watch.team_email.get(team));
    let to = own.filter(|to| !to.is_empty()).unwrap_or(to);
    Recipients { to: to.clone(), cc: cc.clone() }
}

fn page(watch: &Watch, channel: &Channel, told: &[&Told], now: Instant) -> Page {
    let left = told.len().saturating_sub(MOST_LISTED);
    let rules = rules(told);
    let mut foot = vec![format!("Told by the channel {} for the rule {}.", channel.name, rules.join(", "))];
    // Other rules look at the ledger as it is.
    let is_on_days = |rule: &Rule| rules.contains(&rule.name.as_str()) && !rule.condition.is_standing();
    if watch.rules.iter().any(is_on_days) {
        foot.push("Only days that are closed are judged, each once.".to_owned());
    }
    if let [one] = told
        && one.alert.status != Status::Resolved
    {
        foot.push(format!("Acknowledge it: lakeledger alerts ack {} --for 3d", one.alert.id));
    }
    Page {
        subject: subject(told),
        title: "Lakeledger alerts",
        when: format::instant(now, chrono_tz::UTC),
        headline: headline(told),
        link: watch.base_url.as_ref().map(|base| format!("{}/alerts", base.trim_end_matches('/'))),
        alerts: told.iter().take(MOST_LISTED).map(|one| view(watch, one)).collect(),
        rest: (left > 0).then(|| format!("and {} more", format::count(left as i64))),
        foot,
    }
}

fn view(watch: &Watch, told: &Told) -> AlertView {
    let alert = &told.alert;
    // What fired and is over by now is told as what fired.
    let is_over = told.step == Step::Resolved;
    let (tone, colour) = match (is_over, alert.severity) {
        // Nothing is mended by a month that ends.
        (true, _) if alert.month_over().is_some() => ("muted", "#5B6672"),
        (true, _) => ("good", "#1A7F56"),
        (_, Severity::Critical | Severity::Error) => ("bad", "#B3261E"),
        (_, Severity::Warning) => ("warn", "#8A5200"),
        (_, Severity::Info) => ("info", "#1F5FD0"),
    };
    let mut facts = vec![
        format!("measured {}", alert.unit.show(alert.value)),
        format!("limit {}", alert.unit.show(alert.threshold)),
        format!("since {}", format::day(alert.fired_on)),
    ];
    facts.extend(alert.ended_at().map(|at| format!("ended at {at}")));
    let team = alert.team.as_ref().filter(|team| **team != alert.key);
    facts.extend(team.map(|team| format!("team {}", crate::label::visible(team))));
    AlertView {
        state: format!(
            "{} · {} · {}",
            state(told),
            alert.severity.name(),
            crate::label::visible(&alert.rule)
        ),
        tone,
        colour,
        about: crate::label::visible(alert.called()),
        message: notice::line(told),
        facts: capital(&facts.join("; ")),
        link: notice::url(watch, alert),
    }
}

/// What happened, in a word or two.
fn state(told: &Told) -> String {
    match told.step {
        Step::Lapsed if !notice::is_over_already(told) => {
            "Firing again: its acknowledgement is over".to_owned()
        }
        _ => short_state(told),
    }
}

/// One line that says the news: what it is about and how much; of many that of the worst, and how
/// many more there are.
fn subject(told: &[&Told]) -> String {
    let text = match told {
        [] => String::new(),
        [one] => format!("{}: {} · {}", short_state(one), figures(one), one.alert.rule),
        [worst, others @ ..] => format!(
            "{}: {} and {} more · {}",
            notice::counts(told),
            figures(worst),
            format::count(others.len() as i64),
            rules(told).join(", ")
        ),
    };
    let text = crate::label::visible(&text);
    match text.chars().count() {
        0..=MOST_SUBJECT => text,
        _ => text.chars().take(MOST_SUBJECT - 1).chain(['…']).collect(),
    }
}

/// `growth $12.50 (limit $10.00)`: of what is over where it ended, else what it fired at.
fn figures(told: &Told) -> String {
    let alert = &told.alert;
    let is_over = told.step == Step::Resolved;
    let figures = alert.ended_at().filter(|_| is_over).unwrap_or_else(|| {
        format!("{} (limit {})", alert.unit.show(alert.value), alert.unit.show(alert.threshold))
    });
    // Where nothing was measured any more there is no figure to end at, but of a budget's month.
    match is_over && alert.newest.is_none() && alert.month_over().is_none() {
        true => alert.called().to_owned(),
        false => format!("{} {figures}", alert.called()),
    }
}

/// The news in a word or two. What happened comes before what it is by now: of what fired and ended
/// unseen the news is that it fired.
fn short_state(told: &Told) -> String {
    let words = match told.step {
        Step::Resolved => match told.alert.month_over() {
            Some(month) => return format!("{month} is over"),
            None => "Resolved",
        },
        _ if notice::is_over_already(told) => "Fired",
        Step::GoesOn | Step::Lapsed => "Still firing",
        Step::Rose => "Higher",
        Step::Fired => "Firing",
    };
    words.to_owned()
}

/// The rules that a message is of, each once.
fn rules<'a>(told: &[&'a Told]) -> Vec<&'a str> {
    let mut rules: Vec<&str> = told.iter().map(|one| one.alert.rule.as_str()).collect();
    rules.sort_unstable();
    rules.dedup();
    rules
}

fn headline(told: &[&Told]) -> String {
    match told {
        [one] => format!("{}: {}", state(one), crate::label::visible(one.alert.called())),
        _ => notice::summary(told),
    }
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// The same in plain text.
fn text(page: &Page) -> String {
    let mut out = String::new();
    paragraph(&mut out, &page.headline);
    paragraph(&mut out, &page.when);
    for alert in &page.alerts {
        out.push('\n');
        paragraph(&mut out, &alert.state);
        paragraph(&mut out, &alert.about);
        paragraph(&mut out, &alert.message);
        paragraph(&mut out, &alert.facts);
        // An address that is broken leads nowhere.
        out.extend(alert.link.iter().flat_map(|link| [link.as_str(), "\n"]));
    }
    if let Some(rest) = &page.rest {
        out.push('\n');
        paragraph(&mut out, rest);
        out.extend(page.link.iter().flat_map(|link| [link.as_str(), "\n"]));
    }
    out.push_str("\n-- \n");
    page.foot.iter().for_each(|line| paragraph(&mut out, line));
    out
}

/// The period of a message's letters in the record of mail: its moment, so that periods sort by
/// time, and its key, so that no two messages share one.
fn period(id: &str, created_at: Instant) -> String {
    format!("{}-{}", created_at.format("%Y%m%dT%H%M%S%3fZ"), &id[..id.len().min(KEY_DIGITS)])
}

/// The letters of a message, one for each recipient: the same at every call with the same
/// configuration.
///
/// # Errors
/// [`MailError::Compose`].
pub(super) fn letters(
    watch: &Watch,
    channel: &Channel,
    pending: &Pending,
    sender: &Sender,
) -> Result<Vec<Letter>, MailError> {
    let unreadable = |fault: &str| MailError::Compose {
        recipient: format!("channel {}", pending.channel),
        cause: format!("message {}: {fault}", pending.id).into(),
    };
    let body: Value = serde_json::from_str(&pending.body).map_err(|cause| unreadable(&cause.to_string()))?;
    let said = |key: &str| body[key].as_str().unwrap_or_default();
    let recipients = recipients(watch, channel, body["team"].as_str());
    let draft = Draft {
        report: REPORT,
        period: &period(&pending.id, pending.created_at),
        team: body["team"].as_str(),
        to: &recipients.to,
        cc: &recipients.cc,
        subject: said("subject"),
        text: said("text"),
        html: said("html"),
        images: &[],
        files: &[],
        list: &format!("{REPORT}.{}", crate::weekly::slug(&pending.channel)),
        name: REPORT,
        date: pending.created_at,
    };
    draft.letters(&sender.smtp, sender.unsubscribe.as_ref())
}

/// The beginning of the key of the message that a letter is of, by the letter's period.
pub(super) fn key_of(period: &str) -> Option<&str> {
    period.rsplit_once('-').map(|(_, digits)| digits).filter(|digits| digits.len() == KEY_DIGITS)
}

/// What became of a message's letters: of several that which a person must look at, else that
/// which waits; nothing where it has none.
pub fn fate(message: &Delivered, letters: &[Delivery]) -> Option<State> {
    let period = period(&message.id, message.created_at);
    let rank = |state: &State| match state {
        State::Dropped => 0,
        State::Sent => 1,
        State::Queued | State::Sending | State::Retry => 2,
        State::Refused => 3,
        State::Doubtful => 4,
    };
    let own = letters.iter().filter(|letter| letter.report == REPORT && letter.period == period);
    own.map(|letter| letter.state).max_by_key(rank)
}
