//! Logs that end before the bill: what nobody looks at is neither waste, nor mended.

use std::fmt::Write as _;

use attribution::mart::{Facts, Finding, Mart, Silence, WhatIf};
use attribution::waste::{WasteRule, WasteScope};
use chrono::{Days, NaiveDate};
use model::landed::Dataset;

use super::HOUR_MS;
use crate::common::Ledger;

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

/// Runs made by hand, each of an hour on all of a machine.
pub(super) struct Runs {
    pub(super) runs: String,
    pub(super) hours: String,
}

impl Runs {
    pub(super) fn new() -> Self {
        Self {
            runs:
                "engine,run_id,name,trigger,status,error,started_at,ended_at,vcore_ms,memory_mib_ms,task_ms\n"
                    .into(),
            hours: "engine,run_id,hour,cluster_id,host,vcore_ms,memory_mib_ms\n".into(),
        }
    }

    /// One that the clock starts, at an hour of a day of October 2026; on `batch`, or elsewhere. Gives its id.
    pub(super) fn add(
        &mut self,
        engine: &str,
        name: &str,
        status: &str,
        at: (u32, u32),
        is_elsewhere: bool,
    ) -> String {
        let (day, hour) = at;
        let id = format!("{name}-{day}-{hour}");
        let error = if status == "failed" { "it broke" } else { "" };
        let (from, to) =
            (format!("2026-10-{day:02} {hour:02}:00"), format!("2026-10-{day:02} {:02}:00", hour + 1));
        let (cluster, host) = if is_elsewhere { ("j-2", "10.0.0.2") } else { ("j-1", "10.0.0.1") };
        writeln!(
            self.runs,
            "{engine},{id},{name},time,{status},{error},{from},{to},{HOUR_MS},235929600000,{HOUR_MS}"
        )
        .unwrap();
        writeln!(self.hours, "{engine},{id},{from},{cluster},{host},{HOUR_MS},235929600000").unwrap();
        id
    }

    /// A ledger of these runs and what they read and wrote, beside a machine of `batch` at $1 an hour, from
    /// 5 October on.
    fn ledger(&self, days: i32, tables: &str) -> Ledger {
        let mut ledger = self.landed(days, tables, "");
        ledger.commit();
        ledger
    }

    /// The same with more lines of the bill, before it is current: more may be landed.
    pub(super) fn landed(&self, days: i32, tables: &str, billed: &str) -> Ledger {
        let mut ledger = Ledger::new();
        let mut charges = String::from(
            "charge_period_start,charge_period_end,billed_cost,service_name,resource_id,x_usage_type,x_line_item_type,\
             consumed_quantity,consumed_unit\n",
        );
        for hour in 0..days * 24 {
            let at = |hour: i32| format!("2026-10-{:02} {:02}:00", 5 + hour / 24, hour % 24);
            let (from, to) = (at(hour), at(hour + 1));
            writeln!(charges, "{from},{to},1,EC2,i-batch,BoxUsage:m5.4xlarge,Usage,1,Hrs").unwrap();
        }
        charges.push_str(billed);
        ledger.land_text(Dataset::Charges, &charges);
        ledger.land_text(
            Dataset::Nodes,
            "cluster_id,cluster_name,node_id,resource_id,private_ip,role,instance_type,market,vcpus,memory_mib,started_at,\
             ended_at\nj-1,batch,n-1,i-batch,10.0.0.1,core,m5.4xlarge,on_demand,16,65536,2026-10-05 00:00,\n",
        );
        ledger.land_text(Dataset::Runs, &self.runs);
        ledger.land_text(Dataset::RunHours, &self.hours);
        if !tables.is_empty() {
            let tables = format!("engine,run_id,table_name,access,files,bytes\n{tables}");
            ledger.land_text(Dataset::RunTables, &tables);
            ledger.land_text(
                Dataset::Tables,
                "collected_at,table_id,catalog,namespace,name,location,data_files,data_bytes\n\
                 2026-10-29 23:00,prod.a.t,prod,a,t,s3://lake/t,16,40000\n",
            );
        }
        ledger
    }
}

pub(super) fn published(ledger: &Ledger) -> Mart {
    ledger.published(&ledger.rules());
    Mart::open(ledger.path()).unwrap()
}

