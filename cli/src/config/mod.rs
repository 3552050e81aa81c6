//! `lakeledger.toml`: read, checked, and every fault shown at once.

mod access;
mod alert;
mod budget;
mod channel;
mod compute;
mod mail;
mod organisation;
mod owner_rule;
mod pool_rule;
mod schedule;
mod scheduled_export;
mod section;
mod silence;
mod source;
mod waste;
mod word;

use std::fs;
use std::path::{Path, PathBuf};

use attribution::publish::KeptDays;
use attribution::rules::{Rules, Team};
use ingest::store::S3Options;
use reports::alert::{Channel, ChannelKind, Watch};
use reports::mail::Smtp;
use toml::de::{DeTable, DeValue};

pub use self::mail::Reports;
use self::owner_rule::owner_rule;
use self::pool_rule::pool_rule;
pub use self::schedule::{Job, Scheduled};
pub use self::scheduled_export::ScheduledExport;
use self::section::Section;
pub use self::section::{Fault, Faults, nearest};
pub use self::source::SourceConfig;
use self::source::{overlap, s3_options, source};

/// The whole configuration, valid.
#[derive(Clone, Debug)]
pub struct Config {
    /// Directory the configuration stands in: relative paths start here.
    pub directory: PathBuf,
    /// Ledger directory.
    pub ledger: PathBuf,
    /// Sources, in order.
    pub sources: Vec<SourceConfig>,
    /// Teams, ownership, pools and the display time zone.
    pub rules: Rules,
    /// Budgets, and what alerts watch.
    pub watch: Watch,
    /// How buckets are reached that exports are written to.
    pub export_s3: S3Options,
    /// Who gets which report, and what links in it lead to.
    pub reports: Reports,
    /// The mail server.
    pub smtp: Option<Smtp>,
    /// Which job runs when, in order.
    pub schedules: Vec<Scheduled>,
    /// Who may reach the dashboard from elsewhere than this machine; nothing where nobody may.
    pub access: Option<web::access::Rules>,
}

/// Days of which earlier marts may be kept: a year and a month.
const KEPT_AT_MOST: i64 = 400;

/// How messages name the file itself.
const ROOT: &str = "lakeledger.toml";

/// Why there is no valid configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file is missing or unreadable.
    #[error("could not read the configuration `{path}`")]
    Read {
        /// Its path.
        path: String,
        /// Why.
        #[source]
        cause: std::io::Error,
    },
    /// It has faults.
    #[error("{}", shown(path, faults))]
    Faults {
        /// Its path.
        path: String,
        /// All of them, by line.
        faults: Vec<Fault>,
    },
}

fn shown(path: &str, faults: &[Fault]) -> String {
    let count = if faults.len() == 1 { "1 fault".to_owned() } else { format!("{} faults", faults.len()) };
    let mut text = format!("the configuration `{path}` has {count}");
    for (at, fault) in faults.iter().enumerate() {
        text.push_str(&format!("\n  {}. line {}: {}", at + 1, fault.line, fault.message));
        if let Some(hint) = &fault.hint {
            text.push_str(&format!(" ({hint})"));
        }
    }
    text
}

/// Reads and checks the configuration file.
///
/// # Errors
/// Every fault at once.
pub fn load(path: &Path) -> Result<Config, ConfigError> {
    let shown = path.display().to_string();
    let text = fs::read_to_string(path).map_err(|cause| ConfigError::Read { path: shown.clone(), cause })?;
    // Absolute, so that an object has one name from wherever the command is run.
    let absolute =
        std::path::absolute(path).map_err(|cause| ConfigError::Read { path: shown.clone(), cause })?;
    let directory = absolute.parent().map_or_else(PathBuf::new, Path::to_owned);
    parse(&text, &directory).map_err(|faults| ConfigError::Faults { path: shown, faults })
}

