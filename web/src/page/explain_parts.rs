//! The parts of an explained figure: the largest for the page, all for a download, unless they are
//! too many to be made in memory.

use attribution::mart::CostQuery;
use reports::explained::{Detail, Explained};

use super::explain::METHODS;
use super::explore;
use crate::context::Context;
use crate::error::PageError;

/// Parts that the page lists, the largest.
const MOST_PARTS: usize = 1_000;
/// Parts of a download, which is made in memory: some 100 MB of them.
pub const MOST_DOWNLOADED: usize = 50_000;

/// The figure's largest parts, which a page lists; all of them, where a download of them is asked for.
pub fn explained(context: &Context<'_>, query: &CostQuery) -> Result<Explained, PageError> {
    let ask = |most| Explained::ask(context.mart, query, Detail { most: Some(most), ..Detail::default() });
    let largest = ask(MOST_PARTS)?;
    let state = &context.lens.table;
    // How parts were found is counted of all of them either way.
    let is_whole = state.csv && state.table.as_deref() != Some(METHODS);
    let left_out: i64 = largest.left_out.values().map(|(parts, _)| parts).sum();
    if !is_whole || left_out == 0 {
        return Ok(largest);
    }
    let all = (largest.parts.len() + largest.spread.len()) as i64 + left_out;
    too_many(all, || export(context, query)).map_err(|fault| PageError::BadRequest(vec![fault]))?;
    Ok(ask(MOST_DOWNLOADED)?)
}

/// Refuses a download of more parts than are made in memory, with the command that writes any number.
fn too_many(all: i64, command: impl FnOnce() -> String) -> Result<(), String> {
    if usize::try_from(all).is_ok_and(|all| all <= MOST_DOWNLOADED) {
        return Ok(());
    }
    Err(format!(
        "this figure has {} parts, and a download at most {}: choose fewer days or restrict it, or run `{}`",
        reports::format::count(all),
        reports::format::count(MOST_DOWNLOADED as i64),
        command()
    ))
}

/// The command that writes the figure's allocations to a file.
fn export(context: &Context<'_>, query: &CostQuery) -> String {
    let wheres = query.filters.iter().map(|filter| format!("{}={}", filter.dimension, filter.value));
    explore::command(context, "--format focus --output parts.csv", wheres)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_download_of_too_many_parts_names_the_command_that_writes_them() {
        let command = || "lakeledger export costs --format focus".to_owned();
        assert_eq!(too_many(50_000, command), Ok(()));
        let fault = too_many(4_400_000, command).unwrap_err();
        for part in ["4,400,000 parts", "at most 50,000", "`lakeledger export costs --format focus`"] {
            assert!(fault.contains(part), "{fault}");
        }
    }
}
