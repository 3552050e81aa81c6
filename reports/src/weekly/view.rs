//! A report as the templates need it: every figure and name already text.

use chrono::{Datelike, Days, NaiveDate, Weekday};
use model::{Amount, Basis, Category};

use super::data::{Section, WeeklyData};
use super::news;
use super::outlook::{self, FixesView};
use super::rows::{self, Kind, TableView};
use super::scope::Scope;
use crate::chart::{self, Series};
use crate::error::ReportError;
use crate::mail::Enclosure;
use crate::palette::{ColourSlot, Theme};
use crate::{format, label};

/// Size of the drawn chart; as wide as the mail's text.
const CHART_PX: (u32, u32) = (552, 250);

/// A whole report.
pub(super) struct Page {
    pub subject: String,
    /// `Weekly report for growth`.
    pub title: String,
    /// `Week 41, Mon 5 Oct 2026 to Sun 11 Oct 2026`.
    pub when: String,
    pub link: Option<String>,
    /// What a reader must know before the figures: a week that is not whole.
    pub notices: Vec<String>,
    pub sections: Vec<SectionView>,
    /// Said instead of sections when there are none.
    pub empty: Option<String>,
    pub warnings: Vec<String>,
    /// Basis, time, where the data ends.
    pub foot: Vec<String>,
}

/// The week in one currency.
pub(super) struct SectionView {
    /// The currency, when there are several.
    pub currency: Option<String>,
    /// The whole and its change.
    pub headline: String,
    /// What the change is made of.
    pub causes: Vec<String>,
    /// Both as one sentence.
    pub sentence: String,
    /// Idle and unallocated shares.
    pub unused: Option<String>,
    /// What became of last week's figures.
    pub restated: Option<String>,
    pub chart: ChartView,
    /// The weeks before and this one; empty where there is but one.
    pub trend: Vec<DayView>,
    /// What moved, and the dearest of each kind.
    pub tables: Vec<TableView>,
    pub fixes: Option<FixesView>,
    /// How budgets stand.
    pub budgets: Vec<String>,
    /// What fixes have saved.
    pub saved: Vec<String>,
    pub parts: TableView,
    pub coverage: Vec<String>,
}

/// The week by day, drawn and as bars.
pub(super) struct ChartView {
    pub caption: String,
    /// Said where the drawing is not seen.
    pub alt: String,
    /// Drawings for pages.
    pub light: String,
    pub dark: String,
    /// Drawings for mail, which shows no SVG.
    pub light_image: Enclosure,
    pub dark_image: Enclosure,
    pub days: Vec<DayView>,
    /// Whether any day has idle cost, which bars show apart.
    pub has_idle: bool,
}

/// One day as a bar of used, idle and empty shares of the highest day.
pub(super) struct DayView {
    pub day: String,
    pub weekend: bool,
    pub used: u8,
    pub idle: u8,
    pub empty: u8,
    pub total: String,
}

/// Lays a report out in words.
pub(super) fn page(data: &WeeklyData, stem: &str) -> Result<Page, ReportError> {
    let several = data.sections.len() > 1;
    let sections = data.sections.iter().map(|section| section_view(data, section, stem, several));
    Ok(Page {
        subject: news::subject(data),
        title: match &data.scope {
            Scope::Platform => "Weekly cost of the platform".to_owned(),
            Scope::Team(_) => format!("Weekly cost of {}", data.scope),
        },
        when: format!("{}, {}", data.week().replace("-W", " week "), news::span(data.monday, data.end())),
        link: match &data.scope {
            Scope::Platform => link(data, "", None),
            Scope::Team(team) => link(data, "teams", Some(team.name())),
        },
        notices: notices(data),
        sections: sections.collect::<Result<_, _>>()?,
        empty: data.sections.is_empty().then(|| match data.held {
            None => "The ledger holds no charges yet.".to_owned(),
            Some(_) if data.covered().is_none() => "The ledger holds no charges for this week.".to_owned(),
            Some(_) => format!("Nothing was charged to {} in this week.", data.scope),
        }),
        warnings: data
            .warnings
            .iter()
            .map(|warning| {
                let left_out = match warning.skipped {
                    0 => String::new(),
                    1 => " (1 object left out of the figures)".to_owned(),
                    n => format!(" ({} objects left out of the figures)", count(n)),
                };
                let (code, message) = (label::visible(&warning.code), label::visible(&warning.message));
                format!("{} of the kind {code}{left_out}: {message}", count(warning.count))
            })
            .collect(),
        foot: foot(data),
    })
}

fn notices(data: &WeeklyData) -> Vec<String> {
    let mut notices = Vec::new();
    if let Some((from, to)) = data.covered().filter(|_| !data.is_whole()) {
        notices.push(format!(
            "This week is not whole: the data is of {}. Later figures will differ.",
            news::span(from, to)
        ));
    }
    if let Some(day) = data.open_from() {
        let from = if day.succ_opt() == Some(data.end()) { "is" } else { "and the days after it are" };
        notices.push(format!(
            "{} {from} not closed yet: bills and logs may go on, and later figures differ.",
            format::day(day)
        ));
    }
    if data.written_at.date_naive() < data.end() {
        notices.push("The week is not over yet.".to_owned());
    }
    notices
}

