//! The tables of a report: ranks that sum to the whole, and where it went.

use model::{Amount, Category};

use super::data::{Cause, Ranked, Section, WeeklyData, ranked};
use super::scope::Scope;
use super::view::{count, link};
use crate::{format, label};

/// Rows of a table before the rest is summed up.
pub(super) const TOP: usize = 5;
/// Teams before the rest is summed up.
const TOP_TEAMS: usize = 12;
/// Parts of a kind of cost that are named.
const PARTS: usize = 3;
/// Columns a name may take in a table.
const NAME_COLUMNS: usize = 60;

/// A ranked table that sums to the whole.
pub(super) struct TableView {
    pub title: String,
    /// Of the name's column.
    pub head: &'static str,
    /// Of the last column: `change`, or nothing.
    pub compared: bool,
    pub rows: Vec<RowView>,
}

/// One row.
pub(super) struct RowView {
    pub name: String,
    pub link: Option<String>,
    /// Owner, runs: said smaller.
    pub detail: String,
    pub cost: String,
    /// Of the section's cost; empty for the total itself.
    pub share: String,
    /// Absolute and relative change; empty when there is nothing to compare with.
    pub change: String,
    pub percent: String,
    pub kind: RowKind,
}

/// How a row is set.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum RowKind {
    /// One thing.
    Item,
    /// The sum of what is not listed.
    Rest,
    /// The sum of the table.
    Total,
}

impl RowView {
    /// The name as HTML that may be broken where its parts end.
    pub fn name_html(&self) -> String {
        label::breakable_html(&self.name)
    }

    pub fn is_rest(&self) -> bool {
        self.kind == RowKind::Rest
    }

    pub fn is_total(&self) -> bool {
        self.kind == RowKind::Total
    }
}

/// What a table lists.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Team,
    Workload,
    Table,
}

impl Kind {
    /// Its pages.
    const fn place(self) -> &'static str {
        match self {
            Self::Team => "teams",
            Self::Workload => "workloads",
            Self::Table => "tables",
        }
    }
}

/// The dearest teams, workloads or tables, the sum of the others, and what belongs to none by what
/// it is.
pub(super) fn items(data: &WeeklyData, section: &Section, kind: Kind) -> TableView {
    let (title, head, items, top) = match kind {
        Kind::Team => ("Teams", "Team", &section.teams, TOP_TEAMS),
        Kind::Workload => ("Workloads", "Workload", &section.workloads, TOP),
        Kind::Table => ("Tables", "Table", &section.tables, TOP),
    };
    let named: Vec<Ranked<'_>> = ranked(items).into_iter().filter(|item| item.name.is_some()).collect();
    let (listed, rest) = named.split_at(named.len().min(top));
    let noun = head.to_lowercase();
    let mut rows: Vec<RowView> = listed.iter().map(|item| item_row(data, section, kind, item)).collect();
    if !rest.is_empty() {
        let many = if rest.len() == 1 { "" } else { "s" };
        let before = section.before.is_some().then(|| rest.iter().filter_map(|item| item.before).sum());
        rows.push(row(
            section,
            format!("{} other {noun}{many}", count(rest.len() as u64)),
            (rest.iter().map(|item| item.cost).sum(), before),
            RowKind::Rest,
        ));
    }
    rows.extend(nameless(section, kind));
    rows.push(row(section, "Total".to_owned(), (section.total(), section.total_before()), RowKind::Total));
    TableView { title: title.to_owned(), head, compared: section.before.is_some(), rows }
}

/// What belongs to no workload, table or team, a row for each kind of cost, the dearest first.
fn nameless(section: &Section, kind: Kind) -> Vec<RowView> {
    let sums = match kind {
        Kind::Team => &section.without_team,
        Kind::Workload => &section.without_workload,
        Kind::Table => &section.without_table,
    };
    let mut sums: Vec<_> =
        sums.iter().filter(|(_, (cost, before))| !cost.is_zero() || !before.is_zero()).collect();
    sums.sort_by_key(|(_, (cost, _))| std::cmp::Reverse(*cost));
    let view = |(category, (cost, before)): (&Category, &(Amount, Amount))| {
        let costs = (*cost, section.before.is_some().then_some(*before));
        let name = match (kind, *category) {
            (Kind::Team, category) => format!("No team: {}", no_team(category)),
            (_, Category::Idle) => "Idle capacity".to_owned(),
            (Kind::Workload, Category::Storage) => "Storage of tables".to_owned(),
            (_, Category::Storage) => "Storage of no known table".to_owned(),
            (Kind::Workload, Category::Usage) => "Use by no known workload".to_owned(),
            (_, Category::Usage) => "Runs that wrote no table".to_owned(),
            (_, Category::Direct) => "Direct charges".to_owned(),
            (_, Category::Shared) => "Shared costs".to_owned(),
            (_, Category::Unallocated) => "Costs without an owner".to_owned(),
        };
        RowView { detail: made_of(section, kind, *category), ..row(section, name, costs, RowKind::Rest) }
    };
    sums.into_iter().map(view).collect()
}

fn no_team(category: Category) -> &'static str {
    match category {
        Category::Idle => "idle capacity",
        Category::Storage => "storage",
        Category::Usage => "runs",
        Category::Direct => "direct charges",
        Category::Shared => "shared costs",
        Category::Unallocated => "unallocated",
    }
}

