//! Sending what is queued: at once, again later with growing pauses, and in the end not at all
//! (the dead letter, which stays in the record with its error).
//!
//! Each channel is sent to by itself, on a thread and under a lock of its own, so that a receiver
//! that hangs holds up nobody else; a channel that another process sends to is left to it. A receiver
//! that does not answer is left alone for a growing while with all its messages, by every process.
//!
//! Mail is put in line, one letter a recipient, and sent by [`crate::mail`]; to do so twice changes
//! nothing, so that a message whose sender was killed is neither lost nor doubled.
//!
//! Every attempt of a message carries the same `Idempotency-Key`. A generic webhook is signed:
//! `X-Lakeledger-Signature: v1=` and the HMAC-SHA256, in hexadecimal digits, of
//! `X-Lakeledger-Timestamp`, a full stop and the body; the timestamp is the attempt's, in
//! seconds, so that a receiver can refuse old ones.

use std::error::Error as _;
use std::path::Path;
use std::time::Duration;

use chrono::TimeDelta;
use hmac::{Hmac, KeyInit as _, Mac as _};
use model::time::Instant;
use serde_json::Value;

use super::record::{Alerts, Pending, RecordError};
use super::webhook::{Http, TIMEOUT, WebhookError};
use super::{Channel, ChannelKind, Watch, letter, notice};
use crate::mail::{MailError, Outbox, Queued};
use crate::weekly::TEST;

/// Age at which a message that cannot be sent is given up: as long as a letter has, and longer than a
/// weekend.
const MOST_AGE: TimeDelta = TimeDelta::days(5);
/// Pauses before the second attempt, the third and so on; the last holds for all later ones.
const PAUSES: [i64; 6] = [5, 30, 120, 600, 3_600, 6 * 3_600];
/// Longest pause a receiver may ask for.
const MOST_PAUSE: i64 = 24 * 3_600;

/// How long letters about alerts, and those sent to try a server, are kept in the record of mail.
const KEPT_LETTERS: TimeDelta = TimeDelta::days(365);

/// Longest time in which new messages of one channel are begun in one round; what is left waits for
/// the next.
const MOST_ROUND: Duration = Duration::from_secs(120);

/// What became of messages that were due.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delivery {
    /// Arrived.
    pub sent: usize,
    /// Letters put in line.
    pub mailed: usize,
    /// Failed, and tried again later, with why.
    pub put_off: Vec<String>,
    /// Given up, with why.
    pub dead: Vec<String>,
    /// Wait still.
    pub waiting: usize,
    /// When the next of those is due.
    pub next_at: Option<Instant>,
}

