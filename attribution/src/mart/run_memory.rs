//! Every run of a mart in memory, with its costs: lists of runs are filtered, sorted and cut
//! without asking the file, which would have to put all costs of all of them together.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, NaiveDate};
use model::time::Instant;
use model::{Amount, Basis, Currency};

use super::{
    CostQuery, Dimension, Mart, MartError, NONE, RunFilter, RunList, RunListQuery, RunOutcome, RunRow,
    RunSort,
};

/// Most runs that are kept: some 300 bytes each.
const MOST_RUNS: i64 = 1_000_000;

/// Stands for a name that is missing.
const NO_NAME: u32 = 0;

/// Runs by their start, with what they cost.
pub(super) struct Runs {
    /// In the order of start, engine and id.
    rows: Vec<Row>,
    /// Places of rows, in the order of their ids.
    by_id: Vec<u32>,
    /// Of each run in turn, by currency.
    costs: Vec<Cost>,
    /// What codes stand for.
    names: Vec<Box<str>>,
    /// Runs that read or wrote a table, in order.
    of_tables: HashMap<String, Vec<u32>>,
}

struct Row {
    /// Number in the mart.
    nr: i64,
    run_id: Box<str>,
    engine: u32,
    name: u32,
    workload: u32,
    team: u32,
    workflow: u32,
    step: u32,
    trigger: u32,
    cluster: u32,
    user: u32,
    owner: u32,
    status: u32,
    error: u32,
    attempt: Option<i64>,
    started_us: i64,
    ended_us: Option<i64>,
    vcore_ms: i64,
    memory_mib_ms: i64,
    cpu_ms: i64,
    task_ms: i64,
    input_bytes: i64,
    output_bytes: i64,
    shuffle_read_bytes: i64,
    shuffle_write_bytes: i64,
    disk_spilled_bytes: i64,
    tasks: i64,
    failed_tasks: i64,
    /// Where its costs end in the list of them; they begin where those of the run before end.
    costs_end: u32,
}

struct Cost {
    currency: Currency,
    /// In the order of [`Basis::ALL`].
    amounts: [Amount; 4],
    /// Days it falls on, the last one too.
    days: (NaiveDate, NaiveDate),
}

/// Names by code, while rows are read.
struct Names {
    names: Vec<Box<str>>,
    codes: HashMap<Box<str>, u32>,
}

impl Names {
    fn code(&mut self, name: Option<&str>) -> u32 {
        let Some(name) = name else { return NO_NAME };
        if let Some(code) = self.codes.get(name) {
            return *code;
        }
        let code = self.names.len() as u32;
        self.names.push(name.into());
        self.codes.insert(name.into(), code);
        code
    }
}

/// A run and one of its costs, by their places; a run without any stands there once.
type Place = (u32, Option<u32>);

fn basis_at(basis: Basis) -> usize {
    Basis::ALL.iter().position(|known| *known == basis).unwrap_or_default()
}

/// The span that holds both.
fn both(
    days: Option<(NaiveDate, NaiveDate)>,
    more: (NaiveDate, NaiveDate),
) -> Option<(NaiveDate, NaiveDate)> {
    days.map_or(Some(more), |days| Some((days.0.min(more.0), days.1.max(more.1))))
}

/// Microseconds at the start of a day.
fn midnight_us(day: NaiveDate) -> i64 {
    day.and_time(chrono::NaiveTime::MIN).and_utc().timestamp_micros()
}

impl Runs {
    /// As [`Mart::runs`].
    pub fn list(&self, filter: &RunFilter) -> Vec<RunRow> {
        self.places(filter).map(|place| self.row(place, filter.basis)).collect()
    }

    /// As [`Mart::runs_near`].
    pub fn near(&self, filter: &RunFilter, at: Instant, most: usize) -> Vec<RunRow> {
        let at_us = at.timestamp_micros();
        let mut places: Vec<Place> = self.places(filter).collect();
        let away = |place: &Place| (self.rows[place.0 as usize].started_us.abs_diff(at_us), *place);
        if most < places.len() {
            places.select_nth_unstable_by_key(most, away);
            places.truncate(most);
        }
        places.sort_unstable();
        places.into_iter().map(|place| self.row(place, filter.basis)).collect()
    }

