//! Keys whose value is one of a few words.

use super::nearest;
use super::section::{Faults, Section};

/// One of a few words; the default where it is not there.
pub fn word<T: Copy + Default, const N: usize>(
    section: &mut Section<'_, '_>,
    faults: &mut Faults<'_>,
    key: &'static str,
    known: [(&'static str, T); N],
) -> T {
    let Some(text) = section.text(faults, key) else { return T::default() };
    match known.iter().find(|(word, _)| *word == text) {
        Some((_, value)) => *value,
        None => {
            unknown(section, faults, key, &text, known.iter().map(|(word, _)| *word));
            T::default()
        }
    }
}

/// A fault for a word that is none of those known.
pub fn unknown<'w>(
    section: &Section<'_, '_>,
    faults: &mut Faults<'_>,
    what: &str,
    word: &str,
    known: impl IntoIterator<Item = &'w str>,
) {
    let known: Vec<&str> = known.into_iter().collect();
    let hint = match nearest(word, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if known.is_empty() => format!("add a [[{what}]] of this name"),
        None => format!("use {}", known.join(", ")),
    };
    faults.add(section.at(), format!("{}: there is no {what} `{word}`", section.name()), Some(hint));
}
