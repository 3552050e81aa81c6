//! A store that remembers when reading from it broke off, so that a failing network is not
//! taken for a defect of the object.

use std::io::{self, Read};
use std::sync::{Arc, Mutex, PoisonError};

use super::{Object, Store, StoreError};

type Broken = Arc<Mutex<Option<(String, io::Error)>>>;

/// Passes everything through to the store it watches.
pub struct WatchedStore<'s> {
    inner: &'s dyn Store,
    broken: Broken,
}

impl<'s> WatchedStore<'s> {
    /// Watches a store while one unit is read.
    pub fn new(inner: &'s dyn Store) -> Self {
        Self { inner, broken: Broken::default() }
    }

    /// The first failure of reading, if there was one.
    pub fn failure(&self) -> Option<StoreError> {
        let (uri, cause) = self.broken.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        Some(StoreError {
            operation: "read",
            uri,
            cause: Box::new(cause),
            hint: Some("it is tried again by the next run".into()),
        })
    }
}

impl Store for WatchedStore<'_> {
    fn root(&self) -> &str {
        self.inner.root()
    }

    fn named<'u>(&self, uri: &'u str) -> &'u str {
        self.inner.named(uri)
    }

    fn list(&self) -> Result<Vec<Object>, StoreError> {
        self.inner.list()
    }

    fn list_below(&self, uri: &str) -> Result<Vec<Object>, StoreError> {
        self.inner.list_below(uri)
    }

    fn open(&self, uri: &str) -> Result<Box<dyn Read + Send>, StoreError> {
        let inner = self.inner.open(uri)?;
        Ok(Box::new(WatchedRead { inner, uri: uri.to_owned(), broken: Arc::clone(&self.broken) }))
    }
}

struct WatchedRead {
    inner: Box<dyn Read + Send>,
    uri: String,
    broken: Broken,
}

impl Read for WatchedRead {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.inner.read(buffer).inspect_err(|error| {
            if error.kind() != io::ErrorKind::Interrupted {
                let copy = io::Error::new(error.kind(), error.to_string());
                self.broken
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .get_or_insert((self.uri.clone(), copy));
            }
        })
    }
}
