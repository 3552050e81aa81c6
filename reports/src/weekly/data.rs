//! The facts of one weekly report: exact figures and names, nothing laid out.

use std::collections::BTreeMap;

use attribution::mart::DifferenceParts;
use chrono::{Datelike, Days, NaiveDate};
use chrono_tz::Tz;
use model::time::Instant;
use model::{Amount, Basis, Category, Currency};

use super::scope::Scope;
use crate::budget::BudgetState;
use crate::link::BaseUrl;
use crate::palette::ColourSlot;
use crate::week;

/// Everything one weekly report says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WeeklyData {
    /// Whose report.
    pub scope: Scope,
    /// First day of the week.
    pub monday: NaiveDate,
    /// Which of the four costs.
    pub basis: Basis,
    /// Zone in which instants are shown; days are UTC days.
    pub timezone: Tz,
    /// When the mart was published.
    pub published_at: Instant,
    /// When the report was made.
    pub written_at: Instant,
    /// Days the ledger holds charges for, `[first, end)`; none in an empty ledger.
    pub held: Option<(NaiveDate, NaiveDate)>,
    /// First day that is not closed ([`crate::watch`]); none where no day is.
    pub closed_end: Option<NaiveDate>,
    /// Where links lead to.
    pub base_url: Option<BaseUrl>,
    /// One a currency, largest first; empty when the week has no cost.
    pub sections: Vec<Section>,
    /// Warnings of the mart by code; in the platform's report only.
    pub warnings: Vec<WarningCount>,
}

/// The week in one currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// The currency of every amount in here.
    pub currency: Currency,
    /// Cost of the days held, by category.
    pub parts: Parts,
    /// The same days of the week before; none when the ledger does not hold them all.
    pub before: Option<Parts>,
    /// What of the cost has a team.
    pub owned: Amount,
    /// Charged, and what the six parts leave over (exactly zero in a sound mart);
    /// in the platform's report only.
    pub charged: Option<(Amount, Amount)>,
    /// Cost by day in groups, for the chart; they add up to the cost.
    pub groups: Vec<Group>,
    /// Cost by day, team and category, for the attachment.
    pub days: Vec<DayCost>,
    /// Cost by workload and team, dearest first; last what has no name: no workload caused it.
    pub workloads: Vec<Item>,
    /// Cost by table and team, in the same way.
    pub tables: Vec<Item>,
    /// Cost by team, in the same way; in the reports only of the platform and of teams with others
    /// within them.
    pub teams: Vec<Item>,
    /// What of the cost belongs to no workload, by kind, in this week and in the one before.
    pub without_workload: BTreeMap<Category, (Amount, Amount)>,
    /// What belongs to no table, in the same way.
    pub without_table: BTreeMap<Category, (Amount, Amount)>,
    /// What has no team, in the same way; in the platform's report only.
    pub without_team: BTreeMap<Category, (Amount, Amount)>,
    /// What belongs to no workload by table, cluster or service, the dearest first.
    pub nameless: Vec<Nameless>,
    /// What makes up the change against the week before, largest first.
    pub drivers: Vec<Driver>,
    /// This week and those before it that the ledger holds, the oldest first.
    pub trend: Vec<WeekCost>,
    /// What to fix, the largest saving first.
    pub fixes: Vec<Fix>,
    /// What fixes have saved, the newest first.
    pub saved: Vec<Saved>,
    /// How the figure of the week before differs from what its report said; none where it does not,
    /// or no report was made.
    pub restated: Option<Restated>,
    /// Budgets in the month of the week's last day, and those that were exceeded in a month that
    /// ended within the week; what is furthest beyond its amount first.
    pub budgets: Vec<BudgetState>,
}

/// What a week cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WeekCost {
    /// Its first day.
    pub monday: NaiveDate,
    /// Cost of the days held.
    pub cost: Amount,
    /// Whether the ledger holds all seven.
    pub is_whole: bool,
}

/// A waste that goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    /// Id of the finding, which its page is named by.
    pub id: String,
    /// Detector: `idle-cluster`.
    pub detector: String,
    /// What is wasteful.
    pub subject: String,
    /// Whose it is.
    pub team: Option<String>,
    /// What mending it saves a month, less what the fix costs.
    pub net: Amount,
    /// What of that, before the cost of the fix, no other finding saves: these add up.
    pub claimed: Amount,
    /// It lowers the bill; else it frees capacity that stays paid for.
    pub is_cash: bool,
}

