//! A digest: one mail about the week of several teams, for who leads or pays for them.
//!
//! It is made of the teams' reports, so that its figures are theirs: what each cost, how that
//! changed and why, and a link. Teams of a digest lie beside each other, never within one
//! another: their totals add up. Of very many teams it lists the dearest and tells the news of
//! those that changed most: mail programs cut what is long (Gmail at 102 kB).

use std::collections::BTreeMap;

use askama::Template;
use model::{Amount, Currency};

use super::news::span;
use super::post::{Mailing, Materiality, Postage, material};
use super::text::{line, pad_left, pad_right, paragraph};
use super::{Total, Weekly, slug};
use crate::error::ReportError;
use crate::mail::{Draft, Letter, MailError};
use crate::{format, label, week};

/// What the record of mail calls digests.
pub const DIGEST: &str = "digest";
/// Lines of teams, before the others are one line.
const ROWS: usize = 60;
/// Teams whose news is told.
const NEWS: usize = 15;
/// Columns a name may take.
const NAME: usize = 60;
/// Columns of a name in plain text.
const NAME_COLUMNS: usize = 30;
/// Columns of a figure in plain text.
const FIGURE_COLUMNS: usize = 14;

/// Who gets the week of which teams in one mail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digest {
    /// Its name.
    pub name: String,
    /// The teams, in the order they are told of.
    pub teams: Vec<String>,
    /// To whom, and when.
    pub mailing: Mailing,
}

/// A digest in words.
struct Page {
    subject: String,
    title: String,
    when: String,
    /// A page about all of it, of which there is none.
    link: Option<String>,
    /// Said of weeks that are not whole.
    notice: Option<String>,
    rows: Vec<Row>,
    /// Said where not every team's news is told.
    chosen: Option<String>,
    teams: Vec<TeamView>,
    foot: Vec<String>,
}

/// A line of figures: of a team, or of all in one currency.
struct Row {
    name: String,
    link: Option<String>,
    cost: String,
    change: String,
    percent: String,
    is_total: bool,
}

/// A team's news.
struct TeamView {
    name: String,
    link: Option<String>,
    news: Vec<String>,
}

#[derive(Template)]
#[template(path = "digest.html")]
struct Html<'a> {
    page: &'a Page,
}

/// Whether a digest is worth a mail: where one of its reports is. Why not, where none is.
///
/// # Errors
/// The reason, as a sentence.
pub fn digest_material(digest: &Digest, reports: &[&Weekly], rule: &Materiality) -> Result<(), String> {
    let mut reasons = Vec::new();
    for report in reports {
        match material(report, digest.mailing.when, rule) {
            Ok(()) => return Ok(()),
            Err(reason) => {
                reasons.push(format!("{}: {reason}", report.team.as_deref().unwrap_or("the platform")));
            }
        }
    }
    Err(if reasons.is_empty() { "it has no teams".to_owned() } else { reasons.join("; ") })
}

/// A digest as it would be mailed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DigestMail {
    /// One line.
    pub subject: String,
    /// The HTML part.
    pub html: String,
    /// The plain-text part.
    pub text: String,
}

/// Makes a digest of its teams' reports; nothing of none.
///
/// # Errors
/// [`ReportError::Layout`].
pub fn digest_mail(digest: &Digest, reports: &[&Weekly]) -> Result<Option<DigestMail>, ReportError> {
    let Some(first) = reports.first() else { return Ok(None) };
    let page = page(digest, first, reports);
    let html = Html { page: &page }
        .render()
        .map_err(|cause| ReportError::Layout { scope: digest.name.clone(), cause })?;
    Ok(Some(DigestMail { text: text(&page), subject: page.subject, html }))
}

/// The letters of a digest: one for everybody who gets it. `reports` are those of its teams.
///
/// # Errors
/// When the mail cannot be laid out or composed.
pub fn digest_letters(
    digest: &Digest,
    reports: &[&Weekly],
    postage: Postage<'_>,
) -> Result<Vec<Letter>, DigestError> {
    let (Some(first), Some(mail)) = (reports.first(), digest_mail(digest, reports)?) else {
        return Ok(Vec::new());
    };
    let name = slug(&digest.name);
    let draft = Draft {
        report: DIGEST,
        period: &first.week,
        team: Some(&digest.name),
        to: &digest.mailing.to,
        cc: &digest.mailing.cc,
        subject: &mail.subject,
        text: &mail.text,
        html: &mail.html,
        images: &[],
        files: &[],
        list: &format!("{DIGEST}.{name}"),
        name: &name,
        date: postage.now,
    };
    Ok(draft.letters(postage.smtp, postage.unsubscribe)?)
}

