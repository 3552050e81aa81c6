//! `[smtp]`, `[report]` and what a `[[team]]` says of its mail.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use attribution::rules::Team;
use model::Amount;
use reports::mail::{Address, Password, Security, Smtp, Unsubscribe};
use reports::weekly::{Digest, Mailing, Materiality, When};

use super::section::{Faults, Section};
use super::{check_team, nearest};

/// What the configuration says of reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reports {
    /// Address of the dashboard, for links.
    pub base_url: Option<String>,
    /// Who gets the platform's report.
    pub platform: Mailing,
    /// Who gets a team's, by its name.
    pub teams: BTreeMap<String, Mailing>,
    /// Who gets those of several teams in one mail.
    pub digests: Vec<Digest>,
    /// What is worth a mail.
    pub materiality: Materiality,
    /// How one gets off the list.
    pub unsubscribe: Option<Unsubscribe>,
    /// Weeks whose letters are kept.
    pub keep_weeks: usize,
}

impl Default for Reports {
    /// No recipients; letters of a year are kept.
    fn default() -> Self {
        Self {
            base_url: None,
            platform: Mailing::default(),
            teams: BTreeMap::new(),
            digests: Vec::new(),
            materiality: Materiality::default(),
            unsubscribe: None,
            keep_weeks: 53,
        }
    }
}

/// Reads `[report]` into what `[[team]]`s have said already.
pub fn reports(mut section: Section<'_, '_>, faults: &mut Faults<'_>, reports: &mut Reports) {
    reports.base_url = section.text(faults, "base_url");
    reports.platform.to = addresses(&mut section, faults, "platform_email");
    reports.platform.cc = addresses(&mut section, faults, "platform_cc");
    reports.platform.when = when(&mut section, faults, "platform_weekly");
    let materiality = &mut reports.materiality;
    for (key, threshold) in [
        ("material_spend", &mut materiality.spend),
        ("material_change", &mut materiality.change),
        ("material_percent", &mut materiality.percent),
    ] {
        if let Some(amount) = section.amount(faults, key) {
            if amount < Amount::ZERO {
                faults.add(section.at(), format!("report: `{key}` must not be negative"), None);
            }
            *threshold = amount;
        }
    }
    reports.materiality.partial_weeks = section.flag(faults, "partial_weeks").unwrap_or_default();
    if let Some(text) = section.text(faults, "unsubscribe") {
        match Unsubscribe::parse(&text) {
            Ok(unsubscribe) => reports.unsubscribe = Some(unsubscribe),
            Err(fault) => faults.add(section.at(), format!("report: `unsubscribe`: {fault}"), None),
        }
    }
    if section.flag(faults, "unsubscribe_one_click") == Some(true) {
        match reports.unsubscribe.take().ok_or_else(|| "`unsubscribe` is missing".to_owned()) {
            Ok(unsubscribe) => match unsubscribe.one_click() {
                Ok(unsubscribe) => reports.unsubscribe = Some(unsubscribe),
                Err(fault) => one_click_fault(&section, faults, &fault),
            },
            Err(fault) => one_click_fault(&section, faults, &fault),
        }
    }
    if let Some(weeks) = section.integer(faults, "keep_weeks", 1..=5_200) {
        reports.keep_weeks = usize::try_from(weeks).unwrap_or(usize::MAX);
    }
    section.finish(faults);
}

fn one_click_fault(section: &Section<'_, '_>, faults: &mut Faults<'_>, fault: &str) {
    let hint = "it says that a POST to the https: address of `unsubscribe` is enough (RFC 8058)";
    faults.add(section.at(), format!("report: `unsubscribe_one_click`: {fault}"), Some(hint.to_owned()));
}

/// Reads `cc` and `weekly` of a `[[team]]`, beside its `email` as read already.
pub fn mailing(section: &mut Section<'_, '_>, faults: &mut Faults<'_>, email: &[String]) -> Mailing {
    let to = email.iter().filter_map(|text| address(section, faults, text)).collect();
    Mailing { to, cc: addresses(section, faults, "cc"), when: when(section, faults, "weekly") }
}

