//! Cost questions answered from memory: which cubes a view is made of, and how they are read.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use chrono::NaiveDate;
use duckdb::types::Value;
use model::{Amount, Basis, Category, Currency};

use super::cube::{Builder, COLUMNS, Cube, Derived};
use super::ran::{RunDays, Started};
use super::run_cube::RunCube;
use super::run_memory::Runs;
use super::{CostQuery, CostRow, Dimension, Idle, Mart, MartError, Ownership, Shared};

/// Most tags whose values are kept; the rest are asked for again.
const MOST_TAGS: usize = 64;

/// What is read of a mart once and kept.
#[derive(Default)]
pub(super) struct Cubes {
    /// By the table, and what of it.
    cubes: Mutex<HashMap<Part, Kept>>,
    levels: Mutex<Option<Arc<Levels>>>,
    tags: Mutex<HashMap<String, Arc<HashMap<String, String>>>>,
    run_days: Mutex<Option<Arc<RunDays>>>,
    started: OnceLock<Vec<Started>>,
    /// Nothing where there are too many to keep.
    runs: Mutex<Option<Option<Arc<Runs>>>>,
    run_costs: Mutex<Option<Option<Arc<RunCube>>>>,
}

/// A part, once it was read.
type Kept = Arc<Mutex<Option<Arc<Cube>>>>;

impl Cubes {
    /// What ran by day, read of this mart the first time.
    pub fn run_days(&self, mart: &Mart) -> Result<Arc<RunDays>, MartError> {
        let mut known = self.run_days.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(days) = known.as_ref() {
            return Ok(Arc::clone(days));
        }
        let days = Arc::new(mart.read_run_days()?);
        *known = Some(Arc::clone(&days));
        Ok(days)
    }

    /// What started by day, read of this mart the first time.
    pub fn started(&self, mart: &Mart) -> Result<&[Started], MartError> {
        if let Some(started) = self.started.get() {
            return Ok(started);
        }
        let started = mart.read_started()?;
        Ok(self.started.get_or_init(|| started))
    }
}

/// The ancestor of a team at a level.
type Levels = HashMap<(String, u32), String>;

/// What views are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Part {
    /// What atoms say.
    Days,
    /// Idle costs, spread.
    Idle,
    /// Shared costs, spread so.
    Shared(Shared),
}

impl Part {
    fn source(self) -> String {
        match self {
            Self::Days => "cost_days".to_owned(),
            Self::Idle => spread("select * from idle_spread"),
            Self::Shared(shared) => spread(&format!("select * from shared_spread where spread = '{shared}'")),
        }
    }
}

/// A spread with all columns of `cost_days`.
fn spread(select: &str) -> String {
    format!("(select * from cost_days where false union all by name {select})")
}

/// What a view is made of.
fn parts(query: &CostQuery) -> (Vec<Part>, Vec<Category>) {
    let (mut parts, mut spread) = (vec![Part::Days], Vec::new());
    if query.view.idle == Idle::Proportional {
        parts.push(Part::Idle);
        spread.push(Category::Idle);
    }
    if query.view.shared != Shared::Keep {
        parts.push(Part::Shared(query.view.shared));
        spread.push(Category::Shared);
    }
    (parts, spread)
}

impl Mart {
    /// The same mart, which answers cost questions from memory: worth its while where many are
    /// asked. What is kept is read when it is first asked for.
    ///
    /// # Errors
    /// When the mart cannot be asked.
    pub fn in_memory(mut self) -> Result<Self, MartError> {
        // Many ask at once: one thread for each is quicker for all than several for one.
        self.run("set threads = 1")?;
        // What is asked for again and again is in memory already; pages of the file that were read
        // once need not fill the machine.
        self.run("set memory_limit = '1GB'")?;
        self.cubes = Some(Cubes::default());
        Ok(self)
    }

    /// Reads what most questions are answered from, so that none waits for it.
    ///
    /// # Errors
    /// When the mart cannot be asked.
    pub fn warm(&self) -> Result<(), MartError> {
        if let Some(cubes) = &self.cubes
            && self.has_cost_days()
        {
            self.cube(cubes, Part::Days)?;
            cubes.run_days(self)?;
            cubes.started(self)?;
            self.remembered_runs()?;
            self.run_cube(cubes)?;
            for part in [Part::Idle, Part::Shared(Shared::Proportional), Part::Shared(Shared::Even)] {
                self.cube(cubes, part)?;
            }
        }
        Ok(())
    }

    /// The answer to a cost question, where memory has it.
    pub(super) fn remembered_costs(&self, query: &CostQuery) -> Result<Option<Vec<CostRow>>, MartError> {
        let is_restated = query.view.ownership == Ownership::Restated && self.has_cost_days();
        if let Some(cubes) = self.cubes.as_ref().filter(|_| is_restated && RunCube::answers(query)) {
            return Ok(self.run_cube(cubes)?.map(|cube| cube.sums(query)));
        }
        let Some(cubes) = self.cubes.as_ref().filter(|_| self.is_remembered(query)) else {
            return Ok(None);
        };
        let tags = self.tags(cubes, query)?;
        let levels = self.levels(cubes, query)?;
        let derived = Derived { tags: &tags, levels: &levels };
        let (parts, spread) = parts(query);
        let mut rows: BTreeMap<(Vec<String>, Currency), CostRow> = BTreeMap::new();
        for part in parts {
            let cube = self.cube(cubes, part)?;
            let spread = if part == Part::Days { &spread[..] } else { &[] };
            for row in cube.sums(query, &derived, spread) {
                let key = (row.keys.clone(), row.currency);
                rows.entry(key).and_modify(|known| known.cost += row.cost).or_insert(row);
            }
        }
        Ok(Some(rows.into_values().collect()))
    }

