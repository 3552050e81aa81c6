//! One request's way to the ledger: the mart, as far as its principal may see.

use std::path::Path;

use attribution::mart::{Mart, MartError};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use model::time::Instant;
use reports::alert::Watch;

use super::{Settings, State};
use crate::access::Principal;
use crate::error::PageError;

/// What a handler of a page or of the API is given: there is no other way to the mart, and
/// this one goes no further than the principal's reach.
#[derive(Clone)]
pub struct Visit {
    state: State,
    who: Principal,
}

impl Visit {
    /// Who asks.
    pub fn who(&self) -> &Principal {
        &self.who
    }

    /// The time now.
    pub fn now(&self) -> Instant {
        self.state.now()
    }

    /// The ledger's directory. What is read of it beside the mart is to be cut down by
    /// [`Visit::who`]'s reach.
    pub fn ledger(&self) -> &Path {
        self.state.ledger()
    }

    /// Budgets and alerts as configured.
    pub fn watch(&self) -> &Watch {
        &self.state.settings().watch
    }

    /// What the configuration says.
    pub fn settings(&self) -> &Settings {
        self.state.settings()
    }

    /// Does `work` with the whole mart the first time it is asked for since that was published:
    /// what is recorded of a mart is of all of it, whoever asks first.
    pub fn follow<E: From<MartError>>(&self, work: impl FnOnce(&Mart) -> Result<(), E>) -> Result<(), E> {
        self.state.once_a_mart(work)
    }

    /// Runs `work` on the current mart, on a thread where it may block.
    pub async fn with_mart<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Mart) -> Result<T, PageError> + Send + 'static,
    ) -> Result<T, PageError> {
        let (state, reach) = (self.state.clone(), self.who.reach.clone());
        tokio::task::spawn_blocking(move || work(state.mart(&reach)?.as_ref())).await?
    }
}

impl FromRequestParts<State> for Visit {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Self::Rejection> {
        let who = parts.extensions.get::<Principal>().cloned().ok_or(PageError::SignIn)?;
        Ok(Self { state: state.clone(), who })
    }
}
