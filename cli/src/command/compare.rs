//! `compare`: what changed in the figures since an earlier publish, and why.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::ExitCode;

use attribution::MartError;
use attribution::mart::{Comparison, CostQuery, Difference, Mart, Reason, moment};
use model::Currency;
use reports::compared;

use crate::args::{Compare, CompareFormat};
use crate::command::{config, filters, half_open, warn_unknown_team};
use crate::output::Output;
use crate::printer::{Failure, line, say, table};

/// Causes of one reason that are told; all are in JSON.
const MOST_CAUSES: usize = 8;

/// Compares the current mart with the one the options name.
pub fn run(path: &Path, options: &Compare) -> Result<ExitCode, Failure> {
    let config = config(path)?;
    half_open(options.from, options.to)?;
    let mut output = match options.format {
        CompareFormat::Text => None,
        CompareFormat::Csv | CompareFormat::Json => Some(Output::open(options.output.as_deref())?),
    };
    let later = super::mart(&config)?;
    let query = CostQuery {
        by: options.by.clone(),
        basis: options.basis,
        from: options.from,
        to: options.to,
        currency: None,
        filters: filters(&options.filters)?,
        view: Default::default(),
    };
    warn_unknown_team(&later, &query);
    let earlier = earlier(&later, options)?;
    let comparison = later.compare(&earlier, &query)?;
    if comparison.earlier.id == comparison.later.id {
        say(format!("warning: nothing was published since: {} is still current", comparison.later.id));
    }
    match output.take() {
        None => {
            text(options, &comparison);
            Ok(ExitCode::SUCCESS)
        }
        Some(mut output) => {
            let write = if options.format == CompareFormat::Csv { compared::csv } else { compared::json };
            let written = write(&query, &comparison, output.writer());
            output.finish(written)
        }
    }
}

/// The mart to compare with.
fn earlier(later: &Mart, options: &Compare) -> Result<Mart, Failure> {
    let found = match (&options.with, options.since) {
        (Some(id), _) => later.kept_by_id(id),
        (None, Some(at)) => later.as_published(at),
        (None, None) => {
            return Err(Failure::new(
                "nothing to compare with",
                "name a day with --since, or a mart with --with",
            ));
        }
    };
    found.map_err(|error| match error {
        MartError::NotKept { .. } => {
            let kept = later.kept();
            let kept: Vec<String> = kept
                .iter()
                .map(|publish| format!("--since {} ({})", moment(publish.at), publish.mart_id))
                .collect();
            Failure::new(error, format!("kept are {}", kept.join(", ")))
        }
        other => other.into(),
    })
}

fn text(options: &Compare, comparison: &Comparison) {
    let Some((from, to)) = comparison.days else {
        say("warning: no day is known to both");
        return;
    };
    let published = |at: model::time::Instant| at.format("%Y-%m-%d %H:%M UTC");
    line(format!(
        "Published {} as {}, now {} as {}: {from} until {to}, {} cost",
        published(comparison.earlier.published_at),
        comparison.earlier.id,
        published(comparison.later.published_at),
        comparison.later.id,
        options.basis,
    ));
    let currencies: BTreeSet<Currency> = comparison.rows.iter().map(|row| row.currency).collect();
    for currency in currencies {
        let rows: Vec<&Difference> = comparison.rows.iter().filter(|row| row.currency == currency).collect();
        let changed: Vec<&Difference> = rows.iter().copied().filter(|row| row.is_changed()).collect();
        line("");
        if changed.is_empty() {
            line(format!("{currency}: nothing changed"));
            continue;
        }
        let names = options.by.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let mut head = vec![names.as_str(), "before", "now", "difference"];
        head.extend(Reason::ALL.map(Reason::name));
        let total = Difference::together("total", rows.iter().copied());
        let shown: Vec<Vec<String>> = changed.into_iter().chain(total.as_ref()).map(cells).collect();
        table(&head, &shown, head.len() - 1);
        for reason in Reason::ALL {
            causes(comparison, currency, reason);
        }
    }
}

/// A row with every digit: what a table adds up must be seen to.
fn cells(row: &Difference) -> Vec<String> {
    let mut cells =
        vec![row.keys.iter().map(|key| reports::label::visible(key)).collect::<Vec<_>>().join(", ")];
    cells.extend([row.before, row.now, row.now - row.before].map(|cost| cost.to_string()));
    cells.extend(Reason::ALL.map(|reason| row.parts.get(reason).to_string()));
    cells
}

fn causes(comparison: &Comparison, currency: Currency, reason: Reason) {
    let causes: Vec<_> = comparison
        .causes
        .iter()
        .filter(|cause| cause.reason == reason && cause.currency == currency)
        .collect();
    if causes.is_empty() {
        return;
    }
    line("");
    line(format!("{}: {}", reason.name(), compared::meaning(reason)));
    for cause in causes.iter().take(MOST_CAUSES) {
        let (what, times) = (reports::label::visible(&cause.what), compared::times(cause));
        line(format!("  {} {currency}  {what} ({times})", cause.cost));
    }
    if causes.len() > MOST_CAUSES {
        line(format!("  and {} more: see --format json", causes.len() - MOST_CAUSES));
    }
}
