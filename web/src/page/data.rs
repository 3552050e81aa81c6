//! Data: where the figures come from, how fresh they are, and that they equal the bill.

use std::collections::BTreeMap;

use askama::Template;
use attribution::mart::{BalanceRow, SourceStatus};
use attribution::models::{CHECKS as ALL_CHECKS, Check};
use axum::extract::RawQuery;
use axum::response::Response;
use model::{Category, Warning};

use super::answer;
use crate::context::Context;
use crate::equation::{self, Balance, Equation};
use crate::error::PageError;
use crate::layout::{Anchor, Shell};
use crate::lens::Lens;
use crate::link::Path;
use crate::parts;
use crate::sentence::Sentence;
use crate::state::Visit;
use crate::table::{self, Cell, Shown, Table, TableView};
use crate::words;

/// Warnings of one code that stand in rows of their own.
const MOST_ALIKE: usize = 5;

#[derive(Template)]
#[template(path = "data/data.html")]
struct Data {
    shell: Shell,
    sentence: Sentence,
    equation: Equation,
    /// What of it has no team, and where that is told by rule; nothing where all has one, or for
    /// who sees but some teams.
    no_team: Option<(String, Anchor)>,
    sources: TableView,
    balance: TableView,
    identity: TableView,
    warnings: TableView,
    publishes: TableView,
    checks: TableView,
    /// What runs when, and what was mailed, for who sees all of it.
    elsewhere: Option<(String, String)>,
}

pub async fn data(visit: Visit, query: RawQuery) -> Response {
    answer(visit, Path::new(["data"]), query, build).await
}

fn build(asked: &Context<'_>) -> Result<Response, PageError> {
    // Sources and the balance are about the whole bill.
    let lens = Lens { team: None, ..asked.lens.clone() };
    let page = &asked.with(lens)?;
    let sources = page.mart.sources()?;
    let rows = equation::balance(page)?;
    let sum = Balance::of(rows.iter());
    let unbalanced = rows.iter().filter(|row| !row.difference.is_zero()).count();
    let tables = [
        source_table(page, &sources),
        balance_table(page, &rows, &sum),
        identity(page)?,
        warnings(page)?,
        publishes(page),
        checks(),
    ];
    let [sources_view, balance, identity, warnings, publishes, checks] = match asked.tables(tables)? {
        Shown::Page(views) => views,
        Shown::Csv(csv) => return Ok(csv),
    };
    let days = rows.iter().map(|row| row.day).collect::<std::collections::BTreeSet<_>>().len();
    let mut sentence = Sentence::default()
        .say("Of ")
        .figure(page.money(sum.charged))
        .say(format!(" charged {}, every cent is accounted for: ", page.period()));
    sentence = if unbalanced == 0 {
        sentence
            .figure(words::plural(days as i64, "day", "days"))
            .say(" reconciled with a difference of exactly ")
            .figure("0")
            .say(".")
    } else {
        Sentence::default()
            .figure(words::plural(unbalanced as i64, "day and service", "days and services"))
            .say(format!(" do not reconcile {}; they are listed below.", page.period()))
    };
    let skipped: i64 = sources.iter().map(|source| source.skipped).sum();
    // What is furthest behind is the news.
    let oldest = sources.iter().filter_map(|source| Some((source.newest_data_at?, &source.name))).min();
    let freshness = oldest.map_or("No source has data.".to_owned(), |(at, name)| {
        format!("Furthest behind is {}, with data until {}.", reports::label::visible(name), page.instant(at))
    });
    let warned: i64 = sources.iter().map(|source| source.warnings).sum();
    let partial = if skipped == 0 {
        match warned {
            0 => "Everything found was read.".to_owned(),
            n => format!("Everything found was read, with {}.", words::plural(n, "warning", "warnings")),
        }
    } else {
        format!("Partial: {} could not be read.", words::plural(skipped, "object", "objects"))
    };
    let sentence = sentence.note(format!("{}. {freshness} {partial}", words::capital(&page.terms())));
    let no_team = parts::no_team(page)?;
    let ownership =
        Anchor { label: "Ownership".to_owned(), href: asked.lens.shared().url(&Path::new(["ownership"])) };
    let is_whole = page.mart.reach().is_whole();
    let owned = (is_whole && !no_team.total().is_zero())
        .then(|| (format!("Of no team: {}. ", no_team.noted(page)), ownership));
    let equation = Equation::new(page, &equation::in_view(page, sum)?);
    let shell = Shell::of(asked, "Data", vec![]).filtered(asked, false);
    page.page(&Data {
        shell,
        sentence,
        equation,
        no_team: owned,
        sources: sources_view,
        balance,
        identity,
        warnings,
        publishes,
        checks,
        elsewhere: is_whole.then(|| (Path::new(["schedule"]).encoded(), Path::new(["reports"]).encoded())),
    })
}

