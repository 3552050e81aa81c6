//! What a mart says of itself: what it covers, its teams, the publishes that led to it.

use chrono::NaiveDate;
use model::Currency;
use model::time::Instant;

use super::{Mart, MartError};

/// Kinds of sources that are bills.
pub const BILL_KINDS: [&str; 3] = ["aws-cur", "aws-cur2", "focus"];

/// A team as the configuration names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TeamInfo {
    /// Name, which is its id.
    pub name: String,
    /// Where its reports go.
    pub email: Vec<String>,
    /// The team it is a part of.
    pub parent: Option<String>,
}

/// One publish, as the record of ownership has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publish {
    /// Its number, from 1.
    pub number: i64,
    /// When it was.
    pub at: Instant,
    /// The mart it made, which may be kept no longer.
    pub mart_id: String,
}

/// What a mart is and what it covers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MartInfo {
    /// Its id: names the file.
    pub id: String,
    /// When it was published.
    pub published_at: Instant,
    /// First UTC day with a charge.
    pub first_day: Option<NaiveDate>,
    /// The day after the last with a charge.
    pub end_day: Option<NaiveDate>,
    /// The day after the last that usage is billed of, where any is: what is metered by the hour
    /// or the day. Fees of a month are spread over all of it, so that charges may go on for weeks.
    pub usage_end: Option<NaiveDate>,
    /// Currencies of its charges, largest effective cost first.
    pub currencies: Vec<Currency>,
    /// Every publish that is recorded, its own the last.
    pub publishes: Vec<Publish>,
    /// Configured teams, in the order of the configuration.
    pub teams: Vec<TeamInfo>,
    /// Whether the configuration names fixed shares of shared costs.
    pub has_fixed_shares: bool,
    /// IANA name of the zone in which times are shown.
    pub display_timezone: String,
}

impl MartInfo {
    /// The days with usage, from the first of charges to the day after the last of usage; of
    /// charges where there is no usage.
    pub fn used_days(&self) -> Option<(NaiveDate, NaiveDate)> {
        self.first_day.zip(self.usage_end.or(self.end_day)).filter(|(first, end)| first < end)
    }

    /// The last day of usage; of charges where there is no usage.
    pub fn newest_day(&self) -> Option<NaiveDate> {
        self.usage_end.or(self.end_day).and_then(|end| end.pred_opt())
    }

    /// The level of the organisation a team stands at: 1 without a parent, and for one the
    /// configuration does not know.
    pub fn level(&self, team: &str) -> u32 {
        let parent = |name: &str| {
            self.teams.iter().find(|known| known.name == name).and_then(|team| team.parent.as_deref())
        };
        // The configuration refuses circles; the bound is for a mart made without it.
        let mut level = 1;
        let mut at = team;
        while let Some(above) = parent(at).filter(|_| level < 64) {
            (at, level) = (above, level + 1);
        }
        level
    }

    /// The ancestor of a team at a level, as [`Dimension::Org`] has it.
    pub fn ancestor<'a>(&'a self, team: &'a str, level: u32) -> &'a str {
        let mut at = team;
        for _ in level..self.level(team) {
            let above =
                self.teams.iter().find(|known| known.name == at).and_then(|team| team.parent.as_deref());
            at = above.unwrap_or(at);
        }
        at
    }

    /// The teams that name this one as their parent.
    pub fn sub_teams<'a>(&'a self, team: &'a str) -> impl Iterator<Item = &'a TeamInfo> {
        self.teams.iter().filter(move |known| known.parent.as_deref() == Some(team))
    }
}

impl Mart {
    pub(super) fn read_info(&self) -> Result<MartInfo, MartError> {
        let (published_at, display_timezone) = self
            .ask(
                "describe",
                "select epoch_us(published_at), coalesce(display_timezone, 'UTC') from parameters",
                Vec::new(),
                |row| Ok((row.instant(0)?, row.text(1)?)),
            )?
            .pop()
            .ok_or_else(|| MartError::Value {
                mart: self.info.id.clone(),
                value: "no parameters".into(),
                expected: "one row of them",
            })?;
        let days = self.ask(
            "describe",
            "select cast(min(usage_date) as varchar), cast(max(usage_date) as varchar) from daily_costs",
            Vec::new(),
            |row| Ok((row.opt_day(0)?, row.opt_day(1)?)),
        )?;
        let (first_day, last_day) = days.into_iter().next().unwrap_or_default();
        let last_used = self.last_day_used()?.min(last_day);
        let currencies = self.own_currencies()?;
        let teams = self.ask(
            "describe",
            "select team, email, parent from teams order by position",
            Vec::new(),
            |row| {
                let email = row.text(1)?.lines().map(str::to_owned).collect();
                Ok(TeamInfo { name: row.text(0)?, email, parent: row.opt_text(2)? })
            },
        )?;
        let publishes = self.ask(
            "describe",
            "select publish_nr, epoch_us(recorded_at), mart_id from publishes order by publish_nr",
            Vec::new(),
            |row| Ok(Publish { number: row.int(0)?, at: row.instant(1)?, mart_id: row.text(2)? }),
        )?;
        let fixed =
            self.ask("describe", "select count(*) from rule_shared_fixed", Vec::new(), |row| row.int(0))?;
        Ok(MartInfo {
            id: self.info.id.clone(),
            published_at,
            first_day,
            end_day: last_day.and_then(|day| day.succ_opt()),
            usage_end: last_used.and_then(|day| day.succ_opt()),
            currencies,
            publishes,
            teams,
            has_fixed_shares: fixed.into_iter().any(|teams| teams > 0),
            display_timezone,
        })
    }

    /// The last day that a bill has usage of.
    fn last_day_used(&self) -> Result<Option<NaiveDate>, MartError> {
        let kinds = BILL_KINDS.map(|kind| format!("'{kind}'")).join(", ");
        let sql = format!(
            "select cast(cast(max(f.newest_at) - interval 1 microsecond as date) as varchar)
            from source_freshness f
            join sources s on s.source = f.source
            where s.kind in ({kinds})"
        );
        let days = self.ask("describe", &sql, Vec::new(), |row| row.opt_day(0))?;
        Ok(days.into_iter().next().flatten())
    }

    /// Currencies of its charges, largest effective cost first.
    pub(super) fn own_currencies(&self) -> Result<Vec<Currency>, MartError> {
        self.ask(
            "describe",
            "select billing_currency from daily_costs group by 1 order by sum(effective_cost) desc, 1",
            Vec::new(),
            |row| row.currency(0),
        )
    }
}
