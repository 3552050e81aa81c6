//! What a configuration says, or leaves out, that is valid and likely not meant: filters that nothing
//! answers to, and letters without links.

use std::collections::{BTreeMap, BTreeSet};

use attribution::mart::{CostQuery, Dimension, Filter, Mart, MartError, NONE};
use model::Warning;
use reports::alert::ChannelKind;

use crate::config::{Config, Job, nearest};

/// Warnings about a configuration; names of what is billed and runs are known where there is a mart.
///
/// # Errors
/// When the mart cannot be asked.
pub fn overlooked(config: &Config, mart: Option<&Mart>) -> Result<Vec<Warning>, MartError> {
    let mut warnings: Vec<Warning> = no_links(config).into_iter().collect();
    let mut known = Known { config, mart, names: BTreeMap::new() };
    for (what, filter) in filters(config) {
        if let Some(message) = known.doubt(&filter)? {
            warnings.push(Warning::new("unknown-name", what, message));
        }
    }
    Ok(warnings)
}

/// Letters and messages lead nowhere where nobody said where the dashboard is.
fn no_links(config: &Config) -> Option<Warning> {
    if config.reports.base_url.is_some() {
        return None;
    }
    let posts = config.watch.channels.iter().any(|it| !matches!(it.kind, ChannelKind::Email { .. }));
    let who = match (config.smtp.is_some(), posts) {
        (true, true) => "letters and messages",
        (true, false) => "letters",
        (false, true) => "messages to channels",
        (false, false) => return None,
    };
    let message = format!("`base_url` is missing: {who} will have no links to the dashboard");
    Some(Warning::new("no-links", "[report]", message))
}

/// Every filter, with what it narrows.
fn filters(config: &Config) -> Vec<(String, Filter)> {
    let mut all = Vec::new();
    for budget in &config.watch.budgets {
        let what = format!("budget `{}`", budget.name);
        all.extend(budget.scope.filters.iter().map(|filter| (what.clone(), filter.clone())));
    }
    for rule in &config.watch.rules {
        let what = format!("alert `{}`", rule.name);
        all.extend(rule.scope.filters.iter().map(|filter| (what.clone(), filter.clone())));
    }
    for scheduled in &config.schedules {
        let Job::Export(export) = &scheduled.job else { continue };
        let what = format!("schedule `{}`", scheduled.schedule.name);
        let filters = export.filters().iter().filter_map(|text| text.parse().ok());
        all.extend(filters.map(|filter| (what.clone(), filter)));
    }
    all
}

/// What there is, asked for once a dimension.
struct Known<'a> {
    config: &'a Config,
    mart: Option<&'a Mart>,
    names: BTreeMap<Dimension, BTreeSet<String>>,
}

impl Known<'_> {
    /// Why a filter keeps nothing; nothing where it may keep something.
    fn doubt(&mut self, filter: &Filter) -> Result<Option<String>, MartError> {
        // Runs and days pass; what has no value is always there to be asked for.
        let passes =
            matches!(filter.dimension, Dimension::Run | Dimension::Day | Dimension::Week | Dimension::Month);
        if passes || filter.value == NONE {
            return Ok(None);
        }
        let names = self.names(&filter.dimension)?;
        if names.is_empty() || names.contains(&filter.value) {
            return Ok(None);
        }
        let near = nearest(&filter.value, names.iter().map(String::as_str));
        let near = near.map(|near| format!(" (did you mean `{near}`?)")).unwrap_or_default();
        Ok(Some(match filter.dimension {
            Dimension::Team => format!("there is no team `{}`{near}", filter.value),
            _ => format!("no cost has the {} `{}`{near}", filter.dimension, filter.value),
        }))
    }

    fn names(&mut self, dimension: &Dimension) -> Result<&BTreeSet<String>, MartError> {
        if !self.names.contains_key(dimension) {
            let names = match (dimension, self.mart) {
                (Dimension::Team, _) => {
                    self.config.rules.teams.iter().map(|team| team.name.clone()).collect()
                }
                (_, None) => BTreeSet::new(),
                (_, Some(mart)) => there(mart, dimension)?,
            };
            self.names.insert(dimension.clone(), names);
        }
        Ok(self.names.entry(dimension.clone()).or_default())
    }
}

/// Values of a dimension that anything cost, ran or was collected under.
fn there(mart: &Mart, dimension: &Dimension) -> Result<BTreeSet<String>, MartError> {
    let query = CostQuery { by: vec![dimension.clone()], ..CostQuery::default() };
    let mut names: BTreeSet<String> =
        mart.costs(&query)?.into_iter().filter_map(|row| row.keys.into_iter().next()).collect();
    if *dimension == Dimension::Table {
        names.extend(mart.tables()?.into_iter().map(|table| table.table_id));
    }
    Ok(names)
}
