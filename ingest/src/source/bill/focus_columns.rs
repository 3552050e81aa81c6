//! Where the columns of a FOCUS export are in one file (versions 1.0 to 1.2,
//! <https://focus.finops.org/focus-specification/v1-2/>). Columns an export lacks, or has
//! under a later version only, are null.

use super::malformed;
use super::table::Header;
use crate::source::ReadError;

/// Positions of the columns that are read.
pub(super) struct FocusColumns {
    /// Every name in the file, for messages.
    pub names: Vec<String>,
    pub billed_cost: Option<usize>,
    pub effective_cost: Option<usize>,
    pub list_cost: Option<usize>,
    pub contracted_cost: Option<usize>,
    pub list_unit_price: Option<usize>,
    pub contracted_unit_price: Option<usize>,
    pub billing_period_start: Option<usize>,
    pub billing_period_end: Option<usize>,
    pub charge_period_start: Option<usize>,
    pub charge_period_end: Option<usize>,
    pub billing_currency: Option<usize>,
    pub charge_category: Option<usize>,
    pub charge_class: Option<usize>,
    pub charge_description: Option<usize>,
    pub charge_frequency: Option<usize>,
    pub billing_account_id: Option<usize>,
    pub billing_account_name: Option<usize>,
    pub billing_account_type: Option<usize>,
    pub sub_account_id: Option<usize>,
    pub sub_account_name: Option<usize>,
    pub sub_account_type: Option<usize>,
    pub provider_name: Option<usize>,
    pub publisher_name: Option<usize>,
    pub invoice_issuer_name: Option<usize>,
    pub invoice_id: Option<usize>,
    pub service_name: Option<usize>,
    pub service_category: Option<usize>,
    pub service_subcategory: Option<usize>,
    pub region_id: Option<usize>,
    pub region_name: Option<usize>,
    pub availability_zone: Option<usize>,
    pub resource_id: Option<usize>,
    pub resource_name: Option<usize>,
    pub resource_type: Option<usize>,
    pub sku_id: Option<usize>,
    pub sku_price_id: Option<usize>,
    pub sku_meter: Option<usize>,
    pub sku_price_details: Option<usize>,
    pub pricing_category: Option<usize>,
    pub pricing_quantity: Option<usize>,
    pub pricing_unit: Option<usize>,
    pub pricing_currency: Option<usize>,
    pub pricing_currency_contracted_unit_price: Option<usize>,
    pub pricing_currency_effective_cost: Option<usize>,
    pub pricing_currency_list_unit_price: Option<usize>,
    pub consumed_quantity: Option<usize>,
    pub consumed_unit: Option<usize>,
    pub capacity_reservation_id: Option<usize>,
    pub capacity_reservation_status: Option<usize>,
    pub commitment_discount_id: Option<usize>,
    pub commitment_discount_name: Option<usize>,
    pub commitment_discount_category: Option<usize>,
    pub commitment_discount_type: Option<usize>,
    pub commitment_discount_status: Option<usize>,
    pub commitment_discount_quantity: Option<usize>,
    pub commitment_discount_unit: Option<usize>,
    pub tags: Option<usize>,
    /// AWS's `x_ServiceCode`, `x_Operation` and `x_UsageType`: what a CUR calls product
    /// code, operation and usage type.
    pub x_service_code: Option<usize>,
    pub x_operation: Option<usize>,
    pub x_usage_type: Option<usize>,
    /// Every column of the exporter's own: position, and name as a JSON text.
    pub x_columns: Vec<(usize, String)>,
}

