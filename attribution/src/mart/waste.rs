//! What is wasted: findings with what they cost, what mending them saves, and the claims that
//! keep two of them from counting the same cost.

use std::collections::HashMap;
use std::fmt;

use chrono::NaiveDate;
use duckdb::types::Value;
use model::{Amount, Currency};

use super::{Mart, MartError};

/// How sure a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Confidence {
    /// A trial, not a promise.
    Low,
    /// Rests on an estimate.
    Medium,
    /// Follows from what is measured.
    High,
}

impl Confidence {
    /// Its word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

impl fmt::Display for Confidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl std::str::FromStr for Confidence {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Low, Self::Medium, Self::High]
            .into_iter()
            .find(|known| known.name() == text)
            .ok_or_else(|| format!("`{text}` is no confidence"))
    }
}

/// What a finding rests on, of which the last day may be known before the bill's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Facts {
    /// Logs of the runs of a workload or on a cluster.
    Runs,
    /// Logs of what writes a workload's inputs.
    Inputs,
    /// Logs or scan reports of reads of a table.
    Reads,
    /// Metadata of a table.
    Metadata,
    /// The inventory of a table's bucket.
    Inventory,
    /// The listing of a bucket's incomplete uploads.
    Uploads,
}

impl Facts {
    const ALL: [Self; 6] =
        [Self::Runs, Self::Inputs, Self::Reads, Self::Metadata, Self::Inventory, Self::Uploads];

    /// Its word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Runs => "runs",
            Self::Inputs => "inputs",
            Self::Reads => "reads",
            Self::Metadata => "metadata",
            Self::Inventory => "inventory",
            Self::Uploads => "uploads",
        }
    }
}

impl std::str::FromStr for Facts {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|known| known.name() == text)
            .ok_or_else(|| format!("`{text}` are no facts"))
    }
}

/// That what a finding rests on ends before the bill does: nobody looked at it since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Silence {
    /// The last UTC day that is known.
    pub known_until: NaiveDate,
    /// What ends there.
    pub facts: Facts,
}

/// Which detectors look at which subjects no longer, and since when.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Silences(HashMap<(String, String, String), NaiveDate>);

impl Silences {
    /// The last day on which a detector knows a subject; nothing where that is the bill's.
    pub fn known_until(&self, detector: &str, subject_kind: &str, subject: &str) -> Option<NaiveDate> {
        // Places in a bucket are listed with it.
        let subject = match subject_kind {
            "bucket" => subject.split('/').next().unwrap_or_default(),
            _ => subject,
        };
        self.0.get(&(detector.to_owned(), subject_kind.to_owned(), subject.to_owned())).copied()
    }
}

/// Days after which what is seen no more is over, as overrides of teams and tags have it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StaleDays {
    days: u64,
    overridden: HashMap<(String, String), u64>,
}

impl StaleDays {
    /// Those of a subject; of one that is not known any more those of all.
    pub fn of(&self, subject_kind: &str, subject: &str) -> u64 {
        let known = self.overridden.get(&(subject_kind.to_owned(), subject.to_owned()));
        known.copied().unwrap_or(self.days)
    }
}

/// What a subject of findings cost on one UTC day, effective.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SubjectDay {
    /// The day.
    pub day: NaiveDate,
    /// Of a table its objects and the runs that wrote it, else all of it.
    pub cost: Amount,
    /// Of that, what objects cost: kept, and asked for.
    pub objects: Amount,
    /// Of that, what was asked for.
    pub requests: Amount,
    /// Beside it, what runs cost that read the table and did not write it.
    pub read_cost: Amount,
    /// Such runs that began on the day.
    pub reads: i64,
    /// Bytes that these read of it, as far as logs tell.
    pub read_bytes: i64,
    /// Of them those whose log does not tell.
    pub untold_reads: i64,
    /// Of them those whose log, or scan report, tells how many files they opened.
    pub told_scans: i64,
    /// How many these opened.
    pub opened_files: i64,
    /// Of a workload, what its runs cost that failed.
    pub failed_cost: Amount,
    /// Of a workload, runs that began on the day and succeeded.
    pub runs: i64,
    /// Rows that these wrote.
    pub written_rows: i64,
    /// Of a workload, milliseconds that its runs held cores.
    pub core_ms: i64,
    /// Milliseconds that their tasks ran.
    pub task_ms: i64,
}

