//! Finding anything by its name: what matches how well, the dearest first among equals.

use std::cmp::Reverse;

use attribution::mart::{Kind, NONE};
use model::Amount;
use serde::Serialize;

use crate::context::Context;
use crate::error::PageError;
use crate::link::Path;
use crate::method::METHODS;

/// How well a name matches, the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Match {
    /// It is the name, or one of its last parts (`events` of `prod.growth.events`).
    Exact,
    /// The name begins with it.
    Prefix,
    /// Words of the name begin with its words.
    Word,
    /// Its words stand anywhere in the name.
    Substring,
}

/// What was found.
#[derive(Debug, Serialize)]
pub struct Found {
    /// Page, team, workload, table, cluster, run or term.
    pub kind: &'static str,
    pub label: String,
    /// What tells it from others of its name.
    pub note: String,
    pub href: String,
}

/// Pages that are no entity: name, other words for it, first segment of the path.
const PAGES: [(&str, &str, &str); 18] = [
    ("Overview", "home start spend total forecast", ""),
    ("Teams", "owners organisation chargeback showback", "teams"),
    ("Workloads", "jobs pipelines workflows", "workloads"),
    ("Runs", "executions attempts applications", "runs"),
    ("Tables", "storage iceberg datasets", "tables"),
    ("Clusters", "compute emr idle capacity", "clusters"),
    ("Waste", "savings findings inbox optimise recommendations", "waste"),
    ("What if", "simulate spot ttl compaction auto-termination", "what-if"),
    ("Explore", "pivot dimensions chart analyse", "explore"),
    ("Explain", "formula why bill lines", "explain"),
    ("Compare", "changed since publish", "compare"),
    ("Alerts", "anomalies budgets exceeded notifications", "alerts"),
    ("Reports", "weekly letters mail archive", "reports"),
    ("Schedule", "jobs cron", "schedule"),
    ("Data", "sources freshness reconciliation quality warnings", "data"),
    ("Ownership", "rules coverage unowned", "ownership"),
    ("Help", "terms formulas glossary", "help"),
    ("API", "json openapi programs reference csv", "api"),
];

/// Terms of the help page, with their anchors there.
pub const TERMS: [(&str, &str); 28] = [
    ("The equation", "equation"),
    ("Direct cost", "term-direct"),
    ("Usage cost", "term-usage"),
    ("Storage cost", "term-storage"),
    ("Shared cost", "term-shared"),
    ("Idle cost", "term-idle"),
    ("Unallocated cost", "term-unallocated"),
    ("What has no team", "term-no-team"),
    ("What has no owner", "term-no-owner"),
    ("Billed cost", "term-billed"),
    ("Effective cost", "term-effective"),
    ("List cost", "term-list"),
    ("Contracted cost", "term-contracted"),
    ("Days and time zone", "term-days"),
    ("Figures and rounding", "term-figures"),
    ("Comparison with the span before", "term-comparison"),
    ("Forecast to month end", "term-forecast"),
    ("Owners as recorded", "term-owners"),
    ("Vcore-hours", "term-vcore-hours"),
    ("Small files", "term-small-files"),
    ("Colours", "term-colours"),
    ("Net saving", "term-net-saving"),
    ("Saving without overlap", "term-overlap"),
    ("Capacity, not cash", "term-capacity"),
    ("Realised saving", "term-realised"),
    ("Methods of attribution", "methods"),
    ("Addresses and filters", "addresses"),
    ("Keys", "keys"),
];

/// Longest query that is looked for; more words than a name has find nothing anyway.
const MOST_WORDS: usize = 8;

/// A query, ready to be looked for.
struct Query {
    whole: String,
    words: Vec<String>,
}

impl Query {
    fn new(text: &str) -> Self {
        let whole = text.trim().to_lowercase();
        let words = whole.split_whitespace().take(MOST_WORDS).map(str::to_owned).collect();
        Self { whole, words }
    }

    /// How well a name in lower case matches.
    fn of(&self, folded: &str) -> Option<Match> {
        if self.words.is_empty() || !self.words.iter().all(|word| folded.contains(word.as_str())) {
            return None;
        }
        // A cluster's id and its name stand on lines of their own.
        let ends = |rest: &str| rest.is_empty() || rest.ends_with(['.', '/', ' ', ':', '\n']);
        let is_whole = |line: &str| line.strip_suffix(self.whole.as_str()).is_some_and(ends);
        if folded.lines().any(is_whole) {
            return Some(Match::Exact);
        }
        if folded.starts_with(self.whole.as_str()) {
            return Some(Match::Prefix);
        }
        let begins = |word: &String| {
            folded
                .match_indices(word.as_str())
                .any(|(at, _)| !folded[..at].chars().next_back().is_some_and(char::is_alphanumeric))
        };
        Some(if self.words.iter().all(begins) { Match::Word } else { Match::Substring })
    }
}

