//! Building and swapping marts: a mart is built beside the others under a temporary name,
//! checked, renamed, and only then named by `marts/current`. Whoever reads sees the old
//! one or the new one, whole.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use model::manifest::{MANIFEST_FILE, MANIFEST_VERSION, Manifest};
use model::time::Instant;
use sha2::{Digest, Sha256};

use crate::engine::{Builder, EngineError, Failure};
use crate::mart::Mart;
use crate::models::{CHECKS, MODELS};
use crate::record::Record;
use crate::rules::Rules;

/// Directory of marts in the ledger.
pub const MARTS: &str = "marts";
/// File that names the current mart.
pub const CURRENT: &str = "current";
/// Published marts that are kept, the current one included.
pub const KEPT_MARTS: usize = 3;

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
    },
    /// Landed data, rules and models are those of the current mart.
    Unchanged {
        /// Its id.
        id: String,
    },
}

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

/// Builds, checks and publishes a mart of everything landed. Does nothing when the current
/// mart was made of the same data, rules and models.
///
/// The caller holds the ledger's writer lock. `progress` is told each model's name.
///
/// # Errors
/// When anything fails; the current mart is untouched then.
pub fn publish(
    ledger: &Path,
    rules: &Rules,
    now: Instant,
    progress: impl FnMut(&'static str),
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
    if current.is_some_and(|current| current == target && Mart::open_file(&current).is_ok()) {
        return Ok(Outcome::Unchanged { id });
    }

    remove_unfinished(&marts).map_err(file("clean", &marts))?;
    let building = marts.join(format!("{id}.building"));
    let scratch = marts.join("scratch.building");
    let builder = Builder::create(&building, &scratch)?;
    builder.attach(ledger, &manifest)?;
    record.attach(&builder)?;
    builder.load_rules(rules, &manifest, now, &id)?;
    builder.build(progress)?;
    let failures = builder.check()?;
    if !failures.is_empty() {
        drop(builder);
        // Kept for looking at until the next build; never named by `current`.
        return Err(PublishError::Checks { failures, total: CHECKS.len() });
    }
    let recorded = record.write(&builder, &id)?;
    builder.finish()?;
    sync(&building).map_err(file("write out", &building))?;
    fs::rename(&building, &target).map_err(file("publish", &target))?;
    write_current(&marts, &id).map_err(file("name the current mart in", &marts))?;
    recorded.settle()?;
    prune(&marts, &id).map_err(file("clean", &marts))?;
    Ok(Outcome::Published { id })
}

/// The id of the mart that these inputs make: equal inputs, equal id.
fn mart_id(manifest: &Manifest, rules: &Rules) -> String {
    let mut hash = Sha256::new();
    let mut add = |text: &str| {
        hash.update(text.as_bytes());
        hash.update([0]);
    };
    add(env!("CARGO_PKG_VERSION"));
    for model in MODELS {
        add(model.sql);
    }
    for check in CHECKS {
        add(check.sql);
    }
    add(crate::pools::SHIPPED);
    add(crate::waste::SHIPPED);
    add(include_str!("../sql/rule_tables.sql"));
    add(include_str!("lineage.rs"));
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

fn prune(marts: &Path, current: &str) -> io::Result<()> {
    let mut ids: Vec<(std::time::SystemTime, PathBuf)> = Vec::new();
    for entry in fs::read_dir(marts)? {
        let entry = entry?;
        let path = entry.path();
        let is_mart = path.extension().is_some_and(|ending| ending == "duckdb");
        if is_mart && path.file_stem().is_some_and(|stem| stem != current) {
            ids.push((entry.metadata()?.modified()?, path));
        }
    }
    ids.sort();
    let surplus = ids.len().saturating_sub(KEPT_MARTS - 1);
    for (_, path) in ids.into_iter().take(surplus) {
        fs::remove_file(path)?;
    }
    Ok(())
}
