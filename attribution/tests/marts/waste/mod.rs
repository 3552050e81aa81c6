//! Two days made by hand: what findings claim of them, and what other settings would have saved,
//! against values worked out by hand. Of two days, a month is 30.4375 / 2 = 15.21875 times as much.

mod commits;
mod guards;
mod once;
mod schedules;
mod silences;

use std::fmt::Write as _;

use crate::common::Ledger;
use attribution::mart::{Mart, WhatIf};
use attribution::models::MODELS;
use attribution::waste::{WasteRule, WasteScope};
use model::landed::Dataset;

/// One vcpu-hour of the sixteen-core machine below, in milliseconds.
const HOUR_MS: i64 = 16 * 3_600_000;

/// `batch` has one machine on demand, $1 an hour; `cheap` has one of its type on spot, $0.40. On
/// `batch` two tables are written from 0:00 to 0:30 and one is read, by the clock, from 1:00 to 2:00 and
/// from 12:00 to 13:00 of the first day. All of the machine is theirs, with a GiB of memory.
fn ledger() -> Ledger {
    let mut ledger = Ledger::new();
    let mut charges = String::from(
        "charge_period_start,charge_period_end,billed_cost,service_name,resource_id,x_usage_type,x_line_item_type,\
         consumed_quantity,consumed_unit\n",
    );
    for hour in 0..48 {
        let at = |hour: i32| format!("2026-10-{:02} {:02}:00", 5 + hour / 24, hour % 24);
        for (machine, cost) in [("i-batch", "1"), ("i-cheap", "0.4")] {
            let (from, to) = (at(hour), at(hour + 1));
            writeln!(charges, "{from},{to},{cost},EC2,{machine},BoxUsage:m5.4xlarge,Usage,1,Hrs").unwrap();
        }
    }
    // 100,000 bytes kept for a day cost $0.10, and a read request $0.0005.
    for day in ["2026-10-05 00:00,2026-10-06 00:00", "2026-10-06 00:00,2026-10-07 00:00"] {
        writeln!(charges, "{day},0.1,S3,lake,TimedStorage-ByteHrs,Usage,2400000,Byte-Hours").unwrap();
        writeln!(charges, "{day},0.5,S3,lake,Requests-Tier2,Usage,1000,Requests").unwrap();
    }
    ledger.land_text(Dataset::Charges, &charges);
    ledger.land_text(
        Dataset::Nodes,
        "cluster_id,cluster_name,node_id,resource_id,private_ip,role,instance_type,market,vcpus,memory_mib,started_at,ended_at\n\
         j-1,batch,n-1,i-batch,10.0.0.1,core,m5.4xlarge,on_demand,16,65536,2026-10-05 00:00,2026-10-07 00:00\n\
         j-2,cheap,n-2,i-cheap,10.0.0.2,core,m5.4xlarge,spot,16,65536,2026-10-05 00:00,2026-10-07 00:00\n",
    );
    let half = HOUR_MS / 2;
    ledger.land_text(
        Dataset::Runs,
        &format!(
            "engine,run_id,name,trigger,status,started_at,ended_at,vcore_ms,memory_mib_ms,task_ms\n\
             spark,w,load,manual,succeeded,2026-10-05 00:00,2026-10-05 00:30,{half},1843200000,{half}\n\
             spark,r-1,report,time,succeeded,2026-10-05 01:00,2026-10-05 02:00,{HOUR_MS},3686400000,{HOUR_MS}\n\
             spark,r-2,report,time,succeeded,2026-10-05 12:00,2026-10-05 13:00,{HOUR_MS},3686400000,{HOUR_MS}\n"
        ),
    );
    ledger.land_text(
        Dataset::RunHours,
        &format!(
            "engine,run_id,hour,cluster_id,host,vcore_ms,memory_mib_ms\n\
             spark,w,2026-10-05 00:00,j-1,10.0.0.1,{half},1843200000\n\
             spark,r-1,2026-10-05 01:00,j-1,10.0.0.1,{HOUR_MS},3686400000\n\
             spark,r-2,2026-10-05 12:00,j-1,10.0.0.1,{HOUR_MS},3686400000\n"
        ),
    );
    // Eight files a read, where one would do.
    ledger.land_text(
        Dataset::RunTables,
        "engine,run_id,table_name,access,files,bytes\n\
         spark,w,prod.a.t,write,8,100\nspark,w,prod.a.u,write,8,100\n\
         spark,r-1,prod.a.t,read,8,100\nspark,r-2,prod.a.t,read,8,100\n",
    );
    ledger.land_text(
        Dataset::Tables,
        "collected_at,table_id,catalog,namespace,name,location,data_files,data_bytes\n\
         2026-10-06 23:00,prod.a.t,prod,a,t,s3://lake/t,16,40000\n",
    );
    ledger.land_text(
        Dataset::TablePartitions,
        "collected_at,table_id,partition,data_files,data_bytes\n\
         2026-10-06 23:00,prod.a.t,day=2026-07-01,8,30000\n\
         2026-10-06 23:00,prod.a.t,day=2026-10-04,8,10000\n",
    );
    ledger.commit();
    ledger
}

