//! `[[schedule]]`: which job runs when.

use std::path::Path;
use std::time::Duration;

use chrono_tz::Tz;
use reports::schedule::Schedule;

use super::scheduled_export::{self, ScheduledExport};
use super::section::{Faults, Section};
use super::word::unknown;
use super::zone;

/// What can be scheduled. What each does is [`crate::command::schedule`]'s.
#[derive(Clone, Debug)]
pub enum Job {
    /// `lakeledger run`.
    Run,
    /// `lakeledger alerts`: judges what alerts watch and tells of it.
    Alerts,
    /// `lakeledger report weekly --send`.
    WeeklyReport,
    /// `lakeledger export costs`.
    Export(Box<ScheduledExport>),
}

impl Job {
    /// The words of the configuration, in the order in which jobs that are due together run:
    /// figures before what is made of them.
    const WORDS: [&str; 4] = ["run", "alerts", "weekly-report", "export"];

    /// Its place in the order in which jobs that are due together run.
    pub const fn rank(&self) -> usize {
        match self {
            Self::Run => 0,
            Self::Alerts => 1,
            Self::WeeklyReport => 2,
            Self::Export(_) => 3,
        }
    }

    /// The word of the configuration.
    pub const fn name(&self) -> &'static str {
        Self::WORDS[self.rank()]
    }
}

/// A schedule and what it runs.
#[derive(Clone, Debug)]
pub struct Scheduled {
    /// When.
    pub schedule: Schedule,
    /// What.
    pub job: Job,
}

/// Reads one `[[schedule]]`; its time zone is the ledger's unless it names one, and files that it
/// writes are relative to `directory`.
pub fn schedule(
    mut section: Section<'_, '_>,
    faults: &mut Faults<'_>,
    known: &[Scheduled],
    ledger_zone: Tz,
    directory: &Path,
) -> Option<Scheduled> {
    let name = section.required(faults, "name");
    if let Some(name) = name.as_deref().filter(|name| known.iter().any(|one| one.schedule.name == *name)) {
        faults.add(section.at(), format!("{}: schedule `{name}` is there twice", section.name()), None);
    }
    let job = match section.required(faults, "job").as_deref() {
        Some("run") => Some(Job::Run),
        Some("alerts") => Some(Job::Alerts),
        Some("weekly-report") => Some(Job::WeeklyReport),
        Some("export") => {
            let export = scheduled_export::export(&mut section, faults, directory);
            export.map(|export| Job::Export(Box::new(export)))
        }
        Some(word) => {
            unknown(&section, faults, "job", word, Job::WORDS);
            None
        }
        None => None,
    };
    let timezone =
        section.text(faults, "timezone").map_or(Some(ledger_zone), |text| zone(&section, faults, &text));
    let jitter = section.integer(faults, "jitter_minutes", 0..=720).and_then(|n| u64::try_from(n).ok());
    let jitter = Duration::from_secs(jitter.unwrap_or(0) * 60);
    let cron = section.required(faults, "cron");
    let (at, shown) = (section.at(), section.name().to_owned());
    section.finish(faults);
    let (name, job, timezone, cron) = (name?, job?, timezone?, cron?);
    match Schedule::new(&name, job.name(), &cron, timezone, jitter) {
        Ok(schedule) => Some(Scheduled { schedule, job }),
        Err(fault) => {
            let hint = "minute, hour, day of month, month, day of week, such as \"15 6 * * MON-FRI\"";
            faults.add(at, format!("{shown}: `{cron}` is no cron expression: {fault}"), Some(hint.into()));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    #[test]
    fn schedules_are_read_in_their_time_zone() {
        let text = r#"
[ledger]
display_timezone = "America/New_York"
[[schedule]]
name = "daily"
job = "run"
cron = "15 6 * * *"
jitter_minutes = 10
[[schedule]]
name = "monday"
job = "weekly-report"
cron = "0 8 * * MON-THU"
timezone = "Europe/Berlin"
"#;
        let config = parse(text, Path::new("")).unwrap();
        let [daily, monday] = config.schedules.as_slice() else { panic!("two schedules") };
        assert_eq!((daily.job.name(), daily.schedule.timezone), ("run", Tz::America__New_York));
        assert_eq!(daily.schedule.jitter, Duration::from_secs(600));
        assert_eq!((monday.job.name(), monday.schedule.timezone), ("weekly-report", Tz::Europe__Berlin));
    }

    #[test]
    fn each_ledger_has_its_own_delay() {
        let delay = |ledger: &str| {
            let text = format!(
                "[ledger]\npath = \"{ledger}\"\n[[schedule]]\nname = \"daily\"\njob = \"run\"\ncron = \"@daily\"\n\
                 jitter_minutes = 720\n"
            );
            parse(&text, Path::new("")).unwrap().schedules[0].schedule.delay()
        };
        assert_eq!(delay("/srv/a"), delay("/srv/a"));
        assert!(["/srv/b", "/srv/c"].iter().any(|ledger| delay(ledger) != delay("/srv/a")));
    }

    #[test]
    fn what_cannot_be_scheduled_is_refused_at_once() {
        let text = r#"
[[schedule]]
name = "a"
job = "rum"
cron = "0 6 * * *"
[[schedule]]
name = "a"
job = "run"
cron = "0 25 * * *"
timezone = "Europe/Berln"
[[schedule]]
name = "b"
job = "run"
cron = "0 25 * * *"
jitter = 5
"#;
        let found = parse(text, Path::new("")).unwrap_err();
        let found: Vec<String> = found
            .into_iter()
            .map(|fault| format!("{}: {} ({})", fault.line, fault.message, fault.hint.unwrap_or_default()))
            .collect();
        assert_eq!(found.len(), 4, "{found:#?}");
        assert_eq!(found[0], "2: schedule 1: there is no job `rum` (did you mean `run`?)");
        assert_eq!(
            found[1],
            "6: schedule 2: `Europe/Berln` is no IANA time zone (did you mean `Europe/Berlin`?)"
        );
        assert!(found[2].starts_with("11: schedule 3: `0 25 * * *` is no cron expression: "), "{}", found[2]);
        assert_eq!(found[3], "15: schedule 3: unknown key `jitter` (did you mean `jitter_minutes`?)");
    }
}
