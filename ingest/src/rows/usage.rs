//! Who used what is billed, where its own logs are not read.

use model::Amount;
use model::landed::Dataset;
use model::time::Instant;

use crate::packed::{Cells, Row};

/// What one consumer used of some charges on some days.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageShare {
    /// `source_line`
    pub source_line: i64,
    /// `pool`
    pub pool: Option<String>,
    /// `cluster_id`
    pub cluster_id: Option<String>,
    /// `resource_id`
    pub resource_id: Option<String>,
    /// `service`
    pub service: Option<String>,
    /// `tag_key`
    pub tag_key: Option<String>,
    /// `tag_value`
    pub tag_value: Option<String>,
    /// `starts_on`
    pub starts_on: Instant,
    /// `ends_on`
    pub ends_on: Option<Instant>,
    /// `dimension`
    pub dimension: String,
    /// `consumer`
    pub consumer: String,
    /// `share`
    pub share: Option<Amount>,
    /// `quantity`
    pub quantity: Option<Amount>,
    /// `unit`
    pub unit: Option<String>,
    /// `team`
    pub team: Option<String>,
}

impl Row for UsageShare {
    const DATASET: Dataset = Dataset::UsageShares;

    fn write(&self, cells: &mut Cells<'_>) {
        cells.int(self.source_line);
        cells.opt_text(self.pool.as_deref());
        cells.opt_text(self.cluster_id.as_deref());
        cells.opt_text(self.resource_id.as_deref());
        cells.opt_text(self.service.as_deref());
        cells.opt_text(self.tag_key.as_deref());
        cells.opt_text(self.tag_value.as_deref());
        cells.instant(self.starts_on);
        cells.opt_instant(self.ends_on);
        cells.text(&self.dimension);
        cells.text(&self.consumer);
        cells.opt_decimal(self.share);
        cells.opt_decimal(self.quantity);
        cells.opt_text(self.unit.as_deref());
        cells.opt_text(self.team.as_deref());
    }
}
