//! Reading a location whole, looking into what was landed, and the samples' oracles.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use ingest::frame::Origin;
use ingest::sink::{Sink, Yield};
use ingest::source::{Plan, ReadError, SourceOptions, reader};
use ingest::store::{LocalStore, Store};
use model::landed::Dataset;
use model::money::{Amount, Exact};
use model::{Basis, Currency, Warning};
use polars::prelude::*;
use serde_json::Value;

/// The plan of a location and what each of its units yielded.
pub struct Bill {
    pub plan: Plan,
    pub units: Vec<(String, Result<Yield, ReadError>)>,
}

/// Plans and reads a location, as the landing code does.
pub fn read(kind: &str, location: &Path) -> Bill {
    let store = LocalStore::new(location);
    let reader = reader(kind, &SourceOptions::default()).unwrap();
    assert!(reader.replaces_periods());
    let plan = reader.plan(&store, &store.list().unwrap()).unwrap();
    let now = "2026-11-20T00:00:00Z".parse().unwrap();
    let units = plan
        .units
        .iter()
        .map(|unit| {
            let mut sink = Sink::new(Origin { source: "bill".to_owned(), object: unit.key.clone() });
            let read = reader.read(&store, unit, now, &mut sink).map(|()| sink.finish().unwrap());
            (unit.key.clone(), read)
        })
        .collect();
    Bill { plan, units }
}

impl Bill {
    /// What all units yielded; panics with the error of one that failed.
    pub fn landed(self) -> Landed {
        let mut landed =
            Landed { frames: BTreeMap::new(), totals: BTreeMap::new(), warnings: self.plan.warnings };
        for (key, read) in self.units {
            let unit = read.unwrap_or_else(|error| panic!("{key}: {error}"));
            for ((dataset, period), frame) in unit.frames().unwrap() {
                landed.frames.entry((dataset, period.to_string())).or_default().push(frame);
            }
            for (period, totals) in unit.totals {
                for (currency, total) in totals {
                    let sums = landed.totals.entry((period.to_string(), currency)).or_default();
                    for (sum, basis) in sums.iter_mut().zip(Basis::ALL) {
                        *sum += total.get(basis);
                    }
                }
            }
            landed.warnings.extend(unit.warnings);
        }
        landed
    }

    /// The error of the only unit: the line printed, and its hint.
    pub fn error(mut self) -> (String, Option<String>) {
        assert_eq!(self.units.len(), 1, "{:?}", self.plan);
        match self.units.remove(0).1 {
            Ok(_) => panic!("it was read"),
            Err(error) => (error.to_string(), error.hint().map(str::to_owned)),
        }
    }
}

/// Everything a location yielded.
pub struct Landed {
    frames: BTreeMap<(Dataset, String), Vec<DataFrame>>,
    totals: BTreeMap<(String, Currency), [Exact; 4]>,
    pub warnings: Vec<Warning>,
}

impl Landed {
    /// One column of the charges, all periods, as texts; decimals exact, times RFC 3339.
    pub fn charges(&self, column: &str) -> Vec<Option<String>> {
        self.column(Dataset::Charges, column)
    }

    pub fn column(&self, dataset: Dataset, column: &str) -> Vec<Option<String>> {
        let frames = self.frames.iter().filter(|((of, _), _)| *of == dataset).flat_map(|(_, frames)| frames);
        frames.flat_map(|frame| texts(frame.column(column).unwrap().as_materialized_series())).collect()
    }

    /// A cell of the charges by row, from 0.
    pub fn cell(&self, column: &str, row: usize) -> Option<String> {
        self.charges(column)[row].clone()
    }

    /// Rows by period.
    pub fn rows(&self) -> BTreeMap<String, usize> {
        let charges = self.frames.iter().filter(|((of, _), _)| *of == Dataset::Charges);
        charges
            .map(|((_, period), frames)| (period.clone(), frames.iter().map(DataFrame::height).sum()))
            .collect()
    }

    /// The exact total of the only currency, all periods.
    pub fn total(&self, basis: Basis) -> String {
        let at = Basis::ALL.iter().position(|of| *of == basis).unwrap();
        let mut sum = Exact::default();
        for totals in self.totals.values() {
            sum += totals[at];
        }
        sum.to_string()
    }

    pub fn currencies(&self) -> Vec<String> {
        let mut codes: Vec<String> = self.totals.keys().map(|(_, currency)| currency.to_string()).collect();
        codes.dedup();
        codes
    }

