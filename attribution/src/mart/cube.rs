//! Costs of all days in memory, by every dimension but the run: a mart never changes, so what
//! is read of it once answers any grouping, filters and days in a few milliseconds.
//!
//! The same combination of dimensions returns day after day. It is kept once, as a *kind*; a
//! day's rows are a kind's number and its costs. A question looks at each kind once (is it
//! asked for, in which group is it) and then only adds.

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ops::Range;
use std::sync::Arc;

use chrono::{NaiveDate, Weekday};
use model::{Amount, Basis, Category, Currency};

use super::{CostQuery, CostRow, Dimension, Filter, Idle, NONE};

/// Dimensions of a kind, in the order of its codes; the currency after them.
pub(super) const COLUMNS: [&str; 14] = [
    "service_name",
    "account_id",
    "region_id",
    "pool",
    "category",
    "method",
    "team",
    "workload",
    "engine",
    "table_id",
    "consumer",
    "cluster_id",
    "tag_set_id",
    "billing_currency",
];
const CATEGORY: usize = 4;
const TEAM: usize = 6;
const TAG_SET: usize = 12;
const CURRENCY: usize = 13;

/// What stands for a missing value in every column.
const NO_VALUE: u32 = 0;

/// The column of a dimension; nothing for days, and for what is derived of a column.
fn column(dimension: &Dimension) -> Option<usize> {
    Some(match dimension {
        Dimension::Service => 0,
        Dimension::Account => 1,
        Dimension::Region => 2,
        Dimension::Pool => 3,
        Dimension::Category => CATEGORY,
        Dimension::Method => 5,
        Dimension::Team => TEAM,
        Dimension::Workload => 7,
        Dimension::Engine => 8,
        Dimension::Table => 9,
        Dimension::Consumer => 10,
        Dimension::Cluster => 11,
        _ => return None,
    })
}

/// Costs by day and kind.
pub(super) struct Cube {
    /// Every name there is; the first is [`NONE`].
    names: Vec<String>,
    /// Codes of each column, one a kind.
    kinds: [Vec<u32>; COLUMNS.len()],
    /// Days that have rows, in order, with where these are.
    days: Vec<(NaiveDate, Range<usize>)>,
    /// Kind of each row.
    row_kinds: Vec<u32>,
    /// Costs of each row, on each basis, in units of [`Amount`].
    costs: [Vec<i128>; 4],
}

/// What a cube is told beside itself.
pub(super) struct Derived<'a> {
    /// Of each tag that is asked for (by folded key) its value, by tag set.
    pub tags: &'a HashMap<String, Arc<HashMap<String, String>>>,
    /// The ancestor of a team at a level.
    pub levels: &'a HashMap<(String, u32), String>,
}

/// Reads a cube row by row; rows come by day.
pub(super) struct Builder {
    cube: Cube,
    codes: HashMap<String, u32>,
    numbers: HashMap<[u32; COLUMNS.len()], u32>,
    /// Codes of the row before: most of its values return.
    last: [u32; COLUMNS.len()],
}

impl Builder {
    pub fn new() -> Self {
        Self {
            cube: Cube {
                names: vec![NONE.to_owned()],
                kinds: Default::default(),
                days: Vec::new(),
                row_kinds: Vec::new(),
                costs: Default::default(),
            },
            codes: HashMap::from([(NONE.to_owned(), NO_VALUE)]),
            numbers: HashMap::new(),
            last: [NO_VALUE; COLUMNS.len()],
        }
    }

    /// Adds a row: its day, its names in the order of [`COLUMNS`] and its costs in the order of
    /// [`Basis::ALL`].
    pub fn add(&mut self, day: NaiveDate, names: [Option<&str>; COLUMNS.len()], costs: [Amount; 4]) {
        for (at, name) in names.into_iter().enumerate() {
            let name = name.unwrap_or(NONE);
            if self.cube.names[self.last[at] as usize] != name {
                self.last[at] = self.code(name);
            }
        }
        let next = self.numbers.len() as u32;
        let kind = *self.numbers.entry(self.last).or_insert(next);
        if kind == next {
            for (column, code) in self.cube.kinds.iter_mut().zip(self.last) {
                column.push(code);
            }
        }
        let at = self.cube.row_kinds.len();
        self.cube.row_kinds.push(kind);
        for (column, cost) in self.cube.costs.iter_mut().zip(costs) {
            column.push(cost.units());
        }
        match self.cube.days.last_mut() {
            Some((last, rows)) if *last == day => rows.end = at + 1,
            _ => self.cube.days.push((day, at..at + 1)),
        }
    }

    fn code(&mut self, name: &str) -> u32 {
        if let Some(code) = self.codes.get(name) {
            return *code;
        }
        let code = self.cube.names.len() as u32;
        self.cube.names.push(name.to_owned());
        self.codes.insert(name.to_owned(), code);
        code
    }

