//! Sources of the configuration, opened.

use ingest::land::Source;
use ingest::source::{ReadError, reader};
use ingest::store::open_store;

use crate::config::{Config, SourceConfig, nearest};
use crate::printer::Failure;

/// Opens one configured source; nothing is requested yet.
///
/// # Errors
/// When its location is of no known scheme.
pub fn open(config: &Config, source: &SourceConfig) -> Result<Source, Failure> {
    let store = open_store(&source.uri, &config.directory, &source.s3).map_err(|error| {
        let hint = error.hint.clone();
        Failure { error: Box::new(error), hint }
    })?;
    let reader = reader(&source.kind, &source.options).ok_or_else(|| {
        Failure::new(
            format!("source `{}`: kind `{}` cannot be read", source.name, source.kind),
            "see `lakeledger check`",
        )
    })?;
    Ok(Source {
        name: source.name.clone(),
        kind: source.kind.clone(),
        uri: source.uri.clone(),
        options: source.options.clone(),
        store,
        reader,
    })
}

/// The sources asked for by name; all where none is.
///
/// # Errors
/// For a name no source has.
pub fn chosen<'c>(config: &'c Config, names: &[String]) -> Result<Vec<&'c SourceConfig>, Failure> {
    for name in names {
        if !config.sources.iter().any(|source| source.name == *name) {
            let known = config.sources.iter().map(|source| source.name.as_str());
            let hint = match nearest(name, known.clone()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("sources: {}", known.collect::<Vec<_>>().join(", ")),
            };
            return Err(Failure::new(format!("there is no source `{name}`"), hint));
        }
    }
    let wanted = |source: &&SourceConfig| names.is_empty() || names.contains(&source.name);
    Ok(config.sources.iter().filter(wanted).collect())
}

/// The cause of a read error as a failure with its hint.
pub fn read_failure(error: ReadError) -> Failure {
    let hint = error.hint().map(str::to_owned);
    Failure { error: Box::new(error), hint }
}
