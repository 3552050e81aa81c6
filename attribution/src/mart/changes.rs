//! Why a cost changed between two spans of days: price, volume, efficiency, what moved from one
//! team to another, what is new and what is gone, in parts that add up to the change exactly.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use model::{Amount, Category, Currency};

use super::costs::conditions;
use super::moves::{Move, Owners};
use super::ran::{Activities, Ran};
use super::{CostQuery, Dimension, Mart, MartError, NONE, Ownership};

/// What a change is made of. The parts sum to it to the last digit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChangeParts {
    /// More or fewer runs, at what a run cost before.
    pub volume: Amount,
    /// More or less held by each run, at what a core-second cost before.
    pub efficiency: Amount,
    /// A dearer or cheaper core-second.
    pub price: Amount,
    /// What another team owns now, or owned before.
    pub moved: Amount,
    /// What cost nothing before.
    pub new: Amount,
    /// What costs nothing now.
    pub gone: Amount,
    /// Costs without runs that were there before and are there now: storage, idle, shared, direct.
    pub other: Amount,
}

impl ChangeParts {
    /// The parts with their names, in the order they are told.
    pub fn named(&self) -> [(&'static str, Amount); 7] {
        [
            ("volume", self.volume),
            ("efficiency", self.efficiency),
            ("price", self.price),
            ("moved", self.moved),
            ("new", self.new),
            ("gone", self.gone),
            ("other", self.other),
        ]
    }

    /// All parts together: the change.
    pub fn sum(&self) -> Amount {
        self.named().into_iter().map(|(_, part)| part).sum()
    }

    fn add(&mut self, more: &Self) {
        self.volume += more.volume;
        self.efficiency += more.efficiency;
        self.price += more.price;
        self.moved += more.moved;
        self.new += more.new;
        self.gone += more.gone;
        self.other += more.other;
    }
}

/// What ran in one span.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Activity {
    /// Runs with a cost.
    pub runs: i64,
    /// Cores held x milliseconds.
    pub vcore_ms: i64,
}

/// How the cost of one group changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Values in the order of [`CostQuery::by`].
    pub keys: Vec<String>,
    /// Currency of the costs.
    pub currency: Currency,
    /// Cost in the span compared with.
    pub before: Amount,
    /// Cost in the span asked for.
    pub now: Amount,
    /// Why.
    pub parts: ChangeParts,
    /// Runs and cores then, of the workloads in the group.
    pub activity_before: Activity,
    /// Runs and cores now.
    pub activity_now: Activity,
    /// Changes of costs without runs by category, the new and gone ones too.
    pub by_category: BTreeMap<&'static str, Amount>,
    /// Where workloads went and came from, and what of the change each is.
    pub moves: BTreeMap<Move, Amount>,
}

impl Change {
    /// Several changes of one currency as one, by the name it is given; nothing of none.
    pub fn together(name: &str, changes: &[Self]) -> Option<Self> {
        let mut all = Self { keys: vec![name.to_owned()], ..changes.first()?.clone() };
        for more in &changes[1..] {
            all.before += more.before;
            all.now += more.now;
            all.parts.add(&more.parts);
            all.activity_before.add(more.activity_before);
            all.activity_now.add(more.activity_now);
            for (category, change) in &more.by_category {
                *all.by_category.entry(*category).or_default() += *change;
            }
            for (moved, change) in &more.moves {
                *all.moves.entry(moved.clone()).or_default() += *change;
            }
        }
        Some(all)
    }
}

/// Splits a change of a workload's cost.
///
/// What it would have cost with today's runs at the old cost a run (`C0 x n1 / n0`), then with
/// what they held at the old cost a core-second (`C0 x r1 / r0`), then what it did: the steps
/// between are volume, efficiency and price, and their sum is the change whatever is cut off.
pub fn decompose(before: (Amount, Activity), now: (Amount, Activity)) -> ChangeParts {
    let ((cost_0, then), (cost_1, today)) = (before, now);
    if cost_0.is_zero() {
        return ChangeParts { new: cost_1, ..ChangeParts::default() };
    }
    if cost_1.is_zero() {
        return ChangeParts { gone: -cost_0, ..ChangeParts::default() };
    }
    let positive = |a: i64, b: i64| a > 0 && b > 0;
    let with_runs = positive(then.runs, today.runs).then(|| cost_0.scaled(today.runs, then.runs)).flatten();
    let Some(with_runs) = with_runs else {
        return ChangeParts { price: cost_1 - cost_0, ..ChangeParts::default() };
    };
    let with_cores = positive(then.vcore_ms, today.vcore_ms)
        .then(|| cost_0.scaled(today.vcore_ms, then.vcore_ms))
        .flatten()
        // What its runs held is not known: that each costs more or less is all there is to say.
        .unwrap_or(cost_1);
    ChangeParts {
        volume: with_runs - cost_0,
        efficiency: with_cores - with_runs,
        price: cost_1 - with_cores,
        ..ChangeParts::default()
    }
}