    pub fn finish(mut self) -> Cube {
        self.cube.row_kinds.shrink_to_fit();
        self.cube.costs.iter_mut().for_each(Vec::shrink_to_fit);
        self.cube
    }
}

/// What one dimension says of each kind: a code, and the names that codes stand for, where
/// these are not the cube's.
struct Keys<'c> {
    codes: Cow<'c, [u32]>,
    names: Option<Vec<String>>,
}

/// Whether a dimension is of days, not of kinds.
fn is_of_days(dimension: &Dimension) -> bool {
    matches!(dimension, Dimension::Day | Dimension::Week | Dimension::Month)
}

/// What a dimension of days says of one.
fn day_key(dimension: &Dimension, day: NaiveDate) -> Option<String> {
    match dimension {
        Dimension::Day => Some(day.to_string()),
        Dimension::Week => Some(day.week(Weekday::Mon).first_day().to_string()),
        Dimension::Month => Some(day.format("%Y-%m").to_string()),
        _ => None,
    }
}

/// A group of a kind that is not asked for.
const LEFT_OUT: u32 = u32::MAX;

impl Cube {
    /// Rows, for telling how much memory it takes.
    pub fn rows(&self) -> usize {
        self.row_kinds.len()
    }

    /// Whether it can answer for a dimension.
    pub fn knows(dimension: &Dimension) -> bool {
        !matches!(dimension, Dimension::Run)
    }

    /// Costs of a question by its groups, in no order. Categories of `spread` are left out; idle
    /// costs that a view keeps are no team's. The question knows no run.
    pub fn sums(&self, query: &CostQuery, derived: &Derived<'_>, spread: &[Category]) -> Vec<CostRow> {
        let kept_idle =
            (query.view.idle == Idle::Keep).then(|| self.code_of(Category::Idle.name())).flatten();
        let (of_days, of_kinds): (Vec<&Filter>, Vec<&Filter>) =
            query.filters.iter().partition(|filter| is_of_days(&filter.dimension));
        let keys: Vec<Option<Keys<'_>>> =
            query.by.iter().map(|dimension| self.keys(dimension, derived, kept_idle)).collect();
        let (groups, firsts) = self.groups(query, &of_kinds, &keys, derived, kept_idle, spread);
        let costs = &self.costs[Basis::ALL.iter().position(|basis| *basis == query.basis).unwrap_or(1)];

        let mut rows = Vec::new();
        let mut sums = vec![0_i128; firsts.len()];
        let mut seen = vec![false; firsts.len()];
        let mut touched: Vec<u32> = Vec::new();
        let mut open: Option<Vec<Option<String>>> = None;
        let mut flush =
            |of_day: &[Option<String>], sums: &mut [i128], seen: &mut [bool], touched: &mut Vec<u32>| {
                for group in touched.drain(..) {
                    let kind = firsts[group as usize] as usize;
                    let names = keys.iter().zip(of_day).map(|(keys, day)| match (keys, day) {
                        (Some(keys), _) => self.name(keys, kind).to_owned(),
                        (None, day) => day.clone().unwrap_or_default(),
                    });
                    let keys: Vec<String> = names.collect();
                    let cost = Amount::from_units(std::mem::take(&mut sums[group as usize]));
                    seen[group as usize] = false;
                    // A mart's currencies are read as such when it is opened.
                    let code = &self.names[self.kinds[CURRENCY][kind] as usize];
                    rows.push(CostRow { keys, currency: code.parse().unwrap_or(Currency::USD), cost });
                }
            };
        for (day, range) in &self.days {
            let is_asked = query.from.is_none_or(|from| from <= *day)
                && query.to.is_none_or(|to| *day < to)
                && of_days
                    .iter()
                    .all(|filter| day_key(&filter.dimension, *day).as_deref() == Some(&filter.value));
            if !is_asked {
                continue;
            }
            // Days come in order, so that those of one group follow each other.
            let of_day: Vec<Option<String>> = query.by.iter().map(|by| day_key(by, *day)).collect();
            if open.as_ref() != Some(&of_day)
                && let Some(before) = open.replace(of_day)
            {
                flush(&before, &mut sums, &mut seen, &mut touched);
            }
            for (kind, cost) in self.row_kinds[range.clone()].iter().zip(&costs[range.clone()]) {
                let group = groups[*kind as usize];
                if group == LEFT_OUT {
                    continue;
                }
                let at = group as usize;
                sums[at] += cost;
                if !seen[at] {
                    seen[at] = true;
                    touched.push(group);
                }
            }
        }
        if let Some(before) = open {
            flush(&before, &mut sums, &mut seen, &mut touched);
        }
        rows
    }

