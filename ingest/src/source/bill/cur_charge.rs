//! A line of a Cost and Usage Report, legacy or 2.0, as a FOCUS charge.

use std::borrow::Cow;

use model::Currency;
use model::tags::{Tag, TagSet};
use model::time::{Period, PeriodKey};

use super::cur_columns::CurColumns;
pub(in crate::source) use super::cur_columns::Generation;
use super::cur_cost::{self, LineFacts, LineType};
use super::maps::{Product, Products, parse_tags};
use super::notes::Notes;
use super::numbers::Numbers;
use super::period::{billing_period, charge_period};
use super::posting::Posting;
use super::service;
use super::table::{Line, read_table};
use super::value::{Unreadable, Value};
use crate::rows::Charge;
use crate::source::ReadError;
use crate::store::Store;

/// Posts every line of one file. `period` is the billing period its manifest or directory
/// names, for lines that name none.
///
/// # Errors
/// When the file cannot be read to its end or is no report of this generation.
pub(in crate::source) fn read_file(
    store: &dyn Store,
    uri: &str,
    generation: Generation,
    period: Option<Period>,
    posting: &mut Posting<'_>,
) -> Result<(), ReadError> {
    let mut notes = Notes::default();
    let target = &mut *posting;
    let mut products = Products::default();
    read_table(store, uri, &mut notes, |header| {
        let columns = CurColumns::find(header, uri, generation)?;
        Ok(move |line: &Line<'_>, notes: &mut Notes| {
            let product = line.value(columns.product_map).text().map(|map| products.get(&map, notes));
            let unsaid = Product::default();
            post(line, &columns, product.as_deref().unwrap_or(&unsaid), period, target, notes)
        })
    })?;
    notes.flush(uri, posting.sink());
    Ok(())
}

fn post(
    line: &Line<'_>,
    columns: &CurColumns,
    product: &Product,
    delivered: Option<Period>,
    posting: &mut Posting<'_>,
    notes: &mut Notes,
) -> Result<(), ReadError> {
    let text = |column: Option<usize>| line.value(column).text();
    let line_type = text(columns.line_item_type);
    let kind = LineType::parse(line_type.as_deref().unwrap_or_default());
    if kind == LineType::Other {
        let word = line_type.as_deref().unwrap_or_default();
        notes.count("unknown-line-type", word, || {
            format!("lines of type `{word}`, which is not known: taken as usage at the billed cost")
        });
    }
    let billing = billing(line, columns, delivered)?;
    let usage = kind.is_priced_usage() || kind == LineType::SavingsPlanNegation;
    let period = charge_period(
        instant(line, columns.usage_start, "lineItem/UsageStartDate")?,
        instant(line, columns.usage_end, "lineItem/UsageEndDate")?,
        billing,
        usage,
        notes,
    );
    let currency = currency(line, columns, notes)?;

    let commitment = Commitment::of(line, columns, kind);
    let product_code = text(columns.product_code);
    let facts = LineFacts {
        kind,
        reservation: text(columns.commitment.reservation_arn).is_some(),
        savings_plan_product: product_code.as_deref().is_some_and(|code| code.ends_with("SavingsPlans")),
    };
    let category = charge_category(facts, text(columns.tax_type).is_some());
    let mut numbers = Numbers { line, names: &columns.names, notes };
    let costs = cur_cost::costs(facts, columns, &mut numbers)?;
    let sold = matches!(category, "Usage" | "Purchase") && kind != LineType::SavingsPlanNegation;
    let amount = |found: Option<model::money::Exact>| found.map(|number| number.amount);
    let quantity = if sold { amount(numbers.number(columns.usage_amount)) } else { None };
    let list_unit_price = if sold { amount(numbers.number(columns.public_on_demand_rate)) } else { None };
    let unit = if quantity.is_some() { text(columns.unit) } else { None };
    let consumed = if kind.is_priced_usage() { quantity } else { None };
    let vcpus = if is_stated(line.value(columns.vcpu)) { numbers.int(columns.vcpu) } else { None };
    let vcpus = vcpus.or_else(|| product.vcpu.as_ref()?.trim().parse().ok());
    let memory = product.memory.as_deref().map_or_else(|| line.value(columns.memory), Value::Text);
    let memory_mib = memory_mib(memory, numbers.notes);

    let key = PeriodKey::month_of(billing.start.date_naive());
    let tag_set_id = tag_set(line, columns, key, posting, numbers.notes)?;
    let usage_type = text(columns.usage_type);
    let charge = Charge {
        source_file: Cow::Borrowed(line.uri),
        source_line: line.number,
        billing_period_start: billing.start,
        billing_period_end: billing.end,
        charge_period_start: period.start,
        charge_period_end: period.end,
        billing_currency: Cow::Borrowed(currency.code()),
        billed_cost: costs.costs.billed.amount,
        effective_cost: costs.costs.effective.amount,
        list_cost: amount(costs.costs.list),
        contracted_cost: amount(costs.costs.contracted),
        list_unit_price,
        contracted_unit_price: list_unit_price,
        charge_category: Cow::Borrowed(category),
        charge_class: (period.end <= billing.start).then_some(Cow::Borrowed("Correction")),
        charge_description: text(columns.description),
        charge_frequency: charge_frequency(kind).map(Cow::Borrowed),
        billing_account_id: text(columns.payer_id),
        billing_account_name: text(columns.payer_name),
        billing_account_type: None,
        sub_account_id: text(columns.account_id),
        sub_account_name: text(columns.account_name),
        sub_account_type: None,
        provider_name: Some(Cow::Borrowed("AWS")),
        publisher_name: text(columns.legal_entity),
        invoice_issuer_name: text(columns.invoicing_entity),
        invoice_id: text(columns.invoice_id),
        service_name: text(columns.product_name)
            .or_else(|| text(columns.service_name))
            .or_else(|| product.name.as_deref().map(Cow::Borrowed))
            .or_else(|| product_code.clone()),
        service_category: product_code.as_deref().map(|code| Cow::Borrowed(service::category(code))),
        service_subcategory: None,
        region_id: text(columns.region)
            .or_else(|| text(columns.region_fallback))
            .or_else(|| product.region.as_deref().map(Cow::Borrowed)),
        region_name: None,
        availability_zone: text(columns.availability_zone),
        resource_id: text(columns.resource_id),
        resource_name: None,
        resource_type: None,
        sku_id: text(columns.sku),
        sku_price_id: text(columns.rate_code),
        sku_meter: usage_type.clone(),
        sku_price_details: None,
        pricing_category: pricing_category(kind, usage_type.as_deref()).map(Cow::Borrowed),
        pricing_quantity: quantity,
        pricing_unit: unit.clone(),
        pricing_currency: text(columns.pricing_currency),
        pricing_currency_contracted_unit_price: None,
        pricing_currency_effective_cost: None,
        pricing_currency_list_unit_price: None,
        consumed_quantity: consumed,
        consumed_unit: consumed.and(unit),
        capacity_reservation_id: None,
        capacity_reservation_status: None,
        commitment_discount_id: commitment.id,
        commitment_discount_name: None,
        commitment_discount_category: commitment.category.map(Cow::Borrowed),
        commitment_discount_type: commitment.kind.map(Cow::Borrowed),
        commitment_discount_status: commitment.status.map(Cow::Borrowed),
        commitment_discount_quantity: None,
        commitment_discount_unit: None,
        tag_set_id: tag_set_id.map(Cow::Owned),
        x_line_item_type: line_type,
        x_product_code: product_code,
        x_usage_type: usage_type,
        x_operation: text(columns.operation),
        x_instance_type: text(columns.instance_type)
            .or_else(|| product.instance_type.as_deref().map(Cow::Borrowed)),
        x_vcpus: vcpus,
        x_memory_mib: memory_mib,
        x_amortized_upfront_cost: amount(costs.amortized_upfront),
        x_columns: None,
    };
    posting.post(&charge, currency, &costs.costs)
}

