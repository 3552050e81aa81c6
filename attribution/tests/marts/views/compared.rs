//! Two marts compared, with the arithmetic by hand.
//!
//! At first: a node-hour of $0.80 of cluster j-1 (platform's), half of it held by growth's
//! `daily`; two Kinesis streams, s-1 for $2 (growth's) and s-2 for $5 (content's); a bucket for
//! $0.80, of which no table is known. So growth has 0.40 + 2 = 2.40, platform 0.40 idle, content
//! 5, nobody 0.80.

use attribution::MartError;
use attribution::mart::{Comparison, CostQuery, Difference, Dimension, Filter, Mart, Reason, as_of};
use attribution::publish::KeptDays;
use attribution::rules::{Matcher, PoolRule, Rules};
use model::landed::Dataset;
use model::{Amount, Basis};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::{at, cluster, resource, rule, teams, workflow};
use crate::common::Ledger;

/// What differs from the first ledger.
#[derive(Clone, Copy, Debug, Default)]
struct Changes {
    /// The node-hour is billed $1 instead of $0.80.
    restated: bool,
    /// A stream s-3 for $0.25 is billed, and s-1 no longer.
    other_lines: bool,
    /// The log of content's `ranker` arrives: it held a quarter of the node.
    late_log: bool,
    /// s-2 is growth's by the rules.
    owner: bool,
    /// s-1 falls into a shared pool by the rules.
    pool: bool,
    /// A table is found in the bucket: 2 of 8 bytes, growth's.
    table: bool,
}

impl Changes {
    fn land(self, ledger: &mut Ledger) {
        // What is landed anew takes the place of what was.
        ledger.manifest.entries.clear();
        ledger.manifest.sources.clear();
        let node = if self.restated { "1" } else { "0.8" };
        let streams = if self.other_lines {
            "2026-10-06 00:00,2026-10-07 00:00,0.25,Kinesis,s-3,Shard,Usage,,"
        } else {
            "2026-10-06 00:00,2026-10-07 00:00,2,Kinesis,s-1,Shard,Usage,,"
        };
        ledger.land_text(
            Dataset::Charges,
            &format!(
                "charge_period_start,charge_period_end,billed_cost,service_name,resource_id,x_usage_type,\
                 x_line_item_type,consumed_quantity,consumed_unit\n\
                 2026-10-06 06:00,2026-10-06 07:00,{node},EC2,i-1,BoxUsage,Usage,,\n\
                 {streams}\n\
                 2026-10-06 00:00,2026-10-07 00:00,5,Kinesis,s-2,Shard,Usage,,\n\
                 2026-10-06 00:00,2026-10-07 00:00,0.8,S3,lake,TimedStorage-ByteHrs,Usage,192,Byte-Hours\n"
            ),
        );
        ledger.land_text(
            Dataset::Nodes,
            "cluster_id,node_id,resource_id,private_ip,vcpus,memory_mib,started_at,ended_at\n\
             j-1,n-1,i-1,10.0.0.1,4,16384,2026-10-06 06:00,2026-10-06 07:00\n",
        );
        let (run, hours) = if self.late_log {
            ("b,ranker,2026-10-06 06:00,2026-10-06 07:00\n", "b,2026-10-06 06:00,10.0.0.1,3600000\n")
        } else {
            ("", "")
        };
        ledger.land_text(
            Dataset::Runs,
            &format!("run_id,name,started_at,ended_at\na,daily,2026-10-06 06:00,2026-10-06 07:00\n{run}"),
        );
        ledger.land_text(
            Dataset::RunHours,
            &format!("run_id,hour,host,vcore_ms\na,2026-10-06 06:00,10.0.0.1,7200000\n{hours}"),
        );
        if self.table {
            ledger.land_text(
                Dataset::Tables,
                "collected_at,table_id,location,reachable_bytes\n2026-10-06 01:00,prod.n.t1,s3://lake/t1,2\n",
            );
        }
        ledger.commit();
    }

    fn rules(self, ledger: &Ledger) -> Rules {
        let shared = PoolRule {
            pool: "streams".into(),
            resource: Some("s-1".into()),
            shared: true,
            ..PoolRule::default()
        };
        Rules {
            teams: teams(&["growth", "content", "platform"]),
            owner_rules: vec![
                workflow("growth", "daily"),
                workflow("content", "ranker"),
                cluster("platform", "j-1"),
                resource("growth", "s-1"),
                resource(if self.owner { "growth" } else { "content" }, "s-2"),
                rule("growth", Matcher::Table("prod.n.*".into())),
            ],
            pool_rules: if self.pool { vec![shared] } else { Vec::new() },
            ..ledger.rules()
        }
    }
}