pub(super) fn found<'m>(mart: &'m Mart, detector: &str) -> Vec<&'m Finding> {
    mart.all_findings().unwrap().iter().filter(|finding| finding.detector == detector).collect()
}

/// Twelve days, the last Spark run on the second; something runs elsewhere on the eleventh, with an engine. Logs that
/// stop arriving leave every cluster of theirs without runs: that is no waste.
#[test]
fn no_cluster_is_idle_whose_logs_stopped() {
    for (engine, expected) in [("spark", vec!["batch"]), ("trino", vec![])] {
        let mut runs = Runs::new();
        runs.add("spark", "report", "succeeded", (6, 1), false);
        runs.add(engine, "other", "succeeded", (15, 1), true);
        let ledger = runs.ledger(12, "");
        let mart = published(&ledger);
        let subjects: Vec<&str> =
            found(&mart, "idle-cluster").iter().map(|finding| finding.subject.as_str()).collect();
        assert_eq!(subjects, expected, "while {engine} goes on");
        // From 0:00 of the 5th to 1:00 of the 6th, and from 2:00 on, each less an hour: to the end of the bill, or
        // of the day that the logs end on.
        let answers = mart.what_if(&WhatIf::AutoTermination { minutes: 60 }, Some("batch")).unwrap();
        let hours = answers.iter().map(|answer| answer.note.clone()).collect::<Vec<_>>().join("; ");
        let expected = if engine == "spark" { "285 hours beyond it" } else { "45 hours beyond it" };
        assert!(hours.contains(expected), "{hours} while {engine} goes on");
    }
}

/// Until the fifteenth of 25 days an attempt of `report` fails on each and the next succeeds; on the last day something
/// else runs elsewhere. Where other logs of the engine go on, it is over; where they end with it, nobody has looked since:
/// it goes on at the rate of the days before.
#[test]
fn what_no_log_tells_of_any_longer_is_not_mended() {
    let silence = Silence { known_until: day("2026-10-19"), facts: Facts::Runs };
    for (engine, is_open, expected) in [("spark", false, None), ("trino", true, Some(silence))] {
        let mut runs = Runs::new();
        for day in 5..20 {
            runs.add("spark", "report", "failed", (day, 1), false);
            runs.add("spark", "report", "succeeded", (day, 2), false);
        }
        runs.add(engine, "other", "succeeded", (29, 1), true);
        let ledger = runs.ledger(25, "");
        let mart = published(&ledger);
        let it = found(&mart, "failed-retried")[0];
        assert_eq!((it.is_open, it.silence), (is_open, expected), "while {engine} goes on");
        assert_eq!((it.first_day, it.end_day), (day("2026-10-05"), day("2026-10-20")));
        // Fifteen days of $1 each.
        assert_eq!(it.observed_cost, "15".parse().unwrap());
        assert_eq!(it.gross_saving, "30.4375".parse().unwrap());
        let known = mart.silences().unwrap().known_until("failed-retried", "workload", "report");
        assert_eq!(known, expected.map(|silence| silence.known_until));
    }
}

