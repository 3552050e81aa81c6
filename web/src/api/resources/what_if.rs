//! What another setting would have saved, tried on the history.

use std::collections::BTreeMap;

use super::{CURRENCY, Resource, Rows, column, parameter};
use crate::access::Need;
use crate::api::listing::{Field, Kind};
use crate::context::Context;
use crate::error::PageError;
use crate::page::what_if::{Tried, answered};
use crate::state::Visit;

pub(super) static WHAT_IF: Resource = Resource {
    path: "/api/v1/what-if",
    // Settings are tried on everybody's clusters and tables.
    need: Need::Whole,
    summary: "What another setting would have saved a month, the largest net first",
    own: &[
        parameter("setting", "spot (the default), auto-termination, event-driven, ttl or compaction"),
        parameter(
            "value",
            "per cent of workers on spot (80), minutes (60), days (90) or MiB (512), as the setting has it",
        ),
        parameter("subject", "at this cluster, workload or table only, whatever it comes to"),
        parameter("currency", "in this currency"),
    ],
    costs: false,
    fixed: true,
    columns: &[
        column("setting", Kind::Text, "setting that was tried"),
        column("value", Kind::Count, "its value; nothing of a setting without one"),
        column("subject_kind", Kind::Text, "cluster, workload or table"),
        column("subject", Kind::Text, "where it was tried"),
        CURRENCY,
        column("cost", Kind::Money, "what is touched costs now, a month"),
        column("saving", Kind::Money, "what the setting would save of it, a month"),
        column("fix_cost", Kind::Money, "what the setting itself would cost, a month"),
        column("net", Kind::Money, "saving less cost of the setting, a month"),
        column("note", Kind::Text, "what it rests on, and its risk"),
    ],
    read: what_if,
};

fn what_if(context: &Context<'_>, _: &Visit, own: &BTreeMap<String, String>) -> Rows {
    let of = |name: &str| own.get(name).map(String::as_str);
    let tried = Tried::of(of("setting"), of("value")).map_err(PageError::BadRequest)?;
    let rows = answered(context, &tried, of("subject"))?;
    Ok(rows
        .into_iter()
        .map(|row| {
            vec![
                tried.word().to_owned().into(),
                tried.value().map(i64::from).map_or(Field::Nothing, Field::Count),
                tried.kind().to_owned().into(),
                row.subject.into(),
                row.currency.to_string().into(),
                row.cost.into(),
                row.saving.into(),
                row.fix_cost.into(),
                row.net.into(),
                row.note.into(),
            ]
        })
        .collect())
}