/// Checks the text of a configuration whose relative paths start at `directory`.
///
/// # Errors
/// Every fault, by line.
pub fn parse(text: &str, directory: &Path) -> Result<Config, Vec<Fault>> {
    let mut faults = Faults::new(text);
    let (root, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        faults.add(error.span().map_or(0, |span| span.start), error.message(), None);
    }
    let mut root = Section::new(ROOT, 0, root.get_ref());

    let mut ledger = directory.join("ledger");
    let mut display_zone = chrono_tz::Tz::UTC;
    let mut rules = Rules { display_timezone: "UTC".into(), ..Rules::default() };
    if let Some(mut section) = table(&mut root, &mut faults, "ledger") {
        if let Some(path) = section.text(&mut faults, "path") {
            if path.contains("://") {
                let message = "ledger: `path` must be a local directory";
                faults.add(
                    section.at(),
                    message,
                    Some("a ledger in a bucket comes with a later version".into()),
                );
            }
            ledger = directory.join(path);
        }
        if let Some(text) = section.text(&mut faults, "display_timezone") {
            display_zone = zone(&section, &mut faults, &text).unwrap_or_default();
            rules.display_timezone = text;
        }
        if let Some(days) = section.integer(&mut faults, "keep_days", 0..=KEPT_AT_MOST) {
            // Whoever asks for days has room for them.
            rules.kept_days = KeptDays { days: days as usize, bytes: None };
        }
        section.finish(&mut faults);
    }

    let mut reports = Reports::default();
    let mut places = Vec::new();
    for mut section in tables(&mut root, &mut faults, "team") {
        if let Some(name) = section.required(&mut faults, "name") {
            if rules.teams.iter().any(|team| team.name == name) {
                faults.add(section.at(), format!("{}: team `{name}` is there twice", section.name()), None);
            }
            let email = section.texts(&mut faults, "email");
            reports.teams.insert(name.clone(), mail::mailing(&mut section, &mut faults, &email));
            let parent = section.text(&mut faults, "parent");
            places.push(section.at());
            rules.teams.push(Team { name, email, parent });
        }
        section.finish(&mut faults);
    }
    organisation::check_parents(&mut faults, &rules.teams, &places);
    for section in tables(&mut root, &mut faults, "owner_rule") {
        rules.owner_rules.extend(owner_rule(section, &mut faults, &rules.teams));
    }
    for section in tables(&mut root, &mut faults, "pool_rule") {
        rules.pool_rules.push(pool_rule(section, &mut faults));
    }
    if let Some(mut section) = table(&mut root, &mut faults, "ownership") {
        rules.default_team = section.text(&mut faults, "default_team");
        if let Some(team) = &rules.default_team {
            check_team(&mut faults, &section, team, &rules.teams);
        }
        section.finish(&mut faults);
    }
    if let Some(section) = table(&mut root, &mut faults, "attribution") {
        rules.run_weight = compute::run_weight(section, &mut faults);
    }
    if let Some(section) = table(&mut root, &mut faults, "views") {
        rules.shared_fixed = organisation::fixed_shares(section, &mut faults, &rules.teams);
    }
    if let Some(section) = table(&mut root, &mut faults, "waste") {
        rules.waste = waste::waste(section, &mut faults, &rules.teams);
    }
    let (mut budgets, mut places) = (Vec::new(), Vec::new());
    for section in tables(&mut root, &mut faults, "budget") {
        places.push(section.at());
        budgets.push(budget::budget(section, &mut faults, &rules.teams));
    }
    budget::check_names(&mut faults, &budgets, &places);
    let mut watch = Watch { budgets, ..Watch::default() };
    let mut mail_at = None;
    for section in tables(&mut root, &mut faults, "channel") {
        let at = section.at();
        let channel = channel::channel(section, &mut faults, directory);
        let is_mail = |channel: &Channel| matches!(channel.kind, ChannelKind::Email { .. });
        mail_at = mail_at.or_else(|| channel.as_ref().is_some_and(is_mail).then_some(at));
        watch.channels.extend(channel);
    }
    let mut alerts = Vec::new();
    for section in tables(&mut root, &mut faults, "alert") {
        let (at, name) = (section.at(), section.name().to_owned());
        if let Some(rule) = alert::rule(section, &mut faults, &rules.teams, &watch) {
            alerts.push((at, name));
            watch.rules.push(rule);
        }
    }
    for section in tables(&mut root, &mut faults, "silence") {
        let silence = silence::silence(section, &mut faults, &rules.teams, &watch.rules);
        watch.silences.push(silence);
    }
    let access = table(&mut root, &mut faults, "access")
        .map(|section| access::access(section, &mut faults, &rules.teams));
    if let Some(section) = table(&mut root, &mut faults, "report") {
        mail::reports(section, &mut faults, &mut reports);
    }
    for section in tables(&mut root, &mut faults, "digest") {
        let digest = mail::digest(section, &mut faults, &rules.teams, &reports.digests);
        reports.digests.extend(digest);
    }
    let mail_server = table(&mut root, &mut faults, "smtp");
    // One that is there and wrong is told of itself.
    let mail_at = mail_at.filter(|_| mail_server.is_none());
    let smtp = mail_server.and_then(|section| mail::smtp(section, &mut faults, directory));
    channel::mail(&mut watch, &mut faults, mail_at, smtp.as_ref(), &reports, &rules.teams);

    let mut schedules: Vec<Scheduled> = Vec::new();
    for section in tables(&mut root, &mut faults, "schedule") {
        schedules.extend(schedule::schedule(section, &mut faults, &schedules, display_zone, directory));
    }
    let machine = reports::schedule::machine();
    for scheduled in &mut schedules {
        scheduled.schedule = scheduled.schedule.clone().installed(&ledger, &machine);
    }

    let mut export_s3 = S3Options::default();
    if let Some(mut section) = table(&mut root, &mut faults, "export") {
        export_s3 = s3_options(&mut section, &mut faults);
        section.finish(&mut faults);
    }

    let mut sources: Vec<SourceConfig> = Vec::new();
    let mut is_each_known = true;
    for section in tables(&mut root, &mut faults, "source") {
        let at = section.at();
        if let Some(source) = source(section, &mut faults) {
            if sources.iter().any(|known| known.name == source.name) {
                faults.add(at, format!("source `{}` is there twice", source.name), None);
            }
            if let Some(known) = sources.iter().find(|known| overlap(known, &source)) {
                let message = format!("source `{}` reads what source `{}` reads", source.name, known.name);
                faults.add(
                    at,
                    message,
                    Some("everything in both would count twice: give each its own place".into()),
                );
            }
            sources.push(source);
        } else {
            is_each_known = false;
        }
    }
    // One that is there and wrong is told of itself.
    if is_each_known {
        alert::check_sources(&mut faults, watch.rules.iter().zip(&alerts), &sources);
    }
    root.finish(&mut faults);
    watch.base_url.clone_from(&reports.base_url);
    rules.sources = sources.iter().map(|source| source.name.clone()).collect();

    let faults = faults.into_sorted();
    if faults.is_empty() {
        Ok(Config {
            directory: directory.to_owned(),
            ledger,
            sources,
            rules,
            reports,
            smtp,
            schedules,
            watch,
            export_s3,
            access,
        })
    } else {
        Err(faults)
    }
}

