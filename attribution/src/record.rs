//! The record of ownership: which team and rule each subject had on each day by each publish,
//! kept for good in `ledger/ownership/`.
//!
//! A run that finds the current mart up to date on a later day than the last publish adds
//! `<number>-seen.parquet`, which holds itself alone: as-was asks what was known when a day closed,
//! and that nothing had changed then is knowledge too.
//!
//! A publish adds one file, `<number>.parquet`, of what differs from what was recorded before
//! and of itself. It stands under a name that names its mart until `marts/current` names that
//! mart too: a publish that was killed before never was, one that was killed after is whole.
//! When there are many files, a publish writes the whole record into one, `<number>-all.parquet`,
//! and the files before it go. No file is ever changed.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use duckdb::Connection;
use model::time::Instant;

use crate::engine::{Builder, EngineError};
use crate::publish::PublishError;

/// Directory of the record in the ledger.
pub const OWNERSHIP: &str = "ownership";

/// Files beyond which a publish writes the whole record into one.
const MOST_FILES: usize = 24;

const PENDING: &str = ".pending-";
const ALL: &str = "-all.parquet";
const SEEN: &str = "-seen.parquet";
const CHANGES: &str = ".parquet";

/// The step a publish writes its file of.
pub(crate) const READS: &str = "owner_changes";

/// Columns of a record file.
const COLUMNS: &str = "publish_nr, recorded_at, mart_id, subject, engine, run_id, table_id, cluster_id, tag_set_id, \
     resource_id, account_id, usage_date, team, owner_rule";

/// What a file of the record holds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kept {
    /// What one publish changed.
    Changes,
    /// Everything until then.
    All,
    /// That nothing had changed.
    Seen,
}

/// The record as one publish finds it.
pub(crate) struct Record {
    directory: PathBuf,
    /// Files that together are the record, oldest first.
    files: Vec<PathBuf>,
    /// Number of the publish that is under way.
    number: u64,
    /// Number of the last publish that made a mart.
    made: u64,
}

/// A file written and waiting for its mart to become current.
pub(crate) struct Pending {
    pending: PathBuf,
    target: PathBuf,
    /// Files that it holds too.
    superseded: Vec<PathBuf>,
}

impl Record {
    /// Opens the record and settles what a killed publish left: its file counts where its
    /// mart is the current one.
    ///
    /// # Errors
    /// When the directory cannot be read or put in order.
    pub(crate) fn open(ledger: &Path, current: Option<&str>) -> Result<Self, PublishError> {
        let directory = ledger.join(OWNERSHIP);
        let failed = |cause| file_error("put in order", &directory, cause);
        fs::create_dir_all(&directory).map_err(failed)?;
        let mut found: Vec<(u64, Kept, PathBuf)> = Vec::new();
        for entry in fs::read_dir(&directory).map_err(failed)? {
            let mut path = entry.map_err(failed)?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
            if let Some((settled, mart)) = name.split_once(PENDING) {
                if Some(mart) == current {
                    let target = directory.join(settled);
                    fs::rename(&path, &target).and_then(|()| sync(&directory)).map_err(failed)?;
                    path = target;
                } else {
                    fs::remove_file(&path).map_err(failed)?;
                    continue;
                }
            } else if name.ends_with(".tmp") {
                fs::remove_file(&path).map_err(failed)?;
                continue;
            }
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let (number, kept) = if let Some(number) = name.strip_suffix(ALL) {
                (number, Kept::All)
            } else if let Some(number) = name.strip_suffix(SEEN) {
                (number, Kept::Seen)
            } else {
                (name.strip_suffix(CHANGES).unwrap_or_default(), Kept::Changes)
            };
            // What has another name is not ours: it is let be.
            if let Ok(number) = number.parse() {
                found.push((number, kept, path));
            }
        }
        found.sort();
        let number = found.last().map_or(0, |(number, ..)| *number) + 1;
        let made =
            found.iter().rev().find(|(_, kept, _)| *kept != Kept::Seen).map_or(0, |(number, ..)| *number);
        let whole = found.iter().rposition(|(_, kept, _)| *kept == Kept::All).unwrap_or(0);
        for (.., path) in found.drain(..whole) {
            fs::remove_file(path).map_err(failed)?;
        }
        Ok(Self { directory, files: found.into_iter().map(|(.., path)| path).collect(), number, made })
    }

    /// Number of the last publish that made a mart; 0 where none did.
    pub(crate) const fn made(&self) -> u64 {
        self.made
    }

    /// Makes the record readable to the models, as `recorded_owners`.
    ///
    /// # Errors
    /// When one of its files cannot be read.
    pub(crate) fn attach(&self, builder: &Builder) -> Result<(), EngineError> {
        if self.files.is_empty() {
            return Ok(());
        }
        let sql =
            format!("create or replace temp view recorded_owners as select {COLUMNS} from {}", self.rows());
        builder.run_in_session("read the record of ownership", &sql)
    }

    fn rows(&self) -> String {
        let files: Vec<_> = self.files.iter().map(|file| literal(file)).collect();
        format!("read_parquet([{}])", files.join(", "))
    }

