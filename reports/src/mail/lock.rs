//! Who puts letters in line and sends them: one process at a time.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;

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
        let directory = ledger.join("mail");
        let path = directory.join(".lock");
        let failed = |operation| {
            let path = path.clone();
            move |cause| MailError::Archive { operation, path, cause }
        };
        fs::create_dir_all(&directory).map_err(failed("create the directory of"))?;
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(failed("open"))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                let _ = file.read_to_string(&mut holder);
                waits(holder.trim());
                file.lock().map_err(failed("lock"))?;
            }
            Err(TryLockError::Error(cause)) => return Err(failed("lock")(cause)),
        }
        let text = format!("process {}\n", std::process::id());
        file.set_len(0)
            .and_then(|()| file.seek(SeekFrom::Start(0)))
            .and_then(|_| file.write_all(text.as_bytes()))
            .map_err(failed("write"))?;
        Ok(Self { _file: file })
    }
}
