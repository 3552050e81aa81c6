//! What if: what another setting would have saved, recomputed from the history.

use askama::Template;
use attribution::mart::{WhatIf, WhatIfRow};
use axum::extract::RawQuery;
use axum::response::Response;
use model::Amount;

use super::{answer, crumb};
use crate::context::Context;
use crate::error::PageError;
use crate::finding::Places;
use crate::layout::{Choice, Shell};
use crate::lens::Lens;
use crate::link::Path;
use crate::sentence::Sentence;
use crate::state::Visit;
use crate::table::{self, Cell, Shown, Table, TableView};
use crate::words;

/// A setting that can be tried: its word, label, unit, default, least and most.
struct Setting {
    word: &'static str,
    label: &'static str,
    unit: &'static str,
    /// Kind of the subjects of its answer.
    kind: &'static str,
    range: (u32, u32, u32),
}

const SETTINGS: [Setting; 5] = [
    Setting {
        word: "spot",
        label: "Workers on spot",
        unit: "per cent",
        kind: "cluster",
        range: (70, 1, 100),
    },
    Setting {
        word: "auto-termination",
        label: "Clusters end when idle for",
        unit: "minutes",
        kind: "cluster",
        range: (30, 1, 10_080),
    },
    Setting {
        word: "event-driven",
        label: "Schedules wait for their inputs",
        unit: "",
        kind: "workload",
        range: (0, 0, 0),
    },
    Setting { word: "ttl", label: "Tables by day keep", unit: "days", kind: "table", range: (90, 1, 36_500) },
    Setting {
        word: "compaction",
        label: "Files are folded to",
        unit: "MiB",
        kind: "table",
        range: (512, 1, 65_536),
    },
];

