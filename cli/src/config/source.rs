//! One `[[source]]`: what is read, of which kind, and how its bucket is reached.

use ingest::source::{KINDS, LATER_KINDS, SourceOptions};
use ingest::store::S3Options;

use super::section::{Faults, Section, nearest};

/// One source as configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceConfig {
    /// Name: letters, digits, `-` and `_`.
    pub name: String,
    /// Kind.
    pub kind: String,
    /// File, directory or `s3://bucket/prefix`.
    pub uri: String,
    /// What its reader is told.
    pub options: SourceOptions,
    /// How its bucket is reached.
    pub s3: S3Options,
}

/// Whether two sources of one kind would read the same objects.
pub(super) fn overlap(a: &SourceConfig, b: &SourceConfig) -> bool {
    let place =
        |source: &SourceConfig| format!("{}/", source.uri.trim_start_matches("./").trim_end_matches('/'));
    let (a_place, b_place) = (place(a), place(b));
    a.kind == b.kind && (a_place.starts_with(&b_place) || b_place.starts_with(&a_place))
}

/// Reads one source; every fault of it is noted.
pub(super) fn source(mut section: Section<'_, '_>, faults: &mut Faults<'_>) -> Option<SourceConfig> {
    let name = section.required(faults, "name");
    if let Some(name) = &name
        && !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
    {
        let message = format!("{}: name `{name}` may hold letters, digits, `-` and `_` only", section.name());
        faults.add(section.at(), message, None);
    }
    let kind = section.required(faults, "kind");
    if let Some(kind) = &kind
        && !KINDS.contains(&kind.as_str())
    {
        let (message, hint) = if LATER_KINDS.contains(&kind.as_str()) {
            (format!("{}: kind `{kind}` cannot be read yet", section.name()), None)
        } else {
            let hint = nearest(kind, KINDS.iter().copied()).map(|kind| format!("did you mean `{kind}`?"));
            (format!("{}: unknown kind `{kind}`", section.name()), hint)
        };
        let hint = hint.unwrap_or_else(|| format!("kinds that can: {}", KINDS.join(", ")));
        faults.add(section.at(), message, Some(hint));
    }
    let uri = section.required(faults, "uri");
    let mut location_map = section.pairs(faults, "location_map");
    // The longest prefix is the most exact: it is tried first.
    location_map.sort_by(|a, b| b.0.len().cmp(&a.0.len()).then(a.cmp(b)));
    let options = SourceOptions {
        cluster: section.text(faults, "cluster"),
        location_map,
        catalog: section.text(faults, "catalog"),
    };
    let s3 = s3_options(&mut section, faults);
    section.finish(faults);
    Some(SourceConfig { name: name?, kind: kind?, uri: uri?, options, s3 })
}

/// How a bucket is reached.
pub(super) fn s3_options(section: &mut Section<'_, '_>, faults: &mut Faults<'_>) -> S3Options {
    S3Options {
        region: section.text(faults, "region"),
        profile: section.text(faults, "profile"),
        endpoint: section.text(faults, "endpoint"),
        path_style: section.flag(faults, "path_style").unwrap_or_default(),
        keys: None,
    }
}
