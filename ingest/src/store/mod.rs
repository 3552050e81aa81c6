//! Object stores: where raw exports are. A location is a file, a directory or an
//! `s3://bucket/prefix`; an object is known by its URI and a fingerprint that changes
//! when its bytes do.

mod local;
mod s3;
mod watched;

use std::io::{self, Read};
use std::path::Path;

use model::time::Instant;

pub use local::LocalStore;
pub use s3::{S3Keys, S3Options, S3Store};
pub use watched::WatchedStore;

/// One object of a store, as a listing shows it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Object {
    /// Full URI: an absolute path, or `s3://bucket/key`.
    pub uri: String,
    /// Size in bytes.
    pub size: u64,
    /// Changes when the content does: an ETag, or size and modification time.
    pub fingerprint: String,
    /// Last modification, where the store says.
    pub modified: Option<Instant>,
}

impl Object {
    /// The last segment of the URI.
    pub fn file_name(&self) -> &str {
        self.uri.rsplit('/').next().unwrap_or(&self.uri)
    }

    /// The URI up to its last `/`.
    pub fn parent(&self) -> &str {
        self.uri.rsplit_once('/').map_or("", |(parent, _)| parent)
    }
}

/// What a store could not do, with what and why.
#[derive(Debug, thiserror::Error)]
#[error("could not {operation} `{uri}`")]
pub struct StoreError {
    /// `list`, `open`, `read`.
    pub operation: &'static str,
    /// The object or prefix.
    pub uri: String,
    /// Why.
    #[source]
    pub cause: Box<dyn std::error::Error + Send + Sync>,
    /// What to do about it, where we know.
    pub hint: Option<String>,
}

impl StoreError {
    /// Whether the object or location is not there (rather than out of reach).
    pub fn is_missing(&self) -> bool {
        let cause = self.cause.downcast_ref::<io::Error>();
        cause.is_some_and(|cause| cause.kind() == io::ErrorKind::NotFound)
    }
}

/// Opens a configured location: a path (relative ones are relative to `base`), a
/// `file://` URI, or `s3://bucket/prefix` (`s3a` and `s3n` are `s3`). Nothing is read yet.
///
/// # Errors
/// When the scheme is not known or the URI names no bucket.
pub fn open_store(uri: &str, base: &Path, options: &S3Options) -> Result<Box<dyn Store>, StoreError> {
    let local = |path: &str| Ok(Box::new(LocalStore::below(base, path)) as Box<dyn Store>);
    match uri.split_once(':') {
        Some(("s3" | "s3a" | "s3n", _)) => Ok(Box::new(S3Store::new(uri, options)?)),
        Some(("file", path)) => {
            let path = path.strip_prefix("//localhost").unwrap_or(path);
            local(path.strip_prefix("//").unwrap_or(path))
        }
        Some((scheme, rest)) if rest.starts_with("//") => Err(StoreError {
            operation: "open",
            uri: uri.to_owned(),
            cause: format!("`{scheme}` locations cannot be read").into(),
            hint: Some("use a path, file:// or s3://; S3-compatible stores need `endpoint`".to_owned()),
        }),
        _ => local(uri),
    }
}

/// A place objects are read from. Calls block; implementations are shared by threads.
pub trait Store: Send + Sync {
    /// The location it was opened at, as configured.
    fn root(&self) -> &str;

    /// What the ledger calls an object or directory: its URI, or its place below the configuration where the location
    /// is told so, that a ledger which moves with its exports knows them again.
    fn named<'u>(&self, uri: &'u str) -> &'u str {
        uri
    }

    /// Every object below the location, sorted by URI.
    ///
    /// # Errors
    /// When the location is missing or may not be read.
    fn list(&self) -> Result<Vec<Object>, StoreError>;

    /// Every object below a directory (given by URI), sorted by URI; none where there is no
    /// such directory. For looking around one table or log of a large location.
    ///
    /// # Errors
    /// When the location may not be read.
    fn list_below(&self, directory: &str) -> Result<Vec<Object>, StoreError> {
        let within = format!("{}/", directory.trim_end_matches('/'));
        Ok(self.list()?.into_iter().filter(|object| object.uri.starts_with(&within)).collect())
    }

    /// Opens one object for streaming.
    ///
    /// # Errors
    /// When it is missing or may not be read.
    fn open(&self, uri: &str) -> Result<Box<dyn Read + Send>, StoreError>;

    /// Reads one object whole: for small ones.
    ///
    /// # Errors
    /// As [`Store::open`], or when reading breaks off.
    fn bytes(&self, uri: &str) -> Result<Vec<u8>, StoreError> {
        let mut bytes = Vec::new();
        self.open(uri)?.read_to_end(&mut bytes).map_err(|cause| StoreError {
            operation: "read",
            uri: uri.to_owned(),
            cause: Box::new(cause),
            hint: None,
        })?;
        Ok(bytes)
    }
}
