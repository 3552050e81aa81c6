//! What each model and check says of itself: its grain, its key, and what it reads.

use std::collections::BTreeSet;

use model::landed::Dataset;

use crate::lineage;
use crate::models::{Check, MODELS, Model};

/// One column of a model's key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyColumn {
    /// Its name.
    pub name: &'static str,
    /// Whether null is one of its values: the row of what is nobody's.
    pub nullable: bool,
}

impl Model {
    /// What one row is: the first sentence of the file, without `One row per`.
    pub fn grain(&self) -> String {
        let header = header(self.sql).collect::<Vec<_>>().join(" ");
        let sentence = header.split_once(". ").map_or(header.as_str(), |(first, _)| first);
        sentence.trim_start_matches("One row per ").trim_end_matches('.').to_owned()
    }

    /// Its keys, as the lines `-- Key: a, b, c?` state them; `?` marks a column that may be
    /// null. No two rows agree in all columns of a key.
    pub fn keys(&self) -> Vec<Vec<KeyColumn>> {
        let column = |name: &'static str| KeyColumn {
            name: name.trim_end_matches('?'),
            nullable: name.ends_with('?'),
        };
        self.sql
            .lines()
            .filter_map(|line| line.strip_prefix("-- Key: "))
            .map(|names| names.split(", ").map(column).collect())
            .collect()
    }

    /// Landed datasets, rule tables and models it reads.
    pub fn reads(&self) -> BTreeSet<String> {
        reads(&self.query())
    }
}

impl Check {
    /// Landed datasets, rule tables and models it reads.
    pub fn reads(&self) -> BTreeSet<String> {
        reads(self.sql)
    }

    /// What an offender is: the first line of the file, without `Any row is`.
    pub fn meaning(&self) -> String {
        let line = self.sql.lines().next().unwrap_or_default();
        line.trim_start_matches("-- Any row is ").trim_end_matches('.').to_owned()
    }
}

/// Tables the engine fills from the configuration and the manifest.
pub fn rule_tables() -> impl Iterator<Item = &'static str> {
    include_str!("../sql/rule_tables.sql").lines().filter_map(|line| {
        let name = line.strip_prefix("create table ").or_else(|| line.strip_prefix("create view "))?;
        name.split([' ', '(']).next()
    })
}

/// The comment lines before a query, but for its keys.
fn header(sql: &str) -> impl Iterator<Item = &str> {
    sql.lines().map_while(|line| line.strip_prefix("-- ")).filter(|line| !line.starts_with("Key: "))
}

fn reads(sql: &str) -> BTreeSet<String> {
    let code: String = sql
        .lines()
        .map(|line| line.split_once("--").map_or(line, |(code, _)| code))
        .collect::<Vec<_>>()
        .join(" ");
    let words: Vec<&str> = code
        .split(|c: char| !(c.is_alphanumeric() || c == '_' || c == '('))
        .filter(|word| !word.is_empty())
        .collect();
    // `name as (` makes a step of the file, which hides a table of the same name.
    let steps: BTreeSet<&str> = words
        .windows(3)
        .filter(|three| three[1] == "as" && three[2].starts_with('('))
        .map(|three| three[0])
        .collect();
    let known = |name: &str| {
        MODELS.iter().any(|model| model.name == name)
            || name == lineage::PARTS
            || rule_tables().any(|table| table == name)
            || Dataset::ALL.iter().any(|dataset| name.strip_prefix("landed_") == Some(dataset.name()))
    };
    words
        .windows(2)
        .filter(|pair| matches!(pair[0], "from" | "join"))
        .map(|pair| pair[1])
        .filter(|&name| known(name) && !steps.contains(name))
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SQL: &str = "-- One row per run and table. More is not said.\n-- Key: run_id, table_id?\n\
        with sources as (select 1 -- from teams\n), b as (\n    select * from stg_runs r\n) \
        select trim(trailing '/' from location) from b\njoin landed_tables t on true join sources s on true\n\
        where exists (select 1 from rule_owners)";

    #[test]
    fn a_file_says_what_it_is_and_what_it_reads() {
        let model = Model {
            name: "m",
            layer: "marts",
            sql: SQL,
            form: crate::models::Form::Table,
            is_detector: false,
        };
        assert_eq!(model.grain(), "run and table");
        let key =
            [KeyColumn { name: "run_id", nullable: false }, KeyColumn { name: "table_id", nullable: true }];
        assert_eq!(model.keys(), [key]);
        let reads: Vec<String> = model.reads().into_iter().collect();
        assert_eq!(reads, ["landed_tables", "rule_owners", "stg_runs"]);
    }

    #[test]
    fn every_rule_table_is_known() {
        let names: Vec<&str> = rule_tables().collect();
        assert!(names.contains(&"parameters") && names.contains(&"manifest_totals"), "{names:?}");
    }
}
