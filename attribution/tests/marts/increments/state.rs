//! The landed rows of a few random worlds, and what may happen to them.

use std::collections::{BTreeMap, BTreeSet};

use model::landed::Dataset;
use model::time::PeriodKey;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::common::Ledger;
use crate::random_ledgers::world::{self, Delivery};

/// Worlds of the ledger.
const WORLDS: usize = 10;

/// Kinds of changes.
pub const KINDS: usize = 21;

/// Landed rows as CSV, by dataset; rows of what is not landed yet, or not any more.
pub struct State {
    rows: BTreeMap<Dataset, Vec<String>>,
    away: BTreeMap<Dataset, Vec<Vec<(Dataset, String)>>>,
    changed: BTreeSet<Dataset>,
    /// Tables that are not listed any more.
    gone: BTreeSet<String>,
    /// Until when collections held that others followed: by table, and the day they were made.
    held: BTreeMap<String, BTreeMap<PeriodKey, PeriodKey>>,
    drawn: u64,
}

/// Header of a dataset's rows: a world's, and what only changes set.
fn header(dataset: Dataset) -> String {
    match dataset {
        Dataset::Runs | Dataset::Tables => format!("{},owner", world::header(dataset)),
        Dataset::UsageShares => {
            "source_object,source_line,resource_id,service,starts_on,ends_on,dimension,consumer,share,quantity".into()
        }
        Dataset::TableSnapshots => {
            "source_object,collected_at,table_id,snapshot_id,committed_at,operation,app_id,added_data_files,added_bytes".into()
        }
        Dataset::TableAccess => "source_object,day,table_name,principal,reads,bytes,last_read_at".into(),
        _ => world::header(dataset).to_owned(),
    }
}

fn cells(row: &str) -> Vec<String> {
    row.split(',').map(str::to_owned).collect()
}

impl State {
    pub fn new(seed: u64) -> Self {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
        let mut runner = TestRunner::new_with_rng(Config::default(), rng);
        let mut rows = BTreeMap::new();
        for nth in 0..WORLDS {
            let world = world::world().new_tree(&mut runner).unwrap().current();
            world.rows(nth, Delivery { files: 2, object: "object" }, &mut rows);
        }
        for dataset in [Dataset::Runs, Dataset::Tables] {
            for (nth, row) in rows.entry(dataset).or_default().iter_mut().enumerate() {
                let owner = ["", "content-x", "nobody"][nth % 3];
                row.push_str(&format!(",{owner}"));
            }
        }
        let drawn = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let mut state = Self {
            rows,
            away: BTreeMap::new(),
            changed: BTreeSet::new(),
            gone: BTreeSet::new(),
            held: BTreeMap::new(),
            drawn,
        };
        state.tell(Dataset::UsageShares, |_| "usage.csv,1,,Kinesis,2026-10-06,,topic,a,0.25,".into());
        // Some of everything comes later.
        for _ in 0..8 {
            state.take_away(Dataset::Runs);
            state.take_away(Dataset::Nodes);
            state.take_away(Dataset::Charges);
        }
        state
    }

    /// Lands what changed since, or all.
    pub fn land(&mut self, ledger: &mut Ledger, all: bool) {
        for (dataset, rows) in &self.rows {
            if !(all || self.changed.contains(dataset)) {
                continue;
            }
            ledger.forget(*dataset);
            if rows.is_empty() {
                continue;
            }
            let path = ledger.path().join(format!("{dataset}.csv"));
            std::fs::write(&path, format!("{}\n{}\n", header(*dataset), rows.join("\n"))).unwrap();
            ledger.land_parts(*dataset, &path, 2);
        }
        self.changed.clear();
        let facts = ledger.manifest.sources.get_mut("facts").unwrap();
        let any = facts.units.values().next().unwrap().clone();
        let tables = self.rows.get(&Dataset::Tables).into_iter().flatten();
        for table in tables.map(|row| cells(row).swap_remove(0)) {
            if self.gone.contains(&table) {
                facts.units.remove(&table);
            } else {
                facts.units.entry(table).or_insert_with(|| any.clone());
            }
        }
        facts.held.clone_from(&self.held);
        ledger.commit();
    }

    fn draw(&mut self, below: usize) -> usize {
        self.drawn ^= self.drawn << 13;
        self.drawn ^= self.drawn >> 7;
        self.drawn ^= self.drawn << 17;
        (self.drawn % below.max(1) as u64) as usize
    }

    /// A row of a dataset, drawn.
    fn any(&mut self, dataset: Dataset) -> Option<usize> {
        let count = self.rows.get(&dataset).map_or(0, Vec::len);
        if count == 0 { None } else { Some(self.draw(count)) }
    }

    fn tell(&mut self, dataset: Dataset, row: impl FnOnce(&mut Self) -> String) {
        let row = row(self);
        self.rows.entry(dataset).or_default().push(row);
        self.changed.insert(dataset);
    }

