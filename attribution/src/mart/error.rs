//! Why a mart could not answer.

use crate::engine::EngineError;

/// Why a mart could not answer.
#[derive(Debug, thiserror::Error)]
pub enum MartError {
    /// Nothing has been published yet.
    #[error("the ledger `{ledger}` has no published mart")]
    NotPublished {
        /// Ledger directory.
        ledger: String,
    },
    /// The file is there but cannot be opened or asked.
    #[error("could not {operation} the mart `{mart}`")]
    Query {
        /// What was being done.
        operation: &'static str,
        /// Mart id or path.
        mart: String,
        /// What DuckDB said.
        #[source]
        cause: Box<duckdb::Error>,
    },
    /// A value is not what this build wrote.
    #[error("the mart `{mart}` holds `{value}` where {expected} was expected")]
    Value {
        /// Mart id.
        mart: String,
        /// What was found.
        value: String,
        /// What should have been there.
        expected: &'static str,
    },
    /// What was published then is not there.
    #[error("{what}; {oldest}")]
    NotKept {
        /// What was asked for.
        what: String,
        /// The oldest there is.
        oldest: String,
    },
    /// It is more than the mart's reach.
    #[error("{what}")]
    OutOfReach {
        /// What only those may ask who see all.
        what: &'static str,
    },
    /// There is no room for temporary files beside an output.
    #[error("could not write temporary files beside `{}`", path.display())]
    Temporary {
        /// The output.
        path: std::path::PathBuf,
        /// Why.
        #[source]
        cause: std::io::Error,
    },
    /// There is no room for temporary files in the system's directory of them.
    #[error("could not write temporary files to `{}`", std::env::temp_dir().display())]
    Scratch {
        /// Why.
        #[source]
        cause: std::io::Error,
    },
    /// The engine failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
}