/// Sends what is due, and what becomes due within `patience`.
///
/// # Errors
/// When the record cannot be written. What was taken and not noted is sent again, with the same
/// key.
pub fn deliver(
    record: &mut Alerts,
    watch: &Watch,
    clock: fn() -> Instant,
    patience: Duration,
) -> Result<Delivery, RecordError> {
    let ledger = record.ledger().to_owned();
    let channels = record.awaited()?;
    let rounds: Vec<Result<Delivery, RecordError>> = std::thread::scope(|scope| {
        let ledger = ledger.as_path();
        let begun = channels
            .iter()
            .map(|channel| scope.spawn(move || round(ledger, watch, channel, clock, patience)));
        let threads: Vec<_> = begun.collect();
        let ended = threads.into_iter().map(|thread| match thread.join() {
            Ok(round) => round,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        ended.collect()
    });
    let mut delivery = Delivery::default();
    // What others did is told also where one record could not be written.
    let mut failed = None;
    for round in rounds {
        match round {
            Ok(round) => delivery.add(round),
            Err(error) => failed = Some(error),
        }
    }
    match failed {
        Some(error) => Err(error),
        None => Ok(Delivery { waiting: record.waiting()?, next_at: record.next_due(None)?, ..delivery }),
    }
}

/// Sends what one channel is to be told; nothing where another process is about it.
fn round(
    ledger: &Path,
    watch: &Watch,
    channel: &str,
    clock: fn() -> Instant,
    patience: Duration,
) -> Result<Delivery, RecordError> {
    let began = std::time::Instant::now();
    let give_up_at = clock() + TimeDelta::from_std(patience).unwrap_or(TimeDelta::zero());
    let mut delivery = Delivery::default();
    let mut record = Alerts::open(ledger)?;
    let mut sender = record.sender(channel)?;
    if sender.is_none() {
        // Whoever only looks whether anything is due holds it for a moment.
        std::thread::sleep(Duration::from_millis(50));
        sender = record.sender(channel)?;
    }
    let Some(_sender) = sender else { return Ok(delivery) };
    let mut http = None;
    loop {
        if began.elapsed() > MOST_ROUND {
            return Ok(delivery);
        }
        let Some(pending) = record.take(channel, clock())? else {
            // Nothing is due: what is so within the patience is waited for.
            let next = record.next_due(Some(channel))?;
            let Some(due) = next.filter(|due| *due <= give_up_at) else { return Ok(delivery) };
            let pause = (due - clock()).max(TimeDelta::milliseconds(20));
            std::thread::sleep(pause.to_std().unwrap_or_default());
            continue;
        };
        attempt(&mut record, watch, &mut http, &pending, clock, &mut delivery)?;
    }
}

impl Delivery {
    fn add(&mut self, more: Self) {
        self.sent += more.sent;
        self.mailed += more.mailed;
        self.put_off.extend(more.put_off);
        self.dead.extend(more.dead);
    }
}

fn attempt(
    record: &mut Alerts,
    watch: &Watch,
    http: &mut Option<Http>,
    pending: &Pending,
    clock: fn() -> Instant,
    delivery: &mut Delivery,
) -> Result<(), RecordError> {
    let said = |why: &str| format!("{}: {} ({why})", pending.channel, pending.summary);
    let channel = watch.channels.iter().find(|channel| channel.name == pending.channel);
    let channel = channel.ok_or("the channel is configured no longer").and_then(|channel| {
        let is_worded = notice::is_worded_for(&channel.kind, &pending.body);
        is_worded.then_some(channel).ok_or("the channel is of another kind now")
    });
    let channel = match channel {
        Ok(channel) => channel,
        Err(why) => {
            delivery.dead.push(said(why));
            return record.give_up(&pending.id, why, clock());
        }
    };
    let sent = send(record, watch, http, channel, pending, clock());
    let now = clock();
    let error = match sent {
        Ok(Sent::Arrived) => {
            delivery.sent += 1;
            record.answered(&pending.channel)?;
            return record.arrived(&pending.id, now);
        }
        Ok(Sent::InLine(letters)) => {
            delivery.mailed += letters;
            return record.mailed(&pending.id, now);
        }
        Err(error) => error,
    };
    let why = chain(&error);
    let own = now + pause(pending.attempts, &error);
    let next_at = match error.is_of_channel() {
        true => record.leave_alone(&pending.channel, now, |failures| pause(failures, &error))?.max(own),
        false => own,
    };
    if !error.may_pass() || now - pending.tried_since > MOST_AGE {
        delivery.dead.push(said(&why));
        return record.give_up(&pending.id, &why, now);
    }
    delivery.put_off.push(said(&why));
    record.put_off(&pending.id, &why, next_at)
}

/// Why an attempt came to nothing.
#[derive(Debug, thiserror::Error)]
enum Fault {
    /// A receiver, or the way to it.
    #[error(transparent)]
    Web(#[from] WebhookError),
    /// The record of mail, or there is no server.
    #[error(transparent)]
    Mail(#[from] MailError),
}

impl Fault {
    /// Whether another attempt may succeed.
    fn may_pass(&self) -> bool {
        match self {
            Self::Web(error) => error.may_pass(),
            // A disk has room again, or somebody names a server.
            Self::Mail(error) => !matches!(error, MailError::Compose { .. }),
        }
    }
}

impl Fault {
    /// Whether the receiver would take no other message either.
    fn is_of_channel(&self) -> bool {
        match self {
            Self::Web(WebhookError::Reach(_) | WebhookError::Slow(_)) => true,
            Self::Web(WebhookError::Refused { status, .. }) => matches!(
                *status,
                hyper::StatusCode::TOO_MANY_REQUESTS
                    | hyper::StatusCode::BAD_GATEWAY
                    | hyper::StatusCode::SERVICE_UNAVAILABLE
                    | hyper::StatusCode::GATEWAY_TIMEOUT
            ),
            _ => false,
        }
    }
}

/// How long to wait after so many attempts; as long as the receiver asks for, where it does.
fn pause(attempts: u32, error: &Fault) -> TimeDelta {
    let at = usize::try_from(attempts.saturating_sub(1)).unwrap_or(usize::MAX).min(PAUSES.len() - 1);
    let asked = match error {
        Fault::Web(WebhookError::Refused { retry_after: Some(seconds), .. }) => {
            i64::try_from(*seconds).unwrap_or(MOST_PAUSE)
        }
        _ => 0,
    };
    TimeDelta::seconds(PAUSES[at].max(asked.min(MOST_PAUSE)))
}

/// How a message went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sent {
    /// The receiver has it.
    Arrived,
    /// It is so many letters more in line.
    InLine(usize),
}

fn send(
    record: &Alerts,
    watch: &Watch,
    http: &mut Option<Http>,
    channel: &Channel,
    pending: &Pending,
    now: Instant,
) -> Result<Sent, Fault> {
    if let ChannelKind::Email { .. } = &channel.kind {
        return Ok(Sent::InLine(put_in_line(record, watch, channel, pending, now)?));
    }
    Ok(post(http, &channel.kind, pending, now).map(|()| Sent::Arrived)?)
}

/// Puts a message's letters in line, whoever sends mail meanwhile; how many were not yet.
fn put_in_line(
    record: &Alerts,
    watch: &Watch,
    channel: &Channel,
    pending: &Pending,
    now: Instant,
) -> Result<usize, MailError> {
    let sender = watch.sender.as_ref().ok_or(MailError::NoServer)?;
    let letters = letter::letters(watch, channel, pending, sender)?;
    let mut outbox = Outbox::open(record.ledger())?;
    let mut queued = 0;
    for letter in &letters {
        queued += usize::from(outbox.queue(letter, now)? == Queued::New);
    }
    // What cannot be deleted now is tried with the next message: nobody waits to be told for that.
    let _ = outbox.forget(&[letter::REPORT, TEST], now - KEPT_LETTERS);
    Ok(queued)
}

/// Posts a message to the address of its channel.
fn post(
    http: &mut Option<Http>,
    channel: &ChannelKind,
    pending: &Pending,
    now: Instant,
) -> Result<(), WebhookError> {
    let mut headers = vec![("idempotency-key", pending.id.clone())];
    let (url, body) = match channel {
        ChannelKind::Slack { url } => (url.read()?, pending.body.clone()),
        ChannelKind::PagerDuty { url, routing_key } => {
            (url.clone(), keyed(&pending.body, &routing_key.read()?))
        }
        ChannelKind::Webhook { url, key } => {
            let timestamp = now.timestamp().to_string();
            if let Some(key) = key {
                let signature = signature(&key.read()?, &timestamp, &pending.body);
                headers.push(("x-lakeledger-signature", format!("v1={signature}")));
            }
            headers.push(("x-lakeledger-timestamp", timestamp));
            (url.read()?, pending.body.clone())
        }
        ChannelKind::Email { .. } => return Err(WebhookError::NoAddress),
    };
    let client = http.take().map_or_else(|| Http::new(TIMEOUT), Ok)?;
    http.insert(client).post(&url, &headers, &body)
}

/// An event with its integration's key.
fn keyed(body: &str, routing_key: &str) -> String {
    match serde_json::from_str(body) {
        Ok(Value::Object(mut event)) => {
            event.insert("routing_key".to_owned(), routing_key.into());
            Value::Object(event).to_string()
        }
        // What this build queued is an object; anything else the receiver refuses.
        _ => body.to_owned(),
    }
}

/// HMAC-SHA256 of timestamp, full stop and body, in hexadecimal digits.
fn signature(key: &str, timestamp: &str, body: &str) -> String {
    // A key of any length is one.
    let Ok(mut mac) = Hmac::<sha2::Sha256>::new_from_slice(key.as_bytes()) else { return String::new() };
    mac.update(timestamp.as_bytes());
    mac.update(b".");
    mac.update(body.as_bytes());
    mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// An error and its causes in one line.
fn chain(error: &Fault) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(&format!(": {inner}"));
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests;
