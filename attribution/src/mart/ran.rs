//! What ran, by day, in memory: how many runs each workload had in any span of days, and what
//! they held.

use std::collections::BTreeMap;
use std::ops::Range;

use chrono::NaiveDate;
use duckdb::types::Value;
use model::Currency;
use model::time::Instant;

use super::{Activity, Mart, MartError, NONE};

/// What ran of one workload, for one team.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunActivity {
    /// `workflow/step`, or the engine's name of what ran.
    pub workload: String,
    /// Owning team.
    pub team: Option<String>,
    /// Runs.
    pub runs: i64,
    /// Those that failed.
    pub failed: i64,
    /// Cores held x milliseconds.
    pub vcore_ms: i64,
    /// Engine of the newest.
    pub engine: String,
    /// Start of the newest.
    pub last_started_at: Instant,
}

/// Half-open days.
pub(super) type Span = (NaiveDate, NaiveDate);

/// Runs with a cost, by the days they had it.
pub(super) struct RunDays {
    /// Team, workload and currency of each group.
    groups: Vec<(String, String, Currency)>,
    /// Days that have rows, in order, with where these are.
    days: Vec<(NaiveDate, Range<usize>)>,
    rows: Vec<RunDay>,
    /// First and last day of each group.
    lives: Vec<Span>,
    /// How many runs there are, one in several groups counted in each.
    runs: usize,
}

struct RunDay {
    group: u32,
    run: u32,
    vcore_ms: i64,
}

/// What ran of one workload for one team in two spans.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ran {
    pub before: Activity,
    pub now: Activity,
    /// First day ever on which it ran.
    pub first: NaiveDate,
    /// And last.
    pub last: NaiveDate,
}

impl Ran {
    /// First and last day.
    pub const fn days(&self) -> (NaiveDate, NaiveDate) {
        (self.first, self.last)
    }
}

/// What ran, by team, workload and currency.
pub(super) type Activities = BTreeMap<(String, String, Currency), Ran>;

impl RunDays {
    /// What ran in two spans.
    pub fn activities(&self, before: Span, now: Span) -> Activities {
        let mut sums: Vec<Option<Ran>> = vec![None; self.groups.len()];
        for (span, is_now) in [(before, false), (now, true)] {
            let mut seen = vec![false; self.runs];
            let asked = self.days.iter().filter(|(day, _)| span.0 <= *day && *day < span.1);
            for row in asked.flat_map(|(_, rows)| &self.rows[rows.clone()]) {
                let (none, (first, last)) = (Activity::default(), self.lives[row.group as usize]);
                let sum =
                    sums[row.group as usize].get_or_insert(Ran { before: none, now: none, first, last });
                let sum = if is_now { &mut sum.now } else { &mut sum.before };
                // A run of several days is one run.
                sum.runs += i64::from(!std::mem::replace(&mut seen[row.run as usize], true));
                sum.vcore_ms = sum.vcore_ms.saturating_add(row.vcore_ms);
            }
        }
        let known = self.groups.iter().zip(sums);
        known.filter_map(|(group, sum)| Some((group.clone(), sum?))).collect()
    }
}

/// Runs that started on one day, of one workload and team.
pub(super) struct Started {
    day: NaiveDate,
    activity: RunActivity,
}

/// Those that started within a span, by workload and team.
pub(super) fn started(all: &[Started], span: Span) -> Vec<RunActivity> {
    let mut sums: BTreeMap<(&str, Option<&str>), RunActivity> = BTreeMap::new();
    for one in all.iter().filter(|one| span.0 <= one.day && one.day < span.1) {
        let activity = &one.activity;
        // Days come in order: the later one's newest run is the newest.
        sums.entry((&activity.workload, activity.team.as_deref()))
            .and_modify(|sum| {
                sum.runs += activity.runs;
                sum.failed += activity.failed;
                sum.vcore_ms = sum.vcore_ms.saturating_add(activity.vcore_ms);
                sum.engine.clone_from(&activity.engine);
                sum.last_started_at = activity.last_started_at;
            })
            .or_insert_with(|| activity.clone());
    }
    sums.into_values().collect()
}

