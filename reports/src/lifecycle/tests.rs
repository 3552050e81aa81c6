//! The record and what it is summed to, without a mart.

use attribution::mart::Confidence;
use serde_json::Value;

use super::*;

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn usd(text: &str) -> Amount {
    text.parse().unwrap()
}

fn now() -> Instant {
    "2026-11-01T12:00:00Z".parse().unwrap()
}

#[test]
fn a_realised_saving_is_the_mean_day_before_less_the_mean_day_since() {
    // $280 in 28 days, then $14 in 7: $10 a day less $2 a day, for 30.4375 days.
    let realised = Realised {
        baseline: (day("2026-10-01"), day("2026-10-29")),
        baseline_cost: usd("280"),
        measured: (day("2026-10-30"), day("2026-11-06")),
        measured_cost: usd("14"),
    };
    assert_eq!(realised.monthly(), usd("243.5"));
}

/// A finding of a workload that goes on.
fn finding(id: &str) -> Finding {
    Finding {
        id: id.into(),
        detector: "spill".into(),
        subject_kind: "workload".into(),
        subject: "etl.daily/load".into(),
        team: None,
        currency: Currency::USD,
        first_day: day("2026-10-05"),
        end_day: day("2026-11-01"),
        is_open: true,
        silence: None,
        is_material: true,
        observed_cost: usd("10"),
        gross_saving: usd("20"),
        fix_cost: Amount::ZERO,
        net_saving: usd("20"),
        claimed_saving: usd("20"),
        cash_saving: usd("20"),
        is_cash: true,
        confidence: Confidence::High,
        evidence: Value::Null,
        guards: vec![],
        action: String::new(),
        series: vec![],
    }
}

#[test]
fn what_a_person_decides_while_a_mart_is_asked_stays() {
    let ledger = tempfile::tempdir().unwrap();
    let mut record = Lifecycle::open(ledger.path()).unwrap();
    let settings = HashMap::new();
    let (seen, gone) = (finding("0123456789ab"), finding("ba9876543210"));
    let new =
        Look { changes: vec![(&seen, Status::New, None), (&gone, Status::New, None)], ..Look::default() };
    let synced = record.write(&new, &settings, now()).unwrap();
    assert_eq!(synced, Synced { opened: 2, ..Synced::default() });
    // Read, and before what was made of it is written, one is dismissed and the other put off.
    let known = record.tracked().unwrap();
    let of = |id: &str| known.iter().find(|it| it.finding_id == id).unwrap();
    let dismiss = Act::Dismiss("a trial".into());
    record.act(&seen.id, &dismiss, now()).unwrap();
    record.act(&gone.id, &Act::Snooze(day("2027-01-01")), now()).unwrap();
    let look = Look {
        changes: vec![(&seen, Status::New, Some(of(&seen.id)))],
        gone: vec![(of(&gone.id), day("2026-11-01"))],
        ..Look::default()
    };
    assert_eq!(record.write(&look, &settings, now()).unwrap(), Synced::default());
    assert_eq!(record.find(&seen.id).unwrap().unwrap().status, Status::Dismissed);
    let put_off = record.find(&gone.id).unwrap().unwrap();
    assert_eq!((put_off.status, put_off.snoozed_until), (Status::Snoozed, Some(day("2027-01-01"))));
    // Another look that read the same as new does not open it twice.
    assert_eq!(record.write(&new, &settings, now()).unwrap(), Synced::default());
    assert_eq!(record.events(&seen.id).unwrap().len(), 2);
    // What was read after the decision is followed.
    let known = record.tracked().unwrap();
    let put_off = known.iter().find(|it| it.finding_id == gone.id).unwrap();
    let look = Look { gone: vec![(put_off, day("2026-11-01"))], ..Look::default() };
    let synced = record.write(&look, &settings, now()).unwrap();
    assert_eq!(synced, Synced { resolved: 1, ..Synced::default() });
}

/// A resolved finding whose subject cost so much a day before, and $10 in each of ten days since.
fn mended(id: &str, detector: &str, before: &str, since: &str) -> Tracked {
    let since = day(since);
    Tracked {
        finding_id: id.into(),
        detector: detector.into(),
        subject_kind: "workload".into(),
        subject: "etl.daily/load".into(),
        team: None,
        currency: Currency::USD,
        status: Status::Resolved,
        assignee: None,
        snoozed_until: None,
        reason: None,
        opened_on: day("2026-09-01"),
        last_seen_on: since - Days::new(2),
        resolved_on: Some(since - Days::new(1)),
        promised_saving: usd("100"),
        realised: Some(Realised {
            baseline: (since - Days::new(11), since - Days::new(1)),
            baseline_cost: usd(before),
            measured: (since, since + Days::new(10)),
            measured_cost: usd("100"),
        }),
    }
}

#[test]
fn fixes_that_made_one_cost_fall_are_summed_once() {
    // $20 a day before, $10 since: each of the three shows all of it, 10 x 30.4375.
    let spill = mended("a", "spill", "200", "2026-10-03");
    let skew = mended("b", "skew", "190", "2026-10-05");
    let failed = mended("c", "failed-retried", "150", "2026-10-12");
    // Weeks later the same subject falls again, another one at any time, and of a table its objects beside its reads.
    let later = mended("d", "over-provisioned", "120", "2026-11-20");
    let other = Tracked { subject: "etl.daily/other".into(), ..mended("e", "spill", "130", "2026-10-03") };
    let objects = Tracked { subject: "prod.a.t".into(), ..mended("f", "orphan-files", "140", "2026-10-03") };
    let reads = Tracked { subject: "prod.a.t".into(), ..mended("g", "uncompacted", "110", "2026-10-03") };
    let open = Tracked { status: Status::New, ..mended("h", "spill", "900", "2026-12-24") };
    let all = [spill, skew, failed, later, other, objects, reads, open];
    let counted: Vec<&str> = realised_together(&all).iter().map(|it| it.finding_id.as_str()).collect();
    assert_eq!(counted, ["a", "f", "e", "d", "g"]);
}
