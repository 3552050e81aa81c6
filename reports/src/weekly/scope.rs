//! Whose report it is, and which costs are in it.

use std::collections::BTreeSet;
use std::fmt;

use attribution::mart::MartInfo;

use crate::label;

/// Whose report it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Everything that was charged.
    Platform,
    /// What one team and the teams within it own.
    Team(TeamScope),
}

/// A team and the teams within it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TeamScope {
    name: String,
    // Invariant: its own name is one of them.
    names: BTreeSet<String>,
}

impl TeamScope {
    /// A team as the configuration divides it.
    pub fn of(info: &MartInfo, team: &str) -> Self {
        let mut names = BTreeSet::from([team.to_owned()]);
        let mut above = vec![team.to_owned()];
        while let Some(team) = above.pop() {
            let within = info.sub_teams(&team).map(|one| one.name.clone());
            // The configuration refuses circles; a mart may be made without it.
            above.extend(within.filter(|name| names.insert(name.clone())));
        }
        Self { name: team.to_owned(), names }
    }

    /// Its own name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its own name and those of the teams within it.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// Whether what this team owns, as the mart names it, is the team's.
    pub(super) fn holds(&self, team: &str) -> bool {
        self.names.contains(team)
    }
}

impl From<&str> for TeamScope {
    /// A team with none within it.
    fn from(name: &str) -> Self {
        Self { name: name.to_owned(), names: BTreeSet::from([name.to_owned()]) }
    }
}

impl Scope {
    /// The team's name; none for the platform.
    pub fn team(&self) -> Option<&str> {
        match self {
            Self::Platform => None,
            Self::Team(team) => Some(team.name()),
        }
    }

    /// Whether a cost of this team, as the mart names it, is in it.
    pub(super) fn holds(&self, team: &str) -> bool {
        match self {
            Self::Platform => true,
            Self::Team(own) => own.holds(team),
        }
    }

    /// Whether costs of several teams are in it, so that a line must say whose it is.
    pub(super) fn has_teams(&self) -> bool {
        match self {
            Self::Platform => true,
            Self::Team(own) => own.names.len() > 1,
        }
    }
}

impl fmt::Display for Scope {
    /// As in a sentence: `the platform`, `growth`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Platform => f.write_str("the platform"),
            Self::Team(team) => f.write_str(&label::shorten(&label::visible(&team.name), 48)),
        }
    }
}