    /// The group of each kind, and the first kind of each group.
    fn groups(
        &self,
        query: &CostQuery,
        filters: &[&Filter],
        keys: &[Option<Keys<'_>>],
        derived: &Derived<'_>,
        kept_idle: Option<u32>,
        spread: &[Category],
    ) -> (Vec<u32>, Vec<u32>) {
        let count = self.kinds[0].len();
        let mut is_asked = vec![true; count];
        let mut leave = |condition: &dyn Fn(usize) -> bool| {
            for (kind, asked) in is_asked.iter_mut().enumerate() {
                *asked = *asked && condition(kind);
            }
        };
        for category in spread {
            let code = self.code_of(category.name());
            leave(&|kind| Some(self.kinds[CATEGORY][kind]) != code);
        }
        if let Some(currency) = query.currency {
            let code = self.code_of(currency.code());
            leave(&|kind| Some(self.kinds[CURRENCY][kind]) == code);
        }
        for filter in filters {
            let Some(keys) = self.keys(&filter.dimension, derived, kept_idle) else { continue };
            let names = keys.names.as_ref().unwrap_or(&self.names);
            let code = names.iter().position(|name| *name == filter.value);
            leave(&|kind| Some(keys.codes[kind] as usize) == code);
        }
        let mut groups = vec![LEFT_OUT; count];
        let mut firsts = Vec::new();
        let mut numbers: HashMap<Vec<u32>, u32> = HashMap::new();
        let mut key = Vec::with_capacity(keys.len() + 1);
        for kind in (0..count).filter(|kind| is_asked[*kind]) {
            key.clear();
            key.extend(keys.iter().flatten().map(|keys| keys.codes[kind]));
            key.push(self.kinds[CURRENCY][kind]);
            // Most kinds are of a group that is known: only a new one's key is kept.
            groups[kind] = match numbers.get(&key) {
                Some(group) => *group,
                None => {
                    let group = firsts.len() as u32;
                    firsts.push(kind as u32);
                    numbers.insert(key.clone(), group);
                    group
                }
            };
        }
        (groups, firsts)
    }

    fn code_of(&self, name: &str) -> Option<u32> {
        // Looked up a few times a question: an index of names would double their memory.
        self.names.iter().position(|known| known == name).map(|code| code as u32)
    }

    fn name<'k>(&'k self, keys: &'k Keys<'_>, kind: usize) -> &'k str {
        &keys.names.as_ref().unwrap_or(&self.names)[keys.codes[kind] as usize]
    }

    /// What a dimension says of each kind; nothing for those of days.
    fn keys(&self, dimension: &Dimension, derived: &Derived<'_>, kept_idle: Option<u32>) -> Option<Keys<'_>> {
        let is_kept_idle = |kind: usize| Some(self.kinds[CATEGORY][kind]) == kept_idle && kept_idle.is_some();
        let team = |kind: usize| if is_kept_idle(kind) { NO_VALUE } else { self.kinds[TEAM][kind] };
        match dimension {
            Dimension::Team if kept_idle.is_some() => {
                let codes = (0..self.kinds[TEAM].len()).map(team).collect();
                Some(Keys { codes, names: None })
            }
            Dimension::Org(level) => Some(self.mapped(team, |name| {
                derived.levels.get(&(name.to_owned(), *level)).map_or(name, String::as_str).to_owned()
            })),
            Dimension::Tag(key) => {
                let values = derived.tags.get(&model::tags::fold_key(key));
                Some(self.mapped(
                    |kind| self.kinds[TAG_SET][kind],
                    |set| values.and_then(|values| values.get(set)).map_or(NONE, String::as_str).to_owned(),
                ))
            }
            dimension => column(dimension)
                .map(|column| Keys { codes: Cow::Borrowed(&self.kinds[column]), names: None }),
        }
    }

    /// Names derived of a column's.
    fn mapped(&self, code: impl Fn(usize) -> u32, derive: impl Fn(&str) -> String) -> Keys<'_> {
        let (mut names, mut numbers) = (Vec::new(), HashMap::new());
        let mut of_code: HashMap<u32, u32> = HashMap::new();
        let codes = (0..self.kinds[0].len()).map(|kind| {
            let code = code(kind);
            match of_code.entry(code) {
                Entry::Occupied(known) => *known.get(),
                Entry::Vacant(new) => {
                    let name = derive(&self.names[code as usize]);
                    let number = *numbers.entry(name.clone()).or_insert_with(|| {
                        names.push(name);
                        names.len() as u32 - 1
                    });
                    *new.insert(number)
                }
            }
        });
        let codes = codes.collect();
        Keys { codes, names: Some(names) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cube() -> Cube {
        let mut builder = Builder::new();
        let mut add = |day: &str, category: &str, team: Option<&str>, tag_set: &str, cost: &str| {
            let mut names = [None; COLUMNS.len()];
            names[CATEGORY] = Some(category);
            names[TEAM] = team;
            names[TAG_SET] = Some(tag_set);
            names[CURRENCY] = Some("USD");
            let cost: Amount = cost.parse().unwrap();
            builder.add(day.parse().unwrap(), names, [cost + cost, cost, cost, cost]);
        };
        add("2026-10-04", "usage", Some("a"), "1", "1");
        add("2026-10-04", "idle", Some("a"), "2", "2");
        add("2026-10-05", "usage", Some("a"), "1", "4");
        add("2026-10-05", "shared", None, "3", "8");
        add("2026-10-05", "usage", Some("b"), "1", "16");
        builder.finish()
    }

    fn shown(query: CostQuery, spread: &[Category]) -> String {
        let tags = HashMap::from([(
            "env".to_owned(),
            Arc::new(HashMap::from([("1".to_owned(), "prod".to_owned())])),
        )]);
        let levels = HashMap::from([(("a".to_owned(), 1), "top".to_owned())]);
        let mut rows = cube().sums(&query, &Derived { tags: &tags, levels: &levels }, spread);
        rows.sort_by(|a, b| a.keys.cmp(&b.keys));
        rows.iter().map(|row| format!("{}={}", row.keys.join("/"), row.cost)).collect::<Vec<_>>().join(" ")
    }

    fn by(by: &[Dimension]) -> CostQuery {
        CostQuery { by: by.to_vec(), ..CostQuery::default() }
    }

    #[test]
    fn any_dimensions_and_days_are_summed() {
        assert_eq!(shown(by(&[]), &[]), "=31");
        assert_eq!(shown(CostQuery { basis: Basis::Billed, ..by(&[]) }, &[]), "=62");
        assert_eq!(shown(by(&[Dimension::Team]), &[]), "(none)=8 a=7 b=16");
        assert_eq!(
            shown(by(&[Dimension::Team, Dimension::Day]), &[]),
            "(none)/2026-10-05=8 a/2026-10-04=3 a/2026-10-05=4 b/2026-10-05=16"
        );
        // The fourth was a Sunday.
        assert_eq!(shown(by(&[Dimension::Week]), &[]), "2026-09-28=3 2026-10-05=28");
        assert_eq!(
            shown(by(&[Dimension::Month, Dimension::Category]), &[]),
            "2026-10/idle=2 2026-10/shared=8 2026-10/usage=21"
        );
        assert_eq!(shown(by(&[Dimension::Org(1)]), &[]), "(none)=8 b=16 top=7");
        assert_eq!(shown(by(&[Dimension::Tag("ENV".into())]), &[]), "(none)=10 prod=21");
        assert_eq!(shown(by(&[Dimension::Cluster]), &[]), "(none)=31");
    }

    #[test]
    fn filters_leave_what_they_say_and_views_move_what_they_move() {
        let only = |dimension, value: &str| Filter { dimension, value: value.to_owned() };
        let of = |filters: Vec<Filter>| CostQuery { filters, ..by(&[Dimension::Category]) };
        assert_eq!(shown(of(vec![only(Dimension::Team, "a")]), &[]), "idle=2 usage=5");
        assert_eq!(shown(of(vec![only(Dimension::Team, NONE)]), &[]), "shared=8");
        assert_eq!(shown(of(vec![only(Dimension::Team, "nobody")]), &[]), "");
        assert_eq!(
            shown(of(vec![only(Dimension::Day, "2026-10-05"), only(Dimension::Team, "a")]), &[]),
            "usage=4"
        );
        assert_eq!(shown(of(vec![only(Dimension::Tag("env".into()), "prod")]), &[]), "usage=21");
        assert_eq!(shown(of(vec![only(Dimension::Org(1), "top")]), &[]), "idle=2 usage=5");
        let from = "2026-10-05".parse().ok();
        assert_eq!(shown(CostQuery { from, ..by(&[Dimension::Team]) }, &[]), "(none)=8 a=4 b=16");
        assert_eq!(shown(CostQuery { to: from, ..by(&[Dimension::Team]) }, &[]), "a=3");
        let eur = Some("EUR".parse().unwrap());
        assert_eq!(shown(CostQuery { currency: eur, ..by(&[]) }, &[]), "");
        assert_eq!(shown(by(&[Dimension::Team]), &[Category::Shared]), "a=7 b=16");
        let mut kept = by(&[Dimension::Team]);
        kept.view.idle = Idle::Keep;
        assert_eq!(shown(kept.clone(), &[]), "(none)=10 a=5 b=16");
        kept.by = vec![Dimension::Category];
        kept.filters = vec![only(Dimension::Team, "a")];
        assert_eq!(shown(kept, &[]), "usage=5");
    }
}
