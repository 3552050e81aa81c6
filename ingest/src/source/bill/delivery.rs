//! Deliveries of the legacy Cost and Usage Report: which files are the bill of a month.
//!
//! AWS delivers a month many times. Each delivery ("assembly") has a folder of its own,
//! and old ones stay; only the manifest in the folder of the billing period names the
//! current one (<https://docs.aws.amazon.com/cur/latest/userguide/view-cur.html>). Reading
//! every file found would bill the month several times.

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use model::Warning;
use model::time::{Period, PeriodKey};
use serde::Deserialize;

use super::export::is_partition;
use super::malformed;
use crate::source::{Plan, ReadError, Unit};
use crate::store::{Object, Store};

const MANIFEST_SUFFIX: &str = "-Manifest.json";
const DATA_SUFFIXES: [&str; 3] = [".csv", ".csv.gz", ".parquet"];

/// The parts of a manifest that matter; the rest (columns above all, which are not those
/// of the file in what some tools write) is not looked at.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Manifest {
    report_keys: Vec<String>,
    billing_period: Span,
    #[serde(default)]
    account: serde_json::Value,
    #[serde(default)]
    compression: String,
}

/// `20250101T000000.000Z` twice.
#[derive(Debug, Deserialize)]
struct Span {
    start: String,
    end: String,
}

impl Span {
    fn period(&self) -> Option<Period> {
        let day = |text: &str| {
            Some(NaiveDate::parse_from_str(text.get(..8)?, "%Y%m%d").ok()?.and_hms_opt(0, 0, 0)?.and_utc())
        };
        let period = Period { start: day(&self.start)?, end: day(&self.end)? };
        (period.start < period.end).then_some(period)
    }
}

/// What one delivery is made of.
pub(in crate::source) struct Delivery<'u> {
    /// Its data files, in the manifest's order.
    pub files: Vec<&'u Object>,
    /// The billing period, where the manifest or the directory says.
    pub period: Option<Period>,
}

/// Groups a listing into deliveries, one unit a billing month.
pub(in crate::source) fn plan(store: &dyn Store, listing: &[Object]) -> Result<Plan, ReadError> {
    let mut plan = Plan::default();
    if let [only] = listing
        && only.uri.trim_end_matches('/') == store.root().trim_end_matches('/')
        && is_data(only)
    {
        let message = "a file by itself, without a manifest: taken for the whole bill of its months";
        plan.warnings.push(Warning::new("no-manifest", &only.uri, message));
        plan.units.push(Unit::single(only.clone()));
        return Ok(plan);
    }

    let manifests: Vec<&Object> =
        listing.iter().filter(|object| object.file_name().ends_with(MANIFEST_SUFFIX)).collect();
    let mut billed: BTreeMap<(String, String), Vec<&str>> = BTreeMap::new();
    for object in manifests.iter().copied().filter(|object| is_period(last_segment(object.parent()))) {
        let manifest = match parse(&store.bytes(&object.uri)?) {
            Ok(manifest) => manifest,
            Err(fault) => {
                let message = format!("the manifest cannot be read, so nothing of its month is: {fault}");
                plan.warnings.push(Warning::skipped("corrupt-manifest", &object.uri, message));
                continue;
            }
        };
        let account = manifest.account.as_str().map_or_else(|| manifest.account.to_string(), str::to_owned);
        billed.entry((account, manifest.billing_period.start.clone())).or_default().push(&object.uri);
        let mut objects = vec![object.clone()];
        objects.extend(
            manifest.report_keys.iter().filter_map(|key| resolve(key, &object.uri, listing)).cloned(),
        );
        plan.units.push(Unit { key: object.uri.clone(), objects });
    }
    for ((account, _), uris) in billed.into_iter().filter(|(_, uris)| uris.len() > 1) {
        let message = format!(
            "{} reports here bill account {account} for this month, and their costs add up: {}",
            uris.len(),
            uris.join(", ")
        );
        plan.warnings.push(Warning::new("several-reports", uris[0], message));
    }

    if manifests.is_empty() {
        plan.units.extend(month_directories(listing));
    }
    if plan.units.is_empty() && plan.warnings.is_empty() && !listing.is_empty() {
        plan.warnings.push(nothing_found(store.root(), listing, &manifests));
    }
    Ok(plan)
}