/// One finding.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// Stays the same from mart to mart: detector, subject and currency make it.
    pub id: String,
    /// Detector: `idle-cluster`.
    pub detector: String,
    /// cluster, workload, table, bucket or commitment.
    pub subject_kind: String,
    /// What is wasteful.
    pub subject: String,
    /// Whose it is now.
    pub team: Option<String>,
    /// Currency of its amounts.
    pub currency: Currency,
    /// First UTC day it was seen on.
    pub first_day: NaiveDate,
    /// The day after the last.
    pub end_day: NaiveDate,
    /// It goes on: it was seen within the last days of the data it rests on.
    pub is_open: bool,
    /// What it rests on ends before the bill does.
    pub silence: Option<Silence>,
    /// Large enough to be worth a person's time, and worth more than its fix costs.
    pub is_material: bool,
    /// What it cost from the first to the last day.
    pub observed_cost: Amount,
    /// What mending it saves a month.
    pub gross_saving: Amount,
    /// What the fix costs a month.
    pub fix_cost: Amount,
    /// Gross less fix.
    pub net_saving: Amount,
    /// Of gross, what no finding before it claims: these add up.
    pub claimed_saving: Amount,
    /// Of the claimed saving, what lowers the bill; the rest frees capacity that stays paid for.
    pub cash_saving: Amount,
    /// Most of the saving lowers the bill (true) or frees capacity that stays paid for.
    pub is_cash: bool,
    /// How sure it is.
    pub confidence: Confidence,
    /// What was measured, by name.
    pub evidence: serde_json::Value,
    /// Guards that held.
    pub guards: Vec<String>,
    /// The exact command or statement that mends it.
    pub action: String,
    /// What it cost day by day, without rounding errors of more than a hundredth of a cent.
    pub series: Vec<(NaiveDate, f64)>,
}

/// Which findings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FindingQuery {
    /// Of this team.
    pub team: Option<String>,
    /// Of this detector.
    pub detector: Option<String>,
    /// Those that are over too.
    pub past: bool,
    /// Those too small to matter too.
    pub immaterial: bool,
}

impl Mart {
    /// Findings, the largest saving a month first.
    ///
    /// # Errors
    /// When the mart cannot be asked.
    pub fn findings(&self, query: &FindingQuery) -> Result<Vec<Finding>, MartError> {
        let is_asked = |finding: &&Finding| {
            query.team.as_ref().is_none_or(|team| finding.team.as_ref() == Some(team))
                && query.detector.as_ref().is_none_or(|detector| finding.detector == *detector)
                && (query.past || finding.is_open)
                && (query.immaterial || finding.is_material)
        };
        Ok(self.all_findings()?.iter().filter(is_asked).cloned().collect())
    }

    /// Every finding, those that are over and those too small to matter too: what lowers the bill
    /// before what frees what is paid for anyway, and of each the largest
    /// saving a month first. A mart never changes, so they are read but once.
    ///
    /// # Errors
    /// When the mart cannot be asked.
    pub fn all_findings(&self) -> Result<&[Finding], MartError> {
        self.memory.findings(|| self.read_findings())
    }

    fn read_findings(&self) -> Result<Vec<Finding>, MartError> {
        let sql = "select finding_id, detector, subject_kind, subject, team, billing_currency,
                cast(window_start as varchar), cast(window_end as varchar), is_open, is_material,
                cast(cast(round(observed_cost, 6) as decimal(38, 6)) as varchar), cast(gross_saving as varchar),
                cast(fix_cost as varchar), cast(net_saving as varchar), cast(claimed_saving as varchar),
                saving_kind = 'cash', confidence, evidence, guards, action, series, cast(cash_saving as varchar),
                cast(known_until as varchar), silent_facts
            from waste_findings
            order by saving_kind = 'cash' desc, net_saving desc, detector, subject, billing_currency";
        self.ask("list the waste of", sql, Vec::new(), |row| {
            let facts: Option<String> = row.opt_text(23)?;
            let silence = match facts {
                Some(_) => Some(Silence {
                    known_until: row.parsed(22, "a day")?,
                    facts: row.parsed(23, "what a finding rests on")?,
                }),
                None => None,
            };
            Ok(Finding {
                silence,
                id: row.text(0)?,
                detector: row.text(1)?,
                subject_kind: row.text(2)?,
                subject: row.text(3)?,
                team: row.opt_text(4)?,
                currency: row.currency(5)?,
                first_day: row.parsed(6, "a day")?,
                end_day: row.parsed(7, "a day")?,
                is_open: row.get(8)?,
                is_material: row.get(9)?,
                observed_cost: row.amount(10)?,
                gross_saving: row.amount(11)?,
                fix_cost: row.amount(12)?,
                net_saving: row.amount(13)?,
                claimed_saving: row.amount(14)?,
                cash_saving: row.amount(21)?,
                is_cash: row.get(15)?,
                confidence: row.parsed(16, "a confidence")?,
                evidence: self.json(&row.text(17)?)?,
                guards: self.json(&row.text(18)?)?,
                action: row.text(19)?,
                series: self
                    .json::<Vec<Point>>(&row.text(20)?)?
                    .into_iter()
                    .map(|point| (point.day, point.cost))
                    .collect(),
            })
        })
    }