    /// Sets a cell of a drawn row; whether there is one.
    fn set(&mut self, dataset: Dataset, cell: usize, value: String) -> bool {
        let Some(at) = self.any(dataset) else { return false };
        let row = &mut self.rows.get_mut(&dataset).unwrap()[at];
        let mut found = cells(row);
        found[cell] = value;
        *row = found.join(",");
        self.changed.insert(dataset);
        true
    }

    /// A drawn row goes, of a run with all its log tells.
    fn take_away(&mut self, dataset: Dataset) -> bool {
        let Some(at) = self.any(dataset) else { return false };
        let mut taken = vec![(dataset, self.rows.get_mut(&dataset).unwrap().remove(at))];
        self.changed.insert(dataset);
        if dataset == Dataset::Runs {
            let run = cells(&taken[0].1)[1].clone();
            for hanging in [Dataset::RunHours, Dataset::RunTables] {
                let rows = self.rows.entry(hanging).or_default();
                let (gone, kept): (Vec<_>, Vec<_>) =
                    std::mem::take(rows).into_iter().partition(|row| cells(row)[1] == run);
                *rows = kept;
                taken.extend(gone.into_iter().map(|row| (hanging, row)));
                self.changed.insert(hanging);
            }
        }
        self.away.entry(dataset).or_default().push(taken);
        true
    }

    /// What was away comes.
    fn bring(&mut self, dataset: Dataset) -> bool {
        let count = self.away.get(&dataset).map_or(0, Vec::len);
        if count == 0 {
            return false;
        }
        let at = self.draw(count);
        for (dataset, row) in self.away.get_mut(&dataset).unwrap().remove(at) {
            self.rows.entry(dataset).or_default().push(row);
            self.changed.insert(dataset);
        }
        true
    }

    fn day(&mut self) -> String {
        let day = self.draw(28) + 4;
        format!("2026-10-{day:02}")
    }

