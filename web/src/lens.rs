//! The lens: which days, basis, currency, team and rows a page shows, as the query
//! string says. One type reads it and writes it back into every link.

use std::collections::BTreeMap;

use attribution::mart::{Dimension, Filter, Idle, Ownership, Shared, View, as_of, moment};
use chrono::NaiveDate;
use model::time::Instant;
use model::{Basis, Currency};

use crate::link::{self, Path};

/// Longest search text that is looked for.
const MAX_SEARCH: usize = 200;

/// What columns of a chart stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Owning team.
    Team,
    /// Word of the conservation equation.
    Category,
    /// Billed service.
    Service,
    /// Engine of the run.
    Engine,
    /// Pool the charge fell into.
    Pool,
}

impl Group {
    /// All, in the order they are offered.
    pub const ALL: [Self; 5] = [Self::Team, Self::Category, Self::Service, Self::Engine, Self::Pool];

    /// The word in the URL, which is also the label.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Team => "team",
            Self::Category => "category",
            Self::Service => "service",
            Self::Engine => "engine",
            Self::Pool => "pool",
        }
    }

    /// What the mart calls it.
    pub const fn dimension(self) -> Dimension {
        match self {
            Self::Team => Dimension::Team,
            Self::Category => Dimension::Category,
            Self::Service => Dimension::Service,
            Self::Engine => Dimension::Engine,
            Self::Pool => Dimension::Pool,
        }
    }
}

/// How one table of a page is sorted, searched and paged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableState {
    /// Which table this is about; the page's first where absent.
    pub table: Option<String>,
    /// Column, and whether the largest comes first.
    pub sort: Option<(String, bool)>,
    /// Text that a row must hold.
    pub search: Option<String>,
    /// Page, from 1; 0 where the URL says nothing.
    pub page: usize,
    /// Whether the rows are wanted as CSV.
    pub csv: bool,
}

/// Everything a query string may say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lens {
    /// First UTC day shown.
    pub from: Option<NaiveDate>,
    /// First UTC day no longer shown.
    pub to: Option<NaiveDate>,
    /// Which of the four costs.
    pub basis: Basis,
    /// Currency; the mart's largest where absent.
    pub currency: Option<Currency>,
    /// One team only; `(none)` is what no team owns.
    pub team: Option<String>,
    /// To whom idle and shared costs are charged, and whose costs are whose.
    pub view: View,
    /// What the columns of the chart stand for.
    pub group: Option<Group>,
    /// What rows stand for (Compare), at most [`MOST_BY`].
    pub by: Vec<Dimension>,
    /// Mart that is compared with (Compare).
    pub with: Option<String>,
    /// Moment whose figures are compared with (Compare).
    pub since: Option<Instant>,
    /// What the figure is restricted to (Explain, Explore).
    pub filters: Vec<Filter>,
    /// What a single page asks besides ([`OWN`]); the page checks what its words may be.
    pub own: BTreeMap<&'static str, String>,
    /// State of one table.
    pub table: TableState,
}

/// Dimensions of one question.
pub const MOST_BY: usize = 3;

/// Keys of single pages: of the waste inbox, of what-if, of report previews and of Explore.
const OWN: [&str; 15] = [
    "detector",
    "kind",
    "status",
    "confidence",
    "min",
    "setting",
    "value",
    "subject",
    "week",
    "as",
    "measure",
    "pivot",
    "chart",
    "dimension",
    "is",
];
/// Longest word of them that is read.
const MAX_OWN: usize = 4_096;

/// Keys that may come more than once, as the boxes of a form do.
const MANY: [&str; 2] = ["where", "by"];

/// Pairs of a query string with faults that are looked at for what can be kept.
const MOST_KEPT: usize = 64;

/// More restrictions than any question needs; each may cost a look-up a row.
const MOST_FILTERS: usize = 16;

impl Lens {
    /// Reads a query string; every fault is reported, each saying what is allowed.
    ///
    /// # Errors
    /// One sentence a fault.
    pub fn parse(query: &str) -> Result<Self, Vec<String>> {
        Self::of(link::pairs(query))
    }