/// What a setting answers, as `subject: cost, saving, cost of the fix, net`.
fn answers(settings: &[(&str, &str)], asked: &WhatIf, subject: Option<&str>) -> Vec<String> {
    let ledger = ledger();
    let mut rules = ledger.rules();
    rules.waste.extend(settings.iter().map(|(setting, value)| WasteRule {
        setting: (*setting).to_owned(),
        scope: WasteScope::All,
        value: (*value).to_owned(),
    }));
    ledger.published(&rules);
    let mart = Mart::open(ledger.path()).unwrap();
    let rows = mart.what_if(asked, subject).unwrap();
    let told = rows.iter().map(|row| {
        assert_eq!(row.net, row.saving - row.fix_cost);
        format!("{}: {}, {}, {}, {}", row.subject, row.cost, row.saving, row.fix_cost, row.net)
    });
    told.collect()
}

#[test]
fn half_the_workers_on_spot_save_what_spot_costs_less_and_are_run_again() {
    let asked = WhatIf::Spot { percent: 50 };
    // $48 in two days; half of it at 0.4 of the price saves 14.40, and 2% of that half's 9.60 is run again.
    let usual = answers(&[], &asked, None);
    assert_eq!(usual, ["batch: 730.5, 219.15, 2.922, 216.228"]);
    // A tenth is run again where the configuration says so.
    let often = answers(&[("spot-able.rerun_rate", "0.1")], &asked, None);
    assert_eq!(often, ["batch: 730.5, 219.15, 14.61, 204.54"]);
    // What is run twice and more over costs more than it saves.
    assert!(answers(&[("spot-able.rerun_rate", "2")], &asked, None).is_empty());
}

#[test]
fn clusters_that_end_when_idle_start_again_for_the_next_run() {
    let asked = WhatIf::AutoTermination { minutes: 60 };
    // Gaps of 30 minutes, 10 hours and 35 hours: 9 and 34 hours beyond at $1 are 43; one start of ten
    // minutes. On `cheap` nothing runs: 47 hours at $0.40, and it never starts again.
    let usual = answers(&[], &asked, None);
    assert_eq!(
        usual,
        ["batch: 730.5, 654.40625, 2.536458, 651.869792", "cheap: 292.2, 286.1125, 0, 286.1125"]
    );
    let slow = answers(&[("idle-cluster.start_minutes", "30")], &asked, Some("batch"));
    assert_eq!(slow, ["batch: 730.5, 654.40625, 7.609375, 646.796875"]);
}

#[test]
fn a_schedule_that_waits_for_its_input_spares_the_run_that_found_nothing_new() {
    let found = answers(&[], &WhatIf::EventDriven, None);
    assert_eq!(found, ["report: 30.4375, 15.21875, 0, 15.21875"]);
}

#[test]
fn fewer_days_save_what_their_bytes_cost() {
    // 40,000 bytes, of which 30,000 are older than 90 days, at $0.000001 a day.
    assert_eq!(answers(&[], &WhatIf::Ttl { days: 90 }, None), ["prod.a.t: 1.2175, 0.913125, 0, 0.913125"]);
    assert!(answers(&[], &WhatIf::Ttl { days: 200 }, None).is_empty());
}

#[test]
fn larger_files_save_opening_them_and_cost_rewriting() {
    let asked = WhatIf::Compaction { target_mib: 512 };
    // A core-millisecond of the readers costs 1 / 57,600,000, so that two hours to open a file are
    // $0.125, and two requests $0.001. Two reads of 8 files where 1 would do: 14 x 0.126 = 1.764 in two days.
    // Of the cost: two runs of $1, and 16 files x $0.001. The fix: half a GiB-hour a day at $1 (2.5 GiB-hours
    // of $2.50), and 10,000 / 30 bytes a day at 2 MB/s.
    let slow = [("uncompacted.spark_open_ms", "7200000")];
    assert_eq!(answers(&slow, &asked, None), ["prod.a.t: 30.681, 26.845875, 15.218753, 11.627122"]);
    // At 45 ms a file it costs more than it saves: told only of a table that is asked for.
    assert!(answers(&[], &asked, None).is_empty());
    let asked_for = answers(&[], &asked, Some("prod.a.t"));
    assert_eq!(asked_for, ["prod.a.t: 30.681, 0.213229, 15.218753, -15.005524"]);
}

