//! Charts as SVG text: no scripts, nothing remote. What goes into mail is the same
//! drawing as a PNG, with letters from a font of our own (`fonts/`), since mail
//! programs show no SVG.
//!
//! Every chart is `role="img"` with a `title` and a `desc` that say what it
//! shows; axes start at zero; the page shows through. Amounts become doubles
//! for coordinates only; every figure written is formatted from the exact one.

mod bars;
mod canvas;
mod course;
mod days;
mod flow;
mod indexed;
mod scale;

pub use bars::bars;
pub use course::{Shape, Wording, course};
pub use days::{line_days, stacked_days, stacked_days_png};
pub use flow::{FlowLink, FlowNode, flow};

use model::Amount;

use crate::palette::ColourSlot;

/// One named row of values, one value a day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Series {
    /// Shown in the legend; any text, escaped here.
    pub name: String,
    /// Its colour; [`ColourSlot::Idle`] is hatched as well.
    pub slot: ColourSlot,
    /// As many as there are days.
    pub values: Vec<Amount>,
}

/// Why a chart could not be drawn.
#[derive(Debug, thiserror::Error)]
pub enum ChartError {
    /// A series has more or fewer values than there are days.
    #[error("the series `{series}` has {values} values for {days} days")]
    Uneven {
        /// Its name.
        series: String,
        /// How many values it has.
        values: usize,
        /// How many days there are.
        days: usize,
    },
    /// There is no room for axes and marks.
    #[error("a chart of {0} x {1} pixels has no room for its marks (at least 160 wide)")]
    TooSmall(u32, u32),
    /// Values beyond what an amount can hold.
    #[error("the values of the chart add up beyond 20 digits")]
    TooLarge,
    /// The backend failed.
    #[error("could not draw the chart")]
    Draw(#[source] Box<dyn std::error::Error + Send + Sync>),
}

#[cfg(test)]
mod tests;
