//! Tag keys: kept as they came, and folded so that the spellings one tag has in
//! different exports meet.
//!
//! `resourceTags/user:Team` (legacy CUR), `resource_tags_user_team` (Athena),
//! `user_team` (CUR 2.0) and `Team` (FOCUS) all fold to `team`;
//! `aws:elasticmapreduce:job-flow-id` folds to `aws_elasticmapreduce_job_flow_id`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// One tag of a charge, a run or a cluster.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Tag {
    /// Folded key, by which rules match and costs are grouped.
    pub key: String,
    /// The key as the source wrote it.
    pub raw_key: String,
    /// The value as the source wrote it.
    pub value: String,
}

impl Tag {
    /// A tag with its key folded.
    pub fn new(raw_key: &str, value: &str) -> Self {
        Self { key: fold_key(raw_key), raw_key: raw_key.to_owned(), value: value.to_owned() }
    }
}

/// Folds a tag key: lower case, source prefixes off, everything but letters and digits one `_`.
pub fn fold_key(raw_key: &str) -> String {
    let mut key = String::with_capacity(raw_key.len());
    for c in raw_key.trim().chars() {
        if c.is_alphanumeric() {
            key.extend(c.to_lowercase());
        } else if !key.ends_with('_') {
            key.push('_');
        }
    }
    let mut key = key.trim_matches('_');
    for prefix in ["resourcetags_", "resource_tags_", "user_"] {
        key = key.strip_prefix(prefix).filter(|rest| !rest.is_empty()).unwrap_or(key);
    }
    key.to_owned()
}

/// The tags of one thing, sorted, without doubles and empty values: equal sets are equal.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TagSet(Vec<Tag>);

impl TagSet {
    /// Collects tags; empty values are no tags (a CUR has a column for every key).
    pub fn new(tags: impl IntoIterator<Item = Tag>) -> Self {
        let mut tags: Vec<Tag> = tags.into_iter().filter(|tag| !tag.value.is_empty()).collect();
        tags.sort();
        tags.dedup();
        Self(tags)
    }

    /// The tags, sorted by folded key.
    pub fn tags(&self) -> &[Tag] {
        &self.0
    }

    /// Folded keys that occur with more than one value: both are kept, and a rule on
    /// them matches either.
    pub fn collisions(&self) -> Vec<&str> {
        let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
        for tag in &self.0 {
            *seen.entry(&tag.key).or_default() += 1;
        }
        seen.into_iter().filter(|(_, n)| *n > 1).map(|(key, _)| key).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_key_meet() {
        for raw in
            ["resourceTags/user:Team", "resource_tags_user_team", "user_team", "user:team", " Team", "TEAM"]
        {
            assert_eq!(fold_key(raw), "team", "{raw}");
        }
        assert_eq!(
            fold_key("resourceTags/aws:elasticmapreduce:job-flow-id"),
            "aws_elasticmapreduce_job_flow_id"
        );
        assert_eq!(fold_key("user"), "user");
        assert_eq!(fold_key("user:"), "user");
    }

    #[test]
    fn a_set_has_no_order_and_no_empty_tags() {
        let set = |pairs: &[(&str, &str)]| TagSet::new(pairs.iter().map(|(k, v)| Tag::new(k, v)));
        assert_eq!(set(&[("a", "1"), ("b", "2"), ("c", "")]), set(&[("b", "2"), ("a", "1"), ("a", "1")]));
        assert_eq!(set(&[("Team", "x"), ("team", "y"), ("b", "1")]).collisions(), ["team"]);
    }
}
