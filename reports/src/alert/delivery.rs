//! Sending what is queued: at once, again later with growing pauses, and in the end not at all
//! (the dead letter, which stays in the record with its error).
//!
//! Every attempt of a message carries the same `Idempotency-Key`. A generic webhook is signed:
//! `X-Lakeledger-Signature: v1=` and the HMAC-SHA256, in hexadecimal digits, of
//! `X-Lakeledger-Timestamp`, a full stop and the body; the timestamp is the attempt's, in
//! seconds, so that a receiver can refuse old ones.

use std::error::Error as _;
use std::time::Duration;

use chrono::TimeDelta;
use hmac::{Hmac, KeyInit as _, Mac as _};
use model::time::Instant;
use serde_json::Value;

use super::record::{Alerts, Pending, RecordError};
use super::webhook::{Http, TIMEOUT, WebhookError};
use super::{Channel, ChannelKind, Watch};

/// Attempts after which a message is given up.
pub const MOST_ATTEMPTS: u32 = 8;
/// Pauses before the second attempt, the third and so on; the last holds for all later ones.
const PAUSES: [i64; 6] = [5, 30, 120, 600, 3_600, 6 * 3_600];
/// Longest pause a receiver may ask for.
const MOST_PAUSE: i64 = 24 * 3_600;

/// Why nothing could be sent.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryError {
    /// The record failed.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// There is no client.
    #[error(transparent)]
    Client(#[from] WebhookError),
}

impl DeliveryError {
    /// What to do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Record(error) => error.hint(),
            Self::Client(_) => None,
        }
    }
}

/// What became of messages that were due.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delivery {
    /// Arrived.
    pub sent: usize,
    /// Failed, and tried again later, with why.
    pub put_off: Vec<String>,
    /// Given up, with why.
    pub dead: Vec<String>,
}

/// Sends what is due, and what becomes due within `patience`.
///
/// # Errors
/// When the record cannot be written, or there is no client. What was taken and not noted is
/// sent again, with the same key.
pub fn deliver(
    record: &mut Alerts,
    watch: &Watch,
    clock: fn() -> Instant,
    patience: Duration,
) -> Result<Delivery, DeliveryError> {
    let give_up_at = clock() + TimeDelta::from_std(patience).unwrap_or(TimeDelta::zero());
    let mut delivery = Delivery::default();
    let _sender = record.sender()?;
    let mut http = None;
    loop {
        let Some(pending) = record.take(clock())? else {
            // Nothing is due: what is so within the patience is waited for.
            match record.next_due()?.filter(|due| *due <= give_up_at) {
                Some(due) => {
                    let pause = (due - clock()).max(TimeDelta::milliseconds(20));
                    std::thread::sleep(pause.to_std().unwrap_or_default());
                    continue;
                }
                None => return Ok(delivery),
            }
        };
        let http = match &http {
            Some(http) => http,
            None => http.insert(Http::new(TIMEOUT)?),
        };
        attempt(record, watch, http, &pending, clock, &mut delivery)?;
    }
}

fn attempt(
    record: &mut Alerts,
    watch: &Watch,
    http: &Http,
    pending: &Pending,
    clock: fn() -> Instant,
    delivery: &mut Delivery,
) -> Result<(), RecordError> {
    let said = |why: &str| format!("{}: {} ({why})", pending.channel, pending.summary);
    let Some(channel) = watch.channels.iter().find(|channel| channel.name == pending.channel) else {
        let why = "the channel is configured no longer";
        delivery.dead.push(said(why));
        return record.give_up(&pending.id, why, clock());
    };
    let sent = send(http, channel, pending, clock());
    let now = clock();
    let Err(error) = sent else {
        delivery.sent += 1;
        return record.arrived(&pending.id, now);
    };
    let why = chain(&error);
    if !error.may_pass() || pending.attempts >= MOST_ATTEMPTS {
        delivery.dead.push(said(&why));
        return record.give_up(&pending.id, &why, now);
    }
    delivery.put_off.push(said(&why));
    record.put_off(&pending.id, &why, now + pause(pending.attempts, &error))
}

/// How long to wait after so many attempts; as long as the receiver asks for, where it does.
fn pause(attempts: u32, error: &WebhookError) -> TimeDelta {
    let at = usize::try_from(attempts.saturating_sub(1)).unwrap_or(usize::MAX).min(PAUSES.len() - 1);
    let asked = match error {
        WebhookError::Refused { retry_after: Some(seconds), .. } => {
            i64::try_from(*seconds).unwrap_or(MOST_PAUSE)
        }
        _ => 0,
    };
    TimeDelta::seconds(PAUSES[at].max(asked.min(MOST_PAUSE)))
}

fn send(http: &Http, channel: &Channel, pending: &Pending, now: Instant) -> Result<(), WebhookError> {
    let mut headers = vec![("idempotency-key", pending.id.clone())];
    match &channel.kind {
        ChannelKind::Slack { url } => http.post(&url.read()?, &headers, &pending.body),
        ChannelKind::PagerDuty { url, routing_key } => {
            http.post(url, &headers, &keyed(&pending.body, &routing_key.read()?))
        }
        ChannelKind::Webhook { url, key } => {
            let timestamp = now.timestamp().to_string();
            if let Some(key) = key {
                let signature = signature(&key.read()?, &timestamp, &pending.body);
                headers.push(("x-lakeledger-signature", format!("v1={signature}")));
            }
            headers.push(("x-lakeledger-timestamp", timestamp));
            http.post(&url.read()?, &headers, &pending.body)
        }
    }
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
fn chain(error: &WebhookError) -> String {
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
