//! Building and swapping marts, and what a configured rule or source changes.

use std::fs;

use crate::common::Ledger;
use attribution::mart::Mart;
use attribution::publish::{KeptDays, Outcome, PublishError, current_mart};
use attribution::rules::{Matcher, OwnerRule, PoolRule, Rules};
use model::landed::Dataset;

fn ledger() -> Ledger {
    let mut ledger = Ledger::new();
    ledger.land_text(
        Dataset::Charges,
        "source,charge_period_start,billed_cost,service_name,sub_account_id,x_usage_type\n\
         bill,2026-10-06 06:00,0.25,Kinesis,1,USE1_Shard\n\
         old,2026-10-06 06:00,0.5,Kinesis,1,USE1xShard\n",
    );
    ledger.commit();
    ledger
}

fn with_rule(rules: &Rules, team: &str) -> Rules {
    let rule = OwnerRule { team: team.into(), matcher: Matcher::Account("1".into()), from: None, to: None };
    Rules { owner_rules: vec![rule], ..rules.clone() }
}

fn marts(ledger: &Ledger) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(ledger.marts())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn equal_inputs_publish_nothing_and_a_changed_rule_publishes() {
    let ledger = ledger();
    let rules = ledger.rules();
    let first = ledger.published(&rules);
    assert_eq!(ledger.publish(&rules).unwrap(), Outcome::Unchanged { id: first.clone() });
    let second = ledger.published(&with_rule(&rules, "growth"));
    assert_ne!(first, second);
    assert_eq!(ledger.ask("select distinct team, category from atoms"), ["growth,direct"]);
    // Back to the first rules: its mart is still there, but is built anew and named.
    assert_eq!(ledger.published(&rules), first);
    assert_eq!(ledger.ask("select distinct team, category from atoms"), [",unallocated"]);
}

#[test]
fn the_last_three_marts_are_kept() {
    let ledger = ledger();
    let rules = ledger.rules();
    let ids: Vec<String> = ["a", "b", "c", "d"].map(|team| ledger.published(&with_rule(&rules, team))).into();
    let mut want: Vec<String> = ids[1..].iter().map(|id| format!("{id}.duckdb")).collect();
    want.push("current".into());
    want.sort();
    assert_eq!(marts(&ledger), want);
}

#[test]
fn the_last_mart_of_each_day_is_kept_however_often_marts_are_made() {
    let ledger = ledger();
    let mut rules = ledger.rules();
    let hourly = |rules: &Rules, day: u32| -> String {
        for hour in 0..2 {
            let rules = with_rule(rules, &format!("{day}-{hour}"));
            let at = format!("2026-11-{day}T{hour:02}:00:00Z").parse().unwrap();
            ledger.publish_at(&rules, at).unwrap();
        }
        fs::read_to_string(ledger.marts().join("current")).unwrap()
    };
    let last = [16, 17, 18].map(|day| hourly(&rules, day));
    let mart = Mart::open(ledger.path()).unwrap();
    let kept: Vec<String> = mart.kept().into_iter().map(|publish| publish.mart_id).collect();
    // Of the 16th the last, and the last three of all: of the 17th the last, of the 18th both.
    assert_eq!((kept.len(), &kept[..2], &kept[3]), (4, &last[..2], &last[2]));
    let monday = mart.as_published("2026-11-16T23:59:59Z".parse().unwrap()).unwrap();
    assert_eq!(monday.info().id, last[0]);
    // Which marts stay is no part of what one is made of.
    rules.kept_days = KeptDays { days: 0, bytes: None };
    let again = ledger.publish(&with_rule(&rules, "18-1")).unwrap();
    assert_eq!(again, Outcome::Unchanged { id: last[2].clone() });
    hourly(&rules, 21);
    assert_eq!(marts(&ledger).len(), 4, "three and the name of the current one");
}

#[test]
fn what_a_killed_build_left_is_cleaned() {
    let ledger = ledger();
    fs::create_dir_all(ledger.marts().join("scratch.building")).unwrap();
    fs::write(ledger.marts().join("scratch.building/block"), "x").unwrap();
    for name in ["000001-abc.building", "000001-abc.building.wal", "current.tmp"] {
        fs::write(ledger.marts().join(name), "no database").unwrap();
    }
    let id = ledger.published(&ledger.rules());
    // The very file the killed build was writing must not stop the next one.
    assert_eq!(marts(&ledger), [format!("{id}.duckdb"), "current".into()]);
    fs::write(ledger.marts().join(format!("{id}.building")), "no database").unwrap();
    fs::remove_file(ledger.marts().join("current")).unwrap();
    assert_eq!(ledger.published(&ledger.rules()), id);
}

#[test]
fn a_current_that_names_a_missing_mart_recovers() {
    let ledger = ledger();
    let rules = ledger.rules();
    let id = ledger.published(&rules);
    fs::remove_file(current_mart(ledger.path()).unwrap().unwrap()).unwrap();
    assert_eq!(ledger.published(&rules), id);
    fs::write(ledger.marts().join("current"), "000009-gone").unwrap();
    assert_eq!(ledger.published(&rules), id);
    assert_eq!(ledger.publish(&rules).unwrap(), Outcome::Unchanged { id });
}

