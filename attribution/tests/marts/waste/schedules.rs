//! Runs that need not have been: when an input counts as changed, and what counts as asked again.

use std::fmt::Write as _;

use attribution::mart::Confidence;
use model::landed::Dataset;

use super::HOUR_MS;
use super::silences::{Runs, found, published};
use crate::common::Ledger;

/// A ledger of 25 days on which the clock starts `report` at 2:00 and 4:00; what else happens on a day of October adds
/// runs, uses of tables and snapshots.
fn schedule(also: impl Fn(&mut Runs, u32, &mut String, &mut String)) -> Ledger {
    let mut runs = Runs::new();
    let (mut tables, mut snapshots) = (String::new(), String::new());
    for day in 5..30 {
        also(&mut runs, day, &mut tables, &mut snapshots);
        for hour in [2, 4] {
            let id = runs.add("spark", "report", "succeeded", (day, hour), false);
            writeln!(tables, "spark,{id},prod.a.t,read,1,100").unwrap();
        }
    }
    let mut ledger = runs.landed(25, &tables, "");
    let header = "collected_at,table_id,snapshot_id,committed_at,operation,app_id";
    ledger.land_text(Dataset::TableSnapshots, &format!("{header}\n{snapshots}"));
    ledger.commit();
    ledger
}

/// `load` writes what `report` reads, at 0:00.
fn load(runs: &mut Runs, day: u32, tables: &mut String) {
    let id = runs.add("trino", "load", "succeeded", (day, 0), true);
    writeln!(tables, "trino,{id},prod.a.t,write,1,100").unwrap();
}

/// A snapshot of half past three of a day, as the metadata of the last day has it.
fn snapshot(snapshots: &mut String, day: u32, operation: &str, application: &str) {
    let at = format!("2026-10-{day:02} 03:30");
    writeln!(snapshots, "2026-10-29 23:00,prod.a.t,s-{day},{at},{operation},{application}").unwrap();
}

/// How many runs were for nothing, and what the finding comes to.
fn needless(ledger: &Ledger) -> (usize, Option<String>) {
    let mart = published(ledger);
    let finding = found(&mart, "no-op-schedule").first().map(|finding| finding.observed_cost.to_string());
    (ledger.ask("select run_id from waste_turns where is_no_op").len(), finding)
}

#[test]
fn the_second_run_of_a_day_finds_nothing_new_unless_something_was_committed_between() {
    // One run of $1 on each of 25 days.
    let all = (25, Some("25".to_owned()));
    let written = schedule(|runs, day, tables, _| load(runs, day, tables));
    assert_eq!(needless(&written), all, "nothing happens between");
    let rewritten = schedule(|runs, day, tables, snapshots| {
        load(runs, day, tables);
        snapshot(snapshots, day, "replace", "");
    });
    assert_eq!(needless(&rewritten), all, "a rewrite is no change");
    let deleted = schedule(|runs, day, tables, snapshots| {
        load(runs, day, tables);
        snapshot(snapshots, day, "delete", "");
    });
    assert_eq!(needless(&deleted), (0, None), "rows that go are one");
    // What it committed stays, though it failed after.
    let failed = schedule(|runs, day, tables, snapshots| {
        load(runs, day, tables);
        let id = runs.add("spark", "repair", "failed", (day, 3), true);
        snapshot(snapshots, day, "append", &id);
    });
    assert_eq!(needless(&failed), (0, None), "the writer failed after its commit");
}

#[test]
fn a_stream_of_any_engine_changes_its_table_all_the_time() {
    // Its first deployment ended, its second still runs.
    let stream = schedule(|runs, day, tables, _| {
        if day == 5 {
            let id = runs.add("spark", "stream", "succeeded", (5, 0), true);
            writeln!(tables, "spark,{id},prod.a.t,write,1,100\nspark,s-2,prod.a.t,write,1,100").unwrap();
            writeln!(
                runs.runs,
                "spark,s-2,stream,,running,,2026-10-05 03:00,,{HOUR_MS},235929600000,{HOUR_MS}"
            )
            .unwrap();
        }
        let at = format!("2026-10-{day:02} 23:00");
        writeln!(runs.hours, "spark,s-2,{at},j-2,10.0.0.2,{HOUR_MS},235929600000").unwrap();
    });
    assert_eq!(needless(&stream), (0, None));
}

#[test]
fn what_is_known_by_snapshots_alone_is_known_until_they_were_collected() {
    // Nobody is known to write it.
    let unknown = schedule(|_, day, _, snapshots| snapshot(snapshots, day, "append", "app-9"));
    assert_eq!(needless(&unknown), (0, None));
    // An application without logs writes it too, on odd days: of the 25 days twelve have neither its commit nor are
    // after the collection, which sees the 27th up to five in the morning.
    let both = schedule(|runs, day, tables, snapshots| {
        load(runs, day, tables);
        if day < 27 && day % 2 == 1 {
            let at = format!("2026-10-{day:02} 03:30");
            writeln!(snapshots, "2026-10-27 05:00,prod.a.t,s-{day},{at},append,app-9").unwrap();
        }
    });
    assert_eq!(needless(&both), (12, Some("12".to_owned())));
}

/// A board of a dollar a time on these days and hours, of one snapshot.
fn board(times: &[(u32, u32)], text: &str) -> Ledger {
    let mut runs = Runs::new();
    let mut tables = "engine,run_id,table_name,access,snapshot_id\n".to_owned();
    let mut queries = "engine,run_id,fingerprint,query_text,query_type\n".to_owned();
    for at in times {
        let id = runs.add("trino", "board", "succeeded", *at, false);
        writeln!(tables, "trino,{id},prod.a.t,read,1").unwrap();
        writeln!(queries, "trino,{id},f,\"{text}\",SELECT").unwrap();
    }
    let mut ledger = runs.landed(10, "", "");
    ledger.land_text(Dataset::RunTables, &tables);
    ledger.land_text(Dataset::Queries, &queries);
    ledger.commit();
    ledger
}

#[test]
fn repeats_are_counted_in_any_24_hours() {
    // Once a day, three times in 48 hours.
    let daily: Vec<_> = (5..15).map(|day| (day, 6)).collect();
    assert!(found(&published(&board(&daily, "SELECT 1")), "cacheable-queries").is_empty());
    // Three on a day and one more within 24 hours of the second; the last is alone. All but the first: $3.
    let mart = published(&board(&[(5, 6), (5, 12), (5, 18), (6, 6), (9, 6)], "SELECT 1"));
    let it = found(&mart, "cacheable-queries");
    assert_eq!((it.len(), it[0].observed_cost), (1, "3".parse().unwrap()));
    assert_eq!(it[0].confidence, Confidence::High);
}

#[test]
fn a_statement_is_copied_without_what_a_terminal_obeys_and_not_where_it_is_cut() {
    let thrice = [(5, 6), (5, 12), (5, 18)];
    assert!(found(&published(&board(&thrice, "SELECT current_date")), "cacheable-queries").is_empty());
    let mart = published(&board(&thrice, "SELECT '\u{1b}[2J'\nFROM t;"));
    let it = found(&mart, "cacheable-queries")[0];
    assert!(it.action.contains(" AS\nSELECT ' [2J'\nFROM t\n;\n"), "{}", it.action);
    let long = format!("SELECT {}", "x".repeat(1993));
    let mart = published(&board(&thrice, &long));
    let it = found(&mart, "cacheable-queries")[0];
    assert!(it.action.contains(" AS\n-- put the whole statement here"), "{}", it.action);
    assert!(!it.action.contains("xxx"), "{}", it.action);
    assert_eq!(it.confidence, Confidence::Medium);
}
