//! Reports as files: names that are safe wherever a team's name came from, and
//! sets of files that appear whole or not at all.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::Weekly;
use crate::error::ReportError;

/// Longest part of a file name taken from a team's name.
const SLUG_BYTES: usize = 60;

/// Creates the directory and proves that files can be made in it: called before
/// a report is worked on, so that a wrong `--out` costs nothing.
///
/// # Errors
/// [`ReportError::Write`].
pub fn prepare(out: &Path) -> Result<(), ReportError> {
    std::fs::create_dir_all(out).map_err(|cause| failed(out, cause))?;
    temporary(out).map(drop).map_err(|cause| failed(out, cause))
}

/// Writes a report's files into a directory, replacing those of the same week,
/// and says which: the page for a browser, the mail's two parts, its images, the attachments.
/// All are complete on disk under temporary names before the first gets its own.
///
/// # Errors
/// [`ReportError::Write`].
pub fn write(weekly: &Weekly, out: &Path) -> Result<Vec<PathBuf>, ReportError> {
    prepare(out)?;
    let stem = &weekly.stem;
    // In a letter images are parts of it, here they are files beside it.
    let mail_html = weekly.images.iter().fold(weekly.mail_html.clone(), |html, image| {
        html.replace(&format!("cid:{}", image.content_id()), &image.name)
    });
    let mut files = vec![
        (format!("{stem}.html"), weekly.html.as_bytes()),
        (format!("{stem}.mail.html"), mail_html.as_bytes()),
        (format!("{stem}.txt"), weekly.text.as_bytes()),
    ];
    files.extend(weekly.images.iter().map(|one| (one.name.clone(), one.content.as_slice())));
    files.extend(weekly.attachments.iter().map(|one| (one.name.clone(), one.content.as_bytes())));
    let mut complete = Vec::new();
    for (name, content) in files {
        let path = out.join(name);
        let fill = || -> io::Result<NamedTempFile> {
            let mut file = temporary(out)?;
            file.write_all(content)?;
            file.as_file().sync_all()?;
            Ok(file)
        };
        complete.push((fill().map_err(|cause| failed(&path, cause))?, path));
    }
    let mut written = Vec::new();
    for (file, path) in complete {
        file.persist(&path).map_err(|error| failed(&path, error.error))?;
        written.push(path);
    }
    Ok(written)
}

fn temporary(out: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".report-");
    // Reports are for others to read: the umask decides, not the temporary file's secrecy.
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    builder.tempfile_in(out)
}

fn failed(path: &Path, cause: io::Error) -> ReportError {
    ReportError::Write { path: path.to_owned(), cause }
}

/// File name parts of the platform and of every team, in the given order: all
/// different, also where names differ only in what a file name cannot hold.
pub(super) fn stems<'a>(teams: impl Iterator<Item = &'a str>) -> (String, Vec<String>) {
    let platform = "platform".to_owned();
    let mut taken = BTreeSet::from([platform.clone()]);
    let stems = teams
        .map(|team| {
            let slug = slug(team);
            let mut stem = slug.clone();
            for n in 2_u32.. {
                if taken.insert(stem.clone()) {
                    break;
                }
                stem = format!("{slug}-{n}");
            }
            stem
        })
        .collect();
    (platform, stems)
}

/// Lower-case ASCII letters and digits, all else one `-`.
pub(crate) fn slug(name: &str) -> String {
    let mut slug = String::new();
    for c in name.chars() {
        if c.is_ascii_alphanumeric() {
            slug.push(c.to_ascii_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.truncate(SLUG_BYTES);
    let slug = slug.trim_end_matches('-');
    if slug.is_empty() { "team".to_owned() } else { slug.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_are_safe_and_different() {
        let long = "x".repeat(300);
        let names = [
            "growth",
            "Growth!",
            "../../etc/passwd",
            "platform",
            "",
            "データ",
            "<script>",
            "a\0b\n",
            long.as_str(),
        ];
        let (platform, stems) = stems(names.into_iter());
        assert_eq!(platform, "platform");
        assert_eq!(
            stems[..8],
            ["growth", "growth-2", "etc-passwd", "platform-2", "team", "team-2", "script", "a-b"]
        );
        assert_eq!(stems[8].len(), SLUG_BYTES);
    }

    fn weekly() -> Weekly {
        Weekly {
            team: None,
            stem: "platform-2026-W41".into(),
            subject: "s".into(),
            news: vec![],
            link: None,
            html: "<p>".into(),
            mail_html: "<img src=\"cid:platform-2026-W41-usd-light.png@lakeledger\">".into(),
            text: "t".into(),
            images: vec![crate::mail::Enclosure {
                name: "platform-2026-W41-usd-light.png".into(),
                content_type: "image/png",
                content: vec![0x89],
            }],
            week: "2026-W41".into(),
            missing_from: None,
            open_from: None,
            totals: vec![],
            is_over_budget: false,
            basis: model::Basis::Effective,
            published_at: "2026-10-12T04:10:00Z".parse().unwrap(),
            attachments: vec![super::super::Attachment {
                name: "platform-2026-W41-days.csv".into(),
                content: "day\r\n".into(),
            }],
        }
    }

    #[test]
    fn files_appear_whole_and_replace_the_older_ones() {
        let directory = tempfile::tempdir().unwrap();
        let out = directory.path().join("new").join("reports");
        for _ in 0..2 {
            let written = write(&weekly(), &out).unwrap();
            assert_eq!(written.len(), 5);
            let mut names: Vec<_> = std::fs::read_dir(&out)
                .unwrap()
                .map(|f| f.unwrap().file_name().into_string().unwrap())
                .collect();
            names.sort();
            assert_eq!(
                names,
                [
                    "platform-2026-W41-days.csv",
                    "platform-2026-W41-usd-light.png",
                    "platform-2026-W41.html",
                    "platform-2026-W41.mail.html",
                    "platform-2026-W41.txt"
                ],
                "no temporary file is left"
            );
            assert_eq!(std::fs::read_to_string(&written[0]).unwrap(), "<p>");
            let mail = std::fs::read_to_string(&written[1]).unwrap();
            assert_eq!(mail, "<img src=\"platform-2026-W41-usd-light.png\">", "images are files beside it");
        }
    }

    #[test]
    fn a_directory_that_cannot_be_made_is_named_with_a_hint() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file");
        std::fs::write(&file, "").unwrap();
        for error in [prepare(&file).unwrap_err(), write(&weekly(), &file.join("below")).unwrap_err()] {
            assert!(error.to_string().starts_with("could not write `"), "{error}");
            assert!(std::error::Error::source(&error).is_some());
            assert!(error.hint().is_some());
        }
    }

    #[cfg(unix)]
    #[test]
    fn others_may_read_what_the_umask_lets_them() {
        use std::os::unix::fs::PermissionsExt;
        let directory = tempfile::tempdir().unwrap();
        let plain = directory.path().join("plain");
        std::fs::write(&plain, "").unwrap();
        let written = write(&weekly(), directory.path()).unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&written[0]), mode(&plain));
    }
}
