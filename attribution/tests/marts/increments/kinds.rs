//! Each kind of change by hand: which days it touches, and that no other is made anew.

use std::collections::BTreeMap;

use attribution::publish::{Made, Way};
use attribution::rules::{Matcher, OwnerRule, Pattern, Rules, Team};
use chrono::TimeDelta;
use model::landed::Dataset;
use model::time::Instant;

use super::{Twin, described, differences};
use crate::common::Ledger;

/// A week of one cluster, one bucket with one table, and one stream.
struct Week {
    ledger: Ledger,
    rules: Rules,
    rows: BTreeMap<Dataset, Vec<String>>,
    now: Instant,
}

const fn header(dataset: Dataset) -> &'static str {
    match dataset {
        Dataset::Charges => {
            "source_file,source_line,charge_period_start,charge_period_end,billed_cost,service_name,resource_id,x_usage_type,tag_set_id,consumed_quantity,consumed_unit"
        }
        Dataset::TagSets => "tag_set_id,key,value",
        Dataset::Nodes => "cluster_id,node_id,resource_id,private_ip,vcpus,memory_mib,started_at,ended_at",
        Dataset::Runs => "run_id,owner,started_at,ended_at",
        Dataset::RunHours => "run_id,hour,host,vcore_ms",
        Dataset::Tables => "collected_at,table_id,location,owner,data_bytes,reachable_bytes",
        Dataset::Storage => "collected_at,bucket,prefix,storage_class,bytes",
        _ => "source_object,source_line,resource_id,starts_on,ends_on,dimension,consumer,share",
    }
}

fn bill(day: u32) -> [String; 3] {
    let next = day + 1;
    [
        format!("bill-{day}.csv,1,2026-10-{day:02} 06:00,2026-10-{day:02} 07:00,0.5,EC2,i-1,BoxUsage,,,"),
        format!(
            "bill-{day}.csv,2,2026-10-{day:02} 00:00,2026-10-{next:02} 00:00,1,S3,lake,TimedStorage-ByteHrs,,24000,Byte-Hours"
        ),
        format!(
            "bill-{day}.csv,3,2026-10-{day:02} 06:00,2026-10-{day:02} 07:00,0.25,Kinesis,s-1,Shard,t-{day},,"
        ),
    ]
}

impl Week {
    fn new() -> Self {
        let mut rows: BTreeMap<Dataset, Vec<String>> = BTreeMap::new();
        let mut add = |dataset, row: String| rows.entry(dataset).or_default().push(row);
        for day in 5..11 {
            for line in bill(day) {
                add(Dataset::Charges, line);
            }
            add(Dataset::TagSets, format!("t-{day},team,growth"));
            add(Dataset::Runs, format!("r{day},,2026-10-{day:02} 06:00,2026-10-{day:02} 06:30"));
            add(Dataset::RunHours, format!("r{day},2026-10-{day:02} 06:00,10.0.0.1,3600000"));
        }
        add(Dataset::Nodes, "j-1,n-1,i-1,10.0.0.1,4,16384,2026-10-05 00:00,2026-10-12 00:00".into());
        for day in ["05", "10"] {
            add(Dataset::Tables, format!("2026-10-{day} 01:00,prod.a.t,s3://lake/t,growth-1,100,300"));
        }
        add(Dataset::Storage, "2026-10-05 02:00,lake,t/data/,STANDARD,400".into());
        let mut ledger = Ledger::new();
        for dataset in rows.keys() {
            ledger.land_text(*dataset, &format!("{}\n{}\n", header(*dataset), rows[dataset].join("\n")));
        }
        ledger.commit();
        let rule = |team: &str, matcher| OwnerRule { team: team.into(), matcher, from: None, to: None };
        let glob = |text: &str| Pattern::Glob(text.into());
        let team = |name: &str| Team { name: name.into(), email: Vec::new(), parent: None };
        let rules = Rules {
            teams: vec![team("growth"), team("content")],
            owner_rules: vec![
                rule("growth", Matcher::Owner(glob("growth*"))),
                rule("content", Matcher::Owner(glob("content*"))),
                rule("growth", Matcher::Tag { key: "team".into(), value: glob("growth") }),
            ],
            ..ledger.rules()
        };
        let mut week = Self { ledger, rules, rows, now: crate::common::now() };
        assert_eq!(week.publish(Way::Chosen), Made::Scratch { why: "it is the first mart".into() });
        week
    }

    fn publish(&mut self, way: Way) -> Made {
        self.now += TimeDelta::hours(1);
        self.ledger.made(&self.rules, self.now, way)
    }

    /// After all that happened its mart is what the last publish would have made from scratch.
    fn is_as_from_scratch(&self) {
        let twin = Twin::before_the_last_publish(&self.ledger);
        twin.publish(&self.ledger, &self.rules, self.now);
        let differences = differences(self.ledger.path(), twin.path());
        assert!(differences.is_empty(), "{}", described(&differences));
    }

