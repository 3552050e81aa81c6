//! `report weekly --send`: puts letters in line and sends what is.

use std::process::ExitCode;

use reports::mail::{
    Delivered, Delivery, MailError, Outbox, Queued, SenderLock, Smtp, State, Withheld, deliver, prune,
};
use reports::weekly::{Mailing, Postage, REPORT, TEST, Weekly, letters, material, test_letter};

use super::mail_failure;
use crate::args;
use crate::command::now;
use crate::config::Config;
use crate::printer::{Failure, chain, say};

/// Letters sent as tests that are kept.
const KEPT_TESTS: usize = 20;

/// Fails before any work where nothing could be sent.
pub(super) fn prepare(config: &Config) -> Result<(), Failure> {
    smtp(config).map(|_| ())
}

fn smtp(config: &Config) -> Result<&Smtp, Failure> {
    config.smtp.as_ref().ok_or(MailError::NoServer).map_err(mail_failure)
}

/// Sends reports to who gets them, or to the one address given.
pub(super) fn run(config: &Config, weeklies: &[Weekly], options: &args::Weekly) -> Result<ExitCode, Failure> {
    let smtp = smtp(config)?;
    let lock = lock(config)?;
    let mut outbox = Outbox::open(&config.ledger).map_err(mail_failure)?;
    let postage = Postage { smtp, unsubscribe: config.reports.unsubscribe.as_ref(), now: now() };
    for (state, is_asked) in
        [(State::Doubtful, options.resend_doubtful), (State::Refused, options.resend_refused)]
    {
        if is_asked {
            let again = outbox.requeue(&lock, state, now()).map_err(mail_failure)?;
            say(format!("{again} {state} put in line again"));
        }
    }
    for weekly in weeklies {
        match &options.to {
            Some(to) => {
                let letter = test_letter(weekly, to, postage).map_err(mail_failure)?;
                outbox.queue(&lock, &letter, now()).map_err(mail_failure)?;
            }
            None => {
                outbox.keep_reported(&weekly.reported()).map_err(mail_failure)?;
                queue(&mut outbox, &lock, config, weekly, postage)?;
            }
        }
    }
    for (report, keep) in [(REPORT, config.reports.keep_weeks), (TEST, KEPT_TESTS)] {
        prune(&config.ledger, report, keep).map_err(mail_failure)?;
    }
    sent(&mut outbox, &lock, smtp, true)
}

/// Puts a report's letters in line, or says why it is not mailed.
fn queue(
    outbox: &mut Outbox,
    lock: &SenderLock,
    config: &Config,
    weekly: &Weekly,
    postage: Postage<'_>,
) -> Result<(), Failure> {
    let nobody = Mailing::default();
    let mailing = match &weekly.team {
        None => &config.reports.platform,
        Some(team) => config.reports.teams.get(team).unwrap_or(&nobody),
    };
    let whose = weekly.team.as_deref().unwrap_or("the platform");
    let letters = letters(weekly, mailing, postage).map_err(mail_failure)?;
    let verdict = match letters.is_empty() {
        true => Err("nobody gets it: the configuration names no address".to_owned()),
        false => material(weekly, mailing.when, &config.reports.materiality),
    };
    if let Err(reason) = verdict {
        say(format!("not mailed: {whose}, {}: {reason}", weekly.week));
        let (team, period) = (weekly.team.clone(), weekly.week.clone());
        let withheld = Withheld { report: REPORT.to_owned(), period, team, reason, at: now() };
        return outbox.withhold(&withheld).map_err(mail_failure);
    }
    for letter in &letters {
        if let Queued::Known(known) = outbox.queue(lock, letter, now()).map_err(mail_failure)?
            && known.state == State::Sent
        {
            say(format!(
                "already sent: {whose}, {} to {} on {}",
                weekly.week,
                known.recipient.email(),
                known.updated_at.format("%Y-%m-%d %H:%M UTC")
            ));
        }
    }
    Ok(())
}

/// Sends what waits in line and is due, where a mail server is configured: what the scheduler
/// does between reports. True when something waits still.
pub fn outbox(config: &Config) -> Result<bool, Failure> {
    let Some(smtp) = &config.smtp else { return Ok(false) };
    let outbox = Outbox::open(&config.ledger).map_err(mail_failure)?;
    if outbox.due(now(), false).map_err(mail_failure)?.is_empty() {
        return Ok(false);
    }
    let lock = lock(config)?;
    let mut outbox = Outbox::open(&config.ledger).map_err(mail_failure)?;
    Ok(sent(&mut outbox, &lock, smtp, false)? != ExitCode::SUCCESS)
}

fn lock(config: &Config) -> Result<SenderLock, Failure> {
    SenderLock::acquire(&config.ledger, |holder| say(format!("waiting for {holder}, which is sending mail")))
        .map_err(mail_failure)
}

/// Sends, and says of each letter what became of it: 1 where one did not go.
fn sent(outbox: &mut Outbox, lock: &SenderLock, smtp: &Smtp, all: bool) -> Result<ExitCode, Failure> {
    let delivered = deliver(outbox, lock, smtp, all, now, told).map_err(mail_failure)?;
    for letter in &delivered.stranded {
        say(doubt(letter));
    }
    if let Some(error) = &delivered.halted {
        say(format!("error: {}", chain(error)));
        if let Some(hint) = error.hint() {
            say(format!("hint: {hint}"));
        }
    }
    if !delivered.letters.is_empty() {
        say(summary(&delivered));
    }
    Ok(ExitCode::from(u8::from(!delivered.is_all_sent())))
}

fn told(letter: &Delivery) {
    let (to, subject) = (letter.recipient.email(), &letter.subject);
    let note = letter.note.as_deref().unwrap_or_default();
    match letter.state {
        State::Sent => say(format!("sent      {to}: {subject}")),
        State::Refused => say(format!("refused   {to}: {subject}: {note}")),
        State::Doubtful => say(doubt(letter)),
        _ => say(format!("waits     {to}: {subject}: {note}{}", again(letter))),
    }
}

fn again(letter: &Delivery) -> String {
    let at = letter.next_attempt_at.map(|at| at.format("%Y-%m-%d %H:%M UTC").to_string());
    at.map(|at| format!("; next attempt from {at}")).unwrap_or_default()
}

/// A letter that may have arrived is named loudly: it is a person's to decide.
fn doubt(letter: &Delivery) -> String {
    format!(
        "DOUBTFUL  {to}: {subject}: {note}.\n          It may have arrived, and is not sent again by itself. Look for \
         Message-ID <{id}> in the mail server's log;\n          if it is not there, send it with `lakeledger report \
         weekly --send --resend-doubtful`.",
        to = letter.recipient.email(),
        subject = letter.subject,
        note = letter.note.as_deref().unwrap_or("the sending process ended before the server's answer"),
        id = letter.message_id,
    )
}

fn summary(delivered: &Delivered) -> String {
    let counts = [
        (State::Sent, "sent"),
        (State::Retry, "waiting for another attempt"),
        (State::Refused, "refused"),
        (State::Doubtful, "doubtful"),
    ];
    let parts: Vec<String> = counts
        .into_iter()
        .map(|(state, word)| (delivered.count(state), word))
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    format!("mail: {}", parts.join(", "))
}
