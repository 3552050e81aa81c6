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
        range: (WhatIf::SPOT_PERCENT, 1, 100),
    },
    Setting {
        word: "auto-termination",
        label: "Clusters end when idle for",
        unit: "minutes",
        kind: "cluster",
        range: (WhatIf::TERMINATION_MINUTES, 1, WhatIf::MOST_TERMINATION_MINUTES),
    },
    Setting {
        word: "event-driven",
        label: "Schedules wait for their inputs",
        unit: "",
        kind: "workload",
        range: (0, 0, 0),
    },
    Setting {
        word: "ttl",
        label: "Tables by day keep",
        unit: "days",
        kind: "table",
        range: (WhatIf::TTL_DAYS, 1, WhatIf::MOST_TTL_DAYS),
    },
    Setting {
        word: "compaction",
        label: "Files are folded to",
        unit: "MiB",
        kind: "table",
        range: (WhatIf::TARGET_MIB, 1, WhatIf::MOST_TARGET_MIB),
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

/// A setting with the value it is tried at.
pub struct Tried {
    setting: &'static Setting,
    value: u32,
}

impl Tried {
    /// The setting of a word and its value: the first, at its default, where nothing is said.
    ///
    /// # Errors
    /// When there is no such setting, or it has no such value.
    pub fn of(word: Option<&str>, value: Option<&str>) -> Result<Self, Vec<String>> {
        let word = word.unwrap_or(SETTINGS[0].word);
        let setting = SETTINGS.iter().find(|setting| setting.word == word).ok_or_else(|| {
            let known: Vec<_> = SETTINGS.iter().map(|setting| setting.word).collect();
            vec![format!("`{word}` is no setting: use {}", known.join(", "))]
        })?;
        let (usual, least, most) = setting.range;
        let fault = |text: &str| match setting.unit {
            "" => vec![format!("{word} has no value: leave out `{text}`")],
            unit => vec![format!("`{text}` is no value of {word}: use {least} to {most} {unit}")],
        };
        let value = match value {
            None => usual,
            Some(text) => {
                let value = text.parse().ok().filter(|value| (least..=most).contains(value));
                value.filter(|_| !setting.unit.is_empty()).ok_or_else(|| fault(text))?
            }
        };
        Ok(Self { setting, value })
    }

    /// What a page's form asks for. It keeps the value when another setting is chosen, which is then
    /// brought into the setting's range.
    fn of_form(word: Option<&str>, value: Option<&str>) -> Result<Self, Vec<String>> {
        let usual = Self::of(word, None)?;
        let (_, least, most) = usual.setting.range;
        match value.map(str::parse::<u32>) {
            // A setting without a value has none to be wrong.
            _ if usual.setting.unit.is_empty() => Ok(usual),
            Some(Ok(value)) => Ok(Self { value: value.clamp(least, most), ..usual }),
            None => Ok(usual),
            Some(Err(_)) => Self::of(word, value),
        }
    }

    /// Its word, as addresses and the command line have it.
    pub fn word(&self) -> &'static str {
        self.setting.word
    }

    /// Its value, in the setting's unit; nothing of a setting without one.
    pub fn value(&self) -> Option<u32> {
        (!self.setting.unit.is_empty()).then_some(self.value)
    }

    /// What it is tried at: cluster, workload or table.
    pub fn kind(&self) -> &'static str {
        self.setting.kind
    }

    fn question(&self) -> WhatIf {
        let value = self.value;
        match self.setting.word {
            "auto-termination" => WhatIf::AutoTermination { minutes: value },
            "event-driven" => WhatIf::EventDriven,
            "ttl" => WhatIf::Ttl { days: value },
            "compaction" => WhatIf::Compaction { target_mib: value },
            _ => WhatIf::Spot { percent: value },
        }
    }
}

/// What it would have saved, in the currency of the question; at one subject where it is named.
///
/// # Errors
/// When the subject is not known, or the mart cannot be asked.
pub fn answered(
    context: &Context<'_>,
    tried: &Tried,
    subject: Option<&str>,
) -> Result<Vec<WhatIfRow>, PageError> {
    let question = tried.question();
    if let Some(subject) = subject {
        let known = context.mart.what_if_subjects(&question)?;
        if !known.iter().any(|name| name == subject) {
            let near = reports::names::by_likeness(subject, known.iter().map(String::as_str));
            let hint = near.first().map_or_else(String::new, |near| format!(": did you mean `{near}`?"));
            return Err(PageError::BadRequest(vec![format!(
                "there is no {} `{subject}` to try it at{hint}",
                tried.kind()
            )]));
        }
    }
    let mut rows = context.mart.what_if(&question, subject)?;
    rows.retain(|row| row.currency == context.scope.currency);
    Ok(rows)
}

