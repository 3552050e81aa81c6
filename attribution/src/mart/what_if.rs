//! What another setting would save, recomputed from the history the mart holds: nothing is
//! simulated, past runs, gaps, reads and bytes are priced again under the setting.

use duckdb::types::Value;
use model::{Amount, Currency};

use super::{Mart, MartError};

/// A setting to try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WhatIf {
    /// This per cent of clusters' on-demand workers on spot.
    Spot {
        /// 0 to 100.
        percent: u32,
    },
    /// Clusters end when nothing has run on them for so many minutes.
    AutoTermination {
        /// Minutes.
        minutes: u32,
    },
    /// Workloads that the clock starts run only when an input has changed.
    EventDriven,
    /// Tables by day keep so many days.
    Ttl {
        /// Days.
        days: u32,
    },
    /// Files are folded to this size.
    Compaction {
        /// MiB.
        target_mib: u32,
    },
}

/// What the setting would come to for one subject, a month.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WhatIfRow {
    /// Cluster, workload or table.
    pub subject: String,
    /// Currency.
    pub currency: Currency,
    /// What is touched by the setting costs now.
    pub cost: Amount,
    /// What the setting would save of it.
    pub saving: Amount,
    /// What it rests on, and its risk.
    pub note: String,
}

impl WhatIf {
    fn sql(&self) -> &'static str {
        match self {
            Self::Spot { .. } => include_str!("../../sql/what_if/spot.sql"),
            Self::AutoTermination { .. } => include_str!("../../sql/what_if/auto_termination.sql"),
            Self::EventDriven => include_str!("../../sql/what_if/event_driven.sql"),
            Self::Ttl { .. } => include_str!("../../sql/what_if/ttl.sql"),
            Self::Compaction { .. } => include_str!("../../sql/what_if/compaction.sql"),
        }
    }

    fn setting(&self) -> i64 {
        i64::from(match self {
            Self::Spot { percent } => *percent,
            Self::AutoTermination { minutes } => *minutes,
            Self::EventDriven => 0,
            Self::Ttl { days } => *days,
            Self::Compaction { target_mib } => *target_mib,
        })
    }
}

impl Mart {
    /// What a setting would save, the largest first; of one subject where it is named.
    ///
    /// # Errors
    /// When the mart cannot be asked.
    pub fn what_if(&self, setting: &WhatIf, subject: Option<&str>) -> Result<Vec<WhatIfRow>, MartError> {
        let sql = format!(
            "with setting as (select cast(? as double) as value),
            answer as (
            {}
            )
            select subject, billing_currency,
                cast(cast(round(coalesce(cost, 0), 6) as decimal(38, 6)) as varchar),
                cast(cast(round(greatest(coalesce(saving, 0), 0), 6) as decimal(38, 6)) as varchar), note
            from answer
            where subject is not null and saving > 0 and (? is null or subject = ?)
            order by saving desc, subject",
            setting.sql()
        );
        let subject = subject.map_or(Value::Null, |subject| Value::Text(subject.to_owned()));
        let parameters = vec![Value::BigInt(setting.setting()), subject.clone(), subject];
        self.ask("try a setting on", &sql, parameters, |row| {
            Ok(WhatIfRow {
                subject: row.text(0)?,
                currency: row.currency(1)?,
                cost: row.amount(2)?,
                saving: row.amount(3)?,
                note: row.text(4)?,
            })
        })
    }
}
