//! The news in words: the subject and the sentence.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use model::{Amount, Category};

use super::data::{Cause, Driver, Moved, Section, WeeklyData};
use super::scope::Scope;
use crate::budget::BudgetState;
use crate::{format, label};

/// Columns a name may take in a subject and in a sentence.
const NAME_COLUMNS: usize = 48;
/// Causes named in the sentence at most.
const CAUSES: usize = 3;

/// The subject: who, how much, how it changed, mostly why; where a budget is exceeded, or will be,
/// that before all else.
pub(super) fn subject(data: &WeeklyData) -> String {
    let who = who(&data.scope);
    let verb = verb(&data.scope);
    let when = match data.covered() {
        Some((_, to)) if to < data.end() => format!("{} so far", data.week_words()),
        Some((from, _)) if from > data.monday => format!("a part of {}", data.week_words()),
        _ => data.week_words(),
    };
    if data.sections.is_empty() {
        return format!("{who} {verb} nothing in {}", data.week_words());
    }
    let mut news = Vec::new();
    for section in &data.sections {
        let amount = format::money_short(section.total(), section.currency);
        news.push(match trend(section) {
            Some(trend) => format!("{amount} ({trend})"),
            None => amount,
        });
    }
    let cause = match data.sections.as_slice() {
        [only] => main_cause(only).map(|cause| format!(", mostly {cause}")).unwrap_or_default(),
        _ => String::new(),
    };
    let spent = join(&news);
    if let Some(budget) = own_budget(data) {
        return format!("{who} {budget}: {spent} in {when}");
    }
    match others_over(data) {
        Some(over) => format!("{who} {verb} {spent} in {when}; over budget: {over}"),
        None => format!("{who} {verb} {spent} in {when}{cause}"),
    }
}

/// `is over its October budget (112%)`: of all that the report is about, not of a part of it.
fn own_budget(data: &WeeklyData) -> Option<String> {
    let is_own = |state: &&BudgetState| {
        let scope = &state.budget.scope;
        scope.team.as_deref() == data.scope.team() && scope.filters.is_empty()
    };
    // What is furthest beyond its amount comes first; what was exceeded counts more than what will be.
    let own = || data.sections.iter().flat_map(|section| &section.budgets).filter(is_own);
    let state = own().find(|state| state.is_over()).or_else(|| own().next())?;
    let month = state.month.format("%B");
    let share = |amount| format::percent(amount, state.budget.amount).unwrap_or_default();
    if state.is_over() {
        return Some(format!("is over its {month} budget ({})", share(state.spent)));
    }
    let forecast = state.forecast.filter(|_| state.is_expected_over())?;
    Some(format!("is heading for {} of its {month} budget", share(forecast)))
}

/// The exceeded budgets of others in the report of the platform, or of a team with others within it:
/// their names, or how many.
fn others_over(data: &WeeklyData) -> Option<String> {
    const NAMED: usize = 2;
    if !data.scope.has_teams() {
        return None;
    }
    let over = data.sections.iter().flat_map(|section| &section.budgets).filter(|state| state.is_over());
    let mut names: Vec<String> = over.map(|state| name_words(&state.budget.name)).collect();
    // One may be exceeded in the month that ended within the week, and in the next already.
    let mut told = BTreeSet::new();
    names.retain(|name| told.insert(name.clone()));
    match names.len() {
        0 => None,
        1..=NAMED => Some(join(&names)),
        n => Some(format!("{n} budgets")),
    }
}

/// The news of one currency.
pub(super) struct News {
    /// The whole and its change.
    pub headline: String,
    /// What the change is made of, largest first.
    pub causes: Vec<String>,
}

impl News {
    /// All of it as one sentence.
    pub fn sentence(&self) -> String {
        match self.causes.as_slice() {
            [] => self.headline.clone(),
            causes => format!("{}: {}.", self.headline.trim_end_matches('.'), join(causes)),
        }
    }
}

/// The news of one currency: the whole, the change, and what it is made of.
pub(super) fn news(data: &WeeklyData, section: &Section) -> News {
    let total = format::money(section.total(), section.currency);
    let what = format!("{} {} {total}", who(&data.scope), verb(&data.scope));
    let when = match data.covered() {
        Some((from, to)) if !data.is_whole() => format!("in {}, {}", data.week_words(), span(from, to)),
        _ => format!("in {}", data.week_words()),
    };
    let earlier = if data.is_whole() { "the week before" } else { "the same days of the week before" };
    let plain = |headline| News { headline, causes: Vec::new() };
    let Some(before) = section.total_before() else {
        let whole = if data.is_whole() { "earlier week" } else { "earlier week with the same days" };
        return plain(format!("{what} {when}. There is no {whole} to compare with."));
    };
    let now = section.total();
    if now == before {
        return plain(format!("{what} {when}, exactly as much as {earlier}."));
    }
    let difference = format::signed_money(now - before, section.currency);
    let change = match format::change_percent(now, before) {
        Some(percent) if is_small(now, before) => {
            return plain(format!("{what} {when}, about as much as {earlier} ({difference}, {percent})."));
        }
        Some(percent) => {
            format!(
                "{} {} ({difference}) on {earlier}",
                direction(now, before),
                percent.trim_start_matches(['+', '-'])
            )
        }
        None if before.is_zero() => format!("after nothing in {earlier}"),
        None => format!("{difference} against {earlier}"),
    };
    News { headline: format!("{what} {when}, {change}."), causes: causes(section, before) }
}

