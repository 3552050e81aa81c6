//! What keeps a finding from being one, or from asking for too much or for the wrong command.

use std::fmt::Write as _;

use attribution::mart::{Finding, Mart};
use attribution::waste::{WasteRule, WasteScope};
use chrono::{Days, NaiveDate};
use model::Amount;
use model::landed::Dataset;

use super::HOUR_MS;
use crate::common::Ledger;

/// The first day of every bill here.
const FIRST: &str = "2026-10-05";
/// 100,000 bytes kept for a day cost $0.10.
const BYTES: &str = "0.1,S3,lake,TimedStorage-ByteHrs,Usage,2400000,Byte-Hours";

fn usd(text: &str) -> Amount {
    text.parse().unwrap()
}

/// A day of the bill, from 0.
fn on(day: u64) -> NaiveDate {
    FIRST.parse::<NaiveDate>().unwrap() + Days::new(day)
}

/// What is landed of a ledger made by hand.
struct Facts {
    charges: String,
    runs: String,
    hours: String,
    tables: String,
    count: usize,
    others: Vec<(Dataset, String)>,
}

impl Facts {
    /// A bill of so many days: each with what is kept in a bucket, its requests ($0.0005 each), and a machine of `batch`
    /// at $1 an hour.
    fn new(days: u64, storage: &str) -> Self {
        let mut charges = String::from(
            "charge_period_start,charge_period_end,billed_cost,service_name,resource_id,x_usage_type,x_line_item_type,\
             consumed_quantity,consumed_unit\n",
        );
        for day in 0..days {
            let (from, to) = (on(day), on(day + 1));
            writeln!(charges, "{from} 00:00,{to} 00:00,{storage}").unwrap();
            writeln!(charges, "{from} 00:00,{to} 00:00,0.5,S3,lake,Requests-Tier2,Usage,1000,Requests")
                .unwrap();
            for hour in 0..24 {
                let end =
                    if hour == 23 { format!("{to} 00:00") } else { format!("{from} {:02}:00", hour + 1) };
                writeln!(charges, "{from} {hour:02}:00,{end},1,EC2,i-batch,BoxUsage:m5.4xlarge,Usage,1,Hrs")
                    .unwrap();
            }
        }
        Self {
            charges,
            runs:
                "engine,run_id,name,trigger,status,error,started_at,ended_at,vcore_ms,memory_mib_ms,task_ms\n"
                    .into(),
            hours: "engine,run_id,hour,cluster_id,host,vcore_ms,memory_mib_ms\n".into(),
            tables: "engine,run_id,table_name,access,files,bytes\n".into(),
            count: 0,
            others: Vec::new(),
        }
    }

    /// A run of so many minutes with all cores of the machine and a GiB of its memory; gives its id.
    fn run(
        &mut self,
        name: &str,
        status: &str,
        day: u64,
        (hour, minute): (u32, u32),
        minutes: u32,
    ) -> String {
        self.count += 1;
        let (id, day) = (format!("r-{}", self.count), on(day));
        let start = day.and_hms_opt(hour, minute, 0).unwrap();
        let end = start + chrono::TimeDelta::minutes(minutes.into());
        let (cores, memory) = (HOUR_MS / 60 * i64::from(minutes), 61_440_000 * i64::from(minutes));
        let error = if status == "failed" { "it broke" } else { "" };
        writeln!(self.runs, "spark,{id},{name},time,{status},{error},{start},{end},{cores},{memory},{cores}")
            .unwrap();
        writeln!(self.hours, "spark,{id},{day} {hour:02}:00,j-1,10.0.0.1,{cores},{memory}").unwrap();
        id
    }

    fn reads(&mut self, run: &str, table: &str, files: u32) {
        writeln!(self.tables, "spark,{run},{table},read,{files},100").unwrap();
    }

    /// Rows of another dataset.
    fn land(&mut self, dataset: Dataset, text: String) {
        self.others.push((dataset, text));
    }

