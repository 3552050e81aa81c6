//! Budgets as small cards: what is spent and expected of a month's amount, in words and as a
//! bar. They are of the month and basis of their configuration, whatever days a page shows.

use model::Amount;
use reports::budget::{self, BudgetState, FORECAST_RULE};
use reports::watch::Scope;

use crate::context::Context;
use crate::error::PageError;
use crate::lens::Lens;
use crate::link::Path;
use crate::state::Visit;

/// Cards of one page, those furthest beyond their amount first.
const MOST_CARDS: usize = 6;
/// Width of a bar.
const WIDTH: i64 = 1_000;

/// The budgets of a page.
pub struct Budgets {
    pub cards: Vec<Card>,
    pub note: String,
}

/// One budget.
pub struct Card {
    pub name: String,
    pub href: String,
    /// `over`, with its tone; nothing while it is kept. Since when and by how much says the sentence.
    pub verdict: Option<(&'static str, &'static str)>,
    pub sentence: String,
    pub pace: String,
    pub bar: Bar,
}

/// Geometry, in thousandths of the width.
pub struct Bar {
    pub spent: i64,
    /// Where what is expected ends.
    pub forecast: i64,
    /// Where the amount is.
    pub amount: i64,
    pub is_over: bool,
}

/// The budgets of the platform's page, or of one team's; nothing where none holds.
pub fn of(context: &Context<'_>, visit: &Visit, team: Option<&str>) -> Result<Option<Budgets>, PageError> {
    let reach = context.mart.reach();
    let mut states = budget::states(context.mart, &visit.watch().budgets, None)?;
    // Who sees a part of the costs must not take it for what a budget of all has spent.
    states.retain(|state| reach.is_whole() || reach.names(state.budget.scope.team.as_deref()));
    let of_page: Vec<&BudgetState> = match team {
        None => states.iter().collect(),
        Some(team) => budget::of_team(&states, context.mart.info(), team).collect(),
    };
    let Some(first) = of_page.first() else { return Ok(None) };
    let mut note = format!(
        "{}, as of {}, the last closed day. {FORECAST_RULE}",
        first.month.format("%B %Y"),
        first.as_of()
    );
    if of_page.len() > MOST_CARDS {
        note.push_str(&format!(
            " These are the {MOST_CARDS} furthest along of {}; the command lakeledger budgets lists all.",
            reports::format::count(of_page.len() as i64)
        ));
    }
    let cards = of_page.iter().take(MOST_CARDS).map(|state| card(context, state)).collect();
    Ok(Some(Budgets { cards, note }))
}

fn card(context: &Context<'_>, state: &BudgetState) -> Card {
    let budget = &state.budget;
    let verdict =
        state.exceeded_on.map(|_| if state.is_over() { ("over", "bad") } else { ("will be over", "warn") });
    Card {
        name: reports::label::visible(&budget.name),
        href: href(context, state),
        verdict,
        sentence: state.sentence(),
        pace: state.pace(),
        bar: bar(state),
    }
}

/// What the budget's costs are made of, in its month.
fn href(context: &Context<'_>, state: &BudgetState) -> String {
    let budget = &state.budget;
    let lens =
        Lens { basis: budget.basis, currency: Some(budget.currency), team: None, ..context.lens.shared() };
    let lens = lens.days(state.month, state.end);
    match &budget.scope {
        Scope { team: Some(team), filters } if filters.is_empty() => lens.url(&Path::new(["teams", team])),
        scope if scope.is_platform() => lens.url(&Path::root()),
        scope => scope
            .filters(context.mart.info())
            .iter()
            .fold(lens, |lens, filter| lens.only(filter.dimension.clone(), &filter.value))
            .url(&Path::new(["explain"])),
    }
}

fn bar(state: &BudgetState) -> Bar {
    let amount = state.budget.amount;
    let forecast = state.forecast.unwrap_or(state.spent).max(state.spent);
    let whole = amount.max(forecast);
    let at = |part: Amount| {
        let share = part.to_f64() / whole.to_f64() * WIDTH as f64;
        (share.clamp(0.0, WIDTH as f64)).round() as i64
    };
    Bar {
        spent: at(state.spent),
        forecast: at(forecast),
        amount: at(amount),
        is_over: state.exceeded_on.is_some(),
    }
}
