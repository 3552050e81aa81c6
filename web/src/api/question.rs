//! What an address of the API asks: the parameters of pages that say which costs and in which
//! view, and those of the question itself.

use attribution::mart::{CostQuery, Dimension, MartInfo, NONE};

use crate::context::{no_team, with_those_within};
use crate::lens::Lens;

/// Parameters of pages that questions share.
const SHARED: [&str; 10] =
    ["from", "to", "basis", "currency", "team", "where", "idle", "shared", "ownership", "as_of"];

/// Parts of a figure that are told where the address does not say how many.
const DEFAULT_PARTS: usize = 100;

/// Most of them.
const MOST_PARTS: usize = 10_000;

/// A question for costs.
#[derive(Debug, PartialEq, Eq)]
pub struct Question {
    /// The team it is about, of whom a mart knows the teams within it ([`Question::of_mart`]).
    pub team: Option<String>,
    /// Which costs, in which view.
    pub query: CostQuery,
    /// Whether bill lines are wanted.
    pub lines: bool,
    /// Parts at most.
    pub parts: usize,
}

impl Question {
    /// Reads the pairs of a query string; `own` are the parameters of this question alone.
    ///
    /// # Errors
    /// One sentence a fault.
    pub fn of(pairs: Vec<(String, String)>, own: &[&str]) -> Result<Self, Vec<String>> {
        let mut faults = Vec::new();
        let (mut shared, mut seen) = (Vec::new(), Vec::new());
        let mut question =
            Self { team: None, query: CostQuery::default(), lines: false, parts: DEFAULT_PARTS };
        for (key, value) in pairs {
            if key == "filter" {
                shared.push(("where".to_owned(), value));
            } else if SHARED.contains(&key.as_str()) {
                shared.push((key, value));
            } else if !own.contains(&key.as_str()) {
                let known: Vec<_> = own.iter().chain(&SHARED).copied().collect();
                faults.push(format!("`{key}` is not a parameter: use {}", known.join(", ")));
            } else if seen.contains(&key) {
                faults.push(format!("`{key}` is given more than once: give it once"));
            } else {
                faults.extend(question.read(&key, &value).err());
                seen.push(key);
            }
        }
        match Lens::of(shared) {
            Ok(lens) => {
                question.team = lens.team;
                question.query = CostQuery {
                    by: question.query.by,
                    basis: lens.basis,
                    from: lens.from,
                    to: lens.to,
                    currency: lens.currency,
                    filters: lens.filters,
                    view: lens.view,
                };
            }
            Err(more) => faults.extend(more),
        }
        if faults.is_empty() { Ok(question) } else { Err(faults) }
    }

    fn read(&mut self, key: &str, value: &str) -> Result<(), String> {
        match key {
            "granularity" => {
                let day = match value {
                    "day" => Dimension::Day,
                    "week" => Dimension::Week,
                    "month" => Dimension::Month,
                    "" | "all" => return Ok(()),
                    _ => return Err(format!("`{value}` in `granularity`: use day, week, month or all")),
                };
                if self.query.by.contains(&day) {
                    return Err(format!("the dimension `{value}` is asked for twice"));
                }
                self.query.by.insert(0, day);
            }
            "by" | "group_by" => {
                for name in value.split(',').filter(|name| !name.is_empty()) {
                    let dimension: Dimension = name.parse()?;
                    if self.query.by.contains(&dimension) {
                        return Err(format!("the dimension `{name}` is asked for twice"));
                    }
                    self.query.by.push(dimension);
                }
            }
            "lines" => {
                self.lines = value
                    .parse()
                    .map_err(|_| format!("`{value}` in `lines` is neither: use true or false"))?;
            }
            _ => {
                self.parts =
                    value.parse().ok().filter(|parts| (1..=MOST_PARTS).contains(parts)).ok_or_else(|| {
                        format!("`{value}` in `parts`: use a whole number from 1 to {MOST_PARTS}")
                    })?;
            }
        }
        Ok(())
    }