    /// Lands a dataset anew.
    fn land(&mut self, dataset: Dataset, change: impl FnOnce(&mut Vec<String>)) {
        let rows = self.rows.entry(dataset).or_default();
        change(rows);
        let csv = format!("{}\n{}\n", header(dataset), rows.join("\n"));
        self.ledger.forget(dataset);
        self.ledger.land_text(dataset, &csv);
    }

    /// Publishes what was landed, and says which days of October were made anew.
    fn days(&mut self) -> Vec<u32> {
        self.ledger.commit();
        match self.publish(Way::Days) {
            Made::Days { days, .. } => days.iter().map(chrono::Datelike::day).collect(),
            made => panic!("{made}"),
        }
    }
}

fn replace(rows: &mut [String], from: &str, to: &str) {
    let mut found = 0;
    for row in rows {
        found += row.matches(from).count();
        *row = row.replace(from, to);
    }
    assert!(found > 0, "no row has `{from}`");
}

#[test]
fn logs_and_nodes_touch_the_days_of_their_hours() {
    let mut week = Week::new();
    week.land(Dataset::Runs, |rows| rows.push("late,,2026-10-08 06:10,2026-10-08 06:20".into()));
    week.land(Dataset::RunHours, |rows| rows.push("late,2026-10-08 06:00,10.0.0.1,100000".into()));
    assert_eq!(week.days(), [8], "a late log");
    week.land(Dataset::Runs, |rows| rows.retain(|row| !row.starts_with("r6,")));
    assert_eq!(week.days(), [6], "a log gone");
    week.land(Dataset::RunHours, |rows| {
        rows.push("late,2026-10-08 23:00,10.0.0.1,100000".into());
        rows.push("late,2026-10-09 00:00,10.0.0.1,100000".into());
    });
    assert_eq!(week.days(), [8, 9], "a run over midnight");
    week.land(Dataset::Runs, |rows| replace(rows, "r7,,", "r7,content-x,"));
    assert_eq!(week.days(), [7], "a run's owner");
    week.land(Dataset::Nodes, |rows| {
        rows.push("j-1,n-2,i-2,10.0.0.2,4,16384,2026-10-09 06:00,2026-10-09 08:00".into());
    });
    assert_eq!(week.days(), [9], "a new node life");
    week.is_as_from_scratch();
}

#[test]
fn a_step_touches_the_days_of_all_attempts_of_its_application_and_of_its_container() {
    let mut week = Week::new();
    let land = |week: &mut Week, dataset, csv: &str| {
        week.ledger.forget(dataset);
        week.ledger.land_text(dataset, csv);
    };
    let attempts = "engine,run_id,workflow_id,workflow_instance_id,step_id,attempt,child_run_id,owner,started_at,ended_at\n\
        spark,a_1,,,,,,,2026-10-07 06:00,2026-10-07 06:30\n\
        spark,a_1/2,,,,,,,2026-10-08 06:00,2026-10-08 06:30\n";
    let hours = "engine,run_id,hour,host,vcore_ms\n\
        spark,a_1,2026-10-07 06:00,10.0.0.1,3600000\n\
        spark,a_1/2,2026-10-08 06:00,10.0.0.1,3600000\n\
        airflow,d/1/load/1,2026-10-09 06:00,10.0.0.1,100000\n";
    land(&mut week, Dataset::Runs, attempts);
    land(&mut week, Dataset::RunHours, hours);
    assert_eq!(week.days(), [5, 6, 7, 8, 9, 10], "other logs");
    let step = "airflow,d/1/load/1,d,1,load,1,a_1,growth-1,2026-10-07 06:00,2026-10-09 07:00\n";
    land(&mut week, Dataset::Runs, &format!("{attempts}{step}"));
    assert_eq!(week.days(), [7, 8, 9], "the step that started them");
    let runs = week.ledger.ask("select run_id, workload, owner from stg_runs");
    assert_eq!(runs, ["a_1,d/load,growth-1", "a_1/2,d/load,growth-1", "d/1/load/1,d/load,growth-1"]);
    week.is_as_from_scratch();
}

#[test]
fn bill_lines_touch_the_days_they_are_charged_for() {
    let mut week = Week::new();
    week.land(Dataset::Charges, |rows| replace(rows, "2026-10-07 07:00,0.5", "2026-10-07 07:00,0.75"));
    assert_eq!(week.days(), [7], "a line restated");
    week.land(Dataset::Charges, |rows| rows.extend(bill(11)));
    week.land(Dataset::TagSets, |rows| rows.push("t-11,team,growth".into()));
    assert_eq!(week.days(), [11], "a new day");
    week.land(Dataset::Charges, |rows| {
        replace(rows, "bill-9.csv,1,", "bill-9.csv,4,");
        replace(rows, "bill-9.csv,3,", "bill-9.csv,1,");
    });
    assert_eq!(week.days(), [9], "a day delivered anew in another order");
    week.land(Dataset::Charges, |rows| rows.reverse());
    assert_eq!(week.days(), [] as [u32; 0], "the same lines in another file");
    week.land(Dataset::TagSets, |rows| replace(rows, "t-6,team,growth", "t-6,team,content"));
    assert_eq!(week.days(), [6], "a tag");
    week.is_as_from_scratch();
    // A file of another name: its lines have other numbers on all of their days.
    week.land(Dataset::Charges, |rows| replace(rows, "bill-", "delivery-"));
    week.ledger.commit();
    assert_eq!(week.publish(Way::Chosen), Made::Scratch { why: "7 of 7 days changed".into() });
}

