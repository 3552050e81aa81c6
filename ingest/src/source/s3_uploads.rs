//! Incomplete multipart uploads: what `aws s3api list-multipart-uploads` prints for a bucket,
//! and where they were fetched too, what `list-parts` prints for an upload, which alone
//! knows how many bytes were sent. S3 bills those bytes and S3 Inventory does not list them.
//!
//! One directory is read together. Listings name their bucket (`Bucket`); of one that does
//! not, the file's name is it (`media-lake.json`). When a listing was made is told by a day
//! in its path (`2026-10-05`, `2026-10-05T01-00Z`), else by the file's own time.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::NaiveDate;
use model::Warning;
use model::time::{Instant, PeriodKey};
use serde::Deserialize;

use super::directories::is_json;
use super::iso_time::iso_time;
use super::records::{Ending, each_record};
use super::scalars::clean;
use super::{Plan, ReadError, Reader, Unit};
use crate::rows::{Begun, Upload};
use crate::sink::Sink;
use crate::store::{Object, Store};

const WHAT: &str = "list of multipart uploads";

/// The reader of `s3-uploads`.
pub(super) struct S3Uploads;

/// An answer of `ListMultipartUploads` or `ListParts`.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    bucket: Option<String>,
    uploads: Option<Vec<ListedUpload>>,
    upload_id: Option<String>,
    parts: Option<Vec<Part>>,
    /// Pages, where the CLI was told not to follow them.
    is_truncated: Option<bool>,
    /// Where it follows them, what is left of an answer about a bucket that has none.
    prefix: Option<String>,
}