/// Reads one `[[digest]]`; `known` are those before it.
pub fn digest(
    mut section: Section<'_, '_>,
    faults: &mut Faults<'_>,
    teams: &[Team],
    known: &[Digest],
) -> Option<Digest> {
    let name = section.required(faults, "name");
    if let Some(name) = name.as_ref().filter(|name| known.iter().any(|one| one.name == **name)) {
        faults.add(section.at(), format!("{}: digest `{name}` is there twice", section.name()), None);
    }
    let of = section.texts(faults, "teams");
    if of.is_empty() {
        let message = format!("{}: `teams` is missing", section.name());
        faults.add(section.at(), message, Some("such as teams = [\"growth\", \"ads\"]".into()));
    }
    for team in &of {
        check_team(faults, &section, team, teams);
        // Its costs would count twice.
        if let Some(above) = above(team, teams).into_iter().find(|above| of.contains(above)) {
            let message = format!("{}: team `{team}` is a part of team `{above}`", section.name());
            faults.add(section.at(), message, Some("name either: a digest adds its teams up".into()));
        }
    }
    let email = section.texts(faults, "email");
    if email.is_empty() {
        faults.add(section.at(), format!("{}: `email` is missing", section.name()), None);
    }
    let mailing = mailing(&mut section, faults, &email);
    section.finish(faults);
    Some(Digest { name: name?, teams: of, mailing })
}

/// The teams that a team is a part of.
fn above(team: &str, teams: &[Team]) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let parent =
        |name: &str| teams.iter().find(|team| team.name == name).and_then(|team| team.parent.clone());
    let mut at = parent(team);
    // Parents that go round are a fault told elsewhere.
    while let Some(above) = at.filter(|above| !found.contains(above)) {
        at = parent(&above);
        found.push(above);
    }
    found
}

/// The addresses of a key; what is none is a fault.
pub fn addresses(section: &mut Section<'_, '_>, faults: &mut Faults<'_>, key: &'static str) -> Vec<Address> {
    let texts = section.texts(faults, key);
    texts.iter().filter_map(|text| address(section, faults, text)).collect()
}

fn address(section: &Section<'_, '_>, faults: &mut Faults<'_>, text: &str) -> Option<Address> {
    match text.parse() {
        Ok(address) => Some(address),
        Err(fault) => {
            let fault: String = fault;
            faults.add(section.at(), format!("{}: {fault}", section.name()), None);
            None
        }
    }
}

fn when(section: &mut Section<'_, '_>, faults: &mut Faults<'_>, key: &'static str) -> When {
    let words = When::ALL.map(When::name);
    choice(section, faults, key, &words).map_or_else(When::default, |at| When::ALL[at])
}

/// The place of a word among those that may stand there.
fn choice(
    section: &mut Section<'_, '_>,
    faults: &mut Faults<'_>,
    key: &'static str,
    words: &[&str],
) -> Option<usize> {
    let word = section.text(faults, key)?;
    let at = words.iter().position(|known| *known == word);
    if at.is_none() {
        let hint = nearest(&word, words.iter().copied())
            .map_or_else(|| format!("one of {}", words.join(", ")), |near| format!("did you mean `{near}`?"));
        faults.add(section.at(), format!("{}: `{key}` cannot be `{word}`", section.name()), Some(hint));
    }
    at
}

