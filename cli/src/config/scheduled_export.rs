//! What a `[[schedule]]` whose job is `export` says of it: the options of `export costs`, with
//! days that follow from the run.

use std::path::{Path, PathBuf};

use attribution::mart::{Dimension, Filter, Idle, Shared};
use clap::ValueEnum as _;
use reports::export::period::{Period, Target};
use reports::watch::ClosedDays;

use super::budget::basis;
use super::nearest;
use super::section::{Faults, Section};
use super::word::unknown;
use crate::args::{CostsFormat, ExportCosts, MEMORY_MIB, ViewOptions};

/// An export of costs that runs again and again.
#[derive(Clone, Debug)]
pub struct ScheduledExport {
    /// Which days, as of a run.
    pub period: Period,
    /// File or object; relative files start at `directory`.
    target: Target,
    directory: PathBuf,
    /// All else, as `export costs` takes it.
    options: ExportCosts,
}

impl ScheduledExport {
    /// What it keeps, as `dimension=value`.
    pub fn filters(&self) -> &[String] {
        &self.options.filters
    }

    /// The export of a run: nothing where its days are not closed yet.
    pub fn at(&self, closed: ClosedDays) -> Option<ExportCosts> {
        let days = self.period.days(closed)?;
        let name = self.target.name(days);
        let output = match name.starts_with("s3://") {
            true => PathBuf::from(name),
            false => self.directory.join(name),
        };
        Some(ExportCosts {
            from: Some(days.0),
            to: Some(days.1),
            output: Some(output),
            ..self.options.clone()
        })
    }
}

/// Reads the keys of an export; relative files start at `directory`.
pub fn export(
    section: &mut Section<'_, '_>,
    faults: &mut Faults<'_>,
    directory: &Path,
) -> Option<ScheduledExport> {
    let period = period(section, faults);
    let target = target(section, faults);
    let format = format(section, faults, target.as_ref());
    let by = parsed::<Dimension>(section, faults, "by");
    if format == Some(CostsFormat::Focus) && !by.is_empty() {
        let message = format!("{}: a FOCUS export has no `by`", section.name());
        faults.add(section.at(), message, Some("its rows are the allocations themselves".into()));
    }
    let filters = parsed::<Filter>(section, faults, "where");
    let view = ViewOptions {
        idle: one(section, faults, "idle", Idle::ALL.map(Idle::name)),
        shared: one(section, faults, "shared", Shared::ALL.map(Shared::name)),
        ownership: one(section, faults, "ownership", ["restated", "as-was"]),
        as_of: None,
    };
    let basis = basis(section, faults);
    let options = ExportCosts {
        by,
        basis,
        from: None,
        to: None,
        filters: filters.iter().map(|filter| format!("{}={}", filter.dimension, filter.value)).collect(),
        view,
        format: Some(format?),
        output: None,
        memory: MEMORY_MIB,
    };
    Some(ScheduledExport { period: period?, target: target?, directory: directory.to_owned(), options })
}

fn period(section: &mut Section<'_, '_>, faults: &mut Faults<'_>) -> Option<Period> {
    let text = section.required(faults, "days")?;
    let period = text.parse();
    if let Err(fault) = &period {
        let near = nearest(&text, Period::WORDS).map(|near| format!("did you mean `{near}`?"));
        let hint = near.unwrap_or_else(|| format!("one of {}", Period::WORDS.join(", ")));
        faults.add(section.at(), format!("{}: {fault}", section.name()), Some(hint));
    }
    period.ok()
}

fn target(section: &mut Section<'_, '_>, faults: &mut Faults<'_>) -> Option<Target> {
    let text = section.required(faults, "output")?;
    let names_object = text.strip_prefix("s3://").is_none_or(|rest| rest.contains('/'));
    if text.ends_with('/') || !names_object {
        let message = format!("{}: `{text}` names no file", section.name());
        faults.add(section.at(), message, Some("such as exports/costs-{month}.csv".into()));
        return None;
    }
    let target = Target::parse(&text);
    if let Err(fault) = &target {
        let places = Target::PLACES.map(|place| format!("{{{place}}}")).join(", ");
        faults.add(section.at(), format!("{}: {fault}", section.name()), Some(format!("use {places}")));
    }
    target.ok()
}

/// The format named, else what the file's name ends with.
fn format(
    section: &mut Section<'_, '_>,
    faults: &mut Faults<'_>,
    target: Option<&Target>,
) -> Option<CostsFormat> {
    let formats = CostsFormat::value_variants();
    let words: Vec<String> = formats.iter().map(|format| format.word()).collect();
    if let Some(text) = section.text(faults, "format") {
        let known = formats.iter().find(|format| format.word() == text);
        if known.is_none() {
            unknown(section, faults, "format", &text, words.iter().map(String::as_str));
        }
        if let Err((_, ending)) =
            CostsFormat::chosen(known.copied(), target.map(|target| Path::new(target.as_str())))
        {
            let message =
                format!("{}: `format` is `{text}`, and `output` ends in .{}", section.name(), ending.word());
            faults.add(section.at(), message, Some("leave `format` out".to_owned()));
        }
        return known.copied();
    }
    let name = target?.as_str();
    let known = CostsFormat::of_name(Path::new(name));
    if known.is_none() {
        let message = format!("{}: `format` is missing, and `{name}` does not say it", section.name());
        faults.add(section.at(), message, Some(format!("one of {}", words.join(", "))));
    }
    known
}

