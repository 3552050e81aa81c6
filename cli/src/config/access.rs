//! `[access]`: who may reach the dashboard from elsewhere than this machine.

use std::time::Duration;

use attribution::mart::Reach;
use attribution::rules::Team;
use web::access::{Grant, Network, Proxy, Role, Rules, SessionAge, Token};

use super::section::{Faults, Section};
use super::{check_team, table, tables};

/// Hours a session may live at most, the least and the most.
const SESSION_HOURS: (i64, i64) = (1, 24 * 30);

/// Reads the table.
pub fn access(mut section: Section<'_, '_>, faults: &mut Faults<'_>, teams: &[Team]) -> Rules {
    let mut rules = Rules {
        hosts: section.texts(faults, "hosts"),
        https: section.flag(faults, "https").unwrap_or_default(),
        ..Rules::default()
    };
    if let Some(hours) = section.number(faults, "session_hours") {
        let (least, most) = SESSION_HOURS;
        match u64::try_from(hours).ok().filter(|_| (least..=most).contains(&hours)) {
            Some(hours) => rules.session = SessionAge(Duration::from_secs(hours * 3600)),
            None => faults.add(
                section.at(),
                format!("access: `session_hours` is {hours}"),
                Some(format!("use {least} to {most}")),
            ),
        }
    }
    for host in rules.hosts.iter().filter(|host| host.contains(['/', ':']) || host.is_empty()) {
        faults.add(
            section.at(),
            format!("access: `{host}` in `hosts` is no name"),
            Some("write the name alone, without https:// or a port".into()),
        );
    }
    for one in tables(&mut section, faults, "token") {
        let at = one.at();
        if let Some(token) = token(one, faults, teams) {
            if rules.tokens.iter().any(|known| known.name == token.name) {
                faults.add(at, format!("access: two tokens are named `{}`", token.name), None);
            }
            if rules.tokens.iter().any(|known| known.hash == token.hash) {
                faults.add(at, "access: this token is there twice".to_owned(), None);
            }
            rules.tokens.push(token);
        }
    }
    let groups: Vec<_> = tables(&mut section, faults, "group")
        .into_iter()
        .filter_map(|one| group(one, faults, teams))
        .collect();
    if let Some(one) = table(&mut section, faults, "proxy") {
        rules.proxy = proxy(one, faults, groups);
    } else if !groups.is_empty() {
        let hint = Some("name the proxy that tells them in [access.proxy]".into());
        faults.add(section.at(), "access: there are groups, but no proxy", hint);
    }
    if rules.proxy.is_none() && rules.tokens.is_empty() {
        let hint = "name a trusted proxy in [access.proxy], or tokens in [[access.token]] as `lakeledger token new` writes them";
        faults.add(section.at(), "access: nobody would be let in", Some(hint.into()));
    }
    section.finish(faults);
    rules
}

fn token(mut section: Section<'_, '_>, faults: &mut Faults<'_>, teams: &[Team]) -> Option<Token> {
    let name = section.required(faults, "name");
    let hash = section.required(faults, "hash").and_then(|text| match text.parse() {
        Ok(hash) => Some(hash),
        Err(fault) => {
            // The text itself may be a secret: it is not shown.
            faults.add(section.at(), format!("{}: `hash`: {fault}", section.name()), None);
            None
        }
    });
    let grant = grant(&mut section, faults, teams);
    section.finish(faults);
    Some(Token { name: name?, grant: grant?, hash: hash? })
}

fn group(mut section: Section<'_, '_>, faults: &mut Faults<'_>, teams: &[Team]) -> Option<(String, Grant)> {
    let name = section.required(faults, "name");
    let grant = grant(&mut section, faults, teams);
    section.finish(faults);
    Some((name?, grant?))
}

/// Role and scope of a token or a group.
fn grant(section: &mut Section<'_, '_>, faults: &mut Faults<'_>, teams: &[Team]) -> Option<Grant> {
    let role = role(section, faults, "role");
    let is_scoped = section.value("team").is_some();
    let scope = section.texts(faults, "team");
    for team in &scope {
        check_team(faults, section, team, teams);
    }
    let totals = section.flag(faults, "totals");
    if is_scoped && scope.is_empty() {
        let hint = Some("leave `team` away to let all be seen".into());
        faults.add(section.at(), format!("{}: `team` names no team", section.name()), hint);
    }
    if totals.is_some() && !is_scoped {
        let message = format!("{}: `totals` is about those who see some teams only", section.name());
        faults.add(section.at(), message, Some("name the teams in `team`, or leave `totals` away".into()));
    }
    let reach = if is_scoped { Reach::teams(scope, totals.unwrap_or_default()) } else { Reach::Whole };
    Some(Grant { role: role?, reach })
}

fn role(section: &mut Section<'_, '_>, faults: &mut Faults<'_>, key: &'static str) -> Option<Role> {
    let text = match section.value(key) {
        Some(_) => section.text(faults, key)?,
        None => return Some(Role::Viewer),
    };
    text.parse()
        .map_err(|fault: String| faults.add(section.at(), format!("{}: {fault}", section.name()), None))
        .ok()
}

