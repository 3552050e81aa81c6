//! AWS Data Exports: which files are the bill of a month
//! (<https://docs.aws.amazon.com/cur/latest/userguide/dataexports-export-delivery.html>).
//!
//! `<export>/metadata/BILLING_PERIOD=2026-10/<export>-Manifest.json` is always that of the
//! newest refresh and names its files. An export that keeps its refreshes has one more
//! manifest in a folder for each, which is looked at only where the first is missing: a
//! listing of `data/` would count a month once for every refresh, and an overwritten
//! export may leave files that belong to nothing.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use model::Warning;
use model::time::PeriodKey;
use serde::Deserialize;

use super::delivery::{Delivery, resolve};
use super::malformed;
use crate::source::{Plan, ReadError, Unit};
use crate::store::{Object, Store};

const MANIFEST_SUFFIX: &str = "Manifest.json";
const PARTITION: &str = "billing_period=";

/// The part of a manifest that matters.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Manifest {
    data_files: Vec<String>,
}

/// Where a manifest stands.
struct Place<'o> {
    object: &'o Object,
    /// Location of the export, up to `metadata`.
    export: &'o str,
    month: PeriodKey,
    /// Folder of one refresh; its name begins with the time.
    execution: Option<&'o str>,
}

impl<'o> Place<'o> {
    fn of(object: &'o Object) -> Option<Self> {
        if !object.file_name().ends_with(MANIFEST_SUFFIX) {
            return None;
        }
        let (export, rest) = object.parent().rsplit_once("/metadata/")?;
        let (partition, execution) = match rest.split_once('/') {
            Some((partition, execution)) => (partition, Some(execution)),
            None => (rest, None),
        };
        Some(Self { object, export, month: partition_month(partition)?, execution })
    }
}

/// Whether a listing is that of Data Exports.
pub(in crate::source) fn has_exports(listing: &[Object]) -> bool {
    listing.iter().any(|object| Place::of(object).is_some())
}

/// Groups a listing into deliveries, one unit an export and month.
pub(in crate::source) fn plan(store: &dyn Store, listing: &[Object]) -> Result<Plan, ReadError> {
    let mut plan = Plan::default();
    let mut newest: BTreeMap<(&str, PeriodKey), Place<'_>> = BTreeMap::new();
    for place in listing.iter().filter_map(Place::of) {
        let known = newest.get(&(place.export, place.month));
        // The folder of the month before those of refreshes, then the latest of these.
        let rank = |place: &Place<'_>| (place.execution.is_none(), place.execution.map(str::to_owned));
        if known.is_none_or(|known| rank(known) < rank(&place)) {
            newest.insert((place.export, place.month), place);
        }
    }
    let mut billed: BTreeMap<PeriodKey, Vec<&str>> = BTreeMap::new();
    for ((_, month), place) in &newest {
        let manifest = match parse(&store.bytes(&place.object.uri)?) {
            Ok(manifest) => manifest,
            Err(fault) => {
                let message = format!("the manifest cannot be read, so nothing of its month is: {fault}");
                plan.warnings.push(Warning::skipped("corrupt-manifest", &place.object.uri, message));
                continue;
            }
        };
        billed.entry(*month).or_default().push(&place.object.uri);
        let mut objects = vec![place.object.clone()];
        let files = manifest.data_files.iter();
        objects.extend(files.filter_map(|key| resolve(key, &place.object.uri, listing)).cloned());
        plan.units.push(Unit { key: place.object.uri.clone(), objects });
    }
    for (month, uris) in billed.into_iter().filter(|(_, uris)| uris.len() > 1) {
        let message =
            format!("{} exports here bill {month}, and their costs add up: {}", uris.len(), uris.join(", "));
        plan.warnings.push(Warning::new("several-reports", uris[0], message));
    }
    if plan.units.is_empty() && plan.warnings.is_empty() && !listing.is_empty() {
        let message = "no manifest (metadata/BILLING_PERIOD=.../...-Manifest.json), so nothing is read: \
             which files are current cannot be told";
        plan.warnings.push(Warning::skipped("no-manifest", store.root(), message));
    }
    Ok(plan)
}

