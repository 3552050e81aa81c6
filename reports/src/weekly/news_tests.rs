//! What moved between teams, what has no name, the table of teams and budgets in subjects: from
//! hand-written facts, with the expected figures worked out by hand.

use attribution::mart::CostRow;
use chrono::NaiveDate;
use model::{Amount, Basis, Category, Currency};

use super::assemble::Facts;
use super::data::{Cause, Driver, WeeklyData};
use super::moves::Held;
use super::scope::Scope;
use super::tests::{Line, NONE, data_of, facts_of, facts_of_growth};
use super::{Weekly, render};
use crate::budget::{Budget, BudgetState};

fn usd(text: &str) -> Amount {
    text.parse().unwrap()
}

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn row(keys: &[&str], cost: &str) -> CostRow {
    let keys = keys.iter().map(|key| (*key).to_owned()).collect();
    CostRow { keys, currency: Currency::USD, cost: usd(cost) }
}

fn team(facts: &Facts, team: &str) -> (WeeklyData, Weekly) {
    let data = data_of(facts, Scope::Team(team.into()));
    let report = render(&data, team).unwrap();
    (data, report)
}

/// `etl` and its table went from growth to ads on Wednesday; `adhoc` both run.
pub(super) fn moved() -> Facts {
    let now: [Line; 6] = [
        ("growth", "usage", "etl", "prod.t", "USD", "20"),
        ("growth", "usage", "adhoc", NONE, "USD", "30"),
        ("ads", "usage", "etl", "prod.t", "USD", "60"),
        ("ads", "usage", "adhoc", NONE, "USD", "40"),
        ("growth", "storage", NONE, "prod.t", "USD", "4"),
        ("ads", "storage", NONE, "prod.t", "USD", "10"),
    ];
    let before: [Line; 4] = [
        ("growth", "usage", "etl", "prod.t", "USD", "70"),
        ("growth", "usage", "adhoc", NONE, "USD", "36"),
        ("ads", "usage", "adhoc", NONE, "USD", "40"),
        ("growth", "storage", NONE, "prod.t", "USD", "14"),
    ];
    let mut facts = facts_of(&now, &before);
    let day = |team: &str, name: &str, day: &str| row(&[team, name, day], "1");
    facts.held_by = Held::new([
        (true, false, vec![]),
        (false, false, vec![]),
        (
            true,
            true,
            vec![
                day("growth", "etl", "2026-09-28"),
                day("growth", "etl", "2026-10-06"),
                day("ads", "etl", "2026-10-07"),
                day("ads", "etl", "2026-10-11"),
                day("growth", "adhoc", "2026-09-28"),
                day("growth", "adhoc", "2026-10-11"),
                day("ads", "adhoc", "2026-09-28"),
                day("ads", "adhoc", "2026-10-11"),
            ],
        ),
        (
            false,
            true,
            vec![
                day("growth", "prod.t", "2026-09-28"),
                day("growth", "prod.t", "2026-10-06"),
                day("ads", "prod.t", "2026-10-07"),
            ],
        ),
    ]);
    facts.runs.0.extend([
        (("etl".to_owned(), Currency::USD, Some("growth".to_owned())), (2, 7)),
        (("etl".to_owned(), Currency::USD, Some("ads".to_owned())), (5, 0)),
        (("adhoc".to_owned(), Currency::USD, Some("growth".to_owned())), (5, 6)),
    ]);
    facts
}

#[test]
fn what_another_team_owns_now_moved_and_did_not_stop() {
    let facts = moved();
    // Growth: 54 after 120. The workload 50 less, its table 10 less: 50 points; adhoc 6 less, a rest.
    let (data, report) = team(&facts, "growth");
    assert_eq!(
        report.news,
        ["growth spent $54.00 in week 41, down 55% (-$66.00) on the week before: -50.0 points from \
          1 workload and 1 table moved to ads on Wed 7 Oct 2026."]
    );
    assert_eq!(
        report.subject,
        "growth spent $54 (down 55%) in week 41, mostly 1 workload and 1 table moved to ads on Wed 7 Oct 2026"
    );
    let changes: Amount = data.sections[0].drivers.iter().map(Driver::change).sum();
    assert_eq!(changes, usd("-66"), "the parts add up still");
    let moved: Vec<&str> =
        report.text.lines().skip_while(|line| *line != "WHAT MOVED").skip(2).take(4).collect();
    assert_eq!(moved[1], "  moved to ads on Wed 7 Oct 2026", "{moved:?}");
    assert_eq!(moved[3], "  moved to ads on Wed 7 Oct 2026", "{moved:?}");
    assert!(!report.text.contains("2 runs after 7"), "{}", report.text);
    // Ads: 110 after 40: all of it came.
    let (_, report) = team(&facts, "ads");
    assert_eq!(
        report.news,
        ["ads spent $110.00 in week 41, up 175% (+$70.00) on the week before: +175.0 points from \
          1 workload and 1 table that came from growth on Wed 7 Oct 2026."]
    );
    assert!(report.text.contains("  moved here from growth on Wed 7 Oct 2026"), "{}", report.text);
    // For the platform nothing moved away: 20 + 60 after 70.
    let report = render(&data_of(&facts, Scope::Platform), "platform").unwrap();
    assert!(!report.text.contains("moved"), "{}", report.text);
}