#[test]
fn a_source_that_is_no_longer_configured_does_not_count() {
    let ledger = ledger();
    let both = ledger.rules();
    ledger.published(&both);
    assert_eq!(ledger.ask("select sum(billed_cost) as cost from atoms"), ["0.75"]);
    ledger.published(&Rules { sources: vec!["bill".into()], ..both });
    assert_eq!(ledger.ask("select sum(billed_cost) as cost from atoms"), ["0.25"]);
    assert_eq!(ledger.ask("select source from sources"), ["bill"]);
}

#[test]
fn an_empty_ledger_publishes_an_empty_mart() {
    let mut ledger = Ledger::new();
    ledger.commit();
    ledger.published(&ledger.rules());
    assert_eq!(ledger.ask("select count(*) as n from atoms"), ["0"]);
}

#[test]
fn an_underscore_of_a_pool_rule_is_an_underscore() {
    let ledger = ledger();
    let rule = PoolRule { pool: "mine".into(), usage_type: Some("USE1_*".into()), ..PoolRule::default() };
    ledger.published(&Rules { pool_rules: vec![rule], ..ledger.rules() });
    assert_eq!(
        ledger.ask("select pool, pool_rule, billed_cost from atoms"),
        ["mine,pool_rule 1,0.25", "stream,stream-kinesis,0.5"]
    );
}

#[test]
fn pool_rules_match_by_tag_and_resource_before_the_shipped_table() {
    let mut ledger = Ledger::new();
    ledger.land_text(
        Dataset::Charges,
        "charge_period_start,billed_cost,service_name,resource_id,tag_set_id,x_usage_type\n\
         2026-10-06 06:00,1,AmazonEC2,i-1,t-broker,BoxUsage\n\
         2026-10-06 06:00,2,AmazonEC2,i-2,t-other,BoxUsage\n\
         2026-10-06 06:00,4,AmazonEC2,vol-7,t-broker,EBS:VolumeUsage\n\
         2026-10-06 06:00,8,AmazonEC2,i-3,,BoxUsage\n",
    );
    ledger.land_text(
        Dataset::TagSets,
        "tag_set_id,key,raw_key,value\n\
         t-broker,cluster_role,Cluster-Role,Broker_1\n\
         t-other,cluster_role,Cluster-Role,Broker1\n",
    );
    ledger.commit();
    let by_tag = PoolRule {
        pool: "brokers".into(),
        tag: Some(("Cluster-Role".into(), "broker_*".into())),
        usage_type: Some("boxusage*".into()),
        ..PoolRule::default()
    };
    let by_resource = PoolRule {
        pool: "special".into(),
        resource: Some("i-?".into()),
        shared: true,
        ..PoolRule::default()
    };
    let both = PoolRule {
        pool: "never".into(),
        tag: Some(("cluster-role".into(), "broker*".into())),
        resource: Some("i-3".into()),
        ..PoolRule::default()
    };
    ledger.published(&Rules { pool_rules: vec![both, by_tag, by_resource], ..ledger.rules() });
    assert_eq!(
        ledger.ask("select billed_cost, pool, pool_rule, category from atoms"),
        [
            "1,brokers,pool_rule 2,unallocated",
            "2,special,pool_rule 3,shared",
            "4,disks,disk-volumes,unallocated",
            "8,special,pool_rule 3,shared"
        ]
    );
}

#[test]
fn a_manifest_that_states_other_totals_stops_the_publish_and_the_last_mart_stays() {
    let mut ledger = ledger();
    let rules = ledger.rules();
    let good = ledger.published(&rules);
    let source = ledger.manifest.sources.get_mut("bill").unwrap();
    let totals = source.units.values_mut().flat_map(|unit| unit.totals.values_mut()).next().unwrap();
    let totals = totals.values_mut().next().unwrap();
    totals.list.add("0.000000000000000001".parse().unwrap(), Default::default());
    ledger.commit();
    let Err(PublishError::Checks { failures, total }) = ledger.publish(&rules) else {
        panic!("a wrong total was published");
    };
    assert_eq!(total, attribution::models::CHECKS.len());
    let names: Vec<_> = failures.iter().map(|failure| failure.check).collect();
    assert_eq!(names, ["landed_equals_manifest"]);
    assert_eq!(fs::read_to_string(ledger.marts().join("current")).unwrap(), good);
    assert_eq!(ledger.ask("select sum(billed_cost) as cost from atoms"), ["0.75"]);
}

#[test]
fn a_line_landed_twice_stops_the_publish() {
    let mut ledger = ledger();
    let rules = ledger.rules();
    let good = ledger.published(&rules);
    ledger.land_text(
        Dataset::Charges,
        "source,source_file,source_line,charge_period_start,billed_cost,service_name\n\
         bill,bill.csv,1,2026-10-06 06:00,0.25,Kinesis\n",
    );
    ledger.commit();
    let Err(PublishError::Checks { failures, .. }) = ledger.publish(&rules) else {
        panic!("a line was counted twice");
    };
    assert!(failures.iter().any(|failure| failure.check == "lines_have_one_pool"), "{failures:?}");
    assert_eq!(fs::read_to_string(ledger.marts().join("current")).unwrap(), good);
}
