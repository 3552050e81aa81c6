//! What the handlers share: the mart that is current, who is let in, and the clock.

mod latest;
mod visit;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use attribution::mart::{Mart, MartError, Reach};
use model::time::Instant;
use reports::alert::Watch;
use reports::schedule::Schedule;
use reports::weekly::Digest;

use self::latest::Latest;
pub use self::visit::Visit;
use crate::access::{Access, Rules};

/// Tells the time; an argument, so that a page can be made again as of any moment.
pub type Clock = fn() -> Instant;

/// Shared by all requests; cheap to clone.
#[derive(Clone)]
pub struct State(Arc<Shared>);

/// What of the configuration the pages show.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Where the dashboard is, for links in reports.
    pub base_url: Option<String>,
    /// What runs when.
    pub schedules: Vec<Schedule>,
    /// Budgets, and what alerts watch.
    pub watch: Watch,
    /// Who gets the week of several teams in one mail.
    pub digests: Vec<Digest>,
}

struct Shared {
    ledger: PathBuf,
    clock: Clock,
    settings: Settings,
    access: Access,
    /// The mart last opened.
    open: Latest<Open>,
    /// The mart that the record of findings follows.
    followed: Mutex<Option<String>>,
}

/// An open mart, as far as each reach goes that was asked for.
struct Open {
    /// What `marts/current` said when it was opened.
    named: String,
    whole: Arc<Mart>,
    within: Mutex<HashMap<Reach, Arc<Mart>>>,
}

impl State {
    /// Serves the ledger in this directory to whoever sits at this machine. It need not have a
    /// published mart yet.
    pub fn new(ledger: impl Into<PathBuf>, clock: Clock) -> Self {
        Self::configured(ledger, clock, None, Settings::default())
    }

    /// Serves it to those whom the rules let in.
    pub fn guarded(ledger: impl Into<PathBuf>, clock: Clock, rules: Rules) -> Self {
        Self::configured(ledger, clock, Some(rules), Settings::default())
    }

    /// Serves it with what the configuration says; without rules to whoever sits at this machine.
    pub fn configured(
        ledger: impl Into<PathBuf>,
        clock: Clock,
        rules: Option<Rules>,
        settings: Settings,
    ) -> Self {
        let ledger = ledger.into();
        let access = rules.map_or_else(Access::open, |rules| Access::by(rules, &ledger, clock()));
        Self(Arc::new(Shared {
            ledger,
            clock,
            settings,
            access,
            open: Latest::default(),
            followed: Mutex::new(None),
        }))
    }

    /// The time now.
    pub(crate) fn now(&self) -> Instant {
        (self.0.clock)()
    }

    /// What the configuration says.
    pub(crate) fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// Who is let in.
    pub(crate) fn access(&self) -> &Access {
        &self.0.access
    }

    /// Whether there is a mart to show.
    pub(crate) async fn is_ready(&self) -> bool {
        let state = self.clone();
        tokio::task::spawn_blocking(move || state.open().is_ok()).await.unwrap_or(false)
    }

    /// Opens the current mart and reads what most pages are made of. It need not be there yet.
    pub(crate) fn warm(&self) {
        match self.open().and_then(|open| open.whole.warm()) {
            Ok(()) | Err(MartError::NotPublished { .. }) => {}
            Err(error) => tracing::warn!("could not read the published mart ahead: {error}"),
        }
    }

    /// The ledger's directory.
    fn ledger(&self) -> &Path {
        &self.0.ledger
    }

    /// Does `work` with the whole mart the first time it is asked for.
    fn once_a_mart<E: From<MartError>>(&self, work: impl FnOnce(&Mart) -> Result<(), E>) -> Result<(), E> {
        let open = self.open()?;
        let mart = &open.whole.info().id;
        let mut followed = self.0.followed.lock().unwrap_or_else(PoisonError::into_inner);
        if followed.as_ref() != Some(mart) {
            work(&open.whole)?;
            *followed = Some(mart.clone());
        }
        Ok(())
    }

    /// The current mart as far as a reach goes.
    fn mart(&self, reach: &Reach) -> Result<Arc<Mart>, MartError> {
        let open = self.open()?;
        if reach.is_whole() {
            return Ok(Arc::clone(&open.whole));
        }
        // Made within the lock: as yet it is but views, and two of it would each be read.
        let mut within = open.within.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(mart) = within.get(reach) {
            return Ok(Arc::clone(mart));
        }
        let mart = Arc::new(open.whole.within(reach)?);
        within.insert(reach.clone(), Arc::clone(&mart));
        Ok(mart)
    }

    /// The mart named by `marts/current`: the open one, unless another was published since.
    fn open(&self) -> Result<Arc<Open>, MartError> {
        let named = || std::fs::read_to_string(current(&self.0.ledger)).ok();
        let is_current = |open: &Open| named().is_some_and(|named| open.named == named);
        self.0.open.get(is_current, |before| {
            // Read first: where another is published meanwhile, the next request sees that.
            let named = named().unwrap_or_default();
            let whole = Mart::open(&self.0.ledger).and_then(Mart::in_memory)?;
            let open = Open { named, whole: Arc::new(whole), within: Mutex::default() };
            if let Some(before) = before {
                open.read_ahead(before);
            }
            Ok(open)
        })
    }
}

impl Open {
    /// Reads what most pages are made of, as far as each reach goes that the mart before was asked
    /// for: that one is shown meanwhile, so that no reader waits.
    fn read_ahead(&self, before: &Self) {
        let reaches: Vec<Reach> =
            before.within.lock().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect();
        let read = || {
            self.whole.warm()?;
            for reach in reaches {
                let mart = self.whole.within(&reach)?;
                mart.warm()?;
                let mut within = self.within.lock().unwrap_or_else(PoisonError::into_inner);
                within.insert(reach, Arc::new(mart));
            }
            Ok::<(), MartError>(())
        };
        if let Err(error) = read() {
            tracing::warn!("could not read the published mart ahead: {error}");
        }
    }
}

fn current(ledger: &Path) -> PathBuf {
    ledger.join("marts").join("current")
}
