//! How old the data is: what a reader must know before trusting the newest figures.

use attribution::mart::SourceStatus;

use crate::context::Context;
use crate::error::PageError;
use crate::layout::{Anchor, Banner};
use crate::link::Path;
use crate::words;

/// A banner appears when the newest day of usage is older than this.
const STALE_AFTER_DAYS: i64 = 3;

/// Days that a source of this kind may lag behind the newest data without being late;
/// inventories come once a week. Nothing of facts that need not change (owners, clusters) and
/// of tables, which are looked at as they are when they are read.
fn patience(kind: &str) -> Option<i64> {
    match kind {
        "s3-inventory" | "s3-uploads" => Some(9),
        "owners-csv" | "usage-csv" | "emr" | "iceberg" => None,
        _ => Some(STALE_AFTER_DAYS),
    }
}

/// That the newest usage is old, where it is.
pub fn old_charges(context: &Context<'_>) -> Option<Banner> {
    let newest = context.mart.info().newest_day()?;
    let age = (context.now.date_naive() - newest).num_days();
    (age > STALE_AFTER_DAYS).then(|| Banner {
        text: format!(
            "The newest usage is of {}, {} days ago. Figures after that day are missing, not zero.",
            reports::format::day(newest),
            reports::format::count(age)
        ),
        link: context.mart.reach().sees_bill().then(|| Anchor {
            label: "See the sources".to_owned(),
            href: context.lens.shared().url(&Path::new(["data"])),
        }),
    })
}

/// Sources that stopped: their newest data lies well behind that of the others. Told on Overview,
/// for a figure that rests on them is too low without being wrong.
pub fn stopped_sources(context: &Context<'_>) -> Result<Option<Banner>, PageError> {
    let sources = context.mart.sources()?;
    let keeps_up = |source: &&SourceStatus| patience(&source.kind).is_some();
    let newest = sources.iter().filter(keeps_up).filter_map(|source| source.newest_data_at).max();
    let Some(newest) = newest.filter(|_| context.mart.reach().sees_bill()) else { return Ok(None) };
    let behind = |source: &SourceStatus| {
        let days = (newest - source.newest_data_at?).num_days();
        (days > patience(&source.kind)?).then_some(days)
    };
    let mut late: Vec<(i64, &SourceStatus)> =
        sources.iter().filter_map(|source| Some((behind(source)?, source))).collect();
    late.sort_by_key(|(days, _)| std::cmp::Reverse(*days));
    let Some((days, source)) = late.first() else { return Ok(None) };
    let until = source.newest_data_at.map(|at| reports::format::day(at.date_naive())).unwrap_or_default();
    let first = format!(
        "Nothing of {} is newer than {until}, {} behind the newest data",
        reports::label::visible(&source.name),
        words::plural(*days, "day", "days")
    );
    let more = match late.len() - 1 {
        0 => String::new(),
        n => format!("; {} late too", words::plural(n as i64, "source is", "sources are")),
    };
    Ok(Some(Banner {
        text: format!("{first}{more}. What it would add to these figures is missing, not zero."),
        link: Some(Anchor {
            label: "See the sources".to_owned(),
            href: format!("{}#sources", context.lens.shared().url(&Path::new(["data"]))),
        }),
    }))
}
