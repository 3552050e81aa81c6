//! The HTML part: a table layout of 600 pixels with inline styles, no scripts,
//! nothing remote, dark where the reader's screen is.

use askama::Template;

use super::view::Page;

#[derive(Template)]
#[template(path = "weekly.html")]
struct Html<'a> {
    page: &'a Page,
    /// Whether the medium shows SVG.
    drawn: bool,
}

/// The report as HTML; with the drawn chart for browsers, else with bars.
pub(super) fn html(page: &Page, drawn: bool) -> Result<String, askama::Error> {
    Html { page, drawn }.render()
}
