//! Who may see and do what. Without `[access]` the loopback address is the guard and whoever
//! sits at the machine may do everything; with it every request has a principal, from a
//! trusted proxy's headers, a session or a bearer token.
//!
//! A page reaches the mart only through the [`Visit`](crate::visit::Visit) of a principal,
//! whose reach the mart itself applies.

mod guard;
mod network;
mod session;
mod signing;
mod throttle;
mod token;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use attribution::mart::Reach;
use model::time::Instant;

pub use self::guard::{Need, enter, known_host};
pub use self::network::Network;
pub use self::signing::{sign_in, sign_in_page, sign_out};
pub use self::token::{TokenHash, new_token};

use self::session::Sessions;
use self::throttle::Throttle;

/// What somebody may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Read.
    Viewer,
    /// Read, and change what people decide: findings, budgets, alerts.
    Editor,
}

impl Role {
    /// All, in the order they are told.
    pub const ALL: [Self; 2] = [Self::Viewer, Self::Editor];

    /// Its word in the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Editor => "editor",
        }
    }
}

impl std::str::FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|role| role.name() == text)
            .ok_or_else(|| format!("`{text}` is no role: use viewer or editor"))
    }
}

/// What the configuration grants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// What may be done.
    pub role: Role,
    /// What may be seen.
    pub reach: Reach,
}

/// One token of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Whose it is, by which edits are recorded.
    pub name: String,
    /// What it grants.
    pub grant: Grant,
    /// What is kept of it.
    pub hash: TokenHash,
}

/// Headers of a proxy that signs people in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy {
    /// Addresses whose headers are believed.
    pub from: Vec<Network>,
    /// Header with the user's name, lower case.
    pub user_header: String,
    /// Header with the user's groups, commas between, lower case.
    pub groups_header: Option<String>,
    /// What members of a group are granted; the first group of this list counts.
    pub groups: Vec<(String, Grant)>,
    /// What those are granted who are in none of them; nothing where they are refused.
    pub others: Option<Grant>,
}

/// `[access]` of the configuration: who is let in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// A trusted proxy.
    pub proxy: Option<Proxy>,
    /// Tokens.
    pub tokens: Vec<Token>,
    /// Names (without a port) the dashboard is reached by; any where none is given.
    pub hosts: Vec<String>,
    /// Whether people reach it by https: cookies then never go over anything else.
    pub https: bool,
    /// How long a session lives at most.
    pub session: SessionAge,
}

/// How long a session lives at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionAge(pub Duration);

impl Default for SessionAge {
    /// A working day.
    fn default() -> Self {
        Self(Duration::from_secs(12 * 3600))
    }
}

/// Somebody a request comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// Name by which edits are recorded.
    pub name: Arc<str>,
    /// What may be done.
    pub role: Role,
    /// What may be seen.
    pub reach: Reach,
    /// How they were recognised.
    pub by: By,
}

/// How a principal was recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// They sit at this machine.
    Loopback,
    /// A trusted proxy said so.
    Proxy,
    /// A session after signing in with a token.
    Session,
    /// A token with the request.
    Bearer,
}

impl Principal {
    fn of(name: &str, grant: &Grant, by: By) -> Self {
        Self { name: name.into(), role: grant.role, reach: grant.reach.clone(), by }
    }

    /// Whoever sits at this machine.
    pub fn at_this_machine() -> Self {
        let grant = Grant { role: Role::Editor, reach: Reach::Whole };
        Self::of("this machine (no login)", &grant, By::Loopback)
    }

    /// What they may do and see, in words.
    pub fn may(&self) -> String {
        let what = match &self.reach {
            Reach::Whole => "all teams".to_owned(),
            Reach::Teams { teams, totals: false } => teams.join(", "),
            Reach::Teams { teams, totals: true } => {
                format!("{} and the totals of the bill", teams.join(", "))
            }
        };
        format!("{} of {what}", self.role.name())
    }
}

/// Who is let in, and who is in.
pub struct Access {
    rules: Option<Rules>,
    sessions: Sessions,
    failures: Throttle,
}

impl Access {
    /// Only requests to the loopback address, without a login.
    pub fn open() -> Self {
        Self { rules: None, sessions: Sessions::default(), failures: Throttle::default() }
    }

    /// By these rules, with the sessions that a ledger's record keeps.
    pub fn by(rules: Rules, ledger: &Path, now: Instant) -> Self {
        let sessions = match rules.tokens[..] {
            // Nobody signs in here.
            [] => Sessions::default(),
            _ => Sessions::kept(ledger, &rules.tokens, now),
        };
        Self { rules: Some(rules), sessions, failures: Throttle::default() }
    }
}

impl Rules {
    /// The token that this text is.
    fn token(&self, text: &str) -> Option<&Token> {
        self.tokens.iter().find(|token| token.hash.is_of(text))
    }
}

impl Proxy {
    /// The principal that a trusted proxy's headers name.
    fn principal(&self, user: &str, groups: &[String]) -> Option<Principal> {
        let groups: BTreeSet<&str> = groups.iter().map(String::as_str).collect();
        let granted =
            self.groups.iter().find(|(group, _)| groups.contains(group.as_str())).map(|(_, grant)| grant);
        let grant = granted.or(self.others.as_ref())?;
        Some(Principal::of(user, grant, By::Proxy))
    }
}
