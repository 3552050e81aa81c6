//! Files and directories.

use std::fs;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use chrono::{DateTime, Utc};

use super::{Object, Store, StoreError};

/// A file, or a directory with everything below it.
pub struct LocalStore {
    root: PathBuf,
    shown: String,
    /// What names in the ledger begin after, with its slash.
    base: Option<String>,
}

impl LocalStore {
    /// Opens a location; nothing is read yet.
    pub fn new(root: &Path) -> Self {
        Self { root: root.to_owned(), shown: root.display().to_string(), base: None }
    }

    /// Opens a path as configured: a relative one is below `base`, and its objects are named from there.
    pub fn below(base: &Path, path: &str) -> Self {
        let base_shown = Path::new(path).is_relative().then(|| format!("{}/", base.display()));
        Self { base: base_shown, ..Self::new(&base.join(path)) }
    }

    fn fail(operation: &'static str, path: &Path, cause: io::Error) -> StoreError {
        let hint = (cause.kind() == io::ErrorKind::NotFound)
            .then(|| "relative paths are relative to lakeledger.toml".to_owned());
        StoreError { operation, uri: path.display().to_string(), cause: Box::new(cause), hint }
    }

    fn walk(directory: &Path, found: &mut Vec<Object>) -> Result<(), StoreError> {
        let failed = |cause| Self::fail("list", directory, cause);
        for entry in fs::read_dir(directory).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let path = entry.path();
            // Follows symbolic links, as people who mount exports use them.
            let metadata = match fs::metadata(&path) {
                Ok(metadata) => metadata,
                Err(cause) if cause.kind() == io::ErrorKind::NotFound => continue,
                Err(cause) => return Err(Self::fail("list", &path, cause)),
            };
            if metadata.is_dir() {
                Self::walk(&path, found)?;
            } else {
                found.push(Self::object(&path, &metadata));
            }
        }
        Ok(())
    }

    fn object(path: &Path, metadata: &fs::Metadata) -> Object {
        let modified = metadata.modified().ok();
        let nanos =
            modified.and_then(|at| at.duration_since(UNIX_EPOCH).ok()).map_or(0, |since| since.as_nanos());
        Object {
            uri: path.display().to_string(),
            size: metadata.len(),
            fingerprint: format!("{}-{nanos}", metadata.len()),
            modified: modified.map(DateTime::<Utc>::from),
        }
    }
}

impl Store for LocalStore {
    fn root(&self) -> &str {
        &self.shown
    }

    fn named<'u>(&self, uri: &'u str) -> &'u str {
        self.base.as_deref().and_then(|base| uri.strip_prefix(base)).unwrap_or(uri)
    }

    fn list(&self) -> Result<Vec<Object>, StoreError> {
        let metadata = fs::metadata(&self.root).map_err(|cause| Self::fail("list", &self.root, cause))?;
        let mut found = Vec::new();
        if metadata.is_dir() {
            Self::walk(&self.root, &mut found)?;
        } else {
            found.push(Self::object(&self.root, &metadata));
        }
        found.sort();
        Ok(found)
    }

    fn list_below(&self, directory: &str) -> Result<Vec<Object>, StoreError> {
        let mut found = Vec::new();
        match Self::walk(Path::new(directory), &mut found) {
            Err(error) if error.is_missing() => return Ok(Vec::new()),
            walked => walked?,
        }
        found.sort();
        Ok(found)
    }

    fn open(&self, uri: &str) -> Result<Box<dyn Read + Send>, StoreError> {
        let path = Path::new(uri);
        let failed = |cause| Self::fail("open", path, cause);
        let file = fs::File::open(path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        // Opening a directory succeeds, reading it does not.
        if metadata.is_dir() {
            return Err(failed(io::Error::from(io::ErrorKind::IsADirectory)));
        }
        // Thousands of small files need no large buffers.
        let capacity = usize::try_from(metadata.len()).unwrap_or(usize::MAX).clamp(512, 1 << 16);
        Ok(Box::new(BufReader::with_capacity(capacity, file)))
    }
}