/// One thing whose change is split: a group's workload, or its costs of one other category.
struct Item {
    keys: Vec<String>,
    currency: Currency,
    category: Category,
    /// Whose it was; several where it moved from one to another within the group.
    teams: Vec<String>,
    /// Empty where there are no runs.
    workload: String,
    before: Amount,
    now: Amount,
}

/// Puts what moved from one team to another within a group together: for the group it is one
/// workload that went on.
fn joined(items: Vec<Item>, owners: &Owners<'_>) -> Vec<Item> {
    let mut groups: BTreeMap<(Vec<String>, Currency, String), Vec<Item>> = BTreeMap::new();
    let mut all = Vec::new();
    for item in items {
        if item.category == Category::Usage {
            let group = (item.keys.clone(), item.currency, item.workload.clone());
            groups.entry(group).or_default().push(item);
        } else {
            all.push(item);
        }
    }
    for ((_, currency, workload), mut parts) in groups {
        while let Some(mut item) = parts.pop() {
            let is_next = |item: &Item, other: &Item| {
                let mut pairs =
                    item.teams.iter().flat_map(|one| other.teams.iter().map(move |two| (one, two)));
                pairs.any(|(one, two)| owners.are_one(one, two, &workload, currency))
            };
            // A chain of teams is followed from whichever part of it comes first.
            while let Some(at) = parts.iter().position(|other| is_next(&item, other)) {
                let other = parts.swap_remove(at);
                item.teams.extend(other.teams);
                item.before += other.before;
                item.now += other.now;
            }
            all.push(item);
        }
    }
    all
}

/// Half-open days as a condition.
fn within(days: (NaiveDate, NaiveDate)) -> String {
    format!("(usage_date >= date '{}' and usage_date < date '{}')", days.0, days.1)
}

/// The question for all days from the first to the last of both spans.
fn spanning(query: &CostQuery, before: (NaiveDate, NaiveDate), now: (NaiveDate, NaiveDate)) -> CostQuery {
    CostQuery { from: Some(before.0.min(now.0)), to: Some(before.1.max(now.1)), ..query.clone() }
}

/// What takes the place of `run_days`: runs with the teams that own them in this view.
fn run_days(query: &CostQuery) -> String {
    match query.view.ownership {
        Ownership::Restated => "run_days".to_owned(),
        _ => format!(
            "(select r.* replace (o.team as team)
            from run_days r
            join (
                select distinct usage_date, billing_currency, engine, run_id, team
                from {}
                where run_id is not null
            ) o
                on o.usage_date = r.usage_date and o.billing_currency = r.billing_currency
                and o.engine = r.engine and o.run_id = r.run_id)",
            query.owned_days()
        ),
    }
}

