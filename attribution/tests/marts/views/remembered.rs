//! Answers from memory are those of the mart's tables: any dimensions, filters, days, bases and
//! views, whole and within a reach.

use attribution::mart::{
    CostQuery, Dimension, Filter, Idle, Mart, MartError, NONE, Ownership, Reach, RunFilter, RunListQuery,
    RunRow, RunSort, Shared, View,
};
use attribution::rules::{Rules, Team};
use model::landed::Dataset;
use model::{Amount, Basis, Currency};

use super::at;
use super::owned::ledger;
use crate::common::Ledger;

/// Every question of one or two dimensions and at most one filter.
fn questions() -> Vec<CostQuery> {
    let mut dimensions: Vec<Dimension> = Dimension::PLAIN.to_vec();
    dimensions.extend([Dimension::Org(1), Dimension::Org(2), Dimension::Tag("env".into())]);
    let mut questions = vec![CostQuery::default()];
    for one in &dimensions {
        questions.push(CostQuery { by: vec![one.clone()], ..CostQuery::default() });
        for other in [Dimension::Category, Dimension::Day, Dimension::Team] {
            if other != *one {
                questions.push(CostQuery { by: vec![one.clone(), other], ..CostQuery::default() });
            }
        }
        for value in ["growth", "content", "usage", "idle", "2026-10-06", "daily", "EC2", "nowhere", NONE] {
            let filters = vec![Filter { dimension: one.clone(), value: value.to_owned() }];
            questions.push(CostQuery { by: vec![Dimension::Team], filters, ..CostQuery::default() });
        }
    }
    questions
}

fn views() -> Vec<View> {
    let mut views = Vec::new();
    for idle in Idle::ALL {
        views.extend(Shared::ALL.map(|shared| View { idle, shared, ownership: Ownership::Restated }));
    }
    views
}

/// Compares every question in every view; how many had an answer.
fn same(asked: &Mart, remembered: &Mart) -> usize {
    let mut answered = 0;
    for (nth, view) in views().into_iter().enumerate() {
        for (at, question) in questions().into_iter().enumerate() {
            // Each question on one basis and in one span, each view's on others.
            let turn = nth + at;
            let day = |day: &str| day.parse().ok();
            let (from, to) = match turn % 5 {
                0 | 1 => (None, None),
                2 => (day("2026-10-07"), None),
                3 => (None, day("2026-10-07")),
                _ => (day("2026-10-06"), day("2026-10-08")),
            };
            let basis = Basis::ALL[turn % 4];
            let question = CostQuery { basis, view, from, to, ..question };
            let want = asked.costs(&question).unwrap();
            assert_eq!(remembered.costs(&question).unwrap(), want, "{question:?}");
            answered += usize::from(!want.is_empty());
        }
    }
    answered
}

#[test]
fn memory_answers_as_the_tables_do() {
    let ledger = ledger();
    let asked = Mart::open(ledger.path()).unwrap();
    let remembered = Mart::open(ledger.path()).unwrap().in_memory().unwrap();
    remembered.warm().unwrap();
    assert!(same(&asked, &remembered) > 500);
    let days = |from: &str, to: &str| (from.parse().unwrap(), to.parse().unwrap());
    let (before, now) = (days("2026-10-06", "2026-10-07"), days("2026-10-07", "2026-10-08"));
    for by in [vec![], vec![Dimension::Team], vec![Dimension::Workload, Dimension::Cluster]] {
        let question = CostQuery { by, from: Some(now.0), to: Some(now.1), ..CostQuery::default() };
        let want = asked.changes(&question, before).unwrap();
        assert!(!want.is_empty());
        assert_eq!(remembered.changes(&question, before).unwrap(), want, "{question:?}");
    }
}

/// Which runs are asked for: all, and by every name that any run has.
fn run_filters(mart: &Mart) -> Vec<RunFilter> {
    let every = mart.runs(&RunFilter::default()).unwrap();
    let day = |day: &str| day.parse().ok();
    let mut filters = vec![
        RunFilter::default(),
        RunFilter { from: day("2026-10-07"), ..RunFilter::default() },
        RunFilter { to: day("2026-10-07"), ..RunFilter::default() },
        RunFilter { from: day("2026-10-06"), to: day("2026-10-07"), ..RunFilter::default() },
        RunFilter { from: day("2026-10-08"), to: day("2026-10-06"), ..RunFilter::default() },
        RunFilter { currency: Some(Currency::USD), ..RunFilter::default() },
        RunFilter { currency: "EUR".parse().ok(), ..RunFilter::default() },
        RunFilter { team: Some("nobody".into()), ..RunFilter::default() },
    ];
    for run in &every {
        filters.extend([
            RunFilter { run: Some(run.run_id.clone()), ..RunFilter::default() },
            RunFilter { workload: Some(run.workload.clone()), ..RunFilter::default() },
            RunFilter { team: run.team.clone(), ..RunFilter::default() },
            RunFilter { cluster: run.cluster_id.clone(), ..RunFilter::default() },
        ]);
    }
    let tables = mart.tables().unwrap().into_iter().map(|table| table.table_id);
    let named = tables.chain(["nowhere".to_owned()]);
    filters.extend(named.map(|table| RunFilter { table: Some(table), ..RunFilter::default() }));
    filters
}

