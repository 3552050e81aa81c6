//! Who sends letters: one process at a time.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use super::MailError;

/// The right to send, held until dropped. The operating system ends it with the process, so
/// that one that was killed blocks nobody.
#[derive(Debug)]
pub struct SenderLock {
    _file: File,
}

impl SenderLock {
    /// Takes the lock. While another process has it, `waits` is told which, once, and then it is
    /// waited for: a sender's longest wait is bounded by its server's timeouts.
    ///
    /// # Errors
    /// When the lock's file cannot be made.
    pub fn acquire(ledger: &Path, waits: impl FnOnce(&str)) -> Result<Self, MailError> {
        let (path, mut file) = open(ledger)?;
        if !takes(&path, &file)? {
            let mut holder = String::new();
            let _ = file.read_to_string(&mut holder);
            waits(holder.trim());
            file.lock().map_err(failed("lock", &path))?;
        }
        Self::signed(&path, file)
    }

    /// Takes the lock; nothing while another process has it.
    ///
    /// # Errors
    /// When the lock's file cannot be made.
    pub fn try_acquire(ledger: &Path) -> Result<Option<Self>, MailError> {
        let (path, file) = open(ledger)?;
        if takes(&path, &file)? { Self::signed(&path, file).map(Some) } else { Ok(None) }
    }

    /// Says who has it.
    fn signed(path: &Path, mut file: File) -> Result<Self, MailError> {
        let text = format!("process {}\n", std::process::id());
        file.set_len(0)
            .and_then(|()| file.seek(SeekFrom::Start(0)))
            .and_then(|_| file.write_all(text.as_bytes()))
            .map_err(failed("write", path))?;
        Ok(Self { _file: file })
    }
}

fn failed(operation: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> MailError + use<> {
    let path = path.to_owned();
    move |cause| MailError::Archive { operation, path, cause }
}

fn open(ledger: &Path) -> Result<(PathBuf, File), MailError> {
    let directory = ledger.join("mail");
    let path = directory.join(".lock");
    fs::create_dir_all(&directory).map_err(failed("create the directory of", &path))?;
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
    Ok((path.clone(), file.map_err(failed("open", &path))?))
}

/// Takes the lock where it is free; whether it was.
fn takes(path: &Path, file: &File) -> Result<bool, MailError> {
    match file.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(cause)) => Err(failed("lock", path)(cause)),
    }
}
