//! Weekly reports and digests as they would be mailed now: as a page, as the mail, as its plain text.

use axum::extract::{Path as Segment, RawQuery};
use axum::response::Response;
use reports::ReportError;
use reports::week;
use reports::weekly::{Weekly, WeeklyRequest, build, digest_mail};

use super::{answer, not_found};
use crate::context::Context;
use crate::error::PageError;
use crate::finding;
use crate::link::Path;
use crate::response;
use crate::state::Visit;

/// What of a report is shown.
#[derive(Clone, Copy)]
enum As {
    Page,
    Mail,
    Text,
}

/// The platform's report.
pub async fn platform(visit: Visit, query: RawQuery) -> Response {
    let asked = visit.clone();
    answer(visit, Path::new(["reports", "weekly"]), query, move |context| preview(context, &asked, None))
        .await
}

/// A team's report.
pub async fn team(visit: Visit, Segment(id): Segment<String>, query: RawQuery) -> Response {
    let path = Path::new(["reports", "weekly", &id]);
    let asked = visit.clone();
    answer(visit, path, query, move |context| preview(context, &asked, Some(&id))).await
}

/// A digest of several teams; its page is the mail.
pub async fn digest(visit: Visit, Segment(name): Segment<String>, query: RawQuery) -> Response {
    let path = Path::new(["reports", "digest", &name]);
    let asked = visit.clone();
    answer(visit, path, query, move |context| digest_preview(context, &asked, &name)).await
}

fn preview(context: &Context<'_>, visit: &Visit, team: Option<&str>) -> Result<Response, PageError> {
    let shape = shape(context)?;
    let request = request(context, visit, team)?;
    // Without a team the reports of all are made: the platform's is the first.
    let weekly = match build(context.mart, &request) {
        Ok(weeklies) => weeklies.into_iter().next().ok_or(PageError::NoPage)?,
        Err(ReportError::UnknownTeam { team, .. }) => return Err(not_found(context, "team", &team, "teams")),
        Err(error) => return Err(PageError::Report(error)),
    };
    Ok(match shape {
        As::Page => response::report(weekly.html),
        As::Mail => response::report(with_images(&weekly)),
        As::Text => response::text(weekly.text),
    })
}

fn digest_preview(context: &Context<'_>, visit: &Visit, name: &str) -> Result<Response, PageError> {
    let shape = shape(context)?;
    let digests = &visit.settings().digests;
    let digest = digests.iter().find(|digest| digest.name == name).ok_or(PageError::NoPage)?;
    let mut reports = Vec::new();
    for team in &digest.teams {
        let request = request(context, visit, Some(team))?;
        reports.extend(build(context.mart, &request).map_err(PageError::Report)?);
    }
    let mail = digest_mail(digest, &reports.iter().collect::<Vec<_>>()).map_err(PageError::Report)?;
    let mail = mail.ok_or(PageError::NoPage)?;
    Ok(match shape {
        As::Page | As::Mail => response::report(mail.html),
        As::Text => response::text(mail.text),
    })
}

fn shape(context: &Context<'_>) -> Result<As, PageError> {
    match context.lens.own("as") {
        None | Some("page") => Ok(As::Page),
        Some("mail") => Ok(As::Mail),
        Some("text") => Ok(As::Text),
        Some(other) => {
            Err(PageError::BadRequest(vec![format!("`as` cannot be `{other}`: use page, mail or text")]))
        }
    }
}

/// The report of the week asked for, else of the latest.
fn request(context: &Context<'_>, visit: &Visit, team: Option<&str>) -> Result<WeeklyRequest, PageError> {
    let week = match context.lens.own("week") {
        Some(text) => week::parse(text).map_err(|error| PageError::BadRequest(vec![error.to_string()]))?,
        None => week::latest(context.mart.info(), context.now)
            .ok_or_else(|| PageError::BadRequest(vec!["there are no charges to report on".to_owned()]))?,
    };
    // Who sees a part of the costs must not take it for what a budget of all has spent.
    let reach = context.mart.reach();
    let mut budgets = visit.watch().budgets.clone();
    budgets.retain(|budget| reach.is_whole() || reach.names(budget.scope.team.as_deref()));
    // The record follows the whole mart, whoever looks.
    finding::record(context, visit).map_err(PageError::Record)?;
    let request = WeeklyRequest {
        team: team.map(str::to_owned),
        week,
        now: context.now,
        basis: context.lens.basis,
        base_url: visit.settings().base_url.clone(),
        tracked: vec![],
        reported: vec![],
        budgets,
    };
    request.with_records(visit.ledger()).map_err(PageError::Report)
}

/// The mail's HTML with its images in it, which a mail program takes from the letter.
fn with_images(weekly: &Weekly) -> String {
    weekly.images.iter().fold(weekly.mail_html.clone(), |html, image| {
        let data = format!("data:{};base64,{}", image.content_type, base64(&image.content));
        html.replace(&format!("cid:{}", image.content_id()), &data)
    })
}

/// RFC 4648, section 4.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let bits =
            group.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
        for digit in 0..4 {
            let at = (bits >> (18 - 6 * digit)) as usize & 63;
            text.push(if digit <= group.len() { char::from(DIGITS[at]) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::base64;

    #[test]
    fn bytes_become_the_text_of_the_standard() {
        // RFC 4648, section 10.
        let pairs = [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")];
        for (bytes, text) in pairs {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }
}
