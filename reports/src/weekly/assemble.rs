//! From the mart's rows to the facts of one report: pure sums and ranks.
//!
//! Every grouping of a section sums to its cost; nothing is left out for being
//! small or nameless.

use std::collections::BTreeMap;

use attribution::mart::{BalanceRow, CostRow, Difference, Finding, NONE};
use chrono::NaiveDate;
use model::{Amount, Category, Currency};

use super::data::{Cause, DayCost, Driver, Group, Item, Nameless, Parts, Section};
use super::follow_up;
use super::moves::Held;
use super::scope::Scope;
use crate::budget::BudgetState;
use crate::error::ReportError;
use crate::lifecycle::Tracked;
use crate::mail::Reported;
use crate::palette::{ColourSlot, slot_of};

/// Teams with a colour of their own in the platform's chart.
const TEAMS_SHOWN: usize = 6;
/// Workloads with a colour of their own in a team's chart.
const WORKLOADS_SHOWN: usize = 4;

/// What was asked of the mart, for all teams at once.
pub(super) struct Facts {
    /// By team, category, workload and table, over the days held of the week.
    pub now: Vec<CostRow>,
    /// The same for the week before, where it can be compared.
    pub before: Option<Vec<CostRow>>,
    /// What has neither workload nor table: by team, category, service and cluster.
    pub nameless_now: Vec<CostRow>,
    /// The same for the week before.
    pub nameless_before: Vec<CostRow>,
    /// Who owned what when.
    pub held_by: Held,
    /// By day, team, category and workload.
    pub by_day: Vec<CostRow>,
    /// The conservation equation by day and service.
    pub balance: Vec<BalanceRow>,
    /// Currencies of the mart, largest first.
    pub currencies: Vec<Currency>,
    /// Configured teams in their order.
    pub teams: Vec<String>,
    /// First day of the week.
    pub monday: NaiveDate,
    /// Days held.
    pub held: Option<(NaiveDate, NaiveDate)>,
    /// By week and team, this week and those before it.
    pub weeks: Vec<CostRow>,
    /// Runs of workloads by currency and team, in this week and the one before.
    pub runs: Runs,
    /// Findings that go on and matter.
    pub findings: Vec<Finding>,
    /// What became of findings.
    pub tracked: Vec<Tracked>,
    /// Budgets in the month of the week's last day, and those exceeded in one that ended within it.
    pub budgets: Vec<BudgetState>,
    /// What the reports of the week before said.
    pub reported: Vec<Reported>,
    /// How the week before differs by team from the mart those reports were made of, where that
    /// is kept.
    pub differences: Vec<Difference>,
}

/// Runs of workloads with a cost in a currency, in this week and in the one before, by workload,
/// currency and team.
#[derive(Default)]
pub(super) struct Runs(pub BTreeMap<(String, Currency, Option<String>), (u64, u64)>);

impl Runs {
    /// Runs of a workload within a scope; nothing where none was counted.
    fn of(&self, workload: &str, currency: Currency, scope: &Scope) -> Option<(u64, u64)> {
        // Workloads sort together whatever their teams.
        let all = self.0.range((workload.to_owned(), currency, None)..);
        let mine = all.take_while(|((name, of, _), _)| name == workload && *of == currency);
        mine.filter(|((_, _, team), _)| scope.holds(team.as_deref().unwrap_or(NONE)))
            .map(|(_, runs)| *runs)
            .reduce(|a, b| (a.0 + b.0, a.1 + b.1))
    }
}

/// One section a currency in which the scope has a cost in either week, or a budget that is exceeded.
pub(super) fn sections(facts: &Facts, scope: &Scope) -> Result<Vec<Section>, ReportError> {
    // Sums of parts cannot leave the range of amounts when the sum of all sizes does not.
    let all = facts.now.iter().chain(facts.before.iter().flatten()).chain(&facts.by_day);
    all.map(|row| row.cost.units())
        .try_fold(0_i128, |sum, units| sum.checked_add(units.checked_abs()?))
        .ok_or_else(|| ReportError::TooLarge(scope.to_string()))?;
    let sections = facts.currencies.iter().map(|currency| section(facts, scope, *currency));
    Ok(sections.flatten().collect())
}

/// One row over the keys team, category, workload, table.
struct Part<'a> {
    team: &'a str,
    category: Option<Category>,
    workload: &'a str,
    table: &'a str,
    cost: Amount,
}

