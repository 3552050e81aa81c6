//! Which published marts stay: the last few, and of earlier days the last of each, so that what
//! changed since Monday can be asked however often marts are made.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use chrono::DateTime;
use model::time::Instant;

use crate::engine::{Builder, EngineError};

/// Published marts that are kept in any case, the current one included.
pub const KEPT_MARTS: usize = 3;

/// What is kept beyond these: the last mart of each UTC day on which one was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeptDays {
    /// Of how many such days, the newest first.
    pub days: usize,
    /// What they may take together; nothing where days alone bound them.
    pub bytes: Option<u64>,
}

impl Default for KeptDays {
    /// Two weeks back, unless marts are so large that nobody may have room for them.
    fn default() -> Self {
        Self { days: 15, bytes: Some(10 << 30) }
    }
}

/// Every mart there was, the one that was published last first, and when it was.
pub(super) fn published(builder: &Builder) -> Result<Vec<(String, Instant)>, EngineError> {
    let failed = |cause| EngineError { operation: "list what was published".into(), cause };
    let sql = "select mart_id, epoch_us(max_by(recorded_at, publish_nr)) from publishes
        group by mart_id order by max(publish_nr) desc";
    let mut statement = builder.connection.prepare(sql).map_err(failed)?;
    let rows = statement
        .query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?)))
        .map_err(failed)?;
    let rows: Vec<(String, i64)> = rows.collect::<Result<_, _>>().map_err(failed)?;
    let at = |micros| DateTime::from_timestamp_micros(micros).unwrap_or_default();
    Ok(rows.into_iter().map(|(id, micros)| (id, at(micros))).collect())
}

/// Removes marts that are not kept. One that no publish is known of can be asked for by nobody.
pub(super) fn prune(
    marts: &Path,
    current: &str,
    published: &[(String, Instant)],
    kept: KeptDays,
) -> io::Result<()> {
    let mut files: BTreeMap<String, (PathBuf, u64)> = BTreeMap::new();
    for entry in fs::read_dir(marts)? {
        let entry = entry?;
        let path = entry.path();
        let is_mart = path.extension().is_some_and(|ending| ending == "duckdb");
        if let Some(id) = path.file_stem().and_then(|stem| stem.to_str()).filter(|_| is_mart) {
            files.insert(id.to_owned(), (path.clone(), entry.metadata()?.len()));
        }
    }
    let stay = staying(&files, current, published, kept);
    for (id, (path, _)) in &files {
        if !stay.contains(id.as_str()) {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

fn staying<'a>(
    files: &BTreeMap<String, (PathBuf, u64)>,
    current: &'a str,
    published: &'a [(String, Instant)],
    kept: KeptDays,
) -> BTreeSet<&'a str> {
    let there: Vec<(&str, Instant, u64)> = published
        .iter()
        .filter_map(|(id, at)| files.get(id).map(|(_, bytes)| (id.as_str(), *at, *bytes)))
        .collect();
    let mut stay: BTreeSet<&str> = there.iter().take(KEPT_MARTS).map(|(id, ..)| *id).collect();
    stay.insert(current);
    let (mut days, mut taken) = (BTreeSet::new(), 0_u64);
    for (id, at, bytes) in there {
        // The first of a day that is met is its last.
        if !days.insert(at.date_naive()) {
            continue;
        }
        if days.len() > kept.days {
            break;
        }
        if stay.contains(id) {
            continue;
        }
        taken = taken.saturating_add(bytes);
        if kept.bytes.is_some_and(|most| taken > most) {
            break;
        }
        stay.insert(id);
    }
    stay
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_of_each_day_stays_beside_the_last_three() {
        let made = [
            ("h", "2026-10-16T12:00:00Z"),
            ("g", "2026-10-16T11:00:00Z"),
            ("f", "2026-10-16T10:00:00Z"),
            ("e", "2026-10-16T09:00:00Z"),
            ("d", "2026-10-15T23:00:00Z"),
            ("gone", "2026-10-15T22:00:00Z"),
            ("c", "2026-10-15T08:00:00Z"),
            ("b", "2026-10-12T10:00:00Z"),
            ("a", "2026-10-09T10:00:00Z"),
        ];
        let published = made.map(|(id, at)| (id.to_owned(), at.parse().unwrap()));
        let files = ["a", "b", "c", "d", "e", "f", "g", "h", "x"];
        let kept = |days, bytes| {
            let directory = tempfile::tempdir().unwrap();
            for id in files {
                fs::write(directory.path().join(format!("{id}.duckdb")), "ten bytes.").unwrap();
            }
            fs::write(directory.path().join("current"), "h").unwrap();
            prune(directory.path(), "h", &published, KeptDays { days, bytes }).unwrap();
            files
                .into_iter()
                .filter(|id| directory.path().join(format!("{id}.duckdb")).exists())
                .collect::<String>()
        };
        assert_eq!(kept(15, None), "abdfgh");
        assert_eq!(kept(3, None), "bdfgh", "the 16th, the 15th and the 12th");
        assert_eq!(kept(2, None), "dfgh");
        assert_eq!(kept(0, None), "fgh");
        assert_eq!(kept(15, Some(20)), "bdfgh", "two of ten bytes");
        assert_eq!(kept(15, Some(9)), "fgh");
    }
}
