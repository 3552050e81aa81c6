//! What a table's manifests add up to: live files by partition, and everything that any
//! kept snapshot reaches.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use model::Warning;

use super::avro::ENCRYPTED;
use super::manifest::{self, Content, ManifestEntry, ManifestFile};
use super::metadata::{Snapshot, TableMetadata};
use super::partition::Speller;
use super::places::Places;
use crate::source::ReadError;

/// Sums of live files, of a table or a partition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Live {
    /// Data files.
    pub data_files: i64,
    /// Bytes of data files.
    pub data_bytes: i64,
    /// Rows of data files.
    pub row_count: i64,
    /// Data files under three quarters of the target size.
    pub small_files: i64,
    /// Delete files; of deletion vectors, each counts, though several share a Puffin file.
    pub delete_files: i64,
    /// Rows the delete files name.
    pub deleted_rows: i64,
    /// Commit of the newest data or delete file, epoch milliseconds; unknown where every
    /// snapshot that added one has expired.
    pub last_modified_ms: Option<i64>,
}

/// What the manifests say.
#[derive(Debug, Default)]
pub struct Health {
    /// Of the current snapshot.
    pub live: Live,
    /// The same by spec and partition path.
    pub partitions: BTreeMap<(i64, String), Live>,
    /// Bytes of live delete files as they are stored: a Puffin file counts once, however
    /// many deletion vectors it holds.
    pub delete_bytes: i64,
    /// Manifests of the current snapshot.
    pub manifests: i64,
    /// Their bytes.
    pub manifest_bytes: i64,
    /// Data and delete files reachable from any kept snapshot.
    pub reachable_files: i64,
    /// Their bytes.
    pub reachable_bytes: i64,
    /// Bytes of all manifest lists and manifests reachable.
    pub list_and_manifest_bytes: i64,
    /// Lost lists and manifests of snapshots other than the current.
    pub warnings: Vec<Warning>,
}

/// Paths seen, by hash: a big table has millions of files, whose paths would fill the
/// memory. With a million files one of them goes uncounted once in 37 million tables
/// (n^2 / 2^65), with ten million once in 370 thousand.
#[derive(Default)]
struct Paths(HashSet<u64>);

impl Paths {
    fn is_new(&mut self, path: &str) -> bool {
        let mut hasher = DefaultHasher::new();
        path.hash(&mut hasher);
        self.0.insert(hasher.finish())
    }
}

fn add(total: &mut i64, more: i64) {
    *total = total.saturating_add(more);
}

struct Collector<'a> {
    metadata: &'a TableMetadata,
    places: &'a Places<'a>,
    committed: HashMap<i64, i64>,
    small_below: i64,
    spellers: HashMap<i64, Speller>,
    reachable: Paths,
    live_deletes: Paths,
    manifests: HashSet<String>,
    health: Health,
}

/// Reads every manifest list and every manifest, each once.
///
/// # Errors
/// When one of the current snapshot is missing, or any is damaged or encrypted: sums
/// without it would be wrong.
pub fn collect(
    metadata: &TableMetadata,
    current: Option<&Snapshot>,
    places: &Places<'_>,
) -> Result<Health, ReadError> {
    let target = i128::from(metadata.target_file_bytes());
    let mut collector = Collector {
        metadata,
        places,
        committed: metadata.snapshots.iter().map(|s| (s.snapshot_id, s.timestamp_ms)).collect(),
        // Sizes below this are under three quarters of the target: 4 x size < 3 x target.
        small_below: i64::try_from((3 * target + 3) / 4).unwrap_or(i64::MAX),
        spellers: HashMap::new(),
        reachable: Paths::default(),
        live_deletes: Paths::default(),
        manifests: HashSet::new(),
        health: Health::default(),
    };
    if let Some(current) = current {
        collector.current(current)?;
    }
    for snapshot in &metadata.snapshots {
        if current.is_none_or(|current| current.snapshot_id != snapshot.snapshot_id) {
            collector.kept(snapshot)?;
        }
    }
    Ok(collector.health)
}

