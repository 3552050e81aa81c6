//! What another setting would save, recomputed from the history the mart holds: nothing is
//! simulated, past runs, gaps, reads and bytes are priced again under the setting.

use duckdb::types::Value;
use model::{Amount, Currency};

use super::{Mart, MartError};

/// Queries that answer: subject, currency, what it costs now, what would be saved and what that
/// would cost a month, and what the answer rests on.
pub(crate) const ANSWERS: [&str; 5] = [
    include_str!("../../sql/what_if/spot.sql"),
    include_str!("../../sql/what_if/auto_termination.sql"),
    include_str!("../../sql/what_if/event_driven.sql"),
    include_str!("../../sql/what_if/ttl.sql"),
    include_str!("../../sql/what_if/compaction.sql"),
];

/// What every answer begins with.
const HEAD: &str = include_str!("../../sql/what_if/head.sql");

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
    /// What the setting itself would cost: rewriting, starting and running again.
    pub fix_cost: Amount,
    /// Saving less cost of the fix.
    pub net: Amount,
    /// What it rests on, and its risk.
    pub note: String,
}

impl WhatIf {
    /// Per cent of workers on spot where nobody says how many.
    pub const SPOT_PERCENT: u32 = 80;
    /// Minutes after which a cluster ends where nobody says so.
    pub const TERMINATION_MINUTES: u32 = 60;
    /// Most of them that EMR takes: a week.
    pub const MOST_TERMINATION_MINUTES: u32 = 10_080;
    /// Days that are kept where nobody says how many.
    pub const TTL_DAYS: u32 = 90;
    /// Most days that can be asked for.
    pub const MOST_TTL_DAYS: u32 = 36_500;
    /// Size of files where nobody says so: what Iceberg writes.
    pub const TARGET_MIB: u32 = 512;
    /// Largest size that can be asked for.
    pub const MOST_TARGET_MIB: u32 = 65_536;

    const fn sql(&self) -> &'static str {
        match self {
            Self::Spot { .. } => ANSWERS[0],
            Self::AutoTermination { .. } => ANSWERS[1],
            Self::EventDriven => ANSWERS[2],
            Self::Ttl { .. } => ANSWERS[3],
            Self::Compaction { .. } => ANSWERS[4],
        }
    }

    /// What it is tried at: cluster, workload or table.
    pub const fn subject_kind(&self) -> &'static str {
        match self {
            Self::Spot { .. } | Self::AutoTermination { .. } => "cluster",
            Self::EventDriven => "workload",
            Self::Ttl { .. } | Self::Compaction { .. } => "table",
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
    /// What a setting would save, the largest net first, where it is worth more than it costs; of
    /// one subject where it is named, whatever it comes to.
    ///
    /// # Errors
    /// When the mart cannot be asked.
    pub fn what_if(&self, setting: &WhatIf, subject: Option<&str>) -> Result<Vec<WhatIfRow>, MartError> {
        let sql = format!(
            "with {HEAD},
            answer as (
            {}
            ),
            rounded as (
                select subject, billing_currency, note,
                    cast(round(coalesce(cost, 0), 6) as decimal(38, 6)) as cost,
                    cast(round(greatest(coalesce(saving, 0), 0), 6) as decimal(38, 6)) as saving,
                    cast(round(coalesce(fix_cost, 0), 6) as decimal(38, 6)) as fix_cost
                from answer
                where subject is not null
            )
            select subject, billing_currency, cast(cost as varchar), cast(saving as varchar),
                cast(fix_cost as varchar), cast(saving - fix_cost as varchar), note
            from rounded
            where case when ? is null then saving > fix_cost else saving > 0 and subject = ? end
            order by saving - fix_cost desc, subject",
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
                fix_cost: row.amount(4)?,
                net: row.amount(5)?,
                note: row.text(6)?,
            })
        })
    }

    /// Names a setting may be tried at: every cluster, workload or table that is known.
    ///
    /// # Errors
    /// When the mart cannot be asked.
    pub fn what_if_subjects(&self, setting: &WhatIf) -> Result<Vec<String>, MartError> {
        let sql = "select distinct subject from waste_subjects where subject_kind = ? order by subject";
        let kind = Value::Text(setting.subject_kind().to_owned());
        self.ask("list the subjects of", sql, vec![kind], |row| row.text(0))
    }
}
