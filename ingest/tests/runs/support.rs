//! What every test here needs: a source read whole, samples, bytes on disk.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use ingest::frame::Origin;
use ingest::sink::{Sink, Yield};
use ingest::source::{SourceOptions, reader};
use ingest::store::{LocalStore, Store};
use model::Warning;
use model::landed::Dataset;
use model::time::Instant;

use crate::frames::{Row, rows};

/// What a source yielded, by unit.
pub struct Landed {
    pub units: BTreeMap<String, Yield>,
    pub errors: BTreeMap<String, String>,
    pub hints: Vec<String>,
    pub planning: Vec<Warning>,
}

impl Landed {
    pub fn rows(&self, dataset: Dataset) -> Vec<Row> {
        self.units.values().flat_map(|landed| rows(landed, dataset)).collect()
    }

    pub fn runs(&self) -> Vec<Row> {
        self.rows(Dataset::Runs)
    }

    pub fn warnings(&self) -> Vec<&Warning> {
        self.planning.iter().chain(self.units.values().flat_map(|landed| &landed.warnings)).collect()
    }

    /// Code and count of every warning, sorted.
    pub fn codes(&self) -> Vec<(&str, u64)> {
        let mut codes: BTreeMap<&str, u64> = BTreeMap::new();
        for warning in self.warnings() {
            *codes.entry(&warning.code).or_default() += warning.count;
        }
        codes.into_iter().collect()
    }

    /// The only run.
    pub fn run(&self) -> Row {
        let mut runs = self.runs();
        assert_eq!(runs.len(), 1, "errors: {:?}, warnings: {:?}", self.errors, self.warnings());
        runs.remove(0)
    }
}

/// The instant tests read at: long after every sample was written, and after any day on which a
/// test writes a log of its own, which would be young otherwise.
pub fn now() -> Instant {
    "2100-01-01T00:00:00Z".parse().unwrap()
}

pub fn read(kind: &str, location: &Path) -> Landed {
    read_with(kind, location, &SourceOptions::default(), now())
}

pub fn read_with(kind: &str, location: &Path, options: &SourceOptions, now: Instant) -> Landed {
    let reader = reader(kind, options).unwrap();
    let store = LocalStore::new(location);
    let plan = reader.plan(&store, &store.list().unwrap()).unwrap();
    let mut landed = Landed {
        units: BTreeMap::new(),
        errors: BTreeMap::new(),
        hints: Vec::new(),
        planning: plan.warnings,
    };
    for unit in &plan.units {
        let mut sink = Sink::new(Origin { source: "test".to_owned(), object: unit.key.clone() });
        match reader.read(&store, unit, now, &mut sink) {
            Ok(()) => {
                assert!(landed.units.insert(unit.key.clone(), sink.finish().unwrap()).is_none());
            }
            Err(error) => {
                landed.hints.extend(error.hint().map(str::to_owned));
                landed.errors.insert(unit.key.clone(), error.to_string());
            }
        }
    }
    landed
}

/// A directory of the samples, where they are at hand.
pub fn samples(path: &str) -> Option<PathBuf> {
    let Some(root) = std::env::var_os("LAKELEDGER_SAMPLES") else {
        {
            // Not `eprintln!`: the test runner swallows that for tests that pass.
            let _ = std::io::Write::write_all(
                &mut std::io::stderr(),
                b"skipped: LAKELEDGER_SAMPLES is not set\n",
            );
        }
        return None;
    };
    Some(Path::new(&root).join(path))
}

/// A file of our own samples.
pub fn fixture(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures").join(path)
}

pub fn gunzip(path: &Path) -> String {
    let mut text = String::new();
    flate2::read::GzDecoder::new(fs::File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    text
}

pub fn write(directory: &Path, name: &str, bytes: impl AsRef<[u8]>) {
    let path = directory.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::File::create(path).unwrap().write_all(bytes.as_ref()).unwrap();
}