    fn run_cube(&self, cubes: &Cubes) -> Result<Option<Arc<RunCube>>, MartError> {
        let mut known = cubes.run_costs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cube) = known.as_ref() {
            return Ok(cube.clone());
        }
        let cube = self.read_run_cube()?.map(Arc::new);
        *known = Some(cube.clone());
        Ok(cube)
    }

    /// Every run, where memory has them.
    pub(super) fn remembered_runs(&self) -> Result<Option<Arc<Runs>>, MartError> {
        let Some(cubes) = self.cubes.as_ref().filter(|_| self.has_cost_days()) else { return Ok(None) };
        // Read within the lock: who asks meanwhile waits for it.
        let mut known = cubes.runs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(runs) = known.as_ref() {
            return Ok(runs.clone());
        }
        let runs = self.read_runs()?.map(Arc::new);
        *known = Some(runs.clone());
        Ok(runs)
    }

    /// Whether memory has the answer to a question.
    pub(super) fn is_remembered(&self, query: &CostQuery) -> bool {
        let mut asked = query.by.iter().chain(query.filters.iter().map(|filter| &filter.dimension));
        self.cubes.is_some()
            && self.has_cost_days()
            && query.view.ownership == Ownership::Restated
            && asked.all(Cube::knows)
    }

    /// Whether the mart has what cubes are read from; one that an earlier version made has not.
    fn has_cost_days(&self) -> bool {
        self.tables.iter().any(|table| table == "cost_days")
    }

    fn cube(&self, cubes: &Cubes, part: Part) -> Result<Arc<Cube>, MartError> {
        let kept =
            cubes.cubes.lock().unwrap_or_else(PoisonError::into_inner).entry(part).or_default().clone();
        // Read within its own lock: who asks for the same meanwhile waits for it, no other does.
        let mut known = kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(cube) = known.as_ref() {
            return Ok(Arc::clone(cube));
        }
        let cube = Arc::new(self.read_cube(&part.source())?);
        *known = Some(Arc::clone(&cube));
        Ok(cube)
    }

    fn read_cube(&self, source: &str) -> Result<Cube, MartError> {
        let started = std::time::Instant::now();
        let costs = Basis::ALL.map(|basis| format!("cast(sum({}) as varchar)", basis.column())).join(", ");
        let texts = COLUMNS.map(|column| format!("cast({column} as varchar)")).join(", ");
        let sql = format!(
            "select cast(usage_date as varchar), {texts}, {costs} from {source} c
            group by usage_date, {} order by usage_date",
            COLUMNS.join(", "),
        );
        let mut builder = Builder::new();
        self.each("read the costs of", &sql, |row| {
            let mut names = [None; COLUMNS.len()];
            for (at, name) in names.iter_mut().enumerate() {
                *name = row.str(at + 1)?;
            }
            let mut costs = [Amount::ZERO; 4];
            for (at, cost) in costs.iter_mut().enumerate() {
                *cost = row.amount(at + 1 + COLUMNS.len())?;
            }
            builder.add(row.parsed::<NaiveDate>(0, "a day")?, names, costs);
            Ok(())
        })?;
        let cube = builder.finish();
        let elapsed_ms = started.elapsed().as_millis() as u64;
        tracing::debug!(rows = cube.rows(), elapsed_ms, "read the costs of {} into memory", self.info.id);
        Ok(cube)
    }

    /// Values of the tags that a question names, by folded key and tag set.
    fn tags(
        &self,
        cubes: &Cubes,
        query: &CostQuery,
    ) -> Result<HashMap<String, Arc<HashMap<String, String>>>, MartError> {
        let asked = query.by.iter().chain(query.filters.iter().map(|filter| &filter.dimension));
        let mut tags = HashMap::new();
        for dimension in asked {
            let Dimension::Tag(key) = dimension else { continue };
            let key = model::tags::fold_key(key);
            let known = cubes.tags.lock().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
            let values = match known {
                Some(values) => values,
                None => {
                    let rows = self.ask(
                        "read a tag of",
                        "select cast(tag_set_id as varchar), min(value) from stg_tags where key = ? group by 1",
                        vec![Value::Text(key.clone())],
                        |row| Ok((row.text(0)?, row.text(1)?)),
                    )?;
                    let values = Arc::new(rows.into_iter().collect::<HashMap<_, _>>());
                    let mut known = cubes.tags.lock().unwrap_or_else(PoisonError::into_inner);
                    if known.len() >= MOST_TAGS {
                        known.clear();
                    }
                    known.insert(key.clone(), Arc::clone(&values));
                    values
                }
            };
            tags.insert(key, values);
        }
        Ok(tags)
    }

    /// Teams' ancestors, where the question asks by them.
    fn levels(&self, cubes: &Cubes, query: &CostQuery) -> Result<Arc<Levels>, MartError> {
        let mut asked = query.by.iter().chain(query.filters.iter().map(|filter| &filter.dimension));
        if !asked.any(|dimension| matches!(dimension, Dimension::Org(_))) {
            return Ok(Arc::default());
        }
        let mut known = cubes.levels.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(levels) = known.as_ref() {
            return Ok(Arc::clone(levels));
        }
        let sql = "select team, cast(level as bigint), min(ancestor) from team_levels group by 1, 2";
        let rows = self.ask("read the organisation of", sql, Vec::new(), |row| {
            Ok(((row.text(0)?, u32::try_from(row.int(1)?).unwrap_or_default()), row.text(2)?))
        })?;
        let levels = Arc::new(rows.into_iter().collect::<Levels>());
        *known = Some(Arc::clone(&levels));
        Ok(levels)
    }
}
