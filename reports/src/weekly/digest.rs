//! A digest: one mail about the week of several teams, for who leads or pays for them.
//!
//! It is made of the teams' reports, so that its figures are theirs: what each cost, how that
//! changed and why, and a link. Teams of a digest lie beside each other, never within one
//! another: their totals add up.

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
    let missing = missing.map(|day| format!("The ledger holds no usage from {} on.", format::day(day)));
    let open = reports.iter().filter_map(|report| report.open_from).min();
    let open = open
        .map(|day| format!("Days from {} on are not closed yet: later figures differ.", format::day(day)));
    let mut rows: Vec<Row> = reports.iter().flat_map(|report| team_rows(report)).collect();
    if reports.len() > 1 {
        rows.extend(totals.iter().map(|total| row("All of them".to_owned(), None, total, true)));
    }
    let team = |report: &&Weekly| TeamView {
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
        teams: reports.iter().map(team).collect(),
        foot: vec![
            format!("Costs are {}; each team's report has the rest.", first.basis),
            format!("You get this because the digest {name} of the configuration names you."),
        ],
    }
}

fn whose(report: &Weekly) -> String {
    label::visible(report.team.as_deref().unwrap_or("the platform"))
}

fn team_rows(report: &Weekly) -> Vec<Row> {
    report.totals.iter().map(|total| row(whose(report), report.link.clone(), total, false)).collect()
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
    let mut sums: BTreeMap<Currency, (Amount, Option<Amount>)> = BTreeMap::new();
    for total in reports.iter().flat_map(|report| &report.totals) {
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
mod tests {
    use super::*;
    use crate::mail::{Security, Smtp};
    use crate::weekly::When;

    fn report(team: &str, now: &str, before: Option<&str>) -> Weekly {
        let amount = |text: &str| text.parse().unwrap();
        Weekly {
            team: Some(team.into()),
            stem: format!("{team}-2026-W41"),
            subject: String::new(),
            news: vec![format!("{team} spent <much> in week 41.")],
            link: Some(format!("https://costs.example.com/teams/{team}")),
            html: String::new(),
            mail_html: String::new(),
            text: String::new(),
            images: vec![],
            attachments: vec![],
            week: "2026-W41".into(),
            missing_from: None,
            open_from: None,
            totals: vec![Total { currency: Currency::USD, now: amount(now), before: before.map(amount) }],
            basis: model::Basis::Effective,
            published_at: "2026-10-12T04:10:00Z".parse().unwrap(),
        }
    }

    fn digest() -> Digest {
        let to = vec!["lead@example.com".parse().unwrap()];
        let mailing = Mailing { to, cc: vec!["boss@example.com".parse().unwrap()], when: When::Material };
        Digest { name: "data leads".into(), teams: vec!["ads".into(), "growth".into()], mailing }
    }

    #[test]
    fn a_digest_sums_its_teams_and_has_their_news() {
        let (ads, growth) = (report("ads", "120", Some("100")), report("growth", "31", Some("50.50")));
        let page = page(&digest(), &ads, &[&ads, &growth]);
        assert_eq!(page.subject, "data leads: 2 teams spent $151 (up 0.3%) in week 41");
        let shown: Vec<String> = page
            .rows
            .iter()
            .map(|row| format!("{} {} {} {}", row.name, row.cost, row.change, row.percent))
            .collect();
        assert_eq!(shown[0], "ads $120.00 +$20.00 +20%");
        assert!(shown[2].starts_with("All of them $151.00 +$0.50 "), "{}", shown[2]);
        let text = text(&page);
        assert!(
            text.contains("ADS\nads spent <much> in week 41.\nhttps://costs.example.com/teams/ads\n"),
            "{text}"
        );
        assert_eq!(row("new".into(), None, &report("new", "1", Some("0")).totals[0], false).percent, "new");
        // Without a week before of one there is none of all.
        let new = report("new", "1", None);
        assert_eq!(totals(&[&ads, &new])[0].before, None);
    }

    #[test]
    fn a_digest_is_a_letter_for_each_and_worth_one_when_a_team_is() {
        let (ads, small) = (report("ads", "120.50", Some("100")), report("growth", "1", Some("1")));
        let rule = Materiality::default();
        assert!(digest_material(&digest(), &[&ads, &small], &rule).is_ok());
        let reason = digest_material(&digest(), &[&small], &rule).unwrap_err();
        assert!(reason.starts_with("growth: nothing material: "), "{reason}");
        let seconds = std::time::Duration::from_secs;
        let smtp = Smtp {
            host: "127.0.0.1".into(),
            port: 25,
            security: Security::None,
            login: None,
            ca_file: None,
            from: "costs@example.com".parse().unwrap(),
            reply_to: None,
            timeout: seconds(1),
            body_timeout: seconds(1),
            first_retry: seconds(1),
        };
        let now = "2026-10-12T06:00:00Z".parse().unwrap();
        let letters =
            digest_letters(&digest(), &[&ads, &small], Postage { smtp: &smtp, unsubscribe: None, now })
                .unwrap();
        let to: Vec<String> = letters.iter().map(|letter| letter.recipient.email()).collect();
        assert_eq!(to, ["lead@example.com", "boss@example.com"]);
        assert!(letters.iter().all(|letter| letter.report == "digest" && letter.period == "2026-W41"));
        let message = mail_parser::MessageParser::default().parse(&letters[0].content).unwrap();
        let html = message.body_html(0).unwrap();
        assert!(html.contains("ads spent &#60;much&#62; in week 41.") && html.contains("$120.50"), "{html}");
    }
}
