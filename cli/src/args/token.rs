//! Options of `token`.

use clap::{Args, Subcommand};

/// What to do with tokens.
#[derive(Debug, Subcommand)]
pub enum Token {
    /// Make one; it is shown once, and the configuration keeps its hash
    New(NewToken),
}

/// Options of `token new`.
#[derive(Debug, Args)]
pub struct NewToken {
    /// Whose it is: edits are recorded with this name
    #[arg(long, value_name = "NAME")]
    pub name: String,
    /// viewer or editor
    #[arg(long, value_name = "ROLE", default_value = "viewer")]
    pub role: web::access::Role,
    /// See only this team and those within it (may be repeated; default: all)
    #[arg(long, value_name = "TEAM")]
    pub team: Vec<String>,
    /// With --team: see the totals of the whole bill too
    #[arg(long, requires = "team")]
    pub totals: bool,
}
