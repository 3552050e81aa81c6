//! The frame of every page: rail, breadcrumb, filter bar and banners.

use attribution::mart::{Idle, Ownership, Reach, Shared, as_of};
use chrono::{Datelike, Days, NaiveDate};
use model::Basis;

use crate::access::{By, Principal};
use crate::asset::{self, Asset};
use crate::context::Context;
use crate::freshness;
use crate::lens::Lens;
use crate::link::Path;
use crate::words;

/// The places of the rail: first path segment, label.
const PLACES: [(&str, &str); 10] = [
    ("", "Overview"),
    ("teams", "Teams"),
    ("workloads", "Workloads"),
    ("tables", "Tables"),
    ("clusters", "Clusters"),
    ("waste", "Waste"),
    ("alerts", "Alerts"),
    ("explore", "Explore"),
    ("reports", OF_ALL_TEAMS),
    ("data", OF_THE_BILL),
];

/// The place of what is about the whole bill.
const OF_THE_BILL: &str = "Data";
/// The place of what was mailed to all teams.
const OF_ALL_TEAMS: &str = "Reports";

/// Where in the rail a page stands that has no place of its own, by its first path segment.
fn place_of(segment: &str) -> &str {
    match segment {
        "runs" => "workloads",
        "ownership" => "teams",
        "schedule" | "compare" => "data",
        other => other,
    }
}

/// What surrounds a page's own content.
pub struct Shell {
    pub title: String,
    pub crumbs: Vec<Anchor>,
    pub rail: Vec<Place>,
    pub help: Place,
    pub finder: Finder,
    /// Who is signed in; nothing where nobody has to be.
    pub account: Option<Account>,
    pub filters: Option<FilterBar>,
    pub banners: Vec<Banner>,
    pub published: Option<String>,
    pub assets: Assets,
    /// Whether the page holds charts and needs the library for them.
    pub charts: bool,
}

/// Files every page names.
pub struct Assets {
    pub style: &'static Asset,
    pub palette: &'static Asset,
    pub page: &'static Asset,
    pub finder: &'static Asset,
    pub charts: &'static Asset,
    pub echarts: &'static Asset,
    pub icon: &'static Asset,
}

impl Default for Assets {
    fn default() -> Self {
        Self {
            style: &asset::STYLE,
            palette: &asset::PALETTE,
            page: &asset::PAGE,
            finder: &asset::FINDER,
            charts: &asset::CHARTS,
            echarts: &asset::ECHARTS,
            icon: &asset::ICON,
        }
    }
}

/// Who is signed in.
pub struct Account {
    pub name: String,
    /// What they may.
    pub may: String,
    /// Whether they signed in here, so that they may sign out here.
    pub leaves: bool,
}

/// A link.
pub struct Anchor {
    pub label: String,
    pub href: String,
}

/// The field that finds anything.
pub struct Finder {
    /// The search page.
    pub action: String,
    /// The lens, kept.
    pub hidden: Vec<(&'static str, String)>,
    /// The search page with the lens.
    pub href: String,
    /// Where suggestions come from.
    pub suggest: String,
}

/// One entry of the rail.
pub struct Place {
    pub label: &'static str,
    pub href: String,
    pub current: bool,
}

/// Something to know before reading the figures.
pub struct Banner {
    pub text: String,
    pub link: Option<Anchor>,
}

/// One choice of a select.
pub struct Choice {
    pub value: String,
    pub label: String,
    pub chosen: bool,
}

/// The form that changes the lens.
pub struct FilterBar {
    pub action: String,
    pub from: String,
    pub to: String,
    pub first: String,
    pub last: String,
    pub presets: Vec<(Anchor, bool)>,
    pub bases: Vec<Choice>,
    /// Empty where there is but one.
    pub currencies: Vec<Choice>,
    /// Empty where a team makes no sense.
    pub teams: Vec<Choice>,
    /// To whom idle costs are charged; empty, as the next two, where the page has one view.
    pub idle: Vec<Choice>,
    /// To whom shared costs are charged.
    pub shared: Vec<Choice>,
    /// Whose costs are whose.
    pub owners: Vec<Choice>,
    pub hidden: Vec<(&'static str, String)>,
}

impl Shell {
    /// The frame of a page that has no mart to speak of.
    pub fn bare(title: &str) -> Self {
        Self::without_mart(title, &Path::new(["-"]), &Lens::default(), None)
    }

