//! What a fix saved, by the bill: the days before it against the days since.

use attribution::mart::SubjectDay;
use chrono::{Days, NaiveDate};
use model::Amount;

use super::Realised;

/// Days before a fix, and after it, that are compared at most: whole weeks.
const COMPARED_DAYS: u64 = 28;
/// Days with work that a line of growth rests on at least.
const LEAST_DAYS: usize = 7;
/// How many standard errors above none a growth is that counts as one.
const CLEARLY: f64 = 3.0;
/// What of a growth is told apart.
const GROWTH_UNITS: i64 = 1_000_000;

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
    /// The same of what piles up.
    Piled,
    /// What a read of the table costs, its requests and the runs; that old files are kept for some days
    /// beside the new ones passes.
    Reads,
    /// The same where the fix leaves alone how much is read: its requests at as many reads, the runs at as many
    /// bytes, which a read costs more or less for from day to day.
    Files,
}

/// Which part of what a subject costs is compared.
#[derive(Clone, Copy)]
enum Part {
    All,
    Runs,
    Objects,
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
            "delete-bloat" => Self::Reads,
            "uncompacted" | "over-partitioning" | "tiny-commits" => Self::Files,
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

    /// Whether some cost of a subject is compared by both, so that its fall shows in each.
    pub(super) const fn meets(self, other: Self) -> bool {
        matches!(
            (self.part(), other.part()),
            (Part::All, _)
                | (_, Part::All)
                | (Part::Runs, Part::Runs)
                | (Part::Objects, Part::Objects)
                | (Part::Reads, Part::Reads)
        )
    }

    const fn part(self) -> Part {
        match self {
            Self::Whole => Part::All,
            Self::Work | Self::Tasks | Self::Cores | Self::Runs | Self::Failures | Self::Asked => Part::Runs,
            Self::Objects | Self::Piled => Part::Objects,
            Self::Reads | Self::Files => Part::Reads,
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
            Self::Files => "Its readers, at as much reading a day,",
        }
    }

    /// Whether what it makes cheaper piles up, day by day, for as long as nobody mends it: small files, old
    /// snapshots, bytes. What that would have cost since is by its growth before.
    pub const fn grows(self) -> bool {
        matches!(self, Self::Objects | Self::Reads | Self::Files | Self::Piled)
    }

    /// Days after the last wasteful one that are of both: the mending itself, and of files the day on which both the
    /// old and the new are read and kept.
    const fn settles(self) -> u64 {
        if matches!(self, Self::Objects | Self::Reads | Self::Files) { 2 } else { 1 }
    }

    /// What it makes cheaper on a day.
    fn cost(self, day: &SubjectDay) -> Amount {
        match self {
            Self::Whole | Self::Work | Self::Tasks | Self::Cores | Self::Runs | Self::Asked | Self::Piled => {
                day.cost
            }
            Self::Failures => day.failed_cost,
            Self::Objects => day.objects,
            Self::Reads | Self::Files => day.requests + day.read_cost,
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
            Self::Reads | Self::Files => Some(day.reads),
        }
    }

    /// The same where some log says how much there was to do in both spans; else by the runs.
    fn told(self, spans: [&[&SubjectDay]; 2]) -> Self {
        let is_told =
            |days: &[&SubjectDay]| days.iter().any(|day| self.work(day).is_some_and(|work| work > 0));
        match self {
            Self::Work | Self::Tasks | Self::Cores if !spans.into_iter().all(is_told) => Self::Runs,
            Self::Files if !spans.into_iter().all(Self::bytes_are_told) => Self::Reads,
            _ => self,
        }
    }

