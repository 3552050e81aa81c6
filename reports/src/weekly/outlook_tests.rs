//! What to fix, what was saved, what was restated and how the weeks went: from hand-written
//! facts, with the expected figures worked out by hand.

use attribution::mart::{Confidence, Finding};
use chrono::NaiveDate;
use model::{Amount, Basis, Currency};

use super::assemble::Facts;
use super::scope::Scope;
use super::tests::{data_of, facts_of_growth};
use super::{Weekly, render};
use crate::lifecycle::{Realised, Status, Tracked};
use crate::link::BaseUrl;
use crate::mail::Reported;

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn usd(text: &str) -> Amount {
    text.parse().unwrap()
}

pub(super) fn finding(
    id: &str,
    detector: &str,
    subject: &str,
    team: &str,
    net: &str,
    claimed: &str,
) -> Finding {
    Finding {
        id: id.into(),
        detector: detector.into(),
        subject_kind: "table".into(),
        subject: subject.into(),
        team: Some(team.into()),
        currency: Currency::USD,
        first_day: date("2026-09-01"),
        end_day: date("2026-10-12"),
        is_open: true,
        is_material: true,
        silence: None,
        observed_cost: usd("10"),
        gross_saving: usd(net),
        fix_cost: Amount::ZERO,
        net_saving: usd(net),
        claimed_saving: usd(claimed),
        cash_saving: usd(claimed),
        is_cash: true,
        confidence: Confidence::High,
        evidence: serde_json::Value::Null,
        guards: vec![],
        action: String::new(),
        series: vec![],
    }
}

fn tracked(id: &str, status: Status, resolved_on: Option<&str>, before: &str, after: &str) -> Tracked {
    Tracked {
        finding_id: id.into(),
        detector: "idle-cluster".into(),
        subject_kind: "cluster".into(),
        subject: format!("cluster-{id}"),
        team: Some("growth".into()),
        currency: Currency::USD,
        status,
        assignee: None,
        snoozed_until: None,
        reason: None,
        opened_on: date("2026-08-01"),
        last_seen_on: date("2026-10-01"),
        resolved_on: resolved_on.map(date),
        promised_saving: usd("200"),
        realised: resolved_on.map(|_| Realised {
            baseline: (date("2026-09-03"), date("2026-10-01")),
            baseline_cost: usd(before),
            measured: (date("2026-10-01"), date("2026-10-08")),
            measured_cost: usd(after),
        }),
    }
}

fn facts() -> Facts {
    let mut facts = facts_of_growth();
    facts.findings = vec![
        finding("f-small", "storage-class", "prod.growth.old", "growth", "12.50", "12.50"),
        finding("f-large", "uncompacted", "prod.growth.events", "growth", "310", "300"),
        finding("f-snoozed", "unused-table", "prod.growth.tmp", "growth", "99", "99"),
        finding("f-other", "unused-table", "prod.content.tmp", "content", "500", "500"),
    ];
    facts.tracked = vec![
        tracked("f-snoozed", Status::Snoozed, None, "0", "0"),
        // $280 in 28 days, then $14 in 7: $10 a day less $2 a day, for 30.4375 days.
        tracked("gone", Status::Resolved, Some("2026-10-01"), "280", "14"),
        tracked("long-gone", Status::Resolved, Some("2026-05-01"), "280", "14"),
    ];
    facts
}

fn report(facts: &Facts, scope: Scope) -> Weekly {
    let mut data = data_of(facts, scope);
    data.base_url = Some(BaseUrl::parse("https://costs.example.com").unwrap());
    render(&data, "x").unwrap()
}

#[test]
fn what_waits_for_somebody_stands_first_with_its_link() {
    let growth = report(&facts(), Scope::Team("growth".into()));
    let text = &growth.text;
    let large = text.find("$310.00").unwrap();
    assert!(large < text.find("$12.50").unwrap(), "{text}");
    assert!(!text.contains("$99.00") && !text.contains("$500.00"), "snoozed and others' are not: {text}");
    // 300 + 12.50: what adds up.
    assert!(text.contains("All together save $312.50 a month before what their fixes cost;"), "{text}");
    for place in ["https://costs.example.com/waste/f-large", "https://costs.example.com/waste?team=growth"] {
        assert!(text.contains(place), "{place}: {text}");
        assert!(growth.mail_html.contains(place) && growth.html.contains(place), "{place}");
    }
    let platform = report(&facts(), Scope::Platform);
    assert!(
        platform.text.contains("$500.00") && platform.text.contains("content, lowers the bill"),
        "{}",
        platform.text
    );
}

#[test]
fn what_fixes_saved_is_told_for_three_months() {
    let growth = report(&facts(), Scope::Team("growth".into()));
    let line = "Gone since Thu 1 Oct 2026: Idle cluster cluster-gone. Saves $243.50 a month by the bill; $200.00 were promised.";
    let words = growth.text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains(line), "{words}");
    assert!(growth.mail_html.contains(line));
    assert!(!words.contains("long-gone"));
}

