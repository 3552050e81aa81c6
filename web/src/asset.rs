//! Styles and scripts: inside the binary, named by their content (`build.rs`), so that a
//! browser may keep them for ever and never shows an old one.

use axum::extract::Path;
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::error::PageError;

/// Colours a chart may use before the rest is "other"; the length of the palette.
pub const SLOTS: usize = 8;

/// One embedded file.
pub struct Asset {
    /// Path with the hash of the content in it.
    pub url: &'static str,
    content_type: &'static str,
    body: &'static [u8],
}

const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";

/// Style sheet.
pub const STYLE: Asset =
    Asset { url: env!("URL_STYLE"), content_type: CSS, body: include_bytes!("../static/style.css") };
/// The colours of [`reports::palette`] as a style sheet; a test keeps them the same.
pub const PALETTE: Asset =
    Asset { url: env!("URL_PALETTE"), content_type: CSS, body: include_bytes!("../static/palette.css") };
/// Sets the theme before the first paint, and opens rows.
pub const PAGE: Asset =
    Asset { url: env!("URL_PAGE"), content_type: SCRIPT, body: include_bytes!("../static/page.js") };
/// Finds anything.
pub const FINDER: Asset =
    Asset { url: env!("URL_FINDER"), content_type: SCRIPT, body: include_bytes!("../static/finder.js") };
/// Draws the charts.
pub const CHARTS: Asset =
    Asset { url: env!("URL_CHARTS"), content_type: SCRIPT, body: include_bytes!("../static/charts.js") };
/// Apache ECharts.
pub const ECHARTS: Asset = Asset {
    url: env!("URL_ECHARTS"),
    content_type: SCRIPT,
    body: include_bytes!("../static/vendor/echarts/echarts.min.js"),
};
/// Its licence.
pub const ECHARTS_LICENCE: Asset = Asset {
    url: env!("URL_ECHARTS_LICENCE"),
    content_type: TEXT,
    body: include_bytes!("../static/vendor/echarts/LICENSE"),
};
/// Icon of the browser's tab.
pub const ICON: Asset = Asset {
    url: env!("URL_ICON"),
    content_type: "image/svg+xml",
    body: include_bytes!("../static/icon.svg"),
};

const ALL: [&Asset; 8] = [&STYLE, &PALETTE, &PAGE, &FINDER, &CHARTS, &ECHARTS, &ECHARTS_LICENCE, &ICON];

/// One file by its name, hash included; an old hash is gone, so that no page mixes versions.
pub async fn serve(Path(file): Path<String>) -> Response {
    let Some(asset) = ALL.into_iter().find(|asset| asset.url.strip_prefix("/static/") == Some(&file)) else {
        return PageError::NoPage.into_response();
    };
    let headers: [(HeaderName, &str); 2] = [
        (header::CONTENT_TYPE, asset.content_type),
        (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
    ];
    (StatusCode::OK, headers, asset.body).into_response()
}

#[cfg(test)]
mod tests {
    use reports::palette::{self, ColourSlot, Theme};

    use super::*;

    /// Surface, ink and meanings as variables, one class a slot.
    fn generated() -> String {
        let both = |colour: &dyn Fn(Theme) -> &'static str| {
            format!("light-dark({}, {})", colour(Theme::Light), colour(Theme::Dark))
        };
        let of = |slot| both(&|theme| palette::colour(slot, theme));
        let variables = [
            ("surface", both(&palette::surface)),
            ("ink", both(&palette::ink)),
            ("muted", both(&palette::muted)),
            ("rule", both(&palette::rule)),
            ("band", both(&palette::weekend)),
            ("accent", both(&palette::accent)),
            ("waste", of(ColourSlot::Waste)),
            ("over", of(ColourSlot::Over)),
            ("saving", of(ColourSlot::Saving)),
            ("idle", of(ColourSlot::Idle)),
        ];
        let slots = (0..SLOTS).map(|i| (i.to_string(), palette::slot_of(i))).chain([
            ("idle".to_owned(), ColourSlot::Idle),
            ("other".to_owned(), ColourSlot::Other),
            ("nobody".to_owned(), ColourSlot::Nobody),
        ]);
        let variables: String =
            variables.iter().map(|(name, colour)| format!("  --{name}: {colour};\n")).collect();
        let slots: String =
            slots.map(|(name, slot)| format!(".slot-{name} {{ color: {}; }}\n", of(slot))).collect();
        format!(
            "/* The colours of reports::palette; asset.rs tests that they are the same. */\n:root {{\n{variables}}}\n{slots}"
        )
    }

    #[test]
    fn pages_and_drawn_charts_share_one_palette() {
        assert_eq!(String::from_utf8_lossy(PALETTE.body), generated(), "static/palette.css is to be this");
    }

    #[test]
    fn the_palette_has_as_many_colours_as_charts_count_on() {
        assert_eq!(ColourSlot::CATEGORIES.len(), SLOTS);
        assert_eq!(palette::slot_of(SLOTS), ColourSlot::Other);
    }
}
