//! Where a table is, whatever was recorded: metadata holds absolute URIs of the place the
//! table was written to, and the files may be read from a copy, a mount or another scheme.

use std::collections::HashMap;
use std::io::Read;

use crate::store::{Object, Store, StoreError};

/// One spelling of a URI: no `file:` scheme, `s3a` and `s3n` as `s3`, no slash at the end.
pub fn plain(uri: &str) -> String {
    let path = match uri.split_once(':') {
        Some(("file", rest)) => {
            let rest = rest.strip_prefix("//localhost").filter(|path| path.starts_with('/')).unwrap_or(rest);
            let trimmed = rest.trim_start_matches('/');
            if rest.starts_with('/') { format!("/{trimmed}") } else { trimmed.to_owned() }
        }
        Some(("s3a" | "s3n", rest)) => format!("s3:{rest}"),
        _ => uri.to_owned(),
    };
    match path.trim_end_matches('/') {
        "" => path,
        trimmed => trimmed.to_owned(),
    }
}

/// What follows a directory in a path, both in [`plain`] spelling; empty for the directory itself.
pub fn below<'p>(path: &'p str, directory: &str) -> Option<&'p str> {
    let rest = path.strip_prefix(directory.trim_end_matches('/'))?;
    if rest.is_empty() { Some(rest) } else { rest.strip_prefix('/') }
}

/// A location with the first prefix that matches replaced: `file:/warehouse/` matches
/// `file:///warehouse/t` too, but not `file:/warehouse2`.
pub fn mapped(location: &str, map: &[(String, String)]) -> Option<String> {
    let location = plain(location);
    map.iter().find_map(|(from, to)| {
        let rest = below(&location, &plain(from))?;
        Some(join(&plain(to), rest))
    })
}

fn join(directory: &str, rest: &str) -> String {
    if rest.is_empty() { directory.to_owned() } else { format!("{}/{rest}", directory.trim_end_matches('/')) }
}

/// Namespace levels and name of a table by its directory.
///
/// Below a warehouse the directories between the configured root and the table are the
/// levels, `.db` off (Hive's way). A root that is the table itself, or holds it
/// directly, lends its own last segments. Names that end in a UUID, which Trino
/// (`table-<32 hex>`) and Nessie (`table_<uuid>`) append to make locations unique, lose it.
pub fn identity(root: &str, directory: &str) -> (Vec<String>, String) {
    let (root, directory) = (plain(root), plain(directory));
    let segments = |path: &str| -> Vec<String> {
        let path = path.split_once("://").map_or(path, |(_, rest)| rest);
        path.split('/').filter(|part| !part.is_empty() && *part != ".").map(str::to_owned).collect()
    };
    let mut parts = below(&directory, &root).map(segments).unwrap_or_default();
    if parts.len() < 2 {
        let all = segments(&directory);
        parts = all.get(all.len().saturating_sub(2)..).unwrap_or_default().to_vec();
    }
    let name = parts.pop().unwrap_or_default();
    let levels = parts.iter().map(|part| part.strip_suffix(".db").unwrap_or(part).to_owned());
    (levels.collect(), without_uuid(&name).to_owned())
}

fn without_uuid(name: &str) -> &str {
    let hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    for (tail, dashes) in [(33, 0), (37, 4)] {
        let Some((head, uuid)) = name.len().checked_sub(tail).and_then(|at| name.split_at_checked(at)) else {
            continue;
        };
        let Some(uuid) = uuid.strip_prefix(['-', '_']) else { continue };
        let digits = uuid.replace('-', "");
        if !head.is_empty() && digits.len() == 32 && uuid.matches('-').count() == dashes && hex(&digits) {
            return head;
        }
    }
    name
}

/// The directory a table is in, by the place of its metadata file.
pub fn table_directory(metadata_directory: &str) -> &str {
    match metadata_directory.rsplit_once('/') {
        Some((table, "metadata")) => table,
        _ => metadata_directory,
    }
}

/// Finds the files of one table.
pub struct Places<'a> {
    store: &'a dyn Store,
    written_at: String,
    directory: String,
    metadata: HashMap<String, Object>,
    location_map: &'a [(String, String)],
}

impl<'a> Places<'a> {
    /// Lists the directory of the metadata file of a table that was written at `location`.
    ///
    /// # Errors
    /// When the directory cannot be listed.
    pub fn new(
        store: &'a dyn Store,
        metadata_directory: &str,
        location: &str,
        location_map: &'a [(String, String)],
    ) -> Result<Self, StoreError> {
        let listed = store.list_below(metadata_directory)?;
        let metadata = listed.into_iter().map(|object| (object.file_name().to_owned(), object)).collect();
        Ok(Self {
            store,
            written_at: plain(location),
            directory: table_directory(metadata_directory).to_owned(),
            metadata,
            location_map,
        })
    }

