//! The four cost bases and the six words of the conservation equation.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Which of a charge's four costs is meant (FOCUS 1.2 column names).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// `BilledCost`: what the invoice says.
    Billed,
    /// `EffectiveCost`: billed cost with commitments amortised over what they cover.
    #[default]
    Effective,
    /// `ListCost`: public on-demand prices.
    List,
    /// `ContractedCost`: negotiated prices before commitments.
    Contracted,
}

impl Basis {
    /// All four, in the order of FOCUS.
    pub const ALL: [Self; 4] = [Self::Billed, Self::Effective, Self::List, Self::Contracted];

    /// The word used in URLs, options and configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Billed => "billed",
            Self::Effective => "effective",
            Self::List => "list",
            Self::Contracted => "contracted",
        }
    }

    /// The column of landed charges and marts that holds it.
    pub const fn column(self) -> &'static str {
        match self {
            Self::Billed => "billed_cost",
            Self::Effective => "effective_cost",
            Self::List => "list_cost",
            Self::Contracted => "contracted_cost",
        }
    }
}

impl fmt::Display for Basis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Basis {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|basis| basis.name() == text)
            .ok_or_else(|| format!("`{text}` is not a cost basis: use billed, effective, list or contracted"))
    }
}

/// Where a part of the charged cost went. Every atom has exactly one, so that
/// charged = direct + usage + storage + shared + idle + unallocated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Category {
    /// The charge names its owner: a tag, a resource or an account says whose it is.
    Direct,
    /// Given to runs by what they used.
    Usage,
    /// Given to tables (or a bucket's owner) by the bytes they hold.
    Storage,
    /// Of use to all: support, tax, credits, unused commitments.
    Shared,
    /// Capacity that was paid for and not used.
    Idle,
    /// Nothing known says whose it is.
    Unallocated,
}

impl Category {
    /// All six, in the order of the equation.
    pub const ALL: [Self; 6] =
        [Self::Direct, Self::Usage, Self::Storage, Self::Shared, Self::Idle, Self::Unallocated];

    /// The word used in marts, URLs and exports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Usage => "usage",
            Self::Storage => "storage",
            Self::Shared => "shared",
            Self::Idle => "idle",
            Self::Unallocated => "unallocated",
        }
    }
}

impl FromStr for Category {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|category| category.name() == text)
            .ok_or_else(|| format!("`{text}` is not a category"))
    }
}
