//! Building and swapping marts: a mart is built beside the others under a temporary name,
//! checked, renamed, and only then named by `marts/current`. Whoever reads sees the old
//! one or the new one, whole.

mod prune;

use std::fmt;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use model::manifest::{MANIFEST_FILE, MANIFEST_VERSION, Manifest};
use model::time::Instant;
use sha2::{Digest, Sha256};

use crate::engine::{Builder, EngineError, Failure, Kept};
use crate::incremental::{self, Inputs};
use crate::made_of;
use crate::mart::Mart;
use crate::models::CHECKS;
use crate::record::Record;
use crate::rules::Rules;

pub use self::prune::{KEPT_MARTS, KeptDays};

/// Directory of marts in the ledger.
pub const MARTS: &str = "marts";
/// File that names the current mart.
pub const CURRENT: &str = "current";

/// Why nothing was published; the last good mart stays.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// A file could not be read or written.
    #[error("could not {operation} `{path}`")]
    File {
        /// What was being done.
        operation: &'static str,
        /// With which file.
        path: String,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// The manifest is not one this build wrote.
    #[error("could not read the manifest `{path}`: {fault}")]
    Manifest {
        /// Its path.
        path: String,
        /// What is wrong.
        fault: String,
    },
    /// The engine failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A check found offenders.
    #[error("{} of {total} checks failed, the last good mart stays: {}", failures.len(), summary(failures))]
    Checks {
        /// What failed.
        failures: Vec<Failure>,
        /// How many checks there are.
        total: usize,
    },
}

fn summary(failures: &[Failure]) -> String {
    let texts: Vec<_> = failures
        .iter()
        .map(|failure| format!("`{}` found {} offenders", failure.check, failure.offenders))
        .collect();
    texts.join(", ")
}

/// What publishing did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A new mart is current.
    Published {
        /// Its id.
        id: String,
        /// How it was made.
        made: Made,
    },
    /// Landed data, rules and models are those of the current mart.
    Unchanged {
        /// Its id.
        id: String,
    },
}

/// How a mart was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Made {
    /// All of it was made anew.
    Scratch {
        /// Why.
        why: String,
    },
    /// Days of the last mart were kept.
    Days {
        /// Days with costs that were made anew.
        days: Vec<chrono::NaiveDate>,
        /// Days with costs there are.
        of: u64,
    },
}

impl fmt::Display for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scratch { why } => write!(f, "from scratch: {why}"),
            Self::Days { days, of } => write!(f, "{} of {of} days recomputed", days.len()),
        }
    }
}

/// How a mart is to be made. All ways give the same rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Way {
    /// Of the last mart, where that is less work.
    #[default]
    Chosen,
    /// Of the last mart wherever it can be, however many days changed.
    Days,
    /// From scratch.
    Scratch,
}

/// Part of the days beyond which they are all made anew: finding what changed costs time too.
const MOST_DAYS: f64 = 0.5;

/// Reads the ledger's manifest; an empty one where nothing has landed.
///
/// # Errors
/// When the file is there but cannot be read, is no manifest, or is of another version.
pub fn read_manifest(ledger: &Path) -> Result<Manifest, PublishError> {
    let path = ledger.join(MANIFEST_FILE);
    let shown = || path.display().to_string();
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(Manifest::default()),
        Err(cause) => return Err(PublishError::File { operation: "read", path: shown(), cause }),
    };
    let manifest: Manifest = serde_json::from_str(&text)
        .map_err(|cause| PublishError::Manifest { path: shown(), fault: cause.to_string() })?;
    if manifest.version != MANIFEST_VERSION {
        return Err(PublishError::Manifest {
            path: shown(),
            fault: format!("it is of version {}, this build reads {MANIFEST_VERSION}", manifest.version),
        });
    }
    Ok(manifest)
}

/// The path of the current mart; nothing where none was published.
///
/// # Errors
/// When `marts/current` is there but cannot be read.
pub fn current_mart(ledger: &Path) -> Result<Option<PathBuf>, PublishError> {
    let path = ledger.join(MARTS).join(CURRENT);
    match fs::read_to_string(&path) {
        Ok(id) => Ok(Some(ledger.join(MARTS).join(format!("{}.duckdb", id.trim())))),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(PublishError::File { operation: "read", path: path.display().to_string(), cause }),
    }
}

