//! Reports from hand-written costs: what the mart would answer goes in, whole
//! reports come out. The expected sums and shares are worked out by hand.

use attribution::mart::{BalanceRow, CostRow};
use chrono::{Days, NaiveDate};
use chrono_tz::Tz;
use model::{Amount, Basis, Category, Currency};

use super::assemble::{self, Facts};
use super::*;
use crate::link::BaseUrl;

/// team, category, workload, table, currency, cost
pub(super) type Line = (&'static str, &'static str, &'static str, &'static str, &'static str, &'static str);

pub(super) const NONE: &str = "(none)";

/// Growth sums to 944.96, content to 606.49, nobody's to 195.33: 1746.78 in all.
pub(super) const NOW: [Line; 19] = [
    ("growth", "usage", "ranker/train", "prod.growth.scores", "USD", "520.40"),
    ("growth", "usage", "ranker/train", NONE, "USD", "30.10"),
    ("growth", "usage", "features/build", "prod.growth.features", "USD", "210"),
    ("growth", "usage", "daily/report", "prod.growth.report", "USD", "12.34"),
    ("growth", "storage", NONE, "prod.growth.scores", "USD", "45.67"),
    ("growth", "storage", NONE, "prod.growth.features", "USD", "23.45"),
    ("growth", "direct", NONE, NONE, "USD", "15"),
    ("growth", "idle", NONE, NONE, "USD", "88"),
    ("content", "usage", "ingest/events", "prod.content.events", "USD", "310.99"),
    ("content", "usage", "ingest/clicks", "prod.content.clicks", "USD", "120.50"),
    ("content", "usage", "ingest/users", "prod.content.users", "USD", "50"),
    ("content", "usage", "ingest/geo", "prod.content.geo", "USD", "15"),
    ("content", "usage", "ingest/lookup", "prod.content.lookup", "USD", "9.995"),
    ("content", "storage", NONE, "prod.content.events", "USD", "60"),
    ("content", "usage", "ingest/tiny", "prod.content.tiny", "USD", "0.005"),
    ("content", "idle", NONE, NONE, "USD", "40"),
    (NONE, "shared", NONE, NONE, "USD", "150"),
    (NONE, "unallocated", NONE, NONE, "USD", "33.33"),
    (NONE, "idle", NONE, NONE, "USD", "12"),
];

/// Growth sums to 766.46: train costs 150.50 less, idle 28 less.
pub(super) const BEFORE: [Line; 14] = [
    ("growth", "usage", "ranker/train", "prod.growth.scores", "USD", "400"),
    ("growth", "usage", "features/build", "prod.growth.features", "USD", "210"),
    ("growth", "usage", "daily/report", "prod.growth.report", "USD", "12.34"),
    ("growth", "storage", NONE, "prod.growth.scores", "USD", "45.67"),
    ("growth", "storage", NONE, "prod.growth.features", "USD", "23.45"),
    ("growth", "direct", NONE, NONE, "USD", "15"),
    ("growth", "idle", NONE, NONE, "USD", "60"),
    ("content", "usage", "ingest/events", "prod.content.events", "USD", "410.99"),
    ("content", "usage", "ingest/clicks", "prod.content.clicks", "USD", "110.50"),
    ("content", "usage", "ingest/gone", "prod.content.gone", "USD", "70"),
    ("content", "storage", NONE, "prod.content.events", "USD", "58"),
    ("content", "idle", NONE, NONE, "USD", "40"),
    (NONE, "shared", NONE, NONE, "USD", "150"),
    (NONE, "unallocated", NONE, NONE, "USD", "20"),
];

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

pub(super) fn usd(text: &str) -> Amount {
    text.parse().unwrap()
}

fn rows(lines: &[Line]) -> Vec<CostRow> {
    lines
        .iter()
        .map(|(team, category, workload, table, currency, cost)| CostRow {
            keys: [team, category, workload, table].map(|key| (*key).to_owned()).to_vec(),
            currency: currency.parse().unwrap(),
            cost: cost.parse().unwrap(),
        })
        .collect()
}

