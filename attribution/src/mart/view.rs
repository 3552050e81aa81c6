//! Views: to whom idle and shared costs are charged, and whose costs are by which day's
//! knowledge. Each is computed over everything and then filtered, so that a filter never
//! inflates what is left, and sums to the same whole. What they are in SQL is in
//! [`super::relation`].

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, SecondsFormat, TimeDelta};
use model::time::Instant;

/// To whom the capacity nobody used is charged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Idle {
    /// To no team: it stands for itself.
    Keep,
    /// To the owner of its cluster.
    #[default]
    Owner,
    /// To what used the cluster that day, by usage cost; to its owner where nothing did.
    Proportional,
}

/// To whom taxes, support, credits and unused commitments are charged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Shared {
    /// To no team: they stand for themselves.
    #[default]
    Keep,
    /// To all teams that have no sub-teams, alike.
    Even,
    /// To teams by their direct, usage and storage cost of the day.
    Proportional,
    /// To teams by the percentages of the configuration.
    Fixed,
}

impl Idle {
    /// All, in the order they are offered.
    pub const ALL: [Self; 3] = [Self::Keep, Self::Owner, Self::Proportional];

    /// The word of options and URLs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Owner => "owner",
            Self::Proportional => "proportional",
        }
    }
}

impl Shared {
    /// All, in the order they are offered.
    pub const ALL: [Self; 4] = [Self::Keep, Self::Even, Self::Proportional, Self::Fixed];

    /// The word of options and URLs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Even => "even",
            Self::Proportional => "proportional",
            Self::Fixed => "fixed",
        }
    }
}

impl fmt::Display for Idle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Idle {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|idle| idle.name() == text)
            .ok_or_else(|| format!("`{text}` is no view of idle costs: use keep, owner or proportional"))
    }
}

impl FromStr for Shared {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|shared| shared.name() == text).ok_or_else(|| {
            format!("`{text}` is no view of shared costs: use keep, even, proportional or fixed")
        })
    }
}

/// Who owns what: by which rules.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Ownership {
    /// By today's rules, on every day.
    #[default]
    Restated,
    /// As the first publish after each day closed recorded it.
    AsWas,
    /// As the last publish until this moment recorded it.
    AsOf(Instant),
}

impl FromStr for Ownership {
    type Err = String;

    /// `restated`, `as-was`, or a moment as [`as_of`] reads it.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "restated" => Ok(Self::Restated),
            "as-was" => Ok(Self::AsWas),
            _ => as_of(text).map(Self::AsOf).map_err(|_| {
                format!(
                    "`{text}` is no view of ownership: use restated, as-was or a moment such as 2026-10-31 \
                     or 2026-10-31T18:00:00Z"
                )
            }),
        }
    }
}

impl fmt::Display for Ownership {
    /// The word of options and URLs; it reads back as what it is.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Restated => f.write_str("restated"),
            Self::AsWas => f.write_str("as-was"),
            Self::AsOf(at) => f.write_str(&moment(*at)),
        }
    }
}

/// A moment as [`as_of`] reads it: the end of a day is written as the day.
pub fn moment(at: Instant) -> String {
    match (at + DAY_END).time() {
        NaiveTime::MIN => at.format("%Y-%m-%d").to_string(),
        _ => at.to_rfc3339_opts(SecondsFormat::AutoSi, true),
    }
}

/// From the last moment of a day to the next day.
const DAY_END: TimeDelta = TimeDelta::microseconds(1);

/// The moment that ownership is asked as of: an instant, a UTC date and time, or a UTC day,
/// which means its end.
///
/// # Errors
/// When the text is none of them.
pub fn as_of(text: &str) -> Result<Instant, String> {
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Ok(at.to_utc());
    }
    for form in ["%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M"] {
        if let Ok(at) = NaiveDateTime::parse_from_str(text, form) {
            return Ok(at.and_utc());
        }
    }
    let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().filter(|_| text.len() == 10);
    let next = day.and_then(|day| day.succ_opt());
    next.map(|next| next.and_time(NaiveTime::MIN).and_utc() - DAY_END).ok_or_else(|| {
        format!("`{text}` is no moment: write a UTC day such as 2026-10-31, or 2026-10-31T18:00:00Z")
    })
}

/// How costs are looked at. The default is what atoms say: idle to the cluster's owner,
/// shared to nobody, owners by today's rules.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct View {
    /// To whom idle costs are charged.
    pub idle: Idle,
    /// To whom shared costs are charged.
    pub shared: Shared,
    /// Whose costs are whose; spreads follow the teams of it too.
    pub ownership: Ownership,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_an_instant_a_time_or_the_end_of_a_day() {
        for (text, want) in [
            ("2026-10-31", "2026-10-31T23:59:59.999999Z"),
            ("2026-10-31T18:00", "2026-10-31T18:00:00Z"),
            ("2026-10-31 18:00:01", "2026-10-31T18:00:01Z"),
            ("2026-10-31T18:00:00+02:00", "2026-10-31T16:00:00Z"),
        ] {
            let at: Instant = want.parse().unwrap();
            assert_eq!(as_of(text), Ok(at), "{text}");
            assert_eq!(Ownership::AsOf(at).to_string().parse(), Ok(Ownership::AsOf(at)), "{text}");
        }
        assert_eq!(moment(as_of("2026-10-31").unwrap()), "2026-10-31");
        for text in ["", "yesterday", "2026-02-30", "2026-2-3", "2026-10-31T25:00"] {
            assert!(as_of(text).is_err(), "{text}");
        }
    }
}