/// A ledger published on Monday as it was at first, and on Friday with the changes.
fn ledger(changes: Changes) -> Ledger {
    let mut ledger = Ledger::new();
    Changes::default().land(&mut ledger);
    ledger.publish_at(&Changes::default().rules(&ledger), at("2026-10-12T06:00:00Z")).unwrap();
    changes.land(&mut ledger);
    ledger.publish_at(&changes.rules(&ledger), at("2026-10-16T06:00:00Z")).unwrap();
    ledger
}

fn since_monday(ledger: &Ledger, query: &CostQuery) -> Comparison {
    let now = Mart::open(ledger.path()).unwrap();
    let then = now.as_published(as_of("2026-10-12").unwrap()).unwrap();
    now.compare(&then, query).unwrap()
}

fn by(dimension: Dimension) -> CostQuery {
    CostQuery { by: vec![dimension], ..CostQuery::default() }
}

/// `team before now: reason=part ...`, of rows that changed, sorted.
fn told(comparison: &Comparison) -> Vec<String> {
    let mut told: Vec<String> = comparison
        .rows
        .iter()
        .filter(|row| row.is_changed())
        .map(|row| {
            let parts = Reason::ALL.map(|reason| (reason.name(), row.parts.get(reason)));
            let parts: Vec<String> = parts
                .iter()
                .filter(|(_, part)| !part.is_zero())
                .map(|(name, part)| format!("{name}={part}"))
                .collect();
            format!("{} {} {}: {}", row.keys[0], row.before, row.now, parts.join(" "))
        })
        .collect();
    told.sort();
    told
}

#[test]
fn each_change_alone_is_told_as_what_it_is() {
    let none = Changes::default();
    for (changes, want) in [
        (none, vec![]),
        // Half of the $0.20 more is daily's, half is idle.
        (Changes { restated: true, ..none }, vec!["growth 2.4 2.5: bill=0.1", "platform 0.4 0.5: bill=0.1"]),
        (
            Changes { other_lines: true, ..none },
            vec!["(none) 0.8 1.05: bill=0.25", "growth 2.4 0.4: bill=-2"],
        ),
        // A quarter of $0.80 was idle and is ranker's.
        (Changes { late_log: true, ..none }, vec!["content 5 5.2: logs=0.2", "platform 0.4 0.2: logs=-0.2"]),
        (Changes { owner: true, ..none }, vec!["content 5 0: ownership=-5", "growth 2.4 7.4: ownership=5"]),
        (Changes { pool: true, ..none }, vec!["(none) 0.8 2.8: rules=2", "growth 2.4 0.4: rules=-2"]),
        (Changes { table: true, ..none }, vec!["(none) 0.8 0.6: other=-0.2", "growth 2.4 2.6: other=0.2"]),
    ] {
        let ledger = ledger(changes);
        assert_eq!(told(&since_monday(&ledger, &by(Dimension::Team))), want, "{changes:?}");
    }
}

#[test]
fn all_changes_together_add_up_in_the_order_of_the_steps() {
    // The node-hour: at $1, split as before, daily has 0.50 (+0.10) and idle 0.50 (+0.10); split
    // as now ranker takes 0.25 of what was idle. s-2 goes from content to growth as it is, $5.
    let changes =
        Changes { restated: true, late_log: true, owner: true, pool: true, table: true, other_lines: false };
    let ledger = ledger(changes);
    let comparison = since_monday(&ledger, &by(Dimension::Team));
    assert_eq!(
        told(&comparison),
        [
            "(none) 0.8 2.6: rules=2 other=-0.2",
            "content 5 0.25: logs=0.25 ownership=-5",
            "growth 2.4 5.7: bill=0.1 ownership=5 rules=-2 other=0.2",
            "platform 0.4 0.25: bill=0.1 logs=-0.25",
        ]
    );
    let total = Difference::together("all", &comparison.rows).unwrap();
    let parts = Reason::ALL.map(|reason| total.parts.get(reason).to_string());
    // Only the bill makes a ledger dearer: all else moves what is there.
    assert_eq!(parts, ["0.2", "0", "0", "0", "0"]);
    let causes: Vec<String> = comparison
        .causes
        .iter()
        .map(|cause| format!("{} {} x{}: {}", cause.reason.name(), cause.what, cause.times, cause.cost))
        .collect();
    assert_eq!(
        causes,
        [
            "bill EC2 · BoxUsage: restated x1: 0.2",
            "logs ranker (b): arrived x1: 0.25",
            "ownership content → growth, by owner_rule 5: resource s-2 x1: 5",
            "rules pool stream → streams, by pool_rule 1 x1: 2",
            "other storage-bytes x1: 0.2",
            "other storage-unmeasured x1: -0.2",
        ]
    );
}

