//! A line of a FOCUS export as a charge: taken as given, with its texts set right.

use std::borrow::Cow;

use model::tags::{Tag, TagSet};
use model::time::{Instant, PeriodKey};
use model::{Amount, Currency};
use serde_json::Value as Json;

use super::focus_columns::{FocusColumns, json_text};
use super::notes::Notes;
use super::numbers::Numbers;
use super::period::{billing_period, charge_period};
use super::posting::{Costs, Posting};
use super::table::{Line, read_table};
use super::value::Unreadable;
use crate::rows::Charge;
use crate::source::ReadError;
use crate::store::Store;

/// Posts every line of one file.
///
/// # Errors
/// When the file cannot be read to its end or is no FOCUS export.
pub(in crate::source) fn read_file(
    store: &dyn Store,
    uri: &str,
    posting: &mut Posting<'_>,
) -> Result<(), ReadError> {
    let mut notes = Notes::default();
    let target = &mut *posting;
    read_table(store, uri, &mut notes, |header| {
        let columns = FocusColumns::find(header, uri)?;
        Ok(move |line: &Line<'_>, notes: &mut Notes| post(line, &columns, target, notes))
    })?;
    notes.flush(uri, posting.sink());
    Ok(())
}

fn post(
    line: &Line<'_>,
    columns: &FocusColumns,
    posting: &mut Posting<'_>,
    notes: &mut Notes,
) -> Result<(), ReadError> {
    let text = |column: Option<usize>| line.value(column).text();
    let start = instant(line, columns.billing_period_start, "BillingPeriodStart")?.ok_or_else(|| {
        line.malformed("column `BillingPeriodStart` is empty, so its month is unknown", None)
    })?;
    let billing = billing_period(start, instant(line, columns.billing_period_end, "BillingPeriodEnd")?);
    let category = text(columns.charge_category).unwrap_or_else(|| {
        notes.count("no-charge-category", "", || "lines without a ChargeCategory: taken as Usage".to_owned());
        Cow::Borrowed("Usage")
    });
    let period = charge_period(
        instant(line, columns.charge_period_start, "ChargePeriodStart")?,
        instant(line, columns.charge_period_end, "ChargePeriodEnd")?,
        billing,
        category == "Usage",
        notes,
    );
    let currency: Currency = text(columns.billing_currency)
        .ok_or_else(|| line.malformed("column `BillingCurrency` is empty", None))?
        .parse()
        .map_err(|fault: String| line.malformed(fault, None))?;

    let mut numbers = Numbers { line, names: &columns.names, notes };
    let billed = numbers.billed(columns.billed_cost)?;
    let effective = numbers.cost(columns.effective_cost).unwrap_or_else(|| {
        numbers.notes.count("no-effective-cost", "", || {
            "lines without an EffectiveCost: it is the billed cost".to_owned()
        });
        billed
    });
    let costs = Costs {
        billed,
        effective,
        list: numbers.cost(columns.list_cost),
        contracted: numbers.cost(columns.contracted_cost),
    };
    let mut amount =
        |column: Option<usize>| -> Option<Amount> { numbers.number(column).map(|number| number.amount) };
    let list_unit_price = amount(columns.list_unit_price);
    let contracted_unit_price = amount(columns.contracted_unit_price);
    let pricing_quantity = amount(columns.pricing_quantity);
    let pricing_currency_contracted_unit_price = amount(columns.pricing_currency_contracted_unit_price);
    let pricing_currency_effective_cost = amount(columns.pricing_currency_effective_cost);
    let pricing_currency_list_unit_price = amount(columns.pricing_currency_list_unit_price);
    let consumed_quantity = amount(columns.consumed_quantity);
    let commitment_discount_quantity = amount(columns.commitment_discount_quantity);

    let key = PeriodKey::month_of(billing.start.date_naive());
    let tag_set_id = tag_set(line, columns, key, posting, notes)?;
    let charge = Charge {
        source_file: Cow::Borrowed(line.uri),
        source_line: line.number,
        billing_period_start: billing.start,
        billing_period_end: billing.end,
        charge_period_start: period.start,
        charge_period_end: period.end,
        billing_currency: Cow::Borrowed(currency.code()),
        billed_cost: costs.billed.amount,
        effective_cost: costs.effective.amount,
        list_cost: costs.list.map(|cost| cost.amount),
        contracted_cost: costs.contracted.map(|cost| cost.amount),
        list_unit_price,
        contracted_unit_price,
        charge_category: category,
        charge_class: text(columns.charge_class),
        charge_description: text(columns.charge_description),
        charge_frequency: text(columns.charge_frequency).map(charge_frequency),
        billing_account_id: text(columns.billing_account_id),
        billing_account_name: text(columns.billing_account_name),
        billing_account_type: text(columns.billing_account_type),
        sub_account_id: text(columns.sub_account_id),
        sub_account_name: text(columns.sub_account_name),
        sub_account_type: text(columns.sub_account_type),
        provider_name: text(columns.provider_name),
        publisher_name: text(columns.publisher_name),
        invoice_issuer_name: text(columns.invoice_issuer_name),
        invoice_id: text(columns.invoice_id),
        service_name: text(columns.service_name),
        service_category: text(columns.service_category),
        service_subcategory: text(columns.service_subcategory),
        region_id: text(columns.region_id),
        region_name: text(columns.region_name),
        availability_zone: text(columns.availability_zone),
        resource_id: text(columns.resource_id),
        resource_name: text(columns.resource_name),
        resource_type: text(columns.resource_type),
        sku_id: text(columns.sku_id),
        sku_price_id: text(columns.sku_price_id),
        sku_meter: text(columns.sku_meter),
        sku_price_details: text(columns.sku_price_details),
        pricing_category: text(columns.pricing_category),
        pricing_quantity,
        pricing_unit: text(columns.pricing_unit),
        pricing_currency: text(columns.pricing_currency),
        pricing_currency_contracted_unit_price,
        pricing_currency_effective_cost,
        pricing_currency_list_unit_price,
        consumed_quantity,
        consumed_unit: text(columns.consumed_unit),
        capacity_reservation_id: text(columns.capacity_reservation_id),
        capacity_reservation_status: text(columns.capacity_reservation_status),
        commitment_discount_id: text(columns.commitment_discount_id),
        commitment_discount_name: text(columns.commitment_discount_name),
        commitment_discount_category: text(columns.commitment_discount_category),
        commitment_discount_type: text(columns.commitment_discount_type),
        commitment_discount_status: text(columns.commitment_discount_status),
        commitment_discount_quantity,
        commitment_discount_unit: text(columns.commitment_discount_unit),
        tag_set_id: tag_set_id.map(Cow::Owned),
        x_line_item_type: None,
        x_product_code: text(columns.x_service_code),
        x_usage_type: text(columns.x_usage_type).or_else(|| text(columns.sku_meter)),
        x_operation: text(columns.x_operation),
        x_instance_type: None,
        x_vcpus: None,
        x_memory_mib: None,
        x_amortized_upfront_cost: None,
        x_columns: own_columns(line, columns).map(Cow::Owned),
    };
    posting.post(&charge, currency, &costs)
}

fn instant(line: &Line<'_>, column: Option<usize>, name: &str) -> Result<Option<Instant>, ReadError> {
    line.value(column).instant().map_err(|Unreadable(text)| {
        let hint = "FOCUS writes times as 2025-02-01T00:00:00Z";
        line.malformed(format!("`{text}` in column `{name}` is no time of a bill"), Some(hint))
    })
}

/// `Usage-based`, as exporters write, is the `Usage-Based` of the specification.
fn charge_frequency(text: Cow<'_, str>) -> Cow<'_, str> {
    ["One-Time", "Recurring", "Usage-Based"]
        .into_iter()
        .find(|word| word.eq_ignore_ascii_case(&text))
        .map_or(text, Cow::Borrowed)
}

/// The exporter's own columns that hold something, as a JSON object of texts.
fn own_columns(line: &Line<'_>, columns: &FocusColumns) -> Option<String> {
    let mut object = String::new();
    for (column, name) in &columns.x_columns {
        if let Some(value) = line.value(Some(*column)).text() {
            object.push(if object.is_empty() { '{' } else { ',' });
            object.push_str(name);
            object.push(':');
            object.push_str(&json_text(&value));
        }
    }
    (!object.is_empty()).then(|| object + "}")
}

fn tag_set(
    line: &Line<'_>,
    columns: &FocusColumns,
    period: PeriodKey,
    posting: &mut Posting<'_>,
    notes: &mut Notes,
) -> Result<Option<String>, ReadError> {
    let Some(written) = line.value(columns.tags).text() else { return Ok(None) };
    Ok(posting.tag_set(period, &written, || parse_tags(&written, notes))?)
}

/// Reads a JSON object of tags. Some exporters leave out the braces, and some nest.
fn parse_tags(written: &str, notes: &mut Notes) -> TagSet {
    let object = serde_json::from_str::<Json>(written).ok().or_else(|| {
        let braced = serde_json::from_str(&format!("{{{written}}}")).ok()?;
        notes.count("odd-tags", "braces", || {
            "tags without the braces of JSON: read as if they had them".to_owned()
        });
        Some(braced)
    });
    let Some(Json::Object(tags)) = object else {
        notes.count("odd-tags", "", || "tags that are no JSON object: left out".to_owned());
        return TagSet::default();
    };
    TagSet::new(tags.into_iter().filter_map(|(key, value)| {
        let value = match value {
            Json::Null => return None,
            Json::String(text) => text,
            Json::Bool(_) | Json::Number(_) => value.to_string(),
            Json::Array(_) | Json::Object(_) => {
                notes.count("odd-tags", "nested", || "tags whose value is no text: kept as JSON".to_owned());
                value.to_string()
            }
        };
        Some(Tag::new(&key, &value))
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(written: &str, want: &[(&str, &str, &str)]) {
        let set = parse_tags(written, &mut Notes::default());
        let got: Vec<_> =
            set.tags().iter().map(|t| (t.key.as_str(), t.raw_key.as_str(), t.value.as_str())).collect();
        assert_eq!(got, want, "{written}");
    }

    #[test]
    fn tags_are_read_however_they_are_written() {
        check(
            r#"{"Team": "growth", " org": "trey"}"#,
            &[("org", " org", "trey"), ("team", "Team", "growth")],
        );
        check(
            r#""env": "prod","CostCenter": "1234""#,
            &[("costcenter", "CostCenter", "1234"), ("env", "env", "prod")],
        );
        check(
            r#"{"a": {"b": 1}, "n": 3, "none": null, "empty": ""}"#,
            &[("a", "a", r#"{"b":1}"#), ("n", "n", "3")],
        );
        check("{}", &[]);
        check("[1, 2]", &[]);
        check("not json", &[]);
        check(r#"{"x": "<script>alert(1)</script>"}"#, &[("x", "x", "<script>alert(1)</script>")]);
        check(&format!(r#"{{"deep": {}{}}}"#, "[".repeat(5000), "]".repeat(5000)), &[]);
    }
}
