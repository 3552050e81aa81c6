//! Readers: one module a format, one line in [`reader`] each.

mod airflow;
mod aws_cur;
mod aws_cur2;
mod bill;
mod codec;
mod directories;
mod emr;
mod flink;
mod focus;
mod iceberg;
mod iceberg_reports;
mod iso_time;
mod lines;
mod maestro;
mod openlineage;
mod owners_csv;
mod records;
mod row_groups;
mod s3_inventory;
mod s3_uploads;
mod scalars;
mod spark;
mod trino;
mod usage_csv;

use model::Warning;

use crate::frame::FrameError;
use crate::sink::Sink;
use crate::store::{Object, Store, StoreError};

/// What is read together, and replaced together: one log, one log directory, one
/// delivery of a bill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unit {
    /// URI that names it in the ledger: of its only, first or describing object.
    pub key: String,
    /// Every object it consists of, in reading order.
    pub objects: Vec<Object>,
}

impl Unit {
    /// A unit of one object.
    pub fn single(object: Object) -> Self {
        Self { key: object.uri.clone(), objects: vec![object] }
    }
}

/// What a listing amounts to.
#[derive(Debug, Default)]
pub struct Plan {
    /// Units to be read, in a stable order.
    pub units: Vec<Unit>,
    /// What was noticed while planning: a corrupt manifest, a file nothing lists.
    pub warnings: Vec<Warning>,
}

/// Why a unit could not be read; nothing of it is landed then.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A row did not fit the landed schema: our fault.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// The object is not what it should be.
    #[error("could not read {what} `{object}`: {fault}")]
    Malformed {
        /// `bill`, `event log`, `manifest`: what it was read as.
        what: &'static str,
        /// URI, with `:line` where one line is at fault.
        object: String,
        /// What is wrong, lower case.
        fault: String,
        /// What to do about it.
        hint: Option<String>,
    },
}

impl ReadError {
    /// The hint, where there is one.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Store(error) => error.hint.as_deref(),
            Self::Malformed { hint, .. } => hint.as_deref(),
            Self::Frame(_) => None,
        }
    }
}

/// What a source's configuration tells its reader beyond the location.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SourceOptions {
    /// All its runs ran on this cluster.
    pub cluster: Option<String>,
    /// Prefixes of table locations and what they are in the bill, longest first.
    pub location_map: Vec<(String, String)>,
    /// Catalog name of its tables, where the metadata does not say.
    pub catalog: Option<String>,
}

/// A reader of one format. Readers hold no state: what was read before is the ledger's business.
pub trait Reader: Send + Sync {
    /// Groups a listing into units.
    ///
    /// # Errors
    /// When what describes the units cannot be read at all.
    fn plan(&self, store: &dyn Store, listing: &[Object]) -> Result<Plan, ReadError>;

    /// Reads one unit into the sink.
    ///
    /// # Errors
    /// When the unit is unusable; defects that leave it usable are warnings in the sink.
    fn read(
        &self,
        store: &dyn Store,
        unit: &Unit,
        now: model::time::Instant,
        sink: &mut Sink,
    ) -> Result<(), ReadError>;

    /// Counted up where the same object is read to other rows than before: what was landed is then read again.
    fn revision(&self) -> u32 {
        1
    }

    /// Whether a period of this source holds just the units that are listed now (a bill:
    /// a file that is gone was replaced) or keeps what was landed (logs: a file that is
    /// gone was cleaned up).
    fn replaces_periods(&self) -> bool {
        false
    }

    /// Whether every run of the ingest that changes anything makes a new collection that
    /// holds all units (table metadata), in the period of the day it was read.
    fn collects(&self) -> bool {
        false
    }
}

/// Kinds that can be read.
pub const KINDS: &[&str] = &[
    "aws-cur",
    "aws-cur2",
    "focus",
    "spark-event-log",
    "maestro",
    "airflow",
    "openlineage",
    "trino-events",
    "flink-archive",
    "emr",
    "iceberg",
    "s3-inventory",
    "s3-uploads",
    "iceberg-reports",
    "usage-csv",
    "owners-csv",
];

/// Kinds the configuration reserves for readers to come.
pub const LATER_KINDS: &[&str] =
    &["dbt", "delta", "hive", "s3-access-log", "kafka", "druid", "redshift", "tableau", "snowflake"];

/// The reader of a configured `kind`; nothing for a kind that cannot be read yet.
pub fn reader(kind: &str, options: &SourceOptions) -> Option<Box<dyn Reader>> {
    match kind {
        "airflow" => Some(Box::new(airflow::Airflow::new(options))),
        "aws-cur" => Some(Box::new(aws_cur::AwsCur)),
        "aws-cur2" => Some(Box::new(aws_cur2::AwsCur2)),
        "emr" => Some(Box::new(emr::Emr)),
        "focus" => Some(Box::new(focus::Focus)),
        "maestro" => Some(Box::new(maestro::Maestro::new(options))),
        "owners-csv" => Some(Box::new(owners_csv::OwnersCsv)),
        "openlineage" => Some(Box::new(openlineage::OpenLineage::new(options))),
        "spark-event-log" => Some(Box::new(spark::SparkEventLogs::new(options))),
        "flink-archive" => Some(Box::new(flink::FlinkArchives::new(options))),
        "iceberg-reports" => Some(Box::new(iceberg_reports::IcebergReports)),
        "s3-uploads" => Some(Box::new(s3_uploads::S3Uploads)),
        "s3-inventory" => Some(Box::new(s3_inventory::S3Inventory)),
        "trino-events" => Some(Box::new(trino::TrinoEvents::new(options))),
        "usage-csv" => Some(Box::new(usage_csv::UsageCsv)),
        "iceberg" => Some(Box::new(iceberg::IcebergReader::new(options))),
        _ => None,
    }
}