fn proxy(
    mut section: Section<'_, '_>,
    faults: &mut Faults<'_>,
    groups: Vec<(String, Grant)>,
) -> Option<Proxy> {
    let from: Vec<Network> = section
        .texts(faults, "from")
        .iter()
        .filter_map(|text| {
            text.parse()
                .map_err(|fault| faults.add(section.at(), format!("access.proxy: {fault}"), None))
                .ok()
        })
        .collect();
    if section.value("from").is_none() {
        let hint =
            Some("name the addresses its requests come from: anybody else could write its headers".into());
        faults.add(section.at(), "access.proxy: `from` is missing", hint);
    }
    let user_header = section.required(faults, "user_header").and_then(|name| header(name, &section, faults));
    let groups_header = section.text(faults, "groups_header").and_then(|name| header(name, &section, faults));
    if groups_header.is_none() && !groups.is_empty() {
        let hint = Some("name the header that tells them".into());
        faults.add(section.at(), "access.proxy: there are groups, but no `groups_header`", hint);
    }
    // Whoever the proxy lets through is let in here as well, unless groups say who.
    let others = match (section.value("others").is_some(), groups.is_empty()) {
        (true, _) => match section.text(faults, "others")?.as_str() {
            "refuse" => None,
            word => match word.parse() {
                Ok(role) => Some(Grant { role, reach: Reach::Whole }),
                Err(_) => {
                    let message = format!("access.proxy: `{word}` in `others`: use viewer, editor or refuse");
                    faults.add(section.at(), message, None);
                    None
                }
            },
        },
        (false, true) => Some(Grant { role: Role::Viewer, reach: Reach::Whole }),
        (false, false) => None,
    };
    section.finish(faults);
    Some(Proxy { from, user_header: user_header?, groups_header, groups, others })
}

/// The name of a header, lower case.
fn header(name: String, section: &Section<'_, '_>, faults: &mut Faults<'_>) -> Option<String> {
    if name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        return Some(name.to_ascii_lowercase());
    }
    faults.add(section.at(), format!("access.proxy: `{name}` is no name of a header"), None);
    None
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use attribution::mart::Reach;
    use web::access::Role;

    use super::super::parse;

    const HASH: &str = "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    const TEAMS: &str = "[[team]]\nname = \"growth\"\n[[team]]\nname = \"data\"\n";

    fn faults(text: &str) -> Vec<String> {
        let found = parse(&format!("{TEAMS}{text}"), Path::new("")).err().unwrap_or_default();
        found.into_iter().map(|fault| format!("{}: {}", fault.line, fault.message)).collect()
    }

    #[test]
    fn tokens_and_a_proxy_are_read() {
        let text = format!(
            "{TEAMS}[access]\nhosts = [\"costs.example.com\"]\nhttps = true\nsession_hours = 8\n\
             [access.proxy]\nfrom = [\"10.0.0.0/8\", \"::1\"]\nuser_header = \"X-Forwarded-User\"\n\
             groups_header = \"X-Forwarded-Groups\"\nothers = \"viewer\"\n\
             [[access.group]]\nname = \"growth-eng\"\nrole = \"editor\"\nteam = \"growth\"\ntotals = true\n\
             [[access.token]]\nname = \"ci\"\nhash = \"{HASH}\"\n"
        );
        let rules = parse(&text, Path::new("")).unwrap().access.unwrap();
        assert_eq!(rules.tokens[0].grant.role, Role::Viewer);
        assert!(rules.tokens[0].grant.reach.is_whole());
        assert_eq!(rules.session.0.as_secs(), 8 * 3600);
        let proxy = rules.proxy.unwrap();
        assert_eq!(proxy.user_header, "x-forwarded-user");
        assert_eq!(proxy.groups[0].1.reach, Reach::teams(["growth".to_owned()], true));
        assert_eq!(proxy.others.map(|grant| grant.role), Some(Role::Viewer));
    }

    #[test]
    fn whoever_is_in_no_group_is_refused_where_groups_say_who_may() {
        let proxy = "[access.proxy]\nfrom = \"127.0.0.1\"\nuser_header = \"x-user\"\n";
        let others = |more: &str| {
            parse(&format!("{TEAMS}{proxy}{more}"), Path::new(""))
                .unwrap()
                .access
                .unwrap()
                .proxy
                .unwrap()
                .others
        };
        assert_eq!(others("").map(|grant| grant.role), Some(Role::Viewer));
        assert_eq!(others("groups_header = \"x-groups\"\n[[access.group]]\nname = \"a\"\n"), None);
        assert_eq!(others("others = \"refuse\"\n"), None);
    }

    #[test]
    fn every_fault_is_told_and_no_secret_is() {
        let secret = "llk_1234";
        let found = faults(&format!(
            "[access]\nhost = \"x\"\nhosts = [\"https://x/\"]\nsession_hours = 0\n\
             [access.proxy]\nfrom = [\"10.0.0.1/8\"]\nuser_header = \"a b\"\nothers = \"all\"\n\
             [[access.token]]\nname = \"a\"\nhash = \"{secret}\"\nrole = \"admin\"\nteam = \"grwth\"\n\
             [[access.token]]\nname = \"b\"\nhash = \"{HASH}\"\ntotals = true\n\
             [[access.token]]\nname = \"b\"\nhash = \"{HASH}\"\nteam = []\n"
        ));
        let all = found.join("\n");
        for part in [
            "unknown key `host`",
            "`https://x/` in `hosts` is no name",
            "`session_hours` is 0",
            "has bits beyond its /8",
            "`a b` is no name of a header",
            "use viewer, editor or refuse",
            "it is a token, not its hash",
            "`admin` is no role",
            "there is no team `grwth`",
            "`totals` is about those who see some teams only",
            "two tokens are named `b`",
            "this token is there twice",
            "`team` names no team",
        ] {
            assert!(all.contains(part), "{part} in {all}");
        }
        assert!(!all.contains(secret), "{all}");
        assert_eq!(faults("[access]\n"), ["5: access: nobody would be let in"]);
        assert_eq!(faults("[access.proxy]\nuser_header = \"x\"\n"), ["5: access.proxy: `from` is missing"]);
    }
}