/// The billing period of a line: its own, else that of its delivery.
fn billing(line: &Line<'_>, columns: &CurColumns, delivered: Option<Period>) -> Result<Period, ReadError> {
    match instant(line, columns.period_start, "bill/BillingPeriodStartDate")? {
        Some(start) => {
            Ok(billing_period(start, instant(line, columns.period_end, "bill/BillingPeriodEndDate")?))
        }
        None => delivered.ok_or_else(|| {
            line.malformed(
                "neither column `bill/BillingPeriodStartDate` nor a manifest says which month is billed",
                Some("read the report with its manifest, or with all columns of bill/"),
            )
        }),
    }
}

fn instant(
    line: &Line<'_>,
    column: Option<usize>,
    name: &str,
) -> Result<Option<model::time::Instant>, ReadError> {
    line.value(column).instant().map_err(|Unreadable(text)| {
        let hint = "times are written as 2025-02-01T00:00:00Z";
        line.malformed(format!("`{text}` in column `{name}` is no time of a bill"), Some(hint))
    })
}

fn currency(line: &Line<'_>, columns: &CurColumns, notes: &mut Notes) -> Result<Currency, ReadError> {
    match line.value(columns.currency).text() {
        Some(code) => code.parse().map_err(|fault: String| line.malformed(fault, None)),
        None => {
            notes.count("no-currency", "", || "lines that name no currency: taken as USD".to_owned());
            Ok(Currency::USD)
        }
    }
}

/// FOCUS has no category of refunds: one has that of what it refunds.
fn charge_category(facts: LineFacts, taxed: bool) -> &'static str {
    match facts.kind {
        LineType::Usage
        | LineType::DiscountedUsage
        | LineType::SavingsPlanCoveredUsage
        | LineType::SavingsPlanNegation
        | LineType::Other => "Usage",
        LineType::ReservationFee
        | LineType::Fee
        | LineType::SavingsPlanRecurringFee
        | LineType::SavingsPlanUpfrontFee => "Purchase",
        LineType::Refund if taxed => "Tax",
        LineType::Refund if facts.reservation || facts.savings_plan_product => "Purchase",
        LineType::Refund => "Usage",
        LineType::Tax => "Tax",
        LineType::Credit => "Credit",
        LineType::Discount => "Adjustment",
    }
}