fn parts<'a>(rows: &'a [CostRow], scope: &'a Scope, currency: Currency) -> impl Iterator<Item = Part<'a>> {
    rows.iter().filter(move |row| row.currency == currency).filter_map(move |row| match row.keys.as_slice() {
        [team, category, workload, table] if scope.holds(team) => {
            Some(Part { team, category: category.parse().ok(), workload, table, cost: row.cost })
        }
        _ => None,
    })
}

fn section(facts: &Facts, scope: &Scope, currency: Currency) -> Option<Section> {
    let now: Vec<Part<'_>> = parts(&facts.now, scope, currency).collect();
    let before: Option<Vec<Part<'_>>> =
        facts.before.as_ref().map(|rows| parts(rows, scope, currency).collect());
    let budgets = follow_up::budgets(facts, scope, currency);
    let is_empty = now.is_empty() && before.as_ref().is_none_or(Vec::is_empty);
    if is_empty && !budgets.iter().any(BudgetState::is_over) {
        return None;
    }
    let (groups, days) = by_day(facts, scope, currency, &now);
    let mut workloads = items(&now, before.as_deref(), |part| part.workload);
    for item in &mut workloads {
        let runs = item.name.as_deref().and_then(|name| facts.runs.of(name, currency, scope));
        item.runs = runs.map(|runs| runs.0);
    }
    let mut drivers = before.as_deref().map(|before| drivers(&now, before)).unwrap_or_default();
    let nameless = nameless(facts, scope, currency, (&now, before.as_deref()));
    for driver in &mut drivers {
        let rose = driver.now > driver.before;
        match (&driver.cause, scope) {
            (Cause::Workload(name), _) => driver.runs = facts.runs.of(name, currency, scope),
            (Cause::Category(category), _) => driver.mostly = mostly(&nameless, *category, driver.change()),
            _ => {}
        }
        if let Scope::Team(team) = scope {
            driver.moved = facts.held_by.moved(team, &driver.cause, rose);
        }
    }
    let is_platform = matches!(scope, Scope::Platform);
    let without = |name: fn(&Part<'_>) -> bool| kinds(&now, before.as_deref(), name);
    Some(Section {
        currency,
        parts: categories(&now),
        before: before.as_deref().map(categories),
        owned: now.iter().filter(|part| part.team != NONE).map(|part| part.cost).sum(),
        charged: is_platform.then(|| balance(&facts.balance, currency)),
        groups,
        days,
        workloads,
        tables: items(&now, before.as_deref(), |part| part.table),
        teams: match scope.has_teams() {
            true => items(&now, before.as_deref(), |part| part.team),
            false => Vec::new(),
        },
        without_workload: without(|part| part.workload == NONE),
        without_table: without(|part| part.table == NONE),
        without_team: without(|part| part.team == NONE),
        nameless,
        drivers,
        trend: follow_up::trend(facts, scope, currency),
        fixes: follow_up::fixes(facts, scope, currency),
        saved: follow_up::saved(facts, scope, currency),
        restated: follow_up::restated(facts, scope, currency),
        budgets,
    })
}

fn categories(rows: &[Part<'_>]) -> Parts {
    let mut parts = Parts::default();
    for row in rows {
        // A category this build does not know is cost that nothing is known about.
        *parts.0.entry(row.category.unwrap_or(Category::Unallocated)).or_default() += row.cost;
    }
    parts
}

fn balance(rows: &[BalanceRow], currency: Currency) -> (Amount, Amount) {
    let mine = || rows.iter().filter(|row| row.currency == currency);
    (mine().map(|row| row.charged).sum(), mine().map(|row| row.difference).sum())
}

/// Costs by kind of what lacks something, in both weeks.
fn kinds(
    now: &[Part<'_>],
    before: Option<&[Part<'_>]>,
    lacks: fn(&Part<'_>) -> bool,
) -> BTreeMap<Category, (Amount, Amount)> {
    let mut sums: BTreeMap<Category, (Amount, Amount)> = BTreeMap::new();
    let kind = |part: &Part<'_>| part.category.unwrap_or(Category::Unallocated);
    for part in now.iter().filter(|part| lacks(part)) {
        sums.entry(kind(part)).or_default().0 += part.cost;
    }
    for part in before.unwrap_or_default().iter().filter(|part| lacks(part)) {
        sums.entry(kind(part)).or_default().1 += part.cost;
    }
    sums
}

/// What storage is called that lies in no table's location.
const NO_TABLE: &str = "no known table";

/// What belongs to no workload: storage by table, idle capacity by cluster, all else by service.
fn nameless(
    facts: &Facts,
    scope: &Scope,
    currency: Currency,
    (now, before): (&[Part<'_>], Option<&[Part<'_>]>),
) -> Vec<Nameless> {
    let mut sums: BTreeMap<(Category, &str), (Amount, Amount)> = BTreeMap::new();
    for (rows, is_now) in [(&facts.nameless_now, true), (&facts.nameless_before, false)] {
        for row in rows.iter().filter(|row| row.currency == currency) {
            let [team, category, service, cluster] = row.keys.as_slice() else { continue };
            let category = category.parse().unwrap_or(Category::Unallocated);
            if !scope.holds(team) || category == Category::Storage {
                continue;
            }
            let what = if category == Category::Idle && cluster != NONE { cluster } else { service };
            let sum = sums.entry((category, what)).or_default();
            *(if is_now { &mut sum.0 } else { &mut sum.1 }) += row.cost;
        }
    }
    for (parts, is_now) in [(now, true), (before.unwrap_or_default(), false)] {
        let stored = |part: &&Part<'_>| part.workload == NONE && part.category == Some(Category::Storage);
        for part in parts.iter().filter(stored) {
            let what = if part.table == NONE { NO_TABLE } else { part.table };
            let sum = sums.entry((Category::Storage, what)).or_default();
            *(if is_now { &mut sum.0 } else { &mut sum.1 }) += part.cost;
        }
    }
    let mut nameless: Vec<Nameless> = sums
        .into_iter()
        .map(|((category, what), (cost, before))| Nameless { category, what: what.to_owned(), cost, before })
        .collect();
    // What has a name leads: that something has none is no news.
    nameless.sort_by_key(|one| (one.what == NO_TABLE, std::cmp::Reverse(one.cost)));
    nameless
}

/// What a change of a kind of cost is mostly of: more than half of it, the same way.
fn mostly(nameless: &[Nameless], category: Category, change: Amount) -> Option<String> {
    // Storage is a cause by table already.
    let of_kind = nameless.iter().filter(|one| one.category == category && category != Category::Storage);
    let most = of_kind.max_by_key(|one| {
        let part = one.cost - one.before;
        if (part.units() < 0) == (change.units() < 0) { part.abs() } else { Amount::ZERO }
    })?;
    let part = most.cost - most.before;
    let is_most = (part.units() < 0) == (change.units() < 0)
        && part.units().unsigned_abs() > change.units().unsigned_abs() / 2;
    (is_most && most.what != NONE).then(|| most.what.clone())
}

/// Costs by name, dearest first, what has no name last.
fn items(
    now: &[Part<'_>],
    before: Option<&[Part<'_>]>,
    name: for<'p> fn(&'p Part<'_>) -> &'p str,
) -> Vec<Item> {
    let mut sums: BTreeMap<(String, String), (Amount, Amount)> = BTreeMap::new();
    for part in now {
        sums.entry((name(part).to_owned(), part.team.to_owned())).or_default().0 += part.cost;
    }
    for part in before.unwrap_or_default() {
        sums.entry((name(part).to_owned(), part.team.to_owned())).or_default().1 += part.cost;
    }
    let some = |text: String| (text != NONE).then_some(text);
    let mut items: Vec<Item> = sums
        .into_iter()
        .map(|((name, team), (cost, earlier))| Item {
            name: some(name),
            team: some(team),
            cost,
            before: before.map(|_| earlier),
            runs: None,
        })
        .collect();
    items.sort_by(|a, b| a.name.is_none().cmp(&b.name.is_none()).then(b.cost.cmp(&a.cost)));
    items
}

/// What changed, largest change first; the parts add up to the whole change.
fn drivers(now: &[Part<'_>], before: &[Part<'_>]) -> Vec<Driver> {
    let cause = |part: &Part<'_>| match (part.workload, part.table) {
        (NONE, NONE) => Cause::Category(part.category.unwrap_or(Category::Unallocated)),
        (NONE, table) => Cause::Table(table.to_owned()),
        (workload, _) => Cause::Workload(workload.to_owned()),
    };
    let mut sums: BTreeMap<Cause, (Amount, Amount)> = BTreeMap::new();
    for part in now {
        sums.entry(cause(part)).or_default().0 += part.cost;
    }
    for part in before {
        sums.entry(cause(part)).or_default().1 += part.cost;
    }
    let mut drivers: Vec<Driver> = sums
        .into_iter()
        .filter(|(_, (now, before))| now != before)
        .map(|(cause, (now, before))| Driver { cause, now, before, runs: None, moved: None, mostly: None })
        .collect();
    drivers.sort_by_key(|driver| std::cmp::Reverse(driver.change().abs()));
    drivers
}

/// The chart's groups and the attachment's rows, from the costs by day.
fn by_day(facts: &Facts, scope: &Scope, currency: Currency, now: &[Part<'_>]) -> (Vec<Group>, Vec<DayCost>) {
    let legend = Legend::new(facts, scope, now);
    let mut groups: BTreeMap<usize, [Amount; 7]> = BTreeMap::new();
    let mut days: BTreeMap<(NaiveDate, String, String), Amount> = BTreeMap::new();
    for row in facts.by_day.iter().filter(|row| row.currency == currency) {
        let [day, team, category, workload] = row.keys.as_slice() else { continue };
        let Ok(day) = day.parse::<NaiveDate>() else { continue };
        let index = usize::try_from((day - facts.monday).num_days()).unwrap_or(usize::MAX);
        if !scope.holds(team) || index >= 7 {
            continue;
        }
        let place = legend.place(team, category.parse().ok(), workload);
        groups.entry(place).or_default()[index] += row.cost;
        *days.entry((day, team.clone(), category.clone())).or_default() += row.cost;
    }
    let groups = groups
        .into_iter()
        .filter(|(_, days)| days.iter().any(|cost| !cost.is_zero()))
        .map(|(place, days)| Group {
            name: legend.entries[place].0.clone(),
            slot: legend.entries[place].1,
            days,
        })
        .collect();
    let days =
        days.into_iter().map(|((day, team, category), cost)| DayCost { day, team, category, cost }).collect();
    (groups, days)
}

/// Which group a cost is shown in: teams for the platform, workloads for a
/// team; what was paid for and not used is apart in both.
struct Legend {
    platform: bool,
    /// Names with a group of their own, in the order of their groups.
    names: Vec<String>,
    /// The named groups, then those of [`Legend::place`].
    entries: Vec<(String, ColourSlot)>,
}

impl Legend {
    fn new(facts: &Facts, scope: &Scope, now: &[Part<'_>]) -> Self {
        let platform = matches!(scope, Scope::Platform);
        let key = |part: &Part<'_>| if platform { part.team.to_owned() } else { part.workload.to_owned() };
        let mut sums: BTreeMap<String, Amount> = BTreeMap::new();
        for part in now.iter().filter(|part| part.category != Some(Category::Idle)) {
            *sums.entry(key(part)).or_default() += part.cost;
        }
        sums.remove(NONE);
        let mut ranked: Vec<(String, Amount)> = sums.into_iter().collect();
        ranked.sort_by_key(|(_, cost)| std::cmp::Reverse(*cost));
        ranked.truncate(if platform { TEAMS_SHOWN } else { WORKLOADS_SHOWN });
        let configured = |name: &str| facts.teams.iter().position(|team| team == name).unwrap_or(usize::MAX);
        if platform {
            // A team keeps its colour and its place from week to week.
            ranked.sort_by_key(|(name, _)| configured(name));
        }
        let names: Vec<String> = ranked.into_iter().map(|(name, _)| name).collect();
        let colour =
            |(i, name): (usize, &String)| if platform { slot_of(configured(name)) } else { slot_of(i) };
        let rest = match platform {
            true => [
                ("other teams", ColourSlot::Other),
                ("no team", ColourSlot::Nobody),
                ("", ColourSlot::Other),
                ("", ColourSlot::Other),
            ],
            false => [
                ("other workloads", ColourSlot::Other),
                ("storage", slot_of(WORKLOADS_SHOWN)),
                ("direct charges", slot_of(WORKLOADS_SHOWN + 1)),
                ("shared and other", slot_of(WORKLOADS_SHOWN + 2)),
            ],
        };
        let own = names.iter().enumerate().map(|(i, name)| (name.clone(), colour((i, name))));
        let entries = own
            .chain(rest.map(|(name, slot)| (name.to_owned(), slot)))
            .chain([("idle".to_owned(), ColourSlot::Idle)])
            .collect();
        Self { platform, names, entries }
    }

    fn place(&self, team: &str, category: Option<Category>, workload: &str) -> usize {
        let rest = self.names.len();
        let name = if self.platform { team } else { workload };
        if category == Some(Category::Idle) {
            return self.entries.len() - 1;
        }
        match self.names.iter().position(|own| own == name) {
            Some(place) => place,
            None if name != NONE => rest,
            None if self.platform => rest + 1,
            None => match category {
                Some(Category::Storage) => rest + 1,
                Some(Category::Direct) => rest + 2,
                _ => rest + 3,
            },
        }
    }
}
