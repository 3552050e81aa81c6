//! Findings of waste with what became of them: the mart says what is found, the record in
//! `state.sqlite` what people said of it and what fixes saved.

use std::collections::BTreeMap;

use attribution::mart::{Dimension, Finding, NONE, View};
use chrono::NaiveDate;
use model::{Amount, Basis};
use reports::lifecycle::{Lifecycle, LifecycleError, Status, Tracked};

use crate::cluster_names::ClusterNames;
use crate::context::Context;
use crate::detector;
use crate::error::PageError;
use crate::lens::Lens;
use crate::link::Path;
use crate::state::Visit;
use crate::table::{self, Cell, Table};

/// Rows of "waste to fix first" on other pages.
const FIRST: usize = 5;

/// A finding with where it is in its life.
pub struct Item<'a> {
    pub finding: &'a Finding,
    pub status: Status,
    /// Nothing where the record could not be asked.
    pub tracked: Option<Tracked>,
}

impl Item<'_> {
    /// Whether somebody still has to decide on it or mend it.
    pub fn is_waiting(&self) -> bool {
        self.status.is_waiting()
    }
}

/// What is known of findings, in the page's currency.
pub struct Findings<'a> {
    /// Those that go on and matter, the largest saving first.
    pub items: Vec<Item<'a>>,
    /// Those the record holds as resolved.
    pub resolved: Vec<Tracked>,
    /// Why the record could not be asked; findings then all count as new.
    pub fault: Option<String>,
}

/// Reads findings and their record; the record follows a mart the first time it is asked of.
pub fn load<'a>(context: &Context<'a>, visit: &Visit) -> Result<Findings<'a>, PageError> {
    let currency = context.scope.currency;
    let all = context.mart.all_findings()?;
    let (tracked, fault) = match record(context, visit).and_then(|record| record.tracked()) {
        Ok(tracked) => (tracked, None),
        Err(error) => {
            let text = format!("What became of findings cannot be told: {error}.");
            crate::error::log(&PageError::Record(error));
            (Vec::new(), Some(text))
        }
    };
    let mut known: BTreeMap<String, Tracked> =
        tracked.into_iter().map(|tracked| (tracked.finding_id.clone(), tracked)).collect();
    let items = all
        .iter()
        .filter(|finding| finding.currency == currency && finding.is_open && finding.is_material)
        .map(|finding| {
            let tracked = known.remove(&finding.id);
            Item { finding, status: tracked.as_ref().map_or(Status::New, |tracked| tracked.status), tracked }
        })
        .collect();
    let resolved = known
        .into_values()
        .filter(|tracked| tracked.currency == currency && tracked.status == Status::Resolved)
        .filter(|tracked| context.mart.reach().names(tracked.team.as_deref()))
        .collect();
    Ok(Findings { items, resolved, fault })
}

/// The record of the ledger, brought up to the mart.
pub fn record(context: &Context<'_>, visit: &Visit) -> Result<Lifecycle, LifecycleError> {
    let mut record = Lifecycle::open(visit.ledger())?;
    visit.follow(|mart| record.sync(mart, context.now).map(drop))?;
    Ok(record)
}

/// What became of one finding; nothing where the reach of the page's mart does not go to it.
pub fn tracked(context: &Context<'_>, record: &Lifecycle, id: &str) -> Result<Option<Tracked>, PageError> {
    let tracked = record.find(id).map_err(PageError::Record)?;
    let is_found = context.mart.all_findings()?.iter().any(|finding| finding.id == id);
    // Whose a finding is now, the mart knows; of one that is gone, the record.
    Ok(tracked.filter(|tracked| is_found || context.mart.reach().names(tracked.team.as_deref())))
}

/// Whether a finding is this team's, or of a team within it.
pub fn is_of_team(context: &Context<'_>, owner: Option<&str>, team: &str) -> bool {
    let owner = owner.unwrap_or(NONE);
    owner == team || context.mart.info().ancestor(owner, context.mart.info().level(team)) == team
}

/// Whether what this team owns is of the lens: of all teams, or of its team and those within.
pub fn is_of_lens(context: &Context<'_>, owner: Option<&str>) -> bool {
    context.lens.team.as_ref().is_none_or(|team| is_of_team(context, owner, team))
}

/// The page of a finding.
pub fn href(context: &Context<'_>, id: &str) -> String {
    context.entity("waste", id)
}

/// Pages of what findings are about. Findings name clusters as people do.
pub struct Places(ClusterNames);

impl Places {
    /// Looks clusters up.
    pub fn of(context: &Context<'_>) -> Result<Self, PageError> {
        ClusterNames::of(context).map(Self)
    }

    /// The page of a subject; nothing for what has none.
    pub fn href(&self, context: &Context<'_>, kind: &str, subject: &str) -> Option<String> {
        match kind {
            "table" => Some(context.entity("tables", subject)),
            "workload" => Some(context.entity("workloads", subject)),
            "cluster" => {
                let is_known = self.0.known().contains_key(subject) || !self.0.ids(subject).is_empty();
                is_known.then(|| self.0.href(context, subject))
            }
            _ => None,
        }
    }

