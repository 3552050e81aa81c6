//! Teams within teams, and the shares of shared costs they bear.

use attribution::rules::Team;
use model::Amount;

use super::section::{Faults, Section};
use super::{check_team, nearest};

/// Faults of parents that are no team, and of teams that are part of themselves. `places`
/// has where each team stands.
pub fn check_parents(faults: &mut Faults<'_>, teams: &[Team], places: &[usize]) {
    let parent =
        |name: &str| teams.iter().find(|team| team.name == name).and_then(|team| team.parent.as_deref());
    for (nth, (team, at)) in teams.iter().zip(places).enumerate() {
        let Some(above) = &team.parent else { continue };
        if !teams.iter().any(|known| known.name == *above) {
            let near = nearest(above, teams.iter().map(|known| known.name.as_str()));
            let hint = near
                .map_or_else(|| "name it in a [[team]]".to_owned(), |name| format!("did you mean `{name}`?"));
            faults.add(
                *at,
                format!("team {}: there is no team `{above}` to be part of", nth + 1),
                Some(hint),
            );
            continue;
        }
        let mut way = vec![team.name.as_str()];
        let mut next = Some(above.as_str());
        while let Some(name) = next.filter(|_| way.len() <= teams.len()) {
            way.push(name);
            if name == team.name {
                let message = format!("team {}: it is part of itself: {}", nth + 1, way.join(" in "));
                faults.add(*at, message, Some("take one `parent` of these away".into()));
                break;
            }
            next = parent(name);
        }
    }
}

/// `shared_fixed` of `[views]`: teams and their parts of 10^12.
pub fn fixed_shares(
    mut section: Section<'_, '_>,
    faults: &mut Faults<'_>,
    teams: &[Team],
) -> Vec<(String, i64)> {
    const WHOLE: i64 = 1_000_000_000_000;
    let mut shares: Vec<(String, i64)> = Vec::new();
    for (team, text) in section.pairs(faults, "shared_fixed") {
        check_team(faults, &section, &team, teams);
        match parts(&text) {
            Some(share) => shares.push((team, share)),
            None => faults.add(
                section.at(),
                format!("views: `{text}` is no percentage for `{team}`"),
                Some("write it as \"12.5%\": from 0% to 100%, at most ten decimals".into()),
            ),
        }
    }
    if shares.iter().map(|(_, share)| i128::from(*share)).sum::<i128>() > i128::from(WHOLE) {
        let message = "views: the percentages of `shared_fixed` exceed 100%";
        faults.add(section.at(), message, Some("what they leave stays shared".into()));
    }
    section.finish(faults);
    shares
}

/// A percentage in parts of 10^12, where it is one exactly.
fn parts(text: &str) -> Option<i64> {
    let number = text.strip_suffix('%')?.trim();
    if !number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return None;
    }
    // 1% is 10^18 units of an amount, and 10^10 parts.
    let units = number.parse::<Amount>().ok()?.units();
    let parts = i64::try_from(units / 100_000_000).ok()?;
    (units % 100_000_000 == 0 && parts <= 1_000_000_000_000).then_some(parts)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::parse;
    use super::parts;

    fn faults(text: &str) -> Vec<String> {
        let found = parse(text, Path::new("")).err().unwrap_or_default();
        found.into_iter().map(|fault| format!("{}: {}", fault.line, fault.message)).collect()
    }

    #[test]
    fn parents_must_be_teams_and_never_oneself() {
        let text = r#"
[[team]]
name = "data"
[[team]]
name = "growth"
parent = "dta"
[[team]]
name = "a"
parent = "b"
[[team]]
name = "b"
parent = "a"
[[team]]
name = "below"
parent = "a"
[[team]]
name = "own"
parent = "own"
"#;
        let expected = [
            "4: team 2: there is no team `dta` to be part of",
            "7: team 3: it is part of itself: a in b in a",
            "10: team 4: it is part of itself: b in a in b",
            "16: team 6: it is part of itself: own in own",
        ];
        assert_eq!(faults(text), expected);
    }

    #[test]
    fn fixed_shares_are_percentages_of_known_teams_and_no_more_than_all() {
        let views = |shares: &str| {
            format!(
                "[[team]]\nname = \"a\"\n[[team]]\nname = \"b\"\n[views]\nshared_fixed = {{ {shares} }}\n"
            )
        };
        let config = parse(&views(r#"a = "12.5%", b = "0.0000000001%""#), Path::new("")).unwrap();
        assert_eq!(config.rules.shared_fixed, [("a".to_owned(), 125_000_000_000), ("b".to_owned(), 1)]);
        assert_eq!(
            faults(&views(r#"a = "60%", b = "40.1%""#)),
            ["5: views: the percentages of `shared_fixed` exceed 100%"]
        );
        assert_eq!(faults(&views(r#"c = "1%""#)), ["5: views: there is no team `c`"]);
        for wrong in ["12.5", "-1%", "1e1%", "x%", "%", "100.1%", "0.00000000001%"] {
            assert_eq!(parts(wrong), None, "{wrong}");
        }
        assert_eq!(parts("100%"), Some(1_000_000_000_000));
    }
}