    /// Something happens; what.
    pub fn change(&mut self, step: usize) -> &'static str {
        // Each kind in turn, then any.
        let mut kind = if step < KINDS { step } else { self.draw(KINDS) };
        loop {
            if let Some(what) = self.happens(kind) {
                return what;
            }
            kind = (kind + 1) % KINDS;
        }
    }

    fn happens(&mut self, kind: usize) -> Option<&'static str> {
        let (day, number) = (self.day(), self.draw(1_000_000) + 1);
        let (done, what) = match kind {
            0 => (self.bring(Dataset::Runs), "a late log"),
            1 => (self.take_away(Dataset::Runs), "a log gone"),
            2 => (self.set(Dataset::Charges, 6, format!("{number}.25")), "a line restated"),
            3 => (self.bring(Dataset::Charges), "a new line"),
            4 => (self.take_away(Dataset::Charges), "a line gone"),
            5 => (self.deliver_anew(), "a bill delivered anew in another order"),
            6 => (self.bring(Dataset::Nodes), "a new node"),
            7 => (self.set(Dataset::Nodes, 9, format!("{day} 12:34:56")), "a node with another end"),
            8 => (self.collect_again(day, number), "a table collected again"),
            9 => (self.list_again(day, number), "an inventory"),
            10 => (self.use_more(&day, number), "a usage row"),
            11 => (self.set(Dataset::Runs, 6, ["content-y", "nobody"][number % 2].into()), "a run's owner"),
            12 => {
                (self.set(Dataset::Tables, 5, ["content-y", "nobody"][number % 2].into()), "a table's owner")
            }
            13 => (self.set(Dataset::TagSets, 2, ["growth", "w1-j1"][number % 2].into()), "a tag"),
            14 => (self.set(Dataset::RunTables, 4, format!("{number}000")), "bytes written"),
            15 => (self.commit_once(&day, number), "a snapshot"),
            16 => (self.hold(number), "a collection that held for longer"),
            17 => (self.go(), "a table gone"),
            18 => (self.gone.pop_first().is_some(), "a table back"),
            19 => (self.rename(day, number), "a table under another name"),
            _ => (self.read_once(&day, number), "a scan report"),
        };
        done.then_some(what)
    }

    /// Lines keep their costs and have other numbers.
    fn deliver_anew(&mut self) -> bool {
        let rows = self.rows.entry(Dataset::Charges).or_default();
        let mut numbers: Vec<String> = rows.iter().map(|row| cells(row)[2].clone()).collect();
        numbers.reverse();
        for (row, number) in rows.iter_mut().zip(numbers) {
            let mut found = cells(row);
            // Only one of the bill's files.
            if found[1] == "bill-0.csv" {
                found[2] = format!("{}", number.parse::<u64>().unwrap() + 1_000_000);
            }
            *row = found.join(",");
        }
        self.changed.insert(Dataset::Charges);
        !rows_are_empty(&self.rows, Dataset::Charges)
    }

    fn collect_again(&mut self, day: String, number: usize) -> bool {
        let Some(at) = self.any(Dataset::Tables) else { return false };
        let mut row = cells(&self.rows[&Dataset::Tables][at]);
        row[1] = format!("{day} 0{}:00:00", number % 10);
        row[4] = format!("{number}000000");
        self.tell(Dataset::Tables, |_| row.join(","));
        true
    }

    /// What runs confirmed of a table until another collection or its end.
    fn hold(&mut self, number: usize) -> bool {
        let Some(at) = self.any(Dataset::Tables) else { return false };
        let row = cells(&self.rows[&Dataset::Tables][at]);
        let collected_on: chrono::NaiveDate = row[1][..10].parse().unwrap();
        let held_on = collected_on + chrono::Days::new(number as u64 % 14 + 1);
        self.note_held(&row, PeriodKey::Day(held_on))
    }

    fn note_held(&mut self, row: &[String], until: PeriodKey) -> bool {
        let day = PeriodKey::parse(&row[1][..10]).unwrap();
        self.held.entry(row[0].clone()).or_default().insert(day, until) != Some(until)
    }

    /// It is not listed any more, and was until the 28th.
    fn go(&mut self) -> bool {
        let Some(at) = self.any(Dataset::Tables) else { return false };
        let table = cells(&self.rows[&Dataset::Tables][at]).swap_remove(0);
        let rows = self.rows[&Dataset::Tables].iter().map(|row| cells(row)).filter(|row| row[0] == table);
        if let Some(newest) = rows.max_by(|a, b| a[1].cmp(&b[1])).filter(|row| row[1].as_str() < "2026-10-28")
        {
            self.note_held(&newest, PeriodKey::parse("2026-10-28").unwrap());
        }
        self.gone.insert(table)
    }

    /// Its place is collected under another name, later than ever before.
    fn rename(&mut self, day: String, number: usize) -> bool {
        let Some(at) = self.any(Dataset::Tables) else { return false };
        let mut row = cells(&self.rows[&Dataset::Tables][at]);
        row[1] = format!("{} 0{}:30:00", day.replace("2026-10", "2026-12"), number % 10);
        row[2] = format!("{}x", row[2]);
        self.tell(Dataset::Tables, |_| row.join(","));
        true
    }

    fn list_again(&mut self, day: String, number: usize) -> bool {
        let Some(at) = self.any(Dataset::Storage) else { return false };
        let mut row = cells(&self.rows[&Dataset::Storage][at]);
        row[1] = format!("{day} 00:00:00");
        row[5] = format!("{number}000000");
        self.tell(Dataset::Storage, |_| row.join(","));
        true
    }

    fn use_more(&mut self, day: &str, number: usize) -> bool {
        let Some(at) = self.any(Dataset::Charges) else { return false };
        let resource = cells(&self.rows[&Dataset::Charges][at])[14].clone();
        let runs = self.rows.get(&Dataset::Runs).and_then(|runs| runs.first());
        let run = runs.map_or_else(String::new, |run| cells(run)[1].clone());
        let (dimension, consumer) = match number % 4 {
            0 => ("topic", "b".to_owned()),
            1 => ("team", "content".to_owned()),
            2 => ("workload", format!("spark{run}")),
            _ => ("workload", "spark".to_owned()),
        };
        let line = self.rows.get(&Dataset::UsageShares).map_or(0, Vec::len) + 1;
        let service = if resource.is_empty() { "Kinesis" } else { "" };
        // A file says shares or quantities, never both.
        let file = if dimension == "workload" { "quantities.csv" } else { "shares.csv" };
        let amounts =
            if dimension == "workload" { format!(",{number}") } else { format!("0.{},", number % 49 + 1) };
        self.tell(Dataset::UsageShares, |_| {
            format!("{file},{line},{resource},{service},{day},,{dimension},{consumer},{amounts}")
        });
        true
    }

    fn commit_once(&mut self, day: &str, number: usize) -> bool {
        let (Some(table), Some(run)) = (self.any(Dataset::Tables), self.any(Dataset::Runs)) else {
            return false;
        };
        let table = cells(&self.rows[&Dataset::Tables][table])[2].clone();
        let run = cells(&self.rows[&Dataset::Runs][run])[1].clone();
        let operation = ["append", "replace"][number % 2];
        self.tell(Dataset::TableSnapshots, |_| {
            format!("object,{day},{table},s{number},{day} 10:00:00,{operation},{run},3,{number}000")
        });
        true
    }

    fn read_once(&mut self, day: &str, number: usize) -> bool {
        let Some(table) = self.any(Dataset::Tables) else { return false };
        let table = cells(&self.rows[&Dataset::Tables][table])[2].clone();
        self.tell(Dataset::TableAccess, |_| {
            format!("object,{day},{table},,{},{number}000,{day}", number % 9 + 1)
        });
        true
    }
}

fn rows_are_empty(rows: &BTreeMap<Dataset, Vec<String>>, dataset: Dataset) -> bool {
    rows.get(&dataset).is_none_or(Vec::is_empty)
}
