//! The first line of a page: it answers in words.

use attribution::mart::{Filter, NONE};
use model::Amount;

use crate::context::Context;
use crate::error::PageError;
use crate::parts::Parts;
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

/// `Growth spent $48.21 from 5 to 6 October 2026`, or what has no team `cost` it. The costs are
/// those of the teams within it too, and it says so.
pub fn of_team(context: &Context<'_>, team: &str, total: Amount) -> Sentence {
    match team {
        NONE => cost(context, context.owner(team), total),
        _ => spent(context, &context.with_teams(team), total),
    }
}

/// Goes on with `; 12.0% of it, $3.40, was idle`.
pub fn and_idle(context: &Context<'_>, sentence: Sentence, parts: &Parts) -> Sentence {
    match reports::format::percent(parts.idle(), parts.total()) {
        None => sentence,
        Some(share) => sentence
            .say("; ")
            .figure(share)
            .say(" of it, ")
            .figure(context.money(parts.idle()))
            .say(", was idle"),
    }
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
    let before = context.by_before(None, filters)?.map(|before| before.values().copied().sum());
    Ok(compared(context, total, before))
}

/// The same against what it cost in the span before; nothing where the ledger lacks that.
pub fn compared(context: &Context<'_>, total: Amount, before: Option<Amount>) -> String {
    let terms = words::capital(&context.terms());
    let Some(before) = before else {
        let days = (context.scope.to - context.scope.from).num_days();
        let span = words::plural(days, "day", "days");
        return match context.mart.info().used_days() {
            Some((_, end)) if context.scope.to > end => format!(
                "{terms}. No comparison: usage is billed until {}, and these days go on after it.",
                reports::format::day(end.pred_opt().unwrap_or(end))
            ),
            Some((first, _)) => format!(
                "{terms}. No comparison: the ledger begins on {} and has no whole span of {span} before this one.",
                reports::format::day(first)
            ),
            None => format!("{terms}."),
        };
    };
    let change = reports::format::change(total, before, context.scope.currency);
    let span = context.before().map(|(from, to)| words::period(from, to)).unwrap_or_default();
    format!("{terms}. {change} against the span of the same length before it ({span}).")
}
