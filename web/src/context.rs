//! What a page is built from: the mart, the lens, and the days and currency that follow
//! from both. Costs are asked for here, so that no page forgets a filter.

use std::collections::BTreeMap;

use askama::Template;
use attribution::mart::{
    CostQuery, CostRow, Dimension, Filter, Idle, Mart, MartInfo, NONE, Ownership, RunFilter, RunRow, Shared,
    View,
};
use axum::http::StatusCode;
use axum::response::Response;
use chrono::{Days, NaiveDate};
use chrono_tz::Tz;
use model::time::Instant;
use model::{Amount, Currency};

use crate::access::{By, Principal};
use crate::colour::Colours;
use crate::error::PageError;
use crate::finding;
use crate::lens::Lens;
use crate::link::Path;
use crate::response;
use crate::table::{Shown, Table};
use crate::words;

/// Days shown where the URL names none: a month, or a week where what the ledger holds is too
/// short to set a month beside the one before it, but two weeks of it are there.
fn default_days(held: i64) -> u64 {
    if (14..60).contains(&held) { 7 } else { 30 }
}

/// The days and the currency of a page.
#[derive(Clone, Copy, Debug)]
pub struct Scope {
    /// First day shown.
    pub from: NaiveDate,
    /// First day no longer shown.
    pub to: NaiveDate,
    /// Currency of every figure on the page.
    pub currency: Currency,
}

/// What a page is built from.
pub struct Context<'a> {
    pub mart: &'a Mart,
    pub lens: Lens,
    pub path: Path,
    pub scope: Scope,
    pub now: Instant,
    /// Teams in the order of the configuration, then those only costs know, then none.
    pub teams: Vec<String>,
    /// Who asks, where somebody signed in.
    pub who: Option<Principal>,
    zone: Tz,
}

impl<'a> Context<'a> {
    /// Checks the lens against the mart.
    pub fn new(mart: &'a Mart, lens: Lens, path: Path, now: Instant) -> Result<Self, PageError> {
        let info = mart.info();
        let mut faults = Vec::new();
        let fallback = info.currencies.first().copied().unwrap_or(Currency::USD);
        let currency = lens.currency.unwrap_or(fallback);
        if !info.currencies.contains(&currency) && lens.currency.is_some() {
            let known: Vec<_> = info.currencies.iter().map(Currency::code).collect();
            faults.push(format!("nothing is charged in {currency}: use {}", known.join(", ")));
        }
        let end = info.usage_end.or(info.end_day).unwrap_or_else(|| now.date_naive());
        let first = info.first_day.unwrap_or(end);
        let to = lens.to.unwrap_or_else(|| lens.from.map_or(end, |from| end.max(next(from))));
        let from = lens.from.unwrap_or_else(|| {
            let start =
                to.checked_sub_days(Days::new(default_days((end - first).num_days()))).unwrap_or(first);
            // A `to` before all charges leaves a span of its own length, not an inverted one.
            if first < to { start.max(first) } else { start }
        });
        let teams = known_teams(mart, lens.view.ownership)?;
        if let Some(team) = lens.team.as_ref().filter(|team| !teams.contains(team)) {
            faults.push(no_team(team, &teams));
        }
        if !faults.is_empty() {
            return Err(PageError::BadRequest(faults));
        }
        let zone = info.display_timezone.parse().unwrap_or(Tz::UTC);
        Ok(Self { mart, lens, path, scope: Scope { from, to, currency }, now, teams, who: None, zone })
    }

    /// The same, said to be for this principal.
    #[must_use]
    pub fn seen_by(mut self, who: Principal) -> Self {
        self.who = (who.by != By::Loopback).then_some(who);
        self
    }

    /// The same page through another lens.
    pub fn with(&self, lens: Lens) -> Result<Self, PageError> {
        Ok(Self { who: self.who.clone(), ..Self::new(self.mart, lens, self.path.clone(), self.now)? })
    }

    /// A cost question within the lens; `filters` come on top of it. Of a team it is of the teams
    /// within it too, as findings and budgets are.
    pub fn query(&self, by: &[Dimension], filters: &[Filter]) -> CostQuery {
        let team = self.lens.team.iter().flat_map(|team| self.of_team(team));
        CostQuery {
            by: by.to_vec(),
            basis: self.lens.basis,
            from: Some(self.scope.from),
            to: Some(self.scope.to),
            currency: Some(self.scope.currency),
            filters: team.chain(filters.iter().cloned()).collect(),
            view: self.lens.view,
        }
    }

    /// Costs within the lens, grouped.
    pub fn costs(&self, by: &[Dimension], filters: &[Filter]) -> Result<Vec<CostRow>, PageError> {
        Ok(self.mart.costs(&self.query(by, filters))?)
    }

    /// Costs by one dimension.
    pub fn by(
        &self,
        dimension: Dimension,
        filters: &[Filter],
    ) -> Result<BTreeMap<String, Amount>, PageError> {
        Ok(keyed(self.costs(&[dimension], filters)?))
    }

