//! Which of the published marts are kept: what was current at some moment can be asked for,
//! until it is pruned.

use model::time::Instant;

use super::{Mart, MartError, Publish, moment};

const OTHERS: &str = "earlier publishes are told to those who see all teams";

impl Mart {
    /// The publishes whose marts are kept, oldest first, this one the last.
    pub fn kept(&self) -> Vec<Publish> {
        let own = self.info.publishes.last().map(|publish| publish.number);
        let is_kept = |publish: &&Publish| {
            // A mart that was published again is the newer publish's.
            let newest = self.info.publishes.iter().rfind(|other| other.mart_id == publish.mart_id);
            newest.is_some_and(|newest| newest.number == publish.number)
                && (own == Some(publish.number) || self.file_of(&publish.mart_id).is_file())
        };
        self.info.publishes.iter().filter(is_kept).cloned().collect()
    }

    /// Opens the mart that was current at a moment.
    ///
    /// # Errors
    /// [`MartError::NotKept`] where nothing was published yet, or what was is pruned.
    pub fn as_published(&self, at: Instant) -> Result<Self, MartError> {
        self.whole(OTHERS)?;
        let wanted = self.info.publishes.iter().rfind(|publish| publish.at <= at);
        let Some(wanted) = wanted else {
            let what = format!("no figures had been published by {}", moment(at));
            return Err(self.not_kept(what));
        };
        if !self.kept().contains(wanted) {
            let what = format!(
                "the figures that were current at {}, published {} as {}, are no longer kept",
                moment(at),
                minute(wanted.at),
                wanted.mart_id
            );
            return Err(self.not_kept(what));
        }
        Self::open_file(&self.file_of(&wanted.mart_id))
    }

    /// Opens another mart of the same ledger by its id.
    ///
    /// # Errors
    /// [`MartError::NotKept`] where there is none of this id.
    pub fn kept_by_id(&self, id: &str) -> Result<Self, MartError> {
        self.whole(OTHERS)?;
        if !self.kept().iter().any(|publish| publish.mart_id == id) {
            return Err(self.not_kept(format!("there is no mart `{id}` in the ledger")));
        }
        Self::open_file(&self.file_of(id))
    }

    fn file_of(&self, id: &str) -> std::path::PathBuf {
        self.path.with_file_name(format!("{id}.duckdb"))
    }

    fn not_kept(&self, what: String) -> MartError {
        let oldest = self.kept().into_iter().next();
        let oldest = oldest.map_or_else(
            || "none is kept".to_owned(),
            |oldest| format!("the oldest kept were published {} as {}", minute(oldest.at), oldest.mart_id),
        );
        MartError::NotKept { what, oldest }
    }
}

fn minute(at: Instant) -> String {
    at.format("%Y-%m-%d %H:%M UTC").to_string()
}