/// The facts of a week in which each cost is spread over the first `days` days:
/// one part a day, two on Wednesdays, the indivisible rest on Monday.
pub(super) fn facts(now: &[Line], before: Option<&[Line]>, days: u64) -> Facts {
    let monday = date("2026-10-05");
    let rows_now = rows(now);
    let mut by_day = Vec::new();
    for row in &rows_now {
        let parts: i128 = (0..days).map(|day| if day == 2 { 2 } else { 1 }).sum();
        let part = row.cost.units() / parts;
        for day in 0..days {
            let units = match day {
                0 => row.cost.units() - part * (parts - 1),
                2 => 2 * part,
                _ => part,
            };
            let key = (monday + Days::new(day)).to_string();
            by_day.push(CostRow {
                keys: vec![key, row.keys[0].clone(), row.keys[1].clone(), row.keys[2].clone()],
                currency: row.currency,
                cost: Amount::from_units(units),
            });
        }
    }
    let mut currencies: Vec<Currency> = Vec::new();
    for row in &rows_now {
        if !currencies.contains(&row.currency) {
            currencies.push(row.currency);
        }
    }
    let balance = rows_now
        .iter()
        .map(|row| {
            let of = |name| if row.keys[1] == name { row.cost } else { Amount::ZERO };
            BalanceRow {
                day: monday,
                service: "AmazonEC2".into(),
                currency: row.currency,
                charged: row.cost,
                direct: of("direct"),
                usage: of("usage"),
                storage: of("storage"),
                shared: of("shared"),
                idle: of("idle"),
                unallocated: of("unallocated"),
                difference: Amount::ZERO,
            }
        })
        .collect();
    Facts {
        now: rows_now,
        before: before.map(rows),
        by_day,
        balance,
        currencies,
        teams: vec!["content".into(), "growth".into(), "ranking".into()],
        monday,
        held: Some((date(TWO_WEEKS.0), monday + Days::new(days))),
        weeks: Vec::new(),
        nameless_now: Vec::new(),
        nameless_before: Vec::new(),
        held_by: Default::default(),
        runs: Default::default(),
        findings: Vec::new(),
        tracked: Vec::new(),
        budgets: Vec::new(),
        reported: Vec::new(),
        differences: Vec::new(),
    }
}

pub(super) fn data(facts: &Facts, scope: Scope, held: (&str, &str)) -> WeeklyData {
    let mut sections = assemble::sections(facts, &scope).unwrap();
    for section in &mut sections {
        for driver in &mut section.drivers {
            driver.runs = match &driver.cause {
                Cause::Workload(name) if name == "ranker/train" => Some((31, 24)),
                Cause::Workload(name) if name == "ingest/events" => Some((168, 168)),
                Cause::Workload(name) if name == "ingest/gone" => Some((0, 7)),
                Cause::Workload(name) if name == "ingest/users" => Some((7, 0)),
                _ => None,
            };
        }
        for item in section.workloads.iter_mut().take(3).filter(|item| item.name.is_some()) {
            item.runs = Some(31);
        }
    }
    WeeklyData {
        scope,
        monday: facts.monday,
        basis: Basis::Effective,
        timezone: Tz::Europe__Berlin,
        published_at: "2026-10-12T04:10:00Z".parse().unwrap(),
        written_at: "2026-10-12T05:00:00Z".parse().unwrap(),
        held: Some((date(held.0), date(held.1))),
        closed_end: Some(date(held.1)),
        base_url: None,
        sections,
        warnings: vec![],
    }
}

pub(super) const TWO_WEEKS: (&str, &str) = ("2026-09-01", "2026-10-12");

/// What the mart would answer, for tests of what stands beneath the figures.
pub(super) fn facts_of_growth() -> Facts {
    facts(&NOW, Some(&BEFORE), 7)
}

/// The facts of two whole weeks with these costs.
pub(super) fn facts_of(now: &[Line], before: &[Line]) -> Facts {
    facts(now, Some(before), 7)
}

/// The data of a report on two whole weeks.
pub(super) fn data_of(facts: &Facts, scope: Scope) -> WeeklyData {
    data(facts, scope, TWO_WEEKS)
}

fn growth() -> WeeklyData {
    data(&facts(&NOW, Some(&BEFORE), 7), Scope::Team("growth".into()), TWO_WEEKS)
}

pub(super) fn warning(code: &str, message: &str, count: u64, skipped: u64) -> WarningCount {
    WarningCount { code: code.into(), message: message.into(), count, skipped }
}