    /// As [`Mart::run_list`].
    pub fn page(&self, query: &RunListQuery) -> RunList {
        let search = query.search.as_ref().map(|search| search.to_lowercase());
        let holds: Option<Vec<bool>> = search
            .as_ref()
            .map(|wanted| self.names.iter().map(|name| name.to_lowercase().contains(wanted)).collect());
        let is_found = |at: u32| {
            let (Some(holds), Some(wanted)) = (&holds, &search) else { return true };
            let row = &self.rows[at as usize];
            [row.workload, row.name, row.status, row.error, row.engine, row.trigger]
                .iter()
                .any(|code| *code != NO_NAME && holds[*code as usize])
                || row.run_id.to_lowercase().contains(wanted)
        };
        let places: Vec<Place> = self.listed(query).filter(|(at, _)| is_found(*at)).collect();
        let found = places.len();
        let mut keyed = self.keyed(places, query.sort, query.filter.basis);
        let order = |a: &(Option<i128>, Place), b: &(Option<i128>, Place)| self.order(a, b, query.descending);
        let end = query.offset.saturating_add(query.limit);
        if end < keyed.len() {
            keyed.select_nth_unstable_by(end, order);
            keyed.truncate(end);
        }
        keyed.sort_unstable_by(order);
        let shown = keyed.get(query.offset..).unwrap_or_default();
        let rows = shown.iter().map(|(_, place)| self.row(*place, query.filter.basis)).collect();
        // A page beyond the last one is empty, and says so of the whole as the file does.
        RunList { found: if shown.is_empty() { 0 } else { found }, rows }
    }

    /// As [`Mart::run_outcomes`].
    pub fn outcomes(&self, query: &RunListQuery) -> Vec<RunOutcome> {
        let basis = basis_at(query.filter.basis);
        let mut sums: BTreeMap<(NaiveDate, &str), (i64, Amount)> = BTreeMap::new();
        for (at, cost) in self.listed(query) {
            let row = &self.rows[at as usize];
            let day = DateTime::from_timestamp_micros(row.started_us).unwrap_or_default().date_naive();
            let sum = sums.entry((day, &self.names[row.status as usize])).or_default();
            sum.0 += 1;
            sum.1 += cost.map_or(Amount::ZERO, |cost| self.costs[cost as usize].amounts[basis]);
        }
        sums.into_iter()
            .map(|((day, status), (runs, cost))| RunOutcome { day, status: status.to_owned(), runs, cost })
            .collect()
    }

    /// A run's number in the mart, and the days its cost falls on.
    pub fn number(&self, engine: &str, run_id: &str) -> Option<(i64, Option<(NaiveDate, NaiveDate)>)> {
        let is_it = |at: &usize| *self.names[self.rows[*at].engine as usize] == *engine;
        let at = self.of_id(run_id).iter().map(|at| *at as usize).find(is_it)?;
        let costs = &self.costs[self.costs_of(at)];
        Some((self.rows[at].nr, costs.iter().fold(None, |days, cost| both(days, cost.days))))
    }

    /// Numbers of the runs with this id, which engines may share, and the days their costs fall on.
    pub fn numbers(&self, run_id: &str) -> (Vec<i64>, Option<(NaiveDate, NaiveDate)>) {
        let (mut numbers, mut days) = (Vec::new(), None);
        for at in self.of_id(run_id).iter().map(|at| *at as usize) {
            numbers.push(self.rows[at].nr);
            for cost in &self.costs[self.costs_of(at)] {
                days = both(days, cost.days);
            }
        }
        (numbers, days)
    }

    /// Places of the runs with this id, in the order of their start.
    fn of_id(&self, run_id: &str) -> &[u32] {
        let id = |at: &u32| &*self.rows[*at as usize].run_id;
        let start = self.by_id.partition_point(|at| id(at) < run_id);
        let length = self.by_id[start..].partition_point(|at| id(at) == run_id);
        &self.by_id[start..start + length]
    }

    fn costs_of(&self, at: usize) -> std::ops::Range<usize> {
        let start = at.checked_sub(1).map_or(0, |before| self.rows[before].costs_end);
        start as usize..self.rows[at].costs_end as usize
    }

    fn name(&self, code: u32) -> Option<String> {
        (code != NO_NAME).then(|| self.names[code as usize].to_string())
    }

    fn code(&self, name: &str) -> Option<u32> {
        self.names.iter().skip(1).position(|known| **known == *name).map(|at| at as u32 + 1)
    }

