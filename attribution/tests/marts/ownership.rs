//! Ownership over several publishes: what is recorded, what the views answer from it, and
//! that each holds the whole cost.

use std::collections::BTreeMap;
use std::fs;

use crate::common::Ledger;
use attribution::mart::{CostQuery, Dimension, Idle, Mart, Ownership, OwnershipQuery, Shared, View, as_of};
use attribution::publish::{Outcome, current_mart};
use attribution::record::OWNERSHIP;
use attribution::rules::{Matcher, OwnerRule, Pattern, Regex, Rules};
use model::landed::Dataset;
use model::time::Instant;
use model::{Amount, Basis};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

fn at(text: &str) -> Instant {
    text.parse().unwrap()
}

fn rule(team: &str, matcher: Matcher) -> OwnerRule {
    OwnerRule { team: team.into(), matcher, from: None, to: None }
}

fn resource(team: &str, id: &str) -> OwnerRule {
    rule(team, Matcher::Resource(id.into()))
}

/// Two resources: s-1 costs 2 on the 5th and 3 on the 6th, s-2 costs 5 on the 6th.
fn ledger() -> Ledger {
    let mut ledger = Ledger::new();
    ledger.land_text(
        Dataset::Charges,
        "charge_period_start,charge_period_end,billed_cost,service_name,resource_id,x_usage_type\n\
         2026-10-05 00:00,2026-10-06 00:00,2,Kinesis,s-1,Shard\n\
         2026-10-06 00:00,2026-10-07 00:00,3,Kinesis,s-1,Shard\n\
         2026-10-06 00:00,2026-10-07 00:00,5,Kinesis,s-2,Shard\n",
    );
    ledger.commit();
    ledger
}

/// Costs by team and category in one view, as `team category=cost`, sorted.
fn by_team(ledger: &Ledger, ownership: Ownership) -> Vec<String> {
    let mart = Mart::open(ledger.path()).unwrap();
    let query = CostQuery {
        by: vec![Dimension::Team, Dimension::Category],
        view: View { ownership, ..View::default() },
        ..CostQuery::default()
    };
    let rows = mart.costs(&query).unwrap();
    rows.iter().map(|row| format!("{} {}={}", row.keys[0], row.keys[1], row.cost)).collect()
}

fn recorded(ledger: &Ledger) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(ledger.path().join(OWNERSHIP))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_run_that_finds_nothing_new_says_what_was_known_when_the_day_closed() {
    let ledger = ledger();
    let first = Rules { owner_rules: vec![resource("a", "s-*")], ..ledger.rules() };
    let second = Rules { owner_rules: vec![resource("b", "s-*")], ..ledger.rules() };
    ledger.publish_at(&first, at("2026-10-06T12:00:00Z")).unwrap();
    // On the day of the publish itself nothing is added, and once on a later one.
    for (hour, files) in
        [("2026-10-06T23:00:00Z", 1), ("2026-10-07T02:00:00Z", 2), ("2026-10-07T03:00:00Z", 2)]
    {
        assert!(matches!(ledger.publish_at(&first, at(hour)).unwrap(), Outcome::Unchanged { .. }));
        assert_eq!(recorded(&ledger).len(), files, "{hour}");
    }
    assert_eq!(recorded(&ledger)[1], "00000002-seen.parquet");
    ledger.publish_at(&second, at("2026-10-08T10:00:00Z")).unwrap();
    assert_eq!(by_team(&ledger, Ownership::Restated), ["b direct=10"]);
    // Without the second line of the record the first to know the 6th closed would have been `b`'s.
    assert_eq!(by_team(&ledger, Ownership::AsWas), ["a direct=10"]);
}