    /// Findings of one detector, by subject.
    fn found(&self, detector: &str, settings: &[(&str, &str)]) -> Vec<Finding> {
        let mut ledger = Ledger::new();
        ledger.land_text(Dataset::Charges, &self.charges);
        ledger.land_text(
            Dataset::Nodes,
            "cluster_id,cluster_name,node_id,resource_id,private_ip,role,instance_type,market,vcpus,memory_mib,started_at,\
             ended_at\nj-1,batch,n-1,i-batch,10.0.0.1,core,m5.4xlarge,on_demand,16,65536,2026-10-05 00:00,\n",
        );
        let filled = [
            (Dataset::Runs, &self.runs),
            (Dataset::RunHours, &self.hours),
            (Dataset::RunTables, &self.tables),
        ];
        for (dataset, text) in filled {
            if text.lines().count() > 1 {
                ledger.land_text(dataset, text);
            }
        }
        for (dataset, text) in &self.others {
            ledger.land_text(*dataset, text);
        }
        ledger.commit();
        let mut rules = ledger.rules();
        rules.waste.extend(settings.iter().map(|(setting, value)| WasteRule {
            setting: (*setting).to_owned(),
            scope: WasteScope::All,
            value: (*value).to_owned(),
        }));
        ledger.published(&rules);
        let mart = Mart::open(ledger.path()).unwrap();
        let mut found: Vec<Finding> =
            mart.all_findings().unwrap().iter().filter(|it| it.detector == detector).cloned().collect();
        found.sort_by(|a, b| a.subject.cmp(&b.subject));
        found
    }
}

/// A job of an hour a day for four weeks, of which three more attempts of $1 fail on the last day: $3 in 28 days, not
/// $3 a day.
#[test]
fn failures_of_one_day_are_no_month_of_them() {
    let mut facts = Facts::new(28, BYTES);
    for day in 0..28 {
        facts.run("report", "succeeded", day, (1, 0), 60);
    }
    for hour in 2..5 {
        facts.run("report", "failed", 27, (hour, 0), 60);
    }
    // 3 x 30.4375 / 28, and of the days of the setting, where that says otherwise, / 7.
    for (settings, gross) in [(&[][..], "3.261161"), (&[("general.rate_days", "7")], "13.044643")] {
        let found = facts.found("failed-retried", settings);
        assert_eq!((found[0].observed_cost, found[0].gross_saving), (usd("3"), usd(gross)));
    }
}

/// Twelve days of a ping of a minute every four hours: six minutes of each day are used, 23.9 hours idle.
#[test]
fn what_a_stream_or_an_endless_run_is_on_is_not_kept_up_by_a_ping() {
    for (engine, expected) in [("", Some("727.45625")), ("spark", None), ("flink", None)] {
        let mut facts = Facts::new(12, BYTES);
        for day in 0..12 {
            for hour in (0..24).step_by(4) {
                facts.run("ping", "succeeded", day, (hour, 0), 1);
            }
        }
        if !engine.is_empty() {
            writeln!(facts.runs, "{engine},long,serve,manual,running,,{FIRST} 00:00,,16000,1024000,0")
                .unwrap();
            for (day, hour) in (0..12).flat_map(|day| (0..24).map(move |hour| (day, hour))) {
                let day = on(day);
                writeln!(facts.hours, "{engine},long,{day} {hour:02}:00,j-1,10.0.0.1,10,10").unwrap();
            }
        }
        let found = facts.found("keep-alive", &[]);
        // 23.9 x 30.4375.
        assert_eq!(found.first().map(|it| it.gross_saving), expected.map(usd), "beside {engine}");
    }
}

/// Small runs use 36 minutes of each hour of five days; then the logs end, twenty days before the bill. By the days
/// that are known, two fifths are idle; with those nobody told of it would be 88%.
#[test]
fn days_that_no_log_tells_of_make_no_cluster_kept_up() {
    let mut facts = Facts::new(25, BYTES);
    for (day, hour) in (0..5).flat_map(|day| (0..24).map(move |hour| (day, hour))) {
        for quarter in 0..4 {
            facts.run("board", "succeeded", day, (hour, quarter * 15), 9);
        }
    }
    assert!(facts.found("keep-alive", &[]).is_empty());
}

