//! One `[[owner_rule]]`: a team, one thing to match, and the days it holds.

use attribution::rules::{Matcher, OwnerRule, Pattern, Regex, Team};
use toml::Spanned;
use toml::de::DeValue;

use super::check_team;
use super::section::{Faults, Section};

/// The kinds of a rule that have one pattern.
type Kind = (&'static str, fn(Pattern) -> Matcher);

const KINDS: [Kind; 7] = [
    ("owner", Matcher::Owner),
    ("workflow", Matcher::Workflow),
    ("user", Matcher::User),
    ("table", Matcher::Table),
    ("cluster", Matcher::Cluster),
    ("resource", Matcher::Resource),
    ("account", Matcher::Account),
];

/// Reads one rule; every fault of it is noted.
pub(super) fn owner_rule(
    mut section: Section<'_, '_>,
    faults: &mut Faults<'_>,
    teams: &[Team],
) -> Option<OwnerRule> {
    let team = section.required(faults, "team");
    if let Some(team) = &team {
        check_team(faults, &section, team, teams);
    }
    // Counted as written, so that a pattern with a fault is not taken for a missing one.
    let mut written = 0;
    let mut matchers: Vec<Matcher> = Vec::new();
    if let Some(value) = section.value("tag") {
        match value.get_ref().as_table() {
            Some(table) => {
                for (key, value) in table {
                    written += 1;
                    let key = key.get_ref().to_string();
                    let value = pattern(section.name(), faults, "tag", value);
                    matchers.extend(value.map(|value| Matcher::Tag { key, value }));
                }
            }
            None => {
                written += 1;
                wrong(section.name(), faults, "tag", value, "a table such as { team = \"growth\" }");
            }
        }
    }
    for (key, matcher) in KINDS {
        if let Some(value) = section.value(key) {
            written += 1;
            matchers.extend(pattern(section.name(), faults, key, value).map(matcher));
        }
    }
    let (from, to) = (section.day(faults, "from"), section.day(faults, "to"));
    if from.zip(to).is_some_and(|(from, to)| from >= to) {
        faults.add(section.at(), format!("{}: `to` must be after `from`", section.name()), None);
    }
    if written != 1 {
        let hint = "tag = { key = \"value\" }, owner, workflow, user, table, cluster, resource or account; \
                    write one [[owner_rule]] for each";
        let message = format!("{}: needs exactly one thing to match, has {written}", section.name());
        faults.add(section.at(), message, Some(hint.into()));
    }
    section.finish(faults);
    Some(OwnerRule { team: team?, matcher: matchers.into_iter().next()?, from, to })
}

/// A glob in quotes, or `{ regex = "..." }`.
fn pattern(
    section: &str,
    faults: &mut Faults<'_>,
    key: &str,
    value: &Spanned<DeValue<'_>>,
) -> Option<Pattern> {
    if let Some(glob) = value.get_ref().as_str() {
        if glob.is_empty() {
            faults.add(value.span().start, format!("{section}: `{key}` is empty"), None);
            return None;
        }
        return Some(glob.into());
    }
    let only = value.get_ref().as_table().and_then(|table| {
        let mut entries = table.iter();
        entries.next().filter(|(name, _)| name.get_ref().as_ref() == "regex" && entries.next().is_none())
    });
    let Some((_, value)) = only else {
        wrong(section, faults, key, value, "a glob in quotes or { regex = \"...\" }");
        return None;
    };
    let Some(text) = value.get_ref().as_str() else {
        wrong(section, faults, "regex", value, "a text in quotes");
        return None;
    };
    match Regex::new(text) {
        Ok(regex) => Some(Pattern::Regex(regex)),
        Err(fault) => {
            let message = format!("{section}: the regular expression `{text}` cannot be read: {fault}");
            faults.add(value.span().start, message, None);
            None
        }
    }
}

fn wrong(section: &str, faults: &mut Faults<'_>, key: &str, value: &Spanned<DeValue<'_>>, wanted: &str) {
    let found = value.get_ref().type_str();
    faults.add(value.span().start, format!("{section}: `{key}` must be {wanted}, not {found}"), None);
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::parse;

    const TEAM: &str = "[[team]]\nname = \"growth\"\n[[owner_rule]]\nteam = \"growth\"\n";

    fn rule(line: &str) -> Result<Matcher, String> {
        match parse(&format!("{TEAM}{line}\n"), Path::new("")) {
            Ok(mut config) => Ok(config.rules.owner_rules.remove(0).matcher),
            Err(faults) => Err(faults
                .into_iter()
                .map(|f| format!("{}: {}", f.line, f.message))
                .collect::<Vec<_>>()
                .join("\n")),
        }
    }

    #[test]
    fn a_pattern_is_a_glob_or_a_regular_expression() {
        assert_eq!(rule("workflow = \"/a.*/\""), Ok(Matcher::Workflow("/a.*/".into())));
        let regex = || Pattern::Regex(Regex::new(r"growth\.\w+").unwrap());
        assert_eq!(rule(r"workflow = { regex = 'growth\.\w+' }"), Ok(Matcher::Workflow(regex())));
        let tag = Matcher::Tag { key: "team".into(), value: regex() };
        assert_eq!(rule(r"tag = { team = { regex = 'growth\.\w+' } }"), Ok(tag));
    }

    #[test]
    fn each_fault_of_a_pattern_has_its_line_and_no_other_follows_from_it() {
        for (line, want) in [
            (
                "table = { regex = '(a' }",
                "5: owner_rule 1: the regular expression `(a` cannot be read: a `(` is never closed",
            ),
            (
                "table = { regexp = 'a' }",
                "5: owner_rule 1: `table` must be a glob in quotes or { regex = \"...\" }, not table",
            ),
            ("table = { regex = 1 }", "5: owner_rule 1: `regex` must be a text in quotes, not integer"),
            ("table = ''", "5: owner_rule 1: `table` is empty"),
            (
                "tag = 'team'",
                "5: owner_rule 1: `tag` must be a table such as { team = \"growth\" }, not string",
            ),
            ("tag = { a = 'x', b = 'y' }", "3: owner_rule 1: needs exactly one thing to match, has 2"),
            ("", "3: owner_rule 1: needs exactly one thing to match, has 0"),
        ] {
            let found = rule(line).unwrap_err();
            assert!(found.starts_with(want) && !found.contains('\n'), "{line}\n{found}");
        }
    }
}
