//! `report weekly --send` and letters about alerts: puts letters in line and sends what is.

use std::process::ExitCode;

use reports::alert::letter;
use reports::mail::{
    Delivered, Delivery, Letter, MailError, Outbox, Queued, SenderLock, Smtp, State, Withheld, deliver,
    readdress,
};
use reports::weekly::{
    DIGEST, Digest, DigestError, Mailing, Postage, REPORT, TEST, Weekly, digest_letters, digest_material,
    letters, material, test_letter,
};

use super::{mail_failure, recipients};
use crate::args;
use crate::command::now;
use crate::config::Config;
use crate::printer::{Failure, chain, remark, say};

/// Letters sent as tests that are kept.
const KEPT_TESTS: usize = 20;

/// Fails before any work where nothing could be sent.
pub(super) fn prepare(config: &Config) -> Result<(), Failure> {
    smtp(config).map(|_| ())
}

fn smtp(config: &Config) -> Result<&Smtp, Failure> {
    config.smtp.as_ref().ok_or(MailError::NoServer).map_err(mail_failure)
}

/// Puts the letters of reports in line, for who gets them or for the one address given; says how
/// many are new there.
pub(super) fn queue(config: &Config, weeklies: &[Weekly], options: &args::Weekly) -> Result<usize, Failure> {
    let mut outbox = Outbox::open(&config.ledger).map_err(mail_failure)?;
    for (state, is_asked) in
        [(State::Doubtful, options.resend_doubtful), (State::Refused, options.resend_refused)]
    {
        if is_asked {
            let again = outbox.requeue(&[REPORT, DIGEST, TEST], state, now()).map_err(mail_failure)?;
            say(format!("{again} {state} put in line again"));
        }
    }
    let queued = match &options.to {
        Some(to) => {
            let postage = postage(config)?;
            for weekly in weeklies {
                let letter = test_letter(weekly, to, postage).map_err(mail_failure)?;
                outbox.queue(&letter, now()).map_err(mail_failure)?;
            }
            weeklies.len()
        }
        // Of one team's report asked for alone there is no digest.
        None => queue_those(config, weeklies, &|report, _| report == REPORT || options.team.is_none())?,
    };
    let keep_weeks = config.reports.keep_weeks;
    for (report, keep) in [(REPORT, keep_weeks), (DIGEST, keep_weeks), (TEST, KEPT_TESTS)] {
        outbox.prune(report, keep).map_err(mail_failure)?;
    }
    Ok(queued)
}

/// Puts the letters of those reports of a week and of those digests in line that are asked for by
/// their kind and by whose they are; says how many are new there.
pub(super) fn queue_those(
    config: &Config,
    weeklies: &[Weekly],
    is_asked: &dyn Fn(&str, Option<&str>) -> bool,
) -> Result<usize, Failure> {
    let mut outbox = Outbox::open(&config.ledger).map_err(mail_failure)?;
    let postage = postage(config)?;
    let mut queued = 0;
    for weekly in weeklies.iter().filter(|weekly| is_asked(REPORT, weekly.team.as_deref())) {
        outbox.keep_reported(&weekly.reported()).map_err(mail_failure)?;
        queued += report(&mut outbox, config, weekly, postage)?;
    }
    for one in config.reports.digests.iter().filter(|one| is_asked(DIGEST, Some(one.name.as_str()))) {
        queued += digest(&mut outbox, config, one, weeklies, postage)?;
    }
    Ok(queued)
}

fn postage(config: &Config) -> Result<Postage<'_>, Failure> {
    Ok(Postage { smtp: smtp(config)?, unsubscribe: config.reports.unsubscribe.as_ref(), now: now() })
}

/// Sends everything that is in line, also what would wait after a failed attempt.
pub(super) fn all(config: &Config) -> Result<ExitCode, Failure> {
    let smtp = smtp(config)?;
    sent(config, smtp, &lock(config)?, true)
}

/// Puts a report's letters in line, or says why it is not mailed.
fn report(
    outbox: &mut Outbox,
    config: &Config,
    weekly: &Weekly,
    postage: Postage<'_>,
) -> Result<usize, Failure> {
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
        return outbox.withhold(&withheld).map(|()| 0).map_err(mail_failure);
    }
    put_in_line(outbox, whose, &letters)
}

/// Puts a digest's letters in line, or says why it is not mailed.
fn digest(
    outbox: &mut Outbox,
    config: &Config,
    digest: &Digest,
    weeklies: &[Weekly],
    postage: Postage<'_>,
) -> Result<usize, Failure> {
    let of = |team: &String| weeklies.iter().find(|weekly| weekly.team.as_ref() == Some(team));
    let reports: Vec<&Weekly> = digest.teams.iter().filter_map(of).collect();
    let Some(first) = reports.first() else { return Ok(0) };
    if let Err(reason) = digest_material(digest, &reports, &config.reports.materiality) {
        say(format!("not mailed: the digest {}, {}: {reason}", digest.name, first.week));
        let (team, period) = (Some(digest.name.clone()), first.week.clone());
        let withheld = Withheld { report: DIGEST.to_owned(), period, team, reason, at: now() };
        return outbox.withhold(&withheld).map(|()| 0).map_err(mail_failure);
    }
    let letters = digest_letters(digest, &reports, postage).map_err(|error| match error {
        DigestError::Mail(error) => mail_failure(error),
        DigestError::Report(error) => super::failure(error),
    })?;
    put_in_line(outbox, &digest.name, &letters)
}