    /// One figure.
    pub fn total(&self, filters: &[Filter]) -> Result<Amount, PageError> {
        Ok(self.costs(&[], filters)?.iter().map(|row| row.cost).sum())
    }

    /// What leaves the costs of a team and of the teams within it.
    pub fn of_team(&self, team: &str) -> Vec<Filter> {
        vec![with_those_within(self.mart.info(), team)]
    }

    /// Whether other teams are within this one.
    pub fn has_teams(&self, team: &str) -> bool {
        self.mart.info().sub_teams(team).next().is_some()
    }

    /// The teams that the lens leaves, where it is set to one: that and those within it.
    pub fn lens_teams(&self) -> Vec<String> {
        let Some(chosen) = &self.lens.team else { return vec![] };
        let is_within = |team: &&String| finding::is_of_team(self, Some(team.as_str()), chosen);
        self.teams.iter().filter(is_within).cloned().collect()
    }

    /// Whether filters leave what this team owns.
    pub fn leave_team(&self, filters: &[Filter], team: Option<&str>) -> bool {
        let chosen = self.lens.team.as_deref().is_none_or(|chosen| finding::is_of_team(self, team, chosen));
        let team = team.unwrap_or(NONE);
        chosen
            && filters.iter().all(|filter| match filter.dimension {
                Dimension::Team => filter.value == team,
                Dimension::Org(level) => self.mart.info().ancestor(team, level) == filter.value,
                _ => true,
            })
    }

    /// The span of the same length just before, if the ledger has all of it.
    pub fn before(&self) -> Option<(NaiveDate, NaiveDate)> {
        let days = (self.scope.to - self.scope.from).num_days();
        let from = self.scope.from.checked_sub_days(Days::new(u64::try_from(days).ok()?))?;
        let info = self.mart.info();
        let (first, end) = info.used_days()?;
        let whole = first <= from && self.scope.to <= end;
        whole.then_some((from, self.scope.from))
    }

    /// Costs by one dimension in the span just before; nothing where the ledger lacks it.
    pub fn by_before(
        &self,
        dimension: Option<Dimension>,
        filters: &[Filter],
    ) -> Result<Option<BTreeMap<String, Amount>>, PageError> {
        let Some((from, to)) = self.before() else { return Ok(None) };
        let by: Vec<_> = dimension.into_iter().collect();
        let query = CostQuery { from: Some(from), to: Some(to), ..self.query(&by, filters) };
        Ok(Some(keyed(self.mart.costs(&query)?)))
    }

    /// Runs that started within the lens, with their costs in its currency; `filter` says which.
    pub fn runs(&self, filter: RunFilter) -> Result<Vec<RunRow>, PageError> {
        // Runs are asked for by one team at most; those of teams within it, or of none, are picked here.
        let one = self.lens.team.clone().filter(|team| team != NONE && !self.has_teams(team));
        let mut runs = self.mart.runs(&RunFilter {
            team: filter.team.clone().or(one),
            from: Some(self.scope.from),
            to: Some(self.scope.to),
            basis: self.lens.basis,
            ..filter
        })?;
        // Asked of the mart, a currency would drop the runs that cost nothing.
        runs.retain(|run| {
            run.currency.is_none_or(|currency| currency == self.scope.currency)
                && self.leave_team(&[], run.team.as_deref())
        });
        Ok(runs)
    }

    /// Days of the scope that the ledger covers, in order.
    pub fn days(&self) -> Vec<NaiveDate> {
        let info = self.mart.info();
        let (Some(first), Some(end)) = (info.first_day, info.end_day) else { return vec![] };
        let (from, to) = (self.scope.from.max(first), self.scope.to.min(end));
        from.iter_days().take_while(|day| *day < to).collect()
    }

    /// Stable colours of the values of one dimension.
    pub fn colours(&self, dimension: &Dimension) -> Result<Colours, PageError> {
        match dimension {
            Dimension::Team => Ok(Colours::in_order(self.teams.iter().map(String::as_str))),
            Dimension::Category => Ok(Colours::of_categories()),
            other => {
                // Ranked over the whole ledger: a filter must not recolour what remains.
                let query = CostQuery {
                    by: vec![other.clone()],
                    currency: Some(self.scope.currency),
                    ..CostQuery::default()
                };
                let mut rows = self.mart.costs(&query)?;
                rows.sort_by_key(|row| std::cmp::Reverse(row.cost));
                Ok(Colours::in_order(rows.iter().map(|row| row.keys[0].as_str())))
            }
        }
    }

    /// The link that opens a figure: its parts, formulas and bill lines.
    pub fn explain(&self, filters: &[Filter]) -> String {
        let lens = Lens { filters: filters.to_vec(), ..self.lens.shared() };
        lens.days(self.scope.from, self.scope.to).url(&Path::new(["explain"]))
    }