/// Why a digest could not be made.
#[derive(Debug, thiserror::Error)]
pub enum DigestError {
    /// It could not be laid out.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// It could not be put together as mail.
    #[error(transparent)]
    Mail(#[from] MailError),
}

/// `first` is one of the reports.
fn page(digest: &Digest, first: &Weekly, reports: &[&Weekly]) -> Page {
    let totals = totals(reports);
    let name = label::visible(&digest.name);
    let week_words = first.week.replace("-W", " week ");
    let spent: Vec<String> = totals
        .iter()
        .map(|total| {
            let cost = format::money_short(total.now, total.currency);
            match total.before.and_then(|before| super::news::trend_of(total.now, before)) {
                Some(trend) => format!("{cost} ({trend})"),
                None => cost,
            }
        })
        .collect();
    let spent = if spent.is_empty() { "nothing".to_owned() } else { super::news::join(&spent) };
    let week_only = week_words.rsplit_once("week ").map_or(week_words.clone(), |(_, n)| format!("week {n}"));
    let monday = week::parse(&first.week).ok();
    let days = monday.map(|monday| format!(", {}", span(monday, monday + chrono::Days::new(7))));
    let missing = reports.iter().filter_map(|report| report.missing_from).min();
    let missing = missing
        .map(|day| format!("This week is not whole: the ledger holds no usage of {}.", format::day(day)));
    let open = reports.iter().filter_map(|report| report.open_from).min();
    let open = open
        .map(|day| format!("Days from {} on are not closed yet: later figures differ.", format::day(day)));
    let mut rows = team_rows(reports, &totals);
    if reports.len() > 1 {
        rows.extend(totals.iter().map(|total| row("All of them".to_owned(), None, total, true)));
    }
    let team = |report: &Weekly| TeamView {
        name: whose(report),
        link: report.link.clone(),
        news: match report.news.is_empty() {
            true => vec!["Nothing was charged to it in this week.".to_owned()],
            false => report.news.clone(),
        },
    };
    Page {
        subject: match reports.len() {
            1 => format!("{name}: {} spent {spent} in {week_only}", whose(first)),
            teams => format!("{name}: {teams} teams spent {spent} in {week_only}"),
        },
        title: format!("Weekly cost of {name}"),
        when: format!("{week_words}{}", days.unwrap_or_default()),
        link: None,
        notice: missing.or(open),
        rows,
        chosen: (reports.len() > NEWS).then(|| {
            format!("The news of the {NEWS} teams that changed most; each team's report has its own.")
        }),
        teams: most_changed(reports, &totals).into_iter().map(team).collect(),
        foot: vec![
            format!("Costs are {}; each team's report has the rest.", first.basis),
            format!("You get this because the digest {name} of the configuration names you."),
        ],
    }
}

fn whose(report: &Weekly) -> String {
    label::shorten(&label::visible(report.team.as_deref().unwrap_or("the platform")), NAME)
}

/// A line a team and currency, as the digest orders them; of very many the dearest, then what the
/// others cost together.
fn team_rows(reports: &[&Weekly], totals: &[Total]) -> Vec<Row> {
    let lines = reports.iter().flat_map(|report| report.totals.iter().map(move |total| (*report, total)));
    let lines: Vec<(&Weekly, &Total)> = lines.collect();
    let costs: Vec<f64> = lines.iter().map(|(_, total)| share(total.now, total.currency, totals)).collect();
    let shown = largest(&costs, ROWS);
    let mut rows: Vec<Row> = shown
        .iter()
        .map(|at| {
            let (report, total) = lines[*at];
            row(whose(report), report.link.clone(), total, false)
        })
        .collect();
    let hidden = (0..lines.len()).filter(|at| shown.binary_search(at).is_err());
    let hidden: Vec<&Total> = hidden.map(|at| lines[at].1).collect();
    for sum in sums(hidden.iter().copied()) {
        let more = hidden.iter().filter(|total| total.currency == sum.currency).count();
        rows.push(row(format!("{more} more"), None, &sum, false));
    }
    rows
}

/// The reports of which most is new, as the digest orders them.
fn most_changed<'w>(reports: &[&'w Weekly], totals: &[Total]) -> Vec<&'w Weekly> {
    let change = |report: &Weekly| {
        let of = |total: &Total| {
            share((total.now - total.before.unwrap_or_default()).abs(), total.currency, totals)
        };
        report.totals.iter().map(of).fold(0.0, f64::max)
    };
    let changes: Vec<f64> = reports.iter().map(|report| change(report)).collect();
    largest(&changes, NEWS).into_iter().map(|at| reports[at]).collect()
}