fn build(context: &Context<'_>) -> Result<Response, PageError> {
    let own = |key| context.lens.own(key);
    let tried = Tried::of_form(own("setting"), own("value")).map_err(PageError::BadRequest)?;
    let (setting, value) = (tried.setting, tried.value);
    let subject = own("subject");
    let rows = answered(context, &tried, subject)?;
    let saved: Amount = rows.iter().map(|row| row.net).sum();
    let [view] = match context.tables([table(context, setting, &rows)?])? {
        Shown::Page(views) => views,
        Shown::Csv(csv) => return Ok(csv),
    };
    let said = match setting.unit {
        "" => setting.label.to_owned(),
        unit => format!("{} {value} {unit}", setting.label),
    };
    let sentence = match rows.first() {
        None => {
            Sentence::default().say(format!("{said}: nothing would have been saved beyond what it costs."))
        }
        Some(first) => Sentence::default()
            .say(format!("{said}: "))
            .figure(context.money(saved))
            .say(format!(
                " a month net would have been saved at {}, most of it at {} with ",
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
            .figure(context.money(first.net))
            .say("."),
    };
    let sentence = sentence.note(
        "Past runs, gaps, reads and bytes priced again under the setting, at effective cost, for a month of 30.4375 \
         days; what rewriting, starting and running again would cost is taken off. Settings overlap with each other and with findings: their savings are not to be added.",
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
                label: one.label.to_owned(),
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
            Cell::Money(row.fix_cost),
            Cell::Money(row.net),
            Cell::Share { part: row.net, whole: row.cost, class: "share" },
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
            table::number("saving", format!("Saves ({currency})")).wide(),
            table::number("fix_cost", format!("Cost of it ({currency})")).wide(),
            table::number("net", format!("Net a month ({currency})")),
            table::number("share", "Of its cost").derived().wide(),
        ],
        rows: rows.iter().map(row).collect(),
        foot: (!rows.is_empty()).then(|| {
            vec![
                Cell::text("Total"),
                Cell::Nothing,
                Cell::Money(rows.iter().map(|row| row.cost).sum()),
                Cell::Money(rows.iter().map(|row| row.saving).sum()),
                Cell::Money(rows.iter().map(|row| row.fix_cost).sum()),
                Cell::Money(rows.iter().map(|row| row.net).sum()),
                Cell::Nothing,
            ]
        }),
        sort: ("net", true),
        empty:
            "Nothing would have been saved beyond what this setting costs. Try another value, or name one \
                cluster, workload or table to see what it comes to there."
                .to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_within_its_setting() {
        let of = |word, value| Tried::of_form(word, value).map(|tried| (tried.word(), tried.value()));
        assert_eq!(of(None, None), Ok(("spot", Some(80))));
        assert_eq!(of(Some("ttl"), None), Ok(("ttl", Some(90))));
        assert_eq!(of(Some("event-driven"), Some("9")), Ok(("event-driven", None)));
        assert_eq!(of(Some("spot"), Some("512")), Ok(("spot", Some(100))));
        for (word, value) in [(Some("magic"), None), (Some("ttl"), Some("-1")), (None, Some("many"))] {
            assert!(of(word, value).is_err(), "{word:?} {value:?}");
        }
    }

    #[test]
    fn a_program_is_told_what_a_form_is_forgiven() {
        for (word, value, fault) in [
            ("spot", "512", "`512` is no value of spot: use 1 to 100 per cent"),
            ("ttl", "0", "`0` is no value of ttl: use 1 to 36500 days"),
            ("event-driven", "9", "event-driven has no value: leave out `9`"),
        ] {
            assert_eq!(Tried::of(Some(word), Some(value)).err(), Some(vec![fault.to_owned()]));
        }
        assert_eq!(
            Tried::of(Some("compaction"), Some("128")).map(|tried| tried.value()).ok(),
            Some(Some(128))
        );
    }
}