fn platform() -> WeeklyData {
    let mut data = data(&facts(&NOW, Some(&BEFORE), 7), Scope::Platform, TWO_WEEKS);
    data.base_url = Some(BaseUrl::parse("https://costs.example.com").unwrap());
    data.warnings = vec![
        warning("truncated-log", "the log stops in the middle of an event", 3, 1),
        warning("unknown-column", "the column `x` is not known", 12, 0),
    ];
    data
}

fn sentence(data: &WeeklyData) -> String {
    super::news::news(data, &data.sections[0]).sentence()
}

/// The figures of a column of an attachment, added up by currency.
pub(super) fn column_sum(attachment: &Attachment, column: &str, currency: &str) -> Amount {
    let mut reader = csv::Reader::from_reader(attachment.content.as_bytes());
    let head = reader.headers().unwrap().clone();
    let at = |name: &str| head.iter().position(|h| h == name).unwrap();
    let records: Vec<_> = reader.records().map(Result::unwrap).collect();
    records
        .iter()
        .filter(|record| &record[at("currency")] == currency)
        .map(|record| record[at(column)].parse::<Amount>().unwrap())
        .sum()
}

#[test]
fn the_news_is_the_total_its_change_and_the_causes() {
    // 944.96 after 766.46: 178.50 more is 23.3%, of which 150.50 (19.6 points) and 28 (3.7 points).
    let data = growth();
    assert_eq!(
        sentence(&data),
        "growth spent $944.96 in week 41, up 23% (+$178.50) on the week before: \
         +19.6 points from ranker/train (31 runs after 24) and +3.7 points from idle capacity."
    );
    let report = render(&data, "growth").unwrap();
    assert_eq!(report.subject, "growth spent $945 (up 23%) in week 41, mostly ranker/train");
    assert_eq!((report.stem.as_str(), report.team.as_deref()), ("growth-2026-W41", Some("growth")));
}

#[test]
fn what_worked_against_the_change_is_named_too() {
    // 606.49 after 689.49: 83 less (12.0%); events -100 (168 runs each week: 1.85 after 2.45),
    // gone -70, users +50.
    let data = data(&facts(&NOW, Some(&BEFORE), 7), Scope::Team("content".into()), TWO_WEEKS);
    assert_eq!(
        sentence(&data),
        "content spent $606.49 in week 41, down 12% (-$83.00) on the week before: \
         -14.5 points from ingest/events ($1.85 a run after $2.45), -10.2 points from ingest/gone (no run after 7) \
         and +7.3 points from ingest/users (new, 7 runs)."
    );
}

#[test]
fn without_an_earlier_week_the_report_says_so() {
    let data = data(&facts(&NOW, None, 7), Scope::Team("growth".into()), ("2026-10-05", "2026-10-12"));
    assert_eq!(sentence(&data), "growth spent $944.96 in week 41. There is no earlier week to compare with.");
    let report = render(&data, "growth").unwrap();
    assert_eq!(report.subject, "growth spent $945 in week 41");
    assert!(!report.text.contains("Change"), "{}", report.text);
    insta::assert_snapshot!("first_week_text", report.text);
    insta::assert_snapshot!("first_week_mail", report.mail_html);
}

#[test]
fn a_week_that_is_not_whole_is_compared_with_the_same_days() {
    let before = [("growth", "usage", "ranker/train", NONE, "USD", "400")];
    let now = [("growth", "usage", "ranker/train", NONE, "USD", "400")];
    let mut data =
        data(&facts(&now, Some(&before), 3), Scope::Team("growth".into()), ("2026-09-01", "2026-10-08"));
    data.written_at = "2026-10-08T05:00:00Z".parse().unwrap();
    assert_eq!(
        sentence(&data),
        "growth spent $400.00 in week 41, Mon 5 Oct 2026 to Wed 7 Oct 2026, \
         exactly as much as the same days of the week before."
    );
    let report = render(&data, "growth").unwrap();
    assert_eq!(report.subject, "growth spent $400 (unchanged) in week 41 so far");
    insta::assert_snapshot!("partial_week_text", report.text);
}

