//! `[[silence]]`: when nobody is told.

use attribution::rules::Team;
use chrono::Weekday;
use model::time::Instant;
use reports::alert::{Rule, Silence};

use super::check_team;
use super::section::{Faults, Section};
use super::word::unknown;

/// Reads one `[[silence]]`.
pub fn silence(
    mut section: Section<'_, '_>,
    faults: &mut Faults<'_>,
    teams: &[Team],
    rules: &[Rule],
) -> Silence {
    let names = section.texts(faults, "alert");
    for name in names.iter().filter(|name| !rules.iter().any(|rule| rule.name == **name)) {
        unknown(&section, faults, "alert", name, rules.iter().map(|rule| rule.name.as_str()));
    }
    let team = section.text(faults, "team");
    if let Some(team) = &team {
        check_team(faults, &section, team, teams);
    }
    let silence = Silence {
        rules: names,
        team,
        from: moment(&mut section, faults, "from"),
        to: moment(&mut section, faults, "to"),
        weekdays: weekdays(&mut section, faults),
        reason: section.text(faults, "reason"),
    };
    if silence.from.is_none() && silence.to.is_none() && silence.weekdays.is_empty() {
        let message = format!("{}: needs `from`, `to` or `weekdays`", section.name());
        faults.add(section.at(), message, Some("an alert nobody is ever told of is better left out".into()));
    }
    if let (Some(from), Some(to)) = (silence.from, silence.to)
        && to <= from
    {
        let message = format!("{}: ends before it begins: {to} is not after {from}", section.name());
        faults.add(section.at(), message, Some("a silence holds from `from` until `to`".into()));
    }
    section.finish(faults);
    silence
}

fn weekdays(section: &mut Section<'_, '_>, faults: &mut Faults<'_>) -> Vec<Weekday> {
    let mut weekdays = Vec::new();
    for text in section.texts(faults, "weekdays") {
        match text.parse() {
            Ok(weekday) => weekdays.push(weekday),
            Err(_) => {
                let message = format!("{}: `{text}` is no day of the week", section.name());
                faults.add(section.at(), message, Some("such as weekdays = [\"sat\", \"sun\"]".into()));
            }
        }
    }
    weekdays
}

/// A day (its beginning in UTC) or a moment with its zone.
fn moment(section: &mut Section<'_, '_>, faults: &mut Faults<'_>, key: &'static str) -> Option<Instant> {
    let text = section.moment_text(faults, key)?;
    let day = text.parse::<chrono::NaiveDate>().map(|day| day.and_time(chrono::NaiveTime::MIN).and_utc());
    let moment = day.ok().or_else(|| text.parse().ok());
    if moment.is_none() {
        let message = format!("{}: `{text}` is no moment", section.name());
        let hint = "use a day such as 2026-12-24 or a moment such as 2026-12-24T18:00:00Z";
        faults.add(section.at(), message, Some(hint.to_owned()));
    }
    moment
}
