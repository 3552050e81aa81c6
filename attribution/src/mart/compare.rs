//! Two ledgers compared: what changed in the figures of the days that two marts both know,
//! and why, in parts that add up to the difference exactly.
//!
//! The way from the earlier figures to the later ones is gone in steps (`sql/compare/`): what
//! the later bill says, split and owned as before; then split as now; then owned as now. What
//! each step adds is its part, so that whatever is cut off between two steps stands in both
//! with opposite signs.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::NaiveDate;
use duckdb::types::Value;
use duckdb::{Config, Connection};
use model::time::Instant;
use model::{Amount, Currency};

use super::costs::conditions;
use super::relation::{OWNED, SUBJECT};
use super::{CostQuery, Mart, MartError, ask_on};

/// One table of the way from the earlier figures to the later ones.
struct Table {
    name: &'static str,
    /// The mart whose own tables, and functions, are meant where the file names none.
    side: Side,
    sql: &'static str,
}

const fn table(name: &'static str, side: Side, sql: &'static str) -> Table {
    Table { name, side, sql }
}

/// What is made of both marts, in this order.
const TABLES: [Table; 15] = [
    table("earlier_groups", Side::Earlier, include_str!("../../sql/compare/group_marks.sql")),
    table("later_groups", Side::Later, include_str!("../../sql/compare/group_marks.sql")),
    table("changed_groups", Side::Later, include_str!("../../sql/compare/changed_groups.sql")),
    table("earlier_atoms", Side::Earlier, include_str!("../../sql/compare/changed_atoms.sql")),
    table("later_atoms", Side::Later, include_str!("../../sql/compare/changed_atoms.sql")),
    table("earlier_owners", Side::Earlier, include_str!("../../sql/compare/earlier_owners.sql")),
    table("later_owned", Side::Later, include_str!("../../sql/compare/later_owned.sql")),
    table("earlier_lines", Side::Earlier, include_str!("../../sql/compare/lone_lines.sql")),
    table("later_lines", Side::Later, include_str!("../../sql/compare/lone_lines.sql")),
    table("moved_classes", Side::Later, include_str!("../../sql/compare/moved_classes.sql")),
    table("moved_groups", Side::Later, include_str!("../../sql/compare/moved_groups.sql")),
    table("changed_runs", Side::Later, include_str!("../../sql/compare/changed_runs.sql")),
    table("group_reasons", Side::Later, include_str!("../../sql/compare/group_reasons.sql")),
    table("billed_anew", Side::Later, include_str!("../../sql/compare/billed_anew.sql")),
    table("steps", Side::Later, include_str!("../../sql/compare/steps.sql")),
];

const DIFFERENCES: &str = include_str!("../../sql/compare/differences.sql");
const CAUSES: &str = include_str!("../../sql/compare/causes.sql");

/// Separates the values of a group in one text: no name holds it.
const UNIT: char = '\u{1f}';

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Earlier,
    Later,
}

impl Side {
    const fn name(self) -> &'static str {
        match self {
            Self::Earlier => "earlier",
            Self::Later => "later",
        }
    }
}

/// Why a figure differs between two marts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// The bill says otherwise: lines restated, added or gone.
    Bill,
    /// Other runs are known, or more of them: logs that came late.
    Logs,
    /// It belongs to another team, by rules or by what is known of whose it is.
    Ownership,
    /// Pools are filled by other rules.
    Rules,
    /// Whatever else is split otherwise: tables, inventories, nodes and usage rows that came
    /// late, another version of the program.
    Other,
}

impl Reason {
    /// All, in the order they are told.
    pub const ALL: [Self; 5] = [Self::Bill, Self::Logs, Self::Ownership, Self::Rules, Self::Other];

    /// The word of exports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bill => "bill",
            Self::Logs => "logs",
            Self::Ownership => "ownership",
            Self::Rules => "rules",
            Self::Other => "other",
        }
    }
}

impl std::str::FromStr for Reason {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|reason| reason.name() == text).ok_or(())
    }
}

/// What a difference is made of, by [`Reason`]; the parts sum to it to the last digit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DifferenceParts([Amount; 5]);

impl DifferenceParts {
    /// What one reason accounts for.
    pub const fn get(&self, reason: Reason) -> Amount {
        self.0[reason as usize]
    }

    /// All parts together: the difference.
    pub fn sum(&self) -> Amount {
        self.0.iter().copied().sum()
    }

    fn add(&mut self, reason: Reason, cost: Amount) {
        self.0[reason as usize] += cost;
    }
}

