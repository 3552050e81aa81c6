//! Who gets a letter that waits, as the configuration names them now.

use reports::alert::letter;
use reports::alert::record::Alerts;
use reports::mail::{Delivery, Recipients};
use reports::weekly::{DIGEST, Mailing, REPORT, When};

use crate::config::Config;

/// Nothing where the configuration does not say: a test goes to whom it was asked for.
pub(super) fn of(config: &Config, one: &Delivery) -> Option<Recipients> {
    let reports = &config.reports;
    match (one.report.as_str(), &one.team) {
        (REPORT, None) => Some(mailing(Some(&reports.platform))),
        (REPORT, Some(team)) => Some(mailing(reports.teams.get(team))),
        (DIGEST, Some(name)) => {
            Some(mailing(reports.digests.iter().find(|digest| digest.name == *name).map(|it| &it.mailing)))
        }
        (letter::REPORT, team) => {
            // A message that is kept no longer goes as it is.
            let name =
                Alerts::open(&config.ledger).and_then(|record| record.channel_of(&one.period)).ok()??;
            let channel = config.watch.channels.iter().find(|channel| channel.name == name);
            let of = |channel| letter::recipients(&config.watch, channel, team.as_deref());
            Some(channel.map(of).unwrap_or_default())
        }
        _ => None,
    }
}

fn mailing(mailing: Option<&Mailing>) -> Recipients {
    let mailing = mailing.filter(|mailing| mailing.when != When::Never);
    mailing.map(|it| Recipients { to: it.to.clone(), cc: it.cc.clone() }).unwrap_or_default()
}
