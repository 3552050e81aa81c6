//! `[[budget]]`: what a month may cost.

use attribution::mart::{Dimension, Filter};
use attribution::rules::Team;
use chrono::{Datelike as _, NaiveDate};
use model::{Amount, Basis, Currency};
use reports::budget::Budget;
use reports::watch::Scope;

use super::check_team;
use super::section::{Faults, Section};

/// Highest level, in per cent.
const MOST_PERCENT: u32 = 1_000;

/// Reads one `[[budget]]`.
pub fn budget(mut section: Section<'_, '_>, faults: &mut Faults<'_>, teams: &[Team]) -> Budget {
    let scope = scope(&mut section, faults, teams);
    let name = section.text(faults, "name").unwrap_or_else(|| scope.to_string());
    let amount = section.decimal(faults, "amount");
    match amount {
        Some(amount) if amount <= Amount::ZERO => {
            faults.add(section.at(), format!("{}: `amount` must be above 0", section.name()), None);
        }
        None if section.value("amount").is_none() => {
            let hint = "what a month may cost, such as amount = 5000".to_owned();
            faults.add(section.at(), format!("{}: `amount` is missing", section.name()), Some(hint));
        }
        _ => {}
    }
    let budget = Budget {
        amount: amount.unwrap_or_default(),
        currency: currency(&mut section, faults).unwrap_or(Currency::USD),
        basis: basis(&mut section, faults),
        actual: levels(&mut section, faults, "actual").unwrap_or_else(|| vec![50, 80, 100]),
        forecast: levels(&mut section, faults, "forecast").unwrap_or_else(|| vec![100]),
        from: month(&mut section, faults, "from"),
        to: month(&mut section, faults, "to"),
        name,
        scope,
    };
    if budget.from.zip(budget.to).is_some_and(|(from, to)| from >= to) {
        faults.add(section.at(), format!("{}: `to` must be after `from`", section.name()), None);
    }
    section.finish(faults);
    budget
}

/// A fault for each budget that has the name of another in one month.
pub fn check_names(faults: &mut Faults<'_>, budgets: &[Budget], places: &[usize]) {
    for (nth, (budget, at)) in budgets.iter().zip(places).enumerate() {
        let ends_before =
            |a: &Budget, b: &Budget| a.to.is_some_and(|to| b.from.is_some_and(|from| to <= from));
        let twin = budgets[..nth].iter().any(|other| {
            other.name == budget.name && !ends_before(other, budget) && !ends_before(budget, other)
        });
        if twin {
            faults.add(
                *at,
                format!("budget {}: `{}` is there twice at one time", nth + 1, budget.name),
                Some("give each its own `name`, or `from` and `to` that do not overlap".into()),
            );
        }
    }
}

/// `team` and `where`: whose costs are watched.
pub fn scope(section: &mut Section<'_, '_>, faults: &mut Faults<'_>, teams: &[Team]) -> Scope {
    let team = section.text(faults, "team");
    if let Some(team) = &team {
        check_team(faults, section, team, teams);
    }
    let mut filters = Vec::new();
    for text in section.texts(faults, "where") {
        match text.parse::<Filter>() {
            Ok(Filter { dimension: Dimension::Day | Dimension::Week | Dimension::Month, .. }) => {
                let message = format!("{}: `where` cannot name days: they pass", section.name());
                faults.add(section.at(), message, None);
            }
            Ok(filter) => filters.push(filter),
            Err(fault) => faults.add(section.at(), format!("{}: {fault}", section.name()), None),
        }
    }
    Scope { team, filters }
}

/// `currency`.
pub fn currency(section: &mut Section<'_, '_>, faults: &mut Faults<'_>) -> Option<Currency> {
    let text = section.text(faults, "currency")?;
    let currency = text.parse().ok();
    if currency.is_none() {
        let message = format!("{}: `{text}` is no currency", section.name());
        faults.add(section.at(), message, Some("use an ISO 4217 code such as USD".into()));
    }
    currency
}