#[test]
fn small_changes_need_no_reason_and_credits_no_percentage() {
    let one = |now: &'static str, before: &'static str| {
        let (now, before) =
            ([("growth", "usage", "a", NONE, "USD", now)], [("growth", "usage", "a", NONE, "USD", before)]);
        data(&facts(&now, Some(&before), 7), Scope::Team("growth".into()), TWO_WEEKS)
    };
    assert_eq!(
        sentence(&one("100.50", "100")),
        "growth spent $100.50 in week 41, about as much as the week before (+$0.50, +0.5%)."
    );
    assert_eq!(
        sentence(&one("-20", "-30")),
        "growth spent -$20.00 in week 41, +$10.00 against the week before: +$10.00 from a."
    );
    assert_eq!(
        sentence(&one("5", "0")),
        "growth spent $5.00 in week 41, after nothing in the week before: +$5.00 from a."
    );
    assert_eq!(super::news::subject(&one("5", "0")), "growth spent $5 (new) in week 41");
    assert_eq!(super::news::subject(&one("-20", "-30")), "growth spent -$20 in week 41");
}

#[test]
fn the_platform_report_balances_to_the_cent() {
    let data = platform();
    let section = &data.sections[0];
    // By hand: usage 1279.33, storage 129.12, direct 15, shared 150, idle 140, unallocated 33.33.
    let want = [
        (Category::Direct, "15"),
        (Category::Usage, "1279.33"),
        (Category::Storage, "129.12"),
        (Category::Shared, "150"),
        (Category::Idle, "140"),
        (Category::Unallocated, "33.33"),
    ];
    for (category, cost) in want {
        assert_eq!(section.parts.get(category), usd(cost), "{}", category.name());
    }
    assert_eq!(section.charged, Some((usd("1746.78"), Amount::ZERO)));
    // 944.96 + 606.49 of 1746.78 have a team.
    assert_eq!(section.owned, usd("1551.45"));
    let report = render(&data, "platform").unwrap();
    assert!(report.text.contains("88.8% has a team."), "{}", report.text);
    // 140 and 33.33 of 1746.78.
    assert!(
        report.text.contains("Of it $140.00 (8.0%) was idle and $33.33 (1.9%) unallocated."),
        "{}",
        report.text
    );
    insta::assert_snapshot!("platform_text", report.text);
    insta::assert_snapshot!("platform_mail", report.mail_html);
    insta::assert_snapshot!("platform_page", report.html);
}

#[test]
fn every_attachment_and_the_chart_sum_to_the_total() {
    for (scope, total, before) in [
        (Scope::Platform, "1746.78", "1625.95"),
        (Scope::Team("growth".into()), "944.96", "766.46"),
        (Scope::Team("content".into()), "606.49", "689.49"),
    ] {
        let data = data(&facts(&NOW, Some(&BEFORE), 7), scope, TWO_WEEKS);
        let report = render(&data, "x").unwrap();
        let names: Vec<_> = report.attachments.iter().map(|a| a.name.as_str()).collect();
        assert_eq!(names, ["x-2026-W41-workloads.csv", "x-2026-W41-tables.csv", "x-2026-W41-days.csv"]);
        for attachment in &report.attachments {
            assert_eq!(column_sum(attachment, "cost", "USD"), usd(total), "{}", attachment.name);
        }
        for attachment in &report.attachments[..2] {
            assert_eq!(column_sum(attachment, "cost_before", "USD"), usd(before), "{}", attachment.name);
        }
        let drawn: Amount = data.sections[0].groups.iter().flat_map(|group| group.days).sum();
        assert_eq!(drawn, usd(total));
        let changes: Amount = data.sections[0].drivers.iter().map(Driver::change).sum();
        assert_eq!(changes, usd(total) - usd(before));
    }
}

#[test]
fn credits_are_shown_below_zero_and_lose_nothing() {
    let now = [
        ("growth", "usage", "ranker/train", "prod.growth.scores", "USD", "100"),
        ("growth", "shared", NONE, NONE, "USD", "-250.75"),
        ("growth", "storage", NONE, "prod.growth.scores", "USD", "0.004"),
    ];
    let data = data(&facts(&now, None, 7), Scope::Team("growth".into()), ("2026-10-05", "2026-10-12"));
    let report = render(&data, "growth").unwrap();
    // 100 - 250.75 + 0.004 = -150.746
    assert!(sentence(&data).starts_with("growth spent -$150.75 in week 41."));
    assert_eq!(column_sum(&report.attachments[2], "cost", "USD"), usd("-150.746"));
    insta::assert_snapshot!("credits_text", report.text);
}

