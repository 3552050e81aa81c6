//! The only user of plotters: marks in pixels, text with a system font stack,
//! and the title and description that make an SVG an image for screen readers.

use plotters::coord::Shift;
use plotters::prelude::{
    DrawingArea, IntoDrawingArea, IntoFont, PathElement, Polygon, RGBColor, Rectangle, SVGBackend, Text,
    TextStyle,
};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontStyle};

use super::ChartError;
use crate::label;
use crate::palette::{self, Theme};

/// Nothing is fetched: the first of these the reader's machine has.
const FONT: &str = "Inter, system-ui, -apple-system, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif";
/// plotters sizes a font by its line, and writes this fraction of it.
const LINE_PER_EM: f64 = 1.24;
/// Between two lines of a hatching.
const HATCH_PX: i32 = 6;

/// Size of axis labels and legends.
pub(super) const SMALL_PX: f64 = 11.0;
/// Size of names and values beside marks.
pub(super) const TEXT_PX: f64 = 12.0;

/// Where a text stands relative to its point.
#[derive(Clone, Copy)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// A drawing of a given size.
pub(super) struct Canvas<'a> {
    area: DrawingArea<SVGBackend<'a>, Shift>,
    pub theme: Theme,
}

/// Draws with `marks` and wraps the result: `title` is the image's name, `description`
/// what a reader who cannot see it needs.
pub(super) fn draw(
    size: (u32, u32),
    theme: Theme,
    title: &str,
    description: &str,
    marks: impl FnOnce(&Canvas<'_>) -> Result<(), ChartError>,
) -> Result<String, ChartError> {
    if size.0 < 160 || size.1 < 24 || size.0 > 10_000 || size.1 > 10_000 {
        return Err(ChartError::TooSmall(size.0, size.1));
    }
    let mut svg = String::new();
    {
        let canvas = Canvas { area: SVGBackend::with_string(&mut svg, size).into_drawing_area(), theme };
        marks(&canvas)?;
        canvas.area.present().map_err(failed)?;
    }
    // The backend opens the document itself and has no words for these.
    let opened = svg.find('>').map_or(svg.len(), |at| at + 1);
    Ok(format!(
        "<svg role=\"img\"{attributes}<title>{title}</title>\n<desc>{description}</desc>\n{marks}",
        attributes = svg[..opened].trim_start_matches("<svg"),
        title = escape(&label::visible(title)),
        description = escape(&label::visible(description)),
        marks = svg[opened..].trim_start(),
    ))
}

impl Canvas<'_> {
    /// A filled rectangle between two corners.
    pub fn rect(&self, from: (i32, i32), to: (i32, i32), fill: &str) -> Result<(), ChartError> {
        self.area.draw(&Rectangle::new([from, to], colour(fill).filled())).map_err(failed)
    }

    /// A rectangle hatched from bottom left to top right, and outlined by it:
    /// one line that runs to and fro, since many short ones would be most of the file.
    pub fn hatch(&self, from: (i32, i32), to: (i32, i32), stroke: &str) -> Result<(), ChartError> {
        let (left, right) = (from.0.min(to.0), from.0.max(to.0) - 1);
        let (top, bottom) = (from.1.min(to.1), from.1.max(to.1) - 1);
        let (width, height) = (right - left, bottom - top);
        if width < 1 || height < 1 {
            return self.rect(from, to, stroke);
        }
        let mut points = vec![(left, top), (right, top), (right, bottom), (left, bottom), (left, top)];
        let mut offset = HATCH_PX;
        let mut upwards = true;
        while offset < width + height {
            // Where the diagonal x + y = offset enters at the left or bottom and leaves at the top or right.
            let low = if offset <= height { (left, top + offset) } else { (left + offset - height, bottom) };
            let high = if offset <= width { (left + offset, top) } else { (right, top + offset - width) };
            let (first, second) = if upwards { (low, high) } else { (high, low) };
            // Go round the corner along the edge, not across it.
            if let Some(&(x, y)) = points.last() {
                if upwards && x == left && first.1 == bottom && y != bottom {
                    points.push((left, bottom));
                }
                if !upwards && y == top && first.0 == right && x != right {
                    points.push((right, top));
                }
            }
            points.extend([first, second]);
            upwards = !upwards;
            offset += HATCH_PX;
        }
        self.line(points, stroke, 1)
    }

    /// A line through points.
    pub fn line(&self, points: Vec<(i32, i32)>, stroke: &str, width_px: u32) -> Result<(), ChartError> {
        self.area.draw(&PathElement::new(points, colour(stroke).stroke_width(width_px))).map_err(failed)
    }

    /// An area within points, which what is behind shows through.
    pub fn area(&self, points: Vec<(i32, i32)>, fill: &str, opacity: f64) -> Result<(), ChartError> {
        self.area.draw(&Polygon::new(points, colour(fill).mix(opacity).filled())).map_err(failed)
    }

    /// A text, centred on the height of its point.
    pub fn text(
        &self,
        text: &str,
        at: (i32, i32),
        anchor: Anchor,
        font_px: f64,
        fill: &str,
    ) -> Result<(), ChartError> {
        self.styled(text, at, anchor, font_px, fill, FontStyle::Normal)
    }

    /// The same in bold.
    pub fn bold(&self, text: &str, at: (i32, i32), anchor: Anchor, font_px: f64) -> Result<(), ChartError> {
        self.styled(text, at, anchor, font_px, palette::ink(self.theme), FontStyle::Bold)
    }

    fn styled(
        &self,
        text: &str,
        at: (i32, i32),
        anchor: Anchor,
        font_px: f64,
        fill: &str,
        weight: FontStyle,
    ) -> Result<(), ChartError> {
        let anchor = match anchor {
            Anchor::Start => HPos::Left,
            Anchor::Middle => HPos::Center,
            Anchor::End => HPos::Right,
        };
        let fill = colour(fill);
        let style = TextStyle::from((FONT, font_px * LINE_PER_EM).into_font().style(weight))
            .color(&fill)
            .pos(Pos::new(anchor, VPos::Center));
        self.area.draw(&Text::new(label::visible(text), at, style)).map_err(failed)
    }
}

/// The colour of a `#RRGGBB` text of our own palette.
fn colour(hex: &str) -> RGBColor {
    let channel =
        |at: usize| hex.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok()).unwrap_or(0);
    RGBColor(channel(1), channel(3), channel(5))
}

/// Text as XML character data.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn failed(cause: impl std::error::Error + Send + Sync + 'static) -> ChartError {
    ChartError::Draw(Box::new(cause))
}
