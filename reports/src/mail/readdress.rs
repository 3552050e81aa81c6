//! Letters that wait go to who the configuration names now: one whose recipient is named no
//! longer is dropped, and the same letter goes to whoever is named in its place.

use lettre::message::header::{Headers, To};
use lettre::message::{Mailboxes, header};
use model::time::Instant;

use super::outbox::Letter;
use super::{Address, Delivery, MailError, Outbox, Queued, SenderLock, Smtp, State, archive, message_id};

/// Who gets what a letter is about, as configured now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recipients {
    /// To whom it is.
    pub to: Vec<Address>,
    /// Who gets it for their information.
    pub cc: Vec<Address>,
}

impl Recipients {
    /// Everybody.
    pub fn all(&self) -> impl Iterator<Item = &Address> {
        self.to.iter().chain(&self.cc)
    }

    fn names(&self, address: &Address) -> bool {
        self.all().any(|one| one.key() == address.key())
    }
}

/// Drops letters that are due and whose recipient is configured no longer, and puts the same
/// letter in line for those named in its place; `of` says who they are, nothing where that
/// cannot be said. Gives those that were dropped.
///
/// # Errors
/// When the record or the archive fails.
pub fn readdress(
    outbox: &mut Outbox,
    _lock: &SenderLock,
    smtp: &Smtp,
    all: bool,
    of: impl Fn(&Delivery) -> Option<Recipients>,
    now: Instant,
) -> Result<Vec<Delivery>, MailError> {
    let mut dropped = Vec::new();
    for mut letter in outbox.due(now, all)? {
        let Some(recipients) = of(&letter).filter(|recipients| !recipients.names(&letter.recipient)) else {
            continue;
        };
        let mut instead = Vec::new();
        for address in recipients.all() {
            if let Some(other) = copy(outbox, smtp, &letter, &recipients, address)?
                && outbox.queue(&other, now)? == Queued::New
            {
                instead.push(address.email());
            }
        }
        let mut note = "the configuration names this recipient no longer".to_owned();
        if !instead.is_empty() {
            note.push_str(&format!("; it goes to {} instead", instead.join(", ")));
        }
        outbox.record(letter.id, State::Dropped, Some(&note), None, now)?;
        (letter.state, letter.note, letter.next_attempt_at) = (State::Dropped, Some(note), None);
        dropped.push(letter);
    }
    Ok(dropped)
}

/// A letter for somebody else; nothing where its file is gone or there is one for them.
fn copy(
    outbox: &Outbox,
    smtp: &Smtp,
    letter: &Delivery,
    recipients: &Recipients,
    recipient: &Address,
) -> Result<Option<Letter>, MailError> {
    let team = letter.team.as_deref();
    if outbox.find(&letter.report, &letter.period, team, recipient)?.is_some() {
        return Ok(None);
    }
    let Ok(content) = archive::read(outbox.ledger(), &letter.archive) else { return Ok(None) };
    let message_id = message_id(&letter.report, &letter.period, team, recipient, &smtp.from);
    let mark = message_id.split('@').next().and_then(|local| local.rsplit('.').next()).unwrap_or_default();
    let name = std::path::Path::new(&letter.archive).file_stem().and_then(|stem| stem.to_str());
    let name = name.and_then(|stem| stem.rsplit_once('-')).map_or("letter", |(name, _)| name);
    Ok(Some(Letter {
        report: letter.report.clone(),
        period: letter.period.clone(),
        team: letter.team.clone(),
        recipient: recipient.clone(),
        file: format!("{name}-{mark}"),
        subject: letter.subject.clone(),
        content: with_heads(&content, recipients, &message_id),
        message_id,
    }))
}

/// A letter of ours with other recipients in its heads and an id of its own; the rest stays, byte
/// for byte.
fn with_heads(letter: &[u8], recipients: &Recipients, message_id: &str) -> Vec<u8> {
    let end = letter.windows(4).position(|four| four == b"\r\n\r\n").map_or(letter.len(), |at| at + 2);
    let (heads, rest) = letter.split_at(end);
    let mut out = Vec::with_capacity(letter.len());
    let mut is_left_out = false;
    for line in heads.split_inclusive(|byte| *byte == b'\n') {
        // A line that begins with a blank goes on with the head before it.
        if !line.starts_with(b" ") && !line.starts_with(b"\t") {
            let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
            is_left_out = [&b"To"[..], b"Cc", b"Message-ID"].iter().any(|own| name.eq_ignore_ascii_case(own));
        }
        if !is_left_out {
            out.extend_from_slice(line);
        }
    }
    let mut own = Headers::new();
    let mailboxes = |addresses: &[Address]| addresses.iter().map(Address::mailbox).collect::<Mailboxes>();
    if !recipients.to.is_empty() {
        own.set(To::from(mailboxes(&recipients.to)));
    }
    if !recipients.cc.is_empty() {
        own.set(header::Cc::from(mailboxes(&recipients.cc)));
    }
    own.set(header::MessageId::from(format!("<{message_id}>")));
    out.extend_from_slice(own.to_string().as_bytes());
    out.extend_from_slice(rest);
    out
}

#[cfg(test)]
mod tests;
