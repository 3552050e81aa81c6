//! From a listing to tables: one unit a metadata directory, of its current metadata file.

use std::collections::{BTreeMap, BTreeSet};

use model::Warning;

use super::metadata;
use super::places::{identity, table_directory};
use crate::source::{Plan, ReadError, Unit};
use crate::store::{Object, Store};

/// Hadoop tables keep the current version here.
const VERSION_HINT: &str = "version-hint.text";

/// Whether a file name is that of a metadata file, in any spelling of gzip.
pub fn is_metadata(name: &str) -> bool {
    !name.starts_with('.') && (name.ends_with(".metadata.json") || name.ends_with(".metadata.json.gz"))
}

/// The version a metadata file's name begins with: 12 of `00012-<uuid>` and of `v12`.
fn version(name: &str) -> Option<u64> {
    let digits = name.strip_prefix('v').unwrap_or(name);
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    digits.get(..end)?.parse().ok()
}

#[derive(Default)]
struct Directory<'a> {
    metadata: Vec<&'a Object>,
    hint: Option<&'a Object>,
    manifests: usize,
}

/// Groups a listing.
pub fn plan(store: &dyn Store, listing: &[Object]) -> Result<Plan, ReadError> {
    let mut directories: BTreeMap<&str, Directory<'_>> = BTreeMap::new();
    let mut data: BTreeSet<&str> = BTreeSet::new();
    for object in listing {
        let (name, parent) = (object.file_name(), object.parent());
        if is_metadata(name) {
            directories.entry(parent).or_default().metadata.push(object);
        } else if name == VERSION_HINT {
            directories.entry(parent).or_default().hint = Some(object);
        } else if name.ends_with(".avro") && parent.ends_with("/metadata") {
            directories.entry(parent).or_default().manifests += 1;
        } else if is_data(name)
            && let Some((table, _)) = object.uri.split_once("/data/")
        {
            data.insert(table);
        }
    }
    let mut plan = Plan::default();
    let mut named: BTreeMap<(String, String), usize> = BTreeMap::new();
    for (place, directory) in &directories {
        data.remove(table_directory(place));
        if directory.metadata.is_empty() {
            if directory.manifests > 0 {
                plan.warnings.push(lost(table_directory(place)));
            }
            continue;
        }
        let Some(current) = current(store, directory, &mut plan.warnings)? else { continue };
        let table = table_directory(place);
        let objects = [Some(current), directory.hint].into_iter().flatten().cloned().collect();
        let unit = Unit { key: table.to_owned(), objects };
        let (levels, name) = identity(store.root(), table);
        let id = (levels.join(".").to_lowercase(), name.to_lowercase());
        match named.get(&id).and_then(|index| plan.units.get_mut(*index)) {
            None => {
                named.insert(id, plan.units.len());
                plan.units.push(unit);
            }
            Some(known) => {
                let newer = written(&unit) > written(known);
                let left_out = if newer { std::mem::replace(known, unit) } else { unit };
                plan.warnings.push(Warning::skipped(
                    "duplicate-table",
                    left_out.key,
                    format!("`{}` has the same name and was written later: only that one is read", known.key),
                ));
            }
        }
    }
    plan.warnings.extend(data.into_iter().map(lost));
    Ok(plan)
}

fn is_data(name: &str) -> bool {
    !name.starts_with(['.', '_']) && [".parquet", ".orc", ".avro"].iter().any(|end| name.ends_with(end))
}

fn written(unit: &Unit) -> Option<model::time::Instant> {
    unit.objects.first().and_then(|object| object.modified)
}

fn lost(table: &str) -> Warning {
    Warning::skipped(
        "no-table-metadata",
        table,
        "the directory looks like a table but holds no metadata.json",
    )
}

/// The metadata file a catalog would name: of a Hadoop table the hinted version or a
/// later one in an unbroken row, as Iceberg itself looks; else the highest version, the
/// later of equals.
fn current<'a>(
    store: &dyn Store,
    directory: &Directory<'a>,
    warnings: &mut Vec<Warning>,
) -> Result<Option<&'a Object>, ReadError> {
    if let Some(hint) = directory.hint {
        let text = String::from_utf8_lossy(&store.bytes(&hint.uri)?).trim().to_owned();
        if let Some(found) = hinted(directory, &text) {
            return Ok(Some(found));
        }
        warnings.push(Warning::new(
            "version-hint",
            &hint.uri,
            "the version it names is not there: the highest version is read",
        ));
    }
    let mut candidates = directory.metadata.clone();
    candidates.sort_by_key(|object| (version(object.file_name()), object.modified));
    let Some(highest) = candidates.pop() else { return Ok(None) };
    // Versions follow one another. One that is alone above a gap was either committed by a
    // catalog that counts otherwise, or is a leftover which no catalog names: the content tells.
    let gap = |below: &&Object| {
        version(highest.file_name()) > version(below.file_name()).map(|n| n.saturating_add(1))
    };
    match candidates.pop() {
        Some(below) if gap(&below) => {
            let changed = |object: &Object| {
                let parsed = store.bytes(&object.uri).ok().and_then(|bytes| metadata::parse(&bytes).ok());
                parsed.and_then(|metadata| metadata.last_updated_ms)
            };
            if changed(highest) >= changed(below) {
                return Ok(Some(highest));
            }
            warnings.push(Warning::new(
                "orphan-metadata",
                &highest.uri,
                format!("its content is older than that of `{}`, which is read instead", below.uri),
            ));
            Ok(Some(below))
        }
        _ => Ok(Some(highest)),
    }
}

fn hinted<'a>(directory: &Directory<'a>, text: &str) -> Option<&'a Object> {
    let find = |wanted: &str| {
        directory.metadata.iter().copied().find(|object| {
            let stem = object.file_name().split_once(".metadata.json").map_or("", |(stem, _)| stem);
            stem.strip_suffix(".gz").unwrap_or(stem) == wanted
        })
    };
    let Ok(mut number) = text.parse::<u64>() else {
        return find(text);
    };
    let mut found = find(&format!("v{number}"))?;
    while let Some(next) = number.checked_add(1).and_then(|next| find(&format!("v{next}"))) {
        (found, number) = (next, number + 1);
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_every_spelling_of_names() {
        assert_eq!(version("00012-0a1b.metadata.json"), Some(12));
        assert_eq!(version("v7.gz.metadata.json"), Some(7));
        assert_eq!(version("v7.metadata.json.gz"), Some(7));
        assert_eq!(version("a1b2.metadata.json"), None);
        assert!(is_metadata("v1.gz.metadata.json") && is_metadata("v1.metadata.json.gz"));
        assert!(!is_metadata(".v1.metadata.json.crc") && !is_metadata("snap-1.avro"));
    }
}