#[test]
fn currencies_stand_apart_and_are_never_added() {
    let now = [
        ("growth", "usage", "ranker/train", "prod.growth.scores", "USD", "100"),
        ("growth", "usage", "ranker/train", "prod.growth.scores", "EUR", "50"),
        ("growth", "idle", NONE, NONE, "EUR", "25"),
        ("growth", "usage", "batch", NONE, "JPY", "12345.6"),
    ];
    let before = [("growth", "usage", "ranker/train", "prod.growth.scores", "EUR", "50")];
    let data = data(&facts(&now, Some(&before), 7), Scope::Team("growth".into()), TWO_WEEKS);
    let report = render(&data, "growth").unwrap();
    assert_eq!(report.subject, "growth spent $100 (new), €75 (up 50%) and ¥12.3K (new) in week 41");
    for (currency, total) in [("USD", "100"), ("EUR", "75"), ("JPY", "12345.6")] {
        for attachment in &report.attachments {
            assert_eq!(column_sum(attachment, "cost", currency), usd(total), "{}", attachment.name);
        }
    }
    insta::assert_snapshot!("currencies_text", report.text);
    insta::assert_snapshot!("currencies_mail", report.mail_html);
}

#[test]
fn an_empty_week_says_what_is_missing() {
    let none = facts(&[], None, 0);
    let texts = [
        (Some(("2026-09-01", "2026-10-12")), "Nothing was charged to growth in this week."),
        (Some(("2026-09-01", "2026-10-01")), "The ledger holds no charges for this week."),
        (None, "The ledger holds no charges yet."),
    ];
    for (held, want) in texts {
        let mut data = data(&none, Scope::Team("growth".into()), TWO_WEEKS);
        data.held = held.map(|(first, end)| (date(first), date(end)));
        let report = render(&data, "growth").unwrap();
        assert!(report.text.contains(want), "{}", report.text);
        assert!(report.html.contains(want) && report.mail_html.contains(want));
        assert_eq!(report.subject, "growth spent nothing in week 41");
        assert!(report.attachments.iter().all(|a| a.content.lines().count() == 1), "headers alone");
    }
}

#[test]
fn what_several_teams_pay_for_is_one_row_and_a_line_a_team() {
    let now = [
        ("growth", "usage", "a", "prod.shared", "USD", "10"),
        ("content", "storage", NONE, "prod.shared", "USD", "5"),
        (NONE, "storage", NONE, "prod.shared", "USD", "1"),
        ("growth", "usage", "a", "prod.own", "USD", "12"),
    ];
    let report = render(&data(&facts(&now, None, 7), Scope::Platform, TWO_WEEKS), "platform").unwrap();
    let tables: Vec<&str> =
        report.text.lines().skip_while(|line| *line != "TABLES").skip(2).take(4).collect();
    let words: Vec<Vec<&str>> = tables.iter().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(words[0], ["prod.shared", "$16.00", "57.1%"]);
    assert_eq!(words[1], ["growth", "and", "1", "more"]);
    assert_eq!(words[2], ["prod.own", "$12.00", "42.9%"]);
    assert_eq!(report.attachments[1].content.lines().count(), 5, "{}", report.attachments[1].content);
}

#[test]
fn a_week_whose_sunday_is_not_closed_is_not_mailed_as_whole() {
    let mut data = growth();
    assert_eq!(render(&data, "growth").unwrap().open_from, None);
    // All seven days have charges; the bill has not gone on for a day after Sunday.
    data.closed_end = Some(date("2026-10-11"));
    let report = render(&data, "growth").unwrap();
    assert_eq!((report.missing_from, report.open_from), (None, Some(date("2026-10-11"))));
    assert!(report.reported().is_empty(), "figures that may change were not told");
    assert!(report.text.contains("NOTE: Sun 11 Oct 2026 is not closed yet"), "{}", report.text);
    let rule = Materiality::default();
    let why = material(&report, When::Always, &rule).unwrap_err();
    assert!(why.starts_with("the week is not whole: Sun 11 Oct 2026 is not closed yet"), "{why}");
    assert_eq!(material(&report, When::Always, &Materiality { partial_weeks: true, ..rule }), Ok(()));
}
