//! Thresholds of the waste detectors: the shipped table `sql/waste/settings.csv` with where
//! each default comes from, and what the configuration sets for all, for a team or for what
//! carries a tag. SQL sees them as rows of `rule_waste`.

use serde::Serialize;

/// The shipped table.
pub(crate) const SHIPPED: &str = include_str!("../sql/waste/settings.csv");

/// Settings that models divide by.
const DIVISORS: [&str; 3] =
    ["delete-bloat.rows_per_ms", "spill.slowdown", "uncompacted.rewrite_bytes_per_second"];

/// One setting, as shipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Section of the configuration: a detector's name, or `general`.
    pub section: &'static str,
    /// Key in that section.
    pub key: &'static str,
    /// `section.key`, as SQL knows it.
    pub name: &'static str,
    /// Default: a number, or words with `|` between.
    pub value: &'static str,
    /// Where the default comes from.
    pub source: &'static str,
}

/// What kind of value a setting takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SettingKind {
    /// True or false.
    Flag,
    /// A number, not negative.
    Number,
    /// Texts.
    Words,
}

impl Setting {
    /// What kind of value it takes, by its default.
    pub fn kind(&self) -> SettingKind {
        match self.value.parse::<f64>() {
            _ if self.key == "enabled" => SettingKind::Flag,
            Ok(_) => SettingKind::Number,
            Err(_) => SettingKind::Words,
        }
    }

    /// Whether something is divided by it, so that it must be more than nothing.
    pub fn is_divisor(&self) -> bool {
        DIVISORS.contains(&self.name)
    }
}

/// Every setting, in the order of the table.
pub fn settings() -> impl Iterator<Item = Setting> {
    SHIPPED.lines().skip(1).filter_map(|line| {
        let (name, rest) = line.split_once(',')?;
        let (value, source) = rest.split_once(',')?;
        let (section, key) = name.split_once('.')?;
        Some(Setting { section, key, name, value, source })
    })
}

/// The detectors, in the order of the table.
pub fn detectors() -> impl Iterator<Item = &'static str> {
    settings().filter(|setting| setting.key == "enabled").map(|setting| setting.section)
}

/// For what a configured setting holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum WasteScope {
    /// Everything.
    All,
    /// What a team owns.
    Team(String),
    /// What carries a tag (a cluster, a run) or has a property (a table).
    Tag {
        /// Key; of tags folded.
        key: String,
        /// Value, as written.
        value: String,
    },
}

impl WasteScope {
    /// As SQL knows it.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::All => String::new(),
            Self::Team(team) => format!("team:{team}"),
            Self::Tag { key, value } => format!("tag:{key}={value}"),
        }
    }
}

/// A setting of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct WasteRule {
    /// [`Setting::name`].
    pub setting: String,
    /// For what it holds.
    pub scope: WasteScope,
    /// Its value, as in the table.
    pub value: String,
}

/// Rows of `rule_waste`: setting, scope, value, source. What is configured for everything
/// stands in place of the default; of two for one scope the later holds.
pub(crate) fn rows(configured: &[WasteRule]) -> Vec<(String, String, String, String)> {
    let mut rows: Vec<(String, String, String, String)> = settings()
        .map(|setting| {
            (setting.name.to_owned(), String::new(), setting.value.to_owned(), setting.source.to_owned())
        })
        .collect();
    for rule in configured {
        let scope = rule.scope.text();
        rows.retain(|row| row.0 != rule.setting || row.1 != scope);
        rows.push((rule.setting.clone(), scope, rule.value.clone(), "configuration".to_owned()));
    }
    rows
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_line_is_a_setting_of_a_detector_that_can_be_turned_off() {
        assert_eq!(SHIPPED.lines().next(), Some("setting,value,source"));
        assert_eq!(settings().count(), SHIPPED.lines().count() - 1);
        let mut names = BTreeSet::new();
        let detectors: BTreeSet<&str> = detectors().collect();
        for setting in settings() {
            assert!(names.insert(setting.name), "{} is there twice", setting.name);
            assert!(
                setting.section == "general" || detectors.contains(setting.section),
                "{} is of no detector",
                setting.name
            );
            let sourced = setting.kind() == SettingKind::Flag || !setting.source.is_empty();
            assert!(sourced, "{} has no source", setting.name);
        }
        for divisor in DIVISORS {
            assert!(names.contains(divisor), "{divisor} is no setting");
        }
    }

    #[test]
    fn every_setting_is_asked_for_by_a_model_and_every_model_asks_for_known_ones() {
        let models = crate::models::MODELS.iter().filter(|model| model.layer == "waste");
        let answers = crate::mart::what_if::ANSWERS.into_iter();
        let sql: String = models.map(|model| model.sql).chain(answers).collect();
        for setting in settings() {
            assert!(sql.contains(&format!("'{}'", setting.name)), "nothing asks for {}", setting.name);
        }
        for (_, rest) in sql.match_indices("number['").map(|(at, word)| sql.split_at(at + word.len())) {
            let name = rest.split('\'').next().unwrap_or_default();
            assert!(settings().any(|setting| setting.name == name), "{name} is no setting");
        }
    }

    #[test]
    fn what_is_configured_for_all_replaces_the_default_and_scopes_stand_beside_it() {
        let rule = |scope, value: &str| WasteRule {
            setting: "idle-cluster.idle_days".to_owned(),
            scope,
            value: value.to_owned(),
        };
        let team = WasteScope::Team("growth".to_owned());
        let rows = rows(&[rule(WasteScope::All, "14"), rule(team.clone(), "3"), rule(team, "4")]);
        let found: Vec<_> = rows
            .iter()
            .filter(|row| row.0 == "idle-cluster.idle_days")
            .map(|row| (&*row.1, &*row.2))
            .collect();
        assert_eq!(found, [("", "14"), ("team:growth", "4")]);
        assert_eq!(rows.len(), settings().count() + 1);
    }
}
