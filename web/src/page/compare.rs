//! Compare: what changed in the figures since an earlier publish, and why, in parts that add
//! up to the difference.

use askama::Template;
use attribution::mart::{Cause, Comparison, Difference, Dimension, NONE, Publish, Reason, View};
use axum::extract::RawQuery;
use axum::response::Response;
use model::Amount;
use reports::compared;

use super::{answer, crumb, explain};
use crate::context::{Context, only};
use crate::error::PageError;
use crate::layout::{Anchor, Shell};
use crate::lens::Lens;
use crate::link::Path;
use crate::sentence::Sentence;
use crate::state::Visit;
use crate::table::{self, Cell, Shown, Table, TableView};
use crate::words;

#[derive(Template)]
#[template(path = "compare/compare.html")]
struct Compare {
    shell: Shell,
    sentence: Sentence,
    restrictions: Vec<(String, Anchor)>,
    /// Earlier publishes that are kept, newest first, and whether it is the one compared with.
    earlier: Vec<(Anchor, bool)>,
    /// What rows may stand for.
    bys: Vec<(Anchor, bool)>,
    /// Differences and causes; absent where there is nothing to compare with.
    tables: Option<(TableView, TableView)>,
}

/// What rows may stand for, as it is offered; the address may name any dimension.
const BYS: [(Dimension, &str); 6] = [
    (Dimension::Team, "By team"),
    (Dimension::Workload, "By workload"),
    (Dimension::Table, "By table"),
    (Dimension::Cluster, "By cluster"),
    (Dimension::Service, "By service"),
    (Dimension::Day, "By day"),
];

pub async fn compare(visit: Visit, query: RawQuery) -> Response {
    answer(visit, Path::new(["compare"]), query, build).await
}

fn build(page: &Context<'_>) -> Result<Response, PageError> {
    if page.lens.with.is_some() && page.lens.since.is_some() {
        return Err(PageError::BadRequest(vec![
            "`with` and `since` both say what is compared with: give one of them".to_owned(),
        ]));
    }
    // Both marts are looked at as they were published.
    let lens = Lens { view: View::default(), ..page.lens.clone() };
    let page = &page.with(lens)?;
    let kept: Vec<Publish> = page.mart.kept().into_iter().rev().skip(1).collect();
    let earlier = match (&page.lens.with, page.lens.since) {
        (Some(id), _) => Some(page.mart.kept_by_id(id)?),
        (None, Some(at)) => Some(page.mart.as_published(at)?),
        (None, None) => match kept.first() {
            Some(newest) => Some(page.mart.kept_by_id(&newest.mart_id)?),
            None => None,
        },
    };
    let by = page.lens.by.first().cloned().unwrap_or(Dimension::Team);
    let shell =
        Shell::of(page, "Compare", vec![crumb(page, "Data", "data")]).filtered(page, true).in_one_view();
    let Some(earlier) = earlier else {
        let sentence = Sentence::default().say("These are the first figures that are kept.");
        let restrictions = explain::restrictions(page);
        return page.page(&Compare {
            shell,
            sentence,
            restrictions,
            earlier: vec![],
            bys: vec![],
            tables: None,
        });
    };
    let query = page.query(std::slice::from_ref(&by), &page.lens.filters);
    let comparison = page.mart.compare(&earlier, &query)?;
    let tables = [differences(page, &by, &comparison), causes(page, &comparison)];
    let [differences, causes] = match page.tables(tables)? {
        Shown::Page(views) => views,
        Shown::Csv(csv) => return Ok(csv),
    };
    let lens = page.lens.page();
    let earlier = kept
        .iter()
        .map(|publish| {
            let lens = Lens { with: Some(publish.mart_id.clone()), since: None, ..lens.clone() };
            let anchor = Anchor { label: page.instant(publish.at), href: lens.url(&page.path) };
            (anchor, publish.mart_id == comparison.earlier.id)
        })
        .collect();
    let bys = BYS
        .into_iter()
        .map(|(dimension, label)| {
            let current = dimension == by;
            let lens = Lens {
                by: (dimension != Dimension::Team).then_some(dimension).into_iter().collect(),
                ..lens.clone()
            };
            (Anchor { label: label.to_owned(), href: lens.url(&page.path) }, current)
        })
        .collect();
    page.page(&Compare {
        shell,
        sentence: sentence(page, &comparison),
        restrictions: explain::restrictions(page),
        earlier,
        bys,
        tables: Some((differences, causes)),
    })
}

