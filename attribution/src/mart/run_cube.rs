//! Costs by run in memory: what [`super::cube`] is too coarse for. Of the other dimensions it knows
//! days, team, workload, engine and category.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use chrono::{Datelike, NaiveDate, Weekday};
use model::{Amount, Basis, Currency};

use super::{CostQuery, CostRow, Dimension, Idle, Mart, MartError, NONE, Shared};

/// Dimensions beside days, in the order of a row's codes.
const COLUMNS: [Dimension; 5] =
    [Dimension::Run, Dimension::Team, Dimension::Workload, Dimension::Engine, Dimension::Category];

/// Most dimensions of a question that is answered.
const MOST_BY: usize = 8;

/// Most rows that are kept: some 100 bytes each.
const MOST_ROWS: i64 = 3_000_000;

/// Costs by day and run.
pub(super) struct RunCube {
    /// What codes stand for; the first is [`NONE`].
    names: Vec<Box<str>>,
    /// Days that have rows, in order, with where these are.
    days: Vec<(NaiveDate, Range<usize>)>,
    rows: Vec<Row>,
}

struct Row {
    codes: [u32; COLUMNS.len()],
    currency: Currency,
    /// In the order of [`Basis::ALL`].
    costs: [Amount; 4],
}

/// What a dimension of days says of one, as a number.
fn number(dimension: &Dimension, day: NaiveDate) -> Option<u32> {
    let day = match dimension {
        Dimension::Day => day,
        Dimension::Week => day.week(Weekday::Mon).first_day(),
        Dimension::Month => day.with_day(1)?,
        _ => return None,
    };
    u32::try_from(day.num_days_from_ce()).ok()
}

/// What such a number is called.
fn day_name(dimension: &Dimension, number: u32) -> String {
    let day = i32::try_from(number).ok().and_then(NaiveDate::from_num_days_from_ce_opt).unwrap_or_default();
    match dimension {
        Dimension::Month => day.format("%Y-%m").to_string(),
        _ => day.to_string(),
    }
}

fn is_of_days(dimension: &Dimension) -> bool {
    matches!(dimension, Dimension::Day | Dimension::Week | Dimension::Month)
}

fn column(dimension: &Dimension) -> Option<usize> {
    COLUMNS.iter().position(|known| known == dimension)
}

impl RunCube {
    /// Whether it is the one to answer a question: about runs, by what it knows, in a view that
    /// leaves costs as they are.
    pub fn answers(query: &CostQuery) -> bool {
        let mut asked = query.by.iter().chain(query.filters.iter().map(|filter| &filter.dimension));
        asked.clone().any(|dimension| *dimension == Dimension::Run)
            && asked.all(|dimension| is_of_days(dimension) || column(dimension).is_some())
            && query.by.len() <= MOST_BY
            && query.view.idle == Idle::Owner
            && query.view.shared == Shared::Keep
    }

    /// The sums of a question, by key and currency.
    pub fn sums(&self, query: &CostQuery) -> Vec<CostRow> {
        let basis = Basis::ALL.iter().position(|basis| *basis == query.basis).unwrap_or(1);
        let (of_days, of_rows): (Vec<_>, Vec<_>) =
            query.filters.iter().partition(|filter| is_of_days(&filter.dimension));
        let mut wanted = Vec::new();
        for filter in of_rows {
            let code = self.names.iter().position(|name| **name == *filter.value);
            // A name that nothing has leaves nothing.
            let (Some(column), Some(code)) = (column(&filter.dimension), code) else { return Vec::new() };
            wanted.push((column, code as u32));
        }
        // A key of a fixed size needs no memory of its own.
        let mut sums: HashMap<([u32; MOST_BY], Currency), Amount> = HashMap::new();
        for (day, rows) in &self.days {
            let is_asked = query.from.is_none_or(|from| from <= *day)
                && query.to.is_none_or(|to| *day < to)
                && of_days.iter().all(|filter| {
                    let number = number(&filter.dimension, *day);
                    number.is_some_and(|number| day_name(&filter.dimension, number) == filter.value)
                });
            if !is_asked {
                continue;
            }
            for row in &self.rows[rows.clone()] {
                if query.currency.is_some_and(|currency| currency != row.currency)
                    || wanted.iter().any(|(column, code)| row.codes[*column] != *code)
                {
                    continue;
                }
                let mut key = [0; MOST_BY];
                for (code, by) in key.iter_mut().zip(&query.by) {
                    *code = column(by)
                        .map_or_else(|| number(by, *day).unwrap_or_default(), |column| row.codes[column]);
                }
                *sums.entry((key, row.currency)).or_default() += row.costs[basis];
            }
        }
        let named = |codes: [u32; MOST_BY]| -> Vec<String> {
            let pairs = query.by.iter().zip(codes);
            let name = |(by, code): (&Dimension, u32)| match column(by) {
                Some(_) => self.names[code as usize].to_string(),
                None => day_name(by, code),
            };
            pairs.map(name).collect()
        };
        let sorted: BTreeMap<(Vec<String>, Currency), Amount> =
            sums.into_iter().map(|((codes, currency), cost)| ((named(codes), currency), cost)).collect();
        sorted.into_iter().map(|((keys, currency), cost)| CostRow { keys, currency, cost }).collect()
    }
}

impl Mart {
    /// Costs by run, where there are few enough to keep.
    pub(super) fn read_run_cube(&self) -> Result<Option<RunCube>, MartError> {
        let count =
            self.ask("count the runs of", "select count(*) from run_days", Vec::new(), |row| row.int(0))?;
        if count.first().is_none_or(|count| *count > MOST_ROWS) {
            return Ok(None);
        }
        let costs = Basis::ALL.map(|basis| format!("cast(sum({}) as varchar)", basis.column())).join(", ");
        let sql = format!(
            "select cast(usage_date as varchar), run_id, team, workload, engine, category, billing_currency, {costs}
            from daily_costs
            group by usage_date, run_id, team, workload, engine, category, billing_currency
            order by usage_date"
        );
        let mut cube = RunCube { names: vec![NONE.into()], days: Vec::new(), rows: Vec::new() };
        let mut known: HashMap<Box<str>, u32> = HashMap::from([(NONE.into(), 0)]);
        self.each("read the costs of runs of", &sql, |row| {
            let day: NaiveDate = row.parsed(0, "a day")?;
            let mut codes = [0; COLUMNS.len()];
            for (at, code) in codes.iter_mut().enumerate() {
                let name = row.str(at + 1)?.unwrap_or(NONE);
                *code = match known.get(name) {
                    Some(code) => *code,
                    None => {
                        let code = cube.names.len() as u32;
                        cube.names.push(name.into());
                        known.insert(name.into(), code);
                        code
                    }
                };
            }
            let at = cube.rows.len();
            cube.rows.push(Row {
                codes,
                currency: row.currency(6)?,
                costs: [row.amount(7)?, row.amount(8)?, row.amount(9)?, row.amount(10)?],
            });
            match cube.days.last_mut() {
                Some((last, rows)) if *last == day => rows.end = at + 1,
                _ => cube.days.push((day, at..at + 1)),
            }
            Ok(())
        })?;
        cube.rows.shrink_to_fit();
        Ok(Some(cube))
    }
}