    /// The frame of a page that asks no mart, but keeps the lens in its links: with the places that
    /// `who` may see, or with all where nobody is known to ask.
    pub fn without_mart(title: &str, path: &Path, lens: &Lens, who: Option<&Principal>) -> Self {
        Self::within(title, path, lens, who.map_or(&Reach::Whole, |who| &who.reach), who)
    }

    fn within(title: &str, path: &Path, lens: &Lens, reach: &Reach, who: Option<&Principal>) -> Self {
        let shared = lens.shared();
        let is_seen = |label: &str| match label {
            OF_THE_BILL => reach.sees_bill(),
            OF_ALL_TEAMS => reach.is_whole(),
            _ => true,
        };
        let here = place_of(path.place());
        let place = |segment: &str, label| {
            let to = if segment.is_empty() { Path::root() } else { Path::new([segment]) };
            Place { label, href: shared.url(&to), current: here == segment }
        };
        Self {
            title: reports::label::visible(title),
            crumbs: vec![],
            rail: PLACES
                .iter()
                .filter(|(_, label)| is_seen(label))
                .map(|(segment, label)| place(segment, label))
                .collect(),
            help: place("help", "Help"),
            finder: Finder {
                action: Path::new(["search"]).encoded(),
                hidden: shared.pairs(),
                href: shared.url(&Path::new(["search"])),
                suggest: shared.url(&Path::new(["search", "suggest"])),
            },
            account: who.filter(|who| who.by != By::Loopback).map(|who| Account {
                name: reports::label::visible(&who.name),
                may: who.may(),
                leaves: who.by == By::Session,
            }),
            filters: None,
            banners: vec![],
            published: None,
            assets: Assets::default(),
            charts: false,
        }
    }

    /// The frame of a page on the mart: `crumbs` lead to it, the last being its parent.
    pub fn of(context: &Context<'_>, title: &str, crumbs: Vec<Anchor>) -> Self {
        let info = context.mart.info();
        let published = format!("Published {} as {}", context.instant(info.published_at), info.id);
        let (reach, who) = (context.mart.reach(), context.who.as_ref());
        let shell = Self::within(title, &context.path, &context.lens, reach, who);
        Self {
            crumbs,
            banners: freshness::old_charges(context).into_iter().collect(),
            published: Some(published),
            ..shell
        }
    }

    /// With the filter bar; `teams` where the page can be cut down to one.
    #[must_use]
    pub fn filtered(mut self, context: &Context<'_>, teams: bool) -> Self {
        self.filters = Some(filter_bar(context, teams));
        self
    }

    /// Without choices of views: the page has but one.
    #[must_use]
    pub fn in_one_view(mut self) -> Self {
        if let Some(filters) = &mut self.filters {
            (filters.idle, filters.shared, filters.owners) = (vec![], vec![], vec![]);
        }
        self
    }

