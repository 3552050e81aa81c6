//! Usage from CSV: which consumer used how much of some charges on which days, by any
//! dimension, as the owner of a Kafka cluster, a warehouse or a dashboard server knows it.
//!
//! A file is believed whole or not at all: a row that cannot be meant (a share above 1, two
//! dimensions of one day) is refused with file and line, since a split that silently left it
//! out would charge others for it.

mod days;
mod line;

use std::io::Read;

use csv::StringRecord;
use model::Warning;
use model::time::{Instant, PeriodKey};

use self::line::{Columns, Line};
use super::codec::Codec;
use super::{Plan, ReadError, Reader, Unit};
use crate::rows::UsageShare;
use crate::sink::Sink;
use crate::store::{Object, Store};

const WHAT: &str = "usage file";

/// The reader of `usage-csv`.
pub(super) struct UsageCsv;

/// What is wrong with a line, and what to do about it.
struct Refusal {
    /// Line of the file, from 1; 0 for the file as a whole.
    line: u64,
    fault: String,
    hint: Option<&'static str>,
}

impl Refusal {
    fn at(line: u64, fault: impl Into<String>) -> Self {
        Self { line, fault: fault.into(), hint: None }
    }

    fn hint(self, hint: &'static str) -> Self {
        Self { hint: Some(hint), ..self }
    }

    fn of(self, uri: &str) -> ReadError {
        let object = if self.line == 0 { uri.to_owned() } else { format!("{uri}:{}", self.line) };
        ReadError::Malformed { what: WHAT, object, fault: self.fault, hint: self.hint.map(str::to_owned) }
    }
}

impl Reader for UsageCsv {
    fn plan(&self, _store: &dyn Store, listing: &[Object]) -> Result<Plan, ReadError> {
        let kept = |object: &&Object| {
            let name = object.file_name().to_ascii_lowercase();
            let plain = [".gz", ".zst"].iter().find_map(|codec| name.strip_suffix(codec)).unwrap_or(&name);
            plain.ends_with(".csv") && !name.starts_with(['.', '_'])
        };
        let units = listing.iter().filter(kept).cloned().map(Unit::single);
        Ok(Plan { units: units.collect(), warnings: Vec::new() })
    }

    fn read(&self, store: &dyn Store, unit: &Unit, _now: Instant, sink: &mut Sink) -> Result<(), ReadError> {
        for object in &unit.objects {
            let uri = object.uri.as_str();
            let mut lines = read_lines(store, object)?;
            days::check(&mut lines).map_err(|refusal| refusal.of(uri))?;
            if lines.is_empty() {
                sink.warn(Warning::new("no-usage", uri, "the file has a header and no rows"));
            }
            for line in &lines {
                sink.push(PeriodKey::month_of(line.starts_on), &row(line))?;
            }
        }
        Ok(())
    }

    /// A file that was replaced by one of another name must not count beside it.
    fn replaces_periods(&self) -> bool {
        true
    }
}

/// Every row of a file.
fn read_lines(store: &dyn Store, object: &Object) -> Result<Vec<Line>, ReadError> {
    let uri = object.uri.as_str();
    let broken =
        |cause: &dyn std::fmt::Display| Refusal::at(0, format!("reading breaks off: {cause}")).of(uri);
    let bytes = Codec::of(object.file_name())
        .decoder(store.open(uri)?)
        .map_err(|cause| broken(&cause))?
        .ok_or_else(|| broken(&"its compression is not known"))?;
    let mut csv = reader(bytes);
    let mut record = StringRecord::new();
    let mut next = |record: &mut StringRecord| {
        csv.read_record(record).map_err(|error| {
            let line = error.position().map_or(0, csv::Position::line);
            match error.kind() {
                csv::ErrorKind::Utf8 { .. } => Refusal::at(line, "the text is not UTF-8").of(uri),
                _ => Refusal::at(line, format!("reading breaks off: {error}")).of(uri),
            }
        })
    };
    if !next(&mut record)? {
        let hint = "the first line names the columns: see docs/sources/usage-csv.md";
        return Err(Refusal::at(0, "the file is empty, without even a header").hint(hint).of(uri));
    }
    let columns = Columns::of(&record).map_err(|refusal| refusal.of(uri))?;
    let mut lines = Vec::new();
    let mut number = 0;
    while next(&mut record)? {
        number += 1;
        lines.push(columns.line(&record, number).map_err(|refusal| refusal.of(uri))?);
    }
    Ok(lines)
}

fn reader<R: Read>(bytes: R) -> csv::Reader<R> {
    csv::ReaderBuilder::new().has_headers(false).flexible(true).trim(csv::Trim::All).from_reader(bytes)
}

fn row(line: &Line) -> UsageShare {
    let midnight = |day: chrono::NaiveDate| day.and_time(chrono::NaiveTime::MIN).and_utc();
    let selection = &line.selection;
    UsageShare {
        source_line: line.number,
        pool: selection.pool.clone(),
        cluster_id: selection.cluster.clone(),
        resource_id: selection.resource.clone(),
        service: selection.service.clone(),
        tag_key: selection.tag.as_ref().map(|(key, _)| key.clone()),
        tag_value: selection.tag.as_ref().map(|(_, value)| value.clone()),
        starts_on: midnight(line.starts_on),
        ends_on: line.ends_on.map(midnight),
        dimension: line.dimension.clone(),
        consumer: line.consumer.clone(),
        share: line.share,
        quantity: line.quantity,
        unit: line.unit.clone(),
        team: line.team.clone(),
    }
}

#[cfg(test)]
mod tests;