fn nothing_found(root: &str, listing: &[Object], manifests: &[&Object]) -> Warning {
    let message = if manifests.is_empty() {
        let files = listing.iter().filter(|object| is_data(object)).count();
        format!(
            "no manifest ({MANIFEST_SUFFIX}) and no year=/month= directory of Parquet, so none of {files} data files is read: \
             which of them is current cannot be told"
        )
    } else {
        "every manifest here lies in the folder of one assembly, none in that of a billing period: \
         which assembly is current cannot be told"
            .to_owned()
    };
    Warning::skipped("no-manifest", root, message)
}

/// Finds the files of a planned unit again, and what it says of their period.
///
/// # Errors
/// When the manifest cannot be read any more, or lists a file that is not there.
pub(in crate::source) fn open<'u>(store: &dyn Store, unit: &'u Unit) -> Result<Delivery<'u>, ReadError> {
    let Some(first) = unit.objects.first().filter(|first| first.file_name().ends_with(MANIFEST_SUFFIX))
    else {
        return Ok(Delivery {
            files: unit.objects.iter().collect(),
            period: directory_month(&unit.key).map(PeriodKey::period),
        });
    };
    let manifest = parse(&store.bytes(&first.uri)?).map_err(|fault| malformed(&first.uri, fault, None))?;
    if manifest.compression.eq_ignore_ascii_case("zip") {
        let hint = "choose gzip or Parquet as the compression of the report";
        return Err(malformed(&first.uri, "the report is delivered as zip, which is not read", Some(hint)));
    }
    let mut files = Vec::with_capacity(manifest.report_keys.len());
    for key in &manifest.report_keys {
        let file = resolve(key, &first.uri, &unit.objects).ok_or_else(|| {
            let fault = format!("it lists `{key}`, which is not in this location");
            malformed(
                &first.uri,
                fault,
                Some("copy the bucket with all its folders, or wait until the delivery is complete"),
            )
        })?;
        files.push(file);
    }
    Ok(Delivery { files, period: manifest.billing_period.period() })
}

fn parse(bytes: &[u8]) -> Result<Manifest, String> {
    let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    let manifest: Manifest = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    if manifest.billing_period.period().is_none() {
        return Err(format!("`{}` is no billing period", manifest.billing_period.start));
    }
    let mut seen = BTreeSet::new();
    match manifest.report_keys.iter().find(|key| !seen.insert(key.as_str())) {
        Some(twice) => Err(format!("it lists `{twice}` twice")),
        None => Ok(manifest),
    }
}

/// The listed object a bucket key means. The listing may be a copy of the bucket, or of a
/// part of it, anywhere: the longest end of the key that is found counts, but not less
/// than its part from the period on, as every assembly has files of the same names.
pub(super) fn resolve<'o>(key: &str, manifest: &str, listing: &'o [Object]) -> Option<&'o Object> {
    let segments: Vec<&str> = key.split('/').filter(|segment| !segment.is_empty()).collect();
    let least = segments
        .iter()
        .position(|segment| is_period(segment) || is_partition(segment) || segment.starts_with("year="))
        .unwrap_or(0);
    (0..=least).find_map(|from| {
        let end = segments.get(from..)?.join("/");
        listing
            .iter()
            .filter(|object| {
                object
                    .uri
                    .strip_suffix(end.as_str())
                    .is_some_and(|rest| rest.is_empty() || rest.ends_with('/'))
            })
            // Two copies of one bucket below one location: the one the manifest is in.
            .max_by_key(|object| common_prefix(&object.uri, manifest))
    })
}

fn common_prefix(a: &str, b: &str) -> usize {
    a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count()
}

/// Parquet without manifests, as the integration with Athena lays it out:
/// `year=2018/month=10/*.parquet`, each directory the current bill of its month.
fn month_directories(listing: &[Object]) -> Vec<Unit> {
    let mut months: BTreeMap<&str, Vec<Object>> = BTreeMap::new();
    for object in listing.iter().filter(|object| object.uri.ends_with(".parquet")) {
        if directory_month(object.parent()).is_some() {
            months.entry(object.parent()).or_default().push(object.clone());
        }
    }
    months.into_iter().map(|(directory, objects)| Unit { key: directory.to_owned(), objects }).collect()
}

