//! The letter of a team with others within it: all of their costs, and whose they are.

use attribution::mart::{CostRow, MartInfo, TeamInfo};
use model::{Basis, Currency};

use super::assemble;
use super::news_tests::{budget, moved};
use super::outlook_tests::finding;
use super::scope::{Scope, TeamScope};
use super::tests::{Line, NONE, data_of, facts_of, usd};
use super::{Moved, render};
use crate::mail::Reported;

/// The scope of the first team, which the others are within, each in the one before it.
fn nested(teams: &[&str]) -> Scope {
    let teams = teams.iter().enumerate().map(|(at, name)| TeamInfo {
        name: (*name).to_owned(),
        email: vec![],
        parent: at.checked_sub(1).map(|above| teams[above].to_owned()),
    });
    let info = MartInfo {
        id: "m".into(),
        published_at: "2026-10-12T04:10:00Z".parse().unwrap(),
        first_day: None,
        end_day: None,
        usage_end: None,
        currencies: vec![],
        publishes: vec![],
        teams: teams.collect(),
        has_fixed_shares: false,
        display_timezone: "UTC".into(),
    };
    Scope::Team(TeamScope::of(&info, &info.teams[0].name))
}

#[test]
fn the_letter_of_a_team_has_the_costs_of_the_teams_within_it() {
    let now: [Line; 4] = [
        ("studio", "usage", "edit", NONE, "USD", "10"),
        ("ads", "usage", "etl", "prod.t", "USD", "20"),
        ("ads-eu", "usage", "eu", NONE, "USD", "30"),
        ("growth", "usage", "train", NONE, "USD", "99"),
    ];
    let before: [Line; 4] = [
        ("studio", "usage", "edit", NONE, "USD", "10"),
        ("ads", "usage", "etl", "prod.t", "USD", "25"),
        ("ads-eu", "usage", "eu", NONE, "USD", "30"),
        ("growth", "usage", "train", NONE, "USD", "99"),
    ];
    let mut facts = facts_of(&now, &before);
    facts.findings = vec![
        finding("f-ads", "uncompacted", "prod.t", "ads", "12", "12"),
        finding("f-growth", "uncompacted", "prod.u", "growth", "34", "34"),
    ];
    facts.runs.0.insert(("etl".to_owned(), Currency::USD, Some("ads".to_owned())), (4, 5));
    // What the same workload's runs cost in another currency is told there.
    facts.runs.0.insert(("etl".to_owned(), "EUR".parse().unwrap(), Some("ads".to_owned())), (9, 9));
    facts.budgets = vec![budget(Some("ads-eu"), "40", "41", None), budget(Some("growth"), "10", "11", None)];
    let week = |team: &str, cost: &str| CostRow {
        keys: vec!["2026-09-28".into(), team.into()],
        currency: Currency::USD,
        cost: usd(cost),
    };
    facts.weeks = vec![week("studio", "10"), week("ads", "25"), week("ads-eu", "30"), week("growth", "99")];
    facts.reported = vec![Reported {
        report: "weekly".into(),
        period: "2026-W40".into(),
        team: Some("studio".into()),
        basis: Basis::Effective,
        currency: Currency::USD,
        cost: usd("64"),
        published_at: "2026-10-05T04:10:00Z".parse().unwrap(),
    }];

    let studio = nested(&["studio", "ads", "ads-eu"]);
    let sections = assemble::sections(&facts, &studio).unwrap();
    let section = &sections[0];
    assert_eq!((section.total(), section.total_before()), (usd("60"), Some(usd("65"))));
    assert_eq!(section.drivers[0].runs, Some((4, 5)));
    assert_eq!(section.fixes.iter().map(|fix| fix.id.as_str()).collect::<Vec<_>>(), ["f-ads"]);
    assert_eq!(section.restated.as_ref().map(|one| (one.before, one.now)), Some((usd("64"), usd("65"))));
    assert_eq!(section.budgets.len(), 1);

    let report = render(&data_of(&facts, studio), "studio").unwrap();
    assert_eq!(report.team.as_deref(), Some("studio"));
    assert_eq!(report.subject, "studio spent $60 (down 7.7%) in week 41; over budget: ads-eu");
    let table = report.text.lines().skip_while(|line| *line != "TEAMS").take_while(|line| !line.is_empty());
    let words: Vec<String> =
        table.map(|line| line.split_whitespace().take(2).collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(words[2..5], ["ads-eu $30.00", "ads $20.00", "studio $10.00"], "{}", report.text);
    assert!(report.text.contains("ads, lowers the bill"), "{}", report.text);

    // A team in the middle, and one with none within it.
    for (scope, total) in [(nested(&["ads", "ads-eu"]), "50"), (Scope::Team("ads".into()), "20")] {
        assert_eq!(assemble::sections(&facts, &scope).unwrap()[0].total(), usd(total), "{scope:?}");
    }
}

#[test]
fn what_moves_between_teams_within_a_team_did_not_move_for_it() {
    let facts = moved();
    let sections = assemble::sections(&facts, &nested(&["studio", "growth", "ads"])).unwrap();
    assert!(sections[0].drivers.iter().all(|driver| driver.moved.is_none()), "{:?}", sections[0].drivers);
    // It came from another team to one within it.
    let sections = assemble::sections(&facts, &nested(&["studio", "ads"])).unwrap();
    let day = "2026-10-07".parse().unwrap();
    let came = Some(Moved { team: Some("growth".into()), is_out: false, day });
    assert_eq!(sections[0].drivers[0].moved, came, "{:?}", sections[0].drivers);
}