/// The one table of this name.
fn table<'a, 'i>(
    root: &mut Section<'a, 'i>,
    faults: &mut Faults<'_>,
    key: &'static str,
) -> Option<Section<'a, 'i>> {
    let value = root.value(key)?;
    match value.get_ref() {
        DeValue::Table(table) => {
            Some(Section::new(format!("{}{key}", within(root)), value.span().start, table))
        }
        _ => {
            let name = format!("{}{key}", within(root));
            faults.add(value.span().start, format!("`{name}` must be a table: [{name}]"), None);
            None
        }
    }
}

/// Every table of an array of tables.
fn tables<'a, 'i>(
    root: &mut Section<'a, 'i>,
    faults: &mut Faults<'_>,
    key: &'static str,
) -> Vec<Section<'a, 'i>> {
    let Some(value) = root.value(key) else { return Vec::new() };
    let DeValue::Array(array) = value.get_ref() else {
        let name = format!("{}{key}", within(root));
        faults.add(value.span().start, format!("`{name}` must be an array of tables: [[{name}]]"), None);
        return Vec::new();
    };
    let mut sections = Vec::new();
    for (at, item) in array.iter().enumerate() {
        match item.get_ref() {
            DeValue::Table(table) => {
                let name = format!("{}{key} {}", within(root), at + 1);
                sections.push(Section::new(name, item.span().start, table));
            }
            _ => {
                let name = format!("{}{key}", within(root));
                faults.add(
                    item.span().start,
                    format!("`{name}` must be an array of tables: [[{name}]]"),
                    None,
                )
            }
        }
    }
    sections
}

/// A time zone by its IANA name.
fn zone(section: &Section<'_, '_>, faults: &mut Faults<'_>, text: &str) -> Option<chrono_tz::Tz> {
    let zone = text.parse().ok();
    if zone.is_none() {
        let known = chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name());
        let hint = nearest(text, known).map(|name| format!("did you mean `{name}`?"));
        faults.add(section.at(), format!("{}: `{text}` is no IANA time zone", section.name()), hint);
    }
    zone
}

/// What stands before the name of a table within another.
fn within(parent: &Section<'_, '_>) -> String {
    if parent.name() == ROOT { String::new() } else { format!("{}.", parent.name()) }
}

