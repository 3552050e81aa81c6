//! Colours of charts: eight that people with any colour vision can tell apart,
//! and those that mean something, each designed for a light and a dark page.
//!
//! Every colour has a contrast of at least 3:1 against its page (WCAG 2.2,
//! 1.4.11); the categorical ones stay apart under the simulations of protanopia,
//! deuteranopia and tritanopia of Machado, Oliveira and Fernandes (2009). The
//! tests measure both.

/// The page a colour is shown on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Theme {
    /// White page.
    #[default]
    Light,
    /// Dark page ([`surface`]).
    Dark,
}

impl Theme {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Light, Self::Dark];
}

/// What a colour stands for. A name keeps its slot on every page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ColourSlot {
    /// First category.
    Blue,
    /// Second category.
    Orange,
    /// Third category.
    Green,
    /// Fourth category.
    Pink,
    /// Fifth category.
    Gold,
    /// Sixth category.
    Sky,
    /// Seventh category.
    Purple,
    /// Eighth category.
    Brick,
    /// Capacity paid for and not used: grey, and hatched by [`crate::chart`].
    Idle,
    /// What is not told apart.
    Other,
    /// What is nobody's: of no team, no workload, no table.
    Nobody,
    /// Money that could be saved.
    Waste,
    /// Over a budget; always beside a sign.
    Over,
    /// Money saved; always beside a sign.
    Saving,
}

impl ColourSlot {
    /// The eight categories, in the order in which they are given out.
    pub const CATEGORIES: [Self; 8] =
        [Self::Blue, Self::Orange, Self::Green, Self::Pink, Self::Gold, Self::Sky, Self::Purple, Self::Brick];
}

/// The slot of the category with this place in a stable order; beyond the
/// eighth all share [`ColourSlot::Other`].
pub fn slot_of(index: usize) -> ColourSlot {
    ColourSlot::CATEGORIES.get(index).copied().unwrap_or(ColourSlot::Other)
}

/// The colour of a slot, as `#RRGGBB`.
pub fn colour(slot: ColourSlot, theme: Theme) -> &'static str {
    let (light, dark) = match slot {
        ColourSlot::Blue => ("#2F6FDE", "#5F8EFC"),
        ColourSlot::Orange => ("#C44A12", "#E7902D"),
        ColourSlot::Green => ("#23A06B", "#42BFA1"),
        ColourSlot::Pink => ("#B8388A", "#CC71C4"),
        ColourSlot::Gold => ("#B38A00", "#E3C04F"),
        ColourSlot::Sky => ("#009DDB", "#7ACBF1"),
        ColourSlot::Purple => ("#6B3FA0", "#955DC9"),
        ColourSlot::Brick => ("#8B2E2E", "#C15747"),
        ColourSlot::Idle => ("#8A94A0", "#6B7682"),
        ColourSlot::Other => ("#8A94A0", "#6B7682"),
        ColourSlot::Nobody => ("#4B5763", "#B4BEC8"),
        ColourSlot::Waste => ("#B86E00", "#F2A93B"),
        ColourSlot::Over => ("#C62828", "#F2726B"),
        ColourSlot::Saving => ("#1B7F4B", "#4CC38A"),
    };
    pick(theme, light, dark)
}

/// The page itself.
pub fn surface(theme: Theme) -> &'static str {
    pick(theme, "#FFFFFF", "#14181D")
}

/// Text.
pub fn ink(theme: Theme) -> &'static str {
    pick(theme, "#1B2128", "#E8ECF0")
}

/// Text that steps back: axis labels, units, notes.
pub fn muted(theme: Theme) -> &'static str {
    pick(theme, "#5B6672", "#9BA6B2")
}

/// Grid lines and rules between rows.
pub fn rule(theme: Theme) -> &'static str {
    pick(theme, "#E3E7EB", "#2A313A")
}

/// The band behind weekends.
pub fn weekend(theme: Theme) -> &'static str {
    pick(theme, "#F4F6F8", "#1B2027")
}

/// Links and what is selected.
pub fn accent(theme: Theme) -> &'static str {
    pick(theme, "#1F5FD0", "#7AA5FF")
}