/// Three tables of five days in 24 small files each, read once a day: 115 of 120 files are opened in vain, for
/// 115 x (0.125 + 2 x 0.0005) = $14.49 a day.
#[test]
fn days_stay_days_where_partitions_are_too_small() {
    let mut facts = Facts::new(5, BYTES);
    let mut tables = String::from(
        "collected_at,table_id,catalog,namespace,name,location,partition_spec,data_files,data_bytes,target_file_bytes\n",
    );
    let mut partitions = String::from("collected_at,table_id,partition,data_files,data_bytes\n");
    let specs = [
        ("t", "hours(ts)"),
        ("u", "\"bucket(64, id), days(ts)\""),
        ("v", "\"day, country, truncate(4, name)\""),
    ];
    for (name, spec) in specs {
        let row = format!("2026-10-09 23:00,prod.a.{name},prod,a,{name},s3://lake/{name},{spec}");
        writeln!(tables, "{row},120,3600000000,536870912").unwrap();
    }
    for day in 0..5 {
        let run = facts.run("report", "succeeded", day, (1, 0), 60);
        specs.iter().for_each(|(name, _)| facts.reads(&run, &format!("prod.a.{name}"), 120));
        let day = on(day);
        for part in 0..24 {
            for (name, place) in [
                ("t", format!("ts_hour={day}-{part:02}")),
                ("u", format!("id_bucket={part}/ts_day={day}")),
                ("v", format!("day={day}/country={part}/name_trunc=a")),
            ] {
                writeln!(partitions, "2026-10-09 23:00,prod.a.{name},{place},1,1000").unwrap();
            }
        }
    }
    facts.land(Dataset::Tables, tables);
    facts.land(Dataset::TablePartitions, partitions);
    let found = facts.found("over-partitioning", &[("uncompacted.spark_open_ms", "7200000")]);
    let changes = [
        "ALTER TABLE prod.a.t REPLACE PARTITION FIELD hours(ts) WITH days(ts);\n",
        "ALTER TABLE prod.a.u DROP PARTITION FIELD bucket(64, id);\n",
        "ALTER TABLE prod.a.v DROP PARTITION FIELD country;\nALTER TABLE prod.a.v DROP PARTITION FIELD truncate(4, name);\n",
    ];
    assert_eq!(found.len(), 3);
    for (finding, changes) in found.iter().zip(changes) {
        assert!(finding.action.starts_with(&format!("{changes}CALL ")), "{}", finding.action);
        // 14.49 x 30.4375. A GiB-hour costs $1: 3.6 GB at 2 MB/s are half an hour of two, and half of one more.
        assert_eq!((finding.gross_saving, finding.fix_cost), (usd("441.039375"), usd("1.5")));
    }
}

/// A table read daily for forty days, and another like it.
#[test]
fn a_copy_is_one_by_place_by_age_day_by_day_and_where_reads_are_known() {
    let old = [("2026-09-01", 50), ("2026-10-20", 50)];
    for (case, of_copy, place, are_reads_known, is_copy) in [
        ("alike", old, "s3://lake/u", true, true),
        ("another region", [("2026-09-01", 80), ("2026-10-20", 20)], "s3://lake/u", true, false),
        ("made this week", [("2026-11-10", 50), ("2026-11-11", 50)], "s3://lake/u", true, false),
        ("one place", old, "s3a://lake/t/", true, false),
        ("no reads are known", old, "s3://lake/u", false, false),
    ] {
        let mut facts = Facts::new(40, BYTES);
        for day in 0..40 {
            let run = facts.run("report", "succeeded", day, (1, 0), 60);
            if are_reads_known {
                facts.reads(&run, "prod.a.t", 1);
            }
        }
        let mut tables = String::from(
            "collected_at,table_id,catalog,namespace,name,location,schema_hash,partition_spec,data_files,data_bytes,\
             row_count,reachable_bytes\n",
        );
        let mut partitions =
            String::from("collected_at,table_id,partition,data_files,data_bytes,row_count\n");
        let of_original = if case == "made this week" { of_copy } else { old };
        for (name, place, days) in [("t", "s3://lake/t", of_original), ("u", place, of_copy)] {
            let row = format!("2026-11-13 23:00,prod.a.{name},prod,a,{name},{place}");
            writeln!(tables, "{row},h,day,2,40000,100,40000").unwrap();
            for (day, rows) in days {
                writeln!(partitions, "2026-11-13 23:00,prod.a.{name},day={day},1,20000,{rows}").unwrap();
            }
        }
        facts.land(Dataset::Tables, tables);
        facts.land(Dataset::TablePartitions, partitions);
        let found = facts.found("duplicate-table", &[]);
        let subjects: Vec<&str> = found.iter().map(|it| it.subject.as_str()).collect();
        assert_eq!(subjects, if is_copy { vec!["prod.a.u"] } else { vec![] }, "{case}");
        // A catalog before the new name would be a namespace.
        let renamed = |it: &Finding| it.action.contains("ALTER TABLE prod.a.u RENAME TO a.u_copy;");
        assert!(found.iter().all(renamed), "{found:?}");
    }
}

