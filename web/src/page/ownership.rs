//! Ownership: how much of the spend has an owner and how sure that is, what each rule
//! claims, and what none does, with the rule that would.

use std::collections::BTreeMap;

use askama::Template;
use attribution::mart::{CoverageRow, Dimension, NONE, OwnershipQuery, RuleClaim, Unclaimed, View};
use axum::extract::RawQuery;
use axum::response::Response;
use model::{Amount, Category};

use super::{answer, crumb};
use crate::colour;
use crate::context::Context;
use crate::error::PageError;
use crate::layout::Shell;
use crate::lens::Lens;
use crate::link::Path;
use crate::parts;
use crate::sentence::Sentence;
use crate::state::Visit;
use crate::table::{self, Cell, Shown, Table, TableView};
use crate::words;

/// Unclaimed costs listed: more than anybody writes rules for in one sitting.
const LISTED: usize = 500;
/// Those of them written out as rules.
const WRITTEN_OUT: usize = 5;

#[derive(Template)]
#[template(path = "ownership/ownership.html")]
struct Ownership {
    shell: Shell,
    sentence: Sentence,
    coverage: TableView,
    unclaimed: TableView,
    snippet: String,
    rules: TableView,
}

/// What one team was given, by how sure it is.
#[derive(Clone, Copy, Default)]
struct Sure {
    high: Amount,
    medium: Amount,
    low: Amount,
    none: Amount,
}

impl Sure {
    fn add(&mut self, row: &CoverageRow) {
        let part = match row.confidence.as_str() {
            "high" => &mut self.high,
            "medium" => &mut self.medium,
            "low" => &mut self.low,
            _ => &mut self.none,
        };
        *part += row.cost;
    }

    fn total(&self) -> Amount {
        self.high + self.medium + self.low + self.none
    }

    /// What a rule claims: neither the default's nor nobody's.
    fn ruled(&self) -> Amount {
        self.high + self.medium
    }
}

pub async fn ownership(visit: Visit, query: RawQuery) -> Response {
    answer(visit, Path::new(["ownership"]), query, build).await
}

fn build(asked: &Context<'_>) -> Result<Response, PageError> {
    // Rules are about all teams; what they claim now is not what another view would show.
    let lens = Lens { team: None, view: View::default(), ..asked.lens.clone() };
    let page = &asked.with(lens)?;
    let query = OwnershipQuery {
        basis: page.lens.basis,
        from: Some(page.scope.from),
        to: Some(page.scope.to),
        currency: Some(page.scope.currency),
    };
    let covered = page.mart.coverage(&query)?;
    let claims = page.mart.owner_rules(&query)?;
    let costs = page.mart.unclaimed(&query, LISTED)?;
    let mut sum = Sure::default();
    covered.iter().for_each(|row| sum.add(row));
    let tables =
        [coverage_table(page, &covered, &sum)?, unclaimed_table(page, &costs), rules_table(page, &claims)];
    let [coverage, unclaimed, rules] = match page.tables(tables)? {
        Shown::Page(views) => views,
        Shown::Csv(csv) => return Ok(csv),
    };
    let idle = claims.iter().filter(|claim| claim.claimed.is_none()).count();
    let mut sentence = Sentence::default();
    sentence = match reports::format::percent(sum.ruled(), sum.total()) {
        None => sentence.say(format!("Nothing that could have an owner was charged {}", page.period())),
        Some(share) => sentence
            .say("Rules claim ")
            .figure(share)
            .say(" of ")
            .figure(page.money(sum.total()))
            .say(format!(" {}; ", page.period()))
            .figure(page.money(sum.low))
            .say(" goes by default and ")
            .figure(page.money(sum.none))
            .say(" has no owner"),
    };
    let unused = match idle {
        0 => "Every rule claims something.".to_owned(),
        n => format!("{} nothing in this span.", words::plural(n as i64, "rule claims", "rules claim")),
    };
    let shared = page.total(&parts::one(Dimension::Category, Category::Shared.name()))?;
    let left_out = match shared.is_zero() {
        true => String::new(),
        false => format!("{} shared by all needs no owner and is left out. ", page.money(shared)),
    };
    let sentence = sentence.say(".").note(format!("{}. {left_out}{unused}", words::capital(&page.terms())));
    let snippet: Vec<String> = costs.iter().filter_map(Unclaimed::rule).take(WRITTEN_OUT).collect();
    let shell = Shell::of(asked, "Ownership", vec![crumb(asked, "Teams", "teams")])
        .filtered(asked, false)
        .in_one_view();
    page.page(&Ownership { shell, sentence, coverage, unclaimed, snippet: snippet.join("\n"), rules })
}