    /// Reads the decoded pairs of a query string.
    ///
    /// # Errors
    /// One sentence a fault.
    pub fn of(pairs: impl IntoIterator<Item = (String, String)>) -> Result<Self, Vec<String>> {
        let mut lens = Self::default();
        let mut faults = Vec::new();
        let mut seen: Vec<String> = Vec::new();
        for (key, value) in pairs {
            if !MANY.contains(&key.as_str()) && seen.contains(&key) {
                faults.push(format!("`{key}` is given more than once: give it once"));
                continue;
            }
            if let Err(fault) = lens.read(&key, &value) {
                faults.push(fault);
            }
            // A form sends its empty fields too: they say nothing.
            if !value.is_empty() {
                seen.push(key);
            }
        }
        if ["ownership", "as_of"].iter().all(|key| seen.iter().any(|seen| seen == key)) {
            faults
                .push("`ownership` and `as_of` both say whose costs are whose: give one of them".to_owned());
        }
        if let (Some(from), Some(to)) = (lens.from, lens.to)
            && from >= to
        {
            faults.push(format!("`to` is the first day no longer shown: give a day after {from}"));
        }
        if faults.is_empty() { Ok(lens) } else { Err(faults) }
    }

    /// What of the pairs of a query string can be read, the first of those that contradict each
    /// other: the way on from one with faults.
    pub fn of_what_can_be(pairs: Vec<(String, String)>) -> Self {
        let mut kept: Vec<(String, String)> = Vec::new();
        for pair in pairs.into_iter().take(MOST_KEPT) {
            kept.push(pair);
            if Self::of(kept.iter().cloned()).is_err() {
                kept.pop();
            }
        }
        Self::of(kept).unwrap_or_default()
    }

    fn read(&mut self, key: &str, value: &str) -> Result<(), String> {
        // A form sends its empty fields too.
        if value.is_empty() {
            return match key {
                key if OWN.contains(&key) => Ok(()),
                "where" | "from" | "to" | "basis" | "currency" | "team" | "idle" | "shared" | "ownership"
                | "as_of" | "group" | "t" | "sort" | "q" | "page" | "format" | "by" | "with" | "since" => {
                    Ok(())
                }
                _ => Err(unknown(key)),
            };
        }
        match key {
            "from" => self.from = Some(day(key, value)?),
            "to" => self.to = Some(day(key, value)?),
            "basis" => self.basis = value.parse()?,
            "currency" => self.currency = Some(value.parse()?),
            "team" => self.team = Some(value.to_owned()),
            "idle" => self.view.idle = value.parse()?,
            "shared" => self.view.shared = value.parse()?,
            "ownership" => self.view.ownership = value.parse()?,
            "as_of" => self.view.ownership = Ownership::AsOf(as_of(value)?),
            "by" => {
                for word in value.split(',') {
                    let dimension = word.parse()?;
                    if !self.by.contains(&dimension) {
                        self.by.push(dimension);
                    }
                }
                if self.by.len() > MOST_BY {
                    return Err(format!("`by` names too many dimensions: at most {MOST_BY}"));
                }
            }
            "with" => self.with = Some(value.to_owned()),
            "since" => self.since = Some(as_of(value)?),
            "group" => {
                self.group =
                    Some(Group::ALL.into_iter().find(|group| group.name() == value).ok_or_else(|| {
                        format!("`{value}` is not a grouping: use team, category, service, engine or pool")
                    })?);
            }
            "where" if self.filters.len() == MOST_FILTERS => {
                return Err(format!("`where` is given too often: at most {MOST_FILTERS} times"));
            }
            "where" => self.filters.push(filter(value)?),
            "t" => self.table.table = Some(value.to_owned()),
            "sort" => {
                let (column, descending) = match value.strip_prefix('-') {
                    Some(column) => (column, true),
                    None => (value, false),
                };
                self.table.sort = Some((column.to_owned(), descending));
            }
            "q" => self.table.search = Some(value.chars().take(MAX_SEARCH).collect()),
            "page" => {
                self.table.page = value
                    .parse()
                    .ok()
                    .filter(|page| (1..=1_000_000).contains(page))
                    .ok_or_else(|| format!("`{value}` is not a page: use a whole number from 1"))?;
            }
            "format" => match value {
                "csv" => self.table.csv = true,
                "html" => {}
                _ => return Err(format!("`{value}` is not a format of a page: use html or csv")),
            },
            key => {
                let known = OWN.into_iter().find(|own| *own == key).ok_or_else(|| unknown(key))?;
                let word: String = value.chars().take(MAX_OWN).collect();
                self.own.insert(known, word);
            }
        }
        Ok(())
    }

