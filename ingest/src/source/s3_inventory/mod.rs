//! S3 Inventory: lists of a bucket's objects, delivered daily or weekly as CSV or Parquet
//! (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/storage-inventory-location.html>).
//!
//! Only files a `manifest.json` lists are read. The newest delivery of a bucket and day is a
//! collection of that day; all days are kept. Objects are not landed one by one but added up
//! by prefix, storage class and age.

mod columns;
mod csv_file;
mod manifest;
mod parquet_file;
mod sums;

use std::collections::{BTreeMap, HashMap};

use model::Warning;
use model::time::{Instant, PeriodKey};

use self::manifest::{Format, Manifest};
use self::sums::Sums;
use super::{Plan, ReadError, Reader, Unit};
use crate::sink::Sink;
use crate::store::{Object, Store};

const MANIFEST: &str = "manifest.json";

/// When a delivery was made, its manifest's object, and what that says.
type Delivery<'l> = (Instant, &'l Object, Manifest);

/// The reader of `s3-inventory`.
pub(super) struct S3Inventory;

impl Reader for S3Inventory {
    fn plan(&self, store: &dyn Store, listing: &[Object]) -> Result<Plan, ReadError> {
        let mut plan = Plan::default();
        // By bucket and day: the delivery that counts.
        let mut deliveries: BTreeMap<(String, PeriodKey), Vec<Delivery<'_>>> = BTreeMap::new();
        for object in listing.iter().filter(|object| object.file_name() == MANIFEST) {
            match Manifest::parse(&store.bytes(&object.uri)?) {
                Ok(manifest) => {
                    let key = (manifest.bucket.clone(), PeriodKey::day_of(manifest.created_at));
                    deliveries.entry(key).or_default().push((manifest.created_at, object, manifest));
                }
                Err(fault) => {
                    let message =
                        format!("the manifest cannot be read, so nothing of its delivery is: {fault}");
                    plan.warnings.push(Warning::skipped("corrupt-manifest", &object.uri, message));
                }
            }
        }
        let files = by_name(listing);
        for ((bucket, day), mut found) in deliveries {
            found.sort_by(|a, b| (a.0, &a.1.uri).cmp(&(b.0, &b.1.uri)));
            let configuration =
                |object: &Object| object.parent().rsplit_once('/').map(|(path, _)| path.to_owned());
            if found.windows(2).any(|pair| configuration(pair[0].1) != configuration(pair[1].1)) {
                let message = format!(
                    "several inventories list bucket {bucket}: the newest of each day counts alone; \
                     give inventories of different prefixes a source each"
                );
                plan.warnings.push(Warning::new("several-inventories", store.root(), message));
            }
            let Some((_, object, manifest)) = found.pop() else { continue };
            let mut objects = vec![object.clone()];
            objects
                .extend(manifest.files.iter().filter_map(|key| resolve(key, &object.uri, &files)).cloned());
            plan.units.push(Unit { key: unit_key(&object.uri, &bucket, day), objects });
        }
        plan.warnings.dedup();
        if plan.units.is_empty() && plan.warnings.is_empty() && !listing.is_empty() {
            let message = "no manifest.json, so no inventory is read: which files are current cannot be told";
            plan.warnings.push(Warning::skipped("no-manifest", store.root(), message));
        }
        Ok(plan)
    }

    fn read(&self, store: &dyn Store, unit: &Unit, _now: Instant, sink: &mut Sink) -> Result<(), ReadError> {
        let Some(first) = unit.objects.first() else { return Ok(()) };
        let manifest =
            Manifest::parse(&store.bytes(&first.uri)?).map_err(|fault| malformed(&first.uri, fault, None))?;
        let files = by_name(&unit.objects);
        let mut sums = Sums::new(manifest.created_at);
        for key in &manifest.files {
            let file = resolve(key, &first.uri, &files).ok_or_else(|| {
                let fault = format!("it lists `{key}`, which is not in this location");
                let hint = "copy the inventory's bucket with all its folders, `data` above all";
                malformed(&first.uri, fault, Some(hint))
            })?;
            match manifest.format {
                Format::Csv => csv_file::read(store, file, &manifest, &mut sums)?,
                Format::Parquet => parquet_file::read(store, file, &mut sums)?,
                Format::Orc => {
                    let hint = "choose Apache Parquet or CSV as the output format of the inventory";
                    return Err(malformed(
                        &first.uri,
                        "it is delivered as ORC, which is not read".to_owned(),
                        Some(hint),
                    ));
                }
            }
        }
        sums.land(&manifest.bucket, &first.uri, sink)
    }
}

/// What a day's inventory of a bucket is called in the ledger: a newer delivery of the day
/// has the same name, so that it replaces the older one. Deliveries lie in
/// `<bucket>/<configuration>/<time>/manifest.json`.
fn unit_key(manifest: &str, bucket: &str, day: PeriodKey) -> String {
    let mut parents = manifest.rsplit('/');
    let named = parents.nth(3) == Some(bucket);
    let base = match named {
        true => manifest.rsplitn(5, '/').last().unwrap_or_default(),
        false => manifest.rsplit_once('/').map_or("", |(parent, _)| parent),
    };
    format!("{base}/{bucket}/{day}")
}

fn by_name(listing: &[Object]) -> HashMap<&str, Vec<&Object>> {
    let mut names: HashMap<&str, Vec<&Object>> = HashMap::new();
    for object in listing {
        names.entry(object.file_name()).or_default().push(object);
    }
    names
}

/// The listed object a bucket key means. The listing may be a copy of the bucket, or of a
/// part of it, anywhere: of the files of that name the one whose path ends most like the
/// key counts, then the one nearest to the manifest.
fn resolve<'o>(key: &str, manifest: &str, files: &HashMap<&str, Vec<&'o Object>>) -> Option<&'o Object> {
    let name = key.rsplit('/').next()?;
    let same_end =
        |uri: &str| uri.rsplit('/').zip(key.rsplit('/')).take_while(|(one, other)| one == other).count();
    let same_start = |uri: &str| uri.bytes().zip(manifest.bytes()).take_while(|(a, b)| a == b).count();
    files.get(name)?.iter().copied().max_by_key(|object| (same_end(&object.uri), same_start(&object.uri)))
}

fn malformed(uri: &str, fault: String, hint: Option<&str>) -> ReadError {
    ReadError::Malformed {
        what: "S3 inventory",
        object: uri.to_owned(),
        fault,
        hint: hint.map(str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deliveries_of_a_day_share_a_name_over_configurations() {
        let day = PeriodKey::parse("2026-11-20").unwrap();
        for (manifest, want) in [
            ("s3://inv/p/media/daily/2026-11-20T01-00Z/manifest.json", "s3://inv/p/media/2026-11-20"),
            ("s3://inv/p/media/other/2026-11-20T05-00Z/manifest.json", "s3://inv/p/media/2026-11-20"),
            ("/copied/manifest.json", "/copied/media/2026-11-20"),
            ("manifest.json", "/media/2026-11-20"),
        ] {
            assert_eq!(unit_key(manifest, "media", day), want);
        }
    }
}
