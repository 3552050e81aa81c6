//! Who owns what, as files say.

use model::landed::Dataset;
use model::time::Instant;

use crate::packed::{Cells, Row};

/// One ownership rule of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner {
    /// `source_line`
    pub source_line: i64,
    /// `recorded_at`
    pub recorded_at: Instant,
    /// `kind`
    pub kind: &'static str,
    /// `tag_key`
    pub tag_key: Option<String>,
    /// `pattern`
    pub pattern: String,
    /// `team`
    pub team: String,
    /// `valid_from`
    pub valid_from: Option<Instant>,
    /// `valid_to`
    pub valid_to: Option<Instant>,
}

impl Row for Owner {
    const DATASET: Dataset = Dataset::Owners;

    fn write(&self, cells: &mut Cells<'_>) {
        cells.int(self.source_line);
        cells.instant(self.recorded_at);
        cells.text(self.kind);
        cells.opt_text(self.tag_key.as_deref());
        cells.text(&self.pattern);
        cells.text(&self.team);
        cells.opt_instant(self.valid_from);
        cells.opt_instant(self.valid_to);
    }
}
