//! Explore: any costs by any dimensions, as a chart and as a table, all of it in the address.

use askama::Template;
use attribution::mart::{Dimension, Filter, Mart, NONE};
use axum::Json;
use axum::extract::RawQuery;
use axum::response::{IntoResponse, Redirect, Response};

use super::explain::restrictions;
use super::explore_asked::{self, Asked, Drawn, Measure};
use super::explore_rows::{self, Rows};
use super::{answer, explore_chart};
use crate::chart::ChartView;
use crate::context::Context;
use crate::error::PageError;
use crate::layout::{Anchor, Choice, Shell};
use crate::lens::{Lens, MOST_BY};
use crate::link::Path;
use crate::sentence::{self, Sentence};
use crate::state::Visit;
use crate::table::{self, Shown, TableView};

/// Keys of tags that are offered; an address may name any.
const MOST_TAGS: usize = 40;
/// Values of a dimension that are offered to restrict to.
const MOST_VALUES: usize = 100;

#[derive(Template)]
#[template(path = "explore/explore.html")]
struct Explore {
    shell: Shell,
    sentence: Sentence,
    form: Form,
    restrictions: Vec<(String, Anchor)>,
    chart: Option<ChartView>,
    rows: TableView,
    /// The same question to the command line and to the API.
    command: Option<String>,
    api: Option<String>,
}

