//! What was opened last: opened anew by one request at a time, while all others keep what was
//! open before.

use std::fmt::Display;
use std::sync::{Arc, Mutex, PoisonError, RwLock, TryLockError};

/// What was opened last.
pub struct Latest<T> {
    open: RwLock<Option<Arc<T>>>,
    /// Held by who opens.
    opening: Mutex<()>,
}

impl<T> Default for Latest<T> {
    fn default() -> Self {
        Self { open: RwLock::new(None), opening: Mutex::new(()) }
    }
}

impl<T> Latest<T> {
    /// What is open, unless it is no longer `current`: then what `make` makes of it, which is
    /// called by one at a time. What was open stays in use until that is done, and where it fails.
    ///
    /// # Errors
    /// When nothing is open and it cannot be made.
    pub fn get<E: Display>(
        &self,
        is_current: impl Fn(&T) -> bool,
        make: impl FnOnce(Option<&T>) -> Result<T, E>,
    ) -> Result<Arc<T>, E> {
        let before = self.open();
        if let Some(open) = before.as_ref().filter(|open| is_current(open)) {
            return Ok(Arc::clone(open));
        }
        let _opening = match (self.opening.try_lock(), before) {
            (Ok(opening), _) => opening,
            (Err(TryLockError::Poisoned(poisoned)), _) => poisoned.into_inner(),
            (Err(TryLockError::WouldBlock), Some(before)) => return Ok(before),
            // There is nothing else to show: who opens it is waited for.
            (Err(TryLockError::WouldBlock), None) => {
                self.opening.lock().unwrap_or_else(PoisonError::into_inner)
            }
        };
        // Another may have opened it just before.
        let before = self.open();
        if let Some(open) = before.as_ref().filter(|open| is_current(open)) {
            return Ok(Arc::clone(open));
        }
        match (make(before.as_deref()), before) {
            (Ok(made), _) => {
                let made = Arc::new(made);
                *self.open.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&made));
                Ok(made)
            }
            (Err(error), Some(before)) => {
                tracing::warn!("could not open the newest mart, serving the one before still: {error}");
                Ok(before)
            }
            (Err(error), None) => Err(error),
        }
    }

    fn open(&self) -> Option<Arc<T>> {
        self.open.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;

    use super::*;

    #[test]
    fn while_one_opens_the_newest_all_others_keep_the_one_before() {
        let latest = Latest::<u32>::default();
        let get = |wanted: u32, make: &dyn Fn() -> Result<u32, String>| {
            latest.get(|open| *open == wanted, |_| make()).map(|open| *open)
        };
        assert_eq!(get(1, &|| Err("not there".to_owned())), Err("not there".to_owned()));
        assert_eq!(get(1, &|| Ok(1)), Ok(1));
        let (begun, has_begun) = mpsc::channel();
        let (go_on, goes_on) = mpsc::channel::<()>();
        thread::scope(|scope| {
            let latest = &latest;
            let opener = scope.spawn(move || {
                let make = |before: Option<&u32>| {
                    assert_eq!(before, Some(&1));
                    begun.send(()).unwrap();
                    goes_on.recv().unwrap();
                    Ok::<u32, String>(2)
                };
                latest.get(|open| *open == 2, make).map(|open| *open)
            });
            has_begun.recv().unwrap();
            for _ in 0..3 {
                assert_eq!(get(2, &|| Err("opened twice".to_owned())), Ok(1));
            }
            go_on.send(()).unwrap();
            assert_eq!(opener.join().unwrap(), Ok(2));
        });
        assert_eq!(get(2, &|| Err("opened again".to_owned())), Ok(2));
        assert_eq!(get(3, &|| Err("broken".to_owned())), Ok(2), "what is there stays in use");
        assert_eq!(get(3, &|| Ok(3)), Ok(3), "until it can be opened");
    }

    #[test]
    fn who_has_nothing_yet_waits_for_the_one_that_opens() {
        let latest = Latest::<u32>::default();
        let made = Mutex::new(0);
        let make = |_: Option<&u32>| {
            *made.lock().unwrap() += 1;
            Ok::<u32, String>(1)
        };
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| assert_eq!(*latest.get(|_| true, make).unwrap(), 1));
            }
        });
        assert_eq!(*made.lock().unwrap(), 1);
    }
}
