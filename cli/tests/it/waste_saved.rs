//! What fixes saved by the bill, beside the simulation with the waste left as it was.

use std::fmt::Write as _;
use std::io::Write as _;

use chrono::NaiveDate;
use fixtures::demo::BillFormat;
use fixtures::platform::facts::{Plant, Settings};
use fixtures::truth::price::{Saved, saved_together};
use serde_json::Value;

use crate::lab::{Lab, is_thorough};
use crate::waste::{FLOOR, MONTH_DAYS, amount, is_at, json, settings, text};

/// The platform of six weeks, told up to a day, in a ledger that is brought up to date.
fn told(lab: &Lab, directory: &str, days: u32) -> Settings {
    let settings = Settings { days, ..settings(20, 42) };
    fixtures::demo::make(&lab.path(directory), &settings, BillFormat::Cur2, &|_, _| {}).unwrap();
    let config = format!("{directory}/lakeledger.toml");
    let ran = lab.run(&["--config", &config, "run"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    settings
}

/// What a fix saved a month: by the bill, by the simulation, and what was promised.
struct Fix {
    id: String,
    realised: f64,
    truth: f64,
    promised: f64,
    /// The days compared, before and since.
    days: String,
}

/// Kinds whose fix the bill tells from chance in a few weeks. Of the others a workload runs once a day and what it costs
/// differs from day to day by more than it saves, or objects pile up that the bill does not tell from others: they are
/// shown, and count in the sum.
const TOLD: [&str; 11] = [
    "idle-cluster",
    "keep-alive",
    "skew",
    "cacheable-queries",
    "wrong-engine",
    "no-op-schedule",
    "lookback-reprocess",
    "uncompacted",
    "partition-ttl",
    "storage-class",
    "incomplete-uploads",
];

/// Everything that is mended half-way through 42 days; 23 and 25 of them are told before, as a ledger is that is
/// brought up to date now and then. Three platforms and a simulation without each waste: of a fix alone `waste_life`
/// tells.
#[test]
fn fixes_save_by_the_bill_what_the_simulation_says() {
    if !is_thorough("fixes of every kind are not measured") {
        return;
    }
    let lab = Lab::with_config("");
    let tracked = |directory: &str| {
        let config = format!("{directory}/lakeledger.toml");
        json(&lab.ok(&["--config", &config, "waste", "track", "--format", "json"]))
    };
    let state = |directory: &str| lab.path(directory).join("ledger").join(reports::lifecycle::STATE);
    let is_compaction =
        |it: &&Value| it["subject"] == "prod.growth.channel_attribution" && it["detector"] == "uncompacted";
    told(&lab, "early", 23);
    tracked("early");
    told(&lab, "before", 25);
    std::fs::copy(state("early"), state("before")).unwrap();
    assert_eq!(tracked("before").iter().find(is_compaction).unwrap()["status"], "new");
    let settings = told(&lab, "after", 42);
    std::fs::copy(state("before"), state("after")).unwrap();
    let after = tracked("after");
    assert_eq!(after.iter().find(is_compaction).unwrap()["status"], "resolved");

    let mut shown =
        format!("{:<58} {:>10} {:>10} {:>7} {:>10}  days\n", "fix", "realised", "truly", "error", "promised");
    let mut fixes = Vec::new();
    for saved in saved_together(&settings, &|_, _| {}).unwrap() {
        match fix_of(&after, &saved, &settings) {
            Ok(fix) => {
                let Fix { id, realised, truth, promised, days } = &fix;
                let error = 100.0 * (realised / truth - 1.0);
                let _ = writeln!(
                    shown,
                    "{id:<58} {realised:>10.2} {truth:>10.2} {error:>+6.1}% {promised:>10.2}  {days}"
                );
                fixes.push(fix);
            }
            Err(why) => drop(writeln!(shown, "{:<58} {why}", saved.plant.id)),
        }
    }
    let is_within = |fix: &&Fix| (fix.realised / fix.truth - 1.0).abs() <= 0.1;
    let clear: Vec<&Fix> =
        fixes.iter().filter(|fix| TOLD.iter().any(|kind| fix.id.starts_with(kind))).collect();
    let within = clear.iter().filter(|fix| is_within(fix)).count();
    let sum = |of: fn(&Fix) -> f64| fixes.iter().map(of).sum::<f64>();
    let (realised, truth) = (sum(|fix| fix.realised), sum(|fix| fix.truth));
    let _ = writeln!(
        shown,
        "{} of {} within 10%, of those told from chance {within} of {}; together {realised:.2}, truly {truth:.2}",
        fixes.iter().filter(is_within).count(),
        fixes.len(),
        clear.len()
    );
    let _ = std::io::stderr().write_all(shown.as_bytes());
    assert_eq!((within, clear.len()), (TOLD.len(), TOLD.len()), "{shown}");
    assert!((realised / truth - 1.0).abs() <= 0.1, "{shown}");
}

/// What the record says of a fix beside the truth of the days it compares; else why it is not compared.
fn fix_of(tracked: &[Value], saved: &Saved, settings: &Settings) -> Result<Fix, String> {
    let plant: &Plant = &saved.plant;
    let kind = serde_json::to_value(plant.subject_kind).unwrap();
    let is_it = |it: &&Value| {
        it["detector"] == plant.kind.as_str() && is_at(it, kind.as_str().unwrap(), &plant.subject)
    };
    let a_month = |usd: f64, days: usize| usd / days as f64 * MONTH_DAYS;
    let all = a_month(saved.by_day_usd.iter().sum(), saved.by_day_usd.len());
    let Some(it) = tracked.iter().find(is_it) else {
        return Err(format!(
            "{all:.2} a month: not found, {}",
            if all < FLOOR { "too small" } else { "and should be" }
        ));
    };
    let realised = &it["realised"];
    if realised.is_null() {
        return Err(format!("{all:.2} a month: {}, not measured", text(it, "status")));
    }
    let day = |key: &str| {
        let day: NaiveDate = text(&realised["measured"], key).parse().unwrap();
        (day - plant.fixed_on.unwrap_or(settings.first_day)).num_days().max(0) as usize
    };
    let days = &saved.by_day_usd[day("from")..day("to")];
    Ok(Fix {
        id: plant.id.clone(),
        realised: amount(realised, "a_month"),
        truth: a_month(days.iter().sum(), days.len()),
        promised: amount(it, "promised_saving"),
        days: ["baseline", "measured"]
            .map(|span| format!("{} {}", text(&realised[span], "from"), text(&realised[span], "to")))
            .join(", "),
    })
}
