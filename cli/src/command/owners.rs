//! `owners`: how much of the spend has an owner, and the rules that would claim the rest.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use attribution::mart::{CoverageRow, RuleClaim, Unclaimed};
use model::{Amount, Currency};
use serde_json::json;

use crate::args::{Format, Owners};
use crate::command::{config, ownership_query};
use crate::printer::{Failure, line};

/// Confidence in an owner, the surest first, and what it means.
const CONFIDENCE: [(&str, &str); 4] = [
    ("high", "by owner, tag, workflow, user, table or resource"),
    ("medium", "by cluster, bucket or account"),
    ("low", "by default"),
    ("none", "nobody's"),
];

/// Shows coverage and the largest unclaimed costs. The text is TOML: it can be added to the
/// configuration once the teams are filled in.
pub fn run(path: &Path, options: &Owners) -> Result<ExitCode, Failure> {
    let config = config(path)?;
    let query = ownership_query(&options.scope)?;
    let mart = super::mart(&config)?;
    let (rules, coverage) = (mart.owner_rules(&query)?, mart.coverage(&query)?);
    let unclaimed = mart.unclaimed(&query, options.limit)?;
    match options.format {
        Format::Json => {
            let document = json!({
                "basis": options.scope.basis, "from": options.scope.from, "to": options.scope.to,
                "rules": rules.iter().map(rule_json).collect::<Vec<_>>(),
                "coverage": by_confidence(&coverage).into_iter().map(|((currency, confidence), cost)| {
                    json!({"currency": currency, "confidence": confidence, "cost": cost})
                }).collect::<Vec<_>>(),
                "unclaimed": unclaimed.iter().map(unclaimed_json).collect::<Vec<_>>(),
            });
            line(serde_json::to_string_pretty(&document)?);
        }
        Format::Text => text(options, &coverage, &unclaimed),
    }
    Ok(ExitCode::SUCCESS)
}

fn by_confidence(coverage: &[CoverageRow]) -> BTreeMap<(Currency, &str), Amount> {
    let mut sums = BTreeMap::new();
    for row in coverage {
        *sums.entry((row.currency, row.confidence.as_str())).or_insert(Amount::ZERO) += row.cost;
    }
    sums
}

fn text(options: &Owners, coverage: &[CoverageRow], unclaimed: &[Unclaimed]) {
    let sums = by_confidence(coverage);
    let currencies: std::collections::BTreeSet<Currency> =
        sums.keys().map(|(currency, _)| *currency).collect();
    for currency in currencies {
        let of = |confidence| sums.get(&(currency, confidence)).copied().unwrap_or_default();
        let whole: Amount = CONFIDENCE.iter().map(|(confidence, _)| of(*confidence)).sum();
        line(format!("# {whole} {currency} ({}), shared costs left out", options.scope.basis));
        for (confidence, meaning) in CONFIDENCE {
            let share = reports::format::percent(of(confidence), whole).unwrap_or_else(|| "-".to_owned());
            line(format!(
                "# {share:>6} owned with confidence {confidence:<6} ({meaning}): {}",
                of(confidence)
            ));
        }
    }
    for cost in unclaimed {
        let owner = cost.team.as_ref().map_or_else(
            || "nobody owns".to_owned(),
            |team| format!("only the default gives team {}", reports::label::visible(team)),
        );
        line("");
        line(format!("# {owner} {} {}", cost.cost, cost.currency));
        match cost.rule() {
            Some(rule) => line(rule.trim_end()),
            None => line("# nothing is known of it that a rule could name"),
        }
    }
}

fn rule_json(claim: &RuleClaim) -> serde_json::Value {
    json!({
        "rule": claim.rule, "team": claim.team, "is_listed_team": claim.is_listed, "kind": claim.kind,
        "from": claim.from, "to": claim.to,
        "currency": claim.claimed.map(|(currency, _)| currency), "cost": claim.claimed.map(|(_, cost)| cost),
    })
}

fn unclaimed_json(cost: &Unclaimed) -> serde_json::Value {
    json!({
        "team": cost.team, "kind": cost.kind, "tag_key": cost.tag_key, "value": cost.value,
        "currency": cost.currency, "cost": cost.cost, "rule": cost.rule(),
    })
}
