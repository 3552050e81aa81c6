//! `alerts deliveries`: messages to channels and what became of them.

use std::process::ExitCode;

use model::time::Instant;
use reports::alert::letter;
use reports::alert::record::{Alerts, Delivered};
use reports::export::objects_csv;
use reports::mail::{Delivery, Outbox};
use serde_json::{Value, json};

use super::failure;
use crate::args::{AlertDeliveries, Listing};
use crate::config::{Config, nearest};
use crate::output::Output;
use crate::printer::{Failure, line, say, table};

/// Words of [`Delivered::state`].
const STATES: [&str; 6] = ["pending", "sending", "sent", "mailed", "dead", "overtaken"];
/// The state of what was given up.
const DEAD: &str = "dead";
/// Heads for programs.
const COLUMNS: [&str; 9] =
    ["id", "channel", "created_at", "state", "letters", "attempts", "next_attempt_at", "error", "summary"];

/// Lists messages; 1 while one is given up, whatever is listed, so that a monitor can ask.
pub(super) fn run(config: &Config, options: &AlertDeliveries) -> Result<ExitCode, Failure> {
    if let Some(state) = options.state.as_deref().filter(|state| !STATES.contains(state)) {
        let near = nearest(state, STATES).map(|near| format!("did you mean `{near}`?"));
        let hint = near.unwrap_or_else(|| format!("one of {}", STATES.join(", ")));
        return Err(Failure::new(format!("`{state}` is no state of a message"), hint));
    }
    let record = Alerts::open(&config.ledger).map_err(|error| failure(error.into()))?;
    let mut messages = record.delivered(usize::MAX).map_err(|error| failure(error.into()))?;
    if let Some(channel) = &options.channel {
        let configured = config.watch.channels.iter().map(|known| known.name.as_str());
        let known: Vec<&str> = configured.chain(messages.iter().map(|one| one.channel.as_str())).collect();
        if !known.contains(&channel.as_str()) {
            let near = nearest(channel, known).map(|near| format!("did you mean `{near}`?"));
            let hint = near.unwrap_or_else(|| "`lakeledger alerts deliveries` lists all messages".to_owned());
            return Err(Failure::new(format!("there is no channel `{channel}`"), hint));
        }
    }
    let dead = messages.iter().filter(|one| one.state == DEAD).count();
    messages.retain(|one| {
        options.state.as_deref().is_none_or(|state| one.state == state)
            && options.channel.as_deref().is_none_or(|channel| one.channel == channel)
    });
    messages.truncate(options.limit);
    let letters = Outbox::open(&config.ledger).and_then(|outbox| outbox.deliveries());
    let letters = letters.map_err(crate::command::report::mail_failure)?;
    match options.format {
        Listing::Text => shown(&messages, &letters),
        Listing::Csv => {
            let mut output = Output::open(None)?;
            let written = objects_csv(&COLUMNS, objects(&messages, &letters), output.writer());
            output.finish(written)?;
        }
        Listing::Json => line(serde_json::to_string_pretty(&objects(&messages, &letters))?),
    }
    if dead > 0 {
        let (are, them) = if dead == 1 { ("1 message is", "it") } else { ("messages are", "them") };
        let are = if dead == 1 { are.to_owned() } else { format!("{dead} {are}") };
        say(format!("warning: {are} given up: `lakeledger alerts retry` tries {them} once more"));
    }
    Ok(ExitCode::from(u8::from(dead > 0)))
}

/// What became of a message's letters, where it has any.
fn fate(message: &Delivered, letters: &[Delivery]) -> Option<&'static str> {
    letter::fate(message, letters).map(|fate| fate.name())
}

fn shown(messages: &[Delivered], letters: &[Delivery]) {
    let minute = |at: Instant| at.format("%Y-%m-%d %H:%M").to_string();
    let row = |one: &Delivered| {
        vec![
            one.channel.clone(),
            minute(one.created_at),
            match fate(one, letters) {
                Some(fate) => format!("{}: {fate}", one.state),
                None => one.state.clone(),
            },
            one.attempts.to_string(),
            one.next_at.map(minute).unwrap_or_default(),
            reports::label::shorten(&reports::label::visible(&one.summary), 60),
            reports::label::visible(one.error.as_deref().unwrap_or_default()),
        ]
    };
    let rows: Vec<Vec<String>> = messages.iter().map(row).collect();
    table(&["channel", "at (UTC)", "state", "attempts", "next (UTC)", "says", "error"], &rows, 0);
}

fn objects(messages: &[Delivered], letters: &[Delivery]) -> Vec<Value> {
    messages.iter().map(|one| object(one, letters)).collect()
}

fn object(one: &Delivered, letters: &[Delivery]) -> Value {
    json!({
        "id": one.id, "channel": one.channel, "created_at": one.created_at, "state": one.state,
        "letters": fate(one, letters), "attempts": one.attempts, "next_attempt_at": one.next_at,
        "error": one.error, "summary": one.summary,
    })
}
