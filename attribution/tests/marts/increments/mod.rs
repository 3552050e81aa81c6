//! Marts made of the last one: whatever changes in a random ledger, step by step, every
//! published row and the record of ownership are those of a mart made from scratch.
//!
//! Of a few steps each is several changes at once, so that all kinds occur; `LAKELEDGER_CASES=2000` takes more steps of
//! one change each, `LAKELEDGER_SEED=7` others. What each kind touches alone is in `kinds`.

mod kinds;
mod state;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use self::state::State;
use crate::common::Ledger;
use attribution::publish::{Made, Way};
use attribution::record::OWNERSHIP;
use attribution::rules::{Matcher, OwnerRule, Pattern, Rules, Team};
use chrono::TimeDelta;
use duckdb::Connection;
use model::time::Instant;

/// Changes of one step, where there are few.
const CHANGES: usize = 3;

/// Steps without the variable: every kind once.
const STEPS: usize = state::KINDS.div_ceil(CHANGES);

fn number(variable: &str, default: usize) -> usize {
    std::env::var(variable).map_or(default, |text| text.parse().unwrap())
}

/// Rules of every kind, some of them for a time.
fn rules(ledger: &Ledger) -> Rules {
    let glob = |text: &str| Pattern::Glob(text.into());
    let day = |text: &str| Some(text.parse().unwrap());
    let rule = |team: &str, matcher, from, to| OwnerRule { team: team.into(), matcher, from, to };
    let tag = Matcher::Tag { key: "team".into(), value: glob("growth") };
    let team = |name: &str| Team { name: name.into(), email: Vec::new(), parent: None };
    Rules {
        teams: vec![team("growth"), team("content")],
        owner_rules: vec![
            rule("content", Matcher::Owner(glob("content*")), None, None),
            rule("growth", tag, None, None),
            rule("content", Matcher::Cluster(glob("*-j1")), day("2026-10-08"), None),
            rule("growth", Matcher::Cluster(glob("*-j*")), None, day("2026-10-30")),
            rule("content", Matcher::Table(glob("prod.w1.*")), None, None),
            rule("growth", Matcher::Workflow(glob("*r1")), None, None),
            rule("content", Matcher::Account(glob("w2")), day("2026-10-20"), None),
        ],
        shared_fixed: vec![("growth".into(), 250_000_000_000)],
        ..ledger.rules()
    }
}

/// A ledger of its own over the landed files of another.
struct Twin(tempfile::TempDir);

impl Twin {
    fn of(ledger: &Ledger) -> Self {
        let directory = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(ledger.path().join("landed"), directory.path().join("landed")).unwrap();
        Self(directory)
    }

