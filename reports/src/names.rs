//! Names people mistype.

/// Known names by likeness to what was typed, the nearest first; one it is a part of is nearer than
/// any other.
pub fn by_likeness<'n>(typed: &str, names: impl IntoIterator<Item = &'n str>) -> Vec<&'n str> {
    let typed = typed.to_lowercase();
    let likeness = |name: &str| {
        let name = name.to_lowercase();
        (!typed.is_empty() && name.contains(&typed), strsim::jaro_winkler(&typed, &name))
    };
    let mut names: Vec<_> = names.into_iter().map(|name| (likeness(name), name)).collect();
    names.sort_by(|(a, _), (b, _)| b.0.cmp(&a.0).then(b.1.total_cmp(&a.1)));
    names.into_iter().map(|(_, name)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_holds_what_was_typed_comes_before_one_that_looks_like_it() {
        let names = ["prod.growth.events_daily", "growth.event", "ads"];
        assert_eq!(by_likeness("growth.events", names)[0], "prod.growth.events_daily");
        assert_eq!(by_likeness("Growth.evnt", names)[0], "growth.event");
        assert!(by_likeness("x", []).is_empty());
    }
}