    /// Runs that match, each with those of its costs that do.
    fn places<'s>(&'s self, filter: &'s RunFilter) -> impl Iterator<Item = Place> + 's {
        // A name that no run has matches none.
        let asked =
            |name: &Option<String>| name.as_ref().map(|name| self.code(name).filter(|code| *code != NO_NAME));
        let (workload, team, cluster) =
            (asked(&filter.workload), asked(&filter.team), asked(&filter.cluster));
        let is = |asked: Option<Option<u32>>, code: u32| asked.is_none_or(|asked| asked == Some(code));
        let bound = |day: Option<NaiveDate>, unbound: usize| {
            day.map_or(unbound, |day| self.rows.partition_point(|row| row.started_us < midnight_us(day)))
        };
        let (start, end) = (bound(filter.from, 0), bound(filter.to, self.rows.len()));
        let of_table = |table| self.of_tables.get(table).map_or(&[][..], Vec::as_slice);
        let listed: Option<&[u32]> = match (&filter.run, &filter.table) {
            (Some(run), None) => Some(self.of_id(run)),
            (_, table) => table.as_ref().map(of_table),
        };
        let among: Box<dyn Iterator<Item = u32> + 's> = match listed {
            Some(runs) => {
                Box::new(runs.iter().copied().filter(move |at| (start..end).contains(&(*at as usize))))
            }
            None => Box::new(start as u32..end.max(start) as u32),
        };
        among
            .filter(move |at| {
                let row = &self.rows[*at as usize];
                is(workload, row.workload)
                    && is(team, row.team)
                    && is(cluster, row.cluster)
                    && filter.run.as_ref().is_none_or(|run| *row.run_id == **run)
            })
            .flat_map(move |at| {
                let is_asked = |cost: &Cost| filter.currency.is_none_or(|currency| cost.currency == currency);
                let costs: Vec<Option<u32>> = self
                    .costs_of(at as usize)
                    .filter(|cost| is_asked(&self.costs[*cost]))
                    .map(|cost| Some(cost as u32))
                    .collect();
                let costs = if costs.is_empty() { vec![None] } else { costs };
                costs.into_iter().map(move |cost| (at, cost))
            })
    }

    /// What of the runs that match is in a list, but for its search.
    fn listed<'s>(&'s self, query: &'s RunListQuery) -> impl Iterator<Item = Place> + 's {
        // A team without a run has no code.
        let teams: Vec<u32> = query.teams.iter().filter_map(|team| self.code(team)).collect();
        self.places(&query.filter).filter(move |(at, cost)| {
            let currency = cost.map(|cost| self.costs[cost as usize].currency);
            let team = self.rows[*at as usize].team;
            (query.currency.is_none() || currency.is_none() || currency == query.currency)
                && (query.teams.is_empty() || teams.contains(&team))
                && !(query.unowned && team != NO_NAME)
        })
    }

    /// What each is ordered by; texts by their rank among those that are.
    fn keyed(&self, places: Vec<Place>, sort: RunSort, basis: Basis) -> Vec<(Option<i128>, Place)> {
        let basis = basis_at(basis);
        let row = |place: &Place| &self.rows[place.0 as usize];
        let by = |key: &dyn Fn(&Place) -> Option<i128>| -> Vec<(Option<i128>, Place)> {
            places.iter().map(|place| (key(place), *place)).collect()
        };
        let by_code = |code: fn(&Row) -> u32| {
            let codes: BTreeSet<u32> = places.iter().map(|place| code(row(place))).collect();
            let mut ranked: Vec<(String, u32)> =
                codes.into_iter().map(|code| (self.names[code as usize].to_lowercase(), code)).collect();
            ranked.sort_unstable();
            let mut ranks: HashMap<u32, i128> = HashMap::new();
            let mut rank = 0;
            for (i, (name, code)) in ranked.iter().enumerate() {
                rank += i128::from(i > 0 && ranked[i - 1].0 != *name);
                ranks.insert(*code, rank);
            }
            by(&|place| {
                let code = code(row(place));
                (code != NO_NAME).then(|| ranks.get(&code).copied()).flatten()
            })
        };
        match sort {
            RunSort::Run => {
                let mut ids: Vec<(String, u32)> =
                    places.iter().map(|place| (row(place).run_id.to_lowercase(), place.0)).collect();
                ids.sort_unstable();
                let mut ranks: HashMap<u32, i128> = HashMap::new();
                let mut rank = 0;
                for (i, (id, at)) in ids.iter().enumerate() {
                    rank += i128::from(i > 0 && ids[i - 1].0 != *id);
                    ranks.insert(*at, rank);
                }
                by(&|place| ranks.get(&place.0).copied())
            }
            RunSort::Workload => by_code(|row| row.workload),
            RunSort::Name => by_code(|row| row.name),
            RunSort::Status => by_code(|row| row.status),
            RunSort::Started => by(&|place| Some(i128::from(row(place).started_us))),
            RunSort::Duration => by(&|place| {
                let row = row(place);
                row.ended_us.map(|ended| i128::from(ended - row.started_us))
            }),
            RunSort::VcoreMs => by(&|place| Some(i128::from(row(place).vcore_ms))),
            RunSort::Input => by(&|place| Some(i128::from(row(place).input_bytes))),
            RunSort::Output => by(&|place| Some(i128::from(row(place).output_bytes))),
            RunSort::Spilled => by(&|place| Some(i128::from(row(place).disk_spilled_bytes))),
            RunSort::FailedTasks => by(&|place| Some(i128::from(row(place).failed_tasks))),
            RunSort::Cost => {
                by(&|place| place.1.map(|cost| self.costs[cost as usize].amounts[basis].units()))
            }
        }
    }

    /// What has no key stands last whichever way the rest is sorted; equal ones by their start.
    fn order(&self, a: &(Option<i128>, Place), b: &(Option<i128>, Place), descending: bool) -> Ordering {
        let by_key = match (a.0, b.0) {
            (Some(a), Some(b)) if descending => b.cmp(&a),
            (Some(a), Some(b)) => a.cmp(&b),
            (a, b) => a.is_none().cmp(&b.is_none()),
        };
        let started = |place: Place| self.rows[place.0 as usize].started_us;
        by_key.then_with(|| started(b.1).cmp(&started(a.1))).then_with(|| a.1.cmp(&b.1))
    }

    fn row(&self, (at, cost): Place, basis: Basis) -> RunRow {
        let row = &self.rows[at as usize];
        let cost = cost.map(|cost| &self.costs[cost as usize]);
        let text = |code: u32| self.names[code as usize].to_string();
        let moment = |us: i64| DateTime::from_timestamp_micros(us).unwrap_or_default();
        RunRow {
            run_id: row.run_id.to_string(),
            engine: text(row.engine),
            name: self.name(row.name),
            workload: text(row.workload),
            team: self.name(row.team),
            workflow_id: self.name(row.workflow),
            step_id: self.name(row.step),
            attempt: row.attempt,
            trigger: self.name(row.trigger),
            cluster_id: self.name(row.cluster),
            user_name: self.name(row.user),
            owner: self.name(row.owner),
            status: text(row.status),
            error: self.name(row.error),
            started_at: moment(row.started_us),
            ended_at: row.ended_us.map(moment),
            vcore_ms: row.vcore_ms,
            memory_mib_ms: row.memory_mib_ms,
            cpu_ms: row.cpu_ms,
            task_ms: row.task_ms,
            input_bytes: row.input_bytes,
            output_bytes: row.output_bytes,
            shuffle_read_bytes: row.shuffle_read_bytes,
            shuffle_write_bytes: row.shuffle_write_bytes,
            disk_spilled_bytes: row.disk_spilled_bytes,
            tasks: row.tasks,
            failed_tasks: row.failed_tasks,
            cost: cost.map_or(Amount::ZERO, |cost| cost.amounts[basis_at(basis)]),
            currency: cost.map(|cost| cost.currency),
        }
    }
}

