//! Which colour stands for which name: the same on every page and whatever is filtered.

use attribution::mart::NONE;
use model::Category;
use reports::palette::{self, ColourSlot};

use crate::asset::SLOTS;

/// Names with their colours; what is not among them is "other".
pub struct Colours(Vec<(String, ColourSlot)>);

impl Colours {
    /// Colours in the order of the names; what has no name is nobody's.
    pub fn in_order<'a>(names: impl Iterator<Item = &'a str>) -> Self {
        let named = names.filter(|name| *name != NONE);
        Self(named.enumerate().map(|(i, name)| (name.to_owned(), palette::slot_of(i))).collect())
    }

    /// The six words of the equation: idle is always hatched grey, what is nobody's dark grey.
    pub fn of_categories() -> Self {
        let slot = |category| match category {
            Category::Usage => palette::slot_of(0),
            Category::Storage => palette::slot_of(1),
            Category::Direct => palette::slot_of(2),
            Category::Shared => palette::slot_of(3),
            Category::Idle => ColourSlot::Idle,
            Category::Unallocated => ColourSlot::Nobody,
        };
        Self(Category::ALL.into_iter().map(|category| (category.name().to_owned(), slot(category))).collect())
    }

    /// The colour of a name.
    pub fn of(&self, name: &str) -> ColourSlot {
        let unlisted = if name == NONE { ColourSlot::Nobody } else { ColourSlot::Other };
        self.0.iter().find(|(known, _)| known == name).map_or(unlisted, |(_, slot)| *slot)
    }

    /// Where a name stands in the order; unknown ones come last.
    pub fn rank(&self, name: &str) -> usize {
        self.0.iter().position(|(known, _)| known == name).unwrap_or(usize::MAX)
    }
}

/// The class of the generated style sheet that has this colour.
pub fn class(slot: ColourSlot) -> String {
    match slot {
        ColourSlot::Idle => "slot-idle".to_owned(),
        ColourSlot::Other => "slot-other".to_owned(),
        ColourSlot::Nobody => "slot-nobody".to_owned(),
        ColourSlot::Waste => "slot-waste".to_owned(),
        ColourSlot::Over => "slot-over".to_owned(),
        ColourSlot::Saving => "slot-saving".to_owned(),
        slot => (0..SLOTS)
            .find(|i| palette::slot_of(*i) == slot)
            .map_or_else(|| "slot-other".to_owned(), |i| format!("slot-{i}")),
    }
}
