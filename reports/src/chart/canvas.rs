//! The only user of plotters: marks in pixels, text with a system font stack,
//! and the title and description that make an SVG an image for screen readers;
//! the same marks as a bitmap for where no SVG is shown.

use std::sync::Once;

use plotters::coord::Shift;
use plotters::element::{Drawable, PointCollection};
use plotters::prelude::{
    BitMapBackend, DrawingArea, IntoDrawingArea, IntoFont, PathElement, Polygon, RGBColor, Rectangle,
    SVGBackend, Text, TextStyle,
};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{Color, FontStyle, register_font};

use super::{ChartError, indexed};
use crate::label;
use crate::palette::{self, Theme};

/// Nothing is fetched: the first of these the reader's machine has.
const FONT: &str = "Inter, system-ui, -apple-system, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif";
/// plotters sizes a font by its line, and writes this fraction of it.
const LINE_PER_EM: f64 = 1.24;
/// Part of a line's height by which letters stand above its middle in bitmaps.
const ABOVE_LETTERS: f64 = 0.1;
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

/// Pixels of a bitmap for each of the drawing: screens of phones have two or three.
const SCALE: u32 = 2;

/// What is drawn on.
enum Area<'a> {
    Svg(DrawingArea<SVGBackend<'a>, Shift>),
    Bitmap(DrawingArea<BitMapBackend<'a>, Shift>),
}

/// A drawing of a given size.
pub(super) struct Canvas<'a> {
    area: Area<'a>,
    scale: i32,
    pub theme: Theme,
}

/// A drawing that is not on anything yet.
pub(super) struct Drawing<M> {
    /// Width and height.
    pub size: (u32, u32),
    /// For a light or a dark page.
    pub theme: Theme,
    /// The image's name.
    pub title: String,
    /// What a reader who cannot see it needs.
    pub description: String,
    /// Draws it.
    pub marks: M,
}

/// Draws with `marks` as SVG text: `title` is the image's name, `description` what a reader who
/// cannot see it needs.
pub(super) fn draw(
    size: (u32, u32),
    theme: Theme,
    title: &str,
    description: &str,
    marks: impl FnOnce(&Canvas<'_>) -> Result<(), ChartError>,
) -> Result<String, ChartError> {
    Drawing { size, theme, title: title.to_owned(), description: description.to_owned(), marks }.svg()
}

impl<M: FnOnce(&Canvas<'_>) -> Result<(), ChartError>> Drawing<M> {
    fn has_room(&self) -> Result<(), ChartError> {
        let (width, height) = self.size;
        match width < 160 || height < 24 || width > 10_000 || height > 10_000 {
            true => Err(ChartError::TooSmall(width, height)),
            false => Ok(()),
        }
    }

    /// As SVG text.
    pub fn svg(self) -> Result<String, ChartError> {
        self.has_room()?;
        let mut svg = String::new();
        {
            let area = SVGBackend::with_string(&mut svg, self.size).into_drawing_area();
            let canvas = Canvas { area: Area::Svg(area), scale: 1, theme: self.theme };
            (self.marks)(&canvas)?;
            canvas.present()?;
        }
        // The backend opens the document itself and has no words for these.
        let opened = svg.find('>').map_or(svg.len(), |at| at + 1);
        Ok(format!(
            "<svg role=\"img\"{attributes}<title>{title}</title>\n<desc>{description}</desc>\n{marks}",
            attributes = svg[..opened].trim_start_matches("<svg"),
            title = escape(&label::visible(&self.title)),
            description = escape(&label::visible(&self.description)),
            marks = svg[opened..].trim_start(),
        ))
    }

    /// As the bytes of a PNG file of twice the size, on the page's ground.
    pub fn png(self) -> Result<Vec<u8>, ChartError> {
        self.has_room()?;
        register_fonts();
        let (width, height) = (self.size.0 * SCALE, self.size.1 * SCALE);
        let mut pixels = vec![0; width as usize * height as usize * 3];
        {
            let area = BitMapBackend::with_buffer(&mut pixels, (width, height)).into_drawing_area();
            let canvas = Canvas { area: Area::Bitmap(area), scale: SCALE as i32, theme: self.theme };
            let size = (self.size.0 as i32, self.size.1 as i32);
            canvas.rect((0, 0), size, palette::surface(self.theme))?;
            (self.marks)(&canvas)?;
            canvas.present()?;
        }
        indexed::png(&pixels, (width, height))
    }
}

/// Gives plotters the letters of bitmaps; it keeps them by name for the whole process.
fn register_fonts() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // Files of our own that a test draws with: they are fonts.
        let _ = register_font(FONT, FontStyle::Normal, include_bytes!("../../fonts/inter-regular.ttf"));
        let _ = register_font(FONT, FontStyle::Bold, include_bytes!("../../fonts/inter-semibold.ttf"));
    });
}

impl<'a> Canvas<'a> {
    fn put<E>(&self, element: &E) -> Result<(), ChartError>
    where
        E: Drawable<SVGBackend<'a>> + Drawable<BitMapBackend<'a>>,
        for<'e> &'e E: PointCollection<'e, (i32, i32)>,
    {
        match &self.area {
            Area::Svg(area) => area.draw(element).map_err(failed),
            Area::Bitmap(area) => area.draw(element).map_err(failed),
        }
    }

    fn present(&self) -> Result<(), ChartError> {
        match &self.area {
            Area::Svg(area) => area.present().map_err(failed),
            Area::Bitmap(area) => area.present().map_err(failed),
        }
    }

    /// A point of the drawing in pixels of what it is drawn on.
    fn at(&self, point: (i32, i32)) -> (i32, i32) {
        (point.0 * self.scale, point.1 * self.scale)
    }

    /// A filled rectangle between two corners.
    pub fn rect(&self, from: (i32, i32), to: (i32, i32), fill: &str) -> Result<(), ChartError> {
        self.put(&Rectangle::new([self.at(from), self.at(to)], colour(fill).filled()))
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
        let points: Vec<_> = points.into_iter().map(|point| self.at(point)).collect();
        let width_px = width_px * self.scale.unsigned_abs();
        self.put(&PathElement::new(points, colour(stroke).stroke_width(width_px)))
    }

    /// An area within points, which what is behind shows through.
    pub fn area(&self, points: Vec<(i32, i32)>, fill: &str, opacity: f64) -> Result<(), ChartError> {
        let points: Vec<_> = points.into_iter().map(|point| self.at(point)).collect();
        self.put(&Polygon::new(points, colour(fill).mix(opacity).filled()))
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
        let size = font_px * LINE_PER_EM * f64::from(self.scale);
        let style = TextStyle::from((FONT, size).into_font().style(weight))
            .color(&fill)
            .pos(Pos::new(anchor, VPos::Center));
        let mut at = self.at(at);
        if let Area::Bitmap(_) = self.area {
            // Bitmaps centre a line with the room above its letters, SVG the letters.
            at.1 += (size * ABOVE_LETTERS).round() as i32;
        }
        self.put(&Text::new(label::visible(text), at, style))
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

pub(super) fn failed(cause: impl std::error::Error + Send + Sync + 'static) -> ChartError {
    ChartError::Draw(Box::new(cause))
}
