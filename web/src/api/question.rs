//! What an address of the API asks: the parameters of pages that say which costs and in which
//! view, and those of the question itself.

use attribution::mart::{CostQuery, Dimension, Filter, MartInfo};

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
        let mut question = Self { query: CostQuery::default(), lines: false, parts: DEFAULT_PARTS };
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
                let team = lens.team.map(|value| Filter { dimension: Dimension::Team, value });
                question.query = CostQuery {
                    by: question.query.by,
                    basis: lens.basis,
                    from: lens.from,
                    to: lens.to,
                    currency: lens.currency,
                    filters: team.into_iter().chain(lens.filters).collect(),
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

    /// What the mart cannot answer, though it is well asked.
    pub fn faults(&self, info: &MartInfo) -> Vec<String> {
        let unknown = self.query.currency.filter(|currency| !info.currencies.contains(currency));
        let known = || info.currencies.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        unknown
            .map(|currency| format!("nothing is charged in {currency}: use {}", known()))
            .into_iter()
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use attribution::mart::{Idle, Ownership};

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
        assert_eq!(filters, ["team=growth", "day=2026-10-05"]);
        assert_eq!(question.query.view.idle, Idle::Proportional);
        assert!(matches!(question.query.view.ownership, Ownership::AsOf(_)));
        assert_eq!(question.query.currency, None);
    }

    #[test]
    fn every_fault_is_told() {
        let faults = parse("by=team,team&idle=all&sort=cost&to=now", &["by"]).unwrap_err();
        assert_eq!(faults.len(), 4, "{faults:?}");
        let faults = parse("lines=1&parts=0&by=team", &["lines", "parts"]).unwrap_err();
        assert_eq!(faults.len(), 3, "{faults:?}");
    }
}