fn foot(data: &WeeklyData) -> Vec<String> {
    let basis = match data.basis {
        Basis::Billed => "billed cost: what the invoice says",
        Basis::Effective => "effective cost: commitments spread over what they cover",
        Basis::List => "list cost: public on-demand prices",
        Basis::Contracted => "contracted cost: negotiated prices before commitments",
    };
    let mut foot = vec![format!("Amounts are {basis}. Days are UTC days.")];
    if let Some((first, end)) = data.held {
        let last = end.pred_opt().unwrap_or(end);
        foot.push(format!("The ledger holds usage from {} to {}.", format::day(first), format::day(last)));
    }
    foot.push(format!(
        "Published {}; report made {}.",
        format::instant(data.published_at, data.timezone),
        format::instant(data.written_at, data.timezone)
    ));
    foot
}

fn section_view(
    data: &WeeklyData,
    section: &Section,
    stem: &str,
    several: bool,
) -> Result<SectionView, ReportError> {
    let news = news::news(data, section);
    Ok(SectionView {
        currency: several.then(|| section.currency.to_string()),
        sentence: news.sentence(),
        headline: news.headline,
        causes: news.causes,
        unused: rows::unused(section),
        chart: chart_view(data, section, stem)?,
        restated: outlook::restated(data, section),
        trend: outlook::trend(section),
        tables: data
            .scope
            .has_teams()
            .then(|| rows::items(data, section, Kind::Team))
            .into_iter()
            .chain(outlook::movers(data, section))
            .chain([rows::items(data, section, Kind::Workload), rows::items(data, section, Kind::Table)])
            .collect(),
        fixes: outlook::fixes(data, section),
        budgets: outlook::budgets(section),
        saved: outlook::saved(section),
        parts: rows::parts(data, section),
        coverage: rows::coverage(section, data.scope == Scope::Platform),
    })
}

fn chart_view(data: &WeeklyData, section: &Section, stem: &str) -> Result<ChartView, ReportError> {
    let days: Vec<NaiveDate> = (0..7).filter_map(|n| data.monday.checked_add_days(Days::new(n))).collect();
    let series: Vec<Series> = section
        .groups
        .iter()
        .map(|group| Series {
            name: group.name.clone(),
            slot: group.slot,
            values: group.days[..days.len()].to_vec(),
        })
        .collect();
    let failed = |cause| ReportError::Chart { scope: data.scope.to_string(), cause };
    let draw = |theme| chart::stacked_days(&days, &series, section.currency, CHART_PX, theme).map_err(failed);
    let paint = |theme, word: &str| {
        let content =
            chart::stacked_days_png(&days, &series, section.currency, CHART_PX, theme).map_err(failed)?;
        let name = format!("{stem}-{}-{word}.png", section.currency.to_string().to_lowercase());
        Ok::<_, ReportError>(Enclosure { name, content_type: "image/png", content })
    };
    let sum_of = |day: usize, idle: bool| -> Amount {
        section
            .groups
            .iter()
            .filter(|group| (group.slot == ColourSlot::Idle) == idle)
            .map(|group| group.days[day])
            .sum()
    };
    let highest = (0..days.len()).map(|day| sum_of(day, false) + sum_of(day, true)).max().unwrap_or_default();
    let covered = data.covered();
    let views = days.iter().enumerate().map(|(i, day)| {
        let (idle, used) = (sum_of(i, true), sum_of(i, false));
        let idle_pct = hundredths(idle, highest);
        // The ends of both are rounded, not their lengths, so that bars of one height are of one length.
        let used_pct = hundredths(used + idle, highest).saturating_sub(idle_pct);
        let held = covered.is_some_and(|(from, to)| from <= *day && *day < to);
        DayView {
            day: day.format("%a %-d %b").to_string(),
            weekend: matches!(day.weekday(), Weekday::Sat | Weekday::Sun),
            used: used_pct,
            idle: idle_pct,
            empty: 100 - used_pct - idle_pct,
            total: if held { format::money(used + idle, section.currency) } else { "no data".to_owned() },
        }
    });
    let views: Vec<DayView> = views.collect();
    let caption = format!("Cost by day, {} {}", data.basis, section.currency);
    let by_day: Vec<String> = views.iter().map(|view| format!("{} {}", view.day, view.total)).collect();
    Ok(ChartView {
        alt: format!("{caption}: {}", by_day.join(", ")),
        caption,
        light: draw(Theme::Light)?,
        dark: draw(Theme::Dark)?,
        light_image: paint(Theme::Light, "light")?,
        dark_image: paint(Theme::Dark, "dark")?,
        days: views,
        has_idle: !section.parts.get(Category::Idle).is_zero(),
    })
}

/// A length of 0 to 100 for a bar; something positive is never drawn as nothing.
pub(super) fn hundredths(part: Amount, whole: Amount) -> u8 {
    if part.units() <= 0 || whole.units() <= 0 {
        return 0;
    }
    let share = (part.to_f64() / whole.to_f64() * 100.0).round();
    share.clamp(1.0, 100.0) as u8
}

/// The page of a thing over the week, where it is known where pages are.
pub(super) fn link(data: &WeeklyData, place: &str, id: Option<&str>) -> Option<String> {
    let mut days = vec![("from", data.monday.to_string()), ("to", data.end().to_string())];
    if data.basis != Basis::default() {
        days.push(("basis", data.basis.to_string()));
    }
    data.base_url.as_ref().map(|base| base.page(place, id, &days))
}

/// A count that cannot be negative.
pub(super) fn count(n: u64) -> String {
    format::count(i64::try_from(n).unwrap_or(i64::MAX))
}