/// Compares every list of runs; how many had any.
fn same_runs(asked: &Mart, remembered: &Mart) -> usize {
    const SORTS: [RunSort; 12] = [
        RunSort::Run,
        RunSort::Workload,
        RunSort::Name,
        RunSort::Started,
        RunSort::Status,
        RunSort::Duration,
        RunSort::VcoreMs,
        RunSort::Input,
        RunSort::Output,
        RunSort::Spilled,
        RunSort::FailedTasks,
        RunSort::Cost,
    ];
    const TEAMS: [&[&str]; 3] = [&[], &["growth", "content"], &["content", "nobody"]];
    let mut found = 0;
    for (nth, filter) in run_filters(asked).into_iter().enumerate() {
        let filter = RunFilter { basis: Basis::ALL[nth % 4], ..filter };
        let every = asked.runs(&filter).unwrap();
        assert_eq!(remembered.runs(&filter).unwrap(), every, "{filter:?}");
        for (moment, most) in [("2026-10-06T13:00:00Z", 1), ("2026-10-07T02:00:00Z", 3)] {
            let near = asked.runs_near(&filter, at(moment), most).unwrap();
            assert_eq!(remembered.runs_near(&filter, at(moment), most).unwrap(), near, "{filter:?}");
            assert_eq!(near.len(), most.min(every.len()), "{filter:?}");
            let away = |row: &RunRow| (row.started_at - at(moment)).abs();
            let farthest = near.iter().map(away).max();
            let nearer = every.iter().filter(|row| Some(away(row)) < farthest).count();
            assert!(nearer < most, "{filter:?}: {nearer} are nearer than the last of {most}");
        }
        for (at, sort) in SORTS.into_iter().enumerate() {
            let turn = nth + at;
            let query = RunListQuery {
                filter: filter.clone(),
                currency: [None, Some(Currency::USD), "EUR".parse().ok()][turn % 3],
                teams: TEAMS[turn / 3 % 3].iter().map(|team| (*team).to_owned()).collect(),
                unowned: turn % 7 == 6,
                search: [None, Some("e"), Some("DAILY"), Some("succ"), Some("no such")][turn % 5]
                    .map(str::to_owned),
                sort,
                descending: turn % 2 == 0,
                offset: [0, 0, 1, 1_000][turn % 4],
                limit: [50, 2, 1][turn % 3],
            };
            let want = asked.run_list(&query).unwrap();
            assert_eq!(remembered.run_list(&query).unwrap(), want, "{query:?}");
            assert_eq!(
                remembered.run_outcomes(&query).unwrap(),
                asked.run_outcomes(&query).unwrap(),
                "{query:?}"
            );
            found += usize::from(!want.rows.is_empty());
        }
    }
    found
}

#[test]
fn the_largest_parts_are_the_first_of_all_parts() {
    let ledger = ledger();
    let asked = Mart::open(ledger.path()).unwrap();
    let remembered = Mart::open(ledger.path()).unwrap().in_memory().unwrap();
    let mut left_out = 0;
    for (nth, view) in views().into_iter().enumerate() {
        // Each question in three of the views.
        let asked_here = questions().into_iter().enumerate().filter(|(at, _)| (nth + at) % 4 == 0);
        for (at, question) in asked_here {
            let question = CostQuery { basis: Basis::ALL[at % 4], view, ..question };
            let every = asked.explain(&question).unwrap();
            for mart in [&asked, &remembered] {
                let (largest, methods) = mart.explain_largest(&question, 3).unwrap();
                assert_eq!(largest[..], every[..every.len().min(3)], "{question:?}");
                let parts: i64 = methods.iter().map(|sum| sum.parts).sum();
                assert_eq!(parts, every.len() as i64, "{question:?}");
                let of = |parts: &mut dyn Iterator<Item = Amount>| parts.sum::<Amount>();
                assert_eq!(
                    of(&mut methods.iter().map(|sum| sum.cost)),
                    of(&mut every.iter().map(|part| part.cost)),
                    "{question:?}"
                );
            }
            left_out += usize::from(every.len() > 3);
        }
    }
    assert!(left_out > 100, "{left_out}");
}