    /// What a page's own key says.
    pub fn own(&self, key: &str) -> Option<&str> {
        self.own.get(key).map(String::as_str)
    }

    /// The same with a page's own key set, or taken away.
    #[must_use]
    pub fn with_own(mut self, key: &'static str, value: Option<String>) -> Self {
        match value {
            Some(value) => self.own.insert(key, value),
            None => self.own.remove(key),
        };
        self
    }

    /// Days, basis, currency, team and view: what every link to another page keeps.
    pub fn shared(&self) -> Self {
        Self {
            from: self.from,
            to: self.to,
            basis: self.basis,
            currency: self.currency,
            team: self.team.clone(),
            view: self.view,
            ..Self::default()
        }
    }

    /// The same page without the state of a table: what a change of filter keeps.
    pub fn page(&self) -> Self {
        Self { table: TableState::default(), ..self.clone() }
    }

    /// The same for certain days.
    #[must_use]
    pub fn days(mut self, from: NaiveDate, to: NaiveDate) -> Self {
        (self.from, self.to) = (Some(from), Some(to));
        self
    }

    /// The same with one more restriction (for links to Explain).
    #[must_use]
    pub fn only(mut self, dimension: Dimension, value: &str) -> Self {
        self.filters.push(Filter { dimension, value: value.to_owned() });
        self
    }

    /// The URL of a page seen through this lens: the only place where URLs are made.
    pub fn url(&self, path: &Path) -> String {
        link::url(path, &self.pairs())
    }

    /// What is not at its default, in a fixed order.
    pub fn pairs(&self) -> Vec<(&'static str, String)> {
        let mut pairs = Vec::new();
        let mut put = |key, value: Option<String>| pairs.extend(value.map(|value| (key, value)));
        put("from", self.from.map(|day| day.to_string()));
        put("to", self.to.map(|day| day.to_string()));
        put("basis", (self.basis != Basis::default()).then(|| self.basis.to_string()));
        put("currency", self.currency.map(|currency| currency.to_string()));
        put("team", self.team.clone());
        put("idle", (self.view.idle != Idle::default()).then(|| self.view.idle.to_string()));
        put("shared", (self.view.shared != Shared::default()).then(|| self.view.shared.to_string()));
        let ownership = self.view.ownership;
        put("ownership", (ownership != Ownership::default()).then(|| ownership.to_string()));
        let by: Vec<_> = self.by.iter().map(Dimension::name).collect();
        put("by", (!by.is_empty()).then(|| by.join(",")));
        put("with", self.with.clone());
        put("since", self.since.map(moment));
        put("group", self.group.map(|group| group.name().to_owned()));
        for filter in &self.filters {
            put("where", Some(format!("{}={}", filter.dimension, filter.value)));
        }
        for (key, value) in &self.own {
            put(key, Some(value.clone()));
        }
        put("t", self.table.table.clone());
        let sign = |descending| if descending { "-" } else { "" };
        put("sort", self.table.sort.as_ref().map(|(column, down)| format!("{}{column}", sign(*down))));
        put("q", self.table.search.clone());
        put("page", (self.table.page > 1).then(|| self.table.page.to_string()));
        put("format", self.table.csv.then(|| "csv".to_owned()));
        pairs
    }
}

fn unknown(key: &str) -> String {
    format!(
        "`{key}` is not a parameter: use from, to, basis, currency, team, idle, shared, ownership, as_of, group, by, with, since, where, detector, kind, status, confidence, min, setting, value, subject, measure, pivot, chart, dimension, is, t, sort, q, page or format"
    )
}

fn day(key: &str, value: &str) -> Result<NaiveDate, String> {
    // chrono also takes years of other lengths and unpadded months.
    Some(value)
        .filter(|value| value.len() == 10)
        .and_then(|value| NaiveDate::parse_from_str(value, "%Y-%m-%d").ok())
        .ok_or_else(|| format!("`{value}` in `{key}` is not a day: write it as 2026-10-05"))
}