/// Builds, checks and publishes a mart of everything landed, of the last one where that is less
/// work. See [`publish_as`].
///
/// # Errors
/// When anything fails; the current mart is untouched then.
pub fn publish(
    ledger: &Path,
    rules: &Rules,
    now: Instant,
    progress: impl FnMut(&'static str),
) -> Result<Outcome, PublishError> {
    publish_as(ledger, rules, now, Way::Chosen, progress)
}

/// Builds, checks and publishes a mart of everything landed. Does nothing when the current
/// mart was made of the same data, rules and models, unless it is to be made from scratch.
///
/// The caller holds the ledger's writer lock. `progress` is told each model's name.
///
/// # Errors
/// When anything fails; the current mart is untouched then.
pub fn publish_as(
    ledger: &Path,
    rules: &Rules,
    now: Instant,
    way: Way,
    mut progress: impl FnMut(&'static str),
) -> Result<Outcome, PublishError> {
    let mut manifest = read_manifest(ledger)?;
    manifest.entries.retain(|entry| rules.sources.contains(&entry.source));
    manifest.sources.retain(|name, _| rules.sources.contains(name));
    let id = mart_id(&manifest, rules);
    let marts = ledger.join(MARTS);
    let file = |operation, path: &Path| {
        let path = path.display().to_string();
        move |cause| PublishError::File { operation, path, cause }
    };
    fs::create_dir_all(&marts).map_err(file("create", &marts))?;
    let target = marts.join(format!("{id}.duckdb"));
    let current = current_mart(ledger)?;
    let current_id = current.as_deref().and_then(Path::file_stem).and_then(|stem| stem.to_str());
    let record = Record::open(ledger, current_id)?;
    // One that cannot be opened any more is built anew.
    if current.as_deref().is_some_and(|current| current == target && Mart::open_file(current).is_ok()) {
        record.note_seen(&id, now)?;
        return Ok(Outcome::Unchanged { id });
    }

    remove_unfinished(&marts).map_err(file("clean", &marts))?;
    let building = marts.join(format!("{id}.building"));
    let inputs = Inputs { ledger, manifest: &manifest, rules, record: &record, now, id: &id };
    let (builder, made) = match of_the_last(current.as_deref(), &building, &inputs, way, &mut progress) {
        Ok(made) => made,
        Err(why) => {
            tracing::debug!(why, "from scratch");
            remove_unfinished(&marts).map_err(file("clean", &marts))?;
            (from_scratch(&building, &inputs, &mut progress)?, Made::Scratch { why })
        }
    };
    let recorded = record.write(&builder, &id)?;
    let published = prune::published(&builder)?;
    builder.finish()?;
    sync(&building).map_err(file("write out", &building))?;
    fs::rename(&building, &target).map_err(file("publish", &target))?;
    write_current(&marts, &id).map_err(file("name the current mart in", &marts))?;
    recorded.settle()?;
    prune::prune(&marts, &id, &published, rules.kept_days).map_err(file("clean", &marts))?;
    Ok(Outcome::Published { id, made })
}

fn scratch(building: &Path) -> PathBuf {
    building.with_file_name("scratch.building")
}

/// Builds and checks everything.
fn from_scratch(
    building: &Path,
    inputs: &Inputs<'_>,
    progress: impl FnMut(&'static str),
) -> Result<Builder, PublishError> {
    let builder = Builder::create(building, &scratch(building))?;
    builder.attach(inputs.ledger, inputs.manifest)?;
    inputs.record.attach(&builder)?;
    builder.load_rules(inputs.rules, inputs.manifest, inputs.now, inputs.id)?;
    builder.write_made_of(inputs.ledger, inputs.manifest, inputs.rules)?;
    builder.build(Kept::Read, progress)?;
    let failures = builder.check()?;
    if !failures.is_empty() {
        drop(builder);
        // Kept for looking at until the next build; never named by `current`.
        return Err(PublishError::Checks { failures, total: CHECKS.len() });
    }
    Ok(builder)
}

/// Brings a copy of the last mart up to date and checks it, or says why it cannot be. Whatever
/// goes wrong here, from scratch it may go right: a failure is a reason, no error.
fn of_the_last(
    current: Option<&Path>,
    building: &Path,
    inputs: &Inputs<'_>,
    way: Way,
    progress: impl FnMut(&'static str),
) -> Result<(Builder, Made), String> {
    let most = match way {
        Way::Scratch => return Err("asked for".into()),
        Way::Chosen => MOST_DAYS,
        Way::Days => 1.0,
    };
    let Some(current) = current else { return Err("it is the first mart".into()) };
    match incremental::obstacle(current, inputs) {
        Ok(None) => {}
        Ok(Some(why)) => return Err(why),
        Err(_) => return Err("the last mart cannot be read, or is of another program".into()),
    }
    fs::copy(current, building).map_err(|cause| format!("the last mart could not be copied: {cause}"))?;
    let failed = |error: EngineError| format!("could not {}: {}", error.operation, error.cause);
    let builder = Builder::create(building, &scratch(building)).map_err(failed)?;
    match incremental::make(&builder, current, inputs, most, progress).map_err(failed)? {
        incremental::Made::Days { days, of, failures } if failures.is_empty() => {
            Ok((builder, Made::Days { days, of }))
        }
        incremental::Made::Days { failures, .. } => Err(format!("a check failed: {}", summary(&failures))),
        incremental::Made::Not(why) => Err(why),
    }
}

/// The id of the mart that these inputs make: equal inputs, equal id.
fn mart_id(manifest: &Manifest, rules: &Rules) -> String {
    let mut hash = Sha256::new();
    let mut add = |text: &str| {
        hash.update(text.as_bytes());
        hash.update([0]);
    };
    made_of::add_program(&mut add);
    // Serialising these cannot fail: they hold texts and numbers only.
    add(&serde_json::to_string(rules).unwrap_or_default());
    for entry in &manifest.entries {
        for part in &entry.parts {
            add(&part.path);
        }
    }
    for (name, source) in &manifest.sources {
        add(name);
        add(&serde_json::to_string(&source.warnings).unwrap_or_default());
        for unit in source.units.values() {
            add(&serde_json::to_string(&unit.warnings).unwrap_or_default());
        }
    }
    let digest: String = hash.finalize().iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    format!("{:06}-{digest}", manifest.commit)
}

fn sync(path: &Path) -> io::Result<()> {
    fs::File::open(path)?.sync_all()
}

fn write_current(marts: &Path, id: &str) -> io::Result<()> {
    let temporary = marts.join("current.tmp");
    let mut file = fs::File::create(&temporary)?;
    file.write_all(id.as_bytes())?;
    file.sync_all()?;
    fs::rename(&temporary, marts.join(CURRENT))?;
    sync(marts)
}

fn remove_unfinished(marts: &Path) -> io::Result<()> {
    for entry in fs::read_dir(marts)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if name.contains(".building") || name.ends_with(".tmp") {
            if path.is_dir() { fs::remove_dir_all(&path)? } else { fs::remove_file(&path)? }
        }
    }
    Ok(())
}
