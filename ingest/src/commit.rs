//! Committing: what was read of a source, or why it was not, becomes the next manifest.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::Warning;
use model::landed::Dataset;
use model::manifest::{Entry, Manifest, SourceRecord, UnitRecord};
use model::time::{Instant, PeriodKey};

use crate::land::Source;
use crate::ledger::{Ledger, LedgerError};
use crate::merge::{Fresh, Merge};
use crate::sink::Yield;
use crate::source::{Plan, ReadError, Unit};

/// Code of the warning that names a unit which could not be read.
const UNREADABLE: &str = "unreadable";

/// A unit, its fingerprint, and what reading it gave.
pub(crate) type Fingerprinted<'u> = (&'u Unit, String, Result<Yield, ReadError>);

/// What a whole check of a source came to.
pub(crate) struct Checked {
    /// What planning noticed.
    pub(crate) warnings: Vec<Warning>,
    /// Units that are as they were read: their collections still hold.
    pub(crate) unchanged: Vec<String>,
}

/// What a commit landed.
pub(crate) struct Committed {
    /// Rows.
    pub(crate) rows: u64,
    /// Units that could not be read.
    pub(crate) failed: usize,
}

/// Merges what was read into the affected periods and commits; `checked` is what the check came
/// to, when this ends it.
pub(crate) fn commit(
    ledger: &mut Ledger,
    source: &Source,
    results: Vec<Fingerprinted<'_>>,
    plan: &Plan,
    checked: Option<Checked>,
    now: Instant,
) -> Result<Committed, LedgerError> {
    let mut manifest = ledger.manifest().clone();
    manifest.commit += 1;
    let mut committed = Committed { rows: 0, failed: 0 };
    let mut fresh = Fresh::new();
    // Units whose old rows must go: read anew, or gone.
    let mut replaced: BTreeSet<String> = BTreeSet::new();
    let record = source_record(&mut manifest, source, now);
    if let Some(checked) = checked {
        note_checked(record, checked, now);
    }
    let (keeps_history, today) = (source.reader.collects(), PeriodKey::day_of(now));
    for (unit, fingerprint, result) in results {
        let key = source.key(unit);
        match result {
            Ok(result) => {
                let mut summary = unit_record(unit, fingerprint, &result, now);
                let before = record.units.get(key).map_or(0, UnitRecord::facts);
                if before > 0 && summary.facts() == 0 {
                    let message =
                        format!("it is empty now, and held {before} rows before: they no longer count");
                    summary.warnings.push(Warning::new("emptied", unit.key.clone(), message));
                }
                committed.rows += summary.facts();
                // By its URI, the ledger knew it before it knew places below the configuration.
                for known in [key, &unit.key] {
                    let before = record.units.remove(known);
                    if keeps_history && let Some(before) = before {
                        note_held(record, known, &before, Some(today));
                    }
                    replaced.insert(known.to_owned());
                }
                record.units.insert(key.to_owned(), summary);
                let origin = Arc::new(result.origin);
                for (key, rows) in result.rows {
                    fresh.entry(key).or_default().units.push((Arc::clone(&origin), rows));
                }
                for (dataset, period, file) in result.spilled {
                    fresh.entry((dataset, period)).or_default().files.push(file);
                }
            }
            Err(error) => {
                committed.failed += 1;
                note_failure(record, key, unit, fingerprint, &error, now);
            }
        }
    }

    // In the same commit, so that no month ever counts a delivery and the one that replaced it.
    for key in gone_units(source, record, plan) {
        let before = record.units.remove(&key);
        if keeps_history && let Some(before) = before {
            note_held(record, &key, &before, None);
        }
        replaced.insert(key);
    }

    let (mut jobs, mut entries) = (Vec::new(), Vec::new());
    for entry in std::mem::take(&mut manifest.entries) {
        if entry.source != source.name || (keeps_history && entry.period != today) {
            entries.push(entry);
            continue;
        }
        let rows = fresh.remove(&(entry.dataset, entry.period)).unwrap_or_default();
        jobs.push((entry, rows));
    }
    jobs.extend(fresh.into_iter().map(|((dataset, period), rows)| {
        let parts = Vec::new();
        (Entry { dataset, source: source.name.clone(), period, parts, landed_at: now }, rows)
    }));
    let merge = Merge { ledger: ledger.root(), replaced: &replaced, commit: manifest.commit, now };
    entries.extend(merge.all(jobs)?);
    manifest.entries = entries;
    manifest.entries.retain(|entry| !entry.parts.is_empty());
    manifest.entries.sort_by(|a, b| (a.dataset, &a.source, a.period).cmp(&(b.dataset, &b.source, b.period)));
    ledger.commit(manifest)?;
    Ok(committed)
}

fn source_record<'m>(manifest: &'m mut Manifest, source: &Source, now: Instant) -> &'m mut SourceRecord {
    let record = manifest.sources.entry(source.name.clone()).or_insert_with(|| SourceRecord {
        kind: source.kind.clone(),
        uri: source.uri.clone(),
        checked_at: now,
        landed_at: None,
        warnings: Vec::new(),
        units: BTreeMap::new(),
        held: BTreeMap::new(),
    });
    record.kind.clone_from(&source.kind);
    record.uri.clone_from(&source.uri);
    record.landed_at = Some(now);
    record
}

