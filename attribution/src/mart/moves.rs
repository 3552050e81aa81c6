//! What moved from one team to another: who ran a workload from when to when, ever: what two teams
//! run now and then does not move at each turn.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use model::Currency;

use super::ran::{Activities, Ran};

/// First and last day, both of them days on which it ran.
type Days = (NaiveDate, NaiveDate);

/// A workload that one team owned until a day, and another one from then on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Move {
    /// The other team, as the mart names it; [`super::NONE`] for nobody.
    pub team: String,
    /// Whether it went there, or came from there.
    pub is_out: bool,
    /// First day on which it ran for the team it went to.
    pub day: NaiveDate,
}

/// Whether one team's days of a thing, first and last, end where another's begin. A run through
/// midnight has a cost on a day of the next owner.
pub fn handed_over(earlier: Days, later: Days) -> bool {
    earlier.0 < later.0 && earlier.1 < later.1 && earlier.1 <= later.0
}

/// Teams that ran a workload, and their days.
type Teams<'a> = Vec<(&'a str, Days)>;

/// Who ran each workload, and when.
pub(super) struct Owners<'a>(BTreeMap<Currency, BTreeMap<&'a str, Teams<'a>>>);

impl<'a> Owners<'a> {
    pub fn new(activities: &'a Activities) -> Self {
        let mut owners: BTreeMap<Currency, BTreeMap<&str, Teams<'_>>> = BTreeMap::new();
        for ((team, workload, currency), ran) in activities {
            let of_workload: &mut Vec<_> =
                owners.entry(*currency).or_default().entry(workload.as_str()).or_default();
            of_workload.push((team.as_str(), Ran::days(ran)));
        }
        Self(owners)
    }

    fn of(&self, workload: &str, currency: Currency) -> &[(&'a str, Days)] {
        self.0.get(&currency).and_then(|all| all.get(workload)).map_or(&[], Vec::as_slice)
    }

    /// Whether a workload went from one of two teams to the other.
    pub fn are_one(&self, one: &str, other: &str, workload: &str, currency: Currency) -> bool {
        let days = |team: &str| {
            self.of(workload, currency).iter().find(|(name, _)| *name == team).map(|(_, days)| *days)
        };
        let (Some(one), Some(other)) = (days(one), days(other)) else { return false };
        handed_over(one, other) || handed_over(other, one)
    }

    /// Where a team's workload went, or came from where its cost rose; nothing where it is the
    /// team's throughout, or ran for several at once.
    pub fn moved(&self, team: &str, workload: &str, currency: Currency, rose: bool) -> Option<Move> {
        let all = self.of(workload, currency);
        let mine = all.iter().find(|(name, _)| *name == team)?.1;
        let others = all.iter().filter(|(name, _)| *name != team);
        if rose {
            let before = others.filter(|(_, other)| handed_over(*other, mine)).max_by_key(|(_, days)| days.1);
            return before.map(|(name, _)| Move { team: (*name).to_owned(), is_out: false, day: mine.0 });
        }
        let after = others.filter(|(_, other)| handed_over(mine, *other)).min_by_key(|(_, days)| days.0);
        after.map(|(name, days)| Move { team: (*name).to_owned(), is_out: true, day: days.0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mart::Activity;

    fn day(day: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 11, day).unwrap()
    }

    fn activities(ran: &[(&str, &str, u32, u32)]) -> Activities {
        let none = Activity::default();
        ran.iter()
            .map(|(team, workload, first, last)| {
                let ran = Ran { before: none, now: none, first: day(*first), last: day(*last) };
                (((*team).to_owned(), (*workload).to_owned(), Currency::USD), ran)
            })
            .collect()
    }

    #[test]
    fn a_workload_moved_where_one_teams_days_end_and_anothers_begin() {
        let ran = activities(&[
            ("growth", "etl", 1, 9),
            ("ads", "etl", 10, 14),
            // A query both send.
            ("growth", "adhoc", 1, 9),
            ("ads", "adhoc", 5, 14),
            // Its last run went through midnight.
            ("growth", "night", 2, 10),
            ("(none)", "night", 10, 12),
        ]);
        let owners = Owners::new(&ran);
        let moved = |team, workload, rose| owners.moved(team, workload, Currency::USD, rose);
        let to = |team: &str, is_out| Some(Move { team: team.into(), is_out, day: day(10) });
        assert_eq!(moved("growth", "etl", false), to("ads", true));
        assert_eq!(moved("ads", "etl", true), to("growth", false));
        assert_eq!((moved("growth", "adhoc", false), moved("ads", "adhoc", true)), (None, None));
        assert_eq!(moved("growth", "night", false), to("(none)", true));
        // That it moved explains no rise of what it left.
        assert_eq!((moved("growth", "etl", true), moved("ads", "etl", false)), (None, None));
        assert_eq!(moved("growth", "unknown", false), None);
        let are_one = |workload| owners.are_one("growth", "ads", workload, Currency::USD);
        assert_eq!((are_one("etl"), are_one("adhoc"), are_one("unknown")), (true, false, false));
    }
}