/// Texts that are each something else.
fn parsed<T: std::str::FromStr<Err = String>>(
    section: &mut Section<'_, '_>,
    faults: &mut Faults<'_>,
    key: &'static str,
) -> Vec<T> {
    let texts = section.texts(faults, key);
    let mut found = Vec::new();
    for text in texts {
        match text.parse() {
            Ok(one) => found.push(one),
            Err(fault) => faults.add(section.at(), format!("{}: {fault}", section.name()), None),
        }
    }
    found
}

/// A word that is something else; the default where it is not there.
fn one<T: std::str::FromStr + Default, const N: usize>(
    section: &mut Section<'_, '_>,
    faults: &mut Faults<'_>,
    key: &'static str,
    words: [&str; N],
) -> T {
    let Some(text) = section.text(faults, key) else { return T::default() };
    match text.parse() {
        Ok(value) if words.contains(&text.as_str()) => value,
        _ => {
            unknown(section, faults, key, &text, words);
            T::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::{Job, parse};
    use super::*;

    const HEAD: &str = "[[schedule]]\nname = \"x\"\njob = \"export\"\ncron = \"0 6 * * *\"\n";

    fn read(text: &str) -> Result<ScheduledExport, Vec<String>> {
        let config = parse(&format!("{HEAD}{text}"), Path::new("/etc/lake")).map_err(|faults| {
            let shown = |fault: super::super::Fault| {
                format!("{} ({})", fault.message, fault.hint.unwrap_or_default())
            };
            faults.into_iter().map(shown).collect::<Vec<_>>()
        })?;
        match &config.schedules[0].job {
            Job::Export(export) => Ok(export.as_ref().clone()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_export_has_the_days_of_its_run() {
        let text = "days = \"closed-month\"\nby = [\"team\", \"service\"]\nwhere = \"category=usage\"\n\
            basis = \"billed\"\nidle = \"keep\"\noutput = \"exports/costs-{month}.xlsx\"\n";
        let export = read(text).unwrap();
        let closed =
            |end: &str| ClosedDays { first: "2026-09-15".parse().unwrap(), end: end.parse().unwrap() };
        let asked = export.at(closed("2026-11-08")).unwrap();
        assert_eq!(asked.from.unwrap().to_string(), "2026-10-01");
        assert_eq!(asked.to.unwrap().to_string(), "2026-11-01");
        assert_eq!(asked.output.unwrap(), Path::new("/etc/lake/exports/costs-2026-10.xlsx"));
        assert_eq!((asked.format, asked.by.len()), (Some(CostsFormat::Xlsx), 2));
        assert_eq!((asked.filters, asked.view.idle), (vec!["category=usage".to_owned()], Idle::Keep));
        assert!(export.at(closed("2026-10-08")).is_none(), "no month is whole yet");
        let bucket =
            read("days = \"last-7-days\"\nformat = \"focus\"\noutput = \"s3://finance/lake/{last}.csv\"\n");
        let asked = bucket.unwrap().at(closed("2026-11-08")).unwrap();
        assert_eq!(asked.output.unwrap(), Path::new("s3://finance/lake/2026-11-07.csv"));
    }

    #[test]
    fn every_fault_of_an_export_is_told() {
        let found = read(
            "days = \"closed-mnth\"\nby = \"colour\"\nwhere = \"team\"\nbasis = \"guessed\"\nidle = \"kep\"\n\
            output = \"costs-{mnth}.doc\"\n",
        )
        .unwrap_err();
        let expected = [
            "schedule 1: `closed-mnth` names no days (did you mean `closed-month`?)",
            "schedule 1: `costs-{mnth}.doc` has the place `{mnth}`, which is none",
            "schedule 1: `colour` is not a dimension",
            "schedule 1: `team`",
            "schedule 1: there is no idle `kep` (did you mean `keep`?)",
            "schedule 1: `guessed` is not a cost basis",
        ];
        for expected in expected {
            assert!(found.iter().any(|one| one.starts_with(expected)), "{expected} is not in {found:#?}");
        }
        assert_eq!(found.len(), expected.len(), "{found:#?}");
        for (text, expected) in [
            ("output = \"x.csv\"\n", "schedule 1: `days` is missing"),
            ("days = \"all\"\n", "schedule 1: `output` is missing"),
            ("days = \"all\"\noutput = \"x\"\n", "schedule 1: `format` is missing, and `x` does not say it"),
            ("days = \"all\"\noutput = \"s3://x\"\n", "schedule 1: `s3://x` names no file"),
            (
                "days = \"all\"\noutput = \"x.csv\"\nformat = \"focus\"\nby = \"team\"\n",
                "schedule 1: a FOCUS export has no `by`",
            ),
        ] {
            let found = read(text).unwrap_err();
            assert!(found.len() == 1 && found[0].starts_with(expected), "{found:#?}");
        }
    }
}