fn sentence(context: &Context<'_>, comparison: &Comparison) -> Sentence {
    let published = context.instant(comparison.earlier.published_at);
    let Some((from, to)) = comparison.days else {
        return Sentence::default()
            .say(format!("What was published {published} and what is now have no day of these in common."));
    };
    let days = words::period(from, to);
    let total = Difference::together("", &comparison.rows);
    let moved = comparison.rows.iter().filter(|row| row.is_changed()).count();
    let sentence = match total {
        Some(total) if total.now != total.before => {
            let difference = total.now - total.before;
            Sentence::default()
                .say(format!("The figures {days} are "))
                .figure(context.money(difference.abs()))
                .say(if difference > Amount::ZERO { " higher" } else { " lower" })
                .say(format!(" than when they were published {published}."))
        }
        _ if moved > 0 => Sentence::default()
            .say(format!("The figures {days} sum to the same as when they were published {published}, but "))
            .figure(words::plural(moved as i64, "row", "rows"))
            .say(" changed."),
        _ => Sentence::default()
            .say(format!("The figures {days} are "))
            .figure("the same")
            .say(format!(" as when they were published {published}.")),
    };
    sentence.note(format!(
        "{}. {} against {}, on the days both know.",
        words::capital(&context.terms()),
        comparison.later.id,
        comparison.earlier.id
    ))
}

fn differences(context: &Context<'_>, by: &Dimension, comparison: &Comparison) -> Table {
    let currency = context.scope.currency;
    let name = |row: &Difference| row.keys.first().map_or(NONE, String::as_str).to_owned();
    let row = |row: &Difference, what: Cell, now: Cell| {
        let mut cells = vec![
            what,
            Cell::Money(row.now - row.before),
            Cell::text(compared::why(row)),
            Cell::Money(row.before),
            now,
        ];
        cells.extend(Reason::ALL.map(|reason| Cell::Part(row.parts.get(reason))));
        cells
    };
    let named = |difference: &Difference| {
        let key = name(difference);
        let filters = crate::chart::with(&context.lens.filters, only(by.clone(), &key));
        let what = match by {
            _ if key == NONE => Cell::text(format!("no {by}")),
            Dimension::Team => Cell::link(key, context.entity("teams", &name(difference))),
            _ => Cell::text(key),
        };
        row(difference, what, Cell::MoneyLink { amount: difference.now, href: context.explain(&filters) })
    };
    let mut columns = vec![
        table::text("what", "What"),
        table::number("difference", format!("Difference ({currency})")),
        // On the page the columns say it; a phone has no room for them.
        table::text("why", "Why").narrow(),
        table::number("before", "Before").wide(),
        table::number("now", "Now").wide(),
    ];
    columns.extend(Reason::ALL.map(|reason| table::number(reason.name(), compared::title(reason)).wide()));
    let changed: Vec<&Difference> = comparison.rows.iter().filter(|row| row.is_changed()).collect();
    let total = Difference::together("Total", &comparison.rows);
    Table {
        id: "differences",
        caption: format!("What changed, by {by}"),
        noun: ("row", "rows"),
        columns,
        rows: changed.into_iter().map(named).collect(),
        foot: total.map(|total| {
            let now = Cell::Money(total.now);
            row(&total, Cell::text("Total, with what did not change"), now)
        }),
        sort: ("difference", true),
        empty: "Nothing changed.".to_owned(),
    }
}

fn causes(context: &Context<'_>, comparison: &Comparison) -> Table {
    let row = |cause: &Cause| {
        vec![
            Cell::text(compared::title(cause.reason)),
            Cell::text(cause.what.as_str()),
            Cell::text(compared::times(cause)),
            Cell::Money(cause.cost),
        ]
    };
    Table {
        id: "causes",
        caption: "Why: what came, went or moved".to_owned(),
        noun: ("cause", "causes"),
        columns: vec![
            table::text("reason", "Reason"),
            table::text("what", "What"),
            table::text("times", "How many").wide(),
            table::number("cost", format!("Added, taken or moved ({})", context.scope.currency)),
        ],
        rows: comparison.causes.iter().map(row).collect(),
        foot: None,
        sort: ("cost", true),
        empty: "Nothing changed.".to_owned(),
    }
}