    /// The day after the last that waste is looked for in.
    ///
    /// # Errors
    /// When the mart cannot be asked.
    pub fn waste_end(&self) -> Result<Option<NaiveDate>, MartError> {
        let sql =
            "select cast(cast(last_day + 1 as date) as varchar) from waste_days where last_day is not null";
        let ends =
            self.ask("find the last day of waste of", sql, Vec::new(), |row| row.parsed(0, "a day"))?;
        Ok(ends.into_iter().next())
    }

    /// What detectors look at no longer: their logs, metadata or listings end before the bill does.
    ///
    /// # Errors
    /// When the mart cannot be asked.
    pub fn silences(&self) -> Result<Silences, MartError> {
        let sql = "select detector, subject_kind, subject, cast(known_until as varchar) from waste_silences";
        let rows = self.ask("find what is silent in", sql, Vec::new(), |row| {
            Ok(((row.text(0)?, row.text(1)?, row.text(2)?), row.parsed(3, "a day")?))
        })?;
        Ok(Silences(rows.into_iter().collect()))
    }

    /// Detectors that the configuration turns off for everybody.
    ///
    /// # Errors
    /// When the mart cannot be asked.
    pub fn disabled_detectors(&self) -> Result<Vec<String>, MartError> {
        let sql = "select split_part(setting, '.', 1) from rule_waste
            where scope = '' and setting like '%.enabled' and coalesce(try_cast(value as double), 0) <= 0";
        self.ask("list the detectors of", sql, Vec::new(), |row| row.text(0))
    }

    /// Days after which what is seen no more is over (`general.stale_days`).
    ///
    /// # Errors
    /// When the mart cannot be asked.
    pub fn stale_days(&self) -> Result<StaleDays, MartError> {
        let sql = "with stale as (
                select profile, cast(number['general.stale_days'] as bigint) as days from waste_limits
            )
            select null, null, days from stale where profile = chr(31)
            union all
            select s.subject_kind, s.subject, t.days
            from waste_subjects s
            join stale t on t.profile = s.profile
            where t.days <> (select days from stale where profile = chr(31))";
        let rows = self.ask("read the thresholds of", sql, Vec::new(), |row| {
            Ok((row.opt_text(0)?.zip(row.opt_text(1)?), u64::try_from(row.int(2)?).unwrap_or_default()))
        })?;
        let mut stale = StaleDays::default();
        for (subject, days) in rows {
            match subject {
                None => stale.days = days,
                Some(subject) => drop(stale.overridden.insert(subject, days)),
            }
        }
        Ok(stale)
    }

    /// A digest of the settings of each detector, the general ones among them, in all scopes.
    ///
    /// # Errors
    /// When the mart cannot be asked.
    pub fn waste_settings(&self) -> Result<HashMap<String, String>, MartError> {
        let sql = "with rows as (
                select
                    split_part(setting, '.', 1) as part, setting, concat_ws(chr(31), setting, scope, value) as row
                from rule_waste
            )
            select d.part, md5(string_agg(r.row, chr(30) order by r.row))
            from (select distinct part from rows where part <> 'general') d
            join rows r on r.part = d.part or r.part = 'general'
            group by d.part";
        let rows =
            self.ask("read the thresholds of", sql, Vec::new(), |row| Ok((row.text(0)?, row.text(1)?)))?;
        Ok(rows.into_iter().collect())
    }

    /// What a cluster, workload or table cost on each day, by the pots its findings claim from: what the realised
    /// saving of a fix is measured by.
    ///
    /// # Errors
    /// When the mart cannot be asked.
    pub fn subject_days(
        &self,
        subject_kind: &str,
        subject: &str,
        currency: Currency,
    ) -> Result<Vec<SubjectDay>, MartError> {
        let own = match subject_kind {
            "cluster" => CLUSTER_DAYS,
            "workload" => WORKLOAD_DAYS,
            _ => TABLE_DAYS,
        };
        let sql = format!(
            "with asked as (select ? as subject, ? as currency), own as ({own})
            select
                cast(usage_date as varchar),
                cast(sum(cost) as varchar), cast(sum(objects) as varchar), cast(sum(requests) as varchar),
                cast(sum(read_cost) as varchar), cast(sum(reads) as bigint),
                cast(sum(failed_cost) as varchar), cast(sum(runs) as bigint), cast(sum(written_rows) as bigint),
                cast(sum(core_ms) as bigint), cast(sum(task_ms) as bigint),
                cast(sum(told_scans) as bigint), cast(sum(opened_files) as bigint),
                cast(sum(read_bytes) as bigint), cast(sum(untold_reads) as bigint)
            from own group by usage_date order by usage_date"
        );
        let parameters = vec![Value::Text(subject.to_owned()), Value::Text(currency.to_string())];
        self.ask("sum the days of a subject of", &sql, parameters, |row| {
            Ok(SubjectDay {
                day: row.parsed(0, "a day")?,
                cost: row.amount(1)?,
                objects: row.amount(2)?,
                requests: row.amount(3)?,
                read_cost: row.amount(4)?,
                reads: row.get(5)?,
                failed_cost: row.amount(6)?,
                runs: row.get(7)?,
                written_rows: row.get(8)?,
                core_ms: row.get(9)?,
                task_ms: row.get(10)?,
                told_scans: row.get(11)?,
                opened_files: row.get(12)?,
                read_bytes: row.get(13)?,
                untold_reads: row.get(14)?,
            })
        })
    }

    fn json<T: serde::de::DeserializeOwned>(&self, text: &str) -> Result<T, MartError> {
        serde_json::from_str(text).map_err(|_| MartError::Value {
            mart: self.info.id.clone(),
            value: text.to_owned(),
            expected: "JSON of a finding",
        })
    }
}