    /// Whether logs of nearly all reads tell how much they read.
    fn bytes_are_told(days: &[&SubjectDay]) -> bool {
        let (reads, untold) =
            days.iter().fold((0, 0), |(reads, untold), it| (reads + it.reads, untold + it.untold_reads));
        untold.saturating_mul(10) <= reads
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
        let from = end + Days::new(self.settles());
        let mut baseline = ((end - Days::new(COMPARED_DAYS + 1)).max(first), end - Days::new(1));
        if self.grows() {
            // Days on which there was nothing yet tell neither what it cost nor how it grew.
            let begun = days
                .iter()
                .filter(|it| it.day >= baseline.0 && !self.cost(it).is_zero())
                .map(|it| it.day)
                .min();
            baseline.0 = begun.unwrap_or(baseline.0);
        }
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
        let total = |of: &dyn Fn(&SubjectDay) -> i64, days: &[&SubjectDay]| {
            days.iter().map(|it| of(it)).try_fold(0_i64, i64::checked_add)
        };
        // What the work since would have cost in the days before, at as many units a day.
        let at_work = |cost: Amount, of: &dyn Fn(&SubjectDay) -> i64| -> Option<Amount> {
            match (total(of, &before)?, total(of, &since)?) {
                // Where nothing was done before there is nothing to scale: what failed is compared by the day.
                (0, _) if measure == Self::Failures || cost == Amount::ZERO => Some(cost),
                // Nor where nothing was done since: a pause is no saving, and no loss.
                (0, _) | (_, 0) => None,
                (known, done) => cost.scaled(done, known)?.scaled(length(baseline), length(measured)),
            }
        };
        let is_by_work = measure.work(&SubjectDay::default()).is_some();
        let baseline_cost = if measure == Self::Files {
            let asked = before.iter().map(|it| it.requests).sum();
            let run = before.iter().map(|it| it.read_cost).sum();
            at_work(asked, &|it| it.reads)? + at_work(run, &|it| (it.read_bytes + 999) / 1_000)?
        } else if is_by_work {
            at_work(cost(&before), &|it| measure.work(it).unwrap_or_default())?
        } else {
            cost(&before)
        };
        let growth = if measure.grows() { measure.growth(days, baseline, measured) } else { 1.0 };
        let more = ((growth - 1.0) * GROWTH_UNITS as f64).round() as i64;
        let baseline_cost = baseline_cost + baseline_cost.scaled(more, GROWTH_UNITS)?;
        let measured_cost = cost(&since);
        Some(Realised { baseline_cost, measured_cost, baseline, measured })
    }

    /// How many times as much as before a unit of work, or a day, would have cost in the days measured; one where it
    /// does not clearly grow. Where small files are mended and logs tell how many are opened, a read's cost grows as
    /// these do.
    fn growth(
        self,
        days: &[SubjectDay],
        before: (NaiveDate, NaiveDate),
        since: (NaiveDate, NaiveDate),
    ) -> f64 {
        let points = |of: fn(Self, &SubjectDay) -> (f64, f64), (from, to): (NaiveDate, NaiveDate)| {
            let point = |day: NaiveDate| {
                let known = days.iter().find(|it| it.day == day).cloned().unwrap_or_default();
                let (work, cost) = of(self, &known);
                Point { at: (day - before.0).num_days() as f64, work, cost }
            };
            let days = from.iter_days().take_while(|day| *day < to);
            days.map(point).filter(|it| it.work > 0.0).collect::<Vec<_>>()
        };
        let costs: fn(Self, &SubjectDay) -> (f64, f64) =
            |it, day| (it.work(day).unwrap_or(1) as f64, it.cost(day).to_f64());
        let files: fn(Self, &SubjectDay) -> (f64, f64) =
            |_, day| (day.told_scans as f64, day.opened_files as f64);
        let (cost, cost_since) = (points(costs, before), points(costs, since));
        if self == Self::Files {
            let (opened, opened_since) = (points(files, before), points(files, since));
            if opened.len() >= LEAST_DAYS && !opened_since.is_empty() && !cost_since.is_empty() {
                // What of a read's cost goes with the files it opens shows by how far both fell.
                let fewer = mean(opened.iter()) - mean(opened_since.iter());
                let cheaper = mean(cost.iter()) - mean(cost_since.iter());
                let at_most = part(mean(cost.iter()), mean(opened.iter()));
                let more = rise(&opened, &opened_since) * part(cheaper, fewer).min(at_most);
                return 1.0 + part(more, mean(cost.iter()));
            }
        }
        1.0 + part(rise(&cost, &cost_since), mean(cost.iter()))
    }
}

