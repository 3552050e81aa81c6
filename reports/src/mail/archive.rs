//! Letters as files: written whole before they are recorded, sent from there, kept as what was
//! sent.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use super::MailError;

/// Directory of letters in the ledger.
const MAIL: &str = "mail";

/// File of a letter, relative to the ledger: `mail/weekly/2026-W41/growth-0a1b2c3d4e5f6071.eml`.
pub(super) fn place(report: &str, period: &str, name: &str) -> PathBuf {
    Path::new(MAIL).join(report).join(period).join(format!("{name}.eml"))
}

/// Writes a letter; it is on disk when this returns.
pub(super) fn write(ledger: &Path, place: &Path, letter: &[u8]) -> Result<(), MailError> {
    let path = ledger.join(place);
    let failed = |operation| {
        let path = path.clone();
        move |cause| MailError::Archive { operation, path, cause }
    };
    let directory = path.parent().unwrap_or(ledger);
    fs::create_dir_all(directory).map_err(failed("create the directory of"))?;
    let mut file =
        tempfile::Builder::new().prefix(".letter-").tempfile_in(directory).map_err(failed("create"))?;
    file.write_all(letter).and_then(|()| file.as_file().sync_all()).map_err(failed("write"))?;
    file.persist(&path).map_err(|error| failed("write")(error.error))?;
    fs::File::open(directory).and_then(|it| it.sync_all()).map_err(failed("flush the directory of"))
}

/// Reads a letter.
pub(super) fn read(ledger: &Path, place: &str) -> Result<Vec<u8>, MailError> {
    let path = ledger.join(place);
    fs::read(&path).map_err(|cause| MailError::Archive { operation: "read", path, cause })
}

/// Deletes the letters of a report but of the newest `keep` periods; says how many periods went.
/// The record of what was sent stays.
///
/// # Errors
/// When a directory cannot be read or a file not be deleted.
pub fn prune(ledger: &Path, report: &str, keep: usize) -> Result<usize, MailError> {
    let directory = ledger.join(MAIL).join(report);
    let failed = |operation, path: &Path| {
        let path = path.to_owned();
        move |cause| MailError::Archive { operation, path, cause }
    };
    let entries = match fs::read_dir(&directory) {
        Ok(entries) => entries,
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(0),
        Err(cause) => return Err(failed("read", &directory)(cause)),
    };
    let mut periods = Vec::new();
    for entry in entries {
        periods.push(entry.map_err(failed("read", &directory))?.path());
    }
    // Periods are written so that they sort by time.
    periods.sort();
    let over = periods.len().saturating_sub(keep);
    for period in &periods[..over] {
        fs::remove_dir_all(period).map_err(failed("delete", period))?;
    }
    Ok(over)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_of_the_newest_periods_stay() {
        let ledger = tempfile::tempdir().unwrap();
        assert_eq!(prune(ledger.path(), "weekly", 2).unwrap(), 0, "nothing was sent yet");
        for period in ["2026-W53", "2026-W09", "2027-W01"] {
            write(ledger.path(), &place("weekly", period, "growth-1"), b"letter").unwrap();
        }
        assert_eq!(prune(ledger.path(), "weekly", 2).unwrap(), 1);
        let is_there = |period| ledger.path().join(place("weekly", period, "growth-1")).is_file();
        assert_eq!(["2026-W09", "2026-W53", "2027-W01"].map(is_there), [false, true, true]);
        assert_eq!(read(ledger.path(), "mail/weekly/2027-W01/growth-1.eml").unwrap(), b"letter");
    }
}
