//! What fixes saved together: the fall of one cost is the saving of one of them.

use super::{Measure, Status, Tracked};

/// Of resolved findings, those whose realised savings add up. Several fixes of one subject in the same weeks each
/// compare the same bill with the days before, and each shows all of its fall: the largest stands for them.
pub fn realised_together<'t>(tracked: impl IntoIterator<Item = &'t Tracked>) -> Vec<&'t Tracked> {
    let mut measured: Vec<_> = tracked
        .into_iter()
        .filter(|it| it.status == Status::Resolved)
        .filter_map(|it| Some((it, it.realised.as_ref()?)))
        .collect();
    measured.sort_by(|(a, a_saved), (b, b_saved)| {
        b_saved.monthly().cmp(&a_saved.monthly()).then_with(|| a.finding_id.cmp(&b.finding_id))
    });
    let mut taken: Vec<(&Tracked, (_, _))> = Vec::new();
    for (it, saved) in measured {
        let (from, to) = saved.measured;
        let is_counted = taken.iter().any(|(other, (other_from, other_to))| {
            it.subject_kind == other.subject_kind
                && it.subject == other.subject
                && it.currency == other.currency
                && from < *other_to
                && *other_from < to
                && Measure::of(&it.detector).meets(Measure::of(&other.detector))
        });
        if !is_counted {
            taken.push((it, saved.measured));
        }
    }
    taken.into_iter().map(|(it, _)| it).collect()
}
