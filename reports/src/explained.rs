//! An explained figure as one document: its parts, what a view spreads of it and from which
//! charges, and the bill lines behind them. The command line and the API give the same.

use std::collections::BTreeMap;

use attribution::mart::{BillLine, CostQuery, CostRow, ExplainPart, Mart, MartError, SpreadPart};
use model::{Amount, Currency};
use serde_json::{Value, json};

/// What is asked of a figure beside which it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Detail {
    /// Bill lines too.
    pub lines: bool,
    /// Parts at most, the largest; all where unset. What is left out is summed.
    pub most: Option<usize>,
}

/// A figure opened down to what it is made of: the parts, those spread and what is left out
/// sum to the totals exactly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained {
    /// The figure, by currency.
    pub totals: Vec<CostRow>,
    /// Its atoms, largest first.
    pub parts: Vec<ExplainPart>,
    /// What its view spreads, largest first.
    pub spread: Vec<SpreadPart>,
    /// The atoms of what was spread, by [`SpreadPart::whole_id`].
    pub wholes: BTreeMap<String, Vec<ExplainPart>>,
    /// Bill lines by charge group; empty where they were not asked for.
    pub lines: BTreeMap<String, Vec<BillLine>>,
    /// Parts beyond [`Detail::most`]: how many, and their sum, by currency.
    pub left_out: BTreeMap<Currency, (i64, Amount)>,
    /// All parts, those left out too, by how they were found: how many, and their sum.
    pub methods: BTreeMap<(String, Currency), (i64, Amount)>,
}

impl Explained {
    /// Asks the mart.
    ///
    /// # Errors
    /// When the mart cannot be asked.
    pub fn ask(mart: &Mart, query: &CostQuery, detail: Detail) -> Result<Self, MartError> {
        let query = &CostQuery { by: Vec::new(), ..query.clone() };
        let mut left_out = BTreeMap::new();
        let mut leave_out = |currency, parts: i64, cost: Amount| {
            let rest: &mut (i64, Amount) = left_out.entry(currency).or_default();
            rest.0 += parts;
            rest.1 += cost;
        };
        let mut methods: BTreeMap<(String, Currency), (i64, Amount)> = BTreeMap::new();
        let parts = match detail.most {
            None => {
                let parts = mart.explain(query)?;
                for part in &parts {
                    found(&mut methods, &part.method, part.currency, part.cost);
                }
                parts
            }
            Some(most) => {
                let (parts, sums) = mart.explain_largest(query, most)?;
                let mut rest: BTreeMap<Currency, (i64, Amount)> = BTreeMap::new();
                for sum in sums {
                    let rest = rest.entry(sum.currency).or_default();
                    (rest.0, rest.1) = (rest.0 + sum.parts, rest.1 + sum.cost);
                    methods.insert((sum.method, sum.currency), (sum.parts, sum.cost));
                }
                for part in &parts {
                    let rest = rest.entry(part.currency).or_default();
                    (rest.0, rest.1) = (rest.0 - 1, rest.1 - part.cost);
                }
                for (currency, (count, cost)) in rest.into_iter().filter(|(_, (count, _))| *count > 0) {
                    leave_out(currency, count, cost);
                }
                parts
            }
        };
        let mut spread = mart.spread_parts(query)?;
        for part in &spread {
            found(&mut methods, &part.method, part.currency, part.cost);
        }
        if let Some(most) = detail.most.filter(|most| *most < spread.len()) {
            for part in spread.drain(most..) {
                leave_out(part.currency, 1, part.cost);
            }
        }
        let wholes = mart.spread_wholes(query, &spread)?;
        let lines = if detail.lines {
            let groups =
                parts.iter().chain(wholes.values().flatten()).map(|part| part.charge_group_id.as_str());
            mart.bill_lines(groups, query.basis)?
        } else {
            BTreeMap::new()
        };
        Ok(Self { totals: mart.costs(query)?, parts, spread, wholes, lines, left_out, methods })
    }

