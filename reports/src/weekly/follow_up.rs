//! What a week's cost is seen against: the weeks before it, what to fix, what fixes have saved,
//! and what became of last week's figures.

use attribution::mart::{Difference, NONE};
use chrono::{Days, NaiveDate};
use model::{Amount, Currency};

use super::assemble::Facts;
use super::data::{Fix, Restated, Saved, WeekCost, covered};
use super::scope::Scope;
use crate::budget::{self, BudgetState};
use crate::lifecycle::Status;
use crate::mail::Reported;

/// Weeks of the trend, this one included.
pub(super) const WEEKS: u64 = 8;
/// Days after a fix in which reports tell what it saved.
const SAVED_DAYS: u64 = 92;

/// The weeks before and this one, from the first of which the ledger holds a day.
pub(super) fn trend(facts: &Facts, scope: &Scope, currency: Currency) -> Vec<WeekCost> {
    let mondays = (0..WEEKS).rev().filter_map(|back| facts.monday.checked_sub_days(Days::new(7 * back)));
    mondays
        .filter_map(|monday| {
            let (from, to) = covered(facts.held, monday)?;
            let cost = week_cost(facts, scope, currency, monday);
            Some(WeekCost { monday, cost, is_whole: to - from == chrono::TimeDelta::days(7) })
        })
        .collect()
}

/// What goes on and waits for somebody, the largest saving first.
pub(super) fn fixes(facts: &Facts, scope: &Scope, currency: Currency) -> Vec<Fix> {
    let waits = |id: &str| {
        let known = facts.tracked.iter().find(|tracked| tracked.finding_id == id);
        known.is_none_or(|known| known.status.is_waiting())
    };
    let mut fixes: Vec<Fix> = facts
        .findings
        .iter()
        .filter(|one| one.currency == currency && scope.holds(one.team.as_deref().unwrap_or(NONE)))
        .filter(|one| waits(&one.id))
        .map(|one| Fix {
            id: one.id.clone(),
            detector: one.detector.clone(),
            subject: one.subject.clone(),
            team: one.team.clone(),
            net: one.net_saving,
            claimed: one.claimed_saving,
            is_cash: one.is_cash,
        })
        .collect();
    fixes.sort_by(|a, b| b.net.cmp(&a.net).then_with(|| a.id.cmp(&b.id)));
    fixes
}

/// What fixes of the last months have saved, the newest first.
pub(super) fn saved(facts: &Facts, scope: &Scope, currency: Currency) -> Vec<Saved> {
    let end = facts.monday.checked_add_days(Days::new(7)).unwrap_or(facts.monday);
    let first = end.checked_sub_days(Days::new(SAVED_DAYS)).unwrap_or(end);
    let mut saved: Vec<Saved> = facts
        .tracked
        .iter()
        .filter(|one| one.status == Status::Resolved && one.currency == currency)
        .filter(|one| scope.holds(one.team.as_deref().unwrap_or(NONE)))
        .filter_map(|one| {
            let since = one.resolved_on.filter(|day| first <= *day && *day < end)?;
            Some(Saved {
                id: one.finding_id.clone(),
                detector: one.detector.clone(),
                subject: one.subject.clone(),
                since,
                monthly: one.realised.as_ref()?.monthly(),
                promised: one.promised_saving,
            })
        })
        .collect();
    saved.sort_by(|a, b| b.since.cmp(&a.since).then_with(|| a.id.cmp(&b.id)));
    saved
}

/// How the figure of the week before differs from what its report said.
pub(super) fn restated(facts: &Facts, scope: &Scope, currency: Currency) -> Option<Restated> {
    let monday = facts.monday.checked_sub_days(Days::new(7))?;
    let mine = |one: &&Reported| one.team.as_deref() == scope.team() && one.currency == currency;
    let said = facts.reported.iter().find(mine)?;
    let now = week_cost(facts, scope, currency, monday);
    if now == said.cost {
        return None;
    }
    let mine = facts
        .differences
        .iter()
        .filter(|row| row.currency == currency && row.keys.first().is_some_and(|team| scope.holds(team)));
    let all = Difference::together("", mine).filter(|all| all.before == said.cost && all.now == now);
    Some(Restated {
        monday,
        published_at: said.published_at,
        before: said.cost,
        now,
        parts: all.map(|all| all.parts),
    })
}

fn week_cost(facts: &Facts, scope: &Scope, currency: Currency, monday: NaiveDate) -> Amount {
    let rows = facts.weeks.iter().filter(|row| row.currency == currency);
    rows.filter_map(|row| match row.keys.as_slice() {
        [week, team] if scope.holds(team) && week.parse::<NaiveDate>() == Ok(monday) => Some(row.cost),
        _ => None,
    })
    .sum()
}

/// Budgets: in the platform's report all, in a team's its own and those of teams within it; what is
/// furthest beyond its amount first, whichever month it is of.
pub(super) fn budgets(facts: &Facts, scope: &Scope, currency: Currency) -> Vec<BudgetState> {
    let is_mine = |state: &&BudgetState| {
        state.budget.currency == currency && scope.holds(state.budget.scope.team.as_deref().unwrap_or(NONE))
    };
    let mut mine: Vec<BudgetState> = facts.budgets.iter().filter(is_mine).cloned().collect();
    budget::furthest_first(&mut mine);
    mine
}