    /// Landed cost by the values of a column; `<null>` for none.
    pub fn by(&self, column: &str, basis: Basis) -> BTreeMap<String, Amount> {
        let mut sums: BTreeMap<String, Amount> = BTreeMap::new();
        for (key, cost) in self.charges(column).into_iter().zip(self.charges(basis.column())) {
            let sum = sums.entry(key.unwrap_or_else(|| "<null>".to_owned())).or_default();
            *sum += cost.map_or(Amount::ZERO, |cost| cost.parse().unwrap());
        }
        sums
    }

    /// Value of one folded tag key for every charge.
    pub fn tag(&self, key: &str) -> Vec<Option<String>> {
        let column = |name| self.column(Dataset::TagSets, name);
        let sets = column("tag_set_id").into_iter().zip(column("key")).zip(column("value"));
        let values: BTreeMap<String, String> = sets
            .filter(|((_, of), _)| of.as_deref() == Some(key))
            .map(|((id, _), value)| (id.unwrap(), value.unwrap()))
            .collect();
        self.charges("tag_set_id").into_iter().map(|id| values.get(&id?).cloned()).collect()
    }

    /// How often a warning was counted, by code and a part of its message.
    pub fn warned(&self, code: &str, part: &str) -> u64 {
        let of = |warning: &&Warning| warning.code == code && warning.message.contains(part);
        self.warnings.iter().filter(of).map(|warning| warning.count).sum()
    }
}

fn texts(series: &Series) -> Vec<Option<String>> {
    match series.dtype() {
        DataType::Decimal(..) => {
            let units = series.decimal().unwrap().physical();
            units.iter().map(|units| units.map(|units| Amount::from_units(units).to_string())).collect()
        }
        DataType::Datetime(TimeUnit::Microseconds, _) => {
            let at = |us| {
                chrono::DateTime::from_timestamp_micros(us)
                    .unwrap()
                    .to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)
            };
            series.datetime().unwrap().physical().iter().map(|us| us.map(at)).collect()
        }
        DataType::Int64 => {
            series.i64().unwrap().iter().map(|value| value.map(|value| value.to_string())).collect()
        }
        DataType::String => series.str().unwrap().iter().map(|value| value.map(str::to_owned)).collect(),
        other => panic!("{other} is not landed"),
    }
}

/// A file or directory of the billing samples; nothing, and a word about it, without them.
pub fn sample(path: &str) -> Option<PathBuf> {
    let Some(root) = std::env::var_os("LAKELEDGER_SAMPLES") else {
        // Not `eprintln!`: the test runner swallows that for tests that pass.
        let _ =
            std::io::Write::write_all(&mut std::io::stderr(), b"skipped: LAKELEDGER_SAMPLES is not set\n");
        return None;
    };
    Some(PathBuf::from(root).join("billing").join(path))
}

/// What others computed from one sample.
pub struct Oracle(Value);

impl Oracle {
    pub fn of(name: &str) -> Self {
        let path = sample("oracles.json").unwrap();
        let mut all: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
        Self(all[name].take())
    }

    pub fn rows(&self) -> usize {
        usize::try_from(self.0["rows"].as_u64().unwrap()).unwrap()
    }

    pub fn sum(&self, column: &str) -> String {
        self.0["totals"][column]["sum"].as_str().unwrap().to_owned()
    }

    pub fn effective(&self) -> String {
        self.0["derived_effective_cost"].as_str().unwrap().to_owned()
    }

    /// Asserts that landed sums by a column are the oracle's, group by group.
    ///
    /// A landed cost keeps 18 decimals, so a group of n lines may differ by n / 2 units of
    /// the last; `half_units` says whether this sample has longer ones at all.
    pub fn check_by(
        &self,
        landed: &Landed,
        (column, basis): (&str, Basis),
        (by, cost): (&str, &str),
        half_units: bool,
    ) {
        let groups = self.0["by"][by].as_object().unwrap_or_else(|| panic!("no groups by {by}"));
        let got = landed.by(column, basis);
        assert_eq!(
            got.keys().collect::<Vec<_>>(),
            groups.keys().collect::<std::collections::BTreeSet<_>>().into_iter().collect::<Vec<_>>()
        );
        for (group, facts) in groups {
            let want: Amount = facts[cost].as_str().unwrap().parse().unwrap();
            let slack = if half_units { i128::from(facts["rows"].as_i64().unwrap()) / 2 + 1 } else { 0 };
            assert!((got[group] - want).abs().units() <= slack, "{by} {group}: {} is not {want}", got[group]);
        }
    }
}
