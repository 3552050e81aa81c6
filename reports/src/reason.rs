//! Why a cost changed, in words and figures: `more runs (42 to 60): +$12.00; cheaper capacity: -$1.20`.

use std::collections::BTreeMap;

use attribution::mart::{Activity, Change, NONE};
use chrono::NaiveDate;
use model::Amount;

use crate::{format, label};

/// Parts that are told; the rest is summed into one.
const TOLD: usize = 3;

/// The parts of a change in words, the largest first; empty where nothing changed.
pub fn of(change: &Change) -> String {
    let parts = parts(change);
    let mut all: Vec<String> =
        parts.iter().take(TOLD).map(|(name, part)| told(name, *part, change)).collect();
    if parts.len() > TOLD {
        let rest: Amount = parts[TOLD..].iter().map(|(_, part)| *part).sum();
        all.push(format!("the rest: {}", format::signed_money(rest, change.currency)));
    }
    all.join("; ")
}

/// The largest part of a change, for a sentence that has said what changed and by how much. A part that
/// is the whole change is without its amount, and costs without runs are their categories alone; nothing
/// where that leaves nothing to say.
pub fn largest(change: &Change) -> Option<String> {
    let (name, part) = *parts(change).first()?;
    let shown = |amount| format::signed_money(amount, change.currency);
    // Of a part that is less or more than the whole, the amount is news.
    if shown(part) != shown(change.now - change.before) {
        return Some(told(name, part, change));
    }
    match name {
        "other" => categories(change),
        _ => Some(words(name, part, change)),
    }
}

/// The parts that are not nothing, the largest first.
fn parts(change: &Change) -> Vec<(&'static str, Amount)> {
    let mut parts: Vec<_> = change.parts.named().into_iter().filter(|(_, part)| !part.is_zero()).collect();
    // The order they are named in decides between equal ones.
    parts.sort_by_key(|(_, part)| std::cmp::Reverse(part.abs()));
    parts
}