fn pick(theme: Theme, light: &'static str, dark: &'static str) -> &'static str {
    match theme {
        Theme::Light => light,
        Theme::Dark => dark,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Linear RGB of a `#RRGGBB` colour.
    fn linear(hex: &str) -> [f64; 3] {
        [1, 3, 5].map(|at| {
            let c = f64::from(u8::from_str_radix(&hex[at..at + 2], 16).unwrap()) / 255.0;
            if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
        })
    }

    fn contrast(a: &str, b: &str) -> f64 {
        let luminance = |hex| {
            let [r, g, b] = linear(hex);
            0.2126 * r + 0.7152 * g + 0.0722 * b
        };
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    /// Machado, Oliveira, Fernandes (2009), severity 1.0, and the identity.
    const VISIONS: [(&str, [[f64; 3]; 3]); 4] = [
        ("full", [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]),
        (
            "protanopia",
            [
                [0.152286, 1.052583, -0.204868],
                [0.114503, 0.786281, 0.099216],
                [-0.003882, -0.048116, 1.051998],
            ],
        ),
        (
            "deuteranopia",
            [
                [0.367322, 0.860646, -0.227968],
                [0.280085, 0.672501, 0.047413],
                [-0.011820, 0.042940, 0.968881],
            ],
        ),
        (
            "tritanopia",
            [
                [1.255528, -0.076749, -0.178779],
                [-0.078411, 0.930809, 0.147602],
                [0.004733, 0.691367, 0.303900],
            ],
        ),
    ];

    /// Ottosson's OKLab, in which equal distances look equally far apart.
    fn oklab(rgb: [f64; 3]) -> [f64; 3] {
        let dot = |row: [f64; 3], v: [f64; 3]| row[0] * v[0] + row[1] * v[1] + row[2] * v[2];
        let lms = [
            dot([0.4122214708, 0.5363325363, 0.0514459929], rgb).cbrt(),
            dot([0.2119034982, 0.6806995451, 0.1073969566], rgb).cbrt(),
            dot([0.0883024619, 0.2817188376, 0.6299787005], rgb).cbrt(),
        ];
        [
            dot([0.2104542553, 0.7936177850, -0.0040720468], lms),
            dot([1.9779984951, -2.4285922050, 0.4505937099], lms),
            dot([0.0259040371, 0.7827717662, -0.8086757660], lms),
        ]
    }

    #[test]
    fn every_colour_stands_out_from_its_page() {
        let meanings = [
            ColourSlot::Idle,
            ColourSlot::Other,
            ColourSlot::Nobody,
            ColourSlot::Waste,
            ColourSlot::Over,
            ColourSlot::Saving,
        ];
        for theme in Theme::ALL {
            for slot in ColourSlot::CATEGORIES.into_iter().chain(meanings) {
                let contrast = contrast(colour(slot, theme), surface(theme));
                assert!(contrast >= 3.0, "{slot:?} on {theme:?}: {contrast:.2}");
            }
            for text in [ink(theme), muted(theme), accent(theme)] {
                for page in [surface(theme), weekend(theme)] {
                    let contrast = contrast(text, page);
                    assert!(contrast >= 4.5, "{text} on {page}: {contrast:.2}");
                }
            }
        }
    }

    #[test]
    fn categories_differ_for_every_colour_vision() {
        for theme in Theme::ALL {
            for (vision, matrix) in VISIONS {
                let seen = ColourSlot::CATEGORIES.map(|slot| {
                    let rgb = linear(colour(slot, theme));
                    oklab(
                        matrix
                            .map(|row| (row[0] * rgb[0] + row[1] * rgb[1] + row[2] * rgb[2]).clamp(0.0, 1.0)),
                    )
                });
                for (i, a) in seen.iter().enumerate() {
                    for (j, b) in seen.iter().enumerate().skip(i + 1) {
                        let distance = (0..3).map(|k| (a[k] - b[k]).powi(2)).sum::<f64>().sqrt();
                        // Okabe and Ito's eight colours reach 0.076 at the nearest pair
                        // without having to keep 3:1 against white.
                        assert!(distance >= 0.05, "{vision} {theme:?}: slots {i} and {j} at {distance:.3}");
                    }
                }
            }
        }
    }

    #[test]
    fn slots_beyond_the_eighth_are_other() {
        assert_eq!(slot_of(0), ColourSlot::Blue);
        assert_eq!(slot_of(7), ColourSlot::Brick);
        assert_eq!(slot_of(8), ColourSlot::Other);
        assert_eq!(slot_of(usize::MAX), ColourSlot::Other);
    }
}
