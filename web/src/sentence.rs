//! The first line of a page: it answers in words.

use attribution::mart::Filter;
use model::Amount;

use crate::context::Context;
use crate::error::PageError;
use crate::words;

/// Words, some of which are figures to be seen first.
#[derive(Default)]
pub struct Sentence {
    /// Text, and whether it is a figure.
    pub pieces: Vec<(String, bool)>,
    /// What stands beneath: basis, comparison, what is partial.
    pub notes: Vec<String>,
}

impl Sentence {
    /// Adds words.
    #[must_use]
    pub fn say(mut self, words: impl Into<String>) -> Self {
        self.pieces.push((visible(&words.into()), false));
        self
    }

    /// Adds a figure.
    #[must_use]
    pub fn figure(mut self, figure: impl Into<String>) -> Self {
        self.pieces.push((figure.into(), true));
        self
    }

    /// Adds a line beneath.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }
}

/// Names in a sentence show on one line and cannot turn its direction; its spaces stay.
fn visible(words: &str) -> String {
    let trimmed = reports::label::visible(words);
    let start = if words.starts_with(' ') { " " } else { "" };
    let end = if words.ends_with(' ') && !trimmed.is_empty() { " " } else { "" };
    format!("{start}{trimmed}{end}")
}

/// `Growth spent $48.21 from 5 to 6 October 2026`: for who spends.
pub fn spent(context: &Context<'_>, who: &str, total: Amount) -> Sentence {
    opening(context, who, "spent", total)
}

/// `signup/aggregate cost $8.10 from 5 to 6 October 2026`: for what is paid for.
pub fn cost(context: &Context<'_>, what: &str, total: Amount) -> Sentence {
    opening(context, what, "cost", total)
}

fn opening(context: &Context<'_>, subject: &str, verb: &str, total: Amount) -> Sentence {
    let verb = if total < Amount::ZERO { "got credits of" } else { verb };
    Sentence::default()
        .say(format!("{subject} {verb} "))
        .figure(context.money(total.abs()))
        .say(format!(" {}", context.period()))
}

/// The line under every headline: on what basis, and against what came before.
pub fn comparison(context: &Context<'_>, total: Amount, filters: &[Filter]) -> Result<String, PageError> {
    let terms = words::capital(&context.terms());
    let Some(before) = context.by_before(None, filters)? else {
        let days = (context.scope.to - context.scope.from).num_days();
        let span = words::plural(days, "day", "days");
        return Ok(match context.mart.info().first_day {
            Some(first) => format!(
                "{terms}. No comparison: the ledger begins on {} and has no whole span of {span} before this one.",
                reports::format::day(first)
            ),
            None => format!("{terms}."),
        });
    };
    let before: Amount = before.values().copied().sum();
    let change = reports::format::change(total, before, context.scope.currency);
    let span = context.before().map(|(from, to)| words::period(from, to)).unwrap_or_default();
    Ok(format!("{terms}. {change} against the span of the same length before it ({span})."))
}