fn told(name: &str, part: Amount, change: &Change) -> String {
    format!("{}: {}", words(name, part, change), format::signed_money(part, change.currency))
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
        "moved" => moves(change),
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

/// Where what moved went or came from: with the day where that is one team, else the teams with most
/// of it.
fn moves(change: &Change) -> String {
    let mut teams: BTreeMap<(&str, bool), (Amount, NaiveDate)> = BTreeMap::new();
    for (one, part) in change.moves.iter().filter(|(_, part)| !part.is_zero()) {
        let team = teams.entry((&one.team, one.is_out)).or_insert((Amount::ZERO, one.day));
        // What runs now and then is seen to have moved later than the rest.
        *team = (team.0 + *part, team.1.min(one.day));
    }
    let mut teams: Vec<_> = teams.into_iter().collect();
    teams.sort_by_key(|(_, (part, _))| std::cmp::Reverse(part.abs()));
    let named = |team: &'_ str| (team != NONE).then(|| team.to_owned());
    if let [((team, is_out), (_, day))] = teams[..] {
        return moved(named(team).as_deref(), is_out, day);
    }
    let told = teams.iter().take(2).map(|((team, is_out), (part, _))| {
        let words = match (named(team), *is_out) {
            (Some(team), true) => format!("to {}", label::visible(&team)),
            (Some(team), false) => format!("from {}", label::visible(&team)),
            (None, true) => "to no team".to_owned(),
            (None, false) => "from no team".to_owned(),
        };
        format!("{words} {}", format::signed_money(*part, change.currency))
    });
    format!("moved ({})", told.collect::<Vec<_>>().join(", "))
}

/// `moved to ads on Tue 10 Nov 2026`: a thing that another team owns from a day on, or owned until
/// then; `team` is that other one, nothing where nobody does.
pub(crate) fn moved(team: Option<&str>, is_out: bool, day: NaiveDate) -> String {
    let day = format::day(day);
    match (team.map(label::visible), is_out) {
        (Some(team), true) => format!("moved to {team} on {day}"),
        (Some(team), false) => format!("moved here from {team} on {day}"),
        (None, true) => format!("without a team since {day}"),
        (None, false) => format!("without a team before {day}"),
    }
}

fn without_runs(change: &Change) -> String {
    let is_one = change.by_category.values().filter(|change| !change.is_zero()).count() == 1;
    match categories(change) {
        None => "costs without runs".to_owned(),
        Some(category) if is_one => category,
        Some(categories) => format!("costs without runs ({categories})"),
    }
}

/// The categories without runs that changed most; nothing where none did.
fn categories(change: &Change) -> Option<String> {
    let mut categories: Vec<_> = change
        .by_category
        .iter()
        .filter(|(_, change)| !change.is_zero())
        .map(|(name, c)| (*name, *c))
        .collect();
    categories.sort_by_key(|(_, change)| std::cmp::Reverse(change.abs()));
    match categories[..] {
        [] => None,
        [(name, _)] => Some(name.to_owned()),
        _ => {
            let told = categories
                .iter()
                .take(2)
                .map(|(name, part)| format!("{name} {}", format::signed_money(*part, change.currency)));
            Some(told.collect::<Vec<_>>().join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use attribution::mart::{ChangeParts, Move, decompose};
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
            moves: BTreeMap::new(),
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
        assert_eq!(
            of(&change),
            "costs without runs (storage -$4.00, idle +$3.00): +$7.00; fewer runs: -$1.00"
        );
    }

    #[test]
    fn the_largest_part_does_not_say_again_what_the_whole_change_is() {
        let of = |parts: ChangeParts, now: &str| change(parts, "10", now, (1, 1), (0, 0));
        let price = ChangeParts { price: amount("3.5"), ..ChangeParts::default() };
        assert_eq!(largest(&of(price, "13.5")).as_deref(), Some("dearer capacity"));
        let both = ChangeParts { volume: amount("-1"), ..price };
        assert_eq!(largest(&of(both, "12.5")).as_deref(), Some("dearer capacity: +$3.50"));
        let other = ChangeParts { other: amount("-1"), ..ChangeParts::default() };
        let mut change = of(other, "9");
        assert_eq!(largest(&change).as_deref(), Some("storage -$4.00, idle +$3.00"));
        change.now = amount("8");
        let in_part = "costs without runs (storage -$4.00, idle +$3.00): -$1.00";
        assert_eq!(largest(&change).as_deref(), Some(in_part));
        change.now = amount("9");
        change.by_category = BTreeMap::from([("storage", amount("-1"))]);
        assert_eq!(largest(&change).as_deref(), Some("storage"));
        change.by_category.clear();
        assert_eq!(largest(&change), None);
        assert_eq!(largest(&of(ChangeParts::default(), "10")), None);
    }

    #[test]
    fn what_moved_says_where_to_and_when() {
        let parts = ChangeParts { moved: amount("-9"), volume: amount("2"), ..ChangeParts::default() };
        let mut change = change(parts, "9", "2", (3, 4), (0, 0));
        let to = |team: &str, day: &str| Move { team: team.into(), is_out: true, day: day.parse().unwrap() };
        change.moves = BTreeMap::from([
            (to("ads", "2026-11-12"), amount("-3")),
            (to("ads", "2026-11-10"), amount("-6")),
        ]);
        assert_eq!(of(&change), "moved to ads on Tue 10 Nov 2026: -$9.00; more runs (3 to 4): +$2.00");
        change.moves.insert(to("growth", "2026-11-10"), amount("-1"));
        change.parts.moved = amount("-10");
        assert_eq!(
            of(&change),
            "moved (to ads -$9.00, to growth -$1.00): -$10.00; more runs (3 to 4): +$2.00"
        );
        let day = "2026-11-10".parse().unwrap();
        assert_eq!(moved(Some("ads"), false, day), "moved here from ads on Tue 10 Nov 2026");
        assert_eq!(moved(None, true, day), "without a team since Tue 10 Nov 2026");
        assert_eq!(moved(None, false, day), "without a team before Tue 10 Nov 2026");
    }
}