const CLUSTER_DAYS: &str = "
    select c.usage_date, c.effective_cost as cost, 0 as objects, 0 as requests, 0 as read_cost, 0 as reads,
        0 as failed_cost, 0 as runs, 0 as written_rows, 0 as core_ms, 0 as task_ms, 0 as told_scans,
        0 as opened_files, 0 as read_bytes, 0 as untold_reads
    from daily_costs c
    join cluster_capacity k on k.cluster_id = c.cluster_id
    join asked a on a.subject = coalesce(k.cluster_name, k.cluster_id) and a.currency = c.billing_currency";

const WORKLOAD_DAYS: &str = "
    select r.usage_date, r.effective_cost as cost, 0 as objects, 0 as requests, 0 as read_cost, 0 as reads,
        case when r.status = 'failed' then r.effective_cost else 0 end as failed_cost,
        case when r.status = 'succeeded' then r.is_first else 0 end as runs,
        case when r.status = 'succeeded' then coalesce(r.written_rows, 0) else 0 end as written_rows,
        r.vcore_ms as core_ms, case when r.is_first = 1 then coalesce(s.task_ms, 0) else 0 end as task_ms,
        0 as told_scans, 0 as opened_files, 0 as read_bytes, 0 as untold_reads
    from run_days r
    join asked a on a.subject = r.workload and a.currency = r.billing_currency
    join stg_runs s on s.engine = r.engine and s.run_id = r.run_id";

const TABLE_DAYS: &str = "
    select
        c.usage_date, c.effective_cost as cost,
        case when c.category <> 'usage' then c.effective_cost else 0 end as objects,
        case when c.pool = 'storage_requests' then c.effective_cost else 0 end as requests, 0 as read_cost, 0 as reads,
        0 as failed_cost, 0 as runs, 0 as written_rows, 0 as core_ms, 0 as task_ms, 0 as told_scans,
        0 as opened_files, 0 as read_bytes, 0 as untold_reads
    from daily_costs c
    join asked a on a.subject = c.table_id and a.currency = c.billing_currency
    union all
    select r.usage_date, 0, 0, 0, r.effective_cost, r.reads, 0, 0, 0, 0, 0, 0, 0, r.read_bytes,
        case when r.read_bytes = 0 then r.reads else 0 end
    from table_reads r
    join asked a on a.subject = r.table_id and a.currency = r.billing_currency
    union all
    select r.usage_date, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, r.scans, round(r.scans * r.files_a_scan), 0, 0
    from waste_reads r
    join asked a on a.subject = r.table_id and a.currency = r.billing_currency
    where r.files_are_told";

#[derive(serde::Deserialize)]
struct Point {
    day: NaiveDate,
    cost: f64,
}
