//! The waste inbox: what to fix first, what it saves, and what came of earlier fixes.

use askama::Template;
use attribution::mart::{Confidence, NONE};
use axum::extract::RawQuery;
use axum::response::Response;
use model::Amount;
use reports::lifecycle::{Realised, Status, Tracked, realised_together};

use super::{Fact, answer, fact};
use crate::chart::{self, ChartView, Ranked};
use crate::context::Context;
use crate::detector::{self, DETECTORS};
use crate::error::PageError;
use crate::finding::{self, Findings, Item};
use crate::layout::{Banner, Choice, Shell};
use crate::lens::Lens;
use crate::link::Path;
use crate::sentence::Sentence;
use crate::state::Visit;
use crate::table::{self, Cell, Shown, Table, TableView};
use crate::words;

/// What waste is found at.
const KINDS: [&str; 5] = ["cluster", "workload", "table", "bucket", "commitment"];

/// Columns a status may take; the finding's page has all of it.
const STATUS_COLUMNS: usize = 60;

#[derive(Template)]
#[template(path = "waste/waste.html")]
struct Waste {
    shell: Shell,
    sentence: Sentence,
    facts: Vec<Fact>,
    asked: Asked,
    fields: Fields,
    chart: Option<ChartView>,
    findings: TableView,
    resolved: TableView,
    /// Absent for who does not see all: settings are tried on everybody's clusters and tables.
    what_if: Option<String>,
}

/// Which findings are asked for.
#[derive(Clone, Debug, Default)]
struct Asked {
    detector: Option<String>,
    kind: Option<String>,
    /// Nothing for those that wait for somebody.
    status: Option<StatusAsked>,
    confidence: Option<Confidence>,
    min: Option<Amount>,
    subject: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StatusAsked {
    All,
    One(Status),
}

/// Choices of the form.
struct Fields {
    action: String,
    hidden: Vec<(&'static str, String)>,
    teams: Vec<Choice>,
    detectors: Vec<Choice>,
    kinds: Vec<Choice>,
    statuses: Vec<Choice>,
    confidences: Vec<Choice>,
    min: String,
    /// Whether anything is restricted, and the inbox without it.
    clear: Option<String>,
}

impl Asked {
    /// Reads the page's own keys; every fault says what is allowed.
    fn of(lens: &Lens) -> Result<Self, PageError> {
        let mut faults = Vec::new();
        let mut asked = Self { subject: lens.own("subject").map(str::to_owned), ..Self::default() };
        if let Some(name) = lens.own("detector") {
            match detector::of(name) {
                Some(_) => asked.detector = Some(name.to_owned()),
                None => {
                    let known: Vec<_> = DETECTORS.iter().map(|words| words.name).collect();
                    faults.push(format!("there is no detector `{name}`: use {}", known.join(", ")));
                }
            }
        }
        if let Some(kind) = lens.own("kind") {
            if KINDS.contains(&kind) {
                asked.kind = Some(kind.to_owned());
            } else {
                faults.push(format!("waste is not found at a `{kind}`: use {}", KINDS.join(", ")));
            }
        }
        if let Some(word) = lens.own("status") {
            asked.status = match word {
                "open" => None,
                "all" => Some(StatusAsked::All),
                word => match Status::ALL.into_iter().find(|status| status.name() == word) {
                    Some(status) => Some(StatusAsked::One(status)),
                    None => {
                        let known: Vec<_> = Status::ALL.iter().map(|status| status.name()).collect();
                        faults.push(format!("`{word}` is no status: use open, all, {}", known.join(", ")));
                        None
                    }
                },
            };
        }
        if let Some(word) = lens.own("confidence") {
            match word.parse() {
                Ok(confidence) => asked.confidence = Some(confidence),
                Err(_) => faults.push(format!("`{word}` is no confidence: use low, medium or high")),
            }
        }
        if let Some(word) = lens.own("min") {
            match word.parse() {
                Ok(min) => asked.min = Some(min),
                Err(_) => faults.push(format!("`{word}` in `min` is no amount: write it as 250 or 99.5")),
            }
        }
        if faults.is_empty() { Ok(asked) } else { Err(PageError::BadRequest(faults)) }
    }

