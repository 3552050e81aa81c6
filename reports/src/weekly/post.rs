//! Whether a report is mailed, to whom, and the letters it becomes.

use model::time::Instant;
use model::{Amount, Currency};

use super::{Total, Weekly};
use crate::format;
use crate::mail::{Address, Draft, Enclosure, Letter, MailError, Smtp, Unsubscribe};

/// What the record of mail calls weekly reports.
pub const REPORT: &str = "weekly";
/// What it calls those sent to try them.
pub const TEST: &str = "test";

/// When somebody's report is mailed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum When {
    /// When the week's cost or its change is material, or a budget is exceeded.
    #[default]
    Material,
    /// When its change is material, or a budget is exceeded.
    Changed,
    /// Every week.
    Always,
    /// Never.
    Never,
}

impl When {
    /// All, in the order help shows them.
    pub const ALL: [Self; 4] = [Self::Material, Self::Changed, Self::Always, Self::Never];

    /// The word of the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Material => "material",
            Self::Changed => "changed",
            Self::Always => "always",
            Self::Never => "never",
        }
    }
}

/// Who gets a report, and when.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mailing {
    /// To whom it is.
    pub to: Vec<Address>,
    /// Who gets it for their information.
    pub cc: Vec<Address>,
    /// When it is mailed.
    pub when: When,
}

/// What is worth a mail. Amounts hold for every currency as they are: none is converted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Materiality {
    /// A week's cost of so much is.
    pub spend: Amount,
    /// A change against the week before of so much is, when it is also of [`Self::percent`].
    pub change: Amount,
    /// Hundredths of the week before.
    pub percent: Amount,
    /// Whether a week of which days are missing is: its figures will have to be taken back.
    pub partial_weeks: bool,
}

impl Default for Materiality {
    /// 50 a week; a change of 10 that is 5% or more; whole weeks.
    fn default() -> Self {
        let whole = |n: i128| Amount::from_units(n * 1_000_000_000_000_000_000);
        Self { spend: whole(50), change: whole(10), percent: whole(5), partial_weeks: false }
    }
}

impl Materiality {
    fn is_spend(&self, total: &Total) -> bool {
        total.now.abs() >= self.spend
    }

    /// Without an earlier week all of it is new.
    fn is_change(&self, total: &Total) -> bool {
        let before = total.before.unwrap_or_default();
        let change = (total.now - before).abs();
        // change / before >= percent / 100, without dividing; what overflows is large.
        let parts = change.units().checked_mul(100);
        let of = (before.abs().units() / 1_000_000_000).checked_mul(self.percent.units() / 1_000_000_000);
        let is_percent = match (parts, of) {
            (Some(parts), Some(of)) => parts >= of,
            (None, _) => true,
            (_, None) => false,
        };
        change >= self.change && is_percent
    }
}

/// Begins the reason why a week is not mailed yet.
const NOT_WHOLE: &str = "the week is not whole";

/// Whether a report that is withheld for this reason goes once its week is whole.
pub fn waits(reason: &str) -> bool {
    // A digest's reason has those of its teams.
    reason.contains(NOT_WHOLE)
}

/// Whether a report is worth a mail; why not, where it is not.
///
/// # Errors
/// The reason, as a sentence.
pub fn material(weekly: &Weekly, when: When, rule: &Materiality) -> Result<(), String> {
    if when == When::Never {
        return Err("the configuration says never".to_owned());
    }
    if let Some(day) = weekly.missing_from.filter(|_| !rule.partial_weeks) {
        return Err(format!("{NOT_WHOLE}: the ledger holds no charges of {}", format::day(day)));
    }
    if let Some(day) = weekly.open_from.filter(|_| !rule.partial_weeks) {
        let day = format::day(day);
        return Err(format!("{NOT_WHOLE}: {day} is not closed yet, its bill or its logs may go on"));
    }
    let any = |test: fn(&Materiality, &Total) -> bool| weekly.totals.iter().any(|total| test(rule, total));
    let is_material = match when {
        When::Always => true,
        When::Material => any(Materiality::is_spend) || any(Materiality::is_change) || weekly.is_over_budget,
        When::Changed => any(Materiality::is_change) || weekly.is_over_budget,
        When::Never => false,
    };
    if is_material {
        return Ok(());
    }
    let figures = weekly.totals.iter().map(words).collect::<Vec<_>>().join("; ");
    let figures = if figures.is_empty() { "no cost".to_owned() } else { figures };
    let least = match when {
        When::Changed => String::new(),
        _ => format!("a cost of {} or ", plain(rule.spend)),
    };
    Err(format!(
        "nothing material: {figures}; {least}a change of {} and {}% would be",
        plain(rule.change),
        plain(rule.percent)
    ))
}