/// Puts letters in line, and says which went already; gives how many are new there.
fn put_in_line(outbox: &mut Outbox, whose: &str, letters: &[Letter]) -> Result<usize, Failure> {
    let mut queued = 0;
    for letter in letters {
        match outbox.queue(letter, now()).map_err(mail_failure)? {
            Queued::New => queued += 1,
            Queued::Known(known) if known.state == State::Sent => say(format!(
                "already sent: {whose}, {} to {} on {}",
                known.period,
                known.recipient.email(),
                known.updated_at.format("%Y-%m-%d %H:%M UTC")
            )),
            Queued::Known(_) => {}
        }
    }
    Ok(queued)
}

/// Sends what is in line and due, where a mail server is configured; whoever sends already is
/// waited for. True when something waits still.
pub fn outbox(config: &Config) -> Result<bool, Failure> {
    let Some((smtp, is_due)) = due(config)? else { return Ok(false) };
    let lock = match is_due {
        true => Some(lock(config)?),
        false => SenderLock::try_acquire(&config.ledger).map_err(mail_failure)?,
    };
    let Some(lock) = lock else { return Ok(false) };
    Ok(sent(config, smtp, &lock, false)? != ExitCode::SUCCESS)
}

/// The same, for who looks every minute: whoever sends already is left to it.
pub fn outbox_unless_sending(config: &Config) -> Result<bool, Failure> {
    let Some((smtp, _)) = due(config)? else { return Ok(false) };
    let Some(lock) = SenderLock::try_acquire(&config.ledger).map_err(mail_failure)? else {
        remark("another process sends mail");
        return Ok(false);
    };
    Ok(sent(config, smtp, &lock, false)? != ExitCode::SUCCESS)
}

/// The server, where there is one, and whether a letter is due; nothing where none is, and none was
/// left by a process that died while it sent it.
fn due(config: &Config) -> Result<Option<(&Smtp, bool)>, Failure> {
    let Some(smtp) = &config.smtp else { return Ok(None) };
    let mut outbox = Outbox::open(&config.ledger).map_err(mail_failure)?;
    outbox.prune(letter::REPORT, letter::KEPT).map_err(mail_failure)?;
    let is_due = !outbox.due(now(), false).map_err(mail_failure)?.is_empty();
    let is_left = is_due || outbox.is_sending().map_err(mail_failure)?;
    Ok(is_left.then_some((smtp, is_due)))
}

fn lock(config: &Config) -> Result<SenderLock, Failure> {
    SenderLock::acquire(&config.ledger, |holder| say(format!("waiting for {holder}, which is sending mail")))
        .map_err(mail_failure)
}

/// Puts letters about alerts that were refused, and those that are doubtful where that is asked
/// for, in line again; says how many.
pub fn requeue_alerts(config: &Config, is_doubtful_asked: bool) -> Result<usize, Failure> {
    if config.smtp.is_none() {
        return Ok(0);
    }
    let mut outbox = Outbox::open(&config.ledger).map_err(mail_failure)?;
    let states = [Some(State::Refused), is_doubtful_asked.then_some(State::Doubtful)];
    let mut again = 0;
    for state in states.into_iter().flatten() {
        again += outbox.requeue(&[letter::REPORT], state, now()).map_err(mail_failure)?;
    }
    Ok(again)
}

/// Sends, to who is configured now, and says of each letter what became of it: 1 where one did
/// not go.
fn sent(config: &Config, smtp: &Smtp, lock: &SenderLock, all: bool) -> Result<ExitCode, Failure> {
    let mut outbox = Outbox::open(&config.ledger).map_err(mail_failure)?;
    let of = |letter: &Delivery| recipients::of(config, letter);
    for letter in readdress(&mut outbox, lock, smtp, all, of, now()).map_err(mail_failure)? {
        told(&letter);
    }
    let delivered = deliver(&mut outbox, lock, smtp, all, now, told).map_err(mail_failure)?;
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
        State::Dropped => say(format!("dropped   {to}: {subject}: {note}")),
        _ => say(format!("waits     {to}: {subject}: {note}{}", again(letter))),
    }
}

fn again(letter: &Delivery) -> String {
    let at = letter.next_attempt_at.map(|at| at.format("%Y-%m-%d %H:%M UTC").to_string());
    at.map(|at| format!("; next attempt from {at}")).unwrap_or_default()
}

/// A letter that may have arrived is named loudly: it is a person's to decide.
fn doubt(letter: &Delivery) -> String {
    let command = match letter.report.as_str() {
        letter::REPORT => "lakeledger alerts retry --doubtful",
        _ => "lakeledger report weekly --send --resend-doubtful",
    };
    format!(
        "DOUBTFUL  {to}: {subject}: {note}.\n          It may have arrived, and is not sent again by itself. Look for \
         Message-ID <{id}> in the mail server's log;\n          if it is not there, send it with `{command}`.",
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