#[test]
fn a_workload_that_another_team_takes_over_moved_and_is_neither_gone_nor_new() {
    let mut ledger = Ledger::new();
    // An hour a day, all of the node's: 1, 1, 2 and 4.
    let hours = [("05", "1"), ("06", "1"), ("07", "2"), ("08", "4")];
    let mut charges =
        "charge_period_start,charge_period_end,billed_cost,service_name,resource_id,x_usage_type\n"
            .to_owned();
    let mut nodes =
        "cluster_id,node_id,resource_id,private_ip,vcpus,memory_mib,started_at,ended_at\n".to_owned();
    let mut runs = "run_id,name,user_name,started_at,ended_at,vcore_ms\n".to_owned();
    let mut used = "run_id,hour,host,vcore_ms\n".to_owned();
    for (day, cost) in hours {
        let (from, to) = (format!("2026-10-{day} 06:00"), format!("2026-10-{day} 07:00"));
        charges += &format!("{from},{to},{cost},EC2,i-{day},BoxUsage:m5.xlarge\n");
        nodes += &format!("j-1,n-{day},i-{day},10.0.0.1,4,16384,{from},{to}\n");
        runs += &format!("r-{day},etl,ann,{from},{to},14400000\n");
        used += &format!("r-{day},{from},10.0.0.1,14400000\n");
    }
    ledger.land_text(Dataset::Charges, &charges);
    ledger.land_text(Dataset::Nodes, &nodes);
    ledger.land_text(Dataset::Runs, &runs);
    ledger.land_text(Dataset::RunHours, &used);
    ledger.commit();
    let day = |text: &str| text.parse::<chrono::NaiveDate>().unwrap();
    let of_ann = |team: &str| rule(team, Matcher::User("ann".into()));
    let before = OwnerRule { to: Some(day("2026-10-07")), ..of_ann("a") };
    let after = OwnerRule { from: Some(day("2026-10-07")), ..of_ann("b") };
    let rules = Rules { owner_rules: vec![before, after], ..ledger.rules() };
    ledger.publish_at(&rules, at("2026-10-09T12:00:00Z")).unwrap();
    let mart = Mart::open(ledger.path()).unwrap();
    let told = |by: Dimension| -> Vec<String> {
        let query = CostQuery {
            by: vec![by],
            basis: Basis::Billed,
            from: Some(day("2026-10-07")),
            to: Some(day("2026-10-09")),
            ..CostQuery::default()
        };
        let changes = mart.changes(&query, (day("2026-10-05"), day("2026-10-07"))).unwrap();
        let told = changes.iter().map(|change| {
            let parts = change.parts.named().into_iter().filter(|(_, part)| !part.is_zero());
            let parts: Vec<String> = parts.map(|(name, part)| format!("{name} {part}")).collect();
            let moves: Vec<String> = change
                .moves
                .iter()
                .map(|(one, part)| {
                    format!("{} {} {} {part}", if one.is_out { "to" } else { "from" }, one.team, one.day)
                })
                .collect();
            assert_eq!(change.parts.sum(), change.now - change.before);
            format!("{}: {}; {}", change.keys[0], parts.join(", "), moves.join(", "))
        });
        told.collect()
    };
    assert_eq!(
        told(Dimension::Team),
        ["b: moved 6; from a 2026-10-07 6", "a: moved -2; to b 2026-10-07 -2"],
        "its two days cost 2 for the one and 6 for the other"
    );
    // Whoever owns it, it is one workload: two runs each time, at twice and four times the price.
    assert_eq!(told(Dimension::Workload), ["etl: price 4; "]);
}

#[test]
fn consumers_of_told_usage_have_a_history_and_what_they_leave_has_its_own() {
    let mut ledger = Ledger::new();
    ledger.land_text(
        Dataset::Charges,
        "charge_period_start,charge_period_end,billed_cost,service_name,resource_id,x_usage_type,consumed_quantity,consumed_unit\n\
         2026-10-05 00:00,2026-10-06 00:00,2,Kinesis,s-1,Shard,,\n\
         2026-10-05 00:00,2026-10-06 00:00,4,S3,lake,TimedStorage-ByteHrs,24000,Byte-Hours\n",
    );
    ledger.land_text(
        Dataset::UsageShares,
        "source_line,resource_id,starts_on,ends_on,dimension,consumer,share\n\
         1,s-1,2026-10-01,2026-11-01,user,ann,0.5\n\
         2,lake,2026-10-01,2026-11-01,user,ann,0.25\n",
    );
    ledger.commit();
    let of_ann = |team: &str| rule(team, Matcher::User("ann".into()));
    let first = Rules { owner_rules: vec![of_ann("a")], ..ledger.rules() };
    let second = Rules { owner_rules: vec![of_ann("b"), resource("c", "lake")], ..ledger.rules() };
    ledger.publish_at(&first, at("2026-10-06T12:00:00Z")).unwrap();
    ledger.publish_at(&second, at("2026-10-08T12:00:00Z")).unwrap();
    // Half of 2 and a quarter of 4 are ann's; 1 of the stream is nobody's, 3 of the bucket c's.
    assert_eq!(by_team(&ledger, Ownership::Restated), ["(none) unallocated=1", "b usage=2", "c storage=3"]);
    // Before, what ann left of the bucket was nobody's either.
    assert_eq!(by_team(&ledger, Ownership::AsWas), ["(none) unallocated=4", "a usage=2"]);
}

