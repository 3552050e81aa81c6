//! Sessions of people who signed in with a token. They are looked up in memory and written to
//! the ledger's `state.sqlite` as they come and go, so that a restart signs nobody out. What
//! somebody may is their token's grant as the configuration has it at the start: without that
//! token there is no session.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Sender};
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;

use chrono::TimeDelta;
use model::time::Instant;
use reports::sessions::{self, SessionError, SessionRow};

use super::token::{TokenHash, hex, random};
use super::{By, Principal, Token};

/// A session gets another id when it is used after so long.
const ROTATED_AFTER: TimeDelta = TimeDelta::minutes(15);
/// How long the id before still counts, for requests that were on their way.
const GRACE: TimeDelta = TimeDelta::seconds(60);
/// A session nobody used for so long is over.
const IDLE: TimeDelta = TimeDelta::hours(4);
/// Most sessions at once: the one used longest ago makes room.
const MOST: usize = 10_000;

/// Who is signed in, by the hashes of their sessions' ids.
#[derive(Default)]
pub(super) struct Sessions {
    live: Mutex<HashMap<TokenHash, Session>>,
    /// Writes what survives a restart; nothing does without it.
    writer: Option<Writer>,
}

#[derive(Clone)]
struct Session {
    principal: Principal,
    /// The token it was opened with.
    token: TokenHash,
    /// Which signing-in it goes back to: ids of one are ended together.
    login: TokenHash,
    /// When it ends whatever happens.
    ends: Instant,
    issued: Instant,
    used: Instant,
    /// Whether another id took its place.
    replaced: bool,
}

/// A session that was recognised.
pub(super) struct Known {
    pub principal: Principal,
    /// The id to be used from now on, with the seconds it lives; nothing where it stays.
    pub rotated: Option<(String, i64)>,
}

impl Sessions {
    /// Those of a ledger's record that these tokens opened.
    pub fn kept(ledger: &Path, tokens: &[Token], now: Instant) -> Self {
        let rows = sessions::live(ledger, now).unwrap_or_else(|error| {
            warn(&error, "everybody has to sign in again");
            Vec::new()
        });
        let writer = Writer::start(ledger.to_owned());
        let mut live = HashMap::new();
        for row in rows {
            match Session::of(&row, tokens) {
                Some((id, session)) if session.lives(now) => drop(live.insert(id, session)),
                // Its token was taken away, or nobody used it: should that token return, this does not.
                _ => writer.note(Note::End(row.login_hash)),
            }
        }
        Self { live: Mutex::new(live), writer: Some(writer) }
    }

    /// Begins a session; its id.
    ///
    /// # Errors
    /// When the system has no random bytes to give.
    pub fn begin(&self, token: &Token, now: Instant, age: TimeDelta) -> Result<String, String> {
        let id = hex(&random()?);
        let hash = TokenHash::of(&id);
        let session = Session {
            principal: Principal::of(&token.name, &token.grant, By::Session),
            token: token.hash,
            login: hash,
            ends: now + age,
            issued: now,
            used: now,
            replaced: false,
        };
        let mut live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        live.retain(|_, session| session.lives(now));
        while live.len() >= MOST {
            let Some(oldest) = live.iter().min_by_key(|(_, it)| it.used).map(|(hash, _)| *hash) else {
                break;
            };
            if let Some(session) = live.remove(&oldest) {
                self.note(Note::End(session.login.to_string()));
            }
        }
        self.note(Note::Keep(vec![session.row(&hash)], now));
        live.insert(hash, session);
        Ok(id)
    }

    /// The session with this id, if it lives.
    pub fn find(&self, id: &str, now: Instant) -> Option<Known> {
        let hash = TokenHash::of(id);
        let mut live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        let session = live.get_mut(&hash)?;
        if !session.lives(now) {
            live.remove(&hash);
            return None;
        }
        session.used = now;
        let principal = session.principal.clone();
        if session.replaced || now - session.issued < ROTATED_AFTER {
            return Some(Known { principal, rotated: None });
        }
        // Without random bytes the id stays, which is no worse than before.
        let Ok(bytes) = random() else { return Some(Known { principal, rotated: None }) };
        let next = Session { issued: now, ..session.clone() };
        session.replaced = true;
        let left = (session.ends - now).num_seconds();
        session.ends = session.ends.min(now + GRACE);
        let id = hex(&bytes);
        let next_hash = TokenHash::of(&id);
        self.note(Note::Keep(vec![session.row(&hash), next.row(&next_hash)], now));
        live.insert(next_hash, next);
        Some(Known { principal, rotated: Some((id, left)) })
    }

    /// Ends a session with all ids it had.
    pub fn end(&self, id: &str) {
        let mut live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(login) = live.get(&TokenHash::of(id)).map(|session| session.login) {
            live.retain(|_, session| session.login != login);
            self.note(Note::End(login.to_string()));
        }
    }

