//! What moved from one team to another in the weeks compared: a workload that ends for one team
//! where it begins for the other did not stop, and is not new.

use std::collections::{BTreeMap, BTreeSet};

use attribution::mart::{CostRow, NONE, handed_over};
use chrono::NaiveDate;

use super::data::{Cause, Moved};
use super::scope::TeamScope;

/// First and last day.
type Days = (NaiveDate, NaiveDate);

/// Which teams paid for a workload or a table, and when.
#[derive(Default)]
pub(super) struct Held {
    /// In the weeks compared.
    days: BTreeMap<Cause, BTreeMap<String, Days>>,
    /// Before them.
    earlier: BTreeSet<(Cause, String)>,
}

impl Held {
    /// From costs by team and workload (or, where no workload caused them, table) and, in the weeks
    /// compared, day; each with whether it is of workloads, and whether it is by day.
    pub fn new(costs: [(bool, bool, Vec<CostRow>); 4]) -> Self {
        let mut held = Self::default();
        for (is_workloads, is_by_day, rows) in costs {
            let thing = |name: &str| match is_workloads {
                _ if name == NONE => None,
                true => Some(Cause::Workload(name.to_owned())),
                false => Some(Cause::Table(name.to_owned())),
            };
            for row in rows.iter().filter(|row| !row.cost.is_zero()) {
                match row.keys.as_slice() {
                    [team, name] if !is_by_day => {
                        held.earlier.extend(thing(name).map(|thing| (thing, team.clone())));
                    }
                    [team, name, day] => {
                        if let (Some(thing), Ok(day)) = (thing(name), day.parse()) {
                            held.add(thing, team, day);
                        }
                    }
                    _ => {}
                }
            }
        }
        held
    }

    fn add(&mut self, thing: Cause, team: &str, day: NaiveDate) {
        let days = self.days.entry(thing).or_default().entry(team.to_owned()).or_insert((day, day));
        *days = (days.0.min(day), days.1.max(day));
    }

    /// Where the workload or table of a team, or of one within it, went, or came from where its cost
    /// rose; nothing where several teams paid for it at once, or the other had it before.
    pub fn moved(&self, scope: &TeamScope, thing: &Cause, rose: bool) -> Option<Moved> {
        let all = self.days.get(thing)?;
        let own = all.iter().filter(|(name, _)| scope.holds(name)).map(|(_, days)| *days);
        let mine = own.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)))?;
        let others = all.iter().filter(|(name, _)| !scope.holds(name));
        let is_new = |name: &str| !self.earlier.contains(&(thing.clone(), name.to_owned()));
        let named = |name: &String| Some(name.clone()).filter(|name| name != NONE);
        if rose {
            let came = scope.names().all(is_new);
            let before = others.filter(|(_, other)| came && handed_over(**other, mine));
            let (name, _) = before.max_by_key(|(_, days)| days.1)?;
            return Some(Moved { team: named(name), is_out: false, day: mine.0 });
        }
        let after = others.filter(|(name, other)| handed_over(mine, **other) && is_new(name));
        let (name, days) = after.min_by_key(|(_, days)| days.0)?;
        Some(Moved { team: named(name), is_out: true, day: days.0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(keys: &[&str]) -> CostRow {
        CostRow {
            keys: keys.iter().map(|key| (*key).to_owned()).collect(),
            currency: model::Currency::USD,
            cost: model::Amount::whole(1),
        }
    }

    #[test]
    fn what_ends_for_one_team_where_it_begins_for_another_moved() {
        let held = Held::new([
            (true, false, vec![row(&["growth", "etl"]), row(&["growth", "query"]), row(&["ads", "query"])]),
            (false, false, vec![row(&["growth", "prod.t"])]),
            (
                true,
                true,
                vec![
                    row(&["growth", "etl", "2026-11-03"]),
                    row(&["growth", "etl", "2026-11-09"]),
                    row(&["ads", "etl", "2026-11-10"]),
                    // Both have asked it for long.
                    row(&["growth", "query", "2026-11-03"]),
                    row(&["ads", "query", "2026-11-11"]),
                ],
            ),
            (
                false,
                true,
                vec![row(&["growth", "prod.t", "2026-11-09"]), row(&["(none)", "prod.t", "2026-11-10"])],
            ),
        ]);
        let etl = Cause::Workload("etl".into());
        let day = "2026-11-10".parse().unwrap();
        let moved = |team: Option<&str>, is_out| Some(Moved { team: team.map(str::to_owned), is_out, day });
        let (growth, ads) = (TeamScope::from("growth"), TeamScope::from("ads"));
        assert_eq!(held.moved(&growth, &etl, false), moved(Some("ads"), true));
        assert_eq!(held.moved(&ads, &etl, true), moved(Some("growth"), false));
        assert_eq!(held.moved(&ads, &etl, false), None, "that it came does not explain that it costs less");
        assert_eq!(held.moved(&growth, &Cause::Table("prod.t".into()), false), moved(None, true));
        let query = Cause::Workload("query".into());
        assert_eq!((held.moved(&growth, &query, false), held.moved(&ads, &query, true)), (None, None));
    }
}