/// How the figure of one group differs between the marts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Values in the order of [`CostQuery::by`].
    pub keys: Vec<String>,
    /// Currency of the costs.
    pub currency: Currency,
    /// As the earlier mart has it.
    pub before: Amount,
    /// As the later mart has it.
    pub now: Amount,
    /// Why.
    pub parts: DifferenceParts,
}

impl Difference {
    /// Several differences of one currency as one, by the name it is given; nothing of none.
    pub fn together<'d>(name: &str, differences: impl IntoIterator<Item = &'d Self>) -> Option<Self> {
        let mut differences = differences.into_iter();
        let mut all = Self { keys: vec![name.to_owned()], ..differences.next()?.clone() };
        for more in differences {
            all.before += more.before;
            all.now += more.now;
            for reason in Reason::ALL {
                all.parts.add(reason, more.parts.get(reason));
            }
        }
        Some(all)
    }

    /// Whether anything about it changed.
    pub fn is_changed(&self) -> bool {
        self.before != self.now || self.parts != DifferenceParts::default()
    }
}

/// One thing that changed between the marts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// What kind of change it is.
    pub reason: Reason,
    /// What it is: `AmazonEC2 · BoxUsage: restated`, `etl/daily (app-1): arrived`.
    pub what: String,
    /// How many charges, subjects or runs.
    pub times: i64,
    /// What it added or took away; of ownership and rules what moved.
    pub cost: Amount,
    /// Currency of the cost.
    pub currency: Currency,
}

/// A mart of a comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compared {
    /// Its id.
    pub id: String,
    /// When it was published.
    pub published_at: Instant,
}

/// What changed between two marts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// The mart compared with.
    pub earlier: Compared,
    /// The mart compared.
    pub later: Compared,
    /// The first UTC day compared and the first no longer; nothing where no day is in both.
    pub days: Option<(NaiveDate, NaiveDate)>,
    /// Every group of both, the largest difference first.
    pub rows: Vec<Difference>,
    /// What changed, by reason, the largest first.
    pub causes: Vec<Cause>,
}

impl Mart {
    /// What changed in the figures since an earlier mart of the same ledger, of the days that
    /// both know and the question asks for. Both are looked at as they were published: by
    /// their own owners, idle costs at the cluster's owner, shared costs by themselves.
    ///
    /// # Errors
    /// When a mart cannot be asked, as one that another version of the program made may not.
    pub fn compare(&self, earlier: &Self, query: &CostQuery) -> Result<Comparison, MartError> {
        self.whole("publishes are compared by those who see all teams")?;
        earlier.whole("publishes are compared by those who see all teams")?;
        let of = |mart: &Self| Compared { id: mart.info.id.clone(), published_at: mart.info.published_at };
        let mut comparison = Comparison {
            earlier: of(earlier),
            later: of(self),
            days: common_days(earlier, self, query),
            rows: Vec::new(),
            causes: Vec::new(),
        };
        let Some((from, to)) = comparison.days else { return Ok(comparison) };
        let query = CostQuery { from: Some(from), to: Some(to), view: Default::default(), ..query.clone() };
        let mut rows = BTreeMap::new();
        for row in earlier.costs(&query)? {
            at(&mut rows, row.keys, row.currency).before = row.cost;
        }
        for row in self.costs(&query)? {
            at(&mut rows, row.keys, row.currency).now = row.cost;
        }
        // A mart is no other than itself.
        if earlier.info.id != self.info.id {
            let steps = Steps::taken(earlier, self, &query)?;
            for (keys, currency, reason, cost) in steps.differences(query.by.len())? {
                at(&mut rows, keys, currency).parts.add(reason, cost);
            }
            comparison.causes = steps.causes()?;
        }
        comparison.rows = rows.into_values().collect();
        comparison.rows.sort_by(|a, b| {
            let size = |row: &Difference| (row.now - row.before).abs();
            size(b).cmp(&size(a)).then_with(|| (&a.keys, a.currency).cmp(&(&b.keys, b.currency)))
        });
        Ok(comparison)
    }
}

/// Rows by their keys and currency.
type Rows = BTreeMap<(Vec<String>, Currency), Difference>;

fn at(rows: &mut Rows, keys: Vec<String>, currency: Currency) -> &mut Difference {
    rows.entry((keys.clone(), currency)).or_insert_with(|| Difference {
        keys,
        currency,
        before: Amount::ZERO,
        now: Amount::ZERO,
        parts: DifferenceParts::default(),
    })
}

/// The days in both marts and in the question.
fn common_days(earlier: &Mart, later: &Mart, query: &CostQuery) -> Option<(NaiveDate, NaiveDate)> {
    let ((first, end), (later_first, later_end)) = (earlier.info.used_days()?, later.info.used_days()?);
    let (first, end) = (first.max(later_first), end.min(later_end));
    let from = query.from.map_or(first, |from| from.max(first));
    let to = query.to.map_or(end, |to| to.min(end));
    (from < to).then_some((from, to))
}