    /// The same asked of a mart, of which `teams` are known: its team with those within it.
    ///
    /// # Errors
    /// What the mart cannot answer, though it is well asked: one sentence each.
    pub fn of_mart(mut self, info: &MartInfo, teams: &[String]) -> Result<Self, Vec<String>> {
        let mut faults = Vec::new();
        if let Some(currency) = self.query.currency.filter(|currency| !info.currencies.contains(currency)) {
            let known: Vec<String> = info.currencies.iter().map(ToString::to_string).collect();
            faults.push(format!("nothing is charged in {currency}: use {}", known.join(", ")));
        }
        if let Some(team) = self.team.take() {
            // That nothing is without a team is an answer.
            if team != NONE && !teams.contains(&team) {
                faults.push(no_team(&team, teams));
            }
            self.query.filters.insert(0, with_those_within(info, &team));
        }
        if faults.is_empty() { Ok(self) } else { Err(faults) }
    }
}

#[cfg(test)]
mod tests {
    use attribution::mart::{Idle, Ownership, TeamInfo};
    use model::Currency;

    use super::*;
    use crate::link;

    fn parse(query: &str, own: &[&str]) -> Result<Question, Vec<String>> {
        Question::of(link::pairs(query), own)
    }

    #[test]
    fn a_question_is_read_with_its_view() {
        let asked = "by=team,tag:env&from=2026-10-05&team=growth&where=day%3D2026-10-05&idle=proportional\
                     &as_of=2026-10-31";
        let question = parse(asked, &["by"]).unwrap();
        assert_eq!(question.query.by, [Dimension::Team, Dimension::Tag("env".into())]);
        let filters: Vec<_> =
            question.query.filters.iter().map(|f| format!("{}={}", f.dimension, f.value)).collect();
        assert_eq!(
            (question.team.as_deref(), &filters[..]),
            (Some("growth"), &["day=2026-10-05".to_owned()][..])
        );
        assert_eq!(question.query.view.idle, Idle::Proportional);
        assert!(matches!(question.query.view.ownership, Ownership::AsOf(_)));
        assert_eq!(question.query.currency, None);
    }

    #[test]
    fn a_team_is_asked_for_with_the_teams_within_it_and_must_be_known() {
        let team = |name: &str, parent: Option<&str>| TeamInfo {
            name: name.to_owned(),
            email: vec![],
            parent: parent.map(str::to_owned),
        };
        let info = MartInfo {
            id: "000001-ab".to_owned(),
            published_at: chrono::DateTime::UNIX_EPOCH,
            first_day: None,
            end_day: None,
            usage_end: None,
            currencies: vec![Currency::USD],
            publishes: vec![],
            teams: vec![team("company", None), team("data", Some("company")), team("growth", Some("data"))],
            has_fixed_shares: false,
            display_timezone: "UTC".to_owned(),
        };
        let teams = ["company", "data", "growth"].map(str::to_owned);
        let asked = |query: &str| parse(query, &[]).unwrap().of_mart(&info, &teams);
        for (query, want) in [
            ("team=growth&where=day%3D2026-10-05", "team=growth day=2026-10-05"),
            ("team=data", "org:2=data"),
            ("team=company", "org=company"),
            ("team=(none)", "team=(none)"),
            ("where=team%3Ddata", "team=data"),
        ] {
            let filters: Vec<String> = asked(query)
                .unwrap()
                .query
                .filters
                .iter()
                .map(|filter| format!("{}={}", filter.dimension, filter.value))
                .collect();
            assert_eq!(filters.join(" "), want, "{query}");
        }
        let faults = asked("team=grwth&currency=EUR").unwrap_err();
        assert_eq!(
            faults,
            ["nothing is charged in EUR: use USD", "there is no team `grwth`: use company, data, growth"]
        );
    }

    #[test]
    fn every_fault_is_told() {
        let faults = parse("by=team,team&idle=all&sort=cost&to=now", &["by"]).unwrap_err();
        assert_eq!(faults.len(), 4, "{faults:?}");
        let faults = parse("lines=1&parts=0&by=team", &["lines", "parts"]).unwrap_err();
        assert_eq!(faults.len(), 3, "{faults:?}");
    }
}