    /// The size of a file of the metadata directory, if it is still there.
    pub fn metadata_size(&self, recorded: &str) -> Option<u64> {
        let name = recorded.rsplit('/').next().unwrap_or(recorded);
        self.metadata.get(name).map(|object| object.size)
    }

    /// Opens a file by the URI that was recorded for it.
    ///
    /// Tried in this order, as a copy must not be mixed with the original: below the
    /// table's own directory, beside its metadata file, by `location_map` in either
    /// direction, as recorded.
    ///
    /// # Errors
    /// The first thing that went wrong other than a missing file, else that it is missing.
    pub fn open(&self, recorded: &str) -> Result<Box<dyn Read + Send>, StoreError> {
        let mut missing = None;
        for candidate in self.candidates(recorded) {
            match self.store.open(&candidate) {
                Ok(read) => return Ok(read),
                Err(error) if error.is_missing() => {
                    missing.get_or_insert(error);
                }
                Err(error) => return Err(error),
            }
        }
        let hint =
            "the table's metadata names it: restore it, or say where its place is now with `location_map`";
        let missing = missing.unwrap_or_else(|| StoreError {
            operation: "open",
            uri: recorded.to_owned(),
            cause: Box::new(std::io::Error::from(std::io::ErrorKind::NotFound)),
            hint: None,
        });
        Err(StoreError { hint: Some(hint.to_owned()), ..missing })
    }

    fn candidates(&self, recorded: &str) -> Vec<String> {
        let path = plain(recorded);
        let mut found = Vec::new();
        if !self.written_at.is_empty()
            && let Some(rest) = below(&path, &self.written_at)
        {
            found.push(join(&self.directory, rest));
        }
        let name = path.rsplit('/').next().unwrap_or(&path);
        found.extend(self.metadata.get(name).map(|object| object.uri.clone()));
        found.extend(mapped(&path, self.location_map));
        let reversed: Vec<_> =
            self.location_map.iter().map(|(from, to)| (to.clone(), from.clone())).collect();
        found.extend(mapped(&path, &reversed));
        found.push(path);
        let mut seen = Vec::new();
        found.retain(|candidate| {
            let new = !seen.contains(candidate);
            seen.push(candidate.clone());
            new
        });
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_place_meet() {
        for uri in ["file:/lake/t", "file:///lake/t/", "file://localhost/lake/t", "/lake/t"] {
            assert_eq!(plain(uri), "/lake/t", "{uri}");
        }
        for uri in ["s3://b/t", "s3a://b/t/", "s3n://b/t"] {
            assert_eq!(plain(uri), "s3://b/t", "{uri}");
        }
        assert_eq!(plain("/"), "/");
    }

    #[test]
    fn prefixes_are_replaced_at_whole_segments() {
        let map = [("file:/warehouse/".to_owned(), "s3://lab-lake/".to_owned())];
        assert_eq!(mapped("file:///warehouse/ads/clicks", &map).as_deref(), Some("s3://lab-lake/ads/clicks"));
        assert_eq!(mapped("/warehouse", &map).as_deref(), Some("s3://lab-lake"));
        assert_eq!(mapped("file:/warehouse2/ads", &map), None);
    }

    #[test]
    fn a_table_is_named_by_its_place_below_the_root() {
        let named = |root: &str, directory: &str| {
            let (levels, name) = identity(root, directory);
            format!("{}|{name}", levels.join("."))
        };
        assert_eq!(named("s3://lake/wh/", "s3://lake/wh/ads.db/clicks"), "ads|clicks");
        assert_eq!(named("/wh", "/wh/growth/eu/signups"), "growth.eu|signups");
        assert_eq!(named("/wh/ads.db", "/wh/ads.db/clicks"), "ads|clicks");
        assert_eq!(named("/wh/ads/clicks", "/wh/ads/clicks"), "ads|clicks");
        assert_eq!(named("/wh/ads/clicks/metadata/v3.metadata.json", "/wh/ads/clicks"), "ads|clicks");
        assert_eq!(named("s3://lake", "s3://lake/clicks"), "lake|clicks");
        assert_eq!(named("/wh", "/wh/ads/clicks-0123456789abcdef0123456789ABCDEF"), "ads|clicks");
        assert_eq!(named("/wh", "/wh/ads/clicks_01234567-89ab-cdef-0123-456789abcdef"), "ads|clicks");
        assert_eq!(
            named("/wh", "/wh/ads/clicks-0123456789abcdef0123456789abcdeg"),
            "ads|clicks-0123456789abcdef0123456789abcdeg"
        );
    }
}