/// Reads `[smtp]`.
pub fn smtp(mut section: Section<'_, '_>, faults: &mut Faults<'_>, directory: &Path) -> Option<Smtp> {
    let host = section.required(faults, "host");
    let words = Security::ALL.map(Security::name);
    let security = choice(&mut section, faults, "security", &words)
        .map_or_else(Security::default, |at| Security::ALL[at]);
    let port = section.integer(faults, "port", 1..=65_535).and_then(|port| u16::try_from(port).ok());
    let from = required_address(&mut section, faults, "from");
    let reply_to = section.text(faults, "reply_to").and_then(|text| address(&section, faults, &text));
    let username = section.text(faults, "username");
    let by_env = section.text(faults, "password_env").map(Password::Env);
    let by_file = section.text(faults, "password_file").map(|path| Password::File(directory.join(path)));
    let login = match (username, by_env, by_file) {
        (None, None, None) => None,
        (Some(user), Some(password), None) | (Some(user), None, Some(password)) => Some((user, password)),
        _ => {
            faults.add(
                section.at(),
                "smtp: `username` goes with either `password_env` or `password_file`",
                Some("a password never stands in this file".into()),
            );
            None
        }
    };
    let is_local = host.as_deref().is_some_and(|host| {
        host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
    });
    if login.is_some() && security == Security::None && !is_local {
        faults.add(
            section.at(),
            "smtp: with `security = \"none\"` the password would cross the network readable",
            Some("use starttls or tls".into()),
        );
    }
    let seconds = |section: &mut Section<'_, '_>, faults: &mut Faults<'_>, key, default| {
        let seconds = section.integer(faults, key, 1..=86_400).and_then(|n| u64::try_from(n).ok());
        Duration::from_secs(seconds.unwrap_or(default))
    };
    let ca_file = section.text(faults, "ca_file").map(|path| directory.join(path));
    let timeout = seconds(&mut section, faults, "timeout_seconds", 60);
    let body_timeout = seconds(&mut section, faults, "body_timeout_seconds", 600);
    let first_retry = seconds(&mut section, faults, "retry_seconds", 60);
    section.finish(faults);
    Some(Smtp {
        host: host?,
        port: port.unwrap_or_else(|| security.port()),
        security,
        login,
        ca_file,
        from: from?,
        reply_to,
        timeout,
        body_timeout,
        first_retry,
    })
}