    fn note(&self, note: Note) {
        if let Some(writer) = &self.writer {
            writer.note(note);
        }
    }
}

impl Session {
    fn lives(&self, now: Instant) -> bool {
        now < self.ends && now - self.used < IDLE
    }

    fn row(&self, id: &TokenHash) -> SessionRow {
        SessionRow {
            session_hash: id.to_string(),
            login_hash: self.login.to_string(),
            token_hash: self.token.to_string(),
            issued_at: self.issued,
            used_at: self.used,
            ends_at: self.ends,
            is_replaced: self.replaced,
        }
    }

    /// A session as it was kept, with the hash of its id; nothing where no such token opens any.
    fn of(row: &SessionRow, tokens: &[Token]) -> Option<(TokenHash, Self)> {
        let token = tokens.iter().find(|token| token.hash.to_string() == row.token_hash)?;
        let session = Self {
            principal: Principal::of(&token.name, &token.grant, By::Session),
            token: token.hash,
            login: row.login_hash.parse().ok()?,
            ends: row.ends_at,
            issued: row.issued_at,
            used: row.used_at,
            replaced: row.is_replaced,
        };
        Some((row.session_hash.parse().ok()?, session))
    }
}

/// What is to be written.
enum Note {
    Keep(Vec<SessionRow>, Instant),
    End(String),
}

/// Writes what happens in the order it does, on a thread of its own: whoever signs in does not
/// wait for a disk, nor for another process that writes.
struct Writer {
    notes: Option<Sender<Note>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    fn start(ledger: PathBuf) -> Self {
        let (sender, receiver) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            for note in receiver {
                let written = match note {
                    Note::Keep(rows, now) => sessions::keep(&ledger, &rows, now),
                    Note::End(login) => sessions::end(&ledger, &login),
                };
                if let Err(error) = written {
                    warn(&error, "a restart may sign people out, or in who signed out");
                }
            }
        });
        Self { notes: Some(sender), thread: Some(thread) }
    }

    fn note(&self, note: Note) {
        // The thread ends after its sender alone.
        if let Some(notes) = &self.notes {
            let _ = notes.send(note);
        }
    }
}

impl Drop for Writer {
    /// Waits until all is written.
    fn drop(&mut self) {
        self.notes = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn warn(error: &SessionError, so: &str) {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
    tracing::warn!("{error}{cause}; {so}");
}

#[cfg(test)]
mod tests {
    use attribution::mart::Reach;

    use super::super::{Grant, Role};
    use super::*;

    fn at(minutes: i64) -> Instant {
        "2026-10-07T06:00:00Z".parse::<Instant>().unwrap() + TimeDelta::minutes(minutes)
    }

    fn token(name: &str) -> Token {
        let grant = Grant { role: Role::Editor, reach: Reach::Whole };
        Token { name: name.to_owned(), grant, hash: TokenHash::of(name) }
    }

    fn begin(sessions: &Sessions) -> String {
        begin_as(sessions, &token("Ada"))
    }

    fn begin_as(sessions: &Sessions, token: &Token) -> String {
        sessions.begin(token, at(0), TimeDelta::hours(12)).unwrap()
    }

    #[test]
    fn a_session_ends_when_it_is_old_or_nobody_uses_it() {
        let sessions = Sessions::default();
        let id = begin(&sessions);
        assert!(sessions.find("another", at(0)).is_none());
        assert!(sessions.find(&id, at(14)).is_some());
        assert!(sessions.find(&id, at(14 + 240)).is_none(), "idle for four hours");
        let mut id = begin(&sessions);
        for minutes in (10..720).step_by(10) {
            let known = sessions.find(&id, at(minutes)).unwrap();
            id = known.rotated.map_or(id, |(id, _)| id);
        }
        assert!(sessions.find(&id, at(720)).is_none(), "twelve hours are over, however busy");
    }

    #[test]
    fn an_id_is_replaced_and_the_old_one_counts_but_a_moment_longer() {
        let sessions = Sessions::default();
        let old = begin(&sessions);
        let (new, left) = sessions.find(&old, at(20)).unwrap().rotated.unwrap();
        assert_ne!(old, new);
        assert_eq!(left, (720 - 20) * 60);
        assert!(
            sessions.find(&old, at(20)).unwrap().rotated.is_none(),
            "one request rotates, those beside it do not"
        );
        assert!(sessions.find(&old, at(22)).is_none());
        assert!(sessions.find(&new, at(22)).is_some());
        sessions.end(&new);
        assert!(sessions.find(&new, at(22)).is_none());
    }

    #[test]
    fn signing_out_ends_the_ids_before_too() {
        let sessions = Sessions::default();
        let old = begin(&sessions);
        let (new, _) = sessions.find(&old, at(20)).unwrap().rotated.unwrap();
        sessions.end(&new);
        assert!(sessions.find(&old, at(20)).is_none());
    }
}