/// One row a team: how sure it is that its costs are its.
fn coverage_table(page: &Context<'_>, covered: &[CoverageRow], sum: &Sure) -> Result<Table, PageError> {
    let mut teams: BTreeMap<&str, Sure> = BTreeMap::new();
    for row in covered {
        teams.entry(row.team.as_deref().unwrap_or(NONE)).or_default().add(row);
    }
    let colours = page.colours(&Dimension::Team)?;
    let currency = page.scope.currency;
    let cells = |first: Cell, sure: &Sure| {
        vec![
            first,
            Cell::Money(sure.total()),
            Cell::Share { part: sure.ruled(), whole: sure.total(), class: "share" },
            Cell::Money(sure.high),
            Cell::Money(sure.medium),
            Cell::Money(sure.low),
            Cell::Money(sure.none),
        ]
    };
    let row = |(team, sure): (&&str, &Sure)| {
        let first = Cell::Swatch {
            text: if *team == NONE { "no owner" } else { *team }.to_owned(),
            class: colour::class(colours.of(team)),
            href: Some(page.entity("teams", team)),
        };
        cells(first, sure)
    };
    Ok(Table {
        id: "coverage",
        caption: "How sure ownership is, by team".to_owned(),
        noun: ("team", "teams"),
        columns: vec![
            table::text("team", "Team"),
            table::number("cost", format!("Cost ({currency})")),
            table::number("ruled", "Claimed by rules").derived(),
            table::number("high", format!("High ({currency})")).wide(),
            table::number("medium", format!("Medium ({currency})")).wide(),
            table::number("low", format!("By default ({currency})")).wide(),
            table::number("none", format!("No owner ({currency})")).wide(),
        ],
        rows: teams.iter().map(row).collect(),
        foot: Some(cells(Cell::text("Total"), sum)),
        sort: ("cost", true),
        empty: page.nothing("Nothing that could have an owner was charged"),
    })
}

/// One row a rule that would claim a cost.
fn unclaimed_table(page: &Context<'_>, costs: &[Unclaimed]) -> Table {
    let row = |cost: &Unclaimed| {
        vec![
            Cell::maybe(cost.value.as_deref()),
            Cell::maybe(cost.kind.as_deref().map(|kind| match &cost.tag_key {
                Some(key) => format!("{kind} {key}"),
                None => kind.to_owned(),
            })),
            Cell::Money(cost.cost),
            Cell::text(cost.team.as_deref().unwrap_or("no owner")),
            // The last line of the rule: what it matches.
            Cell::maybe(cost.rule().and_then(|rule| rule.lines().last().map(str::to_owned))),
        ]
    };
    Table {
        id: "unclaimed",
        caption: "What no rule claims, largest first".to_owned(),
        noun: ("cost", "costs"),
        columns: vec![
            table::text("value", "What"),
            table::text("kind", "Kind"),
            table::number("cost", format!("Cost ({})", page.scope.currency)),
            table::text("team", "Owned by").wide(),
            table::text("rule", "Rule that would claim it").wide(),
        ],
        rows: costs.iter().map(row).collect(),
        foot: None,
        sort: ("cost", true),
        empty: format!("Rules claim everything {}.", page.period()),
    }
}

/// When rules of a kind are asked, after those of the kinds before: of a run its owner and tags
/// alike, its workflow, its user, its cluster; of a table its own; of a charge its tags, resource
/// and account.
fn turn(kind: &str) -> u8 {
    match kind {
        "owner" | "tag" => 1,
        "workflow" => 2,
        "user" => 3,
        "cluster" => 4,
        "table" => 5,
        "resource" => 6,
        _ => 7,
    }
}

/// One row a rule, by kind as the kinds are asked, and within it in the order they are tried.
fn rules_table(page: &Context<'_>, claims: &[RuleClaim]) -> Table {
    let currency = page.scope.currency;
    let mut ordered: Vec<&RuleClaim> = claims.iter().collect();
    ordered.sort_by_key(|claim| turn(&claim.kind));
    let mut places: BTreeMap<u8, i64> = BTreeMap::new();
    let row = |claim: &&RuleClaim| {
        let place = places.entry(turn(&claim.kind)).or_default();
        *place += 1;
        vec![
            Cell::text(claim.kind.as_str()),
            Cell::Count(*place),
            Cell::text(claim.rule.as_str()),
            if claim.is_listed {
                Cell::link(claim.team.as_str(), page.entity("teams", &claim.team))
            } else {
                Cell::text(format!("{} (not listed)", claim.team))
            },
            claim.claimed.map_or(Cell::Nothing, |(_, cost)| Cell::Money(cost)),
            claim.from.map_or(Cell::Nothing, |day| Cell::Day { day, href: None }),
            claim.to.map_or(Cell::Nothing, |day| Cell::Day { day, href: None }),
        ]
    };
    Table {
        id: "rules",
        caption: "Rules, in the order they are tried".to_owned(),
        noun: ("rule", "rules"),
        columns: vec![
            table::text("kind", "Kind").wide(),
            table::number("position", "Place").wide(),
            table::text("rule", "Rule"),
            table::text("team", "Team"),
            table::number("claimed", format!("Claims ({currency})")),
            table::text("from", "Holds from").wide(),
            table::text("to", "Holds before").wide(),
        ],
        rows: ordered.iter().map(row).collect(),
        foot: None,
        sort: ("", false),
        empty: "There is no ownership rule. Write [[owner_rule]]s in lakeledger.toml.".to_owned(),
    }
}