#[derive(Template)]
#[template(path = "waste/what_if.html")]
struct WhatIfPage {
    shell: Shell,
    sentence: Sentence,
    action: String,
    hidden: Vec<(&'static str, String)>,
    settings: Vec<Choice>,
    value: String,
    unit: &'static str,
    range: (u32, u32),
    subject: String,
    rows: TableView,
}

pub async fn what_if(visit: Visit, query: RawQuery) -> Response {
    answer(visit, Path::new(["waste", "what-if"]), query, build).await
}

fn build(context: &Context<'_>) -> Result<Response, PageError> {
    let (setting, value) = asked(&context.lens).map_err(PageError::BadRequest)?;
    let subject = context.lens.own("subject");
    let mut rows = context.mart.what_if(&question(setting.word, value), subject)?;
    rows.retain(|row| row.currency == context.scope.currency);
    let saved: Amount = rows.iter().map(|row| row.saving).sum();
    let [view] = match context.tables([table(context, setting, &rows)?])? {
        Shown::Page(views) => views,
        Shown::Csv(csv) => return Ok(csv),
    };
    let said = match setting.unit {
        "" => setting.label.to_owned(),
        unit => format!("{} {value} {unit}", setting.label),
    };
    let sentence = match rows.first() {
        None => Sentence::default().say(format!("{said}: nothing would have been saved.")),
        Some(first) => Sentence::default()
            .say(format!("{said}: "))
            .figure(context.money(saved))
            .say(format!(
                " a month would have been saved at {}, most of it at {} with ",
                words::plural(
                    rows.len() as i64,
                    setting.kind,
                    // Kinds here take a plain s.
                    match setting.kind {
                        "cluster" => "clusters",
                        "workload" => "workloads",
                        _ => "tables",
                    }
                ),
                first.subject
            ))
            .figure(context.money(first.saving))
            .say("."),
    };
    let sentence = sentence.note(
        "Past runs, gaps, reads and bytes priced again under the setting, at effective cost, for a month of 30.4375 \
         days. Settings overlap with each other and with findings: their savings are not to be added.",
    );
    let mut hidden = Lens { own: Default::default(), ..context.lens.page() }.pairs();
    hidden.retain(|(key, _)| *key != "team");
    let shell = Shell::of(context, "What if", vec![crumb(context, "Waste", "waste")]);
    context.page(&WhatIfPage {
        shell,
        sentence,
        action: context.path.encoded(),
        hidden,
        settings: SETTINGS
            .iter()
            .map(|one| Choice {
                value: one.word.to_owned(),
                label: format!("{} … {}", one.label, one.unit).trim_end_matches(" … ").to_owned(),
                chosen: one.word == setting.word,
            })
            .collect(),
        value: if setting.unit.is_empty() { String::new() } else { value.to_string() },
        unit: setting.unit,
        range: (setting.range.1, setting.range.2),
        subject: subject.unwrap_or_default().to_owned(),
        rows: view,
    })
}

/// The setting of the URL and its value; the first at its default where it says nothing.
fn asked(lens: &Lens) -> Result<(&'static Setting, u32), Vec<String>> {
    let word = lens.own("setting").unwrap_or(SETTINGS[0].word);
    let setting = SETTINGS.iter().find(|setting| setting.word == word).ok_or_else(|| {
        let known: Vec<_> = SETTINGS.iter().map(|setting| setting.word).collect();
        vec![format!("`{word}` is no setting: use {}", known.join(", "))]
    })?;
    let (usual, least, most) = setting.range;
    let value = match lens.own("value") {
        // A setting without a value has none to be wrong.
        None => usual,
        Some(_) if setting.unit.is_empty() => usual,
        Some(text) => {
            // A form keeps the value when another setting is chosen: it is brought into its range.
            text.parse::<u32>().map(|value| value.clamp(least, most)).map_err(|_| {
                vec![format!("`{text}` is no value of {word}: use {least} to {most} {}", setting.unit)]
            })?
        }
    };
    Ok((setting, value))
}

fn question(word: &str, value: u32) -> WhatIf {
    match word {
        "auto-termination" => WhatIf::AutoTermination { minutes: value },
        "event-driven" => WhatIf::EventDriven,
        "ttl" => WhatIf::Ttl { days: value },
        "compaction" => WhatIf::Compaction { target_mib: value },
        _ => WhatIf::Spot { percent: value },
    }
}

fn table(context: &Context<'_>, setting: &Setting, rows: &[WhatIfRow]) -> Result<Table, PageError> {
    let places = Places::of(context)?;
    let currency = context.scope.currency;
    let row = |row: &WhatIfRow| {
        let href = places.href(context, setting.kind, &row.subject);
        vec![
            Cell::Text { text: row.subject.clone(), href },
            Cell::text(row.note.as_str()),
            Cell::Money(row.cost),
            Cell::Money(row.saving),
            Cell::Share { part: row.saving, whole: row.cost, class: "share" },
        ]
    };
    Ok(Table {
        id: "what-if",
        caption: "What it would have saved".to_owned(),
        noun: ("row", "rows"),
        columns: vec![
            table::text("subject", "Where"),
            table::text("note", "Rests on").wide(),
            table::number("cost", format!("Costs a month ({currency})")).wide(),
            table::number("saving", format!("Saves a month ({currency})")),
            table::number("share", "Of its cost").derived().wide(),
        ],
        rows: rows.iter().map(row).collect(),
        foot: (!rows.is_empty()).then(|| {
            vec![
                Cell::text("Total"),
                Cell::Nothing,
                Cell::Money(rows.iter().map(|row| row.cost).sum()),
                Cell::Money(rows.iter().map(|row| row.saving).sum()),
                Cell::Nothing,
            ]
        }),
        sort: ("saving", true),
        empty: "Nothing would have been saved by this setting.".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_within_its_setting() {
        let of =
            |query: &str| asked(&Lens::parse(query).unwrap()).map(|(setting, value)| (setting.word, value));
        assert_eq!(of(""), Ok(("spot", 70)));
        assert_eq!(of("setting=ttl"), Ok(("ttl", 90)));
        assert_eq!(of("setting=event-driven&value=9"), Ok(("event-driven", 0)));
        assert_eq!(of("setting=spot&value=512"), Ok(("spot", 100)));
        for query in ["setting=magic", "setting=ttl&value=-1", "value=many"] {
            assert!(of(query).is_err(), "{query}");
        }
    }
}