/// A waste that is gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Saved {
    /// Id of the finding.
    pub id: String,
    /// Detector.
    pub detector: String,
    /// What was wasteful.
    pub subject: String,
    /// The first day without it.
    pub since: NaiveDate,
    /// Measured saving a month, from the bill; negative where the subject costs more than before.
    pub monthly: Amount,
    /// What had been promised.
    pub promised: Amount,
}

/// How figures differ from what was published earlier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restated {
    /// First day of the week they are of.
    pub monday: NaiveDate,
    /// When the earlier figures were published.
    pub published_at: Instant,
    /// The earlier figure.
    pub before: Amount,
    /// Today's.
    pub now: Amount,
    /// Why, in parts that sum to the difference; none where the earlier figures are kept no longer.
    pub parts: Option<DifferenceParts>,
}

/// Amounts by category.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parts(pub BTreeMap<Category, Amount>);

/// One group of the chart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Name in the legend.
    pub name: String,
    /// Colour.
    pub slot: ColourSlot,
    /// Monday to Sunday.
    pub days: [Amount; 7],
}

/// One row of the attachment by day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DayCost {
    /// UTC day.
    pub day: NaiveDate,
    /// Owner, as the mart names it.
    pub team: String,
    /// Category, as the mart names it.
    pub category: String,
    /// Cost.
    pub cost: Amount,
}

/// What a workload or a table cost one team.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Its id; none for the cost that belongs to no workload or table.
    pub name: Option<String>,
    /// Its owner.
    pub team: Option<String>,
    /// Cost in this week.
    pub cost: Amount,
    /// In the week before, where there is one to compare with.
    pub before: Option<Amount>,
    /// Runs of the workload in this week, whosever, where they were counted.
    pub runs: Option<u64>,
}

/// A workload or a table over all teams that pay for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Ranked<'a> {
    pub name: Option<&'a str>,
    /// Its owners, the one with most of it first.
    pub teams: Vec<&'a str>,
    pub cost: Amount,
    pub before: Option<Amount>,
    pub runs: Option<u64>,
}

/// Items of one name put together, dearest first, what has no name last.
pub(super) fn ranked(items: &[Item]) -> Vec<Ranked<'_>> {
    let mut by_name: BTreeMap<Option<&str>, Ranked<'_>> = BTreeMap::new();
    for item in items {
        let name = item.name.as_deref();
        let empty = Ranked { name, teams: Vec::new(), cost: Amount::ZERO, before: None, runs: None };
        let one = by_name.entry(name).or_insert(empty);
        one.teams.extend(item.team.as_deref());
        one.cost += item.cost;
        one.before = item.before.map(|before| before + one.before.unwrap_or_default());
        one.runs = item.runs.or(one.runs);
    }
    let mut ranked: Vec<Ranked<'_>> = by_name.into_values().collect();
    ranked.sort_by(|a, b| a.name.is_none().cmp(&b.name.is_none()).then(b.cost.cmp(&a.cost)));
    ranked
}

/// One part of the change against the week before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Driver {
    /// What cost more or less.
    pub cause: Cause,
    /// Cost in this week.
    pub now: Amount,
    /// Cost in the week before.
    pub before: Amount,
    /// Runs in this week and in the week before, where they were counted.
    pub runs: Option<(u64, u64)>,
    /// Where it went or came from, where that is why.
    pub moved: Option<Moved>,
    /// Of what it is mostly, where it is a kind of cost: the cluster or the service that changed most.
    pub mostly: Option<String>,
}

/// What one team owned until a day, and another one from then on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moved {
    /// The other team; none where nobody owns it there.
    pub team: Option<String>,
    /// Whether it went there, or came from there.
    pub is_out: bool,
    /// First day with a cost of the one it went to.
    pub day: NaiveDate,
}

/// What of a kind of cost has no workload: of which table, on which cluster, of which service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nameless {
    /// Kind of cost.
    pub category: Category,
    /// The table of storage, the cluster's name where capacity was idle, else the service.
    pub what: String,
    /// Cost in this week.
    pub cost: Amount,
    /// In the week before, nothing where there is none to compare with.
    pub before: Amount,
}

/// What a part of the change is put down to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// A workload, whatever the kind of cost.
    Workload(String),
    /// A table's cost that no workload caused: its storage.
    Table(String),
    /// What is neither.
    Category(Category),
}

/// Warnings of one kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WarningCount {
    /// Kind: `truncated-log`.
    pub code: String,
    /// What the first of them says.
    pub message: String,
    /// How often.
    pub count: u64,
    /// Objects left out because of it.
    pub skipped: u64,
}

