//! Views and comparisons: owners as they were in spreads and in explain, and what changed
//! between two marts, with the figures of docs/ALLOCATION.md worked by hand.

mod compared;
mod owned;
mod remembered;

use attribution::rules::{Matcher, OwnerRule, Pattern, Team};
use model::time::Instant;

fn at(text: &str) -> Instant {
    text.parse().unwrap()
}

fn rule(team: &str, matcher: Matcher) -> OwnerRule {
    OwnerRule { team: team.into(), matcher, from: None, to: None }
}

fn workflow(team: &str, name: &str) -> OwnerRule {
    rule(team, Matcher::Workflow(Pattern::from(name)))
}

fn cluster(team: &str, name: &str) -> OwnerRule {
    rule(team, Matcher::Cluster(Pattern::from(name)))
}

fn resource(team: &str, name: &str) -> OwnerRule {
    rule(team, Matcher::Resource(Pattern::from(name)))
}

fn teams(names: &[&str]) -> Vec<Team> {
    let team = |name: &&str| Team { name: (*name).to_owned(), email: Vec::new(), parent: None };
    names.iter().map(team).collect()
}