#[test]
fn a_fix_after_which_more_is_paid_is_not_called_a_saving() {
    let mut facts = facts();
    // $140 in 28 days, then $70 in 7: $5 a day less $10 a day, for 30.4375 days.
    facts.tracked = vec![tracked("worse", Status::Resolved, Some("2026-10-01"), "140", "70")];
    let growth = report(&facts, Scope::Team("growth".into()));
    let line =
        "Idle cluster cluster-worse. Costs $152.19 a month more by the bill; $200.00 less were promised.";
    let words = growth.text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains(line), "{words}");
}

#[test]
fn last_weeks_figures_are_restated_as_its_reports_said_them() {
    let mut facts = facts();
    let said = |team: Option<&str>, cost: &str| Reported {
        report: "weekly".into(),
        period: "2026-W40".into(),
        team: team.map(str::to_owned),
        basis: Basis::Effective,
        currency: Currency::USD,
        cost: usd(cost),
        published_at: "2026-10-05T04:10:00Z".parse().unwrap(),
    };
    let row = |team: &str, cost: &str| attribution::mart::CostRow {
        keys: vec!["2026-09-28".into(), team.into()],
        currency: Currency::USD,
        cost: usd(cost),
    };
    facts.weeks = vec![row("growth", "766.46"), row("content", "689.49")];
    facts.reported =
        vec![said(Some("growth"), "700"), said(Some("content"), "689.49"), said(None, "1389.49")];
    let words =
        |facts: &Facts, scope| report(facts, scope).text.split_whitespace().collect::<Vec<_>>().join(" ");
    let growth = words(&facts, Scope::Team("growth".into()));
    let line = "Week 40 is $766.46 by now; its report said $700.00 by the figures of 5 Oct 2026 06:10 CEST (+$66.46).";
    assert!(growth.contains(line), "{growth}");
    assert!(
        words(&facts, Scope::Platform).contains("Week 40 is $1,455.95 by now; its report said $1,389.49")
    );
    let content = words(&facts, Scope::Team("content".into()));
    assert!(!content.contains("by now"), "what did not change is not told: {content}");
}

#[test]
fn the_weeks_before_are_shown_from_the_first_that_is_held() {
    let mut facts = facts();
    let week = |monday: &str, team: &str, cost: &str| attribution::mart::CostRow {
        keys: vec![monday.into(), team.into()],
        currency: Currency::USD,
        cost: usd(cost),
    };
    facts.held = Some((date("2026-09-23"), date("2026-10-12")));
    facts.weeks = vec![
        week("2026-09-21", "growth", "300"),
        week("2026-09-28", "growth", "766.46"),
        week("2026-09-28", "content", "689.49"),
        week("2026-10-05", "growth", "944.96"),
    ];
    let growth = data_of(&facts, Scope::Team("growth".into()));
    let trend = &growth.sections[0].trend;
    assert_eq!(trend.iter().map(|week| week.cost).collect::<Vec<_>>(), ["300", "766.46", "944.96"].map(usd));
    assert_eq!(trend.iter().map(|week| week.is_whole).collect::<Vec<_>>(), [false, true, true]);
    let report = report(&facts, Scope::Team("growth".into()));
    assert!(
        report.text.contains("WEEK BY WEEK") && report.text.contains("Week 39 (part)"),
        "{}",
        report.text
    );
}

#[test]
fn what_moved_sums_to_the_change() {
    let growth = report(&facts(), Scope::Team("growth".into()));
    let (_, moved) = growth.text.split_once("WHAT MOVED").unwrap();
    let (moved, _) = moved.split_once("\n\n").unwrap();
    // By hand: train +150.50, idle +28; the rest did not change: 306.46 of both weeks.
    for figure in ["+$150.50", "+$28.00", "+$178.50", "What did not change"] {
        assert!(moved.contains(figure), "{figure}: {moved}");
    }
}

#[test]
fn advice_is_told_whole_however_long_its_subject() {
    let mut facts = facts_of_growth();
    let subject = "ranking-models/train-and-evaluate-the-nightly-candidates";
    facts.findings = vec![finding("a", "interrupted-spot", subject, "growth", "30", "30")];
    let report = report(&facts, Scope::Team("growth".into()));
    for (what, place) in [("drawing", &report.html), ("mail", &report.mail_html), ("text", &report.text)] {
        assert!(place.contains("off nodes that are taken back"), "{what}: {place}");
        assert!(place.contains("Keep ranking-models/trai"), "{what}: {place}");
    }
    let is_short = |line: &&str| crate::label::columns(line) <= 72 || line.contains("https://");
    assert!(report.text.lines().all(|line| is_short(&line)), "{}", report.text);
}
