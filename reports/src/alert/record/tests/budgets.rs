//! Alerts about budgets, which are over with their month.

use super::*;

/// The rule of budgets, and what it measures of one on a day: its spending beyond its amount.
fn budgets() -> Watch {
    let rule = Rule { condition: Condition::Budget { names: Vec::new() }, ..rule("budgets") };
    Watch { rules: vec![rule], ..watch() }
}

fn spent(on: &str, month: &str) -> Reading {
    let message = "growth: 100% of the budget is spent. $5,200.00 of $5,000.00 (104%).".to_owned();
    let key = format!("growth, spent in {month}");
    let (value, threshold) = (Amount::whole(5_200), Amount::whole(5_000));
    Reading { key, level: 100, is_firing: true, message, value, threshold, ..reading(on, "", 0) }
}

#[test]
fn a_budget_that_was_overspent_is_not_resolved_by_the_end_of_its_month() {
    let (_ledger, mut record) = record();
    let on = vec![spent("2026-10-31", "October 2026")];
    let first = look(&mut record, &budgets(), "2026-10-31", 1, on, "2026-11-02T06:00:00Z");
    assert_eq!(first.queued, ["hook: growth: 100% of the budget is spent. $5,200.00 of $5,000.00 (104%)."]);
    let over = look(&mut record, &budgets(), "2026-11-01", 1, vec![], "2026-11-03T06:00:00Z");
    assert_eq!(
        over.queued,
        ["hook: October 2026 is over: growth: 100% of the budget is spent. $5,200.00 of $5,000.00 (104%)."]
    );
    let id = life::id_of("budgets", "growth, spent in October 2026");
    let ended = record.events(&id).unwrap().pop().unwrap();
    assert_eq!((ended.step.as_str(), ended.note.as_deref()), ("resolved", Some("October 2026 is over")));
}

#[test]
fn a_budget_that_is_gone_within_its_month_is_over_like_anything_else() {
    let (_ledger, mut record) = record();
    let on = vec![spent("2026-10-20", "October 2026")];
    look(&mut record, &budgets(), "2026-10-20", 1, on, "2026-10-22T06:00:00Z");
    let over = look(&mut record, &budgets(), "2026-10-21", 1, vec![], "2026-10-23T06:00:00Z");
    assert_eq!(
        over.queued,
        ["hook: Resolved: growth, spent in October 2026 (budgets), over since Wed 21 Oct 2026."]
    );
}

#[test]
fn an_overspent_month_that_is_judged_when_it_is_over_opens_an_incident_until_the_next_look() {
    let (_ledger, mut record) = record();
    let mut watch = budgets();
    let key = Secret::Env("UNUSED".into());
    let url = "https://events.example.com".to_owned();
    watch.channels[0].kind = ChannelKind::PagerDuty { url, routing_key: key };
    let on = vec![spent("2026-10-31", "October 2026")];
    let first = look(&mut record, &watch, "2026-10-31", 2, on, "2026-11-03T06:00:00Z");
    let told =
        "hook: growth: 100% of the budget is spent. $5,200.00 of $5,000.00 (104%). October 2026 is over.";
    assert_eq!(first.queued, [told], "it is not closed in the same breath");
    let next = look(&mut record, &watch, "2026-11-02", 1, vec![], "2026-11-04T06:00:00Z");
    assert_eq!(next.queued.len(), 1);
    let mut action = || {
        let message = record.take("hook", at("2026-11-04T06:00:00Z")).unwrap().unwrap();
        record.arrived(&message.id, at("2026-11-04T06:00:00Z")).unwrap();
        let body: serde_json::Value = serde_json::from_str(&message.body).unwrap();
        body["event_action"].as_str().unwrap().to_owned()
    };
    assert_eq!([action(), action()], ["trigger", "resolve"]);
    let last = look(&mut record, &watch, "2026-11-03", 1, vec![], "2026-11-05T06:00:00Z");
    assert!(last.queued.is_empty(), "once");
    // Who keeps no incidents was told all of it at once.
    let (_ledger, mut record) = self::record();
    let on = vec![spent("2026-10-31", "October 2026")];
    assert_eq!(look(&mut record, &budgets(), "2026-10-31", 2, on, "2026-11-03T06:00:00Z").queued.len(), 1);
    let next = look(&mut record, &budgets(), "2026-11-02", 1, vec![], "2026-11-04T06:00:00Z");
    assert!(next.queued.is_empty(), "{:?}", next.queued);
}
