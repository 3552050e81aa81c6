//! Exports that are several files which only make sense together.

use std::collections::BTreeMap;

use super::Unit;
use crate::store::Object;

/// One unit a directory: of all JSON files in it and in the directories below it. A
/// directory below one that holds files itself is part of that one.
pub(super) fn directory_units<'a>(objects: impl Iterator<Item = &'a Object>) -> Vec<Unit> {
    let mut directories: BTreeMap<String, Vec<Object>> = BTreeMap::new();
    for object in objects {
        // With its slash, so that the directories below one follow it in the order of names.
        directories.entry(format!("{}/", object.parent())).or_default().push(object.clone());
    }
    let mut units: Vec<Unit> = Vec::new();
    for (directory, objects) in directories {
        match units.last_mut().filter(|last| directory.starts_with(&format!("{}/", last.key))) {
            Some(above) => above.objects.extend(objects),
            None => units.push(Unit { key: directory.trim_end_matches('/').to_owned(), objects }),
        }
    }
    units
}

/// Whether a file is JSON by its name, packed or not, and no hidden or half-written one.
pub(super) fn is_json(object: &Object) -> bool {
    let name = object.file_name();
    let plain = name.strip_suffix(".gz").unwrap_or(name);
    let json = [".json", ".jsonl", ".ndjson"].iter().any(|ending| plain.ends_with(ending));
    object.size > 0 && json && !name.starts_with(['.', '_'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(uri: &str) -> Object {
        Object { uri: uri.to_owned(), size: 1, fingerprint: String::new(), modified: None }
    }

    #[test]
    fn a_directory_holds_those_below_it() {
        let listing = [
            "/e/10/a.json",
            "/e/10/tries/b.json",
            "/e/10-late/c.json",
            "/e/11/tries/d.json",
            "/e/11/tries/deep/e.json",
            "/e/11/f/g.json",
        ]
        .map(object);
        let units = directory_units(listing.iter());
        let shape: Vec<(&str, usize)> = units.iter().map(|unit| (&*unit.key, unit.objects.len())).collect();
        assert_eq!(shape, [("/e/10-late", 1), ("/e/10", 2), ("/e/11/f", 1), ("/e/11/tries", 2)]);
    }

    #[test]
    fn json_is_known_by_its_name() {
        let names = ["a.json", "a.jsonl.gz", "a.ndjson", "a.txt", ".a.json", "_a.json", "json"];
        let kept: Vec<&str> =
            names.into_iter().filter(|name| is_json(&object(&format!("/x/{name}")))).collect();
        assert_eq!(kept, ["a.json", "a.jsonl.gz", "a.ndjson"]);
    }
}
