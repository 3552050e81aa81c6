//! Sends what is in line.
//!
//! Of each letter the record says *sending* after the server asked for it and before the first
//! byte of it goes, and *sent* after the server's answer. A crash before the one means that
//! nothing was taken; between the two, that nobody knows: such a letter is *doubtful*, is named,
//! and is sent again only when a person says so.

use std::time::Duration;

use chrono::TimeDelta;
use model::time::Instant;

use super::session::{Failed, Session};
use super::{Delivery, MailError, Outbox, SenderLock, Smtp, State, archive};

/// The longest wait between two attempts.
const LONGEST_WAIT: Duration = Duration::from_secs(6 * 60 * 60);
/// Days of answers such as "try later" after which a person must look (RFC 5321, section 4.5.4.1,
/// asks for four or five).
const PATIENCE: TimeDelta = TimeDelta::days(5);

/// What a round of sending came to.
#[derive(Debug, Default)]
pub struct Delivered {
    /// Letters that were tried or waited, as they are now.
    pub letters: Vec<Delivery>,
    /// Found on the way: letters whose sender had died while handing them over.
    pub stranded: Vec<Delivery>,
    /// Why the server could not be used, when it could not.
    pub halted: Option<MailError>,
    /// Why the server took none of the rest, in its words.
    pub halted_by: Option<String>,
}

impl Delivered {
    /// How many letters are in a state now.
    pub fn count(&self, state: State) -> usize {
        self.letters.iter().filter(|letter| letter.state == state).count()
    }

    /// Whether every letter went.
    pub fn is_all_sent(&self) -> bool {
        self.stranded.is_empty() && self.letters.iter().all(|letter| letter.state == State::Sent)
    }
}

/// Sends every letter that is due; `all` disregards waits after failed attempts. `told` hears of
/// each as it is settled.
///
/// # Errors
/// When the record or the archive fails. That the server fails is no error: letters wait.
pub fn deliver(
    outbox: &mut Outbox,
    lock: &SenderLock,
    smtp: &Smtp,
    all: bool,
    clock: impl Fn() -> Instant,
    mut told: impl FnMut(&Delivery),
) -> Result<Delivered, MailError> {
    let mut delivered = Delivered { stranded: outbox.doubt_stranded(lock, clock())?, ..Delivered::default() };
    let mut session: Option<Session<'_>> = None;
    for mut letter in outbox.due(clock(), all)? {
        if delivered.halted.is_none() && delivered.halted_by.is_none() {
            if session.as_ref().is_none_or(Session::is_broken) {
                match Session::open(smtp) {
                    Ok(open) => session = Some(open),
                    Err(error) => (session, delivered.halted) = (None, Some(error)),
                }
            }
            if let Some(session) = &mut session {
                let outcome = send(outbox, session, &letter, &clock)?;
                if let Err(Failed::Halted(reason)) = &outcome {
                    delivered.halted_by = Some(reason.clone());
                }
                settle(outbox, smtp, &mut letter, outcome, clock())?;
                told(&letter);
                delivered.letters.push(letter);
                continue;
            }
        }
        let reason = match (&delivered.halted, &delivered.halted_by) {
            (Some(error), _) => error.to_string(),
            (None, reason) => reason.clone().unwrap_or_default(),
        };
        settle(outbox, smtp, &mut letter, Err(Failed::Halted(reason)), clock())?;
        delivered.letters.push(letter);
    }
    if let Some(session) = session {
        session.close();
    }
    Ok(delivered)
}

/// Offers one letter and hands it over, with the intent recorded in between.
fn send(
    outbox: &mut Outbox,
    session: &mut Session<'_>,
    letter: &Delivery,
    clock: impl Fn() -> Instant,
) -> Result<Result<String, Failed>, MailError> {
    let content = match archive::read(outbox.ledger(), &letter.archive) {
        Ok(content) => content,
        // Without its file it cannot be sent, and must not keep the others from it.
        Err(error) => return Ok(Err(Failed::Refused(format!("its archived file is gone: {error}")))),
    };
    if let Err(failed) = session.offer(&letter.recipient) {
        return Ok(Err(failed));
    }
    outbox.record(letter.id, State::Sending, None, None, clock())?;
    Ok(session.hand_over(&content))
}

/// Records what became of a letter.
fn settle(
    outbox: &mut Outbox,
    smtp: &Smtp,
    letter: &mut Delivery,
    outcome: Result<String, Failed>,
    now: Instant,
) -> Result<(), MailError> {
    letter.attempts += 1;
    (letter.next_attempt_at, letter.updated_at) = (None, now);
    let (state, note) = match outcome {
        Ok(answer) => (State::Sent, answer),
        Err(Failed::Refused(reason)) => (State::Refused, reason),
        Err(Failed::Doubtful(reason)) => (State::Doubtful, reason),
        // It is no letter's fault that the server is away: none is given up for it.
        Err(Failed::Later(reason)) if now - letter.queued_at > PATIENCE => {
            (State::Refused, format!("given up after {} attempts: {reason}", letter.attempts))
        }
        Err(Failed::Later(reason) | Failed::Halted(reason)) => {
            letter.next_attempt_at = Some(now + wait(smtp.first_retry, letter.attempts));
            (State::Retry, reason)
        }
    };
    outbox.record(letter.id, state, Some(&note), letter.next_attempt_at, now)?;
    (letter.state, letter.note) = (state, Some(note));
    Ok(())
}

/// How long to wait after so many attempts.
fn wait(first: Duration, attempts: u32) -> TimeDelta {
    let wait =
        first.saturating_mul(4_u32.saturating_pow(attempts.saturating_sub(1))).min(LONGEST_WAIT.max(first));
    TimeDelta::from_std(wait).unwrap_or(TimeDelta::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_end_at_six_hours() {
        let minutes = |attempts| wait(Duration::from_secs(60), attempts).num_minutes();
        assert_eq!([1, 2, 3, 4, 5, 6, 60].map(minutes), [1, 4, 16, 64, 256, 360, 360]);
    }
}
