//! Asks the mart for what the reports of a week need: a few questions for all
//! teams at once, then the number of runs behind what is named.

use std::collections::BTreeMap;

use attribution::mart::{CostQuery, Dimension, Mart, MartError, MartInfo, RunFilter};
use chrono::{Datelike, NaiveDate, Weekday};
use chrono_tz::Tz;
use model::Basis;

use super::assemble::{self, Facts};
use super::data::{self, Cause, Scope, Section, WarningCount, WeeklyData};
use super::{Weekly, WeeklyRequest, files, render, rows};
use crate::error::ReportError;
use crate::link::BaseUrl;

/// Causes whose runs are counted; the sentence names no more.
const CAUSES: usize = 8;

/// Days, half-open.
type Days = (NaiveDate, NaiveDate);

/// Builds the reports of a week: the platform's and every configured team's, or
/// the one team's that is asked for.
///
/// # Errors
/// [`ReportError::UnknownTeam`], [`ReportError::NotMonday`] and
/// [`ReportError::BaseUrl`] before anything is asked; [`ReportError::Mart`], and what
/// [`render`] gives, after.
pub fn build(mart: &Mart, request: &WeeklyRequest) -> Result<Vec<Weekly>, ReportError> {
    let info = mart.info();
    let scopes = scopes(info, request)?;
    if request.week.weekday() != Weekday::Mon {
        return Err(ReportError::NotMonday(request.week));
    }
    let base_url = request.base_url.as_deref().map(BaseUrl::parse).transpose()?;
    let timezone: Tz =
        info.display_timezone.parse().map_err(|_| ReportError::TimeZone(info.display_timezone.clone()))?;
    let held = info.first_day.zip(info.end_day);
    let covered = data::covered(held, request.week);
    let compared = data::compared(held, request.week);
    let facts = facts(mart, request, covered, compared)?;
    let mut reports = Vec::new();
    for (scope, name) in scopes {
        let mut sections = assemble::sections(&facts, &scope)?;
        for section in &mut sections {
            count_runs(mart, &scope, section, request.basis, covered, compared)?;
        }
        let warnings = match scope {
            Scope::Platform => warnings(mart)?,
            Scope::Team(_) => Vec::new(),
        };
        let data = WeeklyData {
            scope,
            monday: request.week,
            basis: request.basis,
            timezone,
            published_at: info.published_at,
            written_at: request.now,
            held,
            base_url: base_url.clone(),
            sections,
            warnings,
        };
        reports.push(render(&data, &name)?);
    }
    Ok(reports)
}

/// Whose reports are made, with their names in files.
fn scopes(info: &MartInfo, request: &WeeklyRequest) -> Result<Vec<(Scope, String)>, ReportError> {
    let names: Vec<&str> = info.teams.iter().map(|team| team.name.as_str()).collect();
    let (platform, stems) = files::stems(names.iter().copied());
    let mut teams = names.iter().zip(stems).map(|(name, stem)| (Scope::Team((*name).to_owned()), stem));
    match &request.team {
        None => Ok([(Scope::Platform, platform)].into_iter().chain(teams).collect()),
        Some(team) => match teams.find(|(scope, _)| *scope == Scope::Team(team.clone())) {
            Some(found) => Ok(vec![found]),
            None => Err(ReportError::UnknownTeam { team: team.clone(), known: nearest(team, &names) }),
        },
    }
}

/// Names by similarity to what was typed, the nearest first.
fn nearest(typed: &str, names: &[&str]) -> Vec<String> {
    let likeness = |name: &str| strsim::jaro_winkler(&typed.to_lowercase(), &name.to_lowercase());
    let mut names = names.to_vec();
    names.sort_by(|a, b| likeness(b).total_cmp(&likeness(a)));
    names.into_iter().map(str::to_owned).collect()
}

fn facts(
    mart: &Mart,
    request: &WeeklyRequest,
    covered: Option<Days>,
    compared: Option<Days>,
) -> Result<Facts, ReportError> {
    let costs = |by: &[Dimension], days: Option<Days>| match days {
        None => Ok(Vec::new()),
        Some((from, to)) => mart
            .costs(&CostQuery {
                by: by.to_vec(),
                basis: request.basis,
                from: Some(from),
                to: Some(to),
                ..CostQuery::default()
            })
            .map_err(asking("costs", &Scope::Platform)),
    };
    use Dimension::{Category, Day, Table, Team, Workload};
    let whole = [Team, Category, Workload, Table];
    Ok(Facts {
        now: costs(&whole, covered)?,
        before: match compared {
            Some(days) => Some(costs(&whole, Some(days))?),
            None => None,
        },
        by_day: costs(&[Day, Team, Category, Workload], covered)?,
        balance: match covered {
            None => Vec::new(),
            Some((from, to)) => mart
                .balance(request.basis, Some(from), Some(to))
                .map_err(asking("balance", &Scope::Platform))?,
        },
        currencies: mart.info().currencies.clone(),
        teams: mart.info().teams.iter().map(|team| team.name.clone()).collect(),
        monday: request.week,
    })
}

/// Fills in how often the workloads ran that the report will name.
fn count_runs(
    mart: &Mart,
    scope: &Scope,
    section: &mut Section,
    basis: Basis,
    covered: Option<Days>,
    compared: Option<Days>,
) -> Result<(), ReportError> {
    let count = |workload: &str, days: Option<Days>| -> Result<u64, ReportError> {
        let Some((from, to)) = days else { return Ok(0) };
        let filter = RunFilter {
            workload: Some(workload.to_owned()),
            team: match scope {
                Scope::Platform => None,
                Scope::Team(name) => Some(name.clone()),
            },
            from: Some(from),
            to: Some(to),
            basis,
            ..RunFilter::default()
        };
        Ok(mart.runs(&filter).map_err(asking("runs", scope))?.len() as u64)
    };
    let named: Vec<String> = data::ranked(&section.workloads)
        .iter()
        .filter_map(|one| one.name.map(str::to_owned))
        .take(rows::TOP)
        .collect();
    for name in named {
        let runs = count(&name, covered)?;
        for item in section.workloads.iter_mut().filter(|item| item.name.as_deref() == Some(name.as_str())) {
            item.runs = Some(runs);
        }
    }
    for driver in section.drivers.iter_mut().take(CAUSES) {
        if let Cause::Workload(name) = &driver.cause {
            driver.runs = Some((count(name, covered)?, count(name, compared)?));
        }
    }
    Ok(())
}

fn warnings(mart: &Mart) -> Result<Vec<WarningCount>, ReportError> {
    let mut counts: BTreeMap<String, WarningCount> = BTreeMap::new();
    for warning in mart.warnings().map_err(asking("warnings", &Scope::Platform))? {
        let code = warning.code;
        let count = counts.entry(code.clone()).or_insert(WarningCount { code, count: 0, skipped: 0 });
        count.count = count.count.saturating_add(warning.count);
        count.skipped += u64::from(warning.skipped);
    }
    Ok(counts.into_values().collect())
}

fn asking(what: &'static str, scope: &Scope) -> impl Fn(MartError) -> ReportError {
    let scope = scope.to_string();
    move |cause| ReportError::Mart { what, scope: scope.clone(), cause: Box::new(cause) }
}