impl WeeklyData {
    /// First day after the week.
    pub fn end(&self) -> NaiveDate {
        self.monday.checked_add_days(Days::new(7)).unwrap_or(NaiveDate::MAX)
    }

    /// The days of the week the ledger holds, `[first, end)`.
    pub fn covered(&self) -> Option<(NaiveDate, NaiveDate)> {
        covered(self.held, self.monday)
    }

    /// Whether the ledger holds all seven days.
    pub fn is_whole(&self) -> bool {
        self.covered() == Some((self.monday, self.end()))
    }

    /// The first day of a whole week that is not closed: its bill or logs may go on.
    pub fn open_from(&self) -> Option<NaiveDate> {
        let closed = self.closed_end.unwrap_or(self.monday).max(self.monday);
        (self.is_whole() && closed < self.end()).then_some(closed)
    }

    /// `2026-W41`.
    pub fn week(&self) -> String {
        week::iso(self.monday)
    }

    /// `week 41`.
    pub fn week_words(&self) -> String {
        format!("week {}", self.monday.iso_week().week())
    }
}

/// The days of a week that lie within the days held.
pub(super) fn covered(
    held: Option<(NaiveDate, NaiveDate)>,
    monday: NaiveDate,
) -> Option<(NaiveDate, NaiveDate)> {
    let (first, end) = held?;
    let (from, to) = (first.max(monday), end.min(monday.checked_add_days(Days::new(7))?));
    (from < to).then_some((from, to))
}

/// The same days a week earlier, where the ledger holds all of them.
pub(super) fn compared(
    held: Option<(NaiveDate, NaiveDate)>,
    monday: NaiveDate,
) -> Option<(NaiveDate, NaiveDate)> {
    let (from, to) = covered(held, monday)?;
    let earlier = (from.checked_sub_days(Days::new(7))?, to.checked_sub_days(Days::new(7))?);
    (held?.0 <= earlier.0).then_some(earlier)
}

impl Parts {
    /// One category.
    pub fn get(&self, category: Category) -> Amount {
        self.0.get(&category).copied().unwrap_or_default()
    }

    /// All six.
    pub fn total(&self) -> Amount {
        self.0.values().copied().sum()
    }

    /// What the rules found a cause for: a named owner, a run, a table.
    pub fn traced(&self) -> Amount {
        [Category::Direct, Category::Usage, Category::Storage]
            .map(|category| self.get(category))
            .into_iter()
            .sum()
    }
}

impl Section {
    /// The week's cost.
    pub fn total(&self) -> Amount {
        self.parts.total()
    }

    /// The cost of the week before, where there is one to compare with.
    pub fn total_before(&self) -> Option<Amount> {
        self.before.as_ref().map(Parts::total)
    }
}

impl Driver {
    /// Its part of the change.
    pub fn change(&self) -> Amount {
        self.now - self.before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    /// First day and end, as text.
    type Pair = Option<(String, String)>;

    fn days(held: (&str, &str)) -> (Pair, Pair) {
        let held = Some((date(held.0), date(held.1)));
        let text = |days: Option<(NaiveDate, NaiveDate)>| days.map(|(a, b)| (a.to_string(), b.to_string()));
        let monday = date("2026-10-12");
        (text(covered(held, monday)), text(compared(held, monday)))
    }

    #[test]
    fn like_is_compared_with_like() {
        let pair = |a: &str, b: &str| Some((a.to_owned(), b.to_owned()));
        let whole = pair("2026-10-12", "2026-10-19");
        // Two whole weeks.
        assert_eq!(days(("2026-10-05", "2026-10-19")), (whole.clone(), pair("2026-10-05", "2026-10-12")));
        // The ledger begins on the Tuesday before: the week before is not whole.
        assert_eq!(days(("2026-10-06", "2026-10-19")), (whole, None));
        // Data until Wednesday: Monday to Wednesday against Monday to Wednesday.
        assert_eq!(
            days(("2026-10-01", "2026-10-15")),
            (pair("2026-10-12", "2026-10-15"), pair("2026-10-05", "2026-10-08"))
        );
        // Nothing of this week.
        assert_eq!(days(("2026-10-01", "2026-10-12")), (None, None));
        assert_eq!(days(("2026-10-19", "2026-10-20")), (None, None));
        assert_eq!(covered(None, date("2026-10-12")), None);
    }
}
