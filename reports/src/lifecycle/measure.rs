//! What a fix saved, by the bill: the days before it against the days since.

use attribution::mart::SubjectDay;
use chrono::{Days, NaiveDate};
use model::Amount;

use super::Realised;

/// Days before a fix, and after it, that are compared at most: whole weeks.
const COMPARED_DAYS: u64 = 28;

/// What of its subject a detector's fix makes cheaper, and at which work that is compared: how much there is
/// to do is nothing the fix changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// All of it, as it is paid by the day: a cluster, a table with what writes it.
    Whole,
    /// All runs of a workload, at as many rows written by those that succeed: the same work is done for less.
    Work,
    /// All its runs, at as much time of tasks: the fix lets cores wait less.
    Tasks,
    /// All its runs, at as much time of cores held: the fix makes that cheaper.
    Cores,
    /// All its runs, at as many that succeed: where the fix changes how much is written, or who tells of it.
    Runs,
    /// Its runs that fail, at as many that succeed.
    Failures,
    /// What is kept, and asked for: objects of a table or bucket.
    Objects,
    /// What the finding asked for: runs that need not be, and what is a part of commitments, which the
    /// bill has no line of.
    Asked,
    /// That of what piles up, as it was in the last week.
    Piled,
    /// What a read of the table costs, its requests and the runs; that old files are kept for some days
    /// beside the new ones passes.
    Reads,
}

impl Measure {
    /// That of a detector, by what its fix changes and what it leaves as it is.
    pub fn of(detector: &str) -> Self {
        match detector {
            "spill" | "interrupted-spot" => Self::Work,
            "skew" => Self::Tasks,
            "over-provisioned" | "spot-able" => Self::Cores,
            "wrong-engine" | "lookback-reprocess" => Self::Runs,
            "failed-retried" => Self::Failures,
            "uncompacted" | "delete-bloat" | "over-partitioning" | "tiny-commits" => Self::Reads,
            "orphan-files"
            | "unexpired-snapshots"
            | "partition-ttl"
            | "storage-class"
            | "metadata-bloat"
            | "cow-amplification" => Self::Objects,
            "no-op-schedule" | "cacheable-queries" | "unused-commitment" => Self::Asked,
            "incomplete-uploads" => Self::Piled,
            _ => Self::Whole,
        }
    }

    /// Whether it is of what the finding asked for, which is known as long as the finding is.
    pub(super) const fn is_asked(self) -> bool {
        matches!(self, Self::Asked | Self::Piled)
    }