fn directory_month(directory: &str) -> Option<PeriodKey> {
    let (parent, month) = directory.rsplit_once('/')?;
    let month: u32 = month.strip_prefix("month=")?.parse().ok()?;
    let year: i32 = last_segment(parent).strip_prefix("year=")?.parse().ok()?;
    NaiveDate::from_ymd_opt(year, month, 1).map(PeriodKey::Month)
}

fn is_data(object: &Object) -> bool {
    DATA_SUFFIXES.iter().any(|suffix| object.uri.ends_with(suffix))
}

/// `20250101-20250201`
fn is_period(segment: &str) -> bool {
    let bytes = segment.as_bytes();
    bytes.len() == 17
        && bytes
            .iter()
            .enumerate()
            .all(|(at, byte)| if at == 8 { *byte == b'-' } else { byte.is_ascii_digit() })
}

fn last_segment(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listing(uris: &[&str]) -> Vec<Object> {
        let object = |uri: &&str| Object {
            uri: (*uri).to_owned(),
            size: 1,
            fingerprint: String::new(),
            modified: None,
        };
        uris.iter().map(object).collect()
    }

    fn check(key: &str, manifest: &str, uris: &[&str], want: Option<&str>) {
        let listing = listing(uris);
        assert_eq!(resolve(key, manifest, &listing).map(|object| object.uri.as_str()), want);
    }

    #[test]
    fn a_key_is_found_wherever_the_bucket_was_copied() {
        let key = "p/r/20180801-20180901/a1/r-1.csv.gz";
        let whole = "/data/copy/p/r/20180801-20180901/a1/r-1.csv.gz";
        let part = "/data/20180801-20180901/a1/r-1.csv.gz";
        check(key, "/data/copy/p/r/20180801-20180901/r-Manifest.json", &[whole], Some(whole));
        check(key, "/data/20180801-20180901/r-Manifest.json", &[part], Some(part));
        check(
            key,
            "s3://b/p/r/20180801-20180901/r-Manifest.json",
            &["s3://b/p/r/20180801-20180901/a1/r-1.csv.gz"],
            Some("s3://b/p/r/20180801-20180901/a1/r-1.csv.gz"),
        );
    }

    #[test]
    fn a_file_of_another_assembly_month_or_report_is_not_it() {
        let key = "p/r/20180801-20180901/a1/r-1.csv.gz";
        let manifest = "/data/p/r/20180801-20180901/r-Manifest.json";
        check(
            key,
            manifest,
            &["/data/p/r/20180801-20180901/a2/r-1.csv.gz", "/data/p/r/20180901-20181001/a1/r-1.csv.gz"],
            None,
        );
        check(
            "p/r/r/year=2018/month=1/r-1.parquet",
            manifest,
            &["/data/p/r/r/year=2019/month=1/r-1.parquet"],
            None,
        );
        check("r-1.csv.gz", manifest, &["/data/other-r-1.csv.gz"], None);
    }

    #[test]
    fn of_two_copies_the_nearer_one_counts() {
        let key = "p/20180801-20180901/a1/r-1.csv.gz";
        let (one, two) =
            ("/data/one/p/20180801-20180901/a1/r-1.csv.gz", "/data/two/p/20180801-20180901/a1/r-1.csv.gz");
        check(key, "/data/one/p/20180801-20180901/r-Manifest.json", &[one, two], Some(one));
        check(key, "/data/two/p/20180801-20180901/r-Manifest.json", &[one, two], Some(two));
    }

    #[test]
    fn month_directories_are_read_from_their_names() {
        assert_eq!(
            directory_month("/data/year=2018/month=10").map(|m| m.to_string()).as_deref(),
            Some("2018-10")
        );
        assert_eq!(
            directory_month("/data/year=2018/month=1").map(|m| m.to_string()).as_deref(),
            Some("2018-01")
        );
        assert_eq!(directory_month("/data/year=2018/month=13"), None);
        assert_eq!(directory_month("/data/cost_and_usage_data_status"), None);
    }
}
