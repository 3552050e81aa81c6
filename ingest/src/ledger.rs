//! The ledger directory as a writer sees it: one writer at a time, files that appear
//! whole or not at all, and a manifest whose rename is the commit.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use model::manifest::{MANIFEST_FILE, MANIFEST_VERSION, Manifest};
use model::time::Instant;

/// Directory of landed files in the ledger.
pub const LANDED: &str = "landed";
/// File whose lock makes a process the writer; it names that process.
pub const LOCK_FILE: &str = "writer.lock";

/// What went wrong with the ledger itself.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
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
    /// Another process is writing.
    #[error("the ledger `{ledger}` is being written by {holder}")]
    Locked {
        /// Ledger directory.
        ledger: String,
        /// The process, its command and since when, as it wrote itself down.
        holder: String,
    },
    /// The manifest is damaged or of another version.
    #[error("could not read the manifest `{path}`: {fault}")]
    Manifest {
        /// Its path.
        path: String,
        /// What is wrong.
        fault: String,
    },
    /// Polars could not write or read a landed file.
    #[error("could not {operation} `{path}`")]
    Parquet {
        /// What was being done.
        operation: &'static str,
        /// With which file.
        path: String,
        /// What polars said.
        #[source]
        cause: polars::error::PolarsError,
    },
    /// Rows could not become columns.
    #[error(transparent)]
    Rows(#[from] crate::frame::FrameError),
}

impl LedgerError {
    /// The hint, where there is one.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Locked { .. } => Some("wait for it to end, or stop it; a lock dies with its process"),
            Self::Manifest { .. } => {
                Some("restore it from a backup, or move the ledger away and run again from the sources")
            }
            _ => None,
        }
    }

    pub(crate) fn file(operation: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.display().to_string();
        move |cause| Self::File { operation, path, cause }
    }
}

/// The right to write to a ledger, held until dropped. The operating system ends it with
/// the process, so that a killed writer blocks nobody.
#[derive(Debug)]
pub struct WriterLock {
    _file: File,
}

impl WriterLock {
    /// Takes the lock or says who holds it. Makes the ledger directory where it is missing.
    ///
    /// # Errors
    /// [`LedgerError::Locked`] while another process writes.
    pub fn acquire(ledger: &Path, command: &str, now: Instant) -> Result<Self, LedgerError> {
        fs::create_dir_all(ledger).map_err(LedgerError::file("create", ledger))?;
        let path = ledger.join(LOCK_FILE);
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(LedgerError::file("open", &path))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                let _ = file.read_to_string(&mut holder);
                let holder = if holder.trim().is_empty() {
                    "another process".into()
                } else {
                    holder.trim().to_owned()
                };
                return Err(LedgerError::Locked { ledger: ledger.display().to_string(), holder });
            }
            Err(TryLockError::Error(cause)) => return Err(LedgerError::file("lock", &path)(cause)),
        }
        let text = format!(
            "process {} (`{command}`, since {})\n",
            std::process::id(),
            now.format("%Y-%m-%d %H:%M:%S UTC")
        );
        file.set_len(0)
            .and_then(|()| file.seek(SeekFrom::Start(0)))
            .and_then(|_| file.write_all(text.as_bytes()))
            .map_err(LedgerError::file("write", &path))?;
        Ok(Self { _file: file })
    }
}

/// A ledger directory and its manifest.
#[derive(Debug)]
pub struct Ledger {
    root: PathBuf,
    manifest: Manifest,
}

impl Ledger {
    /// Opens a ledger; an empty one where there is none.
    ///
    /// # Errors
    /// When the manifest is there but unreadable.
    pub fn open(root: &Path) -> Result<Self, LedgerError> {
        let path = root.join(MANIFEST_FILE);
        let manifest = match fs::read_to_string(&path) {
            Ok(text) => {
                let damaged =
                    |fault: String| LedgerError::Manifest { path: path.display().to_string(), fault };
                let manifest: Manifest =
                    serde_json::from_str(&text).map_err(|cause| damaged(cause.to_string()))?;
                if manifest.version != MANIFEST_VERSION {
                    return Err(damaged(format!(
                        "it is of version {}, this build reads {MANIFEST_VERSION}",
                        manifest.version
                    )));
                }
                manifest
            }
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => Manifest::default(),
            Err(cause) => return Err(LedgerError::file("read", &path)(cause)),
        };
        Ok(Self { root: root.to_owned(), manifest })
    }

    /// Its directory.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// What is current.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Makes a manifest current: everything it names must be on disk already. This rename is
    /// the commit.
    ///
    /// # Errors
    /// When it cannot be written; the old manifest stays current.
    pub fn commit(&mut self, manifest: Manifest) -> Result<(), LedgerError> {
        write_whole(&self.root.join(MANIFEST_FILE), &manifest)?;
        self.manifest = manifest;
        Ok(())
    }

    /// Deletes landed files that the manifest does not name: left by a killed writer, or
    /// replaced by the last commit.
    ///
    /// # Errors
    /// When a directory cannot be read or a file not deleted.
    pub fn collect_garbage(&self) -> Result<(), LedgerError> {
        let named: std::collections::HashSet<PathBuf> = self
            .manifest
            .entries
            .iter()
            .flat_map(|entry| &entry.parts)
            .map(|part| self.root.join(&part.path))
            .collect();
        let landed = self.root.join(LANDED);
        if landed.is_dir() {
            sweep(&landed, &named)?;
        }
        Ok(())
    }
}

/// Deletes unnamed files below a directory; returns whether the directory is empty then.
fn sweep(directory: &Path, named: &std::collections::HashSet<PathBuf>) -> Result<bool, LedgerError> {
    let failed = |cause| LedgerError::file("clean", directory)(cause);
    let mut empty = true;
    for entry in fs::read_dir(directory).map_err(failed)? {
        let path = entry.map_err(|cause| LedgerError::file("clean", directory)(cause))?.path();
        if path.is_dir() {
            if sweep(&path, named)? {
                fs::remove_dir(&path).map_err(LedgerError::file("remove", &path))?;
            } else {
                empty = false;
            }
        } else if named.contains(&path) {
            empty = false;
        } else {
            fs::remove_file(&path).map_err(LedgerError::file("remove", &path))?;
        }
    }
    Ok(empty)
}

/// Writes a manifest whole: temporary name, flush to disk, rename, flush the directory. It is
/// never held as text: it names every object ever read, and may be a hundred megabytes.
fn write_whole(path: &Path, manifest: &Manifest) -> Result<(), LedgerError> {
    let temporary = path.with_extension("tmp");
    let file = File::create(&temporary).map_err(LedgerError::file("create", &temporary))?;
    let mut writer = BufWriter::with_capacity(1 << 16, file);
    serde_json::to_writer(&mut writer, manifest)
        .map_err(io::Error::from)
        .and_then(|()| writer.into_inner().map_err(io::IntoInnerError::into_error))
        .and_then(|file| file.sync_all())
        .map_err(LedgerError::file("write", &temporary))?;
    fs::rename(&temporary, path).map_err(LedgerError::file("replace", path))?;
    let parent = path.parent().unwrap_or(path);
    sync_directory(parent)
}

/// Flushes a directory, so that a rename in it survives a power cut.
pub(crate) fn sync_directory(directory: &Path) -> Result<(), LedgerError> {
    File::open(directory).and_then(|file| file.sync_all()).map_err(LedgerError::file("flush", directory))
}