impl Mart {
    /// What ran, by workload and team: runs that started in these days and cost nothing or
    /// something in this currency.
    ///
    /// # Errors
    /// When the mart cannot be asked.
    pub fn run_activity(
        &self,
        from: NaiveDate,
        to: NaiveDate,
        currency: Currency,
    ) -> Result<Vec<RunActivity>, MartError> {
        let is_one_currency = self.info.currencies.len() == 1;
        if let Some(cubes) = self.cubes.as_ref().filter(|_| is_one_currency) {
            return Ok(started(cubes.started(self)?, (from, to)));
        }
        // Where all costs are in one currency no run can cost something in another.
        let of_currency = match self.info.currencies[..] {
            [_] => "true".to_owned(),
            _ => format!(
                "(not exists (select 1 from run_days d where d.engine = r.engine and d.run_id = r.run_id)
                or exists (
                    select 1 from run_days d
                    where d.engine = r.engine and d.run_id = r.run_id and d.billing_currency = '{currency}'
                ))"
            ),
        };
        let sql = format!(
            "select r.workload, o.team, count(*), count(*) filter (where r.status = 'failed'),
                cast(least(sum(r.vcore_ms), 9223372036854775807) as bigint),
                arg_max(r.engine, (r.started_at, r.engine, r.run_id)), epoch_us(max(r.started_at))
            from stg_runs r
            left join run_owners o on o.engine = r.engine and o.run_id = r.run_id
            where r.started_at >= cast(? as date) and r.started_at < cast(? as date) and {of_currency}
            group by r.workload, o.team
            order by r.workload, o.team"
        );
        let days = [from, to].map(|day| Value::Text(day.to_string())).to_vec();
        self.ask("count the runs of", &sql, days, |row| {
            Ok(RunActivity {
                workload: row.text(0)?,
                team: row.opt_text(1)?,
                runs: row.int(2)?,
                failed: row.int(3)?,
                vcore_ms: row.int(4)?,
                engine: row.text(5)?,
                last_started_at: row.instant(6)?,
            })
        })
    }

    pub(super) fn read_run_days(&self) -> Result<RunDays, MartError> {
        let sql = format!(
            "select cast(usage_date as varchar), coalesce(team, '{NONE}'), coalesce(workload, '{NONE}'),
                billing_currency, vcore_ms,
                dense_rank() over (order by engine, run_id, billing_currency, team, workload) - 1
            from run_days order by usage_date"
        );
        let (lives, rows) = (Vec::new(), Vec::new());
        let mut days = RunDays { groups: Vec::new(), days: Vec::new(), rows, lives, runs: 0 };
        let mut numbers: BTreeMap<(String, String, Currency), u32> = BTreeMap::new();
        self.each("read the runs of", &sql, |row| {
            let day: NaiveDate = row.parsed(0, "a day")?;
            let next = numbers.len() as u32;
            let group = *numbers.entry((row.text(1)?, row.text(2)?, row.currency(3)?)).or_insert(next);
            let run = row.int(5)?;
            match days.lives.get_mut(group as usize) {
                // Days come in order.
                Some(life) => life.1 = day,
                None => days.lives.push((day, day)),
            }
            let at = days.rows.len();
            days.rows.push(RunDay { group, run: run as u32, vcore_ms: row.int(4)? });
            days.runs = days.runs.max(run as usize + 1);
            match days.days.last_mut() {
                Some((last, rows)) if *last == day => rows.end = at + 1,
                _ => days.days.push((day, at..at + 1)),
            }
            Ok(())
        })?;
        let mut groups: Vec<_> = numbers.into_iter().collect();
        groups.sort_by_key(|(_, number)| *number);
        days.groups = groups.into_iter().map(|(group, _)| group).collect();
        Ok(days)
    }

    pub(super) fn read_started(&self) -> Result<Vec<Started>, MartError> {
        let sql = "select cast(cast(r.started_at as date) as varchar), r.workload, o.team, count(*),
                count(*) filter (where r.status = 'failed'),
                cast(least(sum(r.vcore_ms), 9223372036854775807) as bigint),
                arg_max(r.engine, (r.started_at, r.engine, r.run_id)), epoch_us(max(r.started_at))
            from stg_runs r
            left join run_owners o on o.engine = r.engine and o.run_id = r.run_id
            group by cast(r.started_at as date), r.workload, o.team
            order by cast(r.started_at as date), r.workload, o.team";
        self.ask("count the runs of", sql, Vec::new(), |row| {
            let activity = RunActivity {
                workload: row.text(1)?,
                team: row.opt_text(2)?,
                runs: row.int(3)?,
                failed: row.int(4)?,
                vcore_ms: row.int(5)?,
                engine: row.text(6)?,
                last_started_at: row.instant(7)?,
            };
            Ok(Started { day: row.parsed(0, "a day")?, activity })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(day: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 10, day).unwrap()
    }

    #[test]
    fn a_run_of_two_days_counts_once_in_each_span_it_is_in() {
        let row = |group, run| RunDay { group, run, vcore_ms: 10 };
        let days = RunDays {
            groups: vec![("a".into(), "x".into(), Currency::USD), ("b".into(), "y".into(), Currency::USD)],
            days: vec![(day(1), 0..2), (day(2), 2..5)],
            rows: vec![row(0, 0), row(0, 1), row(0, 0), row(0, 2), row(1, 3)],
            lives: vec![(day(1), day(2)), (day(2), day(2))],
            runs: 4,
        };
        let activity = |runs, vcore_ms| Activity { runs, vcore_ms };
        let of = |before: Span, now: Span| -> Vec<(Activity, Activity)> {
            days.activities(before, now).into_values().map(|ran| (ran.before, ran.now)).collect()
        };
        let both = days.activities((day(1), day(2)), (day(2), day(3)));
        let spans: Vec<Span> = both.values().map(Ran::days).collect();
        assert_eq!(spans, [(day(1), day(2)), (day(2), day(2))]);
        assert_eq!(
            of((day(1), day(2)), (day(2), day(3))),
            [(activity(2, 20), activity(2, 20)), (activity(0, 0), activity(1, 10))]
        );
        assert_eq!(of((day(1), day(1)), (day(1), day(3)))[0].1, activity(3, 40));
        assert!(of((day(5), day(6)), (day(6), day(7))).is_empty());
    }
}