    /// The page of one entity.
    pub fn entity(&self, place: &str, id: &str) -> String {
        self.lens.shared().url(&Path::new([place, id]))
    }

    /// What a team's key is called on pages.
    pub fn team_label<'t>(&self, team: &'t str) -> &'t str {
        if team == NONE { "no team" } else { team }
    }

    /// Whose costs those of a team are, in words: of the teams within it too.
    pub fn with_teams(&self, team: &str) -> String {
        let name = self.team_label(team);
        if self.has_teams(team) { format!("{name} with the teams within it") } else { name.to_owned() }
    }

    /// A team's key as the subject of a sentence.
    pub fn owner<'t>(&self, team: &'t str) -> &'t str {
        if team == NONE { "What has no team" } else { team }
    }

    /// Money to the cent.
    pub fn money(&self, amount: Amount) -> String {
        reports::format::money(amount, self.scope.currency)
    }

    /// Money to three significant figures.
    pub fn short(&self, amount: Amount) -> String {
        reports::format::money_short(amount, self.scope.currency)
    }

    /// An instant in the display time zone.
    pub fn instant(&self, at: Instant) -> String {
        reports::format::instant(at, self.zone)
    }

    /// The display time zone.
    pub fn zone(&self) -> Tz {
        self.zone
    }

    /// The page's days in words: `from 5 to 6 October 2026`.
    pub fn period(&self) -> String {
        words::period(self.scope.from, self.scope.to)
    }

    /// That there is nothing in these days, with the days that there are: `No run started in
    /// October 2026. The ledger has 1 to 20 November 2026: choose other days above.`
    pub fn nothing(&self, what: &str) -> String {
        let period = self.period();
        let info = self.mart.info();
        let (Some(first), Some(end)) = (info.first_day, info.end_day) else {
            return format!("{what} {period}.");
        };
        if self.scope.from <= first && end <= self.scope.to {
            return format!("{what} {period}: these are all days of the ledger.");
        }
        format!(
            "{what} {period}. The ledger has charges {}: choose other days above.",
            words::period(first, end)
        )
    }

    /// Basis, currency and view, which stand beside every headline figure.
    pub fn terms(&self) -> String {
        let mut terms = format!("{} cost, {}", self.lens.basis, self.scope.currency);
        let view = self.lens.view;
        if view.idle != Idle::default() {
            terms.push_str(&format!("; idle {}", words::idle(view.idle)));
        }
        if view.shared != Shared::default() {
            terms.push_str(&format!("; shared {}", words::shared(view.shared)));
        }
        if view.ownership != Ownership::default() {
            terms.push_str(&format!("; owners {}", words::ownership(view.ownership)));
        }
        terms
    }

    /// The tables of a page as they are shown, or the one that was asked for as CSV.
    pub fn tables<const N: usize>(&self, tables: [Table; N]) -> Result<Shown<N>, PageError> {
        crate::table::show(self, tables)
    }

    /// A finished page.
    pub fn page(&self, template: &impl Template) -> Result<Response, PageError> {
        Ok(response::html(StatusCode::OK, template.render()?))
    }
}

/// A filter for one value.
pub fn only(dimension: Dimension, value: &str) -> Filter {
    Filter { dimension, value: value.to_owned() }
}

/// The filter that leaves the costs of a team and of the teams within it.
pub fn with_those_within(info: &MartInfo, team: &str) -> Filter {
    let dimension = match info.sub_teams(team).next() {
        None => Dimension::Team,
        // At its own level a team and all within it have its name.
        Some(_) => Dimension::Org(info.level(team)),
    };
    only(dimension, team)
}

/// That there is no such team, and which there are.
pub fn no_team(team: &str, teams: &[String]) -> String {
    format!("there is no team `{team}`: use {}", teams.join(", "))
}

/// Rows grouped by at most one dimension, by its key.
fn keyed(rows: Vec<CostRow>) -> BTreeMap<String, Amount> {
    rows.into_iter().map(|row| (row.keys.into_iter().next().unwrap_or_default(), row.cost)).collect()
}

fn next(day: NaiveDate) -> NaiveDate {
    day.succ_opt().unwrap_or(day)
}

/// Teams of the configuration in its order, then those only costs know, then none.
pub fn known_teams(mart: &Mart, ownership: Ownership) -> Result<Vec<String>, PageError> {
    let mut teams: Vec<String> = mart.info().teams.iter().map(|team| team.name.clone()).collect();
    let view = View { ownership, ..View::default() };
    let query = CostQuery { by: vec![Dimension::Team], view, ..CostQuery::default() };
    let rows = mart.costs(&query)?;
    let seen = |name: &str, teams: &[String]| teams.iter().any(|team| team == name);
    for row in &rows {
        if row.keys[0] != NONE && !seen(&row.keys[0], &teams) {
            teams.push(row.keys[0].clone());
        }
    }
    if rows.iter().any(|row| row.keys[0] == NONE) {
        teams.push(NONE.to_owned());
    }
    Ok(teams)
}
