//! The news in words: the subject and the sentence.

use chrono::NaiveDate;
use model::{Amount, Category};

use super::data::{Cause, Driver, Scope, Section, WeeklyData};
use crate::{format, label};

/// Columns a name may take in a subject and in a sentence.
const NAME_COLUMNS: usize = 48;
/// Causes named in the sentence at most.
const CAUSES: usize = 3;

/// The subject: who, how much, how it changed, mostly why.
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
    format!("{who} {verb} {} in {when}{cause}", join(&news))
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
        Scope::Team(name) => name_words(name),
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
    let (now, before) = (section.total(), section.total_before()?);
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
    let first = section.drivers.first()?;
    let same_way = (first.change().units() < 0) == (change.units() < 0);
    let half = first.change().units().unsigned_abs() >= change.units().unsigned_abs() / 2;
    (same_way && half).then(|| cause_words(&first.cause))
}

/// The largest causes in the direction of the change, and one that worked
/// against it when it is a fifth of the change or more.
fn causes(section: &Section, before: Amount) -> Vec<String> {
    let change = section.total() - before;
    let with = |driver: &&Driver| (driver.change().units() < 0) == (change.units() < 0);
    let size = |amount: Amount| amount.units().unsigned_abs();
    let mut named = Vec::new();
    let mut rest: u128 = section.drivers.iter().filter(with).map(|driver| size(driver.change())).sum();
    for driver in section.drivers.iter().filter(with).take(CAUSES) {
        // A twentieth of the change, or less, explains nothing.
        if size(driver.change()) < size(change) / 20 {
            break;
        }
        named.push(cause(driver, section, before));
        rest = rest.saturating_sub(size(driver.change()));
        if rest < size(change) / 10 {
            break;
        }
    }
    let against = section.drivers.iter().find(|driver| !with(driver));
    if let Some(driver) = against.filter(|driver| size(driver.change()) >= size(change) / 5) {
        named.push(cause(driver, section, before));
    }
    named
}

/// `9.1 points from ranker/train (31 runs after 24)`.
fn cause(driver: &Driver, section: &Section, before: Amount) -> String {
    let amount = match format::percent(driver.change(), before) {
        Some(percent) if before.units() > 0 => {
            let points = percent.trim_end_matches('%');
            let sign = if driver.change().units() > 0 { "+" } else { "" };
            let unit = if points.trim_start_matches('-') == "1.0" { "point" } else { "points" };
            format!("{sign}{points} {unit}")
        }
        _ => format::signed_money(driver.change(), section.currency),
    };
    let name = cause_words(&driver.cause);
    match reason(driver, section) {
        Some(reason) => format!("{amount} from {name} ({reason})"),
        None => format!("{amount} from {name}"),
    }
}

/// Why a workload cost more or less, as far as its runs say.
pub(super) fn reason(driver: &Driver, section: &Section) -> Option<String> {
    let (now, before) = driver.runs?;
    let each = |cost: Amount, runs: u64| Amount::from_units(cost.units() / i128::from(runs));
    let runs = |n: u64| if n == 1 { "1 run".to_owned() } else { format!("{} runs", group(n)) };
    match (now, before) {
        (0, 0) => None,
        (_, 0) => Some(format!("new, {}", runs(now))),
        (0, _) => Some(format!("no run after {}", group(before))),
        _ if now != before && (now > before) == (driver.now > driver.before) => {
            Some(format!("{} after {}", runs(now), group(before)))
        }
        _ => {
            let (dear, was) = (each(driver.now, now), each(driver.before, before));
            Some(format!(
                "{} a run after {}",
                format::money(dear, section.currency),
                format::money(was, section.currency)
            ))
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
