//! `token`: makes tokens for the dashboard and the API.

use std::path::Path;
use std::process::ExitCode;

use crate::args::{NewToken, Token};
use crate::command::config;
use crate::config::nearest;
use crate::printer::{Failure, line};

/// Makes a token: it is shown once, and the configuration gets its hash.
pub fn run(path: &Path, options: &Token) -> Result<ExitCode, Failure> {
    let Token::New(options) = options;
    // A name that is no team's would give a token that sees nothing. Without a configuration
    // there are no teams to ask.
    if path.exists() && !options.team.is_empty() {
        let teams = config(path)?.rules.teams;
        if let Some(team) = options.team.iter().find(|team| teams.iter().all(|known| known.name != **team)) {
            let near = nearest(team, teams.iter().map(|known| known.name.as_str()));
            let hint = near
                .map_or_else(|| "name it in a [[team]]".to_owned(), |near| format!("did you mean `{near}`?"));
            return Err(Failure::new(format!("there is no team `{team}`"), hint));
        }
    }
    let (token, hash) =
        web::access::new_token().map_err(|fault| Failure::new(fault, "try again; nothing was made"))?;
    line(format!(
        "Give this token to {}; it is shown this once:\n\n  {token}\n\nAdd this to {} and start `lakeledger serve` again:\n\n{}",
        options.name,
        path.display(),
        table(options, &hash.to_string())
    ));
    Ok(ExitCode::SUCCESS)
}

/// The token as it stands in the configuration.
fn table(options: &NewToken, hash: &str) -> String {
    let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
    let mut table =
        format!("[[access.token]]\nname = {}\nrole = \"{}\"\n", quoted(&options.name), options.role.name());
    if !options.team.is_empty() {
        let teams: Vec<_> = options.team.iter().map(|team| quoted(team)).collect();
        table.push_str(&format!("team = [{}]\n", teams.join(", ")));
    }
    if options.totals {
        table.push_str("totals = true\n");
    }
    table.push_str(&format!("hash = \"{hash}\"\n"));
    table
}