    /// Whether no cost is part of the figure.
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty() && self.spread.is_empty() && self.left_out.is_empty()
    }

    /// The document; `query` is what was asked.
    pub fn json(&self, query: &CostQuery) -> Value {
        let totals: Vec<_> =
            self.totals.iter().map(|row| json!({"currency": row.currency, "cost": row.cost})).collect();
        let left_out: Vec<_> = self
            .left_out
            .iter()
            .map(|(currency, (parts, cost))| json!({"currency": currency, "parts": parts, "cost": cost}))
            .collect();
        let mut document = asked(query);
        let answer = json!({
            "totals": totals,
            "parts": self.parts.iter().map(|part| self.part(part)).collect::<Vec<_>>(),
            "spread_parts": self.spread.iter().map(spread_part).collect::<Vec<_>>(),
            "wholes": self.wholes.iter().map(|(id, parts)| self.whole(id, parts)).collect::<Vec<_>>(),
            "left_out": left_out,
        });
        if let (Value::Object(document), Value::Object(answer)) = (&mut document, answer) {
            document.extend(answer);
        }
        document
    }

    fn whole(&self, id: &str, parts: &[ExplainPart]) -> Value {
        json!({
            "whole_id": id,
            "cost": parts.iter().map(|part| part.cost).sum::<Amount>(),
            "currency": parts.first().map(|part| part.currency),
            "parts": parts.iter().map(|part| self.part(part)).collect::<Vec<_>>(),
        })
    }

    fn part(&self, part: &ExplainPart) -> Value {
        let lines = self.lines.get(&part.charge_group_id).map_or(&[][..], Vec::as_slice);
        json!({
            "charge_group": part.charge_group_id, "bucket_start": part.bucket_start,
            "bucket_hours": part.bucket_hours, "service": part.service, "usage_type": part.usage_type,
            "resource": part.resource_id, "pool": part.pool, "pool_rule": part.pool_rule,
            "category": part.category, "method": part.method, "formula": part.formula, "team": part.team,
            "owner_rule": part.owner_rule, "workload": part.workload, "run": part.run_id,
            "table": part.table_id, "consumer_kind": part.consumer_kind, "consumer": part.consumer,
            "cluster": part.cluster_id, "weight": part.weight, "weight_total": part.weight_total,
            "group_cost": part.group_cost, "cost": part.cost, "currency": part.currency,
            "bill_lines": lines.iter().map(bill_line).collect::<Vec<_>>(),
        })
    }
}

/// Counts a part by how it was found.
fn found(
    methods: &mut BTreeMap<(String, Currency), (i64, Amount)>,
    method: &str,
    currency: Currency,
    cost: Amount,
) {
    let sum = methods.entry((method.to_owned(), currency)).or_default();
    (sum.0, sum.1) = (sum.0 + 1, sum.1 + cost);
}

/// What was asked, as every document about costs says it.
pub fn asked(query: &CostQuery) -> Value {
    let filters = query.filters.iter().map(|filter| format!("{}={}", filter.dimension, filter.value));
    json!({
        "where": filters.collect::<Vec<_>>(), "basis": query.basis, "from": query.from, "to": query.to,
        "idle": query.view.idle.name(), "shared": query.view.shared.name(),
        "ownership": query.view.ownership.to_string(),
    })
}

fn spread_part(part: &SpreadPart) -> Value {
    json!({
        "whole_id": part.whole_id, "day": part.day, "service": part.service, "pool": part.pool,
        "category": part.category, "method": part.method, "formula": part.formula, "team": part.team,
        "workload": part.workload, "cluster": part.cluster_id, "whole": part.whole, "weight": part.weight,
        "weight_total": part.weight_total, "cost": part.cost, "currency": part.currency,
    })
}

fn bill_line(line: &BillLine) -> Value {
    json!({
        "source": line.source, "file": line.source_file, "line": line.source_line,
        "charge_period_start": line.charge_period_start, "charge_period_end": line.charge_period_end,
        "description": line.description, "line_item_type": line.line_item_type,
        "usage_type": line.usage_type, "quantity": line.quantity, "unit": line.unit,
        "billed_cost": line.billed_cost, "effective_cost": line.effective_cost,
        "list_cost": line.list_cost, "contracted_cost": line.contracted_cost,
        "part_cost": line.part_cost,
    })
}