impl Collector<'_> {
    fn current(&mut self, snapshot: &Snapshot) -> Result<(), ReadError> {
        for manifest in self.list(snapshot)? {
            if !self.manifests.insert(manifest.path.clone()) {
                continue;
            }
            let bytes = self.manifest(&manifest, true)?;
            add(&mut self.health.manifests, 1);
            add(&mut self.health.manifest_bytes, bytes);
        }
        Ok(())
    }

    fn kept(&mut self, snapshot: &Snapshot) -> Result<(), ReadError> {
        let manifests = match self.list(snapshot) {
            Err(ReadError::Store(error)) if error.is_missing() => {
                self.lost("lost-manifest-list", "manifest list", error.uri, snapshot);
                return Ok(());
            }
            listed => listed?,
        };
        for manifest in manifests {
            if !self.manifests.insert(manifest.path.clone()) {
                continue;
            }
            match self.manifest(&manifest, false) {
                Err(ReadError::Store(error)) if error.is_missing() => {
                    self.lost("lost-manifest", "manifest", error.uri, snapshot);
                }
                read => drop(read?),
            }
        }
        Ok(())
    }

    fn lost(&mut self, code: &str, what: &str, uri: String, snapshot: &Snapshot) {
        self.health.warnings.push(Warning::skipped(
            code,
            uri,
            format!(
                "the {what} of the old snapshot {} is gone: files only it reaches are not counted",
                snapshot.snapshot_id
            ),
        ));
    }

    fn list(&mut self, snapshot: &Snapshot) -> Result<Vec<ManifestFile>, ReadError> {
        let Some(path) = &snapshot.manifest_list else {
            let inline = snapshot.manifests.iter().flatten().map(|path| ManifestFile {
                path: path.clone(),
                length: None,
                spec_id: None,
                added_snapshot_id: None,
                encrypted: false,
            });
            return Ok(inline.collect());
        };
        if let Some(key) = &snapshot.key_id {
            return Err(encrypted("manifest list", path, format!("it is encrypted with key `{key}`")));
        }
        let (manifests, bytes) = manifest::read_list(self.places.open(path)?)
            .map_err(|fault| damaged("manifest list", path, fault))?;
        add(&mut self.health.list_and_manifest_bytes, i64::try_from(bytes).unwrap_or(i64::MAX));
        Ok(manifests)
    }

    /// Reads one manifest and returns its size.
    fn manifest(&mut self, manifest: &ManifestFile, live: bool) -> Result<i64, ReadError> {
        let path = &manifest.path;
        if manifest.encrypted {
            return Err(encrypted("manifest", path, ENCRYPTED.to_owned()));
        }
        let from = self.places.open(path)?;
        let read = manifest::read_manifest(from, manifest.length, |entry, header_spec_id| {
            let spec_id = manifest.spec_id.or(header_spec_id).unwrap_or(0);
            self.entry(&entry, live.then_some((spec_id, manifest.added_snapshot_id)))
        })
        .map_err(|fault| damaged("manifest", path, fault))?;
        let bytes = manifest.length.unwrap_or(i64::try_from(read).unwrap_or(i64::MAX));
        add(&mut self.health.list_and_manifest_bytes, bytes);
        Ok(bytes)
    }

    fn entry(&mut self, entry: &ManifestEntry, live: Option<(i64, Option<i64>)>) -> Result<(), String> {
        if !entry.live {
            return Ok(());
        }
        if self.reachable.is_new(&entry.path) {
            add(&mut self.health.reachable_files, 1);
            add(&mut self.health.reachable_bytes, entry.bytes);
        }
        let Some((spec_id, inherited)) = live else { return Ok(()) };
        if entry.content == Content::Deletes && self.live_deletes.is_new(&entry.path) {
            add(&mut self.health.delete_bytes, entry.bytes);
        }
        let speller = match self.spellers.entry(spec_id) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(
                Speller::new(self.metadata, spec_id)
                    .ok_or_else(|| format!("the metadata has no partition spec {spec_id}"))?,
            ),
        };
        let partition = speller.spell(&entry.partition)?;
        let committed = entry.snapshot_id.or(inherited).and_then(|id| self.committed.get(&id).copied());
        self.health.live.add(entry, self.small_below, committed);
        self.health.partitions.entry((spec_id, partition)).or_default().add(
            entry,
            self.small_below,
            committed,
        );
        Ok(())
    }
}

impl Live {
    fn add(&mut self, entry: &ManifestEntry, small_below: i64, committed_ms: Option<i64>) {
        match entry.content {
            Content::Data => {
                add(&mut self.data_files, 1);
                add(&mut self.data_bytes, entry.bytes);
                add(&mut self.row_count, entry.records);
                add(&mut self.small_files, i64::from(entry.bytes < small_below));
            }
            Content::Deletes => {
                add(&mut self.delete_files, 1);
                add(&mut self.deleted_rows, entry.records);
            }
        }
        self.last_modified_ms = self.last_modified_ms.max(committed_ms);
    }
}

fn damaged(what: &'static str, path: &str, fault: String) -> ReadError {
    if fault == ENCRYPTED {
        return encrypted(what, path, fault);
    }
    let hint = "the table's sums would be wrong without it, so the table is left out".to_owned();
    ReadError::Malformed { what, object: path.to_owned(), fault, hint: Some(hint) }
}

fn encrypted(what: &'static str, path: &str, fault: String) -> ReadError {
    let hint = "encrypted tables cannot be read: their keys are with the catalog".to_owned();
    ReadError::Malformed { what, object: path.to_owned(), fault, hint: Some(hint) }
}