/// The clock starts `report` at 2:00 and 3:00 of each of 25 days; Trino writes what it reads at 0:00, up to some day.
/// Each second run is for nothing. Later ones all are where Trino's logs go on; where they end, what was written since
/// nobody knows: what was found stays as it was then, and is not mended.
#[test]
fn a_schedule_whose_inputs_nobody_tells_of_any_longer_is_not_mended() {
    // The last day of October it is written on, whether logs go on, the last known day, and cost and rate by hand.
    let cases = [
        // Ten days of one run at $1, fifteen of two: 40 in the 25 days that are known.
        (14, true, None, "40", "48.7"),
        // Ten days of one run; twenty, of logs that end five days before the bill.
        (14, false, Some("2026-10-14"), "10", "30.4375"),
        (24, false, Some("2026-10-24"), "20", "30.4375"),
    ];
    for (written_until, is_told, known, cost, gross) in cases {
        let mut runs = Runs::new();
        let mut tables = String::new();
        for day in 5..30 {
            if day <= written_until {
                let id = runs.add("trino", "load", "succeeded", (day, 0), true);
                writeln!(tables, "trino,{id},prod.a.t,write,1,100").unwrap();
            }
            for hour in [2, 3] {
                let id = runs.add("spark", "report", "succeeded", (day, hour), false);
                writeln!(tables, "spark,{id},prod.a.t,read,1,100").unwrap();
            }
        }
        if is_told {
            runs.add("trino", "other", "succeeded", (29, 1), true);
        }
        let ledger = runs.ledger(25, &tables);
        let mart = published(&ledger);
        let it = found(&mart, "no-op-schedule")[0];
        assert_eq!((it.subject.as_str(), it.is_open), ("report", true), "{known:?}");
        let end = day(known.unwrap_or("2026-10-29")) + Days::new(1);
        let silence = known.map(|known| Silence { known_until: day(known), facts: Facts::Inputs });
        assert_eq!((it.end_day, it.silence), (end, silence));
        assert_eq!(it.observed_cost, cost.parse().unwrap(), "{known:?}");
        assert_eq!(it.gross_saving, gross.parse().unwrap(), "{known:?}");
        // As a setting tries it: of two runs a day half, or what is known of it.
        let answers = mart.what_if(&WhatIf::EventDriven, None).unwrap();
        assert_eq!(answers[0].saving, gross.parse().unwrap(), "{known:?}");
    }
}

/// `report` reads a table with Spark twice a day until the fourteenth of 25 days, when Spark's logs end; then a board
/// reads it with Trino. One that reads it every day from then on took over; one that read it once did not.
#[test]
fn a_table_whose_readers_moved_rests_on_the_logs_they_moved_to() {
    for (first, expected) in [(15, vec![]), (29, vec!["2026-10-14,reads"])] {
        let mut runs = Runs::new();
        let mut tables = String::new();
        for day in 5..15 {
            for hour in [1, 2] {
                let id = runs.add("spark", "report", "succeeded", (day, hour), false);
                writeln!(tables, "spark,{id},prod.a.t,read,1,100").unwrap();
            }
        }
        for day in first..30 {
            let id = runs.add("trino", "board", "succeeded", (day, 1), true);
            writeln!(tables, "trino,{id},prod.a.t,read,1,100").unwrap();
        }
        let ledger = runs.ledger(25, &tables);
        ledger.published(&ledger.rules());
        let silent = ledger.ask(
            "select known_until, silent_facts from waste_silences
            where detector = 'uncompacted' and subject = 'prod.a.t'",
        );
        assert_eq!(silent, expected, "since the {first}th");
    }
}

/// Until the fourteenth of 25 days `report` opens eight files a day where one would do, for $0.128 each. Where its logs
/// end then, a month is that of the ten days they tell of: 10 x 7 x 0.128 / 10 x 30.4375; where they go on, of all 25.
#[test]
fn a_month_of_a_setting_is_that_of_the_days_that_are_known() {
    for (engine, expected) in [("trino", "30.4375, 27.272"), ("spark", "12.175, 10.9088")] {
        let mut runs = Runs::new();
        let mut tables = String::new();
        for day in 5..15 {
            let id = runs.add("spark", "report", "succeeded", (day, 1), false);
            writeln!(tables, "spark,{id},prod.a.t,read,8,100").unwrap();
        }
        runs.add(engine, "other", "succeeded", (29, 1), true);
        let mut ledger = runs.landed(25, &tables, "");
        ledger.land_text(
            Dataset::TablePartitions,
            "collected_at,table_id,partition,data_files,data_bytes\n\
             2026-10-29 23:00,prod.a.t,day=2026-10-28,8,10000\n",
        );
        ledger.commit();
        let mut rules = ledger.rules();
        rules.waste.push(WasteRule {
            setting: "uncompacted.spark_open_ms".to_owned(),
            scope: WasteScope::All,
            value: "7372800".to_owned(),
        });
        ledger.published(&rules);
        let mart = Mart::open(ledger.path()).unwrap();
        let answers = mart.what_if(&WhatIf::Compaction { target_mib: 512 }, Some("prod.a.t")).unwrap();
        assert_eq!(format!("{}, {}", answers[0].cost, answers[0].saving), expected, "while {engine} goes on");
    }
}