    /// With the chart library.
    #[must_use]
    pub fn charted(mut self) -> Self {
        self.charts = true;
        self
    }
}

fn filter_bar(context: &Context<'_>, teams: bool) -> FilterBar {
    let lens = context.lens.page();
    let info = context.mart.info();
    let scope = &context.scope;
    let url = |lens: Lens| lens.url(&context.path);
    let choice = |value: &str, label: &str, chosen: bool| Choice {
        value: value.to_owned(),
        label: label.to_owned(),
        chosen,
    };
    let basis = |basis: Basis| match basis {
        Basis::Billed => "Billed",
        Basis::Effective => "Effective",
        Basis::List => "List",
        Basis::Contracted => "Contracted",
    };
    let mut hidden = lens.pairs();
    // What the bar has no field for is kept as it is.
    hidden.retain(|(key, _)| {
        !matches!(*key, "from" | "to" | "basis" | "currency" | "team" | "idle" | "shared" | "ownership")
            || (*key == "team" && !teams)
    });
    let team_choices = || {
        let chosen = lens.team.as_deref();
        std::iter::once(choice("", "All teams", chosen.is_none()))
            .chain(
                context
                    .teams
                    .iter()
                    .map(|team| choice(team, context.team_label(team), chosen == Some(team.as_str()))),
            )
            .collect()
    };
    FilterBar {
        action: context.path.encoded(),
        from: scope.from.to_string(),
        to: scope.to.to_string(),
        first: info.first_day.map(|day| day.to_string()).unwrap_or_default(),
        last: info.end_day.map(|day| day.to_string()).unwrap_or_default(),
        presets: presets(context)
            .into_iter()
            .map(|(label, from, to)| {
                let current = (from, to) == (scope.from, scope.to);
                (Anchor { label: label.to_owned(), href: url(lens.clone().days(from, to)) }, current)
            })
            .collect(),
        bases: Basis::ALL.into_iter().map(|b| choice(b.name(), basis(b), b == lens.basis)).collect(),
        currencies: if info.currencies.len() > 1 {
            info.currencies.iter().map(|c| choice(c.code(), c.code(), *c == scope.currency)).collect()
        } else {
            vec![]
        },
        teams: if teams { team_choices() } else { vec![] },
        idle: Idle::ALL
            .into_iter()
            .map(|idle| choice(idle.name(), words::idle(idle), idle == lens.view.idle))
            .collect(),
        shared: Shared::ALL
            .into_iter()
            .filter(|shared| *shared != Shared::Fixed || info.has_fixed_shares)
            .map(|shared| choice(shared.name(), words::shared(shared), shared == lens.view.shared))
            .collect(),
        owners: ownerships(context)
            .into_iter()
            .map(|ownership| {
                let chosen = ownership == lens.view.ownership;
                choice(&ownership.to_string(), &words::ownership(ownership), chosen)
            })
            .collect(),
        hidden,
    }
}

/// Days of the record that are offered.
const MOST_RECORDED: usize = 7;

/// Views of ownership: today's rules, as recorded, and as of the newest days of publishes;
/// whatever the lens says is among them.
fn ownerships(context: &Context<'_>) -> Vec<Ownership> {
    // Within a reach owners are today's.
    if !context.mart.reach().is_whole() {
        return Vec::new();
    }
    let mut days: Vec<_> =
        context.mart.info().publishes.iter().rev().map(|publish| publish.at.date_naive()).collect();
    days.dedup();
    let mut views = vec![Ownership::Restated, Ownership::AsWas];
    // The newest day's answer is today's rules.
    let ends = days.iter().skip(1).take(MOST_RECORDED).filter_map(|day| as_of(&day.to_string()).ok());
    views.extend(ends.map(Ownership::AsOf));
    let chosen = context.lens.view.ownership;
    if !views.contains(&chosen) {
        views.push(chosen);
    }
    views
}

/// Spans people ask for, reckoned from the newest day of usage; those that would
/// show the same days twice are left out.
fn presets(context: &Context<'_>) -> Vec<(&'static str, NaiveDate, NaiveDate)> {
    let info = context.mart.info();
    let (Some(first), Some(end)) = (info.first_day, info.end_day) else { return vec![] };
    let used = info.usage_end.unwrap_or(end);
    let is_less = |from: &NaiveDate| *from >= first && (*from, used) != (first, end);
    let last = |days| used.checked_sub_days(Days::new(days)).filter(is_less);
    let month = used.pred_opt().and_then(|day| day.with_day(1));
    let mut presets = Vec::new();
    presets.extend(last(1).map(|from| ("Last day", from, used)));
    presets.extend(last(7).map(|from| ("7 days", from, used)));
    presets.extend(last(30).map(|from| ("30 days", from, used)));
    presets.extend(month.filter(is_less).map(|from| ("Month", from, used)));
    presets.push(("All days", first, end));
    presets
}
