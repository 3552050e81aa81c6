//! `[[channel]]`: who is told.

use std::collections::BTreeMap;
use std::path::Path;

use attribution::rules::Team;
use reports::alert::letter::Sender;
use reports::alert::{Channel, ChannelKind, Secret, Watch};
use reports::mail::{Address, Smtp};

use super::mail::{Reports, addresses};
use super::section::{Faults, Section};
use super::word::unknown;

/// PagerDuty's own address.
const PAGERDUTY: &str = "https://events.pagerduty.com/v2/enqueue";

/// Reads one `[[channel]]`; files of secrets are relative to `directory`.
pub fn channel(mut section: Section<'_, '_>, faults: &mut Faults<'_>, directory: &Path) -> Option<Channel> {
    let name = section.required(faults, "name");
    let kind = section.required(faults, "kind");
    let tells_resolved = section.flag(faults, "resolved").unwrap_or(true);
    let kind = match kind.as_deref() {
        Some("slack") => needed(&mut section, faults, ("url_env", "url_file"), directory)
            .map(|url| ChannelKind::Slack { url }),
        Some("pagerduty") => {
            let url = section.text(faults, "url").unwrap_or_else(|| PAGERDUTY.to_owned());
            if !url.starts_with("https://") && !url.starts_with("http://") {
                faults.add(section.at(), format!("{}: `{url}` is no address", section.name()), None);
            }
            let key = needed(&mut section, faults, ("routing_key_env", "routing_key_file"), directory);
            key.map(|routing_key| ChannelKind::PagerDuty { url, routing_key })
        }
        Some("webhook") => {
            let url = needed(&mut section, faults, ("url_env", "url_file"), directory);
            let key = secret(&mut section, faults, ("key_env", "key_file"), directory);
            url.map(|url| ChannelKind::Webhook { url, key })
        }
        Some("email") => {
            let to = addresses(&mut section, faults, "to");
            if to.is_empty() {
                let message = format!("{}: `to` is missing", section.name());
                let hint =
                    "such as to = \"data-oncall@example.com\"; with `teams = true` it gets what is no team's";
                faults.add(section.at(), message, Some(hint.to_owned()));
            }
            let cc = addresses(&mut section, faults, "cc");
            Some(ChannelKind::Email {
                to,
                cc,
                is_to_teams: section.flag(faults, "teams").unwrap_or_default(),
            })
        }
        Some(kind) => {
            unknown(&section, faults, "kind", kind, ChannelKind::KINDS);
            None
        }
        None => None,
    };
    section.finish(faults);
    Some(Channel { name: name?, kind: kind?, tells_resolved })
}

type SecretKeys = (&'static str, &'static str);

fn needed(
    section: &mut Section<'_, '_>,
    faults: &mut Faults<'_>,
    keys: SecretKeys,
    directory: &Path,
) -> Option<Secret> {
    let secret = secret(section, faults, keys, directory);
    if secret.is_none() {
        let message = format!("{}: `{}` or `{}` is missing", section.name(), keys.0, keys.1);
        let hint = "name an environment variable or a file: secrets never stand in this file";
        faults.add(section.at(), message, Some(hint.to_owned()));
    }
    secret
}

fn secret(
    section: &mut Section<'_, '_>,
    faults: &mut Faults<'_>,
    (env, file): SecretKeys,
    directory: &Path,
) -> Option<Secret> {
    let variable = section.text(faults, env).map(Secret::Env);
    let file = section.text(faults, file).map(|path| Secret::File(directory.join(path)));
    if variable.is_some() && file.is_some() {
        faults.add(section.at(), format!("{}: has `{env}` and a file as well", section.name()), None);
    }
    variable.or(file)
}

/// Gives channels that are mail their server and the addresses of teams; `place` is where the
/// first of them stands.
pub fn mail(
    watch: &mut Watch,
    faults: &mut Faults<'_>,
    place: Option<usize>,
    smtp: Option<&Smtp>,
    reports: &Reports,
    teams: &[Team],
) {
    match (place, smtp) {
        (Some(place), None) => faults.add(
            place,
            "channel: kind `email` needs a mail server",
            Some("add [smtp] with `host` and `from`".into()),
        ),
        (_, smtp) => {
            watch.sender =
                smtp.map(|smtp| Sender { smtp: smtp.clone(), unsubscribe: reports.unsubscribe.clone() });
        }
    }
    watch.team_email = team_email(reports, teams);
}

/// Addresses by team: its own, or those of the nearest team above it that has any.
fn team_email(reports: &Reports, teams: &[Team]) -> BTreeMap<String, Vec<Address>> {
    let own = |name: &str| reports.teams.get(name).map(|mailing| &mailing.to).filter(|to| !to.is_empty());
    let addresses = |team: &Team| {
        let mut at = Some(team);
        // Parents that go round are a fault told elsewhere.
        for _ in 0..=teams.len() {
            let here = at?;
            if let Some(to) = own(&here.name) {
                return Some((team.name.clone(), to.clone()));
            }
            at = here.parent.as_ref().and_then(|parent| teams.iter().find(|team| team.name == *parent));
        }
        None
    };
    teams.iter().filter_map(addresses).collect()
}
