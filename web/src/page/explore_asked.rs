//! What an address asks of Explore: rows, columns, a measure and a chart.

use attribution::mart::{Dimension, Filter};
use model::{Amount, Category};

use crate::context::{Context, only};
use crate::error::PageError;
use crate::lens::Lens;

/// What of costs is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// All of it.
    Cost,
    /// What was paid for and not used.
    Idle,
    /// What mending what is wasteful would save a month.
    Waste,
}

impl Measure {
    /// All, in the order they are offered.
    pub const ALL: [Self; 3] = [Self::Cost, Self::Idle, Self::Waste];

    /// The word in the address.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cost => "cost",
            Self::Idle => "idle",
            Self::Waste => "waste",
        }
    }

    /// The word of the form.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Cost => "Cost",
            Self::Idle => "Idle",
            Self::Waste => "Waste a month",
        }
    }

    /// The restriction that leaves it of costs.
    pub fn filter(self) -> Option<Filter> {
        (self == Self::Idle).then(|| only(Dimension::Category, Category::Idle.name()))
    }
}

/// How it is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drawn {
    Stacked,
    Line,
    Bar,
    Table,
}

impl Drawn {
    /// All, in the order they are offered.
    pub const ALL: [Self; 4] = [Self::Stacked, Self::Line, Self::Bar, Self::Table];

    /// The word in the address.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stacked => "stacked",
            Self::Line => "line",
            Self::Bar => "bar",
            Self::Table => "table",
        }
    }

    /// The word of the form.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Stacked => "Stacked columns over time",
            Self::Line => "Lines over time",
            Self::Bar => "Bars",
            Self::Table => "Table alone",
        }
    }
}

/// What the address asks.
pub struct Asked {
    /// What rows stand for, at least one.
    pub by: Vec<Dimension>,
    /// What columns stand for.
    pub pivot: Option<Dimension>,
    pub measure: Measure,
    pub drawn: Drawn,
}

/// What waste is known by: what is to be saved has an owner and a subject, for a month, not days.
const OF_WASTE: [Dimension; 4] = [Dimension::Team, Dimension::Workload, Dimension::Table, Dimension::Cluster];

/// What a page's form asks where its fields do not go together, brought to what can be answered, and
/// what was changed for that. Each field is well said: the form offers them all at once.
pub fn of_form(lens: &Lens) -> Option<(Lens, String)> {
    let pivot = lens.own("pivot").and_then(|word| word.parse::<Dimension>().ok());
    let by = if lens.by.is_empty() { vec![Dimension::Team] } else { lens.by.clone() };
    if lens.own("measure") == Some(Measure::Waste.name()) {
        let known = by.iter().find(|dimension| OF_WASTE.contains(dimension)).cloned();
        let row = known.unwrap_or(Dimension::Team);
        if by == [row.clone()] && pivot.is_none() && lens.filters.is_empty() {
            return None;
        }
        let note = format!(
            "Waste is known by team, workload, table or cluster: here by {row}, without columns or restrictions. \
             Restrictions are back with another measure."
        );
        let mended = Lens { by: vec![row], filters: vec![], ..lens.clone() };
        return Some((mended.with_own("pivot", None), note));
    }
    let pivot = pivot.filter(|pivot| by.contains(pivot))?;
    let note = format!("Rows are by {pivot} already, so there are no columns: choose others for a grid.");
    Some((lens.clone().with_own("pivot", None), note))
}

impl Asked {
    /// Reads it; every fault is told.
    pub fn of(lens: &Lens) -> Result<Self, PageError> {
        let mut faults = Vec::new();
        let by = if lens.by.is_empty() { vec![Dimension::Team] } else { lens.by.clone() };
        let pivot = match lens.own("pivot").map(str::parse::<Dimension>) {
            Some(Ok(pivot)) if by.contains(&pivot) => {
                faults.push(format!("rows are by {pivot} already: choose other columns"));
                None
            }
            Some(Ok(pivot)) => Some(pivot),
            Some(Err(fault)) => {
                faults.push(fault);
                None
            }
            None => None,
        };
        let mut measure = Measure::Cost;
        if let Some(word) = lens.own("measure") {
            match Measure::ALL.into_iter().find(|known| known.name() == word) {
                Some(known) => measure = known,
                None => faults.push(format!("`{word}` is not a measure: use cost, idle or waste")),
            }
        }
        let mut drawn = Drawn::Stacked;
        if let Some(word) = lens.own("chart") {
            match Drawn::ALL.into_iter().find(|known| known.name() == word) {
                Some(known) => drawn = known,
                None => faults.push(format!("`{word}` is not a chart: use stacked, line, bar or table")),
            }
        }
        if measure == Measure::Waste {
            if !(by.len() == 1 && OF_WASTE.contains(&by[0]) && pivot.is_none() && lens.filters.is_empty()) {
                faults.push(
                    "waste is known by team, workload, table or cluster: choose one of them as rows, no columns and no restriction"
                        .to_owned(),
                );
            }
            if drawn != Drawn::Table {
                drawn = Drawn::Bar;
            }
        }
        if faults.is_empty() {
            Ok(Self { by, pivot, measure, drawn })
        } else {
            Err(PageError::BadRequest(faults))
        }
    }