fn required_address(
    section: &mut Section<'_, '_>,
    faults: &mut Faults<'_>,
    key: &'static str,
) -> Option<Address> {
    let text = section.required(faults, key)?;
    address(section, faults, &text)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::parse;
    use super::*;

    fn faults(text: &str) -> Vec<String> {
        let found = parse(text, Path::new("")).err().unwrap_or_default();
        found
            .into_iter()
            .map(|fault| {
                let hint = fault.hint.map(|hint| format!(" ({hint})")).unwrap_or_default();
                format!("{}: {}{hint}", fault.line, fault.message)
            })
            .collect()
    }

    #[test]
    fn mail_is_configured_by_team_and_for_the_platform() {
        let text = r#"
[smtp]
host = "smtp.example.com"
from = "Lakeledger <costs@example.com>"
username = "costs"
password_file = "secret"
[report]
platform_email = "platform@example.com"
platform_weekly = "always"
material_spend = 12.5
material_change = "7"
keep_weeks = 4
[[team]]
name = "growth"
email = ["a@example.com", "B <b@example.com>"]
cc = "c@example.com"
weekly = "changed"
[[team]]
name = "content"
"#;
        let config = parse(text, Path::new("/etc")).unwrap();
        let smtp = config.smtp.unwrap();
        assert_eq!((smtp.server().as_str(), smtp.security), ("smtp.example.com:587", Security::StartTls));
        assert_eq!(smtp.login, Some(("costs".into(), Password::File("/etc/secret".into()))));
        assert_eq!(smtp.from.to_string(), "Lakeledger <costs@example.com>");
        let reports = config.reports;
        assert_eq!(reports.platform.to[0].email(), "platform@example.com");
        assert_eq!(reports.platform.when, When::Always);
        let growth = &reports.teams["growth"];
        assert_eq!((growth.to.len(), growth.cc.len(), growth.when), (2, 1, When::Changed));
        assert_eq!(reports.teams["content"], Mailing::default());
        assert_eq!(reports.materiality.spend, "12.5".parse().unwrap());
        assert_eq!(reports.materiality.change, "7".parse().unwrap());
        assert_eq!(reports.materiality.percent, "5".parse().unwrap());
        assert_eq!(reports.keep_weeks, 4);
    }

    #[test]
    fn a_digest_is_of_teams_that_lie_beside_each_other() {
        let teams = "[[team]]\nname = \"growth\"\n[[team]]\nname = \"ranking\"\nparent = \"growth\"\n[[team]]\nname = \"ads\"\n";
        let text = format!(
            "{teams}[[digest]]\nname = \"leads\"\nteams = [\"ranking\", \"ads\"]\nemail = \"a@example.com\"\nweekly = \"always\"\n"
        );
        let config = parse(&text, Path::new("")).unwrap();
        let [leads] = config.reports.digests.as_slice() else { panic!("one digest") };
        assert_eq!(
            (leads.teams.as_slice(), leads.mailing.when),
            (&["ranking".into(), "ads".into()][..], When::Always)
        );
        let wrong = format!(
            "{teams}[[digest]]\nname = \"x\"\nteams = [\"ranking\", \"growth\", \"adz\"]\n[[digest]]\nname = \"x\"\nemail = \"a@example.com\"\n"
        );
        let expected = [
            "8: digest 1: `email` is missing",
            "8: digest 1: team `ranking` is a part of team `growth` (name either: a digest adds its teams up)",
            "8: digest 1: there is no team `adz` (did you mean `ads`?)",
            "11: digest 2: `teams` is missing (such as teams = [\"growth\", \"ads\"])",
            "11: digest 2: digest `x` is there twice",
        ];
        assert_eq!(faults(&wrong), expected);
    }

    #[test]
    fn what_cannot_be_mailed_is_refused_at_once() {
        let text = r#"
[smtp]
host = "smtp.example.com"
port = 0
security = "start-tls"
username = "costs"
from = "costs"
[report]
platform_weekly = "sometimes"
material_spend = -1
unsubscribe = "javascript:alert(1)"
[[team]]
name = "growth"
email = "a@example.com\r\nBcc: b@example.com"
wekly = "never"
"#;
        let expected = [
            "2: smtp: `costs` is no e-mail address",
            "2: smtp: `security` cannot be `start-tls` (did you mean `starttls`?)",
            "2: smtp: `username` goes with either `password_env` or `password_file` (a password never stands in this file)",
            "4: smtp: `port` must be a whole number from 1 to 65535",
            "8: report: `material_spend` must not be negative",
            "8: report: `platform_weekly` cannot be `sometimes` (one of material, changed, always, never)",
            "8: report: `unsubscribe`: `javascript:alert(1)` is neither a mailto: nor an https: address",
            "12: team 1: `a@example.com\\r\\nBcc: b@example.com` is no e-mail address",
            "15: team 1: unknown key `wekly` (did you mean `weekly`?)",
        ];
        assert_eq!(faults(text), expected);
        let click = |more: &str| faults(&format!("[report]\nunsubscribe_one_click = true\n{more}"));
        assert!(
            click("")[0].contains("`unsubscribe_one_click`: `unsubscribe` is missing"),
            "{:?}",
            click("")
        );
        assert!(click("unsubscribe = \"mailto:off@example.com\"")[0].contains("is no https: address"));
        assert!(click("unsubscribe = \"https://example.com/off\"").is_empty());
        let plain = "[smtp]\nhost = \"smtp.example.com\"\nfrom = \"a@example.com\"\nsecurity = \"none\"\nusername = \"a\"\npassword_env = \"P\"\n";
        assert!(faults(plain)[0].contains("would cross the network readable"));
        assert!(faults(&plain.replace("smtp.example.com", "127.0.0.1")).is_empty());
    }
}
