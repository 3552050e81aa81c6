//! Letters as files: written whole before they are recorded, sent from there, kept as what was
//! sent.

use std::collections::BTreeSet;
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

/// Deletes a letter, and the directory of its period where it was the last there; one that is gone
/// already is no error.
pub(super) fn delete(ledger: &Path, place: &str) -> Result<(), MailError> {
    let path = ledger.join(place);
    match fs::remove_file(&path) {
        Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => {
            Err(MailError::Archive { operation: "delete", path, cause })
        }
        _ => {
            // One that is not empty stays, which is no error either.
            let _ = path.parent().map(fs::remove_dir);
            Ok(())
        }
    }
}

/// Deletes the letters of a report but of the newest `keep` periods and of those that are
/// `needed`; says how many periods went.
pub(super) fn prune(
    ledger: &Path,
    report: &str,
    keep: usize,
    needed: &BTreeSet<String>,
) -> Result<usize, MailError> {
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
    periods.truncate(periods.len().saturating_sub(keep));
    let is_needed = |period: &Path| {
        period.file_name().and_then(|name| name.to_str()).is_some_and(|name| needed.contains(name))
    };
    periods.retain(|period| !is_needed(period));
    for period in &periods {
        fs::remove_dir_all(period).map_err(failed("delete", period))?;
    }
    Ok(periods.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_of_the_newest_periods_stay() {
        let ledger = tempfile::tempdir().unwrap();
        let needed = BTreeSet::from(["2026-W07".to_owned()]);
        assert_eq!(prune(ledger.path(), "weekly", 2, &needed).unwrap(), 0, "nothing was sent yet");
        for period in ["2026-W53", "2026-W09", "2027-W01", "2026-W07"] {
            write(ledger.path(), &place("weekly", period, "growth-1"), b"letter").unwrap();
        }
        assert_eq!(prune(ledger.path(), "weekly", 2, &needed).unwrap(), 1);
        let is_there = |period| ledger.path().join(place("weekly", period, "growth-1")).is_file();
        assert_eq!(["2026-W09", "2026-W53", "2027-W01"].map(is_there), [false, true, true]);
        assert!(is_there("2026-W07"), "it is to be sent still");
        assert_eq!(read(ledger.path(), "mail/weekly/2027-W01/growth-1.eml").unwrap(), b"letter");
    }
}