fn charge_frequency(kind: LineType) -> Option<&'static str> {
    match kind {
        LineType::ReservationFee | LineType::SavingsPlanRecurringFee => Some("Recurring"),
        LineType::Fee | LineType::SavingsPlanUpfrontFee => Some("One-Time"),
        LineType::Tax | LineType::Credit | LineType::Refund | LineType::Discount => None,
        _ => Some("Usage-Based"),
    }
}

fn pricing_category(kind: LineType, usage_type: Option<&str>) -> Option<&'static str> {
    match kind {
        LineType::DiscountedUsage | LineType::SavingsPlanCoveredUsage => Some("Committed"),
        LineType::Usage if usage_type.is_some_and(|usage| usage.contains("SpotUsage")) => Some("Dynamic"),
        LineType::Usage => Some("Standard"),
        _ => None,
    }
}

/// The FOCUS columns of the commitment a line belongs to.
struct Commitment<'l> {
    id: Option<Cow<'l, str>>,
    category: Option<&'static str>,
    kind: Option<&'static str>,
    status: Option<&'static str>,
}

impl<'l> Commitment<'l> {
    fn of(line: &'l Line<'_>, columns: &CurColumns, kind: LineType) -> Self {
        let arn = |column| line.value(column).text();
        let (id, category, named) = match arn(columns.commitment.savings_plan_arn) {
            Some(id) => (Some(id), "Spend", "Savings Plan"),
            None => (arn(columns.commitment.reservation_arn), "Usage", "Reservation"),
        };
        let covered = matches!(kind, LineType::DiscountedUsage | LineType::SavingsPlanCoveredUsage);
        Self {
            category: id.is_some().then_some(category),
            kind: id.is_some().then_some(named),
            status: (id.is_some() && covered).then_some("Used"),
            id,
        }
    }
}

/// Whether a product attribute says anything: AWS writes `NA` where it does not apply.
fn is_stated(value: Value<'_>) -> bool {
    value.text().is_some_and(|text| !text.trim().eq_ignore_ascii_case("NA"))
}

/// Reads `16 GiB`, `1,952 GiB` and `512 MiB`, to the nearest MiB.
fn memory_mib(value: Value<'_>, notes: &mut Notes) -> Option<i64> {
    let text = value.text()?;
    let mib = parse_memory(text.trim());
    if mib.is_none() && is_stated(value) {
        notes.count("unparsable-number", "product/memory", || {
            let shown: String = text.chars().take(40).collect();
            format!(
                "column `product/memory` holds texts such as `{shown}` where a size should be: read as empty"
            )
        });
    }
    mib
}

fn parse_memory(text: &str) -> Option<i64> {
    let (number, unit) = text.split_once(' ')?;
    let mib = match unit.to_ascii_lowercase().as_str() {
        "mib" => 1.0,
        "gib" => 1024.0,
        "tib" => 1024.0 * 1024.0,
        _ => return None,
    };
    let size = number.replace(',', "").parse::<f64>().ok()? * mib;
    // Far beyond any machine, and far below where a double stops counting in ones.
    (0.0..1e12).contains(&size).then(|| size.round() as i64)
}

fn tag_set(
    line: &Line<'_>,
    columns: &CurColumns,
    period: PeriodKey,
    posting: &mut Posting<'_>,
    notes: &mut Notes,
) -> Result<Option<String>, ReadError> {
    if let Some(written) = line.value(columns.tag_map).text() {
        return Ok(posting.tag_set(period, &written, || parse_tags(&written, notes))?);
    }
    let mut written = String::new();
    for (column, key) in &columns.tags {
        if let Some(value) = line.value(Some(*column)).text() {
            for part in [key, "\u{1f}", &value, "\u{1e}"] {
                written.push_str(part);
            }
        }
    }
    if written.is_empty() {
        return Ok(None);
    }
    let read = || {
        TagSet::new(columns.tags.iter().filter_map(|(column, key)| {
            let value = line.value(Some(*column)).text()?;
            Some(Tag::new(key, &value))
        }))
    };
    Ok(posting.tag_set(period, &written, read)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_in_mib() {
        for (text, want) in [
            ("16 GiB", Some(16_384)),
            ("1,952 GiB", Some(1_998_848)),
            ("0.5 GiB", Some(512)),
            ("0.613 GiB", Some(628)),
            ("512 MiB", Some(512)),
            ("NA", None),
            ("16", None),
            ("-1 GiB", None),
            ("1e300 GiB", None),
            ("NaN GiB", None),
            ("<script> GiB", None),
        ] {
            assert_eq!(parse_memory(text), want, "{text}");
        }
    }
}