fn who(scope: &Scope) -> String {
    match scope {
        Scope::Platform => "The platform".to_owned(),
        Scope::Team(team) => name_words(team.name()),
    }
}

fn verb(scope: &Scope) -> &'static str {
    match scope {
        Scope::Platform => "cost",
        Scope::Team(_) => "spent",
    }
}

/// `up 12%`, `down 3.4%`, `new`, `unchanged`.
fn trend(section: &Section) -> Option<String> {
    trend_of(section.total(), section.total_before()?)
}

pub(super) fn trend_of(now: Amount, before: Amount) -> Option<String> {
    if now == before {
        return Some("unchanged".to_owned());
    }
    if before.is_zero() {
        return Some("new".to_owned());
    }
    let percent = format::change_percent(now, before)?;
    Some(format!("{} {}", direction(now, before), percent.trim_start_matches(['+', '-'])))
}

fn direction(now: Amount, before: Amount) -> &'static str {
    if now > before { "up" } else { "down" }
}

/// Below one per cent nothing needs a reason.
fn is_small(now: Amount, before: Amount) -> bool {
    let change = (now - before).units().unsigned_abs();
    change < before.units().unsigned_abs() / 100
}

/// The cause of at least half the change, if one is.
fn main_cause(section: &Section) -> Option<String> {
    let (now, before) = (section.total(), section.total_before()?);
    if before.units() <= 0 || is_small(now, before) {
        return None;
    }
    let change = now - before;
    let told = told(section);
    let first = told.first()?;
    let same_way = (first.change.units() < 0) == (change.units() < 0);
    let half = first.change.units().unsigned_abs() >= change.units().unsigned_abs() / 2;
    let moved = first.moved.map(|moved| format!(", which {}", short_move(moved))).unwrap_or_default();
    (same_way && half).then(|| format!("{}{moved}", first.name))
}

/// `moved to ads`, for a subject.
fn short_move(moved: &Moved) -> String {
    match (moved.team.as_deref().map(name_words), moved.is_out) {
        (Some(team), true) => format!("moved to {team}"),
        (Some(team), false) => format!("came from {team}"),
        (None, true) => "lost its team".to_owned(),
        (None, false) => "had no team".to_owned(),
    }
}

/// A part of the change as it is told: one thing, or all that moved to or from one team.
struct Told<'a> {
    name: String,
    change: Amount,
    reason: Option<String>,
    /// Where a single thing went.
    moved: Option<&'a Moved>,
}

/// The parts of the change, largest first. What moved to one team is one part: that a team was
/// divided is one piece of news, not one for each of its workloads.
fn told(section: &Section) -> Vec<Told<'_>> {
    let mut moves: BTreeMap<(Option<&str>, bool), Vec<&Driver>> = BTreeMap::new();
    for driver in &section.drivers {
        if let Some(moved) = &driver.moved {
            moves.entry((moved.team.as_deref(), moved.is_out)).or_default().push(driver);
        }
    }
    moves.retain(|_, drivers| drivers.len() > 1);
    let is_single = |driver: &&Driver| {
        let moved = driver.moved.as_ref();
        moved.is_none_or(|moved| !moves.contains_key(&(moved.team.as_deref(), moved.is_out)))
    };
    let mut told: Vec<Told<'_>> = section
        .drivers
        .iter()
        .filter(is_single)
        .map(|driver| Told {
            name: cause_words(&driver.cause),
            change: driver.change(),
            reason: reason(driver, section),
            moved: driver.moved.as_ref(),
        })
        .collect();
    told.extend(moves.into_values().map(|drivers| together(&drivers)));
    told.sort_by_key(|one| std::cmp::Reverse(one.change.abs()));
    told
}

/// `4 workloads and 3 tables moved to ads on Tue 10 Nov 2026`.
fn together<'a>(drivers: &[&'a Driver]) -> Told<'a> {
    let is_workload = |driver: &&&Driver| matches!(driver.cause, Cause::Workload(_));
    let workloads = drivers.iter().filter(is_workload).count();
    let counted = |n: usize, one: &str| match n {
        0 => None,
        1 => Some(format!("1 {one}")),
        n => Some(format!("{} {one}s", group(n as u64))),
    };
    let things = [counted(workloads, "workload"), counted(drivers.len() - workloads, "table")];
    let things: Vec<String> = things.into_iter().flatten().collect();
    // What runs now and then is seen to have moved later than the rest.
    let first = drivers.iter().filter_map(|driver| driver.moved.as_ref()).min_by_key(|moved| moved.day);
    let moved = first.map(move_words).unwrap_or_default();
    Told {
        name: format!("{} {}", join(&things), moved.replace("moved here from", "that came from")),
        change: drivers.iter().map(|driver| driver.change()).sum(),
        reason: None,
        moved: None,
    }
}

