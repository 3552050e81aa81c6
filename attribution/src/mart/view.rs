//! How a question looks at costs: whose they are by which day's knowledge. Every view holds
//! all of the cost, so that its groupings sum to the whole.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime};
use duckdb::types::Value;
use model::time::Instant;

/// What a question takes for granted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// Who owns what.
    pub ownership: Ownership,
}

/// Who owns what: by which rules.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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

    /// `restated` or `as-was`; [`as_of`] reads moments.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "restated" => Ok(Self::Restated),
            "as-was" => Ok(Self::AsWas),
            _ => Err(format!("`{text}` is no view of ownership: use restated or as-was")),
        }
    }
}

impl fmt::Display for Ownership {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Restated => f.write_str("restated"),
            Self::AsWas => f.write_str("as-was"),
            Self::AsOf(at) => write!(f, "as of {}", at.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)),
        }
    }
}

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
    next.map(|next| next.and_time(NaiveTime::MIN).and_utc() - chrono::TimeDelta::microseconds(1)).ok_or_else(
        || format!("`{text}` is no moment: write a UTC day such as 2026-10-31, or 2026-10-31T18:00:00Z"),
    )
}

/// A cost's category and method follow from whether it has a team (see `ownership/atoms.sql`).
const OWNED: &str = "
    select d.* replace (
        h.team as team,
        case
            when d.method = 'storage-unmeasured' and h.team is not null then 'storage'
            when d.category not in ('direct', 'unallocated') and d.method <> 'storage-unmeasured' then d.category
            when h.team is null then 'unallocated'
            else 'direct'
        end as category,
        case
            when d.method = 'direct' and h.team is null then 'unowned'
            when d.method = 'unowned' and h.team is not null then 'direct'
            else d.method
        end as method
    )
    from daily_costs d
    join known h on h.owner_history_id = d.owner_history_id
    union all
    select d.* from daily_costs d where d.owner_history_id is null";

impl View {
    /// The relation that a question sums, of the columns of `daily_costs`; its parameters
    /// come before those of the question's conditions.
    pub(super) fn relation(self, parameters: &mut Vec<Value>) -> String {
        let known = match self.ownership {
            Ownership::Restated => return "daily_costs".to_owned(),
            Ownership::AsWas => "select owner_history_id, team from owner_history where is_as_was = 1",
            Ownership::AsOf(at) => {
                parameters.push(Value::Text(at.naive_utc().to_string()));
                // Of what was first recorded later, the first record.
                "select owner_history_id, team
                from (
                    select
                        h.*,
                        row_number() over (
                            partition by owner_history_id
                            order by
                                case when recorded_at <= t.at then 0 else 1 end,
                                case when recorded_at <= t.at then -publish_nr else publish_nr end
                        ) as nth
                    from owner_history h
                    cross join (select cast(? as timestamp) as at) t
                ) ranked
                where nth = 1"
            }
        };
        format!("(with known as ({known}) {OWNED})")
    }
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
            assert_eq!(as_of(text), Ok(want.parse().unwrap()), "{text}");
        }
        for text in ["", "yesterday", "2026-02-30", "2026-2-3", "2026-10-31T25:00"] {
            assert!(as_of(text).is_err(), "{text}");
        }
    }
}