fn source_table(context: &Context<'_>, sources: &[SourceStatus]) -> Table {
    let basis = context.lens.basis;
    let row = |source: &SourceStatus| {
        let total = source.totals.iter().find(|(currency, _)| *currency == context.scope.currency);
        vec![
            Cell::text(source.name.as_str()),
            Cell::text(source.kind.as_str()),
            Cell::text(source.uri.as_str()),
            Cell::Count(source.objects),
            Cell::Count(source.rows),
            // With what 18 decimals could not hold, so that it is the file's own total.
            total.map_or(Cell::Nothing, |(_, totals)| Cell::Digits(totals.get(basis).to_string())),
            Cell::when(source.newest_data_at),
            Cell::when(source.landed_at),
            Cell::At(source.checked_at),
            Cell::Count(source.warnings),
            Cell::Count(source.skipped),
        ]
    };
    Table {
        id: "sources",
        caption: "Sources".to_owned(),
        noun: ("source", "sources"),
        columns: vec![
            table::text("source", "Source"),
            table::text("kind", "Kind"),
            table::text("uri", "Location").wide(),
            table::number("objects", "Objects").wide(),
            table::number("rows", "Rows").wide(),
            table::number("total", format!("Landed total ({basis}, {})", context.scope.currency)).wide(),
            table::number("newest_data", "Newest data"),
            table::number("landed", "Last landed").wide(),
            table::number("checked", "Last checked").exported(),
            table::number("warnings", "Warnings"),
            table::number("skipped", "Left out"),
        ],
        rows: sources.iter().map(row).collect(),
        foot: None,
        sort: ("source", false),
        empty: "No source is configured. Name one in lakeledger.toml and run `lakeledger run`.".to_owned(),
    }
}

fn balance_table(context: &Context<'_>, rows: &[BalanceRow], sum: &Balance) -> Table {
    let currency = context.scope.currency;
    let mut columns = vec![
        table::text("day", "Day (UTC)"),
        table::text("service", "Service"),
        table::number("charged", format!("Charged ({currency})")),
    ];
    columns.extend(Category::ALL.map(|category| {
        let head = words::capital(category.name());
        table::number(category.name(), head).wide()
    }));
    columns.push(table::number("difference", "Difference"));
    let is_whole = context.mart.reach().is_whole();
    let row = |row: &BalanceRow| {
        let of = Balance::of(std::iter::once(row));
        let lens = context.lens.shared().days(row.day, row.day.succ_opt().unwrap_or(row.day));
        let href =
            lens.only(attribution::mart::Dimension::Service, &row.service).url(&Path::new(["explain"]));
        let mut cells = vec![
            Cell::Day { day: row.day, href: None },
            Cell::text(row.service.as_str()),
            match is_whole {
                true => Cell::MoneyLink { amount: row.charged, href },
                // It would open what of the day is within reach.
                false => Cell::Money(row.charged),
            },
        ];
        cells.extend(Category::ALL.map(|category| Cell::Money(of.get(category))));
        cells.push(Cell::Exact(row.difference));
        cells
    };
    let mut foot = vec![Cell::text("Total"), Cell::Nothing, Cell::Money(sum.charged)];
    foot.extend(Category::ALL.map(|category| Cell::Money(sum.get(category))));
    foot.push(Cell::Exact(sum.difference));
    Table {
        id: "balance",
        caption: "Reconciliation by day and service".to_owned(),
        noun: ("row", "rows"),
        columns,
        rows: rows.iter().map(row).collect(),
        foot: Some(foot),
        sort: ("day", false),
        empty: context.nothing("Nothing was charged"),
    }
}

fn identity(context: &Context<'_>) -> Result<Table, PageError> {
    let mut identities = context.mart.identity()?;
    identities.retain(|row| row.currency == context.scope.currency);
    let currency = context.scope.currency;
    let rows = identities.iter().map(|row| {
        vec![
            Cell::text(row.source.as_str()),
            Cell::text(row.period.as_str()),
            Cell::Money(row.billed),
            Cell::Money(row.effective),
            Cell::Money(row.upfront_fees),
            row.amortised_upfront.map_or(Cell::Nothing, Cell::Money),
            row.residual
                .map_or_else(|| Cell::Tone { text: "not computable".to_owned(), tone: "plain" }, Cell::Exact),
        ]
    });
    Ok(Table {
        id: "identity",
        caption: "Billed against effective, by bill and month".to_owned(),
        noun: ("bill", "bills"),
        columns: vec![
            table::text("source", "Source"),
            table::text("period", "Month"),
            table::number("billed", format!("Billed ({currency})")),
            table::number("effective", format!("Effective ({currency})")),
            table::number("upfront_fees", "Upfront fees").wide(),
            table::number("amortised_upfront", "Amortised upfront").wide(),
            table::number("residual", "Residual"),
        ],
        rows: rows.collect(),
        foot: None,
        sort: ("period", true),
        empty: "No bill has been read.".to_owned(),
    })
}

