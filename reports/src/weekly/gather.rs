//! Asks the mart for what the reports of a week need: a few questions for all
//! teams at once.

use std::collections::BTreeMap;

use attribution::mart::{
    CostQuery, CostRow, Difference, Dimension, Filter, FindingQuery, Mart, MartError, MartInfo, NONE,
    WorkloadCostQuery,
};
use chrono::{Datelike, NaiveDate, Weekday};
use chrono_tz::Tz;
use model::Basis;

use super::assemble::{self, Facts, Runs};
use super::data::{self, WarningCount, WeeklyData};
use super::follow_up::WEEKS;
use super::moves::Held;
use super::scope::{Scope, TeamScope};
use super::{Weekly, WeeklyRequest, files, render};
use crate::budget::{self, BudgetState};
use crate::error::ReportError;
use crate::link::BaseUrl;
use crate::names::by_likeness;
use crate::watch;

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
    let held = info.used_days();
    let covered = data::covered(held, request.week);
    let compared = data::compared(held, request.week);
    let facts = facts(mart, request, covered, compared)?;
    let closed = watch::closed_days(mart).map_err(asking("closed days", &Scope::Platform))?;
    let mut all = Vec::new();
    for (scope, name) in scopes {
        let sections = assemble::sections(&facts, &scope)?;
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
            closed_end: closed.map(|closed| closed.end),
            base_url: base_url.clone(),
            sections,
            warnings,
        };
        all.push((data, name));
    }
    render_all(&all)
}