/// How much more a unit of work would have cost in the days since than in those before, by the line through these;
/// none where that does not clearly rise ([`CLEARLY`]), or stopped rising half-way: a step is no growth.
fn rise(before: &[Point], since: &[Point]) -> f64 {
    if before.len() < LEAST_DAYS || since.is_empty() {
        return 0.0;
    }
    let whole = Line::through(before, if before.len() >= 21 { 7 } else { 1 });
    let levelled: Vec<Point> = before[before.len() / 2..].iter().map(|it| whole.level(it)).collect();
    let late = Line::through(&levelled, 1);
    let is_clear = whole.slope > CLEARLY * whole.noise && late.slope > whole.slope / 2.0 && whole.mean > 0.0;
    if is_clear { whole.slope * (middle(since.iter()) - whole.middle) } else { 0.0 }
}

/// A ratio that is none where either is not above zero.
fn part(of: f64, whole: f64) -> f64 {
    if of > 0.0 && whole > 0.0 { of / whole } else { 0.0 }
}

/// A day: when, how much there was to do, and what that cost, or which files it opened.
struct Point {
    at: f64,
    work: f64,
    cost: f64,
}

/// A line through what a unit of work cost, by least squares, each day as heavy as its work; of three weeks and more
/// through what is left of it beside its weekday, for weekends are another matter.
struct Line {
    middle: f64,
    mean: f64,
    slope: f64,
    /// The standard error of the slope.
    noise: f64,
    /// How far each kind of day lies from the line.
    apart: Vec<f64>,
}

impl Line {
    fn through(points: &[Point], kinds: usize) -> Self {
        let is_of = |kind: usize| move |it: &&Point| it.at as usize % kinds == kind;
        // Of each day its work, and how far it and its cost lie from the mean of its kind.
        let (mut off, mut means) = (Vec::with_capacity(points.len()), Vec::with_capacity(kinds));
        for kind in 0..kinds {
            let (at, cost) =
                (middle(points.iter().filter(is_of(kind))), mean(points.iter().filter(is_of(kind))));
            let alike = points.iter().filter(is_of(kind));
            means.push((at, cost));
            off.extend(alike.map(|it| (it.work, it.at - at, it.cost / it.work - cost)));
        }
        let sum = |of: &dyn Fn(&(f64, f64, f64)) -> f64| off.iter().map(of).sum::<f64>();
        let spread = sum(&|(work, at, _)| work * at * at);
        let slope = sum(&|(work, at, cost)| work * at * cost) / spread;
        let left = sum(&|(work, at, cost)| work * (cost - slope * at).powi(2));
        let free = points.len() as f64 - kinds as f64 - 1.0;
        let noise = (left / free / spread).sqrt();
        let (middle, mean) = (middle(points.iter()), mean(points.iter()));
        let apart = means.into_iter().map(|(at, cost)| cost - mean - slope * (at - middle)).collect();
        Self { middle, mean, slope, noise, apart }
    }

    /// A day as it would have been were its kind as all are.
    fn level(&self, it: &Point) -> Point {
        let apart = self.apart[it.at as usize % self.apart.len()];
        Point { at: it.at, work: it.work, cost: it.cost - it.work * apart }
    }
}

/// When the middle of the work was done.
fn middle<'p>(points: impl Iterator<Item = &'p Point>) -> f64 {
    let (sum, work) = points.fold((0.0, 0.0), |(sum, work), it| (sum + it.at * it.work, work + it.work));
    sum / work
}

/// What a unit of it cost.
fn mean<'p>(points: impl Iterator<Item = &'p Point>) -> f64 {
    let (cost, work) = points.fold((0.0, 0.0), |(cost, work), it| (cost + it.cost, work + it.work));
    cost / work
}

#[cfg(test)]
mod tests;
