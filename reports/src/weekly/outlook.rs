//! What stands beneath the week's figures, in words: the weeks before, what moved, what to fix
//! first, what fixes have saved, and what became of last week's figures.

use attribution::mart::Reason;
use chrono::Datelike as _;
use model::{Amount, Currency};

use super::data::{Restated, Saved, Section, WeeklyData};
use super::news;
use super::rows::{self, RowKind, TableView};
use super::view::{DayView, count, hundredths};
use crate::budget::BudgetState;
use crate::link::BaseUrl;
use crate::{detector, format, label};

/// Changes that are listed.
const MOVERS: usize = 5;
/// Findings that are listed.
const FIXES: usize = 3;
/// Budgets that are told of.
const BUDGETS: usize = 4;
/// Fixes whose saving is told.
const SAVED: usize = 3;
/// Columns a name may take.
const NAME_COLUMNS: usize = 60;
/// Columns the subject of an advice may take.
const SUBJECT_COLUMNS: usize = 44;

/// What to fix first.
pub(super) struct FixesView {
    pub rows: Vec<FixView>,
    /// How many more there are, and what all save together.
    pub rest: String,
    /// The list of all.
    pub link: Option<String>,
}

/// One thing to fix.
pub(super) struct FixView {
    /// What to do: `Compact prod.growth.events`.
    pub what: String,
    pub link: Option<String>,
    /// Whose, and what kind of saving.
    pub detail: String,
    /// Net, a month.
    pub saving: String,
}

/// The weeks up to this one as bars; nothing where there is but one.
pub(super) fn trend(section: &Section) -> Vec<DayView> {
    if section.trend.len() < 2 {
        return Vec::new();
    }
    let highest = section.trend.iter().map(|week| week.cost).max().unwrap_or_default();
    let view = |week: &super::data::WeekCost| {
        let used = hundredths(week.cost, highest);
        let partial = if week.is_whole { "" } else { " (part)" };
        DayView {
            day: format!("Week {}{partial}", week.monday.iso_week().week()),
            weekend: !week.is_whole,
            used,
            idle: 0,
            empty: 100 - used,
            total: format::money(week.cost, section.currency),
        }
    };
    section.trend.iter().map(view).collect()
}

/// The largest changes against the week before, up and down; they sum to the whole change.
pub(super) fn movers(data: &WeeklyData, section: &Section) -> Option<TableView> {
    let before = section.total_before()?;
    if section.drivers.is_empty() {
        return None;
    }
    let (listed, rest) = section.drivers.split_at(section.drivers.len().min(MOVERS));
    let mut table: Vec<_> = listed
        .iter()
        .map(|driver| {
            let costs = (driver.now, Some(driver.before));
            let mut row = rows::row(section, news::cause_words(&driver.cause), costs, RowKind::Item);
            row.link = rows::cause_link(data, &driver.cause);
            if let Some(reason) = news::reason(driver, section) {
                row.detail = reason;
            }
            row
        })
        .collect();
    // What did not change is a part of both sums, so that the table's total is the section's.
    let listed_sum = |of: fn(&super::data::Driver) -> Amount| -> Amount { listed.iter().map(of).sum() };
    let others = (section.total() - listed_sum(|one| one.now), Some(before - listed_sum(|one| one.before)));
    let name = match rest.len() {
        0 => "What did not change".to_owned(),
        1 => "1 other change, and all else".to_owned(),
        n => format!("{} other changes, and all else", count(n as u64)),
    };
    table.push(rows::row(section, name, others, RowKind::Rest));
    table.push(rows::row(section, "Total".to_owned(), (section.total(), Some(before)), RowKind::Total));
    Some(TableView { title: "What moved".to_owned(), head: "Cause", compared: true, rows: table })
}

/// What to fix first; nothing where nothing is found.
pub(super) fn fixes(data: &WeeklyData, section: &Section) -> Option<FixesView> {
    if section.fixes.is_empty() {
        return None;
    }
    let money = |amount| format::money(amount, section.currency);
    let view = |fix: &super::data::Fix| {
        let team = fix.team.as_deref().filter(|_| data.scope.has_teams()).map(label::visible);
        let kind = if fix.is_cash { "lowers the bill" } else { "frees paid capacity" };
        FixView {
            what: detector::fix_within(&fix.detector, &fix.subject, SUBJECT_COLUMNS),
            link: data.base_url.as_ref().map(|base| base.page("waste", Some(&fix.id), &[])),
            detail: team.into_iter().chain([kind.to_owned()]).collect::<Vec<_>>().join(", "),
            saving: money(fix.net),
        }
    };
    let all: Amount = section.fixes.iter().map(|fix| fix.claimed).sum();
    let more = section.fixes.len().saturating_sub(FIXES);
    let more = match more {
        0 => String::new(),
        n => format!("{} more. ", count(n as u64)),
    };
    let filter: Vec<_> = data.scope.team().map(|team| ("team", team.to_owned())).into_iter().collect();
    Some(FixesView {
        rows: section.fixes.iter().take(FIXES).map(view).collect(),
        rest: format!(
            "{more}All together save {} a month before what their fixes cost; what two would save of the same cost counts once.",
            money(all)
        ),
        link: data.base_url.as_ref().map(|base: &BaseUrl| base.page("waste", None, &filter)),
    })
}

