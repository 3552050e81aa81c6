//! One module a command.

pub mod alerts;
pub mod budgets;
pub mod check;
pub mod compare;
pub mod demo;
pub mod explain;
pub mod export;
pub mod init;
mod overlooked;
pub mod owners;
pub mod report;
pub mod run;
pub mod schedule;
pub mod serve;
pub mod status;
pub mod token;
pub mod waste;

use std::path::Path;

use attribution::mart::{CostQuery, Filter, Mart, Ownership, OwnershipQuery, Shared, View};
use chrono::NaiveDate;
use model::Warning;

use crate::args::{OwnershipScope, ViewOptions};
use crate::config::{Config, load};
use crate::printer::Failure;

/// Reads the configuration, or fails with all its faults.
fn config(path: &Path) -> Result<Config, Failure> {
    load(path).map_err(|error| {
        let missing = matches!(&error, crate::config::ConfigError::Read { cause, .. } if cause.kind() == std::io::ErrorKind::NotFound);
        Failure {
            error: Box::new(error),
            hint: missing.then(|| "write one with `lakeledger init`, or name one with --config FILE".into()),
        }
    })
}

/// The time, handed on from here as an argument.
#[expect(clippy::disallowed_methods, reason = "the one place where a command learns the time")]
pub fn now() -> chrono::DateTime<chrono::Utc> {
    chrono::Utc::now()
}

/// The published mart of the ledger.
fn mart(config: &Config) -> Result<Mart, Failure> {
    Mart::open(&config.ledger).map_err(|error| match error {
        attribution::MartError::NotPublished { .. } => {
            Failure::new(error, "publish one with `lakeledger run`")
        }
        other => other.into(),
    })
}

/// The costs that ownership is asked of.
fn ownership_query(scope: &OwnershipScope) -> Result<OwnershipQuery, Failure> {
    half_open(scope.from, scope.to)?;
    Ok(OwnershipQuery { basis: scope.basis, from: scope.from, to: scope.to, currency: None })
}

/// Refuses days that end before they begin.
fn half_open(from: Option<NaiveDate>, to: Option<NaiveDate>) -> Result<(), Failure> {
    if from.zip(to).is_some_and(|(from, to)| from >= to) {
        return Err(Failure::new(
            "--to must be after --from",
            "days are half-open: --to is the first day left out",
        ));
    }
    Ok(())
}

/// `dimension=value` texts as filters.
fn filters(texts: &[String]) -> Result<Vec<Filter>, Failure> {
    let filter =
        |text: &String| text.parse().map_err(|fault: String| Failure { error: fault.into(), hint: None });
    texts.iter().map(filter).collect()
}

/// The view that the options ask for. Fixed shares that nobody configured are none.
fn view(mart: &Mart, options: ViewOptions) -> View {
    if options.shared == Shared::Fixed && !mart.info().has_fixed_shares {
        crate::printer::say(
            "warning: no `shared_fixed` in [views] of the configuration: shared costs stay shared",
        );
    }
    let ownership = options.as_of.map_or(options.ownership, Ownership::AsOf);
    View { idle: options.idle, shared: options.shared, ownership }
}

/// Warns of a team filter that no configured team answers to: a typo gives an empty answer.
fn warn_unknown_team(mart: &Mart, query: &CostQuery) {
    // Costs as they were owned may be of teams that are no more.
    let restated = query.view.ownership == Ownership::Restated;
    for filter in query.filters.iter().filter(|_| restated) {
        let known = mart.info().teams.iter().any(|team| team.name == filter.value);
        let is_team = filter.dimension == attribution::mart::Dimension::Team;
        if is_team && !known && filter.value != attribution::mart::NONE {
            let near = crate::config::nearest(
                &filter.value,
                mart.info().teams.iter().map(|team| team.name.as_str()),
            );
            let hint = near.map(|near| format!(": did you mean `{near}`?")).unwrap_or_default();
            crate::printer::say(format!("warning: there is no team `{}`{hint}", filter.value));
        }
    }
}

/// Refuses a team that is not configured.
fn check_team(mart: &Mart, team: &str) -> Result<(), Failure> {
    let names = || mart.info().teams.iter().map(|team| team.name.as_str());
    if names().any(|known| known == team) {
        return Ok(());
    }
    let hint = match crate::config::nearest(team, names()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "name it in a [[team]] of the configuration".to_owned(),
    };
    Err(Failure::new(format!("there is no team `{team}`"), hint))
}

/// Exit code of work that was done: 1 where something had to be left out.
fn exit_code(warnings: &[Warning]) -> std::process::ExitCode {
    std::process::ExitCode::from(u8::from(warnings.iter().any(|warning| warning.skipped)))
}