#[test]
fn the_largest_part_is_found_by_all_of_its_digits() {
    let mut ledger = Ledger::new();
    // Cut to twelve digits the larger would be 0.000000000001, more than it is.
    ledger.land_text(
        Dataset::Charges,
        "charge_period_start,billed_cost,service_name,resource_id\n\
         2026-10-06 06:00,0.000000000000600001,Kinesis,s-1\n\
         2026-10-06 06:00,0.0000000000003,Kinesis,s-2\n",
    );
    ledger.commit();
    ledger.published(&ledger.rules());
    let mart = Mart::open(ledger.path()).unwrap();
    let question = CostQuery { basis: Basis::Billed, ..CostQuery::default() };
    let (largest, _) = mart.explain_largest(&question, 1).unwrap();
    let costs: Vec<String> = largest.iter().map(|part| part.cost.to_string()).collect();
    assert_eq!(costs, ["0.000000000000600001"]);
}

#[test]
fn runs_in_memory_are_those_of_the_tables() {
    let ledger = ledger();
    let asked = Mart::open(ledger.path()).unwrap();
    let remembered = Mart::open(ledger.path()).unwrap().in_memory().unwrap();
    assert!(same_runs(&asked, &remembered) > 20);
    let reach = Reach::teams(["content".to_owned()], false);
    assert!(same_runs(&asked.within(&reach).unwrap(), &remembered.within(&reach).unwrap()) > 5);
}

#[test]
fn within_a_reach_are_a_teams_own_costs_and_no_others() {
    let ledger = ledger();
    let whole = Mart::open(ledger.path()).unwrap();
    let reach = Reach::teams(["content".to_owned()], false);
    let scoped = whole.within(&reach).unwrap();
    let remembered = Mart::open(ledger.path()).unwrap().in_memory().unwrap().within(&reach).unwrap();
    assert!(same(&scoped, &remembered) > 100);
    let mut content = CostQuery { by: vec![Dimension::Workload], ..CostQuery::default() };
    let own = scoped.costs(&content).unwrap();
    content.filters = vec![Filter { dimension: Dimension::Team, value: "content".to_owned() }];
    assert_eq!(own, whole.costs(&content).unwrap());
    assert!(!own.is_empty());
    assert_eq!(scoped.info().teams.iter().map(|team| team.name.as_str()).collect::<Vec<_>>(), ["content"]);
    assert!(scoped.balance(Basis::Effective, None, None).unwrap().is_empty());
    assert!(
        !whole
            .within(&Reach::teams([], true))
            .unwrap()
            .balance(Basis::Effective, None, None)
            .unwrap()
            .is_empty()
    );
    for ownership in [Ownership::AsWas, Ownership::AsOf(at("2026-10-07T12:00:00Z"))] {
        let view = View { ownership, ..View::default() };
        let refused = scoped.costs(&CostQuery { view, ..CostQuery::default() });
        assert!(matches!(refused, Err(MartError::OutOfReach { .. })), "{refused:?}");
    }
    assert!(matches!(scoped.within(&Reach::Whole), Err(MartError::OutOfReach { .. })));
    assert!(matches!(scoped.as_published(at("2026-10-07T12:00:00Z")), Err(MartError::OutOfReach { .. })));
}

#[test]
fn a_reach_goes_to_the_teams_within_its_teams() {
    let ledger = ledger();
    let parent = |name: &str, parent: Option<&str>| Team {
        name: name.to_owned(),
        email: Vec::new(),
        parent: parent.map(str::to_owned),
    };
    let teams = vec![
        parent("company", None),
        parent("data", Some("company")),
        parent("growth", Some("data")),
        parent("content", Some("company")),
    ];
    let rules = Rules { teams, ..super::owned::rules(&ledger) };
    ledger.publish_at(&rules, at("2026-10-09T12:00:00Z")).unwrap();
    let whole = Mart::open(ledger.path()).unwrap();
    let data = whole.within(&Reach::teams(["data".to_owned()], false)).unwrap();
    let names: Vec<_> =
        data.info().teams.iter().map(|team| (team.name.as_str(), team.parent.as_deref())).collect();
    assert_eq!(names, [("data", None), ("growth", Some("data"))], "what is above is not told");
    let org = |level| {
        let by = vec![Dimension::Org(level)];
        let rows = data.costs(&CostQuery { by, ..CostQuery::default() }).unwrap();
        rows.into_iter().map(|row| row.keys.concat()).collect::<Vec<_>>()
    };
    // Levels are counted from the top of what is seen.
    assert_eq!((org(1), org(2)), (vec!["data".to_owned()], vec!["growth".to_owned()]));
    assert_eq!(data.info().level("growth"), 2);
}

#[test]
fn no_name_of_a_team_leaves_its_quotes() {
    let ledger: Ledger = ledger();
    let whole = Mart::open(ledger.path()).unwrap();
    for name in ["x') or ('' = '", "x'; drop view daily_costs; --", "\"", ""] {
        let mart = whole.within(&Reach::teams([name.to_owned()], false)).unwrap();
        assert!(mart.costs(&CostQuery::default()).unwrap().is_empty(), "{name}");
    }
}