fn unit_record(unit: &Unit, fingerprint: String, result: &Yield, now: Instant) -> UnitRecord {
    let mut rows: BTreeMap<Dataset, u64> = BTreeMap::new();
    let mut periods = BTreeSet::new();
    for ((dataset, period), packed) in &result.rows {
        *rows.entry(*dataset).or_default() += packed.rows() as u64;
        periods.insert(*period);
    }
    for (dataset, period, file) in &result.spilled {
        *rows.entry(*dataset).or_default() += file.rows;
        periods.insert(*period);
    }
    UnitRecord {
        fingerprint,
        objects: unit.objects.len() as u64,
        bytes: unit.objects.iter().map(|object| object.size).sum(),
        read_at: now,
        confirmed_at: None,
        rows,
        totals: result.totals.clone(),
        periods: periods.into_iter().collect(),
        warnings: result.warnings.clone(),
    }
}

/// Notes what a check came to.
fn note_checked(record: &mut SourceRecord, checked: Checked, now: Instant) {
    record.checked_at = now;
    record.warnings = checked.warnings;
    for key in checked.unchanged {
        let unit = record.units.get_mut(&key);
        // Of one that could not be read its earlier state is landed, which nobody has seen since.
        if let Some(unit) = unit.filter(|unit| unit.warnings.iter().all(|warning| warning.code != UNREADABLE))
        {
            unit.confirmed_at = Some(now);
        }
    }
}

/// Notes until when a collection held that another one follows on a later day, or none. Between
/// collections of two days in a row there is no day to know it of.
fn note_held(record: &mut SourceRecord, key: &str, unit: &UnitRecord, next: Option<PeriodKey>) {
    let from = PeriodKey::day_of(unit.read_at);
    let until = PeriodKey::day_of(unit.confirmed_at.unwrap_or(unit.read_at));
    let is_followed = next.is_some_and(|next| next.period().start <= from.period().end);
    if unit.facts() > 0 && until > from && !is_followed {
        record.held.entry(key.to_owned()).or_default().insert(from, until);
    }
}

/// Notes why a unit could not be read. What was landed of it before stays. A defect of the
/// object is not tried again until it changes; a failure of the store is.
fn note_failure(
    record: &mut SourceRecord,
    key: &str,
    unit: &Unit,
    fingerprint: String,
    error: &ReadError,
    now: Instant,
) {
    let warning = Warning::skipped(UNREADABLE, unit.key.clone(), with_causes(error));
    let fingerprint = if matches!(error, ReadError::Store(_)) { String::new() } else { fingerprint };
    let known = record.units.remove(key);
    let kept = known.unwrap_or_else(|| UnitRecord {
        fingerprint: String::new(),
        objects: unit.objects.len() as u64,
        bytes: 0,
        read_at: now,
        confirmed_at: None,
        rows: BTreeMap::new(),
        totals: BTreeMap::new(),
        periods: Vec::new(),
        warnings: Vec::new(),
    });
    record.units.insert(key.to_owned(), UnitRecord { fingerprint, warnings: vec![warning], ..kept });
}

/// An error with its causes and its hint, in one line.
pub(crate) fn with_causes(error: &ReadError) -> String {
    let mut message = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        message.push_str(&format!(": {inner}"));
        cause = inner.source();
    }
    if let Some(hint) = error.hint() {
        message.push_str(&format!(" ({hint})"));
    }
    message
}

/// Notes that the source was looked at, and what that came to.
pub(crate) fn note_check(
    ledger: &mut Ledger,
    source: &Source,
    checked: Checked,
    now: Instant,
) -> Result<(), LedgerError> {
    let mut manifest = ledger.manifest().clone();
    let landed_at = manifest.sources.get(&source.name).and_then(|record| record.landed_at);
    let record = source_record(&mut manifest, source, now);
    record.landed_at = landed_at;
    note_checked(record, checked, now);
    ledger.commit(manifest)
}

/// Known units that are no longer there and must not count any more: of a bill, those whose
/// period listed deliveries fill; of a collection, all. What planning could not read is
/// there, whatever became of it.
pub(crate) fn gone_units(source: &Source, known: &SourceRecord, plan: &Plan) -> BTreeSet<String> {
    let listed: BTreeSet<&str> = plan.units.iter().map(|unit| source.key(unit)).collect();
    let unreadable = |key: &str| {
        let skipped = plan.warnings.iter().filter(|warning| warning.skipped);
        skipped
            .map(|warning| source.store.named(&warning.object))
            .any(|object| key.starts_with(object) || object.starts_with(key))
    };
    let gone = known.units.keys().filter(|key| !listed.contains(key.as_str()) && !unreadable(key));
    if source.reader.collects() {
        return gone.cloned().collect();
    }
    if !source.reader.replaces_periods() {
        return BTreeSet::new();
    }
    let filled: BTreeSet<PeriodKey> = known
        .units
        .iter()
        .filter(|(key, _)| listed.contains(key.as_str()))
        .flat_map(|(_, unit)| unit.periods.iter().copied())
        .collect();
    gone.filter(|key| known.units[*key].periods.iter().any(|period| filled.contains(period)))
        .cloned()
        .collect()
}