#[test]
fn as_was_is_what_the_first_publish_after_the_day_said() {
    // docs/ALLOCATION.md, "Who owned it", works these figures by hand.
    let ledger = ledger();
    let rules = |team: &str| Rules { owner_rules: vec![resource(team, "s-1")], ..ledger.rules() };
    ledger.publish_at(&rules("a"), at("2026-10-06T12:00:00Z")).unwrap();
    assert_eq!(by_team(&ledger, Ownership::AsWas), by_team(&ledger, Ownership::Restated));
    ledger.publish_at(&rules("b"), at("2026-10-07T12:00:00Z")).unwrap();
    let by_default = Rules { default_team: Some("d".into()), ..rules("b") };
    ledger.publish_at(&by_default, at("2026-10-09T12:00:00Z")).unwrap();

    assert_eq!(by_team(&ledger, Ownership::Restated), ["b direct=5", "d direct=5"]);
    assert_eq!(by_team(&ledger, Ownership::AsWas), ["(none) unallocated=5", "a direct=2", "b direct=3"]);
    for (day, want) in [
        ("2026-10-01", vec!["(none) unallocated=5", "a direct=5"]),
        ("2026-10-06", vec!["(none) unallocated=5", "a direct=5"]),
        ("2026-10-08", vec!["(none) unallocated=5", "b direct=5"]),
        ("2026-10-09T11:59:59Z", vec!["(none) unallocated=5", "b direct=5"]),
        ("2026-10-09T12:00:00Z", vec!["b direct=5", "d direct=5"]),
    ] {
        assert_eq!(by_team(&ledger, Ownership::AsOf(as_of(day).unwrap())), want, "{day}");
    }
}

#[test]
fn a_rule_that_only_moved_adds_nothing_to_the_record() {
    let ledger = ledger();
    let one = Rules { owner_rules: vec![resource("a", "s-1")], ..ledger.rules() };
    let two = Rules { owner_rules: vec![resource("x", "none"), resource("a", "s-1")], ..ledger.rules() };
    ledger.published(&one);
    ledger.published(&two);
    let files = fs::read_dir(ledger.path().join(OWNERSHIP)).unwrap().map(|entry| entry.unwrap().path());
    let mut rows: Vec<u64> = files
        .map(|file| {
            let connection = duckdb::Connection::open_in_memory().unwrap();
            let sql = format!("select count(*) from read_parquet('{}')", file.display());
            connection.query_row(&sql, [], |row| row.get::<_, i64>(0)).unwrap().unsigned_abs()
        })
        .collect();
    rows.sort_unstable();
    // The first: three subjects and days, and the publish itself; the second only itself.
    assert_eq!(rows, [1, 4]);
}

#[test]
fn a_killed_publish_counts_only_where_its_mart_became_current() {
    let ledger = ledger();
    let rules = |team: &str| Rules { owner_rules: vec![resource(team, "s-1")], ..ledger.rules() };
    ledger.publish_at(&rules("a"), at("2026-10-06T12:00:00Z")).unwrap();
    let directory = ledger.path().join(OWNERSHIP);
    let current = current_mart(ledger.path()).unwrap().unwrap();
    let id = current.file_stem().unwrap().to_str().unwrap().to_owned();
    assert_eq!(recorded(&ledger), ["00000001.parquet"]);

    // Killed after the mart became current: the next run settles it, though it publishes nothing.
    fs::rename(directory.join("00000001.parquet"), directory.join(format!("00000001.parquet.pending-{id}")))
        .unwrap();
    ledger.publish_at(&rules("a"), at("2026-10-06T13:00:00Z")).unwrap();
    assert_eq!(recorded(&ledger), ["00000001.parquet"]);

    // Killed before: it never was.
    fs::write(directory.join("00000002.parquet.pending-000009-other"), "cut").unwrap();
    fs::write(directory.join("00000002.parquet.tmp"), "cut").unwrap();
    ledger.publish_at(&rules("b"), at("2026-10-07T12:00:00Z")).unwrap();
    assert_eq!(recorded(&ledger), ["00000001.parquet", "00000002.parquet"]);
    assert_eq!(by_team(&ledger, Ownership::AsWas), ["(none) unallocated=5", "a direct=2", "b direct=3"]);
}