/// Finds the files of a planned unit again. A unit without a manifest is its objects.
///
/// # Errors
/// When the manifest cannot be read any more, or lists a file that is not there.
pub(in crate::source) fn open<'u>(store: &dyn Store, unit: &'u Unit) -> Result<Delivery<'u>, ReadError> {
    let Some(place) = unit.objects.first().and_then(Place::of) else {
        return Ok(Delivery { files: unit.objects.iter().collect(), period: None });
    };
    let uri = &place.object.uri;
    let manifest = parse(&store.bytes(uri)?).map_err(|fault| malformed(uri, fault, None))?;
    let mut files = Vec::with_capacity(manifest.data_files.len());
    for key in &manifest.data_files {
        let file = resolve(key, uri, &unit.objects).ok_or_else(|| {
            let fault = format!("it lists `{key}`, which is not in this location");
            let hint =
                "copy the export with its folders data and metadata, or wait until the delivery is complete";
            malformed(uri, fault, Some(hint))
        })?;
        files.push(file);
    }
    Ok(Delivery { files, period: Some(place.month.period()) })
}

fn parse(bytes: &[u8]) -> Result<Manifest, String> {
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    let manifest: Manifest = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    let mut seen = std::collections::BTreeSet::new();
    match manifest.data_files.iter().find(|key| !seen.insert(key.as_str())) {
        Some(twice) => Err(format!("it lists `{twice}` twice")),
        None => Ok(manifest),
    }
}

/// Whether a folder is that of a billing period: `BILLING_PERIOD=2026-10`.
pub(super) fn is_partition(folder: &str) -> bool {
    partition_month(folder).is_some()
}

fn partition_month(folder: &str) -> Option<PeriodKey> {
    // FOCUS exports spell it in lower case.
    let (name, month) = folder.split_at_checked(PARTITION.len())?;
    if !name.eq_ignore_ascii_case(PARTITION) {
        return None;
    }
    NaiveDate::parse_from_str(&format!("{month}-01"), "%Y-%m-%d").ok().map(PeriodKey::Month)
}

/// A month where a file by itself stands for it.
pub(in crate::source) fn single_file(store: &dyn Store, listing: &[Object]) -> Option<Plan> {
    let [only] = listing else { return None };
    if only.uri.trim_end_matches('/') != store.root().trim_end_matches('/') {
        return None;
    }
    let message = "a file by itself, without a manifest: taken for the whole bill of its months";
    let warnings = vec![Warning::new("no-manifest", &only.uri, message)];
    Some(Plan { units: vec![Unit::single(only.clone())], warnings })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn manifests_tell_where_they_stand() {
        let place = |uri: &str| {
            let object = Object { uri: uri.to_owned(), size: 1, fingerprint: String::new(), modified: None };
            Place::of(&object).map(|place| {
                (place.export.to_owned(), place.month.to_string(), place.execution.map(str::to_owned))
            })
        };
        assert_eq!(
            place("s3://b/p/cur/metadata/BILLING_PERIOD=2026-10/cur-Manifest.json"),
            Some(("s3://b/p/cur".to_owned(), "2026-10".to_owned(), None))
        );
        assert_eq!(
            place("/x/cur/metadata/billing_period=2026-10/20261102T060000Z-ab/cur-Manifest.json"),
            Some(("/x/cur".to_owned(), "2026-10".to_owned(), Some("20261102T060000Z-ab".to_owned())))
        );
        assert_eq!(place("/x/20180801-20180901/r-Manifest.json"), None);
        assert_eq!(place("/x/metadata/BILLING_PERIOD=2026-13/cur-Manifest.json"), None);
        assert_eq!(place("/x/metadata/BILLING_PERIOD=2026-10/cur.json"), None);
    }
}
