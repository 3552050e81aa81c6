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
    let from = date("2026-10-11") + Days::new(measure.settles());
    assert_eq!(realised.measured, (from, date("2026-10-22")));
    let measured = (date("2026-10-22") - from).num_days();
    (realised.baseline_cost.scaled(1, 9).unwrap(), realised.measured_cost.scaled(1, measured).unwrap())
}

#[test]
fn a_fix_is_measured_by_what_it_makes_cheaper() {
    assert_eq!(a_day(Measure::Whole, &days()), (Amount::whole(10), Amount::whole(9)));
    assert_eq!(a_day(Measure::Objects, &days()), (Amount::whole(6), Amount::whole(5)));
    // A read cost 2.20 before: 15 reads a day would have cost 33.
    assert_eq!(a_day(Measure::Reads, &days()), (Amount::whole(33), Amount::whole(16)));
    // Its requests by reads, 2 x 15 / 10; a gigabyte cost its runs $0.50 before: 44 a day would have cost 22.
    let told: Vec<_> = days()
        .into_iter()
        .zip(0..)
        .map(|(day, n)| SubjectDay { read_bytes: if n < 10 { 40 } else { 44 } * 1_000_000_000, ..day })
        .collect();
    assert_eq!(a_day(Measure::Files, &told), (Amount::whole(3 + 22), Amount::whole(16)));
    // Where more than one in ten is not told of, by the reads.
    let untold: Vec<_> = told
        .into_iter()
        .zip(0..)
        .map(|(day, n)| SubjectDay { untold_reads: if n > 13 { 5 } else { 0 }, ..day })
        .collect();
    assert_eq!(a_day(Measure::Files, &untold), (Amount::whole(33), Amount::whole(16)));
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

/// What piles up would have gone on: 1, 2, 3... a day up to the twelfth day, on which it was mended.
#[test]
fn what_piles_up_is_compared_with_what_it_would_have_come_to() {
    let pile = |n: u64| SubjectDay {
        day: date("2026-10-01") + Days::new(n),
        cost: Amount::whole(if n < 12 { n as i64 + 1 } else { 0 }),
        ..SubjectDay::default()
    };
    let days: Vec<_> = (0..22).map(pile).collect();
    let known = (date("2026-10-01"), date("2026-10-23"));
    let realised = Measure::Piled.realised(&days, date("2026-10-13"), known).unwrap();
    assert_eq!(realised.baseline, (date("2026-10-01"), date("2026-10-12")));
    assert_eq!(realised.measured, (date("2026-10-14"), date("2026-10-23")));
    // 14 to 22 a day in nine days, 18 on average: eleven such days.
    assert_eq!((realised.baseline_cost, realised.measured_cost), (Amount::whole(18 * 11), Amount::ZERO));
    // What only moves up and down does not grow, nor does what rose once; what shrinks does so by itself.
    for cost in [|n: i64| 5 + n % 2, |n: i64| 40 - n, |n: i64| if n < 5 { 5 } else { 10 }] {
        let days: Vec<_> = days
            .iter()
            .zip(0..)
            .map(|(day, n)| SubjectDay { cost: Amount::whole(cost(n)), ..day.clone() })
            .collect();
        let realised = Measure::Piled.realised(&days, date("2026-10-13"), known).unwrap();
        assert_eq!(realised.baseline_cost, (0..11).map(|n| Amount::whole(cost(n))).sum());
    }
}

/// Uploads are billed as waste from the eighth day on: seven days without are no part of what it was.
#[test]
fn days_before_there_was_any_are_not_compared() {
    let day = |n: i64| SubjectDay {
        day: date("2026-10-01") + Days::new(n as u64),
        cost: Amount::whole(if (7..20).contains(&n) { 10 } else { 0 }),
        ..SubjectDay::default()
    };
    let days: Vec<_> = (0..30).map(day).collect();
    let known = (date("2026-10-01"), date("2026-10-31"));
    let realised = Measure::Piled.realised(&days, date("2026-10-21"), known).unwrap();
    assert_eq!(realised.baseline, (date("2026-10-08"), date("2026-10-20")));
    assert_eq!(realised.baseline_cost, Amount::whole(10 * 12));
}

/// A read at a weekend costs twice as much; beside that, one on day n costs 100 + n.
#[test]
fn weekends_are_no_growth_and_hide_none() {
    let day = |n: i64, grows: i64| SubjectDay {
        day: date("2026-10-01") + Days::new(n as u64),
        read_cost: Amount::whole((100 + n * grows) * if matches!(n % 7, 2 | 3) { 2 } else { 1 }),
        reads: 1,
        ..SubjectDay::default()
    };
    let known = (date("2026-10-01"), date("2026-11-07"));
    let realised = |grows: i64| {
        let days: Vec<_> = (0..37).map(|n| day(n, grows)).collect();
        Measure::Reads.realised(&days, date("2026-10-29"), known).unwrap()
    };
    // 27 days, 1 to 27 October, of which eight are at weekends: 35 units of 100, and of the days themselves
    // 0 + 1 + ... + 26 and once more 2 + 3 + 9 + 10 + 16 + 17 + 23 + 24: 146.48 a day on the fourteenth. A week
    // holds five days that rise by 1 a day and two that rise by 2: twenty days later it is 20 x 9 / 7 more.
    assert_eq!(realised(0).baseline_cost.rounded(6), "3500.000000");
    let a_day = realised(1).baseline_cost.to_f64() / 27.0;
    assert!((a_day / (3_955.0 / 27.0 + 180.0 / 7.0) - 1.0).abs() < 0.005, "{a_day}");
}

/// A read costs a dollar more each day, of 1, 2 or 3 a day in turn.
#[test]
fn reads_of_files_that_pile_up_are_compared_at_as_many() {
    let day = |n: i64| SubjectDay {
        day: date("2026-10-01") + Days::new(n as u64),
        read_cost: Amount::whole((n + 1) * (n % 3 + 1)),
        reads: n % 3 + 1,
        ..SubjectDay::default()
    };
    let days: Vec<_> = (0..22).map(day).collect();
    let known = (date("2026-10-01"), date("2026-10-23"));
    let realised = Measure::Reads.realised(&days, date("2026-10-13"), known).unwrap();
    // Had nothing been mended there is nothing saved: what it cost since is what it would have cost.
    let a_day = |cost: Amount, days: i64| cost.to_f64() / days as f64;
    let (before, since) = (a_day(realised.baseline_cost, 11), a_day(realised.measured_cost, 8));
    assert!((before / since - 1.0).abs() < 1e-6, "{before} {since}");
}

/// What a read costs moves up and down by a third from day to day, half of it for the files it opens: 100 and
/// one more each day, until they are compacted to ten.
#[test]
fn reads_grow_as_the_files_do_that_they_open() {
    let day = |n: i64| {
        let (files, chance) = (if n < 24 { 100 + n } else { 10 }, [30, -30, 0][n as usize % 3]);
        SubjectDay {
            day: date("2026-10-01") + Days::new(n as u64),
            read_cost: Amount::whole(2 * (100 + chance + files)),
            reads: 2,
            read_bytes: 2_000_000,
            told_scans: 2,
            opened_files: 2 * files,
            ..SubjectDay::default()
        }
    };
    let days: Vec<_> = (0..38).map(day).collect();
    let known = (date("2026-10-01"), date("2026-11-08"));
    let realised = |days: &[SubjectDay]| {
        Measure::Files.realised(days, date("2026-10-25"), known).unwrap().baseline_cost.to_f64() / 23.0
    };
    // Day 0 to 22 before, 26 to 37 since: 100 + 11 files, and by then 100 + 31.5.
    let files = 100.0 + 100.0 + 31.5;
    assert!((realised(&days) / (2.0 * files) - 1.0).abs() < 0.01, "{}", realised(&days));
    // By what it cost alone that growth is none.
    let untold: Vec<_> =
        days.into_iter().map(|day| SubjectDay { told_scans: 0, opened_files: 0, ..day }).collect();
    assert!((realised(&untold) / (2.0 * 211.0) - 1.0).abs() < 0.02, "{}", realised(&untold));
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