    fn leaves(&self, context: &Context<'_>, item: &Item<'_>) -> bool {
        let finding = item.finding;
        let of_status = match self.status {
            None => item.is_waiting(),
            Some(StatusAsked::All) => true,
            Some(StatusAsked::One(status)) => item.status == status,
        };
        of_status
            && finding::is_of_lens(context, finding.team.as_deref())
            && self.detector.as_ref().is_none_or(|detector| finding.detector == *detector)
            && self.kind.as_ref().is_none_or(|kind| finding.subject_kind == *kind)
            && self.subject.as_ref().is_none_or(|subject| finding.subject == *subject)
            && self.confidence.is_none_or(|least| finding.confidence >= least)
            && self.min.is_none_or(|min| finding.net_saving >= min)
    }

    /// Whether what was fixed is among what is asked for; of its saving nothing is left to ask.
    fn leaves_fixed(&self, context: &Context<'_>, tracked: &Tracked) -> bool {
        finding::is_of_lens(context, tracked.team.as_deref())
            && self.detector.as_ref().is_none_or(|detector| tracked.detector == *detector)
            && self.kind.as_ref().is_none_or(|kind| tracked.subject_kind == *kind)
            && self.subject.as_ref().is_none_or(|subject| tracked.subject == *subject)
    }

