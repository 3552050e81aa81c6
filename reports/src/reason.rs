//! Why a cost changed, in words and figures: `more runs (42 to 60): +$12.00; cheaper capacity: -$1.20`.

use attribution::mart::{Activity, Change};
use model::Amount;

use crate::format;

/// Parts that are told; the rest is summed into one.
const TOLD: usize = 3;

/// The parts of a change in words, the largest first; empty where nothing changed.
pub fn of(change: &Change) -> String {
    let mut parts: Vec<(&str, Amount)> =
        change.parts.named().into_iter().filter(|(_, part)| !part.is_zero()).collect();
    // The order they are named in decides between equal ones.
    parts.sort_by_key(|(_, part)| std::cmp::Reverse(part.abs()));
    let mut told: Vec<String> = parts
        .iter()
        .take(TOLD)
        .map(|(name, part)| {
            format!("{}: {}", words(name, *part, change), format::signed_money(*part, change.currency))
        })
        .collect();
    if parts.len() > TOLD {
        let rest: Amount = parts[TOLD..].iter().map(|(_, part)| *part).sum();
        told.push(format!("the rest: {}", format::signed_money(rest, change.currency)));
    }
    told.join("; ")
}

fn words(name: &str, part: Amount, change: &Change) -> String {
    let more = part > Amount::ZERO;
    let pick = |rises: &'static str, falls: &'static str| if more { rises } else { falls };
    let (then, now) = (change.activity_before, change.activity_now);
    match name {
        "volume" => with(pick("more runs", "fewer runs"), then.runs, now.runs, more, format::count),
        "efficiency" => {
            let each = |activity: Activity| activity.vcore_ms.checked_div(activity.runs).unwrap_or_default();
            let hours = |ms| format!("{} vcore-hours", format::vcore_hours(ms));
            with(pick("more held by each run", "less held by each run"), each(then), each(now), more, hours)
        }
        "price" => pick("dearer capacity", "cheaper capacity").to_owned(),
        "new" => "new".to_owned(),
        "gone" => "gone".to_owned(),
        _ => without_runs(change),
    }
}

/// Words with the figures behind them, unless several workloads pull those another way.
fn with(words: &str, then: i64, now: i64, more: bool, shown: impl Fn(i64) -> String) -> String {
    let (a, b) = (shown(then), shown(now));
    if then == now || (now > then) != more || a == b {
        return words.to_owned();
    }
    format!("{words} ({a} to {b})")
}

/// Names the categories without runs that changed most.
fn without_runs(change: &Change) -> String {
    let mut categories: Vec<_> = change
        .by_category
        .iter()
        .filter(|(_, change)| !change.is_zero())
        .map(|(name, c)| (*name, *c))
        .collect();
    categories.sort_by_key(|(_, change)| std::cmp::Reverse(change.abs()));
    let names: Vec<&str> = categories.iter().take(2).map(|(name, _)| *name).collect();
    if names.is_empty() { "costs without runs".to_owned() } else { names.join(" and ") }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use attribution::mart::{ChangeParts, decompose};
    use model::Currency;

    use super::*;

    fn amount(text: &str) -> Amount {
        text.parse().unwrap()
    }

    fn change(parts: ChangeParts, before: &str, now: &str, runs: (i64, i64), cores: (i64, i64)) -> Change {
        Change {
            keys: vec!["etl/daily".into()],
            currency: Currency::USD,
            before: amount(before),
            now: amount(now),
            parts,
            activity_before: Activity { runs: runs.0, vcore_ms: cores.0 },
            activity_now: Activity { runs: runs.1, vcore_ms: cores.1 },
            by_category: BTreeMap::from([
                ("idle", amount("3")),
                ("storage", amount("-4")),
                ("direct", amount("1")),
            ]),
        }
    }

    #[test]
    fn the_largest_parts_come_first_with_their_figures() {
        let (then, now) = ((10, 36_000_000), (12, 54_000_000));
        let activity = |(runs, vcore_ms)| Activity { runs, vcore_ms };
        let parts = decompose((amount("10"), activity(then)), (amount("18.5"), activity(now)));
        let change = change(parts, "10", "18.5", (then.0, now.0), (then.1, now.1));
        assert_eq!(
            of(&change),
            "dearer capacity: +$3.50; more held by each run (1.0 vcore-hours to 1.3 vcore-hours): +$3.00; \
             more runs (10 to 12): +$2.00"
        );
    }

    #[test]
    fn figures_that_point_the_other_way_are_left_out_and_costs_without_runs_are_named() {
        let parts = ChangeParts { volume: amount("-1"), other: amount("7"), ..ChangeParts::default() };
        let change = change(parts, "1", "7", (1, 2), (0, 0));
        assert_eq!(of(&change), "storage and idle: +$7.00; fewer runs: -$1.00");
    }
}
