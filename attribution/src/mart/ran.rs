//! What ran, by day, in memory: how many runs each workload had in any span of days, and what
//! they held.

use std::collections::BTreeMap;
use std::ops::Range;

use chrono::NaiveDate;
use model::Currency;

use super::{Activity, Mart, MartError, NONE, RunActivity};

/// Half-open days.
pub(super) type Span = (NaiveDate, NaiveDate);

/// Runs with a cost, by the days they had it.
pub(super) struct RunDays {
    /// Team, workload and currency of each group.
    groups: Vec<(String, String, Currency)>,
    /// Days that have rows, in order, with where these are.
    days: Vec<(NaiveDate, Range<usize>)>,
    rows: Vec<RunDay>,
    /// How many runs there are, one in several groups counted in each.
    runs: usize,
}

struct RunDay {
    group: u32,
    run: u32,
    vcore_ms: i64,
}

/// Runs and cores before and now, by team, workload and currency.
pub(super) type Activities = BTreeMap<(String, String, Currency), (Activity, Activity)>;

impl RunDays {
    /// What ran in two spans.
    pub fn activities(&self, before: Span, now: Span) -> Activities {
        let mut sums: Vec<Option<(Activity, Activity)>> = vec![None; self.groups.len()];
        for (span, is_now) in [(before, false), (now, true)] {
            let mut seen = vec![false; self.runs];
            let asked = self.days.iter().filter(|(day, _)| span.0 <= *day && *day < span.1);
            for row in asked.flat_map(|(_, rows)| &self.rows[rows.clone()]) {
                let sum = sums[row.group as usize].get_or_insert_default();
                let sum = if is_now { &mut sum.1 } else { &mut sum.0 };
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
    pub(super) fn read_run_days(&self) -> Result<RunDays, MartError> {
        let sql = format!(
            "select cast(usage_date as varchar), coalesce(team, '{NONE}'), coalesce(workload, '{NONE}'),
                billing_currency, vcore_ms,
                dense_rank() over (order by engine, run_id, billing_currency, team, workload) - 1
            from run_days order by usage_date"
        );
        let mut days = RunDays { groups: Vec::new(), days: Vec::new(), rows: Vec::new(), runs: 0 };
        let mut numbers: BTreeMap<(String, String, Currency), u32> = BTreeMap::new();
        self.each("read the runs of", &sql, |row| {
            let day: NaiveDate = row.parsed(0, "a day")?;
            let next = numbers.len() as u32;
            let group = *numbers.entry((row.text(1)?, row.text(2)?, row.currency(3)?)).or_insert(next);
            let run = row.int(5)?;
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
            runs: 4,
        };
        let activity = |runs, vcore_ms| Activity { runs, vcore_ms };
        let of = |before: Span, now: Span| -> Vec<(Activity, Activity)> {
            days.activities(before, now).into_values().collect()
        };
        assert_eq!(
            of((day(1), day(2)), (day(2), day(3))),
            [(activity(2, 20), activity(2, 20)), (activity(0, 0), activity(1, 10))]
        );
        assert_eq!(of((day(1), day(1)), (day(1), day(3)))[0].1, activity(3, 40));
        assert!(of((day(5), day(6)), (day(6), day(7))).is_empty());
    }
}