/// Twenty days, each with a snapshot that replaces the 10,000 bytes of the one before: of the last day, 15 may expire
/// by age; where the newest ten are kept, ten; where a hundred are, none.
#[test]
fn snapshots_that_the_table_asks_to_keep_stay() {
    let mut snapshots =
        String::from("collected_at,table_id,snapshot_id,committed_at,operation,removed_bytes\n");
    for day in 0..20 {
        let removed = if day == 0 { 0 } else { 10_000 };
        writeln!(snapshots, "2026-10-24 23:00,prod.a.t,{day},{} 00:00,overwrite,{removed}", on(day)).unwrap();
    }
    for (keep, expected) in [
        ("", Some((150_000, "retain_last => 1)"))),
        ("10", Some((100_000, "retain_last => 10)"))),
        ("100", None),
    ] {
        let asked = format!("\"{{\"\"history.expire.min-snapshots-to-keep\"\":\"\"{keep}\"\"}}\"");
        let asked = if keep.is_empty() { "" } else { asked.as_str() };
        let mut facts = Facts::new(20, BYTES);
        facts.land(
            Dataset::Tables,
            format!(
                "collected_at,table_id,catalog,namespace,name,location,properties,data_files,data_bytes,snapshots\n\
                 2026-10-24 23:00,prod.a.t,prod,a,t,s3://lake/t,{asked},1,10000,20\n"
            ),
        );
        facts.land(Dataset::TableSnapshots, snapshots.clone());
        let found = facts.found("unexpired-snapshots", &[]);
        assert_eq!(found.len(), usize::from(expected.is_some()), "{keep}");
        for (finding, (bytes, retained)) in found.iter().zip(expected) {
            assert_eq!(finding.evidence["expirable_bytes"], bytes, "{keep}");
            assert!(finding.action.contains(retained), "{}", finding.action);
        }
    }
}