/// `$3.20, +$0.10 on the week before`.
fn words(total: &Total) -> String {
    let money = |amount, currency: Currency| format::money(amount, currency);
    let cost = money(total.now, total.currency);
    match total.before {
        Some(before) => {
            format!("{cost}, {} on the week before", format::signed_money(total.now - before, total.currency))
        }
        None => cost,
    }
}

/// A threshold as it was written: without zeros at its end.
fn plain(amount: Amount) -> String {
    let text = amount.to_string();
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

/// What all letters of a round have in common.
#[derive(Clone, Copy, Debug)]
pub struct Postage<'a> {
    /// Who they are from.
    pub smtp: &'a Smtp,
    /// How one gets off the list; a letter to the sender where nothing is configured.
    pub unsubscribe: Option<&'a Unsubscribe>,
    /// When they are written.
    pub now: Instant,
}

/// The letters of a report: one for everybody who gets it.
///
/// # Errors
/// [`MailError::Compose`].
pub fn letters(weekly: &Weekly, mailing: &Mailing, postage: Postage<'_>) -> Result<Vec<Letter>, MailError> {
    let files = files(weekly);
    let (name, list) = names(weekly);
    let draft = draft(weekly, &files, (name, &list), postage);
    Draft { to: &mailing.to, cc: &mailing.cc, ..draft }.letters(postage.smtp, postage.unsubscribe)
}

/// The letter that shows somebody a report, which may be sent as often as one likes.
///
/// # Errors
/// [`MailError::Compose`].
pub fn test_letter(weekly: &Weekly, to: &Address, postage: Postage<'_>) -> Result<Letter, MailError> {
    let period = format!("{}-{}", weekly.week, postage.now.format("%Y%m%dT%H%M%S%3fZ"));
    let subject = format!("[test] {}", weekly.subject);
    let files = files(weekly);
    let (name, list) = names(weekly);
    let draft = draft(weekly, &files, (name, &list), postage);
    let to_one = std::slice::from_ref(to);
    Draft { report: TEST, period: &period, subject: &subject, to: to_one, ..draft }.letter(
        to,
        postage.smtp,
        postage.unsubscribe,
    )
}

/// A report as a mail to nobody yet.
fn draft<'a>(
    weekly: &'a Weekly,
    files: &'a [Enclosure],
    (name, list): (&'a str, &'a str),
    postage: Postage<'_>,
) -> Draft<'a> {
    Draft {
        report: REPORT,
        period: &weekly.week,
        team: weekly.team.as_deref(),
        to: &[],
        cc: &[],
        subject: &weekly.subject,
        text: &weekly.text,
        html: &weekly.mail_html,
        images: &weekly.images,
        files,
        list,
        name,
        date: postage.now,
    }
}

/// What a report's files and its list are called.
fn names(weekly: &Weekly) -> (&str, String) {
    let name = weekly.stem.strip_suffix(&format!("-{}", weekly.week)).unwrap_or(&weekly.stem);
    (name, format!("{REPORT}.{name}"))
}

fn files(weekly: &Weekly) -> Vec<Enclosure> {
    let enclosure = |one: &super::Attachment| Enclosure {
        name: one.name.clone(),
        content_type: "text/csv; charset=utf-8",
        content: one.content.as_bytes().to_vec(),
    };
    weekly.attachments.iter().map(enclosure).collect()
}