#[test]
fn many_files_become_one_and_nothing_is_forgotten() {
    let ledger = ledger();
    let rules = |team: &str| Rules { owner_rules: vec![resource(team, "s-1")], ..ledger.rules() };
    ledger.publish_at(&rules("first"), at("2026-10-07T00:00:00Z")).unwrap();
    for hour in 1..=25_i64 {
        let now = at("2026-10-07T00:00:00Z") + chrono::TimeDelta::hours(hour);
        ledger.publish_at(&rules(&format!("team-{hour}")), now).unwrap();
    }
    assert_eq!(recorded(&ledger), ["00000025-all.parquet", "00000026.parquet"]);
    assert_eq!(by_team(&ledger, Ownership::AsWas), ["(none) unallocated=5", "first direct=5"]);
    let noon = Ownership::AsOf(as_of("2026-10-07T12:30:00Z").unwrap());
    assert_eq!(by_team(&ledger, noon), ["(none) unallocated=5", "team-12 direct=5"]);

    // Killed before the files it holds were removed: they do not count twice.
    let directory = ledger.path().join(OWNERSHIP);
    fs::copy(directory.join("00000026.parquet"), directory.join("00000003.parquet")).unwrap();
    ledger.publish_at(&rules("last"), at("2026-10-09T00:00:00Z")).unwrap();
    assert_eq!(recorded(&ledger), ["00000025-all.parquet", "00000026.parquet", "00000027.parquet"]);
}

#[test]
fn the_rule_it_names_claims_the_cost() {
    let ledger = ledger();
    let mut rules = ledger.rules();
    ledger.published(&rules);
    let unclaimed = || Mart::open(ledger.path()).unwrap().unclaimed(&OwnershipQuery::default(), 10).unwrap();
    let found = unclaimed();
    let values: Vec<_> = found.iter().map(|cost| (cost.value.as_deref(), cost.cost.to_string())).collect();
    assert_eq!(values, [(Some("s-1"), "5".to_owned()), (Some("s-2"), "5".to_owned())]);
    for cost in found {
        assert_eq!(cost.kind.as_deref(), Some("resource"));
        rules.owner_rules.push(resource("a", cost.value.as_deref().unwrap()));
    }
    ledger.published(&rules);
    assert_eq!(unclaimed(), []);
}