/// `trino-prod $88.00, spark-etl $12.00 and 3 more`: the clusters, services or tables that a kind of
/// cost is of; nothing where that is not known, or is said already.
fn made_of(section: &Section, kind: Kind, category: Category) -> String {
    let is_known = match kind {
        Kind::Workload => category != Category::Usage,
        // Of all teams' parts it is not known which have none; the table of tables says it no second time.
        Kind::Team | Kind::Table => false,
    };
    let parts: Vec<(&str, Amount)> = section
        .nameless
        .iter()
        .filter(|one| is_known && one.category == category && !one.cost.is_zero())
        .map(|one| (one.what.as_str(), one.cost))
        .collect();
    let told = parts.iter().take(PARTS).map(|(name, cost)| {
        let name = label::shorten(&label::visible(name), NAME_COLUMNS);
        format!("{name} {}", format::money(*cost, section.currency))
    });
    let told = told.collect::<Vec<_>>().join(", ");
    match parts.len().saturating_sub(PARTS) {
        0 => told,
        more => format!("{told} and {} more", count(more as u64)),
    }
}

fn item_row(data: &WeeklyData, section: &Section, kind: Kind, item: &Ranked<'_>) -> RowView {
    let name = item.name.unwrap_or_default();
    let team = match item.teams.as_slice() {
        _ if !data.scope.has_teams() || kind == Kind::Team => None,
        [] => None,
        [only] => Some(label::visible(only)),
        [first, others @ ..] => {
            Some(format!("{} and {} more", label::visible(first), count(others.len() as u64)))
        }
    };
    let runs = item.runs.map(|n| if n == 1 { "1 run".to_owned() } else { format!("{} runs", count(n)) });
    let shown = label::shorten(&label::visible(name), NAME_COLUMNS);
    RowView {
        link: link(data, kind.place(), Some(name)),
        detail: [team, runs].into_iter().flatten().collect::<Vec<_>>().join(", "),
        ..row(section, shown, (item.cost, item.before), RowKind::Item)
    }
}

/// The page of what a part of the change is put down to.
pub(super) fn cause_link(data: &WeeklyData, cause: &Cause) -> Option<String> {
    match cause {
        Cause::Workload(name) => link(data, "workloads", Some(name)),
        Cause::Table(name) => link(data, "tables", Some(name)),
        Cause::Category(_) => None,
    }
}

/// One row; `before` where there is an earlier week.
pub(super) fn row(
    section: &Section,
    name: String,
    (cost, before): (Amount, Option<Amount>),
    kind: RowKind,
) -> RowView {
    let (change, percent) = match before {
        Some(before) => (format::signed_money(cost - before, section.currency), relative(cost, before)),
        None => Default::default(),
    };
    RowView {
        name,
        link: None,
        detail: String::new(),
        cost: format::money(cost, section.currency),
        share: match kind {
            RowKind::Total => String::new(),
            _ => format::percent(cost, section.total()).unwrap_or_default(),
        },
        change,
        percent,
        kind,
    }
}

/// Where the money went: the six words of the conservation equation.
pub(super) fn parts(data: &WeeklyData, section: &Section) -> TableView {
    let words = |category| match category {
        Category::Direct => "Direct: the charge names its owner",
        Category::Usage => "Usage: by what runs used",
        Category::Storage => "Storage: by the bytes tables hold",
        Category::Shared => "Shared: of use to all",
        Category::Idle => "Idle: paid for and not used",
        Category::Unallocated => "Unallocated: no known owner",
    };
    let before = |category| section.before.as_ref().map(|before| before.get(category));
    let mut rows: Vec<RowView> = Category::ALL
        .into_iter()
        .map(|category| {
            let costs = (section.parts.get(category), before(category));
            row(section, words(category).to_owned(), costs, RowKind::Item)
        })
        .collect();
    let sum = if data.scope == Scope::Platform { "Charged" } else { "Total" };
    rows.push(row(section, sum.to_owned(), (section.total(), section.total_before()), RowKind::Total));
    TableView {
        title: "Where it went".to_owned(),
        head: "Kind of cost",
        compared: section.before.is_some(),
        rows,
    }
}

/// What of the cost nobody used and what nobody owns; nothing where there is no cost.
pub(super) fn unused(section: &Section) -> Option<String> {
    let words = |category: Category, word: &str| {
        let cost = section.parts.get(category);
        let share = format::percent(cost, section.total())?;
        Some(format!("{} ({share}) {word}", format::money(cost, section.currency)))
    };
    let (idle, unallocated) =
        (words(Category::Idle, "was idle")?, words(Category::Unallocated, "unallocated")?);
    Some(format!("Of it {idle} and {unallocated}."))
}

/// How much is known, and that nothing was lost.
pub(super) fn coverage(section: &Section, platform: bool) -> Vec<String> {
    let share = |part| format::percent(part, section.total());
    let mut lines = Vec::new();
    if let Some(traced) = share(section.parts.traced()) {
        lines.push(format!("{traced} of the cost was traced to a charge's owner, a run or a table."));
    }
    if let (true, Some(owned)) = (platform, share(section.owned)) {
        lines.push(format!("{owned} has a team."));
    }
    if let Some((charged, difference)) = section.charged {
        let money = |amount| format::money(amount, section.currency);
        let words = Category::ALL
            .map(|category| format!("{} {}", category.name(), money(section.parts.get(category))));
        lines.push(match difference.is_zero() && charged == section.total() {
            true => format!(
                "Charged {} = {}. Exact to the last digit; shown rounded to the cent.",
                money(charged),
                words.join(" + ")
            ),
            false => format!(
                "Does not balance: charged {charged} {}, but the parts add up to {}. Do not rely on this report.",
                section.currency,
                section.total()
            ),
        });
    }
    lines
}

fn relative(now: Amount, before: Amount) -> String {
    match format::change_percent(now, before) {
        Some(percent) => percent,
        None if before.is_zero() && !now.is_zero() => "new".to_owned(),
        None => String::new(),
    }
}