#[test]
fn what_has_no_workload_says_what_it_is() {
    let mut facts = facts_of_growth();
    facts.nameless_now = vec![
        row(&["growth", "direct", "AmazonRedshift", NONE], "15"),
        row(&["growth", "idle", "AmazonEC2", "spark-growth"], "60"),
        row(&["growth", "idle", "ElasticMapReduce", "spark-growth"], "20"),
        row(&["growth", "idle", "AmazonEC2", "spark-night"], "8"),
        row(&["content", "idle", "AmazonEC2", "spark-content"], "40"),
    ];
    facts.nameless_before = vec![
        row(&["growth", "direct", "AmazonRedshift", NONE], "15"),
        row(&["growth", "idle", "AmazonEC2", "spark-growth"], "50"),
        row(&["growth", "idle", "AmazonEC2", "spark-night"], "10"),
    ];
    let (data, report) = team(&facts, "growth");
    // Of 944.96: 88 idle, 45.67 + 23.45 = 69.12 stored, 15 charged directly; 772.84 ran.
    let table: Vec<&str> = report
        .text
        .lines()
        .skip_while(|line| *line != "WORKLOADS")
        .take_while(|line| !line.is_empty())
        .collect();
    let words: Vec<String> =
        table.iter().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    let at = words.iter().position(|line| line.starts_with("Idle capacity")).unwrap();
    assert_eq!(
        words[at..at + 6],
        [
            "Idle capacity $88.00 9.3% +$28.00 +47%",
            "spark-growth $80.00, spark-night $8.00",
            "Storage of tables $69.12 7.3% $0.00 0%",
            "prod.growth.scores $45.67, prod.growth.features $23.45",
            "Direct charges $15.00 1.6% $0.00 0%",
            "AmazonRedshift $15.00",
        ],
        "{table:#?}"
    );
    assert!(!report.text.contains("Without a"), "{}", report.text);
    // Of 28 more idle, 30 are spark-growth's.
    assert!(
        report.news[0].contains("+3.7 points from idle capacity (mostly spark-growth)"),
        "{:?}",
        report.news
    );
    let section = &data.sections[0];
    let nameless: Amount = section.without_workload.values().map(|(cost, _)| *cost).sum();
    let named: Amount = section.workloads.iter().filter(|one| one.name.is_some()).map(|one| one.cost).sum();
    assert_eq!((nameless, named + nameless), (usd("172.12"), usd("944.96")));
    assert_eq!(section.without_table[&Category::Usage], (usd("30.10"), Amount::ZERO));
}

#[test]
fn the_platforms_letter_has_a_table_of_teams() {
    let report = render(&data_of(&facts_of_growth(), Scope::Platform), "platform").unwrap();
    let table = report.text.lines().skip_while(|line| *line != "TEAMS").take_while(|line| !line.is_empty());
    let words: Vec<String> =
        table.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    // 1746.78 after 1625.95; nobody's are 150 after 150, 33.33 after 20, and 12 that were not before.
    assert_eq!(
        words,
        [
            "TEAMS",
            "Team Cost Share Change",
            "growth $944.96 54.1% +$178.50 +23%",
            "content $606.49 34.7% -$83.00 -12%",
            "No team: shared costs $150.00 8.6% $0.00 0%",
            "No team: unallocated $33.33 1.9% +$13.33 +67%",
            "No team: idle capacity $12.00 0.7% +$12.00 new",
            "------------------------------------------------------------------------",
            "Total $1,746.78 +$120.83 +7.4%",
        ]
    );
    assert!(!team(&facts_of_growth(), "growth").1.text.contains("TEAMS"));
}