fn filter(text: &str) -> Result<Filter, String> {
    let shape =
        || format!("`{text}` in `where` is not a restriction: write it as team=growth or tag:env=prod");
    let (dimension, value) = text.split_once('=').ok_or_else(shape)?;
    Ok(Filter { dimension: dimension.parse()?, value: value.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        let query = "from=2026-10-05&to=2026-10-07&basis=billed&currency=EUR&team=a%26b&idle=proportional&shared=even&ownership=as-was&by=service,team&with=000012-ab&since=2026-11-23&group=category&detector=skew\
                     &where=workload%3Detl%2Fstep+%3Cscript%3E&where=category%3Didle&t=runs&sort=-cost&q=x+y&page=3&format=csv";
        let lens = Lens::parse(query).unwrap();
        assert_eq!(lens.team.as_deref(), Some("a&b"));
        assert_eq!(lens.filters[0].value, "etl/step <script>");
        assert_eq!(lens.own("detector"), Some("skew"));
        assert_eq!(lens.by, [Dimension::Service, Dimension::Team]);
        assert_eq!(lens.table.sort, Some(("cost".to_owned(), true)));
        let url = lens.url(&Path::new(["teams", "a/b ü"]));
        let (path, written) = url.split_once('?').unwrap();
        assert_eq!(path, "/teams/a%2Fb%20%C3%BC");
        assert_eq!(Lens::parse(written).unwrap(), lens);
    }

    #[test]
    fn a_moment_of_ownership_has_one_spelling() {
        for (query, want) in [
            ("as_of=2026-10-05", "ownership=2026-10-05"),
            ("ownership=2026-10-05", "ownership=2026-10-05"),
            ("as_of=2026-10-05T12:00", "ownership=2026-10-05T12%3A00%3A00Z"),
        ] {
            assert_eq!(Lens::parse(query).unwrap().url(&Path::root()), format!("/?{want}"));
        }
    }

    #[test]
    fn defaults_and_empty_fields_leave_no_trace() {
        let lens =
            Lens::parse("from=&to=&basis=effective&team=&idle=owner&shared=&ownership=restated&q=").unwrap();
        assert_eq!(lens, Lens::default());
        assert_eq!(lens.url(&Path::root()), "/");
    }

    #[test]
    fn what_is_at_fault_can_be_left_out() {
        for (query, want) in [
            ("from=2026-10-06&to=2026-10-05&team=growth", "/?from=2026-10-06&team=growth"),
            (
                "by=team&frm=1&where=color%3Dred&where=region%3Dus&sort=-cost",
                "/?by=team&where=region%3Dus&sort=-cost",
            ),
            ("team=a&team=b&ownership=as-was&as_of=2026-10-05", "/?team=a&ownership=as-was"),
            ("frm=1", "/"),
        ] {
            assert!(Lens::parse(query).is_err(), "{query}");
            assert_eq!(Lens::of_what_can_be(link::pairs(query)).url(&Path::root()), want, "{query}");
        }
    }

    #[test]
    fn every_fault_is_told_with_what_is_allowed() {
        let faults = Lens::parse(
            "from=05.10.2026&basis=cash&idle=no&shared=all&ownership=mine&page=0&frm=1&where=color%3Dred&group=x&format=xls&page=2",
        )
        .unwrap_err();
        let all = faults.join("\n");
        for part in [
            "write it as 2026-10-05",
            "billed, effective, list or contracted",
            "use keep, owner or proportional",
            "use keep, even, proportional or fixed",
            "use restated, as-was or a moment",
            "whole number from 1",
            "`frm` is not a parameter",
            "`color`",
            "team, category, service, engine or pool",
            "html or csv",
            "more than once",
        ] {
            assert!(all.contains(part), "{part} in {all}");
        }
        for query in [
            "from=2026-10-05&to=2026-10-05",
            "from=12026-10-05",
            "currency=dollar",
            "where=team",
            "from=2026-02-30",
            "as_of=then",
            "as_of=2026-10-05&ownership=as-was",
        ] {
            assert_eq!(Lens::parse(query).unwrap_err().len(), 1, "{query}");
        }
    }
}
