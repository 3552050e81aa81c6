//! `report deliveries`: the record of mail.

use std::process::ExitCode;

use reports::mail::{Delivery, Outbox, State, Withheld};
use reports::week;
use serde_json::{Value, json};

use super::{failure, mail_failure};
use crate::args::{Deliveries, Format};
use crate::config::{Config, nearest};
use crate::printer::{Failure, line, table};

/// The word of reports that were not mailed, beside the states of those that were.
const WITHHELD: &str = "withheld";

/// Lists letters, the newest first, and what was not worth one.
pub(super) fn run(config: &Config, options: &Deliveries) -> Result<ExitCode, Failure> {
    let words: Vec<&str> = State::ALL.iter().map(|state| state.name()).chain([WITHHELD]).collect();
    if let Some(state) = options.state.as_deref().filter(|state| !words.contains(state)) {
        let near = nearest(state, words.iter().copied()).map(|near| format!("did you mean `{near}`?"));
        let hint = near.unwrap_or_else(|| format!("one of {}", words.join(", ")));
        return Err(Failure::new(format!("`{state}` is no state of a delivery"), hint));
    }
    let week = options.week.as_deref().map(week::parse).transpose().map_err(failure)?.map(week::iso);
    let is_asked = |period: &str, team: Option<&str>, state: &str| {
        // A test's period is a week and a moment.
        week.as_deref().is_none_or(|week| period.starts_with(week))
            && options.team.as_deref().is_none_or(|asked| team == Some(asked))
            && options.state.as_deref().is_none_or(|asked| state == asked)
    };
    let outbox = Outbox::open(&config.ledger).map_err(mail_failure)?;
    let mut letters = outbox.deliveries().map_err(mail_failure)?;
    letters.retain(|one| is_asked(&one.period, one.team.as_deref(), one.state.name()));
    letters.truncate(options.limit);
    let mut withheld = outbox.withheld().map_err(mail_failure)?;
    withheld.retain(|one| is_asked(&one.period, one.team.as_deref(), WITHHELD));
    withheld.truncate(options.limit);
    match options.format {
        Format::Text => shown(&letters, &withheld),
        Format::Json => {
            let rows: Vec<Value> =
                letters.iter().map(object).chain(withheld.iter().map(withheld_object)).collect();
            line(serde_json::to_string_pretty(&rows)?);
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn shown(letters: &[Delivery], withheld: &[Withheld]) {
    let whose = |team: Option<&str>| team.unwrap_or("(platform)").to_owned();
    let minute = |at: model::time::Instant| at.format("%Y-%m-%d %H:%M").to_string();
    let letters = letters.iter().map(|one| {
        vec![
            one.report.clone(),
            one.period.clone(),
            whose(one.team.as_deref()),
            one.recipient.email(),
            one.state.to_string(),
            minute(one.updated_at),
            one.attempts.to_string(),
            one.note.clone().unwrap_or_default(),
        ]
    });
    let withheld = withheld.iter().map(|one| {
        vec![
            one.report.clone(),
            one.period.clone(),
            whose(one.team.as_deref()),
            "-".to_owned(),
            WITHHELD.to_owned(),
            minute(one.at),
            "0".to_owned(),
            one.reason.clone(),
        ]
    });
    let rows: Vec<Vec<String>> = letters.chain(withheld).collect();
    let head = ["report", "period", "team", "recipient", "state", "at (UTC)", "attempts", "note"];
    table(&head, &rows, 0);
}

fn object(one: &Delivery) -> Value {
    json!({
        "report": one.report, "period": one.period, "team": one.team, "recipient": one.recipient.email(),
        "state": one.state.name(), "attempts": one.attempts, "note": one.note, "subject": one.subject,
        "message_id": one.message_id, "archive": one.archive, "queued_at": one.queued_at,
        "updated_at": one.updated_at, "next_attempt_at": one.next_attempt_at,
    })
}

fn withheld_object(one: &Withheld) -> Value {
    json!({
        "report": one.report, "period": one.period, "team": one.team, "state": WITHHELD, "note": one.reason,
        "updated_at": one.at,
    })
}