impl FocusColumns {
    /// Finds the columns.
    ///
    /// # Errors
    /// When the file is no FOCUS export: it lacks what every one has.
    pub fn find(header: &mut Header, uri: &str) -> Result<Self, ReadError> {
        header.treat_as_null("NULL");
        for name in ["BilledCost", "BillingPeriodStart", "ChargePeriodStart", "BillingCurrency"] {
            if !header.has(name) {
                let fault =
                    format!("it has no column `{name}`, so it is no FOCUS export, but {}", header.sample());
                return Err(malformed(uri, fault, Some(looks_like(header))));
            }
        }
        let mut find = |name: &str| header.find(&[name]);
        Ok(Self {
            billed_cost: find("BilledCost"),
            effective_cost: find("EffectiveCost"),
            list_cost: find("ListCost"),
            contracted_cost: find("ContractedCost"),
            list_unit_price: find("ListUnitPrice"),
            contracted_unit_price: find("ContractedUnitPrice"),
            billing_period_start: find("BillingPeriodStart"),
            billing_period_end: find("BillingPeriodEnd"),
            charge_period_start: find("ChargePeriodStart"),
            charge_period_end: find("ChargePeriodEnd"),
            billing_currency: find("BillingCurrency"),
            charge_category: find("ChargeCategory"),
            charge_class: find("ChargeClass"),
            charge_description: find("ChargeDescription"),
            charge_frequency: find("ChargeFrequency"),
            billing_account_id: find("BillingAccountId"),
            billing_account_name: find("BillingAccountName"),
            billing_account_type: find("BillingAccountType"),
            sub_account_id: find("SubAccountId"),
            sub_account_name: find("SubAccountName"),
            sub_account_type: find("SubAccountType"),
            provider_name: find("ProviderName"),
            publisher_name: find("PublisherName"),
            invoice_issuer_name: find("InvoiceIssuerName"),
            invoice_id: find("InvoiceId"),
            service_name: find("ServiceName"),
            service_category: find("ServiceCategory"),
            service_subcategory: find("ServiceSubcategory"),
            region_id: find("RegionId"),
            region_name: find("RegionName"),
            availability_zone: find("AvailabilityZone"),
            resource_id: find("ResourceId"),
            resource_name: find("ResourceName"),
            resource_type: find("ResourceType"),
            sku_id: find("SkuId"),
            sku_price_id: find("SkuPriceId"),
            sku_meter: find("SkuMeter"),
            sku_price_details: find("SkuPriceDetails"),
            pricing_category: find("PricingCategory"),
            pricing_quantity: find("PricingQuantity"),
            pricing_unit: find("PricingUnit"),
            pricing_currency: find("PricingCurrency"),
            pricing_currency_contracted_unit_price: find("PricingCurrencyContractedUnitPrice"),
            pricing_currency_effective_cost: find("PricingCurrencyEffectiveCost"),
            pricing_currency_list_unit_price: find("PricingCurrencyListUnitPrice"),
            consumed_quantity: find("ConsumedQuantity"),
            consumed_unit: find("ConsumedUnit"),
            capacity_reservation_id: find("CapacityReservationId"),
            capacity_reservation_status: find("CapacityReservationStatus"),
            commitment_discount_id: find("CommitmentDiscountId"),
            commitment_discount_name: find("CommitmentDiscountName"),
            commitment_discount_category: find("CommitmentDiscountCategory"),
            commitment_discount_type: find("CommitmentDiscountType"),
            commitment_discount_status: find("CommitmentDiscountStatus"),
            commitment_discount_quantity: find("CommitmentDiscountQuantity"),
            commitment_discount_unit: find("CommitmentDiscountUnit"),
            tags: find("Tags"),
            x_service_code: find("x_ServiceCode"),
            x_operation: find("x_Operation"),
            x_usage_type: find("x_UsageType"),
            x_columns: own_columns(header),
            names: header.names().to_vec(),
        })
    }
}

/// Exports that people take for FOCUS, by columns no other has.
fn looks_like(header: &Header) -> &'static str {
    if header.has("lineItem/UnblendedCost") {
        "this looks like an AWS Cost and Usage Report: set kind = \"aws-cur\""
    } else if header.has("MeterCategory") || header.has("CostInBillingCurrency") {
        "this looks like an Azure export of actual or amortized cost: \
         create an export of the type \"Cost and usage details (FOCUS)\" instead"
    } else if header.has("BillingPeriodStart") || header.has("ChargePeriodStart") {
        "it has some columns of FOCUS: export all mandatory ones"
    } else {
        "kind \"focus\" reads FOCUS 1.0 to 1.2 as CSV or Parquet"
    }
}

fn own_columns(header: &mut Header) -> Vec<(usize, String)> {
    let own: Vec<(usize, String)> = header
        .names()
        .iter()
        .enumerate()
        .filter(|(_, name)| name.starts_with("x_") || name.starts_with("X_"))
        .map(|(index, name)| (index, json_text(name)))
        .collect();
    for (index, _) in &own {
        header.want(*index);
    }
    own
}

/// A text as JSON.
pub(super) fn json_text(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