/// Renders on every core, in order: drawing is most of the work.
fn render_all(all: &[(WeeklyData, String)]) -> Result<Vec<Weekly>, ReportError> {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let chunk = all.len().div_ceil(cores).max(1);
    std::thread::scope(|scope| {
        let work = |part: &[(WeeklyData, String)]| -> Result<Vec<Weekly>, ReportError> {
            part.iter().map(|(data, name)| render(data, name)).collect()
        };
        let threads: Vec<_> = all.chunks(chunk).map(|part| scope.spawn(move || work(part))).collect();
        let mut reports = Vec::new();
        for thread in threads {
            match thread.join() {
                Ok(part) => reports.extend(part?),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        Ok(reports)
    })
}

/// Whose reports are made, with their names in files.
fn scopes(info: &MartInfo, request: &WeeklyRequest) -> Result<Vec<(Scope, String)>, ReportError> {
    let names: Vec<&str> = info.teams.iter().map(|team| team.name.as_str()).collect();
    let (platform, stems) = files::stems(names.iter().copied());
    let mut teams =
        names.iter().zip(stems).map(|(name, stem)| (Scope::Team(TeamScope::of(info, name)), stem));
    match &request.team {
        None => Ok([(Scope::Platform, platform)].into_iter().chain(teams).collect()),
        Some(team) => match teams.find(|(scope, _)| scope.team() == Some(team.as_str())) {
            Some(found) => Ok(vec![found]),
            None => {
                let known = by_likeness(team, names.iter().copied()).into_iter().map(str::to_owned).collect();
                Err(ReportError::UnknownTeam { team: team.clone(), known })
            }
        },
    }
}

/// The days of the trend.
fn trend_days(monday: NaiveDate) -> Option<Days> {
    let first = monday.checked_sub_days(chrono::Days::new(7 * (WEEKS - 1)))?;
    Some((first, monday.checked_add_days(chrono::Days::new(7))?))
}

fn facts(
    mart: &Mart,
    request: &WeeklyRequest,
    covered: Option<Days>,
    compared: Option<Days>,
) -> Result<Facts, ReportError> {
    let asked = |by: &[Dimension], without: &[Dimension], days: Option<Days>| match days {
        None => Ok(Vec::new()),
        Some((from, to)) => mart
            .costs(&CostQuery {
                by: by.to_vec(),
                basis: request.basis,
                from: Some(from),
                to: Some(to),
                filters: without
                    .iter()
                    .map(|one| Filter { dimension: one.clone(), value: NONE.to_owned() })
                    .collect(),
                ..CostQuery::default()
            })
            .map_err(asking("costs", &Scope::Platform)),
    };
    let costs = |by: &[Dimension], days: Option<Days>| asked(by, &[], days);
    let info = mart.info();
    use Dimension::{Category, Cluster, Day, Service, Table, Team, Workload};
    let whole = [Team, Category, Workload, Table];
    let clusters = mart.clusters().map_err(asking("clusters", &Scope::Platform))?;
    let names: BTreeMap<String, String> =
        clusters.into_iter().filter_map(|one| Some((one.cluster_id, one.name?))).collect();
    let nameless = |days: Option<Days>| -> Result<Vec<CostRow>, ReportError> {
        let mut rows = asked(&[Team, Category, Service, Cluster], &[Workload, Table], days)?;
        for id in rows.iter_mut().filter_map(|row| row.keys.get_mut(3)) {
            if let Some(name) = names.get(id) {
                id.clone_from(name);
            }
        }
        Ok(rows)
    };
    // Who owned what, on which days of the weeks compared, and whether before them.
    let both = compared.zip(covered).map(|(before, now)| (before.0, now.1));
    let earlier = both.zip(info.first_day).map(|((from, _), first)| (first, from));
    let held = Held::new([
        (true, false, asked(&[Team, Workload], &[], earlier.filter(|days| days.0 < days.1))?),
        (false, false, asked(&[Team, Table], &[Workload], earlier.filter(|days| days.0 < days.1))?),
        (true, true, asked(&[Team, Workload, Day], &[], both)?),
        (false, true, asked(&[Team, Table, Day], &[Workload], both)?),
    ]);
    Ok(Facts {
        now: costs(&whole, covered)?,
        before: match compared {
            Some(days) => Some(costs(&whole, Some(days))?),
            None => None,
        },
        by_day: costs(&[Day, Team, Category, Workload], covered)?,
        // Of a team's report no line needs it, and who sees one team only may not ask it.
        balance: match covered.filter(|_| request.team.is_none()) {
            None => Vec::new(),
            Some((from, to)) => mart
                .balance(request.basis, Some(from), Some(to))
                .map_err(asking("balance", &Scope::Platform))?,
        },
        nameless_now: nameless(covered)?,
        nameless_before: nameless(compared)?,
        held_by: held,
        runs: runs(mart, request.basis, covered, compared)?,
        held: mart.info().used_days(),
        weeks: costs(&[Dimension::Week, Team], trend_days(request.week))?,
        findings: mart.findings(&FindingQuery::default()).map_err(asking("findings", &Scope::Platform))?,
        tracked: request.tracked.clone(),
        budgets: budgets(mart, request)?,
        reported: request.reported.clone(),
        differences: differences(mart, request),
        currencies: mart.info().currencies.clone(),
        teams: mart.info().teams.iter().map(|team| team.name.clone()).collect(),
        monday: request.week,
    })
}

/// How budgets stand in the month of the week's Sunday; where another month ended within the week,
/// also those that were exceeded in it: no later letter tells of them.
fn budgets(mart: &Mart, request: &WeeklyRequest) -> Result<Vec<BudgetState>, ReportError> {
    if request.budgets.is_empty() {
        return Ok(Vec::new());
    }
    let sunday = request.week.checked_add_days(chrono::Days::new(6)).unwrap_or(request.week);
    let (ended, month) = (budget::month_of(request.week), budget::month_of(sunday));
    let states = |month| {
        budget::states(mart, &request.budgets, Some(month)).map_err(asking("budgets", &Scope::Platform))
    };
    let mut all = if ended < month { states(ended)? } else { Vec::new() };
    all.retain(BudgetState::is_over);
    all.extend(states(month)?);
    Ok(all)
}

/// How often workloads ran, in these days and in those compared with.
fn runs(
    mart: &Mart,
    basis: Basis,
    covered: Option<Days>,
    compared: Option<Days>,
) -> Result<Runs, ReportError> {
    let mut runs = Runs::default();
    for (days, is_now) in [(covered, true), (compared, false)] {
        let Some((from, to)) = days else { continue };
        let query =
            WorkloadCostQuery { basis, from: Some(from), to: Some(to), ..WorkloadCostQuery::default() };
        let rows = mart.workload_costs(&query).map_err(asking("runs", &Scope::Platform))?;
        for row in rows {
            let count = u64::try_from(row.runs).unwrap_or(0);
            let both = runs.0.entry((row.workload, row.currency, row.team)).or_default();
            if is_now {
                both.0 += count;
            } else {
                both.1 += count;
            }
        }
    }
    Ok(runs)
}

/// How the week before differs by team from the mart its reports were made of: nothing where
/// that is kept no longer, or was made by a build whose marts cannot be compared.
fn differences(mart: &Mart, request: &WeeklyRequest) -> Vec<Difference> {
    let compared = || {
        let monday = request.week.checked_sub_days(chrono::Days::new(7))?;
        let earlier = mart.as_published(request.reported.first()?.published_at).ok()?;
        let query = CostQuery {
            by: vec![Dimension::Team],
            basis: request.basis,
            from: Some(monday),
            to: Some(request.week),
            ..CostQuery::default()
        };
        mart.compare(&earlier, &query).ok().map(|comparison| comparison.rows)
    };
    compared().unwrap_or_default()
}

fn warnings(mart: &Mart) -> Result<Vec<WarningCount>, ReportError> {
    let mut counts: BTreeMap<String, WarningCount> = BTreeMap::new();
    for warning in mart.warnings().map_err(asking("warnings", &Scope::Platform))? {
        let (code, message) = (warning.code, warning.message);
        let first = WarningCount { code: code.clone(), message, count: 0, skipped: 0 };
        let count = counts.entry(code).or_insert(first);
        count.count = count.count.saturating_add(warning.count);
        count.skipped += u64::from(warning.skipped);
    }
    Ok(counts.into_values().collect())
}

fn asking(what: &'static str, scope: &Scope) -> impl Fn(MartError) -> ReportError {
    let scope = scope.to_string();
    move |cause| ReportError::Mart { what, scope: scope.clone(), cause: Box::new(cause) }
}