    /// One that has the record of ownership, but for what the last publish added, and no mart.
    fn before_the_last_publish(ledger: &Ledger) -> Self {
        let twin = Self::of(ledger);
        let (from, to) = (ledger.path().join(OWNERSHIP), twin.path().join(OWNERSHIP));
        std::fs::create_dir(&to).unwrap();
        let mut files: Vec<_> = std::fs::read_dir(from).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files.pop();
        for file in files {
            std::fs::copy(&file, to.join(file.file_name().unwrap())).unwrap();
        }
        twin
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn publish(&self, ledger: &Ledger, rules: &Rules, now: Instant) {
        let manifest = model::manifest::MANIFEST_FILE;
        std::fs::copy(ledger.path().join(manifest), self.0.path().join(manifest)).unwrap();
        attribution::publish_as(self.0.path(), rules, now, Way::Scratch, |_| {}).unwrap();
    }
}

/// Rows of a table that one of two ledgers has alone.
struct Difference {
    table: String,
    rows: Vec<String>,
}

/// A few rows of each.
fn described(differences: &[Difference]) -> String {
    let some = differences.iter().map(|Difference { table, rows }| {
        format!(
            "{table} ({} rows):\n{}\n",
            rows.len(),
            rows.iter().take(6).cloned().collect::<Vec<_>>().join("\n")
        )
    });
    some.collect()
}

/// What differs between the current marts and the records of two ledgers: `-` stands before what the second has alone.
fn differences(one: &Path, other: &Path) -> Vec<Difference> {
    let connection = Connection::open_in_memory().unwrap();
    for (name, ledger) in [("one", one), ("other", other)] {
        let mart = attribution::publish::current_mart(ledger).unwrap().unwrap();
        connection.execute_batch(&format!("attach '{}' as {name} (read_only)", mart.display())).unwrap();
        let files = ledger.join("ownership/*.parquet");
        let record =
            format!("create view record_{name} as select * from read_parquet('{}')", files.display());
        connection.execute_batch(&record).unwrap();
    }
    let tables = |name: &str| -> BTreeSet<String> {
        let sql = format!(
            "select table_name from duckdb_tables() where database_name = '{name}' union all
             select view_name from duckdb_views() where database_name = '{name}' and not internal"
        );
        crate::common::texts(&connection, &sql).into_iter().map(|mut row| row.remove(0)).collect()
    };
    let (ours, theirs) = (tables("one"), tables("other"));
    assert_eq!(ours, theirs);
    let mut pairs: Vec<(String, String, String)> = Vec::new();
    for table in ours {
        pairs.push((table.clone(), format!("one.main.{table}"), format!("other.main.{table}")));
    }
    pairs.push(("the record".into(), "record_one".into(), "record_other".into()));
    let mut found = Vec::new();
    for (table, ours, theirs) in pairs {
        let only = |sign: &str, these: &str, those: &str| {
            format!(
                "select '{sign} ' || cast(d as varchar)
                 from (select * from {these} except all select * from {those}) d"
            )
        };
        let sql = format!("{} union all {}", only("-", &theirs, &ours), only("+", &ours, &theirs));
        let mut statement = connection.prepare(&sql).unwrap();
        let rows = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
        let rows: Vec<String> = rows.collect::<Result<_, _>>().unwrap();
        if !rows.is_empty() {
            found.push(Difference { table, rows });
        }
    }
    found
}

#[test]
fn a_mart_made_of_the_last_one_is_the_mart_made_from_scratch() {
    let mut state = State::new(number("LAKELEDGER_SEED", 1) as u64);
    let mut ledger = Ledger::new();
    state.land(&mut ledger, true);
    let rules = rules(&ledger);
    let twin = Twin::of(&ledger);
    let mut now: Instant = "2026-10-06T20:00:00Z".parse().unwrap();
    assert!(matches!(ledger.made(&rules, now, Way::Chosen), Made::Scratch { .. }));
    twin.publish(&ledger, &rules, now);
    let (mut kinds, mut steps): (BTreeMap<&str, usize>, Vec<String>) = (BTreeMap::new(), Vec::new());
    let mut kept = 0;
    let of = number("LAKELEDGER_CASES", STEPS);
    let changes = if of > STEPS { 1 } else { CHANGES };
    for step in 0..of {
        let happened: Vec<&str> = (0..changes).map(|nth| state.change(step + nth * STEPS)).collect();
        for kind in &happened {
            *kinds.entry(kind).or_default() += 1;
        }
        let kind = happened.join(" and ");
        state.land(&mut ledger, false);
        now += TimeDelta::hours(17);
        let made = ledger.made(&rules, now, Way::Days);
        twin.publish(&ledger, &rules, now);
        let Made::Days { days, of } = &made else { panic!("step {step}, {kind}: {made}") };
        kept += usize::from(days.len() as u64 * 4 <= of * 3);
        steps.push(format!("{step}: {kind}: {made}"));
        let said = format!("{}\n", steps.last().unwrap());
        let _ = std::io::Write::write_all(&mut std::io::stderr(), said.as_bytes());
        let differences = differences(ledger.path(), twin.path());
        assert!(differences.is_empty(), "{}\n{}", steps.join("\n"), described(&differences));
    }
    assert!(kept * 2 > steps.len(), "most changes touch nearly all days:\n{}", steps.join("\n"));
    if steps.len() >= 40 {
        assert_eq!(kinds.len(), state::KINDS, "{kinds:?}");
    }
}