#[test]
fn filters_and_days_cut_the_comparison_and_not_its_parts() {
    let ledger = ledger(Changes { restated: true, late_log: true, owner: true, ..Changes::default() });
    let of_content = CostQuery {
        filters: vec![Filter { dimension: Dimension::Team, value: "content".into() }],
        ..by(Dimension::Category)
    };
    assert_eq!(
        told(&since_monday(&ledger, &of_content)),
        ["direct 5 0: ownership=-5", "usage 0 0.25: logs=0.25"]
    );
    let elsewhere = CostQuery { from: Some("2026-10-07".parse().unwrap()), ..by(Dimension::Team) };
    let comparison = since_monday(&ledger, &elsewhere);
    assert_eq!((comparison.days, comparison.rows.len()), (None, 0));
}

#[test]
fn the_parts_are_the_difference_whatever_changed_and_whatever_rows_stand_for() {
    let flag = || any::<bool>();
    let changes = (flag(), flag(), flag(), flag(), flag(), flag()).prop_map(
        |(restated, other_lines, late_log, owner, pool, table)| Changes {
            restated,
            other_lines,
            late_log,
            owner,
            pool,
            table,
        },
    );
    let cases = std::env::var("LAKELEDGER_CASES").map_or(2, |cases| cases.parse().unwrap());
    TestRunner::new(Config { cases, max_shrink_iters: 6, failure_persistence: None, ..Config::default() })
        .run(&changes, |changes| {
            let ledger = ledger(changes);
            let now = Mart::open(ledger.path()).unwrap();
            let then = now.as_published(as_of("2026-10-12").unwrap()).unwrap();
            let tag = Dimension::Tag("team".into());
            for dimension in Dimension::PLAIN.into_iter().chain([Dimension::Org(1), tag]) {
                let query = CostQuery { basis: Basis::Billed, ..by(dimension.clone()) };
                let comparison = now.compare(&then, &query).unwrap();
                let whole: Amount = now.costs(&query).unwrap().iter().map(|row| row.cost).sum();
                prop_assert_eq!(comparison.rows.iter().map(|row| row.now).sum::<Amount>(), whole);
                for row in &comparison.rows {
                    prop_assert_eq!(row.parts.sum(), row.now - row.before, "{} {:?}", dimension, row);
                }
            }
            Ok(())
        })
        .unwrap();
}

#[test]
fn a_mart_that_was_pruned_is_named_with_the_oldest_there_is() {
    let mut ledger = Ledger::new();
    Changes::default().land(&mut ledger);
    let ids: Vec<String> = (12..17)
        .map(|day| {
            let mut rules = Changes::default().rules(&ledger);
            rules.kept_days = KeptDays { days: 0, bytes: None };
            rules.owner_rules.push(resource(&format!("team-{day}"), "none"));
            ledger.publish_at(&rules, at(&format!("2026-10-{day}T06:00:00Z"))).unwrap();
            std::fs::read_to_string(ledger.marts().join("current")).unwrap()
        })
        .collect();
    let mart = Mart::open(ledger.path()).unwrap();
    let kept: Vec<String> = mart.kept().into_iter().map(|publish| publish.mart_id).collect();
    assert_eq!(kept, ids[2..]);
    assert_eq!(mart.as_published(as_of("2026-10-14").unwrap()).unwrap().info().id, ids[2]);
    assert_eq!(mart.as_published(as_of("2026-10-16").unwrap()).unwrap().info().id, ids[4]);
    for (day, what) in [
        ("2026-10-12", format!("published 2026-10-12 06:00 UTC as {}, are no longer kept", ids[0])),
        ("2026-10-11", "no figures had been published by 2026-10-11".to_owned()),
    ] {
        let Err(error @ MartError::NotKept { .. }) = mart.as_published(as_of(day).unwrap()) else {
            panic!("{day} was found");
        };
        let text = error.to_string();
        assert!(text.contains(&what), "{text}");
        assert!(text.contains(&format!("published 2026-10-14 06:00 UTC as {}", ids[2])), "{text}");
    }
    for id in [ids[0].as_str(), "../marts/current", ""] {
        assert!(matches!(mart.kept_by_id(id), Err(MartError::NotKept { .. })), "{id}");
    }
    // A mart is no other than itself.
    let same = mart.compare(&mart.kept_by_id(&ids[4]).unwrap(), &by(Dimension::Team)).unwrap();
    assert!(!same.rows.is_empty() && same.rows.iter().all(|row| !row.is_changed()));
}
