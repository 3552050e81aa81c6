//! `budgets`: what months may cost, and what they do.

use std::path::Path;
use std::process::ExitCode;

use reports::budget::{self, BudgetState, FORECAST_RULE};
use reports::format;
use serde_json::Value;

use crate::args::{Budgets, Format};
use crate::command::config;
use crate::printer::{Failure, line, say, table};

/// Shows the state of the budgets of a month.
pub fn run(path: &Path, options: &Budgets) -> Result<ExitCode, Failure> {
    let config = config(path)?;
    if config.watch.budgets.is_empty() {
        say("warning: no budget is configured: add a [[budget]] with an `amount`, and a `team` or `where`");
    }
    let mart = super::mart(&config)?;
    let states = budget::states(&mart, &config.watch.budgets, options.month)?;
    let shown: Vec<&BudgetState> = match &options.team {
        None => states.iter().collect(),
        Some(team) => {
            super::check_team(&mart, team)?;
            budget::of_team(&states, mart.info(), team).collect()
        }
    };
    match options.format {
        Format::Json => {
            let rows: Vec<Value> = shown.iter().map(|state| state.json()).collect();
            line(serde_json::to_string_pretty(&rows)?);
        }
        Format::Text => list(&shown),
    }
    Ok(ExitCode::SUCCESS)
}

fn list(states: &[&BudgetState]) {
    let Some(first) = states.first() else {
        say("no budget holds in a month with closed days");
        return;
    };
    let rows: Vec<Vec<String>> = states
        .iter()
        .map(|state| {
            let budget = &state.budget;
            let money = |amount| format::money(amount, budget.currency);
            let share = |amount| format::percent(amount, budget.amount).unwrap_or_default();
            vec![
                budget.name.clone(),
                match state.exceeded_on {
                    None => "within".to_owned(),
                    Some(day) if state.is_over() => format!("over since {day}"),
                    Some(day) => format!("over on {day}"),
                },
                money(budget.amount),
                money(state.spent),
                share(state.spent),
                state.forecast.map_or_else(|| "-".to_owned(), money),
                state.forecast.map_or_else(|| "-".to_owned(), share),
                state.burn().map_or_else(|| "-".to_owned(), money),
                state.allowance().filter(|_| !state.is_over()).map_or_else(|| "-".to_owned(), money),
            ]
        })
        .collect();
    let head = ["budget", "state", "amount", "spent", "%", "forecast", "%", "burn/day", "left/day"];
    table(&head, &rows, 7);
    let (closed, all) = first.progress();
    say(format!(
        "{}: {closed} of {all} days are closed, up to {}. {FORECAST_RULE}",
        first.month.format("%B %Y"),
        first.as_of()
    ));
}