#[test]
fn subjects_are_those_that_are_known() {
    let ledger = ledger();
    ledger.published(&ledger.rules());
    let mart = Mart::open(ledger.path()).unwrap();
    for (asked, known) in [
        (WhatIf::Spot { percent: 50 }, &["batch", "cheap"][..]),
        (WhatIf::EventDriven, &["load", "report"]),
        (WhatIf::Ttl { days: 90 }, &["prod.a.t"]),
    ] {
        assert_eq!(mart.what_if_subjects(&asked).unwrap(), known);
    }
}

/// Claims of findings on the first day, in the order in which they claim: name, kind of pot, pot, run,
/// table, what is asked for, and what is left of it. `report` cost $1 a run, `load` $0.25 a table, and
/// `batch` was idle for $21.50.
const CLAIMS: &[(&str, &str, &str, &str, &str, &str, &str)] = &[
    ("whole-run", "workload", "report", "r-1", "", "1", "1"),
    // Another run: nothing of it is claimed.
    ("half-run", "workload", "report", "r-2", "", "0.5", "0.5"),
    // Half of each run, whichever: none is left of the first, half of the second.
    ("any-run", "workload", "report", "", "", "1", "0.25"),
    // The same run again: half of what is left of it, which is a quarter.
    ("same-run", "workload", "report", "r-2", "", "0.5", "0.125"),
    // One run writes two tables: each is all of what it cost to write it.
    ("one-table", "workload", "load", "w", "prod.a.t", "0.25", "0.25"),
    ("two-table", "workload", "load", "w", "prod.a.u", "0.25", "0.25"),
    ("of-both", "workload", "load", "w", "", "0.5", "0"),
    // What is apart is all claimed, until the pot is empty.
    ("bytes", "cluster", "batch", "", "", "20", "20"),
    ("more-bytes", "cluster", "batch", "", "", "5", "1.5"),
    // More than there is.
    ("too-much", "cluster", "cheap", "", "", "100", "9.6"),
];

#[test]
fn findings_claim_by_the_runs_they_mean() {
    let ledger = ledger();
    let builder = ledger.built(&ledger.rules());
    let mut found = Vec::new();
    for (nth, (name, kind, pot, run, table, asked, _)) in CLAIMS.iter().enumerate() {
        let run = match *run {
            "" => "null".to_owned(),
            run => format!("(select run_nr from stg_runs where run_id = '{run}')"),
        };
        let table = if table.is_empty() { "null".to_owned() } else { format!("'{table}'") };
        found.push(format!(
            "select '{name}' as finding_id, {nth} as claim_order, 'USD' as billing_currency, true as is_material,
                [struct_pack(pot_kind := '{kind}', pot := '{pot}', run_nr := cast({run} as bigint),
                    table_id := cast({table} as varchar), usage_date := date '2026-10-05',
                    amount := cast({asked} as decimal(38, 12)))] as claims"
        ));
    }
    let claims = MODELS.iter().find(|model| model.name == "waste_claims").unwrap();
    builder
        .run(
            "take findings",
            &format!("create or replace temp table waste_priced as {}", found.join(" union all ")),
        )
        .unwrap();
    builder.run("claim", &format!("create or replace table waste_claims as {}", claims.query())).unwrap();
    for (name, _, _, _, _, _, claimed) in CLAIMS {
        let wrong = format!(
            "select case when claimed <> {claimed} then error('{name} claims ' || claimed) end
            from (select coalesce(sum(claimed), -1) as claimed from waste_claims where finding_id = '{name}')"
        );
        builder.run("look", &wrong).unwrap_or_else(|fault| panic!("{fault}: {}", fault.cause));
    }
    assert_eq!(builder.check().unwrap(), []);
}

/// What settings would save is told of what still needs them.
#[test]
fn no_setting_is_tried_on_what_is_mended() {
    // The run that found nothing new was on the first of two days: it is mended where a day without one says so.
    let stale = [("general.stale_days", "1")];
    assert!(answers(&stale, &WhatIf::EventDriven, None).is_empty());
}
