//! What the handlers share: the mart that is current, and the clock.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use attribution::mart::{Mart, MartError};
use model::time::Instant;
use reports::schedule::Schedule;

use crate::error::PageError;

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
}

struct Shared {
    ledger: PathBuf,
    clock: Clock,
    settings: Settings,
    /// The mart last opened, with what `marts/current` said then.
    open: RwLock<Option<(String, Arc<Mart>)>>,
    /// The mart that the record of findings follows.
    followed: Mutex<Option<String>>,
}

impl State {
    /// Serves the ledger in this directory. It need not have a published mart yet.
    pub fn new(ledger: impl Into<PathBuf>, clock: Clock) -> Self {
        Self::configured(ledger, clock, Settings::default())
    }

    /// The same with what the configuration says.
    pub fn configured(ledger: impl Into<PathBuf>, clock: Clock, settings: Settings) -> Self {
        Self(Arc::new(Shared {
            ledger: ledger.into(),
            clock,
            settings,
            open: RwLock::new(None),
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

    /// The ledger's directory.
    pub(crate) fn ledger(&self) -> &Path {
        &self.0.ledger
    }

    /// Does `work` the first time it is asked for with a mart.
    pub(crate) fn once_a_mart<E>(&self, mart: &str, work: impl FnOnce() -> Result<(), E>) -> Result<(), E> {
        let mut followed = self.0.followed.lock().unwrap_or_else(PoisonError::into_inner);
        if followed.as_deref() != Some(mart) {
            work()?;
            *followed = Some(mart.to_owned());
        }
        Ok(())
    }

    /// Runs `work` on the current mart, on a thread where it may block.
    pub(crate) async fn with_mart<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Mart) -> Result<T, PageError> + Send + 'static,
    ) -> Result<T, PageError> {
        let state = self.clone();
        tokio::task::spawn_blocking(move || work(state.mart()?.as_ref())).await?
    }

    /// The mart named by `marts/current`: the open one, unless another was published since.
    fn mart(&self) -> Result<Arc<Mart>, MartError> {
        let named = std::fs::read_to_string(current(&self.0.ledger)).ok();
        let open = self.0.open.read().unwrap_or_else(PoisonError::into_inner).clone();
        if let (Some(named), Some((id, mart))) = (&named, &open)
            && id == named
        {
            return Ok(Arc::clone(mart));
        }
        match (Mart::open(&self.0.ledger), open) {
            (Ok(mart), _) => {
                let mart = Arc::new(mart);
                let mut slot = self.0.open.write().unwrap_or_else(PoisonError::into_inner);
                *slot = named.map(|named| (named, Arc::clone(&mart)));
                Ok(mart)
            }
            // What was published last stays readable while the new one cannot be opened.
            (Err(error), Some((id, mart))) => {
                tracing::warn!("could not open the newest mart, serving {} still: {error}", id.trim());
                Ok(mart)
            }
            (Err(error), None) => Err(error),
        }
    }
}

fn current(ledger: &Path) -> PathBuf {
    ledger.join("marts").join("current")
}