/// 120 snapshots, each of which but the first removed 1,000 bytes, and 1,200 bytes of metadata: what the newest hundred
/// do not need is 19 x 1,000 and a sixth of the metadata, 19,200 bytes at $0.000001 for twenty days.
#[test]
fn metadata_is_left_to_who_shares_names_or_keeps_it() {
    for (case, properties, tag, writer, cost) in [
        ("plain", "", "", "", Some("0.384")),
        ("shared with a clone", "gc.enabled=false", "", "", None),
        // 9 x 1,000 and a twelfth.
        ("110 are kept", "history.expire.min-snapshots-to-keep=110", "", "", Some("0.182")),
        ("all are kept", "history.expire.min-snapshots-to-keep=200", "", "", None),
        // The tenth has a tag: what those after it removed may be held, 9 x 1,000 and a sixth are not.
        ("tagged", "", "audit", "", Some("0.184")),
        ("written by Flink", "", "", "\"{\"\"flink.job-id\"\":\"\"1\"\"}\"", Some("0.384")),
    ] {
        let mut snapshots = String::from(
            "collected_at,table_id,snapshot_id,committed_at,operation,removed_bytes,ref_names,summary\n",
        );
        let first = on(14).and_hms_opt(0, 0, 0).unwrap();
        for nth in 0..120 {
            let at = first + chrono::TimeDelta::hours(nth);
            let removed = if nth == 0 { 0 } else { 1_000 };
            let tag = if nth == 9 { tag } else { "" };
            writeln!(snapshots, "2026-10-24 23:00,prod.a.t,{nth},{at},overwrite,{removed},{tag},{writer}")
                .unwrap();
        }
        let asked = properties
            .split_once('=')
            .map_or_else(String::new, |(name, value)| format!("\"{{\"\"{name}\"\":\"\"{value}\"\"}}\""));
        let mut facts = Facts::new(20, BYTES);
        facts.land(
            Dataset::Tables,
            format!(
                "collected_at,table_id,catalog,namespace,name,location,properties,data_files,data_bytes,snapshots,\
                 metadata_bytes\n2026-10-24 23:00,prod.a.t,prod,a,t,s3://lake/t,{asked},1,10000,120,1200\n"
            ),
        );
        facts.land(Dataset::TableSnapshots, snapshots);
        let found = facts.found("metadata-bloat", &[("metadata-bloat.max_snapshots", "100")]);
        assert_eq!(found.first().map(|it| it.observed_cost), cost.map(usd), "{case}");
        for finding in found {
            // The bill ends on 24 October.
            let keeps_a_week =
                finding.action.contains("older_than => TIMESTAMP '2026-10-17 00:00:00', retain_last => 100)");
            assert_eq!(keeps_a_week, case == "written by Flink", "{}", finding.action);
        }
    }
}

/// A GB kept for a day costs $0.0023, so that one retrieved costs $0.0304375 and an object moved a thousandth of that.
/// Two tables with 4,500 old files of a MiB, each listed by an inventory of its own prefix on its own day; each was
/// read once in ten days, half of 2 GiB from beyond 45 days, and once before the bill begins.
#[test]
fn old_days_are_found_by_the_inventory_that_lists_them_and_moved_at_the_bills_prices() {
    let mut facts = Facts::new(10, "0.023,S3,lake,TimedStorage-ByteHrs,Usage,240,GB-Hours");
    let mut tables = String::from(
        "collected_at,table_id,catalog,namespace,name,location,data_files,data_bytes,target_file_bytes\n",
    );
    let mut partitions = String::from("collected_at,table_id,partition,data_files,data_bytes\n");
    let mut listed = String::from("source,collected_at,bucket,prefix,storage_class,objects,bytes\n");
    let mut reads = String::from("day,table_name,principal,reads,bytes,oldest_partition_on,last_read_at\n");
    for (name, day) in [("t", "2026-10-08"), ("u", "2026-10-12")] {
        let row = format!("2026-10-14 23:00,prod.a.{name},prod,a,{name},s3://lake/{name}");
        writeln!(tables, "{row},4500,4718592000,536870912").unwrap();
        writeln!(partitions, "2026-10-14 23:00,prod.a.{name},day=2026-07-26,4500,4718592000").unwrap();
        writeln!(listed, "inventory-{name},{day} 00:00,lake,{name}/,STANDARD,4500,4718592000").unwrap();
        for (on, back) in [("2026-10-14", "2026-07-16"), ("2026-07-20", "2026-05-01")] {
            writeln!(reads, "{on},prod.a.{name},ann,1,2147483648,{back},{on} 09:00").unwrap();
        }
    }
    facts.land(Dataset::Tables, tables);
    facts.land(Dataset::TablePartitions, partitions);
    facts.land(Dataset::Storage, listed);
    facts.land(Dataset::TableAccess, reads);
    let found = facts.found("storage-class", &[]);
    let subjects: Vec<&str> = found.iter().map(|it| it.subject.as_str()).collect();
    assert_eq!(subjects, ["prod.a.t", "prod.a.u"]);
    for finding in found {
        // 4.39453125 GiB x 0.0023 x 10.5 / 23 x 30.4375.
        assert_eq!(finding.gross_saving, usd("0.140446"));
        // Moved: 4,500 / 45 a day x 30.4375 x 0.0000304375. Retrieved: 1 GiB / 10 days x 30.4375 x 0.0304375.
        assert_eq!(finding.fix_cost, usd("0.185288"));
    }
}
