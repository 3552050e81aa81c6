//! One `[[pool_rule]]`: which charges a pool holds beside those it has by default.

use attribution::rules::PoolRule;

use super::section::{Faults, Section};

/// Reads one rule; every fault of it is noted.
pub(super) fn pool_rule(mut section: Section<'_, '_>, faults: &mut Faults<'_>) -> PoolRule {
    let mut tags = section.pairs(faults, "tag");
    if tags.len() > 1 {
        let message = format!("{}: `tag` must be one tag, has {}", section.name(), tags.len());
        faults.add(section.at(), message, Some("write one [[pool_rule]] for each".into()));
    }
    let rule = PoolRule {
        pool: section.required(faults, "pool").unwrap_or_default(),
        service: section.text(faults, "service"),
        usage_type: section.text(faults, "usage_type"),
        line_item_type: section.text(faults, "line_item_type"),
        tag: tags.pop(),
        resource: section.text(faults, "resource"),
        shared: section.flag(faults, "shared").unwrap_or_default(),
    };
    let unset = PoolRule { pool: rule.pool.clone(), shared: rule.shared, ..PoolRule::default() };
    if rule == unset {
        let message = format!(
            "{}: needs `service`, `usage_type`, `line_item_type`, `tag` or `resource`",
            section.name()
        );
        faults.add(section.at(), message, None);
    }
    section.finish(faults);
    rule
}