/// What part an amount is of all that was spent in its currency, so that amounts of several are told
/// apart by size.
fn share(amount: Amount, currency: Currency, totals: &[Total]) -> f64 {
    let whole = totals.iter().find(|total| total.currency == currency).map(|total| total.now.abs());
    match whole.filter(|whole| !whole.is_zero()) {
        Some(whole) => amount.to_f64() / whole.to_f64(),
        None => 0.0,
    }
}

/// The places of the largest, rising.
fn largest(sizes: &[f64], most: usize) -> Vec<usize> {
    let mut places: Vec<usize> = (0..sizes.len()).collect();
    places.sort_by(|a, b| sizes[*b].total_cmp(&sizes[*a]));
    places.truncate(most);
    places.sort_unstable();
    places
}

fn row(name: String, link: Option<String>, total: &Total, is_total: bool) -> Row {
    let change = |before| format::signed_money(total.now - before, total.currency);
    Row {
        name,
        link,
        cost: format::money(total.now, total.currency),
        change: total.before.map(change).unwrap_or_default(),
        percent: total.before.map_or_else(String::new, |before| match before == Amount::ZERO {
            true if total.now != before => "new".to_owned(),
            _ => format::change_percent(total.now, before).unwrap_or_default(),
        }),
        is_total,
    }
}

/// What all cost together, by currency; compared where every one of them can be.
fn totals(reports: &[&Weekly]) -> Vec<Total> {
    sums(reports.iter().flat_map(|report| &report.totals))
}

fn sums<'t>(totals: impl Iterator<Item = &'t Total>) -> Vec<Total> {
    let mut sums: BTreeMap<Currency, (Amount, Option<Amount>)> = BTreeMap::new();
    for total in totals {
        let sum = sums.entry(total.currency).or_insert((Amount::ZERO, Some(Amount::ZERO)));
        sum.0 += total.now;
        sum.1 = sum.1.zip(total.before).map(|(sum, before)| sum + before);
    }
    sums.into_iter().map(|(currency, (now, before))| Total { currency, now, before }).collect()
}

fn text(page: &Page) -> String {
    let mut out = String::new();
    paragraph(&mut out, &page.title);
    paragraph(&mut out, &page.when);
    if let Some(notice) = &page.notice {
        line(&mut out, "");
        paragraph(&mut out, &format!("NOTE: {notice}"));
    }
    line(&mut out, "");
    paragraph(&mut out, &page.subject);
    line(&mut out, "");
    let figures = |name: &str, cost: &str, change: &str, percent: &str| {
        let name = pad_right(&label::shorten(name, NAME_COLUMNS), NAME_COLUMNS);
        [cost, change, percent].iter().fold(name, |line, figure| line + &pad_left(figure, FIGURE_COLUMNS))
    };
    line(&mut out, &figures("Team", "Cost", "Change", ""));
    for row in &page.rows {
        line(&mut out, &figures(&row.name, &row.cost, &row.change, &row.percent));
    }
    if let Some(chosen) = &page.chosen {
        line(&mut out, "");
        paragraph(&mut out, chosen);
    }
    for team in &page.teams {
        line(&mut out, "");
        line(&mut out, &team.name.to_uppercase());
        team.news.iter().for_each(|one| paragraph(&mut out, one));
        if let Some(link) = &team.link {
            line(&mut out, link);
        }
    }
    line(&mut out, "");
    line(&mut out, "-- ");
    page.foot.iter().for_each(|one| paragraph(&mut out, one));
    out
}

#[cfg(test)]
mod tests;