    /// What is compared, as a sentence begins that goes on with what it cost.
    pub const fn begins(self) -> &'static str {
        match self {
            Self::Whole => "It",
            Self::Work => "Its runs, at as many rows written a day,",
            Self::Tasks => "Its runs, at as much time of tasks a day,",
            Self::Cores => "Its runs, at as much time of cores a day,",
            Self::Runs => "Its runs, at as many a day that succeed,",
            Self::Failures => "Its failed runs, at as many a day that succeed,",
            Self::Asked | Self::Piled => "By the bill’s prices it",
            Self::Objects => "Its objects",
            Self::Reads => "Its readers, at as many reads a day,",
        }
    }

    /// Days before a fix that are compared at most: whole weeks.
    const fn baseline_days(self) -> u64 {
        match self {
            Self::Piled => 7,
            _ => COMPARED_DAYS,
        }
    }

    /// What it makes cheaper on a day.
    fn cost(self, day: &SubjectDay) -> Amount {
        match self {
            Self::Whole | Self::Work | Self::Tasks | Self::Cores | Self::Runs | Self::Asked | Self::Piled => {
                day.cost
            }
            Self::Failures => day.failed_cost,
            Self::Objects => day.objects,
            Self::Reads => day.requests + day.read_cost,
        }
    }

    /// How much there was to do on a day; nothing where the fix is compared by the day.
    fn work(self, day: &SubjectDay) -> Option<i64> {
        match self {
            Self::Whole | Self::Objects | Self::Asked | Self::Piled => None,
            Self::Work => Some(day.written_rows),
            Self::Tasks => Some(day.task_ms),
            Self::Cores => Some(day.core_ms),
            Self::Runs | Self::Failures => Some(day.runs),
            Self::Reads => Some(day.reads),
        }
    }

    /// The same where some log says how much there was to do in both spans; else by the runs.
    fn told(self, spans: [&[&SubjectDay]; 2]) -> Self {
        let is_told =
            |days: &[&SubjectDay]| days.iter().any(|day| self.work(day).is_some_and(|work| work > 0));
        match self {
            Self::Work | Self::Tasks | Self::Cores if !spans.into_iter().all(is_told) => Self::Runs,
            _ => self,
        }
    }

    /// Compares the days before a fix with those since; `end` is the day after the last that was
    /// wasteful, which is of both. Nothing before a day has passed since, or where nothing cost
    /// anything before.
    pub(super) fn realised(
        self,
        days: &[SubjectDay],
        end: NaiveDate,
        (first, last): (NaiveDate, NaiveDate),
    ) -> Option<Realised> {
        let from = end + Days::new(1);
        let baseline = ((end - Days::new(self.baseline_days() + 1)).max(first), end - Days::new(1));
        let measured = (from, last.min(from + Days::new(COMPARED_DAYS)));
        if baseline.0 >= baseline.1 || measured.0 >= measured.1 || (self.is_asked() && days.is_empty()) {
            return None;
        }
        let within = |(from, to): (NaiveDate, NaiveDate)| -> Vec<&SubjectDay> {
            days.iter().filter(|it| (from..to).contains(&it.day)).collect()
        };
        let length = |(from, to): (NaiveDate, NaiveDate)| (to - from).num_days();
        let (before, since) = (within(baseline), within(measured));
        let measure = self.told([&before, &since]);
        let cost = |days: &[&SubjectDay]| days.iter().map(|it| measure.cost(it)).sum::<Amount>();
        let work = |days: &[&SubjectDay]| -> Option<i64> {
            days.iter().filter_map(|it| measure.work(it)).try_fold(0_i64, i64::checked_add)
        };
        let is_by_work = measure.work(&SubjectDay::default()).is_some();
        let baseline_cost = match (work(&before)?, work(&since)?) {
            _ if !is_by_work => cost(&before),
            // Where nothing was done before there is nothing to scale: what failed is compared by the day.
            (0, _) if measure == Self::Failures || cost(&before) == Amount::ZERO => cost(&before),
            // Nor where nothing was done since: a pause is no saving, and no loss.
            (0, _) | (_, 0) => return None,
            // What the work since would have cost in the days before, at as many units a day.
            (known, done) => cost(&before).scaled(done, known)?.scaled(length(baseline), length(measured))?,
        };
        let measured_cost = cost(&since);
        Some(Realised { baseline_cost, measured_cost, baseline, measured })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> NaiveDate {
        text.parse().unwrap()
    }

    /// Ten days to 10 October that cost 6 for objects, 2 of it for requests, 4 for the writer and 20
    /// for readers a day, in 10 reads; then eleven that cost 5, 1, 4 and 15, in 15 reads. The first
    /// of these is of both.
    fn days() -> Vec<SubjectDay> {
        let day = |n: u64, objects: i64, requests: i64, read_cost: i64, reads: i64| SubjectDay {
            day: date("2026-10-01") + Days::new(n),
            cost: Amount::whole(objects + 4),
            objects: Amount::whole(objects),
            requests: Amount::whole(requests),
            read_cost: Amount::whole(read_cost),
            reads,
            ..SubjectDay::default()
        };
        (0..10).map(|n| day(n, 6, 2, 20, 10)).chain((10..21).map(|n| day(n, 5, 1, 15, 15))).collect()
    }

    /// A workload of the same days, whose tasks run for 5 ms and then 10, on cores held for 9 ms and then 15: 4 runs a day that succeed and write 10 million rows each cost 12, and those
    /// that fail 6 on top; then 6 runs a day of 20 million each cost 24, and those that fail 1.
    fn runs() -> Vec<SubjectDay> {
        let day = |n: u64, cost: i64, failed: i64, runs: i64, millions: i64| SubjectDay {
            day: date("2026-10-01") + Days::new(n),
            cost: Amount::whole(cost + failed),
            failed_cost: Amount::whole(failed),
            runs,
            written_rows: millions * 1_000_000,
            task_ms: if n < 10 { 5 } else { 10 },
            core_ms: if n < 10 { 9 } else { 15 },
            ..SubjectDay::default()
        };
        (0..10).map(|n| day(n, 12, 6, 4, 40)).chain((10..21).map(|n| day(n, 24, 1, 6, 120))).collect()
    }

    fn a_day(measure: Measure, days: &[SubjectDay]) -> (Amount, Amount) {
        let known = (date("2026-10-01"), date("2026-10-22"));
        let realised = measure.realised(days, date("2026-10-11"), known).unwrap();
        assert_eq!(realised.baseline, (date("2026-10-01"), date("2026-10-10")));
        assert_eq!(realised.measured, (date("2026-10-12"), date("2026-10-22")));
        (realised.baseline_cost.scaled(1, 9).unwrap(), realised.measured_cost.scaled(1, 10).unwrap())
    }

    #[test]
    fn a_fix_is_measured_by_what_it_makes_cheaper() {
        assert_eq!(a_day(Measure::Whole, &days()), (Amount::whole(10), Amount::whole(9)));
        assert_eq!(a_day(Measure::Objects, &days()), (Amount::whole(6), Amount::whole(5)));
        // A read cost 2.20 before: 15 reads a day would have cost 33.
        assert_eq!(a_day(Measure::Reads, &days()), (Amount::whole(33), Amount::whole(16)));
    }

    /// Cost a day rose from 18 to 25, for there is more to do: by the day, a fix would show as a loss.
    #[test]
    fn runs_are_compared_at_as_much_work() {
        assert_eq!(a_day(Measure::Whole, &runs()), (Amount::whole(18), Amount::whole(25)));
        // $0.45 a million rows before: 120 of them a day would have cost 54.
        assert_eq!(a_day(Measure::Work, &runs()), (Amount::whole(54), Amount::whole(25)));
        // $3.60 a millisecond of tasks: 36. $2 a millisecond of cores: 30.
        assert_eq!(a_day(Measure::Tasks, &runs()), (Amount::whole(36), Amount::whole(25)));
        assert_eq!(a_day(Measure::Cores, &runs()), (Amount::whole(30), Amount::whole(25)));
        // $4.50 a run that succeeds: 6 a day would have cost 27.
        assert_eq!(a_day(Measure::Runs, &runs()), (Amount::whole(27), Amount::whole(25)));
        // $1.50 lost for each of them: 9.
        assert_eq!(a_day(Measure::Failures, &runs()), (Amount::whole(9), Amount::whole(1)));
        // Where no log says how much is written, by the runs.
        let untold: Vec<_> = runs().into_iter().map(|day| SubjectDay { written_rows: 0, ..day }).collect();
        assert_eq!(a_day(Measure::Work, &untold), (Amount::whole(27), Amount::whole(25)));
    }

    /// What piles up is compared with what it was at last: 1, 2, 3... a day, $8 a day in the last week.
    #[test]
    fn what_piles_up_is_compared_with_its_last_week() {
        let pile = |n: u64| SubjectDay {
            day: date("2026-10-01") + Days::new(n),
            cost: Amount::whole(if n < 11 { n as i64 + 1 } else { 0 }),
            ..SubjectDay::default()
        };
        let days: Vec<_> = (0..21).map(pile).collect();
        let known = (date("2026-10-01"), date("2026-10-22"));
        let realised = Measure::Piled.realised(&days, date("2026-10-13"), known).unwrap();
        assert_eq!(realised.baseline, (date("2026-10-05"), date("2026-10-12")));
        // 5 + 6 + ... + 11 in seven days, and nothing since.
        assert_eq!((realised.baseline_cost, realised.measured_cost), (Amount::whole(56), Amount::ZERO));
    }

    #[test]
    fn without_work_there_is_nothing_to_scale() {
        let known = (date("2026-10-01"), date("2026-10-22"));
        let end = date("2026-10-11");
        // It always failed before: $6 a day, then $1.
        let failing: Vec<_> = runs().into_iter().take(10).map(|day| SubjectDay { runs: 0, ..day }).collect();
        let mended: Vec<_> = failing.iter().cloned().chain(runs().into_iter().skip(10)).collect();
        assert_eq!(a_day(Measure::Failures, &mended), (Amount::whole(6), Amount::whole(1)));
        assert_eq!(Measure::Runs.realised(&mended, end, known), None);
        // It was paused.
        let paused: Vec<_> = runs().into_iter().take(10).collect();
        assert_eq!(Measure::Runs.realised(&paused, end, known), None);
        assert_eq!(Measure::Failures.realised(&paused, end, known), None);
        // What is measured by the day is gone: all of it is saved.
        let gone = Measure::Whole.realised(&paused, end, known).unwrap();
        assert_eq!((gone.baseline_cost, gone.measured_cost), (Amount::whole(18 * 9), Amount::ZERO));
    }

    #[test]
    fn nothing_is_measured_before_a_day_has_passed_since() {
        let known = (date("2026-10-01"), date("2026-10-12"));
        assert_eq!(Measure::Whole.realised(&days(), date("2026-10-11"), known), None);
    }
}