/// `basis`.
pub fn basis(section: &mut Section<'_, '_>, faults: &mut Faults<'_>) -> Basis {
    let Some(text) = section.text(faults, "basis") else { return Basis::default() };
    text.parse().unwrap_or_else(|fault| {
        faults.add(section.at(), format!("{}: {fault}", section.name()), None);
        Basis::default()
    })
}

/// Per cents, rising and each once.
pub fn levels(section: &mut Section<'_, '_>, faults: &mut Faults<'_>, key: &'static str) -> Option<Vec<u32>> {
    let mut levels = section.wholes(faults, key)?;
    if levels.iter().any(|level| !(1..=MOST_PERCENT).contains(level)) {
        let message = format!("{}: `{key}` must be per cents from 1 to {MOST_PERCENT}", section.name());
        faults.add(section.at(), message, Some(format!("such as {key} = [50, 80, 100]")));
    }
    levels.sort_unstable();
    levels.dedup();
    Some(levels)
}

fn month(section: &mut Section<'_, '_>, faults: &mut Faults<'_>, key: &'static str) -> Option<NaiveDate> {
    let day = section.day(faults, key)?;
    if day.day() != 1 {
        let message = format!("{}: `{key}` must be the first day of a month, not {day}", section.name());
        faults.add(section.at(), message, Some("a budget is of whole months".into()));
    }
    Some(day)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::parse;

    const TEAM: &str = "[[team]]\nname = \"growth\"\n";

    fn faults(text: &str) -> Vec<String> {
        let found = parse(&format!("{TEAM}{text}"), Path::new("")).err().unwrap_or_default();
        found.into_iter().map(|fault| format!("{}: {}", fault.line, fault.message)).collect()
    }

    #[test]
    fn a_budget_is_read_with_exact_money() {
        let text = r#"
[[budget]]
team = "growth"
amount = 5000.10
actual = [100, 50, 50]
from = "2026-02-01"
[[budget]]
name = "storage"
where = ["service=Amazon Simple Storage Service", "tag:env=prod"]
amount = "1_200"
currency = "EUR"
basis = "billed"
forecast = []
"#;
        let budgets = parse(&format!("{TEAM}{text}"), Path::new("")).unwrap().watch.budgets;
        assert_eq!(budgets[0].name, "growth");
        assert_eq!(budgets[0].amount.to_string(), "5000.1");
        assert_eq!(
            (budgets[0].actual.as_slice(), budgets[0].forecast.as_slice()),
            (&[50, 100][..], &[100][..])
        );
        assert_eq!(budgets[1].scope.to_string(), "service=Amazon Simple Storage Service, tag:env=prod");
        assert_eq!((budgets[1].amount.to_string(), budgets[1].currency.code()), ("1200".into(), "EUR"));
        assert!(budgets[1].forecast.is_empty());
    }

    #[test]
    fn every_fault_of_a_budget_is_told() {
        let text = r#"
[[budget]]
team = "grwth"
where = "colour=red"
amount = 0
actual = [0]
from = "2026-02-02"
[[budget]]
where = "day=2026-01-01"
currency = "dollars"
basis = "guessed"
forecast = "100"
levels = [1]
[[budget]]
amount = 1
[[budget]]
amount = 1
from = "2026-02-01"
to = "2026-02-01"
"#;
        let found = faults(text);
        let expected = [
            "budget 1: `actual` must be per cents from 1 to 1000",
            "budget 1: `amount` must be above 0",
            "budget 1: `colour` is not a dimension",
            "budget 1: `from` must be the first day of a month, not 2026-02-02",
            "budget 1: there is no team `grwth`",
            "budget 2: `amount` is missing",
            "budget 2: `dollars` is no currency",
            "budget 2: `guessed` is not a cost basis",
            "budget 2: `where` cannot name days",
            "budget 2: `forecast` must be an array of whole numbers",
            "budget 2: unknown key `levels`",
            // Without what could not be read the second is the platform's too.
            "budget 3: `the platform` is there twice at one time",
            "budget 4: `the platform` is there twice at one time",
            "budget 4: `to` must be after `from`",
        ];
        assert_eq!(found.len(), expected.len(), "{found:#?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.contains(expected), "{found}\n  is not\n{expected}");
        }
    }
}