    /// What the subject cost from this day to the finding's last: findings are at effective cost
    /// and of all there was at the subject, whatever the page is asked for. Empty of what no
    /// restriction leaves, as a bucket or a commitment.
    pub fn costs(&self, context: &Context<'_>, finding: &Finding, first: NaiveDate) -> String {
        let lens =
            Lens { basis: Basis::Effective, team: None, view: View::default(), ..context.lens.shared() };
        let lens = lens.days(first, finding.end_day);
        let subject = finding.subject.as_str();
        let (dimension, value) = match finding.subject_kind.as_str() {
            "table" => (Dimension::Table, subject),
            "workload" => (Dimension::Workload, subject),
            "cluster" => match self.0.ids(subject) {
                [one] => (Dimension::Cluster, one.as_str()),
                [] if self.0.known().contains_key(subject) => (Dimension::Cluster, subject),
                [] => return String::new(),
                // All of a name stand on a page of their own.
                _ => return lens.url(&Path::new(["clusters", subject])),
            },
            _ => return String::new(),
        };
        lens.only(dimension, value).url(&Path::new(["explain"]))
    }
}

/// What wastes most on a page about one thing: the first few, with a link to all.
pub fn first(
    context: &Context<'_>,
    visit: &Visit,
    is_asked: impl Fn(&Finding) -> bool,
    empty: &str,
) -> Result<Table, PageError> {
    Ok(first_of(context, &load(context, visit)?, is_asked, empty))
}

/// What is to be mended, in the order of findings: what lowers the bill before what frees what is
/// paid for.
fn ranked<'f, 'a>(findings: &'f Findings<'a>, is_asked: impl Fn(&Finding) -> bool) -> Vec<&'f Item<'a>> {
    findings.items.iter().filter(|item| item.is_waiting() && is_asked(item.finding)).collect()
}

/// What to fix before all else, in words, and what that saves a month.
pub fn before_all(findings: &Findings<'_>, is_asked: impl Fn(&Finding) -> bool) -> Option<(String, Amount)> {
    let first = ranked(findings, is_asked).first()?.finding;
    Some((detector::fix(&first.detector, &first.subject), first.net_saving))
}

/// [`first`] of findings that are read already.
pub fn first_of(
    context: &Context<'_>,
    findings: &Findings<'_>,
    is_asked: impl Fn(&Finding) -> bool,
    empty: &str,
) -> Table {
    let items = ranked(findings, is_asked);
    let currency = context.scope.currency;
    let row = |item: &&Item<'_>| {
        let finding = item.finding;
        vec![
            Cell::link(detector::fix(&finding.detector, &finding.subject), href(context, &finding.id)),
            Cell::text(detector::label(&finding.detector)),
            Cell::maybe(finding.team.as_deref()),
            Cell::Money(finding.net_saving),
            Cell::Money(finding.claimed_saving),
            Cell::text(reports::findings::saving_parts(finding)),
            Cell::Ranked { text: finding.confidence.name().to_owned(), rank: finding.confidence as u8 },
            Cell::text(item.status.name()),
        ]
    };
    let shown = if context.lens.table.csv { items.len() } else { items.len().min(FIRST) };
    let caption = if items.len() > shown {
        format!("Waste to fix first: {shown} of {}", items.len())
    } else {
        "Waste to fix first".to_owned()
    };
    let claimed: Amount = items.iter().map(|item| item.finding.claimed_saving).sum();
    let mut foot = vec![Cell::Nothing; 8];
    foot[0] = Cell::link(
        if items.len() > shown { format!("All {}", items.len()) } else { "Open the inbox".to_owned() },
        inbox(context, &items),
    );
    foot[4] = Cell::Money(claimed);
    Table {
        id: "waste",
        caption,
        noun: ("finding", "findings"),
        columns: vec![
            table::text("fix", "What to do"),
            table::text("detector", "Finding").wide(),
            table::text("team", "Team").wide(),
            table::number("net", format!("Net saving a month ({currency})")),
            table::number("claimed", format!("Without overlap ({currency})")),
            table::text("saving", "Saves").wide(),
            table::text("confidence", "Confidence").wide(),
            table::text("status", "Status").wide(),
        ],
        rows: items.iter().take(shown).map(row).collect(),
        foot: (!items.is_empty()).then_some(foot),
        sort: ("", false),
        empty: empty.to_owned(),
    }
}

/// The inbox, cut down to what these findings have in common.
fn inbox(context: &Context<'_>, items: &[&Item<'_>]) -> String {
    let mut lens = Lens { from: None, to: None, ..context.lens.shared() };
    if let [first, rest @ ..] = items {
        let subject = &first.finding.subject;
        if rest.iter().all(|item| item.finding.subject == *subject) {
            lens = lens.with_own("subject", Some(subject.clone()));
        } else if let Some(team) = &first.finding.team
            && rest.iter().all(|item| item.finding.team.as_ref() == Some(team))
        {
            lens.team = Some(team.clone());
        }
    }
    lens.url(&Path::new(["waste"]))
}

/// Cash leaves the bill; capacity that is paid for anyway becomes free.
pub fn kind_of_saving(is_cash: bool) -> &'static str {
    if is_cash { "cash" } else { "capacity, not cash" }
}