#[test]
fn the_engine_reads_every_regular_expression_as_it_is_meant() {
    let connection = duckdb::Connection::open_in_memory().unwrap();
    for (written, value, want) in [
        (r"growth\..*", "growth.daily", true),
        (r"growth\..*", "xgrowth.daily", false),
        (r"growth", "growth\n", false),
        (r"a.b", "a\nb", true),
        (r"a.b", "aéb", true),
        (r"(a|b)+c{2,3}", "abacc", true),
        (r"(a|b)+c{2,3}", "abac", false),
        (r"^x|y$", "y", true),
        (r"[^a-c]\d\s", "d7 ", true),
        (r"\d", "٣", false),
        (r"[\w.-]+/x", "a-b.c/x", true),
        (r"[a&&b]+", "a&b", true),
        (r"100%_\\", r"100%_\", true),
        (r"(?:x|)y", "y", true),
    ] {
        let regex = Regex::new(written).unwrap();
        let found: bool = connection
            .query_row("select regexp_matches(?, ?)", [value, regex.portable()], |row| row.get(0))
            .unwrap();
        assert_eq!(found, want, "{written} {value:?}");
    }
}

/// Sums by currency and day on one basis.
fn totals(mart: &Mart, basis: Basis, view: View) -> BTreeMap<(String, String), Amount> {
    let query = CostQuery { by: vec![Dimension::Day], basis, view, ..CostQuery::default() };
    let rows = mart.costs(&query).unwrap();
    rows.into_iter().map(|mut row| ((row.keys.remove(0), row.currency.to_string()), row.cost)).collect()
}

#[test]
fn whatever_the_rules_were_every_view_holds_the_whole_cost() {
    let mut ledger = Ledger::new();
    ledger.land_text(
        Dataset::Charges,
        "charge_period_start,charge_period_end,billed_cost,list_cost,billing_currency,service_name,resource_id,\
         sub_account_id,x_usage_type,charge_category,consumed_quantity,consumed_unit,tag_set_id\n\
         2026-10-05 00:00,2026-10-08 00:00,1,2,USD,Kinesis,s-1,1,Shard,Usage,,,t-1\n\
         2026-10-05 00:00,2026-10-06 00:00,-0.3,0.7,EUR,Kinesis,s-2,2,Shard,Usage,,,\n\
         2026-10-06 06:00,2026-10-06 07:00,0.25,0.3,USD,EC2,i-1,1,BoxUsage,Usage,,,\n\
         2026-10-06 00:00,2026-10-07 00:00,0.8,1,USD,S3,lake,1,TimedStorage-ByteHrs,Usage,192,Byte-Hours,t-1\n\
         2026-10-06 00:00,2026-10-07 00:00,0.1,0.1,USD,,,1,,Tax,,,\n",
    );
    ledger.land_text(Dataset::TagSets, "tag_set_id,key,value\nt-1,team,a\n");
    ledger.land_text(
        Dataset::Nodes,
        "cluster_id,node_id,resource_id,private_ip,vcpus,memory_mib,started_at,ended_at\n\
         j-1,n-1,i-1,10.0.0.1,4,16384,2026-10-06 06:00,2026-10-06 07:00\n",
    );
    ledger.land_text(
        Dataset::Runs,
        "run_id,user_name,started_at,ended_at\na,ann,2026-10-06 06:00,2026-10-06 07:00\n",
    );
    ledger.land_text(Dataset::RunHours, "run_id,hour,host,vcore_ms\na,2026-10-06 06:00,10.0.0.1,7200000\n");
    ledger.land_text(
        Dataset::Tables,
        "collected_at,table_id,location,reachable_bytes\n2026-10-06 01:00,prod.n.t1,s3://lake/t1,2\n",
    );
    ledger.commit();

    let pattern = prop_oneof![
        prop::sample::select(vec!["*", "s-?", "s-1", "a", "ann", "j-*", "1", "prod.*", "lake"])
            .prop_map(Pattern::from),
        prop::sample::select(vec![r"\w+", "s-[12]", "(a|j).*", ".*"])
            .prop_map(|text| Pattern::Regex(Regex::new(text).unwrap())),
    ];
    let kind = 0..7_usize;
    let day = || prop::option::of(5..8_u32);
    let one = (pattern, kind, prop::sample::select(vec!["x", "y", "z"]), day()).prop_map(
        |(pattern, kind, team, from)| {
            let matcher = match kind {
                0 => Matcher::Tag { key: "team".into(), value: pattern },
                1 => Matcher::Workflow(pattern),
                2 => Matcher::User(pattern),
                3 => Matcher::Table(pattern),
                4 => Matcher::Cluster(pattern),
                5 => Matcher::Resource(pattern),
                _ => Matcher::Account(pattern),
            };
            let from = from.map(|day| format!("2026-10-{day:02}").parse().unwrap());
            OwnerRule { from, ..rule(team, matcher) }
        },
    );
    let publish = (prop::collection::vec(one, 0..4), prop::option::of(Just("d".to_owned())), 1..40_i64);
    let cases = std::env::var("LAKELEDGER_CASES").map_or(4, |cases| cases.parse().unwrap());
    TestRunner::new(Config { cases, max_shrink_iters: 20, failure_persistence: None, ..Config::default() })
        .run(&prop::collection::vec(publish, 2..5), |publishes| {
            let record = ledger.path().join(OWNERSHIP);
            for directory in [record, ledger.marts()] {
                if directory.exists() {
                    fs::remove_dir_all(directory).unwrap();
                }
            }
            let mut now = at("2026-10-05T12:00:00Z");
            for (owner_rules, default_team, hours) in publishes {
                now += chrono::TimeDelta::hours(hours);
                let rules = Rules { owner_rules, default_team, ..ledger.rules() };
                let published = ledger.publish_at(&rules, now);
                prop_assert!(published.is_ok(), "{published:?}");
            }
            let mart = Mart::open(ledger.path()).unwrap();
            for basis in Basis::ALL {
                let restated = totals(&mart, basis, View::default());
                prop_assert_eq!(restated.len(), 4);
                let noon = Ownership::AsOf(at("2026-10-06T12:00:00Z"));
                for (ownership, idle, shared) in [
                    (Ownership::AsWas, Idle::Owner, Shared::Keep),
                    (noon, Idle::Owner, Shared::Keep),
                    (Ownership::AsOf(now), Idle::Keep, Shared::Keep),
                    // Spreads follow these owners, and hold the whole too.
                    (Ownership::AsWas, Idle::Proportional, Shared::Proportional),
                    (noon, Idle::Proportional, Shared::Even),
                ] {
                    let view = View { idle, shared, ownership };
                    prop_assert_eq!(&totals(&mart, basis, view), &restated, "{:?}", view);
                }
            }
            // As of now is by today's rules.
            prop_assert_eq!(by_team(&ledger, Ownership::AsOf(now)), by_team(&ledger, Ownership::Restated));
            Ok(())
        })
        .unwrap();
}