/// What matches a text, the best first, and how many there are: better matches before worse;
/// pages before the rest; then the dearest; then by name.
///
/// # Errors
/// When the mart cannot be asked.
pub fn find(context: &Context<'_>, text: &str, most: usize) -> Result<(Vec<Found>, usize), PageError> {
    let query = Query::new(text);
    if query.words.is_empty() {
        return Ok((Vec::new(), 0));
    }
    let mut hits: Vec<(Match, u8, Reverse<Amount>, &str, usize)> = Vec::new();
    let known = context.mart.known()?;
    for (at, thing) in known.iter().enumerate() {
        if let Some(how) = query.of(&thing.folded) {
            hits.push((how, 1, Reverse(thing.cost), &thing.id, at));
        }
    }
    let reach = context.mart.reach();
    for (at, (name, more, segment)) in PAGES.iter().enumerate() {
        let is_seen = match *segment {
            "data" => reach.sees_bill(),
            "what-if" | "compare" | "ownership" | "reports" | "schedule" => reach.is_whole(),
            _ => true,
        };
        if !is_seen {
            continue;
        }
        let how = query.of(&name.to_lowercase()).or_else(|| query.of(more).map(|_| Match::Substring));
        hits.extend(how.map(|how| (how, 0, Reverse(Amount::ZERO), *name, at)));
    }
    let terms = TERMS.iter().map(|(name, _)| *name).chain(METHODS.iter().map(|method| method.title));
    for (at, name) in terms.enumerate() {
        hits.extend(query.of(&name.to_lowercase()).map(|how| (how, 2, Reverse(Amount::ZERO), name, at)));
    }
    let runs = context.mart.runs_called(text.trim())?;
    let all = hits.len() + runs.len();
    let most_hits = most.saturating_sub(runs.len());
    if hits.len() > most_hits && most_hits > 0 {
        hits.select_nth_unstable(most_hits - 1);
    }
    hits.truncate(most_hits);
    hits.sort_unstable();
    // Nobody types a run's id to find anything else.
    let runs = runs.into_iter().map(|(id, workload, _)| Found {
        kind: "Run",
        href: context.entity("runs", &id),
        label: reports::label::visible(&id),
        note: reports::label::visible(&workload),
    });
    let shared = context.lens.shared();
    let others = hits.into_iter().map(|(_, group, _, _, at)| match group {
        0 => {
            let (name, _, segment) = PAGES[at];
            let path = match segment {
                "" => Path::root(),
                "what-if" => Path::new(["waste", "what-if"]),
                "api" => Path::new(["help", "api"]),
                segment => Path::new([segment]),
            };
            Found { kind: "Page", label: name.to_owned(), note: String::new(), href: shared.url(&path) }
        }
        1 => entity(context, &known[at]),
        _ => {
            let (label, anchor) =
                TERMS.get(at).map(|(name, anchor)| (*name, (*anchor).to_owned())).unwrap_or_else(|| {
                    let method = &METHODS[at - TERMS.len()];
                    (method.title, format!("method-{}", method.name))
                });
            Found {
                kind: "Term",
                label: label.to_owned(),
                note: "in Help".to_owned(),
                href: format!("{}#{anchor}", shared.url(&Path::new(["help"]))),
            }
        }
    });
    Ok((runs.chain(others).collect(), all))
}

fn entity(context: &Context<'_>, known: &attribution::mart::Known) -> Found {
    let (kind, place) = match known.kind {
        Kind::Team => ("Team", "teams"),
        Kind::Workload => ("Workload", "workloads"),
        Kind::Table => ("Table", "tables"),
        Kind::Cluster => ("Cluster", "clusters"),
    };
    let team = known.team.as_deref().filter(|team| *team != NONE);
    let cost = (!known.cost.is_zero())
        .then(|| context.mart.info().currencies.first())
        .flatten()
        .map(|currency| format!("{} ever", reports::format::money_short(known.cost, *currency)));
    let notes: Vec<String> =
        [known.name.clone(), team.map(str::to_owned), cost].into_iter().flatten().collect();
    Found {
        kind,
        label: reports::label::visible(&known.id),
        note: reports::label::visible(&notes.join(" · ")),
        href: context.entity(place, &known.id),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn better_matches_are_told_from_worse() {
        let how = |query: &str, name: &str| Query::new(query).of(name);
        assert_eq!(how("Growth", "growth"), Some(Match::Exact));
        assert_eq!(how("events", "prod.growth.events"), Some(Match::Exact), "the table of that name");
        assert_eq!(how("step", "flow/step"), Some(Match::Exact));
        assert_eq!(how("j-1", "j-1\nprod-batch"), Some(Match::Exact));
        assert_eq!(how("prod-batch", "j-1\nprod-batch"), Some(Match::Exact));
        assert_eq!(how("grow", "growth"), Some(Match::Prefix));
        assert_eq!(how("growth ev", "prod.growth.events"), Some(Match::Word), "both begin a word");
        assert_eq!(how("vents", "prod.growth.events"), Some(Match::Substring));
        assert_eq!(how("events growth", "prod.growth.events"), Some(Match::Word), "in any order");
        assert_eq!(how("events finance", "prod.growth.events"), None);
        assert_eq!(how("  ", "growth"), None);
        assert_eq!(how("ÜBER", "über/x"), Some(Match::Prefix));
        assert!(
            Match::Exact < Match::Prefix && Match::Prefix < Match::Word && Match::Word < Match::Substring
        );
    }

    #[test]
    fn every_term_has_its_place_in_the_help() {
        let help = include_str!("../templates/help/help.html");
        for (name, anchor) in TERMS {
            assert!(help.contains(&format!(" id=\"{anchor}\"")), "{name}: no #{anchor} in the help");
        }
    }
}
