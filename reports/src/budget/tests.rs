use super::*;

fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn amount(text: &str) -> Amount {
    text.parse().unwrap()
}

fn budget(of: &str) -> Budget {
    Budget {
        name: "growth".into(),
        scope: Scope::of_team("growth"),
        amount: amount(of),
        currency: Currency::USD,
        basis: Basis::Effective,
        actual: vec![50, 80, 100],
        forecast: vec![100],
        from: None,
        to: None,
    }
}

/// $10 on weekdays and $4 on weekend days.
fn weekly(first: &str, end: &str) -> Daily {
    let end = day(end);
    let days = day(first).iter_days().take_while(|day| *day < end);
    days.map(|day| (day, Amount::whole(if day.weekday().num_days_from_monday() < 5 { 10 } else { 4 })))
        .collect()
}

fn closed(first: &str, end: &str) -> ClosedDays {
    ClosedDays { first: day(first), end: day(end) }
}

#[test]
fn the_forecast_is_what_was_spent_and_the_median_of_such_weekdays() {
    let mut costs = weekly("2026-10-01", "2026-11-15");
    // One dear Friday among the last four is no reason to expect another.
    costs.insert(day("2026-10-30"), amount("500"));
    let of = closed("2026-10-01", "2026-11-15");
    let state = state(&budget("250"), day("2026-11-01"), of, &costs).unwrap();
    // 1 to 14 November 2026, a Sunday to a Saturday: ten weekdays and four weekend days.
    assert_eq!(state.spent, amount("116"));
    // 15 to 30 November: Sun, then two weeks Mon to Sun, then Mon: 11 weekdays, 5 weekend days.
    assert_eq!(state.forecast, Some(amount("246")));
    assert_eq!(state.exceeded_on, None);
    assert_eq!(state.progress(), (14, 30));
    assert_eq!((state.reached(Measure::Actual), state.reached(Measure::Forecast)), (None, None));
    assert_eq!(state.allowance(), Some(amount("8.375")), "134 over 16 days");
    assert_eq!(
        state.sentence(),
        "$116.00 of $250.00 (46.4%) spent after 14 of 30 days; forecast $246.00 (98.4%)."
    );
}

#[test]
fn the_day_it_is_exceeded_is_told_before_and_after() {
    let costs = weekly("2026-10-01", "2026-11-15");
    let of = closed("2026-10-01", "2026-11-15");
    let expected = state(&budget("150"), day("2026-11-01"), of, &costs).unwrap();
    // 116, Sun 15th 120, Mon 130, Tue 140, Wed 150: not more yet; Thu 19th 160.
    assert_eq!(expected.exceeded_on, Some(day("2026-11-19")));
    assert!(expected.is_expected_over() && !expected.is_over());
    assert_eq!(
        (expected.reached(Measure::Actual), expected.reached(Measure::Forecast)),
        (Some(50), Some(100))
    );
    assert!(
        expected.sentence().ends_with("forecast $246.00 (164.0%), beyond it on Thu 19 Nov 2026."),
        "{}",
        expected.sentence()
    );

    let over = state(&budget("100"), day("2026-11-01"), of, &costs).unwrap();
    // 4, five weekdays 54, 58, 62, then 72, 82, 92, 102 on Thursday the 12th.
    assert_eq!(over.exceeded_on, Some(day("2026-11-12")));
    assert!(over.is_over());
    assert_eq!(over.reached(Measure::Actual), Some(100));
    assert_eq!(over.left(), amount("-16"));
}

#[test]
fn a_month_that_is_over_has_no_forecast_but_itself() {
    let costs = weekly("2026-10-01", "2026-11-15");
    let of = closed("2026-10-01", "2026-11-15");
    let state = state(&budget("300"), day("2026-10-01"), of, &costs).unwrap();
    // October 2026 has 22 weekdays and 9 weekend days.
    assert_eq!((state.spent, state.forecast), (amount("256"), Some(amount("256"))));
    assert_eq!(state.sentence(), "$256.00 of $300.00 (85.3%) spent after 31 of 31 days; $44.00 left.");
}

#[test]
fn what_is_not_known_is_not_forecast() {
    // Four days of a ledger: no Sunday, Monday or Tuesday is known.
    let costs = weekly("2026-11-04", "2026-11-08");
    let of = closed("2026-11-04", "2026-11-08");
    let state = state(&budget("300"), day("2026-11-01"), of, &costs).unwrap();
    assert_eq!((state.spent, state.forecast), (amount("34"), None));
    assert!(state.is_partial());
    assert!(state.sentence().contains("the ledger begins on Wed 4 Nov 2026"));
    assert!(state.sentence().contains("no forecast yet"));
    // Nothing of a month is closed before its second day is.
    assert_eq!(super::state(&budget("1"), day("2026-12-01"), of, &costs), None);
}

#[test]
fn a_budget_holds_from_month_to_month() {
    let budget = Budget { from: Some(day("2026-02-01")), to: Some(day("2026-04-01")), ..budget("1") };
    let months = ["2026-01-01", "2026-02-01", "2026-03-01", "2026-04-01"];
    assert_eq!(months.map(|month| budget.holds_in(day(month))), [false, true, true, false]);
}