/// What the page may be asked, as fields.
struct Form {
    action: String,
    /// What the fields do not say and stays as it is.
    hidden: Vec<(&'static str, String)>,
    rows: Vec<(&'static str, Vec<Choice>)>,
    columns: Vec<Choice>,
    measures: Vec<Choice>,
    charts: Vec<Choice>,
    restrict: Vec<Choice>,
    /// Where a script asks what values a dimension has.
    values: String,
}

pub async fn explore(visit: Visit, query: RawQuery) -> Response {
    let asked = visit.clone();
    answer(visit, Path::new(["explore"]), query, move |context| build(context, &asked)).await
}

/// `GET /explore/values?dimension=team`: what it may be restricted to, dearest first, as JSON.
pub async fn values(visit: Visit, query: RawQuery) -> Response {
    answer(visit, Path::new(["explore", "values"]), query, |context| {
        // Without a dimension there is nothing to choose from.
        let Some(word) = context.lens.own("dimension") else {
            return Ok(Json::<[&str; 0]>([]).into_response());
        };
        let dimension: Dimension = word.parse().map_err(|fault| PageError::BadRequest(vec![fault]))?;
        let mut rows = context.costs(&[dimension], &[])?;
        rows.sort_by_key(|row| std::cmp::Reverse(row.cost.abs()));
        let values: Vec<String> = rows.into_iter().take(MOST_VALUES).map(|row| row.keys.concat()).collect();
        Ok(Json(values).into_response())
    })
    .await
}

fn build(context: &Context<'_>, visit: &Visit) -> Result<Response, PageError> {
    if let Some(narrowed) = narrowed(&context.lens)? {
        return Ok(Redirect::to(&narrowed.url(&context.path)).into_response());
    }
    // A program that reads CSV is told that it asked what cannot be; a person is shown what can.
    let mended = explore_asked::of_form(&context.lens).filter(|_| !context.lens.table.csv);
    let (answered, note) = match mended {
        Some((lens, note)) => (Some(context.with(lens)?), Some(note)),
        None => (None, None),
    };
    // Of the form alone: it keeps the restrictions for another measure.
    let sent = &context.lens.filters;
    let context = answered.as_ref().unwrap_or(context);
    let asked = Asked::of(&context.lens)?;
    let filters = &context.lens.filters;
    let rows = explore_rows::rows(context, visit, &asked)?;
    let Rows { table, cut, total, idle } = rows;
    let chart = match asked.drawn {
        Drawn::Table => None,
        Drawn::Bar => explore_chart::bars(context, &asked, &table)?,
        Drawn::Stacked | Drawn::Line => Some(explore_chart::over_time(context, &asked)?),
    };
    let [rows] = match table::show_cut(context, [table], cut)? {
        Shown::Page(views) => views,
        Shown::Csv(csv) => return Ok(csv),
    };
    let subject = match (filters.is_empty(), context.lens.team.as_deref()) {
        (true, None) => "The platform".to_owned(),
        (true, Some(NONE)) => context.owner(NONE).to_owned(),
        (true, Some(team)) => context.with_teams(team),
        _ => "What matches".to_owned(),
    };
    let mut sentence = sentence::cost(context, &subject, total);
    if let Some(share) = reports::format::percent(idle, total).filter(|_| !idle.is_zero()) {
        sentence = sentence.say(", ").figure(share).say(" of it idle");
    }
    let mut sentence = sentence
        .say(format!(", here by {}.", asked.words()))
        .note(sentence::comparison(context, total, filters)?);
    if let Some(note) = note {
        sentence = sentence.note(note);
    }
    let mut shell = Shell::of(context, "Explore", vec![]).filtered(context, true);
    if chart.is_some() {
        shell = shell.charted();
    }
    let (command, api) = match asked.measure {
        Measure::Waste => (None, None),
        _ => {
            let by = format!("--by {}", quoted(&names(&asked)));
            (Some(command(context, &by, wheres(context, &asked))), Some(api(context, &asked)))
        }
    };
    context.page(&Explore {
        shell,
        sentence,
        form: form(context, &asked, sent)?,
        restrictions: restrictions(context),
        chart,
        rows,
        command,
        api,
    })
}

/// The form's way to add a restriction: its two fields become one, and the address says so.
fn narrowed(lens: &Lens) -> Result<Option<Lens>, PageError> {
    let (dimension, is) = (lens.own("dimension"), lens.own("is").map(str::trim));
    if dimension.is_none() && is.is_none() {
        return Ok(None);
    }
    let mut narrowed = lens.clone().with_own("dimension", None).with_own("is", None);
    // Half a restriction is none: its field was left empty.
    if let (Some(dimension), Some(value)) = (dimension, is.filter(|value| !value.is_empty())) {
        let dimension = dimension.parse().map_err(|fault| PageError::BadRequest(vec![fault]))?;
        narrowed = narrowed.only(dimension, value);
    }
    Ok(Some(narrowed))
}

/// Dimensions on offer, those people ask for first.
fn dimensions(mart: &Mart) -> Result<Vec<Dimension>, PageError> {
    let mut all: Vec<Dimension> = Dimension::PLAIN.to_vec();
    if mart.info().teams.iter().any(|team| team.parent.is_some()) {
        all.push(Dimension::Org(1));
    }
    all.extend(mart.tag_keys(MOST_TAGS)?.into_iter().map(Dimension::Tag));
    Ok(all)
}

/// The fields, with the restrictions that were sent.
fn form(context: &Context<'_>, asked: &Asked, sent: &[Filter]) -> Result<Form, PageError> {
    let offered = dimensions(context.mart)?;
    let choice = |value: &str, label: &str, chosen: bool| Choice {
        value: value.to_owned(),
        label: label.to_owned(),
        chosen,
    };
    let choices = |none: Option<&str>, chosen: Option<&Dimension>| -> Vec<Choice> {
        let extra = chosen.filter(|chosen| !offered.contains(chosen));
        none.map(|none| choice("", none, chosen.is_none()))
            .into_iter()
            .chain(offered.iter().chain(extra).map(|dimension| {
                let name = dimension.name();
                choice(&name, &name, chosen == Some(dimension))
            }))
            .collect()
    };
    let mut hidden = Lens { filters: sent.to_vec(), ..context.lens.page() }.pairs();
    hidden.retain(|(key, _)| !matches!(*key, "by" | "pivot" | "measure" | "chart" | "dimension" | "is"));
    let labels = ["Rows", "then by", "and by"];
    let rows = (0..MOST_BY).map(|i| (labels[i], choices((i > 0).then_some("–"), asked.by.get(i)))).collect();
    let values = Lens { filters: vec![], ..context.lens.shared() };
    Ok(Form {
        action: context.path.encoded(),
        hidden,
        rows,
        columns: choices(Some("–"), asked.pivot.as_ref()),
        measures: Measure::ALL
            .into_iter()
            .map(|measure| choice(measure.name(), measure.label(), measure == asked.measure))
            .collect(),
        charts: Drawn::ALL
            .into_iter()
            .map(|drawn| choice(drawn.name(), drawn.label(), drawn == asked.drawn))
            .collect(),
        restrict: choices(Some("–"), None),
        values: values.url(&Path::new(["explore", "values"])),
    })
}

/// The restrictions of the page in the grammar of `--where`, the measure's among them.
fn wheres(context: &Context<'_>, asked: &Asked) -> Vec<String> {
    let team = context.lens.team.iter().flat_map(|team| context.of_team(team));
    let all = team.chain(context.lens.filters.clone()).chain(asked.measure.filter());
    all.map(|filter| format!("{}={}", filter.dimension, filter.value)).collect()
}

fn names(asked: &Asked) -> String {
    asked.by.iter().chain(&asked.pivot).map(Dimension::name).collect::<Vec<_>>().join(",")
}

/// The command that writes costs in the basis, days and view of the page; `what` says which and how.
pub fn command(context: &Context<'_>, what: &str, wheres: impl IntoIterator<Item = String>) -> String {
    let scope = &context.scope;
    let mut command = format!(
        "lakeledger export costs {what} --basis {} --from {} --to {}",
        context.lens.basis, scope.from, scope.to
    );
    for restriction in wheres {
        command.push_str(" --where ");
        command.push_str(&quoted(&restriction));
    }
    let view = context.lens.view;
    let seen = Lens { view, ..Lens::default() };
    for (key, value) in seen.pairs() {
        command.push_str(&format!(" --{key} {}", quoted(&value)));
    }
    command
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:,=".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

/// The address that gives the same groups as JSON.
fn api(context: &Context<'_>, asked: &Asked) -> String {
    let scope = &context.scope;
    let mut lens = Lens { filters: context.lens.filters.clone(), ..context.lens.shared() };
    lens.filters.extend(asked.measure.filter());
    lens.by = asked.by.iter().chain(&asked.pivot).cloned().collect();
    lens.currency = Some(scope.currency);
    lens.days(scope.from, scope.to).url(&Path::new(["api", "v1", "costs"]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restriction_of_the_form_becomes_one_of_the_address() {
        let lens = |query: &str| Lens::parse(query).unwrap();
        let url = |lens: Lens| lens.url(&Path::new(["explore"]));
        let narrowed = |query: &str| narrowed(&lens(query)).ok().flatten().map(url);
        assert_eq!(
            narrowed("by=team&dimension=tag:env&is=+prod+x&where=region%3Dus").as_deref(),
            Some("/explore?by=team&where=region%3Dus&where=tag%3Aenv%3Dprod%20x")
        );
        assert_eq!(narrowed("by=team&dimension=team&is=").as_deref(), Some("/explore?by=team"));
        assert_eq!(narrowed("by=team&is=x").as_deref(), Some("/explore?by=team"));
        assert_eq!(narrowed("by=team"), None);
    }

    #[test]
    fn a_shell_takes_any_name_as_one_word() {
        assert_eq!(quoted("team=growth"), "team=growth");
        assert_eq!(quoted("team=a b"), "'team=a b'");
        assert_eq!(quoted("tag:x=$(rm -rf ~)'"), "'tag:x=$(rm -rf ~)'\\'''");
    }
}