impl Answer {
    /// Whether it tells of a bucket's uploads, be there any or none.
    fn is_listing(&self) -> bool {
        let is_answer = self.uploads.is_some() || self.is_truncated.is_some() || self.prefix.is_some();
        is_answer && self.parts.is_none() && self.upload_id.is_none()
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListedUpload {
    key: String,
    upload_id: String,
    initiated: String,
    storage_class: Option<String>,
    initiator: Option<Person>,
}

#[derive(Deserialize)]
struct Person {
    #[serde(rename = "DisplayName")]
    name: Option<String>,
    #[serde(rename = "ID")]
    id: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Part {
    size: Option<i64>,
}

/// A listing: when, and of which bucket.
type Listed = (Instant, String);

#[derive(Default)]
struct Directory {
    /// Those, or pages of those, without any.
    empty: BTreeSet<Listed>,
    /// Uploads by listing, key and id.
    uploads: BTreeMap<(Listed, String, String), Begun>,
    /// Bytes of the parts, by upload id.
    bytes: HashMap<String, i64>,
}

impl Reader for S3Uploads {
    fn plan(&self, _store: &dyn Store, listing: &[Object]) -> Result<Plan, ReadError> {
        let mut directories: BTreeMap<&str, Vec<Object>> = BTreeMap::new();
        for object in listing.iter().filter(|object| is_json(object)) {
            directories.entry(object.parent()).or_default().push(object.clone());
        }
        let units = directories.into_iter().map(|(key, objects)| Unit { key: key.to_owned(), objects });
        Ok(Plan { units: units.collect(), warnings: Vec::new() })
    }

    /// 2: a bucket without any has a row.
    fn revision(&self) -> u32 {
        2
    }

    fn read(&self, store: &dyn Store, unit: &Unit, now: Instant, sink: &mut Sink) -> Result<(), ReadError> {
        let mut directory = Directory::default();
        for object in &unit.objects {
            directory.file(store, object, now, sink)?;
        }
        // That a bucket has none any more is known too.
        for (listed, ..) in directory.uploads.keys() {
            directory.empty.remove(listed);
        }
        let none = directory.empty.into_iter().map(|listed| (listed, None));
        let some = directory.uploads.into_iter().map(|((listed, ..), mut begun)| {
            begun.bytes = directory.bytes.get(&begun.upload_id).copied();
            (listed, Some(begun))
        });
        for ((collected_at, bucket), begun) in none.chain(some) {
            sink.push(PeriodKey::day_of(collected_at), &Upload { collected_at, bucket, begun })?;
        }
        Ok(())
    }
}

impl Directory {
    fn file(
        &mut self,
        store: &dyn Store,
        object: &Object,
        now: Instant,
        sink: &mut Sink,
    ) -> Result<(), ReadError> {
        let uri = object.uri.as_str();
        let collected_at = day_in(uri).or(object.modified).unwrap_or(now);
        let malformed = |line: u64, fault: String| ReadError::Malformed {
            what: WHAT,
            object: format!("{uri}:{line}"),
            fault,
            hint: None,
        };
        let mut answers = 0_u64;
        let ending = each_record(store, object, WHAT, &mut |record| {
            let answer: Answer = serde_json::from_slice(record.text)
                .map_err(|fault| malformed(record.line, fault.to_string()))?;
            // A bucket without uploads is answered without the list.
            let is_of_parts = answer.parts.is_some() || answer.upload_id.is_some();
            answers += u64::from(answer.is_listing() || is_of_parts);
            self.answer(answer, object, collected_at, sink);
            Ok(())
        })?;
        let fault = match ending {
            Ending::Whole => None,
            Ending::Cut => Some("it stops in the middle".to_owned()),
            Ending::Damaged(fault) => Some(fault),
        };
        if let Some(fault) = fault {
            return Err(ReadError::Malformed { what: WHAT, object: uri.to_owned(), fault, hint: None });
        }
        if answers == 0 {
            let message = "the file lists neither uploads nor parts";
            sink.warn(Warning::new("no-uploads", uri, message));
        }
        Ok(())
    }

    fn answer(&mut self, answer: Answer, object: &Object, collected_at: Instant, sink: &mut Sink) {
        let uri = object.uri.as_str();
        if let (Some(id), Some(parts)) = (&answer.upload_id, &answer.parts) {
            let bytes = parts.iter().filter_map(|part| part.size).filter(|bytes| *bytes >= 0);
            let known = self.bytes.entry(clean(id)).or_default();
            *known = bytes.fold(*known, i64::saturating_add);
        }
        if !answer.is_listing() {
            return;
        }
        if answer.is_truncated == Some(true) {
            let message = "the listing says there is more than it has: list all its pages";
            sink.warn(Warning::skipped("truncated-listing", uri, message));
        }
        let stem = object.file_name().split(".json").next().unwrap_or_default();
        let bucket = clean(answer.bucket.as_deref().filter(|bucket| !bucket.is_empty()).unwrap_or(stem));
        let listed = (collected_at, bucket);
        // Of a part of a bucket, be it a prefix or a page, it does not say that there are none elsewhere.
        let is_whole =
            answer.is_truncated != Some(true) && answer.prefix.as_deref().unwrap_or_default().is_empty();
        let uploads = answer.uploads.unwrap_or_default();
        if uploads.is_empty() && is_whole {
            self.empty.insert(listed.clone());
        }
        for upload in uploads {
            let Some(initiated_at) = iso_time(&upload.initiated) else {
                let message = "an upload without a believable time was left out";
                sink.warn(Warning::skipped("bad-time", uri, message));
                continue;
            };
            let begun = Begun {
                key: clean(&upload.key),
                upload_id: clean(&upload.upload_id),
                initiated_at,
                storage_class: upload.storage_class.as_deref().map(clean),
                initiator: upload.initiator.and_then(|by| by.name.or(by.id)).as_deref().map(clean),
                bytes: None,
            };
            let place = (listed.clone(), begun.key.clone(), begun.upload_id.clone());
            self.uploads.insert(place, begun);
        }
    }
}

/// The last day that stands in a path, and where an hour follows it that too.
fn day_in(uri: &str) -> Option<Instant> {
    let at = (0..uri.len()).rev().find_map(|at| {
        let apart = !uri.get(..at)?.ends_with(|c: char| c.is_ascii_digit());
        let day = NaiveDate::parse_from_str(uri.get(at..at + 10)?, "%Y-%m-%d").ok()?;
        apart.then_some((at, day))
    });
    let (at, day) = at?;
    let clock = uri.get(at + 10..at + 16).and_then(|clock| {
        let (hour, minute) = clock.strip_prefix('T')?.split_once(['-', ':'])?;
        day.and_hms_opt(hour.parse().ok()?, minute.parse().ok()?, 0)
    });
    let at = clock.unwrap_or_else(|| day.and_time(chrono::NaiveTime::MIN)).and_utc();
    model::time::from_epoch_ms(at.timestamp_millis())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_in_a_path_is_when_it_was_listed() {
        for (uri, want) in [
            ("/x/2026-10-05/media.json", Some("2026-10-05T00:00:00Z")),
            ("/x/2026-10-05T01-30Z/media.json", Some("2026-10-05T01:30:00Z")),
            ("/x/dt=2026-10-04/media-2026-10-05.json", Some("2026-10-05T00:00:00Z")),
            ("/x/12026-10-05/media.json", None),
            ("/x/2026-13-05/é.json", None),
        ] {
            assert_eq!(day_in(uri), want.map(|at| at.parse().unwrap()), "{uri}");
        }
    }
}