fn check_team(faults: &mut Faults<'_>, section: &Section<'_, '_>, team: &str, teams: &[Team]) {
    if !teams.iter().any(|known| known.name == team) {
        let hint = nearest(team, teams.iter().map(|known| known.name.as_str()))
            .map_or_else(|| "name it in a [[team]]".to_owned(), |name| format!("did you mean `{name}`?"));
        faults.add(section.at(), format!("{}: there is no team `{team}`", section.name()), Some(hint));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(text: &str) -> Vec<String> {
        let shown = |fault: Fault| {
            let hint = fault.hint.map(|hint| format!(" ({hint})")).unwrap_or_default();
            format!("{}: {}{hint}", fault.line, fault.message)
        };
        parse(text, Path::new("")).err().unwrap_or_default().into_iter().map(shown).collect()
    }

    #[test]
    fn every_fault_is_shown_at_once_with_its_line() {
        let text = r#"
[ledger]
path = "ledger"
display_timezon = "UTC"

[[source]]
name = "aws bill"
kind = "aws-curr"
uri = "exports/cur/"

[[source]]
name = "bill"
kind = "kafka"

[[team]]
name = "growth"
email = "nobody"

[[owner_rule]]
team = "grwth"
tag = { team = "growth" }
workflow = "growth.*"
from = "2026-13-01"

[[pool_rule]]
pool = "stream"
tag = { app = "kafka", name = "kafka-*" }

[[pool_rule]]
pool = "stream"
resources = "arn:aws:kafka:*"
"#;
        let found = faults(text);
        let expected = [
            "4: ledger: unknown key `display_timezon` (did you mean `display_timezone`?)",
            "6: source 1: name `aws bill` may hold letters, digits, `-` and `_` only",
            "6: source 1: unknown kind `aws-curr` (did you mean `aws-cur`?)",
            "11: source 2: `uri` is missing",
            "11: source 2: kind `kafka` cannot be read yet (kinds that can: ",
            "15: team 1: `nobody` is no e-mail address",
            "19: owner_rule 1: needs exactly one thing to match, has 2 (",
            "19: owner_rule 1: there is no team `grwth` (did you mean `growth`?)",
            "23: owner_rule 1: `from` must be a day such as \"2026-01-31\", not string",
            "25: pool_rule 1: `tag` must be one tag, has 2 (write one [[pool_rule]] for each)",
            "29: pool_rule 2: needs `service`, `usage_type`, `line_item_type`, `tag` or `resource`",
            "31: pool_rule 2: unknown key `resources` (did you mean `resource`?)",
        ];
        assert_eq!(found.len(), expected.len(), "{found:#?}");
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.starts_with(expected), "{found}\n  is not\n{expected}");
        }
    }

    #[test]
    fn earlier_marts_are_bounded_by_their_size_until_somebody_says_by_days() {
        let kept = |text: &str| parse(text, Path::new("")).unwrap().rules.kept_days;
        assert_eq!(kept(""), KeptDays { days: 15, bytes: Some(10 << 30) });
        assert_eq!(kept("[ledger]\nkeep_days = 60\n"), KeptDays { days: 60, bytes: None });
        assert_eq!(kept("[ledger]\nkeep_days = 0\n"), KeptDays { days: 0, bytes: None });
        assert_eq!(
            faults("[ledger]\nkeep_days = 4000\n"),
            ["2: ledger: `keep_days` must be a whole number from 0 to 400"]
        );
    }

    #[test]
    fn broken_toml_is_a_fault_with_a_line_too() {
        let found = faults("[ledger]\npath = \"ledger\n");
        assert!(found[0].starts_with("2: "), "{found:?}");
    }

    #[test]
    fn two_sources_of_one_kind_may_not_read_the_same_objects() {
        let source = |name: &str, uri: &str| {
            format!("[[source]]\nname = \"{name}\"\nkind = \"focus\"\nuri = \"{uri}\"\n")
        };
        for (one, other, count) in
            [("a/", "a", 1), ("a/b", "./a/", 1), ("a", "ab", 0), ("s3://x/a", "s3://x/b", 0)]
        {
            assert_eq!(faults(&(source("one", one) + &source("other", other))).len(), count, "{one} {other}");
        }
    }

    #[test]
    fn the_longest_location_prefix_comes_first() {
        let text = r#"
[[source]]
name = "lake"
kind = "iceberg"
uri = "warehouse/"
location_map = { "file:/w/" = "s3://a/", "file:/w/deep/" = "s3://b/" }
"#;
        let config = parse(text, Path::new("/etc/lake")).unwrap();
        assert_eq!(config.sources[0].options.location_map[0].1, "s3://b/");
        assert_eq!(config.ledger, Path::new("/etc/lake/ledger"));
    }
}
