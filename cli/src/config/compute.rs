//! `[attribution]`: how costs are split where there is a choice.

use attribution::rules::RunWeight;

use super::nearest;
use super::section::{Faults, Section};

/// What weighs a run among the runs of a node.
pub fn run_weight(mut section: Section<'_, '_>, faults: &mut Faults<'_>) -> RunWeight {
    let mut chosen = RunWeight::default();
    if let Some(word) = section.text(faults, "run_weight") {
        match RunWeight::ALL.into_iter().find(|weight| weight.name() == word) {
            Some(weight) => chosen = weight,
            None => {
                let names = RunWeight::ALL.map(RunWeight::name);
                let hint = nearest(&word, names).map_or_else(
                    || format!("use one of {}", names.join(", ")),
                    |name| format!("did you mean `{name}`?"),
                );
                faults.add(section.at(), format!("attribution: `{word}` weighs no run"), Some(hint));
            }
        }
    }
    section.finish(faults);
    chosen
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use attribution::rules::RunWeight;

    use super::super::parse;

    #[test]
    fn a_run_is_weighed_by_one_of_four() {
        for (word, want) in [
            ("bottleneck", RunWeight::Bottleneck),
            ("cores", RunWeight::Cores),
            ("memory", RunWeight::Memory),
            ("9:1", RunWeight::NineToOne),
        ] {
            let config = parse(&format!("[attribution]\nrun_weight = \"{word}\"\n"), Path::new("")).unwrap();
            assert_eq!(config.rules.run_weight, want, "{word}");
        }
        let faults = parse("[attribution]\nrun_weight = \"core\"\nruns = 1\n", Path::new("")).unwrap_err();
        let texts: Vec<_> = faults
            .iter()
            .map(|fault| format!("{} {}", fault.message, fault.hint.clone().unwrap_or_default()))
            .collect();
        assert_eq!(texts[0], "attribution: `core` weighs no run did you mean `cores`?");
        assert!(texts[1].starts_with("attribution: unknown key `runs`"), "{texts:?}");
    }
}
