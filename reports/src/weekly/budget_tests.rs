//! Budgets in letters: that an exceeded one is worth a letter, and that the worst are told of.

use super::assemble::Facts;
use super::news_tests::budget;
use super::outlook;
use super::scope::Scope;
use super::tests::{data_of, facts_of_growth, usd};
use super::{Materiality, Weekly, When, material, render};
use crate::budget::BudgetState;

/// A budget of September, which ended within the week or before it.
fn ended(amount: &str, spent: &str) -> BudgetState {
    let (month, end) = ("2026-09-01".parse().unwrap(), "2026-10-01".parse().unwrap());
    BudgetState { month, end, first: month, ..budget(Some("growth"), amount, spent, Some(spent)) }
}

fn growth(facts: &Facts) -> Weekly {
    render(&data_of(facts, Scope::Team("growth".into())), "growth").unwrap()
}

fn with(budgets: Vec<BudgetState>) -> Facts {
    Facts { budgets, ..facts_of_growth() }
}

/// No cost and no change is material by this.
fn nothing() -> Materiality {
    Materiality { spend: usd("1000000"), change: usd("1000000"), ..Materiality::default() }
}

#[test]
fn an_exceeded_budget_is_worth_a_letter() {
    let is_mailed = |facts: &Facts, when| material(&growth(facts), when, &nothing()).is_ok();
    let over = [
        with(vec![budget(Some("growth"), "1000", "1120", Some("2900"))]),
        // No later letter tells of it.
        with(vec![ended("1000", "1001")]),
    ];
    let not_over = [
        with(vec![]),
        with(vec![budget(Some("growth"), "1000", "900", Some("1180"))]),
        with(vec![budget(Some("content"), "10", "11", None)]),
    ];
    for when in [When::Material, When::Changed] {
        for facts in &over {
            assert!(is_mailed(facts, when), "{when:?}: {:?}", facts.budgets);
        }
        for facts in &not_over {
            assert!(!is_mailed(facts, when), "{when:?}: {:?}", facts.budgets);
        }
    }
    assert!(!is_mailed(&over[0], When::Never));
}

#[test]
fn an_exceeded_budget_is_told_of_in_a_week_without_costs_in_its_currency() {
    let mut state = budget(Some("growth"), "100", "110", None);
    state.budget.currency = "EUR".parse().unwrap();
    let mut facts = with(vec![state.clone()]);
    facts.currencies.push(state.budget.currency);
    let report = growth(&facts);
    let words = report.text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(report.is_over_budget);
    assert!(
        words.contains("growth in October, as of Sun 11 Oct 2026: €110.00 of €100.00 (110.0%)"),
        "{words}"
    );
    assert!(words.contains("growth spent €0.00 in week 41, exactly as much as the week before."), "{words}");
    // One that is kept to says nothing.
    facts.budgets[0].spent = usd("90");
    assert!(!growth(&facts).text.contains('€'));
}

#[test]
fn the_worst_budgets_are_told_of_whichever_month_they_are_of() {
    let of = |name: &str, mut state: BudgetState| {
        name.clone_into(&mut state.budget.name);
        state
    };
    let current = |name: &str, spent: &str, forecast: &str| {
        of(name, budget(Some("growth"), "100", spent, Some(forecast)))
    };
    let lines = |budgets: Vec<BudgetState>| {
        outlook::budgets(&data_of(&with(budgets), Scope::Team("growth".into())).sections[0])
    };
    // As they are gathered: those that ended first, each month by itself.
    let told = lines(vec![
        of("etl", ended("100", "101")),
        of("ads", ended("100", "100.5")),
        current("worst", "250", "700"),
        current("etl", "30", "70"),
        current("least", "10", "50"),
    ]);
    let begins = [
        "worst in October, as of Sun 11 Oct 2026: $250.00 of $100.00 (250.0%) spent",
        "etl in September, as of Wed 30 Sep 2026: $101.00 of $100.00 (101.0%) spent",
        "ads in September, as of Wed 30 Sep 2026: $100.50 of $100.00 (100.5%) spent",
        "etl in October, as of Sun 11 Oct 2026: $30.00 of $100.00 (30.0%) spent",
    ];
    for (line, begin) in told.iter().zip(begins) {
        assert!(line.starts_with(begin), "{line}");
    }
    assert_eq!(told[4..], ["1 more stands better."]);
    let dear = ["a", "b", "c", "d"].map(|name| current(name, "250", "700"));
    let rest = [current("e", "150", "300"), current("f", "10", "50")];
    let told = lines(dear.into_iter().chain(rest).collect());
    assert_eq!(told[4..], ["2 more stand better; 1 of them is exceeded."]);
}

#[test]
fn what_was_exceeded_is_the_news_before_what_will_be() {
    let heading = budget(Some("growth"), "1000", "900", Some("1180"));
    assert_eq!(
        growth(&with(vec![heading, ended("1000", "1120")])).subject,
        "growth is over its September budget (112.0%): $945 (up 23%) in week 41"
    );
}