/// How budgets stand: those furthest beyond their amount.
pub(super) fn budgets(section: &Section) -> Vec<String> {
    let line = |state: &BudgetState| {
        let name = label::shorten(&label::visible(&state.budget.name), NAME_COLUMNS);
        // One budget may be told of twice: a month ends within some weeks.
        let month = state.month.format("%B");
        format!("{name} in {month}, as of {}: {}", state.as_of(), state.sentence())
    };
    let (listed, rest) = section.budgets.split_at(section.budgets.len().min(BUDGETS));
    let mut lines: Vec<String> = listed.iter().map(line).collect();
    let over = match rest.iter().filter(|state| state.is_over()).count() {
        0 => String::new(),
        1 => "; 1 of them is exceeded".to_owned(),
        n => format!("; {} of them are exceeded", count(n as u64)),
    };
    match rest {
        [] => {}
        [only] if only.is_over() => lines.push("1 more is exceeded by less.".to_owned()),
        [_] => lines.push("1 more stands better.".to_owned()),
        rest => lines.push(format!("{} more stand better{over}.", count(rest.len() as u64))),
    }
    lines
}

/// What fixes have saved, measured on the bill.
pub(super) fn saved(section: &Section) -> Vec<String> {
    let money = |amount| format::money(amount, section.currency);
    let line = |one: &Saved| {
        let what = format!("{} {}", detector::label(&one.detector), label::visible(&one.subject));
        let promised = money(one.promised);
        let came_to = match one.monthly < Amount::ZERO {
            true => format!("Costs {} a month more by the bill; {promised} less were", money(-one.monthly)),
            false => format!("Saves {} a month by the bill; {promised} were", money(one.monthly)),
        };
        let (day, what) = (format::day(one.since), label::shorten(&what, NAME_COLUMNS));
        format!("Gone since {day}: {what}. {came_to} promised.")
    };
    let mut lines: Vec<String> = section.saved.iter().take(SAVED).map(line).collect();
    if section.saved.len() > SAVED {
        let all: Amount = section.saved.iter().map(|one| one.monthly).sum();
        let came_to = match all < Amount::ZERO {
            true => format!("cost {} a month more", money(-all)),
            false => format!("save {} a month", money(all)),
        };
        let more = count((section.saved.len() - SAVED) as u64);
        lines.push(format!("With {more} more, fixes of the last three months {came_to}."));
    }
    lines
}

/// What became of the figures of the week before since they were reported.
pub(super) fn restated(data: &WeeklyData, section: &Section) -> Option<String> {
    let restated = section.restated.as_ref()?;
    let Restated { monday, published_at, before, now, .. } = restated;
    let money = |amount| format::money(amount, section.currency);
    let reasons = news::join(&reasons(restated, section.currency));
    let reasons = if reasons.is_empty() { reasons } else { format!(": {reasons}") };
    Some(format!(
        "Week {} is {} by now; its report said {} by the figures of {} ({}){reasons}.",
        monday.iso_week().week(),
        money(*now),
        money(*before),
        format::instant(*published_at, data.timezone),
        format::signed_money(*now - *before, section.currency),
    ))
}

fn reasons(restated: &Restated, currency: Currency) -> Vec<String> {
    let words = |reason| match reason {
        Reason::Bill => "the bill",
        Reason::Logs => "late logs",
        Reason::Ownership => "ownership",
        Reason::Rules => "pool rules",
        Reason::Other => "other facts that came late",
    };
    let Some(known) = &restated.parts else { return Vec::new() };
    let mut parts: Vec<_> = Reason::ALL
        .into_iter()
        .map(|reason| (reason, known.get(reason)))
        .filter(|(_, part)| !part.is_zero())
        .collect();
    parts.sort_by_key(|(_, part)| std::cmp::Reverse(part.abs()));
    parts
        .into_iter()
        .map(|(reason, part)| format!("{} {}", format::signed_money(part, currency), words(reason)))
        .collect()
}
