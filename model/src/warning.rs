//! Warnings are values: made where something was noticed, and carried to the
//! terminal, the status output, the pages and the reports alike.

use serde::{Deserialize, Serialize};

/// One thing a person should know, which did not stop the work.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Warning {
    /// What kind of thing, for grouping and for documentation: `truncated-log`.
    pub code: String,
    /// The object it is about: a file, a line, a cluster, a source.
    pub object: String,
    /// One sentence, lower case, no full stop.
    pub message: String,
    /// How often it was seen in that object.
    pub count: u64,
    /// Whether facts were left out because of it (an object skipped): the exit code becomes 1.
    pub skipped: bool,
}

impl Warning {
    /// Something noticed once; the facts are all there.
    pub fn new(code: &str, object: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            object: object.into(),
            message: message.into(),
            count: 1,
            skipped: false,
        }
    }

    /// An object that had to be left out, wholly or in part.
    pub fn skipped(code: &str, object: impl Into<String>, message: impl Into<String>) -> Self {
        Self { skipped: true, ..Self::new(code, object, message) }
    }

    /// The same, seen `count` times.
    pub fn times(self, count: u64) -> Self {
        Self { count, ..self }
    }
}