    fn restricts(&self, lens: &Lens) -> bool {
        self.detector.is_some()
            || self.kind.is_some()
            || self.status.is_some()
            || self.confidence.is_some()
            || self.min.is_some()
            || self.subject.is_some()
            || lens.team.is_some()
    }
}

pub async fn waste(visit: Visit, query: RawQuery) -> Response {
    let asked = visit.clone();
    answer(visit, Path::new(["waste"]), query, move |context| build(context, &asked)).await
}

fn build(context: &Context<'_>, visit: &Visit) -> Result<Response, PageError> {
    let asked = Asked::of(&context.lens)?;
    let all = finding::load(context, visit)?;
    let items: Vec<&Item<'_>> = all.items.iter().filter(|item| asked.leaves(context, item)).collect();
    let [findings, resolved] = match context
        .tables([list(context, &items, asked.restricts(&context.lens)), resolved(context, &all, &asked)])?
    {
        Shown::Page(views) => views,
        Shown::Csv(csv) => return Ok(csv),
    };
    let mut shell = Shell::of(context, "Waste", vec![]).charted();
    shell.banners.extend(all.fault.clone().map(|text| Banner { text, link: None }));
    let fields = fields(context, &asked, &all);
    context.page(&Waste {
        shell,
        sentence: sentence(context, &items, &asked),
        facts: facts(context, &items, &all, &asked),
        fields,
        chart: chart(context, &items)?,
        findings,
        resolved,
        what_if: context
            .mart
            .reach()
            .is_whole()
            .then(|| context.lens.shared().url(&Path::new(["waste", "what-if"]))),
        asked,
    })
}

/// What the findings claim together: what lowers the bill, and what frees capacity.
fn claimed(items: &[&Item<'_>]) -> (Amount, Amount) {
    reports::findings::claimed(items.iter().map(|item| item.finding))
}

fn sentence(context: &Context<'_>, items: &[&Item<'_>], asked: &Asked) -> Sentence {
    let Some(first) = items.first() else {
        let what = if asked.restricts(&context.lens) { " with these filters" } else { "" };
        return Sentence::default().say(format!("Nothing is left to fix{what}.")).note(
            "Detectors look at the last 90 days of what is read; see docs/WASTE.md for what each needs.",
        );
    };
    let finding = first.finding;
    let mut sentence = Sentence::default()
        .say("First: ")
        .say(lower(&detector::fix(&finding.detector, &finding.subject)))
        .say(", which saves ")
        .figure(context.money(finding.net_saving))
        .say(" a month net");
    if !finding.is_cash {
        sentence = sentence.say(" (capacity, not cash)");
    }
    if items.len() > 1 {
        let (cash, capacity) = claimed(items);
        sentence = sentence
            .say(format!(". All {} together: ", reports::format::count(items.len() as i64)))
            .figure(context.money(cash))
            .say(" a month off the bill");
        if !capacity.is_zero() {
            sentence = sentence.say(", and capacity worth ").figure(context.money(capacity)).say(" set free");
        }
    }
    sentence.say(".").note(
        "A month is 30.4375 days at the rate of the last four weeks, at effective cost. Savings overlap: “without \
         overlap” is what no finding before saves of the same cost already, so those figures can be added up.",
    )
}

/// The first letter small, to go on in a sentence.
fn lower(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

fn facts(context: &Context<'_>, items: &[&Item<'_>], all: &Findings<'_>, asked: &Asked) -> Vec<Fact> {
    let gross: Amount = items.iter().map(|item| item.finding.gross_saving).sum();
    let fix: Amount = items.iter().map(|item| item.finding.fix_cost).sum();
    let (cash, capacity) = claimed(items);
    let mut facts = vec![
        fact("Together", context.money(cash + capacity), "a month, without overlap"),
        fact("Off the bill", context.money(cash), "a month, cash"),
        fact("Capacity", context.money(capacity), "a month, paid for anyway"),
        fact("Each by itself", context.money(gross), "a month gross, with overlaps"),
        fact("Cost of the fixes", context.money(fix), "a month"),
    ];
    let fixed = all.resolved.iter().filter(|it| asked.leaves_fixed(context, it));
    let measured: Vec<_> = fixed.filter(|it| it.realised.is_some()).collect();
    let (realised, counted) = realised(measured.iter().copied());
    if !measured.is_empty() {
        let promised: Amount = measured.iter().map(|tracked| tracked.promised_saving).sum();
        let note = if counted < measured.len() { "; what several fixes share counts once" } else { "" };
        facts.push(fact(
            "Realised",
            context.money(realised),
            format!("a month, of {} promised{note}", context.money(promised)),
        ));
    }
    facts
}

/// What fixes saved together, and of how many that is: the fall of one cost that several of them show counts once.
fn realised<'t>(resolved: impl IntoIterator<Item = &'t Tracked>) -> (Amount, usize) {
    let counted = realised_together(resolved);
    (counted.iter().filter_map(|it| it.realised.as_ref()).map(Realised::monthly).sum(), counted.len())
}

fn chart(context: &Context<'_>, items: &[&Item<'_>]) -> Result<Option<ChartView>, PageError> {
    if items.len() < 2 {
        return Ok(None);
    }
    let colours = context.colours(&attribution::mart::Dimension::Team)?;
    let ranked = items
        .iter()
        .map(|item| Ranked {
            name: format!("{}: {}", detector::label(&item.finding.detector), item.finding.subject),
            amount: item.finding.net_saving,
            slot: colours.of(item.finding.team.as_deref().unwrap_or(NONE)),
            href: finding::href(context, &item.finding.id),
        })
        .collect();
    let title = "Net saving a month, coloured by team".to_owned();
    Ok(Some(chart::ranks(context, "savings", title, ranked)?))
}