fn move_words(moved: &Moved) -> String {
    crate::reason::moved(moved.team.as_deref(), moved.is_out, moved.day)
}

/// The largest causes in the direction of the change, and one that worked
/// against it when it is a fifth of the change or more.
fn causes(section: &Section, before: Amount) -> Vec<String> {
    let change = section.total() - before;
    let with = |told: &&Told<'_>| (told.change.units() < 0) == (change.units() < 0);
    let size = |amount: Amount| amount.units().unsigned_abs();
    let told = told(section);
    let mut named = Vec::new();
    let mut rest: u128 = told.iter().filter(with).map(|one| size(one.change)).sum();
    for one in told.iter().filter(with).take(CAUSES) {
        // A twentieth of the change, or less, explains nothing.
        if size(one.change) < size(change) / 20 {
            break;
        }
        named.push(cause(one, section, before));
        rest = rest.saturating_sub(size(one.change));
        if rest < size(change) / 10 {
            break;
        }
    }
    let against = told.iter().find(|one| !with(one));
    if let Some(one) = against.filter(|one| size(one.change) >= size(change) / 5) {
        named.push(cause(one, section, before));
    }
    named
}

/// `9.1 points from ranker/train (31 runs after 24)`.
fn cause(told: &Told<'_>, section: &Section, before: Amount) -> String {
    let amount = match format::percent(told.change, before) {
        // Points that are no plain number, as of what began with nearly nothing, say less than money.
        Some(percent) if before.units() > 0 && !percent.contains(['<', '>']) => {
            let points = percent.trim_end_matches('%');
            let sign = if told.change.units() > 0 { "+" } else { "" };
            let unit = if points.trim_start_matches('-') == "1.0" { "point" } else { "points" };
            format!("{sign}{points} {unit}")
        }
        _ => format::signed_money(told.change, section.currency),
    };
    match &told.reason {
        Some(reason) => format!("{amount} from {} ({reason})", told.name),
        None => format!("{amount} from {}", told.name),
    }
}

/// Why something cost more or less: that it moved, else as far as its runs say, else what it is
/// mostly of.
pub(super) fn reason(driver: &Driver, section: &Section) -> Option<String> {
    if let Some(moved) = &driver.moved {
        return Some(move_words(moved));
    }
    if let Some(what) = &driver.mostly {
        return Some(format!("mostly {}", name_words(what)));
    }
    let (now, before) = driver.runs?;
    let rose = driver.now > driver.before;
    let each = |cost: Amount, runs: u64| {
        format::money(Amount::from_units(cost.units() / i128::from(runs)), section.currency)
    };
    let runs = |n: u64| if n == 1 { "1 run".to_owned() } else { format!("{} runs", group(n)) };
    match (now, before) {
        (0, 0) => None,
        (_, 0) if driver.before.is_zero() => Some(format!("new, {}", runs(now))),
        // Some costs of a workload are of no run: these figures would contradict them.
        (_, 0) if !rose => None,
        (0, _) if rose => None,
        (_, 0) => Some(format!("{} after none", runs(now))),
        (0, _) => Some(format!("no run after {}", group(before))),
        _ if now != before && (now > before) == rose => {
            Some(format!("{} after {}", runs(now), group(before)))
        }
        _ => {
            let (dear, was) = (each(driver.now, now), each(driver.before, before));
            (dear != was).then(|| format!("{dear} a run after {was}"))
        }
    }
}

pub(super) fn cause_words(cause: &Cause) -> String {
    match cause {
        Cause::Workload(name) => name_words(name),
        Cause::Table(name) => format!("storage of {}", name_words(name)),
        Cause::Category(Category::Direct) => "direct charges".to_owned(),
        Cause::Category(Category::Usage) => "use by no known workload".to_owned(),
        Cause::Category(Category::Storage) => "storage".to_owned(),
        Cause::Category(Category::Shared) => "shared costs".to_owned(),
        Cause::Category(Category::Idle) => "idle capacity".to_owned(),
        Cause::Category(Category::Unallocated) => "unallocated costs".to_owned(),
    }
}

/// `Mon 5 Oct 2026 only`, `Mon 5 Oct 2026 to Wed 7 Oct 2026`.
pub(super) fn span(from: NaiveDate, to: NaiveDate) -> String {
    let last = to.pred_opt().unwrap_or(to);
    if last == from {
        return format!("{} only", format::day(from));
    }
    format!("{} to {}", format::day(from), format::day(last))
}

fn name_words(name: &str) -> String {
    label::shorten(&label::visible(name), NAME_COLUMNS)
}

fn group(n: u64) -> String {
    format::count(i64::try_from(n).unwrap_or(i64::MAX))
}

/// `a`, `a and b`, `a, b and c`.
pub(super) fn join(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [only] => only.clone(),
        [head @ .., last] => format!("{} and {last}", head.join(", ")),
    }
}