impl Mart {
    /// How each group's cost changed against another span, the largest change first. Runs and
    /// cores are those of whole workloads, whatever else the question filters by.
    ///
    /// # Errors
    /// When the mart cannot be asked.
    pub fn changes(
        &self,
        query: &CostQuery,
        against: (NaiveDate, NaiveDate),
    ) -> Result<Vec<Change>, MartError> {
        // Four digits of a year: what DuckDB reads of a date.
        let open = |year| NaiveDate::from_ymd_opt(year, 1, 1).unwrap_or_default();
        let now = (query.from.unwrap_or_else(|| open(1)), query.to.unwrap_or_else(|| open(9999)));
        let activities = self.activities(query, against, now)?;
        let owners = Owners::new(&activities);
        let mut changes: BTreeMap<(Vec<String>, Currency), Change> = BTreeMap::new();
        for item in joined(self.items(query, against, now)?, &owners) {
            let change = changes.entry((item.keys.clone(), item.currency)).or_insert_with(|| Change {
                keys: item.keys,
                currency: item.currency,
                before: Amount::ZERO,
                now: Amount::ZERO,
                parts: ChangeParts::default(),
                activity_before: Activity::default(),
                activity_now: Activity::default(),
                by_category: BTreeMap::new(),
                moves: BTreeMap::new(),
            });
            change.before += item.before;
            change.now += item.now;
            if item.category == Category::Usage {
                let ran = item
                    .teams
                    .iter()
                    .filter_map(|team| activities.get(&(team.clone(), item.workload.clone(), item.currency)));
                let (mut then, mut today) = (Activity::default(), Activity::default());
                ran.for_each(|ran| {
                    then.add(ran.before);
                    today.add(ran.now);
                });
                change.activity_before.add(then);
                change.activity_now.add(today);
                let difference = item.now - item.before;
                let moved = match item.teams.as_slice() {
                    [team] => owners.moved(team, &item.workload, item.currency, difference > Amount::ZERO),
                    _ => None,
                };
                match moved {
                    Some(moved) => {
                        change.parts.moved += difference;
                        *change.moves.entry(moved).or_default() += difference;
                    }
                    None => change.parts.add(&decompose((item.before, then), (item.now, today))),
                }
            } else {
                let difference = item.now - item.before;
                *change.by_category.entry(item.category.name()).or_default() += difference;
                match (item.before.is_zero(), item.now.is_zero()) {
                    (true, _) => change.parts.new += difference,
                    (false, true) => change.parts.gone += difference,
                    (false, false) => change.parts.other += difference,
                }
            }
        }
        let mut changes: Vec<Change> = changes.into_values().collect();
        changes.sort_by(|a, b| {
            let size = |change: &Change| (change.now - change.before).abs();
            size(b).cmp(&size(a)).then_with(|| (&a.keys, a.currency).cmp(&(&b.keys, b.currency)))
        });
        Ok(changes)
    }

    /// Costs of both spans by what is split.
    fn items(
        &self,
        query: &CostQuery,
        before: (NaiveDate, NaiveDate),
        now: (NaiveDate, NaiveDate),
    ) -> Result<Vec<Item>, MartError> {
        if self.is_remembered(query) {
            return self.remembered_items(query, before, now);
        }
        let mut parameters = Vec::new();
        let keys: Vec<String> = query.by.iter().map(|by| by.expression(&mut parameters)).collect();
        let width = keys.len();
        let both = spanning(query, before, now);
        let relation = both.relation(self)?;
        let condition = conditions(&both, &mut parameters);
        let (before, now) = (within(before), within(now));
        let of_run = |column: &str| {
            format!("case when c.category = 'usage' then coalesce(c.{column}, '{NONE}') else '' end")
        };
        let sum = |days: &str| {
            format!("cast(sum(case when {days} then c.{} else 0 end) as varchar)", query.basis.column())
        };
        let sql = format!(
            "select {}c.category, {}, {}, c.billing_currency, {}, {}
            from {relation} c
            where {condition} and ({before} or {now})
            group by all",
            keys.iter().map(|key| format!("{key}, ")).collect::<String>(),
            of_run("team"),
            of_run("workload"),
            sum(&before),
            sum(&now),
        );
        self.ask("compare costs of", &sql, parameters, |row| {
            let keys: Result<Vec<_>, _> = (0..width).map(|at| row.text(at)).collect();
            Ok(Item {
                keys: keys?,
                // A category this build does not know counts as unallocated.
                category: row.text(width)?.parse().unwrap_or(Category::Unallocated),
                teams: vec![row.text(width + 1)?],
                workload: row.text(width + 2)?,
                currency: row.currency(width + 3)?,
                before: row.amount(width + 4)?,
                now: row.amount(width + 5)?,
            })
        })
    }

    /// The same of what memory has.
    fn remembered_items(
        &self,
        query: &CostQuery,
        before: (NaiveDate, NaiveDate),
        now: (NaiveDate, NaiveDate),
    ) -> Result<Vec<Item>, MartError> {
        let width = query.by.len();
        let by = query.by.iter().cloned().chain([Dimension::Category, Dimension::Team, Dimension::Workload]);
        let query = CostQuery { by: by.collect(), ..query.clone() };
        let mut items: BTreeMap<(Vec<String>, Currency), (Amount, Amount)> = BTreeMap::new();
        for (days, is_now) in [(before, false), (now, true)] {
            for mut row in self.costs(&CostQuery { from: Some(days.0), to: Some(days.1), ..query.clone() })? {
                if row.keys[width] != Category::Usage.name() {
                    row.keys[width + 1..].iter_mut().for_each(String::clear);
                }
                let item = items.entry((row.keys, row.currency)).or_default();
                *(if is_now { &mut item.1 } else { &mut item.0 }) += row.cost;
            }
        }
        Ok(items
            .into_iter()
            .map(|((mut keys, currency), (before, now))| {
                let of_run = keys.split_off(width + 1);
                let category = keys.pop().and_then(|category| category.parse().ok());
                let [team, workload] = <[String; 2]>::try_from(of_run).unwrap_or_default();
                Item {
                    keys,
                    currency,
                    category: category.unwrap_or(Category::Unallocated),
                    teams: vec![team],
                    workload,
                    before,
                    now,
                }
            })
            .collect())
    }

