//! When nobody is told.

use chrono::{Datelike, Weekday};
use chrono_tz::Tz;
use model::time::Instant;

/// Alerts go on in a silence, and are recorded; nobody is told of them. What fires in one and
/// still does after it is told of then.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Silence {
    /// Names of rules; empty is all.
    pub rules: Vec<String>,
    /// Alerts of this team only.
    pub team: Option<String>,
    /// From this moment.
    pub from: Option<Instant>,
    /// Until this moment.
    pub to: Option<Instant>,
    /// On these days of the week only, in the display time zone; empty is all.
    pub weekdays: Vec<Weekday>,
    /// Why.
    pub reason: Option<String>,
}

impl Silence {
    /// Whether it covers an alert at a moment.
    pub fn covers(&self, rule: &str, team: Option<&str>, now: Instant, zone: Tz) -> bool {
        (self.rules.is_empty() || self.rules.iter().any(|name| name == rule))
            && self.team.as_deref().is_none_or(|of| team == Some(of))
            && self.from.is_none_or(|from| from <= now)
            && self.to.is_none_or(|to| now < to)
            && (self.weekdays.is_empty() || self.weekdays.contains(&now.with_timezone(&zone).weekday()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_silence_covers_its_rules_teams_and_times() {
        let at = |text: &str| text.parse::<Instant>().unwrap();
        let covers = |silence: &Silence, now: &str| {
            silence.covers("dear", Some("growth"), at(now), chrono_tz::Europe::Berlin)
        };
        let all = Silence::default();
        assert!(covers(&all, "2026-10-05T00:00:00Z"));
        let weekend = Silence { weekdays: vec![Weekday::Sat, Weekday::Sun], ..Silence::default() };
        // Friday 22:30 UTC is Saturday in Berlin.
        assert!(covers(&weekend, "2026-10-09T22:30:00Z"));
        assert!(!covers(&weekend, "2026-10-09T21:30:00Z"));
        let window = Silence {
            from: Some(at("2026-10-01T00:00:00Z")),
            to: Some(at("2026-10-02T00:00:00Z")),
            ..Silence::default()
        };
        assert!(covers(&window, "2026-10-01T23:59:59Z") && !covers(&window, "2026-10-02T00:00:00Z"));
        let other = Silence { rules: vec!["cheap".into()], ..Silence::default() };
        assert!(!covers(&other, "2026-10-01T00:00:00Z"));
        let team = Silence { team: Some("ads".into()), ..Silence::default() };
        assert!(!covers(&team, "2026-10-01T00:00:00Z"));
    }
}