fn list(context: &Context<'_>, items: &[&Item<'_>], restricted: bool) -> Table {
    let currency = context.scope.currency;
    let row = |item: &&Item<'_>| {
        let finding = item.finding;
        let tracked = item.tracked.as_ref();
        let who = tracked.and_then(|tracked| tracked.assignee.as_deref().or(tracked.reason.as_deref()));
        let status = match (item.status, tracked.and_then(|tracked| tracked.snoozed_until)) {
            (Status::Snoozed, Some(until)) => format!("snoozed until {until}"),
            (Status::Assigned, _) => format!("assigned to {}", who.unwrap_or("nobody")),
            (Status::Dismissed, _) => format!("dismissed: {}", who.unwrap_or_default()),
            (status, _) => status.to_string(),
        };
        let silent =
            finding.silence.map(|silence| format!("{status}; not looked at since {}", silence.known_until));
        let status = silent.unwrap_or(status);
        vec![
            Cell::link(
                detector::fix(&finding.detector, &finding.subject),
                finding::href(context, &finding.id),
            ),
            Cell::text(finding.detector.as_str()),
            Cell::text(finding.subject_kind.as_str()),
            Cell::text(finding.subject.as_str()),
            finding
                .team
                .as_deref()
                .map_or(Cell::Nothing, |team| Cell::link(team, context.entity("teams", team))),
            Cell::Money(finding.net_saving),
            Cell::Money(finding.gross_saving),
            Cell::Money(finding.fix_cost),
            Cell::Money(finding.claimed_saving),
            Cell::text(reports::findings::saving_parts(finding)),
            Cell::Ranked { text: finding.confidence.name().to_owned(), rank: finding.confidence as u8 },
            Cell::text(reports::label::shorten(&reports::label::visible(&status), STATUS_COLUMNS)),
            Cell::maybe(who),
            Cell::Day { day: finding.first_day, href: None },
            Cell::Money(finding.observed_cost),
            Cell::text(finding.id.as_str()),
        ]
    };
    let sum = |amount: fn(&Item<'_>) -> Amount| -> Cell {
        Cell::Money(items.iter().map(|item| amount(item)).sum())
    };
    let mut foot = vec![Cell::Nothing; 16];
    foot[0] = Cell::text("Total (what overlaps is counted once)");
    foot[7] = sum(|item| item.finding.fix_cost);
    foot[8] = sum(|item| item.finding.claimed_saving);
    Table {
        id: "findings",
        caption: "What to fix, what lowers the bill first".to_owned(),
        noun: ("finding", "findings"),
        columns: vec![
            table::text("fix", "What to do"),
            table::text("detector", "Detector").exported(),
            table::text("kind", "Kind").exported(),
            table::text("subject", "Subject").exported(),
            table::text("team", "Team").wide(),
            table::number("net", format!("Net a month ({currency})")),
            table::number("gross", format!("Gross ({currency})")).wide(),
            table::number("fix_cost", "Cost of fix").exported(),
            table::number("claimed", format!("Without overlap ({currency})")),
            table::text("saving", "Saves").wide(),
            table::text("confidence", "Confidence").wide(),
            table::text("status", "Status").wide(),
            table::text("who", "Who, or why").exported(),
            table::number("since", "Since").wide(),
            table::number("observed_cost", "Cost so far").exported(),
            table::text("finding", "Finding").exported(),
        ],
        rows: items.iter().map(row).collect(),
        foot: (!items.is_empty()).then_some(foot),
        sort: ("", false),
        empty: if restricted {
            "No finding is left with these filters: clear some, or choose the status “All”.".to_owned()
        } else {
            "Nothing waits to be fixed. What was dismissed or snoozed is under the status “All”; what is too small to \
             matter, `lakeledger waste --all` lists."
                .to_owned()
        },
    }
}