/// The publishes that are kept, and the way to what changed since each.
fn publishes(context: &Context<'_>) -> Table {
    let kept = context.mart.kept();
    let last = kept.len().saturating_sub(1);
    let is_whole = context.mart.reach().is_whole();
    let rows = kept.into_iter().enumerate().map(|(nth, publish)| {
        let lens = Lens { with: Some(publish.mart_id.clone()), ..context.lens.shared() };
        vec![
            Cell::At(publish.at),
            Cell::text(publish.mart_id),
            match nth == last {
                true => Cell::text("shown now"),
                false if is_whole => {
                    Cell::link("What changed since, and why", lens.url(&Path::new(["compare"])))
                }
                false => Cell::Nothing,
            },
        ]
    });
    Table {
        id: "publishes",
        caption: "Publishes that are kept".to_owned(),
        noun: ("publish", "publishes"),
        columns: vec![
            table::text("published", "Published"),
            table::text("mart", "Figures"),
            table::text("compared", "Compared with now").derived(),
        ],
        rows: rows.collect(),
        foot: None,
        sort: ("published", true),
        empty: String::new(),
    }
}

/// What held when these figures were published: a mart that breaks any of it is not.
fn checks() -> Table {
    let row = |check: &Check| vec![Cell::text(check.name), Cell::text(check.forbids()), Cell::Count(0)];
    Table {
        id: "checks",
        caption: "What was checked before these figures were published".to_owned(),
        noun: ("check", "checks"),
        columns: vec![
            table::text("check", "Check"),
            table::text("forbids", "What there must not be"),
            table::number("offenders", "Found"),
        ],
        rows: ALL_CHECKS.iter().map(row).collect(),
        foot: None,
        sort: ("check", false),
        empty: String::new(),
    }
}

/// Warnings of one code and fact in one row where they are many, called by the first of them.
fn gathered(all: Vec<Warning>) -> Vec<Warning> {
    let mut rows: Vec<(Warning, usize)> = Vec::new();
    let mut counts: BTreeMap<(String, bool), usize> = BTreeMap::new();
    for warning in &all {
        *counts.entry((warning.code.clone(), warning.skipped)).or_default() += 1;
    }
    for warning in all {
        let is_many = counts[&(warning.code.clone(), warning.skipped)] > MOST_ALIKE;
        let alike =
            |(row, _): &&mut (Warning, usize)| (&row.code, row.skipped) == (&warning.code, warning.skipped);
        match rows.iter_mut().find(alike).filter(|_| is_many) {
            Some((row, objects)) => {
                row.count = row.count.saturating_add(warning.count);
                *objects += 1;
            }
            None => rows.push((warning, 1)),
        }
    }
    let told = |(row, objects): (Warning, usize)| match objects {
        1 => row,
        n => Warning {
            object: format!("{} and {} more", row.object, reports::format::count(n as i64 - 1)),
            ..row
        },
    };
    rows.into_iter().map(told).collect()
}

fn warnings(context: &Context<'_>) -> Result<Table, PageError> {
    let all = context.mart.warnings()?;
    // Of many alike one row stands for all: a download has each.
    let rows = if context.lens.table.csv { all } else { gathered(all) };
    let rows = rows.into_iter().map(|warning| {
        vec![
            Cell::text(warning.code),
            Cell::text(warning.object),
            Cell::text(warning.message),
            Cell::Count(i64::try_from(warning.count).unwrap_or(i64::MAX)),
            if warning.skipped {
                Cell::Tone { text: "left out".to_owned(), tone: "bad" }
            } else {
                Cell::text("kept")
            },
        ]
    });
    Ok(Table {
        id: "warnings",
        caption: "Warnings".to_owned(),
        noun: ("row", "rows"),
        columns: vec![
            table::text("code", "Code"),
            table::text("object", "Object"),
            table::text("message", "What was noticed"),
            table::number("count", "Times"),
            table::text("facts", "Facts").wide(),
        ],
        rows: rows.collect(),
        foot: None,
        sort: ("code", false),
        empty: "Nothing was noticed.".to_owned(),
    })
}
