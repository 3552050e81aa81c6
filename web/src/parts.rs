//! What a cost is made of: its six categories, by the values of one dimension; and what of it
//! stands under no team.

use std::collections::BTreeMap;

use attribution::mart::{Dimension, Filter, Idle, NONE};
use model::{Amount, Category};

use crate::context::{Context, only};
use crate::error::PageError;
use crate::sentence::Sentence;

/// Costs of one thing by category.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Parts([Amount; 6]);

impl Parts {
    /// One category.
    pub fn get(&self, category: Category) -> Amount {
        self.0[category as usize]
    }

    /// All of it.
    pub fn total(&self) -> Amount {
        self.0.iter().copied().sum()
    }

    /// What runs and tables were given, and what named its owner.
    pub fn used(&self) -> Amount {
        self.get(Category::Direct) + self.get(Category::Usage) + self.get(Category::Storage)
    }

    /// Paid for and not used.
    pub fn idle(&self) -> Amount {
        self.get(Category::Idle)
    }

    /// Of use to all, or nobody's.
    pub fn rest(&self) -> Amount {
        self.get(Category::Shared) + self.get(Category::Unallocated)
    }

    /// Several together.
    pub fn sum<'a>(all: impl Iterator<Item = &'a Self>) -> Self {
        let mut sum = Self::default();
        for parts in all {
            for category in Category::ALL {
                sum.add(category, parts.get(category));
            }
        }
        sum
    }

    /// Adds to one category.
    pub fn add(&mut self, category: Category, cost: Amount) {
        self.0[category as usize] += cost;
    }
}

/// Costs by the values of a dimension, cut into categories. A category this build does
/// not know counts as unallocated, so that totals hold.
pub fn by(
    context: &Context<'_>,
    dimension: Dimension,
    filters: &[Filter],
) -> Result<BTreeMap<String, Parts>, PageError> {
    let mut parts: BTreeMap<String, Parts> = BTreeMap::new();
    for row in context.costs(&[dimension, Dimension::Category], filters)? {
        let category = row.keys[1].parse().unwrap_or(Category::Unallocated);
        parts.entry(row.keys[0].clone()).or_default().add(category, row.cost);
    }
    Ok(parts)
}

/// Parts of the whole that the filters leave.
pub fn of(context: &Context<'_>, filters: &[Filter]) -> Result<Parts, PageError> {
    let mut parts = Parts::default();
    for row in context.costs(&[Dimension::Category], filters)? {
        parts.add(row.keys[0].parse().unwrap_or(Category::Unallocated), row.cost);
    }
    Ok(parts)
}

/// Costs by the values of a dimension, one value a day of the scope.
pub fn daily(
    context: &Context<'_>,
    dimension: Dimension,
    filters: &[Filter],
) -> Result<BTreeMap<String, Vec<Amount>>, PageError> {
    let days = context.days();
    let mut daily: BTreeMap<String, Vec<Amount>> = BTreeMap::new();
    for row in context.costs(&[dimension, Dimension::Day], filters)? {
        let Some(at) = row.keys[1].parse().ok().and_then(|day| days.binary_search(&day).ok()) else {
            continue;
        };
        daily.entry(row.keys[0].clone()).or_insert_with(|| vec![Amount::ZERO; days.len()])[at] += row.cost;
    }
    Ok(daily)
}

/// What stands under no team, told apart. These words mean the same figures on every page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NoTeam {
    /// Taxes, support, credits and unused commitments that the view leaves by themselves.
    pub shared: Amount,
    /// Idle, in a view that leaves it by itself.
    pub idle: Amount,
    /// What a team could own and none does: all that is unallocated, and runs, tables and idle
    /// that no rule claims.
    pub no_owner: Amount,
}

impl NoTeam {
    /// All of it.
    pub fn total(&self) -> Amount {
        self.shared + self.idle + self.no_owner
    }

    /// Goes on with `; $12.00 is shared by all and $3.00 has no owner`, as far as there is any.
    pub fn said(&self, context: &Context<'_>, sentence: Sentence) -> Sentence {
        let named = [
            (self.shared, " is shared by all"),
            (self.idle, " is idle, by itself"),
            (self.no_owner, " has no owner"),
        ];
        let said = named.into_iter().filter(|(cost, _)| !cost.is_zero()).enumerate();
        said.fold(sentence, |sentence, (nth, (cost, words))| {
            sentence.say(if nth == 0 { "; " } else { " and " }).figure(context.money(cost)).say(words)
        })
    }

    /// The same beside a figure: `$12.00 shared by all, $3.00 without an owner`.
    pub fn noted(&self, context: &Context<'_>) -> String {
        let named = [
            (self.shared, "shared by all"),
            (self.idle, "idle by itself"),
            (self.no_owner, "without an owner"),
        ];
        let noted = named.into_iter().filter(|(cost, _)| !cost.is_zero());
        noted.map(|(cost, words)| format!("{} {words}", context.money(cost))).collect::<Vec<_>>().join(", ")
    }
}

/// What no team pays for within the lens.
pub fn no_team(context: &Context<'_>) -> Result<NoTeam, PageError> {
    let parts = of(context, &one(Dimension::Team, NONE))?;
    let shared = parts.get(Category::Shared);
    let idle = if context.lens.view.idle == Idle::Keep { parts.idle() } else { Amount::ZERO };
    Ok(NoTeam { shared, idle, no_owner: parts.total() - shared - idle })
}

/// The key with most cost, and that cost; keys without a name do not count.
pub fn largest(costs: &BTreeMap<String, Amount>) -> Option<(&str, Amount)> {
    costs
        .iter()
        .filter(|(key, cost)| *key != NONE && **cost > Amount::ZERO)
        .max_by(|a, b| a.1.cmp(b.1).then_with(|| b.0.cmp(a.0)))
        .map(|(key, cost)| (key.as_str(), *cost))
}

/// One filter as a list.
pub fn one(dimension: Dimension, value: &str) -> Vec<Filter> {
    vec![only(dimension, value)]
}