/// What one reason accounts for of one row.
type Part = (Vec<String>, Currency, Reason, Amount);

/// The steps between two marts, in an engine of their own with both attached.
struct Steps<'m> {
    connection: Connection,
    later: &'m Mart,
    /// Where the engine puts what memory does not hold: of this comparison alone, for two of two
    /// people must not meet. It goes after the connection.
    _scratch: tempfile::TempDir,
}

impl<'m> Steps<'m> {
    fn taken(earlier: &Mart, later: &'m Mart, query: &CostQuery) -> Result<Self, MartError> {
        let failed = |cause| later.failed("compare", cause);
        let scratch = tempfile::Builder::new()
            .prefix("lakeledger-compare-")
            .tempdir()
            .map_err(|cause| MartError::Scratch { cause })?;
        let config =
            Config::default().with("temp_directory", scratch.path().display().to_string()).map_err(failed)?;
        let connection = Connection::open_in_memory_with_flags(config).map_err(failed)?;
        let steps = Self { connection, later, _scratch: scratch };
        for (side, mart) in [(Side::Earlier, earlier), (Side::Later, later)] {
            steps.run(&format!("attach {} as {} (read_only)", literal(mart.path()), side.name()))?;
        }
        for Table { name, side, sql } in TABLES {
            steps.run(&format!("use {}", side.name()))?;
            let (sql, parameters) = filled(sql, side, query);
            let sql = format!("create temp table {name} as\n{sql}");
            let started = std::time::Instant::now();
            steps.connection.execute(&sql, duckdb::params_from_iter(parameters)).map_err(failed)?;
            tracing::debug!(name, elapsed_ms = started.elapsed().as_millis() as u64, "compared");
        }
        Ok(steps)
    }

    fn run(&self, sql: &str) -> Result<(), MartError> {
        self.connection.execute_batch(sql).map_err(|cause| self.later.failed("compare", cause))
    }

    fn differences(&self, width: usize) -> Result<Vec<Part>, MartError> {
        let id = &self.later.info.id;
        ask_on(&self.connection, id, "compare", DIFFERENCES, Vec::new(), |row| {
            let key = row.text(0)?;
            let keys = if width == 0 { Vec::new() } else { key.split(UNIT).map(str::to_owned).collect() };
            Ok((keys, row.currency(1)?, row.parsed(2, "a reason")?, row.amount(3)?))
        })
    }

    fn causes(&self) -> Result<Vec<Cause>, MartError> {
        let id = &self.later.info.id;
        let mut causes = ask_on(&self.connection, id, "compare", CAUSES, Vec::new(), |row| {
            Ok(Cause {
                reason: row.parsed(0, "a reason")?,
                currency: row.currency(1)?,
                what: row.text(2)?,
                times: row.int(3)?,
                cost: row.amount(4)?,
            })
        })?;
        // Within a reason they stay as they are: the largest first.
        causes.sort_by_key(|cause| cause.reason);
        Ok(causes)
    }
}

/// A file with what the question says in its places, and the parameters of these.
fn filled(sql: &str, side: Side, query: &CostQuery) -> (String, Vec<Value>) {
    let (mut of_key, mut of_filters) = (Vec::new(), Vec::new());
    let keys: Vec<String> = query.by.iter().map(|by| by.expression(&mut of_key)).collect();
    let key =
        if keys.is_empty() { "''".to_owned() } else { format!("concat_ws(chr(31), {})", keys.join(", ")) };
    let undated = CostQuery { from: None, to: None, ..query.clone() };
    let asked = conditions(&undated, &mut of_filters);
    let mut parameters = Vec::new();
    // In every file the key stands before the filters.
    if sql.contains("{key}") {
        parameters.extend(of_key);
    }
    if sql.contains("{asked}") {
        parameters.extend(of_filters);
    }
    let sql = sql
        .replace("{key}", &key)
        .replace("{asked}", &format!("({asked})"))
        .replace("{days}", &query.span("c"))
        .replace("{cost}", query.basis.column())
        .replace("{subject}", &subject())
        .replace("{owned}", OWNED)
        .replace("{side}", side.name());
    (sql, parameters)
}

/// Whom ownership of an atom `c` is resolved for, as one text.
fn subject() -> String {
    let columns = SUBJECT.iter().map(|(_, sql)| sql.replace("a.", "c."));
    format!("concat_ws(chr(31), {})", columns.collect::<Vec<_>>().join(", "))
}

fn literal(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', "''"))
}
