//! What the configuration decides: teams, ownership and pools. Patterns are globs (`*` any
//! text, `?` one character) or, of ownership rules, regular expressions; both are matched
//! whole and with regard to case.

mod regex;

use std::fmt;

use chrono::NaiveDate;
use serde::Serialize;

use crate::publish::KeptDays;
use crate::waste::WasteRule;

pub use self::regex::Regex;

/// A team that owns costs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Team {
    /// Name, which is its id.
    pub name: String,
    /// Where its reports go.
    pub email: Vec<String>,
    /// The team it is a part of.
    pub parent: Option<String>,
}

/// What a value must look like.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Pattern {
    /// `*` is any text, `?` one character.
    Glob(String),
    /// A regular expression.
    Regex(Regex),
}

impl From<&str> for Pattern {
    fn from(glob: &str) -> Self {
        Self::Glob(glob.to_owned())
    }
}

impl From<String> for Pattern {
    fn from(glob: String) -> Self {
        Self::Glob(glob)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Glob(glob) => f.write_str(glob),
            Self::Regex(regex) => write!(f, "/{}/", regex.written()),
        }
    }
}

/// What an ownership rule looks at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Matcher {
    /// A tag of a charge, a cluster or a run: folded key and a pattern for its value.
    Tag {
        /// Key, folded as `model::tags` folds.
        key: String,
        /// Pattern for the value.
        value: Pattern,
    },
    /// Owner the orchestrator or the table names.
    Owner(Pattern),
    /// Workflow id, or the run's name where no workflow is known.
    Workflow(Pattern),
    /// User the engine ran it as.
    User(Pattern),
    /// Table id; `prod.growth.*` covers a namespace.
    Table(Pattern),
    /// Cluster id or name.
    Cluster(Pattern),
    /// Resource id of a charge.
    Resource(Pattern),
    /// Sub-account, else billing account.
    Account(Pattern),
}

impl Matcher {
    /// The word of the configuration, and of `rule_owners.kind`.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Tag { .. } => "tag",
            Self::Owner(_) => "owner",
            Self::Workflow(_) => "workflow",
            Self::User(_) => "user",
            Self::Table(_) => "table",
            Self::Cluster(_) => "cluster",
            Self::Resource(_) => "resource",
            Self::Account(_) => "account",
        }
    }

    /// What the value must look like.
    pub const fn pattern(&self) -> &Pattern {
        match self {
            Self::Tag { value, .. } => value,
            Self::Owner(pattern)
            | Self::Workflow(pattern)
            | Self::User(pattern)
            | Self::Table(pattern)
            | Self::Cluster(pattern)
            | Self::Resource(pattern)
            | Self::Account(pattern) => pattern,
        }
    }
}

/// One ownership rule; within a kind the first match wins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OwnerRule {
    /// Team that owns what matches.
    pub team: String,
    /// What is looked at.
    pub matcher: Matcher,
    /// First UTC day it holds.
    pub from: Option<NaiveDate>,
    /// First UTC day it no longer holds.
    pub to: Option<NaiveDate>,
}

impl OwnerRule {
    /// How pages and exports name the rule at this place of the configuration:
    /// `owner_rule 2: tag team=growth`.
    pub fn id(&self, position: usize) -> String {
        let what = match &self.matcher {
            Matcher::Tag { key, value } => format!("tag {key}={value}"),
            other => format!("{} {}", other.kind(), other.pattern()),
        };
        format!("owner_rule {}: {what}", position + 1)
    }
}

/// A pool rule of the configuration, tried before the shipped ones. Unset fields match all;
/// what is set must match together. Pool rules disregard case.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PoolRule {
    /// Pool the charge falls into.
    pub pool: String,
    /// Glob for the service name, the product code or the provider.
    pub service: Option<String>,
    /// Glob for the usage type.
    pub usage_type: Option<String>,
    /// Glob for the CUR's line item type.
    pub line_item_type: Option<String>,
    /// Key of a tag the charge carries, and a glob for its value.
    pub tag: Option<(String, String)>,
    /// Glob for the resource id.
    pub resource: Option<String>,
    /// Whether its cost is shared by all rather than its owner's.
    pub shared: bool,
}

/// What weighs a run among the runs of a node: its parts of the node's cores and memory, made
/// one number. How much of the node they use together is always the larger of the two.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub enum RunWeight {
    /// The larger of both parts.
    #[default]
    Bottleneck,
    /// The part of the cores.
    Cores,
    /// The part of the memory.
    Memory,
    /// Nine tenths of the part of the cores and one of the part of the memory: about what clouds
    /// charge for a core and for a GiB of memory.
    NineToOne,
}

impl RunWeight {
    /// All, in the order they are offered.
    pub const ALL: [Self; 4] = [Self::Bottleneck, Self::Cores, Self::Memory, Self::NineToOne];

    /// The word of the configuration, and of `parameters.run_weight`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bottleneck => "bottleneck",
            Self::Cores => "cores",
            Self::Memory => "memory",
            Self::NineToOne => "9:1",
        }
    }
}

/// Everything attribution is told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Rules {
    /// Teams, in the order of the configuration.
    pub teams: Vec<Team>,
    /// Ownership rules, in order.
    pub owner_rules: Vec<OwnerRule>,
    /// Team of what no rule claims.
    pub default_team: Option<String>,
    /// Pool rules, before the shipped ones.
    pub pool_rules: Vec<PoolRule>,
    /// What weighs a run among the runs of a node.
    pub run_weight: RunWeight,
    /// Parts of 10^12 that teams bear of shared costs where those are spread by fixed shares.
    pub shared_fixed: Vec<(String, i64)>,
    /// IANA name of the zone in which times are shown.
    pub display_timezone: String,
    /// Thresholds of waste detectors that differ from the shipped ones.
    pub waste: Vec<WasteRule>,
    /// Configured sources: what another source once landed is not counted.
    pub sources: Vec<String>,
    /// Which earlier marts stay: no figure depends on it, so that it is no part of what a mart
    /// is made of.
    #[serde(skip)]
    pub kept_days: KeptDays,
}

/// Tags by which platforms mark what a cluster started, folded; the first that is there holds.
pub const CLUSTER_TAGS: &[&str] = &[
    "aws_elasticmapreduce_job_flow_id",
    "clusterid",
    "databricks_clusterid",
    "aws_eks_cluster_name",
    "eks_cluster_name",
];

/// A glob of a pool rule as a `like` pattern with `\` as its escape.
pub fn like(glob: &str) -> String {
    let mut pattern = String::with_capacity(glob.len());
    for c in glob.chars() {
        match c {
            '*' => pattern.push('%'),
            '?' => pattern.push('_'),
            '%' | '_' | '\\' => {
                pattern.push('\\');
                pattern.push(c);
            }
            other => pattern.push(other),
        }
    }
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_glob_keeps_what_like_would_take_for_wildcards() {
        assert_eq!(like("prod.growth_*.a?%"), r"prod.growth\_%.a_\%");
    }
}
