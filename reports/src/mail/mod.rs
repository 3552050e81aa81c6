//! Mail that leaves the house: letters are composed once, archived, recorded in `state.sqlite`,
//! and given to an SMTP server command by command, so that it is known of each of them whether
//! it left.
//!
//! Invariants: an envelope has one recipient; of a report, a period, a team and a recipient
//! there is one letter for ever; what may have left is never sent again by itself. One process
//! sends at a time, whoever asks; it may be killed at any instant.
//!
//! Read in this order: [`Address`], [`Smtp`], [`compose`], [`SenderLock`], [`Outbox`],
//! [`deliver`].

mod address;
mod archive;
mod compose;
mod deliver;
mod error;
mod lock;
mod outbox;
mod session;
mod smtp;

pub use address::Address;
pub use archive::prune;
pub use compose::{Enclosure, Head, Unsubscribe, compose, message_id};
pub use deliver::{Delivered, deliver};
pub use error::MailError;
pub use lock::SenderLock;
pub use outbox::{Delivery, Letter, Outbox, Queued, Reported, State, Withheld};
pub use smtp::{Password, Security, Smtp};