/// Promise and result side by side.
fn resolved(context: &Context<'_>, all: &Findings<'_>, asked: &Asked) -> Table {
    let currency = context.scope.currency;
    let shown: Vec<_> = all.resolved.iter().filter(|it| asked.leaves_fixed(context, it)).collect();
    let row = |tracked: &&Tracked| {
        let realised = tracked.realised.as_ref();
        let span = |(from, to)| words::period(from, to);
        vec![
            Cell::link(
                format!("{}: {}", detector::label(&tracked.detector), tracked.subject),
                finding::href(context, &tracked.finding_id),
            ),
            Cell::maybe(tracked.team.as_deref()),
            tracked.resolved_on.map_or(Cell::Nothing, |day| Cell::Day { day, href: None }),
            Cell::Money(tracked.promised_saving),
            realised.map_or(Cell::Nothing, |realised| Cell::Money(realised.monthly())),
            realised.map_or(Cell::Nothing, |realised| Cell::Change {
                now: realised.monthly(),
                before: tracked.promised_saving,
            }),
            realised.map_or_else(
                || Cell::text("not yet a whole day since"),
                |realised| {
                    Cell::text(format!("{} against {}", span(realised.measured), span(realised.baseline)))
                },
            ),
        ]
    };
    let measured: Vec<&Tracked> =
        shown.iter().copied().filter(|tracked| tracked.realised.is_some()).collect();
    let (realised, counted) = realised(measured.iter().copied());
    let promised: Amount = measured.iter().map(|tracked| tracked.promised_saving).sum();
    let mut foot = vec![Cell::Nothing; 7];
    foot[0] = Cell::text(if counted < measured.len() {
        "Of those measured (what several share counts once)"
    } else {
        "Of those measured"
    });
    foot[3] = Cell::Money(promised);
    foot[4] = Cell::Money(realised);
    foot[5] = Cell::Change { now: realised, before: promised };
    Table {
        id: "resolved",
        caption: "Fixed: what was promised, and what the bill says".to_owned(),
        noun: ("finding", "findings"),
        columns: vec![
            table::text("what", "What"),
            table::text("team", "Team").wide(),
            table::number("resolved_on", "Gone since").wide(),
            table::number("promised", format!("Promised a month ({currency})")),
            table::number("realised", format!("Realised a month ({currency})")),
            table::number("difference", "Against the promise").wide().derived(),
            table::text("compared", "Days compared").wide(),
        ],
        rows: shown.iter().map(row).collect(),
        foot: (!measured.is_empty()).then_some(foot),
        sort: ("resolved_on", true),
        empty: "No finding is gone yet. Once its evidence is, the saving is measured from the bill and stands here."
            .to_owned(),
    }
}

fn fields(context: &Context<'_>, asked: &Asked, all: &Findings<'_>) -> Fields {
    let choice = |value: &str, label: String, chosen: bool| Choice { value: value.to_owned(), label, chosen };
    let any = |label: &str, chosen: bool| choice("", label.to_owned(), chosen);
    let found = |of: &dyn Fn(&Item<'_>) -> bool| all.items.iter().filter(|item| of(item)).count();
    let lens = &context.lens;
    let detectors = DETECTORS.iter().filter_map(|words| {
        let n = found(&|item| item.finding.detector == words.name);
        let chosen = asked.detector.as_deref() == Some(words.name);
        (n > 0 || chosen).then(|| choice(words.name, format!("{} ({n})", words.label), chosen))
    });
    let teams = context.teams.iter().map(|team| {
        choice(team, context.team_label(team).to_owned(), lens.team.as_deref() == Some(team.as_str()))
    });
    let kinds = KINDS
        .into_iter()
        .map(|kind| choice(kind, words::capital(&format!("{kind}s")), asked.kind.as_deref() == Some(kind)));
    let statuses = Status::ALL.into_iter().filter(|status| *status != Status::Resolved).map(|status| {
        choice(status.name(), words::capital(status.name()), asked.status == Some(StatusAsked::One(status)))
    });
    let sure =
        [("low", "Any"), ("medium", "Medium or high"), ("high", "High")].into_iter().map(|(word, label)| {
            choice(
                word,
                label.to_owned(),
                asked.confidence.is_some_and(|confidence| confidence.name() == word),
            )
        });
    let page = Lens { team: None, own: Default::default(), ..lens.page() };
    let mut hidden = page.pairs();
    hidden.extend(asked.subject.clone().map(|subject| ("subject", subject)));
    Fields {
        action: context.path.encoded(),
        teams: std::iter::once(any("All teams", lens.team.is_none())).chain(teams).collect(),
        detectors: std::iter::once(any("All detectors", asked.detector.is_none())).chain(detectors).collect(),
        kinds: std::iter::once(any("All kinds", asked.kind.is_none())).chain(kinds).collect(),
        statuses: [any("Waiting", asked.status.is_none())]
            .into_iter()
            .chain(statuses)
            .chain([choice("all", "All".to_owned(), asked.status == Some(StatusAsked::All))])
            .collect(),
        confidences: sure.collect(),
        min: asked.min.map(|min| min.to_string()).unwrap_or_default(),
        clear: asked.restricts(lens).then(|| page.url(&context.path)),
        hidden,
    }
}