#[test]
fn collections_touch_the_days_they_are_nearest_to() {
    let mut week = Week::new();
    // Between those of the 5th and the 10th: it is nearer from the 7th to the 9th, the 10th's own
    // collection holds from then on.
    week.land(Dataset::Tables, |rows| {
        rows.push("2026-10-08 01:00,prod.a.t,s3://lake/t,growth-1,150,350".into());
    });
    assert_eq!(week.days(), [7, 8, 9], "a table collected");
    // The bucket's from the 8th on; and of the collections of the 8th and 10th, which stand for
    // the 7th to the 10th, it now is the one that tells orphans.
    week.land(Dataset::Storage, |rows| rows.push("2026-10-09 02:00,lake,t/data/,STANDARD,500".into()));
    assert_eq!(week.days(), [7, 8, 9, 10], "an inventory");
    week.land(Dataset::UsageShares, |rows| {
        rows.push("usage.csv,1,s-1,2026-10-09,2026-10-10,topic,clicks,0.5".into());
    });
    assert_eq!(week.days(), [9], "a usage row");
    week.land(Dataset::Tables, |rows| replace(rows, "growth-1,100,300", "content-1,100,300"));
    assert_eq!(week.days(), [5, 6, 7, 8, 9, 10], "a table's owner, on all days it cost anything");
    week.is_as_from_scratch();
}

#[test]
fn what_runs_confirmed_touches_the_days_nobody_knew_of() {
    fn facts(week: &mut Week) -> &mut model::manifest::SourceRecord {
        week.ledger.manifest.sources.get_mut("facts").unwrap()
    }
    let mut week = Week::new();
    let hold = |week: &mut Week, from: &str, until: &str| {
        let [from, until] = [from, until].map(|day| model::time::PeriodKey::parse(day).unwrap());
        facts(week).held.entry("prod.a.t".into()).or_default().insert(from, until);
    };
    // The 6th and 7th were some days off the collection of the 5th; to the 8th and 9th that of the 10th was nearer.
    hold(&mut week, "2026-10-05", "2026-10-09");
    assert_eq!(week.days(), [6, 7, 8, 9], "a collection confirmed until the next");
    week.land(Dataset::Charges, |rows| rows.extend(bill(11)));
    week.land(Dataset::TagSets, |rows| rows.push("t-11,team,growth".into()));
    assert_eq!(week.days(), [11], "a new day, on which the table still is as on the 10th");
    facts(&mut week).units.remove("prod.a.t");
    assert_eq!(week.days(), [11], "it is gone, and was last seen on the 10th");
    hold(&mut week, "2026-10-10", "2026-10-11");
    assert_eq!(week.days(), [11], "it was last seen on the 11th");
    week.is_as_from_scratch();
}

#[test]
fn what_changes_every_row_is_made_from_scratch() {
    let mut week = Week::new();
    week.rules.owner_rules.pop();
    assert_eq!(week.publish(Way::Chosen), Made::Scratch { why: "the owner rules changed".into() });
    week.rules.default_team = Some("growth".into());
    assert_eq!(week.publish(Way::Days), Made::Scratch { why: "the default team changed".into() });
    week.land(Dataset::Charges, |rows| replace(rows, "2026-10-07 07:00,0.5", "2026-10-07 07:00,0.75"));
    week.ledger.commit();
    assert_eq!(week.publish(Way::Scratch), Made::Scratch { why: "asked for".into() });
    // A record that is not of the last mart: what a publish adds to it would not be all.
    week.land(Dataset::Charges, |rows| replace(rows, "2026-10-07 07:00,0.75", "2026-10-07 07:00,0.5"));
    week.ledger.commit();
    std::fs::remove_dir_all(week.ledger.path().join("ownership")).unwrap();
    let why = "the record of ownership is not the last mart's".into();
    assert_eq!(week.publish(Way::Chosen), Made::Scratch { why });
}

#[test]
fn what_a_killed_publish_left_is_no_part_of_the_next() {
    let mut week = Week::new();
    week.land(Dataset::Charges, |rows| replace(rows, "2026-10-07 07:00,0.5", "2026-10-07 07:00,0.75"));
    week.ledger.commit();
    // Killed while it copied the last mart.
    std::fs::write(week.ledger.marts().join("000002-abc.building"), "half a mart").unwrap();
    std::fs::write(week.ledger.marts().join("000002-abc.building.wal"), "half a log").unwrap();
    let Made::Days { days, of } = week.publish(Way::Chosen) else { panic!("made from scratch") };
    assert_eq!((days.len(), of), (1, 6));
    week.is_as_from_scratch();
}
