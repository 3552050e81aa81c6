//! `[waste]`: thresholds of the detectors, for all, for a team or for what carries a tag.

use attribution::rules::Team;
use attribution::waste::{SettingKind, WasteRule, WasteScope, detectors, settings};
use toml::de::DeValue;

use super::check_team;
use super::section::{Faults, Section};

/// Keys of `[waste]` itself are those of this section of the table of settings.
const GENERAL: &str = "general";

/// Reads the table and its overrides, in the order in which they hold.
pub fn waste(mut section: Section<'_, '_>, faults: &mut Faults<'_>, teams: &[Team]) -> Vec<WasteRule> {
    let mut rules = read(&mut section, faults, &WasteScope::All, GENERAL);
    for detector in detectors() {
        rules.extend(of_detector(&mut section, faults, &WasteScope::All, detector));
    }
    if let Some(value) = section.value("override") {
        let items: Option<Vec<_>> = value.get_ref().as_array().and_then(|array| {
            array.iter().map(|item| Some((item.span().start, item.get_ref().as_table()?))).collect()
        });
        match items {
            Some(items) => {
                for (nth, (at, table)) in items.into_iter().enumerate() {
                    let section = Section::new(format!("waste.override {}", nth + 1), at, table);
                    rules.extend(overridden(section, faults, teams));
                }
            }
            None => faults.add(
                value.span().start,
                "waste: `override` must be an array of tables: [[waste.override]]",
                None,
            ),
        }
    }
    section.finish(faults);
    rules
}

/// One `[[waste.override]]`.
fn overridden(mut section: Section<'_, '_>, faults: &mut Faults<'_>, teams: &[Team]) -> Vec<WasteRule> {
    let team = section.text(faults, "team");
    let mut tags = section.pairs(faults, "tag");
    let scope = match (team, tags.len()) {
        (Some(team), 0) => {
            check_team(faults, &section, &team, teams);
            WasteScope::Team(team)
        }
        (None, 1) => {
            let (key, value) = tags.swap_remove(0);
            WasteScope::Tag { key, value }
        }
        _ => {
            let message = format!("{}: needs either a `team` or one `tag`", section.name());
            faults.add(section.at(), message, Some("such as tag = { tier = \"critical\" }".into()));
            WasteScope::All
        }
    };
    let mut rules = Vec::new();
    let general = settings().filter(|setting| setting.section == GENERAL && setting.key == "floor");
    for setting in general {
        rules.extend(setting_of(&mut section, faults, &scope, setting));
    }
    for detector in detectors() {
        rules.extend(of_detector(&mut section, faults, &scope, detector));
    }
    section.finish(faults);
    rules
}

/// The table of one detector within a section.
fn of_detector(
    section: &mut Section<'_, '_>,
    faults: &mut Faults<'_>,
    scope: &WasteScope,
    detector: &'static str,
) -> Vec<WasteRule> {
    let Some(value) = section.value(detector) else { return Vec::new() };
    let Some(table) = value.get_ref().as_table() else {
        let message = format!("{}: `{detector}` must be a table of its settings", section.name());
        faults.add(value.span().start, message, None);
        return Vec::new();
    };
    let mut inner = Section::new(format!("{}.{detector}", section.name()), value.span().start, table);
    let rules = read(&mut inner, faults, scope, detector);
    inner.finish(faults);
    rules
}

fn read(
    section: &mut Section<'_, '_>,
    faults: &mut Faults<'_>,
    scope: &WasteScope,
    of: &str,
) -> Vec<WasteRule> {
    let of_section = settings().filter(|setting| setting.section == of);
    of_section.filter_map(|setting| setting_of(section, faults, scope, setting)).collect()
}