    /// What ran in both spans.
    fn activities(
        &self,
        query: &CostQuery,
        before: (NaiveDate, NaiveDate),
        now: (NaiveDate, NaiveDate),
    ) -> Result<Activities, MartError> {
        if query.view.ownership == Ownership::Restated
            && let Some(cubes) = &self.cubes
        {
            return Ok(cubes.run_days(self)?.activities(before, now));
        }
        let relation = run_days(&spanning(query, before, now));
        let (before, now) = (within(before), within(now));
        let counted = |days: &str| {
            format!(
                "count(distinct (engine, run_id)) filter (where {days}),
                cast(coalesce(sum(vcore_ms) filter (where {days}), 0) as bigint)"
            )
        };
        let sql = format!(
            "select coalesce(team, '{NONE}'), coalesce(workload, '{NONE}'), billing_currency, {}, {},
                cast(min(usage_date) as varchar), cast(max(usage_date) as varchar)
            from {relation}
            group by all
            having bool_or({before} or {now})",
            counted(&before),
            counted(&now),
        );
        let rows = self.ask("count the runs of", &sql, Vec::new(), |row| {
            let activity = |at: usize| -> Result<_, MartError> {
                Ok(Activity { runs: row.int(at)?, vcore_ms: row.int(at + 1)? })
            };
            let ran = Ran {
                before: activity(3)?,
                now: activity(5)?,
                first: row.parsed(7, "a day")?,
                last: row.parsed(8, "a day")?,
            };
            Ok(((row.text(0)?, row.text(1)?, row.currency(2)?), ran))
        })?;
        Ok(rows.into_iter().collect())
    }
}

impl Activity {
    fn add(&mut self, more: Self) {
        self.runs += more.runs;
        self.vcore_ms = self.vcore_ms.saturating_add(more.vcore_ms);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn amount(text: &str) -> Amount {
        text.parse().unwrap()
    }

    fn ran(runs: i64, vcore_ms: i64) -> Activity {
        Activity { runs, vcore_ms }
    }

    fn shown(parts: ChangeParts) -> String {
        let parts = parts.named().into_iter().filter(|(_, part)| !part.is_zero());
        parts.map(|(name, part)| format!("{name} {part}")).collect::<Vec<_>>().join(", ")
    }

    #[test]
    fn the_worked_example_is_split_as_the_page_says() {
        // 10 runs of 100 core-seconds for $10; then 12 runs of 125 for $18.
        let parts = decompose((amount("10"), ran(10, 1_000_000)), (amount("18"), ran(12, 1_500_000)));
        assert_eq!(shown(parts), "volume 2, efficiency 3, price 3");
        assert_eq!(parts.sum(), amount("8"));
    }

    #[test]
    fn new_gone_and_unknown_are_told_apart() {
        let split = |before: &str, then, now: &str, today| {
            shown(decompose((amount(before), then), (amount(now), today)))
        };
        assert_eq!(split("0", ran(0, 0), "3", ran(1, 1)), "new 3");
        assert_eq!(split("3", ran(1, 1), "0", ran(0, 0)), "gone -3");
        assert_eq!(split("0", ran(0, 0), "0", ran(0, 0)), "");
        // No cores are known: what a run more costs is all there is.
        assert_eq!(split("4", ran(2, 0), "9", ran(3, 0)), "volume 2, efficiency 3");
        // A cost without any run (a cluster billed late, say) is a matter of price.
        assert_eq!(split("4", ran(0, 0), "9", ran(3, 5)), "price 5");
    }

    proptest! {
        /// The parts are the change to the last of 18 digits, whatever ran.
        #[test]
        fn the_parts_are_the_change(
            cost_0 in -10_i128.pow(24)..10_i128.pow(24), cost_1 in -10_i128.pow(24)..10_i128.pow(24),
            runs_0 in 0..1_000_000_i64, runs_1 in 0..1_000_000_i64,
            cores_0 in 0..i64::MAX, cores_1 in 0..i64::MAX,
        ) {
            let (before, now) = (Amount::from_units(cost_0), Amount::from_units(cost_1));
            let parts = decompose((before, ran(runs_0, cores_0)), (now, ran(runs_1, cores_1)));
            prop_assert_eq!(parts.sum(), now - before);
        }
    }
}