pub(super) fn budget(team: Option<&str>, amount: &str, spent: &str, forecast: Option<&str>) -> BudgetState {
    let scope = crate::watch::Scope { team: team.map(str::to_owned), ..Default::default() };
    BudgetState {
        budget: Budget {
            name: team.unwrap_or("all").to_owned(),
            scope,
            amount: usd(amount),
            currency: Currency::USD,
            basis: Basis::Effective,
            actual: vec![100],
            forecast: vec![100],
            from: None,
            to: None,
        },
        month: date("2026-10-01"),
        end: date("2026-10-12"),
        first: date("2026-10-01"),
        days: vec![],
        spent: usd(spent),
        forecast: forecast.map(usd),
        exceeded_on: None,
    }
}

#[test]
fn a_budget_that_is_exceeded_is_the_news() {
    let subject = |scope: &Scope, budgets: &[BudgetState]| {
        let mut data = data_of(&facts_of_growth(), scope.clone());
        data.sections[0].budgets = budgets.to_vec();
        render(&data, "x").unwrap().subject
    };
    let growth = Scope::Team("growth".into());
    let over = budget(Some("growth"), "1000", "1120", Some("2900"));
    let ads = budget(Some("ads"), "10", "11", None);
    assert_eq!(
        subject(&growth, std::slice::from_ref(&over)),
        "growth is over its October budget (112.0%): $945 (up 23%) in week 41"
    );
    assert_eq!(
        subject(&growth, &[budget(Some("growth"), "1000", "900", Some("1180"))]),
        "growth is heading for 118.0% of its October budget: $945 (up 23%) in week 41"
    );
    // Within it, or of a part of the team's: no news.
    assert_eq!(
        subject(&growth, &[budget(Some("growth"), "1000", "900", Some("990")), ads.clone()]),
        "growth spent $945 (up 23%) in week 41, mostly ranker/train"
    );
    let all = budget(None, "5000", "1700", Some("4000"));
    assert_eq!(
        subject(&Scope::Platform, &[over.clone(), ads.clone(), all]),
        "The platform cost $1.75K (up 7.4%) in week 41; over budget: growth and ads"
    );
    assert_eq!(
        subject(&Scope::Platform, &[over.clone(), ads.clone(), budget(Some("studio"), "10", "11", None)]),
        "The platform cost $1.75K (up 7.4%) in week 41; over budget: 3 budgets"
    );
    // In the month that ended within the week, and in the next already: once.
    assert_eq!(
        subject(&Scope::Platform, &[over, ads.clone(), ads]),
        "The platform cost $1.75K (up 7.4%) in week 41; over budget: growth and ads"
    );
}

#[test]
fn a_reason_says_nothing_that_its_figures_contradict() {
    let data = data_of(&facts_of_growth(), Scope::Team("growth".into()));
    let reason = |now: &str, before: &str, runs: (u64, u64)| {
        let (now, before) = (usd(now), usd(before));
        let cause = Cause::Workload("etl".into());
        let driver = Driver { cause, now, before, runs: Some(runs), moved: None, mostly: None };
        super::news::reason(&driver, &data.sections[0])
    };
    assert_eq!(reason("7", "0", (7, 0)).as_deref(), Some("new, 7 runs"));
    assert_eq!(reason("7", "2", (7, 0)).as_deref(), Some("7 runs after none"));
    assert_eq!(reason("2", "7", (7, 0)), None);
    assert_eq!(reason("2", "7", (0, 7)).as_deref(), Some("no run after 7"));
    assert_eq!(reason("7", "2", (0, 7)), None);
    // A thousandth of a dollar more a run would be shown as the same.
    assert_eq!(reason("10.01", "10", (10, 10)), None);
}

#[test]
fn what_began_with_nearly_nothing_is_told_in_money() {
    let now: [Line; 1] = [("growth", "usage", "etl", NONE, "USD", "500")];
    let before: [Line; 1] = [("growth", "usage", "etl", NONE, "USD", "0.10")];
    let (_, report) = team(&facts_of(&now, &before), "growth");
    let news = "growth spent $500.00 in week 41, up >999% (+$499.90) on the week before: +$499.90 from etl.";
    assert_eq!(report.news, [news]);
}