fn setting_of(
    section: &mut Section<'_, '_>,
    faults: &mut Faults<'_>,
    scope: &WasteScope,
    setting: attribution::waste::Setting,
) -> Option<WasteRule> {
    let value = section.value(setting.key)?;
    let at = value.span().start;
    let text = match (setting.kind(), value.get_ref()) {
        (SettingKind::Flag, DeValue::Boolean(flag)) => Some(u8::from(*flag).to_string()),
        (SettingKind::Number, DeValue::Integer(number)) => Some(number.to_string()),
        (SettingKind::Number, DeValue::Float(number)) => Some(number.to_string()),
        (SettingKind::Words, DeValue::String(_) | DeValue::Array(_)) => {
            return Some(WasteRule {
                setting: setting.name.to_owned(),
                scope: scope.clone(),
                value: section.texts(faults, setting.key).join("|"),
            });
        }
        _ => None,
    };
    let usable = text.as_ref().and_then(|text| text.replace('_', "").parse::<f64>().ok());
    match (text, usable) {
        (Some(text), Some(number)) if is_allowed(setting, number) => Some(WasteRule {
            setting: setting.name.to_owned(),
            scope: scope.clone(),
            value: text.replace('_', ""),
        }),
        _ => {
            let wanted = match setting.kind() {
                SettingKind::Flag => "true or false",
                SettingKind::Number if setting.is_divisor() => "a number above 0",
                SettingKind::Number => "a number that is not negative",
                SettingKind::Words => "a text or an array of texts",
            };
            let message = format!("{}: `{}` must be {wanted}", section.name(), setting.key);
            faults.add(at, message, Some(format!("the default is {}", setting.value)));
            None
        }
    }
}

/// Whether a number may stand there.
fn is_allowed(setting: attribution::waste::Setting, number: f64) -> bool {
    let is_enough = if setting.is_divisor() { number > 0.0 } else { number >= 0.0 };
    number.is_finite() && is_enough
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use attribution::waste::WasteScope;

    use super::super::parse;

    fn faults(text: &str) -> Vec<String> {
        let found = parse(text, Path::new("")).err().unwrap_or_default();
        let shown = found.into_iter().map(|fault| {
            let hint = fault.hint.map(|hint| format!(" ({hint})")).unwrap_or_default();
            format!("{}: {}{hint}", fault.line, fault.message)
        });
        shown.collect()
    }

    #[test]
    fn settings_hold_for_all_for_a_team_or_for_a_tag() {
        let text = r#"
[[team]]
name = "growth"
[waste]
floor = 12.5
[waste.spill]
enabled = false
min_bytes = 1_000
[waste.idle-cluster]
agreed_tags = ["sla", "keep"]
[[waste.override]]
team = "growth"
idle-cluster = { idle_days = 3 }
[[waste.override]]
tag = { tier = "critical" }
floor = 1000
"#;
        let config = parse(text, Path::new("")).unwrap();
        let found: Vec<_> = config
            .rules
            .waste
            .iter()
            .map(|rule| (rule.setting.as_str(), rule.scope.clone(), rule.value.as_str()))
            .collect();
        let tag = WasteScope::Tag { key: "tier".into(), value: "critical".into() };
        let expected = [
            ("general.floor", WasteScope::All, "12.5"),
            ("idle-cluster.agreed_tags", WasteScope::All, "sla|keep"),
            ("spill.enabled", WasteScope::All, "0"),
            ("spill.min_bytes", WasteScope::All, "1000"),
            ("idle-cluster.idle_days", WasteScope::Team("growth".into()), "3"),
            ("general.floor", tag, "1000"),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn unknown_settings_are_refused_with_the_nearest() {
        let text = r#"
[waste]
flor = 1
[waste.spil]
min_bytes = 1
[waste.skew]
min_ration = 1
enabled = 1
min_ratio = -1
[[waste.override]]
team = "nobody"
[waste.spill]
slowdown = 0
min_ratio = 0
"#;
        let expected = [
            "3: waste: unknown key `flor` (did you mean `floor`?)",
            "4: waste: unknown key `spil` (did you mean `spill`?)",
            "7: waste.skew: unknown key `min_ration` (did you mean `min_ratio`?)",
            "8: waste.skew: `enabled` must be true or false (the default is 1)",
            "9: waste.skew: `min_ratio` must be a number that is not negative (the default is 10)",
            "10: waste.override 1: there is no team `nobody` (name it in a [[team]])",
            "13: waste.spill: `slowdown` must be a number above 0 (the default is 1.4)",
        ];
        assert_eq!(faults(text), expected);
    }
}
