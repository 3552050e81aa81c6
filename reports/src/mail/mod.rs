//! Mail that leaves the house: letters are composed once, archived, recorded in `state.sqlite`,
//! and given to an SMTP server command by command, so that it is known of each of them whether
//! it left.
//!
//! Invariants: an envelope has one recipient; of a report, a period, a team and a recipient
//! there is one letter for ever; what may have left is never sent again by itself. One process
//! sends at a time, whoever asks; it may be killed at any instant. To put letters in line nobody
//! who sends is waited for.
//!
//! Read in this order: [`Address`], [`Smtp`], [`compose`], [`Draft`], [`Outbox`], [`SenderLock`],
//! [`readdress`], [`deliver`].

mod address;
mod archive;
mod compose;
mod deliver;
mod draft;
mod error;
mod lock;
mod outbox;
mod readdress;
mod session;
mod smtp;

pub use address::Address;
pub use compose::{Enclosure, Head, Unsubscribe, compose, message_id};
pub use deliver::{Delivered, deliver};
pub use draft::Draft;
pub use error::MailError;
pub use lock::SenderLock;
pub use outbox::{Delivery, Letter, Outbox, Queued, Reported, State, Withheld};
pub use readdress::{Recipients, readdress};
pub use smtp::{Password, Security, Smtp};
