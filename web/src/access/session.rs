//! Sessions of people who signed in with a token: kept in memory alone, so that a restart (as
//! after a token was taken out of the configuration) ends them all.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use chrono::TimeDelta;
use model::time::Instant;

use super::Principal;
use super::token::{TokenHash, hex, random};

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
pub(super) struct Sessions(Mutex<HashMap<TokenHash, Session>>);

struct Session {
    principal: Principal,
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
    /// Begins a session; its id.
    ///
    /// # Errors
    /// When the system has no random bytes to give.
    pub fn begin(&self, principal: Principal, now: Instant, age: TimeDelta) -> Result<String, String> {
        let id = hex(&random()?);
        let hash = TokenHash::of(&id);
        let session =
            Session { principal, login: hash, ends: now + age, issued: now, used: now, replaced: false };
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.retain(|_, session| session.lives(now));
        while sessions.len() >= MOST {
            let Some(oldest) = sessions.iter().min_by_key(|(_, it)| it.used).map(|(hash, _)| *hash) else {
                break;
            };
            sessions.remove(&oldest);
        }
        sessions.insert(hash, session);
        Ok(id)
    }

    /// The session with this id, if it lives.
    pub fn find(&self, id: &str, now: Instant) -> Option<Known> {
        let hash = TokenHash::of(id);
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let session = sessions.get_mut(&hash)?;
        if !session.lives(now) {
            sessions.remove(&hash);
            return None;
        }
        session.used = now;
        let principal = session.principal.clone();
        if session.replaced || now - session.issued < ROTATED_AFTER {
            return Some(Known { principal, rotated: None });
        }
        // Without random bytes the id stays, which is no worse than before.
        let Ok(bytes) = random() else { return Some(Known { principal, rotated: None }) };
        session.replaced = true;
        let next = Session {
            principal: principal.clone(),
            login: session.login,
            ends: session.ends,
            issued: now,
            used: now,
            replaced: false,
        };
        let left = (session.ends - now).num_seconds();
        session.ends = session.ends.min(now + GRACE);
        let id = hex(&bytes);
        sessions.insert(TokenHash::of(&id), next);
        Some(Known { principal, rotated: Some((id, left)) })
    }

    /// Ends a session with all ids it had.
    pub fn end(&self, id: &str) {
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(login) = sessions.get(&TokenHash::of(id)).map(|session| session.login) {
            sessions.retain(|_, session| session.login != login);
        }
    }
}

impl Session {
    fn lives(&self, now: Instant) -> bool {
        now < self.ends && now - self.used < IDLE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> Instant {
        "2026-10-07T06:00:00Z".parse::<Instant>().unwrap() + TimeDelta::minutes(minutes)
    }

    fn begin(sessions: &Sessions) -> String {
        sessions.begin(Principal::at_this_machine(), at(0), TimeDelta::hours(12)).unwrap()
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