impl Mart {
    /// What holds of all costs of the runs that a question names, in words that tables are stored
    /// by: it changes no answer, and leaves most of a table unread.
    pub(super) fn of_named_runs(&self, query: &CostQuery) -> Result<String, MartError> {
        let mut condition = "true".to_owned();
        let named = query.filters.iter().filter(|f| f.dimension == Dimension::Run && f.value != NONE);
        for filter in named {
            let Some(runs) = self.remembered_runs()? else { break };
            let (numbers, days) = runs.numbers(&filter.value);
            let (Some((first, last)), false) = (days, numbers.is_empty()) else { continue };
            let numbers: Vec<_> = numbers.iter().map(ToString::to_string).collect();
            condition.push_str(&format!(
                " and c.run_nr in ({}) and c.usage_date between date '{first}' and date '{last}'",
                numbers.join(", ")
            ));
        }
        Ok(condition)
    }

    /// All runs, where there are few enough to keep.
    pub(super) fn read_runs(&self) -> Result<Option<Runs>, MartError> {
        let count =
            self.ask("count the runs of", "select count(*) from stg_runs", Vec::new(), |row| row.int(0))?;
        if count.first().is_none_or(|count| *count > MOST_RUNS) {
            return Ok(None);
        }
        let costs =
            Basis::ALL.map(|basis| format!("cast(sum({0}) as varchar) as {0}", basis.column())).join(", ");
        let columns = Basis::ALL.map(|basis| format!("c.{}", basis.column())).join(", ");
        let sql = format!(
            "with costs as (
                select engine, run_id, billing_currency, {costs}, cast(min(usage_date) as varchar) as first_day,
                    cast(max(usage_date) as varchar) as last_day
                from run_days
                group by engine, run_id, billing_currency
            )
            select r.run_nr, r.run_id, r.engine, r.name, r.workload, o.team, r.workflow_id, r.step_id, r.trigger,
                o.cluster_id, r.user_name, r.owner, r.status, r.error, r.attempt, epoch_us(r.started_at),
                epoch_us(r.ended_at), r.vcore_ms, r.memory_mib_ms, r.cpu_ms, r.task_ms, r.input_bytes,
                r.output_bytes, r.shuffle_read_bytes, r.shuffle_write_bytes, r.disk_spilled_bytes, r.tasks,
                r.failed_tasks, c.billing_currency, {columns}, c.first_day, c.last_day
            from stg_runs r
            left join run_owners o on o.engine = r.engine and o.run_id = r.run_id
            left join costs c on c.engine = r.engine and c.run_id = r.run_id
            order by r.started_at, r.engine, r.run_id, c.billing_currency"
        );
        let mut names = Names { names: vec!["".into()], codes: HashMap::new() };
        let (mut rows, mut costs): (Vec<Row>, Vec<Cost>) = (Vec::new(), Vec::new());
        self.each("read the runs of", &sql, |row| {
            let nr = row.int(0)?;
            if rows.last().is_none_or(|last| last.nr != nr) {
                rows.push(Row {
                    nr,
                    run_id: row.text(1)?.into(),
                    engine: names.code(row.str(2)?),
                    name: names.code(row.str(3)?),
                    workload: names.code(row.str(4)?),
                    team: names.code(row.str(5)?),
                    workflow: names.code(row.str(6)?),
                    step: names.code(row.str(7)?),
                    trigger: names.code(row.str(8)?),
                    cluster: names.code(row.str(9)?),
                    user: names.code(row.str(10)?),
                    owner: names.code(row.str(11)?),
                    status: names.code(row.str(12)?),
                    error: names.code(row.str(13)?),
                    attempt: row.get(14)?,
                    started_us: row.int(15)?,
                    ended_us: row.get(16)?,
                    vcore_ms: row.int(17)?,
                    memory_mib_ms: row.int(18)?,
                    cpu_ms: row.int(19)?,
                    task_ms: row.int(20)?,
                    input_bytes: row.int(21)?,
                    output_bytes: row.int(22)?,
                    shuffle_read_bytes: row.int(23)?,
                    shuffle_write_bytes: row.int(24)?,
                    disk_spilled_bytes: row.int(25)?,
                    tasks: row.int(26)?,
                    failed_tasks: row.int(27)?,
                    costs_end: costs.len() as u32,
                });
            }
            if row.str(28)?.is_some() {
                costs.push(Cost {
                    currency: row.currency(28)?,
                    amounts: [row.amount(29)?, row.amount(30)?, row.amount(31)?, row.amount(32)?],
                    days: (row.parsed(33, "a day")?, row.parsed(34, "a day")?),
                });
            }
            if let Some(last) = rows.last_mut() {
                last.costs_end = costs.len() as u32;
            }
            Ok(())
        })?;
        let of_tables = self.read_runs_of_tables(&rows, &names)?;
        let mut by_id: Vec<u32> = (0..rows.len() as u32).collect();
        by_id.sort_by(|a, b| rows[*a as usize].run_id.cmp(&rows[*b as usize].run_id));
        Ok(Some(Runs { rows, by_id, costs, names: names.names, of_tables }))
    }

    fn read_runs_of_tables(
        &self,
        rows: &[Row],
        names: &Names,
    ) -> Result<HashMap<String, Vec<u32>>, MartError> {
        let places: HashMap<(u32, &str), u32> =
            (0..).zip(rows).map(|(at, row)| ((row.engine, &*row.run_id), at)).collect();
        let mut of_tables: HashMap<String, Vec<u32>> = HashMap::new();
        let sql = "select table_id, engine, run_id from stg_run_tables group by all";
        self.each("read the tables of runs of", sql, |row| {
            let (Some(table), Some(engine), Some(run)) = (row.str(0)?, row.str(1)?, row.str(2)?) else {
                return Ok(());
            };
            let place = names.codes.get(engine).and_then(|engine| places.get(&(*engine, run)));
            if let Some(at) = place {
                match of_tables.get_mut(table) {
                    Some(runs) => runs.push(*at),
                    None => drop(of_tables.insert(table.to_owned(), vec![*at])),
                }
            }
            Ok(())
        })?;
        of_tables.values_mut().for_each(|runs| runs.sort_unstable());
        Ok(of_tables)
    }
}
