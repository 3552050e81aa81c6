//! The rules by which charges fall into pools, as rows: those of the configuration, then
//! the shipped table `sql/pools/pools.csv`.
//!
//! A cell of the table may hold alternatives, `|` between them; `tag` is
//! `key|key=value|value`. Each combination becomes a row of `rule_pools`, all at the rule's
//! position: SQL then knows nothing of lists. Patterns are `like` patterns in lower case,
//! since pool rules disregard case.

use crate::rules::{PoolRule, Rules, like};

/// The shipped table.
pub(crate) const SHIPPED: &str = include_str!("../sql/pools/pools.csv");

/// Columns of the shipped table, in order; the last is for readers.
const COLUMNS: usize = 11;

/// One row of `rule_pools`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PoolRow {
    /// Order in which rules are tried.
    pub position: i64,
    /// How atoms name the rule.
    pub rule_id: String,
    /// Pool.
    pub pool: String,
    /// How the pool is allocated: compute, overhead, storage, direct or shared.
    pub kind: String,
    /// `any`, `yes` (of a cluster that is known) or `node`.
    pub cluster: String,
    /// Charge category, or one of the words `charge_pools.sql` knows.
    pub charge: Option<String>,
    /// Pattern of the CUR's line item type.
    pub line_item_type: Option<String>,
    /// Pattern of the service's name, its product code or its provider.
    pub service: Option<String>,
    /// Pattern of the usage type.
    pub usage_type: Option<String>,
    /// Folded key of a tag the charge must carry.
    pub tag_key: Option<String>,
    /// Pattern of its value.
    pub tag_value: Option<String>,
    /// Pattern of the resource.
    pub resource: Option<String>,
}

/// Every rule as rows, in the order they are tried.
pub(crate) fn rows(rules: &Rules) -> Vec<PoolRow> {
    let own = rules.pool_rules.len();
    let configured = rules.pool_rules.iter().enumerate().map(|(at, rule)| configured(rule, at, own));
    let shipped = SHIPPED.lines().skip(1).enumerate().flat_map(|(at, line)| shipped(line, at));
    configured.chain(shipped).collect()
}

fn configured(rule: &PoolRule, at: usize, own: usize) -> PoolRow {
    let pattern = |glob: &Option<String>| glob.as_deref().map(|glob| like(&glob.to_lowercase()));
    let (tag_key, tag_value) = match &rule.tag {
        Some((key, value)) => (Some(model::tags::fold_key(key)), Some(like(&value.to_lowercase()))),
        None => (None, None),
    };
    PoolRow {
        // Before the first of the table, which is 0.
        position: at as i64 - own as i64,
        rule_id: format!("pool_rule {}", at + 1),
        pool: rule.pool.clone(),
        kind: if rule.shared { "shared" } else { "direct" }.to_owned(),
        cluster: "any".to_owned(),
        charge: None,
        line_item_type: pattern(&rule.line_item_type),
        service: pattern(&rule.service),
        usage_type: pattern(&rule.usage_type),
        tag_key,
        tag_value,
        resource: pattern(&rule.resource),
    }
}

/// The rows of one line of the table.
fn shipped(line: &str, at: usize) -> Vec<PoolRow> {
    let cells: Vec<&str> = line.splitn(COLUMNS, ',').collect();
    let cell = |at: usize| cells.get(at).copied().unwrap_or_default();
    let row = PoolRow {
        position: at as i64,
        rule_id: cell(0).to_owned(),
        pool: cell(1).to_owned(),
        kind: cell(2).to_owned(),
        cluster: cell(3).to_owned(),
        ..PoolRow::default()
    };
    let (keys, values) = cell(8).split_once('=').unwrap_or_default();
    let mut rows = vec![row];
    each(&mut rows, cell(4), |row, word| row.charge = Some(word));
    each(&mut rows, cell(5), |row, word| row.line_item_type = Some(word));
    each(&mut rows, cell(6), |row, word| row.service = Some(word));
    each(&mut rows, cell(7), |row, word| row.usage_type = Some(word));
    each(&mut rows, keys, |row, word| row.tag_key = Some(word));
    each(&mut rows, values, |row, word| row.tag_value = Some(word));
    each(&mut rows, cell(9), |row, word| row.resource = Some(word));
    rows
}

/// Puts every alternative of a cell into a copy of every row; an empty cell asks for nothing.
fn each(rows: &mut Vec<PoolRow>, cell: &str, put: impl Fn(&mut PoolRow, String)) {
    if cell.is_empty() {
        return;
    }
    let mut all = Vec::new();
    for row in rows.iter() {
        for word in cell.split('|') {
            let mut row = row.clone();
            put(&mut row, word.to_lowercase());
            all.push(row);
        }
    }
    *rows = all;
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_table_says_what_its_header_says() {
        assert_eq!(
            SHIPPED.lines().next(),
            Some("rule_id,pool,kind,cluster,charge,line_item_type,service,usage_type,tag,resource,note")
        );
        let mut ids = BTreeSet::new();
        for line in SHIPPED.lines().skip(1) {
            let cells: Vec<&str> = line.split(',').collect();
            assert_eq!(cells.len(), COLUMNS, "{line}");
            assert!(ids.insert(cells[0]), "{} is there twice", cells[0]);
            assert!(["compute", "overhead", "storage", "direct", "shared"].contains(&cells[2]), "{line}");
            assert!(["any", "yes", "node"].contains(&cells[3]), "{line}");
            assert!(cells[8].is_empty() || cells[8].matches('=').count() == 1, "{line}");
            assert!(!cells[10].is_empty(), "{} has no note", cells[0]);
        }
        // The last rule asks for nothing: every charge has a pool.
        let rows = rows(&Rules::default());
        let last = PoolRow { position: ids.len() as i64 - 1, ..rows[rows.len() - 1].clone() };
        let all = |word: &str| word.to_owned();
        let other = PoolRow {
            rule_id: all("other"),
            pool: all("other"),
            kind: all("direct"),
            cluster: all("any"),
            position: last.position,
            ..PoolRow::default()
        };
        assert_eq!(last, other);
    }

    #[test]
    fn alternatives_are_rows_of_one_rule_and_own_rules_come_first() {
        let line = "host,stream,direct,any,,,A|b,,app|name=%Kafka%|x,,why";
        let found: Vec<_> = shipped(line, 7)
            .into_iter()
            .map(|row| (row.position, row.service.unwrap(), row.tag_key.unwrap(), row.tag_value.unwrap()))
            .collect();
        let mut want = Vec::new();
        for service in ["a", "b"] {
            for key in ["app", "name"] {
                want.extend(["%kafka%", "x"].map(|value| (7, service.into(), key.into(), value.into())));
            }
        }
        assert_eq!(found, want);

        let own = PoolRule {
            pool: "mine".into(),
            tag: Some(("user:App".into(), "Kafka_*".into())),
            ..PoolRule::default()
        };
        let rules = Rules { pool_rules: vec![own.clone(), own], ..Rules::default() };
        let rows = rows(&rules);
        assert_eq!((rows[0].position, rows[1].position, rows[2].position), (-2, -1, 0));
        assert_eq!(rows[0].tag_key.as_deref(), Some("app"));
        assert_eq!(rows[0].tag_value.as_deref(), Some(r"kafka\_%"));
    }
}