    /// Notes that the current mart was found up to date, once a UTC day.
    ///
    /// # Errors
    /// When the record cannot be read or the file not be written.
    pub(crate) fn note_seen(&self, mart: &str, now: Instant) -> Result<(), PublishError> {
        if self.files.is_empty() {
            return Ok(());
        }
        let failed = |cause| EngineError { operation: "note that nothing had changed".into(), cause };
        let connection = Connection::open_in_memory().map_err(failed)?;
        let at = now.naive_utc().to_string();
        let is_noted: bool = connection
            .query_row(
                &format!(
                    "select coalesce(max(cast(recorded_at as date)) >= cast(cast(? as timestamp) as date), false)
                    from {} where subject = 'publish'",
                    self.rows()
                ),
                [&at],
                |row| row.get(0),
            )
            .map_err(failed)?;
        if is_noted {
            return Ok(());
        }
        let target = self.directory.join(format!("{:08}{SEEN}", self.number));
        let temporary = target.with_extension("tmp");
        let row = format!(
            "select cast({} as bigint) as publish_nr, cast('{at}' as timestamp) as recorded_at, '{mart}' as mart_id,
                'publish' as subject, '' as engine, '' as run_id, '' as table_id, '' as cluster_id, '' as tag_set_id,
                '' as resource_id, '' as account_id, cast(null as date) as usage_date, cast(null as varchar) as team,
                cast(null as varchar) as owner_rule",
            self.number
        );
        connection
            .execute_batch(&format!(
                "copy ({row}) to {} (format parquet, compression zstd)",
                literal(&temporary)
            ))
            .map_err(failed)?;
        sync(&temporary)
            .and_then(|()| fs::rename(&temporary, &target))
            .and_then(|()| sync(&self.directory))
            .map_err(|cause| file_error("write", &target, cause))
    }

    /// Writes what the built mart adds, to count once [`Pending::settle`] is called.
    ///
    /// # Errors
    /// When the file cannot be written; the record is untouched then.
    pub(crate) fn write(&self, builder: &Builder, mart: &str) -> Result<Pending, PublishError> {
        let is_all = self.files.len() >= MOST_FILES;
        let name = format!("{:08}{}", self.number, if is_all { ALL } else { CHANGES });
        let temporary = self.directory.join(format!("{name}.tmp"));
        let before =
            if is_all { format!("select {COLUMNS} from recorded_owners union all") } else { String::new() };
        let sql = format!(
            "copy (
                {before}
                select p.publish_nr, p.recorded_at, p.mart_id, c.subject, c.engine, c.run_id, c.table_id,
                    c.cluster_id, c.tag_set_id, c.resource_id, c.account_id, c.usage_date, c.team, c.owner_rule
                from owner_changes c
                cross join (select * from publishes order by publish_nr desc limit 1) p
                union all
                -- The publish itself, though it changed nothing: as-was asks when days were closed.
                (select publish_nr, recorded_at, mart_id, 'publish', '', '', '', '', '', '', '',
                    cast(null as date), cast(null as varchar), cast(null as varchar)
                from publishes order by publish_nr desc limit 1)
            ) to {} (format parquet, compression zstd)",
            literal(&temporary)
        );
        builder.run("record who owns what", &sql)?;
        let pending = self.directory.join(format!("{name}{PENDING}{mart}"));
        sync(&temporary)
            .and_then(|()| fs::rename(&temporary, &pending))
            .and_then(|()| sync(&self.directory))
            .map_err(|cause| file_error("write", &pending, cause))?;
        let superseded = if is_all { self.files.clone() } else { Vec::new() };
        Ok(Pending { pending, target: self.directory.join(name), superseded })
    }
}

impl Pending {
    /// Makes the file count: its mart is current now.
    ///
    /// # Errors
    /// When it cannot be renamed; the next publish does it then.
    pub(crate) fn settle(self) -> Result<(), PublishError> {
        let failed = |cause| file_error("publish", &self.target, cause);
        fs::rename(&self.pending, &self.target).map_err(failed)?;
        if let Some(directory) = self.target.parent() {
            sync(directory).map_err(failed)?;
        }
        for file in &self.superseded {
            fs::remove_file(file).map_err(|cause| file_error("remove", file, cause))?;
        }
        Ok(())
    }
}

/// The record before anything was published: what [`Record::attach`] replaces.
pub(crate) const EMPTY: &str = "create temp view recorded_owners as
    select cast(null as bigint) as publish_nr, cast(null as timestamp) as recorded_at,
        cast(null as varchar) as mart_id, cast(null as varchar) as subject, cast(null as varchar) as engine,
        cast(null as varchar) as run_id, cast(null as varchar) as table_id, cast(null as varchar) as cluster_id,
        cast(null as varchar) as tag_set_id, cast(null as varchar) as resource_id,
        cast(null as varchar) as account_id, cast(null as date) as usage_date, cast(null as varchar) as team,
        cast(null as varchar) as owner_rule
    where false";

fn file_error(operation: &'static str, path: &Path, cause: io::Error) -> PublishError {
    PublishError::File { operation, path: path.display().to_string(), cause }
}

fn literal(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', "''"))
}

fn sync(path: &Path) -> io::Result<()> {
    fs::File::open(path)?.sync_all()
}
