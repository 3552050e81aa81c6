//! The weekly report: what a week cost the platform or a team, how that
//! differs from the week before and why, as HTML, plain text and CSV.
//!
//! Three steps, each testable alone: the mart's answers are gathered
//! ([`build`]), assembled into [`WeeklyData`], and rendered ([`render`])
//! without any further question. The HTML comes twice, since mail programs show
//! no SVG (Gmail removes it and leaves its texts): [`Weekly::html`] has the drawn
//! chart, [`Weekly::mail_html`] the same as an image that goes with the letter; on
//! a phone both have bars made of table cells. Whether a report is mailed, and to
//! whom, is [`post`](Mailing)'s.

mod assemble;
mod attachments;
mod data;
mod digest;
mod files;
mod follow_up;
mod gather;
mod html;
mod moves;
mod news;
mod outlook;
mod post;
mod rows;
mod scope;
mod text;
mod view;

use std::path::Path;

use chrono::NaiveDate;
use model::time::Instant;
use model::{Amount, Basis, Currency};

pub use attachments::Attachment;
pub use data::{
    Cause, DayCost, Driver, Fix, Group, Item, Moved, Nameless, Parts, Restated, Saved, Section, WarningCount,
    WeekCost, WeeklyData,
};
pub use digest::{DIGEST, Digest, DigestError, DigestMail, digest_letters, digest_mail, digest_material};
pub(crate) use files::slug;
pub use files::{prepare, write};
pub use gather::build;
pub use post::{Mailing, Materiality, Postage, REPORT, TEST, When, letters, material, test_letter, waits};
pub use scope::{Scope, TeamScope};
pub(crate) use text::paragraph;

use crate::budget::{Budget, BudgetState};
use crate::error::ReportError;
use crate::lifecycle::{Lifecycle, Tracked};
use crate::mail::{Enclosure, Outbox, Reported};

/// Which reports are wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WeeklyRequest {
    /// One team's only; none for the platform's and every configured team's.
    pub team: Option<String>,
    /// First day of the week, a Monday; see [`crate::week`].
    pub week: NaiveDate,
    /// When the report is made.
    pub now: Instant,
    /// Which of the four costs.
    pub basis: Basis,
    /// Where the dashboard is, for links; none for a report without links.
    pub base_url: Option<String>,
    /// What became of findings; see [`crate::lifecycle::Lifecycle::tracked`].
    pub tracked: Vec<Tracked>,
    /// What the reports of the week before said; what changed since is told.
    pub reported: Vec<Reported>,
    /// What months may cost.
    pub budgets: Vec<Budget>,
}

impl WeeklyRequest {
    /// With what the records of a ledger know: what became of findings, and what the reports of
    /// the week before said.
    ///
    /// # Errors
    /// When a record cannot be read.
    pub fn with_records(mut self, ledger: &Path) -> Result<Self, ReportError> {
        let failed = |cause: Box<dyn std::error::Error + Send + Sync>| ReportError::Records(cause);
        self.tracked = Lifecycle::open(ledger)
            .and_then(|lifecycle| lifecycle.tracked())
            .map_err(|cause| failed(cause.into()))?;
        let last = self.week.checked_sub_days(chrono::Days::new(7)).map(crate::week::iso);
        self.reported = Outbox::open(ledger)
            .and_then(|outbox| outbox.reported(REPORT, &last.unwrap_or_default()))
            .map_err(|cause| failed(cause.into()))?;
        self.reported.retain(|one| one.basis == self.basis);
        Ok(self)
    }
}

/// One finished report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Weekly {
    /// Whose; none for the platform's.
    pub team: Option<String>,
    /// Beginning of its files' names: `growth-2026-W41`.
    pub stem: String,
    /// Subject of the mail: one line.
    pub subject: String,
    /// The news, a sentence a currency.
    pub news: Vec<String>,
    /// The dashboard's page about it.
    pub link: Option<String>,
    /// For a browser, with the drawn chart.
    pub html: String,
    /// For mail programs, under 100 kB (Gmail cuts at 102).
    pub mail_html: String,
    /// The plain-text part.
    pub text: String,
    /// Images that the mail's HTML shows, light and dark.
    pub images: Vec<Enclosure>,
    /// The CSV files that go with it.
    pub attachments: Vec<Attachment>,
    /// The week: `2026-W41`.
    pub week: String,
    /// The first day of the week that the ledger does not hold; none when it holds all seven.
    pub missing_from: Option<NaiveDate>,
    /// The first day of a whole week that is not closed yet; none when all seven are.
    pub open_from: Option<NaiveDate>,
    /// The whole and what it was the week before, one a currency.
    pub totals: Vec<Total>,
    /// Whether a budget is exceeded, or was in a month that ended within the week.
    pub is_over_budget: bool,
    /// Which of the four costs.
    pub basis: Basis,
    /// When the mart it is made of was published.
    pub published_at: Instant,
}

impl Weekly {
    /// Its figures, to be told from later ones; none of a week that is not whole, or not closed.
    pub fn reported(&self) -> Vec<Reported> {
        let is_final = self.missing_from.is_none() && self.open_from.is_none();
        let totals = self.totals.iter().filter(|_| is_final);
        totals
            .map(|total| Reported {
                report: REPORT.to_owned(),
                period: self.week.clone(),
                team: self.team.clone(),
                basis: self.basis,
                currency: total.currency,
                cost: total.now,
                published_at: self.published_at,
            })
            .collect()
    }
}

/// The whole of a report in one currency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Total {
    /// Currency of both.
    pub currency: Currency,
    /// In the week.
    pub now: Amount,
    /// In the week before, where there is one to compare with.
    pub before: Option<Amount>,
}

/// Renders the facts of a report; `name` begins its files' names.
///
/// # Errors
/// [`ReportError::Chart`], [`ReportError::Layout`], [`ReportError::Encode`].
pub fn render(data: &WeeklyData, name: &str) -> Result<Weekly, ReportError> {
    let stem = format!("{name}-{}", data.week());
    let page = view::page(data, &stem)?;
    let html = |drawn| {
        html::html(&page, drawn).map_err(|cause| ReportError::Layout { scope: data.scope.to_string(), cause })
    };
    Ok(Weekly {
        team: data.scope.team().map(str::to_owned),
        html: html(true)?,
        mail_html: html(false)?,
        text: text::text(&page),
        attachments: attachments::attachments(data, &stem)?,
        week: data.week(),
        basis: data.basis,
        published_at: data.published_at,
        missing_from: match data.covered() {
            Some((from, to)) if from == data.monday => (to < data.end()).then_some(to),
            _ => Some(data.monday),
        },
        open_from: data.open_from(),
        totals: data
            .sections
            .iter()
            .map(|section| Total {
                currency: section.currency,
                now: section.total(),
                before: section.total_before(),
            })
            .collect(),
        is_over_budget: data.sections.iter().flat_map(|section| &section.budgets).any(BudgetState::is_over),
        subject: page.subject,
        news: page.sections.iter().map(|section| section.sentence.clone()).collect(),
        link: page.link,
        images: page
            .sections
            .into_iter()
            .flat_map(|section| [section.chart.light_image, section.chart.dark_image])
            .collect(),
        stem,
    })
}

#[cfg(test)]
mod budget_tests;
#[cfg(test)]
mod medium_tests;
#[cfg(test)]
mod news_tests;
#[cfg(test)]
mod outlook_tests;
#[cfg(test)]
mod parent_tests;
#[cfg(test)]
mod tests;