    /// The dimension that the colours or bars of the chart stand for: the first that is no time.
    pub fn told_apart(&self) -> Option<&Dimension> {
        self.by.iter().chain(&self.pivot).find(|dimension| !is_time(dimension))
    }

    /// The spans of the chart's horizontal axis.
    pub fn grain(&self) -> Dimension {
        self.by
            .iter()
            .chain(&self.pivot)
            .find(|dimension| is_time(dimension))
            .cloned()
            .unwrap_or(Dimension::Day)
    }

    /// What rows and columns are, in words.
    pub fn words(&self) -> String {
        let mut names: Vec<String> = self.by.iter().map(Dimension::name).collect();
        names.extend(self.pivot.iter().map(Dimension::name));
        match names.split_last() {
            Some((last, [])) => last.clone(),
            Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
            None => String::new(),
        }
    }
}

/// Whether a dimension is of days.
pub const fn is_time(dimension: &Dimension) -> bool {
    matches!(dimension, Dimension::Day | Dimension::Week | Dimension::Month)
}

/// Amounts of the measure, by the values of some dimensions.
pub fn measured(
    context: &Context<'_>,
    by: &[Dimension],
    measure: Measure,
) -> Result<Vec<(Vec<String>, Amount)>, PageError> {
    let mut filters = context.lens.filters.clone();
    filters.extend(measure.filter());
    Ok(context.costs(by, &filters)?.into_iter().map(|row| (row.keys, row.cost)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(query: &str) -> Result<Asked, Vec<String>> {
        Asked::of(&Lens::parse(query).unwrap()).map_err(|error| match error {
            PageError::BadRequest(faults) => faults,
            other => vec![other.to_string()],
        })
    }

    #[test]
    fn the_chart_follows_from_rows_and_columns() {
        let plain = asked("").unwrap();
        assert_eq!(
            (plain.by, plain.measure, plain.drawn),
            (vec![Dimension::Team], Measure::Cost, Drawn::Stacked)
        );
        let weekly = asked("by=week,service&pivot=region&chart=line").unwrap();
        assert_eq!(weekly.grain(), Dimension::Week);
        assert_eq!(weekly.told_apart(), Some(&Dimension::Service));
        assert_eq!(weekly.words(), "week, service and region");
        assert_eq!(asked("by=team&pivot=month").unwrap().grain(), Dimension::Month);
        assert_eq!(asked("by=team&measure=waste").unwrap().drawn, Drawn::Bar, "waste has no course in time");
    }

    #[test]
    fn fields_that_do_not_go_together_are_brought_to_what_can_be_answered() {
        for (query, want) in [
            ("by=service&measure=waste", Some("by=team&measure=waste")),
            ("by=service,table&measure=waste&pivot=day", Some("by=table&measure=waste")),
            ("by=cluster&measure=waste&where=region%3Dx", Some("by=cluster&measure=waste")),
            ("by=team&pivot=team&where=region%3Dx", Some("by=team&where=region%3Dx")),
            ("pivot=team", Some("")),
            ("by=table&measure=waste", None),
            ("measure=waste", None),
            ("by=team&pivot=service", None),
            ("pivot=colour", None),
            ("measure=joy", None),
        ] {
            let mended = of_form(&Lens::parse(query).unwrap());
            assert_eq!(
                mended.as_ref().map(|(lens, _)| lens),
                want.map(|want| Lens::parse(want).unwrap()).as_ref(),
                "{query}"
            );
            if let Some((lens, note)) = mended {
                assert!(Asked::of(&lens).is_ok() && note.ends_with('.'), "{query}: {note}");
            }
        }
    }

    #[test]
    fn what_cannot_be_asked_is_told_with_what_can() {
        for (query, told) in [
            ("by=team&pivot=team", "choose other columns"),
            ("pivot=colour", "`colour` is not a dimension"),
            ("measure=joy", "use cost, idle or waste"),
            ("chart=pie", "use stacked, line, bar or table"),
            ("by=service&measure=waste", "team, workload, table or cluster"),
            ("by=team&measure=waste&where=region%3Dx", "no restriction"),
        ] {
            let faults = asked(query).err().unwrap_or_default().join("; ");
            assert!(faults.contains(told), "{query}: {faults}");
        }
    }
}
